//! ComparePractices over a small world worked out by hand.

use api::Explained;
use database::testing::TestStore;
use proto::statistics::v1 as wire;

use crate::registry::{observed, practice};
use crate::world::{Process, World, moment, view};

/// A81001 is live from 1 March, A81002 from the 3rd, B81001 and B81002 never; everybody's views by day. Now is the 10th.
async fn small_world(world: &World) -> Process {
    let process = world.start().await;
    let known = moment("2031-02-01T10:00:00Z");
    let [a1, a2, b1, b2] = [("A81001", 1_000), ("A81002", 2_000), ("B81001", 4_000), ("B81002", 8_000)]
        .map(|(code, patients)| practice(code, "QHM", "EMIS", patients, known));
    world.registry.tell([a1.clone(), a2.clone(), b1, b2]);
    world.registry.tell([observed(a1, true, moment("2031-03-01T09:00:00Z"))]);
    let position = world.registry.tell([observed(a2, true, moment("2031-03-03T09:00:00Z"))]);
    process.summary(wire::GetSummaryRequest { min_position: position, ..Default::default() }).await;
    let (mut producer, _) = process.produce("gateway", 1).await;
    let mut events = Vec::new();
    let mut on = |practice, day: &str, people: std::ops::Range<u64>| {
        events.extend(people.map(|person| view(practice, &format!("2031-{day}T12:00:00Z"), person)));
    };
    on("A81001", "02-27", 0..1);
    on("A81001", "02-28", 0..2);
    on("A81001", "03-01", 0..5);
    on("A81001", "03-02", 2..8);
    on("A81002", "03-02", 100..101);
    on("A81002", "03-03", 100..107);
    on("A81002", "03-04", 100..104);
    on("B81001", "02-28", 200..210);
    on("B81001", "03-01", 200..211);
    on("B81001", "03-03", 200..214);
    on("B81002", "03-02", 300..301);
    let last = events.len() as u64;
    assert_eq!(producer.record(1, events).await.unwrap(), last);
    process
}

fn compare(measure: wire::Measure, first_date: &str) -> wire::ComparePracticesRequest {
    wire::ComparePracticesRequest {
        measure: measure.into(),
        practices: Some(wire::PracticeSet {
            name: "programmes/spring/waves/1".to_owned(),
            practices: ["A81001", "A81002", "Z99999"].map(|code| format!("practices/{code}")).to_vec(),
        }),
        days: 2,
        first_date: first_date.to_owned(),
        ..Default::default()
    }
}

async fn ask(process: &Process, request: wire::ComparePracticesRequest) -> wire::ComparePracticesResponse {
    process.statistics().compare_practices(request).await.unwrap().into_inner()
}

/// Day by day, before, after; −1 where it is not known.
fn values(side: &Option<wire::ComparedPractices>) -> (Vec<i64>, i64, i64) {
    let side = side.as_ref().unwrap();
    let value = |value: &Option<wire::ComparedValue>| value.as_ref().map_or(-1, |value| value.value);
    (side.days.iter().map(|day| value(&day.value)).collect(), value(&side.before), value(&side.after))
}

#[tokio::test]
async fn views_before_and_after_a_waves_date_stand_beside_those_of_the_others() {
    for world in World::each().await {
        let process = small_world(&world).await;
        for written in [false, true] {
            if written {
                world.pass_checkpoint().await;
            }
            let reply = ask(&process, compare(wire::Measure::RecordViews, "2031-03-01")).await;
            assert_eq!(values(&reply.chosen), (vec![1, 2, 5, 7], 3, 12));
            assert_eq!(values(&reply.others), (vec![0, 10, 11, 1], 10, 12));
            let sides = [&reply.chosen, &reply.others].map(|side| side.as_ref().unwrap());
            assert_eq!(sides.map(|side| (side.practices_count, side.patients_registered)), [(2, 3_000), (2, 12_000)]);
            assert_eq!((reply.days_before, reply.days_after, reply.practices_left_out), (2, 2, 1));
            assert_eq!(
                (reply.first_date_earliest.as_str(), reply.first_date_latest.as_str()),
                ("2031-03-01", "2031-03-01")
            );
            assert_eq!(reply.definition.unwrap().name, "definitions/record-views");
            assert_eq!(reply.set.unwrap().practices_count, 3);
            let days: Vec<i32> = sides[0].days.iter().map(|day| day.day).collect();
            assert_eq!(days, [-2, -1, 0, 1]);
        }
        process.stop().await;
    }
}

#[tokio::test]
async fn each_practice_is_looked_at_from_its_own_day() {
    for world in World::each().await {
        let process = small_world(&world).await;
        let reply = ask(&process, compare(wire::Measure::RecordViews, "")).await;
        // A81001 from the 1st, A81002 from the 3rd.
        assert_eq!(values(&reply.chosen), (vec![1, 2 + 1, 5 + 7, 6 + 4], 4, 22));
        // The others on the days of both, halved: 27 February and 1 March, 28 and 2, 1 and 3, 2 and 4.
        assert_eq!(values(&reply.others), (vec![6, 6, 13, 1], 12, 14));
        assert_eq!(
            (reply.first_date_earliest.as_str(), reply.first_date_latest.as_str()),
            ("2031-03-01", "2031-03-03")
        );
        let live = ask(&process, compare(wire::Measure::PracticesLive, "")).await;
        assert_eq!(values(&live.chosen), (vec![0, 0, 2, 2], 0, 2));
        assert_eq!(values(&live.others), (vec![0, 0, 0, 0], 0, 0));
        process.stop().await;
    }
}

#[tokio::test]
async fn people_are_counted_once_while_they_are_kept_by_the_day() {
    for world in World::each().await {
        let process = small_world(&world).await;
        let reply = ask(&process, compare(wire::Measure::Viewers, "2031-03-01")).await;
        assert_eq!(values(&reply.chosen), (vec![1, 2, 5, 7], 2, 9));
        assert_eq!(values(&reply.others), (vec![0, 10, 11, 1], 10, 12));
        let own = ask(&process, compare(wire::Measure::Viewers, "")).await;
        assert_eq!(values(&own.chosen), (vec![1, 3, 12, 10], 3, 8 + 7));
        assert_eq!(values(&own.others), (vec![], -1, -1), "they are those of no set of days");
        world.clock.set(moment("2031-05-20T09:00:00Z"));
        let refused = process.statistics().compare_practices(compare(wire::Measure::Viewers, "2031-03-01")).await;
        assert_eq!(Explained::from(&refused.unwrap_err()).reason, "VIEWERS_BY_MONTH_ONLY");
        process.stop().await;
    }
}

#[tokio::test]
async fn days_that_are_not_over_are_not_compared() {
    let world = World::on(TestStore::sqlite());
    let process = small_world(&world).await;
    let reply = ask(&process, compare(wire::Measure::RecordViews, "2031-03-09")).await;
    assert_eq!((reply.days_before, reply.days_after, values(&reply.chosen).0.len()), (2, 1, 3));
    let today = ask(&process, compare(wire::Measure::RecordViews, "2031-03-10")).await;
    assert_eq!((today.days_after, values(&today.chosen)), (0, (vec![0, 0], 0, -1)));
    process.stop().await;
}

#[tokio::test]
async fn comparisons_that_make_no_sense_are_refused() {
    let world = World::on(TestStore::sqlite());
    let process = small_world(&world).await;
    let good = compare(wire::Measure::RecordViews, "");
    let nobody = wire::PracticeSet { name: String::new(), practices: vec!["practices/B81001".to_owned()] };
    for (wrong, reason) in [
        (wire::ComparePracticesRequest { measure: 0, ..good.clone() }, "FIELD_REQUIRED"),
        (wire::ComparePracticesRequest { practices: None, ..good.clone() }, "FIELD_REQUIRED"),
        (wire::ComparePracticesRequest { practices: Some(nobody), ..good.clone() }, "NOTHING_TO_COMPARE"),
        (wire::ComparePracticesRequest { area: "icbs/QWE".to_owned(), ..good.clone() }, "NOTHING_TO_COMPARE"),
        (wire::ComparePracticesRequest { days: 367, ..good.clone() }, "DAYS_OUT_OF_RANGE"),
        (wire::ComparePracticesRequest { first_date: "2031-03-11".to_owned(), ..good.clone() }, "DATE_IN_FUTURE"),
        (wire::ComparePracticesRequest { first_date: "March".to_owned(), ..good }, "DATE_INVALID"),
    ] {
        let refused = process.statistics().compare_practices(wrong).await.unwrap_err();
        assert_eq!(Explained::from(&refused).reason, reason);
    }
    process.stop().await;
}

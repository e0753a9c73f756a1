//! QuerySeries by the hour, against a naive program that knows each event: on the days on which London's clocks change, for as
//! long as hours are kept, and not beyond.

use std::collections::BTreeMap;

use api::Explained;
use database::testing::TestStore;
use jiff::{SignedDuration, Timestamp};
use proto::statistics::v1 as wire;
use tonic::Status;

use crate::registry::{observed, practice};
use crate::world::{Process, START, World, moment, view};

/// A view as the naive program remembers it.
struct Seen {
    practice: &'static str,
    at: Timestamp,
    channel: &'static str,
}

const PRACTICES: [&str; 3] = ["A81001", "A81002", "B81001"];

fn icb(practice: &str) -> &'static str {
    if practice.starts_with('A') { "QHM" } else { "QWE" }
}

/// A view at each practice every 17 minutes of the two days from a moment on, by one app or the other.
fn history(from: Timestamp) -> Vec<Seen> {
    let mut seen = Vec::new();
    for number in 0..48 * 60 / 17 {
        let at = from + SignedDuration::from_mins(17 * number);
        let apps = ["nhs-app", "other-app"];
        let channel = |practice: usize| apps[(number as usize + practice) % apps.len()];
        seen.extend((0..3).map(|index| Seen { practice: PRACTICES[index], at, channel: channel(index) }));
    }
    seen
}

fn event(seen: &Seen) -> wire::AccessEvent {
    wire::AccessEvent { channel: seen.channel.to_owned(), ..view(seen.practice, &seen.at.to_string(), 1) }
}

fn by(kind: wire::AreaKind, start_date: &str, end_date: &str) -> wire::QuerySeriesRequest {
    wire::QuerySeriesRequest {
        measure: wire::Measure::RecordViews.into(),
        group_by: kind.into(),
        interval: wire::Interval::Hour.into(),
        period: Some(wire::Period { start_date: start_date.to_owned(), end_date: end_date.to_owned() }),
        ..Default::default()
    }
}

type Values = BTreeMap<String, Vec<(String, i64)>>;

/// By what a series is of and its channel: the first moment of each point, and its value.
async fn ask(process: &Process, request: wire::QuerySeriesRequest) -> Result<Values, Status> {
    let reply = process.statistics().query_series(request).await?.into_inner();
    let named = |series: wire::Series| {
        let name = format!("{}{} {}", series.area, series.set, series.channel).trim_end().to_owned();
        let points = series.points.into_iter().map(|point| {
            assert_eq!(point.start_date, point.end_date, "an hour lies in one day");
            let start = api::time::required_moment("start_time", point.start_time.as_ref()).unwrap();
            (start.to_string(), point.value)
        });
        (name, points.collect())
    };
    Ok(reply.series.into_iter().map(named).collect())
}

/// What the naive program counts in these hours: `name` says of which series a view is, if of any.
fn count(seen: &[Seen], hours: &[Timestamp], name: impl Fn(&Seen) -> Option<String>) -> Values {
    let mut found: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for one in seen {
        let place = hours.iter().position(|hour| *hour <= one.at && one.at < *hour + SignedDuration::from_hours(1));
        if let Some((place, name)) = place.zip(name(one)) {
            found.entry(name).or_insert_with(|| vec![0; hours.len()])[place] += 1;
        }
    }
    let labelled = |counts: Vec<i64>| hours.iter().map(Timestamp::to_string).zip(counts).collect();
    found.into_iter().map(|(name, counts)| (name, labelled(counts))).collect()
}

async fn world_of(world: &World, seen: &[Seen]) -> Process {
    let process = world.start().await;
    let at = moment("2031-02-01T10:00:00Z");
    let position = world.registry.tell(PRACTICES.map(|code| practice(code, icb(code), "EMIS", 1_000, at)));
    process.summary(wire::GetSummaryRequest { min_position: position, ..Default::default() }).await;
    let (early, late) = seen.split_at(seen.len() / 2);
    let (mut producer, _) = process.produce("gateway", 1).await;
    producer.record(1, early.iter().map(event).collect()).await.unwrap();
    world.pass_checkpoint().await;
    producer.record(early.len() as u64 + 1, late.iter().map(event).collect()).await.unwrap();
    process
}

#[tokio::test]
async fn views_by_the_hour_are_a_naive_programs_also_where_a_day_has_23_or_25_hours() {
    for (day, first_hour, hours) in
        [("2031-03-30", "2031-03-30T00:00:00Z", 23), ("2031-10-26", "2031-10-25T23:00:00Z", 25)]
    {
        for world in World::each().await {
            let first = moment(first_hour);
            world.clock.set(first + SignedDuration::from_hours(50));
            // From the day before to the day after.
            let seen = history(first - SignedDuration::from_hours(10));
            let process = world_of(&world, &seen).await;
            let hours: Vec<Timestamp> = (0..hours).map(|number| first + SignedDuration::from_hours(number)).collect();
            for written in [false, true] {
                if written {
                    world.pass_checkpoint().await;
                }
                let practices = by(wire::AreaKind::Practice, day, day);
                let expected = count(&seen, &hours, |one| Some(format!("practices/{}", one.practice)));
                assert_eq!(ask(&process, practices).await.unwrap(), expected, "{day} {written}");

                let icbs = wire::QuerySeriesRequest {
                    split_by: wire::SplitBy::Channel.into(),
                    ..by(wire::AreaKind::Icb, day, day)
                };
                let expected = count(&seen, &hours, |one| Some(format!("icbs/{} {}", icb(one.practice), one.channel)));
                assert_eq!(ask(&process, icbs).await.unwrap(), expected, "{day} {written}");

                let members = vec!["practices/A81001".to_owned(), "practices/B81001".to_owned()];
                let wave = wire::PracticeSet { name: "wave 1".to_owned(), practices: members.clone() };
                let sets = wire::QuerySeriesRequest { sets: vec![wave], ..by(wire::AreaKind::Unspecified, day, day) };
                let is_member = |one: &Seen| members.contains(&format!("practices/{}", one.practice));
                let expected = count(&seen, &hours, |one| is_member(one).then(|| "wave 1".to_owned()));
                assert_eq!(ask(&process, sets).await.unwrap(), expected, "{day} {written}");
            }
            process.stop().await;
        }
    }
}

#[tokio::test]
async fn practices_are_live_from_the_hour_in_which_they_were_seen_to_be() {
    for world in World::each().await {
        let process = world.start().await;
        world.clock.set(moment("2031-03-10T12:30:00Z"));
        let place = practice("A81001", "QHM", "EMIS", 1_000, moment("2031-02-01T10:00:00Z"));
        let position = world.registry.tell([observed(place, true, moment("2031-03-10T10:20:00Z"))]);
        let request = wire::QuerySeriesRequest {
            measure: wire::Measure::PracticesLive.into(),
            min_position: position,
            ..by(wire::AreaKind::England, "2031-03-10", "2031-03-10")
        };
        let live = ask(&process, request).await.unwrap();
        let values: Vec<i64> = live["england"].iter().map(|(_, value)| *value).collect();
        assert_eq!(values, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1], "what has not begun has no value");
        process.stop().await;
    }
}

#[tokio::test]
async fn hours_that_are_not_kept_are_said_to_be_gone_and_never_none() {
    for mut world in World::each().await {
        world.config.hourly_count_days = 1;
        let process = world.start().await;
        let at = world.registry.tell([practice("A81001", "QHM", "EMIS", 1_000, moment("2031-03-01T10:00:00Z"))]);
        process.summary(wire::GetSummaryRequest { min_position: at, ..Default::default() }).await;
        let (mut producer, _) = process.produce("gateway", 1).await;
        let views = vec![view("A81001", "2031-03-09T12:00:00Z", 1), view("A81001", START, 1)];
        assert_eq!(producer.record(1, views).await.unwrap(), 2);
        world.pass_checkpoint().await;
        let gone = |result: Result<Values, Status>| {
            let refused = Explained::from(&result.unwrap_err());
            (refused.reason.clone(), refused.metadata["hours_from"].clone())
        };
        let both_days = by(wire::AreaKind::England, "2031-03-09", "2031-03-10");
        let expected = ("HOURS_BY_DAY_ONLY".to_owned(), "2031-03-10".to_owned());
        assert_eq!(gone(ask(&process, both_days.clone()).await), expected);
        process.stop().await;

        // Whoever wants to keep them longer has those that come from then on.
        world.config.hourly_count_days = 45;
        let process = world.start().await;
        assert_eq!(gone(ask(&process, both_days).await), expected);
        let today = ask(&process, by(wire::AreaKind::England, "2031-03-10", "2031-03-10")).await.unwrap();
        assert_eq!(today["england"].iter().map(|(_, value)| value).sum::<i64>(), 1);
        // A day on which nothing happened has no hour that went.
        let quiet = ask(&process, by(wire::AreaKind::England, "2031-03-05", "2031-03-08")).await.unwrap();
        assert_eq!(quiet["england"].iter().map(|(_, value)| value).sum::<i64>(), 0);
        process.stop().await;
    }
}

#[tokio::test]
async fn what_hours_cannot_tell_is_refused_with_the_field() {
    let world = World::on(TestStore::sqlite());
    let process = world.start().await;
    let day = |number: u32| format!("2031-03-{number:02}");
    let yesterday = Some(api::time::to_wire(moment("2031-03-09T23:59:59Z")));
    let base = by(wire::AreaKind::England, &day(10), &day(10));
    let viewers = wire::QuerySeriesRequest { measure: wire::Measure::Viewers.into(), ..base.clone() };
    let known_before = wire::QuerySeriesRequest { known_at: yesterday, ..base.clone() };
    for (request, reason, field) in [
        (viewers, "INTERVAL_NOT_FOR_MEASURE", "interval"),
        (by(wire::AreaKind::England, &day(3), &day(10)), "PERIOD_TOO_LONG", "period"),
        (known_before.clone(), "HOURS_KNOWN_TODAY_ONLY", "known_at"),
    ] {
        let refused = Explained::from(&ask(&process, request).await.unwrap_err());
        assert_eq!((refused.reason.as_str(), refused.metadata["field"].as_str()), (reason, field));
    }
    ask(&process, by(wire::AreaKind::England, &day(4), &day(10))).await.expect("a week can be told");
    let live = wire::QuerySeriesRequest { measure: wire::Measure::PracticesLive.into(), ..known_before };
    ask(&process, live).await.expect("of stocks it is kept since when they are known");
    process.stop().await;
}

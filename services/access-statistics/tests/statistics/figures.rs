//! GetSummary and QuerySeries over a small world worked out by hand.

use api::Explained;
use database::testing::TestStore;
use proto::statistics::v1 as wire;

use crate::registry::{observed, practice};
use crate::world::{Process, World, moment, value, view};

/// Makes a question wrong.
type Spoil = fn(&mut wire::QuerySeriesRequest);

/// Four practices. QHM: A81001 (EMIS, 1,000 patients, live from the 5th), A81002 (TPP, 2,000, live from the 8th).
/// QWE: B81001 (TPP, 4,000, live on the 6th and off again on the 9th), B81002 (EMIS, 8,000, never). Returns of the 7th
/// and views on some days. Now is the 10th, 09:00.
pub(crate) async fn small_world(world: &World) -> Process {
    let process = world.start().await;
    let known = moment("2031-03-01T10:00:00Z");
    let [a1, a2, b1, b2] = [
        practice("A81001", "QHM", "EMIS", 1_000, known),
        practice("A81002", "QHM", "TPP", 2_000, known),
        practice("B81001", "QWE", "TPP", 4_000, known),
        practice("B81002", "QWE", "EMIS", 8_000, known),
    ];
    let registry = &world.registry;
    registry.tell([a1.clone(), a2.clone(), b1.clone(), b2]);
    registry.tell([observed(a1, true, moment("2031-03-05T08:00:00Z"))]);
    registry.tell([observed(b1.clone(), true, moment("2031-03-06T08:00:00Z"))]);
    registry.tell([observed(a2, true, moment("2031-03-08T08:00:00Z"))]);
    let position = registry.tell([observed(b1, false, moment("2031-03-09T08:00:00Z"))]);
    assert_eq!(position, 5);

    for (supplier, practice, accounts) in [("EMIS", "A81001", 400), ("TPP", "A81002", 900), ("TPP", "B81001", 1_500)] {
        let request = wire::SubmitReturnsRequest {
            supplier: format!("suppliers/{supplier}"),
            period_start_date: "2031-03-01".to_owned(),
            period_end_date: "2031-03-07".to_owned(),
            returns: vec![wire::PracticeReturn {
                practice: format!("practices/{practice}"),
                accounts_with_access: accounts,
                ..Default::default()
            }],
            request_id: format!("return-{practice}"),
            ..Default::default()
        };
        process.ingest().submit_returns(request).await.unwrap();
    }
    // The registry is followed before the events come, so that they fall into their areas.
    process.summary(wire::GetSummaryRequest { min_position: position, ..Default::default() }).await;

    let (mut producer, _) = process.produce("gateway", 1).await;
    let events = vec![
        view("A81001", "2031-03-05T12:00:00Z", 1),
        view("A81001", "2031-03-05T23:30:00Z", 2),
        view("A81001", "2031-03-08T12:00:00Z", 1),
        view("A81002", "2031-03-08T13:00:00Z", 3),
        view("B81001", "2031-03-08T14:00:00Z", 4),
        view("B81001", "2031-03-08T15:00:00Z", 4),
        // The same person, registered elsewhere by then, is one person in England.
        view("A81002", "2031-03-10T08:00:00Z", 4),
        // Long ago: outside the thirty days.
        view("A81001", "2031-01-20T12:00:00Z", 9),
    ];
    let last = events.len() as u64;
    assert_eq!(producer.record(1, events).await.unwrap(), last);
    process
}

/// Live, total, registered, with access, views, viewers.
async fn figures(process: &Process, request: wire::GetSummaryRequest) -> [i64; 6] {
    let summary = process.summary(request).await;
    [
        value(&summary.practices_live),
        value(&summary.practices_total),
        value(&summary.patients_registered),
        value(&summary.patients_with_access),
        value(&summary.record_views),
        summary.viewers.unwrap().value,
    ]
}

fn of_area(area: &str) -> wire::GetSummaryRequest {
    wire::GetSummaryRequest { area: area.to_owned(), ..Default::default() }
}

fn as_at(at: &str) -> wire::GetSummaryRequest {
    wire::GetSummaryRequest { as_at: Some(api::time::to_wire(moment(at))), ..Default::default() }
}

#[tokio::test]
async fn the_figures_of_a_small_world_are_those_worked_out_by_hand() {
    for world in World::each().await {
        let process = small_world(&world).await;
        for written in [false, true] {
            if written {
                world.pass_checkpoint().await;
            }
            assert_eq!(figures(&process, of_area("")).await, [2, 4, 15_000, 1_300, 7, 4]);
            assert_eq!(figures(&process, of_area("england")).await, [2, 4, 15_000, 1_300, 7, 4]);
            assert_eq!(figures(&process, of_area("icbs/QHM")).await, [2, 2, 3_000, 1_300, 5, 4]);
            assert_eq!(figures(&process, of_area("icbs/QWE")).await, [0, 2, 12_000, 0, 2, 1]);
            assert_eq!(figures(&process, of_area("regions/Y63")).await, [2, 2, 3_000, 1_300, 5, 4]);
            assert_eq!(figures(&process, of_area("suppliers/TPP")).await, [1, 2, 6_000, 900, 4, 2]);
            assert_eq!(figures(&process, of_area("practices/A81001")).await, [1, 1, 1_000, 400, 3, 2]);
            assert_eq!(figures(&process, of_area("practices/Z99999")).await, [0; 6]);
        }
        process.stop().await;
        // And so they are after a restart.
        let process = world.start().await;
        assert_eq!(figures(&process, of_area("")).await, [2, 4, 15_000, 1_300, 7, 4]);
        assert_eq!(figures(&process, of_area("practices/A81001")).await, [1, 1, 1_000, 400, 3, 2]);
        process.stop().await;
    }
}

#[tokio::test]
async fn a_past_moment_has_the_figures_of_that_moment() {
    let world = World::on(TestStore::sqlite());
    let process = small_world(&world).await;
    assert_eq!(figures(&process, as_at("2031-03-04T12:00:00Z")).await, [0, 4, 15_000, 0, 0, 0]);
    assert_eq!(figures(&process, as_at("2031-03-05T07:59:59.999999Z")).await[0], 0);
    assert_eq!(figures(&process, as_at("2031-03-05T08:00:00Z")).await[0], 1);
    // A return counts from its last day on.
    assert_eq!(figures(&process, as_at("2031-03-06T23:59:59Z")).await, [2, 4, 15_000, 0, 2, 2]);
    assert_eq!(figures(&process, as_at("2031-03-07T00:00:00Z")).await, [2, 4, 15_000, 1_900, 2, 2]);
    assert_eq!(figures(&process, as_at("2031-03-08T23:00:00Z")).await, [3, 4, 15_000, 2_800, 6, 4]);

    let january = wire::GetSummaryRequest {
        period: Some(wire::Period { start_date: "2031-01-01".to_owned(), end_date: "2031-01-31".to_owned() }),
        ..Default::default()
    };
    assert_eq!(figures(&process, january).await[4..], [1, 1]);
    process.stop().await;
}

#[tokio::test]
async fn what_was_known_then_is_what_had_been_told_and_had_arrived_by_then() {
    let world = World::on(TestStore::sqlite());
    let process = small_world(&world).await;
    let known = |at: &str| wire::GetSummaryRequest {
        known_at: Some(api::time::to_wire(moment(at))),
        ..wire::GetSummaryRequest::default()
    };
    // All events and returns arrived on the 10th, whenever they happened.
    assert_eq!(figures(&process, known("2031-03-09T23:59:59Z")).await, [2, 4, 15_000, 0, 0, 0]);
    assert_eq!(figures(&process, known("2031-03-08T12:00:00Z")).await[0], 3);
    world.clock.set(moment("2031-03-12T09:00:00Z"));
    let (mut producer, durable) = process.produce("gateway", 1).await;
    producer.record(durable + 1, vec![view("A81001", "2031-03-09T12:00:00Z", 77)]).await.unwrap();
    assert_eq!(figures(&process, known("2031-03-11T12:00:00Z")).await[4..], [7, 4]);
    assert_eq!(figures(&process, known("2031-03-12T08:00:00Z")).await[4..], [8, 5]);
    process.stop().await;
}

#[tokio::test]
async fn every_figure_says_what_it_is_and_what_it_rests_on() {
    let world = World::on(TestStore::sqlite());
    let process = small_world(&world).await;
    let summary = process.summary(wire::GetSummaryRequest::default()).await;
    assert_eq!((summary.registry_position, summary.returns_position, summary.events_position), (5, 3, 1));
    assert_eq!(summary.area, "england");
    assert_eq!(summary.period.unwrap().start_date, "2031-02-09");

    let live = summary.practices_live.unwrap();
    assert_eq!(live.definition, "definitions/practices-live");
    let whole = live.denominator.unwrap();
    assert_eq!((whole.value, whole.source.as_str(), whole.as_at_date.as_str()), (4, "practice registry", "2031-03-10"));
    let whole = summary.patients_with_access.unwrap().denominator.unwrap();
    assert_eq!((whole.value, whole.source.as_str(), whole.as_at_date.as_str()), (15_000, "list-sizes", "2031-01-01"));
    let viewers = summary.viewers.unwrap();
    assert_eq!((viewers.lower_bound, viewers.upper_bound, viewers.days_with_data, viewers.days), (4, 4, 3, 30));
    let whole = viewers.denominator.unwrap();
    assert_eq!((whole.value, whole.source.as_str(), whole.as_at_date.as_str()), (1_300, "EMIS, TPP", "2031-03-07"));
    let names: Vec<&str> = summary.definitions.iter().map(|definition| definition.name.as_str()).collect();
    for figure in ["practices-live", "practices-total", "patients-registered", "record-views", "viewers"] {
        assert!(names.contains(&format!("definitions/{figure}").as_str()), "{figure}");
    }
    process.stop().await;
}

async fn series(process: &Process, request: wire::QuerySeriesRequest) -> Vec<(String, Vec<i64>)> {
    let reply = process.statistics().query_series(request).await.unwrap().into_inner();
    let values = |series: wire::Series| (series.area, series.points.iter().map(|point| point.value).collect());
    reply.series.into_iter().map(values).collect()
}

pub(crate) fn query(
    measure: wire::Measure,
    group_by: wire::AreaKind,
    interval: wire::Interval,
) -> wire::QuerySeriesRequest {
    wire::QuerySeriesRequest {
        measure: measure.into(),
        group_by: group_by.into(),
        interval: interval.into(),
        period: Some(wire::Period { start_date: "2031-03-04".to_owned(), end_date: "2031-03-12".to_owned() }),
        ..Default::default()
    }
}

fn named<const N: usize>(expected: [(&str, &[i64]); N]) -> Vec<(String, Vec<i64>)> {
    expected.into_iter().map(|(area, values)| (area.to_owned(), values.to_vec())).collect()
}

#[tokio::test]
async fn series_by_day_and_area_are_those_worked_out_by_hand() {
    use wire::{AreaKind, Interval, Measure};
    for world in World::each().await {
        let process = small_world(&world).await;
        world.pass_checkpoint().await;
        // The 4th to the 10th: what has not begun has no point.
        let live = series(&process, query(Measure::PracticesLive, AreaKind::Icb, Interval::Day)).await;
        assert_eq!(live, named([("icbs/QHM", &[0, 1, 1, 1, 2, 2, 2]), ("icbs/QWE", &[0, 0, 1, 1, 1, 0, 0])]));
        let access = series(&process, query(Measure::PatientsWithAccess, AreaKind::England, Interval::Day)).await;
        assert_eq!(access, named([("england", &[0, 0, 0, 1_900, 2_800, 1_300, 1_300])]));
        let views = series(&process, query(Measure::RecordViews, AreaKind::Region, Interval::Day)).await;
        assert_eq!(views, named([("regions/Y56", &[0, 0, 0, 0, 2, 0, 0]), ("regions/Y63", &[0, 2, 0, 0, 2, 0, 1])]));
        let views = series(&process, query(Measure::RecordViews, AreaKind::Practice, Interval::Week)).await;
        assert_eq!(
            views,
            named([
                ("practices/A81001", &[3, 0]),
                ("practices/A81002", &[1, 1]),
                ("practices/B81001", &[2, 0]),
                ("practices/B81002", &[0, 0]),
            ])
        );
        let viewers = series(&process, query(Measure::Viewers, AreaKind::England, Interval::Week)).await;
        assert_eq!(viewers, named([("england", &[4, 1])]));
        let viewers = series(&process, query(Measure::Viewers, AreaKind::England, Interval::Month)).await;
        assert_eq!(viewers, named([("england", &[4])]));
        let within = wire::QuerySeriesRequest {
            area: "suppliers/TPP".to_owned(),
            ..query(Measure::PatientsRegistered, AreaKind::Icb, Interval::Month)
        };
        assert_eq!(series(&process, within).await, named([("icbs/QHM", &[2_000]), ("icbs/QWE", &[4_000])]));
        process.stop().await;
    }
}

#[tokio::test]
async fn series_page_by_area_and_a_token_is_bound_to_its_question() {
    let world = World::on(TestStore::sqlite());
    let process = small_world(&world).await;
    let mut request = wire::QuerySeriesRequest {
        page_size: 3,
        ..query(wire::Measure::PracticesTotal, wire::AreaKind::Practice, wire::Interval::Month)
    };
    let first = process.statistics().query_series(request.clone()).await.unwrap().into_inner();
    let areas = |reply: &wire::QuerySeriesResponse| -> Vec<String> {
        reply.series.iter().map(|series| series.area.clone()).collect()
    };
    assert_eq!(areas(&first), ["practices/A81001", "practices/A81002", "practices/B81001"]);
    request.page_token = first.next_page_token;
    let second = process.statistics().query_series(request.clone()).await.unwrap().into_inner();
    assert_eq!(areas(&second), ["practices/B81002"]);
    assert_eq!(second.next_page_token, "");

    request.measure = wire::Measure::PracticesLive.into();
    let refused = process.statistics().query_series(request).await.unwrap_err();
    assert_eq!(Explained::from(&refused).reason, "PAGE_TOKEN_INVALID");
    process.stop().await;
}

#[tokio::test]
async fn questions_that_have_no_answer_are_refused_with_the_field() {
    let world = World::on(TestStore::sqlite());
    let process = world.start().await;
    let summaries: [(wire::GetSummaryRequest, &str, &str); 5] = [
        (of_area("waves/1"), "AREA_INVALID", "area"),
        (as_at("2031-03-11T00:00:00Z"), "MOMENT_IN_FUTURE", "as_at"),
        (
            wire::GetSummaryRequest { capability: "x".to_owned(), ..Default::default() },
            "CAPABILITY_INVALID",
            "capability",
        ),
        (
            wire::GetSummaryRequest {
                period: Some(wire::Period { start_date: "2031-03-02".to_owned(), end_date: "2031-03-01".to_owned() }),
                ..Default::default()
            },
            "PERIOD_INVALID",
            "period",
        ),
        (
            wire::GetSummaryRequest {
                period: Some(wire::Period { start_date: "2031-02-30".to_owned(), end_date: "2031-03-01".to_owned() }),
                ..Default::default()
            },
            "DATE_INVALID",
            "period.start_date",
        ),
    ];
    for (request, wanted, field) in summaries {
        let refused = Explained::from(&process.statistics().get_summary(request).await.unwrap_err());
        assert_eq!((refused.reason.as_str(), refused.metadata["field"].as_str()), (wanted, field));
    }
    let complete = query(wire::Measure::Viewers, wire::AreaKind::England, wire::Interval::Day);
    let incomplete: [(Spoil, &str, &str); 5] = [
        (|request| request.measure = 0, "FIELD_REQUIRED", "measure"),
        (|request| request.group_by = 0, "FIELD_REQUIRED", "group_by"),
        (|request| request.interval = 0, "FIELD_REQUIRED", "interval"),
        (|request| request.period = None, "FIELD_REQUIRED", "period"),
        (
            |request| request.effective_at = Some(api::time::to_wire(moment("2031-03-11T00:00:00Z"))),
            "MOMENT_IN_FUTURE",
            "effective_at",
        ),
    ];
    for (spoil, wanted, field) in incomplete {
        let mut request = complete.clone();
        spoil(&mut request);
        let refused = Explained::from(&process.statistics().query_series(request).await.unwrap_err());
        assert_eq!((refused.reason.as_str(), refused.metadata["field"].as_str()), (wanted, field));
    }
    process.stop().await;
}

fn of_practices(practices: &[&str], since_date: &str) -> wire::BatchGetPracticeFiguresRequest {
    let practices = practices.iter().map(|code| format!("practices/{code}")).collect();
    wire::BatchGetPracticeFiguresRequest { practices, since_date: since_date.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn single_practices_have_their_latest_return_and_the_last_day_that_somebody_looked() {
    for world in World::each().await {
        let process = small_world(&world).await;
        for written in [false, true] {
            if written {
                world.pass_checkpoint().await;
            }
            let request = of_practices(&["B81002", "A81001", "B81001", "Z99999"], "2031-03-06");
            let reply = process.statistics().batch_get_practice_figures(request).await.unwrap().into_inner();
            let rows: Vec<_> = reply
                .practices
                .iter()
                .map(|one| {
                    let accounts = one.latest_return.as_ref().map(|latest| latest.accounts_with_access);
                    [&one.practice, &one.supplier, &one.last_viewed_date, &one.supplier_last_viewed_date]
                        .map(String::as_str)
                        .into_iter()
                        .chain(std::iter::once(if accounts == Some(400) { "400" } else { "" }))
                        .collect::<Vec<_>>()
                })
                .collect();
            let expected = [
                ["practices/A81001", "suppliers/EMIS", "2031-03-08", "2031-03-08", "400"],
                // Nobody looked, and the supplier is heard of.
                ["practices/B81001", "suppliers/TPP", "2031-03-08", "2031-03-10", ""],
                ["practices/B81002", "suppliers/EMIS", "", "2031-03-08", ""],
                ["practices/Z99999", "", "", "", ""],
            ];
            assert_eq!(rows, expected);
            assert_eq!((reply.registry_position, reply.returns_position), (5, 3));
        }
        let later = of_practices(&["A81001"], "2031-03-09");
        let reply = process.statistics().batch_get_practice_figures(later).await.unwrap().into_inner();
        assert_eq!(
            (reply.practices[0].last_viewed_date.as_str(), reply.practices[0].supplier.as_str()),
            ("", "suppliers/EMIS")
        );
        process.stop().await;
    }
}

#[tokio::test]
async fn questions_about_single_practices_that_make_no_sense_are_refused() {
    let world = World::on(TestStore::sqlite());
    let process = small_world(&world).await;
    let many = vec!["A81001"; 1_001];
    for (wrong, named) in [
        (of_practices(&[], "2031-03-06"), "FIELD_REQUIRED"),
        (of_practices(&["A81001"], ""), "FIELD_REQUIRED"),
        (of_practices(&["A81001", "A81001"], "2031-03-06"), "PRACTICE_DUPLICATE"),
        (of_practices(&["surgery"], "2031-03-06"), "PRACTICE_INVALID"),
        (of_practices(&many, "2031-03-06"), "TOO_MANY_ITEMS"),
        (of_practices(&["A81001"], "2031-03-11"), "PERIOD_INVALID"),
    ] {
        let refused = process.statistics().batch_get_practice_figures(wrong).await.unwrap_err();
        assert_eq!(Explained::from(&refused).reason, named);
    }
}

//! QuerySeries by every grouping, against a naive program that knows each event.

use std::collections::{BTreeMap, BTreeSet};

use api::Explained;
use database::testing::TestStore;
use proto::registry::v1 as registry;
use proto::statistics::v1 as wire;

use crate::registry::practice;
use crate::world::{Process, World, moment, value, view};

/// A view as the naive program remembers it.
#[derive(Clone)]
struct Seen {
    practice: &'static str,
    day: String,
    channel: &'static str,
    section: wire::RecordSection,
    person: u64,
}

const PRACTICES: [&str; 6] = ["A81001", "A81002", "A81003", "B81001", "B81002", "B81003"];
const FIRST_DAY: i64 = 20;
const DAYS: i64 = 18;

/// ICB, sub-ICB, PCN and supplier.
fn place(code: &str) -> [&'static str; 4] {
    match code {
        "A81001" => ["QHM", "16C", "U10001", "EMIS"],
        "A81002" => ["QHM", "16C", "U10001", "TPP"],
        "A81003" => ["QHM", "36L", "U10002", "TPP"],
        "B81001" => ["QWE", "07K", "U10003", "EMIS"],
        "B81002" => ["QWE", "07K", "U10003", "EMIS"],
        _ => ["QWE", "07K", "", "TPP"],
    }
}

fn known(code: &str) -> registry::Practice {
    let [icb, sub_icb, pcn, supplier] = place(code);
    registry::Practice {
        sub_icb_code: sub_icb.to_owned(),
        pcn_code: pcn.to_owned(),
        ..practice(code, icb, supplier, 1_000, moment("2031-02-01T10:00:00Z"))
    }
}

/// From 20 February on, in no order that means anything.
fn history() -> Vec<Seen> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let sections = [wire::RecordSection::TestResults, wire::RecordSection::Documents, wire::RecordSection::Unspecified];
    let mut seen = Vec::new();
    for _ in 0..400 {
        seen.push(Seen {
            practice: PRACTICES[draw(6) as usize],
            day: day(draw(DAYS as u64) as i64),
            channel: ["nhs-app", "other-app", "third-app"][draw(3) as usize],
            section: sections[draw(3) as usize],
            person: draw(40),
        });
    }
    seen
}

fn day(number: i64) -> String {
    let first = jiff::civil::date(2031, 2, 1);
    first.saturating_add(jiff::Span::new().days(FIRST_DAY - 1 + number)).to_string()
}

fn event(seen: &Seen) -> wire::AccessEvent {
    wire::AccessEvent {
        channel: seen.channel.to_owned(),
        section: seen.section.into(),
        ..view(seen.practice, &format!("{}T08:30:00Z", seen.day), seen.person)
    }
}

/// A world in which half of the history is in the tables and half is not.
async fn world_of(world: &World) -> (Process, Vec<Seen>) {
    let process = world.start().await;
    let position = world.registry.tell(PRACTICES.map(known));
    process.summary(wire::GetSummaryRequest { min_position: position, ..Default::default() }).await;
    let seen = history();
    let (early, late) = seen.split_at(seen.len() / 2);
    let (mut producer, _) = process.produce("gateway", 1).await;
    producer.record(1, early.iter().map(event).collect()).await.unwrap();
    world.pass_checkpoint().await;
    producer.record(early.len() as u64 + 1, late.iter().map(event).collect()).await.unwrap();
    (process, seen)
}

fn query(measure: wire::Measure) -> wire::QuerySeriesRequest {
    wire::QuerySeriesRequest {
        measure: measure.into(),
        interval: wire::Interval::Day.into(),
        period: Some(wire::Period { start_date: day(0), end_date: day(DAYS - 1) }),
        ..Default::default()
    }
}

fn by(kind: wire::AreaKind, measure: wire::Measure) -> wire::QuerySeriesRequest {
    wire::QuerySeriesRequest { group_by: kind.into(), ..query(measure) }
}

fn set(name: &str, practices: &[&str]) -> wire::PracticeSet {
    let practices = practices.iter().map(|code| format!("practices/{code}")).collect();
    wire::PracticeSet { name: name.to_owned(), practices }
}

type Values = BTreeMap<String, Vec<i64>>;

/// Values by what a series is of, and its channel or section.
async fn ask(process: &Process, request: wire::QuerySeriesRequest) -> Values {
    let reply = process.statistics().query_series(request).await.unwrap().into_inner();
    let named = |series: wire::Series| {
        let part = match series.section() {
            wire::RecordSection::Unspecified => series.channel.clone(),
            section => section.as_str_name().to_owned(),
        };
        let name = format!("{}{} {part}", series.area, series.set).trim_end().to_owned();
        (name, series.points.iter().map(|point| point.value).collect())
    };
    reply.series.into_iter().map(named).collect()
}

/// What the naive program counts: `name` says of which series a view is, if of any.
fn count(seen: &[Seen], name: impl Fn(&Seen) -> Option<String>, distinct: bool) -> Values {
    let mut found: BTreeMap<String, Vec<Vec<u64>>> = BTreeMap::new();
    for one in seen {
        let Some(name) = name(one) else { continue };
        let days = found.entry(name).or_insert_with(|| vec![Vec::new(); DAYS as usize]);
        let number = (0..DAYS).find(|number| day(*number) == one.day).expect("a day of the history");
        days[number as usize].push(one.person);
    }
    let of_day = |people: &Vec<u64>| {
        let everybody: BTreeSet<u64> = people.iter().copied().collect();
        (if distinct { everybody.len() } else { people.len() }) as i64
    };
    found.into_iter().map(|(name, days)| (name, days.iter().map(of_day).collect())).collect()
}

fn area(kind: wire::AreaKind, code: &str) -> Option<String> {
    let [icb, sub_icb, pcn, supplier] = place(code);
    let name = match kind {
        wire::AreaKind::England => "england".to_owned(),
        wire::AreaKind::Region => format!("regions/{}", if icb == "QHM" { "Y63" } else { "Y56" }),
        wire::AreaKind::Icb => format!("icbs/{icb}"),
        wire::AreaKind::SubIcb => format!("sub-icbs/{sub_icb}"),
        wire::AreaKind::Pcn if pcn.is_empty() => return None,
        wire::AreaKind::Pcn => format!("pcns/{pcn}"),
        wire::AreaKind::Supplier => format!("suppliers/{supplier}"),
        _ => format!("practices/{code}"),
    };
    Some(name)
}

const KINDS: [wire::AreaKind; 7] = [
    wire::AreaKind::England,
    wire::AreaKind::Region,
    wire::AreaKind::Icb,
    wire::AreaKind::SubIcb,
    wire::AreaKind::Pcn,
    wire::AreaKind::Supplier,
    wire::AreaKind::Practice,
];

#[tokio::test]
async fn every_grouping_has_the_sums_of_a_naive_program() {
    for world in World::each().await {
        let (process, seen) = world_of(&world).await;
        for written in [false, true] {
            if written {
                world.pass_checkpoint().await;
            }
            for kind in KINDS {
                for (measure, distinct) in [(wire::Measure::RecordViews, false), (wire::Measure::Viewers, true)] {
                    let expected = count(&seen, |one| area(kind, one.practice), distinct);
                    assert_eq!(ask(&process, by(kind, measure)).await, expected, "{kind:?} {measure:?} {written}");
                }
                let channels = |one: &Seen| Some(format!("{} {}", area(kind, one.practice)?, one.channel));
                let request = wire::QuerySeriesRequest {
                    split_by: wire::SplitBy::Channel.into(),
                    ..by(kind, wire::Measure::RecordViews)
                };
                assert_eq!(ask(&process, request).await, count(&seen, channels, false), "{kind:?} {written}");
                let sections = |one: &Seen| {
                    let section = match one.section {
                        wire::RecordSection::Unspecified => String::new(),
                        section => format!(" {}", section.as_str_name()),
                    };
                    Some(format!("{}{section}", area(kind, one.practice)?))
                };
                let request = wire::QuerySeriesRequest {
                    split_by: wire::SplitBy::Section.into(),
                    ..by(kind, wire::Measure::RecordViews)
                };
                assert_eq!(ask(&process, request).await, count(&seen, sections, false), "{kind:?} {written}");
            }
        }
        process.stop().await;
    }
}

#[tokio::test]
async fn a_summary_of_any_area_has_the_views_and_the_people_of_a_naive_program() {
    for world in World::each().await {
        let (process, seen) = world_of(&world).await;
        for written in [false, true] {
            if written {
                world.pass_checkpoint().await;
            }
            for kind in KINDS {
                let areas: BTreeSet<String> = PRACTICES.iter().filter_map(|code| area(kind, code)).collect();
                for name in areas {
                    let inside: Vec<&Seen> =
                        seen.iter().filter(|one| area(kind, one.practice).as_ref() == Some(&name)).collect();
                    let people: BTreeSet<u64> = inside.iter().map(|one| one.person).collect();
                    let days: BTreeSet<&str> = inside.iter().map(|one| one.day.as_str()).collect();
                    let summary =
                        process.summary(wire::GetSummaryRequest { area: name.clone(), ..Default::default() }).await;
                    let viewers = summary.viewers.unwrap();
                    let counted = (value(&summary.record_views), viewers.value, viewers.days_with_data);
                    assert_eq!(counted, (inside.len() as i64, people.len() as i64, days.len() as i32), "{name}");
                    assert_eq!(
                        value(&summary.practices_total),
                        PRACTICES.iter().filter(|code| area(kind, code).as_ref() == Some(&name)).count() as i64
                    );
                }
            }
        }
        process.stop().await;
    }
}

#[tokio::test]
async fn sets_of_practices_have_the_sums_and_the_people_of_their_members() {
    for world in World::each().await {
        let (process, seen) = world_of(&world).await;
        let sets = vec![
            set("wave 2", &["A81002", "B81002", "B81003"]),
            set("wave 1", &["A81001", "A81002", "Z99999"]),
            set("nobody known", &["Z99998"]),
        ];
        let members = |one: &Seen, name: &str| {
            let set = sets.iter().find(|set| set.name == name).unwrap();
            set.practices.contains(&format!("practices/{}", one.practice)).then(|| name.to_owned())
        };
        for (measure, distinct) in [(wire::Measure::RecordViews, false), (wire::Measure::Viewers, true)] {
            let request = wire::QuerySeriesRequest { sets: sets.clone(), ..query(measure) };
            let mut expected = count(&seen, |one| members(one, "wave 1"), distinct);
            expected.extend(count(&seen, |one| members(one, "wave 2"), distinct));
            expected.insert("nobody known".to_owned(), vec![0; DAYS as usize]);
            assert_eq!(ask(&process, request.clone()).await, expected, "{measure:?}");
            let within = wire::QuerySeriesRequest { area: "suppliers/TPP".to_owned(), ..request };
            let of_tpp: Vec<Seen> = seen.iter().filter(|one| place(one.practice)[3] == "TPP").cloned().collect();
            let mut expected = count(&of_tpp, |one| members(one, "wave 1"), distinct);
            expected.extend(count(&of_tpp, |one| members(one, "wave 2"), distinct));
            expected.insert("nobody known".to_owned(), vec![0; DAYS as usize]);
            assert_eq!(ask(&process, within).await, expected, "{measure:?} within a supplier");
        }
        let request =
            wire::QuerySeriesRequest { sets: sets.clone(), page_size: 2, ..query(wire::Measure::PracticesTotal) };
        let first = process.statistics().query_series(request.clone()).await.unwrap().into_inner();
        let names = |reply: &wire::QuerySeriesResponse| -> Vec<(String, i64)> {
            reply.series.iter().map(|series| (series.set.clone(), series.points[0].value)).collect()
        };
        assert_eq!(names(&first), [("nobody known".to_owned(), 0), ("wave 1".to_owned(), 2)]);
        let counted: Vec<(&str, i64)> = first.sets.iter().map(|set| (set.name.as_str(), set.practices_count)).collect();
        assert_eq!(counted, [("nobody known", 1), ("wave 1", 3), ("wave 2", 3)]);
        // printf 'practices/Z99998\n' | sha256sum
        assert_eq!(first.sets[0].practices_hash, "0ee6996adbe62b1845eb287cc35c3217648e476b301dc5fd2ebe61ab67d8428f");
        let next = wire::QuerySeriesRequest { page_token: first.next_page_token, ..request };
        let second = process.statistics().query_series(next).await.unwrap().into_inner();
        assert_eq!((names(&second), second.next_page_token.as_str()), (vec![("wave 2".to_owned(), 3)], ""));
        process.stop().await;
    }
}

#[tokio::test]
async fn views_are_told_in_the_geography_of_a_chosen_day() {
    for world in World::each().await {
        let (process, seen) = world_of(&world).await;
        world.clock.set(moment("2031-03-12T09:00:00Z"));
        // A81003 leaves QHM for QWE on the 12th, with its sub-ICB.
        let moved = registry::Practice {
            icb_code: "QWE".to_owned(),
            region_code: "Y56".to_owned(),
            update_time: Some(api::time::to_wire(moment("2031-03-12T08:00:00Z"))),
            ..known("A81003")
        };
        let position = world.registry.tell([moved]);
        let at = |at: Option<&str>, measure| wire::QuerySeriesRequest {
            effective_at: at.map(|at| api::time::to_wire(moment(at))),
            min_position: position,
            ..by(wire::AreaKind::Icb, measure)
        };
        let then = |one: &Seen| area(wire::AreaKind::Icb, one.practice);
        let now = |one: &Seen| if one.practice == "A81003" { Some("icbs/QWE".to_owned()) } else { then(one) };
        for (measure, distinct) in [(wire::Measure::RecordViews, false), (wire::Measure::Viewers, true)] {
            let (before, after) = (count(&seen, then, distinct), count(&seen, now, distinct));
            assert_ne!(before, after);
            assert_eq!(ask(&process, at(None, measure)).await, before, "counted where the practice was");
            assert_eq!(ask(&process, at(Some("2031-03-11T09:00:00Z"), measure)).await, before);
            assert_eq!(ask(&process, at(Some("2031-03-12T09:00:00Z"), measure)).await, after);
        }
        process.stop().await;
    }
}

/// Makes a question wrong.
type Spoil = fn(&mut wire::QuerySeriesRequest);

#[tokio::test]
async fn groupings_that_make_no_sense_are_refused_with_the_field() {
    let world = World::on(TestStore::sqlite());
    let process = world.start().await;
    let spoils: [(Spoil, &str, &str); 7] = [
        (|request| request.group_by = wire::AreaKind::Icb.into(), "GROUPING_AMBIGUOUS", "group_by"),
        (|request| request.split_by = wire::SplitBy::Channel.into(), "SPLIT_NOT_FOR_MEASURE", "split_by"),
        (|request| request.sets.push(set("one", &["A81002"])), "SET_DUPLICATE", "sets[1].name"),
        (|request| request.sets[0].name.clear(), "SET_NAME_INVALID", "sets[0].name"),
        (|request| request.sets[0].practices.clear(), "FIELD_REQUIRED", "sets[0].practices"),
        (|request| request.sets[0].practices.push("surgery".to_owned()), "PRACTICE_INVALID", "sets[0].practices[1]"),
        (
            |request| request.sets = (0..21).map(|number| set(&number.to_string(), &["A81001"])).collect(),
            "TOO_MANY_ITEMS",
            "sets",
        ),
    ];
    for (spoil, wanted, field) in spoils {
        let mut request =
            wire::QuerySeriesRequest { sets: vec![set("one", &["A81001"])], ..query(wire::Measure::Viewers) };
        spoil(&mut request);
        let refused = Explained::from(&process.statistics().query_series(request).await.unwrap_err());
        assert_eq!((refused.reason.as_str(), refused.metadata["field"].as_str()), (wanted, field));
    }
    process.stop().await;
}

//! I30 over the service, of viewers: an attacker who reads nothing but what DownloadPublication gives to everybody, of a year of
//! monthly publications and re-issues. He knows where each practice lies, how long its list is, and by how much fewer an area's
//! viewers are than its practices' together, since some people are counted at several: all but the numbers.
//!
//! Who viewed in a month is counted once, so that a re-issue, though returns were corrected and practices have moved by then, has
//! the numbers of the first issue, of the areas as they were.

use std::collections::{BTreeMap, BTreeSet};

use database::testing::TestStore;
use disclosure::Shown;
use jiff::civil::{Date, date};
use jiff::{SignedDuration, ToSpan};
use proto::statistics::v1 as wire;

use crate::attack::{Known, Nation, areas, code, draw, is_published, known, members, shown, submit, waves};
use crate::files::rows;
use crate::intervals::disclosed;
use crate::knowledge::{Cell, Knowledge, Total, Unknown};
use crate::publications::{announce, correction, create, creation};
use crate::registry::{observed, practice};
use crate::world::{Process, World, moment, view};

const MONTHS: u64 = 12;
const FIRST_MONTH: Date = date(2031, 3, 1);
/// In the first month; one more comes in each.
const PRACTICES: u64 = 20;

/// Who viewed, by practice.
type Viewers = BTreeMap<String, BTreeSet<u64>>;

/// A month: who was where, and the issues that were published of it.
struct Month {
    name: String,
    nation: Nation,
    viewers: Viewers,
    issues: Vec<i32>,
}

/// Few at every fourth practice, nobody at some; the first few of each are the same people as elsewhere.
fn viewers(month: u64, index: u64) -> BTreeSet<u64> {
    let count = draw(month, 3_000 + index, if index.is_multiple_of(4) { 12 } else { 60 });
    let guests = draw(month, 4_000 + index, count.min(4) + 1);
    let own = |number| 1_000 + (month * 1_000 + index) * 100 + number;
    (0..guests).chain((guests..count).map(own)).collect()
}

/// Where a practice lies: one in ten has moved since the month before. Two are a wave, so that what one has is nearly told by the
/// other.
fn placed(month: u64, index: u64) -> Known {
    let moves = (0..=month).rev().find(|month| draw(*month, 5_000 + index, 10) == 0);
    let from = known(index + moves.map_or(0, |moved| 1_000 * (moved + 1)), 0);
    let own = known(index, 0);
    let wave = format!("programmes/opening/waves/{}", index / 2 + 1);
    Known { list: own.list, wave, supplier: own.supplier, count: 300 + 13 * index, ..from }
}

fn told(code: &str, known: &Known, at: jiff::Timestamp) -> proto::registry::v1::Practice {
    let mut place = practice(code, known.icb, known.supplier, known.list, at);
    place.sub_icb_code = known.sub_icb.to_owned();
    place.pcn_code = known.pcn.to_owned();
    observed(place, true, at)
}

/// What happens in a month is published in the next one, and in every third corrected.
async fn publish(world: &World, process: &Process, month: u64) -> Month {
    let first = FIRST_MONTH + (month as i64).months();
    let name = first.strftime("%Y-%m").to_string();
    let at = |day: i8, month: Date| moment(&format!("{}-{day:02}T12:00:00Z", month.strftime("%Y-%m")));
    world.clock.set(at(3, first));
    let nation: Nation = (0..PRACTICES + month).map(|index| (code(index), placed(month, index))).collect();
    let position = world.registry.tell(nation.iter().map(|(code, known)| told(code, known, at(2, first))));
    process.summary(wire::GetSummaryRequest { min_position: position, ..Default::default() }).await;
    world.clock.set(at(20, first));
    let viewers: Viewers = (0..PRACTICES + month).map(|index| (code(index), viewers(month, index))).collect();
    let seen_at = at(10, first).to_string();
    let views = viewers.iter().flat_map(|(code, people)| people.iter().map(|person| view(code, &seen_at, *person)));
    let (mut producer, durable) = process.produce("gateway", 1).await;
    producer.record(durable + 1, views.collect()).await.expect("the views are taken");
    let codes: Vec<String> = nation.keys().cloned().collect();
    submit(process, &nation, &codes, at(20, first), &format!("month-{month}")).await;

    let next = first + 1.month();
    world.clock.set(at(5, next));
    announce(process, &name, &at(8, next).to_string()).await.expect("it is announced");
    world.clock.set(at(8, next) + SignedDuration::from_hours(1));
    let request = wire::CreatePublicationRequest {
        min_position: position,
        waves: waves(&nation),
        breakdowns: vec![wire::AreaKind::SubIcb.into(), wire::AreaKind::Pcn.into()],
        ..creation(&name)
    };
    let mut issues = Vec::new();
    if is_published(create(process, request).await) {
        issues.push(1);
    }
    if month.is_multiple_of(3) && !issues.is_empty() {
        // By then a practice is known to have moved before the month was over, and a return was wrong.
        let (moved, corrected) = (draw(month, 6_000, PRACTICES), code(draw(month, 7_000, PRACTICES)));
        let elsewhere = Known { wave: nation[&code(moved)].wave.clone(), ..placed(month, moved + 500) };
        let elsewhere = Known { list: nation[&code(moved)].list, ..elsewhere };
        let position = world.registry.tell([told(&code(moved), &elsewhere, at(25, first))]);
        process.summary(wire::GetSummaryRequest { min_position: position, ..Default::default() }).await;
        let mut later = nation.clone();
        later.get_mut(&corrected).expect("it is open").count += 100;
        submit(process, &later, &[corrected], at(20, first), &format!("correction-{month}")).await;
        if is_published(process.publications().reissue_publication(correction(&name, month)).await) {
            issues.push(2);
        }
    }
    Month { name, nation, viewers, issues }
}

/// What he knows of a month, by the cells that he sees or that were only rounded.
fn learn(knowledge: &mut Knowledge, month: &Month, cells: impl Fn(&str, u64) -> Vec<(String, Shown)>) {
    let Month { name, nation, viewers, .. } = month;
    let everybody: BTreeSet<u64> = viewers.values().flatten().copied().collect();
    let total = everybody.len() as i64;
    let mut numbers = BTreeMap::new();
    for (code, known) in nation {
        numbers.insert(code.clone(), knowledge.unknowns.len());
        knowledge.unknowns.push(Unknown { most: known.list.min(total), hint: 0 });
    }
    let sum = viewers.values().map(|people| people.len() as i64).sum();
    knowledge.totals.push(Total { unknowns: numbers.values().copied().collect(), count: total, sum });
    for area in nation.iter().flat_map(|(code, known)| areas(code, known)).collect::<BTreeSet<String>>() {
        let inside = members(nation, &area, &numbers);
        let of_area = || numbers.iter().filter(|(_, number)| inside.contains(number)).map(|(code, _)| &viewers[code]);
        let count = of_area().flatten().collect::<BTreeSet<_>>().len() as i64;
        let shared = of_area().map(|people| people.len() as i64).sum::<i64>() - count;
        for (issue, shown) in cells(&area, count as u64) {
            let name = format!("{area} of {name}, {issue}");
            knowledge.cells.push(Cell { name, unknowns: inside.clone(), shown, shared, group: 0 });
        }
    }
}

#[tokio::test]
async fn i30_who_reads_a_year_of_viewers_finds_nothing_out() {
    let world = World::on(TestStore::sqlite());
    let process = world.start().await;
    let (mut attacker, mut of_rounded) = (Knowledge::default(), Knowledge::default());
    let (mut issue_count, mut reissue_count) = (0, 0);
    for number in 0..MONTHS {
        let month = publish(&world, &process, number).await;
        let everybody: BTreeSet<u64> = month.viewers.values().flatten().copied().collect();
        let mut seen: BTreeMap<String, Vec<(String, Shown)>> = BTreeMap::new();
        for issue in &month.issues {
            for row in rows(&process.publications_for_everybody(), &month.name, *issue).await {
                if row["definition"] != "definitions/viewers" {
                    continue;
                }
                if row["area"] == "england" {
                    assert_eq!(row["value"], everybody.len().to_string(), "{}, issue {issue}", month.name);
                } else {
                    let cell = (format!("issue {issue}"), shown(&row["value"]));
                    seen.entry(row["area"].clone()).or_default().push(cell);
                }
            }
        }
        let known: BTreeSet<String> = month.nation.iter().flat_map(|(code, known)| areas(code, known)).collect();
        assert!(seen.keys().all(|area| known.contains(area)), "viewers of an area where nobody counted them");
        issue_count += month.issues.len();
        reissue_count += month.issues.iter().filter(|issue| **issue == 2).count();
        learn(&mut attacker, &month, |area, _| seen.get(area).cloned().unwrap_or_default());
        learn(&mut of_rounded, &month, |_, count| vec![("rounded".to_owned(), Shown::of(count))]);
    }
    assert!(issue_count as u64 > MONTHS / 2, "{issue_count} issues are too few to be attacked");
    assert!(reissue_count > 0, "no re-issue was published");
    assert!(attacker.cells.len() > issue_count * 10, "{} rows are too few", attacker.cells.len());
    for kind in ["regions/", "icbs/", "sub-icbs/", "pcns/", "suppliers/", "programmes/", "practices/"] {
        assert!(attacker.cells.iter().any(|cell| cell.name.starts_with(kind)), "no row of {kind} was published");
    }
    assert!(!disclosed(&of_rounded).is_empty(), "the attack finds nothing in any case");
    assert_eq!(disclosed(&attacker), BTreeMap::new());
    process.stop().await;
}

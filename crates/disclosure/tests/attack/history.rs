//! Random tables and histories, and a year of weekly publications.

use std::collections::{BTreeMap, BTreeSet};

use disclosure::{Issue, Part, Remedy, Table, protect};
use proptest::prelude::*;

use crate::exhaustive;
use crate::intervals;
use crate::knowledge::Knowledge;
use crate::world::{Practice, icbs, naive, practice, published, total};

/// What happens to a practice between two issues.
#[derive(Clone, Copy, Debug)]
enum Change {
    None,
    Returns(u64),
    Moves,
    /// Its PCN is another one, and its wave.
    Joins(u64),
    Closes,
}

fn count() -> impl Strategy<Value = u64> {
    prop_oneof![1 => Just(0_u64), 4 => 1_u64..8, 6 => 8_u64..24]
}

fn practices() -> impl Strategy<Value = Vec<Practice>> {
    let short = prop_oneof![4 => Just(None), 1 => (0_u64..4).prop_map(Some)];
    let one = (count(), 0_u64..3, any::<bool>(), short, 0_u64..2, 0_u64..4, 0_u64..3);
    prop::collection::vec(one, 2..5).prop_map(|rows| {
        let practices = rows.into_iter().enumerate().map(|(index, row)| {
            let (count, icb, is_tpp, short, sub_icb, pcn, wave) = row;
            Practice {
                supplier: if is_tpp { "TPP" } else { "EMIS" }.into(),
                list: Some(short.map_or(10_000, |spare| count.max(99) + spare)),
                sub_icb: format!("S{icb}{sub_icb}"),
                pcn: (pcn < 3).then(|| format!("U{icb}{sub_icb}{}", pcn % 2)),
                wave: (wave < 2).then(|| format!("wave {wave}")),
                ..practice(&format!("A{index}"), icb * 8, count)
            }
        });
        practices.collect()
    })
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        5 => Just(Change::None),
        2 => count().prop_map(Change::Returns),
        1 => Just(Change::Moves),
        1 => (0_u64..3).prop_map(Change::Joins),
        1 => Just(Change::Closes),
    ];
    prop::collection::vec(change, 4)
}

fn after(practices: &[Practice], changes: &[Change], month: usize) -> Vec<Practice> {
    let mut after = Vec::new();
    for (practice, change) in practices.iter().zip(changes) {
        let mut practice = practice.clone();
        match change {
            Change::None => {}
            Change::Returns(count) => {
                practice.count = *count;
                practice.source = format!("return {month}");
            }
            Change::Moves => {
                practice.icb = "Q8".into();
                practice.sub_icb = "S11".into();
            }
            Change::Joins(other) => {
                practice.pcn = Some(format!("U{other}10"));
                practice.wave = Some(format!("wave {other}"));
            }
            Change::Closes => continue,
        }
        after.push(practice);
    }
    after
}

/// What there is to publish, issue by issue.
fn publications() -> impl Strategy<Value = Vec<Vec<Practice>>> {
    (practices(), prop::collection::vec(changes(), 0..3)).prop_map(|(first, changes)| {
        let mut all = vec![first];
        for (month, changes) in changes.iter().enumerate() {
            let next = after(&all[month], changes, month);
            if next.is_empty() {
                break;
            }
            all.push(next);
        }
        all
    })
}

/// Publishes one after the other; what is refused is not published.
fn publish(all: &[Vec<Practice>]) -> Vec<Issue> {
    publish_tables(all.iter().map(|practices| published(practices)))
}

fn publish_tables(tables: impl Iterator<Item = Table>) -> Vec<Issue> {
    let mut issues: Vec<Issue> = Vec::new();
    for table in tables {
        let history: Vec<&Issue> = issues.iter().collect();
        if let Ok(issue) = protect(table, &history) {
            issues.push(issue);
        }
    }
    issues
}

/// The same of people of whom some are counted at several practices: each area has as many as there are.
fn of_people(practices: &[Practice]) -> Table {
    let of_practice = |practice: &Practice| -> BTreeSet<String> {
        // Everywhere the first of the same few.
        let guests = draw(5, practice.count, practice.count.min(4) + 1);
        let own = (guests..practice.count).map(|number| format!("{} {} {number}", practice.name, practice.source));
        (0..guests).map(|number| format!("guest {number}")).chain(own).collect()
    };
    let people: BTreeMap<&str, BTreeSet<String>> =
        practices.iter().map(|practice| (practice.name.as_str(), of_practice(practice))).collect();
    let mut table = published(practices);
    let count = |parts: &mut dyn Iterator<Item = &Part>| {
        parts.flat_map(|part| &people[part.name.as_str()]).collect::<BTreeSet<_>>().len() as u64
    };
    table.total = count(&mut table.parts.iter());
    for breakdown in &mut table.breakdowns {
        for (index, area) in breakdown.areas.iter_mut().enumerate() {
            let parts = table.parts.iter().zip(&breakdown.area_of).filter(|(_, of)| **of == Some(index));
            area.count = count(&mut parts.map(|(part, _)| part));
        }
    }
    table
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn i30_no_history_of_publications_discloses(all in publications()) {
        let issues = publish(&all);
        prop_assert_eq!(exhaustive::disclosed(&Knowledge::of(&issues)), Default::default());
    }

    #[test]
    fn i30_no_history_discloses_where_people_are_counted_at_several_practices(all in publications()) {
        let issues = publish_tables(all.iter().map(|practices| of_people(practices)));
        prop_assert_eq!(exhaustive::disclosed(&Knowledge::of(&issues)), Default::default());
    }

    #[test]
    fn what_was_published_can_be_published_again(practices in practices()) {
        let first = protect(published(&practices), &[]).unwrap();
        prop_assert!(protect(published(&practices), &[&first]).is_ok());
        prop_assert!(protect(total(&practices), &[&first]).is_ok());
    }

    #[test]
    fn publishing_is_a_function_of_what_is_published(all in publications()) {
        let again: Vec<Vec<Practice>> =
            all.iter().map(|practices| practices.iter().rev().cloned().collect()).collect();
        prop_assert_eq!(publish(&all), publish(&again));
    }
}

/// SplitMix64's mixing: chance as a function of what it concerns.
fn draw(what: u64, of: u64, below: u64) -> u64 {
    let mut mixed = (what << 32 | of).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed ^ (mixed >> 31)) % below
}

/// A year: practices go live, return by the month, each in its own week, move between ICBs, and some returns are corrected in
/// the week after, when the week before is issued again.
fn year() -> Vec<Vec<Practice>> {
    let mut now: Vec<Practice> = Vec::new();
    let mut all = Vec::new();
    for week in 0..52_u64 {
        let begun = if week == 0 { 0..12 } else { week + 11..week + 12 };
        for index in begun {
            let count = draw(1, index, [8, 30, 600][draw(2, index, 3) as usize]);
            let mut new = practice(&format!("A{index:03}"), draw(3, index, 6) * 5, count);
            new.supplier = ["EMIS", "TPP"][draw(4, index, 2) as usize].into();
            new.sub_icb = format!("{}, {}", new.icb, draw(5, index, 2));
            new.pcn = (draw(6, index, 10) > 0).then(|| format!("{}, {}", new.sub_icb, draw(7, index, 3)));
            new.wave = (draw(8, index, 4) > 0).then(|| format!("wave {}", week / 10));
            now.push(new);
        }
        for (index, practice) in now.iter_mut().enumerate() {
            let index = index as u64;
            if index % 4 == week % 4 {
                practice.count += draw(week, 1_000 + index, 6);
                practice.source = format!("week {week}");
            }
            if draw(week, 2_000 + index, 60) == 0 {
                practice.icb = format!("Q{}", draw(week, 3_000 + index, 6) * 5);
                practice.sub_icb = format!("{}, 0", practice.icb);
            }
        }
        all.push(now.clone());
        if week % 3 == 0 {
            let corrected = draw(week, 4_000, now.len() as u64) as usize;
            now[corrected].count += 1;
            now[corrected].source = format!("week {week}, corrected");
            all.push(now.clone());
        }
    }
    all
}

#[test]
fn i30_a_year_of_weekly_publications_and_reissues_discloses_nothing() {
    let all = year();
    let rounded: Vec<Issue> = all.iter().map(|practices| naive(published(practices))).collect();
    assert!(!intervals::disclosed(&Knowledge::of(&rounded)).is_empty(), "the attack finds nothing in any case");
    let issues = publish(&all);
    assert_eq!(intervals::disclosed(&Knowledge::of(&issues)), Default::default());
    // Twelve to sixty practices, each of which returns in a week of its own, and the whole again after a slip of one patient:
    // of so little much must be kept back.
    assert!(issues.len() * 2 > all.len(), "{} of {} could be published", issues.len(), all.len());
    assert!(issues.iter().map(|issue| issue.rows().len()).sum::<usize>() > issues.len() * 20, "and hardly any rows");
}

/// A month of 6,000 practices, of which one in fifty is small; some move after the first.
fn month(month: u64) -> Vec<Practice> {
    let practices = (0..6_000).map(|index| {
        let count = draw(month, index, if index % 50 == 0 { 10 } else { 6_000 });
        let icb = index % 42 + u64::from(month > 0 && index % 700 == 0);
        let sub_icb = format!("S{icb}, {}", index / 42 % 3);
        Practice {
            source: format!("month {month}"),
            pcn: Some(format!("{sub_icb}, {}", index / 126 % 12)),
            wave: Some(format!("wave {}", draw(9, index, 30))),
            sub_icb,
            ..practice(&format!("A{index:05}"), icb, count)
        }
    });
    practices.collect()
}

/// As of viewers: each month's are new ones, and what is corrected is corrected with its areas.
#[test]
fn i30_a_year_of_people_counted_at_several_practices_discloses_nothing() {
    let all = year();
    let tables = || all.iter().map(|practices| of_people(practices));
    let rounded: Vec<Issue> = tables().map(naive).collect();
    assert!(!intervals::disclosed(&Knowledge::of(&rounded)).is_empty(), "the attack finds nothing in any case");
    let issues = publish_tables(tables());
    assert_eq!(intervals::disclosed(&Knowledge::of(&issues)), Default::default());
    assert!(issues.len() * 4 > all.len(), "{} of {} could be published", issues.len(), all.len());
}

#[test]
fn a_nation_is_published_almost_as_it_is() {
    let issues = publish(&[month(0), month(1), month(1)]);
    assert_eq!(issues.len(), 3);
    for issue in issues {
        // Of two suppliers the rounding of both can add up so far that England's total tells both; so it is with the practices of a
        // small network, beside its sum.
        assert!(issue.remedies.len() <= 10, "{:?}", issue.remedies);
        let is_small = |remedy: &Remedy| !matches!(remedy, Remedy::LeftOut { .. });
        assert!(issue.remedies.iter().all(is_small), "{:?}", issue.remedies);
        assert!(issue.rows().len() >= 6_000);
    }
}

/// A hundred returns of a month are corrected by a patient or a few, after that month and the next were published.
#[test]
fn i30_a_correction_of_a_hundred_returns_is_published_almost_as_it_is() {
    let mut corrected = month(0);
    for (index, practice) in corrected.iter_mut().enumerate().filter(|(index, _)| index % 60 == 7) {
        practice.count += 1 + draw(3, index as u64, 3);
        practice.source = "month 0, corrected".into();
    }
    let issues = publish(&[month(0), month(1), corrected]);
    let rows: Vec<usize> = issues.iter().map(|issue| issue.rows().len()).collect();
    assert!(rows.len() == 3 && rows[2] * 100 >= rows[0] * 98, "{rows:?}");
    assert_eq!(intervals::disclosed(&Knowledge::of(&issues)), Default::default());
}

#[test]
fn little_is_withheld_that_the_attacker_could_not_find_out() {
    let (mut safe, mut needless) = (0, 0);
    for seed in 0..300 {
        let practices: Vec<Practice> = (0..4)
            .map(|index| practice(&format!("A{index}"), draw(seed, index, 3) * 8, draw(seed, 10 + index, 60)))
            .collect();
        if exhaustive::disclosed(&Knowledge::of([&naive(icbs(&practices))])).is_empty() {
            safe += 1;
            needless += usize::from(!protect(icbs(&practices), &[]).unwrap().remedies.is_empty());
        }
    }
    assert!(safe > 50 && needless * 20 <= safe, "{needless} of {safe} were not left alone");
}

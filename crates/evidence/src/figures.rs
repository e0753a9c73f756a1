//! What statistics say, held against what producers sent: how often records were viewed and by how many people, of each area and
//! span of days; since when nobody looks; and which events were not counted, and why.
//!
//! People are counted here by keeping them, so that what is held against this is to be few enough for a sketch to be exact.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use crate::counting::{SentEvent, SourceLife};

/// Days, inclusive.
pub type Days = (Date, Date);

/// A view of a record as its producer remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentView {
    /// Who sent it.
    pub source: SourceLife,
    /// Its number.
    pub sequence: u64,
    /// On which day in London.
    pub day: Date,
    /// The practice's code.
    pub practice: String,
    /// Who viewed.
    pub person: Vec<u8>,
}

/// What an event of a practice counts for. An event counts for the areas that its practice is in when it is folded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whereabouts {
    /// The areas that it is always in.
    pub always: BTreeSet<String>,
    /// The areas that it is in at times.
    pub at_times: BTreeSet<String>,
}

/// Which figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// Records viewed.
    Views,
    /// Distinct people who viewed.
    Viewers,
}

/// A figure of an area over days.
pub type FigureOf = (Figure, String, Days);

/// Events of a source that were not counted for one reason, as they are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Whose.
    pub source: SourceLife,
    /// The first of them.
    pub first_sequence: u64,
    /// The last of them.
    pub last_sequence: u64,
    /// How many.
    pub count: u64,
    /// Why.
    pub reason: String,
}

/// What is known of each source: up to where its events are acknowledged.
type Acknowledged = BTreeMap<SourceLife, u64>;

fn is_acknowledged(acknowledged: &Acknowledged, source: &SourceLife, sequence: u64) -> bool {
    acknowledged.get(source).is_some_and(|last| sequence <= *last)
}

/// Views, and who viewed: at least these, and at most these.
#[derive(Default)]
struct Bounds<'a> {
    least: (u64, BTreeSet<&'a [u8]>),
    most: (u64, BTreeSet<&'a [u8]>),
}

/// What is wrong with these figures, in words: nothing, where each is between what was acknowledged and what was sent, of the areas and
/// days that are asked about. What is not told is taken for nought.
pub fn figures_breaches(
    sent: &[SentView],
    acknowledged: &Acknowledged,
    places: &BTreeMap<String, Whereabouts>,
    asked: &[Days],
    told: &BTreeMap<FigureOf, u64>,
) -> Vec<String> {
    let mut bounds: BTreeMap<(&str, Days), Bounds<'_>> = BTreeMap::new();
    for (_, area, days) in told.keys() {
        bounds.entry((area, *days)).or_default();
    }
    for view in sent {
        let Some(Whereabouts { always, at_times }) = places.get(&view.practice) else { continue };
        let is_least = is_acknowledged(acknowledged, &view.source, view.sequence);
        for days in asked.iter().filter(|(first, last)| *first <= view.day && view.day <= *last) {
            let areas = always.iter().map(|area| (area, is_least)).chain(at_times.iter().map(|area| (area, false)));
            for (area, is_least) in areas {
                let of_area = bounds.entry((area, *days)).or_default();
                of_area.most.0 += 1;
                of_area.most.1.insert(&view.person);
                if is_least {
                    of_area.least.0 += 1;
                    of_area.least.1.insert(&view.person);
                }
            }
        }
    }
    let mut breaches = Vec::new();
    for ((area, (first, last)), Bounds { least, most }) in bounds {
        let of = |figure| told.get(&(figure, area.to_owned(), (first, last))).copied().unwrap_or(0);
        let views = (Figure::Views, "views", least.0, most.0);
        let viewers = (Figure::Viewers, "viewers", least.1.len() as u64, most.1.len() as u64);
        for (figure, name, least, most) in [views, viewers] {
            let value = of(figure);
            if value < least || most < value {
                breaches.push(format!(
                    "I29: {area} from {first} to {last}: {value} {name} are told, and there were {least} to {most}"
                ));
            }
        }
    }
    breaches
}

/// What is wrong with the last days on which anybody viewed, by practice, in words: nothing, where each is no earlier than the last that
/// was acknowledged and one of those that were sent.
pub fn last_viewed_breaches(
    sent: &[SentView],
    acknowledged: &Acknowledged,
    told: &BTreeMap<String, Option<Date>>,
) -> Vec<String> {
    let mut breaches = Vec::new();
    for (practice, day) in told {
        let here = || sent.iter().filter(|view| view.practice == *practice);
        let is_least = |view: &&SentView| is_acknowledged(acknowledged, &view.source, view.sequence);
        let least = here().filter(is_least).map(|view| view.day).max();
        let is_sent = day.is_none() || here().any(|view| Some(view.day) == *day);
        if *day < least || !is_sent {
            breaches.push(format!("{practice} is said to have been viewed last on {day:?}, and was on {least:?}"));
        }
    }
    breaches
}

/// What is wrong with what is told of events that were not counted, in words: nothing, where they are those that were wrong, of each
/// source all that were acknowledged, none twice, and for the reason for which they are wrong.
pub fn quarantine_breaches(
    sent: &[SentEvent],
    acknowledged: &Acknowledged,
    reason: &str,
    told: &[Quarantined],
) -> Vec<String> {
    let mut breaches = Vec::new();
    let mut sources: BTreeMap<&SourceLife, BTreeSet<u64>> =
        sent.iter().map(|event| (&event.source, BTreeSet::new())).collect();
    for of_batch in told {
        let Quarantined { source, first_sequence, last_sequence, count, reason: said } = of_batch;
        let wrong = sent.iter().filter(|event| event.source == *source && event.cell.is_none());
        let sequences: BTreeSet<u64> = wrong.map(|event| event.sequence).collect();
        let within = sequences.range(first_sequence..=last_sequence).count() as u64;
        let has_ends = sequences.contains(first_sequence) && sequences.contains(last_sequence);
        if said != reason || within != *count || !has_ends {
            breaches.push(format!(
                "I29: {count} events of {source:?} from {first_sequence} to {last_sequence} are in quarantine for {said}; {within} \
                 of them are wrong, for {reason}"
            ));
        }
        let told = sources.entry(source).or_default();
        let again: Vec<u64> = sequences
            .range(first_sequence..=last_sequence)
            .copied()
            .filter(|sequence| !told.insert(*sequence))
            .collect();
        if !again.is_empty() {
            breaches.push(format!("I29: events {again:?} of {source:?} are in quarantine twice"));
        }
    }
    for (source, told) in sources {
        let wrong = sent.iter().filter(|event| event.source == *source && event.cell.is_none());
        let owed = wrong.filter(|event| is_acknowledged(acknowledged, source, event.sequence));
        let missing: Vec<u64> = owed.map(|event| event.sequence).filter(|sequence| !told.contains(sequence)).collect();
        if !missing.is_empty() {
            breaches.push(format!("I29: events {missing:?} of {source:?} are wrong and not in quarantine"));
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life() -> SourceLife {
        ("app".to_owned(), 1)
    }

    fn day(number: i8) -> Date {
        jiff::civil::date(2031, 6, number)
    }

    /// Two days at two practices, one of which moves; 1 views on both days and at both.
    fn sent() -> Vec<SentView> {
        let view = |(sequence, practice, on, person): (u64, &str, i8, u8)| SentView {
            source: life(),
            sequence,
            day: day(on),
            practice: practice.to_owned(),
            person: vec![person],
        };
        [(1, "A81001", 3, 1), (2, "A81001", 3, 1), (3, "A81002", 4, 1), (4, "A81001", 4, 2)].map(view).to_vec()
    }

    fn places() -> BTreeMap<String, Whereabouts> {
        let set = |areas: &[&str]| areas.iter().map(|area| (*area).to_owned()).collect();
        BTreeMap::from([
            ("A81001".to_owned(), Whereabouts { always: set(&["england", "icbs/QHM"]), at_times: set(&[]) }),
            ("A81002".to_owned(), Whereabouts { always: set(&["england"]), at_times: set(&["icbs/QHM", "icbs/QOQ"]) }),
        ])
    }

    fn found(acknowledged: u64, changes: &[(Figure, &str, i8, i8, u64)]) -> usize {
        let asked = [(day(3), day(3)), (day(4), day(4)), (day(3), day(4))];
        let of = |area: &str, first, last, views, viewers| {
            let days = (day(first), day(last));
            [((Figure::Views, area.to_owned(), days), views), ((Figure::Viewers, area.to_owned(), days), viewers)]
        };
        let right = [
            of("england", 3, 3, 2, 1),
            of("england", 4, 4, 2, 2),
            of("england", 3, 4, 4, 2),
            of("icbs/QHM", 3, 3, 2, 1),
            of("icbs/QHM", 4, 4, 2, 2),
            of("icbs/QHM", 3, 4, 4, 2),
        ];
        let mut told: BTreeMap<FigureOf, u64> = right.into_iter().flatten().collect();
        for (figure, area, first, last, value) in changes {
            told.insert((*figure, (*area).to_owned(), (day(*first), day(*last))), *value);
        }
        figures_breaches(&sent(), &BTreeMap::from([(life(), acknowledged)]), &places(), &asked, &told).len()
    }

    #[test]
    fn figures_lie_between_what_was_acknowledged_and_what_was_sent() {
        assert_eq!(found(4, &[]), 0);
        assert_eq!(found(4, &[(Figure::Views, "icbs/QHM", 4, 4, 1), (Figure::Viewers, "icbs/QHM", 4, 4, 1)]), 0);
        assert_eq!(found(4, &[(Figure::Views, "icbs/QOQ", 4, 4, 1), (Figure::Viewers, "icbs/QOQ", 4, 4, 1)]), 0);
        assert_eq!(found(3, &[(Figure::Views, "england", 4, 4, 1), (Figure::Viewers, "england", 4, 4, 1)]), 0);
    }

    #[test]
    fn views_and_people_that_are_lost_doubled_or_made_up_are_found() {
        assert_eq!(found(4, &[(Figure::Views, "england", 4, 4, 1)]), 1, "one is lost");
        assert_eq!(found(4, &[(Figure::Views, "icbs/QHM", 3, 3, 0)]), 1, "so are these");
        assert_eq!(found(4, &[(Figure::Views, "england", 3, 3, 3)]), 1, "one is doubled");
        assert_eq!(found(4, &[(Figure::Viewers, "england", 3, 4, 3)]), 1, "one is counted on each of two days");
        assert_eq!(found(4, &[(Figure::Viewers, "england", 3, 4, 1)]), 1, "one is nobody");
        assert_eq!(found(4, &[(Figure::Viewers, "icbs/QOQ", 3, 3, 1)]), 1, "nobody was there on that day");
        assert_eq!(found(4, &[(Figure::Views, "suppliers/TPP", 4, 4, 1)]), 1, "nobody ever was");
    }

    #[test]
    fn a_last_day_that_is_too_early_or_made_up_is_found() {
        let found = |acknowledged: u64, told: Option<i8>| {
            let told = BTreeMap::from([("A81001".to_owned(), told.map(day))]);
            last_viewed_breaches(&sent(), &BTreeMap::from([(life(), acknowledged)]), &told).len()
        };
        assert_eq!((found(4, Some(4)), found(3, Some(4)), found(3, Some(3)), found(0, None)), (0, 0, 0, 0));
        assert_eq!((found(4, Some(3)), found(4, None), found(2, Some(5))), (1, 1, 1));
    }

    #[test]
    fn events_that_are_wrong_are_in_quarantine_once_and_for_their_reason() {
        let cell = || Some(("A81001".to_owned(), 1));
        let cells = [cell(), None, None, cell(), None];
        let sent: Vec<SentEvent> =
            cells.into_iter().zip(1..).map(|(cell, sequence)| SentEvent { source: life(), sequence, cell }).collect();
        let found = |acknowledged: u64, told: &[(u64, u64, u64, &str)]| {
            let told: Vec<Quarantined> = told
                .iter()
                .map(|(first_sequence, last_sequence, count, reason)| Quarantined {
                    source: life(),
                    first_sequence: *first_sequence,
                    last_sequence: *last_sequence,
                    count: *count,
                    reason: (*reason).to_owned(),
                })
                .collect();
            quarantine_breaches(&sent, &BTreeMap::from([(life(), acknowledged)]), "KIND", &told).len()
        };
        assert_eq!(found(5, &[(2, 3, 2, "KIND"), (5, 5, 1, "KIND")]), 0);
        assert_eq!(found(4, &[(2, 3, 2, "KIND")]), 0, "the last may not have come");
        assert_eq!(found(5, &[(2, 3, 2, "KIND")]), 1, "it was acknowledged and is not there");
        assert_eq!(found(3, &[(2, 3, 2, "KIND"), (2, 3, 2, "KIND")]), 1, "they are there twice");
        assert_eq!(
            found(3, &[(2, 2, 1, "KIND"), (2, 2, 1, "KIND")]),
            2,
            "one is there twice, and hides that one is missing"
        );
        assert_eq!(found(3, &[(2, 3, 2, "PRACTICE")]), 1, "for another reason");
        assert_eq!(found(3, &[(2, 4, 2, "KIND")]), 1, "that one was right");
    }
}

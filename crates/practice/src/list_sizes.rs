//! Registered patients across successions: counted once, at whoever is open (rule 9).
//!
//! Publications are monthly and successions are not. Until the next publication a successor counts what its predecessors
//! last had, with its own where it had any; of a split each successor counts an equal share, since nobody knows better
//! until somebody counts. A closed code's own count stays as it is, as the record of what it had.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use ods::PracticeCode;

use crate::directory::ListSize;
use crate::event::ListSizeInherited;
use crate::facts::Fact;
use crate::inheritance::is_new;
use crate::practice::Practice;
use crate::state::State;
use crate::succession::SuccessionTerms;

/// Patients on their way to an heir.
struct Share {
    patients: u32,
    sources: BTreeSet<String>,
}

/// The list sizes that successors carry over from the day of the succession on; empty where nobody counted.
pub(crate) fn carried(state: &State, terms: &SuccessionTerms) -> Vec<ListSizeInherited> {
    let predecessors: Vec<&Practice> =
        terms.predecessors.iter().filter_map(|code| state.practice(*code).map(AsRef::as_ref)).collect();
    let counted = predecessors.iter().filter_map(|predecessor| held_on(predecessor, terms.effective_from));
    let mut total: Option<Share> = None;
    for size in counted {
        let total = total.get_or_insert_with(|| Share { patients: 0, sources: BTreeSet::new() });
        total.patients = total.patients.saturating_add(size.patients);
        total.sources.insert(size.source.clone());
    }
    let mut carrying = Carrying { state, told: BTreeMap::new() };
    if let Some(total) = total {
        for (code, share) in terms.successors.iter().zip(shares(&total, terms.successors.len())) {
            let new = state.practice(*code).is_some_and(|heir| is_new(heir, &predecessors, terms));
            carrying.carry(*code, terms.effective_from, &share, new);
        }
    }
    let told = carrying.told.into_iter();
    told.map(|((practice, effective_from), list_size)| ListSizeInherited { practice, effective_from, list_size })
        .collect()
}

/// Equal parts; the first ones get what does not divide.
fn shares(total: &Share, count: usize) -> Vec<Share> {
    let parts = u32::try_from(count.max(1)).expect("a succession names at most fifty practices on a side");
    let (each, rest) = (total.patients / parts, total.patients % parts);
    let share = |part| Share { patients: each + u32::from(part < rest), sources: total.sources.clone() };
    (0..parts).map(share).collect()
}

fn held_on(practice: &Practice, day: Date) -> Option<&ListSize> {
    let fact: &Fact<ListSize> = practice.list_size.as_ref()?.as_of(day, Timestamp::MAX)?;
    Some(&fact.value)
}

struct Carrying<'a> {
    state: &'a State,
    told: BTreeMap<(PracticeCode, Date), ListSize>,
}

impl Carrying<'_> {
    /// Adds the share to what the heir counts from `day` on, up to the first publication that has counted it already;
    /// and to what has been carried on from there by then.
    fn carry(&mut self, code: PracticeCode, day: Date, share: &Share, new: bool) {
        let Some(heir) = self.state.practice(code) else { return };
        let closing = heir.succeeded().map(|closing| &closing.terms);
        let mut days = BTreeSet::from([day]);
        if let Some(facts) = &heir.list_size {
            days.extend(facts.iter().map(|fact| fact.effective_from).filter(|from| *from > day));
        }
        for day_then in days {
            if closing.is_some_and(|terms| terms.effective_from < day_then) {
                break;
            }
            let known = self.told.get(&(code, day_then)).or_else(|| held_on(heir, day_then));
            if known.is_some_and(|known| !known.carried_over && known.date >= day) {
                return;
            }
            let base = known.filter(|_| !(new && day_then == day));
            let mut sources = share.sources.clone();
            sources.extend(base.map(|base| base.source.clone()));
            let list_size = ListSize {
                patients: base.map_or(0, |base| base.patients).saturating_add(share.patients),
                source: sources.into_iter().collect::<Vec<_>>().join(", "),
                date: day_then,
                carried_over: true,
            };
            self.told.insert((code, day_then), list_size);
        }
        let Some(terms) = closing else { return };
        for (successor, part) in terms.successors.iter().zip(shares(share, terms.successors.len())) {
            self.carry(*successor, terms.effective_from, &part, false);
        }
    }
}

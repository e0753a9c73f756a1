//! Stocks that are kept as sums, so that a figure of England costs some hundred additions and no look at each practice.
//!
//! What a practice adds to its areas changes at few moments ([`steps`]). An area has the changes of all its practices in order of
//! time, with what they come to noted every so often ([`sums`]).
//!
//! The sums follow from the directory and the returns that were asked about last, and from nothing else. A question brings both:
//! of each practice that differs, what it added is taken out and what it adds is put in. So nobody has to say what changed, nothing
//! can be forgotten, and it does not matter whether a picture is later or earlier than the one before.
//!
//! They tell what was the case at any moment by all that is known. Of what was known earlier, of single practices and of small
//! areas nothing is kept here: [`Stocks::of`] works it out.

mod steps;
mod sums;

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use jiff::Timestamp;
use ods::Capability;

use self::steps::{Names, Step, steps};
use self::sums::{Addend, AreaSums, Totals};
use crate::area::{Area, Keeping};
use crate::day::Day;
use crate::directory::{Directory, Viewpoint};
use crate::returns::{ByPractice, Returns};
use crate::summary::{Stocks, Sums};

/// The sums of all areas of which people are kept, by capability.
#[derive(Debug, Default)]
pub struct KeptStocks {
    by_capability: BTreeMap<Capability, OfCapability>,
}

/// The sums of one capability.
#[derive(Debug, Default)]
struct OfCapability {
    /// What the sums are of.
    directory: Directory,
    returns: ByPractice,
    /// Nothing of that was recorded later.
    recorded_last: Option<Timestamp>,
    names: Names,
    /// By the number of the area.
    areas: Vec<AreaSums>,
}

impl KeptStocks {
    /// The same as [`Stocks::of`].
    #[must_use]
    pub fn of(&mut self, area: &Area, from: &Viewpoint, directory: &Directory, returns: &Returns) -> Stocks {
        match self.kept(area, &from.capability, directory, returns).filter(|kept| kept.tells_of(from)) {
            Some(kept) => kept.stocks(area, from.as_at),
            None => Stocks::of(area, from, directory, returns),
        }
    }

    /// The same where the area's sums are those of this very picture already: some microseconds. None where they are not, or where it
    /// takes a look at practices.
    #[must_use]
    pub fn of_followed(
        &self,
        area: &Area,
        from: &Viewpoint,
        directory: &Directory,
        returns: &Returns,
    ) -> Option<Stocks> {
        let kept = self.by_capability.get(&from.capability)?;
        let returned = returns.of_capability(&from.capability).map(crate::returns::OfCapability::by_practice);
        let follows = is_same(kept.directory.by_practice(), directory.by_practice())
            && returned.map_or(kept.returns.is_empty(), |returned| is_same(&kept.returns, returned));
        let is_kept = area.keeping() == Keeping::CountsAndPeople && kept.tells_of(from);
        if follows && is_kept { kept.stocks_if_settled(area, from.as_at) } else { None }
    }

    /// The sums, brought up to a picture. None where none are kept: also of a capability of which no supplier ever returned
    /// anything, since anybody may ask about any name.
    fn kept(
        &mut self,
        area: &Area,
        capability: &Capability,
        directory: &Directory,
        returns: &Returns,
    ) -> Option<&mut OfCapability> {
        if area.keeping() != Keeping::CountsAndPeople {
            return None;
        }
        let returned = returns.of_capability(capability).map(|returns| returns.by_practice().clone());
        if returned.is_none() && *capability != Capability::default() {
            return None;
        }
        let kept = self.by_capability.entry(capability.clone()).or_default();
        kept.follow(capability, directory, &returned.unwrap_or_default());
        Some(kept)
    }
}

impl OfCapability {
    /// Whether all that is summed was known then. Rarely asked: what was known before the last change.
    fn tells_of(&self, from: &Viewpoint) -> bool {
        self.recorded_last.is_none_or(|last| last <= from.known_at)
    }

    /// Makes the sums those of another picture.
    fn follow(&mut self, capability: &Capability, directory: &Directory, returns: &ByPractice) {
        let directory_before = mem::replace(&mut self.directory, directory.clone());
        let returns_before = mem::replace(&mut self.returns, returns.clone());
        let mut changed = differing(directory_before.by_practice(), directory.by_practice());
        changed.extend(differing(&returns_before, returns));
        for code in changed {
            let mut steps = |directory: &Directory, returns: &ByPractice| {
                let told = directory.record(code).map(|record| record.by_all_told(capability)).unwrap_or_default();
                steps(&told, returns.get(&code), &mut self.names)
            };
            let (before, _) = steps(&directory_before, &returns_before);
            let (after, recorded_last) = steps(directory, returns);
            self.recorded_last = self.recorded_last.max(recorded_last);
            self.replace(&before, &after);
        }
    }

    /// Takes out what a practice added and puts in what it adds. Nearly always both begin alike.
    fn replace(&mut self, before: &[Step], after: &[Step]) {
        let alike = before.iter().zip(after).take_while(|(one, other)| one == other).count();
        let last_alike = alike.checked_sub(1).map(|last| &before[last]);
        for (steps, sign) in [(before, -1), (after, 1)] {
            let mut last = last_alike;
            for step in &steps[alike..] {
                self.change(last, step, sign);
                last = Some(step);
            }
        }
    }

    /// Adds what changes with a step, or takes it away.
    fn change(&mut self, last: Option<&Step>, step: &Step, sign: i64) {
        self.areas.resize_with(self.names.areas_len(), AreaSums::default);
        let before = last.and_then(|last| last.adds.as_ref());
        let after = step.adds.as_ref();
        let stays = before.zip(after).is_some_and(|(before, after)| before.areas == after.areas);
        for (adds, others, sign) in [(before, after, -sign), (after, before, sign)] {
            let Some(adds) = adds else { continue };
            let others = others.filter(|_| stays);
            for addend in adds.addends().filter(|addend| !others.is_some_and(|others| others.has(addend))) {
                for area in adds.areas.iter() {
                    self.areas[area].change(step.from, addend, sign);
                }
            }
        }
    }

    fn stocks(&mut self, area: &Area, as_at: Timestamp) -> Stocks {
        let sums = self.names.area(area).and_then(|number| self.areas.get_mut(number));
        let totals = sums.map(|sums| sums.at(as_at)).unwrap_or_default();
        self.stocks_of(totals, as_at)
    }

    fn stocks_if_settled(&self, area: &Area, as_at: Timestamp) -> Option<Stocks> {
        let sums = self.names.area(area).and_then(|number| self.areas.get(number));
        let totals = sums.map_or_else(|| Some(Totals::default()), |sums| sums.at_if_settled(as_at))?;
        Some(self.stocks_of(totals, as_at))
    }

    fn stocks_of(&self, totals: Totals, as_at: Timestamp) -> Stocks {
        let mut sums = Sums::default();
        for (addend, total) in totals {
            let count = unsigned(total.count);
            let (sum, by) = match addend {
                Addend::Registered(by) => {
                    sums.practices += count;
                    (&mut sums.registered, by)
                }
                Addend::WithAccess(by) => {
                    sums.live += count;
                    (&mut sums.with_access, by)
                }
            };
            match by {
                Some(by) => sum.add(Some((unsigned(total.value), self.names.source(by.source), by.as_at))),
                None => sum.miss(count),
            }
        }
        sums.into_stocks(Day::of(as_at))
    }
}

/// Whether two maps are one, without a look at what they hold: also false of some that are equal.
fn is_same<K, V>(one: &OrdMap<K, V>, other: &OrdMap<K, V>) -> bool {
    one.ptr_eq(other) || (one.is_empty() && other.is_empty())
}

/// The keys of what differs between two maps.
fn differing<K: Ord + Copy, V: PartialEq>(one: &OrdMap<K, V>, other: &OrdMap<K, V>) -> BTreeSet<K> {
    let key = |difference| match difference {
        DiffItem::Add(key, _) | DiffItem::Remove(key, _) | DiffItem::Update { new: (key, _), .. } => *key,
    };
    one.diff(other).map(key).collect()
}

fn unsigned(sum: i64) -> u64 {
    u64::try_from(sum).expect("what was taken out of a sum was in it")
}

#[cfg(test)]
mod tests;

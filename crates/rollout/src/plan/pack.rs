//! Packs practices into days under the daily caps: deterministic, in a fixed order, with nobody starved (rule 12).
//!
//! Each day is filled in order. A practice that no longer fits into a day is overtaken by smaller ones on that day only:
//! on the next it stands at the head again, before a fresh cap, so that it waits for at most as many days as there are
//! practices before it. One that is larger than a cap is never placed, and said so.

use std::collections::BTreeMap;

use jiff::civil::Date;
use ods::{IcbCode, Supplier};

use crate::calendar::FreezeDays;
use crate::spec::{Cap, CapSet};
use crate::state::{CapScope, Load, Loads, scopes};

/// The days' loads so far, over all waves.
pub(super) struct Packer<'a> {
    caps: &'a CapSet,
    /// Scopes by the number that stands for them below: the nation is 0.
    numbers: BTreeMap<CapScope, usize>,
    limits: Vec<Cap>,
    /// Days on which nobody of a scope goes live.
    frozen: Vec<(usize, FreezeDays)>,
    days: BTreeMap<Date, Vec<Load>>,
}

/// The loads of all days at some moment.
pub(super) struct Taken(BTreeMap<Date, Vec<Load>>);

/// What is to be packed.
#[derive(Debug, Clone)]
pub(super) struct Parcel {
    scopes: Vec<usize>,
    load: Load,
}

const NATION: usize = 0;

impl<'a> Packer<'a> {
    /// Days that carry already what was sealed or booked for them; some are frozen by a supplier.
    pub(super) fn new<'b>(
        caps: &'a CapSet,
        freezes: BTreeMap<Supplier, FreezeDays>,
        taken: impl IntoIterator<Item = (Date, &'b Loads)>,
    ) -> Self {
        let (numbers, limits, frozen, days) = (BTreeMap::new(), Vec::new(), Vec::new(), BTreeMap::new());
        let mut packer = Self { caps, numbers, limits, frozen, days };
        packer.number(CapScope::National);
        for (supplier, days) in freezes {
            let number = packer.number(CapScope::Supplier(supplier));
            packer.frozen.push((number, days));
        }
        for (date, loads) in taken {
            for (scope, load) in loads.iter() {
                let number = packer.number(scope.clone());
                add(packer.days.entry(date).or_default(), number, load);
            }
        }
        packer
    }

    /// A practice as a parcel.
    pub(super) fn parcel(&mut self, supplier: &Supplier, icb: Option<IcbCode>, list_size: u32) -> Parcel {
        let scopes = scopes(supplier, icb).map(|scope| self.number(scope)).collect();
        Parcel { scopes, load: Load::of(list_size) }
    }

    /// Whether it fits into an empty day.
    pub(super) fn ever_fits(&self, parcel: &Parcel) -> bool {
        parcel.scopes.iter().all(|scope| parcel.load.within(self.limits[*scope]))
    }

    /// The day of each parcel, in their order; none where the days are full.
    pub(super) fn pack(&mut self, days: &[Date], parcels: &[Parcel]) -> Vec<Option<Date>> {
        let mut placed = vec![None; parcels.len()];
        let mut waiting: Vec<usize> = (0..parcels.len()).collect();
        for day in days {
            if waiting.is_empty() {
                break;
            }
            let frozen = self.frozen.iter().filter(|(_, days)| days.why(*day).is_some());
            let frozen: Vec<usize> = frozen.map(|(scope, _)| *scope).collect();
            let loads = self.days.entry(*day).or_default();
            let smallest = waiting.iter().map(|index| parcels[*index].load.patients).min().unwrap_or(0);
            let mut left = Vec::new();
            for (place, index) in waiting.iter().enumerate() {
                // Once not even the smallest fits the nation's cap, the rest of the queue need not be tried.
                let least = at(loads, NATION).plus(Load { practices: 1, patients: smallest });
                if !least.within(self.limits[NATION]) {
                    left.extend_from_slice(&waiting[place..]);
                    break;
                }
                let parcel = &parcels[*index];
                let has_room = |scope: usize| at(loads, scope).plus(parcel.load).within(self.limits[scope]);
                let fits = |scope: &usize| !frozen.contains(scope) && has_room(*scope);
                if parcel.scopes.iter().all(fits) {
                    for scope in &parcel.scopes {
                        add(loads, *scope, parcel.load);
                    }
                    placed[*index] = Some(*day);
                } else {
                    left.push(*index);
                }
            }
            waiting = left;
        }
        placed
    }

    /// Gives back the room of a parcel that was packed into a day.
    pub(super) fn take_back(&mut self, day: Date, parcel: &Parcel) {
        let Some(loads) = self.days.get_mut(&day) else { return };
        for scope in &parcel.scopes {
            loads[*scope] -= parcel.load;
        }
    }

    /// Empties every day; says what was in them.
    pub(super) fn clear(&mut self) -> Taken {
        Taken(std::mem::take(&mut self.days))
    }

    /// Puts back what was in the days, in place of what is in them now.
    pub(super) fn restore(&mut self, taken: Taken) {
        self.days = taken.0;
    }

    fn number(&mut self, scope: CapScope) -> usize {
        if let Some(number) = self.numbers.get(&scope) {
            return *number;
        }
        let number = self.limits.len();
        self.limits.push(self.caps.of(&scope));
        self.numbers.insert(scope, number);
        number
    }
}

fn at(loads: &[Load], scope: usize) -> Load {
    loads.get(scope).copied().unwrap_or_default()
}

fn add(loads: &mut Vec<Load>, scope: usize, load: Load) {
    if loads.len() <= scope {
        loads.resize(scope + 1, Load::default());
    }
    loads[scope] += load;
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::calendar::Freeze;

    fn days(count: i8) -> Vec<Date> {
        (1..=count).map(|day| date(2031, 5, day)).collect()
    }

    fn patients(most: u64) -> CapSet {
        CapSet { national: Cap { practices: None, patients: Some(most) }, ..CapSet::default() }
    }

    fn pack(caps: &CapSet, sizes: &[u32], count: i8) -> Vec<Option<i8>> {
        let mut packer = Packer::new(caps, BTreeMap::new(), []);
        let supplier: Supplier = "EMIS".parse().unwrap();
        let parcels: Vec<_> = sizes.iter().map(|size| packer.parcel(&supplier, None, *size)).collect();
        packer.pack(&days(count), &parcels).into_iter().map(|day| day.map(Date::day)).collect()
    }

    #[test]
    fn a_large_practice_is_overtaken_on_a_day_and_then_stands_first() {
        // 6,000 no longer fits behind the first 5,000; the small ones that fill up the day do not delay it further.
        assert_eq!(
            pack(&patients(10_000), &[5_000, 6_000, 4_000, 4_000, 1_000], 3),
            [Some(1), Some(2), Some(1), Some(2), Some(1)]
        );
    }

    #[test]
    fn what_is_larger_than_the_cap_is_never_placed() {
        assert_eq!(pack(&patients(10_000), &[10_001, 10_000], 2), [None, Some(1)]);
    }

    #[test]
    fn an_icb_that_is_full_does_not_stop_the_others() {
        let caps = CapSet { each_icb: Cap { practices: Some(1), patients: None }, ..CapSet::default() };
        let mut packer = Packer::new(&caps, BTreeMap::new(), []);
        let supplier: Supplier = "TPP".parse().unwrap();
        let (one, other) = ("QOC".parse().ok(), "QHM".parse().ok());
        let parcels = [one, one, other].map(|icb| packer.parcel(&supplier, icb, 100));
        assert_eq!(
            packer.pack(&days(2), &parcels),
            [Some(date(2031, 5, 1)), Some(date(2031, 5, 2)), Some(date(2031, 5, 1))]
        );
    }

    #[test]
    fn a_supplier_that_has_frozen_a_day_does_not_stop_the_others() {
        let (tpp, emis): (Supplier, Supplier) = ("TPP".parse().unwrap(), "EMIS".parse().unwrap());
        let release = Freeze::new(date(2031, 5, 1), date(2031, 5, 2), "release").unwrap();
        let freezes = BTreeMap::from([(tpp.clone(), FreezeDays::from_iter([release]))]);
        let caps = CapSet { national: Cap { practices: Some(1), patients: None }, ..CapSet::default() };
        let mut packer = Packer::new(&caps, freezes, []);
        let parcels = [&tpp, &emis, &emis, &emis].map(|supplier| packer.parcel(supplier, None, 100));
        // On the third day the one that stood first since the first does so still.
        let days_of_each = [Some(date(2031, 5, 3)), Some(date(2031, 5, 1)), Some(date(2031, 5, 2)), None];
        assert_eq!(packer.pack(&days(3), &parcels), days_of_each);
    }

    #[test]
    fn what_is_booked_already_counts() {
        let caps = CapSet { national: Cap { practices: Some(1), patients: None }, ..CapSet::default() };
        let supplier: Supplier = "TPP".parse().unwrap();
        let mut taken = Loads::default();
        taken.add(&supplier, None, Load::of(5));
        let mut packer = Packer::new(&caps, BTreeMap::new(), [(date(2031, 5, 1), &taken)]);
        let parcel = packer.parcel(&supplier, None, 5);
        assert_eq!(packer.pack(&days(2), &[parcel]), [Some(date(2031, 5, 2))]);
    }

    proptest! {
        /// Rule 4 for plans, and rule 12: whoever fits an empty day waits for no more days than there are before it.
        #[test]
        fn caps_hold_on_every_day_and_nobody_starves(
            sizes in prop::collection::vec(1_u32..20_000, 1..60),
            most in 20_000_u64..60_000,
        ) {
            let placed = pack(&patients(most), &sizes, 28);
            let mut sums = BTreeMap::new();
            for (index, (day, size)) in placed.iter().zip(&sizes).enumerate() {
                if let Some(day) = day {
                    *sums.entry(*day).or_insert(0) += u64::from(*size);
                    prop_assert!(usize::try_from(*day).unwrap() <= index + 1);
                } else {
                    prop_assert!(index >= 28, "number {index} was never placed");
                }
            }
            prop_assert!(sums.values().all(|sum| *sum <= most));
        }
    }
}

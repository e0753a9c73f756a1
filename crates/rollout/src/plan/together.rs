//! Networks of practices that stay together: a wave takes all of one that have a turn to come, or none.
//!
//! A network that mixes suppliers is no special case: its practices are one unit, each of them is packed against its own
//! supplier's caps and dates, and where one of them finds no room the others wait with it for a wave with room for all.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::Date;
use ods::{PcnCode, PracticeCode, Supplier};

use super::expand::Drafting;
use super::queue::Compiled;
use super::{PlacedBy, Plan};
use crate::id::WaveId;
use crate::spec::{Take, Together};

/// Practices that a wave takes together or not at all, with what puts each there.
pub(super) type Unit = Vec<(PracticeCode, PlacedBy)>;

impl Drafting<'_> {
    /// Those who match a wave, in units; each unit stands where the first of it does.
    pub(super) fn units(&mut self, wave: &Compiled<'_>, matching: Vec<(PracticeCode, PlacedBy)>) -> Vec<Unit> {
        if self.at.spec.keep_together == Together::Practices {
            return matching.into_iter().map(|one| vec![one]).collect();
        }
        let mut networks: BTreeMap<PcnCode, Unit> = BTreeMap::new();
        for (code, by) in &matching {
            if let Some(pcn) = self.network(*code, *by) {
                networks.entry(pcn).or_default().push((*code, *by));
            }
        }
        let matched: BTreeSet<PracticeCode> = matching.iter().map(|(code, _)| *code).collect();
        for (code, free) in self.free.iter().filter(|(code, _)| !matched.contains(*code)) {
            let has_its_turn = free.deferred_to.is_none() && free.suits(wave.spec) && self.may_be_told(wave, *code);
            let left_behind = free.facts.pcn.filter(|_| has_its_turn).and_then(|pcn| networks.remove(&pcn));
            self.apart.extend(left_behind.into_iter().flatten().map(|(code, _)| code));
        }
        let mut units = Vec::new();
        for (code, by) in matching {
            match self.network(code, by) {
                Some(pcn) => units.extend(networks.remove(&pcn)),
                None => units.push(vec![(code, by)]),
            }
        }
        units
    }

    /// The network that a practice moves with: none for one that was listed by name or objected, and where it is in none.
    fn network(&self, code: PracticeCode, by: PlacedBy) -> Option<PcnCode> {
        let pcn = self.free.get(&code)?.facts.pcn?;
        (by == PlacedBy::Cohort && !pcn.is_unallocated()).then_some(pcn)
    }

    /// Takes as many as the wave takes; the others are crowded out.
    pub(super) fn take(&mut self, wave: &Compiled<'_>, units: Vec<Unit>) -> Vec<Unit> {
        let Take::Practices(most) = wave.spec.take else { return units };
        let open_days = wave.rules.open_days(&self.at.state.calendar, self.at.now);
        let mut room = usize::try_from(most).unwrap_or(usize::MAX);
        let mut taken = Vec::new();
        for unit in units {
            if unit.len() <= room {
                room -= unit.len();
                taken.push(unit);
            } else {
                let codes: Vec<PracticeCode> = unit.iter().map(|(code, _)| *code).collect();
                self.crowded_out.extend(&codes);
                let is_taken_alone = unit.len() <= usize::try_from(most).unwrap_or(usize::MAX);
                if is_taken_alone && self.would_fit_empty_days(wave, &open_days, &codes) {
                    self.would_fit.extend(codes);
                }
            }
        }
        taken
    }

    /// Packs units into the wave's days; who finds no room is not in the reply, nor is anybody of their unit: what they would
    /// have used is for those behind them.
    pub(super) fn pack(&mut self, wave: &Compiled<'_>, units: &[Unit]) -> BTreeMap<PracticeCode, Option<Date>> {
        let open_days = wave.rules.open_days(&self.at.state.calendar, self.at.now);
        let codes = |units: &[Unit]| -> Vec<PracticeCode> { units.iter().flatten().map(|(code, _)| *code).collect() };
        if self.at.spec.keep_together == Together::Practices {
            return self.pack_members(wave, &open_days, &codes(units));
        }
        // To give each practice in turn the first day with room is the same as to fill each day in turn.
        let mut days = BTreeMap::new();
        for unit in units.chunks(1) {
            let members = codes(unit);
            let placed = self.pack_members(wave, &open_days, &members);
            if placed.len() == members.len() {
                days.extend(placed);
                continue;
            }
            self.take_back(placed);
            if self.would_fit_empty_days(wave, &open_days, &members) {
                self.would_fit.extend(members);
            }
        }
        days
    }

    fn take_back(&mut self, placed: BTreeMap<PracticeCode, Option<Date>>) {
        for (code, day) in placed {
            if let Some(day) = day {
                self.packer.take_back(day, &self.free[&code].parcel);
            }
        }
    }

    /// Whether a unit that found no room would find it if nobody else were in the wave. A practice by itself always would:
    /// one that is larger than a cap is no longer free.
    fn would_fit_empty_days(&mut self, wave: &Compiled<'_>, open_days: &[Date], members: &[PracticeCode]) -> bool {
        if members.len() == 1 {
            return true;
        }
        let taken = self.packer.clear();
        let placed = self.pack_members(wave, open_days, members);
        self.packer.restore(taken);
        placed.len() == members.len()
    }
}

/// A network whose practices are in several waves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApartPcn {
    /// The network.
    pub pcn: PcnCode,
    /// The waves that have practices of it, in order of number.
    pub waves: Vec<WaveId>,
    /// The suppliers of those practices.
    pub suppliers: Vec<Supplier>,
}

impl fmt::Display for ApartPcn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waves: Vec<String> = self.waves.iter().map(ToString::to_string).collect();
        let suppliers: Vec<&str> = self.suppliers.iter().map(Supplier::as_str).collect();
        write!(out, "{} in {}, with {}", self.pcn, waves.join(" and "), suppliers.join(" and "))
    }
}

impl Plan {
    /// Networks whose practices are in several of its waves, by code: their patients get access at different times, whether
    /// by their suppliers, the caps, or the waves' cohorts.
    #[must_use]
    pub fn pcns_apart(&self) -> Vec<ApartPcn> {
        let mut pcns: BTreeMap<PcnCode, (BTreeSet<WaveId>, BTreeSet<&Supplier>)> = BTreeMap::new();
        for wave in &self.waves {
            for member in &wave.members {
                let Some(pcn) = member.pcn else { continue };
                let (waves, suppliers) = pcns.entry(pcn).or_default();
                waves.insert(wave.id);
                suppliers.insert(&member.supplier);
            }
        }
        let apart = pcns.into_iter().filter(|(pcn, (waves, _))| !pcn.is_unallocated() && waves.len() > 1);
        let apart = apart.map(|(pcn, (waves, suppliers))| ApartPcn {
            pcn,
            waves: waves.into_iter().collect(),
            suppliers: suppliers.into_iter().cloned().collect(),
        });
        apart.collect()
    }
}

//! Which of a wave's days each of its practices may have: lanes of practices that share days.

use std::collections::BTreeMap;

use jiff::civil::Date;
use ods::PracticeCode;

use super::expand::Drafting;
use super::pack::Parcel;
use super::queue::Compiled;
use crate::spec::{Mode, WaveSpec};

impl Drafting<'_> {
    /// Packs practices into the wave's days, in their order; who finds no room is not in the reply.
    pub(super) fn pack_members(
        &mut self,
        wave: &Compiled<'_>,
        open_days: &[Date],
        practices: &[PracticeCode],
    ) -> BTreeMap<PracticeCode, Option<Date>> {
        let mut days = BTreeMap::new();
        for (lane, lane_days) in self.lanes(wave.spec, open_days, practices) {
            let Some(lane_days) = lane_days else {
                days.extend(lane.into_iter().map(|code| (code, None)));
                continue;
            };
            let parcels: Vec<Parcel> = lane.iter().map(|code| self.free[code].parcel.clone()).collect();
            let placed = self.packer.pack(&lane_days, &parcels);
            days.extend(lane.into_iter().zip(placed).filter(|(_, day)| day.is_some()));
        }
        days
    }

    /// Practices that share days: those by push, each supplier's by booked dates, those by self-service (no days).
    fn lanes(
        &self,
        wave: &WaveSpec,
        open_days: &[Date],
        practices: &[PracticeCode],
    ) -> Vec<(Vec<PracticeCode>, Option<Vec<Date>>)> {
        let mut pushed = Vec::new();
        let mut invited = Vec::new();
        let mut booked: BTreeMap<_, (Vec<PracticeCode>, Option<Vec<Date>>)> = BTreeMap::new();
        for code in practices {
            let free = &self.free[code];
            let Some(supplier) = &free.facts.supplier else { continue };
            match self.at.spec.mode_of(wave, supplier) {
                Some(Mode::Push) => pushed.push(*code),
                Some(Mode::SelfService) => invited.push(*code),
                Some(Mode::BookedDates) => {
                    booked.entry(supplier).or_insert_with(|| (Vec::new(), Some(self.booked(wave, free)))).0.push(*code);
                }
                None => {}
            }
        }
        let mut lanes = vec![(pushed, Some(open_days.to_vec()))];
        lanes.extend(booked.into_values());
        lanes.push((invited, None));
        lanes
    }
}

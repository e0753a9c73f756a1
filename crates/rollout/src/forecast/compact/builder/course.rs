//! A wave made compact: its windows, lists and freezes by number, and when what lies ahead of it is due.

use jiff::Timestamp;
use ods::Supplier;

use super::Builder;
use crate::calendar::day_bounds;
use crate::eligibility::{is_taken_back, lists};
use crate::forecast::compact::{Course, List, Micros, NOWHERE, OpenWindow, micros};
use crate::forecast::limits::Limit;
use crate::gate::fails_by_concerns;
use crate::plan::WaveRules;
use crate::spec::Mode;
use crate::state::{DueKind, Verdict, Wave, WaveStage};

impl Builder<'_> {
    fn frozen(&self, rules: &WaveRules) -> Vec<(u16, i32)> {
        let mut frozen = Vec::new();
        let lifted = |supplier: &Supplier| self.lifts(&Limit::SupplierFreezes(supplier.clone()));
        for (supplier, days) in rules.supplier_freezes.iter().filter(|(supplier, _)| !lifted(supplier)) {
            for freeze in days.iter() {
                let (first, last) = (freeze.first().max(rules.from), freeze.last().min(rules.until));
                frozen.extend((self.day(first)..=self.day(last)).map(|day| (self.desk(supplier), day)));
            }
        }
        frozen.sort_unstable();
        frozen
    }

    pub(super) fn course(&self, wave: &Wave, is_listed: bool) -> Course {
        let (programme, now) = (self.source.programme, self.source.now);
        let rules = &wave.rules;
        let any_day = self.lifts(&Limit::Dates) && wave.stage.is_before_open();
        let from = if any_day { wave.from.min(self.first_day) } else { wave.from };
        let windows = rules.windows_between(&self.source.state.calendar, from.max(self.first_day), wave.until);
        let windows = windows.filter(|window| window.skipped.is_none() && now < window.closes);
        let due = |wanted: fn(&DueKind) -> bool| {
            programme.pending_of(wave.id.wave).find(|due| wanted(&due.kind)).map(|due| due.at.as_microsecond())
        };
        let fix_at = due(|kind| *kind == DueKind::MembersFixed);
        let verdict = wave.gate.as_ref().map(|gate| gate.decision.as_ref().map_or(gate.verdict, |one| one.verdict));
        let verdict = verdict.filter(|_| wave.stage == WaveStage::Closed);
        let waived = self.lifts(&Limit::Gates);
        let to = rules.deferred_to.and_then(|to| self.courses_by_id.get(&to).copied());
        let after = rules.after.iter().filter_map(|one| self.courses_by_id.get(one).copied());
        let lists = self.lists(wave);
        let booked_until = rules.booked.values().filter_map(|booking| booking.dates.last());
        Course {
            id: wave.id.wave,
            is_listed,
            stage: wave.stage,
            changed_at: wave.changed_at.as_microsecond(),
            last_action_at: wave.last_action_at.map(Timestamp::as_microsecond),
            from_day: self.day(from),
            until_day: self.day(wave.until),
            windows: windows
                .map(|window| OpenWindow {
                    opens: window.opens.as_microsecond(),
                    closes: window.closes.as_microsecond(),
                    day: self.day(window.date),
                })
                .collect(),
            frozen: self.frozen(rules),
            booked_until: booked_until.map(|date| day_bounds(*date).1.as_microsecond()).max(),
            after: if waived { Vec::new() } else { after.collect() },
            passed: verdict == Some(Verdict::Pass),
            failed: (verdict == Some(Verdict::Fail) && !waived) || is_taken_back(wave),
            objections: rules.objections_end.zip(to).map(|(end, to)| (end.as_microsecond(), to)),
            joining: self.joining(wave, &lists),
            lists,
            fix_at: if any_day { fix_at.map(|_| self.compact.now) } else { fix_at },
            lapses_at: due(|kind| *kind == DueKind::InvitationsLapse),
            evaluate_at: due(|kind| *kind == DueKind::GateEvaluated),
            verdict_at: (wave.stage == WaveStage::Gate).then(|| self.people_decide_at()),
            soak: micros(rules.gate.soak),
            timeout: micros(rules.gate.timeout),
            live_terms: rules.gate.live_terms(),
            fails_by_concerns: fails_by_concerns(self.source.state, wave),
            is_waived: waived,
            attempts: self.source.model.suppliers.keys().map(|supplier| rules.attempts_of(supplier)).collect(),
            held_until: self.held_until(|hold| hold.scope.covers_wave(&wave.id)),
        }
    }

    pub(super) fn people_decide_at(&self) -> Micros {
        if self.lifts(&Limit::Gates) {
            return self.compact.now;
        }
        self.compact.now.saturating_add(micros(self.source.model.halts_take))
    }

    fn lists(&self, wave: &Wave) -> Vec<List> {
        let times = lists(wave).map(|list| List {
            desk: self.desk(&list.supplier),
            day: self.day(list.date),
            starts: day_bounds(list.date).0.as_microsecond(),
            opens: list.opens.as_microsecond(),
            closes: list.closes.as_microsecond(),
        });
        times.collect()
    }

    fn joining(&self, wave: &Wave, lists: &[List]) -> Vec<(Mode, u16)> {
        let spec = self.source.programme.plan().map(|plan| &plan.spec);
        let written = spec.and_then(|spec| spec.wave(wave.id.wave));
        let suppliers = self.source.model.suppliers.keys().enumerate();
        suppliers
            .map(|(desk, supplier)| {
                let mode = spec.zip(written).and_then(|(spec, written)| spec.mode_of(written, supplier));
                // Lists of a supplier stand in the order of their dates: who objected goes with the last.
                let last = lists.iter().rposition(|list| usize::from(list.desk) == desk);
                (mode.unwrap_or(Mode::Push), last.map_or(NOWHERE, |last| u16::try_from(last).unwrap_or(NOWHERE)))
            })
            .collect()
    }
}

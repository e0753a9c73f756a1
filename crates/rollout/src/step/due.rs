//! What fell due and was not acted on in its time: each with its one outcome (rule 3, I12, I13).

use jiff::Timestamp;
use jiff::civil::Date;

use super::Walk;
use crate::calendar::civil_date;
use crate::command::Proposal;
use crate::eligibility::earlier_in_the_way;
use crate::spec::Mode;
use crate::state::{
    Due, DueKind, DueOutcome, Enrolment, EnrolmentState, LATE_AFTER, MissReason, Programme, SkipPolicy, Wave, WaveStage,
};

impl Walk<'_> {
    pub(super) fn dues(&mut self, programme: &Programme, wave: &Wave) {
        for due in programme.pending_of(wave.id.wave) {
            if self.now < due.at {
                self.wake(due.at);
                continue;
            }
            if let Some(closes) = due.kind.closes() {
                self.wake(closes);
            }
            if let Some(outcome) = self.outcome(programme, wave, due) {
                self.proposals.push(Proposal::SettleDue { due: due.clone(), outcome });
            }
        }
    }

    /// What became of something due; none while it can still be acted on.
    fn outcome(&self, programme: &Programme, wave: &Wave, due: &Due) -> Option<DueOutcome> {
        match &due.kind {
            DueKind::WindowOpens { closes } => {
                if let Some(reason) = self.skipped(wave, due) {
                    return Some(DueOutcome::Skipped { reason });
                }
                let waiting = |one: &Enrolment| one.mode != Mode::BookedDates;
                (*closes <= self.now).then(|| {
                    let missed = self.not_acted_on(programme, wave, *closes, MissReason::NobodyReady, waiting);
                    match missed {
                        DueOutcome::Missed { reason: MissReason::NobodyReady } => {
                            frozen_on(wave, civil_date(due.at), waiting).unwrap_or(missed)
                        }
                        outcome => outcome,
                    }
                })
            }
            DueKind::ListOpens { supplier, date, closes } => {
                let waiting = |one: &Enrolment| one.planned_on == Some(*date) && one.supplier == *supplier;
                (*closes <= self.now)
                    .then(|| self.not_acted_on(programme, wave, *closes, MissReason::ListNotTaken, waiting))
            }
            DueKind::InvitationsLapse => Some(DueOutcome::Started),
            // Acted on by the wave's own steps; a wave that cannot take them any more has settled them.
            DueKind::MembersFixed | DueKind::GateEvaluated => None,
        }
    }

    /// The calendar's reason why the window does not open, by what is known at its moment (I16).
    fn skipped(&self, wave: &Wave, due: &Due) -> Option<SkipPolicy> {
        let timetable = wave.rules.timetable(&self.state.calendar);
        let end = due.at.saturating_add(jiff::SignedDuration::from_micros(1)).unwrap_or(Timestamp::MAX);
        let window = timetable.windows_between(due.at, end).next()?;
        window.skipped.map(|reason| SkipPolicy::Closed { reason })
    }

    fn not_acted_on(
        &self,
        programme: &Programme,
        wave: &Wave,
        closes: Timestamp,
        otherwise: MissReason,
        waits: impl Fn(&Enrolment) -> bool,
    ) -> DueOutcome {
        let mut waiting = those_who_wait(wave, waits);
        let Some(first) = waiting.next() else {
            return DueOutcome::Skipped { reason: SkipPolicy::NobodyWaiting };
        };
        let on_all = self.state.hold_on_wave(&wave.id).map(|hold| hold.id);
        let on_first = self.state.hold_on(wave.subject(first)).map(|hold| hold.id);
        let on_each = on_first.filter(|_| waiting.all(|one| self.state.hold_on(wave.subject(one)).is_some()));
        let reason = if let Some(hold) = on_all.or(on_each) {
            MissReason::Held { hold }
        } else if let Some(earlier) = earlier_in_the_way(programme, wave).filter(|_| wave.stage.is_before_open()) {
            MissReason::EarlierWave { wave: earlier }
        } else if closes.duration_until(self.now) > LATE_AFTER || wave.stage != WaveStage::Open {
            MissReason::Outage
        } else {
            otherwise
        };
        DueOutcome::Missed { reason }
    }
}

fn those_who_wait(wave: &Wave, waits: impl Fn(&Enrolment) -> bool) -> impl Iterator<Item = &Enrolment> {
    wave.enrolments().filter(move |one| {
        let state = one.stage.state();
        state.is_unsealed() && state != EnrolmentState::Invited && waits(one)
    })
}

/// That a window passed since the suppliers of all who waited had frozen its day; none where one could have gone.
fn frozen_on(wave: &Wave, date: Date, waits: impl Fn(&Enrolment) -> bool) -> Option<DueOutcome> {
    let reasons: Option<Vec<&str>> =
        those_who_wait(wave, waits).map(|one| wave.rules.frozen(&one.supplier, date)).collect();
    let why = (*reasons?.first()?).to_owned();
    Some(DueOutcome::Skipped { reason: SkipPolicy::SuppliersFrozen { why } })
}

//! What happens in a replay at a moment that follows from the replay itself: practices switch themselves on, and people decide
//! what halted, as long after it as they did in fact. What was given, and whom the replay asks, is not here.

use jiff::{SignedDuration, Timestamp};
use ods::PracticeCode;

use super::super::record::Halt;
use super::Play;
use crate::command::Act;
use crate::gate;
use crate::id::{Account, HoldId, WaveRef};
use crate::state::{EnrolmentStage, Verdict};
use crate::view::Observed;

/// Who decides a gate that nobody was asked about in fact.
const ASSUMED: &str = "ASSUMED";

/// What happens at a moment that follows from the replay itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    SwitchOn(WaveRef, PracticeCode),
    Decide(WaveRef),
    Acknowledge(WaveRef, HoldId),
    Lift(WaveRef, HoldId),
    /// Somebody may have something to say: a supplier that takes its list, statistics, a hook.
    Look,
}

impl Play<'_> {
    /// Whatever is due by now, in its order; whether anything came of it.
    pub(super) fn happen(&mut self) -> bool {
        let mut moved = false;
        while let Some((at, _)) = self.agenda.first()
            && *at <= self.now
        {
            let Some((_, deed)) = self.agenda.pop_first() else { break };
            moved |= self.happens(&deed);
        }
        moved
    }

    fn happens(&mut self, deed: &Deed) -> bool {
        let record = &self.question.record;
        let assumed = || (Account::new(ASSUMED), ASSUMED.to_owned());
        match deed {
            Deed::Look => false,
            Deed::SwitchOn(wave, practice) => {
                let programme = self.state.programme(&wave.programme);
                let enrolment = self.state.wave(wave).and_then(|wave| wave.enrolment(*practice));
                let is_invited = enrolment.is_some_and(|one| one.stage == EnrolmentStage::Invited);
                let Some(programme) = programme.filter(|_| is_invited) else { return false };
                let target = crate::id::Target { practice: *practice, capability: programme.capability.clone() };
                self.registry.observe(&target, Observed::On, self.now);
                true
            }
            Deed::Decide(wave) => {
                let decided = record.halt(wave).and_then(|halt| halt.decided.as_ref());
                let ((by, reason_code), verdict) = match decided {
                    Some((_, verdict, by)) => ((by.by.clone(), by.reason_code.clone()), *verdict),
                    None => (assumed(), Verdict::Pass),
                };
                self.act(&by, &reason_code, Act::DecideGate { wave: wave.clone(), verdict })
            }
            Deed::Acknowledge(wave, hold) => {
                let acknowledged = record.halt(wave).and_then(|halt| halt.acknowledged.as_ref());
                let signed = acknowledged.map(|(_, by)| (by.by.clone(), by.reason_code.clone()));
                let (by, reason_code) = signed.unwrap_or_else(assumed);
                self.act(&by, &reason_code, Act::AcknowledgeHalt { hold: *hold })
            }
            Deed::Lift(wave, hold) => {
                let lifted = record.halt(wave).and_then(|halt| halt.lifted.as_ref());
                let signed = lifted.map(|(_, by)| (by.by.clone(), by.reason_code.clone()));
                let (by, reason_code) = signed.unwrap_or_else(assumed);
                self.act(&by, &reason_code, Act::LiftHold { hold: *hold, etag: None })
            }
        }
    }

    fn at(&mut self, from: Timestamp, after: SignedDuration, deed: Deed) {
        let at = from.saturating_add(after).unwrap_or(Timestamp::MAX).max(self.now);
        self.agenda.insert((at, deed));
    }

    /// People decide a halt as they did in fact, as long after it. Where the gate did not halt in fact, they let it pass
    /// after the time that a forecast takes; where it did and nobody decided, nobody does.
    pub(super) fn await_people(&mut self, wave: &WaveRef, hold: HoldId, from: Timestamp) {
        let Some(Halt { decided, acknowledged, lifted, .. }) = self.question.record.halt(wave) else {
            let after = self.scenario.halts_take();
            self.assumed.verdicts_count += 1;
            self.at(from, after, Deed::Decide(wave.clone()));
            self.at(from, after, Deed::Acknowledge(wave.clone(), hold));
            self.at(from, after, Deed::Lift(wave.clone(), hold));
            return;
        };
        if let Some((after, ..)) = decided {
            self.at(from, *after, Deed::Decide(wave.clone()));
        }
        if let Some((after, _)) = acknowledged {
            self.at(from, *after, Deed::Acknowledge(wave.clone(), hold));
        }
        if let Some((after, _)) = lifted {
            self.at(from, *after, Deed::Lift(wave.clone(), hold));
        }
    }

    /// Statistics and hooks say what they said in fact, as long after the wave's last action.
    pub(super) fn await_evidence(&mut self, wave: &WaveRef) {
        let record = &self.question.record;
        let figures = record.figures.get(wave).into_iter().flatten().map(|(after, _)| *after);
        let hooks = record.hooks.get(wave).into_iter().flatten().map(|(after, _)| *after);
        let Some(from) = self.state.wave(wave).map(gate::last_action_at) else { return };
        let looks: Vec<_> = figures.chain(hooks).collect();
        looks.into_iter().for_each(|after| self.at(from, after, Deed::Look));
    }

    /// Who was asked switches itself on as it did in fact, as long after it was asked; who had not by the end of the record
    /// has not here for as long. Beyond that, and for whoever was never asked in fact, it is as a forecast has it.
    pub(super) fn await_self_service(&mut self, wave: &WaveRef, practice: PracticeCode, invited_at: Timestamp) {
        let (record, until) = (&self.question.record, self.question.until);
        let place = (wave.clone(), practice);
        let at = match record.invited.get(&place) {
            Some(Some(after)) => invited_at.saturating_add(*after).ok(),
            Some(None) => {
                let asked_at = record.invitations.get(&place).copied().unwrap_or(invited_at);
                let idle_until = invited_at.saturating_add(asked_at.duration_until(until)).unwrap_or(until);
                self.switches_itself_on_from(practice, idle_until)
            }
            None => self.switches_itself_on_from(practice, invited_at),
        };
        if let Some(at) = at {
            self.at(at, SignedDuration::ZERO, Deed::SwitchOn(wave.clone(), practice));
        }
    }

    fn switches_itself_on_from(&mut self, practice: PracticeCode, from: Timestamp) -> Option<Timestamp> {
        if self.question.until <= from {
            return None;
        }
        self.assumed.invitations_count += 1;
        self.scenario.self_enabled_at(practice, from)
    }
}

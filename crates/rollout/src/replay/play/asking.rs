//! Whom a replay asks, and what they say: the registry for permits, suppliers with booked dates for their lists, statistics and
//! hooks for what they said at gates; and the registry is told what came of it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::super::NoReplay;
use super::Play;
use crate::command::Fact;
use crate::effects;
use crate::event::Event;
use crate::gate;
use crate::id::ActivationKey;
use crate::list::{Standing, is_unwanted, supplier_list};
use crate::spec::Mode;
use crate::state::{PauseRef, Ruling, WaveStage};

/// How many of anything are asked about at a time.
const COUNT_MAX: usize = 1_000;

impl Play<'_> {
    pub(super) fn ask_permits(&mut self) -> Result<bool, NoReplay> {
        let released = effects::permits_to_release(&self.state, COUNT_MAX);
        released.iter().for_each(|key| self.registry.release(key));
        let mut moved = !released.is_empty() && self.learn(Fact::PermitsReleased { keys: released })?;
        let keys = effects::permits_to_acquire(&self.state, COUNT_MAX);
        if !keys.is_empty() {
            let answers = keys.into_iter().map(|key| (key.clone(), self.registry.acquire(key))).collect();
            moved |= self.learn(Fact::Permits { answers, registry_position: self.registry.view.position })?;
        }
        Ok(moved)
    }

    /// Suppliers with booked dates take their lists when they did in fact; for a date of which they took none in fact, as
    /// soon as they may.
    pub(super) fn take_lists(&mut self) -> Result<bool, NoReplay> {
        let booked = self.state.activations().filter(|one| one.mode == Mode::BookedDates);
        let withdrawn = booked.filter(|one| one.stage.state().is_under_way() && is_unwanted(&self.registry.view, one));
        let withdrawn: Vec<ActivationKey> =
            withdrawn.filter(|one| one.wave().is_some()).map(|one| one.key.clone()).collect();
        withdrawn.iter().for_each(|key| self.suppliers.call_back(key, self.now));
        let waves = self.state.programmes.values().flat_map(|programme| programme.waves.values());
        let open = waves.filter(|wave| wave.stage == WaveStage::Open);
        let suppliers: BTreeSet<_> =
            open.flat_map(|wave| wave.booked_suppliers().cloned().collect::<Vec<_>>()).collect();
        let record = &self.question.record;
        let mut moved = false;
        for supplier in suppliers {
            let acts_before = record.claims.get(&(supplier.clone(), self.now));
            let takes_now = acts_before.is_some_and(|count| *count <= self.acts_done());
            let mut practices = Vec::new();
            for entry in supplier_list(&self.state, &self.registry.view, &supplier, self.now).entries {
                let never_taken = !record.claimed.contains(&(supplier.clone(), entry.date));
                if let (Standing::Waiting(candidate), Some(wave)) = (entry.standing, entry.wave)
                    && (takes_now || never_taken)
                {
                    practices.push((wave, candidate));
                }
            }
            if !practices.is_empty() {
                let registry_position = self.registry.view.position;
                moved |= self.learn(Fact::ClaimBegun { supplier, practices, registry_position })?;
            }
        }
        Ok(moved)
    }

    pub(super) fn tell_registry(&mut self) -> Result<bool, NoReplay> {
        let endings = effects::permits_to_settle(&self.state, COUNT_MAX);
        endings.iter().for_each(|ending| self.registry.settle(&ending.key, &ending.outcome, self.now));
        let keys: Vec<ActivationKey> = endings.into_iter().map(|ending| ending.key).collect();
        let registry_position = self.registry.view.position;
        let mut moved = !keys.is_empty() && self.learn(Fact::PermitsSettled { keys, registry_position })?;
        let told = effects::pauses_to_tell(&self.state, COUNT_MAX);
        for one in &told {
            if let Ruling::InTime { until: Some(_), .. } = one.ruling {
                self.registry.end_pause(one.pause);
            }
        }
        let pauses: Vec<PauseRef> = told.into_iter().map(|one| one.pause).collect();
        moved |= !pauses.is_empty() && self.learn(Fact::PauseOutcomesTold { pauses })?;
        for own in effects::items_to_tell(&self.state) {
            moved |= self.learn(Fact::ReadinessTold { programme: own.programme, version: own.version })?;
        }
        Ok(moved)
    }

    /// What was said in fact of the wave by this time after its last action. It counts where it is of the same practices;
    /// else the gate waits in vain, as without an answer.
    pub(super) fn answer_gates(&mut self) -> Result<bool, NoReplay> {
        let questions = effects::gate_questions(&self.state, &self.registry.view, self.now);
        let record = &self.question.record;
        let mut moved = false;
        for question in questions.figures {
            let Some(wave) = self.state.wave(&question.wave) else { continue };
            let said = record.figures.get(&question.wave).map(Vec::as_slice).unwrap_or_default();
            let used = self.figures_used.entry(question.wave.clone()).or_default();
            let Some(figures) = latest(said, used, gate::last_action_at(wave), self.now) else { continue };
            let mut figures = figures.clone();
            (figures.last_action_at, figures.read_at) = (wave.last_action_at, self.now);
            self.record(&Event::GateFiguresRead { wave: question.wave, figures });
            moved = true;
        }
        for question in questions.hooks {
            let Some(wave) = self.state.wave(&question.wave) else { continue };
            let said = record.hooks.get(&question.wave).map(Vec::as_slice).unwrap_or_default();
            let used = self.hooks_used.entry(question.wave.clone()).or_default();
            let Some(answer) = latest(said, used, gate::last_action_at(wave), self.now) else { continue };
            moved |= self.learn(Fact::GateHookAnswered {
                wave: question.wave,
                hook: question.hook,
                last_action_at: question.last_action_at,
                verdict: answer.verdict,
                reason_code: answer.reason_code.clone(),
            })?;
        }
        Ok(moved)
    }
}

/// The latest that was said by now and not used yet; what came before it is out of date.
fn latest<'r, T>(said: &'r [(SignedDuration, T)], used: &mut usize, from: Timestamp, now: Timestamp) -> Option<&'r T> {
    let by_now = said.iter().take_while(|(after, _)| from.saturating_add(*after).is_ok_and(|at| at <= now)).count();
    let is_new = *used < by_now;
    *used = by_now.max(*used);
    said.get(by_now.checked_sub(1)?).filter(|_| is_new).map(|(_, what)| what)
}

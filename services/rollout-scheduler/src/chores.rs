//! Chores at the registry: permits to ask for, to settle and to give back; pauses whose judgement it is to be told, and
//! readiness items of a programme's own.
//!
//! Which there are is read from the state each time; each is done, then recorded as done. Done twice, a chore changes
//! nothing: permits are idempotent by the key, a judgement by the pause. One that fails is tried again, and stops no other:
//! neither another kind, nor the same of another wave (I21).

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use journal::{Engine, Published, Submission};
use rollout::effects::{self, ItemsToTell, PauseToTell, ToSettle};
use rollout::state::PauseRef;
use rollout::{ActivationKey, Fact, WaveRef};
use tracing::{Instrument, Span};

use crate::grpc::{Asking, KEYS_MAX, Registry, Settled, Told};
use crate::machine::{Command, SchedulerMachine};
use crate::parts;
use crate::patience::{LeaseLost, Part, PartError, Patience};
use crate::permits::{Permits, by_scheduler};
use crate::trace::WaveTraces;

/// What is read from the state at a time, of each kind: more than a nation has, so that one wave's failure hides nothing of
/// another.
const CHORES_LISTED_MAX: usize = 10_000;

/// Judgements told in a row; each is a call of its own.
const PAUSES_TOLD_MAX: usize = 200;

/// Does the chores.
pub(crate) struct Chores {
    pub(crate) engine: Engine<SchedulerMachine>,
    pub(crate) registry: Registry,
    pub(crate) permits: Permits,
    /// The highest position of the registry's journal that a call of ours was answered with.
    pub(crate) told: Arc<AtomicU64>,
}

/// What a round of chores came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// There was nothing to do, or what there is rests.
    Nothing,
    /// Something was done: there may be more.
    Something,
    /// The registry did not answer. The rest is not tried at once, so that suppliers' answers, and calls to them, do not wait
    /// for one time-out after another.
    BrokenOff,
}

/// A round of chores: under which epoch, at which moment, with what patience.
pub(crate) struct Round<'a> {
    pub(crate) epoch: u64,
    pub(crate) now: Timestamp,
    pub(crate) traces: &'a mut WaveTraces,
    pub(crate) patience: &'a mut Patience,
    /// What it has come to so far.
    pub(crate) done: Done,
}

impl Round<'_> {
    /// Whether a part is to be tried in this round.
    fn takes(&self, part: &Part) -> bool {
        self.done != Done::BrokenOff && !self.patience.rests(part, self.now)
    }

    /// Takes note of what came of a part; see [`Patience::heed`].
    fn heed<T>(&mut self, part: Part, outcome: Result<T, PartError>) -> Result<Option<T>, LeaseLost> {
        match &outcome {
            Ok(_) if self.done == Done::Nothing => self.done = Done::Something,
            _ if is_unanswered(&outcome) => self.done = Done::BrokenOff,
            _ => {}
        }
        self.patience.heed(part, outcome, self.now)
    }
}

impl Chores {
    /// Where the copy of the registry must be before it shows what we told the registry.
    pub(crate) fn registry_position_told(&self) -> u64 {
        self.told.load(Ordering::Relaxed)
    }

    /// Does what is to be done, as much as one round takes.
    pub(crate) async fn perform(&self, round: &mut Round<'_>) -> Result<Done, LeaseLost> {
        // Both at once, so that they share the registry's commits and ours. Endings come first: a receipt may wait for one.
        let (endings, permits) = (self.endings(round).await, self.permits(round).await);
        let (settled, acquired) = tokio::join!(self.settle(round.epoch, endings), self.acquire(round.epoch, permits));
        for (part, outcome) in settled.0.into_iter().chain(acquired.0) {
            round.heed(part, outcome)?;
        }
        self.release(round).await?;
        self.tell_pauses(round).await?;
        self.declare_items(round).await?;
        Ok(round.done)
    }

    /// Permits to ask for, by wave.
    async fn permits(&self, round: &mut Round<'_>) -> Vec<Chore<ActivationKey>> {
        let published = self.engine.published();
        let state = &published.state.rollout;
        let mut by_wave: BTreeMap<Option<WaveRef>, Vec<ActivationKey>> = BTreeMap::new();
        for key in effects::permits_to_acquire(state, CHORES_LISTED_MAX) {
            let wave = state.activation(&key).and_then(|activation| activation.wave().cloned());
            by_wave.entry(wave).or_default().push(key);
        }
        let mut chores = Vec::new();
        for (wave, mut keys) in by_wave {
            let part = Part::Permits(wave.clone());
            if round.takes(&part) {
                keys.truncate(KEYS_MAX);
                let span = tracing::info_span!(parent: None, "permits", count = keys.len());
                chores.push(self.chore(round, &published, part, wave.as_ref(), span, keys).await);
            }
        }
        chores
    }

    /// Endings to tell the registry, by wave.
    async fn endings(&self, round: &mut Round<'_>) -> Vec<Chore<ToSettle>> {
        let published = self.engine.published();
        let mut by_wave: BTreeMap<Option<WaveRef>, Vec<ToSettle>> = BTreeMap::new();
        for ended in effects::permits_to_settle(&published.state.rollout, CHORES_LISTED_MAX) {
            by_wave.entry(ended.wave.clone()).or_default().push(ended);
        }
        let mut chores = Vec::new();
        for (wave, mut ended) in by_wave {
            let part = Part::Settlements(wave.clone());
            if round.takes(&part) {
                ended.truncate(KEYS_MAX);
                let span = tracing::info_span!(parent: None, "settlement", count = ended.len());
                chores.push(self.chore(round, &published, part, wave.as_ref(), span, ended).await);
            }
        }
        chores
    }

    async fn chore<T>(
        &self,
        round: &mut Round<'_>,
        published: &Published<SchedulerMachine>,
        part: Part,
        wave: Option<&WaveRef>,
        span: Span,
        about: Vec<T>,
    ) -> Chore<T> {
        if let Some(wave) = wave {
            round.traces.adopt(&self.engine, &published.state, wave, &span).await;
        }
        Chore { part, cause: wave.map(ToString::to_string).unwrap_or_default(), span, about }
    }

    async fn acquire(&self, epoch: u64, chores: Vec<Chore<ActivationKey>>) -> Outcomes {
        let mut outcomes = Outcomes::default();
        for Chore { part, cause, span, about } in chores {
            let acquired = self.permits.acquire(&about, &cause, Some(epoch)).instrument(span).await;
            let told = acquired.map(|position| _ = self.told.fetch_max(position, Ordering::Relaxed));
            if outcomes.add(part, told.map_err(PartError::from)).is_break() {
                break;
            }
        }
        outcomes
    }

    async fn settle(&self, epoch: u64, chores: Vec<Chore<ToSettle>>) -> Outcomes {
        let mut outcomes = Outcomes::default();
        for Chore { part, cause, span, about } in chores {
            let settled = self.settle_in(epoch, &cause, &about).instrument(span).await;
            if outcomes.add(part, settled).is_break() {
                break;
            }
        }
        outcomes
    }

    async fn settle_in(&self, epoch: u64, cause: &str, ended: &[ToSettle]) -> Result<(), PartError> {
        let keys: Vec<ActivationKey> = ended.iter().map(|one| one.key.clone()).collect();
        let asking = Asking { request_id: self.permits.request_id("settle", cause, &keys), cause: cause.to_owned() };
        let Settled { keys, position, failed } = self.registry.settle(ended, asking).await?;
        self.told.fetch_max(position, Ordering::Relaxed);
        self.learn(epoch, cause, Fact::PermitsSettled { keys, registry_position: position }).await?;
        failed.map_or(Ok(()), |error| Err(error.into()))
    }

    async fn release(&self, round: &mut Round<'_>) -> Result<(), LeaseLost> {
        let keys = effects::permits_to_release(&self.engine.published().state.rollout, KEYS_MAX);
        if !keys.is_empty() && round.takes(&Part::Releases) {
            let released = self.release_these(round.epoch, keys).await;
            round.heed(Part::Releases, released)?;
        }
        Ok(())
    }

    async fn release_these(&self, epoch: u64, keys: Vec<ActivationKey>) -> Result<(), PartError> {
        let asking = Asking { request_id: self.permits.request_id("release", "", &keys), cause: String::new() };
        self.registry.release(&keys, asking).await?;
        self.learn(epoch, "", Fact::PermitsReleased { keys }).await
    }

    async fn tell_pauses(&self, round: &mut Round<'_>) -> Result<(), LeaseLost> {
        if !round.takes(&Part::JudgementsTold) {
            return Ok(());
        }
        let published = self.engine.published();
        let to_tell = effects::pauses_to_tell(&published.state.rollout, CHORES_LISTED_MAX);
        let mut pauses: Vec<PauseRef> = Vec::new();
        for judgement in to_tell {
            let part = Part::Judgement(judgement.pause);
            if pauses.len() < PAUSES_TOLD_MAX && round.takes(&part) {
                let told = self.tell_pause(published.position, &judgement).await;
                pauses.extend(round.heed(part, told)?.map(|()| judgement.pause));
            }
        }
        // Also where the round was broken off: what was told was told.
        if !pauses.is_empty() {
            let recorded = self.learn(round.epoch, "", Fact::PauseOutcomesTold { pauses }).await;
            round.heed(Part::JudgementsTold, recorded)?;
        }
        Ok(())
    }

    async fn tell_pause(&self, position: u64, judgement: &PauseToTell) -> Result<(), PartError> {
        let PauseRef { practice, number } = judgement.pause;
        let request_id = format!("scheduler/pause/{position}/{practice}/{number}");
        let asking = Asking { request_id, cause: judgement.judged_by.to_string() };
        match self.registry.set_pause_outcome(judgement, asking).await? {
            Told::Recorded => {}
            Told::TooLate { reason } => {
                tracing::info!(%practice, pause = number, reason, "a judgement came too late for the registry");
            }
        }
        Ok(())
    }

    async fn declare_items(&self, round: &mut Round<'_>) -> Result<(), LeaseLost> {
        for own in effects::items_to_tell(&self.engine.published().state.rollout) {
            let part = Part::Items(own.programme.clone());
            if round.takes(&part) {
                let declared = self.declare(round.epoch, own).await;
                round.heed(part, declared)?;
            }
        }
        Ok(())
    }

    async fn declare(&self, epoch: u64, own: ItemsToTell) -> Result<(), PartError> {
        let request_id = format!("scheduler/readiness/{}/{}", own.programme.as_str(), own.version.0);
        self.registry.declare_items(&own, Asking { request_id, cause: String::new() }).await?;
        let ItemsToTell { programme, version, .. } = own;
        self.learn(epoch, "", Fact::ReadinessTold { programme, version }).await
    }

    async fn learn(&self, epoch: u64, cause: &str, fact: Fact) -> Result<(), PartError> {
        let commands = parts::in_parts(fact).into_iter().map(rollout::Command::Learn);
        let submission = |command| Submission::new(Command::fenced(epoch, command), by_scheduler(cause));
        parts::any(commands.map(|command| parts::submit(&self.engine, submission(command)))).await?;
        Ok(())
    }
}

/// A call to the registry about what one wave has, or switch-offs.
struct Chore<T> {
    part: Part,
    cause: String,
    span: Span,
    about: Vec<T>,
}

/// What came of chores that were done one after the other.
#[derive(Default)]
struct Outcomes(Vec<(Part, Result<(), PartError>)>);

impl Outcomes {
    /// Breaks off where the registry does not answer.
    fn add(&mut self, part: Part, outcome: Result<(), PartError>) -> ControlFlow<()> {
        let goes_on = if is_unanswered(&outcome) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        self.0.push((part, outcome));
        goes_on
    }
}

fn is_unanswered<T>(outcome: &Result<T, PartError>) -> bool {
    matches!(outcome, Err(PartError::Registry(error)) if error.is_unanswered())
}

//! Chores at the registry: permits to ask for, to settle and to give back, and pauses whose judgement it is to be told.
//!
//! Which there are is read from the state each time; each is done, then recorded as done. Done twice, a chore changes
//! nothing: permits are idempotent by the key, a judgement by the pause.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use journal::{Engine, Submission, SubmitError};
use rollout::effects::{self, ToSettle};
use rollout::state::PauseRef;
use rollout::{ActivationKey, Fact, WaveRef};
use tracing::Instrument;

use crate::grpc::{Asking, KEYS_MAX, Registry};
use crate::machine::{Command, Rejection, SchedulerMachine};
use crate::peer::PeerError;
use crate::permits::{Permits, PermitsError, by_scheduler};
use crate::trace::WaveTraces;

/// Judgements told in a row; each is a call of its own.
const PAUSES_TOLD_MAX: usize = 200;

/// Why a chore was not done, or not recorded. It is done again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChoresError {
    /// The registry did not answer, or refused.
    #[error("the registry did not answer")]
    Registry(#[from] PeerError),
    /// The journal did not take the record.
    #[error("what was done at the registry was not recorded")]
    Journal(#[from] SubmitError<Rejection>),
}

impl From<PermitsError> for ChoresError {
    fn from(error: PermitsError) -> Self {
        match error {
            PermitsError::Registry(error) => Self::Registry(error),
            PermitsError::Journal(error) => Self::Journal(error),
        }
    }
}

/// Does the chores.
pub(crate) struct Chores {
    pub(crate) engine: Engine<SchedulerMachine>,
    pub(crate) registry: Registry,
    pub(crate) permits: Permits,
    /// The highest position of the registry's journal that a call of ours was answered with.
    pub(crate) told: Arc<AtomicU64>,
}

impl Chores {
    /// Where the copy of the registry must be before it shows what we told the registry.
    pub(crate) fn registry_position_told(&self) -> u64 {
        self.told.load(Ordering::Relaxed)
    }

    /// Does what is to be done, as much as one round takes; whether there was anything.
    pub(crate) async fn perform(&self, epoch: u64, traces: &mut WaveTraces) -> Result<bool, ChoresError> {
        // Endings first: a receipt may wait for one, and what has settled makes room.
        let settled = self.settle(epoch, traces).await?;
        let acquired = self.acquire(epoch, traces).await?;
        let released = self.release(epoch).await?;
        let told = self.tell_pauses(epoch).await?;
        Ok(settled || acquired || released || told)
    }

    async fn acquire(&self, epoch: u64, traces: &mut WaveTraces) -> Result<bool, ChoresError> {
        let published = self.engine.published();
        let state = &published.state.rollout;
        let mut by_wave: BTreeMap<Option<WaveRef>, Vec<ActivationKey>> = BTreeMap::new();
        for key in effects::permits_to_acquire(state, KEYS_MAX) {
            let wave = state.activation(&key).and_then(|activation| activation.wave().cloned());
            by_wave.entry(wave).or_default().push(key);
        }
        let any = !by_wave.is_empty();
        for (wave, keys) in by_wave {
            let span = tracing::info_span!(parent: None, "permits", count = keys.len());
            if let Some(wave) = &wave {
                traces.adopt(&self.engine, &published.state, wave, &span).await;
            }
            let position = self.permits.acquire(&keys, &cause(wave.as_ref()), Some(epoch)).instrument(span).await?;
            self.told.fetch_max(position, Ordering::Relaxed);
        }
        Ok(any)
    }

    async fn settle(&self, epoch: u64, traces: &mut WaveTraces) -> Result<bool, ChoresError> {
        let published = self.engine.published();
        let mut by_wave: BTreeMap<Option<WaveRef>, Vec<ToSettle>> = BTreeMap::new();
        for ended in effects::permits_to_settle(&published.state.rollout, KEYS_MAX) {
            by_wave.entry(ended.wave.clone()).or_default().push(ended);
        }
        let any = !by_wave.is_empty();
        for (wave, ended) in by_wave {
            let span = tracing::info_span!(parent: None, "settlement", count = ended.len());
            if let Some(wave) = &wave {
                traces.adopt(&self.engine, &published.state, wave, &span).await;
            }
            self.settle_in(epoch, &cause(wave.as_ref()), ended).instrument(span).await?;
        }
        Ok(any)
    }

    async fn settle_in(&self, epoch: u64, cause: &str, ended: Vec<ToSettle>) -> Result<(), ChoresError> {
        let keys: Vec<ActivationKey> = ended.iter().map(|one| one.key.clone()).collect();
        let asking = Asking { request_id: self.permits.request_id("settle", &keys), cause: cause.to_owned() };
        let registry_position = self.registry.settle(&ended, asking).await?;
        self.told.fetch_max(registry_position, Ordering::Relaxed);
        self.learn(epoch, cause, Fact::PermitsSettled { keys, registry_position }).await
    }

    async fn release(&self, epoch: u64) -> Result<bool, ChoresError> {
        let keys = effects::permits_to_release(&self.engine.published().state.rollout, KEYS_MAX);
        if keys.is_empty() {
            return Ok(false);
        }
        let asking = Asking { request_id: self.permits.request_id("release", &keys), cause: String::new() };
        self.registry.release(&keys, asking).await?;
        self.learn(epoch, "", Fact::PermitsReleased { keys }).await?;
        Ok(true)
    }

    async fn tell_pauses(&self, epoch: u64) -> Result<bool, ChoresError> {
        let to_tell = effects::pauses_to_tell(&self.engine.published().state.rollout, PAUSES_TOLD_MAX);
        if to_tell.is_empty() {
            return Ok(false);
        }
        let position = self.engine.published().position;
        let mut pauses: Vec<PauseRef> = Vec::new();
        for judgement in to_tell {
            let request_id =
                format!("scheduler/pause/{position}/{}/{}", judgement.pause.practice, judgement.pause.number);
            let asking = Asking { request_id, cause: judgement.judged_by.to_string() };
            let told = self.registry.set_pause_outcome(&judgement, asking).await;
            match told {
                Ok(()) => {}
                // It has ended meanwhile, or is of another kind by now: there is nothing left to tell.
                Err(error) if !error.is_unanswered() => {
                    tracing::info!(error = &error as &dyn std::error::Error, "a judgement came too late");
                }
                Err(error) => return Err(error.into()),
            }
            pauses.push(judgement.pause);
        }
        self.learn(epoch, "", Fact::PauseOutcomesTold { pauses }).await?;
        Ok(true)
    }

    async fn learn(&self, epoch: u64, cause: &str, fact: Fact) -> Result<(), ChoresError> {
        let command = Command::fenced(epoch, rollout::Command::Learn(fact));
        self.engine.submit(Submission::new(command, by_scheduler(cause)), |_| Vec::new()).await?;
        Ok(())
    }
}

fn cause(wave: Option<&WaveRef>) -> String {
    wave.map(ToString::to_string).unwrap_or_default()
}

//! Forecasts at the edge: what the journal has taught is kept and goes on with it, futures are played on threads.
//!
//! It holds no policy: `rollout::forecast` learns, plays and sums up. A forecast is of a published state and a copy of the
//! registry, neither of which changes any more, and is played on threads that neither serve nor decide. One is made at a
//! time; a few wait their turn, and more are turned away. When a caller goes, or their deadline passes, the playing stops
//! with the run that it is at.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;
use journal::{Engine, JournalError, Published};
use rollout::forecast::{Experience, Forecaster, Gain, Model, NoForecast, Outlook, Question, Run};
use rollout::{ProgrammeId, RegistryView};
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

use crate::machine::{Event, SchedulerMachine};

/// Records read at a time while learning: a plan's is of half a megabyte, and others want the store meanwhile.
pub(crate) const RECORDS_MAX: usize = 64;

/// Forecasts under way and waiting: each takes seconds, and a caller's patience ends after a few of them.
const CALLERS_MAX: usize = 8;

/// A limit is judged by a tenth of the forecast's futures, which is enough to rank limits: both sides meet the same ones.
const RUNS_PER_LIMIT_SHARE: u32 = 10;

/// But by at least so many.
const RUNS_PER_LIMIT_MIN: u32 = 20;

/// How far the threads that play stand behind those that serve and decide: where both want a core, they get one part in
/// thirty of it. The loops' threads, which are niced by less, go before them too.
const NICENESS: i32 = 15;

/// Makes forecasts. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Forecasts {
    callers: Arc<Semaphore>,
    /// Whoever holds it makes the forecast.
    learned: Arc<Mutex<Learned>>,
}

/// What the journal taught up to a position.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    position: u64,
    experience: Experience,
}

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) programme: ProgrammeId,
    pub(crate) seed: u64,
    pub(crate) runs_count: u32,
    pub(crate) now: Timestamp,
}

/// A forecast.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) outlook: Outlook,
    /// Those that gain most first.
    pub(crate) gains: Vec<Gain>,
    pub(crate) model: Arc<Model>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ForecastError {
    #[error(transparent)]
    None(#[from] NoForecast),
    #[error("the journal cannot be read")]
    Journal(#[from] JournalError),
    #[error("{CALLERS_MAX} forecasts are under way or waiting")]
    Crowded,
    #[error("a thread that played futures came to grief")]
    Thread,
    /// Heard by nobody.
    #[error("whoever asked for the forecast has gone")]
    CallerGone,
}

impl Default for Forecasts {
    fn default() -> Self {
        Self { callers: Arc::new(Semaphore::new(CALLERS_MAX)), learned: Arc::default() }
    }
}

impl Forecasts {
    /// Makes a forecast of a state and a copy of the registry. Once the future is dropped the playing stops.
    ///
    /// # Errors
    /// Where the programme has no plan in force, too many wait already, or the journal cannot be read.
    pub(crate) async fn make(
        &self,
        engine: &Engine<SchedulerMachine>,
        published: &Published<SchedulerMachine>,
        view: RegistryView,
        wanted: Wanted,
    ) -> Result<Made, ForecastError> {
        let (_caller, learned) = self.turn(engine, published.position).await?;
        let state = published.state.rollout.clone();
        while_wanted(move |gone| play(state, view, &learned.experience, wanted, gone)).await
    }

    /// Waits for a turn, and has read the journal up to a position by then. The turn is over when both are dropped.
    ///
    /// # Errors
    /// Where too many wait already, or the journal cannot be read.
    pub(crate) async fn turn(
        &self,
        engine: &Engine<SchedulerMachine>,
        position: u64,
    ) -> Result<(SemaphorePermit<'_>, OwnedMutexGuard<Learned>), ForecastError> {
        let caller = self.callers.try_acquire().map_err(|_| ForecastError::Crowded)?;
        let mut learned = Arc::clone(&self.learned).lock_owned().await;
        learned.go_on(engine, position).await?;
        Ok((caller, learned))
    }
}

impl Learned {
    pub(crate) fn experience(&self) -> &Experience {
        &self.experience
    }

    /// Reads on from where the last forecast stopped.
    async fn go_on(&mut self, engine: &Engine<SchedulerMachine>, until: u64) -> Result<(), JournalError> {
        while self.position < until {
            let limit = usize::try_from(until - self.position).unwrap_or(RECORDS_MAX).min(RECORDS_MAX);
            for recorded in engine.events(self.position, limit).await? {
                if let Event::Rollout(event) = &recorded.event {
                    self.experience.learn(event, recorded.recorded_at);
                }
            }
            self.position += limit as u64;
        }
        Ok(())
    }
}

/// Has something worked out on a thread for blocking work, and tells it when nobody waits for it any more.
pub(crate) async fn while_wanted<R: Send + 'static>(
    work: impl FnOnce(&CancellationToken) -> Result<R, ForecastError> + Send + 'static,
) -> Result<R, ForecastError> {
    let gone = CancellationToken::new();
    let _told_when_dropped = gone.clone().drop_guard();
    let worked_out = tokio::task::spawn_blocking(move || work(&gone));
    worked_out.await.map_err(|_| ForecastError::Thread)?
}

fn play(
    state: rollout::State,
    view: RegistryView,
    experience: &Experience,
    wanted: Wanted,
    gone: &CancellationToken,
) -> Result<Made, ForecastError> {
    let Wanted { programme: id, seed, runs_count, now } = wanted;
    let programme = state.programme(&id).ok_or_else(|| NoForecast::UnknownProgramme(id.clone()))?;
    let model = Arc::new(Model::of(experience, programme, &view, now));
    let forecaster = Forecaster::new(Question { state, view, programme: id, model: model.clone(), seed, now })?;
    let runs = on_all_cores(runs_count, gone, |number| run(&forecaster, number, gone))?;
    let few = (runs_count / RUNS_PER_LIMIT_SHARE).max(RUNS_PER_LIMIT_MIN).min(runs_count);
    let limits = forecaster.limits();
    let gains = on_all_cores(u32::try_from(limits.len()).unwrap_or(u32::MAX), gone, |number| {
        let limit = &limits[number as usize];
        let without = forecaster.without(limit)?;
        let without = (0..few).map(|number| run(&without, number, gone)).collect::<Result<Vec<_>, _>>()?;
        Ok(forecaster.gain(limit.clone(), &runs, &without))
    })?;
    Ok(Made { outlook: forecaster.outlook(&runs), gains: Gain::ranked(gains), model })
}

fn run(forecaster: &Forecaster, number: u32, gone: &CancellationToken) -> Result<Run, ForecastError> {
    if gone.is_cancelled() {
        return Err(ForecastError::CallerGone);
    }
    Ok(forecaster.run(number))
}

/// Has pieces of work done on all cores, each by its number alone, so that the split changes no figure; results are in
/// the order of the numbers. The threads give way to those that serve and decide.
fn on_all_cores<R: Send>(
    count: u32,
    gone: &CancellationToken,
    piece: impl Fn(u32) -> Result<R, ForecastError> + Sync,
) -> Result<Vec<R>, ForecastError> {
    let next = AtomicU32::new(0);
    let take = || {
        give_way();
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(done);
            }
            if gone.is_cancelled() {
                return Err(ForecastError::CallerGone);
            }
            done.push((number, piece(number)?));
        }
    };
    let threads_count = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let mut done = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads_count).map(|_| scope.spawn(take)).collect();
        let mut done = Vec::new();
        for thread in threads {
            done.extend(thread.join().map_err(|_| ForecastError::Thread)??);
        }
        Ok::<_, ForecastError>(done)
    })?;
    done.sort_by_key(|(number, _)| *number);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

/// Has this thread stand behind others of the machine. On Linux niceness is a thread's own, and stays with it.
pub(crate) fn give_way() {
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::warn!(%error, niceness = NICENESS, "the threads that play do not give way");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_hears_that_nobody_waits_for_it_any_more() {
        let (begun, began) = tokio::sync::oneshot::channel();
        let (ended, end) = tokio::sync::oneshot::channel();
        let asking = tokio::spawn(while_wanted(move |gone| {
            begun.send(()).unwrap();
            // Without an end of its own: else this would prove nothing.
            while !gone.is_cancelled() {
                std::thread::yield_now();
            }
            ended.send(()).unwrap();
            Err::<(), _>(ForecastError::CallerGone)
        }));
        began.await.unwrap();
        asking.abort();
        end.await.unwrap();
    }
}

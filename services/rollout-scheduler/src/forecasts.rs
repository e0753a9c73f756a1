//! Forecasts at the edge: what was learned so far is kept and goes on with the journal, futures are played on threads.
//!
//! It holds no policy: `rollout::forecast` learns, plays and sums up. One forecast is made at a time, since each takes
//! every core that there is for seconds; whoever asks meanwhile waits, up to their own deadline.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use journal::{Engine, JournalError, Published};
use rollout::forecast::{Experience, Forecaster, Gain, Model, NoForecast, Outlook, Question, Run};
use rollout::{ProgrammeId, RegistryView};
use tokio::sync::Semaphore;

use crate::machine::{Event, SchedulerMachine};

/// Records read at a time while learning: a few thousand practices' names at most.
const RECORDS_MAX: usize = 500;

/// Of each limit's runs: a tenth of the forecast's, which is enough to rank them, since both meet the same futures.
const RUNS_PER_LIMIT_SHARE: u32 = 10;

/// But at least so many.
const RUNS_PER_LIMIT_MIN: u32 = 20;

/// Makes forecasts. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Forecasts {
    learned: Arc<Mutex<Learned>>,
    turn: Arc<Semaphore>,
}

/// What the journal taught up to a position.
#[derive(Clone, Debug, Default)]
struct Learned {
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
    #[error("a thread that played futures came to grief")]
    Thread,
}

impl Default for Forecasts {
    fn default() -> Self {
        Self { learned: Arc::default(), turn: Arc::new(Semaphore::new(1)) }
    }
}

impl Forecasts {
    /// Makes a forecast of a state and a copy of the registry.
    ///
    /// # Errors
    /// Where the programme has no plan in force, or the journal cannot be read.
    pub(crate) async fn make(
        &self,
        engine: &Engine<SchedulerMachine>,
        published: &Published<SchedulerMachine>,
        view: RegistryView,
        wanted: Wanted,
    ) -> Result<Made, ForecastError> {
        let turn = Arc::clone(&self.turn).acquire_owned().await.map_err(|_| ForecastError::Thread)?;
        let experience = self.learn(engine, published.position).await?;
        let state = published.state.rollout.clone();
        let played = tokio::task::spawn_blocking(move || {
            // Held to the end, also where nobody waits for the answer any more.
            let _turn = turn;
            play(state, view, &experience, wanted)
        });
        played.await.map_err(|_| ForecastError::Thread)?
    }

    /// Reads on from where the last forecast stopped.
    async fn learn(&self, engine: &Engine<SchedulerMachine>, until: u64) -> Result<Experience, JournalError> {
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner).clone();
        while learned.position < until {
            let limit = usize::try_from(until - learned.position).unwrap_or(RECORDS_MAX).min(RECORDS_MAX);
            for recorded in engine.events(learned.position, limit).await? {
                if let Event::Rollout(event) = &recorded.event {
                    learned.experience.learn(event, recorded.recorded_at);
                }
            }
            learned.position += limit as u64;
        }
        let experience = learned.experience.clone();
        *self.learned.lock().unwrap_or_else(PoisonError::into_inner) = learned;
        Ok(experience)
    }
}

fn play(
    state: rollout::State,
    view: RegistryView,
    experience: &Experience,
    wanted: Wanted,
) -> Result<Made, ForecastError> {
    let Wanted { programme: id, seed, runs_count, now } = wanted;
    let programme = state.programme(&id).ok_or_else(|| NoForecast::UnknownProgramme(id.clone()))?;
    let model = Arc::new(Model::of(experience, &state, programme, &view, now));
    let forecaster = Forecaster::new(Question { state, view, programme: id, model: model.clone(), seed, now })?;
    let runs = runs_of(&forecaster, runs_count)?;
    let few = (runs_count / RUNS_PER_LIMIT_SHARE).max(RUNS_PER_LIMIT_MIN).min(runs_count);
    let mut gains = Vec::new();
    for limit in forecaster.limits() {
        let without = runs_of(&forecaster.without(&limit)?, few)?;
        gains.push(forecaster.gain(limit, &runs, &without));
    }
    Ok(Made { outlook: forecaster.outlook(&runs), gains: Gain::ranked(gains), model })
}

/// Plays futures on every core: a run depends on its number alone.
fn runs_of(forecaster: &Forecaster, count: u32) -> Result<Vec<Run>, ForecastError> {
    let threads_count = std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
    let share = count.div_ceil(threads_count).max(1);
    std::thread::scope(|scope| {
        let shares = (0..threads_count).map(|thread| (thread * share).min(count)..((thread + 1) * share).min(count));
        let threads: Vec<_> = shares.map(|numbers| scope.spawn(move || forecaster.runs(numbers))).collect();
        let mut runs = Vec::new();
        for thread in threads {
            runs.extend(thread.join().map_err(|_| ForecastError::Thread)?);
        }
        Ok(runs)
    })
}

//! Replays at the edge: what was recorded since a moment is read from the journal and the registry, and played on threads.
//!
//! It holds no policy: `rollout::replay` plays and compares. Replays take turns with forecasts, under the same limits, and
//! stop as those do when a caller goes. The registry says how practices were at the beginning, and each state that they came
//! into since.

use std::sync::Arc;

use jiff::Timestamp;
use journal::{Engine, Published};
use rollout::forecast::Model;
use rollout::plan::Change;
use rollout::replay::{Comparison, NoReplay, Policy, Question, Record, Timeline};
use rollout::spec::Violation;
use rollout::{ProgrammeId, RegistryView};
use tokio_util::sync::CancellationToken;

use crate::forecasts::{ForecastError, Forecasts, RECORDS_MAX, give_way, while_wanted};
use crate::grpc::{Registry, Stretch};
use crate::history;
use crate::machine::{Event, SchedulerMachine};
use crate::peer::PeerError;

/// Days that are replayed at most: a year and what it takes to look back on it.
pub(crate) const DAYS_MAX: i64 = 400;

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) programme: ProgrammeId,
    pub(crate) policy: Policy,
    pub(crate) since: Timestamp,
    /// None where the record is played up to now.
    pub(crate) until: Option<Timestamp>,
    pub(crate) now: Timestamp,
}

/// A replay.
#[derive(Debug)]
pub(crate) struct Replayed {
    pub(crate) comparison: Comparison,
    /// The terms that are others.
    pub(crate) changes: Vec<Change>,
    /// How long people are taken to need for a gate that halted in the replay only.
    pub(crate) model: Arc<Model>,
    /// Where the record that was played ends.
    pub(crate) position: u64,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    #[error(transparent)]
    None(#[from] NoReplay),
    /// As for a forecast.
    #[error(transparent)]
    Forecast(#[from] ForecastError),
    #[error("the registry does not tell what it had recorded")]
    Registry(#[from] PeerError),
    #[error("the policy cannot be: {0:?}")]
    Policy(Vec<Violation>),
}

impl Forecasts {
    /// Plays the record between two moments under a policy and under the one that held. Once the future is dropped the
    /// playing stops. `followed` is what the registry says now.
    ///
    /// # Errors
    /// Where there is no such programme, the policy cannot be, too many wait already, or something cannot be read.
    pub(crate) async fn replay(
        &self,
        engine: &Engine<SchedulerMachine>,
        published: &Published<SchedulerMachine>,
        registry: &Registry,
        followed: RegistryView,
        asked: Asked,
    ) -> Result<Replayed, ReplayError> {
        let (_caller, learned) = self.turn(engine, published.position).await?;
        let Asked { programme, policy, since, until, now } = asked;
        let unknown = || NoReplay::UnknownProgramme(programme.clone());
        let known_at = async |moment| {
            history::as_known_at(engine, published.position, moment).await.map_err(ForecastError::Journal)
        };
        let (end, last, followed) = match until {
            None => (published.state.clone(), published.position, followed),
            Some(until) => {
                let (end, last) = known_at(until).await?;
                (end, last, registry.known_at(until).await?)
            }
        };
        let stretch = Stretch { since, until, min_position: end.registry_position_highest };
        let until = until.unwrap_or(now);
        let known = end.rollout.programme(&programme).ok_or_else(unknown)?;
        let model = Arc::new(Model::of(learned.experience(), known, &followed, until));
        let (state, position) = known_at(since).await?;
        let mut record = Record::from(&state.rollout, &programme);
        read(engine, position, last, &mut record).await?;
        let mut view = registry.known_at(since).await?;
        let mut timeline = Timeline::from(&view);
        registry.states(stretch, |at, facts| timeline.learn(&record, at, facts)).await?;
        // It is not told of the past; what the scheduler had seen by then it knew.
        view.position = state.registry_position_highest;
        let question = Question {
            state: state.rollout,
            view,
            programme,
            since,
            until,
            record: Arc::new(record),
            changes: Arc::new(timeline.changes),
            model: model.clone(),
        };
        let violations = question.violations(&policy);
        if !violations.is_empty() {
            return Err(ReplayError::Policy(violations));
        }
        let changes = question.changes(&policy);
        let comparison = while_wanted(move |gone| Ok(compare(&question, &policy, gone))).await??;
        Ok(Replayed { comparison, changes, model, position: last })
    }
}

/// Takes what was recorded between two positions into the record.
async fn read(
    engine: &Engine<SchedulerMachine>,
    from: u64,
    until: u64,
    record: &mut Record,
) -> Result<(), ForecastError> {
    let mut position = from;
    while position < until {
        let limit = usize::try_from(until - position).unwrap_or(RECORDS_MAX).min(RECORDS_MAX);
        for recorded in engine.events(position, limit).await? {
            if let Event::Rollout(event) = &recorded.event {
                record.learn(event, recorded.recorded_at);
            }
        }
        position += limit as u64;
    }
    Ok(())
}

/// Plays both at the same time, on threads that give way to those that serve and decide.
fn compare(question: &Question, policy: &Policy, gone: &CancellationToken) -> Result<Comparison, NoReplay> {
    let is_wanted = || !gone.is_cancelled();
    let as_it_was = Policy::default();
    let play = |policy: &Policy| {
        give_way();
        question.play(policy, &is_wanted)
    };
    let (control, replayed) = std::thread::scope(|scope| {
        let threads = [&as_it_was, policy].map(|policy| scope.spawn(move || play(policy)));
        // A thread that came to grief takes this one with it, which its caller reports.
        let [control, replayed] =
            threads.map(|thread| thread.join().unwrap_or_else(|grief| std::panic::resume_unwind(grief)));
        (control, replayed)
    });
    Ok(question.compare(&control?, &replayed?))
}

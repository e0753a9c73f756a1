//! When a programme's practices will be live, with how much doubt, and what holds it back most.
//!
//! ```text
//!  journal ──learn──▶ Experience ──▶ Model ──seed, number──▶ Scenario ─┐
//!                                   (figures, errors)      (one future) ├──▶ Run ──┐
//!  State, RegistryView ──▶ compact programme ───────────────────────────┘   × many ├──▶ Outlook, Gains
//!                          (once more without each limit) ─────────────────────────┘
//! ```
//!
//! Many futures are drawn and each is played to its end by the scheduler's own rules, on a compact copy of the programme
//! that is held equal to [`step`](crate::step()) and [`decide`](crate::decide()) by a test. What comes out are quantiles:
//! of ten forecasts that are right, the truth lies between P10 and P90 in eight.
//!
//! A forecast is of the plan in force, carried out as it stands. It foresees no new hold and no new plan; holds are taken
//! to be lifted on the day of their review, halts a while after their gate, notice to be given today where it is owed, and
//! each of that is said with the forecast ([`Model`]). Nothing here runs by itself: the caller decides how many runs, on
//! how many threads. A run depends on nothing but its number, so that the split changes no figure.

mod compact;
mod experience;
mod limits;
mod model;
mod outlook;
mod play;
mod scenario;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use ods::PracticeCode;

use compact::{Compact, NEVER, Source};
use play::Play;

pub use experience::{Experience, ProgrammeRecord, SupplierRecord};
pub use limits::{CapOf, Limit};
pub use model::{Estimate, Model, SupplierModel};
pub use outlook::{Gain, Group, GroupOutlook, Month, Outlook, Quantiles};
pub use scenario::{Fate, FateAnswer, Scenario};

use crate::id::{ProgrammeId, WaveId};
use crate::state::{Programme, ProgrammeStage, State, WaveStage};
use crate::view::RegistryView;

/// A day on which a practice goes live, counted from the day of the forecast; [`Run::NEVER`] for none.
type RunDay = u16;

/// What a forecast is made of: cheap to clone, since states and views are.
#[derive(Debug, Clone)]
pub struct Question {
    /// The state, at rest.
    pub state: State,
    /// What the registry says.
    pub view: RegistryView,
    /// Which programme.
    pub programme: ProgrammeId,
    /// What is taken for likely.
    pub model: Arc<Model>,
    /// What chance is drawn from: the same seed gives the same forecast.
    pub seed: u64,
    /// The moment from which it looks ahead.
    pub now: Timestamp,
}

/// Why there is no forecast.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoForecast {
    /// There is no such programme.
    #[error("there is no programme {0}")]
    UnknownProgramme(ProgrammeId),
    /// No plan of it is being carried out.
    #[error("{programme} is {}: only a programme whose plan is in force has a forecast", stage.as_str())]
    NotActive {
        /// The programme.
        programme: ProgrammeId,
        /// Where it is.
        stage: ProgrammeStage,
    },
}

/// A programme ready to be played under any number of futures.
#[derive(Debug, Clone)]
pub struct Forecaster {
    question: Question,
    compact: Compact,
}

/// How one future came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its number.
    pub number: u32,
    /// By practice in order of code: the day on which it went live, counted from the day of the forecast.
    live_on: Vec<RunDay>,
}

/// One future to the moment, for whoever wants to look into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsal {
    /// Practices that went live in it and stayed so, with the moment.
    pub live_at: BTreeMap<PracticeCode, Timestamp>,
    /// Where each wave ended, and since when it is there.
    pub waves: BTreeMap<WaveId, (WaveStage, Timestamp)>,
}

impl Question {
    fn programme(&self) -> Result<&Programme, NoForecast> {
        let unknown = || NoForecast::UnknownProgramme(self.programme.clone());
        let programme = self.state.programme(&self.programme).ok_or_else(unknown)?;
        if programme.stage != ProgrammeStage::Active {
            return Err(NoForecast::NotActive { programme: self.programme.clone(), stage: programme.stage });
        }
        Ok(programme)
    }

    fn compact(&self, without: Option<&Limit>) -> Result<Compact, NoForecast> {
        let programme = self.programme()?;
        let source = Source { state: &self.state, view: &self.view, programme, model: &self.model, now: self.now };
        Ok(Compact::of(source, without))
    }
}

impl Forecaster {
    /// Makes a programme ready.
    ///
    /// # Errors
    /// Where there is no such programme, or no plan of it is in force.
    pub fn new(question: Question) -> Result<Self, NoForecast> {
        let compact = question.compact(None)?;
        Ok(Self { question, compact })
    }

    /// What it was made of.
    #[must_use]
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// The limits that this programme has, in order.
    #[must_use]
    pub fn limits(&self) -> Vec<Limit> {
        let Ok(programme) = self.question.programme() else { return Vec::new() };
        Limit::all(&self.question.state, programme, &self.question.model).into_iter().collect()
    }

    /// The same programme under the same futures with one limit out of the way.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn without(&self, limit: &Limit) -> Result<Self, NoForecast> {
        let model = Arc::new(limit.lifted_from(&self.question.model));
        let question = Question { model, ..self.question.clone() };
        let compact = question.compact(Some(limit))?;
        Ok(Self { question, compact })
    }

    /// The future of a number.
    #[must_use]
    pub fn scenario(&self, number: u32) -> Scenario {
        Scenario::new(&self.question.model, self.question.seed, number, self.question.now)
    }

    /// Plays futures to their ends. Any split of the numbers over threads gives the same runs.
    #[must_use]
    pub fn runs(&self, numbers: Range<u32>) -> Vec<Run> {
        numbers.map(|number| self.run(number)).collect()
    }

    /// Plays one future to its end.
    #[must_use]
    pub fn run(&self, number: u32) -> Run {
        let scenario = self.scenario(number);
        let played = Play::new(&self.compact, &scenario).played();
        let day = |at: &i64| RunDay::try_from(self.compact.day_of(*at).max(0)).unwrap_or(Run::NEVER);
        let live_on = played.live_at.iter().map(|at| if *at == NEVER { Run::NEVER } else { day(at) }).collect();
        Run { number, live_on }
    }

    /// Plays one future and says when what happened.
    #[must_use]
    pub fn rehearse(&self, number: u32) -> Rehearsal {
        let scenario = self.scenario(number);
        let played = Play::new(&self.compact, &scenario).played();
        let moment = |at: i64| Timestamp::from_microsecond(at).unwrap_or(Timestamp::MAX);
        let live = self.compact.practices.iter().zip(&played.live_at).filter(|(_, at)| **at != NEVER);
        let waves = self.compact.courses.iter().zip(&played.stages);
        Rehearsal {
            live_at: live.map(|(member, at)| (member.code, moment(*at))).collect(),
            waves: waves.map(|(course, (stage, at))| (course.id, (*stage, moment(*at)))).collect(),
        }
    }

    /// What runs come to, taken together. Their order does not matter.
    #[must_use]
    pub fn outlook(&self, runs: &[Run]) -> Outlook {
        Outlook::of(&self.compact, runs)
    }

    /// What was gained in runs of the same numbers without a limit.
    #[must_use]
    pub fn gain(&self, limit: Limit, runs: &[Run], without: &[Run]) -> Gain {
        Gain::of(&self.compact, limit, runs, without)
    }

    /// How many practices it is about.
    #[must_use]
    pub fn practices_count(&self) -> usize {
        self.compact.practices.len()
    }

    /// The last day that it looks at.
    #[must_use]
    pub fn last_day(&self) -> Date {
        self.compact.date_of(i32::try_from(self.compact.days_count()).unwrap_or(i32::MAX) - 1)
    }
}

impl Run {
    /// No day.
    const NEVER: RunDay = RunDay::MAX;
}

//! What the recorded past would have been like under another policy: who earlier, who later, who not at all, which gate
//! would have halted.
//!
//! ```text
//!  State, RegistryView at `since` ──┐
//!  journal since ──▶ Record ────────┤             ┌──▶ control: the policy as it was ──┐
//!  registry since ──▶ its changes ──┼──▶ Question ─┤                                    ├──▶ Comparison
//!  Experience ──▶ Model ────────────┘             └──▶ the same under a Policy ─────────┘
//! ```
//!
//! The real [`step`](crate::step()) and [`decide`](crate::decide()) run over the record. **Given** is what people and the
//! world did: plans and their approval, notices, holds, concerns, pauses, readiness, and how long each supplier took over
//! each request. **Made anew** is what the scheduler made of it: admissions, permits, seals, openings, gates. What a person
//! did is asked for again by the same person at the same moment; what the rules refuse by then is left out, and counted.
//! Where the replay asks something that nobody was asked in fact, a forecast's [`Model`](crate::forecast::Model) answers,
//! and that is counted too.
//!
//! Beside each replay the same past is played as it was, the control: what differs between the two is the policy's alone,
//! and how far the control strays from what happened says how far either can be trusted. What a replay cannot know is what
//! people would have done instead: another plan, another hold.

mod comparison;
mod course;
mod fit;
mod given;
mod play;
mod policy;
mod record;
mod registry;
mod suppliers;
mod timeline;

use std::sync::Arc;

use jiff::Timestamp;

pub use comparison::{Compared, Comparison, Effect, GateCompared, Group, Strayed};
pub use course::{Course, GateCourse};
pub use play::{Assumed, Played};
pub use policy::{CapTerms, Policy};
pub use record::Record;
pub use timeline::{PracticeChange, Timeline};

use crate::forecast::{Model, Scenario};
use crate::id::ProgrammeId;
use crate::plan::{Change, Plan};
use crate::rejection::Rejection;
use crate::spec::Violation;
use crate::state::{Programme, State};
use crate::view::RegistryView;

/// What is replayed: cheap to clone, since states and views are.
#[derive(Debug, Clone)]
pub struct Question {
    /// The state as it was at `since`.
    pub state: State,
    /// What the registry said then. Its position is not before any that the state names.
    pub view: RegistryView,
    /// Whose policy is another.
    pub programme: ProgrammeId,
    /// The moment from which on it is another.
    pub since: Timestamp,
    /// The end of the record.
    pub until: Timestamp,
    /// What the journal says of the time between.
    pub record: Arc<Record>,
    /// What the registry recorded between, in order of time.
    pub changes: Arc<Vec<PracticeChange>>,
    /// Who answers where nobody was asked in fact.
    pub model: Arc<Model>,
}

/// Why there is no replay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoReplay {
    /// There was no such programme, neither at the beginning nor at the end.
    #[error("there is no programme {0}")]
    UnknownProgramme(ProgrammeId),
    /// Nobody waits for it any more.
    #[error("whoever asked for the replay has gone")]
    Unwanted,
    /// It never came to rest: something is proposed for ever.
    #[error("the replay does not come to rest at {at}")]
    Restless {
        /// When.
        at: Timestamp,
    },
    /// What the world reports was refused.
    #[error("the replay's own report was refused at {at}")]
    Refused {
        /// When.
        at: Timestamp,
        /// Why.
        #[source]
        rejection: Box<Rejection>,
    },
}

impl Question {
    /// Plays the record under a policy; without any term it is the control. `is_wanted` is asked often; once it says no,
    /// the playing stops.
    ///
    /// # Errors
    /// Where the programme is not known, nobody waits any more, or the replay never comes to rest.
    pub fn play(&self, policy: &Policy, is_wanted: &dyn Fn() -> bool) -> Result<Played, NoReplay> {
        if self.state.programme(&self.programme).is_none() && !self.record.creates(&self.programme) {
            return Err(NoReplay::UnknownProgramme(self.programme.clone()));
        }
        let scenario = Scenario::new(&self.model, play::SEED, 0, self.since);
        play::Play::new(self, policy, &scenario, is_wanted).played()
    }

    /// The terms that a policy changes, of the plan in force at the beginning and of each that was submitted since.
    #[must_use]
    pub fn changes(&self, policy: &Policy) -> Vec<Change> {
        comparison::distinct(self.plans().flat_map(|plan| policy.changes(plan)))
    }

    /// What a policy makes wrong with any of those plans' documents, each thing once.
    #[must_use]
    pub fn violations(&self, policy: &Policy) -> Vec<Violation> {
        let mut violations = Vec::new();
        for violation in self.plans().flat_map(|plan| policy.violations(&plan.spec)) {
            if !violations.contains(&violation) {
                violations.push(violation);
            }
        }
        violations
    }

    fn plans(&self) -> impl Iterator<Item = &Plan> {
        let in_force = self.state.programme(&self.programme).and_then(Programme::plan);
        in_force.into_iter().chain(self.record.submitted(&self.programme))
    }

    /// What a policy came to.
    #[must_use]
    pub fn compare(&self, control: &Played, replayed: &Played) -> Comparison {
        Comparison::of(self, control, replayed)
    }
}

//! The rollout scheduler's core: plans waves, says what may move and why nothing does, accounts for every practice.
//!
//! ```text
//!  ProgrammeSpec ──plan::expand──▶ Plan ──approved by another person──▶ in force
//!        (what users write)         (waves and members, hash)              │
//!                                                                          ▼
//!  RegistryView ──┐                                     ┌── Command ──▶ decide ──▶ Event ──▶ apply ──▶ State
//!  State ─────────┼──▶ step ──▶ proposals, Report ──────┘       ▲                                        │
//!  now ───────────┘                                             └── people, registry, suppliers          │
//!                                      effects (what the service is to call), next_due, explain ◀────────┘
//! ```
//!
//! [`step()`] is level-triggered and only proposes; [`decide()`] judges every proposal again on the state of the moment.
//! What has to be called outside is listed from the state by [`effects`], so that the service holds no policy and a
//! restart resumes where the journal ends.
//!
//! Absent on purpose: any clock (functions take `now`), any I/O, any random source (order and chance are drawn, see
//! [`ods::draw`]), any hash map. Whether a pause came in time is the registry's to say: by the permit.

mod apply;
mod blocker;
pub mod calendar;
mod cohort;
mod command;
mod decide;
pub mod dispatch;
mod drift;
pub mod effects;
mod eligibility;
mod event;
mod explain;
pub mod forecast;
mod gate;
mod id;
mod information;
mod line;
pub mod list;
mod notice;
mod notice_status;
mod pace;
mod pairs;
pub mod plan;
mod readiness;
mod rejection;
pub mod replay;
mod report;
mod room;
mod small_sample;
pub mod spec;
pub mod state;
mod step;
mod turn;
mod undelivered;
mod view;

pub use apply::apply;
pub use blocker::{Blocker, Owner};
pub use cohort::Cohort;
pub use command::{
    Act, Candidate, Command, CountedPause, DisableCandidate, Fact, PermitAnswer, PracticeFigures, Proposal, Returned,
    SupplierAnswer, Unfit,
};
pub use decide::{decide, decide_and_fold};
pub use drift::{Drift, drift};
pub use event::{
    Admission, DisableIntent, DispatchMove, EnrolmentMove, Event, Joining, SealedDispatch, Settlement, Standing, Voided,
};
pub use explain::{Explanation, explain};
pub use id::{
    Account, ActivationKey, ConcernId, Direction, HoldId, NotAProgrammeId, PlanVersion, ProgrammeId, Target, WaveId,
    WaveRef,
};
pub use information::Information;
pub use line::{AT_ONCE_DEFAULT, Line, LineLimits, Silence, Urgency, Wait};
pub use notice_status::{DispatchKind, NoticeObstacle, NoticeStatus, notice_status};
pub use pace::{CLAIM_TIME, REPLY_TIME};
pub use readiness::{Lack, LackReason};
pub use rejection::Rejection;
pub use report::{Report, Still};
pub use room::Full;
pub use state::State;
pub use step::{next_due, step};
pub use undelivered::Undelivered;
pub use view::{
    AccessFacts, AdviceFacts, ItemState, Observed, PauseEnd, PauseFacts, PracticeFacts, ReadinessFacts, RegistryView,
};

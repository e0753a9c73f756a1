//! Why a person's command is refused. Each variant names the situation and carries its facts.

use jiff::Timestamp;
use jiff::civil::Date;
use ods::PracticeCode;

use crate::id::{Account, HoldId, PlanVersion, ProgrammeId, WaveRef};
use crate::plan::PlanHash;
use crate::spec::Violation;
use crate::state::{EnrolmentState, PlanStage, ProgrammeStage, WaveStage};

/// Why a command is refused. A stale proposal is no rejection: it is dropped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// A programme of that name exists.
    #[error("{0} exists already")]
    ProgrammeExists(ProgrammeId),
    /// No such programme.
    #[error("{0} does not exist")]
    UnknownProgramme(ProgrammeId),
    /// The programme is past this.
    #[error("{programme} is {stage:?}")]
    ProgrammeEnded {
        /// The programme.
        programme: ProgrammeId,
        /// Where it is.
        stage: ProgrammeStage,
    },
    /// The document or the plan made of it is wrong; all that is wrong with it.
    #[error("the document has {} errors; the first: {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
    Invalid(Vec<Violation>),
    /// The plan was not made of the programme's document as it is now, or of the state as it is now.
    #[error("the plan was made before the last change; make it again")]
    PlanOutdated {
        /// The programme.
        programme: ProgrammeId,
    },
    /// No such version.
    #[error("{programme}/{version} does not exist")]
    UnknownPlan {
        /// The programme.
        programme: ProgrammeId,
        /// The version.
        version: PlanVersion,
    },
    /// The version is not waiting for a decision.
    #[error("{programme}/{version} is {stage:?}, not IN_REVIEW")]
    PlanNotInReview {
        /// The programme.
        programme: ProgrammeId,
        /// The version.
        version: PlanVersion,
        /// Where it is.
        stage: PlanStage,
    },
    /// Approval is of another plan.
    #[error("the plan's hash is {actual}, not {given}")]
    PlanHashDiffers {
        /// What was to be approved.
        given: PlanHash,
        /// What the plan has.
        actual: PlanHash,
    },
    /// Rule 7: the approver had a hand in it.
    #[error("{account} wrote part of this plan since the last approval and cannot approve it")]
    ApproverIsEditor {
        /// Who.
        account: Account,
    },
    /// No such wave.
    #[error("{0} does not exist")]
    UnknownWave(WaveRef),
    /// The wave is past this.
    #[error("{wave} is {stage}")]
    WaveInStage {
        /// The wave.
        wave: WaveRef,
        /// Where it is.
        stage: WaveStage,
    },
    /// A wave can only be moved later without a new version of the plan (rule 7).
    #[error("{wave} is on {from}; it can only be moved to a later date, not to {given}")]
    NotLater {
        /// The wave.
        wave: WaveRef,
        /// Its date.
        from: Date,
        /// What was asked for.
        given: Date,
    },
    /// No window opens on the new dates.
    #[error("no window of {wave} opens from {from} to {until}")]
    NeverOpens {
        /// The wave.
        wave: WaveRef,
        /// The new first date.
        from: Date,
        /// The new last date.
        until: Date,
    },
    /// A wave with booked dates is moved by another plan, which has other dates.
    #[error("{0} goes by booked dates; another plan is needed to move it")]
    DatesAreBooked(WaveRef),
    /// A verdict must be PASS or FAIL.
    #[error("a person's verdict is PASS or FAIL")]
    VerdictNotAllowed,
    /// A practice is not a member.
    #[error("{practice} is not in {wave}")]
    NotAMember {
        /// The wave.
        wave: WaveRef,
        /// The practice.
        practice: PracticeCode,
    },
    /// A practice cannot be tried again.
    #[error("{practice} is {state} in {wave}")]
    EnrolmentInState {
        /// The wave.
        wave: WaveRef,
        /// The practice.
        practice: PracticeCode,
        /// Where it is.
        state: EnrolmentState,
    },
    /// Notice cannot have been delivered in the future.
    #[error("{delivered_at} lies ahead")]
    NoticeInFuture {
        /// When it is said to have been.
        delivered_at: Timestamp,
    },
    /// Nothing that was sent to a practice about a wave can have come back.
    #[error("nothing that was sent to {practice} about {wave} can have come back")]
    NothingSent {
        /// The wave.
        wave: WaveRef,
        /// The practice.
        practice: PracticeCode,
    },
    /// No such hold.
    #[error("{0} does not exist")]
    UnknownHold(HoldId),
    /// The hold was lifted.
    #[error("{0} was lifted")]
    HoldLifted(HoldId),
    /// A halt is never placed by hand.
    #[error("a hold of class automatic-gate is only ever placed by a gate")]
    HaltByHand,
    /// A selection without members would brake nobody.
    #[error("the selection has no members")]
    EmptySelection,
    /// A reason is required.
    #[error("a reason is required")]
    ReasonRequired,
    /// Not a halt.
    #[error("{0} is not a halt")]
    NotAHalt(HoldId),
    /// The halt was acknowledged.
    #[error("{0} was acknowledged already")]
    AlreadyAcknowledged(HoldId),
    /// Rule 6: the halt has not been acknowledged.
    #[error("{0} has not been acknowledged")]
    NotAcknowledged(HoldId),
    /// The halt's gate has not been decided.
    #[error("the gate of {wave} has not been decided")]
    GateUndecided {
        /// The halt.
        hold: HoldId,
        /// The wave.
        wave: WaveRef,
    },
    /// It takes two people, and this call is not the second's.
    #[error("{of}: {refusal}")]
    SecondPerson {
        /// What it is about: a hold, a wave.
        of: String,
        /// Why not.
        refusal: assent::Refusal,
    },
    /// The etag is not the thing's.
    #[error("it has changed since: its etag is {actual}, not {given}")]
    EtagDiffers {
        /// What was given.
        given: u64,
        /// What it is.
        actual: u64,
    },
    /// Only people decide this.
    #[error("only a named person can do this")]
    NotAPerson,
}

//! What the state machine can be asked: what people decide, what the world answered, and what a step proposes.
//!
//! A command may name many practices. [`crate::decide()`] judges each practice on the state of the moment: what no longer
//! applies is left out, and where nothing is left the answer is no events, which is no error. So a proposal that was
//! overtaken is dropped. What a person asks for is refused with a reason instead.

mod proposal;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use ods::{PracticeCode, Supplier};

use crate::calendar::Calendar;
use crate::dispatch::DispatchOutcome;
use crate::id::{Account, ActivationKey, HoldId, PlanVersion, ProgrammeId, WaveRef};
use crate::plan::{Plan, PlanHash};
use crate::spec::HookName;
use crate::state::{
    Brake, ClinicalReason, ConcernAbout, DispatchRef, Document, HoldClass, HoldScope, PauseRef, Severity,
    StatisticsPositions, Verdict,
};

pub use self::proposal::{Candidate, CountedPause, DisableCandidate, Proposal, Unfit};

/// What the state machine can be asked.
#[derive(Debug, Clone)]
pub enum Command {
    /// A person's decision.
    Person {
        /// Who.
        by: Account,
        /// Why, an UPPER_SNAKE code; required where the rules ask for a reason.
        reason_code: String,
        /// What.
        act: Act,
    },
    /// What the registry or a supplier answered, or a person reports of the world.
    Learn(Fact),
    /// What a step proposes.
    Propose(Proposal),
}

/// What people decide.
#[derive(Debug, Clone)]
pub enum Act {
    /// Creates a programme as DRAFT.
    CreateProgramme {
        /// Its document; the programme's name is in it.
        document: Arc<Document>,
    },
    /// Replaces a programme's document. What is in force stays so.
    UpdateProgramme {
        /// The programme.
        programme: ProgrammeId,
        /// The new document.
        document: Arc<Document>,
    },
    /// Ends a programme: nothing new is sealed; what was sealed settles.
    CancelProgramme {
        /// The programme.
        programme: ProgrammeId,
    },
    /// Submits the plan that [`crate::plan::expand`] made of the programme's document, for review.
    SubmitPlan {
        /// The plan.
        plan: Arc<Plan>,
    },
    /// Approves exactly the plan with this hash; it comes into force at once.
    ApprovePlan {
        /// The programme.
        programme: ProgrammeId,
        /// The version.
        version: PlanVersion,
        /// The hash of what is approved.
        hash: PlanHash,
    },
    /// Turns a plan down.
    RejectPlan {
        /// The programme.
        programme: ProgrammeId,
        /// The version.
        version: PlanVersion,
    },
    /// Moves a wave that has not opened to a later date; it returns to PLANNED.
    RescheduleWave {
        /// The wave.
        wave: WaveRef,
        /// The new first date; the wave keeps its length.
        from: Date,
    },
    /// Ends a wave that has not opened.
    CancelWave {
        /// The wave.
        wave: WaveRef,
    },
    /// Unwinds a wave: the first of two people asks for it, the second begins it. All that the wave switched on is switched
    /// off.
    UnwindWave {
        /// The wave.
        wave: WaveRef,
        /// On what clinical grounds.
        reason: ClinicalReason,
        /// For the second person: the etag that the first one's call returned.
        etag: Option<u64>,
    },
    /// Has one practice that a wave switched on switched off again.
    RevertPractice {
        /// The wave.
        wave: WaveRef,
        /// The practice.
        practice: PracticeCode,
    },
    /// A verdict on a gate that failed or was inconclusive.
    DecideGate {
        /// The wave.
        wave: WaveRef,
        /// PASS or FAIL.
        verdict: Verdict,
    },
    /// Places a brake. It takes effect before the next seal (I10).
    PlaceHold {
        /// How hard.
        brake: Brake,
        /// Whom it covers; the members of a selection are fixed with it.
        scope: HoldScope,
        /// On what grounds; not `AutomaticGate`.
        class: HoldClass,
        /// Who answers for it.
        owner: Account,
        /// When it is to be looked at again.
        review_on: Option<Date>,
    },
    /// Lifts a hold; of a safety hold the first of two people only asks for it.
    LiftHold {
        /// The hold.
        hold: HoldId,
        /// The etag that the caller gives: the hold's position. For the second person it must be the one that the
        /// first one's call returned. None: whatever it is, for all but safety holds.
        etag: Option<u64>,
    },
    /// A named person has seen a halt and says so (rule 6).
    AcknowledgeHalt {
        /// The hold.
        hold: HoldId,
    },
    /// Reports that something about access is not as it should be: it counts at gates that are ahead.
    ReportConcern {
        /// How bad.
        severity: Severity,
        /// About what.
        about: ConcernAbout,
    },
    /// Replaces the national calendar.
    UpdateCalendar {
        /// What it is from now on.
        calendar: Calendar,
    },
    /// Has notices tried again that were given up, or that had nobody to go to.
    RetryNotices {
        /// The wave.
        wave: WaveRef,
        /// Whose; of every member of the wave where it is empty.
        practices: Vec<PracticeCode>,
    },
    /// Tries a practice again whose activation was refused, failed or was not applied, while its wave is open.
    RetryActivation {
        /// The wave.
        wave: WaveRef,
        /// The practice.
        practice: PracticeCode,
    },
}

/// What the registry or a supplier answered, or a person reports of the world.
#[derive(Debug, Clone)]
pub enum Fact {
    /// Practices were told of a wave (rule 11).
    NoticeDelivered {
        /// The wave.
        wave: WaveRef,
        /// Whom; every member of the wave where it is empty.
        practices: Vec<PracticeCode>,
        /// When it reached them.
        delivered_at: Timestamp,
        /// How: `letter`, `e-mail`.
        channel: String,
    },
    /// What carriers say of notices that were sent.
    DispatchOutcomes {
        /// Each with what became of it.
        outcomes: BTreeMap<DispatchRef, DispatchOutcome>,
    },
    /// Practices have no contact that a notice could be sent to.
    NoticesUnaddressed {
        /// The wave.
        wave: WaveRef,
        /// Which.
        practices: Vec<PracticeCode>,
    },
    /// Notices came back: the address was wrong.
    NoticesReturned {
        /// The wave.
        wave: WaveRef,
        /// From whom.
        practices: Vec<PracticeCode>,
    },
    /// The registry's answers to AcquirePermits. Each key granted is sealed in the same decision, if it still may be.
    Permits {
        /// Each key and the answer.
        answers: BTreeMap<ActivationKey, PermitAnswer>,
        /// The registry's position after the call.
        registry_position: u64,
    },
    /// The registry has taken permits back, or never had them.
    PermitsReleased {
        /// The keys.
        keys: Vec<ActivationKey>,
    },
    /// Keys are being sent: recorded before the call. Not needed for correctness, since a sealed key counts as sent.
    Sent {
        /// The keys.
        keys: Vec<ActivationKey>,
    },
    /// Suppliers' answers, of whatever call.
    Answers {
        /// Each key and the answer.
        answers: BTreeMap<ActivationKey, SupplierAnswer>,
    },
    /// The registry knows how these ended.
    PermitsSettled {
        /// The keys.
        keys: Vec<ActivationKey>,
        /// The registry's position after the call.
        registry_position: u64,
    },
    /// The registry knows the judgement of these pauses.
    PauseOutcomesTold {
        /// The pauses.
        pauses: Vec<PauseRef>,
    },
    /// The registry knows the readiness items of a programme's own.
    ReadinessTold {
        /// The programme.
        programme: ProgrammeId,
        /// The version that has them.
        version: PlanVersion,
    },
    /// What statistics say of the practices that a wave switched on.
    GateFigures {
        /// The wave.
        wave: WaveRef,
        /// What they say of each; those that are left out count as unknown.
        practices: BTreeMap<PracticeCode, PracticeFigures>,
        /// The moment at which it held, by their clock.
        as_at: Timestamp,
        /// The positions it rests on.
        positions: StatisticsPositions,
    },
    /// What a hook says of a wave.
    GateHookAnswered {
        /// The wave.
        wave: WaveRef,
        /// Who.
        hook: HookName,
        /// The wave's last action when it was asked.
        last_action_at: Option<Timestamp>,
        /// What; INCONCLUSIVE is "not yet".
        verdict: Verdict,
        /// Why, an UPPER_SNAKE code.
        reason_code: String,
    },
    /// A supplier takes the list for a booked date: those practices get their slot and key now, before the permit.
    ClaimBegun {
        /// Who.
        supplier: Supplier,
        /// Which practices, as the registry has them now.
        practices: Vec<(WaveRef, Candidate)>,
        /// The registry's position they were read at.
        registry_position: u64,
    },
}

/// What statistics say of a practice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PracticeFigures {
    /// Its latest return; none where there is none.
    pub returned: Option<Returned>,
    /// The last day on which somebody opened a record through the capability; none where nobody is known to have.
    pub viewed_on: Option<Date>,
    /// The last day on which somebody did at any practice of its supplier.
    pub supplier_viewed_on: Option<Date>,
}

/// A supplier's return for a practice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Returned {
    /// The last day of its period.
    pub period_end: Date,
    /// Patients kept out by the enhanced-review code at the end of that day.
    pub excluded: u64,
}

/// The registry's answer to AcquirePermits for one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PermitAnswer {
    /// An open permit.
    Granted,
    /// None. What stands in the way shows in the view as well, and is dealt with from there.
    Refused {
        /// The registry's reason, an UPPER_SNAKE code: `PAUSED`.
        refusal: String,
    },
}

/// A supplier's answer about one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SupplierAnswer {
    /// Taken on, not done yet: to be asked again.
    Accepted,
    /// In effect.
    Applied {
        /// Since when.
        at: Timestamp,
    },
    /// Certainly without effect for ever: the key is closed.
    Closed,
    /// Will not be done.
    Refused {
        /// The supplier's code, UPPER_SNAKE.
        code: String,
        /// Whether another attempt may succeed.
        retryable: bool,
    },
    /// No answer, or none that can be trusted: the reply was lost, the call timed out.
    NoAnswer,
    /// The supplier says that it has never seen the key: it is sent again under the same key (I2).
    NeverSeen,
}

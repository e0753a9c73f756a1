//! What happened, as the journal keeps it. An event may name many practices.
//!
//! Events carry results, never what they were computed from: folding them needs neither a calendar nor a rule, so that
//! a journal of any earlier version folds to the same state (I20). They evolve by addition only.

mod parts;

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use ods::PracticeCode;
pub(crate) use parts::gather;
pub use parts::{
    Admission, DisableIntent, DispatchMove, EnrolmentMove, Joining, SealedDispatch, Settlement, Standing, Voided,
};
use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::id::{Account, ActivationKey, HoldId, PlanVersion, ProgrammeId, WaveId, WaveRef};
use crate::plan::Plan;
use crate::state::{
    ClinicalReason, Concern, Document, Due, DueOutcome, GateEvaluation, GateFigures, Hold, HookAnswer, PauseRef,
    Ruling, Signature, Verdict,
};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A programme was created.
    ProgrammeCreated {
        /// Its document.
        document: Arc<Document>,
        /// Who.
        by: Account,
    },
    /// A programme's document was replaced.
    ProgrammeUpdated {
        /// The programme.
        programme: ProgrammeId,
        /// The new document.
        document: Arc<Document>,
        /// Who.
        by: Account,
    },
    /// A programme was ended by a person.
    ProgrammeCancelled {
        /// The programme.
        programme: ProgrammeId,
        /// Who.
        by: Account,
    },
    /// A programme is complete.
    ProgrammeCompleted {
        /// The programme.
        programme: ProgrammeId,
    },
    /// A plan was submitted. Those in review before it are superseded.
    PlanSubmitted {
        /// The plan.
        plan: Arc<Plan>,
        /// Who.
        by: Account,
    },
    /// A plan was turned down.
    PlanRejected {
        /// The programme.
        programme: ProgrammeId,
        /// The version.
        version: PlanVersion,
        /// Who, when, why.
        signature: Signature,
    },
    /// A plan was approved.
    PlanApproved {
        /// The programme.
        programme: ProgrammeId,
        /// The version.
        version: PlanVersion,
        /// Who, when, why.
        signature: Signature,
    },
    /// A plan came into force: it replaces waves not yet open and enrolments not yet sealed.
    PlanInForce {
        /// The programme.
        programme: ProgrammeId,
        /// The version.
        version: PlanVersion,
    },
    /// A wave's practices are being told from now on.
    NoticeBegun {
        /// The wave.
        wave: WaveRef,
    },
    /// Practices were told of a wave.
    NoticeDelivered {
        /// The wave.
        wave: WaveRef,
        /// Whom.
        practices: Vec<PracticeCode>,
        /// When it reached them.
        delivered_at: Timestamp,
        /// The date it gave: not before it.
        not_before: Date,
        /// How.
        channel: String,
        /// Those of them whose enrolment is now NOTIFIED.
        notified: Vec<PracticeCode>,
        /// The dispatches that it rests on, by their number at each practice; none where a person recorded it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        dispatches: Vec<(PracticeCode, u32)>,
    },
    /// Notices count as sent from now on, one to one contact each (rule 11).
    DispatchesSealed {
        /// The wave.
        wave: WaveRef,
        /// To whom, which, how.
        dispatches: Vec<SealedDispatch>,
    },
    /// Carriers, or people, said what became of notices that were sent. Who rested on one that came back is told anew.
    DispatchesMoved {
        /// The programme.
        programme: ProgrammeId,
        /// Where they are now.
        moves: Vec<DispatchMove>,
    },
    /// Practices have no contact that a notice could be sent to.
    NoticesUnaddressed {
        /// The wave.
        wave: WaveRef,
        /// Which.
        practices: Vec<PracticeCode>,
    },
    /// Notices that were given up are tried again.
    NoticesRetried {
        /// The wave.
        wave: WaveRef,
        /// Whose.
        practices: Vec<PracticeCode>,
        /// Who asked for it.
        by: Account,
    },
    /// A wave's members are settled: who is in it and not set aside.
    WaveFixed {
        /// The wave.
        wave: WaveRef,
        /// How many remain, with their patients.
        practices_count: u32,
        /// Their patients.
        patients_count: u64,
        /// The registry's position it was decided on.
        registry_position: u64,
    },
    /// Enrolments moved to another stage: set aside, notified, enrolled, invited, verified, lapsed.
    EnrolmentsMoved {
        /// The wave.
        wave: WaveRef,
        /// To which stage, and who.
        moves: Vec<EnrolmentMove>,
        /// The registry's position it was decided on; none where the registry has no part in it.
        registry_position: Option<u64>,
    },
    /// Practices that objected in time joined the later wave.
    DeferralsJoined {
        /// The later wave.
        wave: WaveRef,
        /// The wave they come from.
        from: WaveId,
        /// Who, in order.
        practices: Vec<Joining>,
    },
    /// Programme-default pauses were judged.
    PausesJudged {
        /// The wave whose objections they were judged by.
        wave: WaveRef,
        /// Each with its ruling.
        rulings: Vec<(PauseRef, Ruling)>,
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
    /// A wave opened.
    WaveOpened {
        /// The wave.
        wave: WaveRef,
    },
    /// Practices got their slot and key.
    Admitted {
        /// The wave.
        wave: WaveRef,
        /// Who, in the wave's order.
        admissions: Vec<Admission>,
        /// The registry's position it was decided on.
        registry_position: u64,
    },
    /// Practices are to be switched off.
    DisablesIntended {
        /// Who, and why.
        disables: Vec<DisableIntent>,
        /// The registry's position it was decided on.
        registry_position: u64,
    },
    /// Activations were given up before their seal; their slots are given back.
    Voided {
        /// Which, and why.
        keys: Vec<Voided>,
    },
    /// Activations were sealed: they count as sent (I2).
    Sealed {
        /// Each with the civil date whose cap it counts against; none for a switch-off.
        keys: Vec<(ActivationKey, Option<Date>)>,
        /// Whether they are on a list that the supplier has taken: SENT at once.
        listed: bool,
        /// The registry's position after the permits.
        registry_position: u64,
    },
    /// Activations are being sent.
    Sent {
        /// Which.
        keys: Vec<ActivationKey>,
        /// When each is looked at again, should no answer come.
        due_at: Timestamp,
    },
    /// Suppliers answered, and the activation goes on.
    Answered {
        /// What is known now.
        answers: Vec<(ActivationKey, Standing)>,
    },
    /// Activations settled.
    Settled {
        /// Which, how.
        settlements: Vec<Settlement>,
    },
    /// A STOP, or the unwinding of their wave, asks suppliers to cancel these.
    CancelAsked {
        /// Which.
        keys: Vec<ActivationKey>,
    },
    /// The registry knows how these ended.
    PermitsSettled {
        /// Which.
        keys: Vec<ActivationKey>,
        /// The registry's position after the call.
        registry_position: u64,
    },
    /// The registry has the permits of these back.
    PermitsReleased {
        /// Which.
        keys: Vec<ActivationKey>,
    },
    /// A permit was granted for an activation given up meanwhile: it is to be given back.
    PermitsUnwanted {
        /// Which.
        keys: Vec<ActivationKey>,
    },
    /// A wave takes no more.
    WaveDraining {
        /// The wave.
        wave: WaveRef,
    },
    /// A wave's evidence ripens.
    WaveSoaking {
        /// The wave.
        wave: WaveRef,
    },
    /// Statistics said what they know of the practices that a wave switched on.
    GateFiguresRead {
        /// The wave.
        wave: WaveRef,
        /// What.
        figures: GateFigures,
    },
    /// The hook of a wave's gate answered.
    GateHookAnswered {
        /// The wave.
        wave: WaveRef,
        /// What.
        answer: HookAnswer,
    },
    /// Somebody reported a concern.
    ConcernReported {
        /// The concern.
        concern: Box<Concern>,
    },
    /// A gate was evaluated. A wave that passed is closed; for another a halt follows.
    GateEvaluated {
        /// The wave.
        wave: WaveRef,
        /// What it found.
        evaluation: GateEvaluation,
    },
    /// A person decided a gate; the wave is closed.
    GateDecided {
        /// The wave.
        wave: WaveRef,
        /// PASS or FAIL.
        verdict: Verdict,
        /// Who, when, why.
        signature: Signature,
    },
    /// A wave ended before it opened.
    WaveCancelled {
        /// The wave.
        wave: WaveRef,
        /// Who.
        by: Account,
    },
    /// The first of two people asked for a wave to be unwound.
    UnwindAsked {
        /// The wave.
        wave: WaveRef,
        /// On what clinical grounds.
        reason: ClinicalReason,
        /// Who, when, why.
        signature: Signature,
        /// Until when another may begin it.
        until: Timestamp,
    },
    /// A second person had it begun: the wave takes nobody any more, and what it has switched on is switched off.
    UnwindingBegun {
        /// The wave.
        wave: WaveRef,
        /// On what clinical grounds.
        reason: ClinicalReason,
        /// Who, when, why.
        signature: Signature,
        /// Those that are on by it: each is to be switched off. Whoever is found to be on later follows.
        practices: Vec<PracticeCode>,
    },
    /// Everything that a wave had switched on is off.
    WaveUnwound {
        /// The wave.
        wave: WaveRef,
    },
    /// A person had one practice switched off again.
    RevertOrdered {
        /// The wave that had switched it on.
        wave: WaveRef,
        /// The practice.
        practice: PracticeCode,
        /// Who, when, why.
        signature: Signature,
    },
    /// A wave was moved to a later date.
    WaveRescheduled {
        /// The wave.
        wave: WaveRef,
        /// Its new first date.
        from: Date,
        /// Its new last date.
        until: Date,
        /// Who.
        by: Account,
    },
    /// Something will fall due.
    DueScheduled {
        /// What, when.
        due: Vec<Due>,
    },
    /// What became of something due.
    DueSettled {
        /// What it was.
        due: Due,
        /// What became of it.
        outcome: DueOutcome,
    },
    /// A hold was placed, by a person or a gate.
    HoldPlaced {
        /// The hold.
        hold: Box<Hold>,
    },
    /// The first of two people asked to lift a safety hold.
    HoldLiftAsked {
        /// The hold.
        hold: HoldId,
        /// Who.
        by: Account,
        /// Until when another may complete it.
        until: Timestamp,
    },
    /// A hold was lifted; the others stay.
    HoldLifted {
        /// The hold.
        hold: HoldId,
        /// Who, when, why.
        signature: Signature,
    },
    /// A named person acknowledged a halt.
    HaltAcknowledged {
        /// The hold.
        hold: HoldId,
        /// Who, when, why.
        signature: Signature,
    },
    /// The national calendar was replaced.
    CalendarUpdated {
        /// What it is from now on.
        calendar: Calendar,
        /// Who.
        by: Account,
    },
}

impl Event {
    /// Its kind, `wave-opened`: the same as the tag of its JSON.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ProgrammeCreated { .. } => "programme-created",
            Self::ProgrammeUpdated { .. } => "programme-updated",
            Self::ProgrammeCancelled { .. } => "programme-cancelled",
            Self::ProgrammeCompleted { .. } => "programme-completed",
            Self::PlanSubmitted { .. } => "plan-submitted",
            Self::PlanRejected { .. } => "plan-rejected",
            Self::PlanApproved { .. } => "plan-approved",
            Self::PlanInForce { .. } => "plan-in-force",
            Self::NoticeBegun { .. } => "notice-begun",
            Self::NoticeDelivered { .. } => "notice-delivered",
            Self::DispatchesSealed { .. } => "dispatches-sealed",
            Self::DispatchesMoved { .. } => "dispatches-moved",
            Self::NoticesUnaddressed { .. } => "notices-unaddressed",
            Self::NoticesRetried { .. } => "notices-retried",
            Self::WaveFixed { .. } => "wave-fixed",
            Self::EnrolmentsMoved { .. } => "enrolments-moved",
            Self::DeferralsJoined { .. } => "deferrals-joined",
            Self::PausesJudged { .. } => "pauses-judged",
            Self::PauseOutcomesTold { .. } => "pause-outcomes-told",
            Self::ReadinessTold { .. } => "readiness-told",
            Self::WaveOpened { .. } => "wave-opened",
            Self::Admitted { .. } => "admitted",
            Self::DisablesIntended { .. } => "disables-intended",
            Self::Voided { .. } => "voided",
            Self::Sealed { .. } => "sealed",
            Self::Sent { .. } => "sent",
            Self::Answered { .. } => "answered",
            Self::Settled { .. } => "settled",
            Self::CancelAsked { .. } => "cancel-asked",
            Self::PermitsSettled { .. } => "permits-settled",
            Self::PermitsReleased { .. } => "permits-released",
            Self::PermitsUnwanted { .. } => "permits-unwanted",
            Self::WaveDraining { .. } => "wave-draining",
            Self::WaveSoaking { .. } => "wave-soaking",
            Self::GateFiguresRead { .. } => "gate-figures-read",
            Self::GateHookAnswered { .. } => "gate-hook-answered",
            Self::ConcernReported { .. } => "concern-reported",
            Self::GateEvaluated { .. } => "gate-evaluated",
            Self::GateDecided { .. } => "gate-decided",
            Self::WaveCancelled { .. } => "wave-cancelled",
            Self::UnwindAsked { .. } => "unwind-asked",
            Self::UnwindingBegun { .. } => "unwinding-begun",
            Self::WaveUnwound { .. } => "wave-unwound",
            Self::RevertOrdered { .. } => "revert-ordered",
            Self::WaveRescheduled { .. } => "wave-rescheduled",
            Self::DueScheduled { .. } => "due-scheduled",
            Self::DueSettled { .. } => "due-settled",
            Self::HoldPlaced { .. } => "hold-placed",
            Self::HoldLiftAsked { .. } => "hold-lift-asked",
            Self::HoldLifted { .. } => "hold-lifted",
            Self::HaltAcknowledged { .. } => "halt-acknowledged",
            Self::CalendarUpdated { .. } => "calendar-updated",
        }
    }
}

//! Why a command is refused as a whole.

use jiff::Timestamp;
use jiff::civil::Date;
use ods::PracticeCode;

use crate::succession::{Affected, SuccessionKind};

/// A refusal: nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// No directory has named this practice.
    #[error("practice {practice} is not known")]
    PracticeUnknown {
        /// The code that was given.
        practice: PracticeCode,
    },
    /// The practice has no pause of this number.
    #[error("practice {practice} has no pause {pause}")]
    PauseUnknown {
        /// The practice.
        practice: PracticeCode,
        /// The number that was given.
        pause: u32,
    },
    /// The practice changed since the caller looked.
    #[error("practice {practice} changed at position {position}; the caller saw it at {seen}")]
    PracticeChanged {
        /// The practice.
        practice: PracticeCode,
        /// Where it changed last.
        position: u64,
        /// What the caller saw.
        seen: u64,
    },
    /// A pause must end in the future.
    #[error("the pause would end at {until}, which is not after {now}")]
    PauseEndsInPast {
        /// The end that was given.
        until: Timestamp,
        /// The moment of the decision.
        now: Timestamp,
    },
    /// The pause has ended.
    #[error("pause {pause} of practice {practice} has ended")]
    PauseEnded {
        /// The practice.
        practice: PracticeCode,
        /// The pause.
        pause: u32,
    },
    /// There is nothing to lift.
    #[error("practice {practice} has no pause in force")]
    NotPaused {
        /// The practice.
        practice: PracticeCode,
    },
    /// Only a pause that ends as the programme's default says is judged by the scheduler (rule 8).
    #[error("pause {pause} of practice {practice} does not end by the programme's default")]
    PauseNotJudged {
        /// The practice.
        practice: PracticeCode,
        /// The pause.
        pause: u32,
    },
    /// No organisation has this code.
    #[error("organisation {organisation} is not in the register")]
    OrganisationUnknown {
        /// The code that was given.
        organisation: String,
    },
    /// The organisation changed since the caller looked.
    #[error("organisation {organisation} changed at position {position}; the caller saw it at {seen}")]
    OrganisationChanged {
        /// The organisation.
        organisation: String,
        /// Where it changed last.
        position: u64,
        /// What the caller saw.
        seen: u64,
    },
    /// What exists was open for a day at least.
    #[error("it would be closed from {close}, which is not after {open}, from which it is open")]
    ClosedBeforeOpened {
        /// The open date that was given.
        open: Date,
        /// The close date that was given.
        close: Date,
    },
    /// Late is final: the practice was told that only it ends this pause.
    #[error("pause {pause} of practice {practice} was judged late, which is final")]
    PauseJudgedLate {
        /// The practice.
        practice: PracticeCode,
        /// The pause.
        pause: u32,
    },
    /// Neither the catalogue nor a programme's template has such an item.
    #[error("there is no readiness item {item}")]
    ReadinessItemUnknown {
        /// The name that was given.
        item: String,
    },
    /// The catalogue's items mean the same everywhere, whatever a template says.
    #[error("{item} is an item of the catalogue")]
    ReadinessItemOfCatalogue {
        /// The name that was given.
        item: String,
    },
    /// The practice has no advice of this number.
    #[error("practice {practice} has no advice {advice}")]
    AdviceUnknown {
        /// The practice.
        practice: PracticeCode,
        /// The number that was given.
        advice: u32,
    },
    /// The advice was withdrawn, closed, or has lapsed.
    #[error("advice {advice} of practice {practice} has ended")]
    AdviceHasEnded {
        /// The practice.
        practice: PracticeCode,
        /// The advice.
        advice: u32,
    },
    /// Advice must end in the future.
    #[error("the advice would end at {until}, which is not after {now}")]
    AdviceEndsInPast {
        /// The end that was given.
        until: Timestamp,
        /// The moment of the decision.
        now: Timestamp,
    },
    /// Advice begins now at the latest, and ends between its beginning and now.
    #[error("{moment} is not from {earliest} to {now}")]
    AdviceMomentOutOfRange {
        /// The moment that was given.
        moment: Timestamp,
        /// The earliest that could be.
        earliest: Timestamp,
        /// The moment of the decision.
        now: Timestamp,
    },
    /// Only its author or an equal ends advice.
    #[error("advice {advice} of practice {practice} is another's")]
    AdviceOfAnother {
        /// The practice.
        practice: PracticeCode,
        /// The advice.
        advice: u32,
        /// In which roles its author recorded it.
        recorded_as: Vec<String>,
    },
    /// The practice has no contact of this number, or its address was erased.
    #[error("practice {practice} has no contact {contact}")]
    ContactUnknown {
        /// The practice.
        practice: PracticeCode,
        /// The number that was given.
        contact: u32,
    },
    /// An address is kept for a while, and not for ever.
    #[error("an address cannot be kept until {retain_until}: it is {now}, and the longest is {latest}")]
    RetentionOutOfRange {
        /// The moment that was given.
        retain_until: Timestamp,
        /// The moment of the decision.
        now: Timestamp,
        /// The latest that could be.
        latest: Timestamp,
    },
    /// Facts of the directory hold from today at the latest.
    #[error("the directory's facts would hold from {effective_from}, which is after {today}")]
    EffectiveInFuture {
        /// The day that was given.
        effective_from: Date,
        /// The day of the decision.
        today: Date,
    },
    /// Nothing can have been observed in the future.
    #[error("practice {practice} was observed at {as_at}, which is after {now}")]
    ObservedInFuture {
        /// The practice.
        practice: PracticeCode,
        /// The moment that was given.
        as_at: Timestamp,
        /// The moment of the decision.
        now: Timestamp,
    },
    /// The sync has ended, or there is none of this number.
    #[error("sync {sync} is not under way")]
    SyncNotOpen {
        /// The number that was given.
        sync: u32,
    },
    /// Another reader was faster.
    #[error("sync {sync} has taken in {page} pages; the reader saw {seen}")]
    SyncAdvanced {
        /// The sync.
        sync: u32,
        /// Where it is.
        page: u32,
        /// Where the reader saw it.
        seen: u32,
    },
    /// The chunk is longer than a pause may wait for.
    #[error("a chunk of {practices_count} practices is more than {practices_count_max}")]
    ChunkTooLong {
        /// How many it names.
        practices_count: usize,
        /// How many it may name.
        practices_count_max: usize,
    },
    /// A succession that cannot be.
    #[error(transparent)]
    Succession(#[from] SuccessionRejection),
}

/// Why a succession is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SuccessionRejection {
    /// The kind goes with other numbers of practices.
    #[error("a {} of {predecessors_count} practices into {successors_count}", kind.as_str())]
    SuccessionShape {
        /// What was asked for.
        kind: SuccessionKind,
        /// How many are to end.
        predecessors_count: usize,
        /// How many are to go on.
        successors_count: usize,
    },
    /// A practice neither succeeds itself nor is named a second time.
    #[error("practice {practice} is named twice")]
    NamedTwice {
        /// The practice.
        practice: PracticeCode,
    },
    /// No directory has named the successor. One that nobody has named has no supplier, area or list, and could be
    /// neither placed nor counted: so it is imported first, and not made up here.
    #[error("the successor {practice} is not known")]
    SuccessorUnknown {
        /// The code that was given.
        practice: PracticeCode,
    },
    /// A code is closed by a succession at most once.
    #[error("practice {practice} is succeeded from {effective_from} already")]
    AlreadySucceeded {
        /// The practice.
        practice: PracticeCode,
        /// From when.
        effective_from: Date,
        /// By whom; empty where by nobody.
        successors: Vec<PracticeCode>,
    },
    /// Whoever succeeds goes on beyond that day.
    #[error("the successor {practice} is closed from {closed_from}")]
    SuccessorClosed {
        /// The practice.
        practice: PracticeCode,
        /// From when.
        closed_from: Date,
    },
    /// It is to succeed somebody on or after the day on which it would close.
    #[error("practice {practice} succeeds others from {succeeds}, so it cannot close on {closes}")]
    ClosesBeforeSucceeding {
        /// The practice.
        practice: PracticeCode,
        /// When it succeeds.
        succeeds: Date,
        /// When it would close.
        closes: Date,
    },
    /// The day is so far ahead that it is a mistake.
    #[error("the succession would take effect on {effective_from}, which is after {last}")]
    EffectiveTooFar {
        /// The day that was given.
        effective_from: Date,
        /// The last day that is accepted.
        last: Date,
    },
    /// The caller saw a practice that has no part in it.
    #[error("practice {practice} is not named in the succession")]
    NotInSuccession {
        /// The practice.
        practice: PracticeCode,
    },
    /// The caller expects other practices to be touched (I23).
    #[error("the succession would touch {} practices", affected.count)]
    AffectedDiffers {
        /// Those that would be.
        affected: Affected,
    },
}

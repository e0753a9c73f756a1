//! Why a command is refused as a whole.

use jiff::Timestamp;
use jiff::civil::Date;
use ods::PracticeCode;

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
}

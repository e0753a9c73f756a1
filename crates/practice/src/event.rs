//! What has happened, as the journal keeps it. Shapes evolve by addition only: whatever was ever written must fold.

use jiff::Timestamp;
use jiff::civil::Date;
use ods::{Capability, PracticeCode};
use serde::{Deserialize, Serialize};

use crate::access::{ObservationSource, ObservedState, Outcome};
use crate::advice::Advised;
use crate::contact::{Channel, Erasure};
use crate::directory::{DirectoryChange, ListSize};
use crate::key::CommandKey;
use crate::lapse::Lapse;
use crate::organisation::{OrganisationEntry, OrganisationLifetime};
use crate::pause::{Inherited, Judgement, PauseEnd, ReceiptPart, ReceiptState};
use crate::readiness::{DeclaredItem, ReadinessItem};
use crate::setting::WrongSetting;
use crate::signal::SignalKind;
use crate::source::SourceRead;
use crate::succession::SuccessionTerms;
use crate::sync::{SyncAdvanced, SyncEnd, SyncFailed, SyncStarted};

/// A journal record of the registry. One that names many practices is one record, applied as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A chunk of a directory's file changed something.
    DirectoryImported {
        /// The publication.
        source: String,
        /// From when its facts hold.
        effective_from: Date,
        /// Practices, each with only what is new.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        practices: Vec<DirectoryChange>,
        /// Organisations that are new or changed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        organisations: Vec<OrganisationEntry>,
    },
    /// A source was read: what it says of practices, whatever becomes of that.
    SourceRead(SourceRead),
    /// Somebody said from when to when an organisation exists.
    OrganisationLifetimeSet {
        /// Which organisation, by its code.
        organisation: String,
        /// From when to when, in place of what was said before.
        lifetime: OrganisationLifetime,
    },
    /// A practice decided not to be switched on.
    PracticePaused(PracticePaused),
    /// The practice lifted pauses.
    PausesLifted {
        /// Which practice.
        practice: PracticeCode,
        /// Which of its pauses.
        pauses: Vec<u32>,
    },
    /// The scheduler judged a pause by the programme's default.
    PauseJudged {
        /// Which practice.
        practice: PracticeCode,
        /// Which of its pauses.
        pause: u32,
        /// How.
        judgement: Judgement,
    },
    /// A practice asked for access to be taken away now.
    SwitchOffRequested {
        /// Which practice.
        practice: PracticeCode,
        /// Which capability.
        capability: Capability,
        /// Account that asked.
        requested_by: String,
        /// Why, from the caller's list of codes.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason_code: String,
        /// The closed code under which it was asked for, at whoever has succeeded it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inherited_from: Option<PracticeCode>,
    },
    /// Items of the readiness checklist were set.
    ReadinessUpdated {
        /// Which practice.
        practice: PracticeCode,
        /// The items; the others stay.
        items: Vec<ReadinessItem>,
    },
    /// A programme's template has items besides the catalogue.
    ReadinessItemsDeclared {
        /// The items.
        items: Vec<DeclaredItem>,
    },
    /// Advice to wait or a support case was recorded.
    AdviceRecorded(AdviceRecorded),
    /// Advice was withdrawn, or a support case closed.
    AdviceEnded {
        /// Which practice.
        practice: PracticeCode,
        /// The advice's number there.
        advice: u32,
        /// From when it no longer holds.
        at: Timestamp,
        /// Account that ended it.
        by: String,
    },
    /// A practice's contact was set. The journal has no address (rule 16).
    ContactSet(ContactSet),
    /// A contact was taken away; its address is erased.
    ContactErased {
        /// Which practice.
        practice: PracticeCode,
        /// The contact's number there.
        contact: u32,
        /// Why.
        erasure: Erasure,
    },
    /// Practices were observed.
    AccessObserved {
        /// What was observed.
        observations: Vec<AccessObserved>,
    },
    /// Something was noticed that changes no state.
    SignalsRecorded {
        /// What.
        signals: Vec<SignalRecorded>,
    },
    /// Permits were granted.
    PermitsGranted {
        /// For these commands.
        keys: Vec<CommandKey>,
    },
    /// Permitted commands ended.
    PermitsSettled {
        /// How.
        settlements: Vec<PermitSettled>,
    },
    /// A succession was told, of a past or a coming day.
    SuccessionRecorded {
        /// Who and from when.
        terms: SuccessionTerms,
        /// Account that told it.
        recorded_by: String,
        /// Why, from the caller's list of codes.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason_code: String,
    },
    /// A succession took effect: the predecessors are closed, and the successors have inherited (rule 9).
    SuccessionEffected(SuccessionEffected),
    /// What was due came about (rule 15).
    Lapsed {
        /// What, in the order of the due moments.
        lapses: Vec<Lapse>,
    },
    /// A sync of the directory with an interface of its publisher began.
    SyncStarted(SyncStarted),
    /// A page of a sync was taken in; what it changed stands in records of its own beside it.
    SyncAdvanced(SyncAdvanced),
    /// A sync cannot go on for now.
    SyncFailed(SyncFailed),
    /// Somebody wants a sync that stood still to go on now.
    SyncResumed {
        /// Which.
        sync: u32,
    },
    /// A sync ended.
    SyncEnded {
        /// Which.
        sync: u32,
        /// How.
        end: SyncEnd,
    },
}

/// See [`Event::PracticePaused`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PracticePaused {
    /// Which practice.
    pub practice: PracticeCode,
    /// The pause's number there.
    pub pause: u32,
    /// What it covers; None = all capabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capability: Option<Capability>,
    /// How it is to end.
    pub end: PauseEnd,
    /// Account that placed it.
    pub placed_by: String,
    /// On whose behalf.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub on_behalf_of: String,
    /// Reference to the evidence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub evidence: String,
    /// Why, from the caller's list of codes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason_code: String,
    /// What it came in time for.
    pub receipt: Vec<ReceiptPart>,
    /// Where it comes from, at a successor practice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherited: Option<Inherited>,
}

/// See [`Event::SuccessionEffected`]. What is inherited is told in full: the fold derives nothing by rules that a later
/// version may word otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuccessionEffected {
    /// Who and from when.
    pub terms: SuccessionTerms,
    /// Observed access that is no longer known, of predecessors and successors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access_unknown: Vec<AccessLost>,
    /// Pauses that hold at successors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pauses: Vec<PracticePaused>,
    /// Requests to switch off that are open at successors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub switch_offs: Vec<SwitchOffInherited>,
    /// Readiness items of successors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readiness: Vec<ReadinessInherited>,
    /// List sizes of successors until the next publication.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub list_sizes: Vec<ListSizeInherited>,
}

/// The end of what was known of a capability at a practice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessLost {
    /// Where.
    pub practice: PracticeCode,
    /// Of what.
    pub capability: Capability,
    /// From when it is not known.
    pub as_at: Timestamp,
}

/// A request to switch off, at a successor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchOffInherited {
    /// The successor.
    pub practice: PracticeCode,
    /// Of what.
    pub capability: Capability,
    /// The predecessor at which it was asked for.
    pub inherited_from: PracticeCode,
    /// Account that asked.
    pub requested_by: String,
    /// Why, from the caller's list of codes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason_code: String,
}

/// Readiness items, at a successor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadinessInherited {
    /// The successor.
    pub practice: PracticeCode,
    /// From when they hold.
    pub effective_from: Date,
    /// The items; the others stay.
    pub items: Vec<ReadinessItem>,
}

/// A list size, at a successor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListSizeInherited {
    /// The successor.
    pub practice: PracticeCode,
    /// From when it holds.
    pub effective_from: Date,
    /// What was carried over, with what the successor had already.
    pub list_size: ListSize,
}

/// See [`Event::AdviceRecorded`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdviceRecorded {
    /// Which practice.
    pub practice: PracticeCode,
    /// The advice's number there.
    pub advice: u32,
    /// What is said.
    pub advised: Advised,
    /// From when it holds.
    pub from: Timestamp,
    /// Account that recorded it.
    pub recorded_by: String,
    /// The roles it had then, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recorded_as: Vec<String>,
}

/// See [`Event::ContactSet`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactSet {
    /// Which practice.
    pub practice: PracticeCode,
    /// The contact's number there.
    pub contact: u32,
    /// As what.
    pub role: String,
    /// By which means.
    pub channel: Channel,
    /// Under which its address is stored.
    pub address_id: String,
    /// When it is erased at the latest.
    pub retain_until: Timestamp,
    /// Account that set it.
    pub set_by: String,
    /// The numbers of those it takes the place of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<u32>,
}

/// One observation, with what it brought about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessObserved {
    /// Where.
    pub practice: PracticeCode,
    /// Of what.
    pub capability: Capability,
    /// What.
    pub state: ObservedState,
    /// Who observed it.
    pub source: ObservationSource,
    /// The moment it is of.
    pub as_at: Timestamp,
    /// The command it followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandKey>,
    /// Where the evidence lies.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub evidence: String,
    /// Of PARTIAL: the settings that are not as they should be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrong_settings: Vec<WrongSetting>,
    /// What it brought about.
    #[serde(default, skip_serializing_if = "Consequences::is_empty")]
    pub consequences: Consequences,
}

/// A signal that was raised or cleared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalRecorded {
    /// Where.
    pub practice: PracticeCode,
    /// About what.
    pub capability: Capability,
    /// What was noticed.
    pub kind: SignalKind,
    /// Raised; else cleared.
    pub is_raised: bool,
    /// The moment it is of.
    pub as_at: Timestamp,
    /// Where the evidence lies.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub evidence: String,
}

/// One command's end, with what was observed and what it brought about: one decision, so that no pause falls between.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermitSettled {
    /// The command.
    pub key: CommandKey,
    /// How it ended.
    pub outcome: Outcome,
    /// What the supplier says of the practice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<SettlementObserved>,
    /// What it brought about.
    #[serde(default, skip_serializing_if = "Consequences::is_empty")]
    pub consequences: Consequences,
}

/// What a supplier's answer says of the practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettlementObserved {
    /// What.
    pub state: ObservedState,
    /// The moment it is of.
    pub as_at: Timestamp,
}

/// What an observation or a settlement brings about at the practice, for the same capability.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consequences {
    /// Receipts whose part becomes final.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<ReceiptFinal>,
    /// The open request to switch off is fulfilled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub switch_off_done: bool,
}

impl Consequences {
    /// Nothing follows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A part of a receipt that becomes final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptFinal {
    /// The pause's number at the practice.
    pub pause: u32,
    /// PREVENTED or REVERSED.
    pub state: ReceiptState,
}

impl Event {
    /// The kind under which the journal files it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::DirectoryImported { .. } => "directory-imported",
            Self::SourceRead(_) => "source-read",
            Self::OrganisationLifetimeSet { .. } => "organisation-lifetime-set",
            Self::PracticePaused(_) => "practice-paused",
            Self::PausesLifted { .. } => "pauses-lifted",
            Self::PauseJudged { .. } => "pause-judged",
            Self::SwitchOffRequested { .. } => "switch-off-requested",
            Self::ReadinessUpdated { .. } => "readiness-updated",
            Self::ReadinessItemsDeclared { .. } => "readiness-items-declared",
            Self::AdviceRecorded(_) => "advice-recorded",
            Self::AdviceEnded { .. } => "advice-ended",
            Self::ContactSet(_) => "contact-set",
            Self::ContactErased { .. } => "contact-erased",
            Self::AccessObserved { .. } => "access-observed",
            Self::SignalsRecorded { .. } => "signals-recorded",
            Self::PermitsGranted { .. } => "permits-granted",
            Self::PermitsSettled { .. } => "permits-settled",
            Self::SuccessionRecorded { .. } => "succession-recorded",
            Self::SuccessionEffected(_) => "succession-effected",
            Self::Lapsed { .. } => "lapsed",
            Self::SyncStarted(_) => "sync-started",
            Self::SyncAdvanced(_) => "sync-advanced",
            Self::SyncFailed(_) => "sync-failed",
            Self::SyncResumed { .. } => "sync-resumed",
            Self::SyncEnded { .. } => "sync-ended",
        }
    }
}

//! What the registry can be asked to decide. Commands are checked for form at the edge; here they are judged.

use jiff::Timestamp;
use ods::{Capability, PracticeCode};

use crate::access::{ObservationSource, ObservedState, Outcome};
use crate::advice::Advised;
use crate::contact::{Channel, Erasure};
use crate::directory::Chunk;
use crate::key::CommandKey;
use crate::organisation::OrganisationLifetime;
use crate::pause::{Judgement, PauseEnd};
use crate::readiness::{DeclaredItem, ReadinessItem};
use crate::setting::WrongSetting;
use crate::signal::SignalKind;
use crate::succession::SuccessionTerms;
use crate::sync::{AdvanceSync, FailSync, StartSync};

/// A request for a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Take in a chunk of a directory's file.
    ImportDirectory(Chunk),
    /// Place a pause.
    PausePractice(PausePractice),
    /// Lift pauses.
    ResumePractice(ResumePractice),
    /// Judge a pause by the programme's default.
    SetPauseOutcome(SetPauseOutcome),
    /// Say from when to when an organisation exists.
    SetOrganisationLifetime(SetOrganisationLifetime),
    /// Take access away now.
    RequestSwitchOff(RequestSwitchOff),
    /// Set items of the readiness checklist.
    UpdateReadiness(UpdateReadiness),
    /// Make items known that a programme's template has besides the catalogue.
    DeclareReadinessItems(Vec<DeclaredItem>),
    /// Record advice to wait, or a support case.
    RecordAdvice(RecordAdvice),
    /// Withdraw advice, or close a support case.
    EndAdvice(EndAdvice),
    /// Name a stored address as a practice's contact.
    SetContact(SetContact),
    /// Take a contact away; its address is to be erased.
    EraseContact(EraseContact),
    /// Record observations. What names an unknown practice, or is known already, is left out.
    RecordObservations(Vec<Observation>),
    /// Record signals. What names an unknown practice, or is known already, is left out.
    RecordSignals(Vec<Signal>),
    /// Grant permits. Whatever is refused is left out; [`crate::permit_refusal`] says why.
    AcquirePermits(Vec<CommandKey>),
    /// Record how commands ended. Whatever has no open permit is left out; [`crate::settlement_refusal`] says why. But a key
    /// that is VOIDED is closed for ever, also where it never had a permit.
    SettlePermits(Vec<Settlement>),
    /// Record that practices are succeeded by others, or by none.
    RecordSuccession(RecordSuccession),
    /// Bring about what is due, at most [`crate::LAPSES_MAX`] at a time.
    Lapse,
    /// Begin a sync of the directory, unless one that reads as much is under way.
    StartSync(StartSync),
    /// Take in a page of a sync.
    AdvanceSync(Box<AdvanceSync>),
    /// Record why a sync cannot go on for now.
    FailSync(FailSync),
}

/// See [`Command::PausePractice`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PausePractice {
    /// Which practice.
    pub practice: PracticeCode,
    /// What to pause; None = all capabilities.
    pub capability: Option<Capability>,
    /// How it is to end.
    pub end: PauseEnd,
    /// Who places it.
    pub placed: Placed,
}

/// Who asks, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placed {
    /// The calling account.
    pub by: String,
    /// On whose behalf; empty where on its own.
    pub on_behalf_of: String,
    /// Reference to the evidence of the practice's wish.
    pub evidence: String,
    /// From the caller's list of codes.
    pub reason_code: String,
}

/// See [`Command::ResumePractice`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumePractice {
    /// Which practice.
    pub practice: PracticeCode,
    /// Which pause; None = all in force.
    pub pause: Option<u32>,
    /// The practice's position that the caller saw; None = whatever it is.
    pub if_position: Option<u64>,
}

/// See [`Command::SetPauseOutcome`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetPauseOutcome {
    /// Which practice.
    pub practice: PracticeCode,
    /// Which pause.
    pub pause: u32,
    /// The judgement.
    pub judgement: Judgement,
    /// The practice's position that the caller saw; None = whatever it is.
    pub if_position: Option<u64>,
}

/// See [`Command::SetOrganisationLifetime`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetOrganisationLifetime {
    /// Which organisation, by its code.
    pub organisation: String,
    /// From when to when, in place of what was said before.
    pub lifetime: OrganisationLifetime,
    /// The organisation's position that the caller saw; None = whatever it is.
    pub if_position: Option<u64>,
}

/// See [`Command::RequestSwitchOff`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestSwitchOff {
    /// Which practice.
    pub practice: PracticeCode,
    /// Which capability.
    pub capability: Capability,
    /// Who asks.
    pub placed: Placed,
}

/// See [`Command::UpdateReadiness`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateReadiness {
    /// Which practice.
    pub practice: PracticeCode,
    /// The items to set, each once.
    pub items: Vec<ReadinessItem>,
    /// The practice's position that the caller saw; None = whatever it is.
    pub if_position: Option<u64>,
}

/// See [`Command::RecordAdvice`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordAdvice {
    /// Which practice.
    pub practice: PracticeCode,
    /// What is said.
    pub advised: Advised,
    /// From when it holds, not in the future; None = now.
    pub from: Option<Timestamp>,
    /// Who records it.
    pub by: Author,
}

/// Who records or ends advice: who may end it is judged by this.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Author {
    /// The calling account.
    pub account: String,
    /// The names of its roles, by name.
    pub roles: Vec<String>,
}

/// See [`Command::EndAdvice`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndAdvice {
    /// Which practice.
    pub practice: PracticeCode,
    /// The advice's number there.
    pub advice: u32,
    /// From when it no longer holds, not in the future and not before it began; None = now.
    pub at: Option<Timestamp>,
    /// Who ends it.
    pub by: Author,
}

/// See [`Command::SetContact`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetContact {
    /// Of which practice.
    pub practice: PracticeCode,
    /// As what: `practice-manager`.
    pub role: String,
    /// By which means.
    pub channel: Channel,
    /// The stored address's id; the address itself never comes here.
    pub address_id: String,
    /// When it is to be erased at the latest.
    pub retain_until: Timestamp,
    /// The calling account.
    pub by: String,
}

/// See [`Command::EraseContact`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EraseContact {
    /// Of which practice.
    pub practice: PracticeCode,
    /// The contact's number there.
    pub contact: u32,
    /// Why.
    pub erasure: Erasure,
}

/// One thing observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Where.
    pub practice: PracticeCode,
    /// Of what.
    pub capability: Capability,
    /// What.
    pub state: ObservedState,
    /// Who observed it.
    pub source: ObservationSource,
    /// The moment it is of; None = now.
    pub as_at: Option<Timestamp>,
    /// The command it followed.
    pub command: Option<CommandKey>,
    /// Where the evidence lies.
    pub evidence: String,
    /// Of PARTIAL: the settings that are not as they should be.
    pub wrong_settings: Vec<WrongSetting>,
}

/// Something noticed that changes no state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Where.
    pub practice: PracticeCode,
    /// About what.
    pub capability: Capability,
    /// What.
    pub kind: SignalKind,
    /// Raised; else cleared.
    pub is_raised: bool,
    /// The moment it is of; None = now.
    pub as_at: Option<Timestamp>,
    /// Where the evidence lies.
    pub evidence: String,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The command.
    pub key: CommandKey,
    /// How it ended.
    pub outcome: Outcome,
    /// What the supplier says of the practice; None = what follows from the outcome.
    pub observed: Option<ObservedState>,
    /// The moment the answer is of; None = now.
    pub as_at: Option<Timestamp>,
}

/// See [`Command::RecordSuccession`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSuccession {
    /// Who and from when.
    pub terms: SuccessionTerms,
    /// The calling account.
    pub recorded_by: String,
    /// From the caller's list of codes.
    pub reason_code: String,
    /// Practices named in it, with the positions that the caller saw.
    pub if_positions: Vec<(PracticeCode, u64)>,
    /// How many practices the caller expects it to touch; None = however many.
    pub confirm_count: Option<u32>,
    /// Which ones, by [`crate::succession::Affected::hash`]; None = whichever.
    pub confirm_hash: Option<String>,
}

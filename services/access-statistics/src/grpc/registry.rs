//! The registry as a peer: its watch, turned into what the follower stores.

use client::Peer;
use jiff::Timestamp;
use ods::{Capability, IcbCode, PcnCode, PracticeCode, RegionCode, SubIcbCode, Supplier};
use proto::registry::v1 as wire;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use tally::{ListSize, Observed, ObservedState, Place, PracticeStanding, Silence, Told};
use thiserror::Error;
use tonic::{Code, Status, Streaming};

use crate::follow::{PracticeUpdate, Telling, WatchMessage};
use crate::store::told::Followed;

/// The registry cannot be followed.
#[derive(Debug, Error)]
pub(crate) enum RegistryError {
    /// It does not know the place where we were, and begins anew where asked without one.
    #[error("the registry refuses the resume token: {0}")]
    TokenRefused(String),
    /// Its journal lacks what we followed, or has other records there (rule 17).
    #[error("the registry's journal is not the one followed before; it is at {position}")]
    Elsewhere {
        /// Where it is, or where it differs.
        position: u64,
    },
    /// The call failed.
    #[error("the registry answered {code:?}: {message}")]
    Call {
        /// How.
        code: Code,
        /// In words.
        message: String,
    },
    /// It says what this program cannot read; a newer registry, perhaps.
    #[error("the registry says of {practice} what cannot be read: {field} is `{value}`")]
    Unreadable {
        /// Of which practice.
        practice: String,
        /// In which field.
        field: &'static str,
        /// What.
        value: String,
    },
}

/// Most signals in one call: the registry's limit.
const SIGNALS_MAX: usize = 1_000;

/// Where the registry is.
#[derive(Clone, Debug)]
pub(crate) struct RegistryPeer(pub(crate) Peer);

/// An open watch.
#[derive(Debug)]
pub(crate) struct RegistryWatch(Streaming<wire::WatchPracticesResponse>);

impl RegistryPeer {
    /// Opens a watch over all practices; with an empty token it begins with a snapshot.
    pub(crate) async fn watch(&self, resume_token: &str) -> Result<RegistryWatch, RegistryError> {
        let mut client = PracticeRegistryServiceClient::new(self.0.clone());
        let request = wire::WatchPracticesRequest { resume_token: resume_token.to_owned(), filter: String::new() };
        let opened = client.watch_practices(request).await;
        opened.map(|reply| RegistryWatch(reply.into_inner())).map_err(|status| refused(&status))
    }
}

/// Signals of one capability to raise and to clear.
#[derive(Clone, Debug)]
pub(crate) struct Signalling {
    pub(crate) capability: Capability,
    pub(crate) silence: Silence,
    /// The moment up to which nobody has looked, or by which somebody has.
    pub(crate) as_at: Timestamp,
    pub(crate) evidence: String,
    /// Names these calls; each chunk has a number behind it.
    pub(crate) request_id: String,
}

impl RegistryPeer {
    /// Raises and clears signals. A call that fails leaves the chunks before it recorded, which is no harm: the next
    /// comparison begins with what is recorded.
    pub(crate) async fn signal(&self, signalling: &Signalling) -> Result<(), RegistryError> {
        let mut client = PracticeRegistryServiceClient::new(self.0.clone());
        let report = |code: &PracticeCode, cleared: bool| wire::SignalReport {
            practice: format!("practices/{code}"),
            capability: signalling.capability.to_string(),
            kind: wire::SignalKind::NoViewers.into(),
            cleared,
            as_at: Some(api::time::to_wire(signalling.as_at)),
            evidence: signalling.evidence.clone(),
        };
        let begun = signalling.silence.begun.iter().map(|code| report(code, false));
        let reports: Vec<_> = begun.chain(signalling.silence.over.iter().map(|code| report(code, true))).collect();
        for (number, signals) in reports.chunks(SIGNALS_MAX).enumerate() {
            let request = wire::RecordSignalsRequest {
                signals: signals.to_vec(),
                request_id: format!("{}/{number}", signalling.request_id),
                ..Default::default()
            };
            client.record_signals(request).await.map_err(|status| refused(&status))?;
        }
        Ok(())
    }
}

impl RegistryWatch {
    /// The next message; None where the registry ended the watch.
    pub(crate) async fn next(&mut self) -> Result<Option<WatchMessage>, RegistryError> {
        let message = self.0.message().await.map_err(|status| refused(&status))?;
        message.map(read_message).transpose()
    }
}

fn refused(status: &Status) -> RegistryError {
    let explained = api::Explained::from(status);
    let position = explained.metadata.get("position").and_then(|position| position.parse().ok());
    match (explained.reason.as_str(), position) {
        // A registry that does not come to our position in time lags behind or was restored; either way figures rest on
        // records that it does not have.
        ("JOURNAL_REWOUND" | api::POSITION_NOT_REACHED, Some(position)) => RegistryError::Elsewhere { position },
        ("RESUME_TOKEN_INVALID", _) => RegistryError::TokenRefused(status.message().to_owned()),
        _ => RegistryError::Call { code: status.code(), message: status.message().to_owned() },
    }
}

fn read_message(message: wire::WatchPracticesResponse) -> Result<WatchMessage, RegistryError> {
    let recorded_at = moment("recorded_at", message.recorded_at.as_ref(), "").unwrap_or_default();
    let mut updates = Vec::with_capacity(message.changes.len());
    for change in message.changes {
        let kind = change.kind();
        let Some(practice) = change.practice else { continue };
        let code = parse::<PracticeCode>(&practice, "ods_code", &practice.ods_code)?;
        let told = match kind {
            wire::PracticeChangeKind::Removed => vec![removed(recorded_at)],
            _ => tellings(&practice, recorded_at)?,
        };
        updates.push(PracticeUpdate { code, told, traceparent: change.traceparent });
    }
    let followed = Followed {
        position: message.position,
        journal_hash: message.journal_hash.to_vec(),
        resume_token: message.resume_token,
    };
    Ok(WatchMessage { updates, followed, is_complete: message.bookmark })
}

/// Everything that a message says of a practice.
fn tellings(practice: &wire::Practice, message_at: Timestamp) -> Result<Vec<Telling>, RegistryError> {
    let recorded_at = moment("update_time", practice.update_time.as_ref(), &practice.name).unwrap_or(message_at);
    let mut told = vec![Telling { value: Told::Place(place(practice)?), recorded_at, effective_from: None }];
    // Without a source nobody has counted; 0 is then no list size.
    if !practice.list_size_source.is_empty() {
        let size = ListSize {
            patients: u64::try_from(practice.list_size).unwrap_or_default(),
            source: practice.list_size_source.clone(),
            as_at: date(practice, "list_size_date", &practice.list_size_date)?,
        };
        told.push(Telling { value: Told::ListSize(size), recorded_at, effective_from: None });
    }
    for access in &practice.access {
        told.extend(observation(practice, access, message_at)?);
        told.push(no_viewers(practice, access, recorded_at)?);
    }
    Ok(told)
}

fn place(practice: &wire::Practice) -> Result<Place, RegistryError> {
    let standing = match practice.status() {
        wire::PracticeStatus::Active => PracticeStanding::Active,
        wire::PracticeStatus::Closed => PracticeStanding::Closed,
        wire::PracticeStatus::Dormant => PracticeStanding::Dormant,
        wire::PracticeStatus::Proposed => PracticeStanding::Proposed,
        wire::PracticeStatus::Unspecified => {
            return Err(unreadable(practice, "status", &practice.status.to_string()));
        }
    };
    Ok(Place {
        standing,
        open_date: date(practice, "open_date", &practice.open_date)?,
        close_date: date(practice, "close_date", &practice.close_date)?,
        supplier: optional::<Supplier>(practice, "supplier", &practice.supplier)?,
        icb: optional::<IcbCode>(practice, "icb_code", &practice.icb_code)?,
        region: optional::<RegionCode>(practice, "region_code", &practice.region_code)?,
        sub_icb: optional::<SubIcbCode>(practice, "sub_icb_code", &practice.sub_icb_code)?,
        pcn: optional::<PcnCode>(practice, "pcn_code", &practice.pcn_code)?,
    })
}

/// A practice that is no longer in the registry is as good as closed, from when that was recorded.
fn removed(recorded_at: Timestamp) -> Telling {
    let place = Place {
        standing: PracticeStanding::Closed,
        open_date: None,
        close_date: None,
        supplier: None,
        icb: None,
        region: None,
        sub_icb: None,
        pcn: None,
    };
    Telling { value: Told::Place(place), recorded_at, effective_from: Some(recorded_at) }
}

/// What was observed of a capability; None where nothing ever was.
fn observation(
    practice: &wire::Practice,
    access: &wire::Access,
    message_at: Timestamp,
) -> Result<Option<Telling>, RegistryError> {
    let state = match access.state() {
        wire::ObservedState::On => ObservedState::On,
        wire::ObservedState::Off => ObservedState::Off,
        wire::ObservedState::Partial => ObservedState::Partial,
        wire::ObservedState::Unknown => ObservedState::Unknown,
        wire::ObservedState::Unspecified => return Err(unreadable(practice, "access.state", "0")),
    };
    let observed_at = moment("access.as_at", access.as_at.as_ref(), &practice.name);
    let live_since = moment("access.live_since", access.live_since.as_ref(), &practice.name);
    let Some(effective_from) = (if access.live { live_since.or(observed_at) } else { observed_at }) else {
        return Ok(None);
    };
    let capability = parse::<Capability>(practice, "access.capability", &access.capability)?;
    let recorded_at = moment("access.recorded_at", access.recorded_at.as_ref(), &practice.name).unwrap_or(message_at);
    let observed = Observed { state, live: access.live };
    let value = Told::Access { capability, observed };
    Ok(Some(Telling { value, recorded_at, effective_from: Some(effective_from) }))
}

/// Whether the signal is raised that nobody looks; from when it was raised, or else is told.
fn no_viewers(practice: &wire::Practice, access: &wire::Access, told_at: Timestamp) -> Result<Telling, RegistryError> {
    let raised = access.signals.iter().find(|signal| signal.kind() == wire::SignalKind::NoViewers);
    let of_signal = |field, moment_of: Option<&prost_types::Timestamp>| moment(field, moment_of, &practice.name);
    let raised_at = raised.and_then(|signal| of_signal("signals.as_at", signal.as_at.as_ref()));
    let recorded_at = raised.and_then(|signal| of_signal("signals.recorded_at", signal.recorded_at.as_ref()));
    let capability = parse::<Capability>(practice, "access.capability", &access.capability)?;
    Ok(Telling {
        value: Told::NoViewers { capability, is_raised: raised.is_some() },
        recorded_at: recorded_at.unwrap_or(told_at),
        effective_from: Some(raised_at.unwrap_or(told_at)),
    })
}

fn moment(field: &'static str, wire: Option<&prost_types::Timestamp>, practice: &str) -> Option<Timestamp> {
    api::time::moment(field, wire).unwrap_or_else(|error| {
        tracing::warn!(practice, %error, "the registry sent a moment that cannot be read");
        None
    })
}

fn date(
    practice: &wire::Practice,
    field: &'static str,
    text: &str,
) -> Result<Option<jiff::civil::Date>, RegistryError> {
    api::time::date(field, text).map_err(|_| unreadable(practice, field, text))
}

fn optional<T: std::str::FromStr>(
    practice: &wire::Practice,
    field: &'static str,
    text: &str,
) -> Result<Option<T>, RegistryError> {
    if text.is_empty() { Ok(None) } else { parse(practice, field, text).map(Some) }
}

fn parse<T: std::str::FromStr>(practice: &wire::Practice, field: &'static str, text: &str) -> Result<T, RegistryError> {
    text.parse().map_err(|_| unreadable(practice, field, text))
}

fn unreadable(practice: &wire::Practice, field: &'static str, value: &str) -> RegistryError {
    RegistryError::Unreadable { practice: practice.name.clone(), field, value: value.to_owned() }
}

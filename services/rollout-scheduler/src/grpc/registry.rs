//! The practice registry, as the scheduler calls it.

mod contacts;
mod endings;
mod past;

use std::collections::BTreeMap;
use std::time::Duration;

use api::Error;
use client::Peer;
pub(crate) use contacts::Reachable;
pub(crate) use endings::{Settled, Told};
use jiff::Timestamp;
use ods::{Capability, PracticeCode};
pub(crate) use past::Stretch;
use proto::registry::v1 as wire;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use rollout::PermitAnswer;
use rollout::effects::ItemsToTell;
use rollout::spec::ItemSpec;
use rollout::{ActivationKey, Direction};
use rollout::{Observed, PracticeFacts};
use tonic::Streaming;

use super::convert::{moment, name};
use super::facts::facts_from_wire;
use crate::peer::PeerError;

/// What one call about permits, settlements or observations may name at most, as the registry's contract has it.
pub(crate) const KEYS_MAX: usize = 1_000;

/// How far a replica of the registry may lag behind another: it hears of each record within milliseconds.
const REPLICA_LAG_MAX: Duration = Duration::from_secs(3);

/// The registry. Clones share the connection.
#[derive(Clone, Debug)]
pub(crate) struct Registry(PracticeRegistryServiceClient<Peer>);

/// Why and under which name the scheduler asks.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    /// A replay under the same id gets the first reply, so it names what is asked and at which state.
    pub(crate) request_id: String,
    /// What led to it: a wave, a hold.
    pub(crate) cause: String,
}

/// A message of the watch, read.
#[derive(Debug)]
pub(crate) struct WatchMessage {
    pub(crate) changes: Vec<WatchChange>,
    /// With this message everything up to `position` is there.
    pub(crate) bookmark: bool,
    pub(crate) resume_token: String,
    pub(crate) position: u64,
}

/// What became of a practice.
#[derive(Debug)]
pub(crate) enum WatchChange {
    Is(PracticeFacts),
    IsGone(PracticeCode),
}

/// What a supplier's list says of a practice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Observation {
    pub(crate) practice: PracticeCode,
    pub(crate) state: Observed,
    pub(crate) as_at: Timestamp,
}

impl Registry {
    pub(crate) fn new(peer: Peer) -> Self {
        Self(PracticeRegistryServiceClient::new(peer))
    }

    /// Follows all practices, from a snapshot where there is no token.
    pub(crate) async fn watch(&self, resume_token: &str) -> Result<Watch, PeerError> {
        let request = wire::WatchPracticesRequest { resume_token: resume_token.to_owned(), filter: String::new() };
        let stream = self.0.clone().watch_practices(request).await?.into_inner();
        Ok(Watch { stream, registry: self.clone(), pending_keys: BTreeMap::new() })
    }

    /// Whether the registry has what it once had up to a position: a replica may lag, and is waited for.
    pub(crate) async fn reaches(&self, position: u64) -> Result<bool, PeerError> {
        let request = wire::ListPracticesRequest { page_size: 1, min_position: position, ..Default::default() };
        let mut request = tonic::Request::new(request);
        request.set_timeout(REPLICA_LAG_MAX);
        match self.0.clone().list_practices(request).await.map_err(PeerError::from) {
            Ok(_) => Ok(true),
            Err(error) if error.reason() == api::POSITION_NOT_REACHED => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Asks for permits; at most [`KEYS_MAX`]. The answers, and the registry's position after them.
    pub(crate) async fn acquire(
        &self,
        keys: &[ActivationKey],
        asking: Asking,
    ) -> Result<(BTreeMap<ActivationKey, PermitAnswer>, u64), PeerError> {
        let request = wire::AcquirePermitsRequest {
            keys: keys.iter().map(key_to_wire).collect(),
            request_id: asking.request_id,
            cause: asking.cause,
            ..wire::AcquirePermitsRequest::default()
        };
        let reply = self.0.clone().acquire_permits(request).await?.into_inner();
        if reply.grants.len() != keys.len() {
            return Err(PeerError::Nonsense("AcquirePermits answered another number of keys than it was asked about"));
        }
        let answers = keys.iter().cloned().zip(reply.grants.iter().map(permit_answer)).collect();
        Ok((answers, reply.position))
    }

    /// Gives permits back; at most [`KEYS_MAX`]. One that was never granted is none to give back.
    pub(crate) async fn release(&self, keys: &[ActivationKey], asking: Asking) -> Result<(), PeerError> {
        let request = wire::ReleasePermitsRequest {
            keys: keys.iter().map(key_to_wire).collect(),
            request_id: asking.request_id,
            cause: asking.cause,
            ..wire::ReleasePermitsRequest::default()
        };
        self.0.clone().release_permits(request).await?;
        Ok(())
    }

    /// Makes the readiness items known that a programme's template has of its own.
    pub(crate) async fn declare_items(&self, own: &ItemsToTell, asking: Asking) -> Result<(), PeerError> {
        let kind = |(item, demand): &(String, ItemSpec)| wire::ReadinessItemKind {
            item: item.clone(),
            title: demand.title.clone(),
            description: demand.description.clone(),
            usual_owner: demand.usual_owner.clone(),
            declared_by: String::new(),
        };
        let request = wire::DeclareReadinessItemsRequest {
            programme: own.programme.to_string(),
            items: own.items.iter().map(kind).collect(),
            request_id: asking.request_id,
            ..wire::DeclareReadinessItemsRequest::default()
        };
        self.0.clone().declare_readiness_items(request).await?;
        Ok(())
    }

    /// Records what a supplier's list says; at most [`KEYS_MAX`].
    pub(crate) async fn record(
        &self,
        capability: &Capability,
        observations: &[Observation],
        asking: Asking,
    ) -> Result<(), PeerError> {
        let request = wire::RecordObservationRequest {
            observations: observations.iter().map(|some| observation_to_wire(capability, some)).collect(),
            request_id: asking.request_id,
            cause: asking.cause,
            ..wire::RecordObservationRequest::default()
        };
        self.0.clone().record_observation(request).await?;
        Ok(())
    }

    /// The commands that a PENDING receipt waits for: one for each capability whose permit was open at the pause.
    async fn pending_keys(&self, practice: PracticeCode, pause: u32) -> Result<Vec<ActivationKey>, PeerError> {
        let name = format!("practices/{practice}/receipts/{pause}");
        let reply =
            self.0.clone().get_receipt(wire::GetReceiptRequest { name, ..Default::default() }).await?.into_inner();
        let parts = reply.receipt.map(|receipt| receipt.parts).unwrap_or_default();
        let pending = parts.iter().filter(|part| part.state() == wire::ReceiptState::Pending);
        let keys: Result<Vec<_>, Error> =
            pending.filter_map(|part| part.command_key.as_ref()).map(key_from_wire).collect();
        Ok(keys?)
    }
}

/// A watch of all practices.
#[derive(Debug)]
pub(crate) struct Watch {
    stream: Streaming<wire::WatchPracticesResponse>,
    registry: Registry,
    /// What PENDING receipts wait for, as it was when each was first seen: the practice's own resource does not say. None is
    /// ever added to it, and for a key that is waited for no longer nothing is left to do.
    pending_keys: BTreeMap<(PracticeCode, u32), Vec<ActivationKey>>,
}

impl Watch {
    /// The next message; none where the registry ended the stream.
    pub(crate) async fn next(&mut self) -> Result<Option<WatchMessage>, PeerError> {
        let Some(message) = self.stream.message().await? else { return Ok(None) };
        let mut changes = Vec::new();
        for change in &message.changes {
            let practice = change.practice.as_ref().ok_or(PeerError::Nonsense("a change names no practice"))?;
            changes.push(match change.kind() {
                wire::PracticeChangeKind::Removed => WatchChange::IsGone(code(&practice.ods_code)?),
                _ => WatchChange::Is(self.facts(practice).await?),
            });
        }
        Ok(Some(WatchMessage {
            changes,
            bookmark: message.bookmark,
            resume_token: message.resume_token,
            position: message.position,
        }))
    }

    async fn facts(&mut self, practice: &wire::Practice) -> Result<PracticeFacts, PeerError> {
        let mut facts = facts_from_wire(practice)?;
        for (facts, pause) in facts.pauses.iter_mut().zip(&practice.pauses) {
            if pause.receipt_state() == wire::ReceiptState::Pending {
                let place = (code(&practice.ods_code)?, facts.number);
                if !self.pending_keys.contains_key(&place) {
                    let keys = self.registry.pending_keys(place.0, place.1).await?;
                    self.pending_keys.insert(place, keys);
                }
                facts.pending_on = self.pending_keys.get(&place).cloned().unwrap_or_default();
            }
        }
        Ok(facts)
    }
}

fn observed_to_wire(observed: Observed) -> wire::ObservedState {
    match observed {
        Observed::On => wire::ObservedState::On,
        Observed::Off => wire::ObservedState::Off,
        Observed::Partial => wire::ObservedState::Partial,
        Observed::Unknown => wire::ObservedState::Unknown,
    }
}

fn permit_answer(grant: &wire::PermitGrant) -> PermitAnswer {
    let is_open = grant.permit.as_ref().is_some_and(|permit| permit.state() == wire::PermitState::Open);
    match grant.refusal() {
        wire::PermitRefusal::Unspecified if is_open => PermitAnswer::Granted,
        // A permit that was settled or released: its key is closed for ever.
        wire::PermitRefusal::Unspecified => PermitAnswer::Refused { refusal: "KEY_CLOSED".to_owned() },
        refusal => {
            let name = refusal.as_str_name();
            PermitAnswer::Refused { refusal: name.strip_prefix("PERMIT_REFUSAL_").unwrap_or(name).to_owned() }
        }
    }
}

fn key_to_wire(key: &ActivationKey) -> wire::CommandKey {
    let mut wire = wire::CommandKey {
        capability: key.capability.to_string(),
        practice: format!("practices/{}", key.practice),
        generation: key.generation,
        ..wire::CommandKey::default()
    };
    wire.set_action(match key.direction {
        Direction::Enable => wire::CommandAction::Enable,
        Direction::Disable => wire::CommandAction::Disable,
    });
    wire
}

fn key_from_wire(key: &wire::CommandKey) -> Result<ActivationKey, Error> {
    Ok(ActivationKey {
        direction: match key.action() {
            wire::CommandAction::Disable => Direction::Disable,
            wire::CommandAction::Enable | wire::CommandAction::Unspecified => Direction::Enable,
        },
        practice: name::practice("practice", &key.practice)?,
        capability: name::code_of("capability", &key.capability)?,
        generation: key.generation,
    })
}

pub(super) fn code<T>(text: &str) -> Result<T, PeerError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    Ok(name::code_of("practice", text)?)
}

fn observation_to_wire(capability: &Capability, observation: &Observation) -> wire::Observation {
    let mut wire = wire::Observation {
        practice: format!("practices/{}", observation.practice),
        capability: capability.to_string(),
        as_at: Some(moment(observation.as_at)),
        ..wire::Observation::default()
    };
    wire.set_state(observed_to_wire(observation.state));
    wire.set_source(wire::ObservationSource::SupplierList);
    wire
}

//! CheckAccess and BatchCheckAccess. A practice's part of the reply is encoded once for each of its changes; the moment
//! and the position are put behind it, since fields of a protobuf message may be concatenated.

use std::collections::BTreeMap;

use api::Error;
use bytes::{BufMut, Bytes};
use jiff::Timestamp;
use ods::{Capability, PracticeCode};
use practice::access::ObservedState;
use practice::reasons::{Fact, Reason, reasons};
use practice::signal::SignalKind;
use practice::{Practice, State, View};
use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};
use proto::registry::v1 as wire;

use crate::fields::DEFAULT_CAPABILITY;
use crate::grpc::reading::Reading;
use crate::grpc::resource::{source_to_wire, state_to_wire};
use crate::grpc::{encoded, name};

/// Field numbers of both responses that are not in a practice's part; a test compares them with the generated messages.
const AS_OF: u32 = 20;
const POSITION: u32 = 50;

/// A practice's part of the reply, for each capability of which anything is known there and for the default one.
#[derive(Clone, Debug)]
pub(crate) struct EncodedAccess {
    default: Bytes,
    others: BTreeMap<Capability, Bytes>,
}

impl EncodedAccess {
    pub(crate) fn new(practice: &std::sync::Arc<Practice>) -> Self {
        let view = View::current(practice);
        let default = &*DEFAULT_CAPABILITY;
        let others = practice.access.keys().filter(|capability| *capability != default);
        let others = others.map(|capability| (capability.clone(), encode(view, capability))).collect();
        Self { default: encode(view, default), others }
    }

    /// None where nothing is known of the capability at this practice. Empty is the default one, as in requests.
    pub(crate) fn part(&self, capability: &str) -> Option<&Bytes> {
        if capability.is_empty() || capability == DEFAULT_CAPABILITY.as_str() {
            return Some(&self.default);
        }
        // There is one or none.
        self.others.iter().find(|(known, _)| known.as_str() == capability).map(|(_, part)| part)
    }
}

fn encode(view: View<'_>, capability: &Capability) -> Bytes {
    to_wire(view, capability).encode_to_vec().into()
}

/// What is put behind the practices' parts in both replies: of when they are.
#[derive(Clone, Debug)]
pub(crate) struct Tail {
    as_of: prost_types::Timestamp,
    position: u64,
}

impl Tail {
    pub(crate) fn new(as_of: Timestamp, position: u64) -> Self {
        Self { as_of: api::time::to_wire(as_of), position }
    }

    pub(crate) fn encoded_len(&self) -> usize {
        let as_of_len = self.as_of.encoded_len();
        let as_of = key_len(AS_OF) + encoded_len_varint(as_of_len as u64) + as_of_len;
        as_of + key_len(POSITION) + encoded_len_varint(self.position)
    }

    pub(crate) fn encode(&self, into: &mut impl BufMut) {
        encode_key(AS_OF, WireType::LengthDelimited, into);
        encode_varint(self.as_of.encoded_len() as u64, into);
        self.as_of.encode_raw(into);
        encode_key(POSITION, WireType::Varint, into);
        encode_varint(self.position, into);
    }
}

/// What is asked of one practice or many.
pub(crate) struct AccessQuestion {
    pub(crate) capability: Capability,
    reading: Reading,
}

impl AccessQuestion {
    pub(crate) fn new(
        capability: &str,
        at: Option<&prost_types::Timestamp>,
        known_at: Option<&prost_types::Timestamp>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let reading = Reading::named("at", at, known_at, now)?;
        Ok(Self { capability: name::capability("capability", capability)?, reading })
    }

    /// The moment asked about; None is now.
    pub(crate) fn at(&self) -> Option<Timestamp> {
        self.reading.as_of().map(|as_of| as_of.effective_at)
    }

    /// The practice's part of the answer, where the practice is known; and was there at the moment asked about.
    pub(crate) fn part(&self, state: &State, code: PracticeCode) -> Option<Bytes> {
        let known = state.practice(code)?;
        if self.reading.is_present()
            && let Some(part) = encoded::access(known).part(self.capability.as_str())
        {
            return Some(part.clone());
        }
        Some(encode(self.reading.of(state).view(known)?, &self.capability))
    }
}

fn to_wire(view: View<'_>, capability: &Capability) -> wire::PracticeAccess {
    let observed = view.observed(capability);
    let reason = |reason: Reason| reason_to_wire(view.code(), reason);
    wire::PracticeAccess {
        ods_code: view.code().to_string(),
        capability: capability.to_string(),
        live: observed.is_some_and(|verdict| verdict.is_live()),
        live_since: view.live_since(capability).map(api::time::to_wire),
        state: state_to_wire(observed.map_or(ObservedState::Unknown, |observed| observed.state)).into(),
        source: observed
            .map_or(wire::ObservationSource::Unspecified, |observed| source_to_wire(observed.by.source))
            .into(),
        observed_at: observed.map(|observed| api::time::to_wire(observed.as_at)),
        reasons: reasons(view, capability).into_iter().map(reason).collect(),
    }
}

fn reason_to_wire(practice: PracticeCode, reason: Reason) -> wire::AccessReason {
    use wire::AccessReasonCode as Code;
    let code = match reason.fact {
        Fact::Observed(state) | Fact::Says(_, state) => match state {
            ObservedState::On => Code::ObservedOn,
            ObservedState::Off => Code::ObservedOff,
            ObservedState::Partial => Code::ObservedPartial,
            ObservedState::Unknown => Code::ObservedUnknown,
        },
        Fact::Disputed => Code::Disputed,
        Fact::Signal(SignalKind::NoViewers) => Code::NoViewers,
        Fact::NeverObserved => Code::NeverObserved,
        Fact::Paused(_) => Code::Paused,
        Fact::SwitchOffRequested => Code::SwitchOffRequested,
        Fact::NotOpen(_) => Code::PracticeNotOpen,
        Fact::SucceededBy(_) => Code::Succeeded,
        Fact::EnablePermitted => Code::EnablePermitted,
        Fact::DisablePermitted => Code::DisablePermitted,
        Fact::AdviceToWait(_) => Code::AdviceToWait,
    };
    let resource = match reason.fact {
        Fact::Paused(number) => name::of_pause(practice, number),
        Fact::SucceededBy(successor) => name::of_practice(successor),
        Fact::AdviceToWait(number) => name::of_advice(practice, number),
        _ => String::new(),
    };
    let source = match reason.fact {
        Fact::Says(source, _) => source_to_wire(source),
        _ => wire::ObservationSource::Unspecified,
    };
    let since = reason.since.map(api::time::to_wire);
    wire::AccessReason { code: code.into(), since, resource, source: source.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use practice::directory::{Chunk, DirectoryEntry};
    use practice::pause::PauseEnd;
    use practice::{Command, apply, command, decide};

    fn paused_practice() -> State {
        let now: Timestamp = "2031-06-02T08:00:00Z".parse().unwrap();
        let code: PracticeCode = "A81001".parse().unwrap();
        let entry = DirectoryEntry { name: Some("HILL SURGERY".to_owned()), ..DirectoryEntry::new(code) };
        let chunk = Chunk {
            source: "map".to_owned(),
            effective_from: "2031-06-01".parse().unwrap(),
            practices: vec![entry],
            organisations: Vec::new(),
            read: None,
        };
        let placed = command::Placed { by: "manager".to_owned(), ..command::Placed::default() };
        let end = PauseEnd::FurtherNotice;
        let pause = command::PausePractice { practice: code, capability: None, end, placed };
        let mut state = State::default();
        for (position, command) in [(1, Command::ImportDirectory(chunk)), (2, Command::PausePractice(pause))] {
            for event in decide(&state, &command, now).unwrap() {
                apply(&mut state, &event, position, now);
            }
        }
        state
    }

    /// The numbers above are those of the messages, and the two messages are one up to them.
    #[test]
    fn the_concatenated_reply_is_the_message() {
        let state = paused_practice();
        let practice = state.practice("A81001".parse().unwrap()).unwrap();
        let part = EncodedAccess::new(practice).part("").unwrap().clone();
        let as_of: Timestamp = "2031-06-02T09:00:00.123456Z".parse().unwrap();
        let tail = Tail::new(as_of, 300);
        let mut encoded = part.to_vec();
        tail.encode(&mut encoded);
        assert_eq!(encoded.len(), part.len() + tail.encoded_len());
        let reply = wire::CheckAccessResponse::decode(encoded.as_slice()).unwrap();
        let alone = wire::PracticeAccess::decode(part).unwrap();
        let expected = wire::CheckAccessResponse {
            ods_code: alone.ods_code,
            capability: alone.capability,
            live: alone.live,
            live_since: alone.live_since,
            state: alone.state,
            source: alone.source,
            observed_at: alone.observed_at,
            reasons: alone.reasons,
            as_of: Some(api::time::to_wire(as_of)),
            position: 300,
        };
        assert_eq!(reply, expected);
        assert_eq!(reply.reasons.len(), 2, "never observed, and paused");
        assert_eq!(encoded, expected.encode_to_vec(), "to the byte");
    }
}

//! Between the journal's types and those of the wire.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use proto::journal::v1 as wire;

use crate::{
    ChainFault, Checkpoint, Finding, Hash, Head, Note, Record, RecordFilter, RedactNote, Redaction, Verification,
};

/// `journals/registry` → `registry`.
pub(crate) const COLLECTION: &str = "journals";

/// Records with the notes that lie beside them, and what became of those that do not.
pub(crate) fn records(records: Vec<Record>, notes: Vec<Note>, redactions: Vec<Redaction>) -> Vec<wire::Record> {
    let mut notes: BTreeMap<u64, Note> = notes.into_iter().map(|note| (note.position, note)).collect();
    let mut redactions: BTreeMap<u64, Redaction> =
        redactions.into_iter().map(|redaction| (redaction.note_position, redaction)).collect();
    records
        .into_iter()
        .map(|record| {
            let (note, redaction) = (notes.remove(&record.position), redactions.remove(&record.position));
            from_record(record, note, redaction.as_ref())
        })
        .collect()
}

pub(crate) fn from_redaction(redaction: &Redaction) -> wire::NoteRedaction {
    use wire::note_redaction::State;
    let done = redaction.redacted.as_ref();
    let state = if done.is_some() { State::Redacted } else { State::AwaitingSecondPerson };
    wire::NoteRedaction {
        state: state.into(),
        note_position: redaction.note_position,
        asked_by: redaction.asked_by.clone(),
        asked_at: Some(api::time::to_wire(redaction.asked_at)),
        second_person_until: Some(api::time::to_wire(redaction.until)),
        etag: if done.is_some() { String::new() } else { redaction.asked_position.to_string() },
        redacted_by: done.map(|done| done.by.clone()).unwrap_or_default(),
        redacted_at: done.map(|done| api::time::to_wire(done.at)),
        redacted_position: done.map_or(0, |done| done.position),
        reason_code: redaction.reason_code.clone(),
    }
}

/// What a caller asks to be taken away, or which of its fields is wrong.
pub(crate) fn to_redact_note(request: &wire::RedactNoteRequest) -> Result<RedactNote, api::Error> {
    let etag = match request.etag.as_str() {
        "" => None,
        given => Some(given.parse().map_err(|_| {
            api::Error::invalid("etag", "ETAG_INVALID", "{field} is `{value}`; take it from the first person's reply")
                .with("value", given)
        })?),
    };
    Ok(RedactNote { note_position: request.note_position, etag })
}

/// What a caller wants to see, or which of its fields is wrong.
pub(crate) fn to_filter(request: &wire::ListRecordsRequest) -> Result<RecordFilter, api::Error> {
    let named = match request.practice.as_str() {
        "" => "",
        name => api::validate::resource_id("practice", name, "practices")?,
    };
    if !named.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(api::Error::invalid("practice", "RESOURCE_NAME_INVALID", "{field} is `{value}`, which is no code")
            .with("value", &request.practice));
    }
    Ok(RecordFilter {
        actor: request.actor.clone(),
        kind: request.kind.clone(),
        cause: request.cause.clone(),
        request_id: request.caused_by_request.clone(),
        named: named.to_owned(),
    })
}

fn from_record(record: Record, note: Option<Note>, redaction: Option<&Redaction>) -> wire::Record {
    let (note, note_salt) = note.map(|note| (note.note, note.salt)).unwrap_or_default();
    wire::Record {
        position: record.position,
        recorded_at: Some(api::time::to_wire(record.recorded_at)),
        actor: record.actor,
        request_id: record.request_id,
        cause: record.cause,
        traceparent: record.traceparent,
        kind: record.kind,
        payload_json: record.payload,
        reason_code: record.reason_code,
        note_hash: record.note_hash.map(|hash| bytes(hash.0)).unwrap_or_default(),
        previous_hash: bytes(record.previous_hash.0),
        hash: bytes(record.hash.0),
        note,
        note_salt: note_salt.into(),
        redaction: redaction.map(from_redaction),
    }
}

/// A checkpoint as it is told.
pub fn from_checkpoint(checkpoint: &Checkpoint) -> wire::Checkpoint {
    let Head { position, hash, recorded_at } = checkpoint.head;
    wire::Checkpoint {
        journal: format!("{COLLECTION}/{}", checkpoint.journal),
        position,
        hash: bytes(hash.0),
        recorded_at: (position > 0).then(|| api::time::to_wire(recorded_at)),
        signed_at: Some(api::time::to_wire(checkpoint.signed_at)),
        public_key: bytes(checkpoint.public_key),
        signature: bytes(checkpoint.signature),
    }
}

/// The checkpoint that a caller kept, or which of its fields is wrong.
pub fn to_checkpoint(checkpoint: &wire::Checkpoint) -> Result<Checkpoint, api::Error> {
    let journal = api::validate::resource_id("checkpoint.journal", &checkpoint.journal, COLLECTION)?;
    let recorded_at = api::time::moment("checkpoint.recorded_at", checkpoint.recorded_at.as_ref())?;
    Ok(Checkpoint {
        journal: journal.to_owned(),
        head: Head {
            position: checkpoint.position,
            hash: Hash(fixed("checkpoint.hash", &checkpoint.hash)?),
            recorded_at: recorded_at.unwrap_or(Timestamp::UNIX_EPOCH),
        },
        signed_at: api::time::required_moment("checkpoint.signed_at", checkpoint.signed_at.as_ref())?,
        public_key: fixed("checkpoint.public_key", &checkpoint.public_key)?,
        signature: fixed("checkpoint.signature", &checkpoint.signature)?,
    })
}

/// What a verification found, as it is told.
pub fn from_verification(verification: &Verification) -> wire::VerifyChainResponse {
    wire::VerifyChainResponse {
        verified_position: verification.verified.position,
        verified_hash: bytes(verification.verified.hash.0),
        finding: verification.finding.as_ref().map(from_finding),
        redactions: verification.redactions.iter().map(from_redaction).collect(),
    }
}

fn from_finding(finding: &Finding) -> wire::Finding {
    use wire::finding::Kind;
    let kind = match finding {
        Finding::Chain(ChainFault::Altered { .. }) => Kind::Altered,
        Finding::Chain(ChainFault::Missing { .. }) => Kind::Missing,
        Finding::Chain(ChainFault::Unchained { .. }) => Kind::Unchained,
        Finding::TimeWentBack { .. } => Kind::TimeWentBack,
        Finding::Damaged { .. } | Finding::HeadDamaged { .. } => Kind::Damaged,
        Finding::HeadDiffers { .. } => Kind::HeadDiffers,
        Finding::CutOff { .. } => Kind::CutOff,
        Finding::Rewritten { .. } => Kind::Rewritten,
        Finding::NoteAltered { .. } => Kind::NoteAltered,
        Finding::NoteMissing { .. } => Kind::NoteMissing,
        Finding::NoteNotRedacted { .. } => Kind::NoteNotRedacted,
        Finding::CheckpointForged { .. } => Kind::CheckpointForged,
        Finding::CheckpointsDiffer { .. } => Kind::CheckpointsDiffer,
    };
    let (explanation, remedy) = (finding.to_string(), finding.remedy().to_owned());
    wire::Finding { kind: kind.into(), position: finding.position(), explanation, remedy }
}

fn bytes<const N: usize>(bytes: [u8; N]) -> Bytes {
    Bytes::copy_from_slice(&bytes)
}

fn fixed<const N: usize>(path: &str, bytes: &[u8]) -> Result<[u8; N], api::Error> {
    bytes.try_into().map_err(|_| {
        api::Error::invalid(path, "LENGTH_INVALID", "{field} has {bytes_count} bytes; it must have {bytes_wanted}")
            .with("bytes_count", bytes.len())
            .with("bytes_wanted", N)
    })
}

//! Admission: one command decided on a state, and what it makes of it. Pure but for the salt of its note.

use std::any::Any;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;

use crate::engine::config::Salt;
use crate::engine::submission::{Accepted, Answer, Encode, EncodeRedaction, LoadedPolicies, Meta};
use crate::error::SubmitError;
use crate::fold::Folded;
use crate::machine::{Machine, Outcome};
use crate::record::{Content, Hash, Head, Note, Record};
use crate::redaction::{OWN_KINDS, OwnEvent, RedactNote, RedactionRejection, Redactions};

/// The largest payload of one record: with its other fields it must fit into a message of 4 MiB.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 3 * 1024 * 1024;

/// A command that was decided, with its events folded in.
pub(crate) struct Admitted<M: Machine> {
    pub(crate) folded: Folded<M>,
    pub(crate) records: Vec<Record>,
    pub(crate) note: Option<Note>,
    /// The record whose note it takes away.
    pub(crate) redacted: Option<u64>,
    pub(crate) accepted: Accepted,
}

/// Decides `command` on `folded`, on a copy: a machine that panics half-way leaves the batch as it was.
pub(crate) fn decide<M: Machine>(
    folded: &Folded<M>,
    command: &M::Command,
    meta: &Meta,
    encode: Encode<M>,
    now: Timestamp,
    salt: Salt,
) -> Result<Admitted<M>, SubmitError<M::Rejection>> {
    let decided = catch_unwind(AssertUnwindSafe(|| {
        let decided = M::decide_and_fold(&folded.state, command, now, folded.head.position);
        let (events, left) = decided.map_err(SubmitError::Rejected)?;
        let is_left = left.is_some();
        let mut after = folded.after(left);
        let mut records = Vec::with_capacity(events.len());
        let mut note = None;
        for event in &events {
            let payload = encode_event::<M>(event)?;
            if records.is_empty() {
                note = salted(meta, &after.head, salt);
            }
            let of_record = if records.is_empty() { note.as_ref() } else { None };
            let content = content(meta, M::kind(event), payload, of_record);
            let record = Record::after(&after.head, now, content);
            if !is_left {
                M::apply(&mut after.state, event, record.position, now);
            }
            after.advance(&record);
            records.push(record);
        }
        let position = after.head.position;
        let outcome =
            Outcome { before: &folded.state, after: &after.state, events: &events, position, now, dry_run: false };
        let accepted = Accepted { reply: encode(&outcome), position, replayed: false };
        Ok(Admitted { folded: after, records, note, redacted: None, accepted })
    }));
    decided.unwrap_or_else(|panic| Err(fault::<M>(message_of(panic.as_ref()))))
}

/// Decides a redaction, which is the journal's own event.
pub(crate) fn redact<M: Machine>(
    folded: &Folded<M>,
    asked: RedactNote,
    is_there: bool,
    meta: &Meta,
    encode: EncodeRedaction,
    now: Timestamp,
    salt: Salt,
) -> Result<Admitted<M>, SubmitError<RedactionRejection>> {
    let event = folded.redactions.decide(asked, is_there, &meta.actor, now).map_err(SubmitError::Rejected)?;
    let note = salted(meta, &folded.head, salt);
    let record = own_record(&folded.head, &event, meta, note.as_ref(), now);
    let mut after = folded.clone();
    after.apply_own(&event, &record);
    after.advance(&record);
    let reply = reply_to_redaction(&after.redactions, asked, &record, encode);
    let redacted = matches!(event, OwnEvent::NoteRedacted { .. }).then_some(asked.note_position);
    let accepted = Accepted { reply, position: record.position, replayed: false };
    Ok(Admitted { folded: after, records: vec![record], note, redacted, accepted })
}

/// Records that another set of policies is in force: nothing where the last record says so, or where the program's own are
/// and no others were ever recorded.
pub(crate) fn load_policies<M: Machine>(
    folded: &Folded<M>,
    loaded: LoadedPolicies,
    meta: &Meta,
    now: Timestamp,
) -> Result<Admitted<M>, SubmitError<Infallible>> {
    let LoadedPolicies { sha256, are_own } = loaded;
    let is_known = match folded.policies.as_deref() {
        Some(known) => known == sha256,
        None => are_own,
    };
    let mut after = folded.clone();
    let mut records = Vec::new();
    if !is_known {
        let event = OwnEvent::PoliciesLoaded { sha256 };
        let record = own_record(&folded.head, &event, meta, None, now);
        after.apply_own(&event, &record);
        after.advance(&record);
        records.push(record);
    }
    let accepted = Accepted { reply: Vec::new(), position: after.head.position, replayed: false };
    Ok(Admitted { folded: after, records, note: None, redacted: None, accepted })
}

/// As [`redact`], without recording anything.
pub(crate) fn redact_dry(
    redactions: &Redactions,
    head: &Head,
    asked: RedactNote,
    is_there: bool,
    meta: &Meta,
    encode: EncodeRedaction,
    clock_now: Timestamp,
) -> Answer<RedactionRejection> {
    let now = clock_now.max(head.recorded_at);
    let event = redactions.decide(asked, is_there, &meta.actor, now).map_err(SubmitError::Rejected)?;
    let record = own_record(head, &event, meta, None, now);
    let mut after = redactions.clone();
    after.apply(&event, &record);
    let reply = reply_to_redaction(&after, asked, &Record { position: head.position, ..record }, encode);
    Ok(Accepted { reply, position: head.position, replayed: false })
}

fn own_record(head: &Head, event: &OwnEvent, meta: &Meta, note: Option<&Note>, now: Timestamp) -> Record {
    let payload = serde_json::to_string(&event).expect("plain data can be written as JSON");
    Record::after(head, now, content(meta, event.kind(), payload, note))
}

fn reply_to_redaction(redactions: &Redactions, asked: RedactNote, record: &Record, encode: EncodeRedaction) -> Vec<u8> {
    let redaction = redactions.get(asked.note_position).expect("either event leaves it there");
    encode(redaction, record.position)
}

fn content(meta: &Meta, kind: &str, payload: String, note: Option<&Note>) -> Content {
    Content {
        actor: meta.actor.clone(),
        request_id: meta.request_id.clone(),
        cause: meta.cause.clone(),
        traceparent: meta.traceparent.clone(),
        kind: kind.to_owned(),
        payload,
        reason_code: meta.reason_code.clone(),
        note_hash: note.map(|note| Hash::of_note(&note.salt, &note.note)),
    }
}

/// The note of the record that follows `head`, salted.
fn salted(meta: &Meta, head: &Head, salt: Salt) -> Option<Note> {
    let note = || Note { position: head.position + 1, salt: salt.next().to_vec(), note: meta.note.clone() };
    (!meta.note.is_empty()).then(note)
}

/// Decides `command` on a published state and answers, without recording anything.
pub(crate) fn dry_run<M: Machine>(
    folded: &Folded<M>,
    command: &M::Command,
    encode: Encode<M>,
    clock_now: Timestamp,
) -> Answer<M::Rejection> {
    let now = clock_now.max(folded.head.recorded_at);
    let decided = catch_unwind(AssertUnwindSafe(|| {
        let position = folded.head.position;
        let decided = M::decide_and_fold(&folded.state, command, now, position);
        let (events, left) = decided.map_err(SubmitError::Rejected)?;
        let after = left.unwrap_or_else(|| {
            let mut after = folded.state.clone();
            for (event, position) in events.iter().zip(position + 1..) {
                M::apply(&mut after, event, position, now);
            }
            after
        });
        let outcome = Outcome { before: &folded.state, after: &after, events: &events, position, now, dry_run: true };
        Ok(Accepted { reply: encode(&outcome), position, replayed: false })
    }));
    decided.unwrap_or_else(|panic| Err(fault::<M>(message_of(panic.as_ref()))))
}

fn encode_event<M: Machine>(event: &M::Event) -> Result<String, SubmitError<M::Rejection>> {
    debug_assert!(!M::kind(event).starts_with(OWN_KINDS), "{} is a kind of the journal's own", M::kind(event));
    let unwritable = |error: serde_json::Error| fault::<M>(format!("its event cannot be written as JSON: {error}"));
    let payload = serde_json::to_string(event).map_err(unwritable)?;
    if payload.len() > PAYLOAD_BYTES_MAX {
        let size = payload.len();
        return Err(fault::<M>(format!("its event has {size} bytes, more than the {PAYLOAD_BYTES_MAX} of a record")));
    }
    // What is folded now must be what is read back later (I20): found in tests rather than after a restart.
    #[cfg(debug_assertions)]
    {
        let read_back = M::event(M::kind(event), &payload).map_err(unwritable)?;
        let again = serde_json::to_string(&read_back).map_err(unwritable)?;
        assert_eq!(payload, again, "an event does not survive being written and read back");
    }
    Ok(payload)
}

fn fault<M: Machine>(what: String) -> SubmitError<M::Rejection> {
    SubmitError::Fault { journal: M::JOURNAL, what }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let message = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    message.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it panicked".to_owned())
}

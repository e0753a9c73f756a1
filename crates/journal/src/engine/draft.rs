//! Draft: a batch while it is decided, before anything of it is written. Nothing here awaits.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;

use crate::engine::config::Salt;
use crate::engine::submission::{Accepted, Answer, Encode, Job, Meta, ReplyTo};
use crate::error::SubmitError;
use crate::fold::Folded;
use crate::log::{Append, StoredRequest};
use crate::machine::{Machine, Outcome};
use crate::record::{Content, Hash, Head, Note, Record};

/// The largest payload of one record: with its other fields it must fit into a message of 4 MiB.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 3 * 1024 * 1024;

/// A batch that is being decided: each command on the state that those before it left.
pub(crate) struct Draft<M: Machine> {
    from: Head,
    folded: Folded<M>,
    records: Vec<Record>,
    notes: Vec<Note>,
    requests: Vec<StoredRequest>,
    /// Replies that were stored earlier, and those of this batch, by request id and account.
    known_requests: BTreeMap<(String, String), StoredRequest>,
    answers: Vec<(ReplyTo<M>, Answer<M>)>,
}

/// A batch that is decided: what to write, the state once it is written, and the answers to give then.
pub(crate) struct Decided<M: Machine> {
    pub(crate) append: Append,
    pub(crate) folded: Folded<M>,
    pub(crate) answers: Vec<(ReplyTo<M>, Answer<M>)>,
}

impl<M: Machine> Draft<M> {
    /// An empty batch on the committed state.
    pub(crate) fn new(folded: Folded<M>, known: Vec<StoredRequest>) -> Self {
        let known_requests =
            known.into_iter().map(|stored| ((stored.request_id.clone(), stored.actor.clone()), stored)).collect();
        Self {
            from: folded.head,
            folded,
            records: Vec::new(),
            notes: Vec::new(),
            requests: Vec::new(),
            known_requests,
            answers: Vec::new(),
        }
    }

    /// Decides one command. Whatever becomes of it, the other commands of the batch are unharmed.
    pub(crate) fn admit(&mut self, job: Job<M>, clock_now: Timestamp, salt: Salt) {
        if job.reply_to.is_closed() {
            // Nobody waits any more, and nobody was promised anything.
            return;
        }
        let key = job.request_key();
        if let Some(stored) = key.as_ref().and_then(|key| self.known_requests.get(key)) {
            let answer = replay(stored, &job);
            self.answers.push((job.reply_to, answer));
            return;
        }
        // Rule 18: never before what is recorded already, whatever the clock says.
        let now = clock_now.max(self.folded.head.recorded_at);
        let body_digest = job.body_digest();
        let Job { command, meta, encode, reply_to, .. } = job;
        let answer = match decide::<M>(&self.folded, &command, &meta, encode, now, salt) {
            Ok(admitted) => {
                let accepted = admitted.accepted.clone();
                self.take(admitted, &meta, body_digest);
                Ok(accepted)
            }
            Err(error) => Err(error),
        };
        self.answers.push((reply_to, answer));
    }

    fn take(&mut self, admitted: Admitted<M>, meta: &Meta, body_digest: Hash) {
        self.folded = admitted.folded;
        self.records.extend(admitted.records);
        self.notes.extend(admitted.note);
        if !meta.request_id.is_empty() {
            let stored = StoredRequest {
                actor: meta.actor.clone(),
                request_id: meta.request_id.clone(),
                body_digest,
                reply: admitted.accepted.reply,
                position: admitted.accepted.position,
            };
            self.known_requests.insert((stored.request_id.clone(), stored.actor.clone()), stored.clone());
            self.requests.push(stored);
        }
    }

    /// Ends the batch.
    pub(crate) fn finish(self) -> Decided<M> {
        let append = Append {
            from: self.from,
            to: self.folded.head,
            records: self.records,
            notes: self.notes,
            requests: self.requests,
        };
        Decided { append, folded: self.folded, answers: self.answers }
    }
}

impl<M: Machine> Decided<M> {
    /// True where there is nothing to write: all were refused, replayed, or changed nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.append.records.is_empty() && self.append.requests.is_empty()
    }
}

fn replay<M: Machine>(stored: &StoredRequest, job: &Job<M>) -> Answer<M> {
    if stored.body_digest != job.body_digest() {
        return Err(SubmitError::RequestIdReused { request_id: job.meta.request_id.clone() });
    }
    Ok(Accepted { reply: stored.reply.clone(), position: stored.position, replayed: true })
}

/// A command that was decided, with its events folded in.
struct Admitted<M: Machine> {
    folded: Folded<M>,
    records: Vec<Record>,
    note: Option<Note>,
    accepted: Accepted,
}

/// Decides `command` on `folded`, on a copy: a machine that panics half-way leaves the batch as it was.
fn decide<M: Machine>(
    folded: &Folded<M>,
    command: &M::Command,
    meta: &Meta,
    encode: Encode<M>,
    now: Timestamp,
    salt: Salt,
) -> Result<Admitted<M>, SubmitError<M::Rejection>> {
    let decided = catch_unwind(AssertUnwindSafe(|| {
        let events = M::decide(&folded.state, command, now).map_err(SubmitError::Rejected)?;
        let mut after = folded.clone();
        let mut records = Vec::with_capacity(events.len());
        let mut note = None;
        for event in &events {
            let payload = encode_event::<M>(event)?;
            let note_hash = if records.is_empty() && !meta.note.is_empty() {
                let salted =
                    Note { position: after.head.position + 1, salt: salt.next().to_vec(), note: meta.note.clone() };
                let hash = Hash::of_note(&salted.salt, &salted.note);
                note = Some(salted);
                Some(hash)
            } else {
                None
            };
            let content = Content {
                actor: meta.actor.clone(),
                request_id: meta.request_id.clone(),
                cause: meta.cause.clone(),
                traceparent: meta.traceparent.clone(),
                kind: M::kind(event).to_owned(),
                payload,
                reason_code: meta.reason_code.clone(),
                note_hash,
            };
            let record = Record::after(&after.head, now, content);
            M::apply(&mut after.state, event, record.position, now);
            after.head = record.head();
            records.push(record);
        }
        let position = after.head.position;
        let outcome =
            Outcome { before: &folded.state, after: &after.state, events: &events, position, now, dry_run: false };
        let accepted = Accepted { reply: encode(&outcome), position, replayed: false };
        Ok(Admitted { folded: after, records, note, accepted })
    }));
    decided.unwrap_or_else(|panic| Err(fault::<M>(message_of(panic.as_ref()))))
}

/// Decides `command` on a published state and answers, without recording anything.
pub(crate) fn dry_run<M: Machine>(
    folded: &Folded<M>,
    command: &M::Command,
    encode: Encode<M>,
    clock_now: Timestamp,
) -> Answer<M> {
    let now = clock_now.max(folded.head.recorded_at);
    let decided = catch_unwind(AssertUnwindSafe(|| {
        let events = M::decide(&folded.state, command, now).map_err(SubmitError::Rejected)?;
        let mut after = folded.state.clone();
        let mut position = folded.head.position;
        for event in &events {
            position += 1;
            M::apply(&mut after, event, position, now);
        }
        let position = folded.head.position;
        let outcome = Outcome { before: &folded.state, after: &after, events: &events, position, now, dry_run: true };
        Ok(Accepted { reply: encode(&outcome), position, replayed: false })
    }));
    decided.unwrap_or_else(|panic| Err(fault::<M>(message_of(panic.as_ref()))))
}

fn encode_event<M: Machine>(event: &M::Event) -> Result<String, SubmitError<M::Rejection>> {
    let unwritable = |error: serde_json::Error| fault::<M>(format!("its event cannot be written as JSON: {error}"));
    let payload = serde_json::to_string(event).map_err(unwritable)?;
    if payload.len() > PAYLOAD_BYTES_MAX {
        let size = payload.len();
        return Err(fault::<M>(format!("its event has {size} bytes, more than the {PAYLOAD_BYTES_MAX} of a record")));
    }
    // What is folded now must be what is read back later (I20): found in tests rather than after a restart.
    #[cfg(debug_assertions)]
    {
        let read_back: M::Event = serde_json::from_str(&payload).map_err(unwritable)?;
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

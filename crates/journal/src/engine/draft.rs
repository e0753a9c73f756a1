//! Draft: a batch while it is decided, before anything of it is written. Nothing here awaits.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use jiff::Timestamp;

use crate::engine::admission::{self, Admitted};
use crate::engine::config::Salt;
use crate::engine::submission::{Accepted, Answer, Job, Meta, Pending, RedactionWork, Work};
use crate::error::SubmitError;
use crate::fold::Folded;
use crate::log::{Append, StoredRequest};
use crate::machine::Machine;
use crate::record::{Hash, Head, Note, Record};

/// What a batch needs to know of the store besides the state.
pub(crate) struct Known {
    /// Replies that were stored earlier under the batch's request ids.
    pub(crate) requests: Vec<StoredRequest>,
    /// Of the records whose notes are to be taken away, those whose notes are there.
    pub(crate) noted: BTreeSet<u64>,
}

/// A batch that is being decided: each command on the state that those before it left.
pub(crate) struct Draft<M: Machine> {
    from: Head,
    folded: Folded<M>,
    records: Vec<Record>,
    notes: Vec<Note>,
    noted: BTreeSet<u64>,
    redacted: Vec<u64>,
    requests: Vec<StoredRequest>,
    /// Replies that were stored earlier, and those of this batch, by request id and account.
    known_requests: BTreeMap<(String, String), StoredRequest>,
    answers: Vec<Pending>,
}

/// A batch that is decided: what to write, the state once it is written, and the answers to give then.
pub(crate) struct Decided<M: Machine> {
    pub(crate) append: Append,
    pub(crate) folded: Folded<M>,
    pub(crate) answers: Vec<Pending>,
}

impl<M: Machine> Draft<M> {
    /// An empty batch on the committed state.
    pub(crate) fn new(folded: Folded<M>, known: Known) -> Self {
        let Known { requests, noted } = known;
        let known_requests =
            requests.into_iter().map(|stored| ((stored.request_id.clone(), stored.actor.clone()), stored)).collect();
        Self {
            from: folded.head,
            folded,
            records: Vec::new(),
            notes: Vec::new(),
            noted,
            redacted: Vec::new(),
            requests: Vec::new(),
            known_requests,
            answers: Vec::new(),
        }
    }

    /// Decides one command. Whatever becomes of it, the other commands of the batch are unharmed.
    pub(crate) fn admit(&mut self, job: Job<M>, clock_now: Timestamp, salt: Salt) {
        if job.is_deserted() {
            // Nobody waits any more, and nobody was promised anything.
            return;
        }
        // Rule 18: never before what is recorded already, whatever the clock says.
        let now = clock_now.max(self.folded.head.recorded_at);
        let Job { work, meta, .. } = job;
        let pending = match work {
            Work::Command { command, encode, reply_to } => {
                let answer = match self.first_reply(&meta) {
                    Some(answer) => answer,
                    None => admission::decide(&self.folded, &command, &meta, encode, now, salt)
                        .map(|admitted| self.take(admitted, &meta)),
                };
                reply_to.once_stored(answer)
            }
            Work::Redaction(RedactionWork { asked, encode, reply_to }) => {
                let is_there = self.noted.contains(&asked.note_position);
                let answer = match self.first_reply(&meta) {
                    Some(answer) => answer,
                    None => admission::redact(&self.folded, asked, is_there, &meta, encode, now, salt)
                        .map(|admitted| self.take(admitted, &meta)),
                };
                reply_to.once_stored(answer)
            }
            Work::Policies { loaded, reply_to } => {
                let answer = admission::load_policies(&self.folded, loaded, &meta, now);
                reply_to.once_stored(answer.map(|admitted| self.take(admitted, &meta)))
            }
        };
        self.answers.push(pending);
    }

    /// What was answered to this request before, if it is not new.
    fn first_reply<R: Error + Send + Sync + 'static>(&self, meta: &Meta) -> Option<Answer<R>> {
        if meta.request_id.is_empty() {
            return None;
        }
        let stored = self.known_requests.get(&(meta.request_id.clone(), meta.actor.clone()))?;
        if stored.body_digest != Hash(meta.body_digest) {
            return Some(Err(SubmitError::RequestIdReused { request_id: meta.request_id.clone() }));
        }
        Some(Ok(Accepted { reply: stored.reply.clone(), position: stored.position, replayed: true }))
    }

    fn take(&mut self, admitted: Admitted<M>, meta: &Meta) -> Accepted {
        let Admitted { folded, records, note, redacted, accepted } = admitted;
        self.folded = folded;
        self.records.extend(records);
        self.notes.extend(note);
        self.redacted.extend(redacted);
        if !meta.request_id.is_empty() {
            let stored = StoredRequest {
                actor: meta.actor.clone(),
                request_id: meta.request_id.clone(),
                body_digest: Hash(meta.body_digest),
                reply: accepted.reply.clone(),
                position: accepted.position,
            };
            self.known_requests.insert((stored.request_id.clone(), stored.actor.clone()), stored.clone());
            self.requests.push(stored);
        }
        accepted
    }

    /// Ends the batch.
    pub(crate) fn finish(self) -> Decided<M> {
        let append = Append {
            from: self.from,
            to: self.folded.head,
            records: self.records,
            notes: self.notes,
            redacted: self.redacted,
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

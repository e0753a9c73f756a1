//! Submission: a command on its way to the engine, and what comes back.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use clock::Activity;
use tokio::sync::oneshot;

use crate::engine::measures::Waiting;
use crate::error::{JournalError, SubmitError};
use crate::machine::{Machine, Outcome};
use crate::redaction::{RedactNote, Redaction, RedactionRejection};

/// A command and all that is to be recorded with it.
#[derive(Clone, Debug)]
pub struct Submission<C> {
    /// What is asked for.
    pub command: C,
    /// Who asks, and why.
    pub meta: Meta,
    /// Which queue it waits in.
    pub priority: Priority,
    /// Decide and answer, and record nothing. Decided on the published state, without waiting in a queue.
    pub dry_run: bool,
}

impl<C> Submission<C> {
    /// A command in the normal queue that is to take effect.
    pub fn new(command: C, meta: Meta) -> Self {
        Self { command, meta, priority: Priority::Normal, dry_run: false }
    }

    /// The same in the queue that is served first: for what makes the programme safer, such as a hold, a pause, a
    /// permit.
    pub fn urgent(self) -> Self {
        Self { priority: Priority::Urgent, ..self }
    }
}

/// Which queue a command waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Served first.
    Urgent,
    /// Served when nothing urgent waits, and always a share of each batch.
    Normal,
}

/// Who asks for a command, and why. Texts are empty where there is nothing to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// The account that acts.
    pub actor: String,
    /// Its request id. Not empty: the first reply is stored, and a replay with the same digest gets it again.
    pub request_id: String,
    /// The digest of the request's body, which a replay must match.
    pub body_digest: [u8; 32],
    /// What it follows from.
    pub cause: String,
    /// The W3C traceparent of the work that asks.
    pub traceparent: String,
    /// Why, by code.
    pub reason_code: String,
    /// Why, in words. The journal gets only a salted hash of it; checked by the caller to hold no NHS number (rule 16).
    pub note: String,
}

/// A command that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The reply, as it was encoded when the command was first accepted.
    pub reply: Vec<u8>,
    /// The position of its last event; where it has none, the journal's last when it was decided.
    pub position: u64,
    /// True where the request had been accepted before, and nothing was done now.
    pub replayed: bool,
}

/// Words the reply to an accepted command. Called within the transaction, since the reply is stored with it.
pub(crate) type Encode<M> = Box<dyn FnOnce(&Outcome<'_, M>) -> Vec<u8> + Send>;

/// The same for a redaction: the redaction as it is then, and its record's position.
pub(crate) type EncodeRedaction = Box<dyn FnOnce(&Redaction, u64) -> Vec<u8> + Send>;

pub(crate) type Answer<R> = Result<Accepted, SubmitError<R>>;

/// A submission in the queue.
pub(crate) struct Job<M: Machine> {
    pub(crate) work: Work<M>,
    pub(crate) meta: Meta,
    pub(crate) priority: Priority,
    /// The span of the caller, so that the commit shows in its trace.
    pub(crate) span: tracing::Span,
    /// Counted among those that wait for as long as it is one.
    #[expect(dead_code, reason = "it counts until it is dropped")]
    pub(crate) waiting: Waiting,
}

/// What is to be decided.
pub(crate) enum Work<M: Machine> {
    /// By the machine.
    Command { command: M::Command, encode: Encode<M>, reply_to: ReplyTo<M::Rejection> },
    /// By the journal itself.
    Redaction(RedactionWork),
    /// Likewise.
    Policies { loaded: LoadedPolicies, reply_to: ReplyTo<Infallible> },
}

/// A set of policies that a process goes by from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedPolicies {
    /// SHA-256 over the set, in hexadecimal.
    pub sha256: String,
    /// Whether it is the program's own.
    pub are_own: bool,
}

/// A redaction that is to be decided.
pub(crate) struct RedactionWork {
    pub(crate) asked: RedactNote,
    pub(crate) encode: EncodeRedaction,
    pub(crate) reply_to: ReplyTo<RedactionRejection>,
}

/// The way back to the caller.
pub(crate) struct ReplyTo<R: Error + Send + Sync + 'static> {
    pub(crate) sender: oneshot::Sender<(Answer<R>, Activity)>,
    /// A command in flight holds virtual time still, until its caller has the answer.
    pub(crate) activity: Activity,
}

impl<R: Error + Send + Sync + 'static> ReplyTo<R> {
    pub(crate) fn send(self, answer: Answer<R>) {
        // A caller that has given up needs no answer.
        drop(self.sender.send((answer, self.activity)));
    }

    /// The answer, kept until it is known whether what was decided is stored.
    pub(crate) fn once_stored(self, answer: Answer<R>) -> Pending {
        Box::new(move |stored| {
            self.send(match stored {
                Ok(()) => answer,
                Err(error) => Err(SubmitError::Unavailable(error)),
            });
        })
    }

    /// True where the caller has given up.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

/// An answer that waits for the commit: sent where it succeeded, else the caller is told that the store failed.
pub(crate) type Pending = Box<dyn FnOnce(Result<(), Arc<JournalError>>) + Send>;

impl<M: Machine> Job<M> {
    /// True where the caller has given up.
    pub(crate) fn is_deserted(&self) -> bool {
        match &self.work {
            Work::Command { reply_to, .. } => reply_to.is_closed(),
            Work::Redaction(work) => work.reply_to.is_closed(),
            Work::Policies { reply_to, .. } => reply_to.is_closed(),
        }
    }

    /// The record whose note is to be taken away, if that is what is asked for.
    pub(crate) fn note_position(&self) -> Option<u64> {
        match &self.work {
            Work::Command { .. } | Work::Policies { .. } => None,
            Work::Redaction(work) => Some(work.asked.note_position),
        }
    }

    /// Answers that it was not decided.
    pub(crate) fn refuse(self, error: Arc<JournalError>) {
        match self.work {
            Work::Command { reply_to, .. } => reply_to.send(Err(SubmitError::of(error))),
            Work::Redaction(work) => work.reply_to.send(Err(SubmitError::of(error))),
            Work::Policies { reply_to, .. } => reply_to.send(Err(SubmitError::of(error))),
        }
    }
}

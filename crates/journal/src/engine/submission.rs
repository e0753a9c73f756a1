//! Submission: a command on its way to the engine, and what comes back.

use clock::Activity;
use tokio::sync::oneshot;

use crate::error::SubmitError;
use crate::machine::{Machine, Outcome};
use crate::record::Hash;

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

pub(crate) type Answer<M> = Result<Accepted, SubmitError<<M as Machine>::Rejection>>;

/// A submission in the queue.
pub(crate) struct Job<M: Machine> {
    pub(crate) command: M::Command,
    pub(crate) meta: Meta,
    pub(crate) priority: Priority,
    pub(crate) encode: Encode<M>,
    pub(crate) reply_to: ReplyTo<M>,
    /// The span of the caller, so that the commit shows in its trace.
    pub(crate) span: tracing::Span,
}

/// The way back to the caller.
pub(crate) struct ReplyTo<M: Machine> {
    pub(crate) sender: oneshot::Sender<(Answer<M>, Activity)>,
    /// A command in flight holds virtual time still, until its caller has the answer.
    pub(crate) activity: Activity,
}

impl<M: Machine> ReplyTo<M> {
    pub(crate) fn send(self, answer: Answer<M>) {
        // A caller that has given up needs no answer.
        drop(self.sender.send((answer, self.activity)));
    }

    /// True where the caller has given up.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

impl<M: Machine> Job<M> {
    /// Under which its reply is stored, if it has a request id.
    pub(crate) fn request_key(&self) -> Option<(String, String)> {
        let Meta { actor, request_id, .. } = &self.meta;
        (!request_id.is_empty()).then(|| (request_id.clone(), actor.clone()))
    }

    pub(crate) fn body_digest(&self) -> Hash {
        Hash(self.meta.body_digest)
    }
}

//! How a handler asks the engine for a decision, and what it reads from.

use std::sync::{Arc, OnceLock};

use api::{Error, Mutation};
use authority::Permission;
use identity::Caller;
use journal::{Meta, Outcome, Priority, Published, Recorded, Submission};
use ods::PracticeCode;
use practice::{Command, Event};
use prost::Message;
use tonic::Request;

use crate::grpc::{Handlers, refusal, resource};
use crate::machine::Registry;

/// Longest cause: a resource name.
const CAUSE_CHARS_MAX: usize = 200;

/// A request, who makes it, and what they may.
pub(crate) struct Asked<R> {
    pub(crate) caller: Caller,
    pub(crate) permission: Permission,
    pub(crate) request: R,
}

impl<R> Asked<R> {
    pub(crate) fn new(request: Request<R>) -> Self {
        let (caller, permission) = (Caller::of(&request).clone(), Permission::of(&request).clone());
        Self { caller, permission, request: request.into_inner() }
    }
}

/// A command, and why it is given.
pub(crate) struct Ask {
    command: Command,
    meta: Meta,
    priority: Priority,
    dry_run: bool,
}

impl Ask {
    pub(crate) fn new(caller: &Caller, mutation: &Mutation, command: Command) -> Self {
        let meta = Meta::of(caller, mutation);
        Self { command, meta, priority: Priority::Normal, dry_run: mutation.dry_run }
    }

    /// Before imports and checklists: pauses, permits and what they wait for.
    pub(crate) fn urgent(mut self) -> Self {
        self.priority = Priority::Urgent;
        self
    }

    pub(crate) fn because_of(mut self, cause: &str) -> Result<Self, Error> {
        api::validate::free_text("cause", cause, CAUSE_CHARS_MAX)?;
        cause.clone_into(&mut self.meta.cause);
        Ok(self)
    }
}

impl Handlers {
    /// Has the command decided and recorded; `reply` words the answer within the transaction, and a replay gets the same.
    pub(crate) async fn submit<R: Message + Default + 'static>(
        &self,
        ask: Ask,
        reply: impl FnOnce(&Outcome<'_, Registry>) -> R + Send + 'static,
    ) -> Result<R, Error> {
        let worded = Arc::new(OnceLock::new());
        let kept = Arc::clone(&worded);
        let word = move |outcome: &Outcome<'_, Registry>| {
            let reply = reply(outcome);
            let encoded = reply.encode_to_vec();
            // Worded once, so it is empty.
            let _ = kept.set(reply);
            encoded
        };
        let encoded = self.submit_encoded(ask, word).await?;
        match Arc::into_inner(worded).and_then(OnceLock::into_inner) {
            // A thousand permits need not be read back from what was stored of them.
            Some(reply) => Ok(reply),
            None => R::decode(encoded.as_slice()).map_err(|error| Error::internal(&error)),
        }
    }

    /// As [`submit`](Self::submit), for an answer that is no message.
    pub(crate) async fn submit_encoded(
        &self,
        ask: Ask,
        reply: impl FnOnce(&Outcome<'_, Registry>) -> Vec<u8> + Send + 'static,
    ) -> Result<Vec<u8>, Error> {
        let Ask { command, meta, priority, dry_run } = ask;
        let submission = Submission { command, meta, priority, dry_run };
        let accepted = self.engine.submit(submission, reply).await.map_err(refusal::of_submission)?;
        Ok(accepted.reply)
    }

    /// The published state, once it has come to `min_position`.
    pub(crate) async fn published_at(&self, min_position: u64) -> Result<Arc<Published<Registry>>, Error> {
        let published = self.engine.published();
        if published.position >= min_position {
            return Ok(published);
        }
        let reached = self.engine.wait_for(min_position, journal::grpc::patience()).await;
        reached.map_err(|error| journal::grpc::not_reached(&error))
    }

    /// The position that an etag stands for; None where none was given.
    pub(crate) fn position_of_etag(&self, code: PracticeCode, etag: &str) -> Result<Option<u64>, Error> {
        if etag.is_empty() {
            return Ok(None);
        }
        let position = resource::position_of(etag).ok_or_else(|| {
            let published = self.engine.published();
            let current = published.state.practice(code).map(|known| resource::etag(known.position()));
            refusal::etag_mismatch(code, etag, &current.unwrap_or_default())
        })?;
        Ok(Some(position))
    }

    /// The record at `position`; None where there is none.
    pub(crate) async fn recorded(&self, position: u64) -> Result<Option<Recorded<Event>>, Error> {
        let records = self.engine.events(position.saturating_sub(1), 1).await;
        let first = records.map_err(|error| Error::internal(&error))?.into_iter().next();
        Ok(first.filter(|recorded| recorded.position == position))
    }
}

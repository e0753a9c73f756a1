//! From a request to a command, and from its outcome to the reply: what every handler that changes something does.

use api::{Error, Mutation};
use authority::Permission;
use identity::Caller;
use journal::{Meta, Outcome, Submission};
use rollout::{Account, Act};
use tonic::Request;

use super::{Handlers, refusal};
use crate::machine::{self, Command, Expectation, Rejection, SchedulerMachine};

/// A request, who made it, and what they may.
#[derive(Clone, Debug)]
pub(crate) struct Asked<T> {
    pub(crate) caller: Caller,
    pub(crate) permission: Permission,
    pub(crate) request: T,
}

impl<T> Asked<T> {
    pub(crate) fn of(request: Request<T>) -> Self {
        let (caller, permission) = (Caller::of(&request).clone(), Permission::of(&request).clone());
        Self { caller, permission, request: request.into_inner() }
    }

    /// The caller's account, as the domain knows it.
    pub(crate) fn account(&self) -> Account {
        Account::new(self.caller.account.as_str())
    }
}

/// What a handler asks of the engine.
#[derive(Debug)]
pub(crate) struct Ask {
    submission: Submission<Command>,
}

impl Ask {
    pub(crate) fn new<T>(asked: &Asked<T>, mutation: &Mutation, command: rollout::Command) -> Self {
        let submission = Submission::new(Command::open(command), Meta::of(&asked.caller, mutation));
        Self { submission: Submission { dry_run: mutation.dry_run, ..submission } }
    }

    /// A person's decision.
    pub(crate) fn act<T>(asked: &Asked<T>, mutation: &Mutation, act: Act) -> Self {
        let reason_code = mutation.reason_code.clone();
        Self::new(asked, mutation, rollout::Command::Person { by: asked.account(), reason_code, act })
    }

    /// Only the reply that was stored for this request; where there is none, the refusal.
    pub(crate) fn replay_only<T>(asked: &Asked<T>, mutation: &Mutation, otherwise: Rejection) -> Self {
        let command = Command { expects: None, fence: None, ask: machine::Ask::ReplayOnly(otherwise) };
        let submission = Submission::new(command, Meta::of(&asked.caller, mutation));
        Self { submission: Submission { dry_run: mutation.dry_run, ..submission } }
    }

    /// For what makes the programme safer: served first.
    pub(crate) fn urgent(self) -> Self {
        Self { submission: self.submission.urgent() }
    }

    /// Only if the thing is still at the version that the caller read; none asks for no check.
    pub(crate) fn expecting(mut self, expects: Option<Expectation>) -> Self {
        self.submission.command.expects = expects;
        self
    }

    /// What it follows from.
    pub(crate) fn because_of(mut self, cause: &impl ToString) -> Self {
        self.submission.meta.cause = cause.to_string();
        self
    }
}

impl Handlers {
    /// Has a command decided and recorded; `word` words the reply, which a replay gets again.
    pub(crate) async fn submit<R>(
        &self,
        ask: Ask,
        word: impl FnOnce(&Outcome<'_, SchedulerMachine>) -> R + Send + 'static,
    ) -> Result<R, Error>
    where
        R: prost::Message + Default,
    {
        let accepted = self.engine.submit(ask.submission, move |outcome| word(outcome).encode_to_vec()).await;
        let accepted =
            accepted.map_err(|error| journal::grpc::refusal(error, |rejection| refusal::of_rejection(&rejection)))?;
        R::decode(accepted.reply.as_slice()).map_err(|error| Error::internal(&error))
    }
}

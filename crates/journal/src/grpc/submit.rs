//! From a mutation to what the journal records with it.

use identity::Caller;

use crate::Meta;

impl Meta {
    /// What a mutation brings: its caller, its common fields, and the trace that it runs in. The cause is the handler's
    /// to say.
    pub fn of(caller: &Caller, mutation: &api::Mutation) -> Self {
        Self {
            actor: caller.account.to_string(),
            request_id: mutation.request_id.clone(),
            body_digest: mutation.body_digest,
            cause: String::new(),
            traceparent: telemetry::traceparent().map(|parent| parent.to_string()).unwrap_or_default(),
            reason_code: mutation.reason_code.clone(),
            note: mutation.note.clone(),
        }
    }
}

//! Machine: a pure state machine whose events make a journal.

use std::error::Error;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cut::Cut;
use crate::encoding::Encoding;

/// A pure state machine: `decide` says what happens, `apply` what it changes. Neither knows time, chance or I/O but
/// by its arguments, so folding the same records always gives the same state (I20).
///
/// Implemented where a service wires its pure crate to the engine; the pure crate does not know this trait.
pub trait Machine: Send + Sync + 'static {
    /// The journal's name: `registry` is `journals/registry`.
    const JOURNAL: &'static str;

    /// The shape of `State` and the meaning of `apply`: raise it when either changes, so that snapshots taken before
    /// are dropped. The records themselves stay and are folded anew.
    const STATE_SHAPE: u32 = 1;

    /// How `State` is written into snapshots.
    const STATE_ENCODING: Encoding = Encoding::MessagePack;

    /// All that was recorded, folded. Cheap to clone (persistent maps): every batch publishes a clone.
    type State: Clone + Send + Sync + 'static;
    /// How `State` is cut for snapshots: [`InOnePiece`](crate::InOnePiece) unless it is large.
    type Cut: Cut<Self::State>;
    /// What somebody asks for.
    type Command: Send + 'static;
    /// What happened. Evolves by addition: a field that changes what `apply` does is a new kind, since an older
    /// replica ignores a field it does not know, but stops at a kind it does not know.
    type Event: Serialize + DeserializeOwned + Clone + Send + Sync + 'static;
    /// Why a command is refused.
    type Rejection: Error + Send + Sync + 'static;

    /// The state of the empty journal.
    fn initial() -> Self::State;

    /// The event's kind, as it is recorded and counted.
    fn kind(event: &Self::Event) -> &'static str;

    /// The event of a record of this kind. A machine whose events are told apart by the kind alone need not try them in turn: a
    /// start folds every record since the last snapshot.
    ///
    /// # Errors
    /// Where it is none of this machine's events.
    fn event(_kind: &str, payload: &str) -> Result<Self::Event, serde_json::Error> {
        serde_json::from_str(payload)
    }

    /// What happens if `command` is admitted to `state` at `now`. No events: it was right, and changes nothing.
    fn decide(
        state: &Self::State,
        command: &Self::Command,
        now: Timestamp,
    ) -> Result<Vec<Self::Event>, Self::Rejection>;

    /// As [`decide`](Self::decide), with the state that the events leave where deciding has found it out: the first of them
    /// recorded at the position after the journal's last, all of them at `now`. It must be what [`apply`](Self::apply) makes of
    /// them. None has the journal fold them.
    #[expect(clippy::type_complexity, reason = "what `decide` returns, and a state")]
    fn decide_and_fold(
        state: &Self::State,
        command: &Self::Command,
        now: Timestamp,
        _last_position: u64,
    ) -> Result<(Vec<Self::Event>, Option<Self::State>), Self::Rejection> {
        Ok((Self::decide(state, command, now)?, None))
    }

    /// Folds one recorded event in. It must not fail: what was recorded has happened.
    fn apply(state: &mut Self::State, event: &Self::Event, position: u64, recorded_at: Timestamp);
}

/// What a command led to, for whoever words the reply.
pub struct Outcome<'a, M: Machine> {
    /// The state on which it was decided.
    pub before: &'a M::State,
    /// The state with its events folded in.
    pub after: &'a M::State,
    /// What happened.
    pub events: &'a [M::Event],
    /// The position of its last event; where it has none, the journal's last when it was decided.
    pub position: u64,
    /// The moment at which it was decided.
    pub now: Timestamp,
    /// True where nothing was recorded because nothing should be.
    pub dry_run: bool,
}

impl<M: Machine> std::fmt::Debug for Outcome<'_, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let events_count = self.events.len();
        f.debug_struct("Outcome")
            .field("position", &self.position)
            .field("events", &events_count)
            .finish_non_exhaustive()
    }
}

/// An event with what the journal says about it.
#[derive(Clone, Debug)]
pub struct Recorded<E> {
    /// Its place.
    pub position: u64,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The account that acted.
    pub actor: String,
    /// The request that caused it, or empty.
    pub request_id: String,
    /// What it follows from, or empty.
    pub cause: String,
    /// The traceparent of the work that recorded it, or empty: to link work that follows from it.
    pub traceparent: String,
    /// Why, by code, or empty.
    pub reason_code: String,
    /// What happened.
    pub event: E,
}

//! The registry as a machine of the journal: the pure state machine, and beside it the encoded replies of the hot path.

use std::sync::Arc;

use imbl::HashMap;
use jiff::Timestamp;
use journal::Machine;
use ods::PracticeCode;
use practice::{Command, Event, Practice, Rejection, State};
use serde::{Deserialize, Serialize};

use crate::grpc::EncodedAccess;

/// The registry's machine.
#[derive(Debug)]
pub struct Registry;

/// The registry's state, with what is derived from it for reading.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "State", into = "State")]
pub struct RegistryState {
    /// What the journal says.
    pub registry: State,
    /// By practice; never stored. A hash map, since it is only looked up in, and a look-up is the hot path.
    encoded: HashMap<PracticeCode, Arc<EncodedAccess>>,
}

impl RegistryState {
    pub(crate) fn encoded(&self, code: PracticeCode) -> Option<&EncodedAccess> {
        self.encoded.get(&code).map(AsRef::as_ref)
    }

    fn encode(&mut self, practice: &Arc<Practice>) {
        self.encoded.insert(practice.code, Arc::new(EncodedAccess::new(practice)));
    }
}

impl From<State> for RegistryState {
    fn from(registry: State) -> Self {
        let mut state = Self { registry: registry.clone(), encoded: HashMap::new() };
        for practice in registry.practices() {
            state.encode(practice);
        }
        state
    }
}

impl From<RegistryState> for State {
    fn from(state: RegistryState) -> Self {
        state.registry
    }
}

impl Machine for Registry {
    const JOURNAL: &'static str = "registry";
    // 3: advice, contacts, declared readiness items.
    // 5: judgements are kept with the moments they were given at; observations with evidence, signals.
    const STATE_SHAPE: u32 = 5;

    type State = RegistryState;
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn initial() -> RegistryState {
        RegistryState::default()
    }

    fn kind(event: &Event) -> &'static str {
        event.kind()
    }

    fn decide(state: &RegistryState, command: &Command, now: Timestamp) -> Result<Vec<Event>, Rejection> {
        practice::decide(&state.registry, command, now)
    }

    fn apply(state: &mut RegistryState, event: &Event, position: u64, recorded_at: Timestamp) {
        practice::apply(&mut state.registry, event, position, recorded_at);
        // Exactly the practices that this event touched have a change at or after its position.
        let changed: Vec<Arc<Practice>> = state.registry.changed_after(position.saturating_sub(1)).cloned().collect();
        for practice in &changed {
            state.encode(practice);
        }
    }
}

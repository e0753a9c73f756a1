//! The registry as a machine of the journal: the pure state machine, and beside it the encoded replies of the hot path.

use std::sync::{Arc, OnceLock};

use imbl::HashMap;
use jiff::Timestamp;
use journal::{Encoding, Machine};
use ods::PracticeCode;
use practice::{Command, Event, Rejection, State};
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
    /// By practice, filled when first asked for after a change; never stored. A hash map, since it is only looked up in,
    /// and a look-up is the hot path.
    encoded: HashMap<PracticeCode, Arc<OnceLock<EncodedAccess>>>,
}

impl RegistryState {
    pub(crate) fn encoded(&self, code: PracticeCode) -> Option<&EncodedAccess> {
        let encoded = self.encoded.get(&code)?;
        if let Some(encoded) = encoded.get() {
            return Some(encoded);
        }
        // Not while folding, which may be a start that everybody waits for.
        let practice = self.registry.practice(code)?;
        Some(encoded.get_or_init(|| EncodedAccess::new(practice)))
    }

    fn encode_anew(&mut self, code: PracticeCode) {
        self.encoded.insert(code, Arc::default());
    }
}

impl From<State> for RegistryState {
    fn from(registry: State) -> Self {
        let encoded = registry.practices().map(|practice| (practice.code, Arc::default())).collect();
        Self { registry, encoded }
    }
}

impl From<RegistryState> for State {
    fn from(state: RegistryState) -> Self {
        state.registry
    }
}

impl Machine for Registry {
    const JOURNAL: &'static str = "registry";
    // 4: advice, contacts, declared readiness items.
    // 5: judgements are kept with the moments they were given at; observations with evidence, signals.
    const STATE_SHAPE: u32 = 5;
    // A million practices are 1.2 GB as MessagePack, and 16 seconds to read.
    const STATE_ENCODING: Encoding = Encoding::Compact;

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
        let changed = state.registry.changed_after(position.saturating_sub(1));
        let changed: Vec<PracticeCode> = changed.map(|practice| practice.code).collect();
        for code in changed {
            state.encode_anew(code);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use sha2::{Digest, Sha256};

    use super::*;

    /// Of every kind that was ever recorded.
    fn corpora() -> Vec<RegistryState> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../crates/practice/tests/corpus");
        let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
        paths.sort();
        let fold = |path: &PathBuf| {
            let mut state = Registry::initial();
            for line in fs::read_to_string(path).unwrap().lines() {
                let (position, recorded_at, event): (u64, Timestamp, Event) = serde_json::from_str(line).unwrap();
                Registry::apply(&mut state, &event, position, recorded_at);
            }
            state
        };
        paths.iter().map(fold).collect()
    }

    #[test]
    fn a_snapshot_holds_all_that_was_ever_recorded() {
        let corpora = corpora();
        assert!(!corpora.is_empty());
        for state in corpora {
            let bytes = Registry::STATE_ENCODING.encode(&state).unwrap();
            let read: RegistryState = Registry::STATE_ENCODING.decode(&bytes).unwrap();
            assert_eq!(read.registry, state.registry);
            for practice in state.registry.practices() {
                let part = |state: &RegistryState| state.encoded(practice.code).and_then(|all| all.part("").cloned());
                assert!(part(&state).is_some());
                assert_eq!(part(&read), part(&state), "{}", practice.code);
            }
        }
    }

    /// A snapshot has no names, so one of another shape could be read as something else. Where this fails, raise
    /// `STATE_SHAPE`, and put here what it found; only where nothing but the corpus has grown may the shape stay.
    #[test]
    fn what_a_snapshot_writes_changes_with_its_shape_only() {
        let mut written = Sha256::new();
        for state in corpora() {
            written.update(Registry::STATE_ENCODING.encode(&state).unwrap());
        }
        let written = hex::encode(&written.finalize()[..8]);
        assert_eq!((Registry::STATE_SHAPE, written.as_str()), (5, "8ba01afe338ff399"));
    }

    #[test]
    fn the_same_state_is_the_same_snapshot() {
        for (once, again) in corpora().into_iter().zip(corpora()) {
            let bytes = |state| Registry::STATE_ENCODING.encode(state).unwrap();
            assert_eq!(bytes(&once), bytes(&again));
        }
    }

    #[test]
    fn what_is_encoded_of_a_practice_follows_its_changes() {
        let now: Timestamp = "2031-06-02T08:00:00Z".parse().unwrap();
        let code: PracticeCode = "A81001".parse().unwrap();
        let mut state = Registry::initial();
        let mut parts = Vec::new();
        let events = [
            r#"{"directory-imported":{"source":"map","effective_from":"2031-06-01","practices":[{"difference":"created","entry":{"practice":"A81001","name":"HILL SURGERY"}}]}}"#,
            r#"{"access-observed":{"observations":[{"practice":"A81001","capability":"capabilities/prospective-records","state":"on","source":"supplier-list","as_at":"2031-06-02T08:00:00Z"}]}}"#,
        ];
        for (event, position) in events.into_iter().zip(1..) {
            let event: Event = serde_json::from_str(event).unwrap();
            let before = state.clone();
            Registry::apply(&mut state, &event, position, now);
            parts.push(state.encoded(code).unwrap().part("").unwrap().clone());
            // Whoever holds the state of before is told that one.
            assert_eq!(
                before.encoded(code).map(|all| all.part("").unwrap().clone()),
                parts.iter().rev().nth(1).cloned()
            );
        }
        assert_ne!(parts[0], parts[1]);
    }
}

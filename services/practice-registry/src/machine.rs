//! The registry as a machine of the journal.

use jiff::Timestamp;
use journal::{Cut, Encoding, Machine};
use practice::{Command, Event, Piece, Rejection, State};

/// The registry's machine.
#[derive(Debug)]
pub struct Registry;

impl Machine for Registry {
    const JOURNAL: &'static str = "registry";
    // 4: advice, contacts, declared readiness items.
    // 5: judgements are kept with the moments they were given at; observations with evidence, signals.
    // 6: in pieces.
    const STATE_SHAPE: u32 = 6;
    // A million practices are 1.2 GB as MessagePack, and 16 seconds to read.
    const STATE_ENCODING: Encoding = Encoding::Compact;

    type State = State;
    type Cut = ByPractice;
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn initial() -> State {
        State::default()
    }

    fn kind(event: &Event) -> &'static str {
        event.kind()
    }

    fn decide(state: &State, command: &Command, now: Timestamp) -> Result<Vec<Event>, Rejection> {
        practice::decide(state, command, now)
    }

    fn apply(state: &mut State, event: &Event, position: u64, recorded_at: Timestamp) {
        practice::apply(state, event, position, recorded_at);
    }
}

/// Some thousand practices in a piece.
#[derive(Debug)]
pub enum ByPractice {}

impl Cut<State> for ByPractice {
    type Piece = Piece;

    fn pieces(state: &State) -> impl Iterator<Item = Piece> {
        state.pieces()
    }

    fn whole(pieces: Vec<Piece>) -> Option<State> {
        State::whole(pieces)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use sha2::{Digest, Sha256};

    use super::*;

    /// Of every kind that was ever recorded.
    fn corpora() -> Vec<State> {
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

    /// The pieces of a state as they are written.
    fn written(state: &State) -> Vec<Vec<u8>> {
        ByPractice::pieces(state).map(|piece| Registry::STATE_ENCODING.encode(&piece).unwrap()).collect()
    }

    #[test]
    fn a_snapshot_holds_all_that_was_ever_recorded() {
        let corpora = corpora();
        assert!(!corpora.is_empty());
        for state in corpora {
            let read = |bytes: &Vec<u8>| Registry::STATE_ENCODING.decode(bytes.as_slice()).unwrap();
            let pieces = written(&state).iter().map(read).collect();
            assert_eq!(ByPractice::whole(pieces), Some(state));
        }
    }

    /// A snapshot has no names, so one of another shape could be read as something else. Where this fails, raise
    /// `STATE_SHAPE`, and put here what it found; only where nothing but the corpus has grown may the shape stay.
    #[test]
    fn what_a_snapshot_writes_changes_with_its_shape_only() {
        let mut hash = Sha256::new();
        for state in corpora() {
            written(&state).iter().for_each(|piece| hash.update(piece));
        }
        let written = hex::encode(&hash.finalize()[..8]);
        assert_eq!((Registry::STATE_SHAPE, written.as_str()), (6, "d52ede955772f1eb"));
    }

    #[test]
    fn the_same_state_is_the_same_snapshot() {
        for (once, again) in corpora().into_iter().zip(corpora()) {
            assert_eq!(written(&once), written(&again));
        }
    }
}

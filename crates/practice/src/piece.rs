//! A piece of a state: what of a large register can be written and read for itself.

use std::iter;
use std::sync::Arc;

use imbl::OrdMap;
use serde::{Deserialize, Serialize};

use crate::dense::DenseMap;
use crate::practice::Practice;
use crate::state::State;

/// Practices in a piece: about a megabyte.
const PRACTICES_COUNT: usize = 2_048;

/// A piece of a state.
#[derive(Debug, Serialize, Deserialize)]
pub enum Piece {
    /// All but the practices.
    Rest(Box<State>),
    /// Some practices, by code.
    Practices(Vec<Arc<Practice>>),
}

impl State {
    /// The pieces of this state: first the one without practices, then those of practices, by code.
    pub fn pieces(&self) -> impl Iterator<Item = Piece> {
        let mut rest = self.clone();
        rest.practices = OrdMap::new();
        let mut left = self.practices.values();
        let practices = iter::from_fn(move || {
            let practices: Vec<_> = left.by_ref().take(PRACTICES_COUNT).cloned().collect();
            (!practices.is_empty()).then_some(Piece::Practices(practices))
        });
        iter::once(Piece::Rest(Box::new(rest))).chain(practices)
    }

    /// The state of these pieces; None where the one without practices is missing.
    #[must_use]
    pub fn whole(pieces: Vec<Piece>) -> Option<Self> {
        let (mut state, mut practices) = (None, DenseMap::default());
        for piece in pieces {
            match piece {
                Piece::Rest(rest) => state = Some(*rest),
                Piece::Practices(some) => {
                    some.into_iter().for_each(|practice| practices.insert(practice.code, practice))
                }
            }
        }
        let mut state: Self = state?;
        state.practices = practices.filled();
        Some(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Fact, Facts};

    fn register(count: usize) -> State {
        let mut state = State::default();
        for number in 0..count {
            let recorded_at = jiff::Timestamp::UNIX_EPOCH;
            let name =
                Fact { effective_from: jiff::civil::date(2022, 11, 1), recorded_at, value: "The Surgery".to_owned() };
            let code = format!("A{number:05}").parse().unwrap();
            state.insert(Practice::new(code, Facts::new(name), recorded_at), number as u64 + 1);
        }
        state
    }

    #[test]
    fn the_pieces_of_a_register_are_the_register() {
        for count in [0, 1, PRACTICES_COUNT, PRACTICES_COUNT + 1, 2 * PRACTICES_COUNT + 17] {
            let state = register(count);
            let pieces: Vec<String> = state.pieces().map(|piece| serde_json::to_string(&piece).unwrap()).collect();
            assert_eq!(pieces.len(), 1 + count.div_ceil(PRACTICES_COUNT));
            let read: Vec<Piece> = pieces.iter().map(|piece| serde_json::from_str(piece).unwrap()).collect();
            assert_eq!(State::whole(read), Some(state));
        }
    }

    #[test]
    fn practices_alone_are_no_state() {
        let practices = register(3).pieces().skip(1).collect();
        assert_eq!(State::whole(practices), None);
    }
}

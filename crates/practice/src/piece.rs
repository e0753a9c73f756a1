//! A piece of a state: what of a large register can be written and read for itself.

use std::collections::BTreeMap;
use std::iter;
use std::sync::Arc;

use imbl::OrdMap;
use serde::{Deserialize, Serialize};

use crate::dense::DenseMap;
use crate::practice::Practice;
use crate::source::{SaidOf, SourceKind};
use crate::state::State;

/// Practices in a piece: less than a megabyte.
const PRACTICES_COUNT: usize = 2_048;

/// A piece of a state.
#[derive(Debug, Serialize, Deserialize)]
pub struct Piece(Part);

#[derive(Debug, Serialize, Deserialize)]
enum Part {
    /// All but what is in the others.
    Rest(Box<State>),
    /// What a source said last of some practices, by code.
    Said(SourceKind, Vec<SaidOf>),
    /// Some practices, by code.
    Practices(Vec<Arc<Practice>>),
}

impl State {
    /// The pieces of this state: first what there is but practices and statements about them.
    pub fn pieces(&self) -> impl Iterator<Item = Piece> {
        let mut rest = self.clone();
        rest.practices = OrdMap::new();
        rest.sources_mut().forget_said();
        let said = self.sources().said().map(|(source, said)| Part::Said(source, said));
        let mut left = self.practices.values();
        let practices = iter::from_fn(move || {
            let practices: Vec<_> = left.by_ref().take(PRACTICES_COUNT).cloned().collect();
            (!practices.is_empty()).then_some(Part::Practices(practices))
        });
        iter::once(Part::Rest(Box::new(rest))).chain(said).chain(practices).map(Piece)
    }

    /// The state of these pieces, in their order; None where the first is missing.
    #[must_use]
    pub fn whole(pieces: Vec<Piece>) -> Option<Self> {
        let (mut state, mut practices) = (None, DenseMap::default());
        let mut said: BTreeMap<SourceKind, DenseMap<_, _>> = BTreeMap::new();
        for Piece(part) in pieces {
            match part {
                Part::Rest(rest) => state = Some(*rest),
                Part::Said(source, some) => {
                    let said = said.entry(source).or_default();
                    some.into_iter().for_each(|SaidOf(practice, one)| said.insert(practice, one));
                }
                Part::Practices(some) => some.into_iter().for_each(|one| practices.insert(one.code, one)),
            }
        }
        let mut state: Self = state?;
        state.practices = practices.filled();
        for (source, said) in said {
            state.sources_mut().recall_said(source, said.filled());
        }
        Some(state)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::civil::date;

    use super::*;
    use crate::facts::{Fact, Facts};
    use crate::source::{Publication, SourceRead, Statement};

    fn register(count: usize) -> State {
        let recorded_at = Timestamp::UNIX_EPOCH;
        let codes = (0..count).map(|number| format!("A{number:05}").parse().unwrap());
        let codes: Vec<ods::PracticeCode> = codes.collect();
        let mut state = State::default();
        for (code, position) in codes.iter().zip(1..) {
            let name = Fact { effective_from: date(2031, 5, 6), recorded_at, value: "The Surgery".to_owned() };
            state.insert(Practice::new(*code, Facts::new(name), recorded_at), position);
        }
        for source in [SourceKind::Map, SourceKind::Epraccur] {
            let day = date(2031, 5, 6);
            let publication = Publication { name: "An issue".to_owned(), date: day, effective_from: day };
            let statements = codes.iter().copied().map(Statement::new).collect();
            let read = SourceRead { import: "first".to_owned(), source, publication, statements };
            state.sources_mut().read(&read, 1, recorded_at);
        }
        state
    }

    #[test]
    fn the_pieces_of_a_register_are_the_register() {
        for count in [0, 1, PRACTICES_COUNT, PRACTICES_COUNT + 1, 9 * PRACTICES_COUNT + 17] {
            let state = register(count);
            let pieces: Vec<String> = state.pieces().map(|piece| serde_json::to_string(&piece).unwrap()).collect();
            assert!(pieces.iter().all(|piece| piece.len() < 1_500_000), "one of {count} is too large");
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

//! Cut: how a state is cut into pieces for its snapshots.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Cuts a state into pieces and joins them again. Each is written and read for itself, so that a start decodes as many at
/// a time as there are cores: a state that takes a second or more is worth cutting.
pub trait Cut<S> {
    /// What it is cut into.
    type Piece: Serialize + DeserializeOwned + Send + 'static;

    /// The pieces of a state, a megabyte or so each; those that take longest first.
    fn pieces(state: &S) -> impl Iterator<Item = Self::Piece>;

    /// The state of these pieces, in the order that they were in; `None` where they are not those of a state.
    fn whole(pieces: Vec<Self::Piece>) -> Option<S>;
}

/// Small enough to stay whole.
#[derive(Debug)]
pub enum InOnePiece {}

impl<S: Clone + Serialize + DeserializeOwned + Send + 'static> Cut<S> for InOnePiece {
    type Piece = S;

    fn pieces(state: &S) -> impl Iterator<Item = S> {
        std::iter::once(state.clone())
    }

    fn whole(pieces: Vec<S>) -> Option<S> {
        let [state] = <[S; 1]>::try_from(pieces).ok()?;
        Some(state)
    }
}

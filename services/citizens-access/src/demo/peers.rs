//! The three services as their callers reach them.

use client::Peer;

/// One peer for each service; each caller takes its own by [`Peer::with_account`].
#[derive(Clone, Debug)]
pub(crate) struct Peers {
    pub(crate) registry: Peer,
    pub(crate) scheduler: Peer,
    pub(crate) statistics: Peer,
}

//! Assertions that were used: none is taken twice.

use std::collections::BTreeMap;

/// Assertions that are remembered; each is forgotten when it expires, five minutes after it was made at the latest.
const ASSERTIONS_MAX: usize = 10_000;

/// Ids of assertions by client, with the second at which each expires.
#[derive(Debug, Default)]
pub(crate) struct Replays {
    seen: BTreeMap<(String, String), u64>,
}

/// What becomes of an assertion's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It is new, and remembered from now on.
    New,
    /// It was used.
    Before,
    /// Too many are remembered: none can be taken until some expire.
    Full,
}

impl Replays {
    /// Takes note of the assertion `id` of `client`, which expires at `until_s`.
    pub(crate) fn note(&mut self, client: &str, id: &str, until_s: u64, now_s: u64) -> Seen {
        let key = (client.to_owned(), id.to_owned());
        if self.seen.contains_key(&key) {
            return Seen::Before;
        }
        if self.seen.len() >= ASSERTIONS_MAX {
            self.seen.retain(|_, until_s| *until_s > now_s);
        }
        if self.seen.len() >= ASSERTIONS_MAX {
            return Seen::Full;
        }
        self.seen.insert(key, until_s);
        Seen::New
    }
}

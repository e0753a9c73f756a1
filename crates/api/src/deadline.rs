//! Until when the caller of the current RPC waits.
//!
//! `server` sets it around each poll of a handler; `client` passes the remainder on. It runs on real, monotonic time,
//! never on the domain's clock: it is about sockets and patience, not about practices. It does not cancel anything.

use std::cell::Cell;
use std::time::Instant;

thread_local! {
    static CURRENT: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The deadline of the RPC that this code is polled for; None outside an RPC, and where the RPC is open-ended.
pub fn current() -> Option<Instant> {
    CURRENT.get()
}

/// Makes `deadline` the current one until the guard is dropped. For one poll of one future: never held across an await.
#[must_use = "the deadline ends with the guard"]
pub fn enter(deadline: Option<Instant>) -> Entered {
    Entered { previous: CURRENT.replace(deadline) }
}

/// Puts the previous deadline back when dropped.
#[derive(Debug)]
pub struct Entered {
    previous: Option<Instant>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.previous);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn deadlines_nest_and_come_back() {
        let outer = Instant::now() + Duration::from_secs(5);
        let inner = outer + Duration::from_secs(5);
        assert_eq!(current(), None);
        {
            let _outer = enter(Some(outer));
            {
                let _inner = enter(Some(inner));
                assert_eq!(current(), Some(inner));
                let _open_ended = enter(None);
                assert_eq!(current(), None);
            }
            assert_eq!(current(), Some(outer));
        }
        assert_eq!(current(), None);
    }
}

//! Tokens that were verified on this thread.
//!
//! Connections stay with their thread, and a client sends the same token with each call: so what a thread has verified it finds
//! again without a lock, and a look-up costs no signature.

use std::cell::RefCell;
use std::collections::HashMap;

use http::HeaderValue;

use crate::token::claims::Claims;

/// Tokens that a thread keeps: more than it has clients. Beyond it all are forgotten, which costs a signature each.
const TOKENS_MAX: usize = 1_024;

/// A verified token.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) claims: Claims,
    /// The place of its issuer among those that are believed,
    pub(crate) issuer: usize,
    /// and the version of its keys by which it was verified.
    pub(crate) keys_version: u64,
}

#[derive(Default)]
struct Cache {
    /// The one that came last, which is nearly always the next.
    last: Option<(HeaderValue, Known)>,
    others: HashMap<HeaderValue, Known>,
}

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::default();
}

/// Asks `judge` about the token in this header, if this thread has verified it.
pub(crate) fn find<T>(header: &HeaderValue, judge: impl FnOnce(&Known) -> Option<T>) -> Option<T> {
    CACHE.with_borrow_mut(|cache| {
        if cache.last.as_ref().is_none_or(|(last, _)| last != header) {
            let known = cache.others.get(header)?.clone();
            cache.last = Some((header.clone(), known));
        }
        judge(&cache.last.as_ref()?.1)
    })
}

/// Keeps a token that was verified.
pub(crate) fn keep(header: &HeaderValue, known: Known) {
    CACHE.with_borrow_mut(|cache| {
        if cache.others.len() >= TOKENS_MAX {
            cache.others.clear();
        }
        cache.others.insert(header.clone(), known.clone());
        cache.last = Some((header.clone(), known));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Caller, Via};

    #[test]
    fn a_thread_keeps_so_many_tokens_and_no_more() {
        let caller = Caller { via: Via::Token, ..Caller::named("amira").unwrap() };
        let known = Known { claims: Claims { caller, from_s: 0, until_s: 1 }, issuer: 0, keys_version: 1 };
        for number in 0..3 * TOKENS_MAX {
            let header: HeaderValue = format!("Bearer {number}").parse().unwrap();
            keep(&header, known.clone());
            assert_eq!(find(&header, |known| Some(known.keys_version)), Some(1));
        }
        assert!(CACHE.with_borrow(|cache| cache.others.len()) <= TOKENS_MAX);
        assert_eq!(find(&HeaderValue::from_static("Bearer x"), |_| Some(())), None);
    }
}

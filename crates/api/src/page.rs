//! Pages of a list: how many rows, and where the next page begins.
//!
//! A token is opaque to callers and bound to the other arguments of the call by their digest, so that a page of one
//! list is never continued in another. It is no secret and no permission: whoever could forge one could as well have
//! listed from there, since each page is authorised anew. So no key is needed, and any replica opens any token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::{Digest, Error};

/// Of the digest that binds a token: accidents only, so 8 bytes are plenty, and tokens stay short.
const BINDING_BYTES: usize = 8;

/// Longest token that is looked at; ours are far shorter.
const TOKEN_BYTES_MAX: usize = 4096;

/// How many rows a list gives at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLimits {
    /// Rows where the caller asks for 0.
    pub default: usize,
    /// Rows at most; a caller who asks for more gets this many.
    pub max: usize,
}

impl PageLimits {
    /// For resources of a few hundred bytes: the largest page is well below the limit of a message.
    pub const STANDARD: Self = Self { default: 100, max: 1_000 };

    /// Rows of this page. Negative is INVALID_ARGUMENT.
    pub fn rows(self, page_size: i32) -> Result<usize, Error> {
        match usize::try_from(page_size) {
            Ok(0) => Ok(self.default),
            Ok(asked) => Ok(asked.min(self.max)),
            Err(_) => Err(Error::invalid(
                "page_size",
                "PAGE_SIZE_NEGATIVE",
                "{field} is {page_size}; it must be 0 (the default) or more",
            )
            .with("page_size", page_size)),
        }
    }
}

/// One page asked for: `C` is where it begins, whatever a list needs to go on (the last key it gave, a position).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<C> {
    /// Rows to give at most, at least 1.
    pub rows: usize,
    /// Where the page begins; None at the start of the list.
    pub after: Option<C>,
    arguments: Digest,
}

impl<C: Serialize + DeserializeOwned> Page<C> {
    /// Reads `page_size` and `page_token`. `arguments` is the digest of the request with those two fields cleared; the
    /// macro [`page!`](crate::page!) makes it.
    pub fn check(limits: PageLimits, page_size: i32, page_token: &str, arguments: Digest) -> Result<Self, Error> {
        let rows = limits.rows(page_size)?;
        let after = if page_token.is_empty() { None } else { Some(open(&arguments, page_token)?) };
        Ok(Self { rows, after, arguments })
    }

    /// The token with which the same list goes on after `cursor`.
    pub fn next_page_token(&self, cursor: &C) -> String {
        seal(&self.arguments, cursor)
    }
}

/// `page!(request, limits)` → `Result<Page<C>, Error>`, from the fields `page_size` and `page_token` of a request.
#[macro_export]
macro_rules! page {
    ($request:expr, $limits:expr) => {{
        let mut arguments = ($request).clone();
        let page_size = ::std::mem::take(&mut arguments.page_size);
        let page_token = ::std::mem::take(&mut arguments.page_token);
        $crate::Page::check($limits, page_size, &page_token, $crate::digest(&arguments))
    }};
}

fn seal<C: Serialize>(arguments: &Digest, cursor: &C) -> String {
    let cursor = serde_json::to_vec(cursor).expect("a cursor is plain data: strings, numbers, tuples of them");
    let mut token = binding(arguments, &cursor).to_vec();
    token.extend_from_slice(&cursor);
    URL_SAFE_NO_PAD.encode(token)
}

fn open<C: DeserializeOwned>(arguments: &Digest, token: &str) -> Result<C, Error> {
    let invalid = || {
        Error::invalid(
            "page_token",
            "PAGE_TOKEN_INVALID",
            "{field} is not from this list; take it from the reply to the same arguments, or begin anew without one",
        )
    };
    if token.len() > TOKEN_BYTES_MAX {
        return Err(invalid());
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
    let (bound, cursor) = bytes.split_first_chunk::<BINDING_BYTES>().ok_or_else(invalid)?;
    if *bound != binding(arguments, cursor) {
        return Err(invalid());
    }
    serde_json::from_slice(cursor).map_err(|_| invalid())
}

fn binding(arguments: &Digest, cursor: &[u8]) -> [u8; BINDING_BYTES] {
    let mut hash = Sha256::new();
    hash.update(b"citizens-access page token 1");
    hash.update(arguments);
    hash.update(cursor);
    let mut bound = [0; BINDING_BYTES];
    bound.copy_from_slice(&hash.finalize()[..BINDING_BYTES]);
    bound
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: PageLimits = PageLimits { default: 50, max: 200 };

    #[derive(Clone, PartialEq, prost::Message)]
    struct ListRequest {
        #[prost(int32, tag = "30")]
        page_size: i32,
        #[prost(string, tag = "31")]
        page_token: String,
        #[prost(string, tag = "32")]
        filter: String,
    }

    fn ask(request: &ListRequest) -> Result<Page<(String, u64)>, Error> {
        page!(request, LIMITS)
    }

    #[test]
    fn the_page_size_is_defaulted_and_lowered_and_never_negative() {
        for (asked, given) in [(0, 50), (1, 1), (200, 200), (201, 200), (i32::MAX, 200)] {
            assert_eq!(LIMITS.rows(asked).unwrap(), given);
        }
        for negative in [-1, i32::MIN] {
            assert_eq!(LIMITS.rows(negative).unwrap_err().reason(), "PAGE_SIZE_NEGATIVE");
        }
    }

    #[test]
    fn a_token_goes_on_where_the_page_ended_even_with_another_page_size() {
        let mut request = ListRequest { filter: "a".into(), ..ListRequest::default() };
        let cursor = ("A81001".to_owned(), 7);
        request.page_token = ask(&request).unwrap().next_page_token(&cursor);
        request.page_size = 3;
        let second = ask(&request).unwrap();
        assert_eq!(second.after, Some(cursor.clone()));
        assert_eq!(second.next_page_token(&cursor), request.page_token);
    }

    #[test]
    fn a_token_of_other_arguments_is_refused() {
        let mut request = ListRequest { filter: "a".into(), ..ListRequest::default() };
        request.page_token = ask(&request).unwrap().next_page_token(&("A81001".to_owned(), 7));
        request.filter = "b".into();
        let error = ask(&request).unwrap_err();
        assert_eq!((error.code(), error.reason()), (tonic::Code::InvalidArgument, "PAGE_TOKEN_INVALID"));
    }

    #[test]
    fn a_token_of_another_shape_is_refused() {
        let arguments = [0; 32];
        let token = seal(&arguments, &17);
        assert!(Page::<(String, u64)>::check(LIMITS, 0, &token, arguments).is_err());
    }

    proptest! {
        #[test]
        fn no_token_breaks_the_reader(token in ".{0,64}") {
            let refused = Page::<(String, u64)>::check(LIMITS, 0, &token, [0; 32]).is_err();
            prop_assert_eq!(refused, !token.is_empty());
        }

        #[test]
        fn a_token_with_any_changed_byte_is_refused(key in ".{0,20}", number: u64, place: prop::sample::Index, change in 1u8..) {
            let arguments = [7; 32];
            let mut bytes = URL_SAFE_NO_PAD.decode(seal(&arguments, &(key, number))).unwrap();
            let place = place.index(bytes.len());
            bytes[place] ^= change;
            let token = URL_SAFE_NO_PAD.encode(bytes);
            prop_assert!(Page::<(String, u64)>::check(LIMITS, 0, &token, arguments).is_err());
        }
    }
}

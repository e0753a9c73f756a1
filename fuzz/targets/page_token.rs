//! Page tokens: what a caller sends back, or makes up. Tokens are bound to their arguments and not signed (decision 11), so
//! whoever reads the source can make one around any cursor.
#![no_main]

use api::{Page, PageLimits};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use sha2::{Digest as _, Sha256};

const ARGUMENTS: [u8; 32] = [7; 32];
/// Bytes of the digest that a token begins with.
const BINDING_BYTES: usize = 8;

type Cursor = (String, u64);

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let accepted = Page::<Cursor>::check(PageLimits::STANDARD, 0, text, ARGUMENTS);
        assert_eq!(accepted.is_ok(), text.is_empty(), "nobody guesses a token: {text:?}");
    }
    let token = made_up(bytes);
    let Ok(page) = Page::<Cursor>::check(PageLimits::STANDARD, 0, &token, ARGUMENTS) else { return };
    // Where it goes on is what its cursor says, and the next page's token says the same.
    let after = page.after.clone().expect("a token has a cursor");
    let again = Page::<Cursor>::check(PageLimits::STANDARD, 0, &page.next_page_token(&after), ARGUMENTS);
    assert_eq!(again.expect("ours").after, Some(after));
});

fn made_up(cursor: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(b"citizens-access page token 1");
    hash.update(ARGUMENTS);
    hash.update(cursor);
    let mut token = hash.finalize()[..BINDING_BYTES].to_vec();
    token.extend_from_slice(cursor);
    URL_SAFE_NO_PAD.encode(token)
}

//! Headers of a call: how long the caller waits.
#![no_main]

use std::time::Duration;

use api::deadline;
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut headers = HeaderMap::new();
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    headers.insert("grpc-timeout", value);
    let Some(asked) = deadline::asked(&headers) else { return };
    assert!(asked <= Duration::from_secs(99_999_999 * 3_600));
    // What is passed on is never longer than what was asked.
    deadline::ask(&mut headers, asked);
    assert!(deadline::asked(&headers).expect("what we write we read") <= asked);
});

//! Headers of a call: how long the caller waits, and which trace it is part of.
#![no_main]

// The module as it is: the crate around it brings exporters with it.
#[path = "../../crates/telemetry/src/traceparent.rs"]
mod traceparent;

use std::time::Duration;

use api::deadline;
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use traceparent::Traceparent;

fuzz_target!(|bytes: &[u8]| {
    timeout(bytes);
    trace(bytes);
});

fn timeout(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    headers.insert("grpc-timeout", value);
    let Some(asked) = deadline::asked(&headers) else { return };
    assert!(asked <= Duration::from_secs(99_999_999 * 3_600));
    // What is passed on is never longer than what was asked.
    deadline::ask(&mut headers, asked);
    assert!(deadline::asked(&headers).expect("what we write we read") <= asked);
}

fn trace(bytes: &[u8]) {
    let Some(text) = std::str::from_utf8(bytes).ok() else { return };
    let Ok(read) = text.parse::<Traceparent>() else { return };
    // It is kept beside records and passed on, so it is written as version 00 has it and means the same when it is read again.
    let written = read.to_string();
    assert_eq!((written.len(), &written[..3], &written[2..52]), (55, "00-", &text[2..52]), "{text}");
    assert_eq!(written.parse(), Ok(read));
}

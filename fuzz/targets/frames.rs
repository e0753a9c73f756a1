//! gRPC's prefixes in the bodies of requests, however the bytes are cut.
#![no_main]

// The modules as they are: they are private to the server around them.
#[path = "../../crates/server/src/at_once.rs"]
mod at_once;
#[path = "../../crates/server/src/lengths.rs"]
mod lengths;

use at_once::{Gathered, plain_message};
use bytes::Bytes;
use lengths::{Lengths, PREFIX_BYTES};
use libfuzzer_sys::fuzz_target;

const MESSAGE_BYTES_MAX: usize = 300;

/// By the whole body: what its last message claims where it is not complete, or the first length beyond the limit.
fn begun(mut body: &[u8]) -> Result<usize, usize> {
    while let Some((prefix, rest)) = body.split_first_chunk::<PREFIX_BYTES>() {
        let len = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
        if len > MESSAGE_BYTES_MAX {
            return Err(len);
        }
        let Some(rest) = rest.get(len..) else { return Ok(PREFIX_BYTES + len) };
        body = rest;
    }
    Ok(body.len())
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&size, body)) = bytes.split_first() else { return };
    let pieces = body.chunks(usize::from(size).max(1));
    let mut lengths = Lengths::new(MESSAGE_BYTES_MAX);
    let mut gathered = Gathered::default();
    let passed = pieces.clone().try_for_each(|piece| lengths.pass(piece));
    assert_eq!(passed.map(|()| lengths.begun()).map_err(|too_long| too_long.bytes), begun(body));

    pieces.for_each(|piece| gathered.push(Bytes::copy_from_slice(piece)));
    let whole = gathered.whole();
    assert_eq!(whole, body);
    // One message, whole and not compressed, and nothing behind it.
    let plain = body.split_first_chunk::<PREFIX_BYTES>().filter(|(prefix, rest)| {
        prefix[0] == 0 && u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize == rest.len()
    });
    assert_eq!(plain_message(&whole), plain.map(|(_, message)| message));
});

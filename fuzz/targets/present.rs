//! Requests that are answered at once, read where they lie, held against prost, which builds each request.
#![no_main]

// The module as it is: building the service around it would bring stores and a network with it.
#[path = "../../services/practice-registry/src/grpc/present.rs"]
mod present;

use libfuzzer_sys::fuzz_target;
use present::Present;
use prost::Message;

/// The fields that the requests have in common: by codes or names, of a capability, from a position on.
#[derive(Clone, PartialEq, Message)]
struct Asked {
    #[prost(string, repeated, tag = "1")]
    keys: Vec<String>,
    #[prost(string, tag = "2")]
    capability: String,
    #[prost(uint64, tag = "42")]
    min_position: u64,
}

fuzz_target!(|bytes: &[u8]| {
    let mut keys = Vec::new();
    let read = Present::read(bytes, |key| {
        keys.push(key.to_owned());
        Some(())
    });
    // What ours does not take is judged by whoever builds the request; what it takes must be the same request.
    let Some(Present { capability, min_position }) = read else { return };
    let asked = Asked { keys, capability: capability.to_owned(), min_position };
    assert_eq!(Asked::decode(bytes).expect("what ours reads prost does too"), asked);
    // Nothing that ours knows nothing of is passed over: a moment in the past would be answered by the present.
    assert_eq!(unknown_fields(bytes), 0);
});

fn unknown_fields(mut bytes: &[u8]) -> usize {
    let mut unknown = 0;
    while !bytes.is_empty() {
        let (tag, wire) = prost::encoding::decode_key(&mut bytes).expect("it was read");
        unknown += usize::from(!matches!(tag, 1 | 2 | 42));
        let context = prost::encoding::DecodeContext::default();
        prost::encoding::skip_field(wire, tag, &mut bytes, context).expect("it was read");
    }
    unknown
}

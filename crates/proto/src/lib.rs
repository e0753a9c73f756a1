//! The wire: messages, clients and servers generated from `/proto`, and the descriptors that reflection serves.
//!
//! Nothing here is written by hand. Only the `grpc/` modules of a service, `client` and the tools name these types;
//! the domain has its own. `bytes` fields are [`bytes::Bytes`], maps are ordered.

mod generated {
    include!(concat!(env!("OUT_DIR"), "/modules.rs"));
}

pub use generated::citizens_access::*;

/// `statistics::v1::ingest_service_server` as it is served: the requests of RecordEvents carry their events as bytes of an
/// `AccessEvents`, unread.
pub mod unread {
    include!(concat!(env!("OUT_DIR"), "/unread/citizens_access.statistics.v1.rs"));
}

/// The encoded `google.protobuf.FileDescriptorSet` of every file, with imports and comments.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/file_descriptor_set.bin"));

/// What a caller must know of an RPC before it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rpc {
    /// `/citizens_access.registry.v1.PracticeRegistryService/GetPractice`
    pub path: &'static str,
    /// The request is a stream.
    pub client_streaming: bool,
    /// The response is a stream.
    pub server_streaming: bool,
}

/// Every RPC of every service, in the order of the paths.
pub const RPCS: &[Rpc] = include!(concat!(env!("OUT_DIR"), "/rpcs.rs"));

/// The RPC at `path` (with the leading slash), or None where the path is not one of ours.
pub fn rpc(path: &str) -> Option<&'static Rpc> {
    let index = RPCS.binary_search_by(|rpc| rpc.path.cmp(path)).ok()?;
    Some(&RPCS[index])
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    #[test]
    fn events_that_are_left_unread_are_those_that_were_sent() {
        let event =
            |practice: &str| statistics::v1::AccessEvent { practice: practice.to_owned(), ..Default::default() };
        let events = statistics::v1::AccessEvents { events: vec![event("practices/A81001"), event("B81001")] };
        let sent = statistics::v1::RecordEventsRequest {
            source: "gateway".to_owned(),
            incarnation: 3,
            first_sequence: 7,
            events: Some(events.clone()),
        };
        let unread = unread::RecordEventsRequest::decode(sent.encode_to_vec().as_slice()).expect("the same message");
        assert_eq!((unread.source.as_str(), unread.incarnation, unread.first_sequence), ("gateway", 3, 7));
        assert_eq!(unread.events, events.encode_to_vec());
    }

    #[test]
    fn every_rpc_is_found_by_its_path() {
        assert!(!RPCS.is_empty());
        for expected in RPCS {
            assert_eq!(rpc(expected.path), Some(expected));
        }
        assert_eq!(rpc("/grpc.health.v1.Health/Check"), None);
    }
}

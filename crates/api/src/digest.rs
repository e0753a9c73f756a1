//! The digest of a message: what binds a page token to its arguments and a request id to its body.

use prost::Message;
use sha2::{Digest as _, Sha256};

/// SHA-256 of an encoded message.
pub type Digest = [u8; 32];

/// The digest of `message` as prost encodes it: fields in the order of their numbers, maps in the order of their keys
/// (crate `proto` generates ordered maps), unknown fields left out.
pub fn digest(message: &impl Message) -> Digest {
    Sha256::digest(message.encode_to_vec()).into()
}

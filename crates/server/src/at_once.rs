//! Answers at hand: RPCs that wait for nothing are answered from the bytes of the request to the bytes of the reply.
//!
//! It spares the hot path what a call costs that might wait: futures and bodies in boxes, buffers for messages that come
//! in pieces, the caller in the request's extensions. What a call passes stays the same: limits, caller, deadline,
//! trace, counters. Whatever is not plain here is left to the mounted service, so that there is one way to refuse.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use crate::lengths::PREFIX_BYTES;

/// Answers one RPC at once; given to [`Server::at_once`](crate::Server::at_once).
pub(crate) type AtOnce = Box<dyn Fn(&[u8]) -> Option<Reply> + Send + Sync>;

/// A reply that is being written: the bytes of one message, behind their prefix.
pub struct Reply(Vec<u8>);

impl Reply {
    /// An empty message. Where it gets exactly `capacity` bytes, it is allocated once and never copied.
    pub fn with_capacity(capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(PREFIX_BYTES + capacity);
        bytes.extend([0; PREFIX_BYTES]);
        Self(bytes)
    }

    /// To append to.
    pub fn message(&mut self) -> &mut impl BufMut {
        &mut self.0
    }

    /// Bytes of the message so far.
    pub(crate) fn message_bytes(&self) -> usize {
        self.0.len() - PREFIX_BYTES
    }

    /// As it goes on the wire: not compressed, and its length.
    pub(crate) fn framed(mut self) -> Bytes {
        let len = u32::try_from(self.message_bytes()).expect("it was held against the limit of a message");
        self.0[1..PREFIX_BYTES].copy_from_slice(&len.to_be_bytes());
        self.0.into()
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("message_bytes", &self.message_bytes()).finish()
    }
}

/// The body of a request, as far as it has come.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// Nearly always all of it.
    first: Bytes,
    rest: BytesMut,
}

impl Gathered {
    pub(crate) fn push(&mut self, data: Bytes) {
        if self.first.is_empty() {
            self.first = data;
        } else {
            self.rest.extend_from_slice(&data);
        }
    }

    /// All of it in one piece.
    pub(crate) fn whole(self) -> Bytes {
        if self.rest.is_empty() {
            return self.first;
        }
        let mut whole = BytesMut::with_capacity(self.first.len() + self.rest.len());
        whole.extend_from_slice(&self.first);
        whole.extend_from_slice(&self.rest);
        whole.freeze()
    }
}

/// The message in `body`, where there is exactly one and it is not compressed.
pub(crate) fn plain_message(body: &[u8]) -> Option<&[u8]> {
    let (prefix, message) = body.split_at_checked(PREFIX_BYTES)?;
    let [compressed, a, b, c, d] = *prefix else { return None };
    let len = u32::from_be_bytes([a, b, c, d]) as usize;
    (compressed == 0 && len == message.len()).then_some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_framed_with_its_length_and_allocated_once() {
        let mut reply = Reply::with_capacity(3);
        reply.message().put_slice(b"abc");
        let place = reply.0.as_ptr();
        let framed = reply.framed();
        assert_eq!(&framed[..], b"\0\0\0\0\x03abc");
        assert_eq!(framed.as_ptr(), place);
        assert_eq!(&Reply::with_capacity(0).framed()[..], [0; PREFIX_BYTES]);
    }

    #[test]
    fn a_body_is_the_same_however_it_is_cut() {
        let body = b"\0\0\0\0\x03abc";
        for size in 1..=body.len() {
            let mut gathered = Gathered::default();
            for piece in body.chunks(size) {
                gathered.push(Bytes::copy_from_slice(piece));
            }
            assert_eq!(plain_message(&gathered.whole()), Some(&b"abc"[..]), "in pieces of {size}");
        }
    }

    #[test]
    fn what_is_not_one_plain_message_is_not_taken() {
        for body in [&b""[..], b"\0\0\0\0", b"\x01\0\0\0\x01a", b"\0\0\0\0\x02a", b"\0\0\0\0\x01ab"] {
            assert_eq!(plain_message(body), None, "{body:?}");
        }
        assert_eq!(plain_message(b"\0\0\0\0\0"), Some(&b""[..]));
    }
}

//! The lengths of the messages in a gRPC body, read from their prefixes as the bytes go by.

/// Compressed flag and length: gRPC over HTTP/2, "Length-Prefixed-Message".
pub(crate) const PREFIX_BYTES: usize = 5;

/// Where a body stands between its prefixes. It looks at prefixes only and copies nothing.
#[derive(Debug)]
pub(crate) struct Lengths {
    max: usize,
    prefix: [u8; PREFIX_BYTES],
    prefix_len: usize,
    message_len: usize,
    left: usize,
}

/// A message is longer than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong {
    pub(crate) bytes: usize,
    pub(crate) bytes_max: usize,
}

impl Lengths {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, prefix: [0; PREFIX_BYTES], prefix_len: 0, message_len: 0, left: 0 }
    }

    /// Bytes of the message that has begun and is not complete, all that it claims; 0 between messages.
    pub(crate) fn begun(&self) -> usize {
        if self.left > 0 { self.message_len + PREFIX_BYTES } else { self.prefix_len }
    }

    /// Takes note of the next bytes of the body.
    pub(crate) fn pass(&mut self, mut bytes: &[u8]) -> Result<(), TooLong> {
        loop {
            let skipped = self.left.min(bytes.len());
            self.left -= skipped;
            bytes = &bytes[skipped..];
            if bytes.is_empty() {
                return Ok(());
            }
            let taken = (PREFIX_BYTES - self.prefix_len).min(bytes.len());
            self.prefix[self.prefix_len..self.prefix_len + taken].copy_from_slice(&bytes[..taken]);
            self.prefix_len += taken;
            bytes = &bytes[taken..];
            if self.prefix_len == PREFIX_BYTES {
                let [_, a, b, c, d] = self.prefix;
                self.prefix_len = 0;
                self.message_len = u32::from_be_bytes([a, b, c, d]) as usize;
                self.left = self.message_len;
                if self.left > self.max {
                    return Err(TooLong { bytes: self.left, bytes_max: self.max });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(len: usize) -> Vec<u8> {
        let mut bytes = vec![0];
        bytes.extend(u32::try_from(len).unwrap().to_be_bytes());
        bytes.extend(vec![0xff; len]);
        bytes
    }

    #[test]
    fn messages_up_to_the_limit_pass_however_they_are_cut() {
        let body = [message(0), message(10), message(9), message(10)].concat();
        for size in 1..=body.len() {
            let mut lengths = Lengths::new(10);
            for chunk in body.chunks(size) {
                assert_eq!(lengths.pass(chunk), Ok(()), "in chunks of {size}");
            }
        }
    }

    #[test]
    fn a_message_that_has_begun_counts_with_all_it_claims_until_it_is_complete() {
        let mut lengths = Lengths::new(10);
        for (bytes, begun) in [(&message(10)[..3], 3), (&message(10)[3..9], 15), (&message(10)[9..], 0), (&[0, 0], 2)] {
            lengths.pass(bytes).unwrap();
            assert_eq!(lengths.begun(), begun);
        }
    }

    #[test]
    fn a_longer_message_is_found_at_its_prefix_however_it_is_cut() {
        let body = [message(10), message(11)].concat();
        for size in 1..=body.len() {
            let mut lengths = Lengths::new(10);
            let found = body.chunks(size).find_map(|chunk| lengths.pass(chunk).err());
            assert_eq!(found, Some(TooLong { bytes: 11, bytes_max: 10 }), "in chunks of {size}");
        }
    }
}

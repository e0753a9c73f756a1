//! Checkpoint: a signed statement of where a journal stands, to be kept outside its database.
//!
//! The chain of hashes shows whether a record was altered, but not whether the end was cut off, or everything rewritten
//! with new hashes. A checkpoint kept elsewhere shows both: the journal must still hold its position with its hash.

use ed25519_dalek::{Signature, VerifyingKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::record::{Hash, Head};

/// The first line of what is signed; a change of the text changes it.
const TAG: &str = "citizens-access.journal.checkpoint.v1";

/// Where a journal stood, signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The journal's name, such as `registry`.
    pub journal: String,
    /// Its last record's position, hash and moment.
    pub head: Head,
    /// When this was signed.
    pub signed_at: Timestamp,
    /// Who signed it: an Ed25519 key.
    pub public_key: [u8; 32],
    /// Ed25519 over [`Checkpoint::signed_text`].
    pub signature: [u8; 64],
}

impl Checkpoint {
    /// What is signed: six lines, each with its line feed.
    pub fn signed_text(&self) -> String {
        format!(
            "{TAG}\njournals/{}\n{}\n{}\n{}\n{}\n",
            self.journal,
            self.head.position,
            self.head.hash,
            self.head.recorded_at.as_microsecond(),
            self.signed_at.as_microsecond()
        )
    }

    /// True where the signature fits the text and the key that it names. Whose key that is, the caller must know.
    pub fn is_signed(&self) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(&self.public_key) else { return false };
        key.verify_strict(self.signed_text().as_bytes(), &Signature::from_bytes(&self.signature)).is_ok()
    }

    /// One line of a file of checkpoints, without its line feed: a JSON object.
    pub fn to_line(&self) -> String {
        let line = Line {
            journal: self.journal.clone(),
            position: self.head.position,
            hash: self.head.hash.to_string(),
            recorded_at: self.head.recorded_at,
            signed_at: self.signed_at,
            public_key: hex::encode(self.public_key),
            signature: hex::encode(self.signature),
        };
        serde_json::to_string(&line).expect("plain data can be written as JSON")
    }

    /// What [`Checkpoint::to_line`] wrote; None where it is no such line. Whether it is signed is another question.
    pub fn from_line(line: &str) -> Option<Self> {
        let line: Line = serde_json::from_str(line).ok()?;
        let mut hash = [0; 32];
        let mut public_key = [0; 32];
        let mut signature = [0; 64];
        hex::decode_to_slice(&line.hash, &mut hash).ok()?;
        hex::decode_to_slice(&line.public_key, &mut public_key).ok()?;
        hex::decode_to_slice(&line.signature, &mut signature).ok()?;
        let head = Head { position: line.position, hash: Hash(hash), recorded_at: line.recorded_at };
        Some(Self { journal: line.journal, head, signed_at: line.signed_at, public_key, signature })
    }
}

/// A checkpoint as a line of a file.
#[derive(Serialize, Deserialize)]
struct Line {
    journal: String,
    position: u64,
    hash: String,
    recorded_at: Timestamp,
    signed_at: Timestamp,
    public_key: String,
    signature: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signer::Signer;

    fn checkpoint() -> Checkpoint {
        let head = Head { position: 7, hash: Hash([9; 32]), recorded_at: Timestamp::UNIX_EPOCH };
        Signer::from_seed([1; 32]).sign("toy", head, "2031-03-29T12:00:00Z".parse().expect("a valid moment"))
    }

    #[test]
    fn a_signature_fits_its_checkpoint_and_no_other() {
        assert!(checkpoint().is_signed());
        let other = checkpoint();
        let changes: [Checkpoint; 5] = [
            Checkpoint { journal: "tox".to_owned(), ..other.clone() },
            Checkpoint { head: Head { position: 8, ..other.head }, ..other.clone() },
            Checkpoint { head: Head { hash: Hash([8; 32]), ..other.head }, ..other.clone() },
            Checkpoint { signed_at: Timestamp::UNIX_EPOCH, ..other.clone() },
            Checkpoint { public_key: Signer::from_seed([2; 32]).public_key(), ..other },
        ];
        for changed in changes {
            assert!(!changed.is_signed(), "{changed:?}");
        }
    }

    #[test]
    fn a_line_is_read_back_and_nonsense_is_not() {
        assert_eq!(Checkpoint::from_line(&checkpoint().to_line()), Some(checkpoint()));
        for nonsense in ["", "{}", "signing-key", &checkpoint().to_line().replace("toy\",", "toy\"")] {
            assert_eq!(Checkpoint::from_line(nonsense), None, "{nonsense}");
        }
    }
}

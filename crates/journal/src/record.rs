//! Record: one entry of a journal, and the hash that chains it to all before it.
//!
//! The hash covers a canonical encoding: lengths before texts, so that no two different records share one, and the
//! payload as the very text that is stored, so that no reader's JSON library has a say in it. The encoding is also
//! written down in `journal.proto`, for those who verify a journal with other tools.

use std::fmt;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

/// What a record's hash begins with; a change of the encoding changes it.
const RECORD_TAG: &[u8] = b"citizens-access.journal.record.v1\n";
const GENESIS_TAG: &[u8] = b"citizens-access.journal.genesis.v1\n";
const NOTE_TAG: &[u8] = b"citizens-access.journal.note.v1\n";

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Of the empty journal `journals/{name}`: what its first record continues.
    pub fn genesis(name: &str) -> Self {
        let mut sha = Sha256::new();
        sha.update(GENESIS_TAG);
        sha.update(format!("journals/{name}"));
        Self(sha.finalize().into())
    }

    /// Of a note, so that the note itself can lie beside the journal and be taken away (rule 16). The salt keeps
    /// a short note from being guessed.
    pub fn of_note(salt: &[u8], note: &str) -> Self {
        let mut sha = Sha256::new();
        sha.update(NOTE_TAG);
        sha.update(salt);
        sha.update(note);
        Self(sha.finalize().into())
    }

    /// Of any bytes.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// Where a journal ends: what the next record continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last record's position; 0 in an empty journal.
    pub position: u64,
    /// The last record's hash, or the genesis.
    pub hash: Hash,
    /// When the last record was recorded; 1970 in an empty journal.
    pub recorded_at: Timestamp,
}

impl Head {
    /// Of the empty journal `journals/{name}`.
    pub fn genesis(name: &str) -> Self {
        Self { position: 0, hash: Hash::genesis(name), recorded_at: Timestamp::UNIX_EPOCH }
    }
}

/// One entry of a journal. Once appended it never changes. Texts are empty where there is nothing to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its place, from 1, without holes.
    pub position: u64,
    /// When it was recorded; never before the record before it (rule 18).
    pub recorded_at: Timestamp,
    /// The account that acted.
    pub actor: String,
    /// The request that caused it.
    pub request_id: String,
    /// What it follows from: an approval, a due moment.
    pub cause: String,
    /// The W3C traceparent of the work that recorded it.
    pub traceparent: String,
    /// What kind of event it is.
    pub kind: String,
    /// The event as JSON.
    pub payload: String,
    /// Why, by code.
    pub reason_code: String,
    /// The hash of the salted note, where there is one.
    pub note_hash: Option<Hash>,
    /// The hash of the record before.
    pub previous_hash: Hash,
    /// The hash over all of the above.
    pub hash: Hash,
}

/// What a record says, before it has its place in the chain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    pub(crate) actor: String,
    pub(crate) request_id: String,
    pub(crate) cause: String,
    pub(crate) traceparent: String,
    pub(crate) kind: String,
    pub(crate) payload: String,
    pub(crate) reason_code: String,
    pub(crate) note_hash: Option<Hash>,
}

impl Record {
    /// The record that continues `head` with `content`.
    pub(crate) fn after(head: &Head, recorded_at: Timestamp, content: Content) -> Self {
        let Content { actor, request_id, cause, traceparent, kind, payload, reason_code, note_hash } = content;
        let mut record = Self {
            position: head.position + 1,
            recorded_at,
            actor,
            request_id,
            cause,
            traceparent,
            kind,
            payload,
            reason_code,
            note_hash,
            previous_hash: head.hash,
            hash: head.hash,
        };
        record.hash = record.computed_hash();
        record
    }

    /// The hash that its content and its previous hash give; `hash` is this unless the record was altered.
    pub fn computed_hash(&self) -> Hash {
        let mut sha = Sha256::new();
        sha.update(RECORD_TAG);
        sha.update(self.position.to_be_bytes());
        sha.update(self.recorded_at.as_microsecond().to_be_bytes());
        let note_hash: &[u8] = self.note_hash.as_ref().map_or(&[], |hash| &hash.0);
        for field in [
            self.actor.as_bytes(),
            self.request_id.as_bytes(),
            self.cause.as_bytes(),
            self.traceparent.as_bytes(),
            self.kind.as_bytes(),
            self.payload.as_bytes(),
            self.reason_code.as_bytes(),
            note_hash,
        ] {
            let length = u32::try_from(field.len()).expect("a field is bounded far below 4 GiB");
            sha.update(length.to_be_bytes());
            sha.update(field);
        }
        sha.update(self.previous_hash.0);
        Hash(sha.finalize().into())
    }

    /// Where the journal ends with this record.
    pub fn head(&self) -> Head {
        Head { position: self.position, hash: self.hash, recorded_at: self.recorded_at }
    }

    /// What keeps this record from continuing `head`, if anything does.
    pub fn fault_after(&self, head: &Head) -> Option<ChainFault> {
        if self.position != head.position + 1 {
            Some(ChainFault::Missing { position: head.position + 1 })
        } else if self.previous_hash != head.hash {
            Some(ChainFault::Unchained { position: self.position })
        } else if self.hash != self.computed_hash() {
            Some(ChainFault::Altered { position: self.position })
        } else {
            None
        }
    }
}

/// How a chain of records can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// There is no record where one must be.
    #[error("record {position} is missing")]
    Missing {
        /// Where.
        position: u64,
    },
    /// A record does not name the hash of the one before it.
    #[error("record {position} does not continue the record before it")]
    Unchained {
        /// Where.
        position: u64,
    },
    /// A record's content does not have the hash that it carries.
    #[error("record {position} was altered: it does not have the hash that it carries")]
    Altered {
        /// Where.
        position: u64,
    },
}

impl ChainFault {
    /// Where the chain is broken.
    pub fn position(self) -> u64 {
        match self {
            Self::Missing { position } | Self::Unchained { position } | Self::Altered { position } => position,
        }
    }
}

/// A note and its salt, beside the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The first record of the command that it belongs to.
    pub position: u64,
    /// What it was hashed with.
    pub salt: Vec<u8>,
    /// The words.
    pub note: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> Content {
        Content {
            actor: "alice".to_owned(),
            request_id: "r-1".to_owned(),
            cause: "programmes/spring".to_owned(),
            traceparent: String::new(),
            kind: "counted".to_owned(),
            payload: r#"{"by":1}"#.to_owned(),
            reason_code: "routine".to_owned(),
            note_hash: Some(Hash::of_note(b"salt", "because")),
        }
    }

    fn record() -> Record {
        let recorded_at = Timestamp::from_microsecond(1_900_000_000_000_001).expect("a valid moment");
        Record::after(&Head::genesis("toy"), recorded_at, content())
    }

    /// The encoding must never change: journals that were written must verify for ever. These hashes were
    /// computed from the words of `journal.proto` by a few lines of Python, not by this code.
    #[test]
    fn the_canonical_encoding_stays_as_it_was() {
        assert_eq!(
            Hash::genesis("toy").to_string(),
            "936229bb1d4943c7226a1bd2c831584fd3fcee4892ab136bbde92862f722b136"
        );
        assert_eq!(record().hash.to_string(), "603ebd230367ebff34eeba3e05dae5b595786ed7702d9a9eb2aab63ae4aa87bd");
    }

    #[test]
    fn a_change_of_any_field_changes_the_hash() {
        type Change = fn(&mut Record);
        let changes: [(&str, Change); 12] = [
            ("position", |record| record.position += 1),
            ("recorded_at", |record| record.recorded_at = Timestamp::UNIX_EPOCH),
            ("actor", |record| record.actor.push('x')),
            ("request_id", |record| record.request_id.push('x')),
            ("cause", |record| record.cause.push('x')),
            ("traceparent", |record| record.traceparent.push('x')),
            ("kind", |record| record.kind.push('x')),
            ("payload", |record| record.payload.push(' ')),
            ("reason_code", |record| record.reason_code.push('x')),
            ("note_hash", |record| record.note_hash = None),
            ("previous_hash", |record| record.previous_hash = Hash::genesis("other")),
            // A letter that moves from one field to the next: the lengths tell.
            ("boundary", |record| {
                record.actor = "alic".to_owned();
                record.request_id = "er-1".to_owned();
            }),
        ];
        for (field, change) in changes {
            let mut changed = record();
            change(&mut changed);
            assert_ne!(changed.computed_hash(), record().hash, "{field}");
        }
    }

    #[test]
    fn each_kind_of_break_is_told_apart() {
        let genesis = Head::genesis("toy");
        let first = record();
        assert_eq!(first.fault_after(&genesis), None);
        let second = Record::after(&first.head(), first.recorded_at, content());
        assert_eq!(second.fault_after(&first.head()), None);
        assert_eq!(second.fault_after(&genesis), Some(ChainFault::Missing { position: 1 }));
        let elsewhere = Head { hash: Hash::genesis("other"), ..first.head() };
        assert_eq!(second.fault_after(&elsewhere), Some(ChainFault::Unchained { position: 2 }));
        let altered = Record { payload: "{}".to_owned(), ..second };
        assert_eq!(altered.fault_after(&first.head()), Some(ChainFault::Altered { position: 2 }));
    }
}

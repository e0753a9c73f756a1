//! Checkpoints: signed statements of where a journal stands, kept outside its database.
//!
//! The chain of hashes shows whether a record was altered, but not whether the end was cut off, or everything rewritten
//! with new hashes. A checkpoint kept elsewhere shows both: the journal must still hold its position with its hash.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::JournalError;
use crate::record::{Hash, Head};

/// The first line of what is signed; a change of the text changes it.
const TAG: &str = "citizens-access.journal.checkpoint.v1";

/// More than a line of the file has: names and hexadecimal digits of known length.
const LINE_BYTES_MAX: u64 = 4_096;

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
}

/// The key of an installation. `Debug` does not show it.
pub struct Signer(SigningKey);

impl Signer {
    /// Reads the key from a file of 64 hexadecimal digits; makes the file, readable by its owner only, where there is
    /// none.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let failed = |what, source| JournalError::File { path: path.display().to_string(), what, source };
        match make_key(path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(failed("the signing key cannot be made", source)),
        }
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|source| failed("the signing key cannot be read", source))?;
        let mut seed = [0; 32];
        hex::decode_to_slice(text.trim(), &mut seed).map_err(|_| JournalError::Checkpoint {
            path: path.display().to_string(),
            what: "the signing key is not 64 hexadecimal digits; restore it from its backup".to_owned(),
        })?;
        Ok(Self::from_seed(seed))
    }

    /// The key with this secret.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    /// What others verify with.
    pub fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Ed25519 over a text of another kind than a checkpoint; it must begin with a tag of its own, so that neither can be
    /// passed off as the other.
    pub fn sign_text(&self, text: &str) -> [u8; 64] {
        self.0.sign(text.as_bytes()).to_bytes()
    }

    /// Signs where `journal` stands.
    pub fn sign(&self, journal: &str, head: Head, signed_at: Timestamp) -> Checkpoint {
        let mut checkpoint = Checkpoint {
            journal: journal.to_owned(),
            head,
            signed_at,
            public_key: self.public_key(),
            signature: [0; 64],
        };
        checkpoint.signature = self.0.sign(checkpoint.signed_text().as_bytes()).to_bytes();
        checkpoint
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", hex::encode(self.public_key()))
    }
}

/// Makes a new key at `path`, unless there is one. It is written aside and gets its name when it is whole: of several
/// processes that start at once none reads half a key, and all come to have the same.
fn make_key(path: &Path) -> io::Result<()> {
    if path.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).expect("the machine has a random source");
    let aside = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = create_private(&aside)?;
    let linked = writeln!(file, "{}", hex::encode(seed))
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::hard_link(&aside, path));
    std::fs::remove_file(&aside)?;
    linked
}

fn create_private(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Cuts off what lies after the last line feed: of a line that was never written to its end nobody was told.
fn drop_torn_line(file: &mut File) -> io::Result<()> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(length.saturating_sub(LINE_BYTES_MAX)))?;
    file.read_to_end(&mut tail)?;
    let torn_count = tail.iter().rev().take_while(|byte| **byte != b'\n').count();
    if torn_count > 0 {
        file.set_len(length.saturating_sub(torn_count as u64))?;
    }
    Ok(())
}

/// A file of checkpoints, one JSON object a line, to which whole lines are only ever appended; and the key that signs them.
#[derive(Debug)]
pub struct Checkpoints {
    path: PathBuf,
    signer: Signer,
}

/// A checkpoint as a line of the file.
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

impl Checkpoints {
    /// Checkpoints of one journal in the file at `path`, which is made by the first of them.
    pub fn new(path: impl Into<PathBuf>, signer: Signer) -> Self {
        Self { path: path.into(), signer }
    }

    /// The key.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a checkpoint and syncs it. A last line that was cut off by a crash is dropped first: this one would
    /// become a part of it.
    pub(crate) fn append(&self, checkpoint: &Checkpoint) -> Result<(), JournalError> {
        let line = Line {
            journal: checkpoint.journal.clone(),
            position: checkpoint.head.position,
            hash: checkpoint.head.hash.to_string(),
            recorded_at: checkpoint.head.recorded_at,
            signed_at: checkpoint.signed_at,
            public_key: hex::encode(checkpoint.public_key),
            signature: hex::encode(checkpoint.signature),
        };
        let mut text = serde_json::to_string(&line).expect("plain data can be written as JSON");
        text.push('\n');
        let written = || -> io::Result<()> {
            if let Some(folder) = self.path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let mut file = OpenOptions::new().read(true).append(true).create(true).open(&self.path)?;
            drop_torn_line(&mut file)?;
            file.write_all(text.as_bytes())?;
            file.sync_data()
        };
        written().map_err(|source| self.failed("the checkpoint cannot be written", source))
    }

    /// The last checkpoint of `journal` in the file, after checking that we signed it. `None` where there is none yet.
    /// A last line that was cut off by a crash is passed over.
    pub(crate) fn last(&self, journal: &str) -> Result<Option<Checkpoint>, JournalError> {
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(self.failed("the checkpoints cannot be read", source)),
        };
        let mut lines = text.split_inclusive('\n');
        let Some(line) = lines.rfind(|line| line.ends_with('\n')) else { return Ok(None) };
        let checkpoint = self.read(line).ok_or_else(|| self.forged("its last line is not a checkpoint"))?;
        if checkpoint.public_key != self.signer.public_key() || !checkpoint.is_signed() {
            return Err(self.forged("its last checkpoint was not signed with our key"));
        }
        if checkpoint.journal != journal {
            return Err(self.forged("its last checkpoint is of another journal"));
        }
        Ok(Some(checkpoint))
    }

    fn read(&self, line: &str) -> Option<Checkpoint> {
        let line: Line = serde_json::from_str(line).ok()?;
        let mut hash = [0; 32];
        let mut public_key = [0; 32];
        let mut signature = [0; 64];
        hex::decode_to_slice(&line.hash, &mut hash).ok()?;
        hex::decode_to_slice(&line.public_key, &mut public_key).ok()?;
        hex::decode_to_slice(&line.signature, &mut signature).ok()?;
        let head = Head { position: line.position, hash: Hash(hash), recorded_at: line.recorded_at };
        Some(Checkpoint { journal: line.journal, head, signed_at: line.signed_at, public_key, signature })
    }

    fn forged(&self, what: &str) -> JournalError {
        let path = self.path.display().to_string();
        JournalError::Checkpoint { path, what: format!("{what}; if that is right, move the file away and start again") }
    }

    fn failed(&self, what: &'static str, source: io::Error) -> JournalError {
        JournalError::File { path: self.path.display().to_string(), what, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        let head = Head { position: 7, hash: Hash([9; 32]), recorded_at: Timestamp::UNIX_EPOCH };
        Signer::from_seed([1; 32]).sign("toy", head, "2031-03-29T12:00:00Z".parse().expect("a valid moment"))
    }

    fn later() -> Checkpoint {
        let head = Head { position: 8, ..checkpoint().head };
        Signer::from_seed([1; 32]).sign("toy", head, checkpoint().signed_at)
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
    fn the_last_checkpoint_is_read_back_also_after_a_line_that_was_cut_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let checkpoints = Checkpoints::new(folder.path().join("new/toy.checkpoints"), Signer::from_seed([1; 32]));
        assert_eq!(checkpoints.last("toy").expect("none yet"), None);
        checkpoints.append(&checkpoint()).expect("it is written");
        let mut file = OpenOptions::new().append(true).open(checkpoints.path()).expect("the file");
        file.write_all(b"{\"journal\":\"to").expect("half a line");
        assert_eq!(checkpoints.last("toy").expect("it is read"), Some(checkpoint()));
        checkpoints.append(&later()).expect("it is written after the torn line");
        assert_eq!(checkpoints.last("toy").expect("it is read"), Some(later()));
        checkpoints.last("other").expect_err("it is of another journal");
    }

    #[test]
    fn a_checkpoint_that_somebody_else_signed_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("toy.checkpoints");
        Checkpoints::new(&path, Signer::from_seed([1; 32])).append(&checkpoint()).expect("it is written");
        let error = Checkpoints::new(&path, Signer::from_seed([2; 32])).last("toy").expect_err("another key");
        assert!(error.to_string().contains("not signed with our key"), "{error}");
    }

    #[test]
    fn a_key_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys/signing.key");
        let made = Signer::open(&path).expect("a new key");
        assert_eq!(Signer::open(&path).expect("the same key").public_key(), made.public_key());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).expect("the file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        std::fs::write(&path, "not a key").expect("it is overwritten");
        Signer::open(&path).expect_err("not a key");
    }
}

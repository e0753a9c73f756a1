//! Signer: the key of an installation, which signs where its journals stand and what it tells suppliers.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use ed25519_dalek::{Signer as _, SigningKey};
use jiff::Timestamp;

use crate::JournalError;
use crate::checkpoint::Checkpoint;
use crate::record::Head;

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

#[cfg(test)]
mod tests {
    use super::*;

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

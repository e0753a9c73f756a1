//! From files to what a handshake needs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::sign::CertifiedKey;

use crate::leaf::{Leaf, LeafError};

/// Largest file that is read: a bundle of all public authorities has a quarter of that.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where certificates, key and trust bundle lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// Who we are; None for a client that shows no certificate.
    pub identity: Option<IdentityFiles>,
    /// Whom we believe.
    pub trust: Trust,
}

/// A certificate chain and its key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityFiles {
    /// Our certificate first, then those between it and the authority.
    pub certificate: PathBuf,
    /// The key of the first.
    pub key: PathBuf,
}

/// The authorities whose certificates are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Those in a file, PEM, and no others.
    Bundle(PathBuf),
    /// Those of the machine.
    Machine,
}

/// Files that cannot be used. It names the file and says what to do; it repeats nothing of a key.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is larger than any file of its kind.
    #[error("{path} has more than {FILE_BYTES_MAX} bytes: it is no such file")]
    TooLarge {
        /// Which.
        path: PathBuf,
    },
    /// There is none in the file.
    #[error("{path} holds no {what} in PEM")]
    Empty {
        /// Which.
        path: PathBuf,
        /// What should be in it.
        what: &'static str,
    },
    /// A certificate cannot be read.
    #[error("{path}")]
    Leaf {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: LeafError,
    },
    /// rustls refuses what is in it.
    #[error("{path} cannot be used")]
    Refused {
        /// Which.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// Certificate and key are of two pairs.
    #[error("{key} is not the key of the first certificate in {certificate}")]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's.
        key: PathBuf,
    },
    /// Its time is over.
    #[error("the certificate in {path} expired {ago_s} seconds ago: have it renewed")]
    Expired {
        /// Which.
        path: PathBuf,
        /// Since when, in seconds.
        ago_s: u64,
    },
    /// Its time has not come.
    #[error("the certificate in {path} is valid only in {in_s} seconds: is the machine's clock right?")]
    NotYetValid {
        /// Which.
        path: PathBuf,
        /// From when, in seconds.
        in_s: u64,
    },
    /// Anybody on the machine can read the key.
    #[error("{path} is readable by others than its owner: chmod 600 {path}")]
    KeyIsOpen {
        /// Which.
        path: PathBuf,
    },
    /// The machine names no authority.
    #[error("this machine has no root certificates: install its ca-certificates, or name a file in SSL_CERT_FILE")]
    NoRoots,
}

/// What files said.
#[derive(Clone, Debug)]
pub(crate) struct Material {
    pub(crate) identity: Option<(Arc<CertifiedKey>, Leaf)>,
    pub(crate) roots: Arc<RootCertStore>,
}

impl Files {
    /// Reads everything, and holds each part against the others and against the time.
    pub(crate) fn read(&self, now: UnixTime) -> Result<Material, FilesError> {
        let identity = self.identity.as_ref().map(|files| files.read(now)).transpose()?;
        let roots = match &self.trust {
            Trust::Bundle(path) => bundle(path)?,
            Trust::Machine => machine()?,
        };
        Ok(Material { identity, roots: Arc::new(roots) })
    }

    /// The files that are watched.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        let identity = self.identity.iter().flat_map(|files| [files.certificate.as_path(), &files.key]);
        let trust = match &self.trust {
            Trust::Bundle(path) => Some(path.as_path()),
            Trust::Machine => None,
        };
        identity.chain(trust)
    }
}

impl IdentityFiles {
    fn read(&self, now: UnixTime) -> Result<(Arc<CertifiedKey>, Leaf), FilesError> {
        let chain = certificates(&self.certificate)?;
        let path = || self.certificate.clone();
        let leaf = Leaf::read(&chain[0]).map_err(|source| FilesError::Leaf { path: path(), source })?;
        if leaf.left(now).is_none() {
            return Err(FilesError::Expired { path: path(), ago_s: now.as_secs() - leaf.not_after_s });
        }
        if let Some(in_s) = leaf.not_before_s.checked_sub(now.as_secs()).filter(|in_s| *in_s > 0) {
            return Err(FilesError::NotYetValid { path: path(), in_s });
        }
        let refused = |source| FilesError::Refused { path: self.key.clone(), source };
        let key = default_provider().key_provider.load_private_key(private_key(&self.key)?).map_err(refused)?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) => Ok((Arc::new(certified), leaf)),
            Err(rustls::Error::InconsistentKeys(_)) => {
                Err(FilesError::Mismatch { certificate: path(), key: self.key.clone() })
            }
            Err(source) => Err(FilesError::Refused { path: path(), source }),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, FilesError> {
    let unread = |source| FilesError::Read { path: path.to_owned(), source };
    if fs::metadata(path).map_err(unread)?.len() > FILE_BYTES_MAX {
        return Err(FilesError::TooLarge { path: path.to_owned() });
    }
    fs::read(path).map_err(unread)
}

/// One at least.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, FilesError> {
    let empty = || FilesError::Empty { path: path.to_owned(), what: "certificate" };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(empty)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, FilesError> {
    let pem = read(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let metadata = fs::metadata(path).map_err(|source| FilesError::Read { path: path.to_owned(), source })?;
        // A group may read it: orchestrators mount secrets so. Others never need to.
        if metadata.permissions().mode() & 0o007 != 0 {
            return Err(FilesError::KeyIsOpen { path: path.to_owned() });
        }
    }
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| FilesError::Empty { path: path.to_owned(), what: "private key" })
}

fn bundle(path: &Path) -> Result<RootCertStore, FilesError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|source| FilesError::Refused { path: path.to_owned(), source })?;
    }
    Ok(roots)
}

fn machine() -> Result<RootCertStore, FilesError> {
    let mut roots = RootCertStore::empty();
    // Machines carry a certificate or two that are not in order; the others count.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(FilesError::NoRoots) } else { Ok(roots) }
}

//! An authority of one's own, for development and tests: it vouches for whatever it is asked to.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use time::OffsetDateTime;

use crate::files::{Files, IdentityFiles, Trust};

/// Who shall be vouched for.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// URIs: for a workload its SPIFFE id alone.
    pub uris: Vec<String>,
    /// Host names.
    pub names: Vec<String>,
    /// Addresses.
    pub addresses: Vec<IpAddr>,
}

/// It cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// rcgen refuses it.
    #[error("the certificate cannot be made")]
    Refused(#[from] rcgen::Error),
    /// A file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// A key with its self-signed certificate.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority(…)")
    }
}

/// A certificate with its key, both PEM.
pub struct Issued {
    certificate: String,
    key: String,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Issued(…)")
    }
}

impl Authority {
    /// A new authority called `name`, for so long from now.
    ///
    /// # Errors
    /// Where rcgen refuses it.
    pub fn new(name: &str, life: Duration) -> Result<Self, AuthorityError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = called(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        // A minute for clocks that are not quite together.
        params.not_before = OffsetDateTime::now_utc() - Duration::from_secs(60);
        params.not_after = OffsetDateTime::now_utc() + life;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    /// Its own certificate: the trust bundle of those who believe it.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Vouches for `subject`, from `from_s` seconds after now (or before it) for so long.
    ///
    /// # Errors
    /// Where a name cannot be in a certificate.
    pub fn issue(&self, subject: &Subject, from_s: i64, life: Duration) -> Result<Issued, AuthorityError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name =
            called(subject.uris.first().or(subject.names.first()).map_or("nobody", String::as_str));
        for uri in &subject.uris {
            params.subject_alt_names.push(SanType::URI(uri.as_str().try_into()?));
        }
        for name in &subject.names {
            params.subject_alt_names.push(SanType::DnsName(name.as_str().try_into()?));
        }
        params.subject_alt_names.extend(subject.addresses.iter().copied().map(SanType::IpAddress));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = OffsetDateTime::now_utc() + time::Duration::seconds(from_s);
        params.not_after = params.not_before + life;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Issued { certificate, key: key.serialize_pem() })
    }

    /// Writes its certificate, and no key: nobody vouches for more once this process has ended.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write_to(&self, path: &Path) -> Result<(), AuthorityError> {
        write(path, &self.pem, 0o644)
    }
}

impl Issued {
    /// Writes `NAME.pem` and `NAME-key.pem`, the key for its owner's eyes alone, and says where they are beside `bundle`.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn write_to(&self, folder: &Path, name: &str, bundle: &Path) -> Result<Files, AuthorityError> {
        let (certificate, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}-key.pem")));
        write(&key, &self.key, 0o600)?;
        write(&certificate, &self.certificate, 0o644)?;
        Ok(Files { identity: Some(IdentityFiles { certificate, key }), trust: Trust::Bundle(bundle.to_owned()) })
    }
}

fn called(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// Writes a file whole or not at all, with these rights from its first byte on.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), AuthorityError> {
    let failed = |source| AuthorityError::Write { path: path.to_owned(), source };
    let beside = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let mut file = options.open(&beside).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&beside, path).map_err(failed)
}

//! TLS 1.3 both ways: certificates and trust bundles from files, SPIFFE ids, renewed without restart.
//!
//! [`Credentials`] hold what the files said when they last made sense. Whoever accepts or opens a connection asks them for a
//! configuration then, so that a new certificate is used by the next connection and no call is lost; a file that is broken
//! changes nothing and is told of ([`Credentials::state`]).
//!
//! A server takes clients without a certificate (people show tokens) and refuses a certificate that is not in order. A client
//! wants of its server a SPIFFE id or a name, and of a certificate without either believes nothing. There is no TLS 1.2, no
//! resumption (a certificate that has expired does not come back by a ticket), and no way to switch verification off. Who may do
//! what by which SPIFFE id is for `identity` to say.

#[cfg(feature = "authority")]
mod authority;
mod client;
mod connector;
mod credentials;
mod explain;
mod files;
mod leaf;
mod now;
mod server;
mod spiffe_id;

#[cfg(feature = "authority")]
pub use authority::{Authority, AuthorityError, Issued, Subject};
pub use client::ServerIdentity;
pub use connector::{ConnectError, Connector, Secure};
pub use credentials::{Credentials, State};
pub use explain::explain;
pub use files::{Files, FilesError, IdentityFiles, Trust};
pub use leaf::{Leaf, LeafError, PeerCertificate, peer};
pub use now::now_s;
pub use spiffe_id::{SpiffeId, SpiffeIdError};

//! Peer: one client type for separate processes and for all in one.
//!
//! `PracticeRegistryServiceClient::new(peer)` works the same over a connection ([`Peer::secure`], and [`Peer::remote`] on one machine) and into the routes of
//! the same process ([`Peer::local`]). To each call it adds what proves who calls ([`Proof`]), the trace context, and a deadline: what
//! is left of the deadline of the RPC that makes the call, or a default. It repeats what was UNAVAILABLE, in this one
//! layer and within a budget; nothing else is ever repeated here.
//!
//! A local call is polled inside its caller and spawns nothing, which the virtual clock relies on. Waiting here is real
//! time: it is about sockets, never about the domain.

mod attempt;
mod budget;
mod config;
mod peer;
mod proof;
mod replay;
mod reply;
mod token;

pub use config::PeerConfig;
pub use peer::{ACCOUNT_HEADER, Peer, PeerError};
pub use proof::{Issue, Proof};
pub use tls::Secure;
pub use token::{ClientCredentials, ClientCredentialsConfig, TokenError, TokenSource};

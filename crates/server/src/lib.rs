//! A gRPC server that knows no service: caller, deadlines, limits, trace, health, reflection, drain.
//!
//! [`Server`] takes services and makes [`Routes`] of them. The same `Routes` serve sockets ([`Routes::serve`]) and calls
//! within the process (`client::Peer::local`), with the same refusals, deadlines and traces. What each call passes, in
//! this order: the limit of calls under way, the caller and what policies let them, the account's rate, the deadline, the decision to
//! record, the service itself with its panics caught, the limits of message sizes, the counters.
//!
//! It owns the accept loop instead of using tonic's, for what tonic 0.14 leaves open: an expired deadline answers
//! CANCELLED there, a drain has no end, replies have no size limit, a connection of the maximum age gets no GOAWAY, and
//! a client that never says hello keeps its socket. It also spares the hot path: one look-up by the path, no router.
//!
//! TLS is `tls`'s; here is when it is spoken: each connection shakes hands on its own task, within a time limit and with so many
//! others at a time, so that a slow client holds up nobody. Beside the services, on a listener of its own, [`serve_metrics`]
//! answers who scrapes. There is no gRPC over HTTP/1 and no gRPC-web. It does not know the domain's clock: deadlines run on real
//! time.

mod at_once;
mod body;
mod builder;
mod call;
mod config;
mod connection;
mod handling;
mod handshake;
mod health;
mod held;
mod lengths;
mod limits;
mod method;
mod rate;
mod reflection;
mod refusal;
mod routes;
mod scrape;
mod serve;

pub use at_once::Reply;
pub use body::{RequestBody, ResponseBody};
pub use builder::{BuildError, Server};
pub use config::ServerConfig;
pub use handling::Handling;
pub use health::Health;
pub use limits::{LIMITS, Limit, LimitError};
pub use routes::{GrpcService, Routes, Vouched};
pub use scrape::serve_metrics;
pub use serve::{Drained, ServeError};

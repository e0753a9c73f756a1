//! HTTP to services of others: where they are ([`BaseUrl`]), over TLS that is checked against the machine's authorities, in
//! the clear to this machine alone, at the pace that they want ([`Pace`]), with answers of bounded length.
//!
//! It makes one exchange and says what became of it. What an answer means, whether it is tried again and when is its
//! callers' to say; it follows no redirect, and knows no secret.

mod base_url;
mod client;
mod pace;
mod retry_after;

pub use base_url::{BadAddress, BaseUrl};
pub use client::{Broken, HttpClient, NoRoots, Reply};
pub use pace::Pace;
pub use retry_after::retry_after;

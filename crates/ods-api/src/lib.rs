//! A client of the interfaces of the Organisation Data Service: Organisation Data Terminology (FHIR R4) and ORD 2-0-0.
//!
//! It asks politely (below the publisher's rate, with a pause that the publisher names, with bounded retries) and
//! answers with what crate `ods` reads, or with an [`ApiError`] that says what is wrong and what to do. It decides
//! nothing about practices, keeps nothing, follows no redirect, and speaks in the clear only to its own machine.
//!
//! The key of the interface is never printed ([`ApiKey`]).

mod budget;
mod config;
mod error;
mod fhir;
mod http;
mod ord;
#[cfg(feature = "testing")]
pub mod testing;

pub use config::{ApiConfig, ApiKey, ConfigError};
pub use error::ApiError;
pub use fhir::{CODES_MAX, FhirApi};
pub use ord::OrdApi;
pub use outgoing::BaseUrl;

//! One way to page, to tag, to be idempotent, to say an error: the conventions of the API, as code.
//!
//! Services use it in their `grpc/` modules only. It knows gRPC statuses and protobuf messages, but no service, no
//! store and no clock; it decides nothing about the domain.
//!
//! - [`Error`] is the only way to refuse a call: one `google.rpc.ErrorInfo` and whatever else helps the caller.
//! - [`Mutation`] reads the fields every mutation has; [`etag`] guards edits.
//! - [`mod@page`] seals and opens page tokens.
//! - [`time`] and [`validate`] turn wire values into the domain's, or say which field is wrong.
//! - [`nhs_number`] finds NHS numbers in free text (rule 16).
//! - [`deadline`] is the moment until which the caller waits, known to everything below a handler; [`retry`] says who tries again.

pub mod deadline;
mod digest;
mod error;
pub mod etag;
mod explained;
mod mutation;
pub mod page;
mod refusals;
pub mod retry;
pub mod time;
pub mod validate;

pub use pseudonym::in_text as nhs_number;

pub use digest::{Digest, digest};
pub use error::{DOMAIN, Error, internal_errors_quote};
pub use explained::Explained;
pub use mutation::{Mutation, MutationFields, REASON_CODE_BYTES_MAX, REQUEST_ID_BYTES_MAX};
pub use page::{Page, PageLimits};
pub use refusals::{POSITION_NOT_REACHED, filter_invalid, position_not_reached, second_person};

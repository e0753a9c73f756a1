//! May they: policies over who calls, what they call and what it concerns.
//!
//! The policies are files (`policies/` in the project, in the language Cedar), checked against a schema when they are read
//! and replaced as a whole ([`Authority::replace`]). `server` asks a [`Gate`] whether a caller may call an RPC at all, and
//! leaves a [`Permission`] with the request; a handler that knows what the call concerns asks that once more, with the
//! [`Resource`]. Whatever no policy permits is refused.
//!
//! Most of what may be called depends on roles alone. That is read off the policies' heads once, when they are loaded, so that
//! such a call costs one look at one word; a policy is evaluated only where what the call concerns makes the difference.
//!
//! It does not know who calls (`identity`), nor what there is: services say of a practice where it lies and whose system it
//! has. What the domain forbids whoever asks (an author who approves, one person for two) is the domain's to refuse.

mod denied;
mod entities;
mod error;
mod gate;
mod policies;
mod resource;
mod source;

pub use denied::Denied;
pub use error::PolicyError;
pub use gate::{Authority, Gate, Permission};
pub use policies::Policies;
pub use resource::{Kind, Resource};
pub use source::PolicySource;

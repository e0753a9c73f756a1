//! Caller: who calls and what they may do.
//!
//! `server` asks an [`Authenticate`] who calls, the [`RoleMatrix`] whether one of their roles may call this RPC, and
//! puts the [`Caller`] into the request. Handlers read that and nothing else, so that another way to authenticate
//! changes no handler. Rules about *which* practice, wave or hold a caller may touch belong to the domain's `decide`.
//!
//! For now the only way is [`DevelopmentCaller`], which believes what it is told; a server refuses to use it on anything
//! but loopback.

mod caller;
mod development;
mod organisation;
mod refusal;
mod role;
mod role_matrix;

pub use caller::{Account, Authenticate, Caller, Via};
pub use development::{ACCOUNT_HEADER, DevelopmentCaller};
pub use organisation::Organisation;
pub use refusal::Refusal;
pub use role::{Role, Roles};
pub use role_matrix::{MatrixError, RoleMatrix};

//! Why somebody may not call.

use tls::SpiffeId;

use crate::{Account, Roles, TokenRefusal};

/// Why a call is refused before its handler sees it. `server` makes the status of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody said who calls.
    #[error("no account was given")]
    AccountMissing,
    /// Neither a token nor a certificate came, and nothing else is believed.
    #[error("neither a token nor a certificate was given")]
    CredentialsMissing,
    /// A token came that is not believed.
    #[error(transparent)]
    Token(#[from] TokenRefusal),
    /// A certificate came, by an authority of ours, that names no workload.
    #[error("the certificate has no SPIFFE id, or more than one URI")]
    SpiffeIdMissing,
    /// A certificate came, by an authority of ours, of a workload that is no service here.
    #[error("{spiffe_id} is no service that may call")]
    ServiceUnknown {
        /// Whose it is.
        spiffe_id: SpiffeId,
    },
    /// What was given is no account.
    #[error("the account is not 1 to 128 printable ASCII characters without `;`, `,`, spaces and an NHS number")]
    AccountInvalid,
    /// The caller claims a role that does not exist.
    #[error("`{role}` is no role")]
    RoleUnknown {
        /// What was claimed.
        role: String,
    },
    /// The caller claims to act for what is no organisation.
    #[error(
        "`{organisation}` is no organisation: it takes one such as practices/A81001, icbs/QWE, regions/Y56, suppliers/EMIS"
    )]
    OrganisationUnknown {
        /// What was claimed.
        organisation: String,
    },
    /// The role matrix has no row for the RPC, so nobody may call it.
    #[error("nobody may call {rpc}: the role matrix has no row for it")]
    RpcWithoutRoles {
        /// `package.Service/Method`
        rpc: String,
    },
    /// The caller is known and has none of the roles that may.
    #[error("{account} may not call {rpc}: it takes one of {needed}")]
    RoleMissing {
        /// Who called.
        account: Account,
        /// `package.Service/Method`
        rpc: String,
        /// The roles that may.
        needed: Roles,
    },
}

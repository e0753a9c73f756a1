//! The refusal of what is not the caller's.

use api::Error;
use identity::{Account, Organisation, Roles};

/// What the call concerns is not the caller's. It says nothing of that but its name, which the caller gave: not whether it
/// exists, nor whose it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{account} may not call {rpc} on {resource}")]
pub struct Denied {
    /// Who called.
    pub account: Account,
    /// `package.Service/Method`
    pub rpc: String,
    /// For whom.
    pub organisation: Option<Organisation>,
    /// What the call concerns, by its resource name.
    pub resource: String,
    /// The roles that may whatever the call concerns.
    pub everywhere: Roles,
}

impl From<Denied> for Error {
    fn from(denied: Denied) -> Self {
        let Denied { account, rpc, organisation, resource, everywhere } = denied;
        let nobody_else = everywhere == Roles::NONE;
        let error = match (&organisation, nobody_else) {
            (Some(_), false) => Self::permission_denied(
                "RESOURCE_OF_OTHERS",
                "you act for {organisation}; {resource} is not yours ({account} calls {rpc}, which takes an organisation \
                 whose it is, or one of {roles})",
            ),
            (Some(_), true) => Self::permission_denied(
                "RESOURCE_OF_OTHERS",
                "you act for {organisation}; {resource} is not yours ({account} calls {rpc}, which takes an organisation \
                 whose it is)",
            ),
            (None, false) => Self::permission_denied(
                "ORGANISATION_MISSING",
                "you act for no organisation, so {resource} is not yours ({account} calls {rpc}, which takes an \
                 organisation whose it is, or one of {roles})",
            ),
            (None, true) => Self::permission_denied(
                "ORGANISATION_MISSING",
                "you act for no organisation, so {resource} is not yours ({account} calls {rpc}, which takes an \
                 organisation whose it is)",
            ),
        };
        let error = error.with("account", account).with("rpc", rpc).with("resource", resource);
        let error = if nobody_else { error } else { error.with("roles", everywhere) };
        match organisation {
            Some(organisation) => error.with("organisation", organisation),
            None => error,
        }
    }
}

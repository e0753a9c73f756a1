//! Which workload is which service.

use std::collections::BTreeMap;
use std::str::FromStr;

use tls::{PeerCertificate, SpiffeId};

use crate::development::read_account;
use crate::{Account, Caller, Refusal, Role, Roles, Via};

/// A service by its SPIFFE id: `scheduler=spiffe://citizens-access.example/scheduler`. Its role is `service`, unless others are
/// named: `emis;roles=supplier;organisation=suppliers/EMIS=spiffe://…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Who calls, where a certificate has that id.
    pub caller: Caller,
    /// Its id.
    pub spiffe_id: SpiffeId,
}

/// It is no service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// There is no `=spiffe://` in it.
    #[error("`{0}` is not NAME=SPIFFE-ID, such as scheduler=spiffe://citizens-access.example/scheduler")]
    Form(String),
    /// What stands before it is no account.
    #[error("the service's name: {0}")]
    Account(#[from] Refusal),
    /// What stands behind it is no SPIFFE id.
    #[error(transparent)]
    SpiffeId(#[from] tls::SpiffeIdError),
    /// Two services would be one caller, or one workload two.
    #[error("the service {name} or its id {spiffe_id} is named twice")]
    Twice {
        /// The account.
        name: Account,
        /// The id.
        spiffe_id: SpiffeId,
    },
}

impl FromStr for Service {
    type Err = ServiceError;

    fn from_str(text: &str) -> Result<Self, ServiceError> {
        let form = || ServiceError::Form(text.to_owned());
        let at = text.find("=spiffe://").ok_or_else(form)?;
        let caller = read_account(&text[..at], Roles::NONE.with(Role::Service), Via::Certificate)?;
        Ok(Self { caller, spiffe_id: text[at + 1..].parse()? })
    }
}

/// The services that this installation knows, each named with its id. A certificate of the same authority with any other id
/// opens nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    by_id: BTreeMap<SpiffeId, Caller>,
}

impl Services {
    /// These and no others.
    ///
    /// # Errors
    /// Where a name or an id comes twice.
    pub fn new(services: impl IntoIterator<Item = Service>) -> Result<Self, ServiceError> {
        let mut by_id = BTreeMap::new();
        for Service { caller, spiffe_id } in services {
            let named = by_id.values().any(|other: &Caller| other.account == caller.account);
            if named || by_id.contains_key(&spiffe_id) {
                return Err(ServiceError::Twice { name: caller.account, spiffe_id });
            }
            by_id.insert(spiffe_id, caller);
        }
        Ok(Self { by_id })
    }

    /// The service whose certificate this is.
    pub(crate) fn caller(&self, certificate: &PeerCertificate) -> Result<Caller, Refusal> {
        let id = certificate.spiffe_id.as_ref().ok_or(Refusal::SpiffeIdMissing)?;
        self.by_id.get(id).cloned().ok_or_else(|| Refusal::ServiceUnknown { spiffe_id: id.clone() })
    }

    /// The id of the service called `name`.
    #[must_use]
    pub fn spiffe_id(&self, name: &str) -> Option<&SpiffeId> {
        self.by_id.iter().find(|(_, caller)| caller.account.as_str() == name).map(|(id, _)| id)
    }

    /// The accounts of all services.
    pub fn accounts(&self) -> impl Iterator<Item = Account> {
        self.by_id.values().map(|caller| caller.account.clone())
    }
}

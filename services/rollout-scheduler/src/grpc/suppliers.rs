//! Suppliers, as the scheduler calls them.

use std::collections::BTreeMap;

use client::Peer;
use jiff::Timestamp;
use ods::{Capability, PracticeCode, Supplier};
use proto::supplier::v1 as wire;
use proto::supplier::v1::supplier_service_client::SupplierServiceClient;
use rollout::effects::Call;
use rollout::{ActivationKey, Direction};
use rollout::{LineLimits, Observed, SupplierAnswer};

use super::convert::activation::{answer_from_wire, key_to_wire};
use super::convert::name;
use crate::peer::PeerError;

/// Where suppliers are reached. Calls are made once: whether to repeat one is decided by the journal, not by a client.
#[derive(Clone, Debug, Default)]
pub struct Suppliers {
    by_name: BTreeMap<Supplier, Peer>,
    others: Option<Peer>,
    limits: BTreeMap<Supplier, LineLimits>,
}

/// A supplier's list of practices at which a capability is on.
#[derive(Debug)]
pub(crate) struct EnabledList {
    pub(crate) as_of: Timestamp,
    pub(crate) states: BTreeMap<PracticeCode, Observed>,
}

impl Suppliers {
    /// All suppliers behind one peer: a gateway, or the simulator.
    pub fn behind(gateway: Peer) -> Self {
        Self { others: Some(gateway), ..Self::default() }
    }

    /// A supplier with an address of its own.
    #[must_use]
    pub fn with(mut self, supplier: Supplier, peer: Peer) -> Self {
        self.by_name.insert(supplier, peer);
        self
    }

    /// How many calls a supplier takes, where that is not the default.
    #[must_use]
    pub fn limited(mut self, supplier: Supplier, limits: LineLimits) -> Self {
        self.limits.insert(supplier, limits);
        self
    }

    pub(crate) fn limits(&self, supplier: &Supplier) -> LineLimits {
        self.limits.get(supplier).copied().unwrap_or_default()
    }

    /// Makes one call about one key. `now` counts where a supplier says that it was applied and not when.
    pub(crate) async fn call(
        &self,
        supplier: &Supplier,
        call: Call,
        key: &ActivationKey,
        now: Timestamp,
    ) -> Result<SupplierAnswer, PeerError> {
        let mut client = self.client(supplier)?;
        let (name, wire_key) = (format!("suppliers/{supplier}"), Some(key_to_wire(key)));
        let activation = match (call, key.direction) {
            (Call::Request, Direction::Enable) => {
                let request = wire::RequestActivationRequest { supplier: name, key: wire_key };
                client.request_activation(request).await?.into_inner().activation
            }
            (Call::Request, Direction::Disable) => {
                let request = wire::RequestDeactivationRequest { supplier: name, key: wire_key };
                client.request_deactivation(request).await?.into_inner().activation
            }
            (Call::Ask, _) => {
                let request = wire::GetActivationRequest { supplier: name, key: wire_key };
                client.get_activation(request).await?.into_inner().activation
            }
            (Call::Cancel, _) => {
                let request = wire::CancelActivationRequest { supplier: name, key: wire_key };
                client.cancel_activation(request).await?.into_inner().activation
            }
        };
        let activation = activation.ok_or(PeerError::Nonsense("the supplier answered about no key"))?;
        Ok(answer_from_wire(&activation, now)?)
    }

    /// Everywhere a supplier has a capability on.
    pub(crate) async fn enabled(&self, supplier: &Supplier, capability: &Capability) -> Result<EnabledList, PeerError> {
        let mut client = self.client(supplier)?;
        let mut request = wire::ListEnabledPracticesRequest {
            supplier: format!("suppliers/{supplier}"),
            capability: capability.to_string(),
            ..wire::ListEnabledPracticesRequest::default()
        };
        let mut list: Option<EnabledList> = None;
        loop {
            let page = client.list_enabled_practices(request.clone()).await?.into_inner();
            let as_of = api::time::required_moment("as_of", page.as_of.as_ref())?;
            // What changes while pages are read may show on neither: the list is as old as its first page.
            let list = list.get_or_insert(EnabledList { as_of, states: BTreeMap::new() });
            for practice in &page.practices {
                let observed = match practice.state() {
                    wire::EnabledState::On => Observed::On,
                    wire::EnabledState::Partial => Observed::Partial,
                    wire::EnabledState::Unspecified => Observed::Unknown,
                };
                list.states.insert(name::practice("practice", &practice.practice)?, observed);
            }
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        list.ok_or(PeerError::Nonsense("the supplier's list has no page"))
    }

    fn client(&self, supplier: &Supplier) -> Result<SupplierServiceClient<Peer>, PeerError> {
        let peer = self.by_name.get(supplier).or(self.others.as_ref());
        let unreachable = || tonic::Status::unavailable(format!("no address is configured for suppliers/{supplier}"));
        Ok(SupplierServiceClient::new(peer.cloned().ok_or_else(unreachable)?))
    }
}

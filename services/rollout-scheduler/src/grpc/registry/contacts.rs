//! Practices' contacts with their addresses, as the scheduler reads them: to send a notice, and for nothing else (rule 16).

use std::collections::BTreeMap;

use courier::{Address, BadAddress};
use ods::PracticeCode;
use proto::registry::v1 as wire;
use rollout::dispatch::Contact;
use rollout::state::Means;

use super::{Registry, code};
use crate::peer::PeerError;

/// A contact and its address. `Debug` does not show the address.
#[derive(Clone, Debug)]
pub(crate) struct Reachable {
    /// The contact.
    pub(crate) contact: Contact,
    /// Where it is reached, if the address has the form of one.
    pub(crate) address: Result<Address, BadAddress>,
}

impl Registry {
    /// The contacts of a practice that can be reached: whose address is kept.
    pub(crate) async fn contacts(&self, practice: PracticeCode) -> Result<Vec<Reachable>, PeerError> {
        let name = format!("practices/{practice}");
        let request = wire::ListContactsRequest { name, ..wire::ListContactsRequest::default() };
        let reply = self.0.clone().list_contacts(request).await?.into_inner();
        reply.contacts.into_iter().filter(|one| !one.address.is_empty()).map(reachable).collect()
    }

    /// The names of practices, as their publisher has them; one that is not known has none.
    pub(crate) async fn names(&self, practices: &[PracticeCode]) -> Result<BTreeMap<PracticeCode, String>, PeerError> {
        let names = practices.iter().map(|practice| format!("practices/{practice}")).collect();
        let request = wire::BatchGetPracticesRequest { names, ..wire::BatchGetPracticesRequest::default() };
        let reply = self.0.clone().batch_get_practices(request).await?.into_inner();
        let named = |practice: wire::Practice| -> Result<_, PeerError> {
            Ok((code(&practice.ods_code)?, practice.display_name))
        };
        reply.practices.into_iter().map(named).collect()
    }
}

fn reachable(addressed: wire::AddressedContact) -> Result<Reachable, PeerError> {
    let contact = addressed.contact.unwrap_or_default();
    let number = contact.name.rsplit_once("/contacts/").and_then(|(_, number)| number.parse().ok());
    let number = number.ok_or(PeerError::Nonsense("a contact has no number"))?;
    let (means, address) = match contact.channel() {
        wire::ContactChannel::Post => (Means::Post, Address::post(&addressed.address)),
        _ => (Means::Email, Address::email(&addressed.address)),
    };
    Ok(Reachable { contact: Contact { number, role: contact.role, means }, address })
}

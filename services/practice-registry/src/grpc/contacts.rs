//! Contacts: addresses into the table beside the journal, and what the journal says of them (rule 16).
//!
//! An address is stored before the journal names it, so that what is named is there; whatever was stored and never named
//! is erased with the rest ([`crate::contacts`]). No reply that is kept for replays has an address in it.

use api::{Error, Mutation};
use ods::PracticeCode;
use practice::Command;
use practice::command::{EraseContact, SetContact};
use practice::contact::{Channel, Contact, Erasure};
use proto::registry::v1 as wire;

use crate::addresses::{Address, AddressId, NewAddress, Stored};
use crate::grpc::participation::{LINE_CHARS_MAX, view_of};
use crate::grpc::submit::{Ask, Asked};
use crate::grpc::{Handlers, name, refusal};

/// Longest e-mail address, by RFC 5321.
const EMAIL_BYTES_MAX: usize = 254;

/// Longest postal address: some ten lines.
const POST_CHARS_MAX: usize = 500;

/// Longest role.
const ROLE_BYTES_MAX: usize = 63;

pub(crate) async fn set(
    handlers: &Handlers,
    asked: Asked<wire::SetContactRequest>,
) -> Result<wire::SetContactResponse, Error> {
    let request = &asked.request;
    let mutation = mutation_without_address(request)?;
    let id = AddressId::of_request(asked.caller.account.as_str(), &mutation.request_id);
    let (contact, address) = contact_from_wire(&asked, &id)?;
    let practice = contact.practice;
    handlers.authorise(&asked, [practice])?;
    if mutation.dry_run {
        return record(handlers, &asked, &mutation, contact).await;
    }
    let (stored_at, retain_until) = (handlers.clock.now(), contact.retain_until);
    let new = NewAddress { id: &id, practice, address: &address, stored_at, retain_until };
    let stored = store(handlers, new, &mutation.request_id).await?;
    let set = record(handlers, &asked, &mutation, contact).await;
    match &set {
        // A replay of what was erased since has brought the address back.
        Ok(reply) => erase_if_gone(handlers, practice, &id, reply.position).await?,
        // Where it is not known whether it was recorded, the loop finds out.
        Err(error) if stored == Stored::New && is_refusal(error) => erase(handlers, &id.to_string()).await?,
        Err(_) => {}
    }
    set
}

fn contact_from_wire(asked: &Asked<wire::SetContactRequest>, id: &AddressId) -> Result<(SetContact, Address), Error> {
    let request = &asked.request;
    let channel = channel_from_wire(request.channel)?;
    check_role(&request.role)?;
    let contact = SetContact {
        practice: name::practice("name", &request.name)?,
        role: request.role.clone(),
        channel,
        address_id: id.to_string(),
        retain_until: api::time::required_moment("retain_until", request.retain_until.as_ref())?,
        by: asked.caller.account.to_string(),
    };
    Ok((contact, address_from_wire(channel, &request.address)?))
}

async fn record(
    handlers: &Handlers,
    asked: &Asked<wire::SetContactRequest>,
    mutation: &Mutation,
    contact: SetContact,
) -> Result<wire::SetContactResponse, Error> {
    let practice = contact.practice;
    handlers
        .submit(Ask::new(&asked.caller, mutation, Command::SetContact(contact)), move |outcome| {
            let set = view_of(outcome, practice).and_then(|view| view.practice().contacts.last());
            wire::SetContactResponse {
                contact: set.map(|contact| to_wire(practice, contact)),
                position: outcome.position,
            }
        })
        .await
}

async fn store(handlers: &Handlers, new: NewAddress<'_>, request_id: &str) -> Result<Stored, Error> {
    match handlers.addresses.store(new).await.map_err(|error| refusal::of_addresses(&error))? {
        Stored::Other => Err(Error::already_exists(
            "REQUEST_ID_REUSED",
            "the request id {request_id} was used before with another address; a new call takes a new id",
        )
        .with("request_id", request_id)),
        stored => Ok(stored),
    }
}

async fn erase(handlers: &Handlers, id: &str) -> Result<(), Error> {
    handlers.addresses.erase(id).await.map_err(|error| refusal::of_addresses(&error))
}

async fn erase_if_gone(
    handlers: &Handlers,
    practice: PracticeCode,
    id: &AddressId,
    position: u64,
) -> Result<(), Error> {
    let published = handlers.published_at(position).await?;
    let contacts = published.state.practice(practice).map(|known| known.contacts.as_slice());
    let id = id.to_string();
    let mut named = contacts.unwrap_or_default().iter().filter(|contact| contact.address_id == id);
    if named.any(|contact| !contact.is_kept()) { erase(handlers, &id).await } else { Ok(()) }
}

/// Nothing was recorded, for certain.
fn is_refusal(error: &Error) -> bool {
    use tonic::Code::{Aborted, AlreadyExists, FailedPrecondition, InvalidArgument, NotFound};
    matches!(error.code(), Aborted | AlreadyExists | FailedPrecondition | InvalidArgument | NotFound)
}

/// The digest that a replay is compared with is kept beside the reply, so it is one of everything but the address.
fn mutation_without_address(request: &wire::SetContactRequest) -> Result<Mutation, Error> {
    api::mutation!(wire::SetContactRequest { address: String::new(), ..request.clone() })
}

fn check_role(role: &str) -> Result<(), Error> {
    let plain = role.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    if role.is_empty() || role.len() > ROLE_BYTES_MAX || !plain || role.starts_with('-') || role.ends_with('-') {
        return Err(Error::invalid(
            "role",
            "CONTACT_ROLE_INVALID",
            "{field} must be like practice-manager, of at most {bytes_max} bytes",
        )
        .with("bytes_max", ROLE_BYTES_MAX));
    }
    Ok(())
}

/// Checks the form only; the errors never repeat the address.
fn address_from_wire(channel: Channel, address: &str) -> Result<Address, Error> {
    api::validate::required("address", address)?;
    match channel {
        Channel::Post => api::validate::free_text("address", address, POST_CHARS_MAX)?,
        Channel::Email => {
            api::validate::free_text("address", address, LINE_CHARS_MAX.max(EMAIL_BYTES_MAX))?;
            let parts = address.rsplit_once('@').filter(|(local, domain)| !local.is_empty() && domain.contains('.'));
            let plain = !address.contains(|character: char| character.is_whitespace() || character.is_control());
            if address.len() > EMAIL_BYTES_MAX || parts.is_none() || !plain {
                let told = "{field} is no e-mail address";
                return Err(Error::invalid("address", "EMAIL_ADDRESS_INVALID", told));
            }
        }
    }
    Ok(Address::new(address))
}

pub(crate) async fn list(
    handlers: &Handlers,
    asked: Asked<wire::ListContactsRequest>,
) -> Result<wire::ListContactsResponse, Error> {
    let code = name::practice("name", &asked.request.name)?;
    handlers.authorise(&asked, [code])?;
    let published = handlers.published_at(asked.request.min_position).await?;
    let known = published.state.practice(code).ok_or_else(|| refusal::practice_not_found(code))?;
    let mut contacts = Vec::new();
    let now = handlers.clock.now();
    // What permits less does not wait for its event (rule 15).
    for contact in known.contacts.iter().filter(|contact| contact.is_kept() && now < contact.retain_until) {
        let address = handlers.addresses.read(&contact.address_id).await;
        contacts.push(wire::AddressedContact {
            contact: Some(to_wire(code, contact)),
            address: address
                .map_err(|error| refusal::of_addresses(&error))?
                .map(Address::into_text)
                .unwrap_or_default(),
        });
    }
    Ok(wire::ListContactsResponse { contacts, position: published.position })
}

pub(crate) async fn delete(
    handlers: &Handlers,
    asked: Asked<wire::DeleteContactRequest>,
) -> Result<wire::DeleteContactResponse, Error> {
    let request = &asked.request;
    let (practice, contact) = name::contact("name", &request.name)?;
    handlers.authorise(&asked, [practice])?;
    let erasure = Erasure::Requested;
    let command = Command::EraseContact(EraseContact { practice, contact, erasure });
    let mutation = api::mutation!(*request)?;
    let reply = handlers
        .submit(Ask::new(&asked.caller, &mutation, command), |outcome| wire::DeleteContactResponse {
            position: outcome.position,
        })
        .await?;
    if !mutation.dry_run {
        // The loop would do it in a moment; the caller is told when it is done.
        let published = handlers.published_at(reply.position).await?;
        let known = published.state.practice(practice).and_then(|known| known.contact(contact));
        if let Some(erased) = known.filter(|contact| !contact.is_kept()) {
            erase(handlers, &erased.address_id).await?;
        }
    }
    Ok(reply)
}

fn to_wire(practice: PracticeCode, contact: &Contact) -> wire::Contact {
    wire::Contact {
        name: name::of_contact(practice, contact.number),
        role: contact.role.clone(),
        channel: channel_to_wire(contact.channel).into(),
        retain_until: Some(api::time::to_wire(contact.retain_until)),
        set_by: contact.set_by.clone(),
        recorded_at: Some(api::time::to_wire(contact.recorded_at)),
    }
}

fn channel_to_wire(channel: Channel) -> wire::ContactChannel {
    match channel {
        Channel::Email => wire::ContactChannel::Email,
        Channel::Post => wire::ContactChannel::Post,
    }
}

fn channel_from_wire(channel: i32) -> Result<Channel, Error> {
    match wire::ContactChannel::try_from(channel) {
        Ok(wire::ContactChannel::Email) => Ok(Channel::Email),
        Ok(wire::ContactChannel::Post) => Ok(Channel::Post),
        Ok(wire::ContactChannel::Unspecified) | Err(_) => {
            Err(Error::invalid("channel", "FIELD_REQUIRED", "{field} must be EMAIL or POST"))
        }
    }
}

//! `accessctl practice contact`: where notices reach a practice.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Subcommand, ValueEnum};
use proto::registry::v1 as registry;

use crate::connection::Connection;
use crate::moments::{moment, shown};
use crate::mutation::{Change, name};
use crate::output::{Output, Table, word};

#[derive(Subcommand)]
pub(crate) enum Contact {
    /// The practice's contacts with their addresses
    List {
        /// Its ODS code, such as A81001
        practice: String,
    },
    /// Set the contact for a role; its address comes from a file or standard input, so that no shell's history keeps it
    Set {
        /// Its ODS code, such as A81001
        practice: String,
        /// As what, such as practice-manager; never a person's name
        role: String,
        /// By which means
        #[arg(value_enum)]
        channel: Channel,
        /// Until when the address may be kept (London's time)
        #[arg(long, value_name = "MOMENT")]
        keep_until: String,
        /// The file that holds the address; standard input where it is left out
        #[arg(long, value_name = "FILE")]
        address_file: Option<PathBuf>,
        #[command(flatten)]
        change: Change,
    },
    /// Take a contact away and erase its address
    Delete {
        /// practices/A81001/contacts/1
        contact: String,
        #[command(flatten)]
        change: Change,
    },
}

/// By which means.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Channel {
    /// An e-mail address
    Email,
    /// A postal address, in lines
    Post,
}

pub(crate) async fn run(connection: &Connection, output: Output, contact: Contact) -> anyhow::Result<()> {
    match contact {
        Contact::List { practice } => list(connection, output, &practice).await,
        Contact::Set { practice, role, channel, keep_until, address_file, change } => {
            let address = match address_file {
                Some(file) => std::fs::read_to_string(&file),
                None => std::io::read_to_string(std::io::stdin()),
            };
            let address = address.context("the address cannot be read")?;
            let channel = match channel {
                Channel::Email => registry::ContactChannel::Email,
                Channel::Post => registry::ContactChannel::Post,
            };
            let request = registry::SetContactRequest {
                name: name("practices", &practice),
                role,
                channel: channel.into(),
                address: address.trim().to_owned(),
                retain_until: Some(moment(&keep_until)?),
                request_id: change.request_id()?,
                reason_code: change.reason_code.clone(),
                note: change.reason.clone(),
                dry_run: change.dry_run,
            };
            set(connection, output, request).await
        }
        Contact::Delete { contact, change } => delete(connection, output, contact, &change).await,
    }
}

async fn list(connection: &Connection, output: Output, practice: &str) -> anyhow::Result<()> {
    let list = registry::ListContactsRequest { name: name("practices", practice), ..Default::default() };
    let reply = connection.registry().list_contacts(list).await?.into_inner();
    output.print("citizens_access.registry.v1.ListContactsResponse", &reply, || {
        let mut table = Table::new(&["CONTACT", "ROLE", "BY", "ADDRESS", "KEPT UNTIL"]);
        for one in &reply.contacts {
            let contact = one.contact.clone().unwrap_or_default();
            table.row([
                contact.name.clone(),
                contact.role.clone(),
                word(contact.channel().as_str_name(), "CONTACT_CHANNEL_"),
                one.address.lines().collect::<Vec<_>>().join(", "),
                shown(contact.retain_until.as_ref()),
            ]);
        }
        table
    })
}

async fn set(connection: &Connection, output: Output, request: registry::SetContactRequest) -> anyhow::Result<()> {
    let reply = connection.registry().set_contact(request).await?.into_inner();
    output.print("citizens_access.registry.v1.SetContactResponse", &reply, || {
        let contact = reply.contact.clone().unwrap_or_default();
        Table::facts([
            ("contact", contact.name.clone()),
            ("role", contact.role.clone()),
            ("kept until", shown(contact.retain_until.as_ref())),
            ("position", reply.position.to_string()),
        ])
    })
}

async fn delete(connection: &Connection, output: Output, contact: String, change: &Change) -> anyhow::Result<()> {
    let request = registry::DeleteContactRequest {
        name: contact.clone(),
        request_id: change.request_id()?,
        reason_code: change.reason_code.clone(),
        note: change.reason.clone(),
        dry_run: change.dry_run,
    };
    let reply = connection.registry().delete_contact(request).await?.into_inner();
    output.print("citizens_access.registry.v1.DeleteContactResponse", &reply, || {
        Table::facts([("contact", contact), ("address", "erased".to_owned()), ("position", reply.position.to_string())])
    })
}

//! Contacts by id: which address counts for which role, and for how long one may be kept (rule 16).

use jiff::Timestamp;

use super::next_number;
use crate::command::{EraseContact, SetContact};
use crate::contact::{Contact, RETENTION_MAX};
use crate::event::{ContactSet, Event};
use crate::practice::Practice;
use crate::rejection::Rejection;

/// A role has one contact by each means: a new one takes the earlier one's place.
pub(super) fn set(practice: &Practice, set: &SetContact, now: Timestamp) -> Result<Vec<Event>, Rejection> {
    let (retain_until, latest) = (set.retain_until, now + RETENTION_MAX);
    if retain_until <= now || latest < retain_until {
        return Err(Rejection::RetentionOutOfRange { retain_until, now, latest });
    }
    let same = |contact: &&Contact| contact.is_kept() && contact.role == set.role && contact.channel == set.channel;
    Ok(vec![Event::ContactSet(ContactSet {
        practice: practice.code,
        contact: next_number(&practice.contacts),
        role: set.role.clone(),
        channel: set.channel,
        address_id: set.address_id.clone(),
        retain_until,
        set_by: set.by.clone(),
        replaces: practice.contacts.iter().filter(same).map(|contact| contact.number).collect(),
    })])
}

pub(super) fn erased(practice: &Practice, erase: &EraseContact) -> Result<Vec<Event>, Rejection> {
    let (code, number) = (practice.code, erase.contact);
    match practice.contact(number).filter(|contact| contact.is_kept()) {
        Some(_) => Ok(vec![Event::ContactErased { practice: code, contact: number, erasure: erase.erasure }]),
        None => Err(Rejection::ContactUnknown { practice: code, contact: number }),
    }
}

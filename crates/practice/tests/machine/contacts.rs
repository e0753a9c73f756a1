//! Contacts by id, with a date by which they are gone (rule 16).

use jiff::SignedDuration;
use practice::command::{EraseContact, SetContact};
use practice::contact::{Channel, Erasure, RETENTION_MAX};
use practice::{Command, Rejection};

use crate::bench::{Bench, code};

fn contact(bench: &Bench, role: &str, channel: Channel) -> SetContact {
    SetContact {
        practice: code("A81001"),
        role: role.to_owned(),
        channel,
        address_id: format!("{:032x}", bench.position()),
        retain_until: bench.now + SignedDuration::from_hours(24),
        by: "manager".to_owned(),
    }
}

fn kept(bench: &Bench) -> Vec<u32> {
    bench.practice().contacts.iter().filter(|contact| contact.is_kept()).map(|contact| contact.number).collect()
}

#[test]
fn a_new_contact_takes_the_place_of_the_one_of_the_same_role_and_channel_only() {
    let mut bench = Bench::new();
    for (role, channel) in [
        ("practice-manager", Channel::Email),
        ("practice-manager", Channel::Post),
        ("deputy", Channel::Email),
        ("practice-manager", Channel::Email),
    ] {
        let set = contact(&bench, role, channel);
        bench.done(&Command::SetContact(set));
    }
    assert_eq!(kept(&bench), [2, 3, 4]);
    let erased = bench.practice().contact(1).unwrap().erased.unwrap();
    assert_eq!((erased.erasure, erased.at), (Erasure::Replaced, bench.now));
    assert_eq!(bench.state.contacts_erased_position(), bench.position());
}

/// Rule 15.
#[test]
fn a_contact_is_kept_until_the_event_of_its_retention_date() {
    let mut bench = Bench::new();
    let set = contact(&bench, "practice-manager", Channel::Email);
    let retain_until = set.retain_until;
    bench.done(&Command::SetContact(set));
    assert_eq!(bench.state.next_due(), Some(retain_until));
    bench.now = retain_until + SignedDuration::from_hours(1);
    assert_eq!(kept(&bench), [1]);
    bench.done(&Command::Lapse);
    assert!(kept(&bench).is_empty());
    let erased = bench.practice().contact(1).unwrap().erased.unwrap();
    assert_eq!((erased.erasure, erased.at), (Erasure::RetentionEnded, retain_until));
    assert_eq!(bench.state.contacts_erased_position(), bench.position());
    assert_eq!(bench.state.next_due(), None);
}

#[test]
fn a_contact_is_erased_on_request_once() {
    let mut bench = Bench::new();
    let set = contact(&bench, "practice-manager", Channel::Email);
    bench.done(&Command::SetContact(set));
    let erasure = Erasure::Requested;
    let erase = Command::EraseContact(EraseContact { practice: code("A81001"), contact: 1, erasure });
    bench.done(&erase);
    assert!(kept(&bench).is_empty());
    assert_eq!(bench.state.next_due(), None, "its retention date is none any more");
    assert!(matches!(bench.run(&erase), Err(Rejection::ContactUnknown { contact: 1, .. })));
}

#[test]
fn an_address_is_kept_neither_for_no_time_nor_for_ever() {
    let mut bench = Bench::new();
    let base = contact(&bench, "practice-manager", Channel::Email);
    let longest = bench.now + RETENTION_MAX;
    for retain_until in [bench.now, longest + SignedDuration::from_micros(1)] {
        let refused = bench.run(&Command::SetContact(SetContact { retain_until, ..base.clone() }));
        assert!(matches!(refused, Err(Rejection::RetentionOutOfRange { .. })), "{retain_until}");
    }
    bench.done(&Command::SetContact(SetContact { retain_until: longest, ..base }));
}

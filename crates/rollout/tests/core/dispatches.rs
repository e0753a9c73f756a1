//! Notices that the scheduler sends: to whom and when, what is evidence that one was given, what comes of failures
//! (rule 11).

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use ods::PracticeCode;
use proptest::prelude::*;
use rollout::dispatch::{
    BOUNCE_TIME, Chosen, Contact, DispatchOutcome, DueNotice, EVIDENCE_TIME, POST_WORKING_DAYS, Preferences,
    TRIED_AGAIN_AFTER, choose, notices_due, open_dispatches,
};
use rollout::state::{Carrier, DispatchRef, DispatchStage, EnrolmentState, Means, Template, Trouble};
use rollout::{Act, Command, Fact, Observed, Proposal, Rejection, explain, notice_status};

use crate::world::{SPRING, START, World, alice, code, moment, one_wave, practice, programme, target, wave};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn world() -> World {
    let mut world = World::new((1..=6).map(practice));
    world.put_in_force(&one_wave("    until: 2031-05-08")).unwrap();
    world.settle();
    world
}

fn due(world: &World) -> Vec<DueNotice> {
    notices_due(&world.state, &world.registry.view, world.now).0
}

fn due_codes(world: &World) -> Vec<PracticeCode> {
    due(world).into_iter().map(|due| due.practice).collect()
}

/// Sends a notice to a practice's contact; says which dispatch it is, none where none was sealed.
pub(crate) fn send(world: &mut World, number: u32, contact: u32, carrier: Carrier) -> Option<DispatchRef> {
    let means = if carrier == Carrier::Files { Means::Post } else { Means::Email };
    send_by(world, number, Chosen { contact, means, carrier })
}

fn send_by(world: &mut World, number: u32, chosen: Chosen) -> Option<DispatchRef> {
    let chosen = BTreeMap::from([(code(number), chosen)]);
    let sealed = world.submit(&Command::Propose(Proposal::SealDispatches { wave: wave(1), chosen })).unwrap();
    let known = world.state.programme(&programme())?.correspondence(code(number))?;
    let number_there = known.dispatches.last()?.number;
    let name = DispatchRef { programme: programme(), practice: code(number), number: number_there };
    sealed.then_some(name)
}

pub(crate) fn hear(world: &mut World, name: &DispatchRef, outcome: DispatchOutcome) -> bool {
    world.learn(Fact::DispatchOutcomes { outcomes: BTreeMap::from([(name.clone(), outcome)]) })
}

fn fail(world: &mut World, name: &DispatchRef, trouble: Trouble) {
    assert!(hear(world, name, DispatchOutcome::Failed { trouble }));
}

fn stage(world: &World, name: &DispatchRef) -> DispatchStage {
    let known = world.state.programme(&name.programme).unwrap().correspondence(name.practice).unwrap();
    known.get(name.number).unwrap().stage.clone()
}

/// The first day for which the practice has had its notice.
fn noticed_from(world: &World, number: u32) -> Option<Date> {
    world.state.programme(&programme()).unwrap().noticed_from(&world.state.calendar, code(number), 10)
}

fn later(world: &mut World, by: SignedDuration) {
    let until = world.now.checked_add(by).unwrap();
    world.run_until(&until.to_string());
}

/// Code, owner and evidence of what stands in the way of a practice's notice.
fn in_the_way(world: &World, number: u32) -> (&'static str, String, String) {
    let explanation = explain(&world.state, &world.registry.view, &target(code(number)), world.now);
    let about_notice = explanation.blockers.iter().find(|one| one.code().starts_with("NOTICE"));
    let blocker = about_notice.expect("its notice is in the way");
    assert!(blocker.clears_by().ends_with('.'), "{}", blocker.clears_by());
    (blocker.code(), blocker.owner().to_string(), blocker.to_string())
}

#[test]
fn who_waits_for_notice_is_due_one_and_whose_is_under_way_is_not() {
    let mut world = world();
    let first = &due(&world)[0];
    assert_eq!((due(&world).len(), first.template, first.not_before), (6, Template::First, date(2031, 5, 6)));
    let name = send(&mut world, 3, 1, Carrier::Notify).unwrap();
    assert!(!due_codes(&world).contains(&code(3)));
    assert_eq!(open_dispatches(&world.state).map(|(name, _)| name).collect::<Vec<_>>(), std::slice::from_ref(&name));
    assert_eq!(send(&mut world, 3, 1, Carrier::Notify), None, "it is under way");
    // Nobody closed, nobody who is on already.
    world.registry.change(code(1), |facts| facts.open = false);
    world.observe(2, Observed::On);
    assert!(due_codes(&world).iter().all(|practice| ![code(1), code(2), code(3)].contains(practice)));
    // Once it is given, nothing more is due.
    assert!(hear(&mut world, &name, DispatchOutcome::Taken { id: "n-1".to_owned() }));
    let at = world.now;
    assert!(hear(&mut world, &name, DispatchOutcome::Delivered { at }));
    assert_eq!(world.enrolment(1, code(3)), EnrolmentState::Notified);
    assert_eq!(open_dispatches(&world.state).count(), 0);
    assert!(!due_codes(&world).contains(&code(3)));
    assert_eq!(world.folded(), world.state, "I20");
}

#[test]
fn a_practice_whose_notice_was_given_goes_live_and_the_others_do_not() {
    let mut world = world();
    let name = send(&mut world, 3, 1, Carrier::Notify).unwrap();
    let at = world.now;
    hear(&mut world, &name, DispatchOutcome::Delivered { at });
    world.run_until("2031-05-30T12:00:00Z");
    assert_eq!((world.count_on(), world.is_on(code(3))), (1, true));
}

#[test]
fn a_reference_stays_and_no_other_dispatch_has_it() {
    let mut world = world();
    let name = send(&mut world, 3, 1, Carrier::Notify).unwrap();
    let reference = |world: &World, name: &DispatchRef| {
        let known = world.state.programme(&programme()).unwrap().correspondence(name.practice).unwrap();
        known.get(name.number).unwrap().reference(&name.programme, name.practice)
    };
    let first = reference(&world, &name);
    assert_eq!(first, format!("spring.A00003.1.1.{}", moment(START).as_second()));
    later(&mut world, HOUR);
    assert!(hear(&mut world, &name, DispatchOutcome::NeverSeen), "it is sealed again");
    assert_eq!((stage(&world, &name), reference(&world, &name)), (DispatchStage::Sealed, first.clone()));
    fail(&mut world, &name, Trouble::WrongAddress);
    let second = send(&mut world, 3, 2, Carrier::Notify).unwrap();
    assert_ne!(reference(&world, &second), first);
}

#[test]
fn evidence_counts_from_its_moment_but_never_before_the_seal_nor_ahead_of_the_clock() {
    for (said, counts_at) in [
        ("2031-04-02T07:00:00Z", "2031-04-02T07:00:00Z"),
        ("2031-03-01T07:00:00Z", START),
        ("2031-04-02T08:00:00.000001Z", "2031-04-02T08:00:00Z"),
    ] {
        let mut world = world();
        let name = send(&mut world, 3, 1, Carrier::Notify).unwrap();
        world.run_until("2031-04-02T08:00:00Z");
        hear(&mut world, &name, DispatchOutcome::Delivered { at: moment(said) });
        assert_eq!(stage(&world, &name), DispatchStage::Given { at: moment(counts_at) }, "{said}");
    }
}

/// Over a weekend and the bank holidays of the 11th and the 14th.
#[test]
fn a_letter_counts_on_the_third_working_day_after_it_was_posted() {
    assert_eq!(POST_WORKING_DAYS, 3);
    let mut world = world();
    world.run_until("2031-04-10T09:00:00Z");
    let by_post = Chosen { contact: 1, means: Means::Post, carrier: Carrier::Notify };
    let name = send_by(&mut world, 3, by_post).unwrap();
    let at = world.now;
    hear(&mut world, &name, DispatchOutcome::Posted { at });
    assert_eq!(stage(&world, &name), DispatchStage::Given { at: moment("2031-04-16T23:00:00Z") });
    // Ten working days from Thursday the 17th: to Thursday the 1st of May.
    assert_eq!(noticed_from(&world, 3), Some(date(2031, 5, 6)), "its wave begins later");
    let notice = &world.state.programme(&programme()).unwrap().notices_of(code(3))[0];
    assert_eq!((notice.channel.as_str(), notice.dispatch), ("letter", Some(1)));
}

/// Rule 2, fail closed: the evidence waits until the holidays are known.
#[test]
fn a_letter_posted_beyond_the_known_holidays_counts_once_they_are_known() {
    let mut world = world();
    let by_post = Chosen { contact: 1, means: Means::Post, carrier: Carrier::Notify };
    let name = send_by(&mut world, 3, by_post).unwrap();
    world.now = moment("2032-01-05T09:00:00Z");
    let at = world.now;
    assert!(!hear(&mut world, &name, DispatchOutcome::Posted { at }));
    assert_eq!(stage(&world, &name), DispatchStage::Sealed);
}

#[test]
fn what_a_mail_server_took_on_counts_once_it_can_no_longer_come_back_and_a_file_only_when_somebody_says_so() {
    let mut world = world();
    let (by_mail, as_file) =
        (send(&mut world, 3, 1, Carrier::Smtp).unwrap(), send(&mut world, 4, 1, Carrier::Files).unwrap());
    let at = world.now;
    for name in [&by_mail, &as_file] {
        assert!(hear(&mut world, name, DispatchOutcome::HandedOver { at }));
    }
    let counts_at = at.checked_add(BOUNCE_TIME).unwrap();
    assert_eq!(stage(&world, &by_mail), DispatchStage::Given { at: counts_at });
    assert_eq!(stage(&world, &as_file), DispatchStage::HandedOver);
    assert_eq!(in_the_way(&world, 4).0, "NOTICE_HANDED_OVER");
    assert!(!due_codes(&world).contains(&code(4)), "and it is not sent twice");
    let (practices, channel) = (vec![code(4)], "letter".to_owned());
    world.learn(Fact::NoticeDelivered { wave: wave(1), practices, delivered_at: at, channel });
    assert_eq!(stage(&world, &as_file), DispatchStage::Given { at });
    assert_eq!(world.enrolment(1, code(4)), EnrolmentState::Notified);
    assert_eq!(world.folded(), world.state, "I20");
}

fn contacts() -> Vec<Contact> {
    let contact = |number, role: &str, means| Contact { number, role: role.to_owned(), means };
    vec![
        contact(1, "practice-manager", Means::Post),
        contact(2, "partner", Means::Email),
        contact(4, "practice-manager", Means::Email),
    ]
}

fn preferences(roles: &[&str]) -> Preferences {
    let means = vec![(Means::Email, Carrier::Notify), (Means::Post, Carrier::Files)];
    Preferences { means, roles: roles.iter().map(|role| (*role).to_owned()).collect() }
}

fn chosen(world: &World, number: u32, preferences: &Preferences) -> Option<Chosen> {
    let due = due(world).into_iter().find(|due| due.practice == code(number)).expect("it is owed");
    choose(&world.state, &due, &contacts(), preferences, world.now)
}

#[test]
fn the_preferred_contact_is_told_and_after_a_wrong_address_the_next_one() {
    let mut world = world();
    let any = preferences(&[]);
    assert_eq!(chosen(&world, 3, &any).unwrap().contact, 2, "e-mail before post, the longest known first");
    let manager = preferences(&["practice-manager"]);
    assert_eq!(chosen(&world, 3, &manager).unwrap().contact, 4);
    assert_eq!(chosen(&world, 3, &preferences(&["caldicott-guardian"])), None);
    let only_post = Preferences { means: vec![(Means::Post, Carrier::Files)], roles: Vec::new() };
    let post = Chosen { contact: 1, means: Means::Post, carrier: Carrier::Files };
    assert_eq!(chosen(&world, 3, &only_post), Some(post));

    for contact in [2, 4] {
        assert_eq!(chosen(&world, 3, &any).unwrap().contact, contact);
        let name = send(&mut world, 3, contact, Carrier::Notify).unwrap();
        fail(&mut world, &name, Trouble::WrongAddress);
        assert_eq!(send(&mut world, 3, contact, Carrier::Notify), None, "it is never sent to again");
    }
    assert_eq!(chosen(&world, 3, &any).unwrap().contact, 1);
    let name = send(&mut world, 3, 1, Carrier::Files).unwrap();
    fail(&mut world, &name, Trouble::WrongAddress);
    assert_eq!(chosen(&world, 3, &any), None);
    assert_eq!(in_the_way(&world, 3).0, "NOTICE_CAME_BACK");
}

/// From the last day on which it could still come in time.
#[test]
fn a_letter_is_not_chosen_when_only_an_e_mail_can_come_in_time() {
    let mut world = world();
    world.run_until("2031-04-22T09:00:00Z");
    assert_eq!(chosen(&world, 3, &preferences(&["practice-manager"])).unwrap().means, Means::Email);
    let only_post = Preferences { means: vec![(Means::Post, Carrier::Files)], roles: Vec::new() };
    assert_eq!(chosen(&world, 3, &only_post), None);
    // Ten working days to the wave's last day, over the holiday of the 5th: the last e-mail is that of the 23rd.
    world.run_until("2031-04-23T22:59:59Z");
    assert_eq!(due(&world).first().map(|due| due.not_before), Some(date(2031, 5, 8)));
    world.run_until("2031-04-23T23:00:00Z");
    assert_eq!(due(&world), [], "nothing that is sent now can help");
    assert_eq!(send(&mut world, 3, 1, Carrier::Notify), None);
}

#[test]
fn who_could_not_be_reached_is_tried_again_later_and_later_then_given_up_until_a_person_asks() {
    let mut world = world();
    for after in TRIED_AGAIN_AFTER {
        let name = send(&mut world, 3, 1, Carrier::Notify).unwrap();
        fail(&mut world, &name, Trouble::Undelivered);
        assert_eq!(send(&mut world, 3, 1, Carrier::Notify), None, "it rests");
        assert_eq!(in_the_way(&world, 3).0, "NOTICE_TRIED_AGAIN_LATER");
        let again_at = world.now.checked_add(after).unwrap();
        assert_eq!(notices_due(&world.state, &world.registry.view, world.now).1, Some(again_at));
        later(&mut world, after);
        assert!(due_codes(&world).contains(&code(3)));
    }
    let name = send(&mut world, 3, 1, Carrier::Notify).unwrap();
    fail(&mut world, &name, Trouble::CarrierFailed);
    assert_eq!(in_the_way(&world, 3).0, "NOTICE_GIVEN_UP");
    later(&mut world, SignedDuration::from_hours(240));
    assert_eq!(send(&mut world, 3, 1, Carrier::Notify), None);
    let retry = |practices| Act::RetryNotices { wave: wave(1), practices };
    assert!(world.act(&alice(), retry(vec![code(3)])).unwrap());
    assert!(!world.act(&alice(), retry(Vec::new())).unwrap(), "nothing else stands still");
    assert!(send(&mut world, 3, 1, Carrier::Notify).is_some());
    let stranger = world.act(&alice(), retry(vec![code(99)]));
    assert_eq!(stranger, Err(Rejection::NotAMember { wave: wave(1), practice: code(99) }));
    assert_eq!(world.folded(), world.state, "I20");
}

#[test]
fn a_practice_without_a_contact_is_known_once_and_told_when_it_has_one() {
    let mut world = world();
    let unaddressed = |practices| Fact::NoticesUnaddressed { wave: wave(1), practices };
    assert!(world.learn(unaddressed(vec![code(3), code(4)])));
    assert!(!world.learn(unaddressed(vec![code(3)])));
    let (code_, owner, evidence) = in_the_way(&world, 3);
    assert_eq!((code_, owner.as_str()), ("NOTICE_HAS_NO_CONTACT", "practices/A00003"));
    assert_eq!(evidence, "no notice could be sent: practices/A00003 has no contact (seen on 1 April 2031)");
    assert!(due_codes(&world).contains(&code(3)), "whoever sends looks again");
    send(&mut world, 3, 1, Carrier::Notify).unwrap();
    assert_eq!(in_the_way(&world, 3).0, "NOTICE_UNDER_WAY");
}

#[test]
fn a_waves_status_counts_who_has_notice_what_was_sent_and_who_acts() {
    let mut world = world();
    let given = send(&mut world, 1, 1, Carrier::Notify).unwrap();
    let at = world.now;
    hear(&mut world, &given, DispatchOutcome::Delivered { at });
    let wrong = send(&mut world, 2, 1, Carrier::Smtp).unwrap();
    fail(&mut world, &wrong, Trouble::WrongAddress);
    send(&mut world, 3, 1, Carrier::Notify).unwrap();
    world.learn(Fact::NoticesUnaddressed { wave: wave(1), practices: vec![code(4), code(5)] });
    let spring = world.state.programme(&programme()).unwrap();
    let status = notice_status(&world.state, spring, &spring.waves[&wave(1).wave]);
    assert_eq!((status.practices_count, status.noticed_count), (6, 1));
    let sent = status.dispatches.iter().map(|(kind, count)| (kind.stage, kind.carrier, kind.trouble, *count));
    let expected = [
        ("FAILED", Carrier::Smtp, Some(Trouble::WrongAddress), 1),
        ("GIVEN", Carrier::Notify, None, 1),
        ("SEALED", Carrier::Notify, None, 1),
    ];
    assert_eq!(sent.collect::<Vec<_>>(), expected);
    let in_the_way = status.obstacles.iter().map(|one| (one.code, one.owner, one.practices.len()));
    let expected = [
        ("NOTICE_HAS_NO_CONTACT", "practices", 2),
        ("NOTICE_CAME_BACK", "practices", 1),
        ("NOTICE_OWED", "programme", 1),
        ("NOTICE_UNDER_WAY", "time", 1),
    ];
    assert_eq!(in_the_way.collect::<Vec<_>>(), expected);
}

#[test]
fn a_notice_that_came_back_was_never_given() {
    let mut world = world();
    let name = send(&mut world, 3, 1, Carrier::Smtp).unwrap();
    let at = world.now;
    hear(&mut world, &name, DispatchOutcome::HandedOver { at });
    assert_eq!(world.enrolment(1, code(3)), EnrolmentState::Notified);
    let returned = |practices| Command::Learn(Fact::NoticesReturned { wave: wave(1), practices });
    let nothing = world.submit(&returned(vec![code(4)]));
    assert_eq!(nothing, Err(Rejection::NothingSent { wave: wave(1), practice: code(4) }));
    assert!(world.submit(&returned(vec![code(3)])).unwrap());
    assert_eq!(world.enrolment(1, code(3)), EnrolmentState::Candidate);
    assert_eq!(noticed_from(&world, 3), None);
    assert!(due_codes(&world).contains(&code(3)));
    let (code_, owner, evidence) = in_the_way(&world, 3);
    assert_eq!((code_, owner.as_str()), ("NOTICE_CAME_BACK", "practices/A00003"));
    assert_eq!(evidence, "its notice came back: the address of practices/A00003/contacts/1 is wrong");
    assert_eq!(world.folded(), world.state, "I20");
}

#[test]
fn a_notice_that_came_back_after_the_members_were_fixed_keeps_its_practice_off() {
    let mut world = world();
    let name = send(&mut world, 3, 1, Carrier::Smtp).unwrap();
    let at = world.now;
    hear(&mut world, &name, DispatchOutcome::HandedOver { at });
    world.run_until("2031-05-06T06:59:59Z");
    let returned = |practices| Command::Learn(Fact::NoticesReturned { wave: wave(1), practices });
    world.submit(&returned(vec![code(3)])).unwrap();
    world.run_until("2031-05-30T12:00:00Z");
    assert_eq!(world.count_on(), 0);
}

#[test]
fn a_wave_that_moves_earlier_owes_notice_again_and_one_that_moves_later_does_not() {
    let mut world = World::new((1..=60).map(practice));
    world.put_in_force(SPRING).unwrap();
    world.settle();
    world.tell_everybody();
    world.settle();
    world.put_in_force(&SPRING.replace("2031-05-12", "2031-05-14")).unwrap();
    world.settle();
    assert_eq!(due(&world), []);
    world.put_in_force(&SPRING.replace("2031-05-12", "2031-05-08")).unwrap();
    world.settle();
    let again = due(&world);
    assert_eq!(again.len(), 50);
    assert!(again.iter().all(|due| due.template == Template::Moved && due.not_before == date(2031, 5, 8)));
}

/// Sent about one wave, and by the time that it arrives the practice is in another.
#[test]
fn a_notice_that_arrives_after_a_new_plan_counts_for_a_wave_that_is_not_earlier() {
    let mut world = World::new((1..=60).map(practice));
    world.put_in_force(SPRING).unwrap();
    world.settle();
    let practice = world.state.wave(&wave(2)).unwrap().enrolments().next().unwrap().practice;
    let chosen = BTreeMap::from([(practice, Chosen { contact: 1, means: Means::Email, carrier: Carrier::Notify })]);
    assert!(world.submit(&Command::Propose(Proposal::SealDispatches { wave: wave(2), chosen })).unwrap());
    let name = DispatchRef { programme: programme(), practice, number: 1 };
    // Another wave of another number takes them all, two days later.
    let text = SPRING.replace("wave: 2\n", "wave: 3\n").replace("2031-05-12", "2031-05-14");
    world.put_in_force(&text).unwrap();
    world.settle();
    assert_eq!(world.enrolment(3, practice), EnrolmentState::Candidate);
    let at = world.now;
    assert!(hear(&mut world, &name, DispatchOutcome::Delivered { at }));
    assert_eq!(world.enrolment(3, practice), EnrolmentState::Notified);
}

#[test]
fn nobody_is_asked_about_a_dispatch_for_longer_than_its_carrier_remembers() {
    let mut world = world();
    send(&mut world, 3, 1, Carrier::Notify).unwrap();
    let beyond = |now| open_dispatches(&world.state).next().unwrap().1.is_beyond_evidence(now);
    let end = world.now.checked_add(EVIDENCE_TIME).unwrap();
    assert!(beyond(end) && !beyond(end.checked_sub(SignedDuration::from_micros(1)).unwrap()));
}

fn outcomes() -> impl Strategy<Value = DispatchOutcome> {
    let at = (0_i64..2_000).prop_map(|hours| moment(START).checked_add(HOUR * i32::try_from(hours).unwrap()).unwrap());
    let trouble = prop_oneof![
        Just(Trouble::WrongAddress),
        Just(Trouble::Undelivered),
        Just(Trouble::CarrierFailed),
        Just(Trouble::NoEvidence),
    ];
    prop_oneof![
        Just(DispatchOutcome::Taken { id: "n".to_owned() }),
        Just(DispatchOutcome::NeverSeen),
        at.clone().prop_map(|at: Timestamp| DispatchOutcome::HandedOver { at }),
        at.clone().prop_map(|at: Timestamp| DispatchOutcome::Delivered { at }),
        at.prop_map(|at: Timestamp| DispatchOutcome::Posted { at }),
        trouble.prop_map(|trouble| DispatchOutcome::Failed { trouble }),
    ]
}

#[derive(Debug, Clone)]
enum Deed {
    Send(u32, u32, u8),
    Hear(u32, DispatchOutcome),
    ComesBack(u32),
    Retry,
    Hours(i64),
    Reschedule,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        4 => (1_u32..=6, 1_u32..4, 0_u8..4).prop_map(|(who, contact, how)| Deed::Send(who, contact, how)),
        6 => (1_u32..=6, outcomes()).prop_map(|(who, outcome)| Deed::Hear(who, outcome)),
        1 => (1_u32..=6).prop_map(Deed::ComesBack),
        1 => Just(Deed::Retry),
        3 => (1_i64..100).prop_map(Deed::Hours),
        1 => Just(Deed::Reschedule),
    ];
    prop::collection::vec(deed, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, ..ProptestConfig::default() })]

    /// Whatever carriers say and in whatever order. That nobody goes live without notice is checked at every seal.
    #[test]
    fn a_notice_of_ours_rests_on_evidence_and_no_practice_has_two_under_way(deeds in deeds()) {
        let mut world = world();
        for deed in deeds {
            match deed {
                Deed::Send(who, contact, how) => {
                    let means = if how % 2 == 0 { Means::Email } else { Means::Post };
                    let carrier = [Carrier::Notify, Carrier::Notify, Carrier::Smtp, Carrier::Files][usize::from(how)];
                    send_by(&mut world, who, Chosen { contact, means, carrier });
                }
                Deed::Hear(who, outcome) => {
                    let last = open_dispatches(&world.state).find(|(name, _)| name.practice == code(who));
                    if let Some(name) = last.map(|(name, _)| name) {
                        hear(&mut world, &name, outcome);
                    }
                }
                Deed::ComesBack(who) => {
                    let practices = vec![code(who)];
                    // Where nothing was sent it is refused.
                    drop(world.submit(&Command::Learn(Fact::NoticesReturned { wave: wave(1), practices })));
                }
                Deed::Retry => {
                    world.act(&alice(), Act::RetryNotices { wave: wave(1), practices: Vec::new() }).unwrap();
                }
                Deed::Hours(hours) => later(&mut world, SignedDuration::from_hours(hours)),
                Deed::Reschedule => {
                    let from = world.state.wave(&wave(1)).unwrap().from.tomorrow().unwrap();
                    drop(world.act(&alice(), Act::RescheduleWave { wave: wave(1), from }));
                }
            }
            let spring = world.state.programme(&programme()).unwrap();
            let mut open = Vec::new();
            for (practice, known) in &spring.correspondence {
                let under_way = known.dispatches.iter().filter(|one| one.is_open());
                prop_assert!(under_way.clone().count() <= 1, "{practice} has two under way");
                open.extend(under_way.map(|one| (*practice, one.number)));
                let given = known.dispatches.iter().filter_map(|one| match one.stage {
                    DispatchStage::Given { at } => Some((Some(one.number), at)),
                    _ => None,
                });
                let notices = spring.notices_of(*practice).iter().map(|one| (one.dispatch, one.delivered_at));
                prop_assert_eq!(given.collect::<Vec<_>>(), notices.collect::<Vec<_>>());
            }
            prop_assert_eq!(open, spring.dispatches_open.iter().copied().collect::<Vec<_>>());
        }
        prop_assert_eq!(world.folded(), world.state);
    }
}

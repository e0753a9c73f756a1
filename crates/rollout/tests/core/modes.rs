//! Booked dates and self-service: the list that a supplier takes, the practice that does it itself.

use rollout::list::{Standing, supplier_list};
use rollout::state::{CapScope, ClinicalReason, Desired, DueKind, EnrolmentState, WaveStage};
use rollout::{Act, Direction, Observed, PauseEnd};

use crate::world::{World, alice, bob, carol, code, moment, one_wave, programme, supplier, target, wave};

/// TPP takes lists for Tuesdays, until five on the Thursday before.
fn booked() -> String {
    one_wave("    until: 2031-05-20\n    suppliers: [TPP]\n    take: by-capacity").replace(
        "gate:",
        "caps: {daily: {national: {practices: 4}}}\ngate:",
    )
    .replace(
        "  TPP: {mode: push}",
        "  TPP: {mode: booked-dates, dates: [2031-05-06, 2031-05-13, 2031-05-20], cut_off: {days_before: 5, at: \"17:00\"}}",
    )
}

#[test]
fn practices_go_live_on_their_booked_dates_as_many_as_the_caps_of_each_date_allow() {
    let mut world = World::running(20, &booked());
    world.run_until("2031-05-01T15:59:59Z");
    assert_eq!((world.stage(1), world.count(1, EnrolmentState::Commanded)), (WaveStage::Open, 4));
    world.run_until("2031-05-05T22:59:59Z");
    assert_eq!(world.count_on(), 0);
    world.run_until("2031-05-06T23:00:00Z");
    assert_eq!(world.count_on(), 4);
    world.run_until("2031-05-13T23:00:00Z");
    assert_eq!(world.count_on(), 8);
    world.run_until("2031-05-30T12:00:00Z");
    assert_eq!((world.count_on(), world.stage(1)), (10, WaveStage::Closed));
    assert_eq!(world.folded(), world.state);
}

#[test]
fn a_list_can_be_taken_in_the_day_before_its_cut_off_and_names_the_keys_that_the_claim_will_use() {
    let mut world = World::running(20, &booked());
    world.claims = false;
    let list = |world: &World| supplier_list(&world.state, &world.registry.view, &supplier("TPP"), world.now);
    world.run_until("2031-04-30T15:59:59Z");
    assert_eq!(list(&world).entries, []);
    world.run_until("2031-04-30T16:00:00Z");
    let waiting = list(&world);
    assert_eq!((waiting.entries.len(), waiting.claim_before), (4, Some(moment("2031-05-01T16:00:00Z"))));
    let keys: Vec<_> = waiting.entries.iter().map(|entry| entry.key.clone()).collect();
    world.claims = true;
    world.settle();
    let claimed = list(&world);
    assert!(claimed.entries.iter().all(|entry| entry.standing == Standing::Claimed));
    assert_eq!(claimed.entries.iter().map(|entry| entry.key.clone()).collect::<Vec<_>>(), keys);
}

#[test]
fn a_list_that_was_not_taken_is_missed_and_its_practices_wait_for_another_plan() {
    let mut world = World::running(20, &booked());
    world.claims = false;
    world.run_until("2031-05-02T12:00:00Z");
    world.claims = true;
    world.run_until("2031-05-30T12:00:00Z");
    assert_eq!((world.count_on(), world.count(1, EnrolmentState::Deferred)), (6, 4));
    let due = &world.state.programme(&programme()).unwrap().due;
    let lists: Vec<String> = due
        .iter()
        .filter(|(due, _)| due.kind.as_str() == "LIST_OPENS")
        .map(|(_, record)| record.outcome.to_string())
        .collect();
    assert_eq!(lists, ["MISSED (the supplier did not take the list)", "STARTED", "STARTED"]);
}

/// I12: lists that lie open at once end each by its own supplier and for its own date.
#[test]
fn i12_a_list_that_one_supplier_takes_is_still_missed_by_another() {
    let text = booked().replace("    suppliers: [TPP]\n", "").replace(
        "  EMIS: {mode: push}",
        "  EMIS: {mode: booked-dates, dates: [2031-05-06, 2031-05-13], cut_off: {days_before: 5, at: \"17:00\"}}",
    );
    let mut world = World::running(20, &text.replace("practices: 4", "practices: 8"));
    world.suppliers.remove(&supplier("EMIS"));
    world.run_until("2031-05-30T12:00:00Z");
    let due = &world.state.programme(&programme()).unwrap().due;
    let outcome = |by: &str, on: jiff::civil::Date| {
        let is_it = |kind: &DueKind| matches!(kind, DueKind::ListOpens { supplier, date, .. } if supplier.as_str() == by && *date == on);
        due.iter().find(|(due, _)| is_it(&due.kind)).map(|(_, record)| record.outcome.to_string())
    };
    let second = jiff::civil::date(2031, 5, 13);
    assert_eq!(outcome("TPP", second).as_deref(), Some("STARTED"));
    assert_eq!(outcome("EMIS", second).as_deref(), Some("MISSED (the supplier did not take the list)"));
}

#[test]
fn a_pause_before_the_claim_keeps_a_practice_off_the_list() {
    let mut world = World::running(20, &booked());
    let first = world
        .state
        .wave(&wave(1))
        .unwrap()
        .enrolments()
        .find(|one| one.planned_on == Some(jiff::civil::date(2031, 5, 6)));
    let first = first.unwrap().practice;
    world.run_until("2031-04-30T12:00:00Z");
    world.registry.pause(first, PauseEnd::FurtherNotice, world.now);
    world.run_until("2031-05-30T12:00:00Z");
    assert!(!world.is_on(first));
    assert_eq!(world.count_on(), 9);
}

#[test]
fn a_pause_after_the_claim_shows_among_the_withdrawn_and_is_confirmed_not_applied() {
    let mut world = World::running(20, &booked());
    world.run_until("2031-05-02T12:00:00Z");
    let claimed = world.state.activations().next().unwrap().key.clone();
    world.claims = false;
    world.registry.pause(claimed.practice, PauseEnd::FurtherNotice, world.now);
    let list = supplier_list(&world.state, &world.registry.view, &supplier("TPP"), world.now);
    assert_eq!(list.withdrawn, std::slice::from_ref(&claimed));
    world.claims = true;
    world.run_until("2031-05-30T12:00:00Z");
    assert!(!world.is_on(claimed.practice));
    assert!(world.effects.iter().all(|(_, key)| key.practice != claimed.practice));
    assert_eq!(world.enrolment(1, claimed.practice), EnrolmentState::NotApplied);
}

#[test]
fn a_pause_that_comes_too_late_for_the_list_is_followed_by_a_switch_off_on_the_list() {
    let mut world = World::running(20, &booked());
    world.run_until("2031-05-02T12:00:00Z");
    let claimed = world.state.activations().next().unwrap().key.clone();
    // The supplier does not look again before it has switched.
    world.jump(moment("2031-05-06T12:00:00Z"));
    world.registry.pause(claimed.practice, PauseEnd::FurtherNotice, world.now);
    world.run_until("2031-05-30T12:00:00Z");
    let of_one = world.effects.iter().filter(|(_, key)| key.practice == claimed.practice);
    assert_eq!(of_one.map(|(_, key)| key.direction).collect::<Vec<_>>(), [Direction::Enable, Direction::Disable]);
    assert!(!world.is_on(claimed.practice));
}

fn self_service() -> String {
    one_wave("    until: 2031-05-16\n    suppliers: [TPP]\n    gate: {min_success: 0.4, min_sample: 5, soak: 24h, timeout: 72h}")
        .replace("  TPP: {mode: push}", "  TPP: {mode: self-service}")
}

#[test]
fn self_service_practices_are_invited_confirmed_by_observation_or_lapse() {
    let mut world = World::running(20, &self_service());
    world.run_until("2031-05-06T12:00:00Z");
    assert_eq!(world.count(1, EnrolmentState::Invited), 10);
    assert_eq!(world.state.access(&target(code(1))).unwrap().desired, Desired::On);
    // No permit, no slot.
    assert_eq!((world.count_events("sealed"), world.state.activations().count()), (0, 0));
    assert!(world.state.programme(&programme()).unwrap().in_flight.of(&CapScope::National).is_zero());
    for number in [1, 3, 5, 7, 9] {
        world.observe(number, Observed::On);
    }
    world.observe(11, Observed::Partial);
    world.run_until("2031-05-16T22:59:59Z");
    assert_eq!((world.count(1, EnrolmentState::Verified), world.count(1, EnrolmentState::Invited)), (5, 5));
    world.run_until("2031-05-16T23:00:00Z");
    assert_eq!(world.count(1, EnrolmentState::Lapsed), 5);
    assert_eq!(world.state.access(&target(code(13))).unwrap().desired, Desired::Off);
    world.run_until("2031-05-30T12:00:00Z");
    assert_eq!(world.stage(1), WaveStage::Closed);
    let outcomes: Vec<String> =
        world.state.programme(&programme()).unwrap().due.values().map(|record| record.outcome.to_string()).collect();
    assert!(outcomes.iter().all(|outcome| outcome == "STARTED" || outcome.starts_with("SKIPPED")), "{outcomes:?}");
}

/// Whoever takes the invitation back: nobody wants it on any more, whatever the practice does by itself, and it is not switched off
/// for a wish that has ended.
#[test]
fn a_practice_whose_invitation_is_taken_back_is_wanted_on_no_more() {
    type TakeBack = fn(&mut World);
    let taken_back: [(&str, TakeBack); 3] = [
        ("its wave is unwound", |world| {
            let unwind = |etag| Act::UnwindWave { wave: wave(1), reason: ClinicalReason::RiskOfHarm, etag };
            world.act(&carol(), unwind(None)).unwrap();
            let asked = world.state.wave(&wave(1)).unwrap().unwinding.as_ref().map(|one| one.asked_at_position);
            world.act(&bob(), unwind(asked)).unwrap();
        }),
        ("its programme is cancelled", |world| {
            world.act(&alice(), Act::CancelProgramme { programme: programme() }).unwrap();
        }),
        ("another plan leaves it out", |world| {
            let text = self_service().replace("suppliers: [TPP]", "suppliers: [EMIS]").replace("wave: 1", "wave: 2");
            let text =
                text.replace("from: 2031-05-06", "from: 2031-05-27").replace("until: 2031-05-16", "until: 2031-06-06");
            world.put_in_force(&text).unwrap();
        }),
    ];
    for (what, take_back) in taken_back {
        let mut world = World::running(20, &self_service());
        world.run_until("2031-05-06T12:00:00Z");
        assert_eq!(world.enrolment(1, code(1)), EnrolmentState::Invited);
        take_back(&mut world);
        world.settle();
        assert_eq!(world.enrolment(1, code(1)), EnrolmentState::Superseded, "{what}");
        assert_eq!(world.state.access(&target(code(1))).unwrap().desired, Desired::Off, "{what}");
        // Off, and wanted off: asked to see to it, nobody has anything to do.
        world.observe(1, Observed::Off);
        world.registry.ask_off(code(1));
        world.settle();
        assert_eq!(world.state.activations().count(), 0, "{what}");
        assert_eq!(world.folded(), world.state);
    }
}

#[test]
fn a_paused_practice_is_not_invited_and_one_that_pauses_is_asked_no_more() {
    let mut world = World::running(20, &self_service());
    world.run_until("2031-05-05T12:00:00Z");
    world.pause(1, PauseEnd::FurtherNotice);
    world.run_until("2031-05-06T12:00:00Z");
    assert_eq!(world.count(1, EnrolmentState::Invited), 9);
    world.pause(3, PauseEnd::FurtherNotice);
    world.settle();
    assert_eq!(world.enrolment(1, code(3)), EnrolmentState::Withdrawn);
}

#[test]
fn a_wave_of_several_modes_drives_each_supplier_its_own_way() {
    let text = one_wave("    until: 2031-05-13").replace(
        "  TPP: {mode: push}",
        "  TPP: {mode: booked-dates, dates: [2031-05-13], cut_off: {days_before: 5, at: \"17:00\"}}",
    );
    let mut world = World::running(20, &text);
    world.run_until("2031-05-06T12:00:00Z");
    assert_eq!(world.count_on(), 10);
    assert!((1..=20).all(|number| world.is_on(code(number)) == (number % 2 == 0)));
    world.run_until("2031-05-30T12:00:00Z");
    assert_eq!((world.count_on(), world.stage(1)), (20, WaveStage::Closed));
}

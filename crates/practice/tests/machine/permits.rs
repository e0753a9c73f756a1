//! Who gets a permit, and how it ends.

use practice::access::{ObservedState, Outcome, Settled};
use practice::command::Settlement;
use practice::directory::{Lifetime, Status};
use practice::pause::{PauseEnd, ReceiptState};
use practice::{Action, Command, PermitRefusal, SettlementRefusal, permit_of, settlement_refusal};

use crate::bench::{Bench, code, day, disable, enable, entry, import};

#[test]
fn the_same_key_gets_the_same_permit() {
    let mut bench = Bench::new();
    assert_eq!(bench.done(&Command::AcquirePermits(vec![enable(1)])).len(), 1);
    assert_eq!(bench.done(&Command::AcquirePermits(vec![enable(1), enable(1)])).len(), 0);
    assert_eq!(bench.acquire(&enable(1)), None);
}

/// I1's registry half.
#[test]
fn at_most_one_enable_permit_is_open_for_a_capability_and_practice() {
    let mut bench = Bench::new();
    assert_eq!(bench.acquire(&enable(1)), None);
    assert_eq!(bench.acquire(&enable(2)), Some(PermitRefusal::PermitOpen(Action::Enable, 1)));
    bench.settle(&enable(1), Outcome::NotApplied);
    assert_eq!(bench.acquire(&enable(2)), None);
}

#[test]
fn a_batch_is_judged_one_after_the_other() {
    let mut bench = Bench::new();
    bench.done(&Command::AcquirePermits(vec![enable(1), enable(2), disable(3)]));
    assert_eq!(bench.acquire(&enable(1)), None);
    assert_eq!(bench.acquire(&enable(2)), Some(PermitRefusal::PermitOpen(Action::Enable, 1)));
    assert_eq!(bench.acquire(&disable(3)), None);
}

#[test]
fn a_settled_key_is_closed_for_ever() {
    for outcome in [Outcome::Applied, Outcome::NotApplied, Outcome::Refused, Outcome::Voided] {
        let mut bench = Bench::new();
        bench.acquire(&enable(1));
        bench.settle(&enable(1), outcome);
        assert_eq!(bench.acquire(&enable(1)), Some(PermitRefusal::KeyClosed), "{outcome:?}");
    }
}

/// I4: a call that comes late must not open a permit that nobody will ever settle.
#[test]
fn a_key_that_is_given_back_before_its_permit_was_asked_for_gets_none_any_more() {
    let mut bench = Bench::new();
    bench.settle(&enable(1), Outcome::Voided);
    assert_eq!(bench.acquire(&enable(1)), Some(PermitRefusal::KeyClosed));
    assert_eq!(bench.pause(PauseEnd::FurtherNotice), ReceiptState::Prevented);
    bench.resume();
    assert_eq!(bench.acquire(&enable(2)), None);
    bench.settle(&enable(9), Outcome::Refused);
    assert_eq!(settlement_refusal(&bench.state, &enable(9), Outcome::Refused), Some(SettlementRefusal::NoPermit));
}

#[test]
fn a_key_of_an_unknown_practice_cannot_be_given_back() {
    let mut bench = Bench::new();
    let mut key = enable(1);
    key.practice = code("Z99999");
    let settlement = Settlement { key, outcome: Outcome::Voided, observed: None, as_at: None };
    assert_eq!(bench.done(&Command::SettlePermits(vec![settlement])), []);
}

#[test]
fn a_generation_that_is_not_above_the_highest_is_stale() {
    let mut bench = Bench::new();
    bench.acquire(&enable(5));
    bench.settle(&enable(5), Outcome::Refused);
    assert_eq!(bench.acquire(&enable(4)), Some(PermitRefusal::GenerationStale(5)));
    assert_eq!(bench.acquire(&enable(6)), None);
}

#[test]
fn a_practice_observed_on_gets_no_enable_permit() {
    let mut bench = Bench::new();
    bench.observe(ObservedState::On);
    assert_eq!(bench.acquire(&enable(1)), Some(PermitRefusal::AlreadyOn));
    bench.observe(ObservedState::Partial);
    assert_eq!(bench.acquire(&enable(1)), None);
}

#[test]
fn closed_dormant_and_proposed_practices_get_no_enable_permit() {
    let today = "2031-06-02";
    let cases = [
        (Lifetime { close: Some(day(today)), ..Lifetime::default() }, Status::Closed),
        (Lifetime { dormant: true, ..Lifetime::default() }, Status::Dormant),
        (Lifetime { open: Some(day("2031-06-03")), ..Lifetime::default() }, Status::Proposed),
    ];
    for (lifetime, status) in cases {
        let mut bench = Bench::new();
        let mut closed = entry("A81001");
        closed.lifetime = Some(lifetime);
        bench.done(&import(today, vec![closed]));
        assert_eq!(bench.acquire(&enable(1)), Some(PermitRefusal::PracticeNotOpen(status)));
    }
}

/// Rule 15: what permits less is also checked against the clock.
#[test]
fn a_closure_that_is_due_refuses_the_permit_before_its_event() {
    let mut bench = Bench::new();
    let mut closing = entry("A81001");
    closing.lifetime = Some(Lifetime { close: Some(day("2031-06-10")), ..Lifetime::default() });
    bench.done(&import("2031-06-02", vec![closing]));
    bench.now = ods::civil::day_start(day("2031-06-10"));
    assert_eq!(bench.practice().status, Status::Active);
    assert_eq!(bench.acquire(&enable(1)), Some(PermitRefusal::PracticeNotOpen(Status::Closed)));
}

#[test]
fn a_disable_always_gets_a_permit() {
    let mut bench = Bench::new();
    bench.acquire(&enable(3));
    bench.pause(PauseEnd::FurtherNotice);
    let mut closed = entry("A81001");
    closed.lifetime = Some(Lifetime { close: Some(day("2031-06-01")), ..Lifetime::default() });
    bench.done(&import("2031-06-02", vec![closed]));
    assert_eq!(bench.acquire(&disable(4)), None);
    assert_eq!(bench.acquire(&disable(5)), None, "also beside another");
    assert_eq!(bench.acquire(&disable(1)), None, "also below the highest generation");
    bench.settle(&disable(4), Outcome::Applied);
    assert_eq!(bench.acquire(&disable(4)), Some(PermitRefusal::KeyClosed));
}

#[test]
fn an_unknown_practice_gets_no_permit_at_all() {
    let mut bench = Bench::new();
    for mut key in [enable(1), disable(1)] {
        key.practice = code("Z99999");
        assert_eq!(bench.acquire(&key), Some(PermitRefusal::PracticeUnknown));
    }
}

#[test]
fn the_first_outcome_stands() {
    let mut bench = Bench::new();
    bench.acquire(&enable(1));
    bench.settle(&enable(1), Outcome::Applied);
    let settled_at = bench.now;
    bench.settle(&enable(1), Outcome::Refused);
    assert_eq!(settlement_refusal(&bench.state, &enable(1), Outcome::Applied), None);
    let refused = settlement_refusal(&bench.state, &enable(1), Outcome::Refused);
    assert_eq!(refused, Some(SettlementRefusal::OutcomeDiffers(Outcome::Applied)));
    let permit = permit_of(&bench.state, &enable(1)).unwrap();
    assert_eq!(permit.settled, Some(Settled { at: settled_at, outcome: Outcome::Applied }));
    assert_eq!(settlement_refusal(&bench.state, &enable(9), Outcome::Applied), Some(SettlementRefusal::NoPermit));
}

#[test]
fn a_settlement_records_outcome_and_observation_in_one_event() {
    let mut bench = Bench::new();
    bench.acquire(&enable(1));
    let settlement = Settlement { key: enable(1), outcome: Outcome::Applied, observed: None, as_at: None };
    assert_eq!(bench.done(&Command::SettlePermits(vec![settlement])).len(), 1);
    assert_eq!(bench.observed(), Some(ObservedState::On));
}

#[test]
fn a_supplier_may_say_more_than_the_outcome() {
    let mut bench = Bench::new();
    bench.acquire(&enable(1));
    let observed = Some(ObservedState::Partial);
    let settlement = Settlement { key: enable(1), outcome: Outcome::Applied, observed, as_at: None };
    bench.done(&Command::SettlePermits(vec![settlement]));
    assert_eq!(bench.observed(), Some(ObservedState::Partial));
}

#[test]
fn a_supplier_whose_clock_runs_ahead_settles_all_the_same() {
    let mut bench = Bench::new();
    bench.acquire(&enable(1));
    let as_at = Some(bench.now + jiff::SignedDuration::from_hours(1));
    let settlement = Settlement { key: enable(1), outcome: Outcome::Applied, observed: None, as_at };
    bench.done(&Command::SettlePermits(vec![settlement]));
    let access = bench.practice().access(&ods::Capability::default()).unwrap();
    assert_eq!(access.verdict().unwrap().as_at, bench.now);
}

#[test]
fn only_a_late_word_that_it_is_on_without_a_moment_is_not_believed_after_a_switch_off() {
    let settled = |action_key: &practice::CommandKey, as_at| {
        let mut bench = Bench::new();
        for key in [action_key, &disable(9)] {
            bench.acquire(key);
        }
        bench.settle(&disable(9), Outcome::Applied);
        bench.wait(jiff::SignedDuration::from_secs(60));
        let as_at = Some(bench.now).filter(|_| as_at);
        let settlement = Settlement { key: action_key.clone(), outcome: Outcome::Applied, observed: None, as_at };
        bench.done(&Command::SettlePermits(vec![settlement]));
        let access = bench.practice().access(&ods::Capability::default()).unwrap();
        access.observations().last().map(|last| (last.state, last.recorded_at == bench.now))
    };
    assert_eq!(settled(&enable(1), false), Some((ObservedState::Off, false)));
    assert_eq!(settled(&enable(1), true), Some((ObservedState::On, true)));
    assert_eq!(settled(&disable(1), false), Some((ObservedState::Off, true)));
}

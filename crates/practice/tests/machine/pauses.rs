//! Pauses, receipts, judgements and requests to switch off.

use jiff::SignedDuration;
use ods::Capability;
use practice::access::{ObservedState, Outcome};
use practice::command::{PausePractice, RequestSwitchOff, ResumePractice, SetPauseOutcome};
use practice::pause::{Judgement, PauseEnd, ReceiptState};
use practice::{Command, PermitRefusal, Rejection};

use crate::bench::{Bench, code, disable, enable, placed};

/// I4: the permit is the only line.
#[test]
fn a_pause_before_the_permit_is_answered_prevented_and_refuses_it() {
    let mut bench = Bench::new();
    assert_eq!(bench.pause(PauseEnd::FurtherNotice), ReceiptState::Prevented);
    assert_eq!(bench.acquire(&enable(1)), Some(PermitRefusal::Paused(1)));
    bench.resume();
    assert_eq!(bench.acquire(&enable(1)), None);
}

/// I4.
#[test]
fn a_pause_in_the_same_microsecond_as_the_permit_is_ordered_by_position() {
    let mut first_the_pause = Bench::new();
    assert_eq!(first_the_pause.pause(PauseEnd::FurtherNotice), ReceiptState::Prevented);
    assert_eq!(first_the_pause.acquire(&enable(1)), Some(PermitRefusal::Paused(1)));

    let mut first_the_permit = Bench::new();
    assert_eq!(first_the_permit.acquire(&enable(1)), None);
    assert_eq!(first_the_permit.pause(PauseEnd::FurtherNotice), ReceiptState::Pending);
}

#[test]
fn a_pending_receipt_is_prevented_when_the_command_had_no_effect() {
    for outcome in [Outcome::NotApplied, Outcome::Refused, Outcome::Voided] {
        let mut bench = Bench::new();
        bench.acquire(&enable(1));
        assert_eq!(bench.pause(PauseEnd::FurtherNotice), ReceiptState::Pending);
        bench.settle(&enable(1), outcome);
        assert_eq!(bench.receipt(1), ReceiptState::Prevented, "{outcome:?}");
        assert_eq!(bench.practice().pause(1).unwrap().receipt[0].final_at, Some(bench.now));
    }
}

#[test]
fn a_pending_receipt_is_reversed_only_by_a_disable_that_took_effect() {
    let mut bench = Bench::new();
    bench.acquire(&enable(1));
    bench.pause(PauseEnd::FurtherNotice);
    bench.settle(&enable(1), Outcome::Applied);
    assert_eq!((bench.receipt(1), bench.observed()), (ReceiptState::Pending, Some(ObservedState::On)));

    assert_eq!(bench.acquire(&disable(2)), None);
    bench.settle(&disable(2), Outcome::Refused);
    assert_eq!(bench.receipt(1), ReceiptState::Pending);

    assert_eq!(bench.acquire(&disable(3)), None);
    bench.settle(&disable(3), Outcome::Applied);
    assert_eq!((bench.receipt(1), bench.observed()), (ReceiptState::Reversed, Some(ObservedState::Off)));
}

#[test]
fn an_enable_that_is_settled_after_its_disable_is_reversed_at_once_and_does_not_show_as_on() {
    let mut bench = Bench::new();
    bench.acquire(&enable(1));
    bench.pause(PauseEnd::FurtherNotice);
    bench.acquire(&disable(2));
    bench.settle(&disable(2), Outcome::Applied);
    assert_eq!(bench.receipt(1), ReceiptState::Pending);
    bench.settle(&enable(1), Outcome::Applied);
    assert_eq!((bench.receipt(1), bench.observed()), (ReceiptState::Reversed, Some(ObservedState::Off)));
}

/// I4.
#[test]
fn a_practice_observed_on_partial_or_unknown_is_never_answered_prevented() {
    for state in [ObservedState::On, ObservedState::Partial, ObservedState::Unknown] {
        let mut bench = Bench::new();
        bench.observe(state);
        assert_eq!(bench.pause(PauseEnd::FurtherNotice), ReceiptState::AlreadyOn, "{state:?}");
    }
    let mut bench = Bench::new();
    bench.observe(ObservedState::Off);
    assert_eq!(bench.pause(PauseEnd::FurtherNotice), ReceiptState::Prevented);
}

#[test]
fn a_practice_that_switched_itself_on_keeps_its_receipt_pending_until_off_is_observed() {
    let mut bench = Bench::new();
    bench.acquire(&enable(1));
    bench.pause(PauseEnd::FurtherNotice);
    bench.observe(ObservedState::On);
    bench.settle(&enable(1), Outcome::NotApplied);
    assert_eq!(bench.receipt(1), ReceiptState::Pending);
    bench.wait(SignedDuration::from_secs(1));
    bench.observe(ObservedState::Off);
    assert_eq!(bench.receipt(1), ReceiptState::Prevented);
}

#[test]
fn a_lifted_pause_whose_receipt_is_pending_still_refuses_the_next_permit() {
    let mut bench = Bench::new();
    bench.acquire(&enable(1));
    bench.pause(PauseEnd::FurtherNotice);
    bench.resume();
    bench.settle(&enable(1), Outcome::Applied);
    assert_eq!(bench.acquire(&enable(2)), Some(PermitRefusal::ReceiptPending(1)));
    bench.acquire(&disable(2));
    bench.settle(&disable(2), Outcome::Applied);
    assert_eq!(bench.acquire(&enable(3)), None);
}

#[test]
fn a_pause_of_one_capability_leaves_the_others() {
    let historic: Capability = "capabilities/historic-records".parse().unwrap();
    let mut bench = Bench::new();
    let pause = PausePractice {
        practice: code("A81001"),
        capability: Some(historic.clone()),
        end: PauseEnd::FurtherNotice,
        placed: placed(),
    };
    bench.done(&Command::PausePractice(pause));
    assert_eq!(bench.acquire(&enable(1)), None);
    let mut historic_key = enable(1);
    historic_key.capability = historic;
    assert_eq!(bench.acquire(&historic_key), Some(PermitRefusal::Paused(1)));
}

#[test]
fn a_pause_of_everything_waits_for_each_open_permit() {
    let historic: Capability = "capabilities/historic-records".parse().unwrap();
    let mut historic_key = enable(1);
    historic_key.capability = historic;
    let mut bench = Bench::new();
    bench.acquire(&enable(1));
    bench.acquire(&historic_key);
    assert_eq!(bench.pause(PauseEnd::FurtherNotice), ReceiptState::Pending);
    bench.settle(&enable(1), Outcome::Refused);
    assert_eq!(bench.receipt(1), ReceiptState::Pending);
    bench.settle(&historic_key, Outcome::Refused);
    assert_eq!(bench.receipt(1), ReceiptState::Prevented);
}

#[test]
fn pauses_are_a_set_and_lifting_one_leaves_the_others() {
    let mut bench = Bench::new();
    bench.pause(PauseEnd::FurtherNotice);
    bench.pause(PauseEnd::FurtherNotice);
    let resume = ResumePractice { practice: code("A81001"), pause: Some(1), if_position: None };
    bench.done(&Command::ResumePractice(resume.clone()));
    assert_eq!(bench.acquire(&enable(1)), Some(PermitRefusal::Paused(2)));
    assert!(matches!(bench.run(&Command::ResumePractice(resume)), Err(Rejection::PauseEnded { pause: 1, .. })));
}

#[test]
fn resuming_what_is_not_paused_is_refused() {
    let mut bench = Bench::new();
    let resume = ResumePractice { practice: code("A81001"), pause: None, if_position: None };
    assert!(matches!(bench.run(&Command::ResumePractice(resume)), Err(Rejection::NotPaused { .. })));
    let resume = ResumePractice { practice: code("A81001"), pause: Some(7), if_position: None };
    assert!(matches!(bench.run(&Command::ResumePractice(resume)), Err(Rejection::PauseUnknown { pause: 7, .. })));
}

#[test]
fn a_stale_position_is_refused_and_the_present_one_is_not() {
    let mut bench = Bench::new();
    bench.pause(PauseEnd::FurtherNotice);
    let seen = bench.practice().position();
    bench.pause(PauseEnd::FurtherNotice);
    let resume = ResumePractice { practice: code("A81001"), pause: None, if_position: Some(seen) };
    let refused = bench.run(&Command::ResumePractice(resume));
    assert_eq!(refused, Err(Rejection::PracticeChanged { practice: code("A81001"), position: seen + 1, seen }));
    let resume = ResumePractice { practice: code("A81001"), pause: None, if_position: Some(seen + 1) };
    bench.done(&Command::ResumePractice(resume));
}

#[test]
fn a_pause_must_end_after_now() {
    let mut bench = Bench::new();
    let mut pause =
        PausePractice { practice: code("A81001"), capability: None, end: PauseEnd::Until(bench.now), placed: placed() };
    assert!(matches!(bench.run(&Command::PausePractice(pause.clone())), Err(Rejection::PauseEndsInPast { .. })));
    pause.end = PauseEnd::Until(bench.now + SignedDuration::from_micros(1));
    assert!(bench.run(&Command::PausePractice(pause)).is_ok());
}

/// I22: being late costs a pause its end by default, never its effect.
#[test]
fn a_late_pause_is_honoured_until_the_practice_lifts_it() {
    let mut bench = Bench::new();
    bench.pause(PauseEnd::ProgrammeDefault);
    bench.done(&judge(Judgement::Late));
    bench.wait(SignedDuration::from_hours(24 * 365));
    assert!(bench.done(&Command::Lapse).is_empty());
    assert_eq!(bench.acquire(&enable(1)), Some(PermitRefusal::Paused(1)));
    bench.resume();
    assert_eq!(bench.acquire(&enable(1)), None);
}

#[test]
fn a_pause_in_time_ends_when_the_wave_it_defers_to_opens_and_moves_with_it() {
    let mut bench = Bench::new();
    bench.pause(PauseEnd::ProgrammeDefault);
    let in_time = |until| Judgement::InTime { deferred_to: "programmes/autumn/waves/2".to_owned(), until };
    let first = bench.now + SignedDuration::from_hours(24);
    bench.done(&judge(in_time(None)));
    bench.done(&judge(in_time(Some(first))));
    assert_eq!(bench.state.next_due(), Some(first));
    let second = first + SignedDuration::from_hours(24);
    bench.done(&judge(in_time(Some(second))));
    assert_eq!(bench.state.next_due(), Some(second));
    assert!(bench.done(&judge(in_time(Some(second)))).is_empty(), "saying it again changes nothing");

    bench.now = second;
    assert_eq!(bench.acquire(&enable(1)), Some(PermitRefusal::Paused(1)), "the lapse waits for its event (rule 15)");
    bench.done(&Command::Lapse);
    assert_eq!(bench.acquire(&enable(1)), None);
}

/// Rule 8: the practice was told that only it ends this pause.
#[test]
fn a_pause_that_was_judged_late_stays_late() {
    let mut bench = Bench::new();
    bench.pause(PauseEnd::ProgrammeDefault);
    let in_time = Judgement::InTime {
        deferred_to: "programmes/autumn/waves/2".to_owned(),
        until: Some(bench.now + SignedDuration::from_hours(1)),
    };
    bench.done(&judge(Judgement::InTime { deferred_to: "programmes/autumn/waves/2".to_owned(), until: None }));
    bench.done(&judge(Judgement::Late));
    let refused = bench.run(&judge(in_time));
    assert_eq!(refused, Err(Rejection::PauseJudgedLate { practice: code("A81001"), pause: 1 }));
    assert!(bench.done(&judge(Judgement::Late)).is_empty(), "saying it again changes nothing");
    assert_eq!(bench.state.next_due(), None, "it has no end");
}

/// Rule 8.
#[test]
fn the_scheduler_cannot_end_a_pause_of_another_kind() {
    let mut bench = Bench::new();
    bench.pause(PauseEnd::FurtherNotice);
    let refused = bench.run(&judge(Judgement::Late));
    assert_eq!(refused, Err(Rejection::PauseNotJudged { practice: code("A81001"), pause: 1 }));
}

/// Rule 8: or automation would put back what the practice had taken away.
#[test]
fn a_request_to_switch_off_also_pauses_and_is_done_when_the_command_took_effect() {
    let mut bench = Bench::new();
    bench.acquire(&enable(1));
    bench.settle(&enable(1), Outcome::Applied);
    bench.wait(SignedDuration::from_secs(1));
    let request = Command::RequestSwitchOff(RequestSwitchOff {
        practice: code("A81001"),
        capability: Capability::default(),
        placed: placed(),
    });
    assert_eq!(bench.done(&request).len(), 2);
    assert!(bench.done(&request).is_empty(), "asking again changes nothing");
    assert_eq!(bench.receipt(1), ReceiptState::AlreadyOn);
    assert_eq!(bench.acquire(&enable(2)), Some(PermitRefusal::Paused(1)));
    bench.resume();
    assert_eq!(bench.acquire(&enable(2)), Some(PermitRefusal::SwitchOffRequested));

    assert_eq!(bench.acquire(&disable(2)), None);
    bench.settle(&disable(2), Outcome::Applied);
    assert_eq!(bench.practice().access(&Capability::default()).unwrap().switch_off, None);
    assert_eq!(bench.acquire(&enable(3)), None);
}

#[test]
fn a_request_to_switch_off_is_done_when_off_is_observed_of_a_later_moment_only() {
    let mut bench = Bench::new();
    bench.observe(ObservedState::Off);
    bench.wait(SignedDuration::from_secs(1));
    let (practice, capability) = (code("A81001"), Capability::default());
    bench.done(&Command::RequestSwitchOff(RequestSwitchOff { practice, capability, placed: placed() }));
    let open = |bench: &Bench| bench.practice().access(&Capability::default()).unwrap().switch_off.is_some();
    assert!(open(&bench), "what was observed before the request does not fulfil it");
    bench.wait(SignedDuration::from_secs(1));
    bench.observe(ObservedState::Off);
    assert!(!open(&bench));
}

#[test]
fn a_request_to_switch_off_stays_open_while_a_command_to_switch_on_may_be_on_its_way() {
    let mut bench = Bench::new();
    bench.acquire(&enable(1));
    let (practice, capability) = (code("A81001"), Capability::default());
    bench.done(&Command::RequestSwitchOff(RequestSwitchOff { practice, capability, placed: placed() }));
    let open = |bench: &Bench| bench.practice().access(&Capability::default()).unwrap().switch_off.is_some();
    bench.wait(SignedDuration::from_secs(1));
    bench.observe(ObservedState::Off);
    assert!(open(&bench), "off for now");
    bench.settle(&enable(1), Outcome::NotApplied);
    assert!(!open(&bench));
}

fn judge(judgement: Judgement) -> Command {
    Command::SetPauseOutcome(SetPauseOutcome { practice: code("A81001"), pause: 1, judgement, if_position: None })
}

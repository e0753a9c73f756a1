//! What successors inherit: pauses, receipts, what was observed or asked for, readiness, patients (rule 9, decision 30).

use jiff::{SignedDuration, Timestamp};
use ods::Capability;
use ods::civil::day_start;
use practice::access::{ObservationSource, ObservedState, Outcome};
use practice::command::{RequestSwitchOff, ResumePractice, UpdateReadiness};
use practice::pause::{PauseEnd, ReceiptState};
use practice::readiness::{ReadinessItem, ReadinessState};
use practice::succession::heirs;
use practice::{Action, AsOf, Command, Event, PermitRefusal, SuccessionKind, View};

use super::{TODAY, TOMORROW, at, key_at, list, merge, observe_at, observed, patients, pause_at, size, succeed, town};
use crate::bench::{Bench, code, day, import, placed};

fn readiness(bench: &Bench, practice: &str, item: &str) -> Option<ReadinessState> {
    Some(at(bench, practice).readiness.get(item)?.last()?.said.state)
}

fn ready(bench: &mut Bench, practice: &str, item: &str, state: ReadinessState, expires_at: Option<Timestamp>) {
    let (evidence, owner) = (format!("{practice}'s"), "manager".to_owned());
    let item = ReadinessItem { item: item.to_owned(), state, evidence, owner, due_date: None, expires_at };
    let update = UpdateReadiness { practice: code(practice), items: vec![item], if_position: None };
    bench.done(&Command::UpdateReadiness(update));
}

#[test]
fn a_pause_that_ends_before_the_succession_is_not_inherited_however_late_both_are_recorded() {
    let mut bench = town();
    let due = day_start(day(TOMORROW));
    pause_at(&mut bench, "A81001", PauseEnd::Until(due - SignedDuration::from_secs(1)));
    pause_at(&mut bench, "A81001", PauseEnd::Until(due + SignedDuration::from_hours(1)));
    merge(&mut bench, &["A81001"], "B82001", TOMORROW);
    bench.now = due + SignedDuration::from_hours(24);
    let kinds: Vec<&str> = bench.done(&Command::Lapse).iter().map(Event::kind).collect();
    assert_eq!(kinds, ["lapsed", "succession-effected", "lapsed"]);
    let inherited: Vec<u32> = at(&bench, "B82001").pauses.iter().map(|pause| pause.inherited.unwrap().pause).collect();
    assert_eq!(inherited, [2]);
    bench.done(&Command::Lapse);
    assert_eq!(at(&bench, "B82001").pauses_in_force().count(), 0, "its agreed end had come meanwhile");
}

#[test]
fn a_pause_of_any_predecessor_holds_at_the_successor_until_the_successor_lifts_it() {
    let mut bench = town();
    pause_at(&mut bench, "A81002", PauseEnd::ProgrammeDefault);
    merge(&mut bench, &["A81001", "A81002"], "B82001", TODAY);
    let held = &at(&bench, "B82001").pauses[0];
    let origin = held.inherited.unwrap();
    assert_eq!((origin.practice, origin.pause), (code("A81002"), 1));
    assert_eq!((held.end, held.placed_by.as_str()), (PauseEnd::FurtherNotice, "manager"));
    assert_eq!(held.receipt_state(), ReceiptState::Prevented);
    assert_eq!(bench.acquire(&key_at("B82001", Action::Enable, 1)), Some(PermitRefusal::Paused(1)));

    // Under the closed code it can be lifted for nobody but the closed code.
    let lift = |practice: &str| ResumePractice { practice: code(practice), pause: None, if_position: None };
    bench.done(&Command::ResumePractice(lift("A81002")));
    assert_eq!(bench.acquire(&key_at("B82001", Action::Enable, 1)), Some(PermitRefusal::Paused(1)));
    bench.done(&Command::ResumePractice(lift("B82001")));
    assert_eq!(bench.acquire(&key_at("B82001", Action::Enable, 1)), None);
}

#[test]
fn a_receipt_prevents_nothing_where_access_may_be_on() {
    for (state, receipt, left) in [
        (ObservedState::Off, ReceiptState::Prevented, None),
        (ObservedState::On, ReceiptState::AlreadyOn, Some(ObservedState::Unknown)),
        (ObservedState::Partial, ReceiptState::AlreadyOn, Some(ObservedState::Unknown)),
        (ObservedState::Unknown, ReceiptState::AlreadyOn, Some(ObservedState::Unknown)),
    ] {
        let mut bench = town();
        observe_at(&mut bench, "A81001", state, None);
        pause_at(&mut bench, "A81002", PauseEnd::FurtherNotice);
        merge(&mut bench, &["A81001", "A81002"], "B82001", TODAY);
        assert_eq!(at(&bench, "B82001").pauses[0].receipt_state(), receipt, "{state:?}");
        assert_eq!(observed(&bench, "B82001"), left, "{state:?}");
    }
}

#[test]
fn a_command_under_way_under_a_closed_code_settles_there_and_its_receipt_stays_honest() {
    for (outcome, receipt) in
        [(Outcome::NotApplied, ReceiptState::Prevented), (Outcome::Applied, ReceiptState::Pending)]
    {
        let mut bench = town();
        let key = key_at("A81001", Action::Enable, 1);
        bench.acquire(&key);
        pause_at(&mut bench, "A81001", PauseEnd::FurtherNotice);
        merge(&mut bench, &["A81001", "A81002"], "B82001", TODAY);
        assert_eq!(bench.receipt(1), ReceiptState::Pending);
        assert_eq!(observed(&bench, "B82001"), Some(ObservedState::Unknown), "it may come on at any moment");
        assert_eq!(at(&bench, "B82001").pauses[0].receipt_state(), ReceiptState::AlreadyOn);
        bench.wait(SignedDuration::from_hours(24));
        bench.settle(&key, outcome);
        assert_eq!(bench.receipt(1), receipt, "{outcome:?}");
        if outcome == Outcome::Applied {
            let reversal = key_at("A81001", Action::Disable, 2);
            assert_eq!(bench.acquire(&reversal), None);
            bench.settle(&reversal, Outcome::Applied);
            assert_eq!(bench.receipt(1), ReceiptState::Reversed);
        }
    }
}

#[test]
fn a_pause_that_comes_to_a_successor_with_a_command_under_way_is_pending_there() {
    let mut bench = town();
    let key = key_at("A81002", Action::Enable, 1);
    bench.acquire(&key);
    pause_at(&mut bench, "A81001", PauseEnd::FurtherNotice);
    merge(&mut bench, &["A81001"], "A81002", TODAY);
    let receipt = |bench: &Bench| at(bench, "A81002").pauses[0].receipt_state();
    assert_eq!(receipt(&bench), ReceiptState::Pending);
    bench.settle(&key, Outcome::Applied);
    let reversal = key_at("A81002", Action::Disable, 2);
    bench.acquire(&reversal);
    bench.settle(&reversal, Outcome::Applied);
    assert_eq!(receipt(&bench), ReceiptState::Reversed);
}

#[test]
fn a_successor_is_live_only_once_it_is_observed_of_a_later_moment() {
    let mut bench = town();
    observe_at(&mut bench, "A81001", ObservedState::On, None);
    observe_at(&mut bench, "A81002", ObservedState::On, None);
    bench.now = day_start(day(TOMORROW));
    merge(&mut bench, &["A81001"], "A81002", TOMORROW);
    assert_eq!(observed(&bench, "A81001"), Some(ObservedState::Unknown), "nobody is registered there any more");
    assert_eq!(observed(&bench, "A81002"), Some(ObservedState::Unknown));
    let before = bench.now - SignedDuration::from_secs(1);
    observe_at(&mut bench, "A81002", ObservedState::On, Some(before));
    assert_eq!(observed(&bench, "A81002"), Some(ObservedState::Unknown), "that was before");
    bench.wait(SignedDuration::from_secs(1));
    observe_at(&mut bench, "A81002", ObservedState::On, None);
    assert_eq!(observed(&bench, "A81002"), Some(ObservedState::On));
}

#[test]
fn an_observation_from_after_a_succession_that_is_told_late_stands() {
    let mut bench = town();
    observe_at(&mut bench, "A81001", ObservedState::On, None);
    bench.wait(SignedDuration::from_hours(24 * 10));
    observe_at(&mut bench, "B82001", ObservedState::On, None);
    merge(&mut bench, &["A81001", "A81002"], "B82001", TOMORROW);
    assert_eq!(observed(&bench, "B82001"), Some(ObservedState::On));
    let practice = bench.state.practice(code("B82001")).unwrap();
    let then = AsOf { effective_at: day_start(day("2031-06-05")), known_at: bench.now };
    let view = View::as_of(practice, then).unwrap();
    assert_eq!(view.observed(&Capability::default()).unwrap().by.source, ObservationSource::Succession);
}

#[test]
fn a_request_to_switch_off_is_carried_and_is_done_at_the_successor() {
    let mut bench = town();
    observe_at(&mut bench, "A81001", ObservedState::On, None);
    let (practice, capability) = (code("A81001"), Capability::default());
    bench.done(&Command::RequestSwitchOff(RequestSwitchOff { practice, capability, placed: placed() }));
    bench.wait(SignedDuration::from_secs(1));
    merge(&mut bench, &["A81001", "A81002"], "B82001", TODAY);
    let open = |bench: &Bench| at(bench, "B82001").access(&Capability::default()).unwrap().switch_off.clone();
    assert_eq!(open(&bench).unwrap().inherited_from, Some(code("A81001")));
    let disable = key_at("B82001", Action::Disable, 1);
    assert_eq!(bench.acquire(&disable), None);
    bench.settle(&disable, Outcome::Applied);
    assert_eq!(open(&bench), None);
}

/// What somebody says under the code they know is not lost because the code has ended.
#[test]
fn what_is_said_under_a_closed_code_holds_at_whoever_goes_on() {
    let mut bench = town();
    merge(&mut bench, &["A81001"], "B82001", TODAY);
    bench.wait(SignedDuration::from_hours(48));
    succeed(&mut bench, SuccessionKind::Split, &["B82001"], &["A81002", "B82002"], "2031-06-04");
    assert_eq!(heirs(&bench.state, code("A81001")), [code("B82001"), code("A81002"), code("B82002")]);
    pause_at(&mut bench, "A81001", PauseEnd::ProgrammeDefault);
    for heir in ["A81002", "B82002"] {
        let held = at(&bench, heir).pauses.last().unwrap();
        assert_eq!((held.end, held.inherited.unwrap().practice), (PauseEnd::FurtherNotice, code("A81001")));
        assert_eq!(bench.acquire(&key_at(heir, Action::Enable, 1)), Some(PermitRefusal::Paused(1)));
    }
    let (practice, capability) = (code("A81001"), Capability::default());
    bench.done(&Command::RequestSwitchOff(RequestSwitchOff { practice, capability, placed: placed() }));
    for heir in ["A81002", "B82002"] {
        let access = at(&bench, heir).access(&Capability::default()).unwrap();
        assert_eq!(access.switch_off.as_ref().unwrap().inherited_from, Some(code("A81001")));
    }
}

#[test]
fn readiness_is_what_all_predecessors_have_and_expires_with_the_first() {
    let mut bench = town();
    let (soon, later) = (bench.now + SignedDuration::from_hours(24), bench.now + SignedDuration::from_hours(48));
    use ReadinessState::{Complete, InProgress, NotApplicable, NotStarted};
    ready(&mut bench, "A81001", "dpia", Complete, Some(later));
    ready(&mut bench, "A81002", "dpia", Complete, Some(soon));
    ready(&mut bench, "A81001", "staff-training", Complete, None);
    ready(&mut bench, "A81002", "staff-training", InProgress, None);
    ready(&mut bench, "A81001", "policies", Complete, None);
    ready(&mut bench, "A81001", "proxy-and-under-16-policy", Complete, None);
    ready(&mut bench, "A81002", "proxy-and-under-16-policy", NotApplicable, None);
    merge(&mut bench, &["A81001", "A81002"], "B82001", TODAY);
    let state = |item| readiness(&bench, "B82001", item);
    assert_eq!(state("dpia"), Some(Complete));
    assert_eq!(state("staff-training"), Some(InProgress));
    assert_eq!(state("policies"), Some(NotStarted), "A81002 has recorded nothing of it");
    assert_eq!(state("proxy-and-under-16-policy"), Some(InProgress));
    assert_eq!(at(&bench, "B82001").readiness.get("dpia").unwrap().last().unwrap().said.expires_at, Some(soon));
    bench.now = soon;
    bench.done(&Command::Lapse);
    assert_eq!(readiness(&bench, "B82001", "dpia"), Some(ReadinessState::Expired));
}

#[test]
fn a_practice_that_goes_on_is_no_readier_than_it_was() {
    let mut bench = town();
    ready(&mut bench, "A81001", "dpia", ReadinessState::Complete, None);
    ready(&mut bench, "A81002", "staff-training", ReadinessState::Complete, None);
    merge(&mut bench, &["A81001"], "A81002", TODAY);
    assert_eq!(readiness(&bench, "A81002", "dpia"), Some(ReadinessState::NotStarted));
    assert_eq!(readiness(&bench, "A81002", "staff-training"), Some(ReadinessState::NotStarted));
}

#[test]
fn a_change_of_code_takes_everything_over_as_it_is() {
    let mut bench = town();
    ready(&mut bench, "A81001", "dpia", ReadinessState::Complete, None);
    succeed(&mut bench, SuccessionKind::Recode, &["A81001"], &["B82001"], TODAY);
    let said = at(&bench, "B82001").readiness.get("dpia").unwrap().last().unwrap().said.clone();
    assert_eq!((said.state, said.evidence.as_str()), (ReadinessState::Complete, "A81001's"));
    assert_eq!(patients(&bench, "B82001"), Some(4_000));
}

#[test]
fn patients_are_counted_once_until_the_next_publication_counts_them() {
    let mut bench = town();
    merge(&mut bench, &["A81001"], "A81002", TODAY);
    let counted = at(&bench, "A81002").list_size.as_ref().unwrap().latest().value.clone();
    assert_eq!((counted.patients, counted.carried_over, counted.date), (13_000, true, day(TODAY)));
    assert_eq!(patients(&bench, "A81001"), Some(4_000), "what it had is on record");

    let mut published = list("A81002", 12_900);
    published.list_size = Some(size(12_900, TODAY));
    bench.done(&import(TODAY, vec![published]));
    assert_eq!(patients(&bench, "A81002"), Some(12_900));
}

#[test]
fn a_split_shares_patients_and_loses_none() {
    let mut bench = town();
    bench.done(&import("2031-05-01", vec![list("A81001", 4_001)]));
    succeed(&mut bench, SuccessionKind::Split, &["A81001"], &["B82001", "B82002"], TODAY);
    assert_eq!([patients(&bench, "B82001"), patients(&bench, "B82002")], [Some(2_001), Some(2_000)]);
}

#[test]
fn a_publication_from_after_a_succession_that_is_told_late_has_counted_them_already() {
    let mut bench = town();
    bench.wait(SignedDuration::from_hours(24 * 30));
    let mut published = list("A81002", 13_100);
    published.list_size = Some(size(13_100, "2031-07-01"));
    bench.done(&import("2031-07-01", vec![published]));
    merge(&mut bench, &["A81001"], "A81002", TOMORROW);
    assert_eq!(patients(&bench, "A81002"), Some(13_100));
    let practice = bench.state.practice(code("A81002")).unwrap();
    let on = |text: &str| {
        let view = View::as_of(practice, AsOf { effective_at: day_start(day(text)), known_at: bench.now }).unwrap();
        view.list_size().unwrap().patients
    };
    assert_eq!([on(TODAY), on(TOMORROW), on("2031-06-30"), on("2031-07-01")], [9_000, 13_000, 13_000, 13_100]);
}

//! Advice to wait and support cases: who may say and end them, and that they stop nothing.

use jiff::{SignedDuration, Timestamp};
use ods::Capability;
use practice::advice::{AdviceEnding, AdviceKind, Advised};
use practice::command::{Author, EndAdvice, RecordAdvice};
use practice::reasons::{Fact, reasons};
use practice::{AsOf, Command, Rejection, View};

use crate::bench::{Bench, code, enable};

fn author(account: &str, role: &str) -> Author {
    Author { account: account.to_owned(), roles: vec![role.to_owned()] }
}

fn advice(kind: AdviceKind) -> RecordAdvice {
    RecordAdvice {
        practice: code("A81001"),
        advised: Advised {
            kind,
            capability: None,
            source: "organisations/QHM".to_owned(),
            reference: "case 77".to_owned(),
            category: "wrong-settings".to_owned(),
            evidence: "minutes of May".to_owned(),
            until: None,
            review_on: None,
        },
        from: None,
        by: author("bo", "icb"),
    }
}

fn end(by: Author, at: Option<Timestamp>) -> Command {
    Command::EndAdvice(EndAdvice { practice: code("A81001"), advice: 1, at, by })
}

fn facts(bench: &Bench) -> Vec<Fact> {
    let view = View::current(bench.state.practice(code("A81001")).unwrap());
    reasons(view, &Capability::default()).iter().map(|reason| reason.fact).collect()
}

/// Only pauses and holds stop a go-live.
#[test]
fn advice_to_wait_shows_among_the_reasons_and_refuses_no_permit() {
    let mut bench = Bench::new();
    bench.done(&Command::RecordAdvice(advice(AdviceKind::Wait)));
    assert_eq!(facts(&bench), [Fact::NeverObserved, Fact::AdviceToWait(1)]);
    assert_eq!(bench.acquire(&enable(1)), None);
}

#[test]
fn a_support_case_is_no_reason_for_access_and_refuses_no_permit() {
    let mut bench = Bench::new();
    bench.done(&Command::RecordAdvice(advice(AdviceKind::SupportCase)));
    assert_eq!(facts(&bench), [Fact::NeverObserved]);
    let view = View::current(bench.state.practice(code("A81001")).unwrap());
    assert_eq!(view.advice().count(), 1);
    assert_eq!(bench.acquire(&enable(1)), None);
}

#[test]
fn advice_about_another_capability_is_no_reason() {
    let mut bench = Bench::new();
    let mut about = advice(AdviceKind::Wait);
    about.advised.capability = Some("capabilities/historic-records".parse().unwrap());
    bench.done(&Command::RecordAdvice(about));
    assert_eq!(facts(&bench), [Fact::NeverObserved]);
}

#[test]
fn advice_is_ended_by_its_author_or_an_equal_and_by_nobody_else() {
    let mut bench = Bench::new();
    bench.done(&Command::RecordAdvice(advice(AdviceKind::Wait)));
    let refused = bench.run(&end(author("manager", "practice"), None));
    let recorded_as = vec!["icb".to_owned()];
    assert_eq!(refused, Err(Rejection::AdviceOfAnother { practice: code("A81001"), advice: 1, recorded_as }));
    let mut again = Bench::new();
    again.done(&Command::RecordAdvice(advice(AdviceKind::Wait)));
    again.done(&end(author("bo", "programme-lead"), None));
    bench.done(&end(author("cy", "icb"), None));
    for mut bench in [bench, again] {
        assert_eq!(facts(&bench), [Fact::NeverObserved]);
        let ended = bench.run(&end(author("bo", "icb"), None));
        assert_eq!(ended, Err(Rejection::AdviceHasEnded { practice: code("A81001"), advice: 1 }));
    }
}

/// Rule 15.
#[test]
fn advice_holds_until_the_event_of_its_end_which_keeps_the_agreed_moment() {
    let mut bench = Bench::new();
    let until = bench.now + SignedDuration::from_hours(1);
    let mut given = advice(AdviceKind::Wait);
    given.advised.until = Some(until);
    bench.done(&Command::RecordAdvice(given));
    assert_eq!(bench.state.next_due(), Some(until));
    bench.now = until + SignedDuration::from_hours(1);
    assert_eq!(facts(&bench).len(), 2, "time alone changes nothing");
    bench.done(&Command::Lapse);
    let ended = bench.practice().advice(1).unwrap().ended.clone().unwrap();
    assert_eq!((ended.at, ended.ending, ended.by.as_str()), (until, AdviceEnding::Lapsed, ""));
    assert_eq!(bench.state.next_due(), None);
}

#[test]
fn a_case_is_recorded_late_in_both_times_and_closed_between_its_opening_and_now() {
    let mut bench = Bench::new();
    let opened = bench.now - SignedDuration::from_hours(24);
    let case = RecordAdvice { from: Some(opened), ..advice(AdviceKind::SupportCase) };
    bench.wait(SignedDuration::from_hours(1));
    let recorded_at = bench.now;
    bench.done(&Command::RecordAdvice(case));
    let by = || author("bo", "icb");
    let early = opened - SignedDuration::from_micros(1);
    assert!(matches!(bench.run(&end(by(), Some(early))), Err(Rejection::AdviceMomentOutOfRange { .. })));
    let closed = opened + SignedDuration::from_hours(1);
    bench.done(&end(by(), Some(closed)));

    let practice = bench.state.practice(code("A81001")).unwrap();
    let count =
        |effective_at, known_at| View::as_of(practice, AsOf { effective_at, known_at }).unwrap().advice().count();
    assert_eq!(count(opened, bench.now), 1);
    assert_eq!(count(closed, bench.now), 0);
    assert_eq!(count(opened, recorded_at - SignedDuration::from_micros(1)), 0, "nobody knew of it then");
}

#[test]
fn advice_neither_begins_in_the_future_nor_ends_in_the_past() {
    let mut bench = Bench::new();
    let mut ahead = advice(AdviceKind::Wait);
    ahead.from = Some(bench.now + SignedDuration::from_micros(1));
    assert!(matches!(bench.run(&Command::RecordAdvice(ahead)), Err(Rejection::AdviceMomentOutOfRange { .. })));
    let mut over = advice(AdviceKind::Wait);
    over.advised.until = Some(bench.now);
    assert!(matches!(bench.run(&Command::RecordAdvice(over)), Err(Rejection::AdviceEndsInPast { .. })));
    let missing =
        Command::EndAdvice(EndAdvice { practice: code("A81001"), advice: 3, at: None, by: author("bo", "icb") });
    assert!(matches!(bench.run(&missing), Err(Rejection::AdviceUnknown { advice: 3, .. })));
}

//! Rule 15: time alone changes nothing.

use jiff::SignedDuration;
use practice::command::UpdateReadiness;
use practice::directory::{Lifetime, Status};
use practice::pause::{Ended, Ending, PauseEnd};
use practice::readiness::{ReadinessItem, ReadinessState};
use practice::{AsOf, Command, Event, LAPSES_MAX, PermitRefusal, View};

use crate::bench::{Bench, code, day, enable, entry, import};

#[test]
fn a_pause_holds_until_the_event_of_its_end_which_keeps_the_agreed_moment() {
    let mut bench = Bench::new();
    let until = bench.now + SignedDuration::from_hours(1);
    bench.pause(PauseEnd::Until(until));
    bench.now = until - SignedDuration::from_micros(1);
    assert!(bench.done(&Command::Lapse).is_empty());
    bench.now = until + SignedDuration::from_hours(1);
    assert_eq!(bench.acquire(&enable(1)), Some(PermitRefusal::Paused(1)));
    bench.done(&Command::Lapse);
    let ended = Ended { at: until, recorded_at: bench.now, ending: Ending::Lapsed };
    assert_eq!(bench.practice().pause(1).unwrap().ended, Some(ended));
    assert_eq!(bench.acquire(&enable(1)), None);
    assert!(bench.done(&Command::Lapse).is_empty(), "nothing lapses twice");
}

#[test]
fn a_lifted_pause_does_not_lapse() {
    let mut bench = Bench::new();
    bench.pause(PauseEnd::Until(bench.now + SignedDuration::from_hours(1)));
    bench.resume();
    assert_eq!(bench.state.next_due(), None);
}

#[test]
fn a_practice_opens_and_closes_by_events_on_its_days() {
    let mut bench = Bench::new();
    let mut announced = entry("A81001");
    let (open, close) = (day("2031-06-10"), day("2031-06-20"));
    announced.lifetime = Some(Lifetime { open: Some(open), close: Some(close), dormant: false });
    bench.done(&import("2031-06-01", vec![announced]));
    assert_eq!(bench.practice().status, Status::Proposed);
    for (day, status) in [(open, Status::Active), (close, Status::Closed)] {
        bench.now = ods::civil::day_start(day);
        assert_ne!(bench.practice().status, status);
        bench.done(&Command::Lapse);
        assert_eq!(bench.practice().status, status);
    }
    assert_eq!(bench.state.next_due(), None);
}

#[test]
fn a_complete_readiness_item_expires_and_the_past_still_shows_it_complete() {
    let mut bench = Bench::new();
    let expires_at = bench.now + SignedDuration::from_hours(24);
    let item = ReadinessItem {
        item: "staff-training".to_owned(),
        state: ReadinessState::Complete,
        evidence: "minutes of May".to_owned(),
        owner: "manager".to_owned(),
        due_date: None,
        expires_at: Some(expires_at),
    };
    let (practice, items) = (code("A81001"), vec![item]);
    let update = Command::UpdateReadiness(UpdateReadiness { practice, items, if_position: None });
    assert_eq!(bench.done(&update).len(), 1);
    assert!(bench.done(&update).is_empty());
    bench.now = expires_at;
    bench.done(&Command::Lapse);

    let practice = bench.state.practice(code("A81001")).unwrap();
    let state = |view: View<'_>| view.readiness().map(|(item, _)| item.state).collect::<Vec<_>>();
    assert_eq!(state(View::current(practice)), [ReadinessState::Expired]);
    let effective_at = expires_at - SignedDuration::from_micros(1);
    let before = View::as_of(practice, AsOf { effective_at, known_at: bench.now }).unwrap();
    assert_eq!(state(before), [ReadinessState::Complete]);
}

#[test]
fn a_nation_of_lapses_comes_in_records_of_bounded_length_earliest_first() {
    let mut bench = Bench::new();
    for _ in 0..LAPSES_MAX {
        bench.pause(PauseEnd::Until(bench.now + SignedDuration::from_hours(2)));
    }
    bench.pause(PauseEnd::Until(bench.now + SignedDuration::from_hours(1)));
    bench.wait(SignedDuration::from_hours(3));
    let events = bench.done(&Command::Lapse);
    let [Event::Lapsed { lapses }] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(lapses.len(), LAPSES_MAX);
    assert!(lapses.is_sorted_by_key(|lapse| lapse.effective_at));
    bench.done(&Command::Lapse);
    assert_eq!(bench.state.next_due(), None);
}

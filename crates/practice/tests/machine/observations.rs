//! Observations in both times.

use jiff::{SignedDuration, Timestamp};
use ods::Capability;
use practice::access::ObservedState::{self, Off, On, Unknown};
use practice::{AsOf, Command, Rejection, View};

use crate::bench::{Bench, code, entry, import, observation};

#[test]
fn the_latest_by_its_own_moment_is_what_shows() {
    let mut bench = Bench::new();
    observe_at(&mut bench, On, 100);
    observe_at(&mut bench, Off, 50);
    assert_eq!(bench.observed(), Some(On), "a late report of an earlier moment is history");
    observe_at(&mut bench, Off, 100);
    assert_eq!(bench.observed(), Some(Off), "of equal moments the later record holds");
}

#[test]
fn live_since_is_the_start_of_the_unbroken_run() {
    let mut bench = Bench::new();
    let since = |bench: &Bench| {
        let practice = bench.state.practice(code("A81001")).unwrap();
        View::current(practice).live_since(&Capability::default())
    };
    assert_eq!(since(&bench), None);
    observe_at(&mut bench, On, 100);
    observe_at(&mut bench, On, 200);
    assert_eq!(since(&bench), Some(at(&bench, 100)));
    observe_at(&mut bench, Off, 150);
    assert_eq!(since(&bench), Some(at(&bench, 200)), "a gap that is reported late shortens the run");
    observe_at(&mut bench, Off, 300);
    assert_eq!(since(&bench), None);
}

#[test]
fn the_same_observation_twice_is_one() {
    let mut bench = Bench::new();
    assert_eq!(bench.observe(On).len(), 1);
    assert!(bench.observe(On).is_empty());
    bench.wait(SignedDuration::from_secs(1));
    assert_eq!(bench.observe(On).len(), 1, "of a later moment it is fresh evidence");
}

#[test]
fn an_observation_of_an_unknown_practice_is_left_out_and_the_others_count() {
    let mut bench = Bench::new();
    let mut stranger = observation(On);
    stranger.practice = code("Z99999");
    bench.done(&Command::RecordObservations(vec![stranger, observation(On)]));
    assert_eq!(bench.observed(), Some(On));
}

#[test]
fn nothing_is_observed_in_the_future_but_for_a_clock_that_is_a_little_ahead() {
    let mut bench = Bench::new();
    let mut ahead = observation(On);
    ahead.as_at = Some(bench.now + practice::OBSERVER_AHEAD_MAX);
    bench.done(&Command::RecordObservations(vec![ahead.clone()]));
    let access = bench.practice().access(&Capability::default()).unwrap();
    assert_eq!(access.verdict().unwrap().as_at, bench.now);

    ahead.as_at = Some(bench.now + practice::OBSERVER_AHEAD_MAX + SignedDuration::from_micros(1));
    let refused = bench.run(&Command::RecordObservations(vec![ahead]));
    assert!(matches!(refused, Err(Rejection::ObservedInFuture { .. })));
}

/// Rule 10.
#[test]
fn a_change_of_supplier_drops_what_was_observed_to_unknown_until_the_new_one_confirms() {
    let mut bench = Bench::new();
    observe_at(&mut bench, On, 100);
    bench.wait(SignedDuration::from_hours(48));
    let mut moved = entry("A81001");
    moved.supplier = Some("TPP".parse().unwrap());
    bench.done(&import("2031-06-02", vec![moved.clone()]));
    assert_eq!(bench.observed(), Some(Unknown), "also where the import says a day before the observation");
    assert!(bench.done(&import("2031-06-02", vec![moved])).is_empty());
    bench.observe(On);
    assert_eq!(bench.observed(), Some(On));
}

#[test]
fn a_correction_of_a_past_supplier_changes_nothing_observed_now() {
    let mut bench = Bench::new();
    bench.observe(On);
    let mut before = entry("A81001");
    before.supplier = Some("TPP".parse().unwrap());
    bench.done(&import("2031-05-01", vec![before]));
    assert_eq!(bench.observed(), Some(On));
}

#[test]
fn a_practice_that_was_never_observed_stays_so_when_its_supplier_changes() {
    let mut bench = Bench::new();
    let mut moved = entry("A81001");
    moved.supplier = Some("TPP".parse().unwrap());
    bench.done(&import("2031-06-02", vec![moved]));
    assert_eq!(bench.observed(), None);
}

#[test]
fn a_read_in_the_past_knows_what_was_true_and_what_was_believed() {
    let mut bench = Bench::new();
    bench.wait(SignedDuration::from_hours(1));
    observe_at(&mut bench, On, 0);
    let told_on = bench.now;
    bench.wait(SignedDuration::from_hours(1));
    observe_at(&mut bench, Off, 600);
    let told_off = bench.now;

    let practice = bench.state.practice(code("A81001")).unwrap();
    let state = |effective_at: Timestamp, known_at: Timestamp| {
        let view = View::as_of(practice, AsOf { effective_at, known_at }).unwrap();
        view.observed(&Capability::default()).map(|observed| observed.state)
    };
    assert_eq!(state(at(&bench, 700), told_on), Some(On), "believed");
    assert_eq!(state(at(&bench, 700), told_off), Some(Off), "true");
    assert_eq!(state(at(&bench, 500), told_off), Some(On));
    assert_eq!(state(at(&bench, -1), told_off), None);
}

/// `seconds` after the start.
fn at(_: &Bench, seconds: i64) -> Timestamp {
    crate::bench::START.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn observe_at(bench: &mut Bench, state: ObservedState, seconds: i64) {
    let as_at = at(bench, seconds);
    bench.now = bench.now.max(as_at);
    let mut observation = observation(state);
    observation.as_at = Some(as_at);
    bench.done(&Command::RecordObservations(vec![observation]));
}

//! The manual clock moves only when moved, and the system clock keeps to microseconds.

use clock::{Clock, SystemClock};
use jiff::{SignedDuration, Timestamp};

fn start() -> Timestamp {
    "2031-03-29T00:00:00Z".parse().expect("a valid moment")
}

#[tokio::test]
async fn a_manual_clock_wakes_those_due_and_no_others() {
    let (clock, manual) = Clock::manual(start());
    let second = SignedDuration::from_secs(1);
    let due = tokio::spawn(clock.sleep_until(start() + second, "due"));
    let later = tokio::spawn(clock.sleep_until(start() + second * 3, "later"));
    manual.advance(second * 2);
    drop(due.await.expect("the sleeper ends"));
    assert!(!later.is_finished());
    manual.set(start());
    assert_eq!(clock.now(), start(), "a test may turn time back");
    manual.advance(second * 3);
    drop(later.await.expect("the sleeper ends"));
}

#[tokio::test]
async fn a_manual_clock_wakes_at_once_who_is_late() {
    let (clock, _manual) = Clock::manual(start());
    drop(clock.sleep_until(start() - SignedDuration::from_secs(1), "late").await);
}

#[test]
fn moments_are_whole_microseconds_also_before_1970() {
    let (clock, manual) = Clock::manual(Timestamp::from_nanosecond(-1_500).expect("a valid moment"));
    assert_eq!(clock.now().as_nanosecond(), -2_000);
    manual.advance(SignedDuration::from_nanos(3_999));
    assert_eq!(clock.now().as_nanosecond(), 1_000);
    assert_eq!(Clock::system().now().as_nanosecond() % 1_000, 0);
}

#[test]
fn an_offset_shifts_the_system_clock() {
    let hour = SignedDuration::from_hours(1);
    let shifted = SystemClock::with_offset(hour);
    let ahead = shifted.now().duration_since(SystemClock::default().now());
    assert!((ahead - hour).abs() < SignedDuration::from_secs(5), "{ahead:?}");
}

#[tokio::test]
async fn a_system_sleep_ends_when_its_moment_is_reached_and_not_before() {
    let clock = Clock::system();
    let moment = clock.now() + SignedDuration::from_millis(5);
    drop(clock.sleep_until(moment, "soon").await);
    assert!(clock.now() >= moment);
    drop(clock.sleep_until(moment, "past").await);
}

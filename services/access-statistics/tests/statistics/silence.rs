//! Live, and nobody looks: the registry is told once a week.

use std::time::Duration;

use clock::{Clock, SystemClock};
use database::testing::TestStore;
use jiff::SignedDuration;
use proto::registry::v1 as wire;

use crate::registry::{observed, practice};
use crate::world::{World, moment, view};

/// Who is signalled; whether it is over.
fn who(signals: &[wire::SignalReport]) -> Vec<(&str, bool)> {
    signals.iter().map(|signal| (signal.practice.as_str(), signal.cleared)).collect()
}

#[tokio::test]
async fn the_registry_is_told_where_nobody_looks_and_where_somebody_does_again() {
    for world in World::each().await {
        let process = world.start().await;
        let live_since = moment("2031-01-10T08:00:00Z");
        let live =
            |code: &str, supplier: &str| observed(practice(code, "QHM", supplier, 1_000, live_since), true, live_since);
        let silent = live("A81002", "EMIS");
        let told = world.registry.tell([live("A81001", "EMIS"), silent.clone(), live("A81003", "TPP")]);
        let reached = proto::statistics::v1::GetSummaryRequest { min_position: told, ..Default::default() };
        process.summary(reached).await;
        let (mut producer, _) = process.produce("gateway", 1).await;
        producer.record(1, vec![view("A81001", "2031-03-10T08:30:00Z", 1)]).await.unwrap();

        // On the Monday after nothing was heard of EMIS for days, so nothing is said of anybody.
        world.clock.advance(SignedDuration::from_hours(7 * 24));
        world.clock.advance(SignedDuration::from_hours(6 * 24));
        producer.record(2, vec![view("A81001", "2031-03-22T09:00:00Z", 1)]).await.unwrap();
        world.clock.advance(SignedDuration::from_hours(24));
        let signals = world.registry.signalled().await;
        assert_eq!(who(&signals), [("practices/A81002", false)], "of TPP nothing was heard at all");
        assert_eq!(signals[0].evidence, "views of records from 2031-02-22 to 2031-03-23");

        // The registry tells everybody, us too.
        let mut signalled = silent;
        signalled.access[0]
            .signals
            .push(wire::Signal { kind: wire::SignalKind::NoViewers.into(), ..Default::default() });
        let told = world.registry.tell([signalled]);
        process.summary(proto::statistics::v1::GetSummaryRequest { min_position: told, ..Default::default() }).await;
        producer.record(3, vec![view("A81002", "2031-03-24T07:00:00Z", 2)]).await.unwrap();
        world.clock.advance(SignedDuration::from_hours(7 * 24));
        assert_eq!(who(&world.registry.signalled().await), [("practices/A81002", true)]);
        process.stop().await;
    }
}

/// By a clock so far ahead of the machine's that it is about to be six o'clock on this Monday.
const MONDAY: &str = "2041-01-14T06:00:00Z";

/// How long it is until then once the process starts, and how long a wait for nothing is.
const SOON: SignedDuration = SignedDuration::from_secs(4);
const PATIENCE: Duration = Duration::from_secs(8);

/// Whether the registry is told of a silent practice, by the machine's clock so far ahead.
async fn says_who_is_silent(store: TestStore) -> bool {
    let world = World::on(store);
    // What there is to be told was recorded by a clock that nobody holds against a database's.
    world.clock.set(moment(MONDAY) - SignedDuration::from_hours(24));
    let process = world.start().await;
    let live_since = moment(MONDAY) - SignedDuration::from_hours(60 * 24);
    let live = |code: &str| observed(practice(code, "QHM", "EMIS", 1_000, live_since), true, live_since);
    let told = world.registry.tell([live("A81001"), live("A81002")]);
    let reached = || proto::statistics::v1::GetSummaryRequest { min_position: told, ..Default::default() };
    process.summary(reached()).await;
    let (mut producer, _) = process.produce("gateway", 1).await;
    producer.record(1, vec![view("A81001", "2041-01-13T05:00:00Z", 1)]).await.unwrap();
    process.stop().await;

    let process = loop {
        let ahead = moment(MONDAY).duration_since(Clock::system().now()) - SOON;
        let clock = Clock::System(SystemClock::with_offset(ahead));
        let process = world.start_on(clock.clone()).await;
        if clock.now() < moment(MONDAY) {
            break process;
        }
        // A busy machine: it was up too late for this Monday, and would compare on the next one.
        process.stop().await;
    };
    process.summary(reached()).await;
    let said = tokio::time::timeout(PATIENCE, world.registry.signalled()).await;
    process.stop().await;
    said.is_ok_and(|signals| who(&signals) == [("practices/A81002", false)])
}

#[tokio::test]
async fn rule_18_a_replica_whose_clock_is_off_says_of_nobody_that_they_are_silent() {
    // A database in this process's memory has no clock of its own, so this one is believed.
    assert!(says_who_is_silent(TestStore::memory()).await);
    let Some(store) = TestStore::postgres().await else { return };
    assert!(!says_who_is_silent(store).await);
}

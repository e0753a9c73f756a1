//! On virtual time: what happens at a moment is counted before the next begins, however many threads there are.

use clock::{Clock, VirtualClock, VirtualConfig};
use database::testing::TestStore;
use jiff::{SignedDuration, Timestamp};

use crate::registry::{observed, practice};
use crate::world::{START, World, moment, view};

fn at(hours: i64) -> Timestamp {
    moment(START) + SignedDuration::from_hours(hours)
}

/// A producer that sends some views every hour, and somebody who asks at the same moments, after it: what they were told
/// when.
async fn day() -> Vec<(Timestamp, i64, i64)> {
    let (clock, advance) = VirtualClock::new(VirtualConfig::new(moment(START)));
    let clock = Clock::Virtual(clock);
    let setting_up = clock.activity();
    tokio::spawn(advance.run());
    let world = World::on(TestStore::sqlite());
    world.registry.tell([observed(practice("A81001", "QHM", "EMIS", 1_000, at(0)), true, at(0))]);
    let process = world.start_on(clock.clone()).await;
    let (mut producer, mut sequence) = process.produce("gateway", 1).await;

    let (producing, mut activity) = (clock.clone(), clock.activity());
    let produced = tokio::spawn(async move {
        for hour in 1..=24 {
            let sleep = producing.sleep_until(at(hour), "a producer");
            drop(activity);
            activity = sleep.await;
            let people = 0..hour as u64 * 3;
            let events: Vec<_> = people.map(|person| view("A81001", &at(hour).to_string(), person)).collect();
            let last = sequence + events.len() as u64;
            producer.send(sequence + 1, events).await;
            // As a service that calls another does: time is held by whoever works on the call, not by who waits for it.
            let answer = producing.track(producer.answer());
            drop(activity);
            let (durable, held) = answer.await;
            activity = held;
            assert_eq!((durable.unwrap(), producing.now()), (last, at(hour)));
            sequence = last;
        }
    });
    let mut told = Vec::new();
    let mut activity = setting_up;
    for hour in 1..=24 {
        let sleep = clock.sleep_until(at(hour), "an asker");
        drop(activity);
        activity = sleep.await;
        let (views, viewers) = process.england().await;
        told.push((clock.now(), views, viewers));
    }
    produced.await.unwrap();
    process.stop().await;
    told
}

#[test]
fn a_day_is_the_same_with_one_thread_and_with_two() {
    let run = |threads: usize| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
        runtime.expect("a runtime").block_on(day())
    };
    let expected: Vec<(Timestamp, i64, i64)> =
        (1..=24).map(|hour| (at(hour), 3 * hour * (hour + 1) / 2, 3 * hour)).collect();
    assert_eq!(run(1), expected);
    assert_eq!(run(2), expected);
}

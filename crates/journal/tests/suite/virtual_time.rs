//! The engine on virtual time: nothing in flight lets time slip, and the journal is the same to the byte however many
//! threads there are.

use clock::{Clock, VirtualClock, VirtualConfig};
use jiff::SignedDuration;
use journal::{Engine, Hash, Journal};

use crate::toy::{self, Toy, add_one, config, order, submit};

fn running_clock() -> Clock {
    let (clock, advance) = VirtualClock::new(VirtualConfig::new(toy::start()));
    tokio::spawn(advance.run());
    Clock::Virtual(clock)
}

#[tokio::test]
async fn time_stands_still_until_a_command_is_answered_and_its_change_is_read() {
    let clock = running_clock();
    let setting_up = clock.activity();
    let engine = Engine::<Toy>::open(Journal::memory(), clock.clone(), config()).await.expect("it opens");
    let mut subscription = engine.subscribe();
    let later = clock.sleep_until(toy::start() + SignedDuration::from_hours(1), "later");
    let asking = tokio::spawn({
        let engine = engine.clone();
        async move { submit(&engine, order(add_one("a"))).await }
    });
    tokio::task::yield_now().await;
    drop(setting_up);
    asking.await.expect("the task ends").expect("it is accepted");
    for _ in 0..16 {
        tokio::task::yield_now().await;
    }
    assert_eq!(clock.now(), toy::start(), "the change is unread");
    let (published, activity) = subscription.changed().await;
    assert_eq!(published.recorded_at, toy::start());
    drop(activity);
    let _later = later.await;
    assert_eq!(clock.now(), toy::start() + SignedDuration::from_hours(1));
}

/// Workers that sleep, submit, and sleep again, some at equal moments.
fn run(threads: usize) -> (Hash, u64) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let clock = running_clock();
        let setting_up = clock.activity();
        let engine = Engine::<Toy>::open(Journal::memory(), clock.clone(), config()).await.expect("it opens");
        let mut tasks = Vec::new();
        for worker in 0..12 {
            let (clock, engine, mut activity) = (clock.clone(), engine.clone(), clock.activity());
            tasks.push(tokio::spawn(async move {
                for round in 1..20 {
                    let moment = toy::start() + SignedDuration::from_secs(round * (1 + worker % 3));
                    let sleep = clock.sleep_until(moment, &format!("worker {worker:02}"));
                    drop(activity);
                    activity = sleep.await;
                    submit(&engine, order(add_one(&worker.to_string()))).await.expect("it is accepted");
                }
                drop(activity);
            }));
        }
        drop(setting_up);
        for task in tasks {
            task.await.expect("the worker ends");
        }
        let published = engine.published();
        (published.hash, published.position)
    })
}

#[test]
fn the_journal_is_the_same_to_the_byte_with_one_thread_and_with_two() {
    let one = run(1);
    assert_eq!(one.1, 12 * 19);
    assert_eq!(one, run(2));
    assert_eq!(one, run(2));
}

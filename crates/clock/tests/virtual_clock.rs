//! The laws of virtual time: order within a moment, no jump while anything is in flight, the same run with one
//! and with two worker threads, and nothing left behind by a cancelled sleeper.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use clock::{AdvanceError, Clock, VirtualClock, VirtualConfig};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

fn start() -> Timestamp {
    "2031-03-29T00:00:00Z".parse().expect("a valid moment")
}

fn after(seconds: u16) -> Timestamp {
    start() + SignedDuration::from_secs(i64::from(seconds))
}

fn runtime(workers: usize) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_time().build().expect("a runtime")
}

/// A clock whose driver runs as a task of the current runtime.
fn running_clock() -> Clock {
    let (clock, advance) = VirtualClock::new(VirtualConfig::new(start()));
    tokio::spawn(advance.run());
    Clock::Virtual(clock)
}

/// A sleeper of the property tests: at each of its moments it works for a few yields, then sleeps again.
#[derive(Clone, Debug)]
struct Worker {
    moments_s: Vec<u16>,
    yields_count: u8,
}

fn workers() -> impl Strategy<Value = Vec<Worker>> {
    let worker = (prop::collection::vec(0u16..6, 1..5), 0u8..4)
        .prop_map(|(moments_s, yields_count)| Worker { moments_s, yields_count });
    prop::collection::vec(worker, 1..12)
}

/// Who woke, when, and whether time moved while it worked.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Woken {
    at: Timestamp,
    name: String,
    time_stood_still: bool,
    alone: bool,
}

/// Runs the workers on `threads` threads. The tasks are started in the order `order` says, so that the order of
/// registration can differ from the order of names.
fn run(workers: &[Worker], threads: usize, reversed: bool) -> Vec<Woken> {
    runtime(threads).block_on(async {
        let clock = running_clock();
        let log = Arc::new(Mutex::new(Vec::new()));
        let busy = Arc::new(AtomicBool::new(false));
        let setting_up = clock.activity();
        let mut numbered: Vec<(usize, Worker)> = workers.iter().cloned().enumerate().collect();
        if reversed {
            numbered.reverse();
        }
        let mut tasks = Vec::new();
        for (number, worker) in numbered {
            let (clock, log, busy) = (clock.clone(), Arc::clone(&log), Arc::clone(&busy));
            let mut activity = clock.activity();
            tasks.push(tokio::spawn(async move {
                let name = format!("worker {number:02}");
                for moment_s in worker.moments_s {
                    let sleep = clock.sleep_until(after(moment_s), &name);
                    drop(activity);
                    activity = sleep.await;
                    let alone = !busy.swap(true, Ordering::SeqCst);
                    let at = clock.now();
                    for _ in 0..worker.yields_count {
                        tokio::task::yield_now().await;
                    }
                    let time_stood_still = clock.now() == at;
                    log.lock().expect("not poisoned").push(Woken { at, name: name.clone(), time_stood_still, alone });
                    busy.store(false, Ordering::SeqCst);
                }
                drop(activity);
            }));
        }
        drop(setting_up);
        for task in tasks {
            task.await.expect("a worker ends");
        }
        Arc::try_unwrap(log).expect("all workers ended").into_inner().expect("not poisoned")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]

    #[test]
    fn time_never_jumps_and_nobody_else_wakes_while_an_activity_is_held(workers in workers()) {
        let woken = run(&workers, 2, false);
        prop_assert_eq!(woken.len(), workers.iter().map(|worker| worker.moments_s.len()).sum::<usize>());
        prop_assert!(woken.iter().all(|woken| woken.time_stood_still && woken.alone), "{:?}", woken);
        prop_assert!(woken.is_sorted_by_key(|woken| woken.at));
    }

    #[test]
    fn one_and_two_worker_threads_run_in_the_same_order_whoever_registered_first(workers in workers()) {
        let one = run(&workers, 1, false);
        prop_assert_eq!(&one, &run(&workers, 2, false));
        prop_assert_eq!(&one, &run(&workers, 2, true));
    }

    #[test]
    fn sleepers_of_equal_moments_wake_in_the_order_of_their_names(names in prop::collection::btree_set("[a-z]{1,6}", 1..20), seed in any::<u64>()) {
        let sorted: Vec<String> = names.iter().cloned().collect();
        let mut shuffled = sorted.clone();
        shuffled.sort_by_key(|name| name.bytes().fold(seed, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte))));
        let woken = runtime(2).block_on(async move {
            let clock = running_clock();
            let log = Arc::new(Mutex::new(Vec::new()));
            let setting_up = clock.activity();
            let mut tasks = Vec::new();
            for name in shuffled {
                let sleep = clock.sleep_until(after(9), &name);
                let log = Arc::clone(&log);
                tasks.push(tokio::spawn(async move {
                    let _activity = sleep.await;
                    log.lock().expect("not poisoned").push(name);
                }));
            }
            drop(setting_up);
            for task in tasks {
                task.await.expect("a sleeper ends");
            }
            Arc::try_unwrap(log).expect("all ended").into_inner().expect("not poisoned")
        });
        prop_assert_eq!(woken, sorted);
    }

    #[test]
    fn cancelled_sleepers_hold_nothing_and_the_others_wake_as_if_they_had_never_been(
        sleepers in prop::collection::vec((0u16..5, any::<bool>()), 1..20),
    ) {
        let woken = runtime(2).block_on(async {
            let clock = running_clock();
            let setting_up = clock.activity();
            let log = Arc::new(Mutex::new(Vec::new()));
            let mut tasks = Vec::new();
            let mut cancelled = Vec::new();
            for (number, (moment_s, is_cancelled)) in sleepers.iter().enumerate() {
                let sleep = clock.sleep_until(after(*moment_s), &format!("{number:03}"));
                if *is_cancelled {
                    cancelled.push(sleep);
                    continue;
                }
                let (log, clock) = (Arc::clone(&log), clock.clone());
                tasks.push(tokio::spawn(async move {
                    let _activity = sleep.await;
                    log.lock().expect("not poisoned").push((clock.now(), number));
                }));
            }
            drop(cancelled);
            drop(setting_up);
            for task in tasks {
                task.await.expect("a sleeper ends");
            }
            Arc::try_unwrap(log).expect("all ended").into_inner().expect("not poisoned")
        });
        let mut expected: Vec<(Timestamp, usize)> = sleepers
            .iter()
            .enumerate()
            .filter(|(_, (_, is_cancelled))| !is_cancelled)
            .map(|(number, (moment_s, _))| (after(*moment_s), number))
            .collect();
        expected.sort_unstable();
        prop_assert_eq!(woken, expected);
    }
}

#[tokio::test]
async fn a_sleeper_dropped_after_it_was_woken_gives_its_activity_back() {
    let clock = running_clock();
    let setting_up = clock.activity();
    let woken_but_never_polled = clock.sleep_until(after(1), "a");
    let next = clock.sleep_until(after(2), "b");
    drop(setting_up);
    while clock.now() < after(1) {
        tokio::task::yield_now().await;
    }
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
    assert_eq!(clock.now(), after(1), "the unread waking holds time still");
    drop(woken_but_never_polled);
    let _activity = next.await;
    assert_eq!(clock.now(), after(2));
}

#[tokio::test]
async fn a_moment_is_stored_before_it_is_entered() {
    let stored = Arc::new(Mutex::new(Vec::new()));
    let clock_slot: Arc<Mutex<Option<VirtualClock>>> = Arc::default();
    let (log, slot) = (Arc::clone(&stored), Arc::clone(&clock_slot));
    let (clock, advance) = VirtualClock::new(VirtualConfig {
        on_advance: Some(Box::new(move |moment| {
            let now = slot.lock().expect("not poisoned").as_ref().map(VirtualClock::now);
            log.lock().expect("not poisoned").push((now, moment));
            Box::pin(async { Ok(()) })
        })),
        ..VirtualConfig::new(start())
    });
    *clock_slot.lock().expect("not poisoned") = Some(clock.clone());
    let clock = Clock::Virtual(clock);
    let sleeps = [clock.sleep_until(after(3), "b"), clock.sleep_until(after(3), "a"), clock.sleep_until(after(5), "c")];
    tokio::spawn(advance.run());
    for sleep in sleeps.into_iter().rev() {
        tokio::spawn(async move { drop(sleep.await) });
    }
    let sleep = clock.sleep_until(after(9), "end");
    drop(sleep.await);
    let stored = stored.lock().expect("not poisoned").clone();
    let entered: Vec<Timestamp> = stored.iter().map(|(_, moment)| *moment).collect();
    assert_eq!(entered, [after(3), after(5), after(9)], "once a moment, not once a sleeper");
    assert!(stored.iter().all(|(now, moment)| now.is_some_and(|now| now < *moment)));
}

#[tokio::test]
async fn a_moment_that_cannot_be_stored_is_not_entered() {
    let (clock, advance) = VirtualClock::new(VirtualConfig {
        on_advance: Some(Box::new(|_| Box::pin(async { Err("no space left on device".into()) }))),
        ..VirtualConfig::new(start())
    });
    let _sleep = Clock::Virtual(clock.clone()).sleep_until(after(3), "a");
    let AdvanceError { moment, source } = advance.run().await;
    assert_eq!((moment, source.to_string().as_str()), (after(3), "no space left on device"));
    assert_eq!(clock.now(), start());
}

#[tokio::test]
async fn a_past_moment_is_due_now_and_does_not_turn_time_back() {
    let clock = running_clock();
    drop(clock.sleep_until(after(7), "a").await);
    let _activity = clock.sleep_until(after(2), "a").await;
    assert_eq!(clock.now(), after(7));
}

#[tokio::test]
async fn a_tracked_call_may_sleep_on_the_clock_and_hands_its_activity_to_the_caller() {
    let clock = running_clock();
    let caller = clock.activity();
    let supplier = clock.clone();
    let call = clock.track(async move {
        drop(supplier.sleep_until(after(4), "supplier").await);
        "done"
    });
    let _later = clock.sleep_until(after(5), "later");
    drop(caller);
    let (answer, _activity) = call.await;
    assert_eq!(answer, "done");
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
    assert_eq!(clock.now(), after(4), "the answer is still in the caller's hand");
}

#[tokio::test]
async fn time_stands_still_from_the_call_of_track_to_its_first_poll() {
    let clock = running_clock();
    let call = clock.track(poll_fn(|_| Poll::Ready(())));
    let _later = clock.sleep_until(after(5), "later");
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
    assert_eq!(clock.now(), start());
    drop(call);
}

#[tokio::test]
async fn a_raised_signal_holds_time_until_it_is_taken_and_dropped() {
    let clock = running_clock();
    let (signal, mut waiter) = clock.signal();
    signal.raise();
    signal.raise();
    let later = clock.sleep_until(after(5), "later");
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
    assert_eq!(clock.now(), start());
    let activity = waiter.wait().await;
    assert!(waiter.take().is_none(), "two raises are one notice");
    assert_eq!(clock.now(), start());
    drop(activity);
    drop(later.await);
    assert_eq!(clock.now(), after(5));
}

#[tokio::test]
async fn a_signal_whose_waiter_is_gone_holds_nothing() {
    let clock = running_clock();
    let (signal, waiter) = clock.signal();
    signal.raise();
    drop(waiter);
    signal.raise();
    drop(clock.sleep_until(after(5), "later").await);
    assert_eq!(clock.now(), after(5));
}

#[tokio::test]
async fn a_clock_that_hangs_says_which_lines_hold_it() {
    let (clock, _advance) = VirtualClock::new(VirtualConfig::new(start()));
    let _activity = Clock::Virtual(clock.clone()).activity();
    let line = line!() - 1;
    let held: Vec<(&str, u32)> = clock.held_at().iter().map(|location| (location.file(), location.line())).collect();
    assert_eq!(held, [(file!(), line)]);
}

#[tokio::test(start_paused = true)]
async fn speed_only_adds_a_wait() {
    let (clock, advance) = VirtualClock::new(VirtualConfig { speed: Some(60.0), ..VirtualConfig::new(start()) });
    let clock = Clock::Virtual(clock);
    let sleep = clock.sleep_until(after(600), "a");
    tokio::spawn(advance.run());
    let began = tokio::time::Instant::now();
    drop(sleep.await);
    let waited_s = began.elapsed().as_secs_f64();
    assert!((10.0..10.1).contains(&waited_s), "600 s at 60 a second took {waited_s} s");
    assert_eq!(clock.now(), after(600));
}

#[tokio::test(start_paused = true)]
async fn an_earlier_sleeper_that_comes_during_the_wait_goes_first() {
    let (clock, advance) = VirtualClock::new(VirtualConfig { speed: Some(1.0), ..VirtualConfig::new(start()) });
    let clock = Clock::Virtual(clock);
    let late = clock.sleep_until(after(100), "late");
    tokio::spawn(advance.run());
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    drop(clock.sleep_until(after(10), "early").await);
    assert_eq!(clock.now(), after(10));
    drop(late.await);
    assert_eq!(clock.now(), after(100));
}

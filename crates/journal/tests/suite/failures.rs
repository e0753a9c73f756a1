//! Stores that fail, commits whose acknowledgement is lost, and engines that end without a word.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use database::{Gate, sql};
use journal::{
    CommitHook, CommitStage, Engine, EngineConfig, Journal, JournalError, MemoryFault, MemoryJournal, Priority,
    SubmitError,
};

use crate::toy::{self, Command, TestJournal, Toy, add_one, config, order, request, submit};

fn is_unavailable<T: std::fmt::Debug>(answer: &Result<T, SubmitError<toy::TooLittle>>) -> bool {
    matches!(answer, Err(SubmitError::Unavailable(_)))
}

async fn memory_engine() -> (MemoryJournal, Engine<Toy>) {
    let memory = MemoryJournal::default();
    let (clock, _) = toy::clock();
    let opened = Engine::open(Journal::Memory(memory.clone()), clock, config()).await;
    (memory, opened.expect("it opens"))
}

#[tokio::test]
async fn a_commit_that_fails_answers_the_whole_batch_and_leaves_nothing() {
    let (memory, engine) = memory_engine().await;
    memory.fail_next_commit(MemoryFault::BeforeCommit).await;
    let (first, second) =
        tokio::join!(submit(&engine, request(add_one("a"), "r-1")), submit(&engine, request(add_one("a"), "r-2")));
    assert!(is_unavailable(&first) && is_unavailable(&second), "{first:?} {second:?}");
    assert_eq!(engine.published().position, 0);
    let again = submit(&engine, request(add_one("a"), "r-1")).await.expect("the store is back");
    assert_eq!((again.position, again.replayed), (1, false));
}

#[tokio::test]
async fn a_commit_whose_acknowledgement_is_lost_takes_effect_once_when_the_request_is_repeated() {
    let (memory, engine) = memory_engine().await;
    memory.fail_next_commit(MemoryFault::AfterCommit).await;
    let lost = submit(&engine, request(add_one("a"), "r-1")).await;
    assert!(is_unavailable(&lost), "{lost:?}");
    let again = submit(&engine, request(add_one("a"), "r-1")).await.expect("the store is back");
    assert_eq!((again.position, again.replayed), (1, true));
    assert_eq!(engine.published().state.by_name["a"], 1);
}

#[tokio::test]
async fn an_engine_behind_a_shut_gate_records_nothing_until_it_opens_and_stops_no_other() {
    let (memory, other) = memory_engine().await;
    let gate = Gate::default();
    let opened = Engine::open(Journal::Memory(memory.behind(gate.clone())), toy::clock().0, config()).await;
    let engine: Engine<Toy> = opened.expect("it opens");
    gate.shut();
    let waiting = submit(&engine, request(add_one("a"), "r-1"));
    let meanwhile =
        async { submit(&other, request(add_one("a"), "r-2")).await.expect("nothing stands before the other").position };
    let opens = async {
        let position = meanwhile.await;
        gate.open();
        position
    };
    let (waited, position) = tokio::join!(waiting, opens);
    assert_eq!((position, waited.expect("the gate is open").position), (1, 2));
    assert!(gate.waited_count() > 0);
}

#[tokio::test]
async fn after_a_lost_acknowledgement_the_state_is_what_the_store_holds_without_another_command() {
    let (memory, engine) = memory_engine().await;
    memory.fail_next_commit(MemoryFault::AfterCommit).await;
    submit(&engine, request(add_one("a"), "r-1")).await.expect_err("the acknowledgement is lost");
    let published = engine.wait_for(1, toy::soon()).await.expect("the engine looks by itself");
    assert_eq!(published.state.by_name["a"], 1);
}

#[tokio::test]
async fn an_engine_goes_on_when_its_database_does() {
    for test in TestJournal::each().await {
        let Some(db) = test.db() else { continue };
        let (clock, _) = toy::clock();
        let engine = test.engine(&clock).await;
        submit(&engine, order(add_one("a"))).await.expect("it is accepted");
        // A table that is not there fails the append half-way through the transaction.
        db.execute(sql("alter table journal_requests rename to hidden")).await.expect("the table is hidden");
        let failed = submit(&engine, request(add_one("a"), "r-1")).await;
        assert!(is_unavailable(&failed), "{failed:?}");
        assert_eq!(engine.published().position, 1);
        db.execute(sql("alter table hidden rename to journal_requests")).await.expect("the table is back");
        let again = submit(&engine, request(add_one("a"), "r-1")).await.expect("the database is back");
        assert_eq!((again.position, again.replayed), (2, false), "{}", test.name);
        assert_eq!(engine.handle().verify(None, false).await.expect("a verification").finding, None);
    }
}

#[tokio::test]
async fn a_full_disk_refuses_commands_until_there_is_space() {
    let test = TestJournal::sqlite().await;
    let db = test.db().expect("a database");
    let (clock, _) = toy::clock();
    let engine = test.engine(&clock).await;
    submit(&engine, order(add_one("a"))).await.expect("it is accepted");
    // A limit of the one connection that writes; it goes with that connection, which does not survive the failure.
    let mut tx = db.begin().await.expect("a transaction");
    tx.fetch_all(sql("pragma max_page_count = 1")).await.expect("the limit is set");
    tx.commit().await.expect("a commit");
    let large = Command::AddAll { names: (0..5_000).map(|number| format!("A{number:05}")).collect() };
    let full = submit(&engine, request(large.clone(), "r-1")).await;
    assert!(is_unavailable(&full), "{full:?}");
    assert_eq!(engine.published().position, 1);
    let again = submit(&engine, request(large, "r-1")).await.expect("there is space");
    assert_eq!((again.position, again.replayed), (2, false));
    assert_eq!(engine.handle().verify(None, false).await.expect("a verification").finding, None);
}

/// The runtime is dropped while commands are in every stage: queued, decided, half written, committed and not answered.
#[test]
fn an_engine_that_ends_without_a_word_has_lost_nothing_it_acknowledged() {
    for (round, acknowledged_count) in [3, 17, 40, 77, 120].into_iter().enumerate() {
        let outer = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        for test in outer.block_on(TestJournal::each()) {
            let acknowledged = Arc::new(Mutex::new(Vec::new()));
            let crashing = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            let crashing = crashing.expect("a runtime");
            let count = Arc::new(AtomicU64::new(0));
            let (clock, _) = toy::clock();
            let journal = crashing.block_on(test.again());
            let engine = crashing.block_on(Engine::<Toy>::open(journal, clock.clone(), config())).expect("it opens");
            for writer in 0..8 {
                let (engine, acknowledged, count) = (engine.clone(), Arc::clone(&acknowledged), Arc::clone(&count));
                crashing.spawn(async move {
                    for number in 0.. {
                        let request_id = format!("{writer}-{number}");
                        if submit(&engine, request(add_one("a"), &request_id)).await.is_ok() {
                            acknowledged.lock().expect("no panic").push(request_id);
                            count.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                });
            }
            while count.load(Ordering::SeqCst) < acknowledged_count {
                std::thread::yield_now();
            }
            crashing.shutdown_background();
            drop(engine);
            outer.block_on(check_after_crash(&test, &acknowledged, round));
        }
    }
}

async fn check_after_crash(test: &TestJournal, acknowledged: &Mutex<Vec<String>>, round: usize) {
    let (clock, _) = toy::clock();
    let engine = test.engine(&clock).await;
    let acknowledged = acknowledged.lock().expect("no panic").clone();
    for request_id in &acknowledged {
        let replay = submit(&engine, request(add_one("a"), request_id)).await.expect("it is accepted");
        assert!(replay.replayed, "{} round {round}: {request_id} was acknowledged and is gone", test.name);
    }
    let published = engine.published();
    let recorded = published.state.by_name["a"];
    assert_eq!(recorded, published.position.cast_signed(), "each record is one request");
    assert!(recorded >= i64::try_from(acknowledged.len()).expect("a count"));
    assert_eq!(engine.handle().verify(None, false).await.expect("a verification").finding, None, "{}", test.name);
}

#[tokio::test]
async fn urgent_commands_overtake_a_long_queue() {
    for test in TestJournal::each().await {
        let (clock, _) = toy::clock();
        let engine = test.engine_with(&clock, EngineConfig { batch_commands_max: 8, ..config() }).await;
        let normal: Vec<_> = (0..200)
            .map(|_| {
                let engine = engine.clone();
                tokio::spawn(async move { submit(&engine, order(add_one("normal"))).await })
            })
            .collect();
        tokio::task::yield_now().await;
        let hold = order(add_one("hold")).urgent();
        assert_eq!(hold.priority, Priority::Urgent);
        let position = submit(&engine, hold).await.expect("it is accepted").position;
        assert!(position <= 16, "{}: it waited for {position} others", test.name);
        for task in normal {
            task.await.expect("the task ends").expect("it is accepted");
        }
    }
}

#[tokio::test]
async fn a_flood_of_urgent_commands_does_not_starve_the_others() {
    let (_, engine) = memory_engine().await;
    let flooding = Arc::new(AtomicBool::new(true));
    let flood: Vec<_> = (0..300)
        .map(|_| {
            let (engine, flooding) = (engine.clone(), Arc::clone(&flooding));
            tokio::spawn(async move {
                while flooding.load(Ordering::SeqCst) {
                    submit(&engine, order(add_one("urgent")).urgent()).await.expect("it is accepted");
                }
            })
        })
        .collect();
    for _ in 0..20 {
        submit(&engine, order(add_one("normal"))).await.expect("it is accepted");
    }
    flooding.store(false, Ordering::SeqCst);
    for task in flood {
        task.await.expect("the flood ends");
    }
}

#[tokio::test]
async fn an_engine_that_fails_by_a_fault_of_its_own_says_that_it_has_stopped() {
    let memory = MemoryJournal::default();
    let (clock, _) = toy::clock();
    let fault = CommitHook::new(|stage, _| assert_eq!(stage, CommitStage::Before, "a fault after the commit"));
    let faulty = EngineConfig { on_commit: Some(fault), ..config() };
    let engine = Engine::<Toy>::open(Journal::Memory(memory.clone()), clock.clone(), faulty).await.expect("it opens");
    let refused = submit(&engine, request(add_one("a"), "r-1")).await;
    assert!(matches!(refused, Err(SubmitError::Unavailable(_) | SubmitError::Stopped(_))), "{refused:?}");
    let stopped = tokio::time::timeout(std::time::Duration::from_secs(20), engine.wait_stopped()).await;
    let stopped = stopped.expect("in time");
    assert!(matches!(*stopped, JournalError::Fault { .. }), "{stopped:?}");
    let fresh = Engine::<Toy>::open(Journal::Memory(memory), clock, config()).await.expect("it opens");
    let again = submit(&fresh, request(add_one("a"), "r-1")).await.expect("it is accepted");
    assert!(again.replayed, "the store is unharmed");
}

/// Timers of a paused runtime jump only once it has nothing left to do: a task that spins would keep it busy for ever.
#[test]
fn an_engine_with_many_records_and_no_checkpoints_rests_when_nothing_is_asked() {
    let (rested, rests) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            let (_memory, engine) = memory_engine().await;
            let names = (0..2_000).map(|number| format!("A{number:05}")).collect();
            submit(&engine, order(Command::AddEach { names })).await.expect("it is accepted");
            tokio::time::sleep(std::time::Duration::from_secs(3_600)).await;
            rested.send(()).expect("the test waits");
        });
    });
    rests.recv_timeout(std::time::Duration::from_secs(20)).expect("an engine at rest uses no processor");
}

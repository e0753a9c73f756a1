//! Snapshots shorten a start and change nothing else.

use std::time::Duration;

use database::{Db, Dialect, sql};
use journal::{Engine, EngineConfig, JournalError};

use crate::toy::{self, Command, TestJournal, Toy, config, order, soon, submit};

fn with_snapshots() -> EngineConfig {
    EngineConfig { snapshot_records: 1_000, ..config() }
}

/// Waits until `statement` counts at least one.
async fn wait_until_counted(db: &Db, statement: &'static str) {
    let deadline = soon();
    loop {
        let row = db.fetch_one(sql(statement)).await.expect("a row");
        if row.get::<i64>("n").expect("a count") > 0 {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "`{statement}` stays 0");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A journal of 1,500 records with a snapshot on its way.
async fn written(test: &TestJournal) -> toy::Counters {
    let (clock, _) = toy::clock();
    let engine = test.engine_with(&clock, with_snapshots()).await;
    for batch in 0..3 {
        let names = (0..500).map(|number| format!("{}", (batch * 7 + number) % 400)).collect();
        submit(&engine, order(Command::AddEach { names })).await.expect("it is accepted");
    }
    wait_until_counted(test.db().expect("a database"), "select count(*) as n from journal_snapshots").await;
    let state = engine.published().state.clone();
    engine.shutdown().await;
    state
}

/// Makes the first record unreadable: only whoever begins with a snapshot can open the journal now.
async fn damage_first_record(db: &Db) {
    match db.dialect() {
        Dialect::Sqlite => {
            db.execute(sql("drop trigger journal_records_are_never_updated")).await.expect("the trigger is dropped");
        }
        Dialect::Postgres => {
            let drop = sql("drop trigger journal_records_are_never_changed on journal_records");
            db.execute(drop).await.expect("the trigger is dropped");
        }
    }
    db.execute(sql("update journal_records set actor = 'mallory' where position = 1")).await.expect("it is altered");
}

/// Begins with whatever snapshot is there, and takes none itself.
async fn reopen(test: &TestJournal) -> Result<toy::Counters, JournalError> {
    let (clock, _) = toy::clock();
    let takes_none = EngineConfig { snapshot_records: 0, ..config() };
    let engine = Engine::<Toy>::open(test.again().await, clock, takes_none).await?;
    Ok(engine.published().state.clone())
}

#[tokio::test]
async fn a_start_begins_with_the_snapshot() {
    for test in TestJournal::each().await {
        let Some(db) = test.db() else { continue };
        let state = written(&test).await;
        damage_first_record(db).await;
        assert_eq!(reopen(&test).await.expect("it opens"), state, "{}", test.name);
    }
}

/// An earlier version may have taken a longer one of the same records.
#[tokio::test]
async fn parts_beyond_those_that_the_snapshot_has_are_none_of_it() {
    for test in TestJournal::each().await {
        let Some(db) = test.db() else { continue };
        let state = written(&test).await;
        let longer = "insert into journal_snapshot_parts (position, part, bytes) \
                      select position, parts_count, $1 from journal_snapshots";
        db.execute(sql(longer).bind(vec![7_u8; 100])).await.expect("a part is added");
        damage_first_record(db).await;
        assert_eq!(reopen(&test).await.expect("it opens"), state, "{}", test.name);
    }
}

#[tokio::test]
async fn a_few_large_records_get_a_snapshot_when_the_engine_ends() {
    for test in TestJournal::each().await {
        let Some(db) = test.db() else { continue };
        let (clock, _) = toy::clock();
        for (snapshot_bytes, expected) in [(1024 * 1024, 0), (64 * 1024, 1)] {
            let engine = test.engine_with(&clock, EngineConfig { snapshot_bytes, ..config() }).await;
            let names = (0..20).map(|number| format!("{}{number}", "x".repeat(5_000))).collect();
            submit(&engine, order(Command::AddAll { names })).await.expect("it is accepted");
            engine.shutdown().await;
            let row = db.fetch_one(sql("select count(*) as n from journal_snapshots")).await.expect("a row");
            assert_eq!(row.get::<i64>("n").expect("a count"), expected, "{}: {snapshot_bytes}", test.name);
        }
        let state = reopen(&test).await.expect("it opens");
        damage_first_record(db).await;
        assert_eq!(reopen(&test).await.expect("it opens"), state, "{}", test.name);
    }
}

#[tokio::test]
async fn a_snapshot_in_doubt_is_passed_over() {
    let doubts = [
        "update journal_snapshots set hash = state_hash",
        "update journal_snapshots set state_hash = hash",
        "update journal_snapshots set shape = 'another'",
        "update journal_snapshots set parts_count = parts_count + 1",
        // These come to the decoder, since the hash is known only at the end.
        "update journal_snapshot_parts set bytes = substr(bytes, 1, length(bytes) - 1)",
        "update journal_snapshot_parts set bytes = substr(bytes, 2, length(bytes) - 1)",
        "update journal_snapshot_parts set part = part + 1",
        "delete from journal_snapshot_parts",
        "delete from journal_snapshots",
    ];
    for doubt in doubts {
        for test in TestJournal::each().await {
            let Some(db) = test.db() else { continue };
            let state = written(&test).await;
            db.execute(sql(doubt)).await.expect("the snapshot is damaged");
            assert_eq!(reopen(&test).await.expect("it opens"), state, "{}: {doubt}", test.name);
            damage_first_record(db).await;
            let error = reopen(&test).await.expect_err("without the snapshot the first record is folded");
            assert!(matches!(error, JournalError::Broken { .. }), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_snapshot_of_other_bytes_is_passed_over() {
    for bytes in [vec![], vec![0_u8; 64], vec![0xFF; 64]] {
        for test in TestJournal::each().await {
            let Some(db) = test.db() else { continue };
            let state = written(&test).await;
            let overwrite = sql("update journal_snapshot_parts set bytes = $1").bind(bytes.clone());
            db.execute(overwrite).await.expect("the snapshot is damaged");
            assert_eq!(reopen(&test).await.expect("it opens"), state, "{}: {bytes:?}", test.name);
        }
    }
}

#[tokio::test]
async fn old_snapshots_are_dropped_and_larger_ones_are_split() {
    for test in TestJournal::each().await {
        let Some(db) = test.db() else { continue };
        let (clock, _) = toy::clock();
        let engine = test.engine_with(&clock, with_snapshots()).await;
        let long = "x".repeat(2_000);
        for round in 0..5 {
            let names = (0..1_000).map(|number| format!("{long}{}", round * 1_000 + number)).collect::<Vec<_>>();
            for part in names.chunks(200) {
                submit(&engine, order(Command::AddEach { names: part.to_vec() })).await.expect("it is accepted");
            }
            let taken = match round {
                0 => "select count(*) as n from journal_snapshots where position = 1000",
                1 => "select count(*) as n from journal_snapshots where position = 2000",
                2 => "select count(*) as n from journal_snapshots where position = 3000",
                3 => "select count(*) as n from journal_snapshots where position = 4000",
                _ => "select count(*) as n from journal_snapshots where position = 5000",
            };
            wait_until_counted(db, taken).await;
        }
        let row = db.fetch_one(sql("select count(*) as n from journal_snapshots")).await.expect("a row");
        assert!(row.get::<i64>("n").expect("a count") <= 3, "{}", test.name);
        let heads = "select count(*) as n from journal_snapshot_parts where position not in \
                     (select position from journal_snapshots)";
        let deadline = soon();
        while db.fetch_one(sql(heads)).await.expect("a row").get::<i64>("n").expect("a count") > 0 {
            assert!(std::time::Instant::now() < deadline, "parts of snapshots that were dropped stay: {}", test.name);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let parts = "select cast(max(part) as bigint) as n from journal_snapshot_parts";
        let row = db.fetch_one(sql(parts)).await.expect("a row");
        assert!(row.get::<i64>("n").expect("a count") > 3, "the last one has several parts");
        let state = engine.published().state.clone();
        engine.shutdown().await;
        assert_eq!(reopen(&test).await.expect("it opens"), state);
    }
}

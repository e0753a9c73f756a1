//! Tampering is found (I24), and what is not understood is not built on.

use std::sync::Arc;
use std::time::Duration;

use database::{Db, Dialect, Value, rows, sql};
use jiff::Timestamp;
use journal::{
    ChainFault, Checkpoint, Checkpoints, Engine, EngineConfig, Finding, Hash, InOnePiece, JournalError, JournalHandle,
    Machine, Meta, Record, Signer, Submission, Verification,
};
use serde::{Deserialize, Serialize};

use crate::toy::{self, Counters, TestJournal, TooLittle, Toy, add_one, config, request, submit};

const KEY: [u8; 32] = [5; 32];

pub(crate) fn with_checkpoints(folder: &std::path::Path) -> EngineConfig {
    let checkpoints = Checkpoints::new(folder.join("toy.checkpoints"), Signer::from_seed(KEY));
    EngineConfig { checkpoints: Some(Arc::new(checkpoints)), ..config() }
}

/// Ten records, the third with a note.
pub(crate) async fn ten_records(engine: &Engine<Toy>) {
    for number in 1..=10 {
        let mut submission = request(add_one("a"), &format!("r-{number}"));
        if number == 3 {
            submission.meta.note = "because".to_owned();
        }
        submit(engine, submission).await.expect("it is accepted");
    }
}

pub(crate) async fn allow_changes(db: &Db) {
    let statements: &[&'static str] = match db.dialect() {
        Dialect::Sqlite => {
            &["drop trigger journal_records_are_never_updated", "drop trigger journal_records_are_never_deleted"]
        }
        Dialect::Postgres => &["drop trigger journal_records_are_never_changed on journal_records"],
    };
    for statement in statements {
        db.execute(sql(statement)).await.expect("the trigger is dropped");
    }
}

async fn verified(handle: &JournalHandle, checkpoint: Option<&Checkpoint>) -> Verification {
    handle.verify(checkpoint, false).await.expect("a verification")
}

#[tokio::test]
async fn records_cannot_be_changed_by_accident() {
    for test in TestJournal::each().await {
        let Some(db) = test.db() else { continue };
        let (clock, _) = toy::clock();
        ten_records(&test.engine(&clock).await).await;
        for accident in ["update journal_records set actor = 'x'", "delete from journal_records"] {
            let error = db.execute(sql(accident)).await.expect_err("it is refused");
            let cause = std::error::Error::source(&error).expect("a cause").to_string();
            assert!(cause.contains("never"), "{cause}");
        }
    }
}

#[tokio::test]
async fn each_way_of_tampering_is_found_where_it_was_done() {
    let cases: [(&[&'static str], Finding); 9] = [
        (
            &["update journal_records set payload = '{\"kind\":\"added\",\"name\":\"a\",\"by\":9}' where position = 4"],
            ChainFault::Altered { position: 4 }.into(),
        ),
        (
            &["update journal_records set actor = 'mallory' where position = 1"],
            ChainFault::Altered { position: 1 }.into(),
        ),
        (
            &["update journal_records set recorded_at_us = recorded_at_us - 1 where position = 10"],
            ChainFault::Altered { position: 10 }.into(),
        ),
        (&["delete from journal_records where position = 5"], ChainFault::Missing { position: 5 }.into()),
        (&["delete from journal_records where position > 7"], ChainFault::Missing { position: 8 }.into()),
        // Two records change places.
        (
            &[
                "update journal_records set position = -1 where position = 6",
                "update journal_records set position = 6 where position = 7",
                "update journal_records set position = 7 where position = -1",
            ],
            ChainFault::Unchained { position: 6 }.into(),
        ),
        // One is taken out and the others move up.
        (
            &[
                "delete from journal_records where position = 6",
                "update journal_records set position = position + 100 where position > 6",
                "update journal_records set position = position - 101 where position > 100",
                "update journal_head set position = 9",
            ],
            ChainFault::Unchained { position: 6 }.into(),
        ),
        (&["update journal_notes set note = 'no reason'"], Finding::NoteAltered { position: 3 }),
        (&["update journal_head set position = 9"], Finding::HeadDiffers { head: 9, found: 9 }),
    ];
    for (tampering, expected) in cases {
        for test in TestJournal::each().await {
            let Some(db) = test.db() else { continue };
            let (clock, _) = toy::clock();
            let engine = test.engine(&clock).await;
            ten_records(&engine).await;
            let handle = engine.handle();
            engine.shutdown().await;
            assert_eq!(verified(&handle, None).await.finding, None);
            allow_changes(db).await;
            for statement in tampering {
                db.execute(sql(statement)).await.expect("the tampering works");
            }
            let found = verified(&handle, None).await.finding.expect("it is found");
            assert_eq!(found, expected, "{}: {tampering:?}", test.name);
        }
    }
}

#[tokio::test]
async fn a_note_that_was_taken_away_by_nobody_is_missed() {
    for test in TestJournal::each().await {
        let Some(db) = test.db() else { continue };
        let (clock, _) = toy::clock();
        let engine = test.engine(&clock).await;
        ten_records(&engine).await;
        db.execute(sql("delete from journal_notes")).await.expect("the note is taken away");
        let found = verified(&engine.handle(), None).await.finding;
        assert_eq!(found, Some(Finding::NoteMissing { position: 3 }), "rule 16, {}", test.name);
    }
}

#[tokio::test]
async fn an_end_that_was_cut_off_neatly_is_found_by_a_checkpoint_alone() {
    for test in TestJournal::each().await {
        let Some(db) = test.db() else { continue };
        let folder = tempfile::tempdir().expect("a folder");
        let (clock, _) = toy::clock();
        let engine = test.engine_with(&clock, with_checkpoints(folder.path())).await;
        ten_records(&engine).await;
        let handle = engine.handle();
        let checkpoint = handle.checkpoint().expect("it is signed").expect("there is a key");
        engine.shutdown().await;
        assert_eq!(verified(&handle, Some(&checkpoint)).await.finding, None);
        allow_changes(db).await;
        let cut = "update journal_head set position = 7, hash = (select hash from journal_records where position = 7)";
        for statement in ["delete from journal_records where position > 7", cut] {
            db.execute(sql(statement)).await.expect("the tampering works");
        }
        assert_eq!(verified(&handle, None).await.finding, None, "in itself it is whole");
        let found = verified(&handle, Some(&checkpoint)).await.finding;
        assert_eq!(found, Some(Finding::CutOff { checkpoint: 10, found: 7 }), "{}", test.name);
    }
}

#[tokio::test]
async fn a_journal_rewritten_with_new_hashes_is_found_by_a_checkpoint_alone() {
    for test in TestJournal::each().await {
        let Some(db) = test.db() else { continue };
        let folder = tempfile::tempdir().expect("a folder");
        let (clock, _) = toy::clock();
        let engine = test.engine_with(&clock, with_checkpoints(folder.path())).await;
        ten_records(&engine).await;
        let handle = engine.handle();
        let checkpoint = handle.checkpoint().expect("it is signed").expect("there is a key");
        engine.shutdown().await;
        rewrite(db, &handle).await;
        assert_eq!(verified(&handle, None).await.finding, None, "in itself it is whole");
        let found = verified(&handle, Some(&checkpoint)).await.finding;
        assert_eq!(found, Some(Finding::Rewritten { position: 10 }), "{}", test.name);
    }
}

/// Another actor in record 2, and every hash after it computed anew.
async fn rewrite(db: &Db, handle: &JournalHandle) {
    let mut records = handle.records(0, 100).await.expect("the records");
    let mut previous_hash = Hash::genesis(Toy::JOURNAL);
    for record in &mut records {
        if record.position == 2 {
            "mallory".clone_into(&mut record.actor);
        }
        record.previous_hash = previous_hash;
        record.hash = record.computed_hash();
        previous_hash = record.hash;
    }
    allow_changes(db).await;
    let mut tx = db.begin().await.expect("a transaction");
    for Record { position, actor, previous_hash, hash, .. } in records {
        let update = "update journal_records set actor = $1, previous_hash = $2, hash = $3 where position = $4";
        let update = sql(update).bind(actor).bind(previous_hash.0).bind(hash.0).bind(position.cast_signed());
        tx.execute(update).await.expect("the tampering works");
    }
    tx.execute(sql("update journal_head set hash = $1").bind(previous_hash.0)).await.expect("the tampering works");
    tx.commit().await.expect("a commit");
}

#[tokio::test]
async fn a_forged_checkpoint_is_told_from_a_true_one() {
    for test in TestJournal::each().await {
        let folder = tempfile::tempdir().expect("a folder");
        let (clock, _) = toy::clock();
        let engine = test.engine_with(&clock, with_checkpoints(folder.path())).await;
        ten_records(&engine).await;
        let handle = engine.handle();
        let true_one = handle.checkpoint().expect("it is signed").expect("there is a key");
        let mut moved = true_one.clone();
        moved.head.position = 9;
        let by_another = Signer::from_seed([6; 32]).sign("toy", true_one.head, true_one.signed_at);
        for forged in [moved, by_another] {
            let found = verified(&handle, Some(&forged)).await.finding;
            assert!(matches!(found, Some(Finding::CheckpointForged { .. })), "{found:?}");
        }
    }
}

/// The toy of the next version, which knows one kind more.
enum NewerToy {}

#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum NewerEvent {
    Doubled { name: String },
}

impl Machine for NewerToy {
    const JOURNAL: &'static str = Toy::JOURNAL;
    type State = Counters;
    type Cut = InOnePiece;
    type Command = String;
    type Event = NewerEvent;
    type Rejection = TooLittle;
    fn initial() -> Counters {
        Counters::default()
    }
    fn kind(_event: &NewerEvent) -> &'static str {
        "doubled"
    }
    fn decide(_state: &Counters, name: &String, _now: Timestamp) -> Result<Vec<NewerEvent>, TooLittle> {
        Ok(vec![NewerEvent::Doubled { name: name.clone() }])
    }
    fn apply(state: &mut Counters, event: &NewerEvent, _position: u64, _recorded_at: Timestamp) {
        let NewerEvent::Doubled { name } = event;
        *state.by_name.entry(name.clone()).or_default() *= 2;
    }
}

#[tokio::test]
async fn a_kind_that_is_unknown_stops_a_running_engine_and_keeps_the_next_from_starting() {
    for test in TestJournal::each().await {
        let (clock, _) = toy::clock();
        let older = test.engine(&clock).await;
        let newer = Engine::<NewerToy>::open(test.again().await, clock.clone(), config()).await.expect("it opens");
        let submission = Submission::new("a".to_owned(), Meta::default());
        newer.submit(submission, |_| Vec::new()).await.expect("it is accepted");
        let stopped = tokio::time::timeout(Duration::from_secs(20), older.wait_stopped()).await.expect("in time");
        let opened = Engine::<Toy>::open(test.again().await, clock, config()).await.expect_err("it cannot be folded");
        for error in [&*stopped, &opened] {
            assert!(matches!(error, JournalError::UnknownKind { position: 1, .. }), "{error:?}");
            let message = error.to_string();
            assert!(message.contains("doubled") && message.contains("run version"), "{message}");
        }
    }
}

#[tokio::test]
async fn a_broken_chain_keeps_an_engine_from_starting() {
    for test in TestJournal::each().await {
        let Some(db) = test.db() else { continue };
        let (clock, _) = toy::clock();
        let engine = test.engine(&clock).await;
        ten_records(&engine).await;
        engine.shutdown().await;
        allow_changes(db).await;
        db.execute(sql("update journal_records set actor = 'mallory' where position = 4")).await.expect("it works");
        let error = Engine::<Toy>::open(test.again().await, clock, config()).await.expect_err("it is broken");
        assert!(matches!(error, JournalError::Broken { source: ChainFault::Altered { position: 4 }, .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_record_appended_behind_the_heads_back_is_found() {
    for test in TestJournal::each().await {
        let Some(db) = test.db() else { continue };
        let (clock, _) = toy::clock();
        let engine = test.engine(&clock).await;
        ten_records(&engine).await;
        let last = engine.records(9, 1).await.expect("the last record").remove(0);
        let mut forged = Record { position: 11, previous_hash: last.hash, ..last };
        forged.hash = forged.computed_hash();
        let mut inserted = rows(
            "insert into journal_records (position, recorded_at_us, actor, request_id, cause, traceparent, kind, \
             payload, reason_code, note_hash, previous_hash, hash) values {rows}",
        );
        inserted.row([
            Value::from(11),
            Value::from(forged.recorded_at.as_microsecond()),
            Value::from(forged.actor),
            Value::from(forged.request_id),
            Value::from(forged.cause),
            Value::from(forged.traceparent),
            Value::from(forged.kind),
            Value::from(forged.payload),
            Value::from(forged.reason_code),
            Value::from(None::<Vec<u8>>),
            Value::from(forged.previous_hash.0),
            Value::from(forged.hash.0),
        ]);
        let mut tx = db.begin().await.expect("a transaction");
        tx.execute_rows(inserted).await.expect("the tampering works");
        tx.commit().await.expect("a commit");
        let found = verified(&engine.handle(), None).await.finding;
        assert_eq!(found, Some(Finding::HeadDiffers { head: 10, found: 11 }), "{}", test.name);
    }
}

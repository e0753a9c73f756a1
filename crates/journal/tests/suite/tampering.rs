//! I24 as a property: whatever is done to the tables of a journal behind its back, whoever has a checkpoint of before finds
//! it. On SQLite and PostgreSQL, and by the way that an auditor takes: a copy that is only read.

use std::sync::Arc;

use database::{Db, Sql, Value, rows, sql};
use journal::{Against, Checkpoint, Checkpoints, EngineConfig, Finding, Record, Signer, verify_stored};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::integrity::allow_changes;
use crate::toy::{self, TestJournal, add_one, config, request, submit};

const KEY: [u8; 32] = [5; 32];

/// Records in each journal; every third has a note.
const RECORDS_COUNT: i64 = 30;

/// What is done to the tables.
#[derive(Clone, Debug)]
enum Tampering {
    /// One column of one record gets another value.
    EditRecord { position: i64, column: usize, with: u8 },
    /// A record goes.
    Drop { position: i64 },
    /// Two records change places, with everything in them but their positions.
    Swap { one: i64, other: i64 },
    /// The end is cut off, and the head says so too.
    CutTail { last: i64 },
    /// A record gets another actor, and it and all after it new hashes, up to the head.
    Rechain { from: i64 },
    /// A record goes, those after it move up, and all get new hashes.
    DropAndRechain { position: i64 },
    /// One column of the head gets another value.
    EditHead { column: usize, with: u8 },
    /// The head's row goes.
    DropHead,
    /// A note, or its salt, gets another value.
    EditNote { nth: i64, salt: bool },
    /// A note goes, although nobody redacted it.
    DropNote { nth: i64 },
    /// A record gets a note that it never had.
    AddNote { nth: i64 },
}

/// Of `journal_records`; the position is dropped, swapped and moved by others.
const RECORD_COLUMNS: [(&str, Type); 12] = [
    ("position", Type::Integer),
    ("recorded_at_us", Type::Integer),
    ("actor", Type::Text),
    ("request_id", Type::Text),
    ("cause", Type::Text),
    ("traceparent", Type::Text),
    ("kind", Type::Text),
    ("payload", Type::Text),
    ("reason_code", Type::Text),
    ("note_hash", Type::Bytes),
    ("previous_hash", Type::Bytes),
    ("hash", Type::Bytes),
];

/// Of `journal_head`, but for the version that wrote last, which is for people and proves nothing.
const HEAD_COLUMNS: [(&str, Type); 4] =
    [("name", Type::Text), ("position", Type::Integer), ("hash", Type::Bytes), ("recorded_at_us", Type::Integer)];

#[derive(Clone, Copy)]
enum Type {
    Integer,
    Text,
    Bytes,
}

impl Type {
    /// A value that is none of those stored.
    fn other(self, with: u8) -> Value {
        match self {
            Self::Integer => Value::from(i64::from(with) + 1_000_000),
            Self::Text => Value::from(format!("mallory {with}")),
            // Of the right length, and of a wrong one.
            Self::Bytes if with.is_multiple_of(2) => Value::from(vec![with; 32]),
            Self::Bytes => Value::from(vec![with; 7]),
        }
    }
}

fn tamperings() -> impl Strategy<Value = Tampering> {
    let position = 1..=RECORDS_COUNT;
    let nth = 0..RECORDS_COUNT / 3;
    prop_oneof![
        6 => (position.clone(), 0..RECORD_COLUMNS.len(), any::<u8>())
            .prop_map(|(position, column, with)| Tampering::EditRecord { position, column, with }),
        2 => position.clone().prop_map(|position| Tampering::Drop { position }),
        2 => (position.clone(), position.clone())
            .prop_filter("two records", |(one, other)| one != other)
            .prop_map(|(one, other)| Tampering::Swap { one, other }),
        2 => (0..RECORDS_COUNT).prop_map(|last| Tampering::CutTail { last }),
        2 => position.clone().prop_map(|from| Tampering::Rechain { from }),
        2 => position.prop_map(|position| Tampering::DropAndRechain { position }),
        2 => (0..HEAD_COLUMNS.len(), any::<u8>()).prop_map(|(column, with)| Tampering::EditHead { column, with }),
        1 => Just(Tampering::DropHead),
        1 => (nth.clone(), any::<bool>()).prop_map(|(nth, salt)| Tampering::EditNote { nth, salt }),
        1 => nth.clone().prop_map(|nth| Tampering::DropNote { nth }),
        1 => nth.prop_map(|nth| Tampering::AddNote { nth }),
    ]
}

/// A journal as it was before anybody touched it, and a checkpoint of its end.
struct Untouched {
    test: TestJournal,
    records: Vec<Record>,
    checkpoint: Checkpoint,
}

impl Untouched {
    async fn new(test: TestJournal) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (clock, manual) = toy::clock();
        let checkpoints = Checkpoints::new(folder.path().join("toy"), Signer::from_seed(KEY));
        let signed = EngineConfig { checkpoints: Some(Arc::new(checkpoints)), ..config() };
        let engine = test.engine_with(&clock, signed).await;
        for number in 1..=RECORDS_COUNT {
            let mut submission = request(add_one("a"), &format!("r-{number}"));
            if number % 3 == 0 {
                submission.meta.note = format!("why {number}");
            }
            submit(&engine, submission).await.expect("it is accepted");
            manual.advance(jiff::SignedDuration::from_secs(1));
        }
        let records = engine.records(0, usize::MAX).await.expect("the records");
        let checkpoint = engine.handle().checkpoint().expect("it is signed").expect("there is a key");
        engine.shutdown().await;
        allow_changes(test.db().expect("a database")).await;
        Self { test, records, checkpoint }
    }

    fn db(&self) -> &Db {
        self.test.db().expect("a database")
    }

    /// What an auditor with the checkpoint finds in a copy.
    async fn found(&self) -> Option<Finding> {
        let store = self.test.store.as_ref().expect("a database").store();
        let copy = Db::open_read_only(store, "toy").await.expect("the copy opens");
        let key = Some(Signer::from_seed(KEY).public_key());
        let against = Against { checkpoints: vec![self.checkpoint.clone()], key, from_checkpoint: false };
        let verification = verify_stored(&copy, "toy", &against).await.expect("the copy can be read");
        copy.close().await;
        verification.finding
    }

    /// Undoes every tampering.
    async fn restore(&self) {
        let mut tx = self.db().begin().await.expect("a transaction");
        for table in ["delete from journal_records", "delete from journal_notes", "delete from journal_head"] {
            tx.execute(sql(table)).await.expect("the table is emptied");
        }
        tx.execute_rows(record_rows(&self.records)).await.expect("the records");
        let mut notes = rows("insert into journal_notes (position, salt, note) values {rows}");
        for number in (3..=RECORDS_COUNT).step_by(3) {
            // The salt that the tests' engines always take.
            notes.row([Value::from(number), Value::from([7u8; 32]), Value::from(format!("why {number}"))]);
        }
        tx.execute_rows(notes).await.expect("the notes");
        let head = "insert into journal_head (id, name, position, hash, recorded_at_us, written_by) \
                    values (1, 'toy', $1, $2, $3, 'x')";
        let last = self.records.last().expect("there are records");
        tx.execute(moved(sql(head), last)).await.expect("the head");
        tx.commit().await.expect("a commit");
    }

    async fn tamper(&self, tampering: &Tampering) {
        let mut records = self.records.clone();
        let index = |position: i64| usize::try_from(position - 1).expect("positions count from 1");
        match tampering {
            Tampering::EditRecord { position, column, with } => {
                let (column, of) = RECORD_COLUMNS[*column];
                self.run(sql(update_record(column)).bind(of.other(*with)).bind(*position)).await;
            }
            Tampering::Drop { position } => {
                self.run(sql("delete from journal_records where position = $1").bind(*position)).await;
            }
            Tampering::Swap { one, other } => {
                records.swap(index(*one), index(*other));
                for (record, position) in records.iter_mut().zip(1..) {
                    record.position = position;
                }
                self.rewrite(&records).await;
            }
            Tampering::CutTail { last } => {
                records.truncate(index(last + 1));
                self.rewrite(&records).await;
                let forget = sql("delete from journal_notes where position > $1").bind(*last);
                self.db().execute(forget).await.expect("the tampering works");
            }
            Tampering::Rechain { from } => {
                records[index(*from)].actor.push_str(" or mallory");
                self.rewrite(&rechained(records)).await;
            }
            Tampering::DropAndRechain { position } => {
                records.remove(index(*position));
                self.rewrite(&rechained(records)).await;
            }
            Tampering::EditHead { column, with } => {
                let (column, of) = HEAD_COLUMNS[*column];
                self.run(sql(update_head(column)).bind(of.other(*with))).await;
            }
            Tampering::DropHead => self.run(sql("delete from journal_head")).await,
            Tampering::EditNote { nth, salt } => {
                let column = if *salt {
                    "update journal_notes set salt = $1 where position = $2"
                } else {
                    "update journal_notes set note = $1 where position = $2"
                };
                let value = if *salt { Type::Bytes.other(2) } else { Type::Text.other(2) };
                self.run(sql(column).bind(value).bind(3 * (nth + 1))).await;
            }
            Tampering::DropNote { nth } => {
                self.run(sql("delete from journal_notes where position = $1").bind(3 * (nth + 1))).await;
            }
            Tampering::AddNote { nth } => {
                let insert = sql("insert into journal_notes (position, salt, note) values ($1, $2, 'more')");
                self.run(insert.bind(3 * nth + 1).bind([1u8; 32])).await;
            }
        }
    }

    async fn run(&self, statement: Sql) {
        let touched = self.db().execute(statement).await.expect("the tampering works");
        assert_eq!(touched, 1, "the tampering touches something");
    }

    /// Puts other records in place of those there are, with a head that fits them.
    async fn rewrite(&self, records: &[Record]) {
        let mut tx = self.db().begin().await.expect("a transaction");
        tx.execute(sql("delete from journal_records")).await.expect("the tampering works");
        if !records.is_empty() {
            tx.execute_rows(record_rows(records)).await.expect("the tampering works");
        }
        let head = sql("update journal_head set position = $1, hash = $2, recorded_at_us = $3");
        let head = match records.last() {
            Some(last) => moved(head, last),
            None => head.bind(0).bind(journal::Hash::genesis("toy").0).bind(0),
        };
        tx.execute(head).await.expect("the tampering works");
        tx.commit().await.expect("a commit");
    }
}

fn moved(head: Sql, last: &Record) -> Sql {
    head.bind(last.position.cast_signed()).bind(last.hash.0).bind(last.recorded_at.as_microsecond())
}

/// The same records with positions and hashes that make a chain.
fn rechained(mut records: Vec<Record>) -> Vec<Record> {
    let mut previous_hash = journal::Hash::genesis("toy");
    for (record, position) in records.iter_mut().zip(1..) {
        record.position = position;
        record.previous_hash = previous_hash;
        record.hash = record.computed_hash();
        previous_hash = record.hash;
    }
    records
}

fn record_rows(records: &[Record]) -> database::Rows {
    let mut inserted = rows(
        "insert into journal_records (position, recorded_at_us, actor, request_id, cause, traceparent, kind, payload, \
         reason_code, note_hash, previous_hash, hash) values {rows}",
    );
    for record in records.iter().cloned() {
        inserted.row([
            Value::from(record.position.cast_signed()),
            Value::from(record.recorded_at.as_microsecond()),
            Value::from(record.actor),
            Value::from(record.request_id),
            Value::from(record.cause),
            Value::from(record.traceparent),
            Value::from(record.kind),
            Value::from(record.payload),
            Value::from(record.reason_code),
            Value::from(record.note_hash.map(|hash| hash.0.to_vec())),
            Value::from(record.previous_hash.0),
            Value::from(record.hash.0),
        ]);
    }
    inserted
}

fn update_record(column: &str) -> &'static str {
    match column {
        "position" => "update journal_records set position = $1 where position = $2",
        "recorded_at_us" => "update journal_records set recorded_at_us = $1 where position = $2",
        "actor" => "update journal_records set actor = $1 where position = $2",
        "request_id" => "update journal_records set request_id = $1 where position = $2",
        "cause" => "update journal_records set cause = $1 where position = $2",
        "traceparent" => "update journal_records set traceparent = $1 where position = $2",
        "kind" => "update journal_records set kind = $1 where position = $2",
        "payload" => "update journal_records set payload = $1 where position = $2",
        "reason_code" => "update journal_records set reason_code = $1 where position = $2",
        "note_hash" => "update journal_records set note_hash = $1 where position = $2",
        "previous_hash" => "update journal_records set previous_hash = $1 where position = $2",
        "hash" => "update journal_records set hash = $1 where position = $2",
        other => panic!("{other} is no column"),
    }
}

fn update_head(column: &str) -> &'static str {
    match column {
        "name" => "update journal_head set name = $1",
        "position" => "update journal_head set position = $1",
        "hash" => "update journal_head set hash = $1",
        "recorded_at_us" => "update journal_head set recorded_at_us = $1",
        other => panic!("{other} is no column"),
    }
}

async fn each() -> Vec<Untouched> {
    let mut all = vec![Untouched::new(TestJournal::sqlite().await).await];
    if let Some(postgres) = TestJournal::postgres().await {
        all.push(Untouched::new(postgres).await);
    }
    all
}

#[tokio::test]
async fn i24_whatever_is_done_to_a_journal_is_found_with_a_checkpoint_of_before() {
    let cases_count =
        if std::env::var("CITIZENS_ACCESS_TEST_LONG").is_ok_and(|long| long == "1") { 5_000 } else { 150 };
    for untouched in each().await {
        assert_eq!(untouched.found().await, None, "nothing was done yet");
        let mut runner = TestRunner::deterministic();
        for _ in 0..cases_count {
            let tampering = tamperings().new_tree(&mut runner).expect("a tampering").current();
            untouched.tamper(&tampering).await;
            let found = untouched.found().await;
            assert!(found.is_some(), "{}: {tampering:?} is not found", untouched.test.name);
            untouched.restore().await;
        }
        assert_eq!(untouched.found().await, None, "all of it was undone");
    }
}

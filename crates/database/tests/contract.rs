//! What every engine must do alike: each test runs on SQLite, and on PostgreSQL where one is at hand.

use database::testing::TestStore;
use database::{DatabaseError, Db, Dialect, Migration, Migrations, Store, Value, rows, sql};
use proptest::prelude::*;

static MIGRATIONS: Migrations = Migrations {
    set: "things",
    steps: &[
        Migration {
            name: "0001_things",
            sqlite: "create table things (id integer primary key, name text, body blob, size integer) strict;",
            postgres: "create table things (id bigint primary key, name text collate \"C\", body bytea, size bigint);",
        },
        Migration {
            name: "0002_more",
            sqlite: "create index things_by_name on things (name); create table more (id integer primary key) strict;",
            postgres: "create index things_by_name on things (name); create table more (id bigint primary key);",
        },
    ],
};

async fn open(store: &TestStore) -> Db {
    let db = Db::open(store.store(), "contract").await.expect("the database opens");
    db.migrate(&MIGRATIONS).await.expect("the migrations apply");
    db
}

async fn count(db: &Db) -> i64 {
    let row = db.fetch_one(sql("select count(*) as n from things")).await.expect("the count");
    row.get("n").expect("a number")
}

fn insert(id: i64, name: &str) -> database::Sql {
    sql("insert into things (id, name) values ($1, $2)").bind(id).bind(name)
}

#[tokio::test]
async fn values_of_each_type_and_nulls_come_back_as_they_were() {
    for store in TestStore::each().await {
        let db = open(&store).await;
        let mut tx = db.begin().await.expect("a transaction");
        let statement = sql("insert into things (id, name, body, size) values ($1, $2, $3, $4) returning id, name");
        let row = tx
            .fetch_one(
                statement
                    .bind(i64::MAX)
                    .bind("Ærøskøbing \u{0}1".replace('\u{0}', ""))
                    .bind(vec![0u8, 255])
                    .bind(i64::MIN),
            )
            .await
            .expect("a row");
        assert_eq!(row.get::<i64>("id").expect("an id"), i64::MAX);
        let nulls = sql("insert into things (id, name, body, size) values ($1, $2, $3, $4)");
        tx.execute(nulls.bind(1).bind(None::<&str>).bind(None::<Vec<u8>>).bind(None::<i64>)).await.expect("nulls");
        tx.commit().await.expect("a commit");

        let found = db.fetch_all(sql("select id, name, body, size from things order by id")).await.expect("rows");
        assert_eq!(found[0].get::<Option<String>>("name").expect("a name"), None);
        assert_eq!(found[0].get::<Option<Vec<u8>>>("body").expect("a body"), None);
        assert_eq!(found[0].get::<Option<i64>>("size").expect("a size"), None);
        assert_eq!(found[1].get::<String>("name").expect("a name"), "Ærøskøbing 1");
        assert_eq!(found[1].get::<Vec<u8>>("body").expect("a body"), [0, 255]);
        assert_eq!(found[1].get::<i64>("size").expect("a size"), i64::MIN);
        assert!(matches!(found[0].get::<i64>("size"), Err(DatabaseError::Column { .. })), "a null is no number");
        assert!(matches!(found[0].get::<i64>("colour"), Err(DatabaseError::Column { .. })));
    }
}

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing_and_a_committed_one_everything() {
    for store in TestStore::each().await {
        let db = open(&store).await;
        let mut dropped = db.begin().await.expect("a transaction");
        dropped.execute(insert(1, "a")).await.expect("an insert");
        drop(dropped);
        let mut undone = db.begin().await.expect("a transaction");
        undone.execute(insert(1, "a")).await.expect("an insert");
        undone.rollback().await.expect("a rollback");
        assert_eq!(count(&db).await, 0);
        let mut kept = db.begin().await.expect("a transaction");
        kept.execute(insert(1, "a")).await.expect("an insert");
        kept.commit().await.expect("a commit");
        assert_eq!(count(&db).await, 1);
    }
}

#[tokio::test]
async fn after_a_full_disk_the_next_transaction_works() {
    let store = TestStore::sqlite();
    let db = open(&store).await;
    let mut tx = db.begin().await.expect("a transaction");
    // A limit of this connection, which is the only one that writes.
    tx.fetch_all(sql("pragma max_page_count = 1")).await.expect("the limit is set");
    let large = sql("insert into things (id, body) values (1, zeroblob(100000))");
    let full = tx.execute(large.clone()).await.expect_err("there is no space");
    assert!(full.is_unavailable(), "{full:?}");
    drop(tx);
    db.execute(large).await.expect("there is space");
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
async fn a_reading_transaction_sees_one_state_and_cannot_write() {
    for store in TestStore::each().await {
        let db = open(&store).await;
        let mut reading = db.begin_read().await.expect("a transaction");
        let before = reading.fetch_one(sql("select count(*) as n from things")).await.expect("a count");
        db.execute(insert(1, "a")).await.expect("an insert");
        let after = reading.fetch_one(sql("select count(*) as n from things")).await.expect("a count");
        assert_eq!(before.get::<i64>("n").expect("n"), after.get::<i64>("n").expect("n"));
        reading.execute(insert(2, "b")).await.expect_err("a reader cannot write");
        drop(reading);
        assert_eq!(count(&db).await, 1);
    }
}

#[tokio::test]
async fn a_duplicate_key_is_told_from_other_errors() {
    for store in TestStore::each().await {
        let db = open(&store).await;
        db.execute(insert(1, "a")).await.expect("an insert");
        let duplicate = db.execute(insert(1, "b")).await.expect_err("the key exists");
        assert!(duplicate.is_duplicate() && !duplicate.is_unavailable(), "{duplicate:?}");
        let refused = db.execute(sql("insert into nowhere (id) values ($1)").bind(1)).await.expect_err("no such table");
        assert!(matches!(refused, DatabaseError::Refused { .. }), "{refused:?}");
    }
}

#[tokio::test]
async fn names_are_ordered_by_their_bytes() {
    for store in TestStore::each().await {
        let db = open(&store).await;
        for (id, name) in [(1, "b"), (2, "B"), (3, "a"), (4, "é"), (5, "Z"), (6, "_")] {
            db.execute(insert(id, name)).await.expect("an insert");
        }
        let found = db.fetch_all(sql("select name from things order by name")).await.expect("rows");
        let names: Vec<String> = found.iter().map(|row| row.get("name").expect("a name")).collect();
        assert_eq!(names, ["B", "Z", "_", "a", "b", "é"]);
    }
}

#[tokio::test]
async fn sums_and_upserts_read_alike() {
    for store in TestStore::each().await {
        let db = open(&store).await;
        let upsert = "insert into things (id, size) values {rows} \
                      on conflict (id) do update set size = things.size + excluded.size";
        for _ in 0..2 {
            let mut counts = rows(upsert);
            for id in 0..3 {
                counts.row([Value::from(id), Value::from(10)]);
            }
            let mut tx = db.begin().await.expect("a transaction");
            assert_eq!(tx.execute_rows(counts).await.expect("an upsert"), 3);
            tx.commit().await.expect("a commit");
        }
        let row = db.fetch_one(sql("select cast(sum(size) as bigint) as total from things")).await.expect("a row");
        assert_eq!(row.get::<i64>("total").expect("a number"), 60);
    }
}

#[tokio::test]
async fn rows_of_several_statements_go_with_a_last_one_or_not_at_all() {
    for store in TestStore::each().await {
        let db = open(&store).await;
        let last = match db.dialect() {
            Dialect::Sqlite => "update things set size = size + $1 where id = $2 returning size",
            Dialect::Postgres => {
                "with grown as (update things set size = size + $1 where id = $2 returning size) select size from grown"
            }
        };
        db.execute(sql("insert into things (id, size) values (0, 1)")).await.expect("a row");
        for (id, is_there) in [(0, true), (9, false)] {
            let mut things = rows("insert into things (id, name) values {rows}");
            things.row([Value::from(1), Value::from("a")]);
            things.row([Value::from(2), Value::from("b")]);
            let mut more = rows("insert into more (id) values {rows}");
            more.row([Value::from(7)]);
            let nothing = rows("insert into more (id) values {rows}");
            let mut tx = db.begin().await.expect("a transaction");
            let done = tx.execute_rows_then(vec![things, nothing, more], sql(last).bind(5).bind(id)).await;
            if is_there {
                assert_eq!(done.expect("a row").get::<i64>("size").expect("a number"), 6);
                let found = tx.fetch_all(sql("select id from more")).await.expect("rows");
                assert_eq!(found.len(), 1);
                assert_eq!(tx.fetch_all(sql("select id from things")).await.expect("rows").len(), 3);
            } else {
                assert!(matches!(done, Err(DatabaseError::NoRow { .. })), "{done:?}");
            }
            tx.rollback().await.expect("a rollback");
        }
        assert_eq!(count(&db).await, 1);
    }
}

#[tokio::test]
async fn rows_may_hold_nulls_also_in_the_first() {
    for store in TestStore::each().await {
        let db = open(&store).await;
        let mut all = rows("insert into things (id, name, body, size) values {rows} on conflict (id) do nothing");
        all.row([Value::from(1), Value::from(None::<&str>), Value::from(None::<Vec<u8>>), Value::from(None::<i64>)]);
        all.row([Value::from(2), Value::from("a, {\"b\"} NULL"), Value::from(vec![0u8, 92, 255]), Value::from(7)]);
        all.row([Value::from(3), Value::from(""), Value::from(Vec::<u8>::new()), Value::from(i64::MIN)]);
        let mut tx = db.begin().await.expect("a transaction");
        assert_eq!(tx.execute_rows(all.clone()).await.expect("the rows"), 3);
        assert_eq!(tx.execute_rows(all).await.expect("the same rows"), 0, "they are there");
        tx.commit().await.expect("a commit");
        let mut found = Vec::new();
        for row in db.fetch_all(sql("select name, body, size from things order by id")).await.expect("rows") {
            let name: Option<String> = row.get("name").expect("a name");
            let body: Option<Vec<u8>> = row.get("body").expect("a body");
            found.push((name, body, row.get::<Option<i64>>("size").expect("a size")));
        }
        let second = (Some("a, {\"b\"} NULL".to_owned()), Some(vec![0, 92, 255]), Some(7));
        assert_eq!(found, [(None, None, None), second, (Some(String::new()), Some(Vec::new()), Some(i64::MIN))]);
    }
}

#[tokio::test]
async fn lists_are_bound_in_each_dialect_also_with_awkward_texts() {
    for store in TestStore::each().await {
        let db = open(&store).await;
        let awkward = ["plain", "with \"quotes\"", "back\\slash", "new\nline", "tab\t", "'", "{}", "é,[]"];
        for (id, name) in (0..).zip(awkward) {
            db.execute(insert(id, name)).await.expect("an insert");
        }
        db.execute(insert(99, "other")).await.expect("an insert");
        let by_name = match db.dialect() {
            Dialect::Sqlite => "select id from things where name in (select value from json_each($1))",
            Dialect::Postgres => "select id from things where name = any($1)",
        };
        let names: Vec<String> = awkward.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(db.fetch_all(sql(by_name).bind(names)).await.expect("rows").len(), awkward.len());
        let by_id = match db.dialect() {
            Dialect::Sqlite => "select id from things where id in (select value from json_each($1))",
            Dialect::Postgres => "select id from things where id = any($1)",
        };
        assert_eq!(db.fetch_all(sql(by_id).bind(vec![0i64, 99, 7_777])).await.expect("rows").len(), 2);
        assert!(db.fetch_all(sql(by_id).bind(Vec::<i64>::new())).await.expect("rows").is_empty());
    }
}

#[tokio::test]
async fn migrations_apply_once_from_several_replicas_at_a_time() {
    for store in TestStore::each().await {
        let opened = Db::open(store.store(), "contract").await.expect("the database opens");
        let missing = opened.check_migrated(&MIGRATIONS).await.expect_err("nothing is applied");
        assert!(missing.to_string().contains("0001_things") && missing.to_string().contains("migrate"), "{missing}");
        let replicas = (open(&store), open(&store), open(&store));
        let (db, ..) = tokio::join!(replicas.0, replicas.1, replicas.2);
        db.check_migrated(&MIGRATIONS).await.expect("all is applied");
        db.migrate(&MIGRATIONS).await.expect("a second time changes nothing");
    }
}

#[tokio::test]
async fn an_edited_or_unknown_migration_is_refused() {
    static EDITED: Migrations = Migrations {
        set: "things",
        steps: &[
            Migration { name: "0001_things", sqlite: "select 1", postgres: "select 1" },
            Migration { name: "0002_more", sqlite: "select 1", postgres: "select 1" },
        ],
    };
    static OLDER: Migrations = Migrations { set: "things", steps: &[] };
    for store in TestStore::each().await {
        let db = open(&store).await;
        let edited = db.migrate(&EDITED).await.expect_err("the text differs");
        assert!(matches!(&edited, DatabaseError::MigrationChanged { name, .. } if name == "0001_things"), "{edited:?}");
        let newer = db.migrate(&OLDER).await.expect_err("the database is newer");
        assert!(matches!(&newer, DatabaseError::MigrationUnknown { name, .. } if name == "0001_things"), "{newer:?}");
    }
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_of_its_set() {
    static BROKEN: Migrations = Migrations {
        set: "broken",
        steps: &[
            Migration {
                name: "0001_a",
                sqlite: "create table a (id integer) strict",
                postgres: "create table a (id bigint)",
            },
            Migration { name: "0002_b", sqlite: "create tabel b", postgres: "create tabel b" },
        ],
    };
    for store in TestStore::each().await {
        let db = open(&store).await;
        db.migrate(&BROKEN).await.expect_err("the second step is broken");
        db.fetch_all(sql("select id from a")).await.expect_err("the first step is undone");
    }
}

#[tokio::test]
async fn databases_of_one_store_share_no_table() {
    for store in TestStore::each().await {
        let first = open(&store).await;
        let second = Db::open(store.store(), "other").await.expect("the database opens");
        second.migrate(&MIGRATIONS).await.expect("the migrations apply");
        first.execute(insert(1, "a")).await.expect("an insert");
        assert_eq!((count(&first).await, count(&second).await), (1, 0));
    }
}

#[tokio::test]
async fn two_writers_wait_for_each_other() {
    for store in TestStore::each().await {
        let (first, second) = (open(&store).await, open(&store).await);
        let add = |db: Db, from: i64| async move {
            for id in from..from + 50 {
                db.execute(insert(id, "x")).await.expect("an insert");
            }
        };
        tokio::join!(add(first.clone(), 0), add(second, 100));
        assert_eq!(count(&first).await, 100);
    }
}

#[tokio::test]
async fn on_postgres_a_transaction_that_stands_still_is_ended_by_the_server() {
    let Some(store) = TestStore::postgres().await else { return };
    let db = open(&store).await;
    let mut tx = db.begin().await.expect("a transaction");
    let text = "select current_setting('idle_in_transaction_session_timeout') as stands_still, \
                current_setting('transaction_isolation') as isolation";
    let row = tx.fetch_one(sql(text)).await.expect("the settings");
    assert_eq!(row.get::<String>("stands_still").expect("a text"), "10s");
    assert_eq!(row.get::<String>("isolation").expect("a text"), "read committed");
}

#[tokio::test]
async fn a_notification_is_heard_by_the_same_database_only() {
    let Some(store) = TestStore::postgres().await else { return };
    let db = open(&store).await;
    let other = Db::open(store.store(), "other").await.expect("the database opens");
    let mut listener = db.listen("news").await.expect("it listens").expect("PostgreSQL has notifications");
    for (from, payload) in [(&other, "elsewhere"), (&db, "here")] {
        let mut tx = from.begin().await.expect("a transaction");
        let notify = sql("select pg_notify($1, $2)").bind(from.channel("news")).bind(payload);
        tx.fetch_all(notify).await.expect("a notification");
        tx.commit().await.expect("a commit");
    }
    assert_eq!(listener.recv().await.expect("a notification").as_deref(), Some("here"));
}

#[tokio::test]
async fn the_database_tells_its_own_time_and_whether_it_is_replicated() {
    for store in TestStore::each().await {
        let db = open(&store).await;
        let time_us = db.server_time_us().await.expect("a time");
        assert_eq!(time_us.is_some(), db.dialect() == Dialect::Postgres);
        assert!(!db.is_replicated_synchronously().await.expect("an answer"), "the test server has no standby");
    }
}

#[tokio::test]
async fn a_server_that_would_acknowledge_before_it_has_synced_is_told_not_to() {
    let Some(store) = TestStore::postgres().await else { return };
    let setting = async |db: &Db| {
        let row = db.fetch_one(sql("select current_setting('synchronous_commit') as mode")).await.expect("a row");
        row.get::<String>("mode").expect("a mode")
    };
    for (default, expected) in [("off", "on"), ("remote_apply", "remote_apply")] {
        let db = open(&store).await;
        db.execute(sql(match default {
            "off" => "do $$ begin execute format('alter database %I set synchronous_commit = off', current_database()); end $$",
            _ => "do $$ begin execute format('alter database %I set synchronous_commit = remote_apply', current_database()); end $$",
        }))
        .await
        .expect("the default is set");
        db.close().await;
        assert_eq!(setting(&open(&store).await).await, expected);
    }
}

/// A server may have been built without it; Debian's was not.
#[tokio::test]
async fn what_is_too_large_for_a_row_of_postgres_is_compressed_by_lz4_where_the_server_can() {
    let Some(store) = TestStore::postgres().await else { return };
    let db = open(&store).await;
    // Whatever the server's own default is.
    let default = "do $$ begin execute format('alter database %I set default_toast_compression = pglz', current_database()); end $$";
    db.execute(sql(default)).await.expect("the default is set");
    db.close().await;
    let db = open(&store).await;
    let can = sql("select enumvals::text as can from pg_settings where name = 'default_toast_compression'");
    let can: String = db.fetch_one(can).await.expect("a setting").get("can").expect("a text");
    let expected = if can.contains("lz4") { "lz4" } else { "pglz" };
    let large = "A81001,A81002;".repeat(10_000);
    db.execute(sql("insert into things (id, name) values (1, $1)").bind(large)).await.expect("an insert");
    let compression = sql("select pg_column_compression(name) as compression from things");
    let compression = db.fetch_one(compression).await.expect("a row").get::<String>("compression").expect("a text");
    assert_eq!(compression, expected);
}

#[tokio::test]
async fn who_waited_for_a_lock_sees_what_the_one_before_it_committed_whatever_the_servers_default() {
    let Some(store) = TestStore::postgres().await else { return };
    let db = open(&store).await;
    let strict = "do $$ begin execute format('alter database %I set default_transaction_isolation = serializable', \
                  current_database()); end $$";
    db.execute(sql(strict)).await.expect("the default is set");
    db.execute(sql("insert into things (id, size) values (1, 0)")).await.expect("an insert");
    db.close().await;
    let db = open(&store).await;
    let lock = || sql("select size from things where id = 1 for update");
    let mut first = db.begin().await.expect("a transaction");
    first.fetch_one(lock()).await.expect("the lock");
    let waiting = async {
        let mut second = db.begin().await.expect("a transaction");
        second.fetch_one(lock()).await.expect("no serialisation failure").get::<i64>("size").expect("a size")
    };
    let committing = async {
        first.execute(sql("update things set size = 7 where id = 1")).await.expect("an update");
        // Let the other one come to the lock; were it slower, the test would still be right, only weaker.
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        first.commit().await.expect("a commit");
    };
    let (seen, ()) = tokio::join!(waiting, committing);
    assert_eq!(seen, 7);
}

#[tokio::test]
async fn a_store_that_is_not_there_is_unavailable_and_named_without_its_password() {
    let store = "postgres://keeper:s3cret@127.0.0.1:1/none".parse().expect("a valid store");
    let error = Db::open(&store, "contract").await.expect_err("nothing listens there");
    assert!(error.is_unavailable(), "{error:?}");
    assert!(
        error.to_string().contains("postgres://keeper@127.0.0.1:1/none") && !format!("{error:?}").contains("s3cret")
    );
}

#[tokio::test]
async fn an_embedded_store_syncs_each_commit_and_keeps_it_after_reopening() {
    let store = TestStore::sqlite();
    let db = open(&store).await;
    let mut tx = db.begin().await.expect("a transaction");
    let mode = tx.fetch_one(sql("select journal_mode as mode from pragma_journal_mode")).await.expect("a row");
    assert_eq!(mode.get::<String>("mode").expect("a mode"), "wal");
    let level = tx.fetch_one(sql("select synchronous as level from pragma_synchronous")).await.expect("a row");
    assert_eq!(level.get::<i64>("level").expect("a level"), 2, "FULL");
    tx.execute(insert(1, "a")).await.expect("an insert");
    tx.commit().await.expect("a commit");
    db.close().await;
    assert_eq!(count(&open(&store).await).await, 1);
}

#[tokio::test]
async fn a_store_that_goes_with_its_process_is_not_forced_onto_the_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = Db::open(&Store::temporary_sqlite(folder.path()), "contract").await.expect("it opens");
    let mut tx = db.begin().await.expect("a transaction");
    let level = tx.fetch_one(sql("select synchronous as level from pragma_synchronous")).await.expect("a row");
    assert_eq!(level.get::<i64>("level").expect("a level"), 0, "OFF");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 20))]

    #[test]
    fn any_number_of_rows_is_written_whole_and_once(rows_count in 0i64..1_500) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            for store in TestStore::each().await {
                let db = open(&store).await;
                let mut all = rows("insert into things (id, name, body, size) values {rows}");
                for id in 0..rows_count {
                    all.row([Value::from(id), Value::from(format!("name {id}")), Value::from(vec![1u8]), Value::from(id * 2)]);
                }
                let mut tx = db.begin().await.expect("a transaction");
                let written = tx.execute_rows(all).await.expect("the rows");
                tx.commit().await.expect("a commit");
                assert_eq!(i64::try_from(written).expect("a count"), rows_count);
                let wrong = sql("select count(*) as n from things where size <> id * 2 or name <> 'name ' || id");
                assert_eq!(db.fetch_one(wrong).await.expect("a row").get::<i64>("n").expect("a count"), 0);
                assert_eq!(count(&db).await, rows_count);
            }
        });
    }
}

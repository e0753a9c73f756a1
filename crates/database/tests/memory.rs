//! A database in memory is a database in a file, but for the file and the thread.

use database::testing::TestStore;
use database::{Db, Gate, MemoryFault, Migration, Migrations, Store, Value, rows, sql};
use proptest::prelude::*;

static MIGRATIONS: Migrations = Migrations {
    set: "things",
    steps: &[Migration {
        name: "0001_things",
        sqlite: "create table things (id integer primary key, name text, size integer) strict;",
        postgres: "create table things (id bigint primary key, name text collate \"C\", size bigint);",
    }],
};

async fn open(store: &Store) -> Db {
    let db = Db::open(store, "memory").await.expect("the database opens");
    db.migrate(&MIGRATIONS).await.expect("the migrations apply");
    db
}

fn insert(id: i64) -> database::Sql {
    sql("insert into things (id, name) values ($1, 'a')").bind(id)
}

async fn ids(db: &Db) -> Vec<i64> {
    let found = db.fetch_all(sql("select id from things order by id")).await.expect("rows");
    found.iter().map(|row| row.get("id").expect("an id")).collect()
}

#[tokio::test]
async fn who_comes_to_a_shut_gate_waits_and_others_go_on() {
    let store = Store::memory();
    let (open_to_all, gate) = (open(&store).await, Gate::default());
    let gated = open_to_all.behind(gate.clone());
    assert_eq!(ids(&gated).await, [0_i64; 0], "it is open at first");
    gate.shut();
    let waiting = tokio::spawn(async move { gated.execute(insert(1)).await });
    while gate.waited_count() == 0 {
        tokio::task::yield_now().await;
    }
    open_to_all.execute(insert(2)).await.expect("an insert");
    assert_eq!(ids(&open_to_all).await, [2]);
    gate.open();
    waiting.await.expect("it ends").expect("an insert");
    assert_eq!(ids(&open_to_all).await, [1, 2]);
}

#[tokio::test]
async fn what_was_opened_under_one_name_is_one_database_and_outlives_whoever_opened_it() {
    let store = Store::memory();
    open(&store).await.execute(insert(1)).await.expect("an insert");
    assert_eq!(ids(&open(&store).await).await, [1]);
    assert_eq!(ids(&open(&Store::memory()).await).await, [0_i64; 0], "another store is another database");
    assert_eq!(store.to_string(), "memory");
}

#[tokio::test]
async fn a_whole_transaction_runs_without_giving_way() {
    let db = open(&Store::memory()).await;
    let work = async {
        let mut tx = db.begin().await.expect("a transaction");
        let mut many = rows("insert into things (id, name) values {rows}");
        (0..3_000).for_each(|id| many.row([Value::from(id), Value::from("a")]));
        tx.execute_rows(many).await.expect("rows");
        tx.commit().await.expect("a commit");
        ids(&db).await.len()
    };
    tokio::select! {
        biased;
        count = work => assert_eq!(count, 3_000),
        () = std::future::ready(()) => panic!("it gave way"),
    }
}

#[tokio::test]
async fn a_transaction_whose_holder_is_gone_leaves_nothing() {
    let db = open(&Store::memory()).await;
    let mut tx = db.begin().await.expect("a transaction");
    tx.execute(insert(1)).await.expect("an insert");
    drop(tx);
    assert_eq!(ids(&db).await, [0_i64; 0]);
    db.execute(insert(2)).await.expect("the next one begins all the same");
    assert_eq!(ids(&db).await, [2]);
}

#[tokio::test]
async fn a_commit_that_is_told_to_fail_does_so_once_in_vain_or_not() {
    let db = open(&Store::memory()).await;
    db.fail_next_commit(MemoryFault::BeforeCommit).await;
    db.execute(insert(1)).await.expect_err("it fails");
    db.fail_next_commit(MemoryFault::AfterCommit).await;
    db.execute(insert(2)).await.expect_err("it fails");
    db.execute(insert(3)).await.expect("it does not");
    assert_eq!((ids(&db).await, db.commits_failed_count().await), (vec![2, 3], 2));
}

#[derive(Clone, Debug)]
enum Act {
    Put {
        ids: Vec<i64>,
        size: i64,
    },
    Delete {
        below: i64,
    },
    /// Two inserts of which the second may fail, in a transaction that is dropped.
    Drop {
        id: i64,
    },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (prop::collection::vec(0_i64..40, 1..60), any::<i32>()).prop_map(|(ids, size)| Act::Put { ids, size: i64::from(size) }),
        1 => (0_i64..40).prop_map(|below| Act::Delete { below }),
        1 => (0_i64..40).prop_map(|id| Act::Drop { id }),
    ]
}

/// What is there.
type Things = Vec<(i64, Option<String>, Option<i64>)>;

/// Does something, and tells how many rows it touched, where it did not fail, and what is there afterwards.
async fn perform(db: &Db, act: &Act) -> (Option<u64>, Things) {
    let done = match act {
        Act::Put { ids, size } => {
            let mut tx = db.begin().await.expect("a transaction");
            let mut put = rows(
                "insert into things (id, name, size) values {rows}
                 on conflict (id) do update set size = coalesce(things.size, 0) / 2 + excluded.size, name = excluded.name",
            );
            let ids: std::collections::BTreeSet<&i64> = ids.iter().collect();
            for id in ids {
                put.row([Value::from(*id), Value::from(format!("{id:b}")), Value::from(*size)]);
            }
            let done = tx.execute_rows(put).await;
            tx.commit().await.expect("a commit");
            done
        }
        Act::Delete { below } => db.execute(sql("delete from things where id < $1").bind(*below)).await,
        Act::Drop { id } => {
            let mut tx = db.begin().await.expect("a transaction");
            let done = tx.execute(insert(*id)).await;
            drop(tx);
            done
        }
    };
    let found = db.fetch_all(sql("select id, name, size from things order by name, id")).await.expect("rows");
    let row = |row: &database::Row| {
        let (id, name) = (row.get("id").expect("an id"), row.get("name").expect("a name"));
        (id, name, row.get("size").expect("a size"))
    };
    (done.ok(), found.iter().map(row).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 8))]

    #[test]
    fn whatever_is_done_memory_shows_what_the_file_shows(acts in prop::collection::vec(act(), 1..20)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (memory, file) = (TestStore::memory(), TestStore::sqlite());
            let (memory, file) = (open(memory.store()).await, open(file.store()).await);
            for act in &acts {
                prop_assert_eq!(perform(&memory, act).await, perform(&file, act).await);
            }
            Ok(())
        })?;
    }
}

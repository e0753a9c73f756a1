//! Copies that are only read, and what is left of what was deleted.

use database::testing::TestStore;
use database::{DatabaseError, Db, Migration, Migrations, Store, sql};

static MIGRATIONS: Migrations = Migrations {
    set: "words",
    steps: &[Migration {
        name: "0001_kept",
        sqlite: "create table kept (word text) strict;",
        postgres: "create table kept (word text);",
    }],
};

async fn open(store: &Store) -> Db {
    let db = Db::open(store, "copies").await.expect("the database opens");
    db.migrate(&MIGRATIONS).await.expect("the migrations apply");
    db
}

#[tokio::test]
async fn a_copy_is_read_and_never_changed() {
    for test in TestStore::each().await {
        let db = open(test.store()).await;
        db.execute(sql("insert into kept (word) values ('here')")).await.expect("a row");
        // While the first still writes, and once it is closed and its log is gone.
        for closes in [false, true] {
            let copy = Db::open_read_only(test.store(), "copies").await.expect("it opens");
            let row = copy.fetch_one(sql("select word from kept")).await.expect("a row");
            assert_eq!(row.get::<String>("word").expect("a word"), "here");
            copy.execute(sql("insert into kept (word) values ('there')")).await.expect_err("it is only read");
            copy.close().await;
            if !closes {
                db.close().await;
            }
        }
    }
}

#[tokio::test]
async fn a_copy_that_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = Db::open_read_only(&Store::sqlite(folder.path()), "copies").await.expect_err("there is none");
    assert!(matches!(error, DatabaseError::NoFile { .. }), "{error:?}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0);
}

#[tokio::test]
async fn what_was_deleted_is_overwritten_on_sqlite() {
    let test = TestStore::sqlite();
    let db = open(test.store()).await;
    let secret = "Mrs Arbuthnot of Lowestoft";
    db.execute(sql("insert into kept (word) values ($1)").bind(secret)).await.expect("a row");
    db.execute(sql("delete from kept")).await.expect("it is deleted");
    db.close().await;
    let folder = test.store().to_string();
    let folder = folder.strip_prefix("sqlite:").expect("a folder");
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("a file");
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "rule 16");
    }
}

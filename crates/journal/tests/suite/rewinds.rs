//! A journal that lost records stops whoever knew them (rule 17).

use std::time::Duration;

use database::sql;
use journal::{Engine, EngineConfig, Journal, JournalError, MemoryJournal, Submission, SubmitError};

use crate::integrity::{allow_changes, ten_records, with_checkpoints};
use crate::toy::{self, Command, TestJournal, Toy, add_one, config, order, submit};

#[tokio::test]
async fn a_shutdown_leaves_a_checkpoint_and_the_next_start_compares_with_it() {
    for test in TestJournal::each().await {
        let Some(db) = test.db() else { continue };
        let folder = tempfile::tempdir().expect("a folder");
        let (clock, _) = toy::clock();
        let engine = test.engine_with(&clock, with_checkpoints(folder.path())).await;
        ten_records(&engine).await;
        engine.shutdown().await;
        let open = async || {
            let again = test.again().await;
            Engine::<Toy>::open(again, clock.clone(), with_checkpoints(folder.path())).await
        };
        open().await.expect("nothing is gone").shutdown().await;
        // A backup is restored while nobody looks.
        allow_changes(db).await;
        let head = "update journal_head set position = 6, hash = (select hash from journal_records where position = 6)";
        for statement in ["delete from journal_records where position > 6", head] {
            db.execute(sql(statement)).await.expect("the backup is restored");
        }
        let error = open().await.expect_err("records are gone");
        let JournalError::Rewound(rewound) = &error else { panic!("{error:?}") };
        assert_eq!(rewound.gone(), Some((7, 10)));
        let message = error.to_string();
        assert!(
            message.contains("JOURNAL_REWOUND") && message.contains("at least records 7 to 10 are gone"),
            "{message}"
        );
        std::fs::remove_file(folder.path().join("toy.checkpoints")).expect("a person accepts the loss");
        open().await.expect("then it starts");
    }
}

/// Memory is rewound by its own means, a database by its tables.
async fn rewind(journal: &Journal, position: i64) {
    match journal {
        Journal::Memory(memory) => memory.rewind(position.cast_unsigned()).await,
        Journal::Sql(db) => {
            allow_changes(db).await;
            let mut tx = db.begin().await.expect("a transaction");
            tx.execute(sql("delete from journal_records where position > $1").bind(position)).await.expect("records");
            let move_head = "update journal_head set position = $1, \
                             hash = (select hash from journal_records where position = $1)";
            tx.execute(sql(move_head).bind(position)).await.expect("the head");
            tx.commit().await.expect("a commit");
        }
    }
}

#[tokio::test]
async fn a_journal_that_is_rewound_under_a_running_engine_stops_it_and_says_what_is_gone() {
    for test in TestJournal::each().await {
        let (clock, _) = toy::clock();
        let engine = test.engine(&clock).await;
        ten_records(&engine).await;
        rewind(&test.journal, 4).await;
        // By looking, without any command.
        let stopped = tokio::time::timeout(Duration::from_secs(20), engine.wait_stopped()).await.expect("in time");
        let JournalError::Rewound(rewound) = &*stopped else { panic!("{stopped:?}") };
        assert_eq!((rewound.common_position, rewound.gone()), (Some(4), Some((5, 10))), "{}", test.name);
        let refused = submit(&engine, order(add_one("a"))).await.expect_err("it has stopped");
        assert!(matches!(refused, SubmitError::Stopped(_)), "{refused:?}");
        engine.shutdown().await;
    }
}

#[tokio::test]
async fn a_rewind_is_noticed_although_notifications_of_older_records_keep_coming() {
    let Some(test) = TestJournal::postgres().await else { return };
    let db = test.db().expect("a database");
    let (clock, _) = toy::clock();
    let patient = EngineConfig { poll_interval: Duration::from_millis(500), ..config() };
    let engine = test.engine_with(&clock, patient).await;
    ten_records(&engine).await;
    rewind(&test.journal, 4).await;
    let noise = async {
        loop {
            let notify = sql("select pg_notify($1, '1')").bind(db.channel("journal"));
            db.execute(notify).await.expect("a notification");
        }
    };
    tokio::select! {
        stopped = tokio::time::timeout(Duration::from_secs(20), engine.wait_stopped()) => {
            let stopped = stopped.expect("in time");
            assert!(matches!(*stopped, JournalError::Rewound(_)), "{stopped:?}");
        }
        () = noise => {}
    }
}

#[tokio::test]
async fn a_store_that_was_rewound_is_not_vouched_for() {
    for test in TestJournal::each().await {
        let folder = tempfile::tempdir().expect("a folder");
        let (clock, _) = toy::clock();
        let deaf = EngineConfig { poll_interval: Duration::from_secs(3_600), ..with_checkpoints(folder.path()) };
        let engine = test.engine_with(&clock, deaf).await;
        ten_records(&engine).await;
        rewind(&test.journal, 4).await;
        // Not noticed yet, but in memory, where it is heard of at once.
        if let Ok(checkpoint) = engine.handle().checkpoint() {
            assert_eq!(checkpoint.expect("there is a key").head.position, 10, "{}", test.name);
        }
        submit(&engine, order(add_one("a"))).await.expect_err("it is noticed");
        let refusal = engine.handle().checkpoint().expect_err("it has stopped");
        assert!(matches!(*refusal, JournalError::Rewound(_)), "{refusal:?}");
    }
}

#[tokio::test]
async fn another_history_of_the_same_length_or_longer_stops_the_engine_at_its_next_write() {
    for length in [10, 12] {
        for test in TestJournal::each().await {
            let (clock, _) = toy::clock();
            let deaf = EngineConfig { poll_interval: Duration::from_secs(3_600), ..config() };
            let engine = test.engine_with(&clock, deaf).await;
            ten_records(&engine).await;
            if let Journal::Memory(_) = &test.journal {
                // In memory it would be heard of at once; the test above is about that.
                continue;
            }
            rewind(&test.journal, 4).await;
            let other = Engine::<Toy>::open(test.again().await, clock.clone(), config()).await.expect("it opens");
            for _ in 4..length {
                submit(&other, order(add_one("b"))).await.expect("it is accepted");
            }
            let refused = submit(&engine, order(add_one("a"))).await.expect_err("it is another history");
            let SubmitError::Stopped(reason) = refused else { panic!("{refused:?}") };
            let JournalError::Rewound(rewound) = &*reason else { panic!("{reason:?}") };
            assert_eq!(rewound.gone(), Some((5, 10)), "{} {length}", test.name);
            assert_eq!(other.published().position, length, "nothing was written");
        }
    }
}

#[tokio::test]
async fn a_command_to_a_stopped_memory_journal_is_refused_although_others_go_on() {
    let memory = MemoryJournal::default();
    let (clock, _) = toy::clock();
    let engine = Engine::<Toy>::open(Journal::Memory(memory.clone()), clock.clone(), config()).await.expect("it opens");
    ten_records(&engine).await;
    memory.rewind(0).await;
    engine.wait_stopped().await;
    let dry = Submission { dry_run: true, ..order(Command::Nothing) };
    submit(&engine, dry).await.expect_err("also a dry run would answer from what is gone");
    let fresh = Engine::<Toy>::open(Journal::Memory(memory), clock, config()).await.expect("it opens");
    submit(&fresh, order(add_one("a"))).await.expect("it is accepted");
}

//! What every form of a journal must do alike: each test runs in memory, on SQLite, and on PostgreSQL where one is at
//! hand.

use std::time::{Duration, Instant};

use crate::toy::{
    self, Command, Event, TestJournal, TooLittle, Toy, add_one, config, order, reply, request, soon, submit,
};
use jiff::SignedDuration;
use journal::{
    Accepted, Engine, EngineConfig, Hash, InOnePiece, Journal, JournalError, Machine, Meta, Submission, SubmitError,
};

fn text(accepted: &Accepted) -> &str {
    std::str::from_utf8(&accepted.reply).expect("the toy replies with text")
}

#[test]
fn the_migrations_of_both_engines_are_the_same_steps() {
    database::testing::check_migration_folders(env!("CARGO_MANIFEST_DIR"), &journal::MIGRATIONS);
}

#[tokio::test]
async fn an_accepted_command_is_published_before_it_is_answered_and_is_there_after_reopening() {
    for test in TestJournal::each().await {
        let (clock, _) = toy::clock();
        let engine = test.engine(&clock).await;
        assert_eq!(engine.published().position, 0);
        let accepted = submit(&engine, request(add_one("a"), "r-1")).await.expect("it is accepted");
        assert_eq!((accepted.position, accepted.replayed), (1, false));
        assert_eq!(text(&accepted), "1 after 1 events at 2031-03-29T12:00:00Z");
        let published = engine.published();
        assert_eq!((published.position, published.state.by_name["a"]), (1, 1));
        engine.shutdown().await;

        let again = Engine::<Toy>::open(test.again().await, clock.clone(), config()).await.expect("it opens again");
        let reopened = again.published();
        assert_eq!((&reopened.state, reopened.position), (&published.state, 1));
        assert_eq!((reopened.hash, reopened.recorded_at), (published.hash, published.recorded_at));
    }
}

#[tokio::test]
async fn a_record_says_who_when_why_and_what() {
    for test in TestJournal::each().await {
        let (clock, _) = toy::clock();
        let engine = test.engine(&clock).await;
        let meta = Meta {
            actor: "alice".to_owned(),
            request_id: "r-1".to_owned(),
            body_digest: [1; 32],
            cause: "letters/17".to_owned(),
            traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
            reason_code: "staff-not-trained".to_owned(),
            note: "after Easter".to_owned(),
        };
        let command = Command::AddEach { names: vec!["a".to_owned(), "b".to_owned()] };
        submit(&engine, Submission::new(command, meta.clone())).await.expect("it is accepted");
        let records = engine.records(0, 10).await.expect("the records");
        assert_eq!(records.len(), 2);
        let first = &records[0];
        assert_eq!((first.position, first.recorded_at), (1, toy::start()));
        assert_eq!((first.actor.as_str(), first.request_id.as_str()), ("alice", "r-1"));
        assert_eq!((&first.cause, &first.traceparent), (&meta.cause, &meta.traceparent));
        assert_eq!((first.kind.as_str(), first.reason_code.as_str()), ("added", "staff-not-trained"));
        assert_eq!(first.payload, r#"{"kind":"added","name":"a","by":1}"#);
        assert_eq!(first.note_hash, Some(Hash::of_note(&[7; 32], "after Easter")));
        assert_eq!(records[1].note_hash, None, "the note belongs to the command's first record");
        assert_eq!(first.previous_hash, Hash::genesis(Toy::JOURNAL));
        assert_eq!(records[1].previous_hash, first.hash);
        let notes = engine.handle().notes(1, 2).await.expect("the notes");
        assert_eq!(notes.len(), 1);
        assert_eq!((notes[0].position, notes[0].note.as_str()), (1, "after Easter"));
        let events = engine.events(1, 10).await.expect("the events");
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].event, Event::Added { name: "b".to_owned(), by: 1 });
    }
}

#[tokio::test]
async fn a_replayed_request_gets_the_first_reply_also_after_reopening_and_changes_nothing() {
    for test in TestJournal::each().await {
        let (clock, manual) = toy::clock();
        let engine = test.engine(&clock).await;
        let first = submit(&engine, request(add_one("a"), "r-1")).await.expect("it is accepted");
        manual.advance(SignedDuration::from_hours(1));
        submit(&engine, request(add_one("a"), "r-2")).await.expect("it is accepted");
        let expected = Accepted { replayed: true, ..first };
        assert_eq!(submit(&engine, request(add_one("a"), "r-1")).await.expect("a replay"), expected);
        engine.shutdown().await;
        let again = Engine::<Toy>::open(test.again().await, clock.clone(), config()).await.expect("it opens again");
        assert_eq!(submit(&again, request(add_one("a"), "r-1")).await.expect("a replay"), expected);
        assert_eq!(again.published().state.by_name["a"], 2);
    }
}

#[tokio::test]
async fn a_request_id_with_another_body_is_refused_and_belongs_to_its_account() {
    for test in TestJournal::each().await {
        let (clock, _) = toy::clock();
        let engine = test.engine(&clock).await;
        submit(&engine, request(add_one("a"), "r-1")).await.expect("it is accepted");
        let reused = submit(&engine, request(add_one("b"), "r-1")).await.expect_err("another body");
        assert!(matches!(&reused, SubmitError::RequestIdReused { request_id } if request_id == "r-1"), "{reused:?}");
        let mut by_bob = request(add_one("b"), "r-1");
        by_bob.meta.actor = "bob".to_owned();
        let accepted = submit(&engine, by_bob).await.expect("bob's r-1 is another request");
        assert_eq!((accepted.position, accepted.replayed), (2, false));
    }
}

#[tokio::test]
async fn a_refused_request_may_be_sent_again() {
    for test in TestJournal::each().await {
        let (clock, _) = toy::clock();
        let engine = test.engine(&clock).await;
        let take = || request(Command::Add { name: "a".to_owned(), by: -1 }, "r-1");
        let refused = submit(&engine, take()).await.expect_err("there is nothing to take");
        assert!(matches!(refused, SubmitError::Rejected(TooLittle { value: 0, .. })), "{refused:?}");
        submit(&engine, request(add_one("a"), "r-2")).await.expect("it is accepted");
        assert!(!submit(&engine, take()).await.expect("now there is something").replayed);
    }
}

#[tokio::test]
async fn what_changes_nothing_is_accepted_without_a_record_and_its_reply_is_kept() {
    for test in TestJournal::each().await {
        let (clock, _) = toy::clock();
        let engine = test.engine(&clock).await;
        submit(&engine, order(add_one("a"))).await.expect("it is accepted");
        let first = submit(&engine, request(Command::Nothing, "r-1")).await.expect("it is accepted");
        assert_eq!(text(&first), "1 after 0 events at 2031-03-29T12:00:00Z");
        submit(&engine, order(add_one("a"))).await.expect("it is accepted");
        let replay = submit(&engine, request(Command::Nothing, "r-1")).await.expect("a replay");
        assert_eq!((replay.reply, replay.position, replay.replayed), (first.reply, 1, true));
        assert_eq!(engine.records(0, 10).await.expect("the records").len(), 2);
    }
}

#[tokio::test]
async fn a_dry_run_answers_as_the_command_would_and_leaves_nothing() {
    for test in TestJournal::each().await {
        let (clock, _) = toy::clock();
        let engine = test.engine(&clock).await;
        let dry = Submission { dry_run: true, ..request(add_one("a"), "r-1") };
        let answered = engine.submit(dry, |outcome| {
            assert!(outcome.dry_run);
            outcome.after.by_name["a"].to_string().into_bytes()
        });
        let answered = answered.await.expect("it would be accepted");
        assert_eq!((answered.reply, answered.position), (b"1".to_vec(), 0));
        assert_eq!(engine.published().position, 0);
        let refused = Submission { dry_run: true, ..order(Command::Add { name: "a".to_owned(), by: -1 }) };
        assert!(matches!(submit(&engine, refused).await, Err(SubmitError::Rejected(_))));
        assert!(!submit(&engine, request(add_one("a"), "r-1")).await.expect("it is accepted").replayed);
    }
}

#[tokio::test]
async fn a_command_that_panics_is_refused_alone_and_leaves_nothing() {
    for test in TestJournal::each().await {
        let (clock, _) = toy::clock();
        let engine = test.engine(&clock).await;
        // All in one batch: they are queued before the writer runs, since this runtime has one thread.
        let (before, deciding, applying, wording, after) = tokio::join!(
            submit(&engine, order(add_one("a"))),
            submit(&engine, order(Command::PanicDeciding)),
            submit(&engine, order(Command::PanicApplying)),
            engine.submit(order(add_one("a")), |_| panic!("the reply cannot be worded")),
            submit(&engine, order(add_one("a"))),
        );
        before.expect("it is accepted");
        for broken in [deciding, applying, wording] {
            assert!(matches!(&broken, Err(SubmitError::Fault { .. })), "{broken:?}");
        }
        assert_eq!(after.expect("it is accepted").position, 2);
        assert_eq!(engine.published().state.by_name["a"], 2);
        assert_eq!(engine.published().state.by_name.get("before"), None);
    }
}

#[tokio::test]
async fn recorded_moments_never_go_backwards() {
    for test in TestJournal::each().await {
        let (clock, manual) = toy::clock();
        let engine = test.engine(&clock).await;
        submit(&engine, order(add_one("a"))).await.expect("it is accepted");
        manual.advance(SignedDuration::from_secs(-60));
        submit(&engine, order(add_one("a"))).await.expect("it is accepted");
        manual.advance(SignedDuration::from_secs(120));
        submit(&engine, order(add_one("a"))).await.expect("it is accepted");
        let moments: Vec<_> =
            engine.records(0, 10).await.expect("records").iter().map(|record| record.recorded_at).collect();
        let minute = SignedDuration::from_secs(60);
        assert_eq!(moments, [toy::start(), toy::start(), toy::start() + minute], "rule 18");
    }
}

#[tokio::test]
async fn a_record_may_name_thousands_of_things_but_not_more_than_a_message_holds() {
    for test in TestJournal::each().await {
        let (clock, _) = toy::clock();
        let engine = test.engine(&clock).await;
        let names: Vec<String> = (0..7_000).map(|number| format!("A{number:05}")).collect();
        submit(&engine, order(Command::AddAll { names })).await.expect("it is accepted");
        assert_eq!(engine.published().state.by_name.len(), 7_000);
        let too_large = Command::AddAll { names: vec!["x".repeat(4 * 1024 * 1024)] };
        let refused = submit(&engine, order(too_large)).await.expect_err("it is too large");
        assert!(matches!(&refused, SubmitError::Fault { what, .. } if what.contains("bytes")), "{refused:?}");
        let again = Engine::<Toy>::open(test.again().await, clock.clone(), config()).await.expect("it opens again");
        assert_eq!(again.published().state, engine.published().state);
    }
}

#[tokio::test]
async fn records_are_paged_without_holes() {
    for test in TestJournal::each().await {
        let (clock, _) = toy::clock();
        let engine = test.engine(&clock).await;
        let names: Vec<String> = (0..25).map(|number| number.to_string()).collect();
        submit(&engine, order(Command::AddEach { names })).await.expect("it is accepted");
        let mut positions = Vec::new();
        loop {
            let after = positions.last().copied().unwrap_or(0);
            let page = engine.records(after, 10).await.expect("a page");
            if page.is_empty() {
                break;
            }
            positions.extend(page.iter().map(|record| record.position));
        }
        assert_eq!(positions, (1..=25).collect::<Vec<u64>>());
    }
}

#[tokio::test]
async fn the_state_of_any_position_can_be_had() {
    for test in TestJournal::each().await {
        let (clock, _) = toy::clock();
        let engine = test.engine(&clock).await;
        for _ in 0..5 {
            submit(&engine, order(add_one("a"))).await.expect("it is accepted");
        }
        for position in 0..=5 {
            let state = engine.state_at(position).await.expect("a state");
            assert_eq!(state.events_count, position);
        }
        assert_eq!(engine.state_at(99).await.expect("the last state").events_count, 5);
    }
}

#[tokio::test]
async fn a_wait_for_a_position_ends_when_it_is_reached_or_at_its_deadline() {
    for test in TestJournal::each().await {
        let (clock, _) = toy::clock();
        let engine = test.engine(&clock).await;
        let waiting = engine.wait_for(2, soon());
        let working = async {
            submit(&engine, order(add_one("a"))).await.expect("it is accepted");
            submit(&engine, order(add_one("a"))).await.expect("it is accepted");
        };
        let (reached, ()) = tokio::join!(waiting, working);
        assert_eq!(reached.expect("it is reached").position, 2);
        let late = engine.wait_for(3, Instant::now() + Duration::from_millis(5)).await.expect_err("nobody writes");
        assert_eq!((late.wanted, late.position), (3, 2));
    }
}

#[tokio::test]
async fn a_subscriber_sees_the_latest_state_and_not_each_in_turn() {
    for test in TestJournal::each().await {
        let (clock, _) = toy::clock();
        let engine = test.engine(&clock).await;
        let mut subscription = engine.subscribe();
        for _ in 0..3 {
            submit(&engine, order(add_one("a"))).await.expect("it is accepted");
        }
        let (published, _activity) = subscription.changed().await;
        assert_eq!(published.position, 3);
        assert!(tokio::time::timeout(Duration::from_millis(5), subscription.changed()).await.is_err(), "nothing new");
    }
}

#[tokio::test]
async fn a_shutdown_answers_what_waits_and_refuses_what_comes() {
    for test in TestJournal::each().await {
        let (clock, _) = toy::clock();
        let engine = test.engine(&clock).await;
        let waiting: Vec<_> = (0..20)
            .map(|_| {
                let engine = engine.clone();
                tokio::spawn(async move { submit(&engine, order(add_one("a"))).await })
            })
            .collect();
        tokio::task::yield_now().await;
        engine.shutdown().await;
        for task in waiting {
            task.await.expect("the task ends").expect("it was waiting, so it is served");
        }
        assert_eq!(engine.published().state.by_name["a"], 20);
        let late = submit(&engine, order(add_one("a"))).await.expect_err("the engine has ended");
        assert!(matches!(&late, SubmitError::Unavailable(error) if matches!(**error, JournalError::Closed { .. })));
    }
}

#[tokio::test]
async fn a_database_that_holds_another_journal_is_refused() {
    enum Other {}
    impl Machine for Other {
        const JOURNAL: &'static str = "other";
        type State = ();
        type Cut = InOnePiece;
        type Command = ();
        type Event = ();
        type Rejection = TooLittle;
        fn initial() {}
        fn kind((): &()) -> &'static str {
            "nothing"
        }
        fn decide((): &(), (): &(), _now: jiff::Timestamp) -> Result<Vec<()>, TooLittle> {
            Ok(Vec::new())
        }
        fn apply((): &mut (), (): &(), _position: u64, _recorded_at: jiff::Timestamp) {}
    }
    for test in TestJournal::each().await {
        let (clock, _) = toy::clock();
        let engine = test.engine(&clock).await;
        submit(&engine, order(add_one("a"))).await.expect("it is accepted");
        let error = Engine::<Other>::open(test.again().await, clock, EngineConfig::default()).await.err();
        assert!(matches!(error, Some(JournalError::OtherJournal { .. })), "{error:?}");
    }
}

#[tokio::test]
async fn a_database_without_the_tables_says_how_to_make_them() {
    for store in database::testing::TestStore::each().await {
        let db = database::Db::open(store.store(), "toy").await.expect("the database opens");
        let (clock, _) = toy::clock();
        let error = Engine::<Toy>::open(Journal::Sql(db), clock, config()).await.expect_err("it has no tables");
        let JournalError::Store { source, .. } = error else { panic!("{error:?}") };
        assert!(source.to_string().contains("citizens-access migrate"), "{source}");
    }
}

#[tokio::test]
async fn the_reply_is_worded_on_the_states_before_and_after() {
    for test in TestJournal::each().await {
        let (clock, _) = toy::clock();
        let engine = test.engine(&clock).await;
        let worded =
            engine.submit(order(Command::AddEach { names: vec!["a".to_owned(), "a".to_owned()] }), |outcome| {
                assert_eq!(outcome.before.by_name.get("a"), None);
                assert_eq!(outcome.after.by_name["a"], 2);
                reply(outcome)
            });
        assert_eq!(worded.await.expect("it is accepted").position, 2);
    }
}

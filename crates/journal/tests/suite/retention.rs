//! Replies are kept for a stated time, and no longer.

use std::time::Duration;

use database::sql;
use jiff::SignedDuration;
use journal::EngineConfig;

use crate::toy::{self, Command, TestJournal, add_one, config, order, request, soon, submit};

#[tokio::test]
async fn a_request_can_be_repeated_for_the_stated_time_and_is_then_a_new_one() {
    for test in TestJournal::each().await {
        let Some(db) = test.db() else { continue };
        let (clock, manual) = toy::clock();
        let month = EngineConfig { request_retention: Some(SignedDuration::from_hours(24 * 30)), ..config() };
        let engine = test.engine_with(&clock, month).await;
        let first = submit(&engine, request(add_one("a"), "old")).await.expect("it is accepted");
        manual.advance(SignedDuration::from_hours(24 * 29));
        submit(&engine, request(add_one("a"), "recent")).await.expect("it is accepted");
        let again = submit(&engine, request(add_one("a"), "old")).await.expect("it is repeated");
        assert_eq!((again.replayed, &again.reply), (true, &first.reply), "{}", test.name);
        manual.advance(SignedDuration::from_hours(24 * 2));
        // Many records make the chores look.
        let deadline = soon();
        loop {
            let names = (0..1_000).map(|number| number.to_string()).collect();
            submit(&engine, order(Command::AddEach { names })).await.expect("it is accepted");
            let row = db.fetch_one(sql("select count(*) as n from journal_requests")).await.expect("a row");
            if row.get::<i64>("n").expect("a count") == 1 {
                break;
            }
            assert!(std::time::Instant::now() < deadline, "nothing is forgotten");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let recent = submit(&engine, request(add_one("a"), "recent")).await.expect("it is repeated");
        assert!(recent.replayed, "{}: two days are within the time", test.name);
        let new = submit(&engine, request(add_one("a"), "old")).await.expect("it is accepted");
        assert!(!new.replayed, "{}: its time is over", test.name);
        engine.shutdown().await;
    }
}

//! A replica whose clock is off its database's records nothing (rule 18).

use clock::{Clock, SystemClock};
use jiff::SignedDuration;
use journal::{Engine, EngineConfig, JournalError, SubmitError};

use crate::toy::{TestJournal, Toy, add_one, config, order, submit};

async fn engine(test: &TestJournal, offset: SignedDuration, config: EngineConfig) -> Engine<Toy> {
    let clock = Clock::System(SystemClock::with_offset(offset));
    Engine::<Toy>::open(test.again().await, clock, config).await.expect("it opens")
}

#[tokio::test]
async fn rule_18_a_replica_more_than_a_second_off_its_database_is_not_ready_and_records_nothing() {
    let Some(test) = TestJournal::postgres().await else { return };
    for offset in [3, -3, 600, -600].map(SignedDuration::from_secs) {
        let off = engine(&test, offset, config()).await;
        assert!(!off.handle().is_ready());
        let refused = submit(&off, order(add_one("a"))).await.expect_err("it records nothing");
        let SubmitError::Unavailable(reason) = &refused else { panic!("{refused:?}") };
        let JournalError::ClockOff { skew_ms, .. } = &**reason else { panic!("{reason:?}") };
        let wanted = i64::try_from(offset.as_millis()).expect("a few");
        assert!((skew_ms - wanted).abs() < 1_000, "{skew_ms} ms of {wanted} ms");
    }
    let near = engine(&test, SignedDuration::from_millis(500), config()).await;
    assert!(near.handle().is_ready());
    let accepted = submit(&near, order(add_one("a"))).await.expect("half a second is near enough");
    assert_eq!(accepted.position, 1, "nothing was recorded by those that were off");
}

#[tokio::test]
async fn rule_18_an_installation_that_lives_in_another_time_on_purpose_is_ready() {
    let Some(test) = TestJournal::postgres().await else { return };
    let years = SignedDuration::from_hours(24 * 365);
    let moved = EngineConfig { store_clock_offset: years, ..config() };
    let there = engine(&test, years, moved).await;
    assert!(there.handle().is_ready());
    submit(&there, order(add_one("a"))).await.expect("its database is taken to live there too");
}

#[tokio::test]
async fn rule_18_does_not_apply_where_the_store_has_no_clock() {
    let test = TestJournal::sqlite().await;
    let embedded = engine(&test, SignedDuration::from_hours(5), config()).await;
    submit(&embedded, order(add_one("a"))).await.expect("there is nothing to hold the clock against");
}

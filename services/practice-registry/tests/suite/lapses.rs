//! The loop that brings about what is due (rule 15), on a discrete-event clock.

use std::time::Duration;

use clock::{Clock, VirtualClock, VirtualConfig};
use jiff::{SignedDuration, Timestamp};
use journal::{EngineConfig, Journal, MemoryFault, MemoryJournal};
use ods::civil::day_start;
use practice::command::{PausePractice, Placed, RecordSuccession};
use practice::directory::{Chunk, DirectoryEntry, Lifetime};
use practice::pause::PauseEnd;
use practice::{Command, SuccessionKind, SuccessionTerms};
use practice_registry::{Config, Limits, PracticeRegistry};
use tokio_util::sync::CancellationToken;

use crate::bench::START;

async fn open(clock: &Clock) -> PracticeRegistry {
    open_on(clock, MemoryJournal::default()).await
}

async fn open_on(clock: &Clock, journal: MemoryJournal) -> PracticeRegistry {
    let (clock, journal) = (clock.clone(), Journal::Memory(journal));
    let limits = Limits { lapse_retry_after: Duration::from_millis(1), ..Limits::default() };
    PracticeRegistry::open(Config { journal, clock, engine: EngineConfig::default(), limits }).await.unwrap()
}

async fn decide(registry: &PracticeRegistry, command: Command) {
    let submission = journal::Submission::new(command, journal::Meta::default());
    registry.engine().submit(submission, |_| Vec::new()).await.unwrap();
}

fn import(lifetime: Lifetime) -> Command {
    let entry = DirectoryEntry {
        name: Some("HILL SURGERY".to_owned()),
        lifetime: Some(lifetime),
        ..DirectoryEntry::new("A81001".parse().unwrap())
    };
    let effective_from = "2031-06-01".parse().unwrap();
    Command::ImportDirectory(Chunk {
        source: "epraccur".to_owned(),
        effective_from,
        practices: vec![entry],
        organisations: Vec::new(),
        read: None,
    })
}

#[tokio::test]
async fn pauses_end_and_practices_close_at_their_moment_and_not_before() {
    let start: Timestamp = START.parse().unwrap();
    let (time, advance) = VirtualClock::new(VirtualConfig::new(start));
    let clock = Clock::Virtual(time);
    let activity = clock.activity();
    let registry = open(&clock).await;
    let close = "2031-06-04".parse().unwrap();
    decide(&registry, import(Lifetime { close: Some(close), ..Lifetime::default() })).await;
    let until = start + SignedDuration::from_hours(1);
    let pause = PausePractice {
        practice: "A81001".parse().unwrap(),
        capability: None,
        end: PauseEnd::Until(until),
        placed: Placed { by: "manager".to_owned(), ..Placed::default() },
    };
    decide(&registry, Command::PausePractice(pause)).await;

    let shutdown = CancellationToken::new();
    let loops = tokio::spawn({
        let (registry, shutdown) = (registry.clone(), shutdown.clone());
        async move { registry.run(shutdown).await }
    });
    let advance = tokio::spawn(advance.run());
    // Sleeps beyond both; the clock goes through the due moments on its way.
    let sleep = clock.sleep_until(day_start(close) + SignedDuration::from_hours(1), "test");
    drop(activity);
    let activity = sleep.await;

    let events = registry.engine().events(2, 10).await.unwrap();
    let lapsed: Vec<_> = events.iter().map(|recorded| (recorded.recorded_at, recorded.actor.as_str())).collect();
    assert_eq!(lapsed, [(until, "practice-registry"), (day_start(close), "practice-registry")]);
    let published = registry.engine().published();
    let known = published.state.practice("A81001".parse().unwrap()).unwrap();
    assert_eq!(known.status, practice::directory::Status::Closed);
    assert_eq!(known.pauses_in_force().count(), 0);
    assert_eq!(published.state.next_due(), None);

    shutdown.cancel();
    drop(activity);
    loops.await.unwrap();
    advance.abort();
}

#[tokio::test]
async fn a_succession_takes_effect_on_its_day_by_the_loop() {
    let (clock, time) = Clock::manual(START.parse().unwrap());
    let registry = open(&clock).await;
    decide(&registry, import(Lifetime::default())).await;
    let terms = SuccessionTerms {
        kind: SuccessionKind::Close,
        predecessors: vec!["A81001".parse().unwrap()],
        successors: Vec::new(),
        effective_from: "2031-06-05".parse().unwrap(),
    };
    decide(&registry, succession(terms)).await;
    time.advance(SignedDuration::from_hours(24 * 7));
    let mut subscription = registry.engine().subscribe();
    let shutdown = CancellationToken::new();
    let loops = tokio::spawn({
        let (registry, shutdown) = (registry.clone(), shutdown.clone());
        async move { registry.run(shutdown).await }
    });
    let (published, _activity) = subscription.changed().await;
    let known = published.state.practice("A81001".parse().unwrap()).unwrap();
    assert_eq!(known.status, practice::directory::Status::Closed);
    assert_eq!(published.state.next_due(), None);
    shutdown.cancel();
    loops.await.unwrap();
}

fn succession(terms: SuccessionTerms) -> Command {
    Command::RecordSuccession(RecordSuccession {
        terms,
        recorded_by: "operator".to_owned(),
        reason_code: String::new(),
        if_positions: Vec::new(),
        confirm_count: None,
        confirm_hash: None,
    })
}

#[tokio::test]
async fn what_fell_due_while_nobody_ran_comes_about_at_the_start() {
    let start: Timestamp = START.parse().unwrap();
    let (clock, time) = Clock::manual(start);
    let journal = MemoryJournal::default();
    let registry = open_on(&clock, journal.clone()).await;
    let open_day = "2031-06-03".parse().unwrap();
    decide(&registry, import(Lifetime { open: Some(open_day), ..Lifetime::default() })).await;
    time.advance(SignedDuration::from_hours(24 * 7));
    // And the store fails once, at the worst moment.
    journal.fail_next_commit(MemoryFault::BeforeCommit).await;
    let mut subscription = registry.engine().subscribe();
    let shutdown = CancellationToken::new();
    let loops = tokio::spawn({
        let (registry, shutdown) = (registry.clone(), shutdown.clone());
        async move { registry.run(shutdown).await }
    });
    let (published, _activity) = subscription.changed().await;
    let known = published.state.practice("A81001".parse().unwrap()).unwrap();
    assert_eq!(known.status, practice::directory::Status::Active);
    shutdown.cancel();
    loops.await.unwrap();
}

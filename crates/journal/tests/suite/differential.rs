//! One property for all forms of a journal: whatever is asked of them, they answer alike and hold the same records,
//! which are those that a machine run by hand over the same commands would have made.

use std::collections::BTreeMap;

use clock::{Clock, ManualClock};
use jiff::{SignedDuration, Timestamp};
use journal::{Accepted, Engine, Hash, Machine, Note, Record, Submission, SubmitError};
use proptest::prelude::*;

use crate::toy::{self, Command, Counters, TestJournal, TooLittle, Toy, reply, request};

/// What is done to a journal, step by step.
#[derive(Clone, Debug)]
enum Step {
    /// These at once, so that they share batches.
    Submit(Vec<Ask>),
    /// The clock moves, also backwards.
    Tick(i64),
    /// The engine ends and another opens on what is stored.
    Reopen,
}

#[derive(Clone, Debug)]
struct Ask {
    command: Command,
    /// From a small set, so that some are reused. None: a loop's own command.
    request: Option<u8>,
    by_bob: bool,
    urgent: bool,
    dry_run: bool,
    note: bool,
}

fn commands() -> impl Strategy<Value = Command> {
    let name = "[a-c]";
    prop_oneof![
        6 => (name, -2i64..4).prop_map(|(name, by)| Command::Add { name, by }),
        2 => prop::collection::vec(name, 0..4).prop_map(|names| Command::AddEach { names }),
        2 => prop::collection::vec(name, 0..4).prop_map(|names| Command::AddAll { names }),
        1 => Just(Command::Nothing),
        1 => Just(Command::PanicApplying),
    ]
}

prop_compose! {
    fn asks()(
        command in commands(),
        request in prop::option::of(0u8..6),
        by_bob in any::<bool>(),
        urgent in prop::bool::weighted(0.2),
        dry_run in prop::bool::weighted(0.1),
        note in any::<bool>(),
    ) -> Ask {
        Ask { command, request, by_bob, urgent, dry_run, note }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => prop::collection::vec(asks(), 1..6).prop_map(Step::Submit),
        2 => (-5i64..20).prop_map(Step::Tick),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..12)
}

fn submission(ask: &Ask) -> Submission<Command> {
    let request_id = ask.request.map(|number| format!("r-{number}")).unwrap_or_default();
    let mut submission = request(ask.command.clone(), &request_id);
    if ask.by_bob {
        submission.meta.actor = "bob".to_owned();
    }
    if ask.note {
        submission.meta.note = format!("why {request_id}");
    }
    submission.dry_run = ask.dry_run;
    if ask.urgent { submission.urgent() } else { submission }
}

/// An answer, in a form that can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    Accepted(Accepted),
    Rejected(TooLittle),
    Reused(String),
    Fault,
}

impl From<Result<Accepted, SubmitError<TooLittle>>> for Answer {
    fn from(answer: Result<Accepted, SubmitError<TooLittle>>) -> Self {
        match answer {
            Ok(accepted) => Self::Accepted(accepted),
            Err(SubmitError::Rejected(rejection)) => Self::Rejected(rejection),
            Err(SubmitError::RequestIdReused { request_id }) => Self::Reused(request_id),
            Err(SubmitError::Fault { .. }) => Self::Fault,
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// All that can be seen of a journal after a run.
#[derive(Debug, PartialEq)]
struct Seen {
    answers: Vec<Answer>,
    records: Vec<Record>,
    notes: Vec<Note>,
    state: Counters,
    hash: Hash,
}

async fn run(test: &TestJournal, steps: &[Step]) -> Seen {
    let (clock, manual) = toy::clock();
    let mut engine = test.engine(&clock).await;
    let mut answers = Vec::new();
    for step in steps {
        match step {
            Step::Submit(asks) => answers.extend(submit_together(&engine, asks).await),
            Step::Tick(seconds) => manual.advance(SignedDuration::from_secs(*seconds)),
            Step::Reopen => {
                engine.shutdown().await;
                engine = test.engine(&clock).await;
            }
        }
    }
    let published = engine.published();
    let records = engine.records(0, usize::MAX).await.expect("the records");
    let notes = engine.handle().notes(0, u64::from(u32::MAX)).await.expect("the notes");
    let verification = engine.handle().verify(None, false).await.expect("a verification");
    assert_eq!((verification.finding, verification.verified.hash), (None, published.hash), "{}", test.name);
    engine.shutdown().await;
    Seen { answers, records, notes, state: published.state.clone(), hash: published.hash }
}

/// Queues all before the engine's task runs: this runtime has one thread, so the order is that of the list.
async fn submit_together(engine: &Engine<Toy>, asks: &[Ask]) -> Vec<Answer> {
    let tasks: Vec<_> = asks
        .iter()
        .map(|ask| {
            let (engine, submission) = (engine.clone(), submission(ask));
            tokio::spawn(async move { engine.submit(submission, reply).await })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.expect("no panic outside the machine").into());
    }
    answers
}

/// The same by hand: no queue, no batch, no store.
fn run_by_hand(steps: &[Step]) -> Vec<Answer> {
    let (clock, manual): (Clock, ManualClock) = toy::clock();
    let mut state = Toy::initial();
    let (mut position, mut last_recorded_at) = (0, Timestamp::UNIX_EPOCH);
    let mut replies: BTreeMap<(String, String), ([u8; 32], Accepted)> = BTreeMap::new();
    let mut answers = Vec::new();
    for step in steps {
        let asks = match step {
            Step::Tick(seconds) => {
                manual.advance(SignedDuration::from_secs(*seconds));
                continue;
            }
            Step::Reopen => continue,
            Step::Submit(asks) => asks,
        };
        // Dry runs are answered on the state before; then the urgent ones are served, then the others.
        let mut order: Vec<usize> = (0..asks.len()).collect();
        order.sort_by_key(|index| (!asks[*index].dry_run, !asks[*index].urgent));
        let mut given: BTreeMap<usize, Answer> = BTreeMap::new();
        for index in order {
            let Submission { command, meta, dry_run, .. } = submission(&asks[index]);
            let key = (meta.request_id.clone(), meta.actor.clone());
            let is_request = !meta.request_id.is_empty() && !dry_run;
            if is_request && let Some((digest, accepted)) = replies.get(&key) {
                let answer = if *digest == meta.body_digest {
                    Answer::Accepted(Accepted { replayed: true, ..accepted.clone() })
                } else {
                    Answer::Reused(meta.request_id)
                };
                given.insert(index, answer);
                continue;
            }
            let now = clock.now().max(last_recorded_at);
            let events = match Toy::decide(&state, &command, now) {
                Err(rejection) => {
                    given.insert(index, Answer::Rejected(rejection));
                    continue;
                }
                Ok(_) if command == Command::PanicApplying => {
                    given.insert(index, Answer::Fault);
                    continue;
                }
                Ok(events) => events,
            };
            let mut after = state.clone();
            let mut last = position;
            for event in &events {
                last += 1;
                Toy::apply(&mut after, event, last, now);
            }
            let shown = if dry_run { position } else { last };
            let reply = format!("{shown} after {} events at {now}", events.len()).into_bytes();
            let accepted = Accepted { reply, position: shown, replayed: false };
            if !dry_run {
                last_recorded_at = if events.is_empty() { last_recorded_at } else { now };
                (state, position) = (after, last);
                if is_request {
                    replies.insert(key, (meta.body_digest, accepted.clone()));
                }
            }
            given.insert(index, Answer::Accepted(accepted));
        }
        answers.extend(given.into_values());
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 8))]

    #[test]
    fn memory_sqlite_and_postgres_answer_alike_and_hold_the_same_records(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let expected = run_by_hand(&steps);
            let mut first: Option<Seen> = None;
            for test in TestJournal::each().await {
                let seen = run(&test, &steps).await;
                prop_assert_eq!(&seen.answers, &expected, "{}", test.name);
                match &first {
                    Some(first) => prop_assert_eq!(&seen, first, "{}", test.name),
                    None => first = Some(seen),
                }
            }
            Ok(())
        })?;
    }
}

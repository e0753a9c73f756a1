//! Two people take a note away, in every form of a journal; the chain still verifies and says who did it (rule 16).

use std::sync::Arc;
use std::time::Duration;

use api::Explained;
use clock::ManualClock;
use identity::{Account, Caller, Roles, Via};
use jiff::SignedDuration;
use journal::grpc::JournalService;
use journal::{Engine, Finding};
use proto::journal::v1 as wire;
use proto::journal::v1::journal_service_server::JournalService as _;
use proto::journal::v1::note_redaction::State;
use tonic::{Code, Request, Status};

use crate::integrity::ten_records;
use crate::toy::{self, Command, TestJournal, Toy, add_one, order, request, soon, submit};

const PARENT: &str = "journals/toy";

/// A journal of ten records, the third with a note, and its service.
struct Served {
    test: TestJournal,
    engine: Engine<Toy>,
    service: JournalService,
    clock: ManualClock,
}

impl Served {
    async fn each() -> Vec<Self> {
        let mut all = Vec::new();
        for test in TestJournal::each().await {
            let (clock, manual) = toy::clock();
            let engine = test.engine(&clock).await;
            ten_records(&engine).await;
            let service = JournalService::new([engine.handle()]);
            all.push(Self { test, engine, service, clock: manual });
        }
        all
    }

    async fn redact(&self, account: &str, asked: wire::RedactNoteRequest) -> Result<wire::RedactNoteResponse, Status> {
        redact(&self.service, account, asked).await
    }

    async fn record(&self, position: u64) -> wire::Record {
        let list =
            wire::ListRecordsRequest { parent: PARENT.to_owned(), after_position: position - 1, ..Default::default() };
        let reply = self.service.list_records(Request::new(list)).await.expect("a page").into_inner();
        reply.records.into_iter().next().expect("the record")
    }

    async fn verify(&self) -> wire::VerifyChainResponse {
        let verify = wire::VerifyChainRequest { parent: PARENT.to_owned(), ..Default::default() };
        self.service.verify_chain(Request::new(verify)).await.expect("a reply").into_inner()
    }
}

async fn redact(
    service: &JournalService,
    account: &str,
    asked: wire::RedactNoteRequest,
) -> Result<wire::RedactNoteResponse, Status> {
    let mut request = Request::new(asked);
    let account = Account::new(account).expect("an account");
    let caller = Caller { account, roles: Roles::ALL, organisation: None, via: Via::Development };
    request.extensions_mut().insert(caller);
    Ok(service.redact_note(request).await?.into_inner())
}

fn asked(request_id: &str, etag: &str) -> wire::RedactNoteRequest {
    wire::RedactNoteRequest {
        parent: PARENT.to_owned(),
        note_position: 3,
        request_id: request_id.to_owned(),
        etag: etag.to_owned(),
        reason_code: "NAMES_A_PATIENT".to_owned(),
        ..Default::default()
    }
}

fn reason(status: &Status) -> (Code, String) {
    (status.code(), Explained::from(status).reason)
}

#[tokio::test]
async fn a_note_goes_by_two_people_and_the_record_says_so() {
    for served in Served::each().await {
        let name = served.test.name;
        let first = served.redact("alice", asked("q-1", "")).await.expect("the first may ask");
        let waiting = first.redaction.expect("a redaction");
        assert_eq!((waiting.state(), waiting.asked_by.as_str()), (State::AwaitingSecondPerson, "alice"), "{name}");
        let asked_s = waiting.asked_at.as_ref().expect("a moment").seconds;
        assert_eq!(waiting.second_person_until.as_ref().expect("a moment").seconds - asked_s, 24 * 3_600);
        assert_eq!(served.record(3).await.note, "because", "it is still there");
        assert_eq!(served.record(3).await.redaction, Some(waiting.clone()), "whoever reads it sees what waits");

        let second = served.redact("bob", asked("q-2", &waiting.etag)).await.expect("the second completes it");
        let done = second.redaction.expect("a redaction");
        assert_eq!((done.state(), done.asked_by.as_str()), (State::Redacted, "alice"));
        assert_eq!((done.redacted_by.as_str(), done.reason_code.as_str()), ("bob", "NAMES_A_PATIENT"));
        assert_eq!((done.redacted_position, second.position), (12, 12));
        let record = served.record(3).await;
        assert_eq!((record.note.as_str(), record.note_salt.len()), ("", 0), "{name}: the salt goes with it");
        assert_eq!((record.note_hash.len(), record.redaction), (32, Some(done.clone())));
        let says = served.record(12).await;
        assert_eq!((says.kind.as_str(), says.actor.as_str()), ("journal.note-redacted", "bob"));
        let verified = served.verify().await;
        assert_eq!((verified.verified_position, &verified.finding), (12, &None), "{name}");
        assert_eq!(verified.redactions, vec![done]);
        // The machine goes on as if nothing had been: these are not its records.
        submit(&served.engine, order(add_one("a"))).await.expect("it is accepted");
        assert_eq!(served.engine.published().state.by_name["a"], 11);
        assert_eq!(served.engine.events(9, 10).await.expect("the events").len(), 2, "of the machine's alone");
    }
}

#[tokio::test]
async fn what_waits_and_what_is_done_survive_a_restart_and_a_snapshot() {
    for served in Served::each().await {
        let first = served.redact("alice", asked("q-1", "")).await.expect("the first may ask");
        served.engine.shutdown().await;
        let (clock, _) = toy::clock();
        let often = journal::EngineConfig { snapshot_records: 1, ..toy::config() };
        let again = Engine::<Toy>::open(served.test.again().await, clock.clone(), often).await.expect("it opens");
        let service = JournalService::new([again.handle()]);
        let etag = first.redaction.expect("a redaction").etag;
        redact(&service, "bob", asked("q-2", &etag)).await.expect("the second completes it");
        // A thousand records make the chores look, so that the next start begins with a snapshot.
        let names = (0..1_000).map(|number| number.to_string()).collect();
        submit(&again, order(Command::AddEach { names })).await.expect("it is accepted");
        again.shutdown().await;
        let third = Engine::<Toy>::open(served.test.again().await, clock, toy::config()).await.expect("it opens");
        let redactions = third.handle().redactions(1, 10);
        assert_eq!(redactions.len(), 1, "{}", served.test.name);
        assert!(redactions[0].redacted.is_some());
        assert_eq!(third.handle().verify(None, false).await.expect("a verification").finding, None);
    }
}

#[tokio::test]
async fn the_second_person_may_call_another_replica() {
    for served in Served::each().await {
        let (clock, _) = toy::clock();
        let other = Engine::<Toy>::open(served.test.again().await, clock, toy::config()).await.expect("it opens");
        let first = served.redact("alice", asked("q-1", "")).await.expect("the first may ask");
        let service = JournalService::new([other.handle()]);
        let etag = first.redaction.expect("a redaction").etag;
        let second = redact(&service, "bob", asked("q-2", &etag)).await.expect("the second completes it");
        // A repeated call gets the first reply, also where the note is gone and the replica has not heard of it.
        let again = served.redact("bob", asked("q-2", &etag)).await.expect("it is repeated");
        assert_eq!(again, second, "{}", served.test.name);
        served.engine.wait_for(second.position, soon()).await.expect("it is heard of");
        assert_eq!(served.record(3).await.redaction, second.redaction);
    }
}

#[tokio::test]
async fn what_two_people_must_not_do_is_refused() {
    for served in Served::each().await {
        let no_note = wire::RedactNoteRequest { note_position: 4, ..asked("q-0", "") };
        let refused = served.redact("alice", no_note).await.expect_err("it has no note");
        assert_eq!(reason(&refused), (Code::NotFound, "NOTE_NOT_FOUND".to_owned()));
        let no_reason = wire::RedactNoteRequest { reason_code: String::new(), ..asked("q-0", "") };
        let refused = served.redact("alice", no_reason).await.expect_err("it says not why");
        assert_eq!(reason(&refused), (Code::InvalidArgument, "FIELD_REQUIRED".to_owned()));
        let first = served.redact("alice", asked("q-1", "")).await.expect("the first may ask");
        let etag = first.redaction.clone().expect("a redaction").etag;
        assert_eq!(served.redact("alice", asked("q-1", "")).await.expect("it is repeated"), first);
        let cases = [
            ("alice", asked("q-2", &etag), Code::PermissionDenied, "SECOND_PERSON_REQUIRED"),
            ("bob", asked("q-3", ""), Code::Aborted, "ETAG_MISMATCH"),
            ("bob", asked("q-4", "10"), Code::Aborted, "ETAG_MISMATCH"),
            ("bob", asked("q-5", "soon"), Code::InvalidArgument, "ETAG_INVALID"),
            ("alice", asked("q-1", &etag), Code::AlreadyExists, "REQUEST_ID_REUSED"),
        ];
        for (account, asked, code, expected) in cases {
            let refused = served.redact(account, asked).await.expect_err(expected);
            assert_eq!(reason(&refused), (code, expected.to_owned()));
        }
        let dry = wire::RedactNoteRequest { dry_run: true, ..asked("q-6", &etag) };
        let would = served.redact("bob", dry).await.expect("it would be done").redaction.expect("a redaction");
        assert_eq!(would.state(), State::Redacted);
        served.clock.advance(SignedDuration::from_hours(24));
        let late = served.redact("bob", asked("q-7", &etag)).await.expect_err("the time is over");
        assert_eq!(reason(&late), (Code::Aborted, "NOTHING_AWAITS_SECOND_PERSON".to_owned()));
        assert_eq!(served.record(3).await.note, "because", "{}: nothing of it was done", served.test.name);
    }
}

#[tokio::test]
async fn a_note_that_was_redacted_and_is_put_back_is_found() {
    for served in Served::each().await {
        let Some(db) = served.test.db() else { continue };
        let first = served.redact("alice", asked("q-1", "")).await.expect("the first may ask");
        let (salt, note) = {
            let notes = served.engine.handle().notes(3, 3).await.expect("the note");
            (notes[0].salt.clone(), notes[0].note.clone())
        };
        let etag = first.redaction.expect("a redaction").etag;
        served.redact("bob", asked("q-2", &etag)).await.expect("the second completes it");
        let put_back = database::sql("insert into journal_notes (position, salt, note) values (3, $1, $2)");
        db.execute(put_back.bind(salt).bind(note)).await.expect("the tampering works");
        let found = served.engine.handle().verify(None, false).await.expect("a verification").finding;
        assert_eq!(found, Some(Finding::NoteNotRedacted { position: 3 }), "{}", served.test.name);
    }
}

/// A verification reads the head, then the notes: one that is taken away in between is not missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notes_that_go_while_a_verification_reads_are_not_missed() {
    for served in Served::each().await {
        let served = Arc::new(served);
        for number in 0..40 {
            let mut noted = request(add_one("b"), &format!("n-{number}"));
            noted.meta.note = "because".to_owned();
            submit(&served.engine, noted).await.expect("it is accepted");
        }
        let redacting = tokio::spawn({
            let served = Arc::clone(&served);
            async move {
                for note_position in 11..=50 {
                    let ask = |request_id: String, etag: &str| wire::RedactNoteRequest {
                        note_position,
                        ..asked(&request_id, etag)
                    };
                    let first = served.redact("alice", ask(format!("a-{note_position}"), "")).await.expect("asked");
                    let etag = first.redaction.expect("a redaction").etag;
                    served.redact("bob", ask(format!("b-{note_position}"), &etag)).await.expect("done");
                }
            }
        });
        while !redacting.is_finished() {
            assert_eq!(served.verify().await.finding, None, "{}", served.test.name);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        redacting.await.expect("it ends");
        assert_eq!(served.verify().await.redactions.len(), 40);
    }
}

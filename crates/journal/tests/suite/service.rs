//! `JournalService`, through the generated client and server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use api::Explained;
use journal::grpc::JournalService;
use journal::{Checkpoints, Engine, EngineConfig, Signer};
use proto::journal::v1 as wire;
use proto::journal::v1::finding::Kind;
use proto::journal::v1::journal_service_client::JournalServiceClient;
use proto::journal::v1::journal_service_server::JournalServiceServer;
use tonic::{Code, Status};

use crate::toy::{self, Command, TestJournal, Toy, add_one, config, order, request, submit};

type Client = JournalServiceClient<JournalServiceServer<JournalService>>;

const PARENT: &str = "journals/toy";

struct Served {
    client: Client,
    engine: Engine<Toy>,
    _test: TestJournal,
    _folder: tempfile::TempDir,
}

async fn serve(test: TestJournal) -> Served {
    let folder = tempfile::tempdir().expect("a folder");
    let (clock, _) = toy::clock();
    let checkpoints = Checkpoints::new(folder.path().join("toy.checkpoints"), Signer::from_seed([5; 32]));
    let with_checkpoints = EngineConfig { checkpoints: Some(Arc::new(checkpoints)), ..config() };
    let engine = test.engine_with(&clock, with_checkpoints).await;
    let client = JournalServiceClient::new(JournalService::new([engine.handle()]).into_server());
    Served { client, engine, _test: test, _folder: folder }
}

async fn each() -> Vec<Served> {
    let mut all = Vec::new();
    for test in TestJournal::each().await {
        all.push(serve(test).await);
    }
    all
}

fn list(after_position: u64) -> wire::ListRecordsRequest {
    wire::ListRecordsRequest { parent: PARENT.to_owned(), after_position, ..Default::default() }
}

fn reason(status: &Status) -> (Code, String) {
    (status.code(), Explained::from(status).reason)
}

async fn add_many(engine: &Engine<Toy>, count: usize) {
    let names = (0..count).map(|number| number.to_string()).collect();
    submit(engine, order(Command::AddEach { names })).await.expect("it is accepted");
}

#[tokio::test]
async fn records_are_listed_page_by_page_with_their_notes() {
    for mut served in each().await {
        let mut noted = request(add_one("a"), "r-1");
        noted.meta.note = "because".to_owned();
        submit(&served.engine, noted).await.expect("it is accepted");
        add_many(&served.engine, 40).await;
        let mut seen = Vec::new();
        let mut page = wire::ListRecordsRequest { page_size: 17, ..list(0) };
        loop {
            let reply = served.client.list_records(page.clone()).await.expect("a page").into_inner();
            assert!(reply.records.len() <= 17);
            seen.extend(reply.records);
            if reply.next_page_token.is_empty() {
                break;
            }
            page.page_token = reply.next_page_token;
        }
        assert_eq!(seen.iter().map(|record| record.position).collect::<Vec<_>>(), (1..=41).collect::<Vec<u64>>());
        let first = &seen[0];
        assert_eq!((first.actor.as_str(), first.note.as_str(), first.note_salt.len()), ("alice", "because", 32));
        assert_eq!(first.kind, "added");
        assert_eq!(seen[1].previous_hash, first.hash);
        assert!(seen[1].note.is_empty() && seen[1].note_hash.is_empty());
    }
}

#[tokio::test]
async fn records_are_chosen_by_who_what_why_and_when() {
    for test in TestJournal::each().await {
        let (clock, manual) = toy::clock();
        let engine = test.engine(&clock).await;
        let mut client = JournalServiceClient::new(JournalService::new([engine.handle()]).into_server());
        for (name, request_id, cause) in [("A81001", "r-1", "waves/1"), ("A81002", "r-2", ""), ("x", "r-3", "A81001")] {
            let mut submission = request(add_one(name), request_id);
            submission.meta.cause = cause.to_owned();
            submission.meta.actor = format!("by-{request_id}");
            submit(&engine, submission).await.expect("it is accepted");
            manual.advance(jiff::SignedDuration::from_secs(60));
        }
        submit(&engine, order(Command::AddAll { names: vec!["y".to_owned()] })).await.expect("it is accepted");
        let at = |minutes: i64| {
            let moment = toy::start().checked_add(jiff::SignedDuration::from_mins(minutes)).expect("a moment");
            Some(api::time::to_wire(moment))
        };
        let every = list(0);
        let cases: [(wire::ListRecordsRequest, &[u64]); 10] = [
            (wire::ListRecordsRequest { actor: "by-r-2".to_owned(), ..every.clone() }, &[2]),
            (wire::ListRecordsRequest { kind: "added_to_all".to_owned(), ..every.clone() }, &[4]),
            (wire::ListRecordsRequest { cause: "waves/1".to_owned(), ..every.clone() }, &[1]),
            (wire::ListRecordsRequest { caused_by_request: "r-3".to_owned(), ..every.clone() }, &[3]),
            (wire::ListRecordsRequest { practice: "practices/A81001".to_owned(), ..every.clone() }, &[1, 3]),
            (wire::ListRecordsRequest { recorded_from: at(1), ..every.clone() }, &[2, 3, 4]),
            (wire::ListRecordsRequest { recorded_before: at(1), ..every.clone() }, &[1]),
            (wire::ListRecordsRequest { recorded_from: at(1), recorded_before: at(3), ..every.clone() }, &[2, 3]),
            (wire::ListRecordsRequest { kind: "added".to_owned(), after_position: 1, ..every.clone() }, &[2, 3]),
            (wire::ListRecordsRequest { actor: "nobody".to_owned(), ..every.clone() }, &[]),
        ];
        for (asked, expected) in cases {
            let reply = client.list_records(asked.clone()).await.expect("a page").into_inner();
            let found: Vec<u64> = reply.records.iter().map(|record| record.position).collect();
            assert_eq!((found.as_slice(), reply.next_page_token.as_str()), (expected, ""), "{}: {asked:?}", test.name);
        }
        // Page by page, the conditions stay.
        let mut page = wire::ListRecordsRequest { kind: "added".to_owned(), page_size: 1, ..every };
        let mut seen = Vec::new();
        loop {
            let reply = client.list_records(page.clone()).await.expect("a page").into_inner();
            seen.extend(reply.records.iter().map(|record| record.position));
            if reply.next_page_token.is_empty() {
                break;
            }
            page.page_token = reply.next_page_token;
        }
        assert_eq!(seen, [1, 2, 3], "{}", test.name);
        let wild = wire::ListRecordsRequest { practice: "practices/%".to_owned(), ..list(0) };
        let refused = client.list_records(wild).await.expect_err("no code");
        assert_eq!(reason(&refused).1, "RESOURCE_NAME_INVALID");
    }
}

#[tokio::test]
async fn a_page_of_large_records_fits_into_a_message() {
    for mut served in each().await {
        let large = |letter: &str| Command::AddAll { names: vec![letter.repeat(2_900_000)] };
        for letter in ["a", "b", "c"] {
            submit(&served.engine, order(large(letter))).await.expect("it is accepted");
        }
        let reply = served.client.list_records(list(0)).await.expect("a page below 4 MiB").into_inner();
        assert_eq!(reply.records.len(), 1);
        assert!(!reply.next_page_token.is_empty());
        let last = served.client.list_records(list(2)).await.expect("a page").into_inner();
        assert_eq!((last.records.len(), last.next_page_token.as_str()), (1, ""));
    }
}

#[tokio::test]
async fn a_watch_gives_what_there_is_and_then_what_comes() {
    for mut served in each().await {
        add_many(&served.engine, 450).await;
        let watch = wire::WatchRecordsRequest { parent: PARENT.to_owned(), after_position: 3 };
        let mut stream = served.client.watch_records(watch).await.expect("a stream").into_inner();
        let mut next = 4;
        while next <= 451 {
            let message = tokio::time::timeout(Duration::from_secs(20), stream.message()).await.expect("in time");
            for record in message.expect("no error").expect("it does not end").records {
                assert_eq!(record.position, next, "none missed, none twice");
                next += 1;
            }
            if next == 451 {
                submit(&served.engine, order(add_one("later"))).await.expect("it is accepted");
            }
        }
        drop(served.engine.clone());
        served.engine.shutdown().await;
        let ended = stream.message().await.expect_err("the engine has ended");
        assert_eq!(reason(&ended), (Code::Unavailable, "JOURNAL_CLOSED".to_owned()));
    }
}

#[tokio::test]
async fn a_checkpoint_verifies_until_it_is_forged() {
    for mut served in each().await {
        add_many(&served.engine, 5).await;
        let parent = PARENT.to_owned();
        let get = wire::GetCheckpointRequest { parent: parent.clone() };
        let checkpoint = served.client.get_checkpoint(get).await.expect("a reply").into_inner().checkpoint;
        let checkpoint = checkpoint.expect("a checkpoint");
        assert_eq!((checkpoint.journal.as_str(), checkpoint.position), (PARENT, 5));
        let verify = |checkpoint| wire::VerifyChainRequest { parent: parent.clone(), checkpoint, ..Default::default() };
        let whole = served.client.verify_chain(verify(Some(checkpoint.clone()))).await.expect("a reply").into_inner();
        assert_eq!((whole.verified_position, &whole.verified_hash, &whole.finding), (5, &checkpoint.hash, &None));
        let forged = wire::Checkpoint { position: 4, ..checkpoint.clone() };
        let found = served.client.verify_chain(verify(Some(forged))).await.expect("a reply").into_inner().finding;
        assert_eq!(found.expect("a finding").kind(), Kind::CheckpointForged);
        let short = wire::Checkpoint { hash: vec![1, 2, 3].into(), ..checkpoint };
        let refused = served.client.verify_chain(verify(Some(short))).await.expect_err("three bytes are no hash");
        assert_eq!(reason(&refused), (Code::InvalidArgument, "LENGTH_INVALID".to_owned()));
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_with_its_reason() {
    let mut served = serve(TestJournal::memory()).await;
    let cases = [
        (wire::ListRecordsRequest { parent: "journals/other".to_owned(), ..list(0) }, "JOURNAL_NOT_FOUND"),
        (wire::ListRecordsRequest { parent: "toy".to_owned(), ..list(0) }, "RESOURCE_NAME_INVALID"),
        (wire::ListRecordsRequest { page_size: -1, ..list(0) }, "PAGE_SIZE_NEGATIVE"),
        (wire::ListRecordsRequest { page_token: "x".to_owned(), ..list(0) }, "PAGE_TOKEN_INVALID"),
    ];
    for (asked, expected) in cases {
        let refused = served.client.list_records(asked).await.expect_err("it is refused");
        assert_eq!(reason(&refused).1, expected);
    }
    let (clock, _) = toy::clock();
    let unsigned = TestJournal::memory().engine(&clock).await;
    let mut client = JournalServiceClient::new(JournalService::new([unsigned.handle()]).into_server());
    let get = wire::GetCheckpointRequest { parent: PARENT.to_owned() };
    let refused = client.get_checkpoint(get).await.expect_err("there is no key");
    assert_eq!(reason(&refused), (Code::FailedPrecondition, "CHECKPOINTS_OFF".to_owned()));
}

#[tokio::test]
async fn a_position_that_is_not_reached_is_said_before_the_caller_gives_up() {
    let mut served = serve(TestJournal::memory()).await;
    add_many(&served.engine, 5).await;
    let reached = wire::ListRecordsRequest { min_position: 5, ..list(0) };
    served.client.list_records(reached).await.expect("it is reached");
    let deadline = Some(Instant::now() + Duration::from_millis(80));
    let asked = wire::ListRecordsRequest { min_position: 6, ..list(0) };
    let mut call = Box::pin(served.client.list_records(asked));
    let answer = std::future::poll_fn(|context| {
        let _entered = api::deadline::enter(deadline);
        call.as_mut().poll(context)
    });
    let refused = answer.await.expect_err("nobody writes");
    assert_eq!(reason(&refused), (Code::Unavailable, "POSITION_NOT_REACHED".to_owned()));
    assert_eq!(Explained::from(&refused).metadata["min_position"], "6");
}

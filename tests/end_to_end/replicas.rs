//! Two registries on one PostgreSQL: what was acknowledged is in the journal exactly once, and no read is older than it may
//! be, however often one of them is killed. And a replica whose clock is wrong keeps out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use client::Peer;
use database::Store;
use evidence::Recorded;
use proto::registry::v1 as registry;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use rustix::process::Signal;
use tokio::sync::watch;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::harness::accessctl::Accessctl;
use crate::harness::england::EnglandFiles;
use crate::harness::installation::text;
use crate::harness::journals;
use crate::harness::offer;
use crate::harness::postgres::PostgresStore;
use crate::harness::server::Server;

/// The day of the files: these servers run by the machine's own clock, so it must not be to come.
const DAY: jiff::civil::Date = jiff::civil::date(2026, 1, 6);
const WRITERS_COUNT: usize = 4;
/// How often one replica is killed: in every run of the tests, and in the long tier.
const KILLS_COUNT: usize = 10;
const KILLS_COUNT_LONG: usize = 200;
/// Writes acknowledged between two kills, so that each finds work under way.
const WRITES_BETWEEN: u64 = 24;
/// For one call to be answered by either, over restarts on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between attempts: a replica that is down is down for a while.
const AGAIN_AFTER: Duration = Duration::from_millis(20);

type Client = PracticeRegistryServiceClient<Peer>;

/// A write that was acknowledged.
struct Acknowledged {
    request_id: String,
    position: u64,
}

/// One that writes at its own practice, at both replicas in turn, and reads what it wrote at the other.
struct Writer {
    name: String,
    practice: String,
    replicas: [Client; 2],
    acknowledged: Vec<Acknowledged>,
}

/// What every write answers: the practice afterwards, and where.
#[derive(Clone, Debug, PartialEq)]
enum Reply {
    Pause(registry::PausePracticeResponse),
    Readiness(registry::UpdateReadinessResponse),
    Observation(registry::RecordObservationResponse),
}

impl Reply {
    fn position(&self) -> u64 {
        match self {
            Self::Pause(reply) => reply.position,
            Self::Readiness(reply) => reply.position,
            Self::Observation(reply) => reply.position,
        }
    }
}

/// True where the call may have been made or not, or was refused by a server that ends: it is sent again.
fn is_worth_another(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled | Code::DeadlineExceeded)
}

impl Writer {
    async fn run(mut self, over: Arc<AtomicBool>, written: watch::Sender<u64>) -> Vec<Acknowledged> {
        let mut number = 0;
        while !over.load(Ordering::Relaxed) {
            self.write(number).await;
            written.send_modify(|count| *count += 1);
            number += 1;
        }
        self.acknowledged
    }

    async fn write(&mut self, number: usize) {
        let request_id = format!("{}-{number}", self.name);
        let reply = self.ask(number, &request_id, number).await;
        let position = reply.position();
        let before = self.acknowledged.last().map_or(0, |before| before.position);
        assert!(position > before, "{request_id} at {position}, after one at {before}");
        if number.is_multiple_of(4) {
            // As a client does that lost the reply, at the other replica.
            let again = self.ask(number, &request_id, number + 1).await;
            assert_eq!(again, reply, "{request_id} is repeated");
        }
        self.read(number, &request_id, position).await;
        self.acknowledged.push(Acknowledged { request_id, position });
    }

    /// Sends it until it is answered, first to one replica, then in turn.
    async fn ask(&mut self, number: usize, request_id: &str, first: usize) -> Reply {
        let deadline = Instant::now() + PATIENCE;
        let mut attempt = first;
        loop {
            let replica = &mut self.replicas[attempt % 2];
            match send(replica, &self.practice, number, request_id).await {
                Ok(reply) => return reply,
                Err(status) if is_worth_another(&status) && Instant::now() < deadline => {
                    tokio::time::sleep(AGAIN_AFTER).await;
                    attempt += 1;
                }
                Err(status) => panic!("{request_id}: {status:?}"),
            }
        }
    }

    /// Reads at the replica that did not write.
    async fn read(&mut self, number: usize, request_id: &str, min_position: u64) {
        let deadline = Instant::now() + PATIENCE;
        let mut attempt = number + 1;
        loop {
            let read = registry::BatchGetPracticesRequest {
                names: vec![self.practice.clone()],
                min_position,
                ..Default::default()
            };
            match self.replicas[attempt % 2].batch_get_practices(read).await {
                Ok(reply) => {
                    let reply = reply.into_inner();
                    assert!(reply.position >= min_position, "read at {}, wanted {min_position}", reply.position);
                    let seen = reply.practices[0].readiness.iter().any(|item| item.evidence == request_id);
                    assert!(seen || !is_readiness(number), "{request_id} is not seen at {}", reply.position);
                    return;
                }
                Err(status) if is_worth_another(&status) && Instant::now() < deadline => {
                    tokio::time::sleep(AGAIN_AFTER).await;
                    attempt += 1;
                }
                Err(status) => panic!("reading after {request_id}: {status:?}"),
            }
        }
    }
}

fn is_readiness(number: usize) -> bool {
    number % 3 == 1
}

/// Each of its kinds of write changes something each time.
async fn send(replica: &mut Client, practice: &str, number: usize, request_id: &str) -> Result<Reply, Status> {
    let (practice, request_id) = (practice.to_owned(), request_id.to_owned());
    if is_readiness(number) {
        let item = registry::ReadinessItem {
            item: "staff-training".to_owned(),
            state: registry::ReadinessState::InProgress.into(),
            evidence: request_id.clone(),
            ..Default::default()
        };
        let update =
            registry::UpdateReadinessRequest { name: practice, items: vec![item], request_id, ..Default::default() };
        return Ok(Reply::Readiness(replica.update_readiness(update).await?.into_inner()));
    }
    if number.is_multiple_of(3) {
        let end = registry::PauseEnd::FurtherNotice.into();
        let pause = registry::PausePracticeRequest { name: practice, end, request_id, ..Default::default() };
        return Ok(Reply::Pause(replica.pause_practice(pause).await?.into_inner()));
    }
    let observation = registry::Observation {
        practice,
        state: registry::ObservedState::Off.into(),
        source: registry::ObservationSource::Inspection.into(),
        ..Default::default()
    };
    let observe =
        registry::RecordObservationRequest { observations: vec![observation], request_id, ..Default::default() };
    Ok(Reply::Observation(replica.record_observation(observe).await?.into_inner()))
}

/// Every acknowledged write is in the journal exactly once, where its reply said, and nothing else was written.
fn check(records: &[Recorded], acknowledged: &[Acknowledged]) {
    for (record, position) in records.iter().zip(1..) {
        assert_eq!(record.position, position, "positions have no holes");
    }
    assert!(records.is_sorted_by_key(|record| record.recorded_at), "rule 18: never backwards");
    let mut by_request: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for record in records.iter().filter(|record| record.request_id.starts_with("writer-")) {
        by_request.entry(&record.request_id).or_default().push(record.position);
    }
    for write in acknowledged {
        let found = by_request.remove(write.request_id.as_str());
        assert_eq!(found, Some(vec![write.position]), "{} was acknowledged at {}", write.request_id, write.position);
    }
    // Each writer sends a request until it is answered, so there are no others.
    assert_eq!(by_request, BTreeMap::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_one_of_which_is_killed_again_and_again_record_every_write_exactly_once() {
    let Some(store) = PostgresStore::fresh().await else { return };
    let england = EnglandFiles::of_emis(4, DAY);
    let start = |name: &str, address: &str| {
        let data = text(england.folder().join(name));
        Server::start_at("registry", address, &["--data", &data, "--store", store.url()])
    };
    let steady = start("steady", "127.0.0.1:0");
    let mut killed = start("killed", "127.0.0.1:0");
    let address = killed.address().to_owned();
    let operator = Accessctl::all_in_one(&steady, "olga");
    operator.say(&["import", "map", &text(england.map())]);

    let over = Arc::new(AtomicBool::new(false));
    let written = watch::Sender::new(0);
    let writers: Vec<_> = (0..WRITERS_COUNT)
        .map(|index| {
            let name = format!("writer-{index}");
            let client = |server: &Server| PracticeRegistryServiceClient::new(server.peer(&name));
            let replicas = [client(&steady), client(&killed)];
            let practice = format!("practices/{}", england.practice(index));
            let writer = Writer { name, practice, replicas, acknowledged: Vec::new() };
            tokio::spawn(writer.run(Arc::clone(&over), written.clone()))
        })
        .collect();

    let mut progress = written.subscribe();
    for kill in 0..if offer::is_long() { KILLS_COUNT_LONG } else { KILLS_COUNT } {
        let enough = *progress.borrow() + WRITES_BETWEEN;
        let went_on = tokio::time::timeout(PATIENCE, progress.wait_for(|count| *count >= enough)).await;
        went_on.unwrap_or_else(|_| panic!("no progress before kill {kill}")).expect("the writers go on");
        killed.signal(Signal::KILL);
        drop(killed);
        killed = start("killed", &address);
    }
    over.store(true, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.expect("a writer ends"));
    }
    assert!(acknowledged.len() >= KILLS_COUNT * 20, "{} writes are few", acknowledged.len());
    for server in [steady, killed] {
        let ended = server.stop();
        assert!(ended.status.success(), "{}", ended.said());
    }
    let on_disk: Store = store.url().parse().expect("a store");
    check(&journals::read(&on_disk, "registry").await, &acknowledged);
    let verified = operator.say(&["journal", "verify", "--journal", "registry", "--store", store.url()]);
    assert!(verified.contains("whole"), "{verified}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_18_a_replica_whose_clock_is_off_its_database_is_not_ready_and_says_so() {
    let Some(store) = PostgresStore::fresh().await else { return };
    let england = EnglandFiles::of_emis(1, DAY);
    let data = text(england.folder().join("data"));
    for (skew_ms, is_ready) in [("0", true), ("5000", false)] {
        let arguments = ["--data", &data, "--store", store.url(), "--clock-skew-ms", skew_ms];
        let server = Server::start("registry", &arguments);
        for service in ["", "citizens_access.registry.v1.PracticeRegistryService"] {
            let check = HealthCheckRequest { service: service.to_owned() };
            let health = HealthClient::new(server.peer("wanda")).check(check).await.expect("health answers");
            let wanted = if is_ready { ServingStatus::Serving } else { ServingStatus::NotServing };
            assert_eq!(health.into_inner().status(), wanted, "{service:?} with {skew_ms} ms");
        }
        let import = Accessctl::all_in_one(&server, "olga").run(&["import", "map", &text(england.map())]);
        let said = server.stop();
        if is_ready {
            assert_eq!(import.code, 0, "{import:?}");
        } else {
            assert!(import.code == 6 && import.stderr.contains("CLOCK_OFF"), "nothing is recorded: {import:?}");
            assert!(said.stderr.contains("CLOCK_OFF") && said.stderr.contains("not ready"), "{}", said.said());
        }
    }
}

//! Hostile traffic, frame by frame: the server's memory stays below a ceiling, and whoever behaves is answered meanwhile.
//!
//! Each attack is bounded in time and count. What is asserted of it is what the server promises, never by which error it defends
//! itself.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use client::Peer;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use proto::registry::v1::{CheckAccessRequest, ListPracticesRequest};
use rustix::process::{Resource, getrlimit, setrlimit};
use tonic::Code;

use crate::harness::http2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, PING, PREFACE, RST_STREAM, SETTINGS,
    Wire, call_headers, frame, header, streams,
};
use crate::harness::installation::{Installation, Wanted};
use crate::harness::offer;
use crate::harness::server::Server;

const REGISTRY: &str = "citizens_access.registry.v1.PracticeRegistryService";

/// What the server may hold under all of it, itself included: an unoptimised one that rests holds some 100 MiB.
const RESIDENT_BYTES_MAX: u64 = 768 << 20;
/// Nobody who behaves waits longer for an answer, on a machine that is busy with attacking itself.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);
/// How long each attack goes on at most.
const ATTACK: Duration = Duration::from_secs(3);
/// Attackers at a time.
const ATTACKERS: usize = 4;
/// Idle connections, as far as the machine lets a process have them.
const IDLE_MAX: usize = 10_000;
/// File descriptors that are left for everything else.
const DESCRIPTORS_SPARE: u64 = 300;
/// The limits of the attacked server: a short time for a hello, so that the test is short; and little memory for requests.
const LIMITS: &str = "handshake_timeout_ms=500,request_bytes_in_flight_max=16777216,keepalive_interval_ms=1000,keepalive_timeout_ms=1000";

/// Who is idle answers no ping, and is to stay all the same while the others come.
const IDLE_LIMITS: &str = "keepalive_interval_ms=3600000";

/// Goes on until the time is over, or the server ends it, or it has done what it can.
type Attack = fn(&str, Instant) -> io::Result<()>;

const ATTACKS: [(&str, Attack); 10] = [
    ("rapid reset", rapid_reset),
    ("headers without end", headers_without_end),
    ("empty data frames", empty_data_frames),
    ("tiny data frames", tiny_data_frames),
    ("pings", pings),
    ("settings", settings),
    ("windows that never open", starved_windows),
    ("bodies that never end", endless_bodies),
    ("hellos that never end", endless_hellos),
    ("noise", noise),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_traffic_takes_no_more_memory_than_the_ceiling_and_nobody_else_notices() {
    let installation = installation(LIMITS);
    let watched = Watched::begin(&installation);
    for (name, attack) in ATTACKS {
        let until = Instant::now() + ATTACK;
        let address = installation.registry().address().to_owned();
        let attackers = (0..ATTACKERS).map(|_| {
            let address = address.clone();
            tokio::task::spawn_blocking(move || while Instant::now() < until && attack(&address, until).is_err() {})
        });
        let attackers: Vec<_> = attackers.collect();
        // By then it is felt.
        tokio::time::sleep(ATTACK / 2).await;
        let before = watched.answered();
        tokio::time::sleep_until(until.into()).await;
        for attacker in attackers {
            attacker.await.expect("an attacker ends");
        }
        assert!(watched.answered() > before, "{name}: nobody else was answered");
    }
    watched.end(&installation, "attacks").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_idle_connections_cost_no_more_memory_than_the_ceiling_and_those_too_many_are_closed() {
    let allowed = raise_descriptors();
    let installation = installation(IDLE_LIMITS);
    let watched = Watched::begin(&installation);
    watched.another_answer().await;
    let count = IDLE_MAX.min(usize::try_from(allowed.saturating_sub(DESCRIPTORS_SPARE)).expect("a small number"));
    offer::tell(&format!("{count} idle connections"));
    let address = installation.registry().address().to_owned();
    let idle = tokio::task::spawn_blocking(move || {
        let open = |_| Wire::greeted(&address, &[]).expect("a listener takes it, if only to close it");
        (0..count).map(open).collect::<Vec<_>>()
    });
    let mut idle = idle.await.expect("they are opened");
    // Who has a connection keeps it, and beyond the maximum nobody gets one.
    let last = idle.last_mut().expect("there are some");
    assert_eq!(last.is_closed_within(ANSWER_PATIENCE), count > CONNECTIONS_MAX, "of {count} connections the last one");
    watched.another_answer().await;
    watched.end(&installation, "idle connections").await;
    drop(idle);
}

/// The server's own usual maximum.
const CONNECTIONS_MAX: usize = 8_192;

fn installation(limits: &str) -> Installation {
    let environment = vec![("CITIZENS_ACCESS_LIMITS".to_owned(), limits.to_owned())];
    let installation = Installation::all_in_one(&Wanted { practices_count: 20, environment, ..Wanted::default() });
    installation.import();
    installation
}

/// Raises this process's limit of file descriptors, which the server inherits, as far as it may; says how far that is.
fn raise_descriptors() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("a process may use what it is allowed");
    limit.maximum.unwrap_or(u64::MAX)
}

/// A client that behaves, and the server's memory, both looked at until the end.
struct Watched {
    answered: &'static AtomicU64,
    highest: &'static AtomicU64,
    goes_on: &'static AtomicBool,
    client: tokio::task::JoinHandle<()>,
    memory: thread::JoinHandle<()>,
}

/// Between two calls of a client that behaves: it is no attacker.
const CALL_INTERVAL: Duration = Duration::from_millis(5);
/// Between two looks at the memory.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

impl Watched {
    fn begin(installation: &Installation) -> Self {
        let [answered, highest] = [0; 2].map(|zero| &*Box::leak(Box::new(AtomicU64::new(zero))));
        let goes_on = &*Box::leak(Box::new(AtomicBool::new(true)));
        let mut registry = PracticeRegistryServiceClient::new(installation.registry().peer("rita"));
        let client = tokio::spawn(async move {
            let mut pace = tokio::time::interval(CALL_INTERVAL);
            while goes_on.load(Ordering::Relaxed) {
                pace.tick().await;
                let asked =
                    registry.check_access(CheckAccessRequest { ods_code: "A81001".to_owned(), ..Default::default() });
                let answer = tokio::time::timeout(ANSWER_PATIENCE, asked).await;
                answer.expect("an answer in time").expect("an answer");
                // What is computed has a limit of its own, which nobody may use up by sending or reading slowly.
                tokio::time::timeout(ANSWER_PATIENCE, listed(&mut registry)).await.expect("a list in time");
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
        let server = installation.registry().id();
        let memory = thread::spawn(move || {
            while goes_on.load(Ordering::Relaxed) {
                highest.fetch_max(Server::resident_bytes(server), Ordering::Relaxed);
                thread::park_timeout(LOOK_INTERVAL);
            }
        });
        Self { answered, highest, goes_on, client, memory }
    }

    fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    async fn another_answer(&self) {
        let before = self.answered();
        while self.answered() == before && !self.client.is_finished() {
            tokio::task::yield_now().await;
        }
    }

    async fn end(self, installation: &Installation, what: &str) {
        let answers = self.answered();
        self.goes_on.store(false, Ordering::Relaxed);
        self.client.await.expect("whoever behaves was answered each time");
        self.memory.join().expect("the memory was looked at");
        let highest = self.highest.load(Ordering::Relaxed);
        let (mebibytes, now) = (highest >> 20, Server::resident_bytes(installation.registry().id()) >> 20);
        offer::tell(&format!("{what}: {mebibytes} MiB at most, {now} MiB at the end, {answers} answers"));
        assert!(highest > 0 && highest < RESIDENT_BYTES_MAX, "{what}: the server held {mebibytes} MiB");
    }
}

/// CVE-2023-44487: streams that are opened and reset at once.
fn rapid_reset(address: &str, until: Instant) -> io::Result<()> {
    let mut wire = Wire::greeted(address, &[])?;
    let headers = call_headers(&format!("{REGISTRY}/ListPractices"), "mallory");
    for stream in streams() {
        let open = frame(HEADERS, END_HEADERS | END_STREAM, stream, &headers);
        let reset = frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
        wire.send(&[open, reset].concat())?;
        if Instant::now() > until {
            break;
        }
    }
    Ok(())
}

/// Headers that go on in CONTINUATION frames for ever: with ones that count, and with empty ones.
fn headers_without_end(address: &str, until: Instant) -> io::Result<()> {
    for payload in [header("x-padding", &"x".repeat(100)).repeat(140), Vec::new()] {
        let mut wire = Wire::greeted(address, &[])?;
        wire.send(&frame(HEADERS, 0, 1, &call_headers(&format!("{REGISTRY}/GetPractice"), "mallory")))?;
        let more = frame(CONTINUATION, 0, 1, &payload);
        while Instant::now() < until && wire.send(&more).is_ok() {}
    }
    Ok(())
}

fn empty_data_frames(address: &str, until: Instant) -> io::Result<()> {
    data_frames(address, until, b"")
}

fn tiny_data_frames(address: &str, until: Instant) -> io::Result<()> {
    data_frames(address, until, b"\0")
}

/// A request whose body comes a byte at a time, or none at a time.
fn data_frames(address: &str, until: Instant, payload: &[u8]) -> io::Result<()> {
    let mut wire = Wire::greeted(address, &[])?;
    wire.send(&frame(HEADERS, END_HEADERS, 1, &call_headers(&format!("{REGISTRY}/PausePractice"), "mallory")))?;
    // The prefix of a message of the greatest length.
    wire.send(&frame(DATA, 0, 1, &[0, 0, 0x40, 0, 0]))?;
    let tiny = frame(DATA, 0, 1, payload).repeat(100);
    while Instant::now() < until {
        wire.send(&tiny)?;
    }
    Ok(())
}

fn pings(address: &str, until: Instant) -> io::Result<()> {
    unread(address, until, &frame(PING, 0, 0, &[7; 8]))
}

fn settings(address: &str, until: Instant) -> io::Result<()> {
    unread(address, until, &frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff]))
}

/// Frames of which each is answered, and nobody reads the answers.
fn unread(address: &str, until: Instant, answered: &[u8]) -> io::Result<()> {
    let mut wire = Wire::greeted(address, &[])?;
    let many = answered.repeat(100);
    while Instant::now() < until {
        wire.send(&many)?;
    }
    Ok(())
}

/// As many large replies as there may be, and no window for any of them.
fn starved_windows(address: &str, until: Instant) -> io::Result<()> {
    let mut wire = Wire::greeted(address, &[(INITIAL_WINDOW_SIZE, 0)])?;
    let headers = call_headers(&format!("{REGISTRY}/ListPractices"), "mallory");
    for stream in streams().take(1_000) {
        wire.send(&frame(HEADERS, END_HEADERS, stream, &headers))?;
        wire.send(&frame(DATA, END_STREAM, stream, &[0; 5]))?;
    }
    wire.is_closed_within(until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)));
    Ok(())
}

/// A list, as often as it is refused for what others ask at the same instant.
async fn listed(registry: &mut PracticeRegistryServiceClient<Peer>) {
    while let Err(refused) = registry.list_practices(ListPracticesRequest::default()).await {
        assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
        tokio::time::sleep(CALL_INTERVAL).await;
    }
}

/// Messages of the greatest length, of which nothing comes but the beginning.
fn endless_bodies(address: &str, until: Instant) -> io::Result<()> {
    let mut wire = Wire::greeted(address, &[])?;
    let headers = call_headers(&format!("{REGISTRY}/PausePractice"), "mallory");
    let begun = [&[0, 0, 0x40, 0, 0][..], &[7; 8 * 1024]].concat();
    for stream in streams().take(400) {
        wire.send(&frame(HEADERS, END_HEADERS, stream, &headers))?;
        wire.send(&frame(DATA, 0, stream, &begun))?;
    }
    wire.is_closed_within(until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)));
    Ok(())
}

/// The hello, a byte at a time, on many sockets: each is closed after the time for a hello.
fn endless_hellos(address: &str, until: Instant) -> io::Result<()> {
    let mut wires = (0..200).map(|_| Wire::silent(address)).collect::<io::Result<Vec<_>>>()?;
    for place in 0..PREFACE.len() - 1 {
        for wire in &mut wires {
            // One that was closed already is what is wanted.
            let _ = wire.send(&PREFACE[place..=place]);
        }
        if place == 3 {
            let closed = wires.iter_mut().all(|wire| wire.is_closed_within(ANSWER_PATIENCE));
            assert!(closed, "a hello that does not end is not waited for");
        }
        if Instant::now() > until {
            break;
        }
    }
    Ok(())
}

/// What is no HTTP/2 after a good beginning.
fn noise(address: &str, until: Instant) -> io::Result<()> {
    let mut wire = Wire::greeted(address, &[])?;
    let noise: Vec<u8> = (0..16 * 1024_u32).map(|place| (place.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
    while Instant::now() < until {
        wire.send(&noise)?;
    }
    Ok(())
}

//! What others would count events with: Redis, a hash of counts and a HyperLogLog for each practice, and VictoriaMetrics, which
//! imports samples. Each is told what it is told fastest, and makes it durable every second only.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::stream::{BATCH_EVENTS, PEOPLE, People};
use crate::cores::Cores;
use crate::process::Server;

/// Pipelines that differ.
const PIPELINES: u64 = 100;
/// Commands of Redis for an event.
const COMMANDS_PER_EVENT: u64 = 2;

/// A peer that runs on the server's core, and how it is loaded.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    server: Server,
    requests: Vec<Request>,
    people: People,
    is_answered: fn(&[u8]) -> bool,
    _data: TempDir,
}

/// Events as the peer is told them.
struct Request {
    bytes: Vec<u8>,
    /// Where each event's person lies in it, and who it is the first time round.
    people: Vec<(usize, u64)>,
}

impl Peer {
    /// Redis, appending to a file that is synced every second.
    pub(crate) fn redis(program: &Path, cores: Cores, codes: &[String]) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let address = free_address()?;
        let mut command = Command::new(program);
        command
            .args(["--port", &address.port().to_string(), "--bind", "127.0.0.1", "--appendonly", "yes"])
            .args(["--appendfsync", "everysec", "--save", ""])
            .arg("--dir")
            .arg(data.path());
        let server = cores.on_server(|| Server::start_foreign(&mut command, address))?;
        let people = People { count: PEOPLE, practices_count: codes.len() as u64 };
        let requests = (0..PIPELINES).map(|pipeline| redis_pipeline(codes, pipeline * BATCH_EVENTS, people)).collect();
        // Each command is answered by a number on a line of its own.
        let is_answered = |answers: &[u8]| {
            let lines = answers.iter().filter(|byte| **byte == b'\n').count();
            lines as u64 == BATCH_EVENTS * COMMANDS_PER_EVENT
        };
        Ok(Self {
            name: "Redis, pipelined HINCRBY and PFADD, everysec",
            server,
            requests,
            people,
            is_answered,
            _data: data,
        })
    }

    /// VictoriaMetrics, importing text lines.
    pub(crate) fn victoria_metrics(program: &Path, cores: Cores, codes: &[String]) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let address = free_address()?;
        let mut command = Command::new(program);
        command
            .arg(format!("-httpListenAddr={address}"))
            .arg(format!("-storageDataPath={}", data.path().display()))
            .args(["-loggerLevel=ERROR", "-memory.allowedPercent=40"])
            .env("GOMAXPROCS", "1");
        let server = cores.on_server(|| Server::start_foreign(&mut command, address))?;
        let people = People { count: PEOPLE, practices_count: codes.len() as u64 };
        let requests = (0..PIPELINES).map(|batch| samples(codes, batch * BATCH_EVENTS, people)).collect();
        // No content: the headers are the answer.
        let is_answered = |answer: &[u8]| answer.ends_with(b"\r\n\r\n");
        Ok(Self { name: "VictoriaMetrics, import of samples", server, requests, people, is_answered, _data: data })
    }

    /// A closed loop of two connections for `lasts`: events for each second of the peer's CPU time, and a second.
    pub(crate) async fn saturate(&self, lasts: Duration) -> anyhow::Result<(f64, f64)> {
        let before = self.server.cpu_time()?;
        let begun = Instant::now();
        let one = self.load(0, lasts);
        let other = self.load(self.requests.len() / 2, lasts);
        let (one, other) = tokio::try_join!(one, other)?;
        let cpu = self.server.cpu_time()?.checked_sub(before).context("CPU time does not run backwards")?;
        let events = (one + other) as f64;
        Ok((events / cpu.as_secs_f64(), events / begun.elapsed().as_secs_f64()))
    }

    async fn load(&self, from: usize, lasts: Duration) -> anyhow::Result<u64> {
        let mut connection = TcpStream::connect(self.server.address).await?;
        connection.set_nodelay(true)?;
        let begun = Instant::now();
        let mut events = 0;
        let mut answer = Vec::with_capacity(1 << 16);
        for (number, request) in self.requests.iter().cycle().enumerate().skip(from) {
            if begun.elapsed() >= lasts {
                break;
            }
            let round = (number / self.requests.len()) as u64;
            connection.write_all(&request.of_round(round, self.people)).await?;
            answer.clear();
            while !(self.is_answered)(&answer) {
                let read = connection.read_buf(&mut answer).await?;
                ensure!(read > 0, "{} closed the connection: {}", self.name, String::from_utf8_lossy(&answer));
            }
            let refused =
                answer.starts_with(b"-") || answer.starts_with(b"HTTP/1.1 4") || answer.starts_with(b"HTTP/1.1 5");
            ensure!(!refused, "{} refused: {}", self.name, String::from_utf8_lossy(&answer));
            events += BATCH_EVENTS;
        }
        Ok(events)
    }
}

impl Request {
    /// The same events of other people.
    fn of_round(&self, round: u64, people: People) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        for (from, person) in &self.people {
            let person = written(people.of_same_practice(*person, round));
            bytes[*from..from + person.len()].copy_from_slice(person.as_bytes());
        }
        bytes
    }
}

fn written(person: u64) -> String {
    format!("{person:016x}")
}

/// A count by kind of the practice's hour, and the person into the practice's day.
fn redis_pipeline(codes: &[String], first: u64, people: People) -> Request {
    let mut bytes = Vec::new();
    let mut command = |words: &[&str]| {
        bytes.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
        for word in words {
            bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
        }
        bytes.len()
    };
    let mut places = Vec::new();
    for number in first..first + BATCH_EVENTS {
        let person = people.of(number);
        let code = &codes[people.practice_of(person)];
        command(&["HINCRBY", &format!("c:{code}:492000"), &format!("viewed:{}", number % 7), "1"]);
        let word = written(person);
        let end = command(&["PFADD", &format!("p:{code}:20500"), &word]);
        places.push((end - "\r\n".len() - word.len(), person));
    }
    Request { bytes, people: places }
}

/// A sample for each event, of the series of its practice and kind. It knows no people.
fn samples(codes: &[String], first: u64, people: People) -> Request {
    let mut lines = String::new();
    for number in first..first + BATCH_EVENTS {
        let code = &codes[people.practice_of(people.of(number))];
        lines.push_str(&format!("events{{practice=\"{code}\",section=\"{}\"}} 1\n", number % 7));
    }
    let head =
        format!("POST /api/v1/import/prometheus HTTP/1.1\r\nHost: bench\r\nContent-Length: {}\r\n\r\n", lines.len());
    Request { bytes: [head, lines].concat().into_bytes(), people: Vec::new() }
}

/// Neither can say which port it got, so each is told one that is free now.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

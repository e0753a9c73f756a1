//! The stream of events: batches that were encoded before, numbered as they are sent, over one call of RecordEvents or of the
//! sink.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::{BufMut, Bytes, BytesMut};
use client::ACCOUNT_HEADER;
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use http::Request;
use jiff::Timestamp;
use prost::Message as _;
use prost::encoding::encode_varint;
use proto::statistics::v1 as wire;
use tokio::net::TcpStream;

use crate::process::Server;

/// Events in a batch.
pub(crate) const BATCH_EVENTS: u64 = 1_000;
/// Batches that are encoded before; more would not fit a processor's cache any less.
const BATCHES: u64 = 500;
/// People among them: each time round, the batches tell of others.
pub(crate) const PEOPLE: u64 = 10_000_000;
/// Batches that wait for their acknowledgement, in a closed loop.
const IN_FLIGHT: usize = 48;
/// Views among the kinds of events: most of what happens.
const GRANTED_EVERY: u64 = 10;
const WINDOW_BYTES: u32 = 16 << 20;
const ACCOUNT: &str = "bench;roles=service";

/// Batches to choose from, without their numbers.
pub(crate) struct Batches {
    batches: Vec<Batch>,
    people: People,
    /// Bytes of an event, on average.
    pub(crate) event_bytes: u64,
}

struct Batch {
    field: Bytes,
    /// Where each event's pseudonym lies in the field, and whose it is the first time round.
    pseudonyms: Vec<(usize, u64)>,
}

impl Batches {
    /// Events at these practices, in this hour.
    pub(crate) fn new(codes: &[String]) -> Self {
        let people = People { count: PEOPLE, practices_count: codes.len() as u64 };
        let batches: Vec<Batch> = (0..BATCHES).map(|batch| Batch::new(codes, batch * BATCH_EVENTS, people)).collect();
        let bytes: usize = batches.iter().map(|batch| batch.field.len()).sum();
        Self { batches, people, event_bytes: bytes as u64 / (BATCHES * BATCH_EVENTS) }
    }

    fn message(&self, number: u64) -> Bytes {
        let batch = &self.batches[usize::try_from(number % BATCHES).unwrap_or(0)];
        let mut message = framed(number, &batch.field);
        let field_from = message.len() - batch.field.len();
        for (from, person) in &batch.pseudonyms {
            let person = self.people.of_same_practice(*person, number / BATCHES);
            message[field_from + from..][..PSEUDONYM_BYTES].copy_from_slice(&pseudonym(person));
        }
        message.freeze()
    }
}

impl Batch {
    fn new(codes: &[String], first: u64, people: People) -> Self {
        let field = events_field(codes, first, people.count);
        let (mut pseudonyms, mut from) = (Vec::new(), 0);
        for number in first..first + BATCH_EVENTS {
            let person = people.of(number);
            let found = field[from..].windows(PSEUDONYM_BYTES).position(|bytes| bytes == pseudonym(person));
            from += found.expect("what was encoded is there");
            pseudonyms.push((from, person));
        }
        Self { field, pseudonyms }
    }
}

/// So many people, of so many practices.
#[derive(Clone, Copy, Debug)]
pub(crate) struct People {
    pub(crate) count: u64,
    pub(crate) practices_count: u64,
}

impl People {
    /// Whom an event is of: people come in no order, and none twice before all have come.
    pub(crate) fn of(self, number: u64) -> u64 {
        // A prime that divides no number of people, so that this is a permutation.
        const STEP: u128 = 11_400_714_819_323_198_549;
        (u128::from(number) * STEP % u128::from(self.count)) as u64
    }

    /// Where a person is registered, as the place of the practice.
    pub(crate) fn practice_of(self, person: u64) -> usize {
        usize::try_from(person % self.practices_count).unwrap_or(0)
    }

    /// Somebody of the same practice, another one each time round.
    pub(crate) fn of_same_practice(self, person: u64, round: u64) -> u64 {
        // A prime, so that all of a practice's people come in turn.
        const STEP: u64 = 1_000_003;
        let (of_practice, practice) = (self.count / self.practices_count, person % self.practices_count);
        practice + self.practices_count * ((person / self.practices_count + round % of_practice * STEP) % of_practice)
    }
}

const PSEUDONYM_BYTES: usize = 16;

fn pseudonym(person: u64) -> [u8; PSEUDONYM_BYTES] {
    u128::from(person + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes()
}

/// The field `events` of a request, with the events from number `first` on.
pub(crate) fn events_field(codes: &[String], first: u64, people: u64) -> Bytes {
    let people = People { count: people, practices_count: codes.len() as u64 };
    let events = (first..first + BATCH_EVENTS).map(|number| event(codes, number, people)).collect();
    let request = wire::RecordEventsRequest { events: Some(wire::AccessEvents { events }), ..Default::default() };
    request.encode_to_vec().into()
}

/// About sixty bytes.
fn event(codes: &[String], number: u64, people: People) -> wire::AccessEvent {
    let person = people.of(number);
    let kind = if number.is_multiple_of(GRANTED_EVERY) {
        wire::EventKind::AccessGranted
    } else {
        wire::EventKind::RecordViewed
    };
    let section = if kind == wire::EventKind::RecordViewed { 1 + (number % 7) as i32 } else { 0 };
    wire::AccessEvent {
        occurred_at: Some(prost_types::Timestamp { seconds: now().as_second() - 1, nanos: 250_000_000 }),
        practice: format!("practices/{}", codes[people.practice_of(person)]),
        kind: kind.into(),
        section,
        channel: "nhs-app".to_owned(),
        pseudonym: pseudonym(person).to_vec().into(),
        ..Default::default()
    }
}

#[expect(clippy::disallowed_methods, reason = "events that are measured happen now")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// gRPC's prefix, `first_sequence` and the events.
fn framed(batch: u64, events: &Bytes) -> BytesMut {
    const FIRST_SEQUENCE: u64 = 3 << 3;
    let mut numbered = BytesMut::with_capacity(16);
    encode_varint(FIRST_SEQUENCE, &mut numbered);
    encode_varint(batch * BATCH_EVENTS + 1, &mut numbered);
    prefixed(&[&numbered, events])
}

fn prefixed(parts: &[&[u8]]) -> BytesMut {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let mut message = BytesMut::with_capacity(5 + len);
    message.put_u8(0);
    message.put_u32(u32::try_from(len).unwrap_or(u32::MAX));
    parts.iter().for_each(|part| message.extend_from_slice(part));
    message
}

/// An open call.
pub(crate) struct Call {
    requests: SendStream<Bytes>,
    answers: RecvStream,
    unread: BytesMut,
    /// Batches sent so far.
    sent: u64,
    _sender: SendRequest<Bytes>,
}

impl Call {
    /// Opens the RPC at `path` for a source that was never seen.
    pub(crate) async fn open(server: &Server, path: &str, source: &str) -> anyhow::Result<Self> {
        let tcp = TcpStream::connect(server.address).await?;
        tcp.set_nodelay(true)?;
        let (sender, connection) = h2::client::Builder::new()
            .initial_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .handshake::<_, Bytes>(tcp)
            .await?;
        tokio::spawn(connection);
        let request = Request::post(format!("http://{}{path}", server.address))
            .header("te", "trailers")
            .header("content-type", "application/grpc")
            .header(ACCOUNT_HEADER, ACCOUNT)
            .body(())?;
        let mut sender = sender.ready().await?;
        let (answer, mut requests) = sender.send_request(request, false)?;
        let naming = wire::RecordEventsRequest { source: source.to_owned(), incarnation: 1, ..Default::default() };
        requests.send_data(prefixed(&[&naming.encode_to_vec()]).freeze(), false)?;
        let answers = answer.await?.into_body();
        let mut call = Self { requests, answers, unread: BytesMut::new(), sent: 0, _sender: sender };
        ensure!(call.acknowledged().await? == 0, "a new source has nothing durable");
        Ok(call)
    }

    /// Sends a message as fast as the server takes it.
    async fn send(&mut self, mut message: Bytes) -> anyhow::Result<()> {
        while !message.is_empty() {
            self.requests.reserve_capacity(message.len());
            let room = std::future::poll_fn(|context| self.requests.poll_capacity(context)).await;
            let room = room.context("the server closed the stream")??;
            let part = message.split_to(room.min(message.len()));
            self.requests.send_data(part, false)?;
        }
        Ok(())
    }

    /// Sends the next batch.
    pub(crate) async fn send_events(&mut self, events: &Bytes) -> anyhow::Result<()> {
        let message = framed(self.sent, events).freeze();
        self.sent += 1;
        self.send(message).await
    }

    /// The durable sequence of the next answer.
    pub(crate) async fn acknowledged(&mut self) -> anyhow::Result<u64> {
        const PREFIX: usize = 5;
        loop {
            if let Some(prefix) = self.unread.first_chunk::<PREFIX>() {
                let len = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
                if self.unread.len() >= PREFIX + len {
                    let message = self.unread.split_to(PREFIX + len);
                    let answer = wire::RecordEventsResponse::decode(&message[PREFIX..])?;
                    ensure!(answer.quarantined_count == 0, "events are not as they must be: {answer:?}");
                    return Ok(answer.durable_sequence);
                }
            }
            let data = self.answers.data().await;
            let Some(data) = data else {
                let trailers = self.answers.trailers().await?;
                anyhow::bail!("the stream ended: {trailers:?}");
            };
            let data = data?;
            self.answers.flow_control().release_capacity(data.len())?;
            self.unread.extend_from_slice(&data);
        }
    }

    /// A closed loop for `lasts`: how many events were acknowledged in it, and how long it took.
    pub(crate) async fn saturate(&mut self, batches: &Batches, lasts: Duration) -> anyhow::Result<(u64, Duration)> {
        let begun = Instant::now();
        let (mut waiting, mut acknowledged) = (0, 0);
        while begun.elapsed() < lasts || waiting > 0 {
            while waiting < IN_FLIGHT && begun.elapsed() < lasts {
                let message = batches.message(self.sent);
                self.sent += 1;
                self.send(message).await?;
                waiting += 1;
            }
            self.acknowledged().await?;
            waiting -= 1;
            acknowledged += BATCH_EVENTS;
        }
        Ok((acknowledged, begun.elapsed()))
    }

    /// Batches at a fixed rate for `lasts`: how long each took to its acknowledgement, from when it was due.
    pub(crate) async fn pace(
        &mut self,
        batches: &Batches,
        batches_per_second: f64,
        lasts: Duration,
    ) -> anyhow::Result<Vec<Duration>> {
        let count = (batches_per_second * lasts.as_secs_f64()) as u64;
        let begun = Instant::now();
        let due = |number: u64| begun + Duration::from_secs_f64(number as f64 / batches_per_second);
        let mut waiting: VecDeque<Instant> = VecDeque::new();
        let mut latencies = Vec::new();
        let mut next = 0;
        while next < count || !waiting.is_empty() {
            let is_due = next < count && Instant::now() >= due(next);
            if is_due {
                let message = batches.message(self.sent);
                self.sent += 1;
                self.send(message).await?;
                waiting.push_back(due(next));
                next += 1;
                continue;
            }
            let answered = match (next < count, waiting.is_empty()) {
                (true, true) => {
                    tokio::time::sleep_until(due(next).into()).await;
                    continue;
                }
                (true, false) => tokio::time::timeout_at(due(next).into(), self.acknowledged()).await.ok(),
                (false, _) => Some(self.acknowledged().await),
            };
            if let Some(answered) = answered {
                answered?;
                let since = waiting.pop_front().context("an answer to no batch")?;
                latencies.push(since.elapsed());
            }
        }
        Ok(latencies)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn none_comes_twice_before_all_have_come() {
        let people = People { count: 60_000, practices_count: 61 };
        assert_eq!((0..people.count).map(|number| people.of(number)).collect::<BTreeSet<_>>().len(), 60_000);
        let rounds = people.count / people.practices_count;
        let of_one: BTreeSet<u64> = (0..rounds).map(|round| people.of_same_practice(17, round)).collect();
        assert_eq!(of_one.len() as u64, rounds);
        assert!(of_one.iter().all(|person| person % people.practices_count == 17 && *person < people.count));
    }

    #[test]
    fn each_time_round_a_batch_tells_of_others() {
        let codes: Vec<String> = (0..61).map(|number| format!("A{number:05}")).collect();
        let batches = Batches::new(&codes);
        let told = |number: u64| {
            let message = batches.message(number);
            let request = wire::RecordEventsRequest::decode(&message[5..]).expect("a request");
            assert_eq!(request.first_sequence, number * BATCH_EVENTS + 1);
            let events = request.events.expect("events").events;
            events.into_iter().map(|event| (event.practice, event.pseudonym)).collect::<BTreeSet<_>>()
        };
        let (first, second) = (told(3), told(3 + BATCHES));
        assert_eq!((first.len() as u64, second.len() as u64), (BATCH_EVENTS, BATCH_EVENTS));
        assert!(first.is_disjoint(&second));
    }
}

//! Producers of events: apps that tell each view to the statistics, go on where they were after whatever went wrong, and
//! send again what they need not.
//!
//! What they had to tell and what was acknowledged is what the statistics are held against (I29).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use client::Peer;
use clock::Clock;
use evidence::{SentEvent, SentView, SourceLife};
use jiff::Timestamp;
use ods::civil::civil_date;
use ods::draw_for;
use proto::statistics::v1 as wire;
use proto::statistics::v1::ingest_service_client::IngestServiceClient;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tonic::{Code, Status, Streaming};

use crate::hosts::{Installation, PRODUCERS, STATISTICS};
use crate::plan::{Plan, Telling};

/// How long an acknowledgement is waited for before a producer begins anew, elsewhere.
const ANSWER_PATIENCE: Duration = Duration::from_millis(150);

/// Between two attempts.
const PATIENCE: Duration = Duration::from_millis(10);

/// A batch has so many events at most.
const BATCH_EVENTS_MAX: usize = 8;

/// How often a producer begins before the events that are durable, or sends a batch twice.
const AGAIN_SHARE: f64 = 0.3;

const SECONDS_PER_HOUR: i64 = 3_600;

/// What the notes call a batch that was sent a second time.
pub(crate) const AGAIN: &str = "a batch was sent again";

/// What the notes call an event that is wrong.
pub(crate) const WRONG: &str = "an event was wrong";

/// Why such an event is not counted: it says not what happened.
pub(crate) const WRONG_REASON: &str = "EVENT_KIND_INVALID";

/// What producers told, and what was acknowledged. Clones share it; it outlives every process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    sent: Vec<SentEvent>,
    views: Vec<SentView>,
    acknowledged: BTreeMap<SourceLife, u64>,
}

impl Told {
    pub(crate) fn sent(&self) -> Vec<SentEvent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).sent.clone()
    }

    /// Those of the events that are not wrong.
    pub(crate) fn views(&self) -> Vec<SentView> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).views.clone()
    }

    pub(crate) fn acknowledged(&self) -> BTreeMap<SourceLife, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).acknowledged.clone()
    }

    fn note_sent(&self, source: &SourceLife, sequence: u64, event: &wire::AccessEvent) {
        let seconds = event.occurred_at.map_or(0, |at| at.seconds);
        let cell = (event.practice.clone(), seconds.div_euclid(SECONDS_PER_HOUR));
        let cell = (event.kind() != wire::EventKind::Unspecified).then_some(cell);
        let view = cell.as_ref().map(|(practice, _)| SentView {
            source: source.clone(),
            sequence,
            day: civil_date(Timestamp::from_second(seconds).unwrap_or_default()),
            practice: practice.clone(),
            person: event.pseudonym.to_vec(),
        });
        let mut content = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        content.views.extend(view);
        content.sent.push(SentEvent { source: source.clone(), sequence, cell });
    }

    fn note_acknowledged(&self, source: &SourceLife, sequence: u64) {
        let mut content = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = content.acknowledged.entry(source.clone()).or_default();
        *last = sequence.max(*last);
    }
}

/// All producers, on their own machine.
pub(crate) struct Producers {
    clock: Clock,
    statistics: Vec<Peer>,
    installation: Installation,
    seed: u64,
}

/// One of them.
struct Producer {
    clock: Clock,
    statistics: Vec<Peer>,
    installation: Installation,
    seed: u64,
    source: SourceLife,
    /// Everything it ever had to tell, in order.
    events: Vec<wire::AccessEvent>,
    /// Attempts so far: each begins with the other aggregator.
    attempts: u64,
}

impl Producers {
    pub(crate) fn new(installation: &Installation, plan: &Plan) -> anyhow::Result<Self> {
        let peer = |to: &&'static str| installation.peer(PRODUCERS, to, "nhs-app;roles=service", 1);
        let statistics = STATISTICS.iter().map(peer).collect::<Result<_, _>>()?;
        let clock = installation.clock_of(PRODUCERS);
        Ok(Self { clock, statistics, installation: installation.clone(), seed: plan.seed })
    }

    /// Tells everything, until all of it is acknowledged.
    pub(crate) async fn live(self, plan: &Plan) -> anyhow::Result<()> {
        let mut by_source: BTreeMap<&'static str, Vec<Telling>> = BTreeMap::new();
        for telling in &plan.tellings {
            by_source.entry(telling.source).or_default().push(telling.clone());
        }
        let mut lives = JoinSet::new();
        for (source, tellings) in by_source {
            let producer = Producer {
                clock: self.clock.clone(),
                statistics: self.statistics.clone(),
                installation: self.installation.clone(),
                seed: self.seed,
                source: (source.to_owned(), 1),
                events: Vec::new(),
                attempts: 0,
            };
            lives.spawn(async move { producer.live(tellings).await });
        }
        while let Some(ended) = lives.join_next().await {
            ended??;
        }
        Ok(())
    }
}

impl Producer {
    async fn live(mut self, tellings: Vec<Telling>) -> anyhow::Result<()> {
        for (number, telling) in tellings.iter().enumerate() {
            let name = format!("producers/{}/{number:03}", self.source.0);
            drop(self.clock.sleep_until(telling.at, &name).await);
            for event in &telling.events {
                let event = self.event(telling.at, event);
                self.events.push(event);
                let told = self.installation.told();
                told.note_sent(&self.source, self.events.len() as u64, &self.events[self.events.len() - 1]);
            }
            while let Err(status) = self.deliver().await {
                anyhow::ensure!(is_no_answer(&status), "{}: {status}", self.source.0);
                self.installation.note_no_answer(STATISTICS[self.aggregator()]);
                tokio::time::sleep(PATIENCE).await;
            }
        }
        Ok(())
    }

    fn event(&self, at: Timestamp, (practice, person): &(String, u64)) -> wire::AccessEvent {
        let is_wrong = self.happens("wrong", self.events.len() as u64, 0.05);
        if is_wrong {
            self.installation.rung().note(WRONG);
        }
        let kind = if is_wrong { wire::EventKind::Unspecified } else { wire::EventKind::RecordViewed };
        wire::AccessEvent {
            occurred_at: Some(api::time::to_wire(at)),
            practice: practice.clone(),
            kind: kind.into(),
            pseudonym: ((u128::from(*person) << 64) | 0x9e37_79b9_7f4a_7c15).to_be_bytes().to_vec().into(),
            ..wire::AccessEvent::default()
        }
    }

    /// One attempt to have everything acknowledged.
    async fn deliver(&mut self) -> Result<(), Status> {
        self.attempts += 1;
        let peer = self.statistics[self.aggregator()].clone();
        let (sender, receiver) = mpsc::channel(4);
        let naming = wire::RecordEventsRequest {
            source: self.source.0.clone(),
            incarnation: self.source.1,
            ..wire::RecordEventsRequest::default()
        };
        // There is room for four.
        let _ = sender.try_send(naming);
        let requests = futures_util::stream::unfold(receiver, |mut receiver| async move {
            let request = receiver.recv().await?;
            Some((request, receiver))
        });
        let opened =
            tokio::time::timeout(ANSWER_PATIENCE, IngestServiceClient::new(peer).record_events(requests)).await;
        let mut answers = opened.map_err(|_| Status::deadline_exceeded("no stream"))??.into_inner();
        let mut durable = answer(&mut answers).await?;
        // It does not trust what it is told, and begins some events before.
        if self.happens("before", self.attempts, AGAIN_SHARE) && durable > 0 {
            self.installation.rung().note(AGAIN);
            let first = durable.saturating_sub(5);
            sender.try_send(self.batch(first, durable)).map_err(|_| Status::cancelled("the stream broke"))?;
            durable = answer(&mut answers).await?;
        }
        let end = self.events.len() as u64;
        while durable < end {
            let batch = self.batch(durable, end);
            let is_doubled = self.happens("doubled", durable, AGAIN_SHARE);
            for _ in 0..=u64::from(is_doubled) {
                sender.try_send(batch.clone()).map_err(|_| Status::cancelled("the stream broke"))?;
            }
            durable = answer(&mut answers).await?;
            if is_doubled {
                self.installation.rung().note(AGAIN);
                durable = answer(&mut answers).await?;
            }
        }
        self.installation.told().note_acknowledged(&self.source, durable);
        Ok(())
    }

    /// Which aggregator the present attempt is with.
    fn aggregator(&self) -> usize {
        usize::try_from(self.attempts).unwrap_or(0) % STATISTICS.len()
    }

    /// The events after a sequence, up to another or as many as a batch takes.
    fn batch(&self, after: u64, end: u64) -> wire::RecordEventsRequest {
        let first = usize::try_from(after).unwrap_or(usize::MAX);
        let end = usize::try_from(end).unwrap_or(usize::MAX).min(first + BATCH_EVENTS_MAX);
        let events = self.events[first..end].to_vec();
        wire::RecordEventsRequest {
            first_sequence: after + 1,
            events: Some(wire::AccessEvents { events }),
            ..wire::RecordEventsRequest::default()
        }
    }

    fn happens(&self, purpose: &str, number: u64, share: f64) -> bool {
        draw_for(self.seed, &format!("producer-{purpose}"), &self.source.0, number, 0).happens(share)
    }
}

async fn answer(answers: &mut Streaming<wire::RecordEventsResponse>) -> Result<u64, Status> {
    let answer = tokio::time::timeout(ANSWER_PATIENCE, answers.message()).await;
    let answer = answer.map_err(|_| Status::deadline_exceeded("no answer"))??;
    Ok(answer.ok_or_else(|| Status::cancelled("the stream ended"))?.durable_sequence)
}

/// Whether it is unknown what became of a batch, or a replica cannot take it now.
pub(crate) fn is_no_answer(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown => true,
        Code::Internal => api::Explained::from(status).reason.is_empty(),
        _ => false,
    }
}

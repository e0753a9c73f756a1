//! IngestService: streams of events, and returns.

use std::pin::Pin;

use api::Error;
use authority::Permission;
use clock::Activity;
use futures_util::{Stream, StreamExt, stream};
use identity::Caller;
use proto::statistics::v1 as wire;
use proto::unread::RecordEventsRequest;
use proto::unread::ingest_service_server::IngestService;
use tally::{Events, Source, SourceName};
use tonic::{Request, Response, Status, Streaming};

use super::error::of_ingest;
use super::events::{self, EventReader, Reading};
use super::owner::Owner;
use super::unread::Unreadable;
use super::{quarantine, returns};
use crate::AccessStatistics;
use crate::ingest::{Acknowledgement, Batch};

/// How many of a batch's events in quarantine its acknowledgement names: enough to see what is wrong.
const QUARANTINED_TOLD_MAX: usize = 10;

type Acknowledgements = Pin<Box<dyn Stream<Item = Result<wire::RecordEventsResponse, Status>> + Send>>;

#[tonic::async_trait]
impl IngestService for AccessStatistics {
    type RecordEventsStream = Acknowledgements;

    async fn record_events(
        &self,
        request: Request<Streaming<RecordEventsRequest>>,
    ) -> Result<Response<Acknowledgements>, Status> {
        let in_flight = self.config.in_flight_batches_max;
        let owner = Owner::new(Caller::of(&request), Permission::of(&request).clone(), self.pictures.clone())?;
        let session = Session {
            statistics: self.clone(),
            inbound: request.into_inner(),
            stage: Stage::Unnamed,
            reader: EventReader::of(owner),
        };
        // Reading goes on while batches wait for their commit, so that one producer fills a group; answers keep the order.
        let answers = stream::unfold(session, |mut session| async {
            let step = session.next().await?;
            Some((step.wait(), session))
        });
        Ok(Response::new(Box::pin(answers.buffered(in_flight))))
    }

    async fn submit_returns(
        &self,
        request: Request<wire::SubmitReturnsRequest>,
    ) -> Result<Response<wire::SubmitReturnsResponse>, Status> {
        let _activity = self.clock.activity();
        Ok(Response::new(returns::submit(self, request).await?))
    }

    async fn list_quarantined_events(
        &self,
        request: Request<wire::ListQuarantinedEventsRequest>,
    ) -> Result<Response<wire::ListQuarantinedEventsResponse>, Status> {
        let _activity = self.clock.activity();
        Ok(Response::new(quarantine::list(self, request.into_inner()).await?))
    }
}

/// One stream.
#[derive(Debug)]
struct Session {
    statistics: AccessStatistics,
    inbound: Streaming<RecordEventsRequest>,
    stage: Stage,
    reader: EventReader,
}

#[derive(Debug)]
enum Stage {
    /// The source is not known yet.
    Unnamed,
    /// The source is known, and its first message may hold a batch.
    Named(Source, Option<RecordEventsRequest>, Activity),
    /// Something was wrong; nothing more is read.
    Broken,
}

/// What the stream answers next.
#[derive(Debug)]
enum Step {
    Known(Result<u64, Status>, Activity),
    /// With what the acknowledgement will say of the batch.
    Waiting(Acknowledgement, wire::RecordEventsResponse),
}

impl Step {
    async fn wait(self) -> Result<wire::RecordEventsResponse, Status> {
        // The activity ends with the answer's way into the stream: whoever polls that for it holds time by its own.
        let ((durable_sequence, _activity), told) = match self {
            Self::Known(result, activity) => ((result?, activity), wire::RecordEventsResponse::default()),
            Self::Waiting(acknowledgement, told) => {
                let (outcome, activity) = acknowledgement.wait().await;
                ((outcome.map_err(|error| of_ingest(&error))?, activity), told)
            }
        };
        Ok(wire::RecordEventsResponse { durable_sequence, ..told })
    }
}

impl Session {
    /// The next answer; None once the producer has said everything, or something was wrong.
    async fn next(&mut self) -> Option<Step> {
        match self.step().await {
            Ok(step) => step,
            Err(status) => {
                self.stage = Stage::Broken;
                Some(Step::Known(Err(status), Activity::none()))
            }
        }
    }

    async fn step(&mut self) -> Result<Option<Step>, Status> {
        match std::mem::replace(&mut self.stage, Stage::Broken) {
            Stage::Broken => Ok(None),
            Stage::Unnamed => {
                let (message, activity) = self.read().await?;
                let Some(message) = message else { return Ok(None) };
                let source = source(&message)?;
                let durable = self.statistics.ingest.durable_sequence(source.clone(), activity.clone()).await;
                let held = has_events(&message).then_some(message);
                self.stage = Stage::Named(source, held, activity);
                Ok(Some(Step::Known(durable.0.map_err(|error| of_ingest(&error)), durable.1)))
            }
            Stage::Named(source, held, activity) => {
                let (message, activity) = match held {
                    Some(message) => (message, activity),
                    None => {
                        drop(activity);
                        let (message, activity) = self.read().await?;
                        let Some(message) = message else { return Ok(None) };
                        (message, activity)
                    }
                };
                let step = self.take(&source, message, activity).await?;
                self.stage = Stage::Named(source, None, Activity::none());
                Ok(Some(step))
            }
        }
    }

    async fn read(&mut self) -> Result<(Option<RecordEventsRequest>, Activity), Status> {
        let (message, activity) = self.statistics.clock.track(self.inbound.message()).await;
        Ok((message?, activity))
    }

    async fn take(&mut self, named: &Source, message: RecordEventsRequest, activity: Activity) -> Result<Step, Status> {
        if !message.source.is_empty() && source(&message)? != *named {
            return Err(Error::invalid(
                "source",
                "SOURCE_CHANGED",
                "{field} is another one than the stream began with; a stream carries one source and incarnation",
            )
            .into());
        }
        let ingest = &self.statistics.ingest;
        let count = events::count(&message.events).map_err(unreadable)?;
        if count == 0 {
            let (durable, activity) = ingest.durable_sequence(named.clone(), activity).await;
            return Ok(Step::Known(durable.map_err(|error| of_ingest(&error)), activity));
        }
        let config = &self.statistics.config;
        api::validate::count("events.events", count, config.batch_events_max)?;
        let allowed = config.event_times(self.statistics.clock.now());
        let events = loop {
            let read = self.reader.read(&message.events, count, &ingest.dictionary(), &allowed);
            match read.map_err(unreadable)? {
                Reading::Complete(events) => break events,
                Reading::Lacking { practices, strands } => {
                    ingest.name(practices, strands).await.map_err(|error| of_ingest(&error))?;
                }
            }
        };
        let told = quarantined(message.first_sequence, &events);
        let batch = Batch { source: named.clone(), first_sequence: message.first_sequence, events, activity };
        Ok(Step::Waiting(ingest.take(batch).await.map_err(|error| of_ingest(&error))?, told))
    }
}

/// What the acknowledgement of a batch says of its events that are not counted.
fn quarantined(first_sequence: u64, events: &Events) -> wire::RecordEventsResponse {
    let mut told = wire::RecordEventsResponse::default();
    if events.has_quarantined() {
        for (index, fault) in events.faults() {
            told.quarantined_count += 1;
            if told.quarantined.len() < QUARANTINED_TOLD_MAX {
                let sequence = first_sequence.saturating_add(index as u64);
                told.quarantined.push(quarantine::event(sequence, fault));
            }
        }
    }
    told
}

fn unreadable(Unreadable: Unreadable) -> Error {
    Error::invalid("events", "EVENTS_UNREADABLE", "{field} is no AccessEvents: its events cannot be told apart")
}

fn has_events(message: &RecordEventsRequest) -> bool {
    !message.events.is_empty()
}

fn source(message: &RecordEventsRequest) -> Result<Source, Error> {
    api::validate::free_text("source", &message.source, returns::NAME_CHARS_MAX)?;
    let name: SourceName = message
        .source
        .parse()
        .map_err(|_| Error::invalid("source", "SOURCE_INVALID", "{field} must be 1 to 64 of a-z 0-9 . _ -"))?;
    // Stores count to 2^63 − 1.
    if i64::try_from(message.incarnation).is_err() {
        return Err(Error::invalid("incarnation", "INCARNATION_TOO_LARGE", "{field} must be below 2^63"));
    }
    Ok(Source { name, incarnation: message.incarnation })
}

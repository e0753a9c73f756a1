//! IngestService: streams of events, and returns.

use std::pin::Pin;

use api::Error;
use clock::Activity;
use futures_util::{Stream, StreamExt, stream};
use proto::statistics::v1 as wire;
use proto::statistics::v1::ingest_service_server::IngestService;
use tally::{Source, SourceName};
use tonic::{Request, Response, Status, Streaming};

use super::error::of_ingest;
use super::events::{EventReader, Reading};
use super::returns;
use crate::AccessStatistics;
use crate::ingest::{Acknowledgement, Batch};

type Acknowledgements = Pin<Box<dyn Stream<Item = Result<wire::RecordEventsResponse, Status>> + Send>>;

#[tonic::async_trait]
impl IngestService for AccessStatistics {
    type RecordEventsStream = Acknowledgements;

    async fn record_events(
        &self,
        request: Request<Streaming<wire::RecordEventsRequest>>,
    ) -> Result<Response<Acknowledgements>, Status> {
        let in_flight = self.config.in_flight_batches_max;
        let session = Session {
            statistics: self.clone(),
            inbound: request.into_inner(),
            stage: Stage::Unnamed,
            reader: EventReader::default(),
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
}

/// One stream.
#[derive(Debug)]
struct Session {
    statistics: AccessStatistics,
    inbound: Streaming<wire::RecordEventsRequest>,
    stage: Stage,
    reader: EventReader,
}

#[derive(Debug)]
enum Stage {
    /// The source is not known yet.
    Unnamed,
    /// The source is known, and its first message may hold a batch.
    Named(Source, Option<Box<wire::RecordEventsRequest>>, Activity),
    /// Something was wrong; nothing more is read.
    Broken,
}

/// What the stream answers next.
#[derive(Debug)]
enum Step {
    Known(Result<u64, Status>, Activity),
    Waiting(Acknowledgement),
}

impl Step {
    async fn wait(self) -> Result<wire::RecordEventsResponse, Status> {
        // The activity ends with the answer's way into the stream: whoever polls that for it holds time by its own.
        let (durable_sequence, _activity) = match self {
            Self::Known(result, activity) => (result?, activity),
            Self::Waiting(acknowledgement) => {
                let (outcome, activity) = acknowledgement.wait().await;
                (outcome.map_err(|error| of_ingest(&error))?, activity)
            }
        };
        Ok(wire::RecordEventsResponse { durable_sequence })
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
                let held = has_events(&message).then(|| Box::new(message));
                self.stage = Stage::Named(source, held, activity);
                Ok(Some(Step::Known(durable.0.map_err(|error| of_ingest(&error)), durable.1)))
            }
            Stage::Named(source, held, activity) => {
                let (message, activity) = match held {
                    Some(message) => (*message, activity),
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

    async fn read(&mut self) -> Result<(Option<wire::RecordEventsRequest>, Activity), Status> {
        let (message, activity) = self.statistics.clock.track(self.inbound.message()).await;
        Ok((message?, activity))
    }

    async fn take(
        &mut self,
        named: &Source,
        message: wire::RecordEventsRequest,
        activity: Activity,
    ) -> Result<Step, Status> {
        if !message.source.is_empty() && source(&message)? != *named {
            return Err(Error::invalid(
                "source",
                "SOURCE_CHANGED",
                "{field} is another one than the stream began with; a stream carries one source and incarnation",
            )
            .into());
        }
        let ingest = &self.statistics.ingest;
        if !has_events(&message) {
            let (durable, activity) = ingest.durable_sequence(named.clone(), activity).await;
            return Ok(Step::Known(durable.map_err(|error| of_ingest(&error)), activity));
        }
        let config = &self.statistics.config;
        let list = message.events.unwrap_or_default().events;
        api::validate::count("events.events", list.len(), config.batch_events_max)?;
        let now = self.statistics.clock.now();
        let latest = now.checked_add(config.event_ahead_max).unwrap_or(now);
        let events = loop {
            match self.reader.read(&list, &ingest.dictionary(), latest)? {
                Reading::Complete(events) => break events,
                Reading::Lacking { practices, strands } => {
                    ingest.name(practices, strands).await.map_err(|error| of_ingest(&error))?;
                }
            }
        };
        let batch = Batch { source: named.clone(), first_sequence: message.first_sequence, events, activity };
        Ok(Step::Waiting(ingest.take(batch).await.map_err(|error| of_ingest(&error))?))
    }
}

fn has_events(message: &wire::RecordEventsRequest) -> bool {
    message.events.as_ref().is_some_and(|events| !events.events.is_empty())
}

fn source(message: &wire::RecordEventsRequest) -> Result<Source, Error> {
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

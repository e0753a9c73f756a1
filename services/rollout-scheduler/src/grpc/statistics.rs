//! The access statistics, as the scheduler asks them about gates.

use std::collections::BTreeMap;
use std::time::Duration;

use client::Peer;
use jiff::Timestamp;
use ods::PracticeCode;
use proto::statistics::v1 as wire;
use proto::statistics::v1::statistics_service_client::StatisticsServiceClient;
use rollout::effects::FiguresToRead;
use rollout::state::StatisticsPositions;
use rollout::{PracticeFigures, Returned};

use super::convert::name;
use crate::peer::PeerError;

/// What one call may ask about at most, as the contract of BatchGetPracticeFigures has it.
const PRACTICES_MAX: usize = 1_000;

/// How long statistics are waited for that have yet to hear of a wave's last settlement: they follow within milliseconds.
const LAG_MAX: Duration = Duration::from_secs(3);

/// The statistics. Clones share the connection.
#[derive(Clone, Debug)]
pub(crate) struct Statistics(StatisticsServiceClient<Peer>);

/// What they say of a wave's practices.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) practices: BTreeMap<PracticeCode, PracticeFigures>,
    /// The moment at which it held, by their clock.
    pub(crate) as_at: Timestamp,
    /// The lowest of each that a part of it rests on.
    pub(crate) positions: StatisticsPositions,
}

impl Statistics {
    pub(crate) fn new(peer: Peer) -> Self {
        Self(StatisticsServiceClient::new(peer))
    }

    /// Reads the figures of a wave's practices, all of them as at one moment.
    pub(crate) async fn figures(&self, asked: &FiguresToRead) -> Result<Figures, PeerError> {
        let practices: Vec<&PracticeCode> = asked.practices.iter().collect();
        let mut figures: Option<Figures> = None;
        for some in practices.chunks(PRACTICES_MAX) {
            let as_at = figures.as_ref().map(|figures| api::time::to_wire(figures.as_at));
            let request = wire::BatchGetPracticeFiguresRequest {
                practices: some.iter().map(|practice| format!("practices/{practice}")).collect(),
                capability: asked.capability.to_string(),
                since_date: asked.since.to_string(),
                as_at,
                known_at: None,
                min_position: asked.registry_position,
            };
            let mut request = tonic::Request::new(request);
            request.set_timeout(LAG_MAX);
            let reply = self.0.clone().batch_get_practice_figures(request).await?.into_inner();
            let part = Figures::from_wire(&reply)?;
            figures = Some(match figures {
                Some(figures) => figures.and(part),
                None => part,
            });
        }
        figures.ok_or(PeerError::Nonsense("a wave without practices was asked about"))
    }
}

impl Figures {
    fn from_wire(reply: &wire::BatchGetPracticeFiguresResponse) -> Result<Self, PeerError> {
        let practices = reply.practices.iter().map(practice_from_wire).collect::<Result<_, api::Error>>()?;
        let positions = StatisticsPositions {
            registry: reply.registry_position,
            returns: reply.returns_position,
            events: reply.events_position,
        };
        Ok(Self { practices, as_at: api::time::required_moment("as_at", reply.as_at.as_ref())?, positions })
    }

    fn and(mut self, more: Self) -> Self {
        self.practices.extend(more.practices);
        let (ours, theirs) = (&mut self.positions, more.positions);
        ours.registry = ours.registry.min(theirs.registry);
        ours.returns = ours.returns.min(theirs.returns);
        ours.events = ours.events.min(theirs.events);
        self
    }
}

fn practice_from_wire(said: &wire::PracticeFigures) -> Result<(PracticeCode, PracticeFigures), api::Error> {
    let returned = said.latest_return.as_ref().map(returned_from_wire).transpose()?;
    let figures = PracticeFigures {
        returned,
        viewed_on: api::time::date("last_viewed_date", &said.last_viewed_date)?,
        supplier_viewed_on: api::time::date("supplier_last_viewed_date", &said.supplier_last_viewed_date)?,
    };
    Ok((name::practice("practice", &said.practice)?, figures))
}

fn returned_from_wire(returned: &wire::LatestReturn) -> Result<Returned, api::Error> {
    Ok(Returned {
        period_end: api::time::required_date("period_end_date", &returned.period_end_date)?,
        // A count below nought is no count: the worst there is, where rule 5 asks for the cautious one.
        excluded: u64::try_from(returned.excluded_by_review_code).unwrap_or(u64::MAX),
    })
}

//! ListPracticeStates: each state that practices came into between two moments.
//!
//! The journal says when something was recorded, the practices themselves what held by then: nothing is replayed. Which
//! records concern a practice it keeps with it, so that a page costs what is on it, and one look at every practice.

use std::collections::{BTreeMap, BinaryHeap};

use api::{Error, Page, PageLimits};
use jiff::Timestamp;
use ods::PracticeCode;
use practice::{AsOf, State, View};
use proto::registry::v1 as wire;

use crate::grpc::practices::TURN_PRACTICES;
use crate::grpc::reading::past;
use crate::grpc::submit::Asked;
use crate::grpc::{Handlers, resource};

/// Records read from the journal at a time: those that concern practices often lie side by side.
const RUN_RECORDS: usize = 64;

/// A record, and a practice that it concerns.
type Place = (u64, PracticeCode);

pub(crate) async fn list(
    handlers: &Handlers,
    asked: Asked<wire::ListPracticeStatesRequest>,
) -> Result<wire::ListPracticeStatesResponse, Error> {
    let request = &asked.request;
    let page: Page<Place> = api::page!(request, PageLimits::STANDARD)?;
    let between = Between::asked(request, handlers.clock.now())?;
    let published = handlers.published_at(request.min_position).await?;
    let (first, last) = between.records(handlers, published.position).await?;
    let after = page.after.map_or(After::Record(first), After::Place);
    let (places, goes_on) = places(&published.state, &after, last, page.rows).await;
    let states = states(handlers, &published.state, &places).await?;
    let next_page_token = places.last().filter(|_| goes_on).map(|place| page.next_page_token(place));
    let next_page_token = next_page_token.unwrap_or_default();
    Ok(wire::ListPracticeStatesResponse { states, next_page_token, position: published.position })
}

/// Between which moments states are asked for: after the first, up to the last.
struct Between {
    since: Timestamp,
    /// None: up to now.
    until: Option<Timestamp>,
}

impl Between {
    fn asked(request: &wire::ListPracticeStatesRequest, now: Timestamp) -> Result<Self, Error> {
        let since = api::time::required_moment("since", request.since.as_ref())?;
        let until = past("until", request.until.as_ref(), now)?;
        if until.is_some_and(|until| until < since) {
            let message = "{field} is before since, {since}";
            return Err(Error::invalid("until", "UNTIL_BEFORE_SINCE", message).with("since", since));
        }
        Ok(Self { since, until })
    }

    /// The last record that is too early, and the last that is not too late.
    async fn records(&self, handlers: &Handlers, head: u64) -> Result<(u64, u64), Error> {
        let first = recorded_by(handlers, head, self.since).await?;
        let last = match self.until {
            Some(until) => recorded_by(handlers, head, until).await?,
            None => head,
        };
        Ok((first, last))
    }
}

/// Where a page begins.
enum After {
    /// After all that this record concerns.
    Record(u64),
    /// After this practice among those that the record concerns.
    Place(Place),
}

impl After {
    fn precedes(&self, place: Place) -> bool {
        match self {
            Self::Record(position) => *position < place.0,
            Self::Place(after) => *after < place,
        }
    }
}

/// The first `rows` places after one, up to the record `last`, and whether there are more.
async fn places(state: &State, after: &After, last: u64, rows: usize) -> (Vec<Place>, bool) {
    let mut first: BinaryHeap<Place> = BinaryHeap::with_capacity(rows + 2);
    for (number, practice) in state.practices().enumerate() {
        if number % TURN_PRACTICES == TURN_PRACTICES - 1 {
            tokio::task::yield_now().await;
        }
        let code = practice.code;
        let known = &practice.positions;
        let begin = known.partition_point(|position| !after.precedes((*position, code)));
        for position in known[begin..].iter().take_while(|position| **position <= last) {
            // One more than are wanted says whether there is another page.
            let is_full = first.len() > rows;
            if is_full && first.peek().is_some_and(|beyond| *beyond < (*position, code)) {
                break;
            }
            first.push((*position, code));
            if is_full {
                first.pop();
            }
        }
    }
    let mut places = first.into_sorted_vec();
    let goes_on = rows < places.len();
    places.truncate(rows);
    (places, goes_on)
}

/// The states that practices came into by these records.
async fn states(handlers: &Handlers, state: &State, places: &[Place]) -> Result<Vec<wire::PracticeState>, Error> {
    let moments = moments(handlers, places).await?;
    let come_into = |(position, code): &Place| {
        let recorded_at = *moments.get(position)?;
        let as_of = AsOf { effective_at: recorded_at, known_at: recorded_at };
        let view = View::as_of(state.practice(*code)?, as_of)?;
        Some(wire::PracticeState {
            recorded_at: Some(api::time::to_wire(recorded_at)),
            practice: Some(resource::to_wire(view)),
            position: *position,
        })
    };
    Ok(places.iter().filter_map(come_into).collect())
}

/// When the records of these places were recorded.
async fn moments(handlers: &Handlers, places: &[Place]) -> Result<BTreeMap<u64, Timestamp>, Error> {
    let mut moments = BTreeMap::new();
    for (position, _) in places {
        if moments.contains_key(position) {
            continue;
        }
        let run = handlers.engine.records(position - 1, RUN_RECORDS).await.map_err(|error| Error::internal(&error))?;
        moments.extend(run.into_iter().map(|record| (record.position, record.recorded_at)));
    }
    Ok(moments)
}

async fn recorded_by(handlers: &Handlers, head: u64, moment: Timestamp) -> Result<u64, Error> {
    handlers.engine.recorded_by(head, moment).await.map_err(|error| Error::internal(&error))
}

//! What the registry had recorded by a moment that has passed, and what it recorded from then on.

use jiff::Timestamp;
use proto::registry::v1 as wire;
use rollout::{PracticeFacts, RegistryView};

use super::super::convert::moment;
use super::super::facts::facts_from_wire;
use super::Registry;
use crate::peer::PeerError;

/// Practices or states in one page: as many as the registry gives.
const PAGE_ROWS: i32 = 1_000;

/// A stretch of the registry's past.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    /// What was recorded after this moment…
    pub(crate) since: Timestamp,
    /// …and at this one or before; none where all of it is wanted, whatever the time is there.
    pub(crate) until: Option<Timestamp>,
    /// A position that the registry must have come to.
    pub(crate) min_position: u64,
}

impl Registry {
    /// All practices as they were then, by what was known then. Which commands a PENDING receipt waited for is not told,
    /// nor is the position.
    pub(crate) async fn known_at(&self, known_at: Timestamp) -> Result<RegistryView, PeerError> {
        let mut view = RegistryView::default();
        let mut page_token = String::new();
        loop {
            let request = wire::ListPracticesRequest {
                page_size: PAGE_ROWS,
                page_token,
                known_at: Some(moment(known_at)),
                ..wire::ListPracticesRequest::default()
            };
            let page = self.0.clone().list_practices(request).await?.into_inner();
            for practice in &page.practices {
                view.put(facts_from_wire(practice)?);
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(view);
            }
        }
    }

    /// Tells of each state that practices came into in a stretch, in the order of recording. Of receipts it tells as above.
    pub(crate) async fn states(
        &self,
        stretch: Stretch,
        mut tell: impl FnMut(Timestamp, PracticeFacts),
    ) -> Result<(), PeerError> {
        let mut page_token = String::new();
        loop {
            let request = wire::ListPracticeStatesRequest {
                since: Some(moment(stretch.since)),
                until: stretch.until.map(moment),
                page_size: PAGE_ROWS,
                page_token,
                min_position: stretch.min_position,
            };
            let page = self.0.clone().list_practice_states(request).await?.into_inner();
            for state in &page.states {
                let recorded_at = api::time::required_moment("recorded_at", state.recorded_at.as_ref())?;
                let practice = state.practice.as_ref().ok_or(PeerError::Nonsense("a state names no practice"))?;
                tell(recorded_at, facts_from_wire(practice)?);
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(());
            }
        }
    }
}

//! What the registry had recorded by a moment that has passed.

use jiff::Timestamp;
use proto::registry::v1 as wire;
use rollout::RegistryView;

use super::super::convert::moment;
use super::super::facts::facts_from_wire;
use super::Registry;
use crate::peer::PeerError;

/// Practices in one page: as many as the registry gives.
const PAGE_ROWS: i32 = 1_000;

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
}

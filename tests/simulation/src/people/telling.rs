//! People and notices: they name practices' contacts, and tell those that have none themselves.

use futures_util::future::try_join_all;
use proto::registry::v1 as registry;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use proto::scheduler::v1 as wire;
use proto::scheduler::v1::programme_service_client::ProgrammeServiceClient;

use super::{PROGRAMME, People, refused};
use crate::plan::{Surgery, ToldBy, WAVES};

/// Beyond every story.
const RETAINED_UNTIL: &str = "2032-01-01T00:00:00Z";

impl People {
    /// All at once: one after another they would take a good part of a day.
    pub(super) async fn name_contacts(&self, surgeries: &[Surgery]) -> anyhow::Result<()> {
        let contacts = surgeries.iter().filter_map(|surgery| {
            let code = &surgery.code;
            let (channel, address) = match surgery.told_by {
                ToldBy::Hand => return None,
                ToldBy::Email => (registry::ContactChannel::Email, format!("manager-{code}@hill.example")),
                ToldBy::Letter => (registry::ContactChannel::Post, "Hill Surgery\n1 Hill Road\nZZ1 1ZZ".to_owned()),
            };
            Some(self.name_contact(code, channel, address))
        });
        try_join_all(contacts).await.map(|_| ())
    }

    async fn name_contact(
        &self,
        practice: &str,
        channel: registry::ContactChannel,
        address: String,
    ) -> anyhow::Result<()> {
        let request = registry::SetContactRequest {
            name: format!("practices/{practice}"),
            role: "practice-manager".to_owned(),
            channel: channel.into(),
            address,
            retain_until: Some(api::time::to_wire(RETAINED_UNTIL.parse()?)),
            request_id: format!("contact/{practice}"),
            ..Default::default()
        };
        ask!(self.registry("alice"), PracticeRegistryServiceClient.set_contact(request)).map(|_| ())
    }

    /// Whichever wave it is in.
    pub(super) async fn tell(&self, number: usize, practice: &str) -> anyhow::Result<()> {
        let told_at = self.clock.now();
        for wave in 1..=WAVES.len() {
            let request = wire::RecordNoticeDeliveryRequest {
                wave: format!("{PROGRAMME}/waves/{wave}"),
                practices: vec![format!("practices/{practice}")],
                delivered_at: Some(api::time::to_wire(told_at)),
                channel: "letter".to_owned(),
                request_id: format!("act/{number}/{wave}"),
                ..Default::default()
            };
            // Of one wave it is no member; another may be over.
            ask!(self.scheduler("alice"), ProgrammeServiceClient.record_notice_delivery(request))
                .map(|_| ())
                .or_else(refused)?;
        }
        Ok(())
    }
}

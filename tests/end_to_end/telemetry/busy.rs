//! An installation in which something of everything has happened, and that goes on being used.

use std::time::Duration;

use client::Peer;
use jiff::Timestamp;
use proto::registry::v1 as registry;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use proto::statistics::v1 as statistics;
use proto::statistics::v1::ingest_service_client::IngestServiceClient;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::guarded::Guarded;
use crate::harness::installation::{Installation, PATIENCE, Wanted, clock_offset, programme_of_today, until_live};
use crate::harness::otlp::Collector;
use crate::harness::server::Server;
use crate::harness::supplier::SupplierServer;

/// Three processes on PostgreSQL, a supplier, a collector that gets everything; and a registry whose callers prove who they are.
pub(super) struct Busy {
    pub(super) installation: Installation,
    guarded: Guarded,
    pub(super) collector: Collector,
    _supplier: SupplierServer,
    _folder: tempfile::TempDir,
}

/// A practice is switched on, events are told, figures are asked for, a publication is refused; None, said loudly, where
/// there is no PostgreSQL.
pub(super) async fn busy() -> Option<Busy> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut supplier = SupplierServer::start(&folder.path().join("suppliers.jsonl"), clock_offset()).await;
    let collector = Collector::start().await;
    let environment = collector.environment_of_everything();
    let wanted =
        Wanted { practices_count: 5, supplier: Some(&supplier), environment, metrics: true, ..Wanted::default() };
    let installation = Installation::separate(&wanted).await?;
    let lead = installation.accessctl("leo").with_environment(collector.environment());
    let practice = installation.england.practice(1);
    installation.import();
    let file = installation.programme("summer.yaml", &programme_of_today(&format!("    practices: [{practice}]\n")));
    lead.say(&["programme", "apply", &file]);
    lead.as_account("ada").say(&["programme", "approve", "summer-opening"]);
    supplier.arrival(PATIENCE).await;
    until_live(installation.registry(), std::slice::from_ref(&practice)).await;
    tell_events(installation.statistics().peer("eve"), &practice).await;
    lead.say(&["publication", "calendar", "set", "2031-06", "--release", "2031-07-10T09:30"]);
    // It is June: that month is not over.
    lead.refused(4, &["publication", "create", "2031-06"]);
    let busy = Busy { installation, guarded: Guarded::start(), collector, _supplier: supplier, _folder: folder };
    busy.use_it().await;
    Some(busy)
}

impl Busy {
    /// Where each process shows its metrics.
    pub(super) fn metrics_addresses(&self) -> Vec<&str> {
        let servers = self.installation.servers().into_iter().map(Server::metrics_address);
        servers.chain([self.guarded.server.metrics_address()]).collect()
    }

    /// What its users do all day.
    pub(super) async fn use_it(&self) {
        let practice = self.installation.england.practice(1);
        let mut client = PracticeRegistryServiceClient::new(self.installation.registry().peer("app"));
        for _ in 0..5 {
            let request = registry::CheckAccessRequest { ods_code: practice.clone(), ..Default::default() };
            client.check_access(request).await.expect("it is asked all day");
        }
    }
}

/// Three views, of one who may be told of.
async fn tell_events(peer: Peer, practice: &str) {
    let (sender, receiver) = mpsc::channel(4);
    let naming = statistics::RecordEventsRequest { source: "app".to_owned(), incarnation: 1, ..Default::default() };
    sender.send(naming).await.expect("there is room for four");
    let answers = IngestServiceClient::new(peer).record_events(ReceiverStream::new(receiver)).await;
    let mut answers = answers.expect("events are taken").into_inner();
    let first: Timestamp = "2031-06-03T08:00:00Z".parse().expect("a moment");
    let event = |number: i64| statistics::AccessEvent {
        occurred_at: Some(prost_types::Timestamp { seconds: first.as_second() + number, nanos: 0 }),
        practice: format!("practices/{practice}"),
        kind: statistics::EventKind::RecordViewed.into(),
        pseudonym: vec![u8::try_from(number).expect("there are three"); 16].into(),
        ..statistics::AccessEvent::default()
    };
    let events = Some(statistics::AccessEvents { events: (1..=3).map(event).collect() });
    let batch = statistics::RecordEventsRequest { first_sequence: 1, events, ..Default::default() };
    sender.send(batch).await.expect("there is room");
    let acknowledged = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let answer = answers.message().await.expect("the stream goes on").expect("it has not ended");
            if answer.durable_sequence == 3 {
                return;
            }
        }
    });
    acknowledged.await.expect("three events are acknowledged");
}

//! The senders of statistics in the demo's world: suppliers with their weekly returns, the app with each day's views.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, ensure};
use client::{Peer, PeerError};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use ods::{Capability, PracticeCode, Supplier};
use proto::registry::v1 as registry;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use proto::statistics::v1 as statistics;
use proto::statistics::v1::ingest_service_client::IngestServiceClient;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use super::peers::Peers;
use super::usage::{online_accounts, views};
use super::world::World;

/// The registry's maximum.
const PAGE_SIZE: i32 = 1_000;
/// Events of one batch: the ingest's maximum.
const BATCH_EVENTS_MAX: usize = 10_000;
/// Batches that are made before they are taken.
const BATCHES_AHEAD_MAX: usize = 4;
/// The app's account.
const APP: &str = "nhs-app;roles=service";
/// The app's nodes, each a source of events. A stream is read by one thread at a time, so that two take two cores.
const NODES: [&str; 2] = ["nhs-app.1", "nhs-app.2"];

/// A practice whose patients can see their record.
#[derive(Clone, Debug)]
pub(crate) struct LivePractice {
    pub(crate) code: PracticeCode,
    pub(crate) supplier: Supplier,
    pub(crate) list_size: i64,
    /// Patients who have no access until their record is reviewed.
    pub(crate) excluded: i64,
    pub(crate) online_accounts: i64,
    pub(crate) accounts_with_access: i64,
}

/// Who sends returns and events.
pub(crate) struct Producers<'a> {
    pub(crate) world: Arc<World>,
    pub(crate) seed: u64,
    pub(crate) peers: &'a Peers,
}

impl Producers<'_> {
    /// The practices that are live now, as the registry says, with their patients as the world has them at `moment`.
    pub(crate) async fn live_practices(&self, moment: Timestamp) -> anyhow::Result<Vec<LivePractice>> {
        let mut registry =
            PracticeRegistryServiceClient::new(self.peers.registry.with_account("suppliers;roles=service")?);
        let mut found: Vec<(PracticeCode, Supplier, i64)> = Vec::new();
        let mut page_token = String::new();
        loop {
            let list = registry::ListPracticesRequest {
                page_size: PAGE_SIZE,
                page_token,
                filter: "practice.live".to_owned(),
                ..Default::default()
            };
            let page = registry.list_practices(list).await?.into_inner();
            for practice in page.practices {
                found.push((practice.ods_code.parse()?, practice.supplier.parse()?, practice.list_size));
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        let suppliers = found.iter().map(|(code, supplier, _)| (*code, supplier.clone())).collect();
        let excluded = self.world.excluded(self.seed, &suppliers, moment);
        let live = found.into_iter().map(|(code, supplier, list_size)| {
            let online_accounts = online_accounts(&self.world.uptake, self.seed, code, list_size);
            let excluded = excluded.get(&code).copied().map_or(0.0, f64::from);
            let of = |patients: i64| (patients as f64 * excluded).round() as i64;
            let accounts_with_access = online_accounts - of(online_accounts);
            LivePractice { code, supplier, list_size, excluded: of(list_size), online_accounts, accounts_with_access }
        });
        Ok(live.collect())
    }

    /// Sends each supplier's counts for the week that ended on `last_day`.
    pub(crate) async fn send_returns(&self, live: &[LivePractice], last_day: Date) -> anyhow::Result<()> {
        let mut by_supplier: BTreeMap<&Supplier, Vec<statistics::PracticeReturn>> = BTreeMap::new();
        for practice in live {
            by_supplier.entry(&practice.supplier).or_default().push(statistics::PracticeReturn {
                practice: format!("practices/{}", practice.code),
                patients_registered: practice.list_size,
                online_accounts: practice.online_accounts,
                accounts_with_access: practice.accounts_with_access,
                excluded_by_review_code: practice.excluded,
                ..Default::default()
            });
        }
        let first_day = last_day.checked_sub(6.days()).context("a week before the calendar begins")?;
        for (supplier, returns) in by_supplier {
            let account =
                format!("{};roles=supplier;organisation=suppliers/{supplier}", supplier.as_str().to_lowercase());
            let mut ingest = self.ingest(&account)?;
            let submit = statistics::SubmitReturnsRequest {
                supplier: format!("suppliers/{supplier}"),
                capability: Capability::default().to_string(),
                period_start_date: first_day.to_string(),
                period_end_date: last_day.to_string(),
                returns,
                request_id: format!("return/{supplier}/{last_day}"),
                ..Default::default()
            };
            ingest.submit_returns(submit).await.with_context(|| format!("the return of {supplier} for {last_day}"))?;
        }
        Ok(())
    }

    /// Sends the views of one day, each node those of its practices. Each day is a life of the sources, so that a run that was
    /// killed amid a day's views goes on from what is durable of that day.
    pub(crate) async fn send_views(&self, live: &[LivePractice], day: Date) -> anyhow::Result<()> {
        let incarnation =
            u64::try_from(day.duration_since(Date::ZERO).as_secs() / 86_400).context("a day before year 0")?;
        let mut sent = JoinSet::new();
        for (number, source) in NODES.into_iter().enumerate() {
            let of_node: Vec<_> = live.iter().skip(number).step_by(NODES.len()).cloned().collect();
            let events = self.events(of_node, day);
            sent.spawn(send(self.ingest(APP)?, source, incarnation, events));
        }
        while let Some(sent) = sent.join_next().await {
            sent.context("the sending of views")?.with_context(|| format!("the views of {day}"))?;
        }
        Ok(())
    }

    /// One day's views, made as they are sent: a nation's would not fit into memory.
    fn events(
        &self,
        live: Vec<LivePractice>,
        day: Date,
    ) -> impl Iterator<Item = statistics::AccessEvent> + Send + 'static {
        let (world, seed) = (Arc::clone(&self.world), self.seed);
        live.into_iter().flat_map(move |practice| {
            let accounts = practice.accounts_with_access;
            let name = practice.code.to_string();
            views(&world.viewing, seed, practice.code, day, accounts).map(move |view| statistics::AccessEvent {
                occurred_at: Some(api::time::to_wire(view.at)),
                practice: name.clone(),
                kind: statistics::EventKind::RecordViewed.into(),
                section: section(view.section_draw).into(),
                pseudonym: view.pseudonym.to_vec().into(),
                ..Default::default()
            })
        })
    }

    fn ingest(&self, account: &str) -> Result<IngestServiceClient<Peer>, PeerError> {
        Ok(IngestServiceClient::new(self.peers.statistics.with_account(account)?))
    }
}

/// Sends what is left of a source's events, and waits until all of them are durable.
async fn send(
    mut ingest: IngestServiceClient<Peer>,
    source: &'static str,
    incarnation: u64,
    events: impl Iterator<Item = statistics::AccessEvent> + Send + 'static,
) -> anyhow::Result<()> {
    // Made on a thread of their own, beside the service that takes them.
    let (sender, made) = mpsc::channel(BATCHES_AHEAD_MAX);
    let making = tokio::task::spawn_blocking(move || {
        let mut made = 0;
        for batch in std::iter::once(naming(source, incarnation)).chain(batches(source, incarnation, events)) {
            made += batch.events.as_ref().map_or(0, |events| events.events.len() as u64);
            if sender.blocking_send(batch).is_err() {
                break;
            }
        }
        made
    });
    let mut acknowledged = ingest.record_events(ReceiverStream::new(made)).await?.into_inner();
    let mut durable = 0;
    while let Some(response) = acknowledged.next().await {
        durable = response?.durable_sequence;
    }
    let made = making.await.context("the making of events")?;
    ensure!(durable == made, "of {made} events of {source} only {durable} were acknowledged");
    Ok(())
}

/// The first message of a stream: names the source.
fn naming(source: &str, incarnation: u64) -> statistics::RecordEventsRequest {
    statistics::RecordEventsRequest { source: source.to_owned(), incarnation, ..Default::default() }
}

/// Numbers the events from 1 and cuts them into batches.
fn batches(
    source: &'static str,
    incarnation: u64,
    mut events: impl Iterator<Item = statistics::AccessEvent>,
) -> impl Iterator<Item = statistics::RecordEventsRequest> {
    let mut first_sequence = 1;
    std::iter::from_fn(move || {
        let events: Vec<_> = events.by_ref().take(BATCH_EVENTS_MAX).collect();
        let count = events.len() as u64;
        let events = Some(statistics::AccessEvents { events });
        let batch = statistics::RecordEventsRequest { source: source.to_owned(), incarnation, first_sequence, events };
        first_sequence += count;
        (count > 0).then_some(batch)
    })
}

/// The section of a record that was viewed; test results are what people look for most.
fn section(drawn: u64) -> statistics::RecordSection {
    match drawn % 10 {
        0..=4 => statistics::RecordSection::TestResults,
        5 | 6 => statistics::RecordSection::Consultations,
        7 => statistics::RecordSection::Documents,
        8 => statistics::RecordSection::Medicines,
        _ => statistics::RecordSection::Vaccinations,
    }
}

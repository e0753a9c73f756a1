//! What the statistics tell at the end of a run, asked of an aggregator by its contract: one that is opened on what was left behind
//! and folds what no checkpoint holds, held against what producers and suppliers sent.
//!
//! It is asked what a gate, a statistician and a supplier ask. Hourly counts are read from the tables by `counts`.

use std::collections::{BTreeMap, BTreeSet};

use access_statistics::{AccessStatistics, StatisticsConfig};
use anyhow::{Context, ensure};
use authority::Authority;
use client::{Peer, PeerConfig};
use clock::Clock;
use database::sql;
use evidence::{
    Days, Figure, FigureOf, Issue, Quarantined, Whereabouts, figures_breaches, last_viewed_breaches,
    latest_returns_breaches, quarantine_breaches, revisions_breaches,
};
use identity::DevelopmentCaller;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use journal::EngineConfig;
use ods::civil::civil_date;
use proto::statistics::v1 as wire;
use proto::statistics::v1::ingest_service_client::IngestServiceClient;
use proto::statistics::v1::returns_service_client::ReturnsServiceClient;
use proto::statistics::v1::statistics_service_client::StatisticsServiceClient;
use server::{Server, ServerConfig};
use sha2::{Digest, Sha256};
use tally::Day;

use crate::hosts::Installation;
use crate::plan::{Act, Plan};
use crate::producers::WRONG_REASON;
use crate::publication;

/// More than a story has of anything that is listed.
const PAGE_SIZE: i32 = 1_000;

/// Nobody is called: what the registry told lies in the tables.
const NOBODY: &str = "http://127.0.0.1:9";

/// Everything of which counts and people are kept, or summed up from what is kept of practices.
const KINDS: [wire::AreaKind; 5] = [
    wire::AreaKind::England,
    wire::AreaKind::Region,
    wire::AreaKind::Icb,
    wire::AreaKind::Supplier,
    wire::AreaKind::Practice,
];

/// What is told.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    figures: BTreeMap<FigureOf, u64>,
    asked: BTreeSet<Days>,
    quarantined: Vec<Quarantined>,
    /// Accounts with access, by practice and revision.
    revisions: BTreeMap<String, Vec<u64>>,
    last_viewed: BTreeMap<String, Option<Date>>,
    /// Accounts with access as gates read them, by practice.
    last_returned: BTreeMap<String, Option<u64>>,
    /// Batches that were old enough to be deleted.
    batches_deleted: u64,
    publication: Option<Issue>,
}

impl Figures {
    /// As at the end of a run, at `now`, while nothing else runs.
    pub(crate) fn of(installation: &Installation, now: Timestamp) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let auditor = Auditor::open(installation, now).await?;
            let mut told = Self { batches_deleted: batches_deleted(installation).await?, ..Self::default() };
            auditor.figures(installation.plan(), &mut told).await?;
            auditor.quarantine(&mut told).await?;
            auditor.returns(&mut told).await?;
            auditor.evidence_of_gates(installation.plan(), &mut told).await?;
            told.publication = publication::issue(installation, &auditor, now).await?;
            anyhow::Ok(told)
        })
    }

    /// What should not be.
    pub(crate) fn breaches(&self, installation: &Installation) -> Vec<String> {
        let told = installation.told();
        let (views, acknowledged) = (told.views(), told.acknowledged());
        let asked: Vec<Days> = self.asked.iter().copied().collect();
        let places = places(installation.plan());
        let mut breaches = figures_breaches(&views, &acknowledged, &places, &asked, &self.figures);
        breaches.extend(quarantine_breaches(&told.sent(), &acknowledged, WRONG_REASON, &self.quarantined));
        breaches.extend(last_viewed_breaches(&views, &acknowledged, &self.last_viewed));
        breaches.extend(revisions_breaches(&installation.returned().sent(), &self.revisions));
        breaches.extend(latest_returns_breaches(&self.revisions, &self.last_returned));
        breaches.extend(self.publication.iter().flat_map(Issue::breaches));
        breaches
    }

    /// How much is told, and a hash of it.
    pub(crate) fn report(&self) -> String {
        let hash = hex::encode(Sha256::digest(format!("{self:?}")));
        let revisions: usize = self.revisions.values().map(Vec::len).sum();
        let issue = self.publication.as_ref().map_or_else(|| "nothing published".to_owned(), publication::report);
        format!("{} figures and {revisions} revisions, {hash}; {issue}", self.figures.len())
    }

    /// How many batches of the log were old enough to go.
    pub(crate) fn batches_deleted(&self) -> u64 {
        self.batches_deleted
    }
}

/// Batches that the log had, and has no more.
async fn batches_deleted(installation: &Installation) -> anyhow::Result<u64> {
    let counted = sql("select (select position from head) - (select count(*) from batches) as deleted");
    Ok(u64::try_from(installation.statistics_db().fetch_one(counted).await?.get::<i64>("deleted")?)?)
}

/// By the story, where practices lie: one that comes to another area is in either at times, and one that closes in its own.
fn places(plan: &Plan) -> BTreeMap<String, Whereabouts> {
    let mut places = BTreeMap::new();
    for surgery in &plan.surgeries {
        let code = &surgery.code;
        let lies_in = |surgery: &crate::plan::Surgery| {
            [format!("icbs/{}", surgery.icb), format!("suppliers/{}", surgery.supplier), "regions/Y63".to_owned()]
        };
        let mut always: BTreeSet<String> = lies_in(surgery).into_iter().collect();
        let mut at_times = BTreeSet::new();
        for (_, act) in &plan.acts {
            let after: BTreeSet<String> = match act {
                Act::Move { surgery } if surgery.code == *code => lies_in(surgery).into_iter().collect(),
                Act::Close { practice } if practice == code => BTreeSet::new(),
                _ => continue,
            };
            at_times.extend(always.symmetric_difference(&after).cloned());
            always.retain(|area| after.contains(area));
        }
        always.extend(["england".to_owned(), format!("practices/{code}")]);
        places.insert(code.clone(), Whereabouts { always, at_times });
    }
    places
}

/// Somebody who asks an aggregator of their own, which follows nobody and folds nothing into the tables.
pub(crate) struct Auditor {
    peer: Peer,
    now: Timestamp,
}

impl Auditor {
    pub(crate) async fn open(installation: &Installation, now: Timestamp) -> anyhow::Result<Self> {
        let (clock, _) = Clock::manual(now);
        let registry = Peer::remote(NOBODY, "auditor", PeerConfig::default())?;
        let config = StatisticsConfig { replica: "auditor".to_owned(), ..StatisticsConfig::default() };
        let db = installation.statistics_db().clone();
        let statistics = AccessStatistics::open(db, clock, registry, config, EngineConfig::default()).await?;
        let server =
            Server::new(ServerConfig::default(), DevelopmentCaller, Authority::standard()).without_reflection();
        let routes = statistics.add_to(server).build()?;
        Ok(Self { peer: Peer::local("statistics", routes, "auditor", PeerConfig::default())?, now })
    }

    pub(crate) fn peer(&self) -> Peer {
        self.peer.clone()
    }

    /// Views and viewers of every area, day by day and by the month.
    async fn figures(&self, plan: &Plan, told: &mut Figures) -> anyhow::Result<()> {
        let (first, last) = (civil_date(plan.start).first_of_month(), civil_date(self.now));
        // A story that lasts until after a month that it had days of: before this, people of practices are known by the month.
        let kept = 1 - StatisticsConfig::default().practice_sketch_days;
        let by_day_from = first.max(Day::of(self.now).plus(kept).month_start().date());
        told.asked = by_day_from.series(1.day()).take_while(|day| *day <= last).map(|day| (day, day)).collect();
        let months = first.series(1.month()).take_while(|month| *month <= last);
        told.asked.extend(months.map(|month| (month, month.last_of_month().min(last))));
        let mut statistics = StatisticsServiceClient::new(self.peer.clone());
        for (figure, measure) in
            [(Figure::Views, wire::Measure::RecordViews), (Figure::Viewers, wire::Measure::Viewers)]
        {
            for (interval, from) in [(wire::Interval::Day, by_day_from), (wire::Interval::Month, first)] {
                let period = wire::Period { start_date: from.to_string(), end_date: last.to_string() };
                for kind in KINDS {
                    let request = wire::QuerySeriesRequest {
                        measure: measure.into(),
                        group_by: kind.into(),
                        interval: interval.into(),
                        period: Some(period.clone()),
                        page_size: PAGE_SIZE,
                        ..Default::default()
                    };
                    let answer = statistics.query_series(request).await?.into_inner();
                    ensure!(answer.next_page_token.is_empty(), "a story has few areas");
                    for series in answer.series {
                        for point in series.points {
                            let days: Days = (point.start_date.parse()?, point.end_date.parse()?);
                            ensure!(told.asked.contains(&days), "nobody asked about {days:?}");
                            let value = u64::try_from(point.value)?;
                            told.figures.insert((figure, series.area.clone(), days), value);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// What was not counted.
    async fn quarantine(&self, told: &mut Figures) -> anyhow::Result<()> {
        let request = wire::ListQuarantinedEventsRequest { page_size: PAGE_SIZE, ..Default::default() };
        let listed = IngestServiceClient::new(self.peer.clone()).list_quarantined_events(request).await?.into_inner();
        ensure!(listed.next_page_token.is_empty(), "a story has few events that are wrong");
        for batch in listed.batches {
            told.quarantined.push(Quarantined {
                source: (batch.source, batch.incarnation),
                first_sequence: batch.first_sequence,
                last_sequence: batch.last_sequence,
                count: u64::try_from(batch.events_count)?,
                reason: batch.reason,
            });
        }
        let count: u64 = told.quarantined.iter().map(|of_batch| of_batch.count).sum();
        ensure!(u64::try_from(listed.events_count)? == count, "{} are said, {count} are listed", listed.events_count);
        Ok(())
    }

    /// Returns with all their revisions.
    async fn returns(&self, told: &mut Figures) -> anyhow::Result<()> {
        let request = wire::ListReturnsRequest { all_revisions: true, page_size: PAGE_SIZE, ..Default::default() };
        let listed = ReturnsServiceClient::new(self.peer.clone()).list_returns(request).await?.into_inner();
        ensure!(listed.next_page_token.is_empty(), "a story has few returns");
        for returned in listed.returns {
            let revisions = told.revisions.entry(code(&returned.practice)?).or_default();
            revisions.push(u64::try_from(returned.accounts_with_access)?);
            ensure!(usize::try_from(returned.revision)? == revisions.len(), "{returned:?} is out of order");
        }
        Ok(())
    }

    /// What a gate is told of each practice.
    async fn evidence_of_gates(&self, plan: &Plan, told: &mut Figures) -> anyhow::Result<()> {
        let request = wire::BatchGetPracticeFiguresRequest {
            practices: plan.surgeries.iter().map(|surgery| format!("practices/{}", surgery.code)).collect(),
            since_date: civil_date(plan.start).checked_sub(1.day())?.to_string(),
            ..Default::default()
        };
        let mut statistics = StatisticsServiceClient::new(self.peer.clone());
        let asked_count = request.practices.len();
        let answered = statistics.batch_get_practice_figures(request).await?.into_inner().practices;
        ensure!(answered.len() == asked_count, "of {asked_count} practices a gate hears of {}", answered.len());
        for figures in answered {
            let code = code(&figures.practice)?;
            let day = figures.last_viewed_date;
            let day = if day.is_empty() { None } else { Some(day.parse()?) };
            told.last_viewed.insert(code.clone(), day);
            let accounts = figures.latest_return.map(|returned| u64::try_from(returned.accounts_with_access));
            told.last_returned.insert(code, accounts.transpose()?);
        }
        Ok(())
    }
}

fn code(practice: &str) -> anyhow::Result<String> {
    Ok(practice.strip_prefix("practices/").context("a practice's name")?.to_owned())
}

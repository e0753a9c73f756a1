//! Holds on the nation while a wave runs as fast as it can: how long each takes to be acknowledged, and whether anything is
//! sealed between a hold and its lifting.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use client::Peer;
use proto::journal::v1 as journal;
use proto::journal::v1::journal_service_client::JournalServiceClient;
use proto::scheduler::v1 as wire;
use proto::scheduler::v1::hold_service_client::HoldServiceClient;

use crate::figures::p99;
use crate::people::{self, AUTHOR, peer};
use crate::process::Server;
use crate::registry::england::England;
use crate::registry::installation::runtime;
use crate::report::{Report, Row, duration};
use crate::scheduler::installation::{Installation, Place};
use crate::scheduler::supplier::InstantSupplier;
use crate::scheduler::wave::{Planned, plan};

const MOST: Duration = Duration::from_millis(20);
/// Holds in a wave; there are fewer where it ends before.
const HOLDS: usize = 120;
/// A hold stands for so long.
const STANDS: Duration = Duration::from_millis(100);
/// Between two looks at whether the wave goes on.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// A wave that has not gone on by then stands still.
const GOES_ON_WITHIN: Duration = Duration::from_secs(60);
const PLACED: &str = "hold-placed";
const LIFTED: &str = "hold-lifted";
const SEALED: &str = "sealed";
/// A record may seal a thousand keys.
const RECORDS_BYTES_MAX: usize = 64 << 20;

/// Measures the row.
pub(crate) fn measure(report: &mut Report, place: &Place, england: &England) -> anyhow::Result<()> {
    let installation = Installation::new(place)?;
    let (mut latencies, seals) = runtime()?.block_on(holds(&installation, england))?;
    latencies.sort_unstable();
    let count = latencies.len();
    ensure!(count > 0, "the wave was over before the first hold");
    let (median, longest) = (latencies[count / 2], latencies[count - 1]);
    let p99 = p99(&mut latencies).context("there were holds")?;
    let what = format!("hold on the nation → acknowledged, during a wave of {}", england.practices_count());
    let (figure, median, longest) = (duration(p99), duration(median), duration(longest));
    let figure = format!("p99 {figure} (median {median}, longest {longest}; {count} holds)");
    report.add(Row::alone(&what, figure, "p99 < 20 ms", Some(p99 < MOST)));
    let Seals { all, under_hold, stopped_by } = seals;
    let figure = format!(
        "{under_hold} of {all} records of seals; {stopped_by} of {count} holds had seals after they were lifted"
    );
    report.add(Row::alone("seals after a hold, until it is lifted", figure, "none", Some(under_hold == 0)));
    Ok(())
}

/// Records of seals, and holds.
struct Seals {
    /// All of them.
    all: usize,
    /// Those while a hold stood.
    under_hold: usize,
    /// Holds after which there was something left to seal: others could stop nothing.
    stopped_by: usize,
}

async fn holds(installation: &Installation<'_>, england: &England) -> anyhow::Result<(Vec<Duration>, Seals)> {
    let Planned { server, plan, .. } = plan(installation, england).await?;
    people::approve(&server, plan).await?;
    let supplier = installation.supplier();
    let total = england.practices_count() as usize;
    // Enough between two holds that the wave is at full speed, and few enough that all find place.
    let stretch = total / (HOLDS + 1);
    let mut latencies = Vec::new();
    let mut service = HoldServiceClient::new(peer(&server, AUTHOR)?);
    while latencies.len() < HOLDS {
        let wanted = supplier.requests_count() + stretch;
        if wanted > total {
            break;
        }
        requested(supplier, wanted).await?;
        let latency = hold_for_a_while(&mut service, latencies.len()).await?;
        eprintln!("  after {wanted} requests: {}", duration(latency));
        latencies.push(latency);
    }
    let seals = seals(&server).await?;
    server.stop()?;
    Ok((latencies, seals))
}

/// Waits until the supplier was asked for so many practices.
async fn requested(supplier: &InstantSupplier, wanted: usize) -> anyhow::Result<()> {
    let begun = Instant::now();
    while supplier.requests_count() < wanted {
        ensure!(begun.elapsed() < GOES_ON_WITHIN, "the wave stands still at {}", supplier.requests_count());
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// Places a hold and lifts it. How long it took to be acknowledged.
async fn hold_for_a_while(service: &mut HoldServiceClient<Peer>, number: usize) -> anyhow::Result<Duration> {
    let scope = wire::HoldScope { scope: Some(wire::hold_scope::Scope::National(true)) };
    let place = wire::PlaceHoldRequest {
        scope: Some(scope),
        hold_class: wire::HoldClass::Capacity.into(),
        request_id: format!("hold-{number}"),
        reason_code: "MEASURED".into(),
        ..Default::default()
    };
    let begun = Instant::now();
    let placed = service.place_hold(place).await?.into_inner();
    let acknowledged = begun.elapsed();
    tokio::time::sleep(STANDS).await;
    let lift = wire::LiftHoldRequest {
        name: placed.hold.context("a hold was placed")?.name,
        request_id: format!("lift-{number}"),
        reason_code: "MEASURED".into(),
        ..Default::default()
    };
    service.lift_hold(lift).await?;
    Ok(acknowledged)
}

/// What the journal says: it alone knows the order.
async fn seals(server: &Server) -> anyhow::Result<Seals> {
    let mut journal = JournalServiceClient::new(peer(server, AUTHOR)?).max_decoding_message_size(RECORDS_BYTES_MAX);
    let (placed, lifted) = (positions(&mut journal, PLACED).await?, positions(&mut journal, LIFTED).await?);
    let sealed = positions(&mut journal, SEALED).await?;
    let held = |position: &&u64| placed.iter().zip(&lifted).any(|(from, until)| (from..until).contains(position));
    Ok(Seals {
        all: sealed.len(),
        under_hold: sealed.iter().filter(held).count(),
        stopped_by: lifted.iter().filter(|lifted| sealed.last().is_some_and(|last| *lifted < last)).count(),
    })
}

async fn positions(journal: &mut JournalServiceClient<Peer>, kind: &str) -> anyhow::Result<Vec<u64>> {
    let mut positions = Vec::new();
    let mut page_token = String::new();
    loop {
        let list = journal::ListRecordsRequest {
            parent: "journals/scheduler".into(),
            kind: kind.into(),
            page_size: 100,
            page_token,
            ..Default::default()
        };
        let page = journal.list_records(list).await?.into_inner();
        positions.extend(page.records.iter().map(|record| record.position));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(positions);
        }
    }
}

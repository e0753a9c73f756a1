//! A wave of everybody, with nothing in its way: from the plan to the last practice that is live.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use jiff::civil::{DateTime, Time, time};
use jiff::{SignedDuration, Timestamp};
use proto::registry::v1 as registry;

use crate::people;
use crate::process::Server;
use crate::registry::england::England;
use crate::registry::installation::client;
use crate::scheduler::installation::{FIRST_DAY, Installation, fill, preview};
use crate::scheduler::supplier::{InstantSupplier, now};

/// When it begins: windows are open for hours.
const BEGINNING: Time = time(10, 0, 0, 0);
/// Previews that are timed.
const PREVIEWS: usize = 3;
/// A wave that stands still for so long does not go on.
const STILL_MAX: Duration = Duration::from_secs(60);
/// Between two looks at how many are live.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a wave came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// To preview the plan, in the median of some.
    pub(crate) previewed_in: Duration,
    /// To submit it.
    pub(crate) planned_in: Duration,
    /// To approve it.
    pub(crate) approved_in: Duration,
    /// From the approval to the first request that the supplier had. The wave opens in between, its window being open.
    pub(crate) first_request_after: Duration,
    /// From the approval to the last practice that was live.
    pub(crate) live_after: Duration,
    /// CPU time of the server in between.
    pub(crate) cpu: Duration,
}

/// An installation whose plan for everybody waits for its approval.
pub(crate) struct Planned {
    pub(crate) server: Server,
    pub(crate) plan: proto::scheduler::v1::Plan,
    pub(crate) previewed_in: Duration,
    pub(crate) planned_in: Duration,
}

/// Fills an installation and plans.
pub(crate) async fn plan(installation: &Installation<'_>, england: &England) -> anyhow::Result<Planned> {
    let (server, offset) = installation.serve(DateTime::from_parts(FIRST_DAY, BEGINNING))?;
    installation.supplier().begin_anew(offset);
    people::import_holidays(&server, FIRST_DAY).await?;
    let document = document();
    fill(&server, england, &document).await?;
    let mut previews = Vec::new();
    for _ in 0..PREVIEWS {
        let begun = Instant::now();
        preview(&server, &document).await?;
        previews.push(begun.elapsed());
    }
    previews.sort_unstable();
    people::create(&server, document).await?;
    let begun = Instant::now();
    let plan = people::submit(&server).await?;
    let planned_in = begun.elapsed();
    ensure!(
        plan.practices_count == i64::from(england.practices_count()),
        "the plan has {} practices",
        plan.practices_count
    );
    Ok(Planned { server, plan, previewed_in: previews[PREVIEWS / 2], planned_in })
}

/// Plans, approves, and waits until everybody is live.
pub(crate) async fn run(installation: &Installation<'_>, england: &England) -> anyhow::Result<Run> {
    let Planned { server, plan, previewed_in, planned_in } = plan(installation, england).await?;
    let cpu_before = server.cpu_time()?;
    let begun = Instant::now();
    people::approve(&server, plan).await?;
    let (approved_in, approved_at) = (begun.elapsed(), now());
    let approved = Instant::now();
    let wanted = england.practices_count() as usize;
    let supplier = installation.supplier();
    all_requested(supplier, wanted).await?;
    let live_after = all_live(&server, wanted, approved).await?;
    let cpu = server.cpu_time()?.saturating_sub(cpu_before);
    let first = supplier.first_request_from(Timestamp::MIN).context("there were requests")?;
    server.stop()?;
    let first_request_after = since(approved_at, first);
    Ok(Run { previewed_in, planned_in, approved_in, first_request_after, live_after, cpu })
}

/// From one moment to another; nothing where the other was earlier.
pub(crate) fn since(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier).max(SignedDuration::ZERO)).unwrap_or_default()
}

/// Waits until the supplier was asked for so many practices.
async fn all_requested(supplier: &InstantSupplier, wanted: usize) -> anyhow::Result<()> {
    let (mut known, mut moved_at) = (0, Instant::now());
    loop {
        let count = supplier.requests_count();
        if count >= wanted {
            return Ok(());
        }
        if count != known {
            (known, moved_at) = (count, Instant::now());
        }
        ensure!(moved_at.elapsed() < STILL_MAX, "the wave stands still at {count} of {wanted}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Waits until the registry says that so many are live; when that was, after `begun`.
async fn all_live(server: &Server, wanted: usize, begun: Instant) -> anyhow::Result<Duration> {
    let mut registry = client(server)?;
    let asked = Instant::now();
    loop {
        let live =
            registry::ListPracticesRequest { filter: "practice.live".to_owned(), page_size: 1, ..Default::default() };
        let count = registry.list_practices(live).await?.into_inner().total_count;
        let elapsed = begun.elapsed();
        if usize::try_from(count)? >= wanted {
            return Ok(elapsed);
        }
        ensure!(asked.elapsed() < STILL_MAX, "{count} of {wanted} are live");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Everybody in one wave, today, with no cap and no notice.
fn document() -> String {
    format!(
        r#"
name: everybody
cohort: practice.list_size > 0
windows: [{{days: [monday, tuesday, wednesday, thursday, friday], from: "07:00", to: "19:00"}}]
notice_working_days: 0
gate: {{min_success: 0.9, min_sample: 20, soak: 48h, timeout: 240h}}
suppliers: {{EMIS: {{mode: push}}, TPP: {{mode: push}}, Medicus: {{mode: push}}}}
waves: [{{wave: 1, from: {FIRST_DAY}}}]
"#
    )
}

//! What years of rollups cost ingest: events a second of the server's CPU time on a store that is empty but for a day, in turns
//! with one that has years behind it.

use std::time::Duration;

use anyhow::Context;

use super::stream::{Batches, Call};
use super::years::Years;
use crate::process::Server;
use crate::registry::england::England;
use crate::registry::installation::runtime;
use crate::report::{Bound, Report, Row};
use crate::rounds::{Unit, compare};

const PATH: &str = "/citizens_access.statistics.v1.IngestService/RecordEvents";
/// How long each side is loaded in its turn: some checkpoints long, since what grows is what they write to.
const ROUND: Duration = Duration::from_secs(12);
const PAIRS: usize = 3;

/// Loads both in turns. Of PostgreSQL's own CPU time nothing is counted: it may be on another machine.
pub(crate) fn measure(
    report: &mut Report,
    store: &str,
    england: &England,
    empty: &Years,
    grown: &Years,
) -> anyhow::Result<()> {
    let batches = Batches::new(england.codes());
    let (of_empty, of_grown) = (empty.serve()?, grown.serve()?);
    let pairs = runtime()?.block_on(async {
        let mut to_empty = Call::open(&of_empty, PATH, "bench").await?;
        let mut to_grown = Call::open(&of_grown, PATH, "bench").await?;
        let mut pairs = Vec::with_capacity(PAIRS);
        for _ in 0..PAIRS {
            let empty = events_per_cpu_second(&of_empty, &mut to_empty, &batches).await?;
            pairs.push((empty, events_per_cpu_second(&of_grown, &mut to_grown, &batches).await?));
        }
        anyhow::Ok(pairs)
    })?;
    let peer = format!("after {} years of rollups", grown.years);
    let compared = compare(Unit::CallsPerCpuSecond, &pairs, 0);
    let what = format!("RecordEvents on an empty store, {store}");
    report.add(Row::compared(&what, &peer, compared, ("≤ 1.2", Bound::AtMost(1.2))));
    of_empty.stop()?;
    of_grown.stop()
}

async fn events_per_cpu_second(server: &Server, call: &mut Call, batches: &Batches) -> anyhow::Result<f64> {
    let before = server.cpu_time()?;
    let (events, _) = call.saturate(batches, ROUND).await?;
    let cpu = server.cpu_time()?.checked_sub(before).context("CPU time does not run backwards")?;
    Ok(events as f64 / cpu.as_secs_f64())
}

//! Ingest: events a second of the server's CPU time, against bare tonic with the same stream; acknowledgements; people.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;

use super::peers::Peer;
use super::sink;
use super::stream::{BATCH_EVENTS, Batches, Call, events_field};
use crate::cores::Cores;
use crate::figures::{Spread, p99};
use crate::process::Server;
use crate::registry::england::England;
use crate::registry::installation::{client, import_england, runtime};
use crate::report::{Bound, Report, Row, duration, mebibytes, thousands};
use crate::rounds::{Unit, compare};

const PATH: &str = "/citizens_access.statistics.v1.IngestService/RecordEvents";

/// How long each side is loaded in its turn: some checkpoints long, since they are part of the work.
const ROUND: Duration = Duration::from_secs(12);
const PAIRS: usize = 3;
const PEER_ROUND: Duration = Duration::from_secs(4);
const LATENCY_ROUND: Duration = Duration::from_secs(15);
/// Where statistics are stored.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Store<'a> {
    Sqlite,
    /// A maintenance database's URL, for a superuser: each server gets a database of its own.
    Postgres(&'a str),
}

/// The server under test: all services, with the nation's practices followed, on one core.
pub(crate) struct Aggregator {
    pub(crate) server: Server,
    _data: TempDir,
}

impl Aggregator {
    pub(crate) fn start(program: &Path, cores: Cores, store: Store<'_>, england: &England) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let mut command = Command::new(program);
        command.args(["serve", "all", "--insecure", "--listen", "127.0.0.1:0", "--data"]).arg(data.path());
        if let Store::Postgres(url) = store {
            command.arg("--store").arg(own_database(url, "ingest")?);
        }
        let server = cores.on_server(|| Server::start(&mut command))?;
        runtime()?.block_on(async { import_england(&mut client(&server)?, england).await })?;
        Ok(Self { server, _data: data })
    }
}

/// A database of its own in the server that `url` names, for what `purpose` says.
pub(super) fn own_database(url: &str, purpose: &str) -> anyhow::Result<String> {
    let name = format!("bench_statistics_{purpose}_{}", std::process::id());
    let run = |statement: String| -> anyhow::Result<()> {
        let status = Command::new("psql").args(["--quiet", "--command", &statement, url]).status()?;
        anyhow::ensure!(status.success(), "psql did not {statement}");
        Ok(())
    };
    run(format!("drop database if exists {name} with (force)"))?;
    run(format!("create database {name}"))?;
    let (server, _) = url.rsplit_once('/').context("a URL names a database")?;
    Ok(format!("{server}/{name}"))
}

/// One turn: events for each second of the server's CPU time, and a second.
async fn saturated(server: &Server, call: &mut Call, batches: &Batches, lasts: Duration) -> anyhow::Result<(f64, f64)> {
    let before = server.cpu_time()?;
    let (events, took) = call.saturate(batches, lasts).await?;
    let cpu = server.cpu_time()?.checked_sub(before).context("CPU time does not run backwards")?;
    let (per_cpu, rate) = (events as f64 / cpu.as_secs_f64(), events as f64 / took.as_secs_f64());
    eprintln!("  {}: {per_cpu:.0} events for each second of CPU, {rate:.0}/s", server.address);
    Ok((per_cpu, rate))
}

/// On SQLite against the sink; where they are at hand, against the peers; acknowledgements at half of what one core takes.
pub(crate) fn measure(
    report: &mut Report,
    program: &Path,
    cores: Cores,
    england: &England,
    peers: &[Peer],
) -> anyhow::Result<()> {
    let batches = Batches::new(england.codes());
    let mut bare = Command::new(std::env::current_exe()?);
    let bare = cores.on_server(|| Server::start(bare.arg("sink")))?;
    let ours = Aggregator::start(program, cores, Store::Sqlite, england)?;
    let runtime = runtime()?;
    let (mut pairs, mut rates) = (Vec::new(), Vec::new());
    runtime.block_on(async {
        let mut to_ours = Call::open(&ours.server, PATH, "bench").await?;
        let mut to_bare = Call::open(&bare, sink::PATH, "bench").await?;
        for _ in 0..PAIRS {
            let (per_cpu, rate) = saturated(&ours.server, &mut to_ours, &batches, ROUND).await?;
            let (of_bare, _) = saturated(&bare, &mut to_bare, &batches, ROUND).await?;
            pairs.push((per_cpu, of_bare));
            rates.push(rate);
        }
        anyhow::Ok(())
    })?;
    let what = format!("RecordEvents on SQLite, durable, once each, events of {} bytes", batches.event_bytes);
    let compared = compare(Unit::CallsPerCpuSecond, &pairs, 0);
    report.add(Row::compared(&what, "bare tonic sink", compared, ("≥ 0.4", Bound::AtLeast(0.4))));
    let rate = Spread::of(rates).context("there were rounds")?.median;
    report.add(Row::alone("… on one core, with the checkpoints", format!("{}/s", thousands(rate)), "", None));

    let half = rate / 2.0 / BATCH_EVENTS as f64;
    let latency = runtime.block_on(async {
        let mut call = Call::open(&ours.server, PATH, "paced").await?;
        let mut latencies = call.pace(&batches, half, LATENCY_ROUND).await?;
        p99(&mut latencies).context("batches were acknowledged")
    })?;
    let met = Some(latency < Duration::from_millis(50));
    report.add(Row::alone("… acknowledgement at half load, p99", duration(latency), "< 50 ms", met));

    for peer in peers {
        let least = if peer.name.starts_with("Redis") { ("≥ 8", 8.0) } else { ("≥ 2", 2.0) };
        let against = runtime.block_on(async {
            let mut against = Vec::new();
            for (ours, _) in &pairs {
                let (per_cpu, rate) = peer.saturate(PEER_ROUND).await?;
                eprintln!("  {}: {per_cpu:.0} events for each second of CPU, {rate:.0}/s", peer.name);
                against.push((*ours, per_cpu));
            }
            anyhow::Ok(against)
        })?;
        let compared = compare(Unit::CallsPerCpuSecond, &against, 0);
        report.add(Row::compared("RecordEvents on SQLite", peer.name, compared, (least.0, Bound::AtLeast(least.1))));
    }
    Ok(())
}

/// The same on PostgreSQL, whose own CPU time is not counted: it may be on another machine.
pub(crate) fn measure_postgres(
    report: &mut Report,
    program: &Path,
    cores: Cores,
    england: &England,
    url: &str,
) -> anyhow::Result<()> {
    let batches = Batches::new(england.codes());
    let ours = Aggregator::start(program, cores, Store::Postgres(url), england)?;
    let (per_cpu, rate) = runtime()?.block_on(async {
        let mut call = Call::open(&ours.server, PATH, "bench").await?;
        saturated(&ours.server, &mut call, &batches, ROUND).await
    })?;
    let figure = format!("{} for each second of the server's CPU, {}/s", thousands(per_cpu), thousands(rate));
    report.add(Row::alone("RecordEvents on PostgreSQL", figure, "", None));
    Ok(())
}

/// What the process holds when so many people have been seen on one day, each once.
pub(crate) fn measure_people(
    report: &mut Report,
    program: &Path,
    cores: Cores,
    england: &England,
    people: u64,
) -> anyhow::Result<()> {
    let ours = Aggregator::start(program, cores, Store::Sqlite, england)?;
    let before = ours.server.memory()?;
    let most = runtime()?.block_on(async {
        let mut call = Call::open(&ours.server, PATH, "bench").await?;
        let (mut waiting, mut most) = (0, before);
        for batch in 0..people / BATCH_EVENTS {
            call.send_events(&events_field(england.codes(), batch * BATCH_EVENTS, people)).await?;
            waiting += 1;
            if waiting > 32 {
                call.acknowledged().await?;
                waiting -= 1;
            }
            if batch % 1_000 == 0 {
                most = most.max(ours.server.memory()?);
            }
        }
        for _ in 0..waiting {
            call.acknowledged().await?;
        }
        anyhow::Ok(most.max(ours.server.memory()?))
    })?;
    let figure = format!("{} (before: {})", mebibytes(most), mebibytes(before));
    let what = format!("memory at most, {} distinct people in one day", thousands(people as f64));
    report.add(Row::alone(&what, figure, "", None));
    Ok(())
}

//! Rounds in turns, A B A B, so that whatever slows the machine meanwhile slows both.

use std::time::Duration;

use anyhow::Context;

use crate::figures::{Spread, p99};
use crate::load::Target;
use crate::process::Server;

/// How long each side is loaded in its turn.
const ROUND: Duration = Duration::from_millis(1_000);
/// Pairs of rounds that count…
const PAIRS: usize = 7;
/// …and those that may be tried for them, where others use the machine.
const PAIRS_MAX: usize = 21;
/// Below it the server was not the limit: the load was, or somebody else on the server's core.
const CPU_SHARE_MIN: f64 = 0.9;
/// Of the rate that was wanted; below it the load did not keep up.
const PACE_MIN: f64 = 0.98;

/// A server under load.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a> {
    pub(crate) server: &'a Server,
    pub(crate) target: &'a Target,
}

/// What figures are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    PerSecond,
    CallsPerCpuSecond,
    /// Seconds.
    Latency,
}

/// What pairs of rounds say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compared {
    /// What the figures of both sides are.
    pub(crate) unit: Unit,
    /// The first side's…
    pub(crate) ours: Spread,
    /// …and the second's.
    pub(crate) theirs: Spread,
    /// Ours by theirs, pair by pair.
    pub(crate) ratio: Spread,
    pub(crate) pairs: usize,
    pub(crate) dropped: usize,
}

/// Calls a second with the server as the limit. Where the load was in every pair of rounds, calls for each second of CPU
/// time that the server took, in all of them: that tells the sides apart as well, but not what a core can do.
pub(crate) fn throughput(ours: Side<'_>, theirs: Side<'_>) -> anyhow::Result<Option<Compared>> {
    let mut tried = Vec::new();
    let compared = pairs(Unit::PerSecond, || {
        let (ours, theirs) = (saturated(ours)?, saturated(theirs)?);
        tried.push((ours.per_cpu_second(), theirs.per_cpu_second()));
        let is_limit = ours.cpu_share >= CPU_SHARE_MIN && theirs.cpu_share >= CPU_SHARE_MIN;
        Ok(is_limit.then_some((ours.rate, theirs.rate)))
    })?;
    Ok(compared.or_else(|| compare(Unit::CallsPerCpuSecond, &tried, 0)))
}

/// 99th percentile of the latency in seconds, both at `rate`. None where the load did not keep up.
pub(crate) fn latency(ours: Side<'_>, theirs: Side<'_>, rate: f64) -> anyhow::Result<Option<Compared>> {
    pairs(Unit::Latency, || Ok(paced(ours, rate)?.zip(paced(theirs, rate)?)))
}

fn pairs(
    unit: Unit,
    mut measure: impl FnMut() -> anyhow::Result<Option<(f64, f64)>>,
) -> anyhow::Result<Option<Compared>> {
    let mut counted = Vec::new();
    let mut dropped = 0;
    while counted.len() < PAIRS && counted.len() + dropped < PAIRS_MAX {
        match measure()? {
            Some(pair) => counted.push(pair),
            None => dropped += 1,
        }
    }
    Ok(compare(unit, &counted, dropped))
}

/// Pairs of figures, ours first; None of none.
pub(crate) fn compare(unit: Unit, pairs: &[(f64, f64)], dropped: usize) -> Option<Compared> {
    let ours = Spread::of(pairs.iter().map(|(ours, _)| *ours))?;
    let theirs = Spread::of(pairs.iter().map(|(_, theirs)| *theirs))?;
    let ratio = Spread::of(pairs.iter().map(|(ours, theirs)| ours / theirs))?;
    Some(Compared { unit, ours, theirs, ratio, pairs: pairs.len(), dropped })
}

/// A round of a closed loop.
#[derive(Clone, Copy, Debug)]
struct Round {
    /// Calls a second.
    rate: f64,
    /// Of one core, for the server.
    cpu_share: f64,
}

impl Round {
    fn per_cpu_second(self) -> f64 {
        self.rate / self.cpu_share
    }
}

fn saturated(side: Side<'_>) -> anyhow::Result<Round> {
    let round = side.target.saturate(ROUND, || side.server.cpu_time())?;
    let cpu = round.after?.checked_sub(round.before?).context("CPU time does not run backwards")?;
    let cpu_share = cpu.as_secs_f64() / round.wall.as_secs_f64();
    let rate = round.calls as f64 / round.wall.as_secs_f64();
    eprintln!("  {}: {rate:.0}/s, CPU share {cpu_share:.2}", side.target.address);
    Ok(Round { rate, cpu_share })
}

/// One round's p99 in seconds; None where the load did not keep up.
fn paced(side: Side<'_>, rate: f64) -> anyhow::Result<Option<f64>> {
    let mut latencies = side.target.pace(rate, ROUND)?;
    let kept_up = latencies.len() as f64 >= PACE_MIN * rate * ROUND.as_secs_f64();
    let p99 = p99(&mut latencies).map(|latency| latency.as_secs_f64());
    eprintln!("  {}: p99 {:.0} µs of {}", side.target.address, p99.unwrap_or_default() * 1e6, latencies.len());
    Ok(p99.filter(|_| kept_up))
}

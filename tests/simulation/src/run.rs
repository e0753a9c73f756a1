//! One run: the machines, ticks until the story has ended, and what is found in what was left behind.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use evidence::{Evidence, Recorded};
use futures_util::FutureExt;
use journal::{MemoryJournal, Record};
use serde::Serialize;
use sha2::{Digest, Sha256};
use turmoil::Sim;

use crate::counts::Counts;
use crate::done;
use crate::door::{DOUBLED, FORGOTTEN, LATE, LOST, SILENT};
use crate::faults::Faults;
use crate::figures::Figures;
use crate::hosts::{Installation, MACHINES, PEOPLE, POST, PRODUCERS, REGISTRY, SCHEDULERS, STATISTICS, SUPPLIERS};
use crate::people::People;
use crate::plan::{self, APART, Kind, Plan};
use crate::post::{NOTICE_LATE, NOTICE_LOST, NOTICE_SLOW, RETURNED, UNANSWERED, VANISHED};
use crate::producers::{AGAIN, Producers, WRONG};
use crate::returns::{Ledger, RETURNED_AGAIN, Returners};
use crate::time::Time;

/// A run that takes longer does not end.
const TICKS_MAX: u64 = 20_000;

/// How often it is looked whether a run that wants everything to end has come to it.
const LOOKS_EVERY_TICKS: u64 = 50;

/// What a message takes.
const LATENCY: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(3));

/// What a run came to.
pub(crate) struct Outcome {
    /// What it was about, and what was left behind, in words and hashes: the same for the same seed.
    pub(crate) report: String,
    /// Everything that should not be.
    pub(crate) found: Vec<String>,
    /// What was felt of what went wrong, by name.
    pub(crate) felt: BTreeMap<String, u64>,
    /// Both journals and the suppliers' log, by the name of a file, in lines of JSON.
    pub(crate) left_behind: [(&'static str, String); 3],
}

/// Runs a story to its end. To be called on a thread that was seeded, in a process that has run no other: tokio counts its
/// runtimes, and draws by that.
pub(crate) fn run(plan: Plan) -> anyhow::Result<Outcome> {
    let plan = Arc::new(plan);
    let ahead = MACHINES.map(|machine| plan.ahead(machine));
    let mut time = Time::new(plan.start, plan::busy(), &ahead);
    let clocks = (0..MACHINES.len()).map(|machine| time.clock(machine)).collect();
    let installation = Installation::new(Arc::clone(&plan), clocks);
    let mut faults = Faults::new(&plan.faults);
    let mut sim = network(&plan, &installation);
    let mut ticks = 0;
    let mut error = None;
    loop {
        match sim.step() {
            Ok(false) => {}
            // The story has ended; what follows from it may take a while, since who was asked in vain is asked ever less often.
            Ok(true)
                if ticks % LOOKS_EVERY_TICKS == 0
                    && faults.unfelt(&installation).is_empty()
                    && open_ends(&evidence(&installation)?).is_empty() =>
            {
                break;
            }
            Ok(true) => {}
            Err(failed) => {
                error = Some(format!("a machine failed: {failed}"));
                break;
            }
        }
        ticks += 1;
        time.tick();
        faults.tick(&mut sim, &mut time, &installation, ticks);
        // What began late may have to be felt still.
        if plan.kind == Kind::Safety && time.now() >= plan.last_act && faults.unfelt(&installation).is_empty() {
            break;
        }
        if ticks >= TICKS_MAX {
            error = Some(format!("after {TICKS_MAX} ticks, at {}, there are open ends", time.now()));
            break;
        }
    }
    let registry = records(installation.registry_journal())?;
    let scheduler = records(installation.scheduler_journal())?;
    let log = installation.log();
    let evidence = evidence(&installation)?;
    let counts = Counts::of(&installation)?;
    let ledger = Ledger::of(&installation)?;
    let figures = Figures::of(&installation, time.now())?;

    let mut found: Vec<String> = error.into_iter().collect();
    found.extend(evidence.breaches());
    found.extend(evidence.carriage_breaches(&installation.post().carried()));
    found.extend(counts.breaches());
    found.extend(ledger.breaches()?);
    found.extend(figures.breaches(&installation));
    if plan.kind != Kind::Safety {
        found.extend(open_ends(&evidence));
        found.extend(counts.unacknowledged());
        found.extend(ledger.unacknowledged());
    }
    found.extend(faults.unfelt(&installation).into_iter().map(|fault| format!("it was not felt that {fault}")));

    let cases = evidence.cases();
    let mut felt: BTreeMap<String, u64> = BTreeMap::new();
    for name in faults.felt(&installation) {
        *felt.entry(name).or_default() += 1;
    }
    let at_the_door = [DOUBLED, LATE, LOST, SILENT, FORGOTTEN, AGAIN, WRONG, RETURNED_AGAIN];
    let at_the_post = [NOTICE_LATE, NOTICE_LOST, NOTICE_SLOW, UNANSWERED, RETURNED, VANISHED];
    let noted = at_the_door.into_iter().chain(at_the_post).map(|what| (what, installation.rung().count(what)));
    let counted = [
        ("a supplier switched another practice", cases.mistakes),
        ("a pause came too late", cases.reversals),
        ("a result was reported twice", cases.reported_twice),
        ("a listed key was withdrawn or missed", cases.listed_in_vain),
        ("an invitation lapsed", cases.lapses),
        ("a scheduler took over", cases.take_overs),
        ("a seal came within ten minutes of a window's edge", cases.seals_at_edges),
    ];
    let counted = counted.into_iter().map(|(name, count)| (name, count as u64));
    let counted = counted.chain([("a batch of events was old enough to go", figures.batches_deleted())]);
    let done = done::counts(&plan, &registry, &scheduler, &log);
    let counted = noted.chain(counted).chain(done);
    felt.extend(counted.filter(|(_, count)| *count > 0).map(|(name, count)| (name.to_owned(), count)));
    let mut report = format!(
        "{ticks} ticks, {} practices, {} acts; {} notices, {} seals, {} of them on lists, {} switch-ons, {} invitations, {} of \
         them accepted, {} pauses with an open permit, {} holds\n",
        plan.surgeries.len(),
        plan.acts.len(),
        installation.post().taken_count(),
        cases.seals,
        cases.listed,
        cases.enables,
        cases.invitations,
        cases.self_enabled,
        cases.pauses_with_open_permit,
        cases.holds,
    );
    for (name, count) in &felt {
        writeln!(report, "felt {count}: {name}").context("a text")?;
    }
    for name in faults.unmet(&installation) {
        writeln!(report, "met nobody: {name}").context("a text")?;
    }
    for (name, records) in [("registry", &registry), ("scheduler", &scheduler)] {
        let hash = records.last().map(|record| hex::encode(record.hash.0)).unwrap_or_default();
        writeln!(report, "journals/{name}: {} records, {hash}", records.len()).context("a text")?;
    }
    writeln!(report, "statistics: {}", counts.report()).context("a text")?;
    writeln!(report, "journals/statistics: {}", ledger.report()).context("a text")?;
    writeln!(report, "statistics as told: {}", figures.report()).context("a text")?;
    let hash = hex::encode(Sha256::digest(serde_json::to_vec(&log)?));
    writeln!(report, "suppliers' logs: {} lines, {hash}", log.len()).context("a text")?;
    let left_behind = [
        ("registry.jsonl", lines(registry.iter().map(readable))?),
        ("scheduler.jsonl", lines(scheduler.iter().map(readable))?),
        ("suppliers.jsonl", lines(log.iter())?),
    ];
    Ok(Outcome { report, found, felt, left_behind })
}

fn lines<T: Serialize>(of: impl Iterator<Item = T>) -> anyhow::Result<String> {
    let lines: Vec<String> = of.map(|one| serde_json::to_string(&one)).collect::<Result<_, _>>()?;
    Ok(lines.iter().map(|line| format!("{line}\n")).collect())
}

/// A record for somebody who looks into a run; nothing reads it again.
fn readable(record: &Record) -> serde_json::Value {
    let payload = serde_json::from_str(&record.payload).unwrap_or(serde_json::Value::Null);
    serde_json::json!({
        "position": record.position, "recorded_at": record.recorded_at, "actor": record.actor, "request": record.request_id,
        "kind": record.kind, "payload": payload,
    })
}

/// What was left behind so far.
fn evidence(installation: &Installation) -> anyhow::Result<Evidence> {
    let registry = records(installation.registry_journal())?;
    let scheduler = records(installation.scheduler_journal())?;
    let evidence = Evidence::new(&recorded(&registry), &recorded(&scheduler), &installation.log())?;
    Ok(if installation.plan().kind == Kind::Apart { evidence.of_clocks_apart(APART) } else { evidence })
}

/// What must not be left once what went wrong was put right.
fn open_ends(evidence: &Evidence) -> Vec<String> {
    [evidence.owed(), evidence.unended_waves(), evidence.unseen()].concat()
}

fn network(plan: &Arc<Plan>, installation: &Installation) -> Sim<'static> {
    let mut builder = turmoil::Builder::new();
    builder
        .tick_duration(Duration::from_millis(1))
        .simulation_duration(Duration::from_millis(TICKS_MAX * 2))
        .min_message_latency(LATENCY.0)
        .max_message_latency(LATENCY.1)
        .tcp_capacity(4_096)
        .enable_random_order()
        .rng_seed(plan.seed);
    let mut sim = builder.build();
    let of = installation.clone();
    sim.host(REGISTRY, move || of.clone().registry());
    for (which, scheduler) in SCHEDULERS.into_iter().enumerate() {
        let of = installation.clone();
        sim.host(scheduler, move || of.clone().scheduler(which));
    }
    for (which, statistics) in STATISTICS.into_iter().enumerate() {
        let of = installation.clone();
        sim.host(statistics, move || of.clone().statistics(which));
    }
    let of = installation.clone();
    sim.host(SUPPLIERS, move || of.clone().suppliers());
    let of = installation.clone();
    sim.host(POST, move || of.clone().carry());
    let (telling, of) = (Arc::clone(plan), installation.clone());
    sim.client(PRODUCERS, async move {
        let (producers, returners) = (Producers::new(&of, &telling)?, Returners::new(&of, &telling)?);
        tokio::try_join!(producers.live(&telling), returners.live(&telling))?;
        Ok(())
    });
    let (plan, of) = (Arc::clone(plan), installation.clone());
    sim.client(PEOPLE, async move {
        let people = People::new(&of)?;
        Ok(people.live(&plan).await?)
    });
    sim
}

fn records(journal: &MemoryJournal) -> anyhow::Result<Vec<Record>> {
    journal.all_records().now_or_never().context("a journal is in use although nothing runs")
}

fn recorded(records: &[Record]) -> Vec<Recorded> {
    let recorded = |record: &Record| Recorded {
        position: record.position,
        recorded_at: record.recorded_at,
        request_id: record.request_id.clone(),
        kind: record.kind.clone(),
        payload: record.payload.clone(),
    };
    records.iter().map(recorded).collect()
}

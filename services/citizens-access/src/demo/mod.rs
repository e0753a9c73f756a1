//! `demo`: the whole suite in one process on a virtual clock, fed with a programme and a world from files.
//!
//! Nothing here is special-cased: the publishers' importers read the files, every act of the world is a call under an
//! account, the scheduler's own loop triggers the waves, and the answers are the services' replies. `examples/` holds the
//! golden replay; both of its files are compiled in, so that the first command needs no path.

mod actors;
mod answers;
mod back_test;
mod england;
mod moment;
mod office;
mod peers;
mod producers;
mod progress;
mod published;
mod scale;
mod story;
mod usage;
mod world;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Args;
use jiff::civil::Date;
use sample::{PRACTICES_COUNT_DEFAULT, SupplierMix};
use tempfile::TempDir;

use crate::configuration::{StoreArguments, runtime};
use crate::kill::KillAt;
use answers::Report;
use back_test::BackTests;
use england::{England, RealFiles, Synthetic};
use progress::Progress;
use scale::Scale;
use story::Story;
use world::World;

/// The golden replay's files.
const PROGRAMME: &str = include_str!("../../../../examples/golden-replay/programme.yaml");
const WORLD: &str = include_str!("../../../../examples/golden-replay/world.yaml");

#[derive(Args, Clone, Debug)]
pub(crate) struct DemoArguments {
    /// Play up to the end of this day; where it is left out, up to the one that the world names, or its last event's
    #[arg(long, value_name = "DATE")]
    until: Option<Date>,
    /// Virtual seconds per real second, or max for no waiting at all
    #[arg(long, default_value = "max", value_parser = speed)]
    speed: Speed,
    /// What chance is drawn by
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many practices the synthetic England has
    #[arg(long, default_value_t = PRACTICES_COUNT_DEFAULT)]
    practices_count: u32,
    /// Its suppliers and their shares: EMIS=3581,TPP=2540,Medicus=8
    #[arg(long, value_name = "MIX")]
    supplier_mix: Option<SupplierMix>,
    /// The programme's documents; the golden replay's where it is left out
    #[arg(long, value_name = "FILE")]
    programme: Option<PathBuf>,
    /// What happened outside; the golden replay's where it is left out
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// The real map of practices instead of a synthetic England
    #[arg(long, value_name = "FILE", requires_all = ["list_sizes", "bank_holidays"], conflicts_with_all = ["practices_count", "supplier_mix"])]
    practices: Option<PathBuf>,
    /// The real list sizes
    #[arg(long, value_name = "FILE", requires = "practices")]
    list_sizes: Option<PathBuf>,
    /// The real bank holidays
    #[arg(long, value_name = "FILE", requires = "practices")]
    bank_holidays: Option<PathBuf>,
    /// Ask for a forecast in the evening of this day, and say at the end what then happened; as often as you like
    #[arg(long, value_name = "DATE")]
    back_test: Vec<Date>,
    /// How many futures each of these forecasts plays; 0 for the scheduler's default
    #[arg(long, value_name = "COUNT", default_value_t = 0, requires = "back_test")]
    back_test_runs: i32,
    #[command(flatten)]
    store: StoreArguments,
    /// End when the story ends; otherwise the services stay open on 127.0.0.1:50051 to be looked at
    #[arg(long)]
    headless: bool,
    /// Print the answers as one JSON object
    #[arg(long)]
    json: bool,
    /// Threads that the services run on
    #[arg(long, default_value = "2", value_name = "COUNT")]
    worker_threads: NonZeroUsize,
    /// Real milliseconds added to each call of a supplier: no figure may depend on it
    #[arg(long, hide = true, default_value_t = 0)]
    supplier_delay_ms: u64,
    /// Ends the process at a commit; for tests of crash recovery
    #[arg(long, hide = true)]
    kill_at: Option<KillAt>,
}

/// How fast virtual time goes.
#[derive(Clone, Copy, Debug)]
struct Speed(Option<f64>);

fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed(None));
    }
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && speed > 0.0 => Ok(Speed(Some(speed))),
        _ => Err("it must be max, or a number above 0".to_owned()),
    }
}

/// Plays the story and prints the answers.
pub(crate) fn run(arguments: DemoArguments) -> anyhow::Result<()> {
    let mut telemetry = telemetry::Config::from_env("citizens-access-demo")?;
    if std::env::var_os("RUST_LOG").is_none() {
        "warn".clone_into(&mut telemetry.log_filter);
    }
    let telemetry = telemetry::init(&telemetry)?;
    let runtime = runtime(arguments.worker_threads.get())?;
    let (json, headless) = (arguments.json, arguments.headless);
    // Held until the end: a data folder of our own goes with it.
    let (story, _folder) = story(arguments)?;
    let ended = runtime.block_on(story.tell(|report| print(report, json), !headless));
    drop(runtime);
    drop(telemetry);
    ended
}

fn story(arguments: DemoArguments) -> anyhow::Result<(Story, Option<TempDir>)> {
    let world = match &arguments.world {
        Some(path) => World::read(path)?,
        None => World::parse(WORLD, "the golden replay's world")?,
    };
    let programme = match &arguments.programme {
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?,
        None => PROGRAMME.to_owned(),
    };
    let (programme, documents) = documents(&programme)?;
    let scale = Scale { practices: arguments.practices_count, of: PRACTICES_COUNT_DEFAULT };
    let documents = documents.into_iter().map(|document| scale.document(document)).collect::<Result<_, _>>()?;
    let england = england(&arguments, &world)?;
    let (folder, store, temporary) = match &arguments.store.data {
        Some(folder) => (folder.clone(), arguments.store.store_in(folder)?, None),
        None => {
            let temporary = tempfile::Builder::new().prefix("citizens-access-demo-").tempdir()?;
            (temporary.path().to_owned(), arguments.store.store_in_temporary(temporary.path())?, Some(temporary))
        }
    };
    crate::compose::make_folder(&folder)?;
    let last_event = world.events.iter().map(|event| event.at.date()).max();
    let until = arguments
        .until
        .or(world.plays_until)
        .or(last_event)
        .context("the world has no event and --until is left out")?;
    ensure!(until >= world.starts_at.date(), "--until {until} lies before the world's start, {}", world.starts_at);
    let back_tests = BackTests::new(arguments.back_test, arguments.back_test_runs);
    for day in &back_tests.days {
        ensure!(*day <= until, "--back-test {day} lies after --until {until}");
        ensure!(*day >= world.starts_at.date(), "--back-test {day} lies before the world's start, {}", world.starts_at);
    }
    let story = Story {
        back_tests,
        store,
        folder,
        progress: Progress::new(arguments.json, until),
        world: world.into(),
        documents,
        programme,
        england,
        until,
        seed: arguments.seed,
        speed: arguments.speed.0,
        supplier_delay: Duration::from_millis(arguments.supplier_delay_ms),
        kill_at: arguments.kill_at,
    };
    Ok((story, temporary))
}

fn england(arguments: &DemoArguments, world: &World) -> anyhow::Result<England> {
    match (&arguments.practices, &arguments.list_sizes, &arguments.bank_holidays) {
        (Some(practices), Some(list_sizes), Some(bank_holidays)) => {
            let (practices, list_sizes) = (practices.clone(), list_sizes.clone());
            England::real(&RealFiles { practices, list_sizes, bank_holidays: bank_holidays.clone() })
        }
        (None, None, None) => {
            let synthetic = Synthetic {
                seed: arguments.seed,
                practices_count: arguments.practices_count,
                supplier_mix: arguments.supplier_mix.clone().unwrap_or_default(),
            };
            England::synthetic(&synthetic, world)
        }
        _ => bail!("--practices, --list-sizes and --bank-holidays go together"),
    }
}

/// The documents of a programme's file, and the name that all of them have. A line of `---` stands between two.
fn documents(file: &str) -> anyhow::Result<(String, Vec<String>)> {
    #[derive(serde::Deserialize)]
    struct Named {
        name: String,
    }
    let mut documents = vec![String::new()];
    for line in file.lines() {
        if line.trim_end() == "---" {
            documents.push(String::new());
        } else if let Some(document) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    documents.retain(|document| !document.trim().is_empty());
    let mut names = Vec::new();
    for (at, document) in documents.iter().enumerate() {
        let named: Named = serde_saphyr::from_str(document)
            .map_err(|error| anyhow::anyhow!("document {} of the programme: {error}", at + 1))?;
        names.push(named.name);
    }
    let name = names.first().cloned().context("the programme's file is empty")?;
    ensure!(names.iter().all(|other| *other == name), "a programme's documents have one name; here are {names:?}");
    Ok((name, documents))
}

fn print(report: &Report, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(report)?);
        return Ok(());
    }
    for answer in &report.answers {
        println!("\n{}\n  {}", answer.question, answer.answer);
    }
    if !report.published.is_empty() {
        println!("\nWhat was published, and what this run has");
    }
    for beside in &report.published {
        println!("  {beside}");
    }
    if let Some(back_test) = &report.back_test {
        println!("\n{}", back_test.lines().join("\n"));
    }
    println!("\nAssumptions");
    println!("  England: {}", report.assumptions.england);
    let (min, max) = (report.assumptions.uptake_min, report.assumptions.uptake_max);
    println!("  online accounts: {min} to {max} of each list; {}", report.assumptions.uptake_source);
    println!(
        "  views a day: {} of those with access; {}",
        report.assumptions.daily_viewing_share, report.assumptions.daily_viewing_source
    );
    for (figure, denominator) in &report.denominators {
        println!("  {figure} is of {denominator}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_golden_replay_is_compiled_in_and_reads() {
        let world = World::parse(WORLD, "world").unwrap();
        assert!(world.events.len() > 10);
        let (name, documents) = documents(PROGRAMME).unwrap();
        assert!(!name.is_empty());
        assert!(documents.len() > 2);
    }

    #[test]
    fn documents_of_different_programmes_do_not_mix() {
        assert!(documents("name: a\n---\nname: b\n").is_err());
        assert!(documents("\n---\n").is_err());
    }
}

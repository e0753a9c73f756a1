//! The practice registry: its rows of the table of targets.

mod change;
pub(crate) mod england;
pub(crate) mod installation;
mod lists;
mod lookups;
mod overload;
mod secured;
mod spans;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cores::Cores;
use crate::report::{Report, Row, duration, mebibytes};
use england::England;
use installation::{Installation, Shape};

#[derive(Args, Debug)]
pub(crate) struct RegistryArguments {
    /// The server under test
    #[arg(long, value_name = "PROGRAM")]
    server: PathBuf,
    /// etcd, to be held against; without it those rows are left out
    #[arg(long, value_name = "PROGRAM")]
    etcd: Option<PathBuf>,
    /// Where the table is written
    #[arg(long, value_name = "FOLDER", default_value = "target/bench")]
    to: PathBuf,
    /// Only these rows; all where none is named
    #[arg(long, value_name = "ROWS")]
    only: Vec<Rows>,
    /// Practices of the large register
    #[arg(long, value_name = "COUNT", default_value_t = sample::PRACTICES_COUNT_MAX)]
    large: u32,
}

/// Groups of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Rows {
    /// CheckAccess and GetPractice against bare tonic and etcd
    Lookups,
    /// CheckAccess over TLS and by token, against bare tonic with the same TLS and against itself in the clear
    Secured,
    /// CheckAccess with one call in ten traced, against none
    Spans,
    /// What is served in time of four times what can be
    Overload,
    /// Runtimes: one for each core, or one for all
    Shapes,
    /// ListPractices with a filter, and a change on its way to a watcher
    Reads,
    /// Import, start and memory of the national register
    National,
    /// The same of a large one, and what growth costs
    Large,
}

impl RegistryArguments {
    fn wants(&self, rows: Rows) -> bool {
        self.only.is_empty() || self.only.contains(&rows)
    }
}

/// Measures what is asked for, and publishes the table.
pub(crate) fn run(arguments: &RegistryArguments) -> anyhow::Result<()> {
    let cores = Cores::take()?;
    let mut report = Report::default();
    let national = England::national()?;
    let mut installation = Installation::new(&arguments.server, cores)?;
    let import = installation.fill(&national)?;
    if arguments.wants(Rows::National) {
        report.add(Row::alone("import of the national map", duration(import), "< 1 s", within(import, 1_000)));
        measure_national(&mut report, &mut installation, &national)?;
    }
    if arguments.wants(Rows::Lookups) {
        lookups::measure(&mut report, arguments, cores, &installation, &national)?;
    }
    if arguments.wants(Rows::Secured) {
        secured::measure(&mut report, &installation, &national)?;
    }
    if arguments.wants(Rows::Spans) {
        spans::measure(&mut report, &installation, &national)?;
    }
    if arguments.wants(Rows::Overload) {
        overload::measure(&mut report, &installation)?;
    }
    if arguments.wants(Rows::Shapes) {
        lookups::measure_shapes(&mut report, &installation, &national)?;
    }
    if arguments.wants(Rows::Reads) {
        let server = installation.serve(Shape::PerCore(1), &[])?;
        lists::measure(
            &mut report,
            &server,
            "ListPractices with a filter over 6,129",
            Duration::from_millis(5),
            "< 5 ms",
        )?;
        change::measure(&mut report, &server, &national)?;
        server.stop()?;
    }
    if arguments.wants(Rows::Large) {
        measure_large(&mut report, arguments, cores, &installation, &national)?;
    }
    report.publish("registry", &arguments.to)
}

fn measure_national(report: &mut Report, installation: &mut Installation, national: &England) -> anyhow::Result<()> {
    let idle = Installation::new(installation.program(), installation.cores())?;
    let server = idle.serve_all()?;
    let memory = server.memory()?;
    report.add(Row::alone("memory of all in one, idle", mebibytes(memory), "< 80 MiB", Some(memory < 80 << 20)));
    server.stop()?;
    let server = installation.serve_all()?;
    let memory = server.memory()?;
    let what = "memory of all in one, with national state";
    report.add(Row::alone(what, mebibytes(memory), "< 250 MiB", Some(memory < 250 << 20)));
    server.stop()?;
    report_start(report, installation, "start with national state", Duration::from_millis(300), "< 300 ms")?;
    report_memory(report, installation, national)
}

fn measure_large(
    report: &mut Report,
    arguments: &RegistryArguments,
    cores: Cores,
    national: &Installation,
    of_national: &England,
) -> anyhow::Result<()> {
    let england = England::large(arguments.large)?;
    let mut large = Installation::new(&arguments.server, cores)?;
    let import = large.fill(&england)?;
    let count = england.practices_count();
    let what = format!("import of the map of {count} practices");
    report.add(Row::alone(&what, duration(import), "< 60 s", within(import, 60_000)));
    let what = format!("start with {count} practices from a snapshot");
    report_start(report, &large, &what, Duration::from_secs(5), "< 5 s")?;
    report_memory(report, &large, &england)?;
    let server = large.serve(Shape::PerCore(1), &[])?;
    let what = format!("ListPractices with a filter over {count}");
    lists::measure(report, &server, &what, Duration::from_secs(1), "< 1 s")?;
    let small = national.serve(Shape::PerCore(1), &[])?;
    lookups::measure_growth(report, (&server, &england), (&small, of_national))?;
    server.stop()?;
    small.stop()
}

/// Three starts, with both cores: nothing is served meanwhile. The first after an import may find cold files.
fn report_start(
    report: &mut Report,
    installation: &Installation,
    what: &str,
    most: Duration,
    target: &'static str,
) -> anyhow::Result<()> {
    let mut starts = Vec::new();
    for _ in 0..3 {
        let server = installation.start()?;
        starts.push(server.started_in);
        server.stop()?;
    }
    starts.sort_unstable();
    report.add(Row::alone(what, duration(starts[1]), target, Some(starts[1] < most)));
    Ok(())
}

/// What the registry alone holds more than without practices.
fn report_memory(report: &mut Report, installation: &Installation, england: &England) -> anyhow::Result<()> {
    let empty = Installation::new(installation.program(), installation.cores())?;
    let server = empty.serve(Shape::PerCore(1), &[])?;
    let without = server.memory()?;
    server.stop()?;
    let server = installation.serve(Shape::PerCore(1), &[])?;
    let with = server.memory()?;
    server.stop()?;
    let count = england.practices_count();
    let each = with.saturating_sub(without) / u64::from(count);
    let figure = format!("{each} bytes ({} in all, {} without any)", mebibytes(with), mebibytes(without));
    report.add(Row::alone(&format!("memory for each of {count} practices"), figure, "", None));
    Ok(())
}

fn within(time: Duration, milliseconds: u64) -> Option<bool> {
    Some(time < Duration::from_millis(milliseconds))
}

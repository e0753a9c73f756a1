//! The access statistics: their rows of the table of targets.
//!
//! The server is the whole suite, with the nation's practices imported and followed, since an event counts for its practice's
//! areas too. It, the bare sink and the peers have one core, the load the other. What is compared is events for each second of
//! the server's CPU time: that is robust against whatever else the machine does.

mod growth;
mod ingest;
mod peers;
mod rollups;
mod series;
pub(crate) mod sink;
mod stream;
mod years;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cores::Cores;
use crate::registry::england::England;
use crate::report::Report;
use ingest::Store;
use peers::Peer;
use years::Years;

/// As long as the targets want the counts to grow.
const YEARS: u32 = 10;
const PEOPLE: u64 = 60_000_000;

#[derive(Args, Debug)]
pub(crate) struct StatisticsArguments {
    /// The server under test
    #[arg(long, value_name = "PROGRAM")]
    server: PathBuf,
    /// PostgreSQL's maintenance database, for a superuser: postgres://USER@HOST:PORT/postgres; without it only SQLite is
    /// measured
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Redis's server; without it nothing is held against it
    #[arg(long, value_name = "PROGRAM")]
    redis: Option<PathBuf>,
    /// VictoriaMetrics; without it nothing is held against it
    #[arg(long, value_name = "PROGRAM")]
    victoria_metrics: Option<PathBuf>,
    /// Years of counts, for summaries, series and growth
    #[arg(long, value_name = "COUNT", default_value_t = YEARS)]
    years: u32,
    /// People in one day, for the memory that they take; by default nearly everybody in England
    #[arg(long, value_name = "COUNT", default_value_t = PEOPLE)]
    people: u64,
    /// Where the table is written
    #[arg(long, value_name = "FOLDER", default_value = "target/bench")]
    to: PathBuf,
    /// Only these rows; all where none is named
    #[arg(long, value_name = "ROWS")]
    only: Vec<Rows>,
}

/// Groups of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Rows {
    /// Events on SQLite, against bare tonic and the peers, and their acknowledgements
    Ingest,
    /// Events on PostgreSQL
    Postgres,
    /// Memory with as many people in one day as are asked for
    People,
    /// Summaries and series, with years of counts behind them
    Series,
    /// Events, with years of counts behind them and with none, on SQLite and PostgreSQL
    Growth,
}

impl StatisticsArguments {
    fn wants(&self, rows: Rows) -> bool {
        self.only.is_empty() || self.only.contains(&rows)
    }
}

/// Measures what is asked for, and publishes the table.
pub(crate) fn run(arguments: &StatisticsArguments) -> anyhow::Result<()> {
    let cores = Cores::take()?;
    let england = England::national()?;
    let mut report = Report::default();
    if arguments.wants(Rows::Ingest) {
        let redis = arguments.redis.iter().map(|program| Peer::redis(program, cores, england.codes()));
        let victoria =
            arguments.victoria_metrics.iter().map(|program| Peer::victoria_metrics(program, cores, england.codes()));
        let peers: Vec<Peer> = redis.chain(victoria).collect::<Result<_, _>>()?;
        ingest::measure(&mut report, &arguments.server, cores, &england, &peers)?;
    }
    if arguments.wants(Rows::Postgres)
        && let Some(url) = &arguments.postgres
    {
        ingest::measure_postgres(&mut report, &arguments.server, cores, &england, url)?;
    }
    if arguments.wants(Rows::People) {
        ingest::measure_people(&mut report, &arguments.server, cores, &england, arguments.people)?;
    }
    if arguments.wants(Rows::Series) || arguments.wants(Rows::Growth) {
        let make = |store, years| Years::make(&arguments.server, cores, store, &england, years);
        let grown = make(Store::Sqlite, arguments.years)?;
        if arguments.wants(Rows::Series) {
            series::measure(&mut report, &grown)?;
        }
        if arguments.wants(Rows::Growth) {
            growth::measure(&mut report, "SQLite", &england, &make(Store::Sqlite, 0)?, &grown)?;
            if let Some(url) = &arguments.postgres {
                let (empty, grown) = (make(Store::Postgres(url), 0)?, make(Store::Postgres(url), arguments.years)?);
                growth::measure(&mut report, "PostgreSQL", &england, &empty, &grown)?;
            }
        }
    }
    report.publish("statistics", &arguments.to)
}

//! The words of the command line; each noun's own are in its module.

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::{
    calendar, concern, directory, hold, import, journal, organisation, practice, programme, pseudonym, publication,
    replay, returns, sources, stats, verify, wave,
};

use crate::proof::ProofArguments;

/// Operate the national programme of automatic patient access to GP records
#[derive(Parser)]
#[command(name = "accessctl", version, propagate_version = true, subcommand_required = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) connection: ConnectionArguments,
    /// How to print what was asked for
    #[arg(long, short, global = true, value_enum, default_value_t, env = "ACCESSCTL_OUTPUT")]
    pub(crate) output: Format,
    #[command(subcommand)]
    pub(crate) noun: Noun,
}

#[derive(Args)]
pub(crate) struct ConnectionArguments {
    /// Where the services are; all of them, unless one has an address of its own
    #[arg(long, global = true, env = "ACCESSCTL_ENDPOINT", default_value = "http://127.0.0.1:50051")]
    pub(crate) endpoint: String,
    /// Where the practice registry is
    #[arg(long, global = true, env = "ACCESSCTL_REGISTRY", value_name = "ENDPOINT")]
    pub(crate) registry: Option<String>,
    /// Where the rollout scheduler is
    #[arg(long, global = true, env = "ACCESSCTL_SCHEDULER", value_name = "ENDPOINT")]
    pub(crate) scheduler: Option<String>,
    /// Where the access statistics are
    #[arg(long, global = true, env = "ACCESSCTL_STATISTICS", value_name = "ENDPOINT")]
    pub(crate) statistics: Option<String>,
    /// Who calls, in which roles and for whom, where servers believe it (http://, --insecure): `amira;roles=programme-lead` or
    /// `paula;roles=practice;organisation=practices/A81001`
    #[arg(long, global = true, env = "ACCESSCTL_ACCOUNT", default_value = "accessctl")]
    pub(crate) account: String,
    #[command(flatten)]
    pub(crate) proof: ProofArguments,
    /// How long a call may take, in seconds
    #[arg(long, global = true, default_value_t = 30, value_name = "SECONDS")]
    pub(crate) timeout_s: u64,
}

/// How to print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// Protobuf JSON, one object
    Json,
    /// Comma-separated, with a header
    Csv,
}

#[derive(Subcommand)]
pub(crate) enum Noun {
    /// Import a publisher's file into the registry or the calendar, and see what it changed
    #[command(subcommand)]
    Import(import::Import),
    /// The directory of practices: keep it in step with its publisher
    #[command(subcommand)]
    Directory(directory::Directory),
    /// One practice: its state, why it is so, its pauses
    #[command(subcommand)]
    Practice(practice::Practice),
    /// Regions, ICBs, sub-ICBs, PCNs: what became of them, and practices counted by them
    #[command(subcommand)]
    Organisation(organisation::Organisation),
    /// Programmes: plan, apply, approve, follow
    #[command(subcommand)]
    Programme(programme::Programme),
    /// What the recorded past would have been like under another policy; changes nothing
    ReplayPolicy(replay::ReplayPolicy),
    /// Days on which practices may go live or not, and moments at which something falls due
    #[command(subcommand)]
    Calendar(calendar::Calendar),
    /// Waves of a programme
    #[command(subcommand)]
    Wave(wave::Wave),
    /// Brakes: place, lift, list
    #[command(subcommand)]
    Hold(hold::Hold),
    /// Concerns: that something about access is not as it should be
    #[command(subcommand)]
    Concern(concern::Concern),
    /// Which practice is in which source, and why the official counts differ
    #[command(subcommand)]
    Sources(sources::Sources),
    /// Suppliers' returns: import, export, list, and hold against the registry
    #[command(subcommand)]
    Returns(returns::Returns),
    /// Publications: what everybody may see, frozen, on a release calendar
    #[command(subcommand)]
    Publication(publication::Publication),
    /// Figures: summaries, series, compliance, what they mean
    #[command(subcommand)]
    Stats(stats::Stats),
    /// Pseudonyms of people, for producers of events: made on this machine, sent nowhere
    #[command(subcommand)]
    Pseudonym(pseudonym::Pseudonym),
    /// The record: verify, show
    #[command(subcommand)]
    Journal(journal::Journal),
    /// Hold what is promised to practices against the journals and the suppliers' own logs; exit code 8 where it was not kept
    Verify(verify::Verify),
    /// Print completions for a shell
    Completions {
        /// For which shell
        shell: Shell,
    },
}

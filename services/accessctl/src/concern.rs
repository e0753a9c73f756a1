//! `accessctl concern`: that something about access is not as it should be.

use clap::{Args, Subcommand, ValueEnum};
use proto::scheduler::v1 as scheduler;
use proto::scheduler::v1::report_concern_request::About;

use crate::connection::{Connection, every_page};
use crate::moments::shown;
use crate::mutation::{Change, name};
use crate::output::{Output, Table, word};

#[derive(Subcommand)]
pub(crate) enum Concern {
    /// Report one; it counts at the gates that are ahead. To stop at once, place a hold
    Report(Report),
    /// Concerns, newest first
    List {
        /// Those that count at the gate of this wave: programmes/spring-opening/waves/3
        #[arg(long, default_value = "")]
        wave: String,
    },
}

#[derive(Args)]
#[command(group = clap::ArgGroup::new("about").required(true).args(["wave", "practice"]))]
pub(crate) struct Report {
    /// About a wave: programmes/spring-opening/waves/3
    #[arg(long)]
    wave: Option<String>,
    /// About one practice, e.g. A81001
    #[arg(long)]
    practice: Option<String>,
    /// How bad it is, or would have been, for a patient; as DCB0129 and DCB0160 have it
    #[arg(long, value_enum)]
    severity: Severity,
    #[command(flatten)]
    change: Change,
}

#[derive(Clone, Copy, ValueEnum)]
enum Severity {
    Minor,
    Significant,
    Considerable,
    Major,
    Catastrophic,
}

pub(crate) async fn run(connection: &Connection, output: Output, concern: Concern) -> anyhow::Result<()> {
    match concern {
        Concern::Report(report) => run_report(connection, output, report).await,
        Concern::List { wave } => list(connection, output, wave).await,
    }
}

async fn run_report(connection: &Connection, output: Output, report: Report) -> anyhow::Result<()> {
    let practice = report.practice.map(|practice| About::Practice(name("practices", &practice)));
    let request = scheduler::ReportConcernRequest {
        severity: match report.severity {
            Severity::Minor => scheduler::ConcernSeverity::Minor,
            Severity::Significant => scheduler::ConcernSeverity::Significant,
            Severity::Considerable => scheduler::ConcernSeverity::Considerable,
            Severity::Major => scheduler::ConcernSeverity::Major,
            Severity::Catastrophic => scheduler::ConcernSeverity::Catastrophic,
        }
        .into(),
        about: report.wave.map(About::Wave).or(practice),
        request_id: report.change.request_id()?,
        reason_code: report.change.reason_code.clone(),
        note: report.change.reason.clone(),
        dry_run: report.change.dry_run,
    };
    let reply = connection.holds().report_concern(request).await?.into_inner();
    output.print("citizens_access.scheduler.v1.ReportConcernResponse", &reply, || {
        let concern = reply.concern.clone().unwrap_or_default();
        let counts = match concern.waves.join(", ") {
            waves if waves.is_empty() => "at no gate: none is ahead; place a hold if it must stop".to_owned(),
            waves => format!("at the gate of {waves}"),
        };
        Table::facts([
            ("concern", concern.name.clone()),
            ("severity", word(concern.severity().as_str_name(), "CONCERN_SEVERITY_")),
            ("counts", counts),
            ("effect", if report.change.dry_run { "dry run: nothing was changed".to_owned() } else { String::new() }),
            ("position", reply.position.to_string()),
        ])
    })
}

async fn list(connection: &Connection, output: Output, wave: String) -> anyhow::Result<()> {
    let list = scheduler::ListConcernsRequest { wave, ..Default::default() };
    let reply = every_page!(connection.holds(), list_concerns, list, concerns);
    output.print("citizens_access.scheduler.v1.ListConcernsResponse", &reply, || {
        let mut table = Table::new(&["CONCERN", "SEVERITY", "ABOUT", "COUNTS AT", "REASON", "REPORTED BY", "REPORTED"]);
        for concern in &reply.concerns {
            table.row([
                concern.name.clone(),
                word(concern.severity().as_str_name(), "CONCERN_SEVERITY_"),
                concern.about.clone(),
                concern.waves.join(", "),
                concern.reason_code.clone(),
                concern.reported_by.clone(),
                shown(concern.reported_at.as_ref()),
            ]);
        }
        table
    })
}

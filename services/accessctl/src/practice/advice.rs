//! `accessctl practice advice`: an ICB's advice to wait, and support cases.

use clap::{Args, Subcommand};
use proto::registry::v1 as registry;

use super::optional_name;
use crate::connection::{Connection, every_page};
use crate::moments::{AsOf, moment, shown};
use crate::mutation::{Change, name};
use crate::output::{Output, Table, word};

#[derive(Subcommand)]
pub(crate) enum Advice {
    /// Advice about a practice
    List {
        /// Its ODS code, such as A81001
        practice: String,
        /// Also what has ended
        #[arg(long)]
        ended: bool,
        #[command(flatten)]
        as_of: AsOf,
    },
    /// Record an ICB's advice to wait
    Wait {
        #[command(flatten)]
        about: About,
        /// Where the advice is on record
        #[arg(long)]
        evidence: String,
        /// Until this moment or date (London's time)
        #[arg(long, required_unless_present = "review")]
        until: Option<String>,
        /// When it is to be looked at again, 2031-05-20
        #[arg(long, default_value = "", value_name = "DATE")]
        review: String,
        #[command(flatten)]
        change: Change,
    },
    /// Record a support case
    Case {
        #[command(flatten)]
        about: About,
        /// The case's reference at its service desk
        #[arg(long)]
        reference: String,
        /// What it is about, such as wrong-settings
        #[arg(long)]
        category: String,
        /// When it was opened (London's time); now where it is left out
        #[arg(long)]
        opened: Option<String>,
        #[command(flatten)]
        change: Change,
    },
    /// Withdraw advice, or close a case; its author may, and whoever has a role that the author had
    End {
        /// practices/A81001/advice/1
        advice: String,
        /// From when (London's time); now where it is left out
        #[arg(long)]
        at: Option<String>,
        #[command(flatten)]
        change: Change,
    },
}

/// What it is about, and who says so.
#[derive(Args)]
pub(crate) struct About {
    /// Its ODS code, such as A81001
    practice: String,
    /// Who says so: organisations/QHM, or the service desk that has the case
    #[arg(long)]
    source: String,
    /// What it is about, such as historic-records; everything where it is left out
    #[arg(long, default_value = "", value_name = "CAPABILITY")]
    capability: String,
}

pub(crate) async fn run(connection: &Connection, output: Output, advice: Advice) -> anyhow::Result<()> {
    match advice {
        Advice::List { practice, ended, as_of } => list(connection, output, &practice, ended, &as_of).await,
        Advice::Wait { about, evidence, until, review, change } => {
            let until = until.as_deref().map(moment).transpose()?;
            let said = registry::RecordAdviceRequest { evidence, until, review_on: review, ..Default::default() };
            record(connection, output, about, registry::AdviceKind::Wait, said, &change).await
        }
        Advice::Case { about, reference, category, opened, change } => {
            let from = opened.as_deref().map(moment).transpose()?;
            let said = registry::RecordAdviceRequest { reference, category, from, ..Default::default() };
            record(connection, output, about, registry::AdviceKind::SupportCase, said, &change).await
        }
        Advice::End { advice, at, change } => end(connection, output, advice, at.as_deref(), &change).await,
    }
}

async fn list(
    connection: &Connection,
    output: Output,
    practice: &str,
    show_ended: bool,
    as_of: &AsOf,
) -> anyhow::Result<()> {
    let list = registry::ListAdviceRequest {
        name: name("practices", practice),
        show_ended,
        effective_at: as_of.effective_at()?,
        known_at: as_of.known_at()?,
        ..Default::default()
    };
    let reply = every_page!(connection.registry(), list_advice, list, advice);
    output.print("citizens_access.registry.v1.ListAdviceResponse", &reply, || {
        let mut table = Table::new(&["ADVICE", "STATE", "WHAT", "RECORDED", "BY"]);
        for advice in &reply.advice {
            table.row([
                advice.name.clone(),
                word(advice.state().as_str_name(), "ADVICE_STATE_"),
                in_words(advice),
                shown(advice.recorded_at.as_ref()),
                advice.recorded_by.clone(),
            ]);
        }
        table
    })
}

pub(super) fn in_words(advice: &registry::Advice) -> String {
    let since = shown(advice.from.as_ref());
    let mut words = match advice.kind() {
        registry::AdviceKind::SupportCase => {
            format!("support case {} ({}) at {}, since {since}", advice.reference, advice.category, advice.source)
        }
        registry::AdviceKind::Wait | registry::AdviceKind::Unspecified => {
            format!("{} advises to wait, since {since}", advice.source)
        }
    };
    if !advice.capability.is_empty() {
        words += &format!(", about {}", advice.capability);
    }
    if advice.until.is_some() {
        words += &format!(", until {}", shown(advice.until.as_ref()));
    }
    if !advice.review_on.is_empty() {
        words += &format!(", to be reviewed on {}", advice.review_on);
    }
    words
}

async fn record(
    connection: &Connection,
    output: Output,
    about: About,
    kind: registry::AdviceKind,
    said: registry::RecordAdviceRequest,
    change: &Change,
) -> anyhow::Result<()> {
    let request = registry::RecordAdviceRequest {
        name: name("practices", &about.practice),
        kind: kind.into(),
        capability: optional_name("capabilities", &about.capability),
        source: about.source,
        request_id: change.request_id()?,
        reason_code: change.reason_code.clone(),
        note: change.reason.clone(),
        dry_run: change.dry_run,
        ..said
    };
    let reply = connection.registry().record_advice(request).await?.into_inner();
    output.print("citizens_access.registry.v1.RecordAdviceResponse", &reply, || facts(reply.advice.as_ref()))
}

async fn end(
    connection: &Connection,
    output: Output,
    advice: String,
    at: Option<&str>,
    change: &Change,
) -> anyhow::Result<()> {
    let request = registry::EndAdviceRequest {
        name: advice,
        at: at.map(moment).transpose()?,
        request_id: change.request_id()?,
        reason_code: change.reason_code.clone(),
        note: change.reason.clone(),
        dry_run: change.dry_run,
    };
    let reply = connection.registry().end_advice(request).await?.into_inner();
    output.print("citizens_access.registry.v1.EndAdviceResponse", &reply, || facts(reply.advice.as_ref()))
}

fn facts(advice: Option<&registry::Advice>) -> Table {
    let Some(advice) = advice else { return Table::default() };
    Table::facts([
        ("advice", advice.name.clone()),
        ("state", word(advice.state().as_str_name(), "ADVICE_STATE_")),
        ("what", in_words(advice)),
        ("evidence", advice.evidence.clone()),
        ("ended", shown(advice.ended_at.as_ref())),
    ])
}

//! `accessctl practice succeed`: practices that end, and who goes on.

use clap::{Args, ValueEnum};
use proto::registry::v1 as registry;

use crate::confirmation::{self, Affected, Confirmation};
use crate::connection::Connection;
use crate::mutation::{Change, name};
use crate::output::{Output, Table, number, word};

#[derive(Args)]
pub(crate) struct Succeed {
    /// The practices that end
    #[arg(required = true)]
    practices: Vec<String>,
    /// How they end
    #[arg(long, value_enum)]
    kind: Kind,
    /// Who goes on; repeat it for each part of a split
    #[arg(long, value_name = "PRACTICE")]
    into: Vec<String>,
    /// The first day on which the old codes are closed, YYYY-MM-DD; past, or to come
    #[arg(long, value_name = "DATE")]
    from: String,
    #[command(flatten)]
    confirmation: Confirmation,
    #[command(flatten)]
    change: Change,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// They become part of one practice, which may be new or not
    Merge,
    /// It becomes two or more
    Split,
    /// It goes on under another code
    Recode,
    /// It ends and nobody succeeds
    Close,
}

pub(crate) async fn succeed(connection: &Connection, output: Output, succeed: Succeed) -> anyhow::Result<()> {
    let names = |given: &[String]| given.iter().map(|practice| name("practices", practice)).collect();
    let kind = match succeed.kind {
        Kind::Merge => registry::SuccessionKind::Merge,
        Kind::Split => registry::SuccessionKind::Split,
        Kind::Recode => registry::SuccessionKind::Recode,
        Kind::Close => registry::SuccessionKind::Close,
    };
    let mut request = registry::RecordSuccessionRequest {
        kind: kind.into(),
        predecessors: names(&succeed.practices),
        successors: names(&succeed.into),
        effective_date: succeed.from,
        request_id: succeed.change.request_id()?,
        reason_code: succeed.change.reason_code.clone(),
        note: succeed.change.reason.clone(),
        dry_run: succeed.change.dry_run,
        ..Default::default()
    };
    let mut registry = connection.registry();
    if !succeed.change.dry_run {
        let confirmed = match succeed.confirmation.given() {
            Some(confirmed) => confirmed,
            None => {
                let preview = registry::RecordSuccessionRequest { dry_run: true, ..request.clone() };
                let seen = registry.record_succession(preview).await?.into_inner();
                confirmation::ask(&effect(&seen), affected(&seen))?
            }
        };
        request.confirm_count = u32::try_from(confirmed.count).unwrap_or(u32::MAX);
        request.confirm_hash = confirmed.hash;
    }
    let reply = registry.record_succession(request).await?.into_inner();
    output.print("citizens_access.registry.v1.RecordSuccessionResponse", &reply, || {
        let mut table = Table::new(&["PRACTICE", "STATUS", "PART", "PATIENTS", "PAUSES", "NOT READY"]);
        for practice in &reply.practices {
            let unready =
                practice.readiness.iter().filter(|item| stands_in_the_way(item)).map(|item| item.item.clone());
            table.row([
                practice.ods_code.clone(),
                word(practice.status().as_str_name(), "PRACTICE_STATUS_"),
                part(reply.succession.as_ref(), practice),
                number(practice.list_size),
                practice.pauses.iter().filter(|pause| pause.in_force).count().to_string(),
                unready.collect::<Vec<_>>().join(", "),
            ]);
        }
        table
    })?;
    if output.for_people() {
        let succession = reply.succession.clone().unwrap_or_default();
        let when = if succession.in_effect { "in effect from" } else { "takes effect on" };
        let what = format!("{when} {}; position {}", succession.effective_date, reply.position);
        if succeed.change.dry_run {
            anstream::eprintln!("dry run: nothing was changed; confirm with --confirm {}", affected(&reply));
        } else {
            anstream::eprintln!("recorded; {what}");
        }
    }
    Ok(())
}

/// In words, for whoever confirms it: `closes A81001 and A81002 from 2031-06-02, into B82001`.
fn effect(reply: &registry::RecordSuccessionResponse) -> String {
    let succession = reply.succession.clone().unwrap_or_default();
    let successors =
        if succession.successors.is_empty() { "nobody".to_owned() } else { succession.successors.join(", ") };
    let (closed, from) = (succession.predecessors.join(", "), succession.effective_date);
    format!("closes {closed} from {from}, succeeded by {successors}, and affects {} practices", reply.affected_count)
}

fn affected(reply: &registry::RecordSuccessionResponse) -> Affected {
    Affected { count: reply.affected_count.into(), hash: reply.affected_hash.clone() }
}

fn stands_in_the_way(item: &registry::ReadinessItem) -> bool {
    !matches!(item.state(), registry::ReadinessState::Complete | registry::ReadinessState::NotApplicable)
}

fn part(succession: Option<&registry::Succession>, practice: &registry::Practice) -> String {
    let ends = succession.is_some_and(|succession| succession.predecessors.contains(&practice.name));
    if ends { "ends" } else { "goes on" }.to_owned()
}

//! `accessctl sources`: which practice is in which source, and why the official counts differ.

use clap::Subcommand;
use proto::registry::v1 as registry;

use crate::connection::{Connection, every_page};
use crate::failure::BadInput;
use crate::output::{Output, Table, number, word};

#[derive(Subcommand)]
pub(crate) enum Sources {
    /// The official counts of practices, how they overlap, and why they differ
    Compare,
    /// The practices that sources differ about, and what each says
    Disagreements {
        /// Only this kind, as `compare` names it, e.g. CLOSED_BUT_COUNTED
        #[arg(long, value_name = "KIND")]
        kind: Option<String>,
    },
}

pub(crate) async fn run(connection: &Connection, output: Output, sources: Sources) -> anyhow::Result<()> {
    match sources {
        Sources::Compare => compare(connection, output).await,
        Sources::Disagreements { kind } => disagreements(connection, output, kind.as_deref()).await,
    }
}

async fn compare(connection: &Connection, output: Output) -> anyhow::Result<()> {
    let compare = registry::CompareSourcesRequest::default();
    let reply = connection.registry().compare_sources(compare).await?.into_inner();
    if output.for_people() {
        let mut table = Table::new(&["COUNT", "OF", "PRACTICES", "WHAT IT COUNTS"]);
        for issue in &reply.sources {
            let source = source(issue.source());
            let practices = number(issue.practices_count);
            table.row([source, issue.publication_date.clone(), practices, issue.definition.clone()]);
        }
        table.print();
        anstream::println!();
    }
    output.print("citizens_access.registry.v1.CompareSourcesResponse", &reply, || {
        let mut table = Table::new(&["COUNTED IN", "PRACTICES", "BECAUSE"]);
        for overlap in &reply.overlaps {
            let counted_in: Vec<String> = overlap.sources().map(source).collect();
            let because = |count: &registry::SourceDisagreementCount| {
                format!("{} {}", number(count.practices_count), kind_name(count.kind()))
            };
            let because = overlap.disagreements.iter().map(because).collect::<Vec<_>>().join(", ");
            table.row([counted_in.join(" + "), number(overlap.practices_count), because]);
        }
        table
    })
}

async fn disagreements(connection: &Connection, output: Output, kind: Option<&str>) -> anyhow::Result<()> {
    let list = registry::ListSourceDisagreementsRequest { kind: kind_from(kind)?.into(), ..Default::default() };
    let reply = every_page!(connection.registry(), list_source_disagreements, list, practices);
    output.print("citizens_access.registry.v1.ListSourceDisagreementsResponse", &reply, || {
        let mut table = Table::new(&["PRACTICE", "NAME", "COUNTED IN", "KIND", "WHO SAYS WHAT"]);
        for practice in &reply.practices {
            let counted_in: Vec<String> = practice.counted_in().map(source).collect();
            for disagreement in &practice.disagreements {
                table.row([
                    practice.practice.trim_start_matches("practices/").to_owned(),
                    practice.display_name.clone(),
                    counted_in.join(" + "),
                    kind_name(disagreement.kind()),
                    disagreement.detail.clone(),
                ]);
            }
        }
        table
    })
}

const KIND_PREFIX: &str = "SOURCE_DISAGREEMENT_KIND_";

fn kind_from(kind: Option<&str>) -> anyhow::Result<registry::SourceDisagreementKind> {
    let Some(kind) = kind else { return Ok(registry::SourceDisagreementKind::Unspecified) };
    let named = format!("{KIND_PREFIX}{}", kind.to_uppercase().replace([' ', '-'], "_"));
    let known = registry::SourceDisagreementKind::from_str_name(&named);
    Ok(known.ok_or_else(|| BadInput(format!("{kind:?} is no kind of disagreement; see accessctl sources compare")))?)
}

fn kind_name(kind: registry::SourceDisagreementKind) -> String {
    kind.as_str_name().trim_start_matches(KIND_PREFIX).to_owned()
}

fn source(source: registry::DirectoryFormat) -> String {
    word(source.as_str_name(), "DIRECTORY_FORMAT_").to_lowercase()
}

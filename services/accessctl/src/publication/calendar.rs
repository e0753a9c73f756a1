//! `accessctl publication calendar`: when what is published becomes public.

use anyhow::Context;
use clap::Subcommand;
use proto::statistics::v1 as statistics;

use crate::connection::{Connection, every_page};
use crate::moments::{as_at, moment, shown};
use crate::mutation::Change;
use crate::output::{Output, Table};

#[derive(Subcommand)]
pub(crate) enum Calendar {
    /// Announce when the first issue of a month or week becomes public, or another moment while it is not
    Set {
        /// A month or week: 2031-02, 2031-W09
        publication: String,
        /// When, e.g. 2031-03-13T09:30 (London's time)
        #[arg(long, value_name = "MOMENT")]
        release: String,
        #[command(flatten)]
        change: Change,
    },
    /// What is due, and what has come
    List {
        /// By what had been announced at this moment, or by the end of this day
        #[arg(long, value_name = "MOMENT")]
        known_at: Option<String>,
    },
}

pub(super) async fn run(connection: &Connection, output: Output, calendar: Calendar) -> anyhow::Result<()> {
    match calendar {
        Calendar::Set { publication, release, change } => {
            let request = statistics::SetReleaseRequest {
                publication: publication.clone(),
                release_time: Some(moment(&release)?),
                request_id: change.request_id()?,
                reason_code: change.reason_code.clone(),
                note: change.reason.clone(),
                dry_run: change.dry_run,
            };
            let reply = connection.publications().set_release(request).await;
            let reply = reply.with_context(|| format!("{publication} was not announced"))?.into_inner();
            output.print("citizens_access.statistics.v1.SetReleaseResponse", &reply, || table(reply.release.as_slice()))
        }
        Calendar::List { known_at } => {
            let known_at = known_at.as_deref().map(as_at).transpose()?;
            let request = statistics::ListReleasesRequest { known_at, ..Default::default() };
            let reply = every_page!(connection.publications(), list_releases, request, releases);
            output.print("citizens_access.statistics.v1.ListReleasesResponse", &reply, || table(&reply.releases))
        }
    }
}

fn table(releases: &[statistics::Release]) -> Table {
    let mut table = Table::new(&["PUBLICATION", "RELEASE", "RELEASED", "ISSUES", "ANNOUNCED", "BY"]);
    for release in releases {
        table.row([
            release.publication.clone(),
            shown(release.release_time.as_ref()),
            shown(release.released_time.as_ref()),
            release.issue_count.to_string(),
            shown(release.set_time.as_ref()),
            release.set_by.clone(),
        ]);
    }
    table
}

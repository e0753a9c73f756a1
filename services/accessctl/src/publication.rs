//! `accessctl publication`: figures that everybody may see: announced, frozen, corrected, read and downloaded.

mod calendar;
mod download;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use proto::statistics::v1 as statistics;

use crate::connection::{Connection, every_page};
use crate::moments::{as_at, moment, shown};
use crate::mutation::Change;
use crate::output::{Output, Table, number, word};
use crate::wave_members;

#[derive(Subcommand)]
pub(crate) enum Publication {
    /// Freeze the first issue of a month or week; a draft until its release
    Create(Create),
    /// Freeze another issue, by what is known now; the earlier ones stay
    Reissue(Reissue),
    /// An issue: what it rests on and its figures of England
    Get {
        /// A month or week: 2031-02, 2031-W09
        publication: String,
        /// Which issue; the latest where it is left out
        #[arg(long, default_value_t = 0)]
        issue: i32,
        /// As it was known, and public, at this moment or at the end of this day
        #[arg(long, value_name = "MOMENT")]
        known_at: Option<String>,
    },
    /// The publications, with their latest issues
    List {
        /// All issues
        #[arg(long)]
        all_issues: bool,
        /// As it was known, and public, at this moment or at the end of this day
        #[arg(long, value_name = "MOMENT")]
        known_at: Option<String>,
    },
    /// The files of an issue: CSV, JSON, CSV on the Web's metadata, a summary in plain words
    Download(download::Download),
    /// The release calendar
    #[command(subcommand)]
    Calendar(calendar::Calendar),
}

#[derive(Args)]
pub(crate) struct Frozen {
    /// A month or week that is over: 2031-02, 2031-W09
    publication: String,
    /// Which figures of patients it is to have; all where it is left out
    #[arg(long = "figure", value_enum)]
    figures: Vec<Figure>,
    /// By what was known at this moment, or at the end of this day; now where it is left out
    #[arg(long, value_name = "MOMENT")]
    known_at: Option<String>,
    #[command(flatten)]
    change: Change,
}

#[derive(Args)]
pub(crate) struct Create {
    #[command(flatten)]
    frozen: Frozen,
    /// Also rows of these waves: programmes/spring-opening/waves/3. A practice that is in several counts in the last of them
    #[arg(long, value_name = "WAVE")]
    wave: Vec<String>,
    /// Also rows of these; less of a correction can be shown then
    #[arg(long, value_enum)]
    by: Vec<By>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum By {
    SubIcb,
    Pcn,
}

#[derive(Args)]
pub(crate) struct Reissue {
    #[command(flatten)]
    frozen: Frozen,
    /// What is corrected, and why: published with it
    #[arg(long, value_name = "WORDS")]
    correction: String,
    /// From when on everybody may see it; at once where it is left out
    #[arg(long, value_name = "MOMENT")]
    release: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Figure {
    PatientsWithAccess,
    Viewers,
    /// By app: England's are always there
    RecordViews,
}

pub(crate) async fn run(connection: &Connection, output: Output, publication: Publication) -> anyhow::Result<()> {
    match publication {
        Publication::Create(asked) => create(connection, output, asked).await,
        Publication::Reissue(asked) => reissue(connection, output, asked).await,
        Publication::Get { publication, issue, known_at } => {
            let known_at = known_at.as_deref().map(as_at).transpose()?;
            let request = statistics::GetPublicationRequest { name: publication, issue, known_at };
            let reply = connection.publications().get_publication(request).await?.into_inner();
            output.print("citizens_access.statistics.v1.GetPublicationResponse", &reply, || {
                figures(&reply.publication.clone().unwrap_or_default())
            })
        }
        Publication::List { all_issues, known_at } => {
            let known_at = known_at.as_deref().map(as_at).transpose()?;
            let request = statistics::ListPublicationsRequest { all_issues, known_at, ..Default::default() };
            let reply = every_page!(connection.publications(), list_publications, request, publications);
            output.print("citizens_access.statistics.v1.ListPublicationsResponse", &reply, || list(&reply))
        }
        Publication::Download(asked) => download::run(connection, output, asked).await,
        Publication::Calendar(calendar) => calendar::run(connection, output, calendar).await,
    }
}

fn definitions(figures: &[Figure]) -> Vec<String> {
    let definition = |figure: &Figure| match figure {
        Figure::PatientsWithAccess => "definitions/patients-with-access".to_owned(),
        Figure::Viewers => "definitions/viewers".to_owned(),
        Figure::RecordViews => "definitions/record-views".to_owned(),
    };
    figures.iter().map(definition).collect()
}

fn breakdown(by: By) -> statistics::AreaKind {
    match by {
        By::SubIcb => statistics::AreaKind::SubIcb,
        By::Pcn => statistics::AreaKind::Pcn,
    }
}

async fn create(connection: &Connection, output: Output, asked: Create) -> anyhow::Result<()> {
    let Frozen { publication, figures, known_at, change } = asked.frozen;
    let request = statistics::CreatePublicationRequest {
        publication: publication.clone(),
        definitions: definitions(&figures),
        waves: wave_members::apart(connection, &asked.wave).await?,
        breakdowns: asked.by.iter().map(|by| breakdown(*by).into()).collect(),
        known_at: known_at.as_deref().map(as_at).transpose()?,
        request_id: change.request_id()?,
        reason_code: change.reason_code.clone(),
        note: change.reason.clone(),
        dry_run: change.dry_run,
        ..Default::default()
    };
    let reply = connection.publications().create_publication(request).await;
    let reply = reply.with_context(|| format!("{publication} was not published"))?.into_inner();
    output.print("citizens_access.statistics.v1.CreatePublicationResponse", &reply, || {
        issued(&reply.publication.clone().unwrap_or_default(), change.dry_run)
    })
}

async fn reissue(connection: &Connection, output: Output, asked: Reissue) -> anyhow::Result<()> {
    let Frozen { publication, figures, known_at, change } = asked.frozen;
    let request = statistics::ReissuePublicationRequest {
        publication: publication.clone(),
        definitions: definitions(&figures),
        correction: asked.correction,
        release_time: asked.release.as_deref().map(moment).transpose()?,
        known_at: known_at.as_deref().map(as_at).transpose()?,
        request_id: change.request_id()?,
        reason_code: change.reason_code.clone(),
        note: change.reason.clone(),
        dry_run: change.dry_run,
        ..Default::default()
    };
    let reply = connection.publications().reissue_publication(request).await;
    let reply = reply.with_context(|| format!("{publication} was not published again"))?.into_inner();
    output.print("citizens_access.statistics.v1.ReissuePublicationResponse", &reply, || {
        issued(&reply.publication.clone().unwrap_or_default(), change.dry_run)
    })
}

/// What was frozen, and with which remedies.
fn issued(publication: &statistics::Publication, is_dry_run: bool) -> Table {
    let mut table = Table::new(&["", "", ""]);
    let mut fact = |name: &str, value: String, of: String| table.row([name.to_owned(), value, of]);
    fact("publication", publication.name.clone(), format!("issue {}", publication.issue));
    fact("state", state(publication), format!("release {}", shown(publication.release_time.as_ref())));
    fact(
        "known at",
        shown(publication.known_at.as_ref()),
        format!("registry position {}", publication.registry_position),
    );
    for figure in &publication.figures {
        fact(short(&figure.definition), figure.value.clone(), String::new());
    }
    fact("figures", number(publication.figure_count.into()), "in its files".to_owned());
    for wave in &publication.waves {
        fact("wave", wave.name.clone(), format!("{} practices, {}", number(wave.practices_count), wave.practices_hash));
    }
    for remedy in &publication.remedies {
        let kind = word(remedy.kind().as_str_name(), "DISCLOSURE_REMEDY_KIND_").to_lowercase();
        let place = format!("{} {}", remedy.breakdown, remedy.area);
        fact("remedy", format!("{kind}: {}", place.trim_end()), short(&remedy.definition).to_owned());
    }
    if is_dry_run {
        fact("", "dry run: nothing was recorded".to_owned(), String::new());
    }
    table
}

fn figures(publication: &statistics::Publication) -> Table {
    let mut table = Table::new(&["FIGURE", "VALUE", "OF", "COUNTED BY", "AS AT"]);
    for figure in &publication.figures {
        let whole = figure.denominator.clone().unwrap_or_default();
        let percent = figure.percentage.map(|percent| format!("{percent:.1} % of ")).unwrap_or_default();
        let bounds = figure.lower_bound.zip(figure.upper_bound);
        let bounds = bounds.map(|(least, most)| format!(" ({least} to {most})")).unwrap_or_default();
        table.row([
            short(&figure.definition).to_owned(),
            format!("{}{bounds}", figure.value),
            if whole.value.is_empty() {
                String::new()
            } else {
                format!("{percent}{} {}", whole.value, short(&whole.definition))
            },
            whole.source,
            whole.as_at_date,
        ]);
    }
    let rests_on = format!("known at {}", shown(publication.known_at.as_ref()));
    table.row([
        format!("issue {}", publication.issue),
        state(publication),
        rests_on,
        format!("registry position {}", publication.registry_position),
        publication.period.clone().unwrap_or_default().end_date,
    ]);
    if !publication.correction.is_empty() {
        table.row(["corrects".to_owned(), publication.correction.clone(), String::new(), String::new(), String::new()]);
    }
    table
}

fn list(reply: &statistics::ListPublicationsResponse) -> Table {
    let mut table = Table::new(&["PUBLICATION", "ISSUE", "STATE", "RELEASE", "KNOWN AT", "CORRECTS"]);
    for publication in &reply.publications {
        table.row([
            publication.name.clone(),
            publication.issue.to_string(),
            state(publication),
            shown(publication.release_time.as_ref()),
            shown(publication.known_at.as_ref()),
            publication.correction.clone(),
        ]);
    }
    table
}

fn state(publication: &statistics::Publication) -> String {
    word(publication.state().as_str_name(), "PUBLICATION_STATE_")
}

/// A definition's id.
fn short(definition: &str) -> &str {
    definition.trim_start_matches("definitions/")
}

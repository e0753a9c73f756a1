//! Issues: made, corrected, read and listed.

use std::collections::{BTreeMap, BTreeSet};

use api::{Error, Mutation, Page, PageLimits};
use identity::Caller;
use jiff::Timestamp;
use journal::{Meta, Outcome, Published, Submission};
use ods::Capability;
use prost::Message as _;
use proto::statistics::v1 as wire;
use tally::{AskedIssue, Correction, Issued, Level, Measure, ProtectedFigure, PublicationName, Publications};
use tonic::Request;

use super::wire::{Part, to_wire};
use super::{Eyes, publication};
use crate::AccessStatistics;
use crate::grpc::error::{of_query, of_rejection};
use crate::grpc::returns::capability;
use crate::grpc::sets::waves;
use crate::grpc::statistics::moment_until_now;
use crate::measures;
use crate::publication::Edition;
use crate::query::publications::DraftQuery;
use crate::returns::{ReturnsCommand, ReturnsMachine};

/// Where a page begins: after this publication and issue, by what was known (in microseconds) when the first page was answered.
type PublicationsCursor = (String, u32, i64);

/// Longest correction, in characters: what a reader still reads.
const CORRECTION_CHARS_MAX: usize = 2_000;

pub(super) async fn create(
    statistics: &AccessStatistics,
    request: Request<wire::CreatePublicationRequest>,
) -> Result<wire::CreatePublicationResponse, Error> {
    let caller = Caller::of(&request).clone();
    let request = request.into_inner();
    let mutation = api::mutation!(request)?;
    let asked = AskedIssue {
        publication: publication("publication", &request.publication)?,
        figures: figures(&request.definitions)?,
        levels: levels(&request.breakdowns)?,
        waves: waves(&request.waves)?,
        correction: None,
        author: caller.account.to_string(),
    };
    let query = query(statistics, asked, request.known_at.as_ref(), request.min_position)?;
    let issued = issue(statistics, &caller, mutation, query).await?;
    Ok(wire::CreatePublicationResponse { publication: issued.publication, position: issued.position })
}

pub(super) async fn reissue(
    statistics: &AccessStatistics,
    request: Request<wire::ReissuePublicationRequest>,
) -> Result<wire::ReissuePublicationResponse, Error> {
    let caller = Caller::of(&request).clone();
    let request = request.into_inner();
    let mutation = api::mutation!(request)?.with_reason()?;
    api::validate::required("correction", &request.correction)?;
    api::validate::free_text("correction", &request.correction, CORRECTION_CHARS_MAX)?;
    let correction = Correction {
        words: request.correction.clone(),
        reason_code: mutation.reason_code.clone(),
        release_at: api::time::moment("release_time", request.release_time.as_ref())?,
    };
    let asked = AskedIssue {
        publication: publication("publication", &request.publication)?,
        figures: figures(&request.definitions)?,
        levels: BTreeSet::new(),
        waves: BTreeMap::new(),
        correction: Some(correction),
        author: caller.account.to_string(),
    };
    let query = query(statistics, asked, request.known_at.as_ref(), request.min_position)?;
    issue(statistics, &caller, mutation, query).await
}

fn figures(definitions: &[String]) -> Result<BTreeSet<ProtectedFigure>, Error> {
    let figure = |(index, name): (usize, &String)| {
        Measure::named(name).and_then(ProtectedFigure::defined_by).ok_or_else(|| {
            let message = "{field} is `{definition}`; definitions/patients-with-access, definitions/viewers and \
                           definitions/record-views can be chosen";
            Error::invalid(format!("definitions[{index}]"), "DEFINITION_INVALID", message).with("definition", name)
        })
    };
    definitions.iter().enumerate().map(figure).collect()
}

fn levels(breakdowns: &[i32]) -> Result<BTreeSet<Level>, Error> {
    let level = |(index, kind): (usize, &i32)| match wire::AreaKind::try_from(*kind) {
        Ok(wire::AreaKind::SubIcb) => Ok(Level::SubIcb),
        Ok(wire::AreaKind::Pcn) => Ok(Level::Pcn),
        _ => {
            let message = "{field} must be SUB_ICB or PCN: all others are there, or cannot be";
            Err(Error::invalid(format!("breakdowns[{index}]"), "BREAKDOWN_INVALID", message))
        }
    };
    breakdowns.iter().enumerate().map(level).collect()
}

fn query(
    statistics: &AccessStatistics,
    asked: AskedIssue,
    known_at: Option<&prost_types::Timestamp>,
    min_position: u64,
) -> Result<DraftQuery, Error> {
    let now = statistics.clock.now();
    let given = known_at.is_some();
    let known_at = moment_until_now("known_at", known_at, now)?;
    let end = asked.publication.as_at().end();
    if given && known_at < end {
        let message = "{field} is {known_at}, before the period's end, {end}: nobody knew its figures";
        let refused = Error::invalid("known_at", "KNOWN_BEFORE_END", message);
        return Err(refused.with("known_at", known_at).with("end", end));
    }
    Ok(DraftQuery { asked, known_at, now, min_position })
}

/// Both replies have the same fields.
async fn issue(
    statistics: &AccessStatistics,
    caller: &Caller,
    mutation: Mutation,
    query: DraftQuery,
) -> Result<wire::ReissuePublicationResponse, Error> {
    let name = query.asked.publication.clone();
    let drafted = statistics.draft(query).await.map_err(|error| of_query(&error))?;
    let meta = Meta::of(caller, &mutation);
    let submission = Submission { dry_run: mutation.dry_run, ..Submission::new(ReturnsCommand::Issue(drafted), meta) };
    let encode = move |outcome: &Outcome<'_, ReturnsMachine>| {
        let publications = outcome.after.publications();
        let publication = publications.issues(&name).last().map(|issued| {
            let edition = edition(publications, issued);
            to_wire(&edition, Eyes::Drafts, Part::Whole, outcome.now)
        });
        wire::ReissuePublicationResponse { publication, position: outcome.position }.encode_to_vec()
    };
    let accepted = statistics.returns.submit(submission, encode).await;
    let accepted = accepted.map_err(|error| {
        let refused = journal::grpc::refusal(error, |rejection| of_rejection(&rejection));
        measures::publication_refused(refused.reason());
        refused
    })?;
    wire::ReissuePublicationResponse::decode(&*accepted.reply).map_err(|error| Error::internal(&error))
}

pub(super) fn edition(publications: &Publications, issued: &Issued) -> Edition {
    let name = &issued.issue.name;
    let before = publications.issues(&name.publication).take_while(|other| other.issue.name.issue < name.issue);
    Edition { issued: issued.clone(), corrected: before.last().cloned(), release_at: publications.release_at(issued) }
}

/// An issue that the caller may see; 0 is the latest.
pub(super) fn find(
    publications: &Publications,
    eyes: Eyes,
    name: &PublicationName,
    issue: i32,
    known_at: Timestamp,
) -> Result<Edition, Error> {
    let mut seen = publications.issues(name).filter(|issued| eyes.see(issued, known_at));
    let found = match u32::try_from(issue) {
        Ok(0) => seen.last(),
        Ok(issue) => seen.find(|issued| issued.issue.name.issue == issue),
        Err(_) => {
            let negative = Error::invalid("issue", "ISSUE_NEGATIVE", "{field} is {issue}; it must be 0 or more");
            return Err(negative.with("issue", issue));
        }
    };
    found.map(|issued| edition(publications, issued)).ok_or_else(|| {
        let message = "{publication} has no such issue that is public";
        Error::not_found("PUBLICATION_NOT_FOUND", message).with("publication", name).with("issue", issue)
    })
}

pub(super) async fn get(
    statistics: &AccessStatistics,
    eyes: Eyes,
    request: wire::GetPublicationRequest,
) -> Result<wire::GetPublicationResponse, Error> {
    let name = publication("name", &request.name)?;
    let known_at = moment_until_now("known_at", request.known_at.as_ref(), statistics.clock.now())?;
    let published = statistics.returns.published();
    let found = find(published.state.publications(), eyes, &name, request.issue, known_at)?;
    // Thousands of figures are worked out.
    let worded = tokio::task::spawn_blocking(move || to_wire(&found, eyes, Part::Whole, known_at)).await;
    let publication = worded.map_err(|error| Error::internal(&error))?;
    Ok(wire::GetPublicationResponse { publication: Some(publication), position: published.position })
}

pub(super) fn list(
    statistics: &AccessStatistics,
    eyes: Eyes,
    request: &wire::ListPublicationsRequest,
) -> Result<wire::ListPublicationsResponse, Error> {
    let page: Page<PublicationsCursor> = api::page!(request, PageLimits::STANDARD)?;
    let now = statistics.clock.now();
    let (after, known_at) = match &page.after {
        None => (None, moment_until_now("known_at", request.known_at.as_ref(), now)?),
        Some((name, issue, known_at)) => {
            let after = (publication("page_token", name)?, *issue);
            (Some(after), Timestamp::from_microsecond(*known_at).unwrap_or(now))
        }
    };
    let of: Option<Capability> = match request.capability.as_str() {
        "" => None,
        name => Some(capability(name)?),
    };
    let published = statistics.returns.published();
    let mut rows = seen(&published, eyes, known_at, of.as_ref());
    if !request.all_issues {
        rows.dedup_by(|next, kept| {
            let is_same = next.issue.name.publication == kept.issue.name.publication;
            if is_same {
                *kept = *next;
            }
            is_same
        });
    }
    let place = |issued: &Issued| (issued.issue.name.publication.clone(), issued.issue.name.issue);
    rows.retain(|issued| after.as_ref().is_none_or(|after| *after < place(issued)));
    let goes_on = rows.len() > page.rows;
    rows.truncate(page.rows);
    let last = rows.last().filter(|_| goes_on).map(|issued| place(issued));
    let cursor = last.map(|(name, issue)| (name.to_string(), issue, known_at.as_microsecond()));
    let publications = published.state.publications();
    let worded = rows.iter().map(|issued| to_wire(&edition(publications, issued), eyes, Part::Outline, known_at));
    Ok(wire::ListPublicationsResponse {
        publications: worded.collect(),
        known_at: Some(api::time::to_wire(known_at)),
        next_page_token: cursor.map(|cursor| page.next_page_token(&cursor)).unwrap_or_default(),
        position: published.position,
    })
}

/// All that the caller may see, by publication and issue.
fn seen<'a>(
    published: &'a Published<ReturnsMachine>,
    eyes: Eyes,
    known_at: Timestamp,
    of: Option<&Capability>,
) -> Vec<&'a Issued> {
    let all = published.state.publications().all();
    let is_of = |issued: &Issued| of.is_none_or(|of| *of == issued.issue.name.publication.capability);
    let mut rows: Vec<&Issued> = all.filter(|issued| eyes.see(issued, known_at) && is_of(issued)).collect();
    rows.sort_by(|one, other| one.issue.name.cmp(&other.issue.name));
    rows
}

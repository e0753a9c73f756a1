//! The release calendar: SetRelease and ListReleases.

use api::{Error, Page, PageLimits};
use identity::Caller;
use jiff::Timestamp;
use journal::{Meta, Outcome, Submission};
use prost::Message as _;
use proto::statistics::v1 as wire;
use tally::{Issued, PublicationName, Publications, Release, SetRelease};
use tonic::Request;

use super::{Eyes, publication};
use crate::AccessStatistics;
use crate::grpc::error::of_rejection;
use crate::grpc::statistics::moment_until_now;
use crate::returns::{ReturnsCommand, ReturnsMachine};

/// Where a page begins: after this publication, by what was known (in microseconds) when the first page was answered.
type ReleasesCursor = (String, i64);

pub(super) async fn set(
    statistics: &AccessStatistics,
    request: Request<wire::SetReleaseRequest>,
) -> Result<wire::SetReleaseResponse, Error> {
    let caller = Caller::of(&request).clone();
    let request = request.into_inner();
    let mutation = api::mutation!(request)?;
    let command = SetRelease {
        publication: publication("publication", &request.publication)?,
        release_at: api::time::required_moment("release_time", request.release_time.as_ref())?,
        author: caller.account.to_string(),
    };
    let meta = Meta::of(&caller, &mutation);
    let name = command.publication.clone();
    let submission =
        Submission { dry_run: mutation.dry_run, ..Submission::new(ReturnsCommand::Release(command), meta) };
    let encode = move |outcome: &Outcome<'_, ReturnsMachine>| {
        let publications = outcome.after.publications();
        let release = publications.release(&name, Timestamp::MAX);
        let release = release.map(|release| to_wire(publications, Eyes::Drafts, &name, release, outcome.now));
        wire::SetReleaseResponse { release, position: outcome.position }.encode_to_vec()
    };
    let accepted = statistics.returns.submit(submission, encode).await;
    let accepted = accepted.map_err(|error| journal::grpc::refusal(error, |rejection| of_rejection(&rejection)))?;
    wire::SetReleaseResponse::decode(&*accepted.reply).map_err(|error| Error::internal(&error))
}

pub(super) fn list(
    statistics: &AccessStatistics,
    eyes: Eyes,
    request: &wire::ListReleasesRequest,
) -> Result<wire::ListReleasesResponse, Error> {
    let page: Page<ReleasesCursor> = api::page!(request, PageLimits::STANDARD)?;
    let now = statistics.clock.now();
    let (after, known_at) = match &page.after {
        None => (None, moment_until_now("known_at", request.known_at.as_ref(), now)?),
        Some((name, known_at)) => {
            let after = publication("page_token", name)?;
            (Some(after), Timestamp::from_microsecond(*known_at).unwrap_or(now))
        }
    };
    let published = statistics.returns.published();
    let publications = published.state.publications();
    let rest = publications.releases(known_at).filter(|(name, _)| after.as_ref() < Some(name));
    let mut rows: Vec<(&PublicationName, &Release)> = rest.take(page.rows + 1).collect();
    let goes_on = rows.len() > page.rows;
    rows.truncate(page.rows);
    let last = rows.last().filter(|_| goes_on);
    let cursor = last.map(|(name, _)| page.next_page_token(&(name.to_string(), known_at.as_microsecond())));
    Ok(wire::ListReleasesResponse {
        releases: rows.iter().map(|(name, release)| to_wire(publications, eyes, name, release, known_at)).collect(),
        known_at: Some(api::time::to_wire(known_at)),
        next_page_token: cursor.unwrap_or_default(),
        position: published.position,
    })
}

fn to_wire(
    publications: &Publications,
    eyes: Eyes,
    name: &PublicationName,
    release: &Release,
    known_at: Timestamp,
) -> wire::Release {
    let seen: Vec<&Issued> = publications.issues(name).filter(|issued| eyes.see(issued, known_at)).collect();
    let released_at = seen.first().filter(|first| first.is_public(known_at)).and_then(|first| first.released_at);
    wire::Release {
        publication: name.to_string(),
        release_time: Some(api::time::to_wire(release.release_at)),
        set_time: Some(api::time::to_wire(release.recorded_at)),
        set_by: if eyes == Eyes::Drafts { release.author.clone() } else { String::new() },
        released_time: released_at.map(api::time::to_wire),
        issue_count: i32::try_from(seen.len()).unwrap_or(i32::MAX),
    }
}

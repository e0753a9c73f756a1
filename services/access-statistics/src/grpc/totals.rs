//! DenominatorService: published totals, recorded together and given back exactly.

use api::{Error, Page, PageLimits};
use identity::Caller;
use jiff::Timestamp;
use jiff::civil::Date;
use journal::{Meta, Outcome, Submission as JournalSubmission};
use ods::totals::{Organisation, Total};
use prost::Message as _;
use proto::statistics::v1 as wire;
use proto::statistics::v1::denominator_service_server::DenominatorService;
use sha2::{Digest as _, Sha256};
use tally::{Day, Measure, SubmitTotals, TotalsIssue};
use tonic::{Request, Response, Status};

use super::error::of_rejection;
use super::returns::NAME_CHARS_MAX;
use super::statistics::{count, moment_until_now};
use crate::AccessStatistics;
use crate::returns::{ReturnsCommand, ReturnsMachine};

/// What everybody together is called among organisations.
const ENGLAND: &str = "england";

/// Where a page begins: after this publication and organisation, as at and by what was known (in microseconds) when the first page
/// was answered, so that all pages are of one state.
type TotalsCursor = (String, String, i64, i64);

#[tonic::async_trait]
impl DenominatorService for AccessStatistics {
    async fn submit_totals(
        &self,
        request: Request<wire::SubmitTotalsRequest>,
    ) -> Result<Response<wire::SubmitTotalsResponse>, Status> {
        let _activity = self.clock.activity();
        Ok(Response::new(submit(self, request).await?))
    }

    async fn list_totals(
        &self,
        request: Request<wire::ListTotalsRequest>,
    ) -> Result<Response<wire::ListTotalsResponse>, Status> {
        let _activity = self.clock.activity();
        let (query, page) = query(request.into_inner(), self.clock.now())?;
        let published = self.returns.published();
        let issues = published.state.totals().latest(Day::of(query.as_at), query.known_at);
        let rows: Vec<wire::PublishedTotal> = issues
            .filter(|(source, _, _)| query.source.is_empty() || query.source == *source)
            .flat_map(|(source, as_at, issue)| rows(source, as_at, issue))
            .filter(|row| query.is_wanted(row))
            .take(page.rows + 1)
            .collect();
        Ok(Response::new(query.response(&page, rows, published.position)))
    }
}

async fn submit(
    statistics: &AccessStatistics,
    request: Request<wire::SubmitTotalsRequest>,
) -> Result<wire::SubmitTotalsResponse, Error> {
    let caller = Caller::of(&request).clone();
    let request = request.into_inner();
    let mutation = api::mutation!(request)?;
    let command = command(&request)?;
    let meta = Meta::of(&caller, &mutation);
    let dry_run = mutation.dry_run;
    let asked = command.clone();
    let submission = JournalSubmission { dry_run, ..JournalSubmission::new(ReturnsCommand::Totals(command), meta) };
    let encode = move |outcome: &Outcome<'_, ReturnsMachine>| response(&asked, outcome).encode_to_vec();
    let accepted = statistics.returns.submit(submission, encode).await;
    let accepted = accepted.map_err(|error| journal::grpc::refusal(error, |rejection| of_rejection(&rejection)))?;
    wire::SubmitTotalsResponse::decode(&*accepted.reply).map_err(|error| Error::internal(&error))
}

fn command(request: &wire::SubmitTotalsRequest) -> Result<SubmitTotals, Error> {
    api::validate::free_text("source", &request.source, NAME_CHARS_MAX)?;
    let totals = request.totals.iter().enumerate().map(|(index, row)| total(index, row));
    Ok(SubmitTotals {
        source: request.source.clone(),
        as_at: api::time::required_date("as_at_date", &request.as_at_date)?,
        totals: totals.collect::<Result<_, _>>()?,
    })
}

fn total(index: usize, row: &wire::OrganisationTotal) -> Result<(Organisation, Total), Error> {
    let organisation = row.organisation.parse().map_err(|_| {
        let path = format!("totals[{index}].organisation");
        Error::invalid(path, "ORGANISATION_INVALID", "{field} is not an organisation, such as icbs/QWE")
    })?;
    let count = |field: &str, value: i64| {
        u64::try_from(value).map_err(|_| {
            let path = format!("totals[{index}].{field}");
            Error::invalid(path, "COUNT_NEGATIVE", "{field} is {value}; it must be 0 or more").with("value", value)
        })
    };
    let total = Total {
        patients: count("patients_registered", row.patients_registered)?,
        aged_16_and_over: count("aged_16_and_over", row.aged_16_and_over)?,
    };
    Ok((organisation, total))
}

fn response(asked: &SubmitTotals, outcome: &Outcome<'_, ReturnsMachine>) -> wire::SubmitTotalsResponse {
    let comparison = outcome.before.totals().compare(asked);
    let changed = [&comparison.first, &comparison.revised, &comparison.removed];
    let mut affected: Vec<Organisation> = changed.into_iter().flatten().copied().collect();
    affected.sort();
    let mut hash = Sha256::new();
    for organisation in &affected {
        hash.update(format!("{organisation}\n"));
    }
    let count = |list: &[Organisation]| i32::try_from(list.len()).unwrap_or(i32::MAX);
    wire::SubmitTotalsResponse {
        first_count: count(&comparison.first),
        revised_count: count(&comparison.revised),
        unchanged_count: count(&comparison.unchanged),
        removed_count: count(&comparison.removed),
        position: outcome.position,
        affected_count: count(&affected),
        affected_hash: hex::encode(hash.finalize()),
    }
}

/// Which totals.
struct TotalsQuery {
    source: String,
    organisation: String,
    as_at: Timestamp,
    known_at: Timestamp,
    /// Only after this publication and organisation.
    after: Option<(String, String)>,
}

fn query(request: wire::ListTotalsRequest, now: Timestamp) -> Result<(TotalsQuery, Page<TotalsCursor>), Error> {
    let page: Page<TotalsCursor> = api::page!(request, PageLimits::STANDARD)?;
    let (after, as_at, known_at) = match page.after.clone() {
        None => {
            let as_at = moment_until_now("as_at", request.as_at.as_ref(), now)?;
            (None, as_at, moment_until_now("known_at", request.known_at.as_ref(), now)?)
        }
        Some((source, organisation, as_at, known_at)) => {
            let before = |microseconds: i64| Timestamp::from_microsecond(microseconds).unwrap_or(now);
            (Some((source, organisation)), before(as_at), before(known_at))
        }
    };
    let organisation = request.organisation;
    if !(organisation.is_empty() || organisation == ENGLAND || organisation.parse::<Organisation>().is_ok()) {
        return Err(Error::invalid(
            "organisation",
            "ORGANISATION_INVALID",
            "{field} is neither england nor an organisation, such as icbs/QWE",
        ));
    }
    Ok((TotalsQuery { source: request.source, organisation, as_at, known_at, after }, page))
}

/// The totals of an issue, England's first, by name.
fn rows(source: &str, as_at: Date, issue: &TotalsIssue) -> Vec<wire::PublishedTotal> {
    let row = |organisation: String, total: &Total| wire::PublishedTotal {
        organisation,
        patients_registered: count(total.patients),
        aged_16_and_over: count(total.aged_16_and_over),
        source: source.to_owned(),
        as_at_date: as_at.to_string(),
        record_time: Some(api::time::to_wire(issue.recorded_at)),
    };
    let england = issue.england().map(|total| row(ENGLAND.to_owned(), &total));
    let others = issue.totals.iter().map(|(organisation, total)| row(organisation.to_string(), total));
    let mut rows: Vec<_> = england.into_iter().chain(others).collect();
    rows.sort_by(|one, other| one.organisation.cmp(&other.organisation));
    rows
}

impl TotalsQuery {
    fn is_wanted(&self, row: &wire::PublishedTotal) -> bool {
        let is_after = |(source, organisation): &(String, String)| {
            (source.as_str(), organisation.as_str()) < (row.source.as_str(), row.organisation.as_str())
        };
        (self.organisation.is_empty() || self.organisation == row.organisation)
            && self.after.as_ref().is_none_or(is_after)
    }

    /// `rows` has one more than fits on the page, where there is one.
    fn response(
        &self,
        page: &Page<TotalsCursor>,
        mut rows: Vec<wire::PublishedTotal>,
        returns_position: u64,
    ) -> wire::ListTotalsResponse {
        let goes_on = rows.len() > page.rows;
        rows.truncate(page.rows);
        let (as_at, known_at) = (self.as_at.as_microsecond(), self.known_at.as_microsecond());
        let cursor = |last: &wire::PublishedTotal| (last.source.clone(), last.organisation.clone(), as_at, known_at);
        let last = rows.last().filter(|_| goes_on);
        wire::ListTotalsResponse {
            next_page_token: last.map(|last| page.next_page_token(&cursor(last))).unwrap_or_default(),
            totals: rows,
            definition: Measure::PatientsPublished.to_string(),
            as_at: Some(api::time::to_wire(self.as_at)),
            known_at: Some(api::time::to_wire(self.known_at)),
            returns_position,
        }
    }
}

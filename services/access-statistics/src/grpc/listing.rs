//! ReturnsService: returns as they were recorded, and what they contradict.

use api::{Error, Page, PageLimits};
use authority::Permission;
use jiff::Timestamp;
use jiff::civil::Date;
use ods::PracticeCode;
use proto::statistics::v1 as wire;
use proto::statistics::v1::returns_service_server::ReturnsService;
use tally::{Area, Day, Difference, DifferenceKind, ListedReturn, Period, ReturnsQuery};
use tonic::{Request, Response, Status};

use super::authorised::Detail;
use super::error::{of_period, of_query};
use super::returns::{capability, supplier};
use super::statistics::{area, count, frame, moment_until_now};
use crate::AccessStatistics;
use crate::query::reconcile::{DifferencesPage, DifferencesQuery};

/// Where a page of returns begins: after this practice, last day of the period (as its number) and revision, as at and by what was
/// known (in microseconds) when the first page was answered, so that all pages are of one state.
type ReturnsCursor = (String, i64, usize, i64, i64);

/// The same for differences: after this practice and kind (as on the wire), by what was known.
type DifferencesCursor = (String, i32, i64);

#[tonic::async_trait]
impl ReturnsService for AccessStatistics {
    async fn list_returns(
        &self,
        request: Request<wire::ListReturnsRequest>,
    ) -> Result<Response<wire::ListReturnsResponse>, Status> {
        let _activity = self.clock.activity();
        let permission = Permission::of(&request).clone();
        let (query, as_at, page) = query(&request.into_inner(), self.clock.now())?;
        self.authorise_area(&permission, &area_of(&query), Detail::Parts)?;
        let published = self.returns.published();
        let rows: Vec<ListedReturn<'_>> = tally::list(&published.state, &query).take(page.rows + 1).collect();
        Ok(Response::new(response(&query, as_at, &page, &rows, published.position)))
    }

    async fn list_return_differences(
        &self,
        request: Request<wire::ListReturnDifferencesRequest>,
    ) -> Result<Response<wire::ListReturnDifferencesResponse>, Status> {
        let _activity = self.clock.activity();
        let permission = Permission::of(&request).clone();
        let (query, page) = differences_query(&request.into_inner(), self.clock.now())?;
        self.authorise_area(&permission, &query.area, Detail::Parts)?;
        let found = self.differences(&query).await.map_err(|error| of_query(&error))?;
        Ok(Response::new(differences_response(&query, &page, found)))
    }
}

fn query(
    request: &wire::ListReturnsRequest,
    now: Timestamp,
) -> Result<(ReturnsQuery, Timestamp, Page<ReturnsCursor>), Error> {
    let page: Page<ReturnsCursor> = api::page!(request, PageLimits::STANDARD)?;
    let (after, as_at, known_at) = match &page.after {
        None => {
            let as_at = moment_until_now("as_at", request.as_at.as_ref(), now)?;
            (None, as_at, moment_until_now("known_at", request.known_at.as_ref(), now)?)
        }
        Some((code, end, revision, as_at, known_at)) => {
            let before = |microseconds: i64| Timestamp::from_microsecond(microseconds).unwrap_or(now);
            let end = Day::from_number(*end).map_or(Date::MIN, Day::date);
            (Some((practice(code)?, end, *revision)), before(*as_at), before(*known_at))
        }
    };
    let to = api::time::date("to_date", &request.to_date)?.unwrap_or(Date::MAX);
    let query = ReturnsQuery {
        capability: capability(&request.capability)?,
        practice: given(&request.practice).map(practice).transpose()?,
        supplier: given(&request.supplier).map(supplier).transpose()?,
        from: api::time::date("from_date", &request.from_date)?.unwrap_or(Date::MIN),
        to: to.min(Day::of(as_at).date()),
        known_at,
        all_revisions: request.all_revisions,
        after,
    };
    Ok((query, as_at, page))
}

/// The smallest area that holds all that is asked for.
fn area_of(query: &ReturnsQuery) -> Area {
    match (query.practice, &query.supplier) {
        (Some(practice), _) => Area::Practice(practice),
        (None, Some(supplier)) => Area::Supplier(supplier.clone()),
        (None, None) => Area::England,
    }
}

fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn practice(name: &str) -> Result<PracticeCode, Error> {
    name.strip_prefix("practices/").unwrap_or(name).parse().map_err(|_| {
        Error::invalid("practice", "PRACTICE_INVALID", "{field} is not a practice, such as practices/A81001")
    })
}

/// `rows` has one more than fits on the page, where there is one.
fn response(
    query: &ReturnsQuery,
    as_at: Timestamp,
    page: &Page<ReturnsCursor>,
    rows: &[ListedReturn<'_>],
    returns_position: u64,
) -> wire::ListReturnsResponse {
    let shown = &rows[..rows.len().min(page.rows)];
    let last = shown.last().filter(|_| rows.len() > page.rows);
    let cursor = |last: &ListedReturn<'_>| {
        let (practice, end, revision) = last.place;
        let (as_at, known_at) = (as_at.as_microsecond(), query.known_at.as_microsecond());
        (practice.to_string(), Day::from(end).number(), revision, as_at, known_at)
    };
    wire::ListReturnsResponse {
        returns: shown.iter().map(to_wire).collect(),
        capability: query.capability.to_string(),
        as_at: Some(api::time::to_wire(as_at)),
        known_at: Some(api::time::to_wire(query.known_at)),
        returns_position,
        next_page_token: last.map(|last| page.next_page_token(&cursor(last))).unwrap_or_default(),
    }
}

fn to_wire(listed: &ListedReturn<'_>) -> wire::Return {
    let ListedReturn { place: (practice, period_end, number), revision, superseded_at } = listed;
    let figures = &revision.figures;
    let sender = revision.sender.as_ref();
    wire::Return {
        practice: format!("practices/{practice}"),
        supplier: format!("suppliers/{}", revision.supplier),
        period_start_date: revision.period_start.to_string(),
        period_end_date: period_end.to_string(),
        patients_registered: figures.patients_registered.map(count).unwrap_or_default(),
        online_accounts: figures.online_accounts.map(count).unwrap_or_default(),
        accounts_with_access: count(figures.accounts_with_access),
        excluded_by_review_code: count(figures.excluded_by_review_code),
        exclusions_overridden: count(figures.exclusions_overridden),
        revision: i32::try_from(*number).unwrap_or(i32::MAX),
        record_time: Some(api::time::to_wire(revision.recorded_at)),
        superseded_time: superseded_at.map(api::time::to_wire),
        submitted_by: sender.map(|sender| sender.account.clone()).unwrap_or_default(),
        reason_code: sender.map(|sender| sender.reason_code.clone()).unwrap_or_default(),
    }
}

fn differences_query(
    request: &wire::ListReturnDifferencesRequest,
    now: Timestamp,
) -> Result<(DifferencesQuery, Page<DifferencesCursor>), Error> {
    let page: Page<DifferencesCursor> = api::page!(request, PageLimits::STANDARD)?;
    let start = api::time::required_date("period_start_date", &request.period_start_date)?;
    let end = api::time::required_date("period_end_date", &request.period_end_date)?;
    let today = Day::of(now).date();
    if end > today {
        let refused =
            Error::invalid("period_end_date", "PERIOD_NOT_OVER", "{field} is {end}, which is after today, {today}");
        return Err(refused.with("end", end).with("today", today));
    }
    let period = Period::new(Day::from(start), Day::from(end));
    let (after, known_at) = match &page.after {
        None => (None, moment_until_now("known_at", request.known_at.as_ref(), now)?),
        Some((code, kind, known_at)) => {
            let known_at = Timestamp::from_microsecond(*known_at).unwrap_or(now);
            let kind = wire::ReturnDifferenceKind::try_from(*kind).ok().and_then(kind_from);
            (Some(practice(code)?).zip(kind), known_at)
        }
    };
    let query = DifferencesQuery {
        period: period.map_err(|error| of_period("period_end_date", &error))?,
        area: area(&request.area)?,
        kind: kind_from(request.kind()),
        after,
        rows_max: page.rows,
        frame: frame(&request.capability, known_at, request.min_position)?,
    };
    Ok((query, page))
}

fn differences_response(
    query: &DifferencesQuery,
    page: &Page<DifferencesCursor>,
    found: DifferencesPage,
) -> wire::ListReturnDifferencesResponse {
    let DifferencesPage { found, goes_on, positions } = found;
    let known_at = query.frame.known_at;
    let last = found.differences.last().filter(|_| goes_on);
    let cursor =
        |last: &Difference| (last.practice.to_string(), i32::from(kind_to_wire(last.kind)), known_at.as_microsecond());
    wire::ListReturnDifferencesResponse {
        next_page_token: last.map(|last| page.next_page_token(&cursor(last))).unwrap_or_default(),
        differences: found.differences.into_iter().map(difference_to_wire).collect(),
        practices_returned_count: count(found.returned_count),
        practices_live_count: count(found.live_count),
        capability: query.frame.capability.to_string(),
        as_at: Some(api::time::to_wire(query.as_at())),
        known_at: Some(api::time::to_wire(known_at)),
        registry_position: positions.registry,
        returns_position: positions.returns,
        events_position: positions.events,
    }
}

fn difference_to_wire(difference: Difference) -> wire::ReturnDifference {
    let Difference { practice, kind, registry_supplier, patients_registered, returned, changes } = difference;
    let (accounts_change, events_change) = changes.unwrap_or_default();
    let mut told = wire::ReturnDifference {
        practice: format!("practices/{practice}"),
        kind: kind_to_wire(kind).into(),
        registry_supplier: registry_supplier.map(|name| format!("suppliers/{name}")).unwrap_or_default(),
        patients_registered: patients_registered.map(count).unwrap_or_default(),
        accounts_change,
        events_change,
        ..wire::ReturnDifference::default()
    };
    if let Some((supplier, end, accounts)) = returned {
        told.return_supplier = format!("suppliers/{supplier}");
        told.period_end_date = end.to_string();
        told.accounts_with_access = count(accounts);
    }
    told
}

fn kind_to_wire(kind: DifferenceKind) -> wire::ReturnDifferenceKind {
    match kind {
        DifferenceKind::NotLive => wire::ReturnDifferenceKind::NotLive,
        DifferenceKind::NoReturn => wire::ReturnDifferenceKind::NoReturn,
        DifferenceKind::OtherSupplier => wire::ReturnDifferenceKind::OtherSupplier,
        DifferenceKind::NotOpen => wire::ReturnDifferenceKind::NotOpen,
        DifferenceKind::AboveList => wire::ReturnDifferenceKind::AboveList,
        DifferenceKind::EventsDiffer => wire::ReturnDifferenceKind::EventsDiffer,
    }
}

fn kind_from(kind: wire::ReturnDifferenceKind) -> Option<DifferenceKind> {
    match kind {
        wire::ReturnDifferenceKind::Unspecified => None,
        wire::ReturnDifferenceKind::NotLive => Some(DifferenceKind::NotLive),
        wire::ReturnDifferenceKind::NoReturn => Some(DifferenceKind::NoReturn),
        wire::ReturnDifferenceKind::OtherSupplier => Some(DifferenceKind::OtherSupplier),
        wire::ReturnDifferenceKind::NotOpen => Some(DifferenceKind::NotOpen),
        wire::ReturnDifferenceKind::AboveList => Some(DifferenceKind::AboveList),
        wire::ReturnDifferenceKind::EventsDiffer => Some(DifferenceKind::EventsDiffer),
    }
}

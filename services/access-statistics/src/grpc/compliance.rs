//! GetCompliance and the definitions, between the wire and the query.

use api::{Error, Page, PageLimits};
use jiff::Timestamp;
use proto::statistics::v1 as wire;
use tally::{Area, CATALOGUE, Compliance, Denominator, Measure};

use super::series::group_by;
use super::statistics::{area, definition, frame, moment_until_now};
use super::summary::{denominator, figure};
use crate::query::compliance::{CompliancePage, ComplianceQuery};

/// Where a page begins: after this area, as at and by what was known (in microseconds) when the first page was answered, so that
/// all pages are of one state.
pub(super) type ComplianceCursor = (String, i64, i64);

pub(super) fn query(
    request: &wire::GetComplianceRequest,
    now: Timestamp,
) -> Result<(ComplianceQuery, Page<ComplianceCursor>), Error> {
    let page: Page<ComplianceCursor> = api::page!(request, PageLimits::STANDARD)?;
    let (after, as_at, known_at) = match &page.after {
        None => {
            let as_at = moment_until_now("as_at", request.as_at.as_ref(), now)?;
            (None, as_at, moment_until_now("known_at", request.known_at.as_ref(), now)?)
        }
        Some((name, as_at, known_at)) => {
            let before = |microseconds: i64| Timestamp::from_microsecond(microseconds).unwrap_or(now);
            (Some(area(name)?), before(*as_at), before(*known_at))
        }
    };
    let group_by = match request.group_by() {
        wire::AreaKind::Unspecified => None,
        kind => Some(group_by(kind)?),
    };
    let query = ComplianceQuery {
        within: area(&request.area)?,
        group_by,
        as_at,
        after,
        rows_max: page.rows,
        frame: frame(&request.capability, known_at, request.min_position)?,
    };
    Ok((query, page))
}

pub(super) fn response(
    query: &ComplianceQuery,
    page: &Page<ComplianceCursor>,
    counted: CompliancePage,
) -> wire::GetComplianceResponse {
    let CompliancePage { areas, goes_on_after, positions } = counted;
    let (as_at, known_at) = (query.as_at, query.frame.known_at);
    let next_page_token = goes_on_after
        .map(|area| page.next_page_token(&(area.to_string(), as_at.as_microsecond(), known_at.as_microsecond())))
        .unwrap_or_default();
    wire::GetComplianceResponse {
        areas: areas.into_iter().map(|(area, counted, published)| to_wire(&area, counted, published)).collect(),
        capability: query.frame.capability.to_string(),
        as_at: Some(api::time::to_wire(as_at)),
        known_at: Some(api::time::to_wire(known_at)),
        registry_position: positions.registry,
        returns_position: positions.returns,
        definitions: Compliance::measures().into_iter().map(definition).collect(),
        next_page_token,
    }
}

fn to_wire(area: &Area, counted: Compliance, published: Vec<Denominator>) -> wire::AreaCompliance {
    let exclusion_rate = counted.exclusion_rate();
    wire::AreaCompliance {
        area: area.to_string(),
        default_for_new_users: Some(figure(counted.default_for_new_users)),
        on_for_most_accounts: Some(figure(counted.on_for_most_accounts)),
        accounts_with_access: Some(figure(counted.accounts_with_access)),
        patients_excluded: Some(figure(counted.patients_excluded)),
        exclusion_rate,
        published: published.into_iter().map(denominator).collect(),
    }
}

pub(super) fn definitions(request: &wire::ListDefinitionsRequest) -> Result<wire::ListDefinitionsResponse, Error> {
    let page: Page<String> = api::page!(request, PageLimits::STANDARD)?;
    let mut all: Vec<wire::Definition> = CATALOGUE.iter().map(|entry| definition(entry.measure)).collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all.retain(|definition| page.after.as_ref() < Some(&definition.name));
    let goes_on = all.len() > page.rows;
    all.truncate(page.rows);
    let last = all.last().filter(|_| goes_on);
    let next_page_token = last.map(|last| page.next_page_token(&last.name)).unwrap_or_default();
    Ok(wire::ListDefinitionsResponse { definitions: all, next_page_token })
}

pub(super) fn one_definition(request: &wire::GetDefinitionRequest) -> Result<wire::GetDefinitionResponse, Error> {
    let name = &request.name;
    let measure = Measure::named(name).ok_or_else(|| {
        Error::not_found("DEFINITION_NOT_FOUND", "{definition} is not defined").with("definition", name)
    })?;
    Ok(wire::GetDefinitionResponse { definition: Some(definition(measure)) })
}

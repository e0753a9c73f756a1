//! CountPractices and GetCrosswalk: practices and patients by organisation, in the codes of a chosen day or of two.

use std::collections::BTreeMap;

use api::{Error, Page, PageLimits};
use jiff::civil::Date;
use practice::{Codes, Geography, State, View};
use proto::registry::v1 as wire;

use crate::fields::Row;
use crate::grpc::Handlers;
use crate::grpc::practices::filter_from_wire;
use crate::grpc::reading::{Reading, past_date, reading};
use crate::grpc::submit::Asked;

/// Practices, their patients, and how many of them have a list size.
#[derive(Clone, Copy, Default)]
struct Count {
    practices: i64,
    patients: i64,
    list_sizes: i64,
}

impl Count {
    fn add(&mut self, view: View<'_>) {
        self.practices += 1;
        if let Some(list_size) = view.list_size() {
            self.patients += i64::from(list_size.patients);
            self.list_sizes += 1;
        }
    }

    fn to_wire(self, code: &str, display_name: &str) -> wire::PracticeCount {
        wire::PracticeCount {
            code: code.to_owned(),
            display_name: display_name.to_owned(),
            practices_count: self.practices,
            patients_count: self.patients,
            list_sizes_count: self.list_sizes,
        }
    }
}

pub(crate) async fn count(
    handlers: &Handlers,
    asked: Asked<wire::CountPracticesRequest>,
) -> Result<wire::CountPracticesResponse, Error> {
    let request = &asked.request;
    let page: Page<String> = api::page!(request, PageLimits::STANDARD)?;
    let grouping = grouping_from_wire(request.group_by)?;
    let filter = filter_from_wire(&request.filter)?;
    let reading = reading!(request, handlers.clock.now())?;
    let published = handlers.published_at(request.min_position).await?;
    let reader = reading.of(&published.state);
    let (mut total, mut groups) = (Count::default(), BTreeMap::<String, Count>::new());
    for view in published.state.practices().filter_map(|known| reader.view(known)) {
        if filter.matches(&Row::new(view)) {
            total.add(view);
            groups.entry(group_of(view, grouping)).or_default().add(view);
        }
    }
    let name = |code: &str| display_name(&published.state, code, reading.codes_day(), reading);
    let (counts, next_page_token) = page_of(&page, &groups, |code, count| count.to_wire(code, &name(code)));
    Ok(wire::CountPracticesResponse {
        counts,
        total: Some(total.to_wire("", "")),
        next_page_token,
        position: published.position,
    })
}

pub(crate) async fn crosswalk(
    handlers: &Handlers,
    asked: Asked<wire::GetCrosswalkRequest>,
) -> Result<wire::GetCrosswalkResponse, Error> {
    let request = &asked.request;
    let page: Page<(String, String)> = api::page!(request, PageLimits::STANDARD)?;
    let code_of = kind_from_wire(request.kind)?;
    let now = handlers.clock.now();
    let from = past_date("from_date", &request.from_date, now)?.ok_or_else(|| required("from_date"))?;
    let to = past_date("to_date", &request.to_date, now)?.unwrap_or(ods::civil::civil_date(now));
    let filter = filter_from_wire(&request.filter)?;
    let reading = Reading::new(None, request.known_at.as_ref(), now)?;
    let published = handlers.published_at(request.min_position).await?;
    let (state, reader) = (&published.state, reading.of(&published.state));
    let (before, after) = (Codes::of(state, from, reading.known_at()), Codes::of(state, to, reading.known_at()));
    let mut lines = BTreeMap::<(String, String), Count>::new();
    for view in state.practices().filter_map(|known| reader.view(known)) {
        let code_in = |codes: &Codes<'_>| code_of(&codes.geography(view.practice()));
        if filter.matches(&Row::new(view))
            && let (Some(from), Some(to)) = (code_in(&before), code_in(&after))
        {
            lines.entry((from, to)).or_default().add(view);
        }
    }
    let (lines, next_page_token) = page_of(&page, &lines, |(from_code, to_code), count| wire::CrosswalkLine {
        from_code: from_code.clone(),
        from_display_name: display_name(state, from_code, from, reading),
        to_code: to_code.clone(),
        to_display_name: display_name(state, to_code, to, reading),
        practices_count: count.practices,
        patients_count: count.patients,
    });
    Ok(wire::GetCrosswalkResponse { lines, next_page_token, position: published.position })
}

/// The rows of a page, and the token of the next.
fn page_of<K, R>(page: &Page<K>, all: &BTreeMap<K, Count>, row: impl Fn(&K, Count) -> R) -> (Vec<R>, String)
where
    K: Ord + serde::Serialize + serde::de::DeserializeOwned,
{
    let mut rest = all.iter().filter(|(key, _)| page.after.as_ref().is_none_or(|after| *key > after));
    let rows: Vec<_> = rest.by_ref().take(page.rows).collect();
    let next = rest.next().and(rows.last());
    let next_page_token = next.map(|(key, _)| page.next_page_token(key)).unwrap_or_default();
    (rows.into_iter().map(|(key, count)| row(key, *count)).collect(), next_page_token)
}

/// The organisation's name on a day; its latest where that day knew none, empty where there is none at all.
fn display_name(state: &State, code: &str, day: Date, reading: Reading) -> String {
    let Some(known) = state.organisation(code) else { return String::new() };
    let then = known.as_of(day, reading.known_at()).map(|fact| &fact.value.name).filter(|name| !name.is_empty());
    then.unwrap_or(&known.latest().name).clone()
}

fn grouping_from_wire(group_by: i32) -> Result<wire::PracticeGrouping, Error> {
    wire::PracticeGrouping::try_from(group_by).map_err(|_| {
        Error::invalid("group_by", "GROUPING_UNKNOWN", "{field} must be REGION, ICB, SUB_ICB, PCN, SUPPLIER or nothing")
    })
}

fn group_of(view: View<'_>, grouping: wire::PracticeGrouping) -> String {
    match grouping {
        wire::PracticeGrouping::Unspecified => String::new(),
        wire::PracticeGrouping::Region => shown(view.region()),
        wire::PracticeGrouping::Icb => shown(view.icb()),
        wire::PracticeGrouping::SubIcb => shown(view.sub_icb()),
        wire::PracticeGrouping::Pcn => shown(view.pcn()),
        wire::PracticeGrouping::Supplier => shown(view.supplier()),
    }
}

fn shown(code: Option<impl ToString>) -> String {
    code.map(|code| code.to_string()).unwrap_or_default()
}

/// How to find the code of this kind of organisation.
fn kind_from_wire(kind: i32) -> Result<fn(&Geography) -> Option<String>, Error> {
    match wire::OrganisationKind::try_from(kind) {
        Ok(wire::OrganisationKind::Pcn) => Ok(|of| of.pcn.map(|code| code.to_string())),
        Ok(wire::OrganisationKind::SubIcb) => Ok(|of| of.sub_icb.map(|code| code.to_string())),
        Ok(wire::OrganisationKind::Icb) => Ok(|of| of.icb.map(|code| code.to_string())),
        Ok(wire::OrganisationKind::Region) => Ok(|of| of.region.map(|code| code.to_string())),
        Ok(wire::OrganisationKind::Unspecified) | Err(_) => {
            Err(Error::invalid("kind", "FIELD_REQUIRED", "{field} must be PCN, SUB_ICB, ICB or REGION"))
        }
    }
}

fn required(path: &str) -> Error {
    Error::invalid(path, "FIELD_REQUIRED", "{field} is required")
}

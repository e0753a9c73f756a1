//! Enrolments: reading them.

use api::{Error, Page, PageLimits};
use filter::Filter;
use ods::PracticeCode;
use proto::scheduler::v1 as wire;
use rollout::WaveId;
use rollout::state::{Enrolment, Programme, Wave};

use super::convert::enrolment::{self, Seen, drift_of};
use super::convert::name;
use super::submit::Asked;
use super::{Handlers, programme_of, refusal, wave_of};
use crate::fields::{self, Row};

/// Where a page of enrolments ended.
type Place = (WaveId, PracticeCode);

pub(super) async fn list(
    handlers: &Handlers,
    asked: Asked<wire::ListEnrolmentsRequest>,
) -> Result<wire::ListEnrolmentsResponse, Error> {
    let request = &asked.request;
    let page: Page<Place> = api::page!(request, PageLimits::STANDARD)?;
    let parent = name::waves("parent", &request.parent)?;
    let filter = fields::filter(&request.filter).map_err(|error| refusal::of_filter("filter", &error))?;
    let published = handlers.at(request.min_position).await?;
    let (state, view) = (&published.state.rollout, handlers.followed.view());
    let programme = programme_of(state, &parent.programme)?;
    let waves: Vec<&Wave> = match parent.wave {
        None => programme.waves.values().collect(),
        Some(wave) => vec![wave_of(state, &programme.wave_ref(wave))?],
    };
    Ok(page_of(Seen { state, view: &view }, programme, &waves, &filter, &page))
}

fn page_of(
    seen: Seen<'_>,
    programme: &Programme,
    waves: &[&Wave],
    filter: &Filter,
    page: &Page<Place>,
) -> wire::ListEnrolmentsResponse {
    let mut listed: Vec<(&Wave, &Enrolment)> = Vec::new();
    for wave in waves {
        let after = |enrolment: &&Enrolment| page.after.is_none_or(|after| (wave.id.wave, enrolment.practice) > after);
        let row = |enrolment| Row { enrolment, drift: drift_of(seen, programme, enrolment) };
        let matching = wave.enrolments().filter(after).filter(|enrolment| filter.matches(&row(enrolment)));
        // One more than the page holds tells that there is another page.
        listed.extend(matching.take(page.rows + 1 - listed.len()).map(|enrolment| (*wave, enrolment)));
        if listed.len() > page.rows {
            break;
        }
    }
    let more = listed.len() > page.rows;
    listed.truncate(page.rows);
    let next = listed.last().filter(|_| more).map(|(wave, last)| page.next_page_token(&(wave.id.wave, last.practice)));
    let to_wire = |(wave, one): (&Wave, &Enrolment)| enrolment::enrolment_to_wire(seen, programme, wave, one);
    wire::ListEnrolmentsResponse {
        enrolments: listed.into_iter().map(to_wire).collect(),
        next_page_token: next.unwrap_or_default(),
    }
}

pub(super) async fn get(
    handlers: &Handlers,
    asked: Asked<wire::GetEnrolmentRequest>,
) -> Result<wire::GetEnrolmentResponse, Error> {
    let (id, practice) = name::enrolment("name", &asked.request.name)?;
    let published = handlers.at(asked.request.min_position).await?;
    let (state, view) = (&published.state.rollout, handlers.followed.view());
    let programme = programme_of(state, &id.programme)?;
    let wave = wave_of(state, &id)?;
    let found = wave.enrolment(practice).ok_or_else(|| {
        Error::not_found("ENROLMENT_NOT_FOUND", "{practice} is not in {wave}")
            .with("practice", format!("practices/{practice}"))
            .with("wave", &id)
    })?;
    let seen = Seen { state, view: &view };
    Ok(wire::GetEnrolmentResponse { enrolment: Some(enrolment::enrolment_to_wire(seen, programme, wave, found)) })
}

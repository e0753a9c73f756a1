//! GetOrganisation, ListOrganisations, SetOrganisationLifetime: the organisations above practices, in both times.

use std::collections::BTreeMap;

use api::{Error, Page, PageLimits};
use practice::command::SetOrganisationLifetime;
use practice::directory::Status;
use practice::facts::Fact;
use practice::geography::Moves;
use practice::{Command, Organisation, OrganisationEntry, OrganisationLifetime, State};
use proto::registry::v1 as wire;

use crate::grpc::practices::filter_over;
use crate::grpc::reading::Reading;
use crate::grpc::submit::{Ask, Asked};
use crate::grpc::{Handlers, name, refusal, resource};
use crate::organisation_fields::{ORGANISATION, OrganisationRow};

pub(crate) async fn get(
    handlers: &Handlers,
    asked: Asked<wire::GetOrganisationRequest>,
) -> Result<wire::GetOrganisationResponse, Error> {
    let request = &asked.request;
    let code = name::organisation("name", &request.name)?;
    let reading = Reading::new(request.effective_at.as_ref(), request.known_at.as_ref(), handlers.clock.now())?;
    let published = handlers.published_at(request.min_position).await?;
    let state = &published.state;
    let told = state.organisation(code).and_then(|known| Some((known, said(known, reading)?)));
    let (known, entry) = told.ok_or_else(|| refusal::organisation_not_found(&request.name))?;
    let organisation = Practices::of(state, reading).to_wire(known, &entry.value);
    Ok(wire::GetOrganisationResponse { organisation: Some(organisation) })
}

pub(crate) async fn list(
    handlers: &Handlers,
    asked: Asked<wire::ListOrganisationsRequest>,
) -> Result<wire::ListOrganisationsResponse, Error> {
    let request = &asked.request;
    let page: Page<String> = api::page!(request, PageLimits::STANDARD)?;
    let filter = filter_over(&ORGANISATION, &request.filter)?;
    let reading = Reading::new(request.effective_at.as_ref(), request.known_at.as_ref(), handlers.clock.now())?;
    let published = handlers.published_at(request.min_position).await?;
    let state = &published.state;
    let practices = Practices::of(state, reading);
    let wanted = |known| {
        let entry = &said(known, reading)?.value;
        let kind = i32::from(resource::kind_to_wire(entry.kind));
        let any = request.kind == i32::from(wire::OrganisationKind::Unspecified);
        let selected = (any || request.kind == kind) && filter.matches(&practices.row(known, entry));
        selected.then_some((known, entry))
    };
    let after = page.after.as_deref().unwrap_or_default();
    let mut rest = state.organisations_after(after).filter_map(wanted);
    let organisations: Vec<_> = rest.by_ref().take(page.rows).collect();
    let next = rest.next().and(organisations.last());
    Ok(wire::ListOrganisationsResponse {
        next_page_token: next.map(|(_, last)| page.next_page_token(&last.code)).unwrap_or_default(),
        organisations: organisations.iter().map(|(known, entry)| practices.to_wire(known, entry)).collect(),
        position: published.position,
    })
}

pub(crate) async fn set_lifetime(
    handlers: &Handlers,
    asked: Asked<wire::SetOrganisationLifetimeRequest>,
) -> Result<wire::SetOrganisationLifetimeResponse, Error> {
    let request = &asked.request;
    let code = name::organisation("name", &request.name)?.to_owned();
    let open = api::time::date("open_date", &request.open_date)?;
    let close = api::time::date("close_date", &request.close_date)?;
    let if_position = position_of_etag(handlers, &code, &request.etag)?;
    let command = Command::SetOrganisationLifetime(SetOrganisationLifetime {
        organisation: code.clone(),
        lifetime: OrganisationLifetime { open, close },
        if_position,
    });
    let ask = Ask::new(&asked.caller, &api::mutation!(*request)?, command);
    let reading = Reading::new(None, None, handlers.clock.now())?;
    handlers
        .submit(ask, move |outcome| {
            let state = outcome.after;
            let practices = Practices::of(state, reading);
            let organisation = state.organisation(&code).map(|known| practices.to_wire(known, known.latest()));
            wire::SetOrganisationLifetimeResponse { organisation, position: outcome.position }
        })
        .await
}

/// The position that an etag stands for; None where none was given.
fn position_of_etag(handlers: &Handlers, code: &str, etag: &str) -> Result<Option<u64>, Error> {
    if etag.is_empty() {
        return Ok(None);
    }
    let position = resource::position_of(etag).ok_or_else(|| {
        let published = handlers.engine.published();
        let current = published.state.organisation(code).map(|known| resource::etag(known.position));
        refusal::organisation_etag_mismatch(code, etag, &current.unwrap_or_default())
    })?;
    Ok(Some(position))
}

/// What is said of an organisation at the moment that is read; None where it is not there. In the present, also what a
/// source has said of it last.
fn said(known: &Organisation, reading: Reading) -> Option<&Fact<OrganisationEntry>> {
    if reading.is_present() { Some(known.facts().latest()) } else { known.as_of(reading.day(), reading.known_at()) }
}

/// What the practices say of the organisations above them: one look at all of them, for any number of organisations.
struct Practices {
    reading: Reading,
    moves: Moves,
    counts: BTreeMap<String, i64>,
}

impl Practices {
    fn of(state: &State, reading: Reading) -> Self {
        let mut counts: BTreeMap<String, i64> = BTreeMap::new();
        let reader = reading.of(state);
        let open = |view: &practice::View<'_>| view.status() != Status::Closed;
        for view in state.practices().filter_map(|known| reader.view(known)).filter(open) {
            let (pcn, sub_icb, icb, region) = (view.pcn(), view.sub_icb(), view.icb(), view.region());
            let codes = [
                pcn.as_ref().map(AsRef::as_ref),
                sub_icb.as_ref().map(AsRef::as_ref),
                icb.as_ref().map(AsRef::as_ref),
                region.as_ref().map(AsRef::<str>::as_ref),
            ];
            for code in codes.into_iter().flatten() {
                match counts.get_mut(code) {
                    Some(count) => *count += 1,
                    None => {
                        counts.insert(code.to_owned(), 1);
                    }
                }
            }
        }
        Self { reading, moves: Moves::up_to(state, reading.day(), reading.known_at()), counts }
    }

    fn row<'a>(&self, known: &Organisation, entry: &'a OrganisationEntry) -> OrganisationRow<'a> {
        let practices_count = self.counts.get(&entry.code).copied().unwrap_or_default();
        OrganisationRow { entry, lifetime: known.lifetime(self.reading.known_at()), practices_count }
    }

    fn to_wire(&self, known: &Organisation, entry: &OrganisationEntry) -> wire::Organisation {
        let OrganisationRow { lifetime, practices_count, .. } = self.row(known, entry);
        wire::Organisation {
            name: name::of_organisation(&entry.code),
            code: entry.code.clone(),
            kind: resource::kind_to_wire(entry.kind).into(),
            display_name: entry.name.clone(),
            parent_code: entry.parent.clone(),
            position: known.position,
            open_date: lifetime.open.map(|day| day.to_string()).unwrap_or_default(),
            close_date: lifetime.close.map(|day| day.to_string()).unwrap_or_default(),
            successors: shares(self.moves.successors(&entry.code)),
            predecessors: shares(self.moves.predecessors(&entry.code)),
            practices_count,
            etag: resource::etag(known.position),
        }
    }
}

/// Most practices first; of equals the first by code.
fn shares(moves: Option<&BTreeMap<String, u32>>) -> Vec<wire::OrganisationShare> {
    let share = |(code, count): (&String, &u32)| wire::OrganisationShare {
        organisation: name::of_organisation(code),
        code: code.clone(),
        practices_count: i64::from(*count),
    };
    let mut shares: Vec<_> = moves.into_iter().flatten().map(share).collect();
    shares.sort_by_key(|share| std::cmp::Reverse(share.practices_count));
    shares
}

//! CompareSources and ListSourceDisagreements: why the official counts of practices differ.

use std::collections::BTreeMap;

use api::{Error, Page, PageLimits};
use ods::PracticeCode;
use practice::State;
use practice::disagreement::{DisagreementKind, Standing};
use practice::source::{Latest, SourceKind};
use proto::registry::v1 as wire;

use crate::grpc::submit::Asked;
use crate::grpc::{Handlers, name};

/// How many practices, and of them how many with each kind of difference.
#[derive(Default)]
struct Tally {
    practices: i64,
    disagreements: BTreeMap<DisagreementKind, i64>,
}

impl Tally {
    fn add(&mut self, kinds: &[DisagreementKind]) {
        self.practices += 1;
        for kind in kinds {
            *self.disagreements.entry(*kind).or_default() += 1;
        }
    }

    fn disagreements_to_wire(&self) -> Vec<wire::SourceDisagreementCount> {
        let count = |(kind, practices_count): (&DisagreementKind, &i64)| wire::SourceDisagreementCount {
            kind: kind_to_wire(*kind).into(),
            practices_count: *practices_count,
        };
        self.disagreements.iter().map(count).collect()
    }
}

pub(crate) async fn compare(
    handlers: &Handlers,
    asked: Asked<wire::CompareSourcesRequest>,
) -> Result<wire::CompareSourcesResponse, Error> {
    let published = handlers.published_at(asked.request.min_position).await?;
    let state = &published.state;
    let (mut all, mut overlaps) = (Tally::default(), BTreeMap::<Vec<SourceKind>, Tally>::new());
    for practice in state.sources().practices_after(None) {
        let standing = Standing::of(state, practice);
        let kinds = kinds_of(&standing);
        all.add(&kinds);
        let counted_in = counted_in(&standing);
        if !counted_in.is_empty() {
            overlaps.entry(counted_in).or_default().add(&kinds);
        }
    }
    let count = |kind| overlaps.iter().filter(|(of, _)| of.contains(&kind)).map(|(_, tally)| tally.practices).sum();
    let sources = SourceKind::ALL.into_iter().filter_map(|kind| issue(state, kind, count(kind))).collect();
    let overlap = |(of, tally): (&Vec<SourceKind>, &Tally)| wire::SourceOverlap {
        sources: of.iter().map(|kind| source_to_wire(*kind).into()).collect(),
        practices_count: tally.practices,
        disagreements: tally.disagreements_to_wire(),
    };
    let mut told: Vec<_> = overlaps.iter().map(overlap).collect();
    told.sort_by_key(|overlap| std::cmp::Reverse(overlap.practices_count));
    Ok(wire::CompareSourcesResponse {
        sources,
        overlaps: told,
        disagreements: all.disagreements_to_wire(),
        position: published.position,
    })
}

pub(crate) async fn list(
    handlers: &Handlers,
    asked: Asked<wire::ListSourceDisagreementsRequest>,
) -> Result<wire::ListSourceDisagreementsResponse, Error> {
    let request = &asked.request;
    let page: Page<PracticeCode> = api::page!(request, PageLimits::STANDARD)?;
    let published = handlers.published_at(request.min_position).await?;
    let state = &published.state;
    let any = request.kind == i32::from(wire::SourceDisagreementKind::Unspecified);
    let wanted = |kind: &DisagreementKind| any || i32::from(kind_to_wire(*kind)) == request.kind;
    let mut rest = state.sources().practices_after(page.after).filter_map(|practice| {
        let standing = Standing::of(state, practice);
        kinds_of(&standing).iter().any(wanted).then_some((practice, standing))
    });
    let rows: Vec<_> = rest.by_ref().take(page.rows).collect();
    let next = rest.next().and(rows.last());
    Ok(wire::ListSourceDisagreementsResponse {
        next_page_token: next.map(|(last, _)| page.next_page_token(last)).unwrap_or_default(),
        practices: rows.iter().map(|(practice, standing)| disagreement(state, *practice, standing)).collect(),
        position: published.position,
    })
}

fn kinds_of(standing: &Standing<'_>) -> Vec<DisagreementKind> {
    let mut kinds: Vec<_> = standing.disagreements().into_iter().map(|found| found.kind).collect();
    // In the order of their kinds, which one practice may have twice, by two sources.
    kinds.dedup();
    kinds
}

fn counted_in(standing: &Standing<'_>) -> Vec<SourceKind> {
    SourceKind::ALL.into_iter().filter(|kind| standing.counts_in(*kind)).collect()
}

fn issue(state: &State, kind: SourceKind, practices_count: i64) -> Option<wire::SourceIssue> {
    let publication = state.sources().source(kind)?.publication()?;
    let definition = match kind {
        SourceKind::Map => "practices that the map names with the supplier of their GP system",
        SourceKind::ListSizes => "practices with registered patients",
        SourceKind::Epraccur => "GP practices in England that are open and not dormant on the day, by epraccur",
    };
    Some(wire::SourceIssue {
        source: source_to_wire(kind).into(),
        publication: publication.name.clone(),
        publication_date: publication.date.to_string(),
        effective_date: publication.effective_from.to_string(),
        practices_count,
        definition: definition.to_owned(),
    })
}

fn disagreement(state: &State, practice: PracticeCode, standing: &Standing<'_>) -> wire::PracticeDisagreement {
    let known = state.practice(practice);
    let told = standing
        .disagreements()
        .into_iter()
        .map(|found| wire::SourceDisagreement { kind: kind_to_wire(found.kind).into(), detail: found.detail });
    wire::PracticeDisagreement {
        practice: name::of_practice(practice),
        display_name: known.map(|known| known.name.latest().value.clone()).unwrap_or_default(),
        counted_in: counted_in(standing).into_iter().map(|kind| source_to_wire(kind).into()).collect(),
        statements: standing.statements().map(|(kind, latest)| statement(kind, latest)).collect(),
        disagreements: told.collect(),
    }
}

fn statement(kind: SourceKind, latest: Latest<'_>) -> wire::SourceStatement {
    let said = latest.statement;
    let lifetime = said.lifetime.unwrap_or_default();
    wire::SourceStatement {
        source: source_to_wire(kind).into(),
        publication: latest.publication.name.clone(),
        publication_date: latest.publication.date.to_string(),
        is_current: latest.is_current,
        open_date: shown(lifetime.open),
        close_date: shown(lifetime.close),
        dormant: lifetime.dormant,
        sub_icb_code: shown(said.sub_icb),
        icb_code: shown(said.icb),
        region_code: shown(said.region),
        list_size: said.patients.map(i64::from),
        has_supplier: said.has_supplier,
    }
}

fn shown(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn source_to_wire(kind: SourceKind) -> wire::DirectoryFormat {
    match kind {
        SourceKind::Map => wire::DirectoryFormat::Map,
        SourceKind::ListSizes => wire::DirectoryFormat::ListSizes,
        SourceKind::Epraccur => wire::DirectoryFormat::Epraccur,
    }
}

fn kind_to_wire(kind: DisagreementKind) -> wire::SourceDisagreementKind {
    match kind {
        DisagreementKind::UnknownToOds => wire::SourceDisagreementKind::UnknownToOds,
        DisagreementKind::ClosedSince => wire::SourceDisagreementKind::ClosedSince,
        DisagreementKind::ClosedButCounted => wire::SourceDisagreementKind::ClosedButCounted,
        DisagreementKind::DormantButCounted => wire::SourceDisagreementKind::DormantButCounted,
        DisagreementKind::OpenedSince => wire::SourceDisagreementKind::OpenedSince,
        DisagreementKind::ActiveWithoutPatients => wire::SourceDisagreementKind::ActiveWithoutPatients,
        DisagreementKind::CountedButNotMapped => wire::SourceDisagreementKind::CountedButNotMapped,
        DisagreementKind::SubIcbDiffers => wire::SourceDisagreementKind::SubIcbDiffers,
        DisagreementKind::IcbDiffers => wire::SourceDisagreementKind::IcbDiffers,
        DisagreementKind::RegionDiffers => wire::SourceDisagreementKind::RegionDiffers,
    }
}

//! Issues on the wire.

use jiff::Timestamp;
use proto::statistics::v1 as wire;
use tally::{Exactness, Level, PublishedFigure, Remedy};

use super::Eyes;
use crate::grpc::sets::counted;
use crate::grpc::statistics::{count, definition, period_to_wire};
use crate::publication::{Edition, measures};

/// How much of an issue is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// What it is.
    Outline,
    /// Also what it says.
    Whole,
}

/// An issue as it stood at a moment, for whoever has these eyes.
pub(super) fn to_wire(edition: &Edition, eyes: Eyes, part: Part, known_at: Timestamp) -> wire::Publication {
    let issued = &edition.issued;
    let issue = &issued.issue;
    let name = &issue.name.publication;
    let is_public = issued.is_public(known_at);
    let state = if is_public { wire::PublicationState::Released } else { wire::PublicationState::Embargoed };
    let sees_drafts = eyes == Eyes::Drafts;
    let mut told = wire::Publication {
        name: name.to_string(),
        issue: i32::try_from(issue.name.issue).unwrap_or(i32::MAX),
        capability: name.capability.to_string(),
        period: Some(period_to_wire(name.period.days())),
        state: state.into(),
        release_time: Some(api::time::to_wire(edition.release_at)),
        released_time: issued.released_at.filter(|_| is_public).map(api::time::to_wire),
        create_time: Some(api::time::to_wire(issued.recorded_at)),
        created_by: if sees_drafts { issue.author.clone() } else { String::new() },
        correction: issue.correction.as_ref().map(|correction| correction.words.clone()).unwrap_or_default(),
        known_at: Some(api::time::to_wire(issue.known_at)),
        registry_position: issue.positions.registry,
        returns_position: issue.positions.returns,
        events_position: issue.positions.events,
        ..wire::Publication::default()
    };
    if part == Part::Whole {
        let figures = issue.figures();
        told.figure_count = i32::try_from(figures.len()).unwrap_or(i32::MAX);
        let england = figures.into_iter().filter(|figure| figure.level == Level::England);
        told.figures = england.map(figure_to_wire).collect();
        told.definitions = measures(issue).into_iter().map(definition).collect();
        told.waves = issue.content.members_of_waves().iter().map(counted).collect();
        if sees_drafts {
            let remedies = issue.remedies.iter().flat_map(|(figure, taken)| taken.iter().map(move |one| (figure, one)));
            told.remedies = remedies.map(|(figure, taken)| remedy_to_wire(&figure.to_string(), taken)).collect();
        }
    }
    told
}

fn figure_to_wire(figure: PublishedFigure) -> wire::PublishedFigure {
    let exactness = match figure.value.exactness() {
        Exactness::Exact => wire::PublishedExactness::Exact,
        Exactness::Rounded => wire::PublishedExactness::Rounded,
        Exactness::Withheld => wire::PublishedExactness::Withheld,
    };
    let denominator = figure.denominator.map(|whole| wire::PublishedDenominator {
        definition: whole.measure.to_string(),
        value: whole.value.to_string(),
        source: whole.source,
        as_at_date: whole.as_at.map(|day| day.to_string()).unwrap_or_default(),
    });
    wire::PublishedFigure {
        area: figure.area.to_string(),
        definition: figure.measure.to_string(),
        value: figure.value.to_string(),
        exactness: exactness.into(),
        lower_bound: figure.bounds.map(|(least, _)| count(least)),
        upper_bound: figure.bounds.map(|(_, most)| count(most)),
        denominator,
        percentage: figure.permille.map(|permille| permille as f64 / 10.0),
        practices_without_data: figure.practices_without_data.map(count),
    }
}

fn remedy_to_wire(definition: &str, remedy: &Remedy) -> wire::DisclosureRemedy {
    use wire::DisclosureRemedyKind::{LeftOut, Merged, Withheld};
    let (kind, breakdown, area) = match remedy {
        Remedy::Withheld { breakdown, area } => (Withheld, breakdown, area.as_str()),
        Remedy::Merged { breakdown, into } => (Merged, breakdown, into.as_str()),
        Remedy::LeftOut { breakdown } => (LeftOut, breakdown, ""),
    };
    wire::DisclosureRemedy {
        definition: definition.to_owned(),
        kind: kind.into(),
        breakdown: breakdown.clone(),
        area: area.to_owned(),
    }
}

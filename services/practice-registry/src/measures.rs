//! What whoever is on call sees of the registry: read off the state when somebody asks.

use std::collections::BTreeMap;

use clock::Clock;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use journal::Engine;
use practice::State;
use practice::access::ObservedState;
use practice::source::{Source, SourceKind};
use telemetry::{Metric, Observation, Observed};

use crate::SyncSource;
use crate::machine::Registry;

static PRACTICES: Metric = Metric {
    name: "citizens_access.registry.practices",
    unit: "{practice}",
    description: "Practices of which something was observed, by capability and by what holds",
};
static PERMITS: Metric = Metric {
    name: "citizens_access.registry.permits.open",
    unit: "{permit}",
    description: "Permits that are not settled",
};
static PERMIT_AGE: Metric = Metric {
    name: "citizens_access.registry.permit.age",
    unit: "s",
    description: "Age of the oldest permit that is not settled; 0 where there is none",
};
static PAUSES: Metric =
    Metric { name: "citizens_access.registry.pauses", unit: "{pause}", description: "Pauses in force" };
static DISPUTES: Metric = Metric {
    name: "citizens_access.registry.disputes",
    unit: "{practice}",
    description: "Practices at which witnesses disagree about whether access is on",
};
static SOURCE_AGE: Metric = Metric {
    name: "citizens_access.registry.source.age",
    unit: "s",
    description: "Time since the day that the latest issue of a source describes, or since the last complete sync of an interface",
};

/// Has all of it observed for as long as the observation is kept.
pub(crate) fn observe(engine: Engine<Registry>, clock: Clock) -> Observation {
    telemetry::observe(move |seen| {
        let (published, now) = (engine.published(), clock.now());
        practices(seen, &published.state, now);
        sources(seen, &published.state, now);
    })
}

fn practices(seen: &mut Observed, state: &State, now: Timestamp) {
    let mut counts: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let (mut permits, mut pauses, mut disputes) = (0_u32, 0_u32, 0_u32);
    let mut oldest: Option<Timestamp> = None;
    for practice in state.practices() {
        pauses += u32::try_from(practice.pauses_in_force().count()).unwrap_or(u32::MAX);
        for (capability, access) in practice.access.iter() {
            if let Some(verdict) = access.verdict() {
                *counts.entry((capability.id(), state_word(verdict.state))).or_default() += 1;
                disputes += u32::from(verdict.is_disputed);
            }
            for permit in access.open_enable().into_iter().chain(access.open_disables()) {
                permits += 1;
                oldest = Some(oldest.map_or(permit.granted_at, |oldest| oldest.min(permit.granted_at)));
            }
        }
    }
    for ((capability, word), count) in counts {
        let attributes = [("citizens_access.capability", capability), ("citizens_access.access.state", word)];
        seen.gauge(&PRACTICES, &attributes, f64::from(count));
    }
    seen.gauge(&PERMITS, &[], f64::from(permits));
    seen.gauge(&PERMIT_AGE, &[], oldest.map_or(0.0, |since| since_s(since, now)));
    seen.gauge(&PAUSES, &[], f64::from(pauses));
    seen.gauge(&DISPUTES, &[], f64::from(disputes));
}

fn sources(seen: &mut Observed, state: &State, now: Timestamp) {
    for kind in SourceKind::ALL {
        let Some(publication) = state.sources().source(kind).and_then(Source::publication) else { continue };
        let Ok(day) = publication.date.to_zoned(TimeZone::UTC) else { continue };
        seen.gauge(&SOURCE_AGE, &[("citizens_access.source", source_word(kind))], since_s(day.timestamp(), now));
    }
    for source in [SyncSource::Fhir, SyncSource::Ord] {
        let Some(completed) = state.syncs().last_completed(source) else { continue };
        let attributes = [("citizens_access.source", interface_word(source))];
        seen.gauge(&SOURCE_AGE, &attributes, since_s(completed.updated_at, now));
    }
}

fn since_s(since: Timestamp, now: Timestamp) -> f64 {
    now.duration_since(since).max(SignedDuration::ZERO).as_secs_f64()
}

fn state_word(state: ObservedState) -> &'static str {
    match state {
        ObservedState::Off => "OFF",
        ObservedState::On => "ON",
        ObservedState::Partial => "PARTIAL",
        ObservedState::Unknown => "UNKNOWN",
    }
}

fn source_word(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Map => "map",
        SourceKind::ListSizes => "list-sizes",
        SourceKind::Epraccur => "epraccur",
    }
}

fn interface_word(source: SyncSource) -> &'static str {
    match source {
        SyncSource::Fhir => "fhir",
        SyncSource::Ord => "ord",
    }
}

//! What whoever is on call sees of the scheduler: read off the state when somebody asks, so that every replica says the
//! same and a restart forgets nothing.
//!
//! Waves are told while they are under way, so that their number is bounded by what a programme does at once.

use std::collections::BTreeMap;

use clock::Clock;
use jiff::{SignedDuration, Timestamp};
use journal::Engine;
use rollout::State;
use rollout::state::{ActivationState, DueOutcome, EnrolmentState, HoldClass, HoldScope, MissReason, Wave};
use telemetry::{Follower, Metric, Observation, Observed};

use crate::follower::FollowedRegistry;
use crate::machine::SchedulerMachine;

static ACTIVATIONS: Metric = Metric {
    name: "citizens_access.scheduler.activations",
    unit: "{command}",
    description: "Commands to suppliers that anything is open about, by their stage",
};
static UNKNOWN_AGE: Metric = Metric {
    name: "citizens_access.scheduler.unknown.age",
    unit: "s",
    description: "Age of the oldest command of which nobody knows what the supplier did, since its seal; 0 where there is none",
};
static WAVES: Metric =
    Metric { name: "citizens_access.scheduler.waves", unit: "{wave}", description: "Waves by their stage" };
static ENROLMENTS: Metric = Metric {
    name: "citizens_access.scheduler.wave.enrolments",
    unit: "{practice}",
    description: "Practices of each wave under way, by their state in it",
};
static PATIENTS: Metric = Metric {
    name: "citizens_access.scheduler.wave.patients",
    unit: "{patient}",
    description: "Registered patients of those practices",
};
static HOLDS: Metric = Metric {
    name: "citizens_access.scheduler.holds",
    unit: "{hold}",
    description: "Holds in force, by what they are for and what they cover",
};
static DUE: Metric = Metric {
    name: "citizens_access.scheduler.due_moments",
    unit: "{moment}",
    description: "Due moments that have an outcome; of those missed the reason",
};
static OVERDUE_AGE: Metric = Metric {
    name: "citizens_access.scheduler.due.overdue_age",
    unit: "s",
    description: "How long the oldest due moment without an outcome has been due; 0 where there is none",
};
static NOTICES: Metric = Metric {
    name: "citizens_access.scheduler.notices.open",
    unit: "{notice}",
    description: "Notices that are to be sent, or that it is not known what became of",
};
static EPOCH: Metric = Metric {
    name: "citizens_access.scheduler.lease.epoch",
    unit: "{takeover}",
    description: "How often the performing of effects has been taken over",
};
static PERFORMS: Metric = Metric {
    name: "citizens_access.scheduler.lease.held",
    unit: "{replica}",
    description: "1 where by the journal this replica performs effects, else 0",
};

/// This service as a follower of the registry.
pub(crate) const FOLLOWER: Follower = Follower("scheduler");

/// Has all of it observed for as long as the observation is kept.
pub(crate) fn observe(
    engine: Engine<SchedulerMachine>,
    followed: FollowedRegistry,
    clock: Clock,
    replica: String,
) -> Observation {
    telemetry::observe(move |seen| {
        let (published, now) = (engine.published(), clock.now());
        let state = &published.state.rollout;
        activations(seen, state, now);
        waves(seen, state);
        holds(seen, state);
        due_moments(seen, state, now);
        let open: usize = state.programmes.values().map(|programme| programme.dispatches_open.len()).sum();
        seen.gauge(&NOTICES, &[], open as f64);
        let lease = &published.state.lease;
        seen.gauge(&EPOCH, &[], lease.epoch as f64);
        seen.gauge(&PERFORMS, &[], if lease.replica == replica { 1.0 } else { 0.0 });
        FOLLOWER.position(seen, followed.view().position);
    })
}

fn activations(seen: &mut Observed, state: &State, now: Timestamp) {
    for (stage, word) in [
        (ActivationState::Intended, "INTENDED"),
        (ActivationState::Sealed, "SEALED"),
        (ActivationState::Sent, "SENT"),
        (ActivationState::Acked, "ACKED"),
        (ActivationState::Unknown, "UNKNOWN"),
        (ActivationState::Settled, "SETTLED"),
    ] {
        seen.gauge(&ACTIVATIONS, &[("citizens_access.stage", word)], state.activations_count(stage) as f64);
    }
    let oldest = state.activations_in(ActivationState::Unknown).filter_map(|unknown| unknown.sealed_at).min();
    seen.gauge(&UNKNOWN_AGE, &[], age(oldest, now));
}

fn waves(seen: &mut Observed, state: &State) {
    let mut by_stage = BTreeMap::new();
    for wave in state.programmes.values().flat_map(|programme| programme.waves.values()) {
        *by_stage.entry(wave.stage.as_str()).or_insert(0_u32) += 1;
        if !wave.stage.has_ended() && !wave.stage.is_before_open() {
            enrolments(seen, wave);
        }
    }
    for (stage, count) in by_stage {
        seen.gauge(&WAVES, &[("citizens_access.stage", stage)], f64::from(count));
    }
}

fn enrolments(seen: &mut Observed, wave: &Wave) {
    let (programme, number) = (wave.id.programme.to_string(), wave.id.wave.0.to_string());
    let mut counts: BTreeMap<EnrolmentState, ()> = BTreeMap::new();
    counts.extend(wave.enrolments().map(|enrolment| (enrolment.stage.state(), ())));
    for state in counts.into_keys() {
        let load = wave.load_in(state);
        let attributes = [
            ("citizens_access.programme", programme.as_str()),
            ("citizens_access.wave", &number),
            ("citizens_access.stage", state.as_str()),
        ];
        seen.gauge(&ENROLMENTS, &attributes, load.practices as f64);
        seen.gauge(&PATIENTS, &attributes, load.patients as f64);
    }
}

fn holds(seen: &mut Observed, state: &State) {
    let mut counts: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for class in ["safety", "supplier", "legal", "capacity", "automatic-gate"] {
        // So that an alert on holds finds something to compare while there is none.
        counts.insert((class, "national"), 0);
    }
    for hold in state.active_holds() {
        *counts.entry((class_word(hold.class), scope_word(&hold.scope))).or_default() += 1;
    }
    for ((class, scope), count) in counts {
        let attributes = [("citizens_access.hold.class", class), ("citizens_access.hold.scope", scope)];
        seen.gauge(&HOLDS, &attributes, f64::from(count));
    }
}

fn class_word(class: HoldClass) -> &'static str {
    match class {
        HoldClass::Safety => "safety",
        HoldClass::Supplier => "supplier",
        HoldClass::Legal => "legal",
        HoldClass::Capacity => "capacity",
        HoldClass::AutomaticGate => "automatic-gate",
    }
}

fn scope_word(scope: &HoldScope) -> &'static str {
    match scope {
        HoldScope::National => "national",
        HoldScope::Supplier(_) => "supplier",
        HoldScope::Region(_) => "region",
        HoldScope::Icb(_) => "icb",
        HoldScope::Programme(_) => "programme",
        HoldScope::Wave(_) => "wave",
        HoldScope::Practice(_) => "practice",
        HoldScope::Selection(_) => "selection",
    }
}

fn due_moments(seen: &mut Observed, state: &State, now: Timestamp) {
    // From nought on, so that the first of its kind is seen as one more.
    let mut counts: BTreeMap<(&str, &str), u32> = MISSES.into_iter().map(|why| (("MISSED", why), 0)).collect();
    for record in state.programmes.values().flat_map(|programme| programme.due.values()) {
        *counts.entry(outcome_words(&record.outcome)).or_default() += 1;
    }
    for ((outcome, reason), count) in counts {
        let attributes = [("citizens_access.outcome", outcome), ("citizens_access.reason", reason)];
        seen.counter(&DUE, &attributes, f64::from(count));
    }
    let pending = state.programmes.values().flat_map(|programme| &programme.due_pending);
    let oldest = pending.map(|due| due.at).min().filter(|at| *at <= now);
    seen.gauge(&OVERDUE_AGE, &[], age(oldest, now));
}

/// Why due moments are missed.
const MISSES: [&str; 5] = ["held", "earlier-wave", "nobody-ready", "list-not-taken", "outage"];

/// The outcome, and of one that was missed the reason.
fn outcome_words(outcome: &DueOutcome) -> (&'static str, &'static str) {
    match outcome {
        DueOutcome::Started => ("STARTED", ""),
        DueOutcome::LateStarted => ("LATE_STARTED", ""),
        DueOutcome::Skipped { .. } => ("SKIPPED", ""),
        DueOutcome::Superseded => ("SUPERSEDED", ""),
        DueOutcome::Missed { reason } => {
            let why = match reason {
                MissReason::Held { .. } => "held",
                MissReason::EarlierWave { .. } => "earlier-wave",
                MissReason::NobodyReady => "nobody-ready",
                MissReason::ListNotTaken => "list-not-taken",
                MissReason::Outage => "outage",
            };
            ("MISSED", why)
        }
    }
}

fn age(since: Option<Timestamp>, now: Timestamp) -> f64 {
    since.map_or(SignedDuration::ZERO, |since| now.duration_since(since)).as_secs_f64().max(0.0)
}

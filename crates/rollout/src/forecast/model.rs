//! What a forecast takes for likely: how suppliers, practices and people go on, estimated from what was seen so far.
//!
//! Each figure has an error beside it. A run draws its own figures within those errors, so that little evidence makes a
//! wide forecast. Where nothing was seen yet, the figures are the priors below, which count as much as the evidence that
//! their weight says. Pauses come in bursts, after a letter or an appeal, which no rate with an error tells: of them each
//! week so far is kept. All of it is public: a forecast prints what it assumed.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use ods::Supplier;

use super::experience::{Experience, ProgrammeRecord, SupplierRecord};
use crate::readiness::unready;
use crate::state::Programme;
use crate::view::{PauseEnd, PracticeFacts, RegistryView};

/// Refusals before any was seen: one in twenty of each kind, as if twenty answers had been seen. Suppliers' first pilots
/// refused about so many, and a hundred answers outweigh it.
const REFUSALS: Prior = Prior { events: 1.0, exposure: 20.0 };

/// Weeks of pauses that count beside those that were seen, per practice and day: one practice in twenty within a hundred
/// days, most of them in one week of four.
const PAUSES_UNSEEN: [f64; 4] = [0.0, 0.0, 0.0005, 0.0015];

/// Practices that make ready before any was seen to: after thirty days on the average, as if five had.
const READINESS: Prior = Prior { events: 5.0, exposure: 150.0 };

/// Practices that switch themselves on before any was seen to: after thirty days on the average, as if five had.
const SELF_SERVICE: Prior = Prior { events: 5.0, exposure: 150.0 };

/// How long people take over a gate that did not pass: a working week, since a named person has to look into it.
const HALTS_TAKE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long a supplier takes of which nothing was seen.
const TIME_UNSEEN: SignedDuration = SignedDuration::from_mins(10);

/// Of a supplier's times a model keeps no more than so many, evenly chosen from the shortest to the longest.
const TIMES_MAX: usize = 64;

const DAY_SECONDS: f64 = 86_400.0;

const WEEK_DAYS: f64 = 7.0;

/// What is taken for likely.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Suppliers that the programme knows.
    pub suppliers: BTreeMap<Supplier, SupplierModel>,
    /// Pauses, per practice that is neither on nor paused and per day, in each week so far and a few that are always
    /// thinkable. A week to come is like one of these, each as likely as the others.
    pub pauses: Vec<f64>,
    /// Of those pauses the share that leave it to the programme's default; the others are until further notice.
    pub by_default: Estimate,
    /// Per practice that is not ready and per day: it has made ready.
    pub readiness: Estimate,
    /// Per practice that was asked to switch itself on and per day: it has.
    pub self_service: Estimate,
    /// How long after a gate that did not pass a person lets the programme go on. That is assumed to happen.
    pub halts_take: SignedDuration,
}

/// How a supplier goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct SupplierModel {
    /// From the seal to the effect, or to the refusal: each of these times is as likely as the others. Not empty.
    pub times: Vec<SignedDuration>,
    /// The share of requests that are refused and worth another try.
    pub refused_for_now: Estimate,
    /// The share of requests that are refused for good.
    pub refused_for_good: Estimate,
    /// The most that it does in an hour, where it has been seen to be full.
    pub hourly_max: Option<u32>,
}

/// A figure and how far it may be off: one standard error.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Estimate {
    /// The figure.
    pub mean: f64,
    /// Its standard error.
    pub error: f64,
}

/// What counts before anything was seen: so many events in so much exposure.
#[derive(Clone, Copy)]
struct Prior {
    events: f64,
    exposure: f64,
}

impl Estimate {
    /// A figure known for certain.
    #[must_use]
    pub fn certain(mean: f64) -> Self {
        Self { mean, error: 0.0 }
    }

    /// The share of `part` in `whole`.
    fn of_share(part: u32, whole: u32, prior: Prior) -> Self {
        let (part, whole) = (f64::from(part) + prior.events, f64::from(whole) + prior.exposure);
        let mean = part / whole;
        Self { mean, error: (mean * (1.0 - mean) / (whole + 1.0)).sqrt() }
    }

    /// Events per day of exposure.
    fn of_rate(events: u32, exposure_days: f64, prior: Prior) -> Self {
        let (events, exposure) = (f64::from(events) + prior.events, exposure_days + prior.exposure);
        Self { mean: events / exposure, error: events.sqrt() / exposure }
    }

    /// The figure that a run takes, `deviation` standard errors off; never negative.
    #[must_use]
    pub fn off_by(self, deviation: f64) -> f64 {
        (self.mean + deviation * self.error).max(0.0)
    }
}

impl Model {
    /// What the past of a programme makes likely. Practices of which nothing is known count as ready.
    #[must_use]
    pub fn of(experience: &Experience, programme: &Programme, view: &RegistryView, now: Timestamp) -> Self {
        let known = experience.programme(&programme.id).cloned().unwrap_or_default();
        let since = known.in_force_at.unwrap_or(now);
        let members: Vec<&PracticeFacts> =
            programme.current_wave.keys().filter_map(|practice| view.get(*practice)).collect();
        let spec = programme.plan().map(|plan| &plan.spec.suppliers);
        let names = spec.into_iter().flat_map(BTreeMap::keys);
        let (pauses, by_default) = pauses(&known, programme, &members, since, now);
        Self {
            suppliers: names.map(|name| (name.clone(), SupplierModel::of(experience.supplier(name)))).collect(),
            pauses,
            by_default,
            readiness: readiness(programme, &members, since, now),
            self_service: self_service(&known, now),
            halts_take: HALTS_TAKE,
        }
    }
}

/// How often practices paused whose turn had not come, week by week, and what share of them by default.
fn pauses(
    known: &ProgrammeRecord,
    programme: &Programme,
    members: &[&PracticeFacts],
    since: Timestamp,
    now: Timestamp,
) -> (Vec<f64>, Estimate) {
    let week_of = |at: Timestamp| (days(since, at) / WEEK_DAYS) as usize;
    let weeks_count = week_of(now) + 1;
    let (mut at_risk, mut pauses) = (vec![0_u32; weeks_count], vec![0_u32; weeks_count]);
    let (mut paused_count, mut by_default_count) = (0, 0);
    for facts in members {
        let pause = facts.pauses.iter().find(|one| since <= one.recorded_at && one.covers(&programme.capability));
        let seen_at = known.paused.get(&facts.code).copied();
        let paused_at = pause.map(|pause| pause.recorded_at).into_iter().chain(seen_at).min();
        let live_since = facts.access(&programme.capability).and_then(|access| access.live_since);
        if live_since.is_some_and(|at| at < since) {
            continue;
        }
        let until = paused_at.into_iter().chain(live_since).min().unwrap_or(now);
        for week in &mut at_risk[..=week_of(until).min(weeks_count - 1)] {
            *week += 1;
        }
        if paused_at == Some(until) {
            pauses[week_of(until).min(weeks_count - 1)] += 1;
            let by_default = pause.is_some_and(|pause| pause.end == PauseEnd::ProgrammeDefault);
            paused_count += 1;
            by_default_count += u32::from(by_default || known.by_default.contains(&facts.code));
        }
    }
    // A week that has only begun counts as a whole one: what is seen on its first day is not to come on each of the others.
    let seen = pauses.iter().zip(&at_risk).filter(|(_, at_risk)| **at_risk > 0);
    let seen = seen.map(|(pauses, at_risk)| f64::from(*pauses) / (f64::from(*at_risk) * WEEK_DAYS));
    let share = Prior { events: 1.0, exposure: 2.0 };
    (seen.chain(PAUSES_UNSEEN).collect(), Estimate::of_share(by_default_count, paused_count, share))
}

/// How soon practices made ready that were not: those that did since the programme began, by the last of their items.
fn readiness(programme: &Programme, members: &[&PracticeFacts], since: Timestamp, now: Timestamp) -> Estimate {
    let mut made_ready = 0;
    let mut exposure_days = 0.0;
    for facts in members {
        let lacking = !unready(Some(programme), facts, now).is_empty();
        let last = facts.readiness.iter().map(|item| item.recorded_at).max().filter(|last| since <= *last);
        match (lacking, last) {
            (true, _) => exposure_days += days(since, now),
            (false, Some(last)) => {
                made_ready += 1;
                exposure_days += days(since, last);
            }
            (false, None) => {}
        }
    }
    Estimate::of_rate(made_ready, exposure_days, READINESS)
}

fn self_service(known: &ProgrammeRecord, now: Timestamp) -> Estimate {
    let waiting: f64 = known.invited.values().map(|invited_at| days(*invited_at, now)).sum();
    let over = known.asked_for.as_secs_f64() / DAY_SECONDS;
    Estimate::of_rate(known.self_enabled_count, over + waiting, SELF_SERVICE)
}

fn days(from: Timestamp, until: Timestamp) -> f64 {
    from.duration_until(until).as_secs_f64().max(0.0) / DAY_SECONDS
}

impl SupplierModel {
    fn of(record: Option<&SupplierRecord>) -> Self {
        let unseen = SupplierRecord::default();
        let record = record.unwrap_or(&unseen);
        let answers = record.applied_count + record.refused_for_now_count + record.refused_for_good_count;
        Self {
            times: spread(&record.times),
            refused_for_now: Estimate::of_share(record.refused_for_now_count, answers, REFUSALS),
            refused_for_good: Estimate::of_share(record.refused_for_good_count, answers, REFUSALS),
            hourly_max: record.hourly_max(),
        }
    }
}

/// At most [`TIMES_MAX`] of some times, evenly from the shortest to the longest.
fn spread(times: &[SignedDuration]) -> Vec<SignedDuration> {
    let mut times = times.to_vec();
    times.sort_unstable();
    match times.len() {
        0 => vec![TIME_UNSEEN],
        count if count <= TIMES_MAX => times,
        count => (0..TIMES_MAX).map(|place| times[(2 * place + 1) * count / (2 * TIMES_MAX)]).collect(),
    }
}

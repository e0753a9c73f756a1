//! A gate that waits: what it has found by now, whether that is enough, and whom to ask (rule 5, I6).
//!
//! The step proposes by it, a decision is made by it, and the service asks by it, so that all three see the same. Once its
//! evidence has ripened a gate is evaluated as soon as nothing is awaited any more, or one condition has failed; at the end of
//! its time-out it is evaluated on whatever there is.

use imbl::OrdSet;
use jiff::{SignedDuration, Timestamp};
use ods::PracticeCode;

use crate::state::{
    Due, DueKind, Enrolment, EnrolmentState, Evidence, Finding, GateFigures, HookAnswer, Load, Measured, Programme,
    State, Verdict, Wave, WaveStage,
};
use crate::view::{Observed, RegistryView};

/// When whoever could not say is asked again. A return, or a person who reviews, takes hours.
const ASKED_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// How long an answer counts, where the gate waits for another one: what was so yesterday need not be so today.
const FRESH_FOR: SignedDuration = SignedDuration::from_hours(24);

/// What a gate has found by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) evidence: Evidence,
    pub(crate) findings: Vec<Finding>,
    /// What statistics said, if that counts still.
    pub(crate) figures: Option<GateFigures>,
}

/// A look at a gate that waits.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(crate) found: Found,
    /// Whether it is to be evaluated now.
    pub(crate) is_ripe: bool,
    /// Whether statistics are to be asked.
    pub(crate) asks_statistics: bool,
    /// Whether its hook is to be asked.
    pub(crate) asks_hook: bool,
    /// When to look again, should nothing change before.
    pub(crate) wake_at: Option<Timestamp>,
}

/// Of the wave's confirmed practices those that the registry does not say are live.
pub(crate) fn not_live(view: &RegistryView, programme: &Programme, wave: &Wave) -> OrdSet<PracticeCode> {
    let mut not_live = OrdSet::new();
    for state in [EnrolmentState::Confirmed, EnrolmentState::Verified] {
        for enrolment in wave.in_state(state) {
            let facts = view.get(enrolment.practice);
            let live = facts.is_some_and(|facts| facts.observed(&programme.capability) == Observed::On);
            if !live {
                not_live.insert(enrolment.practice);
            }
        }
    }
    not_live
}

/// Practices of the wave that were switched on, or may have been: what statistics are asked about. Only what certainly has no
/// access is none of them.
pub(crate) fn switched_on(wave: &Wave) -> impl Iterator<Item = &Enrolment> {
    let is_on = |state: EnrolmentState| {
        state.is_unsettled() || matches!(state, EnrolmentState::Confirmed | EnrolmentState::Verified)
    };
    wave.enrolments().filter(move |enrolment| enrolment.commanded && is_on(enrolment.stage.state()))
}

/// How many those are.
pub(crate) fn switched_on_load(wave: &Wave) -> Load {
    let mut load = Load::default();
    for enrolment in switched_on(wave) {
        load += enrolment.load();
    }
    load
}

/// When the wave was last acted upon; of one that nobody was commanded in, when it began to soak.
pub(crate) fn last_action_at(wave: &Wave) -> Timestamp {
    wave.last_action_at.unwrap_or(wave.changed_at)
}

/// The pending evaluation of a soaking wave, and the moment at which incomplete evidence is waited for no longer.
pub(crate) fn evaluation_due(state: &State, wave: &Wave) -> Option<(Due, Timestamp)> {
    let programme = state.programme(&wave.id.programme)?;
    let due = programme.pending_of(wave.id.wave).find(|due| due.kind == DueKind::GateEvaluated)?;
    Some((due.clone(), later(due.at, wave.rules.gate.timeout)))
}

/// When the evidence of a soaking wave has ripened, if that is later than `now`: until then nobody need look at its practices.
pub(crate) fn ripens_later(state: &State, wave: &Wave, now: Timestamp) -> Option<Timestamp> {
    let (due, _) = evaluation_due(state, wave)?;
    (now < due.at).then_some(due.at)
}

/// Whether the registry has everything that happened in the wave (rule 5: complete and fresh).
fn is_complete(state: &State, wave: &Wave, registry_position: u64) -> bool {
    let mut untold = state.activations_in(crate::state::ActivationState::Settled);
    wave.settled_registry_position <= registry_position && !untold.any(|one| one.wave() == Some(&wave.id))
}

/// Looks at the gate of a soaking wave; none where the wave does not soak. `not_live` and `registry_position` are what the
/// registry says.
pub(crate) fn look(
    state: &State,
    wave: &Wave,
    not_live: &OrdSet<PracticeCode>,
    registry_position: u64,
    now: Timestamp,
) -> Option<Look> {
    let (due, given_up) = evaluation_due(state, wave).filter(|_| wave.stage == WaveStage::Soaking)?;
    let found = Found::of(state, wave, not_live, registry_position, now);
    let mut look = Look { found, is_ripe: false, asks_statistics: false, asks_hook: false, wake_at: None };
    if now < due.at {
        look.wake_at = Some(due.at);
    } else if !look.found.is_awaited() || given_up <= now {
        look.is_ripe = true;
    } else {
        look.wake(now, given_up);
        look.ask(wave, now);
    }
    Some(look)
}

impl Look {
    fn wake(&mut self, now: Timestamp, at: Timestamp) {
        if now < at {
            self.wake_at = Some(self.wake_at.map_or(at, |wake_at| wake_at.min(at)));
        }
    }

    fn ask(&mut self, wave: &Wave, now: Timestamp) {
        let read_at = self.found.figures.as_ref().map(|figures| figures.read_at);
        let statistics_awaited = self.found.awaits(Measured::is_of_statistics);
        self.asks_statistics = self.is_asked(statistics_awaited, read_at, now);
        let is_hook = |measured: &Measured| matches!(measured, Measured::Hook { .. });
        // Others first: a hook is told what they found.
        let others_wait = !self.found.evidence.complete || self.found.awaits(|measured| !is_hook(measured));
        let answered_at = fresh_answer(wave, now).map(|answer| answer.answered_at);
        self.asks_hook = self.is_asked(!others_wait && self.found.awaits(is_hook), answered_at, now);
    }

    /// Whether somebody is to be asked who answered last at `answered_at`, if that counts; and if not, when to look again.
    fn is_asked(&mut self, awaited: bool, answered_at: Option<Timestamp>, now: Timestamp) -> bool {
        let Some(answered_at) = answered_at else { return awaited };
        let again_at = later(answered_at, if awaited { ASKED_AGAIN_AFTER } else { FRESH_FOR });
        self.wake(now, again_at);
        awaited && again_at <= now
    }
}

impl Found {
    fn of(state: &State, wave: &Wave, not_live: &OrdSet<PracticeCode>, registry_position: u64, now: Timestamp) -> Self {
        let figures = fresh_figures(wave, now).cloned();
        let mut measured = statistics(wave, figures.as_ref());
        measured.extend(concerns(state, wave));
        measured.extend(wave.rules.gate.hook.clone().map(|hook| {
            let answer = fresh_answer(wave, now).cloned();
            Measured::Hook { hook, answer }
        }));
        let finding = |measured: Measured| Finding { verdict: measured.verdict(), measured };
        Self {
            evidence: evidence(state, wave, not_live, registry_position),
            findings: measured.into_iter().map(finding).collect(),
            figures,
        }
    }

    /// What all conditions together say.
    pub(crate) fn verdict(&self) -> Verdict {
        self.findings.iter().fold(self.evidence.verdict(), |sum, finding| sum.and(finding.verdict))
    }

    /// Whether waiting may make it say something else. What has failed has.
    fn is_awaited(&self) -> bool {
        self.verdict() != Verdict::Fail && (!self.evidence.complete || self.awaits(|_| true))
    }

    fn awaits(&self, which: impl Fn(&Measured) -> bool) -> bool {
        self.findings.iter().any(|finding| which(&finding.measured) && finding.measured.is_awaited())
    }
}

fn evidence(state: &State, wave: &Wave, not_live: &OrdSet<PracticeCode>, registry_position: u64) -> Evidence {
    let gate = &wave.rules.gate;
    let mut evidence = Evidence {
        members: wave.fixed.unwrap_or_default().practices,
        commanded: 0,
        live: 0,
        unsettled: 0,
        complete: is_complete(state, wave, registry_position),
        min_success: gate.min_success,
        min_sample: gate.min_sample,
        small_sample: gate.small_sample,
        registry_position,
    };
    for enrolment in wave.enrolments().filter(|enrolment| enrolment.commanded) {
        let state = enrolment.stage.state();
        let confirmed = matches!(state, EnrolmentState::Confirmed | EnrolmentState::Verified);
        evidence.commanded += 1;
        evidence.live += u32::from(confirmed && !not_live.contains(&enrolment.practice));
        evidence.unsettled += u32::from(state.is_unsettled());
    }
    evidence
}

/// What statistics say, where the gate asks them. Of whom they have not said anything nothing is known.
fn statistics(wave: &Wave, figures: Option<&GateFigures>) -> Vec<Measured> {
    let gate = &wave.rules.gate;
    let load = switched_on_load(wave);
    let exclusions = gate.exclusions.map(|asked| Measured::Exclusions {
        excluded: figures.map_or(0, |figures| figures.excluded),
        without_return: figures.map_or(load.patients, |figures| figures.patients_without_return),
        patients: load.patients,
        max_share: asked.max_share,
    });
    let viewers = gate.viewers.map(|asked| Measured::Viewers {
        viewed: figures.map_or(0, |figures| figures.practices_viewed),
        unheard: figures.map_or(load.practices, |figures| figures.practices_unheard),
        practices: load.practices,
        min_share: asked.min_share,
    });
    exclusions.into_iter().chain(viewers).collect()
}

/// Concerns by severity, the worst first.
fn concerns(state: &State, wave: &Wave) -> Vec<Measured> {
    let mut measured = Vec::new();
    for (severity, count_max) in wave.rules.gate.concerns.iter().flatten().rev() {
        let counted = state.concerns.values().filter(|one| *severity <= one.severity && one.waves.contains(&wave.id));
        let count = u32::try_from(counted.count()).unwrap_or(u32::MAX);
        measured.push(Measured::Concerns { severity: *severity, count, count_max: *count_max });
    }
    measured
}

/// Whether concerns alone fail the gate of a wave.
pub(crate) fn fails_by_concerns(state: &State, wave: &Wave) -> bool {
    concerns(state, wave).iter().any(|measured| measured.verdict() == Verdict::Fail)
}

/// What statistics said, if it is of the practices as they are now, from after the last action, and not too old (rule 5).
fn fresh_figures(wave: &Wave, now: Timestamp) -> Option<&GateFigures> {
    let load = switched_on_load(wave);
    wave.figures.as_ref().filter(|figures| {
        figures.last_action_at == wave.last_action_at
            && (figures.practices, figures.patients) == (load.practices, load.patients)
            && now < later(figures.read_at, FRESH_FOR)
    })
}

/// What the hook said, likewise.
fn fresh_answer(wave: &Wave, now: Timestamp) -> Option<&HookAnswer> {
    wave.hook_answer.as_ref().filter(|answer| {
        wave.rules.gate.hook.as_ref() == Some(&answer.hook)
            && answer.last_action_at == wave.last_action_at
            && now < later(answer.answered_at, FRESH_FOR)
    })
}

fn later(moment: Timestamp, by: SignedDuration) -> Timestamp {
    moment.saturating_add(by).unwrap_or(Timestamp::MAX)
}

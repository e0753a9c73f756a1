//! Why one practice is not live: everything in the way, each with its evidence, who must act and what clears it.
//!
//! It asks the same questions as the step and the decision ([`crate::eligibility`]), so that a practice is explained as
//! free of blockers if and only if the step would let it go live now, or is letting it, or has (I25).

use std::fmt;

use jiff::Timestamp;
use ods::{Capability, PracticeCode};

use crate::blocker::Blocker;
use crate::calendar::civil_date;
use crate::command::{Command, Proposal};
use crate::drift::{Drift, drift};
use crate::eligibility::{claim_times, enrolment_blockers, next_window, open_now, practice_blockers, wave_blockers};
use crate::id::{Target, WaveRef};
use crate::readiness::unready;
use crate::room::Room;
use crate::spec::Mode;
use crate::state::{Activation, Desired, Enrolment, EnrolmentState, Programme, ProgrammeStage, State, Wave};
use crate::step::{opens_at, step, subject};
use crate::view::{AdviceFacts, Observed, PracticeFacts, RegistryView};

/// Why a practice is as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The practice.
    pub practice: PracticeCode,
    /// The capability.
    pub capability: Capability,
    /// What was last observed there.
    pub observed: Observed,
    /// The moment that the observation is of.
    pub observed_at: Option<Timestamp>,
    /// What is wanted there.
    pub desired: Desired,
    /// The wave of its latest enrolment; none where it has none.
    pub wave: Option<WaveRef>,
    /// Its latest enrolment.
    pub enrolment: Option<Enrolment>,
    /// What is under way there; none where nothing is.
    pub activation: Option<Activation>,
    /// Everything in the way; empty if and only if it may be switched on now, is being, or is on.
    pub blockers: Vec<Blocker>,
    /// What is worth knowing besides and stops nothing by itself.
    pub information: Vec<Information>,
    /// The earliest moment at which it can go live, if everything that depends on people is cleared by then; none where
    /// no such moment is known.
    pub earliest_at: Option<Timestamp>,
    /// The registry's position that was seen.
    pub registry_position: u64,
}

/// Advice about a practice: for the people who decide. Only pauses and holds stop a go-live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Information {
    /// The practice.
    pub practice: PracticeCode,
    /// The advice.
    pub advice: AdviceFacts,
}

fn information(facts: &PracticeFacts, capability: &Capability) -> Vec<Information> {
    let about = facts.advice.iter().filter(|advice| advice.covers(capability));
    about.map(|advice| Information { practice: facts.code, advice: advice.clone() }).collect()
}

impl Information {
    /// An UPPER_SNAKE code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        if self.advice.is_to_wait { "ADVICE_TO_WAIT" } else { "SUPPORT_CASE" }
    }

    /// The resource that says so.
    #[must_use]
    pub fn resource(&self) -> String {
        format!("practices/{}/advice/{}", self.practice, self.advice.number)
    }
}

impl fmt::Display for Information {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AdviceFacts { source, reference, category, from, until, review_on, .. } = &self.advice;
        let from = civil_date(*from);
        if self.advice.is_to_wait {
            write!(out, "{source} advises to wait, since {from}")?;
        } else {
            write!(out, "support case {reference} ({category}) at {source}, open since {from}")?;
        }
        if let Some(until) = until {
            write!(out, ", until {}", civil_date(*until))?;
        }
        review_on.map_or(Ok(()), |date| write!(out, ", to be reviewed on {date}"))
    }
}

/// Explains a practice as it is now; nothing of it is remembered.
#[must_use]
pub fn explain(state: &State, view: &RegistryView, target: &Target, now: Timestamp) -> Explanation {
    let facts = view.get(target.practice);
    let observation = facts.and_then(|facts| facts.access(&target.capability));
    let mut explanation = Explanation {
        practice: target.practice,
        capability: target.capability.clone(),
        observed: observation.map(|access| access.observed).unwrap_or_default(),
        observed_at: observation.and_then(|access| access.observed_at),
        desired: state.access(target).map(|access| access.desired).unwrap_or_default(),
        wave: None,
        enrolment: None,
        activation: state.open_activation(target).cloned(),
        blockers: Vec::new(),
        information: facts.map(|facts| information(facts, &target.capability)).unwrap_or_default(),
        earliest_at: None,
        registry_position: view.position,
    };
    let question = Question { state, view, now, facts, target };
    let found = programme_of(state, target);
    let enrolled = found.and_then(|programme| {
        let wave = programme.waves.get(programme.current_wave.get(&target.practice)?)?;
        Some((programme, wave, wave.enrolment(target.practice)?))
    });
    if let Some((_, wave, enrolment)) = enrolled {
        explanation.wave = Some(wave.id.clone());
        explanation.enrolment = Some(enrolment.clone());
    }
    if explanation.observed == Observed::On {
        return explanation;
    }
    match (found, enrolled) {
        (_, Some((programme, wave, enrolment))) => {
            explanation.blockers = question.enrolled(programme, wave, enrolment);
            explanation.earliest_at = question.earliest(wave, enrolment, &explanation.blockers);
        }
        (Some(programme), None) => explanation.blockers = question.unplaced(programme),
        (None, None) => {
            explanation.blockers = question.by_the_registry(None);
            explanation.blockers.push(Blocker::NoProgramme);
        }
    }
    explanation.blockers.sort_by_key(Blocker::rank);
    explanation
}

/// The programme that a practice's access is explained by: one that has it in a wave, else the one that acts, else any.
fn programme_of<'a>(state: &'a State, target: &Target) -> Option<&'a Programme> {
    let switching = state
        .programmes
        .values()
        .filter(|programme| programme.capability == target.capability && programme.stage != ProgrammeStage::Draft);
    switching.max_by_key(|programme| {
        let active = programme.stage == ProgrammeStage::Active;
        (active && programme.current_wave.contains_key(&target.practice), active)
    })
}

struct Question<'a> {
    state: &'a State,
    view: &'a RegistryView,
    now: Timestamp,
    facts: Option<&'a PracticeFacts>,
    target: &'a Target,
}

impl Question<'_> {
    /// What stands where it was switched on and is no longer so (I28).
    fn drifted(&self, enrolment: &Enrolment) -> Option<Blocker> {
        let practice = self.target.practice;
        match drift(enrolment, self.facts?, &self.target.capability)? {
            Drift::Off => Some(Blocker::Drifted { practice }),
            Drift::Partial => Some(Blocker::PartlyOn { practice }),
            Drift::Disputed => Some(Blocker::Disputed { practice }),
            // On, so that nothing is in its way.
            Drift::On => None,
        }
    }

    fn enrolled(&self, programme: &Programme, wave: &Wave, enrolment: &Enrolment) -> Vec<Blocker> {
        let stage = enrolment.stage.state();
        let under_way = matches!(
            stage,
            EnrolmentState::Admitted
                | EnrolmentState::Commanded
                | EnrolmentState::Unknown
                | EnrolmentState::Confirmed
                | EnrolmentState::Verified
        );
        if under_way {
            return self.drifted(enrolment).into_iter().collect();
        }
        let Some(facts) = self.facts else {
            return vec![Blocker::PracticeNotOpen { practice: self.target.practice }];
        };
        let mut blockers = practice_blockers(self.state, programme, wave, enrolment, facts, self.now);
        let subject = subject(wave, enrolment, facts);
        blockers.extend(enrolment_blockers(self.state, programme, wave, enrolment, subject, self.now));
        if stage.is_set_aside() {
            return blockers;
        }
        blockers.extend(wave_blockers(self.state, programme, wave, self.now));
        if enrolment.mode == Mode::SelfService
            && stage != EnrolmentState::Invited
            && let Err(reason) = open_now(self.state, wave, self.now)
        {
            let opens_at = next_window(self.state, wave, self.now);
            blockers.push(Blocker::Shut { reason, opens_at });
        }
        if blockers.is_empty() {
            blockers.extend(self.cap(programme, wave, enrolment));
        }
        blockers
    }

    /// The cap in the way of a practice with nothing else in its way: by the step itself, since it depends on who stands
    /// before.
    fn cap(&self, programme: &Programme, wave: &Wave, enrolment: &Enrolment) -> Option<Blocker> {
        let practice = enrolment.practice;
        if enrolment.mode == Mode::BookedDates {
            let (_, _, date) = claim_times(wave, enrolment)?;
            let mut room = Room::of(self.state, programme, civil_date(self.now));
            let full = room.take(&enrolment.supplier, enrolment.icb, enrolment.load(), date).err()?;
            return Some(Blocker::Full { cap: full, opens_at: None });
        }
        let (commands, report) = step(self.state, self.view, self.now);
        let admitted = commands.iter().any(|command| match command {
            Command::Propose(Proposal::Admit { practices, .. }) => practices.iter().any(|one| one.practice == practice),
            Command::Propose(Proposal::Invite { practices, .. }) => practices.contains(&practice),
            _ => false,
        });
        if admitted {
            return None;
        }
        let still = report.stills.into_iter().find(|still| still.practices.contains(&practice))?;
        match still.blocker {
            Blocker::Full { cap, .. } => {
                let opens_at = opens_at(self.state, wave, &cap);
                Some(Blocker::Full { cap, opens_at })
            }
            other => Some(other),
        }
    }

    fn unplaced(&self, programme: &Programme) -> Vec<Blocker> {
        let mut blockers = self.by_the_registry(Some(programme));
        if programme.stage != ProgrammeStage::Active {
            blockers.push(Blocker::ProgrammeNotActive { stage: programme.stage });
        }
        let unplaced = programme.plan().into_iter().flat_map(|plan| &plan.unplaced);
        let reason = unplaced.into_iter().find(|(_, practices)| practices.contains(&self.target.practice));
        blockers.push(Blocker::NotInPlan { reason: reason.map(|(reason, _)| reason.clone()) });
        blockers
    }

    /// What the registry's facts put in the way, by what the programme demands; none where there is no programme.
    fn by_the_registry(&self, programme: Option<&Programme>) -> Vec<Blocker> {
        let practice = self.target.practice;
        let Some(facts) = self.facts else { return vec![Blocker::PracticeNotOpen { practice }] };
        let mut blockers = Vec::new();
        let paused = facts.pauses.iter().filter(|pause| pause.in_force && pause.covers(&self.target.capability));
        blockers.extend(paused.map(|pause| Blocker::paused(practice, pause)));
        if facts.access(&self.target.capability).is_some_and(|access| access.switch_off_requested) {
            blockers.push(Blocker::SwitchOffRequested { practice });
        }
        blockers.extend(Blocker::not_open(facts));
        blockers.extend(unready(programme, facts, self.now));
        blockers
    }

    /// The wave's first moment after all that time alone clears.
    fn earliest(&self, wave: &Wave, enrolment: &Enrolment, blockers: &[Blocker]) -> Option<Timestamp> {
        let stage = enrolment.stage.state();
        if stage.is_set_aside() || !stage.is_unsealed() || wave.stage.has_ended() {
            return None;
        }
        let cleared = blockers.iter().filter_map(Blocker::earliest_at).max();
        let from = cleared.map_or(self.now, |at| at.max(self.now));
        if enrolment.mode == Mode::BookedDates {
            let (_, closes, date) = claim_times(wave, enrolment)?;
            return (from < closes).then(|| crate::calendar::day_bounds(date).0);
        }
        next_window(self.state, wave, from)
    }
}

impl Explanation {
    /// Whether it is live, as observed.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.observed == Observed::On
    }

    /// One sentence in plain words.
    #[must_use]
    pub fn summary(&self) -> String {
        let practice = self.practice;
        match (self.is_live(), self.blockers.as_slice(), &self.activation) {
            (true, ..) => format!("{practice} is live."),
            (false, [], Some(_)) => format!("{practice} is being switched."),
            (false, [], None) => format!("Nothing is in the way of {practice}."),
            (false, [first, rest @ ..], _) => {
                let others = match rest.len() {
                    0 => String::new(),
                    1 => ", and one other thing".to_owned(),
                    more => format!(", and {more} other things"),
                };
                let when = self.earliest_at.map(|at| {
                    let civil = crate::calendar::civil_datetime(at);
                    format!(" It can go live on {} at the earliest.", civil.date())
                });
                format!("{practice} is not live: {first}{others}.{}", when.unwrap_or_default())
            }
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}", self.summary())?;
        write!(out, "  observed {}, wanted {}", self.observed, self.desired)?;
        if let (Some(wave), Some(enrolment)) = (&self.wave, &self.enrolment) {
            write!(out, "; {} in {wave}", enrolment.stage.state())?;
        }
        for blocker in &self.blockers {
            write!(out, "\n  {}: {blocker}", blocker.code())?;
            write!(out, "\n    {} acts: {}", blocker.owner(), blocker.clears_by())?;
        }
        for information in &self.information {
            write!(out, "\n  for information, {}: {information}", information.code())?;
        }
        Ok(())
    }
}

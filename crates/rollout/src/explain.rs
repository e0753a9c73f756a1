//! Why one practice is not live: everything in the way, each with its evidence, who must act and what clears it.
//!
//! It asks the same questions as the step and the decision ([`crate::eligibility`]), so that a practice is explained as
//! free of blockers if and only if the step would let it go live now, or is letting it, or has (I25).

use std::fmt;

use jiff::Timestamp;
use ods::{Capability, PracticeCode};

use crate::blocker::words::At;
use crate::blocker::{Blocker, Owner};
use crate::calendar::{civil_date, day_bounds};
use crate::command::{Command, Proposal};
use crate::drift::{Drift, drift};
use crate::eligibility::{claim_times, enrolment_blockers, next_window_for, practice_blockers, shut, wave_blockers};
use crate::id::{Direction, ProgrammeId, Target, WaveRef};
use crate::information::{Information, information};
use crate::readiness::unready;
use crate::room::{Full, Room};
use crate::spec::Mode;
use crate::state::{
    Activation, Desired, Enrolment, EnrolmentState, Hold, HoldScope, Load, Programme, ProgrammeStage, State, Wave,
};
use crate::step::{step, subject};
use crate::turn::{Asked, turn};
use crate::view::{Observed, PracticeFacts, RegistryView};

/// Why a practice is as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The practice.
    pub practice: PracticeCode,
    /// The capability.
    pub capability: Capability,
    /// The moment that it is an explanation of.
    pub at: Timestamp,
    /// The programme whose people act where `programme` must; none where none has this capability.
    pub programme: Option<ProgrammeId>,
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

/// Explains a practice as it is at `now`, by what the state and the view hold; nothing of it is remembered. Of a past
/// moment, with the state and the view of that moment, it is what was said then.
#[must_use]
pub fn explain(state: &State, view: &RegistryView, target: &Target, now: Timestamp) -> Explanation {
    let facts = view.get(target.practice);
    let observation = facts.and_then(|facts| facts.access(&target.capability));
    let mut explanation = Explanation {
        practice: target.practice,
        capability: target.capability.clone(),
        at: now,
        programme: None,
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
    explanation.programme = found.map(|programme| programme.id.clone());
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
            explanation.earliest_at = question.earliest(programme, wave, enrolment, &explanation.blockers);
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
        let decided = self.state.access(self.target);
        match drift(enrolment, decided, self.facts?, &self.target.capability)? {
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
        if enrolment.mode == Mode::SelfService && stage != EnrolmentState::Invited {
            blockers.extend(shut(self.state, wave, &enrolment.supplier, self.now));
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
            let load = self.facts.map_or_else(|| enrolment.load(), |facts| Load::of(facts.list_size));
            let full = room.take(&enrolment.supplier, enrolment.icb, load, date).err()?;
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
                let is_of_day = matches!(cap, Full::Daily { .. });
                let opens_at = is_of_day.then(|| self.turn(programme, wave, self.now, &[])).flatten();
                Some(Blocker::Full { cap, opens_at })
            }
            other => Some(other),
        }
    }

    fn unplaced(&self, programme: &Programme) -> Vec<Blocker> {
        let mut blockers = self.by_the_registry(Some(programme));
        if programme.stage != ProgrammeStage::Active {
            let (programme, stage) = (programme.id.clone(), programme.stage);
            blockers.push(Blocker::ProgrammeNotActive { programme, stage });
        }
        let unplaced = programme.plan().into_iter().flat_map(|plan| &plan.unplaced);
        let reason = unplaced.into_iter().find(|(_, practices)| practices.contains(&self.target.practice));
        let reason = reason.map(|(reason, _)| reason.clone());
        blockers.push(Blocker::NotInPlan { programme: programme.id.clone(), reason });
        blockers
    }

    /// What the registry's facts put in the way, by what the programme demands; none where there is no programme.
    fn by_the_registry(&self, programme: Option<&Programme>) -> Vec<Blocker> {
        let practice = self.target.practice;
        let Some(facts) = self.facts else { return vec![Blocker::PracticeNotOpen { practice }] };
        let mut blockers = Vec::new();
        let paused = facts.pauses.iter().filter(|pause| pause.in_force && pause.covers(&self.target.capability));
        blockers.extend(paused.map(|pause| Blocker::paused(practice, pause, false)));
        if facts.access(&self.target.capability).is_some_and(|access| access.switch_off_requested) {
            blockers.push(Blocker::SwitchOffRequested { practice });
        }
        blockers.extend(Blocker::not_open(facts));
        blockers.extend(unready(programme, facts, self.now));
        let covers = |hold: &&Hold| covers_outside_waves(&hold.scope, programme, facts);
        blockers.extend(self.state.active_holds().filter(covers).map(Blocker::from));
        blockers
    }

    /// The first moment at which it can go live, if all that depends on people is cleared by then and nobody else changes
    /// anything: after all that time alone clears, at its turn.
    fn earliest(
        &self,
        programme: &Programme,
        wave: &Wave,
        enrolment: &Enrolment,
        blockers: &[Blocker],
    ) -> Option<Timestamp> {
        let stage = enrolment.stage.state();
        if !stage.is_unsealed() || wave.stage.has_ended() {
            return None;
        }
        let mut from = self.now;
        for blocker in blockers {
            from = from.max(blocker.cleared_at(self.now)?);
        }
        match enrolment.mode {
            // It has been asked, and may do it at any moment.
            _ if stage == EnrolmentState::Invited => Some(from),
            Mode::BookedDates => {
                let (_, closes, date) = claim_times(wave, enrolment)?;
                let starts = day_bounds(date).0;
                // Notice is owed for the date, all else is to be clear when the list is taken.
                let in_time = |blocker: &Blocker| match blocker {
                    Blocker::Full { .. } => false,
                    Blocker::NoNotice { .. } | Blocker::NoticeUndelivered { .. } => {
                        blocker.cleared_at(self.now).is_some_and(|at| at <= starts)
                    }
                    _ => blocker.cleared_at(self.now).is_some_and(|at| at < closes),
                };
                (self.now < closes && blockers.iter().all(in_time)).then_some(starts)
            }
            Mode::Push if stage != EnrolmentState::Admitted => self.turn(programme, wave, from, blockers),
            Mode::Push | Mode::SelfService => next_window_for(self.state, wave, &enrolment.supplier, from),
        }
    }

    fn turn(&self, programme: &Programme, wave: &Wave, from: Timestamp, blockers: &[Blocker]) -> Option<Timestamp> {
        let holds = blockers.iter().filter_map(|blocker| match blocker {
            Blocker::Held { hold, .. } => Some(*hold),
            _ => None,
        });
        let lifted = holds.collect();
        let Self { state, view, now, target, .. } = *self;
        turn(Asked { state, view, programme, wave, practice: target.practice, from, lifted: &lifted, now })
    }
}

/// Whether a hold covers a practice that is in no wave.
fn covers_outside_waves(scope: &HoldScope, programme: Option<&Programme>, facts: &PracticeFacts) -> bool {
    match scope {
        HoldScope::National => true,
        HoldScope::Supplier(supplier) => facts.supplier.as_ref() == Some(supplier),
        HoldScope::Region(region) => facts.region == Some(*region),
        HoldScope::Icb(icb) => facts.icb == Some(*icb),
        HoldScope::Programme(held) => programme.is_some_and(|programme| programme.id == *held),
        HoldScope::Wave(_) => false,
        HoldScope::Practice(_) | HoldScope::Selection(_) => scope.names(facts.code),
    }
}

impl Explanation {
    /// Whether it is live, as observed.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.observed == Observed::On
    }

    /// Who must act on one of its blockers, by name: `practices/A81001`, `suppliers/EMIS`, `programmes/spring`, an account,
    /// or `time`; `programme` where there is none yet.
    #[must_use]
    pub fn owner_of(&self, blocker: &Blocker) -> String {
        match (blocker.owner(), &self.programme) {
            (Owner::Programme, Some(programme)) => programme.to_string(),
            (owner, _) => owner.to_string(),
        }
    }

    /// A few sentences in plain words.
    #[must_use]
    pub fn summary(&self) -> String {
        let practice = self.practice;
        let [first, rest @ ..] = self.blockers.as_slice() else { return self.goes_well() };
        let others = match rest.len() {
            0 => String::new(),
            1 => " One other thing is in the way as well.".to_owned(),
            more => format!(" {more} other things are in the way as well."),
        };
        let earliest = self.earliest_at.map(|at| format!(" It can go live on {} at the earliest.", At(at)));
        format!("{practice} is not live: {first}.{others}{}", earliest.unwrap_or_default())
    }

    /// The same where nothing is in the way.
    fn goes_well(&self) -> String {
        let practice = self.practice;
        let stage = self.enrolment.as_ref().map(|enrolment| enrolment.stage.state());
        match (&self.activation, stage) {
            _ if self.is_live() => format!("{practice} is live."),
            (Some(activation), _) if activation.key.direction == Direction::Disable => {
                format!("{practice} is being switched off.")
            }
            (Some(_), Some(EnrolmentState::Unknown)) => {
                format!("{practice} is being switched on. The supplier's reply was lost, and it is being asked.")
            }
            (Some(_), _) => format!("{practice} is being switched on."),
            (None, Some(EnrolmentState::Confirmed | EnrolmentState::Verified)) => {
                format!("{practice} was switched on, and has not been seen live yet.")
            }
            (None, _) => format!("Nothing is in the way of {practice}: it goes live now."),
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
            write!(out, "\n    {}: {}", self.owner_of(blocker), blocker.clears_by())?;
        }
        for information in &self.information {
            write!(out, "\n  for information, {}: {information}", information.code())?;
        }
        Ok(())
    }
}

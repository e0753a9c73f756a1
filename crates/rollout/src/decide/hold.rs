//! Decisions about holds: placing one takes one person and effect at once, lifting one leaves the others (I10, I11).

use assent::{Step, Wish};
use jiff::civil::Date;

use super::{Docket, Person};
use crate::event::Event;
use crate::id::{Account, ActivationKey, Direction, HoldId, PlanVersion, ProgrammeId, WaveRef};
use crate::rejection::Rejection;
use crate::state::{
    Activation, Brake, Hold, HoldClass, HoldScope, Programme, ProgrammeStage, State, Subject, Voiding, WaveStage,
};

/// A hold that somebody wants to place.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) brake: Brake,
    pub(super) scope: &'a HoldScope,
    pub(super) class: HoldClass,
    pub(super) owner: &'a Account,
    pub(super) review_on: Option<Date>,
}

pub(super) fn place(docket: &mut Docket, person: Person<'_>, wanted: Wanted<'_>) -> Result<(), Rejection> {
    let person = person.with_reason()?;
    if wanted.class == HoldClass::AutomaticGate {
        return Err(Rejection::HaltByHand);
    }
    if matches!(wanted.scope, HoldScope::Selection(members) if members.is_empty()) {
        return Err(Rejection::EmptySelection);
    }
    let hold = Hold {
        id: docket.state.next_hold(),
        brake: wanted.brake,
        scope: wanted.scope.clone(),
        class: wanted.class,
        owner: wanted.owner.clone(),
        reason_code: person.reason_code.to_owned(),
        review_on: wanted.review_on,
        placed_by: person.by.clone(),
        placed_at: docket.now,
        halted_wave: None,
        halted_plan: None,
        acknowledged: None,
        lift_asked: None,
        lifted: None,
        changed_at_position: 0,
    };
    brake(docket, hold);
    Ok(())
}

/// A gate halts its programme.
pub(super) fn halt(docket: &mut Docket, wave: &WaveRef, reason_code: &str) {
    let hold = Hold { halted_wave: Some(wave.clone()), ..halt_of(docket, &wave.programme, reason_code) };
    brake(docket, hold);
}

/// A plan in force that this build finds impossible halts its programme, once for each version: whoever lifts that halt knows,
/// and is not overruled (rule 8). Without another version there are no slots all the same.
pub(super) fn halt_plan(docket: &mut Docket, programme: &ProgrammeId) {
    let found = docket.state.programme(programme).and_then(|one| impossible_plan(&docket.state, one));
    let Some(version) = found else { return };
    let hold = Hold { halted_plan: Some(version), ..halt_of(docket, programme, "PLAN_IMPOSSIBLE") };
    brake(docket, hold);
}

/// The version in force of an active programme if it is impossible and no halt of it has been raised.
pub(crate) fn impossible_plan(state: &State, programme: &Programme) -> Option<PlanVersion> {
    let plan = programme.plan().filter(|_| programme.stage == ProgrammeStage::Active)?;
    if plan.violations().is_empty() {
        return None;
    }
    let (scope, halted) = (HoldScope::Programme(programme.id.clone()), Some(plan.version));
    let is_halted = state.holds.values().any(|hold| hold.halted_plan == halted && hold.scope == scope);
    (!is_halted).then_some(plan.version)
}

fn halt_of(docket: &Docket, programme: &ProgrammeId, reason_code: &str) -> Hold {
    Hold {
        id: docket.state.next_hold(),
        brake: Brake::Hold,
        scope: HoldScope::Programme(programme.clone()),
        class: HoldClass::AutomaticGate,
        owner: Account::scheduler(),
        reason_code: reason_code.to_owned(),
        review_on: None,
        placed_by: Account::scheduler(),
        placed_at: docket.now,
        halted_wave: None,
        halted_plan: None,
        acknowledged: None,
        lift_asked: None,
        lifted: None,
        changed_at_position: 0,
    }
}

/// Places it, and withholds in the same decision all that was queued: nothing of it is sealed later.
fn brake(docket: &mut Docket, hold: Hold) {
    let (id, brake, scope) = (hold.id, hold.brake, hold.scope.clone());
    docket.record(Event::HoldPlaced { hold: Box::new(hold) });
    let state = docket.state.clone();
    let queued = docket.intended(|one| covers(&state, &scope, one));
    docket.void(&queued, &Voiding::Held { hold: id });
    if brake == Brake::Stop {
        let under_way = |one: &&Activation| {
            let stage = one.stage.state();
            one.key.direction == Direction::Enable && stage.is_under_way() && !one.cancel && covers(&state, &scope, one)
        };
        let keys: Vec<ActivationKey> =
            docket.state.activations().filter(under_way).map(|one| one.key.clone()).collect();
        docket.cancel(&keys);
    }
}

/// Whether a scope covers the practice of an activation; never a switch-off.
pub(super) fn covers(state: &State, scope: &HoldScope, activation: &Activation) -> bool {
    let Some(wave) = activation.wave() else { return false };
    let enrolment = state.wave(wave).and_then(|wave| wave.enrolment(activation.key.practice));
    scope.covers(&Subject {
        wave,
        practice: activation.key.practice,
        supplier: &activation.supplier,
        icb: activation.icb,
        region: enrolment.and_then(|enrolment| enrolment.region),
    })
}

fn active(docket: &Docket, id: HoldId) -> Result<&Hold, Rejection> {
    let Some(hold) = docket.state.holds.get(&id) else { return Err(Rejection::UnknownHold(id)) };
    if hold.is_active() { Ok(hold) } else { Err(Rejection::HoldLifted(id)) }
}

pub(super) fn lift(docket: &mut Docket, person: Person<'_>, id: HoldId, etag: Option<u64>) -> Result<(), Rejection> {
    let person = person.named()?.with_reason()?;
    let hold = active(docket, id)?.clone();
    // While somebody's wish to lift it stands, an etag names that wish; else it is the hold's, as of any edit.
    let wish = hold.lift_asked.as_ref().filter(|asked| docket.now < asked.until);
    let names_the_hold = wish.is_none();
    if let Some(given) = etag.filter(|given| names_the_hold && *given != hold.changed_at_position) {
        return Err(Rejection::EtagDiffers { given, actual: hold.changed_at_position });
    }
    // Rule 6: acknowledged first.
    if hold.is_halt() && hold.acknowledged.is_none() {
        return Err(Rejection::NotAcknowledged(id));
    }
    if hold.class == HoldClass::Safety {
        let etag = etag.filter(|_| !names_the_hold);
        let wish = wish.map(|asked| Wish { by: asked.by.as_str(), until: asked.until, etag: hold.changed_at_position });
        let judged = assent::judge(wish, person.by.as_str(), etag, docket.now);
        match judged.map_err(|refusal| Rejection::SecondPerson { of: id.to_string(), refusal })? {
            Step::Ask { until } => {
                docket.record(Event::HoldLiftAsked { hold: id, by: person.by.clone(), until });
                return Ok(());
            }
            Step::Complete => {}
        }
    }
    let signature = person.signature(docket.now);
    docket.record(Event::HoldLifted { hold: id, signature });
    Ok(())
}

/// Rule 6: after the gate was decided, and with a reason.
pub(super) fn acknowledge(docket: &mut Docket, person: Person<'_>, id: HoldId) -> Result<(), Rejection> {
    let person = person.named()?.with_reason()?;
    let hold = active(docket, id)?;
    if !hold.is_halt() {
        return Err(Rejection::NotAHalt(id));
    }
    if hold.acknowledged.is_some() {
        return Err(Rejection::AlreadyAcknowledged(id));
    }
    if let Some(wave) = &hold.halted_wave
        && docket.wave(wave)?.stage == WaveStage::Gate
    {
        return Err(Rejection::GateUndecided { hold: id, wave: wave.clone() });
    }
    let signature = person.signature(docket.now);
    docket.record(Event::HaltAcknowledged { hold: id, signature });
    Ok(())
}

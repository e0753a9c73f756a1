//! What must hold, by the numbers of `docs/domain.md`, and what must happen somewhere lest the model proves nothing.
//!
//! Said of the registry's answers, the seals and the supplier's ledger alone, without a look at how the code comes to them.

use practice::pause::ReceiptState;
use stateright::Property;

use crate::key::Ending;
use crate::model::{Breach, Model, Place, State};
use crate::registry::{Known, KnownPause};

/// The names of the properties.
pub(crate) mod name {
    pub(crate) const SWITCHED_ON_ONCE: &str = "I1: a practice is switched on once more than off at most";
    pub(crate) const ONE_PERMIT: &str = "I1: one permit to switch on is open at most";
    pub(crate) const NEWER_DECISION: &str = "I1: a permit goes to a newer decision than every one before";
    pub(crate) const PERMIT_ONCE: &str = "I1: a key gets one permit";
    pub(crate) const SENT_SEALED: &str = "I2: nothing is sent that was not sealed";
    pub(crate) const STALE_WRITES_NOTHING: &str = "I3: a stale scheduler changes no journal";
    pub(crate) const NO_PERMIT_UNDER_PAUSE: &str = "I4: no permit to switch on is given while a pause is in force";
    pub(crate) const RECEIPT_FINAL_ONCE: &str = "I4: a receipt becomes final once, PREVENTED or REVERSED";
    pub(crate) const PAUSED_OFF: &str = "I4: at rest no practice is on over its pause";
    pub(crate) const ONE_SWITCH_OFF: &str = "I4: at rest exactly one switch-off follows what a pause came too late for";
    pub(crate) const RECEIPTS_FINAL: &str = "I4: at rest every receipt is final";
    pub(crate) const PERMITS_SETTLED: &str = "I4: at rest no permit is open";
    pub(crate) const NO_SEAL_UNDER_HOLD: &str = "I10, I11: nothing is sealed under a hold that was not lifted";
    pub(crate) const SETTLED_BY_ASKING: &str = "I17: a key settles as the supplier has it, and only so";
    pub(crate) const REGISTRY_AGREES: &str = "at rest the registry says live where the supplier has it on";

    /// Those that must hold in every state.
    pub(crate) const EVERYWHERE: [&str; 15] = [
        SWITCHED_ON_ONCE,
        ONE_PERMIT,
        NEWER_DECISION,
        PERMIT_ONCE,
        SENT_SEALED,
        STALE_WRITES_NOTHING,
        NO_PERMIT_UNDER_PAUSE,
        RECEIPT_FINAL_ONCE,
        PAUSED_OFF,
        ONE_SWITCH_OFF,
        RECEIPTS_FINAL,
        PERMITS_SETTLED,
        NO_SEAL_UNDER_HOLD,
        SETTLED_BY_ASKING,
        REGISTRY_AGREES,
    ];

    pub(crate) const IS_ON: &str = "somebody is on at rest";
    pub(crate) const PREVENTED: &str = "a receipt that was PENDING is PREVENTED";
    pub(crate) const REVERSED: &str = "a receipt is REVERSED";
    pub(crate) const CLOSED: &str = "a STOP closes a key before its call arrives";
    pub(crate) const REFUSED: &str = "a supplier refuses";
    pub(crate) const STALE_ON_ITS_WAY: &str = "a scheduler that lost the lease still waits for a reply";
    pub(crate) const LATE: &str = "a call is on its way for whose reply nobody waits";
}

/// All of them.
pub(crate) fn all<const N: usize>() -> Vec<Property<Model<N>>> {
    let mut properties = always();
    properties.extend(at_rest());
    properties.extend(sometimes());
    properties
}

fn always<const N: usize>() -> Vec<Property<Model<N>>> {
    vec![
        Property::always(name::SWITCHED_ON_ONCE, |_, state| spared(state, Breach::SwitchedOnTwice)),
        Property::always(name::ONE_PERMIT, |_, state| spared(state, Breach::TwoPermitsOpen)),
        Property::always(name::NEWER_DECISION, |_, state| spared(state, Breach::PermitToOldGeneration)),
        Property::always(name::PERMIT_ONCE, |_, state| spared(state, Breach::PermitGivenTwice)),
        Property::always(name::SENT_SEALED, |_, state| spared(state, Breach::SentUnsealed)),
        Property::always(name::STALE_WRITES_NOTHING, |_, state| spared(state, Breach::StaleWrote)),
        Property::always(name::NO_PERMIT_UNDER_PAUSE, |_, state| spared(state, Breach::PermitUnderPause)),
        Property::always(name::RECEIPT_FINAL_ONCE, |_, state| spared(state, Breach::ReceiptChanged)),
        Property::always(name::NO_SEAL_UNDER_HOLD, |_, state| spared(state, Breach::SealedUnderHold)),
        Property::always(name::SETTLED_BY_ASKING, |_, state| spared(state, Breach::SettledUnasked)),
    ]
}

fn at_rest<const N: usize>() -> Vec<Property<Model<N>>> {
    vec![
        Property::always(name::PAUSED_OFF, |model, state| {
            resting(model, state, |place, known| {
                let stopped = |pause: &KnownPause| pause.in_force && pause.receipt != ReceiptState::AlreadyOn;
                !(known.pauses.iter().any(stopped) && place.supplier.is_on())
            })
        }),
        Property::always(name::ONE_SWITCH_OFF, |model, state| {
            resting(model, state, |place, known| {
                let too_late = known.pauses.iter().filter_map(|pause| pause.pending_on);
                let mut switch_offs = too_late.filter_map(|generation| place.supplier.switched_off_after(generation));
                switch_offs.all(|count| count == 1)
            })
        }),
        Property::always(name::RECEIPTS_FINAL, |model, state| {
            resting(model, state, |_, known| known.pauses.iter().all(|pause| pause.receipt != ReceiptState::Pending))
        }),
        Property::always(name::PERMITS_SETTLED, |model, state| {
            resting(model, state, |_, known| known.permits.iter().all(|(_, open)| !open))
        }),
        Property::always(name::REGISTRY_AGREES, |model, state| {
            resting(model, state, |place, known| known.is_on == place.supplier.is_on())
        }),
    ]
}

fn sometimes<const N: usize>() -> Vec<Property<Model<N>>> {
    vec![
        Property::sometimes(name::IS_ON, |model, state| !resting(model, state, |place, _| !place.supplier.is_on())),
        Property::sometimes(name::PREVENTED, |model, state| {
            any_pause(model, state, |pause| pause.receipt == ReceiptState::Prevented && pause.pending_on.is_some())
        }),
        Property::sometimes(name::REVERSED, |model, state| {
            any_pause(model, state, |pause| pause.receipt == ReceiptState::Reversed)
        }),
        Property::sometimes(name::CLOSED, |_, state: &State<N>| {
            state.places.iter().any(|place| place.supplier.has_ended(Ending::NotApplied))
        }),
        Property::sometimes(name::REFUSED, |_, state: &State<N>| {
            state.places.iter().any(|place| place.supplier.has_ended(Ending::Refused))
        }),
        Property::sometimes(name::STALE_ON_ITS_WAY, |model: &Model<N>, state: &State<N>| {
            let epoch = model.epoch(state);
            state.places.iter().any(|place| place.messages.iter().any(|one| one.heard && one.epoch < epoch))
        }),
        Property::sometimes(name::LATE, |_, state: &State<N>| {
            state.places.iter().any(|place| place.messages.iter().any(|one| !one.heard))
        }),
    ]
}

fn spared<const N: usize>(state: &State<N>, breach: Breach) -> bool {
    state.breach != Some(breach)
}

/// Whether something holds of every practice that is at rest.
fn resting<const N: usize>(model: &Model<N>, state: &State<N>, holds: impl Fn(&Place, &Known) -> bool) -> bool {
    let breaks = |place: &Place| !holds(place, &model.tables.registry_known(place.registry)) && model.is_at_rest(place);
    state.breach.is_some() || !state.places.iter().any(breaks)
}

fn any_pause<const N: usize>(model: &Model<N>, state: &State<N>, is_so: impl Fn(&KnownPause) -> bool) -> bool {
    state.places.iter().any(|place| model.tables.registry_known(place.registry).pauses.iter().any(&is_so))
}

/// What must not happen between two states of the registry, and did.
pub(crate) fn breach_at_registry(before: &Known, after: &Known) -> Option<Breach> {
    let is_new = |(key, open): &&(_, bool)| *open && !before.permits.contains(&(*key, true));
    for (key, _) in after.permits.iter().filter(is_new) {
        if before.permits.iter().any(|(known, _)| known == key) {
            return Some(Breach::PermitGivenTwice);
        }
        if key.enables() && before.is_paused() {
            return Some(Breach::PermitUnderPause);
        }
        if key.enables() && before.open_enables() > 0 {
            return Some(Breach::TwoPermitsOpen);
        }
        if key.enables() && key.generation <= before.generation_highest {
            return Some(Breach::PermitToOldGeneration);
        }
    }
    let changed = |(before, after): (&KnownPause, &KnownPause)| {
        let becomes_final = before.receipt == ReceiptState::Pending
            && matches!(after.receipt, ReceiptState::Prevented | ReceiptState::Reversed);
        before.receipt != after.receipt && !becomes_final
    };
    before.pauses.iter().zip(&after.pauses).any(changed).then_some(Breach::ReceiptChanged)
}

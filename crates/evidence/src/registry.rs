//! The registry's journal: permits, pauses and their receipts, and what it says of each practice.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use ods::{Capability, PracticeCode, Supplier};
use practice::access::ObservedState;
use practice::directory::DirectoryChange;
use practice::event::{AccessObserved, Consequences, Event, PermitSettled, PracticePaused};
use practice::lapse::LapseOf;
use practice::pause::ReceiptState;
use practice::{Action, CommandKey};

use crate::entry::Effect;
use crate::key::{Direction, Key};
use crate::record::{Recorded, Unreadable};
use crate::suppliers::{Place, Suppliers};

const JOURNAL: &str = "registry";

/// The journal, folded.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    /// Keys to switch on by the position of their permit, with the pauses that were in force then.
    pub(crate) granted: BTreeMap<Key, (u64, Vec<u32>)>,
    /// Permits to switch on that were open when a pause was accepted.
    pub(crate) open_at_pause: BTreeSet<Key>,
    /// Pauses accepted while such a permit was open.
    pub(crate) pauses_with_open_permit: usize,
    /// Every pause that held at any time.
    held: BTreeMap<(PracticeCode, u32), Held>,
    /// Pauses in force at the end, with what their receipts have come to.
    in_force: BTreeMap<(PracticeCode, u32), PracticePaused>,
    /// Permits of either kind.
    open: BTreeSet<Key>,
    /// What is known of each place, and as at when: a list that comes late does not change what is known of later.
    observed: BTreeMap<Place, (Timestamp, ObservedState)>,
    /// Practices that came to another supplier: at which position, and to which.
    moved_to: BTreeMap<PracticeCode, (u64, Supplier)>,
}

/// When a pause held, by positions.
#[derive(Debug)]
struct Held {
    capability: Option<Capability>,
    from: u64,
    until: Option<u64>,
}

/// What a pause in force was answered, as regards one capability.
#[derive(Clone, Debug)]
pub(crate) struct Receipt {
    pub(crate) practice: PracticeCode,
    pub(crate) pause: u32,
    pub(crate) capability: Capability,
    pub(crate) state: ReceiptState,
}

impl Registry {
    pub(crate) fn fold_all(records: &[Recorded]) -> Result<Self, Unreadable> {
        let mut folded = Self::default();
        for record in records {
            if let Some(event) = record.event(JOURNAL)? {
                folded.fold(record.position, event);
            }
        }
        Ok(folded)
    }

    /// What pauses in force were answered.
    pub(crate) fn receipts(&self) -> impl Iterator<Item = Receipt> {
        self.in_force.values().flat_map(|paused| {
            let receipt = |part: &practice::pause::ReceiptPart| Receipt {
                practice: paused.practice,
                pause: paused.pause,
                capability: part.capability.clone(),
                state: part.state,
            };
            paused.receipt.iter().map(receipt)
        })
    }

    /// Open permits, receipts that are not final, and practices that are on although their pause is PENDING.
    pub(crate) fn owed(&self, suppliers: &Suppliers) -> Vec<String> {
        let last = suppliers.last_effects();
        let mut owed: Vec<String> = self.open.iter().map(|key| format!("the permit of {key} is open")).collect();
        for receipt in self.receipts().filter(|receipt| receipt.state == ReceiptState::Pending) {
            let (practice, pause) = (receipt.practice, receipt.pause);
            owed.push(format!("the receipt of pause {pause} of {practice} is still PENDING"));
            let on_by_us = |effect: &&Effect| effect.direction == Direction::Enable && effect.generation.is_some();
            if self.last_effect(&receipt, suppliers, &last).as_ref().is_some_and(on_by_us) {
                owed.push(format!("I4: {practice} is on, and its pause {pause} was answered PENDING"));
            }
        }
        owed
    }

    /// The last of all effects at a receipt's place that changed anything. Where a practice had come to another supplier before it
    /// paused, only that one's count: it had a word of its own then, and what the former one had switched nobody is shown (rule 10).
    pub(crate) fn last_effect<'a>(
        &self,
        receipt: &Receipt,
        suppliers: &'a Suppliers,
        last: &BTreeMap<Place, &'a Effect>,
    ) -> Option<&'a Effect> {
        let place = (receipt.capability.clone(), receipt.practice);
        let paused_at = self.held.get(&(receipt.practice, receipt.pause)).map_or(0, |held| held.from);
        match self.moved_to.get(&receipt.practice) {
            Some((moved_at, supplier)) if *moved_at < paused_at => suppliers.last_effect_by(supplier, &place),
            _ => last.get(&place).copied(),
        }
    }

    /// Where the registry's last word is not what the suppliers' logs say, since when, in the order of places. Of a practice that came
    /// to another supplier only that one's counts: what the former one had switched is nothing that patients can see there any more
    /// (rule 10).
    pub(crate) fn unseen(&self, suppliers: &Suppliers) -> Vec<(Timestamp, String)> {
        let mut unseen = Vec::new();
        for ((capability, practice), effect) in suppliers.last_effects() {
            let place = (capability, practice);
            let effect = match self.moved_to.get(&practice) {
                Some((_, supplier)) => suppliers.last_effect_by(supplier, &place),
                None => Some(effect),
            };
            let is_on = effect.is_some_and(|effect| effect.direction == Direction::Enable);
            let known = self.observed.get(&place);
            let observed = known.map(|(_, state)| *state);
            let says_on = matches!(observed, Some(ObservedState::On | ObservedState::Partial));
            if is_on == says_on {
                continue;
            }
            match (effect, known) {
                (Some(Effect { direction, supplier, at, .. }), _) => {
                    let switched = format!("{practice} was switched {direction:?} at {supplier} at {at}");
                    unseen.push((*at, format!("{switched}, and the registry says {observed:?}")));
                }
                // The registry says that it is on, since it was told so.
                (None, Some((as_at, _))) => {
                    let never = format!("{practice} was never switched at its present supplier");
                    unseen.push((*as_at, format!("{never}, and the registry says {observed:?} as at {as_at}")));
                }
                (None, None) => {}
            }
        }
        unseen
    }

    /// The pauses that were in force at a position of the journal.
    pub(crate) fn pauses_at(&self, practice: PracticeCode, capability: &Capability, position: u64) -> Vec<u32> {
        let of_practice = self.held.range((practice, 0)..=(practice, u32::MAX));
        let held = of_practice.filter(|(_, held)| {
            let covers = held.capability.as_ref().is_none_or(|one| one == capability);
            covers && held.from <= position && held.until.is_none_or(|until| position < until)
        });
        held.map(|((_, pause), _)| *pause).collect()
    }

    fn fold(&mut self, position: u64, event: Event) {
        match event {
            Event::PracticePaused(paused) => self.paused(position, paused),
            Event::SuccessionEffected(effected) => {
                for lost in effected.access_unknown {
                    self.observe((lost.capability, lost.practice), lost.as_at, ObservedState::Unknown);
                }
                for paused in effected.pauses {
                    self.paused(position, paused);
                }
            }
            Event::PausesLifted { practice, pauses } => {
                for pause in pauses {
                    self.pause_ends(position, (practice, pause));
                }
            }
            Event::Lapsed { lapses } => {
                for lapse in lapses {
                    if let LapseOf::Pause(pause) = lapse.what {
                        self.pause_ends(position, (lapse.practice, pause));
                    }
                }
            }
            Event::PermitsGranted { keys } => {
                for key in keys {
                    self.granted(position, &key);
                }
            }
            Event::PermitsSettled { settlements } => {
                for settled in settlements {
                    self.settled(settled);
                }
            }
            Event::AccessObserved { observations } => {
                for observed in observations {
                    self.observed(observed);
                }
            }
            Event::DirectoryImported { practices, .. } => {
                for change in practices {
                    self.changed(position, change);
                }
            }
            // They concern no permit, end no pause and observe nothing.
            Event::SourceRead(_)
            | Event::OrganisationLifetimeSet { .. }
            | Event::PauseJudged { .. }
            | Event::SuccessionRecorded { .. }
            | Event::SwitchOffRequested { .. }
            | Event::ReadinessUpdated { .. }
            | Event::ReadinessItemsDeclared { .. }
            | Event::AdviceRecorded(_)
            | Event::AdviceEnded { .. }
            | Event::ContactSet(_)
            | Event::ContactErased { .. }
            | Event::SignalsRecorded { .. }
            | Event::SyncStarted(_)
            | Event::SyncAdvanced(_)
            | Event::SyncFailed(_)
            | Event::SyncResumed { .. }
            | Event::SyncEnded { .. } => {}
        }
    }

    fn changed(&mut self, position: u64, change: DirectoryChange) {
        let DirectoryChange { entry, before, access_unknown, .. } = change;
        let former = before.and_then(|before| before.supplier);
        if let Some(supplier) = entry.supplier.filter(|supplier| former.is_some_and(|former| former != *supplier)) {
            self.moved_to.insert(entry.practice, (position, supplier));
        }
        for unknown in access_unknown {
            self.observe((unknown.capability, entry.practice), unknown.as_at, ObservedState::Unknown);
        }
    }

    fn granted(&mut self, position: u64, command: &CommandKey) {
        let key = key_of(command);
        self.open.insert(key.clone());
        if command.action == Action::Enable {
            let at_practice = self.in_force.range((command.practice, 0)..=(command.practice, u32::MAX));
            let covers =
                |paused: &PracticePaused| paused.capability.as_ref().is_none_or(|one| *one == command.capability);
            let pauses = at_practice.filter(|(_, paused)| covers(paused)).map(|((_, pause), _)| *pause).collect();
            self.granted.insert(key, (position, pauses));
        }
    }

    fn settled(&mut self, settled: PermitSettled) {
        let PermitSettled { key, observed, consequences, .. } = settled;
        self.open.remove(&key_of(&key));
        if let Some(observed) = observed {
            self.observe((key.capability.clone(), key.practice), observed.as_at, observed.state);
        }
        self.finish(key.practice, &key.capability, &consequences);
    }

    fn observed(&mut self, observed: AccessObserved) {
        let AccessObserved { practice, capability, state, as_at, consequences, .. } = observed;
        self.finish(practice, &capability, &consequences);
        self.observe((capability, practice), as_at, state);
    }

    fn observe(&mut self, place: Place, as_at: Timestamp, state: ObservedState) {
        if self.observed.get(&place).is_none_or(|(known_at, _)| *known_at <= as_at) {
            self.observed.insert(place, (as_at, state));
        }
    }

    /// Receipts that become final.
    fn finish(&mut self, practice: PracticeCode, capability: &Capability, consequences: &Consequences) {
        for receipt in &consequences.receipts {
            let Some(paused) = self.in_force.get_mut(&(practice, receipt.pause)) else { continue };
            for part in paused.receipt.iter_mut().filter(|part| part.capability == *capability) {
                part.state = receipt.state;
            }
        }
    }

    fn pause_ends(&mut self, position: u64, pause: (PracticeCode, u32)) {
        self.in_force.remove(&pause);
        self.held.get_mut(&pause).into_iter().for_each(|held| held.until = Some(position));
    }

    /// A pause holds, the practice's own or one that it inherited.
    fn paused(&mut self, position: u64, paused: PracticePaused) {
        let held = Held { capability: paused.capability.clone(), from: position, until: None };
        self.held.insert((paused.practice, paused.pause), held);
        let covers = |key: &&Key| {
            let of_it = paused.capability.as_ref().is_none_or(|one| *one == key.capability);
            key.direction == Direction::Enable && key.practice == paused.practice && of_it
        };
        let open: Vec<Key> = self.open.iter().filter(covers).cloned().collect();
        self.pauses_with_open_permit += usize::from(!open.is_empty());
        self.open_at_pause.extend(open);
        self.in_force.insert((paused.practice, paused.pause), paused);
    }
}

fn key_of(command: &CommandKey) -> Key {
    let direction = match command.action {
        Action::Enable => Direction::Enable,
        Action::Disable => Direction::Disable,
    };
    let CommandKey { capability, practice, generation, .. } = command.clone();
    Key { capability, practice, direction, generation }
}

//! A second, naive registry: it keeps a plain list of what happened and derives every answer from the whole list, by the
//! words of the rules. Slow, and written without a look at how the real one does it.

use jiff::Timestamp;
use ods::Capability;
use practice::access::{ObservationSource, ObservedState, Outcome};
use practice::pause::ReceiptState;
use practice::{Action, CommandKey};

/// What happened at the one practice, in order.
#[derive(Clone, Debug)]
pub(crate) enum Happened {
    Paused { covers: Option<Capability>, until: Option<Timestamp> },
    Lifted { pause: usize },
    Lapsed { pause: usize },
    Granted { key: CommandKey },
    Settled { key: CommandKey, outcome: Outcome },
    Observed { capability: Capability, word: Word },
}

/// What somebody says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word {
    pub(crate) source: ObservationSource,
    pub(crate) state: ObservedState,
    pub(crate) as_at: Timestamp,
}

#[derive(Default)]
pub(crate) struct Model {
    pub(crate) log: Vec<Happened>,
}

impl Model {
    /// Pauses in force, by number from 1.
    pub(crate) fn in_force(&self) -> Vec<usize> {
        let ended = |number: usize| {
            let ends = |happened: &Happened| matches!(happened, Happened::Lifted { pause } | Happened::Lapsed { pause } if *pause == number);
            self.log.iter().any(ends)
        };
        (1..=self.pauses().len()).filter(|number| !ended(*number)).collect()
    }

    /// The numbers of the pauses in force whose agreed end has come.
    pub(crate) fn due(&self, now: Timestamp) -> Vec<usize> {
        let come = |number: &usize| self.pauses()[number - 1].2.is_some_and(|until| until <= now);
        self.in_force().into_iter().filter(come).collect()
    }

    /// May this command have a permit that it does not have?
    pub(crate) fn grants(&self, key: &CommandKey) -> bool {
        if self.was_granted(key, self.log.len()) {
            return false;
        }
        if key.action == Action::Disable {
            return true;
        }
        let paused = self.in_force().iter().any(|number| covers(&self.pauses()[number - 1].1, &key.capability));
        let unsettled_receipt = (1..=self.pauses().len())
            .any(|number| self.receipt(number, &key.capability) == Some(ReceiptState::Pending));
        let keys = self.granted_keys(&key.capability);
        let open = keys.iter().any(|granted| self.outcome(granted, self.log.len()).is_none());
        let on = self.last_observed(&key.capability, self.log.len()) == Some(ObservedState::On);
        let stale = keys.iter().any(|granted| granted.generation >= key.generation);
        !paused && !unsettled_receipt && !open && !on && !stale
    }

    /// The receipt of pause `number` as regards a capability; None where the pause does not tell of it.
    pub(crate) fn receipt(&self, number: usize, capability: &Capability) -> Option<ReceiptState> {
        let (placed_at, covered, _) = &self.pauses()[number - 1];
        if !covers(covered, capability) {
            return None;
        }
        let known_here = *capability == Capability::default() || self.is_known(capability, *placed_at);
        if covered.is_none() && !known_here {
            return None;
        }
        let enables = self.granted_keys_before(capability, *placed_at);
        let open =
            enables.into_iter().find(|key| key.action == Action::Enable && self.outcome(key, *placed_at).is_none());
        let Some(open) = open else {
            return Some(match self.last_observed(capability, *placed_at) {
                None | Some(ObservedState::Off) => ReceiptState::Prevented,
                Some(_) => ReceiptState::AlreadyOn,
            });
        };
        // Final from the first moment at which it can be told, whatever comes after.
        for end in *placed_at + 1..=self.log.len() {
            let news = match &self.log[end - 1] {
                Happened::Settled { key, .. } => key.capability == *capability,
                Happened::Observed { capability: observed, .. } => observed == capability,
                _ => false,
            };
            if news && let Some(state) = self.final_state(&open, end) {
                return Some(state);
            }
        }
        Some(ReceiptState::Pending)
    }

    fn final_state(&self, enable: &CommandKey, end: usize) -> Option<ReceiptState> {
        match self.outcome(enable, end)? {
            Outcome::Applied => {
                let reversed = self.granted_keys_before(&enable.capability, end).into_iter().any(|key| {
                    key.action == Action::Disable
                        && key.generation > enable.generation
                        && self.outcome(&key, end) == Some(Outcome::Applied)
                });
                reversed.then_some(ReceiptState::Reversed)
            }
            Outcome::NotApplied | Outcome::Refused | Outcome::Voided => {
                let off = matches!(self.last_observed(&enable.capability, end), None | Some(ObservedState::Off));
                off.then_some(ReceiptState::Prevented)
            }
        }
    }

    /// What holds by all that was said before `end`.
    pub(crate) fn last_observed(&self, capability: &Capability, end: usize) -> Option<ObservedState> {
        let said = self.log[..end].iter().filter_map(|happened| match happened {
            Happened::Observed { capability: observed, word } if observed == capability => Some(*word),
            _ => None,
        });
        what_holds(&said.collect::<Vec<_>>())
    }

    /// How the command had ended by then.
    pub(crate) fn outcome(&self, key: &CommandKey, end: usize) -> Option<Outcome> {
        self.log[..end].iter().find_map(|happened| match happened {
            Happened::Settled { key: settled, outcome } if settled == key => Some(*outcome),
            _ => None,
        })
    }

    pub(crate) fn was_granted(&self, key: &CommandKey, end: usize) -> bool {
        self.log[..end].iter().any(|happened| matches!(happened, Happened::Granted { key: granted } if granted == key))
    }

    fn granted_keys(&self, capability: &Capability) -> Vec<CommandKey> {
        self.granted_keys_before(capability, self.log.len())
    }

    fn granted_keys_before(&self, capability: &Capability, end: usize) -> Vec<CommandKey> {
        let granted = self.log[..end].iter().filter_map(|happened| match happened {
            Happened::Granted { key } if key.capability == *capability => Some(key.clone()),
            _ => None,
        });
        granted.collect()
    }

    fn is_known(&self, capability: &Capability, end: usize) -> bool {
        !self.granted_keys_before(capability, end).is_empty() || self.last_observed(capability, end).is_some()
    }

    /// Place in the log, what it covers, and its agreed end.
    pub(crate) fn pauses(&self) -> Vec<(usize, Option<Capability>, Option<Timestamp>)> {
        let mut pauses = Vec::new();
        for (place, happened) in self.log.iter().enumerate() {
            if let Happened::Paused { covers, until } = happened {
                pauses.push((place, covers.clone(), *until));
            }
        }
        pauses
    }
}

fn covers(covered: &Option<Capability>, capability: &Capability) -> bool {
    covered.as_ref().is_none_or(|covered| covered == capability)
}

/// The rule of evidence as a vote: whoever is not answered says whether it is on, and all must say the same.
pub(crate) fn what_holds(said: &[Word]) -> Option<ObservedState> {
    use ObservationSource::{Directory, Inspection, Practice, SupplierConfirmation, SupplierList};
    use ObservedState::{Off, On, Partial, Unknown};
    if said.is_empty() {
        return None;
    }
    let told: Vec<(usize, &Word)> = said.iter().enumerate().collect();
    let is_after = |(a_told, a): (usize, &Word), (b_told, b): (usize, &Word)| (a.as_at, a_told) > (b.as_at, b_told);
    let stands = |word: (usize, &Word)| {
        let supplier_changed = told.iter().any(|other| other.1.source == Directory && is_after(*other, word));
        let acted = told.iter().any(|other| other.1.source == SupplierConfirmation && other.1.as_at > word.1.as_at);
        let answered = acted && matches!(word.1.source, Inspection | Practice);
        !(supplier_changed || answered)
    };
    let last = |sources: &[ObservationSource]| {
        let mut last: Option<(usize, &Word)> = None;
        for word in told.iter().filter(|word| sources.contains(&word.1.source) && stands(**word)) {
            if last.is_none_or(|held| is_after(*word, held)) {
                last = Some(*word);
            }
        }
        last.map(|(_, word)| *word)
    };
    let supplier = last(&[SupplierConfirmation, SupplierList, Directory]);
    let inspection = last(&[Inspection]).filter(|word| word.state != Unknown);
    let practice = last(&[Practice]).filter(|word| word.state != Unknown);
    if supplier.is_some_and(|word| word.source == Directory) {
        return Some(Unknown);
    }
    let later = |other: Option<Word>, than: Word| other.is_some_and(|other| other.as_at > than.as_at);
    let mut votes = Vec::new();
    votes.extend(supplier.filter(|word| !later(inspection, *word)));
    votes.extend(inspection.filter(|word| !later(supplier, *word)));
    votes.extend(practice.filter(|word| !later(supplier, *word) && !later(inspection, *word)));
    let on = votes.iter().any(|word| matches!(word.state, On | Partial));
    let off = votes.iter().any(|word| word.state == Off);
    let unknown = votes.iter().any(|word| word.state == Unknown);
    if unknown || on == off {
        return Some(Unknown);
    }
    if off {
        return Some(Off);
    }
    let says = |word: Option<Word>, state| word.filter(|word| word.state == state);
    let seen_right = says(inspection, On);
    let put_right = says(practice, On).filter(|_| says(supplier, On).is_some());
    let wrong = says(supplier, Partial).is_some_and(|word| !later(seen_right, word))
        || says(practice, Partial).is_some_and(|word| !later(seen_right, word))
        || says(inspection, Partial).is_some_and(|word| !later(put_right, word));
    Some(if wrong { Partial } else { On })
}

//! What holds of a capability at a practice when those who look say different things: one rule, over all the evidence.
//!
//! Evidence is kept, never overwritten; what holds is worked out from it, so a word that arrives late takes its place by
//! its own moment. The rule is cautious in both directions: where it is not certain that access is on nobody is called
//! live, and where it is not certain that it is off no pause is answered PREVENTED.
//!
//! Three witnesses speak, each by its latest word; of one moment, by the one recorded last.
//!
//! - **The supplier**, whose system shows records or does not: it knows whether access is on, rarely with which settings.
//!   Its *confirmation* reports an act, so whatever others saw before it is answered. Its *list* is a look.
//! - **An inspection**: a person who looked at the practice's settings, and knows both.
//! - **The practice**: it knows its own settings. Its word about whether access is on holds where nobody else has looked;
//!   against a look of an earlier moment it makes a dispute, until somebody looks again.
//!
//! Whether access is on: the later of the supplier's and an inspection's word holds; of one moment they are in dispute if
//! they differ. Whether the settings are right: who has said that they are wrong is answered by an inspection of a later
//! moment that says ON, and an inspection also by the practice's later word that they are put right while the supplier
//! says ON. After a change of supplier nothing is known, whatever anybody says, until the new one confirms (rule 10); after
//! a succession until anybody has spoken again (rule 9).

use jiff::Timestamp;

use crate::access::{ObservationSource, Observed, ObservedState};

/// The latest word of each witness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing<'a> {
    supplier: Option<&'a Observed>,
    inspection: Option<&'a Observed>,
    practice: Option<&'a Observed>,
}

/// What holds, by the words that stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict<'a> {
    /// What holds: UNKNOWN while it is in dispute.
    pub state: ObservedState,
    /// The word that says so; in a dispute the latest of those that differ.
    pub by: &'a Observed,
    /// The moment of the latest word that it rests on: up to then it holds.
    pub as_at: Timestamp,
    /// When the registry was told the last of those words.
    pub recorded_at: Timestamp,
    /// Witnesses disagree about whether access is on, and neither answers the other.
    pub is_disputed: bool,
}

impl Verdict<'_> {
    /// Live: confirmed to be on, with nothing that says otherwise.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.state == ObservedState::On
    }

    /// Somebody says that it is on, whatever its settings, and nobody has answered that it is off.
    #[must_use]
    pub fn may_be_on(&self) -> bool {
        self.is_disputed || matches!(self.state, ObservedState::On | ObservedState::Partial)
    }
}

/// What a word says of whether access is on; PARTIAL is on with wrong settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Switch {
    On,
    Off,
    Unknown,
    Disputed,
}

impl From<ObservedState> for Switch {
    fn from(state: ObservedState) -> Self {
        match state {
            ObservedState::On | ObservedState::Partial => Self::On,
            ObservedState::Off => Self::Off,
            ObservedState::Unknown => Self::Unknown,
        }
    }
}

impl<'a> Standing<'a> {
    /// Takes one more word. They must come in the order of their moments, those of one moment in the order of recording.
    pub(crate) fn hear(&mut self, word: &'a Observed) {
        match word.source {
            // Rules 10 and 9: the new supplier has said nothing yet, and what was said concerns the old one, or what the
            // practice was before its succession.
            ObservationSource::Directory | ObservationSource::Succession => {
                *self = Self { supplier: Some(word), ..Self::default() };
            }
            ObservationSource::SupplierConfirmation => {
                let not_before = |seen: &&Observed| seen.as_at >= word.as_at;
                self.inspection = self.inspection.filter(not_before);
                self.practice = self.practice.filter(not_before);
                self.supplier = Some(word);
            }
            ObservationSource::SupplierList => self.supplier = Some(word),
            ObservationSource::Inspection => self.inspection = Some(word),
            ObservationSource::Practice => self.practice = Some(word),
        }
    }

    /// The supplier's word.
    #[must_use]
    pub fn supplier(&self) -> Option<&'a Observed> {
        self.supplier
    }

    /// The words that stand, at most three: the supplier's, an inspection's, the practice's.
    pub fn words(&self) -> impl Iterator<Item = &'a Observed> {
        [self.supplier, self.inspection, self.practice].into_iter().flatten()
    }

    /// What holds; None where nobody has said anything.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict<'a>> {
        let (state, by) = match self.switch() {
            None => (ObservedState::Unknown, latest(self.words())?),
            Some(Switch::Unknown) => (ObservedState::Unknown, self.supplier?),
            Some(Switch::Off) => (ObservedState::Off, self.latest_that_says(Switch::Off)?),
            Some(Switch::Disputed) => (ObservedState::Unknown, latest(self.claims())?),
            Some(Switch::On) => match self.wrong_settings() {
                Some(word) => (ObservedState::Partial, word),
                None => (ObservedState::On, latest(self.words().filter(|word| word.state == ObservedState::On))?),
            },
        };
        let is_disputed = self.switch() == Some(Switch::Disputed);
        let as_at = latest(self.claims()).map_or(by.as_at, |word| word.as_at);
        let recorded_at = self.claims().map(|word| word.recorded_at).max().unwrap_or(by.recorded_at);
        Some(Verdict { state, by, as_at, recorded_at, is_disputed })
    }

    /// The words that claim something. Whoever says UNKNOWN takes back its own word and says nothing of another's; but
    /// while the supplier does not know, nobody's earlier word makes up for it.
    fn claims(&self) -> impl Iterator<Item = &'a Observed> {
        [self.supplier, claim(self.inspection), claim(self.practice)].into_iter().flatten()
    }

    /// Whether access is on, whatever its settings; None where nobody claims anything.
    fn switch(&self) -> Option<Switch> {
        let practice = claim(self.practice);
        // A succession is nobody's look: whoever looks next, or the practice, is believed.
        let supplier = self.supplier.filter(|word| word.source != ObservationSource::Succession);
        let looked = match (supplier, claim(self.inspection)) {
            (None, None) => None,
            (Some(word), None) | (None, Some(word)) => Some((Switch::from(word.state), word.as_at)),
            (Some(supplier), Some(inspection)) => Some(Self::looked(supplier, inspection)),
        };
        let Some((switch, looked_at)) = looked else { return practice.map(|word| word.state.into()) };
        let differs = |word: &&Observed| Switch::from(word.state) != switch && word.as_at >= looked_at;
        match switch {
            Switch::On | Switch::Off if practice.is_some_and(|word| differs(&word)) => Some(Switch::Disputed),
            _ => Some(switch),
        }
    }

    /// By two who look, and up to when.
    fn looked(supplier: &Observed, inspection: &Observed) -> (Switch, Timestamp) {
        let (by_supplier, by_inspection) = (Switch::from(supplier.state), Switch::from(inspection.state));
        let both_at = supplier.as_at.max(inspection.as_at);
        if supplier.source == ObservationSource::Directory || by_supplier == by_inspection {
            return (by_supplier, both_at);
        }
        let switch = match supplier.as_at.cmp(&inspection.as_at) {
            std::cmp::Ordering::Less => by_inspection,
            std::cmp::Ordering::Greater => by_supplier,
            std::cmp::Ordering::Equal if by_supplier == Switch::Unknown => Switch::Unknown,
            std::cmp::Ordering::Equal => Switch::Disputed,
        };
        (switch, both_at)
    }

    /// The word that the settings are wrong, where nobody who can tell has answered it.
    fn wrong_settings(&self) -> Option<&'a Observed> {
        let right = |word: Option<&'a Observed>| word.filter(|word| word.state == ObservedState::On);
        let wrong = |word: Option<&'a Observed>| word.filter(|word| word.state == ObservedState::Partial);
        let later = |word: &Observed, than: &Observed| word.as_at > than.as_at;
        let unanswered = |word: &&'a Observed| right(self.inspection).is_none_or(|seen| !later(seen, word));
        let inspected = wrong(self.inspection).filter(|seen| {
            let put_right = right(self.practice).is_some_and(|word| later(word, seen));
            !(put_right && right(self.supplier).is_some())
        });
        let said = [wrong(self.supplier).filter(unanswered), wrong(self.practice).filter(unanswered)];
        latest(said.into_iter().chain([inspected]).flatten())
    }

    fn latest_that_says(&self, switch: Switch) -> Option<&'a Observed> {
        latest(self.claims().filter(|word| Switch::from(word.state) == switch))
    }
}

fn claim(word: Option<&Observed>) -> Option<&Observed> {
    word.filter(|word| word.state != ObservedState::Unknown)
}

/// Of the words of one moment the first.
fn latest<'a>(words: impl Iterator<Item = &'a Observed>) -> Option<&'a Observed> {
    let mut latest: Option<&Observed> = None;
    for word in words {
        if latest.is_none_or(|held| word.as_at > held.as_at) {
            latest = Some(word);
        }
    }
    latest
}

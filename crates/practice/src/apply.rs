//! The fold: what an event makes of the state. Total and deterministic; it judges nothing and never fails, so that any
//! journal that was ever written folds to one state (I20).

use jiff::Timestamp;
use jiff::civil::Date;
use ods::civil::{civil_date, day_start};
use ods::{Capability, PracticeCode};

use crate::access::{ObservationSource, Observed, ObservedState, Settled, SwitchOff};
use crate::advice::{Advice, AdviceEnded, AdviceEnding};
use crate::contact::{Contact, Erased, Erasure};
use crate::directory::{Difference, DirectoryChange, Status};
use crate::event::{
    AccessObserved, AdviceRecorded, Consequences, ContactSet, Event, PermitSettled, PracticePaused, SignalRecorded,
    SuccessionEffected,
};
use crate::facts::{self, Fact, Facts};
use crate::key::CommandKey;
use crate::lapse::{Lapse, LapseOf};
use crate::organisation::{Organisation, OrganisationEntry};
use crate::pause::{Ended, Ending, Pause};
use crate::practice::Practice;
use crate::readiness::{ReadinessFact, ReadinessState};
use crate::signal::SignalFact;
use crate::state::State;
use crate::succession::Succession;

/// Folds the event of journal position `position`, recorded at `recorded_at`, into the state.
pub fn apply(state: &mut State, event: &Event, position: u64, recorded_at: Timestamp) {
    let mut fold = Fold { state, position, recorded_at };
    match event {
        Event::DirectoryImported { effective_from, practices, organisations, source: _ } => {
            for change in practices {
                fold.directory_changed(change, *effective_from);
            }
            for organisation in organisations {
                fold.organisation_changed(organisation, *effective_from);
            }
        }
        Event::SourceRead(read) => fold.state.sources_mut().read(read, position, recorded_at),
        Event::OrganisationLifetimeSet { organisation, lifetime } => {
            if let Some(known) = fold.state.organisations_mut().get_mut(organisation) {
                known.live(*lifetime, recorded_at, position);
            }
        }
        Event::PracticePaused(paused) => fold.paused(paused),
        Event::PausesLifted { practice, pauses } => fold.lifted(*practice, pauses),
        Event::PauseJudged { practice, pause, judgement } => fold.change(*practice, |practice| {
            if let Some(pause) = practice.pause_mut(*pause) {
                pause.judge(judgement, recorded_at);
            }
        }),
        Event::SwitchOffRequested { practice, capability, requested_by, reason_code, inherited_from } => {
            let (requested_by, reason_code) = (requested_by.clone(), reason_code.clone());
            let request = SwitchOff { recorded_at, requested_by, reason_code, inherited_from: *inherited_from };
            fold.change(*practice, |practice| practice.access_mut(capability).switch_off = Some(request));
        }
        Event::ReadinessUpdated { practice, items } => fold.change(*practice, |practice| {
            for item in items {
                let fact = ReadinessFact { effective_at: recorded_at, recorded_at, said: item.clone() };
                practice.readiness.get_or_default(&item.item).push(fact);
            }
        }),
        Event::ReadinessItemsDeclared { items } => {
            for item in items {
                fold.state.declare(item.clone());
            }
        }
        Event::AdviceRecorded(recorded) => fold.advised(recorded),
        Event::AdviceEnded { practice, advice, at, by } => {
            let ended = AdviceEnded { at: *at, recorded_at, ending: AdviceEnding::Ended, by: by.clone() };
            fold.change(*practice, |practice| end_advice(practice, *advice, ended));
        }
        Event::ContactSet(set) => fold.contact_set(set),
        Event::ContactErased { practice, contact, erasure } => {
            fold.erase_contact(*practice, *contact, recorded_at, *erasure);
        }
        Event::AccessObserved { observations } => {
            for observation in observations {
                fold.observed(observation);
            }
        }
        Event::SignalsRecorded { signals } => {
            for signal in signals {
                fold.signalled(signal);
            }
        }
        Event::PermitsGranted { keys } => {
            for key in keys {
                fold.granted(key);
            }
        }
        Event::PermitsSettled { settlements } => {
            for settlement in settlements {
                fold.settled(settlement);
            }
        }
        Event::SuccessionRecorded { terms, recorded_by, reason_code } => {
            let (recorded_by, reason_code) = (recorded_by.clone(), reason_code.clone());
            let succession =
                Succession { terms: terms.clone(), recorded_at, recorded_by, reason_code, effected_at: None };
            for practice in terms.practices() {
                fold.change(practice, |practice| practice.successions.push(succession.clone()));
            }
        }
        Event::SuccessionEffected(effected) => fold.succeeded(effected),
        Event::Lapsed { lapses } => {
            for lapse in lapses {
                fold.lapsed(lapse);
            }
        }
        Event::SyncStarted(started) => fold.state.syncs_mut().start(started, recorded_at),
        Event::SyncAdvanced(advanced) => fold.state.syncs_mut().advance(advanced, recorded_at),
        Event::SyncFailed(failed) => fold.state.syncs_mut().fail(failed, recorded_at),
        Event::SyncResumed { sync } => fold.state.syncs_mut().resume(*sync, recorded_at),
        Event::SyncEnded { sync, end } => fold.state.syncs_mut().end(*sync, *end, recorded_at),
    }
}

/// Folds what follows from an observation or a settlement.
pub(crate) fn conclude_at(
    practice: &mut Practice,
    capability: &Capability,
    consequences: &Consequences,
    recorded_at: Timestamp,
) {
    for receipt in &consequences.receipts {
        if let Some(pause) = practice.pause_mut(receipt.pause) {
            pause.finalise(capability, receipt.state, recorded_at);
        }
    }
    if consequences.switch_off_done {
        practice.access_mut(capability).end_switch_off(recorded_at);
    }
}

/// Takes an observation down; what follows from it is not concluded yet.
pub(crate) fn observe_at(practice: &mut Practice, observation: &AccessObserved, recorded_at: Timestamp) {
    practice.access_mut(&observation.capability).observe(Observed {
        state: observation.state,
        source: observation.source,
        as_at: observation.as_at,
        recorded_at,
        command: observation.command.clone(),
        evidence: observation.evidence.clone(),
        wrong_settings: observation.wrong_settings.clone(),
    });
}

/// Opens the permit of a key.
pub(crate) fn grant_at(practice: &mut Practice, key: &CommandKey, recorded_at: Timestamp) {
    practice.access_mut(&key.capability).grant(key.action, key.generation, recorded_at);
}

/// Settles the permit of a key, with what that says of the practice; what follows from it is not concluded yet.
pub(crate) fn settle_at(practice: &mut Practice, settlement: &PermitSettled, recorded_at: Timestamp) {
    let key = &settlement.key;
    let access = practice.access_mut(&key.capability);
    access.settle(key.action, key.generation, Settled { at: recorded_at, outcome: settlement.outcome });
    if let Some(observed) = settlement.observed {
        access.observe(Observed {
            state: observed.state,
            source: ObservationSource::SupplierConfirmation,
            as_at: observed.as_at,
            recorded_at,
            command: Some(key.clone()),
            evidence: String::new(),
            wrong_settings: Vec::new(),
        });
    }
}

/// One event being folded.
struct Fold<'a> {
    state: &'a mut State,
    position: u64,
    recorded_at: Timestamp,
}

impl Fold<'_> {
    fn change(&mut self, practice: PracticeCode, change: impl FnOnce(&mut Practice)) {
        self.state.change(practice, self.position, self.recorded_at, change);
    }

    fn directory_changed(&mut self, change: &DirectoryChange, effective_from: Date) {
        let (code, recorded_at) = (change.entry.practice, self.recorded_at);
        match change.difference {
            Difference::Created => {
                let practice = Practice::create(&change.entry, effective_from, recorded_at);
                self.state.insert(practice, self.position);
            }
            Difference::Updated | Difference::Closed | Difference::Moved => {
                self.change(code, |practice| practice.change(change, effective_from, recorded_at));
            }
        }
    }

    fn organisation_changed(&mut self, entry: &OrganisationEntry, effective_from: Date) {
        let fact = Fact { effective_from, recorded_at: self.recorded_at, value: entry.clone() };
        let organisations = self.state.organisations_mut();
        match organisations.get_mut(&entry.code) {
            Some(known) => known.record(fact, self.position),
            None => {
                organisations.insert(entry.code.clone(), Organisation::new(Facts::new(fact), self.position));
            }
        }
    }

    fn paused(&mut self, paused: &PracticePaused) {
        let recorded_at = self.recorded_at;
        self.change(paused.practice, |practice| {
            practice.pauses.push(Pause {
                number: paused.pause,
                capability: paused.capability.clone(),
                end: paused.end,
                judgement: None,
                judged: Vec::new(),
                placed_by: paused.placed_by.clone(),
                on_behalf_of: paused.on_behalf_of.clone(),
                evidence: paused.evidence.clone(),
                reason_code: paused.reason_code.clone(),
                recorded_at,
                ended: None,
                receipt: paused.receipt.clone(),
                inherited: paused.inherited,
            });
        });
    }

    fn lifted(&mut self, practice: PracticeCode, pauses: &[u32]) {
        let recorded_at = self.recorded_at;
        self.change(practice, |practice| {
            for number in pauses {
                if let Some(pause) = practice.pause_mut(*number) {
                    pause.ended = Some(Ended { at: recorded_at, recorded_at, ending: Ending::Lifted });
                }
            }
        });
    }

    fn advised(&mut self, recorded: &AdviceRecorded) {
        let recorded_at = self.recorded_at;
        self.change(recorded.practice, |practice| {
            practice.advice.push(Advice {
                number: recorded.advice,
                advised: recorded.advised.clone(),
                from: recorded.from,
                recorded_at,
                recorded_by: recorded.recorded_by.clone(),
                recorded_as: recorded.recorded_as.clone(),
                ended: None,
            });
        });
    }

    fn contact_set(&mut self, set: &ContactSet) {
        let recorded_at = self.recorded_at;
        for replaced in &set.replaces {
            self.erase_contact(set.practice, *replaced, recorded_at, Erasure::Replaced);
        }
        self.change(set.practice, |practice| {
            practice.contacts.push(Contact {
                number: set.contact,
                role: set.role.clone(),
                channel: set.channel,
                address_id: set.address_id.clone(),
                retain_until: set.retain_until,
                set_by: set.set_by.clone(),
                recorded_at,
                erased: None,
            });
        });
    }

    fn erase_contact(&mut self, practice: PracticeCode, contact: u32, at: Timestamp, erasure: Erasure) {
        let recorded_at = self.recorded_at;
        self.change(practice, |practice| {
            if let Some(contact) = practice.contact_mut(contact) {
                contact.erased = Some(Erased { at, recorded_at, erasure });
            }
        });
        self.state.contact_was_erased(self.position);
    }

    fn observed(&mut self, observation: &AccessObserved) {
        let recorded_at = self.recorded_at;
        self.change(observation.practice, |practice| {
            observe_at(practice, observation, recorded_at);
            conclude_at(practice, &observation.capability, &observation.consequences, recorded_at);
        });
    }

    fn signalled(&mut self, signal: &SignalRecorded) {
        let recorded_at = self.recorded_at;
        self.change(signal.practice, |practice| {
            let (is_raised, as_at, evidence) = (signal.is_raised, signal.as_at, signal.evidence.clone());
            let fact = SignalFact { is_raised, as_at, recorded_at, evidence };
            practice.access_mut(&signal.capability).signals.record(signal.kind, fact);
        });
    }

    fn granted(&mut self, key: &CommandKey) {
        let recorded_at = self.recorded_at;
        self.change(key.practice, |practice| grant_at(practice, key, recorded_at));
    }

    fn settled(&mut self, settlement: &PermitSettled) {
        let (key, recorded_at) = (&settlement.key, self.recorded_at);
        self.change(key.practice, |practice| {
            settle_at(practice, settlement, recorded_at);
            conclude_at(practice, &key.capability, &settlement.consequences, recorded_at);
        });
    }

    fn succeeded(&mut self, effected: &SuccessionEffected) {
        let recorded_at = self.recorded_at;
        for code in effected.terms.practices() {
            self.change(code, |practice| {
                let same = |known: &&mut Succession| known.terms == effected.terms;
                if let Some(succession) = practice.successions.iter_mut().find(same) {
                    succession.effected_at = Some(recorded_at);
                }
                if effected.terms.predecessors.contains(&practice.code) {
                    practice.status = Status::Closed;
                }
            });
        }
        for lost in &effected.access_unknown {
            let observed = Observed {
                state: ObservedState::Unknown,
                source: ObservationSource::Succession,
                as_at: lost.as_at,
                recorded_at,
                command: None,
                evidence: String::new(),
                wrong_settings: Vec::new(),
            };
            self.change(lost.practice, |practice| practice.access_mut(&lost.capability).observe(observed));
        }
        for paused in &effected.pauses {
            self.paused(paused);
        }
        for inherited in &effected.switch_offs {
            let request = SwitchOff {
                recorded_at,
                requested_by: inherited.requested_by.clone(),
                reason_code: inherited.reason_code.clone(),
                inherited_from: Some(inherited.inherited_from),
            };
            let capability = &inherited.capability;
            self.change(inherited.practice, |practice| practice.access_mut(capability).switch_off = Some(request));
        }
        for inherited in &effected.readiness {
            let effective_at = day_start(inherited.effective_from);
            self.change(inherited.practice, |practice| {
                for item in &inherited.items {
                    let fact = ReadinessFact { effective_at, recorded_at, said: item.clone() };
                    practice.readiness.get_or_default(&item.item).push(fact);
                }
            });
        }
        for inherited in &effected.list_sizes {
            let (from, list_size) = (inherited.effective_from, inherited.list_size.clone());
            self.change(inherited.practice, |practice| {
                facts::record(&mut practice.list_size, from, recorded_at, list_size);
            });
        }
    }

    fn lapsed(&mut self, lapse: &Lapse) {
        let (effective_at, recorded_at) = (lapse.effective_at, self.recorded_at);
        if let LapseOf::Contact(number) = lapse.what {
            self.erase_contact(lapse.practice, number, effective_at, Erasure::RetentionEnded);
            return;
        }
        self.change(lapse.practice, |practice| match &lapse.what {
            LapseOf::Opening | LapseOf::Closure => {
                practice.status = practice.status_on(civil_date(effective_at));
            }
            // Told by an event of its own.
            LapseOf::Succession => {}
            LapseOf::Pause(number) => {
                if let Some(pause) = practice.pause_mut(*number) {
                    pause.ended = Some(Ended { at: effective_at, recorded_at, ending: Ending::Lapsed });
                }
            }
            LapseOf::Readiness(item) => {
                let facts = practice.readiness.get_or_default(item);
                if let Some(last) = facts.last() {
                    let mut said = last.said.clone();
                    said.state = ReadinessState::Expired;
                    facts.push(ReadinessFact { effective_at, recorded_at, said });
                }
            }
            LapseOf::Advice(number) => {
                let (at, ending) = (effective_at, AdviceEnding::Lapsed);
                end_advice(practice, *number, AdviceEnded { at, recorded_at, ending, by: String::new() });
            }
            // Done above: it is not only the practice that changes.
            LapseOf::Contact(_) => {}
        });
    }
}

fn end_advice(practice: &mut Practice, number: u32, ended: AdviceEnded) {
    if let Some(advice) = practice.advice_mut(number) {
        advice.ended = Some(ended);
    }
}

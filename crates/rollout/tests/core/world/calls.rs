//! What a service would call: the registry for permits, suppliers for the switch, the registry again with the outcome.

use std::collections::BTreeMap;

use jiff::Timestamp;
use ods::Supplier;
use rollout::calendar::day_bounds;
use rollout::effects::{self, Call};
use rollout::forecast::{Fate, FateAnswer, Scenario};
use rollout::list::{Standing, supplier_list};
use rollout::spec::Mode;
use rollout::state::{PauseRef, Ruling};
use rollout::{ActivationKey, Direction, Fact, SupplierAnswer};

use super::{Behaviour, Request, World};

impl World {
    /// Calls what is to be called, once; says whether anything came of it.
    pub(crate) fn perform(&mut self) -> bool {
        let mut moved = self.ask_permits();
        moved |= self.claim_lists();
        moved |= self.call_suppliers();
        moved |= self.tell_registry();
        moved |= self.ask_about_gates();
        moved
    }

    pub(crate) fn ask_permits(&mut self) -> bool {
        let released = effects::permits_to_release(&self.state, 1_000);
        released.iter().for_each(|key| self.registry.release(key));
        let mut moved = !released.is_empty() && self.learn(Fact::PermitsReleased { keys: released });
        let keys = effects::permits_to_acquire(&self.state, 1_000);
        if !keys.is_empty() {
            let answers = keys.into_iter().map(|key| (key.clone(), self.registry.acquire(key))).collect();
            moved |= self.learn(Fact::Permits { answers, registry_position: self.registry.view.position });
        }
        moved
    }

    fn claim_lists(&mut self) -> bool {
        let mut moved = false;
        let suppliers: Vec<Supplier> = if self.claims { self.suppliers.keys().cloned().collect() } else { Vec::new() };
        for supplier in suppliers {
            moved |= self.claim_list(&supplier);
        }
        moved | self.report_booked()
    }

    fn claim_list(&mut self, supplier: &Supplier) -> bool {
        let list = supplier_list(&self.state, &self.registry.view, supplier, self.now);
        let mut practices = Vec::new();
        let mut sealed = Vec::new();
        for entry in list.entries {
            match entry.standing {
                Standing::Waiting(candidate) => practices.push((entry.wave.unwrap(), candidate)),
                Standing::Sealed => sealed.push(entry.key),
                Standing::Claimed => {
                    let done_at = day_bounds(entry.date).0.max(self.now);
                    let outcome = match self.suppliers.get(supplier) {
                        Some(Behaviour::Drawn(scenario)) if entry.key.direction == Direction::Enable => {
                            answer(self.fate(&entry.key, scenario).answer, done_at)
                        }
                        _ => SupplierAnswer::Applied { at: done_at },
                    };
                    self.requests.entry(entry.key).or_insert(Request { done_at, outcome });
                }
            }
        }
        for key in list.withdrawn {
            if self.requests.get(&key).is_none_or(|request| self.now < request.done_at) {
                self.requests.insert(key, Request { done_at: self.now, outcome: SupplierAnswer::Closed });
            }
        }
        let mut moved = false;
        if !practices.is_empty() {
            let (supplier, registry_position) = (supplier.clone(), self.registry.view.position);
            moved |= self.learn(Fact::ClaimBegun { supplier, practices, registry_position });
        }
        moved | (!sealed.is_empty() && self.learn(Fact::Sent { keys: sealed }))
    }

    /// Suppliers with booked dates report what they have done.
    fn report_booked(&mut self) -> bool {
        let booked = self.state.activations().filter(|one| one.mode == Mode::BookedDates);
        let keys: Vec<ActivationKey> =
            booked.filter(|one| one.stage.state().is_under_way()).map(|one| one.key.clone()).collect();
        let mut answers = BTreeMap::new();
        for key in keys {
            if self.requests.get(&key).is_some_and(|request| request.done_at <= self.now) {
                answers.insert(key.clone(), self.answer(&key));
            }
        }
        !answers.is_empty() && self.learn(Fact::Answers { answers })
    }

    fn call_suppliers(&mut self) -> bool {
        let mut answers = BTreeMap::new();
        for call in effects::supplier_calls(&self.state, self.now, 1_000) {
            let behaviour = self.suppliers.get(&call.supplier).cloned().unwrap_or(Behaviour::Applies);
            let answer = match (call.call, &behaviour) {
                (_, Behaviour::Silent) => SupplierAnswer::NoAnswer,
                (Call::Request, _) => self.request(&call.key, &behaviour),
                (Call::Ask, _) => self.answer(&call.key),
                (Call::Cancel, _) => self.close(&call.key),
            };
            answers.insert(call.key, answer);
        }
        !answers.is_empty() && self.learn(Fact::Answers { answers })
    }

    fn request(&mut self, key: &ActivationKey, behaviour: &Behaviour) -> SupplierAnswer {
        let attempts = self.state.activation(key).map_or(0, |one| one.attempts);
        if matches!(behaviour, Behaviour::LosesRequests) && attempts == 0 {
            return SupplierAnswer::NoAnswer;
        }
        if !self.requests.contains_key(key) {
            let (done_at, outcome) = match behaviour {
                Behaviour::Refuses { retryable } => {
                    let refused = SupplierAnswer::Refused { code: "NOT_CONFIGURED".into(), retryable: *retryable };
                    (self.now, refused)
                }
                Behaviour::RefusesAfter(delay) => {
                    let refused = SupplierAnswer::Refused { code: "NOT_CONFIGURED".into(), retryable: true };
                    (self.now.checked_add(*delay).unwrap(), refused)
                }
                Behaviour::AppliesAfter(delay) => {
                    let at = self.now.checked_add(*delay).unwrap();
                    (at, SupplierAnswer::Applied { at })
                }
                Behaviour::Drawn(scenario) if key.direction == Direction::Enable => self.drawn(key, scenario),
                _ => (self.now, SupplierAnswer::Applied { at: self.now }),
            };
            self.requests.insert(key.clone(), Request { done_at, outcome });
        }
        let answer = self.answer(key);
        if matches!(behaviour, Behaviour::LosesReplies) { SupplierAnswer::NoAnswer } else { answer }
    }

    /// What a future says of a request, and when: the supplier comes to one after another.
    fn drawn(&mut self, key: &ActivationKey, scenario: &Scenario) -> (Timestamp, SupplierAnswer) {
        let fate = self.fate(key, scenario);
        let supplier = self.state.activation(key).unwrap().supplier.clone();
        let begins = self.free_at.get(&supplier).map_or(self.now, |free_at| self.now.max(*free_at));
        if let Some(pause) = scenario.between(&supplier) {
            self.free_at.insert(supplier, begins.checked_add(pause).unwrap());
        }
        let done_at = begins.checked_add(fate.after).unwrap();
        (done_at, answer(fate.answer, done_at))
    }

    fn fate(&self, key: &ActivationKey, scenario: &Scenario) -> Fate {
        let activation = self.state.activation(key).unwrap();
        let wave = activation.wave().unwrap();
        let refusals = self.state.wave(wave).unwrap().enrolment(key.practice).unwrap().refusals;
        scenario.fate(&activation.supplier, key.practice, wave.wave, refusals)
    }

    fn close(&mut self, key: &ActivationKey) -> SupplierAnswer {
        if self.requests.get(key).is_none_or(|request| self.now < request.done_at) {
            self.requests.insert(key.clone(), Request { done_at: self.now, outcome: SupplierAnswer::Closed });
        }
        self.answer(key)
    }

    fn answer(&mut self, key: &ActivationKey) -> SupplierAnswer {
        let Some(request) = self.requests.get(key) else { return SupplierAnswer::NeverSeen };
        if self.now < request.done_at {
            return SupplierAnswer::Accepted;
        }
        let answer = request.outcome.clone();
        let known = self.effects.iter().any(|(_, done)| done == key);
        if let (SupplierAnswer::Applied { at }, false) = (&answer, known) {
            self.effects.push((*at, key.clone()));
        }
        answer
    }

    fn tell_registry(&mut self) -> bool {
        let endings = effects::permits_to_settle(&self.state, 1_000);
        endings.iter().for_each(|ending| self.registry.settle(&ending.key, &ending.outcome, self.now));
        let keys: Vec<ActivationKey> = endings.into_iter().map(|ending| ending.key).collect();
        let registry_position = self.registry.view.position;
        let mut moved = !keys.is_empty() && self.learn(Fact::PermitsSettled { keys, registry_position });
        let told = effects::pauses_to_tell(&self.state, 1_000);
        for one in &told {
            if let Ruling::InTime { until: Some(_), .. } = one.ruling {
                self.registry.end_pause(one.pause);
            }
        }
        let pauses: Vec<PauseRef> = told.into_iter().map(|one| one.pause).collect();
        moved |= !pauses.is_empty() && self.learn(Fact::PauseOutcomesTold { pauses });
        for own in effects::items_to_tell(&self.state) {
            moved |= self.learn(Fact::ReadinessTold { programme: own.programme, version: own.version });
        }
        moved
    }
}

fn answer(fate: FateAnswer, at: Timestamp) -> SupplierAnswer {
    let refused = |retryable| SupplierAnswer::Refused { code: "NOT_CONFIGURED".into(), retryable };
    match fate {
        FateAnswer::Applied => SupplierAnswer::Applied { at },
        FateAnswer::RefusedForNow => refused(true),
        FateAnswer::RefusedForGood => refused(false),
    }
}

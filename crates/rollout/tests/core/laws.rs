//! What must always hold, checked at every event of every test, and found out another way than the core does.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use ods::PracticeCode;
use rollout::calendar::civil_date;
use rollout::effects::withheld_by;
use rollout::spec::CapSet;
use rollout::state::{Due, EnrolmentState, HoldScope, Loads, ProgrammeStage, Subject};
use rollout::{ActivationKey, Direction, Event, ProgrammeId, RegistryView, State, WaveRef};

/// Watches every event.
#[derive(Clone, Default)]
pub(crate) struct Laws {
    settled_dues: BTreeSet<Due>,
    /// Practices that their own pause, or their being on, took out of a wave.
    withdrawn: BTreeSet<(WaveRef, PracticeCode)>,
    sealed: BTreeSet<ActivationKey>,
    /// Programmes with a halt that nobody has lifted.
    halted: BTreeSet<ProgrammeId>,
    holidays: BTreeSet<Date>,
}

impl Laws {
    pub(crate) fn check(&mut self, before: &State, event: &Event, after: &State, view: &RegistryView, now: Timestamp) {
        after.programmes.values().flat_map(|programme| programme.waves.values()).for_each(|wave| {
            let settled = before.wave(&wave.id).filter(|known| known.round == wave.round).and_then(|known| known.fixed);
            assert!(settled.is_none() || wave.fixed == settled, "I7: the members of {} were settled before", wave.id);
        });
        match event {
            Event::DueSettled { due, .. } => {
                assert!(self.settled_dues.insert(due.clone()), "I12: {due:?} had an outcome before");
            }
            Event::CalendarUpdated { calendar, .. } => {
                self.holidays = calendar.bank_holidays.iter().map(|(date, _)| date).collect();
            }
            Event::EnrolmentsMoved { wave, moves, .. } => {
                for one in moves {
                    for practice in &one.practices {
                        if one.to.state() == EnrolmentState::Withdrawn {
                            self.withdrawn.insert((wave.clone(), *practice));
                        } else {
                            self.stays_withdrawn(wave, *practice);
                        }
                    }
                }
            }
            Event::Admitted { wave, admissions, .. } => {
                admissions.iter().for_each(|one| self.stays_withdrawn(wave, one.practice));
                assert!(!self.halted.contains(&wave.programme), "I9: admitted after a halt");
                admissions.iter().for_each(|one| was_approved(after, wave, one.practice));
                for one in admissions {
                    let weighs = |state: &State| state.wave(wave)?.enrolment(one.practice).map(|it| it.list_size);
                    assert_eq!(weighs(before), weighs(after), "I7: what {} weighs was settled before", one.practice);
                }
                let caps = &after.programme(&wave.programme).unwrap().plan().unwrap().spec.caps;
                caps_hold(&caps.in_flight, &sum(after.programmes.values().map(|one| &one.in_flight)), "in flight");
                for date in admissions.iter().filter_map(|one| one.booked_on) {
                    caps_hold(&caps.daily, &counted_on(after, date), &date.to_string());
                }
            }
            Event::Sealed { keys, .. } => {
                let mut loads: BTreeMap<Date, Loads> = BTreeMap::new();
                for (key, date) in keys {
                    self.seal(before, key, *date, view, now);
                    let activation = before.activation(key).unwrap();
                    let (Some(wave), None, Some(date)) = (activation.wave(), activation.booked_on, *date) else {
                        continue;
                    };
                    let caps = &before.programme(&wave.programme).unwrap().plan().unwrap().spec.caps;
                    let loads = loads.entry(date).or_insert_with(|| counted_on(before, date));
                    loads.add(&activation.supplier, activation.icb, activation.load());
                    caps_hold(&caps.daily, loads, &date.to_string());
                }
            }
            Event::WaveOpened { wave } => {
                assert!(!self.halted.contains(&wave.programme), "I9: {wave} opened after a halt");
            }
            Event::HoldPlaced { hold } => {
                let all: BTreeSet<_> = view.iter().map(|practice| practice.code).collect();
                if matches!(hold.scope, HoldScope::National) {
                    let (practices, load) = withheld_by(after, &hold.scope);
                    let singly = withheld_by(after, &HoldScope::Selection(all.into_iter().collect()));
                    assert_eq!((practices, load), singly, "a hold on the nation withholds whom one on everybody does");
                }
            }
            Event::GateEvaluated { wave, evaluation } if evaluation.halt.is_some() => {
                self.halted.insert(wave.programme.clone());
            }
            Event::HoldLifted { hold, .. } => {
                if let Some(wave) = &after.holds[hold].halted_wave {
                    assert!(after.holds[hold].acknowledged.is_some(), "I9: {hold} was lifted unacknowledged");
                    self.halted.remove(&wave.programme);
                }
            }
            // A later plan takes everybody up again whom nothing keeps out.
            Event::PlanInForce { programme, .. } => {
                let plan = after.programme(programme).unwrap().plan().unwrap();
                assert_eq!(plan.violations(), [], "I8: a plan that was approved cannot be carried out");
                self.withdrawn.retain(|(wave, _)| wave.programme != *programme);
            }
            _ => {}
        }
    }

    fn stays_withdrawn(&self, wave: &WaveRef, practice: PracticeCode) {
        assert!(!self.withdrawn.contains(&(wave.clone(), practice)), "I22: {practice} was re-admitted to {wave}");
    }

    /// What must be true at every seal.
    fn seal(&mut self, before: &State, key: &ActivationKey, date: Option<Date>, view: &RegistryView, now: Timestamp) {
        assert!(self.sealed.insert(key.clone()), "I1: {key} was sealed twice");
        if key.direction == Direction::Disable {
            return;
        }
        let activation = before.activation(key).unwrap();
        let id = activation.wave().unwrap();
        let wave = before.wave(id).unwrap();
        let enrolment = wave.enrolment(key.practice).unwrap();
        let facts = view.get(key.practice).unwrap();
        let date = date.unwrap();
        let programme = before.programme(&id.programme).unwrap();
        assert_eq!(programme.stage, ProgrammeStage::Active);
        assert!(!self.halted.contains(&id.programme), "I9: {key} was sealed after a halt");
        assert!(!is_closed(date, &self.holidays), "I16: {key} was sealed for {date}");
        assert!(wave.rules.freeze_days.why(date).is_none(), "I16: {key} was sealed for {date}");
        let frozen = wave.rules.supplier_freezes.get(&enrolment.supplier).and_then(|days| days.why(date));
        assert!(frozen.is_none(), "rule 2: {key} was sealed for {date}, which its supplier has frozen");
        assert!(wave.from <= date && date <= wave.until, "{key} was sealed for {date}, outside its wave");
        if activation.booked_on.is_none() {
            let open = wave.rules.windows.iter().any(|window| {
                let (opens, closes) = window.on(date);
                window.weekday() == date.weekday() && opens <= now && now < closes
            });
            assert!(open, "rule 3: {key} was sealed at {now}, outside a window");
        }
        let subject = Subject {
            wave: id,
            practice: key.practice,
            supplier: &enrolment.supplier,
            icb: enrolment.icb,
            region: enrolment.region,
        };
        let hold = before.holds.values().find(|hold| hold.lifted.is_none() && hold.scope.covers(&subject));
        assert!(hold.is_none(), "I10: {key} was sealed under {hold:?}");
        assert!(facts.pause(&key.capability).is_none(), "I4: {key} was sealed under a pause");
        let noticed = programme.notices_of(key.practice).iter().any(|notice| {
            let days = days_of_notice(civil_date(notice.delivered_at), date, &self.holidays);
            notice.not_before <= date && days >= wave.rules.notice_working_days
        });
        assert!(noticed || wave.rules.notice_working_days == 0, "rule 11: {key} was sealed without notice");
    }
}

/// Rule 7: whoever gets a slot is in the plan that somebody else approved, in this wave or in one that defers to later ones,
/// and the wave is no earlier than was approved.
fn was_approved(state: &State, wave: &WaveRef, practice: PracticeCode) {
    let programme = state.programme(&wave.programme).unwrap();
    let record = &programme.plans[&programme.in_force.unwrap()];
    let by = &record.decided.as_ref().unwrap().by;
    assert!(!record.editors.contains(by), "rule 7: {by} approved what they wrote");
    let approved = record.plan.wave(wave.wave).expect("rule 7: a wave that is not in the plan in force");
    assert!(approved.rules.from <= state.wave(wave).unwrap().from, "rule 7: {wave} is earlier than was approved");
    let has_it = |planned: &&rollout::plan::PlannedWave| planned.members.iter().any(|one| one.practice == practice);
    let planned = record.plan.waves.iter().find(has_it);
    let planned = planned.unwrap_or_else(|| panic!("rule 7: {practice} is in no wave that was approved"));
    assert!(planned.rules.from <= approved.rules.from, "rule 7: {practice} goes earlier than was approved");
}

fn is_closed(date: Date, holidays: &BTreeSet<Date>) -> bool {
    matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) || holidays.contains(&date)
}

fn days_of_notice(from: Date, until: Date, holidays: &BTreeSet<Date>) -> u16 {
    let mut count = 0;
    let mut day = from;
    while day < until {
        count += u16::from(!is_closed(day, holidays));
        day = day.tomorrow().unwrap();
    }
    count
}

/// I5: the caps of the programme that takes a slot or seals, against what counts there of every programme.
fn caps_hold(caps: &CapSet, loads: &Loads, what: &str) {
    for (scope, load) in loads.iter() {
        assert!(load.within(caps.of(scope)), "I5: {what} for {scope}: {load}");
    }
}

/// What was sealed or booked for a date, of every programme.
fn counted_on(state: &State, date: Date) -> Loads {
    sum(state.programmes.values().filter_map(|programme| programme.daily.get(&date)))
}

fn sum<'a>(loads: impl Iterator<Item = &'a Loads>) -> Loads {
    loads.fold(Loads::default(), |sum, one| sum.plus(one))
}

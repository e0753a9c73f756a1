//! The compact programme against the real one: random worlds, each played to its end by both under the same futures.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use ods::{Draw, PracticeCode, draw_for};
use rollout::calendar::day_bounds;
use rollout::forecast::{Estimate, Forecaster, Model, Rehearsal, Scenario, SupplierModel};
use rollout::state::{Brake, ConcernAbout, EnrolmentState, HoldClass, HoldScope, Severity, Verdict, WaveStage};
use rollout::{Act, HoldId, ItemState, Observed, PauseEnd, WaveId, WaveRef};

use super::question;
use crate::world::{
    Behaviour, World, alice, begun, bob, carol, code, moment, practice, programme, supplier, target, wave,
};

const WORLDS_COUNT: u64 = 20;
/// In the long tier.
const WORLDS_COUNT_LONG: u64 = 400;
const PRACTICES_COUNT: u32 = 60;
const FUTURES: [u32; 2] = [0, 1];

/// What a random world is made of: each choice a function of the world's number and its own name.
pub(crate) struct Dice {
    pub(crate) world: u64,
}

impl Dice {
    fn draw(&self, what: &str) -> Draw {
        draw_for(self.world, "forecast-world", what, 0, 0)
    }

    pub(crate) fn below(&self, what: &str, bound: u64) -> u64 {
        self.draw(what).below(bound)
    }

    pub(crate) fn happens(&self, what: &str, probability: f64) -> bool {
        self.draw(what).happens(probability)
    }

    /// A cap that may be left out.
    fn cap(&self, what: &str, least: u64, most: u64) -> String {
        if self.happens(&format!("{what}?"), 0.4) { "{}".into() } else { self.practices(what, least, most) }
    }

    fn practices(&self, what: &str, least: u64, most: u64) -> String {
        let practices = least + self.below(what, most - least);
        let patients = self.happens(&format!("{what} patients?"), 0.4);
        let patients = if patients { format!(", patients: {}", 15_000 + practices * 6_000) } else { String::new() };
        format!("{{practices: {practices}{patients}}}")
    }

    /// Four waves of all modes, with caps, gates and an order of their own.
    pub(crate) fn document(&self) -> String {
        let after = if self.happens("after", 0.5) { "after: [1]\n    " } else { "" };
        let min_success = if self.happens("strict", 0.4) { "0.97" } else { "0.5" };
        format!(
            r#"
name: spring
cohort: practice.list_size > 0
seed: {seed}
windows:
  - days: [monday, tuesday, wednesday, thursday, friday]
    from: "09:00"
    to: "12:00"
  - days: [monday, wednesday]
    from: "14:00"
    to: "16:30"
freezes: [{{first: 2031-05-15, last: 2031-05-16, why: release}}]
notice_working_days: {notice}
caps:
  daily: {{national: {national}, each_icb: {each_icb}, suppliers: {{TPP: {tpp}}}}}
  in_flight: {{national: {flight}, each_supplier: {each_supplier}}}
gate: {{min_success: {min_success}, min_sample: {min_sample}, soak: 4h, timeout: 30h{conditions}}}
suppliers:
  EMIS: {{mode: push, attempts: {attempts}}}
  TPP: {{mode: push{frozen}}}
  Medicus: {{mode: booked-dates, dates: [2031-05-13, 2031-05-20], cut_off: {{days_before: 4, at: "17:00"}}}}
waves:
  - wave: 1
    take: {{practices: {first}}}
    from: 2031-05-06
    until: 2031-05-08
  - wave: 2
    {after}from: 2031-05-12
    until: 2031-05-21
    objections_until: 2031-05-01T17:00
    deferred_to: 4
    take: by-capacity
  - wave: 3
    from: 2031-05-27
    until: 2031-06-03
    take: by-capacity
    mode: self-service
  - wave: 4
    cohort: "false"
    from: 2031-06-05
    until: 2031-06-12
"#,
            seed = self.below("seed", 1_000),
            notice = self.below("notice", 12),
            national = self.cap("national", 3, 20),
            each_icb = self.cap("each icb", 3, 9),
            tpp = self.cap("tpp", 2, 9),
            flight = self.cap("flight", 2, 12),
            each_supplier = self.cap("each supplier", 2, 6),
            frozen = if self.happens("frozen", 0.5) {
                ", freezes: [{first: 2031-05-13, last: 2031-05-13, why: release}, {first: 2031-05-19, last: 2031-05-20, why: release}]"
            } else {
                ""
            },
            attempts = 1 + self.below("attempts", 3),
            first = 3 + self.below("first", 3),
            min_sample = if self.is_tested() { 9 } else { 3 },
            conditions = self.conditions(),
        )
    }

    /// Whether small samples are tested.
    fn is_tested(&self) -> bool {
        self.happens("tested", 0.3)
    }

    /// Whether somebody has a concern about the second wave, which its gate does not allow.
    fn is_of_concern(&self) -> bool {
        self.happens("concern", 0.3)
    }

    /// What gates ask besides.
    fn conditions(&self) -> String {
        let each = [
            (self.is_tested(), ", small_sample: {unacceptable: 0.2, risk: 0.2}"),
            (self.is_of_concern(), ", concerns: {major: 0}"),
            (self.happens("asked", 0.3), ", exclusions: {max_share: 0.1}, viewers: {min_share: 0.8}, hook: review"),
        ];
        each.iter().filter(|(is_there, _)| *is_there).map(|(_, condition)| *condition).collect()
    }

    pub(crate) fn model(&self) -> Model {
        let supplier_model = |name: &str| SupplierModel {
            times: [0, 3, 20, 95, 400, 3_000].map(SignedDuration::from_mins)
                [..1 + usize::try_from(self.below(&format!("{name} times"), 6)).unwrap()]
                .to_vec(),
            refused_for_now: Estimate { mean: self.draw(&format!("{name} for now")).unit() * 0.4, error: 0.05 },
            refused_for_good: Estimate { mean: self.draw(&format!("{name} for good")).unit() * 0.1, error: 0.02 },
            hourly_max: (self.is_early() && self.happens(&format!("{name} slow"), 0.5)).then_some(2),
        };
        let names = ["EMIS", "Medicus", "TPP"];
        Model {
            suppliers: names.map(|name| (supplier(name), supplier_model(name))).into(),
            pauses: vec![0.0, 0.002, 0.01],
            by_default: Estimate { mean: 0.6, error: 0.1 },
            readiness: Estimate { mean: 0.03, error: 0.01 },
            self_service: Estimate { mean: 0.3, error: 0.1 },
            halts_take: SignedDuration::from_hours(24 * (1 + i64::try_from(self.below("halts", 6)).unwrap())),
        }
    }

    /// Whether the forecast is made before anything goes live. Else a supplier may be at work already, and what it was
    /// asked before is not what a pace is drawn for.
    fn is_early(&self) -> bool {
        self.world.is_multiple_of(2)
    }

    pub(crate) fn world(&self) -> World {
        let mut world = World::new((1..=PRACTICES_COUNT).map(|number| {
            let mut facts = practice(number);
            if number % 7 == 0 {
                facts.supplier = Some(supplier("Medicus"));
            }
            if self.happens(&format!("unready {number}"), 0.2) {
                facts.readiness = vec![begun("dpia")];
            }
            facts
        }));
        world.put_in_force(&self.document()).unwrap();
        world.settle();
        world.tell_everybody();
        for number in 1..=PRACTICES_COUNT {
            if self.happens(&format!("paused {number}"), 0.08) {
                let ends = [
                    PauseEnd::ProgrammeDefault,
                    PauseEnd::FurtherNotice,
                    PauseEnd::Until(moment("2031-05-13T10:17:00Z")),
                    PauseEnd::Until(moment("2031-05-01T00:00:00Z")),
                ];
                let which = usize::try_from(self.below(&format!("pause {number}"), 4)).unwrap();
                world.pause(number, ends[which]);
            }
        }
        if self.happens("held", 0.5) {
            let scopes = [
                HoldScope::Icb("QHM".parse().unwrap()),
                HoldScope::Supplier(supplier("EMIS")),
                HoldScope::National,
                HoldScope::Wave(wave(2)),
                HoldScope::Selection((3..20).map(code).collect()),
            ];
            let which = usize::try_from(self.below("hold", 5)).unwrap();
            let review_on = self.happens("reviewed", 0.8).then_some(date(2031, 5, 13));
            let (brake, class, owner) = (Brake::Hold, HoldClass::Capacity, carol());
            let scope = scopes[which].clone();
            world.act(&carol(), Act::PlaceHold { brake, scope, class, owner, review_on }).unwrap();
        }
        world
    }

    pub(crate) fn begins_at(&self) -> Timestamp {
        let (from, days, minutes) = if self.is_early() {
            ("2031-04-14T09:31:00Z", 15, 24 * 60)
        } else if self.happens("begins at any hour", 0.3) {
            ("2031-05-06T08:01:00Z", 17, 24 * 60)
        } else {
            // Within a morning's window, so that something may be under way.
            ("2031-05-06T08:01:00Z", 17, 180)
        };
        let minutes = 24 * 60 * self.below("begins on", days) + self.below("begins at", minutes);
        moment(from).checked_add(SignedDuration::from_mins(i64::try_from(minutes).unwrap())).unwrap()
    }
}

/// What the world does on its own account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Pause(PracticeCode),
    Ready(PracticeCode),
    SwitchOn(PracticeCode, WaveId),
    Lift(HoldId),
    Decide(WaveRef),
}

/// A future, played by the real step.
pub(crate) struct Stage<'a> {
    pub(crate) world: World,
    scenario: &'a Scenario,
    deeds: BTreeSet<(Timestamp, Deed)>,
    seen: BTreeSet<(WaveId, PracticeCode)>,
    pub(crate) judged: BTreeSet<WaveId>,
    switched_on: BTreeMap<PracticeCode, Timestamp>,
    begins_at: Timestamp,
    on_before: BTreeSet<PracticeCode>,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(world: World, scenario: &'a Scenario) -> Self {
        let mut deeds = BTreeSet::new();
        let spring = world.state.programme(&programme()).unwrap();
        for facts in world.registry.view.iter().filter(|facts| !world.is_on(facts.code)) {
            let here = spring.current_wave.get(&facts.code).and_then(|number| spring.waves.get(number));
            if !here.and_then(|wave| wave.enrolment(facts.code)).is_some_and(|one| one.stage.state().is_open()) {
                continue;
            }
            let unpaused = facts.pauses.iter().all(|pause| !pause.in_force);
            if let Some((at, _)) = scenario.pause(facts.code).filter(|_| unpaused) {
                deeds.insert((at, Deed::Pause(facts.code)));
            }
            if let Some(at) = scenario.ready_at(facts.code).filter(|_| !facts.readiness.is_empty()) {
                deeds.insert((at, Deed::Ready(facts.code)));
            }
        }
        for hold in world.state.active_holds() {
            if let Some(date) = hold.review_on {
                deeds.insert((day_bounds(date).0.max(world.now), Deed::Lift(hold.id)));
            }
        }
        let on_before = world.registry.view.iter().map(|facts| facts.code).filter(|one| world.is_on(*one)).collect();
        Self {
            begins_at: world.now,
            on_before,
            world,
            scenario,
            deeds,
            seen: BTreeSet::new(),
            judged: BTreeSet::new(),
            switched_on: BTreeMap::new(),
        }
    }

    pub(super) fn play(&mut self, until: Timestamp) {
        while self.go_on(until) {}
    }

    /// Plays what happens now, and goes to the next moment; none where nothing happens until then.
    pub(crate) fn go_on(&mut self, until: Timestamp) -> bool {
        while let Some((at, deed)) = self.deeds.first().cloned().filter(|(at, _)| *at <= self.world.now) {
            self.deeds.remove(&(at, deed.clone()));
            self.perform(&deed);
        }
        let report = self.world.settle();
        self.notice();
        let deed = self.deeds.first().map(|(at, _)| *at);
        let next = [self.world.next_moment(&report), deed].into_iter().flatten().min().filter(|next| *next <= until);
        if let Some(next) = next {
            self.world.jump(next);
        }
        next.is_some()
    }

    fn perform(&mut self, deed: &Deed) {
        let now = self.world.now;
        match deed {
            Deed::Pause(practice) => {
                let (_, end) = self.scenario.pause(*practice).unwrap();
                self.world.registry.pause(*practice, end, now);
            }
            Deed::Ready(practice) => self.world.registry.change(*practice, |facts| {
                for item in &mut facts.readiness {
                    (item.state, item.recorded_at) = (ItemState::Complete, now);
                }
            }),
            Deed::SwitchOn(practice, number) => {
                let enrolment = self.world.state.wave(&wave(number.0)).unwrap().enrolment(*practice).unwrap();
                if enrolment.stage.state() == EnrolmentState::Invited {
                    self.world.registry.observe(&target(*practice), Observed::On, now);
                    self.switched_on.insert(*practice, now);
                }
            }
            Deed::Lift(hold) => self.world.lift(*hold),
            Deed::Decide(wave) => {
                let verdict = Verdict::Pass;
                let halt = self.world.state.wave(wave).unwrap().gate.as_ref().unwrap().halt;
                self.world.act(&alice(), Act::DecideGate { wave: wave.clone(), verdict }).unwrap();
                if let Some(hold) = halt {
                    self.world.act(&bob(), Act::AcknowledgeHalt { hold }).unwrap();
                    self.world.lift(hold);
                }
            }
        }
    }

    /// What follows from where the waves are: who was asked switches itself on, people decide a gate.
    fn notice(&mut self) {
        let spring = self.world.state.programme(&programme()).unwrap();
        for wave in spring.waves.values() {
            for enrolment in wave.in_state(EnrolmentState::Invited) {
                if self.seen.insert((wave.id.wave, enrolment.practice))
                    && let Some(at) = self.scenario.self_enabled_at(enrolment.practice, self.world.now)
                {
                    self.deeds.insert((at, Deed::SwitchOn(enrolment.practice, wave.id.wave)));
                }
            }
            if wave.stage == WaveStage::Gate && self.judged.insert(wave.id.wave) {
                let at = self.world.now.checked_add(self.scenario.halts_take()).unwrap();
                self.deeds.insert((at, Deed::Decide(wave.id.clone())));
            }
        }
    }

    /// What became of it, in the words of a rehearsal.
    pub(crate) fn came_out(&self) -> Rehearsal {
        let spring = self.world.state.programme(&programme()).unwrap();
        let mut live_at = BTreeMap::new();
        for practice in &self.on_before {
            live_at.insert(*practice, self.begins_at);
        }
        for wave in spring.waves.values() {
            for state in [EnrolmentState::Confirmed, EnrolmentState::Verified] {
                for enrolment in wave.in_state(state).filter(|one| !self.on_before.contains(&one.practice)) {
                    let mut effects = self.world.effects.iter();
                    let done = effects.rfind(|(_, key)| key.practice == enrolment.practice).map(|(at, _)| *at);
                    let at = done.or(self.switched_on.get(&enrolment.practice).copied()).unwrap();
                    live_at.insert(enrolment.practice, at);
                }
            }
        }
        let waves = spring.waves.values().map(|wave| (wave.id.wave, (wave.stage, wave.changed_at))).collect();
        Rehearsal { live_at, waves }
    }
}

#[test]
fn a_compact_programme_plays_as_the_step_does_in_20_random_worlds() {
    let mut live = 0;
    let mut halted = 0;
    let mut begun_before = 0;
    let is_long = std::env::var("CITIZENS_ACCESS_TEST_LONG").is_ok_and(|long| long == "1");
    for number in 0..if is_long { WORLDS_COUNT_LONG } else { WORLDS_COUNT } {
        let dice = Dice { world: number };
        for future in FUTURES {
            let mut world = dice.world();
            let begins_at = dice.begins_at();
            // How suppliers answer does not depend on when the forecast is made.
            let fates = Scenario::new(&Arc::new(dice.model()), 11, future, begins_at);
            for name in ["EMIS", "Medicus", "TPP"] {
                world.suppliers.insert(supplier(name), Behaviour::Drawn(Arc::new(fates.clone())));
            }
            world.run_until(&begins_at.to_string());
            begun_before += world.state.activations().count();
            if dice.is_of_concern() {
                let about = ConcernAbout::Wave(wave(2));
                world.act(&carol(), Act::ReportConcern { severity: Severity::Major, about }).unwrap();
            }
            let forecaster = Forecaster::new(question(&world, dice.model())).unwrap();
            let scenario = forecaster.scenario(future);
            let mut stage = Stage::new(world, &scenario);
            stage.play(moment("2031-08-15T00:00:00Z"));
            let (real, compact) = (stage.came_out(), forecaster.rehearse(future));
            assert_eq!(compact.waves, real.waves, "world {number}, future {future}\n{}", dice.document());
            assert_eq!(compact.live_at, real.live_at, "world {number}, future {future}\n{}", dice.document());
            live += real.live_at.len();
            halted += stage.judged.len();
        }
    }
    // Else the worlds would be equal because nothing happens in them.
    assert!(live > 600 && halted > 5 && begun_before > 5, "{live} live, {halted} halts, {begun_before} under way");
}

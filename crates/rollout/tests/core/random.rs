//! Random worlds: whatever people, practices and suppliers do and in whatever order, the laws hold at every event, what
//! the journal says is what the state is, and in the end everything comes to an end.

use proptest::prelude::*;
use rollout::state::{
    ActivationState, Brake, DueOutcome, EnrolmentState, HoldClass, HoldScope, ProgrammeStage, Verdict, WaveStage,
};
use rollout::{Act, Direction, HoldId, PauseEnd, step};

use crate::world::{Behaviour, World, alice, begun, bob, carol, code, programme, supplier, wave};

/// Four waves of all modes under tight caps of every kind.
const BUSY: &str = r#"
name: spring
cohort: practice.list_size > 0
seed: 3
windows:
  - days: [monday, tuesday, wednesday, thursday, friday]
    from: "09:00"
    to: "12:00"
  - days: [monday, wednesday]
    from: "14:00"
    to: "16:30"
freezes: [{first: 2031-05-15, last: 2031-05-16, why: release}]
notice_working_days: 5
caps:
  daily:
    national: {practices: 7, patients: 60000}
    each_icb: {practices: 5}
    suppliers: {TPP: {practices: 4}}
  in_flight:
    national: {patients: 30000}
    each_supplier: {practices: 3}
gate: {min_success: 0.5, min_sample: 3, soak: 4h, timeout: 48h}
suppliers:
  EMIS: {mode: push, attempts: 2}
  TPP: {mode: push, freezes: [{first: 2031-05-13, last: 2031-05-14, why: release of TPP}]}
  Medicus: {mode: booked-dates, dates: [2031-05-13, 2031-05-20], cut_off: {days_before: 4, at: "17:00"}}
waves:
  - wave: 1
    take: {practices: 6}
    from: 2031-05-06
    until: 2031-05-07
  - wave: 2
    from: 2031-05-12
    until: 2031-05-21
    take: by-capacity
    objections_until: 2031-05-01T17:00
    deferred_to: 4
  - wave: 3
    from: 2031-05-27
    until: 2031-06-03
    take: by-capacity
    mode: self-service
    gate: {min_success: 0.01, min_sample: 1, soak: 4h, timeout: 48h}
  - wave: 4
    cohort: "false"
    from: 2031-06-05
    until: 2031-06-12
"#;

const PRACTICES_COUNT: u32 = 60;

/// What somebody does.
#[derive(Debug, Clone)]
enum Deed {
    Pause(u32, PauseEnd),
    Resume(u32),
    AskOff(u32),
    Observe(u32, bool),
    Unready(u32, bool),
    Close(u32),
    Move(u32),
    Hold(u8, u32, bool),
    Lift,
    Supplier(u8, u8),
    Replan(u64),
    Cancel(u32),
    Reschedule(u32),
    Retry(u32),
    Outage(i64),
    Minutes(i64),
    StepOnly,
    Permits,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let number = 1..=PRACTICES_COUNT;
    let ends = prop_oneof![
        Just(PauseEnd::ProgrammeDefault),
        Just(PauseEnd::FurtherNotice),
        (0_i64..60).prop_map(|days| {
            let end = crate::world::moment("2031-04-20T00:00:00Z");
            PauseEnd::Until(end.checked_add(jiff::SignedDuration::from_hours(24 * days)).unwrap())
        }),
    ];
    let deed = prop_oneof![
        3 => (number.clone(), ends).prop_map(|(who, end)| Deed::Pause(who, end)),
        1 => number.clone().prop_map(Deed::Resume),
        1 => number.clone().prop_map(Deed::AskOff),
        1 => (number.clone(), any::<bool>()).prop_map(|(who, on)| Deed::Observe(who, on)),
        1 => (number.clone(), any::<bool>()).prop_map(|(who, ready)| Deed::Unready(who, ready)),
        1 => number.clone().prop_map(Deed::Close),
        1 => number.clone().prop_map(Deed::Move),
        2 => (0_u8..8, number.clone(), any::<bool>()).prop_map(|(scope, who, stop)| Deed::Hold(scope, who, stop)),
        2 => Just(Deed::Lift),
        2 => (0_u8..3, 0_u8..6).prop_map(|(which, how)| Deed::Supplier(which, how)),
        1 => (0_u64..50).prop_map(Deed::Replan),
        1 => (1_u32..5).prop_map(Deed::Cancel),
        1 => (1_u32..5).prop_map(Deed::Reschedule),
        1 => number.prop_map(Deed::Retry),
        1 => (60_i64..6_000).prop_map(Deed::Outage),
        8 => (1_i64..4_000).prop_map(Deed::Minutes),
        3 => Just(Deed::StepOnly),
        2 => Just(Deed::Permits),
    ];
    prop::collection::vec(deed, 1..40)
}

fn behaviour(how: u8) -> Behaviour {
    match how {
        0 => Behaviour::Applies,
        1 => Behaviour::AppliesAfter(jiff::SignedDuration::from_mins(95)),
        2 => Behaviour::Refuses { retryable: true },
        3 => Behaviour::Refuses { retryable: false },
        4 => Behaviour::LosesReplies,
        _ => Behaviour::LosesRequests,
    }
}

fn name(which: u8) -> &'static str {
    ["EMIS", "TPP", "Medicus"][usize::from(which % 3)]
}

fn scope(kind: u8, who: u32) -> HoldScope {
    match kind {
        0 => HoldScope::National,
        1 => HoldScope::Supplier(supplier(name(u8::try_from(who % 3).unwrap()))),
        2 => HoldScope::Region("Y60".parse().unwrap()),
        3 => HoldScope::Icb("QHM".parse().unwrap()),
        4 => HoldScope::Programme(programme()),
        5 => HoldScope::Wave(wave(1 + who % 4)),
        6 => HoldScope::Practice(code(who)),
        _ => HoldScope::Selection((1..=who).map(code).collect()),
    }
}

fn world() -> World {
    let mut world = World::new((1..=PRACTICES_COUNT).map(|number| {
        let mut facts = crate::world::practice(number);
        if number % 7 == 0 {
            facts.supplier = Some(supplier("Medicus"));
        }
        facts
    }));
    world.suppliers.insert(supplier("Medicus"), Behaviour::Applies);
    world.put_in_force(BUSY).unwrap();
    world.settle();
    world.tell_everybody();
    world
}

/// People may be refused: that is part of the world.
fn perform(world: &mut World, deed: &Deed) {
    match deed {
        Deed::Pause(who, end) => {
            world.pause(*who, *end);
        }
        Deed::Resume(who) => world.registry.resume(code(*who)),
        Deed::AskOff(who) => {
            world.registry.ask_off(code(*who));
            world.pause(*who, PauseEnd::FurtherNotice);
        }
        Deed::Observe(who, on) => {
            world.observe(*who, if *on { rollout::Observed::On } else { rollout::Observed::Partial });
        }
        Deed::Unready(who, ready) => world.registry.change(code(*who), |facts| {
            facts.readiness = if *ready { Vec::new() } else { vec![begun("dpia")] };
        }),
        Deed::Close(who) => world.registry.change(code(*who), |facts| facts.open = false),
        Deed::Move(who) => world.registry.change(code(*who), |facts| {
            facts.icb = "QOC".parse().ok();
            facts.supplier = Some(supplier("EMIS"));
        }),
        Deed::Hold(kind, who, stop) => {
            let brake = if *stop { Brake::Stop } else { Brake::Hold };
            world.hold(scope(*kind, *who), HoldClass::Capacity, brake);
        }
        Deed::Lift => {
            let hold = world.state.active_holds().find(|hold| hold.class == HoldClass::Capacity).map(|hold| hold.id);
            if let Some(hold) = hold {
                world.lift(hold);
            }
        }
        Deed::Supplier(which, how) => {
            world.suppliers.insert(supplier(name(*which)), behaviour(*how));
        }
        Deed::Replan(seed) => {
            let replanned = world.put_in_force(&BUSY.replace("seed: 3", &format!("seed: {seed}")));
            if replanned.is_ok() {
                world.settle();
                world.tell_everybody();
            }
        }
        Deed::Cancel(which) => {
            let _ = world.act(&carol(), Act::CancelWave { wave: wave(*which) });
        }
        Deed::Reschedule(which) => {
            let from = world.state.wave(&wave(*which)).unwrap().from.tomorrow().unwrap();
            let _ = world.act(&carol(), Act::RescheduleWave { wave: wave(*which), from });
        }
        Deed::Retry(who) => {
            let _ = world.act(&carol(), Act::RetryActivation { wave: wave(2), practice: code(*who) });
        }
        Deed::Outage(minutes) => world.jump(later(world, *minutes)),
        Deed::Minutes(minutes) => {
            let until = later(world, *minutes);
            world.run_until(&until.to_string());
        }
        Deed::StepOnly => {
            for command in step(&world.state, &world.registry.view, world.now).0 {
                world.submit(&command).unwrap();
            }
        }
        Deed::Permits => {
            world.ask_permits();
        }
    }
}

fn later(world: &World, minutes: i64) -> jiff::Timestamp {
    world.now.checked_add(jiff::SignedDuration::from_mins(minutes)).unwrap()
}

/// People decide what waits for them, and lift what holds.
fn calm(world: &mut World) {
    for which in 0..3 {
        world.suppliers.insert(supplier(name(which)), Behaviour::Applies);
    }
    for number in 1..=4 {
        if world.stage(number) == WaveStage::Gate {
            world.act(&alice(), Act::DecideGate { wave: wave(number), verdict: Verdict::Pass }).unwrap();
        }
    }
    let holds: Vec<(HoldId, bool)> = world.state.active_holds().map(|hold| (hold.id, hold.is_halt())).collect();
    for (hold, halt) in holds {
        if halt {
            let acknowledged = world.state.holds[&hold].acknowledged.is_some();
            if !acknowledged && world.act(&bob(), Act::AcknowledgeHalt { hold }).is_err() {
                continue;
            }
        }
        world.lift(hold);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases / 5,
        max_shrink_iters: 4_000,
        ..ProptestConfig::default()
    })]

    /// I1, I4, I5, I9, I10, I12, I16, I20, I22 at every event (see `laws`); I18 and I26 at the end.
    #[test]
    fn the_laws_hold_whatever_happens_and_everything_ends(deeds in deeds()) {
        let mut world = world();
        for deed in &deeds {
            perform(&mut world, deed);
        }
        for _ in 0..12 {
            calm(&mut world);
            let until = later(&world, 10 * 24 * 60);
            world.run_until(&until.to_string());
        }
        prop_assert_eq!(world.folded(), world.state.clone());
        // I26: at rest a look changes nothing.
        prop_assert_eq!(step(&world.state, &world.registry.view, world.now).0.len(), 0);
        // I18: every wave has ended, nothing is under way, every due moment has its outcome.
        let spring = world.state.programme(&programme()).unwrap();
        for wave in spring.waves.values() {
            prop_assert!(wave.stage.has_ended(), "{} is {}", wave.id, wave.stage);
            for enrolment in wave.enrolments() {
                let state = enrolment.stage.state();
                prop_assert!(!state.is_open(), "{} is {state} in {}", enrolment.practice, wave.id);
            }
        }
        prop_assert!(spring.due_pending.is_empty(), "{:?}", spring.due_pending);
        prop_assert!(spring.due.values().all(|record| !matches!(record.outcome, DueOutcome::Superseded) || spring.in_force.is_some()));
        for state in [ActivationState::Intended, ActivationState::Sealed, ActivationState::Unknown, ActivationState::Settled] {
            prop_assert_eq!(world.state.activations_count(state), 0);
        }
        prop_assert!(world.state.releases.is_empty());
        prop_assert!(spring.in_flight.is_empty() && spring.reserved.is_empty());
        prop_assert!(matches!(spring.stage, ProgrammeStage::Active | ProgrammeStage::Completed));
        // I1 and I4 by the suppliers' own log.
        for number in 1..=PRACTICES_COUNT {
            let mut on = 0_i32;
            for (_, key) in world.effects.iter().filter(|(_, key)| key.practice == code(number)) {
                on += if key.direction == Direction::Enable { 1 } else { -1 };
                prop_assert!(on <= 1, "{} twice", key);
            }
            let facts = world.registry.view.get(code(number)).unwrap();
            prop_assert!(facts.pauses.iter().all(|pause| pause.pending_on.is_empty()), "{:?}", facts.pauses);
            let verified = world.state.wave(&wave(2)).unwrap().enrolment(code(number));
            if verified.is_some_and(|one| one.stage.state() == EnrolmentState::Reverted) {
                prop_assert!(!world.is_on(code(number)));
            }
        }
    }

    /// Two schedulers that look at the same state propose the same (I26).
    #[test]
    fn i26_a_step_is_a_function_of_what_it_looks_at(deeds in deeds()) {
        let mut world = world();
        for deed in &deeds {
            perform(&mut world, deed);
            let one = step(&world.state, &world.registry.view, world.now);
            let snapshot = serde_json::to_string(&world.state).unwrap();
            let other = step(&serde_json::from_str(&snapshot).unwrap(), &world.registry.view, world.now);
            prop_assert_eq!(format!("{one:?}"), format!("{other:?}"));
        }
    }
}

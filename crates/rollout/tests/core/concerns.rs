//! Concerns: each is kept, and counts at the gates that are ahead (I6).

use rollout::state::{ConcernAbout, Measured, Severity, Verdict, WaveStage};
use rollout::{Account, Act, Command, Rejection, WaveRef};

use crate::world::{SPRING, World, alice, bob, code, one_wave, wave};

const GATE: &str =
    "gate: {min_success: 0.9, min_sample: 5, soak: 24h, timeout: 72h, concerns: {major: 0, significant: 2}}";

fn guarded() -> String {
    one_wave("").replace("gate: {min_success: 0.9, min_sample: 5, soak: 24h, timeout: 72h}", GATE)
}

fn report(world: &mut World, severity: Severity, about: ConcernAbout) {
    world.act(&alice(), Act::ReportConcern { severity, about }).unwrap();
}

/// The gate of wave 1: its verdict, and how many concerns it counted of which severity or worse.
fn found(world: &World) -> (Verdict, Vec<(Severity, u32)>) {
    let gate = world.state.wave(&wave(1)).unwrap().gate.clone().unwrap();
    let counts = gate.findings.iter().map(|finding| match finding.measured {
        Measured::Concerns { severity, count, .. } => (severity, count),
        ref other => panic!("{other:?}"),
    });
    (gate.verdict, counts.collect())
}

fn waves_of(world: &World) -> Vec<WaveRef> {
    world.state.concerns.values().next_back().unwrap().waves.clone()
}

#[test]
fn as_many_concerns_as_are_allowed_pass_and_one_more_fails_at_once() {
    for (more, verdict) in [(0, Verdict::Pass), (1, Verdict::Fail)] {
        let mut world = World::running(20, &guarded());
        world.run_until("2031-05-06T12:00:00Z");
        for number in 1..=2 + more {
            report(&mut world, Severity::Considerable, ConcernAbout::Practice(code(number)));
        }
        // Not that bad: counted nowhere.
        report(&mut world, Severity::Minor, ConcernAbout::Wave(wave(1)));
        world.run_until("2031-05-07T07:00:00Z");
        assert_eq!(found(&world), (verdict, vec![(Severity::Major, 0), (Severity::Significant, 2 + more)]));
    }
}

#[test]
fn one_grave_concern_fails_where_none_is_allowed() {
    let mut world = World::running(20, &guarded());
    report(&mut world, Severity::Catastrophic, ConcernAbout::Wave(wave(1)));
    world.run_until("2031-05-08T12:00:00Z");
    assert_eq!(found(&world), (Verdict::Fail, vec![(Severity::Major, 1), (Severity::Significant, 1)]));
    assert_eq!(world.state.active_holds().count(), 1);
}

#[test]
fn a_concern_fails_the_gate_while_other_evidence_is_awaited() {
    let mut world = World::running(20, &guarded());
    world.run_until("2031-05-06T12:00:00Z");
    world.registry.view.position = 1;
    world.run_until("2031-05-08T12:00:00Z");
    assert_eq!(world.stage(1), WaveStage::Soaking);
    report(&mut world, Severity::Major, ConcernAbout::Wave(wave(1)));
    world.settle();
    assert_eq!((world.stage(1), found(&world).0), (WaveStage::Gate, Verdict::Fail));
}

#[test]
fn a_concern_about_a_practice_counts_where_the_practice_is_and_only_there() {
    let mut world = World::running(30, SPRING);
    let first = world.state.wave(&wave(1)).unwrap().enrolments().next().unwrap().practice;
    report(&mut world, Severity::Minor, ConcernAbout::Practice(first));
    assert_eq!(waves_of(&world), [wave(1)]);
    world.run_until("2031-05-08T12:00:00Z");
    assert_eq!(world.stage(1), WaveStage::Closed);
    report(&mut world, Severity::Minor, ConcernAbout::Practice(first));
    assert_eq!(waves_of(&world), []);
    report(&mut world, Severity::Minor, ConcernAbout::Wave(wave(1)));
    assert_eq!(waves_of(&world), []);
    let later = world.state.wave(&wave(2)).unwrap().enrolments().next().unwrap().practice;
    report(&mut world, Severity::Minor, ConcernAbout::Practice(later));
    assert_eq!(waves_of(&world), [wave(2)]);
    let numbers: Vec<u32> = world.state.concerns.keys().map(|id| id.0).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    assert_eq!(world.folded(), world.state);
}

#[test]
fn a_concern_says_why_and_about_a_wave_that_there_is() {
    let mut world = World::running(20, &guarded());
    let act = Act::ReportConcern { severity: Severity::Minor, about: ConcernAbout::Wave(wave(9)) };
    assert_eq!(world.act(&bob(), act), Err(Rejection::UnknownWave(wave(9))));
    let act = Act::ReportConcern { severity: Severity::Minor, about: ConcernAbout::Wave(wave(1)) };
    let command = Command::Person { by: Account::new("bob"), reason_code: " ".into(), act };
    assert_eq!(world.submit(&command), Err(Rejection::ReasonRequired));
}

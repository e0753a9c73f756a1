//! What tells one plan from another: everything, and whether it widens what was approved or narrows it (rule 7).

use std::collections::BTreeMap;

use jiff::civil::date;
use ods::PracticeCode;
use proptest::prelude::*;
use rollout::PauseEnd;
use rollout::plan::{Bearing, Member, NotItsBase, Plan, PlannedWave, diff};
use rollout::state::{Verdict, WaveStage};

use crate::world::{Behaviour, SPRING, STAGED, World, alice, code, practice, programme, supplier, wave};

/// Documents that differ in every kind of thing, and can all follow on each other before anything has opened.
fn documents() -> Vec<String> {
    let booked = "TPP: {mode: booked-dates, dates: [2031-05-06, 2031-05-13, 2031-05-20], cut_off: {days_before: 5, at: \"17:00\"}}";
    let objecting = "    until: 2031-05-30\n    objections_until: 2031-05-02T17:00\n    deferred_to: 3\n";
    let third = "  - wave: 3\n    cohort: \"false\"\n    from: 2031-06-10\n    until: 2031-06-11\n";
    vec![
        SPRING.to_owned(),
        SPRING.replace("seed: 7", "seed: 8"),
        SPRING.replace("2031-05-12", "2031-05-13"),
        SPRING.replace("national: {practices: 10}", "national: {practices: 30, patients: 90000}"),
        SPRING.replace("take: {practices: 10}", "practices: [A00001, A00002, A00003]"),
        SPRING
            .replace("  TPP: {mode: push}", &format!("  {booked}"))
            .replace("    after: [1]\n", "    after: [1]\n    take: by-capacity\n"),
        SPRING.replace("    until: 2031-05-30\n", objecting) + third,
        SPRING.replace("take: {practices: 10}", "take: {practices: 10}\n    order: representative"),
        SPRING.replace("practice.list_size > 0", "practice.list_size > 6000"),
        STAGED.to_owned(),
        STAGED.replace("seed: 7", "seed: 7\nkeep_together: pcns"),
    ]
}

/// A world in which the nth document can be planned, after some have paused, moved and grown.
fn plan(document: usize, pauses: &[u32], grown: u32, position: u64) -> Plan {
    let mut world = World::new((1..=60).map(practice));
    for number in pauses {
        world.pause(*number, PauseEnd::FurtherNotice);
    }
    for number in 1..=grown {
        world.registry.change(code(number * 3), |facts| {
            facts.list_size += 7;
            facts.supplier = Some(supplier("EMIS"));
            facts.pcn = format!("U{:05}", number / 3).parse().ok();
        });
    }
    world.registry.view.position = position;
    world.expand(&documents()[document]).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 2, ..ProptestConfig::default() })]

    /// A difference leaves nothing out: applied to the plan that it is against it gives the other, to the last member in order.
    #[test]
    fn a_difference_applied_to_the_one_plan_gives_the_other(
        (one, other) in (0_usize..11, 0_usize..11),
        pauses in prop::collection::vec(1_u32..=60, 0..4),
        grown in 0_u32..6,
        position in 1_u64..3,
    ) {
        let base = plan(one, &[], 0, 1);
        let next = plan(other, &pauses, grown, position);
        let changed = diff(Some(&base), &next);
        prop_assert_eq!(&changed.apply(Some(&base)), &Ok(next.clone()));
        prop_assert_eq!(&diff(None, &next).apply(None), &Ok(next.clone()));
        // Where nothing is said to change, nobody is elsewhere and no term is another.
        if changed.is_empty() {
            let (base, next): (Vec<_>, Vec<_>) =
                (base.waves.iter().map(|one| &one.members).collect(), next.waves.iter().map(|one| &one.members).collect());
            prop_assert_eq!(base, next);
        }
        // Against itself nothing changes.
        let same = diff(Some(&next), &next);
        prop_assert!(same.is_empty() && same.bearing() == Bearing::Neither, "{}", same);
    }
}

/// Each practice with the wave that it is in.
fn by_practice(plan: &Plan) -> BTreeMap<PracticeCode, (&PlannedWave, &Member)> {
    let members = plan.waves.iter().flat_map(|wave| wave.members.iter().map(move |one| (one.practice, (wave, one))));
    members.collect()
}

/// Rule 7, found out practice by practice and not term by term: whether `new` lets anybody do more than `old` did.
fn lets_more_happen(old: &Plan, new: &Plan) -> Option<String> {
    let before = by_practice(old);
    for (practice, (wave, member)) in by_practice(new) {
        let Some((old_wave, old_member)) = before.get(&practice) else { return Some(format!("{practice} is added")) };
        let (was, is) = (&old_wave.rules, &wave.rules);
        let looser = is.from < was.from
            || old_member.list_size < member.list_size
            || is.gate.min_success < was.gate.min_success
            || is.gate.min_sample < was.gate.min_sample
            || is.gate.soak < was.gate.soak
            || is.notice_working_days < was.notice_working_days;
        if looser {
            return Some(format!("{practice} in {} and not {}", wave.id, old_wave.id));
        }
    }
    let (was, is) = (&old.spec.caps.daily.national, &new.spec.caps.daily.national);
    let unlimited = |most: Option<u64>| most.unwrap_or(u64::MAX);
    let more = unlimited(was.patients) < unlimited(is.patients)
        || unlimited(was.practices.map(u64::from)) < unlimited(is.practices.map(u64::from));
    more.then(|| "a cap is raised".to_owned())
}

/// Edits of SPRING that each narrow it, or would if nobody moved up.
const NARROWER: [(&str, &str); 8] = [
    ("min_success: 0.9", "min_success: 0.95"),
    ("min_sample: 5", "min_sample: 7"),
    ("soak: 24h", "soak: 30h"),
    ("from: 2031-05-12", "from: 2031-05-13"),
    ("notice_working_days: 10", "notice_working_days: 12"),
    ("practice.list_size > 0", "practice.list_size > 4000"),
    ("national: {practices: 10}", "national: {practices: 9}"),
    ("take: {practices: 10}", "take: {practices: 6}"),
];

proptest! {
    /// A version that is said to narrow adds nobody, and nothing else that rule 7 calls more. One that is said to do neither
    /// lets nothing more happen either.
    #[test]
    fn narrowing_never_adds_anybody(
        edits in prop::collection::vec((0_usize..8, prop::bool::weighted(0.8)), 0..5),
        pauses in prop::collection::vec(1_u32..=40, 0..3),
        joins in prop::bool::weighted(0.1),
    ) {
        let mut world = World::new((1..=40).map(practice));
        let base = world.expand(SPRING).unwrap();
        for number in &pauses {
            world.pause(*number, PauseEnd::FurtherNotice);
        }
        if joins {
            world.registry.view.put(practice(99));
        }
        let mut text = SPRING.to_owned();
        for (edit, _) in edits.iter().filter(|(_, narrower)| *narrower) {
            text = text.replace(NARROWER[*edit].0, NARROWER[*edit].1);
        }
        let next = world.expand(&text).unwrap();
        // Those that are turned round make the base the narrower one.
        let (old, new) = if edits.iter().all(|(_, narrower)| *narrower) { (&base, &next) } else { (&next, &base) };
        let changed = diff(Some(old), new);
        if changed.bearing() != Bearing::Widens {
            prop_assert_eq!(lets_more_happen(old, new), None, "{}", changed);
            prop_assert_eq!(changed.added.practices, 0);
            prop_assert!(new.load().practices <= old.load().practices && new.load().patients <= old.load().patients);
        }
        if changed.bearing() == Bearing::Neither {
            prop_assert_eq!(new.load(), old.load());
        }
    }
}

/// So that the law above is about something: these narrow, together and one by one.
#[test]
fn edits_that_only_take_away_are_told_to_narrow() {
    let mut world = World::new((1..=40).map(practice));
    let base = world.expand(SPRING).unwrap();
    let mut text = SPRING.to_owned();
    for (from, to) in &NARROWER[..5] {
        let one = diff(Some(&base), &world.expand(&SPRING.replace(from, to)).unwrap());
        assert_eq!(one.bearing(), Bearing::Narrows, "{one}");
        text = text.replace(from, to);
    }
    let last = base.waves[1].members.last().unwrap().practice;
    world.pause(last.as_str()[1..].parse().unwrap(), PauseEnd::FurtherNotice);
    let all = diff(Some(&base), &world.expand(&text).unwrap());
    assert_eq!((all.bearing(), all.dropped.practices), (Bearing::Narrows, 1), "{all}");
}

/// Whoever moves to a later wave with a looser gate, less notice or nothing to wait for does more than was approved.
#[test]
fn a_later_wave_with_looser_terms_widens_for_those_who_move_there() {
    let world = World::running(40, SPRING);
    let in_force = world.state.programme(&programme()).unwrap().plan();
    let second = |more: &str| {
        format!("{SPRING}  - wave: 3\n    from: 2031-06-09\n    until: 2031-06-20\n{more}")
            .replace("    after: [1]\n", "    after: [1]\n    take: {practices: 20}\n")
    };
    let bearing = |more: &str| {
        let changed = diff(in_force, &world.expand(&second(more)).unwrap());
        assert_eq!((changed.later.practices, changed.moves.len()), (10, 10), "{changed}");
        assert!(changed.moves.iter().all(|one| one.bearing == changed.bearing()), "{changed}");
        changed.bearing()
    };
    assert_eq!(bearing("    after: [1]\n"), Bearing::Narrows);
    // It waits for one that waits for the first.
    assert_eq!(bearing("    after: [2]\n"), Bearing::Narrows);
    assert_eq!(bearing(""), Bearing::Widens);
    assert_eq!(bearing("    after: [1]\n    notice_working_days: 2\n"), Bearing::Widens);
    let looser = "    after: [1]\n    gate: {min_success: 0.1, min_sample: 5, soak: 24h, timeout: 72h}\n";
    assert_eq!(bearing(looser), Bearing::Widens);
    let stricter = "    after: [1]\n    gate: {min_success: 0.99, min_sample: 5, soak: 24h, timeout: 72h}\n";
    assert_eq!(bearing(stricter), Bearing::Narrows);
}

/// A wave that fails keeps those behind it back: to leave it out, or to go ahead of it, takes that away. One that has passed
/// keeps nobody back any more.
#[test]
fn a_wave_that_is_left_out_or_overtaken_widens_unless_it_has_passed() {
    let text = SPRING.replace("    after: [1]\n", "");
    let first = &text[text.find("  - wave: 1").unwrap()..text.find("  - wave: 2").unwrap()];
    let left_out = text.replace(first, "");
    let overtaken = left_out.clone() + first;
    let world = World::running(40, &text);
    let spring = world.state.programme(&programme()).unwrap();
    let changed = |text: &str| spring.difference(spring.plan(), &world.expand(text).unwrap());
    let said = |text: &str| -> Vec<String> { changed(text).changes.iter().map(ToString::to_string).collect() };
    assert_eq!(said(&left_out), ["waves/1: wave: 2031-05-06 until 2031-05-07 to none (widens)"]);
    let ahead = overtaken.replace("take: {practices: 10}", "practices: [A00001]");
    assert!(said(&ahead).contains(&"waves/2: place: behind waves/1 to ahead of waves/1 (widens)".to_owned()));
    let after_first = |verdict| {
        let mut world = World::running(40, &text);
        if verdict == Verdict::Fail {
            world.suppliers.insert(supplier("EMIS"), Behaviour::Refuses { retryable: false });
            world.suppliers.insert(supplier("TPP"), Behaviour::Refuses { retryable: false });
        }
        world.run_until("2031-05-11T12:00:00Z");
        if verdict == Verdict::Fail {
            world.act(&alice(), rollout::Act::DecideGate { wave: wave(1), verdict }).unwrap();
        }
        assert_eq!(world.stage(1), WaveStage::Closed);
        let spring = world.state.programme(&programme()).unwrap();
        let changed = spring.difference(spring.plan(), &world.expand(&left_out).unwrap());
        changed.changes.iter().find(|one| one.field == "wave").unwrap().bearing
    };
    assert_eq!((after_first(Verdict::Pass), after_first(Verdict::Fail)), (Bearing::Neither, Bearing::Widens));
}

#[test]
fn a_difference_is_applied_to_no_other_plan() {
    let (one, other, third) = (plan(0, &[], 0, 1), plan(1, &[], 0, 1), plan(2, &[], 0, 1));
    let changed = diff(Some(&one), &other);
    let refused = changed.apply(Some(&third)).unwrap_err();
    assert_eq!(refused, NotItsBase::OtherPlan { expected: Some(one.hash), given: Some(third.hash) });
    assert_eq!(changed.apply(None), Err(NotItsBase::OtherPlan { expected: Some(one.hash), given: None }));
    let mut tampered = one;
    tampered.waves[1].members.clear();
    assert_eq!(changed.apply(Some(&tampered)), Err(NotItsBase::Tampered(other.hash)));
}

/// What a document with `from` replaced by `to` changes against SPRING with everything in it that can be weakened.
fn changed(from: &str, to: &str) -> (Bearing, Vec<String>) {
    let full = SPRING
        .replace("seed: 7", "seed: 7\nfreezes: [{first: 2031-05-15, last: 2031-05-16, why: release}]\nreadiness: {dpia: {valid_for_days: 100}}")
        .replace("    after: [1]\n", "    after: [1]\n    objections_until: 2031-05-02T17:00\n    deferred_to: 3\n")
        + "  - wave: 3\n    cohort: \"false\"\n    from: 2031-06-10\n    until: 2031-06-11\n";
    assert!(full.contains(from), "{from}");
    let world = World::new((1..=40).map(practice));
    let plan = |text: &str| world.expand(text).unwrap_or_else(|wrong| panic!("{wrong:?}"));
    let changed = diff(Some(&plan(&full)), &plan(&full.replace(from, to)));
    (changed.bearing(), changed.changes.iter().map(ToString::to_string).collect())
}

fn widens(from: &str, to: &str, said: &str) {
    let (bearing, changes) = changed(from, to);
    assert_eq!(bearing, Bearing::Widens, "{changes:?}");
    assert!(changes.iter().any(|change| change == said), "{changes:#?}");
    // The other way round it is no longer that which widens.
    assert!(said.ends_with(" (widens)"));
}

fn narrows(from: &str, to: &str, said: &str) {
    let (_, changes) = changed(from, to);
    assert!(said.ends_with(" (narrows)"));
    assert!(changes.iter().any(|change| change == said), "{changes:#?}");
}

#[test]
fn each_safeguard_that_is_weakened_widens_and_each_that_is_strengthened_narrows() {
    widens("min_success: 0.9", "min_success: 0.85", "waves/1: gate.min_success: 90% to 85% (widens)");
    narrows("min_success: 0.9", "min_success: 0.95", "waves/1: gate.min_success: 90% to 95% (narrows)");
    widens("min_sample: 5", "min_sample: 4", "waves/2: gate.min_sample: 5 to 4 (widens)");
    narrows("min_sample: 5", "min_sample: 6", "waves/2: gate.min_sample: 5 to 6 (narrows)");
    widens("soak: 24h", "soak: 12h", "waves/1: gate.soak: 24h to 12h (widens)");
    narrows("soak: 24h", "soak: 48h", "waves/1: gate.soak: 24h to 48h (narrows)");
    widens("working_days: 10", "working_days: 9", "waves/1: notice_working_days: 10 to 9 (widens)");
    narrows("working_days: 10", "working_days: 11", "waves/1: notice_working_days: 10 to 11 (narrows)");
    widens("{practices: 10}\n", "{practices: 20}\n", "caps.daily.national.practices: 10 to 20 (widens)");
    widens(
        "    national: {practices: 10}\n",
        "    national: {}\n",
        "caps.daily.national.practices: 10 to unlimited (widens)",
    );
    narrows(
        "national: {practices: 10}",
        "national: {practices: 10}\n    suppliers: {TPP: {patients: 90000}}",
        "caps.daily.suppliers.TPP.patients: unlimited to 90000 (narrows)",
    );
    let week =
        "Monday 08:00-18:00, Tuesday 08:00-18:00, Wednesday 08:00-18:00, Thursday 08:00-18:00, Friday 08:00-18:00";
    let wider = week.replace("18:00", "18:30");
    widens("to: \"18:00\"", "to: \"18:30\"", &format!("waves/1: windows: {week} to {wider} (widens)"));
    let narrower = week.replace("18:00", "17:00");
    narrows("to: \"18:00\"", "to: \"17:00\"", &format!("waves/1: windows: {week} to {narrower} (narrows)"));
    // Later on both ends: some of it was not there before.
    let later = week.replace("18:00", "19:00").replace("08:00", "09:00");
    let moved = "from: \"09:00\"\n    to: \"19:00\"";
    widens("from: \"08:00\"\n    to: \"18:00\"", moved, &format!("waves/1: windows: {week} to {later} (widens)"));
    let release = "2031-05-15 until 2031-05-16 (release)";
    widens(
        "last: 2031-05-16",
        "last: 2031-05-15",
        &format!("freezes: {release} to 2031-05-15 until 2031-05-15 (release) (widens)"),
    );
    narrows(
        "last: 2031-05-16",
        "last: 2031-05-19",
        &format!("freezes: {release} to 2031-05-15 until 2031-05-19 (release) (narrows)"),
    );
    let days = "2031-05-20 until 2031-05-21 (release)";
    let frozen = "EMIS: {mode: push, freezes: [{first: 2031-05-20, last: 2031-05-21, why: release}]}";
    narrows("EMIS: {mode: push}", frozen, &format!("suppliers.EMIS.freezes: none to {days} (narrows)"));
    widens("{dpia: {valid_for_days: 100}}", "{}", "readiness.dpia: demanded to none (widens)");
    widens("valid_for_days: 100", "valid_for_days: 200", "readiness.dpia.valid_for_days: 100 to 200 (widens)");
    narrows(
        "valid_for_days: 100}",
        "valid_for_days: 100}, staff-training: {}",
        "readiness.staff-training: none to demanded (narrows)",
    );
    widens("    after: [1]\n", "", "waves/2: after: waves/1 to none (widens)");
    widens(
        "objections_until: 2031-05-02T17:00",
        "objections_until: 2031-05-01T17:00",
        "waves/2: objections_until: 2031-05-02T16:00:00Z to 2031-05-01T16:00:00Z (widens)",
    );
    narrows(
        "objections_until: 2031-05-02T17:00",
        "objections_until: 2031-05-06T17:00",
        "waves/2: objections_until: 2031-05-02T16:00:00Z to 2031-05-06T16:00:00Z (narrows)",
    );
    widens("EMIS: {mode: push}", "EMIS: {mode: push, attempts: 4}", "suppliers.EMIS.attempts: 3 to 4 (widens)");
    widens("from: 2031-05-12", "from: 2031-05-09", "waves/2: from: 2031-05-12 to 2031-05-09 (widens)");
    narrows("from: 2031-05-12", "from: 2031-05-13", "waves/2: from: 2031-05-12 to 2031-05-13 (narrows)");
}

#[test]
fn more_practices_or_patients_widen_and_fewer_narrow() {
    let mut world = World::running(30, SPRING);
    let bearing = |world: &World, text: &str| {
        let in_force = world.state.programme(&programme()).unwrap().plan();
        let changed = diff(in_force, &world.expand(text).unwrap());
        (changed.bearing(), changed.added.practices, changed.dropped.practices)
    };
    assert_eq!(bearing(&world, SPRING), (Bearing::Neither, 0, 0));
    world.registry.view.put(practice(31));
    let (widens, added, _) = bearing(&world, SPRING);
    assert!(widens == Bearing::Widens && added == 1);
    world.registry.view.remove(code(31));
    // Who pauses may let others move up: only in the last wave is it less and nothing else.
    let last = world.state.wave(&wave(2)).unwrap().enrolments().map(|one| one.practice).last().unwrap();
    let number: u32 = last.as_str()[1..].parse().unwrap();
    world.pause(number, PauseEnd::FurtherNotice);
    assert_eq!(bearing(&world, SPRING), (Bearing::Narrows, 0, 1));
    world.registry.resume(last);
    world.registry.change(code(5), |facts| facts.list_size += 1);
    assert_eq!(bearing(&world, SPRING), (Bearing::Widens, 0, 0));
    world.registry.change(code(5), |facts| facts.list_size -= 2);
    assert_eq!(bearing(&world, SPRING), (Bearing::Narrows, 0, 0));
}

#[test]
fn a_practice_whose_wave_or_way_changes_is_told_with_its_bearing() {
    let world = World::running(20, SPRING);
    let in_force = world.state.programme(&programme()).unwrap().plan();
    let invited = SPRING.replace("    after: [1]\n", "    after: [1]\n    mode: self-service\n");
    let changed = diff(in_force, &world.expand(&invited).unwrap());
    assert_eq!((changed.moves.len(), changed.bearing()), (10, Bearing::Narrows));
    let back = diff(Some(&world.expand(&invited).unwrap()), in_force.unwrap());
    assert_eq!((back.moves.len(), back.bearing()), (10, Bearing::Widens));
    let earlier = SPRING.replace("from: 2031-05-12", "from: 2031-05-09");
    let changed = diff(in_force, &world.expand(&earlier).unwrap());
    assert!(changed.moves.iter().all(|one| one.bearing == Bearing::Widens && one.to.unwrap().1 == date(2031, 5, 9)));
    let patients: u64 = changed.moves.iter().map(|one| one.load.patients).sum();
    assert_eq!((changed.earlier.practices, changed.earlier.patients), (10, patients));
    let by_rule: Vec<String> =
        changed.by_rule().into_iter().map(|((rule, bearing), load)| format!("{rule}: {load} ({bearing})")).collect();
    assert_eq!(by_rule, [format!("the cohort of waves/2: 10 practices, {patients} patients (widens)")]);
}

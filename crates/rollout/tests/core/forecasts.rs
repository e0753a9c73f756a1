//! Forecasts: the compact programme plays every future as the real step does, and what comes out is what was learned.

mod coverage;
pub(crate) mod same_as_step;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::civil::date;
use rollout::calendar::civil_date;
use rollout::forecast::{
    CapOf, Estimate, Experience, Forecaster, Gain, Group, Limit, Model, NoForecast, Question, SupplierModel,
};
use rollout::state::ProgrammeStage;
use rollout::{Act, PauseEnd, ProgrammeId};

use crate::world::{Behaviour, SPRING, World, alice, begun, code, moment, one_wave, programme, supplier};

/// Suppliers that do everything within ten minutes, practices that neither pause nor lack anything.
fn untroubled() -> Model {
    let supplier_model = SupplierModel {
        times: vec![SignedDuration::from_mins(10)],
        refused_for_now: Estimate::certain(0.0),
        refused_for_good: Estimate::certain(0.0),
        hourly_max: None,
    };
    let names = ["EMIS", "Medicus", "TPP"].map(supplier);
    Model {
        suppliers: names.into_iter().map(|name| (name, supplier_model.clone())).collect(),
        pauses: vec![0.0],
        by_default: Estimate::certain(0.5),
        readiness: Estimate::certain(0.0),
        self_service: Estimate::certain(0.0),
        halts_take: SignedDuration::from_hours(7 * 24),
    }
}

fn question(world: &World, model: Model) -> Question {
    Question {
        state: world.state.clone(),
        view: world.registry.view.clone(),
        programme: programme(),
        model: Arc::new(model),
        seed: 11,
        now: world.now,
    }
}

fn forecaster(world: &World, model: Model) -> Forecaster {
    Forecaster::new(question(world, model)).unwrap()
}

fn experience(world: &World) -> Experience {
    let mut experience = Experience::default();
    for (at, event) in &world.history {
        experience.learn(event, *at);
    }
    experience
}

/// The limits that gain anything, those that gain most first.
fn ranked(forecaster: &Forecaster, runs_count: u32) -> Vec<Gain> {
    let runs = forecaster.runs(0..runs_count);
    let gains = forecaster.limits().into_iter().map(|limit| {
        let without = forecaster.without(&limit).unwrap().runs(0..runs_count);
        forecaster.gain(limit, &runs, &without)
    });
    Gain::ranked(gains.collect())
}

#[test]
fn a_plan_without_trouble_has_one_future() {
    let world = World::running(40, SPRING);
    let forecaster = forecaster(&world, untroubled());
    let outlook = forecaster.outlook(&forecaster.runs(0..20));
    let all = outlook.group(&Group::Programme).unwrap();
    assert_eq!((all.practices_count, all.never_live.p90), (40, 0));
    // Ten on 6 May; ten a day from 12 May on.
    assert_eq!(all.last_go_live, [Some(date(2031, 5, 14)); 3]);
    let practices: Vec<_> = all.months.iter().map(|month| (month.last_day, month.practices.p50)).collect();
    assert_eq!(practices, [(date(2031, 4, 30), 0), (date(2031, 5, 31), 40)]);
    let patients = all.months[1].patients;
    assert_eq!((patients.p10, patients.p90), (all.patients_count, all.patients_count));
    let by_supplier = ["EMIS", "TPP"].map(|name| outlook.group(&Group::Supplier(supplier(name))).unwrap());
    assert_eq!(by_supplier.map(|group| group.practices_count), [20, 20]);
    let icbs = outlook.groups.iter().filter(|group| matches!(group.group, Group::Icb(_)));
    assert_eq!(icbs.map(|group| group.practices_count).sum::<u32>(), 40);
}

#[test]
fn the_same_seed_gives_the_same_forecast_however_the_runs_are_split() {
    let world = World::running(40, SPRING);
    let mut model = untroubled();
    model.pauses = vec![0.005, 0.015];
    let forecaster = forecaster(&world, model.clone());
    let whole = forecaster.runs(0..30);
    let mut split = forecaster.runs(17..30);
    split.extend(forecaster.runs(0..17));
    assert_eq!(forecaster.outlook(&whole), forecaster.outlook(&split));
    let other = Forecaster::new(Question { seed: 12, ..question(&world, model) }).unwrap();
    assert_ne!(forecaster.outlook(&whole), other.outlook(&other.runs(0..30)));
}

#[test]
fn what_is_uncertain_makes_the_band_wide() {
    let world = World::running(60, SPRING);
    let width = |pauses: &[f64]| {
        let mut model = untroubled();
        model.pauses = pauses.to_vec();
        let forecaster = forecaster(&world, model);
        let outlook = forecaster.outlook(&forecaster.runs(0..100));
        let never = outlook.group(&Group::Programme).unwrap().never_live;
        assert!(never.p10 <= never.p50 && never.p50 <= never.p90);
        never.p90 - never.p10
    };
    let (even, in_bursts) = (width(&[0.01]), width(&[0.0, 0.0, 0.03]));
    assert!(0 < even && even < in_bursts, "{even} {in_bursts}");
}

#[test]
fn the_cap_that_binds_is_the_constraint() {
    // The second wave has 30 practices, and ten a day; nothing else is in their way but the wave's own date.
    let world = World::running(40, SPRING);
    let gains = ranked(&forecaster(&world, untroubled()), 4);
    let days: BTreeMap<&Limit, f64> = gains.iter().map(|gain| (&gain.limit, gain.practice_days)).collect();
    // Without the cap: 10 a day sooner, 10 two days sooner.
    assert_eq!(days.get(&Limit::DailyCap(CapOf::Nation)), Some(&30.0));
    assert!(!days.contains_key(&Limit::Refusals) && !days.contains_key(&Limit::Readiness));
}

#[test]
fn a_supplier_that_is_full_is_the_constraint_and_a_cap_that_is_not_reached_is_none() {
    let text =
        one_wave("    until: 2031-05-20").replace("gate:", "caps: {daily: {national: {practices: 1000}}}\ngate:");
    let world = World::running(60, &text);
    let mut model = untroubled();
    model.suppliers.get_mut(&supplier("TPP")).unwrap().hourly_max = Some(1);
    let gains = ranked(&forecaster(&world, model), 3);
    let limits: Vec<&Limit> = gains.iter().map(|gain| &gain.limit).collect();
    assert!(limits.contains(&&Limit::SupplierPace(supplier("TPP"))), "{gains:#?}");
    assert!(!limits.contains(&&Limit::DailyCap(CapOf::Nation)), "{gains:#?}");
}

#[test]
fn days_that_a_supplier_has_frozen_are_its_practices_limit_alone() {
    // Both freeze days of which one costs nothing: EMIS's lie behind the wave.
    let text = SPRING
        .replace(
            "EMIS: {mode: push}",
            "EMIS: {mode: push, freezes: [{first: 2031-12-01, last: 2031-12-05, why: late}]}",
        )
        .replace(
            "TPP: {mode: push}",
            "TPP: {mode: push, freezes: [{first: 2031-05-12, last: 2031-05-13, why: release}]}",
        );
    assert_eq!(text.matches("freezes: [").count(), 2, "{text}");
    let forecaster = forecaster(&World::running(40, &text), untroubled());
    let frozen = |name| Limit::SupplierFreezes(supplier(name));
    assert!([frozen("EMIS"), frozen("TPP")].iter().all(|limit| forecaster.limits().contains(limit)));
    let gains = ranked(&forecaster, 4);
    let gain = |limit| gains.iter().find(|gain| gain.limit == limit).map(|gain| gain.practice_days);
    assert!(gain(frozen("TPP")) > Some(0.0) && gain(frozen("EMIS")).is_none(), "{gains:#?}");
    let with_and_without = [forecaster.clone(), forecaster.without(&frozen("TPP")).unwrap()].map(|one| one.rehearse(0));
    let first_of_tpp = with_and_without.map(|rehearsal| {
        let of_second_wave = rehearsal.live_at.iter().filter(|(_, at)| moment("2031-05-11T00:00:00Z") < **at);
        let of_tpp = of_second_wave.filter(|(practice, _)| practice.as_str().ends_with(['1', '3', '5', '7', '9']));
        of_tpp.map(|(_, at)| civil_date(*at)).min()
    });
    assert_eq!(first_of_tpp, [Some(date(2031, 5, 14)), Some(date(2031, 5, 12))]);
}

#[test]
fn a_pause_is_nobodys_limit_to_lift() {
    let mut world = World::running(40, SPRING);
    world.pause(7, PauseEnd::FurtherNotice);
    world.settle();
    let forecaster = forecaster(&world, untroubled());
    let outlook = forecaster.outlook(&forecaster.runs(0..3));
    assert_eq!(outlook.group(&Group::Programme).unwrap().never_live.p50, 1);
    for limit in forecaster.limits() {
        let without = forecaster.without(&limit).unwrap();
        assert!(!without.rehearse(0).live_at.contains_key(&code(7)), "without {limit}");
    }
}

#[test]
fn suppliers_are_taken_as_they_were_seen() {
    let mut world = World::running(60, SPRING);
    world.suppliers.insert(supplier("EMIS"), Behaviour::AppliesAfter(SignedDuration::from_mins(95)));
    world.suppliers.insert(supplier("TPP"), Behaviour::Refuses { retryable: true });
    world.run_until("2031-05-13T18:00:00Z");
    let experience = experience(&world);
    let spring = world.state.programme(&programme()).unwrap();
    let model = Model::of(&experience, spring, &world.registry.view, world.now);
    let emis = &model.suppliers[&supplier("EMIS")];
    assert!(emis.times.iter().all(|time| *time == SignedDuration::from_mins(95)), "{:?}", emis.times);
    let refused = |name: &str| model.suppliers[&supplier(name)].refused_for_now.mean;
    assert!(refused("EMIS") < 0.05 && refused("TPP") > 0.4, "{} {}", refused("EMIS"), refused("TPP"));
    let record = experience.supplier(&supplier("TPP")).unwrap();
    assert_eq!((record.applied_count, record.refused_for_now_count > 5), (0, true));
}

#[test]
fn what_a_supplier_did_in_an_hour_with_twice_as_many_waiting_is_its_pace() {
    let mut world = World::running(60, &one_wave("    until: 2031-05-20"));
    let mut model = untroubled();
    model.suppliers.get_mut(&supplier("TPP")).unwrap().hourly_max = Some(4);
    let future = Arc::new(forecaster(&world, model).scenario(0));
    for name in ["EMIS", "TPP"] {
        world.suppliers.insert(supplier(name), Behaviour::Drawn(future.clone()));
    }
    world.run_until("2031-05-07T20:00:00Z");
    let experience = experience(&world);
    let pace = |name: &str| experience.supplier(&supplier(name)).unwrap().hourly_max();
    assert_eq!((pace("EMIS"), pace("TPP")), (None, Some(4)));
}

#[test]
fn pauses_and_readiness_so_far_say_how_many_are_to_come() {
    let mut world = World::running(60, SPRING);
    let rates = |world: &World| {
        let spring = world.state.programme(&programme()).unwrap();
        let model = Model::of(&experience(world), spring, &world.registry.view, world.now);
        let pauses = model.pauses.iter().sum::<f64>() / model.pauses.len() as f64;
        (pauses, model.readiness.mean, model.by_default.mean)
    };
    world.run_until("2031-04-15T08:00:00Z");
    let quiet = rates(&world);
    for number in 1..=30 {
        world.pause(number, if number <= 27 { PauseEnd::ProgrammeDefault } else { PauseEnd::FurtherNotice });
    }
    for number in 31..=60 {
        world.registry.change(code(number), |facts| facts.readiness = vec![begun("dpia")]);
    }
    world.settle();
    let troubled = rates(&world);
    assert!(troubled.0 > 2.0 * quiet.0, "{troubled:?} {quiet:?}");
    assert!(troubled.1 < quiet.1, "{troubled:?} {quiet:?}");
    assert!(troubled.2 > 0.8, "{troubled:?}");
}

#[test]
fn only_a_programme_in_force_has_a_forecast() {
    let mut world = World::running(20, SPRING);
    let elsewhere = Question { programme: ProgrammeId::new("autumn").unwrap(), ..question(&world, untroubled()) };
    assert!(matches!(Forecaster::new(elsewhere), Err(NoForecast::UnknownProgramme(_))));
    world.act(&alice(), Act::CancelProgramme { programme: programme() }).unwrap();
    let refused = Forecaster::new(question(&world, untroubled())).unwrap_err();
    assert_eq!(refused, NoForecast::NotActive { programme: programme(), stage: ProgrammeStage::Cancelled });
}

#[test]
fn a_forecast_from_the_middle_counts_who_is_live() {
    let mut world = World::running(40, SPRING);
    world.run_until("2031-05-12T18:00:00Z");
    let live = world.count_on();
    let forecaster = forecaster(&world, untroubled());
    let outlook = forecaster.outlook(&forecaster.runs(0..5));
    let all = outlook.group(&Group::Programme).unwrap();
    assert_eq!((live, all.practices_count), (20, 40));
    assert_eq!(all.last_go_live, [Some(date(2031, 5, 14)); 3]);
    assert_eq!(forecaster.rehearse(0).live_at.values().filter(|at| **at == world.now).count(), live);
    assert!(forecaster.rehearse(0).live_at.values().all(|at| moment("2031-05-12T00:00:00Z") < *at));
}

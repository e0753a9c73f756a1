//! Forecasts against what then happens: small worlds whose suppliers and practices go on as nobody has told the forecast.
//!
//! Each world is played by the real step to a day in its midst; a forecast is made of what its journal and registry tell by
//! then; the world is played on, and each figure is held against its band.

use std::sync::Arc;

use jiff::{SignedDuration, ToSpan};
use ods::draw_for;
use rollout::calendar::day_bounds;
use rollout::forecast::{Estimate, Forecaster, Group, Model, Scenario, SupplierModel};

use super::same_as_step::Stage;
use super::{experience, question};
use crate::world::{Behaviour, World, begun, code, moment, practice, programme, supplier};

const WORLDS_COUNT: u64 = 24;
const PRACTICES_COUNT: u32 = 60;
const RUNS_COUNT: u32 = 100;

/// A wave of three months under a cap.
const SPRING: &str = r#"
name: spring
cohort: practice.list_size > 0
windows:
  - {days: [monday, tuesday, wednesday, thursday, friday], from: "08:00", to: "18:00"}
notice_working_days: 5
caps: {daily: {national: {practices: 2}}}
gate: {min_success: 0.5, min_sample: 5, soak: 24h, timeout: 72h}
suppliers:
  EMIS: {mode: push, attempts: 2}
  TPP: {mode: push}
waves:
  - {wave: 1, take: by-capacity, from: 2031-05-06, until: 2031-07-31}
"#;

/// How suppliers and practices of a world go on in truth.
fn truth(world: u64) -> Model {
    let unit = |what: &str| draw_for(world, "coverage-world", what, 0, 0).unit();
    let supplier_model = |name: &str| SupplierModel {
        times: [5, 40, 200, 900].map(SignedDuration::from_mins).to_vec(),
        refused_for_now: Estimate::certain(unit(&format!("{name} for now")) * 0.3),
        refused_for_good: Estimate::certain(unit(&format!("{name} for good")) * 0.2),
        hourly_max: None,
    };
    // Most weeks are quiet, and in some of them many pause.
    let burst = unit("burst") * 0.02;
    Model {
        suppliers: ["EMIS", "TPP"].map(|name| (supplier(name), supplier_model(name))).into(),
        pauses: vec![0.0, 0.0, unit("pauses") * 0.002, burst],
        by_default: Estimate::certain(0.0),
        readiness: Estimate::certain(0.01 + unit("readiness") * 0.05),
        self_service: Estimate::certain(0.0),
        halts_take: SignedDuration::from_hours(7 * 24),
    }
}

fn world(number: u64, future: &Arc<Scenario>) -> World {
    let is_ready =
        |practice: u32| !draw_for(number, "coverage-world", &format!("unready {practice}"), 0, 0).happens(0.3);
    let mut world = World::new((1..=PRACTICES_COUNT).map(|number| {
        let mut facts = practice(number);
        if !is_ready(number) {
            facts.readiness = vec![begun("dpia")];
        }
        facts
    }));
    for name in ["EMIS", "TPP"] {
        world.suppliers.insert(supplier(name), Behaviour::Drawn(future.clone()));
    }
    world.put_in_force(SPRING).unwrap();
    world.settle();
    world.tell_everybody();
    world
}

#[test]
fn of_ten_figures_eight_come_to_lie_between_p10_and_p90() {
    let (mut below, mut within, mut above, mut widths) = (0, 0, 0, 0);
    for number in 0..WORLDS_COUNT {
        let begins_at = moment(crate::world::START);
        let future = Arc::new(Scenario::new(&Arc::new(truth(number)), 77, u32::try_from(number).unwrap(), begins_at));
        let mut stage = Stage::new(world(number, &future), &future);
        stage.play(moment("2031-05-20T18:30:00Z"));
        let view = &stage.world.registry.view;
        let model = Model::of(
            &experience(&stage.world),
            stage.world.state.programme(&programme()).unwrap(),
            view,
            stage.world.now,
        );
        let forecaster = Forecaster::new(question(&stage.world, model)).unwrap();
        let outlook = forecaster.outlook(&forecaster.runs(0..RUNS_COUNT));
        stage.play(moment("2031-10-15T00:00:00Z"));
        let live_at = stage.came_out().live_at;
        for group in &outlook.groups {
            let belongs = |number: u32| {
                let facts = practice(number);
                match &group.group {
                    Group::Programme => true,
                    Group::Supplier(supplier) => facts.supplier.as_ref() == Some(supplier),
                    Group::Icb(icb) => facts.icb == Some(*icb),
                }
            };
            for month in &group.months {
                let end = day_bounds(month.last_day).1.checked_sub(1.microsecond()).unwrap();
                let live = (1..=PRACTICES_COUNT).filter(|number| belongs(*number));
                let live =
                    live.filter(|number| live_at.get(&code(*number)).is_some_and(|at| *at <= end)).count() as u64;
                below += u32::from(live < month.practices.p10);
                above += u32::from(month.practices.p90 < live);
                within += u32::from((month.practices.p10..=month.practices.p90).contains(&live));
                widths += month.practices.p90 - month.practices.p10;
            }
        }
    }
    let (figures, width) = (below + within + above, widths as f64 / f64::from(below + within + above));
    assert_eq!(figures, 24 * 5 * 3, "five groups at the ends of three months");
    let told = format!("{below} below, {within} within, {above} above; bands of {width:.1} on the average");
    assert!((0.75..0.95).contains(&(f64::from(within) / f64::from(figures))), "{told}");
    assert!(below < figures / 5 && above < figures / 5, "{told}");
    // A band from nobody to everybody would always hold.
    assert!(width < 10.0, "{told}");
}

//! Forecasts made amid the golden replay, held against what then happened.
//!
//! At a few hundred practices on each commit. In the long tier of the whole nation, of the synthetic one and of the one in the
//! publishers' real files: a nation takes minutes to play. The coverage of the bands is told in that tier's report.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::demo::Demo;
use crate::harness::offer;

/// A month after the last wave's last day, with everything settled.
const UNTIL: &str = "2023-03-31";
/// From before the phased start to after the wave of one supplier.
const DAYS: [&str; 7] =
    ["2022-11-15", "2022-12-07", "2022-12-14", "2023-01-04", "2023-01-11", "2023-01-25", "2023-02-08"];
const PRACTICES_COUNT: &str = "300";

fn count(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("a number: {value}"))
}

#[test]
fn of_forecasts_made_amid_the_golden_replay_most_figures_lie_within_their_bands() {
    if !offer::is_long() {
        hold("300 practices", demo().option("--practices-count", PRACTICES_COUNT));
        return;
    }
    hold("a synthetic nation", demo());
    if let Some(folder) = offer::reference_data() {
        hold("the nation of the real files", demo().with_real_files(&folder));
    }
}

fn demo() -> Demo {
    DAYS.iter().fold(Demo::until(UNTIL), |demo, day| demo.option("--back-test", day))
}

/// Holds the forecasts of a run against what then happened in it.
fn hold(whose: &str, demo: Demo) {
    let report = demo.report();
    let test = &report["back_test"];
    let forecasts = test["forecasts"].as_array().expect("forecasts");
    let made_on: Vec<&str> = forecasts.iter().filter_map(|forecast| forecast["made_on"].as_str()).collect();
    assert_eq!(made_on, DAYS);

    let figures: Vec<&Value> =
        forecasts.iter().flat_map(|forecast| forecast["figures"].as_array().expect("figures")).collect();
    let of_programme = |figure: &&&Value| figure["of"] == "programmes/prospective-access";
    let at_the_end: Vec<&&Value> =
        figures.iter().filter(of_programme).filter(|figure| figure["last_day"] == UNTIL).collect();
    assert!(!at_the_end.is_empty());
    for figure in at_the_end {
        assert_eq!(figure["happened"], report["practices_live"], "what happened is what the registry says: {figure}");
    }
    let kinds: BTreeSet<&str> = figures.iter().filter_map(|figure| figure["of"].as_str()?.split('/').next()).collect();
    assert_eq!(kinds, BTreeSet::from(["icbs", "programmes", "suppliers"]));
    let judged = figures.iter().filter(|figure| figure["judged"] == true).count();
    assert!(judged < figures.len(), "the forecast of November is of a plan that another one replaced");

    let (in_doubt, within) = (count(&test["in_doubt"]), count(&test["within"]));
    let (certain, came_true) = (count(&test["certain"]), count(&test["came_true"]));
    assert_eq!(usize::try_from(in_doubt + certain).expect("a count"), judged);
    offer::tell(&format!(
        "{} forecasts amid the golden replay, {whose}: of {in_doubt} figures in doubt {within} lay between P10 and P90; of {certain} \
         without doubt {came_true} came true",
        DAYS.len()
    ));
    assert!(in_doubt > 50, "{test}");
    assert!(within * 10 >= in_doubt * 8, "{within} of {in_doubt} within: {test}");
    assert!(came_true * 10 >= certain * 9, "{came_true} of {certain} came true: {test}");
}

//! The same seed, the same object: whatever the threads and however slow the suppliers' machines.

use crate::harness::demo::Demo;
use crate::harness::offer;

const SEED: u64 = 7;
/// Seeds from that one on: in every run of the tests, and in the long tier.
const SEEDS_COUNT: u64 = 1;
const SEEDS_COUNT_LONG: u64 = 12;

#[test]
fn no_figure_depends_on_a_second_run_the_threads_or_the_suppliers_speed() {
    let count = if offer::is_long() { SEEDS_COUNT_LONG } else { SEEDS_COUNT };
    for seed in SEED..SEED + count {
        let demo = || Demo::until("2023-01-11").option("--practices-count", "150").option("--seed", seed.to_string());
        let first = demo().option("--worker-threads", "2").report();
        assert!(first["practices_live"].as_i64().is_some_and(|live| live > 0), "{first}");
        assert_eq!(first["seed"], seed);
        assert_eq!(demo().option("--worker-threads", "2").report(), first, "a second run");
        assert_eq!(demo().option("--worker-threads", "1").report(), first, "one thread");
        let delayed = demo().option("--worker-threads", "2").option("--supplier-delay-ms", "3").report();
        assert_eq!(delayed, first, "slow suppliers");
    }
    offer::tell(&format!(
        "{count} seeds of a demo: the same figures twice, on one thread and two, and with slow suppliers"
    ));
}

#[test]
fn another_seed_gives_another_england() {
    let with_access = |seed: &str| {
        // A Monday: the suppliers' first returns with live practices.
        let demo = Demo::until("2022-12-12").option("--practices-count", "150").option("--seed", seed);
        demo.report()["patients_with_access"].as_i64().expect("a number")
    };
    let (one, other) = (with_access("7"), with_access("8"));
    assert!(one > 0 && other > 0 && one != other, "{one} and {other}");
}

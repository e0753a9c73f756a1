//! The same seed, the same object: whatever the threads and however slow the suppliers' machines.

use crate::harness::demo::Demo;

fn demo() -> Demo {
    Demo::until("2023-01-11").option("--practices-count", "150").option("--seed", "7")
}

#[test]
fn no_figure_depends_on_a_second_run_the_threads_or_the_suppliers_speed() {
    let first = demo().option("--worker-threads", "2").report();
    assert!(first["practices_live"].as_i64().is_some_and(|live| live > 0), "{first}");
    assert_eq!(first["seed"], 7);
    assert_eq!(demo().option("--worker-threads", "2").report(), first, "a second run");
    assert_eq!(demo().option("--worker-threads", "1").report(), first, "one thread");
    let delayed = demo().option("--worker-threads", "2").option("--supplier-delay-ms", "3").report();
    assert_eq!(delayed, first, "slow suppliers");
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

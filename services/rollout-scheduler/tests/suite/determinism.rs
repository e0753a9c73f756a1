//! The same world comes to the same end, whatever the threads and however quick the suppliers are in real time.

use std::time::Duration;

use jiff::SignedDuration;
use supplier_simulator::{Delay, Effect, Share, SupplierProfile};

use crate::acts::{ONE_WAVE, prompt};
use crate::files::surgeries;
use crate::world::{Setup, World};

/// What happened at the suppliers, to the microsecond, and what the registry says in the end.
fn run(worker_threads: usize, real_delay_per_call: Duration) -> (Vec<Effect>, Vec<String>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(worker_threads).enable_time().build();
    runtime.unwrap().block_on(async {
        let delay = Delay { min: SignedDuration::from_secs(1), max: SignedDuration::from_mins(40) };
        let share = |share: f64| Share::try_from(share).unwrap();
        let (refused_share, lost_reply_share) = (share(0.1), share(0.2));
        let difficult = SupplierProfile { delay, refused_share, lost_reply_share, ..prompt("EMIS") };
        let surgeries = [surgeries(81_001, 30, "EMIS"), surgeries(82_001, 10, "TPP")].concat();
        let setup = Setup { real_delay_per_call, ..Setup::new(surgeries, vec![difficult, prompt("TPP")]) };
        let mut world = World::new(setup).await;
        let capped =
            "caps: { daily: { national: { practices: 25 } }, in_flight: { each_supplier: { practices: 7 } } }\ngate:";
        world.approve(&ONE_WAVE.replace("gate:", capped)).await;
        world.until("2031-06-10T10:00:00Z").await;
        // Within a moment the order may differ; when what happened may not.
        let mut effects = world.simulator.effects();
        effects.sort_by_key(|effect| (effect.at, effect.practice));
        (effects, world.outcome().await)
    })
}

#[test]
fn the_same_world_comes_to_the_same_end_on_one_thread_and_on_two_and_with_slow_calls() {
    let alone = run(1, Duration::ZERO);
    assert!(alone.0.len() > 30, "{}", alone.0.len());
    assert_eq!(run(2, Duration::ZERO), alone);
    assert_eq!(run(2, Duration::from_millis(1)), alone);
}

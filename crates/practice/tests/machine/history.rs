//! What the history of a practice says.

use jiff::SignedDuration;
use practice::access::{ObservedState, Outcome};
use practice::history::tell;
use practice::pause::PauseEnd;

use crate::bench::{Bench, code, disable, enable, entry, import};

#[test]
fn each_event_tells_in_words_what_happened_at_the_practice() {
    let mut bench = Bench::new();
    bench.acquire(&enable(1));
    bench.pause(PauseEnd::FurtherNotice);
    bench.settle(&enable(1), Outcome::Applied);
    bench.acquire(&disable(2));
    bench.settle(&disable(2), Outcome::Applied);
    bench.resume();
    bench.observe(ObservedState::Partial);
    let mut moved = entry("A81001");
    moved.supplier = Some("TPP".parse().unwrap());
    bench.done(&import("2031-06-02", vec![moved]));

    let words = |event| tell(event, code("A81001")).into_iter().map(|told| told.what).collect::<Vec<_>>().join("; ");
    let told: Vec<String> = bench.events.iter().map(|(event, _, _)| words(event)).collect();
    assert_eq!(
        told,
        [
            "recorded by map: name SURGERY A81001, supplier EMIS, ICB QHM",
            "permit granted for prospective-records/A81001/enable/1",
            "pause 1 of all capabilities until further notice: PENDING",
            "prospective-records/A81001/enable/1 applied; prospective-records observed ON",
            "permit granted for prospective-records/A81001/disable/2",
            "prospective-records/A81001/disable/2 applied; prospective-records observed OFF; receipt 1 is REVERSED",
            "pause 1 lifted",
            "prospective-records observed PARTIAL by the supplier's list",
            "moved by map: supplier TPP (was EMIS); prospective-records observed UNKNOWN",
        ]
    );
}

#[test]
fn an_event_says_nothing_of_a_practice_that_it_does_not_concern() {
    let mut bench = Bench::new();
    bench.pause(PauseEnd::FurtherNotice);
    bench.acquire(&disable(1));
    for (event, _, _) in &bench.events[1..] {
        assert_eq!(tell(event, code("A81002")), []);
    }
}

#[test]
fn each_fact_of_an_event_says_from_when_it_holds() {
    let mut bench = Bench::new();
    bench.observe(ObservedState::On);
    let observed_at = bench.now;
    bench.wait(SignedDuration::from_hours(72));
    let mut moved = entry("A81001");
    moved.supplier = Some("TPP".parse().unwrap());
    let event = bench.done(&import("2031-06-04", vec![moved])).remove(0);
    let told: Vec<_> = tell(&event, code("A81001")).into_iter().map(|told| told.effective_at).collect();
    let day = Some("2031-06-03T23:00:00Z".parse().unwrap());
    assert_eq!(told, [day, day], "the move, and that nothing is known since; it was seen on at {observed_at}");

    let settled = bench.acquire(&disable(1));
    assert_eq!(settled, None);
    let settlement = practice::command::Settlement {
        key: disable(1),
        outcome: Outcome::Applied,
        observed: None,
        as_at: Some(observed_at),
    };
    let event = bench.done(&practice::Command::SettlePermits(vec![settlement])).remove(0);
    let told: Vec<_> = tell(&event, code("A81001")).into_iter().map(|told| told.effective_at).collect();
    assert_eq!(told, [None, Some(observed_at)], "settled now, and off since an earlier moment");
}

//! What the history of a practice says.

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

    let told: Vec<String> =
        bench.events.iter().filter_map(|(event, _, _)| tell(event, code("A81001"))).map(|told| told.summary).collect();
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
            "prospective-records observed PARTIAL",
            "moved by map: supplier TPP (was EMIS), prospective-records observed UNKNOWN",
        ]
    );
}

#[test]
fn an_event_says_nothing_of_a_practice_that_it_does_not_concern() {
    let mut bench = Bench::new();
    bench.pause(PauseEnd::FurtherNotice);
    bench.acquire(&disable(1));
    for (event, _, _) in &bench.events[1..] {
        assert_eq!(tell(event, code("A81002")), None);
    }
}

//! A collector that never answers.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::harness::installation::{Installation, Wanted};
use crate::harness::otlp::everything_to;

#[test]
fn a_collector_that_never_answers_delays_neither_calls_nor_the_end_of_a_server() {
    // It takes connections, and never says a word.
    let deaf = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let environment = everything_to(deaf.local_addr().expect("it is bound"));
    let wanted = Wanted { practices_count: 3, environment, ..Wanted::default() };
    let installation = Installation::all_in_one(&wanted);
    installation.import();
    let begun = Instant::now();
    installation.stop();
    // Half a second until connections are asked to go, three for telemetry, and what a loaded machine takes besides.
    assert!(begun.elapsed() < Duration::from_secs(12), "it took {:?}", begun.elapsed());
}

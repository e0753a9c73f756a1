//! A collector of another make between the services and ours, and one that never answers.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::installation::{Installation, PATIENCE, Wanted};
use crate::harness::offer;
use crate::harness::otlp::{Collector, Seen, everything_to, hex};

/// rotel, which passes on to our own collector what it receives, packed.
struct Rotel {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Rotel {
    /// Returns once it listens; None, said loudly, where this machine has none.
    fn start(to: &Collector) -> Option<Self> {
        let program = offer::rotel()?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Given back at once: nobody else asks for a port by its number.
        let free =
            || TcpListener::bind("127.0.0.1:0").expect("loopback has a free port").local_addr().expect("it is bound");
        let (address, http) = (free(), free());
        let child = Command::new(program)
            .args(["start", "--exporter", "otlp", "--otlp-exporter-protocol", "grpc"])
            .arg(format!("--otlp-exporter-endpoint=http://{}", to.address()))
            .arg(format!("--otlp-grpc-endpoint={address}"))
            .arg(format!("--otlp-http-endpoint={http}"))
            .arg(format!("--pid-file={}", folder.path().join("pid").display()))
            .arg(format!("--log-file={}", folder.path().join("log").display()))
            .stdout(Stdio::inherit())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("rotel starts");
        let until = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(address).is_err() {
            assert!(Instant::now() < until, "rotel does not listen on {address}");
            std::thread::yield_now();
        }
        Some(Self { child, address, _folder: folder })
    }
}

impl Drop for Rotel {
    fn drop(&mut self) {
        // Already ended is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn named<'a>(spans: &'a [Seen], name: &str) -> Option<&'a Seen> {
    spans.iter().find(|seen| seen.span.name.contains(name))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_of_another_make_passes_on_a_trace_from_the_command_line_to_the_store() {
    let mut collector = Collector::start().await;
    let Some(rotel) = Rotel::start(&collector) else { return };
    let mut environment = everything_to(rotel.address);
    environment.push(("OTEL_EXPORTER_OTLP_COMPRESSION".to_owned(), "gzip".to_owned()));
    let wanted = Wanted { practices_count: 3, environment: environment.clone(), ..Wanted::default() };
    let installation = Installation::all_in_one(&wanted);
    installation.import();
    let practice = installation.england.practice(0);
    let manager = installation.accessctl("paula").with_environment(environment);
    manager.say(&["practice", "pause", &practice, "--reason-code", "STAFF_NOT_TRAINED"]);

    let chain = ["accessctl practice pause", "PausePractice", "journal.commit", "COMMIT registry"];
    let received = collector.until(PATIENCE, |spans| {
        named(spans, chain[0]).is_some_and(|root| {
            let trace: Vec<Seen> =
                spans.iter().filter(|seen| seen.span.trace_id == root.span.trace_id).cloned().collect();
            chain.iter().all(|name| named(&trace, name).is_some())
        })
    });
    let spans = received.await.unwrap_or_else(|spans| {
        panic!("no trace has all of {chain:?}: {:?}", spans.iter().map(|seen| &seen.span.name).collect::<Vec<_>>())
    });
    let root = named(&spans, chain[0]).expect("it was waited for");
    assert!(root.span.parent_span_id.is_empty(), "the command line begins the trace");
    assert!(!format!("{root:?}").contains(&practice), "a command's arguments are nobody's affair");
    let of_trace: Vec<Seen> = spans.iter().filter(|seen| seen.span.trace_id == root.span.trace_id).cloned().collect();
    for seen in &of_trace {
        let parent = of_trace.iter().find(|other| other.span.span_id == seen.span.parent_span_id);
        assert!(seen.span.parent_span_id.is_empty() || parent.is_some(), "{} hangs in the air", seen.span.name);
    }
    let commit = named(&of_trace, chain[3]).expect("it was waited for");
    let attributes = format!("{:?}", commit.span.attributes);
    for wanted in ["db.system.name", "sqlite", "db.operation.name", "COMMIT", "db.query.summary", "db.namespace"] {
        assert!(attributes.contains(wanted), "{wanted} in {attributes}");
    }
    let rpc = named(&of_trace, "registry.v1.PracticeRegistryService/PausePractice").expect("it was waited for");
    let attributes = format!("{:?}", rpc.span.attributes);
    for wanted in ["rpc.system.name", "rpc.method", "rpc.response.status_code"] {
        assert!(attributes.contains(wanted), "{wanted} in {attributes}");
    }
    assert_eq!(hex(&rpc.span.trace_id), hex(&root.span.trace_id));
    collector.until_metrics(PATIENCE, |requests| !requests.is_empty()).await;
    installation.stop();
}

#[test]
fn a_collector_that_never_answers_delays_neither_calls_nor_the_end_of_a_server() {
    // It takes connections, and never says a word.
    let deaf = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let environment = everything_to(deaf.local_addr().expect("it is bound"));
    let wanted = Wanted { practices_count: 3, environment, ..Wanted::default() };
    let installation = Installation::all_in_one(&wanted);
    let begun = Instant::now();
    installation.import();
    // Three calls by three processes of accessctl, each of which ends without waiting for telemetry.
    assert!(begun.elapsed() < Duration::from_secs(20), "it took {:?}", begun.elapsed());
    let begun = Instant::now();
    installation.stop();
    // Half a second until connections are asked to go, three for telemetry, and what a loaded machine takes besides.
    assert!(begun.elapsed() < Duration::from_secs(12), "it took {:?}", begun.elapsed());
}

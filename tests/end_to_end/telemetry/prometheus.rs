//! Dashboards against a Prometheus that scrapes a real run: every expression is understood, and finds something.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::busy::busy;
use super::documentation::file;
use crate::guards::root;
use crate::harness::{offer, scrape};

/// For Prometheus to start, scrape some times, and have rates of everything.
const SCRAPES_PATIENCE: Duration = Duration::from_secs(90);
/// What Grafana would put in: some scrapes.
const RATE_INTERVAL: &str = "30s";

/// Each expression of each dashboard, with where it stands.
pub(super) fn expressions() -> Vec<(String, String)> {
    let mut expressions = Vec::new();
    for board in std::fs::read_dir(root().join("deploy/grafana")).expect("dashboards are there") {
        let path = board.expect("a file").path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
        let board: Value = serde_json::from_str(&file(&format!("deploy/grafana/{name}"))).expect("a dashboard is JSON");
        for panel in board["panels"].as_array().expect("it has panels") {
            let title = panel["title"].as_str().unwrap_or_default();
            for target in panel["targets"].as_array().into_iter().flatten() {
                let expression = target["expr"].as_str().expect("a target has an expression");
                expressions.push((format!("{name}, {title}"), expression.replace("$__rate_interval", RATE_INTERVAL)));
            }
        }
    }
    assert!(expressions.len() > 40, "{expressions:?}");
    expressions
}

struct Prometheus {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    fn start(program: &Path, targets: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let configuration = folder.path().join("prometheus.yaml");
        let targets = targets.iter().map(|target| format!("'{target}'")).collect::<Vec<_>>().join(", ");
        let text = format!(
            "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: citizens-access\n  static_configs:\n  - \
             targets: [{targets}]\n"
        );
        std::fs::write(&configuration, text).expect("a temporary folder can be written to");
        // Given back at once: nobody else asks for a port by its number.
        let free = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = free.local_addr().expect("it is bound").to_string();
        drop(free);
        let child = Command::new(program)
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(["--enable-feature=exemplar-storage", "--log.level=error"])
            .stdout(Stdio::null())
            .spawn()
            .expect("Prometheus starts");
        Self { child, address, _folder: folder }
    }

    /// What an expression finds now; None while it finds nothing, or Prometheus does not listen yet.
    async fn ask(&self, expression: &str) -> Option<usize> {
        tokio::net::TcpStream::connect(&self.address).await.ok()?;
        let path = format!("/api/v1/query?query={}", encoded(expression));
        let reply = scrape::get(&self.address, &path, "*/*", "application/json").await;
        let reply: Value = serde_json::from_str(&reply).expect("it answers with JSON");
        assert_eq!(reply["status"], "success", "{expression}: {reply}");
        reply["data"]["result"].as_array().map(Vec::len).filter(|count| *count > 0)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Already ended is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a string takes any text");
        }
        encoded
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_expression_of_the_dashboards_finds_something_in_a_real_run() {
    let Some(program) = offer::prometheus() else { return };
    let Some(busy) = busy().await else { return };
    let prometheus = Prometheus::start(&program, &busy.metrics_addresses());
    let until = Instant::now() + SCRAPES_PATIENCE;
    let mut wanted = expressions();
    while !wanted.is_empty() {
        assert!(Instant::now() < until, "these find nothing in a run: {wanted:#?}");
        // Something to see, and the pause between two scrapes.
        busy.use_it().await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut empty = Vec::new();
        for (place, expression) in wanted {
            if prometheus.ask(&expression).await.is_none() {
                empty.push((place, expression));
            }
        }
        wanted = empty;
    }
    let asked = format!("start=0&end=99999999999&query={}", encoded("rpc_server_call_duration_seconds_bucket"));
    let path = format!("/api/v1/query_exemplars?{asked}");
    let exemplars = scrape::get(&prometheus.address, &path, "*/*", "application/json").await;
    assert!(exemplars.contains("trace_id"), "Prometheus keeps what leads to traces");
    drop(prometheus);
    busy.installation.stop();
}

//! A registry that knows its callers by certificates and tokens and has policies of its own: what it measures of them, also when
//! their files are wrong.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::installation::PATIENCE;
use crate::harness::scrape;
use crate::harness::secure::{SecureServer, identity_words, make_certificates};

const POLICIES: &str = "permit (principal in Role::\"operator\", action, resource);\n";

pub(super) struct Guarded {
    pub(super) server: SecureServer,
    folder: tempfile::TempDir,
}

impl Guarded {
    pub(super) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        make_certificates(folder.path());
        let policies = folder.path().join("policies");
        std::fs::create_dir(&policies).expect("a temporary folder can be written to");
        std::fs::write(policies.join("house.cedar"), POLICIES).expect("a temporary folder can be written to");
        let data = folder.path().join("data");
        let text = |path: &Path| path.display().to_string();
        let mut words = ["serve", "registry", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]
            .map(str::to_owned)
            .to_vec();
        words.extend(["--data".to_owned(), text(&data), "--policies".to_owned(), text(&policies)]);
        words.extend(identity_words(folder.path(), "registry"));
        Self { server: SecureServer::start(&words), folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What it says of a metric, with its labels.
    async fn told(&self, name: &str) -> Vec<(String, f64)> {
        let text = scrape::openmetrics(self.server.metrics_address()).await;
        let rows = text.lines().filter(|line| line.starts_with(name) && !line.starts_with('#'));
        let rows = rows.filter_map(|line| line.rsplit_once(' '));
        rows.map(|(name, value)| (name.to_owned(), value.parse().expect("a number"))).collect()
    }

    async fn one(&self, name: &str) -> f64 {
        match &self.told(name).await[..] {
            [(_, value)] => *value,
            other => panic!("{name} is one number: {other:?}"),
        }
    }

    /// Waits until a flag says `wanted`.
    async fn until(&self, name: &str, wanted: f64) {
        let begun = Instant::now();
        while self.one(name).await != wanted {
            assert!(begun.elapsed() < PATIENCE, "{name} does not become {wanted}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test]
async fn what_lets_callers_in_is_measured_also_while_its_files_are_wrong() {
    let guarded = Guarded::start();
    let (left, life) = (
        guarded.one("citizens_access_certificate_time_left_seconds").await,
        guarded.one("citizens_access_certificate_life_seconds").await,
    );
    assert!(left > 0.9 * life && life >= 86_000.0, "{left} of {life}");
    let [(set, count)] = &guarded.told("citizens_access_policies_in_force").await[..] else { panic!("one set") };
    assert!(set.contains("citizens_access_policies_sha256=\"") && *count >= 2.0, "{set} {count}");
    let flags = [
        "citizens_access_certificate_refused",
        "citizens_access_token_keys_failing",
        "citizens_access_policies_refused",
    ];
    for flag in flags {
        guarded.until(flag, 0.0).await;
    }

    // Each file in turn is spoilt, and what was read before goes on.
    let files = ["registry.pem", "jwks.json", "policies/house.cedar"].map(|name| guarded.file(name));
    let sound = files.each_ref().map(|file| std::fs::read(file).expect("it lies there"));
    for file in &files {
        std::fs::write(file, "permit (nobody").expect("a temporary folder can be written to");
    }
    guarded.server.signal(Signal::HUP);
    for flag in flags {
        guarded.until(flag, 1.0).await;
    }
    assert_eq!(guarded.one("citizens_access_token_keys_stale").await, 0.0, "the old keys are believed for a day");
    assert_eq!(guarded.told("citizens_access_policies_in_force").await, [(set.clone(), *count)]);
    assert!(guarded.one("citizens_access_certificate_time_left_seconds").await > 0.0);
    for counter in ["certificate_reloads", "token_keys_fetches", "policies_reloads"] {
        let rows = guarded.told(&format!("citizens_access_{counter}_total")).await;
        let refused = rows.iter().find(|(name, _)| name.contains("REFUSED"));
        assert!(refused.is_some_and(|(_, count)| *count >= 1.0), "{rows:?}");
    }

    for (file, bytes) in files.iter().zip(sound) {
        std::fs::write(file, bytes).expect("a temporary folder can be written to");
    }
    guarded.server.signal(Signal::HUP);
    for flag in flags {
        guarded.until(flag, 0.0).await;
    }
    let age = guarded.one("citizens_access_certificate_age_seconds").await;
    assert!(age < left, "{age}");
}

//! An installation as it is to be: every service a process of its own with a certificate of its own, people with tokens, and
//! nothing in the clear.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use super::accessctl::Said;
use super::binary;
use super::england::EnglandFiles;
use super::installation::{PATIENCE, TODAY, clock_offset};
use super::running::Running;

const START_PATIENCE: Duration = Duration::from_secs(60);

/// Its processes, and the folder with their certificates.
pub(crate) struct SecureInstallation {
    pub(crate) england: EnglandFiles,
    pub(crate) registry: SecureServer,
    pub(crate) scheduler: SecureServer,
    pub(crate) statistics: SecureServer,
    pub(crate) suppliers: SecureServer,
}

/// A process that listens.
pub(crate) struct SecureServer {
    running: Running,
    /// `localhost:PORT`
    pub(crate) address: String,
    /// `127.0.0.1:PORT`, where it shows its metrics; None where it was not told to.
    metrics: Option<String>,
}

impl SecureServer {
    pub(crate) fn start(words: &[String]) -> Self {
        let mut running = Running::start(binary::citizens_access().args(words));
        let shows_metrics = words.iter().any(|word| word == "--metrics-listen");
        let metrics = shows_metrics.then(|| running.line("metrics at http://", START_PATIENCE));
        let metrics = metrics.map(|url| url.trim().trim_end_matches("/metrics").to_owned());
        let address = running.line("listening on ", START_PATIENCE);
        Self { running, address: address.trim().replace("127.0.0.1", "localhost"), metrics }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }

    /// `127.0.0.1:PORT` of its metrics.
    pub(crate) fn metrics_address(&self) -> &str {
        self.metrics.as_deref().expect("it was started with --metrics-listen")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.running.signal(signal);
    }
}

/// Certificates and an issuer in `folder`.
pub(crate) fn make_certificates(folder: &Path) {
    run(&["dev-certs", "--to", &folder.display().to_string()]);
}

fn run(words: &[&str]) -> String {
    let ended = Running::start(binary::citizens_access().args(words)).wait(PATIENCE);
    assert!(ended.status.success(), "{words:?}: {}", ended.said());
    ended.stdout
}

/// What `service` is told about who is who; each has its own certificate.
pub(crate) fn identity_words(folder: &Path, service: &str) -> Vec<String> {
    let file = |name: &str| folder.join(name).display().to_string();
    let mut words = vec![
        "--tls-cert".to_owned(),
        file(&format!("{service}.pem")),
        "--tls-key".to_owned(),
        file(&format!("{service}-key.pem")),
        "--tls-ca".to_owned(),
        file("ca.pem"),
        "--token-issuer".to_owned(),
        format!("https://issuer.citizens-access.test={}", file("jwks.json")),
    ];
    for (name, id) in [
        ("registry", "registry"),
        ("scheduler", "scheduler"),
        ("statistics", "statistics"),
        ("suppliers;roles=supplier,service", "suppliers"),
    ] {
        words.extend(["--service".to_owned(), format!("{name}=spiffe://citizens-access.test/{id}")]);
    }
    words
}

impl SecureInstallation {
    pub(crate) fn start(practices_count: u32) -> Self {
        let england = EnglandFiles::of_emis(practices_count, TODAY);
        let certificates = england.folder().join("identity");
        make_certificates(&certificates);
        let offset = clock_offset().as_secs().to_string();
        let start = |words: &[&str], service: &str, more: &[String]| {
            let words = words.iter().map(|word| (*word).to_owned()).chain(more.iter().cloned());
            let common = ["--listen", "127.0.0.1:0", "--clock-offset-s", &offset].map(str::to_owned);
            let words: Vec<String> = words.chain(common).chain(identity_words(&certificates, service)).collect();
            SecureServer::start(&words)
        };
        let data = |name: &str| ["--data".to_owned(), england.folder().join(name).display().to_string()];
        let registry = start(&["serve", "registry"], "registry", &data("registry"));
        let of_registry = ["--registry".to_owned(), registry.endpoint()];
        let statistics =
            start(&["serve", "statistics"], "statistics", &[&data("statistics")[..], &of_registry].concat());
        let profiles = england.folder().join("profiles.yaml");
        std::fs::write(&profiles, "- supplier: EMIS\n").expect("a temporary folder can be written to");
        let log = england.folder().join("suppliers.jsonl");
        let of_suppliers = ["--profiles", &profiles.display().to_string(), "--log", &log.display().to_string()];
        let suppliers = start(&["simulate-suppliers"], "suppliers", &of_suppliers.map(str::to_owned));
        let of_supplier = ["--supplier".to_owned(), format!("EMIS={}", suppliers.endpoint())];
        let of_statistics = ["--statistics".to_owned(), statistics.endpoint()];
        let more = [&data("scheduler")[..], &of_registry, &of_statistics, &of_supplier].concat();
        let scheduler = start(&["serve", "scheduler"], "scheduler", &more);
        Self { england, registry, scheduler, statistics, suppliers }
    }

    pub(crate) fn certificates(&self) -> PathBuf {
        self.england.folder().join("identity")
    }

    /// A token for `account`, in a file.
    pub(crate) fn token(&self, account: &str) -> PathBuf {
        let issuer = self.certificates().display().to_string();
        let token = run(&["dev-token", "--issuer", &issuer, account]);
        let name = account.split(';').next().unwrap_or_default();
        let file = self.certificates().join(format!("{name}.token"));
        std::fs::write(&file, token).expect("a temporary folder can be written to");
        file
    }

    /// `accessctl` as `account`, by a token.
    pub(crate) fn accessctl(&self, account: &str, words: &[&str]) -> Said {
        let token = self.token(account).display().to_string();
        let ca = self.certificates().join("ca.pem").display().to_string();
        self.accessctl_with(words, &["--ca", &ca, "--token-file", &token])
    }

    /// `accessctl` with whatever proves who calls.
    pub(crate) fn accessctl_with(&self, words: &[&str], proof: &[&str]) -> Said {
        let mut command = binary::accessctl();
        command.args(words).args(proof);
        for (name, server) in
            [("--registry", &self.registry), ("--scheduler", &self.scheduler), ("--statistics", &self.statistics)]
        {
            command.args([name, &server.endpoint()]);
        }
        let ended = Running::start(&mut command).wait(PATIENCE);
        let code = ended.status.code().unwrap_or_else(|| panic!("{words:?} ended by a signal: {}", ended.said()));
        Said { code, stdout: ended.stdout, stderr: ended.stderr }
    }

    /// Standard output of what must succeed.
    pub(crate) fn say(&self, account: &str, words: &[&str]) -> String {
        let said = self.accessctl(account, words);
        assert_eq!(said.code, 0, "accessctl {}: {}{}", words.join(" "), said.stdout, said.stderr);
        said.stdout
    }
}

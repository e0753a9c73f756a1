//! `citizens-access serve` on a free port of loopback.

use std::process::Command;
use std::time::Duration;

use client::{Peer, PeerConfig};
use rustix::process::Signal;

use super::binary;
use super::running::{Ended, Running};

/// To open its stores and listen: seconds on a loaded machine, never minutes.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// To drain after SIGTERM.
const STOP_PATIENCE: Duration = Duration::from_secs(60);

/// A server that listens.
pub(crate) struct Server {
    running: Running,
    endpoint: String,
    /// `127.0.0.1:PORT`, where it shows its metrics; None where it was not told to.
    metrics: Option<String>,
}

impl Server {
    /// `serve SERVICE ARGUMENTS…`; returns once it listens.
    pub(crate) fn start(service: &str, arguments: &[&str]) -> Self {
        Self::start_with(service, arguments, &[])
    }

    /// The same with environment variables.
    pub(crate) fn start_with(service: &str, arguments: &[&str], environment: &[(String, String)]) -> Self {
        let mut command = Self::command(service, "127.0.0.1:0", arguments);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        Self::run(command)
    }

    /// The same where another one listened before: whoever knew that one goes on with this one.
    pub(crate) fn start_at(service: &str, address: &str, arguments: &[&str]) -> Self {
        Self::run(Self::command(service, address, arguments))
    }

    /// What an operator would type.
    pub(crate) fn command(service: &str, address: &str, arguments: &[&str]) -> Command {
        let mut command = binary::citizens_access();
        command.args(["serve", service, "--listen", address, "--insecure"]).args(arguments);
        command
    }

    fn run(mut command: Command) -> Self {
        let shows_metrics = command.get_args().any(|argument| argument == "--metrics-listen");
        let mut running = Running::start(&mut command);
        let metrics = shows_metrics.then(|| running.line("metrics at http://", START_PATIENCE));
        let metrics = metrics.map(|url| url.trim().trim_end_matches("/metrics").to_owned());
        let address = running.line("listening on ", START_PATIENCE);
        Self { running, endpoint: format!("http://{}", address.trim()), metrics }
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// `127.0.0.1:PORT` of its metrics.
    pub(crate) fn metrics_address(&self) -> &str {
        self.metrics.as_deref().expect("it was started with --metrics-listen")
    }

    /// `127.0.0.1:PORT`
    pub(crate) fn address(&self) -> &str {
        self.endpoint.trim_start_matches("http://")
    }

    /// It, called as `account`.
    pub(crate) fn peer(&self, account: &str) -> Peer {
        Peer::remote(&self.endpoint, account, PeerConfig::default()).expect("it told us its address")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.running.signal(signal);
    }

    /// SIGKILL; returns once it is gone, and its address free.
    pub(crate) fn kill(&mut self) {
        self.running.kill();
    }

    /// The process's id.
    pub(crate) fn id(&self) -> u32 {
        self.running.id()
    }

    /// Bytes of memory that the process `id` holds (resident set); 0 where it has ended.
    pub(crate) fn resident_bytes(id: u32) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kibibytes.unwrap_or(0) * 1024
    }

    /// SIGTERM, and how it ended.
    pub(crate) fn stop(self) -> Ended {
        self.running.signal(Signal::TERM);
        self.running.wait(STOP_PATIENCE)
    }
}

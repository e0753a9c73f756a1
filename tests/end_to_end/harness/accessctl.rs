//! `accessctl` as a person types it, against some servers.

use std::time::Duration;

use serde_json::Value;

use super::binary;
use super::running::Running;
use super::server::Server;

/// A call's own deadline is 30 s; a command makes a few of them.
const PATIENCE: Duration = Duration::from_secs(120);

/// The command line of one person.
pub(crate) struct Accessctl {
    account: String,
    connection: Vec<String>,
    environment: Vec<(String, String)>,
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Accessctl {
    /// Without any server: it reads files.
    pub(crate) fn offline(account: &str) -> Self {
        Self { account: account.to_owned(), connection: Vec::new(), environment: Vec::new() }
    }

    /// All services at one server.
    pub(crate) fn all_in_one(server: &Server, account: &str) -> Self {
        let connection = vec!["--endpoint".to_owned(), server.endpoint().to_owned()];
        Self { account: account.to_owned(), connection, environment: Vec::new() }
    }

    /// Each service at its own.
    pub(crate) fn separate(registry: &Server, scheduler: &Server, statistics: &Server, account: &str) -> Self {
        let named = [("--registry", registry), ("--scheduler", scheduler), ("--statistics", statistics)];
        let connection = named.iter().flat_map(|(name, server)| [(*name).to_owned(), server.endpoint().to_owned()]);
        Self { account: account.to_owned(), connection: connection.collect(), environment: Vec::new() }
    }

    /// The same servers, another person.
    pub(crate) fn as_account(&self, account: &str) -> Self {
        let (connection, environment) = (self.connection.clone(), self.environment.clone());
        Self { account: account.to_owned(), connection, environment }
    }

    /// The same person, with these variables set.
    pub(crate) fn with_environment(self, environment: Vec<(String, String)>) -> Self {
        Self { environment, ..self }
    }

    /// Runs it, whatever it comes to.
    pub(crate) fn run(&self, words: &[&str]) -> Said {
        let mut command = binary::accessctl();
        command.args(words).args(&self.connection).args(["--account", &self.account]);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let ended = Running::start(&mut command).wait(PATIENCE);
        let code = ended.status.code().unwrap_or_else(|| panic!("{words:?} ended by a signal: {}", ended.said()));
        Said { code, stdout: ended.stdout, stderr: ended.stderr }
    }

    /// Standard output of a command that must succeed.
    pub(crate) fn say(&self, words: &[&str]) -> String {
        let said = self.run(words);
        assert_eq!(said.code, 0, "accessctl {}: {}{}", words.join(" "), said.stdout, said.stderr);
        said.stdout
    }

    /// The JSON that a command prints; it must succeed.
    pub(crate) fn json(&self, words: &[&str]) -> Value {
        let said = self.say(&[words, &["--output", "json"]].concat());
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{words:?} printed no JSON ({error}): {said}"))
    }

    /// Standard error of a command that must fail with this exit code.
    pub(crate) fn refused(&self, code: i32, words: &[&str]) -> String {
        let said = self.run(words);
        assert_eq!(said.code, code, "accessctl {}: {}{}", words.join(" "), said.stdout, said.stderr);
        said.stderr
    }
}

//! `citizens-access demo` run to its end, or to its death.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::binary;
use super::replay::ReplayFiles;
use super::running::{Ended, Running};

/// A national run in the `ci` profile takes a minute or two on two busy cores; a stuck one must not stop CI for hours.
const PATIENCE: Duration = Duration::from_secs(900);
const SIGKILL: i32 = 9;

/// The newest of the publishers' map and list sizes.
pub(crate) const MAP: &str = "gp-reg-pat-prac-map_2026-08-01.csv";
pub(crate) const LIST_SIZES: &str = "gp-reg-pat-prac-all_2025-04-01.csv";

/// A demo's command line.
pub(crate) struct Demo {
    command: Command,
}

impl Demo {
    pub(crate) fn until(date: &str) -> Self {
        let mut command = binary::citizens_access();
        command.args(["demo", "--headless", "--speed", "max", "--json", "--until", date]);
        Self { command }
    }

    pub(crate) fn option(mut self, name: &str, value: impl AsRef<Path>) -> Self {
        self.command.arg(name).arg(value.as_ref());
        self
    }

    /// Of the publishers' real files, instead of a synthetic England.
    pub(crate) fn with_real_files(self, folder: &Path) -> Self {
        let demo = self.option("--practices", folder.join(MAP)).option("--list-sizes", folder.join(LIST_SIZES));
        demo.option("--bank-holidays", folder.join("bank-holidays.json"))
    }

    pub(crate) fn replay(self, files: &ReplayFiles) -> Self {
        self.option("--programme", &files.programme).option("--world", &files.world)
    }

    /// Runs it to its end; the one object that it prints.
    pub(crate) fn report(self) -> Value {
        let ended = self.run();
        assert!(ended.status.success(), "the demo failed ({}): {}", ended.status, ended.said());
        serde_json::from_str(&ended.stdout)
            .unwrap_or_else(|error| panic!("the demo printed something else ({error}): {}", ended.stdout))
    }

    /// Runs it until it kills itself as `kill_at` says (`registry:17:before`).
    pub(crate) fn killed_at(self, kill_at: &str) {
        let ended = self.option("--kill-at", kill_at).run();
        assert_eq!(ended.status.signal(), Some(SIGKILL), "the kill at {kill_at} did not hit: {}", ended.said());
        assert!(ended.stdout.is_empty(), "it printed before it was killed: {}", ended.stdout);
    }

    fn run(mut self) -> Ended {
        Running::start(&mut self.command).wait(PATIENCE)
    }
}

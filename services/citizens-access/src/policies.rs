//! Who may do what, where an installation has policies of its own: read at the start, and again when a file changes or when
//! told to (SIGHUP).
//!
//! A set that is wrong stops a start, with file and line. Later it changes nothing: the set in force stays, and the log says
//! what is wrong, once. Which set is in force is recorded in the journals of this process.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use authority::{Authority, Policies, PolicyError, PolicySource};
use clap::Args;
use journal::{JournalHandle, LoadedPolicies, Meta};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::measures::PolicyReloads;

/// How often the folder is looked at: a few files, and nobody who changes them waits for longer.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// By whom a set is recorded: it is whoever may write the folder.
const ACTOR: &str = "citizens-access";

/// Where policies lie.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct PolicyArguments {
    /// A folder of policies (*.cedar) in place of the program's own, read again when a file changes and on SIGHUP
    #[arg(long, env = "CITIZENS_ACCESS_POLICIES", value_name = "DIR")]
    policies: Option<PathBuf>,
}

impl PolicyArguments {
    /// The policies to begin with.
    pub(crate) fn read(&self) -> anyhow::Result<Policies> {
        let read = self.source().and_then(|source| Policies::read(&source));
        read.context("the policies are not taken")
    }

    /// What `check-config` says of them.
    pub(crate) fn in_words(&self, policies: &Policies) -> String {
        let whose =
            self.policies.as_ref().map_or("the program's own".to_owned(), |folder| folder.display().to_string());
        format!("policies: {} of {whose}, sha256 {}", policies.policy_count(), policies.sha256())
    }

    fn source(&self) -> Result<PolicySource, PolicyError> {
        match &self.policies {
            Some(folder) => PolicySource::folder(folder),
            None => Ok(PolicySource::standard()),
        }
    }
}

/// Keeps the policies in force those of the folder.
pub(crate) struct PolicyKeeper {
    arguments: PolicyArguments,
    authority: Authority,
    journals: Vec<JournalHandle>,
    /// What the records say of where the set came from.
    replica: String,
    hangup: Signal,
    /// What was wrong last time, so that it is said once.
    refused: Option<String>,
    reloads: PolicyReloads,
}

impl PolicyKeeper {
    /// Ready to run. From here on SIGHUP no longer ends the process.
    pub(crate) fn new(
        arguments: PolicyArguments,
        authority: Authority,
        journals: Vec<JournalHandle>,
        replica: String,
    ) -> anyhow::Result<Self> {
        let hangup = signal(SignalKind::hangup())?;
        Ok(Self { arguments, authority, journals, replica, hangup, refused: None, reloads: PolicyReloads::new() })
    }

    /// Records what is in force, and goes on looking, for ever.
    pub(crate) async fn run(mut self) {
        let mut unrecorded = self.journals.clone();
        loop {
            unrecorded = self.record(unrecorded).await;
            tokio::select! {
                _ = self.hangup.recv() => self.refused = None,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if self.look() {
                unrecorded.clone_from(&self.journals);
            }
        }
    }

    /// Puts the folder's set in force where it is another and right; true where it did.
    fn look(&mut self) -> bool {
        // The program's own cannot change while it runs.
        if self.arguments.policies.is_none() {
            return false;
        }
        let in_force = self.authority.policies();
        let read = self.arguments.source().and_then(|source| {
            if source.sha256() == in_force.sha256() { Ok(None) } else { Policies::read(&source).map(Some) }
        });
        match read {
            Ok(None) => {
                self.refused = None;
                self.reloads.in_force();
                false
            }
            Ok(Some(policies)) => {
                let (sha256, policy_count) = (policies.sha256().to_owned(), policies.policy_count());
                self.authority.replace(policies);
                self.refused = None;
                self.reloads.taken();
                tracing::info!(sha256, policy_count, "other policies are in force");
                true
            }
            Err(error) => {
                let error = telemetry::chain(&error);
                let is_news = self.refused.as_ref() != Some(&error);
                self.reloads.refused(is_news);
                if is_news {
                    let in_force = in_force.sha256();
                    tracing::error!(error, in_force, "the policies are not taken; those in force stay");
                    self.refused = Some(error);
                }
                false
            }
        }
    }

    /// Records the set in force; gives back the journals that could not take it now.
    async fn record(&self, journals: Vec<JournalHandle>) -> Vec<JournalHandle> {
        let mut left = Vec::new();
        for journal in journals {
            let sha256 = self.authority.policies().sha256().to_owned();
            let loaded = LoadedPolicies { sha256, are_own: self.arguments.policies.is_none() };
            let meta = Meta { actor: ACTOR.to_owned(), cause: format!("replicas/{}", self.replica), ..Meta::default() };
            if let Err(error) = journal.record_policies(loaded, meta).await {
                tracing::warn!(
                    error = telemetry::chain(&error),
                    journal = journal.name(),
                    "policies are not recorded yet"
                );
                left.push(journal);
            }
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use identity::{Account, Caller, Role, Roles, Via};

    use super::*;

    fn keeper(folder: &std::path::Path) -> PolicyKeeper {
        let arguments = PolicyArguments { policies: Some(folder.to_owned()) };
        let authority = Authority::new(arguments.read().unwrap());
        PolicyKeeper::new(arguments, authority, Vec::new(), "one".to_owned()).unwrap()
    }

    #[tokio::test]
    async fn a_set_that_is_wrong_leaves_the_one_in_force_and_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("house.cedar");
        let only = |role: &str| format!("permit (principal in Role::\"{role}\", action, resource);");
        fs::write(&file, only("auditor")).unwrap();
        let mut keeper = keeper(folder.path());
        let gate = keeper.authority.gate("citizens_access.scheduler.v1.HoldService/ListHolds");
        let may = |role: Role| {
            let account = Account::new("somebody").unwrap();
            let caller = Caller { account, roles: Roles::NONE.with(role), organisation: None, via: Via::Development };
            gate.admit(&caller).is_ok()
        };
        assert!(!keeper.look(), "nothing has changed");
        assert_eq!((may(Role::Auditor), may(Role::Operator)), (true, false));
        fs::write(&file, only("king")).unwrap();
        assert!(!keeper.look());
        let told = keeper.refused.clone().unwrap();
        assert!(told.starts_with("house.cedar, line 1: ") && told.contains("king"), "{told}");
        assert_eq!((may(Role::Auditor), may(Role::Operator)), (true, false));
        fs::write(&file, only("operator")).unwrap();
        assert!(keeper.look());
        assert_eq!((may(Role::Auditor), may(Role::Operator)), (false, true));
        fs::remove_file(&file).unwrap();
        assert!(!keeper.look());
        assert_eq!((may(Role::Auditor), may(Role::Operator)), (false, true));
    }
}

//! `--kill-at`: ends this process as a power cut would, at a position of a journal. For the tests of crash recovery.

use std::str::FromStr;

use anyhow::{Context, bail};
use journal::{CommitHook, CommitStage};
use rustix::process::{Signal, getpid, kill_process};

/// Where to end: `scheduler:1200:before`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KillAt {
    journal: String,
    position: u64,
    stage: CommitStage,
}

impl FromStr for KillAt {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let mut parts = text.split(':');
        let (Some(journal), Some(position)) = (parts.next(), parts.next()) else {
            bail!("{text:?} is not JOURNAL:POSITION[:before|after]");
        };
        if !["registry", "scheduler", "statistics"].contains(&journal) {
            bail!("{journal:?} is no journal: registry, scheduler or statistics");
        }
        let stage = match parts.next() {
            None | Some("after") => CommitStage::After,
            Some("before") => CommitStage::Before,
            Some(other) => bail!("{other:?} is neither before nor after"),
        };
        let position = position.parse().with_context(|| format!("{position:?} is no position"))?;
        Ok(Self { journal: journal.to_owned(), position, stage })
    }
}

impl KillAt {
    /// The hook for the engine of `journal`, if it is the one.
    pub(crate) fn hook(&self, journal: &str) -> Option<CommitHook> {
        (self.journal == journal).then(|| {
            let (position, stage) = (self.position, self.stage);
            CommitHook::new(move |at, head| {
                if at == stage && head >= position {
                    // No destructor runs and nothing is flushed, as when the power goes.
                    let _ = kill_process(getpid(), Signal::KILL);
                }
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_and_nonsense_is_refused() {
        let place: KillAt = "scheduler:1200:before".parse().unwrap();
        assert_eq!(place, KillAt { journal: "scheduler".to_owned(), position: 1200, stage: CommitStage::Before });
        assert!(place.hook("registry").is_none());
        assert!(place.hook("scheduler").is_some());
        for nonsense in ["scheduler", "scheduler:x", "attic:1", "registry:1:during"] {
            assert!(nonsense.parse::<KillAt>().is_err(), "{nonsense}");
        }
    }
}

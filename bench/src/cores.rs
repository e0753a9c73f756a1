//! Which core works for whom: the servers on one, the load on the other.

use anyhow::Context;
use rustix::process::setpriority_process;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Before whatever else wants the cores meanwhile, where this user may say so.
const NICENESS: i32 = -15;

/// The cores of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    load: usize,
    server: usize,
}

impl Cores {
    /// Takes the first two that this process may use. The server gets the second: kernels prefer the first for their
    /// own work.
    pub(crate) fn take() -> anyhow::Result<Self> {
        let allowed = sched_getaffinity(None).context("which cores are there?")?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        let (load, server) = cores.next().zip(cores.next()).context("it takes two cores: one serves, one loads")?;
        let cores = Self { load, server };
        cores.use_for_load()?;
        // Servers inherit it, so both sides of a comparison have the same.
        if setpriority_process(None, NICENESS).is_err() {
            eprintln!("note: this user may not go before others, so other work on this machine shows in the figures");
        }
        Ok(cores)
    }

    /// Runs `start` on the server's core, so that the process that it starts stays there.
    pub(crate) fn on_server<T>(self, start: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        pin(&[self.server])?;
        let started = start();
        self.use_for_load()?;
        started
    }

    /// Runs `start` on both cores, for what is not measured against anything.
    pub(crate) fn on_both<T>(self, start: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        pin(&[self.load, self.server])?;
        let started = start();
        self.use_for_load()?;
        started
    }

    fn use_for_load(self) -> anyhow::Result<()> {
        pin(&[self.load])
    }
}

/// Pins this thread, and so every process that it starts.
fn pin(cores: &[usize]) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core);
    }
    sched_setaffinity(None, &set).with_context(|| format!("this process may not run on {cores:?}"))
}

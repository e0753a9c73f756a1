//! A core for each run: its two threads, the machines' and SQLite's, wait for each other in turns, and where each turn wakes another
//! core a run costs half as much again.

use std::io;

/// Keeps this thread, and whatever it starts, on one of the cores that this process may use: job after job on one after the other,
/// from another one on in each process.
#[cfg(target_os = "linux")]
pub(crate) fn stay_on_one_core(job: usize) -> io::Result<()> {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    let allowed = sched_getaffinity(None)?;
    let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect();
    let mut one = CpuSet::new();
    one.set(cores[(std::process::id() as usize + job) % cores.len()]);
    Ok(sched_setaffinity(None, &one)?)
}

/// Where a thread cannot be kept, a run costs more.
#[cfg(not(target_os = "linux"))]
pub(crate) fn stay_on_one_core(_: usize) -> io::Result<()> {
    Ok(())
}

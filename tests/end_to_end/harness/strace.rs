//! A program under `strace`, which counts its calls of the kernel, or ends it with SIGKILL as it enters the n-th of some kind:
//! no destructor runs, nothing is flushed, and the call itself is not made.
//!
//! strace counts for each thread by itself, so that a place is named by the call and its number within a thread.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Where a program is to be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KillAt {
    pub(crate) call: &'static str,
    /// From 1.
    pub(crate) number: u64,
}

/// Whether this machine has strace and lets it trace; said loudly where not.
#[expect(clippy::print_stderr, reason = "a skipped test must be seen where test output is read")]
pub(crate) fn is_there() -> bool {
    let traced = Command::new("strace").args(["-f", "-qq", "-e", "trace=none", "true"]).output();
    let is_there = traced.is_ok_and(|output| output.status.success());
    if !is_there {
        eprintln!("SKIPPED: there is no strace that may trace a program");
    }
    is_there
}

/// `program` under strace, which writes those of `calls` that are made to `log`.
pub(crate) fn under(program: &Command, calls: &[&str], kill: Option<KillAt>, log: &Path) -> Command {
    let mut command = Command::new("strace");
    // Without --seccomp-bpf, which would be faster: strace then lets the signal fall.
    command.args(["-f", "-qq", "-e", "signal=none", "-o"]).arg(log);
    command.arg("-e").arg(format!("trace={}", calls.join(",")));
    if let Some(KillAt { call, number }) = kill {
        command.arg("-e").arg(format!("inject={call}:signal=KILL:when={number}"));
    }
    command.arg(program.get_program()).args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// How many of each call the thread that made most of them made.
pub(crate) fn most_of_a_thread(log: &Path, calls: &[&'static str]) -> BTreeMap<&'static str, u64> {
    let log = fs::read_to_string(log).expect("strace leaves its log behind");
    let mut by_thread: BTreeMap<(&str, &'static str), u64> = BTreeMap::new();
    for line in log.lines() {
        let Some((thread, made)) = line.split_once(' ') else { continue };
        let name = made.trim_start().split('(').next().unwrap_or_default();
        if let Some(call) = calls.iter().find(|call| **call == name) {
            *by_thread.entry((thread, call)).or_default() += 1;
        }
    }
    let mut most = BTreeMap::new();
    for ((_, call), count) in by_thread {
        let known = most.entry(call).or_insert(0);
        *known = count.max(*known);
    }
    most
}

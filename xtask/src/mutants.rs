//! `cargo xtask mutants`: cargo-mutants over the files that decide about gates, caps, permits, holds and the calendar.
//!
//! Which files, by which tests and for how long, and which mutants change nothing, is in `.cargo/mutants.toml`, which the tool reads
//! by itself. All of them take a night, so it is no part of `cargo xtask test`; a part is named by the tool's own arguments.

use anyhow::Context;
use clap::Args;

use crate::step::{command, root, step};
use crate::supply::Tool;

/// Pinned: another version knows other mutants, and the list of those that change nothing is of these.
const MUTANTS: Tool = Tool { name: "cargo-mutants", version: "27.1.0" };

#[derive(Args)]
pub(crate) struct MutantArguments {
    /// What the tool takes: `--list`, `--file crates/rollout/src/room.rs`, `--shard 1/8`, `--re is_used_up`, …
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Runs the tool in a copy of the tree, which it makes and removes; what it found is below `target/mutants.out`.
pub(crate) fn run(arguments: &MutantArguments) -> anyhow::Result<()> {
    let tool = MUTANTS.ensure()?;
    let output = root().join("target");
    let output = output.to_str().context("the project lies in a folder whose name is no text")?;
    let mut mutants = command(tool);
    mutants
        .args(["mutants", "--workspace", "--no-shuffle", "--colors", "never", "--output", output])
        .args(&arguments.arguments);
    step("mutants", &mut mutants)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A file that was moved would be left out in silence.
    #[test]
    fn every_file_that_is_changed_is_there_and_every_mutant_left_out_has_its_reason() {
        let configuration = fs::read_to_string(root().join(".cargo/mutants.toml")).expect("a configuration");
        let lines: Vec<&str> = configuration.lines().map(str::trim).collect();
        let mut files = 0;
        for file in lines.iter().filter_map(|line| line.strip_prefix('"')?.strip_suffix("\",")) {
            let path = file.trim_end_matches("/*.rs");
            assert!(root().join(path).exists(), "{file} is not there");
            files += 1;
        }
        assert!(files > 10, "{files} files");
        let left_out: Vec<_> = lines.windows(2).filter(|pair| pair[1].starts_with('\'')).collect();
        assert!(!left_out.is_empty());
        for pair in left_out {
            assert!(pair[0].starts_with("# "), "{} has no reason", pair[1]);
        }
    }
}

//! `cargo xtask fuzz`: feeds any bytes to every reader that meets bytes from outside, each for a bounded time.
//!
//! It is a job of its own and no part of `cargo xtask test`: what it finds depends on luck and time, and a commit's checks must
//! not. What it found is kept below `target/fuzz`, to be made into a test by name and a file of the corpus.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use clap::Args;

use crate::requirements::{ensure_fuzzing, ensure_python};
use crate::step::{command, root, step};

#[derive(Args)]
pub(crate) struct FuzzArguments {
    /// For how long each target runs
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Only these targets; without any, all
    targets: Vec<String>,
}

/// A reader that needs longer than this for one input hangs.
const INPUT_TIMEOUT_S: u32 = 10;
/// Longer than any token, filter or header that is read; beginnings of files are as good as files.
const INPUT_BYTES_MAX: u32 = 16 * 1024;
/// What a reader may take for an input of that length.
const MEMORY_MIB_MAX: u32 = 1024;

pub(crate) fn run(arguments: &FuzzArguments) -> anyhow::Result<()> {
    ensure_fuzzing()?;
    let cargo_fuzz = ensure_python()?.with_file_name("cargo-fuzz");
    let known = targets()?;
    for target in &arguments.targets {
        ensure!(known.contains(target), "there is no target {target}; there are: {}", known.join(", "));
    }
    let chosen = |target: &&String| arguments.targets.is_empty() || arguments.targets.contains(target);
    let mut failed = Vec::new();
    for target in known.iter().filter(chosen) {
        if let Err(error) = fuzz(&cargo_fuzz, target, arguments.seconds) {
            eprintln!("{error}");
            failed.push(target.as_str());
        }
    }
    if failed.is_empty() { Ok(()) } else { bail!("found something: {}", failed.join(", ")) }
}

/// The programs of `fuzz/Cargo.toml`.
fn targets() -> anyhow::Result<Vec<String>> {
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).context("cannot read fuzz/Cargo.toml")?;
    let programs = manifest.split("[[bin]]").skip(1);
    let name = |program: &str| Some(program.split_once("name = \"")?.1.split('"').next()?.to_owned());
    Ok(programs.filter_map(name).collect())
}

fn fuzz(cargo_fuzz: &Path, target: &str, seconds: u32) -> anyhow::Result<()> {
    let work = root().join("target/fuzz");
    let (grown, found) = (work.join("corpus").join(target), work.join("found").join(target));
    for folder in [&grown, &found] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let mut run = command(cargo_fuzz);
    // No sanitizer: none of our code is unsafe, and the compiler's stable release has the rest.
    run.args(["run", "--sanitizer", "none", target]).arg(&grown).arg(root().join("fuzz/corpus").join(target));
    run.arg("--").arg(format!("-artifact_prefix={}/", found.display()));
    run.args([format!("-max_total_time={seconds}"), format!("-timeout={INPUT_TIMEOUT_S}")]);
    run.args([format!("-max_len={INPUT_BYTES_MAX}"), format!("-rss_limit_mb={MEMORY_MIB_MAX}")]);
    run.env("CARGO_TARGET_DIR", work.join("build"));
    step(&format!("fuzz {target}"), &mut run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_its_file_and_a_corpus_to_begin_with() {
        let targets = targets().unwrap();
        assert!(targets.len() >= 9, "{targets:?}");
        for target in targets {
            assert!(root().join(format!("fuzz/targets/{target}.rs")).exists(), "{target}");
            let corpus = fs::read_dir(root().join("fuzz/corpus").join(&target)).unwrap();
            assert!(corpus.count() >= 1, "{target} begins with something");
        }
    }
}

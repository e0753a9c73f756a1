//! `cargo xtask mutations`: takes each guard in [`GUARDS`] away in turn, in a copy of the tree, and has the test named after
//! its invariant run. A test that passes without its guard guards nothing, and fails this task.
//!
//! What `tests/model` and `tests/simulation` take away of their own accord is not repeated here. It takes some minutes for each
//! crate that a guard lies in, so it is no part of `cargo xtask test`.

mod guards;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use clap::Args;

use crate::environment;
use crate::postgres::Postgres;
use crate::requirements::postgres_programs;
use crate::step::{cargo, root};
use guards::{GUARDS, Guard};

#[derive(Args)]
pub(crate) struct MutationArguments {
    /// Only the guards of these invariants: `I7`; without any, all
    invariants: Vec<String>,
}

/// What came of taking a guard away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// The test failed.
    Found,
    /// The test passed: it guards nothing.
    Survived,
    /// What is left does not compile: it is no mutation.
    DoesNotCompile,
    /// There is no test of that name.
    NoTest,
}

/// Each guard's crate is compiled for one test of it: optimising it would take longer than it saves.
const COMPILED_QUICKLY: [&str; 5] = [
    "profile.ci.incremental=true",
    "profile.ci.package.rollout.opt-level=0",
    "profile.ci.package.practice.opt-level=0",
    "profile.ci.package.journal.opt-level=0",
    "profile.ci.package.tally.opt-level=0",
];

/// Takes the guards away, one after the other, and prints the table of `docs/testing.md`.
pub(crate) fn run(arguments: &MutationArguments) -> anyhow::Result<()> {
    let chosen = |guard: &&Guard| {
        arguments.invariants.is_empty() || arguments.invariants.iter().any(|one| guard.invariant == one.as_str())
    };
    let guards: Vec<&Guard> = GUARDS.iter().filter(chosen).collect();
    ensure!(!guards.is_empty(), "no guard is listed of {:?}", arguments.invariants);
    let postgres = Postgres::start(&postgres_programs().context("PostgreSQL's server programs are not installed")?)?;
    let tree = root().join("target/mutations/tree");
    copy(&tree)?;
    let mut missed = Vec::new();
    println!("| invariant | guard taken away | found by |\n|---|---|---|");
    for guard in guards {
        let verdict = without(guard, &tree, &postgres)?;
        println!("{}", guard.row());
        if verdict != Verdict::Found {
            let what = match verdict {
                Verdict::Survived => "passes all the same",
                Verdict::DoesNotCompile => "cannot be run: what is left does not compile",
                Verdict::NoTest | Verdict::Found => "is not there",
            };
            eprintln!("{} without “{}”: {} {what}", guard.invariant, guard.what, guard.test);
            missed.push(guard.invariant);
        }
    }
    if missed.is_empty() { Ok(()) } else { bail!("not found: {}", missed.join(", ")) }
}

/// Brings the copy up to date with the tree. A file that is the same stays, so that what rests on it is not built again.
fn copy(tree: &Path) -> anyhow::Result<()> {
    let mut list = Command::new("git");
    list.current_dir(root()).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = list.output().context("cannot run git")?;
    ensure!(listed.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&listed.stderr));
    for name in String::from_utf8(listed.stdout)?.split('\0').filter(|name| !name.is_empty()) {
        let (from, to) = (root().join(name), tree.join(name));
        // One that is deleted and not committed yet is listed all the same.
        let Ok(content) = fs::read(&from) else { continue };
        if fs::read(&to).is_ok_and(|known| known == content) {
            continue;
        }
        fs::create_dir_all(to.parent().context("a file lies in a folder")?)?;
        fs::write(&to, content).with_context(|| format!("cannot write {}", to.display()))?;
    }
    Ok(())
}

fn without(guard: &Guard, tree: &Path, postgres: &Postgres) -> anyhow::Result<Verdict> {
    let file = tree.join(guard.file);
    let as_it_is = fs::read_to_string(&file).with_context(|| format!("cannot read {}", guard.file))?;
    fs::write(&file, guard.taken_away(&as_it_is)?)?;
    let verdict = tested(guard, tree, postgres);
    fs::write(&file, as_it_is)?;
    verdict
}

fn tested(guard: &Guard, tree: &Path, postgres: &Postgres) -> anyhow::Result<Verdict> {
    let mut test = cargo();
    test.current_dir(tree)
        .args(["test", "--profile", "ci", "--quiet", "--package", guard.package])
        .args(COMPILED_QUICKLY.iter().flat_map(|setting| ["--config", setting]))
        .args(guard.target)
        .arg(guard.test)
        .env("CARGO_TARGET_DIR", target())
        .env(environment::POSTGRES, postgres.url());
    let output = test.output().context("cannot run cargo")?;
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Ok(if said.contains("could not compile") {
        eprintln!("{said}");
        Verdict::DoesNotCompile
    } else if said.contains("test result: FAILED") {
        Verdict::Found
    } else if said.contains(" 0 passed") && !said.contains(" 1 passed") {
        Verdict::NoTest
    } else {
        Verdict::Survived
    })
}

fn target() -> PathBuf {
    root().join("target/mutations/target")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_guard_stands_once_where_it_is_said_to() {
        for guard in GUARDS {
            let text = fs::read_to_string(root().join(guard.file)).expect(guard.file);
            guard.taken_away(&text).expect("a guard that can be taken away");
        }
    }

    #[test]
    fn each_guard_is_listed_with_its_test() {
        let listed = fs::read_to_string(root().join("docs/testing.md")).expect("how is tested");
        for guard in GUARDS {
            assert!(listed.contains(&guard.row()), "docs/testing.md lacks the row\n{}", guard.row());
        }
    }
}

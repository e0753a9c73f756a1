//! What a run of the tests came to, test by test: read from what `cargo test` prints, while it prints it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _, pipe};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};
use serde::Deserialize;

/// Every test that ran, and what each binary said at its end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Results {
    pub(crate) closings: Vec<Closing>,
    /// By package and the test's path within its binary; true where it passed every time it ran.
    passed: BTreeMap<(String, String), bool>,
}

/// What one test binary printed at its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Closing {
    pub(crate) binary: String,
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) seconds: String,
}

/// What is known of a test that is named somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    /// It is ignored, filtered out, or not there.
    DidNotRun,
}

/// Runs `tests` (a `cargo test`) and shows what it prints; a failed test is an error.
pub(crate) fn run(title: &str, tests: &mut Command) -> anyhow::Result<Results> {
    println!("── {title}");
    let started = Instant::now();
    let packages = packages_of_binaries(tests)?;
    let results = run_and_read(tests, &packages)?;
    println!("── {title}: done in {:.0} s", started.elapsed().as_secs_f64());
    Ok(results)
}

impl Results {
    /// How the test called `name` of `package` ended. One that runs on several stores has them below or above its name, and
    /// passed where it passed on each.
    pub(crate) fn outcome(&self, package: &str, name: &str) -> Outcome {
        let of_package = self.passed.iter().filter(|((of, _), _)| of == package);
        let mut named = of_package.filter(|((_, path), _)| path.split("::").any(|part| part == name)).peekable();
        if named.peek().is_none() {
            Outcome::DidNotRun
        } else if named.all(|(_, passed)| *passed) {
            Outcome::Passed
        } else {
            Outcome::Failed
        }
    }

    fn take(&mut self, package: &str, binary: &str, line: &str) {
        if let Some((test, passed)) = ending_of(line) {
            let known = self.passed.entry((package.to_owned(), test.to_owned())).or_insert(true);
            *known &= passed;
        }
        self.closings.extend(closing_of(binary, line));
    }
}

/// Which package each test binary is of, by its file's name: `cargo test` prints the file and not the package.
fn packages_of_binaries(tests: &Command) -> anyhow::Result<BTreeMap<String, String>> {
    let mut list = Command::new(tests.get_program());
    // What is after `--` is for the binaries, and none is to run here.
    let words = tests.get_args().take_while(|word| *word != "--").map(OsString::from);
    list.args(words).args(["--no-run", "--quiet", "--message-format=json"]);
    if let Some(folder) = tests.get_current_dir() {
        list.current_dir(folder);
    }
    for (name, value) in tests.get_envs() {
        match value {
            Some(value) => list.env(name, value),
            None => list.env_remove(name),
        };
    }
    let output = list.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    ensure!(output.status.success(), "the tests do not build ({})", output.status);
    let mut packages = BTreeMap::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let Built { package_id, executable } = serde_json::from_str(line).context("cargo told of something else")?;
        if let (Some(package_id), Some(executable)) = (package_id, executable) {
            packages.insert(file_name(&executable).to_owned(), package_of(&package_id).to_owned());
        }
    }
    Ok(packages)
}

/// One message of `cargo --message-format=json`; only test binaries have both.
#[derive(Deserialize)]
struct Built {
    package_id: Option<String>,
    executable: Option<String>,
}

/// `path+file:///…/crates/clock#0.1.0`, or `…/tests#end-to-end@0.1.0` where the folder has another name.
fn package_of(id: &str) -> &str {
    let (path, version) = id.rsplit_once('#').unwrap_or((id, ""));
    version.split_once('@').map_or_else(|| file_name(path), |(name, _)| name)
}

fn file_name(path: &str) -> &str {
    Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or(path)
}

/// `cargo test` names a binary on one stream and prints its result on the other: both are read as one, in order.
fn run_and_read(tests: &mut Command, packages: &BTreeMap<String, String>) -> anyhow::Result<Results> {
    let (reader, writer) = pipe().context("cannot make a pipe")?;
    let mut child = tests.stdout(writer.try_clone()?).stderr(writer).spawn().context("cannot start cargo test")?;
    // The command keeps its ends of the pipe, which would then never end.
    tests.stdout(Stdio::null()).stderr(Stdio::null());
    let mut results = Results::default();
    let mut binary = String::new();
    let mut package = "";
    for line in BufReader::new(reader).lines() {
        let line = line?;
        writeln!(std::io::stdout(), "{line}")?;
        if let Some((named, file)) = binary_of(&line) {
            package = packages.get(&file).map_or("", String::as_str);
            binary = named;
        }
        results.take(package, &binary, &line);
    }
    let status = child.wait()?;
    ensure!(status.success(), "tests failed ({status})");
    Ok(results)
}

/// The name and the file of the binary in `     Running unittests src/lib.rs (target/ci/deps/clock-5f2c8e63b1d3c1ab)` and
/// `   Doc-tests api`.
fn binary_of(line: &str) -> Option<(String, String)> {
    let line = line.trim_start();
    if let Some(library) = line.strip_prefix("Doc-tests ") {
        return Some((format!("{library} (documentation)"), String::new()));
    }
    let (target, path) = line.strip_prefix("Running ")?.rsplit_once(" (")?;
    let file = Path::new(path.trim_end_matches(')')).file_name()?.to_str()?;
    let name = file.rsplit_once('-').map_or(file, |(name, _)| name);
    let of_crate = target.strip_prefix("unittests ").is_some();
    Some((if of_crate { name.to_owned() } else { format!("{name} ({target})") }, file.to_owned()))
}

/// `test pauses::a_late_pause_is_honoured ... ok`; nothing of one that was ignored, since it did not run.
fn ending_of(line: &str) -> Option<(&str, bool)> {
    let (test, ending) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let passed = match ending {
        "ok" => true,
        "FAILED" => false,
        _ => return None,
    };
    Some((test.trim_end_matches(" - should panic"), passed))
}

/// `test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.23s`.
fn closing_of(binary: &str, line: &str) -> Option<Closing> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |word: &str| counts.split("; ").find_map(|part| part.strip_suffix(word)?.trim().parse().ok());
    let seconds = counts.rsplit_once("finished in ")?.1.trim_end_matches('s').to_owned();
    Some(Closing { binary: binary.to_owned(), passed: count("passed")?, failed: count("failed")?, seconds })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Results of tests that ended so.
    pub(crate) fn ended(tests: &[(&str, &str, bool)]) -> Results {
        let passed = tests.iter().map(|(package, test, passed)| (((*package).to_owned(), (*test).to_owned()), *passed));
        Results { passed: passed.collect(), closings: Vec::new() }
    }

    #[test]
    fn a_closing_line_is_told_of_the_binary_that_was_named_before() {
        let named = |line| binary_of(line).map(|(name, _)| name);
        let line = "     Running unittests src/lib.rs (target/ci/deps/access_statistics-5f2c8e63b1d3c1ab)";
        assert_eq!(named(line).as_deref(), Some("access_statistics"));
        let line = "     Running tests/suite/main.rs (target/ci/deps/suite-00aa)";
        assert_eq!(binary_of(line), Some(("suite (tests/suite/main.rs)".to_owned(), "suite-00aa".to_owned())));
        assert_eq!(named("   Doc-tests api").as_deref(), Some("api (documentation)"));
        assert_eq!(named("running 3 tests"), None);

        let line = "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out; finished in 1.23s";
        let closing = closing_of("api", line).unwrap();
        assert_eq!(closing, Closing { binary: "api".to_owned(), passed: 12, failed: 0, seconds: "1.23".to_owned() });
        assert_eq!(closing_of("api", "test a_thing ... ok"), None);
    }

    #[test]
    fn a_test_passed_where_it_ran_and_never_failed() {
        let mut results = Results::default();
        for line in [
            "test pauses::one ... ok",
            "test sqlite::both ... ok",
            "test postgres::both ... FAILED",
            "test two ... ignored",
            "test three - should panic ... ok",
        ] {
            results.take("practice", "machine", line);
        }
        for (name, outcome) in [
            ("one", Outcome::Passed),
            ("both", Outcome::Failed),
            ("two", Outcome::DidNotRun),
            ("three", Outcome::Passed),
            ("four", Outcome::DidNotRun),
        ] {
            assert_eq!(results.outcome("practice", name), outcome, "{name}");
        }
        assert_eq!(results.outcome("rollout", "one"), Outcome::DidNotRun);
    }

    #[test]
    fn a_package_is_told_by_its_id_whether_its_folder_has_its_name_or_not() {
        assert_eq!(package_of("path+file:///src/crates/clock#0.1.0"), "clock");
        assert_eq!(package_of("path+file:///src/tests#end-to-end@0.1.0"), "end-to-end");
    }
}

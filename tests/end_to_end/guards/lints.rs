//! What clippy cannot be told: every pure crate is held to the pure crates' lints, no clock and no hash order; and no log line
//! leaves out what caused an error.

use std::fs;

use super::history::source_files;
use super::root;

const PURE: &[&str] = &["evidence", "filter", "ods", "practice", "rollout", "sample", "tally"];

#[test]
fn pure_crates_share_one_clippy_configuration() {
    let shared = fs::read_to_string(root().join("crates/clippy-pure.toml")).expect("the pure crates' clippy.toml");
    for pure in PURE {
        let own = fs::read_to_string(root().join("crates").join(pure).join("clippy.toml"));
        assert_eq!(own.ok().as_deref(), Some(shared.as_str()), "crates/{pure}/clippy.toml links to clippy-pure.toml");
    }
}

/// A log line of an error value holds the outermost error only; [`telemetry::chain`] says all of them.
#[test]
fn no_error_is_logged_without_its_causes() {
    let mut sources = Vec::new();
    for folder in ["crates", "services"] {
        source_files(&root().join(folder), &mut sources);
    }
    sources.retain(|source| source.extension().is_some_and(|kind| kind == "rs"));
    assert!(sources.len() > 100, "the sources are found: {}", sources.len());
    let values = ["as &dyn std::error::Error", "error = %", "error = ?", "(dyn std::error::Error + 'static) ="];
    for source in sources {
        let text = fs::read_to_string(&source).expect("a source is readable");
        let found = text.lines().position(|line| values.iter().any(|value| line.contains(value)));
        assert_eq!(found.map(|line| line + 1), None, "{}: log telemetry::chain(&error)", source.display());
    }
}

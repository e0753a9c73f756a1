//! Which tests there are, by package, as the sources have them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Where packages lie, from the workspace's root.
const FOLDERS: [&str; 5] = ["bench", "crates", "services", "tests", "xtask"];

/// The names of the tests of each package.
pub(crate) fn tests(root: &Path) -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
    let mut tests = BTreeMap::new();
    for folder in FOLDERS {
        walk(&root.join(folder), "", &mut tests)?;
    }
    Ok(tests)
}

/// A file is of the package whose `Cargo.toml` is the nearest above it.
fn walk(folder: &Path, above: &str, tests: &mut BTreeMap<String, BTreeSet<String>>) -> anyhow::Result<()> {
    let manifest = folder.join("Cargo.toml");
    let package = if manifest.exists() { package_name(&manifest)? } else { above.to_owned() };
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        entries.push(entry?.path());
    }
    for path in entries {
        if path.is_dir() {
            walk(&path, &package, tests)?;
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            tests.entry(package.clone()).or_default().extend(named_in(&text));
        }
    }
    Ok(())
}

fn package_name(manifest: &Path) -> anyhow::Result<String> {
    let text = fs::read_to_string(manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
    let name = text.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    Ok(name.with_context(|| format!("{} names no package", manifest.display()))?.to_owned())
}

/// The functions that stand below a test's attribute and are not ignored.
fn named_in(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut is_test, mut is_ignored) = (false, false);
    for line in text.lines().map(str::trim_start) {
        if let Some(attribute) = line.strip_prefix("#[") {
            is_test |= ["test]", "tokio::test]", "tokio::test("].iter().any(|start| attribute.starts_with(start));
            is_ignored |= attribute.starts_with("ignore");
        } else if let Some((_, name)) = line.split_once("fn ").filter(|_| is_test) {
            let name = name.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap_or_default();
            if !is_ignored {
                names.push(name.to_owned());
            }
            (is_test, is_ignored) = (false, false);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_below_a_tests_attribute_are_tests_and_others_are_not() {
        let text = "#[test]\nfn one() {}\nfn helper() {}\n#[tokio::test(flavor = \"multi_thread\")]\n#[expect(x)]\n\
                    async fn two() {}\n#[test]\n#[ignore]\nfn three() {}\n    #[test]\n    fn four(any in 0..9) {}\n";
        assert_eq!(named_in(text), ["one", "two", "four"]);
    }
}

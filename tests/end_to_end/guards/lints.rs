//! Every pure crate is held to the pure crates' lints: no clock and no hash order.

use std::fs;

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

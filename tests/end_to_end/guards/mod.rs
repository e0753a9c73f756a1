//! What the compiler does not check: who may depend on whom, that the program knows nothing of the history, that reasons are listed.

mod dependencies;
mod history;
mod invariants;
mod lints;
mod reasons;
mod toolchain;

use std::path::Path;

/// The workspace's root folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lies one folder below the workspace's root")
}

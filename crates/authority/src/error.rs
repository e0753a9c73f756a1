//! What is wrong with a set of policies.

use std::path::PathBuf;

/// Why a set of policies is not taken. Nothing of it is used then.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// A folder or a file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// What was to be read.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A folder without any.
    #[error("{} holds no file that ends in .cedar", folder.display())]
    Empty {
        /// The folder.
        folder: PathBuf,
    },
    /// A file that goes with the program, and is another there.
    #[error("{file} is part of the program and is another there; take it out of the folder, or copy the program's")]
    Foreign {
        /// Its name.
        file: String,
    },
    /// A text that is no policy, or one that the schema does not allow.
    #[error("{file}, line {line}: {what}")]
    Wrong {
        /// The file.
        file: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong there.
        what: String,
    },
}

//! The moment that a demo has come to, in a file of its data folder: written before it is entered, so that a run that was
//! killed goes on from there.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clock::OnAdvance;
use jiff::Timestamp;

/// Its name in the data folder.
const FILE_NAME: &str = "moment";
/// Longer than the text of any moment to the nanosecond.
const LINE_BYTES: usize = 40;

/// The stored moment, or none where this folder has not seen a demo.
///
/// # Errors
/// Where the file is there and cannot be read.
pub(crate) fn stored(folder: &Path) -> anyhow::Result<Option<Timestamp>> {
    let path = folder.join(FILE_NAME);
    match fs::read_to_string(&path) {
        Ok(text) => {
            let moment =
                text.trim().parse().with_context(|| format!("{} holds no moment: {text:?}", path.display()))?;
            Ok(Some(moment))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Stores `moment` durably, in place of the former one. One write of one sector: it is there whole or not at all.
///
/// # Errors
/// Where the folder cannot be written to.
pub(crate) fn store(folder: &Path, moment: Timestamp) -> io::Result<()> {
    let path = folder.join(FILE_NAME);
    let is_new = !path.exists();
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
    // As long as any moment in any year, so that nothing of a longer former one is left behind.
    let line = format!("{:<LINE_BYTES$}\n", moment.to_string());
    file.write_all_at(line.as_bytes(), 0)?;
    file.sync_data()?;
    if is_new {
        // The name of a new file lies in the folder.
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// What the clock calls before it enters a moment.
pub(crate) fn on_advance(folder: PathBuf) -> OnAdvance {
    Box::new(move |moment| {
        // Some hundred microseconds, at a time when by the clock's own rule nothing else is under way.
        let stored = store(&folder, moment);
        Box::pin(async move { stored.map_err(Into::into) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_moment_stored_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(stored(folder.path()).unwrap(), None);
        for moment in ["2031-03-03T09:00:00Z", "2031-03-03T09:00:00.000001Z", "2031-03-04T09:00:00Z"] {
            let moment: Timestamp = moment.parse().unwrap();
            store(folder.path(), moment).unwrap();
            assert_eq!(stored(folder.path()).unwrap(), Some(moment));
        }
    }

    #[test]
    fn a_file_that_holds_no_moment_is_an_error_and_not_a_fresh_start() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE_NAME), "yesterday").unwrap();
        assert!(stored(folder.path()).is_err());
    }
}

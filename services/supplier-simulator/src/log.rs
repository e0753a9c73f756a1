//! The append-only log of entries: JSON, a line each, on disk before anybody is told.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use evidence::Entry;

/// Where a simulator keeps its log.
#[derive(Clone, Debug)]
pub enum LogTarget {
    /// Nowhere: gone with the process.
    Memory,
    /// In this process, and there when a simulator is opened again.
    Shared(SharedLog),
    /// A file, made where it does not exist.
    File(PathBuf),
}

/// A log in memory that outlives its simulator, for simulation. Clones are the same log.
#[derive(Clone, Debug, Default)]
pub struct SharedLog(Arc<Mutex<Vec<Entry>>>);

impl SharedLog {
    /// What it holds.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file cannot be opened, read or written.
    #[error("the suppliers' log {} cannot be used", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A complete line is not an entry: the file was changed or is something else.
    #[error("line {line} of the suppliers' log {} is not an entry", path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
    /// An entry has no form as JSON; it was not written.
    #[error("an entry of the suppliers' log cannot be written as JSON")]
    Entry(#[source] serde_json::Error),
    /// An earlier entry may be torn: nothing is written after it until the log is opened again.
    #[error("the suppliers' log {} failed before and has to be opened again", path.display())]
    Broken {
        /// Which.
        path: PathBuf,
    },
}

/// An open log. Appending is all or nothing and durable on return.
#[derive(Debug)]
pub(crate) enum Log {
    Memory,
    Shared(SharedLog),
    File(OpenFile),
}

#[derive(Debug)]
pub(crate) struct OpenFile {
    path: PathBuf,
    file: File,
    broken: bool,
}

impl Log {
    /// Opens the log and reads what it holds. A last line without its end was torn by a crash before anybody was told
    /// of it: it is cut off.
    pub(crate) fn open(target: &LogTarget) -> Result<(Self, Vec<Entry>), LogError> {
        let path = match target {
            LogTarget::Memory => return Ok((Self::Memory, Vec::new())),
            LogTarget::Shared(log) => return Ok((Self::Shared(log.clone()), log.entries())),
            LogTarget::File(path) => path,
        };
        let failed = |source| LogError::File { path: path.clone(), source };
        let mut file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path).map_err(failed)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let entries = parse(path, &bytes[..whole])?;
        file.set_len(whole as u64).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        Ok((Self::File(OpenFile { path: path.clone(), file, broken: false }), entries))
    }

    /// Appends the entries and waits until they are on disk.
    ///
    /// It blocks for the 0.2 ms of an fsync instead of moving to another thread: a simulator has nothing better to do,
    /// and virtual time cannot slip by in between.
    pub(crate) fn append(&mut self, entries: &[Entry]) -> Result<(), LogError> {
        let OpenFile { path, file, broken } = match self {
            Self::Memory => return Ok(()),
            Self::Shared(log) => {
                log.lock().extend_from_slice(entries);
                return Ok(());
            }
            Self::File(file) => file,
        };
        if *broken {
            return Err(LogError::Broken { path: path.clone() });
        }
        let mut lines = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut lines, entry).map_err(LogError::Entry)?;
            lines.push(b'\n');
        }
        file.write_all(&lines).and_then(|()| file.sync_data()).map_err(|source| {
            *broken = true;
            LogError::File { path: path.clone(), source }
        })
    }
}

/// Reads the log of a simulator that need not be running: for checkers.
///
/// # Errors
/// Where the file cannot be read or a complete line is not an entry.
pub fn read_log(path: &Path) -> Result<Vec<Entry>, LogError> {
    let bytes = std::fs::read(path).map_err(|source| LogError::File { path: path.to_owned(), source })?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    parse(path, &bytes[..whole])
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<Entry>, LogError> {
    let lines = bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(index, line)| {
            serde_json::from_slice(line).map_err(|source| LogError::Line {
                path: path.to_owned(),
                line: index + 1,
                source,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence::What;

    fn entry(takes: bool) -> Entry {
        Entry {
            at: "2031-03-03T09:00:00Z".parse().unwrap(),
            supplier: "EMIS".parse().unwrap(),
            what: What::TakesRequests { takes },
        }
    }

    #[test]
    fn what_was_appended_is_read_back_and_a_torn_last_line_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("suppliers.jsonl");
        let target = LogTarget::File(path.clone());
        let (mut log, nothing) = Log::open(&target).unwrap();
        assert!(nothing.is_empty());
        log.append(&[entry(false), entry(true)]).unwrap();
        drop(log);

        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(br#"{"at":"2031-03-03T09:0"#).unwrap();
        assert_eq!(read_log(&path).unwrap(), [entry(false), entry(true)]);
        let (mut log, entries) = Log::open(&target).unwrap();
        assert_eq!(entries, [entry(false), entry(true)]);
        log.append(&[entry(false)]).unwrap();
        assert_eq!(read_log(&path).unwrap(), [entry(false), entry(true), entry(false)]);
    }

    #[test]
    fn a_complete_line_that_is_no_entry_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("suppliers.jsonl");
        std::fs::write(&path, "{\"at\":3}\n").unwrap();
        let error = Log::open(&LogTarget::File(path)).unwrap_err();
        assert!(matches!(error, LogError::Line { line: 1, .. }), "{error}");
    }
}

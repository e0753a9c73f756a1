//! Checkpoints: the file of one journal's checkpoints, outside its database, and the key that signs them.
//!
//! Replicas on one data folder share the file: whoever changes it holds a lock, and what counts is the highest checkpoint,
//! not the last line. It stays bounded: of the older ones the last of each day is kept, for ever.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::JournalError;
use crate::checkpoint::Checkpoint;
use crate::signer::Signer;

/// Checkpoints kept besides the last of each day: at one every ten seconds under load, some hours.
pub const CHECKPOINTS_RECENT_MAX: usize = 1_000;

/// A file of checkpoints, one JSON object a line; and the key that signs them.
#[derive(Debug)]
pub struct Checkpoints {
    path: PathBuf,
    signer: Signer,
    recent_max: usize,
}

impl Checkpoints {
    /// Checkpoints of one journal in the file at `path`, which is made by the first of them.
    pub fn new(path: impl Into<PathBuf>, signer: Signer) -> Self {
        Self { path: path.into(), signer, recent_max: CHECKPOINTS_RECENT_MAX }
    }

    /// Keeps so many besides the last of each day, and up to twice as many before the file is thinned.
    #[must_use]
    pub fn keeping(self, recent_max: usize) -> Self {
        Self { recent_max: recent_max.max(1), ..self }
    }

    /// The key.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a checkpoint and syncs it. A last line that was cut off by a crash is dropped first: this one would become a
    /// part of it.
    pub(crate) fn append(&self, checkpoint: &Checkpoint) -> Result<(), JournalError> {
        self.locked(|| {
            let text = self.text()?;
            let whole = whole_lines(&text);
            let lines_count = whole.lines().count() + 1;
            if lines_count > 2 * self.recent_max {
                let kept = thinned(whole, self.recent_max);
                return self.replace(&format!("{kept}{}\n", checkpoint.to_line()));
            }
            let mut file = OpenOptions::new().append(true).create(true).open(&self.path)?;
            file.set_len(whole.len() as u64)?;
            writeln!(file, "{}", checkpoint.to_line())?;
            file.sync_data()
        })
        .map_err(|source| self.failed("the checkpoint cannot be written", source))
    }

    /// The highest checkpoint of `journal` in the file, after checking that we signed it. `None` where there is none yet.
    /// A last line that was cut off by a crash is passed over.
    pub(crate) fn highest(&self, journal: &str) -> Result<Option<Checkpoint>, JournalError> {
        let text = self.text().map_err(|source| self.failed("the checkpoints cannot be read", source))?;
        let mut highest: Option<Checkpoint> = None;
        for line in whole_lines(&text).lines() {
            let checkpoint = Checkpoint::from_line(line).ok_or_else(|| self.forged("a line is not a checkpoint"))?;
            if highest.as_ref().is_none_or(|highest| highest.head.position <= checkpoint.head.position) {
                highest = Some(checkpoint);
            }
        }
        let Some(checkpoint) = highest else { return Ok(None) };
        if checkpoint.public_key != self.signer.public_key() || !checkpoint.is_signed() {
            return Err(self.forged("its highest checkpoint was not signed with our key"));
        }
        if checkpoint.journal != journal {
            return Err(self.forged("its highest checkpoint is of another journal"));
        }
        Ok(Some(checkpoint))
    }

    fn text(&self) -> io::Result<String> {
        match std::fs::read_to_string(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            read => read,
        }
    }

    /// Puts another text in the file's place, whole or not at all.
    fn replace(&self, text: &str) -> io::Result<()> {
        let aside = self.path.with_extension("new");
        let mut file = File::create(&aside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&aside, &self.path)
    }

    /// Does something that no other process does to this file at the same time. The lock is a file of its own, since the
    /// one it guards is replaced; it ends with the process that holds it.
    fn locked(&self, change: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let lock =
            OpenOptions::new().write(true).create(true).truncate(false).open(self.path.with_extension("lock"))?;
        lock.lock()?;
        change()
    }

    fn forged(&self, what: &str) -> JournalError {
        let path = self.path.display().to_string();
        JournalError::Checkpoint { path, what: format!("{what}; if that is right, move the file away and start again") }
    }

    fn failed(&self, what: &'static str, source: io::Error) -> JournalError {
        JournalError::File { path: self.path.display().to_string(), what, source }
    }
}

/// The lines that were written to their end: of the others nobody was told.
fn whole_lines(text: &str) -> &str {
    text.rfind('\n').map_or("", |end| &text[..=end])
}

/// The last `recent_max` lines, and of those before them the last of each day. A line that cannot be read stays.
fn thinned(lines: &str, recent_max: usize) -> String {
    let lines: Vec<&str> = lines.lines().collect();
    let (older, recent) = lines.split_at(lines.len().saturating_sub(recent_max));
    let mut kept = String::new();
    for (index, line) in older.iter().enumerate() {
        let day = day_of(line);
        if day.is_none() || older.get(index + 1).and_then(|next| day_of(next)) != day {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    for line in recent {
        kept.push_str(line);
        kept.push('\n');
    }
    kept
}

fn day_of(line: &str) -> Option<Date> {
    Checkpoint::from_line(line).map(|checkpoint| checkpoint.signed_at.to_zoned(TimeZone::UTC).date())
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::record::{Hash, Head};

    const SEED: [u8; 32] = [1; 32];

    /// Signed so many hours after 1970.
    fn checkpoint(position: u64, hour: i64) -> Checkpoint {
        let head = Head { position, hash: Hash([9; 32]), recorded_at: Timestamp::UNIX_EPOCH };
        let signed_at = Timestamp::UNIX_EPOCH.saturating_add(SignedDuration::from_hours(hour)).expect("a valid moment");
        Signer::from_seed(SEED).sign("toy", head, signed_at)
    }

    fn checkpoints(folder: &Path) -> Checkpoints {
        Checkpoints::new(folder.join("new/toy"), Signer::from_seed(SEED))
    }

    #[test]
    fn the_highest_checkpoint_is_read_back_also_after_a_line_that_was_cut_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let checkpoints = checkpoints(folder.path());
        assert_eq!(checkpoints.highest("toy").expect("none yet"), None);
        checkpoints.append(&checkpoint(7, 0)).expect("it is written");
        let mut file = OpenOptions::new().append(true).open(checkpoints.path()).expect("the file");
        file.write_all(b"{\"journal\":\"to").expect("half a line");
        assert_eq!(checkpoints.highest("toy").expect("it is read"), Some(checkpoint(7, 0)));
        checkpoints.append(&checkpoint(8, 0)).expect("it is written after the torn line");
        assert_eq!(checkpoints.highest("toy").expect("it is read"), Some(checkpoint(8, 0)));
        checkpoints.highest("other").expect_err("it is of another journal");
    }

    #[test]
    fn a_replica_that_lags_does_not_hide_what_another_vouched_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, other) = (checkpoints(folder.path()), checkpoints(folder.path()));
        one.append(&checkpoint(9, 0)).expect("it is written");
        other.append(&checkpoint(7, 0)).expect("it is written");
        assert_eq!(one.highest("toy").expect("it is read"), Some(checkpoint(9, 0)), "rule 17");
    }

    #[test]
    fn a_checkpoint_that_somebody_else_signed_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        checkpoints(folder.path()).append(&checkpoint(7, 0)).expect("it is written");
        let by_another = Checkpoints::new(folder.path().join("new/toy"), Signer::from_seed([2; 32]));
        let error = by_another.highest("toy").expect_err("another key");
        assert!(error.to_string().contains("not signed with our key"), "{error}");
    }

    #[test]
    fn the_file_stays_bounded_and_keeps_the_last_of_each_day() {
        let folder = tempfile::tempdir().expect("a folder");
        let checkpoints = checkpoints(folder.path()).keeping(10);
        for hour in 0..240i64 {
            checkpoints.append(&checkpoint(hour.cast_unsigned(), hour)).expect("it is written");
        }
        let text = std::fs::read_to_string(checkpoints.path()).expect("the file");
        let kept: Vec<u64> =
            text.lines().map(|line| Checkpoint::from_line(line).expect("a checkpoint").head.position).collect();
        assert!(kept.is_sorted() && kept.len() <= 20 + 10, "{kept:?}");
        for last_of_day in (23..216).step_by(24) {
            assert!(kept.contains(&last_of_day), "{last_of_day} of {kept:?}");
        }
        assert!((230..240).all(|recent| kept.contains(&recent)), "{kept:?}");
    }

    #[test]
    fn processes_that_write_at_once_lose_no_checkpoint() {
        let folder = tempfile::tempdir().expect("a folder");
        std::thread::scope(|scope| {
            for replica in 0..4 {
                let folder = folder.path();
                scope.spawn(move || {
                    let checkpoints = checkpoints(folder);
                    for number in 0..25 {
                        checkpoints.append(&checkpoint(replica * 100 + number, 0)).expect("it is written");
                    }
                });
            }
        });
        let text = std::fs::read_to_string(folder.path().join("new/toy")).expect("the file");
        assert_eq!(text.lines().filter_map(Checkpoint::from_line).count(), 100);
    }
}

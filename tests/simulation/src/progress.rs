//! Which seeds of a long run have ended, and how: a line each, so that a run which was cut short goes on where it was.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::many::Ended;

/// The first line: what all the others are of.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Heading {
    /// What was asked of every seed.
    asked: Vec<String>,
    /// Of the program's file, in hex: runs of two programs are not one run.
    program_sha256: String,
}

/// How each seed ended so far.
#[derive(Debug)]
pub(crate) struct Progress {
    ended: BTreeMap<u64, Ended>,
    file: Option<File>,
}

impl Progress {
    /// In a file, which is gone on with where it is there; in memory alone where none is given.
    ///
    /// # Errors
    /// Where the file is of another program or of other arguments, where another run writes to it, or it cannot be read or written.
    pub(crate) fn open(path: Option<&Path>, asked: &[String], program: &Path) -> anyhow::Result<Self> {
        let Some(path) = path else { return Ok(Self { ended: BTreeMap::new(), file: None }) };
        let program = std::fs::read(program).context("this program's file cannot be read")?;
        let heading = Heading { asked: asked.to_vec(), program_sha256: hex::encode(Sha256::digest(program)) };
        let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
        file.try_lock().with_context(|| format!("another run writes to {}", path.display()))?;
        let mut written = Vec::new();
        file.read_to_end(&mut written).with_context(|| format!("{} cannot be read", path.display()))?;
        // A line that was cut short is of a run that has to be done again.
        written.truncate(written.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
        file.set_len(written.len() as u64)?;
        file.seek(SeekFrom::End(0))?;
        let written = String::from_utf8(written).with_context(|| format!("{} is no text", path.display()))?;
        let mut lines = written.lines();
        let first = lines.next().map(serde_json::from_str::<Heading>).transpose();
        let first = first.with_context(|| format!("line 1 of {} is no heading of runs", path.display()))?;
        if let Some(first) = &first {
            ensure!(
                *first == heading,
                "{} is of {first:?}, and this is {heading:?}: give another file",
                path.display()
            );
        }
        let mut ended = BTreeMap::new();
        for (number, line) in lines.enumerate() {
            let one: Ended = serde_json::from_str(line)
                .with_context(|| format!("line {} of {} is no run of a seed", number + 2, path.display()))?;
            ended.insert(one.seed, one);
        }
        if first.is_none() {
            writeln!(file, "{}", serde_json::to_string(&heading)?)?;
        }
        Ok(Self { ended, file: Some(file) })
    }

    /// Those that ended, by their seeds.
    pub(crate) fn ended(&self) -> &BTreeMap<u64, Ended> {
        &self.ended
    }

    /// Notes how one ended.
    ///
    /// # Errors
    /// Where the file takes no line.
    pub(crate) fn note(&mut self, one: Ended) -> anyhow::Result<()> {
        if let Some(file) = &mut self.file {
            file.write_all(format!("{}\n", serde_json::to_string(&one)?).as_bytes())?;
        }
        self.ended.insert(one.seed, one);
        Ok(())
    }
}

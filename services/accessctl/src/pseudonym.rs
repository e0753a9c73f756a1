//! `accessctl pseudonym`: pseudonyms of people, for those who produce events. Works on this machine alone: neither a number nor a
//! key is sent anywhere, and neither is ever repeated in an error.

use std::fs;
use std::io::{self, BufRead, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anstream::eprintln;
use anyhow::Context;
use clap::{Args, Subcommand};
use pseudonym::{KEY_BYTES, Key, NhsNumber, Purpose};

use crate::failure::BadInput;

/// A key's file is its owner's alone.
const KEY_MODE: u32 = 0o600;
const ANY_BUT_OWNER: u32 = 0o077;

#[derive(Subcommand)]
pub(crate) enum Pseudonym {
    /// Make a key: 32 bytes of chance, in a new file that only its owner may read
    NewKey {
        /// The file
        file: PathBuf,
    },
    /// Make the pseudonyms of NHS numbers that come on standard input, one a line; says line by line: `line,pseudonym`
    Make(Make),
}

#[derive(Args)]
pub(crate) struct Make {
    /// The file of the key. All producers that are to count the same people use the same
    #[arg(long, env = "ACCESSCTL_PSEUDONYM_KEY", value_name = "FILE")]
    key: PathBuf,
    /// What they are for: under another purpose the same person is another pseudonym
    #[arg(long, default_value = "record-views")]
    purpose: String,
}

pub(crate) fn run(asked: &Pseudonym) -> anyhow::Result<()> {
    match asked {
        Pseudonym::NewKey { file } => new_key(file),
        Pseudonym::Make(make) => {
            let key = read_key(&make.key)?;
            let purpose: Purpose = make.purpose.parse().map_err(|error| BadInput(format!("--purpose: {error}")))?;
            eprintln!("key {}, purpose {}", key.id(), purpose.as_str());
            pseudonyms(&key, &purpose, io::stdin().lock(), io::stdout().lock())
        }
    }
}

fn new_key(file: &Path) -> anyhow::Result<()> {
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes).context("this machine has no chance to offer")?;
    let key = Key::new(bytes);
    let created = fs::OpenOptions::new().write(true).create_new(true).mode(KEY_MODE).open(file);
    let mut created = created.map_err(|error| BadInput(format!("{} cannot be made: {error}", file.display())))?;
    writeln!(created, "{}", *key.to_text()).and_then(|()| created.sync_all()).context("the key cannot be written")?;
    eprintln!("key {} lies in {}; whoever has it can tell whose a pseudonym is", key.id(), file.display());
    Ok(())
}

fn read_key(file: &Path) -> anyhow::Result<Key> {
    let unreadable = |error: io::Error| BadInput(format!("the key {} cannot be read: {error}", file.display()));
    let mode = fs::metadata(file).map_err(unreadable)?.permissions().mode();
    if mode & ANY_BUT_OWNER != 0 {
        let file = file.display();
        return Err(BadInput(format!("the key {file} may be read by others than its owner: chmod 600 {file}")).into());
    }
    let text = fs::read_to_string(file).map_err(unreadable)?;
    text.parse().map_err(|error| BadInput(format!("{}: {error}", file.display())).into())
}

/// A line of wrong input is told and left out; the others are made all the same.
fn pseudonyms(key: &Key, purpose: &Purpose, numbers: impl BufRead, mut out: impl Write) -> anyhow::Result<()> {
    writeln!(out, "line,pseudonym")?;
    let mut wrong_count = 0;
    for (line, number) in (1..).zip(numbers.lines()) {
        let number = number.context("standard input cannot be read")?;
        if number.trim().is_empty() {
            continue;
        }
        match number.parse::<NhsNumber>() {
            Ok(number) => writeln!(out, "{line},{}", key.pseudonym(purpose, &number))?,
            Err(error) => {
                eprintln!("line {line} is no NHS number: {error}");
                wrong_count += 1;
            }
        }
    }
    match wrong_count {
        0 => Ok(()),
        1 => Err(BadInput("one line is no NHS number; it is left out".into()).into()),
        count => Err(BadInput(format!("{count} lines are no NHS numbers; they are left out")).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_its_pseudonym_or_is_told_as_wrong() {
        let (key, purpose) = (Key::new([7; KEY_BYTES]), "record-views".parse().unwrap());
        let mut out = Vec::new();
        let numbers = "943 476 5919\n\n9434765918\n9434765919\n";
        let error = pseudonyms(&key, &purpose, numbers.as_bytes(), &mut out).unwrap_err();
        assert_eq!(error.to_string(), "one line is no NHS number; it is left out");
        let out = String::from_utf8(out).unwrap();
        let expected = key.pseudonym(&purpose, &"9434765919".parse().unwrap());
        assert_eq!(out, format!("line,pseudonym\n1,{expected}\n4,{expected}\n"));
    }

    #[test]
    fn a_key_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        new_key(&file).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, KEY_MODE);
        assert_eq!(read_key(&file).unwrap().id(), read_key(&file).unwrap().id());
        assert!(new_key(&file).unwrap_err().to_string().contains("cannot be made"));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(read_key(&file).unwrap_err().to_string().contains("chmod 600"));
    }
}

//! Confirming an action on a selection: whoever acts has seen of how many, and says of exactly which (I23).
//!
//! On a terminal the effect is shown and asked about; a script gives what a dry run said.

use std::fmt;
use std::io::{BufRead as _, IsTerminal as _, stdin};
use std::str::FromStr;

use anyhow::Context;
use clap::Args;

use crate::failure::BadInput;

#[derive(Args)]
pub(crate) struct Confirmation {
    /// Exactly what is to be affected, as a dry run says it; asked about on a terminal where it is left out
    #[arg(long, value_name = "COUNT:HASH")]
    confirm: Option<Affected>,
}

/// How many are affected, and the hash of which: `412:9f86d0…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Affected {
    pub(crate) count: i64,
    pub(crate) hash: String,
}

impl fmt::Display for Affected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.count, self.hash)
    }
}

impl FromStr for Affected {
    type Err = BadInput;

    fn from_str(text: &str) -> Result<Self, BadInput> {
        let wrong = || BadInput(format!("{text:?} is not COUNT:HASH as a dry run prints it"));
        let (count, hash) = text.split_once(':').ok_or_else(wrong)?;
        let is_hash = !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let count = count.parse().ok().filter(|count| is_hash && 0 <= *count).ok_or_else(wrong)?;
        Ok(Self { count, hash: hash.to_owned() })
    }
}

impl Confirmation {
    /// What the caller gave beforehand.
    pub(crate) fn given(&self) -> Option<Affected> {
        self.confirm.clone()
    }
}

/// Shows `effect`, in words, and takes the number of those affected as a yes; where nobody is there to be asked, says how to
/// confirm it.
pub(crate) fn ask(effect: &str, seen: Affected) -> anyhow::Result<Affected> {
    if !(stdin().is_terminal() && std::io::stderr().is_terminal()) {
        let message = format!("this {effect}; to confirm exactly that, repeat it with --confirm {seen}");
        return Err(BadInput(message).into());
    }
    anstream::eprint!("This {effect}. Type {} to confirm: ", seen.count);
    let mut answer = String::new();
    stdin().lock().read_line(&mut answer).context("cannot read the answer")?;
    if answer.trim().replace(',', "") == seen.count.to_string() {
        return Ok(seen);
    }
    Err(BadInput("not confirmed: nothing was changed".to_owned()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dry_run_prints_is_what_confirms() {
        let affected = Affected { count: 412, hash: "9f86d081".to_owned() };
        assert_eq!(affected.to_string().parse::<Affected>().unwrap(), affected);
        for wrong in ["412", "412:", ":9f86", "many:9f86", "412:not-hex", "-1:9f86"] {
            assert!(wrong.parse::<Affected>().is_err(), "{wrong}");
        }
    }
}

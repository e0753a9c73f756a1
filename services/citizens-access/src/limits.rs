//! `--limit`: the server's limits, by name.

use std::str::FromStr;

use anyhow::{Context, bail};
use clap::Args;
use server::ServerConfig;

#[derive(Args, Clone, Debug)]
pub(crate) struct LimitArguments {
    /// Moves a limit of the server: connections_max=2000; docs/operations/limits.md has them all. Once for each
    #[arg(long = "limit", env = "CITIZENS_ACCESS_LIMITS", value_delimiter = ',', value_name = "NAME=VALUE")]
    limits: Vec<Moved>,
}

/// `connections_max=2000`.
#[derive(Clone, Debug)]
struct Moved {
    name: String,
    value: u64,
}

impl FromStr for Moved {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let Some((name, value)) = text.split_once('=') else {
            bail!("{text:?} is not NAME=VALUE, such as connections_max=2000");
        };
        let value = value.parse().with_context(|| format!("{value:?} is no whole number"))?;
        Ok(Self { name: name.to_owned(), value })
    }
}

impl LimitArguments {
    /// The limits as they are to be; an error where one is unknown, out of its bounds, given twice, or contradicts another.
    pub(crate) fn config(&self) -> anyhow::Result<ServerConfig> {
        let mut config = ServerConfig::default();
        for (place, Moved { name, value }) in self.limits.iter().enumerate() {
            let twice = self.limits[..place].iter().any(|earlier| earlier.name == *name);
            anyhow::ensure!(!twice, "--limit {name} is given twice");
            config.set(name, *value)?;
        }
        config.check()?;
        Ok(config)
    }

    /// What was moved, for `check-config`.
    pub(crate) fn in_words(&self) -> String {
        self.limits.iter().map(|Moved { name, value }| format!("limit {name} is {value}\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(limits: &[&str]) -> anyhow::Result<ServerConfig> {
        let limits = limits.iter().map(|text| text.parse()).collect::<anyhow::Result<Vec<_>>>()?;
        LimitArguments { limits }.config()
    }

    #[test]
    fn limits_are_moved_by_name_and_what_is_wrong_with_one_is_said() {
        assert_eq!(config(&["connections_max=2000"]).unwrap().connections_max, 2_000);
        for (limits, said) in [
            (vec!["connections_max"], "is not NAME=VALUE"),
            (vec!["connections_max=many"], "no whole number"),
            (vec!["connections=5"], "there is no limit connections"),
            (vec!["frame_bytes_max=5"], "it must be 16384 to 16777215"),
            (vec!["connections_max=5", "connections_max=6"], "given twice"),
            (vec!["stream_window_bytes=8388608"], "more than connection_window_bytes"),
        ] {
            let refused = format!("{:#}", config(&limits).unwrap_err());
            assert!(refused.contains(said), "{limits:?}: {refused}");
        }
    }
}

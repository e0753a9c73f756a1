//! The trace of one command: its root span, below which every service tells what it did for it.
//!
//! Only where a collector is named by the standard variables: a root that nobody receives would leave the services' spans
//! without one. The span says which command it was and how it ended, never what it was given: arguments name people.

use std::time::Duration;

use anyhow::Context;
use clap::ArgMatches;
use telemetry::{Config, Telemetry};
use tracing::Span;
use tracing::field::Empty;

use crate::failure::BadInput;

/// How long a command waits at its end for a collector that does not answer: nobody waits for more at a prompt.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(500);

pub(crate) struct Trace {
    span: Span,
    telemetry: Telemetry,
}

impl Trace {
    pub(crate) fn begin(matches: &ArgMatches) -> anyhow::Result<Self> {
        let mut config = Config::from_env("accessctl").map_err(|error| BadInput(error.to_string()))?;
        config.shutdown_timeout = SHUTDOWN_TIMEOUT;
        config.disabled |= config.traces.is_none();
        // It has no counters of its own: what its calls cost, the services measure.
        config.metrics = None;
        if std::env::var_os("RUST_LOG").is_none() {
            "off".clone_into(&mut config.log_filter);
        }
        let telemetry = telemetry::init(&config).context("telemetry does not start")?;
        let span = if config.disabled || config.sampling.off {
            Span::none()
        } else {
            tracing::info_span!(parent: None, "command", otel.name = name(matches), otel.status_code = Empty)
        };
        Ok(Self { span, telemetry })
    }

    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Sends it.
    pub(crate) fn end(self, ended: &anyhow::Result<()>) {
        let Self { span, telemetry } = self;
        if ended.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        drop(span);
        drop(telemetry);
    }
}

/// `accessctl practice pause`: nouns and verbs, which clap knows, and no argument.
fn name(matches: &ArgMatches) -> String {
    let mut name = "accessctl".to_owned();
    let mut next = matches.subcommand();
    while let Some((word, matches)) = next {
        name.push(' ');
        name.push_str(word);
        next = matches.subcommand();
    }
    name
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::arguments::Arguments;

    #[test]
    fn a_span_is_named_by_the_command_and_by_no_argument() {
        let typed = ["accessctl", "practice", "get", "A81001"];
        assert_eq!(name(&Arguments::command().get_matches_from(typed)), "accessctl practice get");
    }
}

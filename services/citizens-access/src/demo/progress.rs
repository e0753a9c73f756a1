//! What a demo shows while it runs, on standard error: a line for each event and, on a terminal, where it has come to.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use jiff::civil::Date;
use rollout::calendar;

/// How often the line that is rewritten is drawn; more often would cost time and show nothing.
const REDRAW_INTERVAL: Duration = Duration::from_millis(100);

/// The progress of a demo. Clones write the same lines.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    line: ProgressBar,
    until: Date,
    /// Events are not told where the output is for programs.
    tells_events: bool,
}

impl Progress {
    /// Progress up to the end of `until`.
    pub(crate) fn new(for_programs: bool, until: Date) -> Self {
        let line = if for_programs { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            line.set_style(style);
        }
        line.enable_steady_tick(REDRAW_INTERVAL);
        Self { line, until, tells_events: !for_programs }
    }

    /// The clock has come to `moment`.
    pub(crate) fn entered(&self, moment: Timestamp) {
        self.line.set_message(format!(
            "{} of {}",
            calendar::civil_datetime(moment).strftime("%Y-%m-%d %H:%M"),
            self.until
        ));
    }

    /// Something happened at `moment`.
    pub(crate) fn tell(&self, moment: Timestamp, what: &str) {
        if self.tells_events {
            let line = format!("{}  {what}", calendar::civil_datetime(moment).strftime("%Y-%m-%d %H:%M"));
            if self.line.is_hidden() {
                eprintln!("{line}");
            } else {
                self.line.println(line);
            }
        }
    }

    /// Nothing more is shown.
    pub(crate) fn end(&self) {
        self.line.finish_and_clear();
    }
}

//! The table that a run prints and leaves behind.

use std::fmt::{self, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;

use crate::rounds::{Compared, Unit};

/// What was measured.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) what: String,
    /// The figure, with its unit.
    pub(crate) figure: String,
    /// What it is held against; empty where there is nothing.
    pub(crate) against: String,
    /// With the lowest and the highest of all pairs; empty where there is nothing to compare with.
    pub(crate) ratio: String,
    pub(crate) target: &'static str,
    /// None where it was not measured, or has no target.
    pub(crate) met: Option<bool>,
}

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    Above(f64),
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    fn is_met(self, figure: f64) -> bool {
        match self {
            Self::Above(limit) => figure > limit,
            Self::AtLeast(least) => figure >= least,
            Self::AtMost(most) => figure <= most,
        }
    }
}

impl Unit {
    /// A figure with its unit.
    fn of(self, figure: f64) -> String {
        match self {
            Self::PerSecond => format!("{}/s", thousands(figure)),
            Self::CallsPerCpuSecond => format!("{} for each second of CPU", thousands(figure)),
            Self::Latency => duration(Duration::from_secs_f64(figure)),
        }
    }
}

impl Row {
    /// Two sides in turns; the ratio is what is bounded.
    pub(crate) fn compared(
        what: &str,
        peer: &str,
        compared: Option<Compared>,
        (target, bound): (&'static str, Bound),
    ) -> Self {
        let Some(compared) = compared else {
            return Self {
                what: what.to_owned(),
                figure: "not measured: the load did not keep up in any pair of rounds".to_owned(),
                against: peer.to_owned(),
                ratio: String::new(),
                target,
                met: None,
            };
        };
        let Compared { unit, ours, theirs, ratio, pairs, dropped } = compared;
        Self {
            what: what.to_owned(),
            figure: unit.of(ours.median),
            against: format!("{peer}: {}", unit.of(theirs.median)),
            ratio: format!(
                "{:.2} ({:.2} to {:.2} in {pairs} pairs, {dropped} dropped)",
                ratio.median, ratio.lowest, ratio.highest
            ),
            target,
            met: Some(bound.is_met(ratio.median)),
        }
    }

    /// Two sides in turns, of which nothing is asked.
    pub(crate) fn compared_only(what: &str, peer: &str, compared: Option<Compared>) -> Self {
        Self { met: None, ..Self::compared(what, peer, compared, ("", Bound::Above(0.0))) }
    }

    /// A figure by itself.
    pub(crate) fn alone(what: &str, figure: String, target: &'static str, met: Option<bool>) -> Self {
        Self { what: what.to_owned(), figure, against: String::new(), ratio: String::new(), target, met }
    }
}

/// All rows of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// Adds a row, and says it at once: a run takes minutes.
    pub(crate) fn add(&mut self, row: Row) {
        eprintln!("{}: {} {} {}", row.what, row.figure, row.against, row.ratio);
        self.rows.push(row);
    }

    /// Prints the table and writes it to `folder`.
    pub(crate) fn publish(&self, name: &str, folder: &Path) -> anyhow::Result<()> {
        let text = self.to_text(name)?;
        println!("{text}");
        std::fs::create_dir_all(folder)?;
        let file = folder.join(format!("{name}.md"));
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        eprintln!("written to {}", file.display());
        Ok(())
    }

    fn to_text(&self, name: &str) -> Result<String, fmt::Error> {
        let mut text = String::new();
        writeln!(text, "# bench {name}\n")?;
        writeln!(text, "- command: `{}`", std::env::args().collect::<Vec<_>>().join(" "))?;
        writeln!(text, "- commit: {}", commit())?;
        writeln!(text, "- at: {:.0}", now())?;
        writeln!(text, "- machine: {}\n", machine())?;
        writeln!(text, "| what | figure | against | ratio: median (spread) | target | met |")?;
        writeln!(text, "|---|---|---|---|---|---|")?;
        for row in &self.rows {
            let met = match row.met {
                Some(true) => "yes",
                Some(false) => "**no**",
                None => "",
            };
            let Row { what, figure, against, ratio, target, .. } = row;
            writeln!(text, "| {what} | {figure} | {against} | {ratio} | {target} | {met} |")?;
        }
        Ok(text)
    }
}

#[expect(clippy::disallowed_methods, reason = "a report says when it was made; it is no moment of the domain")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// The commit that is checked out, and whether the files differ from it.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok()
    };
    let Some(commit) = git(&["rev-parse", "--short", "HEAD"]) else { return "unknown".to_owned() };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|files| !files.is_empty());
    format!("{}{}", commit.trim(), if changed { " with changes" } else { "" })
}

fn machine() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let mut models = cpus.lines().filter_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = models.next().map_or("unknown processor", |(_, model)| model);
    format!("{model}, {} cores", models.count() + 1)
}

/// `176,000`
pub(crate) fn thousands(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `870 µs`, `4.2 ms`, `3.1 s`
pub(crate) fn duration(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds >= 1.0 => format!("{seconds:.1} s"),
        seconds if seconds >= 1e-3 => format!("{:.1} ms", seconds * 1e3),
        seconds => format!("{:.0} µs", seconds * 1e6),
    }
}

/// `83 MiB`
pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Spread;

    #[test]
    fn figures_are_written_with_their_unit() {
        assert_eq!(thousands(176_000.4), "176,000");
        assert_eq!(thousands(999.0), "999");
        assert_eq!(duration(Duration::from_micros(870)), "870 µs");
        assert_eq!(duration(Duration::from_micros(4_240)), "4.2 ms");
        assert_eq!(mebibytes(83 << 20), "83 MiB");
    }

    #[test]
    fn a_ratio_is_judged_by_its_median_and_shown_with_its_spread() {
        let spread = |median| Spread { median, lowest: median - 0.1, highest: median + 0.1 };
        let (ours, theirs, ratio) = (spread(200.0), spread(100.0), spread(2.0));
        let compared = Compared { unit: Unit::PerSecond, ours, theirs, ratio, pairs: 7, dropped: 1 };
        let bounded = |bound| Row::compared("x", "y", Some(compared), ("≥ 2", bound));
        assert_eq!(bounded(Bound::AtLeast(2.0)).met, Some(true));
        assert_eq!(bounded(Bound::Above(2.0)).met, Some(false));
        assert_eq!(bounded(Bound::AtMost(1.9)).met, Some(false));
        assert_eq!(bounded(Bound::AtLeast(1.0)).ratio, "2.00 (1.90 to 2.10 in 7 pairs, 1 dropped)");
        assert_eq!(Row::compared("x", "y", None, ("≥ 2", Bound::AtLeast(2.0))).met, None);
    }
}

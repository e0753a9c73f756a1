//! A plan as text, for people and for goldens.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use ods::PracticeCode;

use super::{Diff, PlacedBy, Plan, PlannedWave};

/// Practices on one line; more are counted.
const PRACTICES_SHOWN_MAX: usize = 12;

impl fmt::Display for Plan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{}/{}, of the registry's position {}: {}",
            self.programme,
            self.version,
            self.registry_position,
            self.load()
        )?;
        for wave in &self.waves {
            write!(out, "{wave}")?;
        }
        for (reason, practices) in &self.unplaced {
            write!(out, "left out, {reason}: ")?;
            list(out, practices)?;
        }
        let apart = self.pcns_apart();
        if !apart.is_empty() {
            let mixed = apart.iter().filter(|one| one.suppliers.len() > 1).count();
            writeln!(out, "networks in several waves: {}, of which {mixed} mix suppliers", apart.len())?;
        }
        for one in apart.iter().take(PRACTICES_SHOWN_MAX) {
            writeln!(out, "  {one}")?;
        }
        Ok(())
    }
}

impl fmt::Display for PlannedWave {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = &self.rules;
        write!(out, "{}", self.id)?;
        if !rules.title.is_empty() {
            write!(out, " {}", rules.title)?;
        }
        write!(out, ", {}", rules.from)?;
        if rules.until != rules.from {
            write!(out, " to {}", rules.until)?;
        }
        write!(out, ": {}", self.load())?;
        if let (Some(end), Some(later)) = (rules.objections_end, rules.deferred_to) {
            write!(out, "; objections until {end} defer to {later}")?;
        }
        writeln!(out, "{}", if self.goes_on { "; goes on" } else { "" })?;
        if let Some(distance) = &self.distance {
            writeln!(out, "  distance from England: {distance}")?;
        }
        let mut days: BTreeMap<(Option<Date>, bool), Vec<PracticeCode>> = BTreeMap::new();
        for member in &self.members {
            days.entry((member.planned_on, member.by == PlacedBy::Deferral)).or_default().push(member.practice);
        }
        for ((day, deferred), practices) in days {
            match day {
                Some(day) => write!(out, "  {day}")?,
                None => write!(out, "  by themselves")?,
            }
            write!(out, "{}: ", if deferred { " (deferred)" } else { "" })?;
            list(out, &practices)?;
        }
        Ok(())
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}", self.bearing())?;
        let figures = [
            ("added", self.added),
            ("dropped", self.dropped),
            ("earlier", self.earlier),
            ("later", self.later),
            ("within their wave", self.shifted),
        ];
        for (what, load) in figures.iter().filter(|(_, load)| !load.is_zero()) {
            writeln!(out, "{what}: {load}")?;
        }
        if self.patients_more > 0 {
            writeln!(out, "more patients where practices stay: {} (widens)", self.patients_more)?;
        }
        if self.patients_fewer > 0 {
            writeln!(out, "fewer patients where practices stay: {} (narrows)", self.patients_fewer)?;
        }
        for change in &self.changes {
            writeln!(out, "{change}")?;
        }
        for ((rule, bearing), load) in self.by_rule() {
            writeln!(out, "by {rule}: {load} ({bearing})")?;
        }
        for one in &self.moves {
            let place = |place: Option<(crate::id::WaveId, Date)>| match place {
                Some((wave, date)) => format!("{wave} ({date})"),
                None => "no wave".to_owned(),
            };
            writeln!(out, "{}: {} to {}, {}", one.practice, place(one.from), place(one.to), one.rule)?;
        }
        Ok(())
    }
}

fn list(out: &mut fmt::Formatter<'_>, practices: &[PracticeCode]) -> fmt::Result {
    let shown: Vec<&str> = practices.iter().take(PRACTICES_SHOWN_MAX).map(PracticeCode::as_str).collect();
    write!(out, "{}", shown.join(" "))?;
    match practices.len().saturating_sub(PRACTICES_SHOWN_MAX) {
        0 => writeln!(out),
        more => writeln!(out, " and {more} more"),
    }
}

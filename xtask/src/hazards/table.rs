//! The hazard log as people read it.

use std::fmt::Write as _;

use super::log::{Hazard, Log};

/// All of `docs/safety/hazards.md`.
pub(crate) fn written(log: &Log) -> String {
    let mut text = "# The hazard log\n\nWritten from `hazards.yaml` by `cargo xtask hazards`; [README.md](README.md) says how to read \
                    it.\n\n| hazard | | initial risk | residual risk | controls | tests |\n|---|---|---|---|---|---|\n"
        .to_owned();
    for hazard in &log.hazards {
        let tests: usize = hazard.controls.iter().map(|control| control.evidence.len()).sum();
        let Hazard { id, name, initial, residual, controls, .. } = hazard;
        let _ = writeln!(text, "| {id} | {name} | {initial} | {residual} | {} | {tests} |", controls.len());
    }
    for hazard in &log.hazards {
        write_hazard(&mut text, hazard);
    }
    text
}

fn write_hazard(text: &mut String, hazard: &Hazard) {
    let _ = write!(text, "\n## {} {}\n\n**Causes.** {}\n\n", hazard.id, hazard.name, hazard.causes.join(" "));
    let _ = writeln!(text, "**Effect.** {}\n", hazard.effect);
    let _ = writeln!(text, "**Initial risk.** {}\n\n| control | by | shown by |\n|---|---|---|", hazard.initial);
    for control in &hazard.controls {
        let evidence: Vec<String> = control.evidence.iter().map(|test| format!("`{test}`")).collect();
        let _ = writeln!(text, "| {} | {} | {} |", control.what, control.by.join(", "), evidence.join("<br>"));
    }
    let _ = writeln!(text, "\n**Residual risk.** {}", hazard.residual);
    if let Some(why) = &hazard.accepted {
        let _ = writeln!(text, "\n**Taken because** {}", decapitalised(why));
    }
    if !hazard.remains.is_empty() {
        let _ = writeln!(text, "\n**Remains.** {}", hazard.remains.join(" "));
    }
}

fn decapitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_lowercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}

//! What people do in a story, and when. Practices pause, resume and ask for access to be taken away; others hold back, take back,
//! move and plan anew; and the register changes.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use ods::civil::instant;

use super::document::{Document, reschedules};
use super::{BOOKED, CALLED, Chance, LAST_ACT, SELF_SERVICE, START, Surgery, WAVES};

/// What somebody does.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Pause {
        practice: String,
    },
    Resume {
        practice: String,
    },
    SwitchOff {
        practice: String,
    },
    /// Tells a practice of its wave, and records it.
    Tell {
        practice: String,
    },
    /// Brakes, and lifts it so much later; on grounds of safety it takes two people to lift it.
    Hold {
        stop: bool,
        safety: bool,
        scope: HeldScope,
        lifted_at: Timestamp,
    },
    /// Has one practice switched off again.
    Revert {
        practice: String,
    },
    /// Asks for a wave to be unwound; somebody else begins it so much later.
    Unwind {
        wave: u32,
        begun_at: Timestamp,
    },
    /// Moves a wave that has not opened to a later day.
    Reschedule {
        wave: u32,
        opens_on: Date,
    },
    /// Writes the plan anew; somebody else approves it.
    Replan {
        document: String,
    },
    /// A file of the directory says something else of a practice than the one before.
    Move {
        surgery: Surgery,
    },
    /// A practice closes on the next day, and nobody succeeds it.
    Close {
        practice: String,
    },
}

/// Whom a hold covers.
#[derive(Clone, Debug)]
pub(crate) enum HeldScope {
    National,
    Supplier(&'static str),
    Practice(String),
}

pub(super) fn acts(chance: &Chance, surgeries: &[Surgery]) -> Vec<(Timestamp, Act)> {
    let mut acts = Vec::new();
    for surgery in surgeries {
        let code = &surgery.code;
        if chance.of("pauses", code).happens(0.25) {
            let paused_at = chance.moment("pause", code);
            acts.push((paused_at, Act::Pause { practice: code.clone() }));
            if chance.of("resumes", code).happens(0.4) {
                let after = chance.between("resume", code, 1, 600);
                acts.push((paused_at + minutes(after), Act::Resume { practice: code.clone() }));
            }
        }
        if chance.of("switches-off", code).happens(0.05) {
            acts.push((chance.moment("switch-off", code), Act::SwitchOff { practice: code.clone() }));
        }
        if chance.of("reverts", code).happens(0.03) {
            acts.push((chance.moment("revert", code), Act::Revert { practice: code.clone() }));
        }
    }
    for number in 0..chance.between("holds", "count", 0, 3) {
        let at = chance.moment("hold", number);
        let scope = match chance.between("hold-scope", number, 0, 2) {
            0 => HeldScope::National,
            1 => {
                let suppliers = [CALLED[0], CALLED[1], BOOKED, SELF_SERVICE];
                HeldScope::Supplier(suppliers[chance.pick("held-supplier", number, suppliers.len())])
            }
            _ => HeldScope::Practice(surgeries[chance.pick("held-practice", number, surgeries.len())].code.clone()),
        };
        let stop = chance.of("hold-stops", number).happens(0.5);
        let safety = chance.of("hold-is-for-safety", number).happens(0.35);
        let lifted_at = at + minutes(chance.between("hold-lasts", number, 10, 240));
        acts.push((at, Act::Hold { stop, safety, scope, lifted_at }));
    }
    acts.extend(of_the_programme(chance, surgeries.len()));
    acts.extend(of_the_register(chance, surgeries));
    acts.extend(late_acts(surgeries));
    acts
}

fn minutes(count: u64) -> SignedDuration {
    SignedDuration::from_mins(i64::try_from(count).unwrap_or(0))
}

/// A wave is unwound while it is open, soaks or waits for its gate; the second one is moved, or the plan is written anew, before it
/// opens.
fn of_the_programme(chance: &Chance, surgeries_count: usize) -> Vec<(Timestamp, Act)> {
    let mut acts = Vec::new();
    if chance.of("unwinds", "wave").happens(0.15) {
        let number = chance.pick("unwound", "wave", WAVES.len());
        let opens = instant(WAVES[number][0].at(9, 0, 0, 0));
        let at = opens + minutes(chance.between("unwind", "after", 15, 18 * 60));
        let begun_at = at + minutes(chance.between("unwind", "second-person", 5, 180));
        acts.push((at, Act::Unwind { wave: u32::try_from(number + 1).unwrap_or(1), begun_at }));
    }
    let told = instant(START.at(14, 0, 0, 0));
    if reschedules(chance) {
        let at = told + minutes(chance.between("reschedule", "after", 0, 8 * 24 * 60));
        acts.push((at, Act::Reschedule { wave: 2, opens_on: WAVES[1][1] }));
    }
    if chance.of("replans", "programme").happens(0.25) {
        // While practices are told, or between the two waves.
        let has_first_wave = chance.of("replans", "early").happens(0.6);
        let at = if has_first_wave {
            told + minutes(chance.between("replan", "after", 0, 3 * 24 * 60))
        } else {
            instant(WAVES[0][0].at(17, 30, 0, 0)) + minutes(chance.between("replan", "after", 0, 12 * 60))
        };
        let document = Document::first(chance, surgeries_count, false).again(chance, has_first_wave).text();
        acts.push((at, Act::Replan { document }));
    }
    acts
}

/// A practice comes to another ICB, one to another supplier, and one closes. Not the last one, by which what went wrong late is felt.
fn of_the_register(chance: &Chance, surgeries: &[Surgery]) -> Vec<(Timestamp, Act)> {
    let mut acts = Vec::new();
    let which = |purpose: &str| surgeries[chance.pick(purpose, "practice", surgeries.len() - 1)].clone();
    if chance.of("changes-icb", "anybody").happens(0.4) {
        let surgery = which("changes-icb");
        let icb = if surgery.icb == "QHM" { "QOQ" } else { "QHM" };
        acts.push((chance.moment("changes-icb", "at"), Act::Move { surgery: Surgery { icb, ..surgery } }));
    }
    if chance.of("changes-supplier", "anybody").happens(0.4) {
        let surgery = which("changes-supplier");
        let supplier = if surgery.supplier == CALLED[0] { CALLED[1] } else { CALLED[0] };
        // While practices are told, or when they may be on already.
        let at = if chance.of("changes-supplier", "early").happens(0.5) {
            instant(START.at(14, 0, 0, 0)) + minutes(chance.between("changes-supplier", "after", 0, 6 * 24 * 60))
        } else {
            chance.moment("changes-supplier", "at")
        };
        acts.push((at, Act::Move { surgery: Surgery { supplier, ..surgery } }));
    }
    if chance.of("closes", "anybody").happens(0.4) {
        acts.push((chance.moment("closes", "at"), Act::Close { practice: which("closes").code }));
    }
    acts
}

/// On the Monday after the waves a practice pauses and somebody holds it back, both for a few hours: what went wrong so late that
/// nobody met it any more, such as a commit that was to fail, is felt by then.
fn late_acts(surgeries: &[Surgery]) -> [(Timestamp, Act); 3] {
    let at = |hour: i8| instant(LAST_ACT.yesterday().expect("a day in June").at(hour, 0, 0, 0));
    let practice = surgeries.last().expect("thirty at least").code.clone();
    let scope = HeldScope::Practice(practice.clone());
    [
        (at(10), Act::Pause { practice: practice.clone() }),
        (at(11), Act::Hold { stop: false, safety: false, scope, lifted_at: at(13) }),
        (at(14), Act::Resume { practice }),
    ]
}

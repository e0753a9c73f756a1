//! What a seed makes of the statistics' part of a run: who tells of views and returns when, and what goes wrong.

use std::collections::BTreeMap;

use jiff::Timestamp;
use ods::civil::instant;

use super::{Chance, LAST_ACT, Surgery};
use crate::faults::{Committing, Fault, Planned};
use crate::hosts::{PRODUCERS, REGISTRY, STATISTICS};

/// Views of records that a producer tells of at once.
#[derive(Clone, Debug)]
pub(crate) struct Telling {
    pub(crate) at: Timestamp,
    pub(crate) source: &'static str,
    /// At which practice, and who.
    pub(crate) events: Vec<(String, u64)>,
}

/// Returns of a supplier's practices that are sent at once.
#[derive(Clone, Debug)]
pub(crate) struct Returning {
    pub(crate) at: Timestamp,
    pub(crate) supplier: &'static str,
    /// Accounts with access, by practice: never what was said of it before.
    pub(crate) accounts: BTreeMap<String, u64>,
}

/// Who looks at records when, by two apps: on the days of the waves, and so late that what went wrong is felt.
pub(super) fn tellings(chance: &Chance, surgeries: &[Surgery]) -> Vec<Telling> {
    let mut tellings = Vec::new();
    for source in ["nhs-app", "other-app"] {
        let mut moments: Vec<Timestamp> = (0..chance.between("tellings", source, 6, 14))
            .map(|number| chance.moment("telling", &*format!("{source}-{number}")))
            .collect();
        let monday = LAST_ACT.yesterday().expect("a day in June");
        moments.extend([10, 12, 14, 16].map(|hour| instant(monday.at(hour, 0, 0, 0))));
        moments.sort();
        for (number, at) in moments.into_iter().enumerate() {
            let view = |index: u64| {
                let subject = format!("{source}-{number}-{index}");
                let practice = surgeries[chance.pick("viewed-at", &subject, surgeries.len())].code.clone();
                (practice, chance.between("viewer", &subject, 1, 500))
            };
            let count = chance.between("views", &*format!("{source}-{number}"), 1, 25);
            tellings.push(Telling { at, source, events: (0..count).map(view).collect() });
        }
    }
    tellings
}

/// When which supplier sends what: May's returns, and corrections of some practices' of them.
pub(super) fn returnings(chance: &Chance, surgeries: &[Surgery]) -> Vec<Returning> {
    let mut returnings = Vec::new();
    for supplier in ["EMIS", "TPP"] {
        let mut moments: Vec<Timestamp> = (0..chance.between("returnings", supplier, 2, 6))
            .map(|number| chance.moment("returning", &*format!("{supplier}-{number}")))
            .collect();
        let monday = LAST_ACT.yesterday().expect("a day in June");
        moments.extend([11, 15].map(|hour| instant(monday.at(hour, 0, 0, 0))));
        moments.sort();
        for (number, at) in moments.into_iter().enumerate() {
            let of_it = surgeries.iter().filter(|surgery| surgery.supplier == supplier);
            let returned = of_it.enumerate().filter(|(index, surgery)| {
                // Never none.
                *index == 0 || chance.of("returned", format!("{}-{number}", surgery.code)).happens(0.6)
            });
            let accounts = |surgery: &Surgery| surgery.patients / 4 + 10 * number as u64;
            let accounts: BTreeMap<String, u64> =
                returned.map(|(_, surgery)| (surgery.code.clone(), accounts(surgery))).collect();
            if !accounts.is_empty() {
                returnings.push(Returning { at, supplier, accounts });
            }
        }
    }
    returnings
}

/// One or two things that go wrong with the statistics, drawn beside the others.
pub(super) fn faults_of_statistics(chance: &Chance) -> Vec<Planned> {
    const LINKS: [(&str, &str); 5] = [
        (PRODUCERS, STATISTICS[0]),
        (PRODUCERS, STATISTICS[1]),
        (STATISTICS[0], REGISTRY),
        (STATISTICS[1], REGISTRY),
        (STATISTICS[0], PRODUCERS),
    ];
    let mut faults: Vec<Planned> = Vec::new();
    for number in 0..chance.between("statistics-faults", "count", 1, 2) {
        let (one, other) = LINKS[chance.pick("statistics-link", number, LINKS.len())];
        let fault = match chance.between("statistics-fault", number, 0, 7) {
            0 | 1 => Fault::Crash(STATISTICS[chance.pick("statistics-crash", number, STATISTICS.len())]),
            2 => Fault::Cut(one, other),
            3 => Fault::CutOneWay(one, other),
            4 | 5 => Fault::StandStill(STATISTICS[chance.pick("statistics-stands", number, STATISTICS.len())]),
            _ => Fault::LoseCommit {
                of: Committing::Statistics,
                takes_effect: chance.of("statistics-commit", number).happens(0.5),
            },
        };
        let ticks = chance.between("statistics-ticks", number, 5, 250);
        let planned = Planned { at: chance.moment("statistics-fault-at", number), ticks, fault, cue: None };
        if !faults.iter().any(|known| known.meets(&planned)) {
            faults.push(planned);
        }
    }
    faults
}

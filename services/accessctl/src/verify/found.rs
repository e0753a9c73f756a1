//! What was found of each promise, what is open, and what nothing here shows; printed as a table or as JSON.
//!
//! A breach says where it lies, and with it goes what to do. What is open in a programme that runs is no breach.

use evidence::{Carried, Evidence, Finding};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::output::Table;

/// After how long what a supplier did shows at the registry at the latest (I28): its own list is read each day, and some
/// time goes by until it is answered.
const SHOWN_WITHIN: SignedDuration = SignedDuration::from_hours(25);

/// Lines of what is open that a table shows; there are as many as practices are under way.
const OPEN_SHOWN_MAX: usize = 20;

/// Everything that was found.
pub(super) struct Found {
    promises: Vec<Kept>,
    /// What has no end yet; [`Found::is_at_rest`] makes it breaches.
    open: Vec<String>,
    is_at_rest: bool,
    not_shown: Vec<String>,
    read: Read,
}

/// How much was read.
pub(super) struct Read {
    pub(super) registry_records_count: usize,
    pub(super) scheduler_records_count: usize,
    pub(super) suppliers_log_lines_count: usize,
    pub(super) carriers_log_lines_count: usize,
}

/// A promise, and what was found of it.
struct Kept {
    number: String,
    words: &'static str,
    cases_count: usize,
    breaches: Vec<String>,
    remedy: &'static str,
}

impl From<Finding> for Kept {
    fn from(found: Finding) -> Self {
        let Finding { promise, cases_count, breaches } = found;
        Self { number: promise.to_string(), words: promise.words(), cases_count, breaches, remedy: promise.remedy() }
    }
}

/// I28, of what was done long enough before `until`.
fn shown(evidence: &Evidence, until: Timestamp) -> Kept {
    let long_ago = until.saturating_sub(SHOWN_WITHIN).unwrap_or(Timestamp::MIN);
    Kept {
        number: "I28".to_owned(),
        words: "what a supplier switched, whoever asked it, shows at the registry within a day of its own list",
        cases_count: evidence.switched_count(),
        breaches: evidence.unseen_since(long_ago),
        remedy: "See whether the supplier answers and when its list was last read (`accessctl practice explain`); until it does, \
                 record what its log says (`accessctl practice observe`).",
    }
}

/// Rule 11, by the carriers' own logs.
fn carried(evidence: &Evidence, carried: &[Carried]) -> Kept {
    Kept {
        number: "rule 11".to_owned(),
        words: "no notice is sent unsealed or oftener than sealed, nor counts as given before its carrier gave it",
        cases_count: carried.len(),
        breaches: evidence.carriage_breaches(carried),
        remedy: "Hold the wave, and ask the carrier what became of that reference; a practice that was not told is told anew \
                 (`accessctl wave notices`).",
    }
}

impl Found {
    /// What `evidence` shows by `until`, the last moment that is told of; `carriers` where their logs are at hand.
    pub(super) fn new(
        evidence: &Evidence,
        carriers: Option<&[Carried]>,
        until: Timestamp,
        is_at_rest: bool,
        read: Read,
    ) -> Self {
        let mut promises: Vec<Kept> = evidence.findings().into_iter().map(Kept::from).collect();
        let shown = shown(evidence, until);
        let unseen: Vec<String> = evidence.unseen().into_iter().filter(|one| !shown.breaches.contains(one)).collect();
        promises.push(shown);
        let mut not_shown: Vec<String> = evidence
            .suppliers_without_log()
            .iter()
            .map(|supplier| format!("what {supplier} did: no log of it is here (--suppliers-log)"))
            .collect();
        let notices_count = evidence.notices_sealed_count();
        match carriers {
            Some(log) => promises.push(carried(evidence, log)),
            None if notices_count > 0 => not_shown
                .push(format!("what became of {notices_count} notices: no carrier's log is here (--carriers-log)")),
            None => {}
        }
        let open = evidence.owed().into_iter().chain(evidence.unended_waves()).chain(unseen).collect();
        Self { promises, open, is_at_rest, not_shown, read }
    }

    /// What was not kept, and, at rest, what is open.
    pub(super) fn breaches_count(&self) -> usize {
        let broken: usize = self.promises.iter().map(|kept| kept.breaches.len()).sum();
        broken + if self.is_at_rest { self.open.len() } else { 0 }
    }

    pub(super) fn as_json(&self) -> Value {
        let promise = |kept: &Kept| {
            json!({
                "promise": kept.number,
                "words": kept.words,
                "cases_count": kept.cases_count,
                "breaches": kept.breaches,
                "what_to_do": if kept.breaches.is_empty() { "" } else { kept.remedy },
            })
        };
        json!({
            "registry_records_count": self.read.registry_records_count,
            "scheduler_records_count": self.read.scheduler_records_count,
            "suppliers_log_lines_count": self.read.suppliers_log_lines_count,
            "carriers_log_lines_count": self.read.carriers_log_lines_count,
            "promises": self.promises.iter().map(promise).collect::<Vec<_>>(),
            "open": self.open,
            "is_at_rest": self.is_at_rest,
            "not_shown": self.not_shown,
        })
    }

    pub(super) fn table(&self) -> Table {
        let mut table = Table::new(&["promise", "cases", "found"]);
        let mut row = |first: &str, cases: String, found: String| table.row([first.to_owned(), cases, found]);
        for kept in &self.promises {
            let Kept { number, words, cases_count, breaches, remedy } = kept;
            let none = if *cases_count == 0 { "nothing to look at" } else { "kept" };
            let first = breaches.first().map_or_else(|| none.to_owned(), |breach| format!("BROKEN: {breach}"));
            row(&format!("{number} {words}"), cases_count.to_string(), first);
            for breach in breaches.iter().skip(1) {
                row("", String::new(), format!("BROKEN: {breach}"));
            }
            if !breaches.is_empty() {
                row("", String::new(), format!("what to do: {remedy}"));
            }
        }
        let (what, word) = if self.is_at_rest { ("at rest", "OWED") } else { ("under way", "open") };
        for open in self.open.iter().take(OPEN_SHOWN_MAX) {
            row(what, String::new(), format!("{word}: {open}"));
        }
        if self.open.len() > OPEN_SHOWN_MAX {
            let more = self.open.len() - OPEN_SHOWN_MAX;
            row("", String::new(), format!("and {more} more; --output json has all"));
        }
        for unseen in &self.not_shown {
            row("not shown", String::new(), unseen.clone());
        }
        let Read { registry_records_count, scheduler_records_count, .. } = &self.read;
        let Read { suppliers_log_lines_count, carriers_log_lines_count, .. } = &self.read;
        let read = format!(
            "{registry_records_count} records of the registry, {scheduler_records_count} of the scheduler, \
             {suppliers_log_lines_count} lines of suppliers' logs, {carriers_log_lines_count} of carriers'"
        );
        row("read", String::new(), read);
        table
    }
}

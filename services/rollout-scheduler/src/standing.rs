//! Standing: why nothing moves at present, as the last look at everything found it, and which suppliers do not answer.
//!
//! For people only: nothing is decided on it. On a replica that performs no effects it stays empty.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use ods::Supplier;
use rollout::state::Wave;
use rollout::{Report, Silence, Still};

/// The last report, and the suppliers' silence. Readers take no lock.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    report: ArcSwap<Report>,
    silent: ArcSwap<BTreeMap<Supplier, Silence>>,
}

impl Standing {
    pub(crate) fn set(&self, report: Report) {
        self.report.store(Arc::new(report));
    }

    pub(crate) fn set_silent(&self, silent: BTreeMap<Supplier, Silence>) {
        if **self.silent.load() != silent {
            self.silent.store(Arc::new(silent));
        }
    }

    /// What is in the way in one wave, a sentence each.
    pub(crate) fn stuck(&self, wave: &Wave) -> Vec<String> {
        let report = self.report.load();
        let mut stuck: Vec<String> = report.of(&wave.id).map(in_words).collect();
        for (supplier, silence) in self.silent.load().iter() {
            let waits = wave.enrolments().filter(|one| one.supplier == *supplier && one.stage.state().is_unsettled());
            let count = waits.count();
            if count > 0 {
                stuck.push(format!("{count} wait for an answer of {supplier}: {silence}"));
            }
        }
        stuck
    }
}

/// Who waits for what; a wave as a whole may wait while nobody in it does.
fn in_words(still: &Still) -> String {
    if still.load.is_zero() {
        return still.blocker.to_string();
    }
    format!("{} wait: {}", still.load, still.blocker)
}

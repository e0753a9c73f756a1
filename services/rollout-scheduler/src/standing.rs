//! Standing: why nothing moves at present, as the last look at everything found it.
//!
//! For people only: nothing is decided on it. On a replica that performs no effects it stays empty.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rollout::{Report, WaveRef};

/// The last report. Readers take no lock.
#[derive(Debug, Default)]
pub(crate) struct Standing(ArcSwap<Report>);

impl Standing {
    pub(crate) fn set(&self, report: Report) {
        self.0.store(Arc::new(report));
    }

    /// What is in the way in one wave, a sentence each.
    pub(crate) fn stuck(&self, wave: &WaveRef) -> Vec<String> {
        let report = self.0.load();
        report.of(wave).map(|still| format!("{} wait: {}", still.load, still.blocker)).collect()
    }
}

//! What is wrong with a gate as written: that anything passes it, or that it never decides.

use std::collections::BTreeMap;

use super::{Found, Wrong};
use crate::small_sample::SMALL_SAMPLE_MAX;
use crate::spec::{GateSpec, SmallSampleSpec};

pub(super) fn check_gate(field: impl Into<String>, gate: &GateSpec, found: &mut Found) {
    let field = field.into();
    if gate.min_success.is_zero() {
        found.add(format!("{field}.min_success"), Wrong::Gate("anything would pass: must be above 0"));
    }
    if gate.min_sample == 0 {
        found.add(format!("{field}.min_sample"), Wrong::Zero);
    }
    if gate.soak.is_negative() {
        found.add(format!("{field}.soak"), Wrong::Gate("must not be negative"));
    }
    if gate.timeout.is_negative() {
        found.add(format!("{field}.timeout"), Wrong::Gate("must not be negative"));
    }
    if let Some(test) = &gate.small_sample {
        check_small_sample(&format!("{field}.small_sample"), gate, test, found);
    }
    if gate.exclusions.is_some_and(|exclusions| exclusions.max_share.is_whole()) {
        found.add(format!("{field}.exclusions.max_share"), Wrong::Gate("anything would pass: must be below 1"));
    }
    if gate.viewers.is_some_and(|viewers| viewers.min_share.is_zero()) {
        found.add(format!("{field}.viewers.min_share"), Wrong::Gate("anything would pass: must be above 0"));
    }
    if gate.concerns.as_ref().is_some_and(BTreeMap::is_empty) {
        found.add(format!("{field}.concerns"), Wrong::Empty);
    }
}

fn check_small_sample(field: &str, gate: &GateSpec, test: &SmallSampleSpec, found: &mut Found) {
    if test.unacceptable.is_zero() || test.unacceptable >= gate.min_success {
        let wrong = Wrong::Gate("must be above 0 and below min_success: there is nothing to tell apart");
        found.add(format!("{field}.unacceptable"), wrong);
    }
    if test.risk.is_zero() || test.risk.kept_by(1, 2) {
        found.add(format!("{field}.risk"), Wrong::Gate("must be above 0 and below 0.5"));
    }
    if gate.min_sample > SMALL_SAMPLE_MAX {
        found.add(field, Wrong::Gate("min_sample is above 1,000, and so many are no small sample"));
    }
}

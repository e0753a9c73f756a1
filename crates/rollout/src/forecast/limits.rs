//! Limits, and what each costs: the same futures once more with one of them out of the way.
//!
//! A pause is no limit here. It is the practice's own, and nobody is told what would be gained without it.

use std::collections::BTreeSet;
use std::fmt;

use ods::Supplier;

use super::model::{Estimate, Model};
use crate::spec::{Cap, CapSet};
use crate::state::{CapScope, Programme, State};

/// Something that holds a programme back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// A cap on what goes live in a day.
    DailyCap(CapOf),
    /// A cap on what is under way at once.
    InFlightCap(CapOf),
    /// What a supplier does in an hour.
    SupplierPace(Supplier),
    /// Days that a supplier has frozen for its own practices.
    SupplierFreezes(Supplier),
    /// Suppliers' refusals.
    Refusals,
    /// Practices that are not ready.
    Readiness,
    /// Working days of notice.
    Notice,
    /// Holds that stand now.
    Holds,
    /// Gates that did not pass, and waves that wait for those before them.
    Gates,
    /// The waves' own first dates.
    Dates,
}

/// Whose cap.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum CapOf {
    /// The nation's.
    Nation,
    /// A supplier's.
    Supplier(Supplier),
    /// Every ICB's.
    Icbs,
}

impl CapOf {
    pub(super) fn of(scope: &CapScope) -> Self {
        match scope {
            CapScope::National => Self::Nation,
            CapScope::Supplier(supplier) => Self::Supplier(supplier.clone()),
            CapScope::Icb(_) => Self::Icbs,
        }
    }
}

impl Limit {
    /// The limits that a programme has at all.
    pub(super) fn all(state: &State, programme: &Programme, model: &Model) -> BTreeSet<Self> {
        let mut limits = BTreeSet::from([Self::Refusals, Self::Readiness, Self::Gates, Self::Dates]);
        let Some(plan) = programme.plan() else { return limits };
        limits.extend(caps(&plan.spec.caps.daily, model).map(Self::DailyCap));
        limits.extend(caps(&plan.spec.caps.in_flight, model).map(Self::InFlightCap));
        for (supplier, known) in &model.suppliers {
            if known.hourly_max.is_some() {
                limits.insert(Self::SupplierPace(supplier.clone()));
            }
        }
        let to_come = || programme.waves.values().filter(|wave| !wave.stage.has_ended());
        limits
            .extend(to_come().flat_map(|wave| wave.rules.supplier_freezes.keys()).cloned().map(Self::SupplierFreezes));
        if programme.waves.values().any(|wave| wave.rules.notice_working_days > 0) {
            limits.insert(Self::Notice);
        }
        if state.active_holds().next().is_some() {
            limits.insert(Self::Holds);
        }
        limits
    }

    /// The model without this limit, where it is the world's and not the plan's.
    pub(super) fn lifted_from(&self, model: &Model) -> Model {
        let mut model = model.clone();
        for (supplier, known) in &mut model.suppliers {
            match self {
                Self::Refusals => {
                    known.refused_for_now = Estimate::certain(0.0);
                    known.refused_for_good = Estimate::certain(0.0);
                }
                Self::SupplierPace(slow) if slow == supplier => known.hourly_max = None,
                _ => {}
            }
        }
        model
    }
}

/// Whose caps are written in a set.
fn caps(set: &CapSet, model: &Model) -> impl Iterator<Item = CapOf> {
    let binds = |cap: &Cap| *cap != Cap::default();
    let suppliers =
        model.suppliers.keys().filter(move |supplier| binds(&set.of(&CapScope::Supplier((*supplier).clone()))));
    let icbs = binds(&set.each_icb) || set.icbs.values().any(binds);
    let nation = binds(&set.national).then_some(CapOf::Nation);
    let suppliers: Vec<CapOf> = suppliers.cloned().map(CapOf::Supplier).collect();
    nation.into_iter().chain(suppliers).chain(icbs.then_some(CapOf::Icbs))
}

impl fmt::Display for Limit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DailyCap(of) => write!(out, "the daily cap of {of}"),
            Self::InFlightCap(of) => write!(out, "the cap of {of} on what is under way"),
            Self::SupplierPace(supplier) => write!(out, "what {supplier} does in an hour"),
            Self::SupplierFreezes(supplier) => write!(out, "the days that {supplier} has frozen"),
            Self::Refusals => out.write_str("suppliers' refusals"),
            Self::Readiness => out.write_str("practices that are not ready"),
            Self::Notice => out.write_str("working days of notice"),
            Self::Holds => out.write_str("holds that stand now"),
            Self::Gates => out.write_str("gates, and waves that wait for earlier ones"),
            Self::Dates => out.write_str("the waves' first dates"),
        }
    }
}

impl fmt::Display for CapOf {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nation => out.write_str("the nation"),
            Self::Supplier(supplier) => write!(out, "{supplier}"),
            Self::Icbs => out.write_str("each ICB"),
        }
    }
}

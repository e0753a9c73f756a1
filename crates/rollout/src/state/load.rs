//! Load: practices and their patients, and how much of a cap is used.

use std::fmt;
use std::ops::{AddAssign, SubAssign};

use imbl::OrdMap;
use ods::{IcbCode, Supplier};
use serde::{Deserialize, Serialize};

use crate::spec::{Cap, CapSet};

/// So many practices with so many registered patients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Practices.
    pub practices: u32,
    /// Their registered patients.
    pub patients: u64,
}

impl Load {
    /// One practice.
    #[must_use]
    pub fn of(list_size: u32) -> Self {
        Self { practices: 1, patients: u64::from(list_size) }
    }

    /// Nothing.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self == Self::default()
    }

    /// Whether it is within the cap.
    #[must_use]
    pub fn within(self, cap: Cap) -> bool {
        cap.practices.is_none_or(|most| self.practices <= most) && cap.patients.is_none_or(|most| self.patients <= most)
    }

    /// Both together.
    #[must_use]
    pub fn plus(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl AddAssign for Load {
    fn add_assign(&mut self, other: Self) {
        self.practices += other.practices;
        self.patients += other.patients;
    }
}

impl SubAssign for Load {
    fn sub_assign(&mut self, other: Self) {
        self.practices -= other.practices;
        self.patients -= other.patients;
    }
}

impl fmt::Display for Load {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} practices, {} patients", self.practices, self.patients)
    }
}

/// Whose cap.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CapScope {
    /// All practices together.
    National,
    /// One supplier's.
    Supplier(Supplier),
    /// One ICB's.
    Icb(IcbCode),
}

impl fmt::Display for CapScope {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::National => out.write_str("the nation"),
            Self::Supplier(supplier) => write!(out, "suppliers/{supplier}"),
            Self::Icb(icb) => write!(out, "icbs/{icb}"),
        }
    }
}

/// The scopes whose caps a practice counts against.
pub fn scopes(supplier: &Supplier, icb: Option<IcbCode>) -> impl Iterator<Item = CapScope> {
    [Some(CapScope::National), Some(CapScope::Supplier(supplier.clone())), icb.map(CapScope::Icb)].into_iter().flatten()
}

impl CapSet {
    /// The cap of a scope; one that was not written does not bind.
    #[must_use]
    pub fn of(&self, scope: &CapScope) -> Cap {
        match scope {
            CapScope::National => self.national,
            CapScope::Supplier(supplier) => self.suppliers.get(supplier).copied().unwrap_or(self.each_supplier),
            CapScope::Icb(icb) => self.icbs.get(icb).copied().unwrap_or(self.each_icb),
        }
    }
}

/// What counts against each scope's cap.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loads {
    #[serde(with = "crate::pairs")]
    by_scope: OrdMap<CapScope, Load>,
}

impl Loads {
    /// What counts against a scope's cap.
    #[must_use]
    pub fn of(&self, scope: &CapScope) -> Load {
        self.by_scope.get(scope).copied().unwrap_or_default()
    }

    /// Every scope against which anything counts.
    pub fn iter(&self) -> impl Iterator<Item = (&CapScope, Load)> {
        self.by_scope.iter().map(|(scope, load)| (scope, *load))
    }

    /// Counts a practice.
    pub fn add(&mut self, supplier: &Supplier, icb: Option<IcbCode>, load: Load) {
        for scope in scopes(supplier, icb) {
            *self.by_scope.entry(scope).or_default() += load;
        }
    }

    /// Counts a practice no longer.
    pub fn remove(&mut self, supplier: &Supplier, icb: Option<IcbCode>, load: Load) {
        for scope in scopes(supplier, icb) {
            let now = self.by_scope.entry(scope.clone()).or_default();
            *now -= load;
            if now.is_zero() {
                self.by_scope.remove(&scope);
            }
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let by_scope = self.by_scope.clone().union_with(other.by_scope.clone(), Load::plus);
        Self { by_scope }
    }

    /// Whether nothing counts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_scope.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(practices: u32, patients: u64) -> Load {
        Load { practices, patients }
    }

    #[test]
    fn a_cap_binds_in_practices_and_in_patients_and_lets_so_many_in() {
        let cap = |practices, patients| Cap { practices, patients };
        let three = load(3, 9_000);
        for (cap, within) in [
            (cap(None, None), true),
            (cap(Some(3), None), true),
            (cap(Some(2), None), false),
            (cap(None, Some(9_000)), true),
            (cap(None, Some(8_999)), false),
            (cap(Some(3), Some(8_999)), false),
            (cap(Some(2), Some(9_000)), false),
            (cap(Some(4), Some(9_001)), true),
        ] {
            assert_eq!(three.within(cap), within, "{cap:?}");
        }
        assert_eq!(three.to_string(), "3 practices, 9000 patients");
    }

    #[test]
    fn what_is_added_and_taken_away_again_leaves_nothing() {
        let (tpp, icb) = ("TPP".parse().unwrap(), Some("QHM".parse().unwrap()));
        let mut loads = Loads::default();
        assert!(loads.is_empty());
        loads.add(&tpp, icb, Load::of(4_000));
        loads.add(&tpp, None, Load::of(5_000));
        assert!(!loads.is_empty());
        let told: Vec<String> = loads.iter().map(|(scope, load)| format!("{scope}: {load}")).collect();
        let expected = [
            "the nation: 2 practices, 9000 patients",
            "suppliers/TPP: 2 practices, 9000 patients",
            "icbs/QHM: 1 practices, 4000 patients",
        ];
        assert_eq!(told, expected);
        let twice = loads.plus(&loads);
        assert_eq!(twice.of(&CapScope::National), load(4, 18_000));
        loads.remove(&tpp, icb, Load::of(4_000));
        assert_eq!(loads.of(&CapScope::National), load(1, 5_000));
        assert_eq!(loads.iter().count(), 2, "of its ICB nothing is left");
        loads.remove(&tpp, None, Load::of(5_000));
        assert!(loads.is_empty() && loads == Loads::default());
    }

    #[test]
    fn a_supplier_or_icb_with_a_cap_of_its_own_has_that_one() {
        let cap = |practices| Cap { practices: Some(practices), patients: None };
        let caps = CapSet {
            national: cap(50),
            each_supplier: cap(20),
            each_icb: cap(5),
            suppliers: [("TPP".parse().unwrap(), cap(30))].into(),
            icbs: [("QHM".parse().unwrap(), cap(7))].into(),
        };
        let of = |scope| caps.of(&scope).practices.unwrap();
        assert_eq!(of(CapScope::National), 50);
        assert_eq!(["TPP", "EMIS"].map(|name| of(CapScope::Supplier(name.parse().unwrap()))), [30, 20]);
        assert_eq!(["QHM", "QWE"].map(|code| of(CapScope::Icb(code.parse().unwrap()))), [7, 5]);
    }
}

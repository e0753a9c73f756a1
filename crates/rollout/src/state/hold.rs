//! Holds: anybody's brake but the practice's own. They are a set; lifting one leaves the others (I11).

use std::fmt;

use imbl::OrdSet;
use jiff::Timestamp;
use jiff::civil::Date;
use ods::{IcbCode, PracticeCode, RegionCode, Supplier};
use serde::{Deserialize, Serialize};

use crate::id::{Account, HoldId, PlanVersion, ProgrammeId, WaveRef};

/// A brake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Its number.
    pub id: HoldId,
    /// How hard.
    pub brake: Brake,
    /// Whom it covers.
    pub scope: HoldScope,
    /// On what grounds.
    pub class: HoldClass,
    /// Who answers for it.
    pub owner: Account,
    /// Why, an UPPER_SNAKE code.
    pub reason_code: String,
    /// When it is to be looked at again. It does not lapse by itself.
    pub review_on: Option<Date>,
    /// Who placed it.
    pub placed_by: Account,
    /// When.
    pub placed_at: Timestamp,
    /// For a halt: the wave whose gate raised it.
    pub halted_wave: Option<WaveRef>,
    /// For a halt: the version of its programme's plan that was found impossible (I8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halted_plan: Option<PlanVersion>,
    /// For a halt: who acknowledged it.
    pub acknowledged: Option<Signature>,
    /// The first of two people has asked to lift it.
    pub lift_asked: Option<LiftAsked>,
    /// Who lifted it; none while it brakes.
    pub lifted: Option<Signature>,
    /// The position of its last change: its etag.
    pub changed_at_position: u64,
}

/// Who did something, when, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Who.
    pub by: Account,
    /// When.
    pub at: Timestamp,
    /// Why, an UPPER_SNAKE code.
    pub reason_code: String,
}

/// The wish of the first of two people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiftAsked {
    /// Who.
    pub by: Account,
    /// Until when another may complete it.
    pub until: Timestamp,
}

/// How hard a hold brakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Brake {
    /// No new ENABLE seals; what was sealed settles.
    Hold,
    /// As HOLD; and the supplier is asked to cancel what was sent.
    Stop,
}

/// On what grounds a hold stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldClass {
    /// Clinical safety. Takes two people to lift.
    Safety,
    /// The supplier's own.
    Supplier,
    /// Legal.
    Legal,
    /// Too much at once.
    Capacity,
    /// A halt, raised by a gate or by a plan that is found impossible; never placed by hand.
    AutomaticGate,
}

impl fmt::Display for HoldClass {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Safety => "safety",
            Self::Supplier => "supplier",
            Self::Legal => "legal",
            Self::Capacity => "capacity",
            Self::AutomaticGate => "automatic gate",
        })
    }
}

/// Whom a hold covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldScope {
    /// Everybody.
    National,
    /// The practices of a supplier.
    Supplier(Supplier),
    /// The practices of a region.
    Region(RegionCode),
    /// The practices of an ICB.
    Icb(IcbCode),
    /// A programme.
    Programme(ProgrammeId),
    /// A wave.
    Wave(WaveRef),
    /// A practice.
    Practice(PracticeCode),
    /// Practices chosen when it was placed: whoever comes to match later is not covered, whoever ceases to match stays covered.
    Selection(OrdSet<PracticeCode>),
}

impl fmt::Display for HoldScope {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::National => out.write_str("national"),
            Self::Supplier(supplier) => write!(out, "suppliers/{supplier}"),
            Self::Region(region) => write!(out, "regions/{region}"),
            Self::Icb(icb) => write!(out, "icbs/{icb}"),
            Self::Programme(programme) => write!(out, "{programme}"),
            Self::Wave(wave) => write!(out, "{wave}"),
            Self::Practice(practice) => write!(out, "practices/{practice}"),
            Self::Selection(members) => write!(out, "a selection of {} practices", members.len()),
        }
    }
}

/// A practice as holds see it.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The wave it would go live in.
    pub wave: &'a WaveRef,
    /// The practice.
    pub practice: PracticeCode,
    /// Its supplier.
    pub supplier: &'a Supplier,
    /// Its ICB.
    pub icb: Option<IcbCode>,
    /// Its region.
    pub region: Option<RegionCode>,
}

impl HoldScope {
    /// Whether it covers a practice.
    #[must_use]
    pub fn covers(&self, subject: &Subject<'_>) -> bool {
        match self {
            Self::National => true,
            Self::Supplier(supplier) => supplier == subject.supplier,
            Self::Region(region) => Some(*region) == subject.region,
            Self::Icb(icb) => Some(*icb) == subject.icb,
            Self::Programme(programme) => *programme == subject.wave.programme,
            Self::Wave(wave) => wave == subject.wave,
            Self::Practice(practice) => *practice == subject.practice,
            Self::Selection(members) => members.contains(&subject.practice),
        }
    }

    /// Whether it covers a wave with all its practices, whoever they are.
    #[must_use]
    pub fn covers_wave(&self, wave: &WaveRef) -> bool {
        match self {
            Self::National => true,
            Self::Programme(programme) => *programme == wave.programme,
            Self::Wave(held) => held == wave,
            Self::Supplier(_) | Self::Region(_) | Self::Icb(_) | Self::Practice(_) | Self::Selection(_) => false,
        }
    }

    /// Whether it covers a practice by its name alone: somebody's decision about just this practice, which a new plan
    /// respects.
    #[must_use]
    pub fn names(&self, practice: PracticeCode) -> bool {
        match self {
            Self::Practice(held) => *held == practice,
            Self::Selection(members) => members.contains(&practice),
            _ => false,
        }
    }
}

impl Hold {
    /// Whether it is a halt: nothing advances until a named person has acknowledged it (rule 6).
    #[must_use]
    pub fn is_halt(&self) -> bool {
        self.class == HoldClass::AutomaticGate
    }

    /// Whether it brakes.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.lifted.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::WaveId;

    fn wave(programme: &str, number: u32) -> WaveRef {
        WaveRef { programme: ProgrammeId::new(programme).unwrap(), wave: WaveId(number) }
    }

    fn selection(codes: &[&str]) -> HoldScope {
        HoldScope::Selection(codes.iter().map(|code| code.parse::<PracticeCode>().unwrap()).collect())
    }

    /// Each with whom it covers: the practice below first, then another that differs in all.
    fn scopes() -> [(HoldScope, bool, bool); 9] {
        [
            (HoldScope::National, true, true),
            (HoldScope::Supplier("TPP".parse().unwrap()), true, false),
            (HoldScope::Region("Y56".parse().unwrap()), true, false),
            (HoldScope::Icb("QHM".parse().unwrap()), true, false),
            (HoldScope::Programme(ProgrammeId::new("spring").unwrap()), true, false),
            (HoldScope::Wave(wave("spring", 2)), true, false),
            (HoldScope::Practice("A81001".parse().unwrap()), true, false),
            (selection(&["A81001", "A81003"]), true, false),
            (selection(&["A81003"]), false, false),
        ]
    }

    #[test]
    fn a_scope_covers_whom_it_names_and_nobody_else() {
        let (here, elsewhere) = (wave("spring", 2), wave("autumn", 3));
        let (tpp, emis) = ("TPP".parse().unwrap(), "EMIS".parse().unwrap());
        let subject = |number: &str, wave, supplier, icb: &str, region: &str| Subject {
            wave,
            practice: number.parse().unwrap(),
            supplier,
            icb: Some(icb.parse().unwrap()),
            region: Some(region.parse().unwrap()),
        };
        let one = subject("A81001", &here, &tpp, "QHM", "Y56");
        let other = subject("A81002", &elsewhere, &emis, "QWE", "Y63");
        for (scope, covers_one, covers_other) in scopes() {
            assert_eq!((scope.covers(&one), scope.covers(&other)), (covers_one, covers_other), "{scope}");
            // Where it lies is not known: no area covers it.
            let nowhere = Subject { icb: None, region: None, ..one };
            let is_area = matches!(scope, HoldScope::Icb(_) | HoldScope::Region(_));
            assert_eq!(scope.covers(&nowhere), covers_one && !is_area, "{scope}");
            let of_all = matches!(scope, HoldScope::National | HoldScope::Programme(_) | HoldScope::Wave(_));
            assert_eq!(scope.covers_wave(&here), of_all, "{scope}");
            assert_eq!(scope.covers_wave(&elsewhere), scope == HoldScope::National, "{scope}");
            let by_name = matches!(scope, HoldScope::Practice(_) | HoldScope::Selection(_));
            assert_eq!(scope.names(one.practice), by_name && covers_one, "{scope}");
            assert!(!scope.names(other.practice), "{scope}");
        }
    }

    #[test]
    fn scopes_and_classes_are_told_by_the_names_of_what_they_cover() {
        let told: Vec<String> = scopes().iter().map(|(scope, ..)| scope.to_string()).collect();
        let expected = [
            "national",
            "suppliers/TPP",
            "regions/Y56",
            "icbs/QHM",
            "programmes/spring",
            "programmes/spring/waves/2",
            "practices/A81001",
            "a selection of 2 practices",
            "a selection of 1 practices",
        ];
        assert_eq!(told, expected);
        assert_eq!(
            [HoldClass::Safety, HoldClass::AutomaticGate].map(|class| class.to_string()),
            ["safety", "automatic gate"]
        );
    }
}

//! The organisations above a practice: PCN, sub-ICB, ICB, region.
//!
//! What one file says of them at one time. That they merge, split and change codes is the registry's matter.

use crate::{IcbCode, OnsCode, PcnCode, RegionCode, SubIcbCode};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// An NHS commissioning region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// Its ODS code.
    pub code: RegionCode,
    /// Its name; empty where the file gives only codes.
    pub name: String,
    /// Its ONS code, where given.
    pub ons_code: Option<OnsCode>,
}

/// An integrated care board (formerly a sustainability and transformation partnership).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Icb {
    /// Its ODS code.
    pub code: IcbCode,
    /// Its name; empty where the file gives only codes.
    pub name: String,
    /// Its ONS code, where given; boundary files are keyed by it.
    pub ons_code: Option<OnsCode>,
    /// The region it lies in.
    pub region: RegionCode,
}

/// A sub-ICB location (formerly a clinical commissioning group).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubIcb {
    /// Its ODS code.
    pub code: SubIcbCode,
    /// Its name; empty where the file gives only codes.
    pub name: String,
    /// Its ONS code, where given.
    pub ons_code: Option<OnsCode>,
    /// The ICB it is part of.
    pub icb: IcbCode,
}

/// A primary care network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pcn {
    /// Its ODS code, never [`PcnCode::UNALLOCATED`].
    pub code: PcnCode,
    /// Its name.
    pub name: String,
    /// Where its practices lie. Mostly one, but some PCNs lie in several sub-ICBs and even in two ICBs: so a practice's
    /// ICB follows from its own sub-ICB, never from its PCN.
    pub sub_icbs: BTreeSet<SubIcbCode>,
}

/// Organisations by code. Every parent is here: a sub-ICB's ICB, an ICB's region, a PCN's sub-ICBs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organisations {
    /// Regions.
    pub regions: BTreeMap<RegionCode, Region>,
    /// ICBs.
    pub icbs: BTreeMap<IcbCode, Icb>,
    /// Sub-ICB locations.
    pub sub_icbs: BTreeMap<SubIcbCode, SubIcb>,
    /// PCNs.
    pub pcns: BTreeMap<PcnCode, Pcn>,
}

impl Organisations {
    /// The ICB of a sub-ICB.
    #[must_use]
    pub fn icb_of(&self, sub_icb: SubIcbCode) -> Option<&Icb> {
        self.icbs.get(&self.sub_icbs.get(&sub_icb)?.icb)
    }

    /// The region of a sub-ICB.
    #[must_use]
    pub fn region_of(&self, sub_icb: SubIcbCode) -> Option<&Region> {
        self.regions.get(&self.icb_of(sub_icb)?.region)
    }
}

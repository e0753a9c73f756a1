//! Places: where a practice stands, and whether it is open there.

use jiff::civil::Date;
use ods::{IcbCode, PcnCode, PracticeCode, RegionCode, SubIcbCode, Supplier};
use serde::{Deserialize, Serialize};

use crate::area::{Area, AreaKind};
use crate::day::Day;

/// Where a practice stands and whether it is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Whether its publisher says it sees patients.
    pub standing: PracticeStanding,
    /// First day, where known.
    pub open_date: Option<Date>,
    /// First day on which it is no longer open, where known.
    pub close_date: Option<Date>,
    /// Maker of its GP system.
    pub supplier: Option<Supplier>,
    /// Integrated care board.
    pub icb: Option<IcbCode>,
    /// NHS England region.
    pub region: Option<RegionCode>,
    /// Sub-ICB location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_icb: Option<SubIcbCode>,
    /// Primary care network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pcn: Option<PcnCode>,
}

/// What a publisher says of a practice besides its dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PracticeStanding {
    /// It sees patients between its dates.
    Active,
    /// It sees none at present.
    Dormant,
    /// It has closed, or is no longer in the registry.
    Closed,
    /// It has not opened.
    Proposed,
}

impl Place {
    /// Whether the practice is open on this day.
    #[must_use]
    pub fn is_open_on(&self, day: Day) -> bool {
        // A closed practice with a close date was open before it, a proposed one is from its open date on.
        let standing = match self.standing {
            PracticeStanding::Active => true,
            PracticeStanding::Closed => self.close_date.is_some(),
            PracticeStanding::Proposed => self.open_date.is_some(),
            PracticeStanding::Dormant => false,
        };
        standing
            && self.open_date.is_none_or(|date| date <= day.date())
            && self.close_date.is_none_or(|date| day.date() < date)
    }

    /// The areas it lies in besides England.
    pub fn areas(&self) -> impl Iterator<Item = Area> + '_ {
        let region = self.region.map(Area::Region);
        let icb = self.icb.map(Area::Icb);
        let supplier = self.supplier.clone().map(Area::Supplier);
        let sub_icb = self.sub_icb.map(Area::SubIcb);
        let pcn = self.pcn.map(Area::Pcn);
        [region, icb, supplier, sub_icb, pcn].into_iter().flatten()
    }

    /// The area of this kind that a practice here belongs to, if it belongs to any.
    pub(crate) fn area(&self, kind: AreaKind, code: PracticeCode) -> Option<Area> {
        match kind {
            AreaKind::England => Some(Area::England),
            AreaKind::Region => self.region.map(Area::Region),
            AreaKind::Icb => self.icb.map(Area::Icb),
            AreaKind::SubIcb => self.sub_icb.map(Area::SubIcb),
            AreaKind::Pcn => self.pcn.map(Area::Pcn),
            AreaKind::Supplier => self.supplier.clone().map(Area::Supplier),
            AreaKind::Practice => Some(Area::Practice(code)),
        }
    }

    pub(crate) fn lies_in(&self, area: &Area, code: PracticeCode) -> bool {
        match area {
            Area::England => true,
            Area::Region(region) => self.region == Some(*region),
            Area::Icb(icb) => self.icb == Some(*icb),
            Area::SubIcb(sub_icb) => self.sub_icb == Some(*sub_icb),
            Area::Pcn(pcn) => self.pcn == Some(*pcn),
            Area::Supplier(supplier) => self.supplier.as_ref() == Some(supplier),
            Area::Practice(practice) => *practice == code,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{date, place};

    #[test]
    fn a_practice_is_open_between_its_dates() {
        let between = Place { open_date: Some(date(5)), close_date: Some(date(9)), ..place("QHM", "TPP") };
        let open = |place: &Place| [4, 5, 8, 9].map(|day| place.is_open_on(date(day).into()));
        assert_eq!(open(&between), [false, true, true, false]);
        let closed = Place { standing: PracticeStanding::Closed, ..between.clone() };
        assert_eq!(open(&closed), [false, true, true, false]);
        let proposed = Place { standing: PracticeStanding::Proposed, ..between.clone() };
        assert_eq!(open(&proposed), [false, true, true, false]);
        for standing in [PracticeStanding::Closed, PracticeStanding::Proposed, PracticeStanding::Dormant] {
            assert_eq!(open(&Place { standing, ..place("QHM", "TPP") }), [false; 4], "{standing:?}");
        }
    }
}

//! Regions, ICBs and sub-ICBs, and how many practices lie in each.
//!
//! Seven regions and 36 ICBs whose practices, sub-ICBs and suppliers are in proportion to those of the real England,
//! rounded. Neither names nor codes are real, and no seed changes the numbers.

use crate::apportion::apportion;
use crate::{codes, names};
use ods::{Icb, Organisations, Region, SubIcb, SubIcbCode, draw_for};

/// A region's patients per practice, in thousandths of England's, and its ICBs.
struct RegionShape {
    patients_per_mille: u64,
    icbs: &'static [IcbShape],
}

/// Practices of 6,129; sub-ICBs; practices in a hundred with the supplier that is late in the alphabet; and whether its
/// code is one of the five-character ones.
struct IcbShape {
    practices: u64,
    sub_icbs: u64,
    late_percent: u8,
    long_code: bool,
}

const fn icb(practices: u64, sub_icbs: u64, late_percent: u8) -> IcbShape {
    IcbShape { practices, sub_icbs, late_percent, long_code: false }
}

const fn merged(practices: u64, sub_icbs: u64, late_percent: u8) -> IcbShape {
    IcbShape { practices, sub_icbs, late_percent, long_code: true }
}

/// The largest ICB comes first, so that there is a first practice, A81001, however few there are.
const REGIONS: [RegionShape; 7] = [
    RegionShape {
        patients_per_mille: 950,
        icbs: &[merged(510, 2, 40), icb(260, 1, 5), icb(190, 1, 0), icb(170, 1, 0)],
    },
    RegionShape {
        patients_per_mille: 1_145,
        icbs: &[
            icb(115, 1, 80),
            icb(85, 1, 100),
            icb(70, 1, 0),
            icb(70, 1, 100),
            icb(65, 1, 95),
            icb(55, 1, 0),
            icb(55, 1, 45),
        ],
    },
    RegionShape {
        patients_per_mille: 1_230,
        icbs: &[merged(260, 4, 35), merged(190, 4, 0), icb(175, 1, 0), icb(145, 2, 30)],
    },
    RegionShape {
        patients_per_mille: 940,
        icbs: &[
            icb(175, 1, 35),
            icb(170, 1, 25),
            icb(140, 6, 5),
            icb(125, 3, 95),
            icb(125, 2, 90),
            icb(120, 1, 0),
            icb(105, 1, 85),
            icb(80, 1, 100),
            icb(80, 1, 0),
            icb(65, 1, 80),
            icb(50, 1, 0),
        ],
    },
    RegionShape { patients_per_mille: 1_120, icbs: &[merged(265, 4, 80), merged(205, 7, 90), merged(160, 3, 95)] },
    RegionShape { patients_per_mille: 825, icbs: &[icb(405, 10, 5), icb(335, 9, 5), icb(195, 8, 0)] },
    RegionShape {
        patients_per_mille: 970,
        icbs: &[icb(335, 8, 60), icb(260, 5, 95), icb(170, 4, 80), icb(155, 6, 85)],
    },
];

/// Practices that a sub-ICB has on average at the least: a small England has fewer sub-ICBs, not smaller ones.
const SUB_ICB_PRACTICES_MIN: u64 = 7;

/// A sub-ICB with what its practices have in common.
pub(crate) struct Area {
    pub(crate) sub_icb: SubIcbCode,
    /// The ICB's number, from 0; equal for areas of the same ICB.
    pub(crate) icb_number: usize,
    /// At least one.
    pub(crate) practices_count: u64,
    pub(crate) late_percent: u8,
    pub(crate) patients_per_mille: u64,
}

/// The areas that have practices, in order, and their organisations, without PCNs.
pub(crate) fn lay_out(seed: u64, practices_count: u32) -> (Vec<Area>, Organisations) {
    let weights: Vec<u64> = REGIONS.iter().flat_map(|region| region.icbs).map(|icb| icb.practices).collect();
    let mut shares = apportion(practices_count.into(), &weights).into_iter();
    // Two places name an ICB. Places are handed out, not drawn, since two ICBs of one name would be confusing.
    let mut place = draw_for(seed, "first-place", "", 0, 0).below(names::PLACES_COUNT);
    let mut next_place = || {
        // Coprime to their number, so that none comes twice before all have been.
        place += 611;
        names::place(place)
    };
    let mut areas = Vec::new();
    let mut organisations = Organisations::default();
    let mut icb_number = 0;
    for (number, shape) in REGIONS.iter().enumerate() {
        let code = codes::region(number);
        let region = Region { code, name: names::REGIONS[number].into(), ons_code: Some(codes::ons("E40", number)) };
        for icb_shape in shape.icbs {
            let name = format!("{} and {}", next_place(), next_place());
            let practices_count = shares.next().unwrap_or_default();
            if practices_count > 0 {
                let icb = Icb {
                    code: codes::icb(icb_number, icb_shape.long_code),
                    name: format!("NHS {name} Integrated Care Board"),
                    ons_code: Some(codes::ons("E54", icb_number)),
                    region: code,
                };
                for (sub_icb, practices_count) in sub_icbs(seed, &icb, icb_shape, practices_count, &name, areas.len()) {
                    areas.push(Area {
                        sub_icb: sub_icb.code,
                        icb_number,
                        practices_count,
                        late_percent: icb_shape.late_percent,
                        patients_per_mille: shape.patients_per_mille,
                    });
                    organisations.sub_icbs.insert(sub_icb.code, sub_icb);
                }
                organisations.icbs.insert(icb.code, icb);
                organisations.regions.entry(code).or_insert_with(|| region.clone());
            }
            icb_number += 1;
        }
    }
    (areas, organisations)
}

/// The sub-ICBs of an ICB with their practices, of uneven size; `first` is the number of the first of them.
fn sub_icbs(
    seed: u64,
    icb: &Icb,
    shape: &IcbShape,
    practices_count: u64,
    name: &str,
    first: usize,
) -> Vec<(SubIcb, u64)> {
    let count = shape.sub_icbs.min(practices_count / SUB_ICB_PRACTICES_MIN).max(1);
    // The largest has at most two and a half times the practices of the smallest.
    let weight = |number| 100 + draw_for(seed, "sub-icb-size", icb.code.as_str(), number, 0).below(150);
    let weights: Vec<u64> = (0..count).map(weight).collect();
    let shares = apportion(practices_count, &weights).into_iter().enumerate();
    let sub_icb = |(number, share): (usize, u64)| {
        let code = codes::sub_icb(first + number);
        let ons_code = Some(codes::ons("E38", first + number));
        (SubIcb { code, name: format!("NHS {name} ICB - {code}"), ons_code, icb: icb.code }, share)
    };
    shares.map(sub_icb).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_national_england_has_7_regions_36_icbs_and_106_sub_icbs() {
        let (areas, organisations) = lay_out(1, crate::PRACTICES_COUNT_DEFAULT);
        assert_eq!((organisations.regions.len(), organisations.icbs.len(), organisations.sub_icbs.len()), (7, 36, 106));
        let long = organisations.icbs.keys().filter(|code| code.as_str().len() == 5).count();
        assert_eq!(long, 6);
        let practices: u64 = areas.iter().map(|area| area.practices_count).sum();
        assert_eq!(practices, u64::from(crate::PRACTICES_COUNT_DEFAULT));
    }

    #[test]
    fn names_of_icbs_differ() {
        let (_, organisations) = lay_out(3, crate::PRACTICES_COUNT_DEFAULT);
        let names: std::collections::BTreeSet<_> = organisations.icbs.values().map(|icb| &icb.name).collect();
        assert_eq!(names.len(), 36);
    }

    #[test]
    fn fewer_practices_than_icbs_leave_icbs_out() {
        let (areas, organisations) = lay_out(1, 5);
        assert_eq!((areas.len(), organisations.icbs.len()), (5, 5));
        assert_eq!(areas[0].icb_number, 0);
    }
}

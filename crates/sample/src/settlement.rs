//! Practices in their places: each with its code, its area, its PCN, and which supplier it leans to.

use crate::PRACTICES_COUNT_DEFAULT;
use crate::codes::{self, PCNS_COUNT_MAX, PracticeCodes};
use crate::geography::Area;
use crate::list_sizes;
use crate::supplier_mix::Leaning;
use ods::{PcnCode, PracticeCode, draw, draw_for};

/// Practices of 6,129 that are in no PCN.
const UNALLOCATED_OF_DEFAULT: u64 = 52;

/// PCNs in a hundred by their number of practices, from one on.
const PCN_SIZES_PERCENT: [u64; 14] = [7, 10, 17, 19, 17, 11, 7, 4, 3, 2, 1, 1, 0, 1];

/// Practices in a hundred that choose their supplier without regard to their PCN.
const OWN_CHOICE_PERCENT: u64 = 12;

/// Practices in their places, before they have patients and suppliers.
pub(crate) struct Settlement {
    seed: u64,
    practices_count: u32,
    pub(crate) sites: Vec<Site>,
}

pub(crate) struct Site {
    pub(crate) code: PracticeCode,
    /// The number of its area.
    pub(crate) area: usize,
    pub(crate) pcn: PcnCode,
    leaning: Leaning,
}

impl Settlement {
    /// All practices of `areas`, which together have `practices_count`.
    pub(crate) fn new(seed: u64, practices_count: u32, areas: &[Area]) -> Self {
        let mut settlement = Self { seed, practices_count, sites: Vec::new() };
        settlement.settle(areas);
        settlement.leave_some_unallocated();
        settlement
    }

    pub(crate) fn to_be_sized(&self, areas: &[Area]) -> Vec<list_sizes::Practice> {
        let practice =
            |site: &Site| list_sizes::Practice { code: site.code, per_mille: areas[site.area].patients_per_mille };
        self.sites.iter().map(practice).collect()
    }

    pub(crate) fn leanings(&self) -> Vec<Leaning> {
        self.sites.iter().map(|site| site.leaning).collect()
    }

    fn settle(&mut self, areas: &[Area]) {
        let mut codes = PracticeCodes::new();
        let mut pcns_count = 0;
        for (number, area) in areas.iter().enumerate() {
            if number > 0 && areas[number - 1].icb_number != area.icb_number {
                codes.begin_block();
            }
            let mut left = area.practices_count;
            while left > 0 {
                let pcn = codes::pcn(pcns_count);
                pcns_count += 1;
                let practices_count = self.pcn_size(pcn).min(left);
                left -= practices_count;
                for _ in 0..practices_count {
                    let code = codes.next();
                    let leaning = self.leaning(code, pcn, area);
                    self.sites.push(Site { code, area: number, pcn, leaning });
                }
            }
        }
    }

    /// How many practices a PCN would have. More than in reality where there would else be more PCNs than codes.
    fn pcn_size(&self, pcn: PcnCode) -> u64 {
        let weights: u64 = PCN_SIZES_PERCENT.iter().sum();
        let mut rest = draw_for(self.seed, "pcn-size", pcn.as_str(), 0, 0).below(weights);
        let mut size = 1;
        for percent in PCN_SIZES_PERCENT {
            if rest < percent {
                break;
            }
            rest -= percent;
            size += 1;
        }
        // Over four practices a PCN on average; three is on the safe side.
        size * (1 + u64::from(self.practices_count) / (3 * PCNS_COUNT_MAX as u64))
    }

    /// Where the area's share of the late supplier exceeds the draw, it is above 0. The draw is shared by the PCN, but
    /// for those who choose for themselves.
    fn leaning(&self, practice: PracticeCode, pcn: PcnCode, area: &Area) -> Leaning {
        let own_choice = draw(self.seed, "own-choice", practice, 0, 0).below(100) < OWN_CHOICE_PERCENT;
        let subject = if own_choice { practice.as_str() } else { pcn.as_str() };
        let against = draw_for(self.seed, "supplier-leaning", subject, 0, 0).below(1_000_000) as i64;
        Leaning { practice, towards_last: i64::from(area.late_percent) * 10_000 - against }
    }

    /// Takes the share of practices that are in no PCN out of theirs.
    fn leave_some_unallocated(&mut self) {
        let count = u64::from(self.practices_count) * UNALLOCATED_OF_DEFAULT / u64::from(PRACTICES_COUNT_DEFAULT);
        let mut by_chance: Vec<(u64, usize)> = self
            .sites
            .iter()
            .enumerate()
            .map(|(index, site)| (draw(self.seed, "unallocated", site.code, 0, 0).bits(), index))
            .collect();
        by_chance.sort_unstable();
        for (_, index) in by_chance.into_iter().take(count as usize) {
            self.sites[index].pcn = PcnCode::UNALLOCATED;
        }
    }
}

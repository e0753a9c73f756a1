//! An order of practices in which every beginning resembles England: by supplier, by ICB, by size of list, and by the three
//! together. Whatever is cut off it, for a canary, for a sample, or because the days are full, what is left resembles
//! England as well as so few practices can.
//!
//! Between kinds of practice nothing is left to chance: next comes the kind that makes the sum of the squared differences
//! between what was taken and England's shares smallest, over all four ways of counting. A draw of sixty out of some
//! hundreds of kinds would leave most of them to chance. Within a kind the programme's seed decides.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use ods::{IcbCode, PracticeCode, Supplier};
use serde::{Deserialize, Serialize};

use crate::spec::Share;
use crate::view::{PracticeFacts, RegistryView};

/// How far some practices are from England: the share of them that would have to be others for the two to be alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distance {
    /// By supplier.
    pub suppliers: Share,
    /// By ICB.
    pub icbs: Share,
    /// By quarter of England's practices in order of list size.
    pub list_sizes: Share,
    /// By all three together. With fewer practices than England has such kinds it cannot be small.
    pub together: Share,
}

impl fmt::Display for Distance {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { suppliers, icbs, list_sizes, together } = self;
        write!(out, "suppliers {suppliers}, ICBs {icbs}, list sizes {list_sizes}, all together {together}")
    }
}

/// What a practice is counted as. Who has no supplier or ICB is of a kind of their own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Category {
    Supplier(Option<Supplier>),
    Icb(Option<IcbCode>),
    Band(usize),
    Kind(Option<Supplier>, Option<IcbCode>, usize),
}

/// Each practice counts once in each of the four ways: supplier, ICB, band, all together.
const WAYS: usize = 4;

type Categories = [usize; WAYS];

/// England: every open practice of the registry, whatever the programme's cohort, by its categories.
pub(super) struct England {
    /// The smallest list of the second, third and fourth quarter: bands by England's own quarters always exist, and need
    /// nobody's judgement of what is a large practice.
    band_starts: [u32; 3],
    numbers: BTreeMap<Category, usize>,
    /// How many practices each category has.
    counts: Vec<i64>,
    practices_count: i64,
}

impl England {
    pub(super) fn of(view: &RegistryView) -> Self {
        let mut sizes: Vec<u32> = view.iter().filter(|facts| facts.open).map(|facts| facts.list_size).collect();
        sizes.sort_unstable();
        let start_of = |quarter: usize| sizes.get(sizes.len() * quarter / 4).copied().unwrap_or(0);
        let mut england = Self {
            band_starts: [start_of(1), start_of(2), start_of(3)],
            numbers: BTreeMap::new(),
            counts: Vec::new(),
            practices_count: 0,
        };
        for facts in view.iter().filter(|facts| facts.open) {
            england.practices_count += 1;
            for category in england.told(facts) {
                let next = england.counts.len();
                let number = *england.numbers.entry(category).or_insert(next);
                if number == next {
                    england.counts.push(0);
                }
                england.counts[number] += 1;
            }
        }
        england
    }

    fn told(&self, facts: &PracticeFacts) -> [Category; WAYS] {
        let band = self.band_starts.iter().filter(|start| **start <= facts.list_size).count();
        let (supplier, icb) = (facts.supplier.clone(), facts.icb);
        [
            Category::Supplier(supplier.clone()),
            Category::Icb(icb),
            Category::Band(band),
            Category::Kind(supplier, icb, band),
        ]
    }

    /// The numbers of an open practice's categories.
    fn categories(&self, facts: &PracticeFacts) -> Categories {
        self.told(facts).map(|category| self.numbers[&category])
    }

    /// The given open practices, each with what was drawn for it, in an order whose every beginning resembles England.
    pub(super) fn order<'a>(&self, practices: impl IntoIterator<Item = (&'a PracticeFacts, u64)>) -> Vec<PracticeCode> {
        let mut kinds: BTreeMap<Categories, Vec<Reverse<(u64, PracticeCode)>>> = BTreeMap::new();
        for (facts, drawn) in practices {
            kinds.entry(self.categories(facts)).or_default().push(Reverse((drawn, facts.code)));
        }
        // The first in the draw stands last, to be popped.
        kinds.values_mut().for_each(|kind| kind.sort_unstable());
        let mut taken = vec![0_i64; self.counts.len()];
        let mut order = Vec::new();
        while !kinds.is_empty() {
            let size = order.len() as i64 + 1;
            let lacking = |categories: &Categories| -> i64 {
                let lack = |one: &usize| self.counts[*one] * size - taken[*one] * self.practices_count;
                categories.iter().map(lack).sum()
            };
            let next = kinds.iter().max_by_key(|(categories, kind)| (lacking(categories), kind.last().copied()));
            let Some(categories) = next.map(|(categories, _)| *categories) else { break };
            let Some(kind) = kinds.get_mut(&categories) else { break };
            if let Some(Reverse((_, practice))) = kind.pop() {
                order.push(practice);
            }
            if kind.is_empty() {
                kinds.remove(&categories);
            }
            for category in categories {
                taken[category] += 1;
            }
        }
        order
    }

    /// How far some open practices are from England; none where there are none.
    pub(super) fn distance_to<'a>(&self, practices: impl IntoIterator<Item = &'a PracticeFacts>) -> Option<Distance> {
        let mut taken = vec![0_i64; self.counts.len()];
        let mut size = 0;
        for facts in practices {
            size += 1;
            for category in self.categories(facts) {
                taken[category] += 1;
            }
        }
        if size == 0 {
            return None;
        }
        let mut differences = [0_u64; WAYS];
        for (category, number) in &self.numbers {
            let way = match category {
                Category::Supplier(_) => 0,
                Category::Icb(_) => 1,
                Category::Band(_) => 2,
                Category::Kind(..) => 3,
            };
            differences[way] += (taken[*number] * self.practices_count).abs_diff(self.counts[*number] * size);
        }
        // Whoever is one too many in one category is one too few in another: half the sum.
        let whole = 2 * size.unsigned_abs() * self.practices_count.unsigned_abs();
        let [suppliers, icbs, list_sizes, together] = differences.map(|sum| Share::nearest(sum, whole));
        Some(Distance { suppliers, icbs, list_sizes, together })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn practice(number: u32, supplier: &str, icb: &str, list_size: u32) -> PracticeFacts {
        PracticeFacts {
            code: format!("A{number:05}").parse().unwrap(),
            supplier: supplier.parse().ok(),
            icb: icb.parse().ok(),
            sub_icb: None,
            region: None,
            pcn: None,
            list_size,
            open: true,
            successors: Vec::new(),
            readiness: Vec::new(),
            advice: Vec::new(),
            pauses: Vec::new(),
            access: Vec::new(),
        }
    }

    /// Six in ten of one supplier, seven ICBs of different size, any list size.
    fn nation(count: u32) -> Vec<PracticeFacts> {
        let icbs = ["QOC", "QOC", "QOC", "QOC", "QHM", "QHM", "QHM", "QHL", "QHL", "QUA", "QUE", "QGH", "QF7"];
        let one = |number: u32| {
            let place = ods::draw_for(1, "nation", &number.to_string(), 0, 0).bits();
            let supplier = if place % 10 < 6 { "EMIS" } else { "TPP" };
            let icb = icbs[usize::try_from(place / 10 % 13).unwrap()];
            practice(number, supplier, icb, 1_000 + u32::try_from(place / 1_000 % 20_000).unwrap())
        };
        (1..=count).map(one).collect()
    }

    fn first(england: &England, practices: &[PracticeFacts], seed: u64, most: usize) -> Distance {
        let drawn = practices.iter().map(|facts| (facts, ods::draw(seed, "test", facts.code, 0, 0).bits()));
        let order = england.order(drawn);
        let taken = order.iter().take(most).map(|code| practices.iter().find(|facts| facts.code == *code).unwrap());
        england.distance_to(taken).unwrap()
    }

    #[test]
    fn all_of_england_is_at_no_distance_and_half_of_it_may_be() {
        let practices = [practice(1, "EMIS", "QOC", 100), practice(2, "TPP", "QHM", 200)];
        let england = England::of(&RegistryView::new(1, practices.clone()));
        let none = Share::nearest(0, 1);
        let whole = england.distance_to(&practices).unwrap();
        assert_eq!(whole, Distance { suppliers: none, icbs: none, list_sizes: none, together: none });
        let half = Share::nearest(1, 2);
        let one = england.distance_to(&practices[..1]).unwrap();
        assert_eq!(one, Distance { suppliers: half, icbs: half, list_sizes: half, together: half });
        assert_eq!(england.distance_to(&[]), None);
    }

    #[test]
    fn whoever_is_closed_is_no_part_of_england() {
        let mut closed = practice(3, "Medicus", "QUA", 300);
        closed.open = false;
        let england = England::of(&RegistryView::new(1, [practice(1, "EMIS", "QOC", 100), closed]));
        assert_eq!(england.practices_count, 1);
        assert_eq!(england.distance_to(&[practice(1, "EMIS", "QOC", 100)]).unwrap().together, Share::nearest(0, 1));
    }

    proptest! {
        /// Each beginning is within one practice of England's share of every supplier and quarter, and within two of every
        /// ICB: what a draw of sixty misses by several.
        #[test]
        fn every_beginning_resembles_england(seed in 0_u64..10_000, most in 8_usize..120) {
            let practices = nation(400);
            let england = England::of(&RegistryView::new(1, practices.clone()));
            let distance = first(&england, &practices, seed, most);
            let within = |practices: u64| Share::nearest(practices, most as u64);
            prop_assert!(distance.suppliers <= within(1), "{most}: {distance}");
            prop_assert!(distance.list_sizes <= within(2), "{most}: {distance}");
            prop_assert!(distance.icbs <= within(4), "{most}: {distance}");
        }

        /// I26: the order is of the set of practices, and of the seed.
        #[test]
        fn i26_the_order_is_a_function_of_the_set(seed in 0_u64..10_000) {
            let mut practices = nation(80);
            let england = England::of(&RegistryView::new(1, practices.clone()));
            let drawn = |facts: &PracticeFacts| ods::draw(seed, "test", facts.code, 0, 0).bits();
            let one = england.order(practices.iter().map(|facts| (facts, drawn(facts))));
            practices.reverse();
            let other = england.order(practices.iter().map(|facts| (facts, drawn(facts))));
            prop_assert_eq!(&one, &other);
            let mut all = one;
            all.sort_unstable();
            all.dedup();
            prop_assert_eq!(all.len(), 80);
        }
    }
}

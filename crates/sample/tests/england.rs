//! A synthetic England, read back by the real parsers and compared with the real one's figures.

use jiff::civil::{Date, date};
use ods::{Document, PracticeCode, Supplier};
use proptest::prelude::*;
use sample::{England, LIST_SIZE_MEAN, Recipe, SupplierMix};
use std::collections::{BTreeMap, BTreeSet};

fn day() -> Date {
    date(2031, 8, 1)
}

fn national(seed: u64) -> England {
    England::new(&Recipe::new(seed, day())).expect("the default number of practices is within bounds")
}

fn small(seed: u64, practices_count: u32) -> England {
    let recipe = Recipe { practices_count, ..Recipe::new(seed, day()) };
    England::new(&recipe).expect("the number of practices is within bounds")
}

fn by_supplier(england: &England) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for practice in &england.map.practices {
        *counts.entry(practice.supplier.as_ref().map_or("none", Supplier::as_str).to_owned()).or_insert(0) += 1;
    }
    counts
}

/// Sizes in ascending order.
fn sizes(england: &England) -> Vec<u32> {
    let mut sizes: Vec<u32> = england.list_sizes.practices.iter().map(|practice| practice.patients).collect();
    sizes.sort_unstable();
    sizes
}

fn assert_read_back(england: &England) {
    for file in england.files() {
        assert_eq!(ods::Format::detect(&file.bytes), Some(file.format));
        let reading = ods::read(file.format, &file.bytes).expect("the file is sound");
        assert_eq!(reading.rejections, []);
        let written = match file.format {
            ods::Format::Map => Document::Map(england.map.clone()),
            ods::Format::ListSizes => Document::ListSizes(england.list_sizes.clone()),
            _ => Document::Epraccur(england.epraccur.clone()),
        };
        assert!(reading.document == written, "{} is not read as it was written", file.name);
    }
}

#[test]
fn the_national_england_has_the_real_counts() {
    let england = national(1);
    assert_eq!(england.map.practices.len(), 6_129);
    let expected = [("EMIS", 3_581), ("Medicus", 8), ("TPP", 2_540)].map(|(name, count)| (name.to_owned(), count));
    assert_eq!(by_supplier(&england), BTreeMap::from(expected));
    assert_eq!(england.list_sizes.patients(), 6_129 * LIST_SIZE_MEAN);
    let organisations = &england.map.organisations;
    assert_eq!((organisations.regions.len(), organisations.icbs.len(), organisations.sub_icbs.len()), (7, 36, 106));
    let unallocated = england.map.practices.iter().filter(|practice| practice.pcn.is_unallocated()).count();
    assert_eq!(unallocated, 52);
    assert_eq!(england.map.practices[0].code.as_str(), "A81001");
}

#[test]
fn its_files_are_read_back_by_the_real_parsers() {
    assert_read_back(&national(1));
}

#[test]
fn the_three_files_are_of_the_same_practices() {
    let england = small(9, 500);
    let map: Vec<PracticeCode> = england.map.practices.iter().map(|practice| practice.code).collect();
    let list: Vec<PracticeCode> = england.list_sizes.practices.iter().map(|practice| practice.code).collect();
    let epraccur: Vec<PracticeCode> = england.epraccur.active().map(|practice| practice.code).collect();
    assert_eq!(map, list);
    assert_eq!(map, epraccur);
    assert!(map.is_sorted());
    assert!(england.epraccur.practices.iter().all(|practice| practice.opened <= day()));
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_gives_others() {
    let files = |seed| small(seed, 400).files().map(|file| file.bytes);
    assert_eq!(files(3), files(3));
    for (one, other) in files(3).iter().zip(&files(4)) {
        assert_ne!(one, other);
    }
}

#[test]
fn codes_do_not_depend_on_the_seed() {
    let codes = |seed| small(seed, 400).map.practices.iter().map(|practice| practice.code).collect::<Vec<_>>();
    assert_eq!(codes(3), codes(4));
}

#[test]
fn list_sizes_are_spread_as_the_real_ones() {
    for seed in 1..4 {
        let sizes = sizes(&national(seed));
        let quantile = |per_mille: usize| sizes[sizes.len() * per_mille / 1_000];
        // The real quantiles of practices' lists of early 2026, within a tenth.
        let real = [
            (50, 3_086),
            (100, 3_976),
            (250, 5_906),
            (500, 8_816),
            (750, 12_777),
            (900, 17_798),
            (950, 21_865),
            (990, 37_724),
        ];
        for (per_mille, patients) in real {
            let found = quantile(per_mille);
            assert!(
                found.abs_diff(patients) * 10 <= patients,
                "seed {seed}: {found} at {per_mille} ‰, in reality {patients}"
            );
        }
        assert!((50..1_000).contains(&sizes[0]), "seed {seed}: smallest {}", sizes[0]);
        let largest = sizes[sizes.len() - 1];
        assert!((100_000..200_000).contains(&largest), "seed {seed}: largest {largest}");
    }
}

#[test]
fn suppliers_cluster_by_icb_and_mix_within_some_pcns() {
    for seed in 1..4 {
        let england = national(seed);
        let mut late_by_icb: BTreeMap<_, (u32, u32)> = BTreeMap::new();
        let mut by_pcn: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for practice in &england.map.practices {
            let icb = england.map.organisations.icb_of(practice.sub_icb).unwrap().code;
            let counts = late_by_icb.entry(icb).or_default();
            let supplier = practice.supplier.as_ref().unwrap().as_str();
            counts.0 += u32::from(supplier == "TPP");
            counts.1 += 1;
            if !practice.pcn.is_unallocated() {
                by_pcn.entry(practice.pcn).or_default().insert(supplier.to_owned());
            }
        }
        // In reality 22 of 36 ICBs have nine in ten of one supplier, and 166 of 1,298 PCNs are mixed.
        let one_sided = late_by_icb.values().filter(|(late, all)| late * 10 <= *all || late * 10 >= all * 9).count();
        assert!((16..=28).contains(&one_sided), "seed {seed}: {one_sided} ICBs are one-sided");
        assert!((1_200..=1_450).contains(&by_pcn.len()), "seed {seed}: {} PCNs", by_pcn.len());
        let mixed = by_pcn.values().filter(|suppliers| suppliers.len() > 1).count();
        assert!((100..=260).contains(&mixed), "seed {seed}: {mixed} of {} PCNs are mixed", by_pcn.len());
    }
}

#[test]
fn regions_differ_in_practices_and_in_patients_per_practice() {
    let england = national(2);
    let sub_icbs: BTreeMap<_, _> =
        england.map.practices.iter().map(|practice| (practice.code, practice.sub_icb)).collect();
    let mut by_region: BTreeMap<_, (u64, u64)> = BTreeMap::new();
    for practice in &england.list_sizes.practices {
        let region = england.map.organisations.region_of(sub_icbs[&practice.code]).unwrap().code;
        let counts = by_region.entry(region).or_default();
        counts.0 += 1;
        counts.1 += u64::from(practice.patients);
    }
    let practices: Vec<u64> = by_region.values().map(|counts| counts.0).collect();
    for (found, real) in practices.iter().zip([1_131, 512, 771, 1_234, 632, 933, 916]) {
        assert!(found.abs_diff(real) * 50 <= real, "{practices:?}");
    }
    let per_practice: Vec<u64> = by_region.values().map(|(practices, patients)| patients / practices).collect();
    assert!(per_practice.iter().min().unwrap() * 13 < per_practice.iter().max().unwrap() * 10, "{per_practice:?}");
}

#[test]
fn three_hundred_practices_keep_the_proportions() {
    let england = small(1, 300);
    let expected = [("EMIS", 175), ("Medicus", 1), ("TPP", 124)].map(|(name, count)| (name.to_owned(), count));
    assert_eq!(by_supplier(&england), BTreeMap::from(expected));
    let organisations = &england.map.organisations;
    assert_eq!((organisations.regions.len(), organisations.icbs.len()), (7, 36));
    assert_eq!(england.list_sizes.patients(), 300 * LIST_SIZE_MEAN);
    let sizes = sizes(&england);
    assert!(sizes[150].abs_diff(8_816) * 5 <= 8_816, "median {}", sizes[150]);
    assert_eq!(england.map.practices.iter().filter(|practice| practice.pcn.is_unallocated()).count(), 2);
}

#[test]
fn another_mix_is_kept_exactly_and_moves_no_more_practices_than_it_must() {
    let even: SupplierMix = "EMIS=1,TPP=1".parse().unwrap();
    let before = small(1, 1_000);
    let after = England::new(&Recipe { supplier_mix: even, practices_count: 1_000, ..Recipe::new(1, day()) }).unwrap();
    assert_eq!(by_supplier(&after), BTreeMap::from([("EMIS".to_owned(), 500), ("TPP".to_owned(), 500)]));
    assert_eq!(before.list_sizes, after.list_sizes, "patients do not depend on the suppliers");
    let moved =
        before.map.practices.iter().zip(&after.map.practices).filter(|(one, other)| one.supplier != other.supplier);
    // 84 of EMIS's and the newcomer's one must move; the newcomer's place may push one more over.
    let moved = moved.count();
    assert!((85..=88).contains(&moved), "{moved}");
}

#[test]
fn a_single_supplier_has_them_all() {
    let recipe = Recipe { supplier_mix: "Medicus=1".parse().unwrap(), practices_count: 50, ..Recipe::new(1, day()) };
    assert_eq!(by_supplier(&England::new(&recipe).unwrap()), BTreeMap::from([("Medicus".to_owned(), 50)]));
}

#[test]
fn no_practices_or_too_many_cannot_be_had() {
    for practices_count in [0, sample::PRACTICES_COUNT_MAX + 1] {
        let error = England::new(&Recipe { practices_count, ..Recipe::new(1, day()) }).unwrap_err();
        assert_eq!(error.to_string(), format!("{practices_count} practices cannot be had: give from 1 to 1000000"));
    }
}

#[test]
fn names_need_quotation_marks_now_and_then() {
    let map = String::from_utf8(small(1, 300).map.encode()).unwrap();
    assert!(map.contains(",\""), "readers should meet a quoted cell");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 8))]

    #[test]
    fn any_england_is_read_back_with_exact_totals(seed in any::<u64>(), practices_count in 1..400_u32) {
        let england = small(seed, practices_count);
        assert_read_back(&england);
        prop_assert_eq!(england.map.practices.len(), practices_count as usize);
        prop_assert_eq!(england.list_sizes.patients(), u64::from(practices_count) * LIST_SIZE_MEAN);
        prop_assert_eq!(england.map.practices[0].code.as_str(), "A81001");
        prop_assert!(england.list_sizes.practices.iter().all(|practice| practice.patients > 0));
    }
}

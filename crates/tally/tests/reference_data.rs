//! The publishers' real lists, from the folder that `CITIZENS_ACCESS_REFERENCE_DATA` names: every area has the sum of the lists of
//! its practices. Without the folder these tests say loudly that they checked nothing.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use jiff::Timestamp;
use ods::{Capability, Format, read_directory};
use tally::{
    Area, AreaKind, Directory, Fact, ListSize, Measure, Place, PracticeStanding, Returns, StockQuery, Stocks, Told,
    Viewpoint, stock_series,
};

const MAP: &str = "gp-reg-pat-prac-map_2026-08-01.csv";
const LISTS: &str = "gp-reg-pat-prac-all_2025-04-01.csv";

fn file(name: &str) -> Option<Vec<u8>> {
    let Some(folder) = std::env::var_os("CITIZENS_ACCESS_REFERENCE_DATA").map(PathBuf::from) else {
        // Not by eprintln, which the test harness keeps to itself while a test passes.
        writeln!(
            std::io::stderr(),
            "SKIPPED: CITIZENS_ACCESS_REFERENCE_DATA is not set; the real lists were NOT summed"
        )
        .expect("stderr can be written to");
        return None;
    };
    Some(std::fs::read(folder.join(name)).expect("the file can be read"))
}

/// Every practice of the map, with its list where it has one.
fn england(map: &[u8], lists: &[u8]) -> Directory {
    let mut directory = Directory::default();
    let now = Timestamp::UNIX_EPOCH;
    let mut tell = |code, value| {
        directory.tell(code, Fact { effective_from: Timestamp::MIN, recorded_at: now, value });
    };
    let map = read_directory(Format::Map, map).expect("the map is sound").document;
    let mapped: std::collections::BTreeSet<_> = map.practices.iter().map(|row| row.code).collect();
    for row in map.practices {
        let icb = row.sub_icb.and_then(|code| map.organisations.icb_of(code));
        let (icb, region) = (icb.map(|icb| icb.code), icb.map(|icb| icb.region));
        let place = Place {
            standing: PracticeStanding::Active,
            open_date: None,
            close_date: None,
            supplier: row.supplier,
            icb,
            region,
            sub_icb: row.sub_icb,
            pcn: row.pcn,
        };
        tell(row.code, Told::Place(place));
    }
    let lists = read_directory(Format::ListSizes, lists).expect("the lists are sound").document;
    let as_at = lists.source.extract_date;
    for row in lists.practices {
        let Some(patients) = row.list_size.filter(|_| mapped.contains(&row.code)) else { continue };
        let list = ListSize { patients: patients.into(), source: lists.source.publication.clone(), as_at };
        tell(row.code, Told::ListSize(list));
    }
    directory
}

/// Sums of the lists by a column of the map, read by nothing of ours.
fn sums(map: &[u8], lists: &[u8], column: usize) -> BTreeMap<String, u64> {
    let cells = |bytes: &[u8]| -> Vec<Vec<String>> {
        let mut reader = csv::Reader::from_reader(bytes);
        reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect()
    };
    let patients: BTreeMap<String, u64> =
        cells(lists).into_iter().map(|row| (row[5].clone(), row[9].parse().expect("a count"))).collect();
    let mut sums = BTreeMap::new();
    for row in cells(map) {
        *sums.entry(row[column].clone()).or_default() += patients.get(&row[2]).copied().unwrap_or(0);
    }
    sums
}

#[test]
fn regions_icbs_and_suppliers_have_the_sums_of_the_lists_given() {
    let (Some(map), Some(lists)) = (file(MAP), file(LISTS)) else { return };
    let (directory, returns) = (england(&map, &lists), Returns::default());
    let capability = Capability::default();
    let from =
        Viewpoint { as_at: Timestamp::UNIX_EPOCH, known_at: Timestamp::UNIX_EPOCH, capability: capability.clone() };
    let registered = |area: &Area| Stocks::of(area, &from, &directory, &returns).patients_registered;
    let mut wholes = Vec::new();
    let [region, icb] = [(AreaKind::Region, "regions", 14), (AreaKind::Icb, "icbs", 11)];
    let [sub_icb, pcn] = [(AreaKind::SubIcb, "sub-icbs", 8), (AreaKind::Pcn, "pcns", 5)];
    for (kind, collection, column) in [region, icb, sub_icb, pcn, (AreaKind::Supplier, "suppliers", 16)] {
        let expected = sums(&map, &lists, column);
        let query = StockQuery {
            measure: Measure::PatientsRegistered,
            within: &Area::England,
            moments: &[from.as_at],
            known_at: from.known_at,
            placed_at: None,
            capability: &capability,
        };
        let series = stock_series(&query, kind, &directory, &returns);
        assert_eq!(series.len(), expected.len());
        for (code, sum) in &expected {
            let area: Area = format!("{collection}/{code}").parse().unwrap();
            assert_eq!(series[&area], [*sum], "{area}");
            assert_eq!(registered(&area).value, *sum, "{area}");
        }
        wholes.push(expected.values().sum::<u64>());
    }
    let whole = registered(&Area::England);
    assert!(wholes.iter().all(|sum| *sum == whole.value), "{wholes:?}");
    assert_eq!((whole.practices_without_data, whole.value), (0, 63_181_848));
}

//! The publishers' real files, from the folder that `CITIZENS_ACCESS_REFERENCE_DATA` names. Without it these tests say
//! loudly that they checked nothing.

use jiff::civil::date;
use ods::epraccur::Layout;
use ods::{Document, Format, Status, read, read_directory};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::PathBuf;

fn folder() -> Option<PathBuf> {
    match std::env::var_os("CITIZENS_ACCESS_REFERENCE_DATA") {
        Some(folder) => Some(folder.into()),
        None => {
            // Not by eprintln, which the test harness keeps to itself while a test passes.
            writeln!(
                std::io::stderr(),
                "SKIPPED: CITIZENS_ACCESS_REFERENCE_DATA is not set; the real files were NOT read"
            )
            .expect("stderr can be written to");
            None
        }
    }
}

/// The files whose names begin and end like this, in the order of their names, unpacked where they are packed.
fn files(beginning: &str, end: &str) -> Option<Vec<Vec<u8>>> {
    let entries = std::fs::read_dir(folder()?).expect("the folder can be listed");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("the folder can be listed").path()).collect();
    paths.sort();
    let named = |path: &&PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(beginning) && name.ends_with(end)
    };
    let contents: Vec<Vec<u8>> = paths.iter().filter(named).map(content).collect();
    assert!(!contents.is_empty(), "there is no {beginning}…{end} in the folder");
    Some(contents)
}

fn content(path: &PathBuf) -> Vec<u8> {
    let bytes = std::fs::read(path).expect("the file can be read");
    if path.extension().is_none_or(|extension| extension != "gz") {
        return bytes;
    }
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut unpacked).expect("the file can be unpacked");
    unpacked
}

fn newest(beginning: &str, end: &str) -> Option<Vec<u8>> {
    files(beginning, end)?.pop()
}

#[test]
fn the_map_of_practices_is_read_whole() {
    let Some(bytes) = newest("gp-reg-pat-prac-map_", ".csv") else { return };
    let reading = read_directory(Format::Map, &bytes).unwrap();
    assert_eq!(reading.rejections, []);
    let directory = reading.document;
    assert_eq!(directory.practices.len(), 6_129);
    let mut suppliers = BTreeMap::new();
    for practice in &directory.practices {
        *suppliers.entry(practice.supplier.as_ref().unwrap().as_str()).or_insert(0) += 1;
        assert!(practice.icb.is_some() && practice.region.is_some());
    }
    assert_eq!(suppliers, BTreeMap::from([("EMIS", 3_581), ("TPP", 2_540), ("Medicus", 8)]));
    let organisations = &directory.organisations;
    assert_eq!((organisations.regions.len(), organisations.icbs.len(), organisations.sub_icbs.len()), (7, 36, 106));
    assert_eq!(organisations.pcns.len(), 1_298);
    let unallocated = directory.practices.iter().filter(|practice| practice.pcn.unwrap().is_unallocated()).count();
    assert_eq!(unallocated, 52);
}

#[test]
fn a_real_map_is_written_byte_for_byte_as_the_publisher_wrote_it() {
    let Some(bytes) = newest("gp-reg-pat-prac-map_", ".csv") else { return };
    let map = ods::map::parse(&bytes).unwrap().document;
    assert!(map.encode() == bytes, "the written map differs from the published one");
}

#[test]
fn the_older_map_with_ccgs_is_read_without_suppliers() {
    let Some(bytes) = newest("gp-reg-pat-prac-map_", ".csv.gz") else { return };
    let reading = read_directory(Format::Map, &bytes).unwrap();
    assert_eq!(reading.rejections, []);
    assert_eq!(reading.document.practices.len(), 6_527);
    assert!(reading.document.practices.iter().all(|practice| practice.supplier.is_none()));
    assert_eq!(reading.document.organisations.icbs.len(), 42);
}

#[test]
fn the_list_sizes_are_read_and_add_up() {
    let Some(bytes) = newest("gp-reg-pat-prac-all_", ".csv") else { return };
    let reading = ods::list_sizes::parse(&bytes).unwrap();
    assert_eq!(reading.rejections, []);
    assert_eq!(reading.document.practices.len(), 6_239);
    assert_eq!(reading.document.patients(), 63_769_849);
    assert!(reading.document.source.to_string().starts_with("GP_PRAC_PAT_LIST of 20"));
    assert!(reading.document.encode() == bytes, "the written list differs from the published one");
}

/// The published totals are of another month, and the practices of the map are fewer than those of the list: so equal
/// they cannot be, and far apart they must not be.
#[test]
fn the_list_sizes_agree_with_the_published_totals_by_region() {
    let (Some(list), Some(map), Some(folder)) =
        (newest("gp-reg-pat-prac-all_", ".csv"), newest("gp-reg-pat-prac-map_", ".csv"), folder())
    else {
        return;
    };
    let list = read_directory(Format::ListSizes, &list).unwrap().document;
    let regions: BTreeMap<_, _> = read_directory(Format::Map, &map)
        .unwrap()
        .document
        .practices
        .into_iter()
        .map(|practice| (practice.code, practice.region.unwrap()))
        .collect();
    let mut patients = BTreeMap::new();
    for practice in &list.practices {
        if let Some(region) = regions.get(&practice.code) {
            *patients.entry(region.to_string()).or_insert(0.0) += f64::from(practice.list_size.unwrap());
        }
    }
    let mut compared = 0;
    for entry in std::fs::read_dir(folder.join("derived")).unwrap() {
        let path = entry.unwrap().path();
        if !path.file_name().unwrap().to_string_lossy().starts_with("registered_patients_by_org") {
            continue;
        }
        for row in std::fs::read_to_string(path).unwrap().lines() {
            if let ["Comm Region", region, published, _] = row.split(',').collect::<Vec<_>>()[..] {
                let ratio = patients[region] / published.parse::<f64>().unwrap();
                assert!((0.97..=1.03).contains(&ratio), "{region}: {ratio}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 7);
}

#[test]
fn every_practice_of_the_map_is_an_active_english_gp_practice_of_epraccur() {
    let (Some(files), Some(map)) = (files("epraccur_", ".csv.gz"), newest("gp-reg-pat-prac-map_", ".csv")) else {
        return;
    };
    let map: BTreeSet<_> = read_directory(Format::Map, &map)
        .unwrap()
        .document
        .practices
        .into_iter()
        .map(|practice| practice.code)
        .collect();
    // The reference data's notes count 6,182 English GP practices by the publisher's rule, but in a file of mid-year;
    // these two are older, and hold more.
    let expected = BTreeMap::from([("new", (6_208, 1_511, 48, 7_622)), ("legacy", (6_220, 1_942, 71, 8_452))]);
    let mut found = BTreeMap::new();
    for bytes in files {
        let reading = ods::epraccur::parse(&bytes).unwrap();
        assert_eq!(reading.rejections, []);
        let epraccur = reading.document;
        let count = |status| epraccur.practices.iter().filter(|practice| practice.status == status).count();
        let name = if epraccur.layout == Layout::New { "new" } else { "legacy" };
        let counts = (epraccur.active().count(), count(Status::Closed), count(Status::Dormant), epraccur.others);
        found.insert(name, counts);
        let active: BTreeSet<_> = epraccur.active().map(|practice| practice.code).collect();
        assert_eq!(map.difference(&active).count(), 0, "{name}");
    }
    assert_eq!(found, expected);
}

#[test]
fn the_bank_holidays_of_england_and_wales_are_read() {
    let Some(bytes) = newest("bank-holidays", ".json") else { return };
    let holidays = ods::bank_holidays::parse(&bytes).unwrap().document;
    assert_eq!(holidays.iter().count(), 140);
    assert_eq!(holidays.last_known(), date(2028, 12, 26));
}

#[test]
fn every_real_file_is_detected_as_what_it_is_and_refused_as_anything_else() {
    let cases = [
        (Format::Map, "gp-reg-pat-prac-map_"),
        (Format::ListSizes, "gp-reg-pat-prac-all_"),
        (Format::Epraccur, "epraccur_"),
        (Format::BankHolidays, "bank-holidays"),
        (Format::PomiWide, "pomi_legacy"),
    ];
    for (format, beginning) in cases {
        let Some(contents) = files(beginning, "") else { return };
        for bytes in contents {
            assert_eq!(Format::detect(&bytes[..ods::DETECT_BYTES]), Some(format));
            for other in Format::ALL.into_iter().filter(|other| *other != format) {
                let refusal = read(other, &bytes).expect_err("a file of another kind was accepted");
                assert_eq!(refusal.faults[0].reason.code(), "OTHER_FORMAT");
            }
        }
    }
    for beginning in ["epcn_", "icb_lookup"] {
        let Some(contents) = files(beginning, ".csv") else { return };
        assert_eq!(Format::detect(&contents[0]), None, "{beginning}");
    }
}

#[test]
fn the_old_returns_are_read_and_each_row_that_is_not_says_why() {
    let Some(contents) = files("pomi_legacy", ".csv") else { return };
    let Document::Pomi(pomi) = read(Format::PomiWide, &contents[0]).unwrap().document else {
        panic!("these are returns")
    };
    assert_eq!(pomi.returns.len(), 95);
    let of = |name: &str| pomi.returns.iter().filter(|kept| kept.supplier.as_str() == name).count();
    assert_eq!([of("EMIS"), of("TPP"), of("INPS")], [62, 22, 11]);
    assert!(pomi.returns.iter().all(|kept| kept.capability.is_none() && kept.period_end == date(2015, 4, 30)));
    assert_eq!(pomi.not_kept, BTreeMap::from([("PatientsUsed".to_owned(), 95), ("SystemEnabled".to_owned(), 95)]));

    // Nobody knows the supplier of the others, nor how many patients were enabled.
    let reading = read(Format::PomiWide, &contents[0]).unwrap();
    assert_eq!((reading.rejected_rows(), reading.rejections.len()), (4, 8));
    let first: Vec<_> = reading.rejections[..2]
        .iter()
        .map(|fault| (fault.line, fault.column, fault.column_name, fault.reason.code()))
        .collect();
    assert_eq!(first, [(2, 12, "Supplier", "SUPPLIER_NOT_KNOWN"), (2, 15, "PatientsEnabled", "MISSING")]);

    // Counted once more, by nothing of ours.
    let text = String::from_utf8(contents[0].clone()).unwrap();
    let cells = text.lines().skip(1).filter_map(|line| line.split(',').nth(14)?.parse::<u64>().ok());
    assert_eq!(pomi.returns.iter().map(|kept| kept.counts.accounts_with_access).sum::<u64>(), cells.sum::<u64>());
}

#[test]
fn every_field_of_the_publishers_dictionary_is_known() {
    let Some(folder) = folder() else { return };
    let dictionary = String::from_utf8(content(&folder.join("pomi_data_dictionary.txt"))).unwrap();
    let is_field = |line: &&str| line.contains('_') && !line.contains(' ');
    let fields: Vec<&str> = dictionary.lines().filter(is_field).collect();
    assert_eq!(fields.len(), 13);
    let mut file = String::from(
        "report_period_end,practice_code,practice_name,system_supplier,ccg_name,region_code,field,value\n",
    );
    for field in &fields {
        file.push_str(&format!("31/03/2031,A10001,THE WREN SURGERY,EMIS,NHS WREN CCG,Y99,{field},2\n"));
    }
    let reading = read(Format::PomiLong, file.as_bytes()).unwrap();
    assert_eq!(reading.rejections, []);
    let Document::Pomi(pomi) = reading.document else { panic!("these are returns") };
    assert_eq!((pomi.returns.len(), pomi.not_kept.len()), (1, 10));
    let counts = pomi.returns[0].counts;
    assert_eq!(
        (counts.patients_registered, counts.online_accounts, counts.accounts_with_access),
        (Some(2), Some(2), 2)
    );
}

#[test]
fn the_published_totals_are_read_whole_and_their_levels_agree() {
    let Some(folder) = folder() else { return };
    let bytes = content(&folder.join("derived").join("registered_patients_by_org_2026-08-01.csv"));
    let reading = read(Format::Totals, &bytes).unwrap();
    let Document::Totals(totals) = reading.document else { panic!("these are totals") };
    assert_eq!(totals.0.len(), 1_448);
    let england = totals.england();
    assert_eq!((england.patients, england.aged_16_and_over), (63_237_908, 52_497_449));
}

/// The only organisation of ORD at hand that a person copied from the publisher: a trust, for the shape of dates,
/// roles, relationships and successions.
#[test]
fn an_organisation_of_ord_is_read_as_the_publisher_shapes_it() {
    let Some(folder) = folder() else { return };
    let bytes = content(&folder.join("ods_json").join("ord_organisation_RWR.json"));
    let record = ods::ord::organisation(&bytes).unwrap();
    assert_eq!((record.code.as_str(), record.is_active, record.is_gp_practice()), ("RWR", true, false));
    assert_eq!(record.postcode.as_deref(), Some("AL10 8YE"));
    let roles: Vec<&str> = record.roles.iter().map(|held| held.role.as_str()).collect();
    assert_eq!(roles, ["RO197", "RO57"]);
    let relationships = record.relationships.unwrap();
    assert_eq!(relationships.iter().map(|held| held.is_active).collect::<Vec<_>>(), [true, false]);
    assert!(relationships[1].operational.start < relationships[1].operational.end);
    assert_eq!(record.successions.len(), 2);

    let search = content(&folder.join("ods_json").join("ord_search_result_shape.json"));
    assert_eq!(ods::ord::codes(&search).unwrap(), ["RWR"]);
    let sync = content(&folder.join("ods_json").join("ord_sync_shape.json"));
    assert_eq!(ods::ord::codes(&sync).unwrap(), ["ABC123"]);
}

//! Suppliers' returns and published totals, as a statistician types it: in, corrected, out again, and held against the registry.

use std::fs;

use serde_json::Value;

use crate::harness::installation::{Installation, Wanted, text};

const LONG: &str = "report_period_end,practice_code,practice_name,system_supplier,ccg_name,region_code,field,value";

fn installation() -> Installation {
    let installation = Installation::all_in_one(&Wanted { practices_count: 5, ..Wanted::default() });
    installation.import();
    installation
}

/// Writes a file in the long layout, of January 2025; its path.
fn long(installation: &Installation, name: &str, rows: &[(&str, &str, u32)]) -> String {
    let row = |(practice, field, value): &(&str, &str, u32)| format!("31/01/2025,{practice},,EMIS,,,{field},{value}\n");
    let rows: String = rows.iter().map(row).collect();
    file(installation, name, &format!("{LONG}\n{rows}"))
}

fn file(installation: &Installation, name: &str, content: &str) -> String {
    let path = installation.england.folder().join(name);
    fs::write(&path, content).expect("a temporary folder can be written to");
    text(path)
}

fn counts(report: &Value) -> [i64; 4] {
    ["first", "revised", "unchanged", "rejected_rows"].map(|name| report[name].as_i64().expect("a count"))
}

#[test]
fn a_month_comes_in_once_is_corrected_and_goes_out_as_it_came() {
    let installation = installation();
    let nora = installation.accessctl("nora;roles=statistician");
    let rows = [
        ("A81001", "Patient_List_Size", 5_000),
        ("A81001", "Total_Pat_Enbld", 1_000),
        ("A81001", "Pat_prospective-records_Enbld", 900),
        ("A81001", "Pat_prospective-records_Excl", 50),
        ("A81002", "Pat_prospective-records_Enbld", 10),
        ("A81002", "Pat_Appts_Use", 7),
        ("A81003", "Pat_Hearts_Use", 7),
    ];
    let january = long(&installation, "january.csv", &rows);
    let import = ["returns", "import", &january, "--layout", "long"];
    assert_eq!(
        counts(&nora.json(&[&import[..], &["--dry-run"]].concat())),
        [2, 0, 0, 1],
        "a dry run says what it would"
    );
    let report = nora.json(&[&import[..], &["--request-id", "january"]].concat());
    assert_eq!(counts(&report), [2, 0, 0, 1]);
    assert_eq!(report["not_kept"]["Pat_Appts_Use"], 1);
    let rejection = &report["rejections"][0];
    assert_eq!((&rejection["line"], &rejection["column_name"]), (&8.into(), &"field".into()));
    assert_eq!(rejection["reason"], "UNKNOWN_FIELD");
    // Under its own id the first reply is given again; under another one nothing is news.
    assert_eq!(counts(&nora.json(&[&import[..], &["--request-id", "january"]].concat())), [2, 0, 0, 1]);
    assert_eq!(counts(&nora.json(&import)), [0, 0, 2, 1]);

    let corrected = long(&installation, "corrected.csv", &[("A81002", "Pat_prospective-records_Enbld", 12)]);
    let correct = ["returns", "import", &corrected, "--layout", "long", "--reason-code", "SUPPLIER_CORRECTION"];
    assert_eq!(counts(&nora.json(&correct)), [0, 1, 0, 0]);
    let revisions = nora.say(&["returns", "list", "--practice", "A81002", "--all-revisions"]);
    assert!(revisions.contains("OPERATOR_REQUEST") && revisions.contains("SUPPLIER_CORRECTION"), "{revisions}");
    assert!(revisions.matches("nora").count() == 2, "{revisions}");

    let exported = text(installation.england.folder().join("exported.csv"));
    nora.say(&["returns", "export", "2025-01", "--to", &exported]);
    let written = fs::read_to_string(&exported).expect("it was written");
    assert_eq!(written.lines().count(), 6, "{written}");
    assert!(!written.contains("A81001,,"), "the registry's names are in it: {written}");
    let again = nora.json(&["returns", "import", &exported, "--layout", "long"]);
    assert_eq!(counts(&again), [0, 0, 2, 0], "what went out says what is known");
}

#[test]
fn returns_are_held_against_the_registry_and_compliance_says_what_it_counts() {
    let installation = installation();
    let nora = installation.accessctl("nora;roles=statistician");
    let rows = [("A81001", "Pat_prospective-records_Enbld", 9), ("Z99999", "Pat_prospective-records_Enbld", 1)];
    let january = long(&installation, "january.csv", &rows);
    nora.say(&["returns", "import", &january, "--layout", "long"]);
    let differences = nora.say(&["returns", "check", "2025-01", "--kind", "not-open"]);
    assert!(differences.contains("Z99999") && differences.contains("NOT OPEN"), "{differences}");
    nora.refused(2, &["returns", "check", "january"]);

    let compliance = nora.run(&["stats", "compliance"]);
    assert_eq!(compliance.code, 0, "{}", compliance.stderr);
    assert!(compliance.stdout.contains("definitions/compliance-step-4"), "{}", compliance.stdout);
    assert!(compliance.stderr.contains("definitions/compliance-step-1: A step"), "{}", compliance.stderr);
    assert!(nora.say(&["stats", "definitions"]).contains("exclusion-rate"));
    assert!(nora.say(&["stats", "definitions", "viewers"]).contains("Distinct pseudonyms"));
}

#[test]
fn a_wide_file_must_be_told_of_what_it_is() {
    let installation = installation();
    let nora = installation.accessctl("nora;roles=statistician");
    let header = "PeriodStart,PeriodEnd,Period,CommissioningRegionCode,CommissioningRegionName,RegionGeographyCode,\
                  RegionGeographyName,CCGCode,CCGName,GPPracticeCode,GPPracticeName,Supplier,NoPatients,SystemEnabled,\
                  PatientsEnabled,PatientsUsed";
    let row = "01/01/2025,31/01/2025,M10,Y99,WREN,Q99,WREN,99X,WREN,A81001,WREN,EMIS,100,On,40,1";
    let wide = file(&installation, "wide.csv", &format!("{header}\n{row}\n"));
    let import = ["returns", "import", &wide, "--layout", "wide"];
    assert!(nora.refused(2, &import).contains("--capability"));
    let told = nora.json(&[&import[..], &["--capability", "detailed-coded-record"]].concat());
    assert_eq!(counts(&told), [1, 0, 0, 0]);
    let of_it = ["--capability", "detailed-coded-record"];
    assert!(nora.say(&[&["returns", "list", "--month", "2025-01"][..], &of_it].concat()).contains("A81001"));
    nora.say(&[&["returns", "check", "2025-01"][..], &of_it].concat());
    assert!(nora.refused(2, &["returns", "import", &wide, "--layout", "long"]).contains("pomi-wide"));
}

#[test]
fn published_totals_come_in_and_are_told_exactly() {
    let installation = installation();
    let nora = installation.accessctl("nora;roles=statistician");
    let content = "org_type,org_code,registered_patients,registered_16_plus\n\
                   Comm Region,Y63,1234567,1000001\nICB,QHM,1234567,1000001\n";
    let totals = file(&installation, "totals.csv", content);
    let import = ["stats", "import-totals", &totals, "--source", "GP_PRAC_PAT_LIST", "--as-at-date", "2026-08-01"];
    nora.say(&import);
    let told = nora.say(&["stats", "totals", "england"]);
    assert!(told.contains("1,234,567") && told.contains("2026-08-01"), "{told}");
    let compliance = nora.say(&["stats", "compliance", "--area", "icbs/QHM"]);
    assert!(compliance.contains("patients as published") && compliance.contains("1,234,567"), "{compliance}");
}

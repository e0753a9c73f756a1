//! Returns and totals as they go wrong in life: row by row, always with line, column and reason.

use ods::{Document, Format, Pomi, Reading};

const LONG: &str = "report_period_end,practice_code,practice_name,system_supplier,ccg_name,region_code,field,value";
const WIDE: &str = "PeriodStart,PeriodEnd,Period,CommissioningRegionCode,CommissioningRegionName,RegionGeographyCode,\
    RegionGeographyName,CCGCode,CCGName,GPPracticeCode,GPPracticeName,Supplier,NoPatients,SystemEnabled,PatientsEnabled,\
    PatientsUsed";

fn read(format: Format, header: &str, rows: &[String]) -> Reading<Pomi> {
    let file = format!("{header}\n{}\n", rows.join("\n"));
    let reading = ods::read(format, file.as_bytes()).expect("the file is sound as a whole");
    reading.map(|document| match document {
        Document::Pomi(pomi) => pomi,
        other => panic!("{other:?} are no returns"),
    })
}

fn long(rows: &[(&str, &str, &str, &str)]) -> Reading<Pomi> {
    let row = |(practice, supplier, field, value): &(&str, &str, &str, &str)| {
        format!("2031-03-31,{practice},WREN,{supplier},NHS WREN,Y99,{field},{value}")
    };
    read(Format::PomiLong, LONG, &rows.iter().map(row).collect::<Vec<_>>())
}

fn wide(rows: &[(&str, &str, &str, &str)]) -> Reading<Pomi> {
    let row = |(practice, supplier, list, enabled): &(&str, &str, &str, &str)| {
        format!(
            "01/03/2031,31/03/2031,M12,Y99,WREN,Q99,WREN,99X,NHS WREN,{practice},WREN,{supplier},{list},On,{enabled},0"
        )
    };
    read(Format::PomiWide, WIDE, &rows.iter().map(row).collect::<Vec<_>>())
}

/// Line, column name and reason of each rejection.
fn rejected(reading: &Reading<Pomi>) -> Vec<(u64, &'static str, &'static str)> {
    reading.rejections.iter().map(|fault| (fault.line, fault.column_name, fault.reason.code())).collect()
}

fn practices(reading: &Reading<Pomi>) -> Vec<(&str, u64)> {
    let returns = reading.document.returns.iter();
    returns.map(|kept| (kept.practice.as_str(), kept.counts.accounts_with_access)).collect()
}

#[test]
fn a_row_without_a_known_supplier_or_count_is_rejected_and_the_others_are_used() {
    let reading = wide(&[
        ("A10001", "EMIS", "100", "40"),
        ("A10002", "NK", "100", "NULL"),
        ("A10003", "TPP", "100", "-4"),
        ("A10001", "EMIS", "100", "40"),
        ("A10004", "TPP", "100", "101"),
    ]);
    assert_eq!(practices(&reading), [("A10001", 40)]);
    assert_eq!(
        rejected(&reading),
        [
            (3, "Supplier", "SUPPLIER_NOT_KNOWN"),
            (3, "PatientsEnabled", "MISSING"),
            (4, "PatientsEnabled", "NOT_A_COUNT"),
            (5, "GPPracticeCode", "DUPLICATE"),
            (6, "PatientsEnabled", "PART_ABOVE_WHOLE"),
        ]
    );
}

#[test]
fn fields_of_which_no_figure_is_made_are_counted_and_unknown_ones_are_rejected() {
    let reading = long(&[
        ("A10001", "EMIS", "Pat_DetCodeRec_Enbld", "40"),
        ("A10001", "EMIS", "Pat_Appts_Enbld", "60"),
        ("A10002", "EMIS", "Pat_Appts_Enbld", "NULL"),
        ("A10003", "EMIS", "Pat_Hearts_Use", "1"),
    ]);
    assert_eq!(practices(&reading), [("A10001", 40)]);
    assert_eq!(reading.document.not_kept.into_iter().collect::<Vec<_>>(), [("Pat_Appts_Enbld".to_owned(), 2)]);
    assert_eq!(reading.rejections.len(), 1);
    assert_eq!(reading.rejections[0].reason.code(), "UNKNOWN_FIELD");
}

#[test]
fn rows_of_a_practice_are_left_out_together_and_each_says_why() {
    let reading = long(&[
        ("A10001", "EMIS", "Patient_List_Size", "100"),
        ("A10001", "EMIS", "Pat_DetCodeRec_Enbld", "many"),
        ("A10002", "EMIS", "Patient_List_Size", "100"),
        ("A10003", "EMIS", "Pat_DetCodeRec_Enbld", "4"),
        ("A10003", "TPP", "Patient_List_Size", "100"),
        ("A10004", "EMIS", "Pat_DetCodeRec_Enbld", "101"),
        ("A10004", "EMIS", "Patient_List_Size", "100"),
        ("A10005", "EMIS", "Pat_DetCodeRec_Enbld", "4"),
        ("A10005", "EMIS", "Pat_DetCodeRec_Enbld", "5"),
        ("A10006", "EMIS", "Pat_DetCodeRec_Enbld", "6"),
    ]);
    assert_eq!(practices(&reading), [("A10006", 6)]);
    assert_eq!(
        rejected(&reading),
        [
            (2, "practice_code", "LEFT_OUT"),
            (3, "value", "NOT_A_COUNT"),
            (4, "field", "NO_ACCOUNTS"),
            (5, "practice_code", "LEFT_OUT"),
            (6, "system_supplier", "CONTRADICTION"),
            (7, "practice_code", "PART_ABOVE_WHOLE"),
            (9, "practice_code", "LEFT_OUT"),
            (10, "field", "DUPLICATE"),
        ]
    );
}

#[test]
fn the_detailed_coded_record_is_not_the_prospective_one() {
    let reading = long(&[
        ("A10001", "EMIS", "Total_Pat_Enbld", "60"),
        ("A10001", "EMIS", "Pat_DetCodeRec_Enbld", "40"),
        ("A10001", "EMIS", "Pat_prospective-records_Enbld", "30"),
        ("A10001", "EMIS", "Pat_prospective-records_Excl", "7"),
    ]);
    let counted: Vec<_> = reading
        .document
        .returns
        .iter()
        .map(|kept| {
            let id = kept.capability.as_ref().map(ods::Capability::id).unwrap_or_default();
            (id, kept.counts.accounts_with_access, kept.counts.online_accounts, kept.counts.excluded_by_review_code)
        })
        .collect();
    assert_eq!(counted, [("detailed-coded-record", 40, Some(60), 0), ("prospective-records", 30, Some(60), 7)]);
    let own_id = long(&[
        ("A10001", "EMIS", "Pat_detailed-coded-record_Enbld", "40"),
        ("A10002", "EMIS", "Pat_DetCodeRec_Enbld", "40"),
    ]);
    assert_eq!(practices(&own_id), [("A10002", 40)]);
}

#[test]
fn totals_of_which_one_is_wrong_are_refused_whole() {
    let refused = |rows: &str| {
        let file = format!("org_type,org_code,registered_patients,registered_16_plus\n{rows}\n");
        let refusal = ods::read(Format::Totals, file.as_bytes()).expect_err("it is not sound");
        refusal.faults.iter().map(|fault| (fault.line, fault.reason.code())).collect::<Vec<_>>()
    };
    assert_eq!(refused("Comm Region,Y99,10,8\nICB,Q99,9,8"), [(1, "LEVELS_DISAGREE")]);
    assert_eq!(refused("Comm Region,Y99,10,8\nComm Region,Y99,10,8"), [(3, "DUPLICATE")]);
    assert_eq!(refused("Comm Region,Y99,10,11"), [(2, "PART_ABOVE_WHOLE"), (2, "NO_ROWS")]);
    assert_eq!(refused("Ward,Y99,10,8\nComm Region,Y99,10,8"), [(2, "UNKNOWN_FIELD")]);
}

//! Files as they go wrong in life: refused as a whole, or row by row, always with line, column, reason and remedy.

use ods::{Format, Reading, Refusal, read_directory};

const MAP_HEADER: &str = "PUBLICATION,EXTRACT_DATE,PRACTICE_CODE,PRACTICE_NAME,PRACTICE_POSTCODE,PCN_CODE,PCN_NAME,\
    ONS_SUB_ICB_LOCATION_CODE,SUB_ICB_LOCATION_CODE,SUB_ICB_LOCATION_NAME,ONS_ICB_CODE,ICB_CODE,ICB_NAME,\
    ONS_COMM_REGION_CODE,COMM_REGION_CODE,COMM_REGION_NAME,SUPPLIER_NAME";
const LIST_HEADER: &str = "PUBLICATION,EXTRACT_DATE,TYPE,SUB_ICB_LOCATION_CODE,ONS_SUB_ICB_LOCATION_CODE,CODE,POSTCODE,SEX,\
    AGE,NUMBER_OF_PATIENTS";

fn map_row(code: &str) -> String {
    format!(
        "GP_PRAC_PAT_LIST,01Aug2031,{code},THE WREN SURGERY,ZZ1 1AA,U12345,WREN PCN,E38000999,99Z,NHS Wren ICB - 99Z,\
         E54000999,Q9Z,NHS Wren Integrated Care Board,E40000999,Y99,Wrenland,EMIS"
    )
}

fn map_file(rows: &[String]) -> String {
    format!("{MAP_HEADER}\r\n{}\r\n", rows.join("\r\n"))
}

fn list_file(rows: &[&str]) -> String {
    format!("{LIST_HEADER}\n{}\n", rows.join("\n"))
}

fn epraccur_row(code: &str, opened: &str, closed: &str, status: &str, setting: &str) -> String {
    let cells = [
        code,
        "THE WREN SURGERY",
        "Y99",
        "Q9Z",
        "",
        "",
        "",
        "",
        "",
        "ZZ1 1AA",
        opened,
        closed,
        status,
        "B",
        "99Z",
        "",
        "",
        "",
        "",
        "",
        "",
        "1",
        "",
        "",
        "",
        setting,
        "",
    ];
    cells.map(|cell| format!("\"{cell}\"")).join(",")
}

fn refusal(format: Format, bytes: &[u8]) -> Refusal {
    read_directory(format, bytes).expect_err("the file is not sound")
}

/// Line, column, column name and reason of each fault.
type Found = Vec<(u64, u64, &'static str, &'static str)>;

fn found(faults: &[ods::Fault]) -> Found {
    faults.iter().map(|fault| (fault.line, fault.column, fault.column_name, fault.reason.code())).collect()
}

fn read(format: Format, text: &str) -> Reading<ods::Directory> {
    read_directory(format, text.as_bytes()).expect("the file is sound")
}

#[test]
fn a_sound_map_is_read() {
    let reading = read(Format::Map, &map_file(&[map_row("A10001"), map_row("A10002")]));
    assert_eq!(reading.rejections, []);
    assert_eq!(reading.document.practices.len(), 2);
    assert_eq!(reading.document.source.to_string(), "GP_PRAC_PAT_LIST of 2031-08-01");
    let practice = &reading.document.practices[0];
    assert_eq!(practice.region.unwrap().as_str(), "Y99");
    assert_eq!(practice.supplier.as_ref().unwrap().as_str(), "EMIS");
    assert_eq!(practice.list_size, None, "a map says nothing of list sizes");
}

#[test]
fn a_wrong_file_is_refused_and_named() {
    let refusal =
        refusal(Format::Map, list_file(&["GP_PRAC_PAT_LIST,2031-04-01,GP,99Z,,A10001,,ALL,ALL,9"]).as_bytes());
    assert_eq!(found(&refusal.faults), [(1, 1, "", "OTHER_FORMAT")]);
    assert_eq!(
        refusal.to_string(),
        "nothing was read from this map file: line 1, column 1: this is a list-sizes file, and a map file was asked for; \
         import it as `list-sizes`, or choose the other file"
    );
}

#[test]
fn a_file_of_no_known_kind_is_refused_with_its_beginning() {
    let refusal = refusal(Format::ListSizes, b"PeriodStart,PeriodEnd\n01/04/2031,30/04/2031\n");
    assert_eq!(found(&refusal.faults), [(1, 1, "", "UNKNOWN_FORMAT")]);
    assert!(refusal.to_string().contains("`PeriodStart,PeriodEnd`"), "{refusal}");
}

#[test]
fn changed_headings_are_all_named() {
    let text = map_file(&[map_row("A10001")]).replacen("PRACTICE_CODE", "CODE", 1).replacen("ICB_NAME", "ICB", 1);
    let refusal = refusal(Format::Map, text.as_bytes());
    assert_eq!(found(&refusal.faults), [(1, 3, "PRACTICE_CODE", "WRONG_HEADER"), (1, 13, "ICB_NAME", "WRONG_HEADER")]);
}

#[test]
fn a_row_of_another_length_refuses_the_whole_file() {
    let short = map_row("A10002").replace(",EMIS", "");
    let long = format!("{},X", map_row("A10003"));
    let refusal = refusal(Format::Map, map_file(&[map_row("A10001"), short, long]).as_bytes());
    assert_eq!(
        found(&refusal.faults),
        [(3, 17, "SUPPLIER_NAME", "WRONG_COLUMN_COUNT"), (4, 18, "", "WRONG_COLUMN_COUNT")]
    );
    assert!(refusal.to_string().contains("16 columns where 17 belong"), "{refusal}");
}

#[test]
fn an_epraccur_file_with_a_column_less_is_refused_at_that_column() {
    let row = epraccur_row("A10001", "20300101", "", "ACTIVE", "RO76");
    let refusal = refusal(Format::Epraccur, format!("{}\n", row.strip_suffix(",\"\"").unwrap()).as_bytes());
    assert_eq!(found(&refusal.faults), [(1, 27, "Null", "WRONG_COLUMN_COUNT")]);
}

#[test]
fn a_truncated_file_is_refused() {
    let text = map_file(&[map_row("A10001"), map_row("A10002")]);
    let refusal = refusal(Format::Map, &text.as_bytes()[..text.len() - 20]);
    assert_eq!(refusal.faults[0].line, 3);
    assert_eq!(refusal.faults[0].reason.code(), "TRUNCATED");
}

#[test]
fn a_file_cut_within_its_header_is_refused_as_truncated() {
    let refusal = refusal(Format::Map, &MAP_HEADER.as_bytes()[..60]);
    assert!(refusal.faults.iter().any(|fault| fault.reason.code() == "TRUNCATED"), "{refusal}");
}

#[test]
fn an_empty_file_and_a_bare_header_are_refused() {
    for format in Format::ALL {
        let refusal = ods::read(format, b"").expect_err("there is nothing in it");
        assert_eq!(found(&refusal.faults), [(1, 1, "", "EMPTY")]);
    }
    assert_eq!(found(&refusal(Format::Map, format!("{MAP_HEADER}\n").as_bytes()).faults), [(1, 1, "", "NO_ROWS")]);
}

#[test]
fn text_that_is_not_utf8_is_refused_at_its_first_bad_byte() {
    let mut bytes = map_file(&[map_row("A10001")]).into_bytes();
    let place = bytes.windows(4).position(|window| window == b"WREN").unwrap();
    bytes[place] = 0xE9;
    assert_eq!(found(&refusal(Format::Map, &bytes).faults), [(2, 39, "", "NOT_UTF8")]);
}

#[test]
fn an_archive_is_refused_by_name() {
    let refusal = refusal(Format::Epraccur, b"\x1F\x8B\x08\x00");
    assert!(refusal.to_string().contains("this is a gzip file, not a text file; unpack it"), "{refusal}");
}

#[test]
fn an_unclosed_quotation_mark_refuses_the_file_at_its_cell() {
    let broken = map_row("A10001").replace("THE WREN", "\"THE WREN");
    let refusal = refusal(Format::Map, map_file(&[broken, map_row("A10002")]).as_bytes());
    assert_eq!(found(&refusal.faults), [(2, 4, "PRACTICE_NAME", "UNCLOSED_QUOTE")]);
}

#[test]
fn a_duplicate_practice_code_rejects_the_later_row() {
    let reading = read(Format::Map, &map_file(&[map_row("A10001"), map_row("A10002"), map_row("A10001")]));
    assert_eq!(reading.document.practices.len(), 2);
    assert_eq!(found(&reading.rejections), [(4, 3, "PRACTICE_CODE", "DUPLICATE")]);
    assert!(reading.rejections[0].to_string().contains("A10001 is here a second time, after line 2"));
}

#[test]
fn a_bad_code_rejects_its_row_and_says_what_is_expected() {
    let bad_icb = map_row("A10002").replace("Q9Z", "Q9Z1");
    let reading = read(Format::Map, &map_file(&[map_row("A10001"), bad_icb, map_row("10003")]));
    assert_eq!(reading.document.practices.len(), 1);
    assert_eq!(found(&reading.rejections), [(3, 12, "ICB_CODE", "BAD_CODE"), (4, 3, "PRACTICE_CODE", "BAD_CODE")]);
    assert!(reading.rejections[1].to_string().contains("`10003` is not a practice code: expected a capital letter"));
}

#[test]
fn a_row_with_several_faults_names_them_all_and_counts_once() {
    let bad = map_row("a1").replace("01Aug2031", "31Jun2031").replace("THE WREN SURGERY", "");
    let reading = read(Format::Map, &map_file(&[map_row("A10001"), bad]));
    assert_eq!(
        found(&reading.rejections),
        [
            (3, 2, "EXTRACT_DATE", "IMPOSSIBLE_DATE"),
            (3, 3, "PRACTICE_CODE", "BAD_CODE"),
            (3, 4, "PRACTICE_NAME", "MISSING")
        ]
    );
    assert_eq!(reading.rejected_rows(), 1);
}

#[test]
fn rows_that_contradict_each_other_about_an_organisation_are_rejected() {
    let moved = map_row("A10002").replace("Q9Z", "Q9Y");
    let renamed = map_row("A10003").replace("WREN PCN", "ROBIN PCN");
    let reading = read(Format::Map, &map_file(&[map_row("A10001"), moved, renamed]));
    assert_eq!(found(&reading.rejections), [(3, 12, "ICB_CODE", "CONTRADICTION"), (4, 7, "PCN_NAME", "CONTRADICTION")]);
    assert!(
        reading.rejections[0].to_string().contains("sub-ICB 99Z has the ICB `Q9Y` here and `Q9Z` in a row before"),
        "{}",
        reading.rejections[0]
    );
}

#[test]
fn rows_of_another_extract_are_rejected() {
    let later = map_row("A10002").replace("01Aug2031", "01Sep2031");
    let reading = read(Format::Map, &map_file(&[map_row("A10001"), later]));
    assert_eq!(found(&reading.rejections), [(3, 2, "EXTRACT_DATE", "CONTRADICTION")]);
}

#[test]
fn control_characters_in_a_name_reject_its_row() {
    let reading = read(Format::Map, &map_file(&[map_row("A10001"), map_row("A10002").replace("WREN SU", "WREN\0SU")]));
    assert_eq!(found(&reading.rejections), [(3, 4, "PRACTICE_NAME", "NOT_PLAIN_TEXT")]);
}

#[test]
fn a_file_of_which_every_row_is_rejected_is_refused_with_their_faults() {
    let refusal = refusal(Format::Map, map_file(&[map_row("a10001"), map_row("a10002")]).as_bytes());
    assert_eq!(
        found(&refusal.faults),
        [(2, 3, "PRACTICE_CODE", "BAD_CODE"), (3, 3, "PRACTICE_CODE", "BAD_CODE"), (3, 1, "", "NO_ROWS")]
    );
}

#[test]
fn negative_and_unreadable_list_sizes_reject_their_rows() {
    let row = |code: &str, patients: &str| {
        format!("GP_PRAC_PAT_LIST,2031-04-01,GP,99Z,E38000999,{code},ZZ1 1AA,ALL,ALL,{patients}")
    };
    let rows = [
        row("A10001", "3904"),
        row("A10002", "-5"),
        row("A10003", "3.5"),
        row("A10004", "+7"),
        row("A10005", "99999999999"),
    ];
    let reading = read(Format::ListSizes, &list_file(&rows.each_ref().map(String::as_str)));
    assert_eq!(reading.document.patients(), 3904);
    assert_eq!(
        found(&reading.rejections),
        [
            (3, 10, "NUMBER_OF_PATIENTS", "NEGATIVE_LIST_SIZE"),
            (4, 10, "NUMBER_OF_PATIENTS", "NOT_A_COUNT"),
            (5, 10, "NUMBER_OF_PATIENTS", "NOT_A_COUNT"),
            (6, 10, "NUMBER_OF_PATIENTS", "NOT_A_COUNT")
        ]
    );
}

#[test]
fn list_sizes_by_sex_or_age_are_passed_over() {
    let reading = read(
        Format::ListSizes,
        &list_file(&[
            "GP_PRAC_PAT_LIST,2031-04-01,GP,99Z,E38000999,A10001,ZZ1 1AA,ALL,ALL,10",
            "GP_PRAC_PAT_LIST,2031-04-01,GP,99Z,E38000999,A10001,ZZ1 1AA,MALE,ALL,4",
            "GP_PRAC_PAT_LIST,2031-04-01,ICB,99Z,E38000999,Q9Z,,ALL,ALL,400",
        ]),
    );
    assert_eq!((reading.document.patients(), reading.rejections.len()), (10, 0));
}

#[test]
fn epraccur_keeps_english_gp_practices_only_and_of_every_status() {
    let hospice = epraccur_row("A10002", "20300101", "", "ACTIVE", "RO72");
    let welsh = epraccur_row("W10003", "20300101", "", "ACTIVE", "RO76").replace("\"Y99\"", "\"\"");
    let closed = epraccur_row("A10004", "20300101", "20310101", "INACTIVE", "RO76|RO268");
    let text = [epraccur_row("A10001", "20300101", "", "ACTIVE", "RO76"), hospice, welsh, closed].join("\n") + "\n";
    let reading = ods::epraccur::parse(text.as_bytes()).unwrap();
    let codes: Vec<&str> = reading.document.practices.iter().map(|practice| practice.code.as_str()).collect();
    assert_eq!(codes, ["A10001", "A10004"]);
    assert_eq!((reading.document.others, reading.document.active().count()), (2, 1));
}

#[test]
fn epraccur_rows_with_impossible_dates_or_unknown_status_are_rejected() {
    let text = [
        epraccur_row("A10001", "20300101", "", "A", "4"),
        epraccur_row("A10002", "20300231", "", "A", "4"),
        epraccur_row("A10003", "20300101", "20291231", "C", "4"),
        epraccur_row("A10004", "20300101", "", "ACTIVE", "4"),
        epraccur_row("A10001", "20300101", "", "A", "4"),
    ]
    .join("\r\n")
        + "\r\n";
    let reading = read(Format::Epraccur, &text);
    assert_eq!(
        found(&reading.rejections),
        [
            (2, 11, "Open Date", "IMPOSSIBLE_DATE"),
            (3, 12, "Close Date", "CLOSED_BEFORE_OPENED"),
            (4, 13, "Status Code", "UNKNOWN_STATUS"),
            (5, 1, "Organisation Code", "DUPLICATE")
        ]
    );
}

#[test]
fn an_epraccur_layout_is_told_by_the_first_status_that_means_something() {
    let text = [
        epraccur_row("A10001", "20300101", "", "?", "4"),
        epraccur_row("A10002", "20300101", "", "D", "4"),
        epraccur_row("A10003", "20300101", "", "P", "4"),
    ]
    .join("\n")
        + "\n";
    let reading = ods::epraccur::parse(text.as_bytes()).unwrap();
    assert_eq!(reading.document.layout, ods::epraccur::Layout::Legacy);
    let statuses: Vec<ods::Status> = reading.document.practices.iter().map(|practice| practice.status).collect();
    assert_eq!(statuses, [ods::Status::Dormant, ods::Status::Proposed]);
    assert_eq!(found(&reading.rejections), [(1, 13, "Status Code", "UNKNOWN_STATUS")]);
}

#[test]
fn a_practice_commissioned_from_wales_has_no_sub_icb() {
    let row = epraccur_row("W10001", "20300101", "", "ACTIVE", "RO76").replace("99Z", "7A6") + "\n";
    let reading = read(Format::Epraccur, &row);
    assert_eq!((reading.document.practices[0].sub_icb, reading.rejections.len()), (None, 0));
}

#[test]
fn an_importer_can_point_at_what_it_does_not_know() {
    let reading = read(Format::Epraccur, &(epraccur_row("A10001", "20300101", "", "ACTIVE", "RO76") + "\n"));
    let fault = reading.document.unknown(&reading.document.practices[0], ods::Reference::Icb);
    assert_eq!(
        fault.to_string(),
        "line 1, column 4 (High Level Health Geography): ICB Q9Z is not known; \
         import the practice map that names it first"
    );
    let fault = reading.document.unknown(&reading.document.practices[0], ods::Reference::Practice);
    assert!(fault.to_string().starts_with("line 1, column 1 (Organisation Code): practice A10001"), "{fault}");
}

#[test]
fn epraccurs_organisations_are_those_of_most_practices_that_are_not_closed() {
    let row = |code: &str, icb: &str, status: &str| {
        epraccur_row(code, "20300101", "", status, "RO76").replace("Q9Z", icb) + "\n"
    };
    let rows = [
        row("A10001", "QA1", "ACTIVE"),
        row("A10002", "QB1", "ACTIVE"),
        row("A10003", "QB1", "DORMANT"),
        row("A10004", "QC1", "INACTIVE"),
    ];
    let organisations = read(Format::Epraccur, &rows.concat()).document.organisations;
    let icbs: Vec<_> = organisations.icbs.keys().map(ods::IcbCode::as_str).collect();
    assert_eq!(icbs, ["QB1"], "QA1 has no sub-ICB, QC1 no practice that is open");
    let sub_icb = organisations.sub_icbs.values().next().unwrap();
    assert_eq!((sub_icb.icb.as_str(), sub_icb.name.as_str()), ("QB1", ""));
    assert!(organisations.region_of(sub_icb.code).is_some());
}

#[test]
fn bank_holidays_are_no_directory() {
    let refusal = refusal(Format::BankHolidays, b"{}");
    assert_eq!(found(&refusal.faults), [(1, 1, "", "NOT_ABOUT_PRACTICES")]);
}

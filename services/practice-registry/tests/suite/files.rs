//! Files in the publishers' formats, about an invented part of England.

const MAP_HEADER: &str = "PUBLICATION,EXTRACT_DATE,PRACTICE_CODE,PRACTICE_NAME,PRACTICE_POSTCODE,PCN_CODE,PCN_NAME,\
ONS_SUB_ICB_LOCATION_CODE,SUB_ICB_LOCATION_CODE,SUB_ICB_LOCATION_NAME,ONS_ICB_CODE,ICB_CODE,ICB_NAME,\
ONS_COMM_REGION_CODE,COMM_REGION_CODE,COMM_REGION_NAME,SUPPLIER_NAME\r\n";

const LISTS_HEADER: &str = "PUBLICATION,EXTRACT_DATE,TYPE,SUB_ICB_LOCATION_CODE,ONS_SUB_ICB_LOCATION_CODE,CODE,POSTCODE,\
SEX,AGE,NUMBER_OF_PATIENTS\r\n";

/// Four practices of two ICBs and two suppliers.
pub(crate) fn map() -> String {
    let rows = [
        map_row("A81001", "HILL SURGERY", "TPP"),
        map_row("A81002", "LAKE SURGERY", "EMIS"),
        map_row("A81003", "MILL SURGERY", "EMIS"),
        map_row("B82001", "PARK SURGERY", "TPP")
            .replace("QHM,NHS North", "QE1,NHS West")
            .replace("16C,North 16C", "01A,West 01A"),
    ];
    map_of(&rows)
}

pub(crate) fn map_of(rows: &[String]) -> String {
    format!("{MAP_HEADER}{}", rows.concat())
}

pub(crate) fn map_row(code: &str, name: &str, supplier: &str) -> String {
    format!(
        "GP_PRAC_PAT_LIST,01Jun2031,{code},{name},ZZ1 1ZZ,U12345,HILL PCN,E38000247,16C,North 16C,E54000050,QHM,NHS North,\
         E40000012,Y63,North East,{supplier}\r\n"
    )
}

/// List sizes of three of them.
pub(crate) fn lists() -> String {
    let rows = [lists_row("A81001", "4000"), lists_row("A81002", "9000"), lists_row("A81003", "7500")];
    lists_of(&rows)
}

pub(crate) fn lists_of(rows: &[String]) -> String {
    format!("{LISTS_HEADER}{}", rows.concat())
}

pub(crate) fn lists_row(code: &str, patients: &str) -> String {
    format!("GP_PRAC_PAT_LIST,2031-04-01,GP,16C,E38000247,{code},ZZ1 1ZZ,ALL,ALL,{patients}\r\n")
}

/// A row of epraccur in its new layout; dates as YYYYMMDD.
pub(crate) fn epraccur_row(code: &str, name: &str, icb: &str, closed: &str) -> String {
    let status = if closed.is_empty() { "ACTIVE" } else { "INACTIVE" };
    let cells = [
        code, name, "Y63", icb, "", "", "", "", "", "ZZ1 1ZZ", "19740401", closed, status, "B", "16C", "20200401", "",
        "", "", "", "", "0", "", "16C", "", "RO76", "",
    ];
    let quoted: Vec<String> = cells.iter().map(|cell| format!("\"{cell}\"")).collect();
    quoted.join(",") + "\r\n"
}

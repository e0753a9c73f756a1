//! Files in the publishers' formats, about the invented part of England.

use crate::plan::Surgery;

const MAP_HEADER: &str = "PUBLICATION,EXTRACT_DATE,PRACTICE_CODE,PRACTICE_NAME,PRACTICE_POSTCODE,PCN_CODE,PCN_NAME,\
ONS_SUB_ICB_LOCATION_CODE,SUB_ICB_LOCATION_CODE,SUB_ICB_LOCATION_NAME,ONS_ICB_CODE,ICB_CODE,ICB_NAME,\
ONS_COMM_REGION_CODE,COMM_REGION_CODE,COMM_REGION_NAME,SUPPLIER_NAME\r\n";

const LISTS_HEADER: &str = "PUBLICATION,EXTRACT_DATE,TYPE,SUB_ICB_LOCATION_CODE,ONS_SUB_ICB_LOCATION_CODE,CODE,POSTCODE,\
SEX,AGE,NUMBER_OF_PATIENTS\r\n";

/// The bank holidays of the year that the stories are set in, as GOV.UK writes them.
pub(crate) const BANK_HOLIDAYS: &str = r#"{
  "england-and-wales": {"division": "england-and-wales", "events": [
    {"title": "New Year’s Day", "date": "2031-01-01", "notes": "", "bunting": true},
    {"title": "Spring bank holiday", "date": "2031-05-26", "notes": "", "bunting": true},
    {"title": "Christmas Day", "date": "2031-12-25", "notes": "", "bunting": true}
  ]},
  "scotland": {"division": "scotland", "events": []},
  "northern-ireland": {"division": "northern-ireland", "events": []}
}"#;

/// What lies in each ICB: a sub-ICB with its ONS code, and the ICB's own.
fn geography(icb: &str) -> (&'static str, &'static str, &'static str) {
    match icb {
        "QHM" => ("16C", "E38000247", "E54000050"),
        _ => ("42D", "E38000241", "E54000051"),
    }
}

pub(crate) fn map(surgeries: &[Surgery]) -> String {
    let row = |surgery: &Surgery| {
        let Surgery { code, supplier, icb, .. } = surgery;
        let (sub_icb, sub_icb_ons, icb_ons) = geography(icb);
        format!(
            "GP_PRAC_PAT_LIST,01May2031,{code},HILL SURGERY,ZZ1 1ZZ,U12345,HILL PCN,{sub_icb_ons},{sub_icb},Part {sub_icb},\
             {icb_ons},{icb},NHS {icb},E40000012,Y63,North East,{supplier}\r\n"
        )
    };
    let rows: String = surgeries.iter().map(row).collect();
    format!("{MAP_HEADER}{rows}")
}

pub(crate) fn lists(surgeries: &[Surgery]) -> String {
    let row = |surgery: &Surgery| {
        let Surgery { code, icb, patients, .. } = surgery;
        let (sub_icb, sub_icb_ons, _) = geography(icb);
        format!("GP_PRAC_PAT_LIST,2031-04-01,GP,{sub_icb},{sub_icb_ons},{code},ZZ1 1ZZ,ALL,ALL,{patients}\r\n")
    };
    let rows: String = surgeries.iter().map(row).collect();
    format!("{LISTS_HEADER}{rows}")
}

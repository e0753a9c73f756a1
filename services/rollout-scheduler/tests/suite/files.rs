//! Files in the publishers' formats, about an invented part of England.

const MAP_HEADER: &str = "PUBLICATION,EXTRACT_DATE,PRACTICE_CODE,PRACTICE_NAME,PRACTICE_POSTCODE,PCN_CODE,PCN_NAME,\
ONS_SUB_ICB_LOCATION_CODE,SUB_ICB_LOCATION_CODE,SUB_ICB_LOCATION_NAME,ONS_ICB_CODE,ICB_CODE,ICB_NAME,\
ONS_COMM_REGION_CODE,COMM_REGION_CODE,COMM_REGION_NAME,SUPPLIER_NAME\r\n";

const LISTS_HEADER: &str = "PUBLICATION,EXTRACT_DATE,TYPE,SUB_ICB_LOCATION_CODE,ONS_SUB_ICB_LOCATION_CODE,CODE,POSTCODE,\
SEX,AGE,NUMBER_OF_PATIENTS\r\n";

/// The bank holidays of the year that the tests live in, as GOV.UK writes them.
pub(crate) const BANK_HOLIDAYS: &str = r#"{
  "england-and-wales": {"division": "england-and-wales", "events": [
    {"title": "New Year’s Day", "date": "2031-01-01", "notes": "", "bunting": true},
    {"title": "Good Friday", "date": "2031-04-11", "notes": "", "bunting": false},
    {"title": "Easter Monday", "date": "2031-04-14", "notes": "", "bunting": true},
    {"title": "Early May bank holiday", "date": "2031-05-05", "notes": "", "bunting": true},
    {"title": "Spring bank holiday", "date": "2031-05-26", "notes": "", "bunting": true},
    {"title": "Summer bank holiday", "date": "2031-08-25", "notes": "", "bunting": true},
    {"title": "Christmas Day", "date": "2031-12-25", "notes": "", "bunting": true},
    {"title": "Boxing Day", "date": "2031-12-26", "notes": "", "bunting": true}
  ]},
  "scotland": {"division": "scotland", "events": []},
  "northern-ireland": {"division": "northern-ireland", "events": []}
}"#;

/// A practice of the invented part of England.
#[derive(Clone, Debug)]
pub(crate) struct Surgery {
    pub(crate) code: String,
    pub(crate) supplier: &'static str,
    pub(crate) patients: u32,
}

/// So many practices of a supplier, `A81001` and on; each a little larger than the one before.
pub(crate) fn surgeries(first: u32, count: u32, supplier: &'static str) -> Vec<Surgery> {
    let numbered = first..first + count;
    numbered
        .map(|number| Surgery { code: format!("A{number:05}"), supplier, patients: 5_000 + number % 1_000 })
        .collect()
}

pub(crate) fn map(surgeries: &[Surgery]) -> String {
    let row = |surgery: &Surgery| {
        format!(
            "GP_PRAC_PAT_LIST,01May2031,{},HILL SURGERY,ZZ1 1ZZ,U12345,HILL PCN,E38000247,16C,North 16C,E54000050,QHM,\
             NHS North,E40000012,Y63,North East,{}\r\n",
            surgery.code, surgery.supplier
        )
    };
    let rows: String = surgeries.iter().map(row).collect();
    format!("{MAP_HEADER}{rows}")
}

pub(crate) fn lists(surgeries: &[Surgery]) -> String {
    let row = |surgery: &Surgery| {
        format!(
            "GP_PRAC_PAT_LIST,2031-04-01,GP,16C,E38000247,{},ZZ1 1ZZ,ALL,ALL,{}\r\n",
            surgery.code, surgery.patients
        )
    };
    let rows: String = surgeries.iter().map(row).collect();
    format!("{LISTS_HEADER}{rows}")
}

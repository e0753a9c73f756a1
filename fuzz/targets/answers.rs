//! What every reader of a publisher's file owes for any bytes; shared by the targets that read files.

use ods::{Document, Format};

/// Reads `bytes` as `format`: each fault has a place and a remedy, and what was read is read back as it was written.
pub fn answers(format: Format, bytes: &[u8]) {
    let faults = match ods::read(format, bytes) {
        Ok(reading) => {
            // What a row that was left out said of an organisation is not written again, so only whole readings are compared.
            if reading.rejections.is_empty() {
                read_back(&reading.document);
            }
            reading.rejections
        }
        Err(refusal) => {
            assert!(!refusal.faults.is_empty() && refusal.faults_total >= refusal.faults.len() as u64);
            refusal.faults
        }
    };
    for fault in faults {
        assert!(fault.line >= 1 && fault.column >= 1, "{fault}");
        assert!(!fault.reason.remedy().is_empty() && !fault.to_string().is_empty());
    }
}

fn read_back(document: &Document) {
    let (format, written) = match document {
        Document::Map(map) => (Format::Map, map.encode()),
        Document::ListSizes(list) => (Format::ListSizes, list.encode()),
        Document::Epraccur(epraccur) => (Format::Epraccur, epraccur.encode()),
        Document::BankHolidays(holidays) => (Format::BankHolidays, holidays.encode()),
        Document::Pomi(pomi) => (Format::PomiLong, pomi.encode()),
        Document::Totals(totals) => (Format::Totals, totals.encode()),
    };
    match ods::read(format, &written) {
        Ok(again) => {
            assert_eq!(again.rejections, [], "what was written is sound");
            // These two have layouts that are written in another one, which has not all their columns.
            let same = again.document == *document || matches!(document, Document::Pomi(_) | Document::Epraccur(_));
            assert!(same, "{document:?}\nwas read back as\n{:?}", again.document);
        }
        Err(refusal) => panic!("{refusal}\nof {}", String::from_utf8_lossy(&written)),
    }
}

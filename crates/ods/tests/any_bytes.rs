//! Whatever the bytes, a parser answers; and what a document is written as is read back as the same document.

use jiff::civil::{Date, date};
use ods::epraccur::{Layout, RegisteredPractice};
use ods::pomi::{Counts, Labels, PracticeReturn};
use ods::totals::{Organisation, Total};
use ods::{
    BankHoliday, BankHolidays, Capability, CodeError, Document, Epraccur, Format, Icb, ListSize, ListSizes,
    MappedPractice, Organisations, Pcn, PcnCode, Pomi, PracticeMap, Region, Source, Status, SubIcb, Supplier, Totals,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

fn code<T: FromStr<Err = CodeError>>(text: &str) -> T {
    text.parse().expect("the code is well formed")
}

fn any_date() -> impl Strategy<Value = Date> {
    (0_i32..60_000).prop_map(|days| date(1974, 4, 1).saturating_add(jiff::Span::new().days(days)))
}

/// As people write: with commas, quotation marks and accents, without white space around.
fn any_name() -> impl Strategy<Value = String> {
    "[A-Z\"][A-Za-z ,\"'&é@.-]{0,20}[a-z\"]"
}

fn source(extract_date: Date) -> Source {
    Source { publication: "GP_PRAC_PAT_LIST".into(), extract_date: Some(extract_date) }
}

/// Practices of four sub-ICBs in two ICBs in one region, in three PCNs or in none.
fn any_map() -> impl Strategy<Value = PracticeMap> {
    let practice =
        (any_name(), prop::option::of("ZZ[1-9] [1-9]AA"), 0..4_u32, 0..4_u32, prop::option::of(any_supplier()));
    (any_date(), prop::collection::vec(any_name(), 10), prop::collection::vec(practice, 1..8)).prop_map(
        |(day, names, rows)| {
            let mut map =
                PracticeMap { source: source(day), organisations: Organisations::default(), practices: Vec::new() };
            let region = Region { code: code("Y11"), name: names[0].clone(), ons_code: None };
            for (index, (name, postcode, sub_icb, pcn, supplier)) in rows.into_iter().enumerate() {
                let icb = sub_icb / 2;
                let icb = Icb {
                    code: code(["Q1A", "B1C1D"][icb as usize]),
                    name: names[1 + icb as usize].clone(),
                    ons_code: Some(code(&format!("E5400000{icb}"))),
                    region: region.code,
                };
                let sub_icb = SubIcb {
                    code: code(&format!("1{sub_icb}A")),
                    name: names[3 + sub_icb as usize].clone(),
                    ons_code: None,
                    icb: icb.code,
                };
                let pcn_code = if pcn == 0 { PcnCode::UNALLOCATED } else { code(&format!("U0000{pcn}")) };
                if pcn > 0 {
                    let new = Pcn { code: pcn_code, name: names[6 + pcn as usize].clone(), sub_icbs: BTreeSet::new() };
                    map.organisations.pcns.entry(pcn_code).or_insert(new).sub_icbs.insert(sub_icb.code);
                }
                map.practices.push(MappedPractice {
                    line: index as u64 + 2,
                    code: code(&format!("A1{index:04}")),
                    name,
                    postcode,
                    pcn: pcn_code,
                    sub_icb: sub_icb.code,
                    supplier,
                });
                map.organisations.sub_icbs.insert(sub_icb.code, sub_icb);
                map.organisations.icbs.insert(icb.code, icb);
            }
            map.organisations.regions.insert(region.code, region);
            map
        },
    )
}

fn any_supplier() -> impl Strategy<Value = Supplier> {
    "[A-Z][A-Za-z &.]{0,10}[a-z]".prop_map(|name| code(&name))
}

fn any_list() -> impl Strategy<Value = ListSizes> {
    (any_date(), prop::collection::vec((0..1_000_000_000_u32, prop::option::of("ZZ1 [1-9]AA")), 1..8)).prop_map(
        |(day, rows)| {
            let practices = rows.into_iter().enumerate().map(|(index, (patients, postcode))| ListSize {
                line: index as u64 + 2,
                code: code(&format!("A1{index:04}")),
                patients,
                sub_icb: code("10A"),
                sub_icb_ons_code: postcode.is_some().then(|| code("E38000001")),
                postcode,
            });
            ListSizes { source: source(day), practices: practices.collect() }
        },
    )
}

fn any_epraccur() -> impl Strategy<Value = Epraccur> {
    let status = prop::sample::select(vec![Status::Active, Status::Closed, Status::Dormant]);
    let row = (any_name(), any_date(), any_date(), any::<bool>(), status);
    prop::collection::vec(row, 1..8).prop_map(|rows| {
        let practices =
            rows.into_iter().enumerate().map(|(index, (name, one, other, closed, status))| RegisteredPractice {
                line: index as u64 + 1,
                code: code(&format!("A1{index:04}")),
                name,
                postcode: closed.then(|| "ZZ1 1AA".to_owned()),
                region: code("Y11"),
                icb: closed.then(|| code("B1C1D")),
                sub_icb: (!closed).then(|| code("A1B1C")),
                opened: one.min(other),
                closed: closed.then(|| one.max(other)),
                status,
            });
        Epraccur { layout: Layout::New, practices: practices.collect(), others: 0 }
    })
}

fn any_holidays() -> impl Strategy<Value = BankHolidays> {
    let holiday = ("[A-Z][\\PC]{0,20}", "[\\PC]{0,20}", any::<bool>());
    prop::collection::btree_map(any_date(), holiday, 1..8).prop_map(|days| {
        let day = |(date, (title, notes, bunting))| (date, BankHoliday { title, notes, bunting });
        BankHolidays::new(days.into_iter().map(day).collect::<BTreeMap<_, _>>()).expect("there is at least one day")
    })
}

/// Returns of one capability at up to eight practices in up to two months.
fn any_pomi() -> impl Strategy<Value = Pomi> {
    let counts =
        (any::<u16>(), prop::option::of(any::<u16>()), prop::option::of(any::<u16>()), any::<u16>(), any::<u16>());
    let labels = (any_name(), prop::option::of(any_name()), "(Y[0-9]{2})?");
    let row = (0_i8..2, any_supplier(), counts, labels);
    let capability = prop::sample::select(vec!["detailed-coded-record", "prospective-records", "historic-records"]);
    (capability, prop::collection::btree_map(0_u32..9, row, 1..8)).prop_map(|(capability, rows)| {
        let capability: Capability = code(&format!("capabilities/{capability}"));
        let to_return = |(practice, (month, supplier, counts, labels))| {
            let (accounts, online, list, excluded, overridden): (u16, Option<u16>, Option<u16>, u16, u16) = counts;
            let (practice_name, commissioner_name, region_code): (String, Option<String>, String) = labels;
            let period_start = date(2031, 2 + month, 1);
            // A whole is never less than its part.
            let whole = |more: Option<u16>| more.map(|more| u64::from(accounts.max(excluded)) + u64::from(more));
            PracticeReturn {
                period_start,
                period_end: period_start.last_of_month(),
                supplier,
                capability: Some(capability.clone()),
                practice: code(&format!("A1{practice:04}")),
                counts: Counts {
                    accounts_with_access: accounts.into(),
                    online_accounts: whole(online),
                    patients_registered: whole(list),
                    excluded_by_review_code: excluded.into(),
                    exclusions_overridden: overridden.into(),
                },
                labels: Labels { practice_name, commissioner_name: commissioner_name.unwrap_or_default(), region_code },
            }
        };
        let mut returns: Vec<PracticeReturn> = rows.into_iter().map(to_return).collect();
        returns.sort_by_key(|kept| (kept.period_end, kept.supplier.clone(), kept.practice));
        Pomi { returns, not_kept: BTreeMap::new() }
    })
}

/// A region with two ICBs that sum to it.
fn any_totals() -> impl Strategy<Value = Totals> {
    prop::collection::vec((any::<u16>(), any::<u16>()), 2).prop_map(|icbs| {
        let total = |aged: u16, younger: u16| Total {
            patients: u64::from(aged) + u64::from(younger),
            aged_16_and_over: aged.into(),
        };
        let [one, other] = [total(icbs[0].0, icbs[0].1), total(icbs[1].0, icbs[1].1)];
        let region = Total {
            patients: one.patients + other.patients,
            aged_16_and_over: one.aged_16_and_over + other.aged_16_and_over,
        };
        Totals(BTreeMap::from([
            (Organisation::Region(code("Y11")), region),
            (Organisation::Icb(code("Q1A")), one),
            (Organisation::Icb(code("B1C1D")), other),
        ]))
    })
}

fn any_document() -> impl Strategy<Value = Document> {
    prop_oneof![
        any_map().prop_map(Document::Map),
        any_list().prop_map(Document::ListSizes),
        any_epraccur().prop_map(Document::Epraccur),
        any_holidays().prop_map(Document::BankHolidays),
        any_pomi().prop_map(Document::Pomi),
        any_totals().prop_map(Document::Totals),
    ]
}

fn encode(document: &Document) -> (Format, Vec<u8>) {
    match document {
        Document::Map(map) => (Format::Map, map.encode()),
        Document::ListSizes(list) => (Format::ListSizes, list.encode()),
        Document::Epraccur(epraccur) => (Format::Epraccur, epraccur.encode()),
        Document::BankHolidays(holidays) => (Format::BankHolidays, holidays.encode()),
        Document::Pomi(pomi) => (Format::PomiLong, pomi.encode()),
        Document::Totals(totals) => (Format::Totals, totals.encode()),
    }
}

proptest! {
    #[test]
    fn a_written_document_is_read_back_as_it_was(document in any_document()) {
        let (format, bytes) = encode(&document);
        let reading = ods::read(format, &bytes).unwrap();
        prop_assert_eq!(reading.rejections, vec![]);
        prop_assert_eq!(reading.document, document);
    }

    #[test]
    fn a_written_document_is_detected_also_with_a_byte_order_mark(document in any_document()) {
        let (format, mut bytes) = encode(&document);
        prop_assert_eq!(Format::detect(&bytes[..bytes.len().min(ods::DETECT_BYTES)]), Some(format));
        bytes.splice(0..0, *b"\xEF\xBB\xBF");
        prop_assert_eq!(Format::detect(&bytes), Some(format));
        prop_assert_eq!(ods::read(format, &bytes).unwrap().document, document);
    }

    #[test]
    fn line_breaks_of_either_kind_mean_the_same(document in any_document()) {
        let (format, bytes) = encode(&document);
        let unix: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b'\r').collect();
        prop_assert_eq!(ods::read(format, &unix).unwrap().document, document);
    }

    #[test]
    fn a_file_cut_anywhere_but_between_lines_is_refused(document in any_document(), cut in 0.0..1.0_f64) {
        let (format, bytes) = encode(&document);
        let length = (bytes.len() as f64 * cut) as usize;
        // A JSON file is whole with its last brace; what follows is a line break.
        let whole = format == Format::BankHolidays && length + 1 == bytes.len();
        if !bytes[..length].ends_with(b"\n") && !whole {
            let refusal = ods::read(format, &bytes[..length]).expect_err("half a line was accepted");
            prop_assert!(!refusal.faults.is_empty());
        }
    }

    #[test]
    fn damaged_files_are_read_or_refused(
        document in any_document(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let (_, mut bytes) = encode(&document);
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        for format in Format::ALL {
            answers(format, &bytes)?;
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for format in Format::ALL {
            answers(format, &bytes)?;
        }
    }

    #[test]
    fn any_text_of_the_right_beginning_is_read_or_refused(rest in "[\\PC\n\r\",]{0,300}") {
        let beginnings = [
            "PUBLICATION,EXTRACT_DATE,PRACTICE_CODE,",
            "PUBLICATION,EXTRACT_DATE,TYPE,",
            "\"A10001\",\"",
            "{",
            "PeriodStart,PeriodEnd,",
            "report_period_end,practice_code,",
            "org_type,org_code,",
        ];
        for (format, beginning) in Format::ALL.into_iter().zip(beginnings) {
            answers(format, format!("{beginning}{rest}").as_bytes())?;
        }
    }
}

/// It does not panic, and each fault has a place and can be said.
fn answers(format: Format, bytes: &[u8]) -> Result<(), TestCaseError> {
    let faults = match ods::read(format, bytes) {
        Ok(reading) => reading.rejections,
        Err(refusal) => {
            prop_assert!(!refusal.faults.is_empty() && refusal.faults_total >= refusal.faults.len() as u64);
            refusal.faults
        }
    };
    for fault in faults {
        prop_assert!(fault.line >= 1 && fault.column >= 1, "{}", fault);
        prop_assert!(!fault.reason.remedy().is_empty());
    }
    Ok(())
}

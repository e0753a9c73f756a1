//! What ODS's interfaces answer, read and written, and what can be wrong with it.

#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

use jiff::civil::{Date, date};
use ods::fhir::{self, BundleKind, BundleWriter, Version};
use ods::record::{CountedPatients, HeldRole, OrganisationRecord, Period, Relationship, Succession, SuccessionKind};
use ods::{DocumentFault, PcnCode, Problem, Status, ord};
use proptest::prelude::*;
use serde_json::{Value, json};

const DAY: Date = date(2031, 6, 2);

/// A practice by ORD, as the publisher shapes it.
fn organisation() -> Value {
    json!({ "Organisation": {
        "Name": "THE WREN SURGERY",
        "Date": [{ "Type": "Operational", "Start": "1974-04-01" }],
        "OrgId": { "root": "2.16.840.1.113883.2.1.3.2.4.18.48", "assigningAuthorityName": "HSCIC", "extension": "A10001" },
        "Status": "Active",
        "LastChangeDate": "2031-05-20",
        "orgRecordClass": "RC1",
        "GeoLoc": { "Location": { "AddrLn1": "1 WREN ROAD", "PostCode": "ZZ1 1AA", "Country": "ENGLAND" } },
        "Contacts": { "Contact": [{ "type": "tel", "value": "01632 960000" }] },
        "Roles": { "Role": [
            { "id": "RO177", "uniqueRoleId": 1, "primaryRole": true, "Date": [{ "Type": "Operational", "Start": "1974-04-01" }], "Status": "Active" },
            { "id": "RO76", "uniqueRoleId": 2, "Date": [{ "Type": "Operational", "Start": "2014-04-15" }], "Status": "Active" },
        ] },
        "Rels": { "Rel": [
            rel("RE4", "98Z", "Inactive", "2013-04-01", Some("2031-03-31")),
            rel("RE4", "99Z", "Active", "2031-04-01", None),
            rel("RE8", "U12345", "Active", "2029-07-01", None),
        ] },
        "Succs": { "Succ": [{
            "uniqueSuccId": 1, "Type": "Predecessor", "Date": [{ "Type": "Legal", "Start": "2030-10-01" }],
            "Target": { "OrgId": { "extension": "A10002" }, "PrimaryRoleId": { "id": "RO177", "uniqueRoleId": 3 } },
        }] },
    } })
}

fn rel(kind: &str, target: &str, status: &str, start: &str, end: Option<&str>) -> Value {
    let mut date = json!({ "Type": "Operational", "Start": start });
    if let Some(end) = end {
        date["End"] = json!(end);
    }
    json!({ "Date": [date], "Status": status, "id": kind, "uniqueRelId": 7,
        "Target": { "OrgId": { "extension": target }, "PrimaryRoleId": { "id": "RO98", "uniqueRoleId": 9 } } })
}

fn read(document: &Value) -> Result<OrganisationRecord, DocumentFault> {
    ord::organisation(&serde_json::to_vec(document).unwrap())
}

/// The document with another value at this JSON pointer.
fn with(mut document: Value, pointer: &str, value: Value) -> Value {
    *document.pointer_mut(pointer).unwrap_or_else(|| panic!("nothing at {pointer}")) = value;
    document
}

#[test]
fn a_practice_of_ord_is_what_a_directory_needs_of_it() {
    let record = read(&organisation()).unwrap();
    assert!(record.is_gp_practice() && record.is_english());
    assert_eq!(record.changed, Some(date(2031, 5, 20)));
    let facts = record.practice_facts(DAY).unwrap();
    let row = &facts.row;
    assert_eq!((row.code.as_str(), row.name.as_deref()), ("A10001", Some("THE WREN SURGERY")));
    assert_eq!((row.postcode.as_deref(), row.status), (Some("ZZ1 1AA"), Some(Status::Active)));
    assert_eq!((row.opened, row.closed), (Some(date(1974, 4, 1)), None));
    assert_eq!((row.sub_icb.unwrap().as_str(), facts.sub_icb_since), ("99Z", Some(date(2031, 4, 1))));
    assert_eq!((row.pcn.unwrap().as_str(), facts.pcn_since), ("U12345", Some(date(2029, 7, 1))));
    assert_eq!((row.icb, row.region, row.supplier.clone(), row.list_size), (None, None, None, None));
    let predecessor =
        Succession { kind: SuccessionKind::Predecessor, other: "A10002".into(), date: Some(date(2030, 10, 1)) };
    assert_eq!(facts.successions, [predecessor]);
}

#[test]
fn one_of_several_may_stand_without_a_list_around_it() {
    let alone = organisation()["Organisation"]["Rels"]["Rel"][1].clone();
    let document = with(organisation(), "/Organisation/Rels/Rel", alone);
    let only = json!({ "Type": "Operational", "Start": "1974-04-01" });
    let record = read(&with(document, "/Organisation/Date", only)).unwrap();
    assert_eq!(record.relationships.as_ref().unwrap().len(), 1);
    assert_eq!(record.operational.start, Some(date(1974, 4, 1)));
}

#[test]
fn what_holds_depends_on_the_day_and_what_is_to_come_is_told() {
    let mut document = organisation();
    let coming = rel("RE4", "97Z", "Active", "2031-07-01", None);
    document["Organisation"]["Rels"]["Rel"].as_array_mut().unwrap().push(coming);
    let record = read(&document).unwrap();
    let now = record.practice_facts(DAY).unwrap();
    assert_eq!((now.row.sub_icb.unwrap().as_str(), now.changes_on), ("99Z", Some(date(2031, 7, 1))));
    let then = record.practice_facts(date(2031, 7, 1)).unwrap();
    assert_eq!((then.row.sub_icb.unwrap().as_str(), then.changes_on), ("97Z", None));
}

#[test]
fn a_practice_that_left_its_network_is_in_none_and_a_document_without_relationships_says_nothing() {
    let left = rel("RE8", "U12345", "Inactive", "2029-07-01", Some("2031-03-31"));
    let record = read(&with(organisation(), "/Organisation/Rels/Rel/2", left)).unwrap();
    assert_eq!(record.practice_facts(DAY).unwrap().row.pcn, Some(PcnCode::UNALLOCATED));
    let mut silent = organisation();
    silent["Organisation"].as_object_mut().unwrap().remove("Rels");
    for silent in [silent, with(organisation(), "/Organisation/Rels", json!({ "Rel": [] }))] {
        assert_eq!(read(&silent).unwrap().practice_facts(DAY).unwrap().row.pcn, None);
    }
}

#[test]
fn a_practice_closes_with_its_organisation_or_with_its_role() {
    let ended = json!([{ "Type": "Operational", "Start": "1974-04-01", "End": "2031-05-31" }]);
    let closed = with(organisation(), "/Organisation/Date", ended);
    let closed = with(closed, "/Organisation/Status", json!("Inactive"));
    let row = read(&closed).unwrap().practice_facts(DAY).unwrap().row;
    assert_eq!((row.status, row.closed), (Some(Status::Closed), Some(date(2031, 5, 31))));

    // It goes on as a clinic.
    let role = json!({ "id": "RO76", "Date": [{ "Type": "Operational", "Start": "2014-04-15", "End": "2031-04-30" }], "Status": "Inactive" });
    let row = read(&with(organisation(), "/Organisation/Roles/Role/1", role)).unwrap().practice_facts(DAY).unwrap().row;
    assert_eq!((row.status, row.closed), (Some(Status::Active), Some(date(2031, 4, 30))));
    let undated = json!({ "id": "RO76", "Status": "Inactive" });
    let row =
        read(&with(organisation(), "/Organisation/Roles/Role/1", undated)).unwrap().practice_facts(DAY).unwrap().row;
    assert_eq!((row.status, row.closed), (Some(Status::Closed), None));
}

#[test]
fn a_practice_that_a_welsh_board_commissions_is_not_known_to_be_english() {
    let welsh = json!([rel("RE4", "7A1", "Active", "2013-04-01", None)]);
    let record = read(&with(organisation(), "/Organisation/Rels/Rel", welsh)).unwrap();
    assert!(!record.is_english());
    assert_eq!(record.practice_facts(DAY).unwrap().row.sub_icb, None);
}

#[test]
fn a_bad_organisation_is_refused_with_the_path_of_what_is_wrong() {
    let cases = [
        ("/Organisation/Status", json!("Closed"), "at Organisation.Status: `Closed` is neither Active nor Inactive"),
        ("/Organisation/Name", json!("  "), "at Organisation: nothing is given"),
        ("/Organisation/Name", json!(7), "at Organisation.Name: there is a number where a text belongs"),
        (
            "/Organisation/Name",
            json!("A\u{7}B"),
            "at Organisation.Name: `A\u{7}B` is longer than 200 characters or holds control characters",
        ),
        (
            "/Organisation/Date/0/Start",
            json!("2031-02-30"),
            "at Organisation.Date[0].Start: `2031-02-30` is no date; a date is such as 2031-08-01",
        ),
        (
            "/Organisation/Date/0/Type",
            json!("Other"),
            "at Organisation.Date[0].Type: `Other` is neither Operational nor Legal",
        ),
        (
            "/Organisation/Rels/Rel/1/Target/OrgId",
            json!({}),
            "at Organisation.Rels.Rel[1].Target.OrgId.extension: nothing is given",
        ),
        (
            "/Organisation/OrgId/extension",
            json!("../A10001"),
            "at Organisation.OrgId.extension: `../A10001` is not an ODS code: expected up to twelve letters and digits, such as A81001",
        ),
        (
            "/Organisation/Date/0",
            json!({ "Type": "Legal", "Start": "2031-02-02", "End": "2031-02-01" }),
            "at Organisation.Date[0]: the end, 2031-02-01, lies before the beginning, 2031-02-02",
        ),
    ];
    for (pointer, value, said) in cases {
        assert_eq!(read(&with(organisation(), pointer, value)).unwrap_err().to_string(), said);
    }
    let bytes = serde_json::to_vec(&organisation()).unwrap();
    let cut = ord::organisation(&bytes[..bytes.len() - 9]).unwrap_err();
    assert!(cut.is_truncation(), "{cut}");
    let page = ord::organisation(b"<html>no such page</html>").unwrap_err();
    assert!(matches!(page.problem, Problem::Broken { line: 1, column: 1, .. }), "{page}");
    let other = ord::organisation(b"{\"Organisations\":[]}").unwrap_err();
    assert_eq!(other.to_string(), "at $: this is a document of Organisations, and an organisation was asked for");
}

#[test]
fn a_code_that_is_no_practices_or_no_networks_is_refused_when_it_is_taken_for_one() {
    let trust = with(organisation(), "/Organisation/OrgId/extension", json!("RWR"));
    assert!(
        read(&trust).unwrap().practice_facts(DAY).unwrap_err().to_string().contains("`RWR` is not a practice code")
    );
    let odd = rel("RE8", "RWR", "Active", "2029-07-01", None);
    let odd = read(&with(organisation(), "/Organisation/Rels/Rel/2", odd)).unwrap();
    assert!(odd.practice_facts(DAY).unwrap_err().to_string().contains("`RWR` is not a PCN code"));
}

#[test]
fn a_sync_names_organisations_by_their_address_and_a_search_by_their_code() {
    let base = "https://directory.example/ORD/2-0-0/organisations";
    let sync = json!({ "Organisations": [
        { "OrgLink": format!("{base}/A10001") }, { "OrgLink": format!("{base}/RWR?_format=json") },
    ] });
    assert_eq!(ord::codes(&serde_json::to_vec(&sync).unwrap()).unwrap(), ["A10001", "RWR"]);
    let search = json!({ "Organisations": [{ "Name": "X", "OrgId": "A10003", "OrgLink": format!("{base}/A10003") }] });
    assert_eq!(ord::codes(&serde_json::to_vec(&search).unwrap()).unwrap(), ["A10003"]);
    assert_eq!(ord::codes(b"{\"Organisations\":[]}").unwrap(), Vec::<String>::new());
    let bad = ord::codes(b"{\"Organisations\":[{\"OrgLink\":\"https://directory.example/\"}]}").unwrap_err();
    assert_eq!(bad.path, "Organisations[0].OrgLink");
    assert_eq!(ord::error_text(b"{\"errorCode\":406,\"errorText\":\"too old\"}").as_deref(), Some("too old"));
}

/// A record with everything that a bundle says.
fn whole() -> OrganisationRecord {
    let held = |kind: &str, target: &str, is_active, operational| Relationship {
        kind: kind.into(),
        target: target.into(),
        is_active,
        operational,
    };
    let since = |start| Period { start: Some(start), end: None };
    OrganisationRecord {
        code: "A10001".into(),
        name: "THE \"WREN\" SURGERY".into(),
        is_active: true,
        postcode: Some("ZZ1 1AA".into()),
        operational: since(date(1974, 4, 1)),
        legal: Period { start: Some(date(1974, 4, 1)), end: Some(date(2033, 3, 31)) },
        changed: Some(date(2031, 5, 20)),
        roles: vec![HeldRole { role: "RO76".into(), is_active: true, operational: since(date(2014, 4, 15)) }],
        relationships: Some(vec![
            held("RE4", "98Z", false, Period { start: Some(date(2013, 4, 1)), end: Some(date(2031, 3, 31)) }),
            held("RE4", "99Z", true, since(date(2031, 4, 1))),
            held("RE8", "U12345", true, Period::default()),
        ]),
        successions: vec![Succession { kind: SuccessionKind::Successor, other: "A10009".into(), date: None }],
        supplier: Some("EMIS".parse().unwrap()),
        list_size: Some(CountedPatients { patients: 8_000, source: "lists".into(), date: date(2031, 4, 1) }),
    }
}

fn bundle(records: &[OrganisationRecord]) -> Vec<u8> {
    let version = Version { id: 7, last_updated: "2031-06-02T08:00:00Z".parse().unwrap() };
    let mut writer = BundleWriter::new(BundleKind::Collection);
    let mut text = writer.begin(version.last_updated);
    for record in records {
        text.push_str(&writer.entry(&fhir::organization(record, version), version));
        for resource in fhir::affiliations(record) {
            text.push_str(&writer.entry(&resource, version));
        }
    }
    text.push_str(writer.end());
    text.into_bytes()
}

#[test]
fn a_bundle_is_read_back_as_it_was_written() {
    let silent = OrganisationRecord { code: "A10002".into(), relationships: None, successions: Vec::new(), ..whole() };
    let records = [whole(), silent];
    let page = fhir::page(&bundle(&records)).unwrap();
    assert_eq!(page.records, records);
    assert_eq!((page.rejections, page.next, page.total), (Vec::new(), None, None));
    assert_eq!(fhir::page(&bundle(&[])).unwrap().records, []);
}

fn resource(document: &Value) -> fhir::FhirPage {
    fhir::page(&serde_json::to_vec(document).unwrap()).unwrap()
}

#[test]
fn an_organisation_that_cannot_be_read_is_rejected_and_the_rest_is_used() {
    let other = OrganisationRecord { code: "A10002".into(), ..whole() };
    let text: Value = serde_json::from_slice(&bundle(&[whole(), other.clone()])).unwrap();
    let page = resource(&with(text.clone(), "/entry/0/resource/active", json!("yes")));
    assert_eq!(page.records, std::slice::from_ref(&other));
    assert_eq!(page.rejections[0].id, "A10001");
    assert_eq!(
        page.rejections[0].fault.to_string(),
        "at entry[0].resource.active: there is a text where true or false belongs"
    );

    // Of whose relationships one cannot be read, it would seem to be in no network.
    let page = resource(&with(text.clone(), "/entry/3/resource/code", json!([])));
    assert_eq!((page.records, page.rejections[0].id.as_str()), (vec![other], "A10001"));
    // And where not even the owner is known, no one's relationships are known to be whole.
    let page = resource(&with(text, "/entry/3/resource/organization", json!({})));
    assert!(page.records.iter().all(|record| record.relationships.is_none()));
}

#[test]
fn the_codes_of_the_server_are_not_taken_for_odss() {
    let text: Value = serde_json::from_slice(&bundle(&[whole()])).unwrap();
    let system = json!([{ "system": "https://elsewhere.example", "value": "A10001" }]);
    let page = resource(&with(text, "/entry/0/resource/identifier", system));
    assert_eq!(page.rejections[0].fault.to_string(), "at entry[0].resource.identifier: nothing is given");
}

#[test]
fn another_resource_than_a_bundle_is_refused_with_what_it_says() {
    let outcome = br#"{"resourceType":"OperationOutcome","issue":[{"diagnostics":"no declared filter"}]}"#;
    let said = fhir::page(outcome).unwrap_err().to_string();
    assert_eq!(
        said,
        "at $: this is a resource of type OperationOutcome (no declared filter), and a Bundle was asked for"
    );
    assert_eq!(fhir::diagnostics(outcome).as_deref(), Some("no declared filter"));
    assert!(fhir::page(b"{\"resourceType\":\"Bundle\",\"entry\":[").unwrap_err().is_truncation());
}

#[test]
fn the_next_page_and_the_total_are_told() {
    let document = json!({ "resourceType": "Bundle", "type": "searchset", "total": 3, "link": [
        { "relation": "self", "url": "https://ods.example/fhir/Organization" },
        { "relation": "next", "url": "https://ods.example/fhir/Organization?_offset=2" },
    ] });
    let page = resource(&document);
    assert_eq!(page.next.as_deref(), Some("https://ods.example/fhir/Organization?_offset=2"));
    assert_eq!((page.total, page.records), (Some(3), Vec::new()));
}

proptest! {
    #[test]
    fn no_bytes_and_no_change_of_a_document_bring_the_readers_down(at in 0_usize..4_000, byte: u8) {
        for mut bytes in [serde_json::to_vec(&organisation()).unwrap(), bundle(&[whole()])] {
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = (ord::organisation(&bytes), ord::codes(&bytes), ord::error_text(&bytes), fhir::page(&bytes));
            let _ = (ord::organisation(&bytes[..at]), fhir::page(&bytes[..at]), fhir::diagnostics(&bytes[..at]));
        }
    }
}

//! ExportPractices.

use jiff::SignedDuration;
use jiff::civil::date;
use ods::fhir;
use proto::registry::v1 as wire;
use proto::registry::v1::{DirectoryFormat, ExportFormat};
use tonic::Code;

use crate::bench::{Bench, header, moment, reason};
use crate::files;

async fn export(bench: &mut Bench, request: wire::ExportPracticesRequest) -> (String, u32) {
    let mut pieces = bench.client.export_practices(request).await.unwrap().into_inner();
    let (mut bytes, mut count, mut positions) = (Vec::new(), 0, Vec::new());
    while let Some(piece) = pieces.message().await.unwrap() {
        bytes.extend_from_slice(&piece.data);
        count = piece.practice_count;
        positions.push(piece.position);
    }
    positions.dedup();
    assert_eq!(positions.len(), 1, "one position in every piece");
    (String::from_utf8(bytes).unwrap(), count)
}

fn csv() -> wire::ExportPracticesRequest {
    wire::ExportPracticesRequest { format: ExportFormat::Csv.into(), ..Default::default() }
}

fn fhir_r4() -> wire::ExportPracticesRequest {
    wire::ExportPracticesRequest { format: ExportFormat::FhirR4.into(), ..Default::default() }
}

/// The practices of the map, with list sizes; a day later one has moved and changed its name.
async fn moved() -> Bench {
    let mut bench = Bench::with_practices().await;
    bench.import(header(DirectoryFormat::ListSizes, "lists"), files::lists().as_bytes()).await.unwrap();
    bench.wait(SignedDuration::from_hours(24));
    let row =
        files::map_row("A81001", "HILL, NEW \"SURGERY\"", "EMIS").replace("HILL, NEW \"SURGERY\"", "\"HILL, NEW\"");
    let row = row.replace("U12345,HILL PCN", "U54321,NEW PCN");
    let map = wire::ImportHeader { effective_date: "2031-06-03".to_owned(), ..header(DirectoryFormat::Map, "moved") };
    bench.import(map, files::map_of(&[row]).as_bytes()).await.unwrap();
    bench
}

#[tokio::test]
async fn csv_has_a_row_for_each_practice_that_the_filter_selects() {
    let mut bench = moved().await;
    bench.switch_on().await;
    let filter = "practice.supplier == \"EMIS\"".to_owned();
    let (text, count) = export(&mut bench, wire::ExportPracticesRequest { filter, ..csv() }).await;
    assert_eq!(count, 3);
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(
        lines[0],
        "ods_code,name,postcode,status,open_date,close_date,supplier,pcn_code,sub_icb_code,icb_code,region_code,list_size,\
         list_size_source,list_size_date,observed_state,live_since"
    );
    assert_eq!(
        lines[1],
        "A81001,\"HILL, NEW\",ZZ1 1ZZ,ACTIVE,,,EMIS,U54321,16C,QHM,Y63,4000,GP_PRAC_PAT_LIST,2031-04-01,ON,2031-06-03T08:00:00Z"
    );
    assert_eq!(
        lines[2],
        "A81002,LAKE SURGERY,ZZ1 1ZZ,ACTIVE,,,EMIS,U12345,16C,QHM,Y63,9000,GP_PRAC_PAT_LIST,2031-04-01,UNKNOWN,"
    );
    assert_eq!(lines.len(), 4);
}

#[tokio::test]
async fn csv_shows_the_past_in_both_times() {
    let mut bench = moved().await;
    let then = moment("2031-06-02T12:00:00Z");
    let (known, _) = export(&mut bench, wire::ExportPracticesRequest { known_at: then, ..csv() }).await;
    assert!(known.contains("A81001,HILL SURGERY,ZZ1 1ZZ,ACTIVE,,,TPP,U12345"), "{known}");
    let (history, _) = export(&mut bench, wire::ExportPracticesRequest { history: true, ..csv() }).await;
    let of_pcn: Vec<&str> = history.lines().filter(|line| line.starts_with("A81001,pcn_code")).collect();
    assert_eq!(
        of_pcn,
        [
            "A81001,pcn_code,U12345,2031-06-01,2031-06-02T08:00:00Z",
            "A81001,pcn_code,U54321,2031-06-03,2031-06-03T08:00:00Z",
        ]
    );
    let (before, _) = export(&mut bench, wire::ExportPracticesRequest { history: true, known_at: then, ..csv() }).await;
    assert!(!before.contains("U54321") && before.contains("A81001,list_size,4000"), "{before}");
}

#[tokio::test]
async fn a_bundle_is_read_back_as_the_practices_that_were_exported() {
    let mut bench = moved().await;
    let (text, count) = export(&mut bench, fhir_r4()).await;
    let page = fhir::page(text.as_bytes()).unwrap();
    assert_eq!((page.records.len(), count, page.rejections.len()), (4, 4, 0));
    for record in &page.records {
        let row = record.practice_facts(date(2031, 6, 3)).unwrap().row;
        let name = format!("practices/{}", record.code);
        let get = wire::GetPracticeRequest { name, ..Default::default() };
        let known = bench.client.get_practice(get).await.unwrap().into_inner().practice.unwrap();
        let said = |code: Option<&str>| code.unwrap_or_default().to_owned();
        assert_eq!(said(row.name.as_deref()), known.display_name);
        assert_eq!(said(row.postcode.as_deref()), known.postcode);
        assert_eq!(said(row.sub_icb.as_ref().map(ods::SubIcbCode::as_str)), known.sub_icb_code);
        assert_eq!(said(row.pcn.as_ref().map(ods::PcnCode::as_str)), known.pcn_code);
        assert_eq!(said(row.supplier.as_ref().map(ods::Supplier::as_str)), known.supplier);
        assert_eq!(row.status, Some(ods::Status::Active));
        let counted = record.list_size.as_ref();
        assert_eq!(counted.map_or(0, |counted| i64::from(counted.patients)), known.list_size);
        assert_eq!(counted.map(|counted| counted.source.clone()).unwrap_or_default(), known.list_size_source);
    }
}

#[tokio::test]
async fn a_closed_practice_is_exported_as_one() {
    let mut bench = moved().await;
    let row = files::epraccur_row("A81003", "MILL SURGERY", "QHM", "20310602");
    let epraccur =
        wire::ImportHeader { effective_date: "2031-06-03".to_owned(), ..header(DirectoryFormat::Epraccur, "e") };
    bench.import(epraccur, row.as_bytes()).await.unwrap();
    let filter = "practice.status == \"CLOSED\"".to_owned();
    let (text, _) = export(&mut bench, wire::ExportPracticesRequest { filter, ..fhir_r4() }).await;
    let record = &fhir::page(text.as_bytes()).unwrap().records[0];
    let row = record.practice_facts(date(2031, 6, 3)).unwrap().row;
    assert_eq!(
        (row.status, row.opened, row.closed),
        (Some(ods::Status::Closed), Some(date(1974, 4, 1)), Some(date(2031, 6, 2)),)
    );
}

#[tokio::test]
async fn a_history_bundle_has_a_version_for_each_time_that_something_was_said() {
    let mut bench = moved().await;
    let filter = "practice.ods_code == \"A81001\"".to_owned();
    let request = wire::ExportPracticesRequest { history: true, filter, ..fhir_r4() };
    let (text, _) = export(&mut bench, request).await;
    let bundle: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(bundle["type"], "history");
    let entries = bundle["entry"].as_array().unwrap();
    let versions: Vec<(&str, &str)> = entries
        .iter()
        .map(|entry| &entry["resource"])
        .filter(|resource| resource["resourceType"] == "Organization")
        .map(|resource| (resource["meta"]["lastUpdated"].as_str().unwrap(), resource["name"].as_str().unwrap()))
        .collect();
    // Map and list sizes came at one moment.
    assert_eq!(versions, [("2031-06-03T08:00:00Z", "HILL, NEW"), ("2031-06-02T08:00:00Z", "HILL SURGERY")]);
    assert!(entries.iter().all(|entry| entry["request"]["method"] == "PUT"));
    // The latest version knows of the network before.
    let record = &fhir::page(text.as_bytes()).unwrap().records[0];
    let networks: Vec<_> = record
        .relationships
        .iter()
        .flatten()
        .filter(|held| held.kind == "RE8")
        .map(|held| (&*held.target, held.is_active))
        .collect();
    assert!(networks.contains(&("U12345", false)) && networks.contains(&("U54321", true)), "{networks:?}");
}

#[tokio::test]
async fn a_nation_comes_in_pieces_and_none_is_missing() {
    let mut bench = Bench::for_large_files().await;
    let rows: Vec<String> = (0..700).map(|n| files::map_row(&format!("C{n:05}"), "SURGERY", "EMIS")).collect();
    bench.import(header(DirectoryFormat::Map, "large"), files::map_of(&rows).as_bytes()).await.unwrap();
    let mut pieces = bench.client.export_practices(fhir_r4()).await.unwrap().into_inner();
    let (mut text, mut count) = (String::new(), 0);
    while let Some(piece) = pieces.message().await.unwrap() {
        assert!(piece.data.len() < 128 * 1024);
        text.push_str(std::str::from_utf8(&piece.data).unwrap());
        count += 1;
    }
    assert!(count > 5, "{count} pieces");
    assert_eq!(fhir::page(text.as_bytes()).unwrap().records.len(), 700);
}

#[tokio::test]
async fn an_export_without_a_format_or_with_a_bad_filter_is_refused() {
    let mut bench = Bench::with_practices().await;
    let refused = reason(bench.client.export_practices(wire::ExportPracticesRequest::default()).await);
    assert_eq!(refused, (Code::InvalidArgument, "FIELD_REQUIRED".to_owned()));
    let filter = "practice.nothing".to_owned();
    let refused = reason(bench.client.export_practices(wire::ExportPracticesRequest { filter, ..csv() }).await);
    assert_eq!(refused, (Code::InvalidArgument, "FILTER_INVALID".to_owned()));
}

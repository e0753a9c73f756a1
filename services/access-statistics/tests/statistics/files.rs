//! DownloadPublication: CSV, JSON, CSV on the Web and plain words, all of the same frozen figures.

use std::collections::BTreeMap;

use client::Peer;
use database::testing::TestStore;
use proto::statistics::v1 as wire;
use proto::statistics::v1::publication_service_client::PublicationServiceClient;
use serde_json::Value;

use crate::breakdowns::wave;
use crate::publications::{announce, correction, create, creation, nation, submit};
use crate::world::{World, moment, view};

/// A file, with its name and media type.
async fn file(
    publications: &PublicationServiceClient<Peer>,
    name: &str,
    issue: i32,
    format: wire::PublicationFormat,
) -> (String, String, String) {
    let request =
        wire::DownloadPublicationRequest { name: name.to_owned(), issue, format: format.into(), ..Default::default() };
    let mut pieces = publications.clone().download_publication(request).await.expect("a file").into_inner();
    let (mut bytes, mut named) = (Vec::new(), None);
    while let Some(piece) = pieces.message().await.expect("the file is whole") {
        bytes.extend(piece.data);
        named.get_or_insert((piece.file_name, piece.media_type));
    }
    let (file_name, media_type) = named.expect("a file has a piece");
    (file_name, media_type, String::from_utf8(bytes).expect("text"))
}

/// The rows of an issue's CSV, by column.
pub(crate) async fn rows(
    publications: &PublicationServiceClient<Peer>,
    name: &str,
    issue: i32,
) -> Vec<BTreeMap<String, String>> {
    let (_, _, text) = file(publications, name, issue, wire::PublicationFormat::Csv).await;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header: Vec<String> = reader.headers().expect("a header").iter().map(str::to_owned).collect();
    let row = |record: csv::StringRecord| header.iter().cloned().zip(record.iter().map(str::to_owned)).collect();
    reader.records().map(|record| row(record.expect("a row"))).collect()
}

#[tokio::test]
async fn a_draft_says_that_it_is_one() {
    let world = World::on(TestStore::sqlite());
    let process = world.start().await;
    nation(&world, &process).await;
    announce(&process, "2031-02", "2031-03-13T09:30:00Z").await.unwrap();
    create(&process, creation("2031-02")).await.unwrap();
    let (_, _, text) = file(&process.publications(), "2031-02", 0, wire::PublicationFormat::Summary).await;
    assert!(text.contains("**Under embargo until 13 March 2031, 09:30 GMT: not to be passed on.**"), "{text}");
    process.stop().await;
}

/// February with two issues, the second of which corrects practice 2.
async fn two_issues(world: &World) -> crate::world::Process {
    let process = world.start().await;
    nation(world, &process).await;
    let (mut producer, _) = process.produce("gateway", 1).await;
    let views = (0..60).map(|person| wire::AccessEvent {
        channel: if person % 5 == 0 { "other-app" } else { "nhs-app" }.to_owned(),
        ..view(&format!("A8100{}", person % 3 + 1), "2031-02-10T09:00:00Z", person)
    });
    producer.record(1, views.collect()).await.unwrap();
    announce(&process, "2031-02", "2031-03-13T09:30:00Z").await.unwrap();
    let waves = vec![wave(1, ["A81001", "A81002", "A81005"]), wave(2, ["A81003", "A81004"])];
    create(&process, wire::CreatePublicationRequest { waves, ..creation("2031-02") }).await.unwrap();
    world.clock.set(moment("2031-03-20T09:30:00Z"));
    submit(&process, "EMIS", &[(1, 1_000), (2, 2_000), (3, 451)]).await;
    process.publications().reissue_publication(correction("2031-02", 1)).await.unwrap();
    process
}

#[tokio::test]
async fn a_summary_is_in_plain_words_and_says_what_was_corrected() {
    let world = World::on(TestStore::sqlite());
    let process = two_issues(&world).await;
    for (issue, name) in [(1, "first"), (2, "second")] {
        let (file_name, media_type, text) =
            file(&process.publications(), "2031-02", issue, wire::PublicationFormat::Summary).await;
        assert_eq!(
            (file_name, media_type.as_str()),
            (format!("access-2031-02-issue-{issue}.md"), "text/markdown; charset=utf-8")
        );
        insta::assert_snapshot!(format!("summary_of_the_{name}_issue"), text);
    }
    process.stop().await;
}

#[tokio::test]
async fn the_metadata_describe_the_csv_as_csv_on_the_web_has_it() {
    let world = World::on(TestStore::sqlite());
    let process = two_issues(&world).await;
    let (csv_name, media_type, csv) = file(&process.publications(), "2031-02", 1, wire::PublicationFormat::Csv).await;
    assert_eq!(media_type, "text/csv; charset=utf-8; header=present");
    let (name, media_type, metadata) =
        file(&process.publications(), "2031-02", 1, wire::PublicationFormat::CsvwMetadata).await;
    assert_eq!((name, media_type.as_str()), (format!("{csv_name}-metadata.json"), "application/csvm+json"));
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    assert_eq!(metadata["@context"][0], "http://www.w3.org/ns/csvw");
    assert_eq!(metadata["url"], csv_name.as_str());
    let columns = metadata["tableSchema"]["columns"].as_array().unwrap();
    assert_eq!(csv.matches('\n').count(), csv.matches("\r\n").count(), "lines end in CRLF");

    let rows = rows(&process.publications(), "2031-02", 1).await;
    let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    let names: Vec<&str> = columns.iter().map(|column| column["name"].as_str().unwrap()).collect();
    assert_eq!(header, names, "each column is described, in order");
    let mut keys = std::collections::BTreeSet::new();
    for row in &rows {
        for column in columns {
            check_cell(&row[column["name"].as_str().unwrap()], column);
        }
        let key = metadata["tableSchema"]["primaryKey"].as_array().unwrap();
        let key: Vec<&String> = key.iter().map(|column| &row[column.as_str().unwrap()]).collect();
        assert!(keys.insert(key.clone()), "{key:?} is there twice");
    }
    assert!(rows.iter().any(|row| row["value"] == "*") && rows.len() > 20, "{rows:?}");
    process.stop().await;
}

/// A cell is what its column says, or one of what stands for no value where that may be.
fn check_cell(cell: &str, column: &Value) {
    assert!(column["titles"].as_array().unwrap().contains(&column["name"]), "a title is the header's");
    let nulls = column["null"].as_array().cloned().unwrap_or_default();
    if nulls.iter().any(|null| null == cell) {
        assert_eq!(column["required"], false, "{cell:?} in {column}");
        return;
    }
    let datatype = column["datatype"]["base"].as_str().or(column["datatype"].as_str()).unwrap();
    let is_one = match datatype {
        "string" => !cell.is_empty(),
        "integer" => cell.parse::<u64>().is_ok(),
        "decimal" => cell.parse::<f64>().is_ok() && !cell.contains(['e', 'E']),
        "date" => cell.parse::<jiff::civil::Date>().is_ok(),
        "dateTimeStamp" => cell.parse::<jiff::Timestamp>().is_ok(),
        other => panic!("{other} is no datatype that is used"),
    };
    assert!(is_one, "{cell:?} is no {datatype}: {column}");
}

#[tokio::test]
async fn json_has_the_rows_of_the_csv_and_the_words_of_every_definition() {
    let world = World::on(TestStore::sqlite());
    let process = two_issues(&world).await;
    let (_, _, text) = file(&process.publications(), "2031-02", 2, wire::PublicationFormat::Json).await;
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&json["issue"], &json["correction"]), (&2.into(), &"EMIS corrected the return of a practice.".into()));
    let rows = rows(&process.publications(), "2031-02", 2).await;
    let figures = json["figures"].as_array().unwrap();
    assert_eq!(figures.len(), rows.len());
    let definitions = json["definitions"].as_array().unwrap();
    for (figure, row) in figures.iter().zip(&rows) {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let shown: BTreeMap<String, String> =
            figure.as_object().unwrap().iter().map(|(name, value)| (name.clone(), text(value))).collect();
        let mut filled = row.clone();
        filled.retain(|_, cell| !cell.is_empty());
        assert_eq!(shown, filled);
        for definition in ["definition", "denominator_definition"] {
            let named = row[definition].as_str();
            assert!(named.is_empty() || definitions.iter().any(|known| known["name"] == named), "{named}");
        }
    }
    process.stop().await;
}

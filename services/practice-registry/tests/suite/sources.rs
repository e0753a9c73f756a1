//! CompareSources and ListSourceDisagreements.

use proto::registry::v1 as wire;
use proto::registry::v1::DirectoryFormat::{self, Epraccur, ListSizes};
use proto::registry::v1::SourceDisagreementKind as Kind;

use crate::bench::{Bench, header};
use crate::files;

/// The map of 1 June names four. The lists of 1 April count three of them, and Z99999. epraccur of 2 June knows A81001,
/// which it puts into QE1, A81002, which it says closed in March, and A81050, which has no patients.
async fn bench() -> Bench {
    let mut bench = Bench::with_practices().await;
    let lists = files::lists() + &files::lists_row("Z99999", "1");
    let report = bench.import(header(ListSizes, "lists"), lists.as_bytes()).await.unwrap();
    assert_eq!(report.rejected_count, 1);
    let rows = [
        files::epraccur_row("A81001", "HILL SURGERY", "QE1", ""),
        files::epraccur_row("A81050", "FERN SURGERY", "QHM", ""),
        files::epraccur_row("A81051", "GLEN SURGERY", "QHM", ""),
        files::epraccur_row("A81002", "LAKE SURGERY", "QHM", "20310301"),
        files::epraccur_row("A81077", "OLD SURGERY", "QHM", "19990301"),
    ];
    let header = wire::ImportHeader { effective_date: "2031-06-02".to_owned(), ..header(Epraccur, "ods") };
    bench.import(header, rows.concat().as_bytes()).await.unwrap();
    bench
}

#[tokio::test]
async fn the_official_counts_are_told_with_how_they_overlap_and_why_they_differ() {
    let mut bench = bench().await;
    let reply = bench.client.compare_sources(wire::CompareSourcesRequest::default()).await.unwrap().into_inner();
    let counts: Vec<_> = reply
        .sources
        .iter()
        .map(|issue| (issue.source(), issue.publication_date.as_str(), issue.practices_count))
        .collect();
    let map = DirectoryFormat::Map;
    assert_eq!(counts, [(map, "2031-06-01", 4), (ListSizes, "2031-04-01", 4), (Epraccur, "2031-06-02", 3)]);
    let overlap = |overlap: &wire::SourceOverlap| {
        let because = overlap.disagreements.iter().map(|count| (count.kind(), count.practices_count)).collect();
        (overlap.sources().collect(), overlap.practices_count, because)
    };
    let mut told: Vec<(Vec<_>, i64, Vec<_>)> = reply.overlaps.iter().map(overlap).collect();
    told.sort();
    let expected = vec![
        (vec![map], 1, vec![(Kind::UnknownToOds, 1)]),
        (vec![map, ListSizes], 2, vec![(Kind::UnknownToOds, 1), (Kind::ClosedButCounted, 1)]),
        (vec![map, ListSizes, Epraccur], 1, vec![(Kind::IcbDiffers, 1)]),
        (vec![ListSizes], 1, vec![(Kind::UnknownToOds, 1)]),
        (vec![Epraccur], 2, vec![(Kind::ActiveWithoutPatients, 2)]),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn each_practice_that_sources_differ_about_is_listed_with_what_each_says() {
    let mut bench = bench().await;
    let mut request = wire::ListSourceDisagreementsRequest { page_size: 2, ..Default::default() };
    let mut practices = Vec::new();
    loop {
        let page = bench.client.list_source_disagreements(request.clone()).await.unwrap().into_inner();
        practices.extend(page.practices);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let codes: Vec<_> = practices.iter().map(|told| told.practice.trim_start_matches("practices/")).collect();
    assert_eq!(codes, ["A81001", "A81002", "A81003", "A81050", "A81051", "B82001", "Z99999"]);
    let closed = &practices[1];
    assert_eq!(closed.display_name, "LAKE SURGERY");
    assert_eq!(closed.disagreements.len(), 2, "the lists and the map");
    let lists = closed.statements.iter().find(|said| said.source() == ListSizes).unwrap();
    assert_eq!((lists.list_size, lists.publication_date.as_str(), lists.is_current), (Some(9_000), "2031-04-01", true));
    let ods = closed.statements.iter().find(|said| said.source() == Epraccur).unwrap();
    assert_eq!((ods.close_date.as_str(), ods.icb_code.as_str(), ods.list_size), ("2031-03-01", "QHM", None));

    let only = wire::ListSourceDisagreementsRequest { kind: Kind::IcbDiffers.into(), ..Default::default() };
    let only = bench.client.list_source_disagreements(only).await.unwrap().into_inner();
    assert_eq!((only.practices.len(), only.practices[0].practice.as_str()), (1, "practices/A81001"));
    let detail = &only.practices[0].disagreements[0].detail;
    assert_eq!(detail, "epraccur of 2031-06-02 says ICB QE1; the register has QHM for 2031-06-02");
}

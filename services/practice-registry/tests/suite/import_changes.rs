//! What an import changed: in its report, and by ListImportChanges.

use jiff::SignedDuration;
use proto::registry::v1 as wire;
use proto::registry::v1::DirectoryFormat::{Epraccur, Map};
use tonic::Code;

use crate::bench::{Bench, PRACTICE, header, reason};
use crate::files;

/// July's map: A81001 is renamed, moves to QE1 and changes supplier, A81003 has closed before, A81009 is new, and QHM is
/// named no more.
async fn july(bench: &mut Bench, dry_run: bool) -> wire::ImportDirectoryResponse {
    let west = |row: String| row.replace("QHM,NHS North", "QE1,NHS West").replace("16C,North 16C", "01A,West 01A");
    let rows = [
        west(files::map_row("A81001", "NEW SURGERY", "EMIS")),
        west(files::map_row("A81002", "LAKE SURGERY", "EMIS")),
        west(files::map_row("A81009", "MOOR SURGERY", "EMIS")),
    ];
    let file = files::map_of(&rows.map(|row| row.replace("01Jun2031", "01Jul2031")));
    let request_id = if dry_run { "dry" } else { "imports/of/july" };
    let header = wire::ImportHeader { effective_date: "2031-07-01".to_owned(), dry_run, ..header(Map, request_id) };
    bench.import(header, file.as_bytes()).await.unwrap()
}

async fn bench() -> Bench {
    let mut bench = Bench::with_practices().await;
    bench.wait(SignedDuration::from_hours(24 * 60));
    let closed = files::epraccur_row("A81003", "MILL SURGERY", "QHM", "20310620");
    let header = wire::ImportHeader { effective_date: "2031-06-21".to_owned(), ..header(Epraccur, "closed") };
    let report = bench.import(header, closed.as_bytes()).await.unwrap();
    assert_eq!((report.closed_count, report.changes[0].kind()), (1, wire::ImportChangeKind::Closed));
    let closed: Vec<_> =
        report.changes[0].values.iter().map(|value| (value.field.as_str(), value.to.as_str())).collect();
    assert_eq!(closed, [("open_date", "1974-04-01"), ("close_date", "2031-06-20")]);
    bench
}

fn values(change: &wire::ImportChange) -> Vec<(&str, &str, &str)> {
    change.values.iter().map(|value| (value.field.as_str(), value.from.as_str(), value.to.as_str())).collect()
}

async fn listed(
    bench: &mut Bench,
    import: &str,
    kind: wire::ImportChangeKind,
    page_size: i32,
) -> Vec<wire::ImportChange> {
    let mut request =
        wire::ListImportChangesRequest { name: import.to_owned(), kind: kind.into(), page_size, ..Default::default() };
    let mut changes = Vec::new();
    loop {
        let page = bench.client.list_import_changes(request.clone()).await.unwrap().into_inner();
        assert!(page_size == 0 || page.changes.len() <= usize::try_from(page_size).unwrap());
        changes.extend(page.changes);
        if page.next_page_token.is_empty() {
            return changes;
        }
        request.page_token = page.next_page_token;
    }
}

#[tokio::test]
async fn a_report_names_who_moved_closed_opened_and_changed_supplier_and_which_way() {
    let mut bench = bench().await;
    let report = july(&mut bench, false).await;
    assert_eq!((report.moved_count, report.created_count, report.import.as_str()), (2, 1, "imports/imports/of/july"));
    let told: Vec<_> = report.changes.iter().map(|change| (change.practice.as_str(), change.kind())).collect();
    let (moved, created) = (wire::ImportChangeKind::Moved, wire::ImportChangeKind::Created);
    assert_eq!(told, [(PRACTICE, moved), ("practices/A81002", moved), ("practices/A81009", created)]);
    assert_eq!(
        values(&report.changes[0]),
        [
            ("display_name", "HILL SURGERY", "NEW SURGERY"),
            ("supplier", "TPP", "EMIS"),
            ("sub_icb_code", "16C", "01A"),
            ("icb_code", "QHM", "QE1"),
        ]
    );
    assert_eq!((report.changes[2].display_name.as_str(), report.changes[2].values.len()), ("MOOR SURGERY", 0));
    let ways: Vec<_> =
        report.moves.iter().map(|way| (way.field.as_str(), way.to.as_str(), way.practices_count)).collect();
    assert_eq!(ways, [("icb_code", "QE1", 2), ("sub_icb_code", "01A", 2), ("supplier", "EMIS", 1)]);
    let named: Vec<_> =
        report.organisation_changes.iter().map(|told| (told.organisation.as_str(), told.change())).collect();
    let (not_named, changed) = (wire::OrganisationChangeKind::NotNamed, wire::OrganisationChangeKind::Changed);
    assert_eq!(
        named,
        [("organisations/16C", not_named), ("organisations/QHM", not_named), ("organisations/U12345", changed)]
    );
    let request = wire::GetOrganisationRequest { name: "organisations/QHM".to_owned(), ..Default::default() };
    let organisation = bench.client.get_organisation(request).await.unwrap().into_inner().organisation.unwrap();
    assert_eq!(organisation.close_date, "", "not named is not closed");
}

#[tokio::test]
async fn a_dry_run_tells_the_same_changes() {
    let mut bench = bench().await;
    let foreseen = july(&mut bench, true).await;
    let done = july(&mut bench, false).await;
    assert_eq!((foreseen.changes, foreseen.moves), (done.changes, done.moves));
    assert_eq!(foreseen.organisation_changes, done.organisation_changes);
    let dry = wire::ListImportChangesRequest { name: "imports/dry".to_owned(), ..Default::default() };
    let refused = reason(bench.client.list_import_changes(dry).await);
    assert_eq!(refused, (Code::NotFound, "IMPORT_NOT_FOUND".to_owned()), "it changed nothing");
}

#[tokio::test]
async fn all_changes_of_an_import_are_listed_by_pages_and_kinds_and_no_others() {
    let mut bench = bench().await;
    let report = july(&mut bench, false).await;
    for page_size in [0, 1, 2, 3] {
        let all = listed(&mut bench, &report.import, wire::ImportChangeKind::Unspecified, page_size).await;
        assert_eq!(all, report.changes, "by {page_size}");
    }
    let created = listed(&mut bench, &report.import, wire::ImportChangeKind::Created, 1).await;
    assert_eq!(created, report.changes[2..]);
    let first = listed(&mut bench, "imports/map", wire::ImportChangeKind::Unspecified, 3).await;
    assert_eq!(first.len(), 4);
    let wrong = wire::ListImportChangesRequest { name: "map".to_owned(), ..Default::default() };
    let refused = reason(bench.client.list_import_changes(wrong).await);
    assert_eq!(refused, (Code::InvalidArgument, "RESOURCE_NAME_INVALID".to_owned()));
}

#[tokio::test]
async fn an_import_of_many_chunks_is_listed_whole_also_after_a_restart() {
    let mut bench = Bench::in_memory().await;
    let rows: Vec<String> =
        (0..1_203).map(|number| files::map_row(&format!("C{number:05}"), "SURGERY", "EMIS")).collect();
    let report = bench.import(header(Map, "large"), files::map_of(&rows[..501]).as_bytes()).await.unwrap();
    assert_eq!(report.changes.len(), 501);
    let mut bench = bench.reopened().await;
    assert_eq!(listed(&mut bench, "imports/large", wire::ImportChangeKind::Unspecified, 400).await, report.changes);
}

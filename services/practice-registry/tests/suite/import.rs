//! ImportDirectory.

use journal::MemoryFault;
use proto::registry::v1 as wire;
use proto::registry::v1::DirectoryFormat::{Epraccur, ListSizes, Map};
use tonic::Code;

use crate::bench::{Bench, everywhere, header, reason, refusal};
use crate::files;

#[tokio::test]
async fn a_map_creates_practices_and_organisations_and_a_second_time_changes_nothing() {
    everywhere(async |bench| {
        let report = bench.import_map().await;
        assert_eq!((report.created_count, report.affected_count, report.rejected_count), (4, 4, 0));
        // Region, two ICBs, two sub-ICBs, one PCN.
        assert_eq!(report.organisations_changed_count, 6);
        let position = bench.registry.engine().published().position;
        assert_eq!(report.position, position);

        let again = bench.import(header(Map, "again"), files::map().as_bytes()).await.unwrap();
        assert_eq!((again.unchanged_count, again.affected_count, again.organisations_changed_count), (4, 0, 0));
        assert_eq!(bench.registry.engine().published().position, position, "nothing was recorded");
    })
    .await;
}

#[tokio::test]
async fn what_was_imported_survives_a_restart() {
    let mut bench = Bench::with_practices().await;
    let before = bench.practice().await;
    let mut bench = bench.reopened().await;
    assert_eq!(bench.practice().await, before);
}

#[tokio::test]
async fn a_repeated_import_is_answered_with_its_first_report() {
    let mut bench = Bench::with_practices().await;
    let first = bench.import_map().await;
    assert_eq!(first.created_count, 4, "the report of the first time");
    let (code, explained) = refusal(bench.import(header(Map, "map"), files::lists().as_bytes()).await);
    assert_eq!((code, explained.reason.as_str()), (Code::InvalidArgument, "DIRECTORY_FILE_REFUSED"));
    let other = files::map_of(&[files::map_row("A81001", "OTHER SURGERY", "TPP")]);
    let reused = reason(bench.import(header(Map, "map"), other.as_bytes()).await);
    assert_eq!(reused, (Code::AlreadyExists, "REQUEST_ID_REUSED".to_owned()));
}

#[tokio::test]
async fn an_import_longer_than_a_chunk_is_many_records_and_one_report() {
    let mut bench = Bench::in_memory().await;
    let rows: Vec<String> =
        (0..501).map(|number| files::map_row(&format!("C{number:05}"), "SURGERY", "EMIS")).collect();
    let report = bench.import(header(Map, "large"), files::map_of(&rows).as_bytes()).await.unwrap();
    assert_eq!(
        (report.created_count, report.position),
        (501, 5),
        "organisations; what the file says of five hundred practices and what that changes; the same of one more"
    );
}

#[tokio::test]
async fn a_dry_run_reports_and_changes_nothing_and_its_hash_confirms_the_import() {
    let mut bench = Bench::in_memory().await;
    let dry = wire::ImportHeader { dry_run: true, ..header(Map, "dry") };
    let report = bench.import(dry, files::map().as_bytes()).await.unwrap();
    assert_eq!((report.created_count, report.position), (4, 0));
    assert_eq!(bench.registry.engine().published().position, 0);

    let (confirm_count, confirm_hash) = (report.affected_count, report.affected_hash);
    let other = files::map_of(&[files::map_row("A81001", "HILL SURGERY", "TPP")]);
    let confirmed = wire::ImportHeader { confirm_count, confirm_hash, ..header(Map, "confirmed") };
    let differs = reason(bench.import(confirmed.clone(), other.as_bytes()).await);
    assert_eq!(differs, (Code::Aborted, "AFFECTED_DIFFERS".to_owned()));
    let confirmed = wire::ImportHeader { request_id: "right".to_owned(), ..confirmed };
    let done = bench.import(confirmed.clone(), files::map().as_bytes()).await.unwrap();
    assert_eq!(done.created_count, 4);
    let repeated = bench.import(confirmed, files::map().as_bytes()).await.unwrap();
    assert_eq!(repeated, done, "although nothing is left to be affected");
}

#[tokio::test]
async fn an_import_that_was_broken_off_goes_on_and_reports_as_if_it_had_not_been() {
    let whole = Bench::in_memory().await.import_map().await;
    for fault in [MemoryFault::BeforeCommit, MemoryFault::AfterCommit] {
        let mut bench = Bench::in_memory().await;
        bench.fail_next_commit(fault).await;
        let broken = bench.import(header(Map, "map"), files::map().as_bytes()).await;
        assert_eq!(reason(broken), (Code::Unavailable, "JOURNAL_UNAVAILABLE".to_owned()));
        assert_eq!(bench.import_map().await, whole, "{fault:?}");
    }
}

#[tokio::test]
async fn list_sizes_name_their_source_and_their_own_date() {
    let mut bench = Bench::with_practices().await;
    let report = bench.import(header(ListSizes, "lists"), files::lists().as_bytes()).await.unwrap();
    assert_eq!((report.updated_count, report.effective_date.as_str()), (3, "2031-06-01"));
    let practice = bench.practice().await;
    assert_eq!(practice.list_size, 4_000);
    assert_eq!(
        (practice.list_size_source.as_str(), practice.list_size_date.as_str()),
        ("GP_PRAC_PAT_LIST", "2031-04-01")
    );
}

#[tokio::test]
async fn rows_that_name_what_nobody_knows_are_rejected_with_line_and_column_and_the_rest_counts() {
    let mut bench = Bench::with_practices().await;
    let lists = files::lists_of(&[files::lists_row("A81001", "4000"), files::lists_row("Z99999", "1")]);
    let report = bench.import(header(ListSizes, "lists"), lists.as_bytes()).await.unwrap();
    assert_eq!((report.updated_count, report.rejected_count), (1, 1));
    let row = &report.rejected_rows[0];
    assert_eq!((row.line, row.column.as_str()), (3, "CODE"));
    assert!(row.reason.contains("Z99999 is not known"), "{}", row.reason);
}

#[tokio::test]
async fn an_icb_that_is_no_sub_icbs_and_that_nobody_knows_is_rejected_with_its_row() {
    let mut bench = Bench::with_practices().await;
    let rows = [
        files::epraccur_row("A81001", "HILL SURGERY", "QHM", ""),
        files::epraccur_row("A81002", "LAKE SURGERY", "QHM", ""),
        files::epraccur_row("A81003", "MILL SURGERY", "QZZ", ""),
    ];
    let report = bench.import(header(Epraccur, "epraccur"), rows.concat().as_bytes()).await.unwrap();
    assert_eq!((report.rejected_count, report.rejected_rows[0].line), (1, 3));
    assert!(report.rejected_rows[0].reason.contains("ICB QZZ is not known"), "{}", report.rejected_rows[0].reason);
}

#[tokio::test]
async fn epraccur_brings_organisations_by_code_and_leaves_the_names_that_are_known() {
    let mut bench = Bench::with_practices().await;
    let rows = [
        files::epraccur_row("A81001", "HILL SURGERY", "QZZ", ""),
        files::epraccur_row("A81002", "LAKE SURGERY", "QZZ", ""),
        // Its surgery stands in another ICB than that of its sub-ICB, which is the one that counts.
        files::epraccur_row("A81003", "MILL SURGERY", "QE1", ""),
    ];
    let next_day = wire::ImportHeader { effective_date: "2031-06-02".to_owned(), ..header(Epraccur, "epraccur") };
    let report = bench.import(next_day, rows.concat().as_bytes()).await.unwrap();
    assert_eq!((report.rejected_count, report.moved_count), (0, 3));
    let mut organisation = async |name: &str| {
        let request = wire::GetOrganisationRequest { name: name.to_owned(), ..Default::default() };
        bench.client.get_organisation(request).await.unwrap().into_inner().organisation.unwrap()
    };
    let (new, sub_icb) = (organisation("organisations/QZZ").await, organisation("organisations/16C").await);
    assert_eq!((new.display_name.as_str(), new.parent_code.as_str(), new.practices_count), ("", "Y63", 3));
    assert_eq!((sub_icb.display_name.as_str(), sub_icb.parent_code.as_str()), ("North 16C", "QZZ"));
    let old = organisation("organisations/QHM").await;
    assert_eq!((old.successors[0].code.as_str(), old.successors[0].practices_count), ("QZZ", 3));
    assert_eq!((old.practices_count, old.close_date.as_str()), (0, ""), "empty, and not thereby closed");
    assert_eq!(new.predecessors[0].organisation, "organisations/QHM");
}

#[tokio::test]
async fn bad_rows_are_rejected_one_by_one() {
    let mut bench = Bench::with_practices().await;
    let rows =
        [files::lists_row("A81001", "-5"), files::lists_row("A81002", "9000"), files::lists_row("A81002", "9001")];
    let report = bench.import(header(ListSizes, "lists"), files::lists_of(&rows).as_bytes()).await.unwrap();
    assert_eq!((report.updated_count, report.rejected_count), (1, 2));
    let places: Vec<_> = report.rejected_rows.iter().map(|row| (row.line, row.column.as_str())).collect();
    assert_eq!(places, [(2, "NUMBER_OF_PATIENTS"), (4, "CODE")]);
}

#[tokio::test]
async fn epraccur_closes_practices_and_ignores_those_that_closed_before_they_were_known() {
    let mut bench = Bench::with_practices().await;
    let rows = [
        files::epraccur_row("A81001", "HILL SURGERY", "QHM", "20310531"),
        files::epraccur_row("A81099", "OLD SURGERY", "QZZ", "19990101"),
    ];
    let report = bench.import(header(Epraccur, "epraccur"), rows.concat().as_bytes()).await.unwrap();
    assert_eq!((report.closed_count, report.ignored_count, report.rejected_count), (1, 1, 0));
    let practice = bench.practice().await;
    assert_eq!((practice.status(), practice.close_date.as_str()), (wire::PracticeStatus::Closed, "2031-05-31"));
}

/// Rule 10.
#[tokio::test]
async fn a_change_of_supplier_moves_the_practice_and_drops_what_was_observed() {
    let mut bench = Bench::with_practices().await;
    bench.switch_on().await;
    let moved = files::map_of(&[files::map_row("A81001", "HILL SURGERY", "EMIS")]);
    let report = bench.import(header(Map, "moved"), moved.as_bytes()).await.unwrap();
    assert_eq!(report.moved_count, 1);
    let practice = bench.practice().await;
    let access = &practice.access[0];
    assert_eq!((practice.supplier.as_str(), access.state()), ("EMIS", wire::ObservedState::Unknown));
    assert_eq!((access.source(), access.live), (wire::ObservationSource::Directory, false));
}

#[tokio::test]
async fn a_file_that_is_refused_imports_nothing_and_says_where_it_is_wrong() {
    let (map, lists) = (files::map(), files::lists());
    let cut = &map[..map.len() - 40];
    let columns = map.replacen("PRACTICE_NAME", "NAME", 1);
    let cases: [(&[u8], &str); 6] = [
        (b"", "EMPTY"),
        (lists.as_bytes(), "OTHER_FORMAT"),
        (cut.as_bytes(), "TRUNCATED"),
        (columns.as_bytes(), "WRONG_HEADER"),
        (b"PUBLICATION,EXTRACT_DATE,PRACTICE_CODE\xFF", "NOT_UTF8"),
        (b"\x1F\x8B\x08\x00", "NOT_TEXT"),
    ];
    let mut bench = Bench::in_memory().await;
    for (file, fault) in cases {
        let (code, explained) = refusal(bench.import(header(Map, "refused"), file).await);
        assert_eq!((code, explained.reason.as_str()), (Code::InvalidArgument, "DIRECTORY_FILE_REFUSED"));
        assert_eq!(explained.metadata["fault"], fault);
        assert!(explained.metadata.contains_key("line") && explained.metadata.contains_key("column"));
    }
    assert_eq!(bench.registry.engine().published().position, 0);
}

#[tokio::test]
async fn a_file_of_tomorrow_is_refused_also_in_a_dry_run() {
    let mut bench = Bench::in_memory().await;
    for dry_run in [false, true] {
        let tomorrow =
            wire::ImportHeader { effective_date: "2031-06-03".to_owned(), dry_run, ..header(Map, "tomorrow") };
        let refused = reason(bench.import(tomorrow, files::map().as_bytes()).await);
        assert_eq!(refused, (Code::InvalidArgument, "EFFECTIVE_DATE_IN_FUTURE".to_owned()));
    }
    let impossible = wire::ImportHeader { effective_date: "2031-02-30".to_owned(), ..header(Map, "impossible") };
    let refused = reason(bench.import(impossible, files::map().as_bytes()).await);
    assert_eq!(refused, (Code::InvalidArgument, "DATE_INVALID".to_owned()));
}

#[tokio::test]
async fn the_header_comes_first_and_once() {
    use wire::import_directory_request::Part;
    let mut bench = Bench::in_memory().await;
    let header = || Part::Header(header(Map, "order"));
    let data = || Part::Data(files::map().into_bytes().into());
    for parts in [vec![], vec![data()], vec![data(), header()], vec![header(), header(), data()]] {
        let refused = reason(bench.import_parts(parts).await);
        assert_eq!(refused, (Code::InvalidArgument, "HEADER_FIRST".to_owned()));
    }
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused() {
    let mut bench = Bench::in_memory().await;
    let refused = reason(bench.import(header(Map, "long"), &[b'x'; 120_001]).await);
    assert_eq!(refused, (Code::InvalidArgument, "FILE_TOO_LONG".to_owned()));
}

#[tokio::test]
async fn organisations_are_listed_by_pages_and_found_by_name() {
    let mut bench = Bench::with_practices().await;
    let mut codes = Vec::new();
    let mut request = wire::ListOrganisationsRequest { page_size: 4, ..Default::default() };
    loop {
        let page = bench.client.list_organisations(request.clone()).await.unwrap().into_inner();
        codes.extend(page.organisations.into_iter().map(|organisation| organisation.code));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(codes, ["01A", "16C", "QE1", "QHM", "U12345", "Y63"]);

    let kind = wire::OrganisationKind::Icb.into();
    let icbs = wire::ListOrganisationsRequest { kind, ..Default::default() };
    let icbs = bench.client.list_organisations(icbs).await.unwrap().into_inner().organisations;
    assert_eq!(icbs.iter().map(|icb| icb.parent_code.as_str()).collect::<Vec<_>>(), ["Y63", "Y63"]);

    let get = |name: &str| wire::GetOrganisationRequest { name: name.to_owned(), ..Default::default() };
    let icb = bench.client.get_organisation(get("organisations/QHM")).await.unwrap().into_inner();
    assert_eq!(icb.organisation.unwrap().display_name, "NHS North");
    let unknown = reason(bench.client.get_organisation(get("organisations/QZZ")).await);
    assert_eq!(unknown, (Code::NotFound, "ORGANISATION_NOT_FOUND".to_owned()));
}

//! Organisations that move: reads in both times, geography of a chosen date, counts and the crosswalk.

use jiff::SignedDuration;
use proto::registry::v1 as wire;
use proto::registry::v1::DirectoryFormat::{ListSizes, Map};
use tonic::Code;

use crate::bench::{Bench, PRACTICE, header, moment, reason, refusal};
use crate::files;

/// The practices of [`files::map`]; in July QHM has become QX1, but for A81003 which went to QE1.
async fn reorganised() -> Bench {
    let mut bench = Bench::with_practices().await;
    bench.import(header(ListSizes, "lists"), files::lists().as_bytes()).await.unwrap();
    bench.wait(SignedDuration::from_hours(24 * 60));
    let rows = [
        files::map_row("A81001", "HILL SURGERY", "TPP"),
        files::map_row("A81002", "LAKE SURGERY", "EMIS"),
        files::map_row("A81003", "MILL SURGERY", "EMIS").replace("16C,North 16C", "02B,West 02B"),
        files::map_row("B82001", "PARK SURGERY", "TPP").replace("16C,North 16C", "01A,West 01A"),
    ];
    let rows = rows.map(|row| row.replace("01Jun2031", "01Jul2031").replace("QHM,NHS North", "QX1,NHS North and East"));
    let rows = [
        &rows[0],
        &rows[1],
        &rows[2].replace("QX1,NHS North and East", "QE1,NHS West"),
        &rows[3].replace("QX1,NHS North and East", "QE1,NHS West"),
    ];
    let file = files::map_of(&rows.map(Clone::clone));
    let july = wire::ImportHeader { effective_date: "2031-07-01".to_owned(), ..header(Map, "july") };
    let report = bench.import(july, file.as_bytes()).await.unwrap();
    assert_eq!((report.moved_count, report.unchanged_count, report.rejected_count), (3, 1, 0));
    bench
}

fn get(name: &str) -> wire::GetOrganisationRequest {
    wire::GetOrganisationRequest { name: name.to_owned(), ..Default::default() }
}

async fn icb_of(bench: &mut Bench, geography_date: &str) -> String {
    let geography_date = geography_date.to_owned();
    let request = wire::GetPracticeRequest { name: PRACTICE.to_owned(), geography_date, ..Default::default() };
    bench.client.get_practice(request).await.unwrap().into_inner().practice.unwrap().icb_code
}

#[tokio::test]
async fn practices_are_read_listed_and_filtered_in_the_codes_of_a_chosen_date() {
    let mut bench = reorganised().await;
    assert_eq!(icb_of(&mut bench, "").await, "QX1");
    assert_eq!(icb_of(&mut bench, "2031-06-30").await, "QHM");
    let list = wire::ListPracticesRequest {
        filter: r#"practice.icb_code == "QHM""#.to_owned(),
        geography_date: "2031-06-30".to_owned(),
        ..Default::default()
    };
    let page = bench.client.list_practices(list.clone()).await.unwrap().into_inner();
    let told: Vec<_> = page.practices.iter().map(|practice| practice.ods_code.as_str()).collect();
    assert_eq!((told, page.practices[0].icb_code.as_str()), (vec!["A81001", "A81002", "A81003"], "QHM"));
    let today = wire::ListPracticesRequest { geography_date: String::new(), ..list };
    assert_eq!(bench.client.list_practices(today).await.unwrap().into_inner().total_count, 0);
    let geography_date = "2031-06-30".to_owned();
    let batch =
        wire::BatchGetPracticesRequest { names: vec![PRACTICE.to_owned()], geography_date, ..Default::default() };
    let batch = bench.client.batch_get_practices(batch).await.unwrap().into_inner();
    assert_eq!(batch.practices[0].icb_code, "QHM");

    let tomorrow = wire::GetPracticeRequest { geography_date: "2031-08-02".to_owned(), ..Default::default() };
    let request = wire::GetPracticeRequest { name: PRACTICE.to_owned(), ..tomorrow };
    let refused = reason(bench.client.get_practice(request).await);
    assert_eq!(refused, (Code::InvalidArgument, "DATE_IN_FUTURE".to_owned()));
}

#[tokio::test]
async fn counts_are_told_by_any_organisation_in_the_codes_of_any_date() {
    let mut bench = reorganised().await;
    let mut counts = async |group_by: wire::PracticeGrouping, geography_date: &str, filter: &str| {
        let request = wire::CountPracticesRequest {
            group_by: group_by.into(),
            geography_date: geography_date.to_owned(),
            filter: filter.to_owned(),
            ..Default::default()
        };
        let reply = bench.client.count_practices(request).await.unwrap().into_inner();
        let total = reply.total.unwrap();
        let counted: i64 = reply.counts.iter().map(|count| count.practices_count).sum();
        assert_eq!(counted, total.practices_count);
        let told = |count: &wire::PracticeCount| {
            format!("{} {} {} {}", count.code, count.display_name, count.practices_count, count.patients_count)
        };
        reply.counts.iter().map(told).collect::<Vec<_>>()
    };
    use wire::PracticeGrouping::{Icb, Supplier, Unspecified};
    assert_eq!(counts(Icb, "", "").await, ["QE1 NHS West 2 7500", "QX1 NHS North and East 2 13000"]);
    assert_eq!(counts(Icb, "2031-06-30", "").await, ["QE1 NHS West 1 0", "QHM NHS North 3 20500"]);
    assert_eq!(counts(Supplier, "", "practice.list_size > 0").await, ["EMIS  2 16500", "TPP  1 4000"]);
    assert_eq!(counts(Unspecified, "", "").await, ["  4 20500"]);
    assert!(counts(Unspecified, "", "practice.list_size > 90000").await.is_empty());
}

#[tokio::test]
async fn counts_come_by_pages_and_as_of_both_times() {
    let mut bench = reorganised().await;
    let mut request = wire::CountPracticesRequest {
        group_by: wire::PracticeGrouping::Icb.into(),
        page_size: 1,
        effective_at: moment("2031-06-15T12:00:00Z"),
        ..Default::default()
    };
    let first = bench.client.count_practices(request.clone()).await.unwrap().into_inner();
    request.page_token = first.next_page_token;
    let second = bench.client.count_practices(request).await.unwrap().into_inner();
    assert_eq!((first.counts[0].code.as_str(), second.counts[0].code.as_str()), ("QE1", "QHM"));
    assert_eq!((second.next_page_token.as_str(), second.total), ("", first.total));
}

#[tokio::test]
async fn the_crosswalk_shows_where_the_practices_of_an_organisation_went() {
    let mut bench = reorganised().await;
    let request = wire::GetCrosswalkRequest {
        kind: wire::OrganisationKind::Icb.into(),
        from_date: "2031-06-30".to_owned(),
        page_size: 2,
        ..Default::default()
    };
    let first = bench.client.get_crosswalk(request.clone()).await.unwrap().into_inner();
    let page_token = first.next_page_token;
    let second = wire::GetCrosswalkRequest { page_token, ..request.clone() };
    let second = bench.client.get_crosswalk(second).await.unwrap().into_inner();
    assert_eq!(second.next_page_token, "");
    let lines: Vec<_> = first.lines.iter().chain(&second.lines).collect();
    let told = |line: &&wire::CrosswalkLine| {
        (line.from_code.clone(), line.to_code.clone(), line.practices_count, line.patients_count)
    };
    let expected = [("QE1", "QE1", 1, 0), ("QHM", "QE1", 1, 7_500), ("QHM", "QX1", 2, 13_000)];
    let expected = expected.map(|(from, to, practices, patients)| (from.into(), to.into(), practices, patients));
    assert_eq!(lines.iter().map(told).collect::<Vec<_>>(), expected);
    assert_eq!(
        (lines[2].from_display_name.as_str(), lines[2].to_display_name.as_str()),
        ("NHS North", "NHS North and East")
    );
    let nowhere = wire::GetCrosswalkRequest { from_date: String::new(), ..request };
    let refused = reason(bench.client.get_crosswalk(nowhere).await);
    assert_eq!(refused, (Code::InvalidArgument, "FIELD_REQUIRED".to_owned()));
}

#[tokio::test]
async fn an_organisation_is_read_as_it_was_and_shows_what_became_of_it() {
    let mut bench = reorganised().await;
    let old = bench.client.get_organisation(get("organisations/QHM")).await.unwrap().into_inner().organisation.unwrap();
    let shares: Vec<_> = old.successors.iter().map(|share| (share.code.as_str(), share.practices_count)).collect();
    assert_eq!(shares, [("QX1", 2), ("QE1", 1)]);
    assert_eq!((old.practices_count, old.predecessors.len()), (0, 0));

    let in_june =
        wire::GetOrganisationRequest { effective_at: moment("2031-06-15T12:00:00Z"), ..get("organisations/QHM") };
    let then = bench.client.get_organisation(in_june).await.unwrap().into_inner().organisation.unwrap();
    assert_eq!((then.practices_count, then.successors.len()), (3, 0));
    let too_early =
        wire::GetOrganisationRequest { effective_at: moment("2031-06-15T12:00:00Z"), ..get("organisations/QX1") };
    let refused = reason(bench.client.get_organisation(too_early).await);
    assert_eq!(refused, (Code::NotFound, "ORGANISATION_NOT_FOUND".to_owned()));
    let list = wire::ListOrganisationsRequest {
        kind: wire::OrganisationKind::Icb.into(),
        effective_at: moment("2031-06-15T12:00:00Z"),
        ..Default::default()
    };
    let icbs = bench.client.list_organisations(list).await.unwrap().into_inner().organisations;
    assert_eq!(icbs.iter().map(|icb| icb.code.as_str()).collect::<Vec<_>>(), ["QE1", "QHM"]);
}

#[tokio::test]
async fn a_filter_selects_organisations_as_they_were_at_the_moment_that_is_read() {
    let mut bench = reorganised().await;
    let mut codes = async |filter: &str, effective_at| {
        let list = wire::ListOrganisationsRequest { filter: filter.to_owned(), effective_at, ..Default::default() };
        let found = bench.client.list_organisations(list).await?.into_inner().organisations;
        Ok(found.into_iter().map(|one| one.code).collect::<Vec<_>>())
    };
    let then = moment("2031-06-15T12:00:00Z");
    let large = r#"organisation.kind == "ICB" && organisation.practices_count > 1"#;
    assert_eq!(codes(large, then).await.unwrap(), ["QHM"]);
    assert_eq!(codes(large, None).await.unwrap(), ["QE1", "QX1"]);
    assert_eq!(codes("!has(organisation.parent_code)", then).await.unwrap(), ["U12345", "Y63"]);
    let unknown = reason(codes("organisation.size > 1", then).await);
    assert_eq!(unknown, (Code::InvalidArgument, "FILTER_INVALID".to_owned()));
}

#[tokio::test]
async fn a_person_closes_an_organisation_once_and_with_the_etag_that_was_seen() {
    let mut bench = reorganised().await;
    let seen =
        bench.client.get_organisation(get("organisations/QHM")).await.unwrap().into_inner().organisation.unwrap();
    let close = wire::SetOrganisationLifetimeRequest {
        name: "organisations/QHM".to_owned(),
        open_date: "2022-07-01".to_owned(),
        close_date: "2031-07-01".to_owned(),
        request_id: "close".to_owned(),
        etag: seen.etag,
        ..Default::default()
    };
    let dry = wire::SetOrganisationLifetimeRequest { request_id: "dry".to_owned(), dry_run: true, ..close.clone() };
    let foreseen = bench.client.set_organisation_lifetime(dry).await.unwrap().into_inner().organisation.unwrap();
    let done = bench.client.set_organisation_lifetime(close.clone()).await.unwrap().into_inner();
    let organisation = done.organisation.clone().unwrap();
    assert_eq!((organisation.open_date.as_str(), organisation.close_date.as_str()), ("2022-07-01", "2031-07-01"));
    assert_eq!(foreseen.close_date, organisation.close_date);
    let replayed = bench.client.set_organisation_lifetime(close.clone()).await.unwrap().into_inner();
    assert_eq!(replayed, done);

    let stale = wire::SetOrganisationLifetimeRequest { request_id: "stale".to_owned(), ..close.clone() };
    let (code, explained) = refusal(bench.client.set_organisation_lifetime(stale).await);
    assert_eq!((code, explained.reason.as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    let unknown = wire::SetOrganisationLifetimeRequest {
        name: "organisations/QZZ".to_owned(),
        etag: String::new(),
        request_id: "unknown".to_owned(),
        ..close.clone()
    };
    let refused = reason(bench.client.set_organisation_lifetime(unknown).await);
    assert_eq!(refused, (Code::NotFound, "ORGANISATION_NOT_FOUND".to_owned()));
    let reversed = wire::SetOrganisationLifetimeRequest {
        close_date: "2022-07-01".to_owned(),
        etag: String::new(),
        request_id: "reversed".to_owned(),
        ..close
    };
    let refused = reason(bench.client.set_organisation_lifetime(reversed).await);
    assert_eq!(refused, (Code::InvalidArgument, "CLOSED_BEFORE_OPENED".to_owned()));
    let mut bench = bench.reopened().await;
    let kept =
        bench.client.get_organisation(get("organisations/QHM")).await.unwrap().into_inner().organisation.unwrap();
    assert_eq!(kept, organisation);
}

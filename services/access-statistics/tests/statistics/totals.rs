//! SubmitTotals and ListTotals: published totals come in together and are given back exactly.

use std::collections::BTreeMap;
use std::path::PathBuf;

use api::Explained;
use database::testing::TestStore;
use ods::{Document, Format};
use proto::statistics::v1 as wire;

use crate::world::{Process, World, moment};

/// Makes a submission wrong.
type Spoil = fn(&mut wire::SubmitTotalsRequest);

fn total(organisation: &str, patients: i64, aged: i64) -> wire::OrganisationTotal {
    wire::OrganisationTotal {
        organisation: organisation.to_owned(),
        patients_registered: patients,
        aged_16_and_over: aged,
    }
}

fn submission(request_id: &str, totals: Vec<wire::OrganisationTotal>) -> wire::SubmitTotalsRequest {
    wire::SubmitTotalsRequest {
        source: "GP_PRAC_PAT_LIST".to_owned(),
        as_at_date: "2031-03-01".to_owned(),
        totals,
        request_id: request_id.to_owned(),
        ..Default::default()
    }
}

fn two_regions() -> Vec<wire::OrganisationTotal> {
    vec![total("regions/Y63", 60, 50), total("regions/Y56", 40, 30), total("icbs/QHM", 100, 80)]
}

async fn submit(process: &Process, request: wire::SubmitTotalsRequest) -> wire::SubmitTotalsResponse {
    process.denominators().submit_totals(request).await.expect("it is accepted").into_inner()
}

async fn every_total(process: &Process, mut request: wire::ListTotalsRequest) -> BTreeMap<String, (i64, i64)> {
    let mut totals = BTreeMap::new();
    loop {
        let page = process.denominators().list_totals(request.clone()).await.expect("a list").into_inner();
        for row in page.totals {
            totals.insert(row.organisation, (row.patients_registered, row.aged_16_and_over));
        }
        if page.next_page_token.is_empty() {
            return totals;
        }
        request.page_token = page.next_page_token;
    }
}

#[tokio::test]
async fn totals_are_given_back_exactly_and_a_revision_leaves_what_was_known() {
    for world in World::each().await {
        let process = world.start().await;
        let first = submit(&process, submission("first", two_regions())).await;
        assert_eq!((first.first_count, first.affected_count, first.position), (3, 3, 1));
        let again = submit(&process, submission("again", two_regions())).await;
        assert_eq!((again.unchanged_count, again.affected_count, again.position), (3, 0, 1));
        world.clock.set(moment("2031-03-20T09:00:00Z"));
        let revised = vec![total("regions/Y63", 61, 50), total("regions/Y56", 40, 30)];
        let revised = submit(&process, submission("revised", revised)).await;
        assert_eq!((revised.revised_count, revised.unchanged_count, revised.removed_count), (1, 1, 1));
        process.stop().await;

        let process = world.start().await;
        let all = |pairs: &[(&str, (i64, i64))]| -> BTreeMap<String, (i64, i64)> {
            pairs.iter().map(|(name, counts)| ((*name).to_owned(), *counts)).collect()
        };
        let (y56, before, after) = (("regions/Y56", (40, 30)), ("regions/Y63", (60, 50)), ("regions/Y63", (61, 50)));
        let request = wire::ListTotalsRequest { page_size: 1, ..Default::default() };
        assert_eq!(every_total(&process, request.clone()).await, all(&[("england", (101, 80)), y56, after]));
        let known_at = Some(api::time::to_wire(moment("2031-03-19T09:00:00Z")));
        let known_before = wire::ListTotalsRequest { known_at, ..request.clone() };
        let icb = ("icbs/QHM", (100, 80));
        assert_eq!(every_total(&process, known_before).await, all(&[("england", (100, 80)), icb, y56, before]));
        let as_at = Some(api::time::to_wire(moment("2031-02-28T09:00:00Z")));
        assert_eq!(every_total(&process, wire::ListTotalsRequest { as_at, ..request.clone() }).await, all(&[]));
        let one = wire::ListTotalsRequest { organisation: "regions/Y56".to_owned(), ..request };
        assert_eq!(every_total(&process, one).await, all(&[y56]));

        let compliance = wire::GetComplianceRequest { area: "regions/Y63".to_owned(), ..Default::default() };
        let reply = process.statistics().get_compliance(compliance).await.unwrap().into_inner();
        let [published] = &reply.areas[0].published[..] else { panic!("one publication has it: {reply:?}") };
        assert_eq!((published.value, published.source.as_str()), (61, "GP_PRAC_PAT_LIST"));
        assert_eq!(published.as_at_date, "2031-03-01");
        process.stop().await;
    }
}

#[tokio::test]
async fn totals_that_cannot_be_right_are_refused_whole_with_the_field() {
    let world = World::on(TestStore::sqlite());
    let process = world.start().await;
    let cases: [(&str, &str, Spoil); 10] = [
        ("REQUEST_ID_REQUIRED", "request_id", |request| request.request_id.clear()),
        ("SOURCE_INVALID", "source", |request| request.source.clear()),
        ("NHS_NUMBER_IN_TEXT", "source", |request| request.source = "list of 943 476 5919".to_owned()),
        ("FIELD_REQUIRED", "as_at_date", |request| request.as_at_date.clear()),
        ("DATE_IN_FUTURE", "as_at_date", |request| request.as_at_date = "2031-03-11".to_owned()),
        ("FIELD_REQUIRED", "totals", |request| request.totals.clear()),
        ("ORGANISATION_INVALID", "totals[1].organisation", |request| request.totals[1].organisation = "Y56".to_owned()),
        ("ORGANISATION_TWICE", "totals[1].organisation", |request| request.totals[1] = request.totals[0].clone()),
        ("COUNT_CONTRADICTORY", "totals[0].aged_16_and_over", |request| request.totals[0].aged_16_and_over = 61),
        ("LEVELS_DISAGREE", "totals", |request| request.totals[0].patients_registered = 61),
    ];
    for (wanted, field, spoil) in cases {
        let mut request = submission("wrong", two_regions());
        spoil(&mut request);
        let refused = Explained::from(&process.denominators().submit_totals(request).await.unwrap_err());
        assert_eq!((refused.reason.as_str(), refused.metadata["field"].as_str()), (wanted, field));
    }
    assert_eq!(every_total(&process, wire::ListTotalsRequest::default()).await, BTreeMap::new());
    process.stop().await;
}

#[tokio::test]
async fn the_publishers_real_totals_are_reproduced_exactly() {
    let Some(folder) = std::env::var_os("CITIZENS_ACCESS_REFERENCE_DATA").map(PathBuf::from) else {
        // Past the test's capture, so that nobody takes a skipped test for a passed one.
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "SKIPPED: CITIZENS_ACCESS_REFERENCE_DATA does not name a folder");
        return;
    };
    let file = std::fs::read(folder.join("derived").join("registered_patients_by_org_2026-08-01.csv")).unwrap();
    let Document::Totals(totals) = ods::read(Format::Totals, &file).unwrap().document else {
        panic!("these are totals")
    };
    let rows = totals.0.iter().map(|(organisation, counts)| {
        total(&organisation.to_string(), counts.patients as i64, counts.aged_16_and_over as i64)
    });
    let world = World::on(TestStore::sqlite());
    let process = world.start().await;
    let request =
        wire::SubmitTotalsRequest { as_at_date: "2026-08-01".to_owned(), ..submission("real", rows.collect()) };
    submit(&process, request).await;

    let mut known = every_total(&process, wire::ListTotalsRequest::default()).await;
    assert_eq!(known.remove("england"), Some((63_237_908, 52_497_449)));
    // The file once more, by nothing of ours.
    let text = String::from_utf8(file).unwrap();
    let mut count = 0;
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let collection = match cells[0] {
            "Comm Region" => "regions",
            "ICB" => "icbs",
            "PCN" => "pcns",
            _ => "sub-icbs",
        };
        let expected = (cells[2].parse().unwrap(), cells[3].parse().unwrap());
        assert_eq!(known.remove(&format!("{collection}/{}", cells[1])), Some(expected), "{line}");
        count += 1;
    }
    assert_eq!((count, known.len()), (1_448, 0));
    process.stop().await;
}

//! PublicationService: announced, frozen, under embargo, released, corrected; the same after a restart and at every replica.

use std::time::Duration;

use api::Explained;
use database::testing::TestStore;
use proto::statistics::v1 as wire;
use tonic::{Code, Status};

use crate::registry::{observed, practice};
use crate::world::{Process, World, moment, view};

const RELEASE: &str = "2031-03-13T09:30:00Z";
const FEBRUARY: &str = "publications/2031-02";

fn at(text: &str) -> Option<prost_types::Timestamp> {
    Some(api::time::to_wire(moment(text)))
}

/// Six practices in two ICBs that are live all of February, and what was returned of them.
pub(crate) async fn nation(world: &World, process: &Process) {
    let known = |number: i64| {
        let icb = if number % 2 == 0 { "QHM" } else { "QE1" };
        let supplier = if number < 4 { "EMIS" } else { "TPP" };
        let code = format!("A8100{number}");
        let place = practice(&code, icb, supplier, 5_000 + number, moment("2031-01-01T10:00:00Z"));
        observed(place, true, moment("2031-01-20T08:00:00Z"))
    };
    world.registry.tell((1..=6).map(known));
    for (supplier, numbers) in [("EMIS", 1..4), ("TPP", 4..7)] {
        submit(process, supplier, &numbers.map(|number| (number, 400 + 17 * number)).collect::<Vec<_>>()).await;
    }
}

pub(crate) async fn submit(process: &Process, supplier: &str, accounts: &[(i64, i64)]) {
    let row = |(number, accounts): &(i64, i64)| wire::PracticeReturn {
        practice: format!("practices/A8100{number}"),
        accounts_with_access: *accounts,
        ..Default::default()
    };
    let request = wire::SubmitReturnsRequest {
        supplier: format!("suppliers/{supplier}"),
        period_start_date: "2031-02-01".to_owned(),
        period_end_date: "2031-02-28".to_owned(),
        returns: accounts.iter().map(row).collect(),
        request_id: format!("{supplier}-{accounts:?}").replace(' ', ""),
        ..Default::default()
    };
    process.ingest().submit_returns(request).await.expect("returns are accepted");
}

pub(crate) async fn announce(process: &Process, publication: &str, release_time: &str) -> Result<u64, Status> {
    let request = wire::SetReleaseRequest {
        publication: publication.to_owned(),
        release_time: at(release_time),
        request_id: format!("announce-{publication}-{release_time}"),
        ..Default::default()
    };
    process.publications().set_release(request).await.map(|reply| reply.into_inner().position)
}

pub(crate) fn creation(publication: &str) -> wire::CreatePublicationRequest {
    wire::CreatePublicationRequest {
        publication: publication.to_owned(),
        min_position: 1,
        request_id: format!("create-{publication}"),
        ..Default::default()
    }
}

pub(crate) fn correction(publication: &str, number: u64) -> wire::ReissuePublicationRequest {
    wire::ReissuePublicationRequest {
        publication: publication.to_owned(),
        correction: "EMIS corrected the return of a practice.".to_owned(),
        reason_code: "SUPPLIER_CORRECTION".to_owned(),
        request_id: format!("correct-{publication}-{number}"),
        ..Default::default()
    }
}

pub(crate) async fn create(
    process: &Process,
    request: wire::CreatePublicationRequest,
) -> Result<wire::CreatePublicationResponse, Status> {
    process.publications().create_publication(request).await.map(tonic::Response::into_inner)
}

/// What everybody gets: the latest issue.
async fn public(process: &Process, known_at: Option<&str>) -> Result<wire::Publication, Status> {
    let request = wire::GetPublicationRequest {
        name: FEBRUARY.to_owned(),
        known_at: known_at.and_then(at),
        ..Default::default()
    };
    let reply = process.publications_for_everybody().get_publication(request).await?.into_inner();
    Ok(reply.publication.expect("an issue"))
}

async fn until_public(process: &Process) -> wire::Publication {
    let public = async {
        loop {
            match public(process, None).await {
                Ok(publication) => return publication,
                Err(status) => assert_eq!(status.code(), Code::NotFound, "{status:?}"),
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), public).await.expect("it is released")
}

fn reason<T: std::fmt::Debug>(result: Result<T, Status>) -> String {
    Explained::from(&result.expect_err("it is refused")).reason
}

fn england(publication: &wire::Publication, definition: &str) -> String {
    let figure = publication.figures.iter().find(|figure| figure.definition == definition);
    figure.expect("the figure is there").value.clone()
}

#[tokio::test]
async fn an_issue_is_nobodys_until_its_release_and_everybodys_from_then_on() {
    for world in World::each().await {
        let process = world.start().await;
        nation(&world, &process).await;
        announce(&process, "2031-02", RELEASE).await.unwrap();
        let created = create(&process, creation("2031-02")).await.unwrap().publication.unwrap();
        assert_eq!(
            (created.name.as_str(), created.issue, created.state()),
            (FEBRUARY, 1, wire::PublicationState::Embargoed)
        );
        assert_eq!(england(&created, "definitions/patients-with-access"), (6 * 400 + 17 * 21).to_string());
        assert_eq!(england(&created, "definitions/practices-live"), "6");
        assert_eq!((created.registry_position, created.known_at), (1, at(crate::world::START)));
        assert_eq!(reason(public(&process, None).await), "PUBLICATION_NOT_FOUND");
        let mut everybody = process.publications_for_everybody();
        let listed = everybody.list_publications(wire::ListPublicationsRequest::default()).await.unwrap();
        assert_eq!(listed.into_inner().publications, []);
        let due = everybody.list_releases(wire::ListReleasesRequest::default()).await.unwrap().into_inner().releases;
        assert_eq!((due.len(), due[0].issue_count, due[0].set_by.as_str()), (1, 0, ""), "that it is due is no secret");
        assert_eq!((due[0].release_time, due[0].released_time), (at(RELEASE), None));
        process.kill().await;

        // It waits for its moment also in the process that comes after.
        let process = world.start().await;
        assert_eq!(reason(public(&process, None).await), "PUBLICATION_NOT_FOUND");
        world.clock.set(moment(RELEASE));
        let released = until_public(&process).await;
        assert_eq!((released.released_time, released.created_by.as_str()), (at(RELEASE), ""));
        assert_eq!(released.remedies, [], "by them one * is told from another");
        assert_eq!(released.figures, created.figures);
        assert_eq!(reason(public(&process, Some("2031-03-13T09:29:59Z")).await), "PUBLICATION_NOT_FOUND");
        process.stop().await;

        let process = world.start().await;
        assert_eq!(public(&process, None).await.unwrap(), released);
        assert_eq!(reason(announce(&process, "2031-02", "2031-04-01T09:30:00Z").await), "ALREADY_RELEASED");
        process.stop().await;
    }
}

#[tokio::test]
async fn a_replay_gets_the_first_reply_and_a_dry_run_records_nothing() {
    for world in World::each().await {
        let process = world.start().await;
        nation(&world, &process).await;
        announce(&process, "2031-02", RELEASE).await.unwrap();
        let tried =
            wire::CreatePublicationRequest { dry_run: true, request_id: "try".to_owned(), ..creation("2031-02") };
        let tried = create(&process, tried).await.unwrap().publication.unwrap();
        assert_ne!(tried.remedies, [], "of two ICBs one must be withheld");
        let created = create(&process, creation("2031-02")).await.unwrap();
        let publication = created.publication.clone().unwrap();
        assert_eq!((&publication.figures, &publication.remedies), (&tried.figures, &tried.remedies));
        assert_eq!(publication.created_by, "tester");
        assert_eq!(create(&process, creation("2031-02")).await.unwrap(), created);
        let other = wire::CreatePublicationRequest { note: "another".to_owned(), ..creation("2031-02") };
        assert_eq!(reason(create(&process, other).await), "REQUEST_ID_REUSED");
        let again = wire::CreatePublicationRequest { request_id: "again".to_owned(), ..creation("2031-02") };
        assert_eq!(reason(create(&process, again).await), "PUBLICATION_EXISTS");
        process.stop().await;
    }
}

/// Rule 14.
#[tokio::test]
async fn a_correction_is_another_issue_and_the_first_stays() {
    for world in World::each().await {
        let process = world.start().await;
        nation(&world, &process).await;
        announce(&process, "2031-02", RELEASE).await.unwrap();
        create(&process, creation("2031-02")).await.unwrap();
        world.clock.set(moment(RELEASE));
        let first = until_public(&process).await;
        world.clock.set(moment("2031-03-20T09:30:00Z"));
        let nothing = process.publications().reissue_publication(correction("2031-02", 1)).await;
        assert_eq!(reason(nothing), "NOTHING_CORRECTED");
        submit(&process, "EMIS", &[(1, 1_000), (2, 2_000), (3, 451)]).await;
        let second = process.publications().reissue_publication(correction("2031-02", 2)).await.unwrap().into_inner();
        let second = second.publication.unwrap();
        assert_eq!((second.issue, second.state()), (2, wire::PublicationState::Released));
        process.stop().await;

        let process = world.start().await;
        let latest = public(&process, None).await.unwrap();
        assert_eq!((latest.issue, latest.correction.as_str()), (2, "EMIS corrected the return of a practice."));
        let request = wire::GetPublicationRequest { name: FEBRUARY.to_owned(), issue: 1, ..Default::default() };
        let kept = process.publications_for_everybody().get_publication(request).await.unwrap().into_inner();
        assert_eq!(kept.publication.unwrap(), first);
        assert_eq!(public(&process, Some("2031-03-19T09:30:00Z")).await.unwrap(), first, "as it was public then");
        process.stop().await;
    }
}

#[tokio::test]
async fn what_one_replica_published_another_sees_and_does_not_publish_again() {
    for world in World::each().await {
        let (left, right) = (world.start().await, world.start().await);
        nation(&world, &left).await;
        announce(&left, "2031-02", RELEASE).await.unwrap();
        create(&left, creation("2031-02")).await.unwrap();
        let late = wire::CreatePublicationRequest { request_id: "late".to_owned(), ..creation("2031-02") };
        // The other may not have heard of it: then it judges anew, and finds that something came between.
        let refused = async {
            loop {
                match reason(create(&right, late.clone()).await).as_str() {
                    "PUBLICATION_EXISTS" => return,
                    waiting => {
                        assert!(["PUBLICATION_OVERTAKEN", "RELEASE_NOT_ANNOUNCED"].contains(&waiting), "{waiting}");
                    }
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), refused).await.expect("the other hears of it");
        world.clock.set(moment(RELEASE));
        assert_eq!(until_public(&right).await, until_public(&left).await);
        left.stop().await;
        right.stop().await;
    }
}

#[tokio::test]
async fn publications_are_listed_page_by_page_as_they_were_known() {
    let world = World::on(TestStore::sqlite());
    let process = world.start().await;
    nation(&world, &process).await;
    for week in ["2031-W07", "2031-W08", "2031-W09"] {
        announce(&process, week, "2031-03-10T10:00:00Z").await.unwrap();
    }
    world.clock.set(moment("2031-03-10T11:00:00Z"));
    for week in ["2031-W09", "2031-W07"] {
        assert_eq!(create(&process, creation(week)).await.unwrap().publication.unwrap().state, 2, "its time has come");
    }
    world.clock.set(moment("2031-03-11T11:00:00Z"));
    submit(&process, "EMIS", &[(1, 1_000), (2, 2_000), (3, 451)]).await;
    process.publications().reissue_publication(correction("2031-W09", 1)).await.unwrap();
    let names = async |all_issues, known_at: Option<&str>| {
        let known_at = known_at.and_then(at);
        let mut request = wire::ListPublicationsRequest { all_issues, known_at, page_size: 1, ..Default::default() };
        let mut names = Vec::new();
        loop {
            let page = process.publications_for_everybody().list_publications(request.clone()).await.unwrap();
            let page = page.into_inner();
            assert_eq!(page.publications.len(), 1);
            names.extend(page.publications.into_iter().map(|one| format!("{} {}", one.name, one.issue)));
            if page.next_page_token.is_empty() {
                return names;
            }
            request.page_token = page.next_page_token;
        }
    };
    let (seven, nine) = ("publications/2031-W07 1", "publications/2031-W09");
    assert_eq!(names(false, None).await, [seven, &format!("{nine} 2")]);
    assert_eq!(names(true, None).await, [seven, &format!("{nine} 1"), &format!("{nine} 2")]);
    assert_eq!(names(false, Some("2031-03-10T12:00:00Z")).await, [seven, &format!("{nine} 1")]);
    let page = wire::ListReleasesRequest { page_size: 2, ..Default::default() };
    let first = process.publications().list_releases(page.clone()).await.unwrap().into_inner();
    let other = wire::ListReleasesRequest { page_size: 1, page_token: first.next_page_token.clone(), ..page.clone() };
    let rest = wire::ListReleasesRequest { page_token: first.next_page_token, ..page };
    let rest = process.publications().list_releases(rest).await.unwrap().into_inner();
    let weeks: Vec<i32> = first.releases.iter().chain(&rest.releases).map(|release| release.issue_count).collect();
    assert_eq!((weeks, rest.next_page_token.as_str()), (vec![1, 0, 2], ""));
    assert!(process.publications().list_releases(other).await.is_ok(), "how many at a time is free to change");
    process.stop().await;
}

#[tokio::test]
async fn viewers_are_counted_over_months_and_once_however_many_practices_they_were_at() {
    for world in World::each().await {
        let process = world.start().await;
        nation(&world, &process).await;
        let (mut producer, _) = process.produce("gateway", 1).await;
        let day = "2031-02-10T09:00:00Z";
        let views = (0..60).flat_map(|person| {
            let code = format!("A8100{}", person % 3 + 1);
            let elsewhere = (person < 5).then(|| view("A81006", day, person));
            [Some(view(&code, day, person)), elsewhere].into_iter().flatten()
        });
        producer.record(1, views.collect()).await.unwrap();
        announce(&process, "2031-02", RELEASE).await.unwrap();
        let created = create(&process, creation("2031-02")).await.unwrap().publication.unwrap();
        assert_eq!(england(&created, "definitions/viewers"), "60");
        assert_eq!(england(&created, "definitions/record-views"), "65");
        let rows = crate::files::rows(&process.publications(), FEBRUARY, 1).await;
        let of = |area: &str| {
            let row = rows.iter().find(|row| row["area"] == area && row["definition"] == "definitions/viewers");
            row.map(|row| row["value"].clone()).unwrap_or_default()
        };
        // 20 at practice 2 and 5 at practice 6, of whom two are the same.
        assert_eq!([of("practices/A81002"), of("practices/A81006"), of("practices/A81004")], ["20", "*", "0"]);
        assert_eq!(of("icbs/QHM"), "25", "23 people");
        assert!(created.remedies.iter().all(|remedy| remedy.area != "icbs/QHM"), "{:?}", created.remedies);
        let weekly = wire::CreatePublicationRequest {
            definitions: vec!["definitions/viewers".to_owned()],
            ..creation("2031-W07")
        };
        assert_eq!(reason(create(&process, weekly).await), "DEFINITION_NOT_OF_PERIOD");
        process.stop().await;
    }
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let world = World::on(TestStore::sqlite());
    let process = world.start().await;
    nation(&world, &process).await;
    assert_eq!(reason(announce(&process, "", RELEASE).await), "FIELD_REQUIRED");
    assert_eq!(reason(announce(&process, "2031-13", RELEASE).await), "PUBLICATION_INVALID");
    assert_eq!(reason(announce(&process, "2031-02", "2031-03-10T09:00:00Z").await), "RELEASE_NOT_AHEAD");
    assert_eq!(reason(announce(&process, "2031-03", "2031-03-31T22:59:59Z").await), "RELEASE_BEFORE_END");
    assert_eq!(reason(create(&process, creation("2031-02")).await), "RELEASE_NOT_ANNOUNCED");
    assert_eq!(reason(create(&process, creation("2031-03")).await), "PERIOD_NOT_OVER");
    let definitions = vec!["definitions/practices-total".to_owned()];
    let other = wire::CreatePublicationRequest { definitions, ..creation("2031-02") };
    assert_eq!(reason(create(&process, other).await), "DEFINITION_INVALID");
    let early = wire::CreatePublicationRequest { known_at: at("2031-02-20T09:00:00Z"), ..creation("2031-02") };
    assert_eq!(reason(create(&process, early).await), "KNOWN_BEFORE_END");
    let unpublished = process.publications().reissue_publication(correction("2031-02", 1)).await;
    assert_eq!(reason(unpublished), "PUBLICATION_NOT_FOUND");
    for (spoilt, wanted) in [
        (wire::ReissuePublicationRequest { correction: String::new(), ..correction("2031-02", 2) }, "FIELD_REQUIRED"),
        (wire::ReissuePublicationRequest { reason_code: String::new(), ..correction("2031-02", 3) }, "FIELD_REQUIRED"),
        (
            wire::ReissuePublicationRequest { correction: "of 999 000 0069".to_owned(), ..correction("2031-02", 4) },
            "NHS_NUMBER_IN_TEXT",
        ),
    ] {
        assert_eq!(reason(process.publications().reissue_publication(spoilt).await), wanted);
    }
    let unnamed = wire::DownloadPublicationRequest { name: FEBRUARY.to_owned(), ..Default::default() };
    assert_eq!(reason(process.publications().download_publication(unnamed).await), "FIELD_REQUIRED");
    let negative = wire::GetPublicationRequest { name: FEBRUARY.to_owned(), issue: -1, ..Default::default() };
    assert_eq!(reason(process.publications().get_publication(negative).await), "ISSUE_NEGATIVE");
    process.stop().await;
}

#[tokio::test]
async fn one_publication_is_judged_at_a_time_and_who_gives_up_is_in_nobodys_way() {
    for world in World::each().await {
        let process = world.start().await;
        nation(&world, &process).await;
        announce(&process, "2031-02", RELEASE).await.unwrap();
        announce(&process, "2031-01", RELEASE).await.unwrap();
        // It waits for what the registry has not told yet, with its turn taken.
        let waiting = wire::CreatePublicationRequest { min_position: 2, ..creation("2031-02") };
        for gives_up in [true, false] {
            let (mut publications, request) = (process.publications(), waiting.clone());
            let first = tokio::spawn(async move {
                loop {
                    match publications.create_publication(request.clone()).await {
                        Err(status) if Explained::from(&status).reason == "PUBLICATION_IN_PROGRESS" => {
                            tokio::task::yield_now().await;
                        }
                        result => return result,
                    }
                }
            });
            let another = wire::CreatePublicationRequest { dry_run: true, ..creation("2031-01") };
            let refused = async {
                loop {
                    // It may come first, as long as the other has not got its turn.
                    match create(&process, another.clone()).await {
                        Ok(_) => tokio::task::yield_now().await,
                        refused => return reason(refused),
                    }
                }
            };
            let refused =
                tokio::time::timeout(Duration::from_secs(30), refused).await.expect("the first takes its turn");
            assert_eq!(refused, "PUBLICATION_IN_PROGRESS");
            if gives_up {
                first.abort();
                first.await.expect_err("it was given up");
                let taken = async {
                    while let Err(status) = create(&process, another.clone()).await {
                        assert_eq!(Explained::from(&status).reason, "PUBLICATION_IN_PROGRESS");
                        tokio::task::yield_now().await;
                    }
                };
                tokio::time::timeout(Duration::from_secs(5), taken).await.expect("its turn ended with it");
            } else {
                nation(&world, &process).await;
                let issued = first.await.unwrap().unwrap().into_inner().publication.expect("an issue");
                assert_eq!((issued.issue, issued.registry_position), (1, 2));
            }
        }
        process.stop().await;
    }
}

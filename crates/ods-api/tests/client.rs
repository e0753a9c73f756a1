//! The client against a publisher that behaves as documented, and does not.

#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

use std::time::Duration;

use jiff::civil::{Date, date};
use ods_api::testing::{Fault, Publisher, practice};
use ods_api::{ApiConfig, ApiError, ApiKey, FhirApi, OrdApi};
use tokio::time::Instant;

const TODAY: Date = date(2031, 6, 2);

/// Impatient, so that tests are quick.
fn config(base: ods_api::BaseUrl) -> ApiConfig {
    ApiConfig {
        requests_per_second: 1_000,
        page_organisations: 2,
        attempt_timeout: Duration::from_millis(400),
        deadline: Duration::from_secs(4),
        backoff_first: Duration::from_millis(5),
        backoff_max: Duration::from_millis(20),
        ..ApiConfig::new(base)
    }
}

async fn publisher(count: usize) -> Publisher {
    let publisher = Publisher::open(TODAY).await;
    publisher.knows((1..=count).map(|n| practice(&format!("A{n:05}"), "SURGERY", "16C", "U12345", date(2031, 5, 1))));
    publisher
}

fn fhir(publisher: &Publisher) -> FhirApi {
    FhirApi::new(config(publisher.fhir())).unwrap()
}

fn ord(publisher: &Publisher) -> OrdApi {
    OrdApi::new(config(publisher.ord())).unwrap()
}

/// What comes of one page that meets these faults, and how often it was asked for.
async fn page_with(faults: impl IntoIterator<Item = Fault>) -> (Result<usize, ApiError>, usize) {
    let publisher = publisher(1).await;
    publisher.world().faults.extend(faults);
    let page = fhir(&publisher).practices(None, None).await;
    (page.map(|page| page.records.len()), publisher.asked().len())
}

fn status(status: u16) -> Fault {
    Fault::Status(status, Vec::new(), "")
}

#[tokio::test]
async fn pages_are_followed_to_the_last() {
    let publisher = publisher(5).await;
    let api = fhir(&publisher);
    let (mut at, mut codes, mut pages) = (None, Vec::new(), 0);
    loop {
        let page = api.practices(Some(date(2031, 4, 30)), at.as_deref()).await.unwrap();
        assert_eq!(page.total, Some(5));
        codes.extend(page.records.into_iter().map(|record| record.code));
        pages += 1;
        at = page.next;
        if at.is_none() {
            break;
        }
    }
    assert_eq!((codes.join(" ").as_str(), pages), ("A00001 A00002 A00003 A00004 A00005", 3));
    assert!(publisher.world().asked[0].path.contains("_lastUpdated=ge2031-04-30"));
    let page = api.practices_of(&["A00002".parse().unwrap(), "A00009".parse().unwrap()]).await.unwrap();
    assert_eq!(page.records.len(), 1);
    assert_eq!(page.records[0].relationships.as_ref().unwrap().len(), 2);
}

#[tokio::test]
async fn what_passes_is_asked_for_again() {
    let again = [
        vec![status(500)],
        vec![status(502), status(503), status(504)],
        vec![Fault::CutOff],
        vec![Fault::HalfADocument],
        vec![Fault::Silence(Duration::from_secs(2))],
        vec![Fault::Status(429, vec![("retry-after", "0")], "")],
    ];
    for faults in again {
        let attempts = faults.len() + 1;
        let (read, asked) = page_with(faults.clone()).await;
        assert_eq!((read.unwrap(), asked), (1, attempts), "{faults:?}");
    }
}

#[tokio::test]
async fn what_does_not_pass_is_told_at_once() {
    let html = Fault::Status(200, vec![("content-type", "text/html")], "<html>log in</html>");
    let outcome = "{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"diagnostics\":\"no such parameter\"}]}";
    let cases = [
        (status(401), "API_KEY_REFUSED", "refuses the API key"),
        (status(403), "API_KEY_REFUSED", "refuses the API key"),
        (status(404), "NOT_FOUND", "there is nothing at"),
        (Fault::Status(400, Vec::new(), outcome), "NOT_ACCEPTABLE", "answers 400: no such parameter"),
        (status(406), "NOT_ACCEPTABLE", "answers 406"),
        (html, "NOT_JSON", "text/html, not JSON"),
        (Fault::Garbage, "ANSWER_NOT_UNDERSTOOD", "cannot be understood"),
        (Fault::Status(302, vec![("location", "https://elsewhere.example/")], ""), "REDIRECTED", "elsewhere.example"),
    ];
    for (fault, reason, said) in cases {
        let (read, asked) = page_with([fault.clone()]).await;
        let error = read.unwrap_err();
        assert_eq!((error.reason(), asked), (reason, 1), "{fault:?}");
        assert!(error.in_full().contains(said), "{}", error.in_full());
    }
}

#[tokio::test]
async fn retries_come_to_an_end() {
    let (read, asked) = page_with(vec![status(503); 50]).await;
    assert_eq!((read.unwrap_err().reason(), asked), ("OUT_OF_ORDER", 6));
    let (read, _) = page_with(vec![Fault::Silence(Duration::from_secs(9)); 50]).await;
    assert_eq!(read.unwrap_err().reason(), "TOO_SLOW");
}

#[tokio::test]
async fn the_publishers_pause_is_kept_and_one_beyond_the_deadline_ends_the_attempt() {
    let begun = Instant::now();
    let (read, asked) = page_with([Fault::Status(429, vec![("retry-after", "1")], "")]).await;
    assert_eq!((read.unwrap(), asked), (1, 2));
    assert!(begun.elapsed() >= Duration::from_secs(1));

    let (read, asked) = page_with([Fault::Status(429, vec![("retry-after", "3600")], "")]).await;
    let error = read.unwrap_err();
    assert_eq!((error.reason(), asked), ("RATE_LIMITED", 1));
    assert!(error.to_string().contains("3600 s"), "{error}");
}

#[tokio::test]
async fn requests_are_kept_apart() {
    let publisher = publisher(1).await;
    let api = FhirApi::new(ApiConfig { requests_per_second: 20, ..config(publisher.fhir()) }).unwrap();
    let begun = Instant::now();
    for _ in 0..5 {
        api.practices(None, None).await.unwrap();
    }
    assert!(begun.elapsed() >= Duration::from_millis(200), "five requests are four intervals");
}

#[tokio::test]
async fn an_answer_without_end_is_not_read() {
    let publisher = publisher(1).await;
    let api = FhirApi::new(ApiConfig { body_bytes_max: 100, ..config(publisher.fhir()) }).unwrap();
    assert_eq!(api.practices(None, None).await.unwrap_err().reason(), "ANSWER_TOO_LONG");
}

#[tokio::test]
async fn the_key_is_shown_to_the_publisher_and_to_nobody_else() {
    let publisher = publisher(3).await;
    publisher.world().key = Some("s3cret".to_owned());
    assert_eq!(fhir(&publisher).practices(None, None).await.unwrap_err().reason(), "API_KEY_REFUSED");
    let key = Some(ApiKey::new("s3cret", "a test").unwrap());
    let api = FhirApi::new(ApiConfig { key, ..config(publisher.fhir()) }).unwrap();
    api.practices(None, None).await.unwrap();
    assert_eq!(publisher.world().asked.last().unwrap().key.as_deref(), Some("s3cret"));

    publisher.world().links_to = Some("http://127.0.0.1:9".to_owned());
    let error = api.practices(None, None).await.unwrap_err();
    assert_eq!(error.reason(), "FOREIGN_LINK");
    assert!(!error.in_full().contains("s3cret"));
}

#[tokio::test]
async fn nobody_at_the_address_is_told() {
    let base = {
        let gone = publisher(0).await;
        gone.fhir()
    };
    // Dropped with its listener, once its task has been ended.
    tokio::task::yield_now().await;
    let api = FhirApi::new(ApiConfig { deadline: Duration::from_millis(300), ..config(base) }).unwrap();
    let error = api.practices(None, None).await.unwrap_err();
    assert!(matches!(error, ApiError::Unreachable { .. } | ApiError::TooSlow { .. }), "{error:?}");
}

#[tokio::test]
async fn ord_lists_all_practices_over_its_pages_and_gives_each() {
    let publisher = publisher(7).await;
    publisher.world().limit = 3;
    let api = ord(&publisher);
    assert_eq!(api.practices().await.unwrap().len(), 7);
    assert_eq!(publisher.asked().len(), 3);
    let record = api.organisation("A00003").await.unwrap().unwrap();
    assert_eq!((record.code.as_str(), record.relationships.unwrap().len()), ("A00003", 2));
    assert_eq!(api.organisation("A99999").await.unwrap(), None);
}

#[tokio::test]
async fn ord_tells_changes_of_185_days_and_refuses_more() {
    let publisher = publisher(2).await;
    publisher.knows([practice("A00003", "SURGERY", "16C", "U12345", date(2031, 6, 1))]);
    let api = ord(&publisher);
    assert_eq!(api.changed_since(date(2031, 5, 31)).await.unwrap().into_iter().collect::<Vec<_>>(), ["A00003"]);
    assert_eq!(api.changed_since(date(2030, 11, 29)).await.unwrap().len(), 3);
    let error = api.changed_since(date(2030, 11, 28)).await.unwrap_err();
    let ApiError::NotAcceptable { status: 406, said, .. } = error else { panic!("{error:?}") };
    assert!(said.contains("185 days"), "{said}");
}

/// A practice that changes between two pages goes to the end of the list, and the one after it steps over the page's
/// edge.
#[tokio::test]
async fn a_list_that_changes_while_it_is_read_is_read_again() {
    let publisher = publisher(6).await;
    publisher.world().limit = 3;
    publisher.world().changes.insert(1, practice("A00001", "SURGERY", "16C", "U12345", TODAY));
    let listed = ord(&publisher).practices().await.unwrap();
    assert_eq!(listed.len(), 6, "A00004 stood on no page the first time");
    assert_eq!(publisher.asked().len(), 4);
}

#[tokio::test]
async fn a_list_that_never_stands_still_is_given_up() {
    let publisher = publisher(6).await;
    publisher.world().limit = 3;
    for (asked, code) in [(1, "A00001"), (3, "A00002"), (5, "A00003")] {
        let day = date(2031, 6, 2 + asked as i8);
        publisher.world().changes.insert(asked, practice(code, "SURGERY", "16C", "U12345", day));
    }
    assert_eq!(ord(&publisher).practices().await.unwrap_err().reason(), "DIRECTORY_KEEPS_CHANGING");
}

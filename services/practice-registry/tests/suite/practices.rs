//! GetPractice, BatchGetPractices, ListPractices.

use jiff::SignedDuration;
use proto::registry::v1 as wire;
use proto::registry::v1::DirectoryFormat::{ListSizes, Map};
use tonic::Code;

use crate::bench::{Bench, PRACTICE, START, everywhere, header, moment, reason, refusal};
use crate::files;

fn get(name: &str) -> wire::GetPracticeRequest {
    wire::GetPracticeRequest { name: name.to_owned(), ..Default::default() }
}

fn list(filter: &str) -> wire::ListPracticesRequest {
    wire::ListPracticesRequest { filter: filter.to_owned(), ..Default::default() }
}

async fn codes(bench: &mut Bench, filter: &str) -> Vec<String> {
    let reply = bench.client.list_practices(list(filter)).await.unwrap().into_inner();
    assert_eq!(usize::try_from(reply.total_count).unwrap(), reply.practices.len());
    reply.practices.into_iter().map(|practice| practice.ods_code).collect()
}

#[tokio::test]
async fn a_practice_shows_what_the_directory_says_of_it() {
    everywhere(async |bench| {
        bench.import_map().await;
        let practice = bench.practice().await;
        assert_eq!(
            practice,
            wire::Practice {
                name: PRACTICE.to_owned(),
                ods_code: "A81001".to_owned(),
                display_name: "HILL SURGERY".to_owned(),
                postcode: "ZZ1 1ZZ".to_owned(),
                status: wire::PracticeStatus::Active.into(),
                supplier: "TPP".to_owned(),
                pcn_code: "U12345".to_owned(),
                sub_icb_code: "16C".to_owned(),
                icb_code: "QHM".to_owned(),
                region_code: "Y63".to_owned(),
                access: vec![wire::Access {
                    capability: "capabilities/prospective-records".to_owned(),
                    state: wire::ObservedState::Unknown.into(),
                    ..Default::default()
                }],
                create_time: moment(START),
                update_time: moment(START),
                etag: practice.etag.clone(),
                position: practice.position,
                ..Default::default()
            }
        );
        assert!(practice.position > 0 && !practice.etag.is_empty());
    })
    .await;
}

/// GetPractice is answered from encoded bytes, BatchGetPractices is not.
#[tokio::test]
async fn a_practice_is_told_alike_alone_and_in_a_batch_after_each_change() {
    everywhere(async |bench| {
        bench.import_map().await;
        for change in 0..3 {
            if change > 0 {
                bench.pause(&format!("pause-{change}")).await;
            }
            let alone = bench.practice().await;
            assert_eq!(alone.pauses.len(), change);
            let names = vec![PRACTICE.to_owned()];
            let batch = wire::BatchGetPracticesRequest { names, ..Default::default() };
            let batch = bench.client.batch_get_practices(batch).await.unwrap().into_inner();
            assert_eq!(batch.practices, [alone]);
        }
    })
    .await;
}

#[tokio::test]
async fn an_unknown_practice_is_not_found_and_a_malformed_name_is_refused() {
    let mut bench = Bench::with_practices().await;
    let (code, explained) = refusal(bench.client.get_practice(get("practices/Z99999")).await);
    assert_eq!((code, explained.reason.as_str()), (Code::NotFound, "PRACTICE_NOT_FOUND"));
    assert_eq!(explained.metadata["practice"], "practices/Z99999");
    for (name, expected) in [("A81001", "RESOURCE_NAME_INVALID"), ("practices/a81001", "ODS_CODE_INVALID")] {
        let (code, explained) = refusal(bench.client.get_practice(get(name)).await);
        assert_eq!((code, explained.reason.as_str()), (Code::InvalidArgument, expected));
        assert_eq!(explained.fields[0].0, "name");
    }
}

#[tokio::test]
async fn a_batch_says_which_names_are_unknown() {
    let mut bench = Bench::with_practices().await;
    let names = ["practices/B82001", "practices/Z99999", PRACTICE].map(str::to_owned).to_vec();
    let request = wire::BatchGetPracticesRequest { names, ..Default::default() };
    let reply = bench.client.batch_get_practices(request).await.unwrap().into_inner();
    let codes: Vec<_> = reply.practices.iter().map(|practice| practice.ods_code.as_str()).collect();
    assert_eq!((codes, reply.unknown_names), (vec!["B82001", "A81001"], vec!["practices/Z99999".to_owned()]));

    let names = vec![PRACTICE.to_owned(); 1_001];
    let too_many = wire::BatchGetPracticesRequest { names, ..Default::default() };
    let refused = reason(bench.client.batch_get_practices(too_many).await);
    assert_eq!(refused, (Code::InvalidArgument, "TOO_MANY_ITEMS".to_owned()));
}

#[tokio::test]
async fn a_filter_selects_by_what_the_practice_shows() {
    let mut bench = Bench::with_practices().await;
    bench.import(header(ListSizes, "lists"), files::lists().as_bytes()).await.unwrap();
    bench.switch_on().await;
    assert_eq!(codes(&mut bench, "").await, ["A81001", "A81002", "A81003", "B82001"]);
    assert_eq!(codes(&mut bench, r#"practice.supplier == "TPP" && practice.list_size < 8000"#).await, ["A81001"]);
    assert_eq!(codes(&mut bench, r#"practice.icb_code in ["QE1", "QZZ"]"#).await, ["B82001"]);
    assert_eq!(codes(&mut bench, "practice.live").await, ["A81001"]);
    assert_eq!(codes(&mut bench, "!has(practice.list_size)").await, ["B82001"]);
    bench.pause("p").await;
    assert_eq!(codes(&mut bench, "practice.paused").await, ["A81001"]);
}

#[tokio::test]
async fn a_filter_that_is_wrong_says_at_which_column() {
    let mut bench = Bench::with_practices().await;
    for (filter, column) in [("practice.suplier == \"TPP\"", "10"), ("true && practice.list_size == \"x\"", "31")] {
        let (code, explained) = refusal(bench.client.list_practices(list(filter)).await);
        assert_eq!((code, explained.reason.as_str()), (Code::InvalidArgument, "FILTER_INVALID"));
        assert_eq!(explained.metadata["column"], column, "{explained:?}");
    }
}

#[tokio::test]
async fn pages_go_through_all_and_a_token_of_another_list_is_refused() {
    let mut bench = Bench::with_practices().await;
    let mut request = wire::ListPracticesRequest { page_size: 3, ..list("") };
    let first = bench.client.list_practices(request.clone()).await.unwrap().into_inner();
    assert_eq!((first.practices.len(), first.total_count), (3, 4));
    request.page_token = first.next_page_token;
    let second = bench.client.list_practices(request.clone()).await.unwrap().into_inner();
    let codes: Vec<_> = second.practices.iter().map(|practice| practice.ods_code.as_str()).collect();
    assert_eq!((codes, second.next_page_token.as_str(), second.total_count), (vec!["B82001"], "", 4));

    request.filter = "practice.live".to_owned();
    let refused = reason(bench.client.list_practices(request.clone()).await);
    assert_eq!(refused, (Code::InvalidArgument, "PAGE_TOKEN_INVALID".to_owned()));
    let negative = wire::ListPracticesRequest { page_size: -1, ..list("") };
    let refused = reason(bench.client.list_practices(negative).await);
    assert_eq!(refused, (Code::InvalidArgument, "PAGE_SIZE_NEGATIVE".to_owned()));
}

#[tokio::test]
async fn a_read_of_the_past_shows_what_was_true_and_what_was_believed() {
    let mut bench = Bench::with_practices().await;
    bench.wait(SignedDuration::from_hours(48));
    let renamed = files::map_of(&[files::map_row("A81001", "NEW SURGERY", "TPP")]);
    let effective = wire::ImportHeader { effective_date: "2031-06-03".to_owned(), ..header(Map, "renamed") };
    bench.import(effective, renamed.as_bytes()).await.unwrap();

    let mut name = async |effective_at: &str, known_at: &str| {
        let request = wire::GetPracticeRequest {
            effective_at: moment(effective_at),
            known_at: (!known_at.is_empty()).then(|| moment(known_at)).flatten(),
            ..get(PRACTICE)
        };
        let reply = bench.client.get_practice(request).await;
        reply.map(|reply| reply.into_inner().practice.unwrap().display_name).map_err(|status| status.code())
    };
    assert_eq!(name("2031-06-02T12:00:00Z", "").await.unwrap(), "HILL SURGERY");
    assert_eq!(name("2031-06-03T12:00:00Z", "").await.unwrap(), "NEW SURGERY");
    assert_eq!(name("2031-06-03T12:00:00Z", "2031-06-03T12:00:00Z").await.unwrap(), "HILL SURGERY", "as believed then");
    assert_eq!(name("2031-05-01T12:00:00Z", "").await, Err(Code::NotFound));
    assert_eq!(name("2031-06-30T12:00:00Z", "").await, Err(Code::InvalidArgument), "the future is not known");
}

#[tokio::test]
async fn a_read_waits_for_its_position() {
    let mut bench = Bench::with_practices().await;
    let (mut writer, reached) = (bench.client.clone(), bench.registry.engine().published().position);
    let request = wire::GetPracticeRequest { min_position: reached + 1, ..get(PRACTICE) };
    let read = bench.client.get_practice(request);
    let write = writer.pause_practice(crate::bench::pause("later"));
    let (read, write) = tokio::join!(read, write);
    let practice = read.unwrap().into_inner().practice.unwrap();
    assert_eq!((practice.position, practice.pauses.len()), (write.unwrap().into_inner().position, 1));
}

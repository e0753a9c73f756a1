//! What is published by sub-ICB, PCN, wave and app, against a naive program that knows everybody.

use std::collections::{BTreeMap, BTreeSet};

use api::Explained;
use database::testing::TestStore;
use proto::statistics::v1 as wire;

use crate::files::rows;
use crate::publications::{announce, correction, create, creation};
use crate::registry::{observed, practice};
use crate::world::{Process, World, moment, view};

const RELEASE: &str = "2031-03-13T09:30:00Z";
const PRACTICES: u64 = 24;

fn code(number: u64) -> String {
    format!("A81{number:03}")
}

/// ICB, sub-ICB, PCN and supplier. The last two practices are in no network.
fn place(number: u64) -> [String; 4] {
    let (icb, sub_icbs) = if number < PRACTICES / 2 { ("QHM", ["16C", "84H"]) } else { ("QE1", ["00Q", "00R"]) };
    let sub_icb = sub_icbs[(number / 6 % 2) as usize];
    let pcn = if number < PRACTICES - 2 { format!("U{:05}", number / 3) } else { String::new() };
    [icb.to_owned(), sub_icb.to_owned(), pcn, ["EMIS", "TPP"][(number % 2) as usize].to_owned()]
}

/// Practices are of three waves, but the first two.
fn wave_of(number: u64) -> Option<String> {
    (number >= 2).then(|| format!("programmes/opening/waves/{}", number % 3 + 9))
}

pub(crate) fn wave<const N: usize>(number: u32, practices: [&str; N]) -> wire::PracticeSet {
    let practices = practices.iter().map(|code| format!("practices/{code}")).collect();
    wire::PracticeSet { name: format!("programmes/opening/waves/{number}"), practices }
}

fn waves() -> Vec<wire::PracticeSet> {
    let mut waves: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for number in 0..PRACTICES {
        if let Some(wave) = wave_of(number) {
            waves.entry(wave).or_default().push(format!("practices/{}", code(number)));
        }
    }
    waves.into_iter().map(|(name, practices)| wire::PracticeSet { name, practices }).collect()
}

/// With all that can be asked for.
fn whole() -> wire::CreatePublicationRequest {
    let breakdowns = vec![wire::AreaKind::SubIcb.into(), wire::AreaKind::Pcn.into()];
    wire::CreatePublicationRequest { waves: waves(), breakdowns, ..creation("2031-02") }
}

fn accounts(number: u64) -> u64 {
    210 + 89 * (number * number % 31)
}

/// Who viewed, and by which app: some people at two practices that lie side by side, a few by a rare app.
fn views() -> Vec<(u64, u64, &'static str)> {
    let mut views = Vec::new();
    for number in 0..PRACTICES {
        for person in 0..12 + number * 7 % 23 {
            let elsewhere = person.is_multiple_of(4) && number % 3 != 2;
            let who = number * 1_000 + person;
            let app = match who % 1_009 {
                0..=2 if number < 2 => "rare-app",
                other => ["nhs-app", "nhs-app", "other-app"][(other % 3) as usize],
            };
            views.push((number, who, app));
            if elsewhere {
                views.push((number + 1, who, "nhs-app"));
            }
        }
    }
    views
}

/// What the naive program counts, by kind of area and area: of each practice's numbers and people.
fn areas_of(number: u64) -> Vec<(&'static str, String)> {
    let [_, sub_icb, pcn, _] = place(number);
    let mut areas = vec![("sub-icb", format!("sub-icbs/{sub_icb}"))];
    areas.extend((!pcn.is_empty()).then(|| ("pcn", format!("pcns/{pcn}"))));
    areas.extend(wave_of(number).map(|wave| ("wave", wave)));
    areas
}

/// As rule 13 shows a count, where nothing else is withheld.
fn shown(count: u64) -> String {
    match count {
        0 => "0".to_owned(),
        1..8 => "*".to_owned(),
        _ => ((count + 2) / 5 * 5).to_string(),
    }
}

async fn world_of(world: &World) -> Process {
    let process = world.start().await;
    let told = (0..PRACTICES).map(|number| {
        let [icb, sub_icb, pcn, supplier] = place(number);
        let mut place = practice(&code(number), &icb, &supplier, 9_000, moment("2031-01-01T10:00:00Z"));
        place.sub_icb_code = sub_icb;
        place.pcn_code = pcn;
        observed(place, true, moment("2031-01-20T08:00:00Z"))
    });
    let position = world.registry.tell(told.collect::<Vec<_>>());
    process.summary(wire::GetSummaryRequest { min_position: position, ..Default::default() }).await;
    submit(&process, "first", 0).await;
    let events = views().into_iter().map(|(number, person, app)| wire::AccessEvent {
        channel: app.to_owned(),
        ..view(&code(number), "2031-02-10T09:00:00Z", person)
    });
    let (mut producer, _) = process.produce("gateway", 1).await;
    let (early, late): (Vec<_>, Vec<_>) = events.enumerate().partition(|(place, _)| place.is_multiple_of(2));
    let first_sequence = early.len() as u64 + 1;
    producer.record(1, early.into_iter().map(|(_, event)| event).collect()).await.unwrap();
    world.pass_checkpoint().await;
    producer.record(first_sequence, late.into_iter().map(|(_, event)| event).collect()).await.unwrap();
    announce(&process, "2031-02", RELEASE).await.unwrap();
    process
}

/// Returns of all practices, with so many accounts more.
async fn submit(process: &Process, request_id: &str, more: u64) {
    for supplier in ["EMIS", "TPP"] {
        let returns =
            (0..PRACTICES).filter(|number| place(*number)[3] == supplier).map(|number| wire::PracticeReturn {
                practice: format!("practices/{}", code(number)),
                accounts_with_access: (accounts(number) + more) as i64,
                ..Default::default()
            });
        let request = wire::SubmitReturnsRequest {
            supplier: format!("suppliers/{supplier}"),
            period_start_date: "2031-02-01".to_owned(),
            period_end_date: "2031-02-28".to_owned(),
            returns: returns.collect(),
            request_id: format!("{request_id}-{supplier}"),
            ..Default::default()
        };
        process.ingest().submit_returns(request).await.expect("returns are accepted");
    }
}

type Rows = Vec<BTreeMap<String, String>>;

/// Holds the rows of these kinds against the naive program: each says what it counts, or withholds it.
fn check(rows: &Rows, definition: &str, counted: &BTreeMap<(&'static str, String), u64>) {
    for kind in ["sub-icb", "pcn", "wave"] {
        let of_kind: Vec<_> =
            rows.iter().filter(|row| row["area_kind"] == kind && row["definition"] == definition).collect();
        let told = of_kind.iter().filter(|row| row["value"] != "*").count();
        assert!(told > 1, "of {kind} {definition} nearly nothing is told: {of_kind:?}");
        for row in of_kind {
            let count = counted[&(kind, row["area"].clone())];
            assert!([shown(count), "*".to_owned()].contains(&row["value"]), "{count}: {row:?}");
        }
    }
}

#[tokio::test]
async fn rows_of_sub_icbs_pcns_waves_and_apps_are_a_naive_programs_or_withheld() {
    for world in World::each().await {
        let process = world_of(&world).await;
        let request = whole();
        let created = create(&process, request).await.unwrap().publication.unwrap();
        let told: Vec<(&str, i64)> =
            created.waves.iter().map(|wave| (wave.name.as_str(), wave.practices_count)).collect();
        let name = |number: u32| format!("programmes/opening/waves/{number}");
        assert_eq!(told, [(&*name(9), 7), (&*name(10), 7), (&*name(11), 8)], "in the order of their numbers");

        let rows = rows(&process.publications(), "2031-02", 1).await;
        let (mut with_access, mut people) = (BTreeMap::new(), BTreeMap::<_, BTreeSet<u64>>::new());
        for number in 0..PRACTICES {
            for area in areas_of(number) {
                *with_access.entry(area).or_insert(0) += accounts(number);
            }
        }
        for (number, person, _) in views() {
            for area in areas_of(number) {
                people.entry(area).or_default().insert(person);
            }
        }
        check(&rows, "definitions/patients-with-access", &with_access);
        let people = people.into_iter().map(|(area, people)| (area, people.len() as u64)).collect();
        check(&rows, "definitions/viewers", &people);
        let live = |area: &str| {
            let row = rows.iter().find(|row| row["area"] == area && row["definition"] == "definitions/practices-live");
            let row = row.expect("counts of practices are exact");
            (row["value"].clone(), row["denominator_value"].clone(), row["within"].clone())
        };
        let expected = |within: &str| ("3".to_owned(), "3".to_owned(), within.to_owned());
        assert_eq!(live("pcns/U00001"), expected("sub-icbs/16C"));
        assert_eq!(live(&name(9)).2, "england");

        let mut by_app: BTreeMap<&str, u64> = BTreeMap::new();
        views().into_iter().for_each(|(_, _, app)| *by_app.entry(app).or_default() += 1);
        assert!((1..8).contains(&by_app["rare-app"]), "{by_app:?}");
        let apps: BTreeMap<&str, &str> = rows
            .iter()
            .filter(|row| row["area_kind"] == "channel")
            .map(|row| (row["area"].as_str(), row["value"].as_str()))
            .collect();
        assert_eq!(apps["channels/rare-app"], "*");
        assert_eq!(apps.len(), 3);
        for (app, count) in by_app {
            let value = apps[&*format!("channels/{app}")];
            assert!(value == "*" || value == shown(count), "{app} {count}: {value}");
        }
        process.stop().await;
    }
}

#[tokio::test]
async fn a_correction_has_the_waves_the_people_and_the_apps_of_the_first_issue() {
    let world = World::on(TestStore::sqlite());
    let process = world_of(&world).await;
    create(&process, whole()).await.unwrap();
    world.clock.set(moment("2031-03-20T09:30:00Z"));
    let (mut late, durable) = process.produce("late", 1).await;
    assert_eq!(durable, 0);
    let event = |person: u64| wire::AccessEvent {
        channel: "late-app".to_owned(),
        ..view(&code(5), "2031-02-11T09:00:00Z", 90_000 + person)
    };
    late.record(1, (0..40).map(event).collect()).await.unwrap();
    submit(&process, "second", 101).await;
    let second = process.publications().reissue_publication(correction("2031-02", 1)).await.unwrap().into_inner();
    let second = second.publication.unwrap();
    assert_eq!(second.waves.len(), 3);
    let first = rows(&process.publications(), "2031-02", 1).await;
    let second = rows(&process.publications(), "2031-02", 2).await;
    let of = |rows: &Rows, kind: &str, definition: &str| -> BTreeMap<String, (String, String)> {
        let rows = rows.iter().filter(|row| row["area_kind"] == kind && row["definition"] == definition);
        rows.map(|row| (row["area"].clone(), (row["value"].clone(), row["known_at"].clone()))).collect()
    };
    for (kind, definition) in [("channel", "definitions/record-views"), ("wave", "definitions/viewers")] {
        assert_eq!(of(&first, kind, definition), of(&second, kind, definition));
    }
    let changed = |kind| {
        of(&first, kind, "definitions/patients-with-access") != of(&second, kind, "definitions/patients-with-access")
    };
    assert!(changed("wave"), "returns are corrected");
    process.stop().await;
}

#[tokio::test]
async fn sub_icbs_and_networks_have_rows_only_where_they_are_asked_for() {
    let world = World::on(TestStore::sqlite());
    let process = world_of(&world).await;
    create(&process, creation("2031-02")).await.unwrap();
    world.clock.set(moment("2031-03-20T09:30:00Z"));
    submit(&process, "second", 101).await;
    process.publications().reissue_publication(correction("2031-02", 1)).await.unwrap();
    for issue in [1, 2] {
        let rows = rows(&process.publications(), "2031-02", issue).await;
        let kinds: BTreeSet<&str> = rows.iter().map(|row| row["area_kind"].as_str()).collect();
        assert_eq!(kinds, ["england", "region", "icb", "supplier", "practice", "channel"].into(), "issue {issue}");
    }
    let region =
        wire::CreatePublicationRequest { breakdowns: vec![wire::AreaKind::Region.into()], ..creation("2031-01") };
    let refused = Explained::from(&create(&process, region).await.unwrap_err());
    assert_eq!((refused.reason.as_str(), refused.metadata["field"].as_str()), ("BREAKDOWN_INVALID", "breakdowns[0]"));
    process.stop().await;
}

#[tokio::test]
async fn waves_that_are_none_or_share_a_practice_are_refused_with_the_field() {
    let world = World::on(TestStore::sqlite());
    let process = world_of(&world).await;
    let overlapping = vec![wave(2, ["A81003", "A81004"]), wave(1, ["A81001", "A81003"])];
    let mut misnamed = vec![wave(1, ["A81001"])];
    misnamed[0].name = "wave 1".to_owned();
    let mut nobody = vec![wave(1, ["A81001"])];
    nobody[0].practices.clear();
    for (waves, reason, field) in [
        (overlapping, "PRACTICE_DUPLICATE", "waves[0].practices"),
        (misnamed, "WAVE_INVALID", "waves[0].name"),
        (nobody, "FIELD_REQUIRED", "waves[0].practices"),
    ] {
        let request = wire::CreatePublicationRequest { waves, ..creation("2031-02") };
        let refused = Explained::from(&create(&process, request).await.unwrap_err());
        assert_eq!((refused.reason.as_str(), refused.metadata["field"].as_str()), (reason, field));
    }
    process.stop().await;
}

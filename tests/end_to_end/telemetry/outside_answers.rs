//! Rule 16, where others answer us and where documents are read: valid NHS numbers in what the directory's publisher and GOV.UK
//! Notify say, and in any part of a programme's document, come out nowhere. Of suppliers see `outside_suppliers`, of
//! hooks `outside_hooks`.

use std::fs;
use std::time::{Duration, Instant};

use courier::testing::{NotifyFault, NotifyServer};
use jiff::Span;
use ods_api::testing::{Fault, Publisher, practice};

use super::personal_data::{NUMBER, SPACED, nothing_tells, tells};
use crate::harness::installation::{Installation, PATIENCE, TODAY, Wanted, programme_of_today, text};
use crate::harness::otlp::Collector;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_16_an_nhs_number_in_what_the_directorys_publisher_answers_comes_out_nowhere() {
    let collector = Collector::start().await;
    let publisher = Publisher::open(TODAY).await;
    let url = publisher.ord().to_string();
    let arguments =
        ["--ods-sync", "ord", "--ods-url", &url, "--ods-every", "never", "--ods-requests-per-second", "500"];
    let environment = collector.environment_of_everything();
    let wanted = Wanted { practices_count: 4, environment, metrics: true, arguments: &arguments, ..Wanted::default() };
    let installation = Installation::all_in_one(&wanted);
    installation.import();
    let seeds = [NUMBER, &format!("THE {SPACED} SURGERY"), "THE SURGERY", "THE OTHER SURGERY"];
    publisher.knows(seeds.iter().enumerate().map(|(index, name)| {
        let (sub_icb, pcn) = if index == 2 { (NUMBER, "U00001") } else { ("01A", NUMBER) };
        practice(&installation.england.practice(index), name, sub_icb, pcn, TODAY)
    }));
    let operator = installation.accessctl("olga");
    for fault in [
        Fault::Status(500, vec![("retry-after", NUMBER)], r#"{"errorCode":500,"errorText":"of 999 000 0069"}"#),
        Fault::Status(404, vec![], r#"{"errorCode":404,"errorText":"9990000069"}"#),
        Fault::Status(400, vec![], "9990000069"),
    ] {
        // First of the list, then of an organisation.
        for before in [0, 1] {
            publisher.world().faults.extend(vec![Fault::Nothing; before]);
            publisher.world().faults.push_back(fault.clone());
            let said = operator.run(&["directory", "sync", "--wait"]);
            assert!(!tells(said.stdout.as_bytes()) && !tells(said.stderr.as_bytes()), "{fault:?}: {said:?}");
            assert!(publisher.world().faults.is_empty(), "{fault:?} was met: {said:?}");
        }
    }
    let said = operator.run(&["directory", "sync", "--wait"]);
    assert!(!tells(said.stdout.as_bytes()) && !tells(said.stderr.as_bytes()), "{said:?}");
    let listed = operator.say(&["practice", "list"]);
    assert!(!tells(listed.as_bytes()), "{listed}");
    assert!(publisher.asked().len() > 10, "{:?}", publisher.asked());
    nothing_tells(installation, &collector).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_16_an_nhs_number_in_what_notify_answers_comes_out_nowhere() {
    let collector = Collector::start().await;
    let notify = NotifyServer::open().await;
    // Its templates are of a type that is none.
    let other = "11111111-1111-4111-8111-111111111111";
    notify.world().templates.insert(other.to_owned(), NUMBER.to_owned());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let key_file = folder.path().join("notify-key");
    fs::write(&key_file, NotifyServer::key()).expect("a temporary folder can be written to");
    let (url, key_file) = (notify.base().to_string(), text(key_file));
    let (first, moved) = (format!("email-first={}", NotifyServer::EMAIL), format!("email-moved={other}"));
    let arguments = [
        &["--notices-email", "notify", "--notify-url", &url, "--notify-api-key-file", &key_file][..],
        &["--notify-template", &first, "--notify-template", &moved],
    ]
    .concat();
    let environment = collector.environment_of_everything();
    let wanted = Wanted { practices_count: 3, environment, metrics: true, arguments: &arguments, ..Wanted::default() };
    let installation = Installation::all_in_one(&wanted);
    installation.import();
    let operator = installation.accessctl("olga");
    for index in 0..3 {
        let address = folder.path().join("address");
        fs::write(&address, format!("manager-{index}@hill.example")).expect("a temporary folder can be written to");
        let practice = installation.england.practice(index);
        let set = ["practice", "contact", "set", &practice, "practice-manager", "email", "--address-file"];
        operator.say(&[&set[..], &[&text(address), "--keep-until", "2031-12-01"]].concat());
    }
    let refusal = |status, headers| NotifyFault::Status(status, SPACED, headers);
    notify.world().faults.extend([
        refusal(400, vec![]),
        refusal(400, vec![("retry-after", NUMBER)]),
        refusal(403, vec![]),
    ]);
    let from = TODAY.checked_add(Span::new().days(14)).expect("a day in two weeks");
    let document = programme_of_today("").replace("notice_working_days: 0", "notice_working_days: 3");
    let document = document.replace(&format!("from: {TODAY}"), &format!("from: {from}"));
    let document = installation.programme("summer.yaml", &document);
    installation.accessctl("leo").say(&["programme", "apply", &document]);
    installation.accessctl("ada").say(&["programme", "approve", "summer-opening"]);

    let begun = Instant::now();
    // With the templates as they are nothing is sent, and it is said why.
    while notify.world().asked.len() < 2 {
        assert!(begun.elapsed() < PATIENCE, "{:?}", notify.world().asked);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    notify.world().templates.insert(other.to_owned(), "email".to_owned());
    // A carrier that is not fit rests for long; who starts anew asks anew.
    let (ended, installation) = installation.restarted(&wanted);
    assert!(ended.status.success() && !tells(ended.said().as_bytes()), "{}", ended.said());
    let operator = installation.accessctl("olga");
    let begun = Instant::now();
    while !notify.world().faults.is_empty() {
        assert!(begun.elapsed() < PATIENCE, "{:?}", notify.world().asked);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let practice = installation.england.practice(0);
    for words in
        [&["wave", "notices", "programmes/summer-opening/waves/1", "--list"][..], &["practice", "explain", &practice]]
    {
        let said = operator.run(words);
        assert!(!tells(said.stdout.as_bytes()) && !tells(said.stderr.as_bytes()), "{said:?}");
    }
    nothing_tells(installation, &collector).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_16_an_nhs_number_in_any_part_of_a_programmes_document_comes_out_nowhere() {
    let collector = Collector::start().await;
    let environment = collector.environment_of_everything();
    let wanted = Wanted { practices_count: 3, environment, metrics: true, ..Wanted::default() };
    let installation = Installation::all_in_one(&wanted);
    installation.import();
    let leo = installation.accessctl("leo");
    let sound = programme_of_today("");
    let mut refused = 0;
    for seed in [NUMBER, SPACED] {
        let seeded = sound.lines().enumerate().flat_map(|(at, line)| {
            let (key, value) = line.split_once(':').unwrap_or((line, ""));
            // As the value, within it, beside it in a comment, and in the key's place.
            [
                format!("{key}: {seed}"),
                format!("{key}:{value} of {seed}"),
                format!("{line} # {seed}"),
                format!("{seed}:{value}"),
            ]
            .map(|line| (at, line))
        });
        for (at, line) in seeded {
            let mut lines: Vec<&str> = sound.lines().collect();
            lines[at] = &line;
            let document = installation.programme("seeded.yaml", &lines.join("\n"));
            let said = leo.run(&["programme", "apply", &document]);
            refused += usize::from(said.code != 0);
            assert!(!tells(said.stdout.as_bytes()) && !tells(said.stderr.as_bytes()), "{line}: {said:?}");
        }
    }
    assert!(refused >= 80, "{refused} refused");
    nothing_tells(installation, &collector).await;
}

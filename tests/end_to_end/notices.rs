//! Notices by the real binary: a scheduler killed with -9 in the middle of sending tells everybody once, by GOV.UK Notify and
//! by files; and neither an address nor a key is printed.

use std::fs;
use std::time::{Duration, Instant};

use courier::testing::{NotifyFault, NotifyServer};
use rustix::process::Signal;
use serde_json::Value;

use crate::harness::accessctl::Accessctl;
use crate::harness::england::EnglandFiles;
use crate::harness::installation::{TODAY, clock_offset, text};
use crate::harness::server::Server;

const PRACTICES_COUNT: u32 = 6;

const WAVE: &str = "programmes/summer/waves/1";

/// For a loaded machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// By so much the second scheduler's clock is ahead: after two minutes a carrier is asked what became of a notice.
const LATER_S: i64 = 180;

fn programme() -> String {
    format!(
        "name: summer
title: Summer opening
cohort: practice.list_size > 0
windows:
  - {{days: [monday, tuesday, wednesday, thursday, friday], from: '07:00', to: '19:00'}}
notice_working_days: 3
gate: {{min_success: 0.5, min_sample: 1, soak: 1h, timeout: 24h}}
suppliers:
  EMIS: {{mode: push}}
waves:
  - {{wave: 1, title: The first, from: {}, until: {}}}
",
        TODAY.checked_add(jiff::Span::new().days(14)).expect("a day in two weeks"),
        TODAY.checked_add(jiff::Span::new().days(28)).expect("a day in four weeks"),
    )
}

fn dispatches(person: &Accessctl) -> Vec<Value> {
    let listed = person.json(&["wave", "notices", WAVE, "--list"]);
    listed["dispatches"].as_array().cloned().unwrap_or_default()
}

fn until(person: &Accessctl, done: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let dispatches = dispatches(person);
        if done(&dispatches) {
            return dispatches;
        }
        assert!(begun.elapsed() < PATIENCE, "{dispatches:#?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scheduler_killed_while_it_sends_tells_every_practice_once() {
    let notify = NotifyServer::open().await;
    let england = EnglandFiles::of_emis(PRACTICES_COUNT, TODAY);
    let (data, letters) = (england.folder().join("data"), england.folder().join("letters"));
    fs::create_dir(&letters).expect("a temporary folder can be written to");
    let key_file = england.folder().join("notify-key");
    fs::write(&key_file, NotifyServer::key()).expect("a temporary folder can be written to");
    let (data, folder, key_file) = (text(data), text(letters.clone()), text(key_file));
    let (url, clock_offset_s) = (notify.base().to_string(), clock_offset().as_secs());
    let template = |text: &str| format!("email-{text}={}", NotifyServer::EMAIL);
    let (first, moved) = (template("first"), template("moved"));
    let start = |clock_offset_s: i64| {
        let clock_offset_s = clock_offset_s.to_string();
        let by_notify = ["--notices-email", "notify", "--notify-url", &url, "--notify-api-key-file", &key_file];
        let templates = ["--notify-template", &first, "--notify-template", &moved];
        let by_files = ["--notices-post", "files", "--notices-folder", &folder];
        let ground = ["--data", &data, "--clock-offset-s", &clock_offset_s, "--replica", "one"];
        Server::start("all", &[&by_notify[..], &templates, &by_files, &ground].concat())
    };
    let server = start(clock_offset_s);
    let operator = Accessctl::all_in_one(&server, "olga");
    operator.say(&["import", "map", &text(england.map())]);
    operator.say(&["import", "list-sizes", &text(england.list_sizes())]);
    operator.say(&["import", "bank-holidays", &text(england.bank_holidays())]);
    for index in 0..PRACTICES_COUNT as usize {
        // The last one has a postal address only, and one none at all.
        let practice = england.practice(index);
        let (channel, address) = match index {
            4 => ("post", "Hill Surgery\n1 Hill Road\nZZ1 1ZZ".to_owned()),
            5 => continue,
            _ => ("email", format!("manager-{index}@hill.example")),
        };
        let file = england.folder().join("address");
        fs::write(&file, address).expect("a temporary folder can be written to");
        let set = ["practice", "contact", "set", &practice, "practice-manager", channel, "--address-file", &text(file)];
        operator.say(&[&set[..], &["--keep-until", "2031-12-01"]].concat());
    }
    // The second is taken, and its answer never comes: the scheduler is killed while it waits for it.
    notify.world().faults.extend([NotifyFault::Nothing, NotifyFault::Silence(Duration::from_secs(25))]);
    let document = england.folder().join("summer.yaml");
    fs::write(&document, programme()).expect("a temporary folder can be written to");
    operator.as_account("amira").say(&["programme", "apply", &text(document)]);
    operator.as_account("ben").say(&["programme", "approve", "summer"]);
    let begun = Instant::now();
    while notify.recipients().len() < 4 {
        assert!(begun.elapsed() < PATIENCE, "{:?}", notify.recipients());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.signal(Signal::KILL);
    drop(server);

    let server = start(clock_offset_s + LATER_S);
    let operator = Accessctl::all_in_one(&server, "olga");
    for index in 0..4 {
        notify.world().statuses.insert(format!("manager-{index}@hill.example"), "delivered");
    }
    let state = |one: &Value| one["state"].as_str().unwrap_or_default().to_owned();
    let settled = |one: &Value| ["DISPATCH_STATE_GIVEN", "DISPATCH_STATE_HANDED_OVER"].contains(&state(one).as_str());
    let sent = until(&operator, |sent| sent.len() == 5 && sent.iter().all(settled));
    assert_eq!(sent.iter().filter(|one| state(one) == "DISPATCH_STATE_GIVEN").count(), 4);
    let mut told = notify.recipients();
    told.sort();
    assert_eq!(told, (0..4).map(|index| format!("manager-{index}@hill.example")).collect::<Vec<_>>(), "each once");
    assert_eq!(fs::read_dir(&letters).expect("it is there").count(), 1);

    let status = operator.say(&["wave", "notices", WAVE]);
    assert!(status.contains("4 of 6 practices"), "{status}");
    assert!(status.contains("NOTICE_HAS_NO_CONTACT of 1") && status.contains("NOTICE_HANDED_OVER of 1"), "{status}");
    let explained = operator.say(&["practice", "explain", &england.practice(5)]);
    assert!(explained.contains("has no contact"), "{explained}");
    let failed = operator.say(&["wave", "notices", WAVE, "--list", "--state", "failed"]);
    assert!(failed.contains("none"), "{failed}");
    operator.say(&["wave", "returned", WAVE, &england.practice(0)]);
    let failed = operator.say(&["wave", "notices", WAVE, "--list", "--state", "failed"]);
    assert!(failed.contains("WRONG_ADDRESS"), "{failed}");
    let ended = server.stop();
    assert!(ended.status.success(), "{}", ended.said());
    let printed = format!("{}{}{status}{failed}", ended.stdout, ended.stderr);
    assert!(!printed.contains("hill.example") && !printed.contains("3d844edf"), "neither address nor key: {printed}");
}

#[test]
fn what_cannot_carry_notices_is_refused_before_anything_is_served() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let check = |arguments: &[&str]| {
        let mut command = crate::harness::binary::citizens_access();
        command.args(["check-config", "--insecure"]).args(arguments);
        command.output().expect("the binary starts")
    };
    let refused = |arguments: &[&str]| {
        let ended = check(arguments);
        assert!(!ended.status.success());
        String::from_utf8_lossy(&ended.stderr).into_owned()
    };
    for (arguments, said) in [
        (&["--notices-email", "notify"][..], "wants a key"),
        (&["--notices-email", "notify", "--notify-api-key-file", "/nowhere/key"], "/nowhere/key cannot be read"),
        (&["--notices-post", "files"], "--notices-folder"),
        (&["--notices-post", "files", "--notices-folder", "/nowhere"], "/nowhere is no folder"),
        (&["--notices-email", "smtp"], "--smtp-url"),
        (&["--notices-email", "smtp", "--smtp-url", "smtps://me:s3cret@mail.example.org"], "holds a user"),
        (&["registry", "--notices-email", "smtp"], "sent by the scheduler"),
    ] {
        let told = refused(arguments);
        assert!(told.contains(said) && !told.contains("s3cret"), "{arguments:?}: {told}");
    }
    let key_file = text(folder.path().join("key"));
    fs::write(&key_file, "no-key-of-notifys").expect("a temporary folder can be written to");
    let by_notify = ["--notices-email", "notify", "--notify-api-key-file", &key_file];
    assert!(refused(&by_notify).contains("no key of GOV.UK Notify's"));
    fs::write(&key_file, NotifyServer::key()).expect("a temporary folder can be written to");
    assert!(refused(&by_notify).contains("--notify-template email-first"));
}

//! An older copy of the registry's database is restored under a scheduler and statistics that run (rule 17).
//!
//! What it lacks is a practice's pause, so whoever went on from it would switch that practice on.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use database::Store;
use serde_json::Value;
use supplier_simulator::read_log;

use crate::harness::accessctl::Accessctl;
use crate::harness::england::EnglandFiles;
use crate::harness::installation::{PATIENCE, TODAY, clock_offset, programme_of_today, text, until_live};
use crate::harness::journals;
use crate::harness::running::Running;
use crate::harness::server::Server;
use crate::harness::supplier::SupplierServer;

/// To see a server that refuses to start end by itself.
const REFUSAL_PATIENCE: Duration = Duration::from_secs(60);

/// Asks again until the answer is there. Each question is a process, so this is no busy loop.
fn until_said<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE * 2;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "never seen: {what}");
    }
}

fn rewound_hold(person: &Accessctl) -> Option<Value> {
    let holds = person.json(&["hold", "list"]);
    let holds = holds["holds"].as_array().expect("holds").clone();
    holds.into_iter().find(|hold| hold["reason_code"] == "JOURNAL_REWOUND")
}

/// A registry on SQLite whose files the test moves, always at the same address.
struct Registry {
    data: String,
    offset: String,
    address: String,
}

impl Registry {
    fn arguments(&self) -> [&str; 4] {
        ["--data", &self.data, "--clock-offset-s", &self.offset]
    }

    fn start(&self) -> Server {
        Server::start_at("registry", &self.address, &self.arguments())
    }

    fn file(&self) -> String {
        text(Path::new(&self.data).join("registry.db"))
    }

    /// How many records its journal has; it must have been stopped.
    async fn records_count(&self) -> usize {
        journals::read(&Store::sqlite(&self.data), "registry").await.len()
    }
}

fn stopped(server: Server) {
    let ended = server.stop();
    assert!(ended.status.success(), "{}", ended.said());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_17_a_registry_restored_under_its_followers_switches_nobody_on_and_gives_no_figures() {
    let england = EnglandFiles::of_emis(3, TODAY);
    let log = england.folder().join("suppliers.jsonl");
    let supplier = SupplierServer::start(&log, clock_offset()).await;
    let offset = clock_offset().as_secs().to_string();
    let data = |service: &str| text(england.folder().join(service));
    let mut registry = Registry { data: data("registry"), offset: offset.clone(), address: "127.0.0.1:0".to_owned() };
    let server = registry.start();
    registry.address = server.address().to_owned();
    let follower = |service: &str, more: &[&str]| {
        let data = data(service);
        let common = ["--data", data.as_str(), "--clock-offset-s", &offset, "--registry", server.endpoint()];
        Server::start(service, &[&common, more].concat())
    };
    let statistics = follower("statistics", &[]);
    let scheduler = follower("scheduler", &["--supplier", &supplier.option()]);
    let lead = Accessctl::separate(&server, &scheduler, &statistics, "leo");
    let operator = lead.as_account("olga");
    operator.say(&["import", "map", &text(england.map())]);
    operator.say(&["import", "list-sizes", &text(england.list_sizes())]);
    operator.say(&["import", "bank-holidays", &text(england.bank_holidays())]);

    // A backup, and then what it lacks. A hold of another kind keeps the wave shut meanwhile.
    stopped(server);
    assert!(
        !Path::new(&registry.file()).with_extension("db-wal").exists(),
        "one file holds everything once it has stopped"
    );
    let backup = text(england.folder().join("backup.db"));
    fs::copy(registry.file(), &backup).expect("a backup");
    let kept = registry.records_count().await;
    let server = registry.start();
    let paused = england.practice(0);
    let pause = lead.as_account("paula").say(&["practice", "pause", &paused, "--reason", "not ready"]);
    assert!(pause.contains("PREVENTED"), "{pause}");
    let shut = lead.json(&["hold", "place", "--national", "--class", "capacity", "--reason-code", "NOT_YET"]);
    let shut = shut["hold"]["name"].as_str().expect("a hold has a name").to_owned();
    until_said("the scheduler has followed the pause", || {
        lead.say(&["practice", "explain", &paused]).contains("PAUSED").then_some(())
    });
    let file = text(england.folder().join("summer.yaml"));
    fs::write(&file, programme_of_today("")).expect("it can be written");
    lead.say(&["programme", "apply", &file]);
    lead.as_account("ada").say(&["programme", "approve", "summer-opening"]);
    until_said("statistics give figures", || (lead.run(&["stats", "summary"]).code == 0).then_some(()));

    // Restored; the registry itself refuses, by its checkpoint.
    stopped(server);
    let known = registry.records_count().await;
    assert!(known > kept, "the backup lacks records");
    fs::copy(&backup, registry.file()).expect("the backup is restored");
    let refused = Running::start(&mut Server::command("registry", &registry.address, &registry.arguments()));
    let refused = refused.wait(REFUSAL_PATIENCE);
    assert!(!refused.status.success(), "it must not serve");
    let gone = format!("records {} to {known} are gone", kept + 1);
    assert!(refused.stderr.contains("JOURNAL_REWOUND") && refused.stderr.contains(&gone), "{}", refused.said());

    // Somebody moves the checkpoint away, and it serves. The followers know better.
    let checkpoints = Path::new(&registry.data).join("checkpoints");
    fs::rename(checkpoints.join("registry"), checkpoints.join("moved-away")).expect("it is moved");
    let server = registry.start();
    let hold = until_said("a hold JOURNAL_REWOUND", || rewound_hold(&lead));
    assert_eq!(
        (&hold["hold_class"], &hold["state"]),
        (&"HOLD_CLASS_SAFETY".into(), &"HOLD_STATE_ACTIVE".into()),
        "{hold}"
    );
    let tail = lead.say(&["journal", "tail", "scheduler"]);
    assert!(tail.contains(&format!("records {} to {known} of journals/registry are gone", kept + 1)), "{tail}");
    let figures = until_said("statistics refuse", || {
        let said = lead.run(&["stats", "summary"]);
        (said.code != 0).then_some(said)
    });
    assert!(figures.code == 4 && figures.stderr.contains("JOURNAL_REWOUND"), "{figures:?}");

    // Nothing else is in the way now, and still nobody is switched on.
    lead.say(&["hold", "lift", &shut]);
    let other = england.practice(1);
    let why = lead.say(&["practice", "explain", &other]);
    assert!(why.contains(&format!("safety hold {}", hold["name"].as_str().expect("a hold has a name"))), "{why}");
    assert_eq!(read_log(&log).expect("the supplier's log").len(), 0, "nothing was asked of the supplier");
    assert!(!lead.json(&["practice", "get", &paused]).to_string().contains("\"live\":true"));

    // Only once two people have looked does it go on: so it was the hold that kept everybody.
    let name = hold["name"].as_str().expect("a hold has a name");
    let one = lead.as_account("sofia").json(&["hold", "lift", name, "--reason-code", "LOSS_ACCEPTED"]);
    assert_eq!(one["hold"]["state"], "HOLD_STATE_AWAITING_SECOND_PERSON", "{one}");
    lead.as_account("samir").say(&["hold", "lift", name, "--reason-code", "LOSS_ACCEPTED"]);
    until_live(&server, &[england.practice(1), england.practice(2)]).await;
    for server in [scheduler, statistics, server] {
        stopped(server);
    }
}

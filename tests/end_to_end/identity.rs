//! Four processes that know each other by certificates and people by tokens: a wave goes live, other clients get in the same way,
//! certificates are renewed meanwhile, and everybody else hears why not.

use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::harness::binary;
use crate::harness::installation::{PATIENCE, programme_of_today, text};
use crate::harness::offer;
use crate::harness::running::Running;
use crate::harness::secure::{SecureInstallation, identity_words, make_certificates};

const PRACTICES_COUNT: u32 = 6;

#[test]
fn a_wave_goes_live_over_mutual_tls_and_only_those_who_prove_who_they_are_get_in() {
    let installation = SecureInstallation::start(PRACTICES_COUNT);
    goes_live(&installation);
    is_renewed_meanwhile(&installation);
    refuses_the_others(&installation);
    lets_python_in(&installation);
}

fn goes_live(installation: &SecureInstallation) {
    let england = &installation.england;
    installation.say("olga;roles=operator", &["import", "map", &text(england.map())]);
    installation.say("olga;roles=operator", &["import", "list-sizes", &text(england.list_sizes())]);
    installation.say("olga;roles=operator", &["import", "bank-holidays", &text(england.bank_holidays())]);
    let file = england.folder().join("summer.yaml");
    std::fs::write(&file, programme_of_today("")).expect("a temporary folder can be written to");
    let lead = "leo;roles=programme-lead";
    installation.say(lead, &["programme", "apply", &text(file), "--reason", "agreed"]);
    let own = installation.accessctl(lead, &["programme", "approve", "summer-opening"]);
    assert!(own.code == 4 && own.stderr.contains("ROLE_MISSING"), "{own:?}");
    let reviewed = installation.say("ada;roles=approver", &["programme", "review", "summer-opening"]);
    let hash = reviewed.split("--plan-hash ").nth(1).and_then(|rest| rest.split_whitespace().next());
    let hash = hash.expect("a review names the hash").trim_matches('`');
    installation.say("ada;roles=approver", &["programme", "approve", "summer-opening", "--plan-hash", hash]);
    let notice = ["wave", "notice", "programmes/summer-opening/waves/1", "--channel", "e-mail"];
    installation.say(lead, &notice);
    let begun = std::time::Instant::now();
    loop {
        let listed = installation.say("rita;roles=auditor", &["practice", "list", "--output", "csv"]);
        let live = listed
            .lines()
            .filter(|line| line.contains("VERIFIED") || line.contains("CONFIRMED") || line.contains("LIVE"))
            .count();
        let summary = installation.accessctl("rita;roles=statistician", &["stats", "summary", "--output", "json"]);
        let summary: Value = serde_json::from_str(&summary.stdout).unwrap_or_default();
        let live_count = summary["practices_live"]["value"].as_str().and_then(|value| value.parse().ok());
        if live_count == Some(PRACTICES_COUNT) {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "no wave went live: {live} of {listed}\n{summary}");
    }
    // Whom the record names is who proved it.
    let tail = installation.say("rita;roles=auditor", &["journal", "tail", "registry", "--output", "json"]);
    assert!(tail.contains("scheduler"), "{tail}");
    let beginning = installation.say("rita;roles=auditor", &["journal", "tail", "scheduler", "--after", "0"]);
    assert!(beginning.contains("ada") && beginning.contains("leo"), "{beginning}");
}

fn is_renewed_meanwhile(installation: &SecureInstallation) {
    // New certificates by a new authority for everybody: nothing of the old ones is believed any more.
    make_certificates(&installation.certificates());
    for server in [&installation.registry, &installation.scheduler, &installation.statistics, &installation.suppliers] {
        server.signal(Signal::HUP);
    }
    let begun = std::time::Instant::now();
    loop {
        let said = installation.accessctl("olga;roles=operator", &["practice", "get", "A81001"]);
        if said.code == 0 {
            break;
        }
        assert!(said.code == 6 && begun.elapsed() < PATIENCE, "{said:?}");
    }
}

fn refuses_the_others(installation: &SecureInstallation) {
    let get = ["practice", "get", "A81001"];
    let file = |name: &str| installation.certificates().join(name).display().to_string();
    let (ca, token) = (file("ca.pem"), installation.token("olga;roles=operator").display().to_string());
    // A person's token without the authority, and the other way round.
    let unbelieving = installation.accessctl_with(&get, &["--token-file", &token]);
    assert!(unbelieving.code == 6 || unbelieving.code == 2, "{unbelieving:?}");
    assert!(unbelieving.stderr.contains("--ca") || unbelieving.stderr.contains("root certificates"), "{unbelieving:?}");
    let nobody = installation.accessctl_with(&get, &["--ca", &ca]);
    assert!(
        nobody.code == 4 && nobody.stderr.contains("CREDENTIALS_MISSING") && nobody.stderr.contains("--token-file"),
        "{nobody:?}"
    );
    // What is published is for whoever asks.
    let released = installation.accessctl_with(&["publication", "list"], &["--ca", &ca]);
    assert_eq!(released.code, 0, "{released:?}");
    let made = installation.accessctl_with(&["publication", "create", "2031-05"], &["--ca", &ca]);
    assert!(made.code == 4 && made.stderr.contains("CREDENTIALS_MISSING"), "{made:?}");
    let other_server = ["--ca", &ca, "--token-file", &token, "--server-id", "spiffe://citizens-access.test/other"];
    let other_server = installation.accessctl_with(&get, &other_server);
    assert!(other_server.code == 6 && other_server.stderr.contains("is wanted"), "{other_server:?}");
    // A certificate of the same authority that is nobody's here.
    let (cert, key) = (file("citizens-access.pem"), file("citizens-access-key.pem"));
    let unnamed = installation.accessctl_with(&get, &["--ca", &ca, "--cert", &cert, "--cert-key", &key]);
    assert!(unnamed.code == 4 && unnamed.stderr.contains("SERVICE_UNKNOWN"), "{unnamed:?}");
    // And one that is.
    let (cert, key) = (file("scheduler.pem"), file("scheduler-key.pem"));
    let named = installation.accessctl_with(&get, &["--ca", &ca, "--cert", &cert, "--cert-key", &key]);
    assert_eq!(named.code, 0, "{named:?}");
    let garbled = file("garbled.token");
    std::fs::write(&garbled, "eyJhbGciOiJub25lIn0.e30.").expect("a temporary folder can be written to");
    let garbled = installation.accessctl_with(&get, &["--ca", &ca, "--token-file", &garbled]);
    assert!(garbled.code == 4 && garbled.stderr.contains("TOKEN_ALGORITHM_REFUSED"), "{garbled:?}");
}

fn lets_python_in(installation: &SecureInstallation) {
    let Some(python) = offer::python() else { return };
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("end_to_end/foreign/call.py");
    let ca = installation.certificates().join("ca.pem");
    let by_python = |token: Option<&str>| -> Value {
        let mut command = Command::new(&python);
        command.env("CALL_CA", &ca);
        if let Some(token) = token {
            command.env("CALL_TOKEN", token);
        }
        let rpc = "citizens_access.registry.v1.PracticeRegistryService/CheckAccess";
        command.arg(&script).args([installation.registry.address.as_str(), "nobody", rpc]);
        let ended = Running::start(command.arg(json!({"ods_code": "A81001"}).to_string())).wait(PATIENCE);
        assert!(ended.status.success(), "{}", ended.said());
        serde_json::from_str(&ended.stdout).expect("it prints JSON")
    };
    let token = std::fs::read_to_string(installation.token("nhs-app;roles=service")).expect("it was just written");
    let reply = by_python(Some(token.trim()));
    assert_eq!(reply["live"], json!(true), "{reply}");
    assert_eq!(by_python(None)["reason"], json!("CREDENTIALS_MISSING"));
}

#[test]
fn a_server_that_could_not_know_its_callers_does_not_start() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let certificates = folder.path().join("identity");
    make_certificates(&certificates);
    let data = folder.path().join("data").display().to_string();
    let check = |more: &[String]| {
        let words = ["check-config", "all", "--data", &data].map(str::to_owned);
        Running::start(binary::citizens_access().args(words).args(more)).wait(Duration::from_secs(60))
    };
    let migrated = Running::start(binary::citizens_access().args(["migrate", "--data", &data])).wait(PATIENCE);
    assert!(migrated.status.success(), "{}", migrated.said());
    let good = identity_words(&certificates, "citizens-access");
    let ended = check(&good);
    assert!(ended.status.success(), "{}", ended.said());
    for said in
        ["spiffe://citizens-access.test/citizens-access is valid for 2", "4 services may call", "the keys development"]
    {
        assert!(ended.stdout.contains(said), "{said}: {}", ended.stdout);
    }
    let but = |from: usize, count: usize, more: &[&str]| {
        let mut words = good.clone();
        drop(words.drain(from..from + count));
        words.extend(more.iter().map(|word| (*word).to_owned()));
        words
    };
    let file = |name: &str| certificates.join(name).display().to_string();
    let nothing = but(6, good.len() - 6, &[]);
    for (words, said) in [
        (Vec::new(), "dev-certs"),
        (but(4, 2, &[]), "--tls-ca"),
        (nothing, "nobody could call"),
        (but(0, 0, &["--insecure"]), "leave out"),
        (but(2, 2, &["--tls-key", &file("registry-key.pem")]), "is not the key"),
        (but(4, 2, &["--tls-ca", &file("jwks.json")]), "holds no certificate"),
        (but(6, 2, &["--token-issuer", "https://issuer.example=/nowhere"]), "/nowhere"),
        (but(6, 2, &["--token-issuer", "https://issuer.example=http://elsewhere.example/keys"]), "only https"),
        (but(0, 0, &["--service", "registry=spiffe://citizens-access.test/other"]), "twice"),
        (but(0, 0, &["--service", "registry2=https://citizens-access.test"]), "SPIFFE"),
        (but(0, 0, &["--token-algorithms", "HS256"]), "none of"),
        (but(0, 0, &["--statistics", "http://127.0.0.1:1"]), "all in one"),
        (but(0, 0, &["--supplier", "EMIS=http://127.0.0.1:1"]), "in the clear"),
    ] {
        let ended = check(&words);
        assert!(!ended.status.success() && ended.stderr.contains(said), "{said}: {}", ended.said());
        assert!(!ended.stderr.contains("PRIVATE KEY"), "{}", ended.stderr);
    }
}

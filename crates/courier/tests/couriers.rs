//! Each courier against a service that behaves as documented, and does not.

#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use clock::{Clock, SystemClock};
use courier::testing::{MailFault, MailServer, NotifyFault, NotifyServer};
use courier::{
    Address, Courier, CourierError, Encryption, Fate, Fields, Files, Message, Notify, NotifyConfig, NotifyKey, Secret,
    Sent, Smtp, SmtpConfig, TemplateIds, Text, Texts, Trouble,
};
use jiff::{SignedDuration, Timestamp};

const EMAIL: &str = "manager@hill.example";

fn email(to: &str, reference: &str) -> Message {
    Message {
        reference: reference.to_owned(),
        to: Address::email(to).unwrap(),
        text: Text::First,
        fields: Fields::from([("practice_code", "A81001".to_owned()), ("practice_name", "Hill Surgery é".to_owned())]),
        dated: "2031-05-06T08:00:00Z".parse().unwrap(),
    }
}

fn letter(lines: &str) -> Message {
    Message { to: Address::post(lines).unwrap(), ..email(EMAIL, "letter") }
}

fn config(server: &NotifyServer) -> NotifyConfig {
    let ids = |id: &str| Some(TemplateIds { first: id.parse().unwrap(), moved: id.parse().unwrap() });
    NotifyConfig {
        email: ids(NotifyServer::EMAIL),
        letter: ids(NotifyServer::LETTER),
        requests_per_second: 1_000,
        timeout: Duration::from_millis(400),
        ..NotifyConfig::new(server.base(), NotifyKey::new(&NotifyServer::key(), "a test").unwrap())
    }
}

async fn notify() -> (NotifyServer, Notify) {
    let server = NotifyServer::open().await;
    let notify = Notify::new(config(&server)).unwrap();
    (server, notify)
}

fn id_of(sent: Sent) -> String {
    let Sent::Taken { id } = sent else { panic!("{sent:?}") };
    id
}

#[tokio::test]
async fn notify_takes_e_mails_and_letters_with_their_places_and_references() {
    let (server, notify) = notify().await;
    notify.ready().await.unwrap();
    id_of(notify.send(&email(EMAIL, "spring.A81001.1.1.7")).await.unwrap());
    let post = letter("Hill Surgery\n1 Hill Road\nHillton\nZZ1 1ZZ");
    id_of(notify.send(&post).await.unwrap());
    let world = server.world();
    let (first, second) = (&world.sent[0], &world.sent[1]);
    assert_eq!((first.kind.as_str(), first.reference.as_str()), ("email", "spring.A81001.1.1.7"));
    assert_eq!((first.to.as_slice(), first.template.as_str()), (&[EMAIL.to_owned()][..], NotifyServer::EMAIL));
    assert_eq!(first.personalisation["practice_code"], "A81001");
    assert_eq!(
        (second.kind.as_str(), second.to.join("/").as_str()),
        ("letter", "Hill Surgery/1 Hill Road/Hillton/ZZ1 1ZZ")
    );
}

#[tokio::test]
async fn notify_says_what_became_of_each() {
    let (server, notify) = notify().await;
    let by_mail = id_of(notify.send(&email(EMAIL, "r")).await.unwrap());
    let by_post = id_of(notify.send(&letter("Hill Surgery\n1 Hill Road\nZZ1 1ZZ")).await.unwrap());
    let at = Some("2031-05-07T10:00:00Z".parse::<Timestamp>().unwrap());
    let cases = [
        (&by_mail, EMAIL, "created", Fate::UnderWay),
        (&by_mail, EMAIL, "sending", Fate::UnderWay),
        (&by_mail, EMAIL, "delivered", Fate::Delivered { at }),
        (&by_mail, EMAIL, "permanent-failure", Fate::Failed(Trouble::WrongAddress)),
        (&by_mail, EMAIL, "temporary-failure", Fate::Failed(Trouble::Undelivered)),
        (&by_mail, EMAIL, "technical-failure", Fate::Failed(Trouble::CourierFailed)),
        (&by_mail, EMAIL, "something-of-a-later-version", Fate::UnderWay),
        (&by_post, "Hill Surgery", "accepted", Fate::UnderWay),
        (&by_post, "Hill Surgery", "received", Fate::Posted { at }),
        (&by_post, "Hill Surgery", "permanent-failure", Fate::Failed(Trouble::CourierFailed)),
        (&by_post, "Hill Surgery", "cancelled", Fate::Failed(Trouble::CourierFailed)),
    ];
    for (id, to, status, fate) in cases {
        server.world().statuses.insert(to.to_owned(), status);
        assert_eq!(notify.check(id).await.unwrap(), fate, "{status}");
    }
    server.world().forgets_all = true;
    assert_eq!(notify.check(&by_mail).await.unwrap(), Fate::Forgotten);
}

/// An unknown outcome: the server took it, and its answer was lost.
#[tokio::test]
async fn notify_is_asked_by_reference_what_became_of_a_message_whose_answer_was_lost() {
    for fault in [NotifyFault::LosesReply, NotifyFault::Silence(Duration::from_secs(2)), NotifyFault::Garbage] {
        let (server, notify) = notify().await;
        server.world().faults.push_back(fault.clone());
        let error = notify.send(&email(EMAIL, "r-1")).await.unwrap_err();
        assert!(!error.is_unsent(), "{fault:?}: {error}");
        let found = notify.ask("r-1").await.unwrap();
        assert_eq!(id_of(found.unwrap()), server.world().sent[0].id);
        assert_eq!(notify.ask("r-2").await.unwrap(), None);
    }
    let (server, notify) = notify().await;
    server.world().faults.push_back(NotifyFault::LosesRequest);
    assert!(!notify.send(&email(EMAIL, "r-1")).await.unwrap_err().is_unsent(), "for all we know");
    assert_eq!(notify.ask("r-1").await.unwrap(), None);
}

#[tokio::test]
async fn of_several_with_one_reference_the_one_that_came_furthest_counts() {
    let (server, notify) = notify().await;
    for to in ["a@hill.example", "b@hill.example", "c@hill.example"] {
        notify.send(&email(to, "r-1")).await.unwrap();
    }
    server
        .world()
        .statuses
        .extend([("a@hill.example".to_owned(), "technical-failure"), ("b@hill.example".to_owned(), "delivered")]);
    assert_eq!(id_of(notify.ask("r-1").await.unwrap().unwrap()), server.world().sent[1].id);
}

#[tokio::test]
async fn what_is_wrong_with_a_message_is_told_apart_from_what_is_wrong_with_the_service() {
    let (server, notify) = notify().await;
    let wrong_address = |sent| matches!(sent, Sent::Refused { trouble: Trouble::WrongAddress, .. });
    assert!(wrong_address(notify.send(&email("refused@hill.example", "r")).await.unwrap()));
    assert!(wrong_address(notify.send(&letter("Hill Surgery\n1 Hill Road\nHillton")).await.unwrap()));
    server.world().trial_mode = true;
    let sent = notify.send(&email(EMAIL, "r")).await.unwrap();
    let Sent::Refused { trouble: Trouble::CourierFailed, said } = sent else { panic!("{sent:?}") };
    assert!(said.contains("trial mode"), "{said}");
    assert_eq!(server.world().sent, []);
}

#[tokio::test]
async fn rule_16_what_notify_says_hides_neither_an_address_nor_an_nhs_number_behind_what_is_not_seen() {
    let (server, notify) = notify().await;
    for kind in ["to a@hi\u{1}ll.exam\tple", "of 943\u{1}476\u{1}5919", "of 943\t\t\t\t476\t\t\t\t5919"] {
        server.world().faults.push_back(NotifyFault::Status(400, kind, vec![]));
        let sent = notify.send(&email("a@hill.example", "r")).await.unwrap();
        let Sent::Refused { said, .. } = sent else { panic!("{sent:?}") };
        assert!(!said.contains("hill.example") && !said.contains("5919"), "{kind:?}: {said}");
    }
}

#[tokio::test]
async fn notifys_errors_say_what_to_do_and_whether_anything_was_sent() {
    let cases = [
        (NotifyFault::Status(403, "AuthError", Vec::new()), "KEY_REFUSED", true, None),
        (NotifyFault::Status(429, "RateLimitError", Vec::new()), "RATE_LIMITED", true, Some(60)),
        (NotifyFault::Status(429, "TooManyRequestsError", Vec::new()), "RATE_LIMITED", true, Some(3_600)),
        (NotifyFault::Status(429, "RateLimitError", vec![("retry-after", "7")]), "RATE_LIMITED", true, Some(7)),
        (NotifyFault::Status(500, "Exception", Vec::new()), "OUT_OF_ORDER", false, None),
        (NotifyFault::Status(503, "", Vec::new()), "OUT_OF_ORDER", false, None),
        (NotifyFault::Status(404, "", Vec::new()), "NOT_SET_UP", true, None),
        (NotifyFault::Status(302, "", vec![("location", "https://elsewhere.example/")]), "NOT_SET_UP", true, None),
    ];
    for (fault, reason, is_unsent, rest_s) in cases {
        let (server, notify) = notify().await;
        server.world().faults.push_back(fault.clone());
        let error = notify.send(&email(EMAIL, "r")).await.unwrap_err();
        assert_eq!((error.reason(), error.is_unsent()), (reason, is_unsent), "{fault:?}");
        assert_eq!(error.rest().map(|rest| rest.as_secs()), rest_s, "{fault:?}");
        assert!(!error.remedy().is_empty());
        assert_eq!(server.world().sent, [], "{fault:?}");
        assert_eq!(server.world().asked.len(), 1, "a redirect is not followed, and nothing is repeated here");
    }
}

#[tokio::test]
async fn a_token_of_a_clock_that_is_off_is_refused() {
    let server = NotifyServer::open().await;
    for (off_s, is_taken) in [(0, true), (-29, true), (-32, false), (32, false)] {
        let clock = Clock::System(SystemClock::with_offset(SignedDuration::from_secs(off_s)));
        let notify = Notify::new(NotifyConfig { clock, ..config(&server) }).unwrap();
        assert_eq!(notify.ready().await.is_ok(), is_taken, "{off_s} s");
    }
}

/// So that no message is spent on finding out.
#[tokio::test]
async fn a_template_that_is_missing_or_of_another_kind_is_found_before_anything_is_sent() {
    let server = NotifyServer::open().await;
    let other = "9d751e0e-f929-4891-82a1-a3e1c3c18ee3";
    for (template, said) in [(other, "there is no template"), (NotifyServer::LETTER, "is of type letter, not email")] {
        let ids = TemplateIds { first: NotifyServer::EMAIL.parse().unwrap(), moved: template.parse().unwrap() };
        let notify = Notify::new(NotifyConfig { email: Some(ids), ..config(&server) }).unwrap();
        let error = notify.ready().await.unwrap_err();
        assert!(matches!(&error, CourierError::Unfit { problem, .. } if problem.contains(said)), "{error}");
    }
    server.world().key_revoked = true;
    let notify = Notify::new(config(&server)).unwrap();
    assert_eq!(notify.ready().await.unwrap_err().reason(), "KEY_REFUSED");
}

#[tokio::test]
async fn nobody_at_the_address_is_told_and_nothing_was_sent() {
    let (server, notify) = notify().await;
    drop(server);
    // Dropped with its listener, once its task has been ended.
    tokio::task::yield_now().await;
    let error = notify.send(&email(EMAIL, "r")).await.unwrap_err();
    assert_eq!((error.reason(), error.is_unsent()), ("UNREACHABLE", true), "{error}");
}

#[tokio::test]
async fn neither_address_nor_secret_is_in_anything_that_is_printed() {
    let (server, notify) = notify().await;
    server.world().trial_mode = true;
    let message = email(EMAIL, "r");
    let mut printed = format!("{notify:?} {message:?} {:?}", notify.send(&message).await);
    for fault in [NotifyFault::Garbage, NotifyFault::LosesReply, NotifyFault::Status(500, "Exception", Vec::new())] {
        server.world().faults.push_back(fault);
        let error = notify.send(&message).await.unwrap_err();
        printed.push_str(&format!("{error} {error:?}"));
    }
    let mail = MailServer::open().await;
    mail.world().refuses.insert(EMAIL.to_owned(), 550);
    let smtp = smtp(&mail, Some("s3cret"));
    printed.push_str(&format!("{smtp:?} {:?}", smtp.send(&message).await));
    mail.world().login = Some(("programme".to_owned(), "s3cret".to_owned()));
    printed.push_str(&format!("{:?}", smtp.send(&message).await));
    for secret in ["hill.example", "manager", "3d844edf", "s3cret"] {
        assert!(!printed.contains(secret), "{secret}: {printed}");
    }
}

fn smtp(server: &MailServer, password: Option<&str>) -> Smtp {
    let login = password.map(|text| ("programme".to_owned(), Secret::new(text, "a test").unwrap()));
    Smtp::new(SmtpConfig {
        host: "127.0.0.1".to_owned(),
        port: server.port(),
        encryption: Encryption::None,
        login,
        from: Smtp::sender("Programme <programme@example.org>").unwrap(),
        texts: Texts::standard(),
        timeout: Duration::from_millis(600),
    })
    .unwrap()
}

#[tokio::test]
async fn a_mail_server_takes_an_e_mail_with_its_reference_as_message_id() {
    let server = MailServer::open().await;
    let smtp = smtp(&server, None);
    smtp.ready().await.unwrap();
    assert_eq!(smtp.send(&email(EMAIL, "spring.A81001.1.1.7")).await.unwrap(), Sent::HandedOver);
    let received = server.world().received[0].clone();
    assert_eq!((received.from.as_str(), received.to.as_str()), ("programme@example.org", EMAIL));
    for header in [
        "Message-ID: <spring.A81001.1.1.7@example.org>",
        "Date: Tue, 06 May 2031 08:00:00 +0000",
        "From: Programme <programme@example.org>",
    ] {
        assert!(received.text.contains(header), "{header}: {}", received.text);
    }
    assert!(received.text.contains("A81001") && received.text.is_ascii());
    assert_eq!(smtp.ask("spring.A81001.1.1.7").await.unwrap(), None, "it cannot be asked");
}

#[tokio::test]
async fn a_mail_servers_refusals_are_told_apart_by_the_step_and_the_code() {
    let refused = |trouble| move |sent: &Sent| matches!(sent, Sent::Refused { trouble: said, .. } if *said == trouble);
    let server = MailServer::open().await;
    let smtp = smtp(&server, None);
    for (code, trouble) in [(550, Trouble::WrongAddress), (553, Trouble::WrongAddress), (450, Trouble::Undelivered)] {
        server.world().refuses.insert(EMAIL.to_owned(), code);
        let sent = smtp.send(&email(EMAIL, "r")).await.unwrap();
        assert!(refused(trouble)(&sent), "{code}: {sent:?}");
    }
    server.world().refuses.insert(EMAIL.to_owned(), 452);
    assert_eq!(smtp.send(&email(EMAIL, "r")).await.unwrap_err().reason(), "RATE_LIMITED");
    server.world().refuses.clear();
    server.world().faults.extend([MailFault::Text(554), MailFault::Text(451), MailFault::Greeting(421)]);
    let sent = smtp.send(&email(EMAIL, "r")).await.unwrap();
    assert!(refused(Trouble::CourierFailed)(&sent), "{sent:?}");
    for _ in 0..2 {
        let error = smtp.send(&email(EMAIL, "r")).await.unwrap_err();
        assert_eq!((error.reason(), error.is_unsent()), ("RATE_LIMITED", true), "{error}");
    }
    assert_eq!(server.world().received, []);
    for fault in [MailFault::LosesReply, MailFault::Silence(Duration::from_secs(3))] {
        server.world().faults.push_back(fault.clone());
        let error = smtp.send(&email(EMAIL, "r")).await.unwrap_err();
        assert_eq!((error.reason(), error.is_unsent()), ("NO_ANSWER", false), "{fault:?}: {error}");
    }
    assert_eq!(server.world().received.len(), 2, "it had them all the same");
}

#[tokio::test]
async fn a_mail_server_that_refuses_the_password_or_has_no_encryption_is_sent_nothing() {
    let server = MailServer::open().await;
    server.world().login = Some(("programme".to_owned(), "right".to_owned()));
    assert_eq!(smtp(&server, Some("wrong")).ready().await.unwrap_err().reason(), "KEY_REFUSED");
    assert_eq!(smtp(&server, Some("right")).send(&email(EMAIL, "r")).await.unwrap(), Sent::HandedOver);
    let config = |encryption| SmtpConfig {
        host: "localhost".to_owned(),
        port: server.port(),
        encryption,
        login: Some(("programme".to_owned(), Secret::new("right", "a test").unwrap())),
        from: Smtp::sender("programme@example.org").unwrap(),
        texts: Texts::standard(),
        timeout: Duration::from_millis(600),
    };
    let error = Smtp::new(config(Encryption::StartTls)).unwrap().send(&email(EMAIL, "r")).await.unwrap_err();
    assert!(error.to_string().contains("STARTTLS"), "{error}");
    assert!(Smtp::new(config(Encryption::Tls)).unwrap().send(&email(EMAIL, "r")).await.is_err());
    assert_eq!(server.world().received.len(), 1);
}

#[tokio::test]
async fn a_file_a_notice_is_written_whole_and_once_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::new(folder.path().to_owned(), Texts::standard());
    files.ready().await.unwrap();
    let message = Message { to: Address::post("Hill Surgery\n1 Hill Road\nZZ1 1ZZ").unwrap(), ..email(EMAIL, "r-1") };
    assert_eq!(files.ask("r-1").await.unwrap(), None);
    assert_eq!(files.send(&message).await.unwrap(), Sent::HandedOver);
    assert_eq!(files.ask("r-1").await.unwrap(), Some(Sent::HandedOver));
    let path = folder.path().join("r-1.json");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let written: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(written["to"], serde_json::json!(["Hill Surgery", "1 Hill Road", "ZZ1 1ZZ"]));
    assert!(written["body"].as_str().unwrap().contains("Hill Surgery é, A81001"), "{written}");
    // A second time, with other words: it stays as it was.
    std::fs::write(&path, "as somebody left it").unwrap();
    files.send(&message).await.unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "as somebody left it");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing unfinished is left");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_said_and_nothing_was_sent() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::new(folder.path().join("nowhere"), Texts::standard());
    for error in [files.ready().await.unwrap_err(), files.send(&email(EMAIL, "r")).await.unwrap_err()] {
        assert_eq!((error.reason(), error.is_unsent()), ("FOLDER_NOT_WRITABLE", true));
    }
}

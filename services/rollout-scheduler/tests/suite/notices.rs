//! Notices through the outbox: sent by couriers that behave as documented, and do not; each once, with evidence (rule 11).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use courier::testing::{MailServer, NotifyFault, NotifyServer};
use courier::{Courier, Encryption, Files, Notify, NotifyConfig, NotifyKey, Smtp, SmtpConfig, TemplateIds, Texts};
use proto::registry::v1 as registry_wire;
use proto::scheduler::v1 as wire;
use proto::scheduler::v1::notice_service_client::NoticeServiceClient;
use rollout::dispatch::Preferences;
use rollout::state::{Carrier, Means};
use rollout_scheduler::NoticesConfig;
use tonic::Code;

use crate::acts::{ONE_WAVE, PROGRAMME, prompt, reason};
use crate::files::surgeries;
use crate::world::{NoticesOf, Setup, World};

const WAVE: &str = "programmes/spring/waves/1";

/// Longer than a call to the server takes, and soon over.
const TIMEOUT: Duration = Duration::from_millis(500);

fn notify(server: &NotifyServer) -> Arc<dyn Courier> {
    let ids = |id: &str| Some(TemplateIds { first: id.parse().unwrap(), moved: id.parse().unwrap() });
    let config = NotifyConfig {
        email: ids(NotifyServer::EMAIL),
        letter: ids(NotifyServer::LETTER),
        requests_per_second: 1_000,
        timeout: TIMEOUT,
        ..NotifyConfig::new(server.base(), NotifyKey::new(&NotifyServer::key(), "a test").unwrap())
    };
    Arc::new(Notify::new(config).unwrap())
}

fn by(means: Vec<(Means, Carrier)>, couriers: impl IntoIterator<Item = (Carrier, Arc<dyn Courier>)>) -> NoticesOf {
    let couriers: BTreeMap<_, _> = couriers.into_iter().collect();
    Arc::new(move || NoticesConfig {
        preferences: Preferences { means: means.clone(), roles: Vec::new() },
        couriers: couriers.clone(),
    })
}

fn by_notify(server: &NotifyServer) -> NoticesOf {
    let means = vec![(Means::Email, Carrier::Notify), (Means::Post, Carrier::Notify)];
    by(means, [(Carrier::Notify, notify(server))])
}

/// So many practices whose managers have an e-mail address, and a scheduler that tells them.
async fn world(count: u32, notices: NoticesOf) -> World {
    let setup = Setup::new(surgeries(81_001, count, "EMIS"), vec![prompt("EMIS"), prompt("TPP")]);
    let mut world = World::new(Setup { notices: Some(notices), ..setup }).await;
    for number in 81_001..81_001 + count {
        world.set_email(&format!("A{number}"), &address(number)).await;
    }
    world
}

fn address(number: u32) -> String {
    format!("manager-{number}@hill.example")
}

impl World {
    async fn set_email(&mut self, practice: &str, address: &str) {
        self.set_contact(practice, "practice-manager", registry_wire::ContactChannel::Email, address).await;
    }

    async fn set_contact(&mut self, practice: &str, role: &str, channel: registry_wire::ContactChannel, address: &str) {
        let request = registry_wire::SetContactRequest {
            name: format!("practices/{practice}"),
            role: role.to_owned(),
            channel: channel.into(),
            address: address.to_owned(),
            retain_until: Some(api::time::to_wire("2032-01-01T00:00:00Z".parse().unwrap())),
            request_id: self.request_id(),
            ..Default::default()
        };
        self.practices().set_contact(request).await.unwrap();
    }

    /// Puts a programme in force, and leaves it to the scheduler to tell its practices.
    async fn put_in_force(&mut self, document: &str) {
        self.create(document).await;
        self.approve_latest().await;
    }

    fn notices(&self, account: &str) -> NoticeServiceClient<client::Peer> {
        NoticeServiceClient::new(self.peer(account))
    }

    async fn status(&self) -> wire::GetNoticeStatusResponse {
        let request = wire::GetNoticeStatusRequest { wave: WAVE.to_owned(), ..Default::default() };
        self.notices("alice").get_notice_status(request).await.unwrap().into_inner()
    }

    async fn dispatches(&self) -> Vec<wire::Dispatch> {
        let request = wire::ListDispatchesRequest { parent: format!("{PROGRAMME}/waves/-"), ..Default::default() };
        self.notices("alice").list_dispatches(request).await.unwrap().into_inner().dispatches
    }

    /// The state of each dispatch, `A81001-1 GIVEN`, with why it failed.
    async fn sent(&self) -> Vec<String> {
        let text = |one: wire::Dispatch| {
            let (_, name) = one.name.rsplit_once('/').unwrap();
            let state = one.state().as_str_name().trim_start_matches("DISPATCH_STATE_").to_owned();
            format!("{name} {state} {}", one.reason).trim_end().to_owned()
        };
        self.dispatches().await.into_iter().map(text).collect()
    }

    async fn blocker_of_notice(&self, practice: &str) -> wire::Blocker {
        let blockers = self.explain(practice).await.blockers;
        blockers.into_iter().find(|blocker| blocker.code.starts_with("NOTICE")).expect("its notice is in the way")
    }
}

/// What was put into everything that is kept of the scheduler for ever.
async fn journal(world: &World) -> String {
    let records = world.replicas[0].scheduler.engine().records(0, 1_000).await.unwrap();
    format!("{records:?}")
}

fn delivers(server: &NotifyServer, numbers: impl IntoIterator<Item = u32>) {
    server.world().statuses.extend(numbers.into_iter().map(|number| (address(number), "delivered")));
}

#[tokio::test]
async fn each_practice_is_told_once_and_goes_live_by_the_evidence_of_delivery() {
    let server = NotifyServer::open().await;
    let mut world = world(3, by_notify(&server)).await;
    delivers(&server, [81_001, 81_002]);
    world.put_in_force(ONE_WAVE).await;
    world.until("2031-05-06T08:00:05Z").await;
    assert_eq!(server.recipients(), [address(81_001), address(81_002), address(81_003)]);
    assert_eq!(world.sent().await, ["A81001-1 TAKEN", "A81002-1 TAKEN", "A81003-1 TAKEN"]);
    assert_eq!(world.blocker_of_notice("A81003").await.code, "NOTICE_UNDER_WAY");
    world.until("2031-05-06T09:00:00Z").await;
    assert_eq!(world.sent().await, ["A81001-1 GIVEN", "A81002-1 GIVEN", "A81003-1 TAKEN"]);
    assert_eq!(world.enrolment(1, "A81001").await.state(), wire::EnrolmentState::Notified);
    world.until("2031-06-02T12:00:00Z").await;
    assert_eq!(world.live_count().await, 2, "the third was never told, by all that is known");
    assert_eq!(server.world().sent.len(), 3, "nobody was told twice");
    let told = server.world().sent[0].personalisation.clone();
    assert_eq!(told["practice_name"], "HILL SURGERY");
    assert_eq!(told["not_before"], "Monday 2 June 2031");
    let status = world.status().await;
    assert_eq!(status.carriers.len(), 1);
    assert_eq!(status.carriers[0].reason, "");
}

/// Rule 16: the journal, the spans and the replies have the contact's number.
#[tokio::test]
async fn no_address_is_in_the_journal_or_in_a_reply() {
    let server = NotifyServer::open().await;
    let mut world = world(1, by_notify(&server)).await;
    world.put_in_force(ONE_WAVE).await;
    server.world().statuses.insert(address(81_001), "permanent-failure");
    world.until("2031-05-06T09:00:00Z").await;
    let printed = format!("{} {:?} {:?}", journal(&world).await, world.dispatches().await, world.status().await);
    assert!(printed.contains("dispatches-sealed") && printed.contains("practices/A81001/contacts/1"));
    assert!(!printed.contains("hill.example") && !printed.contains("manager-81001"), "{printed}");
}

/// An unknown outcome: it is asked about by its reference, and sent again only where it was never seen.
#[tokio::test]
async fn a_notice_whose_answer_was_lost_is_neither_lost_nor_sent_twice() {
    for fault in [NotifyFault::LosesReply, NotifyFault::LosesRequest, NotifyFault::Silence(TIMEOUT * 2)] {
        let server = NotifyServer::open().await;
        let mut world = world(1, by_notify(&server)).await;
        delivers(&server, [81_001]);
        server.world().faults.push_back(fault.clone());
        world.put_in_force(ONE_WAVE).await;
        world.until("2031-05-06T09:00:00Z").await;
        assert_eq!(server.recipients(), [address(81_001)], "{fault:?}");
        assert_eq!(world.sent().await, ["A81001-1 GIVEN"], "{fault:?}");
        let dispatched = world.dispatches().await;
        assert_eq!(server.world().sent[0].reference, dispatched[0].reference);
    }
}

#[tokio::test]
async fn a_courier_that_is_busy_or_out_of_order_rests_and_everybody_is_told_once_afterwards() {
    let faults = [
        NotifyFault::Status(429, "RateLimitError", Vec::new()),
        NotifyFault::Status(429, "TooManyRequestsError", Vec::new()),
        NotifyFault::Status(500, "Exception", Vec::new()),
        NotifyFault::Status(403, "AuthError", Vec::new()),
        NotifyFault::Garbage,
    ];
    for fault in faults {
        let server = NotifyServer::open().await;
        let mut world = world(2, by_notify(&server)).await;
        delivers(&server, [81_001, 81_002]);
        server.world().faults.push_back(fault.clone());
        world.put_in_force(ONE_WAVE).await;
        world.until("2031-05-06T08:00:30Z").await;
        let carrier = world.status().await.carriers.remove(0);
        assert!(carrier.rests_until.is_some() && !carrier.remedy.is_empty(), "{fault:?}: {carrier:?}");
        world.until("2031-05-06T12:00:00Z").await;
        let mut told = server.recipients();
        told.sort();
        assert_eq!(told, [address(81_001), address(81_002)], "{fault:?}");
        assert_eq!(world.sent().await, ["A81001-1 GIVEN", "A81002-1 GIVEN"], "{fault:?}");
        assert_eq!(world.status().await.carriers[0].reason, "", "{fault:?}: it works again");
    }
}

/// What is wrong with the service costs no notice a try.
#[tokio::test]
async fn nothing_is_sealed_while_a_template_is_missing() {
    let server = NotifyServer::open().await;
    let mut world = world(1, by_notify(&server)).await;
    let template = server.world().templates.remove(NotifyServer::LETTER).unwrap();
    world.put_in_force(ONE_WAVE).await;
    world.until("2031-05-06T08:10:00Z").await;
    assert_eq!(world.sent().await, Vec::<String>::new());
    let carrier = world.status().await.carriers.remove(0);
    assert_eq!(carrier.reason, "NOT_SET_UP");
    assert!(carrier.message.contains("there is no template"), "{}", carrier.message);
    server.world().templates.insert(NotifyServer::LETTER.to_owned(), template);
    world.until("2031-05-06T09:00:00Z").await;
    assert_eq!(server.recipients(), [address(81_001)]);
}

#[tokio::test]
async fn a_wrong_address_is_a_blocker_of_the_practices_and_the_right_one_is_told() {
    let server = NotifyServer::open().await;
    let mut world = world(2, by_notify(&server)).await;
    server.world().statuses.insert(address(81_001), "permanent-failure");
    delivers(&server, [81_002]);
    world.put_in_force(ONE_WAVE).await;
    world.until("2031-05-06T09:00:00Z").await;
    assert_eq!(world.sent().await, ["A81001-1 FAILED WRONG_ADDRESS", "A81002-1 GIVEN"]);
    let blocker = world.blocker_of_notice("A81001").await;
    assert_eq!((blocker.code.as_str(), blocker.owner.as_str()), ("NOTICE_CAME_BACK", "practices/A81001"));
    let status = world.status().await;
    assert_eq!((status.practices_count, status.noticed_count), (2, 1));
    assert_eq!(
        (status.obstacles[0].code.as_str(), status.obstacles[0].owner.as_str()),
        ("NOTICE_CAME_BACK", "practices")
    );
    // A corrected address is another contact; it is found within the hour.
    world.set_email("A81001", "right@hill.example").await;
    server.world().statuses.insert("right@hill.example".to_owned(), "delivered");
    world.until("2031-05-06T11:00:00Z").await;
    assert_eq!(world.sent().await, ["A81001-1 FAILED WRONG_ADDRESS", "A81001-2 GIVEN", "A81002-1 GIVEN"]);
    assert_eq!(world.dispatches().await[1].contact, "practices/A81001/contacts/2");
}

#[tokio::test]
async fn a_letter_follows_where_the_e_mail_came_back_and_its_file_is_given_when_somebody_says_so() {
    let (server, folder) = (NotifyServer::open().await, tempfile::tempdir().unwrap());
    let means = vec![(Means::Email, Carrier::Notify), (Means::Post, Carrier::Files)];
    let files: Arc<dyn Courier> = Arc::new(Files::new(folder.path().to_owned(), Texts::standard()));
    let notices = by(means, [(Carrier::Notify, notify(&server)), (Carrier::Files, files)]);
    let mut world = world(1, notices).await;
    let lines = "Hill Surgery\n1 Hill Road\nZZ1 1ZZ";
    world.set_contact("A81001", "practice-manager", registry_wire::ContactChannel::Post, lines).await;
    server.world().statuses.insert(address(81_001), "permanent-failure");
    world.put_in_force(ONE_WAVE).await;
    world.until("2031-05-06T09:00:00Z").await;
    assert_eq!(world.sent().await, ["A81001-1 FAILED WRONG_ADDRESS", "A81001-2 HANDED_OVER"]);
    let file = folder.path().join(format!("{}.json", world.dispatches().await[1].reference));
    let written: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(written["to"][0], "Hill Surgery");
    assert_eq!(world.blocker_of_notice("A81001").await.code, "NOTICE_HANDED_OVER");
    world.give_notice(WAVE).await;
    assert_eq!(world.sent().await[1], "A81001-2 GIVEN");
}

#[tokio::test]
async fn a_practice_without_a_contact_is_told_once_it_has_one() {
    let server = NotifyServer::open().await;
    let setup = Setup::new(surgeries(81_001, 2, "EMIS"), vec![prompt("EMIS"), prompt("TPP")]);
    let mut world = World::new(Setup { notices: Some(by_notify(&server)), ..setup }).await;
    world.set_email("A81002", &address(81_002)).await;
    world.put_in_force(ONE_WAVE).await;
    world.until("2031-05-06T08:10:00Z").await;
    assert_eq!(server.recipients(), [address(81_002)], "the other one waits for nobody");
    let blocker = world.blocker_of_notice("A81001").await;
    assert_eq!((blocker.code.as_str(), blocker.owner.as_str()), ("NOTICE_HAS_NO_CONTACT", "practices/A81001"));
    world.set_email("A81001", &address(81_001)).await;
    // Within the hour, or at once where a person asks for it.
    let retry = wire::RetryNoticesRequest {
        wave: WAVE.to_owned(),
        request_id: world.request_id(),
        reason_code: "CONTACT_GIVEN".to_owned(),
        ..Default::default()
    };
    let retried = world.notices("alice").retry_notices(retry.clone()).await.unwrap().into_inner();
    assert_eq!(retried.affected_count, 1);
    assert_eq!(world.notices("alice").retry_notices(retry).await.unwrap().into_inner(), retried, "a replay");
    world.until("2031-05-06T08:20:00Z").await;
    assert_eq!(server.recipients(), [address(81_002), address(81_001)]);
}

#[tokio::test]
async fn what_a_mail_server_took_on_counts_until_somebody_reports_that_it_came_back() {
    let mail = MailServer::open().await;
    let config = SmtpConfig {
        host: "127.0.0.1".to_owned(),
        port: mail.port(),
        encryption: Encryption::None,
        login: None,
        from: Smtp::sender("Programme <programme@example.org>").unwrap(),
        texts: Texts::standard(),
        timeout: TIMEOUT,
    };
    let smtp: Arc<dyn Courier> = Arc::new(Smtp::new(config).unwrap());
    let mut world = world(2, by(vec![(Means::Email, Carrier::Smtp)], [(Carrier::Smtp, smtp)])).await;
    mail.world().refuses.insert(address(81_002), 550);
    world.put_in_force(ONE_WAVE).await;
    world.until("2031-05-06T09:00:00Z").await;
    assert_eq!(world.sent().await, ["A81001-1 GIVEN", "A81002-1 FAILED WRONG_ADDRESS"]);
    let given_at = world.dispatches().await[0].given_at.unwrap();
    let sealed_at = world.dispatches().await[0].sealed_at.unwrap();
    assert!(given_at.seconds >= sealed_at.seconds + 72 * 3_600, "three days later");
    assert_eq!(mail.world().received.len(), 1);

    let report = |world: &mut World, practices: &[&str]| wire::ReportReturnedNoticesRequest {
        wave: WAVE.to_owned(),
        practices: practices.iter().map(|practice| format!("practices/{practice}")).collect(),
        request_id: world.request_id(),
        ..Default::default()
    };
    let nobody = report(&mut world, &[]);
    assert_eq!(reason(world.notices("alice").report_returned_notices(nobody).await).0, Code::InvalidArgument);
    let unsent = report(&mut world, &["A81002"]);
    let refused = world.notices("alice").report_returned_notices(unsent).await;
    assert_eq!(reason(refused), (Code::FailedPrecondition, "NOTHING_SENT".to_owned()));
    let came_back = report(&mut world, &["A81001"]);
    let reply = world.notices("alice").report_returned_notices(came_back).await.unwrap().into_inner();
    assert_eq!(reply.affected_count, 1);
    assert_eq!(world.enrolment(1, "A81001").await.state(), wire::EnrolmentState::Candidate);
    world.until("2031-06-02T12:00:00Z").await;
    assert_eq!(world.live_count().await, 0, "rule 11");
    assert_eq!(mail.world().received.len(), 1, "nothing more is sent to a wrong address");
}

/// Whatever record the scheduler is ended after, and however often.
#[tokio::test]
async fn a_scheduler_that_is_ended_between_seal_and_answer_tells_everybody_once() {
    let server = NotifyServer::open().await;
    let mut undisturbed = world(3, by_notify(&server)).await;
    let first = undisturbed.position() + 1;
    delivers(&server, 81_001..=81_003);
    undisturbed.put_in_force(ONE_WAVE).await;
    undisturbed.until("2031-05-06T12:00:00Z").await;
    let last = undisturbed.position();
    let expected = undisturbed.sent().await;
    assert_eq!(expected, ["A81001-1 GIVEN", "A81002-1 GIVEN", "A81003-1 GIVEN"]);
    drop(undisturbed);
    // The records of approval are the same each time; those from the first seal on are what this is about.
    for position in first + 4..=last {
        let server = NotifyServer::open().await;
        delivers(&server, 81_001..=81_003);
        let mut world = world(3, by_notify(&server)).await;
        world.put_in_force(ONE_WAVE).await;
        if world.position() >= position {
            continue;
        }
        world.crash_at(position).await;
        world.until("2031-05-06T12:00:00Z").await;
        let mut told = server.recipients();
        told.sort();
        assert_eq!(told, (81_001..=81_003).map(address).collect::<Vec<_>>(), "ended at {position}");
        assert_eq!(world.sent().await, expected, "ended at {position}");
    }
}

#[tokio::test]
async fn of_two_schedulers_the_one_with_the_lease_sends_and_the_other_goes_on_after_it() {
    let server = NotifyServer::open().await;
    let mut world = world(3, by_notify(&server)).await;
    world.start_scheduler("two").await;
    server.world().faults.extend(vec![NotifyFault::LosesReply; 3]);
    delivers(&server, 81_001..=81_003);
    world.put_in_force(ONE_WAVE).await;
    world.until("2031-05-06T08:00:30Z").await;
    assert_eq!(world.sent().await, ["A81001-1 SEALED", "A81002-1 SEALED", "A81003-1 SEALED"]);
    world.crash_scheduler().await;
    world.taken_over_by("two").await;
    world.until("2031-05-06T12:00:00Z").await;
    assert_eq!(world.sent().await, ["A81001-1 GIVEN", "A81002-1 GIVEN", "A81003-1 GIVEN"]);
    assert_eq!(server.world().sent.len(), 3, "nobody was told twice");
}

#[tokio::test]
async fn who_may_ask_what_is_sent_may_not_have_it_sent_again() {
    let server = NotifyServer::open().await;
    let world = world(1, by_notify(&server)).await;
    let retry = wire::RetryNoticesRequest { wave: WAVE.to_owned(), ..Default::default() };
    let refused = world.notices("paula;roles=practice").retry_notices(retry).await;
    assert_eq!(reason(refused).0, Code::PermissionDenied);
    let unknown = wire::GetNoticeStatusRequest { wave: "programmes/none/waves/1".to_owned(), ..Default::default() };
    let refused = world.notices("paula;roles=practice").get_notice_status(unknown).await;
    assert_eq!(reason(refused).0, Code::NotFound);
}

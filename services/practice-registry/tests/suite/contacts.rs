//! SetContact, ListContacts, DeleteContact: addresses beside the journal, and nowhere else (rule 16).

use authority::Authority;
use clock::{Clock, VirtualClock, VirtualConfig};
use database::testing::TestStore;
use database::{Db, sql};
use identity::DevelopmentCaller;
use jiff::{SignedDuration, Timestamp};
use journal::{EngineConfig, Journal, MemoryFault};
use practice_registry::{Config, Limits, PracticeRegistry};
use proto::registry::v1 as wire;
use proto::registry::v1::ContactChannel;
use server::{Server, ServerConfig};
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::bench::{Bench, Client, PRACTICE, START, everywhere, header, moment, reason, refusal};
use crate::files;

/// What must be found in the table of addresses only.
const SECRET: &str = "hill-manager-7f3";

fn set(request_id: &str) -> wire::SetContactRequest {
    wire::SetContactRequest {
        name: PRACTICE.to_owned(),
        role: "practice-manager".to_owned(),
        channel: ContactChannel::Email.into(),
        address: format!("{SECRET}@example.org"),
        retain_until: moment("2031-12-01T00:00:00Z"),
        request_id: request_id.to_owned(),
        ..Default::default()
    }
}

fn delete(request_id: &str, number: u32) -> wire::DeleteContactRequest {
    wire::DeleteContactRequest {
        name: format!("{PRACTICE}/contacts/{number}"),
        request_id: request_id.to_owned(),
        ..Default::default()
    }
}

async fn addresses(client: &mut Client) -> Vec<(String, String)> {
    let list = wire::ListContactsRequest { name: PRACTICE.to_owned(), ..Default::default() };
    let reply = client.list_contacts(list).await.unwrap().into_inner();
    let named = |one: wire::AddressedContact| (one.contact.unwrap().name, one.address);
    reply.contacts.into_iter().map(named).collect()
}

#[tokio::test]
async fn a_contact_is_set_listed_replaced_and_deleted() {
    everywhere(async |bench| {
        bench.import_map().await;
        let first = bench.client.set_contact(set("a")).await.unwrap().into_inner().contact.unwrap();
        assert_eq!((first.name.as_str(), first.set_by.as_str()), ("practices/A81001/contacts/1", "alice"));
        let post = wire::SetContactRequest {
            channel: ContactChannel::Post.into(),
            address: "1 Hill Road\nHillton\nZZ1 1ZZ".to_owned(),
            ..set("b")
        };
        bench.client.set_contact(post).await.unwrap();
        let newer = wire::SetContactRequest { address: "new@example.org".to_owned(), ..set("c") };
        bench.client.set_contact(newer).await.unwrap();
        let name = |number| format!("{PRACTICE}/contacts/{number}");
        let post = (name(2), "1 Hill Road\nHillton\nZZ1 1ZZ".to_owned());
        let expected = [post.clone(), (name(3), "new@example.org".to_owned())];
        assert_eq!(addresses(&mut bench.client).await, expected);

        let deleted = bench.client.delete_contact(delete("d", 3)).await.unwrap().into_inner();
        assert_eq!(bench.client.delete_contact(delete("d", 3)).await.unwrap().into_inner(), deleted);
        assert_eq!(reason(bench.client.delete_contact(delete("e", 3)).await).1, "CONTACT_NOT_FOUND");
        assert_eq!(addresses(&mut bench.client).await, [post]);
    })
    .await;
}

#[tokio::test]
async fn a_repeated_call_sets_one_contact_and_another_address_under_its_id_is_refused() {
    everywhere(async |bench| {
        bench.import_map().await;
        let first = bench.client.set_contact(set("a")).await.unwrap().into_inner();
        assert_eq!(bench.client.set_contact(set("a")).await.unwrap().into_inner(), first);
        let other = wire::SetContactRequest { address: "other@example.org".to_owned(), ..set("a") };
        let (code, explained) = refusal(bench.client.set_contact(other).await);
        assert_eq!((code, explained.reason.as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"));
        assert_eq!(addresses(&mut bench.client).await.len(), 1);

        bench.client.delete_contact(delete("d", 1)).await.unwrap();
        assert_eq!(bench.client.set_contact(set("a")).await.unwrap().into_inner(), first, "as it was then");
        assert!(addresses(&mut bench.client).await.is_empty(), "and it does not come back");
    })
    .await;
}

#[tokio::test]
async fn a_contact_whose_acknowledgement_was_lost_is_set_once_with_its_address() {
    let mut bench = Bench::with_practices().await;
    bench.fail_next_commit(MemoryFault::AfterCommit).await;
    bench.client.set_contact(set("a")).await.unwrap();
    assert_eq!(addresses(&mut bench.client).await, [(format!("{PRACTICE}/contacts/1"), set("a").address)]);
}

#[tokio::test]
async fn a_contact_that_is_malformed_is_refused_by_field_and_no_error_repeats_the_address() {
    let mut bench = Bench::with_practices().await;
    type Spoil = fn(&mut wire::SetContactRequest);
    let cases: [(Spoil, &str, &str); 9] = [
        (|set| set.name = "practices/Z99999".to_owned(), "PRACTICE_NOT_FOUND", ""),
        (|set| set.role = "Jane Doe".to_owned(), "CONTACT_ROLE_INVALID", "role"),
        (|set| set.channel = 0, "FIELD_REQUIRED", "channel"),
        (|set| set.address.clear(), "FIELD_REQUIRED", "address"),
        (|set| set.address = format!("{SECRET} at example"), "EMAIL_ADDRESS_INVALID", "address"),
        (|set| set.address = format!("{SECRET}.x.9434765919@example.org"), "NHS_NUMBER_IN_TEXT", "address"),
        (|set| set.retain_until = None, "FIELD_REQUIRED", "retain_until"),
        (|set| set.retain_until = moment("2031-06-02T08:00:00Z"), "RETENTION_OUT_OF_RANGE", "retain_until"),
        (|set| set.retain_until = moment("2041-06-02T08:00:00Z"), "RETENTION_OUT_OF_RANGE", "retain_until"),
    ];
    for (spoil, expected, field) in cases {
        let mut request = set("a");
        spoil(&mut request);
        let refused = bench.client.set_contact(request).await.unwrap_err();
        assert!(!format!("{refused:?}").contains(SECRET), "{refused:?}");
        let (_, explained) = refusal::<()>(Err(refused));
        assert_eq!(explained.reason, expected);
        assert_eq!(explained.fields.first().map_or("", |(path, _)| path.as_str()), field, "{expected}");
    }
    bench.client.set_contact(set("a")).await.unwrap();
    assert_eq!(addresses(&mut bench.client).await.len(), 1, "what was refused has not taken the id");
}

#[tokio::test]
async fn contacts_are_read_by_those_who_write_to_practices_and_by_nobody_else() {
    let mut bench = Bench::with_practices().await;
    bench.client.set_contact(set("a")).await.unwrap();
    let list = || wire::ListContactsRequest { name: PRACTICE.to_owned(), ..Default::default() };
    for roles in ["icb", "supplier", "statistician", "auditor", "operator", "approver", "safety-officer"] {
        let mut client = bench.client_as(&format!("bob;roles={roles}"));
        assert_eq!(reason(client.list_contacts(list()).await).0, Code::PermissionDenied, "{roles}");
    }
    let own = "bob;roles=practice;organisation=practices/A81001";
    for account in [own, "bob;roles=programme-lead", "bob;roles=service"] {
        assert_eq!(addresses(&mut bench.client_as(account)).await.len(), 1, "{account}");
    }
}

/// Every text and blob of every table but the one of addresses.
async fn written_elsewhere(db: &Db) -> String {
    let mut all = String::new();
    let record = "select actor, request_id, cause, payload, reason_code from journal_records";
    for row in db.fetch_all(sql(record)).await.unwrap() {
        for column in ["actor", "request_id", "cause", "payload", "reason_code"] {
            all += &row.get::<String>(column).unwrap();
        }
    }
    for row in db.fetch_all(sql("select note from journal_notes")).await.unwrap() {
        all += &row.get::<String>("note").unwrap();
    }
    for row in db.fetch_all(sql("select reply from journal_requests")).await.unwrap() {
        all += &String::from_utf8_lossy(&row.get::<Vec<u8>>("reply").unwrap());
    }
    for row in db.fetch_all(sql("select bytes from journal_snapshot_parts")).await.unwrap() {
        all += &String::from_utf8_lossy(&row.get::<Vec<u8>>("bytes").unwrap());
    }
    all
}

async fn stored_count(db: &Db) -> i64 {
    db.fetch_one(sql("select count(*) as rows from contact_addresses")).await.unwrap().get("rows").unwrap()
}

/// Rules 15 and 16: on each database at hand, with the loops running on a discrete-event clock.
#[tokio::test]
async fn an_address_is_in_its_table_only_and_is_erased_when_its_retention_date_comes() {
    for store in TestStore::each().await {
        let db = Db::open(store.store(), "registry").await.unwrap();
        db.migrate(&journal::MIGRATIONS).await.unwrap();
        db.migrate(&practice_registry::MIGRATIONS).await.unwrap();
        let start: Timestamp = START.parse().unwrap();
        let (time, advance) = VirtualClock::new(VirtualConfig::new(start));
        let clock = Clock::Virtual(time);
        let activity = clock.activity();
        let (registry, mut client) = open(&clock, &db).await;
        let shutdown = CancellationToken::new();
        let loops = tokio::spawn({
            let (registry, shutdown) = (registry.clone(), shutdown.clone());
            async move { registry.run(shutdown).await }
        });
        let advance = tokio::spawn(advance.run());
        let retain_until = start + SignedDuration::from_hours(24);
        let kept = wire::SetContactRequest { retain_until: Some(api::time::to_wire(retain_until)), ..set("a") };
        client.set_contact(kept).await.unwrap();
        let longer = wire::SetContactRequest { role: "deputy".to_owned(), ..set("b") };
        client.set_contact(longer).await.unwrap();
        assert_eq!(addresses(&mut client).await.len(), 2);

        let before = clock.sleep_until(retain_until - SignedDuration::from_micros(1), "test");
        drop(activity);
        let activity = before.await;
        assert_eq!(stored_count(&db).await, 2);
        let after = clock.sleep_until(retain_until + SignedDuration::from_hours(1), "test");
        drop(activity);
        let activity = after.await;
        assert_eq!(stored_count(&db).await, 1, "one is kept longer");
        assert_eq!(addresses(&mut client).await.len(), 1);
        let written = written_elsewhere(&db).await;
        assert!(written.contains("practice-manager") && !written.contains(SECRET));

        shutdown.cancel();
        drop(activity);
        loops.await.unwrap();
        advance.abort();
        assert!(!written_elsewhere(&db).await.contains(SECRET), "nor in the snapshot that is taken at the end");
    }
}

async fn open(clock: &Clock, db: &Db) -> (PracticeRegistry, Client) {
    use wire::import_directory_request::Part;
    let (journal, clock) = (Journal::Sql(db.clone()), clock.clone());
    let config = Config { journal, clock, engine: EngineConfig::default(), limits: Limits::default() };
    let registry = PracticeRegistry::open(config).await.unwrap();
    let server = Server::new(ServerConfig::default(), DevelopmentCaller, Authority::standard());
    let routes = registry.add_to(server).build().unwrap();
    let peer = client::Peer::local("registry", routes, "alice", client::PeerConfig::default()).unwrap();
    let mut client = Client::new(peer);
    let parts = [Part::Header(header(wire::DirectoryFormat::Map, "map")), Part::Data(files::map().into_bytes().into())];
    let parts = parts.map(|part| wire::ImportDirectoryRequest { part: Some(part) });
    client.import_directory(futures_util::stream::iter(parts)).await.unwrap();
    (registry, client)
}

/// A crash between the record and its erasure leaves nothing behind.
#[tokio::test]
async fn what_was_taken_away_while_nobody_erased_is_erased_at_the_next_start() {
    for store in TestStore::each().await {
        let db = Db::open(store.store(), "registry").await.unwrap();
        db.migrate(&journal::MIGRATIONS).await.unwrap();
        db.migrate(&practice_registry::MIGRATIONS).await.unwrap();
        let (clock, time) = Clock::manual(START.parse().unwrap());
        let (registry, mut client) = open(&clock, &db).await;
        client.set_contact(set("a")).await.unwrap();
        client
            .set_contact(wire::SetContactRequest { address: "new@example.org".to_owned(), ..set("b") })
            .await
            .unwrap();
        // Stored, and its record never came.
        let insert = "insert into contact_addresses (id, practice, address, stored_at_us, retain_until_us) \
                      values ('lost', 'A81001', 'lost@example.org', $1, $2)";
        let (now, later) = (clock.now(), clock.now() + SignedDuration::from_hours(24));
        db.execute(sql(insert).bind(now.as_microsecond()).bind(later.as_microsecond())).await.unwrap();
        assert_eq!(stored_count(&db).await, 3, "the loop does not run");
        registry.engine().shutdown().await;

        time.advance(SignedDuration::from_hours(2));
        let (registry, mut client) = open(&clock, &db).await;
        let shutdown = CancellationToken::new();
        let loops = tokio::spawn({
            let (registry, shutdown) = (registry.clone(), shutdown.clone());
            async move { registry.run(shutdown).await }
        });
        let until_swept = async {
            while stored_count(&db).await != 1 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), until_swept).await.unwrap();
        assert_eq!(addresses(&mut client).await, [(format!("{PRACTICE}/contacts/2"), "new@example.org".to_owned())]);
        shutdown.cancel();
        loops.await.unwrap();
    }
}

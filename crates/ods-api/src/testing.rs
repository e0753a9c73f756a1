//! A publisher on this machine that behaves as the real one is documented to, and fails when it is told to.
//!
//! It speaks both interfaces over the same organisations, below `/fhir` and `/ORD/2-0-0`. HTTP is written by hand, so
//! that an answer can be cut off where a test wants it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::Date;
use ods::OrganisationRecord;
use ods::fhir::{Version, affiliations, organization};
use ods::record::{Period, SuccessionKind};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use outgoing::BaseUrl;

/// How far back ORD tells changes.
const DAYS_BACK_MAX: i32 = 185;

/// What goes wrong with a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Nothing: that one is answered.
    Nothing,
    /// This status, with these headers and this body.
    Status(u16, Vec<(&'static str, &'static str)>, &'static str),
    /// The connection is closed after half of the body.
    CutOff,
    /// A whole body by its length, which is half of the document.
    HalfADocument,
    /// A body that is no JSON, and says that it is.
    Garbage,
    /// No answer for so long.
    Silence(Duration),
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Path and query.
    pub path: String,
    /// The key that was shown.
    pub key: Option<String>,
}

/// What the publisher knows and does.
#[derive(Debug, Default)]
pub struct World {
    /// Its organisations by code. `changed` is their last change.
    pub organisations: BTreeMap<String, OrganisationRecord>,
    /// Its day.
    pub today: Date,
    /// The key that it accepts; None = it asks for none.
    pub key: Option<String>,
    /// What is to go wrong with the next requests, one after the other.
    pub faults: VecDeque<Fault>,
    /// What changes by itself after so many requests: a practice between two pages.
    pub changes: BTreeMap<usize, OrganisationRecord>,
    /// The most that a page of ORD's search holds.
    pub limit: usize,
    /// What was asked, in order.
    pub asked: Vec<Asked>,
    /// Where FHIR's links to the next page lead; None = to itself.
    pub links_to: Option<String>,
    /// The pages that it has forgotten: it answers 410 to whatever begins at this offset.
    pub forgotten: Option<usize>,
}

/// The publisher, until it is dropped.
#[derive(Debug)]
pub struct Publisher {
    address: String,
    world: Arc<Mutex<World>>,
    serving: JoinHandle<()>,
}

impl Publisher {
    /// Opens a publisher whose day is `today`.
    pub async fn open(today: Date) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of this machine is free");
        let address = listener.local_addr().expect("it was bound").to_string();
        let world = Arc::new(Mutex::new(World { today, limit: 1_000, ..World::default() }));
        let serving = tokio::spawn(serve(listener, address.clone(), Arc::clone(&world)));
        Self { address, world, serving }
    }

    /// What it knows and does.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets it know these organisations.
    pub fn knows(&self, records: impl IntoIterator<Item = OrganisationRecord>) {
        self.world().organisations.extend(records.into_iter().map(|record| (record.code.clone(), record)));
    }

    /// Where its FHIR interface is.
    pub fn fhir(&self) -> BaseUrl {
        format!("http://{}/fhir", self.address).parse().expect("it is on this machine")
    }

    /// Where its ORD interface is.
    pub fn ord(&self) -> BaseUrl {
        format!("http://{}/ORD/2-0-0", self.address).parse().expect("it is on this machine")
    }

    /// The paths that were asked for so far, without their queries.
    pub fn asked(&self) -> Vec<String> {
        let path = |asked: &Asked| asked.path.split('?').next().unwrap_or_default().to_owned();
        self.world().asked.iter().map(path).collect()
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, address: String, world: Arc<Mutex<World>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (address, world) = (address.clone(), Arc::clone(&world));
        // Whoever hangs up has hung up.
        tokio::spawn(async move { answer(stream, &address, &world).await.ok() });
    }
}

async fn answer(stream: TcpStream, address: &str, world: &Mutex<World>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let path = lines.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
    let key = lines.iter().find_map(|line| line.strip_prefix("apikey: ")).map(str::to_owned);
    let (reply, fault) = {
        let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
        world.asked.push(Asked { path: path.clone(), key: key.clone() });
        let asked_count = world.asked.len();
        let reply = world.answer(address, &path, key.as_deref());
        if let Some(changed) = world.changes.remove(&asked_count) {
            world.organisations.insert(changed.code.clone(), changed);
        }
        (reply, world.faults.pop_front())
    };
    let (reply, sent_bytes) = match fault {
        None | Some(Fault::Nothing) => (reply, None),
        Some(Fault::Status(status, headers, body)) => {
            let headers = headers.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
            (Reply { status, headers, body: body.as_bytes().to_vec() }, None)
        }
        Some(Fault::CutOff) => {
            let half = reply.body.len() / 2;
            (reply, Some(half))
        }
        Some(Fault::HalfADocument) => {
            let half = reply.body.len() / 2;
            (Reply { body: reply.body[..half].to_vec(), ..reply }, None)
        }
        Some(Fault::Garbage) => (Reply { body: b"<html>busy</html>".to_vec(), ..reply }, None),
        Some(Fault::Silence(time)) => {
            tokio::time::sleep(time).await;
            (reply, None)
        }
    };
    let mut head =
        format!("HTTP/1.1 {} X\r\nconnection: close\r\ncontent-length: {}\r\n", reply.status, reply.body.len());
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await?;
    stream.write_all(&reply.body[..sent_bytes.unwrap_or(reply.body.len())]).await?;
    stream.shutdown().await
}

struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Reply {
    fn json(status: u16, document: &Value) -> Self {
        let headers = vec![("content-type", "application/json; charset=utf-8".to_owned())];
        Self { status, headers, body: document.to_string().into_bytes() }
    }

    fn refused(text: &str) -> Self {
        Self::json(406, &json!({ "errorCode": 406, "errorText": text }))
    }
}

impl World {
    fn answer(&self, address: &str, path_and_query: &str, key: Option<&str>) -> Reply {
        if self.key.is_some() && self.key.as_deref() != key {
            return Reply::json(401, &json!({}));
        }
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let query: BTreeMap<&str, &str> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        match path.strip_prefix("/ORD/2-0-0") {
            Some("/sync") => self.sync(address, &query),
            Some("/organisations") => self.search(address, &query),
            Some(rest) => match rest.strip_prefix("/organisations/").and_then(|code| self.organisations.get(code)) {
                Some(record) => Reply::json(200, &ord_organisation(record)),
                None => Reply::json(404, &json!({ "errorCode": 404, "errorText": "No Organisation found" })),
            },
            None if path == "/fhir/Organization" => self.bundle(address, path_and_query, &query),
            None => Reply::json(404, &json!({})),
        }
    }

    fn sync(&self, address: &str, query: &BTreeMap<&str, &str>) -> Reply {
        let day: Option<Date> = query.get("LastChangeDate").and_then(|day| day.parse().ok());
        let Some(day) = day.filter(|day| *day >= self.today - DAYS_BACK_MAX.days()) else {
            return Reply::refused("LastChangeDate must be within 185 days");
        };
        let links: Vec<Value> =
            self.changed_since(Some(day)).iter().map(|record| json!({ "OrgLink": link(address, record) })).collect();
        Reply::json(200, &json!({ "Organisations": links }))
    }

    fn search(&self, address: &str, query: &BTreeMap<&str, &str>) -> Reply {
        let known = ["PrimaryRoleId", "NonPrimaryRoleId", "Limit", "Offset", "_format"];
        if query.keys().any(|name| !known.contains(name)) || query.get("Offset") == Some(&"0") {
            return Reply::refused("an invalid parameter");
        }
        let number = |name: &str| query.get(name).and_then(|number| number.parse::<usize>().ok());
        let (limit, offset) = (number("Limit").unwrap_or(20).min(self.limit), number("Offset").unwrap_or(0));
        let found = self.practices(None);
        let item = |record: &&OrganisationRecord| json!({ "Name": record.name, "OrgId": record.code, "OrgLink": link(address, record) });
        let page: Vec<Value> = found.iter().skip(offset).take(limit).map(item).collect();
        let mut reply = Reply::json(200, &json!({ "Organisations": page }));
        reply.headers.push(("X-Total-Count", found.len().to_string()));
        reply
    }

    fn bundle(&self, address: &str, path_and_query: &str, query: &BTreeMap<&str, &str>) -> Reply {
        let number = |name: &str| query.get(name).and_then(|number| number.parse::<usize>().ok());
        let (count, offset) = (number("_count").unwrap_or(20), number("_offset").unwrap_or(0));
        if self.forgotten == Some(offset) && offset > 0 {
            return Reply::json(
                410,
                &json!({ "resourceType": "OperationOutcome", "issue": [{ "diagnostics": "gone" }] }),
            );
        }
        let since = query.get("_lastUpdated").and_then(|since| since.strip_prefix("ge")?.parse().ok());
        let found: Vec<&OrganisationRecord> = match query.get("identifier") {
            Some(codes) => codes.split(',').filter_map(|code| self.organisations.get(code)).collect(),
            None => self.practices(since),
        };
        let version = Version { id: 1, last_updated: jiff::Timestamp::UNIX_EPOCH };
        let mut entries = Vec::new();
        let page = found.iter().skip(offset).take(count);
        for record in page.clone() {
            entries.push(json!({ "resource": organization(record, version) }));
        }
        for record in page {
            entries.extend(affiliations(record).into_iter().map(|resource| json!({ "resource": resource })));
        }
        let mut links = vec![json!({ "relation": "self", "url": format!("http://{address}{path_and_query}") })];
        if offset + count < found.len() {
            let base = self.links_to.clone().unwrap_or_else(|| format!("http://{address}"));
            let first = path_and_query.split("&_offset=").next().unwrap_or_default();
            links.push(json!({ "relation": "next", "url": format!("{base}{first}&_offset={}", offset + count) }));
        }
        Reply::json(
            200,
            &json!({
                "resourceType": "Bundle", "type": "searchset", "total": found.len(), "link": links, "entry": entries,
            }),
        )
    }

    /// As they changed, so that a change moves an organisation to the end.
    fn changed_since(&self, day: Option<Date>) -> Vec<&OrganisationRecord> {
        let mut found: Vec<_> =
            self.organisations.values().filter(|record| day.is_none_or(|day| record.changed >= Some(day))).collect();
        found.sort_by_key(|record| (record.changed, &record.code));
        found
    }

    fn practices(&self, since: Option<Date>) -> Vec<&OrganisationRecord> {
        self.changed_since(since).into_iter().filter(|record| record.is_gp_practice()).collect()
    }
}

fn link(address: &str, record: &OrganisationRecord) -> String {
    format!("http://{address}/ORD/2-0-0/organisations/{}", record.code)
}

fn ord_organisation(record: &OrganisationRecord) -> Value {
    let roles: Vec<Value> = record.roles.iter().map(|held| {
        json!({ "id": held.role, "uniqueRoleId": 1, "Date": [ord_date("Operational", held.operational)], "Status": ord_status(held.is_active) })
    }).collect();
    let mut organisation = json!({
        "Name": record.name,
        "Date": [ord_date("Operational", record.operational)],
        "OrgId": { "root": "2.16.840.1.113883.2.1.3.2.4.18.48", "assigningAuthorityName": "HSCIC", "extension": record.code },
        "Status": ord_status(record.is_active),
        "orgRecordClass": "RC1",
        "Roles": { "Role": roles },
    });
    if let Some(changed) = record.changed {
        organisation["LastChangeDate"] = json!(changed.to_string());
    }
    if let Some(postcode) = &record.postcode {
        organisation["GeoLoc"] = json!({ "Location": { "PostCode": postcode, "Country": "ENGLAND" } });
    }
    if let Some(held) = &record.relationships {
        let rels: Vec<Value> = held
            .iter()
            .map(|held| {
                json!({
                    "Date": [ord_date("Operational", held.operational)], "Status": ord_status(held.is_active),
                    "Target": { "OrgId": { "extension": held.target } }, "id": held.kind, "uniqueRelId": 1,
                })
            })
            .collect();
        organisation["Rels"] = json!({ "Rel": rels });
    }
    let succs: Vec<Value> = record.successions.iter().map(|succession| {
        let kind = match succession.kind {
            SuccessionKind::Predecessor => "Predecessor",
            SuccessionKind::Successor => "Successor",
        };
        let legal = ord_date("Legal", Period { start: succession.date, end: None });
        json!({ "uniqueSuccId": 1, "Date": [legal], "Type": kind, "Target": { "OrgId": { "extension": succession.other } } })
    }).collect();
    if !succs.is_empty() {
        organisation["Succs"] = json!({ "Succ": succs });
    }
    json!({ "Organisation": organisation })
}

fn ord_date(kind: &str, period: Period) -> Value {
    let mut date = json!({ "Type": kind });
    for (name, day) in [("Start", period.start), ("End", period.end)] {
        if let Some(day) = day {
            date[name] = json!(day.to_string());
        }
    }
    date
}

fn ord_status(is_active: bool) -> &'static str {
    if is_active { "Active" } else { "Inactive" }
}

/// A practice of England, commissioned by `sub_icb` and in `pcn`, which changed last on `changed`.
#[must_use]
pub fn practice(code: &str, name: &str, sub_icb: &str, pcn: &str, changed: Date) -> OrganisationRecord {
    let since = |start: &str| Period { start: start.parse().ok(), end: None };
    let held = |kind: &str, target: &str, start| ods::record::Relationship {
        kind: kind.to_owned(),
        target: target.to_owned(),
        is_active: true,
        operational: since(start),
    };
    OrganisationRecord {
        code: code.to_owned(),
        name: name.to_owned(),
        is_active: true,
        postcode: Some("ZZ1 1ZZ".to_owned()),
        operational: since("1974-04-01"),
        legal: Period::default(),
        changed: Some(changed),
        roles: vec![ods::record::HeldRole {
            role: ods::record::GP_PRACTICE_ROLE.to_owned(),
            is_active: true,
            operational: since("2014-04-15"),
        }],
        relationships: Some(vec![
            held(ods::record::COMMISSIONED_BY, sub_icb, "2013-04-01"),
            held(ods::record::PARTNER_TO, pcn, "2019-07-01"),
        ]),
        successions: Vec::new(),
        supplier: None,
        list_size: None,
    }
}

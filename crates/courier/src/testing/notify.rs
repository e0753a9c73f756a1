//! GOV.UK Notify as its documentation has it: tokens, templates, notifications and their statuses, and its errors. HTTP is
//! written by hand, so that an answer can be lost where a test wants it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clock::Clock;
use hmac::{Hmac, KeyInit, Mac};
use outgoing::BaseUrl;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const SERVICE_ID: &str = "26785a09-ab16-4eb0-8407-a37497a57506";
const SECRET: &str = "3d844edf-8d35-48ac-975b-e847b4f122b0";

/// "The token expires within 30 seconds of the current time."
const TOKEN_TIME_S: i64 = 30;

/// What goes wrong with a request to send.
#[derive(Clone, Debug)]
pub enum NotifyFault {
    /// Nothing: that one is taken.
    Nothing,
    /// This status, with an error of this type, which its message repeats, and further headers; nothing is taken.
    Status(u16, &'static str, Vec<(&'static str, &'static str)>),
    /// It is not taken, and the connection is closed.
    LosesRequest,
    /// It is taken, and the connection is closed instead of an answer.
    LosesReply,
    /// It is taken, and answered only so much later.
    Silence(Duration),
    /// An answer that is no JSON, as a proxy's.
    Garbage,
}

/// A notification that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentNotification {
    /// Its id.
    pub id: String,
    /// Our reference.
    pub reference: String,
    /// `email` or `letter`.
    pub kind: String,
    /// To whom: an e-mail address, or the lines of a letter's address.
    pub to: Vec<String>,
    /// The template.
    pub template: String,
    /// What was given for its places, the address aside.
    pub personalisation: BTreeMap<String, String>,
}

/// What the server knows and does.
#[derive(Debug, Default)]
pub struct NotifyWorld {
    /// Templates by id, each with its type.
    pub templates: BTreeMap<String, String>,
    /// What was taken, in order.
    pub sent: Vec<SentNotification>,
    /// The status of a notification by whom it is to, the first line of its address; `sending` where nothing is said.
    pub statuses: BTreeMap<String, &'static str>,
    /// What is to go wrong with the next requests to send, one after the other.
    pub faults: VecDeque<NotifyFault>,
    /// Notifications that it has forgotten: older than it remembers.
    pub forgets_all: bool,
    /// Keys are refused: it was revoked.
    pub key_revoked: bool,
    /// The service may not send to anybody: it is in trial mode.
    pub trial_mode: bool,
    /// Method and path of each request, in order.
    pub asked: Vec<String>,
    /// When a notification was completed, as it says.
    pub completed_at: String,
}

/// The server, until it is dropped.
#[derive(Debug)]
pub struct NotifyServer {
    address: String,
    world: Arc<Mutex<NotifyWorld>>,
    serving: JoinHandle<()>,
}

impl NotifyServer {
    /// The template of e-mails that it begins with.
    pub const EMAIL: &'static str = "f33517ff-2a88-4f6e-b855-c550268ce08a";
    /// The template of letters that it begins with.
    pub const LETTER: &'static str = "64415853-cb86-4cc4-b597-2aaa94ef8c39";

    /// Opens a server with a template of each kind.
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of this machine is free");
        let address = listener.local_addr().expect("it was bound").to_string();
        let templates = [(Self::EMAIL, "email"), (Self::LETTER, "letter")];
        let templates = templates.map(|(id, kind)| (id.to_owned(), kind.to_owned())).into_iter().collect();
        let completed_at = "2031-05-07T10:00:00.000000Z".to_owned();
        let world = Arc::new(Mutex::new(NotifyWorld { templates, completed_at, ..NotifyWorld::default() }));
        let serving = tokio::spawn(serve(listener, Arc::clone(&world)));
        Self { address, world, serving }
    }

    /// What it knows and does.
    pub fn world(&self) -> MutexGuard<'_, NotifyWorld> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it is.
    pub fn base(&self) -> BaseUrl {
        format!("http://{}", self.address).parse().expect("it is on this machine")
    }

    /// The key that it takes.
    pub fn key() -> String {
        format!("a-test-{SERVICE_ID}-{SECRET}")
    }

    /// To whom notifications were sent, in order.
    pub fn recipients(&self) -> Vec<String> {
        self.world().sent.iter().map(|sent| sent.to[0].clone()).collect()
    }
}

impl Drop for NotifyServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, world: Arc<Mutex<NotifyWorld>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let world = Arc::clone(&world);
        // Whoever hangs up has hung up.
        tokio::spawn(async move { answer(stream, &world).await.ok() });
    }
}

struct Asked {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    token: String,
    body: Value,
}

async fn read(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<Asked>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let header = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
    let mut body = vec![0; header("content-length: ").parse().unwrap_or(0)];
    stream.read_exact(&mut body).await?;
    let mut first = lines[0].split(' ');
    let method = first.next().unwrap_or_default().to_owned();
    let target = first.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    Ok(Some(Asked {
        method,
        path: path.to_owned(),
        query: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        token: header("authorization: Bearer "),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    }))
}

async fn answer(stream: TcpStream, world: &Mutex<NotifyWorld>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let Some(asked) = read(&mut stream).await? else { return Ok(()) };
    let (reply, fault) = {
        let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
        world.asked.push(format!("{} {}", asked.method, asked.path));
        let fault = if asked.method == "POST" { world.faults.pop_front() } else { None };
        let is_taken = !matches!(fault, Some(NotifyFault::Status(..) | NotifyFault::LosesRequest));
        let reply = if is_taken { Some(world.answer(&asked)) } else { None };
        (reply, fault)
    };
    let (status, headers, body) = match (fault, reply) {
        (Some(NotifyFault::LosesRequest | NotifyFault::LosesReply), _) => return Ok(()),
        (Some(NotifyFault::Status(status, kind, headers)), _) => {
            (status, headers, error(status, kind, &format!("{kind}, as the test has it")))
        }
        (Some(NotifyFault::Garbage), _) => {
            let head = "HTTP/1.1 201 X\r\nconnection: close\r\ncontent-length: 4\r\n\r\nbusy";
            stream.write_all(head.as_bytes()).await?;
            return stream.shutdown().await;
        }
        (fault, Some((status, body))) => {
            if let Some(NotifyFault::Silence(time)) = fault {
                tokio::time::sleep(time).await;
            }
            (status, Vec::new(), body)
        }
        (_, None) => return Ok(()),
    };
    let body = body.to_string();
    let mut head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    head.push_str("content-type: application/json\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).await?;
    stream.shutdown().await
}

/// An error as Notify words them.
fn error(status: u16, kind: &str, message: &str) -> Value {
    json!({ "status_code": status, "errors": [{ "error": kind, "message": message }] })
}

impl NotifyWorld {
    fn answer(&mut self, asked: &Asked) -> (u16, Value) {
        if self.key_revoked || !is_token(&asked.token) {
            return (403, error(403, "AuthError", "Invalid token: API key not found"));
        }
        match (asked.method.as_str(), asked.path.as_str()) {
            ("POST", "/v2/notifications/email") => self.take("email", &asked.body),
            ("POST", "/v2/notifications/letter") => self.take("letter", &asked.body),
            ("GET", "/v2/notifications") => {
                let reference = asked.query.get("reference").map(String::as_str).unwrap_or_default();
                let found = self.sent.iter().filter(|sent| !self.forgets_all && sent.reference == reference);
                (200, json!({ "notifications": found.map(|sent| self.tell(sent)).collect::<Vec<_>>(), "links": {} }))
            }
            ("GET", path) => {
                if let Some(id) = path.strip_prefix("/v2/template/") {
                    return match self.templates.get(id) {
                        Some(kind) => (200, json!({ "id": id, "type": kind, "version": 1 })),
                        None => (404, error(404, "NoResultFound", "No result found")),
                    };
                }
                let id = path.strip_prefix("/v2/notifications/").unwrap_or_default();
                match self.sent.iter().find(|sent| !self.forgets_all && sent.id == id) {
                    Some(sent) => (200, self.tell(sent)),
                    None => (404, error(404, "NoResultFound", "No result found")),
                }
            }
            _ => (405, error(405, "MethodNotAllowed", "The method is not allowed")),
        }
    }

    fn take(&mut self, kind: &str, body: &Value) -> (u16, Value) {
        let bad = |kind: &str, message: &str| (400, error(400, kind, message));
        let template = body["template_id"].as_str().unwrap_or_default();
        if self.templates.get(template).is_none_or(|known| known != kind) {
            return bad("BadRequestError", "Template not found");
        }
        if self.trial_mode {
            return bad("BadRequestError", "Cannot send to this recipient when service is in trial mode");
        }
        let given = body["personalisation"].as_object().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (lines, others): (Vec<_>, Vec<_>) = given
            .iter()
            .map(|(name, value)| (name.clone(), text(value)))
            .partition(|(name, _)| name.starts_with("address_line_"));
        let to = match kind {
            "email" => {
                let address = text(&body["email_address"]);
                if !address.contains('@') || address.starts_with("refused") {
                    return bad("ValidationError", "email_address is not a valid email address");
                }
                vec![address]
            }
            _ => {
                let lines: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
                if lines.len() < 3 {
                    return bad("ValidationError", "Address must be at least 3 lines");
                }
                if !lines.last().is_some_and(|last| last.contains(|character: char| character.is_ascii_digit())) {
                    return bad("ValidationError", "Must be a real UK postcode");
                }
                lines
            }
        };
        let id = format!("740e5834-3a29-46b4-9a6f-{:012}", self.sent.len() + 1);
        self.sent.push(SentNotification {
            id: id.clone(),
            reference: text(&body["reference"]),
            kind: kind.to_owned(),
            to,
            template: template.to_owned(),
            personalisation: others.into_iter().collect(),
        });
        (
            201,
            json!({ "id": id, "reference": body["reference"], "uri": "", "content": {}, "template": { "id": template } }),
        )
    }

    /// A notification as it is told, with the address that it repeats.
    fn tell(&self, sent: &SentNotification) -> Value {
        let status = self.statuses.get(&sent.to[0]).copied().unwrap_or("sending");
        let is_complete = !matches!(status, "created" | "sending" | "accepted");
        let mut told = json!({
            "id": sent.id, "reference": sent.reference, "type": sent.kind, "status": status, "body": "…",
            "created_at": self.completed_at, "sent_at": self.completed_at,
            "completed_at": is_complete.then_some(&self.completed_at),
        });
        let field = if sent.kind == "email" { "email_address" } else { "line_1" };
        told[field] = json!(sent.to[0]);
        told
    }
}

/// Signed by our secret, from our service, of the last thirty seconds.
fn is_token(token: &str) -> bool {
    let Some((signed, signature)) = token.rsplit_once('.') else { return false };
    let Some((header, payload)) = signed.split_once('.') else { return false };
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(signed.as_bytes());
    let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
    let read = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap_or_default());
    let (Ok(header), Ok(claims)) = (read(header), read(payload)) else { return false };
    let age_s = Clock::system().now().as_second() - claims["iat"].as_i64().unwrap_or(0);
    mac.verify_slice(&signature).is_ok()
        && header == json!({ "typ": "JWT", "alg": "HS256" })
        && claims["iss"] == SERVICE_ID
        && age_s.abs() <= TOKEN_TIME_S
}

//! A mail server by RFC 5321, in the clear.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What goes wrong with an e-mail.
#[derive(Clone, Debug)]
pub enum MailFault {
    /// Nothing.
    Nothing,
    /// This code at the greeting.
    Greeting(u16),
    /// This code once the text has come; it is not taken.
    Text(u16),
    /// It is taken, and the connection is closed instead of an answer.
    LosesReply,
    /// It is taken, and answered only so much later.
    Silence(Duration),
}

/// An e-mail that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// From whom, by the envelope.
    pub from: String,
    /// To whom, by the envelope.
    pub to: String,
    /// Headers and body.
    pub text: String,
}

/// What the server knows and does.
#[derive(Debug, Default)]
pub struct MailWorld {
    /// What was taken, in order.
    pub received: Vec<Received>,
    /// Recipients that it refuses, each with its code.
    pub refuses: BTreeMap<String, u16>,
    /// Name and password that it wants.
    pub login: Option<(String, String)>,
    /// What is to go wrong with the next connections, one after the other.
    pub faults: VecDeque<MailFault>,
}

/// The server, until it is dropped.
#[derive(Debug)]
pub struct MailServer {
    port: u16,
    world: Arc<Mutex<MailWorld>>,
    serving: JoinHandle<()>,
}

impl MailServer {
    /// Opens a server on this machine.
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of this machine is free");
        let port = listener.local_addr().expect("it was bound").port();
        let world = Arc::new(Mutex::new(MailWorld::default()));
        let serving = tokio::spawn(serve(listener, Arc::clone(&world)));
        Self { port, world, serving }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it knows and does.
    pub fn world(&self) -> MutexGuard<'_, MailWorld> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, world: Arc<Mutex<MailWorld>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let world = Arc::clone(&world);
        tokio::spawn(async move { talk(stream, &world).await.ok() });
    }
}

async fn talk(stream: TcpStream, world: &Mutex<MailWorld>) -> std::io::Result<()> {
    let lock = || world.lock().unwrap_or_else(PoisonError::into_inner);
    let fault = lock().faults.pop_front().unwrap_or(MailFault::Nothing);
    let mut stream = BufReader::new(stream);
    if let MailFault::Greeting(code) = fault {
        stream.write_all(format!("{code} closing\r\n").as_bytes()).await?;
        return stream.shutdown().await;
    }
    stream.write_all(b"220 mail.example ESMTP\r\n").await?;
    let mut mail = Received { from: String::new(), to: String::new(), text: String::new() };
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim();
        let path = |line: &str| line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let answer = if line.starts_with("EHLO") {
            "250-mail.example\r\n250-AUTH PLAIN\r\n250 8BITMIME".to_owned()
        } else if let Some(given) = line.strip_prefix("AUTH PLAIN ") {
            let given = String::from_utf8(STANDARD.decode(given).unwrap_or_default()).unwrap_or_default();
            let wanted = lock().login.clone().map(|(name, password)| format!("\0{name}\0{password}"));
            if wanted.as_ref() == Some(&given) { "235 welcome" } else { "535 5.7.8 no" }.to_owned()
        } else if line.starts_with("MAIL FROM") {
            mail.from = path(line);
            "250 ok".to_owned()
        } else if line.starts_with("RCPT TO") {
            mail.to = path(line);
            let code = lock().refuses.get(&mail.to).copied();
            code.map_or("250 ok".to_owned(), |code| format!("{code} <{}>: as the test has it", mail.to))
        } else if line == "DATA" {
            stream.write_all(b"354 go on\r\n").await?;
            mail.text = text(&mut stream).await?;
            match fault {
                MailFault::Text(code) => format!("{code} not this"),
                MailFault::LosesReply => {
                    lock().received.push(mail);
                    return Ok(());
                }
                _ => {
                    lock().received.push(mail.clone());
                    if let MailFault::Silence(time) = fault {
                        tokio::time::sleep(time).await;
                    }
                    "250 taken".to_owned()
                }
            }
        } else if line == "QUIT" {
            stream.write_all(b"221 bye\r\n").await?;
            return stream.shutdown().await;
        } else {
            "500 what?".to_owned()
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
}

/// Up to the line that is a dot alone.
async fn text(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(text);
        }
        text.push_str(&line);
    }
}

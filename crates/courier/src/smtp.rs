//! A mail server, by SMTP: it says that it has taken an e-mail on, and nothing after that.
//!
//! Each step is taken by itself, since what an error means depends on the step: at the recipient it is the address, at the
//! log-in the password, and once the text is on its way nobody knows. What the server says is not repeated anywhere, since
//! mail servers repeat addresses; its code is.

use std::fmt;
use std::time::Duration;

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message as Mail};
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as From, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use tokio::time::timeout;

use crate::address::Address;
use crate::error::{ConfigError, CourierError};
use crate::message::{Fate, Message, Sent, Trouble};
use crate::secret::Secret;
use crate::text::Texts;
use crate::{Courier, Doing};

/// A server that says 421 or is full wants to be left alone for a while; it seldom says for how long.
const BUSY_REST: Duration = Duration::from_secs(300);

/// How a mail server is spoken to.
#[derive(Clone, Debug)]
pub struct SmtpConfig {
    /// Its name, which its certificate must have.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How what is said is kept from others.
    pub encryption: Encryption,
    /// By which name and password we log in; None where it asks for none.
    pub login: Option<(String, Secret)>,
    /// Who the e-mails are from, `Programme <programme@example.org>`; what cannot be delivered comes back there.
    pub from: Mailbox,
    /// What the e-mails say.
    pub texts: Texts,
    /// For all of one e-mail.
    pub timeout: Duration,
}

/// How what is said to a mail server is kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// TLS from the first byte.
    Tls,
    /// TLS before anything is said that matters, or nothing is said.
    StartTls,
    /// In the clear: to this machine alone.
    None,
}

/// A client of a mail server.
pub struct Smtp {
    config: SmtpConfig,
    tls: Option<TlsParameters>,
    hello: ClientId,
}

impl Smtp {
    /// A client; it connects for each e-mail.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new(config: SmtpConfig) -> Result<Self, ConfigError> {
        let tls = match config.encryption {
            Encryption::None => None,
            Encryption::Tls | Encryption::StartTls => {
                let parameters = TlsParameters::new_rustls(config.host.clone());
                Some(parameters.map_err(|error| ConfigError::Tls { cause: error.to_string() })?)
            }
        };
        let hello = ClientId::Domain(config.from.email.domain().to_owned());
        Ok(Self { config, tls, hello })
    }

    /// Reads who e-mails are from.
    ///
    /// # Errors
    /// Where it is no address.
    pub fn sender(text: &str) -> Result<Mailbox, ConfigError> {
        text.parse().map_err(|_| ConfigError::Mail { given: text.to_owned(), what: "e-mail address of a sender" })
    }

    fn address(&self) -> String {
        format!("{}:{}", self.config.host, self.config.port)
    }

    /// A connection that is encrypted as it must be, and logged in. Nothing was sent where there is none.
    async fn connection(&self) -> Result<AsyncSmtpConnection, CourierError> {
        let unreachable = |error: smtp::Error| match error.status().map(u16::from) {
            Some(code) => self.refused(code),
            None => CourierError::Unreachable { address: self.address(), cause: kind_of(&error).to_owned() },
        };
        let at_once = self.tls.clone().filter(|_| self.config.encryption == Encryption::Tls);
        let server = (self.config.host.as_str(), self.config.port);
        let connected =
            AsyncSmtpConnection::connect_tokio1(server, Some(self.config.timeout), &self.hello, at_once, None).await;
        let mut connection = connected.map_err(unreachable)?;
        if self.config.encryption == Encryption::StartTls
            && let Some(tls) = &self.tls
        {
            if !connection.can_starttls() {
                let problem = "it does not offer STARTTLS".to_owned();
                return Err(CourierError::Unfit { address: self.address(), problem });
            }
            connection.starttls(tls.clone(), &self.hello).await.map_err(unreachable)?;
        }
        if let Some((name, password)) = &self.config.login {
            let credentials = Credentials::new(name.clone(), password.expose().to_owned());
            let logged_in = connection.auth(DEFAULT_MECHANISMS, &credentials).await;
            logged_in.map_err(|error| match error.status().map(u16::from) {
                Some(status @ 500..) => CourierError::KeyRefused { address: self.address(), status },
                Some(code) => self.refused(code),
                None => {
                    CourierError::Unfit { address: self.address(), problem: "it takes no log-in of ours".to_owned() }
                }
            })?;
        }
        Ok(connection)
    }

    /// What a code means that refuses us as a whole.
    fn refused(&self, code: u16) -> CourierError {
        let address = self.address();
        match code {
            400..=499 => CourierError::Busy { address, limit: code.to_string(), rest: BUSY_REST },
            530 | 534 | 535 | 538 => CourierError::KeyRefused { address, status: code },
            _ => CourierError::Unfit { address, problem: format!("it answers {code}") },
        }
    }

    /// An error after which nothing was sent.
    fn unsent(&self, error: &smtp::Error) -> CourierError {
        match error.status().map(u16::from) {
            Some(code) => self.refused(code),
            None => CourierError::Unreachable { address: self.address(), cause: kind_of(error).to_owned() },
        }
    }

    async fn send_now(&self, message: &Message) -> Result<Sent, CourierError> {
        let Address::Email(to) = &message.to else {
            let problem = "it carries no letters".to_owned();
            return Err(CourierError::Unfit { address: self.address(), problem });
        };
        let mail = self.mail(message, to)?;
        let mut connection = self.connection().await?;
        let sent = self.say(&mut connection, &mail, to).await;
        connection.abort().await;
        sent
    }

    /// Sender, recipient, text.
    async fn say(
        &self,
        connection: &mut AsyncSmtpConnection,
        mail: &[u8],
        to: &lettre::Address,
    ) -> Result<Sent, CourierError> {
        let from = From::new(Some(self.config.from.email.clone()), Vec::new());
        connection.command(from).await.map_err(|error| self.unsent(&error))?;
        if let Err(error) = connection.command(Rcpt::new(to.clone(), Vec::new())).await {
            return self.recipient_refused(&error);
        }
        connection.command(Data).await.map_err(|error| self.unsent(&error))?;
        match connection.message(mail).await {
            Ok(_) => Ok(Sent::HandedOver),
            Err(error) => match error.status().map(u16::from) {
                Some(code @ 500..) => Ok(Sent::Refused {
                    trouble: Trouble::CourierFailed,
                    said: format!("it refuses the text with {code}"),
                }),
                Some(code) => Err(self.refused(code)),
                None => Err(CourierError::NoAnswer { address: self.address(), cause: kind_of(&error).to_owned() }),
            },
        }
    }

    fn recipient_refused(&self, error: &smtp::Error) -> Result<Sent, CourierError> {
        match error.status().map(u16::from) {
            // The server is about to close, or has no room for anybody.
            Some(code @ (421 | 452)) => Err(self.refused(code)),
            Some(code @ (530 | 534 | 535)) => Err(self.refused(code)),
            Some(code @ 500..) => Ok(Sent::Refused {
                trouble: Trouble::WrongAddress,
                said: format!("it refuses the recipient with {code}"),
            }),
            Some(code) => Ok(Sent::Refused {
                trouble: Trouble::Undelivered,
                said: format!("it defers the recipient with {code}"),
            }),
            None => Err(self.unsent(error)),
        }
    }

    /// The e-mail. Its Message-ID is of the reference, so that whoever gets it twice can tell.
    fn mail(&self, message: &Message, to: &lettre::Address) -> Result<Vec<u8>, CourierError> {
        let (subject, body) = self.config.texts.of(message.kind(), message.text).fill(&message.fields);
        let mail = Mail::builder()
            .from(self.config.from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(subject)
            .message_id(Some(format!("<{}@{}>", message.reference, self.config.from.email.domain())))
            .date(message.dated.into())
            .header(ContentType::TEXT_PLAIN)
            .body(body);
        let mail = mail.map_err(|error| CourierError::Unfit { address: self.address(), problem: error.to_string() })?;
        Ok(mail.formatted())
    }

    /// Within the time for one e-mail; without an answer in it nobody knows.
    async fn in_time<T>(&self, doing: impl Future<Output = Result<T, CourierError>>) -> Result<T, CourierError> {
        match timeout(self.config.timeout, doing).await {
            Ok(done) => done,
            Err(_) => {
                let cause = format!("it was not done within {} s", self.config.timeout.as_secs());
                Err(CourierError::NoAnswer { address: self.address(), cause })
            }
        }
    }
}

/// What went wrong, in a word: its own words may repeat an address.
fn kind_of(error: &smtp::Error) -> &'static str {
    if error.is_timeout() {
        "it did not answer in time"
    } else if error.is_tls() {
        "TLS failed: see that its certificate is of this name and of an authority that this machine knows"
    } else if error.is_response() {
        "it does not speak SMTP"
    } else {
        "the connection failed"
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Smtp").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl Courier for Smtp {
    fn ready(&self) -> Doing<'_, Result<(), CourierError>> {
        Box::pin(self.in_time(async {
            self.connection().await?.abort().await;
            Ok(())
        }))
    }

    fn send<'a>(&'a self, message: &'a Message) -> Doing<'a, Result<Sent, CourierError>> {
        Box::pin(self.in_time(self.send_now(message)))
    }

    /// It cannot be asked: what may have been lost is sent again, under the same Message-ID.
    fn ask<'a>(&'a self, _: &'a str) -> Doing<'a, Result<Option<Sent>, CourierError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn check<'a>(&'a self, _: &'a str) -> Doing<'a, Result<Fate, CourierError>> {
        Box::pin(std::future::ready(Ok(Fate::Forgotten)))
    }
}

//! GOV.UK Notify, by its HTTP API as documented at <https://docs.notifications.service.gov.uk/rest-api.html>.
//!
//! What an error means is taken from its status and its type, never from its words, which "can sometimes change".

mod answers;
mod key;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use clock::Clock;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{Method, Request};
use http_body_util::Full;
use outgoing::{BaseUrl, Broken, HttpClient, Pace, Reply};
use serde_json::{Map, Value, json};
use tokio::time::timeout;

pub use key::NotifyKey;

use crate::address::Address;
use crate::error::{ConfigError, CourierError};
use crate::message::{Fate, Kind, Message, Sent, Text, Trouble};
use crate::{Courier, Doing};

/// Longest answer: a page of 250 notifications has some hundred kilobytes.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How GOV.UK Notify is asked.
#[derive(Clone, Debug)]
pub struct NotifyConfig {
    /// Where it is.
    pub base: BaseUrl,
    /// What proves who we are.
    pub key: NotifyKey,
    /// The texts of e-mails; None where it sends none.
    pub email: Option<TemplateIds>,
    /// The texts of letters; None where it sends none.
    pub letter: Option<TemplateIds>,
    /// Requests a second, at most. It takes 3,000 a minute; a nation is told in ten minutes with this.
    pub requests_per_second: u32,
    /// To connect.
    pub connect_timeout: Duration,
    /// For one request, its answer included.
    pub timeout: Duration,
    /// The real time, which its tokens carry: they are good for thirty seconds.
    pub clock: Clock,
}

impl NotifyConfig {
    /// The defaults, for the service at `base`; neither e-mails nor letters yet.
    #[must_use]
    pub fn new(base: BaseUrl, key: NotifyKey) -> Self {
        Self {
            base,
            key,
            email: None,
            letter: None,
            requests_per_second: 20,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            clock: Clock::system(),
        }
    }
}

/// The id of a template: a UUID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateId(String);

/// The templates of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateIds {
    /// Of the first notice.
    pub first: TemplateId,
    /// Of one with another date.
    pub moved: TemplateId,
}

impl FromStr for TemplateId {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        if key::is_uuid(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ConfigError::TemplateId { given: text.to_owned() })
        }
    }
}

impl fmt::Display for TemplateId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A client of GOV.UK Notify.
#[derive(Debug)]
pub struct Notify {
    config: NotifyConfig,
    client: HttpClient,
    pace: Pace,
}

impl Notify {
    /// A client; it asks nothing yet.
    ///
    /// # Errors
    /// Where the machine has no root certificates, and TLS is spoken.
    pub fn new(config: NotifyConfig) -> Result<Self, ConfigError> {
        let client = HttpClient::new(&config.base, config.connect_timeout, BODY_BYTES_MAX)?;
        let pace = Pace::new(config.requests_per_second);
        Ok(Self { config, client, pace })
    }

    fn templates(&self) -> impl Iterator<Item = (Kind, &TemplateId)> {
        let kinds = [(Kind::Email, &self.config.email), (Kind::Letter, &self.config.letter)];
        let some = kinds.into_iter().filter_map(|(kind, ids)| Some((kind, ids.as_ref()?)));
        some.flat_map(|(kind, ids)| [(kind, &ids.first), (kind, &ids.moved)])
    }

    fn template(&self, kind: Kind, text: Text) -> Result<&TemplateId, CourierError> {
        let ids = match kind {
            Kind::Email => &self.config.email,
            Kind::Letter => &self.config.letter,
        };
        let ids = ids.as_ref().ok_or_else(|| CourierError::Unfit {
            address: self.config.base.to_string(),
            problem: format!("no template is named for {}", answers::type_of(kind)),
        })?;
        Ok(match text {
            Text::First => &ids.first,
            Text::Moved => &ids.moved,
        })
    }

    /// One exchange in our turn, within its time.
    async fn exchange(
        &self,
        method: Method,
        path_and_query: &str,
        body: Option<&Value>,
    ) -> Result<Reply, CourierError> {
        let path = path_and_query.split('?').next().unwrap_or_default();
        let address = self.config.base.uri(path).map_or_else(|_| path.to_owned(), |uri| uri.to_string());
        self.pace.turn().await;
        let request = self.request(method, path_and_query, body);
        let request = request
            .map_err(|error| CourierError::Unreachable { address: address.clone(), cause: error.to_string() })?;
        match timeout(self.config.timeout, self.client.exchange(request)).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(Broken::NoConnection(cause))) => Err(CourierError::Unreachable { address, cause }),
            Ok(Err(broken)) => Err(CourierError::NoAnswer { address, cause: broken.to_string() }),
            Err(_) => {
                let cause = format!("nothing came within {} s", self.config.timeout.as_secs());
                Err(CourierError::NoAnswer { address, cause })
            }
        }
    }

    fn request(
        &self,
        method: Method,
        path_and_query: &str,
        body: Option<&Value>,
    ) -> Result<Request<Full<Bytes>>, http::Error> {
        let bytes = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        Request::builder()
            .method(method)
            .uri(self.config.base.uri(path_and_query)?)
            .header(AUTHORIZATION, self.config.key.bearer(self.config.clock.now()))
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("citizens-access/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(bytes))
    }

    async fn look_at_template(&self, kind: Kind, id: &TemplateId) -> Result<(), CourierError> {
        let path = self.config.base.below(&format!("/v2/template/{id}"));
        let reply = self.exchange(Method::GET, &path, None).await?;
        let address = self.config.base.to_string();
        let problem = match answers::template(&address, &reply)? {
            Some(found) if found == answers::type_of(kind) => return Ok(()),
            Some(found) => format!("template {id} is of type {found}, not {}", answers::type_of(kind)),
            None => format!("there is no template {id}"),
        };
        Err(CourierError::Unfit { address, problem })
    }

    async fn send_now(&self, message: &Message) -> Result<Sent, CourierError> {
        let kind = message.kind();
        let template = self.template(kind, message.text)?;
        let mut personalisation: Map<String, Value> =
            message.fields.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let mut body = json!({ "template_id": template.to_string(), "reference": message.reference });
        match &message.to {
            Address::Email(address) => body["email_address"] = json!(address.to_string()),
            Address::Post(lines) => {
                for (number, line) in (1..).zip(lines) {
                    personalisation.insert(format!("address_line_{number}"), json!(line));
                }
            }
        }
        body["personalisation"] = Value::Object(personalisation);
        let path = self.config.base.below(&format!("/v2/notifications/{}", answers::type_of(kind)));
        let reply = self.exchange(Method::POST, &path, Some(&body)).await?;
        answers::sent(&self.config.base.to_string(), &reply, &message.to)
    }

    async fn ask_now(&self, reference: &str) -> Result<Option<Sent>, CourierError> {
        let path = self.config.base.below(&format!("/v2/notifications?reference={reference}"));
        let reply = self.exchange(Method::GET, &path, None).await?;
        let found = answers::by_reference(&self.config.base.to_string(), &reply, reference)?;
        Ok(found.map(|id| Sent::Taken { id }))
    }

    async fn check_now(&self, id: &str) -> Result<Fate, CourierError> {
        // An id that it never gave would make another address of it.
        if !key::is_uuid(id) {
            return Ok(Fate::Failed(Trouble::CourierFailed));
        }
        let path = self.config.base.below(&format!("/v2/notifications/{id}"));
        let reply = self.exchange(Method::GET, &path, None).await?;
        answers::fate(&self.config.base.to_string(), &reply)
    }
}

impl Courier for Notify {
    fn ready(&self) -> Doing<'_, Result<(), CourierError>> {
        Box::pin(async {
            for (kind, id) in self.templates() {
                self.look_at_template(kind, id).await?;
            }
            Ok(())
        })
    }

    fn send<'a>(&'a self, message: &'a Message) -> Doing<'a, Result<Sent, CourierError>> {
        Box::pin(self.send_now(message))
    }

    fn ask<'a>(&'a self, reference: &'a str) -> Doing<'a, Result<Option<Sent>, CourierError>> {
        Box::pin(self.ask_now(reference))
    }

    fn check<'a>(&'a self, id: &'a str) -> Doing<'a, Result<Fate, CourierError>> {
        Box::pin(self.check_now(id))
    }
}

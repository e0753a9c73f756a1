//! Tokens for systems, by an assertion that they sign (RFC 7523), as NHS England's API platform has it for
//! application-restricted interfaces: `iss` and `sub` are the client's id, `aud` the token endpoint, `jti` never twice, `exp` at most
//! five minutes ahead, signed RS512 by a key whose id (`kid`) the platform knows.

use std::fmt;
use std::time::Duration;

use api::Error;
use bytes::Bytes;
use http::Request;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderValue};
use http_body_util::Full;
use jws::SigningKey;
use outgoing::{BaseUrl, HttpClient, NoRoots};
use serde_json::{Value, json};
use tls::now_s;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tonic::{Code, Status};

use crate::token::source::header;

/// For how long an assertion is good. The platform allows five minutes; it is used at once, and what is stolen should be stale.
const ASSERTION_LIFE: Duration = Duration::from_secs(60);
/// A token is replaced when so much of its life is left, so that none expires on its way.
const RENEW_BEFORE: Duration = Duration::from_secs(30);
/// For a reply that does not say how long its token is good; the platform's are good for ten minutes.
const LIFE_DEFAULT: Duration = Duration::from_secs(5 * 60);
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REPLY_BYTES_MAX: usize = 64 << 10;
/// After a failure: the calls of that moment share it, instead of asking one by one.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// How a system gets its tokens.
#[derive(Debug)]
pub struct ClientCredentialsConfig {
    /// The token endpoint, also the assertion's audience.
    pub endpoint: BaseUrl,
    /// The client's id: the platform calls it the API key of the application.
    pub client_id: String,
    /// The key that signs the assertions.
    pub key: SigningKey,
}

/// A system's tokens, each kept until shortly before its end. One request at a time is under way, however many calls wait.
pub struct ClientCredentials {
    config: ClientCredentialsConfig,
    http: HttpClient,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// With the moment from which it is replaced.
    token: Option<(HeaderValue, Instant)>,
    /// The last failure, and until when it is everybody's.
    failure: Option<(Failure, Instant)>,
}

/// Why there is no token.
#[derive(Clone, Debug)]
enum Failure {
    /// The endpoint refuses us.
    Refused(String),
    /// It cannot be asked.
    Unavailable(String),
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientCredentials({} at {}, …)", self.config.client_id, self.config.endpoint)
    }
}

impl ClientCredentials {
    /// Asks for nothing yet.
    ///
    /// # Errors
    /// Where the machine has no root certificates, and TLS is spoken.
    pub fn new(config: ClientCredentialsConfig) -> Result<Self, NoRoots> {
        let http = HttpClient::new(&config.endpoint, CONNECT_TIMEOUT, REPLY_BYTES_MAX)?;
        Ok(Self { config, http, state: Mutex::default() })
    }

    /// `Bearer TOKEN`.
    pub(crate) async fn header(&self) -> Result<HeaderValue, Status> {
        let mut state = self.state.lock().await;
        let now = Instant::now();
        if let Some((token, renew_at)) = &state.token
            && now < *renew_at
        {
            return Ok(token.clone());
        }
        if let Some((failure, until)) = &state.failure
            && now < *until
        {
            return Err(self.status(failure));
        }
        match self.ask().await {
            Ok((token, life)) => {
                let renew_at = now + life.saturating_sub(RENEW_BEFORE).max(life / 2);
                *state = State { token: Some((token.clone(), renew_at)), failure: None };
                Ok(token)
            }
            Err(failure) => {
                let status = self.status(&failure);
                state.failure = Some((failure, Instant::now() + RETRY_INTERVAL));
                Err(status)
            }
        }
    }

    fn status(&self, failure: &Failure) -> Status {
        let (error, cause) = match failure {
            Failure::Refused(cause) => {
                let template = "{endpoint} gives us no token: {cause}";
                (Error::new(Code::Unauthenticated, "TOKEN_REFUSED", template), cause)
            }
            Failure::Unavailable(cause) => {
                let template = "{endpoint} cannot be asked for a token: {cause}";
                (Error::unavailable("TOKEN_ENDPOINT_UNAVAILABLE", template), cause)
            }
        };
        error.with("endpoint", &self.config.endpoint).with("cause", cause).into()
    }

    async fn ask(&self) -> Result<(HeaderValue, Duration), Failure> {
        let unavailable = |cause: &dyn fmt::Display| Failure::Unavailable(cause.to_string());
        let assertion = self.assertion().map_err(Failure::Refused)?;
        let endpoint = &self.config.endpoint;
        let uri = endpoint.uri(&endpoint.below("")).map_err(|error| unavailable(&error))?;
        let host = uri.authority().map_or("", |authority| authority.as_str()).to_owned();
        let form = format!(
            "grant_type=client_credentials\
             &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer\
             &client_assertion={assertion}"
        );
        let request = Request::post(uri).header(HOST, host).header(CONTENT_TYPE, FORM).header(ACCEPT, JSON);
        let request = request.body(Full::new(Bytes::from(form))).map_err(|error| unavailable(&error))?;
        let reply = tokio::time::timeout(EXCHANGE_TIMEOUT, self.http.exchange(request)).await;
        let reply = reply.map_err(|_| unavailable(&"it gave no answer in time"))?;
        let reply = reply.map_err(|error| unavailable(&error))?;
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        if reply.status.is_client_error() {
            // RFC 6749, 5.2: a word, and a sentence.
            let said = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
            let words = format!("{} {} {}", reply.status.as_u16(), said("error"), said("error_description"));
            return Err(Failure::Refused(words.trim_end().to_owned()));
        }
        if !reply.status.is_success() {
            return Err(unavailable(&reply.status));
        }
        let token = body.get("access_token").and_then(Value::as_str).unwrap_or_default();
        let token = header(token, "its reply").map_err(|error| unavailable(&error))?;
        Ok((token, life(&body)))
    }

    fn assertion(&self) -> Result<String, String> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| error.to_string())?;
        let claims = json!({
            "iss": self.config.client_id,
            "sub": self.config.client_id,
            "aud": self.config.endpoint.to_string(),
            "jti": hex::encode(id),
            "exp": now_s() + ASSERTION_LIFE.as_secs(),
        });
        self.config.key.sign(&claims).map_err(|error| error.to_string())
    }
}

/// Seconds, which the platform writes as a string.
fn life(reply: &Value) -> Duration {
    let seconds = reply.get("expires_in").and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
    seconds.map_or(LIFE_DEFAULT, Duration::from_secs)
}

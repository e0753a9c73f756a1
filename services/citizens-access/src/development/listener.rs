//! `dev-issuer`: the issuer behind an address, on loopback and in the clear. `GET /keys` gives its keys, `POST /token` a token.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use clap::Args;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use identity::{Caller, TokenRules};
use jws::KeySet;
use serde_json::{Value, json};
use tls::now_s;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use super::endpoint::{Client, Refused, TOKEN_LIFE, TokenEndpoint};
use super::issuer::DevelopmentIssuer;
use super::replays::Replays;
use crate::configuration::runtime;

/// A form with an assertion has a tenth of that.
const FORM_BYTES_MAX: usize = 64 << 10;
const CONNECTIONS_MAX: usize = 64;
const HEADERS_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Args, Clone, Debug)]
pub(crate) struct IssuerArguments {
    /// The folder of `dev-certs`
    #[arg(long, value_name = "DIR")]
    issuer: PathBuf,
    /// Where to listen; loopback only
    #[arg(long, default_value = "127.0.0.1:8300", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// A system that may ask for tokens: its id, a file with its public keys (JWKS), and whom its tokens name:
    /// app=app-keys.json,nhs-app;roles=service
    #[arg(long = "client", value_name = "ID=FILE,ACCOUNT")]
    clients: Vec<ClientArgument>,
    /// Whom its tokens are for
    #[arg(long, value_name = "AUDIENCE", default_value = TokenRules::AUDIENCE_DEFAULT)]
    audience: String,
}

/// `app=app-keys.json,nhs-app;roles=service`.
#[derive(Clone, Debug)]
struct ClientArgument {
    id: String,
    keys: PathBuf,
    caller: Caller,
}

impl FromStr for ClientArgument {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let parts = text.split_once('=').and_then(|(id, rest)| Some((id, rest.split_once(',')?)));
        let Some((id, (keys, account))) = parts else {
            bail!("{text:?} is not ID=FILE,ACCOUNT, such as app=app-keys.json,nhs-app;roles=service");
        };
        Ok(Self { id: id.to_owned(), keys: keys.into(), caller: Caller::named(account)? })
    }
}

/// Issues until it is interrupted.
pub(crate) fn run(arguments: IssuerArguments) -> anyhow::Result<()> {
    ensure!(arguments.listen.ip().is_loopback(), "it speaks in the clear, so it listens on loopback only");
    runtime(1)?.block_on(serve(arguments))
}

async fn serve(arguments: IssuerArguments) -> anyhow::Result<()> {
    let listener =
        TcpListener::bind(arguments.listen).await.with_context(|| format!("cannot listen on {}", arguments.listen))?;
    let address = listener.local_addr()?;
    let mut clients = BTreeMap::new();
    for ClientArgument { id, keys, caller } in arguments.clients {
        let json = std::fs::read(&keys).with_context(|| format!("cannot read {}", keys.display()))?;
        let keys = KeySet::parse(&json).with_context(|| format!("{} cannot be used", keys.display()))?;
        clients.insert(id, Client { caller, keys });
    }
    let endpoint = TokenEndpoint {
        address: format!("http://{address}/token"),
        clients,
        issuer: DevelopmentIssuer::open(&arguments.issuer)?,
        audience: arguments.audience,
        replays: Replays::default(),
    };
    let endpoint = Arc::new(Mutex::new(endpoint));
    println!("listening on {address}");
    let connections = TaskTracker::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            interrupted = tokio::signal::ctrl_c() => return Ok(interrupted?),
        };
        if connections.len() >= CONNECTIONS_MAX {
            continue;
        }
        let endpoint = Arc::clone(&endpoint);
        connections.spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&endpoint), request));
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEADERS_TIMEOUT);
            // A connection that breaks is its client's matter.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    endpoint: Arc<Mutex<TokenEndpoint>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let (status, body) = match (method, path.as_str()) {
        (Method::GET, "/keys") => {
            let published = endpoint.lock().unwrap_or_else(PoisonError::into_inner).issuer.published();
            match published.ok().and_then(|keys| serde_json::from_slice(&keys).ok()) {
                Some(keys) => (StatusCode::OK, keys),
                None => (StatusCode::INTERNAL_SERVER_ERROR, Value::Null),
            }
        }
        (Method::POST, "/token") => match Limited::new(request.into_body(), FORM_BYTES_MAX).collect().await {
            Ok(body) => token(&endpoint, &body.to_bytes()),
            Err(_) => (StatusCode::BAD_REQUEST, json!({"error": "invalid_request"})),
        },
        _ => (StatusCode::NOT_FOUND, Value::Null),
    };
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    Ok(response)
}

fn token(endpoint: &Mutex<TokenEndpoint>, form: &[u8]) -> (StatusCode, Value) {
    let answer = endpoint.lock().unwrap_or_else(PoisonError::into_inner).answer(&fields(form), now_s());
    match answer {
        Ok(token) => {
            let life_s = TOKEN_LIFE.as_secs().to_string();
            (StatusCode::OK, json!({"access_token": token, "token_type": "Bearer", "expires_in": life_s}))
        }
        Err(Refused { error, description }) => {
            (StatusCode::BAD_REQUEST, json!({"error": error, "error_description": description}))
        }
    }
}

/// The pairs of a form. Only what assertions and our own words need is decoded: letters stand for themselves, `%3A` for a colon.
fn fields(form: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(form);
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.replace("%3A", ":").replace("%3a", ":"))).collect()
}

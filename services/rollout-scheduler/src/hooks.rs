//! Hooks: programs of others that are asked about a wave before its gate passes, by HTTP. `docs/operations/gate-hooks.md` has
//! what they are told and what they may answer.
//!
//! A hook is told counts, never who: no practice and no patient is named to it.

mod answer;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use outgoing::{BaseUrl, Broken, HttpClient, NoRoots};
use rollout::effects::HookToAsk;
use rollout::spec::HookName;
use rollout::state::{Evidence, Finding};
use serde_json::{Value, json};
use tokio::time::timeout;

use self::answer::{HookSays, NoAnswer};
use crate::grpc::finding_in_words;

/// Longest answer: a verdict and a reason have less than a hundred bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// For one question, its answer included. A hook that has to think says INCONCLUSIVE, and is asked again.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The hooks that are known here, by name. Clones share their connections.
#[derive(Clone, Debug, Default)]
pub struct GateHooks(BTreeMap<HookName, Arc<GateHook>>);

/// A hook.
#[derive(Debug)]
pub struct GateHook {
    base: BaseUrl,
    /// `Bearer …`; marked as sensitive, so that nothing prints it.
    authorization: Option<HeaderValue>,
    client: HttpClient,
    timeout: Duration,
}

/// A hook gave no answer that counts.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HookError {
    /// It could not be asked, or its answer did not come whole.
    #[error("{address} was asked, and no answer came")]
    Broken {
        address: String,
        #[source]
        source: Broken,
    },
    /// Its time was over.
    #[error("{address} has not answered within {} s", within.as_secs())]
    Late { address: String, within: Duration },
    /// What it answered is none.
    #[error("{address} answered {status}, which is not 200")]
    Status { address: String, status: StatusCode },
    /// What it answered is none either.
    #[error("{address} answered 200, and nothing that counts")]
    NoAnswer {
        address: String,
        #[source]
        source: NoAnswer,
    },
    /// The question could not be put.
    #[error("{address} cannot be asked")]
    Unaskable {
        address: String,
        #[source]
        source: http::Error,
    },
}

impl GateHooks {
    /// Adds one; false where there is one of that name.
    pub fn add(&mut self, name: HookName, hook: GateHook) -> bool {
        self.0.insert(name, Arc::new(hook)).is_none()
    }

    pub(crate) fn get(&self, name: &HookName) -> Option<Arc<GateHook>> {
        self.0.get(name).cloned()
    }
}

impl GateHook {
    /// One that is asked at `base`; `authorization` is sent with each question, where it is given.
    ///
    /// # Errors
    /// Where the machine has no root certificates, and TLS is spoken.
    pub fn new(base: BaseUrl, authorization: Option<HeaderValue>) -> Result<Self, NoRoots> {
        let client = HttpClient::new(&base, CONNECT_TIMEOUT, BODY_BYTES_MAX)?;
        let authorization = authorization.map(|mut value| {
            value.set_sensitive(true);
            value
        });
        Ok(Self { base, authorization, client, timeout: TIMEOUT })
    }

    /// Asks once.
    pub(crate) async fn ask(&self, asked: &HookToAsk) -> Result<HookSays, HookError> {
        let address = || self.base.to_string();
        let request = self.request(asked).map_err(|source| HookError::Unaskable { address: address(), source })?;
        let reply = match timeout(self.timeout, self.client.exchange(request)).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(source)) => return Err(HookError::Broken { address: address(), source }),
            Err(_) => return Err(HookError::Late { address: address(), within: self.timeout }),
        };
        if reply.status != StatusCode::OK {
            return Err(HookError::Status { address: address(), status: reply.status });
        }
        answer::read(&reply.body).map_err(|source| HookError::NoAnswer { address: address(), source })
    }

    fn request(&self, asked: &HookToAsk) -> Result<Request<Full<Bytes>>, http::Error> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.base.uri(&self.base.below(""))?)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("citizens-access/", env!("CARGO_PKG_VERSION")));
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some(parent) = telemetry::traceparent() {
            request = request.header(telemetry::TRACEPARENT, parent.to_string());
        }
        request.body(Full::new(question(asked).to_string().into()))
    }
}

/// What a hook is told.
fn question(asked: &HookToAsk) -> Value {
    let Evidence { members, commanded, live, unsettled, .. } = &asked.evidence;
    let finding = |found: &Finding| {
        let in_words = finding_in_words(&found.measured);
        json!({ "verdict": found.verdict.to_string(), "finding": in_words })
    };
    json!({
        "hook": asked.hook.to_string(),
        "wave": asked.wave.to_string(),
        "title": asked.title,
        "capability": asked.capability.to_string(),
        "last_action_at": asked.last_action_at.map(|at| at.to_string()),
        "practices_switched_on": asked.switched_on.practices,
        "patients_switched_on": asked.switched_on.patients,
        "members": members,
        "commanded": commanded,
        "live": live,
        "unsettled": unsettled,
        "findings": asked.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

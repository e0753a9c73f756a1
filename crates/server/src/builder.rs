//! From services to routes.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use authority::Authority;
use identity::Authenticate;
use prost::Message;
use tonic::server::NamedService;
use tonic_health::pb::health_server::HealthServer;

use crate::at_once::Reply;
use crate::config::ServerConfig;
use crate::health::Health;
use crate::method::{AtOnceBy, DescribedFiles, Methods, service_descriptor};
use crate::rate::Rates;
use crate::reflection;
use crate::routes::{GrpcService, Mounted, Routes, Shared};

/// Collects services; [`build`](Self::build) makes [`Routes`] of them, with health and reflection.
#[must_use]
pub struct Server {
    config: ServerConfig,
    authenticate: Box<dyn Authenticate>,
    authority: Authority,
    descriptors: Vec<&'static [u8]>,
    services: Vec<(String, Box<dyn Mounted>)>,
    at_once: Vec<(&'static str, AtOnceBy)>,
    tls: Option<Arc<tls::Credentials>>,
    reflects: bool,
}

/// Why there are no routes.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Bytes given to [`Server::descriptors`] are no descriptor set.
    #[error("a descriptor set cannot be read")]
    Descriptors(#[from] prost::DecodeError),
    /// No descriptor set describes the service, so nothing would be known of its RPCs.
    #[error("no descriptor set describes the service {service}")]
    NotDescribed {
        /// `package.Service`
        service: String,
    },
    /// Two services of one name.
    #[error("the service {service} is mounted twice")]
    Twice {
        /// `package.Service`
        service: String,
    },
    /// Nothing mounted has this unary RPC, so it cannot be answered at once.
    #[error("there is no unary RPC {rpc} to be answered at once")]
    NotUnary {
        /// `package.Service/Method`
        rpc: &'static str,
    },
    /// The descriptor sets contradict each other.
    #[error("reflection cannot describe the services")]
    Reflection(#[from] tonic_reflection::server::Error),
}

impl Server {
    /// A server without services: who calls is found by `authenticate`, what they may by `authority`.
    pub fn new(config: ServerConfig, authenticate: impl Authenticate, authority: Authority) -> Self {
        // So that an INTERNAL error names the trace in which its cause is logged.
        api::internal_errors_quote(telemetry::trace_id);
        let authenticate = Box::new(authenticate);
        let (descriptors, services, at_once) = (Vec::new(), Vec::new(), Vec::new());
        Self { config, authenticate, authority, descriptors, services, at_once, tls: None, reflects: true }
    }

    /// Serves sockets over TLS as the owner of `credentials`, whose renewals the next connection uses. Without this only
    /// loopback is served.
    pub fn tls(mut self, credentials: Arc<tls::Credentials>) -> Self {
        self.tls = Some(credentials);
        self
    }

    /// Leaves reflection out: describing some hundred messages takes milliseconds, which a simulation that starts its servers
    /// again and again has better use for.
    pub fn without_reflection(mut self) -> Self {
        self.reflects = false;
        self
    }

    /// Adds an encoded `FileDescriptorSet`: what is known of the RPCs, and what reflection tells.
    pub fn descriptors(mut self, encoded: &'static [u8]) -> Self {
        if !self.descriptors.contains(&encoded) {
            self.descriptors.push(encoded);
        }
        self
    }

    /// Mounts a generated server (`XServer::new(…)`).
    pub fn service<S: GrpcService + NamedService>(mut self, service: S) -> Self {
        self.services.push((S::NAME.to_owned(), Box::new(service)));
        self
    }

    /// Has a unary RPC (`package.Service/Method`) of a mounted service answered by `answer` where it can: from the bytes
    /// of the request's message, at once, without I/O and without a lock. Where it gives None the service is asked, which
    /// must say the same; it also says every refusal. The caller may call the RPC by then, and its deadline has not passed.
    pub fn at_once(
        mut self,
        rpc: &'static str,
        answer: impl Fn(&[u8]) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        self.at_once.push((rpc, AtOnceBy(Box::new(answer))));
        self
    }

    /// The routes, with `grpc.health.v1` and, unless it is left out, both versions of reflection.
    pub fn build(self) -> Result<Routes, BuildError> {
        let names: Vec<String> = self.services.iter().map(|(name, _)| name.clone()).collect();
        let health = Health::new(names.iter().map(String::as_str));
        let server = self.descriptors(tonic_health::pb::FILE_DESCRIPTOR_SET).service(HealthServer::new(health.clone()));
        if !server.reflects {
            return server.finish(health);
        }
        let names: Vec<String> = server.services.iter().map(|(name, _)| name.clone()).collect();
        let descriptors = server.descriptors.clone();
        reflection::add(server, &descriptors, &names)?.finish(health)
    }

    fn finish(self, health: Health) -> Result<Routes, BuildError> {
        let sets = self.descriptors.iter().map(|set| DescribedFiles::decode(*set));
        let sets = sets.collect::<Result<Vec<_>, _>>()?;
        let mut methods = Methods::default();
        let mut services = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        for (name, service) in self.services {
            if seen.contains(&name) {
                return Err(BuildError::Twice { service: name });
            }
            let Some(descriptor) = service_descriptor(&sets, &name) else {
                return Err(BuildError::NotDescribed { service: name });
            };
            methods.add(services.len(), &name, descriptor, &self.authority);
            services.push(service);
            seen.push(name);
        }
        for (rpc, answer) in self.at_once {
            if !methods.answer_at_once(rpc, answer) {
                return Err(BuildError::NotUnary { rpc });
            }
        }
        let rates = Rates::new(self.config.account_calls_per_second, self.config.account_calls_burst);
        Ok(Routes {
            shared: Arc::new(Shared {
                config: self.config,
                methods,
                services,
                authenticate: self.authenticate,
                tls: self.tls,
                health,
                calls_in_flight: AtomicUsize::new(0),
                reads_in_flight: AtomicUsize::new(0),
                streams_open: AtomicUsize::new(0),
                request_bytes: AtomicUsize::new(0),
                rates,
            }),
        })
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.services.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Server").field("services", &names).finish_non_exhaustive()
    }
}

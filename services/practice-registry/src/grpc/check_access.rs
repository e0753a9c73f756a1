//! How CheckAccess is answered: the encoded part of the practice is copied into the reply, and no message is built.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use api::Error;
use bytes::Bytes;
use http::{Request, Response};
use ods::PracticeCode;
use prost::Message;
use proto::registry::v1 as wire;
use proto::registry::v1::practice_registry_service_server::{PracticeRegistryServiceServer, SERVICE_NAME};
use server::RequestBody;
use tonic::Status;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::BoxFuture;
use tonic::server::{Grpc, NamedService, UnaryService};
use tower::Service;

use crate::grpc::access::{AccessQuestion, CheckedAccess};
use crate::grpc::practices::BATCH_MAX;
use crate::grpc::submit::Asked;
use crate::grpc::{Handlers, name, refusal};

/// Where CheckAccess is called; a test compares it with the descriptor.
pub(crate) const PATH: &str = "/citizens_access.registry.v1.PracticeRegistryService/CheckAccess";

/// The answer, before it is a message.
async fn check(handlers: &Handlers, request: &wire::CheckAccessRequest) -> Result<CheckedAccess, Error> {
    let now = handlers.clock.now();
    let code = name::ods_code("ods_code", &request.ods_code)?;
    let question = AccessQuestion::new(&request.capability, request.at.as_ref(), now)?;
    let published = handlers.published_at(request.min_position).await?;
    let (state, encoded) = (&published.state.registry, published.state.encoded(code));
    let part = question.part(state, code, encoded).ok_or_else(|| refusal::practice_not_found(code))?;
    Ok(CheckedAccess { part, as_of: question.at.unwrap_or(now), position: published.position })
}

pub(crate) async fn decoded(
    handlers: &Handlers,
    asked: Asked<wire::CheckAccessRequest>,
) -> Result<wire::CheckAccessResponse, Error> {
    let checked = check(handlers, &asked.request).await?;
    let mut encoded = Vec::new();
    checked.encode(&mut encoded);
    wire::CheckAccessResponse::decode(encoded.as_slice()).map_err(|error| Error::internal(&error))
}

pub(crate) async fn batch(
    handlers: &Handlers,
    asked: Asked<wire::BatchCheckAccessRequest>,
) -> Result<wire::BatchCheckAccessResponse, Error> {
    let request = asked.request;
    api::validate::count("ods_codes", request.ods_codes.len(), BATCH_MAX)?;
    let now = handlers.clock.now();
    let question = AccessQuestion::new(&request.capability, request.at.as_ref(), now)?;
    let published = handlers.published_at(request.min_position).await?;
    let mut reply = wire::BatchCheckAccessResponse {
        as_of: Some(api::time::to_wire(question.at.unwrap_or(now))),
        position: published.position,
        ..Default::default()
    };
    for (index, text) in request.ods_codes.into_iter().enumerate() {
        let code: PracticeCode = name::ods_code(&format!("ods_codes[{index}]"), &text)?;
        match question.part(&published.state.registry, code, published.state.encoded(code)) {
            Some(part) => reply.results.push(practice_access(part)?),
            None => reply.unknown_ods_codes.push(text),
        }
    }
    Ok(reply)
}

fn practice_access(part: Bytes) -> Result<wire::PracticeAccess, Error> {
    wire::PracticeAccess::decode(part).map_err(|error| Error::internal(&error))
}

/// The registry's server: the generated one, but for CheckAccess.
#[derive(Clone, Debug)]
pub(crate) struct RegistryServer {
    handlers: Arc<Handlers>,
    generated: PracticeRegistryServiceServer<Handlers>,
}

impl RegistryServer {
    pub(crate) fn new(handlers: Handlers) -> Self {
        let handlers = Arc::new(handlers);
        Self { generated: PracticeRegistryServiceServer::from_arc(Arc::clone(&handlers)), handlers }
    }
}

impl NamedService for RegistryServer {
    const NAME: &'static str = SERVICE_NAME;
}

impl Service<Request<RequestBody>> for RegistryServer {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Response<Body>, Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<RequestBody>>::poll_ready(&mut self.generated, context)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        if request.uri().path() != PATH {
            return self.generated.call(request);
        }
        let check = CheckAccess(Arc::clone(&self.handlers));
        Box::pin(async move { Ok(Grpc::new(CheckedAccessCodec).unary(check, request).await) })
    }
}

struct CheckAccess(Arc<Handlers>);

impl UnaryService<wire::CheckAccessRequest> for CheckAccess {
    type Response = CheckedAccess;
    type Future = BoxFuture<tonic::Response<CheckedAccess>, Status>;

    fn call(&mut self, request: tonic::Request<wire::CheckAccessRequest>) -> Self::Future {
        let handlers = Arc::clone(&self.0);
        Box::pin(async move { Ok(tonic::Response::new(check(&handlers, request.get_ref()).await?)) })
    }
}

/// Decodes the request as usual, and writes the reply from its parts.
#[derive(Clone, Copy, Debug, Default)]
struct CheckedAccessCodec;

impl Codec for CheckedAccessCodec {
    type Encode = CheckedAccess;
    type Decode = wire::CheckAccessRequest;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for CheckedAccessCodec {
    type Item = CheckedAccess;
    type Error = Status;

    fn encode(&mut self, checked: CheckedAccess, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        checked.encode(into);
        Ok(())
    }
}

impl Decoder for CheckedAccessCodec {
    type Item = wire::CheckAccessRequest;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Status> {
        match wire::CheckAccessRequest::decode(from) {
            Ok(request) => Ok(Some(request)),
            // As the generated codec answers.
            Err(error) => Err(Status::internal(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_that_of_the_rpc() {
        assert!(proto::rpc(PATH).is_some());
    }
}

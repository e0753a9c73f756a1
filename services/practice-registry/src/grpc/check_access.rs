//! CheckAccess and BatchCheckAccess: the hot path.
//!
//! What is asked of the present is answered at once: the practices' encoded parts are copied into the reply, without a
//! lock, and without a message being built. What is asked of the past or of a position to come, and whatever is to be
//! refused, goes the way of all RPCs, to the same answer.

use api::Error;
use bytes::BufMut as _;
use jiff::Timestamp;
use ods::PracticeCode;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use proto::registry::v1 as wire;
use server::Reply;

use crate::grpc::access::{AccessQuestion, Tail};
use crate::grpc::practices::BATCH_MAX;
use crate::grpc::present::Present;
use crate::grpc::submit::Asked;
use crate::grpc::{Handlers, encoded, name, refusal};

/// The names of both RPCs; a server is not built where they are wrong.
pub(crate) const CHECK: &str = "citizens_access.registry.v1.PracticeRegistryService/CheckAccess";
pub(crate) const BATCH: &str = "citizens_access.registry.v1.PracticeRegistryService/BatchCheckAccess";

/// Field numbers of BatchCheckAccessResponse, beside those of [`Tail`].
const RESULTS: u32 = 1;
const UNKNOWN_ODS_CODES: u32 = 2;

/// Bytes of one result in a batch, about: room is made for so many.
const RESULT_BYTES: usize = 128;

/// The reply, where it is at hand.
pub(crate) fn check_at_once(handlers: &Handlers, message: &[u8]) -> Option<Reply> {
    let mut code = None;
    let present = read(message, |found| code = Some(found))?;
    let code = code?;
    let now = handlers.clock.now();
    handlers.engine.read(|published| {
        if published.position < present.min_position {
            return None;
        }
        let part = encoded::access(published.state.practice(code)?).part(present.capability)?;
        let tail = Tail::new(now, published.position);
        let mut reply = Reply::with_capacity(part.len() + tail.encoded_len());
        reply.message().put_slice(part);
        tail.encode(reply.message());
        Some(reply)
    })
}

/// The reply, where it is at hand.
pub(crate) fn batch_at_once(handlers: &Handlers, message: &[u8]) -> Option<Reply> {
    let mut count = 0;
    let present = read(message, |_| count += 1)?;
    if !(1..=BATCH_MAX).contains(&count) {
        return None;
    }
    let now = handlers.clock.now();
    // The request is read again instead of its codes being kept: that is cheaper than a place to keep them.
    handlers.engine.read(|published| {
        if published.position < present.min_position {
            return None;
        }
        let mut reply = Reply::with_capacity(count * RESULT_BYTES);
        let (mut unknown_count, mut elsewhere) = (0, false);
        read(message, |code| match published.state.practice(code) {
            Some(known) => match encoded::access(known).part(present.capability) {
                Some(part) => put(RESULTS, part, &mut reply),
                None => elsewhere = true,
            },
            None => unknown_count += 1,
        })?;
        if elsewhere {
            return None;
        }
        if unknown_count > 0 {
            read(message, |code| {
                if published.state.practice(code).is_none() {
                    put(UNKNOWN_ODS_CODES, code.as_str().as_bytes(), &mut reply);
                }
            })?;
        }
        Tail::new(now, published.position).encode(reply.message());
        Some(reply)
    })
}

fn put(field: u32, bytes: &[u8], reply: &mut Reply) {
    let into = reply.message();
    encode_key(field, WireType::LengthDelimited, into);
    encode_varint(bytes.len() as u64, into);
    into.put_slice(bytes);
}

/// What is asked of the present; gives each code to `each`.
fn read(message: &[u8], mut each: impl FnMut(PracticeCode)) -> Option<Present<'_>> {
    Present::read(message, |text| {
        each(text.parse().ok()?);
        Some(())
    })
}

pub(crate) async fn check(
    handlers: &Handlers,
    asked: Asked<wire::CheckAccessRequest>,
) -> Result<wire::CheckAccessResponse, Error> {
    let request = asked.request;
    let now = handlers.clock.now();
    let code = name::ods_code("ods_code", &request.ods_code)?;
    let question = AccessQuestion::new(&request.capability, request.at.as_ref(), request.known_at.as_ref(), now)?;
    let published = handlers.published_at(request.min_position).await?;
    let part = question.part(&published.state, code).ok_or_else(|| refusal::practice_not_found(code))?;
    let mut reply = part.to_vec();
    Tail::new(question.at().unwrap_or(now), published.position).encode(&mut reply);
    decode(&reply)
}

pub(crate) async fn batch(
    handlers: &Handlers,
    asked: Asked<wire::BatchCheckAccessRequest>,
) -> Result<wire::BatchCheckAccessResponse, Error> {
    let request = asked.request;
    api::validate::count("ods_codes", request.ods_codes.len(), BATCH_MAX)?;
    let now = handlers.clock.now();
    let question = AccessQuestion::new(&request.capability, request.at.as_ref(), request.known_at.as_ref(), now)?;
    let published = handlers.published_at(request.min_position).await?;
    let as_of: Timestamp = question.at().unwrap_or(now);
    let mut reply = wire::BatchCheckAccessResponse {
        as_of: Some(api::time::to_wire(as_of)),
        position: published.position,
        ..Default::default()
    };
    for (index, text) in request.ods_codes.into_iter().enumerate() {
        let code: PracticeCode = name::ods_code(&format!("ods_codes[{index}]"), &text)?;
        match question.part(&published.state, code) {
            Some(part) => reply.results.push(decode(&part)?),
            None => reply.unknown_ods_codes.push(text),
        }
    }
    Ok(reply)
}

fn decode<M: Message + Default>(encoded: &[u8]) -> Result<M, Error> {
    M::decode(encoded).map_err(|error| Error::internal(&error))
}

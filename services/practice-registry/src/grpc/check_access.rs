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
use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};
use proto::registry::v1 as wire;
use server::Reply;

use crate::grpc::access::{AccessQuestion, Tail};
use crate::grpc::practices::BATCH_MAX;
use crate::grpc::submit::Asked;
use crate::grpc::{Handlers, name, refusal};

/// The names of both RPCs; a server is not built where they are wrong.
pub(crate) const CHECK: &str = "citizens_access.registry.v1.PracticeRegistryService/CheckAccess";
pub(crate) const BATCH: &str = "citizens_access.registry.v1.PracticeRegistryService/BatchCheckAccess";

/// Field numbers of both requests, which have them in common.
const ODS_CODE: u32 = 1;
const CAPABILITY: u32 = 2;
const MIN_POSITION: u32 = 42;
/// Field numbers of BatchCheckAccessResponse, beside those of [`Tail`].
const RESULTS: u32 = 1;
const UNKNOWN_ODS_CODES: u32 = 2;

/// Bytes of one result in a batch, about: room is made for so many.
const RESULT_BYTES: usize = 128;

/// The reply, where it is at hand.
pub(crate) fn check_at_once(handlers: &Handlers, message: &[u8]) -> Option<Reply> {
    let mut code = None;
    let present = Present::read(message, |found| code = Some(found))?;
    let code: PracticeCode = code?;
    let now = handlers.clock.now();
    handlers.engine.read(|published| {
        if published.position < present.min_position {
            return None;
        }
        let part = published.state.encoded(code)?.part(present.capability)?;
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
    let present = Present::read(message, |_| count += 1)?;
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
        Present::read(message, |code| match published.state.encoded(code) {
            Some(encoded) => match encoded.part(present.capability) {
                Some(part) => put(RESULTS, part, &mut reply),
                None => elsewhere = true,
            },
            None => unknown_count += 1,
        })?;
        if elsewhere {
            return None;
        }
        if unknown_count > 0 {
            Present::read(message, |code| {
                if published.state.encoded(code).is_none() {
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

/// What is asked of the present, borrowed from the request.
#[derive(Debug, Default, PartialEq)]
struct Present<'a> {
    capability: &'a str,
    min_position: u64,
}

impl<'a> Present<'a> {
    /// Reads a request of either kind and gives each of its codes to `each`. None where it asks of a moment, has a field
    /// that is not known here, or is not right: that is judged elsewhere.
    fn read(mut message: &'a [u8], mut each: impl FnMut(PracticeCode)) -> Option<Self> {
        let mut present = Self::default();
        while !message.is_empty() {
            match decode_key(&mut message).ok()? {
                (ODS_CODE, WireType::LengthDelimited) => each(text(&mut message)?.parse().ok()?),
                (CAPABILITY, WireType::LengthDelimited) => present.capability = text(&mut message)?,
                (MIN_POSITION, WireType::Varint) => present.min_position = decode_varint(&mut message).ok()?,
                _ => return None,
            }
        }
        Some(present)
    }
}

fn text<'a>(message: &mut &'a [u8]) -> Option<&'a str> {
    let len = usize::try_from(decode_varint(message).ok()?).ok()?;
    let (text, rest) = message.split_at_checked(len)?;
    *message = rest;
    std::str::from_utf8(text).ok()
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
    let (state, encoded) = (&published.state.registry, published.state.encoded(code));
    let part = question.part(state, code, encoded).ok_or_else(|| refusal::practice_not_found(code))?;
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
        match question.part(&published.state.registry, code, published.state.encoded(code)) {
            Some(part) => reply.results.push(decode(&part)?),
            None => reply.unknown_ods_codes.push(text),
        }
    }
    Ok(reply)
}

fn decode<M: Message + Default>(encoded: &[u8]) -> Result<M, Error> {
    M::decode(encoded).map_err(|error| Error::internal(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(message: &[u8]) -> Option<Vec<String>> {
        let mut codes = Vec::new();
        Present::read(message, |code| codes.push(code.to_string()))?;
        Some(codes)
    }

    #[test]
    fn both_requests_are_read_as_they_are_written() {
        let (capability, min_position) = ("capabilities/historic-records".to_owned(), 300);
        let single = wire::CheckAccessRequest {
            ods_code: "A81001".to_owned(),
            capability: capability.clone(),
            min_position,
            ..Default::default()
        };
        let single = single.encode_to_vec();
        let present = Present { capability: &capability, min_position };
        assert_eq!(Present::read(&single, |_| {}), Some(present));
        assert_eq!(codes(&single).unwrap(), ["A81001"]);
        let ods_codes = vec!["A81001".to_owned(), "B82002".to_owned()];
        let batch = wire::BatchCheckAccessRequest { ods_codes: ods_codes.clone(), ..Default::default() };
        assert_eq!(codes(&batch.encode_to_vec()), Some(ods_codes));
    }

    #[test]
    fn what_is_not_plainly_of_the_present_is_left_to_others() {
        let whole = wire::CheckAccessRequest { ods_code: "A81001".to_owned(), ..Default::default() };
        let past = wire::CheckAccessRequest { at: Some(prost_types::Timestamp::default()), ..whole.clone() };
        let believed = wire::CheckAccessRequest { known_at: Some(prost_types::Timestamp::default()), ..whole.clone() };
        let malformed = wire::CheckAccessRequest { ods_code: "a81001".to_owned(), ..Default::default() };
        let whole = whole.encode_to_vec();
        let cut = &whole[..whole.len() - 1];
        let unknown_field = [&whole[..], &[0x98, 0x06, 0x01]].concat();
        let of_the_past = [past.encode_to_vec(), believed.encode_to_vec()];
        let wrong = [&malformed.encode_to_vec(), cut, &unknown_field, b"\x0a\x02\xff\xff"];
        for message in of_the_past.iter().map(Vec::as_slice).chain(wrong) {
            assert_eq!(codes(message), None, "{message:?}");
        }
    }
}

//! What is asked of the present, read from a request's bytes: for the RPCs that are answered at once.

use prost::encoding::{WireType, decode_key, decode_varint};

/// Field numbers of the requests that are answered at once, which have them in common: by code or name, of a capability
/// where there is one, from a position on.
const KEY: u32 = 1;
const CAPABILITY: u32 = 2;
const MIN_POSITION: u32 = 42;

/// What is asked of the present, borrowed from the request.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Present<'a> {
    pub(crate) capability: &'a str,
    pub(crate) min_position: u64,
}

impl<'a> Present<'a> {
    /// Reads a request and gives each of its codes or names to `each`. None where it asks of a moment, has a field that is
    /// not known here, or is not right, also by what `each` says: that is judged elsewhere.
    pub(crate) fn read(mut message: &'a [u8], mut each: impl FnMut(&'a str) -> Option<()>) -> Option<Self> {
        let mut present = Self::default();
        while !message.is_empty() {
            match decode_key(&mut message).ok()? {
                (KEY, WireType::LengthDelimited) => each(text(&mut message)?)?,
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

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use proto::registry::v1 as wire;

    use super::*;

    fn keys(message: &[u8]) -> Option<Vec<&str>> {
        let mut keys = Vec::new();
        Present::read(message, |key| {
            keys.push(key);
            key.ends_with(|last: char| last.is_ascii_digit()).then_some(())
        })?;
        Some(keys)
    }

    #[test]
    fn the_requests_are_read_as_they_are_written() {
        let (capability, min_position) = ("capabilities/historic-records".to_owned(), 300);
        let single = wire::CheckAccessRequest {
            ods_code: "A81001".to_owned(),
            capability: capability.clone(),
            min_position,
            ..Default::default()
        };
        let single = single.encode_to_vec();
        let present = Present { capability: &capability, min_position };
        assert_eq!(Present::read(&single, |_| Some(())), Some(present));
        assert_eq!(keys(&single).unwrap(), ["A81001"]);
        let ods_codes = vec!["A81001".to_owned(), "B82002".to_owned()];
        let batch = wire::BatchCheckAccessRequest { ods_codes, ..Default::default() };
        assert_eq!(keys(&batch.encode_to_vec()).unwrap(), ["A81001", "B82002"]);
        let name = "practices/A81001".to_owned();
        let get = wire::GetPracticeRequest { name, min_position, ..Default::default() }.encode_to_vec();
        assert_eq!(Present::read(&get, |_| Some(())), Some(Present { capability: "", min_position }));
        assert_eq!(keys(&get).unwrap(), ["practices/A81001"]);
    }

    #[test]
    fn what_is_not_plainly_of_the_present_is_left_to_others() {
        let whole = wire::CheckAccessRequest { ods_code: "A81001".to_owned(), ..Default::default() };
        let past = wire::CheckAccessRequest { at: Some(prost_types::Timestamp::default()), ..whole.clone() };
        let believed = wire::CheckAccessRequest { known_at: Some(prost_types::Timestamp::default()), ..whole.clone() };
        let get = wire::GetPracticeRequest { name: "practices/A81001".to_owned(), ..Default::default() };
        let effective =
            wire::GetPracticeRequest { effective_at: Some(prost_types::Timestamp::default()), ..get.clone() };
        let dated = wire::GetPracticeRequest { geography_date: "2031-06-01".to_owned(), ..get };
        let malformed = wire::CheckAccessRequest { ods_code: "a81001?".to_owned(), ..Default::default() };
        let whole = whole.encode_to_vec();
        let cut = &whole[..whole.len() - 1];
        let unknown_field = [&whole[..], &[0x98, 0x06, 0x01]].concat();
        let others = [past.encode_to_vec(), believed.encode_to_vec(), effective.encode_to_vec(), dated.encode_to_vec()];
        let wrong = [&malformed.encode_to_vec(), cut, &unknown_field, b"\x0a\x02\xff\xff"];
        for message in others.iter().map(Vec::as_slice).chain(wrong) {
            assert_eq!(keys(message), None, "{message:?}");
        }
    }
}

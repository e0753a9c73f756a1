//! Resource names: `practices/A81001`, `practices/A81001/pauses/1`, `organisations/QHM`.

use api::Error;
use ods::{Capability, PracticeCode};

pub(crate) fn of_practice(code: PracticeCode) -> String {
    format!("practices/{code}")
}

pub(crate) fn of_pause(code: PracticeCode, number: u32) -> String {
    format!("practices/{code}/pauses/{number}")
}

pub(crate) fn of_receipt(code: PracticeCode, number: u32) -> String {
    format!("practices/{code}/receipts/{number}")
}

pub(crate) fn of_advice(code: PracticeCode, number: u32) -> String {
    format!("practices/{code}/advice/{number}")
}

pub(crate) fn of_contact(code: PracticeCode, number: u32) -> String {
    format!("practices/{code}/contacts/{number}")
}

pub(crate) fn of_organisation(code: &str) -> String {
    format!("organisations/{code}")
}

pub(crate) fn of_import(id: &str) -> String {
    format!("imports/{id}")
}

/// The id of the import named in the field at `path`: its request id, which may have slashes in it.
pub(crate) fn import<'a>(path: &str, name: &'a str) -> Result<&'a str, Error> {
    let id = name.strip_prefix("imports/").filter(|id| !id.is_empty());
    id.ok_or_else(|| {
        Error::invalid(path, "RESOURCE_NAME_INVALID", "{field} is {value}; it must be like imports/REQUEST_ID")
            .with("value", format!("{name:?}"))
    })
}

pub(crate) fn of_sync(number: u32) -> String {
    format!("syncs/{number}")
}

/// The number of the sync named in the field at `path`.
pub(crate) fn sync(path: &str, name: &str) -> Result<u32, Error> {
    let id = api::validate::resource_id(path, name, "syncs")?;
    id.parse().map_err(|_| {
        Error::invalid(path, "RESOURCE_NAME_INVALID", "{field} is `{value}`; it must be like syncs/3")
            .with("value", name)
    })
}

/// The practice of this name; None where it is none.
pub(crate) fn practice_code(name: &str) -> Option<PracticeCode> {
    name.strip_prefix("practices/")?.parse().ok()
}

/// The practice named in the field at `path`.
pub(crate) fn practice(path: &str, name: &str) -> Result<PracticeCode, Error> {
    ods_code(path, api::validate::resource_id(path, name, "practices")?)
}

/// The practice whose ODS code is in the field at `path`.
pub(crate) fn ods_code(path: &str, code: &str) -> Result<PracticeCode, Error> {
    code.parse().map_err(|_| {
        Error::invalid(path, "ODS_CODE_INVALID", "{field} has `{code}`, which is no practice code; one is like A81001")
            .with("code", format!("{code:?}"))
    })
}

/// The pause named in the field at `path`: its practice and its number there.
pub(crate) fn pause(path: &str, name: &str) -> Result<(PracticeCode, u32), Error> {
    numbered(path, name, "pauses")
}

/// The receipt named in the field at `path`: its practice, and its pause's number there.
pub(crate) fn receipt(path: &str, name: &str) -> Result<(PracticeCode, u32), Error> {
    numbered(path, name, "receipts")
}

/// The advice named in the field at `path`: its practice and its number there.
pub(crate) fn advice(path: &str, name: &str) -> Result<(PracticeCode, u32), Error> {
    numbered(path, name, "advice")
}

/// The contact named in the field at `path`: its practice and its number there.
pub(crate) fn contact(path: &str, name: &str) -> Result<(PracticeCode, u32), Error> {
    numbered(path, name, "contacts")
}

/// The organisation's code named in the field at `path`.
pub(crate) fn organisation<'a>(path: &str, name: &'a str) -> Result<&'a str, Error> {
    api::validate::resource_id(path, name, "organisations")
}

/// The capability in the field at `path`; empty is the default one.
pub(crate) fn capability(path: &str, name: &str) -> Result<Capability, Error> {
    // It is kept, whatever it is called.
    api::validate::free_text(path, name, NAME_CHARS_MAX)?;
    name.parse().map_err(|error: ods::CodeError| {
        Error::invalid(path, "CAPABILITY_INVALID", "{field}: {error}").with("error", error)
    })
}

/// Longest name that is looked at: beyond it there is none.
const NAME_CHARS_MAX: usize = 200;

/// Longest id in lower-case words.
const WORDS_BYTES_MAX: usize = 63;

/// Checks an id like `staff-training` in the field at `path`.
pub(crate) fn hyphenated_words(path: &str, id: &str) -> Result<(), Error> {
    api::validate::free_text(path, id, NAME_CHARS_MAX)?;
    let plain = id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if id.is_empty() || id.len() > WORDS_BYTES_MAX || !plain || id.starts_with('-') || id.ends_with('-') {
        let template = "{field} must be lower-case words joined by hyphens, of at most {bytes_max} bytes";
        return Err(Error::invalid(path, "ID_INVALID", template).with("bytes_max", WORDS_BYTES_MAX));
    }
    Ok(())
}

fn numbered(path: &str, name: &str, collection: &'static str) -> Result<(PracticeCode, u32), Error> {
    let parts = name.strip_prefix("practices/").and_then(|rest| rest.split_once('/'));
    let code_and_number = parts.and_then(|(code, rest)| {
        let number = rest.strip_prefix(collection)?.strip_prefix('/')?;
        // One spelling only: no sign, no leading zero.
        let canonical = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
        Some((code.parse().ok()?, number.parse().ok().filter(|_| canonical)?))
    });
    code_and_number.ok_or_else(|| {
        Error::invalid(
            path,
            "RESOURCE_NAME_INVALID",
            "{field} is {value}; it must be like practices/A81001/{collection}/1",
        )
        .with("value", format!("{name:?}"))
        .with("collection", collection)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let code: PracticeCode = "A81001".parse().unwrap();
        assert_eq!(practice("name", &of_practice(code)).unwrap(), code);
        assert_eq!(pause("name", &of_pause(code, 12)).unwrap(), (code, 12));
        assert_eq!(receipt("name", &of_receipt(code, 1)).unwrap(), (code, 1));
        assert_eq!(advice("name", &of_advice(code, 3)).unwrap(), (code, 3));
        assert_eq!(contact("name", &of_contact(code, 4)).unwrap(), (code, 4));
        assert_eq!(organisation("name", &of_organisation("QHM")).unwrap(), "QHM");
    }

    #[test]
    fn other_spellings_are_refused() {
        for name in ["A81001", "practices/", "practices/a81001", "practices/A81001/", "organisations/A81001"] {
            assert!(practice("name", name).is_err(), "{name}");
        }
        for name in ["practices/A81001/pauses/0", "practices/A81001/pauses/01", "practices/A81001/pauses/+1"] {
            assert_eq!(pause("name", name).unwrap_err().reason(), "RESOURCE_NAME_INVALID", "{name}");
        }
        assert!(pause("name", "practices/A81001/receipts/1").is_err());
        assert!(capability("capability", "prospective-records").is_err());
        assert_eq!(capability("capability", "").unwrap(), Capability::default());
    }
}

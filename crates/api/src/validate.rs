//! Bounds of what callers send: each check says which field is wrong and what would be right.

use crate::{Error, REASON_CODE_BYTES_MAX, nhs_number};

/// Longest free text (a note, a reason in words), in characters: a page of writing. Evidence lies elsewhere, by reference.
pub const FREE_TEXT_CHARS_MAX: usize = 4_000;

/// Refuses an empty field.
pub fn required(path: &str, value: &str) -> Result<(), Error> {
    if value.is_empty() {
        return Err(Error::invalid(path, "FIELD_REQUIRED", "{field} is required"));
    }
    Ok(())
}

/// Refuses a text longer than `chars_max` characters, or with control characters other than line breaks and tabs.
pub fn text(path: &str, value: &str, chars_max: usize) -> Result<(), Error> {
    // Bytes first: a hostile text is not counted through.
    if value.len() > chars_max && value.chars().count() > chars_max {
        return Err(Error::invalid(path, "TEXT_TOO_LONG", "{field} is longer than {chars_max} characters")
            .with("chars_max", chars_max));
    }
    if value.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\r' | '\t')) {
        return Err(Error::invalid(path, "TEXT_HAS_CONTROL_CHARACTERS", "{field} has control characters"));
    }
    Ok(())
}

/// As [`text`], and refuses a text with a valid NHS number in it (rule 16). The error does not repeat the text.
pub fn free_text(path: &str, value: &str, chars_max: usize) -> Result<(), Error> {
    text(path, value, chars_max)?;
    if nhs_number::contains(value) {
        return Err(Error::invalid(
            path,
            "NHS_NUMBER_IN_TEXT",
            "{field} has an NHS number in it, or ten digits that could be one; leave it out, the record is kept for ever",
        ));
    }
    Ok(())
}

/// Refuses what is no code of a reason, such as `SAFETY_CONCERN`: too long, with other characters, or with a valid NHS number
/// in it (rule 16).
pub fn reason_code(path: &str, code: &str) -> Result<(), Error> {
    if code.len() > REASON_CODE_BYTES_MAX
        || !code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    {
        return Err(Error::invalid(
            path,
            "REASON_CODE_INVALID",
            "{field} must be at most {bytes_max} ASCII letters, digits, `_` or `-`; words go into the note",
        )
        .with("bytes_max", REASON_CODE_BYTES_MAX));
    }
    free_text(path, code, REASON_CODE_BYTES_MAX)
}

/// Refuses a list of more than `max` items, and an empty one.
pub fn count(path: &str, len: usize, max: usize) -> Result<(), Error> {
    if len == 0 {
        return required(path, "");
    }
    if len > max {
        return Err(Error::invalid(
            path,
            "TOO_MANY_ITEMS",
            "{field} has {count} items; at most {max} are taken in one call",
        )
        .with("count", len)
        .with("max", max));
    }
    Ok(())
}

/// The id in a resource name `collection/id`, as `practices/A81001` has `A81001`; the id has no slash in it.
pub fn resource_id<'a>(path: &str, name: &'a str, collection: &'static str) -> Result<&'a str, Error> {
    let id = name.strip_prefix(collection).and_then(|rest| rest.strip_prefix('/'));
    match id {
        Some(id) if !id.is_empty() && !id.contains('/') => Ok(id),
        _ => {
            Err(Error::invalid(path, "RESOURCE_NAME_INVALID", "{field} is `{value}`; it must be like {collection}/ID")
                .with("value", name)
                .with("collection", collection))
        }
    }
}

/// Refuses a count or share that is negative, not a number, or above `max`.
pub fn number(path: &str, value: f64, max: f64) -> Result<(), Error> {
    if (0.0..=max).contains(&value) {
        return Ok(());
    }
    Err(Error::invalid(path, "NUMBER_OUT_OF_RANGE", "{field} is {value}; it must be 0 to {max}")
        .with("value", value)
        .with("max", max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_bounded_in_characters_not_bytes() {
        assert!(text("name", "éééé", 4).is_ok());
        assert_eq!(text("name", "ééééé", 4).unwrap_err().reason(), "TEXT_TOO_LONG");
        assert_eq!(text("name", "a\u{7}", 4).unwrap_err().reason(), "TEXT_HAS_CONTROL_CHARACTERS");
        assert!(text("name", "a\n\tb", 4).is_ok());
    }

    /// Rule 16.
    #[test]
    fn free_text_with_an_nhs_number_is_refused_without_repeating_it() {
        let error = free_text("note", "for 943 476 5919", 100).unwrap_err();
        assert_eq!(error.reason(), "NHS_NUMBER_IN_TEXT");
        assert!(!format!("{error:?}").contains("943"));
    }

    #[test]
    fn a_list_is_neither_empty_nor_too_long() {
        assert!(count("ods_codes", 3, 3).is_ok());
        assert_eq!(count("ods_codes", 0, 3).unwrap_err().reason(), "FIELD_REQUIRED");
        assert_eq!(count("ods_codes", 4, 3).unwrap_err().reason(), "TOO_MANY_ITEMS");
    }

    #[test]
    fn a_resource_name_gives_its_id_or_says_its_form() {
        assert_eq!(resource_id("name", "practices/A81001", "practices").unwrap(), "A81001");
        for bad in ["", "practices", "practices/", "practices/A/B", "A81001", "pcns/U12345"] {
            let error = resource_id("name", bad, "practices").unwrap_err();
            assert_eq!(error.to_string(), format!("name is `{bad}`; it must be like practices/ID"));
        }
    }

    #[test]
    fn a_number_is_finite_and_within_its_bounds() {
        assert!(number("min_success", 0.5, 1.0).is_ok());
        for bad in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert_eq!(number("min_success", bad, 1.0).unwrap_err().reason(), "NUMBER_OUT_OF_RANGE");
        }
    }
}

//! From bytes to text: what must hold before any format is looked at.

use crate::fault::{Fault, Reason};

/// The file as text, without a byte order mark; or why it is none.
pub(crate) fn decode(bytes: &[u8]) -> Result<&str, Fault> {
    if let Some(looks_like) = binary(bytes) {
        return Err(Fault::at(1, 1, Reason::NotText { looks_like }));
    }
    let bytes = without_byte_order_mark(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to()))?;
    if text.trim().is_empty() {
        return Err(Fault::at(1, 1, Reason::Empty));
    }
    Ok(text)
}

/// Spreadsheet programs put one before UTF-8; it is no part of the first column's name.
pub(crate) fn without_byte_order_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

/// What people really pick by mistake, by its first bytes.
fn binary(bytes: &[u8]) -> Option<&'static str> {
    let kinds: [(&[u8], &str); 6] = [
        (b"\x1F\x8B", "a gzip file"),
        (b"PK\x03\x04", "a zip file or a spreadsheet"),
        (b"%PDF", "a PDF document"),
        (b"\xFF\xFE", "UTF-16 text"),
        (b"\xFE\xFF", "UTF-16 text"),
        (b"SQLite format 3\0", "an SQLite database"),
    ];
    kinds.into_iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, looks_like)| looks_like)
}

/// `offset` is that of the first byte that is not UTF-8.
fn not_utf8(bytes: &[u8], offset: usize) -> Fault {
    let before = String::from_utf8_lossy(&bytes[..offset]);
    let (line, column) = place(&before, before.len());
    match bytes.get(offset) {
        Some(&byte) => Fault::at(line, column, Reason::NotUtf8 { byte }),
        None => Fault::at(line, column, Reason::Truncated),
    }
}

/// Line and character, both from 1, of the byte at `offset` of `text`.
pub(crate) fn place(text: &str, offset: usize) -> (u64, u64) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.bytes().filter(|&byte| byte == b'\n').count() as u64 + 1;
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line, before[line_start..].chars().count() as u64 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_not_text() {
        assert_eq!(decode(b"\xEF\xBB\xBFa").unwrap(), "a");
    }

    #[test]
    fn nothing_but_white_space_is_empty() {
        for bytes in [&b""[..], b"\n\r\n ", b"\xEF\xBB\xBF"] {
            assert_eq!(decode(bytes).unwrap_err().reason, Reason::Empty);
        }
    }

    #[test]
    fn the_first_byte_that_is_not_utf8_is_shown_with_its_place() {
        let fault =
            decode("one\ntwö ".as_bytes().iter().chain(b"\xE9").copied().collect::<Vec<_>>().as_slice()).unwrap_err();
        assert_eq!((fault.line, fault.column, fault.reason), (2, 5, Reason::NotUtf8 { byte: 0xE9 }));
    }

    #[test]
    fn an_archive_is_named_as_such() {
        assert_eq!(decode(b"PK\x03\x04....").unwrap_err().reason.code(), "NOT_TEXT");
    }
}

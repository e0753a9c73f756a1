//! Etags: the journal position of a thing's last change, as text.

use api::Error;

/// The etag of a thing that last changed at `position`.
pub(crate) fn of(position: u64) -> String {
    position.to_string()
}

/// The position that an etag names; none where the caller gave none.
pub(crate) fn read(path: &str, etag: &str) -> Result<Option<u64>, Error> {
    if etag.is_empty() {
        return Ok(None);
    }
    let position = etag.parse().ok();
    position.map(Some).ok_or_else(|| {
        Error::invalid(path, "ETAG_INVALID", "{field} is `{value}`; take it from what was read").with("value", etag)
    })
}

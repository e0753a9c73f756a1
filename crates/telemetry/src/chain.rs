//! Errors as they are logged.

use std::error::Error;

/// An error and all that caused it, from the outermost on: `no leave was given: the peer did not answer in time`. A log line
/// would hold the outermost only, and no error repeats its source.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        // Others' errors do repeat theirs.
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the journal took no record")]
    struct Outer(#[source] Middle);

    #[derive(Debug, thiserror::Error)]
    #[error("the disk failed: {0}")]
    struct Middle(#[source] io::Error);

    #[test]
    fn all_that_caused_an_error_is_said_once() {
        let error = Outer(Middle(io::Error::other("no space left")));
        assert_eq!(chain(&error), "the journal took no record: the disk failed: no space left");
    }
}

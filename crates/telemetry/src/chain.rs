//! Errors as they are logged.

use std::error::Error;

use pseudonym::in_text::told;

/// An error and all that caused it, from the outermost on: `no leave was given: the peer did not answer in time`. A log line
/// would hold the outermost only, and no error repeats its source. Others' errors repeat what they were given: one that has an NHS
/// number in it is not told (rule 16).
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = told(&error.to_string()).to_owned();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        let more = told(&more);
        // Others' errors do repeat theirs.
        if !text.ends_with(more) {
            text.push_str(": ");
            text.push_str(more);
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

    /// Rule 16.
    #[test]
    fn of_a_cause_with_an_nhs_number_only_that_there_is_one_is_said() {
        let text = chain(&Outer(Middle(io::Error::other("`9434765919` is no verdict"))));
        assert!(text.starts_with("the journal took no record: [withheld") && !text.contains("5919"), "{text}");
    }
}

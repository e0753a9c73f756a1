//! The W3C `traceparent`: which trace, which span of it, and whether it is recorded.

use std::fmt;
use std::str::FromStr;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// `00-{trace id}-{span id}-{flags}` in lower-case hexadecimal, as W3C Trace Context Level 1 has it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Traceparent {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) flags: TraceFlags,
}

/// The text is no `traceparent`. Per the standard it is then ignored, and a new trace begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a W3C traceparent")]
pub struct TraceparentError;

impl Traceparent {
    /// True where the caller records its part of the trace.
    pub fn is_sampled(self) -> bool {
        self.flags.is_sampled()
    }

    /// 32 hexadecimal digits.
    pub fn trace_id(self) -> String {
        self.trace_id.to_string()
    }

    pub(crate) fn of(context: &SpanContext) -> Option<Self> {
        context.is_valid().then(|| Self {
            trace_id: context.trace_id(),
            span_id: context.span_id(),
            flags: context.trace_flags(),
        })
    }

    pub(crate) fn to_context(self, state: TraceState) -> SpanContext {
        SpanContext::new(self.trace_id, self.span_id, self.flags, true, state)
    }
}

impl FromStr for Traceparent {
    type Err = TraceparentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('-');
        let mut part = |len: usize| match parts.next() {
            Some(part) if part.len() == len && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) => Ok(part),
            _ => Err(TraceparentError),
        };
        let (version, trace_id, span_id, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        // A later version may add parts at the end; version ff is forbidden.
        if version == "ff" || (version == "00" && parts.next().is_some()) {
            return Err(TraceparentError);
        }
        let parsed = Self {
            trace_id: TraceId::from_hex(trace_id).map_err(|_| TraceparentError)?,
            span_id: SpanId::from_hex(span_id).map_err(|_| TraceparentError)?,
            flags: TraceFlags::new(u8::from_str_radix(flags, 16).map_err(|_| TraceparentError)?) & TraceFlags::SAMPLED,
        };
        let is_zero = parsed.trace_id == TraceId::INVALID || parsed.span_id == SpanId::INVALID;
        if is_zero { Err(TraceparentError) } else { Ok(parsed) }
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

impl fmt::Debug for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Traceparent({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // The example of the standard.
    const EXAMPLE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn the_example_of_the_standard_is_read_and_written() {
        let parsed: Traceparent = EXAMPLE.parse().unwrap();
        assert_eq!(parsed.to_string(), EXAMPLE);
        assert_eq!(parsed.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert!(parsed.is_sampled());
    }

    #[test]
    fn what_the_standard_forbids_is_refused() {
        for text in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(text.parse::<Traceparent>(), Err(TraceparentError), "{text}");
        }
    }

    #[test]
    fn a_later_version_is_read_as_far_as_we_know_it() {
        let later = "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03-more";
        assert_eq!(later.parse::<Traceparent>().unwrap().to_string(), EXAMPLE);
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in ".*") {
            let _ = text.parse::<Traceparent>();
        }
    }
}

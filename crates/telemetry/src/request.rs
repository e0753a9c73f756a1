//! How one request is traced while it is polled.

use std::cell::Cell;

use tracing::Span;
use tracing::span;

use crate::Traceparent;

/// The trace of one request, made by `server` before the handler runs and entered around each poll of it.
#[derive(Debug)]
pub enum RequestTrace {
    /// Recorded in this span; spans of handlers become its children.
    Recorded(Span),
    /// Not recorded: inside, no span is built by anybody. It keeps the caller's trace context, if any, which goes on to
    /// whomever the handler calls.
    Quiet(Cell<Option<Traceparent>>),
}

thread_local! {
    static QUIET: Cell<Quiet> = const { Cell::new(Quiet::No) };
}

#[derive(Clone, Copy, Debug)]
enum Quiet {
    No,
    Yes(Option<Traceparent>),
}

impl RequestTrace {
    /// For one poll: what happens until the guard is dropped belongs to this request.
    pub fn enter(&self) -> Entered<'_> {
        match self {
            Self::Recorded(span) => {
                Entered { previous: QUIET.replace(Quiet::No), quiet: None, _span: Some(span.enter()) }
            }
            Self::Quiet(context) => {
                Entered { previous: QUIET.replace(Quiet::Yes(context.get())), quiet: Some(context), _span: None }
            }
        }
    }
}

/// Ends the poll when dropped.
#[must_use = "the poll ends with the guard"]
#[derive(Debug)]
pub struct Entered<'a> {
    previous: Quiet,
    quiet: Option<&'a Cell<Option<Traceparent>>>,
    _span: Option<span::Entered<'a>>,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if let (Quiet::Yes(context), Some(kept)) = (QUIET.replace(self.previous), self.quiet) {
            kept.set(context);
        }
    }
}

/// True while a request is polled that is not recorded.
pub(crate) fn is_quiet() -> bool {
    matches!(QUIET.get(), Quiet::Yes(_))
}

/// The trace context of the request that is polled quietly.
pub(crate) fn quiet_context() -> Option<Traceparent> {
    match QUIET.get() {
        Quiet::Yes(context) => context,
        Quiet::No => None,
    }
}

/// Gives the quiet request a trace context of its own, so that all that is said of it names one id.
pub(crate) fn set_quiet_context(context: Traceparent) {
    if is_quiet() {
        QUIET.set(Quiet::Yes(Some(context)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_id_given_in_one_poll_is_there_in_the_next() {
        let minted: Traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00".parse().unwrap();
        let trace = RequestTrace::Quiet(Cell::new(None));
        {
            let _poll = trace.enter();
            assert!(is_quiet());
            set_quiet_context(minted);
        }
        assert!(!is_quiet());
        let _poll = trace.enter();
        assert_eq!(quiet_context(), Some(minted));
    }

    #[test]
    fn a_recorded_request_inside_a_quiet_one_is_not_quiet() {
        let quiet = RequestTrace::Quiet(Cell::new(None));
        let recorded = RequestTrace::Recorded(Span::none());
        let _outer = quiet.enter();
        {
            let _inner = recorded.enter();
            assert!(!is_quiet());
        }
        assert!(is_quiet());
    }
}

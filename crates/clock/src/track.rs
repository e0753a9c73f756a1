//! Track: a future during whose polls virtual time stands still.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::{Activity, Clock};

/// See [`Clock::track`].
#[must_use = "a future does nothing unless awaited"]
pub struct Track<F> {
    clock: Clock,
    // Boxed so that this type stays `Unpin` without unsafe projection; one allocation beside a remote call.
    future: Pin<Box<F>>,
    /// From the call of `track` to the end of the first poll: the caller may drop its own activity in between.
    until_first_poll: Option<Activity>,
}

impl<F: Future> Track<F> {
    #[track_caller]
    pub(crate) fn new(clock: &Clock, future: F) -> Self {
        Self { clock: clock.clone(), future: Box::pin(future), until_first_poll: Some(clock.activity()) }
    }
}

impl<F> fmt::Debug for Track<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Track")
    }
}

impl<F: Future> Future for Track<F> {
    type Output = (F::Output, Activity);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let activity = match self.until_first_poll.take() {
            Some(activity) => activity,
            None => self.clock.activity(),
        };
        self.future.as_mut().poll(cx).map(|output| (output, activity))
    }
}

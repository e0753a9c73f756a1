//! The body of a reply, within the deadline and the span of its call.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::Sleep;
use tonic::Status;
use tonic::body::Body;

use crate::attempt::Outcome;

/// Passes the peer's frames on; a connection that breaks is UNAVAILABLE, a deadline that passes DEADLINE_EXCEEDED.
pub(crate) struct ReplyBody {
    inner: Body,
    outcome: Outcome,
    deadline: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl ReplyBody {
    pub(crate) fn new(inner: Body, outcome: Outcome, deadline: Option<Instant>) -> Self {
        Self { inner, outcome, deadline, timer: None }
    }
}

impl http_body::Body for ReplyBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.inner).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    this.outcome.settle(trailers);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(status))) => Poll::Ready(Some(Err(this.outcome.broken(status)))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                let Some(deadline) = this.deadline else { return Poll::Pending };
                let timer = this.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline.into())));
                if timer.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                // Dropping the body resets the stream, so that the peer stops as well.
                this.inner = Body::empty();
                this.deadline = None;
                Poll::Ready(Some(Err(this.outcome.overdue())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

//! Bodies that can be sent twice.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame};
use http_body_util::Full;
use tonic::Status;
use tonic::body::Body;

/// A body is kept for a repetition up to here: the limit of a message with its prefix. A larger one is sent once.
const REPLAYABLE_BYTES_MAX: usize = (4 << 20) + 5;

/// The body of a request.
pub(crate) enum Payload {
    /// All of it; can be sent again.
    Whole(Bytes),
    /// Can be sent once; None after that.
    Once(Option<Body>),
}

impl Payload {
    /// Takes what `body` has ready, without waiting: a unary request is all there, a stream of requests is not.
    pub(crate) async fn take(body: Body) -> Self {
        let mut body = body;
        let mut frames = VecDeque::new();
        let is_whole = poll_fn(|context| Poll::Ready(drain(&mut body, &mut frames, context))).await;
        if !is_whole {
            return Self::Once(Some(Body::new(Resumed { frames, rest: body })));
        }
        let mut data = frames.into_iter().filter_map(|frame| frame.ok()?.into_data().ok());
        let first = data.next().unwrap_or_default();
        let Some(second) = data.next() else { return Self::Whole(first) };
        let mut joined = BytesMut::from(first);
        joined.extend_from_slice(&second);
        data.for_each(|more| joined.extend_from_slice(&more));
        Self::Whole(joined.freeze())
    }

    /// The body for one attempt; None where it was sent already and cannot be sent again.
    pub(crate) fn send(&mut self) -> Option<Body> {
        match self {
            Self::Whole(bytes) => Some(Body::new(Full::new(bytes.clone()))),
            Self::Once(body) => body.take(),
        }
    }

    pub(crate) fn can_be_sent_again(&self) -> bool {
        matches!(self, Self::Whole(_))
    }
}

type FrameOrError = Result<Frame<Bytes>, Status>;

/// Moves ready frames from `body` to `frames`; true where that was all, and all of it data.
fn drain(body: &mut Body, frames: &mut VecDeque<FrameOrError>, context: &mut Context<'_>) -> bool {
    let mut bytes = 0;
    while let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(context) {
        let Some(frame) = frame else { return true };
        let len = frame.as_ref().ok().and_then(|frame| frame.data_ref()).map(Bytes::len);
        frames.push_back(frame);
        match len {
            Some(len) if bytes + len <= REPLAYABLE_BYTES_MAX => bytes += len,
            _ => return false,
        }
    }
    false
}

/// A body that begins with frames that were taken from it.
struct Resumed {
    frames: VecDeque<FrameOrError>,
    rest: Body,
}

impl http_body::Body for Resumed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<FrameOrError>> {
        let this = self.get_mut();
        match this.frames.pop_front() {
            Some(frame) => Poll::Ready(Some(frame)),
            None => Pin::new(&mut this.rest).poll_frame(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};
    use http_body_util::{BodyExt, StreamBody};

    use super::*;

    fn body(chunks: Vec<&'static [u8]>, then_waits: bool) -> Body {
        let ready = stream::iter(chunks).map(|chunk| Ok::<_, Status>(Frame::data(Bytes::from_static(chunk))));
        if then_waits {
            Body::new(StreamBody::new(ready.chain(stream::pending())))
        } else {
            Body::new(StreamBody::new(ready))
        }
    }

    #[tokio::test]
    async fn a_body_that_is_all_there_can_be_sent_again() {
        for chunks in [vec![], vec![&b"one"[..]], vec![&b"one"[..], b"two", b"three"]] {
            let mut payload = Payload::take(body(chunks.clone(), false)).await;
            assert!(payload.can_be_sent_again());
            for _ in 0..2 {
                let sent = payload.send().unwrap().collect().await.unwrap().to_bytes();
                assert_eq!(sent, chunks.concat());
            }
        }
    }

    #[tokio::test]
    async fn a_stream_is_sent_once_from_its_beginning() {
        let mut payload = Payload::take(body(vec![b"one", b"two"], true)).await;
        assert!(!payload.can_be_sent_again());
        let mut sent = payload.send().unwrap();
        for expected in [b"one", b"two"] {
            assert_eq!(sent.frame().await.unwrap().unwrap().into_data().unwrap(), expected.as_slice());
        }
        assert!(payload.send().is_none());
    }

    #[tokio::test]
    async fn a_body_above_the_limit_is_not_kept() {
        let chunk: &'static [u8] = vec![7; 1 << 20].leak();
        let payload = Payload::take(body(vec![chunk; 5], false)).await;
        let Payload::Once(Some(sent)) = payload else { panic!("kept") };
        assert_eq!(sent.collect().await.unwrap().to_bytes().len(), 5 << 20);
    }
}

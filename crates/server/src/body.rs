//! Bodies of requests and replies, without a box of our own around them.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use api::Error;
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tonic::Status;
use tonic::body::Body;

use crate::call::Call;
use crate::held::Held;
use crate::lengths::Lengths;
use crate::refusal;

/// The body of a request, from a socket or from within the process. A message above the limit ends it with an error.
#[derive(Debug)]
pub struct RequestBody {
    source: Source,
    lengths: Lengths,
    /// None until the call has been admitted, and where it has come as a whole.
    held: Option<Held>,
}

#[derive(Debug)]
enum Source {
    Network(Incoming),
    Local(Body),
    /// It has come as a whole; None once it was taken.
    Gathered(Option<Bytes>),
}

impl RequestBody {
    pub(crate) fn network(body: Incoming) -> Self {
        Self { source: Source::Network(body), lengths: Lengths::new(usize::MAX), held: None }
    }

    pub(crate) fn local(body: Body) -> Self {
        Self { source: Source::Local(body), lengths: Lengths::new(usize::MAX), held: None }
    }

    pub(crate) fn gathered(body: Bytes) -> Self {
        Self { source: Source::Gathered(Some(body)), lengths: Lengths::new(usize::MAX), held: None }
    }

    pub(crate) fn limit(&mut self, message_bytes_max: usize, held: Held) {
        self.lengths = Lengths::new(message_bytes_max);
        self.held = Some(held);
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        let frame = match &mut this.source {
            Source::Network(body) => {
                Pin::new(body).poll_frame(context).map_err(|error| Status::from_error(Box::new(error)))
            }
            Source::Local(body) => Pin::new(body).poll_frame(context),
            Source::Gathered(body) => Poll::Ready(body.take().map(|body| Ok(Frame::data(body)))),
        };
        let frame = ready!(frame);
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            if let Err(found) = this.lengths.pass(data) {
                return Poll::Ready(Some(Err(refusal::request_too_large(found).into())));
            }
            if let Some(held) = &mut this.held
                && let Err(full) = held.hold(this.lengths.begun())
            {
                return Poll::Ready(Some(Err(held.refusal(full).into())));
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Network(body) => body.is_end_stream(),
            Source::Local(body) => body.is_end_stream(),
            Source::Gathered(body) => body.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Network(body) => body.size_hint(),
            Source::Local(body) => body.size_hint(),
            Source::Gathered(body) => SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64)),
        }
    }
}

/// The body of a reply. The call goes on until its trailers: deadline, drain, size limit, panics and counters included.
#[derive(Debug)]
pub struct ResponseBody {
    inner: Inner,
    /// None once the status is out.
    call: Option<(Call, Lengths)>,
}

#[derive(Debug)]
enum Inner {
    Service(Body),
    /// A reply that is at hand, then its status; None once the reply was taken.
    AtOnce(Option<Bytes>),
}

impl ResponseBody {
    /// A reply whose status is in its headers already.
    pub(crate) fn settled(inner: Body) -> Self {
        Self { inner: Inner::Service(inner), call: None }
    }

    /// A reply whose status will be in its trailers.
    pub(crate) fn running(inner: Body, call: Call) -> Self {
        let lengths = Lengths::new(call.message_bytes_max());
        Self { inner: Inner::Service(inner), call: Some((call, lengths)) }
    }

    /// A reply that is at hand; its status is OK. The call keeps its place until the connection has taken all of it.
    pub(crate) fn at_once(reply: Bytes, call: Call) -> Self {
        let lengths = Lengths::new(usize::MAX);
        Self { inner: Inner::AtOnce(Some(reply)), call: Some((call, lengths)) }
    }

    /// Ends the reply with `error` instead of what the service would still have said.
    fn cut(&mut self, error: Error) -> Frame<Bytes> {
        if let Some((mut call, _)) = self.call.take() {
            call.end(error.code() as u8);
        }
        self.inner = Inner::Service(Body::empty());
        let mut trailers = HeaderMap::new();
        refusal::write(error, &mut trailers);
        Frame::trailers(trailers)
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        let inner = match &mut this.inner {
            Inner::Service(inner) => inner,
            Inner::AtOnce(reply) => {
                if let Some(reply) = reply.take() {
                    return Poll::Ready(Some(Ok(Frame::data(reply))));
                }
                let Some((mut call, _)) = this.call.take() else { return Poll::Ready(None) };
                call.end(0);
                return Poll::Ready(Some(Ok(Frame::trailers(refusal::ok()))));
            }
        };
        let Some((call, lengths)) = &mut this.call else { return Pin::new(inner).poll_frame(context) };
        let polled = match call.within(|| Pin::new(inner).poll_frame(context)) {
            Ok(polled) => polled,
            Err(error) => return Poll::Ready(Some(Ok(this.cut(error)))),
        };
        let frame = match polled {
            Poll::Pending => match call.poll_interrupted(context) {
                Poll::Ready(error) => return Poll::Ready(Some(Ok(this.cut(error)))),
                Poll::Pending => return Poll::Pending,
            },
            Poll::Ready(frame) => frame,
        };
        match frame {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => {
                    if let Err(found) = lengths.pass(&data) {
                        return Poll::Ready(Some(Ok(this.cut(refusal::reply_too_large(found)))));
                    }
                    // A stream that always has something to say is never pending; its deadline holds all the same.
                    if call.is_overdue_stream() {
                        let error = call.overdue();
                        return Poll::Ready(Some(Ok(this.cut(error))));
                    }
                    Poll::Ready(Some(Ok(Frame::data(data))))
                }
                Err(frame) => {
                    let mut trailers = frame.into_trailers().unwrap_or_default();
                    refusal::complete(&mut trailers);
                    call.end(refusal::code(&trailers).unwrap_or(0));
                    this.call = None;
                    Poll::Ready(Some(Ok(Frame::trailers(trailers))))
                }
            },
            Some(Err(status)) => {
                let mut trailers = HeaderMap::new();
                if status.add_header(&mut trailers).is_err() {
                    return Poll::Ready(Some(Ok(this.cut(Error::internal(&status)))));
                }
                refusal::complete(&mut trailers);
                call.end(status.code() as u8);
                this.call = None;
                this.inner = Inner::Service(Body::empty());
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            None => {
                call.end(0);
                this.call = None;
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Inner::Service(inner) => inner.is_end_stream(),
            Inner::AtOnce(_) => self.call.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.inner, &self.call) {
            (Inner::Service(inner), None) => inner.size_hint(),
            // It may be cut short.
            _ => SizeHint::default(),
        }
    }
}

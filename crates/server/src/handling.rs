//! A request on its way to its response.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use api::Error;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};
use http_body::Body as _;
use identity::Caller;
use tonic::body::Body;
use tonic::codegen::BoxFuture;
use tonic::{Code, Status};

use crate::at_once::{Gathered, plain_message};
use crate::body::{RequestBody, ResponseBody};
use crate::call::Call;
use crate::refusal;

/// The future of a response; it never fails, a failure is a status.
pub struct Handling(State);

#[expect(
    clippy::large_enum_variant,
    reason = "a box would be an allocation for each look-up, and handlings live one by one"
)]
enum State {
    /// None once it was taken.
    Ready(Option<Response<ResponseBody>>),
    /// The request of a read is read here, since its reply may be at hand; None once it was read.
    Gathering(Option<Gathering>),
    Running {
        call: Option<Call>,
        service: BoxFuture<Response<Body>, Infallible>,
    },
}

struct Gathering {
    call: Call,
    request: Request<RequestBody>,
    caller: Option<Caller>,
    gathered: Gathered,
}

impl fmt::Debug for Handling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handling")
    }
}

impl Handling {
    pub(crate) fn refused(error: Error) -> Self {
        Self(State::Ready(Some(refused(error))))
    }

    /// Begins to handle: `start` is part of the call as well, since it may panic.
    pub(crate) fn running(mut call: Call, start: impl FnOnce() -> BoxFuture<Response<Body>, Infallible>) -> Self {
        match call.within(start) {
            Ok(service) => Self(State::Running { call: Some(call), service }),
            Err(error) => {
                call.end(error.code() as u8);
                Self::refused(error)
            }
        }
    }

    /// Begins to read the request of a read, whose reply may be at hand.
    pub(crate) fn gathering(call: Call, request: Request<RequestBody>, caller: Option<Caller>) -> Self {
        Self(State::Gathering(Some(Gathering { call, request, caller, gathered: Gathered::default() })))
    }
}

impl Future for Handling {
    type Output = Result<Response<ResponseBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            match &mut this.0 {
                State::Ready(response) => {
                    return Poll::Ready(Ok(response.take().expect("a future is not polled after it was ready")));
                }
                State::Running { call, service } => return poll_service(call, service, context),
                State::Gathering(gathering) => {
                    let read = gathering.as_mut().expect("a future is not polled after it was ready");
                    let ended = match read.poll(context) {
                        Poll::Ready(ended) => ended,
                        Poll::Pending => return Poll::Pending,
                    };
                    let read = gathering.take().expect("it was there a line ago");
                    *this = read.respond(ended);
                }
            }
        }
    }
}

impl Gathering {
    /// Reads on. Ready at the end of the body, or with the reason why it is not read to its end.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Status>> {
        loop {
            let body = self.request.body_mut();
            match Pin::new(&mut *body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    let ends = body.is_end_stream();
                    if let Ok(data) = frame.into_data() {
                        self.gathered.push(data);
                    }
                    if ends {
                        return Poll::Ready(Ok(()));
                    }
                }
                Poll::Ready(Some(Err(status))) => return Poll::Ready(Err(status)),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => return self.call.poll_interrupted(context).map(|error| Err(error.into())),
            }
        }
    }

    /// The response where it is at hand, or a refusal; else the service is asked.
    fn respond(self, ended: Result<(), Status>) -> Handling {
        let Self { mut call, request, caller, gathered } = self;
        let body = gathered.whole();
        let reply = ended.and_then(|()| match plain_message(&body) {
            Some(message) => Ok(call.reply_at_once(message)?),
            None => Ok(None),
        });
        match reply {
            Ok(Some(reply)) => {
                let mut response = Response::new(ResponseBody::at_once(reply.framed(), call));
                response.headers_mut().insert(CONTENT_TYPE, GRPC);
                Handling(State::Ready(Some(response)))
            }
            Ok(None) => match call.compute() {
                Ok(()) => call.ask(request.map(|_| RequestBody::gathered(body)), caller),
                Err(error) => Handling::refused(call.refuse(error)),
            },
            Err(status) => Handling(State::Ready(Some(respond(call, status.into_http())))),
        }
    }
}

const UNAVAILABLE: u8 = Code::Unavailable as u8;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

fn poll_service(
    slot: &mut Option<Call>,
    service: &mut BoxFuture<Response<Body>, Infallible>,
    context: &mut Context<'_>,
) -> Poll<Result<Response<ResponseBody>, Infallible>> {
    let call = slot.as_mut().expect("a future is not polled after it was ready");
    let error = match call.within(|| service.as_mut().poll(context)) {
        Ok(Poll::Ready(Ok(response))) => {
            return Poll::Ready(Ok(respond(slot.take().expect("it was there a line ago"), response)));
        }
        Ok(Poll::Pending) => match call.poll_interrupted(context) {
            Poll::Ready(error) => error,
            Poll::Pending => return Poll::Pending,
        },
        Err(error) => error,
    };
    call.end(error.code() as u8);
    // Its span ends before its response is seen.
    *slot = None;
    Poll::Ready(Ok(refused(error)))
}

fn respond(mut call: Call, response: Response<Body>) -> Response<ResponseBody> {
    call.computed();
    let (mut head, body) = response.into_parts();
    let body = match refusal::code(&head.headers) {
        None => ResponseBody::running(body, call),
        Some(code) => {
            refusal::complete(&mut head.headers);
            if code == UNAVAILABLE && call.gave_up() {
                api::retry::forbid(&mut head.headers);
            }
            call.end(refusal::code(&head.headers).unwrap_or(0));
            ResponseBody::settled(body)
        }
    };
    Response::from_parts(head, body)
}

fn refused(error: Error) -> Response<ResponseBody> {
    let mut response = Status::from(error).into_http();
    refusal::spell_plainly(response.headers_mut());
    response.map(ResponseBody::settled)
}

//! A request on its way to its response.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use api::Error;
use http::Response;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::BoxFuture;

use crate::body::ResponseBody;
use crate::call::Call;
use crate::refusal;

/// The future of a response; it never fails, a failure is a status.
pub struct Handling(State);

enum State {
    Refused(Option<Response<ResponseBody>>),
    Running { call: Option<Call>, service: BoxFuture<Response<Body>, Infallible> },
}

impl fmt::Debug for Handling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handling")
    }
}

impl Handling {
    pub(crate) fn refused(error: Error) -> Self {
        Self(State::Refused(Some(refused(error))))
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
}

impl Future for Handling {
    type Output = Result<Response<ResponseBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let (slot, service) = match &mut self.0 {
            State::Refused(response) => {
                return Poll::Ready(Ok(response.take().expect("a future is not polled after it was ready")));
            }
            State::Running { call, service } => (call, service),
        };
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
}

fn respond(mut call: Call, response: Response<Body>) -> Response<ResponseBody> {
    let (mut head, body) = response.into_parts();
    let body = match refusal::code(&head.headers) {
        None => ResponseBody::running(body, call),
        Some(_) => {
            refusal::complete(&mut head.headers);
            call.end(refusal::code(&head.headers).unwrap_or(0));
            ResponseBody::settled(body)
        }
    };
    Response::from_parts(head, body)
}

fn refused(error: Error) -> Response<ResponseBody> {
    Status::from(error).into_http().map(ResponseBody::settled)
}

//! Faults of the registry and of suppliers as the scheduler meets them: named RPCs are answered with a status of the test's choice.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use server::Routes;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response};
use tonic::{Code, Status};

/// Which RPCs fail at present. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Faults(Arc<Mutex<BTreeMap<String, Code>>>);

impl Faults {
    /// From now on every call of this RPC fails; of all, where the name is empty. A stream that is open goes on.
    pub(crate) fn fail(&self, rpc: &str, code: Code) {
        self.0.lock().unwrap().insert(rpc.to_owned(), code);
    }

    /// Everything works again.
    pub(crate) fn heal(&self) {
        self.0.lock().unwrap().clear();
    }

    fn of(&self, path: &str) -> Option<Status> {
        let faults = self.0.lock().unwrap();
        let code = faults.iter().find(|(rpc, _)| path.ends_with(rpc.as_str())).map(|(_, code)| *code);
        code.map(|code| Status::new(code, "as the test has it"))
    }
}

/// Routes with their faults.
#[derive(Clone)]
pub(crate) struct Faulty {
    pub(crate) routes: Routes,
    pub(crate) faults: Faults,
}

impl Service<Request<Body>> for Faulty {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if let Some(status) = self.faults.of(request.uri().path()) {
            return Box::pin(async move { Ok(status.into_http()) });
        }
        let handled = self.routes.call(request);
        Box::pin(async move { Ok(handled.await?.map(Body::new)) })
    }
}

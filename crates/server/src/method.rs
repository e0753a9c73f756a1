//! What is known of each RPC before the first call: from its descriptor, the policies and the counters.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use authority::{Authority, Gate};
use prost_types::ServiceDescriptorProto;
use telemetry::{Importance, RpcMetrics};

use crate::at_once::AtOnce;

/// The first words of RPCs that change nothing; every other RPC changes something and is always recorded. The names are
/// those of the API's conventions, so a new verb errs on the side of the record.
const READ_VERBS: [&str; 15] = [
    "Get",
    "BatchGet",
    "List",
    "Check",
    "BatchCheck",
    "Watch",
    "Query",
    "Count",
    "Compare",
    "Explain",
    "Preview",
    "Forecast",
    "Verify",
    "Download",
    "Export",
];

/// Services of the server itself, open to load balancers and tools that are nobody's account.
const OPEN_PACKAGES: [&str; 2] = ["grpc.health.", "grpc.reflection."];

/// Who may call an RPC.
#[derive(Debug)]
pub(crate) enum Access {
    /// Everybody, also without an account, and also while calls are shed.
    Open,
    /// Whom the policies in force let in.
    Gated(Arc<Gate>),
}

/// One RPC of a mounted service.
#[derive(Debug)]
pub(crate) struct Method {
    /// Place of its service among those mounted.
    pub(crate) service: usize,
    /// `package.Service/Method`
    pub(crate) name: String,
    pub(crate) client_streaming: bool,
    pub(crate) server_streaming: bool,
    pub(crate) importance: Importance,
    pub(crate) access: Access,
    pub(crate) metrics: RpcMetrics,
    /// How it is answered where its answer is at hand.
    pub(crate) at_once: Option<AtOnceBy>,
}

/// A function that answers at once.
pub(crate) struct AtOnceBy(pub(crate) AtOnce);

impl fmt::Debug for AtOnceBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AtOnce")
    }
}

impl Method {
    pub(crate) fn is_unary(&self) -> bool {
        !self.client_streaming && !self.server_streaming
    }

    /// Whether it gives one answer and changes nothing. What the server itself offers is none.
    pub(crate) fn is_unary_read(&self) -> bool {
        self.is_unary() && matches!(self.importance, Importance::Read) && !matches!(self.access, Access::Open)
    }
}

/// The RPCs of all mounted services, found by their path.
#[derive(Debug, Default)]
pub(crate) struct Methods {
    places: HashMap<String, usize>,
    all: Vec<Method>,
}

impl Methods {
    /// Adds the RPCs of `descriptor`, the service called `name`.
    pub(crate) fn add(
        &mut self,
        service: usize,
        name: &str,
        descriptor: &ServiceDescriptorProto,
        authority: &Authority,
    ) {
        let is_open = OPEN_PACKAGES.iter().any(|package| name.starts_with(package));
        for method in &descriptor.method {
            let full_name = format!("{name}/{}", method.name());
            self.places.insert(format!("/{full_name}"), self.all.len());
            self.all.push(Method {
                service,
                client_streaming: method.client_streaming(),
                server_streaming: method.server_streaming(),
                importance: if is_open { Importance::Read } else { importance(method.name()) },
                access: if is_open { Access::Open } else { Access::Gated(authority.gate(&full_name)) },
                metrics: RpcMetrics::of(&full_name),
                at_once: None,
                name: full_name,
            });
        }
    }

    /// Has `rpc` (`package.Service/Method`) answered at once; false where there is no such unary RPC.
    pub(crate) fn answer_at_once(&mut self, rpc: &str, answer: AtOnceBy) -> bool {
        let known = self.all.iter_mut().find(|method| method.name == rpc && method.is_unary());
        known.map(|method| method.at_once = Some(answer)).is_some()
    }

    /// The place of the RPC at `path`.
    pub(crate) fn find(&self, path: &str) -> Option<usize> {
        self.places.get(path).copied()
    }

    pub(crate) fn get(&self, place: usize) -> &Method {
        &self.all[place]
    }
}

/// What is read here of a `google.protobuf.FileDescriptorSet`: not its messages, nor the comments, which are most of it.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DescribedFiles {
    #[prost(message, repeated, tag = "1")]
    file: Vec<DescribedFile>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct DescribedFile {
    #[prost(string, optional, tag = "2")]
    package: Option<String>,
    #[prost(message, repeated, tag = "6")]
    service: Vec<ServiceDescriptorProto>,
}

/// The descriptor of the service called `name` (`package.Service`).
pub(crate) fn service_descriptor<'a>(sets: &'a [DescribedFiles], name: &str) -> Option<&'a ServiceDescriptorProto> {
    let (package, service) = name.rsplit_once('.').unwrap_or(("", name));
    let mut files = sets.iter().flat_map(|set| &set.file).filter(|file| file.package() == package);
    files.find_map(|file| file.service.iter().find(|descriptor| descriptor.name() == service))
}

fn importance(method: &str) -> Importance {
    let is_read = READ_VERBS.iter().any(|verb| {
        method.strip_prefix(verb).is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_lowercase()))
    });
    if is_read { Importance::Read } else { Importance::Change }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_are_known_by_their_verb_and_all_else_is_a_change() {
        for read in ["GetPractice", "BatchCheckAccess", "CheckAccess", "ListPractices", "CountPractices", "Forecast"] {
            assert_eq!(importance(read), Importance::Read, "{read}");
        }
        for change in ["PausePractice", "AcquirePermits", "ImportDirectory", "RecordEvents", "Counter", "Getaway"] {
            assert_eq!(importance(change), Importance::Change, "{change}");
        }
    }
}

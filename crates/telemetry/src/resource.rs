//! What this process is, to whoever receives its telemetry.

use std::sync::OnceLock;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

use crate::config::Config;
use crate::metrics::{Exposition, expose, gather};

static RESOURCE: OnceLock<Vec<(String, String)>> = OnceLock::new();

/// By OTEL_RESOURCE_ATTRIBUTES, and what that leaves out.
pub(crate) fn of(config: &Config) -> Resource {
    let given = Resource::builder().build();
    let mut built = Resource::builder().with_service_name(config.service_name.clone());
    for (key, value) in [
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        // Replicas are told apart; the name that they have for each other is known later than this.
        ("service.instance.id", RandomIdGenerator::default().new_trace_id().to_string()),
    ] {
        if given.get(&key.into()).is_none() {
            built = built.with_attribute(KeyValue::new(key, value));
        }
    }
    built.build()
}

pub(crate) fn set(resource: &Resource) {
    let attributes = resource.iter().map(|(key, value)| (key.to_string(), value.to_string()));
    // `init` runs once a process: a second one is refused, and would say the same.
    let _ = RESOURCE.set(attributes.collect());
}

pub(crate) fn attributes() -> &'static [(String, String)] {
    RESOURCE.get().map_or(&[], Vec::as_slice)
}

/// All that is measured in this process, as text to be scraped.
pub fn exposition(exposition: Exposition) -> String {
    expose(&gather(), attributes(), exposition)
}

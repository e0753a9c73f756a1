//! What to send where: the standard `OTEL_` variables and `RUST_LOG`, read once at start.

use std::env;
use std::net::SocketAddr;
use std::time::Duration;

use crate::collector::{self, Collector};
use crate::variables::{exporters, headers, milliseconds, number, prometheus_address, protocol, resource_attribute};

/// Of reads that begin a trace here, the share that is recorded where `OTEL_TRACES_SAMPLER` does not say: reads come by
/// the hundred thousand a second and look alike.
const READS_RATIO_DEFAULT: f64 = 0.01;

/// How often metrics are sent, as the standard has it.
const METRIC_INTERVAL_DEFAULT: Duration = Duration::from_secs(60);
/// Spans that wait to be sent; more are dropped. The standard's number.
const SPANS_WAITING_MAX_DEFAULT: usize = 2_048;

/// How long the end of a process waits for its last spans.
const SHUTDOWN_TIMEOUT_DEFAULT: Duration = Duration::from_secs(3);

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Logs {
    /// For people on a terminal, as JSON lines otherwise.
    #[default]
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Which RPCs are recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Nothing at all, not even what changes something (`always_off`).
    pub off: bool,
    /// Of the reads that are decided here, the share recorded, 0 to 1.
    pub reads_ratio: f64,
    /// A read that comes with a trace is recorded where its caller records (`parentbased_…`).
    pub parent_decides: bool,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { off: false, reads_ratio: READS_RATIO_DEFAULT, parent_decides: true }
    }
}

/// Everything this crate is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// `service.name` of the resource: `OTEL_SERVICE_NAME`, else what the program calls itself.
    pub service_name: String,
    /// How logs are written.
    pub logs: Logs,
    /// Which logs, in the syntax of `RUST_LOG`.
    pub log_filter: String,
    /// The collector for spans; None: spans are built, for ids in logs and journals, and not sent.
    pub traces: Option<Collector>,
    /// The collector for metrics; None: counted, and not sent.
    pub metrics: Option<Collector>,
    /// What goes with each sending of metrics, such as a token. (Spans' exporter reads its own.)
    pub metrics_headers: Vec<(String, String)>,
    /// How often metrics are sent.
    pub metrics_interval: Duration,
    /// Where `OTEL_METRICS_EXPORTER` has metrics shown to be scraped, if it does.
    pub metrics_listen: Option<SocketAddr>,
    /// Spans that wait to be sent; more are dropped.
    pub spans_waiting_max: usize,
    /// Which RPCs are recorded.
    pub sampling: Sampling,
    /// Trace context is read from calls and put into calls.
    pub propagates: bool,
    /// Spans of RPCs have the former attribute names beside the current ones.
    pub duplicates_rpc_names: bool,
    /// Likewise those of transactions.
    pub duplicates_database_names: bool,
    /// How long the end of the process waits for what is still to be sent: a collector that does not answer must not hold a
    /// restart.
    pub shutdown_timeout: Duration,
    /// `OTEL_SDK_DISABLED`: no spans, no metrics sent; logs remain.
    pub disabled: bool,
}

/// A variable that says what cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is `{value}`; it must be {expected}")]
pub struct ConfigError {
    /// Its name.
    pub variable: &'static str,
    /// What it says.
    pub value: String,
    /// What it may say.
    pub expected: &'static str,
}

impl Config {
    /// The configuration of the environment, for a program called `service_name`.
    pub fn from_env(service_name: &str) -> Result<Self, ConfigError> {
        Self::read(service_name, |variable| env::var(variable).ok())
    }

    /// As [`from_env`](Self::from_env), from any source of variables. An empty variable counts as unset, as the standard
    /// has it.
    pub fn read(service_name: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let stable = |domain: &str| {
            let choices = variable("OTEL_SEMCONV_STABILITY_OPT_IN").unwrap_or_default();
            choices.split(',').any(|choice| choice.trim() == format!("{domain}/dup"))
        };
        protocol(variable("OTEL_EXPORTER_OTLP_PROTOCOL"))?;
        let traces = exporters("OTEL_TRACES_EXPORTER", variable("OTEL_TRACES_EXPORTER"), &["otlp"])?;
        let metrics = exporters("OTEL_METRICS_EXPORTER", variable("OTEL_METRICS_EXPORTER"), &["otlp", "prometheus"])?;
        let collector = |names: &collector::Variables, wanted: &[String]| match wanted {
            wanted if wanted.iter().any(|exporter| exporter == "otlp") => collector::read(names, &variable),
            _ => Ok(None),
        };
        let of_resource = || resource_attribute(&variable("OTEL_RESOURCE_ATTRIBUTES")?, "service.name");
        Ok(Self {
            service_name: variable("OTEL_SERVICE_NAME").or_else(of_resource).unwrap_or_else(|| service_name.to_owned()),
            logs: Logs::Auto,
            log_filter: variable("RUST_LOG").unwrap_or_else(|| "info".to_owned()),
            traces: collector(&collector::TRACES, &traces)?,
            metrics: collector(&collector::METRICS, &metrics)?,
            metrics_headers: headers(
                variable("OTEL_EXPORTER_OTLP_METRICS_HEADERS").or_else(|| variable("OTEL_EXPORTER_OTLP_HEADERS")),
            )?,
            metrics_interval: milliseconds(&["OTEL_METRIC_EXPORT_INTERVAL"], &variable, METRIC_INTERVAL_DEFAULT)?,
            metrics_listen: if metrics.iter().any(|exporter| exporter == "prometheus") {
                Some(prometheus_address(
                    variable("OTEL_EXPORTER_PROMETHEUS_HOST"),
                    variable("OTEL_EXPORTER_PROMETHEUS_PORT"),
                )?)
            } else {
                None
            },
            spans_waiting_max: match variable("OTEL_BSP_MAX_QUEUE_SIZE") {
                Some(value) => number("OTEL_BSP_MAX_QUEUE_SIZE", value)?,
                None => SPANS_WAITING_MAX_DEFAULT,
            },
            sampling: sampling(variable("OTEL_TRACES_SAMPLER"), variable("OTEL_TRACES_SAMPLER_ARG").as_deref())?,
            propagates: propagates(variable("OTEL_PROPAGATORS"))?,
            duplicates_rpc_names: stable("rpc"),
            duplicates_database_names: stable("database"),
            shutdown_timeout: SHUTDOWN_TIMEOUT_DEFAULT,
            disabled: variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")),
        })
    }
}

fn sampling(sampler: Option<String>, argument: Option<&str>) -> Result<Sampling, ConfigError> {
    let Some(sampler) = sampler else { return Ok(Sampling::default()) };
    let ratio = || match argument {
        None => Ok(1.0),
        Some(text) => text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio)).ok_or_else(|| ConfigError {
            variable: "OTEL_TRACES_SAMPLER_ARG",
            value: text.to_owned(),
            expected: "a number from 0 to 1",
        }),
    };
    let (off, reads_ratio, parent_decides) = match sampler.as_str() {
        "always_on" => (false, 1.0, false),
        "always_off" => (true, 0.0, false),
        "traceidratio" => (false, ratio()?, false),
        "parentbased_always_on" => (false, 1.0, true),
        "parentbased_always_off" => (false, 0.0, true),
        "parentbased_traceidratio" => (false, ratio()?, true),
        _ => {
            return Err(ConfigError {
                variable: "OTEL_TRACES_SAMPLER",
                value: sampler,
                expected: "always_on, always_off or traceidratio, or one of them after `parentbased_`",
            });
        }
    };
    Ok(Sampling { off, reads_ratio, parent_decides })
}

fn propagates(propagators: Option<String>) -> Result<bool, ConfigError> {
    let Some(value) = propagators else { return Ok(true) };
    let mut traces = false;
    for name in value.split(',').map(str::trim) {
        match name {
            "tracecontext" => traces = true,
            // We keep no baggage: it would carry data of one caller to services that never asked for it.
            "none" | "baggage" => {}
            _ => {
                let expected = "`tracecontext`, `baggage` or `none`, separated by commas";
                return Err(ConfigError { variable: "OTEL_PROPAGATORS", value, expected });
            }
        }
    }
    Ok(traces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read("registry", |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn nothing_is_exported_where_no_endpoint_is_set() {
        let config = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]).unwrap();
        assert_eq!((config.traces, config.metrics), (None, None));
        assert_eq!((config.service_name.as_str(), config.log_filter.as_str()), ("registry", "info"));
        assert_eq!(config.sampling, Sampling { off: false, reads_ratio: 0.01, parent_decides: true });
        assert!(config.propagates && !config.disabled);
    }

    #[test]
    fn the_endpoint_of_a_signal_comes_before_the_common_one() {
        let config = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4317"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:4317"),
            ("OTEL_SERVICE_NAME", "mine"),
        ])
        .unwrap();
        assert_eq!(config.traces.unwrap().endpoint, "http://traces:4317");
        assert_eq!(config.metrics.unwrap().endpoint, "http://all:4317");
        assert_eq!(config.service_name, "mine");
    }

    #[test]
    fn a_signal_can_be_switched_off() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4317");
        let config = read(&[endpoint, ("OTEL_METRICS_EXPORTER", "none")]).unwrap();
        assert!(config.traces.is_some() && config.metrics.is_none());
        assert!(read(&[endpoint, ("OTEL_SDK_DISABLED", "TRUE")]).unwrap().disabled);
    }

    #[test]
    fn metrics_are_sent_and_shown_as_the_variables_say() {
        let config = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4317"),
            ("OTEL_METRICS_EXPORTER", "otlp, prometheus"),
            ("OTEL_EXPORTER_PROMETHEUS_PORT", "0"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "250"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "900"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "Api-Key=a%20b,tenant=7"),
        ])
        .unwrap();
        assert_eq!(config.metrics_listen, Some("127.0.0.1:0".parse().unwrap()));
        let times = (config.metrics_interval.as_millis(), config.metrics.unwrap().timeout.as_millis());
        assert_eq!(times, (250, 900));
        let headers = [("api-key".to_owned(), "a b".to_owned()), ("tenant".to_owned(), "7".to_owned())];
        assert_eq!(config.metrics_headers, headers);
        let config = read(&[("OTEL_RESOURCE_ATTRIBUTES", "team=access,service.name=mine")]).unwrap();
        assert_eq!((config.service_name.as_str(), config.metrics_listen), ("mine", None));
    }

    #[test]
    fn each_standard_sampler_is_understood() {
        for (sampler, argument, off, reads_ratio, parent_decides) in [
            ("always_on", "", false, 1.0, false),
            ("always_off", "", true, 0.0, false),
            ("traceidratio", "0.25", false, 0.25, false),
            ("parentbased_always_on", "", false, 1.0, true),
            ("parentbased_always_off", "", false, 0.0, true),
            ("parentbased_traceidratio", "0.5", false, 0.5, true),
            ("parentbased_traceidratio", "", false, 1.0, true),
        ] {
            let config = read(&[("OTEL_TRACES_SAMPLER", sampler), ("OTEL_TRACES_SAMPLER_ARG", argument)]).unwrap();
            assert_eq!(config.sampling, Sampling { off, reads_ratio, parent_decides }, "{sampler}");
        }
    }

    #[test]
    fn what_cannot_be_done_is_said_at_start() {
        for (variable, value) in [("OTEL_TRACES_SAMPLER", "xray"), ("OTEL_PROPAGATORS", "b3")] {
            assert_eq!(read(&[(variable, value)]).unwrap_err().variable, variable);
        }
        for (variable, value) in [
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_METRICS_EXPORTER", "console"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "token"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "soon"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ] {
            let refused = read(&[(variable, value)]).unwrap_err();
            assert_eq!(refused.variable, variable);
            assert!(
                variable != "OTEL_EXPORTER_OTLP_HEADERS" || !refused.to_string().contains("token"),
                "it may be secret"
            );
        }
        let ratio = read(&[("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "2")]);
        assert_eq!(ratio.unwrap_err().variable, "OTEL_TRACES_SAMPLER_ARG");
    }

    #[test]
    fn former_names_are_written_only_on_request() {
        let read = |value| read(&[("OTEL_SEMCONV_STABILITY_OPT_IN", value)]).unwrap().duplicates_rpc_names;
        assert!(read("http,rpc/dup"));
        assert!(!read("rpc") && !read("http/dup"));
    }

    #[test]
    fn propagation_follows_its_variable() {
        assert!(read(&[("OTEL_PROPAGATORS", "tracecontext,baggage")]).unwrap().propagates);
        assert!(!read(&[("OTEL_PROPAGATORS", "none")]).unwrap().propagates);
    }
}

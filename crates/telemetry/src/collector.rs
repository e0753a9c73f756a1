//! A collector, and how it is spoken to: the variables of one signal, and the common ones where it has none.

use std::time::Duration;

use tls::{Files, IdentityFiles, Trust};

use crate::config::ConfigError;
use crate::variables::milliseconds;

/// How long a collector may take to receive something, as the standard has it.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

/// Where a signal goes, by OTLP over gRPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collector {
    /// http:// in the clear, to a collector beside the service; https:// to any other.
    pub endpoint: String,
    /// How what is sent is packed.
    pub compression: Compression,
    /// Whom we believe there, and who we are; None in the clear.
    pub tls: Option<Files>,
    /// How long it may take to receive something.
    pub timeout: Duration,
}

/// How what is sent is packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// By gzip.
    Gzip,
}

/// The names of a signal's variables, each before the common one.
pub(crate) struct Variables {
    pub(crate) endpoint: [&'static str; 2],
    pub(crate) insecure: [&'static str; 2],
    pub(crate) compression: [&'static str; 2],
    pub(crate) certificate: [&'static str; 2],
    pub(crate) client_certificate: [&'static str; 2],
    pub(crate) client_key: [&'static str; 2],
    pub(crate) timeout: &'static [&'static str],
}

pub(crate) static TRACES: Variables = Variables {
    endpoint: ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"],
    insecure: ["OTEL_EXPORTER_OTLP_TRACES_INSECURE", "OTEL_EXPORTER_OTLP_INSECURE"],
    compression: ["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"],
    certificate: ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"],
    client_certificate: ["OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"],
    client_key: ["OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "OTEL_EXPORTER_OTLP_CLIENT_KEY"],
    timeout: &["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"],
};

pub(crate) static METRICS: Variables = Variables {
    endpoint: ["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"],
    insecure: ["OTEL_EXPORTER_OTLP_METRICS_INSECURE", "OTEL_EXPORTER_OTLP_INSECURE"],
    compression: ["OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"],
    certificate: ["OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"],
    client_certificate: ["OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"],
    client_key: ["OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY", "OTEL_EXPORTER_OTLP_CLIENT_KEY"],
    timeout: &["OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_METRIC_EXPORT_TIMEOUT"],
};

/// The collector of a signal; None where no endpoint is named. An empty variable must read as None.
pub(crate) fn read(
    names: &Variables,
    variable: &impl Fn(&str) -> Option<String>,
) -> Result<Option<Collector>, ConfigError> {
    let of = |names: &[&'static str; 2]| names.iter().find_map(|name| Some((*name, variable(name)?)));
    let Some((name, given)) = of(&names.endpoint) else { return Ok(None) };
    let endpoint = match given.split_once("://") {
        Some(("http" | "https", _)) => given,
        // A host and a port by themselves, as the standard has it for gRPC.
        None if is_true(of(&names.insecure)) => format!("http://{given}"),
        None => format!("https://{given}"),
        Some(_) => return Err(ConfigError { variable: name, value: given, expected: "an http:// or https:// URL" }),
    };
    let compression = match of(&names.compression) {
        None => Compression::None,
        Some((_, value)) if value == "none" => Compression::None,
        Some((_, value)) if value == "gzip" => Compression::Gzip,
        Some((variable, value)) => return Err(ConfigError { variable, value, expected: "`gzip` or `none`" }),
    };
    let timeout = milliseconds(names.timeout, variable, TIMEOUT_DEFAULT)?;
    let tls = if endpoint.starts_with("https://") { Some(files(names, of)?) } else { None };
    Ok(Some(Collector { endpoint, compression, tls, timeout }))
}

fn is_true(found: Option<(&'static str, String)>) -> bool {
    found.is_some_and(|(_, value)| value.eq_ignore_ascii_case("true"))
}

fn files(
    names: &Variables,
    of: impl Fn(&[&'static str; 2]) -> Option<(&'static str, String)>,
) -> Result<Files, ConfigError> {
    let trust = of(&names.certificate).map_or(Trust::Machine, |(_, path)| Trust::Bundle(path.into()));
    let identity = match (of(&names.client_certificate), of(&names.client_key)) {
        (None, None) => None,
        (Some((_, certificate)), Some((_, key))) => {
            Some(IdentityFiles { certificate: certificate.into(), key: key.into() })
        }
        (Some((variable, value)), None) => {
            return Err(ConfigError { variable, value, expected: "a file whose key is named by …_CLIENT_KEY" });
        }
        (None, Some((variable, value))) => {
            let expected = "the key of a certificate that is named by …_CLIENT_CERTIFICATE";
            return Err(ConfigError { variable, value, expected });
        }
    };
    Ok(Files { identity, trust })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collector(variables: &[(&str, &str)]) -> Result<Option<Collector>, ConfigError> {
        let of = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        read(&TRACES, &of)
    }

    fn endpoint(variables: &[(&str, &str)]) -> String {
        collector(variables).unwrap().unwrap().endpoint
    }

    #[test]
    fn a_url_says_whether_it_is_in_the_clear_and_a_bare_address_is_not() {
        const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
        assert_eq!(collector(&[]), Ok(None));
        let clear = collector(&[(ENDPOINT, "http://127.0.0.1:4317")]).unwrap().unwrap();
        assert_eq!((clear.tls, clear.compression, clear.timeout), (None, Compression::None, TIMEOUT_DEFAULT));
        assert_eq!(endpoint(&[(ENDPOINT, "far.example:4317")]), "https://far.example:4317");
        let insecure = ("OTEL_EXPORTER_OTLP_INSECURE", "true");
        assert_eq!(endpoint(&[(ENDPOINT, "127.0.0.1:4317"), insecure]), "http://127.0.0.1:4317");
        let secure = ("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "false");
        assert_eq!(endpoint(&[(ENDPOINT, "127.0.0.1:4317"), insecure, secure]), "https://127.0.0.1:4317");
        assert_eq!(collector(&[(ENDPOINT, "unix:///run/otel")]).unwrap_err().variable, ENDPOINT);
    }

    #[test]
    fn what_is_believed_shown_and_packed_is_each_signals_own_before_it_is_everybodys() {
        let found = collector(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://far.example:4317"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "all.pem"),
            ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "traces.pem"),
            ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "us.pem"),
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "us-key.pem"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "900"),
        ]);
        let found = found.unwrap().unwrap();
        let identity = IdentityFiles { certificate: "us.pem".into(), key: "us-key.pem".into() };
        let trust = Trust::Bundle("traces.pem".into());
        assert_eq!(found.tls, Some(Files { identity: Some(identity), trust }));
        assert_eq!((found.compression, found.timeout.as_millis()), (Compression::Gzip, 900));
        let machine = collector(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://far.example:4317")]).unwrap().unwrap();
        assert_eq!(machine.tls, Some(Files { identity: None, trust: Trust::Machine }));
    }

    #[test]
    fn what_cannot_be_done_is_said_at_start() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://far.example:4317");
        for wrong in [
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "us-key.pem"),
            ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "us.pem"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ] {
            assert_eq!(collector(&[endpoint, wrong]).unwrap_err().variable, wrong.0);
        }
    }
}

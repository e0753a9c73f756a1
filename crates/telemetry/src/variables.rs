//! What single variables of the standard say.

use std::net::SocketAddr;
use std::time::Duration;

use crate::config::ConfigError;

/// Where metrics are shown that OTEL_METRICS_EXPORTER wants shown, as the standard has it.
const PROMETHEUS_PORT_DEFAULT: u16 = 9_464;

/// What a variable lists, of what there is; OTLP where it says nothing.
pub(crate) fn exporters(name: &'static str, value: Option<String>, known: &[&str]) -> Result<Vec<String>, ConfigError> {
    let Some(value) = value else { return Ok(vec!["otlp".to_owned()]) };
    let listed: Vec<String> = value.split(',').map(|exporter| exporter.trim().to_owned()).collect();
    if listed.iter().all(|exporter| exporter == "none" || known.contains(&exporter.as_str())) {
        return Ok(listed);
    }
    let expected = if known.contains(&"prometheus") { "`otlp`, `prometheus` or `none`" } else { "`otlp` or `none`" };
    Err(ConfigError { variable: name, value, expected })
}

/// Telemetry goes by gRPC; another protocol that was asked for must not be taken for it.
pub(crate) fn protocol(value: Option<String>) -> Result<(), ConfigError> {
    match value {
        Some(value) if value != "grpc" => {
            Err(ConfigError { variable: "OTEL_EXPORTER_OTLP_PROTOCOL", value, expected: "`grpc`" })
        }
        _ => Ok(()),
    }
}

/// `key=value,key=value`, values percent-encoded.
pub(crate) fn headers(value: Option<String>) -> Result<Vec<(String, String)>, ConfigError> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let pairs: Option<Vec<(String, String)>> = value
        .split(',')
        .map(|pair| {
            let (key, value) = pair.split_once('=')?;
            Some((key.trim().to_ascii_lowercase(), decoded(value.trim())?))
        })
        .collect();
    // What it says may be a secret, so it is not repeated.
    let expected = "pairs like `key=value`, separated by commas, with values percent-encoded";
    pairs.ok_or_else(|| ConfigError { variable: "OTEL_EXPORTER_OTLP_HEADERS", value: "…".to_owned(), expected })
}

pub(crate) fn resource_attribute(listed: &str, wanted: &str) -> Option<String> {
    let mut pairs = listed.split(',').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| key.trim() == wanted).and_then(|(_, value)| decoded(value.trim()))
}

/// Percent-decoded; None where that is no text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'%' {
            bytes.push(byte);
            rest = after;
            continue;
        }
        let digits = std::str::from_utf8(after.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &after[2..];
    }
    String::from_utf8(bytes).ok()
}

/// The first of `variables` that is set, in milliseconds.
pub(crate) fn milliseconds(
    variables: &[&'static str],
    read: &impl Fn(&str) -> Option<String>,
    default: Duration,
) -> Result<Duration, ConfigError> {
    let Some((name, value)) = variables.iter().find_map(|name| Some((*name, read(name)?))) else { return Ok(default) };
    let parsed = value.parse().ok().filter(|ms| *ms > 0).map(Duration::from_millis);
    parsed.ok_or(ConfigError { variable: name, value, expected: "a number of milliseconds from 1 on" })
}

pub(crate) fn number(variable: &'static str, value: String) -> Result<usize, ConfigError> {
    let parsed = value.parse().ok().filter(|number| *number > 0);
    parsed.ok_or(ConfigError { variable, value, expected: "a number from 1 on" })
}

pub(crate) fn prometheus_address(host: Option<String>, port: Option<String>) -> Result<SocketAddr, ConfigError> {
    let host = match host {
        None => "127.0.0.1".to_owned(),
        Some(host) if host == "localhost" => "127.0.0.1".to_owned(),
        Some(host) => host,
    };
    let address = host.parse().map_err(|_| ConfigError {
        variable: "OTEL_EXPORTER_PROMETHEUS_HOST",
        value: host,
        expected: "an IP address or `localhost`",
    })?;
    let port = match port {
        None => PROMETHEUS_PORT_DEFAULT,
        Some(value) => value.parse().map_err(|_| ConfigError {
            variable: "OTEL_EXPORTER_PROMETHEUS_PORT",
            value,
            expected: "a port, or 0 for any",
        })?,
    };
    Ok(SocketAddr::new(address, port))
}

//! Metrics as text, for whoever scrapes them.
//!
//! OpenMetrics 1.0 has exemplars and ends with `# EOF`; the older Prometheus text has neither. Names are made of
//! OpenTelemetry's as its specification says: dots become underscores, the unit is a suffix, counters end in `_total`.

use std::fmt::Write as _;
use std::time::SystemTime;

use super::family::{Distribution, Exemplar, Family, Kind, Value};
use super::{Attributes, Metric};

/// How metrics are put into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposition {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus' text format 0.0.4.
    Prometheus,
}

impl Exposition {
    /// What a client takes that says `accept`: OpenMetrics where it names it, with any weight but nought.
    pub fn accepted(accept: &str) -> Self {
        let named = accept.split(',').any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let is_it = parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/openmetrics-text"));
            let weight = parts.filter_map(|part| part.strip_prefix("q=")).find_map(|weight| weight.parse::<f32>().ok());
            is_it && weight.is_none_or(|weight| weight > 0.0)
        });
        if named { Self::OpenMetrics } else { Self::Prometheus }
    }

    /// The media type of the text.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// The text of `families`, and of what the process is.
pub(crate) fn expose(families: &[Family], resource: &[(String, String)], exposition: Exposition) -> String {
    let mut text = String::new();
    target(&mut text, resource, exposition);
    for family in families {
        expose_family(&mut text, family, exposition);
    }
    if exposition == Exposition::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

fn target(text: &mut String, resource: &[(String, String)], exposition: Exposition) {
    let (name, kind) = match exposition {
        Exposition::OpenMetrics => ("target", "info"),
        Exposition::Prometheus => ("target_info", "gauge"),
    };
    write(text, format_args!("# HELP {name} What is measured here\n# TYPE {name} {kind}\ntarget_info"));
    let pairs = resource.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    write_labels(text, pairs, None);
    text.push_str(" 1\n");
}

fn expose_family(text: &mut String, family: &Family, exposition: Exposition) {
    let (name, unit) = exposed_name(family.metric, family.kind);
    let (kind, suffix) = match family.kind {
        Kind::Counter => ("counter", "_total"),
        Kind::Gauge => ("gauge", ""),
        Kind::Histogram => ("histogram", ""),
    };
    // The older text names a counter with its suffix, OpenMetrics the family without it.
    let family_suffix = if exposition == Exposition::Prometheus { suffix } else { "" };
    write(text, format_args!("# HELP {name}{family_suffix} {}\n", escaped(family.metric.description)));
    write(text, format_args!("# TYPE {name}{family_suffix} {kind}\n"));
    if let (Some(unit), Exposition::OpenMetrics) = (unit, exposition) {
        write(text, format_args!("# UNIT {name} {unit}\n"));
    }
    for series in &family.series {
        match &series.value {
            Value::Counter(value) | Value::Gauge(value) => {
                write(text, format_args!("{name}{suffix}"));
                write_labels(text, borrowed(&series.attributes), None);
                write(text, format_args!(" {value}\n"));
            }
            Value::Histogram(distribution) => {
                expose_distribution(text, &name, &series.attributes, distribution, exposition);
            }
        }
    }
}

fn expose_distribution(
    text: &mut String,
    name: &str,
    attributes: &Attributes,
    distribution: &Distribution,
    exposition: Exposition,
) {
    let Distribution { bounds, counts, sum, exemplars } = distribution;
    let mut count_up_to = 0;
    for (place, count) in counts.iter().enumerate() {
        count_up_to += count;
        let bound = bounds.get(place).map_or_else(|| "+Inf".to_owned(), |bound| bound_text(*bound));
        write(text, format_args!("{name}_bucket"));
        write_labels(text, borrowed(attributes), Some(&bound));
        write(text, format_args!(" {count_up_to}"));
        if let (Some(Some(exemplar)), Exposition::OpenMetrics) = (exemplars.get(place), exposition) {
            write_exemplar(text, exemplar);
        }
        text.push('\n');
    }
    write(text, format_args!("{name}_count"));
    write_labels(text, borrowed(attributes), None);
    write(text, format_args!(" {count_up_to}\n{name}_sum"));
    write_labels(text, borrowed(attributes), None);
    write(text, format_args!(" {sum}\n"));
}

/// A bound as people write it: made of nanoseconds, 0.00005 would come out as 0.000050000000000000004.
fn bound_text(bound: f64) -> String {
    let rounded = format!("{bound:.9}");
    rounded.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn write_exemplar(text: &mut String, exemplar: &Exemplar) {
    let Exemplar { trace_id, span_id, value, at } = exemplar;
    let at = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    write(text, format_args!(" # {{trace_id=\"{trace_id}\",span_id=\"{span_id}\"}} {value} {at:.3}"));
}

/// The name of a family, and its unit where that is the name's last word.
fn exposed_name(metric: &Metric, kind: Kind) -> (String, Option<&'static str>) {
    let name = metric.name.replace('.', "_");
    let unit = match (metric.unit, kind) {
        ("s", _) => Some("seconds"),
        ("By", _) => Some("bytes"),
        ("1", Kind::Gauge) => Some("ratio"),
        _ => None,
    };
    match unit {
        Some(unit) => (format!("{name}_{unit}"), Some(unit)),
        None => (name, None),
    }
}

fn borrowed(attributes: &Attributes) -> impl Iterator<Item = (&str, &str)> {
    attributes.iter().map(|(name, value)| (*name, value.as_str()))
}

fn write_labels<'a>(text: &mut String, pairs: impl Iterator<Item = (&'a str, &'a str)>, bound: Option<&'a str>) {
    let bound = bound.map(|bound| ("le", bound));
    let mut opened = false;
    for (name, value) in pairs.chain(bound) {
        text.push(if opened { ',' } else { '{' });
        opened = true;
        write(text, format_args!("{}=\"{}\"", name.replace(['.', '-'], "_"), escaped(value)));
    }
    if opened {
        text.push('}');
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn write(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("a string takes any text");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use opentelemetry::trace::{SpanId, TraceId};

    use super::super::family::Series;
    use super::*;

    static COUNTED: Metric = Metric { name: "test.calls", unit: "{call}", description: "Calls \"ended\"" };
    static LASTED: Metric = Metric { name: "test.call.duration", unit: "s", description: "How long" };

    fn families() -> [Family; 2] {
        let exemplar = Exemplar {
            trace_id: TraceId::from_hex("0af7651916cd43dd8448eb211c80319c").unwrap(),
            span_id: SpanId::from_hex("b7ad6b7169203331").unwrap(),
            value: 0.004,
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_900_000_000_250),
        };
        let distribution = Distribution {
            bounds: vec![50_000.0 * 1e-9, 1.0],
            counts: vec![2, 1, 0],
            sum: 0.005,
            exemplars: vec![None, Some(exemplar), None],
        };
        let duration =
            Series { attributes: vec![("rpc.method", "Get".to_owned())], value: Value::Histogram(distribution) };
        let calls = Series { attributes: vec![("kind", "a\"\\\n".to_owned())], value: Value::Counter(3.0) };
        [
            Family { metric: &LASTED, kind: Kind::Histogram, series: vec![duration] },
            Family { metric: &COUNTED, kind: Kind::Counter, series: vec![calls] },
        ]
    }

    #[test]
    fn openmetrics_has_units_exemplars_and_an_end() {
        let resource = [("service.name".to_owned(), "registry".to_owned())];
        let text = expose(&families(), &resource, Exposition::OpenMetrics);
        assert_eq!(
            text,
            r##"# HELP target What is measured here
# TYPE target info
target_info{service_name="registry"} 1
# HELP test_call_duration_seconds How long
# TYPE test_call_duration_seconds histogram
# UNIT test_call_duration_seconds seconds
test_call_duration_seconds_bucket{rpc_method="Get",le="0.00005"} 2
test_call_duration_seconds_bucket{rpc_method="Get",le="1"} 3 # {trace_id="0af7651916cd43dd8448eb211c80319c",span_id="b7ad6b7169203331"} 0.004 1900000000.250
test_call_duration_seconds_bucket{rpc_method="Get",le="+Inf"} 3
test_call_duration_seconds_count{rpc_method="Get"} 3
test_call_duration_seconds_sum{rpc_method="Get"} 0.005
# HELP test_calls Calls \"ended\"
# TYPE test_calls counter
test_calls_total{kind="a\"\\\n"} 3
# EOF
"##
        );
    }

    #[test]
    fn the_older_text_has_no_exemplars_and_no_end() {
        let text = expose(&families(), &[], Exposition::Prometheus);
        assert!(!text.contains("trace_id") && !text.contains("# EOF") && !text.contains("# UNIT"), "{text}");
        assert!(text.contains("# TYPE test_calls_total counter\n"), "{text}");
    }

    #[test]
    fn openmetrics_goes_to_whoever_names_it() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
        assert_eq!(Exposition::accepted(prometheus), Exposition::OpenMetrics);
        for accept in ["", "text/plain", "*/*", "application/openmetrics-text;q=0"] {
            assert_eq!(Exposition::accepted(accept), Exposition::Prometheus, "{accept}");
        }
    }
}

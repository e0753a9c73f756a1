//! Metrics as OTLP carries them.

use std::time::SystemTime;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar as OtlpExemplar, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum, exemplar, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::family::{Distribution, Exemplar, Family, Kind, Series, Value};

/// All of `families`, counted since `since`, as they are at `now`.
pub(crate) fn request(
    families: &[Family],
    resource: &[(String, String)],
    since: SystemTime,
    now: SystemTime,
) -> ExportMetricsServiceRequest {
    let span = Times { since: nanoseconds(since), now: nanoseconds(now) };
    let metrics = families.iter().map(|family| span.metric(family)).collect();
    let scope = InstrumentationScope { name: "citizens-access".to_owned(), ..InstrumentationScope::default() };
    let attributes = resource.iter().map(|(key, value)| attribute(key, value)).collect();
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource { attributes, ..Resource::default() }),
            scope_metrics: vec![ScopeMetrics { scope: Some(scope), metrics, schema_url: String::new() }],
            schema_url: String::new(),
        }],
    }
}

#[derive(Clone, Copy)]
struct Times {
    since: u64,
    now: u64,
}

impl Times {
    fn metric(self, family: &Family) -> Metric {
        let numbers = || family.series.iter().filter_map(|series| self.number(series)).collect();
        let cumulative = AggregationTemporality::Cumulative as i32;
        let data = match family.kind {
            Kind::Gauge => metric::Data::Gauge(Gauge { data_points: numbers() }),
            Kind::Counter => metric::Data::Sum(Sum {
                data_points: numbers(),
                aggregation_temporality: cumulative,
                is_monotonic: true,
            }),
            Kind::Histogram => metric::Data::Histogram(Histogram {
                data_points: family.series.iter().filter_map(|series| self.distribution(series)).collect(),
                aggregation_temporality: cumulative,
            }),
        };
        Metric {
            name: family.metric.name.to_owned(),
            description: family.metric.description.to_owned(),
            unit: family.metric.unit.to_owned(),
            metadata: Vec::new(),
            data: Some(data),
        }
    }

    fn number(self, series: &Series) -> Option<NumberDataPoint> {
        let (Value::Counter(value) | Value::Gauge(value)) = series.value else { return None };
        Some(NumberDataPoint {
            attributes: attributes(series),
            start_time_unix_nano: self.since,
            time_unix_nano: self.now,
            value: Some(number_data_point::Value::AsDouble(value)),
            ..NumberDataPoint::default()
        })
    }

    fn distribution(self, series: &Series) -> Option<HistogramDataPoint> {
        let Value::Histogram(Distribution { bounds, counts, sum, exemplars }) = &series.value else { return None };
        Some(HistogramDataPoint {
            attributes: attributes(series),
            start_time_unix_nano: self.since,
            time_unix_nano: self.now,
            count: counts.iter().sum(),
            sum: Some(*sum),
            bucket_counts: counts.clone(),
            explicit_bounds: bounds.clone(),
            exemplars: exemplars.iter().flatten().map(otlp_exemplar).collect(),
            ..HistogramDataPoint::default()
        })
    }
}

fn otlp_exemplar(kept: &Exemplar) -> OtlpExemplar {
    OtlpExemplar {
        filtered_attributes: Vec::new(),
        time_unix_nano: nanoseconds(kept.at),
        span_id: kept.span_id.to_bytes().to_vec(),
        trace_id: kept.trace_id.to_bytes().to_vec(),
        value: Some(exemplar::Value::AsDouble(kept.value)),
    }
}

fn attributes(series: &Series) -> Vec<KeyValue> {
    series.attributes.iter().map(|(key, value)| attribute(key, value)).collect()
}

fn attribute(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

fn nanoseconds(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

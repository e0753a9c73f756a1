//! Metrics at a moment, before anybody has put them into words.

use std::collections::BTreeMap;
use std::time::SystemTime;

use opentelemetry::trace::{SpanId, TraceId};

use super::{Attributes, Metric};

/// All measurements of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// What is measured.
    pub metric: &'static Metric,
    /// How it is to be read.
    pub kind: Kind,
    /// At least one, by their attributes.
    pub series: Vec<Series>,
}

/// How a metric is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows while the process lives.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How often it was up to which bound.
    Histogram,
}

/// One measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// By which it is told apart from others.
    pub attributes: Attributes,
    /// What was measured.
    pub value: Value,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Since the process began.
    Counter(f64),
    /// Now.
    Gauge(f64),
    /// Since the process began.
    Histogram(Distribution),
}

/// How measurements are spread.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// Upper bounds, inclusive, rising; the last bucket has none.
    pub bounds: Vec<f64>,
    /// Measurements in each bucket, one more than there are bounds.
    pub counts: Vec<u64>,
    /// Their sum.
    pub sum: f64,
    /// The latest in each bucket whose trace is recorded.
    pub exemplars: Vec<Option<Exemplar>>,
}

/// One measurement that leads to its trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// The trace it was measured in.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// What was measured.
    pub value: f64,
    /// When, by the machine's clock.
    pub at: SystemTime,
}

/// What observers see at a moment.
#[derive(Debug, Default)]
pub struct Observed {
    families: BTreeMap<&'static str, Family>,
}

impl Value {
    fn kind(&self) -> Kind {
        match self {
            Self::Counter(_) => Kind::Counter,
            Self::Gauge(_) => Kind::Gauge,
            Self::Histogram(_) => Kind::Histogram,
        }
    }
}

impl Observed {
    /// A number that goes up and down.
    pub fn gauge(&mut self, metric: &'static Metric, attributes: &[(&'static str, &str)], value: f64) {
        self.push(metric, owned(attributes), Value::Gauge(value));
    }

    /// A number that only grows.
    pub fn counter(&mut self, metric: &'static Metric, attributes: &[(&'static str, &str)], value: f64) {
        self.push(metric, owned(attributes), Value::Counter(value));
    }

    pub(crate) fn push(&mut self, metric: &'static Metric, attributes: Attributes, value: Value) {
        let kind = value.kind();
        let family = self.families.entry(metric.name).or_insert(Family { metric, kind, series: Vec::new() });
        // Two services of one process that see the same thing: the first has said it.
        if family.kind == kind && family.series.iter().all(|series| series.attributes != attributes) {
            family.series.push(Series { attributes, value });
        }
    }

    pub(crate) fn into_families(self) -> Vec<Family> {
        let mut families: Vec<Family> = self.families.into_values().collect();
        for family in &mut families {
            family.series.sort_by(|one, other| one.attributes.cmp(&other.attributes));
        }
        families
    }
}

fn owned(attributes: &[(&'static str, &str)]) -> Attributes {
    attributes.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

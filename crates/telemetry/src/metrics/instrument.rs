//! What measures: counters, gauges, histograms, and the age of what happened last.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant, SystemTime};

use tracing::Span;

use super::family::{Distribution, Exemplar};
use super::{Instrument, Metric, resolve};
use crate::propagation::context_of;

/// Upper bounds of durations, in nanoseconds. From a look-up in memory to the longest deadline: the bounds that
/// OpenTelemetry recommends begin where our look-ups are long over.
static DURATION_BOUNDS_NS: [u64; 16] = [
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    10_000_000_000,
];

/// Upper bounds of counts.
static COUNT_BOUNDS: [u64; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 1_024];

/// It only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// The counter of this metric and these attributes.
    pub fn of(metric: &'static Metric, attributes: &[(&'static str, &str)]) -> Arc<Self> {
        let pick = |found: &Instrument| match found {
            Instrument::Counter(counter) => Some(Arc::clone(counter)),
            _ => None,
        };
        resolve(metric, attributes, pick, || {
            let counter = Arc::<Self>::default();
            (Arc::clone(&counter), Instrument::Counter(counter))
        })
    }

    /// So many more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// How many there have been.
    pub fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// It goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// The gauge of this metric and these attributes.
    pub fn of(metric: &'static Metric, attributes: &[(&'static str, &str)]) -> Arc<Self> {
        let pick = |found: &Instrument| match found {
            Instrument::Gauge(gauge) => Some(Arc::clone(gauge)),
            _ => None,
        };
        resolve(metric, attributes, pick, || {
            let gauge = Arc::<Self>::default();
            (Arc::clone(&gauge), Instrument::Gauge(gauge))
        })
    }

    /// Up or down by so many.
    pub fn add(&self, count: i64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// To this.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// What it is.
    pub fn read(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How measurements are spread.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// What one of the numbers recorded is in the metric's unit.
    scale: f64,
    buckets: Box<[Bucket]>,
    sum: AtomicU64,
}

#[derive(Debug, Default)]
struct Bucket {
    count: AtomicU64,
    /// Touched by what is recorded only, and never waited for.
    exemplar: Mutex<Option<Exemplar>>,
}

impl Histogram {
    /// The histogram of a metric in seconds.
    pub fn of_durations(metric: &'static Metric, attributes: &[(&'static str, &str)]) -> Arc<Self> {
        Self::of(metric, attributes, &DURATION_BOUNDS_NS, 1e-9)
    }

    /// The histogram of a metric that counts something.
    pub fn of_counts(metric: &'static Metric, attributes: &[(&'static str, &str)]) -> Arc<Self> {
        Self::of(metric, attributes, &COUNT_BOUNDS, 1.0)
    }

    fn of(
        metric: &'static Metric,
        attributes: &[(&'static str, &str)],
        bounds: &'static [u64],
        scale: f64,
    ) -> Arc<Self> {
        let pick = |found: &Instrument| match found {
            Instrument::Histogram(histogram) => Some(Arc::clone(histogram)),
            _ => None,
        };
        resolve(metric, attributes, pick, || {
            let buckets = bounds.iter().map(|_| Bucket::default()).chain([Bucket::default()]).collect();
            let histogram = Arc::new(Self { bounds, scale, buckets, sum: AtomicU64::new(0) });
            (Arc::clone(&histogram), Instrument::Histogram(histogram))
        })
    }

    /// It took so long, within `span`: where that is recorded, the measurement leads to it.
    pub fn record(&self, duration: Duration, span: &Span) {
        self.put(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX), span);
    }

    /// There were so many.
    pub fn record_count(&self, count: usize) {
        self.put(count as u64, &Span::none());
    }

    fn put(&self, value: u64, span: &Span) {
        let bucket = &self.buckets[self.bounds.partition_point(|bound| *bound < value)];
        bucket.count.fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
        if let Some(context) = context_of(span).filter(opentelemetry::trace::SpanContext::is_sampled)
            && let Ok(mut exemplar) = bucket.exemplar.try_lock()
        {
            let (trace_id, span_id, value) = (context.trace_id(), context.span_id(), value as f64 * self.scale);
            *exemplar = Some(Exemplar { trace_id, span_id, value, at: now() });
        }
    }

    /// How many measurements there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.count.load(Ordering::Relaxed)).sum()
    }

    pub(crate) fn sum(&self) -> f64 {
        self.sum.load(Ordering::Relaxed) as f64 * self.scale
    }

    /// How they are spread now.
    pub fn read(&self) -> Distribution {
        let exemplar = |bucket: &Bucket| bucket.exemplar.lock().ok().and_then(|kept| kept.clone());
        Distribution {
            bounds: self.bounds.iter().map(|bound| *bound as f64 * self.scale).collect(),
            counts: self.buckets.iter().map(|bucket| bucket.count.load(Ordering::Relaxed)).collect(),
            sum: self.sum(),
            exemplars: self.buckets.iter().map(exemplar).collect(),
        }
    }
}

/// Since when something has not happened, as an age in seconds; nothing is told before it first happens.
#[derive(Debug, Default)]
pub struct Moment(AtomicU64);

/// Moments are kept as nanoseconds since the process first asked; 0 is never.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Moment {
    /// The age of this metric and these attributes.
    pub fn of(metric: &'static Metric, attributes: &[(&'static str, &str)]) -> Arc<Self> {
        let pick = |found: &Instrument| match found {
            Instrument::Moment(moment) => Some(Arc::clone(moment)),
            _ => None,
        };
        resolve(metric, attributes, pick, || {
            let moment = Arc::<Self>::default();
            (Arc::clone(&moment), Instrument::Moment(moment))
        })
    }

    /// It happened now.
    pub fn touch(&self) {
        let since_ns = u64::try_from(EPOCH.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0.store(since_ns.max(1), Ordering::Relaxed);
    }

    /// How long ago it happened last; None where it never has.
    pub fn age(&self) -> Option<Duration> {
        let at = self.0.load(Ordering::Relaxed);
        (at > 0).then(|| EPOCH.elapsed().saturating_sub(Duration::from_nanos(at)))
    }
}

#[expect(clippy::disallowed_methods, reason = "when something was measured is no moment of the domain")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_counts_in_the_first_bucket_that_holds_it() {
        static TOOK: Metric = Metric { name: "test.took", unit: "s", description: "How long" };
        let histogram = Histogram::of_durations(&TOOK, &[]);
        for micros in [50, 51, 100, 20_000_000] {
            histogram.record(Duration::from_micros(micros), &Span::none());
        }
        let Distribution { bounds, counts, sum, .. } = histogram.read();
        assert_eq!((bounds[0], bounds[1]), (5e-5, 1e-4));
        assert_eq!((counts[0], counts[1], *counts.last().unwrap()), (1, 2, 1));
        assert!((sum - 20.000_201).abs() < 1e-9, "{sum}");
        assert_eq!(histogram.count(), 4);
    }

    #[test]
    fn an_age_is_told_once_something_has_happened() {
        static SEEN: Metric = Metric { name: "test.seen", unit: "s", description: "How long ago" };
        let moment = Moment::of(&SEEN, &[]);
        assert_eq!(moment.age(), None);
        moment.touch();
        assert!(moment.age().unwrap() < Duration::from_secs(60));
    }
}

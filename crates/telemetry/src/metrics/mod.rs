//! What is measured: numbers that cost an atomic to change, and both ways out of the process.
//!
//! An instrument is found once, at start, by its metric and its attributes; whoever asks for the same gets the same. What
//! can be read off a published state is not kept at all: [`observe`] has it looked up when somebody asks. [`gather`] takes
//! all of them at a moment, `openmetrics` writes that down for whoever scrapes, `otlp` for a collector.
//!
//! No library's instruments, since none has both atomics only and exemplars (decision 78). Nothing here keeps a history,
//! and no attribute may have a value that a caller chooses.

mod family;
mod follower;
mod instrument;
mod openmetrics;
pub(crate) mod otlp;
mod rpc;

use std::sync::{Arc, Mutex, PoisonError, Weak};

pub use family::{Distribution, Exemplar, Family, Kind, Observed, Series, Value};
pub use follower::{Follower, FollowerConnection};
pub(crate) use instrument::now;
pub use instrument::{Counter, Gauge, Histogram, Moment};
pub use openmetrics::Exposition;
pub(crate) use openmetrics::expose;
pub use rpc::{CODES, RpcMetrics, RpcReading};

/// Something that is measured. Its name and unit never change: dashboards and alerts are written against them
/// (`docs/operations/telemetry.md` lists every one).
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// By OpenTelemetry's conventions, or `citizens_access.…`.
    pub name: &'static str,
    /// In UCUM: `s`, `By`, `{record}`, `1`.
    pub unit: &'static str,
    /// One sentence without a full stop.
    pub description: &'static str,
}

/// Names and values by which measurements of one metric are told apart.
pub type Attributes = Vec<(&'static str, String)>;

struct Entry {
    metric: &'static Metric,
    attributes: Attributes,
    instrument: Instrument,
}

#[derive(Clone)]
enum Instrument {
    Counter(Arc<Counter>),
    Gauge(Arc<Gauge>),
    Histogram(Arc<Histogram>),
    Moment(Arc<Moment>),
}

type Observer = dyn Fn(&mut Observed) + Send + Sync;

static ENTRIES: Mutex<Vec<Entry>> = Mutex::new(Vec::new());
static OBSERVERS: Mutex<Vec<Weak<Observer>>> = Mutex::new(Vec::new());

/// The instrument of this metric and these attributes, made by `make` where there is none yet. `pick` finds it among
/// those of its kind.
fn resolve<T>(
    metric: &'static Metric,
    attributes: &[(&'static str, &str)],
    pick: impl Fn(&Instrument) -> Option<Arc<T>>,
    make: impl FnOnce() -> (Arc<T>, Instrument),
) -> Arc<T> {
    let mut entries = ENTRIES.lock().unwrap_or_else(PoisonError::into_inner);
    let is_same = |entry: &&Entry| {
        let pairs = entry.attributes.iter().map(|(name, value)| (*name, value.as_str()));
        entry.metric == metric && pairs.eq(attributes.iter().copied())
    };
    if let Some(known) = entries.iter().find(is_same) {
        return pick(&known.instrument).expect("a metric is of one kind, wherever it is asked for");
    }
    let (made, instrument) = make();
    let attributes = attributes.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    entries.push(Entry { metric, attributes, instrument });
    made
}

/// What somebody has had observed; it is observed no more once this is dropped.
#[must_use = "nothing is observed once it is dropped"]
pub struct Observation(#[expect(dead_code, reason = "it keeps the observer alive")] Arc<Observer>);

impl std::fmt::Debug for Observation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observation")
    }
}

/// Has `observer` say what it sees whenever metrics are gathered, from a thread that answers for nobody: it may take some
/// milliseconds, and must not wait.
pub fn observe(observer: impl Fn(&mut Observed) + Send + Sync + 'static) -> Observation {
    let observer: Arc<Observer> = Arc::new(observer);
    let mut observers = OBSERVERS.lock().unwrap_or_else(PoisonError::into_inner);
    observers.retain(|known| known.strong_count() > 0);
    observers.push(Arc::downgrade(&observer));
    Observation(observer)
}

/// Every metric of this process as it is now, by name.
pub fn gather() -> Vec<Family> {
    let mut seen = Observed::default();
    // What they hold is cloned first: an observer may itself ask for an instrument.
    let observers: Vec<Arc<Observer>> = {
        let observers = OBSERVERS.lock().unwrap_or_else(PoisonError::into_inner);
        observers.iter().filter_map(Weak::upgrade).collect()
    };
    for observer in observers {
        observer(&mut seen);
    }
    let entries = ENTRIES.lock().unwrap_or_else(PoisonError::into_inner);
    for Entry { metric, attributes, instrument } in entries.iter() {
        let value = match instrument {
            Instrument::Counter(counter) => Some(Value::Counter(counter.read() as f64)),
            Instrument::Gauge(gauge) => Some(Value::Gauge(gauge.read() as f64)),
            // A status that never was is no series.
            Instrument::Histogram(histogram) => {
                Some(histogram).filter(|histogram| histogram.count() > 0).map(|some| Value::Histogram(some.read()))
            }
            Instrument::Moment(moment) => moment.age().map(|age| Value::Gauge(age.as_secs_f64())),
        };
        if let Some(value) = value {
            seen.push(metric, attributes.clone(), value);
        }
    }
    drop(entries);
    seen.into_families()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_the_same_gets_the_same() {
        static SAME: Metric = Metric { name: "test.same", unit: "{thing}", description: "How many" };
        let one = Counter::of(&SAME, &[("kind", "a")]);
        Counter::of(&SAME, &[("kind", "a")]).add(2);
        Counter::of(&SAME, &[("kind", "b")]).add(5);
        one.add(1);
        assert_eq!(one.read(), 3);
    }

    #[test]
    fn what_is_observed_is_told_until_nobody_wants_it() {
        static OBSERVED: Metric = Metric { name: "test.observed", unit: "{thing}", description: "How many" };
        let told = || gather().into_iter().find(|family| family.metric.name == "test.observed");
        let observation = observe(|seen| seen.gauge(&OBSERVED, &[("kind", "a")], 4.0));
        assert_eq!(told().unwrap().series[0].value, Value::Gauge(4.0));
        drop(observation);
        assert!(told().is_none());
    }
}

//! Every state within bounds, visited: how many there are, and what was found.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::Instant;

use stateright::{Checker, Expectation, HasDiscoveries, Model as _};

use crate::model::{Action, Bounds, Model, State};
use crate::mutation::Mutation;

/// Threads that visit states.
const THREADS: usize = 2;

/// What was found in all states within bounds.
pub(crate) struct Explored {
    /// For each property that must hold everywhere, the way to where it does not.
    broken: BTreeMap<&'static str, String>,
    /// Properties that must hold somewhere and do nowhere.
    missing: BTreeSet<&'static str>,
}

impl Explored {
    /// What was found in either.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.broken.extend(other.broken);
        self.missing.retain(|name| other.missing.contains(name));
        self
    }

    /// Asserts that these hold in every state.
    pub(crate) fn assert_everywhere(&self, names: &[&'static str]) {
        for name in names {
            if let Some(way) = self.broken.get(name) {
                panic!("not so: {name}\n{way}");
            }
        }
    }

    /// Asserts that what makes the model worth its while happens in some state.
    pub(crate) fn assert_telling(&self) {
        assert!(self.missing.is_empty(), "this never happens within the bounds: {:?}", self.missing);
    }
}

/// Visits every state; which practice is which makes no difference.
pub(crate) fn explore<const N: usize>(bounds: Bounds, mutation: Mutation) -> Explored {
    let begun = Instant::now();
    let checker = Model::<N>::new(bounds, mutation).checker().symmetry_fn(State::representative).threads(THREADS);
    let checker = checker.spawn_dfs().join();
    let found = checker.discoveries();
    let mut explored = Explored { broken: BTreeMap::new(), missing: BTreeSet::new() };
    for property in checker.model().properties() {
        match (property.expectation, found.get(property.name)) {
            (Expectation::Sometimes, None) => _ = explored.missing.insert(property.name),
            (Expectation::Always, Some(path)) => {
                explored.broken.insert(property.name, told(&path.clone().into_actions()));
            }
            _ => {}
        }
    }
    let (registry, scheduler) = checker.model().tables.sizes();
    tell(&format!(
        "model of {N} practices, {bounds:?}: {} unique states ({} visits, depth {}) over {registry} of a practice in the \
         registry and {scheduler} in the scheduler, in {:.0} s",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        begun.elapsed().as_secs_f64(),
    ));
    explored
}

/// The shortest way to where a property does not hold, in words; none where it holds in every state.
pub(crate) fn counterexample<const N: usize>(bounds: Bounds, mutation: Mutation, name: &'static str) -> Option<String> {
    let checker = Model::<N>::new(bounds, mutation).checker();
    let checker = checker.finish_when(HasDiscoveries::AllOf(BTreeSet::from([name]))).spawn_bfs().join();
    let way = checker.discovery(name).map(|path| told(&path.into_actions()))?;
    say(&format!("{mutation:?} breaks {name:?}:\n{way}"));
    Some(way)
}

fn told(actions: &[Action]) -> String {
    let steps: Vec<String> = actions.iter().map(|action| format!("  {action:?}")).collect();
    steps.join("\n")
}

/// Whether this is the long tier.
pub(crate) fn is_long() -> bool {
    std::env::var("CITIZENS_ACCESS_TEST_LONG").is_ok_and(|value| value == "1")
}

/// Says what was explored, also to the report of the long tier.
fn tell(fact: &str) {
    say(fact);
    let Some(path) = std::env::var_os("CITIZENS_ACCESS_TEST_REPORT") else { return };
    let report = OpenOptions::new().append(true).open(&path);
    report.and_then(|mut report| writeln!(report, "{fact}")).expect("the report's file takes a line");
}

#[expect(
    clippy::print_stdout,
    reason = "the number of states, and the way to a breach, are what the tests are run for"
)]
fn say(fact: &str) {
    println!("{fact}");
}

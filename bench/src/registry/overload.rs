//! What a server does of what it can when it is asked for four times that: calls within their callers' deadlines.
//!
//! The call is one that costs the server much and the load little, so that one core can ask for more than another can do.

use std::time::Duration;

use proto::registry::v1 as wire;

use crate::load::{Answer, Target};
use crate::registry::installation::{Installation, Shape};
use crate::registry::lists::FILTER;
use crate::report::{Report, Row};

const PATH: &str = "/citizens_access.registry.v1.PracticeRegistryService/ListPractices";
const TIME: Duration = Duration::from_secs(5);
/// Callers wait no longer.
const DEADLINE: Duration = Duration::from_secs(1);
/// By how much more than it can a server is asked.
const FACTOR: f64 = 4.0;

/// What is served in time, each second.
struct Goodput {
    served: f64,
    longest: Duration,
    shed: usize,
    late: usize,
}

/// ListPractices at what the server can do, and at four times that.
pub(super) fn measure(report: &mut Report, installation: &Installation) -> anyhow::Result<()> {
    let server = installation.serve(Shape::PerCore(1), &[])?;
    let request = wire::ListPracticesRequest { filter: FILTER.to_owned(), page_size: 1, ..Default::default() };
    let target = Target::new(server.address, PATH, &[request])?;
    let saturated = target.saturate(TIME, || ())?;
    let capacity = saturated.calls as f64 / saturated.wall.as_secs_f64();
    let target = target.within(DEADLINE)?;
    let at_once = goodput(&target, capacity * 0.95)?;
    let overloaded = goodput(&target, capacity * FACTOR)?;
    let ratio = overloaded.served / at_once.served;
    let figure = format!(
        "{:.0} of {:.0} a second (of {:.0} asked: {} shed, {} late in {} s; the longest of those served {} ms)",
        overloaded.served,
        at_once.served,
        capacity * FACTOR,
        overloaded.shed,
        overloaded.late,
        TIME.as_secs(),
        overloaded.longest.as_millis(),
    );
    report.add(Row::alone("served in time at four times capacity", figure, "> 0.8", Some(ratio > 0.8)));
    server.stop()
}

fn goodput(target: &Target, rate: f64) -> anyhow::Result<Goodput> {
    let answers = target.offer(rate, TIME)?;
    let served =
        answers.iter().filter(|(answer, latency)| matches!(answer, Answer::Served { .. }) && *latency <= DEADLINE);
    let longest = served.clone().map(|(_, latency)| *latency).max().unwrap_or_default();
    let served = served.count() as f64 / TIME.as_secs_f64();
    let count = |wanted: Answer| answers.iter().filter(|(answer, _)| *answer == wanted).count();
    Ok(Goodput { served, longest, shed: count(Answer::Shed), late: count(Answer::Late) })
}

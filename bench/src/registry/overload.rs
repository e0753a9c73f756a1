//! What a server does of what it can when it is asked for four times that: calls within their callers' deadlines.
//!
//! The call is one that costs the server much and the load little, so that one core can ask for more than another can do.

use std::fmt;
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

/// What is served in time.
struct Goodput {
    /// Each second; so is what follows but for the longest.
    asked: f64,
    served: f64,
    longest: Duration,
    shed: f64,
    late: f64,
}

/// ListPractices as often as the server can, and four times as often.
pub(super) fn measure(report: &mut Report, installation: &Installation) -> anyhow::Result<()> {
    let server = installation.serve(Shape::PerCore(1), &[])?;
    let request = wire::ListPracticesRequest { filter: FILTER.to_owned(), page_size: 1, ..Default::default() };
    let target = Target::new(server.address, PATH, &[request])?;
    let saturated = target.saturate(TIME, || ())?;
    let capacity = saturated.calls as f64 / saturated.wall.as_secs_f64();
    let target = target.within(DEADLINE)?;
    let (once, four_times) = (goodput(&target, capacity)?, goodput(&target, capacity * FACTOR)?);
    let ratio = four_times.served / once.served;
    let figure = format!("{ratio:.2}: {four_times}; {once}; as fast as it answers {capacity:.0}/s");
    report.add(Row::alone(
        "served within a second at four times capacity, against once",
        figure,
        "> 0.8",
        Some(ratio > 0.8),
    ));
    server.stop()
}

impl fmt::Display for Goodput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asked, served, longest, shed, late } = self;
        let longest = longest.as_millis();
        write!(f, "of {asked:.0}/s {served:.0} served, {shed:.0} shed, {late:.0} late, the longest {longest} ms")
    }
}

fn goodput(target: &Target, rate: f64) -> anyhow::Result<Goodput> {
    let answers = target.offer(rate, TIME)?;
    let each_second = |count: usize| count as f64 / TIME.as_secs_f64();
    let in_time =
        |(answer, latency): &&(Answer, Duration)| matches!(answer, Answer::Served { .. }) && *latency <= DEADLINE;
    let served = answers.iter().filter(in_time);
    let longest = served.clone().map(|(_, latency)| *latency).max().unwrap_or_default();
    let (served, shed) = (served.count(), answers.iter().filter(|(answer, _)| *answer == Answer::Shed).count());
    let late = answers.len() - served - shed;
    Ok(Goodput { asked: rate, served: each_second(served), longest, shed: each_second(shed), late: each_second(late) })
}

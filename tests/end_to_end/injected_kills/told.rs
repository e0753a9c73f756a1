//! What the producer has to tell, and what a naive program makes of it: for each area that practices lie in, views and people,
//! counted one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use jiff::ToSpan;
use jiff::civil::Date;
use proto::registry::v1::Practice;
use proto::statistics::v1 as wire;
use proto::statistics::v1::statistics_service_client::StatisticsServiceClient;

use super::peer;
use crate::harness::installation::TODAY;

/// Batches that wait for each other, so that each is a commit.
const BATCH_VIEWS: u64 = 25;
/// What is told in the first life, and what in the second before old rows are united; the rest comes thereafter.
pub(super) const TOLD_FIRST: u64 = 4 * BATCH_VIEWS;
pub(super) const TOLD_BEFORE_CLEANING: u64 = 6 * BATCH_VIEWS;
pub(super) const TOLD: u64 = 8 * BATCH_VIEWS;

/// From one life to the next: by then the practices' days of the first are months, and their hours gone.
pub(super) const DAYS_BETWEEN: i64 = 100;
/// The first day on which anybody looks at a record is in its month, the last one is the second life's own.
const FROM: Date = jiff::civil::date(2031, 4, 1);

/// Few enough that sketches say exactly how many they are.
const PEOPLE: u64 = 41;

/// A person looks at her record.
struct View<'a> {
    practice: &'a Practice,
    person: u64,
    day: Date,
}

fn later() -> Date {
    TODAY + DAYS_BETWEEN.days()
}

/// Practices, by code, and what is counted at them.
pub(super) struct Told {
    pub(super) practices: BTreeMap<String, Practice>,
    /// Where the registry had told of all of them.
    pub(super) position: u64,
}

impl Told {
    /// The batch that follows the `durable`th view, and no view after `until`: its last three are sent again, too.
    pub(super) fn batch_after(&self, durable: u64, until: u64) -> wire::RecordEventsRequest {
        let first_sequence = durable.saturating_sub(3) + 1;
        let numbers = first_sequence..=(durable + BATCH_VIEWS).min(until);
        let events = Some(wire::AccessEvents { events: numbers.map(|number| self.event(number)).collect() });
        wire::RecordEventsRequest { first_sequence, events, ..Default::default() }
    }

    fn event(&self, number: u64) -> wire::AccessEvent {
        let View { practice, person, day } = self.view(number);
        let at = day.at(7, 0, 0, 0).in_tz("Europe/London").expect("no clock changes at seven").timestamp();
        wire::AccessEvent {
            occurred_at: Some(prost_types::Timestamp { seconds: at.as_second(), nanos: 0 }),
            practice: practice.name.clone(),
            kind: wire::EventKind::RecordViewed.into(),
            pseudonym: ((u128::from(person) << 64) | 0x9e37_79b9_7f4a_7c15).to_be_bytes().to_vec().into(),
            ..wire::AccessEvent::default()
        }
    }

    /// The view of this number, from 1. Of the second life's, one in five is late: of a day of the first.
    fn view(&self, number: u64) -> View<'_> {
        let ago = |days: u64| (days as i64).days();
        let day = if number <= TOLD_FIRST || number.is_multiple_of(5) {
            TODAY - ago(number * 7 % 40)
        } else {
            later() - ago(number * 3 % 50)
        };
        let practice = self.practices.values().nth(number as usize * 5 % self.practices.len());
        View { practice: practice.expect("a practice of them"), person: number * 11 % PEOPLE, day }
    }

    /// Holds every series that tells of all that was told against it.
    pub(super) async fn hold(&self, endpoint: &str, when: &str) {
        use wire::AreaKind::{England, Icb, Pcn, Practice, Region, SubIcb, Supplier};
        use wire::Interval::{Day, Month};
        use wire::Measure::{RecordViews, Viewers};
        let mut told: ByDay<'_> = BTreeMap::new();
        for view in (1..=TOLD).map(|number| self.view(number)) {
            told.entry(view.day).or_default().push(view);
        }
        let mut asked: Vec<Asked> = Vec::new();
        for kind in [England, Region, Icb, SubIcb, Pcn, Supplier, Practice] {
            asked.extend([(RecordViews, kind, Day), (Viewers, kind, Month)]);
        }
        asked.extend([England, Region, Icb, Supplier].map(|kind| (Viewers, kind, Day)));
        let mut statistics = StatisticsServiceClient::new(peer(endpoint));
        for asked in asked {
            let series = statistics.query_series(request(asked)).await;
            let series = series.unwrap_or_else(|status| panic!("{asked:?}, {when}: {status}")).into_inner().series;
            let areas: BTreeSet<String> = self.practices.values().map(|practice| area(practice, asked.1)).collect();
            let shown: BTreeSet<String> = series.iter().map(|one| one.area.clone()).collect();
            assert_eq!(shown, areas, "{asked:?}, {when}");
            series.iter().for_each(|one| hold_series(one, asked, &told, when));
        }
    }
}

/// A figure by areas of a kind, at intervals.
type Asked = (wire::Measure, wire::AreaKind, wire::Interval);

fn request((measure, kind, interval): Asked) -> wire::QuerySeriesRequest {
    wire::QuerySeriesRequest {
        measure: measure.into(),
        group_by: kind.into(),
        interval: interval.into(),
        period: Some(wire::Period { start_date: FROM.to_string(), end_date: later().to_string() }),
        ..Default::default()
    }
}

fn hold_series(series: &wire::Series, asked: Asked, told: &ByDay<'_>, when: &str) {
    let (measure, kind, _) = asked;
    let area = &series.area;
    let mut next = FROM;
    for point in &series.points {
        let [start, end] = [&point.start_date, &point.end_date].map(|day| day.parse::<Date>().expect("a date"));
        assert_eq!(start, next, "{asked:?}, {when}");
        let (views, viewers) = naive(told, kind, area, start..=end);
        let told = if measure == wire::Measure::Viewers { viewers } else { views };
        assert_eq!(point.value, told, "{measure:?} of {area} from {start} to {end}, {when}");
        next = end.tomorrow().expect("a date");
    }
    assert_eq!(next, later().tomorrow().expect("a date"), "{asked:?}, {when}");
}

/// Everything that is told, by the day on which it happened.
type ByDay<'a> = BTreeMap<Date, Vec<View<'a>>>;

/// Views and people of an area on these days.
fn naive(told: &ByDay<'_>, kind: wire::AreaKind, of: &str, days: RangeInclusive<Date>) -> (i64, i64) {
    let inside = told.range(days).flat_map(|(_, views)| views).filter(|view| area(view.practice, kind) == of);
    let people: Vec<u64> = inside.map(|view| view.person).collect();
    (people.len() as i64, people.into_iter().collect::<BTreeSet<u64>>().len() as i64)
}

/// The area of a kind that a practice lies in.
fn area(practice: &Practice, kind: wire::AreaKind) -> String {
    match kind {
        wire::AreaKind::England | wire::AreaKind::Unspecified => "england".to_owned(),
        wire::AreaKind::Region => format!("regions/{}", practice.region_code),
        wire::AreaKind::Icb => format!("icbs/{}", practice.icb_code),
        wire::AreaKind::SubIcb => format!("sub-icbs/{}", practice.sub_icb_code),
        wire::AreaKind::Pcn => format!("pcns/{}", practice.pcn_code),
        wire::AreaKind::Supplier => format!("suppliers/{}", practice.supplier),
        wire::AreaKind::Practice => practice.name.clone(),
    }
}

//! I30 over the service: an attacker who reads nothing but what DownloadPublication gives to everybody, of a year of weekly
//! publications and re-issues. He knows where each practice lies, how long its list is, and which return is in which issue.

use std::collections::{BTreeMap, BTreeSet};

use api::Explained;
use database::testing::TestStore;
use disclosure::Shown;
use jiff::{SignedDuration, Timestamp};
use proto::statistics::v1 as wire;
use tonic::Status;

use crate::files::rows;
use crate::intervals::disclosed;
use crate::knowledge::{Cell, Knowledge, Total, Unknown};
use crate::publications::{announce, correction, create, creation};
use crate::registry::{observed, practice};
use crate::world::{Process, World, moment};

/// SplitMix64's mixing: chance as a function of what it concerns.
pub(crate) fn draw(what: u64, of: u64, below: u64) -> u64 {
    let mut mixed = (what << 32 | of).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed ^ (mixed >> 31)) % below
}

const WEEKS: u64 = 52;

/// Monday of the first week that is published.
const FIRST_MONDAY: &str = "2031-03-10T00:00:00Z";

/// A practice as the attacker knows it, and what he does not.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) icb: &'static str,
    pub(crate) region: &'static str,
    pub(crate) sub_icb: &'static str,
    pub(crate) pcn: &'static str,
    pub(crate) supplier: &'static str,
    /// Practices are in a wave by the week in which they came.
    pub(crate) wave: String,
    pub(crate) list: i64,
    /// Which return its number rests on, and the number: the secret.
    pub(crate) source: String,
    pub(crate) count: u64,
}

/// By code; only practices that are live and have returned.
pub(crate) type Nation = BTreeMap<String, Known>;

/// An issue that was published: its name, its number, and the nation that it is of.
type PublishedIssue = (String, i32, Nation);

pub(crate) fn known(index: u64, week: u64) -> Known {
    let (icb, region) = if draw(index, 7, 3) == 0 { ("QE1", "Y56") } else { ("QHM", "Y63") };
    let number = draw(index, 9, 2) as usize;
    let (sub_icb, pcn) = match icb {
        "QE1" => (["00Q", "00R"][number], ["U10001", "U10002"][draw(index, 10, 2) as usize]),
        _ => (["16C", "84H"][number], ["U20001", "U20002", "U20003"][draw(index, 10, 3) as usize]),
    };
    let wave = format!("programmes/opening/waves/{}", index / 16 + 1);
    let supplier = if draw(index, 8, 2) == 0 { "EMIS" } else { "TPP" };
    let count = draw(week, index, if index.is_multiple_of(4) { 12 } else { 90 });
    Known { icb, region, sub_icb, pcn, supplier, wave, list: 150 + index as i64, source: format!("week {week}"), count }
}

pub(crate) fn code(index: u64) -> String {
    format!("A81{index:03}")
}

pub(crate) async fn submit(process: &Process, nation: &Nation, codes: &[String], end: Timestamp, request_id: &str) {
    let day = tally_day(end);
    for supplier in ["EMIS", "TPP"] {
        let of_it = codes.iter().filter(|code| nation[*code].supplier == supplier);
        let returns = of_it.map(|code| wire::PracticeReturn {
            practice: format!("practices/{code}"),
            accounts_with_access: nation[code].count as i64,
            ..Default::default()
        });
        let returns: Vec<_> = returns.collect();
        if returns.is_empty() {
            continue;
        }
        let request = wire::SubmitReturnsRequest {
            supplier: format!("suppliers/{supplier}"),
            period_start_date: day.clone(),
            period_end_date: day.clone(),
            returns,
            request_id: format!("{request_id}-{supplier}"),
            ..Default::default()
        };
        process.ingest().submit_returns(request).await.expect("returns are accepted");
    }
}

fn tally_day(at: Timestamp) -> String {
    tally::Day::of(at).to_string()
}

fn week_name(monday: Timestamp) -> String {
    tally::PublicationPeriod::Week(tally::Day::of(monday).date()).to_string()
}

/// Publishes week by week, and every third week again; what is refused is not published. Only disclosure may be the reason.
async fn publish(world: &World, process: &Process) -> Vec<PublishedIssue> {
    let mut published = Vec::new();
    let mut nation = Nation::new();
    for week in 0..WEEKS {
        let monday = moment(FIRST_MONDAY) + SignedDuration::from_hours(7 * 24 * week as i64);
        let (sunday, day) = (monday + SignedDuration::from_hours(6 * 24 + 12), SignedDuration::from_hours(24));
        world.clock.set(sunday);
        let index = 12 + week;
        let newcomers: Vec<u64> = if week == 0 { (0..=index).collect() } else { vec![index] };
        let told = newcomers.iter().map(|index| {
            let Known { icb, sub_icb, pcn, supplier, list, .. } = known(*index, week);
            let mut place = practice(&code(*index), icb, supplier, list, sunday - day);
            place.sub_icb_code = sub_icb.to_owned();
            place.pcn_code = pcn.to_owned();
            observed(place, true, sunday - day)
        });
        let position = world.registry.tell(told);
        // Each practice returns in about every third week.
        let returning = (0..=index).filter(|index| newcomers.contains(index) || draw(week, 500 + index, 3) == 0);
        let mut codes = Vec::new();
        for index in returning {
            nation.insert(code(index), known(index, week));
            codes.push(code(index));
        }
        submit(process, &nation, &codes, sunday, &format!("week-{week}")).await;

        let name = week_name(monday);
        let release = sunday + day;
        announce(process, &name, &release.to_string()).await.expect("it is announced");
        // Made after its release, it is public at once.
        world.clock.set(release + SignedDuration::from_hours(1));
        let request = wire::CreatePublicationRequest {
            min_position: position,
            waves: waves(&nation),
            breakdowns: vec![wire::AreaKind::SubIcb.into(), wire::AreaKind::Pcn.into()],
            ..creation(&name)
        };
        if is_published(create(process, request).await) {
            published.push((name.clone(), 1, nation.clone()));
        }
        if week.is_multiple_of(3) && published.last().is_some_and(|(last, ..)| *last == name) {
            let corrected = codes[draw(week, 900, codes.len() as u64) as usize].clone();
            let row = nation.get_mut(&corrected).expect("it returned");
            row.count += 1;
            row.source += ", corrected";
            submit(process, &nation, &[corrected], sunday, &format!("correction-{week}")).await;
            let reissued = process.publications().reissue_publication(correction(&name, week)).await;
            if is_published(reissued) {
                published.push((name, 2, nation.clone()));
            }
        }
    }
    published
}

pub(crate) fn waves(nation: &Nation) -> Vec<wire::PracticeSet> {
    let mut waves: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (code, known) in nation {
        waves.entry(&known.wave).or_default().push(format!("practices/{code}"));
    }
    waves.into_iter().map(|(name, practices)| wire::PracticeSet { name: name.to_owned(), practices }).collect()
}

pub(crate) fn is_published<T>(result: Result<T, Status>) -> bool {
    match result {
        Ok(_) => true,
        Err(status) => {
            let explained = Explained::from(&status);
            assert_eq!(explained.reason, "DISCLOSES", "{status:?}");
            false
        }
    }
}

/// What he knows by the rows that he read, or by those that `shown` makes of the secret numbers.
struct Attacker {
    known: Knowledge,
    same: BTreeMap<(String, String, u64), usize>,
}

impl Attacker {
    fn new() -> Self {
        Self { known: Knowledge::default(), same: BTreeMap::new() }
    }

    /// Which numbers an issue is of, by code: that one rests on the same return as before is known.
    fn place(&mut self, nation: &Nation, total: i64) -> BTreeMap<String, usize> {
        let mut numbers = BTreeMap::new();
        for (code, Known { list, source, count, .. }) in nation {
            let next = self.known.unknowns.len();
            let index = *self.same.entry((code.clone(), source.clone(), *count)).or_insert(next);
            if index == next {
                self.known.unknowns.push(Unknown { most: *list, hint: 0 });
            }
            let most = &mut self.known.unknowns[index].most;
            *most = (*most).min(total);
            numbers.insert(code.clone(), index);
        }
        self.known.totals.push(Total { unknowns: numbers.values().copied().collect(), count: total, sum: total });
        numbers
    }

    fn see(&mut self, name: String, members: Vec<usize>, shown: Shown) {
        self.known.cells.push(Cell { name, unknowns: members, shown, shared: 0, group: 0 });
    }
}

pub(crate) fn members(nation: &Nation, area: &str, numbers: &BTreeMap<String, usize>) -> Vec<usize> {
    let lies = |code: &String| areas(code, &nation[code]).iter().any(|of| of == area);
    numbers.iter().filter(|(code, _)| lies(code)).map(|(_, index)| *index).collect()
}

/// All areas that a practice lies in, itself among them, but for England.
pub(crate) fn areas(code: &str, known: &Known) -> [String; 7] {
    [
        format!("practices/{code}"),
        format!("icbs/{}", known.icb),
        format!("regions/{}", known.region),
        format!("sub-icbs/{}", known.sub_icb),
        format!("pcns/{}", known.pcn),
        format!("suppliers/{}", known.supplier),
        known.wave.clone(),
    ]
}

pub(crate) fn shown(value: &str) -> Shown {
    match value {
        "*" => Shown::Star,
        "0" => Shown::Zero,
        rounded => Shown::Rounded(rounded.parse().expect("a number")),
    }
}

#[tokio::test]
async fn i30_who_reads_a_year_of_publications_and_reissues_finds_nothing_out() {
    let world = World::on(TestStore::sqlite());
    let process = world.start().await;
    let published = publish(&world, &process).await;

    let (mut attacker, mut of_rounded) = (Attacker::new(), Attacker::new());
    let mut row_count = 0;
    for (name, issue, nation) in &published {
        let rows = rows(&process.publications_for_everybody(), name, *issue).await;
        let of_patients: Vec<_> =
            rows.iter().filter(|row| row["definition"] == "definitions/patients-with-access").collect();
        let england = of_patients.iter().find(|row| row["area"] == "england").expect("England is in each");
        let total: i64 = england["value"].parse().expect("exact");
        assert_eq!(total, nation.values().map(|known| known.count as i64).sum::<i64>(), "{name}, issue {issue}");
        let (numbers, again) = (attacker.place(nation, total), of_rounded.place(nation, total));
        let mut seen = BTreeSet::new();
        for row in of_patients.iter().filter(|row| row["area"] != "england") {
            assert!(seen.insert(row["area"].clone()), "{} is there twice", row["area"]);
            let cell = format!("{} of {name}, issue {issue}", row["area"]);
            attacker.see(cell.clone(), members(nation, &row["area"], &numbers), shown(&row["value"]));
            row_count += 1;
        }
        // The same, had it only been rounded.
        for area in nation.iter().flat_map(|(code, known)| areas(code, known)).collect::<BTreeSet<String>>() {
            let of_area = members(nation, &area, &again);
            let count = again.iter().filter(|(_, index)| of_area.contains(index)).map(|(code, _)| nation[code].count);
            let rounded = Shown::of(count.sum());
            of_rounded.see(format!("{area} of {name}, issue {issue}"), of_area, rounded);
        }
    }
    assert!(published.len() as u64 > WEEKS / 2, "{} issues are too few to be attacked", published.len());
    assert!(published.iter().any(|(_, issue, _)| *issue == 2), "no re-issue was published");
    assert!(row_count > published.len() * 10, "{row_count} rows are too few");
    for kind in ["regions/", "icbs/", "sub-icbs/", "pcns/", "suppliers/", "programmes/", "practices/"] {
        let count = attacker.known.cells.iter().filter(|cell| cell.name.starts_with(kind)).count();
        assert!(count > 0, "no row of {kind} was published");
    }
    assert!(!disclosed(&of_rounded.known).is_empty(), "the attack finds nothing in any case");
    assert_eq!(disclosed(&attacker.known), BTreeMap::new());
    process.stop().await;
}

//! A small nation with publications, from the calendar to what is shown.

mod corpus;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use ods::Capability;

use super::*;
use crate::area::Area;
use crate::day::Day;
use crate::definition::Measure;
use crate::directory::{Directory, Told, Viewpoint};
use crate::fact::Fact;
use crate::place::Place;
use crate::returns::{Figures, Returns, ReturnsEvent};
use crate::sketch::Estimate;
use crate::testing::{access, code, date, list_size, moment, place, submission};

/// Practice 1 and 2 in one ICB, 3 to 8 in the other. 7 has a short list, 8 is not live, 6 has not returned.
fn world() -> (Directory, Returns) {
    let mut directory = Directory::default();
    let mut returned = Vec::new();
    for practice in 1..=8 {
        let icb = if practice <= 2 { "QHM" } else { "QE1" };
        let patients = if practice == 7 { 100 } else { 1_000 * u64::from(practice) };
        for told in [Told::Place(place(icb, "EMIS")), list_size(patients, Some(date(0))), access(practice != 8)] {
            directory.tell(code(practice), Fact { effective_from: moment(0), recorded_at: moment(0), value: told });
        }
        let accounts_with_access = if practice == 7 { 5 } else { 117 * u64::from(practice) };
        if practice != 6 {
            returned.push((code(practice), Figures { accounts_with_access, ..Figures::default() }));
        }
    }
    let mut returns = Returns::default();
    let event = ReturnsEvent::ReturnsSubmitted { submission: submission(date(30)), returns: returned };
    returns.apply(&event, moment(24 * 32));
    (directory, returns)
}

fn of_practice(number: u32) -> PublishedArea {
    PublishedArea::Area(Area::Practice(code(number)))
}

fn january() -> PublicationName {
    "publications/2031-01".parse().unwrap()
}

fn asked(correction: Option<Correction>) -> AskedIssue {
    let (figures, waves, levels) = (BTreeSet::new(), BTreeMap::new(), BTreeSet::from([Level::SubIcb]));
    AskedIssue { publication: january(), figures, levels, waves, correction, author: "sam".to_owned() }
}

fn correction() -> Option<Correction> {
    Some(Correction { words: "A return was corrected.".to_owned(), reason_code: String::new(), release_at: None })
}

/// What was known at a moment, with people who viewed: six at each live practice, one of whom was at two.
fn content(directory: &Directory, returns: &Returns, known_at: Timestamp) -> Content {
    let from = Viewpoint { as_at: january().as_at().end(), known_at, capability: Capability::default() };
    let mut content = Content::of(&from, directory, returns);
    let others = content.areas_with_viewers().into_iter().map(|area| {
        let people = match &area {
            PublishedArea::Area(Area::Icb(icb)) if icb.as_str() == "QHM" => 11,
            PublishedArea::Area(Area::Icb(_)) => 30,
            PublishedArea::Area(Area::Practice(one)) if *one == code(8) => 0,
            PublishedArea::Area(Area::Practice(_)) => 6,
            _ => 41,
        };
        (area, Estimate::exact(people))
    });
    let others: BTreeMap<PublishedArea, Estimate> = others.collect();
    content.add_viewers(known_at, Estimate::exact(41), &others);
    content
}

fn draft(
    directory: &Directory,
    returns: &Returns,
    asked: AskedIssue,
    now: Timestamp,
) -> Result<Draft, PublicationRejection> {
    judge(returns, asked, content(directory, returns, now), now)
}

fn judge(
    returns: &Returns,
    asked: AskedIssue,
    content: Content,
    now: Timestamp,
) -> Result<Draft, PublicationRejection> {
    let draft = returns.publications().draft(asked, content, now, IssuePositions::default(), now, &|| true);
    draft.map(|draft| draft.expect("it was wanted"))
}

fn apply(returns: &mut Returns, events: Vec<ReturnsEvent>, now: Timestamp) {
    for event in events {
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<ReturnsEvent>(&json).unwrap(), event, "the journal keeps all of it");
        returns.apply(&event, now);
    }
}

fn announce(returns: &mut Returns, release_at: Timestamp, now: Timestamp) -> Result<usize, PublicationRejection> {
    let command = SetRelease { publication: january(), release_at, author: "sam".to_owned() };
    let events = returns.decide_release(&command, now)?;
    let count = events.len();
    apply(returns, events, now);
    Ok(count)
}

fn issue(directory: &Directory, returns: &mut Returns, asked: AskedIssue, now: Timestamp) {
    let draft = draft(directory, returns, asked, now).unwrap();
    let events = returns.decide_issue(&draft, now).unwrap();
    apply(returns, events, now);
}

/// A world whose January was announced for day 40 and published on day 35.
fn published() -> (Directory, Returns) {
    let (directory, mut returns) = world();
    announce(&mut returns, moment(24 * 40), moment(24 * 20)).unwrap();
    issue(&directory, &mut returns, asked(None), moment(24 * 35));
    (directory, returns)
}

fn correct(returns: &mut Returns, practice: u32, accounts_with_access: u64, now: Timestamp) {
    let figures = Figures { accounts_with_access, ..Figures::default() };
    let event =
        ReturnsEvent::ReturnsSubmitted { submission: submission(date(30)), returns: vec![(code(practice), figures)] };
    returns.apply(&event, now);
}

fn last(returns: &Returns) -> Issued {
    returns.publications().all().last().unwrap().clone()
}

#[test]
fn rule_14_every_figure_is_shown_with_what_it_is_of() {
    let (_, returns) = published();
    let line = |figure: PublishedFigure| {
        let whole = figure.denominator.map_or_else(String::new, |whole| {
            let day = whole.as_at.map(|day| day.to_string()).unwrap_or_default();
            format!(" of {} {} ({}, {day})", whole.value, whole.measure, whole.source)
        });
        let percent = figure.permille.map_or_else(String::new, |permille| format!(", {permille} in a thousand"));
        let within = figure.within.map_or_else(String::new, |area| format!(" in {area}"));
        let bounds = figure.bounds.map_or_else(String::new, |(least, most)| format!(" ({least} to {most})"));
        format!("{}{within}: {} {}{bounds}{whole}{percent}", figure.area, figure.value, figure.measure)
    };
    let issued = last(&returns);
    let remedies = serde_json::to_string(&issued.issue.remedies).unwrap();
    let lines: Vec<String> = issued.issue.figures().into_iter().map(line).collect();
    insta::assert_snapshot!(format!("{}\n{remedies}", lines.join("\n")));
}

#[test]
fn rule_13_a_practice_with_a_short_list_has_no_row_and_still_counts() {
    let (_, returns) = published();
    let figures = last(&returns).issue.figures();
    assert!(figures.iter().all(|figure| figure.area != of_practice(7)));
    let england = figures.iter().find(|figure| figure.measure == Measure::PatientsWithAccess).unwrap();
    assert_eq!(england.value, FigureValue::Exact(117 * (1 + 2 + 3 + 4 + 5) + 5));
    assert_eq!(england.practices_without_data, Some(1));
}

/// Rule 15: what permits more waits for its event.
#[test]
fn an_issue_is_a_draft_until_its_release_is_recorded() {
    let (_, mut returns) = published();
    let release_at = moment(24 * 40);
    assert_eq!(returns.publications().next_due(), Some(release_at));
    assert_eq!(returns.decide_due(release_at - SignedDuration::from_micros(1)), []);
    assert!(!last(&returns).is_public(moment(24 * 99)), "the moment alone changes nothing");
    let events = returns.decide_due(release_at);
    apply(&mut returns, events, release_at);
    let issued = last(&returns);
    assert!(!issued.is_public(release_at - SignedDuration::from_micros(1)) && issued.is_public(release_at));
    assert_eq!((returns.publications().next_due(), returns.decide_due(moment(24 * 99))), (None, vec![]));
}

#[test]
fn a_release_may_be_moved_until_it_has_come_and_what_was_announced_stays_known() {
    let (_, mut returns) = published();
    assert_eq!(announce(&mut returns, moment(24 * 40), moment(24 * 36)), Ok(0), "that is announced");
    assert_eq!(announce(&mut returns, moment(24 * 38), moment(24 * 37)), Ok(1));
    let at = |known_at| returns.publications().release(&january(), known_at).map(|release| release.release_at);
    assert_eq!(at(moment(24 * 36)), Some(moment(24 * 40)));
    assert_eq!(at(moment(24 * 37)), Some(moment(24 * 38)));
    assert_eq!(at(moment(24 * 19)), None);
    let early = announce(&mut returns, moment(24 * 30), moment(24 * 37));
    assert!(matches!(early, Err(PublicationRejection::ReleaseBeforeEnd { .. })), "{early:?}");
    let past = announce(&mut returns, moment(24 * 36), moment(24 * 37));
    assert!(matches!(past, Err(PublicationRejection::ReleaseNotAhead { .. })), "{past:?}");
    let events = returns.decide_due(moment(24 * 38));
    apply(&mut returns, events, moment(24 * 38));
    let late = announce(&mut returns, moment(24 * 50), moment(24 * 39));
    assert!(matches!(late, Err(PublicationRejection::AlreadyReleased { .. })), "{late:?}");
}

/// Rule 14.
#[test]
fn a_correction_is_another_issue_and_the_first_stays_for_ever() {
    let (directory, mut returns) = published();
    let first = last(&returns);
    let same = draft(&directory, &returns, asked(correction()), moment(24 * 36));
    assert!(matches!(same, Err(PublicationRejection::NothingCorrected { .. })), "{same:?}");
    let again = draft(&directory, &returns, asked(None), moment(24 * 36));
    assert!(matches!(again, Err(PublicationRejection::AlreadyPublished { issues: 1, .. })), "{again:?}");

    correct(&mut returns, 5, 900, moment(24 * 36));
    issue(&directory, &mut returns, asked(correction()), moment(24 * 37));
    let publications = returns.publications();
    let of_january: Vec<&Issued> = publications.issues(&first.issue.name.publication).collect();
    assert_eq!((of_january.len(), of_january[0]), (2, &first));
    let second = last(&returns);
    assert_eq!(second.issue.name.issue, 2);
    assert_eq!(publications.release_at(&second), moment(24 * 40), "not before the first is public");
    let due = returns.decide_due(moment(24 * 40));
    apply(&mut returns, due, moment(24 * 40));
    assert!(returns.publications().all().all(|issued| issued.is_public(moment(24 * 40))));

    // Once the first is public, a correction is at once.
    correct(&mut returns, 5, 800, moment(24 * 41));
    issue(&directory, &mut returns, asked(correction()), moment(24 * 42));
    assert!(last(&returns).is_public(moment(24 * 42)));
    // Unless it asks for a later moment.
    correct(&mut returns, 5, 700, moment(24 * 43));
    let later = correction().map(|correction| Correction { release_at: Some(moment(24 * 50)), ..correction });
    issue(&directory, &mut returns, asked(later), moment(24 * 44));
    assert_eq!(returns.publications().next_due(), Some(moment(24 * 50)));
}

/// I30: events only add people, so what two counts of one period tell together would be more than either does.
#[test]
fn i30_who_viewed_in_a_period_is_counted_once() {
    let (directory, mut returns) = published();
    correct(&mut returns, 5, 900, moment(24 * 36));
    let now = moment(24 * 37);
    let mut later = content(&directory, &returns, now);
    let others = later.areas_with_viewers().into_iter().map(|area| (area, Estimate::exact(50))).collect();
    later.add_viewers(now, Estimate::exact(60), &others);
    let draft = judge(&returns, asked(correction()), later, now).unwrap();
    let viewers = |issue: &Issue| -> Vec<PublishedFigure> {
        issue.figures().into_iter().filter(|figure| figure.measure == Measure::Viewers).collect()
    };
    let (first, second) = (viewers(&last(&returns).issue), viewers(&draft.issue));
    let values =
        |figures: &[PublishedFigure]| -> Vec<FigureValue> { figures.iter().map(|figure| figure.value).collect() };
    assert_eq!(values(&first), values(&second));
    assert!(second.iter().all(|figure| figure.known_at == moment(24 * 35)), "and says as known when");
}

/// Rule 14: nobody counted the people of an area to which they came later, and nobody is not 0.
#[test]
fn a_correction_says_nothing_of_viewers_of_an_area_to_which_they_came_since() {
    let (mut directory, mut returns) = published();
    let moved =
        Fact { effective_from: moment(24 * 20), recorded_at: moment(24 * 36), value: Told::Place(place("QWO", "TPP")) };
    directory.tell(code(3), moved);
    correct(&mut returns, 5, 900, moment(24 * 36));
    let draft = draft(&directory, &returns, asked(correction()), moment(24 * 37)).unwrap();
    let figures = draft.issue.figures();
    let measures = |area: &str| -> Vec<Measure> {
        figures.iter().filter(|figure| figure.area.to_string() == area).map(|figure| figure.measure).collect()
    };
    for area in ["icbs/QWO", "suppliers/TPP"] {
        assert!(measures(area).contains(&Measure::PracticesLive), "{area} is there");
        assert!(!measures(area).contains(&Measure::Viewers), "{area} had no viewers when they were counted");
    }
    let table = ProtectedFigure::Viewers.table(&draft.issue.content, january().period);
    let rows: Vec<&str> =
        table.breakdowns.iter().flat_map(|breakdown| &breakdown.areas).map(|area| &*area.name).collect();
    assert!(rows.contains(&"icbs/QE1") && rows.contains(&"regions/Y63"), "of others it is known: {rows:?}");
}

/// An area has no fewer viewers than any practice in it: what was counted is not of the practices that are there now.
#[test]
fn a_correction_says_nothing_of_viewers_of_an_area_to_which_came_a_practice_that_had_more() {
    let (mut directory, mut returns) = world();
    announce(&mut returns, moment(24 * 40), moment(24 * 20)).unwrap();
    let now = moment(24 * 35);
    let mut first = content(&directory, &returns, now);
    let people = |area: &PublishedArea| match area {
        PublishedArea::Area(Area::Practice(one)) if *one == code(3) => 90,
        PublishedArea::Area(Area::Practice(one)) if *one == code(8) => 0,
        PublishedArea::Area(Area::Practice(_)) => 6,
        PublishedArea::Area(Area::Icb(icb)) if icb.as_str() == "QHM" => 11,
        _ => 115,
    };
    let others = first.areas_with_viewers().into_iter().map(|area| (area.clone(), Estimate::exact(people(&area))));
    let others: BTreeMap<PublishedArea, Estimate> = others.collect();
    first.add_viewers(now, Estimate::exact(125), &others);
    let made = judge(&returns, asked(None), first, now).unwrap();
    let events = returns.decide_issue(&made, now).unwrap();
    apply(&mut returns, events, now);

    let there = Place { sub_icb: Some("84H".parse().unwrap()), ..place("QHM", "EMIS") };
    let (effective_from, recorded_at) = (moment(24 * 20), moment(24 * 36));
    directory.tell(code(3), Fact { effective_from, recorded_at, value: Told::Place(there) });
    correct(&mut returns, 5, 900, moment(24 * 36));
    let draft = draft(&directory, &returns, asked(correction()), moment(24 * 37)).unwrap();
    let counted = draft.issue.content.viewers.as_ref().unwrap();
    let uncounted: Vec<&str> = counted.uncounted.iter().map(String::as_str).collect();
    // 11 viewers, and 90 at one practice; of the other one nobody knows any.
    assert_eq!(uncounted, ["icbs/QHM", "sub-icbs/84H"]);
    let table = ProtectedFigure::Viewers.table(&draft.issue.content, january().period);
    let rows: Vec<&str> =
        table.breakdowns.iter().flat_map(|breakdown| &breakdown.areas).map(|area| &*area.name).collect();
    assert!(!rows.contains(&"icbs/QHM") && rows.contains(&"icbs/QE1"), "{rows:?}");
}

/// I30: also those under embargo count.
#[test]
fn i30_what_is_published_was_judged_against_every_issue_there_is() {
    let (directory, mut returns) = published();
    correct(&mut returns, 5, 900, moment(24 * 36));
    let judged = draft(&directory, &returns, asked(correction()), moment(24 * 37)).unwrap();
    issue(&directory, &mut returns, asked(correction()), moment(24 * 37));
    let late = returns.decide_issue(&judged, moment(24 * 38));
    assert_eq!(late, Err(PublicationRejection::Overtaken { judged: 1, issues: 2 }));
}

/// I30: England is two more, so practice 3 is, which was shown as 350 and would be as 355: it had 351 or 352.
#[test]
fn i30_a_correction_that_would_tell_by_subtraction_is_not_shown() {
    let (directory, mut returns) = published();
    correct(&mut returns, 3, 353, moment(24 * 36));
    let value = |issue: &Issue| {
        let mut figures = issue.figures().into_iter().filter(|figure| figure.measure == Measure::PatientsWithAccess);
        figures.find(|figure| figure.area == of_practice(3)).map(|figure| figure.value.to_string())
    };
    assert_eq!(value(&last(&returns).issue).as_deref(), Some("350"));
    let corrected = draft(&directory, &returns, asked(correction()), moment(24 * 37)).unwrap();
    assert_eq!(value(&corrected.issue), None, "its ICB stands for it");
    // Had nothing been published before, it would be shown.
    let (_, mut unpublished) = world();
    announce(&mut unpublished, moment(24 * 40), moment(24 * 20)).unwrap();
    correct(&mut unpublished, 3, 353, moment(24 * 36));
    let alone = draft(&directory, &unpublished, asked(None), moment(24 * 37)).unwrap();
    assert_eq!(value(&alone.issue).as_deref(), Some("355"));
}

#[test]
fn what_cannot_be_published_is_refused_with_the_reason() {
    let (directory, mut returns) = world();
    let unannounced = draft(&directory, &returns, asked(None), moment(24 * 35));
    assert_eq!(unannounced, Err(PublicationRejection::NotAnnounced { publication: january() }));
    let uncorrected = draft(&directory, &returns, asked(correction()), moment(24 * 35));
    assert_eq!(uncorrected, Err(PublicationRejection::NotPublished { publication: january() }));
    announce(&mut returns, moment(24 * 40), moment(24 * 20)).unwrap();
    let early = draft(&directory, &returns, asked(None), january().as_at().end());
    assert!(matches!(early, Err(PublicationRejection::NotOver { .. })), "{early:?}");
    let empty = draft(&Directory::default(), &returns, asked(None), moment(24 * 35));
    assert_eq!(empty, Err(PublicationRejection::Empty { publication: january() }));
    let publication: PublicationName = "2031-W02".parse().unwrap();
    let figures = BTreeSet::from([ProtectedFigure::Viewers]);
    let weekly = AskedIssue { publication: publication.clone(), figures, ..asked(None) };
    let refused = draft(&directory, &returns, weekly, moment(24 * 35));
    let figure = ProtectedFigure::Viewers;
    assert_eq!(refused, Err(PublicationRejection::FigureNotOfPeriod { publication, figure }));
}

#[test]
fn the_state_survives_a_snapshot() {
    let (_, returns) = published();
    let json = serde_json::to_string(&returns).unwrap();
    assert_eq!(serde_json::from_str::<Returns>(&json).unwrap(), returns);
}

#[test]
fn the_journal_keeps_this_form() {
    let (directory, mut returns) = world();
    let publication = january();
    let release_at = moment(24 * 40);
    let set = ReturnsEvent::ReleaseSet { publication, release_at, author: "sam".to_owned() };
    returns.apply(&set, moment(24 * 20));
    let mut draft = draft(&directory, &returns, asked(None), moment(24 * 35)).unwrap();
    let content = &mut std::sync::Arc::make_mut(&mut draft.issue).content;
    content.practices.truncate(1);
    let issued = ReturnsEvent::PublicationIssued { issue: draft.issue.clone() };
    let released = ReturnsEvent::IssuesReleased { issues: vec![draft.issue.name.clone()] };
    let lines = [set, issued, released].map(|event| serde_json::to_string(&event).unwrap());
    insta::assert_snapshot!(lines.join("\n"));
    assert_eq!(Day::of(release_at).to_string(), "2031-02-10");
}

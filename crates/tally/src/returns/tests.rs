//! Returns are kept, revised, refused, and read as of any moment.

use super::*;
use crate::testing::{code, date, moment, submission};

fn figures(accounts_with_access: u64) -> Figures {
    Figures { accounts_with_access, ..Figures::default() }
}

fn command(end: Date, returns: &[(u32, u64)]) -> SubmitReturns {
    let returns = returns.iter().map(|(practice, accounts)| (code(*practice), figures(*accounts))).collect();
    SubmitReturns { submission: submission(end), returns }
}

fn submit(returns: &mut Returns, command: &SubmitReturns, hours: i64) {
    for event in returns.decide(command, moment(hours)).unwrap() {
        returns.apply(&event, moment(hours));
    }
}

fn accounts(returns: &Returns, practice: u32, day: i32, known_hours: i64) -> Option<u64> {
    let latest = returns.latest(&Capability::default(), code(practice), date(day).into(), moment(known_hours));
    latest.map(|(_, revision)| revision.figures.accounts_with_access)
}

#[test]
fn the_latest_return_at_or_before_the_day_counts() {
    let mut returns = Returns::default();
    submit(&mut returns, &command(date(10), &[(1, 100)]), 24 * 11);
    submit(&mut returns, &command(date(20), &[(1, 200)]), 24 * 21);
    let at = |day| accounts(&returns, 1, day, 24 * 99);
    assert_eq!([at(9), at(10), at(19), at(20), at(90)], [None, Some(100), Some(100), Some(200), Some(200)]);
    assert_eq!(accounts(&returns, 2, 90, 24 * 99), None);
}

#[test]
fn a_revision_holds_from_now_on_and_the_first_return_stays_readable() {
    let mut returns = Returns::default();
    submit(&mut returns, &command(date(10), &[(1, 100), (2, 50)]), 24 * 11);
    submit(&mut returns, &command(date(10), &[(1, 90), (2, 50)]), 24 * 40);
    assert_eq!(accounts(&returns, 1, 10, 24 * 40 - 1), Some(100));
    assert_eq!(accounts(&returns, 1, 10, 24 * 40), Some(90));
}

#[test]
fn only_news_is_recorded() {
    let mut returns = Returns::default();
    let first = command(date(10), &[(2, 50), (1, 100)]);
    submit(&mut returns, &first, 24 * 11);
    assert_eq!(returns.decide(&first, moment(24 * 12)), Ok(Vec::new()));

    let second = command(date(10), &[(3, 5), (2, 60), (1, 100)]);
    let comparison = returns.compare(&second);
    assert_eq!(comparison.first, [code(3)]);
    assert_eq!(comparison.revised, [code(2)]);
    assert_eq!(comparison.unchanged, [code(1)]);
    let decided = returns.decide(&second, moment(24 * 12)).unwrap().remove(0);
    let ReturnsEvent::ReturnsSubmitted { returns: news, .. } = decided else { panic!("{decided:?} are no returns") };
    assert_eq!(news, [(code(2), figures(60)), (code(3), figures(5))]);
}

#[test]
fn a_period_that_is_not_over_or_is_none_is_refused() {
    let refused = |submission: Submission| {
        let command = SubmitReturns { submission, ..command(date(0), &[(1, 1)]) };
        Returns::default().decide(&command, moment(24 * 10)).unwrap_err()
    };
    assert_eq!(refused(submission(date(11))), ReturnsRejection::PeriodNotOver { end: date(11), today: date(10) });
    let backwards = Submission { period_start: date(6), ..submission(date(5)) };
    assert_eq!(refused(backwards), ReturnsRejection::Period { start: date(6), end: date(5) });
    let endless = Submission { period_start: date(-400), ..submission(date(5)) };
    assert!(matches!(refused(endless), ReturnsRejection::Period { .. }));
    // On the day itself: suppliers count in the evening.
    assert!(Returns::default().decide(&command(date(10), &[(1, 1)]), moment(24 * 10)).is_ok());
}

#[test]
fn a_submission_that_contradicts_itself_is_refused_as_a_whole() {
    let decide = |returns| {
        let command = SubmitReturns { returns, submission: submission(date(5)) };
        Returns::default().decide(&command, moment(24 * 10)).map(|_| ())
    };
    assert_eq!(decide(Vec::new()), Err(ReturnsRejection::Empty));
    let twice = vec![(code(1), figures(1)), (code(2), figures(1)), (code(1), figures(1))];
    assert_eq!(decide(twice), Err(ReturnsRejection::Duplicate { practice: code(1), index: 2 }));
    let many = (0..=RETURNS_MAX as u32).map(|number| (code(number), figures(1))).collect();
    assert_eq!(decide(many), Err(ReturnsRejection::TooMany { count: RETURNS_MAX + 1 }));
    for contradictory in [
        Figures { online_accounts: Some(9), ..figures(10) },
        Figures { patients_registered: Some(9), ..figures(10) },
        Figures { patients_registered: Some(10), excluded_by_review_code: 11, ..figures(10) },
    ] {
        let refused = decide(vec![(code(1), contradictory)]);
        assert!(matches!(refused, Err(ReturnsRejection::Contradiction { .. })), "{contradictory:?}");
    }
}

#[test]
fn the_state_survives_a_snapshot() {
    let mut returns = Returns::default();
    submit(&mut returns, &command(date(10), &[(1, 100), (2, 50)]), 24 * 11);
    submit(&mut returns, &command(date(10), &[(1, 90)]), 24 * 12);
    let json = serde_json::to_string(&returns).unwrap();
    assert_eq!(serde_json::from_str::<Returns>(&json).unwrap(), returns);
}

#[test]
fn the_journal_keeps_this_form() {
    let with_all =
        Figures { online_accounts: Some(20), patients_registered: Some(30), excluded_by_review_code: 1, ..figures(10) };
    let event = ReturnsEvent::ReturnsSubmitted {
        submission: submission(date(10)),
        returns: vec![(code(1), figures(100)), (code(2), with_all)],
    };
    let json = serde_json::to_string(&event).unwrap();
    assert_eq!(serde_json::from_str::<ReturnsEvent>(&json).unwrap(), event);
    insta::assert_snapshot!(json);
}

#[test]
fn who_sent_it_and_published_totals_are_kept_in_this_form() {
    let sender = Some(Sender { account: "nora".to_owned(), reason_code: "CORRECTION".to_owned() });
    let corrected = ReturnsEvent::ReturnsSubmitted {
        submission: Submission { sender, ..submission(date(10)) },
        returns: vec![(code(1), figures(90))],
    };
    let totals = ReturnsEvent::TotalsSubmitted {
        source: "GP_PRAC_PAT_LIST".to_owned(),
        as_at: date(10),
        totals: vec![("regions/Y63".parse().unwrap(), Total { patients: 10, aged_16_and_over: 8 })],
    };
    let mut lines = Vec::new();
    for event in [corrected, totals] {
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<ReturnsEvent>(&json).unwrap(), event);
        lines.push(json);
    }
    insta::assert_snapshot!(lines.join("\n"));
}

//! What holds where those who look say different things.

use jiff::{SignedDuration, Timestamp};
use ods::Capability;
use practice::access::ObservationSource::{self, Inspection, Practice, SupplierConfirmation, SupplierList};
use practice::access::ObservedState::{self, Off, On, Partial, Unknown};
use practice::command::{Observation, Signal};
use practice::pause::{PauseEnd, ReceiptState};
use practice::reasons::{Fact, reasons};
use practice::setting::WrongSetting;
use practice::signal::SignalKind;
use practice::{AsOf, Command, PermitRefusal, View};
use proptest::prelude::*;

use crate::bench::{Bench, START, code, enable, entry, import, observation};
use crate::laws::sources;

type Said = (ObservationSource, ObservedState, i64);

fn at(seconds: i64) -> Timestamp {
    START.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn say(bench: &mut Bench, (source, state, seconds): Said) {
    let said = Observation { source, as_at: Some(at(seconds)), ..observation(state) };
    bench.done(&Command::RecordObservations(vec![said]));
}

/// What was said, in this order, long after the moments it is of.
fn heard(said: &[Said]) -> Bench {
    let mut bench = Bench::new();
    bench.wait(SignedDuration::from_hours(1));
    for word in said {
        say(&mut bench, *word);
    }
    bench
}

/// State, whether it is in dispute, and who says so.
fn verdict(bench: &Bench) -> Option<(ObservedState, bool, ObservationSource)> {
    let verdict = bench.practice().access(&Capability::default())?.verdict()?;
    Some((verdict.state, verdict.is_disputed, verdict.by.source))
}

#[test]
fn the_later_look_holds_and_of_one_moment_two_looks_are_in_dispute() {
    for (said, expected) in [
        ([(SupplierList, Off, 1), (Inspection, On, 2)], (On, false, Inspection)),
        ([(SupplierList, Off, 2), (Inspection, On, 1)], (Off, false, SupplierList)),
        ([(SupplierList, Off, 1), (Inspection, On, 1)], (Unknown, true, SupplierList)),
        ([(SupplierConfirmation, On, 1), (SupplierList, Off, 2)], (Off, false, SupplierList)),
        ([(SupplierList, Unknown, 2), (Inspection, On, 1)], (Unknown, false, SupplierList)),
        ([(Inspection, Unknown, 2), (SupplierList, On, 1)], (On, false, SupplierList)),
    ] {
        assert_eq!(verdict(&heard(&said)), Some(expected), "{said:?}");
    }
}

#[test]
fn a_confirmation_of_an_older_moment_that_arrives_late_takes_its_own_place() {
    let bench = heard(&[(SupplierList, Off, 10), (SupplierConfirmation, On, 5)]);
    assert_eq!(verdict(&bench), Some((Off, false, SupplierList)));
    let view =
        View::as_of(bench.state.practice(code("A81001")).unwrap(), AsOf { effective_at: at(7), known_at: bench.now });
    assert_eq!(view.unwrap().live_since(&Capability::default()), Some(at(5)), "it was on in between");
}

#[test]
fn a_practices_word_holds_alone_and_against_a_look_it_makes_a_dispute() {
    for (said, expected) in [
        (vec![(Practice, On, 1)], (On, false, Practice)),
        (vec![(SupplierList, Off, 1), (Practice, On, 2)], (Unknown, true, Practice)),
        (vec![(SupplierList, On, 1), (Practice, Off, 2)], (Unknown, true, Practice)),
        (vec![(SupplierList, Off, 1), (Practice, On, 2), (SupplierList, Off, 3)], (Off, false, SupplierList)),
        (vec![(SupplierList, Off, 1), (Practice, On, 2), (SupplierList, On, 3)], (On, false, SupplierList)),
        (vec![(SupplierList, Off, 1), (Practice, On, 2), (Inspection, On, 3)], (On, false, Inspection)),
    ] {
        assert_eq!(verdict(&heard(&said)), Some(expected), "{said:?}");
    }
}

#[test]
fn wrong_settings_stand_until_somebody_who_can_tell_says_otherwise() {
    let wrong = (Inspection, Partial, 1);
    for (said, expected) in [
        (vec![wrong, (SupplierList, On, 2)], (Partial, false, Inspection)),
        (vec![wrong, (SupplierList, On, 2), (Practice, On, 3)], (On, false, Practice)),
        (vec![wrong, (Practice, On, 3)], (Partial, false, Inspection)),
        (vec![wrong, (SupplierList, On, 2), (Inspection, On, 3)], (On, false, Inspection)),
        (vec![wrong, (SupplierConfirmation, On, 2)], (On, false, SupplierConfirmation)),
        (vec![wrong, (SupplierList, Off, 2)], (Off, false, SupplierList)),
        (vec![(SupplierList, On, 2), (Practice, Partial, 1)], (Partial, false, Practice)),
        (vec![(Practice, Partial, 1), (Inspection, On, 2)], (On, false, Inspection)),
    ] {
        assert_eq!(verdict(&heard(&said)), Some(expected), "{said:?}");
    }
}

/// Rule 10.
#[test]
fn after_a_change_of_supplier_nobody_but_the_new_one_can_say_what_holds() {
    let mut bench = heard(&[(SupplierList, On, 1), (Practice, On, 2)]);
    let mut moved = entry("A81001");
    moved.supplier = Some("TPP".parse().unwrap());
    bench.done(&import("2031-06-02", vec![moved]));
    for word in [(Inspection, On, 60), (Practice, Off, 61)] {
        say(&mut bench, word);
        assert_eq!(bench.observed(), Some(Unknown));
    }
    say(&mut bench, (SupplierList, On, 62));
    assert_eq!(bench.observed(), Some(On));
}

#[test]
fn in_a_dispute_nobody_is_live_no_pause_has_prevented_and_the_reasons_say_who_says_what() {
    let mut bench = heard(&[(SupplierList, On, 1), (Practice, Off, 2)]);
    let view = View::current(bench.state.practice(code("A81001")).unwrap());
    assert_eq!(view.live_since(&Capability::default()), None);
    let facts: Vec<Fact> = reasons(view, &Capability::default()).into_iter().map(|reason| reason.fact).collect();
    assert_eq!(facts, [Fact::Disputed, Fact::Says(SupplierList, On), Fact::Says(Practice, Off)]);
    assert_eq!(bench.pause(PauseEnd::FurtherNotice), ReceiptState::AlreadyOn, "it is not known to be off");
}

#[test]
fn settings_that_are_wrong_are_kept_by_name_and_others_of_the_same_moment_are_news() {
    let mut bench = heard(&[]);
    let wrong = |setting: &str| WrongSetting {
        setting: setting.to_owned(),
        expected: "visible".to_owned(),
        actual: "hidden".to_owned(),
    };
    let seen = |settings: Vec<WrongSetting>| Observation {
        source: Inspection,
        wrong_settings: settings,
        as_at: Some(at(1)),
        ..observation(Partial)
    };
    for (settings, events_count) in
        [(vec![wrong("letters")], 1), (vec![wrong("letters")], 0), (vec![wrong("notes")], 1)]
    {
        let events = bench.done(&Command::RecordObservations(vec![seen(settings)]));
        assert_eq!(events.len(), events_count);
    }
    let access = bench.practice().access(&Capability::default()).unwrap();
    assert_eq!(access.verdict().unwrap().by.wrong_settings, [wrong("notes")]);
    assert_eq!(access.observations().len(), 2, "all evidence is kept");
}

#[test]
fn a_signal_is_raised_and_cleared_in_both_times_and_changes_no_state() {
    let mut bench = heard(&[(SupplierList, On, 1)]);
    let signal = |is_raised, seconds| {
        Command::RecordSignals(vec![Signal {
            practice: code("A81001"),
            capability: Capability::default(),
            kind: SignalKind::NoViewers,
            is_raised,
            as_at: Some(at(seconds)),
            evidence: "statistics".to_owned(),
        }])
    };
    bench.done(&signal(true, 10));
    assert!(bench.done(&signal(true, 10)).is_empty(), "it is known");
    let told = bench.now;
    bench.wait(SignedDuration::from_secs(1));
    bench.done(&signal(false, 20));
    let raised = |effective_at, known_at| {
        let practice = bench.state.practice(code("A81001")).unwrap();
        let view = View::as_of(practice, AsOf { effective_at, known_at }).unwrap();
        view.signals(&Capability::default()).map(|(kind, _)| kind).collect::<Vec<_>>()
    };
    assert_eq!(raised(at(9), bench.now), []);
    assert_eq!(raised(at(19), bench.now), [SignalKind::NoViewers]);
    assert_eq!(raised(at(30), bench.now), []);
    assert_eq!(raised(at(30), told), [SignalKind::NoViewers], "as it was believed");
    assert_eq!(bench.observed(), Some(On));
}

fn words() -> impl Strategy<Value = Vec<Said>> {
    let state = prop_oneof![Just(Off), Just(On), Just(Partial), Just(Unknown)];
    proptest::collection::vec((sources(), state, 1..30i64), 0..8)
}

proptest! {
    #[test]
    fn the_order_in_which_words_of_different_moments_arrive_changes_nothing(
        (mut said, shuffled) in words().prop_flat_map(|said| (Just(said.clone()), Just(said).prop_shuffle())),
    ) {
        said.sort_by_key(|(_, _, seconds)| *seconds);
        prop_assume!(said.windows(2).all(|pair| pair[0].2 != pair[1].2));
        prop_assert_eq!(verdict(&heard(&said)), verdict(&heard(&shuffled)));
    }

    /// What was so before there was more than one witness.
    #[test]
    fn of_the_supplier_alone_the_latest_word_holds(said in words()) {
        let is_supplier = |source| matches!(source, SupplierConfirmation | SupplierList);
        let said: Vec<Said> = said.into_iter().filter(|(source, _, _)| is_supplier(*source)).collect();
        // A word that is told again is none: observers repeat themselves when a reply was lost.
        let mut sorted: Vec<Said> = Vec::new();
        for word in &said {
            if !sorted.contains(word) {
                sorted.push(*word);
            }
        }
        // Stable: of one moment, the last told.
        sorted.sort_by_key(|(_, _, seconds)| *seconds);
        prop_assert_eq!(heard(&said).observed(), sorted.last().map(|(_, state, _)| *state));
    }

    /// I28: however often anybody has said otherwise before.
    #[test]
    fn a_suppliers_list_that_is_later_than_all_else_and_says_off_shows_as_off(mut said in words()) {
        said.push((SupplierList, Off, 30));
        prop_assert_eq!(verdict(&heard(&said)), Some((Off, false, SupplierList)));
    }

    /// Cautious in both directions.
    #[test]
    fn who_is_live_was_last_seen_on_by_somebody_and_who_is_in_dispute_is_neither_live_nor_off(said in words()) {
        let bench = heard(&said);
        let practice = bench.state.practice(code("A81001")).unwrap();
        let view = View::current(practice);
        let capability = Capability::default();
        let standing: Vec<_> = view.standing(&capability).words().cloned().collect();
        let Some(verdict) = view.observed(&capability) else { return Ok(()) };
        let is_live = verdict.state == On;
        prop_assert_eq!(view.live_since(&capability).is_some(), is_live);
        if is_live {
            prop_assert_eq!(verdict.by.state, On);
            let off_since = standing.iter().any(|word| word.state == Off && word.as_at >= verdict.as_at);
            prop_assert!(!off_since, "{standing:?}");
        }
        if verdict.is_disputed {
            prop_assert_eq!(verdict.state, Unknown);
            prop_assert!(standing.iter().any(|word| word.state == Off));
            prop_assert!(standing.iter().any(|word| matches!(word.state, On | Partial)));
            let mut asked = Bench { state: bench.state.clone(), now: bench.now, events: Vec::new() };
            prop_assert_ne!(asked.pause(PauseEnd::FurtherNotice), ReceiptState::Prevented);
        }
        let mut asked = Bench { state: bench.state.clone(), now: bench.now, events: Vec::new() };
        let refusal = asked.acquire(&enable(1));
        prop_assert_eq!(refusal == Some(PermitRefusal::AlreadyOn), is_live);
    }
}

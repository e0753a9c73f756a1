//! What a programme demands of the readiness checklist: the step admits nobody who lacks it, and the explanation says of
//! each item who acts and what clears it.

use jiff::civil::date;
use rollout::effects::items_to_tell;
use rollout::{AdviceFacts, Blocker, Explanation, ItemState, ReadinessFacts, explain};

use crate::world::{World, begun, code, moment, one_wave, target};

/// Everybody is told and the window opens on 6 May at eight.
const OPENS: &str = "2031-05-06T07:00:00Z";

fn world(readiness: &str) -> World {
    World::running(6, &one_wave("").replace("gate:", &format!("readiness:\n{readiness}gate:")))
}

fn item(item: &str, state: ItemState) -> ReadinessFacts {
    ReadinessFacts { state, ..begun(item) }
}

fn explained(world: &World, number: u32) -> Explanation {
    explain(&world.state, &world.registry.view, &target(code(number)), world.now)
}

fn not_ready(explanation: &Explanation) -> Vec<String> {
    let lacking = explanation.blockers.iter().filter(|blocker| blocker.code() == "NOT_READY");
    lacking.map(ToString::to_string).collect()
}

#[test]
fn nobody_goes_live_who_lacks_an_item_that_the_programme_requires() {
    let mut world = world("  dpia: {}\n  staff-training: {}\n  communications: {required: false}\n");
    let ready = vec![item("dpia", ItemState::Complete), item("staff-training", ItemState::Complete)];
    world.registry.change(code(1), |facts| facts.readiness = ready.clone());
    world.registry.change(code(2), |facts| facts.readiness = vec![item("dpia", ItemState::Complete)]);
    world.registry.change(code(3), |facts| facts.readiness = vec![begun("communications")]);
    world.run_until(OPENS);
    assert_eq!(world.count_on(), 1);
    assert!(world.is_on(code(1)));

    let lacking = explained(&world, 2);
    assert_eq!(not_ready(&lacking), ["not ready: staff-training is not begun (practice manager sees to it)"]);
    assert_eq!(lacking.blockers[0].owner().to_string(), "practices/A00002");
    assert_eq!(lacking.blockers[0].clears_by(), "The practice completes staff-training.");
    assert_eq!(not_ready(&explained(&world, 3)).len(), 2, "one for each item, and none for what is not required");

    world.registry.change(code(2), |facts| facts.readiness = ready);
    world.settle();
    assert!(world.is_on(code(2)), "what clears it does");
}

#[test]
fn an_explanation_names_whom_the_practice_named_and_by_when() {
    let mut world = world("  dpia: {}\n");
    let due_date = Some(date(2031, 5, 20));
    let doing = ReadinessFacts { owner: "Dr Hill's deputy".into(), due_date, ..begun("dpia") };
    world.registry.change(code(1), |facts| facts.readiness = vec![doing]);
    let said = "not ready: dpia is under way (Dr Hill's deputy sees to it by 20 May 2031)";
    assert_eq!(not_ready(&explained(&world, 1)), [said]);
}

#[test]
fn whether_an_item_may_be_said_not_to_apply_is_the_programmes_to_say() {
    let mut world = world("  dpia: {}\n  proxy-and-under-16-policy: {may_be_not_applicable: true}\n");
    let state = ItemState::NotApplicable;
    let said = vec![item("dpia", state), item("proxy-and-under-16-policy", state)];
    world.registry.change(code(1), |facts| facts.readiness = said);
    let lacking = not_ready(&explained(&world, 1));
    assert_eq!(lacking.len(), 1);
    assert!(lacking[0].starts_with("not ready: dpia is said not to apply"), "{}", lacking[0]);
}

#[test]
fn what_was_done_too_long_ago_counts_no_longer_by_the_programmes_own_rule() {
    let mut world = world("  dpia: {valid_for_days: 30}\n");
    let done = |due_date| ReadinessFacts { due_date: Some(due_date), ..item("dpia", ItemState::Complete) };
    world.registry.change(code(1), |facts| facts.readiness = vec![done(date(2031, 3, 30))]);
    // Done when it was recorded, and not on a day that was still to come then.
    world.registry.change(code(2), |facts| facts.readiness = vec![done(date(2031, 12, 1))]);
    let own_end = ReadinessFacts { expires_at: Some(moment("2031-06-01T00:00:00Z")), ..done(date(2031, 3, 1)) };
    world.registry.change(code(3), |facts| facts.readiness = vec![own_end]);
    world.jump(moment("2031-04-28T12:00:00Z"));
    assert!(not_ready(&explained(&world, 1)).is_empty());
    world.jump(moment("2031-04-29T12:00:00Z"));
    let said = "not ready: dpia has been out of date since 29 April 2031 (data protection officer sees to it)";
    assert_eq!(not_ready(&explained(&world, 1)), [said]);
    assert_eq!(explained(&world, 1).blockers[0].clears_by(), "The practice completes dpia anew.");
    assert!(not_ready(&explained(&world, 2)).is_empty());
    world.jump(moment("2031-05-02T12:00:00Z"));
    assert_eq!(not_ready(&explained(&world, 2)).len(), 1);
    assert!(not_ready(&explained(&world, 3)).is_empty(), "the record's own end counts");
}

/// Rule 15: what permits less does not wait for the registry's event.
#[test]
fn an_item_whose_time_is_over_counts_as_expired_before_its_event() {
    let mut world = world("  dpia: {}\n");
    let expires_at = Some(moment("2031-05-06T07:00:00Z"));
    for number in 1..=6 {
        let expires_at = expires_at.filter(|_| number == 1);
        let done = ReadinessFacts { expires_at, ..item("dpia", ItemState::Complete) };
        world.registry.change(code(number), |facts| facts.readiness = vec![done]);
    }
    world.run_until(OPENS);
    assert_eq!(world.count_on(), 5);
    assert_eq!(not_ready(&explained(&world, 1)), ["not ready: dpia has expired (data protection officer sees to it)"]);
}

#[test]
fn without_a_template_what_was_begun_and_is_not_done_stands_in_the_way() {
    let mut world = World::running(3, &one_wave(""));
    world.registry.change(code(1), |facts| facts.readiness = vec![begun("dpia")]);
    world.registry.change(code(2), |facts| facts.readiness = vec![item("dpia", ItemState::NotApplicable)]);
    world.run_until(OPENS);
    assert_eq!((world.is_on(code(1)), world.is_on(code(2)), world.is_on(code(3))), (false, true, true));
    let mut nothing_demanded = self::world("  dpia: {required: false}\n");
    nothing_demanded.registry.change(code(1), |facts| facts.readiness = vec![begun("dpia")]);
    nothing_demanded.run_until(OPENS);
    assert_eq!(nothing_demanded.count_on(), 6);
}

#[test]
fn a_template_is_checked_when_it_is_written() {
    let world = World::new((1..=6).map(crate::world::practice));
    let template = "readiness:
  dpai: {}
  dpia: {title: Ours, valid_for_days: 0}
  Imaging: {}
  imaging-review: {title: Images, description: Images have been looked through.}
gate:";
    let wrong = world.expand(&one_wave("").replace("gate:", template)).unwrap_err();
    let said: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "readiness.Imaging: \"Imaging\" is no name of a readiness item; one is like staff-training",
            "readiness.dpai: dpai is no item of the catalogue; an item of the programme's own has a title and a description",
            "readiness.dpia: dpia is an item of the catalogue, which says what it is",
            "readiness.dpia.valid_for_days: must be above 0",
        ]
    );
}

#[test]
fn the_registry_is_told_once_of_items_that_are_the_programmes_own() {
    let own = "  dpia: {}\n  imaging-review: {title: Images, description: Images have been looked through., usual_owner: clinical lead}\n";
    let text = one_wave("").replace("gate:", &format!("readiness:\n{own}gate:"));
    let mut world = World::new((1..=6).map(crate::world::practice));
    assert!(items_to_tell(&world.state).is_empty());
    world.put_in_force(&text).unwrap();
    let told = items_to_tell(&world.state);
    assert_eq!((told.len(), told[0].items.len(), told[0].items[0].0.as_str()), (1, 1, "imaging-review"));
    world.settle();
    assert!(items_to_tell(&world.state).is_empty());
    assert_eq!(world.count_events("readiness-told"), 1);
    assert_eq!(world.folded(), world.state);
    let said = "not ready: imaging-review is not begun (clinical lead sees to it)";
    assert_eq!(not_ready(&explained(&world, 1))[1], said);
}

/// Only pauses and holds stop a go-live; the people who decide are told all the same.
#[test]
fn advice_and_cases_are_told_for_information_and_are_in_nobodys_way() {
    let mut world = World::running(3, &one_wave(""));
    let wait = AdviceFacts {
        number: 1,
        is_to_wait: true,
        capability: None,
        source: "organisations/QHM".into(),
        reference: String::new(),
        category: String::new(),
        from: moment("2031-04-01T08:00:00Z"),
        until: Some(moment("2031-07-01T00:00:00Z")),
        review_on: None,
    };
    let case = AdviceFacts {
        number: 2,
        is_to_wait: false,
        source: "national service desk".into(),
        reference: "INC-77".into(),
        category: "wrong-settings".into(),
        until: None,
        review_on: Some(date(2031, 5, 1)),
        ..wait.clone()
    };
    let other =
        AdviceFacts { number: 3, capability: Some("capabilities/historic-records".parse().unwrap()), ..wait.clone() };
    world.registry.change(code(1), |facts| facts.advice = vec![wait, case, other]);
    let explanation = explained(&world, 1);
    let said: Vec<String> = explanation.information.iter().map(|one| format!("{} {one}", one.code())).collect();
    assert_eq!(
        said,
        [
            "ADVICE_TO_WAIT organisations/QHM advises to wait, since 1 April 2031, until 1 July 2031",
            "SUPPORT_CASE support case INC-77 (wrong-settings) at national service desk, open since 1 April 2031, to be \
             reviewed on 1 May 2031",
        ]
    );
    assert_eq!(explanation.information[1].resource(), "practices/A00001/advice/2");
    assert!(
        explanation
            .blockers
            .iter()
            .all(|blocker| matches!(blocker, Blocker::WaveNotOpen { .. } | Blocker::Shut { .. }))
    );
    world.run_until(OPENS);
    assert!(world.is_on(code(1)));
}

//! Documents as users write them: read strictly, and refused with everything that is wrong at once (I8).

use rollout::spec::{Existing, Mode, ProgrammeSpec, Take};
use rollout::{Act, Rejection, WaveId};

use crate::world::{SPRING, World, alice, calendar, document, moment, one_wave, practice};

fn wrong(text: &str) -> Vec<String> {
    let existing = Existing { calendar: &calendar(), now: moment("2031-04-01T08:00:00Z"), programme: None };
    document(text).spec.check(&existing).iter().map(ToString::to_string).collect()
}

#[test]
fn a_document_is_read_as_written() {
    let spec = document(SPRING).spec.clone();
    assert_eq!(wrong(SPRING), Vec::<String>::new());
    assert_eq!(spec.capability.as_str(), "capabilities/prospective-records");
    assert_eq!((spec.waves[0].take, spec.waves[1].take), (Take::Practices(10), Take::All));
    assert_eq!(spec.waves[1].after, [WaveId(1)]);
    assert!(spec.suppliers.values().all(|supplier| supplier.mode == Mode::Push && supplier.attempts == 3));
    let json = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<ProgrammeSpec>(&json).unwrap(), spec);
}

#[test]
fn an_unknown_field_is_refused_wherever_it_stands() {
    for (from, to) in [
        ("seed: 7", "sede: 7"),
        ("    title: First practices", "    titel: First practices"),
        ("{mode: push}", "{mode: push, speed: 3}"),
        ("national: {practices: 10}", "national: {practises: 10}"),
        ("min_sample: 5", "min_sample: 5, max_sample: 9"),
        ("    to: \"18:00\"", "    to: \"18:00\"\n    on: monday"),
    ] {
        let text = SPRING.replace(from, to);
        assert_ne!(text, SPRING);
        let error = serde_saphyr::from_str::<ProgrammeSpec>(&text).unwrap_err().to_string();
        assert!(error.contains("unknown field"), "{error}");
    }
}

#[test]
fn values_that_cannot_be_are_refused_as_they_are_read() {
    for (from, to) in [
        ("min_success: 0.9", "min_success: 90"),
        ("from: 2031-05-06", "from: 2031-02-30"),
        ("\"08:00\"", "\"8 o'clock\""),
        ("monday,", "mon,"),
        ("mode: push", "mode: shove"),
        ("name: spring", "name: Spring 2031"),
        ("take: {practices: 10}", "take: some"),
        ("  EMIS: {mode: push}", "  \"E/MIS\": {mode: push}"),
    ] {
        let text = SPRING.replace(from, to);
        assert_ne!(text, SPRING);
        assert!(serde_saphyr::from_str::<ProgrammeSpec>(&text).is_err(), "{to}");
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_its_path() {
    let text = "
name: spring
cohort: practice.lists_size > 0
windows: []
freezes: [{first: 2031-05-20, last: 2031-05-01, why: wrong way round}]
notice_working_days: 10
caps: {daily: {national: {practices: 0}}, in_flight: {suppliers: {EMIS: {patients: 0}}}}
gate: {min_success: 0, min_sample: 0, soak: -1h, timeout: 72h}
suppliers:
  EMIS: {mode: push, attempts: 0}
  TPP: {mode: booked-dates}
waves:
  - {wave: 1, from: 2031-05-06, until: 2031-05-01, cohort: practice.list_size, practices: [A00001]}
  - {wave: 1, from: 2031-05-06, suppliers: [Medicus], take: {practices: 0}, after: [3]}
  - {wave: 2, from: 2031-05-06, objections_until: 2031-05-07T17:00, deferred_to: 9}
  - {wave: 3, from: 2031-05-06, deferred_to: 3}
  - {wave: 4, from: 2032-05-06}
  - {wave: 5, from: 2031-04-03}
";
    insta::assert_snapshot!(wrong(text).join("\n"));
}

#[test]
fn a_window_that_never_opens_is_said() {
    let at = |from: &str, until: &str| {
        let text = SPRING.replace("2031-05-06", from).replace("until: 2031-05-07", &format!("until: {until}"));
        wrong(&text).join("\n")
    };
    // A bank holiday weekend.
    let never = "waves[0].from: no window opens from 2031-05-03 to 2031-05-05";
    assert_eq!(at("2031-05-03", "2031-05-05"), never);
    let weekends = SPRING.replace("[monday, tuesday, wednesday, thursday, friday]", "[saturday, sunday]");
    let said = wrong(&weekends);
    assert_eq!(said.len(), 2);
    assert!(said[0].ends_with("no window lies on a day from Monday to Friday"), "{}", said[0]);
    let frozen = SPRING.replace("notice_", "freezes: [{first: 2031-05-01, last: 2031-05-09, why: exams}]\nnotice_");
    assert_eq!(wrong(&frozen), ["waves[0].from: no window opens from 2031-05-06 to 2031-05-07"]);
}

#[test]
fn a_wave_before_its_notice_can_be_given_is_said() {
    let text = SPRING.replace("2031-05-06", "2031-04-16").replace("until: 2031-05-07", "until: 2031-04-16");
    let said = "waves[0].from: with 10 working days' notice from today, the earliest date is 2031-04-17";
    assert_eq!(wrong(&text), [said]);
}

#[test]
fn a_date_beyond_the_last_known_bank_holiday_is_said() {
    let text = one_wave("    until: 2031-12-31");
    let said = "waves[0].until: 2031-12-31 is beyond the last known bank holiday (2031-12-26)";
    assert_eq!(wrong(&text), [said]);
}

#[test]
fn booked_dates_are_checked() {
    let booking = |dates: &str| {
        let supplier =
            format!("  TPP: {{mode: booked-dates, dates: {dates}, cut_off: {{days_before: 5, at: \"17:00\"}}}}");
        one_wave("    until: 2031-05-16\n    suppliers: [TPP]").replace("  TPP: {mode: push}", &supplier)
    };
    let booked = |dates: &str| wrong(&booking(dates));
    assert_eq!(booked("[2031-05-13]"), Vec::<String>::new());
    assert_eq!(booked("[2031-06-10]"), ["waves[0].from: no booked date of TPP lies from 2031-05-06 to 2031-05-16"]);
    let closed = "suppliers.TPP.dates: 2031-05-10 takes no go-live: weekend";
    assert_eq!(booked("[2031-05-10]"), [closed]);
    let release = "freezes: [{first: 2031-05-12, last: 2031-05-13, why: release 9}], dates";
    let said = wrong(&booking("[2031-05-13]").replace(" dates:", &format!(" {release}:")));
    assert_eq!(said, ["suppliers.TPP.dates: 2031-05-13 takes no go-live: freeze day: release 9"]);
}

#[test]
fn a_supplier_that_has_frozen_all_days_of_a_wave_that_names_it_is_said() {
    let frozen = |last: &str, suppliers: &str| {
        let release = format!("TPP: {{mode: push, freezes: [{{first: 2031-05-06, last: {last}, why: release 9}}]}}");
        let wave = format!("    until: 2031-05-08\n    suppliers: {suppliers}");
        wrong(&one_wave(&wave).replace("TPP: {mode: push}", &release))
    };
    assert_eq!(frozen("2031-05-07", "[TPP]"), Vec::<String>::new());
    assert_eq!(frozen("2031-05-09", "[EMIS]"), Vec::<String>::new());
    let said = "suppliers.TPP.freezes: no window opens from 2031-05-06 to 2031-05-08";
    assert_eq!(frozen("2031-05-09", "[EMIS, TPP]"), [said]);
    assert_eq!(
        frozen("2031-05-05", "[TPP]"),
        ["suppliers.TPP.freezes: the freeze from 2031-05-06 to 2031-05-05 ends before it begins"]
    );
}

#[test]
fn a_programme_whose_cohort_nobody_matches_is_refused() {
    let mut world = World::new((1..=20).map(practice));
    let nobody = SPRING.replace("practice.list_size > 0", "practice.icb_code == \"QZZ\"");
    let refused = world.submit_plan(&nobody).unwrap_err();
    let Rejection::Invalid(violations) = refused else { panic!("{refused:?}") };
    let fields: Vec<_> = violations.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(fields, ["cohort", "waves[0].cohort", "waves[1].cohort"]);
    let unknown = SPRING.replace("    take: {practices: 10}", "    practices: [A99999]");
    let refused = world.submit_plan(&unknown).unwrap_err();
    assert!(
        matches!(refused, Rejection::Invalid(all) if all[0].to_string() == "waves[0].practices: A99999 is not an open practice of the registry")
    );
}

#[test]
fn a_document_of_another_programme_or_capability_does_not_replace_this_one() {
    let mut world = World::new((1..=20).map(practice));
    world.act(&alice(), Act::CreateProgramme { document: document(SPRING) }).unwrap();
    let programme = crate::world::programme();
    let other = document(&SPRING.replace("name: spring", "name: autumn\ncapability: capabilities/historic-records"));
    let refused = world.act(&alice(), Act::UpdateProgramme { programme, document: other }).unwrap_err();
    let Rejection::Invalid(violations) = refused else { panic!("{refused:?}") };
    let fields: Vec<_> = violations.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(fields, ["name", "capability"]);
    let again = world.act(&alice(), Act::CreateProgramme { document: document(SPRING) });
    assert_eq!(again, Err(Rejection::ProgrammeExists(crate::world::programme())));
}

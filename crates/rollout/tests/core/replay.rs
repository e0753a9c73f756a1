//! The programme of the golden replay: every version of it is a document that can be planned, in all three modes.

use std::path::Path;
use std::sync::Arc;

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use rollout::calendar::{BankHolidays, Calendar, day_bounds};
use rollout::plan::{Expansion, expand};
use rollout::spec::{Mode, ProgrammeSpec};
use rollout::{RegistryView, State, decide};

use crate::world::{alice, practice};

fn documents() -> Vec<ProgrammeSpec> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/golden-replay/programme.yaml");
    serde_saphyr::from_multiple(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// No holiday but one, far enough ahead: which days were closed is the world's to say.
fn state() -> State {
    let mut state = State::default();
    let bank_holidays = BankHolidays::from_iter([(date(2035, 12, 26), "Boxing Day")]);
    let calendar = Calendar { bank_holidays, ..Calendar::default() };
    let act = rollout::Act::UpdateCalendar { calendar };
    let command = rollout::Command::Person { by: alice(), reason_code: "TEST".into(), act };
    for event in decide(&state, &command, Timestamp::UNIX_EPOCH).unwrap() {
        rollout::apply(&mut state, &event, 1, Timestamp::UNIX_EPOCH);
    }
    state
}

#[test]
fn each_version_can_be_planned_before_its_first_wave() {
    let (state, view) = (state(), RegistryView::new(1, (1..=2_500).map(practice)));
    let documents = documents();
    assert!(documents.len() >= 6);
    for (number, spec) in (1..).zip(documents) {
        let first = spec.waves.iter().map(|wave| wave.from).min().unwrap();
        // Longer than any of them owes notice.
        let now = day_bounds(first).0.checked_sub(SignedDuration::from_hours(24 * 40)).unwrap();
        let plan = expand(Expansion { spec: &Arc::new(spec), state: &state, view: &view, now });
        let plan = plan.unwrap_or_else(|wrong| panic!("document {number}: {wrong:#?}"));
        assert!(plan.load().practices > 0, "document {number}");
    }
}

#[test]
fn all_three_modes_deferral_and_each_kind_of_deadline_are_in_it() {
    let documents = documents();
    let modes = documents.iter().flat_map(|spec| spec.suppliers.values()).map(|supplier| supplier.mode);
    let modes: std::collections::BTreeSet<Mode> = modes.collect();
    assert_eq!(modes.len(), 3);
    assert!(documents.iter().any(|spec| spec.deadline.is_none()));
    assert!(documents.iter().filter(|spec| spec.deadline.is_some()).count() >= 3);
    assert!(documents.iter().flat_map(|spec| &spec.waves).filter(|wave| wave.deferred_to.is_some()).count() >= 2);
    // A wave's number stays with it: listed again only as it is.
    let mut waves = std::collections::BTreeMap::new();
    for wave in documents.iter().flat_map(|spec| &spec.waves) {
        assert_eq!(waves.entry(wave.wave).or_insert(wave), &wave);
    }
}

//! The guards that are taken away: where each stands, what is left without it, and the test that must find that.

use anyhow::ensure;

/// A guard of an invariant.
pub(super) struct Guard {
    /// `I7`.
    pub(super) invariant: &'static str,
    /// What it does, in a few words.
    pub(super) what: &'static str,
    /// The file it stands in.
    pub(super) file: &'static str,
    /// Its text, which occurs there once.
    pub(super) text: &'static str,
    /// What is left without it.
    pub(super) left: &'static str,
    /// The package of the test.
    pub(super) package: &'static str,
    /// Which of its targets: `["--test", "core"]`.
    pub(super) target: &'static [&'static str],
    /// The test's name, or how its path ends.
    pub(super) test: &'static str,
}

impl Guard {
    /// The file's text without it.
    ///
    /// # Errors
    /// Where it does not stand there exactly once.
    pub(super) fn taken_away(&self, text: &str) -> anyhow::Result<String> {
        let count = text.matches(self.text).count();
        ensure!(count == 1, "{}: “{}” occurs {count} times, not once: {}", self.file, self.text, self.what);
        Ok(text.replacen(self.text, self.left, 1))
    }

    /// Its row in `docs/testing.md`.
    pub(super) fn row(&self) -> String {
        let Self { invariant, what, file, test, .. } = self;
        format!("| {invariant} | {what} (`{file}`) | `{test}` |")
    }
}

const CORE: &[&str] = &["--test", "core"];
const SUITE: &[&str] = &["--test", "suite"];
const MACHINE: &[&str] = &["--test", "machine"];
const LIB: &[&str] = &["--lib"];

/// All of them, by invariant.
pub(super) const GUARDS: &[Guard] = &[
    Guard {
        invariant: "I5",
        what: "a seal looks at the caps of its day",
        file: "crates/rollout/src/room.rs",
        text: ".all(|scope| sealed.of(&scope).plus(activation.load()).within(caps.of(&scope)))",
        left: ".all(|scope| sealed.of(&scope).plus(activation.load()).within(caps.of(&scope)) || true)",
        package: "rollout",
        target: CORE,
        test: "i05_a_slot_is_not_sealed_into_a_day_that_another_programme_has_used_up",
    },
    Guard {
        invariant: "I5",
        what: "what other programmes have under way counts",
        file: "crates/rollout/src/room.rs",
        text: "let in_flight = sum(state.programmes.values().map(|programme| &programme.in_flight));",
        left: "let in_flight = sum(state.programmes.values().take(1).map(|programme| &programme.in_flight));",
        package: "rollout",
        target: CORE,
        test: "i05_what_one_programme_has_under_way_counts_against_the_in_flight_caps_of_another",
    },
    Guard {
        invariant: "I6",
        what: "evidence that is not complete is not enough",
        file: "crates/rollout/src/state/gate.rs",
        text: "if self.complete { terms.verdict",
        left: "if self.complete || true { terms.verdict",
        package: "rollout",
        target: CORE,
        test: "i06_less_evidence_and_more_failures_never_pass",
    },
    Guard {
        invariant: "I6",
        what: "patients of whom no return tells may all be kept out",
        file: "crates/rollout/src/state/gate.rs",
        text: "Verdict::between(kept(excluded.saturating_add(*without_return)), kept(*excluded))",
        left: "Verdict::between(kept(*excluded), kept(excluded.saturating_add(*without_return * 0)))",
        package: "rollout",
        target: CORE,
        test: "i06_no_condition_passes_on_less_evidence_nor_on_one_more_failure",
    },
    Guard {
        invariant: "I7",
        what: "what a gate asks about is whoever was commanded",
        file: "crates/rollout/src/gate.rs",
        text: "wave.enrolments().filter(move |enrolment| enrolment.commanded && is_on(enrolment.stage.state()))",
        left: "wave.enrolments().filter(move |enrolment| enrolment.commanded && !is_on(enrolment.stage.state()))",
        package: "rollout",
        target: CORE,
        test: "i07_figures_are_of_the_practices_that_were_switched_on_or_may_have_been",
    },
    Guard {
        invariant: "I8",
        what: "a document with mistakes is no plan",
        file: "crates/rollout/src/plan/expand.rs",
        text: "if !violations.is_empty() {\n        return Err(violations);",
        left: "if violations.len() > 1_000 {\n        return Err(violations);",
        package: "rollout-scheduler",
        target: SUITE,
        test: "i08_a_document_that_cannot_work_is_refused_with_the_path_of_each_mistake",
    },
    Guard {
        invariant: "I9",
        what: "a halt is acknowledged before it is lifted",
        file: "crates/rollout/src/decide/hold.rs",
        text: "if hold.is_halt() && hold.acknowledged.is_none() {",
        left: "if hold.is_halt() && hold.acknowledged.is_none() && hold.id.0 == 0 {",
        package: "rollout",
        target: CORE,
        test: "i09_a_wave_that_fails_halts_its_programme_until_a_person_has_decided_acknowledged_and_lifted",
    },
    Guard {
        invariant: "I11",
        what: "lifting takes one hold away",
        file: "crates/rollout/src/apply.rs",
        text: "state.holds_active.remove(hold);",
        left: "state.holds_active.clear();",
        package: "rollout",
        target: CORE,
        test: "i11_lifting_one_hold_leaves_the_others",
    },
    Guard {
        invariant: "I12",
        what: "a due moment that is settled is settled no more",
        file: "crates/rollout/src/decide.rs",
        text: "if pending {\n            self.record(Event::DueSettled { due, outcome });",
        left: "if pending || true {\n            self.record(Event::DueSettled { due: due.clone(), outcome: outcome.clone() });\n            self.record(Event::DueSettled { due, outcome });",
        package: "rollout",
        target: CORE,
        test: "i12_each_window_of_a_wave_has_its_outcome",
    },
    Guard {
        invariant: "I13",
        what: "a day's cap is a day's, however many days were lost",
        file: "crates/rollout/src/state/load.rs",
        text: "cap.practices.is_none_or(|most| self.practices <= most)",
        left: "cap.practices.is_none_or(|most| self.practices <= most * 2)",
        package: "rollout",
        target: CORE,
        test: "i13_an_outage_of_any_length_leads_to_no_burst",
    },
    Guard {
        invariant: "I14",
        what: "after a window comes the next one, not the next from now on",
        file: "crates/rollout/src/decide/wave.rs",
        text: "let from = closes.max(after(settled.at));",
        left: "let from = closes.max(after(settled.at)).max(self.now);",
        package: "rollout",
        target: CORE,
        test: "i14_time_going_backwards_repeats_nothing_and_forwards_skips_nothing_silently",
    },
    Guard {
        invariant: "I15",
        what: "a time that clocks show twice is its first occurrence",
        file: "crates/ods/src/civil.rs",
        text: "AmbiguousOffset::Fold { before: offset, .. }",
        left: "AmbiguousOffset::Fold { after: offset, .. }",
        package: "rollout",
        target: LIB,
        test: "i15_membership_in_every_minute_round_each_change_of_the_clocks_agrees_with_another_library",
    },
    Guard {
        invariant: "I16",
        what: "a window on a closed day is skipped",
        file: "crates/rollout/src/calendar/timetable.rs",
        text: "self.go_live_day(date).map_err(Shut::Closed)?;",
        left: "let _ = self.go_live_day(date).map_err(Shut::Closed);",
        package: "rollout",
        target: CORE,
        test: "i16_a_holiday_announced_after_approval_takes_effect",
    },
    Guard {
        invariant: "I17",
        what: "a call without an answer settles nothing",
        file: "crates/rollout/src/decide/activation.rs",
        text: "SupplierAnswer::NoAnswer => standing.push((key.clone(), Standing::Unknown { ask_at: again })),",
        left: "SupplierAnswer::NoAnswer => settlements.push(settle(docket, activation, Outcome::NotApplied)),",
        package: "rollout",
        target: CORE,
        test: "i17_unknown_is_only_ever_resolved_by_the_suppliers_answer_and_counts_in_flight",
    },
    Guard {
        invariant: "I18",
        what: "who does not answer is asked",
        file: "crates/rollout/src/effects.rs",
        text: "ActivationState::Sent | ActivationState::Acked | ActivationState::Unknown => Call::Ask,",
        left: "ActivationState::Sent | ActivationState::Acked | ActivationState::Unknown => return None,",
        package: "simulation",
        target: &["--test", "seeds"],
        test: "i18_once_what_went_wrong_is_put_right_every_wave_ends_and_nothing_is_owed",
    },
    Guard {
        invariant: "I19",
        what: "whoever wrote a plan does not approve it",
        file: "crates/rollout/src/decide/plan.rs",
        text: "if record.editors.contains(person.by) || programme.editors.contains_key(person.by) {",
        left: "if record.editors.contains(person.by) && programme.editors.contains_key(person.by) {",
        package: "rollout",
        target: CORE,
        test: "i19_nobody_approves_what_they_wrote",
    },
    Guard {
        invariant: "I20",
        what: "all of the state is in its snapshot",
        file: "crates/rollout/src/state.rs",
        text: "    #[serde(with = \"crate::pairs\")]\n    pub access:",
        left: "    #[serde(skip)]\n    pub access:",
        package: "rollout",
        target: CORE,
        test: "i20_the_state_is_the_fold_of_the_journal_and_survives_a_snapshot",
    },
    Guard {
        invariant: "I21",
        what: "a part that failed rests, and no other",
        file: "services/rollout-scheduler/src/patience.rs",
        text: "self.failed.insert(part, Rest { length, until });\n                Ok(None)",
        left: "self.failed.insert(part, Rest { length, until });\n                Err(LeaseLost)",
        package: "rollout-scheduler",
        target: SUITE,
        test: "i21_a_judgement_that_cannot_be_told_stops_no_wave",
    },
    Guard {
        invariant: "I22",
        what: "a practice that paused is withdrawn, not put off",
        file: "crates/rollout/src/decide/wave.rs",
        text: "(Some(reason), _) => EnrolmentStage::Withdrawn { reason },",
        left: "(Some(_), _) => EnrolmentStage::Deferred { reason: Deferral::NoNotice },",
        package: "rollout",
        target: CORE,
        test: "i22_a_practice_that_paused_is_not_admitted_again_when_it_resumes",
    },
    Guard {
        invariant: "I22",
        what: "who was reverted is planned only by name",
        file: "crates/rollout/src/plan/free.rs",
        text: "if self.reverted && !wave.practices.contains(&self.facts.code) {",
        left: "if self.reverted && wave.practices.contains(&self.facts.code) {",
        package: "rollout",
        target: CORE,
        test: "i22_who_was_reverted_is_taken_by_no_later_wave_but_one_that_names_it",
    },
    Guard {
        invariant: "I22",
        what: "who was reverted has a slot only by a plan made since",
        file: "crates/rollout/src/eligibility.rs",
        text: "(!is_named_since(programme, enrolment.practice, reverted)).then(",
        left: "(!is_named_since(programme, enrolment.practice, reverted) && false).then(",
        package: "rollout",
        target: CORE,
        test: "i22_a_plan_of_before_the_revert_does_not_take_it_up_whatever_it_lists",
    },
    Guard {
        invariant: "I23",
        what: "count and hash of a selection are confirmed",
        file: "services/rollout-scheduler/src/grpc/holds.rs",
        text: "Ok(if fits { Ok(()) }",
        left: "Ok(if fits || true { Ok(()) }",
        package: "rollout-scheduler",
        target: SUITE,
        test: "i23_a_selection_is_held_as_confirmed_or_not_at_all",
    },
    Guard {
        invariant: "I24",
        what: "a record hashes to what it says",
        file: "crates/journal/src/record.rs",
        text: "} else if self.hash != self.computed_hash() {",
        left: "} else if self.hash != self.computed_hash() && self.position == 0 {",
        package: "journal",
        target: SUITE,
        test: "i24_whatever_is_done_to_a_journal_is_found_with_a_checkpoint_of_before",
    },
    Guard {
        invariant: "I25",
        what: "a shut window is told with when it opens",
        file: "crates/rollout/src/eligibility.rs",
        text: "opens_at: next_window_for(state, wave, supplier, now) })",
        left: "opens_at: next_window_for(state, wave, supplier, now).filter(|_| false) })",
        package: "rollout",
        target: CORE,
        test: "i25_whoever_is_cleared_as_it_says_goes_live_at_the_stated_moment_and_not_before",
    },
    Guard {
        invariant: "I26",
        what: "an order does not come of the order of rows",
        file: "crates/rollout/src/plan/sample.rs",
        text: "kinds.values_mut().for_each(|kind| kind.sort_unstable());",
        left: "",
        package: "rollout",
        target: LIB,
        test: "i26_the_order_is_a_function_of_the_set",
    },
    Guard {
        invariant: "I27",
        what: "a successor inherits the pauses in force",
        file: "crates/practice/src/inheritance.rs",
        text: "for pause in predecessor.pauses_in_force() {\n                let paused",
        left: "for pause in predecessor.pauses_in_force().skip(1) {\n                let paused",
        package: "practice",
        target: MACHINE,
        test: "i27_random_organisation_graphs_keep_rule_9",
    },
    Guard {
        invariant: "I28",
        what: "what a supplier's list lacks is off",
        file: "services/rollout-scheduler/src/observer.rs",
        text: ".unwrap_or(Observed::Off);",
        left: ".unwrap_or(Observed::On);",
        package: "rollout-scheduler",
        target: LIB,
        test: "i28_a_practice_that_a_list_no_longer_has_is_told_as_off",
    },
    Guard {
        invariant: "I29",
        what: "a sequence that was taken is not counted again",
        file: "crates/tally/src/source.rs",
        text: "Ok(durable_count) if durable_count < count => Ok(Standing::Overlapping { durable_count }),",
        left: "Ok(durable_count) if durable_count < count => Ok(Standing::Next),",
        package: "tally",
        target: &["--test", "folding"],
        test: "i29_any_order_split_repetition_checkpoint_and_crash_counts_each_event_once",
    },
    Guard {
        invariant: "I30",
        what: "an issue is judged against every other there is",
        file: "crates/tally/src/publication/state.rs",
        text: "of_it.filter_map(|issue| Some((issue.name.clone(), issue.judged(figure)?))).unzip()",
        left: "of_it.take(0).filter_map(|issue| Some((issue.name.clone(), issue.judged(figure)?))).unzip()",
        package: "access-statistics",
        target: &["--test", "statistics"],
        test: "i30_who_reads_a_year_of_publications_and_reissues_finds_nothing_out",
    },
    Guard {
        invariant: "I30",
        what: "an issue that another one overtook is judged anew",
        file: "crates/tally/src/publication/state.rs",
        text: "if judged != issues {",
        left: "if false && judged != issues {",
        package: "tally",
        target: LIB,
        test: "i30_what_is_published_was_judged_against_every_issue_there_is",
    },
    Guard {
        invariant: "I30",
        what: "an area has as many people as a practice within it",
        file: "crates/disclosure/src/walk.rs",
        text: "if self.wrong.is_empty() && self.is_of_people() {",
        left: "if self.wrong.is_empty() {",
        package: "disclosure",
        target: &["--test", "attack"],
        test: "i30_no_history_discloses_where_people_are_counted_at_several_practices",
    },
    Guard {
        invariant: "I31",
        what: "an estimate is of the union, not of the order of arrival",
        file: "crates/tally/src/sketch.rs",
        text: "let estimate = settled.composite_estimate();",
        left: "let estimate = self.0.estimate();",
        package: "tally",
        target: LIB,
        test: "i31_an_estimate_is_a_function_of_the_set",
    },
];

//! Facts in both times: from when something held, and when it was said.

use jiff::Timestamp;

/// Something that was said to hold from a moment on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact<T> {
    /// From when it held; [`Timestamp::MIN`] for "always, as far as anybody knows".
    pub effective_from: Timestamp,
    /// When it was said.
    pub recorded_at: Timestamp,
    /// What was said.
    pub value: T,
}

/// What was said of one subject, in the order in which it was said.
///
/// Each fact says how things stand from its `effective_from` on, as then believed; a later one takes the place of
/// earlier ones from its own `effective_from` on, and leaves alone what they say about the time before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts<T>(Vec<Fact<T>>);

impl<T> Default for Facts<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Facts<T> {
    /// Adds what was said after all the others.
    pub fn push(&mut self, fact: Fact<T>) {
        self.0.push(fact);
    }

    /// What was said last.
    #[must_use]
    pub fn last(&self) -> Option<&Fact<T>> {
        self.0.last()
    }

    /// Everything said.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|fact| &fact.value)
    }

    /// How things stood at `effective_at`, by what had been said at `known_at`.
    #[must_use]
    pub fn at(&self, effective_at: Timestamp, known_at: Timestamp) -> Option<&T> {
        self.fact_at(effective_at, known_at).map(|fact| &fact.value)
    }

    /// The same, with from when it held and when it was said.
    #[must_use]
    pub fn fact_at(&self, effective_at: Timestamp, known_at: Timestamp) -> Option<&Fact<T>> {
        let mut said = self.0.iter().rev().filter(|fact| fact.recorded_at <= known_at);
        said.find(|fact| fact.effective_from <= effective_at)
    }

    /// Everything said to hold at `moment` or at any moment after it, by anybody at any time.
    pub fn since(&self, moment: Timestamp) -> impl Iterator<Item = &T> {
        let then = self.fact_at(moment, Timestamp::MAX).map(|fact| &fact.value);
        let later = self.0.iter().filter(move |fact| fact.effective_from > moment).map(|fact| &fact.value);
        then.into_iter().chain(later)
    }

    /// What holds from when on, in order, by all that was said: [`Self::at`] of every moment, as known after the last was said.
    pub(crate) fn by_all_said(&self) -> Vec<(Timestamp, &T)> {
        let mut said: Vec<(Timestamp, &T)> = Vec::with_capacity(self.0.len());
        for fact in &self.0 {
            let left_alone = said.partition_point(|(from, _)| *from < fact.effective_from);
            said.truncate(left_alone);
            said.push((fact.effective_from, &fact.value));
        }
        said
    }

    /// When the last was said.
    pub(crate) fn recorded_last(&self) -> Option<Timestamp> {
        self.0.iter().map(|fact| fact.recorded_at).max()
    }

    /// The first moment after `moment` from which [`Self::at`] may answer otherwise; None where it never does.
    #[must_use]
    pub fn next_change(&self, moment: Timestamp) -> Option<Timestamp> {
        self.0.iter().map(|fact| fact.effective_from).filter(|from| *from > moment).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(day: i64) -> Timestamp {
        Timestamp::from_second(day * 86_400).unwrap()
    }

    fn facts(facts: &[(i64, i64, &'static str)]) -> Facts<&'static str> {
        let mut said = Facts::default();
        for (effective_from, recorded_at, value) in facts {
            said.push(Fact {
                effective_from: moment(*effective_from),
                recorded_at: moment(*recorded_at),
                value: *value,
            });
        }
        said
    }

    #[test]
    fn a_later_statement_holds_from_its_own_beginning_and_leaves_the_time_before() {
        let facts = facts(&[(10, 10, "on"), (20, 21, "off")]);
        let at = |day| facts.at(moment(day), moment(99)).copied();
        assert_eq!([at(9), at(10), at(19), at(20), at(50)], [None, Some("on"), Some("on"), Some("off"), Some("off")]);
    }

    #[test]
    fn a_correction_backwards_is_believed_once_it_is_known() {
        let facts = facts(&[(10, 10, "on"), (5, 30, "partial")]);
        assert_eq!(facts.at(moment(12), moment(29)), Some(&"on"));
        assert_eq!(facts.at(moment(12), moment(30)), Some(&"partial"));
        assert_eq!(facts.at(moment(7), moment(29)), None);
    }

    #[test]
    fn what_holds_since_a_moment_held_then_or_later() {
        let facts = facts(&[(10, 10, "on"), (20, 21, "off"), (30, 31, "partial")]);
        let since = |day| facts.since(moment(day)).copied().collect::<Vec<_>>();
        assert_eq!(since(0), ["on", "off", "partial"]);
        assert_eq!(since(20), ["off", "partial"]);
        assert_eq!(since(25), ["off", "partial"]);
        assert_eq!(since(99), ["partial"]);
    }

    #[test]
    fn nothing_changes_before_the_next_change() {
        let facts = facts(&[(10, 10, "on"), (20, 21, "off")]);
        assert_eq!(facts.next_change(moment(0)), Some(moment(10)));
        assert_eq!(facts.next_change(moment(10)), Some(moment(20)));
        assert_eq!(facts.next_change(moment(20)), None);
    }
}

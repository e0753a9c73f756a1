//! Parts: what there is to say of many keys, as commands of which none takes long.
//!
//! The journal decides one command after another, and a hold waits for the one that is being decided. So a command names no
//! more than a hundred keys, which takes a few milliseconds; all that are submitted together share a commit all the same.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use journal::{Engine, Outcome, Submission, SubmitError};
use rollout::Fact;

use crate::machine::{Command, Rejection, SchedulerMachine};

/// Keys in one command.
const KEYS_MAX: usize = 100;

/// Proposals that are submitted together: with a hundred admissions each, as many practices as one call about permits has.
const PROPOSALS_MAX: usize = 10;

/// Proposals in their order, some at a time.
pub(crate) fn some_at_a_time(proposals: Vec<rollout::Command>) -> impl Iterator<Item = Vec<rollout::Command>> {
    let mut left = proposals.into_iter();
    std::iter::from_fn(move || {
        let some: Vec<_> = left.by_ref().take(PROPOSALS_MAX).collect();
        (!some.is_empty()).then_some(some)
    })
}

/// Has a command decided; whether anything came of it.
pub(crate) async fn submit(
    engine: &Engine<SchedulerMachine>,
    submission: Submission<Command>,
) -> Result<bool, SubmitError<Rejection>> {
    let word = |outcome: &Outcome<'_, SchedulerMachine>| vec![0; usize::from(!outcome.events.is_empty())];
    Ok(!engine.submit(submission, word).await?.reply.is_empty())
}

/// Waits for what was submitted together, in this order; whether anything came of any.
pub(crate) async fn any<F>(submitted: impl IntoIterator<Item = F>) -> Result<bool, SubmitError<Rejection>>
where
    F: Future<Output = Result<bool, SubmitError<Rejection>>>,
{
    Ok(try_join_all(submitted).await?.contains(&true))
}

/// The fact in parts, in order; one that does not grow with its keys stays whole.
pub(crate) fn in_parts(fact: Fact) -> Vec<Fact> {
    match fact {
        Fact::Sent { keys } => lists(&keys).map(|keys| Fact::Sent { keys }).collect(),
        Fact::Answers { answers } => maps(answers).into_iter().map(|answers| Fact::Answers { answers }).collect(),
        Fact::Permits { answers, registry_position } => {
            maps(answers).into_iter().map(|answers| Fact::Permits { answers, registry_position }).collect()
        }
        Fact::PermitsSettled { keys, registry_position } => {
            lists(&keys).map(|keys| Fact::PermitsSettled { keys, registry_position }).collect()
        }
        Fact::PermitsReleased { keys } => lists(&keys).map(|keys| Fact::PermitsReleased { keys }).collect(),
        whole => vec![whole],
    }
}

fn lists<K: Clone>(keys: &[K]) -> impl Iterator<Item = Vec<K>> {
    keys.chunks(KEYS_MAX).map(<[K]>::to_vec)
}

fn maps<K: Ord, V>(mut entries: BTreeMap<K, V>) -> Vec<BTreeMap<K, V>> {
    let mut parts = Vec::new();
    while !entries.is_empty() {
        let some = (0..KEYS_MAX).map_while(|_| entries.pop_first());
        parts.push(some.collect());
    }
    parts
}

#[cfg(test)]
mod tests {
    use rollout::{ActivationKey, Direction, SupplierAnswer};

    use super::*;

    fn key(number: usize) -> ActivationKey {
        ActivationKey {
            capability: ods::Capability::default(),
            practice: format!("A{number:05}").parse().unwrap(),
            direction: Direction::Enable,
            generation: 1,
        }
    }

    #[test]
    fn the_parts_together_are_the_whole_in_its_order() {
        for count in [1, KEYS_MAX, KEYS_MAX + 1, 5 * KEYS_MAX + 3] {
            let keys: Vec<ActivationKey> = (0..count).map(key).collect();
            let parts = in_parts(Fact::Sent { keys: keys.clone() });
            assert_eq!(parts.len(), count.div_ceil(KEYS_MAX));
            let of_parts = parts.into_iter().flat_map(|part| match part {
                Fact::Sent { keys } => keys,
                other => panic!("{other:?}"),
            });
            assert_eq!(of_parts.collect::<Vec<_>>(), keys);

            let answers: BTreeMap<_, _> = keys.into_iter().map(|key| (key, SupplierAnswer::Accepted)).collect();
            let parts = in_parts(Fact::Answers { answers: answers.clone() });
            assert_eq!(parts.len(), count.div_ceil(KEYS_MAX));
            let of_parts = parts.into_iter().flat_map(|part| match part {
                Fact::Answers { answers } => answers,
                other => panic!("{other:?}"),
            });
            assert_eq!(of_parts.collect::<BTreeMap<_, _>>(), answers);
        }
    }

    #[test]
    fn nothing_is_no_command() {
        assert!(in_parts(Fact::Sent { keys: Vec::new() }).is_empty());
    }
}

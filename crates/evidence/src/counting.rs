//! Counting, held against what producers sent (I29): acknowledged ⊆ counted ⊆ sent, and nothing twice.

use std::collections::BTreeMap;

/// One life of a source of events.
pub type SourceLife = (String, u64);

/// What events are told apart by here: practice and hour (of 1970's first).
pub type Cell = (String, i64);

/// An event as its producer remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentEvent {
    /// Who sent it.
    pub source: SourceLife,
    /// Its number.
    pub sequence: u64,
    /// Where and when it happened; None of one that is wrong and must not be counted.
    pub cell: Option<Cell>,
}

/// What is wrong with these counts, in words: nothing, where every cell has at least the events that were acknowledged and at most
/// those that were sent. `acknowledged` is how far each source's events were; a source that is not there had none.
pub fn counting_breaches(
    sent: &[SentEvent],
    acknowledged: &BTreeMap<SourceLife, u64>,
    counted: &BTreeMap<Cell, u64>,
) -> Vec<String> {
    let mut bounds: BTreeMap<&Cell, (u64, u64)> = counted.keys().map(|cell| (cell, (0, 0))).collect();
    for event in sent {
        let Some(cell) = &event.cell else { continue };
        let (least, most) = bounds.entry(cell).or_default();
        *most += 1;
        *least += u64::from(acknowledged.get(&event.source).is_some_and(|last| event.sequence <= *last));
    }
    let mut breaches = Vec::new();
    for ((practice, hour), (least, most)) in bounds {
        let count = counted.get(&(practice.clone(), *hour)).copied().unwrap_or(0);
        if count < least {
            breaches
                .push(format!("I29: {practice} in hour {hour}: {least} events were acknowledged, {count} are counted"));
        }
        if count > most {
            breaches.push(format!("I29: {practice} in hour {hour}: {most} events were sent, {count} are counted"));
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life() -> SourceLife {
        ("app".to_owned(), 1)
    }

    fn cell(hour: i64) -> Cell {
        ("A81001".to_owned(), hour)
    }

    fn sent() -> Vec<SentEvent> {
        let cells = [Some(cell(1)), Some(cell(1)), None, Some(cell(2))];
        let event = |(cell, sequence)| SentEvent { source: life(), sequence, cell };
        cells.into_iter().zip(1..).map(event).collect()
    }

    #[test]
    fn what_is_counted_lies_between_what_was_acknowledged_and_what_was_sent() {
        let acknowledged = BTreeMap::from([(life(), 3)]);
        for hour_2 in [0, 1] {
            let counted = BTreeMap::from([(cell(1), 2), (cell(2), hour_2)]);
            assert_eq!(counting_breaches(&sent(), &acknowledged, &counted), Vec::<String>::new());
        }
    }

    #[test]
    fn what_is_lost_doubled_or_made_up_is_found() {
        let acknowledged = BTreeMap::from([(life(), 4)]);
        let found = |counted: &[(Cell, u64)]| {
            counting_breaches(&sent(), &acknowledged, &counted.iter().cloned().collect()).len()
        };
        assert_eq!(found(&[(cell(1), 2), (cell(2), 1)]), 0);
        assert_eq!(found(&[(cell(1), 1), (cell(2), 1)]), 1, "one is lost");
        assert_eq!(found(&[(cell(1), 2)]), 1, "so is this one");
        assert_eq!(found(&[(cell(1), 3), (cell(2), 1)]), 1, "one is doubled");
        assert_eq!(found(&[(cell(1), 2), (cell(2), 1), (cell(3), 1)]), 1, "nobody sent it");
    }
}

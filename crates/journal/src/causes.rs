//! Causes: the traceparents of the latest records, for those who tell what follows from them while it is news.

use std::sync::Arc;

use imbl::Vector;

use crate::record::Record;

/// Some hundred bytes each. Whoever tells of news later than that is catching up.
const REMEMBERED_MAX: usize = 1_024;

/// The traceparents of the latest records, oldest first, one a position.
#[derive(Clone, Debug, Default)]
pub(crate) struct Causes {
    last_position: u64,
    traceparents: Vector<Arc<str>>,
}

impl Causes {
    /// Remembers the next record's.
    pub(crate) fn push(&mut self, record: &Record) {
        if self.traceparents.len() == REMEMBERED_MAX {
            self.traceparents.pop_front();
        }
        self.traceparents.push_back(record.traceparent.as_str().into());
        self.last_position = record.position;
    }

    /// A record's; empty where it has none, None where it is not remembered.
    pub(crate) fn traceparent(&self, position: u64) -> Option<&str> {
        let back = usize::try_from(self.last_position.checked_sub(position)?).ok()?;
        let index = self.traceparents.len().checked_sub(back + 1)?;
        self.traceparents.get(index).map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::record::{Content, Head};

    #[test]
    fn the_latest_are_remembered_by_their_position() {
        let mut head = Head::genesis("toy");
        let mut causes = Causes::default();
        assert_eq!(causes.traceparent(0), None);
        for number in 1..=REMEMBERED_MAX as u64 + 10 {
            let content = Content { traceparent: format!("cause {number}"), ..Content::default() };
            let record = Record::after(&head, Timestamp::UNIX_EPOCH, content);
            head = record.head();
            causes.push(&record);
        }
        let last = head.position;
        assert_eq!(causes.traceparent(last).unwrap(), format!("cause {last}"));
        assert_eq!(causes.traceparent(11).unwrap(), "cause 11");
        assert_eq!((causes.traceparent(10), causes.traceparent(last + 1)), (None, None));
    }
}

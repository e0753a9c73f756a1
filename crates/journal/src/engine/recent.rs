//! RecentHashes: what this engine has folded lately, to say which records are gone when a journal was rewound.

use std::collections::VecDeque;

use crate::JournalError;
use crate::fold::{PAGE_RECORDS, Source};
use crate::record::{Hash, Head};

/// How far back a rewind can be told exactly: 40 bytes each.
const HEADS_MAX: usize = 4_096;

/// The last heads, oldest first, one a position.
#[derive(Debug)]
pub(crate) struct RecentHashes(VecDeque<(u64, Hash)>);

impl RecentHashes {
    pub(crate) fn new(head: &Head) -> Self {
        Self(VecDeque::from([(head.position, head.hash)]))
    }

    pub(crate) fn push(&mut self, head: &Head) {
        if self.0.len() == HEADS_MAX {
            self.0.pop_front();
        }
        self.0.push_back((head.position, head.hash));
    }

    pub(crate) fn extend(&mut self, heads: &[Head]) {
        for head in heads {
            self.push(head);
        }
    }

    /// The last position at which the store still holds what was folded; `None` where that is further back than is
    /// remembered.
    pub(crate) async fn last_common(&self, journal: &str, mut source: Source<'_>) -> Result<Option<u64>, JournalError> {
        let Some(&(oldest, oldest_hash)) = self.0.front() else { return Ok(None) };
        let mut common = (Head::genesis(journal).hash == oldest_hash).then_some(oldest);
        let mut after = oldest.saturating_sub(1);
        loop {
            let page = source.records(after, PAGE_RECORDS).await?;
            let Some(last) = page.last() else { return Ok(common) };
            after = last.position;
            for record in &page {
                let index = usize::try_from(record.position.saturating_sub(oldest)).unwrap_or(usize::MAX);
                match self.0.get(index) {
                    Some((position, hash)) if *position == record.position && *hash == record.hash => {
                        common = Some(record.position);
                    }
                    _ if record.position < oldest => {}
                    _ => return Ok(common),
                }
            }
        }
    }
}

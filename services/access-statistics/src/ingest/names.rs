//! Ordinals and places: what practices and strands are called in the log, and which areas a practice counts for.

use std::sync::Arc;

use database::Tx;
use ods::PracticeCode;
use tally::{AreaIndex, Dictionary, Strand};

use super::{Places, Writer};
use crate::store::{StoreError, dictionary as dictionary_rows};

impl Writer {
    /// Gives ordinals to what has none, durably, before any batch uses them.
    pub(super) async fn name(&mut self, practices: &[PracticeCode], strands: Vec<Strand>) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        self.catch_up(&mut tx).await?;
        // Always: another replica may have named some without a batch having moved the head.
        self.read_dictionary(&mut tx).await?;
        let (first_practice, first_strand) = (self.dictionary.practice_count(), self.dictionary.strand_count());
        let mut dictionary = Dictionary::clone(&self.dictionary);
        for practice in practices {
            dictionary.add_practice(*practice);
        }
        for strand in strands {
            // For which there is no room gets none, and its events go into quarantine.
            let _ = dictionary.add_strand(strand);
        }
        dictionary_rows::write_rest(&mut tx, &dictionary, first_practice, first_strand).await?;
        tx.commit().await?;
        self.set_dictionary(dictionary);
        Ok(())
    }

    pub(super) async fn read_dictionary(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        let mut dictionary = Dictionary::clone(&self.dictionary);
        dictionary_rows::read_rest(tx, &mut dictionary).await?;
        self.set_dictionary(dictionary);
        Ok(())
    }

    fn set_dictionary(&mut self, dictionary: Dictionary) {
        self.dictionary = Arc::new(dictionary);
        self.shared.set_dictionary(Arc::clone(&self.dictionary));
    }

    /// Places practices, which must have an ordinal.
    pub(super) fn set_places(&mut self, places: &Places) {
        let mut areas = AreaIndex::clone(&self.areas);
        for (code, lies_in) in places {
            if let Some(ordinal) = self.dictionary.practice_ordinal(code.as_str()) {
                areas.place(ordinal, lies_in.iter().cloned());
            }
        }
        self.areas = Arc::new(areas);
        self.shared.set_areas(Arc::clone(&self.areas));
    }
}

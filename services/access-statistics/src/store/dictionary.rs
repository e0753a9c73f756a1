//! The ordinals of practices and strands.

use database::{Tx, Value, rows, sql};
use ods::{Capability, PracticeCode};
use tally::{Channel, Dictionary, EventKind, PracticeOrdinal, Section, Strand, StrandOrdinal};

use super::StoreError;

/// Reads the entries that `dictionary` lacks and adds them.
pub(crate) async fn read_rest(tx: &mut Tx, dictionary: &mut Dictionary) -> Result<(), StoreError> {
    let statement = sql("select code from practices where ordinal >= $1 order by ordinal");
    for row in tx.fetch_all(statement.bind(count(dictionary.practice_count()))).await? {
        let code: String = row.get("code")?;
        dictionary.add_practice(parse("practices.code", &code)?);
    }
    let statement = sql("select capability, kind, channel, section from strands where ordinal >= $1 order by ordinal");
    for row in tx.fetch_all(statement.bind(count(dictionary.strand_count()))).await? {
        let (kind, section): (i64, i64) = (row.get("kind")?, row.get("section")?);
        let (capability, channel): (String, String) = (row.get("capability")?, row.get("channel")?);
        let strand = Strand {
            capability: parse::<Capability>("strands.capability", &capability)?,
            kind: EventKind::from_number(kind).ok_or_else(|| unknown("strands.kind", &kind))?,
            channel: parse::<Channel>("strands.channel", &channel)?,
            section: Section::from_number(section).ok_or_else(|| unknown("strands.section", &section))?,
        };
        dictionary.add_strand(strand).ok_or_else(|| unknown("strands.ordinal", "too many"))?;
    }
    Ok(())
}

/// Writes the entries from these ordinals on.
pub(crate) async fn write_rest(
    tx: &mut Tx,
    dictionary: &Dictionary,
    first_practice: usize,
    first_strand: usize,
) -> Result<(), StoreError> {
    let mut practices = rows("insert into practices (ordinal, code) values {rows}");
    for index in first_practice..dictionary.practice_count() {
        let code: Option<PracticeCode> =
            ordinal(index).and_then(|ordinal| dictionary.practice(PracticeOrdinal(ordinal)));
        if let Some(code) = code {
            practices.row([Value::from(count(index)), Value::from(code.as_str())]);
        }
    }
    tx.execute_rows(practices).await?;
    let mut strands = rows("insert into strands (ordinal, capability, kind, channel, section) values {rows}");
    for index in first_strand..dictionary.strand_count() {
        if let Some(strand) = ordinal(index).and_then(|ordinal| dictionary.strand(StrandOrdinal(ordinal))) {
            strands.row([
                Value::from(count(index)),
                Value::from(strand.capability.as_str()),
                Value::from(strand.kind.number()),
                Value::from(strand.channel.as_str()),
                Value::from(strand.section.number()),
            ]);
        }
    }
    tx.execute_rows(strands).await?;
    Ok(())
}

fn ordinal<T: TryFrom<usize>>(index: usize) -> Option<T> {
    T::try_from(index).ok()
}

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn parse<T: std::str::FromStr>(column: &'static str, text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| unknown(column, text))
}

fn unknown(column: &'static str, value: &(impl std::fmt::Display + ?Sized)) -> StoreError {
    StoreError::Value { column, value: value.to_string() }
}

//! What the registry told, fact by fact, and how far it has been followed: always changed in one transaction.

use database::{Tx, Value, rows, sql};
use ods::PracticeCode;
use tally::{Directory, Fact, Told};

use super::{StoreError, moment, number, unsigned};

/// How far the registry has been followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Followed {
    /// Position of its journal; 0 before the first message.
    pub(crate) position: u64,
    /// Hash of the record there, for rule 17.
    pub(crate) journal_hash: Vec<u8>,
    /// To go on from there; empty before the first.
    pub(crate) resume_token: String,
}

/// One fact about one practice.
pub(crate) type PracticeFact = (PracticeCode, Fact<Told>);

/// Adds the facts from this number on to the directory; returns the practice of each.
pub(crate) async fn read_rest(
    tx: &mut Tx,
    directory: &mut Directory,
    from: u64,
) -> Result<Vec<PracticeCode>, StoreError> {
    let mut practices = Vec::new();
    let statement =
        sql("select practice, effective_from, recorded_at, fact from told where number >= $1 order by number");
    for row in tx.fetch_all(statement.bind(number(from))).await? {
        let (practice, fact): (String, String) = (row.get("practice")?, row.get("fact")?);
        let unreadable = || StoreError::Value { column: "told.fact", value: fact.clone() };
        let code: PracticeCode = practice.parse().map_err(|_| unreadable())?;
        let value = serde_json::from_str(&fact).map_err(|_| unreadable())?;
        let effective_from = moment("told.effective_from", row.get("effective_from")?)?;
        let recorded_at = moment("told.recorded_at", row.get("recorded_at")?)?;
        directory.tell(code, Fact { effective_from, recorded_at, value });
        practices.push(code);
    }
    Ok(practices)
}

/// How far the registry has been followed.
pub(crate) async fn followed(tx: &mut Tx) -> Result<Followed, StoreError> {
    let row = tx.fetch_optional(sql("select position, journal_hash, resume_token from followed where id = 1")).await?;
    let Some(row) = row else { return Ok(Followed::default()) };
    Ok(Followed {
        position: unsigned("followed.position", row.get("position")?)?,
        journal_hash: row.get("journal_hash")?,
        resume_token: row.get("resume_token")?,
    })
}

/// Adds facts, the first of them numbered `first_number`, and sets how far the registry is followed.
pub(crate) async fn write(
    tx: &mut Tx,
    facts: &[PracticeFact],
    first_number: u64,
    followed: &Followed,
) -> Result<(), StoreError> {
    let mut statement =
        rows("insert into told (number, practice, effective_from, recorded_at, registry_position, fact) values {rows}");
    for (index, (practice, fact)) in facts.iter().enumerate() {
        let told = serde_json::to_string(&fact.value)
            .map_err(|error| StoreError::Value { column: "told.fact", value: error.to_string() })?;
        statement.row([
            Value::from(number(first_number + index as u64)),
            Value::from(practice.as_str()),
            Value::from(fact.effective_from.as_microsecond()),
            Value::from(fact.recorded_at.as_microsecond()),
            Value::from(number(followed.position)),
            Value::from(told),
        ]);
    }
    tx.execute_rows(statement).await?;
    let statement = sql("insert into followed (id, position, journal_hash, resume_token) values (1, $1, $2, $3)
                         on conflict (id) do update set position = excluded.position,
                           journal_hash = excluded.journal_hash, resume_token = excluded.resume_token");
    let statement = statement.bind(number(followed.position)).bind(followed.journal_hash.as_slice());
    tx.execute(statement.bind(followed.resume_token.as_str())).await?;
    Ok(())
}

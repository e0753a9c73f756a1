//! The lease of the fold: which replica moves what is pending into the tables.

use database::{Dialect, Tx, sql};

use super::{StoreError, number, unsigned};

/// Who folds, since which take-over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FoldLease {
    /// One more with each take-over.
    pub(crate) epoch: u64,
    /// Empty where nobody does.
    pub(crate) replica: String,
}

/// Reads the lease and keeps others from folding, and from taking the lease, until the transaction ends.
pub(crate) async fn lock(tx: &mut Tx) -> Result<FoldLease, StoreError> {
    let statement = sql(match tx.dialect() {
        Dialect::Sqlite => "select epoch, replica from fold_lease where id = 1",
        Dialect::Postgres => "select epoch, replica from fold_lease where id = 1 for update",
    });
    let row = tx.fetch_one(statement).await?;
    Ok(FoldLease { epoch: unsigned("fold_lease.epoch", row.get("epoch")?)?, replica: row.get("replica")? })
}

/// Writes a lease that was locked.
pub(crate) async fn set(tx: &mut Tx, lease: &FoldLease) -> Result<(), StoreError> {
    let statement = sql("update fold_lease set epoch = $1, replica = $2 where id = 1");
    tx.execute(statement.bind(number(lease.epoch)).bind(lease.replica.as_str())).await?;
    Ok(())
}

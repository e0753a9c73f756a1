//! Db, Tx, Row and sql(): one SQL text for SQLite and PostgreSQL; the only crate that names sqlx

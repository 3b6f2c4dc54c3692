//! Which rows of the outbox one transaction publishes, under its locks.

use std::collections::BTreeMap;

use relay_domain::ports::{LogAddress, StoreError};
use sqlx::PgConnection;

use super::{address_of, by_column};
use crate::convert::shard;
use crate::error::unavailable;

/// Rows claimed and marked by one transaction.
const ROWS_AT_ONCE: i64 = 500;
/// Of one subject, which is published row by row.
const ROWS_OF_A_SUBJECT: i64 = 100;
/// Bytes of events claimed by one transaction, the first row apart: more than that is never under way to the log for one.
const BYTES_AT_ONCE: i64 = 1 << 20;

/// A row under this transaction's lock.
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) dedup_id: String,
    pub(super) payload: String,
    pub(super) parked: bool,
}

/// A row as Postgres has it.
struct Waiting {
    id: i64,
    subject_kind: String,
    shard: i32,
    target_id: sqlx::types::Uuid,
    dedup_id: String,
    payload: String,
    parked: bool,
}

/// The ids of what waits for these subjects, as many as one transaction takes, and whether that is all. Index: `outbox_pending`,
/// and `outbox_pkey` for the sizes.
pub(super) async fn waiting(connection: &mut PgConnection, subjects: &[LogAddress]) -> Result<(Vec<i64>, bool), StoreError> {
    let (kinds, shards, targets) = by_column(subjects);
    let found = sqlx::query!(
        r#"WITH found AS MATERIALIZED (
               SELECT o.id, o.place FROM unnest($1::text[], $2::integer[], $3::uuid[]) AS t (subject_kind, shard, target_id)
               CROSS JOIN LATERAL (
                   SELECT o.id, row_number() OVER (ORDER BY o.id) AS place FROM outbox o
                   WHERE o.subject_kind = t.subject_kind AND o.shard = t.shard AND o.target_id = t.target_id
                     AND o.published_seq IS NULL
                   ORDER BY o.id LIMIT $4) AS o
               ORDER BY o.id LIMIT $5),
           sized AS MATERIALIZED (
               SELECT found.id, coalesce(sum(octet_length(o.payload)) OVER (ORDER BY found.id), 0) AS bytes
               FROM found LEFT JOIN LATERAL (SELECT payload FROM outbox o WHERE o.id = found.id LIMIT 1) AS o ON true)
           SELECT coalesce(array_agg(id ORDER BY id) FILTER (WHERE bytes <= $6 OR id = (SELECT min(id) FROM found)), '{}') AS "ids!",
                  count(*) < $5 AND coalesce(max(bytes) <= $6, true)
                      AND coalesce((SELECT max(place) < $4 FROM found), true) AS "whole!"
           FROM sized"#,
        &kinds,
        &shards,
        &targets,
        ROWS_OF_A_SUBJECT,
        ROWS_AT_ONCE,
        BYTES_AT_ONCE
    )
    .fetch_one(connection)
    .await
    .map_err(unavailable)?;
    Ok((found.ids, found.whole))
}

/// Locks the rows, waiting for whoever has them, and reads those that are still unpublished then. Index: `outbox_pkey`.
pub(super) async fn claim(connection: &mut PgConnection, ids: &[i64]) -> Result<Vec<(LogAddress, Vec<Row>)>, StoreError> {
    let rows = sqlx::query_as!(
        Waiting,
        r#"SELECT id, subject_kind, shard, target_id, dedup_id, payload, parked_at IS NOT NULL AS "parked!" FROM outbox
           WHERE id = ANY ($1::bigint[]) AND published_seq IS NULL ORDER BY id FOR UPDATE"#,
        ids
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    by_subject(rows)
}

/// As [`claim`], of those that nobody has, and that stand behind none that somebody has: their order is their subject's.
/// Indexes: `outbox_pkey`, `outbox_pending`.
pub(super) async fn claim_free(connection: &mut PgConnection, ids: &[i64]) -> Result<Vec<(LogAddress, Vec<Row>)>, StoreError> {
    let rows = sqlx::query_as!(
        Waiting,
        r#"WITH free AS MATERIALIZED (
               SELECT id, subject_kind, shard, target_id, dedup_id, payload, parked_at FROM outbox
               WHERE id = ANY ($1::bigint[]) AND published_seq IS NULL ORDER BY id FOR UPDATE SKIP LOCKED)
           SELECT id, subject_kind, shard, target_id, dedup_id, payload, parked_at IS NOT NULL AS "parked!" FROM free
           WHERE NOT EXISTS (
               SELECT FROM outbox o
               WHERE o.subject_kind = free.subject_kind AND o.shard = free.shard AND o.target_id = free.target_id
                 AND o.published_seq IS NULL AND o.id < free.id AND o.id NOT IN (SELECT id FROM free))
           ORDER BY id"#,
        ids
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    by_subject(rows)
}

fn by_subject(rows: Vec<Waiting>) -> Result<Vec<(LogAddress, Vec<Row>)>, StoreError> {
    let mut claimed: Vec<(LogAddress, Vec<Row>)> = Vec::new();
    let mut indexes = BTreeMap::new();
    for row in rows {
        let address = address_of(&row.subject_kind, shard(row.shard)?, row.target_id)?;
        let index = *indexes.entry(address).or_insert_with(|| {
            claimed.push((address, Vec::new()));
            claimed.len() - 1
        });
        if let Some((_, rows)) = claimed.get_mut(index) {
            rows.push(Row { id: row.id, dedup_id: row.dedup_id, payload: row.payload, parked: row.parked });
        }
    }
    Ok(claimed)
}

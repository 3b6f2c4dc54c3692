//! The same for an event on a user's own subject.

use relay_domain::ports::StoreError;
use relay_domain::void::Departures;
use relay_protocol::log::{EventOwner, StoredEvent};
use relay_types::{Seq, ShardId, UserId};
use sqlx::PgConnection;

use crate::Store;
use crate::convert::shard_column;
use crate::error::unavailable;
use crate::projection::batch::Batch;
use crate::projection::{Heads, write};

/// Writes the event's row, and chains the next one to it. `false` when it was there.
pub(super) async fn repair(store: &Store, shard: ShardId, user: UserId, event: &StoredEvent) -> Result<bool, StoreError> {
    let mut transaction = store.pool.begin().await.map_err(unavailable)?;
    let (known, before) = before(&mut transaction, shard, user, event.seq).await.map_err(unavailable)?;
    if known {
        return Ok(false);
    }
    let heads: Heads = before.map(|before| (EventOwner::User(user), before)).into_iter().collect();
    let batch = Batch::of(std::slice::from_ref(event), heads, Departures::of([])).map_err(|error| StoreError::new(error.to_string()))?;
    write::own_events(&mut transaction, shard, &batch.own).await.map_err(unavailable)?;
    chain_to_next(&mut transaction, shard, user, event.seq).await.map_err(unavailable)?;
    write::own_heads(&mut transaction, shard, &batch.own_heads).await.map_err(unavailable)?;
    transaction.commit().await.map_err(unavailable)?;
    Ok(true)
}

/// Whether the event is there, and which one stands before it. Where older events ended with their day, the next one's row names
/// it, or it is the newest of all. Index: `user_events_pkey`.
async fn before(connection: &mut PgConnection, shard: ShardId, user: UserId, seq: Seq) -> sqlx::Result<(bool, Option<Seq>)> {
    let row = sqlx::query!(
        r#"SELECT EXISTS (SELECT FROM user_events WHERE user_id = $1 AND shard = $2 AND seq = $3) AS "known!",
                  coalesce(
                      (SELECT max(seq) FROM user_events WHERE user_id = $1 AND shard = $2 AND seq < $3),
                      (SELECT prev_seq FROM user_events WHERE user_id = $1 AND shard = $2 AND seq > $3 ORDER BY seq LIMIT 1),
                      (SELECT last_seq FROM user_heads WHERE user_id = $1 AND shard = $2 AND last_seq < $3)) AS before"#,
        user.to_uuid(),
        shard_column(shard),
        seq.to_i64()
    )
    .fetch_one(connection)
    .await?;
    Ok((row.known, row.before.map(Seq::from_i64)))
}

/// The next event named the one before the gap.
async fn chain_to_next(connection: &mut PgConnection, shard: ShardId, user: UserId, seq: Seq) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE user_events SET prev_seq = $3
         WHERE user_id = $1 AND shard = $2
           AND seq = (SELECT min(seq) FROM user_events WHERE user_id = $1 AND shard = $2 AND seq > $3)",
        user.to_uuid(),
        shard_column(shard),
        seq.to_i64()
    )
    .execute(connection)
    .await
    .map(drop)
}

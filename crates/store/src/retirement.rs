//! Who is away for long, where their durable consumers stood, and the walk over everybody's.
//!
//! A user is seen when they log in (`users.seen_at`), and while a device of theirs is in use (`sessions.last_used_at`); the walk
//! carries the second over to the first before the session's row is pruned. A retired user's `seen_at` is null again.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use relay_domain::ports::{ConsumerFloor, Retirement, SavedRound, StoreError, WalkedUser};
use relay_types::{Seq, ShardId, UserId};
use sqlx::types::Uuid;

use crate::Store;
use crate::convert::shard_column;
use crate::error::{unavailable, unreadable};
use crate::store::commit;

#[async_trait]
impl Retirement for Store {
    /// Index: `consumer_floors_pkey`.
    #[tracing::instrument(name = "db.floors.find", skip_all, fields(user.id = %user, shard = %shard))]
    async fn floor_of(&self, user: UserId, shard: ShardId) -> Result<Option<ConsumerFloor>, StoreError> {
        self.limited(async {
            let row = sqlx::query!(
                "SELECT epoch, seq FROM consumer_floors WHERE user_id = $1 AND shard = $2",
                user.to_uuid(),
                shard_column(shard)
            )
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
            Ok(row.map(|row| ConsumerFloor { epoch: row.epoch, seq: Seq::from_i64(row.seq) }))
        })
        .await
    }

    /// What is known already is not written again: most are noted hourly, and few have moved. Sequences grow over epochs, too, so
    /// the greatest is the newest. Indexes: `consumer_floors_pkey`, `users_pkey`.
    #[tracing::instrument(name = "db.floors.note", skip_all, fields(floors = floors.len()))]
    async fn note_floors(&self, floors: &[(UserId, ShardId, ConsumerFloor)]) -> Result<(), StoreError> {
        self.limited(async {
            let users: Vec<Uuid> = floors.iter().map(|(user, ..)| user.to_uuid()).collect();
            let shards: Vec<i32> = floors.iter().map(|(_, shard, _)| shard_column(*shard)).collect();
            let epochs: Vec<String> = floors.iter().map(|(.., floor)| floor.epoch.clone()).collect();
            let seqs: Vec<i64> = floors.iter().map(|(.., floor)| floor.seq.to_i64()).collect();
            sqlx::query!(
                "INSERT INTO consumer_floors AS f (user_id, shard, epoch, seq)
                 SELECT DISTINCT ON (user_id, shard) user_id, shard, epoch, seq
                 FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::bigint[]) AS t (user_id, shard, epoch, seq)
                 WHERE EXISTS (SELECT FROM users u WHERE u.user_id = t.user_id)
                   AND NOT EXISTS (
                       SELECT FROM consumer_floors known
                       WHERE known.user_id = t.user_id AND known.shard = t.shard AND known.seq >= t.seq)
                 ORDER BY user_id, shard, seq DESC
                 ON CONFLICT (user_id, shard) DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq WHERE f.seq < excluded.seq",
                &users,
                &shards,
                &epochs,
                &seqs
            )
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(unavailable)
        })
        .await
    }

    /// Rows that somebody holds are left for the next round, so that nobody waits in a circle.
    /// Indexes: `users_seen`, `sessions_live_by_user`.
    #[tracing::instrument(name = "db.retirement.walk", skip_all)]
    async fn walk(&self, after: Option<UserId>, limit: u32, idle_after: Duration) -> Result<Vec<WalkedUser>, StoreError> {
        self.limited(async {
            // The least uuid stands before every user: nobody mints it.
            let after = after.map_or(Uuid::nil(), UserId::to_uuid);
            sqlx::query!(
                "WITH due AS MATERIALIZED (
                     SELECT page.user_id, used.last_at
                     FROM (SELECT user_id, seen_at FROM users WHERE user_id > $1 AND seen_at IS NOT NULL ORDER BY user_id LIMIT $2) AS page
                     CROSS JOIN LATERAL (
                         SELECT max(s.last_used_at) AS last_at FROM sessions s
                         WHERE s.user_id = page.user_id AND s.revoked_at IS NULL) AS used
                     WHERE used.last_at > page.seen_at + interval '12 hours'),
                 free AS MATERIALIZED (
                     SELECT u.user_id, due.last_at FROM due JOIN users u ON u.user_id = due.user_id
                     ORDER BY u.user_id FOR NO KEY UPDATE OF u SKIP LOCKED)
                 UPDATE users AS u SET seen_at = greatest(u.seen_at, free.last_at) FROM free
                 WHERE u.user_id = free.user_id AND u.seen_at IS NOT NULL",
                after,
                i64::from(limit)
            )
            .execute(&self.pool)
            .await
            .map_err(unavailable)?;
            let rows = sqlx::query!(
                r#"SELECT u.user_id, u.seen_at < now() - make_interval(secs => $3) AND NOT EXISTS (
                       SELECT FROM sessions s WHERE s.user_id = u.user_id AND s.revoked_at IS NULL
                       AND s.last_used_at >= now() - make_interval(secs => $3)) AS "idle!"
                   FROM users u WHERE u.user_id > $1 AND u.seen_at IS NOT NULL ORDER BY u.user_id LIMIT $2"#,
                after,
                i64::from(limit),
                idle_after.as_secs_f64()
            )
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
            Ok(rows.into_iter().map(|row| WalkedUser { user: UserId::from_uuid(row.user_id), idle: row.idle }).collect())
        })
        .await
    }

    /// Locks as everybody does: users, then sessions, each in the order of their ids. A refresh holds its session: either it is over
    /// and counts, or it waits for this and sees that its user is retired. Indexes: `users_pkey`, `sessions_live_by_user`.
    #[tracing::instrument(name = "db.retirement.retire", skip_all, fields(users = users.len()))]
    async fn retire(&self, users: &[UserId], idle_after: Duration) -> Result<Vec<UserId>, StoreError> {
        self.limited(async {
            let users: Vec<Uuid> = users.iter().map(|user| user.to_uuid()).collect();
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            let idle = sqlx::query_scalar!(
                "SELECT user_id FROM users WHERE user_id = ANY ($1::uuid[]) AND seen_at < now() - make_interval(secs => $2)
                 ORDER BY user_id FOR NO KEY UPDATE",
                &users,
                idle_after.as_secs_f64()
            )
            .fetch_all(&mut *transaction)
            .await
            .map_err(unavailable)?;
            sqlx::query!(
                "SELECT session_id FROM sessions WHERE user_id = ANY ($1::uuid[]) AND revoked_at IS NULL
                 ORDER BY session_id FOR NO KEY UPDATE",
                &idle
            )
            .fetch_all(&mut *transaction)
            .await
            .map_err(unavailable)?;
            let retired = sqlx::query_scalar!(
                "UPDATE users AS u SET seen_at = NULL, retired_at = now()
                 WHERE user_id = ANY ($1::uuid[]) AND NOT EXISTS (
                     SELECT FROM sessions s WHERE s.user_id = u.user_id AND s.revoked_at IS NULL
                     AND s.last_used_at >= now() - make_interval(secs => $2))
                 RETURNING user_id",
                &idle,
                idle_after.as_secs_f64()
            )
            .fetch_all(&mut *transaction)
            .await
            .map_err(unavailable)?;
            commit(transaction).await?;
            Ok(retired.into_iter().map(UserId::from_uuid).collect())
        })
        .await
    }

    /// Index: `durable_walks_pkey`.
    #[tracing::instrument(name = "db.retirement.hold_walk", skip_all)]
    async fn hold_walk(&self, walker: &str, hold: Duration) -> Result<SavedRound, StoreError> {
        self.limited(async {
            sqlx::query!(
                "INSERT INTO durable_walks AS w (walker, held_until) VALUES ($1, now() + make_interval(secs => $2))
                 ON CONFLICT (only_one) DO UPDATE SET walker = excluded.walker, held_until = excluded.held_until
                 WHERE w.walker = excluded.walker OR w.held_until < now()",
                walker,
                hold.as_secs_f64()
            )
            .execute(&self.pool)
            .await
            .map_err(unavailable)?;
            let row = sqlx::query!(
                r#"SELECT walker = $1 AS "held!", place, epochs, extract(epoch FROM now() - ended_at)::float8 AS ended_s_ago
                   FROM durable_walks WHERE only_one"#,
                walker
            )
            .fetch_one(&self.pool)
            .await
            .map_err(unavailable)?;
            let epochs: BTreeMap<u16, String> = serde_json::from_str(&row.epochs).map_err(|_| unreadable("epochs of a walk"))?;
            Ok(SavedRound {
                held: row.held,
                after: row.place.map(UserId::from_uuid),
                epochs: epochs.into_iter().map(|(shard, epoch)| (ShardId(shard), epoch)).collect(),
                ended_ago: row.ended_s_ago.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()),
            })
        })
        .await
    }

    /// Index: `durable_walks_pkey`.
    #[tracing::instrument(name = "db.retirement.save_walk", skip_all)]
    async fn save_walk(&self, walker: &str, after: Option<UserId>, epochs: &BTreeMap<ShardId, String>) -> Result<(), StoreError> {
        self.limited(async {
            let epochs: BTreeMap<u16, &String> = epochs.iter().map(|(shard, epoch)| (shard.0, epoch)).collect();
            let epochs = serde_json::to_string(&epochs).map_err(|error| StoreError::new(error.to_string()))?;
            sqlx::query!(
                "UPDATE durable_walks SET place = $2, epochs = $3, ended_at = CASE WHEN $2::uuid IS NULL THEN now() ELSE ended_at END
                 WHERE only_one AND walker = $1",
                walker,
                after.map(UserId::to_uuid),
                epochs
            )
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(unavailable)
        })
        .await
    }

    /// Index: `durable_walks_pkey`.
    #[tracing::instrument(name = "db.retirement.leave_walk", skip_all)]
    async fn leave_walk(&self, walker: &str) -> Result<(), StoreError> {
        self.limited(async {
            sqlx::query!("UPDATE durable_walks SET held_until = '-infinity' WHERE only_one AND walker = $1", walker)
                .execute(&self.pool)
                .await
                .map(drop)
                .map_err(unavailable)
        })
        .await
    }
}

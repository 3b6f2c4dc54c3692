//! What people let others know of whether they are there, and when they were.

use async_trait::async_trait;
use relay_domain::ports::{PresenceRules, StoreError};
use relay_protocol::presence::{Availability, PresenceAudience};
use relay_types::{TimestampMs, UserId};
use sqlx::types::Uuid;
use time::OffsetDateTime;

use crate::Store;
use crate::conversations::acquainted;
use crate::convert::{millis, text, timestamp};
use crate::error::unavailable;

#[async_trait]
impl PresenceRules for Store {
    /// Index: `users_pkey`.
    #[tracing::instrument(name = "db.presence.availability", skip_all, fields(people = people.len()))]
    async fn availability(&self, people: &[UserId]) -> Result<Vec<(UserId, Availability)>, StoreError> {
        self.limited(async {
            let rows = sqlx::query!("SELECT user_id, availability FROM users WHERE user_id = ANY ($1::uuid[])", &uuids(people))
                .fetch_all(&self.pool)
                .await
                .map_err(unavailable)?;
            rows.into_iter().map(|row| Ok((UserId::from_uuid(row.user_id), text(&row.availability, "availability")?))).collect()
        })
        .await
    }

    /// Indexes: `users_pkey`, `last_seen_pkey`; besides those of acquaintances.
    #[tracing::instrument(name = "db.presence.allowed", skip_all, fields(user.id = %viewer, people = people.len()))]
    async fn allowed(&self, viewer: UserId, people: &[UserId]) -> Result<Vec<(UserId, Option<TimestampMs>)>, StoreError> {
        self.limited(async {
            let mut connection = self.pool.acquire().await.map_err(unavailable)?;
            let rows = sqlx::query!(
                r#"SELECT u.user_id AS "user_id!", u.presence_to AS "presence_to!", s.at AS "at?" FROM users u LEFT JOIN last_seen s ON s.user_id = u.user_id
                   WHERE u.user_id = ANY ($1::uuid[])"#,
                &uuids(people)
            )
            .fetch_all(&mut *connection)
            .await
            .map_err(unavailable)?;
            let (mut allowed, mut asked) = (Vec::new(), Vec::new());
            for row in rows {
                let (user, seen) = (UserId::from_uuid(row.user_id), row.at.map(millis));
                match text(&row.presence_to, "audience")? {
                    _ if user == viewer => allowed.push((user, seen)),
                    PresenceAudience::Everybody => allowed.push((user, seen)),
                    PresenceAudience::Contacts => asked.push((user, seen)),
                    PresenceAudience::Nobody | PresenceAudience::Unknown(_) => {}
                }
            }
            if !asked.is_empty() {
                let people: Vec<UserId> = asked.iter().map(|(user, _)| *user).collect();
                let known = acquainted(&mut connection, viewer, &people).await?;
                allowed.extend(asked.into_iter().filter(|(user, _)| known.contains(user)));
            }
            Ok(allowed)
        })
        .await
    }

    /// In one order, so that two gateways do not wait for each other. Index: `last_seen_pkey`.
    #[tracing::instrument(name = "db.presence.seen", skip_all, fields(people = people.len()))]
    async fn seen(&self, people: &[(UserId, TimestampMs)]) -> Result<(), StoreError> {
        self.limited(async {
            let users: Vec<Uuid> = people.iter().map(|(user, _)| user.to_uuid()).collect();
            let ats = people.iter().map(|(_, at_ms)| timestamp(*at_ms)).collect::<Result<Vec<OffsetDateTime>, _>>()?;
            sqlx::query!(
                "INSERT INTO last_seen AS s (user_id, at)
                 SELECT user_id, max(at) FROM unnest($1::uuid[], $2::timestamptz[]) AS t (user_id, at) GROUP BY user_id ORDER BY user_id
                 ON CONFLICT (user_id) DO UPDATE SET at = excluded.at WHERE s.at < excluded.at",
                &users,
                &ats
            )
            .execute(&self.pool)
            .await
            .map_err(unavailable)?;
            Ok(())
        })
        .await
    }
}

fn uuids(people: &[UserId]) -> Vec<Uuid> {
    people.iter().map(|user| user.to_uuid()).collect()
}

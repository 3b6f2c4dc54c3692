//! Exchanging refresh tokens.
//!
//! A token's successor is made of the token and a nonce that lies here. So an exchange can be repeated with the same outcome,
//! although only hashes are stored: whoever has the token gets the same successor again, and whoever reads this table has
//! neither. When the successor is used, its answer has arrived: the nonce goes, and the token with it. One that is shown after
//! that is in two hands, and the session ends.

use relay_domain::ports::{LogAddress, RefreshNonce, RotateError, Rotated, Rotation, StoreError};
use relay_types::{SessionId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;
use time::{Duration, OffsetDateTime};

use crate::Store;
use crate::convert::{shard, timestamp};
use crate::error::{unavailable, unreadable};
use crate::outbox::{Pending, unpublished};
use crate::store::commit;

/// Two tabs that ask at once are this close together.
const AT_ONCE: Duration = Duration::seconds(60);
/// So many tokens in a row repeated later than that: two share them, each a step behind the other, and no lost answers are.
const LATE_REPEATS: i32 = 5;

/// A token and its session.
struct Token {
    used_at: Option<OffsetDateTime>,
    expires_at: OffsetDateTime,
    predecessor: Option<Vec<u8>>,
    successor_nonce: Option<Vec<u8>>,
    repeated_late: bool,
    session_id: Uuid,
    user_id: Uuid,
    revoked_at: Option<OffsetDateTime>,
    ends_at: OffsetDateTime,
    late_repeats: i32,
    home_shard: i32,
    unseen: bool,
}

/// Which rows are locked before the token is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Locks {
    /// The session's.
    Session,
    /// Its user's first: they were retired, and are not any more.
    UserAndSession,
}

/// Whoever comes back after a long absence needs the user's row, which is locked before the session's. That is known only behind the
/// session's lock, which whoever retires the user takes, too. So it begins again then.
pub(super) async fn run(store: &Store, rotation: &Rotation) -> Result<Rotated, RotateError> {
    match attempt(store, rotation, Locks::Session).await? {
        Some(rotated) => Ok(rotated),
        None => attempt(store, rotation, Locks::UserAndSession).await?.ok_or_else(|| unreadable("session").into()),
    }
}

/// Uses of one session's tokens queue up behind its row; each then sees what the one before it did. `None` when the user's row is
/// needed and not locked.
/// Indexes: `refresh_tokens_pkey`, `sessions_pkey`, `users_pkey`.
async fn attempt(store: &Store, rotation: &Rotation, locks: Locks) -> Result<Option<Rotated>, RotateError> {
    let at = timestamp(rotation.at_ms)?;
    let mut transaction = store.pool.begin().await.map_err(unavailable)?;
    if locks == Locks::UserAndSession {
        sqlx::query_scalar!(
            "SELECT user_id FROM users WHERE user_id = (
                 SELECT s.user_id FROM refresh_tokens t JOIN sessions s USING (session_id) WHERE t.token_hash = $1)
             FOR NO KEY UPDATE",
            &rotation.presented.0
        )
        .fetch_optional(&mut *transaction)
        .await
        .map_err(unavailable)?;
    }
    sqlx::query_scalar!(
        "SELECT session_id FROM sessions WHERE session_id = (SELECT session_id FROM refresh_tokens WHERE token_hash = $1) FOR NO KEY UPDATE",
        &rotation.presented.0
    )
    .fetch_optional(&mut *transaction)
    .await
    .map_err(unavailable)?;
    let token = sqlx::query_as!(
        Token,
        r#"SELECT t.used_at, t.expires_at, t.predecessor, t.successor_nonce, t.repeated_late,
                s.session_id, s.user_id, s.revoked_at, s.ends_at, s.late_repeats, u.home_shard, u.seen_at IS NULL AS "unseen!"
         FROM refresh_tokens t JOIN sessions s USING (session_id) JOIN users u USING (user_id)
         WHERE t.token_hash = $1"#,
        &rotation.presented.0
    )
    .fetch_optional(&mut *transaction)
    .await
    .map_err(unavailable)?
    .ok_or(RotateError::Invalid)?;
    let (user, session) = (UserId::from_uuid(token.user_id), SessionId::from_uuid(token.session_id));
    let repeated = match (token.used_at, &token.successor_nonce) {
        (None, _) => None,
        (Some(used_at), Some(nonce)) => Some((used_at, nonce_of(nonce)?)),
        (Some(_), None) => return Err(stolen(store, transaction, &token, rotation).await?),
    };
    if token.revoked_at.is_some() {
        return Err(RotateError::Revoked);
    }
    if token.expires_at.min(token.ends_at) <= at {
        return Err(RotateError::Invalid);
    }
    if token.unseen && locks == Locks::Session {
        return Ok(None);
    }
    let nonce = if let Some((used_at, nonce)) = repeated {
        if !token.repeated_late && at - used_at > AT_ONCE {
            if token.late_repeats + 1 >= LATE_REPEATS {
                return Err(stolen(store, transaction, &token, rotation).await?);
            }
            repeat_late(&mut transaction, &token, rotation).await?;
        }
        touch(&mut transaction, &token, None, at).await?;
        nonce
    } else {
        exchange(&mut transaction, &token, rotation, at).await?;
        rotation.nonce
    };
    let told = if token.unseen {
        let mut pending = Pending::default();
        store.seen(&mut transaction, user, shard(token.home_shard)?, at, &mut pending).await?;
        pending.write(&mut transaction).await?.pop()
    } else {
        None
    };
    commit(transaction).await?;
    Ok(Some(Rotated { user, session, nonce, told }))
}

/// The first use of a token.
async fn exchange(connection: &mut PgConnection, token: &Token, rotation: &Rotation, at: OffsetDateTime) -> Result<(), StoreError> {
    if let Some(predecessor) = &token.predecessor {
        let late = sqlx::query_scalar!(
            "UPDATE refresh_tokens SET successor_nonce = NULL WHERE token_hash = $1 RETURNING repeated_late",
            predecessor
        )
        .fetch_optional(&mut *connection)
        .await
        .map_err(unavailable)?;
        if late != Some(true) && token.late_repeats > 0 {
            sqlx::query!("UPDATE sessions SET late_repeats = 0 WHERE session_id = $1", token.session_id)
                .execute(&mut *connection)
                .await
                .map_err(unavailable)?;
        }
    }
    let expires_at = timestamp(rotation.refresh_expires_at_ms)?.min(token.ends_at);
    sqlx::query!(
        "UPDATE refresh_tokens SET used_at = $2, successor_nonce = $3 WHERE token_hash = $1",
        &rotation.presented.0,
        at,
        &rotation.nonce.0
    )
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    touch(connection, token, Some(expires_at), at).await?;
    let session = SessionId::from_uuid(token.session_id);
    issue(connection, session, &rotation.replacement.0, Some(&rotation.presented.0), at, expires_at).await
}

async fn repeat_late(connection: &mut PgConnection, token: &Token, rotation: &Rotation) -> Result<(), StoreError> {
    sqlx::query!("UPDATE refresh_tokens SET repeated_late = true WHERE token_hash = $1", &rotation.presented.0)
        .execute(&mut *connection)
        .await
        .map_err(unavailable)?;
    sqlx::query!("UPDATE sessions SET late_repeats = late_repeats + 1 WHERE session_id = $1", token.session_id)
        .execute(connection)
        .await
        .map(drop)
        .map_err(unavailable)
}

/// The session is in use.
async fn touch(
    connection: &mut PgConnection,
    token: &Token,
    expires_at: Option<OffsetDateTime>,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE sessions SET last_used_at = greatest(last_used_at, $2), refresh_expires_at = coalesce($3, refresh_expires_at)
         WHERE session_id = $1",
        token.session_id,
        at,
        expires_at
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

/// Ends the session, unless it has ended.
async fn stolen(
    store: &Store,
    mut transaction: sqlx::Transaction<'_, sqlx::Postgres>,
    token: &Token,
    rotation: &Rotation,
) -> Result<RotateError, StoreError> {
    let (user, session) = (UserId::from_uuid(token.user_id), SessionId::from_uuid(token.session_id));
    let home = shard(token.home_shard)?;
    let mut pending = Pending::default();
    if token.revoked_at.is_none() {
        store.end(&mut transaction, user, session, home, rotation.at_ms, &mut pending).await?;
    }
    pending.write(&mut transaction).await?;
    let touched = unpublished(&mut transaction, &[LogAddress::User { shard: home, id: user }]).await?;
    commit(transaction).await?;
    Ok(RotateError::Reused { touched })
}

fn nonce_of(bytes: &[u8]) -> Result<RefreshNonce, StoreError> {
    bytes.try_into().map(RefreshNonce).map_err(|_| unreadable("refresh nonce"))
}

pub(super) async fn issue(
    connection: &mut PgConnection,
    session: SessionId,
    hash: &[u8; 32],
    predecessor: Option<&[u8; 32]>,
    at: OffsetDateTime,
    expires_at: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO refresh_tokens (token_hash, session_id, issued_at, expires_at, predecessor) VALUES ($1, $2, $3, $4, $5)",
        hash,
        session.to_uuid(),
        at,
        expires_at,
        predecessor.map(<[u8; 32]>::as_slice)
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

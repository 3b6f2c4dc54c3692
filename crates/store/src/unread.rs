//! Proving unread counts: what lists say, against what the messages themselves say.
//!
//! A list counts from a mark and from numbers that the projection keeps beside the messages: where the last message is
//! (`conversation_heads.message_seq`), and what a member wrote last (`memberships.sent_seq`). Here both are found anew.

use relay_domain::ports::{MemberKey, StoreError};
use relay_types::{ConversationId, UserId};
use sqlx::types::Uuid;

use crate::Store;
use crate::error::unavailable;

/// Where counting stops, as in lists.
const UNREAD_CAP: i64 = 1_000;

/// A count that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongCount {
    /// Where.
    pub conversation: ConversationId,
    /// Whose.
    pub user: UserId,
    /// What their list says.
    pub shown: u64,
    /// What there is.
    pub found: u64,
}

/// What a page of members showed.
#[derive(Debug, Clone, Default)]
pub struct UnreadPage {
    /// Counts that were proven.
    pub counts: u64,
    /// Those that are wrong.
    pub wrong: Vec<WrongCount>,
    /// Where to go on; `None` at the end.
    pub next: Option<MemberKey>,
}

impl Store {
    /// Proves the counts of up to `limit` members after `after`, in the order of their keys, each page in one snapshot.
    ///
    /// Reads all messages of the page's conversations: for operators, not for requests. Indexes: `members_pkey`, `messages_pkey`,
    /// `conversation_heads_pkey`, `memberships_open_key`, `hidden_messages_pkey`.
    ///
    /// # Errors
    /// When Postgres does not answer, or `messages` is still being filled.
    #[tracing::instrument(name = "db.unread.verify", skip_all)]
    pub async fn verify_unread(&self, after: Option<MemberKey>, limit: u16) -> Result<UnreadPage, StoreError> {
        if !self.messages_are_filled().await? {
            return Err(StoreError::new("messages are being filled"));
        }
        let members = sqlx::query!(
            "SELECT conversation_id, user_id FROM members WHERE (conversation_id, user_id) > ($1, $2)
             ORDER BY conversation_id, user_id LIMIT $3",
            after.map_or(Uuid::nil(), |(conversation, _)| conversation.to_uuid()),
            after.map_or(Uuid::nil(), |(_, user)| user.to_uuid()),
            i64::from(limit)
        )
        .fetch_all(&self.pool)
        .await
        .map_err(unavailable)?;
        let last = members.last().map(|row| (ConversationId::from_uuid(row.conversation_id), UserId::from_uuid(row.user_id)));
        let next = last.filter(|_| members.len() >= usize::from(limit));
        let (conversations, users): (Vec<Uuid>, Vec<Uuid>) = members.into_iter().map(|row| (row.conversation_id, row.user_id)).unzip();
        let rows = sqlx::query!(
            r#"WITH page AS MATERIALIZED (
                   SELECT m.conversation_id, m.user_id, m.read_seq, m.unread_from, m.unread_at, v.joined_seq, v.sent_seq
                   FROM unnest($1::uuid[], $2::uuid[]) AS t (conversation_id, user_id)
                   JOIN members m ON m.conversation_id = t.conversation_id AND m.user_id = t.user_id
                   JOIN memberships v ON v.conversation_id = m.conversation_id AND v.user_id = m.user_id AND v.left_seq IS NULL),
               said AS MATERIALIZED (
                   SELECT e.conversation_id, e.sender_id, max(e.seq) AS seq FROM messages e
                   WHERE e.conversation_id IN (SELECT conversation_id FROM page) AND e.kind = 'MESSAGE_SENT' AND e.thread_seq = 0
                   GROUP BY e.conversation_id, e.sender_id)
               SELECT page.conversation_id AS "conversation_id!", page.user_id AS "user_id!", shown.count AS "shown!", found.count AS "found!"
               FROM page
               LEFT JOIN conversation_heads h ON h.conversation_id = page.conversation_id
               LEFT JOIN said own ON own.conversation_id = page.conversation_id AND own.sender_id = page.user_id
                    AND own.seq >= page.joined_seq
               CROSS JOIN LATERAL (
                   SELECT least(greatest(page.read_seq, page.sent_seq),
                                CASE WHEN page.unread_at >= page.sent_seq THEN page.unread_from - 1 END) AS kept,
                          least(greatest(least(page.read_seq, h.last_seq), own.seq),
                                CASE WHEN page.unread_at >= coalesce(own.seq, 0) THEN page.unread_from - 1 END) AS proven) AS mark
               CROSS JOIN LATERAL (
                   SELECT count(*) FILTER (WHERE behind.counts) AS count
                   FROM (SELECT e.kind = 'MESSAGE_SENT' AND NOT e.deleted AND e.sender_id <> page.user_id
                                AND (e.only_for IS NULL OR e.only_for = page.user_id)
                                AND NOT EXISTS (SELECT FROM hidden_messages x WHERE x.user_id = page.user_id
                                                AND x.conversation_id = e.conversation_id AND x.seq = e.seq) AS counts
                         FROM messages e
                         WHERE e.conversation_id = page.conversation_id AND (e.thread_seq, e.seq) > (0, greatest(mark.kept, page.joined_seq))
                           AND (e.thread_seq, e.seq) < (1, 0)
                           AND h.message_seq > mark.kept
                         ORDER BY e.thread_seq, e.seq LIMIT $3) AS behind) AS shown
               CROSS JOIN LATERAL (
                   SELECT count(*) FILTER (WHERE behind.counts) AS count
                   FROM (SELECT e.kind = 'MESSAGE_SENT' AND NOT e.deleted AND e.sender_id <> page.user_id
                                AND (e.only_for IS NULL OR e.only_for = page.user_id)
                                AND NOT EXISTS (SELECT FROM hidden_messages x WHERE x.user_id = page.user_id
                                                AND x.conversation_id = e.conversation_id AND x.seq = e.seq) AS counts
                         FROM messages e
                         WHERE e.conversation_id = page.conversation_id AND (e.thread_seq, e.seq) > (0, greatest(mark.proven, page.joined_seq))
                           AND (e.thread_seq, e.seq) < (1, 0)
                         ORDER BY e.thread_seq, e.seq LIMIT $3) AS behind) AS found"#,
            &conversations,
            &users,
            UNREAD_CAP
        )
        .fetch_all(&self.pool)
        .await
        .map_err(unavailable)?;
        let count = |counted: i64| u64::try_from(counted).unwrap_or_default();
        let counts = rows.len() as u64;
        let wrong = rows.into_iter().filter(|row| row.shown != row.found).map(|row| WrongCount {
            conversation: ConversationId::from_uuid(row.conversation_id),
            user: UserId::from_uuid(row.user_id),
            shown: count(row.shown),
            found: count(row.found),
        });
        Ok(UnreadPage { counts, wrong: wrong.collect(), next })
    }

    /// Finds anew what the counts of these conversations go by, from their messages. The persist worker waits meanwhile: the watermarks
    /// are locked. Indexes: `watermarks_pkey`, `messages_pkey`, `conversation_heads_pkey`, `memberships_open_key`, `members_pkey`.
    ///
    /// # Errors
    /// When Postgres does not answer; nothing is changed then.
    #[tracing::instrument(name = "db.unread.repair", skip_all, fields(conversations = conversations.len()))]
    pub async fn repair_unread(&self, conversations: &[ConversationId]) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = conversations.iter().map(|id| id.to_uuid()).collect();
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        let shards = sqlx::query_scalar!("SELECT DISTINCT shard FROM conversations WHERE conversation_id = ANY ($1::uuid[])", &ids)
            .fetch_all(&mut *transaction)
            .await
            .map_err(unavailable)?;
        // What follows sees what was projected until then, and nothing comes in between.
        sqlx::query!("SELECT shard FROM watermarks WHERE shard = ANY ($1::integer[]) ORDER BY shard FOR UPDATE", &shards)
            .fetch_all(&mut *transaction)
            .await
            .map_err(unavailable)?;
        sqlx::query!(
            "UPDATE conversation_heads h SET
                 last_seq = greatest(h.last_seq, found.last_seq), message_seq = found.message_seq, message_at = found.message_at
             FROM (SELECT e.conversation_id, max(e.seq) AS last_seq, max(e.seq) FILTER (WHERE e.kind = 'MESSAGE_SENT' AND e.thread_seq = 0) AS message_seq,
                          (array_agg(e.stored_at ORDER BY e.seq DESC) FILTER (WHERE e.kind = 'MESSAGE_SENT' AND e.thread_seq = 0))[1] AS message_at
                   FROM messages e WHERE e.conversation_id = ANY ($1::uuid[]) GROUP BY e.conversation_id) AS found
             WHERE h.conversation_id = found.conversation_id",
            &ids
        )
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
        sqlx::query!(
            "UPDATE memberships v SET sent_seq = coalesce(own.seq, 0)
             FROM memberships w
             LEFT JOIN (SELECT e.conversation_id, e.sender_id, max(e.seq) AS seq FROM messages e
                        WHERE e.conversation_id = ANY ($1::uuid[]) AND e.kind = 'MESSAGE_SENT' AND e.thread_seq = 0
                        GROUP BY e.conversation_id, e.sender_id) AS own
                    ON own.conversation_id = w.conversation_id AND own.sender_id = w.user_id AND own.seq >= w.joined_seq
             WHERE w.conversation_id = ANY ($1::uuid[]) AND w.left_seq IS NULL
               AND v.conversation_id = w.conversation_id AND v.user_id = w.user_id AND v.joined_seq = w.joined_seq
               AND v.left_seq IS NULL AND v.sent_seq <> coalesce(own.seq, 0)",
            &ids
        )
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
        sqlx::query!(
            "UPDATE members m SET read_seq = h.last_seq FROM conversation_heads h
             WHERE m.conversation_id = ANY ($1::uuid[]) AND h.conversation_id = m.conversation_id AND m.read_seq > h.last_seq",
            &ids
        )
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
        transaction.commit().await.map_err(unavailable)
    }
}

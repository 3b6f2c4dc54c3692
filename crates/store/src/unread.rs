//! Proving unread counts: what lists say, against what the messages themselves say.
//!
//! A list counts from a mark and from numbers that the projection keeps beside the messages: where the last message is
//! (`conversation_heads.message_seq`), and what a member wrote last (`memberships.sent_seq`). Here both are found anew.

use std::collections::BTreeMap;

use relay_domain::ports::{MemberKey, StoreError};
use relay_types::{ConversationId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use crate::Store;
use crate::error::unavailable;

/// Where counting stops, as in lists.
const UNREAD_CAP: i64 = 1_000;
/// Messages that one statement of a repair reads.
const READ_AT_ONCE: i64 = 20_000;

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

    /// Finds anew what the counts of these conversations go by, from their messages, one conversation after the other. All that one has
    /// is read before the persist worker waits, some messages at a time; while the watermark is locked, only what came meanwhile.
    /// Indexes: `watermarks_pkey`, `messages_pkey`, `conversation_heads_pkey`, `memberships_open_key`, `members_pkey`.
    ///
    /// # Errors
    /// When Postgres does not answer. What stands before it in the list is repaired then.
    #[tracing::instrument(name = "db.unread.repair", skip_all, fields(conversations = conversations.len()))]
    pub async fn repair_unread(&self, conversations: &[ConversationId]) -> Result<(), StoreError> {
        for conversation in conversations {
            self.repair_unread_of(conversation.to_uuid()).await?;
        }
        Ok(())
    }

    async fn repair_unread_of(&self, conversation: Uuid) -> Result<(), StoreError> {
        let mut said = Said::default();
        let mut connection = self.pool.acquire().await.map_err(unavailable)?;
        said.read_on(&mut connection, conversation).await?;
        drop(connection);
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        // What follows sees what was projected until then, and nothing comes in between.
        sqlx::query!(
            "SELECT w.shard FROM watermarks w JOIN conversations c ON c.shard = w.shard WHERE c.conversation_id = $1 FOR UPDATE OF w",
            conversation
        )
        .fetch_all(&mut *transaction)
        .await
        .map_err(unavailable)?;
        said.read_on(&mut transaction, conversation).await?;
        sqlx::query!(
            "UPDATE conversation_heads h SET
                 last_seq = greatest(h.last_seq, $2::bigint), message_seq = $3::bigint,
                 message_at = (SELECT e.stored_at FROM messages e WHERE e.conversation_id = $1 AND e.seq = $3)
             WHERE h.conversation_id = $1 AND $2::bigint > 0",
            conversation,
            said.upto,
            said.by.values().max()
        )
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
        let (senders, seqs): (Vec<Uuid>, Vec<i64>) = said.by.into_iter().unzip();
        sqlx::query!(
            "UPDATE memberships v SET sent_seq = coalesce(own.seq, 0)
             FROM memberships w
             LEFT JOIN unnest($2::uuid[], $3::bigint[]) AS own (sender_id, seq) ON own.sender_id = w.user_id AND own.seq >= w.joined_seq
             WHERE w.conversation_id = $1 AND w.left_seq IS NULL
               AND v.conversation_id = w.conversation_id AND v.user_id = w.user_id AND v.joined_seq = w.joined_seq
               AND v.left_seq IS NULL AND v.sent_seq <> coalesce(own.seq, 0)",
            conversation,
            &senders,
            &seqs
        )
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
        sqlx::query!(
            "UPDATE members m SET read_seq = h.last_seq FROM conversation_heads h
             WHERE m.conversation_id = $1 AND h.conversation_id = m.conversation_id AND m.read_seq > h.last_seq",
            conversation
        )
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
        transaction.commit().await.map_err(unavailable)
    }
}

/// What was said in a conversation, as far as it was read. Messages come, and none goes: where one was erased there is a row.
#[derive(Default)]
struct Said {
    /// The last row.
    upto: i64,
    /// The last message of each person.
    by: BTreeMap<Uuid, i64>,
}

impl Said {
    /// Reads what stands behind. Index: `messages_pkey`.
    async fn read_on(&mut self, connection: &mut PgConnection, conversation: Uuid) -> Result<(), StoreError> {
        loop {
            let page = sqlx::query!(
                r#"SELECT sender_id, kind = 'MESSAGE_SENT' AND thread_seq = 0 AS "is_message!", max(seq) AS "seq!",
                          count(*) AS "count!"
                   FROM (SELECT sender_id, kind, thread_seq, seq FROM messages WHERE conversation_id = $1 AND seq > $2 ORDER BY seq LIMIT $3) AS page
                   GROUP BY 1, 2"#,
                conversation,
                self.upto,
                READ_AT_ONCE
            );
            let page = page.fetch_all(&mut *connection).await.map_err(unavailable)?;
            let count: i64 = page.iter().map(|row| row.count).sum();
            for row in page {
                self.upto = self.upto.max(row.seq);
                if row.is_message {
                    self.by.insert(row.sender_id, row.seq);
                }
            }
            if count < READ_AT_ONCE {
                return Ok(());
            }
        }
    }
}

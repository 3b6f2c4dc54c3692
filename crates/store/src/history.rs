//! Messages of the past.

mod pins;
mod single;

use async_trait::async_trait;
use relay_domain::ports::{History, HistoryAnchor, HistoryError, MemberInterval, StoreError};
use relay_protocol::rest::{MessagePage, PinList, ReactionList, RevisionList};
use relay_protocol::{EventFrame, Message, Reaction};
use relay_types::{ConversationId, Emoji, MessageId, Seq, UserId};
use sqlx::types::Uuid;

use crate::Store;
use crate::convert::millis;
use crate::error::{unavailable, unreadable};
use crate::event_row::{EventRow, MESSAGE_SENT};
use crate::threads;

/// Bodies of a page, as JSON: a text of control characters takes six times its length there. Reached, the page ends.
const PAGE_BYTES: usize = 1 << 20;
/// As `messages.thread_seq`: what is said to the conversation itself, and its changes.
const TIMELINE: i64 = 0;
/// Rows of one question: Postgres makes text of all of them before it counts their bytes.
const AT_ONCE: usize = 64;

#[async_trait]
impl History for Store {
    #[tracing::instrument(name = "db.history.read", skip_all, fields(conversation.id = %conversation))]
    async fn messages(
        &self,
        reader: UserId,
        conversation: ConversationId,
        anchor: HistoryAnchor,
        limit: u16,
        changes: bool,
    ) -> Result<MessagePage, HistoryError> {
        self.limited(async {
            let _turn = self.reading().await?;
            // Indexes: members_pkey, memberships_open_key.
            let membership = sqlx::query!(
                r#"SELECT least(greatest(m.read_seq, p.sent_seq),
                            CASE WHEN m.unread_at >= coalesce(p.sent_seq, 0) THEN m.unread_from - 1 END) AS "read_seq!",
                      p.joined_seq AS "joined_seq?"
               FROM members m
               LEFT JOIN memberships p ON p.conversation_id = m.conversation_id AND p.user_id = m.user_id AND p.left_seq IS NULL
               WHERE m.conversation_id = $1 AND m.user_id = $2"#,
                conversation.to_uuid(),
                reader.to_uuid()
            )
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?
            .ok_or(HistoryError::NotMember)?;
            let Some(joined) = membership.joined_seq else {
                return Ok(MessagePage { messages: Vec::new(), changes: Vec::new(), has_more: false });
            };
            let (of, first) = ((reader, conversation), Seq::from_i64(joined));
            let page = match anchor {
                HistoryAnchor::Newest => self.older(of, first, Seq(u64::MAX), limit, (changes, TIMELINE)).await,
                HistoryAnchor::Before(before) => self.older(of, first, before, limit, (changes, TIMELINE)).await,
                HistoryAnchor::After(after) => self.newer(of, first.max(after.next()), limit, (changes, TIMELINE)).await,
                HistoryAnchor::Unread => {
                    self.newer(of, first.max(Seq::from_i64(membership.read_seq).next()), limit, (changes, TIMELINE)).await
                }
            };
            Ok(page?)
        })
        .await
    }

    #[tracing::instrument(name = "db.history.message", skip_all, fields(conversation.id = %conversation, message.id = %message))]
    async fn message(&self, reader: UserId, conversation: ConversationId, message: MessageId) -> Result<Message, HistoryError> {
        self.limited(self.one(reader, conversation, message)).await
    }

    #[tracing::instrument(name = "db.history.revisions", skip_all, fields(conversation.id = %conversation, message.id = %message))]
    async fn revisions(
        &self,
        reader: UserId,
        conversation: ConversationId,
        message: MessageId,
        before: Option<Seq>,
    ) -> Result<RevisionList, HistoryError> {
        self.limited(async {
            let _turn = self.reading().await?;
            let message = self.one(reader, conversation, message).await?;
            Ok(self.revisions_of(message, before).await?)
        })
        .await
    }

    #[tracing::instrument(name = "db.history.reactions", skip_all, fields(conversation.id = %conversation, message.id = %message))]
    async fn reactions(
        &self,
        reader: UserId,
        conversation: ConversationId,
        message: MessageId,
        emoji: Option<&Emoji>,
        after: Option<UserId>,
        limit: u16,
    ) -> Result<ReactionList, HistoryError> {
        self.limited(async {
            let _turn = self.reading().await?;
            let message = self.one(reader, conversation, message).await?;
            Ok(self.reactions_to(&message, emoji, after, limit).await?)
        })
        .await
    }

    #[tracing::instrument(name = "db.history.pins", skip_all, fields(conversation.id = %conversation))]
    async fn pins(&self, reader: UserId, conversation: ConversationId) -> Result<PinList, HistoryError> {
        self.limited(async {
            let _turn = self.reading().await?;
            self.pins_for(reader, conversation).await
        })
        .await
    }

    /// Index: `memberships_pkey`.
    #[tracing::instrument(name = "db.history.member_intervals", skip_all, fields(conversation.id = %conversation))]
    async fn member_intervals(&self, conversation: ConversationId, users: &[UserId]) -> Result<Vec<MemberInterval>, StoreError> {
        self.limited(async {
            let users: Vec<_> = users.iter().map(|user| user.to_uuid()).collect();
            let rows = sqlx::query!(
                "SELECT user_id, joined_seq, left_seq FROM memberships WHERE conversation_id = $1 AND user_id = ANY ($2)",
                conversation.to_uuid(),
                &users
            )
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
            let interval = |user, joined, left: Option<i64>| MemberInterval {
                user: UserId::from_uuid(user),
                joined: Seq::from_i64(joined),
                left: left.map(Seq::from_i64),
            };
            Ok(rows.into_iter().map(|row| interval(row.user_id, row.joined_seq, row.left_seq)).collect())
        })
        .await
    }
}

impl Store {
    /// The newest messages at or after `first` and before `before`, newest first.
    pub(crate) async fn older(
        &self,
        of: (UserId, ConversationId),
        first: Seq,
        before: Seq,
        limit: u16,
        (changes, thread): (bool, i64),
    ) -> Result<MessagePage, StoreError> {
        let mut page = Page::new(limit);
        let mut before = before;
        while let Some((rows, bytes)) = page.wants() {
            page.add(self.rows_before(of, first, before, (rows, bytes), changes, thread).await?);
            before = page.last().unwrap_or(before);
        }
        let mut page = page.finish()?;
        page.messages.reverse();
        page.changes.reverse();
        Ok(page)
    }

    /// The oldest messages from `first` on.
    pub(crate) async fn newer(
        &self,
        of: (UserId, ConversationId),
        first: Seq,
        limit: u16,
        (changes, thread): (bool, i64),
    ) -> Result<MessagePage, StoreError> {
        let mut page = Page::new(limit);
        let mut first = first;
        while let Some((rows, bytes)) = page.wants() {
            page.add(self.rows_from(of, first, (rows, bytes), changes, thread).await?);
            first = page.last().map_or(first, Seq::next);
        }
        page.finish()
    }

    /// Indexes: `messages_by_thread` of one partition, backwards, and `hidden_messages_pkey` of one (`conversation_events_pkey` until
    /// `messages` is filled: one of the two is read, the other's plan is never executed). No more rows once their bodies have
    /// `bytes`, but one.
    async fn rows_before(
        &self,
        (reader, conversation): (UserId, ConversationId),
        first: Seq,
        before: Seq,
        (rows, bytes): (i64, i64),
        changes: bool,
        thread: i64,
    ) -> Result<Vec<EventRow>, StoreError> {
        let rows = sqlx::query_as!(
            EventRow,
            r#"SELECT conversation_id AS "conversation_id!", seq AS "seq!", prev_seq, shard AS "shard!", kind AS "kind!",
                      event_id AS "event_id!", actor_id AS "actor_id!", client_id, body AS "body!", further,
                      decided_at_ms AS "decided_at_ms!", at AS "at!", edited_seq, edited_at, reactions, mine, replies
               FROM (SELECT found.*, sum(octet_length(body)) OVER (ORDER BY seq DESC) - octet_length(body) AS bytes_before
                     FROM ((SELECT conversation_id, seq, prev_seq, shard, kind, message_id AS event_id, sender_id AS actor_id, client_id,
                                   body::text AS body, further::text AS further, sent_at_ms AS decided_at_ms, stored_at AS at,
                                   edited_seq, edited_at, nullif(reactions, '{}')::text AS reactions,
                                   CASE WHEN reactions <> '{}' THEN ARRAY (
                                       SELECT r.emoji FROM reactions r
                                       WHERE r.conversation_id = $1 AND r.seq = messages.seq AND r.user_id = $8 AND r.stays) END AS mine,
                                   CASE WHEN thread_seq = 0 THEN thread_replies(conversation_id, seq) END AS replies
                            FROM messages
                            WHERE $7 AND conversation_id = $1 AND (thread_seq, seq) >= ($9, $2) AND (thread_seq, seq) < ($9, $3)
                              AND (kind = 'MESSAGE_SENT' OR $6)
                              AND (only_for IS NULL OR only_for = $8)
                              AND NOT EXISTS (SELECT FROM hidden_messages h
                                              WHERE h.user_id = $8 AND h.conversation_id = $1 AND h.seq = messages.seq)
                            ORDER BY thread_seq DESC, seq DESC LIMIT $4)
                           UNION ALL
                           (SELECT conversation_id, seq, prev_seq, shard, kind, event_id, actor_id, client_id, body::text,
                                   further::text, decided_at_ms, at, NULL::bigint, NULL::timestamptz, NULL::text, NULL::text[],
                                   NULL::text
                            FROM conversation_events
                            WHERE NOT $7 AND conversation_id = $1 AND seq >= $2 AND seq < $3 AND (kind = 'MESSAGE_SENT' OR $6)
                              AND coalesce(further -> 'thread' ->> 'seq', '0') = $9::bigint::text
                            ORDER BY seq DESC LIMIT $4)) AS found) AS page
               WHERE bytes_before < $5
               ORDER BY seq DESC"#,
            conversation.to_uuid(),
            first.to_i64(),
            before.to_i64(),
            rows,
            bytes,
            changes,
            self.messages_are_filled().await?,
            reader.to_uuid(),
            thread
        );
        rows.fetch_all(&self.pool).await.map_err(unavailable)
    }

    /// Index: `messages_by_thread` of one partition. As [`Self::rows_before`]. No more rows once their bodies have `bytes`, but one.
    async fn rows_from(
        &self,
        (reader, conversation): (UserId, ConversationId),
        first: Seq,
        (rows, bytes): (i64, i64),
        changes: bool,
        thread: i64,
    ) -> Result<Vec<EventRow>, StoreError> {
        let rows = sqlx::query_as!(
            EventRow,
            r#"SELECT conversation_id AS "conversation_id!", seq AS "seq!", prev_seq, shard AS "shard!", kind AS "kind!",
                      event_id AS "event_id!", actor_id AS "actor_id!", client_id, body AS "body!", further,
                      decided_at_ms AS "decided_at_ms!", at AS "at!", edited_seq, edited_at, reactions, mine, replies
               FROM (SELECT found.*, sum(octet_length(body)) OVER (ORDER BY seq) - octet_length(body) AS bytes_before
                     FROM ((SELECT conversation_id, seq, prev_seq, shard, kind, message_id AS event_id, sender_id AS actor_id, client_id,
                                   body::text AS body, further::text AS further, sent_at_ms AS decided_at_ms, stored_at AS at,
                                   edited_seq, edited_at, nullif(reactions, '{}')::text AS reactions,
                                   CASE WHEN reactions <> '{}' THEN ARRAY (
                                       SELECT r.emoji FROM reactions r
                                       WHERE r.conversation_id = $1 AND r.seq = messages.seq AND r.user_id = $7 AND r.stays) END AS mine,
                                   CASE WHEN thread_seq = 0 THEN thread_replies(conversation_id, seq) END AS replies
                            FROM messages
                            WHERE $6 AND conversation_id = $1 AND (thread_seq, seq) >= ($8, $2)
                              AND (thread_seq, seq) <= ($8, 9223372036854775807) AND (kind = 'MESSAGE_SENT' OR $5)
                              AND (only_for IS NULL OR only_for = $7)
                              AND NOT EXISTS (SELECT FROM hidden_messages h
                                              WHERE h.user_id = $7 AND h.conversation_id = $1 AND h.seq = messages.seq)
                            ORDER BY thread_seq, seq LIMIT $3)
                           UNION ALL
                           (SELECT conversation_id, seq, prev_seq, shard, kind, event_id, actor_id, client_id, body::text,
                                   further::text, decided_at_ms, at, NULL::bigint, NULL::timestamptz, NULL::text, NULL::text[],
                                   NULL::text
                            FROM conversation_events
                            WHERE NOT $6 AND conversation_id = $1 AND seq >= $2 AND (kind = 'MESSAGE_SENT' OR $5)
                              AND coalesce(further -> 'thread' ->> 'seq', '0') = $8::bigint::text
                            ORDER BY seq LIMIT $3)) AS found) AS page
               WHERE bytes_before < $4
               ORDER BY seq"#,
            conversation.to_uuid(),
            first.to_i64(),
            rows,
            bytes,
            changes,
            self.messages_are_filled().await?,
            reader.to_uuid(),
            thread
        );
        rows.fetch_all(&self.pool).await.map_err(unavailable)
    }
}

/// A page in the making: so many messages, and not much more than so many bytes.
struct Page {
    limit: usize,
    rows: Vec<EventRow>,
    bytes: usize,
    /// What was asked for and did not come.
    has_more: Option<bool>,
    asked: usize,
}

impl Page {
    fn new(limit: u16) -> Self {
        Self { limit: usize::from(limit), rows: Vec::new(), bytes: 0, has_more: None, asked: 0 }
    }

    /// How many rows, and with how many bytes, to ask for next; `None` when the page is complete. One row more than the page
    /// holds tells whether there is another page.
    fn wants(&mut self) -> Option<(i64, i64)> {
        if self.has_more.is_some() {
            return None;
        }
        self.asked = (self.limit + 1 - self.rows.len()).min(AT_ONCE);
        let bytes = PAGE_BYTES.saturating_sub(self.bytes);
        Some((i64::try_from(self.asked).unwrap_or(i64::MAX), i64::try_from(bytes).unwrap_or(i64::MAX)))
    }

    fn add(&mut self, rows: Vec<EventRow>) {
        let came = rows.len();
        self.bytes += rows.iter().map(|row| row.body.len()).sum::<usize>();
        self.rows.extend(rows);
        if self.rows.len() > self.limit {
            self.rows.truncate(self.limit);
            self.has_more = Some(true);
        } else if self.bytes >= PAGE_BYTES {
            // There may be none; then the next page is empty.
            self.has_more = Some(true);
        } else if came < self.asked {
            self.has_more = Some(false);
        }
    }

    fn last(&self) -> Option<Seq> {
        self.rows.last().map(|row| Seq::from_i64(row.seq))
    }

    fn finish(self) -> Result<MessagePage, StoreError> {
        let mut page = MessagePage { messages: Vec::new(), changes: Vec::new(), has_more: self.has_more.unwrap_or(false) };
        for row in self.rows {
            if row.kind == MESSAGE_SENT {
                page.messages.push(message_of(row)?);
            } else {
                // A type that this build does not know is told by a later one.
                page.changes.extend(Some(row.into_stored()?).filter(|stored| stored.event.is_in_history()).and_then(EventFrame::of));
            }
        }
        Ok(page)
    }
}

/// A message as clients see it.
pub(crate) fn message_of(row: EventRow) -> Result<Message, StoreError> {
    let (seq, prev) = (Seq::from_i64(row.seq), row.prev_seq.map(Seq::from_i64));
    let (edited_seq, edited_at_ms) = (row.edited_seq.map(Seq::from_i64), row.edited_at.map(millis));
    let reactions = row.reactions.as_deref().map(StoredReactions::decode).transpose()?;
    let mine = row.mine.clone().unwrap_or_default();
    let replies = row.replies.as_deref().map(threads::decode_replies).transpose()?;
    let mut message = Message::of(row.into_message()?, seq, prev);
    if let Some(StoredReactions { upto, kinds }) = reactions {
        message.reacted_seq = Some(upto);
        message.reactions = kinds.into_iter().map(|kind| kind.read_by(&mine)).collect::<Result<_, _>>()?;
    }
    message.replies = replies;
    Ok(Message { edited_seq, edited_at_ms, ..message })
}

/// `messages.reactions`.
#[derive(Default, serde::Deserialize)]
pub(crate) struct StoredReactions {
    /// The place of the newest reaction that is in here.
    upto: Seq,
    pub(crate) kinds: Vec<StoredReaction>,
}

#[derive(serde::Deserialize)]
pub(crate) struct StoredReaction {
    pub(crate) emoji: Emoji,
    pub(crate) count: u32,
    /// UUIDs.
    by: Vec<String>,
}

impl StoredReactions {
    pub(crate) fn decode(json: &str) -> Result<Self, StoreError> {
        serde_json::from_str(json).map_err(|_| unreadable("reactions"))
    }
}

impl StoredReaction {
    /// As somebody sees it whose own reactions these are.
    fn read_by(self, mine: &[String]) -> Result<Reaction, StoreError> {
        let Self { emoji, count, by } = self;
        let mine = mine.iter().any(|own| own == emoji.as_str());
        let by = by.iter().map(|user| Uuid::try_parse(user).map(UserId::from_uuid).map_err(|_| unreadable("reactions")));
        Ok(Reaction { by: by.collect::<Result<_, _>>()?, emoji, count, mine })
    }
}

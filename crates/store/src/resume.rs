//! What sockets that catch up read. On the path of a reconnect storm: one statement per call, every one an index look-up.

use std::collections::BTreeMap;

use async_trait::async_trait;
use relay_domain::ports::{
    EventPage, EventRange, FoundEvent, Holds, JoinQuestion, JoinSnapshot, MembershipInterval, OriginalSend, OwnHead, Pinned, Reacted,
    ResumeStore, SendKey, SnapshotMembership, Standing, StoreError, Target,
};
use relay_protocol::log::{EventOwner, EventText, StoredEvent};
use relay_types::{ConversationId, MessageId, Seq, ShardId, UserId};
use sqlx::types::Uuid;
use sqlx::{Connection as _, PgConnection};

use crate::Store;
use crate::convert::{kind, millis, role, shard, shard_column, text};
use crate::error::{is_full, unavailable, unreadable};
use crate::event_row::{EventRow, TextRow, UserTextRow, thread_of};
use crate::history::StoredReactions;

#[async_trait]
impl ResumeStore for Store {
    /// One statement sees one snapshot, so watermarks, sessions and memberships belong together without a transaction's
    /// round trips. Indexes, for each question: `sessions_pkey`, `memberships_by_user`, `conversation_heads_pkey` per conversation,
    /// `user_heads_pkey`. For EXISTS in the place of the sub-select Postgres would read all sessions once. A head of before a worker
    /// that kept no user events is not certain.
    #[tracing::instrument(name = "db.resume.join", skip_all, fields(questions = questions.len()))]
    async fn join_snapshots(&self, questions: &[JoinQuestion]) -> Result<Vec<JoinSnapshot>, StoreError> {
        self.limited(async {
            let users: Vec<Uuid> = questions.iter().map(|question| question.user.to_uuid()).collect();
            let sessions: Vec<Uuid> = questions.iter().map(|question| question.session.to_uuid()).collect();
            let (cursor_places, cursor_shards, cursor_seqs) = cursor_columns(questions);
            let rows = sqlx::query!(
                r#"SELECT who.place AS "place!",
                   coalesce((SELECT true FROM sessions s
                             WHERE s.session_id = who.session_id AND s.user_id = who.user_id AND s.revoked_at IS NULL
                               AND least(s.refresh_expires_at, s.ends_at) > now()), false)
                       AS "session_live!",
                   ARRAY (SELECT shard FROM watermarks ORDER BY shard) AS "watermark_shards!",
                   ARRAY (SELECT seq FROM watermarks ORDER BY shard) AS "watermark_seqs!",
                   m.conversations AS "conversations?", m.shards AS "shards?", m.joined AS "joined?",
                   m.lefts AS "lefts?: Vec<Option<i64>>", m.lasts AS "lasts?",
                   own.shards AS "own_shards?", own.lasts AS "own_lasts?", own.certain AS "own_certain?"
               FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS who (user_id, session_id, place)
               CROSS JOIN LATERAL
                    (SELECT array_agg(m.conversation_id) AS conversations, array_agg(m.shard) AS shards,
                            array_agg(m.joined_seq) AS joined, array_agg(m.left_seq) AS lefts, array_agg(coalesce(h.last_seq, 0)) AS lasts
                     FROM memberships m
                     LEFT JOIN unnest($5::bigint[], $3::integer[], $4::bigint[]) AS cursor (place, shard, seq)
                         ON cursor.place = who.place AND cursor.shard = m.shard
                     LEFT JOIN conversation_heads h ON h.conversation_id = m.conversation_id
                     WHERE m.user_id = who.user_id AND (m.left_seq IS NULL OR m.left_seq > cursor.seq)) AS m
               CROSS JOIN LATERAL
                    (SELECT array_agg(h.shard) AS shards, array_agg(h.last_seq) AS lasts,
                            array_agg(h.last_seq > CASE WHEN w.own_upto = w.seq THEN w.own_floor ELSE w.seq END) AS certain
                     FROM user_heads h JOIN watermarks w USING (shard) WHERE h.user_id = who.user_id) AS own"#,
                &users,
                &sessions,
                &cursor_shards,
                &cursor_seqs,
                &cursor_places,
            )
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
            let mut snapshots = vec![None; questions.len()];
            for row in rows {
                let place = usize::try_from(row.place - 1).unwrap_or(usize::MAX);
                let Some(snapshot) = snapshots.get_mut(place) else { continue };
                let watermarks = watermarks_of(row.watermark_shards.into_iter().zip(row.watermark_seqs))?;
                let starts = row.shards.unwrap_or_default().into_iter().zip(row.joined.unwrap_or_default());
                let ends = row.lefts.unwrap_or_default().into_iter().zip(row.lasts.unwrap_or_default());
                let memberships = row.conversations.unwrap_or_default().into_iter().zip(starts).zip(ends);
                let memberships = memberships.map(|((id, (in_shard, joined)), (left, last))| {
                    let interval = MembershipInterval {
                        conversation: ConversationId::from_uuid(id),
                        shard: shard(in_shard)?,
                        joined: Seq::from_i64(joined),
                        left: left.map(Seq::from_i64),
                    };
                    Ok(SnapshotMembership { interval, last: Seq::from_i64(last) })
                });
                let memberships = memberships.collect::<Result<Vec<_>, StoreError>>()?;
                let ends = row.own_lasts.unwrap_or_default().into_iter().zip(row.own_certain.unwrap_or_default());
                let own = row.own_shards.unwrap_or_default().into_iter().zip(ends);
                let own = own.map(|(in_shard, (last, certain))| Ok((shard(in_shard)?, OwnHead { last: Seq::from_i64(last), certain })));
                let own = own.collect::<Result<_, StoreError>>()?;
                *snapshot = Some(JoinSnapshot { session_live: row.session_live, watermarks, memberships, own });
            }
            snapshots.into_iter().map(|snapshot| snapshot.ok_or_else(|| unreadable("a snapshot"))).collect()
        })
        .await
    }

    /// Indexes: `conversation_events_pkey`, entered once per range and month of the last two, and `user_events_pkey`, entered once per
    /// range and day, both read by the index alone; at most `most` + 1 entries of each in all.
    #[tracing::instrument(name = "db.events.find", skip_all, fields(ranges = ranges.len(), rows))]
    async fn find_events(&self, shard: ShardId, ranges: &[EventRange], most: u32) -> Result<Option<Vec<FoundEvent>>, StoreError> {
        self.limited(async {
            let mut events = self.find_own(shard, ranges, most).await?;
            let (numbers, conversations, afters, uptos) = columns(ranges);
            if conversations.is_empty() {
                return Ok((events.len() <= most as usize).then_some(events));
            }
            let rows = sqlx::query!(
                r#"SELECT range.number AS "number!", e.seq
               FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $5::integer[]) AS range (conversation_id, after_seq, upto_seq, number)
               CROSS JOIN LATERAL (
                   SELECT e.seq FROM conversation_events e
                   WHERE e.conversation_id = range.conversation_id AND e.seq > range.after_seq AND e.seq <= range.upto_seq
                     AND e.at >= (SELECT oldest FROM event_horizon)
                   LIMIT $4) AS e
               LIMIT $4"#,
                &conversations,
                &afters,
                &uptos,
                i64::from(most) + 1,
                &numbers,
            )
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
            tracing::Span::current().record("rows", rows.len());
            if rows.len() + events.len() > most as usize {
                return Ok(None);
            }
            events.extend(rows.into_iter().map(|row| found(row.number, row.seq)));
            events.sort_unstable_by_key(|event| event.seq);
            Ok(Some(events))
        })
        .await
    }

    /// Indexes: `conversation_events_pkey`, read in order once per range and month of the last two, and `user_events_pkey`, once per
    /// range and day; at most `limit` rows each.
    #[tracing::instrument(name = "db.events.read", skip_all, fields(shard = %shard, ranges = ranges.len(), rows))]
    async fn events(&self, shard: ShardId, ranges: &[EventRange], limit: u32, bytes: u32) -> Result<EventPage, StoreError> {
        self.limited(async {
            if ranges.is_empty() || limit == 0 {
                return Ok(EventPage { events: Vec::new(), complete: ranges.is_empty() });
            }
            let mut read = self.own_events(shard, ranges, limit, bytes).await?;
            let (_, conversations, afters, uptos) = columns(ranges);
            if conversations.is_empty() {
                return Ok(page_of(read, limit, bytes));
            }
            let rows = sqlx::query_as!(
                TextRow,
                r#"SELECT page.conversation_id AS "conversation_id!", page.seq AS "seq!", page.prev_seq, page.shard AS "shard!",
                      page.kind AS "kind!", page.event_id AS "event_id!", page.actor_id AS "actor_id!", page.client_id,
                      page.body AS "body!", page.further, page.decided_at_ms AS "decided_at_ms!"
               FROM (SELECT found.*, sum(octet_length(found.body)) OVER (ORDER BY found.seq) - octet_length(found.body) AS bytes_before
                     FROM (SELECT e.conversation_id, e.seq, e.prev_seq, e.shard, e.kind, e.event_id, e.actor_id, e.client_id,
                                  e.body::text AS body, e.further::text AS further, e.decided_at_ms
                           FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS range (conversation_id, after_seq, upto_seq)
                           CROSS JOIN LATERAL (
                               SELECT * FROM conversation_events e
                               WHERE e.conversation_id = range.conversation_id AND e.seq > range.after_seq AND e.seq <= range.upto_seq
                                 AND e.at >= (SELECT oldest FROM event_horizon)
                               ORDER BY e.seq LIMIT $4) AS e
                           WHERE e.shard = $5
                           ORDER BY e.seq LIMIT $4) AS found) AS page
               WHERE page.bytes_before < $6
               ORDER BY page.seq"#,
                &conversations,
                &afters,
                &uptos,
                i64::from(limit),
                shard_column(shard),
                i64::from(bytes),
            )
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
            tracing::Span::current().record("rows", rows.len() + read.len());
            read.extend(rows.into_iter().map(|row| Read { seq: row.seq, size: row.body.len(), event: row.into_text() }));
            Ok(page_of(read, limit, bytes))
        })
        .await
    }

    /// Indexes: `erasures_pkey`, and `conversation_events_pkey` once per event and month of the last two.
    #[tracing::instrument(name = "db.events.erased", skip_all, fields(shard = %in_shard))]
    async fn erased(&self, in_shard: ShardId, after: Seq, limit: u32) -> Result<Vec<StoredEvent>, StoreError> {
        self.limited(async {
            let rows = sqlx::query_as!(
                EventRow,
                r#"SELECT e.conversation_id, e.seq, e.prev_seq, e.shard, e.kind, e.event_id, e.actor_id, e.client_id,
                      e.body::text AS "body!", e.further::text AS further, e.decided_at_ms, e.at, NULL::bigint AS edited_seq,
                      NULL::timestamptz AS edited_at, NULL::text AS reactions, NULL::text[] AS mine,
                      NULL::text AS replies
               FROM erasures x
               JOIN conversation_events e ON e.conversation_id = x.conversation_id AND e.seq = x.seq
               WHERE x.shard = $1 AND x.seq > $2 AND e.at >= (SELECT oldest FROM event_horizon)
               ORDER BY x.seq LIMIT $3"#,
                shard_column(in_shard),
                after.to_i64(),
                i64::from(limit),
            );
            rows.fetch_all(&self.pool).await.map_err(unavailable)?.into_iter().map(EventRow::into_stored).collect()
        })
        .await
    }

    /// Index: `send_keys_pkey`, one probe per key and week. A key that was used twice is the first message's.
    #[tracing::instrument(name = "db.send_keys.find", skip_all, fields(keys = keys.len()))]
    async fn find_sends(&self, keys: &[SendKey]) -> Result<Vec<Option<OriginalSend>>, StoreError> {
        self.limited(async {
            if keys.is_empty() {
                return Ok(Vec::new());
            }
            let conversations: Vec<Uuid> = keys.iter().map(|key| key.conversation.to_uuid()).collect();
            let senders: Vec<Uuid> = keys.iter().map(|key| key.sender.to_uuid()).collect();
            let client_ids: Vec<String> = keys.iter().map(|key| key.client_id.as_str().to_owned()).collect();
            let rows = sqlx::query!(
                r#"SELECT key.place AS "place!", s.message_id, s.seq, s.sent_at_ms
               FROM unnest($1::uuid[], $2::uuid[], $3::text[]) WITH ORDINALITY AS key (conversation_id, sender_id, client_id, place)
               CROSS JOIN LATERAL (
                   SELECT s.message_id, s.seq, s.sent_at_ms FROM send_keys s
                   WHERE s.conversation_id = key.conversation_id AND s.sender_id = key.sender_id AND s.client_id = key.client_id
                   ORDER BY s.seq LIMIT 1) AS s"#,
                &conversations,
                &senders,
                &client_ids,
            )
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
            let mut found = vec![None; keys.len()];
            for row in rows {
                let index = usize::try_from(row.place - 1).unwrap_or(usize::MAX);
                *found.get_mut(index).ok_or_else(|| unreadable("send key"))? = Some(OriginalSend {
                    message_id: MessageId::from_uuid(row.message_id),
                    seq: Seq::from_i64(row.seq),
                    sent_at_ms: row.sent_at_ms,
                });
            }
            Ok(found)
        })
        .await
    }

    /// Indexes: `messages_message_id_key` of one partition, `memberships_open_key`. While `messages` is being filled, what is not
    /// there yet cannot be told.
    #[tracing::instrument(name = "db.messages.target", skip_all, fields(conversation.id = %conversation, message.id = %message))]
    async fn target(&self, reader: UserId, conversation: ConversationId, message: MessageId) -> Result<Option<Target>, StoreError> {
        let filled = self.messages_are_filled().await?;
        self.limited(async {
            let row = sqlx::query!(
                r#"SELECT m.seq, m.prev_seq, m.sender_id, m.client_id, m.sent_at_ms, m.stored_at, m.deleted, m.revision,
                          m.further::text AS further,
                          coalesce(m.body ->> 'type' = 'text', false) AS "is_text!",
                          EXISTS (SELECT FROM memberships v
                                  WHERE v.conversation_id = m.conversation_id AND v.user_id = $3 AND v.left_seq IS NULL
                                    AND v.joined_seq <= m.seq) AS "visible!"
                   FROM messages m
                   WHERE m.conversation_id = $1 AND m.message_id = $2 AND m.kind = 'MESSAGE_SENT'
                     AND (m.only_for IS NULL OR m.only_for = $3)"#,
                conversation.to_uuid(),
                message.to_uuid(),
                reader.to_uuid()
            );
            let Some(row) = row.fetch_optional(&self.pool).await.map_err(unavailable)? else {
                return if filled { Ok(None) } else { Err(StoreError::new("messages are being filled")) };
            };
            let holds = match (row.deleted, row.is_text) {
                (true, _) => Holds::Nothing,
                (false, true) => Holds::Text,
                (false, false) => Holds::Other,
            };
            Ok(Some(Target {
                seq: Seq::from_i64(row.seq),
                prev: row.prev_seq.map(Seq::from_i64),
                sender: UserId::from_uuid(row.sender_id),
                client_id: text(&row.client_id.unwrap_or_default(), "client_id")?,
                sent_at_ms: row.sent_at_ms,
                stored_at_ms: millis(row.stored_at),
                holds,
                edits: u32::try_from(row.revision).unwrap_or_default(),
                visible: row.visible,
                thread: thread_of(row.further.as_deref()),
            }))
        })
        .await
    }

    /// Indexes: `conversations_pkey`, `members_pkey`.
    #[tracing::instrument(name = "db.member.standing", skip_all, fields(user.id = %actor, conversation.id = %conversation))]
    async fn standing(&self, actor: UserId, sender: UserId, conversation: ConversationId) -> Result<Option<Standing>, StoreError> {
        self.limited(async {
            let row = sqlx::query!(
                r#"SELECT c.kind, m.role, s.role AS "sender_role?" FROM conversations c
                   JOIN members m ON m.conversation_id = c.conversation_id AND m.user_id = $2
                   LEFT JOIN members s ON s.conversation_id = c.conversation_id AND s.user_id = $3
                   WHERE c.conversation_id = $1"#,
                conversation.to_uuid(),
                actor.to_uuid(),
                sender.to_uuid()
            );
            let row = row.fetch_optional(&self.pool).await.map_err(unavailable)?;
            row.map(|row| {
                let sender = row.sender_role.as_deref().map(role).transpose()?;
                Ok(Standing { kind: kind(&row.kind)?, role: role(&row.role)?, sender })
            })
            .transpose()
        })
        .await
    }

    /// Indexes: `conversations_pkey`; `messages_pkey`, `reactions_pkey` and `hidden_messages_pkey` of one partition.
    #[tracing::instrument(name = "db.reactions.standing", skip_all, fields(conversation.id = %conversation, stream.seq = %message))]
    async fn reacted(&self, author: UserId, conversation: ConversationId, message: Seq) -> Result<Reacted, StoreError> {
        self.limited(async {
            let row = sqlx::query!(
                r#"SELECT c.member_count, nullif(m.reactions, '{}')::text AS "reactions?",
                          ARRAY (SELECT r.emoji FROM reactions r
                                 WHERE r.conversation_id = $1 AND r.seq = $2 AND r.user_id = $3) AS "own!",
                          ARRAY (SELECT r.emoji FROM reactions r
                                 WHERE r.conversation_id = $1 AND r.seq = $2 AND r.user_id = $3 AND r.stays) AS "standing!",
                          EXISTS (SELECT FROM hidden_messages x
                                  WHERE x.user_id = $3 AND x.conversation_id = $1 AND x.seq = $2) AS "hidden!"
                   FROM conversations c LEFT JOIN messages m ON m.conversation_id = $1 AND m.seq = $2
                   WHERE c.conversation_id = $1"#,
                conversation.to_uuid(),
                message.to_i64(),
                author.to_uuid()
            );
            let Some(row) = row.fetch_optional(&self.pool).await.map_err(unavailable)? else { return Ok(Reacted::default()) };
            let kinds = row.reactions.as_deref().map(StoredReactions::decode).transpose()?.unwrap_or_default().kinds;
            Ok(Reacted {
                count: kinds.iter().map(|kind| kind.count).fold(0, u32::saturating_add),
                kinds: kinds.into_iter().map(|kind| kind.emoji).collect(),
                own: row.own.iter().map(|emoji| text(emoji, "emoji")).collect::<Result<_, _>>()?,
                standing: row.standing.iter().map(|emoji| text(emoji, "emoji")).collect::<Result<_, _>>()?,
                members: u32::try_from(row.member_count).unwrap_or_default(),
                hidden: row.hidden,
            })
        })
        .await
    }

    /// Indexes: `members_pkey`, `conversations_pkey`, `pins_pkey`, `pins_present`.
    #[tracing::instrument(name = "db.pins.standing", skip_all, fields(conversation.id = %conversation, stream.seq = %message))]
    async fn pinned(&self, actor: UserId, conversation: ConversationId, message: Seq) -> Result<Option<Pinned>, StoreError> {
        self.limited(async {
            let row = sqlx::query!(
                r#"SELECT c.kind, m.role,
                          EXISTS (SELECT FROM pins p WHERE p.conversation_id = $1 AND p.seq = $3 AND p.stays) AS "is_pinned!",
                          (SELECT count(*) FROM pins p WHERE p.conversation_id = $1 AND p.stays) AS "pins!"
                   FROM members m JOIN conversations c ON c.conversation_id = m.conversation_id
                   WHERE m.conversation_id = $1 AND m.user_id = $2"#,
                conversation.to_uuid(),
                actor.to_uuid(),
                message.to_i64()
            );
            let Some(row) = row.fetch_optional(&self.pool).await.map_err(unavailable)? else { return Ok(None) };
            let pins = u32::try_from(row.pins).unwrap_or(u32::MAX);
            Ok(Some(Pinned { kind: kind(&row.kind)?, role: role(&row.role)?, is_pinned: row.is_pinned, pins }))
        })
        .await
    }

    #[tracing::instrument(name = "db.watermarks.list", skip_all)]
    async fn watermarks(&self) -> Result<BTreeMap<ShardId, Seq>, StoreError> {
        self.limited(async {
            let rows = sqlx::query!("SELECT shard, seq FROM watermarks").fetch_all(&self.pool).await.map_err(unavailable)?;
            watermarks_of(rows.into_iter().map(|row| (row.shard, row.seq)))
        })
        .await
    }

    async fn reach(&self) -> Result<(), StoreError> {
        match PgConnection::connect_with(&self.pool.connect_options()).await {
            Ok(connection) => {
                // It was made; how it ends says nothing.
                let _ = connection.close().await;
                Ok(())
            }
            Err(error) if is_full(&error) => Ok(()),
            Err(error) => Err(unavailable(error)),
        }
    }
}

impl Store {
    /// Where the events on users' own subjects lie; at most `most` + 1.
    async fn find_own(&self, shard: ShardId, ranges: &[EventRange], most: u32) -> Result<Vec<FoundEvent>, StoreError> {
        let (numbers, users, afters, uptos) = own_columns(ranges);
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let rows = sqlx::query!(
            r#"SELECT range.number AS "number!", e.seq
               FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $5::integer[]) AS range (user_id, after_seq, upto_seq, number)
               CROSS JOIN LATERAL (
                   SELECT e.seq FROM user_events e
                   WHERE e.user_id = range.user_id AND e.shard = $6 AND e.seq > range.after_seq AND e.seq <= range.upto_seq
                   LIMIT $4) AS e
               LIMIT $4"#,
            &users,
            &afters,
            &uptos,
            i64::from(most) + 1,
            &numbers,
            shard_column(shard),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(unavailable)?;
        let mut events: Vec<FoundEvent> = rows.into_iter().map(|row| found(row.number, row.seq)).collect();
        events.sort_unstable_by_key(|event| event.seq);
        Ok(events)
    }

    /// The first events on users' own subjects, ascending.
    async fn own_events(&self, shard: ShardId, ranges: &[EventRange], limit: u32, bytes: u32) -> Result<Vec<Read>, StoreError> {
        let (_, users, afters, uptos) = own_columns(ranges);
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let rows = sqlx::query_as!(
            UserTextRow,
            r#"SELECT page.user_id AS "user_id!", page.shard AS "shard!", page.seq AS "seq!", page.prev_seq, page.body AS "body!"
               FROM (SELECT found.*, sum(octet_length(found.body)) OVER (ORDER BY found.seq) - octet_length(found.body) AS bytes_before
                     FROM (SELECT e.user_id, e.shard, e.seq, e.prev_seq, e.body::text AS body
                           FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS range (user_id, after_seq, upto_seq)
                           CROSS JOIN LATERAL (
                               SELECT * FROM user_events e
                               WHERE e.user_id = range.user_id AND e.shard = $5 AND e.seq > range.after_seq AND e.seq <= range.upto_seq
                               ORDER BY e.seq LIMIT $4) AS e
                           ORDER BY e.seq LIMIT $4) AS found) AS page
               WHERE page.bytes_before < $6
               ORDER BY page.seq"#,
            &users,
            &afters,
            &uptos,
            i64::from(limit),
            shard_column(shard),
            i64::from(bytes),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(unavailable)?;
        Ok(rows.into_iter().map(|row| Read { seq: row.seq, size: row.body.len(), event: row.into_text() }).collect())
    }
}

/// A row as read.
struct Read {
    seq: i64,
    /// Of its body.
    size: usize,
    event: Result<EventText, StoreError>,
}

fn found(number: i32, seq: i64) -> FoundEvent {
    FoundEvent { seq: Seq::from_i64(seq), range: u32::try_from(number).unwrap_or(u32::MAX) }
}

/// The first events, in order, up to `limit`, and no more once they have `bytes`. Each list that went into `read` was cut by the
/// same rule, so nothing that it left out stands before what is kept. What no version reads is left out, as everybody else passes
/// over it.
fn page_of(mut read: Vec<Read>, limit: u32, bytes: u32) -> EventPage {
    read.sort_unstable_by_key(|row| row.seq);
    let complete = read.len() < limit as usize && read.iter().map(|row| row.size).sum::<usize>() < bytes as usize;
    let mut before = 0;
    let fits = |row: &Read| {
        let fits = before < bytes as usize;
        before += row.size;
        fits
    };
    let events = read.into_iter().take(limit as usize).take_while(fits).filter_map(|row| match row.event {
        Ok(event) => Some(event),
        Err(error) => {
            tracing::warn!(stream.seq = row.seq, reason = error.reason, "an event that cannot be read is passed over");
            None
        }
    });
    EventPage { events: events.collect(), complete }
}

/// Ranges as the statements take them: each one's number among all, whose it is, after which sequence, and up to which.
type RangeColumns = (Vec<i32>, Vec<Uuid>, Vec<i64>, Vec<i64>);

/// Those of conversations.
fn columns(ranges: &[EventRange]) -> RangeColumns {
    columns_of(ranges, |owner| if let EventOwner::Conversation(id) = owner { Some(id.to_uuid()) } else { None })
}

/// Those of users' own subjects.
fn own_columns(ranges: &[EventRange]) -> RangeColumns {
    columns_of(ranges, |owner| if let EventOwner::User(id) = owner { Some(id.to_uuid()) } else { None })
}

fn columns_of(ranges: &[EventRange], whose: impl Fn(EventOwner) -> Option<Uuid>) -> RangeColumns {
    let mut columns = RangeColumns::default();
    for (number, range) in (0..).zip(ranges) {
        let Some(owner) = whose(range.owner) else { continue };
        columns.0.push(number);
        columns.1.push(owner);
        columns.2.push(range.after.to_i64());
        columns.3.push(range.upto.to_i64());
    }
    columns
}

/// The cursors of all questions: whose each is, counted from 1, of which shard, and where it is.
fn cursor_columns(questions: &[JoinQuestion]) -> (Vec<i64>, Vec<i32>, Vec<i64>) {
    let mut columns = (Vec::new(), Vec::new(), Vec::new());
    for (place, question) in (1..).zip(questions) {
        for (shard, cursor) in &question.cursors {
            columns.0.push(place);
            columns.1.push(shard_column(*shard));
            columns.2.push(cursor.to_i64());
        }
    }
    columns
}

fn watermarks_of(rows: impl Iterator<Item = (i32, i64)>) -> Result<BTreeMap<ShardId, Seq>, StoreError> {
    rows.map(|(in_shard, seq)| Ok((shard(in_shard)?, Seq::from_i64(seq)))).collect()
}

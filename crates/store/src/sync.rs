//! What a client shows first, and what changed since.
//!
//! A token is the watermarks as they were before anything else of the answer was read. So everything up to it is in the answer, and what
//! is projected later stands behind it.
//!
//! What changed since is found in three places, each by an index: in conversations that were active, or amended, behind the token's time,
//! by their head; in the user's own events; and in memberships that ended. What is decided and tells nobody (a read mark, a setting)
//! writes an event on the user's own subject, so that it is found there.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use relay_domain::ports::{ListPart, MOST_DRAFTS, StoreError, SyncPage, SyncReading};
use relay_protocol::conversation::ConversationKind;
use relay_protocol::rest::ConversationListItem;
use relay_protocol::sync::{MOST_SYNCED, SYNCED_DRAFT_BYTES, SyncPlace, SyncToken, SyncedDraft, SyncedReceipt};
use relay_types::{ConversationId, MessageId, Seq, ShardId, UserId};
use sqlx::types::Uuid;
use time::OffsetDateTime;

use crate::Store;
use crate::conversations::{items, places};
use crate::convert::{millis, shard, shard_column, timestamp};
use crate::error::unavailable;

/// Archived conversations, and requests, of a first answer.
const FEW: u16 = 50;
/// Conversations that may have changed and are looked at: some 15 ms.
const MOST_LOOKED_AT: i64 = 4_000;
/// Events of the user's own that are read: somebody who was away for longer has more.
const MOST_OWN: i64 = 1_000;
/// What a log's clock may step back when its leader changes, with room to spare.
const CLOCK_STEP: Duration = Duration::from_secs(600);
/// How old a token's place may be where something happened since. Users' own events are kept a little longer.
const MOST_AGE: Duration = Duration::from_secs(30 * 86_400);

/// How far the projection has a shard's log.
struct Watermark {
    place: SyncPlace,
    /// Users' own events up to here are not all there.
    own_floor: Seq,
}

/// Which conversations something is new of.
#[derive(Default)]
struct Changed {
    conversations: BTreeSet<Uuid>,
    drafts: BTreeSet<Uuid>,
}

/// What the token says of a shard on which something happened since.
struct Since {
    shard: ShardId,
    seq: Seq,
    at: OffsetDateTime,
}

#[async_trait]
impl SyncReading for Store {
    #[tracing::instrument(name = "db.sync.full", skip_all, fields(user.id = %user))]
    async fn sync_full(&self, user: UserId, limit: u16) -> Result<SyncPage, StoreError> {
        self.limited(async {
            let token = token_of(self.sync_watermarks().await?);
            let (first, next) = places(self, user, ListPart::Accepted, None, limit).await?;
            let (pinned, _) = places(self, user, ListPart::Pinned, None, limit).await?;
            let pinned: Vec<Uuid> = pinned.into_iter().filter(|id| !first.contains(id)).collect();
            let (archived, archived_next) = places(self, user, ListPart::Archived, None, FEW).await?;
            let (requests, requests_next) = places(self, user, ListPart::Requests, None, FEW).await?;
            let all: Vec<Uuid> = [&first, &pinned, &archived, &requests].into_iter().flatten().copied().collect();
            let shown = items(self, user, &all).await?;
            let receipts = self.receipts_of(user, &shown).await?;
            let mut shown: HashMap<Uuid, ConversationListItem> =
                shown.into_iter().map(|item| (item.conversation_id.to_uuid(), item)).collect();
            let mut part = |ids: Vec<Uuid>| -> Vec<_> { ids.into_iter().filter_map(|id| shown.remove(&id)).collect() };
            Ok(SyncPage {
                token,
                full: true,
                conversations: part(first),
                next,
                pinned: part(pinned),
                archived: (part(archived), archived_next),
                requests: (part(requests), requests_next),
                gone: Vec::new(),
                invitations: self.invitation_count(user).await?,
                drafts: self.all_drafts(user).await?,
                receipts,
            })
        })
        .await
    }

    #[tracing::instrument(name = "db.sync.changes", skip_all, fields(user.id = %user))]
    async fn sync_changes(&self, user: UserId, since: &SyncToken) -> Result<Option<SyncPage>, StoreError> {
        self.limited(async {
            let watermarks = self.sync_watermarks().await?;
            let Some(moved) = moved(&watermarks, since, OffsetDateTime::now_utc())? else { return Ok(None) };
            let mut token = token_of(watermarks);
            for (shard, place) in &mut token.shards {
                // A projection that is being filled anew is behind what the client has.
                if let Some(known) = since.shards.get(shard).filter(|known| known.seq > place.seq) {
                    *place = known.clone();
                }
            }
            let Some(changed) = self.changed(user, &moved).await? else { return Ok(None) };
            let candidates: Vec<Uuid> = changed.conversations.into_iter().collect();
            let shown = self.listed(user, &candidates).await?;
            let gone = candidates.iter().filter(|id| !shown.contains(id)).map(|id| ConversationId::from_uuid(*id)).collect();
            let conversations = items(self, user, &shown).await?;
            let drafts: Vec<Uuid> = changed.drafts.into_iter().collect();
            Ok(Some(SyncPage {
                token,
                full: false,
                receipts: self.receipts_of(user, &conversations).await?,
                conversations,
                next: None,
                pinned: Vec::new(),
                archived: (Vec::new(), None),
                requests: (Vec::new(), None),
                gone,
                invitations: self.invitation_count(user).await?,
                drafts: self.drafts_in(user, &drafts).await?,
            }))
        })
        .await
    }
}

fn token_of(watermarks: BTreeMap<ShardId, Watermark>) -> SyncToken {
    SyncToken { shards: watermarks.into_iter().map(|(shard, watermark)| (shard, watermark.place)).collect() }
}

/// The shards on which something happened since; `None` when the token's places are of another log, or too old.
fn moved(watermarks: &BTreeMap<ShardId, Watermark>, since: &SyncToken, now: OffsetDateTime) -> Result<Option<Vec<Since>>, StoreError> {
    if watermarks.len() != since.shards.len() {
        return Ok(None);
    }
    let mut moved = Vec::new();
    for (shard, watermark) in watermarks {
        let Some(known) = since.shards.get(shard).filter(|known| known.epoch == watermark.place.epoch) else { return Ok(None) };
        if watermark.place.seq <= known.seq {
            continue;
        }
        let at = timestamp(known.at_ms)?;
        // Where nothing had happened yet, nothing is too old.
        let is_old = known.seq > Seq::ZERO && at < now - MOST_AGE;
        if is_old || known.seq < watermark.own_floor {
            return Ok(None);
        }
        moved.push(Since { shard: *shard, seq: known.seq, at: at.checked_sub(CLOCK_STEP.try_into().unwrap_or_default()).unwrap_or(at) });
    }
    Ok(Some(moved))
}

/// What the user is not told of in the list.
fn is_apart(kind: &str) -> bool {
    matches!(kind, "CONVERSATION_INVITED" | "INVITATION_ENDED" | "SCHEDULED_MESSAGE_CHANGED" | "THREAD_MARK_MOVED")
}

impl Store {
    async fn sync_watermarks(&self) -> Result<BTreeMap<ShardId, Watermark>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT shard, seq, epoch, stored_at, CASE WHEN own_upto = seq THEN own_floor ELSE seq END AS "own_floor!" FROM watermarks"#
        )
        .fetch_all(&self.pool)
        .await
        .map_err(unavailable)?;
        let watermark = |row_shard, seq, epoch, stored_at: Option<OffsetDateTime>, own_floor| {
            let place = SyncPlace { epoch, seq: Seq::from_i64(seq), at_ms: stored_at.map_or(0, millis) };
            Ok((shard(row_shard)?, Watermark { place, own_floor: Seq::from_i64(own_floor) }))
        };
        rows.into_iter().map(|row| watermark(row.shard, row.seq, row.epoch, row.stored_at, row.own_floor)).collect()
    }

    /// `None` when it is too much. Indexes: `memberships_by_activity` and `memberships_by_amendment`, as far as is looked, and for each of
    /// these `conversation_heads_pkey`; `user_events_pkey`, once per shard and day; `memberships_by_user` for those that ended.
    async fn changed(&self, user: UserId, since: &[Since]) -> Result<Option<Changed>, StoreError> {
        if since.is_empty() {
            return Ok(Some(Changed::default()));
        }
        let shards: Vec<i32> = since.iter().map(|since| shard_column(since.shard)).collect();
        let seqs: Vec<i64> = since.iter().map(|since| since.seq.to_i64()).collect();
        let ats: Vec<OffsetDateTime> = since.iter().map(|since| since.at).collect();
        let row = sqlx::query!(
            r#"WITH since AS MATERIALIZED (
                   SELECT shard, seq, at FROM unnest($2::integer[], $3::bigint[], $4::timestamptz[]) AS t (shard, seq, at)),
               active AS MATERIALIZED (
                   SELECT v.conversation_id, v.shard FROM memberships v
                   WHERE v.user_id = $1 AND v.left_seq IS NULL AND v.active_until > (SELECT min(at) FROM since)
                   ORDER BY v.active_until DESC LIMIT $5),
               amended AS MATERIALIZED (
                   SELECT v.conversation_id, v.shard FROM memberships v
                   WHERE v.user_id = $1 AND v.left_seq IS NULL AND v.amended_until IS NOT NULL
                     AND v.amended_until > (SELECT min(at) FROM since)
                   ORDER BY v.amended_until DESC LIMIT $5),
               moved AS MATERIALIZED (
                   SELECT l.conversation_id FROM (SELECT * FROM active UNION SELECT * FROM amended) AS l
                   JOIN since USING (shard)
                   CROSS JOIN LATERAL (SELECT last_seq FROM conversation_heads h WHERE h.conversation_id = l.conversation_id LIMIT 1) AS h
                   WHERE h.last_seq > since.seq LIMIT $6),
               own AS MATERIALIZED (
                   SELECT e.kind || ' ' || coalesce(e.body ->> 'conversation_id', '') AS told FROM since
                   CROSS JOIN LATERAL (
                       SELECT kind, body FROM user_events e
                       WHERE e.user_id = $1 AND e.shard = since.shard AND e.seq > since.seq AND e.stored_at >= since.at LIMIT $7) AS e),
               ended AS MATERIALIZED (
                   SELECT v.conversation_id FROM since
                   CROSS JOIN LATERAL (
                       SELECT v.conversation_id FROM memberships v
                       WHERE v.user_id = $1 AND v.left_seq > since.seq AND v.shard = since.shard LIMIT $6) AS v)
               SELECT (SELECT count(*) FROM active) + (SELECT count(*) FROM amended) AS "looked_at!",
                      ARRAY(SELECT conversation_id FROM moved UNION SELECT conversation_id FROM ended) AS "moved!",
                      ARRAY(SELECT told FROM own) AS "own!""#,
            user.to_uuid(),
            &shards,
            &seqs,
            &ats,
            MOST_LOOKED_AT,
            i64::from(MOST_SYNCED) + 1,
            MOST_OWN
        )
        .fetch_one(&self.pool)
        .await
        .map_err(unavailable)?;
        let many = |count: usize, most: i64| i64::try_from(count).unwrap_or(i64::MAX) >= most;
        if row.looked_at >= MOST_LOOKED_AT || many(row.own.len(), MOST_OWN) {
            return Ok(None);
        }
        let mut changed = Changed { conversations: row.moved.into_iter().collect(), drafts: BTreeSet::new() };
        for told in &row.own {
            let Some((kind, id)) = told.split_once(' ') else { continue };
            let Ok(id) = id.parse::<ConversationId>() else { continue };
            if kind == "DRAFT_CHANGED" {
                changed.drafts.insert(id.to_uuid());
            } else if !is_apart(kind) {
                changed.conversations.insert(id.to_uuid());
            }
        }
        let is_much = changed.conversations.len() > usize::from(MOST_SYNCED);
        Ok((!is_much).then_some(changed))
    }

    /// Those of these conversations that are in one of the user's lists. Indexes: `members_pkey`, `conversation_heads_pkey`.
    async fn listed(&self, user: UserId, ids: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        sqlx::query_scalar!(
            r#"SELECT t.conversation_id AS "conversation_id!" FROM unnest($2::uuid[]) AS t (conversation_id)
               JOIN members m ON m.conversation_id = t.conversation_id AND m.user_id = $1
               LEFT JOIN conversation_heads h ON h.conversation_id = t.conversation_id
               WHERE m.hidden_seq IS NULL OR h.message_seq > m.hidden_seq"#,
            user.to_uuid(),
            ids
        )
        .fetch_all(&self.pool)
        .await
        .map_err(unavailable)
    }

    /// Of the direct ones.
    async fn receipts_of(&self, user: UserId, items: &[ConversationListItem]) -> Result<Vec<SyncedReceipt>, StoreError> {
        let direct = items.iter().filter(|item| item.kind == ConversationKind::Direct).map(|item| item.conversation_id.to_uuid());
        let direct: Vec<Uuid> = direct.collect();
        if direct.is_empty() {
            return Ok(Vec::new());
        }
        let read = self.read_in(user, &direct).await?;
        Ok(read.into_iter().map(|(conversation_id, read)| SyncedReceipt { conversation_id, read }).collect())
    }

    /// Index: `invitations_pkey`.
    async fn invitation_count(&self, user: UserId) -> Result<u32, StoreError> {
        let count = sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM invitations WHERE user_id = $1"#, user.to_uuid())
            .fetch_one(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// The last changed first, with their texts as long as they fit. Index: `drafts_with_text`.
    async fn all_drafts(&self, user: UserId) -> Result<Vec<SyncedDraft>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT d.conversation_id, d.version, d.reply_to,
                      CASE WHEN sum(octet_length(d.text)) OVER (ORDER BY d.version DESC, d.conversation_id) <= $3 THEN d.text END AS "text?"
               FROM (SELECT conversation_id, version, text, reply_to FROM drafts
                     WHERE user_id = $1 AND text IS NOT NULL ORDER BY version DESC LIMIT $2) AS d
               ORDER BY d.version DESC"#,
            user.to_uuid(),
            i64::from(MOST_DRAFTS),
            most_bytes()
        )
        .fetch_all(&self.pool)
        .await
        .map_err(unavailable)?;
        let draft = |id, version: i64, text, reply_to: Option<Uuid>| SyncedDraft {
            conversation_id: ConversationId::from_uuid(id),
            version: version.unsigned_abs(),
            text,
            reply_to: reply_to.map(MessageId::from_uuid),
        };
        Ok(rows.into_iter().map(|row| draft(row.conversation_id, row.version, row.text, row.reply_to)).collect())
    }

    /// The drafts of these conversations, also those that were emptied. Indexes: `members_pkey`, `drafts_pkey`.
    async fn drafts_in(&self, user: UserId, ids: &[Uuid]) -> Result<Vec<SyncedDraft>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = sqlx::query!(
            r#"SELECT m.conversation_id, coalesce(d.version, 0) AS "version!", d.reply_to AS "reply_to?",
                      CASE WHEN coalesce(sum(octet_length(d.text)) OVER (ORDER BY d.version DESC NULLS LAST, m.conversation_id), 0) <= $3
                           THEN coalesce(d.text, '') END AS "text?"
               FROM unnest($2::uuid[]) AS t (conversation_id)
               JOIN members m ON m.conversation_id = t.conversation_id AND m.user_id = $1
               LEFT JOIN drafts d ON d.user_id = $1 AND d.conversation_id = t.conversation_id"#,
            user.to_uuid(),
            ids,
            most_bytes()
        )
        .fetch_all(&self.pool)
        .await
        .map_err(unavailable)?;
        let draft = |id, version: i64, text, reply_to: Option<Uuid>| SyncedDraft {
            conversation_id: ConversationId::from_uuid(id),
            version: version.unsigned_abs(),
            text,
            reply_to: reply_to.map(MessageId::from_uuid),
        };
        Ok(rows.into_iter().map(|row| draft(row.conversation_id, row.version, row.text, row.reply_to)).collect())
    }
}

fn most_bytes() -> i64 {
    i64::try_from(SYNCED_DRAFT_BYTES).unwrap_or(i64::MAX)
}

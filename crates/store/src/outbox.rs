//! Decided events on their way into the log: written here, published by `flush.rs`, asked about through `relay.rs` and `troubled.rs`.

mod claim;
mod flush;
mod relay;
mod troubled;

use relay_domain::ports::{LogAddress, StoreError};
use relay_protocol::log::LogEvent;
use relay_types::{ConversationId, EventId, ShardId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use crate::convert::{shard, shard_column};
use crate::error::{unavailable, unreadable};

pub use troubled::TroubledRow;

/// Rows that are looked through for one event.
const SEARCHED: i64 = 1_000;

/// Events to write beside the decision they tell of.
#[derive(Default)]
pub(crate) struct Pending {
    rows: Vec<(LogAddress, EventId, LogEvent)>,
}

impl Pending {
    /// An event, identified by `id`, for the subject at `address`. Order is kept.
    pub(crate) fn push(&mut self, address: LogAddress, id: EventId, event: LogEvent) {
        self.rows.push((address, id, event));
    }

    /// Writes the rows in the transaction that decides, and answers with their subjects, in order, without repeats.
    pub(crate) async fn write(self, connection: &mut PgConnection) -> Result<Vec<LogAddress>, StoreError> {
        let mut touched = Vec::new();
        let mut seen = std::collections::HashSet::new();
        let (mut kinds, mut shards, mut targets) = (Vec::new(), Vec::new(), Vec::new());
        let (mut dedup_ids, mut payloads) = (Vec::new(), Vec::new());
        for (address, id, event) in &self.rows {
            if seen.insert(*address) {
                touched.push(*address);
            }
            let (kind, target) = columns(address);
            kinds.push(kind.to_owned());
            shards.push(shard_column(address.shard()));
            targets.push(target);
            dedup_ids.push(id.to_string());
            payloads.push(serde_json::to_string(event).map_err(|error| StoreError::new(error.to_string()))?);
        }
        // Ids are drawn in the order of the rows, which is the order they are published in.
        sqlx::query!(
            "INSERT INTO outbox (subject_kind, shard, target_id, dedup_id, payload)
             SELECT subject_kind, shard, target_id, dedup_id, payload
             FROM unnest($1::text[], $2::integer[], $3::uuid[], $4::text[], $5::text[])
                  WITH ORDINALITY AS t (subject_kind, shard, target_id, dedup_id, payload, place)
             ORDER BY place",
            &kinds,
            &shards,
            &targets,
            &dedup_ids,
            &payloads
        )
        .execute(connection)
        .await
        .map_err(unavailable)?;
        Ok(touched)
    }
}

/// Of these subjects, those on which something waits for the log, in the order given. A decision that finds itself made already
/// names them: its first time may have failed before the log had it.
/// Index: `outbox_pending`.
pub(crate) async fn unpublished(connection: &mut PgConnection, subjects: &[LogAddress]) -> Result<Vec<LogAddress>, StoreError> {
    let (kinds, shards, targets) = by_column(subjects);
    let rows = sqlx::query!(
        r#"SELECT subject_kind AS "subject_kind!", shard AS "shard!", target_id AS "target_id!"
           FROM unnest($1::text[], $2::integer[], $3::uuid[]) WITH ORDINALITY AS t (subject_kind, shard, target_id, place)
           WHERE EXISTS (SELECT FROM outbox o WHERE o.subject_kind = t.subject_kind AND o.shard = t.shard
                         AND o.target_id = t.target_id AND o.published_seq IS NULL)
           ORDER BY place"#,
        &kinds,
        &shards,
        &targets
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    rows.into_iter().map(|row| address_of(&row.subject_kind, shard(row.shard)?, row.target_id)).collect()
}

/// The subjects on which word waits for the log that `user` is out of the conversation, or not invited any more.
/// Indexes: `conversations_pkey`, `outbox_pending`.
pub(crate) async fn unpublished_end(
    connection: &mut PgConnection,
    conversation: ConversationId,
    user: UserId,
) -> Result<Vec<LogAddress>, StoreError> {
    let rows = sqlx::query!(
        "SELECT o.subject_kind, o.shard, o.target_id, o.payload FROM conversations c
         JOIN outbox o ON o.shard = c.shard AND o.published_seq IS NULL
              AND (o.subject_kind, o.target_id) IN (('c', c.conversation_id), ('u', $2))
         WHERE c.conversation_id = $1 ORDER BY o.subject_kind, o.id LIMIT $3",
        conversation.to_uuid(),
        user.to_uuid(),
        SEARCHED
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    let mut subjects = Vec::new();
    for row in rows {
        let is_it = match serde_json::from_str::<LogEvent>(&row.payload) {
            Ok(LogEvent::ConversationLeft(event) | LogEvent::InvitationEnded(event)) => event.conversation_id == conversation,
            Ok(event) => event.leaving().contains(&user),
            Err(_) => false,
        };
        let address = address_of(&row.subject_kind, shard(row.shard)?, row.target_id)?;
        if is_it && !subjects.contains(&address) {
            subjects.push(address);
        }
    }
    Ok(subjects)
}

fn columns(address: &LogAddress) -> (&'static str, Uuid) {
    match address {
        LogAddress::Conversation { id, .. } => ("c", id.to_uuid()),
        LogAddress::User { id, .. } => ("u", id.to_uuid()),
    }
}

/// Subjects as the arrays that a query takes.
fn by_column(subjects: &[LogAddress]) -> (Vec<String>, Vec<i32>, Vec<Uuid>) {
    let (mut kinds, mut shards, mut targets) = (Vec::new(), Vec::new(), Vec::new());
    for address in subjects {
        let (kind, target) = columns(address);
        kinds.push(kind.to_owned());
        shards.push(shard_column(address.shard()));
        targets.push(target);
    }
    (kinds, shards, targets)
}

fn address_of(kind: &str, shard: ShardId, target: Uuid) -> Result<LogAddress, StoreError> {
    match kind {
        "c" => Ok(LogAddress::Conversation { shard, id: ConversationId::from_uuid(target) }),
        "u" => Ok(LogAddress::User { shard, id: UserId::from_uuid(target) }),
        _ => Err(unreadable("outbox subject")),
    }
}

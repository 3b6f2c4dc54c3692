//! What of the candidates the reader may see, as it is now.

use relay_domain::ports::StoreError;
use relay_protocol::Message;
use relay_types::UserId;
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::{Candidate, Cut, Place};
use crate::event_row::EventRow;
use crate::history::message_of;

/// The messages that the reader's history shows, in the order of the candidates. One statement sees memberships and messages of one
/// moment. Indexes: `members_pkey`, `memberships_open_key`; `messages_pkey` and `hidden_messages_pkey` of one partition each.
pub(super) async fn shown(connection: &mut PgConnection, reader: UserId, candidates: &[Candidate]) -> Result<Vec<(Message, Place)>, Cut> {
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    let conversations: Vec<Uuid> = candidates.iter().map(|candidate| candidate.conversation_id).collect();
    let seqs: Vec<i64> = candidates.iter().map(|candidate| candidate.seq).collect();
    let rows = sqlx::query_as!(
        EventRow,
        r#"SELECT m.conversation_id, m.seq, m.prev_seq, m.shard, m.kind, m.message_id AS event_id, m.sender_id AS actor_id, m.client_id,
                  m.body::text AS "body!", m.further::text AS further, m.sent_at_ms AS decided_at_ms, m.stored_at AS at,
                  m.edited_seq, m.edited_at, NULL::text AS reactions, NULL::text[] AS mine, NULL::text AS replies
           FROM unnest($2::uuid[], $3::bigint[]) WITH ORDINALITY AS c (conversation_id, seq, place)
           JOIN members d ON d.conversation_id = c.conversation_id AND d.user_id = $1
           JOIN memberships p ON p.conversation_id = c.conversation_id AND p.user_id = $1 AND p.left_seq IS NULL
           JOIN messages m ON m.conversation_id = c.conversation_id AND m.seq = c.seq
           WHERE m.seq >= p.joined_seq AND m.kind = 'MESSAGE_SENT' AND NOT m.deleted AND (m.only_for IS NULL OR m.only_for = $1)
             AND (m.expires_at IS NULL OR m.expires_at > now())
             AND NOT EXISTS (SELECT FROM hidden_messages h
                             WHERE h.user_id = $1 AND h.conversation_id = m.conversation_id AND h.seq = m.seq)
           ORDER BY c.place"#,
        reader.to_uuid(),
        &conversations,
        &seqs
    )
    .fetch_all(connection)
    .await?;
    let shown = rows.into_iter().map(|row| {
        let candidate = Candidate { conversation_id: row.conversation_id, seq: row.seq, created_at: row.at };
        Ok((message_of(row)?, candidate.place()))
    });
    shown.collect::<Result<_, StoreError>>().map_err(Cut::Store)
}

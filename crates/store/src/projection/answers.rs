//! Whoever writes in a direct conversation that another began has answered it.

use std::collections::BTreeSet;

use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::batch::Batch;

/// Turns requests that were answered in the run into conversations like others. Rare; the statement looks for each sender in
/// an index that holds nothing but unanswered requests. Their durable consumer names it from the next change of theirs on, or
/// the reconciler's next full pass: the worker decides nothing, so it may write no events.
/// Index: `members_requests`.
pub(super) async fn note(connection: &mut PgConnection, batch: &Batch) -> sqlx::Result<()> {
    let keys = &batch.send_keys;
    let pairs: BTreeSet<(Uuid, Uuid)> = keys.conversation.iter().copied().zip(keys.sender.iter().copied()).collect();
    let (conversations, senders): (Vec<Uuid>, Vec<Uuid>) = pairs.into_iter().unzip();
    let answered = sqlx::query!(
        "UPDATE members AS m SET state = 'accepted', hidden_seq = NULL
             FROM unnest($1::uuid[], $2::uuid[]) AS t (conversation_id, user_id)
             WHERE m.conversation_id = t.conversation_id AND m.user_id = t.user_id AND m.state = 'request'
             RETURNING m.conversation_id, m.user_id",
        &conversations,
        &senders
    )
    .fetch_all(connection)
    .await?;
    for row in answered {
        tracing::debug!(conversation.id = %row.conversation_id, user.id = %row.user_id, "a request was answered by writing");
    }
    Ok(())
}

//! Putting an event that the projection lacks between those before and after it.

mod own;

use std::collections::BTreeMap;

use relay_domain::ports::StoreError;
use relay_domain::void::Departures;
use relay_protocol::log::{EventOwner, LogEvent, StoredEvent};
use relay_types::{ConversationId, Seq, ShardId, TimestampMs, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::batch::{Batch, Closings, Openings};
use super::{Heads, edits, erase, pins, reactions, threads, write};
use crate::Store;
use crate::convert::timestamp;
use crate::error::{unavailable, unreadable};
use crate::event_row::columns;
use crate::search;
use crate::spans::active_until;

impl Store {
    /// Writes the event's rows, and everything that follows from them, in one transaction. `false` when it was there.
    pub(super) async fn repair_one(&self, shard: ShardId, event: &StoredEvent) -> Result<bool, StoreError> {
        // On the heap: it holds a whole batch, and is rare.
        self.limited(Box::pin(async {
            let conversation = match event.owner {
                Some(EventOwner::Conversation(id)) => id,
                Some(EventOwner::User(user)) => return own::repair(self, shard, user, event).await,
                None => return Ok(false),
            };
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            if is_there(&mut transaction, conversation, event).await? {
                return Ok(false);
            }
            if Self::is_void(&mut transaction, event).await? {
                return Ok(false);
            }
            let before = before(&mut transaction, conversation, event.seq).await.map_err(unavailable)?;
            let heads: Heads = before.map(|before| (EventOwner::Conversation(conversation), Seq::from_i64(before))).into_iter().collect();
            let batch =
                Batch::of(std::slice::from_ref(event), heads, Departures::of([])).map_err(|error| StoreError::new(error.to_string()))?;
            write::without_heads(&mut transaction, shard, &batch).await.map_err(unavailable)?;
            chain_to_next(&mut transaction, conversation, event.seq).await.map_err(unavailable)?;
            write::heads(&mut transaction, shard, &batch.heads).await.map_err(unavailable)?;
            edits::apply(&mut transaction, shard, &batch.edits).await.map_err(unavailable)?;
            if let Some(message) = event.event.message() {
                let later =
                    edits::of_message(&mut transaction, conversation, (message.message_id, event.seq)).await.map_err(unavailable)?;
                edits::apply(&mut transaction, shard, &later).await.map_err(unavailable)?;
                let later =
                    reactions::of_message(&mut transaction, conversation, (message.message_id, event.seq)).await.map_err(unavailable)?;
                reactions::apply(&mut transaction, &later).await.map_err(unavailable)?;
                let later = pins::of_message(&mut transaction, conversation, (message.message_id, event.seq)).await.map_err(unavailable)?;
                pins::apply(&mut transaction, &later).await.map_err(unavailable)?;
            }
            reactions::apply(&mut transaction, &batch.reactions).await.map_err(unavailable)?;
            pins::apply(&mut transaction, &batch.pins).await.map_err(unavailable)?;
            erase::apply(&mut transaction, shard, &batch.erased).await.map_err(unavailable)?;
            erase::again(&mut transaction, shard, event.seq).await.map_err(unavailable)?;
            if let Some(root) = thread(&event.event) {
                threads::recount(&mut transaction, conversation, root).await.map_err(unavailable)?;
            }
            let (_, mut seqs) = erase::targets(&batch.erased);
            seqs.extend(batch.edits.targets().1);
            seqs.extend(event.event.message().map(|_| event.seq.to_i64()));
            search::again(&mut transaction, &vec![conversation.to_uuid(); seqs.len()], &seqs).await.map_err(unavailable)?;
            let people = people(&event.event);
            if !people.is_empty() {
                rebuild_intervals(&mut transaction, shard, conversation, (event.seq, event.stored_at_ms), &people).await?;
            }
            transaction.commit().await.map_err(unavailable)?;
            Ok(true)
        }))
        .await
    }
}

/// The root of the thread in which the event changes something.
fn thread(event: &LogEvent) -> Option<Seq> {
    let root = match event {
        LogEvent::MessageSent(sent) => sent.thread,
        LogEvent::MessageErased(erased) => erased.thread,
        _ => None,
    };
    root.map(|root| root.seq)
}

/// Whether every row of the event is there. What was published twice has one row in `messages`. Indexes:
/// `conversation_events_pkey`, `messages_message_id_key`.
async fn is_there(connection: &mut PgConnection, conversation: ConversationId, event: &StoredEvent) -> Result<bool, StoreError> {
    let Some(row) = columns(event).map_err(|_| unreadable("event"))? else { return Ok(true) };
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM conversation_events WHERE conversation_id = $1 AND seq = $2)
                  AND (NOT $4 OR EXISTS (SELECT FROM messages WHERE conversation_id = $1 AND message_id = $3)) AS "known!""#,
        conversation.to_uuid(),
        event.seq.to_i64(),
        row.event_id,
        event.event.is_in_history()
    )
    .fetch_one(connection)
    .await
    .map_err(unavailable)
}

/// The event before it in its conversation. Where older events ended with their month, its row or the next one's names it, or
/// it is the newest of all.
async fn before(connection: &mut PgConnection, conversation: ConversationId, seq: Seq) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "SELECT coalesce(
             (SELECT max(seq) FROM conversation_events WHERE conversation_id = $1 AND seq < $2),
             (SELECT prev_seq FROM conversation_events WHERE conversation_id = $1 AND seq >= $2 ORDER BY seq LIMIT 1),
             (SELECT last_seq FROM conversation_heads WHERE conversation_id = $1 AND last_seq < $2))",
        conversation.to_uuid(),
        seq.to_i64()
    )
    .fetch_one(connection)
    .await
}

/// The next event named the one before the gap.
pub(super) async fn chain_to_next(connection: &mut PgConnection, conversation: ConversationId, seq: Seq) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH chained AS (
             UPDATE conversation_events SET prev_seq = $2
             WHERE conversation_id = $1 AND seq = (SELECT min(seq) FROM conversation_events WHERE conversation_id = $1 AND seq > $2)
             RETURNING seq)
         UPDATE messages SET prev_seq = $2 WHERE conversation_id = $1 AND seq IN (SELECT seq FROM chained)",
        conversation.to_uuid(),
        seq.to_i64()
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Whose membership intervals the event begins or ends.
fn people(event: &LogEvent) -> Vec<Uuid> {
    event.joining().into_iter().chain(event.leaving()).map(UserId::to_uuid).collect()
}

/// Rebuilds these people's membership intervals from `from` on: what came after it was applied without it, and so perhaps wrongly (somebody's
/// removal found no interval to end, somebody's return one that still went on).
async fn rebuild_intervals(
    connection: &mut PgConnection,
    shard: ShardId,
    conversation: ConversationId,
    (from, at): (Seq, TimestampMs),
    people: &[Uuid],
) -> Result<(), StoreError> {
    // Whoever joins is told of the conversation's head, if that is later.
    let until = active_until(conversation.to_uuid(), timestamp(at)?);
    let id = conversation.to_uuid();
    sqlx::query!(
        "DELETE FROM memberships WHERE conversation_id = $1 AND user_id = ANY ($2) AND joined_seq >= $3",
        id,
        people,
        from.to_i64()
    )
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    let reopened = sqlx::query_scalar!(
        "UPDATE memberships SET left_seq = NULL
         WHERE conversation_id = $1 AND user_id = ANY ($2) AND (left_seq IS NULL OR left_seq >= $3) RETURNING user_id",
        id,
        people,
        from.to_i64()
    );
    let inside = reopened.fetch_all(&mut *connection).await.map_err(unavailable)?;
    let changes = changes_since(connection, conversation, from).await?;
    let (mut closings, mut openings) = (Closings::default(), Openings::default());
    for person in people {
        let theirs = changes.get(person).map(Vec::as_slice).unwrap_or_default();
        let intervals = intervals(inside.contains(person), theirs);
        if let Some(left) = intervals.first_ends {
            closings.conversation.push(id);
            closings.user.push(*person);
            closings.left.push(left);
        }
        for (joined, left) in intervals.further {
            openings.conversation.push(id);
            openings.user.push(*person);
            openings.joined.push(joined);
            openings.left.push(left);
            openings.active_until.push(until);
        }
    }
    write::closings(connection, &closings).await.map_err(unavailable)?;
    write::openings(connection, shard, &openings).await.map_err(unavailable)
}

/// By person, in order: at which sequence they came in (`true`) or left.
async fn changes_since(
    connection: &mut PgConnection,
    conversation: ConversationId,
    from: Seq,
) -> Result<BTreeMap<Uuid, Vec<(i64, bool)>>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT seq, body::text AS "body!" FROM conversation_events
           WHERE conversation_id = $1 AND seq >= $2 AND kind IN
               ('CONVERSATION_CREATED', 'MEMBER_ADDED', 'MEMBER_REMOVED', 'MEMBERS_ADDED', 'MEMBERS_REMOVED') ORDER BY seq"#,
        conversation.to_uuid(),
        from.to_i64()
    );
    let mut changes: BTreeMap<Uuid, Vec<(i64, bool)>> = BTreeMap::new();
    for row in rows.fetch_all(connection).await.map_err(unavailable)? {
        let event: LogEvent = serde_json::from_str(&row.body).map_err(|_| unreadable("event"))?;
        let comes_in = event.leaving().is_empty();
        for person in people(&event) {
            changes.entry(person).or_default().push((row.seq, comes_in));
        }
    }
    Ok(changes)
}

/// What somebody's changes come to.
#[derive(Debug, PartialEq, Eq)]
struct Intervals {
    /// Where the interval ends that they were in at first.
    first_ends: Option<i64>,
    further: Vec<(i64, Option<i64>)>,
}

fn intervals(inside: bool, changes: &[(i64, bool)]) -> Intervals {
    let mut intervals = Intervals { first_ends: None, further: Vec::new() };
    let mut inside = inside;
    for (seq, comes_in) in changes {
        if *comes_in && !inside {
            intervals.further.push((*seq, None));
        } else if !*comes_in && inside {
            match intervals.further.last_mut() {
                Some((_, left)) => *left = Some(*seq),
                None => intervals.first_ends = Some(*seq),
            }
        }
        inside = *comes_in;
    }
    intervals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_follow_from_the_changes_whatever_is_said_twice() {
        assert_eq!(intervals(true, &[]), Intervals { first_ends: None, further: vec![] });
        assert_eq!(intervals(true, &[(5, true), (7, false), (8, false)]), Intervals { first_ends: Some(7), further: vec![] });
        assert_eq!(intervals(false, &[(5, false), (7, true), (8, true)]), Intervals { first_ends: None, further: vec![(7, None)] });
        let back = Intervals { first_ends: Some(5), further: vec![(7, Some(9)), (11, None)] };
        assert_eq!(intervals(true, &[(5, false), (7, true), (9, false), (11, true)]), back);
    }
}

//! Where the reader may look, and whose messages.

use relay_domain::ports::{SearchError, SearchQuestion, StoreError};
use relay_domain::search::{Sender, names};
use relay_types::{ConversationId, UserId};
use sqlx::types::Uuid;

use crate::Store;
use crate::convert::micros;
use crate::error::unavailable;

/// Conversations of one person that are looked at; those that were active last.
const MOST: i64 = 100_000;

/// Conversations that the reader is in, those that were active last first.
#[derive(Debug, Default)]
pub(super) struct Reach {
    conversations: Vec<Uuid>,
    /// The event that let the reader in.
    joined: Vec<i64>,
    /// Nothing is newer than this, in microseconds.
    active_until_us: Vec<i64>,
    /// Conversations are left out in which nothing is newer than this.
    left_out_until_us: Option<i64>,
}

/// A part of it, as columns.
pub(super) struct Within<'a> {
    pub(super) conversations: &'a [Uuid],
    pub(super) joined: &'a [i64],
}

impl Reach {
    pub(super) fn is_empty(&self) -> bool {
        self.conversations.is_empty()
    }

    /// Where a search that came back to `searched_us` is one of part of the conversations: before this, in microseconds.
    pub(super) fn partial_before_us(&self, searched_us: i64) -> Option<i64> {
        self.left_out_until_us.filter(|us| searched_us <= *us)
    }

    pub(super) fn len(&self) -> usize {
        self.conversations.len()
    }

    /// Of everybody's messages, if all conversations have as many.
    pub(super) fn share(&self, conversations: f64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let ours = self.conversations.len() as f64;
        (ours / conversations.max(1.0)).clamp(0.0, 1.0)
    }

    /// Those with something at this time or later.
    pub(super) fn active_since(&self, us: i64) -> Within<'_> {
        let count = self.active_until_us.partition_point(|active| *active >= us);
        Within { conversations: self.conversations.get(..count).unwrap_or_default(), joined: self.joined.get(..count).unwrap_or_default() }
    }

    fn keep(&mut self, wish: impl Fn(&Uuid) -> bool) {
        let kept: Vec<bool> = self.conversations.iter().map(wish).collect();
        let mut keep = kept.iter();
        self.conversations.retain(|_| keep.next().copied().unwrap_or(false));
        let mut keep = kept.iter();
        self.joined.retain(|_| keep.next().copied().unwrap_or(false));
        let mut keep = kept.iter();
        self.active_until_us.retain(|_| keep.next().copied().unwrap_or(false));
    }
}

impl Store {
    /// Indexes: `memberships_by_activity`; `members_pkey` and `memberships_open_key` for one conversation.
    pub(super) async fn reach(&self, question: &SearchQuestion) -> Result<Reach, SearchError> {
        let (reader, conversation) = (question.reader.to_uuid(), question.conversation.map(ConversationId::to_uuid));
        if let Some(conversation) = conversation {
            let member = sqlx::query_scalar!(
                r#"SELECT EXISTS (SELECT FROM members WHERE conversation_id = $1 AND user_id = $2) AS "member!""#,
                conversation,
                reader
            );
            if !member.fetch_one(&self.pool).await.map_err(unavailable)? {
                return Err(SearchError::NotMember);
            }
        }
        let mut reach = Reach::default();
        let mut add = |conversation: Uuid, joined: i64, active_until: time::OffsetDateTime| {
            reach.conversations.push(conversation);
            reach.joined.push(joined);
            reach.active_until_us.push(micros(active_until));
        };
        if let Some(conversation) = conversation {
            let row = sqlx::query!(
                "SELECT joined_seq, active_until FROM memberships WHERE conversation_id = $1 AND user_id = $2 AND left_seq IS NULL",
                conversation,
                reader
            );
            if let Some(row) = row.fetch_optional(&self.pool).await.map_err(unavailable)? {
                add(conversation, row.joined_seq, row.active_until);
            }
        } else {
            let rows = sqlx::query!(
                "SELECT conversation_id, joined_seq, active_until FROM memberships WHERE user_id = $1 AND left_seq IS NULL
                 ORDER BY active_until DESC, conversation_id LIMIT $2",
                reader,
                MOST + 1
            );
            let rows = rows.fetch_all(&self.pool).await.map_err(unavailable)?;
            let most = usize::try_from(MOST).unwrap_or(usize::MAX);
            let left_out = rows.get(most).map(|row| micros(row.active_until));
            for row in rows.into_iter().take(most) {
                add(row.conversation_id, row.joined_seq, row.active_until);
            }
            reach.left_out_until_us = left_out;
        }
        if !question.query.within.is_empty() && !reach.is_empty() {
            let named = self.conversations_named(question, &reach.conversations).await?;
            reach.keep(|conversation| named.contains(conversation));
        }
        Ok(reach)
    }

    /// Which of these conversations `in:` names: by id, by title, or by the handle of the other person. Indexes: `users_handle_key`,
    /// `members_by_user`, `conversations_pkey`.
    async fn conversations_named(&self, question: &SearchQuestion, conversations: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
        let within = &question.query.within;
        let ids: Vec<Uuid> = within.iter().filter_map(|name| Some(name.parse::<ConversationId>().ok()?.to_uuid())).collect();
        let handles: Vec<String> = within.iter().map(|name| name.strip_prefix('@').unwrap_or(name).to_lowercase()).collect();
        let mut named = sqlx::query_scalar!(
            "SELECT c.conversation_id FROM users u JOIN members o ON o.user_id = u.user_id
                 JOIN conversations c ON c.conversation_id = o.conversation_id AND c.kind = 'direct'
             WHERE u.handle = ANY ($1) AND u.user_id <> $2 AND o.conversation_id = ANY ($3)",
            &handles,
            question.reader.to_uuid(),
            conversations
        )
        .fetch_all(&self.pool)
        .await
        .map_err(unavailable)?;
        let titled = sqlx::query!(
            r#"SELECT conversation_id, title AS "title!" FROM conversations WHERE conversation_id = ANY ($1) AND title IS NOT NULL"#,
            conversations
        );
        for row in titled.fetch_all(&self.pool).await.map_err(unavailable)? {
            if within.iter().any(|name| names(name, &row.title)) {
                named.push(row.conversation_id);
            }
        }
        named.extend(conversations.iter().filter(|conversation| ids.contains(conversation)));
        Ok(named)
    }

    /// Whose messages are asked for: none for everybody's. `None` when they are those of nobody. Index: `users_handle_key`.
    pub(super) async fn senders(&self, question: &SearchQuestion) -> Result<Option<Vec<UserId>>, StoreError> {
        let from = &question.query.from;
        if from.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let handles: Vec<String> = from
            .iter()
            .filter_map(|sender| if let Sender::Handle(handle) = sender { Some(handle.as_str().to_owned()) } else { None })
            .collect();
        let found = sqlx::query_scalar!("SELECT user_id FROM users WHERE handle = ANY ($1)", &handles);
        let mut people: Vec<UserId> = found.fetch_all(&self.pool).await.map_err(unavailable)?.into_iter().map(UserId::from_uuid).collect();
        if from.contains(&Sender::Me) {
            people.push(question.reader);
        }
        Ok(Some(people).filter(|people| !people.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversations_that_were_quiet_are_left_out() {
        let ids: Vec<Uuid> = (1..=3).map(Uuid::from_u128).collect();
        let mut reach =
            Reach { conversations: ids.clone(), joined: vec![7, 8, 9], active_until_us: vec![300, 200, 100], ..Reach::default() };
        assert_eq!(reach.active_since(200).joined, [7, 8]);
        assert_eq!(reach.active_since(301).conversations, [] as [Uuid; 0]);
        reach.keep(|id| *id != ids[1]);
        assert_eq!((reach.active_since(0).joined, reach.len()), (&[7, 9][..], 2));
    }
}

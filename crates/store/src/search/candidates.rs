//! Finding messages in the index: one statement for each way.
//!
//! Postgres does not know how common a parameter's words are, so it is not asked which way to take: `IS TRUE` and a join keep a
//! condition from every index but the one that is meant.

use relay_domain::search::{Query, has_words, sender_word};
use relay_types::UserId;
use sqlx::PgConnection;
use sqlx::types::Uuid;
use time::OffsetDateTime;

use super::plan::Plan;
use super::reach::Within;

/// A message that the index names. What becomes of it is decided by what it is now.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) conversation_id: Uuid,
    pub(super) seq: i64,
    pub(super) created_at: OffsetDateTime,
}

/// What is looked for in one stretch.
pub(super) struct Looking<'a> {
    pub(super) reach: Within<'a>,
    pub(super) from: OffsetDateTime,
    pub(super) upto: OffsetDateTime,
    /// Behind this one, in the order of the results.
    pub(super) after: (OffsetDateTime, Uuid, i64),
    pub(super) text: &'a str,
    pub(super) limit: i64,
}

impl Looking<'_> {
    /// The newest candidates.
    pub(super) async fn find(&self, connection: &mut PgConnection, plan: Plan) -> sqlx::Result<Vec<Candidate>> {
        if self.reach.conversations.is_empty() {
            return Ok(Vec::new());
        }
        match plan {
            Plan::Walk => self.walk(connection).await,
            Plan::Meet => self.meet(connection).await,
            Plan::Words => self.words(connection).await,
        }
    }

    /// Index: `search_messages_pkey` in the stretch's months, backwards from each conversation's end.
    async fn walk(&self, connection: &mut PgConnection) -> sqlx::Result<Vec<Candidate>> {
        sqlx::query_as!(
            Candidate,
            r#"SELECT found.conversation_id AS "conversation_id!", found.seq AS "seq!", found.created_at AS "created_at!"
               FROM unnest($1::uuid[], $2::bigint[]) AS reach (conversation_id, joined_seq)
               CROSS JOIN LATERAL (
                   SELECT s.conversation_id, s.seq, s.created_at FROM search_messages s
                   WHERE s.conversation_id = reach.conversation_id AND s.created_at >= $3 AND s.created_at < $4
                     AND (s.seq >= reach.joined_seq) IS TRUE AND (s.words @@ $8::text::tsquery) IS TRUE
                     AND ((s.created_at, s.conversation_id, s.seq) < ($5, $6, $7)) IS TRUE
                   ORDER BY s.created_at DESC, s.seq DESC LIMIT $9) AS found
               ORDER BY found.created_at DESC, found.conversation_id DESC, found.seq DESC LIMIT $9"#,
            self.reach.conversations,
            self.reach.joined,
            self.from,
            self.upto,
            self.after.0,
            self.after.1,
            self.after.2,
            self.text,
            self.limit
        )
        .fetch_all(connection)
        .await
    }

    /// Index: `search_messages_by_words` in the stretch's months, with both of its columns.
    async fn meet(&self, connection: &mut PgConnection) -> sqlx::Result<Vec<Candidate>> {
        sqlx::query_as!(
            Candidate,
            r#"WITH found AS MATERIALIZED (
                   SELECT conversation_id, seq, created_at FROM search_messages
                   WHERE created_at >= $3 AND created_at < $4 AND ARRAY[conversation_id] && $1::uuid[] AND words @@ $8::text::tsquery
                     AND ((created_at, conversation_id, seq) < ($5, $6, $7)) IS TRUE)
               SELECT found.conversation_id AS "conversation_id!", found.seq AS "seq!", found.created_at AS "created_at!"
               FROM found JOIN unnest($1::uuid[], $2::bigint[]) AS reach (conversation_id, joined_seq)
                    ON reach.conversation_id = found.conversation_id AND found.seq >= reach.joined_seq
               ORDER BY found.created_at DESC, found.conversation_id DESC, found.seq DESC LIMIT $9"#,
            self.reach.conversations,
            self.reach.joined,
            self.from,
            self.upto,
            self.after.0,
            self.after.1,
            self.after.2,
            self.text,
            self.limit
        )
        .fetch_all(connection)
        .await
    }

    /// Index: `search_messages_by_words` in the stretch's months, with the words alone.
    async fn words(&self, connection: &mut PgConnection) -> sqlx::Result<Vec<Candidate>> {
        sqlx::query_as!(
            Candidate,
            r#"WITH found AS MATERIALIZED (
                   SELECT conversation_id, seq, created_at FROM search_messages
                   WHERE created_at >= $3 AND created_at < $4 AND words @@ $8::text::tsquery
                     AND ((created_at, conversation_id, seq) < ($5, $6, $7)) IS TRUE)
               SELECT found.conversation_id AS "conversation_id!", found.seq AS "seq!", found.created_at AS "created_at!"
               FROM found JOIN unnest($1::uuid[], $2::bigint[]) AS reach (conversation_id, joined_seq)
                    ON reach.conversation_id = found.conversation_id AND found.seq >= reach.joined_seq
               ORDER BY found.created_at DESC, found.conversation_id DESC, found.seq DESC LIMIT $9"#,
            self.reach.conversations,
            self.reach.joined,
            self.from,
            self.upto,
            self.after.0,
            self.after.1,
            self.after.2,
            self.text,
            self.limit
        )
        .fetch_all(connection)
        .await
    }
}

/// What Postgres is asked. Every word is quoted: none of them is an operator.
pub(super) fn tsquery(query: &Query, senders: &[UserId]) -> String {
    let terms = query.sequences.iter().flat_map(|sequence| &sequence.0);
    let mut parts: Vec<String> = terms.map(|term| format!("{}{}", quoted(&term.word), if term.prefix { ":*" } else { "" })).collect();
    parts.extend(has_words(query).map(quoted));
    if !senders.is_empty() {
        let people: Vec<String> = senders.iter().map(|sender| quoted(&sender_word(*sender))).collect();
        parts.push(format!("({})", people.join(" | ")));
    }
    parts.join(" & ")
}

/// A word as Postgres reads it in `tsvector` and `tsquery`.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_quoted() {
        let query = Query::parse("it's a \\ & | ! <-> 'b':* has:link walk").unwrap();
        assert_eq!(tsquery(&query, &[]), "'it' & 's' & 'a' & 'b' & 'walk':* & '=has:link'");
        assert_eq!(quoted(r"a'b\c"), r"'a''b\\c'");
    }
}

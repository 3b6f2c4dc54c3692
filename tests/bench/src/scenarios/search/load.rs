//! A year of messages, straight into the tables: through the front door they would take hours.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use relay_domain::search::index_words;
use relay_harness::Harness;
use relay_protocol::MessageBody;
use relay_types::{ConversationId, IdGen as _, SystemIds, UserId};
use sqlx::types::Uuid;
use sqlx::{Connection as _, PgConnection};

use super::words::{Dice, Words};
use crate::population::Person;

const MESSAGES_PER_USER: usize = 200;
const CONVERSATIONS_PER_USER: usize = 2;
const MEMBERS: usize = 5;
/// Conversations of those who are in very many.
const OF_HEAVY: usize = 500;
const ROWS_AT_ONCE: usize = 5_000;
const WRITTEN_PER_S: usize = 1_000;
/// Where these messages stand: far from those that the log has.
const FIRST_SEQ: i64 = 1 << 40;

/// What there is.
pub struct Loaded {
    pub conversations: Vec<(Uuid, Vec<UserId>)>,
    pub messages: usize,
}

/// Makes conversations and their messages, and indexes them.
pub async fn load(harness: &Harness, people: &[Person], heavy: usize, words: &Words) -> anyhow::Result<Loaded> {
    let mut database = harness.database().await?;
    let mut dice = Dice(7);
    let conversations = conversations(&mut database, people, heavy, &mut dice).await?;
    // The index is made when its rows are there, which takes a tenth of the time.
    sqlx::raw_sql(
        "SELECT ensure_search_partition(now() - make_interval(months => n)) FROM generate_series(0, 12) AS n;
         DROP INDEX search_messages_by_words",
    )
    .execute(&mut database)
    .await?;
    let messages = people.len() * MESSAGES_PER_USER;
    let mut rows = Rows::default();
    for index in 0..messages {
        let age = Duration::from_secs(360 * 86_400).mul_f64(1.0 - index as f64 / messages as f64);
        rows.add(&conversations, words, &mut dice, FIRST_SEQ + i64::try_from(index)?, age.as_secs_f64())?;
        if rows.seq.len() == ROWS_AT_ONCE {
            std::mem::take(&mut rows).insert(&mut database, true).await?;
        }
    }
    rows.insert(&mut database, true).await?;
    sqlx::raw_sql(
        "SET maintenance_work_mem = '256MB';
         CREATE INDEX search_messages_by_words ON search_messages USING gin ((ARRAY[conversation_id]), words) WITH (fastupdate = off);
         ANALYZE search_messages; ANALYZE messages; ANALYZE memberships; ANALYZE conversation_heads; CHECKPOINT",
    )
    .execute(&mut database)
    .await?;
    database.close().await?;
    Ok(Loaded { conversations, messages })
}

/// Goes on writing rows of the index until then; how many.
pub async fn write_on(mut database: PgConnection, loaded: &Loaded, words: &Words, deadline: Instant) -> anyhow::Result<usize> {
    let (mut dice, mut written, began) = (Dice(11), 0, Instant::now());
    while Instant::now() < deadline {
        let due = usize::try_from(began.elapsed().as_millis())? * WRITTEN_PER_S / 1_000;
        let mut rows = Rows::default();
        while written < due && rows.seq.len() < ROWS_AT_ONCE {
            rows.add(&loaded.conversations, words, &mut dice, FIRST_SEQ + i64::try_from(loaded.messages + written)?, 0.0)?;
            written += 1;
        }
        rows.insert(&mut database, false).await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    database.close().await?;
    Ok(written)
}

async fn conversations(
    database: &mut PgConnection,
    people: &[Person],
    heavy: usize,
    dice: &mut Dice,
) -> anyhow::Result<Vec<(Uuid, Vec<UserId>)>> {
    let ids = SystemIds::default();
    let count = people.len() * CONVERSATIONS_PER_USER;
    let mut conversations = Vec::with_capacity(count);
    for _ in 0..count {
        let members = (0..MEMBERS).filter_map(|_| people.get(dice.below(people.len()))).map(|person| person.user);
        conversations.push((ConversationId::new(ids.next_ulid()).to_uuid(), members.collect::<Vec<_>>()));
    }
    for person in people.iter().take(heavy) {
        for _ in 0..OF_HEAVY.min(count / 2) {
            let one = dice.below(count);
            conversations.get_mut(one).context("no conversation")?.1.push(person.user);
        }
    }
    for (_, members) in &mut conversations {
        members.sort_unstable();
        members.dedup();
    }
    for some in conversations.chunks(ROWS_AT_ONCE) {
        let rooms: Vec<Uuid> = some.iter().map(|(id, _)| *id).collect();
        let pairs = some.iter().flat_map(|(id, members)| members.iter().map(|member| (*id, member.to_uuid())));
        let (of, who): (Vec<Uuid>, Vec<Uuid>) = pairs.unzip();
        sqlx::query(
            "INSERT INTO conversations (conversation_id, kind, title, shard, created_by, created_at)
             SELECT c, 'group', 'room', 0, c, now() FROM unnest($1::uuid[]) AS t (c)",
        )
        .bind(&rooms)
        .execute(&mut *database)
        .await?;
        sqlx::query(
            "INSERT INTO conversation_heads (conversation_id, shard, last_seq, last_at, active_until)
             SELECT c, 0, 1, now(), now() + interval '6 hours' FROM unnest($1::uuid[]) AS t (c)",
        )
        .bind(&rooms)
        .execute(&mut *database)
        .await?;
        sqlx::query(
            "WITH who AS MATERIALIZED (SELECT * FROM unnest($1::uuid[], $2::uuid[]) AS t (c, u)),
                  decided AS (INSERT INTO members (conversation_id, user_id, role, added_at) SELECT c, u, 'member', now() FROM who)
             INSERT INTO memberships (conversation_id, user_id, joined_seq, shard, active_until)
             SELECT c, u, 1, 0, now() + interval '6 hours' FROM who",
        )
        .bind(&of)
        .bind(&who)
        .execute(&mut *database)
        .await?;
    }
    Ok(conversations)
}

/// Messages as columns.
#[derive(Default)]
struct Rows {
    conversation: Vec<Uuid>,
    seq: Vec<i64>,
    message: Vec<Uuid>,
    sender: Vec<Uuid>,
    body: Vec<String>,
    age_s: Vec<f64>,
    words: Vec<String>,
}

impl Rows {
    fn add(&mut self, conversations: &[(Uuid, Vec<UserId>)], words: &Words, dice: &mut Dice, seq: i64, age_s: f64) -> anyhow::Result<()> {
        // Some conversations are louder than others.
        let loud = dice.below(conversations.len()) + 1;
        let (conversation, members) = conversations.get(dice.below(loud)).context("no conversation")?;
        let sender = members.get(dice.below(members.len())).context("nobody in it")?;
        let body = MessageBody::Text { text: words.text(dice).parse()? };
        self.conversation.push(*conversation);
        self.seq.push(seq);
        self.message.push(SystemIds::default().next_ulid().into());
        self.sender.push(sender.to_uuid());
        self.body.push(serde_json::to_string(&body)?);
        self.age_s.push(age_s);
        self.words.push(index_words(*sender, &body).iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "));
        Ok(())
    }

    async fn insert(self, database: &mut PgConnection, in_history: bool) -> anyhow::Result<()> {
        sqlx::query(
            "WITH run AS MATERIALIZED (
                 SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::uuid[], $5::text[], $6::float8[], $7::text[])
                      AS t (conversation_id, seq, message_id, sender_id, body, age_s, words)),
             history AS (
                 INSERT INTO messages (conversation_id, seq, shard, message_id, sender_id, client_id, kind, body, sent_at_ms, stored_at)
                 SELECT conversation_id, seq, 0, message_id, sender_id, message_id::text, 'MESSAGE_SENT', body::jsonb, 0,
                        now() - make_interval(secs => age_s)
                 FROM run WHERE $8)
             INSERT INTO search_messages (conversation_id, created_at, seq, words)
             SELECT conversation_id, now() - make_interval(secs => age_s), seq, words::tsvector FROM run",
        )
        .bind(&self.conversation)
        .bind(&self.seq)
        .bind(&self.message)
        .bind(&self.sender)
        .bind(&self.body)
        .bind(&self.age_s)
        .bind(&self.words)
        .bind(in_history)
        .execute(database)
        .await?;
        Ok(())
    }
}

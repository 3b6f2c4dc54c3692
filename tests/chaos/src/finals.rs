//! Final reads, after healing and rest: the log, Postgres directly, and the history that people get.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use async_nats::jetstream::consumer::push::OrderedConfig;
use async_nats::jetstream::consumer::{DeliverPolicy, ReplayPolicy};
use futures::{StreamExt as _, TryStreamExt as _};
use relay_protocol::log::{EventOwner, LogEvent, MessageReacted};
use relay_protocol::rest::HistoryQuery;
use relay_protocol::{Message, MessageBody};
use relay_subjects::{shard_wildcard, stream};
use relay_types::{ClientId, ConversationId, Emoji, Seq, ShardId, UserId};
use sqlx::Row as _;

use crate::cluster::Cluster;
use crate::record::{Logged, LoggedWhat, own_room};
use crate::workload::{Directory, EMOJI, Workload, checksum, is_intact, key_number};
use relay_checkers::history::{Amendment, Reacted, Reaction, Row, Said};

/// The longest silence while reading the log.
const SILENCE: Duration = Duration::from_secs(20);

/// What is left of a run, read by everybody who can.
#[derive(Default)]
pub struct Finals {
    /// Events of all kinds in Postgres: room, sequence, predecessor.
    pub events: Vec<(u32, u64, Option<u64>)>,
    /// Messages in Postgres.
    pub rows: Vec<Row>,
    /// Messages in the history over REST, per room, as its first member reads it.
    pub history: Vec<Vec<Row>>,
    /// What messages say there that are not as they were sent, per room.
    pub said: Vec<Vec<Said>>,
    /// Reactions that it shows, per room.
    pub reactions: Vec<Vec<Reaction>>,
    /// Findings of the product's own auditor.
    pub verify: String,
}

/// The log, as far as it is judged.
#[derive(Default)]
pub struct Log {
    /// Its events; where a message was deleted, the log may have a hole, and what is left of it stands here.
    pub events: Vec<Logged>,
    /// What became of messages.
    pub amendments: Vec<Amendment>,
    /// What was said of reactions.
    pub reacted: Vec<Reacted>,
}

/// Reads all of the log that there is.
pub async fn read_log(cluster: &Cluster, directory: &Directory) -> anyhow::Result<Log> {
    let client = cluster.nats_client().await?;
    let js = async_nats::jetstream::new(client.clone());
    let stream = js.get_stream(stream(ShardId(0))).await?;
    let (end, messages) = (stream.cached_info().state.last_sequence, stream.cached_info().state.messages);
    let (mut events, mut amendments, mut said) = (BTreeMap::new(), Vec::new(), Vec::new());
    if messages == 0 {
        return Ok(Log::default());
    }
    let config = OrderedConfig {
        deliver_subject: client.new_inbox(),
        filter_subject: shard_wildcard(ShardId(0)),
        replay_policy: ReplayPolicy::Instant,
        deliver_policy: DeliverPolicy::All,
        ..OrderedConfig::default()
    };
    let mut messages = stream.create_consumer(config).await?.messages().await?;
    loop {
        let message = tokio::time::timeout(SILENCE, messages.next()).await.context("the log fell silent")?.context("the log ended")??;
        let seq = message.info().map_err(|error| anyhow::anyhow!(error))?.stream_sequence;
        let event: LogEvent =
            serde_json::from_slice(&message.payload).with_context(|| format!("event {seq} of the log is not readable"))?;
        amendments.extend(amendment(seq, &event, directory));
        if let LogEvent::MessageReacted(event) = &event {
            said.push(reacted(seq, event, directory));
        }
        if let LogEvent::MessageErased(erased) = &event {
            let (room, key) = (directory.room(erased.conversation_id), key_number(&erased.client_id));
            let what = LoggedWhat::Message { sender: directory.user(erased.sender_id), key, intact: true };
            events.insert(erased.message_seq.0, Logged { seq: erased.message_seq.0, room, what });
        }
        events.extend(logged(seq, event, directory).map(|logged| (seq, logged)));
        if seq >= end {
            return Ok(Log { events: events.into_values().collect(), amendments, reacted: said });
        }
    }
}

/// What the event makes of an earlier message.
fn amendment(seq: u64, event: &LogEvent, directory: &Directory) -> Option<Amendment> {
    let (conversation, message, body) = match event {
        LogEvent::MessageEdited(edited) => (edited.conversation_id, edited.message_seq, &edited.body),
        LogEvent::MessageErased(erased) => (erased.conversation_id, erased.message_seq, &MessageBody::Erased),
        _ => return None,
    };
    Some(Amendment { room: directory.room(conversation), seq, message: message.0, text: checksum(body) })
}

/// What an event says of a reaction.
pub fn reacted(seq: u64, event: &MessageReacted, directory: &Directory) -> Reacted {
    let MessageReacted { conversation_id, message_seq, actor_id, emoji, on, .. } = event;
    Reacted { seq, of: reaction(*conversation_id, *message_seq, *actor_id, emoji, directory), on: *on }
}

fn reaction(conversation: ConversationId, message: Seq, user: UserId, emoji: &Emoji, directory: &Directory) -> Reaction {
    let emoji = EMOJI.iter().position(|known| *known == emoji.as_str()).and_then(|at| u32::try_from(at).ok()).unwrap_or(u32::MAX);
    Reaction { room: directory.room(conversation), message: message.0, user: directory.user(user), emoji }
}

/// The reactions to a message, as far as they name people: in pairs all.
fn reactions(message: &Message, directory: &Directory) -> Vec<Reaction> {
    let of = |kind: &relay_protocol::Reaction| {
        let one = |user: &UserId| reaction(message.conversation_id, message.seq, *user, &kind.emoji, directory);
        kind.by.iter().map(one).collect::<Vec<_>>()
    };
    message.reactions.iter().flat_map(of).collect()
}

/// What a message says, if it is not as it was sent.
pub fn said(message: &Message, directory: &Directory) -> Option<Said> {
    let text = checksum(&message.body);
    let by = if text.is_none() { 0 } else { message.edited_seq?.0 };
    Some(Said { room: directory.room(message.conversation_id), message: message.seq.0, by, text })
}

fn logged(seq: u64, event: LogEvent, directory: &Directory) -> Option<Logged> {
    let (room, what) = match event {
        LogEvent::MessageSent(sent) => {
            let key = key_number(&sent.client_id);
            let intact = is_intact(&sent.body, key);
            let what = LoggedWhat::Message { sender: directory.user(sent.actor_id), key, intact };
            (sent.conversation_id, what)
        }
        LogEvent::ConversationCreated(created) => {
            let members = created.members.iter().map(|member| directory.user(member.user_id)).collect();
            (created.conversation_id, LoggedWhat::Created { members })
        }
        LogEvent::MemberAdded(added) => (added.conversation_id, LoggedWhat::Added { user: directory.user(added.user_id) }),
        LogEvent::MemberRemoved(removed) => (removed.conversation_id, LoggedWhat::Removed { user: directory.user(removed.user_id) }),
        LogEvent::MembersAdded(added) => {
            let users = added.user_ids.iter().map(|user| directory.user(*user)).collect();
            (added.conversation_id, LoggedWhat::AddedAll { users })
        }
        LogEvent::MembersRemoved(removed) => {
            let users = removed.user_ids.iter().map(|user| directory.user(*user)).collect();
            (removed.conversation_id, LoggedWhat::RemovedAll { users })
        }
        // Whatever else has a conversation, or is a user's own.
        other => match other.owner()? {
            EventOwner::Conversation(id) => (id, LoggedWhat::Changed),
            EventOwner::User(id) => {
                let user = directory.user(id);
                return Some(Logged { seq, room: own_room(user), what: LoggedWhat::Own { user } });
            }
        },
    };
    Some(Logged { seq, room: directory.room(room), what })
}

/// Reads Postgres past the product, the history through it, and asks the product to verify itself.
pub async fn read(cluster: &Cluster, workload: &Workload) -> anyhow::Result<Finals> {
    let (events, rows) = read_postgres(cluster, &workload.directory).await.context("reading Postgres")?;
    let history = read_history(workload).await.context("reading the history")?;
    let verify = match cluster.relayctl(&["verify"]).await {
        Ok(_) => String::new(),
        Err(error) => format!("{error:#}"),
    };
    let mut finals = Finals { events, rows, verify, ..Finals::default() };
    for (rows, said, reactions) in history {
        finals.history.push(rows);
        finals.said.push(said);
        finals.reactions.push(reactions);
    }
    Ok(finals)
}

type Events = Vec<(u32, u64, Option<u64>)>;

async fn read_postgres(cluster: &Cluster, directory: &Directory) -> anyhow::Result<(Events, Vec<Row>)> {
    let mut database = cluster.database().await?;
    let (mut events, mut rows) = (Vec::new(), Vec::new());
    let query = "SELECT e.conversation_id, e.seq, e.prev_seq, k.sender_id, k.client_id, e.body::text
                 FROM conversation_events e
                 LEFT JOIN send_keys k ON k.conversation_id = e.conversation_id AND k.seq = e.seq AND e.kind = 'MESSAGE_SENT'
                 ORDER BY e.seq";
    let mut found = sqlx::query(query).fetch(&mut database);
    while let Some(row) = found.try_next().await? {
        let room = directory.room(ConversationId::from_uuid(row.try_get(0)?));
        let seq = u64::try_from(row.try_get::<i64, _>(1)?)?;
        let prev = row.try_get::<Option<i64>, _>(2)?.map(u64::try_from).transpose()?;
        events.push((room, seq, prev));
        let (sender, key): (Option<sqlx::types::Uuid>, Option<String>) = (row.try_get(3)?, row.try_get(4)?);
        if let (Some(sender), Some(key)) = (sender, key) {
            let body: MessageBody = serde_json::from_str(&row.try_get::<String, _>(5)?)?;
            let key = key_of(&key.parse()?, &body);
            rows.push(Row { room, seq, prev, sender: directory.user(UserId::from_uuid(sender)), key });
        }
    }
    drop(found);
    let mut own = sqlx::query("SELECT user_id, seq, prev_seq FROM user_events ORDER BY seq").fetch(&mut database);
    while let Some(row) = own.try_next().await? {
        let room = own_room(directory.user(UserId::from_uuid(row.try_get(0)?)));
        let prev = row.try_get::<Option<i64>, _>(2)?.map(u64::try_from).transpose()?;
        events.push((room, u64::try_from(row.try_get::<i64, _>(1)?)?, prev));
    }
    drop(own);
    events.sort_unstable_by_key(|(_, seq, _)| *seq);
    Ok((events, rows))
}

/// Every room's history, as its owner pages through it.
async fn read_history(workload: &Workload) -> anyhow::Result<Vec<RoomHistory>> {
    let rooms = (0..workload.population.rooms.len()).map(|room| read_room(workload, room));
    futures::stream::iter(rooms).buffered(4).try_collect().await
}

/// Messages of a room, what they say, and how people react to them.
type RoomHistory = (Vec<Row>, Vec<Said>, Vec<Reaction>);

async fn read_room(workload: &Workload, index: usize) -> anyhow::Result<RoomHistory> {
    let room = workload.population.rooms.get(index).context("no such room")?;
    let owner = room.core.first().and_then(|owner| workload.population.people.get(*owner)).context("a room's owner")?;
    let directory = Arc::clone(&workload.directory);
    let (mut found, mut after, mut failures): (RoomHistory, u64, u32) = (RoomHistory::default(), 0, 0);
    loop {
        let query =
            HistoryQuery { conversation_id: room.id, before: None, after: Some(Seq(after)), unread: None, limit: Some(200), changes: None };
        let page = match owner.api.history(&query).await {
            Ok(page) => page,
            Err(error) if error.retryable() && failures < 20 => {
                failures += 1;
                tokio::time::sleep(Duration::from_millis(500)).await;
                continue;
            }
            Err(error) => bail!("the history of {} is not readable: {error:?}", room.id),
        };
        found.0.extend(page.messages.iter().map(|message| row(message, &directory)));
        found.1.extend(page.messages.iter().filter_map(|message| said(message, &directory)));
        found.2.extend(page.messages.iter().flat_map(|message| reactions(message, &directory)));
        let Some(last) = page.messages.last() else { return Ok(found) };
        anyhow::ensure!(last.seq.0 > after, "the history of {} does not advance at {after}", room.id);
        after = last.seq.0;
        if !page.has_more {
            return Ok(found);
        }
    }
}

/// The number of the key of a message as found. What was deleted is as whole as it can be.
fn key_of(key: &ClientId, body: &MessageBody) -> u64 {
    let number = key_number(key);
    if is_intact(body, number) { number } else { !number }
}

fn row(message: &Message, directory: &Directory) -> Row {
    Row {
        room: directory.room(message.conversation_id),
        seq: message.seq.0,
        prev: message.prev.map(|prev| prev.0),
        sender: directory.user(message.sender_id),
        key: key_of(&message.client_id, &message.body),
    }
}

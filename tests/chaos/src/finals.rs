//! Final reads, after healing and rest: the log, Postgres directly, and the history that people get.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use async_nats::jetstream::consumer::push::OrderedConfig;
use async_nats::jetstream::consumer::{DeliverPolicy, ReplayPolicy};
use futures::{StreamExt as _, TryStreamExt as _};
use relay_protocol::log::{EventOwner, LogEvent};
use relay_protocol::rest::HistoryQuery;
use relay_protocol::{Message, MessageBody};
use relay_subjects::{shard_wildcard, stream};
use relay_types::{ConversationId, Seq, ShardId, UserId};
use sqlx::Row as _;

use crate::cluster::Cluster;
use crate::record::{Logged, LoggedWhat, own_room};
use crate::workload::{Directory, Workload, key_number, key_of_whole, text_fits};
use relay_checkers::history::Row;

/// The longest silence while reading the log.
const SILENCE: Duration = Duration::from_secs(20);

/// What is left of a run, read by everybody who can.
pub struct Finals {
    /// Events of all kinds in Postgres: room, sequence, predecessor.
    pub events: Vec<(u32, u64, Option<u64>)>,
    /// Messages in Postgres.
    pub rows: Vec<Row>,
    /// Messages in the history over REST, per room, as its first member reads it.
    pub history: Vec<Vec<Row>>,
    /// Findings of the product's own auditor.
    pub verify: String,
}

/// Reads all of the log that there is.
pub async fn read_log(cluster: &Cluster, directory: &Directory) -> anyhow::Result<Vec<Logged>> {
    let client = cluster.nats_client().await?;
    let js = async_nats::jetstream::new(client.clone());
    let stream = js.get_stream(stream(ShardId(0))).await?;
    let (end, messages) = (stream.cached_info().state.last_sequence, stream.cached_info().state.messages);
    let mut events = Vec::new();
    if messages == 0 {
        return Ok(events);
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
        events.extend(logged(seq, event, directory));
        if seq >= end {
            return Ok(events);
        }
    }
}

fn logged(seq: u64, event: LogEvent, directory: &Directory) -> Option<Logged> {
    let (room, what) = match event {
        LogEvent::MessageSent(sent) => {
            let key = key_number(&sent.client_id);
            let intact = sent.body.text().is_some_and(|text| text_fits(text.as_str(), key));
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
    Ok(Finals { events, rows, history, verify })
}

type Events = Vec<(u32, u64, Option<u64>)>;

async fn read_postgres(cluster: &Cluster, directory: &Directory) -> anyhow::Result<(Events, Vec<Row>)> {
    let mut database = cluster.database().await?;
    let (mut events, mut rows) = (Vec::new(), Vec::new());
    let query = "SELECT e.conversation_id, e.seq, e.prev_seq, k.sender_id, k.client_id, e.body::text
                 FROM conversation_events e LEFT JOIN send_keys k ON k.conversation_id = e.conversation_id AND k.seq = e.seq
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
            let key = key_of_whole(&key.parse()?, whole(&body));
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
async fn read_history(workload: &Workload) -> anyhow::Result<Vec<Vec<Row>>> {
    let rooms = (0..workload.population.rooms.len()).map(|room| read_room(workload, room));
    futures::stream::iter(rooms).buffered(4).try_collect().await
}

async fn read_room(workload: &Workload, index: usize) -> anyhow::Result<Vec<Row>> {
    let room = workload.population.rooms.get(index).context("no such room")?;
    let owner = room.core.first().and_then(|owner| workload.population.people.get(*owner)).context("a room's owner")?;
    let directory = Arc::clone(&workload.directory);
    let (mut rows, mut after, mut failures): (Vec<Row>, u64, u32) = (Vec::new(), 0, 0);
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
        rows.extend(page.messages.iter().map(|message| row(message, &directory)));
        let Some(last) = page.messages.last() else { return Ok(rows) };
        anyhow::ensure!(last.seq.0 > after, "the history of {} does not advance at {after}", room.id);
        after = last.seq.0;
        if !page.has_more {
            return Ok(rows);
        }
    }
}

/// The text of a body; a body without one is no message of ours.
fn whole(body: &MessageBody) -> &str {
    body.text().map_or("", |text| text.as_str())
}

fn row(message: &Message, directory: &Directory) -> Row {
    Row {
        room: directory.room(message.conversation_id),
        seq: message.seq.0,
        prev: message.prev.map(|prev| prev.0),
        sender: directory.user(message.sender_id),
        key: key_of_whole(&message.client_id, whole(&message.body)),
    }
}

//! Many users at once. Accounts are written straight into the database: hashing ten thousand passwords would take
//! longer than the measurement. Everything after that goes through the front doors.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::StreamExt as _;
use relay_auth::{Mint, TokenConfig};
use relay_client::{ApiClient, StaticToken};
use relay_domain::ports::TokenMint as _;
use relay_harness::{Harness, wait_for};
use relay_protocol::log::{LogEvent, MessageSent};
use relay_protocol::message::MessageBody;
use relay_protocol::rest::Secret;
use relay_subjects::LogSubject;
use relay_types::{Clock as _, ConversationId, IdGen as _, MessageId, SessionId, ShardId, SystemClock, SystemIds, UserId};

use crate::stamp;

/// A user with one device.
#[derive(Clone)]
pub struct Person {
    pub user: UserId,
    pub token: Arc<str>,
}

/// A conversation and who is in it, as indexes into the population.
#[derive(Clone)]
pub struct Room {
    pub conversation: ConversationId,
    pub members: Vec<usize>,
}

/// Creates `count` users, each with a live session.
pub async fn people(harness: &Harness, count: usize) -> anyhow::Result<Vec<Person>> {
    let config = TokenConfig { keys_dir: harness.directory().join("keys"), access_ttl_s: 86_400, ..TokenConfig::default() };
    let mint = Mint::open(config).context("could not read the signing keys")?;
    let ids = SystemIds::default();
    let (mut people, mut users, mut sessions, mut handles) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for index in 0..count {
        let (user, session) = (UserId::new(ids.next_ulid()), SessionId::new(ids.next_ulid()));
        let token = mint.access(user, session, SystemClock.now_ms())?.token;
        people.push(Person { user, token: token.into() });
        users.push(user.to_uuid());
        sessions.push(session.to_uuid());
        handles.push(format!("load_{index}"));
    }
    let mut database = harness.database().await?;
    sqlx::query(
        "INSERT INTO users (user_id, handle, display_name, password_hash, home_shard, created_at, seen_at)
         SELECT u, h, h, 'none', 0, now(), now() FROM unnest($1::uuid[], $2::text[]) AS t(u, h)",
    )
    .bind(&users)
    .bind(&handles)
    .execute(&mut database)
    .await?;
    sqlx::query(
        "INSERT INTO sessions (session_id, user_id, device_name, created_at, last_used_at, refresh_expires_at, ends_at)
         SELECT s, u, 'load', now(), now(), now() + interval '1 day', now() + interval '1 day' FROM unnest($1::uuid[], $2::uuid[]) AS t(s, u)",
    )
    .bind(&sessions)
    .bind(&users)
    .execute(&mut database)
    .await?;
    Ok(people)
}

/// People that one request may add.
const MEMBERS_AT_ONCE: usize = 500;

/// Puts people into groups of `size`, in order, through the API, and waits until their durable consumers exist.
pub async fn groups(harness: &Harness, people: &[Person], size: usize) -> anyhow::Result<Vec<Room>> {
    // While they are all in one conversation, nobody has to be asked.
    let mut database = harness.database().await?;
    let hall = uuid_of_hall(&mut database, people).await?;
    let creations = people.chunks(size).enumerate().map(|(index, chunk)| {
        let (api, members) = (api_of(harness, chunk.first()), chunk.iter().skip(1).map(|p| p.user).collect::<Vec<_>>());
        let range = index * size..index * size + chunk.len();
        async move {
            let (title, api) = (format!("group {index}").parse()?, api?);
            let (first, rest) = members.split_at(members.len().min(MEMBERS_AT_ONCE));
            let conversation = api.create_group(&title, first).await.context("could not create a group")?.conversation_id;
            for some in rest.chunks(MEMBERS_AT_ONCE) {
                api.add_members(conversation, some).await.context("could not add to a group")?;
            }
            anyhow::Ok(Room { conversation, members: range.collect() })
        }
    });
    let rooms: Vec<anyhow::Result<Room>> = futures::stream::iter(creations).buffered(8).collect().await;
    sqlx::query("DELETE FROM conversations WHERE conversation_id = $1").bind(hall).execute(&mut database).await?;
    settled(harness, people.len()).await?;
    rooms.into_iter().collect()
}

/// One person in many groups, each with one of the others.
pub async fn groups_of_one(harness: &Harness, people: &[Person], count: usize) -> anyhow::Result<Vec<Room>> {
    let one = people.first().context("nobody")?.user;
    let others = people.len() - 1;
    let mut database = harness.database().await?;
    let hall = uuid_of_hall(&mut database, people).await?;
    let creations = (0..count).map(|index| {
        let other = 1 + index % others.max(1);
        let api = api_of(harness, people.get(other));
        async move {
            let title = format!("group {index}").parse()?;
            let conversation = api?.create_group(&title, &[one]).await.context("could not create a group")?.conversation_id;
            anyhow::Ok(Room { conversation, members: vec![0, other] })
        }
    });
    let rooms: Vec<anyhow::Result<Room>> = futures::stream::iter(creations).buffered(8).collect().await;
    sqlx::query("DELETE FROM conversations WHERE conversation_id = $1").bind(hall).execute(&mut database).await?;
    settled(harness, 1 + count.min(others)).await?;
    rooms.into_iter().collect()
}

/// A conversation of all these people that is in Postgres only.
async fn uuid_of_hall(database: &mut sqlx::PgConnection, people: &[Person]) -> anyhow::Result<sqlx::types::Uuid> {
    let users: Vec<_> = people.iter().map(|person| person.user.to_uuid()).collect();
    let hall = *users.first().context("nobody")?;
    sqlx::query("INSERT INTO conversations (conversation_id, kind, title, shard, created_by, created_at) VALUES ($1, 'group', 'hall', 0, $1, now())")
        .bind(hall)
        .execute(&mut *database)
        .await?;
    sqlx::query(
        "INSERT INTO members (conversation_id, user_id, role, added_at) SELECT $1, u, 'member', now() FROM unnest($2::uuid[]) AS t (u)",
    )
    .bind(hall)
    .bind(&users)
    .execute(&mut *database)
    .await?;
    Ok(hall)
}

/// Puts people into pairs.
pub async fn pairs(harness: &Harness, people: &[Person]) -> anyhow::Result<Vec<Room>> {
    let creations = people.chunks_exact(2).enumerate().map(|(index, pair)| {
        let (api, peer) = (api_of(harness, pair.first()), pair.last().map(|p| p.user));
        let peers_api = api_of(harness, pair.last());
        async move {
            let conversation =
                api?.create_direct(peer.context("a pair has two")?).await.context("could not create a pair")?.conversation_id;
            peers_api?.accept(conversation).await.context("could not accept a pair")?;
            anyhow::Ok(Room { conversation, members: vec![2 * index, 2 * index + 1] })
        }
    });
    let rooms: Vec<anyhow::Result<Room>> = futures::stream::iter(creations).buffered(8).collect().await;
    settled(harness, people.len()).await?;
    rooms.into_iter().collect()
}

fn api_of(harness: &Harness, person: Option<&Person>) -> anyhow::Result<ApiClient> {
    let person = person.context("an empty group")?;
    Ok(harness.api_client()?.with_tokens(Arc::new(StaticToken(Secret(person.token.to_string())))))
}

/// Waits until every user's durable consumer exists and the workers have nothing left to do.
pub async fn settled(harness: &Harness, users: usize) -> anyhow::Result<()> {
    let js = async_nats::jetstream::new(harness.nats_client().await?);
    let stream = js.get_stream(relay_subjects::stream(ShardId(0))).await?;
    wait_for("the workers to settle", Duration::from_mins(5), || async {
        let info = stream.get_info().await.map_err(|error| error.to_string())?;
        let reconcile = stream.consumer_info(relay_subjects::RECONCILE_DURABLE).await.map_err(|error| error.to_string())?;
        let persist = stream.consumer_info(relay_subjects::PERSIST_DURABLE).await.map_err(|error| error.to_string())?;
        let left = reconcile.num_pending + persist.num_pending + reconcile.num_ack_pending as u64 + persist.num_ack_pending as u64;
        if left == 0 && info.state.consumer_count >= users + 2 {
            Ok(())
        } else {
            Err(format!("{left} events to work on, {} of {} consumers", info.state.consumer_count, users + 2))
        }
    })
    .await;
    Ok(())
}

/// Publishes messages of members, straight to the log: what happened while nobody looked.
pub async fn backlog(js: &async_nats::jetstream::Context, people: &[Person], rooms: &[Room], count: u64) -> anyhow::Result<()> {
    backlog_of(js, people, rooms, count, &stamp::text(0)).await
}

/// As [`backlog`], each with this text.
pub async fn backlog_of(
    js: &async_nats::jetstream::Context,
    people: &[Person],
    rooms: &[Room],
    count: u64,
    text: &str,
) -> anyhow::Result<()> {
    backlog_with(js, people, rooms, count, |_| text.to_owned()).await
}

/// As [`backlog`], the nth with the text of `n`.
pub async fn backlog_with(
    js: &async_nats::jetstream::Context,
    people: &[Person],
    rooms: &[Room],
    count: u64,
    text: impl Fn(u64) -> String,
) -> anyhow::Result<()> {
    let ids = SystemIds::default();
    let publishing = rooms.iter().cycle().zip(0..count).map(|(room, index)| {
        let member =
            room.members.get(usize::try_from(index).unwrap_or(0) % room.members.len().max(1)).and_then(|member| people.get(*member));
        let event = member.map(|person| {
            Ok::<_, anyhow::Error>(LogEvent::MessageSent(MessageSent {
                message_id: MessageId::new(ids.next_ulid()),
                conversation_id: room.conversation,
                actor_id: person.user,
                client_id: ids.next_ulid().to_string().parse()?,
                at_ms: SystemClock.now_ms(),
                body: MessageBody::Text { text: text(index).parse()? },
                reply_to: None,
                thread: None,
            }))
        });
        let subject = LogSubject::Conversation(ShardId(0), room.conversation).to_string();
        async move {
            let event = event.context("an empty room")??;
            js.publish(subject, serde_json::to_vec(&event)?.into()).await?.await?;
            anyhow::Ok(())
        }
    });
    let mut publishing = futures::stream::iter(publishing).buffered(512);
    while let Some(published) = publishing.next().await {
        published?;
    }
    Ok(())
}

//! How many users per second can ask what they missed: 2,000 users in 20 conversations of 20 each, 5 events missed per
//! conversation, two statements per user, 8 at a time. The database is fresh, as after an installation. One JSON line.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program for people, not part of the product")]

use std::collections::BTreeMap;
use std::time::Instant;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use relay_dev_servers::{PostgresOptions, PostgresServer, Scratch, Servers};
use relay_domain::ports::{EventRange, JoinQuestion, Projection as _, ResumeStore as _, StoreError};
use relay_protocol::conversation::{ConversationKind, Role};
use relay_protocol::log::{ConversationCreated, EventOwner, InitialMember, LogEvent, MessageSent, StoredEvent};

use relay_protocol::message::MessageBody;
use relay_store::{PostgresConfig, Store};
use relay_types::{ConversationId, EventId, IdGen as _, MessageId, Seq, SessionId, ShardId, SystemIds, UserId};

const USERS: usize = 2_000;
const CONVERSATIONS: usize = 2_000;
const MEMBERS: usize = 20;
const SHARD: ShardId = ShardId(0);

#[tokio::main]
async fn main() {
    let scratch = Scratch::new("bench").unwrap();
    let options = PostgresOptions::for_tests(scratch.path().join("postgres"));
    let server = PostgresServer::start(&Servers::ready().await.unwrap(), options).await.unwrap();
    relay_store::migrate(&server.url()).await.unwrap();
    let store = Store::connect(&PostgresConfig { acquire_timeout_ms: 30_000, ..PostgresConfig::new(server.url()) }).unwrap();
    let ids = SystemIds::default();
    let users: Vec<_> = (0..USERS).map(|_| UserId::new(ids.next_ulid())).collect();
    let log = log(&ids, &users);
    // Plans are made while nothing is there yet: what they are must not depend on it.
    catch_up(&store, users.first().copied().unwrap(), SessionId::new(ids.next_ulid()), Seq(0)).await.unwrap();
    for run in log.chunks(1_000) {
        let (first, last) = (run.first().unwrap().seq, run.last().unwrap().seq);
        store.project(SHARD, "bench", Seq(first.0 - 1), last, run).await.unwrap();
    }
    let missed = Seq((CONVERSATIONS * 21) as u64);
    let began = Instant::now();
    let events: usize = stream::iter(&users)
        .map(|user| catch_up(&store, *user, SessionId::new(ids.next_ulid()), missed))
        .buffer_unordered(8)
        .try_fold(0, async |sum, events| Ok(sum + events))
        .await
        .unwrap();
    let seconds = began.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let rate = USERS as f64 / seconds;
    println!(r#"{{"scenario":"store_resume","users":{USERS},"events":{events},"rate_per_s":{rate:.0},"seconds":{seconds:.2}}}"#);
}

async fn catch_up(store: &Store, user: UserId, session: SessionId, after: Seq) -> Result<usize, StoreError> {
    let question = JoinQuestion { user, session, cursors: BTreeMap::from([(SHARD, after)]) };
    let snapshot = store.join_snapshots(&[question]).await?.remove(0);
    let upto = snapshot.watermarks.get(&SHARD).copied().unwrap_or_default();
    let ranges: Vec<_> = snapshot
        .memberships
        .iter()
        .map(|membership| EventRange { owner: EventOwner::Conversation(membership.interval.conversation), after, upto })
        .collect();
    Ok(store.events(SHARD, &ranges, 500, 1 << 20).await?.events.len())
}

/// Each conversation's beginning, then 25 rounds of one message in each.
fn log(ids: &SystemIds, users: &[UserId]) -> Vec<StoredEvent> {
    let text: relay_types::MessageText = "x".repeat(300).parse().unwrap();
    let conversations: Vec<_> = (0..CONVERSATIONS).map(|_| ConversationId::new(ids.next_ulid())).collect();
    let user = |n: usize| users.get(n % users.len()).copied().unwrap();
    let begins = conversations.iter().enumerate().map(|(n, id)| {
        let members = (0..MEMBERS).map(|k| InitialMember { user_id: user(n + k * 97), role: Role::Member });
        LogEvent::ConversationCreated(ConversationCreated {
            event_id: EventId::new(ids.next_ulid()),
            conversation_id: *id,
            kind: ConversationKind::Group,
            title: Some("Lobby".parse().unwrap()),
            actor_id: user(n),
            members: members.collect(),
            at_ms: 0,
        })
    });
    let sends = conversations.iter().cycle().take(CONVERSATIONS * 25).enumerate().map(|(n, id)| {
        LogEvent::MessageSent(MessageSent {
            message_id: MessageId::new(ids.next_ulid()),
            conversation_id: *id,
            actor_id: user(n),
            client_id: ids.next_ulid().to_string().parse().unwrap(),
            at_ms: 0,
            body: MessageBody::Text { text: text.clone() },
            reply_to: None,
            thread: None,
        })
    });
    let stored = |(seq, event): (u64, LogEvent)| {
        let owner = event.conversation().map(relay_protocol::EventOwner::Conversation);
        StoredEvent { shard: SHARD, seq: Seq(seq), owner, prev: None, stored_at_ms: 1_795_348_800_000, event, text: None }
    };
    (1..).zip(begins.chain(sends)).map(stored).collect()
}

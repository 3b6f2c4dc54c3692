//! Each user's durable consumer: the offline queue that ordinary NATS tools and clients see.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{Consumer, pull};
use futures::StreamExt as _;
use relay_client::{Event, MemoryStore, RealtimeConfig};
use relay_harness::{Harness, User, wait_for};
use relay_protocol::log::LogEvent;
use relay_types::{ConversationId, ShardId, UserId};

use super::support::{Client, LATE, Socket, TestResult, group, let_in, text, text_of, title, ulid_key};
use super::witness::{Requests, durable, log, stream};

/// Waits until what the user has not received is this much over all shards.
async fn pending_is(h: &Harness, shards: u16, user: &User, wanted: u64) {
    wait_for(&format!("{wanted} pending"), LATE, || async {
        let mut pending = 0;
        for shard in 0..shards {
            pending += durable(h, shard, user.id()).await.map_err(|error| format!("{error:#}"))?.0;
        }
        if pending == wanted { Ok(()) } else { Err(format!("{pending} pending")) }
    })
    .await;
}

async fn filtered(h: &Harness, user: &User, chat: ConversationId, wanted: bool) {
    wait_for(&format!("the filter to be there: {wanted}"), LATE, || async {
        let (_, filters) = durable(h, 0, user.id()).await.map_err(|error| vec![format!("{error:#}")])?;
        let there = filters.contains(&format!("chat.0.c.{chat}"));
        if there == wanted { Ok(()) } else { Err(filters) }
    })
    .await;
}

/// Is online until everything there is was received, and says so.
async fn visit(h: &Harness, user: &User) -> TestResult {
    let config = RealtimeConfig { report_interval: Duration::from_millis(50), ..RealtimeConfig::new(h.gateway_url(0)) };
    let (client, events) = user.device.connect_with(config, Arc::new(MemoryStore::default())).await?;
    let mut client = Client::new((client, events));
    while !matches!(client.next().await?, Event::CaughtUp { .. }) {}
    client.events.mark_handled();
    client.sdk.close().await;
    Ok(())
}

#[tokio::test]
async fn what_is_pending_is_exactly_what_the_user_has_not_received() -> TestResult {
    let h = Harness::builder().config("gateway", "checkpoint_interval_ms = 1000").config("log", "filter = \"debug\"").start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = group(&ann, &[&bob]).await?;
    filtered(&h, &bob, chat, true).await;
    filtered(&h, &ann, chat, true).await;
    // Online: everything is delivered, and said to be.
    let config = RealtimeConfig { report_interval: Duration::from_millis(50), ..RealtimeConfig::new(h.gateway_url(0)) };
    let mut bobs = Client::new(bob.device.connect_with(config, Arc::new(MemoryStore::default())).await?);
    bobs.sdk.live().await.map_err(|closed| anyhow::anyhow!("closed: {closed:?}"))?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    for n in 0..30 {
        anns.post(chat, &ulid_key(0), &format!("message {n}")).await?;
    }
    bobs.messages(chat, 30).await?;
    bobs.events.mark_handled();
    // While still connected, by the periodic checkpoint.
    pending_is(&h, 1, &bob, 0).await;
    bobs.sdk.close().await;
    for n in 0..17 {
        anns.post(chat, &ulid_key(0), &format!("missed {n}")).await?;
    }
    pending_is(&h, 1, &bob, 17).await;
    visit(&h, &bob).await?;
    pending_is(&h, 1, &bob, 0).await;
    h.finish().await
}

#[tokio::test]
async fn nobody_has_a_durable_consumer_before_their_first_log_in() -> TestResult {
    let h = Harness::shared().await?;
    let ann = h.user("ann").await?;
    let mut accounts = Vec::new();
    for n in 0..5 {
        accounts.push(h.account(&format!("unused{n}")).await?);
    }
    let bob = h.account("bob").await?;
    let id = bob.profile.user_id;
    // What comes before the first log-in is there afterwards.
    let invited = ann.api.create_group(&title("before"), &[id]).await?.conversation_id;
    let asked = ann.api.create_direct(id).await?.conversation_id;
    ann.api.post_message(asked, &ulid_key(0), &text("are you there?")).await?;
    // Behind them in the workers' queue.
    let cat = h.user("cat").await?;
    let own = |user: UserId| vec![format!("chat.0.u.{user}")];
    let made = async |user: UserId| {
        wait_for("the consumer of somebody new", LATE, || async {
            let (_, filters) = durable(&h, 0, user).await.map_err(|error| vec![format!("{error:#}")])?;
            if filters == own(user) { Ok(()) } else { Err(filters) }
        })
        .await;
    };
    made(cat.id()).await;
    for account in accounts.iter().chain([&bob]) {
        let found = durable(&h, 0, account.profile.user_id).await;
        assert!(found.is_err(), "{} has never logged in, and has a consumer: {found:?}", account.profile.handle);
    }

    let bob = bob.log_in().await?;
    made(id).await;
    bob.log_in("tablet").await?;
    assert_eq!(bob.api.invitations().await?.len(), 1);
    bob.api.accept(invited).await?;
    bob.api.accept(asked).await?;
    filtered(&h, &bob, invited, true).await;
    filtered(&h, &bob, asked, true).await;
    ann.api.post_message(asked, &ulid_key(0), &text("good")).await?;
    let mut bobs = Socket::live(&h, 1, &bob.device, None).await?;
    let said: Vec<String> = super::support::history(&bob.api, asked).await?.iter().map(|message| text_of(message).to_owned()).collect();
    assert_eq!(said, ["are you there?", "good"]);
    ann.api.post_message(invited, &ulid_key(0), &text("and live")).await?;
    bobs.message("and live").await?;
    let seen = log(&h, 0).await?.into_iter().filter(|(_, event)| matches!(event, LogEvent::UserSeen(seen) if seen.user_id == id));
    assert_eq!(seen.count(), 1, "the first log-in is told once");
    h.finish().await
}

#[tokio::test]
async fn what_is_pending_adds_up_over_shards() -> TestResult {
    let h = Harness::builder().shards(2).start().await?;
    let bob = h.user("bob").await?;
    // Owners whose homes are on either shard.
    let mut owners: [Option<User>; 2] = [None, None];
    for n in 0.. {
        let user = h.user(&format!("owner{n}")).await?;
        let home = usize::from(ShardId::home_of(user.id(), 2).0);
        owners[home] = Some(user);
        if owners.iter().all(Option::is_some) {
            break;
        }
    }
    let mut chats = Vec::new();
    for owner in owners.iter().flatten() {
        chats.push((owner, group(owner, &[&bob]).await?));
    }
    for shard in 0..2_u16 {
        let chat = chats[usize::from(shard)].1;
        wait_for("the filter", LATE, || async {
            let (_, filters) = durable(&h, shard, bob.id()).await.map_err(|error| vec![format!("{error:#}")])?;
            if filters.contains(&format!("chat.{shard}.c.{chat}")) { Ok(()) } else { Err(filters) }
        })
        .await;
    }
    // A change on one shard asks for nothing on the other.
    let mut others = Requests::on(&h, &format!("CONSUMER.*.CHAT-1.{}", relay_subjects::user_durable(bob.id()))).await?;
    let mut concerned = Requests::on(&h, &format!("CONSUMER.INFO.CHAT-0.{}", relay_subjects::user_durable(bob.id()))).await?;
    let (owner, chat) = chats[0];
    owner.api.remove_member(chat, bob.id()).await?;
    filtered(&h, &bob, chat, false).await;
    let_in(owner, chat, &bob).await?;
    filtered(&h, &bob, chat, true).await;
    assert!(!concerned.seen().await?.is_empty(), "requests can be seen");
    assert_eq!(others.seen().await?, [""; 0]);
    visit(&h, &bob).await?;
    pending_is(&h, 2, &bob, 0).await;
    for (index, (owner, chat)) in chats.iter().enumerate() {
        for _ in 0..5 + index {
            owner.api.post_message(*chat, &ulid_key(0), &text("missed")).await?;
        }
    }
    pending_is(&h, 2, &bob, 11).await;
    assert_eq!(durable(&h, 0, bob.id()).await?.0, 5);
    assert_eq!(durable(&h, 1, bob.id()).await?.0, 6);
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    chats[1].0.api.post_message(chats[1].1, &ulid_key(0), &text("live on shard 1")).await?;
    bobs.message("live on shard 1").await?;
    h.finish().await
}

#[tokio::test]
async fn filters_follow_joining_and_leaving() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    wait_for("the consumer of a new account", LATE, || async {
        let (_, filters) = durable(&h, 0, bob.id()).await.map_err(|error| vec![format!("{error:#}")])?;
        if filters == [format!("chat.0.u.{}", bob.id())] { Ok(()) } else { Err(filters) }
    })
    .await;
    let chat = group(&ann, &[]).await?;
    let_in(&ann, chat, &bob).await?;
    filtered(&h, &bob, chat, true).await;
    ann.api.remove_member(chat, bob.id()).await?;
    filtered(&h, &bob, chat, false).await;
    let_in(&ann, chat, &bob).await?;
    filtered(&h, &bob, chat, true).await;
    filtered(&h, &ann, chat, true).await;
    h.finish().await
}

#[tokio::test]
async fn an_ordinary_nats_client_pulls_exactly_the_missed_messages_from_it() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob, cat) = (h.user("ann").await?, h.user("bob").await?, h.user("cat").await?);
    let (chat, others) = (group(&ann, &[&bob]).await?, group(&ann, &[&cat]).await?);
    filtered(&h, &bob, chat, true).await;
    visit(&h, &bob).await?;
    pending_is(&h, 1, &bob, 0).await;
    let mut sent = Vec::new();
    for _ in 0..12 {
        sent.push(ann.api.post_message(chat, &ulid_key(0), &text("for bob")).await?.message_id);
        ann.api.post_message(others, &ulid_key(0), &text("not for bob")).await?;
    }
    let consumer: Consumer<pull::Config> =
        stream(&h, 0).await?.get_consumer(&relay_subjects::user_durable(bob.id())).await.map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut pulled = Vec::new();
    let mut batch = consumer.fetch().max_messages(100).messages().await?;
    while let Some(message) = batch.next().await {
        let message = message.map_err(|error| anyhow::anyhow!("{error}"))?;
        match serde_json::from_slice(&message.payload)? {
            LogEvent::MessageSent(sent) => pulled.push(sent.message_id),
            other => panic!("not a message: {}", other.name()),
        }
        message.ack().await.map_err(|error| anyhow::anyhow!("{error}"))?;
    }
    assert_eq!(pulled, sent);
    pending_is(&h, 1, &bob, 0).await;
    h.finish().await
}

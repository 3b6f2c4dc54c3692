//! What a newer version says keeps its place in an older one: live, replayed from everywhere, in Postgres and over REST.

use relay_client::{MemoryStore, RealtimeConfig};
use relay_harness::{Device, Harness, User, wait_for};
use relay_protocol::{Chain, MessageBody, Position, ServerFrame};
use relay_subjects::LogSubject;
use relay_types::{ConversationId, Seq, ShardId};
use serde_json::{Value, json};
use sqlx::Row as _;

use super::checks::{Seen, contiguous, holds};
use super::outages::durable_covers;
use super::support::{Client, LATE, Socket, TestResult, group, history, ulid_key};
use super::witness::{conversation_log, conversation_rows, log_end, persisted};

/// Publishes an event as a newer version would. Says where it stands.
async fn publish(h: &Harness, subject: LogSubject, event: &Value) -> anyhow::Result<Seq> {
    let jetstream = async_nats::jetstream::new(h.nats_client().await?);
    let ack = jetstream.publish(subject.to_string(), serde_json::to_vec(event)?.into()).await?.await?;
    Ok(Seq(ack.sequence))
}

/// Events that a newer version might store in a conversation, and what of each is unknown.
fn from_the_future(chat: ConversationId, ann: &User, bob: &User) -> Vec<Value> {
    let id = || ulid::Ulid::from_parts(1_900_000_000_000, rand::random()).to_string();
    vec![
        json!({ "v": 2, "type": "MESSAGE_STARRED", "event_id": id(), "actor_id": ann.id(), "at_ms": 7, "conversation_id": chat, "deep": [1.5, null] }),
        json!({ "type": "MESSAGE_SENT", "message_id": id(), "conversation_id": chat, "sender_id": ann.id(), "client_id": id(),
                "sent_at_ms": 7, "body": { "type": "poll", "question": "tea?", "options": ["yes", "no"] } }),
        json!({ "v": 2, "type": "ROLE_CHANGED", "event_id": id(), "actor_id": ann.id(), "at_ms": 7, "conversation_id": chat,
                "user_id": bob.id(), "role": "moderator", "for": "a day" }),
        json!({ "type": "BARE" }),
    ]
}

fn seqs(seen: &[Seen], chat: ConversationId) -> Vec<Seq> {
    seen.iter().filter(|seen| seen.conversation == chat).map(|seen| seen.seq).collect()
}

/// The chain's unknown events, as they came.
fn unknown(frames: &[ServerFrame], chain: &Chain) -> Vec<Value> {
    let raw = frames.iter().filter_map(|frame| match frame {
        ServerFrame::Unknown(frame) => serde_json::from_str::<Value>(frame.raw.get()).ok(),
        _ => None,
    });
    raw.filter(|frame| frame["chain"] == json!(chain.to_string())).collect()
}

/// The user's own chain on the only shard.
const OWN: Chain = Chain::User(ShardId(0));

/// Without what only Postgres and a warm gateway know.
fn without_prev(mut frames: Vec<Value>) -> Vec<Value> {
    for frame in &mut frames {
        frame.as_object_mut().expect("an object").remove("prev");
    }
    frames
}

fn bodies(frames: &[ServerFrame]) -> Vec<MessageBody> {
    frames.iter().filter_map(|frame| Some(frame.message()?.body)).filter(|body| body.text().is_none()).collect()
}

async fn dead_letters(h: &Harness) -> anyhow::Result<u64> {
    let jetstream = async_nats::jetstream::new(h.nats_client().await?);
    Ok(jetstream.get_stream(relay_subjects::DEAD_LETTER_STREAM).await?.cached_info().state.messages)
}

/// What came live.
struct Live {
    /// Of the conversation.
    events: Vec<Value>,
    /// On the user's own subject.
    own: Vec<Value>,
}

/// What a device that was away gets, wherever it comes from: everything in its place, the unknown as it came.
async fn replays(h: &Harness, gateway: usize, device: &Device, from: &Position, chat: ConversationId, live: &Live) -> TestResult {
    let socket = Socket::live(h, gateway, device, Some(from)).await?;
    let after = from.seq(ShardId(0)).unwrap_or_default();
    let logged: Vec<Seq> = conversation_log(h, chat).await?.into_iter().filter(|seq| *seq > after).collect();
    assert_eq!(seqs(&socket.seen(), chat), logged);
    assert_eq!(without_prev(unknown(&socket.frames, &Chain::Conversation(chat))), without_prev(live.events.clone()));
    assert_eq!(without_prev(unknown(&socket.frames, &OWN)), without_prev(live.own.clone()));
    assert_eq!(bodies(&socket.frames).len(), live.events.len() / 2);
    Ok(())
}

#[tokio::test]
async fn events_from_the_future_keep_their_place_everywhere() -> TestResult {
    let settings = "ring_bytes = 131072\nmessages_per_s = 10000\nmessage_burst = 10000\nframes_per_s = 10000";
    let h = Harness::builder().gateways(2).private_postgres().config("gateway", settings).expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = group(&ann, &[&bob]).await?;
    durable_covers(&h, &bob, chat).await;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let store = std::sync::Arc::new(MemoryStore::default());
    let config = RealtimeConfig::new(h.gateway_url(0));
    let mut sdk = Client::new(bob.device.connect_with(config, store.clone()).await?);
    sdk.sdk.live().await.map_err(|closed| anyhow::anyhow!("{closed:?}"))?;
    let position = bobs.at();

    // Under traffic.
    for (n, event) in from_the_future(chat, &ann, &bob).iter().chain(&from_the_future(chat, &ann, &bob)).enumerate() {
        anns.post(chat, &ulid_key(0), &format!("before {n}")).await?;
        publish(&h, LogSubject::Conversation(ShardId(0), chat), event).await?;
        publish(&h, LogSubject::User(ShardId(0), bob.id()), &json!({ "type": "THEME_CHANGED", "user_id": bob.id() })).await?;
    }
    anns.post(chat, &ulid_key(0), "the end of it").await?;
    bobs.message("the end of it").await?;
    holds(contiguous(bobs.me, &bobs.seen()));
    let live = Live { events: unknown(&bobs.frames, &Chain::Conversation(chat)), own: unknown(&bobs.frames, &OWN) };
    assert_eq!((live.events.len(), live.own.len()), (4, 8), "two of each, and bob's own");
    for frames in [&live.events, &live.own] {
        assert!(frames.iter().all(|frame| frame["seq"].is_u64() && frame["prev"].is_u64()), "{frames:?}");
    }
    assert!(live.own.windows(2).all(|pair| pair[0]["seq"] == pair[1]["prev"]), "{:?}", live.own);
    assert_eq!(live.events[0]["deep"], json!([1.5, null]));
    assert_eq!(unknown(&anns.frames, &OWN), Vec::<Value>::new(), "nobody else sees them");
    assert_eq!(bodies(&bobs.frames).len(), 2);

    // Nothing is dead-lettered for being new; the projection has it all, and the audit agrees.
    persisted(&h).await?;
    assert_eq!(dead_letters(&h).await?, 0);
    let rows: Vec<Seq> = conversation_rows(&h, chat).await?.into_iter().map(|(seq, _)| seq).collect();
    assert_eq!(rows, conversation_log(&h, chat).await?);
    h.relayctl(&["verify"]).await?;
    let mut database = h.database().await?;
    let row = sqlx::query(
        "SELECT body::text, actor_id, decided_at_ms FROM conversation_events WHERE kind = 'MESSAGE_STARRED' ORDER BY seq LIMIT 1",
    )
    .fetch_one(&mut database)
    .await?;
    let body: Value = serde_json::from_str(row.try_get(0)?)?;
    assert_eq!(body["deep"], json!([1.5, null]));
    assert_eq!((row.try_get::<sqlx::types::Uuid, _>(1)?, row.try_get::<i64, _>(2)?), (ann.id().to_uuid(), 7));
    drop(database);

    // The history carries the unknown body, and leaves out the unknown events.
    let page = history(&bob.api, chat).await?;
    let polls: Vec<_> = page.iter().filter(|message| message.body.text().is_none()).collect();
    assert_eq!(polls.len(), 2);
    assert_eq!(serde_json::to_value(&polls[0].body)?["question"], "tea?");

    // The SDK counts them as seen, and its position has moved behind them.
    sdk.messages(chat, 11).await?;
    sdk.events.mark_handled();
    assert_eq!((sdk.gaps, sdk.resets), (0, 0));
    let end = log_end(&h).await?;
    wait_for("the SDK's position", LATE, || async {
        let reached = store.position().and_then(|position| position.seq(ShardId(0))).unwrap_or_default();
        if reached >= end { Ok(()) } else { Err(reached) }
    })
    .await;

    // From the ring, from Postgres by a gateway that knows nobody, and from the log itself.
    replays(&h, 0, &bob.device, &position, chat, &live).await?;
    replays(&h, 1, &bob.device, &position, chat, &live).await?;
    for n in 0..300 {
        anns.post(chat, &ulid_key(0), &format!("push it out of the ring {n}")).await?;
    }
    persisted(&h).await?;
    replays(&h, 1, &bob.device, &position, chat, &live).await?;
    h.postgres().stop().await;
    replays(&h, 0, &bob.device, &position, chat, &live).await?;
    h.finish().await
}

#[tokio::test]
async fn event_on_the_subject_of_another_user_is_dead_lettered() -> TestResult {
    let h = Harness::builder().expect_error("dead-lettered").start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let id = ulid::Ulid::from_parts(1_900_000_000_000, rand::random()).to_string();
    let revoked =
        json!({ "type": "SESSION_REVOKED", "event_id": id, "user_id": ann.id(), "session_id": ann.device.session_id(), "at_ms": 7 });
    let at = publish(&h, LogSubject::User(ShardId(0), bob.id()), &revoked).await?;
    persisted(&h).await?;
    assert_eq!(dead_letters(&h).await?, 1);
    // Its session goes on.
    anns.passed(at).await?;
    // Nor does an event pass for a control frame.
    let chat = group(&ann, &[&bob]).await?;
    let reset = json!({ "type": "reset", "reason": "too_old", "position": "p", "conversation_id": chat });
    let at = publish(&h, LogSubject::Conversation(ShardId(0), chat), &reset).await?;
    persisted(&h).await?;
    assert_eq!(dead_letters(&h).await?, 2);
    anns.passed(at).await?;
    assert!(anns.frames.iter().all(|frame| !matches!(frame, ServerFrame::Reset { .. } | ServerFrame::Unknown(_))), "{:?}", anns.frames);
    h.finish().await
}

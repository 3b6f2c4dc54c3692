//! What concerns a person alone reaches all their devices, and nobody else: live, and replayed from wherever it comes.

use std::sync::Arc;

use relay_client::{MemoryStore, RealtimeConfig};
use relay_harness::{Device, Harness, User};
use relay_protocol::rest::{ConversationListQuery, HistoryQuery};
use relay_protocol::{ErrorCode, Position, ServerFrame};
use relay_types::{ConversationId, Seq};
use serde_json::{Value, json};

use super::outages::durable_covers;
use super::support::{Client, Socket, TestResult, code_of, group, let_in, text, ulid_key};
use super::witness::persisted;

/// The user's own events among the frames, in order.
fn own(frames: &[ServerFrame]) -> Vec<Value> {
    let frames = frames.iter().filter_map(|frame| serde_json::to_value(frame).ok());
    frames.filter(|frame| frame["chain"].as_str().is_some_and(|chain| chain.starts_with("u:"))).collect()
}

fn names(own: &[Value]) -> Vec<&str> {
    own.iter().filter_map(|event| event["type"].as_str()).collect()
}

/// Each event names the one before it, wherever that is known.
#[track_caller]
fn chained(own: &[Value]) {
    for pair in own.windows(2) {
        let [one, next] = pair else { continue };
        assert!(one["seq"].as_u64() < next["seq"].as_u64(), "{own:?}");
        assert!(next["prev"].is_null() || next["prev"] == one["seq"], "{own:?}");
    }
}

/// The places and types of the events, which are the same wherever they come from.
fn places(own: &[Value]) -> Vec<(Option<u64>, Option<&str>)> {
    own.iter().map(|event| (event["seq"].as_u64(), event["type"].as_str())).collect()
}

/// Reads until an own event is as wished.
async fn until(socket: &mut Socket, what: &str, wish: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
    let came = own(&socket.frames).into_iter().find(|event| wish(event));
    if let Some(event) = came {
        return Ok(event);
    }
    socket.until(what, |frame| own(std::slice::from_ref(frame)).into_iter().find(|event| wish(event))).await
}

fn is_mark(event: &Value, chat: ConversationId, seq: Seq) -> bool {
    event["type"] == "READ_MARK_MOVED" && event["conversation_id"] == json!(chat) && event["read_seq"] == json!(seq)
}

/// What a device that was away since `from` is told.
async fn replayed(h: &Harness, gateway: usize, device: &Device, from: &Position) -> anyhow::Result<Vec<Value>> {
    let socket = Socket::live(h, gateway, device, Some(from)).await?;
    let own = own(&socket.frames);
    chained(&own);
    Ok(own)
}

#[tokio::test]
async fn read_mark_moved_on_one_device_reaches_the_other_from_everywhere() -> TestResult {
    let settings = "ring_bytes = 131072\nmessages_per_s = 10000\nmessage_burst = 10000\nframes_per_s = 10000";
    let h = Harness::builder().gateways(2).private_postgres().config("gateway", settings).expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let laptop = ann.log_in("laptop").await?;
    let chat = group(&bob, &[&ann]).await?;
    durable_covers(&h, &ann, chat).await;
    let mut live = Socket::live(&h, 0, &laptop, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let from = live.at();
    let mut seqs = Vec::new();
    for n in 0..20 {
        seqs.push(bobs.post(chat, &ulid_key(0), &format!("message {n}")).await?.seq);
    }
    persisted(&h).await?;

    // The first word comes at once; what moves while the next one waits is told as one, the newest; and it never goes back.
    for seq in &seqs[..15] {
        ann.api.mark_read(chat, *seq).await?;
    }
    ann.api.mark_read(chat, seqs[2]).await?;
    let first = until(&mut live, "the first word", |event| is_mark(event, chat, seqs[0])).await?;
    assert_eq!(first["actor_id"], json!(ann.id()));
    until(&mut live, "the newest", |event| is_mark(event, chat, seqs[14])).await?;
    ann.api.mark_read(chat, seqs[19]).await?;
    until(&mut live, "the last", |event| is_mark(event, chat, seqs[19])).await?;
    let told = own(&live.frames);
    chained(&told);
    let marks: Vec<_> = told.iter().filter_map(|event| event["read_seq"].as_u64()).collect();
    assert!(marks.is_sorted_by(|a, b| a < b), "{marks:?}");
    assert!(marks.len() <= 5, "one in five seconds: {marks:?}");

    // From the ring, from Postgres by a gateway that knows nobody, from Postgres once the ring has moved on, and from the log.
    assert_eq!(places(&replayed(&h, 0, &laptop, &from).await?), places(&told));
    assert_eq!(places(&replayed(&h, 1, &laptop, &from).await?), places(&told));
    for n in 0..300 {
        bobs.post(chat, &ulid_key(0), &format!("push it out of the ring {n}")).await?;
    }
    persisted(&h).await?;
    let from_postgres = replayed(&h, 1, &laptop, &from).await?;
    assert_eq!(places(&from_postgres), places(&told));
    assert!(from_postgres.iter().all(|event| event["prev"].is_u64()), "{from_postgres:?}");
    h.postgres().stop().await;
    let from_the_log = replayed(&h, 0, &laptop, &from).await?;
    assert_eq!(places(&from_the_log), places(&told));
    assert!(from_the_log.iter().all(|event| event["prev"].is_u64()), "all of them are read, so each one's predecessor is known");
    assert!(own(&bobs.frames).iter().all(|event| event["user_id"] == json!(bob.id())), "nobody else is told");
    h.finish().await
}

/// Ann's devices see what happens to her, one after the other.
async fn happens_to(ann: &User, bob: &User) -> anyhow::Result<()> {
    // They know each other by one group, so bob may add her to the next.
    let first = group(bob, &[ann]).await?;
    let second = bob.api.create_group(&"second".parse()?, &[bob.id()]).await?.conversation_id;
    let_in(bob, second, ann).await?;
    ann.api.remove_member(second, ann.id()).await?;
    bob.api.remove_member(first, ann.id()).await?;
    ann.api.change_profile(&"Ann the second".parse()?).await?;
    ann.api.change_profile(&"Ann the second".parse()?).await?;
    let tablet = ann.log_in("tablet").await?;
    ann.api.revoke(tablet.session_id()).await?;
    Ok(())
}

/// A device marks a message as it comes, a moment before Postgres has it.
#[tokio::test]
async fn a_mark_counts_however_soon_after_the_message_it_comes() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = group(&bob, &[&ann]).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    for n in 0..20 {
        let seq = bobs.post(chat, &ulid_key(0), &format!("message {n}")).await?.seq;
        ann.api.mark_read(chat, seq).await?;
        let list = ann.api.list_conversations(&ConversationListQuery::default()).await?;
        let item = list.conversations.iter().find(|item| item.conversation_id == chat).expect("the chat is listed");
        assert_eq!((item.read_seq, item.unread_count), (seq, 0), "message {n}");
    }
    Ok(())
}

#[tokio::test]
async fn own_events_come_in_order_to_every_device_and_over_a_reconnect() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let laptop = ann.log_in("laptop").await?;
    let mut phone = Socket::live(&h, 0, &ann.device, None).await?;
    let mut other = Socket::live(&h, 1, &laptop, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let from = phone.at();
    happens_to(&ann, &bob).await?;
    for socket in [&mut phone, &mut other] {
        until(socket, "the tablet's end", |event| event["type"] == "SESSION_REVOKED").await?;
        let own = own(&socket.frames);
        chained(&own);
        assert_eq!(
            names(&own),
            [
                "CONVERSATION_INVITED",
                "CONVERSATION_JOINED",
                "INVITATION_ENDED",
                "CONVERSATION_JOINED",
                "CONVERSATION_LEFT",
                "CONVERSATION_LEFT",
                "PROFILE_CHANGED",
                "SESSION_STARTED",
                "SESSION_REVOKED"
            ]
        );
        assert!(own.iter().all(|event| event["user_id"] == json!(ann.id())));
        assert_eq!(own[6]["display_name"], "Ann the second");
        assert_eq!((&own[7]["device_name"], &own[7]["session_id"]), (&json!("tablet"), &own[8]["session_id"]));
    }
    assert_eq!(places(&own(&phone.frames)), places(&own(&other.frames)));
    assert_eq!(ann.api.me().await?.display_name.as_str(), "Ann the second");
    assert_eq!(places(&replayed(&h, 1, &ann.device, &from).await?), places(&own(&phone.frames)));
    // The chain goes on behind what was replayed.
    let mut again = Socket::live(&h, 0, &laptop, Some(&from)).await?;
    ann.api.change_profile(&"Ann".parse()?).await?;
    until(&mut again, "the last name", |event| event["display_name"] == "Ann").await?;
    chained(&own(&again.frames));
    assert_eq!(own(&again.frames).len(), 10);
    bobs.passed(phone.at().seq(relay_types::ShardId(0)).unwrap_or_default()).await?;
    assert!(own(&bobs.frames).iter().all(|event| event["user_id"] == json!(bob.id())), "nobody else is told");
    h.finish().await
}

#[tokio::test]
async fn sdk_proves_the_own_chain_as_it_proves_conversations() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let laptop = ann.log_in("laptop").await?;
    let store = Arc::new(MemoryStore::default());
    let chat = group(&bob, &[&ann]).await?;
    for round in 0..3 {
        let config = RealtimeConfig::new(h.gateway_url(round % 2));
        let mut sdk = Client::new(laptop.connect_with(config, store.clone()).await?);
        sdk.sdk.live().await.map_err(|closed| anyhow::anyhow!("{closed:?}"))?;
        bob.api.post_message(chat, &ulid_key(0), &text(&format!("round {round}"))).await?;
        ann.api.change_profile(&format!("Ann {round}").parse()?).await?;
        sdk.messages(chat, 1).await?;
        while !format!("{:?}", sdk.next().await?).contains(&format!("Ann {round}")) {}
        sdk.events.mark_handled();
        sdk.sdk.close().await;
        assert_eq!((sdk.gaps, sdk.resets), (0, 0));
        // While it is away.
        ann.api.change_profile(&format!("Ann away {round}").parse()?).await?;
    }
    h.finish().await
}

#[tokio::test]
async fn marked_unread_on_one_device_is_so_on_the_other_and_nobody_else_is_told() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let tablet = ann.log_in("tablet").await?;
    let chat = group(&bob, &[&ann]).await?;
    let mut live = Socket::live(&h, 0, &tablet, None).await?;
    let mut bobs = Socket::live(&h, 1, &bob.device, None).await?;
    let mut seqs = Vec::new();
    for n in 0..3 {
        seqs.push(bobs.post(chat, &ulid_key(0), &format!("message {n}")).await?.seq);
    }
    ann.api.mark_read(chat, seqs[2]).await?;
    until(&mut live, "what she read", |event| is_mark(event, chat, seqs[2])).await?;
    let read = bob.api.receipts(chat).await?.read;
    ann.api.mark_unread(chat, seqs[1]).await?;
    let unread = |event: &Value| is_mark(event, chat, seqs[2]) && event["unread_from"] == json!(seqs[1]);
    let marked = until(&mut live, "what is unread again", unread).await?["seq"].as_u64();
    let item = async |of: &User| {
        let list = of.api.list_conversations(&ConversationListQuery::default()).await?;
        list.conversations.into_iter().find(|item| item.conversation_id == chat).ok_or_else(|| anyhow::anyhow!("it is not listed"))
    };
    let hers = item(&ann).await?;
    assert_eq!((hers.unread_count, hers.read_seq, hers.unread_from), (2, seqs[2], Some(seqs[1])));
    let query = HistoryQuery { conversation_id: chat, before: None, after: None, unread: Some(true), limit: None, changes: None };
    assert_eq!(ann.api.history(&query).await?.messages.first().map(|message| message.seq), Some(seqs[1]));
    assert_eq!(bob.api.receipts(chat).await?.read, read, "as before");
    assert_eq!(item(&bob).await?.unread_from, None);
    // Writing ends it, but not what was written before, however little the projection has of that.
    for n in 0..10 {
        ann.api.post_message(chat, &ulid_key(0), &text(&format!("before {n}"))).await?;
        ann.api.mark_unread(chat, seqs[1]).await?;
        assert_eq!(item(&ann).await?.unread_from, Some(seqs[1]), "after {n}");
    }
    ann.api.mark_read(chat, seqs[2]).await?;
    let read = |event: &Value| is_mark(event, chat, seqs[2]) && event["unread_from"].is_null() && event["seq"].as_u64() > marked;
    until(&mut live, "that she has read it", read).await?;
    assert_eq!(item(&ann).await?.unread_count, 0);
    let eve = h.user("eve").await?;
    assert_eq!(code_of(eve.api.mark_unread(chat, seqs[0]).await), ErrorCode::NotMember);
    h.finish().await
}

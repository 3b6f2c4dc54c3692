//! Who is typing: told to those who are there, to nobody else, and never at the cost of what is logged.

use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;
use relay_client::{Event, Incoming};
use relay_fault_proxy::{Direction, Faults};
use relay_harness::{Harness, wait_for};
use relay_protocol::command::encode;
use relay_protocol::ephemeral::{MAX_BATCH_BYTES, TypingBatch, TypingNotice};
use relay_protocol::{ServerFrame, TypingState, UserTyping};
use relay_types::{ConversationId, Seq, ShardId, UserId};

use super::checks::{contiguous, holds};
use super::support::{Client, LATE, SOON, Socket, TestResult, direct, group, text, ulid_key};
use super::witness::log_end;

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

async fn types(socket: &mut Socket, conversation: ConversationId) -> anyhow::Result<()> {
    say(socket, encode::typing_start(conversation)).await
}

async fn say(socket: &mut Socket, command: String) -> anyhow::Result<()> {
    socket.connection.send_text(command).await.map_err(|close| anyhow::anyhow!("closed: {close:?}"))
}

/// The next news of somebody's typing.
async fn news(socket: &mut Socket, of: UserId) -> anyhow::Result<UserTyping> {
    let wish = |frame: &ServerFrame| match frame {
        ServerFrame::UserTyping(typing) if typing.user_id == of => Some(typing.clone()),
        _ => None,
    };
    socket.until("somebody typing", wish).await
}

/// Whose typing the socket brought, up to now.
async fn heard(socket: &mut Socket) -> anyhow::Result<Vec<UserId>> {
    socket.passed(Seq::ZERO).await?;
    let typing = |frame: &ServerFrame| if let ServerFrame::UserTyping(typing) = frame { Some(typing.user_id) } else { None };
    Ok(socket.frames.iter().filter_map(typing).collect())
}

/// Types until the other is told.
async fn told_at_last(from: &mut Socket, to: &mut Socket, conversation: ConversationId) -> anyhow::Result<()> {
    let deadline = Instant::now() + LATE;
    while heard(to).await?.is_empty() {
        ensure!(Instant::now() < deadline, "typing is not told; the last frame: {:?}", to.frames.last());
        types(from, conversation).await?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// The gateway's count of what was not told for this reason.
async fn dropped(h: &Harness, gateway: usize, reason: &str) -> anyhow::Result<u64> {
    let metrics = h.gateway(gateway).metrics().await?;
    let name = format!(r#"relay_ephemeral_dropped_total{{reason="{reason}"}} "#);
    let value = metrics.lines().find_map(|line| line.strip_prefix(&name));
    Ok(value.unwrap_or("0").parse()?)
}

/// Waits until something was not told for this reason.
async fn is_dropped(h: &Harness, gateway: usize, reason: &str, at_least: u64) {
    wait_for(reason, SOON, || async {
        match dropped(h, gateway, reason).await {
            Ok(count) if count >= at_least => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

#[tokio::test]
async fn typing_is_told_on_every_gateway_to_members_alone() -> TestResult {
    let h = Harness::builder().gateways(2).start().await?;
    let (ann, bob, cid) = (h.user("ann").await?, h.user("bob").await?, h.user("cid").await?);
    let chat = group(&ann, &[&bob, &cid]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut anns_other = Socket::live(&h, 0, &ann.log_in("second").await?, None).await?;
    let mut bobs = Socket::live(&h, 1, &bob.device, None).await?;
    let mut cids = Socket::live(&h, 1, &cid.device, None).await?;
    let end = log_end(&h).await?;

    types(&mut anns, chat).await?;
    let raw = loop {
        match bobs.connection.receive_within(SOON).await {
            Some(Incoming::Text(text)) if text.contains("user_typing") => break text,
            Some(Incoming::Text(_)) => {}
            other => anyhow::bail!("nobody is said to type: {other:?}"),
        }
    };
    let frame: serde_json::Value = serde_json::from_str(raw.as_str())?;
    assert_eq!(frame["state"], "typing");
    assert!(frame["seq"].is_null() && frame["chain"].is_null() && frame["prev"].is_null(), "it has no place: {raw}");
    let now = i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis())?;
    let ahead = frame["until_ms"].as_i64().unwrap_or_default() - now;
    assert!((-5_000..=6_000).contains(&ahead), "it ends {ahead} ms from now");
    let told = news(&mut cids, ann.id()).await?;
    assert_eq!((told.conversation_id, told.state), (chat, TypingState::Typing));
    say(&mut anns, encode::typing_stop(chat)).await?;
    let stopped = news(&mut bobs, ann.id()).await?;
    assert_eq!((stopped.state, stopped.until_ms), (TypingState::Stopped, None));
    assert_eq!(heard(&mut anns).await?, [], "nobody is told of themselves");
    assert_eq!(heard(&mut anns_other).await?, []);
    assert_eq!(log_end(&h).await?, end, "nothing of it is in the log");

    // Somebody who is out neither tells nor is told, whichever way their gateway hears of it.
    ann.api.remove_member(chat, bob.id()).await?;
    let removal = |frame: &ServerFrame| frame.event().is_some_and(|event| event.leaving().contains(&bob.id())).then_some(());
    anns.until("the removal", removal).await?;
    cids.until("the removal", removal).await?;
    bobs.until("one's own removal", removal).await?;
    bobs.frames.clear();
    types(&mut bobs, chat).await?;
    is_dropped(&h, 1, "not_member", 1).await;
    types(&mut anns, chat).await?;
    news(&mut cids, ann.id()).await?;
    assert_eq!(heard(&mut bobs).await?, []);
    assert!(!heard(&mut cids).await?.contains(&bob.id()) && !heard(&mut anns).await?.contains(&bob.id()));
    h.finish().await
}

#[tokio::test]
async fn typing_is_not_told_before_a_request_is_answered_nor_to_those_who_flood() -> TestResult {
    let h = Harness::builder().config("gateway", "typing_per_s = 100\nframes_per_s = 5000").start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = ann.api.create_direct(bob.id()).await?.conversation_id;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    types(&mut anns, chat).await?;
    is_dropped(&h, 0, "silent", 1).await;
    types(&mut bobs, chat).await?;
    is_dropped(&h, 0, "silent", 2).await;
    assert_eq!(heard(&mut bobs).await?, []);
    assert_eq!(heard(&mut anns).await?, [], "nor is the one who asks told of the one who has not answered");

    bob.api.accept(chat).await?;
    // The answer is looked for again after some seconds.
    told_at_last(&mut anns, &mut bobs, chat).await?;

    // A flood is conflated, then not told at all, and what is logged goes on.
    bobs.frames.clear();
    for _ in 0..2_000 {
        types(&mut anns, chat).await?;
    }
    anns.post(chat, &ulid_key(0), "done").await?;
    bobs.message("done").await?;
    let told = heard(&mut bobs).await?.len();
    assert!(told < 500, "{told} frames for 2,000 commands");
    assert!(dropped(&h, 0, "rate_limited").await? >= 1_000);
    h.finish().await
}

#[tokio::test]
async fn a_socket_that_does_not_read_keeps_its_events_and_only_the_newest_typing() -> TestResult {
    const MESSAGES: usize = 1_000;
    let settings =
        "outbound_queue_bytes = 67108864\nmessages_per_s = 10000\nmessage_burst = 10000\nframes_per_s = 10000\ntyping_per_s = 1000";
    let h = Harness::builder().config("gateway", settings).start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    // More than the kernel holds back for somebody who does not read.
    let body = "x".repeat(16_000);
    for _ in 0..MESSAGES {
        anns.post(chat, &ulid_key(0), &body).await?;
    }
    let conflated = async || {
        let metrics = h.gateway(0).metrics().await?;
        let value = metrics.lines().find_map(|line| line.strip_prefix("relay_ephemeral_conflated_total "));
        anyhow::Ok(value.unwrap_or("0").parse::<u64>()?)
    };
    let before = conflated().await?;
    let deadline = Instant::now() + LATE;
    while conflated().await? < before + 20 {
        ensure!(Instant::now() < deadline, "typing that nobody reads is not conflated");
        types(&mut anns, chat).await?;
        tokio::time::sleep(PAUSE).await;
    }
    for _ in 0..MESSAGES {
        bobs.message(&body).await?;
    }
    news(&mut bobs, ann.id()).await?;
    assert!(heard(&mut bobs).await?.len() <= 2, "one waited, one more may have been given since");
    holds(contiguous(bobs.me, &bobs.seen()));
    h.finish().await
}

#[tokio::test]
async fn typing_resumes_when_gateways_hear_each_other_again_and_bad_batches_do_no_harm() -> TestResult {
    let settings = "typing_per_s = 100";
    let h = Harness::builder().gateways(2).nats_link().config("gateway", settings).start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 1, &bob.device, None).await?;
    types(&mut anns, chat).await?;
    news(&mut bobs, ann.id()).await?;

    // What a stolen password of a gateway can do at worst: waste what is bounded.
    let thief = h.nats_client_of("gateway").await?;
    let subject = || relay_subjects::live(relay_subjects::LiveClass::Typing, relay_subjects::live_bucket(chat));
    let notice = |until_ms| TypingNotice {
        conversation_id: chat,
        user_id: ann.id(),
        state: TypingState::Typing,
        until_ms,
        shard: ShardId(0),
        as_of: Seq(u64::MAX),
    };
    for bytes in [b"".as_slice(), b"{", br#"{"v":1,"notices":[{}]}"#] {
        thief.publish(subject(), Bytes::copy_from_slice(bytes)).await?;
    }
    thief.publish(subject(), Bytes::from(vec![b' '; MAX_BATCH_BYTES + 1])).await?;
    thief.publish(subject(), TypingBatch::new(vec![notice(Some(i64::MAX)), notice(None)]).encode().into()).await?;
    thief.flush().await?;
    for gateway in [0, 1] {
        is_dropped(&h, gateway, "malformed", 3).await;
        is_dropped(&h, gateway, "too_large", 1).await;
        is_dropped(&h, gateway, "stale", 2).await;
    }
    // A place that the log has not come to is not waited for long.
    let now = i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis())?;
    thief.publish(subject(), TypingBatch::new(vec![notice(Some(now + 4_000))]).encode().into()).await?;
    thief.flush().await?;
    is_dropped(&h, 1, "behind", 1).await;

    bobs.frames.clear();
    let cut = Direction { blackhole: true, ..Direction::default() };
    h.nats_link().set(Faults { only: Some("gateway-ephemeral"), ..Faults::both(cut) });
    types(&mut anns, chat).await?;
    anns.post(chat, &ulid_key(0), "messages go on").await?;
    bobs.message("messages go on").await?;
    ensure!(heard(&mut bobs).await?.is_empty(), "typing went through a link that is cut");
    h.nats_link().heal();
    told_at_last(&mut anns, &mut bobs, chat).await?;
    h.finish().await
}

#[tokio::test]
async fn typing_in_the_sdk_ends_with_a_message_or_by_itself() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let anns = Client::live(&h, 0, &ann.device).await?;
    let mut bobs = Client::live(&h, 0, &bob.device).await?;
    let mut typing = async |typing: bool| {
        loop {
            match bobs.next().await? {
                Event::Typing { conversation_id, user_id, typing: now } if (conversation_id, user_id) == (chat, ann.id()) => {
                    ensure!(now == typing, "typing is {now}");
                    return Ok(());
                }
                Event::Message(message) => anyhow::bail!("{message:?} came before typing was {typing}"),
                _ => {}
            }
        }
    };
    anns.sdk.typing_start(chat);
    typing(true).await?;
    let began = Instant::now();
    typing(false).await?;
    ensure!(began.elapsed() > Duration::from_secs(4), "it ended after {:?}", began.elapsed());
    anns.sdk.typing_start(chat);
    typing(true).await?;
    drop(anns.sdk.send(chat, text("said")).await?);
    typing(false).await?;
    bobs.messages(chat, 1).await?;
    // At once again, because the message ended it.
    anns.sdk.typing_start(chat);
    loop {
        if let Event::Typing { typing, .. } = bobs.next().await? {
            ensure!(typing, "it ended twice");
            break;
        }
    }
    h.finish().await
}

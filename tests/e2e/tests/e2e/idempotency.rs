//! The same key is one message, and always its first ack.

use std::time::Duration;

use async_nats::jetstream;
use relay_harness::{Harness, User, wait_for};
use relay_protocol::ErrorCode;
use relay_protocol::frame::MessageAck;
use relay_types::{ClientId, ConversationId, ShardId};

use super::support::{LATE, Socket, TestResult, code_of, direct, key, text, ulid_key};
use super::witness::{log_end, persisted, row_counts, sequences_of, stream};

/// Publishes a message with an id of its own, and says whether the log took it for a repetition.
async fn probe(h: &Harness, id: &str) -> anyhow::Result<bool> {
    let jetstream = jetstream::new(h.nats_client().await?);
    let subject = format!("chat.{}.u.01ARZ3NDEKTSV4RRFFQ69G5FAV", ShardId(0));
    let publish = jetstream::message::PublishMessage::build().payload(r#"{"type":"PROBE"}"#.into()).message_id(id);
    Ok(jetstream.send_publish(subject, publish).await?.await?.duplicate)
}

/// Waits until the log itself no longer recognises what was published before this call.
async fn window_over(h: &Harness, id: &str) -> TestResult {
    probe(h, id).await?;
    wait_for("the end of the duplicate window", LATE, || async {
        match probe(h, id).await {
            Ok(false) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    Ok(())
}

async fn over_ws(h: &Harness, gateway: usize, user: &User, chat: ConversationId, id: &ClientId) -> anyhow::Result<MessageAck> {
    Socket::live(h, gateway, &user.device, None).await?.post(chat, id, "once").await
}

/// Retries everywhere, at once and after the window; each answer has to be the first one.
async fn one_message_whatever_happens(id: ClientId) -> TestResult {
    let h = Harness::builder().gateways(2).duplicate_window(Duration::from_secs(1)).start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let first = over_ws(&h, 0, &ann, chat, &id).await?;
    assert_eq!(over_ws(&h, 0, &ann, chat, &id).await?, first, "at once, same gateway");
    assert_eq!(over_ws(&h, 1, &ann, chat, &id).await?, first, "at once, another gateway");
    assert_eq!(ann.api.post_message(chat, &id, &text("once")).await?, first, "at once, REST");
    window_over(&h, "probe-1").await?;
    assert_eq!(over_ws(&h, 0, &ann, chat, &id).await?, first, "after the window, same gateway");
    assert_eq!(over_ws(&h, 1, &ann, chat, &id).await?, first, "after the window, another gateway");
    assert_eq!(ann.api.post_message(chat, &id, &text("once")).await?, first, "after the window, REST");
    h.gateway(1).kill();
    h.gateway(1).restart().await?;
    assert_eq!(over_ws(&h, 1, &ann, chat, &id).await?, first, "after the window, a new gateway process");
    assert_eq!(sequences_of(&h, &id).await?, vec![(first.seq, ann.id())]);
    persisted(&h).await?;
    assert_eq!(row_counts(&h).await?["send_keys"], 1);

    let others = over_ws(&h, 0, &bob, chat, &id).await?;
    assert!(others.seq > first.seq && others.message_id != first.message_id, "another sender's equal key is another message");
    assert_eq!(over_ws(&h, 1, &bob, chat, &id).await?, others);
    h.finish().await
}

#[tokio::test]
async fn a_ulid_key_is_one_message_over_gateways_rest_restarts_and_the_duplicate_window() -> TestResult {
    one_message_whatever_happens(ulid_key(0)).await
}

#[tokio::test]
async fn a_key_of_any_form_is_one_message_over_gateways_rest_restarts_and_the_duplicate_window() -> TestResult {
    one_message_whatever_happens(key("my-own_key")).await
}

#[tokio::test]
async fn a_gateway_without_memory_of_a_key_finds_it_in_postgres() -> TestResult {
    // A ring of a hundred messages, and none of the past loaded into it.
    let h = Harness::builder()
        .gateways(2)
        .duplicate_window(Duration::from_secs(1))
        .config("gateway", "ring_bytes = 65536\nring_warmup_ms = 0\nmessage_burst = 1000\nframes_per_s = 10000")
        .start()
        .await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let (minted, own) = (ulid_key(0), key("own"));
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let (first, second) = (anns.post(chat, &minted, "one").await?, anns.post(chat, &own, "two").await?);
    for n in 0..200 {
        anns.post(chat, &key(&format!("filler-{n}")), "filler").await?;
    }
    window_over(&h, "probe-2").await?;
    let end = log_end(&h).await?;
    for gateway in 0..2 {
        assert_eq!(over_ws(&h, gateway, &ann, chat, &minted).await?, first);
        assert_eq!(over_ws(&h, gateway, &ann, chat, &own).await?, second);
    }
    assert_eq!(log_end(&h).await?, end, "nothing was added");
    h.finish().await
}

#[tokio::test]
async fn two_devices_on_two_gateways_that_send_one_key_at_once_make_one_message() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let other = ann.log_in("other").await?;
    let chat = direct(&ann, &bob).await?;
    let mut one = Socket::live(&h, 0, &ann.device, None).await?;
    let mut two = Socket::live(&h, 1, &other, None).await?;
    for round in 0..20 {
        let id = if round % 2 == 0 { ulid_key(0) } else { key(&format!("own-{round}")) };
        let (a, b) = tokio::join!(one.post(chat, &id, "same"), two.post(chat, &id, "same"));
        let (a, b) = (a?, b?);
        assert_eq!(a, b, "round {round}");
        assert_eq!(sequences_of(&h, &id).await?, vec![(a.seq, ann.id())]);
    }
    h.finish().await
}

#[tokio::test]
async fn a_key_minted_in_the_future_is_refused_at_both_doors_and_leaves_no_trace() -> TestResult {
    let h = Harness::shared_alone().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    // The gateway learns the log's time from what passes.
    anns.post(chat, &key("before"), "before").await?;
    let end = log_end(&h).await?;
    let future = ulid_key(600_000);
    assert_eq!(anns.refused(chat, &future, "early").await?.code, ErrorCode::ClientIdAhead);
    assert_eq!(code_of(ann.api.post_message(chat, &future, &text("early")).await), ErrorCode::ClientIdAhead);
    assert_eq!(log_end(&h).await?, end);
    // An hour's old one is only old; behind a refusal for good it may have to come again.
    anns.post_at_last(chat, &ulid_key(-3_600_000), "late").await?;
    h.finish().await
}

/// The age of a key is judged by the log's time, which a gateway must not take from an old event.
#[tokio::test]
async fn a_gateway_that_starts_on_a_quiet_log_takes_fresh_keys_at_once() -> TestResult {
    // The tolerance for keys from the future is a sixth of the window.
    let h = Harness::builder().duplicate_window(Duration::from_secs(1)).start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    h.gateway(0).stop().await;
    wait_for("the log's newest event to be two seconds old", LATE, || async {
        let newest = stream(&h, 0).await.map_err(|error| error.to_string())?.cached_info().state.last_timestamp;
        let age = std::time::SystemTime::now().duration_since(newest.into()).unwrap_or_default();
        if age > Duration::from_secs(2) { Ok(()) } else { Err(format!("{age:?}")) }
    })
    .await;
    h.gateway(0).restart().await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    anns.post(chat, &ulid_key(0), "by a correct clock").await?;
    h.finish().await
}

//! An erased message: its content goes everywhere, its place stays everywhere.

use relay_fault_proxy::{Direction, Faults};
use relay_harness::{Harness, wait_for};
use relay_protocol::frame::ServerFrame;
use relay_protocol::{LogEvent, MessageBody, Position};
use relay_types::{ConversationId, Seq};

use super::checks::{Seen, contiguous, holds};
use super::outages::durable_covers;
use super::support::{LATE, Socket, TestResult, direct, history, text, ulid_key};
use super::witness::{conversation_rows, log, persisted};

/// A ring that does not reach back far.
const SETTINGS: &str = "ring_bytes = 65536\nmessages_per_s = 10000\nmessage_burst = 10000\nframes_per_s = 10000";

async fn shows(h: &Harness, name: &str, wanted: &str) {
    let line = format!("{name} {wanted}");
    wait_for(&line, LATE, || async {
        let metrics = h.worker().metrics().await.map_err(|error| format!("{error:#}"))?;
        let shown = metrics.lines().find(|shown| shown.starts_with(&format!("{name} "))).unwrap_or("nothing").to_owned();
        if shown == line { Ok(()) } else { Err(shown) }
    })
    .await;
}

/// What a device gets that comes back to `position`: every place, and a tombstone where the message was.
async fn replayed(
    h: &Harness,
    gateway: usize,
    bob: &relay_harness::User,
    from: &Position,
    chat: ConversationId,
    secret: Seq,
) -> TestResult {
    let expected: Vec<Seq> = conversation_rows(h, chat).await?.into_iter().map(|(seq, _)| seq).collect();
    let seen = replayed_as(h, gateway, bob, from, chat, secret, &expected).await?;
    holds(contiguous(bob.id(), &seen));
    Ok(())
}

/// As [`replayed`], of a gateway that may not know predecessors.
async fn replayed_as(
    h: &Harness,
    gateway: usize,
    bob: &relay_harness::User,
    from: &Position,
    chat: ConversationId,
    secret: Seq,
    expected: &[Seq],
) -> anyhow::Result<Vec<Seen>> {
    let again = Socket::live(h, gateway, &bob.device, Some(from)).await?;
    let seen: Vec<Seen> = again.seen().into_iter().filter(|seen| seen.conversation == chat).collect();
    let places: Vec<Seq> = seen.iter().map(|seen| seen.seq).collect();
    assert!(expected.ends_with(&places), "{places:?} of {expected:?}");
    let tombstone = seen.iter().find(|seen| seen.seq == secret).and_then(|seen| seen.message.as_ref());
    assert_eq!(tombstone.map(|message| &message.body), Some(&MessageBody::Erased), "gateway {gateway}");
    Ok(seen)
}

#[tokio::test]
async fn an_erased_message_is_a_tombstone_live_replayed_in_history_and_in_the_log() -> TestResult {
    let builder = Harness::builder().gateways(2).private_postgres().config("gateway", SETTINGS).config("worker", "audit_every_s = 1");
    let h = builder.expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    durable_covers(&h, &bob, chat).await;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let position = bobs.at();
    anns.post(chat, &ulid_key(0), "one").await?;
    let secret = anns.post(chat, &ulid_key(0), "secret").await?;
    anns.post(chat, &ulid_key(0), "three").await?;
    bobs.message("three").await?;
    persisted(&h).await?;

    let (chat_id, message_id) = (chat.to_string(), secret.message_id.to_string());
    let erase = ["erase", "message", &chat_id, &message_id];
    h.relayctl(&erase).await?;
    // Live: everybody is told, in the chain.
    let told =
        bobs.until("the erasure", |frame| if let Some(LogEvent::MessageErased(told)) = frame.event() { Some(told.clone()) } else { None });
    let told = told.await?;
    assert_eq!((told.message_seq, told.message_id), (secret.seq, secret.message_id));
    holds(contiguous(bobs.me, &bobs.seen()));
    persisted(&h).await?;
    // From the ring, and in history.
    replayed(&h, 0, &bob, &position, chat, secret.seq).await?;
    let page = history(&bob.api, chat).await?;
    let shown: Vec<_> = page.iter().map(|message| message.body == MessageBody::Erased).collect();
    assert_eq!(shown, [false, true, false]);
    assert!(h.relayctl(&erase).await?.contains("hidden already"));
    assert!(h.relayctl(&["erase", "message", &chat_id, &bob.id().to_string()]).await.is_err(), "there is no such message");

    // The worker takes it out of the log behind that.
    shows(&h, "relay_erasures_total", "1").await;
    shows(&h, "relay_erasures_waiting", "0").await;
    assert!(log(&h, 0).await?.iter().all(|(seq, _)| *seq != secret.seq), "the log has a hole there");
    assert!(h.relayctl(&["verify"]).await?.contains("the log and Postgres agree"));

    // From Postgres, once the ring has moved on; then from the log itself, on a gateway that never saw him.
    for n in 0..300 {
        anns.post(chat, &ulid_key(0), &format!("message {n}")).await?;
    }
    persisted(&h).await?;
    replayed(&h, 1, &bob, &position, chat, secret.seq).await?;
    let expected: Vec<Seq> = conversation_rows(&h, chat).await?.into_iter().map(|(seq, _)| seq).collect();
    h.postgres().stop().await;
    replayed_as(&h, 1, &bob, &position, chat, secret.seq, &expected).await?;
    h.postgres().restart().await?;
    persisted(&h).await?;
    assert!(h.relayctl(&["verify"]).await?.contains("the log and Postgres agree"));
    shows(&h, "relay_messages_unaccounted", "0").await;
    h.finish().await
}

/// A tail that falls behind, or begins, meets holes where others saw a message and its edit.
#[tokio::test]
async fn what_the_log_erased_before_a_tail_passed_is_a_tombstone_in_its_chain() -> TestResult {
    let h = Harness::builder().nats_link().config("gateway", SETTINGS).expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let position = bobs.at();
    // What was on its way is lost: the tail has to read it anew.
    let cut = Direction { swallow: true, ..Direction::default() };
    h.nats_link().set(Faults { only: Some("gateway-tail"), ..Faults::both(cut) });
    ann.api.post_message(chat, &ulid_key(0), &text("one")).await?;
    let secret = ann.api.post_message(chat, &ulid_key(0), &text("secret")).await?;
    let edit = ann.api.edit_message(chat, secret.message_id, &ulid_key(0), &text("secret, too")).await?;
    ann.api.post_message(chat, &ulid_key(0), &text("three")).await?;
    persisted(&h).await?;
    h.relayctl(&["erase", "message", &chat.to_string(), &secret.message_id.to_string()]).await?;
    shows(&h, "relay_erasures_total", "2").await;
    let left: Vec<Seq> = log(&h, 0).await?.into_iter().map(|(seq, _)| seq).collect();
    assert!(!left.contains(&secret.seq) && !left.contains(&edit.seq), "{left:?}");

    h.nats_link().heal();
    bobs.message_or_seen("three").await?;
    let erased = |frame: &ServerFrame| matches!(frame.event(), Some(LogEvent::MessageErased(_))).then_some(());
    bobs.until("the erasure", erased).await?;
    let rows: Vec<Seq> = conversation_rows(&h, chat).await?.into_iter().map(|(seq, _)| seq).collect();
    let seen: Vec<Seen> = bobs.seen().into_iter().filter(|seen| seen.conversation == chat).collect();
    let places: Vec<Seq> = seen.iter().map(|seen| seen.seq).collect();
    assert!(rows.ends_with(&places) && places.contains(&secret.seq) && places.contains(&edit.seq), "{places:?} of {rows:?}");
    holds(contiguous(bob.id(), &seen));
    let tombstone = seen.iter().find(|seen| seen.seq == secret.seq).and_then(|seen| seen.message.as_ref());
    assert_eq!(tombstone.map(|message| &message.body), Some(&MessageBody::Erased));

    // One that begins reads the same past.
    h.gateway(0).kill();
    h.gateway(0).restart().await?;
    replayed(&h, 0, &bob, &position, chat, secret.seq).await?;
    let metrics = h.gateway(0).metrics().await?;
    assert!(metrics.lines().any(|line| line == "relay_tail_erased_total 2"), "{metrics}");
    h.finish().await
}

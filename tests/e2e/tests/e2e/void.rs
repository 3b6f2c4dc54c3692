//! What the log has behind its sender's removal is there for nobody, and a gateway that does not hear the log answers nothing.

use relay_fault_proxy::{Direction, Faults};
use relay_harness::{Harness, User};
use relay_protocol::log::{LogEvent, MessageSent};
use relay_protocol::{ErrorCode, ServerFrame};
use relay_subjects::LogSubject;
use relay_types::{ClientId, ConversationId, IdGen as _, MessageId, Seq, ShardId, SystemIds};

use super::checks::{Seen, contiguous, holds};
use super::outages::durable_covers;
use super::support::{Socket, TestResult, code_of, group, history, let_in, text, text_of, ulid_key};
use super::witness::{conversation_log, conversation_rows, log_end, persisted, sequences_of};

/// Stores a message as a gateway does that has not heard of its sender's removal.
async fn store_blindly(h: &Harness, sender: &User, chat: ConversationId, key: &ClientId, body: &str) -> anyhow::Result<Seq> {
    let event = LogEvent::MessageSent(MessageSent {
        message_id: MessageId::new(SystemIds::default().next_ulid()),
        conversation_id: chat,
        actor_id: sender.id(),
        client_id: key.clone(),
        at_ms: 0,
        body: text(body),
        reply_to: None,
        thread: None,
    });
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Nats-Msg-Id", format!("{chat}.{}.{key}", sender.id()));
    let subject = LogSubject::Conversation(ShardId(0), chat).to_string();
    let jetstream = async_nats::jetstream::new(h.nats_client().await?);
    let ack = jetstream.publish_with_headers(subject, headers, serde_json::to_vec(&event)?.into()).await?.await?;
    Ok(Seq(ack.sequence))
}

fn texts(seen: &[Seen]) -> Vec<&str> {
    seen.iter().filter_map(|seen| seen.message.as_ref()).map(text_of).collect()
}

#[tokio::test]
async fn what_is_stored_behind_its_senders_removal_is_there_for_nobody() -> TestResult {
    let settings = "ring_bytes = 65536\nmessages_per_s = 10000\nmessage_burst = 10000\nframes_per_s = 10000";
    let h = Harness::builder().gateways(2).private_postgres().config("gateway", settings).expect_errors().start().await?;
    let (ann, bob, cid) = (h.user("ann").await?, h.user("bob").await?, h.user("cid").await?);
    let chat = group(&ann, &[&bob, &cid]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let position = Socket::live(&h, 0, &cid.device, None).await?.at();
    bobs.post(chat, &ulid_key(0), "bob is in").await?;
    ann.api.remove_member(chat, bob.id()).await?;
    let key = ulid_key(0);
    let void = store_blindly(&h, &bob, chat, &key, "void").await?;
    anns.post(chat, &ulid_key(0), "bob is out").await?;
    let_in(&ann, chat, &bob).await?;
    anns.passed(log_end(&h).await?).await?;

    // Its key has been used for nothing, which is told at both doors for as long as the log recognises it.
    assert_eq!(bobs.refused(chat, &key, "void").await?.code, ErrorCode::NotMember);
    bobs.post_at_last(chat, &ulid_key(0), "bob is back").await?;
    persisted(&h).await?;
    assert_eq!(code_of(bob.api.post_message(chat, &key, &text("void")).await), ErrorCode::NotMember);
    assert_eq!(sequences_of(&h, &key).await?, [(void, bob.id())]);

    // Live, from the ring, on a gateway that starts behind it, in Postgres, over REST, and for the audit.
    anns.message_or_seen("bob is back").await?;
    holds(contiguous(anns.me, &anns.seen()));
    let said = ["bob is in", "bob is out", "bob is back"];
    assert_eq!(texts(&anns.seen()), said);
    h.gateway(1).kill();
    h.gateway(1).restart().await?;
    for gateway in 0..2 {
        let cids = Socket::live(&h, gateway, &cid.device, Some(&position)).await?;
        holds(contiguous(cids.me, &cids.seen()));
        assert_eq!(texts(&cids.seen()), said, "gateway {gateway}");
    }
    let rows = conversation_rows(&h, chat).await?;
    let log: Vec<Seq> = conversation_log(&h, chat).await?.into_iter().filter(|seq| *seq != void).collect();
    assert_eq!(rows.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), log);
    let prevs: Vec<Option<Seq>> = std::iter::once(Seq::ZERO).chain(log).map(Some).take(rows.len()).collect();
    assert_eq!(rows.iter().map(|(_, prev)| *prev).collect::<Vec<_>>(), prevs);
    assert_eq!(history(&ann.api, chat).await?.iter().map(text_of).collect::<Vec<_>>(), said);
    h.relayctl(&["verify"]).await?;

    // And for whoever catches up from the log itself.
    durable_covers(&h, &cid, chat).await;
    for n in 0..300 {
        anns.post(chat, &ulid_key(0), &format!("message {n}")).await?;
    }
    persisted(&h).await?;
    h.postgres().stop().await;
    let cids = Socket::live(&h, 1, &cid.device, Some(&position)).await?;
    // Without Postgres an event does not name the one before it.
    let log: Vec<Seq> =
        conversation_log(&h, chat).await?.into_iter().filter(|seq| *seq != void && Some(*seq) > position.seq(ShardId(0))).collect();
    assert_eq!(cids.seen().iter().map(|seen| seen.seq).collect::<Vec<_>>(), log);
    assert_eq!((texts(&cids.seen()).len(), &texts(&cids.seen())[..3]), (303, &said[..]));
    h.postgres().restart().await?;
    h.finish().await
}

#[tokio::test]
async fn a_gateway_that_does_not_hear_the_log_acknowledges_nothing_and_soon_stores_nothing() -> TestResult {
    let h = Harness::builder().nats_link().expect_errors().start().await?;
    let (ann, bob, cid) = (h.user("ann").await?, h.user("bob").await?, h.user("cid").await?);
    let chat = group(&ann, &[&bob, &cid]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let mut cids = Socket::live(&h, 0, &cid.device, None).await?;
    anns.post(chat, &ulid_key(0), "before").await?;
    let cut = Direction { blackhole: true, ..Direction::default() };
    h.nats_link().set(Faults { only: Some("gateway-tail"), ..Faults::both(cut) });
    ann.api.remove_member(chat, bob.id()).await?;

    // Publishing works, and neither can be told whether it counts.
    let (bobs_key, cids_key) = (ulid_key(0), ulid_key(0));
    let (one, two) = tokio::join!(bobs.refused(chat, &bobs_key, "after my removal"), cids.refused(chat, &cids_key, "still here"));
    let (one, two) = (one?, two?);
    let unknown = Some(ErrorCode::OutcomeUnknown);
    assert_eq!((one.code.known(), one.retryable, two.code.known()), (unknown, true, unknown));
    let stored = [sequences_of(&h, &bobs_key).await?, sequences_of(&h, &cids_key).await?].concat();
    assert_eq!(stored.len(), 2, "both are stored: {stored:?}");
    // After a while it does not even try.
    let mut codes = Vec::new();
    while codes.last() != Some(&Some(ErrorCode::Unavailable)) {
        anyhow::ensure!(codes.len() < 10, "it goes on by what it knew: {codes:?}");
        codes.push(cids.refused(chat, &cids_key, "still here").await?.code.known());
    }
    let end = log_end(&h).await?;
    assert_eq!(bobs.refused(chat, &ulid_key(0), "and more").await?.code, ErrorCode::Unavailable);
    assert_eq!(log_end(&h).await?, end);

    h.nats_link().heal();
    let ack = cids.post_at_last(chat, &cids_key, "still here").await?;
    assert_eq!(sequences_of(&h, &cids_key).await?, [(ack.seq, cid.id())]);
    let removed = |frame: &ServerFrame| frame.event().is_some_and(|event| event.leaving().contains(&bob.id())).then_some(());
    bobs.until("one's own removal", removed).await?;
    assert_eq!(bobs.refused(chat, &bobs_key, "after my removal").await?.code, ErrorCode::NotMember);
    anns.message_or_seen("still here").await?;
    assert_eq!(texts(&anns.seen()), ["before", "still here"]);
    holds(contiguous(anns.me, &anns.seen()));
    persisted(&h).await?;
    h.relayctl(&["verify"]).await?;
    h.finish().await
}

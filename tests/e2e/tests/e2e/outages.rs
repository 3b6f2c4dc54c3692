//! Postgres or Valkey away: chat goes on.

use std::time::{Duration, Instant};

use relay_harness::{Harness, User, wait_for};
use relay_protocol::{ErrorCode, Position, ServerFrame};
use relay_types::{ConversationId, Seq, ShardId};

use super::checks::{Seen, contiguous, holds};
use super::support::{LATE, Socket, TestResult, code_of, direct, group, history, let_in, text, title, ulid_key};
use super::witness::{conversation_log, conversation_rows, durable, log_end, persisted};

/// Waits until the user's durable consumer covers the conversation: what a gateway falls back on.
pub async fn durable_covers(h: &Harness, user: &User, chat: ConversationId) {
    wait_for("the durable consumer's filter", LATE, || async {
        let (_, filters) = durable(h, 0, user.id()).await.map_err(|error| vec![format!("{error:#}")])?;
        if filters.iter().any(|filter| filter.ends_with(&chat.to_string())) { Ok(()) } else { Err(filters) }
    })
    .await;
}

fn chat_seqs(seen: &[Seen], chat: ConversationId) -> Vec<Seq> {
    seen.iter().filter(|seen| seen.conversation == chat).map(|seen| seen.seq).collect()
}

async fn expected_after(h: &Harness, chat: ConversationId, position: &Position) -> anyhow::Result<Vec<Seq>> {
    let after = position.seq(ShardId(0)).unwrap();
    Ok(conversation_log(h, chat).await?.into_iter().filter(|seq| *seq > after).collect())
}

#[tokio::test]
async fn without_postgres_chat_goes_on_reconnects_complete_and_all_is_persisted_afterwards() -> TestResult {
    // A small ring on the second gateway's side too: what it does not hold has to come from the log itself.
    let settings = "ring_bytes = 65536\nmessages_per_s = 10000\nmessage_burst = 10000\nframes_per_s = 10000";
    let h = Harness::builder().gateways(2).private_postgres().config("gateway", settings).expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let (chat, crowd) = (direct(&ann, &bob).await?, group(&ann, &[&bob]).await?);
    for user in [&ann, &bob] {
        durable_covers(&h, user, chat).await;
        durable_covers(&h, user, crowd).await;
    }
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let position = bobs.at();
    persisted(&h).await?;
    h.postgres().stop().await;

    for n in 0..300 {
        anns.post(if n % 3 == 0 { crowd } else { chat }, &ulid_key(0), &format!("message {n}")).await?;
    }
    bobs.message("message 299").await?;
    holds(contiguous(bobs.me, &bobs.seen()));

    // On the gateway that knows bob, and on one that never saw him.
    for gateway in 0..2 {
        let mut again = Socket::live(&h, gateway, &bob.device, Some(&position)).await?;
        for id in [chat, crowd] {
            assert_eq!(chat_seqs(&again.seen(), id), expected_after(&h, id, &position).await?, "gateway {gateway}");
        }
        let ack = again.post(chat, &ulid_key(0), &format!("bob over {gateway}")).await?;
        assert_eq!(anns.message(&format!("bob over {gateway}")).await?.seq, ack.seq);
    }

    assert_eq!(code_of(ann.api.create_group(&title("later"), &[bob.id()]).await), ErrorCode::Unavailable);
    assert_eq!(code_of(ann.api.remove_member(crowd, bob.id()).await), ErrorCode::Unavailable);
    assert_eq!(code_of(history(&ann.api, chat).await), ErrorCode::Unavailable);

    h.postgres().restart().await?;
    persisted(&h).await?;
    for id in [chat, crowd] {
        let rows: Vec<Seq> = conversation_rows(&h, id).await?.into_iter().map(|(seq, _)| seq).collect();
        assert_eq!(rows, conversation_log(&h, id).await?);
    }
    wait_for("relations to be decided again", LATE, || async {
        ann.api.create_group(&title("later"), &[bob.id()]).await.map(|_| ()).map_err(|error| format!("{error}"))
    })
    .await;
    h.finish().await
}

#[tokio::test]
async fn without_postgres_what_was_joined_and_left_a_moment_ago_counts() -> TestResult {
    let h = Harness::builder().gateways(2).private_postgres().expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let left = group(&ann, &[&bob]).await?;
    durable_covers(&h, &bob, left).await;
    persisted(&h).await?;
    // From now on nobody brings users' durable consumers up to date.
    h.worker().stop().await;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let joined = group(&ann, &[&bob]).await?;
    ann.api.remove_member(left, bob.id()).await?;
    bobs.passed(log_end(&h).await?).await?;
    let position = bobs.at();
    drop(bobs);
    h.postgres().stop().await;

    let secret = anns.post(left, &ulid_key(0), "without bob").await?;
    anns.post(joined, &ulid_key(0), "to bob").await?;
    // On a gateway that never saw him, which has only the log to go by.
    let mut again = Socket::live(&h, 1, &bob.device, Some(&position)).await?;
    again.message_or_seen("to bob").await?;
    assert!(chat_seqs(&again.seen(), left).iter().all(|seq| *seq < secret.seq), "bob was told what was said after his removal");
    anns.post(joined, &ulid_key(0), "live").await?;
    again.message("live").await?;
    h.postgres().restart().await?;
    h.worker().restart().await?;
    persisted(&h).await?;
    h.finish().await
}

/// Failed before: every second the next ones waited for three.
#[tokio::test]
async fn without_postgres_nobody_who_comes_back_waits_for_it() -> TestResult {
    // Nobody is remembered: each asks anew.
    let h = Harness::builder().private_postgres().config("gateway", "roster_linger_ms = 0").expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    durable_covers(&h, &bob, chat).await;
    persisted(&h).await?;
    h.postgres().stop().await;
    let (began, mut longest) = (Instant::now(), Duration::ZERO);
    while began.elapsed() < Duration::from_secs(5) {
        let hello = Instant::now();
        Socket::live(&h, 0, &bob.device, None).await?;
        longest = longest.max(hello.elapsed());
    }
    assert!(longest < Duration::from_millis(1_500), "{longest:?}");
    let metrics = h.gateway(0).metrics().await?;
    assert!(metrics.contains("relay_projection_away 1"), "{metrics}");
    h.postgres().restart().await?;
    wait_for("the projection to be back", LATE, || async {
        let metrics = h.gateway(0).metrics().await.map_err(|error| format!("{error:#}"))?;
        if metrics.contains("relay_projection_away 0") { Ok(()) } else { Err("away".to_owned()) }
    })
    .await;
    let without = |metrics: &str| metrics.lines().find(|line| line.starts_with("relay_resumes_without_postgres_total ")).map(str::to_owned);
    let before = without(&h.gateway(0).metrics().await?);
    Socket::live(&h, 0, &bob.device, None).await?;
    assert_eq!(without(&h.gateway(0).metrics().await?), before, "it is asked again");
    h.finish().await
}

#[tokio::test]
async fn without_postgres_a_device_that_was_away_longer_than_another_gets_all_of_it() -> TestResult {
    let h = Harness::builder().gateways(2).private_postgres().expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    durable_covers(&h, &bob, chat).await;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let long_ago = Socket::live(&h, 0, &bob.device, None).await?.at();
    for text in ["one device has this", "and this, the other has neither"] {
        anns.post(chat, &ulid_key(0), text).await?;
    }
    let recent = Socket::live(&h, 0, &bob.device, None).await?.at();
    persisted(&h).await?;
    h.postgres().stop().await;

    let first = Socket::live(&h, 1, &bob.device, Some(&recent)).await?;
    assert_eq!(chat_seqs(&first.seen(), chat), expected_after(&h, chat, &recent).await?);
    let second = Socket::live(&h, 1, &bob.device, Some(&long_ago)).await?;
    assert_eq!(chat_seqs(&second.seen(), chat), expected_after(&h, chat, &long_ago).await?);
    h.postgres().restart().await?;
    h.finish().await
}

#[tokio::test]
async fn without_postgres_a_busy_gateway_whose_memory_moves_on_still_lets_people_catch_up() -> TestResult {
    let settings = "ring_bytes = 262144\nmessages_per_s = 10000\nmessage_burst = 10000\nframes_per_s = 10000";
    let h = Harness::builder().gateways(2).private_postgres().config("gateway", settings).expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    durable_covers(&h, &bob, chat).await;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let position = Socket::live(&h, 0, &bob.device, None).await?.at();
    persisted(&h).await?;
    h.postgres().stop().await;
    for n in 0..800 {
        anns.post(chat, &ulid_key(0), &format!("message {n}")).await?;
    }
    let done = std::sync::atomic::AtomicBool::new(false);
    let talking = async {
        // Fewer in all than the 10,000 from which on a device reloads instead, however fast the machine is.
        for _ in 0..8_000 {
            if done.load(std::sync::atomic::Ordering::Relaxed) {
                break;
            }
            anns.post(chat, &ulid_key(0), "and on").await?;
        }
        anyhow::Ok(())
    };
    let coming_back = async {
        let mut visits = Vec::new();
        for gateway in [0, 1, 0, 1] {
            let socket = Socket::live(&h, gateway, &bob.device, Some(&position)).await?;
            assert!(!socket.frames.iter().any(|frame| matches!(frame, ServerFrame::Reset { .. })), "told to reload");
            visits.push((chat_seqs(&socket.seen(), chat), socket.at().seq(ShardId(0)).unwrap()));
        }
        anyhow::Ok(visits)
    };
    let coming_back = async {
        let visits = coming_back.await;
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        visits
    };
    let (talked, visits) = tokio::join!(talking, coming_back);
    talked?;
    let missed = expected_after(&h, chat, &position).await?;
    for (seen, upto) in visits? {
        let expected: Vec<Seq> = missed.iter().copied().filter(|seq| *seq <= upto).collect();
        assert_eq!(seen, expected);
    }
    h.postgres().restart().await?;
    h.finish().await
}

#[tokio::test]
async fn without_valkey_people_log_in_and_chat_and_it_may_come_back_empty() -> TestResult {
    let h = Harness::builder().expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    h.valkey().kill();
    let tablet = ann.log_in("tablet").await?;
    let mut anns = Socket::live(&h, 0, &tablet, None).await?;
    anns.post(chat, &ulid_key(0), "valkey is gone").await?;
    bobs.message("valkey is gone").await?;
    tablet.api.post_message(chat, &ulid_key(0), &super::support::text("rest works too")).await?;
    bobs.message("rest works too").await?;
    h.user("carol").await?;
    // It keeps nothing, so that coming back is also what FLUSHALL leaves.
    h.valkey().restart().await?;
    anns.post(chat, &ulid_key(0), "valkey is back, empty").await?;
    bobs.message("valkey is back, empty").await?;
    ann.log_in("television").await?;
    h.finish().await
}

#[tokio::test]
async fn one_user_on_two_gateways_sees_the_same_on_both() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let tablet = bob.log_in("tablet").await?;
    let chat = direct(&ann, &bob).await?;
    let mut here = Socket::live(&h, 0, &bob.device, None).await?;
    let mut there = Socket::live(&h, 1, &tablet, None).await?;
    let mut anns = Socket::live(&h, 1, &ann.device, None).await?;
    for n in 0..20 {
        anns.post(chat, &ulid_key(0), &format!("a {n}")).await?;
        let sender = if n % 2 == 0 { &mut here } else { &mut there };
        sender.post(chat, &ulid_key(0), &format!("b {n}")).await?;
    }
    let last = anns.message_or_seen("b 19").await?.seq;
    for socket in [&mut here, &mut there, &mut anns] {
        socket.passed(last).await?;
        holds(contiguous(socket.me, &socket.seen()));
        assert_eq!(socket.frames.iter().filter(|frame| frame.message().is_some()).count(), 40);
    }
    assert_eq!(here.seen(), there.seen());
    h.finish().await
}

/// A page from a projection that stays behind would look complete; the rest of it is read from the log.
#[tokio::test]
async fn the_history_has_what_was_acknowledged_also_while_nobody_projects() -> TestResult {
    let h = Harness::start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let before = ann.api.post_message(chat, &ulid_key(0), &text("projected")).await?;
    persisted(&h).await?;
    h.worker().pause();
    let first = ann.api.post_message(chat, &ulid_key(0), &text("only in the log")).await?;
    let second = bob.api.post_message(chat, &ulid_key(0), &text("this too")).await?;
    let seqs: Vec<_> = history(&bob.api, chat).await?.iter().map(|message| message.seq).collect();
    assert_eq!(seqs, vec![before.seq, first.seq, second.seq]);
    h.worker().resume();
    persisted(&h).await?;
    assert_eq!(history(&bob.api, chat).await?.len(), 3);
    h.finish().await
}

#[tokio::test]
async fn outage_membership_that_ended_meanwhile_is_told_to_its_end() -> TestResult {
    // A small ring: what happened meanwhile has to come from the log itself.
    let settings = "ring_bytes = 65536\nmessages_per_s = 10000\nmessage_burst = 10000\nframes_per_s = 10000";
    let h = Harness::builder().private_postgres().config("gateway", settings).expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let (left, visited, other) = (group(&ann, &[&bob]).await?, group(&ann, &[]).await?, direct(&ann, &bob).await?);
    let bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let position = bobs.at();
    drop(bobs);

    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    anns.post(left, &ulid_key(0), "before leaving").await?;
    let before = anns.post(visited, &ulid_key(0), "before joining").await?;
    let_in(&ann, visited, &bob).await?;
    anns.post(visited, &ulid_key(0), "during the visit").await?;
    ann.api.remove_member(visited, bob.id()).await?;
    ann.api.remove_member(left, bob.id()).await?;
    let removed = log_end(&h).await?;
    let after = [anns.post(left, &ulid_key(0), "after").await?.seq, anns.post(visited, &ulid_key(0), "after").await?.seq];
    wait_for("the durable consumer to name one conversation", LATE, || async {
        let (_, filters) = durable(&h, 0, bob.id()).await.map_err(|error| vec![format!("{error:#}")])?;
        let chats: Vec<String> = filters.into_iter().filter(|filter| filter.contains(".c.")).collect();
        if chats.len() == 1 && chats[0].ends_with(&other.to_string()) { Ok(()) } else { Err(chats) }
    })
    .await;
    persisted(&h).await?;
    h.postgres().stop().await;
    for n in 0..600 {
        anns.post(other, &ulid_key(0), &format!("message {n}")).await?;
    }

    let again = Socket::live(&h, 0, &bob.device, Some(&position)).await?;
    for chat in [left, visited] {
        let expected: Vec<Seq> = expected_after(&h, chat, &position).await?;
        let expected: Vec<Seq> = expected.into_iter().filter(|seq| *seq <= removed && *seq != before.seq && !after.contains(seq)).collect();
        // The visit begins with being added.
        let expected = if chat == visited { expected[expected.len() - 3..].to_vec() } else { expected };
        assert_eq!(chat_seqs(&again.seen(), chat), expected);
    }
    assert_eq!(chat_seqs(&again.seen(), other), expected_after(&h, other, &position).await?);
    h.postgres().restart().await?;
    h.finish().await
}

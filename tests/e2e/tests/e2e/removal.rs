//! Joining and leaving in the middle of traffic: nothing after one's removal, nothing missed after joining.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use relay_fault_proxy::{Direction, Faults};
use relay_harness::{Harness, wait_for};
use relay_protocol::rest::ConversationListQuery;
use relay_protocol::{ErrorCode, ServerFrame};
use relay_types::{ClientId, ConversationId, Seq, ShardId};

use super::checks::{Seen, contiguous, holds};
use super::support::{LATE, Socket, TestResult, code_of, group, history, let_in, text, text_of, ulid_key};
use super::witness::{conversation_log, log_end, persisted};

/// Talks until told to stop; what one gateway says about speed does not matter here.
async fn talk(socket: &mut Socket, chat: ConversationId, stop: &AtomicBool) -> TestResult {
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        socket.post(chat, &ulid_key(0), &format!("{} says {n}", socket.me)).await?;
        n += 1;
    }
    Ok(())
}

/// Waits until the log is this long.
async fn grown_to(h: &Harness, end: u64) -> Seq {
    wait_for("the log to grow", LATE, || async move {
        match log_end(h).await {
            Ok(now) if now.0 >= end => Ok(now),
            other => Err(format!("{other:?}")),
        }
    })
    .await
}

/// Waits until `count` messages came.
async fn listen(socket: &mut Socket, count: usize) -> TestResult {
    let mut left = count;
    while left > 0 {
        left -= usize::from(socket.next().await?.message().is_some());
    }
    Ok(())
}

#[tokio::test]
async fn whoever_is_removed_while_people_talk_gets_nothing_after_it_and_may_do_nothing() -> TestResult {
    let h = Harness::shared_alone().await?;
    let (ann, bob, cid) = (h.user("ann").await?, h.user("bob").await?, h.user("cid").await?);
    let chat = group(&ann, &[&bob, &cid]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let mut cids = Socket::live(&h, 0, &cid.device, None).await?;
    let before = cids.at();
    let stop = AtomicBool::new(false);
    let removal = async {
        listen(&mut cids, 30).await?;
        ann.api.remove_member(chat, cid.id()).await?;
        // The others go on for a while.
        let removed = |frame: &ServerFrame| frame.event().is_some_and(|event| event.leaving().contains(&cid.id())).then_some(());
        cids.until("one's own removal", removed).await?;
        let here = log_end(&h).await?;
        let end = grown_to(&h, here.0 + 50).await;
        stop.store(true, Ordering::Relaxed);
        anyhow::Ok(end)
    };
    let (one, two, end) = tokio::join!(talk(&mut anns, chat, &stop), talk(&mut bobs, chat, &stop), removal);
    one.and(two)?;
    cids.passed(end?).await?;
    let seen = cids.seen();
    assert_eq!(seen.last().map(|seen| seen.removed.clone()), Some(vec![cid.id()]), "the removal is the last thing seen");
    holds(contiguous(cids.me, &seen));

    assert_eq!(cids.refused(chat, &ulid_key(0), "still here?").await?.code, ErrorCode::NotMember);
    assert_eq!(code_of(cid.api.post_message(chat, &ulid_key(0), &text("still here?")).await), ErrorCode::NotMember);
    assert_eq!(code_of(history(&cid.api, chat).await), ErrorCode::NotMember);
    assert_eq!(code_of(cid.api.get_conversation(chat).await), ErrorCode::NotMember);
    assert_eq!(cid.api.list_conversations(&ConversationListQuery::default()).await?.conversations, vec![]);
    // A connection that comes back from before it all gets the same again, from the ring and after the projection.
    for _ in 0..2 {
        let again = Socket::live(&h, 0, &cid.device, Some(&before)).await?;
        assert_eq!(again.seen(), seen);
        persisted(&h).await?;
    }
    h.finish().await
}

#[tokio::test]
async fn whoever_is_added_while_people_talk_sees_all_from_there_and_nothing_from_before() -> TestResult {
    let h = Harness::shared_alone().await?;
    let (ann, bob, cid) = (h.user("ann").await?, h.user("bob").await?, h.user("cid").await?);
    let chat = group(&ann, &[&bob]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 1, &bob.device, None).await?;
    let mut cids = Socket::live(&h, 1, &cid.device, None).await?;
    let stop = AtomicBool::new(false);
    let joining = async {
        let here = log_end(&h).await?;
        grown_to(&h, here.0 + 60).await;
        let_in(&ann, chat, &cid).await?;
        listen(&mut cids, 50).await?;
        stop.store(true, Ordering::Relaxed);
        anyhow::Ok(())
    };
    let (one, two, joined) = tokio::join!(talk(&mut anns, chat, &stop), talk(&mut bobs, chat, &stop), joining);
    one.and(two).and(joined)?;
    cids.passed(log_end(&h).await?).await?;
    let seen = cids.seen();
    assert_eq!(seen.first().map(|seen| seen.joined.clone()), Some(vec![cid.id()]), "joining is the first thing seen");
    holds(contiguous(cids.me, &seen));
    let joined_at = seen[0].seq;
    let log: Vec<_> = conversation_log(&h, chat).await?.into_iter().filter(|seq| *seq >= joined_at).collect();
    assert_eq!(seen.iter().map(|seen| seen.seq).collect::<Vec<_>>(), log, "all from there on");
    persisted(&h).await?;
    let page = history(&cid.api, chat).await?;
    assert!(!page.is_empty() && page.iter().all(|message| message.seq > joined_at), "history begins at joining");
    // May post at once, on the other gateway too.
    let mut there = Socket::live(&h, 0, &cid.device, None).await?;
    there.post(chat, &ulid_key(0), "hello").await?;
    h.finish().await
}

#[tokio::test]
async fn whoever_was_removed_while_away_gets_everything_up_to_the_removal() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = group(&ann, &[&bob]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let position = Socket::live(&h, 0, &bob.device, None).await?.at();
    anns.post(chat, &ulid_key(0), "before").await?;
    ann.api.remove_member(chat, bob.id()).await?;
    anns.post(chat, &ulid_key(0), "after").await?;
    for (gateway, persist) in [(0, false), (1, true)] {
        if persist {
            persisted(&h).await?;
        }
        let mut bobs = Socket::live(&h, gateway, &bob.device, Some(&position)).await?;
        bobs.passed(log_end(&h).await?).await?;
        let seen = bobs.seen();
        assert_eq!(seen.len(), 2, "gateway {gateway}: {seen:?}");
        assert_eq!(seen[0].message.as_ref().map(text_of), Some("before"));
        assert_eq!(seen[1].removed, [bob.id()]);
        holds(contiguous(bobs.me, &seen));
    }
    h.finish().await
}

#[tokio::test]
async fn removal_return_shows_both_memberships_and_nothing_between() -> TestResult {
    let h = Harness::builder().gateways(2).config("gateway", "roster_linger_ms = 0").start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = group(&ann, &[&bob]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut live = Socket::live(&h, 0, &bob.device, None).await?;
    let position = live.at();
    anns.post(chat, &ulid_key(0), "first stay").await?;
    ann.api.remove_member(chat, bob.id()).await?;
    anns.post(chat, &ulid_key(0), "in between").await?;
    let_in(&ann, chat, &bob).await?;
    anns.post(chat, &ulid_key(0), "second stay").await?;
    live.message("second stay").await?;
    let check = |seen: &[Seen], what: &str| {
        let texts: Vec<_> = seen.iter().filter_map(|seen| seen.message.as_ref()).map(text_of).collect();
        assert_eq!(texts, ["first stay", "second stay"], "{what}");
        assert_eq!(seen.iter().filter(|seen| seen.removed == [bob.id()] || seen.joined == [bob.id()]).count(), 2, "{what}");
        holds(contiguous(bob.id(), seen));
    };
    check(&live.seen(), "live");
    for gateway in 0..2 {
        check(&Socket::live(&h, gateway, &bob.device, Some(&position)).await?.seen(), "ring");
    }
    persisted(&h).await?;
    // A gateway that has nothing of it in memory.
    h.gateway(1).kill();
    h.gateway(1).restart().await?;
    let again = Socket::live(&h, 1, &bob.device, Some(&position)).await?;
    check(&again.seen(), "after a restart");
    assert!(again.at().seq(ShardId(0)) >= live.at().seq(ShardId(0)));
    let texts: Vec<_> = history(&bob.api, chat).await?.iter().map(text_of).map(str::to_owned).collect();
    assert_eq!(texts, ["second stay"], "history over REST begins at the present stay");
    h.finish().await
}

/// Whoever leaves a socket without having heard that a message was refused sends it again elsewhere, where it may be taken: what
/// was sent behind it on the old socket must not be there before it.
#[tokio::test]
async fn what_was_sent_behind_a_refused_message_waits_until_its_sender_knows() -> TestResult {
    let h = Harness::shared_alone().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = group(&ann, &[&bob]).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    ann.api.remove_member(chat, bob.id()).await?;
    let keys = [ulid_key(0), ulid_key(1)];
    assert_eq!(bobs.refused(chat, &keys[0], "first").await?.code, ErrorCode::NotMember);
    let_in(&ann, chat, &bob).await?;
    let added = log_end(&h).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    anns.passed(added).await?;

    // The ping behind the refusal has not been read yet, so for all the gateway knows this was sent before.
    let early = bobs.refused(chat, &keys[1], "second").await?;
    assert_eq!((early.code.known(), early.retryable), (Some(ErrorCode::Unavailable), true));
    assert_eq!(log_end(&h).await?, added, "refusals leave no trace");
    // Reading the answer, the client has answered the ping as well.
    bobs.post_at_last(chat, &keys[1], "second").await?;
    bobs.post(chat, &ulid_key(2), "third").await?;
    h.finish().await
}

#[tokio::test]
async fn what_waits_behind_another_send_is_not_stored_after_its_senders_removal() -> TestResult {
    let h = Harness::builder().nats_link().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = group(&ann, &[&bob]).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    // Each ack takes half a second, so the messages wait for one another.
    h.nats_link().set(Faults::both(Direction { latency: Duration::from_millis(250), ..Direction::default() }));
    let mut open: BTreeSet<ClientId> = (0..12).map(|_| ulid_key(0)).collect();
    for key in &open {
        bobs.send(chat, key, "one of many").await?;
    }
    ann.api.remove_member(chat, bob.id()).await?;
    let (mut removed, mut acks) = (None, Vec::new());
    while !open.is_empty() || removed.is_none() {
        match bobs.next().await? {
            ServerFrame::MessageAck(ack) => {
                open.remove(&ack.client_id);
                acks.push(ack.seq);
            }
            ServerFrame::Error(error) => {
                assert!(matches!(error.code.known(), Some(ErrorCode::Unavailable | ErrorCode::NotMember)), "{error:?}");
                error.client_id.map(|key| open.remove(&key));
            }
            ServerFrame::Event(frame) if frame.event.leaving().contains(&bob.id()) => removed = Some(frame.seq),
            _ => {}
        }
    }
    let late: Vec<Seq> = acks.into_iter().filter(|seq| Some(*seq) > removed).collect();
    assert!(late.len() <= 2, "only what was on its way when the removal reached the gateway: {late:?} after {removed:?}");
    h.finish().await
}

#[tokio::test]
async fn a_retry_after_the_removal_gets_the_original_ack() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = group(&ann, &[&bob]).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let key = ulid_key(0);
    let ack = bobs.post(chat, &key, "once").await?;
    ann.api.remove_member(chat, bob.id()).await?;
    bobs.passed(log_end(&h).await?).await?;
    assert_eq!(bobs.post(chat, &key, "once").await?, ack);
    assert_eq!(bobs.refused(chat, &ulid_key(0), "too late").await?.code, ErrorCode::NotMember);
    h.finish().await
}

//! Server-Sent Events and commands by POST: what a socket does, for those whom sockets do not reach.

use std::time::{Duration, Instant};

use relay_harness::{Harness, wait_for};
use relay_protocol::presence::{Activity, PresenceState, SayPresence};
use relay_protocol::{CloseCode, DeleteMessage, EditMessage, ErrorCode, LogEvent, ReceivedUpto, ServerFrame, TypingState, command};
use relay_types::{ConversationId, Seq, ShardId, UserId};

use super::checks::{Seen, contiguous, holds, no_duplicates};
use super::kills::FAST;
use super::outages::durable_covers;
use super::stream::{Stream, acknowledged, post, sending};
use super::support::{LATE, Socket, TestResult, direct, group, history, text, text_of, ulid_key};
use super::witness::{conversation_log, log_end, persisted};

#[tokio::test]
async fn people_on_streams_and_on_sockets_talk_and_commands_may_go_to_any_gateway() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Stream::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 1, &bob.device, None).await?;
    bobs.post(chat, &ulid_key(0), "from a socket").await?;
    anns.message("from a socket").await?;
    // Gateway 1 has no stream of hers, and learns who she is by the first of them.
    for (index, body) in [(1, "from a stream"), (0, "and again")] {
        let frame = sending(chat, &ulid_key(0), body);
        let ack = acknowledged(&h, index, &ann.device, &frame).await?;
        assert_eq!(acknowledged(&h, 1 - index, &ann.device, &frame).await?, ack, "the same key, at another gateway");
        assert_eq!(bobs.message(body).await?.seq, ack.seq);
        anns.message(body).await?;
    }
    // Their progress comes without being asked for.
    let here = log_end(&h).await?;
    while anns.at().seq(ShardId(0)) < Some(here) {
        anns.next().await?;
    }

    for (index, state) in [(1, TypingState::Typing), (0, TypingState::Stopped)] {
        let typing = match state {
            TypingState::Typing => command::encode::typing_start(chat),
            _ => command::encode::typing_stop(chat),
        };
        assert_eq!(post(&h, index, &ann.device, &typing).await?.expect("taken"), None);
        bobs.until("typing", |frame| {
            matches!(frame, ServerFrame::UserTyping(typing) if typing.user_id == ann.id() && typing.state == state).then_some(())
        })
        .await?;
    }
    bobs.connection.send_text(command::encode::typing_start(chat)).await.map_err(|close| anyhow::anyhow!("{close:?}"))?;
    anns.until("typing", |frame| matches!(frame, ServerFrame::UserTyping(typing) if typing.user_id == bob.id()).then_some(())).await?;

    // What her devices have is told wherever she says it.
    let sent = bobs.post(chat, &ulid_key(0), "delivered?").await?;
    anns.message("delivered?").await?;
    let received = command::encode::received(&[ReceivedUpto { conversation_id: chat, seq: sent.seq }]);
    assert_eq!(post(&h, 1, &ann.device, &received).await?.expect("taken"), None);
    let delivered = |frame: &ServerFrame| {
        let ServerFrame::Receipts(receipts) = frame else { return None };
        receipts.delivered.iter().any(|by| by.user_id == ann.id() && by.seq == sent.seq).then_some(())
    };
    bobs.until("what was delivered", delivered).await?;

    let (edit, delete) = (ulid_key(0), ulid_key(0));
    let message = bobs.frames.iter().filter_map(ServerFrame::message).find(|message| text_of(message) == "and again").expect("seen");
    let edit = EditMessage { client_id: edit, conversation_id: chat, message_id: message.message_id, body: text("and at last") };
    acknowledged(&h, 0, &ann.device, &command::encode::edit_message(&edit)).await?;
    assert_eq!(
        history(&bob.api, chat).await?.iter().map(text_of).collect::<Vec<_>>(),
        ["from a socket", "from a stream", "and at last", "delivered?"]
    );
    let delete = DeleteMessage { client_id: delete, conversation_id: chat, message_id: message.message_id };
    acknowledged(&h, 1, &ann.device, &command::encode::delete_message(&delete)).await?;
    let erased = |frame: &ServerFrame| matches!(frame.event(), Some(LogEvent::MessageErased(_))).then_some(());
    anns.until("the deletion", erased).await?;

    // What a device reports moves its person's durable cursor, wherever it is said.
    let ping = command::encode::ping(Some(&anns.at()));
    let Ok(Some(ServerFrame::Pong { server_time_ms, position: None })) = post(&h, 1, &ann.device, &ping).await? else { panic!("a pong") };
    assert!(server_time_ms > 1_700_000_000_000);
    holds(contiguous(anns.me, &anns.seen()));
    h.finish().await
}

/// Failed before: the gateway took what it did not know for what others had been told.
#[tokio::test]
async fn what_a_device_has_is_told_and_kept_by_a_gateway_that_never_saw_it() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Stream::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let sent = bobs.post(chat, &ulid_key(0), "delivered?").await?;
    anns.message("delivered?").await?;
    let received = command::encode::received(&[ReceivedUpto { conversation_id: chat, seq: sent.seq }]);
    assert_eq!(post(&h, 1, &ann.device, &received).await?.expect("taken"), None);
    let delivered = |frame: &ServerFrame| {
        let ServerFrame::Receipts(receipts) = frame else { return None };
        receipts.delivered.iter().any(|by| by.user_id == ann.id() && by.seq == sent.seq).then_some(())
    };
    bobs.until("what was delivered", delivered).await?;
    wait_for("what her devices have", LATE, || async {
        let state = bob.api.receipts(chat).await.map_err(|error| error.to_string())?;
        let kept: Vec<_> = state.delivered.iter().map(|to| (to.user_id, to.seq)).collect();
        if kept == [(ann.id(), sent.seq)] { Ok(()) } else { Err(format!("{kept:?}")) }
    })
    .await;
    h.finish().await
}

/// Reads until the newest that the stream is told of somebody is as wished.
async fn sees(stream: &mut Stream, of: UserId, state: PresenceState, at: Option<ConversationId>) -> anyhow::Result<()> {
    stream
        .until("presence", |frame| {
            let ServerFrame::UserPresence(presence) = frame else { return None };
            let told = presence.people.iter().rfind(|one| one.user_id == of)?;
            (told.state == state && told.conversation_id == at).then_some(())
        })
        .await
}

#[tokio::test]
async fn people_on_streams_see_who_is_there_and_are_seen_whichever_gateway_they_tell() -> TestResult {
    let h = Harness::builder().gateways(2).start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Stream::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Stream::live(&h, 1, &bob.device, None).await?;
    let says = |state, conversation_id| command::encode::presence(&SayPresence { state, conversation_id });
    let taken = async |index, device, word: String| {
        assert_eq!(post(&h, index, device, &word).await?.expect("taken"), None);
        anyhow::Ok(())
    };
    // Each tells the gateway that the other one listens to.
    taken(0, &bob.device, command::encode::watch_presence(&[ann.id()])).await?;
    sees(&mut bobs, ann.id(), PresenceState::Offline, None).await?;
    taken(1, &ann.device, says(Activity::Active, Some(chat))).await?;
    sees(&mut bobs, ann.id(), PresenceState::Online, Some(chat)).await?;
    // And their own.
    taken(0, &ann.device, says(Activity::Idle, None)).await?;
    sees(&mut bobs, ann.id(), PresenceState::Idle, None).await?;
    taken(1, &bob.device, says(Activity::Active, None)).await?;
    taken(0, &ann.device, command::encode::watch_presence(&[bob.id()])).await?;
    sees(&mut anns, bob.id(), PresenceState::Online, None).await?;
    // It is a device's, not a person's: another one of hers, without a stream, is not there.
    let tablet = ann.log_in("tablet").await?;
    taken(1, &tablet, says(Activity::Active, None)).await?;
    drop(bobs);
    sees(&mut anns, bob.id(), PresenceState::Offline, None).await?;
    let mut bobs = Stream::live(&h, 0, &bob.device, None).await?;
    taken(1, &bob.device, command::encode::watch_presence(&[ann.id()])).await?;
    sees(&mut bobs, ann.id(), PresenceState::Idle, None).await?;

    let word = says(Activity::Active, None);
    let many = futures::future::join_all((0..40).map(|_| post(&h, 0, &bob.device, &word))).await;
    let refused: Vec<_> = many.into_iter().filter_map(|answer| answer.expect("an answer").err()).map(|refused| refused.code).collect();
    assert!(!refused.is_empty() && refused.iter().all(|code| *code == ErrorCode::RateLimited), "{refused:?}");
    h.finish().await
}

#[tokio::test]
async fn a_stream_goes_on_behind_a_gateway_that_went_away_and_one_that_was_killed() -> TestResult {
    let h = Harness::builder().gateways(2).config("gateway", FAST).start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Stream::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 1, &bob.device, None).await?;
    let begun = anns.at();
    let metrics = h.gateway(0).metrics().await?;
    for line in [r#"relay_sockets_by_transport{transport="event_stream"} 1"#, r#"relay_sockets_by_transport{transport="web_socket"} 0"#] {
        assert!(metrics.lines().any(|found| found == line), "{line} is missing in {metrics}");
    }
    for n in 0..100 {
        bobs.post(chat, &ulid_key(0), &format!("first {n}")).await?;
    }
    anns.message("first 50").await?;
    let (exit, end) = tokio::join!(h.gateway(0).stop(), anns.end());
    let end = end?;
    assert!(exit.is_some_and(|exit| exit.success()), "exit status {exit:?}");
    assert_eq!((end.code.as_str(), end.close_code), ("draining", CloseCode::Draining.code()));
    assert!(end.retry_after_ms.is_some());
    let told = anns.frames.iter().rev().find_map(|frame| if let ServerFrame::Error(error) = frame { Some(error.clone()) } else { None });
    assert!(told.is_some_and(|told| told.code == ErrorCode::Draining), "an announcement before the end");

    h.gateway(0).restart().await?;
    let mut seen = anns.seen();
    let mut anns = Stream::again(&h, 0, &ann.device, &anns.at()).await?;
    for n in 0..100 {
        bobs.post(chat, &ulid_key(0), &format!("second {n}")).await?;
    }
    anns.message("second 50").await?;
    h.gateway(0).kill();
    while let Ok(Some(_)) = anns.next().await {}
    assert_eq!(anns.farewell, None, "there was nobody to say it");
    seen.extend(anns.seen());
    let mut anns = Stream::again(&h, 1, &ann.device, &anns.at()).await?;
    acknowledged(&h, 1, &ann.device, &sending(chat, &ulid_key(0), "the end")).await?;
    anns.message("the end").await?;
    seen.extend(anns.seen());

    // What comes twice was not covered by the last position; without it, nothing is missing and nothing is there twice.
    let mut last = Seq(0);
    seen.retain(|seen| {
        let is_new = seen.seq > last;
        last = last.max(seen.seq);
        is_new
    });
    holds(contiguous(anns.me, &seen));
    holds(no_duplicates(&seen));
    let log: Vec<Seq> = conversation_log(&h, chat).await?.into_iter().filter(|seq| Some(*seq) > begun.seq(ShardId(0))).collect();
    assert_eq!(seen.iter().map(|seen| seen.seq).collect::<Vec<_>>(), log);
    h.gateway(0).restart().await?;
    h.finish().await
}

#[tokio::test]
async fn catching_up_that_breaks_early_goes_on_where_it_was() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let begun = Stream::live(&h, 0, &ann.device, None).await?.at();
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let body = "x".repeat(2_000);
    for _ in 0..200 {
        bobs.post(chat, &ulid_key(0), &body).await?;
    }
    let mut seen: Vec<Seen> = Vec::new();
    let (mut position, mut rounds) = (begun.clone(), 0);
    loop {
        let mut anns = Stream::hello(&h, 0, &ann.device, Some(&position)).await?;
        let caught_up = anns.until("how far it came", |frame| match frame {
            ServerFrame::Progress { .. } => Some(false),
            ServerFrame::CaughtUp { .. } => Some(true),
            _ => None,
        });
        let caught_up = caught_up.await?;
        assert_eq!(
            anns.seen().first().map(|seen| seen.seq > position.seq(ShardId(0)).unwrap_or_default()),
            (!anns.seen().is_empty()).then_some(true)
        );
        seen.extend(anns.seen());
        position = anns.at();
        rounds += 1;
        if caught_up {
            break;
        }
    }
    assert!(rounds > 2, "400 KB came in {rounds} parts");
    // Nothing comes twice: each goes on exactly behind what the one before it had.
    let log: Vec<Seq> = conversation_log(&h, chat).await?.into_iter().filter(|seq| Some(*seq) > begun.seq(ShardId(0))).collect();
    assert_eq!(seen.iter().map(|seen| seen.seq).collect::<Vec<_>>(), log);
    h.finish().await
}

#[tokio::test]
async fn a_stream_that_is_not_read_ends_and_goes_on_without_a_gap() -> TestResult {
    const MESSAGES: usize = 1_500;
    let h = Harness::builder().config("gateway", &format!("outbound_queue_bytes = 262144\n{FAST}")).start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = group(&ann, &[&bob]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut slow = Stream::live(&h, 0, &bob.device, None).await?;
    let position = slow.at();
    let body = "x".repeat(16_000);
    let sending = async {
        for _ in 0..MESSAGES {
            anns.post(chat, &ulid_key(0), &body).await?;
        }
        anyhow::Ok(())
    };
    // It reads again as soon as it was given up, and finds the reason behind what the kernel still had for it.
    let stopping = async {
        wait_for("the end to be counted", LATE, || async {
            let metrics = h.gateway(0).metrics().await.map_err(|error| format!("{error:#}"))?;
            if metrics.contains(r#"relay_socket_closes_total{code="slow_reader"} 1"#) { Ok(()) } else { Err("not counted".to_owned()) }
        })
        .await;
        slow.end().await
    };
    let (sent, end) = tokio::join!(sending, stopping);
    sent?;
    let end = end?;
    assert_eq!((end.code.as_str(), end.close_code), ("slow_reader", CloseCode::SlowReader.code()));
    let mut seen = slow.seen();
    assert!(seen.len() < MESSAGES, "it got all and ended nevertheless");
    let from = if slow.at() == position { position.clone() } else { slow.at() };
    let mut again = Stream::again(&h, 0, &bob.device, &from).await?;
    let log = conversation_log(&h, chat).await?;
    let newest = *log.last().expect("messages");
    again.until("the newest", |frame| frame.place().filter(|place| place.seq == newest).map(drop)).await?;
    let known = seen.last().map_or(Seq(0), |seen| seen.seq);
    seen.extend(again.seen().into_iter().filter(|seen| seen.seq > known));
    let log: Vec<Seq> = log.into_iter().filter(|seq| Some(*seq) > position.seq(ShardId(0))).collect();
    assert_eq!(seen.iter().map(|seen| seen.seq).collect::<Vec<_>>(), log);
    h.finish().await
}

#[tokio::test]
async fn a_stream_ends_with_its_session_and_its_device_may_say_nothing_more() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let other = ann.log_in("other").await?;
    let mut ended = Stream::live(&h, 0, &other, None).await?;
    let mut stays = Stream::live(&h, 0, &ann.device, None).await?;
    ann.api.revoke(other.session_id()).await?;
    let end = ended.end().await?;
    assert_eq!((end.code.as_str(), end.close_code), ("session_revoked", CloseCode::SessionRevoked.code()));
    let say = sending(chat, &ulid_key(0), "still here?");
    assert_eq!(post(&h, 0, &other, &say).await?.expect_err("refused").code, ErrorCode::SessionRevoked);
    let mut again = Stream::hello(&h, 0, &other, None).await?;
    assert_eq!(again.end().await?.close_code, CloseCode::SessionRevoked.code());
    assert!(again.frames.iter().any(|frame| matches!(frame, ServerFrame::Error(error) if error.code == ErrorCode::SessionRevoked)));
    acknowledged(&h, 0, &ann.device, &say).await?;
    stays.message("still here?").await?;
    h.finish().await
}

#[tokio::test]
async fn whoever_is_removed_gets_nothing_more_on_a_stream_and_may_post_nothing() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob, cid) = (h.user("ann").await?, h.user("bob").await?, h.user("cid").await?);
    let chat = group(&ann, &[&bob, &cid]).await?;
    let other = group(&ann, &[&cid]).await?;
    let mut cids = Stream::live(&h, 0, &cid.device, None).await?;
    acknowledged(&h, 1, &cid.device, &sending(chat, &ulid_key(0), "while in")).await?;
    ann.api.remove_member(chat, cid.id()).await?;
    for index in [0, 1] {
        let refused = post(&h, index, &cid.device, &sending(chat, &ulid_key(0), "canary of cid")).await?.expect_err("refused");
        assert_eq!(refused.code, ErrorCode::NotMember);
    }
    let frame = sending(chat, &ulid_key(0), "canary of bob");
    acknowledged(&h, 0, &bob.device, &frame).await?;
    acknowledged(&h, 1, &ann.device, &sending(other, &ulid_key(0), "behind it")).await?;
    cids.message("behind it").await?;
    let after = cids.seen().into_iter().skip_while(|seen| !seen.removed.contains(&cid.id())).skip(1);
    assert_eq!(after.filter(|seen| seen.conversation == chat).collect::<Vec<_>>(), vec![]);
    assert!(!cids.raw.contains("canary"), "{}", cids.raw);
    assert_eq!(history(&ann.api, chat).await?.iter().map(text_of).collect::<Vec<_>>(), ["while in", "canary of bob"]);
    h.finish().await
}

#[tokio::test]
async fn a_quiet_stream_has_heartbeats_and_stays() -> TestResult {
    let h = Harness::builder().config("gateway", "idle_timeout_ms = 2000").start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Stream::live(&h, 0, &ann.device, None).await?;
    let frames = anns.frames.len();
    let quiet = Instant::now();
    anns.heartbeats(10).await?;
    assert!(quiet.elapsed() > Duration::from_secs(2), "longer than a socket may be silent");
    assert_eq!(anns.frames.len(), frames, "comments are no frames");
    acknowledged(&h, 0, &bob.device, &sending(chat, &ulid_key(0), "awake?")).await?;
    anns.message("awake?").await?;
    drop(anns);
    // The gateway notices who went without a word.
    wait_for("the stream to be gone", LATE, || async {
        let metrics = h.gateway(0).metrics().await.map_err(|error| format!("{error:#}"))?;
        if metrics.lines().any(|line| line == "relay_sockets 0") { Ok(()) } else { Err(metrics) }
    })
    .await;
    h.finish().await
}

#[tokio::test]
async fn without_postgres_commands_are_taken_where_their_sender_is_known_and_where_not() -> TestResult {
    let h = Harness::builder().gateways(2).private_postgres().config("gateway", FAST).expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    durable_covers(&h, &ann, chat).await;
    let mut anns = Stream::live(&h, 0, &ann.device, None).await?;
    h.postgres().stop().await;
    for index in [0, 1] {
        let body = format!("over {index}");
        acknowledged(&h, index, &ann.device, &sending(chat, &ulid_key(0), &body)).await?;
        anns.message(&body).await?;
    }
    h.postgres().start().await?;
    persisted(&h).await?;
    // The API finds out by asking that its connections are those of before.
    let messages = wait_for("the history", LATE, || async { history(&bob.api, chat).await.map_err(|error| format!("{error:#}")) }).await;
    assert_eq!(messages.iter().map(text_of).collect::<Vec<_>>(), ["over 0", "over 1"]);
    h.finish().await
}

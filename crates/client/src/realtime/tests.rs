//! The engine against a scripted gateway on a real socket.

mod conformance;
mod gateway;

use relay_protocol::frame::{ErrorFrame, ResetReason, ServerFrame};
use relay_protocol::rest::Secret;
use relay_protocol::{CloseCode, ErrorCode};
use relay_types::Seq;

use super::*;
use crate::store::{FileStore, MemoryStore};
use crate::token_provider::StaticToken;
use gateway::{Gateway, conversation, message, position, soon, text};

async fn start(gateway: &Gateway, store: Arc<dyn ClientStore>) -> (RealtimeClient, EventStream) {
    start_with(gateway, store, |_| {}).await
}

async fn start_with(
    gateway: &Gateway,
    store: Arc<dyn ClientStore>,
    change: impl FnOnce(&mut RealtimeConfig),
) -> (RealtimeClient, EventStream) {
    let mut config = RealtimeConfig::new(gateway.url());
    config.reconnect_base = Duration::from_millis(1);
    config.report_interval = Duration::from_millis(1);
    change(&mut config);
    let token = Arc::new(StaticToken(Secret("token".to_owned())));
    RealtimeClient::start(config, token, store).await.unwrap()
}

async fn next_message(events: &mut EventStream) -> u64 {
    loop {
        match soon("an event", events.next()).await.expect("the stream ended") {
            Event::Message(message) => return message.seq.0,
            Event::Gap { .. } => panic!("an unexpected gap"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_message_is_acknowledged_and_its_key_is_minted_behind_the_server() {
    let gateway = Gateway::start().await;
    let (client, _events) = start(&gateway, Arc::new(MemoryStore::default())).await;
    let mut peer = gateway.welcome(None).await;
    peer.caught_up(1).await;
    soon("live", client.live()).await.unwrap();
    let handle = client.send(conversation(1), text("hello")).await.unwrap();
    let sent = peer.expect_send().await;
    assert_eq!(&sent.client_id, handle.client_id());
    assert!(sent.client_id.minted_at_ms().unwrap() < gateway::SERVER_TIME_MS.unsigned_abs());
    peer.ack(&sent, 2).await;
    assert_eq!(soon("the ack", handle).await.unwrap().seq.0, 2);
    assert_eq!(client.stats().acks.get(), 1);
}

#[tokio::test]
async fn what_was_not_acknowledged_is_sent_again_in_order_with_the_same_keys() {
    let gateway = Gateway::start().await;
    let (client, _events) = start(&gateway, Arc::new(MemoryStore::default())).await;
    let mut handles = Vec::new();
    for n in 0..5 {
        handles.push(client.send(conversation(n % 2), text("x")).await.unwrap());
    }
    let keys: Vec<_> = handles.iter().map(|handle| handle.client_id().clone()).collect();
    let mut first = gateway.welcome(None).await;
    first.caught_up(1).await;
    let sent = first.expect_sends(5).await;
    first.ack(&sent[1], 2).await;
    assert_eq!(soon("the ack", handles.remove(1)).await.unwrap().seq.0, 2);
    drop(first);
    let mut second = gateway.welcome(Some(&position(1))).await;
    let again: Vec<_> = second.expect_sends(4).await.into_iter().map(|send| send.client_id).collect();
    assert_eq!(again, [keys[0].clone(), keys[2].clone(), keys[3].clone(), keys[4].clone()]);
}

#[tokio::test]
async fn no_more_is_in_flight_than_the_server_allows() {
    let gateway = Gateway::start().await;
    let (client, _events) = start(&gateway, Arc::new(MemoryStore::default())).await;
    let mut peer = gateway.welcome(None).await;
    peer.caught_up(1).await;
    let mut handles = Vec::new();
    for _ in 0..gateway::MAX_IN_FLIGHT + 3 {
        handles.push(client.send(conversation(1), text("x")).await.unwrap());
    }
    let sent = peer.expect_sends(gateway::MAX_IN_FLIGHT).await;
    peer.expect_quiet().await;
    peer.ack(&sent[0], 2).await;
    peer.expect_sends(1).await;
    peer.expect_quiet().await;
}

#[tokio::test]
async fn a_refusal_for_now_is_retried_after_the_delay_and_a_final_one_is_told() {
    let gateway = Gateway::start().await;
    let (client, _events) = start(&gateway, Arc::new(MemoryStore::default())).await;
    let mut peer = gateway.welcome(None).await;
    peer.caught_up(1).await;
    let for_now = client.send(conversation(1), text("x")).await.unwrap();
    let for_good = client.send(conversation(1), text("y")).await.unwrap();
    let sent = peer.expect_sends(2).await;
    let asked = std::time::Instant::now();
    let mut busy = ErrorFrame::new(ErrorCode::RateLimited, "slow down");
    busy.client_id = Some(sent[0].client_id.clone());
    busy.retry_after_ms = Some(50);
    peer.send(&ServerFrame::Error(busy)).await;
    let mut never = ErrorFrame::new(ErrorCode::NotMember, "not yours");
    never.client_id = Some(sent[1].client_id.clone());
    peer.send(&ServerFrame::Error(never)).await;
    let refused = soon("the refusal", for_good).await.unwrap_err();
    assert!(matches!(&refused, SendError::Refused(error) if error.code == ErrorCode::NotMember), "{refused:?}");
    let again = peer.expect_send().await;
    assert!(asked.elapsed() >= Duration::from_millis(50));
    assert_eq!(again.client_id, sent[0].client_id);
    peer.ack(&again, 2).await;
    soon("the ack", for_now).await.unwrap();
}

#[tokio::test]
async fn ones_own_message_in_the_stream_is_an_ack() {
    let gateway = Gateway::start().await;
    let (client, mut events) = start(&gateway, Arc::new(MemoryStore::default())).await;
    let mut peer = gateway.welcome(None).await;
    peer.caught_up(1).await;
    let handle = client.send(conversation(1), text("x")).await.unwrap();
    let sent = peer.expect_send().await;
    let mut own = message(1, 2, Some(0));
    own.sender_id = gateway::me();
    own.client_id = sent.client_id.clone();
    peer.say(own).await;
    assert_eq!(soon("the ack", handle).await.unwrap().seq.0, 2);
    assert_eq!(next_message(&mut events).await, 2);
    peer.ack(&sent, 2).await;
    peer.pong_next(3).await;
    assert_eq!(client.stats().acks.get(), 1);
}

#[tokio::test]
async fn a_message_seen_in_the_stream_counts_as_in_flight_until_the_server_answers() {
    let gateway = Gateway::start().await;
    let (client, _events) = start(&gateway, Arc::new(MemoryStore::default())).await;
    let mut peer = gateway.welcome(None).await;
    peer.caught_up(1).await;
    let mut handles = Vec::new();
    for _ in 0..=gateway::MAX_IN_FLIGHT {
        handles.push(client.send(conversation(1), text("x")).await.unwrap());
    }
    let sent = peer.expect_sends(gateway::MAX_IN_FLIGHT).await;
    let mut own = message(1, 2, Some(0));
    own.sender_id = gateway::me();
    own.client_id = sent[0].client_id.clone();
    peer.say(own).await;
    soon("the ack", handles.remove(0)).await.unwrap();
    peer.expect_quiet().await;
    peer.ack(&sent[0], 2).await;
    peer.expect_send().await;
}

#[tokio::test]
async fn frames_that_were_dropped_unseen_are_sent_again() {
    let gateway = Gateway::start().await;
    let (client, _events) = start(&gateway, Arc::new(MemoryStore::default())).await;
    let mut peer = gateway.welcome(None).await;
    peer.caught_up(1).await;
    let handle = client.send(conversation(1), text("x")).await.unwrap();
    let dropped = peer.expect_send().await;
    let mut error = ErrorFrame::new(ErrorCode::RateLimited, "too many frames");
    error.retry_after_ms = Some(1);
    peer.send(&ServerFrame::Error(error)).await;
    let again = peer.expect_send().await;
    assert_eq!(again.client_id, dropped.client_id);
    peer.ack(&again, 2).await;
    soon("the ack", handle).await.unwrap();
}

#[tokio::test]
async fn a_replay_is_dropped_and_a_gap_leads_back_to_the_last_good_position() {
    let gateway = Gateway::start().await;
    let (client, mut events) = start(&gateway, Arc::new(MemoryStore::default())).await;
    let mut peer = gateway.welcome(None).await;
    peer.caught_up(1).await;
    for (seq, prev) in [(2, 1), (3, 2), (3, 2)] {
        peer.say(message(1, seq, Some(prev))).await;
    }
    assert_eq!(next_message(&mut events).await, 2);
    assert_eq!(next_message(&mut events).await, 3);
    peer.pong_next(3).await;
    peer.say(message(1, 6, Some(5))).await;
    let gap = loop {
        match soon("the gap", events.next()).await.unwrap() {
            Event::Gap { last, seq, .. } => break (last.0, seq.0),
            Event::Message(message) => panic!("{} was handed on", message.seq),
            _ => {}
        }
    };
    assert_eq!(gap, (3, 6));
    let mut peer = gateway.welcome(Some(&position(3))).await;
    for (seq, prev) in [(2, 1), (3, 2), (5, 3), (6, 5)] {
        peer.say(message(1, seq, Some(prev))).await;
    }
    peer.caught_up(6).await;
    assert_eq!(next_message(&mut events).await, 5);
    assert_eq!(next_message(&mut events).await, 6);
    assert_eq!((client.stats().gaps.get(), client.stats().duplicates.get()), (1, 3));
}

#[tokio::test]
async fn a_position_is_stored_and_reported_only_after_the_program_is_done_with_its_events() {
    let gateway = Gateway::start().await;
    let store = Arc::new(MemoryStore::default());
    let (_client, mut events) = start(&gateway, store.clone()).await;
    let mut peer = gateway.welcome(None).await;
    peer.caught_up(1).await;
    assert!(matches!(soon("caught up", events.next()).await, Some(Event::CaughtUp { .. })));
    peer.say(message(1, 2, Some(0))).await;
    // Asks for the position of the new event. What it reports is at most what was there before the event.
    assert_ne!(peer.pong_next(2).await, Some(position(2)));
    assert_ne!(store.position(), Some(position(2)), "the event was not even taken");
    assert_eq!(next_message(&mut events).await, 2);
    assert_ne!(store.position(), Some(position(2)), "the event is being worked on");
    events.mark_handled();
    let reported = soon("the report", async {
        loop {
            let reported = peer.pong_next(9).await;
            if reported == Some(position(2)) {
                return reported;
            }
        }
    });
    assert_eq!(reported.await, Some(position(2)));
}

#[tokio::test]
async fn a_link_that_breaks_while_catching_up_goes_on_from_the_place_that_was_told() {
    let gateway = Gateway::start().await;
    let store = Arc::new(MemoryStore::at(position(1)));
    let (_client, mut events) = start(&gateway, store).await;
    let mut peer = gateway.welcome(Some(&position(1))).await;
    peer.say(message(1, 2, Some(0))).await;
    peer.send(&ServerFrame::Progress { position: position(2).to_string() }).await;
    peer.say(message(1, 3, Some(2))).await;
    assert_eq!(next_message(&mut events).await, 2);
    assert_eq!(next_message(&mut events).await, 3);
    drop(peer);
    let mut peer = gateway.welcome(Some(&position(2))).await;
    peer.say(message(1, 3, Some(2))).await;
    peer.say(message(1, 4, Some(3))).await;
    peer.caught_up(4).await;
    assert_eq!(next_message(&mut events).await, 4, "what came twice is told once");
}

#[tokio::test]
async fn a_program_that_does_not_read_loses_nothing() {
    let gateway = Gateway::start().await;
    let (client, mut events) = start_with(&gateway, Arc::new(MemoryStore::default()), |config| config.event_buffer = 1).await;
    let mut peer = gateway.welcome(None).await;
    for seq in 2..100 {
        peer.say(message(1, seq, Some(seq - 1))).await;
    }
    peer.caught_up(99).await;
    // Sending goes on while receiving stands still.
    let _handle = client.send(conversation(1), text("x")).await.unwrap();
    peer.expect_send().await;
    for seq in 2..100 {
        assert_eq!(next_message(&mut events).await, seq);
    }
    soon("live", client.live()).await.unwrap();
}

#[tokio::test]
async fn a_reset_is_told_and_its_position_is_where_things_go_on() {
    let gateway = Gateway::start().await;
    let store = Arc::new(MemoryStore::at(position(77)));
    let (_client, mut events) = start(&gateway, store).await;
    let mut peer = gateway.welcome(Some(&position(77))).await;
    peer.send(&ServerFrame::Reset { reason: ResetReason::EpochChanged, position: position(5).to_string() }).await;
    assert!(matches!(soon("reset", events.next()).await, Some(Event::Reset(ResetReason::EpochChanged))));
    drop(peer);
    gateway.welcome(Some(&position(5))).await;
}

#[tokio::test]
async fn final_closes_end_the_client_and_others_do_not() {
    let gateway = Gateway::start().await;
    let (client, mut events) = start(&gateway, Arc::new(MemoryStore::default())).await;
    for code in [CloseCode::Draining, CloseCode::SlowReader, CloseCode::Resync] {
        gateway.welcome(None).await.close(code).await;
    }
    let waits = client.send(conversation(1), text("x")).await.unwrap();
    gateway.welcome(None).await.close(CloseCode::SessionRevoked).await;
    let closed = soon("the end", client.live()).await.unwrap_err();
    assert!(matches!(closed, Closed::ByServer { close, .. } if close.registered() == Some(CloseCode::SessionRevoked)));
    assert!(matches!(soon("the send", waits).await, Err(SendError::Closed)));
    while soon("the stream's end", events.next()).await.is_some() {}
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let gateway = Gateway::start().await;
    let (client, _events) = start(&gateway, Arc::new(MemoryStore::default())).await;
    let mut peer = gateway.accept().await;
    peer.expect_hello().await;
    peer.send(&ServerFrame::Error(ErrorFrame::new(ErrorCode::TokenExpired, "expired"))).await;
    peer.close(CloseCode::Unauthenticated).await;
    // This provider has only the refused token, so there is nothing to come back with.
    let closed = soon("the end", client.live()).await.unwrap_err();
    assert!(matches!(closed, Closed::LoggedOut(_)), "{closed:?}");
}

#[tokio::test]
async fn a_killed_program_sends_its_stored_outbox_and_resumes_from_its_stored_position() {
    let gateway = Gateway::start().await;
    let dir = tempfile::tempdir().unwrap();
    let key = {
        let store = Arc::new(FileStore::open(dir.path()).unwrap());
        let (client, mut events) = start(&gateway, store.clone()).await;
        let mut peer = gateway.welcome(None).await;
        peer.caught_up(4).await;
        assert!(matches!(soon("caught up", events.next()).await, Some(Event::CaughtUp { .. })));
        events.mark_handled();
        soon("the stored position", async {
            while store.load().await.unwrap().position.is_none() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let handle = client.send(conversation(1), text("remember me")).await.unwrap();
        peer.expect_send().await;
        client.abort();
        let key = handle.client_id().clone();
        assert!(matches!(soon("the send", handle).await, Err(SendError::Closed)));
        key
    };
    // The aborted task lets go of the directory when it is dropped, which is soon.
    let store = soon("the profile", async {
        loop {
            match FileStore::open(dir.path()) {
                Ok(store) => return store,
                Err(StoreError::InUse { .. }) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    });
    let (_client, mut events) = start(&gateway, Arc::new(store.await)).await;
    let mut peer = gateway.welcome(Some(&position(4))).await;
    let sent = peer.expect_send().await;
    assert_eq!(sent.client_id, key);
    peer.ack(&sent, 5).await;
    loop {
        if let Event::Sent(ack) = soon("the ack", events.next()).await.unwrap() {
            break assert_eq!(ack.client_id, key);
        }
    }
}

#[tokio::test]
async fn goodbye_reports_the_last_position_and_closes() {
    let gateway = Gateway::start().await;
    let store = Arc::new(MemoryStore::default());
    let slow = |config: &mut RealtimeConfig| config.report_interval = Duration::from_hours(1);
    let (client, mut events) = start_with(&gateway, store.clone(), slow).await;
    let mut peer = gateway.welcome(None).await;
    peer.caught_up(1).await;
    peer.say(message(1, 2, Some(0))).await;
    assert_eq!(next_message(&mut events).await, 2);
    events.mark_handled();
    let closing = async {
        peer.pong_next(2).await;
        assert_eq!(peer.pong_next(2).await, Some(position(2)));
        assert_eq!(peer.expect_close().await, CloseCode::Normal.code());
    };
    soon("goodbye", async { tokio::join!(client.close(), closing) }).await;
    assert_eq!(store.position(), Some(position(2)));
    assert!(matches!(client.state(), State::Closed(Closed::Asked)));
}

#[tokio::test]
async fn the_outbox_is_bounded() {
    let gateway = Gateway::start().await;
    let (client, _events) = start_with(&gateway, Arc::new(MemoryStore::default()), |config| config.outbox_limit = 2).await;
    let first = client.send(conversation(1), text("x")).await.unwrap();
    let _second = client.send(conversation(1), text("x")).await.unwrap();
    assert!(matches!(client.send(conversation(1), text("x")).await, Err(SendError::OutboxFull { limit: 2 })));
    let mut peer = gateway.welcome(None).await;
    peer.caught_up(1).await;
    let sent = peer.expect_sends(2).await;
    peer.ack(&sent[0], 2).await;
    soon("the ack", first).await.unwrap();
    assert!(client.send(conversation(1), text("x")).await.is_ok());
}

/// The SDK of before counts nothing of an event that it does not know: the next one looks like a gap, and the position stays.
#[tokio::test]
async fn unknown_event_counts_in_its_chain_and_moves_the_position() {
    let gateway = Gateway::start().await;
    let store = Arc::new(MemoryStore::default());
    let (client, mut events) = start(&gateway, store.clone()).await;
    let mut peer = gateway.welcome(None).await;
    peer.caught_up(1).await;
    let chain = format!("c:{}", conversation(1));
    peer.say(message(1, 2, Some(0))).await;
    peer.send_raw(&format!(r#"{{"type":"FROM_THE_FUTURE","chain":"{chain}","seq":3,"prev":2,"x":1.0}}"#)).await;
    peer.send_raw(r#"{"type":"user_typing","conversation_id":"x"}"#).await;
    peer.send_raw(&format!(r#"{{"type":"MESSAGE_SENT","chain":"{chain}","seq":4,"prev":3,"shape":"another"}}"#)).await;
    peer.say(message(1, 5, Some(4))).await;
    assert_eq!(next_message(&mut events).await, 2);
    for (name, seq) in [("FROM_THE_FUTURE", 3), ("MESSAGE_SENT", 4)] {
        let Some(Event::Unknown(frame)) = soon("an event", events.next()).await else { panic!("another event") };
        assert_eq!((&*frame.name, frame.place.map(|place| place.seq)), (name, Some(Seq(seq))));
    }
    assert_eq!(next_message(&mut events).await, 5);
    events.mark_handled();
    assert_eq!((client.stats().gaps.get(), client.stats().events.get()), (0, 4));
    peer.pong_next(5).await;
    soon("the stored position", async {
        while store.position() != Some(position(5)) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn unknown_error_code_is_retried_or_final_as_it_says() {
    let gateway = Gateway::start().await;
    let (client, mut events) = start(&gateway, Arc::new(MemoryStore::default())).await;
    let mut peer = gateway.welcome(None).await;
    peer.caught_up(1).await;
    let for_now = client.send(conversation(1), text("x")).await.unwrap();
    let for_good = client.send(conversation(1), text("y")).await.unwrap();
    let sent = peer.expect_sends(2).await;
    let refuse = |client_id: &relay_types::ClientId, retryable: bool| {
        format!(r#"{{"type":"error","code":"out_of_tea","message":"m","client_id":"{client_id}","retryable":{retryable}}}"#)
    };
    peer.send_raw(&refuse(&sent[0].client_id, true)).await;
    peer.send_raw(&refuse(&sent[1].client_id, false)).await;
    let refused = soon("the refusal", for_good).await.unwrap_err();
    assert!(matches!(&refused, SendError::Refused(error) if error.code.as_str() == "out_of_tea"), "{refused:?}");
    let again = peer.expect_send().await;
    assert_eq!(again.client_id, sent[0].client_id);
    peer.ack(&again, 2).await;
    soon("the ack", for_now).await.unwrap();
    peer.send_raw(r#"{"type":"error","code":"out_of_tea","message":"m","retryable":true}"#).await;
    loop {
        if let Some(Event::Notice(error)) = soon("the notice", events.next()).await {
            break assert_eq!(error.code.known(), None);
        }
    }
}

#[tokio::test]
async fn unknown_close_code_reconnects_with_backoff_unless_its_range_says_no() {
    let gateway = Gateway::start().await;
    let (client, _events) = start_with(&gateway, Arc::new(MemoryStore::default()), |config| {
        config.reconnect_base = Duration::from_millis(20);
    })
    .await;
    for code in [4099, 3001, 1012] {
        gateway.welcome(None).await.close_with(code, "from the future").await;
        let mut states = client.watch_state();
        let waiting = states.wait_for(|state| matches!(state, State::Waiting { .. } | State::Connecting));
        soon("another attempt", waiting).await.unwrap();
    }
    gateway.welcome(None).await.close_with(4599, "from the future").await;
    let closed = soon("the end", client.live()).await.unwrap_err();
    assert!(matches!(closed, Closed::ByServer { close, .. } if close.code == 4599));
}

#[tokio::test]
async fn others_are_told_that_their_messages_came_unless_the_server_does_not_know_the_word() {
    let gateway = Gateway::start().await;
    let (_client, mut events) = start(&gateway, Arc::new(MemoryStore::default())).await;
    let mut peer = gateway.welcome(None).await;
    peer.say(message(1, 1, Some(0))).await;
    peer.caught_up(1).await;
    peer.say(message(1, 2, Some(1))).await;
    assert_eq!(peer.expect_received().await, [relay_protocol::ReceivedUpto { conversation_id: conversation(1), seq: Seq(2) }]);
    peer.send_raw(r#"{"type":"error","code":"unknown_command","message":"m","retryable":false}"#).await;
    peer.say(message(1, 3, Some(2))).await;
    peer.send_raw(r#"{"type":"error","code":"busy","message":"m","retryable":true}"#).await;
    loop {
        match soon("the notice", events.next()).await {
            Some(Event::Notice(error)) => {
                break assert_eq!(error.code, relay_protocol::ErrorCode::Busy, "the other one is nobody's business");
            }
            Some(_) => {}
            None => panic!("the client stopped"),
        }
    }
    // As long as it takes until it would be said again.
    let again = tokio::time::timeout(Duration::from_millis(1_500), peer.expect_received()).await;
    assert!(again.is_err(), "{again:?}");
}

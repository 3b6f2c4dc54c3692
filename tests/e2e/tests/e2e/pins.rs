//! Pins: the same on every device and at both doors, for those who may, bounded, and nothing that a reader may not see.

use relay_harness::{Harness, User, wait_for};
use relay_protocol::conversation::Role;
use relay_protocol::frame::{ErrorFrame, MessageAck};
use relay_protocol::log::{LogEvent, MessagePinned};
use relay_protocol::rest::{HistoryQuery, PinMessageRequest};
use relay_protocol::{ErrorCode, MessageRef, PinMessage, Position, ServerFrame, command};
use relay_types::{ClientId, ConversationId, IdGen as _, MessageId, Seq, SystemIds, UserId};

use super::checks::{contiguous, holds};
use super::edits::{is_unheard, logged, store};
use super::outages::durable_covers;
use super::support::{Client, LATE, Socket, TestResult, code_of, direct, group, let_in, text, ulid_key};
use super::witness::{log_end, persisted};

/// A ring that does not reach back far.
const SETTINGS: &str = "ring_bytes = 65536\nmessages_per_s = 10000\nmessage_burst = 10000\nframes_per_s = 10000";
/// Messages that a conversation pins.
const MOST: usize = 50;

impl Socket {
    async fn pin(
        &mut self,
        chat: ConversationId,
        key: &ClientId,
        message_id: MessageId,
        on: bool,
    ) -> anyhow::Result<Result<MessageAck, ErrorFrame>> {
        let pin = PinMessage { client_id: key.clone(), conversation_id: chat, message_id, on };
        self.say(&command::encode::pin_message(&pin), key, is_unheard).await
    }

    /// The pins that came, in order.
    fn pins(&self) -> Vec<(Seq, UserId, MessageId, bool)> {
        let pinned = |frame: &ServerFrame| match frame.event()? {
            LogEvent::MessagePinned(pinned) => Some((frame.place()?.seq, pinned.actor_id, pinned.message_id, pinned.on)),
            _ => None,
        };
        self.frames.iter().filter_map(pinned).collect()
    }
}

fn request(key: &ClientId, on: bool) -> PinMessageRequest {
    PinMessageRequest { client_id: key.clone(), on }
}

/// What is pinned, as somebody reads it: the message, by whom, where it was said.
async fn pinned(user: &User, chat: ConversationId) -> anyhow::Result<Vec<(MessageId, UserId, Seq)>> {
    let list = user.api.pins(chat).await?;
    assert!(list.pins.iter().all(|pin| pin.pinned_seq <= list.upto));
    Ok(list.pins.iter().map(|pin| (pin.message.message_id, pin.pinned_by, pin.pinned_seq)).collect())
}

#[tokio::test]
async fn a_pin_reaches_every_device_the_list_and_the_history_once() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let phone = ann.log_in("phone").await?;
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut phones = Socket::live(&h, 1, &phone, None).await?;
    let mut bobs = Socket::live(&h, 1, &bob.device, None).await?;
    let one = anns.post(chat, &ulid_key(0), "one").await?.message_id;
    let two = bobs.post(chat, &ulid_key(0), "two").await?.message_id;

    // In a direct conversation either pins. The same key is the same pin, at either door.
    let key = ulid_key(0);
    let first = bobs.pin(chat, &key, one, true).await?.expect("accepted");
    assert_eq!(bobs.pin(chat, &key, one, true).await?.expect("the original ack"), first);
    assert_eq!(bob.api.pin_message(chat, one, &request(&key, false)).await?, first);
    let second = ann.api.pin_message(chat, two, &request(&ulid_key(0), true)).await?;
    assert_eq!(pinned(&ann, chat).await?, [(two, ann.id(), second.seq), (one, bob.id(), first.seq)], "the newest pin first");
    // What is so already is refused, and nothing is told.
    let back = anns.pin(chat, &ulid_key(0), one, false).await?.expect("accepted");
    for (message, on, code) in [(one, false, ErrorCode::NotPinned), (two, true, ErrorCode::AlreadyPinned)] {
        let (over_socket, over_rest) = (ulid_key(0), ulid_key(0));
        assert_eq!(bobs.pin(chat, &over_socket, message, on).await?.expect_err("refused").code, code);
        assert_eq!(code_of(bob.api.pin_message(chat, message, &request(&over_rest, on)).await), code);
        assert_eq!((logged(&h, &over_socket).await?, logged(&h, &over_rest).await?), (0, 0));
    }
    assert_eq!(logged(&h, &key).await?, 1);
    let again = bobs.pin(chat, &ulid_key(0), one, true).await?.expect("accepted");

    let expected = [
        (first.seq, bob.id(), one, true),
        (second.seq, ann.id(), two, true),
        (back.seq, ann.id(), one, false),
        (again.seq, bob.id(), one, true),
    ];
    let end = log_end(&h).await?;
    for socket in [&mut anns, &mut phones, &mut bobs] {
        socket.passed(end).await?;
        assert_eq!(socket.pins(), expected);
        holds(contiguous(socket.me, &socket.seen()));
    }
    ann.api.edit_message(chat, one, &ulid_key(0), &text("one, anew")).await?;
    for user in [&ann, &bob] {
        assert_eq!(pinned(user, chat).await?, [(one, bob.id(), again.seq), (two, ann.id(), second.seq)]);
        assert_eq!(user.api.pins(chat).await?.pins[0].message.body, text("one, anew"), "it refers, and copies nothing");
        let query = HistoryQuery { conversation_id: chat, before: None, after: None, unread: None, limit: None, changes: Some(true) };
        let changes = user.api.history(&query).await?.changes;
        let told = changes.iter().filter(|change| matches!(change.event, LogEvent::MessagePinned(_))).map(|change| change.seq);
        assert_eq!(told.collect::<Vec<_>>(), expected.map(|(seq, ..)| seq));
    }
    // Deleted, it is pinned no more; and cannot be again.
    ann.api.delete_message(chat, one, &ulid_key(0)).await?;
    assert_eq!(pinned(&bob, chat).await?, [(two, ann.id(), second.seq)]);
    for on in [true, false] {
        assert_eq!(bobs.pin(chat, &ulid_key(0), one, on).await?.expect_err("refused").code, ErrorCode::MessageGone);
    }
    // Hidden, it is pinned for others alone.
    ann.api.hide_message(chat, two).await?;
    assert_eq!((pinned(&ann, chat).await?.len(), pinned(&bob, chat).await?.len()), (0, 1));
    h.finish().await
}

#[tokio::test]
async fn the_sdk_pins_and_is_told() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let anns = Client::live(&h, 0, &ann.device).await?;
    let mut bobs = Client::live(&h, 1, &bob.device).await?;
    let sent = anns.sdk.send(chat, text("one")).await?.await?;
    let acked = anns.sdk.pin(chat, sent.message_id, true).await?.await?;
    loop {
        if let relay_client::Event::Happened(frame) = bobs.next().await?
            && let LogEvent::MessagePinned(pinned) = frame.event
        {
            assert_eq!((frame.seq, pinned.message_id, pinned.message_seq, pinned.on), (acked.seq, sent.message_id, sent.seq, true));
            break;
        }
    }
    let refused = anns.sdk.pin(chat, sent.message_id, true).await?.await;
    assert!(matches!(refused, Err(relay_client::SendError::Refused(error)) if error.code == ErrorCode::AlreadyPinned));
    h.finish().await
}

#[tokio::test]
async fn what_may_not_be_pinned_is_refused_with_its_code_and_leaves_nothing() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob, cid, eve) = (h.user("ann").await?, h.user("bob").await?, h.user("cid").await?, h.user("eve").await?);
    let dan = h.user("dan").await?;
    let chat = group(&ann, &[&bob, &dan]).await?;
    let elsewhere = group(&ann, &[&cid]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 1, &bob.device, None).await?;
    let mut cids = Socket::live(&h, 0, &cid.device, None).await?;
    let mut dans = Socket::live(&h, 0, &dan.device, None).await?;
    let mut eves = Socket::live(&h, 1, &eve.device, None).await?;
    let of_ann = anns.post(chat, &ulid_key(0), "canary of ann").await?.message_id;
    let gone = anns.post(chat, &ulid_key(0), "gone").await?.message_id;
    let foreign = anns.post(elsewhere, &ulid_key(0), "elsewhere").await?.message_id;
    let nothing = MessageId::new(SystemIds::default().next_ulid());
    ann.api.delete_message(chat, gone, &ulid_key(0)).await?;
    let_in(&ann, chat, &cid).await?;
    ann.api.set_role(chat, cid.id(), Role::Admin).await?;
    ann.api.remove_member(chat, bob.id()).await?;
    let end = log_end(&h).await?;
    for socket in [&mut anns, &mut cids, &mut dans] {
        socket.passed(end).await?;
    }
    let mut keys = Vec::new();
    for (user, message, code) in [
        (&ann, nothing, ErrorCode::UnknownMessage),
        (&ann, foreign, ErrorCode::UnknownMessage),
        (&ann, gone, ErrorCode::MessageGone),
        // Somebody who came later does not see what was before, whatever their role.
        (&cid, of_ann, ErrorCode::UnknownMessage),
        // A member of a group.
        (&dan, of_ann, ErrorCode::Forbidden),
        (&bob, of_ann, ErrorCode::NotMember),
        (&eve, of_ann, ErrorCode::NotMember),
    ] {
        let sockets = [&mut anns, &mut bobs, &mut cids, &mut dans, &mut eves];
        let socket = sockets.into_iter().find(|socket| socket.me == user.id()).expect("a socket");
        for on in [true, false] {
            let (over_socket, over_rest) = (ulid_key(0), ulid_key(0));
            assert_eq!(socket.pin(chat, &over_socket, message, on).await?.expect_err("refused").code, code);
            assert_eq!(code_of(user.api.pin_message(chat, message, &request(&over_rest, on)).await), code);
            keys.extend([over_socket, over_rest]);
        }
    }
    for fields in ["", r#","on":1"#, r#","on":"true""#] {
        let frame = format!(r#"{{"type":"pin_message","client_id":"bad","conversation_id":"{chat}","message_id":"{of_ann}"{fields}}}"#);
        assert_eq!(anns.error_to(&frame).await?.code, ErrorCode::MalformedFrame, "{frame}");
    }
    for key in keys {
        assert_eq!(logged(&h, &key).await?, 0);
    }
    assert_eq!(pinned(&ann, chat).await?, []);
    // What is pinned of before somebody came they are told of by its place alone, and the list does not have it.
    ann.api.pin_message(chat, of_ann, &request(&ulid_key(0), true)).await?;
    let end = log_end(&h).await?;
    cids.passed(end).await?;
    assert_eq!((pinned(&ann, chat).await?.len(), pinned(&dan, chat).await?.len(), pinned(&cid, chat).await?.len()), (1, 1, 0));
    for user in [&bob, &eve] {
        assert_eq!(code_of(user.api.pins(chat).await), ErrorCode::NotMember);
    }
    assert!(!cids.frames.iter().chain(&eves.frames).any(|frame| frame.encode().contains("canary of ann")), "nobody else saw it");
    h.finish().await
}

#[tokio::test]
async fn a_conversation_pins_fifty_and_no_more() -> TestResult {
    let h = Harness::builder().config("gateway", SETTINGS).start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = group(&ann, &[&bob]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut messages = Vec::new();
    for n in 0..=MOST {
        messages.push(anns.post_at_last(chat, &ulid_key(0), &format!("message {n}")).await?.message_id);
    }
    for message in &messages[..MOST] {
        anns.pin(chat, &ulid_key(0), *message, true).await?.expect("accepted");
    }
    let refused = anns.pin(chat, &ulid_key(0), messages[MOST], true).await?.expect_err("refused");
    assert_eq!((refused.code.known(), refused.retryable), (Some(ErrorCode::TooManyPins), false));
    assert_eq!(code_of(ann.api.pin_message(chat, messages[MOST], &request(&ulid_key(0), true)).await), ErrorCode::TooManyPins);
    assert_eq!(pinned(&bob, chat).await?.len(), MOST);
    anns.pin(chat, &ulid_key(0), messages[3], false).await?.expect("taken back");
    anns.pin(chat, &ulid_key(0), messages[MOST], true).await?.expect("there is room again");
    ann.api.delete_message(chat, messages[0], &ulid_key(0)).await?;
    persisted(&h).await?;
    anns.pin(chat, &ulid_key(0), messages[3], true).await?.expect("what is deleted has made room");
    let shown: Vec<MessageId> = pinned(&bob, chat).await?.into_iter().map(|(message, ..)| message).collect();
    assert_eq!((shown.len(), &shown[..2]), (MOST, &[messages[3], messages[MOST]][..]));
    h.finish().await
}

/// What a device that comes back to `from` is told of pins.
async fn replayed(
    h: &Harness,
    gateway: usize,
    who: &User,
    from: &Position,
    chained: bool,
) -> anyhow::Result<Vec<(Seq, UserId, MessageId, bool)>> {
    let again = Socket::live(h, gateway, &who.device, Some(from)).await?;
    if chained {
        holds(contiguous(again.me, &again.seen()));
    }
    Ok(again.pins())
}

#[tokio::test]
async fn pins_are_replayed_in_order_and_void_behind_a_removal() -> TestResult {
    let builder = Harness::builder().gateways(2).private_postgres().config("gateway", SETTINGS).config("worker", "audit_every_s = 1");
    let h = builder.expect_errors().start().await?;
    let (ann, bob, cid) = (h.user("ann").await?, h.user("bob").await?, h.user("cid").await?);
    let chat = group(&ann, &[&bob, &cid]).await?;
    ann.api.set_role(chat, bob.id(), Role::Admin).await?;
    durable_covers(&h, &cid, chat).await;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let position = Socket::live(&h, 0, &cid.device, None).await?.at();
    let kept = anns.post_at_last(chat, &ulid_key(0), "kept").await?;
    let of = MessageRef { message_id: kept.message_id, seq: kept.seq };
    let pin = bobs.pin(chat, &ulid_key(0), of.message_id, true).await?.expect("accepted");
    ann.api.remove_member(chat, bob.id()).await?;
    let void = LogEvent::MessagePinned(MessagePinned {
        event_id: ulid_key(0).as_str().parse().expect("a ULID"),
        actor_id: bob.id(),
        at_ms: 1,
        conversation_id: chat,
        client_id: ulid_key(0),
        message_id: of.message_id,
        message_seq: of.seq,
        on: false,
    });
    store(&h, chat, &void).await?;
    persisted(&h).await?;
    let expected = [(pin.seq, bob.id(), of.message_id, true)];
    assert_eq!(pinned(&cid, chat).await?, [(of.message_id, bob.id(), pin.seq)], "what he pinned stays, and he took nothing back");
    assert_eq!(replayed(&h, 0, &cid, &position, true).await?, expected, "from the ring");
    for n in 0..300 {
        anns.post_at_last(chat, &ulid_key(0), &format!("message {n}")).await?;
    }
    persisted(&h).await?;
    assert_eq!(replayed(&h, 1, &cid, &position, true).await?, expected, "from Postgres");
    h.postgres().stop().await;
    assert_eq!(replayed(&h, 1, &cid, &position, false).await?, expected, "from the log");
    // Who may pin cannot be asked: nothing is stored, and it may be tried again.
    let waiting = ulid_key(0);
    let refused = anns.pin(chat, &waiting, of.message_id, false).await?.expect_err("refused");
    assert_eq!((refused.code.known(), refused.retryable), (Some(ErrorCode::Unavailable), true));
    h.postgres().restart().await?;
    persisted(&h).await?;
    anns.pin(chat, &waiting, of.message_id, false).await?.expect("accepted");
    // The API finds its way back to Postgres by itself, a moment after the gateway.
    let left = wait_for("the API to answer", LATE, || async { pinned(&cid, chat).await.map_err(|error| error.to_string()) }).await;
    assert_eq!(left, []);
    assert!(h.relayctl(&["verify"]).await?.contains("the log and Postgres agree"));
    h.finish().await
}

//! Deleting for everyone, and hiding from oneself: what is gone is gone for those whom it concerns, and nothing else is.

use relay_harness::{Device, Harness, User};
use relay_protocol::conversation::Role;
use relay_protocol::frame::{ErrorFrame, MessageAck};
use relay_protocol::log::{LogEvent, MessageErased, MessageSent};
use relay_protocol::rest::{ConversationListItem, ConversationListQuery};
use relay_protocol::{DeleteMessage, ErrorCode, MessageBody, MessageRef, Position, ServerFrame, command};
use relay_types::{ClientId, ConversationId, IdGen as _, MessageId, Seq, SystemIds};

use super::checks::{contiguous, holds};
use super::edits::{edit_by, find, is_unheard, logged, store};
use super::outages::durable_covers;
use super::support::{Client, LATE, Socket, TestResult, code_of, direct, group, history, let_in, text, text_of, ulid_key};
use super::witness::{log, log_end, persisted};

/// A ring that does not reach back far.
const SETTINGS: &str = "ring_bytes = 65536\nmessages_per_s = 10000\nmessage_burst = 10000\nframes_per_s = 10000";

impl Socket {
    async fn delete(&mut self, chat: ConversationId, key: &ClientId, message: MessageId) -> anyhow::Result<Result<MessageAck, ErrorFrame>> {
        let delete = DeleteMessage { client_id: key.clone(), conversation_id: chat, message_id: message };
        self.say(&command::encode::delete_message(&delete), key, is_unheard).await
    }

    /// The deletions that came, in order.
    fn deletions(&self) -> Vec<(Seq, MessageErased)> {
        let erased = |frame: &ServerFrame| match frame.event()? {
            LogEvent::MessageErased(erased) => Some((frame.place()?.seq, erased.clone())),
            _ => None,
        };
        self.frames.iter().filter_map(erased).collect()
    }

    /// What this device was told to hide, in order.
    fn hidden(&self) -> Vec<MessageId> {
        let hidden = |frame: &ServerFrame| match frame.event()? {
            LogEvent::MessageHidden(hidden) => Some(hidden.message_id),
            _ => None,
        };
        self.frames.iter().filter_map(hidden).collect()
    }
}

async fn row(user: &User, chat: ConversationId) -> anyhow::Result<ConversationListItem> {
    let list = user.api.list_conversations(&ConversationListQuery::default()).await?.conversations;
    Ok(list.into_iter().find(|row| row.conversation_id == chat).expect("it is listed"))
}

#[tokio::test]
async fn a_deletion_reaches_every_device_history_list_and_both_doors_once() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let phone = ann.log_in("phone").await?;
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut phones = Socket::live(&h, 1, &phone, None).await?;
    let mut bobs = Socket::live(&h, 1, &bob.device, None).await?;
    let first = anns.post(chat, &ulid_key(0), "canary one").await?;
    let second = anns.post(chat, &ulid_key(0), "canary two").await?;
    let edit = anns.edit(chat, &ulid_key(0), second.message_id, "canary three").await?.expect("accepted");
    let reply = bobs.reply(chat, &ulid_key(0), second.message_id, "to that").await?.expect("accepted");

    // The same key is the same deletion, at either door. Another key finds nothing to delete.
    let (key, over_rest) = (ulid_key(0), ulid_key(0));
    let ack = anns.delete(chat, &key, second.message_id).await?.expect("accepted");
    assert_eq!(anns.delete(chat, &key, second.message_id).await?.expect("the original ack"), ack);
    assert_eq!(ann.api.delete_message(chat, second.message_id, &key).await?, ack);
    assert!(ack.seq > reply.seq && logged(&h, &key).await? == 1);
    assert_eq!(anns.delete(chat, &ulid_key(0), second.message_id).await?.expect_err("refused").code, ErrorCode::MessageGone);
    let other = ann.api.delete_message(chat, first.message_id, &over_rest).await?;
    assert_eq!(anns.delete(chat, &over_rest, first.message_id).await?.expect("the original ack"), other);
    assert_eq!(code_of(ann.api.delete_message(chat, first.message_id, &ulid_key(0)).await), ErrorCode::MessageGone);

    let end = log_end(&h).await?;
    for socket in [&mut anns, &mut phones, &mut bobs] {
        socket.passed(end).await?;
        let told: Vec<_> = socket.deletions().into_iter().map(|(seq, told)| (seq, told.message_seq, told.actor_id)).collect();
        assert_eq!(told, [(ack.seq, second.seq, Some(ann.id())), (other.seq, first.seq, Some(ann.id()))]);
        holds(contiguous(socket.me, &socket.seen()));
    }
    // Nothing is left of it, in any place that people read, and nobody refers to it any more.
    for user in [&ann, &bob] {
        let page = history(&user.api, chat).await?;
        let bodies: Vec<_> = page.iter().map(|message| (message.seq, text_of(message))).collect();
        assert_eq!(bodies, [(first.seq, ""), (second.seq, ""), (reply.seq, "to that")]);
        assert_eq!(page[2].reply_to, Some(MessageRef { message_id: second.message_id, seq: second.seq }), "it refers, and copies nothing");
        assert_eq!(user.api.message(chat, second.message_id).await?.body, MessageBody::Erased);
        assert!(user.api.revisions(chat, second.message_id).await?.revisions.is_empty());
    }
    assert_eq!(anns.edit(chat, &ulid_key(0), second.message_id, "back").await?.expect_err("refused").code, ErrorCode::MessageGone);
    assert_eq!(bobs.reply(chat, &ulid_key(0), second.message_id, "back").await?.expect_err("refused").code, ErrorCode::MessageGone);
    // Nor does it count as unread, or show in the list.
    bobs.delete(chat, &ulid_key(0), reply.message_id).await?.expect("accepted");
    persisted(&h).await?;
    let anns_row = row(&ann, chat).await?;
    assert_eq!((anns_row.unread_count, anns_row.last_message.map(|last| last.body)), (0, Some(MessageBody::Erased)));
    relay_harness::wait_for("the log to have neither messages nor versions", LATE, || async {
        let gone = [first.seq, second.seq, edit.seq, reply.seq];
        let left: Vec<Seq> = log(&h, 0).await.expect("the log").iter().map(|(seq, _)| *seq).filter(|seq| gone.contains(seq)).collect();
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
    h.finish().await
}

#[tokio::test]
async fn the_sdk_deletes_and_that_is_acknowledged() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let anns = Client::live(&h, 0, &ann.device).await?;
    let mut bobs = Client::live(&h, 1, &bob.device).await?;
    let sent = anns.sdk.send(chat, text("one")).await?.await?;
    let deleted = anns.sdk.delete(chat, sent.message_id).await?.await?;
    loop {
        if let relay_client::Event::Happened(frame) = bobs.next().await?
            && let LogEvent::MessageErased(erased) = frame.event
        {
            assert_eq!((frame.seq, erased.message_id, erased.actor_id), (deleted.seq, sent.message_id, Some(ann.id())));
            break;
        }
    }
    let refused = bobs.sdk.delete(chat, MessageId::new(SystemIds::default().next_ulid())).await?.await;
    assert!(matches!(refused, Err(relay_client::SendError::Refused(error)) if error.code == ErrorCode::UnknownMessage));
    h.finish().await
}

#[tokio::test]
async fn who_may_delete_what_is_decided_by_sender_and_role_and_refusals_leave_nothing() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob, cid) = (h.user("ann").await?, h.user("bob").await?, h.user("cid").await?);
    let (dan, eve, fay) = (h.user("dan").await?, h.user("eve").await?, h.user("fay").await?);
    let chat = group(&ann, &[&bob, &cid, &dan]).await?;
    let pair = direct(&ann, &bob).await?;
    let elsewhere = group(&ann, &[&fay]).await?;
    ann.api.set_role(chat, bob.id(), Role::Admin).await?;
    let mut sockets = Vec::new();
    for (user, gateway) in [(&ann, 0), (&bob, 1), (&cid, 0), (&dan, 1), (&eve, 0), (&fay, 1)] {
        sockets.push(Socket::live(&h, gateway, &user.device, None).await?);
    }
    let [anns, bobs, cids, dans, ..] = sockets.as_mut_slice() else { panic!("six") };
    let of_ann = anns.post(chat, &ulid_key(0), "canary of ann").await?.message_id;
    let of_bob = bobs.post(chat, &ulid_key(0), "canary of bob").await?.message_id;
    let of_cid = cids.post(chat, &ulid_key(0), "canary of cid").await?.message_id;
    let of_dan = dans.post(chat, &ulid_key(0), "canary of dan").await?.message_id;
    let of_pair = anns.post(pair, &ulid_key(0), "canary of the pair").await?.message_id;
    let foreign = anns.post(elsewhere, &ulid_key(0), "elsewhere").await?.message_id;
    let old = MessageSent {
        message_id: MessageId::new(SystemIds::default().next_ulid()),
        actor_id: ann.id(),
        at_ms: 0,
        conversation_id: chat,
        client_id: ulid_key(0),
        body: text("long ago"),
        reply_to: None,
        thread: None,
    };
    let old_id = old.message_id;
    store(&h, chat, &LogEvent::MessageSent(old)).await?;
    // Somebody who came later does not see what was before; somebody who left sees nothing.
    let_in(&ann, chat, &fay).await?;
    ann.api.remove_member(chat, dan.id()).await?;
    let end = log_end(&h).await?;
    for still_in in [0, 1, 2, 5] {
        sockets[still_in].passed(end).await?;
    }
    persisted(&h).await?;
    let nothing = MessageId::new(SystemIds::default().next_ulid());
    let mut keys = Vec::new();
    for (user, conversation, message, code) in [
        (&cid, chat, of_ann, ErrorCode::Forbidden),
        (&cid, chat, of_dan, ErrorCode::Forbidden),
        (&bob, chat, of_ann, ErrorCode::Forbidden),
        (&bob, pair, of_pair, ErrorCode::NotSender),
        (&ann, chat, old_id, ErrorCode::DeleteTooLate),
        (&ann, chat, nothing, ErrorCode::UnknownMessage),
        (&ann, chat, foreign, ErrorCode::UnknownMessage),
        (&fay, chat, of_ann, ErrorCode::UnknownMessage),
        (&dan, chat, of_dan, ErrorCode::NotMember),
        (&eve, chat, of_ann, ErrorCode::NotMember),
        (&eve, pair, of_pair, ErrorCode::NotMember),
    ] {
        let (over_socket, over_rest) = (ulid_key(0), ulid_key(0));
        let socket = sockets.iter_mut().find(|socket| socket.me == user.id()).expect("a socket");
        let refused = socket.delete(conversation, &over_socket, message).await?.expect_err("refused");
        assert_eq!(refused.code, code, "{} over a socket", user.id());
        assert_eq!(code_of(user.api.delete_message(conversation, message, &over_rest).await), code, "{} over REST", user.id());
        keys.extend([over_socket, over_rest]);
        if ![ErrorCode::Forbidden, ErrorCode::NotSender, ErrorCode::DeleteTooLate].contains(&code) {
            assert_eq!(code_of(user.api.hide_message(conversation, message).await), code, "{} hides", user.id());
        }
    }
    let [anns, bobs, _, _, eves, fays] = sockets.as_mut_slice() else { panic!("six") };
    // Bad input.
    for (message, code) in [(r#","message_id":">""#, ErrorCode::BadId), ("", ErrorCode::MalformedFrame)] {
        let frame = format!(r#"{{"type":"delete_message","client_id":"bad","conversation_id":"{chat}"{message}}}"#);
        assert_eq!(anns.error_to(&frame).await?.code, code, "{frame}");
    }
    for key in keys {
        assert_eq!(logged(&h, &key).await?, 0);
    }
    for message in [of_ann, of_bob, of_cid, of_dan] {
        assert!(find(&ann, chat, message).await?.body.text().is_some(), "as it was");
    }
    // An admin deletes what members wrote, also those who are gone; the owner what admins wrote.
    bobs.delete(chat, &ulid_key(0), of_cid).await?.expect("accepted");
    bob.api.delete_message(chat, of_dan, &ulid_key(0)).await?;
    let told = bobs.deletions();
    assert_eq!(told.iter().map(|(_, told)| (told.sender_id, told.actor_id)).next(), Some((cid.id(), Some(bob.id()))));
    ann.api.delete_message(chat, of_bob, &ulid_key(0)).await?;
    for message in [of_bob, of_cid, of_dan] {
        assert_eq!(find(&cid, chat, message).await?.body, MessageBody::Erased);
    }
    assert!(!fays.frames.iter().chain(&eves.frames).any(|frame| frame.encode().contains("canary")), "nobody else saw it");
    h.finish().await
}

/// What a device that comes back to `from` is told.
async fn replayed(h: &Harness, gateway: usize, device: &Device, from: &Position) -> anyhow::Result<Socket> {
    Socket::live(h, gateway, device, Some(from)).await
}

#[tokio::test]
async fn deletions_are_replayed_void_behind_a_removal_and_final_against_late_edits() -> TestResult {
    let builder = Harness::builder().gateways(2).private_postgres().config("gateway", SETTINGS).config("worker", "audit_every_s = 1");
    let h = builder.expect_errors().start().await?;
    let (ann, bob, cid) = (h.user("ann").await?, h.user("bob").await?, h.user("cid").await?);
    let chat = group(&ann, &[&bob, &cid]).await?;
    durable_covers(&h, &cid, chat).await;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let position = Socket::live(&h, 0, &cid.device, None).await?.at();
    let secret = anns.post_at_last(chat, &ulid_key(0), "secret").await?;
    let edit = anns.edit(chat, &ulid_key(0), secret.message_id, "secret canary").await?.expect("accepted");
    let bobs_own = bobs.post(chat, &ulid_key(0), "of bob").await?;
    let deletion = anns.delete(chat, &ulid_key(0), secret.message_id).await?.expect("accepted");
    // On its way when the message was deleted, and behind its author's removal.
    let of = MessageRef { message_id: secret.message_id, seq: secret.seq };
    let late = store(&h, chat, &edit_by(&ann, chat, of, "late canary")).await?;
    ann.api.remove_member(chat, bob.id()).await?;
    let void = MessageErased {
        event_id: ulid_key(0).as_str().parse().expect("a ULID"),
        actor_id: Some(bob.id()),
        actor_client_id: Some(ulid_key(0)),
        at_ms: 1,
        conversation_id: chat,
        message_id: bobs_own.message_id,
        message_seq: bobs_own.seq,
        message_prev: None,
        sender_id: bob.id(),
        client_id: bobs_own.client_id.clone(),
        sent_at_ms: bobs_own.sent_at_ms,
        stored_at_ms: bobs_own.sent_at_ms,
        thread: None,
    };
    let void = store(&h, chat, &LogEvent::MessageErased(void)).await?;
    persisted(&h).await?;
    assert_eq!(text_of(&find(&ann, chat, bobs_own.message_id).await?), "of bob", "{void} is void");
    assert_eq!(find(&ann, chat, secret.message_id).await?.body, MessageBody::Erased);
    let check = |again: &Socket, whence: &str| {
        let places: Vec<Seq> = again.deletions().into_iter().map(|(seq, _)| seq).collect();
        assert_eq!(places, [deletion.seq], "{whence}");
        let all: String = again.frames.iter().map(ServerFrame::encode).collect();
        assert!(!all.contains("canary") && !all.contains("\"secret\"") && all.contains("of bob"), "{whence}: {all}");
    };
    let again = replayed(&h, 0, &cid.device, &position).await?;
    holds(contiguous(again.me, &again.seen()));
    check(&again, "from the ring");
    anns.post_at_last(chat, &ulid_key(0), "the last").await?;
    relay_harness::wait_for("the log to have neither the message nor its edits", LATE, || async {
        let log = log(&h, 0).await.expect("the log");
        let left: Vec<Seq> = log.iter().map(|(seq, _)| *seq).filter(|seq| [secret.seq, edit.seq, late].contains(seq)).collect();
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
    assert!(h.relayctl(&["verify"]).await?.contains("the log and Postgres agree"));
    for n in 0..300 {
        anns.post_at_last(chat, &ulid_key(0), &format!("message {n}")).await?;
    }
    persisted(&h).await?;
    let again = replayed(&h, 1, &cid.device, &position).await?;
    holds(contiguous(again.me, &again.seen()));
    check(&again, "from Postgres");
    h.postgres().stop().await;
    check(&replayed(&h, 1, &cid.device, &position).await?, "from the log");
    // What a gateway remembers can be deleted by its sender without Postgres; for another's, roles have to be asked for.
    let remembered = anns.post_at_last(chat, &ulid_key(0), "remembered").await?;
    let mut cids = Socket::live(&h, 0, &cid.device, None).await?;
    let refused = cids.delete(chat, &ulid_key(0), remembered.message_id).await?.expect_err("refused");
    assert_eq!((refused.code.known(), refused.retryable), (Some(ErrorCode::Unavailable), true));
    anns.delete(chat, &ulid_key(0), remembered.message_id).await?.expect("accepted");
    h.postgres().restart().await?;
    persisted(&h).await?;
    assert!(h.relayctl(&["verify"]).await?.contains("the log and Postgres agree"));
    h.finish().await
}

#[tokio::test]
async fn whoever_deletes_too_much_waits() -> TestResult {
    let settings = "quota = { deletions_burst = 2, deletions_per_hour = 1 }";
    let h = Harness::builder().config("gateway", settings).start().await?;
    let ann = h.user("ann").await?;
    let chat = group(&ann, &[]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut sent = Vec::new();
    for n in 0..3 {
        sent.push(anns.post(chat, &ulid_key(0), &format!("message {n}")).await?.message_id);
    }
    let [one, two, three] = sent.as_slice() else { panic!("three") };
    let key = ulid_key(0);
    anns.delete(chat, &key, *one).await?.expect("accepted");
    anns.delete(chat, &key, *one).await?.expect("a retry takes nothing");
    anns.delete(chat, &ulid_key(0), *two).await?.expect("accepted");
    let refused = anns.delete(chat, &ulid_key(0), *three).await?.expect_err("refused");
    assert_eq!((refused.code.known(), refused.retryable), (Some(ErrorCode::QuotaExceeded), true));
    assert!(refused.retry_after_ms.is_some_and(|wait| wait > 1_000_000), "{refused:?}");
    h.finish().await
}

#[tokio::test]
async fn what_one_hides_is_gone_on_all_of_ones_devices_and_nowhere_else() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let phone = bob.log_in("phone").await?;
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let mut phones = Socket::live(&h, 1, &phone, None).await?;
    let before = phones.at();
    let mut sent = Vec::new();
    for n in 0..4 {
        sent.push(anns.post(chat, &ulid_key(0), &format!("message {n}")).await?);
    }
    for ack in &sent[2..] {
        bob.api.hide_message(chat, ack.message_id).await?;
        bob.api.hide_message(chat, ack.message_id).await?;
    }
    let hidden: Vec<MessageId> = sent[2..].iter().map(|ack| ack.message_id).collect();
    let wish = |frame: &ServerFrame| match frame.event()? {
        LogEvent::MessageHidden(told) if told.message_id == hidden[1] => Some(told.message_seq),
        _ => None,
    };
    for socket in [&mut bobs, &mut phones] {
        assert_eq!(socket.until("the second one to be hidden", wish).await?, sent[3].seq);
        assert_eq!(socket.hidden(), hidden, "once each, in order");
    }
    let again = Socket::live(&h, 1, &phone, Some(&before)).await?;
    assert_eq!(again.hidden(), hidden, "and when one comes back");
    let shown = |messages: Vec<relay_protocol::Message>| messages.iter().map(|message| text_of(message).to_owned()).collect::<Vec<_>>();
    assert_eq!(shown(history(&bob.api, chat).await?), ["message 0", "message 1"]);
    assert_eq!(shown(history(&ann.api, chat).await?), ["message 0", "message 1", "message 2", "message 3"]);
    assert_eq!(code_of(bob.api.message(chat, hidden[0]).await), ErrorCode::UnknownMessage);
    assert_eq!(code_of(bob.api.revisions(chat, hidden[0]).await), ErrorCode::UnknownMessage);
    persisted(&h).await?;
    let (bobs_row, anns_row) = (row(&bob, chat).await?, row(&ann, chat).await?);
    assert_eq!((bobs_row.unread_count, bobs_row.last_message.as_ref().map(text_of)), (2, Some("message 1")));
    assert_eq!(anns_row.last_message.as_ref().map(text_of), Some("message 3"));
    // All of it.
    for ack in &sent[..2] {
        bob.api.hide_message(chat, ack.message_id).await?;
    }
    let bobs_row = row(&bob, chat).await?;
    assert_eq!((bobs_row.unread_count, bobs_row.last_message), (0, None));
    anns.passed(log_end(&h).await?).await?;
    assert!(anns.hidden().is_empty(), "it is nobody else's");
    h.finish().await
}

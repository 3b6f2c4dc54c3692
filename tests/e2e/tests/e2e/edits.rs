//! Replies and edits: what is said of an earlier message reaches whoever has it, in order and once, and nobody else.

use relay_harness::{Harness, User};
use relay_protocol::frame::{ErrorFrame, MessageAck};
use relay_protocol::log::{LogEvent, MessageEdited, MessageSent};
use relay_protocol::rest::{ConversationListQuery, PostMessageRequest};
use relay_protocol::{EditMessage, ErrorCode, Message, MessageBody, MessageRef, Position, SendMessage, ServerFrame, command};
use relay_subjects::LogSubject;
use relay_types::{ClientId, ConversationId, IdGen as _, MessageId, Seq, ShardId, SystemIds};

use super::checks::{contiguous, holds};
use super::outages::durable_covers;
use super::support::{Client, Socket, TestResult, code_of, direct, group, history, let_in, text, text_of, ulid_key};
use super::witness::{log, log_end, persisted};

/// A ring that does not reach back far.
const SETTINGS: &str = "ring_bytes = 65536\nmessages_per_s = 10000\nmessage_burst = 10000\nframes_per_s = 10000\nedits_per_message = 2";

impl Socket {
    pub async fn reply(
        &mut self,
        chat: ConversationId,
        key: &ClientId,
        to: MessageId,
        body: &str,
    ) -> anyhow::Result<Result<MessageAck, ErrorFrame>> {
        let send = SendMessage { client_id: key.clone(), conversation_id: chat, body: text(body), reply_to: Some(to), thread: None };
        self.say(&command::encode::send_message(&send), key, is_unheard).await
    }

    pub async fn edit(
        &mut self,
        chat: ConversationId,
        key: &ClientId,
        message: MessageId,
        body: &str,
    ) -> anyhow::Result<Result<MessageAck, ErrorFrame>> {
        let edit = EditMessage { client_id: key.clone(), conversation_id: chat, message_id: message, body: text(body) };
        self.say(&command::encode::edit_message(&edit), key, is_unheard).await
    }

    /// The edits that came, in order.
    fn edits(&self) -> Vec<(Seq, MessageEdited)> {
        let edit = |frame: &ServerFrame| match frame.event()? {
            LogEvent::MessageEdited(edited) => Some((frame.place()?.seq, edited.clone())),
            _ => None,
        };
        self.frames.iter().filter_map(edit).collect()
    }
}

/// The server does not know yet that the refusal before it was heard.
pub fn is_unheard(error: &ErrorFrame) -> bool {
    error.message.contains("refused for good")
}

fn body_of(message: &MessageBody) -> &str {
    message.text().map_or("erased", |text| text.as_str())
}

/// The edits in the log, by key.
pub async fn logged(h: &Harness, key: &ClientId) -> anyhow::Result<usize> {
    let ours = |event: &LogEvent| event.published().is_some_and(|published| published.client_id == key);
    Ok(log(h, 0).await?.iter().filter(|(_, event)| ours(event)).count())
}

pub async fn find(user: &User, chat: ConversationId, id: MessageId) -> anyhow::Result<Message> {
    Ok(history(&user.api, chat).await?.into_iter().find(|message| message.message_id == id).expect("it is there"))
}

#[tokio::test]
async fn replies_and_edits_reach_every_device_history_list_and_both_doors_once() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let phone = ann.log_in("phone").await?;
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut phones = Socket::live(&h, 1, &phone, None).await?;
    let mut bobs = Socket::live(&h, 1, &bob.device, None).await?;
    let hello = anns.post(chat, &ulid_key(0), "hello").await?;
    bobs.message("hello").await?;

    // Answered over a socket and over REST: a reference, and no copy.
    let of = MessageRef { message_id: hello.message_id, seq: hello.seq };
    let reply = bobs.reply(chat, &ulid_key(0), hello.message_id, "to you, too").await?.expect("accepted");
    let over_rest = PostMessageRequest {
        client_id: ulid_key(0),
        conversation_id: chat,
        body: text("and again"),
        reply_to: Some(hello.message_id),
        thread: None,
    };
    bob.api.post(&over_rest).await?;
    for socket in [&mut anns, &mut phones, &mut bobs] {
        for said in ["to you, too", "and again"] {
            assert_eq!(socket.message_or_seen(said).await?.reply_to, Some(of), "{said}");
        }
    }

    // Edited over a socket. The same key is the same edit, at either door.
    let key = ulid_key(0);
    let ack = anns.edit(chat, &key, hello.message_id, "hello, Bob").await?.expect("accepted");
    assert_eq!(anns.edit(chat, &key, hello.message_id, "another text").await?.expect("the original ack"), ack);
    assert_eq!(ann.api.edit_message(chat, hello.message_id, &key, &text("another text")).await?, ack);
    let again = ann.api.edit_message(chat, hello.message_id, &ulid_key(0), &text("hello, dear Bob")).await?;
    assert!(again.seq > ack.seq && logged(&h, &key).await? == 1);
    let end = log_end(&h).await?;
    for socket in [&mut anns, &mut phones, &mut bobs] {
        socket.passed(end).await?;
        let edits = socket.edits();
        let told: Vec<_> = edits.iter().map(|(seq, edit)| (*seq, body_of(&edit.body), edit.message_id, edit.message_seq)).collect();
        assert_eq!(told, [(ack.seq, "hello, Bob", of.message_id, of.seq), (again.seq, "hello, dear Bob", of.message_id, of.seq)]);
        holds(contiguous(socket.me, &socket.seen()));
    }

    // What is read is what it says now.
    for user in [&ann, &bob] {
        let message = find(user, chat, hello.message_id).await?;
        let alone = user.api.message(chat, hello.message_id).await?;
        assert_eq!(message, alone);
        assert_eq!(
            (text_of(&message), message.edited_seq, message.edited_at_ms),
            ("hello, dear Bob", Some(again.seq), Some(again.sent_at_ms))
        );
        let revisions = user.api.revisions(chat, hello.message_id).await?.revisions;
        let said: Vec<_> = revisions.iter().map(|revision| (revision.seq, body_of(&revision.body))).collect();
        assert_eq!(said, [(hello.seq, "hello"), (ack.seq, "hello, Bob"), (again.seq, "hello, dear Bob")]);
        assert_eq!(user.api.revisions(chat, reply.message_id).await?.revisions.len(), 1, "as it was sent");
        assert_eq!(find(user, chat, reply.message_id).await?.reply_to, Some(of));
    }
    let last = bobs.edit(chat, &ulid_key(0), bob.api.post(&over_rest).await?.message_id, "and once more").await?.expect("accepted");
    persisted(&h).await?;
    let list = ann.api.list_conversations(&ConversationListQuery::default()).await?.conversations;
    let preview = list.iter().find(|row| row.conversation_id == chat).and_then(|row| row.last_message.clone()).expect("a preview");
    assert_eq!((text_of(&preview), preview.edited_seq, preview.reply_to), ("and once more", Some(last.seq), Some(of)));
    h.finish().await
}

#[tokio::test]
async fn the_sdk_answers_and_edits_and_both_are_acknowledged() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let anns = Client::live(&h, 0, &ann.device).await?;
    let mut bobs = Client::live(&h, 1, &bob.device).await?;
    let first = anns.sdk.send(chat, text("one")).await?.await?;
    let reply = anns.sdk.reply(chat, first.message_id, text("two")).await?.await?;
    let edit = anns.sdk.edit(chat, first.message_id, text("one!")).await?.await?;
    assert!(first.seq < reply.seq && reply.seq < edit.seq);
    loop {
        if let relay_client::Event::Happened(frame) = bobs.next().await?
            && let LogEvent::MessageEdited(edited) = frame.event
        {
            assert_eq!((frame.seq, edited.message_id, body_of(&edited.body)), (edit.seq, first.message_id, "one!"));
            break;
        }
    }
    let refused = anns.sdk.edit(chat, MessageId::new(SystemIds::default().next_ulid()), text("nothing")).await?.await;
    assert!(matches!(refused, Err(relay_client::SendError::Refused(error)) if error.code == ErrorCode::UnknownMessage));
    h.finish().await
}

#[tokio::test]
async fn what_may_not_be_answered_or_edited_is_refused_with_its_code_and_leaves_nothing() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob, cid, eve) = (h.user("ann").await?, h.user("bob").await?, h.user("cid").await?, h.user("eve").await?);
    let chat = group(&ann, &[&bob]).await?;
    let elsewhere = group(&ann, &[&cid]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 1, &bob.device, None).await?;
    let mut cids = Socket::live(&h, 0, &cid.device, None).await?;
    let mut eves = Socket::live(&h, 0, &eve.device, None).await?;
    let anns_message = anns.post(chat, &ulid_key(0), "canary of ann").await?.message_id;
    let bobs_message = bobs.post(chat, &ulid_key(0), "of bob").await?.message_id;
    let foreign = anns.post(elsewhere, &ulid_key(0), "elsewhere").await?.message_id;
    let nothing = MessageId::new(SystemIds::default().next_ulid());
    // Somebody who came later does not see what was before.
    let_in(&ann, chat, &cid).await?;
    cids.passed(log_end(&h).await?).await?;
    persisted(&h).await?;

    // Over sockets, from what the gateway remembers and from Postgres alike; over REST.
    let who = [
        (&ann, bobs_message, ErrorCode::NotSender),
        (&ann, foreign, ErrorCode::UnknownMessage),
        (&ann, nothing, ErrorCode::UnknownMessage),
        (&cid, anns_message, ErrorCode::UnknownMessage),
        (&eve, anns_message, ErrorCode::NotMember),
    ];
    let mut keys = Vec::new();
    for (user, message, code) in who {
        let socket = [&mut anns, &mut cids, &mut eves].into_iter().find(|socket| socket.me == user.id()).expect("a socket");
        let (over_socket, over_rest) = (ulid_key(0), ulid_key(0));
        assert_eq!(socket.edit(chat, &over_socket, message, "x").await?.expect_err("refused").code, code);
        assert_eq!(code_of(user.api.edit_message(chat, message, &over_rest, &text("x")).await), code);
        keys.extend([over_socket, over_rest]);
        if code != ErrorCode::NotSender {
            let (over_socket, over_rest) = (ulid_key(0), ulid_key(0));
            assert_eq!(socket.reply(chat, &over_socket, message, "x").await?.expect_err("refused").code, code);
            let post = PostMessageRequest {
                client_id: over_rest.clone(),
                conversation_id: chat,
                body: text("x"),
                reply_to: Some(message),
                thread: None,
            };
            assert_eq!(code_of(user.api.post(&post).await), code);
            assert_eq!(code_of(user.api.message(chat, message).await), code);
            assert_eq!(code_of(user.api.revisions(chat, message).await), code);
            keys.extend([over_socket, over_rest]);
        }
    }
    // Whoever left may not.
    ann.api.remove_member(chat, bob.id()).await?;
    let key = ulid_key(0);
    assert_eq!(bobs.edit(chat, &key, bobs_message, "x").await?.expect_err("refused").code, ErrorCode::NotMember);
    assert_eq!(code_of(bob.api.edit_message(chat, bobs_message, &key, &text("x")).await), ErrorCode::NotMember);
    assert_eq!(code_of(bob.api.message(chat, bobs_message).await), ErrorCode::NotMember);
    keys.push(key);
    // Bad input.
    let id = anns_message.to_string();
    for (message, body, code) in [
        (">", r#"{"type":"text","text":"x"}"#, ErrorCode::BadId),
        (id.as_str(), r#"{"type":"text","text":" "}"#, ErrorCode::EmptyMessage),
        (id.as_str(), r#"{"type":"erased"}"#, ErrorCode::UnsupportedBody),
    ] {
        let frame =
            format!(r#"{{"type":"edit_message","client_id":"bad","conversation_id":"{chat}","message_id":"{message}","body":{body}}}"#);
        assert_eq!(anns.error_to(&frame).await?.code, code, "{frame}");
    }
    for key in keys {
        assert_eq!(logged(&h, &key).await?, 0);
    }
    assert!(!cids.frames.iter().chain(&eves.frames).any(|frame| frame.encode().contains("canary of ann")), "nobody else saw it");
    h.finish().await
}

/// Stores an event as another gateway would.
pub async fn store(h: &Harness, chat: ConversationId, event: &LogEvent) -> anyhow::Result<Seq> {
    let jetstream = async_nats::jetstream::new(h.nats_client().await?);
    let subject = LogSubject::Conversation(ShardId(0), chat).to_string();
    Ok(Seq(jetstream.publish(subject, serde_json::to_vec(event)?.into()).await?.await?.sequence))
}

pub fn edit_by(who: &User, chat: ConversationId, of: MessageRef, body: &str) -> LogEvent {
    LogEvent::MessageEdited(MessageEdited {
        event_id: ulid_key(0).as_str().parse().expect("a ULID"),
        actor_id: who.id(),
        at_ms: 1,
        conversation_id: chat,
        client_id: ulid_key(0),
        message_id: of.message_id,
        message_seq: of.seq,
        body: text(body),
    })
}

/// What a device that comes back to `from` is told of edits.
async fn replayed(h: &Harness, gateway: usize, who: &User, from: &Position, chained: bool) -> anyhow::Result<Vec<(Seq, String)>> {
    let again = Socket::live(h, gateway, &who.device, Some(from)).await?;
    if chained {
        holds(contiguous(again.me, &again.seen()));
    }
    Ok(again.edits().into_iter().map(|(seq, edit)| (seq, body_of(&edit.body).to_owned())).collect())
}

#[tokio::test]
async fn edits_are_replayed_in_order_void_behind_a_removal_and_gone_with_their_message() -> TestResult {
    let builder = Harness::builder().gateways(2).private_postgres().config("gateway", SETTINGS).config("worker", "audit_every_s = 1");
    let builder = builder.config("api", "edits_per_message = 2");
    let h = builder.expect_errors().start().await?;
    let (ann, bob, cid) = (h.user("ann").await?, h.user("bob").await?, h.user("cid").await?);
    let chat = group(&ann, &[&bob, &cid]).await?;
    durable_covers(&h, &cid, chat).await;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let position = Socket::live(&h, 0, &cid.device, None).await?.at();

    // Too old: a day has passed since 1970.
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
    let end = store(&h, chat, &LogEvent::MessageSent(old)).await?;
    anns.passed(end).await?;
    assert_eq!(anns.edit(chat, &ulid_key(0), old_id, "x").await?.expect_err("refused").code, ErrorCode::EditTooLate);
    assert_eq!(code_of(ann.api.edit_message(chat, old_id, &ulid_key(0), &text("x")).await), ErrorCode::EditTooLate);

    let kept = anns.post_at_last(chat, &ulid_key(0), "kept").await?;
    let secret = anns.post(chat, &ulid_key(0), "secret").await?;
    let bobs_own = bobs.post(chat, &ulid_key(0), "of bob").await?;
    let kept_edit = anns.edit(chat, &ulid_key(0), kept.message_id, "kept on").await?.expect("accepted");
    let secret_edit = anns.edit(chat, &ulid_key(0), secret.message_id, "secret canary").await?.expect("accepted");
    // Not the sender's, and behind the sender's removal: neither changes anything, and the second is there for nobody.
    let by_another = store(&h, chat, &edit_by(&bob, chat, MessageRef { message_id: kept.message_id, seq: kept.seq }, "forged")).await?;
    ann.api.remove_member(chat, bob.id()).await?;
    let void = store(&h, chat, &edit_by(&bob, chat, MessageRef { message_id: bobs_own.message_id, seq: bobs_own.seq }, "void")).await?;
    persisted(&h).await?;
    assert_eq!(text_of(&find(&ann, chat, kept.message_id).await?), "kept on");
    assert_eq!(text_of(&find(&ann, chat, bobs_own.message_id).await?), "of bob");
    let before = [(kept_edit.seq, "kept on".to_owned()), (secret_edit.seq, "secret canary".to_owned()), (by_another, "forged".to_owned())];
    assert_eq!(replayed(&h, 0, &cid, &position, true).await?, before, "from the ring; {void} is void");
    assert!(h.relayctl(&["verify"]).await?.contains("the log and Postgres agree"));

    // Erased with all its versions, wherever they are; and an edit that was on its way says nothing.
    h.relayctl(&["erase", "message", &chat.to_string(), &secret.message_id.to_string()]).await?;
    let late = store(&h, chat, &edit_by(&ann, chat, MessageRef { message_id: secret.message_id, seq: secret.seq }, "late canary")).await?;
    persisted(&h).await?;
    assert_eq!(anns.edit(chat, &ulid_key(0), secret.message_id, "x").await?.expect_err("refused").code, ErrorCode::MessageGone);
    assert_eq!(anns.reply(chat, &ulid_key(0), secret.message_id, "x").await?.expect_err("refused").code, ErrorCode::MessageGone);
    assert_eq!(find(&ann, chat, secret.message_id).await?.body, MessageBody::Erased);
    assert!(ann.api.revisions(chat, secret.message_id).await?.revisions.is_empty());
    let after = [(kept_edit.seq, "kept on"), (secret_edit.seq, "erased"), (by_another, "forged"), (late, "erased")];
    let after = after.map(|(seq, body)| (seq, body.to_owned()));
    assert_eq!(replayed(&h, 0, &cid, &position, true).await?, after, "from the ring");
    // The log is read up to its last message, which must not be a hole.
    anns.post_at_last(chat, &ulid_key(0), "the last").await?;
    relay_harness::wait_for("the log to have neither the message nor its edits", super::support::LATE, || async {
        let log = log(&h, 0).await.expect("the log");
        let left: Vec<Seq> = log.iter().map(|(seq, _)| *seq).filter(|seq| [secret.seq, secret_edit.seq, late].contains(seq)).collect();
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
    assert!(h.relayctl(&["verify"]).await?.contains("the log and Postgres agree"));

    // From Postgres, once the ring has moved on; then from the log itself, which has holes there by now.
    for n in 0..300 {
        anns.post_at_last(chat, &ulid_key(0), &format!("message {n}")).await?;
    }
    persisted(&h).await?;
    assert_eq!(replayed(&h, 1, &cid, &position, true).await?, after, "from Postgres");
    let edited = anns.edit(chat, &ulid_key(0), kept.message_id, "kept again").await?.expect("found in Postgres");
    persisted(&h).await?;
    // Edited as often as may be: at either door, and nothing is stored.
    let (over_socket, over_rest) = (ulid_key(0), ulid_key(0));
    assert_eq!(anns.edit(chat, &over_socket, kept.message_id, "x").await?.expect_err("refused").code, ErrorCode::TooManyEdits);
    assert_eq!(code_of(ann.api.edit_message(chat, kept.message_id, &over_rest, &text("x")).await), ErrorCode::TooManyEdits);
    assert_eq!((logged(&h, &over_socket).await?, logged(&h, &over_rest).await?), (0, 0));
    h.postgres().stop().await;
    let from_log: Vec<_> =
        after.iter().filter(|(_, body)| body != "erased").cloned().chain([(edited.seq, "kept again".to_owned())]).collect();
    assert_eq!(replayed(&h, 1, &cid, &position, false).await?, from_log, "from the log");
    // What has left the ring cannot be looked at: nothing is stored, and it may be tried again.
    let waiting = ulid_key(0);
    let refused = anns.edit(chat, &waiting, kept.message_id, "x").await?.expect_err("refused");
    assert_eq!((refused.code.known(), refused.retryable), (Some(ErrorCode::Unavailable), true));
    h.postgres().restart().await?;
    persisted(&h).await?;
    assert_eq!(anns.edit(chat, &waiting, kept.message_id, "x").await?.expect_err("refused").code, ErrorCode::TooManyEdits);
    let newest = anns.post_at_last(chat, &ulid_key(0), "the newest").await?;
    for n in 0..2 {
        anns.edit(chat, &ulid_key(0), newest.message_id, &format!("{n}")).await?.expect("accepted");
    }
    let refused = anns.edit(chat, &ulid_key(0), newest.message_id, "x").await?.expect_err("refused");
    assert_eq!((refused.code.known(), refused.retryable), (Some(ErrorCode::TooManyEdits), false), "from the ring");
    persisted(&h).await?;
    assert!(h.relayctl(&["verify"]).await?.contains("the log and Postgres agree"));
    h.finish().await
}

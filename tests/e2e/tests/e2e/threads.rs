//! Threads: replies under a message, out of the timeline, with followers and marks of their own.

use relay_client::Event;
use relay_harness::{Harness, User};
use relay_protocol::frame::{ErrorFrame, MessageAck};
use relay_protocol::log::LogEvent;
use relay_protocol::rest::{ConversationListQuery, PostMessageRequest};
use relay_protocol::threads::{ThreadListQuery, ThreadQuery};
use relay_protocol::{ErrorCode, EventFrame, MessageBody, MessageRef, SendMessage, ServerFrame, ThreadRef, command};
use relay_types::{ClientId, ConversationId, MessageId, Seq};

use super::checks::{contiguous, holds};
use super::edits::{find, is_unheard, logged};
use super::support::{Client, Socket, TestResult, code_of, direct, group, history, let_in, text, text_of, ulid_key};
use super::witness::log_end;

impl Socket {
    async fn say_under(
        &mut self,
        chat: ConversationId,
        key: &ClientId,
        root: MessageId,
        words: &str,
    ) -> anyhow::Result<Result<MessageAck, ErrorFrame>> {
        let send = SendMessage { client_id: key.clone(), conversation_id: chat, body: text(words), reply_to: None, thread: Some(root) };
        self.say(&command::encode::send_message(&send), key, is_unheard).await
    }
}

fn post_under(key: &ClientId, chat: ConversationId, root: MessageId, words: &str) -> PostMessageRequest {
    PostMessageRequest { client_id: key.clone(), conversation_id: chat, body: text(words), reply_to: None, thread: Some(root) }
}

/// What a frame says of the person's own threads: which, whether they follow it, up to where they have read.
fn told(frame: &ServerFrame) -> Option<(MessageRef, bool, Seq)> {
    match frame.event()? {
        LogEvent::ThreadMarkMoved(moved) => Some((moved.thread, moved.following, moved.read_seq)),
        _ => None,
    }
}

async fn followed(user: &User) -> anyhow::Result<Vec<(Seq, u32)>> {
    let list = user.api.threads(&ThreadListQuery::default()).await?;
    Ok(list.threads.into_iter().map(|thread| (thread.root.seq, thread.unread_count)).collect())
}

#[tokio::test]
async fn a_reply_stands_in_its_thread_on_every_device_and_nowhere_else() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 1, &bob.device, None).await?;
    let root = anns.post(chat, &ulid_key(0), "root").await?;
    bobs.message("root").await?;
    // The same key is the same reply, at either door.
    let key = ulid_key(0);
    let first = bobs.say_under(chat, &key, root.message_id, "first").await?.expect("accepted");
    assert_eq!(bob.api.post(&post_under(&key, chat, root.message_id, "first")).await?, first);
    let second = ann.api.post(&post_under(&ulid_key(0), chat, root.message_id, "second")).await?;
    assert_eq!(logged(&h, &key).await?, 1);
    let thread = Some(ThreadRef { message_id: root.message_id, seq: root.seq, sender_id: ann.id() });
    let end = log_end(&h).await?;
    for socket in [&mut anns, &mut bobs] {
        socket.passed(end).await?;
        assert_eq!(socket.message_or_seen("first").await?.thread, thread);
        assert_eq!(socket.message_or_seen("second").await?.thread, thread);
        holds(contiguous(socket.me, &socket.seen()));
    }
    for user in [&ann, &bob] {
        let page = history(&user.api, chat).await?;
        assert_eq!(page.iter().map(text_of).collect::<Vec<_>>(), ["root"]);
        let replies = page[0].replies.clone().expect("a thread");
        assert_eq!((replies.count, replies.last_seq, replies.upto_seq), (2, second.seq, second.seq));
        assert_eq!((replies.by, replies.last_at_ms), (vec![bob.id(), ann.id()], second.sent_at_ms));
        let shown = user.api.thread(chat, root.message_id, &ThreadQuery::default()).await?;
        assert_eq!(shown.messages.iter().map(text_of).collect::<Vec<_>>(), ["first", "second"]);
        assert!(shown.following && !shown.has_more && shown.root == page[0], "{shown:?}");
        let older = ThreadQuery { before: Some(second.seq), limit: Some(1), ..ThreadQuery::default() };
        assert_eq!(user.api.thread(chat, root.message_id, &older).await?.messages[0].seq, first.seq);
        let row = user.api.list_conversations(&ConversationListQuery::default()).await?.conversations.remove(0);
        assert_eq!((row.unread_count, row.last_message.expect("a preview").seq), (u32::from(user.id() == bob.id()), root.seq));
    }
    // A device that comes later has the same.
    let phone = ann.log_in("phone").await?;
    let mut phones = Socket::live(&h, 1, &phone, None).await?;
    let third = phones.say_under(chat, &ulid_key(0), root.message_id, "third").await?.expect("accepted");
    assert_eq!(bobs.message_or_seen("third").await?.seq, third.seq);
    // An edit and a deletion reach it; the count follows.
    bob.api.delete_message(chat, first.message_id, &ulid_key(0)).await?;
    ann.api.edit_message(chat, second.message_id, &ulid_key(0), &text("second, better")).await?;
    let shown = bob.api.thread(chat, root.message_id, &ThreadQuery::default()).await?;
    let bodies: Vec<_> = shown.messages.iter().map(|message| message.body.text().map(ToString::to_string)).collect();
    assert_eq!(bodies, [None, Some("second, better".to_owned()), Some("third".to_owned())]);
    let replies = shown.root.replies.expect("a thread");
    assert_eq!((replies.count, replies.last_seq, replies.by), (2, third.seq, vec![ann.id()]));
    assert_eq!(find(&ann, chat, root.message_id).await?.replies.map(|replies| replies.count), Some(2));
    // Deleted, the root keeps its thread, and takes no more.
    ann.api.delete_message(chat, root.message_id, &ulid_key(0)).await?;
    let shown = bob.api.thread(chat, root.message_id, &ThreadQuery::default()).await?;
    assert_eq!((shown.root.body, shown.messages.len()), (MessageBody::Erased, 3));
    let refused = post_under(&ulid_key(0), chat, root.message_id, "late");
    assert_eq!(code_of(bob.api.post(&refused).await), ErrorCode::MessageGone);
    h.finish().await
}

#[tokio::test]
async fn who_follows_counts_what_is_unread_and_all_their_devices_know() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob, cid) = (h.user("ann").await?, h.user("bob").await?, h.user("cid").await?);
    let chat = group(&ann, &[&bob, &cid]).await?;
    let phone = ann.log_in("phone").await?;
    let mut phones = Socket::live(&h, 1, &phone, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let root = ann.api.post_message(chat, &ulid_key(0), &text("root")).await?;
    for words in ["one", "two"] {
        bob.api.post(&post_under(&ulid_key(0), chat, root.message_id, words)).await?;
    }
    assert_eq!(followed(&ann).await?, [(root.seq, 2)]);
    assert_eq!(followed(&bob).await?, [(root.seq, 0)]);
    assert_eq!(followed(&cid).await?, []);
    // Who chooses to follows from then on.
    cid.api.follow_thread(chat, root.message_id, true).await?;
    assert_eq!(followed(&cid).await?, [(root.seq, 0)]);
    let three = bob.api.post(&post_under(&ulid_key(0), chat, root.message_id, "three")).await?;
    assert_eq!((followed(&ann).await?, followed(&cid).await?), (vec![(root.seq, 3)], vec![(root.seq, 1)]));
    // A mark is told to her own devices, and to nobody else.
    ann.api.mark_thread_read(chat, root.message_id, three.seq).await?;
    let of = MessageRef { message_id: root.message_id, seq: root.seq };
    assert_eq!(phones.until("her mark", told).await?, (of, true, three.seq));
    assert_eq!(followed(&ann).await?, [(root.seq, 0)]);
    let four = bob.api.post(&post_under(&ulid_key(0), chat, root.message_id, "four")).await?;
    ann.api.mark_thread_read(chat, root.message_id, four.seq).await?;
    let later = |frame: &ServerFrame| told(frame).filter(|(_, _, read)| *read == four.seq);
    phones.until("her mark, a little later", later).await?;
    ann.api.follow_thread(chat, root.message_id, false).await?;
    assert_eq!(phones.until("that she follows no more", |frame| told(frame).filter(|(_, on, _)| !on)).await?, (of, false, four.seq));
    assert_eq!(followed(&ann).await?, []);
    assert!(!ann.api.thread(chat, root.message_id, &ThreadQuery::default()).await?.following);
    bobs.passed(log_end(&h).await?).await?;
    assert!(bobs.frames.iter().all(|frame| told(frame).is_none()));
    // The conversation's own mark knows nothing of threads, nor does a reply move it.
    let row = cid.api.list_conversations(&ConversationListQuery::default()).await?.conversations.remove(0);
    assert_eq!(row.unread_count, 1);
    h.finish().await
}

#[tokio::test]
async fn what_is_no_root_is_refused_and_leaves_nothing_behind() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob, eve) = (h.user("ann").await?, h.user("bob").await?, h.user("eve").await?);
    let chat = group(&ann, &[&bob]).await?;
    let other = direct(&ann, &bob).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let root = ann.api.post_message(chat, &ulid_key(0), &text("root")).await?;
    let reply = ann.api.post(&post_under(&ulid_key(0), chat, root.message_id, "reply")).await?;
    let elsewhere = ann.api.post_message(other, &ulid_key(0), &text("elsewhere")).await?;
    let nothing = ulid_key(0).as_str().parse()?;
    for (message, code) in [
        (reply.message_id, ErrorCode::NotAThreadRoot),
        (elsewhere.message_id, ErrorCode::UnknownMessage),
        (nothing, ErrorCode::UnknownMessage),
    ] {
        let (over_socket, over_rest) = (ulid_key(0), ulid_key(0));
        assert_eq!(bobs.say_under(chat, &over_socket, message, "x").await?.expect_err("refused").code, code);
        assert_eq!(code_of(bob.api.post(&post_under(&over_rest, chat, message, "x")).await), code);
        assert_eq!((logged(&h, &over_socket).await?, logged(&h, &over_rest).await?), (0, 0));
        assert_eq!(code_of(bob.api.thread(chat, message, &ThreadQuery::default()).await), code);
        assert_eq!(code_of(bob.api.follow_thread(chat, message, true).await), code);
        assert_eq!(code_of(bob.api.mark_thread_read(chat, message, Seq(1)).await), code);
    }
    // Who came behind the root sees nothing of what was said before, by no door.
    let_in(&ann, chat, &eve).await?;
    let late = ann.api.post(&post_under(&ulid_key(0), chat, root.message_id, "late")).await?;
    assert_eq!(code_of(eve.api.thread(chat, root.message_id, &ThreadQuery::default()).await), ErrorCode::UnknownMessage);
    assert_eq!(code_of(eve.api.post(&post_under(&ulid_key(0), chat, root.message_id, "x")).await), ErrorCode::UnknownMessage);
    assert_eq!(code_of(eve.api.follow_thread(chat, root.message_id, true).await), ErrorCode::UnknownMessage);
    assert_eq!((followed(&eve).await?, history(&eve.api, chat).await?.len()), (vec![], 0), "{late:?}");
    assert_eq!(code_of(eve.api.thread(other, elsewhere.message_id, &ThreadQuery::default()).await), ErrorCode::NotMember);
    h.finish().await
}

#[tokio::test]
async fn the_sdk_replies_in_a_thread_and_a_device_that_follows_comes_to_what_history_says() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let anns = Client::live(&h, 0, &ann.device).await?;
    let mut bobs = Client::live(&h, 1, &bob.device).await?;
    let root = anns.sdk.send(chat, text("root")).await?.await?;
    let mut followed = bobs.messages(chat, 1).await?.remove(0);
    let first = anns.sdk.reply_in_thread(chat, root.message_id, text("one")).await?.await?;
    bobs.sdk.reply_in_thread(chat, root.message_id, text("two")).await?.await?;
    let gone = anns.sdk.delete(chat, first.message_id).await?.await?;
    while followed.replies.as_ref().is_none_or(|replies| replies.upto_seq < gone.seq) {
        let frame = match bobs.next().await? {
            Event::Happened(frame) => *frame,
            Event::Message(message) => EventFrame::from(message),
            _ => continue,
        };
        match &frame.event {
            LogEvent::MessageErased(erased) => followed.unreply(erased, frame.seq),
            LogEvent::MessageSent(sent) => followed.reply(sent, frame.seq),
            _ => false,
        };
    }
    let read = find(&bob, chat, root.message_id).await?.replies.expect("a thread");
    let live = followed.replies.expect("a thread");
    assert_eq!((live.count, live.last_seq, live.upto_seq), (read.count, read.last_seq, read.upto_seq));
    h.finish().await
}

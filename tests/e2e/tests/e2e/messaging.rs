//! Sending and receiving, over both doors.

use relay_harness::{Harness, wait_for};
use relay_protocol::rest::{ConversationListItem, ConversationListQuery, HistoryQuery};
use relay_protocol::{EventFrame, LogEvent, ServerFrame};
use relay_types::{ConversationId, Seq};

use super::checks::{contiguous, delivered_exactly_once, holds, same_order};
use super::support::{Client, LATE, SOON, Socket, TestResult, direct, group, history, key, people, text, text_of, ulid_key};
use super::witness::persisted;

#[tokio::test]
async fn two_people_talk_and_every_device_of_both_sees_it() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let laptop = ann.log_in("laptop").await?;
    let chat = direct(&ann, &bob).await?;
    let mut phone = Socket::live(&h, 0, &ann.device, None).await?;
    let mut laptop = Socket::live(&h, 0, &laptop, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;

    let first = phone.post(chat, &key("a-1"), "hello bob").await?;
    let at_bob = bobs.message("hello bob").await?;
    assert_eq!((at_bob.seq, at_bob.message_id, at_bob.sender_id), (first.seq, first.message_id, ann.id()));
    let second = bobs.post(chat, &key("b-1"), "hello ann").await?;
    for socket in [&mut phone, &mut laptop, &mut bobs] {
        let message = socket.message_or_seen("hello ann").await?;
        assert_eq!((message.seq, message.prev), (second.seq, Some(first.seq)));
        assert_eq!(socket.message_or_seen("hello bob").await?.seq, first.seq);
        holds(contiguous(socket.me, &socket.seen()));
    }

    persisted(&h).await?;
    for person in [&ann, &bob] {
        let live: Vec<_> = bobs.seen().into_iter().filter_map(|seen| seen.message).collect();
        assert_eq!(history(&person.api, chat).await?, live, "history is what was live");
    }
    h.finish().await
}

#[tokio::test]
async fn a_group_of_twenty_sees_one_order_on_every_device() -> TestResult {
    let h = Harness::shared().await?;
    let users = people(&h, "user", 20).await?;
    let members: Vec<_> = users.iter().skip(1).collect();
    let chat = group(&users[0], &members).await?;
    let mut clients = Vec::new();
    for (index, user) in users.iter().enumerate() {
        clients.push(Client::live(&h, index % 2, &user.device).await?);
    }
    // Everybody talks at once.
    let mut handles = Vec::new();
    for round in 0..5 {
        for (index, client) in clients.iter().enumerate() {
            handles.push(client.sdk.send(chat, text(&format!("{round} of {index}"))).await?);
        }
    }
    let mut acks = Vec::new();
    for handle in handles {
        acks.push(tokio::time::timeout(LATE, handle).await??);
    }
    let first = clients[0].messages(chat, 100).await?;
    for client in &mut clients {
        let messages = client.messages(chat, 100).await?;
        holds(same_order(&first, &messages));
        holds(delivered_exactly_once(&acks, &client.seen));
        holds(contiguous(client.sdk.user_id().unwrap(), &client.seen));
        assert_eq!((client.gaps, client.resets), (0, 0));
    }
    h.finish().await
}

#[tokio::test]
async fn what_one_socket_sends_arrives_in_the_order_sent() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    for n in 0..200 {
        anns.send(chat, &key(&format!("k{n}")), &format!("message {n}")).await?;
    }
    for n in 0..200 {
        let next = bobs.until("the next message", |frame| super::checks::Seen::of(frame).and_then(|seen| seen.message)).await?;
        assert_eq!(text_of(&next), format!("message {n}"));
    }
    holds(contiguous(bobs.me, &bobs.seen()));
    h.finish().await
}

#[tokio::test]
async fn rest_and_sockets_are_two_doors_to_one_log() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let posted = ann.api.post_message(chat, &key("rest-1"), &text("from rest")).await?;
    let live = bobs.message("from rest").await?;
    assert_eq!((live.seq, live.message_id, live.sent_at_ms), (posted.seq, posted.message_id, posted.sent_at_ms));
    let sent = bobs.post(chat, &key("ws-1"), "from the socket").await?;
    let read = wait_for("the socket's message in history", SOON, || async {
        let messages = history(&ann.api, chat).await.map_err(|error| format!("{error}"))?;
        messages.iter().find(|m| m.message_id == sent.message_id).cloned().ok_or(format!("{} messages", messages.len()))
    })
    .await;
    assert_eq!((read.seq, read.prev, text_of(&read)), (sent.seq, Some(posted.seq), "from the socket"));
    h.finish().await
}

#[tokio::test]
async fn history_pages_both_ways_without_repeating_or_leaving_out() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let (chat, other) = (direct(&ann, &bob).await?, group(&ann, &[&bob]).await?);
    let mut sent = Vec::new();
    for n in 0..25 {
        sent.push(ann.api.post_message(chat, &key(&format!("k{n}")), &text("x")).await?.seq);
        // Another conversation in between, so that sequences have holes.
        ann.api.post_message(other, &key(&format!("o{n}")), &text("y")).await?;
    }
    persisted(&h).await?;
    let page = |before, after| HistoryQuery { conversation_id: chat, before, after, unread: None, limit: Some(7), changes: None };
    let (mut forward, mut after) = (Vec::new(), Seq::ZERO);
    loop {
        let page = bob.api.history(&page(None, Some(after))).await?;
        forward.extend(page.messages.iter().map(|m| m.seq));
        after = page.messages.last().map_or(after, |m| m.seq);
        if !page.has_more {
            break;
        }
    }
    assert_eq!(forward, sent);
    let (mut backward, mut before) = (Vec::new(), None);
    loop {
        let page = bob.api.history(&page(before, None)).await?;
        backward.splice(0..0, page.messages.iter().map(|m| m.seq));
        before = page.messages.first().map(|m| m.seq).or(before);
        if !page.has_more {
            break;
        }
    }
    assert_eq!(backward, sent);
    h.finish().await
}

#[tokio::test]
async fn history_tells_who_came_and_went_to_whoever_asks() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob, cid) = (h.user("ann").await?, h.user("bob").await?, h.user("cid").await?);
    // So that ann may add both at once.
    for friend in [&bob, &cid] {
        direct(&ann, friend).await?;
    }
    let chat = group(&ann, &[&bob]).await?;
    ann.api.post_message(chat, &key("k1"), &text("one")).await?;
    ann.api.add_member(chat, cid.id()).await?;
    ann.api.post_message(chat, &key("k2"), &text("two")).await?;
    ann.api.remove_member(chat, cid.id()).await?;
    persisted(&h).await?;
    let query =
        |changes, limit| HistoryQuery { conversation_id: chat, before: None, after: None, unread: None, limit: Some(limit), changes };
    let page = bob.api.history(&query(Some(true), 200)).await?;
    assert_eq!((page.messages.len(), page.has_more), (2, false));
    let mut socket = Socket::live(&h, 0, &bob.device, None).await?;
    ann.api.rename(chat, &super::support::title("another title")).await?;
    let wish = |frame: &ServerFrame| match frame {
        ServerFrame::Event(frame) if matches!(frame.event, LogEvent::ConversationRenamed(_)) => Some((**frame).clone()),
        _ => None,
    };
    let told = socket.until("the new title", wish).await?;
    persisted(&h).await?;
    let after = bob.api.history(&query(Some(true), 1)).await?;
    assert_eq!((after.messages.len(), after.changes), (0, vec![told]), "as on the socket");
    let came = |change: &EventFrame| change.event.joining().contains(&cid.id());
    let went = |change: &EventFrame| change.event.leaving().contains(&cid.id());
    let place = |wish: &dyn Fn(&EventFrame) -> bool| page.changes.iter().find(|change| wish(change)).map(|change| change.seq);
    let (one, two) = (page.messages[0].seq, page.messages[1].seq);
    let (came, went) = (place(&came).expect("joining"), place(&went).expect("leaving"));
    assert!(one < came && came < two && two < went, "{page:?}");
    assert_eq!(bob.api.history(&query(None, 200)).await?.changes, vec![], "not unless asked for");
    h.finish().await
}

#[tokio::test]
async fn unread_counts_follow_messages_and_read_marks_only_rise() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut seqs = Vec::new();
    for n in 0..5 {
        seqs.push(ann.api.post_message(chat, &key(&format!("k{n}")), &text("unread")).await?.seq);
    }
    persisted(&h).await?;
    let item = || async {
        let list = bob.api.list_conversations(&ConversationListQuery::default()).await.unwrap();
        let found: Option<ConversationListItem> = list.conversations.into_iter().find(|item| item.conversation_id == chat);
        found.expect("the conversation is in the list")
    };
    let before = item().await;
    assert_eq!((before.unread_count, before.read_seq, before.last_message.map(|m| m.seq)), (5, Seq::ZERO, seqs.last().copied()));
    bob.api.mark_read(chat, seqs[2]).await?;
    assert_eq!((item().await.unread_count, item().await.read_seq), (2, seqs[2]));
    // A late report of an earlier place, and one beyond the end.
    bob.api.mark_read(chat, seqs[0]).await?;
    assert_eq!(item().await.read_seq, seqs[2]);
    bob.api.mark_read(chat, Seq(1_000_000)).await?;
    let after = item().await;
    assert_eq!(after.unread_count, 0);
    assert!(after.read_seq <= after.last_seq, "{} is beyond {}", after.read_seq, after.last_seq);
    assert_eq!(unread_of(&ann, chat).await?, 0, "one's own messages are not unread");
    h.finish().await
}

async fn unread_of(user: &relay_harness::User, chat: ConversationId) -> anyhow::Result<u32> {
    let list = user.api.list_conversations(&ConversationListQuery::default()).await?;
    Ok(list.conversations.into_iter().find(|item| item.conversation_id == chat).map_or(0, |item| item.unread_count))
}

#[tokio::test]
async fn history_holds_whatever_was_acknowledged_before_it_was_asked_for() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    for at in 0..50 {
        let ack = anns.post(chat, &ulid_key(0), &format!("message {at}")).await?;
        let newest = history(&bob.api, chat).await?.last().map(|message| message.seq);
        assert_eq!(newest, Some(ack.seq), "message {at}");
        let list = bob.api.list_conversations(&ConversationListQuery::default()).await?;
        assert_eq!(list.conversations.first().and_then(|item| item.last_message.as_ref()).map(|message| message.seq), Some(ack.seq));
    }
    h.finish().await
}

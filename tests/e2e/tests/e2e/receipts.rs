//! Who has read what: told to those who may know, on every gateway, seldom; and there to be read by those who missed it.

use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;
use relay_client::{Event, Incoming};
use relay_fault_proxy::{Direction, Faults};
use relay_harness::{Harness, User, wait_for};
use relay_protocol::command::encode;
use relay_protocol::ephemeral::MAX_BATCH_BYTES;
use relay_protocol::receipts::{ReadNotice, ReceiptBatch};
use relay_protocol::rest::{ChangeSettingsRequest, ReadersQuery};
use relay_protocol::{DeviceKind, ErrorCode, LogEvent, ReadBy, Receipts, ReceivedUpto, ServerFrame};
use relay_subjects::{LiveClass, live, live_bucket};
use relay_types::{ConversationId, MessageId, Seq, ShardId, UserId};

use super::support::{Client, SOON, Socket, TestResult, code_of, direct, group, let_in, ulid_key};
use super::witness::persisted;

/// The receipts that the socket brought of a conversation, as one state.
fn told(socket: &Socket, conversation: ConversationId) -> Receipts {
    let mut all = Receipts::none(conversation);
    for frame in &socket.frames {
        if let ServerFrame::Receipts(receipts) = frame
            && receipts.conversation_id == conversation
        {
            all.merge(receipts);
        }
    }
    all
}

fn frames(socket: &Socket) -> usize {
    socket.frames.iter().filter(|frame| matches!(frame, ServerFrame::Receipts(_))).count()
}

fn mark(receipts: &Receipts, of: UserId) -> Option<Seq> {
    receipts.read.iter().find(|by| by.user_id == of).map(|by| by.read_seq)
}

/// Reads until the socket was told that somebody has read up to there.
async fn is_told(socket: &mut Socket, conversation: ConversationId, of: UserId, seq: Seq) -> anyhow::Result<()> {
    while mark(&told(socket, conversation), of) != Some(seq) {
        socket.next().await?;
    }
    Ok(())
}

/// What a member reads of the others' marks, those who have read something.
async fn state(of: &User, conversation: ConversationId) -> anyhow::Result<Vec<(UserId, Seq)>> {
    let read = of.api.receipts(conversation).await?.read;
    Ok(read.iter().filter(|by| by.read_seq > by.after_seq).map(|by| (by.user_id, by.read_seq)).collect())
}

async fn readers(of: &User, conversation: ConversationId, message: MessageId) -> anyhow::Result<Vec<UserId>> {
    let page = of.api.readers(conversation, message, ReadersQuery::default()).await?;
    Ok(page.readers.into_iter().map(|reader| reader.user_id).collect())
}

async fn set(of: &User, on: bool) -> anyhow::Result<()> {
    let settings = of.api.change_settings(ChangeSettingsRequest { read_receipts: Some(on), ..ChangeSettingsRequest::default() }).await?;
    ensure!(settings.read_receipts == on && of.api.settings().await? == settings);
    Ok(())
}

/// So long that what is told has been told: news of somebody else's mark that comes behind it.
async fn nothing_more(h: &Harness, socket: &mut Socket, conversation: ConversationId, by: &User, seq: Seq) -> anyhow::Result<()> {
    persisted(h).await?;
    by.api.mark_read(conversation, seq).await?;
    is_told(socket, conversation, by.id(), seq).await
}

#[tokio::test]
async fn read_marks_are_told_on_every_gateway_to_members_alone() -> TestResult {
    let h = Harness::builder().gateways(2).start().await?;
    let (ann, bob, cid, eve) = (h.user("ann").await?, h.user("bob").await?, h.user("cid").await?, h.user("eve").await?);
    let chat = group(&ann, &[&bob, &cid]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let mut cids = Socket::live(&h, 1, &cid.device, None).await?;
    let mut eves = Socket::live(&h, 1, &eve.device, None).await?;
    let first = anns.post(chat, &ulid_key(0), "first").await?;
    let second = anns.post(chat, &ulid_key(0), "second").await?;
    persisted(&h).await?;
    assert_eq!(state(&ann, chat).await?, [], "nobody has read anything");

    bob.api.mark_read(chat, first.seq).await?;
    let raw = loop {
        match anns.connection.receive_within(SOON).await {
            Some(Incoming::Text(text)) if text.contains("\"receipts\"") => break text,
            Some(Incoming::Text(_)) => {}
            other => anyhow::bail!("nobody is said to have read anything: {other:?}"),
        }
    };
    let frame: serde_json::Value = serde_json::from_str(raw.as_str())?;
    assert!(frame["seq"].is_null() && frame["chain"].is_null(), "it has no place: {raw}");
    assert_eq!((&frame["conversation_id"], &frame["read"][0]["user_id"]), (&serde_json::json!(chat), &serde_json::json!(bob.id())));
    is_told(&mut cids, chat, bob.id(), first.seq).await?;
    // Marks never go back, and none lies beyond the end.
    bob.api.mark_read(chat, Seq(1)).await?;
    bob.api.mark_read(chat, Seq(u64::MAX)).await?;
    is_told(&mut anns, chat, bob.id(), second.seq).await?;
    is_told(&mut cids, chat, bob.id(), second.seq).await?;
    assert_eq!(state(&ann, chat).await?, [(bob.id(), second.seq)]);
    assert_eq!(state(&cid, chat).await?, [(bob.id(), second.seq)]);
    assert_eq!(readers(&cid, chat, first.message_id).await?, [bob.id()]);
    let by = ann.api.receipts(chat).await?.read;
    assert_eq!(by.len(), 2, "each of the others");
    let bobs_mark = by.iter().find(|by| by.user_id == bob.id()).expect("bob's mark");
    assert!(bobs_mark.covers(first.seq) && !bobs_mark.covers(bobs_mark.after_seq), "{by:?}");
    bobs.passed(second.seq).await?;
    assert_eq!(frames(&bobs), 0, "nobody is told of themselves");

    // Who is out is told nothing, and is not told of.
    ann.api.remove_member(chat, cid.id()).await?;
    cids.until("one's own removal", |frame| frame.event().is_some_and(|event| event.leaving().contains(&cid.id())).then_some(())).await?;
    cids.frames.clear();
    let third = anns.post(chat, &ulid_key(0), "third").await?;
    nothing_more(&h, &mut anns, chat, &bob, third.seq).await?;
    for (socket, whose) in [(&mut cids, &cid), (&mut eves, &eve)] {
        socket.passed(third.seq).await?;
        assert_eq!(frames(socket), 0);
        assert_eq!(code_of(whose.api.receipts(chat).await), ErrorCode::NotMember);
        assert_eq!(code_of(whose.api.mark_read(chat, third.seq).await), ErrorCode::NotMember);
        let asked = whose.api.readers(chat, third.message_id, ReadersQuery::default()).await;
        assert_eq!(code_of(asked), ErrorCode::NotMember);
    }

    // A new stay tells nothing of what stands before it, to those who come nor by them.
    let_in(&ann, chat, &cid).await?;
    persisted(&h).await?;
    cid.api.mark_read(chat, Seq(u64::MAX)).await?;
    let by = ann.api.receipts(chat).await?.read;
    let cids_mark = by.iter().find(|by| by.user_id == cid.id());
    assert!(cids_mark.is_none_or(|by| !by.covers(third.seq)), "{by:?}");
    assert_eq!(readers(&ann, chat, third.message_id).await?, [bob.id()]);
    assert_eq!(code_of(cid.api.readers(chat, third.message_id, ReadersQuery::default()).await), ErrorCode::UnknownMessage);
    assert!(state(&cid, chat).await?.iter().all(|(user, _)| *user != bob.id()), "what bob read before cid came");
    h.finish().await
}

#[tokio::test]
async fn receipts_that_are_off_work_both_ways_and_tell_nothing_later() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob, cid) = (h.user("ann").await?, h.user("bob").await?, h.user("cid").await?);
    let chat = group(&ann, &[&bob, &cid]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 1, &bob.device, None).await?;
    let mut messages = Vec::new();
    for n in 0..4 {
        messages.push(anns.post(chat, &ulid_key(0), &format!("message {n}")).await?);
    }
    persisted(&h).await?;
    let [seen, unseen, later, last] = messages.as_slice() else { anyhow::bail!("{messages:?}") };
    bob.api.mark_read(chat, seen.seq).await?;
    is_told(&mut anns, chat, bob.id(), seen.seq).await?;

    set(&bob, false).await?;
    set(&bob, false).await?;
    let changed = |frame: &ServerFrame| match frame.event() {
        Some(LogEvent::SettingsChanged(changed)) => changed.read_receipts,
        _ => None,
    };
    assert!(!bobs.until("the setting on one's devices", changed).await?);
    bob.api.mark_read(chat, unseen.seq).await?;
    // It is told to one's own devices all the same.
    let own =
        |frame: &ServerFrame| matches!(frame.event(), Some(LogEvent::ReadMarkMoved(moved)) if moved.read_seq == unseen.seq).then_some(());
    bobs.until("one's own mark", own).await?;
    nothing_more(&h, &mut anns, chat, &cid, later.seq).await?;
    assert_eq!(mark(&told(&anns, chat), bob.id()), Some(seen.seq));
    assert_eq!(state(&ann, chat).await?.iter().find(|(user, _)| *user == bob.id()), Some(&(bob.id(), seen.seq)));
    assert_eq!(readers(&ann, chat, unseen.message_id).await?, [cid.id()]);
    // Nor does bob learn of the others.
    bobs.passed(last.seq).await?;
    assert_eq!(frames(&bobs), 0);
    assert_eq!(state(&bob, chat).await?, []);
    assert_eq!(readers(&bob, chat, unseen.message_id).await?, []);

    // On again: what stands there stays untold, so that nobody learns how much of it was read meanwhile. What comes is told.
    set(&bob, true).await?;
    assert_eq!(state(&bob, chat).await?, [(cid.id(), later.seq)]);
    assert_eq!(mark(&told(&anns, chat), bob.id()), Some(seen.seq));
    let newest = anns.post(chat, &ulid_key(0), "since then").await?;
    persisted(&h).await?;
    bob.api.mark_read(chat, newest.seq).await?;
    is_told(&mut anns, chat, bob.id(), newest.seq).await?;
    let by = told(&anns, chat).read.into_iter().find(|by| by.user_id == bob.id()).expect("bob's mark");
    assert!(!by.covers(unseen.seq) && !by.covers(last.seq) && by.covers(newest.seq), "{by:?}");
    assert_eq!(readers(&ann, chat, unseen.message_id).await?, [cid.id()]);
    assert!(readers(&ann, chat, newest.message_id).await?.contains(&bob.id()));
    nothing_more(&h, &mut bobs, chat, &cid, last.seq).await?;
    h.finish().await
}

#[tokio::test]
async fn receipts_name_nobody_before_a_request_is_answered_nor_in_large_groups() -> TestResult {
    let h = Harness::start().await?;
    let (ann, bob, cid) = (h.user("ann").await?, h.user("bob").await?, h.user("cid").await?);
    let asked = ann.api.create_direct(bob.id()).await?.conversation_id;
    let large = group(&ann, &[&bob, &cid]).await?;
    sqlx::query("UPDATE conversations SET member_count = 65 WHERE conversation_id = $1")
        .bind(uuid(large))
        .execute(&mut h.database().await?)
        .await?;
    let small = group(&ann, &[&bob]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut sent = Vec::new();
    for chat in [asked, large, small] {
        sent.push(anns.post(chat, &ulid_key(0), "hello").await?);
    }
    persisted(&h).await?;
    for (chat, ack) in [asked, large].into_iter().zip(&sent) {
        bob.api.mark_read(chat, ack.seq).await?;
    }
    nothing_more(&h, &mut anns, small, &bob, sent[2].seq).await?;
    assert_eq!((told(&anns, asked).read, told(&anns, large).read), (Vec::new(), Vec::new()));
    for chat in [asked, large] {
        let state = ann.api.receipts(chat).await?;
        assert!(!state.named && state.read.is_empty(), "{state:?}");
    }
    assert_eq!(readers(&ann, asked, sent[0].message_id).await?, []);
    assert!(ann.api.receipts(small).await?.named);

    // Who has read a message is asked for in a large group, in pages.
    cid.api.mark_read(large, sent[1].seq).await?;
    let page = |cursor| ann.api.readers(large, sent[1].message_id, ReadersQuery { cursor, limit: Some(1) });
    let first = page(None).await?;
    let second = page(first.next_cursor).await?;
    assert_eq!((first.readers.len(), second.readers.len(), second.next_cursor), (1, 1, None));
    let mut both = [first.readers[0].user_id, second.readers[0].user_id];
    both.sort_unstable();
    let mut expected = [bob.id(), cid.id()];
    expected.sort_unstable();
    assert_eq!(both, expected);
    let none = ann.api.readers(large, sent[1].message_id, ReadersQuery { cursor: None, limit: Some(0) }).await;
    assert_eq!(code_of(none), ErrorCode::InvalidField);
    assert_eq!(code_of(ann.api.readers(large, sent[2].message_id, ReadersQuery::default()).await), ErrorCode::UnknownMessage);

    // The answer tells what was read meanwhile to those who ask.
    bob.api.accept(asked).await?;
    assert_eq!(state(&ann, asked).await?, [(bob.id(), sent[0].seq)]);
    h.finish().await
}

fn uuid(conversation: ConversationId) -> sqlx::types::Uuid {
    conversation.to_uuid()
}

/// The gateway's count of what was not told for this reason.
pub(super) async fn is_dropped(h: &Harness, gateway: usize, reason: &str, at_least: u64) {
    let name = format!(r#"relay_ephemeral_dropped_total{{reason="{reason}"}} "#);
    wait_for(reason, SOON, || async {
        let metrics = h.gateway(gateway).metrics().await.map_err(|error| error.to_string())?;
        let value = metrics.lines().find_map(|line| line.strip_prefix(&name)).unwrap_or("0").to_owned();
        if value.parse::<u64>().is_ok_and(|count| count >= at_least) { Ok(()) } else { Err(value) }
    })
    .await;
}

#[tokio::test]
async fn receipts_that_were_lost_are_read_again_and_bad_batches_do_no_harm() -> TestResult {
    let h = Harness::builder().gateways(2).nats_link().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 1, &ann.device, None).await?;
    let mut seqs = Vec::new();
    for n in 0..3 {
        seqs.push(anns.post(chat, &ulid_key(0), &format!("message {n}")).await?.seq);
    }
    persisted(&h).await?;

    let thief = h.nats_client_of("gateway").await?;
    let subject = || live(LiveClass::Receipt, live_bucket(chat));
    let notice = |as_of| ReadNotice {
        conversation_id: chat,
        by: ReadBy { user_id: bob.id(), after_seq: Seq(0), read_seq: seqs[0] },
        not_to: Vec::new(),
        shard: ShardId(0),
        as_of,
    };
    for bytes in [b"".as_slice(), b"{", br#"{"v":1,"read":[{}]}"#] {
        thief.publish(subject(), Bytes::copy_from_slice(bytes)).await?;
    }
    thief.publish(subject(), Bytes::from(vec![b' '; MAX_BATCH_BYTES + 1])).await?;
    // Of before somebody came, and of what the log has not come to.
    for notice in [notice(Seq(1)), ReadNotice { shard: ShardId(9), ..notice(seqs[0]) }] {
        thief.publish(subject(), ReceiptBatch::pack(vec![notice])[0].clone().into()).await?;
        thief.flush().await?;
    }
    is_dropped(&h, 1, "malformed", 3).await;
    is_dropped(&h, 1, "too_large", 1).await;
    is_dropped(&h, 1, "stale", 1).await;
    thief.publish(subject(), ReceiptBatch::pack(vec![notice(Seq(u64::MAX))])[0].clone().into()).await?;
    thief.flush().await?;
    is_dropped(&h, 1, "behind", 1).await;
    assert_eq!(frames(&anns), 0);

    // A link that loses them, and no Valkey: the state is there, and later news comes.
    h.valkey().stop().await;
    let cut = Direction { blackhole: true, ..Direction::default() };
    h.nats_link().set(Faults { only: Some("gateway-ephemeral"), ..Faults::both(cut) });
    bob.api.mark_read(chat, seqs[1]).await?;
    anns.post(chat, &ulid_key(0), "messages go on").await?;
    assert_eq!(state(&ann, chat).await?, [(bob.id(), seqs[1])]);
    assert_eq!(frames(&anns), 0, "receipts went through a link that is cut");
    h.nats_link().heal();
    persisted(&h).await?;
    let deadline = Instant::now() + super::support::LATE;
    let mut next = seqs[2];
    while mark(&told(&anns, chat), bob.id()).is_none() {
        ensure!(Instant::now() < deadline, "receipts are not told again");
        bob.api.mark_read(chat, next).await?;
        next = anns.post(chat, &ulid_key(0), "again").await?.seq;
        persisted(&h).await?;
    }
    h.finish().await
}

#[tokio::test]
async fn many_readers_of_one_conversation_cost_a_few_frames_a_second() -> TestResult {
    const FOR: Duration = Duration::from_secs(3);
    let h = Harness::start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let last = anns.post(chat, &ulid_key(0), "read me").await?.seq;
    anns.passed(last).await?;
    let thief = h.nats_client_of("gateway").await?;
    let reader = |n: u128| UserId::new(ulid::Ulid::from_bytes((1 << 100 | n).to_be_bytes()));
    let began = Instant::now();
    let mut round = 0;
    while began.elapsed() < FOR {
        round += 1;
        let notices = (0..64).map(|n| ReadNotice {
            conversation_id: chat,
            by: ReadBy { user_id: reader(n), after_seq: Seq(0), read_seq: Seq(round) },
            not_to: vec![bob.id()],
            shard: ShardId(0),
            as_of: last,
        });
        for batch in ReceiptBatch::pack(notices.collect()) {
            thief.publish(live(LiveClass::Receipt, live_bucket(chat)), batch.into()).await?;
        }
        thief.flush().await?;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for n in 0..64 {
        is_told(&mut anns, chat, reader(n), Seq(round)).await?;
    }
    let (frames, seconds) = (frames(&anns), began.elapsed().as_secs_f64());
    assert!(f64::from(u32::try_from(frames)?) <= 4.0 * seconds + 2.0, "{frames} frames in {seconds} s for {round} rounds of 64");
    h.finish().await
}

#[tokio::test]
async fn receipts_come_through_the_sdk() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Client::live(&h, 0, &ann.device).await?;
    let sent = anns.sdk.send(chat, super::support::text("hello")).await?.await?;
    persisted(&h).await?;
    bob.api.mark_read(chat, sent.seq).await?;
    loop {
        if let Event::Receipts(receipts) = anns.next().await? {
            ensure!(receipts.conversation_id == chat && mark(&receipts, bob.id()) == Some(sent.seq), "{receipts:?}");
            return h.finish().await;
        }
    }
}

/// A device says what it has.
async fn has(socket: &mut Socket, conversation_id: ConversationId, seq: Seq) -> anyhow::Result<()> {
    let word = encode::received(&[ReceivedUpto { conversation_id, seq }]);
    socket.connection.send_text(word).await.map_err(|close| anyhow::anyhow!("closed: {close:?}"))
}

/// Reads until the socket was told that somebody's devices have its message.
async fn arrived(socket: &mut Socket, conversation: ConversationId, at: UserId, seq: Seq) -> anyhow::Result<()> {
    while !told(socket, conversation).delivered.iter().any(|to| to.user_id == at && to.seq == seq) {
        socket.next().await?;
    }
    Ok(())
}

/// Waits until a member reads that others' devices have these messages of theirs.
async fn kept(of: &User, conversation: ConversationId, expected: &[(UserId, Seq)]) {
    wait_for("what devices have", SOON, || async {
        let state = of.api.receipts(conversation).await.map_err(|error| error.to_string())?;
        let delivered: Vec<_> = state.delivered.iter().map(|to| (to.user_id, to.seq)).collect();
        if delivered == expected { Ok(()) } else { Err(format!("{delivered:?}")) }
    })
    .await;
}

#[tokio::test]
async fn delivery_is_told_to_each_author_of_their_own_messages() -> TestResult {
    let h = Harness::builder().gateways(2).start().await?;
    let (ann, bob, cid, eve) = (h.user("ann").await?, h.user("bob").await?, h.user("cid").await?, h.user("eve").await?);
    let chat = group(&ann, &[&bob, &cid]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut cids = Socket::live(&h, 0, &cid.device, None).await?;
    let mut bobs = Socket::live(&h, 1, &bob.device, None).await?;
    let mut eves = Socket::live(&h, 1, &eve.device, None).await?;
    let first = anns.post(chat, &ulid_key(0), "first").await?.seq;
    let second = cids.post(chat, &ulid_key(0), "second").await?.seq;
    bobs.passed(second).await?;
    assert_eq!(frames(&anns) + frames(&cids), 0, "that it was sent to a device says nothing");

    // With receipts off, too: they are about reading.
    set(&bob, false).await?;
    has(&mut bobs, chat, second).await?;
    arrived(&mut anns, chat, bob.id(), first).await?;
    arrived(&mut cids, chat, bob.id(), second).await?;
    // Said again, it is no news. What lies beyond the end, and what is not theirs, says nothing.
    bobs.passed(second).await?;
    has(&mut bobs, chat, second).await?;
    has(&mut bobs, chat, Seq(u64::MAX)).await?;
    is_dropped(&h, 1, "behind", 1).await;
    has(&mut eves, chat, second).await?;
    is_dropped(&h, 1, "not_member", 1).await;
    let third = anns.post(chat, &ulid_key(0), "third").await?.seq;
    bobs.passed(third).await?;
    has(&mut bobs, chat, third).await?;
    arrived(&mut anns, chat, bob.id(), third).await?;
    cids.passed(third).await?;
    assert_eq!(frames(&cids), 1, "nothing of cid's has come since");
    for socket in [&mut bobs, &mut eves] {
        socket.passed(third).await?;
        assert_eq!(frames(socket), 0);
    }

    // Who was not there reads the state, also once the gateway is gone.
    kept(&ann, chat, &[(bob.id(), third)]).await;
    kept(&cid, chat, &[(bob.id(), second)]).await;
    kept(&bob, chat, &[]).await;
    let last = anns.post(chat, &ulid_key(0), "last").await?.seq;
    bobs.passed(last).await?;
    has(&mut bobs, chat, last).await?;
    arrived(&mut anns, chat, bob.id(), last).await?;
    h.gateway(1).stop().await;
    kept(&ann, chat, &[(bob.id(), last)]).await;
    h.finish().await
}

#[tokio::test]
async fn delivery_of_what_was_missed_is_told_after_coming_back_and_nothing_in_a_request() -> TestResult {
    let h = Harness::builder().gateways(2).start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let from = bobs.at();
    drop(bobs);
    let mut seq = Seq::ZERO;
    for n in 0..5 {
        seq = anns.post(chat, &ulid_key(0), &format!("missed {n}")).await?.seq;
    }
    persisted(&h).await?;
    // At another gateway, which knows nothing of him.
    let mut bobs = Socket::live(&h, 1, &bob.device, Some(&from)).await?;
    has(&mut bobs, chat, seq).await?;
    arrived(&mut anns, chat, bob.id(), seq).await?;
    assert_eq!(frames(&anns), 1, "one word about all of them");

    let cid = h.user("cid").await?;
    let asked = cid.api.create_direct(bob.id()).await?.conversation_id;
    let mut cids = Socket::live(&h, 0, &cid.device, None).await?;
    let hello = cids.post(asked, &ulid_key(0), "hello").await?.seq;
    bobs.passed(hello).await?;
    has(&mut bobs, asked, hello).await?;
    is_dropped(&h, 1, "silent", 1).await;
    cids.passed(hello).await?;
    assert_eq!(frames(&cids), 0);
    assert_eq!(cid.api.receipts(asked).await?.delivered, []);
    // What comes right after the answer is told, as soon as the gateway asks again.
    bob.api.accept(asked).await?;
    let welcome = cids.post(asked, &ulid_key(0), "there you are").await?.seq;
    bobs.passed(welcome).await?;
    has(&mut bobs, asked, welcome).await?;
    arrived(&mut cids, asked, bob.id(), welcome).await?;
    h.finish().await
}

#[tokio::test]
async fn delivery_comes_through_the_sdk_by_itself() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Client::live(&h, 0, &ann.device).await?;
    let bobs = Client::live(&h, 1, &bob.device).await?;
    let sent = anns.sdk.send(chat, super::support::text("hello")).await?.await?;
    loop {
        if let Event::Receipts(receipts) = anns.next().await? {
            ensure!(receipts.delivered.iter().any(|to| to.user_id == bob.id() && to.seq == sent.seq), "{receipts:?}");
            break;
        }
    }
    drop(bobs);
    h.finish().await
}

#[tokio::test]
async fn details_tell_when_and_on_what_kind_of_device_to_members_alone() -> TestResult {
    let h = Harness::builder().gateways(2).start().await?;
    let (ann, bob, cid, eve) = (h.user("ann").await?, h.user("bob").await?, h.user("cid").await?, h.user("eve").await?);
    let chat = group(&ann, &[&bob, &cid]).await?;
    let phone = bob.log_in_on("his phone", DeviceKind::Phone).await?;
    let kinds = bob.api.sessions().await?.sessions.into_iter().map(|session| (session.device_name.to_string(), session.device_kind));
    let expected = [("his phone".to_owned(), Some(DeviceKind::Phone)), ("first".to_owned(), None)];
    assert_eq!(kinds.collect::<Vec<_>>(), expected);
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 1, &phone, None).await?;
    let ack = anns.post(chat, &ulid_key(0), "look at this").await?;
    bobs.passed(ack.seq).await?;
    has(&mut bobs, chat, ack.seq).await?;
    let of_bob = async || {
        let details = ann.api.message_receipts(chat, ack.message_id).await?;
        ensure!(details.named && details.people.iter().map(|one| one.user.user_id).collect::<Vec<_>>() == [bob.id(), cid.id()]);
        let bobs = details.people.into_iter().next().ok_or_else(|| anyhow::anyhow!("bob is not named"))?;
        Ok((details.read_count, details.delivered_count, bobs.delivered, bobs.read))
    };
    // Gateways write it down every few seconds.
    wait_for("when it was delivered", SOON, || async {
        match of_bob().await {
            Ok((0, 1, Some(step), None)) if !step.before && step.device_kind == Some(DeviceKind::Phone) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    phone.api.mark_read(chat, ack.seq).await?;
    let (read_count, delivered_count, delivered, read) = of_bob().await?;
    let (delivered, read) = (delivered.expect("delivered"), read.expect("read"));
    assert_eq!((read_count, delivered_count, read.before, read.device_kind), (1, 1, false, Some(DeviceKind::Phone)));
    assert!(ack.sent_at_ms <= delivered.at_ms.expect("when") + 1_000 && delivered.at_ms <= read.at_ms.map(|at| at + 1_000));

    // Others see who read it, and not who has it; strangers, and those who came later, see nothing.
    let others = cid.api.message_receipts(chat, ack.message_id).await?;
    assert_eq!((others.read_count, others.delivered_count), (1, 0));
    assert!(others.people.iter().all(|one| one.delivered.is_none()), "{others:?}");
    assert_eq!(code_of(eve.api.message_receipts(chat, ack.message_id).await), ErrorCode::NotMember);
    let_in(&ann, chat, &eve).await?;
    persisted(&h).await?;
    assert_eq!(code_of(eve.api.message_receipts(chat, ack.message_id).await), ErrorCode::UnknownMessage);
    ensure!(ann.api.message_receipts(chat, ack.message_id).await?.people.len() == 2, "who came later was not meant");
    ann.api.remove_member(chat, cid.id()).await?;
    assert_eq!(code_of(cid.api.message_receipts(chat, ack.message_id).await), ErrorCode::NotMember);
    assert_eq!(code_of(ann.api.message_receipts(chat, MessageId::from_uuid(chat.to_uuid())).await), ErrorCode::UnknownMessage);

    // Off looks as if he had not read it.
    set(&bob, false).await?;
    let second = anns.post(chat, &ulid_key(0), "and this").await?;
    bobs.passed(second.seq).await?;
    persisted(&h).await?;
    phone.api.mark_read(chat, second.seq).await?;
    let untold = ann.api.message_receipts(chat, second.message_id).await?;
    assert!(untold.read_count == 0 && untold.people.iter().all(|one| one.read.is_none()), "{untold:?}");
    assert_eq!(bob.api.message_receipts(chat, ack.message_id).await?.read_count, 0, "nor is he told");
    h.finish().await
}

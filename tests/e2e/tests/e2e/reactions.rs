//! Reactions: one of each kind per person, the same on every device, in history and at both doors, bounded.

use relay_harness::{Harness, User};
use relay_protocol::frame::{ErrorFrame, MessageAck};
use relay_protocol::log::{LogEvent, MessageReacted};
use relay_protocol::rest::{ConversationListQuery, ReactRequest, ReactionsQuery};
use relay_protocol::{ErrorCode, MessageRef, Position, React, Reaction, ServerFrame, command};
use relay_types::{ClientId, ConversationId, Emoji, IdGen as _, MessageId, Seq, SystemIds, UserId};

use super::checks::{contiguous, holds};
use super::edits::{find, is_unheard, logged, store};
use super::outages::durable_covers;
use super::support::{Client, Socket, TestResult, code_of, direct, group, let_in, people, text, ulid_key};
use super::witness::{log_end, persisted};

/// A ring that does not reach back far.
const SETTINGS: &str = "ring_bytes = 65536\nmessages_per_s = 10000\nmessage_burst = 10000\nframes_per_s = 10000";

impl Socket {
    async fn react(
        &mut self,
        chat: ConversationId,
        key: &ClientId,
        message_id: MessageId,
        emoji: &str,
        on: bool,
    ) -> anyhow::Result<Result<MessageAck, ErrorFrame>> {
        let react = React { client_id: key.clone(), conversation_id: chat, message_id, emoji: emoji.parse()?, on };
        self.say(&command::encode::react(&react), key, is_unheard).await
    }

    /// The reactions that came, in order.
    fn reactions(&self) -> Vec<(Seq, UserId, String, bool)> {
        let reacted = |frame: &ServerFrame| match frame.event()? {
            LogEvent::MessageReacted(reacted) => Some((frame.place()?.seq, reacted.actor_id, reacted.emoji.to_string(), reacted.on)),
            _ => None,
        };
        self.frames.iter().filter_map(reacted).collect()
    }
}

fn request(key: &ClientId, emoji: &str, on: bool) -> ReactRequest {
    ReactRequest { client_id: key.clone(), emoji: emoji.parse().expect("an emoji"), on }
}

fn kind(emoji: &str, mine: bool, by: &[&User]) -> Reaction {
    let by: Vec<UserId> = by.iter().map(|user| user.id()).collect();
    Reaction { emoji: emoji.parse().expect("an emoji"), count: u32::try_from(by.len()).expect("few"), mine, by }
}

/// One of so many kinds.
fn nth(n: u32) -> String {
    char::from_u32(0x1f400 + n).expect("an animal").to_string()
}

#[tokio::test]
async fn a_reaction_reaches_every_device_history_and_both_doors_once() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let phone = ann.log_in("phone").await?;
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut phones = Socket::live(&h, 1, &phone, None).await?;
    let mut bobs = Socket::live(&h, 1, &bob.device, None).await?;
    let hello = anns.post(chat, &ulid_key(0), "hello").await?;
    let message = hello.message_id;

    // The same key is the same reaction, at either door; written in full, however it was typed.
    let key = ulid_key(0);
    let heart = bobs.react(chat, &key, message, "\u{2764}", true).await?.expect("accepted");
    assert_eq!(bobs.react(chat, &key, message, "\u{2764}", true).await?.expect("the original ack"), heart);
    assert_eq!(bob.api.react(chat, message, &request(&key, "👍", false)).await?, heart);
    let thumb = ann.api.react(chat, message, &request(&ulid_key(0), "👍", true)).await?;
    let thumbs = bob.api.react(chat, message, &request(&ulid_key(0), "👍", true)).await?;
    let back = anns.react(chat, &ulid_key(0), message, "👍", false).await?.expect("accepted");
    // What is so already is refused, and nothing is told.
    for (who, emoji, on, code) in [
        (&ann, "👍", false, ErrorCode::NotReacted),
        (&ann, "🎉", false, ErrorCode::NotReacted),
        (&bob, "👍", true, ErrorCode::AlreadyReacted),
    ] {
        let (over_socket, over_rest) = (ulid_key(0), ulid_key(0));
        let socket = if who.id() == ann.id() { &mut anns } else { &mut bobs };
        assert_eq!(socket.react(chat, &over_socket, message, emoji, on).await?.expect_err("refused").code, code);
        assert_eq!(code_of(who.api.react(chat, message, &request(&over_rest, emoji, on)).await), code);
        assert_eq!((logged(&h, &over_socket).await?, logged(&h, &over_rest).await?), (0, 0));
    }
    assert_eq!(logged(&h, &key).await?, 1);

    let end = log_end(&h).await?;
    let expected: Vec<_> = [
        (heart.seq, &bob, "\u{2764}\u{fe0f}", true),
        (thumb.seq, &ann, "👍", true),
        (thumbs.seq, &bob, "👍", true),
        (back.seq, &ann, "👍", false),
    ]
    .map(|(seq, user, emoji, on)| (seq, user.id(), emoji.to_owned(), on))
    .into();
    for socket in [&mut anns, &mut phones, &mut bobs] {
        socket.passed(end).await?;
        assert_eq!(socket.reactions(), expected);
        holds(contiguous(socket.me, &socket.seen()));
    }
    for (user, mine) in [(&ann, false), (&bob, true)] {
        let shown = find(user, chat, message).await?;
        assert_eq!(shown.reactions, [kind("\u{2764}\u{fe0f}", mine, &[&bob]), kind("👍", mine, &[&bob])]);
        assert_eq!(shown.reacted_seq, Some(back.seq));
        assert_eq!(user.api.message(chat, message).await?, shown);
        let who = user.api.reactions(chat, message, &ReactionsQuery::default()).await?;
        assert!(who.reactions.iter().all(|reactor| reactor.user_id == bob.id()) && who.reactions.len() == 2 && who.next.is_none());
        let only = ReactionsQuery { emoji: Some("👍".parse()?), ..ReactionsQuery::default() };
        assert_eq!(user.api.reactions(chat, message, &only).await?.reactions.len(), 1);
    }
    h.finish().await
}

#[tokio::test]
async fn the_sdk_reacts_and_a_device_that_follows_comes_to_what_history_says() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let anns = Client::live(&h, 0, &ann.device).await?;
    let mut bobs = Client::live(&h, 1, &bob.device).await?;
    let sent = anns.sdk.send(chat, text("one")).await?.await?;
    let mut followed = bobs.messages(chat, 1).await?.remove(0);
    let mut last = sent.seq;
    for (client, emoji, on) in [(&anns, "👍", true), (&bobs, "🎉", true), (&bobs, "👍", true), (&anns, "👍", false), (&anns, "🎉", true)]
    {
        last = client.sdk.react(chat, sent.message_id, emoji.parse()?, on).await?.await?.seq;
    }
    while followed.reacted_seq != Some(last) {
        if let relay_client::Event::Happened(frame) = bobs.next().await?
            && let LogEvent::MessageReacted(reacted) = frame.event
        {
            followed.react(&reacted, frame.seq, bob.id());
        }
    }
    let read = find(&bob, chat, sent.message_id).await?;
    let mut kinds = followed.reactions.clone();
    kinds.sort_by_key(|kind| read.reactions.iter().position(|other| other.emoji == kind.emoji));
    assert_eq!(kinds, read.reactions);
    let nothing = MessageId::new(SystemIds::default().next_ulid());
    let refused = anns.sdk.react(chat, nothing, "👍".parse()?, true).await?.await;
    assert!(matches!(refused, Err(relay_client::SendError::Refused(error)) if error.code == ErrorCode::UnknownMessage));
    h.finish().await
}

#[tokio::test]
async fn what_may_not_be_reacted_to_is_refused_with_its_code_and_leaves_nothing() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob, cid, eve) = (h.user("ann").await?, h.user("bob").await?, h.user("cid").await?, h.user("eve").await?);
    let chat = group(&ann, &[&bob]).await?;
    let elsewhere = group(&ann, &[&cid]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 1, &bob.device, None).await?;
    let mut cids = Socket::live(&h, 0, &cid.device, None).await?;
    let mut eves = Socket::live(&h, 1, &eve.device, None).await?;
    let of_ann = anns.post(chat, &ulid_key(0), "canary of ann").await?.message_id;
    let gone = anns.post(chat, &ulid_key(0), "gone").await?.message_id;
    let foreign = anns.post(elsewhere, &ulid_key(0), "elsewhere").await?.message_id;
    let nothing = MessageId::new(SystemIds::default().next_ulid());
    ann.api.delete_message(chat, gone, &ulid_key(0)).await?;
    // Somebody who came later does not see what was before; somebody who left sees nothing.
    let_in(&ann, chat, &cid).await?;
    ann.api.remove_member(chat, bob.id()).await?;
    let end = log_end(&h).await?;
    for socket in [&mut anns, &mut cids] {
        socket.passed(end).await?;
    }
    persisted(&h).await?;
    let mut keys = Vec::new();
    for (user, message, code) in [
        (&ann, nothing, ErrorCode::UnknownMessage),
        (&ann, foreign, ErrorCode::UnknownMessage),
        (&ann, gone, ErrorCode::MessageGone),
        (&cid, of_ann, ErrorCode::UnknownMessage),
        (&bob, of_ann, ErrorCode::NotMember),
        (&eve, of_ann, ErrorCode::NotMember),
    ] {
        let socket = [&mut anns, &mut bobs, &mut cids, &mut eves].into_iter().find(|socket| socket.me == user.id()).expect("a socket");
        for on in [true, false] {
            let (over_socket, over_rest) = (ulid_key(0), ulid_key(0));
            assert_eq!(socket.react(chat, &over_socket, message, "👍", on).await?.expect_err("refused").code, code);
            assert_eq!(code_of(user.api.react(chat, message, &request(&over_rest, "👍", on)).await), code);
            keys.extend([over_socket, over_rest]);
        }
        if code != ErrorCode::MessageGone {
            assert_eq!(code_of(user.api.reactions(chat, message, &ReactionsQuery::default()).await), code);
        }
    }
    // Bad input.
    for (fields, code) in [
        (r#""emoji":"👍👍","on":true"#, ErrorCode::BadEmoji),
        (r#""emoji":"ok","on":true"#, ErrorCode::BadEmoji),
        (r#""emoji":"","on":true"#, ErrorCode::BadEmoji),
        (r#""emoji":"👍""#, ErrorCode::MalformedFrame),
        (r#""on":true"#, ErrorCode::MalformedFrame),
        (r#""emoji":"👍","on":1"#, ErrorCode::MalformedFrame),
    ] {
        let frame = format!(r#"{{"type":"react","client_id":"bad","conversation_id":"{chat}","message_id":"{of_ann}",{fields}}}"#);
        assert_eq!(anns.error_to(&frame).await?.code, code, "{frame}");
    }
    let long = format!(
        r#"{{"type":"react","client_id":"bad","conversation_id":"{chat}","message_id":"{of_ann}","emoji":"{}","on":true}}"#,
        "👍".repeat(2_000)
    );
    assert_eq!(anns.error_to(&long).await?.code, ErrorCode::BadEmoji);
    assert_eq!(code_of(ann.api.react(chat, of_ann, &request(&ulid_key(0), "x", true)).await), ErrorCode::BadEmoji);
    for key in keys {
        assert_eq!(logged(&h, &key).await?, 0);
    }
    assert_eq!(find(&ann, chat, of_ann).await?.reactions, []);
    assert!(!cids.frames.iter().chain(&eves.frames).any(|frame| frame.encode().contains("canary of ann")), "nobody else saw it");
    h.finish().await
}

fn reacted_by(who: &User, chat: ConversationId, of: MessageRef, emoji: &str, on: bool) -> LogEvent {
    LogEvent::MessageReacted(MessageReacted {
        event_id: ulid_key(0).as_str().parse().expect("a ULID"),
        actor_id: who.id(),
        at_ms: 1,
        conversation_id: chat,
        client_id: ulid_key(0),
        message_id: of.message_id,
        message_seq: of.seq,
        emoji: emoji.parse().expect("an emoji"),
        on,
    })
}

/// What a device that comes back to `from` is told of reactions.
async fn replayed(
    h: &Harness,
    gateway: usize,
    who: &User,
    from: &Position,
    chained: bool,
) -> anyhow::Result<Vec<(Seq, UserId, String, bool)>> {
    let again = Socket::live(h, gateway, &who.device, Some(from)).await?;
    if chained {
        holds(contiguous(again.me, &again.seen()));
    }
    Ok(again.reactions())
}

#[tokio::test]
async fn reactions_are_replayed_in_order_and_void_behind_a_removal() -> TestResult {
    let builder = Harness::builder().gateways(2).private_postgres().config("gateway", SETTINGS).config("worker", "audit_every_s = 1");
    let h = builder.expect_errors().start().await?;
    let (ann, bob, cid) = (h.user("ann").await?, h.user("bob").await?, h.user("cid").await?);
    let chat = group(&ann, &[&bob, &cid]).await?;
    durable_covers(&h, &cid, chat).await;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let position = Socket::live(&h, 0, &cid.device, None).await?.at();
    let kept = anns.post_at_last(chat, &ulid_key(0), "kept").await?;
    let of = MessageRef { message_id: kept.message_id, seq: kept.seq };
    let thumb = bobs.react(chat, &ulid_key(0), kept.message_id, "👍", true).await?.expect("accepted");
    let party = anns.react(chat, &ulid_key(0), kept.message_id, "🎉", true).await?.expect("accepted");
    ann.api.remove_member(chat, bob.id()).await?;
    store(&h, chat, &reacted_by(&bob, chat, of, "👍", false)).await?;
    persisted(&h).await?;
    let shown = [kind("👍", false, &[&bob]), kind("🎉", false, &[&ann])];
    assert_eq!(find(&cid, chat, kept.message_id).await?.reactions, shown, "what he said stays, and he said no more");
    let expected = [(thumb.seq, bob.id(), "👍".to_owned(), true), (party.seq, ann.id(), "🎉".to_owned(), true)];
    assert_eq!(replayed(&h, 0, &cid, &position, true).await?, expected, "from the ring");
    for n in 0..300 {
        anns.post_at_last(chat, &ulid_key(0), &format!("message {n}")).await?;
    }
    persisted(&h).await?;
    assert_eq!(replayed(&h, 1, &cid, &position, true).await?, expected, "from Postgres");
    let heart = anns.react(chat, &ulid_key(0), kept.message_id, "❤️", true).await?.expect("found in Postgres");
    persisted(&h).await?;
    h.postgres().stop().await;
    let with_heart = [&expected[..], &[(heart.seq, ann.id(), "❤️".to_owned(), true)]].concat();
    assert_eq!(replayed(&h, 1, &cid, &position, false).await?, with_heart, "from the log");
    // What has left the ring cannot be looked at: nothing is stored, and it may be tried again. What is there is reacted to.
    let waiting = ulid_key(0);
    let refused = anns.react(chat, &waiting, kept.message_id, "👀", true).await?.expect_err("refused");
    assert_eq!((refused.code.known(), refused.retryable), (Some(ErrorCode::Unavailable), true));
    h.postgres().restart().await?;
    persisted(&h).await?;
    anns.react(chat, &waiting, kept.message_id, "👀", true).await?.expect("accepted");
    persisted(&h).await?;
    assert!(h.relayctl(&["verify"]).await?.contains("the log and Postgres agree"));
    h.finish().await
}

/// Without Postgres people react to what the gateway remembers, as they talk.
#[tokio::test]
async fn what_is_remembered_is_reacted_to_without_postgres() -> TestResult {
    let h = Harness::builder().private_postgres().config("gateway", SETTINGS).expect_errors().start().await?;
    let ann = h.user("ann").await?;
    let chat = group(&ann, &[]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let message = anns.post(chat, &ulid_key(0), "one").await?.message_id;
    persisted(&h).await?;
    h.postgres().stop().await;
    for n in 0..20 {
        anns.react(chat, &ulid_key(0), message, &nth(n), true).await?.expect("accepted");
    }
    // Counted in memory. Whether the key was used before, only Postgres can tell.
    let key = ulid_key(0);
    let refused = anns.react(chat, &key, message, &nth(21), true).await?.expect_err("refused");
    assert_eq!((refused.code.known(), refused.retryable), (Some(ErrorCode::Unavailable), true));
    h.postgres().restart().await?;
    persisted(&h).await?;
    assert_eq!(anns.react(chat, &key, message, &nth(21), true).await?.expect_err("refused").code, ErrorCode::TooManyReactions);
    anns.react(chat, &ulid_key(0), message, &nth(3), false).await?.expect("taken back");
    persisted(&h).await?;
    anns.react(chat, &ulid_key(0), message, &nth(21), true).await?.expect("there is room again");
    persisted(&h).await?;
    assert_eq!(find(&ann, chat, message).await?.reactions.len(), 20);
    h.finish().await
}

/// What the gateway holds in memory.
fn resident_kib(h: &Harness) -> anyhow::Result<u64> {
    let pid = h.gateway(0).pid().ok_or_else(|| anyhow::anyhow!("it runs"))?;
    let pages = std::fs::read_to_string(format!("/proc/{pid}/statm"))?;
    Ok(pages.split(' ').nth(1).unwrap_or_default().parse::<u64>()? * 4)
}

#[tokio::test]
async fn ten_thousand_reactions_are_refused_with_a_code_and_leave_twenty() -> TestResult {
    let h = Harness::builder().config("gateway", SETTINGS).start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let message = anns.post(chat, &ulid_key(0), "one").await?.message_id;
    // Every emoji there is, over and over.
    let known: Vec<Emoji> =
        (0..0x1_0000_u32).filter_map(|n| char::from_u32(0x1f300 + n)).filter_map(|c| Emoji::of(&c.to_string()).ok()).take(500).collect();
    let (before, mut accepted, mut refused) = (resident_kib(&h)?, 0_u32, 0_u32);
    let mut tried = known.iter().cycle().take(10_000).peekable();
    while tried.peek().is_some() {
        // Many are on their way at once, so that some are refused only for now.
        let mut keys = Vec::new();
        for emoji in tried.by_ref().take(50) {
            let react = React { client_id: ulid_key(0), conversation_id: chat, message_id: message, emoji: emoji.clone(), on: true };
            anns.connection.send_text(command::encode::react(&react)).await.map_err(|close| anyhow::anyhow!("closed: {close:?}"))?;
            keys.push(react.client_id);
        }
        anns.frames.clear();
        while !keys.is_empty() {
            let answered = |frame: &ServerFrame| match frame {
                ServerFrame::MessageAck(ack) => Some((ack.client_id.clone(), None)),
                ServerFrame::Error(error) => Some((error.client_id.clone()?, Some(error.clone()))),
                _ => None,
            };
            let (key, error) = anns.until("an answer", answered).await?;
            keys.retain(|other| *other != key);
            match error {
                None => accepted += 1,
                Some(error) => {
                    let final_codes = [ErrorCode::TooManyReactions, ErrorCode::AlreadyReacted];
                    assert!(error.retryable || final_codes.iter().any(|code| error.code == *code), "{error:?}");
                    refused += u32::from(!error.retryable);
                }
            }
        }
    }
    // What comes before a refusal is heard is refused for now.
    assert!(accepted >= 20 && refused >= 1, "{accepted} accepted, {refused} refused for good");
    persisted(&h).await?;
    let mut again = Socket::live(&h, 0, &ann.device, None).await?;
    for n in 0..10 {
        let refused = again.react(chat, &ulid_key(0), message, &nth(100 + n), true).await?.expect_err("refused");
        assert_eq!((refused.code.known(), refused.retryable), (Some(ErrorCode::TooManyReactions), false));
    }
    let grown = resident_kib(&h)?.saturating_sub(before);
    assert!(grown < 16 * 1024, "{grown} KiB more");
    persisted(&h).await?;
    assert_eq!(find(&bob, chat, message).await?.reactions.len(), 20);
    assert_eq!(code_of(bob.api.react(chat, message, &request(&ulid_key(0), &nth(200), true)).await), ErrorCode::TooManyReactions);
    h.finish().await
}

#[tokio::test]
async fn in_a_large_conversation_reactions_stay_as_they_are() -> TestResult {
    let h = Harness::builder().start().await?;
    let ann = h.user("ann").await?;
    let few = people(&h, "many", 3).await?;
    let chat = group(&ann, &few.iter().collect::<Vec<_>>()).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let message = anns.post(chat, &ulid_key(0), "one").await?.message_id;
    anns.react(chat, &ulid_key(0), message, "👍", true).await?.expect("accepted");
    // As if a thousand more had come.
    let more = "UPDATE conversations SET member_count = 1001 WHERE conversation_id = $1";
    sqlx::query(more).bind(chat.to_uuid()).execute(&mut h.database().await?).await?;
    for (emoji, on) in [("🎉", true), ("👍", false), ("👍", true)] {
        let (over_socket, over_rest) = (ulid_key(0), ulid_key(0));
        let refused = anns.react(chat, &over_socket, message, emoji, on).await?.expect_err("refused");
        assert_eq!((refused.code.known(), refused.retryable), (Some(ErrorCode::ConversationTooLarge), false));
        assert_eq!(code_of(ann.api.react(chat, message, &request(&over_rest, emoji, on)).await), ErrorCode::ConversationTooLarge);
        assert_eq!((logged(&h, &over_socket).await?, logged(&h, &over_rest).await?), (0, 0));
    }
    assert_eq!(find(&ann, chat, message).await?.reactions, [kind("👍", true, &[&ann])]);
    h.finish().await
}

#[tokio::test]
async fn what_one_hid_takes_no_reaction_and_a_reaction_brings_no_hidden_conversation_back() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let (one, two) =
        (ann.api.post_message(chat, &ulid_key(0), &text("one")).await?, ann.api.post_message(chat, &ulid_key(0), &text("two")).await?);
    bob.api.react(chat, one.message_id, &request(&ulid_key(0), "👍", true)).await?;
    persisted(&h).await?;
    for message in [one.message_id, two.message_id] {
        bob.api.hide_message(chat, message).await?;
        assert_eq!(code_of(bob.api.react(chat, message, &request(&ulid_key(0), "🎉", true)).await), ErrorCode::UnknownMessage);
        let refused = bobs.react(chat, &ulid_key(0), message, "🎉", true).await?;
        assert_eq!(refused.expect_err("it is hidden").code, ErrorCode::UnknownMessage);
    }
    bobs.react(chat, &ulid_key(0), one.message_id, "👍", false).await?.expect("what was given before is taken back");
    ann.api.react(chat, two.message_id, &request(&ulid_key(0), "🎉", true)).await?;

    let listed = async |user: &User| -> anyhow::Result<bool> {
        persisted(&h).await?;
        Ok(user
            .api
            .list_conversations(&ConversationListQuery::default())
            .await?
            .conversations
            .iter()
            .any(|row| row.conversation_id == chat))
    };
    bob.api.hide(chat).await?;
    assert!(!listed(&bob).await?);
    ann.api.react(chat, one.message_id, &request(&ulid_key(0), "🎉", true)).await?;
    ann.api.edit_message(chat, two.message_id, &ulid_key(0), &text("two, again")).await?;
    assert!(!listed(&bob).await? && listed(&ann).await?);
    ann.api.post_message(chat, &ulid_key(0), &text("three")).await?;
    assert!(listed(&bob).await?);
    Ok(())
}

//! Who is there: told to those who may know and watch, on every gateway; and nothing of those who do not want it.

use bytes::Bytes;
use relay_client::Event;
use relay_harness::{Harness, User};
use relay_protocol::command::encode;
use relay_protocol::presence::{
    Activity, Availability, PersonPresence, PresenceAudience, PresenceBatch, PresenceNotice, PresenceState, SayPresence,
};
use relay_protocol::rest::ChangeSettingsRequest;
use relay_protocol::{ErrorCode, ServerFrame};
use relay_subjects::{LiveClass, live, live_bucket_of_user};
use relay_types::{Clock as _, ConversationId, SystemClock, UserId};

use super::receipts::is_dropped;
use super::support::{Client, Socket, TestResult, code_of, group, ulid_key};

async fn send(socket: &mut Socket, word: String) -> anyhow::Result<()> {
    socket.connection.send_text(word).await.map_err(|close| anyhow::anyhow!("closed: {close:?}"))
}

async fn says(socket: &mut Socket, state: Activity, conversation_id: Option<ConversationId>) -> anyhow::Result<()> {
    send(socket, encode::presence(&SayPresence { state, conversation_id })).await
}

async fn watches(socket: &mut Socket, people: &[UserId]) -> anyhow::Result<()> {
    send(socket, encode::watch_presence(people)).await
}

/// The newest that the socket was told of somebody.
fn known(socket: &Socket, of: UserId) -> Option<PersonPresence> {
    let told = socket.frames.iter().filter_map(|frame| if let ServerFrame::UserPresence(presence) = frame { Some(presence) } else { None });
    told.flat_map(|presence| &presence.people).rfind(|one| one.user_id == of).copied()
}

/// Reads until the newest that it is told of somebody is as wished.
async fn sees(socket: &mut Socket, of: UserId, wish: impl Fn(&PersonPresence) -> bool) -> anyhow::Result<PersonPresence> {
    loop {
        match known(socket, of) {
            Some(told) if wish(&told) => return Ok(told),
            Some(_) | None => socket.next().await?,
        };
    }
}

async fn set(of: &User, availability: Option<Availability>, presence_to: Option<PresenceAudience>) -> anyhow::Result<()> {
    of.api.change_settings(ChangeSettingsRequest { read_receipts: None, availability, presence_to }).await.map(drop).map_err(Into::into)
}

/// As somebody of whom one may know nothing.
fn is_nothing(told: &PersonPresence) -> bool {
    told.state == PresenceState::Offline && told.last_seen_ms.is_none() && told.conversation_id.is_none()
}

#[tokio::test]
async fn presence_is_told_to_contacts_who_watch_on_every_gateway() -> TestResult {
    let h = Harness::builder().gateways(2).start().await?;
    let (ann, bob, cid, eve) = (h.user("ann").await?, h.user("bob").await?, h.user("cid").await?, h.user("eve").await?);
    let chat = group(&ann, &[&bob]).await?;
    // Cid shares another conversation with her than the one before her eyes.
    group(&ann, &[&cid]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 1, &bob.device, None).await?;
    let mut cids = Socket::live(&h, 1, &cid.device, None).await?;
    let mut eves = Socket::live(&h, 1, &eve.device, None).await?;
    watches(&mut bobs, &[ann.id(), eve.id()]).await?;
    assert!(is_nothing(&sees(&mut bobs, ann.id(), |_| true).await?), "she has not said anything");
    says(&mut anns, Activity::Active, Some(chat)).await?;
    let there = sees(&mut bobs, ann.id(), |told| told.state == PresenceState::Online).await?;
    assert_eq!((there.conversation_id, there.last_seen_ms), (Some(chat), None));
    assert!(is_nothing(&sees(&mut bobs, eve.id(), |_| true).await?));
    // Those who watch later are told what is; others' conversations and strangers are told nothing.
    watches(&mut cids, &[ann.id()]).await?;
    let there = sees(&mut cids, ann.id(), |_| true).await?;
    assert_eq!((there.state, there.conversation_id), (PresenceState::Online, None));
    watches(&mut eves, &[ann.id()]).await?;
    assert!(is_nothing(&sees(&mut eves, ann.id(), |_| true).await?));
    // Until they share a conversation: that ends the no.
    group(&ann, &[&eve]).await?;
    sees(&mut eves, ann.id(), |told| told.state == PresenceState::Online).await?;

    // Many devices make one.
    says(&mut anns, Activity::Idle, None).await?;
    sees(&mut bobs, ann.id(), |told| told.state == PresenceState::Idle).await?;
    let tablet = ann.log_in("tablet").await?;
    let mut second = Socket::live(&h, 1, &tablet, None).await?;
    says(&mut second, Activity::Active, None).await?;
    sees(&mut bobs, ann.id(), |told| told.state == PresenceState::Online).await?;
    drop(second);
    sees(&mut bobs, ann.id(), |told| told.state == PresenceState::Idle).await?;

    // Not to be disturbed; invisible is as gone, and stays so whatever she does.
    set(&ann, Some(Availability::DoNotDisturb), None).await?;
    sees(&mut bobs, ann.id(), |told| told.state == PresenceState::DoNotDisturb).await?;
    set(&ann, Some(Availability::Invisible), None).await?;
    let gone = sees(&mut bobs, ann.id(), |told| told.state == PresenceState::Offline).await?;
    assert!(gone.last_seen_ms.is_some() && gone.conversation_id.is_none());
    let seen_gone = SystemClock.now_ms();
    says(&mut anns, Activity::Active, Some(chat)).await?;
    let mut third = Socket::live(&h, 0, &tablet, None).await?;
    says(&mut third, Activity::Active, Some(chat)).await?;
    drop(third);
    // Behind what her gateway had to say: another's word on the same road.
    set(&cid, None, Some(PresenceAudience::Everybody)).await?;
    let mut others = Socket::live(&h, 0, &cid.device, None).await?;
    says(&mut others, Activity::Active, None).await?;
    bobs.frames.clear();
    watches(&mut bobs, &[ann.id(), cid.id()]).await?;
    sees(&mut bobs, cid.id(), |told| told.state == PresenceState::Online).await?;
    let again = sees(&mut bobs, ann.id(), |_| true).await?;
    assert!(again.state == PresenceState::Offline && again.conversation_id.is_none(), "{again:?}");
    assert!(again.last_seen_ms.is_some_and(|at| at <= seen_gone), "{again:?} of {seen_gone}");
    set(&ann, Some(Availability::Available), None).await?;
    sees(&mut bobs, ann.id(), |told| told.state == PresenceState::Online && told.conversation_id == Some(chat)).await?;

    // Whom she tells.
    set(&ann, None, Some(PresenceAudience::Nobody)).await?;
    sees(&mut bobs, ann.id(), is_nothing).await?;
    set(&ann, None, Some(PresenceAudience::Everybody)).await?;
    sees(&mut bobs, ann.id(), |told| told.state == PresenceState::Online).await?;
    sees(&mut eves, ann.id(), |told| told.state == PresenceState::Online && told.conversation_id.is_none()).await?;
    let bad = ChangeSettingsRequest { availability: Some("on_fire".parse()?), ..ChangeSettingsRequest::default() };
    assert_eq!(code_of(ann.api.change_settings(bad).await), ErrorCode::InvalidField);

    drop(anns);
    let gone = sees(&mut eves, ann.id(), |told| told.state == PresenceState::Offline).await?;
    assert!(gone.last_seen_ms.is_some());
    // What was said before somebody watched is kept for them.
    let mut late = Socket::live(&h, 0, &eve.device, None).await?;
    watches(&mut late, &[ann.id()]).await?;
    assert!(sees(&mut late, ann.id(), |_| true).await?.last_seen_ms.is_some());
    h.finish().await
}

#[tokio::test]
async fn presence_goes_on_without_valkey_and_bad_batches_do_no_harm() -> TestResult {
    let h = Harness::builder().gateways(2).start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = group(&ann, &[&bob]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 1, &bob.device, None).await?;
    watches(&mut bobs, &[ann.id()]).await?;
    sees(&mut bobs, ann.id(), is_nothing).await?;
    let thief = h.nats_client_of("gateway").await?;
    let subject = || live(LiveClass::Presence, live_bucket_of_user(ann.id()));
    for bytes in [b"".as_slice(), b"{", br#"{"v":1,"gateway":"x","people":[{}]}"#] {
        thief.publish(subject(), Bytes::copy_from_slice(bytes)).await?;
    }
    thief.publish(subject(), PresenceBatch::new("", Vec::new()).encode().into()).await?;
    thief.flush().await?;
    is_dropped(&h, 1, "malformed", 3).await;
    is_dropped(&h, 1, "too_large", 1).await;
    // Of people whom nobody watches, nothing is kept; a state of a newer gateway's is none.
    let notice = |user_id, state: &str| PresenceNotice { user_id, state: state.parse().unwrap(), conversation_id: None };
    let batch = PresenceBatch::new("newer", vec![notice(ann.id(), "in_a_call"), notice(bob.id(), "online")]);
    thief.publish(subject(), batch.encode().into()).await?;
    thief.flush().await?;

    h.valkey().stop().await;
    says(&mut anns, Activity::Active, None).await?;
    sees(&mut bobs, ann.id(), |told| told.state == PresenceState::Online).await?;
    says(&mut anns, Activity::Idle, None).await?;
    sees(&mut bobs, ann.id(), |told| told.state == PresenceState::Idle).await?;
    anns.post(chat, &ulid_key(0), "messages go on").await?;
    h.finish().await
}

#[tokio::test]
async fn presence_comes_through_the_sdk() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = group(&ann, &[&bob]).await?;
    let mut anns = Client::live(&h, 0, &ann.device).await?;
    let bobs = Client::live(&h, 1, &bob.device).await?;
    anns.sdk.watch(vec![bob.id()]).await;
    bobs.sdk.present(Activity::Active, Some(chat)).await;
    loop {
        if let Event::Presence(people) = anns.next().await? {
            let [one] = people.as_slice() else { anyhow::bail!("{people:?}") };
            if one.state == PresenceState::Online {
                assert_eq!((one.user_id, one.conversation_id), (bob.id(), Some(chat)));
                break;
            }
        }
    }
    h.finish().await
}

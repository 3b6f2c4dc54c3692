//! A gateway whose tail is behind: what it has not passed yet must not be mixed with what somebody else has.

use std::num::NonZeroU32;

use relay_domain::ports::{JoinSnapshot, Membership};
use relay_protocol::MessageBody;
use relay_protocol::log::{MemberAdded, MemberRemoved, MembersAdded, MembersRemoved, MessageSent};
use relay_protocol::message::{ConversationKind, Role};

use super::*;

const SHARD: ShardId = ShardId(0);

fn room() -> ConversationId {
    "01ARZ3NDEKTSV4RRFFQ69G5FAX".parse().unwrap()
}

fn ann() -> UserId {
    "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap()
}

fn bob() -> UserId {
    "01ARZ3NDEKTSV4RRFFQ69G5FAW".parse().unwrap()
}

fn stored(seq: u64, event: LogEvent) -> StoredEvent {
    StoredEvent { shard: SHARD, seq: Seq(seq), prev: None, stored_at_ms: 0, event }
}

fn says(seq: u64) -> StoredEvent {
    let sent = MessageSent {
        message_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
        conversation_id: room(),
        sender_id: ann(),
        client_id: format!("k{seq}").parse().unwrap(),
        sent_at_ms: 0,
        body: MessageBody::Text { text: "hello".parse().unwrap() },
    };
    stored(seq, LogEvent::MessageSent(sent))
}

fn leaves(seq: u64) -> StoredEvent {
    let event_id = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
    let removed = MemberRemoved { event_id, conversation_id: room(), user_id: bob(), removed_by: ann(), at_ms: 0 };
    stored(seq, LogEvent::MemberRemoved(removed))
}

fn joins(seq: u64) -> StoredEvent {
    let added = MemberAdded {
        event_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
        conversation_id: room(),
        user_id: bob(),
        role: Role::Member,
        added_by: ann(),
        kind: ConversationKind::Group,
        title: None,
        at_ms: 0,
    };
    stored(seq, LogEvent::MemberAdded(added))
}

fn all_leave(seq: u64) -> StoredEvent {
    let event_id = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
    let removed = MembersRemoved { event_id, conversation_id: room(), user_ids: vec![bob(), ann()], removed_by: ann(), at_ms: 0 };
    stored(seq, LogEvent::MembersRemoved(removed))
}

fn all_join(seq: u64) -> StoredEvent {
    let added = MembersAdded {
        event_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
        conversation_id: room(),
        user_ids: vec![bob(), ann()],
        role: Role::Member,
        added_by: ann(),
        kind: ConversationKind::Group,
        title: None,
        at_ms: 0,
    };
    stored(seq, LogEvent::MembersAdded(added))
}

/// A hub whose tail has passed everything up to `head`, of a log that ends at `end`.
fn hub(head: u64, end: u64) -> Hub {
    let limits = HubLimits {
        ring_bytes: 1 << 20,
        roster_linger: Duration::from_secs(60),
        revoked_kept: Duration::from_secs(60),
        quota: governor::Quota::per_second(NonZeroU32::MIN),
    };
    let hub = Hub::new(limits);
    hub.set_epoch("E".to_owned());
    let log = LogHead { epoch: "E".to_owned(), continues: false, first: Seq(1), last: Seq(end), now_ms: 0 };
    hub.begin_shard(SHARD, Seq(head), &log);
    hub
}

fn socket() -> Arc<Socket> {
    let session = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
    Arc::new(Socket { user: bob(), session, outbound: Outbound::new(1 << 20) })
}

/// Bob is in since `joined`, as of `watermark`.
fn snapshot(watermark: u64, joined: u64) -> JoinSnapshot {
    let membership = Membership { conversation: room(), shard: SHARD, joined: Seq(joined), left: None, last: Seq(joined) };
    JoinSnapshot { session_live: true, watermarks: [(SHARD, Seq(watermark))].into(), memberships: vec![membership] }
}

/// The places of the events that were queued for the socket.
fn told(socket: &Socket) -> Vec<u64> {
    let frames = socket.outbound.take();
    frames.iter().filter_map(|frame| serde_json::from_slice::<serde_json::Value>(frame).unwrap().get("seq")?.as_u64()).collect()
}

#[test]
fn a_snapshot_ahead_of_the_tail_waits_for_it_and_nobody_sees_or_misses_what_they_should_not() {
    let hub = hub(10, 30);
    let socket = socket();
    // Bob left at 15 and came back at 20, which this gateway has yet to pass; the projection is there already.
    let (from, ahead) = ([(SHARD, Seq(22))].into(), snapshot(22, 20));
    let attached = hub.attach(&socket, &from, Some(&ahead), None, true);
    assert!(matches!(attached, Attach::Ahead(places) if places == [(SHARD, Seq(22))].into()));
    hub.apply(SHARD, vec![says(12), leaves(15), says(17), joins(20), says(22)], 0);
    assert!(matches!(hub.attach(&socket, &from, Some(&ahead), None, true), Attach::Live { .. }));
    hub.apply(SHARD, vec![says(24), leaves(26), says(28)], 0);
    assert_eq!(told(&socket), [24, 26]);
}

#[test]
fn a_socket_ahead_of_the_tail_waits_for_it_also_where_its_user_is_known() {
    let hub = hub(10, 30);
    let (first, second) = (socket(), socket());
    let here = [(SHARD, Seq(10))].into();
    assert!(matches!(hub.attach(&first, &here, Some(&snapshot(10, 5)), None, true), Attach::Live { .. }));
    let from = [(SHARD, Seq(12))].into();
    assert!(matches!(hub.attach(&second, &from, None, None, true), Attach::Ahead(_)));
    hub.apply(SHARD, vec![says(12)], 0);
    assert!(matches!(hub.attach(&second, &from, None, None, true), Attach::Live { .. }));
    hub.apply(SHARD, vec![says(13)], 0);
    assert_eq!((told(&first), told(&second)), (vec![12, 13], vec![13]));
}

#[test]
fn several_who_come_or_go_at_once_see_what_one_would() {
    let hub = hub(10, 30);
    let (live, late) = (socket(), socket());
    let here = [(SHARD, Seq(10))].into();
    assert!(matches!(hub.attach(&live, &here, Some(&snapshot(10, 5)), None, true), Attach::Live { .. }));
    hub.apply(SHARD, vec![says(11), all_leave(12), says(13), all_join(14), says(15)], 0);
    assert_eq!(told(&live), [11, 12, 14, 15]);
    assert!(hub.standing(bob(), room()).is_some());
    hub.apply(SHARD, vec![all_leave(16)], 0);
    assert!(hub.standing(bob(), room()).is_none());
    // The same from the ring.
    assert!(matches!(hub.attach(&late, &here, None, None, true), Attach::Live { .. }));
    assert_eq!(told(&late), [11, 12, 14, 15, 16]);
}

#[tokio::test]
async fn nobody_is_let_in_before_what_the_log_held_has_passed() {
    let hub = hub(10, 30);
    let begun = hub.begun(&[SHARD]);
    tokio::pin!(begun);
    assert!(futures::poll!(&mut begun).is_pending());
    hub.apply(SHARD, vec![says(30)], 0);
    hub.warmed_up(SHARD);
    begun.await;
}

#[test]
fn nobody_gets_in_once_the_log_is_another_one() {
    let hub = hub(10, 10);
    let (first, second) = (socket(), socket());
    let here = [(SHARD, Seq(10))].into();
    assert!(matches!(hub.attach(&first, &here, Some(&snapshot(10, 5)), None, true), Attach::Live { .. }));
    hub.forget_all();
    assert_eq!(first.outbound.closing().map(|closing| closing.code), Some(CloseCode::Resync));
    assert!(matches!(hub.attach(&second, &BTreeMap::new(), Some(&snapshot(10, 5)), None, true), Attach::Forgotten));
}

#[test]
fn a_socket_that_never_got_in_takes_nothing_from_the_others() {
    let hub = hub(10, 10);
    let (live, refused) = (socket(), socket());
    let here = [(SHARD, Seq(10))].into();
    assert!(matches!(hub.attach(&live, &here, Some(&snapshot(10, 5)), None, true), Attach::Live { .. }));
    hub.acked(bob(), &Position { epoch: "E".to_owned(), shards: here });
    assert!(hub.detach(&refused).is_empty());
    assert_eq!(hub.detach(&live), [(SHARD, Seq(10))].into());
}

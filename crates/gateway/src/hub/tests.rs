//! A gateway whose tail is behind: what it has not passed yet must not be mixed with what somebody else has.

use std::num::NonZeroU32;

use relay_domain::ports::{JoinSnapshot, MembershipInterval, OwnHead, Passed, RecentSends as _, SendKey, SnapshotMembership};
use relay_protocol::conversation::{ConversationKind, Role};
use relay_protocol::log::{
    ConversationMembershipChanged, EventOwner, MemberAdded, MemberRemoved, MembersAdded, MembersRemoved, MessageSent,
};
use relay_protocol::{MessageBody, ReceivedUpto};

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
    let owner = event.conversation().map(EventOwner::Conversation).or_else(|| event.user().map(EventOwner::User));
    StoredEvent { shard: SHARD, seq: Seq(seq), owner, prev: None, stored_at_ms: 0, event, text: None }
}

fn says(seq: u64) -> StoredEvent {
    says_as(seq, ann())
}

fn says_as(seq: u64, actor_id: UserId) -> StoredEvent {
    let sent = MessageSent {
        message_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
        conversation_id: room(),
        actor_id,
        client_id: format!("k{seq}").parse().unwrap(),
        at_ms: 0,
        body: MessageBody::Text { text: "hello".parse().unwrap() },
        reply_to: None,
        thread: None,
    };
    stored(seq, LogEvent::MessageSent(sent))
}

fn leaves(seq: u64) -> StoredEvent {
    let event_id = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
    let removed = MemberRemoved { event_id, conversation_id: room(), user_id: bob(), actor_id: ann(), at_ms: 0 };
    stored(seq, LogEvent::MemberRemoved(removed))
}

fn joins(seq: u64) -> StoredEvent {
    let added = MemberAdded {
        event_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
        conversation_id: room(),
        user_id: bob(),
        role: Role::Member,
        actor_id: ann(),
        kind: ConversationKind::Group,
        title: None,
        at_ms: 0,
    };
    stored(seq, LogEvent::MemberAdded(added))
}

fn all_leave(seq: u64) -> StoredEvent {
    let event_id = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
    let removed = MembersRemoved { event_id, conversation_id: room(), user_ids: vec![bob(), ann()], actor_id: ann(), at_ms: 0 };
    stored(seq, LogEvent::MembersRemoved(removed))
}

fn all_join(seq: u64) -> StoredEvent {
    let added = MembersAdded {
        event_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
        conversation_id: room(),
        user_ids: vec![bob(), ann()],
        role: Role::Member,
        actor_id: ann(),
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
        replay_cache_bytes: 1 << 20,
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
    let interval = MembershipInterval { conversation: room(), shard: SHARD, joined: Seq(joined), left: None };
    let membership = SnapshotMembership { interval, last: Seq(joined) };
    JoinSnapshot { session_live: true, watermarks: [(SHARD, Seq(watermark))].into(), memberships: vec![membership], own: BTreeMap::new() }
}

/// The tail passes these events.
fn pass(hub: &Hub, events: Vec<StoredEvent>) {
    use futures::FutureExt as _;
    hub.apply(SHARD, events, 0).now_or_never().expect("few sockets take no slices");
}

/// The sequences of the events that were queued for the socket.
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
    assert!(matches!(attached, Attach::Ahead(seqs) if seqs == [(SHARD, Seq(22))].into()));
    pass(&hub, vec![says(12), leaves(15), says(17), joins(20), says(22)]);
    assert!(matches!(hub.attach(&socket, &from, Some(&ahead), None, true), Attach::Live { .. }));
    pass(&hub, vec![says(24), leaves(26), says(28)]);
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
    pass(&hub, vec![says(12)]);
    assert!(matches!(hub.attach(&second, &from, None, None, true), Attach::Live { .. }));
    pass(&hub, vec![says(13)]);
    assert_eq!((told(&first), told(&second)), (vec![12, 13], vec![13]));
}

#[test]
fn several_who_come_or_go_at_once_see_what_one_would() {
    let hub = hub(10, 30);
    let (live, late) = (socket(), socket());
    let here = [(SHARD, Seq(10))].into();
    assert!(matches!(hub.attach(&live, &here, Some(&snapshot(10, 5)), None, true), Attach::Live { .. }));
    pass(&hub, vec![says(11), all_leave(12), says(13), all_join(14), says(15)]);
    assert_eq!(told(&live), [11, 12, 14, 15]);
    assert!(hub.membership(bob(), room()).is_some());
    pass(&hub, vec![all_leave(16)]);
    assert!(hub.membership(bob(), room()).is_none());
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
    pass(&hub, vec![says(30)]);
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
    assert!(matches!(hub.attach(&second, &BTreeMap::new(), Some(&snapshot(10, 5)), None, true), Attach::EpochReplaced));
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

/// The sequences and predecessors of the events that were queued for the socket.
fn chained(socket: &Socket) -> Vec<(u64, u64)> {
    let frames = socket.outbound.take();
    let chained = |frame: &Bytes| {
        let frame: serde_json::Value = serde_json::from_slice(frame).unwrap();
        Some((frame.get("seq")?.as_u64()?, frame.get("prev")?.as_u64()?))
    };
    frames.iter().filter_map(chained).collect()
}

/// Ann's socket, who is in since 5 as of 10.
fn anns(hub: &Hub, from: u64) -> Arc<Socket> {
    let socket = Arc::new(Socket { user: ann(), ..Arc::into_inner(socket()).unwrap() });
    let from = [(SHARD, Seq(from))].into();
    assert!(matches!(hub.attach(&socket, &from, Some(&snapshot(10, 5)), None, true), Attach::Live { .. }));
    socket
}

#[tokio::test]
async fn what_is_stored_behind_its_senders_removal_is_there_for_nobody() {
    let hub = hub(10, 10);
    let live = anns(&hub, 10);
    let key = |seq: u64| SendKey { conversation: room(), sender: bob(), client_id: format!("k{seq}").parse().unwrap() };
    pass(&hub, vec![says_as(11, bob()), leaves(12), says_as(13, bob()), says(14), joins(15), says_as(16, bob())]);
    assert_eq!(chained(&live), [(11, 5), (12, 11), (14, 12), (15, 14), (16, 15)]);
    assert_eq!(chained(&anns(&hub, 10)), [(11, 5), (12, 11), (14, 12), (15, 14), (16, 15)], "the same from the ring");
    assert_eq!((hub.find(&key(11)).map(|send| send.seq), hub.find(&key(13))), (Some(Seq(11)), None));
    assert_eq!((hub.passed(SHARD, Seq(11)).await, hub.passed(SHARD, Seq(13)).await), (Passed::Counts, Passed::Void));
    assert_eq!(hub.passed(SHARD, Seq(12)).await, Passed::NotKnown, "no message");
}

#[tokio::test]
async fn a_send_is_answered_as_what_it_was_when_it_passed() {
    let hub = hub(10, 10);
    let (counts, void, late) = (hub.passed(SHARD, Seq(11)), hub.passed(SHARD, Seq(13)), hub.passed(SHARD, Seq(14)));
    tokio::pin!(counts, void, late);
    assert!(futures::poll!(&mut counts).is_pending() && futures::poll!(&mut void).is_pending() && futures::poll!(&mut late).is_pending());
    pass(&hub, vec![says_as(11, bob()), leaves(12), says_as(13, bob())]);
    assert_eq!((counts.await, void.await), (Passed::Counts, Passed::Void));
    hub.sweep();
    hub.forget_all();
    assert_eq!(late.await, Passed::NotYet, "nobody knows any more");
    assert_eq!(hub.passed(ShardId(7), Seq(1)).await, Passed::NotYet);
}

#[test]
fn who_left_before_the_tail_began_is_out_still() {
    let limits = hub(0, 0).limits;
    let (one, late) = (Hub::new(limits), Seq(25));
    one.set_epoch("E".to_owned());
    let membership_changes =
        vec![(Seq(3), room(), bob(), false), (Seq(4), room(), ann(), false), (Seq(6), room(), ann(), true), (late, room(), ann(), false)];
    one.remember_ended(SHARD, Ended { sessions: Vec::new(), membership_changes });
    one.begin_shard(SHARD, Seq(10), &LogHead { epoch: "E".to_owned(), continues: false, first: Seq(1), last: Seq(10), now_ms: 0 });
    let live = anns(&one, 10);
    pass(&one, vec![says_as(11, bob()), says(12)]);
    assert_eq!(chained(&live), [(12, 5)]);
    // What the log alone tells of a run: who was out before it, also if they are back by now.
    pass(&one, vec![joins(13), says_as(14, bob())]);
    let run = vec![says_as(9, bob()), says(9)];
    let counts: Vec<UserId> = relay_domain::void::without_void(run.clone(), one.departed(SHARD, Seq(10), &run))
        .iter()
        .filter_map(|event| match &event.event {
            LogEvent::MessageSent(sent) => Some(sent.actor_id),
            _ => None,
        })
        .collect();
    assert_eq!(counts, [ann()]);
}

#[test]
fn a_return_that_was_told_late_counts_only_against_what_was_known_before_the_tail_began() {
    let hub = Hub::new(hub(0, 0).limits);
    hub.set_epoch("E".to_owned());
    hub.remember_ended(SHARD, Ended { sessions: Vec::new(), membership_changes: vec![(Seq(9), room(), bob(), false)] });
    hub.begin_shard(SHARD, Seq(10), &LogHead { epoch: "E".to_owned(), continues: false, first: Seq(1), last: Seq(10), now_ms: 0 });
    let told = |seq| {
        let event_id = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        let moved = ConversationMembershipChanged { event_id, actor_id: None, at_ms: 0, user_id: bob(), conversation_id: room() };
        stored(seq, LogEvent::ConversationJoined(moved))
    };
    let live = anns(&hub, 10);
    pass(&hub, vec![told(11), says_as(12, bob()), leaves(13), told(14), says_as(15, bob()), says(16)]);
    assert_eq!(chained(&live), [(12, 5), (13, 12), (16, 13)]);
}

#[test]
fn whoever_comes_back_in_a_run_of_the_log_was_out_before() {
    let hub = hub(20, 20);
    let run = vec![says_as(11, bob()), joins(12), says_as(13, bob()), leaves(14), says_as(15, bob())];
    let departed = hub.departed(SHARD, Seq(10), &run);
    let counts: Vec<Seq> = relay_domain::void::without_void(run, departed).iter().map(|event| event.seq).collect();
    assert_eq!(counts, [Seq(12), Seq(13), Seq(14)]);
}

/// An event of a newer version's on bob's own subject, or ann's.
fn own(seq: u64, user: UserId) -> StoredEvent {
    let owner = Some(EventOwner::User(user));
    StoredEvent { owner, ..stored(seq, LogEvent::decode(r#"{"type":"FROM_THE_FUTURE"}"#).unwrap()) }
}

#[test]
fn own_events_reach_all_sockets_of_their_user_in_a_chain_of_their_own() {
    let hub = hub(10, 30);
    let (first, second) = (socket(), socket());
    let here = [(SHARD, Seq(10))].into();
    let known = JoinSnapshot { own: [(SHARD, OwnHead { last: Seq(7), certain: true })].into(), ..snapshot(10, 5) };
    assert!(matches!(hub.attach(&first, &here, Some(&known), None, true), Attach::Live { .. }));
    assert!(matches!(hub.attach(&second, &here, None, None, true), Attach::Live { .. }));
    let anns_socket = anns(&hub, 10);
    pass(&hub, vec![own(11, bob()), says(12), own(13, ann()), own(14, bob()), leaves(15), own(16, bob())]);
    let bobs = [(11, 7), (12, 5), (14, 11), (15, 12), (16, 14)];
    assert_eq!(chained(&first), bobs);
    assert_eq!(chained(&second), bobs);
    assert_eq!(told(&anns_socket), [12, 13, 15], "nobody else sees them");
    // The same from the ring.
    let late = socket();
    assert!(matches!(hub.attach(&late, &here, None, None, false), Attach::Live { .. }));
    assert_eq!(chained(&late), bobs);
}

#[test]
fn own_chain_goes_on_from_the_snapshot_through_the_ring() {
    let hub = hub(10, 30);
    pass(&hub, vec![own(11, bob()), own(12, bob()), own(13, ann())]);
    let socket = socket();
    let known = JoinSnapshot { own: [(SHARD, OwnHead { last: Seq(11), certain: true })].into(), ..snapshot(11, 5) };
    assert!(matches!(hub.attach(&socket, &[(SHARD, Seq(11))].into(), Some(&known), None, false), Attach::Live { .. }));
    pass(&hub, vec![own(14, bob())]);
    assert_eq!(chained(&socket), [(12, 11), (14, 12)]);
    // Where a worker of before left some out, nothing is claimed.
    let uncertain = JoinSnapshot { own: [(SHARD, OwnHead { last: Seq(9), certain: false })].into(), ..snapshot(12, 5) };
    let anns = Arc::new(Socket { user: ann(), session: socket.session, outbound: Outbound::new(1 << 20) });
    assert!(matches!(hub.attach(&anns, &[(SHARD, Seq(12))].into(), Some(&uncertain), None, true), Attach::Live { .. }));
    pass(&hub, vec![own(15, ann())]);
    assert_eq!(chained(&anns), [(15, 13)]);
}

/// Failed before: whoever had never had an event on the shard was sent to the projection, which knew no more, each time a device of
/// theirs came back.
#[test]
fn the_first_own_event_of_a_shard_is_no_gap_of_the_ring() {
    let hub = hub(10, 30);
    let nothing_known = |watermark| snapshot(watermark, 5);
    let here = [(SHARD, Seq(10))].into();
    // It passes while bob is here.
    let first = socket();
    assert!(matches!(hub.attach(&first, &here, Some(&nothing_known(10)), None, false), Attach::Live { .. }));
    pass(&hub, vec![own(11, bob()), own(12, bob())]);
    assert_eq!(told(&first), [11, 12]);
    let back = socket();
    assert!(matches!(hub.attach(&back, &here, None, None, false), Attach::Live { .. }));
    assert_eq!(chained(&back), [(12, 11)], "what it follows on nobody knows");
    // It has passed when ann comes.
    pass(&hub, vec![own(13, ann()), own(14, ann())]);
    for _ in 0..2 {
        let anns = Arc::new(Socket { user: ann(), session: first.session, outbound: Outbound::new(1 << 20) });
        assert!(matches!(hub.attach(&anns, &[(SHARD, Seq(12))].into(), Some(&nothing_known(12)), None, false), Attach::Live { .. }));
        assert_eq!(chained(&anns), [(14, 13)]);
    }
}

/// What passed before anybody asked who they are has a predecessor that the projection knows.
#[test]
fn an_own_event_of_before_the_snapshot_is_a_gap_of_the_ring() {
    let hub = hub(10, 30);
    pass(&hub, vec![own(11, bob()), own(12, bob())]);
    let known = JoinSnapshot { own: [(SHARD, OwnHead { last: Seq(12), certain: true })].into(), ..snapshot(12, 5) };
    let (fresh, late) = (socket(), socket());
    assert!(matches!(hub.attach(&fresh, &[(SHARD, Seq(12))].into(), Some(&known), None, false), Attach::Live { .. }));
    assert!(matches!(hub.attach(&late, &[(SHARD, Seq(10))].into(), None, None, false), Attach::RingGap));
}

/// Failed before: it took what it did not know for what others had been told.
#[test]
fn what_a_device_says_to_have_is_news_where_nothing_is_known_of_it() {
    let hub = hub(10, 30);
    pass(&hub, vec![says(11), says(12)]);
    let upto = |seq| [ReceivedUpto { conversation_id: room(), seq: Seq(seq) }];
    let news = |hub: &Hub, seq| {
        let notices = hub.received(bob(), &upto(seq)).into_iter();
        notices.map(|(notice, before)| (notice.of.iter().map(|of| of.seq).collect::<Vec<_>>(), before)).collect::<Vec<_>>()
    };
    let posting = socket();
    assert!(matches!(hub.attach(&posting, &BTreeMap::new(), Some(&snapshot(10, 5)), None, true), Attach::Live { .. }));
    hub.detach(&posting);
    hub.begins_elsewhere(bob());
    assert_eq!(news(&hub, 12), [(vec![Seq(12)], Seq(11))], "since when they have the others, other gateways know");
    assert_eq!(hub.take_received(), [(bob(), SHARD, Seq(12))]);
    assert_eq!(news(&hub, 12), []);
    pass(&hub, vec![says(13), says(14)]);
    assert_eq!(news(&hub, 14), [(vec![Seq(14)], Seq(12))]);
    // Of somebody who is not known at all, no more than that is kept.
    let anns = Position { epoch: "E".to_owned(), shards: [(SHARD, Seq(14))].into() };
    hub.take_received();
    assert_eq!(hub.acked_by_post(ann(), &anns), anns.shards);
    assert_eq!(hub.take_received(), [(ann(), SHARD, Seq(14))]);
}

/// Failed before: a position was taken for what others had been told, and so was the end of the log for a device without one.
#[test]
fn what_a_device_had_before_it_came_is_news_until_it_was_told() {
    let hub = hub(10, 30);
    pass(&hub, vec![says(11), says(12), says(13)]);
    let upto = |seq| [ReceivedUpto { conversation_id: room(), seq: Seq(seq) }];
    let news = |hub: &Hub, seq| {
        let notices = hub.received(bob(), &upto(seq)).into_iter();
        notices.map(|(notice, before)| (notice.of.iter().map(|of| of.seq).collect::<Vec<_>>(), before)).collect::<Vec<_>>()
    };
    let first = socket();
    assert!(matches!(hub.attach(&first, &[(SHARD, Seq(12))].into(), Some(&snapshot(10, 5)), None, false), Attach::Live { .. }));
    hub.begins(bob(), Some(&Position { epoch: "E".to_owned(), shards: [(SHARD, Seq(12))].into() }));
    let second = socket();
    assert!(matches!(hub.attach(&second, &[(SHARD, Seq(13))].into(), None, None, false), Attach::Live { .. }));
    hub.begins(bob(), None);
    // Its word about 12 was lost with the socket of before.
    assert_eq!(news(&hub, 12), [(vec![Seq(12)], Seq(11))]);
    assert_eq!(news(&hub, 13), [(vec![Seq(13)], Seq(12))], "the other one began behind it");
    assert_eq!(news(&hub, 13), []);
}

#[test]
fn who_speaks_without_a_socket_stays_known() {
    let hub = hub(10, 30);
    let posting = socket();
    assert!(hub.keep_known(bob()).is_none());
    assert!(matches!(hub.attach(&posting, &BTreeMap::new(), Some(&snapshot(10, 5)), None, true), Attach::Live { .. }));
    assert!(hub.keep_known(bob()).is_some());
    let idle_since = |hub: &Hub| hub.state.lock().users[&bob()].idle_since;
    assert_eq!(idle_since(&hub), None, "a socket is here");
    hub.detach(&posting);
    let before = idle_since(&hub).unwrap();
    while Instant::now() == before {}
    assert!(hub.keep_known(bob()).is_some());
    assert!(idle_since(&hub).unwrap() > before);
}

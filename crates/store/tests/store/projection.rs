use relay_domain::ports::{AuditedProjection as _, EventRange, ProjectError, Projection as _, ResumeStore as _, SendKey};
use relay_protocol::log::{EventOwner, LogEvent, SessionRevoked};
use relay_types::{ConversationId, EventId, Seq, UserId};
use serde_json::Value;

use crate::support::{Db, EPOCH, SHARD, TestLog, conversation_id, session_id, user_id};

const EVERYTHING: Seq = Seq(u64::MAX);

async fn prevs(db: &Db, conversation: ConversationId) -> Vec<(u64, Option<u64>)> {
    let range = EventRange { owner: EventOwner::Conversation(conversation), after: Seq::ZERO, upto: EVERYTHING };
    let events = db.store.events(SHARD, &[range], 1000, u32::MAX).await.unwrap().events;
    events.iter().map(|event| (event.seq.0, event.prev.map(|prev| prev.0))).collect()
}

async fn intervals(db: &Db, conversation: ConversationId, user: UserId) -> Vec<(i64, Option<i64>)> {
    sqlx::query_as("SELECT joined_seq, left_seq FROM memberships WHERE conversation_id = $1 AND user_id = $2 ORDER BY joined_seq")
        .bind(conversation.to_uuid())
        .bind(user.to_uuid())
        .fetch_all(&db.raw)
        .await
        .unwrap()
}

#[tokio::test]
async fn what_is_delivered_again_changes_nothing() {
    let db = Db::fresh().await;
    let (ann, bob, lobby) = (user_id(), user_id(), conversation_id());
    let mut log = TestLog::new();
    log.created(lobby, &[ann, bob]);
    for n in 0..10 {
        log.sent(lobby, ann, &format!("k{n}"));
    }
    let first = db.project(&log).await;
    assert_eq!((first.inserted, first.skipped, first.watermark), (11, 0, Seq(11)));

    let again = db.store.project(SHARD, EPOCH, Seq::ZERO, log.head(), &log.events).await.unwrap();
    assert_eq!((again.inserted, again.skipped, again.watermark), (0, 11, Seq(11)));

    // A run that overlaps, as after a restart that lost the acknowledgement.
    log.removed(lobby, bob);
    log.sent(lobby, ann, "k10");
    let overlapping = db.store.project(SHARD, EPOCH, Seq(5), log.head(), &log.after(Seq(5))).await.unwrap();
    assert_eq!((overlapping.inserted, overlapping.skipped, overlapping.watermark), (2, 6, Seq(13)));
    let older = db.store.project(SHARD, EPOCH, Seq::ZERO, Seq(4), &log.events[..4]).await.unwrap();
    assert_eq!((older.inserted, older.watermark), (0, Seq(13)));

    assert_eq!(db.count("SELECT count(*) FROM conversation_events").await, 13);
    assert_eq!(db.count("SELECT count(*) FROM send_keys").await, 11);
    assert_eq!(intervals(&db, lobby, bob).await, [(1, Some(12))]);
    assert_eq!(db.store.watermark(SHARD).await.unwrap(), (Seq(13), Some(EPOCH.to_owned())));
}

#[tokio::test]
async fn two_workers_with_one_run_store_it_once() {
    let db = Db::fresh().await;
    let (ann, lobby) = (user_id(), conversation_id());
    let mut log = TestLog::new();
    log.created(lobby, &[ann]);
    db.project(&log).await;
    for n in 0..200 {
        log.sent(lobby, ann, &format!("k{n}"));
    }
    let rest = log.after(Seq(1));
    db.warm().await;
    let run = || db.store.project(SHARD, EPOCH, Seq(1), log.head(), &rest);
    let results = futures::future::try_join_all([run(), run(), run(), run()]).await.unwrap();
    assert_eq!(results.iter().map(|projected| projected.inserted).sum::<usize>(), 200);
    assert_eq!(db.count("SELECT count(*) FROM conversation_events").await, 201);
}

#[tokio::test]
async fn every_event_names_the_one_before_it_in_its_conversation() {
    let db = Db::fresh().await;
    let (ann, lobby, attic) = (user_id(), conversation_id(), conversation_id());
    let mut log = TestLog::new();
    log.created(lobby, &[ann]); // 1
    log.created(attic, &[ann]); // 2
    log.sent(lobby, ann, "a"); // 3
    log.sent(attic, ann, "b"); // 4
    db.project(&log).await;
    log.sent(attic, ann, "c"); // 5
    log.personal(ann, attic); // 6, not the conversation's
    log.sent(attic, ann, "d"); // 7
    log.sent(lobby, ann, "e"); // 8
    db.project(&log).await;
    assert_eq!(prevs(&db, lobby).await, [(1, Some(0)), (3, Some(1)), (8, Some(3))]);
    assert_eq!(prevs(&db, attic).await, [(2, Some(0)), (4, Some(2)), (5, Some(4)), (7, Some(5))]);
}

/// What catching up sends, as JSON.
async fn told(db: &Db, conversation: ConversationId) -> Vec<(Seq, Value)> {
    let range = EventRange { owner: EventOwner::Conversation(conversation), after: Seq::ZERO, upto: EVERYTHING };
    let read = db.store.events(SHARD, &[range], 1000, u32::MAX).await.unwrap().events;
    read.iter().map(|event| (event.seq, serde_json::from_str(event.text.get()).unwrap())).collect()
}

/// A worker of before left a hole where a newer version had stored something, and the next event named one that is not there.
#[tokio::test]
async fn event_of_a_newer_version_is_stored_as_it_came() {
    let db = Db::fresh().await;
    let (ann, lobby) = (user_id(), conversation_id());
    let mut log = TestLog::new();
    log.created(lobby, &[ann]);
    let pinned =
        format!(r#"{{"type":"MESSAGE_STARRED","event_id":"{ann}","actor_id":"{ann}","at_ms":7,"conversation_id":"{lobby}","x":[1.50]}}"#);
    let poll = format!(
        r#"{{"v":2,"type":"MESSAGE_SENT","message_id":"{ann}","actor_id":"{ann}","at_ms":7,"conversation_id":"{lobby}","client_id":"k","body":{{"type":"poll"}},"whisper":"{ann}"}}"#
    );
    let removed = format!(
        r#"{{"v":2,"type":"MEMBER_REMOVED","event_id":"{ann}","actor_id":"{ann}","at_ms":7,"conversation_id":"{lobby}","user_id":"{}","why":["x"]}}"#,
        user_id()
    );
    let published = [pinned.as_str(), r#"{"type":"BARE"}"#, &poll, &removed];
    for json in published {
        log.publish(EventOwner::Conversation(lobby), json);
    }
    log.sent(lobby, ann, "a");
    db.project(&log).await;
    assert_eq!(prevs(&db, lobby).await, [(1, Some(0)), (2, Some(1)), (3, Some(2)), (4, Some(3)), (5, Some(4)), (6, Some(5))]);
    let told = told(&db, lobby).await;
    for (json, (seq, told)) in published.iter().zip(&told[1..]) {
        assert_eq!(told, &serde_json::from_str::<Value>(json).unwrap(), "{seq}");
    }
    assert_eq!(db.count("SELECT decided_at_ms FROM conversation_events WHERE kind = 'MESSAGE_STARRED'").await, 7);
    assert_eq!(db.count("SELECT count(*) FROM messages WHERE further ->> 'whisper' IS NOT NULL").await, 1);
    assert_eq!(db.store.watermark(SHARD).await.unwrap().0, Seq(6));
}

/// Rows that a worker of before version 1 wrote, and an event of then that is projected now: both are told in the present shape.
#[tokio::test]
async fn event_of_before_version_1_is_told_in_the_new_shape() {
    let db = Db::fresh().await;
    let (ann, lobby) = (user_id(), conversation_id());
    let removed = format!(
        r#"{{"type":"MEMBER_REMOVED","event_id":"{ann}","conversation_id":"{lobby}","user_id":"{ann}","removed_by":"{ann}","at_ms":7}}"#
    );
    let sent = format!(
        r#"{{"type":"MESSAGE_SENT","message_id":"{lobby}","conversation_id":"{lobby}","sender_id":"{ann}","client_id":"k","sent_at_ms":7,"body":{{"type":"text","text":"x"}}}}"#
    );
    let mut log = TestLog::new();
    log.created(lobby, &[ann]);
    log.publish(EventOwner::Conversation(lobby), &sent);
    log.publish(EventOwner::Conversation(lobby), &removed);
    db.project(&log).await;
    let rows = "INSERT INTO conversation_events SELECT conversation_id, seq + 10, prev_seq, shard, kind, event_id, actor_id, client_id,
                    CASE kind WHEN 'MEMBER_REMOVED' THEN $1::jsonb ELSE body END, decided_at_ms, at
                FROM conversation_events WHERE seq > 1";
    sqlx::query(rows).bind(&removed).execute(&db.raw).await.unwrap();
    let json = |json: String| serde_json::from_str::<Value>(&json).unwrap();
    let sent = json(format!(
        r#"{{"v":1,"type":"MESSAGE_SENT","message_id":"{lobby}","actor_id":"{ann}","at_ms":7,"conversation_id":"{lobby}","client_id":"k","body":{{"type":"text","text":"x"}}}}"#
    ));
    let removed = json(format!(
        r#"{{"v":1,"type":"MEMBER_REMOVED","event_id":"{ann}","actor_id":"{ann}","at_ms":7,"conversation_id":"{lobby}","user_id":"{ann}"}}"#
    ));
    let expected = [(2, sent.clone()), (3, removed.clone()), (12, sent), (13, removed)].map(|(seq, event)| (Seq(seq), event));
    assert_eq!(told(&db, lobby).await[1..], expected);
}

#[tokio::test]
async fn a_conversation_whose_beginning_is_lost_does_not_claim_to_begin() {
    let db = Db::fresh().await;
    let (ann, lobby) = (user_id(), conversation_id());
    let mut log = TestLog::new();
    log.sent(lobby, ann, "a");
    log.sent(lobby, ann, "b");
    db.project(&log).await;
    assert_eq!(prevs(&db, lobby).await, [(1, None), (2, Some(1))]);
}

#[tokio::test]
async fn memberships_are_intervals_however_the_log_is_cut() {
    let (ann, bob, lobby) = (user_id(), user_id(), conversation_id());
    let mut log = TestLog::new();
    log.created(lobby, &[ann, bob]); // 1
    log.sent(lobby, ann, "a"); // 2
    log.removed(lobby, bob); // 3
    log.added(lobby, bob); // 4
    log.removed(lobby, bob); // 5
    log.sent(lobby, ann, "b"); // 6
    log.added(lobby, bob); // 7
    log.added(lobby, bob); // 8, published twice: changes nothing
    for cut in 1..=8 {
        let db = Db::fresh().await;
        let (one, two) = log.events.split_at(cut);
        db.store.project(SHARD, EPOCH, Seq::ZERO, Seq(cut as u64), one).await.unwrap();
        db.store.project(SHARD, EPOCH, Seq(cut as u64), log.head(), two).await.unwrap();
        assert_eq!(intervals(&db, lobby, ann).await, [(1, None)], "cut at {cut}");
        assert_eq!(intervals(&db, lobby, bob).await, [(1, Some(3)), (4, Some(5)), (7, None)], "cut at {cut}");
    }
}

#[tokio::test]
async fn a_gap_or_another_epoch_is_refused_whole() {
    let db = Db::fresh().await;
    let (ann, lobby) = (user_id(), conversation_id());
    let mut log = TestLog::new();
    log.created(lobby, &[ann]);
    log.sent(lobby, ann, "a");
    log.sent(lobby, ann, "b");
    let gap = db.store.project(SHARD, EPOCH, Seq(1), Seq(3), &log.events[1..]).await.unwrap_err();
    assert!(matches!(gap, ProjectError::Gap { after: Seq(1), watermark: Seq::ZERO }), "{gap}");
    db.store.project(SHARD, EPOCH, Seq::ZERO, Seq(1), &log.events[..1]).await.unwrap();
    let gap = db.store.project(SHARD, EPOCH, Seq(2), Seq(3), &log.events[2..]).await.unwrap_err();
    assert!(matches!(gap, ProjectError::Gap { after: Seq(2), watermark: Seq(1) }), "{gap}");
    let epoch = db.store.project(SHARD, "epoch-2", Seq(1), Seq(3), &log.events[1..]).await.unwrap_err();
    assert!(matches!(&epoch, ProjectError::EpochMismatch { expected, found } if expected == "epoch-2" && found == EPOCH), "{epoch}");
    assert_eq!(db.count("SELECT count(*) FROM conversation_events").await, 1);
    assert_eq!(db.store.watermark(SHARD).await.unwrap().0, Seq(1));
}

#[tokio::test]
async fn what_cannot_be_stored_is_named_and_the_rest_can_go_on() {
    let db = Db::fresh().await;
    let (ann, lobby) = (user_id(), conversation_id());
    let mut log = TestLog::new();
    log.created(lobby, &[ann]);
    log.sent(lobby, ann, "a");
    let bad = log.sent(lobby, ann, "b");
    log.sent(lobby, ann, "c");
    // Beyond our calendar, and within ours but before Postgres' begins.
    for stored_at_ms in [i64::MAX, -220_000_000_000_000] {
        log.events[2].stored_at_ms = stored_at_ms;
        let poison = db.store.project(SHARD, EPOCH, Seq::ZERO, log.head(), &log.events).await.unwrap_err();
        assert!(matches!(&poison, ProjectError::Poison { seq, .. } if *seq == bad), "{poison}");
        assert_eq!(db.count("SELECT count(*) FROM conversation_events").await, 0);
    }
    log.events.remove(2);
    assert_eq!(db.project(&log).await.inserted, 3);
    assert_eq!(prevs(&db, lobby).await, [(1, Some(0)), (2, Some(1)), (4, Some(2))]);
}

#[tokio::test]
async fn what_concerns_one_user_only_moves_the_watermark() {
    let db = Db::fresh().await;
    let ann = user_id();
    let mut log = TestLog::new();
    log.push(LogEvent::SessionRevoked(SessionRevoked {
        actor_id: None,
        event_id: EventId::new(relay_types::IdGen::next_ulid(&relay_types::SystemIds::default())),
        user_id: ann,
        session_id: session_id(),
        at_ms: 0,
    }));
    log.push(LogEvent::Unreadable);
    db.project(&log).await;
    // Nothing at all is left of a run of what nobody reads.
    let empty = db.store.project(SHARD, EPOCH, Seq(2), Seq(9), &[]).await.unwrap();
    assert_eq!((empty.inserted, empty.watermark), (0, Seq(9)));
    assert_eq!(db.count("SELECT count(*) FROM conversation_events").await, 0);
}

#[tokio::test]
async fn a_key_belongs_to_its_sender_and_to_the_first_send() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, attic) = (user_id(), user_id(), conversation_id(), conversation_id());
    let mut log = TestLog::new();
    log.created(lobby, &[ann, bob]);
    let first = log.sent(lobby, ann, "k");
    let bobs = log.sent(lobby, bob, "k");
    let elsewhere = log.sent(attic, ann, "k");
    log.sent(lobby, ann, "k"); // should not happen; the first keeps the key
    db.project(&log).await;
    log.sent(lobby, ann, "k");
    db.project(&log).await;
    let key = |conversation, sender, client_id: &str| SendKey { conversation, sender, client_id: client_id.parse().unwrap() };
    let keys = [key(attic, bob, "k"), key(lobby, ann, "k"), key(lobby, bob, "k"), key(attic, ann, "k"), key(lobby, ann, "K")];
    let found = db.store.find_sends(&keys).await.unwrap();
    assert_eq!(
        found.iter().map(|send| send.map(|send| send.seq)).collect::<Vec<_>>(),
        [None, Some(first), Some(bobs), Some(elsewhere), None]
    );
    let LogEvent::MessageSent(original) = &log.event_at(first).event else { panic!("a message") };
    assert_eq!(found[1].unwrap().message_id, original.message_id);
    assert_eq!(found[1].unwrap().sent_at_ms, original.at_ms);
}

#[tokio::test]
async fn rows_of_a_month_without_a_partition_move_when_it_is_made() {
    let db = Db::fresh().await;
    let (ann, lobby) = (user_id(), conversation_id());
    let mut log = TestLog::new();
    log.created(lobby, &[ann]);
    log.sent(lobby, ann, "a");
    for event in &mut log.events {
        event.stored_at_ms = 4_102_444_800_000; // 2100-01-01
    }
    db.project(&log).await;
    assert_eq!(db.count("SELECT count(*) FROM conversation_events_default").await, 2);
    let made = db.count("SELECT ensure_event_partitions('2100-01-15', 2)::bigint").await;
    assert_eq!(made, 2);
    assert_eq!(db.count("SELECT ensure_event_partitions('2100-01-15', 2)::bigint").await, 0);
    assert_eq!(db.count("SELECT count(*) FROM conversation_events_default").await, 0);
    assert_eq!(db.count("SELECT count(*) FROM conversation_events_2100_01").await, 2);
    assert_eq!(prevs(&db, lobby).await, [(1, Some(0)), (2, Some(1))]);
}

#[tokio::test]
async fn repair_of_a_membership_change_rebuilds_what_came_after_it() {
    let db = Db::fresh().await;
    let (ann, bob, eve, lobby) = (user_id(), user_id(), user_id(), conversation_id());
    let mut log = TestLog::new();
    log.created(lobby, &[ann, bob]);
    log.sent(lobby, ann, "a");
    for _ in 0..2 {
        log.removed(lobby, bob);
        log.sent(lobby, ann, "b");
        log.added(lobby, bob);
    }
    log.added_all(lobby, &[bob, eve]);
    log.removed_all(lobby, &[eve, bob]);
    log.sent(lobby, ann, "d");
    log.added_all(lobby, &[bob, eve]);
    log.removed(lobby, bob);
    log.sent(lobby, ann, "c");
    db.project(&log).await;
    let expected = intervals(&db, lobby, bob).await;
    assert_eq!(expected.last(), Some(&(12, Some(13))), "several at once come and go as one does");
    assert_eq!(intervals(&db, lobby, eve).await, [(9, Some(10)), (12, None)]);
    let changes: Vec<_> = log.events.iter().filter(|event| event.conversation().is_some()).cloned().collect();
    for lost in &changes {
        // A projection that never saw it.
        let without = Db::fresh().await;
        let mut cut = TestLog::new();
        cut.events = log.events.iter().filter(|event| event.seq != lost.seq).cloned().collect();
        without.store.project(SHARD, EPOCH, Seq::ZERO, log.head(), &cut.events).await.unwrap();
        assert_eq!(without.store.repair(SHARD, std::slice::from_ref(lost)).await.unwrap(), 1);
        assert_eq!(intervals(&without, lobby, bob).await, expected, "without {}", lost.seq);
        assert_eq!(intervals(&without, lobby, eve).await, intervals(&db, lobby, eve).await, "without {}", lost.seq);
        assert_eq!(prevs(&without, lobby).await, prevs(&db, lobby).await, "without {}", lost.seq);
        assert_eq!(without.store.repair(SHARD, std::slice::from_ref(lost)).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn what_is_stored_behind_its_senders_removal_is_not_there_however_the_log_is_cut() {
    let (ann, bob, lobby, attic) = (user_id(), user_id(), conversation_id(), conversation_id());
    let mut log = TestLog::new();
    log.created(lobby, &[ann, bob]); // 1
    log.created(attic, &[ann, bob]); // 2
    log.removed(lobby, bob); // 3
    let void = log.sent(lobby, bob, "void"); // 4
    log.sent(lobby, ann, "a"); // 5
    log.sent(attic, bob, "elsewhere"); // 6
    log.added(lobby, bob); // 7
    log.sent(lobby, bob, "void"); // 8: the key was not used up
    log.removed(lobby, bob); // 9
    let last = log.sent(lobby, bob, "last"); // 10
    for cut in 1..=10 {
        let db = Db::fresh().await;
        let (one, two) = log.events.split_at(cut);
        db.store.project(SHARD, EPOCH, Seq::ZERO, Seq(cut as u64), one).await.unwrap();
        db.store.project(SHARD, EPOCH, Seq(cut as u64), log.head(), two).await.unwrap();
        assert_eq!(
            prevs(&db, lobby).await,
            [(1, Some(0)), (3, Some(1)), (5, Some(3)), (7, Some(5)), (8, Some(7)), (9, Some(8))],
            "cut at {cut}"
        );
        let key = SendKey { conversation: lobby, sender: bob, client_id: "void".parse().unwrap() };
        assert_eq!(db.store.find_sends(&[key]).await.unwrap()[0].map(|send| send.seq), Some(Seq(8)), "cut at {cut}");
        assert_eq!(db.count("SELECT max(last_seq) FROM conversation_heads").await, 9, "cut at {cut}");
        // The audit is told so, and the repair leaves them out.
        let asked = [(lobby, bob, void), (lobby, bob, Seq(8)), (attic, bob, Seq(6)), (lobby, ann, Seq(5)), (lobby, bob, last)];
        let mut found = db.store.void(&asked).await.unwrap();
        found.sort_unstable();
        assert_eq!(found, [void, last], "cut at {cut}");
        assert_eq!(db.store.repair(SHARD, &log.events).await.unwrap(), 0, "cut at {cut}");
    }
}

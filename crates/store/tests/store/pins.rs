//! Pins: the newest of each message counts, whatever order they are applied in; nothing of what they pin is copied.

use relay_domain::ports::{
    AuditedProjection as _, Conversations as _, History as _, HistoryAnchor, HistoryError, Pinned, Projection as _, ResumeStore as _,
    SendKey,
};
use relay_protocol::MessageBody;
use relay_protocol::conversation::{ConversationKind, Role};
use relay_protocol::log::LogEvent;
use relay_types::{ConversationId, MessageId, Seq, UserId};

use crate::edits::lobby;
use crate::support::{Db, EPOCH, NOON_MS, SHARD};

/// Each pin: the message's place and text, by whom, where it was said.
async fn shown(db: &Db, reader: UserId, lobby: ConversationId) -> Vec<(u64, String, UserId, u64)> {
    let list = db.store.pins(reader, lobby).await.unwrap();
    let text = |body: &MessageBody| {
        if let MessageBody::Text { text } = body {
            text.as_str().split(':').next().unwrap_or_default().to_owned()
        } else {
            "gone".to_owned()
        }
    };
    list.pins.iter().map(|pin| (pin.message.seq.0, text(&pin.message.body), pin.pinned_by, pin.pinned_seq.0)).collect()
}

/// The places of pins in the history.
async fn told(db: &Db, reader: UserId, lobby: ConversationId) -> Vec<(u64, bool)> {
    let page = db.store.messages(reader, lobby, HistoryAnchor::Newest, 50, true).await.unwrap();
    let pinned = |frame: &relay_protocol::EventFrame| match &frame.event {
        LogEvent::MessagePinned(pinned) => Some((frame.seq.0, pinned.on)),
        _ => None,
    };
    page.changes.iter().filter_map(pinned).collect()
}

#[tokio::test]
async fn the_newest_of_each_message_is_what_is_pinned() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    let one = log.sent(lobby, ann, "one"); // 2
    let two = log.sent(lobby, bob, "two"); // 3
    log.pinned(one, ann, true); // 4
    log.pinned(two, bob, true); // 5
    log.pinned(one, bob, false); // 6
    log.edited(two, bob, "two, anew"); // 7
    let last = log.pinned(one, ann, true); // 8
    db.project(&log).await;
    let expected = [(2, "one".to_owned(), ann, 8), (3, "two, anew".to_owned(), bob, 5)];
    assert_eq!(shown(&db, bob, lobby).await, expected);
    assert_eq!(told(&db, bob, lobby).await, [(4, true), (5, true), (6, false), (8, true)]);
    let list = db.store.pins(ann, lobby).await.unwrap();
    assert_eq!((list.upto, list.pins[0].pinned_at_ms), (last, NOON_MS + 1));
    let cid = db.user("cid").await;
    assert!(matches!(db.store.pins(cid, lobby).await, Err(HistoryError::NotMember)));

    // What one who wants to pin has to know, as the gateway asks.
    let gateway = db.as_role("relay_gateway");
    let known = |is_pinned, pins| Some(Pinned { kind: ConversationKind::Group, role: Role::Member, is_pinned, pins });
    assert_eq!(gateway.pinned(bob, lobby, one).await.unwrap(), known(true, 2));
    assert_eq!(gateway.pinned(bob, lobby, last).await.unwrap(), known(false, 2));
    assert_eq!(gateway.pinned(cid, lobby, one).await.unwrap(), None);
    // A pin's key is as used as a message's.
    let LogEvent::MessagePinned(pinned) = &log.event_at(last).event else { panic!("a pin") };
    let key = SendKey { conversation: lobby, sender: ann, client_id: pinned.client_id.clone() };
    assert_eq!(db.store.find_sends(&[key]).await.unwrap()[0].map(|send| send.seq), Some(last));
}

#[tokio::test]
async fn pins_come_to_the_same_in_every_run_and_twice() {
    for cut in 1..=8 {
        let db = Db::fresh().await;
        let (ann, bob, lobby, mut log) = lobby(&db).await;
        let one = log.sent(lobby, ann, "a"); // 2
        let two = log.sent(lobby, ann, "b"); // 3
        log.pinned(one, bob, true); // 4
        log.pinned(two, ann, true); // 5
        log.pinned(two, bob, false); // 6
        log.removed(lobby, bob); // 7
        log.pinned(one, bob, false); // 8: void
        let expected = [(2, "a".to_owned(), bob, 4)];
        let at = log.events.partition_point(|event| event.seq.0 <= cut);
        let (first, second) = log.events.split_at(at);
        db.store.project(SHARD, EPOCH, Seq::ZERO, Seq(cut), first).await.unwrap();
        db.store.project(SHARD, EPOCH, Seq(cut), log.head(), second).await.unwrap();
        assert_eq!(shown(&db, ann, lobby).await, expected, "cut at {cut}");

        // Whatever is missing comes back from the log, in any order.
        for missing in ["seq = 4", "seq = 6", "seq IN (4, 5, 6)", "seq IN (2, 3)", "seq IN (2, 3, 4, 5, 6)"] {
            let said = missing.replace("seq", "said_seq");
            let rows = format!(
                "DELETE FROM conversation_events WHERE {missing}; DELETE FROM messages WHERE {missing};
                 DELETE FROM pins WHERE {missing} OR {said}"
            );
            sqlx::raw_sql(sqlx::AssertSqlSafe(rows)).execute(&db.raw).await.unwrap();
            let mut backwards = log.events.clone();
            backwards.reverse();
            for event in backwards {
                db.store.repair(SHARD, &[event]).await.unwrap();
            }
            assert_eq!(shown(&db, ann, lobby).await, expected, "without {missing}");
            assert_eq!(told(&db, ann, lobby).await, [(4, true), (5, true), (6, false)]);
        }
    }
}

#[tokio::test]
async fn nothing_of_before_one_came_of_what_is_hidden_or_erased_shows() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    let one = log.sent(lobby, ann, "one"); // 2
    let two = log.sent(lobby, ann, "two"); // 3
    let cid = db.user("cid").await;
    let member = "INSERT INTO members (conversation_id, user_id, role, added_at) VALUES ($1, $2, 'member', now())";
    sqlx::query(member).bind(lobby.to_uuid()).bind(cid.to_uuid()).execute(&db.raw).await.unwrap();
    log.added(lobby, cid); // 4
    let three = log.sent(lobby, ann, "three"); // 5
    for message in [one, two, three] {
        log.pinned(message, ann, true); // 6, 7, 8
    }
    db.project(&log).await;
    let places = async |reader| shown(&db, reader, lobby).await.into_iter().map(|(seq, ..)| seq).collect::<Vec<_>>();
    assert_eq!((places(bob).await, places(cid).await), (vec![5, 3, 2], vec![5]));
    let id: MessageId = log.event_at(three).event.message().unwrap().message_id;
    db.store.hide_message(bob, lobby, id, 100).await.unwrap();
    assert_eq!((places(bob).await, places(cid).await), (vec![3, 2], vec![5]));
    log.deleted(two, ann); // 9
    log.pinned(two, ann, true); // 10: on its way
    db.project(&log).await;
    assert_eq!(places(bob).await, [2]);
    assert_eq!(db.count("SELECT count(*) FROM pins").await, 2);
    for event in &log.events {
        db.store.repair(SHARD, std::slice::from_ref(event)).await.unwrap();
    }
    assert_eq!(places(bob).await, [2]);
}

#[tokio::test]
async fn what_a_worker_of_before_did_not_know_of_pins_is_made_up_for() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    let one = log.sent(lobby, ann, "one"); // 2
    let two = log.sent(lobby, ann, "two"); // 3
    let first = log.pinned(one, bob, true); // 4
    log.pinned(two, ann, true); // 5
    log.removed(lobby, bob); // 6
    log.pinned(one, bob, false); // 7: void
    db.project(&log).await;
    // As it leaves them: events among others, also the void one, and nothing else; what it deleted stays pinned.
    let before = "DELETE FROM pins; DELETE FROM send_keys WHERE seq IN (4, 5); DELETE FROM messages WHERE kind = 'MESSAGE_PINNED';
                  UPDATE watermarks SET pinned_upto = 3;
                  INSERT INTO conversation_events (conversation_id, seq, prev_seq, shard, kind, event_id, actor_id, body, decided_at_ms, at)
                      SELECT conversation_id, 7, 6, shard, kind, event_id, actor_id, body || '{\"on\": false}', decided_at_ms, at
                      FROM conversation_events WHERE seq = 4";
    sqlx::raw_sql(before).execute(&db.raw).await.unwrap();
    log.sent(lobby, ann, "next"); // 8
    db.project(&log).await;
    let mut expected = vec![(3, "two".to_owned(), ann, 5), (2, "one".to_owned(), bob, 4)];
    assert_eq!(shown(&db, ann, lobby).await, expected);
    assert_eq!(told(&db, ann, lobby).await, [(4, true), (5, true)]);
    assert_eq!(db.count("SELECT pinned_upto FROM watermarks").await, 8);
    let LogEvent::MessagePinned(pinned) = &log.event_at(first).event else { panic!("a pin") };
    let key = SendKey { conversation: lobby, sender: bob, client_id: pinned.client_id.clone() };
    assert_eq!(db.store.find_sends(&[key]).await.unwrap()[0].map(|send| send.seq), Some(first));

    log.deleted(two, ann); // 9
    db.project(&log).await;
    let kept = "INSERT INTO pins (conversation_id, seq, said_seq, said_at_ms, user_id, stays)
                    SELECT conversation_id, 3, 5, 0, sender_id, true FROM messages WHERE seq = 3;
                UPDATE watermarks SET pinned_upto = 8";
    sqlx::raw_sql(kept).execute(&db.raw).await.unwrap();
    log.sent(lobby, ann, "last"); // 10
    db.project(&log).await;
    expected.remove(0);
    assert_eq!(shown(&db, ann, lobby).await, expected);
    assert_eq!(db.count("SELECT count(*) FROM pins").await, 1);
}

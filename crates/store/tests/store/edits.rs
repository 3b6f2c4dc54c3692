//! What edits make of messages, in whatever order the projection comes to know of them.

use relay_domain::ports::{
    AuditedProjection as _, Conversations as _, EventRange, History as _, HistoryAnchor, HistoryError, Holds, ListPart, Projection as _,
    ResumeStore as _, SendKey,
};
use relay_protocol::log::{EventOwner, LogEvent, StoredEvent};
use relay_protocol::{Message, MessageBody, MessageRef};
use relay_types::{ConversationId, MessageId, Seq, UserId};

use crate::support::{Db, EPOCH, NOON_MS, SHARD, TestLog, conversation_id, read};

/// Ann and Bob in a group, as decided and in the log.
pub async fn lobby(db: &Db) -> (UserId, UserId, ConversationId, TestLog) {
    let (ann, bob, lobby) = (db.user("ann").await, db.user("bob").await, conversation_id());
    let conversation = "INSERT INTO conversations (conversation_id, kind, title, shard, created_by, created_at, member_count)
                        VALUES ($1, 'group', 'Lobby', 0, $2, now(), 2)";
    sqlx::query(conversation).bind(lobby.to_uuid()).bind(ann.to_uuid()).execute(&db.raw).await.unwrap();
    for user in [ann, bob] {
        let member = "INSERT INTO members (conversation_id, user_id, role, added_at) VALUES ($1, $2, 'member', now())";
        sqlx::query(member).bind(lobby.to_uuid()).bind(user.to_uuid()).execute(&db.raw).await.unwrap();
    }
    let mut log = TestLog::new();
    log.created(lobby, &[ann, bob]);
    (ann, bob, lobby, log)
}

async fn history(db: &Db, reader: UserId, lobby: ConversationId) -> Vec<Message> {
    db.store.messages(reader, lobby, HistoryAnchor::Newest, 50, false).await.unwrap().messages
}

fn text_of(body: &MessageBody) -> &str {
    body.text().map_or("erased", |text| text.as_str())
}

/// Each message's text, and which edit said it.
async fn said(db: &Db, reader: UserId, lobby: ConversationId) -> Vec<(String, Option<u64>)> {
    let page = history(db, reader, lobby).await;
    page.iter().map(|message| (text_of(&message.body).to_owned(), message.edited_seq.map(|seq| seq.0))).collect()
}

async fn versions(db: &Db, reader: UserId, lobby: ConversationId, message: MessageId) -> Vec<(u64, String)> {
    let list = db.store.revisions(reader, lobby, message, None).await.unwrap();
    assert!(!list.has_more);
    list.revisions.iter().map(|revision| (revision.seq.0, text_of(&revision.body).to_owned())).collect()
}

fn id_at(log: &TestLog, seq: Seq) -> MessageId {
    log.event_at(seq).event.message().unwrap().message_id
}

async fn events(db: &Db, lobby: ConversationId) -> Vec<StoredEvent> {
    let range = [EventRange { owner: EventOwner::Conversation(lobby), after: Seq::ZERO, upto: Seq(1_000) }];
    db.store.events(SHARD, &range, 1_000, 1 << 20).await.unwrap().events.into_iter().map(read).collect()
}

/// Everything in the database that may hold what people wrote.
async fn texts(db: &Db) -> String {
    let all =
        "SELECT concat((SELECT string_agg(e::text, ' ') FROM conversation_events e), (SELECT string_agg(m::text, ' ') FROM messages m),
                             (SELECT string_agg(r::text, ' ') FROM message_revisions r))";
    sqlx::query_scalar(all).fetch_one(&db.raw).await.unwrap()
}

#[tokio::test]
async fn the_newest_edit_of_the_sender_is_what_everything_shows() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    let one = log.sent(lobby, ann, "one"); // 2
    let two = log.replied(one, bob, "two"); // 3
    let first = log.edited(one, ann, "one!"); // 4
    log.edited(one, bob, "forged"); // 5
    log.edited(one, ann, "one!!"); // 6
    let last = log.edited(two, bob, "two!"); // 7
    let elsewhere = conversation_id();
    let LogEvent::MessageEdited(mut foreign) = log.event_at(last).event.clone() else { panic!("an edit") };
    foreign.conversation_id = elsewhere;
    log.push(LogEvent::MessageEdited(foreign)); // 8: names a message of another conversation
    db.project(&log).await;

    assert_eq!(said(&db, ann, lobby).await, [("one!!".to_owned(), Some(6)), ("two!".to_owned(), Some(7))]);
    let page = history(&db, bob, lobby).await;
    assert_eq!(page[1].reply_to, Some(MessageRef { message_id: id_at(&log, one), seq: one }));
    assert_eq!(page[0].edited_at_ms, Some(NOON_MS + 1));
    assert_eq!(db.store.message(bob, lobby, id_at(&log, one)).await.unwrap(), page[0]);
    let LogEvent::MessageSent(sent) = &log.event_at(one).event else { panic!("a message") };
    let original = text_of(&sent.body).to_owned();
    let expected = [(2, original), (4, "one!".to_owned()), (6, "one!!".to_owned())];
    assert_eq!(versions(&db, bob, lobby, id_at(&log, one)).await, expected);
    let list = db.store.list(ann, ListPart::Accepted, None, 10).await.unwrap().items;
    let preview = list[0].last_message.clone().unwrap();
    assert_eq!((text_of(&preview.body), preview.edited_seq, preview.seq), ("two!", Some(Seq(7)), two));
    assert_eq!((list[0].unread_count, list[0].last_seq), (1, Seq(7)), "an edit is not unread");

    // An edit's key is as used as a message's.
    let LogEvent::MessageEdited(edit) = &log.event_at(first).event else { panic!("an edit") };
    let key = SendKey { conversation: lobby, sender: ann, client_id: edit.client_id.clone() };
    assert_eq!(db.store.find_sends(&[key]).await.unwrap()[0].map(|send| send.seq), Some(first));
    // Catching up shows what happened.
    let replayed = events(&db, lobby).await;
    let names: Vec<_> = replayed.iter().map(|event| (event.seq.0, event.prev.map(|prev| prev.0), event.event.name().to_owned())).collect();
    assert_eq!(names.len(), 7);
    assert_eq!(names[3], (4, Some(3), "MESSAGE_EDITED".to_owned()));
    assert_eq!(replayed[2].event, log.event_at(two).event, "with what it answers");

    // Nobody else's.
    assert!(matches!(db.store.message(db.user("cid").await, lobby, id_at(&log, one)).await, Err(HistoryError::NotMember)));
    assert!(matches!(db.store.message(ann, lobby, MessageId::from_uuid(elsewhere.to_uuid())).await, Err(HistoryError::UnknownMessage)));
}

#[tokio::test]
async fn edits_come_to_the_same_in_every_run_and_twice() {
    let expected = [("c".to_owned(), Some(5))];
    for cut in 1..=6 {
        let db = Db::fresh().await;
        let (ann, bob, lobby, mut log) = lobby(&db).await;
        let one = log.sent(lobby, ann, "a"); // 2
        log.edited(one, ann, "b"); // 3
        log.removed(lobby, bob); // 4
        log.edited(one, ann, "c"); // 5
        log.push(LogEvent::decode(&format!(r#"{{"type":"X","conversation_id":"{lobby}"}}"#)).unwrap()); // 6
        let at = log.events.partition_point(|event| event.seq.0 <= cut);
        let (first, second) = log.events.split_at(at);
        db.store.project(SHARD, EPOCH, Seq::ZERO, Seq(cut), first).await.unwrap();
        db.store.project(SHARD, EPOCH, Seq(cut), log.head(), second).await.unwrap();
        assert_eq!(said(&db, ann, lobby).await, expected, "cut at {cut}");
        assert_eq!(db.count("SELECT revision::bigint FROM messages WHERE seq = 2").await, 2, "cut at {cut}");

        // Whatever is missing comes back from the log, in any order.
        for missing in ["seq = 3", "seq = 5", "seq IN (3, 5)", "seq = 2", "seq IN (2, 3)"] {
            let rows = format!("DELETE FROM conversation_events WHERE {missing}; DELETE FROM messages WHERE {missing}");
            sqlx::raw_sql(sqlx::AssertSqlSafe(rows)).execute(&db.raw).await.unwrap();
            let mut backwards = log.events.clone();
            backwards.reverse();
            for event in backwards {
                db.store.repair(SHARD, &[event]).await.unwrap();
            }
            assert_eq!(said(&db, ann, lobby).await, expected, "without {missing}");
            assert_eq!(versions(&db, ann, lobby, id_at(&log, one)).await.len(), 3, "without {missing}");
        }
    }
}

#[tokio::test]
async fn what_is_edited_behind_the_editors_removal_is_void() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    let one = log.sent(lobby, bob, "of-bob");
    log.removed(lobby, bob);
    let void = log.edited(one, bob, "void");
    db.project(&log).await;
    assert_eq!(said(&db, ann, lobby).await[0].1, None);
    assert!(events(&db, lobby).await.iter().all(|event| event.seq != void), "and no link of the chain");
}

async fn has_canary(db: &Db) -> bool {
    let texts = texts(db).await;
    ["secret", "s1: "].iter().any(|canary| texts.contains(canary))
}

#[tokio::test]
async fn erasing_a_message_erases_what_it_ever_said() {
    for cut in 1..=8 {
        let db = Db::fresh().await;
        let (ann, _, lobby, mut log) = lobby(&db).await;
        let one = log.sent(lobby, ann, "s1"); // 2
        let edit = log.edited(one, ann, "secret again"); // 3
        let kept = log.sent(lobby, ann, "kept"); // 4
        log.edited(kept, ann, "kept on"); // 5
        log.erased(one); // 6
        let late = log.edited(one, ann, "secret to the last"); // 7
        log.replied(kept, ann, "later"); // 8
        let at = log.events.partition_point(|event| event.seq.0 <= cut);
        let (first, second) = log.events.split_at(at);
        db.store.project(SHARD, EPOCH, Seq::ZERO, Seq(cut), first).await.unwrap();
        db.store.project(SHARD, EPOCH, Seq(cut), log.head(), second).await.unwrap();
        assert!(!has_canary(&db).await, "cut at {cut}: {}", texts(&db).await);
        assert_eq!(said(&db, ann, lobby).await[..2], [("erased".to_owned(), None), ("kept on".to_owned(), Some(5))]);
        assert_eq!(versions(&db, ann, lobby, id_at(&log, one)).await, []);
        // The places stay, and the log is told to let go of them.
        let replayed = events(&db, lobby).await;
        assert_eq!(replayed.iter().map(|event| event.seq.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7, 8]);
        for seq in [edit, late] {
            let LogEvent::MessageEdited(gone) = &replayed.iter().find(|event| event.seq == seq).unwrap().event else { panic!("an edit") };
            let LogEvent::MessageEdited(was) = &log.event_at(seq).event else { panic!("an edit") };
            assert_eq!((&gone.body, &gone.client_id, gone.event_id), (&MessageBody::Erased, &was.client_id, was.event_id));
        }
        let waiting = "SELECT count(*) FROM erasures WHERE seq IN (2, 3, 7)";
        assert_eq!(db.count(waiting).await, 3, "cut at {cut}");
        // The audit knows that the log may have no more of them, and a repair does not bring them back.
        let rows = db.store.projected_events(SHARD, Seq::ZERO, Seq(9), 100).await.unwrap();
        assert_eq!(rows.iter().filter(|row| row.erased).map(|row| row.seq.0).collect::<Vec<_>>(), [2, 3, 7]);
        sqlx::raw_sql("DELETE FROM messages WHERE seq = 2; DELETE FROM conversation_events WHERE seq IN (2, 3, 7)")
            .execute(&db.raw)
            .await
            .unwrap();
        db.store.repair(SHARD, &log.events).await.unwrap();
        assert!(!has_canary(&db).await, "cut at {cut}, repaired: {}", texts(&db).await);
        assert_eq!(versions(&db, ann, lobby, id_at(&log, one)).await, []);
    }
}

#[tokio::test]
async fn what_a_worker_of_before_stored_and_did_not_apply_is_made_up_for() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    let one = log.sent(lobby, ann, "one"); // 2
    let two = log.sent(lobby, bob, "two"); // 3
    db.project(&log).await;
    log.edited(one, ann, "one!"); // 4
    log.removed(lobby, bob); // 5
    log.edited(two, bob, "void"); // 6
    db.project(&log).await;
    // As it left them: events among others, also the void one, and nothing else.
    let before =
        "UPDATE messages SET body = '{\"type\": \"text\", \"text\": \"as sent\"}', edited_seq = NULL, edited_at = NULL, revision = 0;
                  DELETE FROM message_revisions; UPDATE watermarks SET amended_upto = 3;
                  INSERT INTO conversation_events (conversation_id, seq, prev_seq, shard, kind, event_id, actor_id, body, decided_at_ms, at)
                      SELECT conversation_id, 6, 5, shard, kind, event_id, (SELECT sender_id FROM messages WHERE seq = 3),
                             body || jsonb_build_object('message_seq', 3), decided_at_ms, at
                      FROM conversation_events WHERE seq = 4";
    sqlx::raw_sql(before).execute(&db.raw).await.unwrap();
    log.sent(lobby, ann, "next"); // 7
    db.project(&log).await;
    let said = said(&db, ann, lobby).await;
    assert_eq!((&said[0], said[1].1), (&("one!".to_owned(), Some(4)), None));
    assert_eq!(db.count("SELECT amended_upto FROM watermarks").await, 7);
}

/// Failed before: the edit's key was never noted, and what an erased message said before could be read on.
#[tokio::test]
async fn what_a_worker_of_before_did_not_know_of_edits_is_made_up_for() {
    let db = Db::fresh().await;
    let (ann, _, lobby, mut log) = lobby(&db).await;
    let (one, two) = (log.sent(lobby, ann, "s1"), log.sent(lobby, ann, "two")); // 2, 3
    log.edited(one, ann, "secret again"); // 4
    db.project(&log).await;
    let kept: String = sqlx::query_scalar("SELECT body::text FROM conversation_events WHERE seq = 4").fetch_one(&db.raw).await.unwrap();
    let revisions = "CREATE TABLE kept AS SELECT * FROM message_revisions";
    sqlx::raw_sql(revisions).execute(&db.raw).await.unwrap();
    let edit = log.edited(two, ann, "two!"); // 5
    log.erased(one); // 6
    db.project(&log).await;
    // As it leaves them: the message is erased, its versions and its edit are not; the other edit is an event without a key.
    let before = format!(
        "UPDATE conversation_events SET body = '{kept}' WHERE seq = 4; DELETE FROM erasures WHERE seq = 4;
         DELETE FROM message_revisions; INSERT INTO message_revisions SELECT * FROM kept; DELETE FROM send_keys WHERE seq = 5;
         UPDATE messages SET body = '{{\"type\": \"text\", \"text\": \"two\"}}', edited_seq = NULL, edited_at = NULL, revision = 0 WHERE seq = 3;
         UPDATE watermarks SET amended_upto = 4"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(before)).execute(&db.raw).await.unwrap();
    assert!(has_canary(&db).await);
    assert_eq!(versions(&db, ann, lobby, id_at(&log, one)).await, [], "nobody reads them meanwhile");

    log.sent(lobby, ann, "next"); // 7
    db.project(&log).await;
    assert!(!has_canary(&db).await, "{}", texts(&db).await);
    assert_eq!(said(&db, ann, lobby).await[..2], [("erased".to_owned(), None), ("two!".to_owned(), Some(5))]);
    assert_eq!(db.count("SELECT count(*) FROM erasures WHERE seq IN (2, 4)").await, 2, "the log lets go of both");
    let LogEvent::MessageEdited(edited) = &log.event_at(edit).event else { panic!("an edit") };
    let key = SendKey { conversation: lobby, sender: ann, client_id: edited.client_id.clone() };
    assert_eq!(db.store.find_sends(&[key]).await.unwrap()[0].map(|send| send.seq), Some(edit));
}

#[tokio::test]
async fn a_target_is_told_with_what_it_holds_and_to_whom_it_shows() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    let one = log.sent(lobby, ann, "one"); // 2
    let two = log.sent(lobby, ann, "two"); // 3
    log.erased(two); // 4
    log.removed(lobby, bob); // 5
    log.added(lobby, bob); // 6
    db.project(&log).await;
    let ids = [id_at(&log, one), id_at(&log, two)];
    let target = async |reader, seq| {
        let id = if seq == one { ids[0] } else { ids[1] };
        db.store.target(reader, lobby, id).await.unwrap().unwrap()
    };
    let found = target(ann, one).await;
    assert_eq!((found.seq, found.sender, found.holds, found.edits, found.visible), (one, ann, Holds::Text, 0, true));
    log.edited(one, ann, "one!"); // 7
    log.edited(one, bob, "forged"); // 8
    db.project(&log).await;
    assert_eq!(target(ann, one).await.edits, 1);
    assert_eq!(target(ann, two).await.holds, Holds::Nothing);
    assert!(!target(bob, one).await.visible, "he came back behind it");
    assert_eq!(db.store.target(ann, conversation_id(), id_at(&log, one)).await.unwrap(), None, "of another conversation");
}

/// Failed before: older versions than the first answer holds could not be read.
#[tokio::test]
async fn versions_come_in_pages_from_the_newest_back() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    let (one, plain) = (log.sent(lobby, ann, "v0"), log.sent(lobby, ann, "plain"));
    for n in 1..=230 {
        log.edited(one, ann, &format!("v{n}"));
    }
    db.project(&log).await;
    let (mut before, mut pages, mut said) = (None, Vec::new(), Vec::new());
    loop {
        let list = db.store.revisions(bob, lobby, id_at(&log, one), before).await.unwrap();
        pages.push(list.revisions.len());
        said.splice(0..0, list.revisions.iter().map(|revision| revision.seq.0));
        before = list.revisions.first().map(|revision| revision.seq);
        if !list.has_more {
            break;
        }
    }
    assert_eq!(pages, [100, 100, 31]);
    assert!(said.is_sorted_by(|a, b| a < b) && said.len() == 231 && said[0] == one.0);
    // One that was never edited has one version, which is not before itself.
    let plain_versions = async |before| db.store.revisions(bob, lobby, id_at(&log, plain), before).await.unwrap().revisions.len();
    assert_eq!((plain_versions(None).await, plain_versions(Some(plain)).await, plain_versions(Some(plain.next())).await), (1, 0, 1));
    let none = db.store.revisions(bob, lobby, id_at(&log, one), Some(one)).await.unwrap();
    assert!(none.revisions.is_empty() && !none.has_more);
}

//! What reactions make of messages, in whatever order the projection comes to know of them.

use relay_domain::ports::{
    AuditedProjection as _, Conversations as _, History as _, HistoryAnchor, HistoryError, ListPart, Projection as _, Reacted,
    ResumeStore as _, SendKey,
};
use relay_protocol::log::LogEvent;
use relay_protocol::rest::ReactionList;
use relay_types::{ConversationId, Emoji, MessageId, Seq, UserId};

use crate::edits::lobby;
use crate::support::{Db, EPOCH, NOON_MS, SHARD, TestLog};

/// Of each message, its reactions: the emoji, how many, whether the reader's, by whom.
type Shown = Vec<(u64, Vec<(String, u32, bool, Vec<UserId>)>, Option<u64>)>;

async fn shown(db: &Db, reader: UserId, lobby: ConversationId) -> Shown {
    let page = db.store.messages(reader, lobby, HistoryAnchor::Newest, 50, false).await.unwrap().messages;
    let kinds = |message: &relay_protocol::Message| {
        message.reactions.iter().map(|kind| (kind.emoji.to_string(), kind.count, kind.mine, kind.by.clone())).collect()
    };
    page.iter().map(|message| (message.seq.0, kinds(message), message.reacted_seq.map(|seq| seq.0))).collect()
}

fn emoji(text: &str) -> Emoji {
    text.parse().unwrap()
}

fn id_at(log: &TestLog, seq: Seq) -> MessageId {
    log.event_at(seq).event.message().unwrap().message_id
}

fn people(list: &ReactionList) -> Vec<(UserId, &str)> {
    list.reactions.iter().map(|reactor| (reactor.user_id, reactor.emoji.as_str())).collect()
}

#[tokio::test]
async fn the_newest_of_each_person_and_emoji_is_what_everything_shows() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    let one = log.sent(lobby, ann, "one"); // 2
    let two = log.sent(lobby, ann, "two"); // 3
    log.reacted(one, ann, "👍", true); // 4
    log.reacted(one, bob, "🎉", true); // 5
    log.reacted(one, bob, "👍", true); // 6
    log.reacted(one, bob, "👍", true); // 7: another device
    log.reacted(two, bob, "👍", true); // 8
    log.reacted(two, bob, "👍", false); // 9
    log.reacted(two, bob, "❤️", false); // 10: never given
    let last = log.reacted(one, ann, "❤️", true); // 11
    db.project(&log).await;

    let thumbs = |mine| ("👍".to_owned(), 2, mine, vec![ann, bob]);
    let party = |mine| ("🎉".to_owned(), 1, mine, vec![bob]);
    let heart = |mine| ("❤️".to_owned(), 1, mine, vec![ann]);
    assert_eq!(shown(&db, ann, lobby).await, [(2, vec![thumbs(true), party(false), heart(true)], Some(11)), (3, vec![], Some(10))]);
    assert_eq!(shown(&db, bob, lobby).await[0], (2, vec![thumbs(true), party(true), heart(false)], Some(11)));
    let newer = db.store.messages(bob, lobby, HistoryAnchor::After(Seq(1)), 1, false).await.unwrap().messages.remove(0);
    assert_eq!((db.store.message(bob, lobby, newer.message_id).await.unwrap(), newer.reactions.len()), (newer, 3));
    let row = db.store.list(bob, ListPart::Accepted, None, 10).await.unwrap().items.remove(0);
    assert_eq!((row.unread_count, row.last_message.map(|last| (last.seq, last.reactions))), (2, Some((two, vec![]))));

    // Who, in pages of whole people.
    let reactors =
        async |emoji: Option<&Emoji>, after, limit| db.store.reactions(bob, lobby, id_at(&log, one), emoji, after, limit).await.unwrap();
    let (all, mut both) = (reactors(None, None, 10).await, [(ann, "👍"), (ann, "❤️"), (bob, "🎉"), (bob, "👍")]);
    both.sort_by_key(|(user, _)| *user);
    assert_eq!((people(&all), all.next), (both.to_vec(), None));
    let first = reactors(None, None, 1).await;
    let rest = reactors(None, first.next, 1).await;
    assert_eq!([people(&first), people(&rest)].concat(), both);
    assert_eq!(reactors(None, rest.next, 1).await.reactions, []);
    assert_eq!(people(&reactors(Some(&emoji("🎉")), None, 10).await), [(bob, "🎉")]);
    assert_eq!(all.reactions[0].at_ms, NOON_MS + 1);
    let cid = db.user("cid").await;
    assert!(matches!(db.store.reactions(cid, lobby, id_at(&log, one), None, None, 1).await, Err(HistoryError::NotMember)));

    // What one who wants to react has to know, as the gateway asks.
    let gateway = db.as_role("relay_gateway");
    let known = gateway.reacted(bob, lobby, one).await.unwrap();
    assert_eq!((known.kinds, known.count, known.members), (vec![emoji("👍"), emoji("🎉"), emoji("❤️")], 4, 2));
    let mut own = gateway.reacted(bob, lobby, two).await.unwrap();
    own.own.sort();
    assert_eq!(own, Reacted { kinds: vec![], count: 0, own: vec![emoji("❤️"), emoji("👍")], standing: vec![], members: 2, hidden: false });
    // A reaction's key is as used as a message's.
    let LogEvent::MessageReacted(reacted) = &log.event_at(last).event else { panic!("a reaction") };
    let key = SendKey { conversation: lobby, sender: ann, client_id: reacted.client_id.clone() };
    assert_eq!(db.store.find_sends(&[key]).await.unwrap()[0].map(|send| send.seq), Some(last));
}

#[tokio::test]
async fn reactions_come_to_the_same_in_every_run_and_twice() {
    for cut in 1..=8 {
        let db = Db::fresh().await;
        let (ann, bob, lobby, mut log) = lobby(&db).await;
        let one = log.sent(lobby, ann, "a"); // 2
        log.reacted(one, bob, "👍", true); // 3
        log.reacted(one, ann, "👍", true); // 4
        log.reacted(one, bob, "👍", false); // 5
        log.reacted(one, bob, "🎉", true); // 6
        log.removed(lobby, bob); // 7
        log.reacted(one, bob, "🎉", false); // 8: void
        let expected = [(2, vec![("👍".to_owned(), 1, true, vec![ann]), ("🎉".to_owned(), 1, false, vec![bob])], Some(6))];
        let at = log.events.partition_point(|event| event.seq.0 <= cut);
        let (first, second) = log.events.split_at(at);
        db.store.project(SHARD, EPOCH, Seq::ZERO, Seq(cut), first).await.unwrap();
        db.store.project(SHARD, EPOCH, Seq(cut), log.head(), second).await.unwrap();
        assert_eq!(shown(&db, ann, lobby).await, expected, "cut at {cut}");

        // Whatever is missing comes back from the log, in any order.
        for missing in ["seq = 3", "seq = 5", "seq IN (3, 4, 5, 6)", "seq = 2", "seq IN (2, 6)"] {
            let rows = format!("DELETE FROM conversation_events WHERE {missing}; DELETE FROM messages WHERE {missing}");
            sqlx::raw_sql(sqlx::AssertSqlSafe(rows)).execute(&db.raw).await.unwrap();
            let mut backwards = log.events.clone();
            backwards.reverse();
            for event in backwards {
                db.store.repair(SHARD, &[event]).await.unwrap();
            }
            assert_eq!(shown(&db, ann, lobby).await, expected, "without {missing}");
        }
    }
}

#[tokio::test]
async fn of_what_is_erased_no_reaction_shows_not_a_late_one_either() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    let one = log.sent(lobby, ann, "one"); // 2
    log.reacted(one, bob, "👍", true); // 3
    db.project(&log).await;
    log.deleted(one, ann); // 4
    log.reacted(one, bob, "🎉", true); // 5: on its way
    db.project(&log).await;
    assert_eq!(shown(&db, bob, lobby).await, [(2, vec![], None)]);
    assert_eq!(db.count("SELECT count(*) FROM reactions").await, 0);
    for event in &log.events {
        db.store.repair(SHARD, std::slice::from_ref(event)).await.unwrap();
    }
    assert_eq!(shown(&db, bob, lobby).await, [(2, vec![], None)]);
}

#[tokio::test]
async fn what_a_worker_of_before_did_not_know_of_reactions_is_made_up_for() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    let one = log.sent(lobby, ann, "one"); // 2
    let first = log.reacted(one, bob, "👍", true); // 3
    log.removed(lobby, bob); // 4
    log.reacted(one, bob, "👍", false); // 5: void
    db.project(&log).await;
    // As it leaves them: events among others, also the void one, and nothing else.
    let before = "UPDATE messages SET reactions = '{}'; DELETE FROM reactions; DELETE FROM send_keys WHERE seq = 3;
                  UPDATE watermarks SET reacted_upto = 2;
                  INSERT INTO conversation_events (conversation_id, seq, prev_seq, shard, kind, event_id, actor_id, body, decided_at_ms, at)
                      SELECT conversation_id, 5, 4, shard, kind, event_id, actor_id, body || '{\"on\": false}', decided_at_ms, at
                      FROM conversation_events WHERE seq = 3";
    sqlx::raw_sql(before).execute(&db.raw).await.unwrap();
    log.sent(lobby, ann, "next"); // 6
    db.project(&log).await;
    assert_eq!(shown(&db, ann, lobby).await[0], (2, vec![("👍".to_owned(), 1, false, vec![bob])], Some(3)));
    assert_eq!(db.count("SELECT reacted_upto FROM watermarks").await, 6);
    let LogEvent::MessageReacted(reacted) = &log.event_at(first).event else { panic!("a reaction") };
    let key = SendKey { conversation: lobby, sender: bob, client_id: reacted.client_id.clone() };
    assert_eq!(db.store.find_sends(&[key]).await.unwrap()[0].map(|send| send.seq), Some(first));
}

#[tokio::test]
async fn what_a_worker_of_before_deleted_keeps_no_reactions() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    let one = log.sent(lobby, ann, "one"); // 2
    let two = log.sent(lobby, ann, "two"); // 3
    log.reacted(one, bob, "👍", true); // 4
    log.reacted(two, bob, "👍", true); // 5
    db.project(&log).await;
    let reactions = "CREATE TEMP TABLE kept AS SELECT * FROM reactions; CREATE TEMP TABLE shown AS SELECT seq, reactions FROM messages";
    let mut connection = db.raw.acquire().await.unwrap();
    sqlx::raw_sql(reactions).execute(&mut *connection).await.unwrap();
    log.deleted(one, ann); // 6
    db.project(&log).await;
    // As it leaves them: it deletes what a message says, and knows nothing of reactions.
    let before = "INSERT INTO reactions SELECT * FROM kept ON CONFLICT DO NOTHING;
                  UPDATE messages m SET reactions = shown.reactions FROM shown WHERE m.seq = shown.seq;
                  UPDATE watermarks SET reacted_upto = 5";
    sqlx::raw_sql(before).execute(&mut *connection).await.unwrap();
    assert_eq!(db.count("SELECT count(*) FROM reactions").await, 2);
    assert_eq!(db.count("SELECT count(*) FROM messages WHERE deleted AND reactions <> '{}'").await, 1);
    log.sent(lobby, ann, "next"); // 7
    db.project(&log).await;
    assert_eq!(db.count("SELECT count(*) FROM reactions").await, 1);
    assert_eq!(db.count("SELECT count(*) FROM messages WHERE deleted AND reactions <> '{}'").await, 0);
    let kept = (3, vec![("👍".to_owned(), 1, true, vec![bob])], Some(5));
    assert_eq!(shown(&db, bob, lobby).await, [(2, vec![], None), kept, (7, vec![], None)]);
}

#[tokio::test]
async fn counts_of_a_popular_message_go_on_from_what_was_counted() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    let one = log.sent(lobby, ann, "one"); // 2
    log.reacted(one, ann, "🎉", true); // 3
    db.project(&log).await;
    // Many others, whose reactions were counted.
    let many = "INSERT INTO reactions (conversation_id, seq, user_id, emoji, said_seq, said_at_ms, stays)
                SELECT conversation_id, seq, gen_random_uuid(), '👍', 2, 0, true FROM messages, generate_series(1, 5000) WHERE seq = 2";
    sqlx::raw_sql(many).execute(&db.raw).await.unwrap();
    let counted = "UPDATE messages SET reactions = jsonb_set(reactions, '{kinds,1}', '{\"emoji\": \"👍\", \"count\": 7000, \"by\": []}') WHERE seq = 2";
    sqlx::raw_sql(counted).execute(&db.raw).await.unwrap();
    let counts = async |db: &Db| {
        let page = shown(db, ann, lobby).await;
        let (_, kinds, upto) = page.into_iter().find(|(seq, ..)| *seq == 2).unwrap();
        (kinds.into_iter().map(|(emoji, count, ..)| (emoji, count)).collect::<Vec<_>>(), upto)
    };
    log.reacted(one, bob, "👍", true); // 4
    log.reacted(one, bob, "🎉", true); // 5
    log.reacted(one, bob, "❤️", true); // 6
    db.project(&log).await;
    let three = vec![("👍".to_owned(), 7_001), ("🎉".to_owned(), 2), ("❤️".to_owned(), 1)];
    assert_eq!(counts(&db).await, (three, Some(6)));
    log.reacted(one, bob, "❤️", false); // 7
    log.reacted(one, bob, "👍", false); // 8
    log.reacted(one, ann, "🎉", false); // 9
    db.project(&log).await;
    // Of what is left the first stands first; who reacts is known again where it is asked for.
    let page = shown(&db, ann, lobby).await.remove(0).1;
    assert_eq!(counts(&db).await, (vec![("👍".to_owned(), 7_000), ("🎉".to_owned(), 1)], Some(9)));
    assert_eq!((page[0].3.len(), page[1].3.clone()), (8, vec![bob]));
}

//! Finding messages: what is found is what history shows, and nothing else, however it is looked for.

use std::time::Duration;

use relay_domain::ports::{
    AuditedProjection as _, Conversations as _, Found, Search as _, SearchCursor, SearchError, SearchIndex as _, SearchQuestion,
};
use relay_domain::search::Query;
use relay_protocol::MessageBody;
use relay_protocol::log::{LogEvent, MessageSent};
use relay_types::{ConversationId, IdGen as _, MessageId, Seq, SystemIds, UserId};

use crate::edits::lobby;
use crate::support::{Db, NOON_MS, SHARD, TestLog, conversation_id};

fn said(log: &mut TestLog, conversation: ConversationId, sender: UserId, text: &str) -> Seq {
    let ids = SystemIds::default();
    log.push(LogEvent::MessageSent(MessageSent {
        message_id: MessageId::new(ids.next_ulid()),
        conversation_id: conversation,
        actor_id: sender,
        client_id: ids.next_ulid().to_string().parse().unwrap(),
        at_ms: NOON_MS,
        body: MessageBody::Text { text: text.parse().unwrap() },
        reply_to: None,
        thread: None,
    }))
}

fn question(reader: UserId, query: &str) -> SearchQuestion {
    let query = Query::parse(query).unwrap();
    SearchQuestion { reader, query, conversation: None, cursor: None, limit: 20, budget: Duration::from_secs(20) }
}

fn seqs(found: &Found) -> Vec<u64> {
    found.hits.iter().map(|hit| hit.message.seq.0).collect()
}

impl Db {
    /// Indexes everything that is projected.
    async fn index(&self) {
        for _ in 0..1_000 {
            let indexed = self.store.index_next(SHARD).await.unwrap();
            if indexed.messages == 0 && !indexed.more && self.count("SELECT count(*) FROM search_again").await == 0 {
                let behind =
                    "SELECT count(*) FROM watermarks w LEFT JOIN search_watermarks s USING (shard) WHERE w.seq > coalesce(s.seq, 0)";
                if self.count(behind).await == 0 {
                    return;
                }
            }
        }
        panic!("it goes on for ever");
    }

    async fn found(&self, reader: UserId, query: &str) -> Vec<u64> {
        seqs(&self.store.search(&question(reader, query)).await.unwrap())
    }

    /// All pages, one after the other.
    async fn all_found(&self, question: &SearchQuestion) -> Vec<(ConversationId, u64)> {
        let (mut all, mut question) = (Vec::new(), question.clone());
        for _ in 0..1_000 {
            let found = self.store.search(&question).await.unwrap();
            all.extend(found.hits.iter().map(|hit| (hit.message.conversation_id, hit.message.seq.0)));
            match found.next {
                None => return all,
                // As clients hand it back.
                Some(next) => question.cursor = Some(next.to_string().parse::<SearchCursor>().unwrap()),
            }
        }
        panic!("the pages do not end");
    }
}

#[tokio::test]
async fn messages_are_found_by_words_phrases_people_places_and_times() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    let one = said(&mut log, lobby, ann, "The Harbour walk is at sevén").0;
    let two = said(&mut log, lobby, bob, "walk to the harbour: https://example.com/map").0;
    let three = said(&mut log, lobby, bob, "東京都 call parseHeader() or ann@example.com").0;
    db.project(&log).await;
    assert_eq!(db.found(ann, "harbour").await, [] as [u64; 0], "not indexed yet");
    let waiting = db.store.search(&question(ann, "harbour")).await.unwrap();
    assert!(waiting.index_lag > Duration::from_hours(1), "and it is said: {waiting:?}");
    db.index().await;
    assert_eq!(db.store.search(&question(ann, "harbour")).await.unwrap().index_lag, Duration::ZERO);
    for (query, expected) in [
        ("harbour walk", vec![two, one]),
        ("\"harbour walk\"", vec![one]),
        ("seven", vec![one]),
        ("harb", vec![two, one]),
        ("harb ", vec![]),
        ("from:bob", vec![three, two]),
        ("from:me walk", vec![one]),
        ("from:nobody walk", vec![]),
        ("from:ann from:bob walk", vec![two, one]),
        ("has:link", vec![two]),
        ("walk in:lob", vec![two, one]),
        ("walk in:elsewhere", vec![]),
        ("walk after:2026-11-22", vec![two, one]),
        ("walk after:2026-11-23", vec![]),
        ("walk before:2026-11-22", vec![]),
        ("京都", vec![three]),
        ("header", vec![three]),
        ("ann@example.com", vec![three]),
        ("example", vec![three, two]),
        ("nothing", vec![]),
    ] {
        assert_eq!(db.found(ann, query).await, expected, "{query}");
    }
    let id = format!("walk in:{lobby}");
    assert_eq!(db.found(ann, &id).await, [two, one]);
    let found = db.store.search(&question(ann, "seven walk")).await.unwrap();
    let text = found.hits[0].message.body.text().unwrap().as_str();
    assert_eq!(found.hits[0].places.iter().map(|place| &text[place.clone()]).collect::<Vec<_>>(), ["walk", "sevén"]);
    for hostile in ["a' OR 1=1 --", "'); DROP TABLE messages; --", "\\", "a & !b | (c <-> d):*", "%", "walk:*"] {
        if let Ok(query) = Query::parse(hostile) {
            db.store.search(&SearchQuestion { query, ..question(ann, "x") }).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_search_shows_what_history_shows_at_that_moment() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    let cid = db.user("cid").await;
    let early = said(&mut log, lobby, ann, "canary early").0;
    log.added(lobby, cid);
    sqlx::query("INSERT INTO members (conversation_id, user_id, role, added_at) VALUES ($1, $2, 'member', now())")
        .bind(lobby.to_uuid())
        .bind(cid.to_uuid())
        .execute(&db.raw)
        .await
        .unwrap();
    let edited = said(&mut log, lobby, ann, "canary edited");
    let erased = said(&mut log, lobby, ann, "canary erased");
    let hidden = said(&mut log, lobby, bob, "canary hidden");
    let withheld = said(&mut log, lobby, ann, "canary withheld").0;
    db.project(&log).await;
    db.index().await;
    let all = [withheld, hidden.0, erased.0, edited.0, early];
    assert_eq!(db.found(ann, "canary").await, all);
    assert_eq!(db.found(cid, "canary").await, all[..4], "nothing of before they came");
    let stranger = db.user("eve").await;
    assert_eq!(db.found(stranger, "canary").await, [] as [u64; 0]);
    let there = SearchQuestion { conversation: Some(lobby), ..question(stranger, "canary") };
    assert!(matches!(db.store.search(&there).await, Err(SearchError::NotMember)));

    // Each of these holds before the index knows of it.
    log.edited(edited, ann, "kestrel");
    log.erased(erased);
    db.project(&log).await;
    let hidden_id = log.event_at(hidden).event.message().unwrap().message_id;
    db.store.hide_message(ann, lobby, hidden_id, NOON_MS).await.unwrap();
    sqlx::query("UPDATE messages SET only_for = $1 WHERE seq = $2")
        .bind(ann.to_uuid())
        .bind(i64::try_from(withheld).unwrap())
        .execute(&db.raw)
        .await
        .unwrap();
    assert_eq!(db.found(ann, "canary").await, [withheld, early]);
    assert_eq!(db.found(cid, "canary").await, [hidden.0]);
    assert_eq!(db.found(ann, "kestrel").await, [] as [u64; 0]);
    db.index().await;
    assert_eq!(db.found(ann, "kestrel").await, [edited.0]);
    let words = "SELECT count(*) FROM search_messages WHERE words::text LIKE '%erased%' OR words::text LIKE '%edited%'";
    assert_eq!(db.count(words).await, 0, "the words themselves are gone");

    // A removal that is decided holds at once, one that the log tells too; who comes back begins anew.
    sqlx::query("DELETE FROM members WHERE user_id = $1").bind(cid.to_uuid()).execute(&db.raw).await.unwrap();
    assert_eq!(db.found(cid, "canary").await, [] as [u64; 0]);
    log.removed(lobby, bob);
    db.project(&log).await;
    assert_eq!(db.found(bob, "canary").await, [] as [u64; 0]);
    log.added(lobby, bob);
    let again = said(&mut log, lobby, ann, "canary again").0;
    db.project(&log).await;
    db.index().await;
    assert_eq!(db.found(bob, "canary").await, [again]);
}

#[tokio::test]
async fn every_way_to_look_finds_the_same() {
    let db = Db::fresh().await;
    let (ann, bob) = (db.user("ann").await, db.user("bob").await);
    let rooms: Vec<ConversationId> = (0..20).map(|_| conversation_id()).collect();
    let mut log = TestLog::new();
    for (index, room) in rooms.iter().enumerate() {
        let members: &[UserId] = if index < 2 { &[ann, bob] } else { &[bob] };
        log.created(*room, members);
        for member in members {
            sqlx::query(
                "WITH room AS (INSERT INTO conversations (conversation_id, kind, title, shard, created_by, created_at)
                               VALUES ($1, 'group', 'Room', 0, $2, now()) ON CONFLICT DO NOTHING)
                 SELECT 1",
            )
            .bind(room.to_uuid())
            .bind(bob.to_uuid())
            .execute(&db.raw)
            .await
            .unwrap();
            sqlx::query("INSERT INTO members (conversation_id, user_id, role, added_at) VALUES ($1, $2, 'member', now())")
                .bind(room.to_uuid())
                .bind(member.to_uuid())
                .execute(&db.raw)
                .await
                .unwrap();
        }
    }
    let mut expected: Vec<(ConversationId, u64, String)> = Vec::new();
    for n in 0..3_000_usize {
        let room = rooms[n * 7 % rooms.len()];
        let mut text = format!("number {n}");
        for (word, every) in [("common", 2), ("middle", 20), ("rare", 700)] {
            if n % every == 0 || n % every == 1 {
                text = format!("{text} {word}");
            }
        }
        let seq = said(&mut log, room, bob, &text).0;
        expected.push((room, seq, text));
    }
    db.project(&log).await;
    db.index().await;
    for table in ["search_messages", "search_messages_2026_11", "conversation_heads"] {
        sqlx::query(sqlx::AssertSqlSafe(format!("ANALYZE {table}"))).execute(&db.raw).await.unwrap();
    }
    for (reader, mine) in [(ann, &rooms[..2]), (bob, &rooms[..])] {
        for (query, word) in
            [("common", "common"), ("middle", "middle"), ("rare", "rare"), ("midd", "middle"), ("\"number 14\"", "number 14 ")]
        {
            let question = SearchQuestion { limit: 7, ..question(reader, query) };
            let wish = |text: &str| format!("{text} ").contains(word);
            let mut wanted: Vec<_> =
                expected.iter().filter(|(room, _, text)| mine.contains(room) && wish(text)).map(|(room, seq, _)| (*room, *seq)).collect();
            wanted.reverse();
            assert_eq!(db.all_found(&question).await, wanted, "{query}");
        }
    }
    let here = SearchQuestion { conversation: Some(rooms[1]), ..question(bob, "common") };
    assert!(db.all_found(&here).await.iter().all(|(room, _)| *room == rooms[1]));
}

#[tokio::test]
async fn a_search_that_takes_too_long_says_how_far_it_came_and_goes_on() {
    let db = Db::fresh().await;
    let (ann, _, lobby, mut log) = lobby(&db).await;
    let one = said(&mut log, lobby, ann, "harbour").0;
    db.project(&log).await;
    db.index().await;
    let question = question(ann, "harbour");
    assert_eq!(seqs(&db.store.search(&question).await.unwrap()), [one]);
    let mut blocking = db.raw.begin().await.unwrap();
    sqlx::query("LOCK TABLE search_messages IN ACCESS EXCLUSIVE MODE").execute(&mut *blocking).await.unwrap();
    let hurried = SearchQuestion { budget: Duration::from_millis(300), ..question.clone() };
    let began = std::time::Instant::now();
    let found = db.store.search(&hurried).await.unwrap();
    assert!(found.hits.is_empty() && found.searched_back_to_ms.is_some() && began.elapsed() < Duration::from_secs(10), "{found:?}");
    let next = found.next.unwrap();
    let again = db.store.search(&SearchQuestion { cursor: Some(next), ..hurried }).await.unwrap().next.unwrap();
    assert!(again.stretch_s < next.stretch_s, "a shorter stretch each time: {next:?}, {again:?}");
    blocking.rollback().await.unwrap();
    let rest = SearchQuestion { cursor: Some(again), ..question };
    assert_eq!(db.all_found(&rest).await, [(lobby, one)]);
}

#[tokio::test]
async fn the_index_follows_repairs_and_is_filled_anew() {
    let db = Db::fresh().await;
    let (ann, _, lobby, mut log) = lobby(&db).await;
    let one = said(&mut log, lobby, ann, "harbour one");
    let two = said(&mut log, lobby, ann, "harbour two");
    log.edited(two, ann, "harbour changed");
    db.project(&log).await;
    db.index().await;
    let all = [two.0, one.0];
    assert_eq!(db.found(ann, "harbour").await, all);
    // What an audit puts in stands behind the watermark.
    sqlx::query("DELETE FROM messages WHERE seq = $1").bind(one.to_i64()).execute(&db.raw).await.unwrap();
    sqlx::query("DELETE FROM search_messages WHERE seq = $1").bind(one.to_i64()).execute(&db.raw).await.unwrap();
    assert_eq!(db.found(ann, "harbour").await, all[..1]);
    db.store.repair(SHARD, std::slice::from_ref(log.event_at(one))).await.unwrap();
    db.index().await;
    assert_eq!(db.found(ann, "harbour").await, all);
    // From the beginning: the present state, without the events that led to it.
    db.store.empty_search_index().await.unwrap();
    assert_eq!(db.found(ann, "harbour").await, [] as [u64; 0]);
    sqlx::query("DELETE FROM conversation_events").execute(&db.raw).await.unwrap();
    db.index().await;
    assert_eq!(db.found(ann, "harbour").await, all);
    assert_eq!(db.found(ann, "changed").await, [two.0]);
    // A projection that is behind the index is filled anew, and so is the index.
    sqlx::query("UPDATE search_watermarks SET seq = 1000").execute(&db.raw).await.unwrap();
    db.index().await;
    assert_eq!(db.count("SELECT max(seq) FROM search_watermarks").await, i64::try_from(log.head().0).unwrap());
    assert_eq!(db.count("SELECT count(*) FROM search_messages").await, 2);
}

#[tokio::test]
async fn the_worker_writes_the_index_and_the_api_reads_it() {
    let db = Db::fresh().await;
    let (ann, _, lobby, mut log) = lobby(&db).await;
    let one = said(&mut log, lobby, ann, "harbour").0;
    db.project(&log).await;
    let (worker, api) = (db.as_role("relay_worker"), db.as_role("relay_api"));
    while worker.index_next(SHARD).await.unwrap().messages == 0 {}
    assert_eq!(seqs(&api.search(&question(ann, "harbour")).await.unwrap()), [one]);
    assert!(api.index_next(SHARD).await.is_err());
    assert!(worker.empty_search_index().await.is_err(), "the owner's alone");
    // Months of long ago are made when their messages come.
    sqlx::query("UPDATE messages SET stored_at = '2025-03-04' WHERE seq = $1")
        .bind(i64::try_from(one).unwrap())
        .execute(&db.raw)
        .await
        .unwrap();
    db.store.empty_search_index().await.unwrap();
    while worker.index_next(SHARD).await.unwrap().messages == 0 {}
    assert_eq!(db.count("SELECT count(*) FROM search_messages_2025_03").await, 1);
    assert_eq!(seqs(&api.search(&question(ann, "harbour")).await.unwrap()), [one]);
}

#[tokio::test]
async fn a_search_that_leaves_conversations_out_says_before_when() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    let one = said(&mut log, lobby, ann, "harbour").0;
    db.project(&log).await;
    db.index().await;
    assert_eq!(db.store.search(&question(bob, "harbour")).await.unwrap().partial_before_ms, None);
    // In as many as are searched, and one more: nothing was said there for a day more.
    let many = "INSERT INTO memberships (conversation_id, user_id, joined_seq, shard, active_until)
                SELECT gen_random_uuid(), $1, 1, 0, to_timestamp($2 / 1000.0) - make_interval(days => CASE WHEN n = 1 THEN 2 ELSE 1 END)
                FROM generate_series(1, 100000) AS n";
    sqlx::query(many).bind(bob.to_uuid()).bind(NOON_MS).execute(&db.raw).await.unwrap();
    let left_out = NOON_MS - 2 * 86_400_000;
    let found = db.store.search(&question(bob, "harbour")).await.unwrap();
    assert_eq!((seqs(&found), found.partial_before_ms), (vec![one], Some(left_out)));
    // What came no further than that is complete.
    let newer = SearchQuestion { limit: 1, ..question(bob, "harbour after:2026-11-28") };
    let whole = db.store.search(&newer).await.unwrap().partial_before_ms;
    assert_eq!(whole.is_some(), newer.query.after_ms.unwrap() <= left_out, "{newer:?}");
    // Where no conversation of those is named, nothing is found in some.
    let nowhere = db.store.search(&question(bob, "harbour in:nowhere")).await.unwrap();
    assert_eq!((seqs(&nowhere), nowhere.partial_before_ms), (vec![], Some(left_out)));
    // One that is asked for is searched in any case.
    let here = SearchQuestion { conversation: Some(lobby), ..question(bob, "harbour") };
    let found = db.store.search(&here).await.unwrap();
    assert_eq!((seqs(&found), found.partial_before_ms), (vec![one], None));
}

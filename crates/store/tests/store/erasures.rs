//! Erased messages: what the projection keeps of them, however it comes to know, and the list for the log.

use std::sync::Mutex;

use async_trait::async_trait;
use relay_domain::ports::{
    AuditedProjection as _, ErasableLog, EraseError, Erasure, Erasures as _, EventRange, LogAddress, Outbox as _, Projection as _,
    ResumeStore as _, SendKey,
};
use relay_protocol::MessageBody;
use relay_protocol::log::{EventOwner, LogEvent, StoredEvent};
use relay_store::{ErasureRequest, Store};
use relay_types::{ConversationId, MessageId, Seq, ShardId};

use crate::support::{Db, MemMessageLog, NOON_MS, SHARD, TestLog, conversation_id, read, user_id};

async fn events(db: &Db, conversation: ConversationId) -> Vec<StoredEvent> {
    let range = [EventRange { owner: EventOwner::Conversation(conversation), after: Seq::ZERO, upto: Seq(100) }];
    db.store.events(SHARD, &range, 100, 1 << 20).await.unwrap().events.into_iter().map(read).collect()
}

fn is_tombstone(event: &StoredEvent) -> bool {
    matches!(&event.event, LogEvent::MessageSent(sent) if sent.body == MessageBody::Erased)
}

fn message_at(log: &TestLog, seq: Seq) -> MessageId {
    let LogEvent::MessageSent(sent) = &log.event_at(seq).event else { panic!("a message") };
    sent.message_id
}

/// Everything in the database that may hold what people wrote.
async fn texts(db: &Db) -> String {
    let all =
        "SELECT concat((SELECT string_agg(e::text, ' ') FROM conversation_events e), (SELECT string_agg(m::text, ' ') FROM messages m),
                             (SELECT string_agg(r::text, ' ') FROM message_revisions r))";
    sqlx::query_scalar(all).fetch_one(&db.raw).await.unwrap()
}

#[tokio::test]
async fn an_erased_message_keeps_its_place_however_the_projection_comes_to_know() {
    let (ann, lobby) = (user_id(), conversation_id());
    let mut log = TestLog::new();
    log.created(lobby, &[ann]); // 1
    log.sent(lobby, ann, "before"); // 2
    let secret = log.sent(lobby, ann, "secret"); // 3
    log.sent(lobby, ann, "after"); // 4
    log.erased(secret); // 5
    log.sent(lobby, ann, "later"); // 6
    // Read as it comes; read when the log has it no more.
    for erased_in_log in [false, true] {
        for cut in 0..=6 {
            let db = Db::fresh().await;
            let mut read = TestLog::new();
            read.events = log.events.iter().filter(|event| !erased_in_log || event.seq != secret).cloned().collect();
            let at = read.events.partition_point(|event| event.seq.0 <= cut);
            let (one, two) = read.events.split_at(at);

            db.store.project(SHARD, crate::support::EPOCH, Seq::ZERO, Seq(cut), one).await.unwrap();
            db.store.project(SHARD, crate::support::EPOCH, Seq(cut), log.head(), two).await.unwrap();
            let projected = events(&db, lobby).await;
            let chain: Vec<_> = projected.iter().map(|event| (event.seq.0, event.prev.map(|prev| prev.0), is_tombstone(event))).collect();
            let expected = [(1, 0, false), (2, 1, false), (3, 2, true), (4, 3, false), (5, 4, false), (6, 5, false)];
            let expected: Vec<_> = expected.map(|(seq, prev, tombstone)| (seq, Some(prev), tombstone)).into();
            assert_eq!(chain, expected, "erased in the log: {erased_in_log}, cut at {cut}");
            assert!(!texts(&db).await.contains("secret: "), "erased in the log: {erased_in_log}, cut at {cut}");
            assert_eq!(db.count("SELECT count(*) FROM messages WHERE deleted AND seq = 3 AND prev_seq = 2").await, 1);
            assert_eq!(db.count("SELECT prev_seq FROM messages WHERE seq = 4").await, 3);
            let key = SendKey { conversation: lobby, sender: ann, client_id: "secret".parse().unwrap() };
            assert_eq!(db.store.find_sends(&[key]).await.unwrap()[0].map(|send| send.seq), Some(secret), "its key stays used");
            // The audit is told, and a repair from a log that still has it does not bring it back.
            for rows in [
                db.store.projected_events(SHARD, Seq::ZERO, Seq(9), 100).await.unwrap(),
                db.store.projected_messages(SHARD, Seq::ZERO, Seq(9), 100).await.unwrap(),
            ] {
                assert_eq!(rows.iter().filter(|row| row.erased).map(|row| row.seq).collect::<Vec<_>>(), [secret]);
            }
            sqlx::raw_sql("DELETE FROM messages WHERE seq = 3; DELETE FROM conversation_events WHERE seq = 3")
                .execute(&db.raw)
                .await
                .unwrap();
            assert_eq!(db.store.repair(SHARD, &log.events).await.unwrap(), 1);
            assert!(is_tombstone(&events(&db, lobby).await[2]) && !texts(&db).await.contains("secret: "));
        }
    }
}

/// Erases, or does not answer: at all, or about one place.
#[derive(Default)]
struct Log {
    away: bool,
    stuck_at: Option<Seq>,
    erased: Mutex<Vec<Erasure>>,
}

#[async_trait]
impl ErasableLog for Log {
    async fn erase(&self, erasure: Erasure) -> Result<(), EraseError> {
        if self.away || self.stuck_at == Some(erasure.seq) {
            return Err(EraseError::Log("no answer".into()));
        }
        self.erased.lock().unwrap().push(erasure);
        Ok(())
    }
}

/// What was tried, and what the log said.
async fn try_next(store: &Store, log: &Log, besides: &[ShardId]) -> Option<(Erasure, Result<(), String>)> {
    let attempt = store.erase_next(log, besides).await.unwrap()?;
    Some((attempt.erasure, attempt.outcome.map_err(|error| error.to_string())))
}

#[tokio::test]
async fn a_request_becomes_one_event_and_then_work_for_the_log() {
    let db = Db::fresh().await;
    let (ann, lobby) = (user_id(), conversation_id());
    let mut log = TestLog::new();
    log.created(lobby, &[ann]);
    let secret = log.sent(lobby, ann, "secret");
    let message = message_at(&log, secret);
    assert_eq!(db.store.request_erasure(lobby, message, NOON_MS).await.unwrap(), ErasureRequest::Unknown);
    db.project(&log).await;
    assert_eq!(db.store.request_erasure(conversation_id(), message, NOON_MS).await.unwrap(), ErasureRequest::Unknown, "of another room");
    let address = LogAddress::Conversation { shard: SHARD, id: lobby };
    for _ in 0..2 {
        assert_eq!(db.store.request_erasure(lobby, message, NOON_MS).await.unwrap(), ErasureRequest::Decided(address));
    }
    let published = MemMessageLog::default();
    db.store.flush(address, &published).await.unwrap();
    assert_eq!(published.names(), ["MESSAGE_ERASED"]);
    log.push(published.appended()[0].2.clone());
    db.project(&log).await;
    assert_eq!(db.store.request_erasure(lobby, message, NOON_MS).await.unwrap(), ErasureRequest::Hidden);

    let worker = db.as_role("relay_worker");
    assert_eq!(worker.erasure_backlog().await.unwrap().waiting, 1);
    let away = Log { away: true, ..Log::default() };
    assert!(try_next(&worker, &away, &[]).await.unwrap().1.is_err());
    assert_eq!(worker.erasure_backlog().await.unwrap().waiting, 1, "it waits for the log");
    let there = Log::default();
    let erasure = Erasure { shard: SHARD, seq: secret, message };
    // However slow this machine is. What was not put off is due still.
    sqlx::query("UPDATE erasures SET not_before = not_before + interval '1 hour'").execute(&db.raw).await.unwrap();
    assert!(try_next(&worker, &there, &[]).await.is_none(), "not at once");
    sqlx::query("UPDATE erasures SET not_before = now()").execute(&db.raw).await.unwrap();
    assert!(try_next(&worker, &there, &[SHARD]).await.is_none(), "the shard is passed over");
    assert_eq!(try_next(&worker, &there, &[]).await.unwrap(), (erasure, Ok(())));
    assert!(try_next(&worker, &there, &[]).await.is_none());
    assert_eq!(*there.erased.lock().unwrap(), [erasure]);
    assert_eq!(worker.erasure_backlog().await.unwrap().waiting, 0);
}

#[tokio::test]
async fn what_cannot_be_erased_does_not_hold_up_the_others() {
    let db = Db::fresh().await;
    let (ann, lobby) = (user_id(), conversation_id());
    let mut log = TestLog::new();
    log.created(lobby, &[ann]);
    let stuck = log.sent(lobby, ann, "stuck");
    let other = log.sent(lobby, ann, "other");
    log.erased(stuck);
    log.erased(other);
    db.project(&log).await;
    let worker = db.as_role("relay_worker");
    let refusing = Log { stuck_at: Some(stuck), ..Log::default() };
    // When it is tried, by the database's clock.
    let tried_now = "UPDATE erasures SET erased_at = now(), not_before = NULL WHERE done_at IS NULL";
    sqlx::query(tried_now).execute(&db.raw).await.unwrap();
    assert!(try_next(&worker, &refusing, &[]).await.unwrap().1.is_err());
    let (next, outcome) = try_next(&worker, &refusing, &[]).await.unwrap();
    assert_eq!((next.seq, outcome), (other, Ok(())));
    assert_eq!(worker.erasure_backlog().await.unwrap().waiting, 1, "the first one waits still");
    for attempts in 1..=3 {
        let waits = "SELECT count(*) FROM erasures
                     WHERE done_at IS NULL AND not_before >= erased_at + make_interval(secs => 2 ^ (attempts - 1))";
        assert_eq!(db.count(waits).await, 1, "longer each time, after {attempts}");
        sqlx::query(tried_now).execute(&db.raw).await.unwrap();
        assert!(try_next(&worker, &refusing, &[]).await.unwrap().1.is_err());
    }
}

//! What a client shows first, and what changed since: never less than what there is.

use std::collections::BTreeMap;
use std::time::Duration;

use relay_domain::ports::{Conversations as _, Drafts as _, ListPart, LogAddress, Outbox as _, SyncPage, SyncReading as _};
use relay_protocol::rest::{ChangeConversationSettingsRequest, ConversationListItem, PutDraftRequest};
use relay_protocol::sync::SyncToken;
use relay_types::{Clock as _, ConversationId, Seq, ShardId, SystemClock, UserId};
use sqlx::types::Uuid;

use crate::support::{Db, EPOCH, MemMessageLog, SHARD, TestLog, conversation_id};

/// How long a connection may take to end.
const BOUND: Duration = Duration::from_secs(30);
const HOUR_MS: i64 = 3_600_000;

/// A group as decided, without its events.
async fn group(db: &Db, shard: ShardId, members: &[UserId]) -> ConversationId {
    let id = conversation_id();
    sqlx::query(
        "INSERT INTO conversations (conversation_id, kind, title, shard, created_by, created_at, member_count)
         VALUES ($1, 'group', 'x', $2, $3, now(), $4)",
    )
    .bind(id.to_uuid())
    .bind(i32::from(shard.0))
    .bind(members[0].to_uuid())
    .bind(i32::try_from(members.len()).unwrap())
    .execute(&db.raw)
    .await
    .unwrap();
    for member in members {
        sqlx::query("INSERT INTO members (conversation_id, user_id, role, added_at) VALUES ($1, $2, 'member', '2026-11-01')")
            .bind(id.to_uuid())
            .bind(member.to_uuid())
            .execute(&db.raw)
            .await
            .unwrap();
    }
    id
}

/// The newest event of the log was stored so long before now.
fn ago(log: &mut TestLog, ms: i64) {
    log.events.last_mut().unwrap().stored_at_ms = SystemClock.now_ms() - ms;
}

/// What waits in the outbox for the user goes into the log, now.
async fn told(db: &Db, user: UserId, logs: &mut [TestLog]) {
    for log in logs {
        let appended = MemMessageLog::default();
        db.store.flush(LogAddress::User { shard: log.shard, id: user }, &appended).await.unwrap();
        for (_, _, event) in appended.appended() {
            log.push(event);
            ago(log, 0);
        }
    }
}

async fn project(db: &Db, logs: &[TestLog]) {
    for log in logs {
        db.project(log).await;
    }
}

async fn changes(db: &Db, user: UserId, since: &SyncToken) -> SyncPage {
    db.store.sync_changes(user, since).await.unwrap().unwrap()
}

/// Everything that is in one of the user's lists, by looking at everything.
async fn everything(db: &Db, user: UserId) -> BTreeMap<ConversationId, ConversationListItem> {
    let mut all = BTreeMap::new();
    for part in [ListPart::Accepted, ListPart::Archived, ListPart::Requests] {
        let mut cursor = None;
        loop {
            let page = db.store.list(user, part, cursor, 100).await.unwrap();
            all.extend(page.items.into_iter().map(|item| (item.conversation_id, item)));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
    }
    all
}

#[tokio::test]
async fn what_a_client_has_and_what_changed_is_what_there_is() {
    let db = Db::fresh().await;
    let (ann, bob) = (db.user("ann").await, db.user("bob").await);
    let mut logs = [TestLog::of(SHARD), TestLog::of(ShardId(1))];
    let mut known: Vec<(ConversationId, usize, Vec<Seq>)> = Vec::new();
    for n in 0..24 {
        let log = &mut logs[n % 2];
        let id = group(&db, log.shard, &[ann, bob]).await;
        log.created(id, &[ann, bob]);
        ago(log, 4 * 24 * HOUR_MS);
        let mut sent = Vec::new();
        for k in 0..3 {
            sent.push(log.sent(id, bob, &format!("{n}-{k}")));
            // Most of them are quiet.
            ago(log, if n < 18 { 3 * 24 * HOUR_MS } else { HOUR_MS });
        }
        known.push((id, n % 2, sent));
    }
    project(&db, &logs).await;
    let first = db.store.sync_full(ann, 100).await.unwrap();
    assert_eq!((first.full, first.conversations.len(), first.next.is_none()), (true, 24, true));
    let mut token = first.token;
    let mut has: BTreeMap<_, _> = first.conversations.into_iter().map(|item| (item.conversation_id, item)).collect();
    assert_eq!(has, everything(&db, ann).await);

    let mut n: u64 = 11;
    let mut random = |below: usize| {
        n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(n >> 33).unwrap() % below
    };
    let api = db.as_role("relay_api");
    let now = SystemClock.now_ms();
    for round in 0..60 {
        for _ in 0..random(3) {
            let (id, shard, sent) = &mut known[random(24)];
            let (id, seq, log) = (*id, sent[random(sent.len())], &mut logs[*shard]);
            let in_it = everything(&db, ann).await.contains_key(&id) && log.event_at(seq).event.conversation() == Some(id);
            let change = |change: fn(&mut ChangeConversationSettingsRequest)| {
                let mut request = ChangeConversationSettingsRequest::default();
                change(&mut request);
                request
            };
            match random(9) {
                0 => {
                    let seq = log.sent(id, bob, &format!("r{round}-{}", log.head().0));
                    ago(log, 0);
                    sent.push(seq);
                }
                // An amendment moves nothing up; where the conversation is quiet it is found all the same.
                1 => {
                    log.edited(seq, bob, &format!("edited in {round}"));
                    ago(log, 0);
                }
                2 if sent.len() > 1 => {
                    let seq = sent.pop().unwrap();
                    log.deleted(seq, bob);
                    ago(log, 0);
                }
                3 => drop(api.mark_read(ann, id, seq, now, None).await),
                4 => drop(api.change_conversation_settings(ann, id, change(|c| c.pinned = Some(true)), now + round).await),
                5 => drop(api.change_conversation_settings(ann, id, change(|c| c.archived = Some(true)), now + round).await),
                6 => drop(api.set_hidden(ann, id, random(2) == 0, now + round).await),
                7 => drop(api.mark_unread(ann, id, seq, now + round).await),
                8 if in_it && round > 30 => {
                    sqlx::query("DELETE FROM members WHERE user_id = $1 AND conversation_id = $2")
                        .bind(ann.to_uuid())
                        .bind(id.to_uuid())
                        .execute(&db.raw)
                        .await
                        .unwrap();
                    log.removed(id, ann);
                    ago(log, 0);
                }
                _ => {}
            }
        }
        // What waits for its time, too.
        sqlx::query("UPDATE read_mark_news SET due_at = now() - interval '1 second'").execute(&db.raw).await.unwrap();
        relay_domain::ports::ReadMarkNews::tell_due(&db.store, 100).await.unwrap();
        told(&db, ann, &mut logs).await;
        project(&db, &logs).await;
        let changed = changes(&db, ann, &token).await;
        assert!(!changed.full);
        for gone in &changed.gone {
            has.remove(gone);
        }
        has.extend(changed.conversations.into_iter().map(|item| (item.conversation_id, item)));
        assert_eq!(has, everything(&db, ann).await, "round {round}");
        token = changed.token;
        assert!(changes(&db, ann, &token).await.conversations.is_empty(), "nothing twice");
    }
    assert!(has.len() < 24, "somebody left something");
}

#[tokio::test]
async fn what_is_projected_later_stands_behind_the_token() {
    let db = Db::fresh().await;
    let (ann, bob) = (db.user("ann").await, db.user("bob").await);
    let id = group(&db, SHARD, &[ann, bob]).await;
    let mut log = TestLog::new();
    log.created(id, &[ann, bob]);
    ago(&mut log, HOUR_MS);
    db.project(&log).await;
    let first = db.store.sync_full(ann, 10).await.unwrap();
    // In the log, and not in the projection.
    log.sent(id, bob, "late");
    ago(&mut log, HOUR_MS / 2);
    let before = changes(&db, ann, &first.token).await;
    assert_eq!((before.conversations.len(), &before.token), (0, &first.token));
    db.project(&log).await;
    let after = changes(&db, ann, &before.token).await;
    assert_eq!(after.conversations.iter().map(|item| item.unread_count).collect::<Vec<_>>(), [1]);
    // A projection that is filled anew is behind what the client has: its token stays.
    sqlx::query("UPDATE watermarks SET seq = 1, own_upto = 1").execute(&db.raw).await.unwrap();
    assert_eq!(changes(&db, ann, &after.token).await.token, after.token);
}

#[tokio::test]
async fn what_cannot_be_told_as_a_change_is_told_whole() {
    let db = Db::fresh().await;
    let (ann, bob) = (db.user("ann").await, db.user("bob").await);
    let mut log = TestLog::new();
    let mut ids = Vec::new();
    for _ in 0..201 {
        let id = group(&db, SHARD, &[ann, bob]).await;
        log.created(id, &[ann, bob]);
        ago(&mut log, HOUR_MS);
        ids.push(id);
    }
    db.project(&log).await;
    let token = db.store.sync_full(ann, 200).await.unwrap().token;
    let whole = async |token: &SyncToken| db.store.sync_changes(ann, token).await.unwrap().is_none();
    assert!(!whole(&token).await);
    for id in &ids[1..] {
        log.sent(*id, bob, "x");
        ago(&mut log, 0);
    }
    db.project(&log).await;
    assert_eq!(changes(&db, ann, &token).await.conversations.len(), 200);
    log.sent(ids[0], bob, "one-more");
    ago(&mut log, 0);
    db.project(&log).await;
    assert!(whole(&token).await, "too much");

    let now = db.store.sync_full(ann, 200).await.unwrap();
    let other = |change: &dyn Fn(&mut SyncToken)| {
        let mut token = now.token.clone();
        change(&mut token);
        token
    };
    assert!(whole(&other(&|token| token.shards.get_mut(&SHARD).unwrap().epoch = "other".to_owned())).await, "of another log");
    assert!(whole(&other(&|token| drop(token.shards.remove(&SHARD)))).await, "of fewer shards");
    let old = other(&|token| {
        let place = token.shards.get_mut(&SHARD).unwrap();
        (place.seq, place.at_ms) = (Seq(place.seq.0 - 1), place.at_ms - 31 * 24 * HOUR_MS);
    });
    assert!(whole(&old).await, "too old");
    // A worker of before kept no users' events.
    sqlx::query("UPDATE watermarks SET own_upto = 0").execute(&db.raw).await.unwrap();
    assert!(whole(&other(&|token| token.shards.get_mut(&SHARD).unwrap().seq.0 -= 1)).await, "not all events are there");
    assert!(!whole(&now.token).await, "nothing happened");
}

#[tokio::test]
async fn drafts_come_with_their_texts_as_long_as_they_fit() {
    let db = Db::fresh().await;
    let (ann, bob) = (db.user("ann").await, db.user("bob").await);
    let api = db.as_role("relay_api");
    let mut logs = [TestLog::new()];
    let mut ids = Vec::new();
    for n in 0..6i64 {
        let id = group(&db, SHARD, &[ann, bob]).await;
        logs[0].created(id, &[ann, bob]);
        ago(&mut logs[0], HOUR_MS);
        let text = if n == 5 { "short".to_owned() } else { "x".repeat(60_000) };
        api.put_draft(ann, id, &PutDraftRequest { text: text.parse().unwrap(), reply_to: None }, 1_000 + n).await.unwrap();
        ids.push(id);
    }
    told(&db, ann, &mut logs).await;
    project(&db, &logs).await;
    let first = api.sync_full(ann, 200).await.unwrap();
    let shown: Vec<_> = first.drafts.iter().map(|draft| (draft.conversation_id, draft.text.as_ref().map(String::len))).collect();
    let long = |n: usize, fits: bool| (ids[n], fits.then_some(60_000));
    assert_eq!(shown, [(ids[5], Some(5)), long(4, true), long(3, true), long(2, true), long(1, true), long(0, false)]);
    assert!(api.sync_full(bob, 200).await.unwrap().drafts.is_empty());
    api.put_draft(ann, ids[5], &PutDraftRequest { text: "".parse().unwrap(), reply_to: None }, 2_000).await.unwrap();
    sqlx::query("UPDATE drafts SET due_at = now() - interval '1 second'").execute(&db.raw).await.unwrap();
    relay_domain::ports::DraftNews::tell_due_drafts(&db.store, 10).await.unwrap();
    told(&db, ann, &mut logs).await;
    project(&db, &logs).await;
    let changed = api.sync_changes(ann, &first.token).await.unwrap().unwrap();
    assert_eq!(changed.drafts.iter().map(|draft| (draft.conversation_id, draft.text.as_deref())).collect::<Vec<_>>(), [(ids[5], Some(""))]);
    assert!(changed.conversations.is_empty(), "a draft is none of the list");
}

/// One person in 100,000 groups, of which few are active, among 20,000 who are in one.
const CROWD: &str = "
    INSERT INTO users SELECT ('00000000-0000-0000-0000-' || lpad(to_hex(g), 12, '0'))::uuid, 'u' || g, 'u', 'x', 0, now()
        FROM generate_series(1, 20000) AS g;
    INSERT INTO conversations (conversation_id, kind, title, shard, created_by, created_at)
        SELECT ('01000000-0000-0000-0000-' || lpad(to_hex(g), 12, '0'))::uuid, 'group', 't', 0, '00000000-0000-0000-0000-000000000001', now()
        FROM generate_series(1, 100000) AS g;
    INSERT INTO members (conversation_id, user_id, role, added_at)
        SELECT conversation_id, '00000000-0000-0000-0000-000000000001'::uuid, 'member', now() - interval '9 days' FROM conversations;
    INSERT INTO conversation_heads (conversation_id, shard, last_seq, last_at, message_seq, message_at, active_until)
        SELECT conversation_id, 0, 200000 - n, now() - n * interval '5 minutes', 200000 - n, now(), now() - n * interval '5 minutes' + interval '1 minute'
        FROM (SELECT conversation_id, row_number() OVER () AS n FROM conversations) AS c;
    INSERT INTO memberships (conversation_id, user_id, joined_seq, shard, active_until)
        SELECT conversation_id, user_id, 0, 0, active_until FROM members JOIN conversation_heads USING (conversation_id);
    INSERT INTO user_events (user_id, shard, seq, kind, body, stored_at)
        SELECT ('00000000-0000-0000-0000-' || lpad(to_hex(1 + g % 20000), 12, '0'))::uuid, 0, g, 'READ_MARK_MOVED', '{}', now() - (200000 - g) * interval '1 second'
        FROM generate_series(1, 100000) AS g;
    INSERT INTO watermarks (shard, seq, epoch, stored_at, own_upto) VALUES (0, 200000, 'epoch-1', now(), 200000);
    ANALYZE";

#[tokio::test]
async fn changes_cost_what_changed_however_many_conversations_one_has() {
    let db = Db::fresh().await;
    sqlx::raw_sql(CROWD).execute(&db.raw).await.unwrap();
    let busy = UserId::from_uuid(Uuid::from_u128(1));
    let store = db.as_role("relay_api");
    let mut token = db.store.sync_full(busy, 200).await.unwrap().token;
    let place = token.shards.get_mut(&SHARD).unwrap();
    assert_eq!(place.epoch, EPOCH);
    // As of an hour ago: twelve conversations had something since.
    (place.seq, place.at_ms) = (Seq(200_000 - 13), place.at_ms - HOUR_MS);
    let read = "SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes";
    let scans = "SELECT sum(seq_tup_read)::bigint FROM pg_stat_user_tables WHERE relname NOT IN ('watermarks', 'backfills')";
    let before = (db.count(read).await, db.count(scans).await);
    let page = store.sync_changes(busy, &token).await.unwrap().unwrap();
    assert_eq!(page.conversations.len(), 12);
    // Its connections tell what they read as they end.
    store.close().await;
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'relay_api'";
    let ended = async {
        while db.count(open).await > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(tokio::time::timeout(BOUND, ended).await.is_ok(), "a connection stays open");
    let rows = (db.count(read).await - before.0, db.count(scans).await - before.1);
    assert!((12..2_000).contains(&rows.0) && rows.1 < 500, "{rows:?} rows for 12 entries");
}

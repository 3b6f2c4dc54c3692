//! What others may know of read marks: an interval that only rises, and nothing of what was read while receipts were off.

use relay_domain::ports::{
    Conversations as _, DeliveryMarks as _, DeliveryStep, HistoryError, Outbox as _, Receipts as _, UserSettings as _,
};
use relay_protocol::log::LogEvent;
use relay_protocol::receipts::ReadNotice;
use relay_protocol::rest::{ChangeSettingsRequest, MessageReceipts, ReceiptStep, Settings};
use relay_types::{ConversationId, Seq, UserId};

use crate::support::{Db, MemMessageLog, NOON_MS, SHARD, TestLog};

struct Group {
    db: Db,
    log: TestLog,
    id: ConversationId,
    ann: UserId,
    bob: UserId,
}

impl Group {
    /// Ann and bob, with ten messages of bob's: 2 to 11.
    async fn talking() -> Self {
        let db = Db::fresh().await;
        let (ann, bob) = (db.user("ann").await, db.user("bob").await);
        let (id, mut log) = (crate::support::conversation_id(), TestLog::new());
        sqlx::query("INSERT INTO conversations (conversation_id, kind, title, shard, created_by, created_at, member_count) VALUES ($1, 'group', 'x', 0, $2, now(), 2)")
            .bind(id.to_uuid())
            .bind(ann.to_uuid())
            .execute(&db.raw)
            .await
            .unwrap();
        log.created(id, &[ann, bob]);
        for n in 0..10 {
            log.sent(id, bob, &format!("k{n}"));
        }
        let group = Self { db, log, id, ann, bob };
        group.let_in(ann).await;
        group.let_in(bob).await;
        group.db.project(&group.log).await;
        group
    }

    async fn let_in(&self, user: UserId) {
        sqlx::query("INSERT INTO members (conversation_id, user_id, role, added_at) VALUES ($1, $2, 'member', now())")
            .bind(self.id.to_uuid())
            .bind(user.to_uuid())
            .execute(&self.db.raw)
            .await
            .unwrap();
    }

    async fn reads(&self, seq: u64) -> Option<ReadNotice> {
        self.db.as_role("relay_api").mark_read(self.ann, self.id, Seq(seq), NOON_MS, None).await.unwrap().receipt
    }

    /// The interval that a notice of ann's says.
    async fn told(&self, seq: u64) -> Option<(u64, u64)> {
        self.reads(seq).await.map(|notice| (notice.by.after_seq.0, notice.by.read_seq.0))
    }

    /// Of bob: each of the others.
    async fn state(&self) -> Vec<(UserId, u64, u64)> {
        let state = self.db.as_role("relay_api").receipts(self.bob, self.id).await.unwrap();
        state.read.iter().map(|by| (by.user_id, by.after_seq.0, by.read_seq.0)).collect()
    }

    async fn set(&self, user: UserId, on: bool) {
        let change = ChangeSettingsRequest { read_receipts: Some(on), ..ChangeSettingsRequest::default() };
        let (settings, _) = self.db.as_role("relay_api").change_settings(user, change, NOON_MS).await.unwrap().unwrap();
        assert_eq!(settings, Settings { read_receipts: on, ..Settings::default() });
    }

    async fn sql(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.db.raw).await.unwrap();
    }
}

#[tokio::test]
async fn receipts_are_intervals_that_only_rise_and_end_at_the_last_event() {
    let group = Group::talking().await;
    assert_eq!(group.state().await, [(group.ann, 1, 1)], "nothing since she came");
    let notice = group.reads(4).await.unwrap();
    assert_eq!((notice.conversation_id, notice.as_of, notice.not_to), (group.id, Seq(11), Vec::new()));
    assert_eq!((notice.by.user_id, notice.by.after_seq, notice.by.read_seq), (group.ann, Seq(1), Seq(4)));
    assert_eq!(group.told(2).await, None, "it did not move");
    assert_eq!(group.told(u64::MAX).await, Some((1, 11)));
    assert_eq!(group.state().await, [(group.ann, 1, 11)]);
    let eve = group.db.user("eve").await;
    assert!(matches!(group.db.store.receipts(eve, group.id).await, Err(HistoryError::NotMember)));
}

#[tokio::test]
async fn receipts_tell_nothing_of_what_was_read_while_they_were_off() {
    let group = Group::talking().await;
    assert_eq!(group.told(3).await, Some((1, 3)));
    group.set(group.ann, false).await;
    group.set(group.ann, false).await;
    assert_eq!(group.told(6).await, None);
    assert_eq!(group.state().await, [(group.ann, 1, 3)], "as it was");
    assert_eq!(group.db.store.receipts(group.ann, group.id).await.unwrap().read, [], "it works both ways");
    group.set(group.ann, true).await;
    assert_eq!(group.state().await, [(group.ann, 1, 3)]);
    // What stood there when she switched them on is not told, whatever she had read of it by then; what came later is.
    group.sql("UPDATE users SET receipts_since = (SELECT stored_at FROM messages WHERE seq = 8) WHERE receipts_since IS NOT NULL").await;
    // The log of this test is of another day.
    group.sql("UPDATE read_receipts SET read_at = '2000-01-01'").await;
    assert_eq!(group.told(7).await, Some((8, 7)), "not where she was before");
    assert_eq!(group.told(9).await, Some((8, 9)));
    // Who read nothing meanwhile looks the same.
    group.set(group.ann, false).await;
    group.set(group.ann, true).await;
    assert_eq!(group.told(10).await, Some((11, 10)));
    // Who has them off is not told.
    group.set(group.bob, false).await;
    assert_eq!(group.reads(11).await.unwrap().not_to, [group.bob]);
    // One word for each change.
    let log = MemMessageLog::default();
    let address = relay_domain::ports::LogAddress::User { shard: crate::support::SHARD, id: group.ann };
    group.db.store.flush(address, &log).await.unwrap();
    let word = |event| if let LogEvent::SettingsChanged(changed) = event { changed.read_receipts } else { None };
    let words: Vec<bool> = log.appended().into_iter().filter_map(|(_, _, event)| word(event)).collect();
    assert_eq!(words, [false, true, false, true]);
    let none = ChangeSettingsRequest::default();
    let (settings, _) = group.db.store.change_settings(group.bob, none, NOON_MS).await.unwrap().unwrap();
    assert_eq!(
        (settings, group.db.store.settings(group.ann).await.unwrap()),
        (Settings { read_receipts: false, ..Settings::default() }, Some(Settings::default()))
    );
    assert_eq!(group.db.store.change_settings(crate::support::user_id(), none, NOON_MS).await.unwrap(), None);
}

#[tokio::test]
async fn receipts_of_before_they_were_kept_are_told_to_nobody() {
    let group = Group::talking().await;
    group.sql("UPDATE members SET read_seq = 5").await;
    assert_eq!(group.told(7).await, Some((5, 7)));
}

#[tokio::test]
async fn receipts_begin_anew_with_each_stay() {
    let mut group = Group::talking().await;
    assert_eq!(group.told(5).await, Some((1, 5)));
    sqlx::query("DELETE FROM members WHERE user_id = $1").bind(group.ann.to_uuid()).execute(&group.db.raw).await.unwrap();
    group.log.removed(group.id, group.ann); // 12
    group.log.sent(group.id, group.bob, "away"); // 13
    group.let_in(group.ann).await;
    group.db.project(&group.log).await;
    assert_eq!(group.told(13).await, None, "that she is in it again is not in the log yet");
    group.log.added(group.id, group.ann); // 14
    group.log.sent(group.id, group.bob, "back"); // 15
    group.db.project(&group.log).await;
    assert_eq!(group.told(15).await, Some((14, 15)));
    // Nor does she learn what others read before she came.
    sqlx::query("INSERT INTO read_receipts VALUES ($1, $2, 1, 13, now())")
        .bind(group.id.to_uuid())
        .bind(group.bob.to_uuid())
        .execute(&group.db.raw)
        .await
        .unwrap();
    let bobs = group.db.store.receipts(group.ann, group.id).await.unwrap().read;
    assert_eq!(bobs.iter().map(|by| (by.after_seq.0, by.read_seq.0)).collect::<Vec<_>>(), [(14, 14)]);
    // Nor do others learn what she read in an earlier stay.
    let early = group.log.event_at(Seq(4)).event.message().unwrap().message_id;
    sqlx::query("UPDATE read_receipts SET after_seq = 1 WHERE user_id = $1")
        .bind(group.ann.to_uuid())
        .execute(&group.db.raw)
        .await
        .unwrap();
    assert_eq!(group.db.store.readers(group.bob, group.id, early, None, 10).await.unwrap().readers, []);
}

#[tokio::test]
async fn receipts_name_nobody_in_large_groups_nor_before_an_answer() {
    let group = Group::talking().await;
    group.sql("UPDATE conversations SET member_count = 65").await;
    assert_eq!(group.told(3).await, None);
    assert_eq!(group.state().await, []);
    assert!(!group.db.store.receipts(group.bob, group.id).await.unwrap().named);
    group.sql("UPDATE conversations SET member_count = 64").await;
    assert_eq!(group.told(4).await, Some((1, 4)));
    sqlx::query("UPDATE members SET state = 'request' WHERE user_id = $1").bind(group.ann.to_uuid()).execute(&group.db.raw).await.unwrap();
    assert_eq!(group.told(5).await, None);
    assert_eq!(group.state().await, []);
    let message = group.log.event_at(Seq(4)).event.message().unwrap().message_id;
    assert_eq!(group.db.store.readers(group.bob, group.id, message, None, 10).await.unwrap().readers, []);
    group.sql("UPDATE members SET state = 'accepted'").await;
    assert_eq!(group.state().await, [(group.ann, 1, 5)], "the answer tells what was read before it");
    let page = group.db.as_role("relay_api").readers(group.bob, group.id, message, None, 10).await.unwrap();
    assert_eq!((page.readers.iter().map(|reader| reader.user_id).collect::<Vec<_>>(), page.next), (vec![group.ann], None));
    let later = group.log.event_at(Seq(6)).event.message().unwrap().message_id;
    assert_eq!(group.db.store.readers(group.bob, group.id, later, None, 10).await.unwrap().readers, []);
    // Its sender is no reader of it.
    assert_eq!(group.db.store.mark_read(group.bob, group.id, Seq(11), NOON_MS, None).await.unwrap().seq, Seq(11));
    let readers = group.db.store.readers(group.ann, group.id, message, None, 10).await.unwrap().readers;
    assert_eq!(readers.iter().map(|reader| reader.user_id).collect::<Vec<_>>(), [group.ann]);
}

#[tokio::test]
async fn receipts_moved_from_many_places_at_once_never_go_back() {
    let group = Group::talking().await;
    group.db.warm().await;
    let api = group.db.as_role("relay_api");
    let moves = (2..=11).map(|seq| api.mark_read(group.ann, group.id, Seq(seq), NOON_MS, None));
    let marks = futures::future::try_join_all(moves).await.unwrap();
    assert!(marks.iter().filter_map(|mark| mark.receipt.as_ref()).all(|notice| notice.by.after_seq == Seq(1)));
    assert_eq!(group.state().await, [(group.ann, 1, 11)]);
}

#[tokio::test]
async fn delivery_is_of_ones_own_messages_since_the_other_came_and_never_goes_back() {
    let mut group = Group::talking().await;
    let gateway = group.db.as_role("relay_gateway");
    let of = async |group: &Group, sender| {
        let state = group.db.as_role("relay_api").receipts(sender, group.id).await.unwrap();
        state.delivered.iter().map(|to| (to.user_id, to.seq.0)).collect::<Vec<_>>()
    };
    assert_eq!(of(&group, group.bob).await, []);
    for seq in [5, 7, 6] {
        gateway.keep(&[(group.ann, SHARD, Seq(seq)), (group.ann, SHARD, Seq(1))]).await.unwrap();
    }
    assert_eq!(of(&group, group.bob).await, [(group.ann, 7)]);
    assert_eq!(of(&group, group.ann).await, [], "she has said nothing");
    group.log.sent(group.id, group.ann, "hers"); // 12
    group.db.project(&group.log).await;
    gateway.keep(&[(group.bob, SHARD, Seq(20)), (group.ann, SHARD, Seq(20))]).await.unwrap();
    assert_eq!(of(&group, group.ann).await, [(group.bob, 12)]);
    assert_eq!(of(&group, group.bob).await, [(group.ann, 11)]);
    // Who comes later has nothing of what was said before.
    let cid = group.db.user("cid").await;
    group.let_in(cid).await;
    group.log.added(group.id, cid); // 13
    group.db.project(&group.log).await;
    gateway.keep(&[(cid, SHARD, Seq(13))]).await.unwrap();
    assert_eq!(of(&group, group.ann).await, [(group.bob, 12)]);
    gateway.keep(&[]).await.unwrap();
}

/// Of the message there, as its reader is told: of ann, when she had it and when she read it.
async fn details(group: &Group, reader: UserId, seq: u64) -> (MessageReceipts, Option<ReceiptStep>, Option<ReceiptStep>) {
    let message = group.log.event_at(Seq(seq)).event.message().unwrap().message_id;
    let all = group.db.as_role("relay_api").message_receipts(reader, group.id, message).await.unwrap();
    let anns = all.people.iter().find(|one| one.user.user_id == group.ann).cloned();
    (all, anns.as_ref().and_then(|one| one.delivered), anns.and_then(|one| one.read))
}

#[tokio::test]
async fn details_tell_the_last_times_and_that_it_was_before_them() {
    let group = Group::talking().await;
    let step = |since: u64, seq: u64, at_ms| DeliveryStep {
        conversation: group.id,
        user: group.ann,
        session: crate::support::session_id(),
        since: Seq(since),
        seq: Seq(seq),
        at_ms,
    };
    let gateway = group.db.as_role("relay_gateway");
    assert_eq!(details(&group, group.bob, 4).await, (details(&group, group.bob, 4).await.0, None, None));
    gateway.keep(&[(group.ann, SHARD, Seq(11))]).await.unwrap();
    let unknown = ReceiptStep { at_ms: None, before: true, device_kind: None };
    assert_eq!(details(&group, group.bob, 4).await.1, Some(unknown), "the mark's own time is of other conversations");
    for n in 2..=10 {
        gateway.keep_steps(&[step(n, n + 1, NOON_MS + i64::try_from(n).unwrap())]).await.unwrap();
        // What lies before it changes nothing.
        gateway.keep_steps(&[step(1, n, NOON_MS - 1)]).await.unwrap();
        group.reads(n + 1).await.unwrap();
    }
    gateway.keep_steps(&[]).await.unwrap();
    let at = |ms| Some(ReceiptStep { at_ms: Some(NOON_MS + ms), before: false, device_kind: None });
    assert_eq!(details(&group, group.bob, 11).await.1, at(10));
    assert_eq!(details(&group, group.bob, 4).await.1, at(3), "the eighth from the end");
    let (all, delivered, read) = details(&group, group.bob, 3).await;
    assert_eq!(delivered, Some(ReceiptStep { at_ms: Some(NOON_MS + 3), before: true, device_kind: None }));
    assert!(read.is_some_and(|read| read.before && read.at_ms.is_some()), "{read:?}");
    assert!(details(&group, group.bob, 4).await.2.is_some_and(|read| !read.before));
    assert_eq!((all.named, all.read_count, all.delivered_count, all.people.len()), (true, 1, 1, 1));

    // Off is as if nothing had been read, to both; when it was delivered stays.
    group.set(group.bob, false).await;
    let (all, delivered, read) = details(&group, group.bob, 11).await;
    assert_eq!((all.read_count, all.delivered_count, delivered, read), (0, 1, at(10), None));
    group.set(group.bob, true).await;

    // Counts in a large group, and nothing in a request.
    group.sql("UPDATE conversations SET member_count = 65").await;
    let large = details(&group, group.bob, 11).await.0;
    assert_eq!(large, MessageReceipts { named: false, read_count: 1, delivered_count: 1, people: Vec::new() });
    group.sql("UPDATE conversations SET member_count = 2").await;
    sqlx::query("UPDATE members SET state = 'request' WHERE user_id = $1").bind(group.ann.to_uuid()).execute(&group.db.raw).await.unwrap();
    let nothing = MessageReceipts { named: false, read_count: 0, delivered_count: 0, people: Vec::new() };
    assert_eq!(details(&group, group.bob, 11).await.0, nothing);
}

#[tokio::test]
async fn details_of_what_is_shown_to_its_author_alone_say_that_it_reached_nobody() {
    let group = Group::talking().await;
    group.reads(11).await.unwrap();
    group.db.as_role("relay_gateway").keep(&[(group.ann, SHARD, Seq(11))]).await.unwrap();
    sqlx::query("UPDATE messages SET only_for = $1 WHERE seq = 4").bind(group.bob.to_uuid()).execute(&group.db.raw).await.unwrap();
    let (all, delivered, read) = details(&group, group.bob, 4).await;
    assert_eq!((all.named, all.read_count, all.delivered_count, delivered, read), (true, 0, 0, None, None));
    assert_eq!(details(&group, group.bob, 5).await.0.read_count, 1);
    // Of another's message, who has it is told to its author alone.
    let (all, delivered, read) = details(&group, group.ann, 5).await;
    assert_eq!((all.people.len(), all.delivered_count, delivered), (1, 0, None));
    assert!(read.is_some());
}

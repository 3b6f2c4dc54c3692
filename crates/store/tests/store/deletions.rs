//! What deletions make of messages, and what people hid from themselves.

use relay_domain::ports::{
    AuditedProjection as _, Conversations as _, HideError, History as _, HistoryAnchor, HistoryError, ListPart, Maintenance as _,
    MaintenanceTask, ResumeStore as _, SendKey, Standing,
};
use relay_protocol::conversation::{ConversationKind, Role};
use relay_protocol::log::LogEvent;
use relay_protocol::{Message, MessageBody};
use relay_types::{ConversationId, MessageId, Seq, UserId};
use std::time::Duration;

use crate::edits::lobby;
use crate::support::{Db, NOON_MS, SHARD, TestLog, conversation_id};

async fn shown(db: &Db, reader: UserId, lobby: ConversationId) -> Vec<u64> {
    let page = db.store.messages(reader, lobby, HistoryAnchor::Newest, 50, false).await.unwrap();
    page.messages.iter().map(|message| message.seq.0).collect()
}

fn id_at(log: &TestLog, seq: Seq) -> MessageId {
    log.event_at(seq).event.message().unwrap().message_id
}

async fn last_and_unread(db: &Db, reader: UserId) -> (Option<Message>, u32) {
    let item = db.store.list(reader, ListPart::Accepted, None, 10).await.unwrap().items.remove(0);
    (item.last_message, item.unread_count)
}

#[tokio::test]
async fn a_deletion_counts_once_and_not_behind_its_authors_removal() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    let one = log.sent(lobby, ann, "one"); // 2
    let two = log.sent(lobby, bob, "two"); // 3
    let deletion = log.deleted(one, ann); // 4
    log.deleted(one, ann); // 5: another device
    log.removed(lobby, bob); // 6
    log.deleted(two, bob); // 7: void
    db.project(&log).await;
    let page = db.store.messages(ann, lobby, HistoryAnchor::Newest, 50, false).await.unwrap().messages;
    let erased: Vec<_> = page.iter().map(|message| (message.seq, message.body == MessageBody::Erased)).collect();
    assert_eq!(erased, [(one, true), (two, false)]);
    assert_eq!(db.count("SELECT count(*) FROM erasures").await, 1, "the log is told once");
    // Its key is as used as a message's; the void one's is not.
    let key = |seq: Seq| {
        let LogEvent::MessageErased(erased) = &log.event_at(seq).event else { panic!("a deletion") };
        let (sender, client_id) = (erased.actor_id.unwrap(), erased.actor_client_id.clone().unwrap());
        SendKey { conversation: lobby, sender, client_id }
    };
    let found = db.store.find_sends(&[key(deletion), key(Seq(7))]).await.unwrap();
    assert_eq!(found.iter().map(|send| send.map(|send| send.seq)).collect::<Vec<_>>(), [Some(deletion), None]);
    // A repair leaves out what is void, too.
    for event in &log.events {
        db.store.repair(SHARD, std::slice::from_ref(event)).await.unwrap();
    }
    assert_eq!(db.count("SELECT count(*) FROM messages WHERE deleted").await, 1);
}

#[tokio::test]
async fn a_standing_is_that_of_the_two_as_decided() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, _) = lobby(&db).await;
    let standing = async |actor, sender| db.store.standing(actor, sender, lobby).await.unwrap();
    let member = Role::Member;
    assert_eq!(standing(ann, bob).await, Some(Standing { kind: ConversationKind::Group, role: member, sender: Some(member) }));
    let cid = db.user("cid").await;
    assert_eq!(standing(ann, cid).await.map(|standing| standing.sender), Some(None));
    assert_eq!(standing(cid, ann).await, None);
    assert!(db.as_role("relay_gateway").standing(ann, bob, lobby).await.unwrap().is_some(), "the gateway may ask");
}

#[tokio::test]
async fn what_one_hid_is_left_out_for_that_person_alone() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    let one = log.sent(lobby, ann, "one"); // 2
    let two = log.sent(lobby, ann, "two"); // 3
    let three = log.sent(lobby, ann, "three"); // 4
    db.project(&log).await;
    assert_eq!(last_and_unread(&db, bob).await.1, 3);
    let hide = async |who, seq| db.store.hide_message(who, lobby, id_at(&log, seq), NOON_MS).await;
    assert!(hide(bob, three).await.unwrap().is_some(), "devices are told");
    assert!(hide(bob, three).await.unwrap().is_none(), "once");
    hide(bob, one).await.unwrap();
    assert_eq!((shown(&db, bob, lobby).await, shown(&db, ann, lobby).await), (vec![3], vec![2, 3, 4]));
    let newer = db.store.messages(bob, lobby, HistoryAnchor::After(Seq(1)), 1, false).await.unwrap();
    assert_eq!((newer.messages.len(), newer.messages[0].seq, newer.has_more), (1, two, false));
    let (last, unread) = last_and_unread(&db, bob).await;
    assert_eq!((last.map(|last| last.seq), unread), (Some(two), 1));
    assert_eq!(last_and_unread(&db, ann).await.0.map(|last| last.seq), Some(three));
    assert!(matches!(db.store.message(bob, lobby, id_at(&log, one)).await, Err(HistoryError::UnknownMessage)));
    assert!(db.store.message(ann, lobby, id_at(&log, one)).await.is_ok());
    let told = "SELECT count(*) FROM outbox WHERE payload LIKE '%MESSAGE_HIDDEN%' AND subject_kind = 'u'";
    assert_eq!(db.count(told).await, 2);

    // What is not theirs to see.
    let cid = db.user("cid").await;
    assert!(matches!(hide(cid, one).await, Err(HideError::NotMember)));
    let elsewhere = db.store.hide_message(bob, conversation_id(), id_at(&log, one), NOON_MS).await;
    assert!(matches!(elsewhere, Err(HideError::NotMember)));
    let nothing = db.store.hide_message(bob, lobby, MessageId::from_uuid(lobby.to_uuid()), NOON_MS).await;
    assert!(matches!(nothing, Err(HideError::UnknownMessage)));

    // Bounded per person.
    sqlx::query("INSERT INTO hidden_messages (user_id, conversation_id, seq) SELECT $1, $2, n FROM generate_series(1, 19998) n")
        .bind(bob.to_uuid())
        .bind(conversation_id().to_uuid())
        .execute(&db.raw)
        .await
        .unwrap();
    assert!(matches!(hide(bob, two).await, Err(HideError::TooMany)));
    assert!(hide(bob, one).await.unwrap().is_none(), "hidden before");
    assert!(hide(ann, two).await.unwrap().is_some(), "another person");

    // What is hidden where one is no more is pruned.
    let worker = db.as_role("relay_worker");
    let outcome = worker.maintain(MaintenanceTask::HiddenMessages, Duration::from_mins(1)).await.unwrap();
    assert_eq!((outcome.removed, outcome.done), (19_998, true));
    assert_eq!(db.count("SELECT count(*) FROM hidden_messages").await, 3);
    assert!(hide(bob, two).await.unwrap().is_some(), "there is room again");
}

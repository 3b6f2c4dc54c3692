use relay_domain::Refusal;
use relay_domain::ports::{
    ConversationError, Conversations as _, CreateError, LogAddress, Memberships as _, NewConversation, Outbox as _, Whereabouts,
};
use relay_protocol::log::LogEvent;
use relay_protocol::message::{ConversationKind, Role};
use relay_types::{ConversationId, Seq, UserId};

use crate::support::{Db, MemMessageLog, NOON_MS, SHARD, TestLog, conversation_id, user_id};

async fn group(db: &Db, owner: UserId, members: &[UserId]) -> ConversationId {
    let new = NewConversation::Group { title: "Lobby".parse().unwrap(), members: members.to_vec(), max_members: 100 };
    db.store.create(conversation_id(), owner, &new, NOON_MS).await.unwrap().value.conversation.conversation_id
}

async fn flush_all(db: &Db) -> MemMessageLog {
    let log = MemMessageLog::default();
    for address in db.store.due(SHARD, std::time::Duration::ZERO, 1000).await.unwrap() {
        db.store.flush(address, &log).await.unwrap();
    }
    log
}

#[tokio::test]
async fn twenty_who_begin_the_same_direct_conversation_share_one() {
    let db = Db::fresh().await;
    let (ann, bob) = (db.user("ann").await, db.user("bob").await);
    flush_all(&db).await;
    db.warm().await;
    let attempts = (0..20).map(|n| {
        let (creator, peer) = if n % 2 == 0 { (ann, bob) } else { (bob, ann) };
        let store = db.store.clone();
        async move { store.create(conversation_id(), creator, &NewConversation::Direct { peer }, NOON_MS).await.unwrap() }
    });
    let created = futures::future::join_all(attempts).await;
    let first = &created[0].value.conversation;
    assert!(created.iter().all(|decided| decided.value.conversation == *first));
    assert_eq!(created.iter().filter(|decided| decided.value.fresh).count(), 1);
    assert_eq!((first.kind, first.members.len(), first.title.clone()), (ConversationKind::Direct, 2, None));
    // Nobody is answered before the conversation is in the log: all name its subject while it is not.
    assert!(created.iter().all(|decided| decided.touched.len() == 3));
    assert_eq!(flush_all(&db).await.names(), ["CONVERSATION_CREATED", "CONVERSATION_JOINED", "CONVERSATION_JOINED"]);
    let later = db.store.create(conversation_id(), ann, &NewConversation::Direct { peer: bob }, NOON_MS).await.unwrap();
    assert!(!later.value.fresh && later.touched.is_empty());

    let id = first.conversation_id;
    assert_eq!(db.store.whereabouts(bob, id).await.unwrap(), Some(Whereabouts { shard: SHARD, member: true }));
    for refused in [
        db.store.rename(ann, id, &"x".parse().unwrap(), NOON_MS).await.map(drop),
        db.store.add_member(ann, id, user_id(), 10, NOON_MS).await.map(drop),
        db.store.remove_member(ann, id, user_id(), NOON_MS).await.map(drop),
        db.store.set_role(ann, id, bob, Role::Owner, NOON_MS).await.map(drop),
    ] {
        assert!(matches!(refused, Err(ConversationError::Refused(Refusal::DirectImmutable))), "{refused:?}");
    }
}

#[tokio::test]
async fn a_groups_life_is_told_in_order() {
    let db = Db::fresh().await;
    let (ann, bob, eve) = (db.user("ann").await, db.user("bob").await, db.user("eve").await);
    flush_all(&db).await;
    let id = group(&db, ann, &[bob]).await;
    let title = "Attic".parse().unwrap();
    db.store.rename(ann, id, &title, NOON_MS).await.unwrap();
    let subject = LogAddress::Conversation { shard: SHARD, id };
    assert_eq!(db.store.rename(ann, id, &title, NOON_MS).await.unwrap().touched, [subject], "no change, but one that waits");
    let added = db.store.add_member(ann, id, eve, 3, NOON_MS + 1).await.unwrap();
    assert_eq!(added.touched, [subject, LogAddress::User { shard: SHARD, id: eve }]);
    assert_eq!(added.value.members.iter().map(|member| member.user.user_id).collect::<Vec<_>>(), [ann, bob, eve]);
    assert_eq!(db.store.add_member(ann, id, eve, 3, NOON_MS).await.unwrap().touched, added.touched);
    db.store.set_role(ann, id, bob, Role::Owner, NOON_MS).await.unwrap();
    let roles: Vec<_> = db.store.get(eve, id).await.unwrap().members.iter().map(|member| member.role).collect();
    assert_eq!(roles, [Role::Admin, Role::Owner, Role::Member]);
    db.store.remove_member(ann, id, eve, NOON_MS).await.unwrap();
    db.store.remove_member(ann, id, ann, NOON_MS).await.unwrap();
    assert!(matches!(db.store.get(ann, id).await, Err(ConversationError::NotMember)));
    assert_eq!(db.store.whereabouts(ann, id).await.unwrap(), Some(Whereabouts { shard: SHARD, member: false }));
    assert_eq!(db.store.conversations_of(bob).await.unwrap(), [(SHARD, id)]);
    assert!(db.store.conversations_of(ann).await.unwrap().is_empty());
    db.store.remove_member(bob, id, bob, NOON_MS).await.unwrap();

    let log = MemMessageLog::default();
    let subject = LogAddress::Conversation { shard: SHARD, id };
    db.store.flush(subject, &log).await.unwrap();
    let expected = [
        "CONVERSATION_CREATED",
        "CONVERSATION_RENAMED",
        "MEMBER_ADDED",
        "ROLE_CHANGED",
        "ROLE_CHANGED",
        "MEMBER_REMOVED",
        "MEMBER_REMOVED",
        "MEMBER_REMOVED",
    ];
    assert_eq!(log.names(), expected);
    let events = log.appended();
    assert!(matches!(&events[3].2, LogEvent::RoleChanged(e) if e.user_id == bob && e.role == Role::Owner));
    assert!(matches!(&events[4].2, LogEvent::RoleChanged(e) if e.user_id == ann && e.role == Role::Admin));
    assert!(matches!(&events[2].2, LogEvent::MemberAdded(e) if e.title.as_ref() == Some(&title)));
    let eves = MemMessageLog::default();
    db.store.flush(LogAddress::User { shard: SHARD, id: eve }, &eves).await.unwrap();
    assert_eq!(eves.names(), ["CONVERSATION_JOINED", "CONVERSATION_LEFT"]);
}

#[tokio::test]
async fn refusals_leave_no_trace() {
    let db = Db::fresh().await;
    let (ann, bob, eve) = (db.user("ann").await, db.user("bob").await, db.user("eve").await);
    let id = group(&db, ann, &[bob]).await;
    let rows = db.count("SELECT count(*) FROM outbox").await;
    let ghost = user_id();
    let new = |members: Vec<UserId>, max_members| NewConversation::Group { title: "x".parse().unwrap(), members, max_members };
    assert!(matches!(db.store.create(conversation_id(), ann, &new(vec![ghost], 9), 0).await, Err(CreateError::UnknownUser)));
    assert!(matches!(db.store.create(conversation_id(), ghost, &new(vec![ann], 9), 0).await, Err(CreateError::UnknownUser)));
    assert!(matches!(db.store.create(conversation_id(), ann, &new(vec![bob, eve], 2), 0).await, Err(CreateError::GroupFull)));
    let direct = NewConversation::Direct { peer: ghost };
    assert!(matches!(db.store.create(conversation_id(), ann, &direct, 0).await, Err(CreateError::UnknownUser)));
    assert!(matches!(db.store.add_member(ann, id, ghost, 9, 0).await, Err(ConversationError::UnknownUser)));
    assert!(matches!(db.store.add_member(eve, id, eve, 9, 0).await, Err(ConversationError::NotMember)));
    assert!(matches!(db.store.add_member(ann, conversation_id(), eve, 9, 0).await, Err(ConversationError::NotMember)));
    assert!(matches!(db.store.remove_member(ann, id, eve, 0).await, Err(ConversationError::UnknownUser)));
    for (refused, why) in [
        (db.store.rename(bob, id, &"x".parse().unwrap(), 0).await.map(drop), Refusal::Forbidden),
        (db.store.add_member(ann, id, eve, 2, 0).await.map(drop), Refusal::GroupFull),
        (db.store.remove_member(ann, id, ann, 0).await.map(drop), Refusal::OwnerMustHandOver),
        (db.store.set_role(bob, id, ann, Role::Member, 0).await.map(drop), Refusal::Forbidden),
    ] {
        assert!(matches!(&refused, Err(ConversationError::Refused(refusal)) if *refusal == why), "{refused:?}");
    }
    assert!(matches!(db.store.mark_read(eve, id, Seq(1)).await, Err(ConversationError::NotMember)));
    assert_eq!(db.count("SELECT count(*) FROM outbox").await, rows);
    assert_eq!(db.count("SELECT count(*) FROM conversations").await, 1);
    assert_eq!(db.count("SELECT count(*) FROM members").await, 2);
}

#[tokio::test]
async fn however_many_join_at_once_the_limit_holds() {
    let db = Db::fresh().await;
    let ann = db.user("ann").await;
    let id = group(&db, ann, &[]).await;
    let mut users = Vec::new();
    for n in 0..12 {
        users.push(db.user(&format!("user{n}")).await);
    }
    db.warm().await;
    let results = futures::future::join_all(users.iter().map(|user| db.store.add_member(ann, id, *user, 5, NOON_MS))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 4);
    assert!(results.iter().all(|result| matches!(result, Ok(_) | Err(ConversationError::Refused(Refusal::GroupFull)))));
    assert_eq!(db.store.get(ann, id).await.unwrap().members.len(), 5);
}

#[tokio::test]
async fn the_list_shows_what_is_new_and_pages_without_a_gap() {
    let db = Db::fresh().await;
    let (ann, bob) = (db.user("ann").await, db.user("bob").await);
    let mut log = TestLog::new();
    let mut ids = Vec::new();
    for _ in 0..5 {
        let id = group(&db, ann, &[bob]).await;
        log.created(id, &[ann, bob]);
        ids.push(id);
    }
    let new = NewConversation::Direct { peer: bob };
    let quiet = db.store.create(conversation_id(), ann, &new, NOON_MS).await.unwrap().value.conversation.conversation_id;
    log.sent(ids[3], bob, "a");
    let newest = log.sent(ids[3], bob, "b");
    log.sent(ids[1], ann, "mine");
    let renamed_last = ids[1];
    db.project(&log).await;

    let mut listed = Vec::new();
    let mut cursor = None;
    loop {
        let page = db.store.list(ann, cursor, 2).await.unwrap();
        assert!(page.items.len() <= 2);
        listed.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let order: Vec<_> = listed.iter().map(|item| item.conversation_id).collect();
    assert_eq!(order, [renamed_last, ids[3], ids[4], ids[2], ids[0], quiet]);
    assert_eq!(listed[1].unread_count, 2);
    assert_eq!(listed[1].last_message.as_ref().unwrap().seq, newest);
    assert_eq!((listed[0].unread_count, listed[0].role), (0, Role::Owner), "one's own messages are read");
    assert!(listed[2].last_message.is_none());
    assert_eq!(listed[5].peer.as_ref().unwrap().user_id, bob);
    assert_eq!(listed[5].last_seq, Seq::ZERO);

    // The mark moves forward only, and not beyond the last event.
    assert_eq!(db.store.mark_read(ann, ids[3], Seq(newest.0 - 1)).await.unwrap(), Seq(newest.0 - 1));
    assert_eq!(db.store.list(ann, None, 2).await.unwrap().items[1].unread_count, 1);
    assert_eq!(db.store.mark_read(ann, ids[3], Seq(u64::MAX)).await.unwrap(), newest);
    assert_eq!(db.store.mark_read(ann, ids[3], Seq(1)).await.unwrap(), newest);
    assert_eq!(db.store.list(ann, None, 2).await.unwrap().items[1].unread_count, 0);
}

#[tokio::test]
async fn counting_unread_messages_stops_at_a_thousand() {
    let db = Db::fresh().await;
    let (ann, bob) = (db.user("ann").await, db.user("bob").await);
    let id = group(&db, ann, &[bob]).await;
    let mut log = TestLog::new();
    log.created(id, &[ann, bob]);
    for n in 0..1_200 {
        log.sent(id, bob, &format!("k{n}"));
    }
    db.project(&log).await;
    assert_eq!(db.store.list(ann, None, 50).await.unwrap().items[0].unread_count, 1_000);
    assert_eq!(db.store.list(bob, None, 50).await.unwrap().items[0].unread_count, 0);
}

/// A request that failed before the log had its event is repeated: the repetition names what still waits, and nothing more once
/// the log has it.
#[tokio::test]
async fn a_repeated_change_names_what_waits_for_the_log() {
    let db = Db::fresh().await;
    let (ann, bob) = (db.user("ann").await, db.user("bob").await);
    let id = group(&db, ann, &[]).await;
    let (subject, bobs) = (LogAddress::Conversation { shard: SHARD, id }, LogAddress::User { shard: SHARD, id: bob });
    let title = "Attic".parse().unwrap();
    let changes = async || {
        [
            db.store.rename(ann, id, &title, NOON_MS).await.unwrap().touched,
            db.store.add_member(ann, id, bob, 9, NOON_MS).await.unwrap().touched,
            db.store.set_role(ann, id, bob, Role::Admin, NOON_MS).await.unwrap().touched,
        ]
    };
    flush_all(&db).await;
    for times in 0..2 {
        assert_eq!(changes().await, [vec![subject], vec![subject, bobs], vec![subject]], "{times}");
    }
    let log = flush_all(&db).await;
    assert_eq!(log.names(), ["CONVERSATION_RENAMED", "MEMBER_ADDED", "ROLE_CHANGED", "CONVERSATION_JOINED"], "each once");
    assert_eq!(changes().await, [vec![], vec![], vec![]]);

    // Somebody put out, and one who left: once more succeeds until the log has it. To strangers it is what it always was.
    for actor in [ann, bob] {
        let log = MemMessageLog::default();
        let removed = db.store.remove_member(actor, id, bob, NOON_MS).await.unwrap().touched;
        assert_eq!(removed, [subject, bobs]);
        assert!(matches!(db.store.remove_member(bob, id, ann, NOON_MS).await, Err(ConversationError::NotMember)));
        assert_eq!(db.store.remove_member(actor, id, bob, NOON_MS).await.unwrap().touched, removed);
        db.store.flush(subject, &log).await.unwrap();
        assert_eq!(db.store.remove_member(actor, id, bob, NOON_MS).await.unwrap().touched, [bobs]);
        db.store.flush(bobs, &log).await.unwrap();
        let once_more = db.store.remove_member(actor, id, bob, NOON_MS).await;
        assert!(matches!(once_more, Err(ConversationError::NotMember | ConversationError::UnknownUser)), "{once_more:?}");
        db.store.add_member(ann, id, bob, 9, NOON_MS).await.unwrap();
    }
}

use relay_domain::ChangeDenied;
use relay_domain::ports::{
    Added, ConversationError, Conversations as _, CreateError, Decided, ListPart, LogAddress, MembershipState, NewConversation,
    Outbox as _, PeopleLimits, Projection as _,
};
use relay_protocol::conversation::{ConversationKind, Role};
use relay_protocol::log::LogEvent;
use relay_types::{ConversationId, Seq, UserId};

use crate::support::{Db, EPOCH, LIMITS, MemMessageLog, NOON_MS, SHARD, TestLog, conversation_id, members_at_most, user_id};

async fn group(db: &Db, owner: UserId, members: &[UserId]) -> ConversationId {
    let new = NewConversation::Group { title: "Lobby".parse().unwrap(), members: members.to_vec(), client_key: None };
    let people: Vec<UserId> = members.iter().copied().chain([owner]).collect();
    let created = db.acquainted(&people, db.store.create(conversation_id(), owner, &new, LIMITS, NOON_MS)).await;
    created.unwrap().value.conversation.conversation_id
}

/// Brings in somebody the actor knows.
async fn add(
    db: &Db,
    actor: UserId,
    id: ConversationId,
    user: UserId,
    most: usize,
    at_ms: i64,
) -> Result<Decided<Added>, ConversationError> {
    db.acquainted(&[actor, user], db.store.add_members(actor, id, &[user], members_at_most(most), at_ms)).await
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
        async move { store.create(conversation_id(), creator, &NewConversation::Direct { peer }, LIMITS, NOON_MS).await.unwrap() }
    });
    let created = futures::future::join_all(attempts).await;
    let first = &created[0].value.conversation;
    assert!(created.iter().all(|decided| decided.value.conversation.conversation_id == first.conversation_id));
    assert_eq!(created.iter().filter(|decided| decided.value.fresh).count(), 1);
    assert_eq!((first.kind, first.members.len(), first.title.clone()), (ConversationKind::Direct, 2, None));
    // Nobody is answered before the conversation is in the log: all name its subject while it is not.
    assert!(created.iter().all(|decided| decided.touched.len() == 3));
    assert_eq!(flush_all(&db).await.names(), ["CONVERSATION_CREATED", "CONVERSATION_JOINED", "CONVERSATION_JOINED"]);
    let later = db.store.create(conversation_id(), ann, &NewConversation::Direct { peer: bob }, LIMITS, NOON_MS).await.unwrap();
    assert!(!later.value.fresh && later.touched.is_empty());

    let id = first.conversation_id;
    assert_eq!(db.store.membership_state(bob, id).await.unwrap(), Some(MembershipState { shard: SHARD, member: true }));
    for refused in [
        db.store.rename(ann, id, &"x".parse().unwrap(), NOON_MS).await.map(drop),
        add(&db, ann, id, user_id(), 10, NOON_MS).await.map(drop),
        db.store.remove_member(ann, id, user_id(), NOON_MS).await.map(drop),
        db.store.set_role(ann, id, bob, Role::Owner, NOON_MS).await.map(drop),
    ] {
        assert!(matches!(refused, Err(ConversationError::Denied(ChangeDenied::DirectImmutable))), "{refused:?}");
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
    let added = add(&db, ann, id, eve, 3, NOON_MS + 1).await.unwrap();
    assert_eq!(added.touched, [subject, LogAddress::User { shard: SHARD, id: eve }]);
    let now = db.store.get(ann, id).await.unwrap();
    assert_eq!(now.members.iter().map(|member| member.user.user_id).collect::<Vec<_>>(), [ann, bob, eve]);
    assert_eq!(now.member_count, 3);
    assert_eq!(add(&db, ann, id, eve, 3, NOON_MS).await.unwrap().touched, added.touched);
    db.store.set_role(ann, id, bob, Role::Owner, NOON_MS).await.unwrap();
    let roles: Vec<_> = db.store.get(eve, id).await.unwrap().members.iter().map(|member| member.role).collect();
    assert_eq!(roles, [Role::Admin, Role::Owner, Role::Member]);
    db.store.remove_member(ann, id, eve, NOON_MS).await.unwrap();
    db.store.remove_member(ann, id, ann, NOON_MS).await.unwrap();
    assert!(matches!(db.store.get(ann, id).await, Err(ConversationError::NotMember)));
    assert_eq!(db.store.membership_state(ann, id).await.unwrap(), Some(MembershipState { shard: SHARD, member: false }));
    assert_eq!(db.consumed(bob).await, [id]);
    assert!(db.consumed(ann).await.is_empty());
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
    let new = |members: Vec<UserId>| NewConversation::Group { title: "x".parse().unwrap(), members, client_key: None };
    let create = async |creator, new, most| db.store.create(conversation_id(), creator, &new, members_at_most(most), 0).await;
    assert!(matches!(create(ann, new(vec![bob, ghost]), 9).await, Err(CreateError::UnknownUser(who)) if who == ghost), "named");
    assert!(matches!(create(ghost, new(vec![ann]), 9).await, Err(CreateError::UnknownUser(who)) if who == ghost));
    assert!(matches!(create(ann, new(vec![bob, eve]), 2).await, Err(CreateError::GroupFull)));
    assert!(matches!(create(ann, NewConversation::Direct { peer: ghost }, 9).await, Err(CreateError::UnknownUser(_))));
    assert!(matches!(add(&db, ann, id, ghost, 9, 0).await, Err(ConversationError::UnknownUser(who)) if who == ghost), "named");
    assert!(matches!(add(&db, eve, id, eve, 9, 0).await, Err(ConversationError::NotMember)));
    assert!(matches!(add(&db, ann, conversation_id(), eve, 9, 0).await, Err(ConversationError::NotMember)));
    assert!(matches!(db.store.remove_member(ann, id, eve, 0).await, Err(ConversationError::UnknownUser(who)) if who == eve));
    for (refused, why) in [
        (db.store.rename(bob, id, &"x".parse().unwrap(), 0).await.map(drop), ChangeDenied::Forbidden),
        (add(&db, ann, id, eve, 2, 0).await.map(drop), ChangeDenied::GroupFull),
        (db.store.remove_member(ann, id, ann, 0).await.map(drop), ChangeDenied::OwnerMustHandOver),
        (db.store.set_role(bob, id, ann, Role::Member, 0).await.map(drop), ChangeDenied::Forbidden),
    ] {
        assert!(matches!(&refused, Err(ConversationError::Denied(refusal)) if *refusal == why), "{refused:?}");
    }
    assert!(matches!(db.store.mark_read(eve, id, Seq(1), NOON_MS, None).await, Err(ConversationError::NotMember)));
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
    let results = futures::future::join_all(users.iter().map(|user| add(&db, ann, id, *user, 5, NOON_MS))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 4);
    assert!(results.iter().all(|result| matches!(result, Ok(_) | Err(ConversationError::Denied(ChangeDenied::GroupFull)))));
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
    let quiet = db.store.create(conversation_id(), ann, &new, LIMITS, NOON_MS).await.unwrap().value.conversation.conversation_id;
    log.sent(ids[3], bob, "a");
    let newest = log.sent(ids[3], bob, "b");
    log.sent(ids[1], ann, "mine");
    let renamed_last = ids[1];
    db.project(&log).await;

    let mut listed = Vec::new();
    let mut cursor = None;
    loop {
        let page = db.store.list(ann, ListPart::Accepted, cursor, 2).await.unwrap();
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
    assert_eq!(db.store.mark_read(ann, ids[3], Seq(newest.0 - 1), NOON_MS, None).await.unwrap().seq, Seq(newest.0 - 1));
    assert_eq!(db.store.list(ann, ListPart::Accepted, None, 2).await.unwrap().items[1].unread_count, 1);
    assert_eq!(db.store.mark_read(ann, ids[3], Seq(u64::MAX), NOON_MS, None).await.unwrap().seq, newest);
    assert_eq!(db.store.mark_read(ann, ids[3], Seq(1), NOON_MS, None).await.unwrap().seq, newest);
    assert_eq!(db.store.list(ann, ListPart::Accepted, None, 2).await.unwrap().items[1].unread_count, 0);
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
    assert_eq!(db.store.list(ann, ListPart::Accepted, None, 50).await.unwrap().items[0].unread_count, 1_000);
    assert_eq!(db.store.list(bob, ListPart::Accepted, None, 50).await.unwrap().items[0].unread_count, 0);
}

/// The events of one subject.
async fn told(db: &Db, address: LogAddress) -> Vec<String> {
    let log = MemMessageLog::default();
    db.store.flush(address, &log).await.unwrap();
    log.names()
}

#[tokio::test]
async fn strangers_are_asked_and_acquaintances_added() {
    let db = Db::fresh().await;
    let (ann, bob, eve) = (db.user("ann").await, db.user("bob").await, db.user("eve").await);
    flush_all(&db).await;
    let known = group(&db, ann, &[bob]).await;
    flush_all(&db).await;
    let new = NewConversation::Group { title: "Both".parse().unwrap(), members: vec![bob, eve], client_key: None };
    let created = db.store.create(conversation_id(), ann, &new, LIMITS, NOON_MS).await.unwrap();
    let id = created.value.conversation.conversation_id;
    assert_eq!(created.value.conversation.member_count, 2, "ann and bob");
    let eves = LogAddress::User { shard: SHARD, id: eve };
    assert!(created.touched.contains(&eves));
    assert_eq!(told(&db, eves).await, ["CONVERSATION_INVITED"]);
    assert!(matches!(db.store.get(eve, id).await, Err(ConversationError::NotMember)), "an invitation shows nothing");
    let waiting = db.store.invitations(eve).await.unwrap();
    assert_eq!(waiting.iter().map(|i| (i.conversation_id, i.invited_by.user_id, i.member_count)).collect::<Vec<_>>(), [(id, ann, 2)]);

    // Asked again, nothing happens; the owner is told that she was asked.
    let again = db.store.add_members(ann, id, &[bob, eve], LIMITS, NOON_MS).await.unwrap();
    assert_eq!(again.value, Added { added: vec![], invited: vec![eve] });
    let waiting = [LogAddress::Conversation { shard: SHARD, id }, LogAddress::User { shard: SHARD, id: bob }];
    assert_eq!(again.touched, waiting, "nothing new; the beginning still waits");
    // A member cannot accept for others, and strangers cannot either.
    assert!(matches!(db.store.accept(db.user("cid").await, id, LIMITS, NOON_MS).await, Err(ConversationError::UnknownInvitation)));
    db.store.accept(eve, id, LIMITS, NOON_MS).await.unwrap();
    db.store.accept(eve, id, LIMITS, NOON_MS).await.unwrap();
    assert_eq!(told(&db, eves).await, ["CONVERSATION_JOINED", "INVITATION_ENDED"]);
    assert_eq!(db.store.get(eve, id).await.unwrap().member_count, 3);
    assert!(db.store.invitations(eve).await.unwrap().is_empty());
    // Now they know each other.
    let added = db.store.add_members(ann, known, &[eve], LIMITS, NOON_MS).await.unwrap();
    assert_eq!(added.value, Added { added: vec![eve], invited: vec![] });

    // Declined, or withdrawn by somebody who may put people out: both are told, and nothing waits any more.
    let dan = db.user("dan").await;
    let dans = LogAddress::User { shard: SHARD, id: dan };
    db.store.add_members(ann, id, &[dan], LIMITS, NOON_MS).await.unwrap();
    db.store.decline(dan, id, NOON_MS).await.unwrap();
    assert!(matches!(db.store.accept(dan, id, LIMITS, NOON_MS).await, Err(ConversationError::UnknownInvitation)));
    db.store.add_members(ann, id, &[dan], LIMITS, NOON_MS).await.unwrap();
    assert!(matches!(db.store.remove_member(bob, id, dan, NOON_MS).await, Err(ConversationError::Denied(ChangeDenied::Forbidden))));
    db.store.remove_member(ann, id, dan, NOON_MS).await.unwrap();
    assert!(matches!(db.store.accept(dan, id, LIMITS, NOON_MS).await, Err(ConversationError::UnknownInvitation)));
    let expected = ["USER_REGISTERED", "CONVERSATION_INVITED", "INVITATION_ENDED", "CONVERSATION_INVITED", "INVITATION_ENDED"];
    assert_eq!(told(&db, dans).await, expected);
}

#[tokio::test]
async fn a_direct_conversation_is_a_request_until_it_is_answered() {
    let db = Db::fresh().await;
    let (ann, bob, eve) = (db.user("ann").await, db.user("bob").await, db.user("eve").await);
    let new = NewConversation::Direct { peer: bob };
    let begun = async |from| db.store.create(conversation_id(), from, &new, LIMITS, NOON_MS).await.unwrap().value.conversation;
    let (anns, eves) = (begun(ann).await.conversation_id, begun(eve).await.conversation_id);
    let listed = async |user, state| {
        let page = db.store.list(user, state, None, 50).await.unwrap();
        page.items.into_iter().map(|item| item.conversation_id).collect::<Vec<_>>()
    };
    assert_eq!(listed(ann, ListPart::Accepted).await, [anns]);
    assert!(listed(bob, ListPart::Accepted).await.is_empty());
    assert_eq!(listed(bob, ListPart::Requests).await.len(), 2);
    assert!(db.consumed(bob).await.is_empty(), "strangers take no room in a durable consumer");
    assert_eq!(db.store.strangers(ann, &[bob]).await.unwrap(), [bob], "not answered is not acquainted");

    // Writing is an answer.
    let mut log = TestLog::new();
    log.created(anns, &[ann, bob]);
    log.created(eves, &[eve, bob]);
    log.sent(anns, ann, "hello");
    log.sent(anns, bob, "hello-yourself");
    flush_all(&db).await;
    db.project(&log).await;
    assert_eq!(listed(bob, ListPart::Accepted).await, [anns]);
    assert_eq!(listed(bob, ListPart::Requests).await, [eves]);
    assert!(db.store.strangers(ann, &[bob]).await.unwrap().is_empty());

    // Declined is out of sight, whatever the other writes, until bob changes his mind.
    db.store.decline(bob, eves, NOON_MS).await.unwrap();
    log.sent(eves, eve, "are-you-there");
    db.store.project(SHARD, EPOCH, Seq::ZERO, log.head(), &log.events).await.unwrap();
    assert!(listed(bob, ListPart::Requests).await.is_empty());
    db.store.accept(bob, eves, LIMITS, NOON_MS).await.unwrap();
    assert_eq!(listed(bob, ListPart::Accepted).await.len(), 2);

    // Hidden comes back with something new.
    db.store.set_hidden(bob, anns, true, NOON_MS).await.unwrap();
    assert_eq!(listed(bob, ListPart::Accepted).await, [eves]);
    log.sent(anns, ann, "news");
    db.store.project(SHARD, EPOCH, Seq::ZERO, log.head(), &log.events).await.unwrap();
    assert_eq!(listed(bob, ListPart::Accepted).await.len(), 2);
}

#[tokio::test]
async fn what_others_may_put_on_a_person_is_bounded() {
    let db = Db::fresh().await;
    let (ann, bob) = (db.user("ann").await, db.user("bob").await);
    let limits = PeopleLimits { max_members: 100, max_conversations: 3, max_invitations: 2 };
    let new = NewConversation::Group { title: "x".parse().unwrap(), members: vec![bob], client_key: None };
    let create = async || db.store.create(conversation_id(), ann, &new, limits, NOON_MS).await;
    let first = create().await.unwrap().value.conversation.conversation_id;
    create().await.unwrap();
    assert!(matches!(create().await, Err(CreateError::TooManyInvitations(who)) if who == bob));
    db.store.accept(bob, first, limits, NOON_MS).await.unwrap();
    assert_eq!(create().await.unwrap().value.conversation.member_count, 2, "known by now");
    assert!(matches!(create().await, Err(CreateError::TooManyConversations(who)) if who == ann));
    let strangers = futures::future::join_all((0..3).map(|n| db.user(["cid", "dan", "eve"][n])).collect::<Vec<_>>()).await;
    let direct = NewConversation::Direct { peer: bob };
    for stranger in &strangers[..2] {
        db.store.create(conversation_id(), *stranger, &direct, limits, NOON_MS).await.unwrap();
    }
    let third = async || db.store.create(conversation_id(), strangers[2], &direct, limits, NOON_MS).await;
    assert!(matches!(third().await, Err(CreateError::TooManyInvitations(who)) if who == bob));
    // What was declined waits no more, and hiding it besides does not bring it back.
    let requests = async || db.store.list(bob, ListPart::Requests, None, 50).await.unwrap().items;
    let declined = requests().await[0].conversation_id;
    db.store.decline(bob, declined, NOON_MS).await.unwrap();
    db.store.set_hidden(bob, declined, true, NOON_MS).await.unwrap();
    third().await.unwrap();
    let mut log = TestLog::new();
    let sender = db.store.get(bob, declined).await.unwrap().members.into_iter().map(|m| m.user.user_id).find(|user| *user != bob).unwrap();
    log.created(declined, &[sender, bob]);
    log.sent(declined, sender, "please");
    db.project(&log).await;
    assert_eq!(requests().await.len(), 2);
    assert!(requests().await.iter().all(|item| item.conversation_id != declined));
}

#[tokio::test]
async fn an_answer_that_is_repeated_waits_for_the_log_like_its_first_time() {
    let db = Db::fresh().await;
    let (ann, bob, eve) = (db.user("ann").await, db.user("bob").await, db.user("eve").await);
    let id = group(&db, ann, &[]).await;
    db.store.add_members(ann, id, &[bob, eve], LIMITS, NOON_MS).await.unwrap();
    flush_all(&db).await;
    let of = |user| vec![LogAddress::User { shard: SHARD, id: user }];
    let (bobs, eves) = (of(bob), of(eve));
    // Neither reaches the log.
    assert_eq!(db.store.decline(bob, id, NOON_MS).await.unwrap().touched, bobs);
    assert_eq!(db.store.remove_member(ann, id, eve, NOON_MS).await.unwrap().touched, eves);
    assert_eq!(db.store.decline(bob, id, NOON_MS).await.unwrap().touched, bobs, "again");
    assert_eq!(db.store.remove_member(ann, id, eve, NOON_MS).await.unwrap().touched, eves, "again");
    flush_all(&db).await;
    assert!(matches!(db.store.decline(bob, id, NOON_MS).await, Err(ConversationError::UnknownInvitation)));
    assert!(matches!(db.store.remove_member(ann, id, eve, NOON_MS).await, Err(ConversationError::UnknownUser(who)) if who == eve));
    // Who came in has not declined, whatever waits.
    db.store.add_members(ann, id, &[bob], LIMITS, NOON_MS).await.unwrap();
    db.store.accept(bob, id, LIMITS, NOON_MS).await.unwrap();
    assert!(matches!(db.store.decline(bob, id, NOON_MS).await, Err(ConversationError::UnknownInvitation)));
}

#[tokio::test]
async fn the_last_one_out_takes_the_invitations_along() {
    let db = Db::fresh().await;
    let (ann, bob) = (db.user("ann").await, db.user("bob").await);
    let id = group(&db, ann, &[]).await;
    db.store.add_members(ann, id, &[bob], LIMITS, NOON_MS).await.unwrap();
    flush_all(&db).await;
    let left = db.store.remove_member(ann, id, ann, NOON_MS).await.unwrap();
    assert_eq!(left.touched, [LogAddress::Conversation { shard: SHARD, id }, LogAddress::User { shard: SHARD, id: ann }]);
    assert!(db.store.invitations(bob).await.unwrap().is_empty());
    let accepted = db.store.accept(bob, id, LIMITS, NOON_MS).await;
    assert!(matches!(accepted, Err(ConversationError::UnknownInvitation)), "nobody could ever change a group without an owner");
    assert_eq!(told(&db, LogAddress::User { shard: SHARD, id: bob }).await, ["INVITATION_ENDED"]);
}

#[tokio::test]
async fn a_key_makes_one_group_and_pages_show_all_its_members() {
    let db = Db::fresh().await;
    let ann = db.user("ann").await;
    let mut people = Vec::new();
    for n in 0..7 {
        people.push(db.user(&format!("user{n}")).await);
    }
    let new = NewConversation::Group { title: "x".parse().unwrap(), members: people.clone(), client_key: Some("k".parse().unwrap()) };
    let everybody: Vec<UserId> = people.iter().copied().chain([ann]).collect();
    let attempts = (0..5).map(|_| db.store.create(conversation_id(), ann, &new, LIMITS, NOON_MS));
    let created = db.acquainted(&everybody, futures::future::join_all(attempts)).await;
    let created: Vec<_> = created.into_iter().map(|created| created.unwrap().value).collect();
    let id = created[0].conversation.conversation_id;
    assert!(created.iter().all(|created| created.conversation.conversation_id == id));
    assert_eq!(created.iter().filter(|created| created.fresh).count(), 1);

    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = db.store.members(ann, id, after, 3).await.unwrap();
        assert!(page.members.len() <= 3);
        seen.extend(page.members.iter().map(|member| member.user.user_id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let mut expected = everybody;
    expected.sort_unstable();
    assert_eq!(seen, expected);
    assert!(matches!(db.store.members(user_id(), id, None, 3).await, Err(ConversationError::NotMember)));
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
            add(&db, ann, id, bob, 9, NOON_MS).await.unwrap().touched,
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
        assert!(matches!(db.store.remove_member(user_id(), id, bob, NOON_MS).await, Err(ConversationError::NotMember)));
        assert_eq!(db.store.remove_member(actor, id, bob, NOON_MS).await.unwrap().touched, removed);
        db.store.flush(subject, &log).await.unwrap();
        assert_eq!(db.store.remove_member(actor, id, bob, NOON_MS).await.unwrap().touched, [bobs]);
        db.store.flush(bobs, &log).await.unwrap();
        let once_more = db.store.remove_member(actor, id, bob, NOON_MS).await;
        assert!(matches!(once_more, Err(ConversationError::NotMember | ConversationError::UnknownUser(_))), "{once_more:?}");
        add(&db, ann, id, bob, 9, NOON_MS).await.unwrap();
    }
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_may_stand() {
    let db = Db::fresh().await;
    let ann = db.user("ann").await;
    let id = group(&db, ann, &[]).await;
    let rename = async |title: &str| match db.store.rename(ann, id, &title.parse().unwrap(), NOON_MS).await {
        Err(ConversationError::Store(error)) => error,
        other => panic!("{other:?}"),
    };
    // Runs within the commit.
    let at_commit = async |what: &str| {
        let sql = format!(
            "CREATE OR REPLACE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {what}; RETURN NULL; END';
             DROP TRIGGER IF EXISTS at_commit ON conversations;
             CREATE CONSTRAINT TRIGGER at_commit AFTER UPDATE ON conversations DEFERRABLE INITIALLY DEFERRED
                 FOR EACH ROW EXECUTE FUNCTION at_commit()"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&db.raw).await.unwrap();
    };
    at_commit("RAISE EXCEPTION ''no''").await;
    assert!(!rename("refused").await.may_stand);
    at_commit("PERFORM pg_terminate_backend(pg_backend_pid())").await;
    assert!(rename("cut off").await.may_stand);
    let blocked = "SELECT count(*) FROM conversations WHERE title IN ('refused', 'cut off')";
    assert_eq!(db.count(blocked).await, 0);
}

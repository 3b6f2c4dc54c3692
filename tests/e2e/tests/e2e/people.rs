//! Strangers are asked; groups may be large.

use std::time::Instant;

use relay_client::{ApiClient, ClientError};
use relay_harness::Harness;
use relay_protocol::ErrorCode;
use relay_protocol::log::LogEvent;
use relay_protocol::rest::{ConversationListQuery, ConversationState, MembersQuery};
use relay_types::{ConversationId, UserId};

use super::support::{Socket, TestResult, code_of, direct, group, key, people, text, title, ulid_key};
use super::witness::{log, log_end, persisted};

async fn listed(api: &ApiClient, state: ConversationState) -> Result<Vec<ConversationId>, ClientError> {
    let query = ConversationListQuery { state: Some(state), ..ConversationListQuery::default() };
    Ok(api.list_conversations(&query).await?.conversations.into_iter().map(|item| item.conversation_id).collect())
}

#[tokio::test]
async fn nobody_is_in_a_group_that_strangers_made_before_they_accept() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob, eve) = (h.user("ann").await?, h.user("bob").await?, h.user("eve").await?);
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    direct(&ann, &eve).await?;
    let made = ann.api.create_group(&title("ours"), &[bob.id(), eve.id()]).await?;
    let id = made.conversation_id;
    assert_eq!(made.member_count, 2, "ann, and eve whom she knows");
    let mut anns = Socket::live(&h, 1, &ann.device, None).await?;
    anns.post(id, &ulid_key(0), "bob cannot see this").await?;
    assert_eq!(bobs.refused(id, &ulid_key(0), "in?").await?.code, ErrorCode::NotMember);
    assert!(listed(&bob.api, ConversationState::Accepted).await?.is_empty());
    let waiting = bob.api.invitations().await?;
    assert_eq!(waiting.len(), 1);
    assert_eq!((waiting[0].conversation_id, waiting[0].invited_by.user_id, waiting[0].member_count), (id, ann.id(), 2));

    bob.api.decline(id).await?;
    assert!(bob.api.invitations().await?.is_empty());
    assert_eq!(code_of(bob.api.accept(id).await), ErrorCode::UnknownInvitation);
    assert_eq!(ann.api.add_members(id, &[bob.id(), eve.id()]).await?.invited, [bob.id()]);
    bob.api.accept(id).await?;
    anns.post(id, &ulid_key(0), "welcome").await?;
    bobs.message("welcome").await?;
    let texts: Vec<_> = bobs.seen().into_iter().filter_map(|seen| seen.message).collect();
    assert_eq!(texts.len(), 1, "nothing of before");

    // Whoever left can still be named.
    bob.api.remove_member(id, bob.id()).await?;
    assert_eq!(ann.api.user(bob.id()).await?, bob.profile);
    let nobody: UserId = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse()?;
    assert_eq!(ann.api.users(&[nobody, bob.id()]).await?, std::slice::from_ref(&bob.profile));
    match ann.api.add_members(id, &[bob.id(), nobody]).await {
        Err(ClientError::Refused(problem)) => {
            assert_eq!(problem.code, ErrorCode::UnknownUser);
            assert!(problem.detail.contains(&nobody.to_string()), "{}", problem.detail);
        }
        other => panic!("a refusal was expected, not {other:?}"),
    }
    h.finish().await
}

#[tokio::test]
async fn a_direct_conversation_is_listed_apart_until_it_is_answered_and_can_be_hidden() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let id = ann.api.create_direct(bob.id()).await?.conversation_id;
    ann.api.post_message(id, &ulid_key(0), &text("hello")).await?;
    bobs.message("hello").await?;
    assert_eq!(listed(&ann.api, ConversationState::Accepted).await?, [id]);
    assert_eq!(listed(&bob.api, ConversationState::Request).await?, [id]);
    assert!(listed(&bob.api, ConversationState::Accepted).await?.is_empty());
    assert_eq!(ann.api.add_members(group(&ann, &[]).await?, &[bob.id()]).await?.invited, [bob.id()], "no answer, no acquaintance");

    bobs.post(id, &ulid_key(0), "hello yourself").await?;
    persisted(&h).await?;
    assert!(listed(&bob.api, ConversationState::Request).await?.is_empty());
    assert_eq!(listed(&bob.api, ConversationState::Accepted).await?, [id]);
    assert_eq!(ann.api.add_members(group(&ann, &[]).await?, &[bob.id()]).await?.added, [bob.id()]);

    bob.api.hide(id).await?;
    assert!(!listed(&bob.api, ConversationState::Accepted).await?.contains(&id));
    bob.api.unhide(id).await?;
    assert!(listed(&bob.api, ConversationState::Accepted).await?.contains(&id));
    bob.api.hide(id).await?;
    ann.api.post_message(id, &ulid_key(0), &text("news")).await?;
    assert!(listed(&bob.api, ConversationState::Accepted).await?.contains(&id), "it comes back with something new");
    h.finish().await
}

#[tokio::test]
async fn what_strangers_may_do_to_a_person_is_bounded() -> TestResult {
    let limits = "max_invitations = 2\n[limits]\nintroductions_to_user = { limit = 4, per_s = 3600 }\n\
                  creations_per_user = { limit = 5, per_s = 3600 }";
    let h = Harness::builder().config("api", limits).start().await?;
    let users = people(&h, "user", 5).await?;
    let bob = users[0].id();
    for stranger in &users[1..3] {
        stranger.api.create_direct(bob).await?;
        stranger.api.create_direct(bob).await?;
    }
    // The third request finds no room, and the fifth attempt of all is one too many.
    assert_eq!(code_of(users[3].api.create_direct(bob).await), ErrorCode::TooManyInvitations);
    assert_eq!(code_of(users[4].api.create_direct(bob).await), ErrorCode::TooManyInvitations);
    assert_eq!(code_of(users[4].api.create_direct(bob).await), ErrorCode::RateLimited);
    for _ in 0..3 {
        users[4].api.create_group(&title("mine"), &[]).await?;
    }
    assert_eq!(code_of(users[4].api.create_group(&title("mine"), &[]).await), ErrorCode::RateLimited);
    h.finish().await
}

/// Accounts are written by SQL: what is measured is the group.
#[tokio::test]
async fn a_group_of_ten_thousand_is_made_and_changed_in_few_events() -> TestResult {
    const MEMBERS: usize = 10_000;
    let h = Harness::builder().config("api", "max_group_members = 10000").start().await?;
    let ann = h.user("ann").await?;
    let crowd: Vec<UserId> = (0..MEMBERS - 1).map(|_| UserId::new(ulid::Ulid::from_parts(1_700_000_000_000, rand::random()))).collect();
    let mut database = h.database().await?;
    let users: Vec<sqlx::types::Uuid> = crowd.iter().map(|user| user.to_uuid()).collect();
    let hall = ann.id().to_uuid();
    sqlx::query(
        "INSERT INTO users (user_id, handle, display_name, password_hash, home_shard, created_at)
         SELECT u, 'crowd' || n, 'x', 'none', 0, now() FROM unnest($1::uuid[]) WITH ORDINALITY AS t (u, n)",
    )
    .bind(&users)
    .execute(&mut database)
    .await?;
    let hall_row =
        "INSERT INTO conversations (conversation_id, kind, title, shard, created_by, created_at) VALUES ($1, 'group', 'x', 0, $1, now())";
    sqlx::query(hall_row).bind(hall).execute(&mut database).await?;
    let in_hall =
        "INSERT INTO members (conversation_id, user_id, role, added_at) SELECT $1, u, 'member', now() FROM unnest($2::uuid[]) AS t (u)";
    sqlx::query(in_hall).bind(hall).bind(users.iter().copied().chain([hall]).collect::<Vec<_>>()).execute(&mut database).await?;

    let before = log_end(&h).await?;
    let began = Instant::now();
    let (first, rest) = crowd.split_at(700);
    let id = ann.api.create_group_once(&key("crowd"), &title("crowd"), first).await?.conversation_id;
    println!("a group of {} made in {:?}", first.len() + 1, began.elapsed());
    let again = ann.api.create_group_once(&key("crowd"), &title("crowd"), first).await?;
    assert_eq!(again.conversation_id, id, "the same key finds the same group");
    let began = Instant::now();
    for some in rest.chunks(500) {
        assert_eq!(ann.api.add_members(id, some).await?.added.len(), some.len());
    }
    println!("{} members added in {:?}", rest.len(), began.elapsed());
    let events: Vec<_> = log(&h, 0).await?.into_iter().filter(|(seq, event)| *seq > before && event.conversation() == Some(id)).collect();
    assert_eq!(events.iter().map(|(_, event)| event.joining().len()).sum::<usize>(), MEMBERS);
    assert!(events.iter().all(|(_, event)| event.joining().len() <= 500));
    let added = events.iter().filter(|(_, event)| matches!(event, LogEvent::MembersAdded(_))).count();
    assert_eq!((events.len(), added), (21, 20));

    let began = Instant::now();
    ann.api.rename(id, &title("the crowd")).await?;
    println!("renamed in {:?}", began.elapsed());
    let described = ann.api.get_conversation(id).await?;
    assert_eq!((described.member_count, described.members.len()), (10_000, 100));
    assert_eq!(code_of(ann.api.add_members(id, &[h.user("late").await?.id()]).await), ErrorCode::GroupFull);
    let (mut seen, mut query) = (Vec::new(), MembersQuery { cursor: None, limit: Some(500) });
    loop {
        let page = ann.api.members(id, &query).await?;
        seen.extend(page.members.into_iter().map(|member| member.user.user_id));
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            break;
        }
    }
    let mut expected = crowd.clone();
    expected.push(ann.id());
    expected.sort_unstable();
    assert_eq!(seen, expected);
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    anns.post(id, &ulid_key(0), "hello, all").await?;
    anns.message_or_seen("hello, all").await?;
    h.finish().await
}

//! Who is in what, decided over REST.

use futures::future::join_all;
use relay_harness::{Harness, wait_for};
use relay_protocol::ErrorCode;
use relay_protocol::conversation::{ConversationKind, Role};
use relay_protocol::rest::{ConversationListQuery, ConversationState};
use relay_types::{ConversationId, UserId};

use super::support::{LATE, Socket, TestResult, code_of, direct, group, history, let_in, people, text, title, ulid_key};
use super::witness::{conversation_rows, log, log_end, persisted, row_counts};

async fn roles(api: &relay_client::ApiClient, chat: ConversationId) -> anyhow::Result<Vec<(UserId, Role)>> {
    let conversation = api.get_conversation(chat).await?;
    Ok(conversation.members.into_iter().map(|member| (member.user.user_id, member.role)).collect())
}

#[tokio::test]
async fn twenty_races_to_create_one_direct_conversation_make_one() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let creations = (0..20).map(|n| {
        let (from, to) = if n % 2 == 0 { (&ann, bob.id()) } else { (&bob, ann.id()) };
        async move { from.api.create_direct(to).await }
    });
    let mut ids = Vec::new();
    for created in join_all(creations).await {
        let created = created?;
        assert_eq!((created.kind, created.members.len()), (ConversationKind::Direct, 2));
        ids.push(created.conversation_id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let created = log(&h, 0)
        .await?
        .into_iter()
        .filter(|(_, event)| event.name() == "CONVERSATION_CREATED" && event.conversation() == Some(ids[0]))
        .count();
    assert_eq!(created, 1, "the log says so once");
    for user in [&ann, &bob] {
        let mut listed = 0;
        for state in [ConversationState::Accepted, ConversationState::Request] {
            let query = ConversationListQuery { state: Some(state), ..ConversationListQuery::default() };
            listed += user.api.list_conversations(&query).await?.conversations.len();
        }
        assert_eq!(listed, 1);
    }
    h.finish().await
}

#[tokio::test]
async fn a_group_takes_no_more_members_than_configured() -> TestResult {
    let h = Harness::builder().config("api", "max_group_members = 5").start().await?;
    let users = people(&h, "user", 7).await?;
    let ids: Vec<UserId> = users.iter().skip(1).map(relay_harness::User::id).collect();
    for other in &users[1..] {
        direct(&users[0], other).await?;
    }
    persisted(&h).await?;
    let before = row_counts(&h).await?;
    assert_eq!(code_of(users[0].api.create_group(&title("six"), &ids[..5]).await), ErrorCode::GroupFull);
    assert_eq!(row_counts(&h).await?, before);
    let chat = users[0].api.create_group(&title("four"), &ids[..3]).await?.conversation_id;
    // Two places fewer than people who want them, all at once.
    let adding = ids[3..].iter().map(|id| users[0].api.add_member(chat, *id));
    let outcomes: Vec<_> = join_all(adding).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    for refused in outcomes.into_iter().filter(Result::is_err) {
        assert_eq!(code_of(refused), ErrorCode::GroupFull);
    }
    assert_eq!(roles(&users[0].api, chat).await?.len(), 5);
    h.finish().await
}

#[tokio::test]
async fn roles_decide_who_may_change_a_group() -> TestResult {
    let h = Harness::shared_alone().await?;
    let users = people(&h, "user", 5).await?;
    let (owner, admin, member, outsider, late) = (&users[0], &users[1], &users[2], &users[3], &users[4]);
    let chat = group(owner, &[admin, member]).await?;
    owner.api.set_role(chat, admin.id(), Role::Admin).await?;
    let end = log_end(&h).await?;

    // A member may not change anything, an outsider not even look.
    for (user, code) in [(member, ErrorCode::Forbidden), (outsider, ErrorCode::NotMember)] {
        assert_eq!(code_of(user.api.rename(chat, &title("mine")).await), code);
        assert_eq!(code_of(user.api.add_member(chat, late.id()).await), code);
        assert_eq!(code_of(user.api.remove_member(chat, admin.id()).await), code);
        assert_eq!(code_of(user.api.set_role(chat, user.id(), Role::Owner).await), code);
    }
    assert_eq!(code_of(outsider.api.get_conversation(chat).await), ErrorCode::NotMember);
    assert_eq!(code_of(history(&outsider.api, chat).await), ErrorCode::NotMember);
    assert_eq!(code_of(outsider.api.mark_read(chat, end).await), ErrorCode::NotMember);
    assert_eq!(code_of(outsider.api.post_message(chat, &ulid_key(0), &text("in?")).await), ErrorCode::NotMember);
    // An admin may not appoint, nor remove the owner.
    assert_eq!(code_of(admin.api.set_role(chat, member.id(), Role::Admin).await), ErrorCode::Forbidden);
    assert_eq!(code_of(admin.api.remove_member(chat, owner.id()).await), ErrorCode::Forbidden);
    // The owner may not just go.
    assert_eq!(code_of(owner.api.remove_member(chat, owner.id()).await), ErrorCode::OwnerMustHandOver);
    assert_eq!(code_of(owner.api.add_member(chat, "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse()?).await), ErrorCode::UnknownUser);
    assert_eq!(log_end(&h).await?, end, "refusals leave no trace");

    admin.api.rename(chat, &title("renamed")).await?;
    let_in(admin, chat, late).await?;
    admin.api.remove_member(chat, late.id()).await?;
    member.api.remove_member(chat, member.id()).await?;
    owner.api.set_role(chat, admin.id(), Role::Owner).await?;
    assert_eq!(roles(&admin.api, chat).await?, vec![(owner.id(), Role::Admin), (admin.id(), Role::Owner)]);
    owner.api.remove_member(chat, owner.id()).await?;
    assert_eq!(roles(&admin.api, chat).await?, vec![(admin.id(), Role::Owner)]);
    assert_eq!(admin.api.get_conversation(chat).await?.title, Some(title("renamed")));
    assert_eq!(code_of(owner.api.get_conversation(chat).await), ErrorCode::NotMember);
    h.finish().await
}

#[tokio::test]
async fn a_direct_conversation_has_no_title_roles_joining_or_leaving() -> TestResult {
    let h = Harness::shared_alone().await?;
    let users = people(&h, "user", 3).await?;
    let chat = direct(&users[0], &users[1]).await?;
    let end = log_end(&h).await?;
    let api = &users[0].api;
    assert_eq!(code_of(api.rename(chat, &title("us")).await), ErrorCode::DirectImmutable);
    assert_eq!(code_of(api.add_member(chat, users[2].id()).await), ErrorCode::DirectImmutable);
    assert_eq!(code_of(api.remove_member(chat, users[1].id()).await), ErrorCode::DirectImmutable);
    assert_eq!(code_of(api.remove_member(chat, users[0].id()).await), ErrorCode::DirectImmutable);
    assert_eq!(code_of(api.set_role(chat, users[1].id(), Role::Owner).await), ErrorCode::DirectImmutable);
    assert_eq!(log_end(&h).await?, end);
    h.finish().await
}

#[tokio::test]
async fn a_call_that_changes_relations_answers_when_its_event_is_in_the_log() -> TestResult {
    let h = Harness::shared_alone().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let before = log_end(&h).await?;
    let chat = group(&ann, &[]).await?;
    let created: Vec<_> =
        log(&h, 0).await?.into_iter().filter(|(seq, _)| *seq > before).map(|(_, event)| event.name().to_owned()).collect();
    assert_eq!(created, ["CONVERSATION_CREATED", "CONVERSATION_JOINED"]);
    // At once, though this gateway may be a moment behind.
    anns.post(chat, &ulid_key(0), "first").await?;
    let before = log_end(&h).await?;
    ann.api.add_member(chat, bob.id()).await?;
    let added: Vec<_> = log(&h, 0).await?.into_iter().filter(|(seq, _)| *seq > before).map(|(_, event)| event.name().to_owned()).collect();
    assert_eq!(added, ["MEMBER_ADDED", "CONVERSATION_JOINED"]);
    persisted(&h).await?;
    assert_eq!(conversation_rows(&h, chat).await?.len(), 3);
    let left: i64 = wait_for("the outbox to be empty", LATE, || async {
        let mut database = h.database().await.map_err(|error| format!("{error:#}"))?;
        let pending: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox WHERE published_seq IS NULL")
            .fetch_one(&mut database)
            .await
            .map_err(|error| format!("{error}"))?;
        if pending == 0 { Ok(pending) } else { Err(format!("{pending} pending")) }
    })
    .await;
    assert_eq!(left, 0);
    h.finish().await
}

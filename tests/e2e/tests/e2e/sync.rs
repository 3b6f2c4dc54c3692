//! One answer has what a client shows first, and the next one what changed since.

use relay_harness::Harness;
use relay_protocol::command::encode;
use relay_protocol::conversation::NotifyLevel;
use relay_protocol::presence::{Activity, PresenceState, SayPresence};
use relay_protocol::rest::{ChangeConversationSettingsRequest as Change, ChangeSettingsRequest, ConversationListQuery, PutDraftRequest};
use relay_protocol::sync::{SyncAnswer, SyncQuery};
use relay_protocol::{ErrorCode, Position};
use relay_types::ConversationId;
use reqwest::Method;

use super::raw_http::{api, refusal};
use super::support::{LATE, Socket, TestResult, direct, group, text, ulid_key};
use super::witness::persisted;

fn since(answer: &SyncAnswer) -> SyncQuery {
    SyncQuery { since: Some(answer.token.clone()), limit: None }
}

fn ids(answer: &SyncAnswer) -> Vec<ConversationId> {
    answer.conversations.iter().map(|item| item.conversation_id).collect()
}

#[tokio::test]
async fn the_first_answer_has_it_all_and_the_next_what_changed() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let (one, two, quiet) = (direct(&ann, &bob).await?, group(&bob, &[&ann]).await?, group(&bob, &[&ann]).await?);
    let sent = bob.api.post_message(one, &ulid_key(0), &text("hello")).await?;
    ann.api.put_draft(two, &PutDraftRequest { text: "not yet".parse()?, reply_to: None }).await?;
    bob.api.mark_read(one, sent.seq).await?;
    let first = ann.api.sync(&SyncQuery::default()).await?;
    assert!(first.full && first.next_cursor.is_none() && first.gone.is_empty());
    let list = ann.api.list_conversations(&ConversationListQuery { limit: Some(100), ..ConversationListQuery::default() }).await?;
    assert_eq!(first.conversations, list.conversations, "as the list has it");
    assert_eq!(
        first.drafts.iter().map(|draft| (draft.conversation_id, draft.text.as_deref())).collect::<Vec<_>>(),
        [(two, Some("not yet"))]
    );
    assert_eq!(first.settings, ann.api.settings().await?);
    assert_eq!(first.receipts.iter().map(|mark| (mark.conversation_id, mark.read.read_seq)).collect::<Vec<_>>(), [(one, sent.seq)]);
    assert_eq!(first.presence.iter().map(|there| there.user_id).collect::<Vec<_>>(), [bob.id()]);

    // From its place on, a socket tells what it does not have.
    let position: Position = first.position.as_deref().unwrap_or_default().parse()?;
    bob.api.post_message(two, &ulid_key(0), &text("behind it")).await?;
    let mut live = Socket::live(&h, 0, &ann.device, Some(&position)).await?;
    live.message_or_seen("behind it").await?;

    let next = ann.api.sync(&since(&first)).await?;
    assert_eq!((next.full, ids(&next)), (false, vec![two]));
    let next = ann.api.sync(&since(&next)).await?;
    assert!(next.conversations.is_empty() && next.gone.is_empty() && next.drafts.is_empty(), "{next:?}");

    // Each kind of news that is hers alone.
    ann.api.mark_read(one, sent.seq).await?;
    let next = ann.api.sync(&since(&next)).await?;
    assert_eq!(next.conversations.iter().map(|item| (item.conversation_id, item.unread_count)).collect::<Vec<_>>(), [(one, 0)]);
    ann.api.change_conversation_settings(quiet, &Change { level: Some(NotifyLevel::Mentions), ..Change::default() }).await?;
    let next = ann.api.sync(&since(&next)).await?;
    assert_eq!(next.conversations.iter().map(|item| item.settings.level).collect::<Vec<_>>(), [NotifyLevel::Mentions]);
    ann.api.change_conversation_settings(quiet, &Change { archived: Some(true), ..Change::default() }).await?;
    let next = ann.api.sync(&since(&next)).await?;
    assert_eq!(ids(&next), [quiet]);
    assert!(next.conversations[0].settings.archived_seq.is_some());
    ann.api.put_draft(quiet, &PutDraftRequest { text: "and here".parse()?, reply_to: None }).await?;
    let next = ann.api.sync(&since(&next)).await?;
    assert_eq!((ids(&next).len(), next.drafts.len(), next.drafts[0].text.as_deref()), (0, 1, Some("and here")));
    ann.api.hide(one).await?;
    let next = ann.api.sync(&since(&next)).await?;
    assert_eq!((ids(&next).len(), next.gone.as_slice()), (0, [one].as_slice()));
    ann.api.unhide(one).await?;
    let next = ann.api.sync(&since(&next)).await?;
    assert_eq!(ids(&next), [one]);
    bob.api.edit_message(one, sent.message_id, &ulid_key(0), &text("hello, Ann")).await?;
    let next = ann.api.sync(&since(&next)).await?;
    let said = next.conversations.iter().filter_map(|item| item.last_message.as_ref()).map(|last| last.edited_seq.is_some());
    assert_eq!(said.collect::<Vec<_>>(), [true]);
    h.finish().await
}

#[tokio::test]
async fn nothing_of_what_one_left_or_may_not_know_is_told() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = group(&bob, &[&ann]).await?;
    let one = direct(&ann, &bob).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let says = encode::presence(&SayPresence { state: Activity::Active, conversation_id: Some(one) });
    bobs.connection.send_text(says).await.map_err(|close| anyhow::anyhow!("closed: {close:?}"))?;
    let told = |answer: &SyncAnswer| answer.presence.first().map(|there| there.state);
    let mut first = ann.api.sync(&SyncQuery::default()).await?;
    let there = async {
        while told(&first) != Some(PresenceState::Online) {
            first = ann.api.sync(&SyncQuery::default()).await?;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(LATE, there).await??;
    assert_eq!(first.presence[0].conversation_id, Some(one));

    bob.api.remove_member(chat, ann.id()).await?;
    bobs.post(chat, &ulid_key(0), "secret-behind-her-back").await?;
    persisted(&h).await?;
    let next = ann.api.sync(&since(&first)).await?;
    assert_eq!((ids(&next).len(), next.gone.as_slice()), (0, [chat].as_slice()));
    assert!(!serde_json::to_string(&next)?.contains("secret-behind-her-back"));
    assert!(!ids(&ann.api.sync(&SyncQuery::default()).await?).contains(&chat));

    // Who does not tell is not told of, and is told nothing of others' receipts.
    let quiet = ChangeSettingsRequest { presence_to: Some("nobody".parse()?), read_receipts: Some(false), availability: None };
    bob.api.change_settings(quiet).await?;
    let now = ann.api.sync(&SyncQuery::default()).await?;
    assert_eq!((told(&now), now.presence[0].conversation_id), (Some(PresenceState::Offline), None));
    assert!(now.presence[0].last_seen_ms.is_none());
    assert!(bob.api.sync(&SyncQuery::default()).await?.receipts.is_empty());
    h.finish().await
}

#[tokio::test]
async fn a_token_outlasts_a_restart_and_a_bad_one_is_refused() -> TestResult {
    let h = Harness::builder().shards(2).start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let mut chats = Vec::new();
    for _ in 0..6 {
        chats.push(group(&bob, &[&ann]).await?);
    }
    let first = ann.api.sync(&SyncQuery { since: None, limit: Some(2) }).await?;
    assert_eq!((first.conversations.len(), first.next_cursor.is_some()), (2, true));
    let cursor = first.next_cursor.clone();
    let rest = ann.api.list_conversations(&ConversationListQuery { cursor, ..ConversationListQuery::default() }).await?;
    assert_eq!(rest.conversations.len(), 4, "the list goes on from there");
    // No worker, no projection: nothing is told, and nothing is lost.
    h.worker().kill();
    for chat in &chats {
        bob.api.post_message(*chat, &ulid_key(0), &text("while it is away")).await?;
    }
    let before = ann.api.sync(&since(&first)).await?;
    assert!(before.conversations.is_empty());
    h.worker().restart().await?;
    h.api().restart().await?;
    // Whenever which shard is projected, each of them is told.
    let (mut told, mut answer) = (std::collections::BTreeSet::new(), before);
    let all = async {
        while told.len() < chats.len() {
            answer = ann.api.sync(&since(&answer)).await?;
            told.extend(ids(&answer));
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(LATE, all).await??;
    assert!(chats.iter().all(|chat| told.contains(chat)));
    assert!(ann.api.sync(&since(&answer)).await?.conversations.is_empty(), "nothing twice");
    let token = ann.device.access_token().0.clone();
    for bad in ["since=x", "since=", "limit=0", "limit=201", "limit=x", "what=1", &format!("since={}", "A".repeat(6_145))] {
        let answer = api(&h, Method::GET, &format!("/v1/sync?{bad}")).bearer_auth(&token).send().await?;
        assert_eq!(refusal(answer, bad).await?.code, ErrorCode::InvalidField, "{bad}");
    }
    h.finish().await
}

//! What a person sets for one conversation is so on all their devices, and no other person learns of it.

use relay_harness::Harness;
use relay_protocol::ErrorCode;
use relay_protocol::conversation::{MUTED_FOREVER_MS, NotifyLevel};
use relay_protocol::rest::{ChangeConversationSettingsRequest as Change, ConversationList, ConversationListQuery};
use reqwest::Method;
use serde_json::{Value, json};

use super::raw_http::{api, refusal};
use super::support::{Socket, TestResult, code_of, group, let_in, text, ulid_key};
use super::witness::{log_end, persisted, row_counts};

/// The settings in an event of the person's own chain.
fn told(frame: &relay_protocol::ServerFrame) -> Option<Value> {
    let frame = serde_json::to_value(frame).ok()?;
    (frame["type"] == "CONVERSATION_SETTINGS_CHANGED").then_some(frame)
}

fn part(archived: Option<bool>, pinned: Option<bool>) -> ConversationListQuery {
    ConversationListQuery { archived, pinned, ..ConversationListQuery::default() }
}

fn ids(list: &ConversationList) -> Vec<relay_types::ConversationId> {
    list.conversations.iter().map(|item| item.conversation_id).collect()
}

#[tokio::test]
async fn what_is_set_for_a_conversation_is_so_on_the_other_device_and_nobody_else_is_told() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let tablet = ann.log_in("tablet").await?;
    let (chat, other) = (group(&bob, &[&ann]).await?, group(&bob, &[&ann]).await?);
    let mut live = Socket::live(&h, 0, &tablet, None).await?;
    let mut bobs = Socket::live(&h, 1, &bob.device, None).await?;
    let from = live.at();

    let change = Change { muted_until_ms: Some(Some(MUTED_FOREVER_MS)), level: Some(NotifyLevel::Mentions), ..Change::default() };
    let settings = ann.api.change_conversation_settings(chat, &change).await?;
    assert_eq!(ann.api.change_conversation_settings(chat, &change).await?, settings, "once more changes nothing");
    let event = live.until("that it is muted", told).await?;
    assert_eq!((&event["conversation_id"], &event["settings"]), (&json!(chat), &serde_json::to_value(settings)?));
    assert_eq!(ann.api.get_conversation(chat).await?.settings, settings);

    let settings = ann.api.change_conversation_settings(chat, &Change { pinned: Some(true), ..Change::default() }).await?;
    assert_eq!((settings.version, settings.muted_until_ms), (2, Some(MUTED_FOREVER_MS)), "one event each, and the rest stays");
    assert_eq!(ids(&ann.api.list_conversations(&part(None, Some(true))).await?), [chat]);

    // Archived: apart, until somebody writes; muted, it stays there.
    ann.api.change_conversation_settings(chat, &Change { archived: Some(true), ..Change::default() }).await?;
    let apart = async || ann.api.list_conversations(&part(Some(true), None)).await.map(|list| ids(&list));
    assert_eq!(apart().await?, [chat]);
    assert_eq!(ids(&ann.api.list_conversations(&part(None, None)).await?), [other]);
    assert!(ann.api.list_conversations(&part(None, Some(true))).await?.conversations.is_empty(), "and is pinned no more");
    bobs.post(chat, &ulid_key(0), "still there?").await?;
    persisted(&h).await?;
    assert_eq!(apart().await?, [chat]);
    ann.api.change_conversation_settings(chat, &Change { muted_until_ms: Some(None), ..Change::default() }).await?;
    assert!(apart().await?.is_empty());
    ann.api.change_conversation_settings(chat, &Change { archived: Some(true), ..Change::default() }).await?;
    bobs.post(chat, &ulid_key(0), "hello!").await?;
    persisted(&h).await?;
    assert!(apart().await?.is_empty());
    assert_eq!(ids(&ann.api.list_conversations(&part(None, None)).await?), [chat, other]);

    // A device that was away is told the same, in the same order; the other person nothing.
    let away = Socket::live(&h, 1, &ann.device, Some(&from)).await?;
    let versions: Vec<_> = away.frames.iter().filter_map(told).map(|event| event["settings"]["version"].clone()).collect();
    assert_eq!(versions, [1, 2, 3, 4, 5]);
    bobs.post(other, &ulid_key(0), "the end").await?;
    assert!(bobs.frames.iter().all(|frame| told(frame).is_none()));
    assert_eq!(bob.api.get_conversation(chat).await?.settings.version, 0);

    // Leaving ends it: who comes back begins anew.
    ann.api.remove_member(chat, ann.id()).await?;
    assert_eq!(code_of(ann.api.change_conversation_settings(chat, &change).await), ErrorCode::NotMember);
    let_in(&bob, chat, &ann).await?;
    assert_eq!(ann.api.get_conversation(chat).await?.settings.version, 0);
    h.finish().await
}

#[tokio::test]
async fn settings_of_a_conversation_outlast_a_restart_of_everything() -> TestResult {
    let h = Harness::builder().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = group(&bob, &[&ann]).await?;
    let change = Change { muted_until_ms: Some(Some(MUTED_FOREVER_MS)), pinned: Some(true), ..Change::default() };
    let settings = ann.api.change_conversation_settings(chat, &change).await?;
    h.api().restart().await?;
    h.gateway(0).restart().await?;
    h.worker().restart().await?;
    bob.api.post_message(chat, &ulid_key(0), &text("after")).await?;
    let list = ann.api.list_conversations(&part(None, Some(true))).await?;
    assert_eq!(list.conversations.iter().map(|item| item.settings).collect::<Vec<_>>(), [settings]);
    assert_eq!(ann.api.change_conversation_settings(chat, &change).await?, settings);
    h.finish().await
}

#[tokio::test]
async fn bad_settings_of_a_conversation_are_refused_and_leave_nothing() -> TestResult {
    let h = Harness::shared_alone().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let eve = h.user("eve").await?;
    let chat = group(&bob, &[&ann]).await?;
    persisted(&h).await?;
    let (end, before) = (log_end(&h).await?, row_counts(&h).await?);
    let path = format!("/v1/conversations/{chat}/settings");
    let token = ann.device.access_token().0.clone();
    let bad: [(Value, ErrorCode); 9] = [
        (json!({ "muted_until_ms": -1 }), ErrorCode::InvalidField),
        (json!({ "muted_until_ms": MUTED_FOREVER_MS + 1 }), ErrorCode::InvalidField),
        (json!({ "muted_until_ms": "forever" }), ErrorCode::InvalidField),
        (json!({ "pinned": true, "archived": true }), ErrorCode::InvalidField),
        (json!({ "level": "digest" }), ErrorCode::InvalidField),
        (json!({ "level": "" }), ErrorCode::InvalidField),
        (json!({ "pinned": 1 }), ErrorCode::InvalidField),
        (json!({ "colour": "red" }), ErrorCode::InvalidField),
        (json!([]), ErrorCode::MalformedFrame),
    ];
    for (body, code) in bad {
        let response = api(&h, Method::PATCH, &path).bearer_auth(&token).json(&body).send().await?;
        let refused = refusal(response, &body.to_string()).await?.code;
        assert!(refused == code || refused == ErrorCode::MalformedFrame, "{body}: {refused}");
    }
    let pin = Change { pinned: Some(true), ..Change::default() };
    assert_eq!(code_of(eve.api.change_conversation_settings(chat, &pin).await), ErrorCode::NotMember);
    for query in ["pinned=true&archived=true", "state=request&archived=true", "pinned=true&cursor=1-01ARZ3NDEKTSV4RRFFQ69G5FAV", "pinned=2"]
    {
        let path = format!("/v1/users/me/conversations?{query}");
        let refused = refusal(api(&h, Method::GET, &path).bearer_auth(&token).send().await?, query).await?.code;
        assert!(refused == ErrorCode::InvalidField || refused == ErrorCode::MalformedFrame, "{query}: {refused}");
    }
    assert_eq!((log_end(&h).await?, row_counts(&h).await?), (end, before), "nothing is left of it");
    assert_eq!(ann.api.get_conversation(chat).await?.settings.version, 0);
    h.finish().await
}

//! What a person is writing is on all their devices, and nowhere else.

use relay_harness::Harness;
use relay_protocol::ErrorCode;
use relay_protocol::rest::PutDraftRequest;
use reqwest::Method;
use serde_json::{Value, json};

use super::raw_http::{api, refusal};
use super::support::{Socket, TestResult, code_of, group};
use super::witness::{log_end, persisted, row_counts};

/// The version in an event of the person's own chain.
fn told(frame: &relay_protocol::ServerFrame) -> Option<u64> {
    let frame = serde_json::to_value(frame).ok()?;
    (frame["type"] == "DRAFT_CHANGED").then(|| frame["version"].as_u64()).flatten()
}

fn draft(text: &str) -> anyhow::Result<PutDraftRequest> {
    Ok(PutDraftRequest { text: text.parse()?, reply_to: None })
}

#[tokio::test]
async fn what_one_writes_on_one_device_is_on_the_other_and_nobody_else_is_told() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let eve = h.user("eve").await?;
    let tablet = ann.log_in("tablet").await?;
    let chat = group(&bob, &[&ann]).await?;
    let mut live = Socket::live(&h, 0, &tablet, None).await?;
    let mut bobs = Socket::live(&h, 1, &bob.device, None).await?;
    let first = ann.api.put_draft(chat, &draft("Dear Bob")?).await?;
    assert_eq!(live.until("that she writes", told).await?, first.version);
    // What changes at once is told later, as it is then.
    ann.api.put_draft(chat, &draft("Dear Bob, I")?).await?;
    let last = ann.api.put_draft(chat, &draft("Dear Bob, I think")?).await?;
    live.until("what she wrote last", |frame| told(frame).filter(|version| *version == last.version)).await?;
    assert_eq!(live.frames.iter().filter_map(told).count(), 2, "not each key");
    let kept = ann.api.draft(chat).await?;
    assert_eq!((kept.version, kept.text.as_str()), (last.version, "Dear Bob, I think"));
    assert_eq!(ann.api.drafts().await?, [last]);
    assert_eq!(code_of(eve.api.draft(chat).await), ErrorCode::NotMember);
    assert_eq!(code_of(eve.api.put_draft(chat, &draft("x")?).await), ErrorCode::NotMember);
    assert_eq!(bob.api.draft(chat).await?.version, 0);
    let emptied = ann.api.put_draft(chat, &draft("")?).await?;
    live.until("that it is sent", |frame| told(frame).filter(|version| *version == emptied.version)).await?;
    assert!(ann.api.drafts().await?.is_empty() && ann.api.draft(chat).await?.text.as_str().is_empty());
    let ack = bobs.post(chat, &super::support::ulid_key(0), "the end").await?;
    bobs.passed(ack.seq).await?;
    assert!(bobs.frames.iter().all(|frame| told(frame).is_none()));
    h.finish().await
}

#[tokio::test]
async fn a_draft_outlasts_a_restart_and_its_text_is_nowhere_in_the_log() -> TestResult {
    const SECRET: &str = "nobody-is-to-read-this-yet";
    let h = Harness::builder().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = group(&bob, &[&ann]).await?;
    let kept = ann.api.put_draft(chat, &draft(SECRET)?).await?;
    h.api().restart().await?;
    assert_eq!(ann.api.draft(chat).await?.text.as_str(), SECRET);
    assert_eq!(ann.api.put_draft(chat, &draft(SECRET)?).await?, kept, "the same once more changes nothing");
    persisted(&h).await?;
    let mut database = h.database().await?;
    for table in ["user_events", "outbox"] {
        let sql = format!("SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%{SECRET}%'");
        let found: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&mut database).await?;
        assert_eq!(found, 0, "{table}");
    }
    h.finish().await
}

#[tokio::test]
async fn bad_drafts_are_refused_and_leave_nothing() -> TestResult {
    let h = Harness::shared_alone().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = group(&bob, &[&ann]).await?;
    persisted(&h).await?;
    let (end, before) = (log_end(&h).await?, row_counts(&h).await?);
    let path = format!("/v1/conversations/{chat}/draft");
    let token = ann.device.access_token().0.clone();
    let bad: [Value; 6] = [
        json!({}),
        json!({ "text": "x".repeat(65_537) }),
        json!({ "text": "a\0b" }),
        json!({ "text": "x", "reply_to": "*" }),
        json!({ "text": 1 }),
        json!({ "text": "x", "version": 1 }),
    ];
    for body in bad {
        let what: String = body.to_string().chars().take(80).collect();
        let refused = refusal(api(&h, Method::PUT, &path).bearer_auth(&token).json(&body).send().await?, &what).await?.code;
        let known = [ErrorCode::InvalidField, ErrorCode::MalformedFrame, ErrorCode::BadId];
        assert!(known.iter().any(|code| refused == *code), "{what}: {refused}");
    }
    assert_eq!((log_end(&h).await?, row_counts(&h).await?), (end, before), "nothing is left of it");
    h.finish().await
}

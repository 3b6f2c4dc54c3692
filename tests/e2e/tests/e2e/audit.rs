//! The audit finds what is missing and what is too much, and repairs what it can.

use relay_harness::{Harness, wait_for};
use relay_types::{ConversationId, Seq};
use sqlx::Row as _;

use super::support::{LATE, TestResult, direct, history, text, ulid_key};
use super::witness::{conversation_rows, persisted};

/// A worker that looks every second.
async fn start() -> anyhow::Result<Harness> {
    Harness::builder().config("worker", "audit_every_s = 1\naudit_full_every_s = 2").expect_error("log and projection differ").start().await
}

/// The value of a metric of the worker.
async fn metric(h: &Harness, name: &str) -> Result<f64, String> {
    let metrics = h.worker().metrics().await.map_err(|error| format!("{error:#}"))?;
    let line = metrics.lines().find(|line| line.starts_with(name)).ok_or_else(|| format!("no {name}"))?;
    line.rsplit(' ').next().and_then(|value| value.parse().ok()).ok_or_else(|| line.to_owned())
}

async fn becomes(h: &Harness, name: &str, wanted: f64) {
    wait_for(name, LATE, || async {
        match metric(h, name).await {
            Ok(value) if (value - wanted).abs() < 0.5 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

/// What `relayctl verify` answers when it finds something.
async fn found(h: &Harness, arguments: &[&str]) -> String {
    match h.relayctl(arguments).await {
        Ok(said) => panic!("nothing was found: {said}"),
        Err(error) => format!("{error:#}"),
    }
}

async fn row(h: &Harness, chat: ConversationId, seq: Seq) -> anyhow::Result<String> {
    let mut database = h.database().await?;
    let query = sqlx::query("SELECT to_jsonb(e)::text AS row FROM conversation_events e WHERE conversation_id = $1 AND seq = $2");
    Ok(query.bind(chat.to_uuid()).bind(seq.to_i64()).fetch_one(&mut database).await?.get("row"))
}

#[tokio::test]
async fn a_row_that_is_missing_is_found_counted_and_projected_anew() -> TestResult {
    let h = start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut acks = Vec::new();
    for n in 0..5 {
        acks.push(ann.api.post_message(chat, &ulid_key(0), &text(&format!("message {n}"))).await?);
    }
    persisted(&h).await?;
    becomes(&h, "relay_audit_messages_compared_total", 5.0).await;
    becomes(&h, "relay_messages_unaccounted", 0.0).await;
    assert!(h.relayctl(&["verify"]).await?.contains("5 messages: the log and Postgres agree"));

    let gone = acks[2].seq;
    let (before, rows) = (row(&h, chat, gone).await?, conversation_rows(&h, chat).await?);
    let mut database = h.database().await?;
    let delete = sqlx::query("DELETE FROM conversation_events WHERE conversation_id = $1 AND seq = $2");
    delete.bind(chat.to_uuid()).bind(gone.to_i64()).execute(&mut database).await?;
    becomes(&h, "relay_messages_unaccounted", 1.0).await;
    let said = found(&h, &["verify"]).await;
    assert!(said.contains("missing_row: 1") && said.contains(&format!("0:{gone}")), "{said}");

    let said = h.relayctl(&["verify", "--repair"]).await?;
    assert!(said.contains("1 events that Postgres lacked"), "{said}");
    assert_eq!(row(&h, chat, gone).await?, before, "the row is as it was");
    assert_eq!(conversation_rows(&h, chat).await?, rows, "and so is the chain");
    assert_eq!(history(&bob.api, chat).await?.len(), 5);
    becomes(&h, "relay_messages_unaccounted", 0.0).await;
    h.finish().await
}

#[tokio::test]
async fn a_row_that_nobody_sent_is_found_and_never_deleted() -> TestResult {
    let h = start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    ann.api.post_message(chat, &ulid_key(0), &text("real")).await?;
    let last = ann.api.post_message(chat, &ulid_key(0), &text("real, too")).await?;
    persisted(&h).await?;
    let mut database = h.database().await?;
    // At the place of an event on a user's own subject, which has no row.
    let query = "INSERT INTO conversation_events
                     (conversation_id, seq, prev_seq, shard, kind, event_id, actor_id, client_id, body, decided_at_ms, at)
                 SELECT conversation_id, 1, prev_seq, shard, kind, gen_random_uuid(), actor_id, 'phantom', body, decided_at_ms, at
                 FROM conversation_events WHERE conversation_id = $1 AND seq = $2";
    sqlx::query(query).bind(chat.to_uuid()).bind(last.seq.to_i64()).execute(&mut database).await?;
    becomes(&h, "relay_messages_unaccounted", 1.0).await;
    assert!(found(&h, &["verify", "--repair"]).await.contains("phantom_row: 1"));
    assert_eq!(conversation_rows(&h, chat).await?.iter().filter(|(seq, _)| *seq == Seq(1)).count(), 1);

    // Being unable to look is no silence.
    becomes(&h, "relay_audit_blind_seconds", 0.0).await;
    sqlx::query("ALTER TABLE watermarks RENAME TO hidden").execute(&mut database).await?;
    wait_for("the audit is blind", LATE, || async {
        match metric(&h, "relay_audit_blind_seconds").await {
            Ok(seconds) if seconds > 2.0 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    sqlx::query("ALTER TABLE hidden RENAME TO watermarks").execute(&mut database).await?;
    becomes(&h, "relay_audit_blind_seconds", 0.0).await;
    becomes(&h, "relay_messages_unaccounted", 1.0).await;
    h.finish().await
}

#[tokio::test]
async fn a_projection_that_is_ahead_of_the_log_is_found() -> TestResult {
    let h = start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    ann.api.post_message(chat, &ulid_key(0), &text("real")).await?;
    persisted(&h).await?;
    let mut database = h.database().await?;
    sqlx::query("UPDATE watermarks SET seq = seq + 1000").execute(&mut database).await?;
    assert!(found(&h, &["verify"]).await.contains("log_too_short: 1"));
    becomes(&h, "relay_messages_unaccounted", 1.0).await;
    h.finish().await
}

#[tokio::test]
async fn an_unread_count_that_is_wrong_is_proven_and_repaired() -> TestResult {
    let h = start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    for n in 0..3 {
        ann.api.post_message(chat, &ulid_key(0), &text(&format!("message {n}"))).await?;
    }
    persisted(&h).await?;
    assert!(h.relayctl(&["verify", "unread"]).await?.contains("2 unread counts agree with the messages"));
    sqlx::query("UPDATE memberships SET sent_seq = joined_seq + 100 WHERE user_id = $1")
        .bind(bob.id().to_uuid())
        .execute(&mut h.database().await?)
        .await?;
    let said = found(&h, &["verify", "unread"]).await;
    assert!(said.contains(&format!("{} in {chat}: 0 instead of 3", bob.id())), "{said}");
    let said = h.relayctl(&["verify", "unread", "--repair"]).await?;
    assert!(said.contains("1 unread counts were repaired") && said.contains("2 unread counts agree"), "{said}");
    assert!(h.relayctl(&["verify", "unread", "--json"]).await?.contains(r#""wrong":0"#));
    h.finish().await
}

//! What is acknowledged is seen: over REST nothing is acknowledged, the first time or again, before what makes it true is in the
//! log; and what cannot go into the log holds up nothing else.

use std::time::Duration;

use relay_client::ClientError;
use relay_harness::{Harness, User, wait_for};
use relay_protocol::ErrorCode;
use relay_protocol::conversation::Role;
use relay_protocol::log::LogEvent;
use relay_types::{ConversationId, IdGen as _, Seq, SystemIds};
use sqlx::{Connection as _, PgConnection};

use super::support::{LATE, TestResult, code_of, direct, group, history, one_of_each_shard, text, text_of, title, ulid_key};
use super::witness::{log, persisted, sequences_of, stream};

/// Lets nobody publish what waits for a subject from now on, as a process does that hangs in the middle of publishing.
async fn seize(h: &Harness, kind: &str, target: sqlx::types::Uuid) -> anyhow::Result<PgConnection> {
    let mut database = h.database().await?;
    sqlx::query(
        r#"INSERT INTO outbox (subject_kind, shard, target_id, dedup_id, payload, retry_at)
           VALUES ($1, 0, $2, 'seized-' || $2::text, '{"type":"FROM_THE_FUTURE"}', now() + interval '1 day')"#,
    )
    .bind(kind)
    .bind(target)
    .execute(&mut database)
    .await?;
    assert_eq!(hold(&mut database, "seized-%").await?, 1);
    Ok(database)
}

/// Locks rows that are not published; says how many.
async fn hold(database: &mut PgConnection, dedup: &str) -> anyhow::Result<usize> {
    sqlx::query("BEGIN").execute(&mut *database).await?;
    let rows = sqlx::query("SELECT 1 FROM outbox WHERE dedup_id LIKE $1 AND published_seq IS NULL ORDER BY id FOR UPDATE");
    Ok(rows.bind(dedup).fetch_all(database).await?.len())
}

/// The row that stood before the others was of nobody.
async fn release(mut seized: PgConnection) -> TestResult {
    sqlx::query("DELETE FROM outbox WHERE dedup_id LIKE 'seized-%'").execute(&mut seized).await?;
    sqlx::query("COMMIT").execute(&mut seized).await?;
    Ok(seized.close().await?)
}

/// Where the log has what satisfies `wish`.
async fn sequences(h: &Harness, wish: impl Fn(&LogEvent) -> bool) -> anyhow::Result<Vec<Seq>> {
    Ok(log(h, 0).await?.into_iter().filter(|(_, event)| wish(event)).map(|(seq, _)| seq).collect())
}

/// Refused for now: the change may be decided, and nobody may take it for done.
fn for_now<T: std::fmt::Debug>(result: Result<T, ClientError>) {
    match result {
        Err(ClientError::Refused(problem)) if problem.status == 503 && problem.retryable => {}
        other => panic!("a refusal for now was expected, not {other:?}"),
    }
}

/// Repeats a call that is refused for now until it succeeds.
async fn at_last<T>(what: &str, call: impl AsyncFn() -> Result<T, ClientError>) -> T {
    wait_for(what, LATE, async || call().await.map_err(|error| format!("{error}"))).await
}

#[tokio::test]
async fn over_rest_nothing_is_acknowledged_before_what_makes_it_visible() -> TestResult {
    let h = Harness::builder().config("postgres", "statement_timeout_ms = 2000").expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    direct(&ann, &bob).await?;
    let chat = group(&ann, &[]).await?;
    a_post_waits_for_its_senders_joining(&h, &ann, &bob, chat).await?;
    a_repeated_change_waits_like_the_first(&h, &ann, &bob, chat).await?;
    a_repeated_end_of_a_session_waits_like_the_first(&h, &ann).await?;
    a_removal_waits_for_the_posts_before_it(&h, &ann, &bob, chat).await?;
    h.finish().await
}

async fn a_post_waits_for_its_senders_joining(h: &Harness, ann: &User, bob: &User, chat: ConversationId) -> TestResult {
    // Nothing is projected from here on: history is completed from the log.
    persisted(h).await?;
    h.worker().pause();
    ann.api.post_message(chat, &ulid_key(0), &text("before you came")).await?;
    let seized = seize(h, "c", chat.to_uuid()).await?;
    // Decided, and on its way.
    for_now(ann.api.add_member(chat, bob.id()).await);
    assert_eq!(history(&bob.api, chat).await?, vec![], "as far as the log says, they have not come in yet");
    let (key, body) = (ulid_key(0), text("am I seen?"));
    assert_eq!(code_of(bob.api.post_message(chat, &key, &body).await), ErrorCode::Unavailable);
    assert_eq!(sequences_of(h, &key).await?, vec![], "nothing was stored");
    release(seized).await?;
    let ack = at_last("the post", async || bob.api.post_message(chat, &key, &body).await).await;
    let joined = sequences(h, |event| matches!(event, LogEvent::MemberAdded(added) if added.user_id == bob.id())).await?;
    assert!(joined.len() == 1 && joined[0] < ack.seq, "{joined:?} before {}", ack.seq);
    for projected in [false, true] {
        if projected {
            h.worker().resume();
            persisted(h).await?;
        }
        for (user, wanted) in [(ann, ["before you came", "am I seen?"].as_slice()), (bob, &["am I seen?"])] {
            let page = history(&user.api, chat).await?;
            assert_eq!(page.iter().map(text_of).collect::<Vec<_>>(), wanted, "projected: {projected}");
        }
    }
    Ok(())
}

async fn a_repeated_change_waits_like_the_first(h: &Harness, ann: &User, bob: &User, chat: ConversationId) -> TestResult {
    let seized = seize(h, "c", chat.to_uuid()).await?;
    let attic = title("attic");
    for _first_and_again in 0..2 {
        let (renamed, promoted) = tokio::join!(ann.api.rename(chat, &attic), ann.api.set_role(chat, bob.id(), Role::Admin));
        for_now(renamed);
        for_now(promoted);
    }
    for _first_and_again in 0..2 {
        for_now(ann.api.remove_member(chat, bob.id()).await);
    }
    for _first_and_again in 0..2 {
        for_now(ann.api.add_member(chat, bob.id()).await);
    }
    release(seized).await?;
    at_last("the last repetition", async || ann.api.add_member(chat, bob.id()).await).await;
    let changes: Vec<_> =
        log(h, 0).await?.into_iter().rev().map(|(_, event)| event.name().to_owned()).filter(|name| name != "MESSAGE_SENT").collect();
    let changes: Vec<_> = changes.into_iter().filter(|name| !name.starts_with("CONVERSATION_J") && name != "CONVERSATION_LEFT").collect();
    let mut last = changes[..4].to_vec();
    last.sort_unstable();
    assert_eq!(last, ["CONVERSATION_RENAMED", "MEMBER_ADDED", "MEMBER_REMOVED", "ROLE_CHANGED"], "each once");
    Ok(())
}

async fn a_repeated_end_of_a_session_waits_like_the_first(h: &Harness, ann: &User) -> TestResult {
    let (lost, leaving) = (ann.log_in("lost phone").await?, ann.log_in("leaving").await?);
    let seized = seize(h, "u", ann.id().to_uuid()).await?;
    for _first_and_again in 0..2 {
        let (revoked, left) = tokio::join!(ann.api.revoke(lost.session_id()), leaving.api.logout());
        for_now(revoked);
        for_now(left);
    }
    release(seized).await?;
    at_last("the revocation", async || ann.api.revoke(lost.session_id()).await).await;
    at_last("the log-out", async || leaving.api.logout().await).await;
    for session in [lost.session_id(), leaving.session_id()] {
        let ended = sequences(h, |event| matches!(event, LogEvent::SessionRevoked(ended) if ended.session_id == session)).await?;
        assert_eq!(ended.len(), 1);
    }
    assert_eq!(code_of(leaving.api.me().await), ErrorCode::SessionRevoked);

    // Whoever ends all is over as well: they are told so when the log has it.
    let eve = h.user("eve").await?;
    let everywhere = h.api_client()?.with_token(eve.device.access_token().clone());
    let seized = seize(h, "u", eve.id().to_uuid()).await?;
    for _first_and_again in 0..2 {
        for_now(everywhere.logout_everywhere().await);
    }
    release(seized).await?;
    wait_for("the end of all sessions", LATE, async || match everywhere.logout_everywhere().await {
        Err(ClientError::Refused(problem)) if problem.code == ErrorCode::SessionRevoked => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    let ended = sequences(h, |event| matches!(event, LogEvent::SessionRevoked(ended) if ended.user_id == eve.id())).await?;
    assert_eq!(ended.len(), 1);
    Ok(())
}

async fn a_removal_waits_for_the_posts_before_it(h: &Harness, ann: &User, bob: &User, chat: ConversationId) -> TestResult {
    for round in 0..5 {
        let talk = async || {
            let mut acks = Vec::new();
            for n in 0..60 {
                let key = ulid_key(0);
                match bob.api.post_message(chat, &key, &text(&format!("{round} {n}"))).await {
                    Ok(ack) => acks.push((key, ack)),
                    Err(ClientError::Refused(problem)) if problem.code == ErrorCode::NotMember => return Ok(acks),
                    Err(error) => return Err(anyhow::anyhow!("{error}")),
                }
            }
            anyhow::bail!("never refused")
        };
        let removal = async {
            tokio::time::sleep(Duration::from_millis(20 * (round + 1))).await;
            ann.api.remove_member(chat, bob.id()).await
        };
        let (one, two, three, removed) = tokio::join!(talk(), talk(), talk(), removal);
        removed?;
        let acks = [one?, two?, three?].concat();
        let removals = sequences(h, |event| matches!(event, LogEvent::MemberRemoved(removed) if removed.user_id == bob.id())).await?;
        let removed_at = removals.last().copied().unwrap_or_default();
        let late: Vec<Seq> = acks.iter().map(|(_, ack)| ack.seq).filter(|seq| *seq > removed_at).collect();
        assert_eq!(late, vec![], "acknowledged after the removal at {removed_at}, of {} acks", acks.len());
        // What was acknowledged stays so for its sender, who may say nothing new.
        if let Some((key, ack)) = acks.last() {
            let again = at_last("the retry", async || bob.api.post_message(chat, key, &text("a retry")).await).await;
            assert_eq!((again.message_id, again.seq), (ack.message_id, ack.seq));
        }
        assert_eq!(code_of(bob.api.post_message(chat, &ulid_key(0), &text("new")).await), ErrorCode::NotMember);
        ann.api.add_member(chat, bob.id()).await?;
    }
    Ok(())
}

/// The value of one of a process' metrics.
fn metric(metrics: anyhow::Result<String>, name: &str) -> Result<String, String> {
    let metrics = metrics.map_err(|error| format!("{error:#}"))?;
    let line = metrics.lines().find(|line| line.starts_with(name)).ok_or_else(|| format!("no {name}"))?;
    Ok(line.rsplit(' ').next().unwrap_or_default().to_owned())
}

/// How many of these outbox rows are in the log.
async fn published(h: &Harness, like: &str) -> Result<i64, String> {
    let mut database = h.database().await.map_err(|error| format!("{error:#}"))?;
    let query = sqlx::query_scalar("SELECT count(*) FROM outbox WHERE dedup_id LIKE $1 AND published_seq IS NOT NULL").bind(like);
    query.fetch_one(&mut database).await.map_err(|error| format!("{error}"))
}

/// What is behind on one shard neither delays nor spoils reads of another.
async fn a_reader_waits_for_its_conversations_shard_only(h: &Harness, zero: &User, one: &User) -> TestResult {
    let (slow, quick) = (group(zero, &[]).await?, group(one, &[]).await?);
    persisted(h).await?;
    let mut database = h.database().await?;
    let mut blocker = database.begin().await?;
    sqlx::query("SELECT seq FROM watermarks WHERE shard = 0 FOR UPDATE").fetch_one(&mut *blocker).await?;
    let stale = async || metric(h.api().metrics().await, "relay_stale_reads_total").map_err(anyhow::Error::msg);
    let before = stale().await?;
    for (user, chat) in [(zero, slow), (one, quick)] {
        user.api.post_message(chat, &ulid_key(0), &text("just now")).await?;
    }
    assert_eq!(history(&one.api, quick).await?.len(), 1);
    assert_eq!(stale().await?, before, "shard 0 was not asked for");
    assert_eq!(history(&zero.api, slow).await?.len(), 1, "completed from the log");
    assert_ne!(stale().await?, before);
    blocker.rollback().await?;
    Ok(())
}

#[tokio::test]
async fn what_cannot_go_into_the_log_holds_up_nothing_else_and_is_shown_to_the_operator() -> TestResult {
    let builder = Harness::builder().shards(2).config("postgres", "statement_timeout_ms = 2000");
    let h = builder.config("worker", "outbox_age_ms = 200").expect_errors().start().await?;
    let [ann, other] = one_of_each_shard(&h).await?;
    a_reader_waits_for_its_conversations_shard_only(&h, &ann, &other).await?;

    // Of shard 1 nothing can be published; of shard 0 the oldest cannot.
    let ids = SystemIds::default();
    let (mut database, mut holder) = (h.database().await?, h.database().await?);
    for (shard, count, dedup) in [(1_u16, 8, "stuck"), (0, 1, "stuck"), (0, 3, "free")] {
        for n in 0..count {
            let target: ConversationId = ConversationId::new(ids.next_ulid());
            sqlx::query(
                r#"INSERT INTO outbox (subject_kind, shard, target_id, dedup_id, payload, created_at, retry_at)
                   VALUES ('c', $1, $2, $3, '{"type":"FROM_THE_FUTURE"}', now() - interval '1 minute', now() + interval '3 seconds')"#,
            )
            .bind(i32::from(shard))
            .bind(target.to_uuid())
            .bind(format!("{dedup}-{shard}-{n}"))
            .execute(&mut database)
            .await?;
        }
    }
    assert_eq!(hold(&mut holder, "stuck-%").await?, 9, "all of them, before they are due");
    wait_for("what is behind others in the outbox", Duration::from_secs(30), async || match published(&h, "free-%").await {
        Ok(3) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    assert_eq!(published(&h, "stuck-%").await, Ok(0));
    holder.close().await?;
    wait_for("the rest, once it can", LATE, async || match published(&h, "stuck-%").await {
        Ok(9) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;

    // The log takes no long titles for a while.
    let (chat, well) = (group(&ann, &[]).await?, group(&ann, &[]).await?);
    let bob = h.user("bob").await?;
    direct(&ann, &bob).await?;
    let mut config = stream(&h, 0).await?.cached_info().config.clone();
    let usual = config.max_message_size;
    config.max_message_size = 500;
    let jetstream = async_nats::jetstream::new(h.nats_client().await?);
    jetstream.update_stream(&config).await?;
    let long = title(&"🐘".repeat(90));
    assert_eq!(code_of(ann.api.rename(chat, &long).await), ErrorCode::Internal);
    // An order with a hole is no order.
    for_now(ann.api.add_member(chat, bob.id()).await);
    assert_eq!(code_of(bob.api.post_message(chat, &ulid_key(0), &text("too early")).await), ErrorCode::Unavailable);
    ann.api.rename(well, &title("attic")).await?;
    wait_for("the metric", LATE, async || match metric(h.worker().metrics().await, "relay_outbox_parked{shard=\"0\"}") {
        Ok(value) if value == "1" => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    let shown = h.relayctl(&["outbox", "list"]).await.expect_err("there are some").to_string();
    assert!(shown.contains("parked") && shown.contains(&chat.to_string()) && shown.contains("1 behind it"), "{shown}");
    assert!(h.relayctl(&["outbox", "redrive", "0"]).await.is_err());

    config.max_message_size = usual;
    jetstream.update_stream(&config).await?;
    assert!(h.relayctl(&["outbox", "redrive", "--all"]).await?.contains("1 events"));
    at_last("the added member's post", async || bob.api.post_message(chat, &ulid_key(0), &text("here")).await).await;
    let of_chat = log(&h, 0).await?.into_iter().filter(|(_, event)| event.conversation() == Some(chat));
    let names: Vec<_> = of_chat.map(|(_, event)| event.name().to_owned()).collect();
    assert_eq!(names[..3], ["CONVERSATION_CREATED", "CONVERSATION_RENAMED", "MEMBER_ADDED"]);
    assert!(h.relayctl(&["outbox", "list"]).await?.contains("in the log"));
    h.finish().await
}

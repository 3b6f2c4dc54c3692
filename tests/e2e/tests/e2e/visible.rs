//! What is acknowledged is seen: over REST nothing is acknowledged, the first time or again, before what makes it true is in the
//! log; and what cannot go into the log holds up nothing else.

use std::time::Duration;

use relay_harness::{Harness, User, wait_for};
use relay_protocol::ErrorCode;
use relay_protocol::log::LogEvent;
use relay_protocol::message::Role;
use relay_types::{ConversationId, IdGen as _, Seq, SystemIds};
use sqlx::{Connection as _, PgConnection};

use super::support::{LATE, TestResult, code_of, group, history, text, text_of, title, ulid_key};
use super::witness::{log, persisted, places_of, stream};

/// Lets nobody publish what waits for a subject, as a process does that hangs in the middle of publishing. Until it is dropped.
async fn seize(h: &Harness, kind: &str, shard: u16, target: &str) -> anyhow::Result<PgConnection> {
    let mut database = h.database().await?;
    let name = format!("outbox.{kind}.{shard}.{target}");
    sqlx::query("SELECT pg_advisory_lock(hashtextextended($1, 0))").bind(name).execute(&mut database).await?;
    Ok(database)
}

async fn release(seized: PgConnection) -> TestResult {
    Ok(seized.close().await?)
}

/// Where the log has what satisfies `wish`.
async fn places(h: &Harness, wish: impl Fn(&LogEvent) -> bool) -> anyhow::Result<Vec<Seq>> {
    Ok(log(h, 0).await?.into_iter().filter(|(_, event)| wish(event)).map(|(seq, _)| seq).collect())
}

/// Repeats a call that is refused for now until it succeeds.
async fn at_last<T>(what: &str, call: impl AsyncFn() -> Result<T, relay_client::ClientError>) -> T {
    wait_for(what, LATE, async || call().await.map_err(|error| format!("{error}"))).await
}

#[tokio::test]
async fn over_rest_nothing_is_acknowledged_before_what_makes_it_visible() -> TestResult {
    let h = Harness::builder().config("postgres", "statement_timeout_ms = 2000").expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = group(&ann, &[]).await?;
    a_post_waits_for_its_senders_joining(&h, &ann, &bob, chat).await?;
    a_repeated_change_waits_like_the_first(&h, &ann, &bob, chat).await?;
    a_repeated_end_of_a_session_waits_like_the_first(&h, &ann).await?;
    a_removal_waits_for_the_posts_before_it(&h, &ann, &bob, chat).await?;
    h.finish().await
}

async fn a_post_waits_for_its_senders_joining(h: &Harness, ann: &User, bob: &User, chat: ConversationId) -> TestResult {
    let seized = seize(h, "c", 0, &chat.to_uuid().to_string()).await?;
    // Decided, and on its way.
    assert_eq!(code_of(ann.api.add_member(chat, bob.id()).await), ErrorCode::Unavailable);
    let (key, body) = (ulid_key(0), text("am I seen?"));
    assert_eq!(code_of(bob.api.post_message(chat, &key, &body).await), ErrorCode::Unavailable);
    assert_eq!(places_of(h, &key).await?, vec![], "nothing was stored");
    assert!(history(&bob.api, chat).await?.is_empty());
    release(seized).await?;
    let ack = at_last("the post", async || bob.api.post_message(chat, &key, &body).await).await;
    let joined = places(h, |event| matches!(event, LogEvent::MemberAdded(added) if added.user_id == bob.id())).await?;
    assert!(joined.len() == 1 && joined[0] < ack.seq, "{joined:?} before {}", ack.seq);
    persisted(h).await?;
    for user in [ann, bob] {
        let texts: Vec<_> = history(&user.api, chat).await?.iter().map(text_of).map(str::to_owned).collect();
        assert_eq!(texts, ["am I seen?"]);
    }
    Ok(())
}

async fn a_repeated_change_waits_like_the_first(h: &Harness, ann: &User, bob: &User, chat: ConversationId) -> TestResult {
    let seized = seize(h, "c", 0, &chat.to_uuid().to_string()).await?;
    let attic = title("attic");
    for times in ["first", "again"] {
        let (renamed, promoted) = tokio::join!(ann.api.rename(chat, &attic), ann.api.set_role(chat, bob.id(), Role::Admin));
        assert_eq!((code_of(renamed), code_of(promoted)), (ErrorCode::Unavailable, ErrorCode::Unavailable), "{times}");
    }
    for times in ["first", "again"] {
        assert_eq!(code_of(ann.api.remove_member(chat, bob.id()).await), ErrorCode::Unavailable, "{times}");
    }
    for times in ["first", "again"] {
        assert_eq!(code_of(ann.api.add_member(chat, bob.id()).await), ErrorCode::Unavailable, "{times}");
    }
    release(seized).await?;
    at_last("the last repetition", async || ann.api.add_member(chat, bob.id()).await).await;
    let changes: Vec<_> =
        log(h, 0).await?.into_iter().rev().map(|(_, event)| event.name()).filter(|name| *name != "MESSAGE_SENT").collect();
    let changes: Vec<_> = changes.into_iter().filter(|name| !name.starts_with("CONVERSATION_J") && *name != "CONVERSATION_LEFT").collect();
    let mut last = changes[..4].to_vec();
    last.sort_unstable();
    assert_eq!(last, ["CONVERSATION_RENAMED", "MEMBER_ADDED", "MEMBER_REMOVED", "ROLE_CHANGED"], "each once");
    Ok(())
}

async fn a_repeated_end_of_a_session_waits_like_the_first(h: &Harness, ann: &User) -> TestResult {
    let (lost, leaving) = (ann.log_in("lost phone").await?, ann.log_in("leaving").await?);
    let seized = seize(h, "u", 0, &ann.id().to_uuid().to_string()).await?;
    for times in ["first", "again"] {
        let (revoked, left) = tokio::join!(ann.api.revoke(lost.session_id()), leaving.api.logout());
        assert_eq!((code_of(revoked), code_of(left)), (ErrorCode::Unavailable, ErrorCode::Unavailable), "{times}");
    }
    release(seized).await?;
    at_last("the revocation", async || ann.api.revoke(lost.session_id()).await).await;
    at_last("the log-out", async || leaving.api.logout().await).await;
    for session in [lost.session_id(), leaving.session_id()] {
        let ended = places(h, |event| matches!(event, LogEvent::SessionRevoked(ended) if ended.session_id == session)).await?;
        assert_eq!(ended.len(), 1);
    }
    assert_eq!(code_of(leaving.api.me().await), ErrorCode::SessionRevoked);
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
                    Err(relay_client::ClientError::Refused(problem)) if problem.code == ErrorCode::NotMember => return Ok(acks),
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
        let removals = places(h, |event| matches!(event, LogEvent::MemberRemoved(removed) if removed.user_id == bob.id())).await?;
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

/// The value of a metric of the worker.
async fn metric(h: &Harness, name: &str) -> Result<String, String> {
    let metrics = h.worker().metrics().await.map_err(|error| format!("{error:#}"))?;
    let line = metrics.lines().find(|line| line.starts_with(name)).ok_or_else(|| format!("no {name}"))?;
    Ok(line.rsplit(' ').next().unwrap_or_default().to_owned())
}

/// How many of these outbox rows are in the log.
async fn published(h: &Harness, like: &str) -> Result<i64, String> {
    let mut database = h.database().await.map_err(|error| format!("{error:#}"))?;
    let query = sqlx::query_scalar("SELECT count(*) FROM outbox WHERE dedup_id LIKE $1 AND published_seq IS NOT NULL").bind(like);
    query.fetch_one(&mut database).await.map_err(|error| format!("{error}"))
}

#[tokio::test]
async fn what_cannot_go_into_the_log_holds_up_nothing_else_and_is_shown_to_the_operator() -> TestResult {
    let builder = Harness::builder().shards(2).config("postgres", "statement_timeout_ms = 2000");
    let h = builder.config("worker", "outbox_age_ms = 200").expect_errors().start().await?;
    let mut ann = h.user("ann").await?;
    for name in ["ben", "cat", "dan", "eva", "fay", "gil"] {
        let mut database = h.database().await?;
        let home: i32 =
            sqlx::query_scalar("SELECT home_shard FROM users WHERE user_id = $1").bind(ann.id().to_uuid()).fetch_one(&mut database).await?;
        if home == 0 {
            break;
        }
        ann = h.user(name).await?;
    }

    // Of shard 1 nothing can be published; of shard 0 the oldest cannot.
    let ids = SystemIds::default();
    let mut seized = Vec::new();
    let mut database = h.database().await?;
    for (shard, count, dedup) in [(1_u16, 8, "stuck"), (0, 1, "stuck"), (0, 3, "free")] {
        for n in 0..count {
            let target: ConversationId = ConversationId::new(ids.next_ulid());
            if dedup == "stuck" {
                seized.push(seize(&h, "c", shard, &target.to_uuid().to_string()).await?);
            }
            sqlx::query(
                r#"INSERT INTO outbox (subject_kind, shard, target_id, dedup_id, payload, created_at)
                   VALUES ('c', $1, $2, $3, '{"type":"FROM_THE_FUTURE"}', now() - interval '1 minute')"#,
            )
            .bind(i32::from(shard))
            .bind(target.to_uuid())
            .bind(format!("{dedup}-{shard}-{n}"))
            .execute(&mut database)
            .await?;
        }
    }
    wait_for("what is behind others in the outbox", Duration::from_secs(30), async || match published(&h, "free-%").await {
        Ok(3) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    assert_eq!(published(&h, "stuck-%").await, Ok(0));
    for connection in seized {
        release(connection).await?;
    }
    wait_for("the rest, once it can", LATE, async || match published(&h, "stuck-%").await {
        Ok(9) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;

    // The log takes no long titles for a while.
    let (chat, other) = (group(&ann, &[]).await?, group(&ann, &[]).await?);
    let bob = h.user("bob").await?;
    let mut config = stream(&h, 0).await?.cached_info().config.clone();
    let usual = config.max_message_size;
    config.max_message_size = 500;
    let jetstream = async_nats::jetstream::new(h.nats_client().await?);
    jetstream.update_stream(&config).await?;
    let long = title(&"🐘".repeat(90));
    assert_eq!(code_of(ann.api.rename(chat, &long).await), ErrorCode::Internal);
    assert_eq!(code_of(ann.api.add_member(chat, bob.id()).await), ErrorCode::Unavailable, "an order with a hole is no order");
    assert_eq!(code_of(bob.api.post_message(chat, &ulid_key(0), &text("too early")).await), ErrorCode::Unavailable);
    ann.api.rename(other, &title("attic")).await?;
    wait_for("the metric", LATE, async || match metric(&h, "relay_outbox_parked{shard=\"0\"}").await {
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
    let names: Vec<_> = of_chat.map(|(_, event)| event.name()).collect();
    assert_eq!(names[..3], ["CONVERSATION_CREATED", "CONVERSATION_RENAMED", "MEMBER_ADDED"]);
    assert!(h.relayctl(&["outbox", "list"]).await?.contains("in the log"));
    h.finish().await
}

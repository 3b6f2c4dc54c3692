//! Users who are away for long, and come back: their durable consumers go, and count afterwards as if they had been there.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use relay_client::{Event, MemoryStore, RealtimeConfig};
use relay_harness::{Harness, User, wait_for};
use relay_types::{Seq, ShardId, UserId};
use sqlx::Row as _;

use super::support::{Client, LATE, Socket, TestResult, direct, group, history, text, text_of, ulid_key};
use super::witness::{durable, log_end, log_with_subjects, persisted};

/// As if nobody had seen them, nor their devices, for so many days.
async fn away(h: &Harness, user: UserId, days: i32) -> TestResult {
    let mut database = h.database().await?;
    let users = "UPDATE users SET seen_at = now() - make_interval(days => $2) WHERE user_id = $1 AND seen_at IS NOT NULL";
    let sessions = "UPDATE sessions SET last_used_at = now() - make_interval(days => $2), in_use_until = NULL WHERE user_id = $1";
    for sql in [users, sessions] {
        sqlx::query(sql).bind(user.to_uuid()).bind(days).execute(&mut database).await?;
    }
    Ok(())
}

/// The next walk over everybody is due.
async fn walk(h: &Harness) -> TestResult {
    sqlx::query("UPDATE durable_walks SET ended_at = NULL").execute(&mut h.database().await?).await?;
    Ok(())
}

async fn is_retired(h: &Harness, user: UserId) -> anyhow::Result<bool> {
    let row = sqlx::query("SELECT retired_at IS NOT NULL AND seen_at IS NULL AS retired FROM users WHERE user_id = $1");
    Ok(row.bind(user.to_uuid()).fetch_one(&mut h.database().await?).await?.get("retired"))
}

/// Waits until the user is retired and has no durable consumer.
async fn retired(h: &Harness, user: UserId) -> TestResult {
    wait_for("the user to be retired", LATE, || async {
        // A round that is under way may have passed them.
        walk(h).await.map_err(|error| format!("{error:#}"))?;
        match (is_retired(h, user).await, durable(h, 0, user).await) {
            (Ok(true), Err(_)) => Ok(()),
            found => Err(format!("{found:?}")),
        }
    })
    .await;
    Ok(())
}

/// What the log has for the user behind `floor`: of their own and of what their durable consumer names.
async fn missed(h: &Harness, floor: Seq, filters: &[String]) -> anyhow::Result<u64> {
    let events = log_with_subjects(h, 0).await?;
    Ok(events.iter().filter(|(seq, subject, _)| *seq > floor && filters.contains(subject)).count() as u64)
}

/// Waits until the user's durable consumer is there, and names `conversations`. How much it counts, and what it names.
async fn back(h: &Harness, user: UserId, conversations: usize) -> (u64, Vec<String>) {
    wait_for("the durable consumer to be back", LATE, || async {
        match durable(h, 0, user).await {
            Ok((pending, filters)) if filters.len() == conversations + 1 => Ok((pending, filters)),
            found => Err(format!("{found:?}")),
        }
    })
    .await
}

async fn floor(h: &Harness, user: UserId) -> anyhow::Result<Seq> {
    let row = sqlx::query("SELECT seq FROM consumer_floors WHERE user_id = $1 AND shard = 0").bind(user.to_uuid());
    Ok(Seq::from_i64(row.fetch_one(&mut h.database().await?).await?.get("seq")))
}

/// Is online until everything there is was received, and says so.
async fn visit(h: &Harness, user: &User, store: &Arc<MemoryStore>) -> anyhow::Result<Vec<String>> {
    let config = RealtimeConfig { report_interval: Duration::from_millis(50), ..RealtimeConfig::new(h.gateway_url(0)) };
    let mut client = Client::new(user.device.connect_with(config, Arc::clone(store) as _).await?);
    let mut seen = Vec::new();
    loop {
        match client.next().await? {
            Event::CaughtUp { .. } => break,
            Event::Message(message) => seen.push(text_of(&message).to_owned()),
            _ => {}
        }
    }
    client.events.mark_handled();
    client.sdk.close().await;
    Ok(seen)
}

async fn pending_is(h: &Harness, user: &User, wanted: u64) {
    wait_for(&format!("{wanted} pending"), LATE, || async {
        match durable(h, 0, user.id()).await {
            Ok((pending, _)) if pending == wanted => Ok(()),
            found => Err(format!("{found:?}")),
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_comes_back_after_months_finds_everything_and_the_exact_count() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = group(&ann, &[&bob]).await?;
    back(&h, bob.id(), 1).await;
    back(&h, ann.id(), 1).await;
    let store = Arc::new(MemoryStore::default());
    visit(&h, &bob, &store).await?;
    pending_is(&h, &bob, 0).await;
    ann.api.post_message(chat, &ulid_key(0), &text("before 0")).await?;
    ann.api.post_message(chat, &ulid_key(0), &text("before 1")).await?;
    pending_is(&h, &bob, 2).await;

    away(&h, bob.id(), 31).await?;
    retired(&h, bob.id()).await?;
    let stood = floor(&h, bob.id()).await?;
    assert!(!is_retired(&h, ann.id()).await?);
    for n in 0..5 {
        ann.api.post_message(chat, &ulid_key(0), &text(&format!("meanwhile {n}"))).await?;
    }
    // What happens to them meanwhile makes none: nobody waits for it.
    let other = group(&ann, &[&h.user("cat").await?]).await?;
    let unseen = ann.api.add_member(other, bob.id()).await?;
    walk(&h).await?;
    let end = log_end(&h).await?;

    let tablet = bob.log_in("tablet").await?;
    if unseen.invited.contains(&bob.id()) {
        tablet.api.accept(other).await?;
    }
    assert!(!is_retired(&h, bob.id()).await?);
    let (_, filters) = back(&h, bob.id(), 2).await;
    let expected = missed(&h, stood, &filters).await?;
    assert!(expected >= 7, "{expected}: seven messages, and what concerns bob himself");
    pending_is(&h, &bob, expected).await;

    let seen = visit(&h, &bob, &store).await?;
    let all: Vec<String> = (0..2).map(|n| format!("before {n}")).chain((0..5).map(|n| format!("meanwhile {n}"))).collect();
    assert_eq!(seen, all, "the device that had been there goes on where it was");
    assert!(log_end(&h).await? > end);
    persisted(&h).await?;
    let texts: Vec<String> = history(&tablet.api, chat).await?.iter().map(|message| text_of(message).to_owned()).collect();
    assert_eq!(texts, all);
    pending_is(&h, &bob, 0).await;

    // A device that still has a token comes back by itself.
    away(&h, bob.id(), 31).await?;
    retired(&h, bob.id()).await?;
    let stood = floor(&h, bob.id()).await?;
    ann.api.post_message(chat, &ulid_key(0), &text("meanwhile, again")).await?;
    h.api_client()?.refresh(&tablet.tokens.refresh_token).await?;
    let (_, filters) = back(&h, bob.id(), 2).await;
    pending_is(&h, &bob, missed(&h, stood, &filters).await?).await;
    // At once: the message is there before anything else happens to the consumer.
    ann.api.post_message(chat, &ulid_key(0), &text("and live")).await?;
    assert_eq!(visit(&h, &bob, &store).await?, ["meanwhile, again", "and live"]);
    pending_is(&h, &bob, 0).await;
    h.finish().await
}

#[tokio::test]
async fn whoever_is_connected_keeps_their_durable_consumer() -> TestResult {
    let h = Harness::shared().await?;
    let ann = h.user("ann").await?;
    back(&h, ann.id(), 0).await;
    let set = async |sql: &'static str| -> TestResult {
        sqlx::query(sql).bind(ann.id().to_uuid()).execute(&mut h.database().await?).await?;
        Ok(())
    };
    let becomes_true = async |what: &str, sql: &'static str| {
        wait_for(what, LATE, || async {
            let mut database = h.database().await.map_err(|error| format!("{error:#}"))?;
            match sqlx::query_scalar::<_, Option<bool>>(sql).bind(ann.id().to_uuid()).fetch_one(&mut database).await {
                Ok(Some(true)) => Ok(()),
                found => Err(format!("{found:?}")),
            }
        })
        .await;
    };
    // A session that was refreshed long ago, and is connected.
    set("UPDATE sessions SET last_used_at = now() - interval '31 days' WHERE user_id = $1").await?;
    let mut socket = Socket::live(&h, 0, &ann.device, None).await?;
    becomes_true("the gateway to say that it is in use", "SELECT last_used_at > now() - interval '1 day' FROM sessions WHERE user_id = $1")
        .await;
    set("UPDATE users SET seen_at = now() - interval '31 days' WHERE user_id = $1").await?;
    walk(&h).await?;
    becomes_true("the walk to note that they were seen", "SELECT seen_at > now() - interval '1 day' FROM users WHERE user_id = $1").await;
    assert!(!is_retired(&h, ann.id()).await?);
    back(&h, ann.id(), 0).await;
    let chat = group(&ann, &[]).await?;
    socket.post(chat, &ulid_key(0), "still here").await?;
    h.finish().await
}

#[tokio::test]
async fn a_log_that_begins_anew_counts_from_its_beginning_for_whoever_was_away() -> TestResult {
    let h = Harness::builder().expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    for user in [&ann, &bob] {
        back(&h, user.id(), 1).await;
    }
    ann.api.post_message(chat, &ulid_key(0), &text("in the old log")).await?;
    away(&h, bob.id(), 31).await?;
    retired(&h, bob.id()).await?;
    persisted(&h).await?;

    jetstream::new(h.nats_client().await?).delete_stream(relay_subjects::stream(ShardId(0))).await?;
    h.relayctl(&["log", "reseed", "--shard", "0", "--yes"]).await?;
    wait_for("the gateway to notice", LATE, || std::future::ready(if h.gateway(0).is_running() { Err("it runs") } else { Ok(()) })).await;
    h.gateway(0).restart().await?;
    for n in 0..3 {
        ann.api.post_message(chat, &ulid_key(0), &text(&format!("in the new log {n}"))).await?;
    }
    // Who was here is counted for from the new log's beginning, too.
    let (_, filters) = back(&h, ann.id(), 1).await;
    pending_is(&h, &ann, missed(&h, Seq::ZERO, &filters).await?).await;
    assert!(durable(&h, 0, bob.id()).await.is_err(), "a retired user gets none because a log was lost");
    bob.log_in("again").await?;
    let (_, filters) = back(&h, bob.id(), 1).await;
    let expected = missed(&h, Seq::ZERO, &filters).await?;
    assert!(expected >= 3, "{expected}");
    pending_is(&h, &bob, expected).await;
    assert_eq!(history(&bob.api, chat).await?.len(), 4, "what the old log had is in history");
    let store = Arc::new(MemoryStore::default());
    visit(&h, &bob, &store).await?;
    pending_is(&h, &bob, 0).await;
    h.finish().await
}

#[tokio::test]
async fn people_chat_when_no_place_is_left_for_durable_consumers() -> TestResult {
    let h = Harness::builder().config("topology", "max_consumers_per_shard = 108\nreserved_consumers = 100").start().await?;
    let people = super::support::people(&h, "guest", 8).await?;
    let metric = async |name: &str| {
        let metrics = h.worker().metrics().await.map_err(|error| format!("{error:#}"))?;
        let line = metrics.lines().find(|line| line.starts_with(name)).ok_or_else(|| format!("no {name}"))?;
        line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()).ok_or_else(|| line.to_owned())
    };
    wait_for("no place to be left", LATE, || async {
        match (metric("relay_consumer_places_left").await, metric("relay_user_consumers_refused_total").await) {
            (Ok(left), Ok(refused)) if left < 0.5 && refused > 0.5 => Ok(()),
            found => Err(format!("{found:?}")),
        }
    })
    .await;
    assert!(h.relayctl(&["doctor"]).await?.contains("takes no more of users"));
    let (first, last) = (&people[0], &people[7]);
    let chat = group(first, &[last]).await?;
    let mut socket = Socket::live(&h, 0, &last.device, None).await?;
    first.api.post_message(chat, &ulid_key(0), &text("all the same")).await?;
    socket.message_or_seen("all the same").await?;
    // Tails are opened in the places that are kept.
    h.gateway(0).restart().await?;
    let mut socket = Socket::live(&h, 0, &last.device, None).await?;
    first.api.post_message(chat, &ulid_key(0), &text("also afterwards")).await?;
    socket.message_or_seen("also afterwards").await?;
    h.finish().await
}

#[tokio::test]
async fn the_audit_misses_durable_consumers_of_whoever_was_seen_and_of_nobody_else() -> TestResult {
    let h = Harness::start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    for user in [&ann, &bob] {
        back(&h, user.id(), 0).await;
    }
    away(&h, bob.id(), 31).await?;
    retired(&h, bob.id()).await?;
    h.account("never").await?;
    persisted(&h).await?;
    let said = h.relayctl(&["verify"]).await?;
    assert!(said.contains("agree") && !said.contains("durable consumers"), "{said}");
    let stream = jetstream::new(h.nats_client().await?).get_stream(relay_subjects::stream(ShardId(0))).await?;
    stream.delete_consumer(&relay_subjects::user_durable(ann.id())).await?;
    let said = h.relayctl(&["verify"]).await?;
    assert!(said.contains("1 durable consumers of users who were seen lately are missing"), "{said}");
    // And the next walk makes it, where it was.
    walk(&h).await?;
    back(&h, ann.id(), 0).await;
    assert!(!h.relayctl(&["verify"]).await?.contains("durable consumers"));
    h.finish().await
}

//! What was decided reaches the log, once, whoever dies in between.

use relay_harness::{Harness, wait_for};
use relay_protocol::log::LogEvent;
use relay_types::UserId;

use super::support::{LATE, Socket, TestResult, direct, group, ulid_key};
use super::witness::log;

/// How often the log says that this user was added.
async fn added(h: &Harness, user: UserId) -> anyhow::Result<usize> {
    let events = log(h, 0).await?;
    Ok(events.iter().filter(|(_, event)| matches!(event, LogEvent::MemberAdded(added) if added.user_id == user)).count())
}

#[tokio::test]
async fn a_decision_whose_api_process_was_killed_reaches_the_log_exactly_once() -> TestResult {
    let h = Harness::builder().expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    direct(&ann, &bob).await?;
    let chat = group(&ann, &[]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    // The decision is committed and cannot be published; then its process dies.
    h.nats().pause();
    let killed = async {
        wait_for("the decision to be committed", LATE, || async {
            let mut database = h.database().await.map_err(|error| format!("{error:#}"))?;
            let pending: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox WHERE published_seq IS NULL")
                .fetch_one(&mut database)
                .await
                .map_err(|error| format!("{error}"))?;
            if pending == 2 { Ok(()) } else { Err(format!("{pending} pending")) }
        })
        .await;
        h.api().kill();
    };
    let (answer, ()) = tokio::join!(ann.api.add_member(chat, bob.id()), killed);
    assert!(answer.is_err(), "nobody can have said yes");
    h.nats().resume();
    // The worker publishes what was left behind.
    wait_for("the event in the log", LATE, || async {
        match added(&h, bob.id()).await {
            Ok(1) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    h.api().restart().await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let ack = bobs.post(chat, &ulid_key(0), "I am in").await?;
    assert_eq!(anns.message("I am in").await?.seq, ack.seq);
    assert_eq!(added(&h, bob.id()).await?, 1, "and it is there once");
    h.finish().await
}

#[tokio::test]
async fn a_call_during_an_outage_of_nats_is_unavailable_and_its_repetition_changes_nothing_twice() -> TestResult {
    let h = Harness::builder().config("nats", "append_timeout_ms = 3000").expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    direct(&ann, &bob).await?;
    let chat = group(&ann, &[]).await?;
    h.nats().pause();
    assert_eq!(super::support::code_of(ann.api.add_member(chat, bob.id()).await), relay_protocol::ErrorCode::OutcomeUnknown);
    h.nats().resume();
    wait_for("the repetition to be answered", LATE, || async {
        ann.api.add_member(chat, bob.id()).await.map_err(|error| format!("{error}"))
    })
    .await;
    assert_eq!(added(&h, bob.id()).await?, 1);
    h.finish().await
}

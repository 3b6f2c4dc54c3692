//! Links that look open and lead nowhere: nobody is told, so silence itself has to be noticed.

use std::time::Instant;

use relay_fault_proxy::{Direction, Faults};
use relay_harness::{Harness, wait_for};

use super::raw_http::get;
use super::support::{LATE, Socket, TestResult, direct, history, ulid_key};
use super::witness::persisted;

async fn readiness(h: &Harness) -> Result<(u16, String), String> {
    let response = get(&format!("http://{}/readyz", h.gateway(0).admin())).send().await.map_err(|error| error.to_string())?;
    Ok((response.status().as_u16(), response.text().await.map_err(|error| error.to_string())?))
}

#[tokio::test]
async fn a_gateway_notices_that_nats_vanished_and_loses_nothing() -> TestResult {
    let h = Harness::builder().nats_link().config("nats", "ping_interval_ms = 500").expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    anns.post(chat, &ulid_key(0), "before").await?;
    bobs.message("before").await?;

    h.nats_link().set(Faults::both(Direction { swallow: true, ..Direction::default() }));
    let vanished = Instant::now();
    let key = ulid_key(1);
    anns.send(chat, &key, "meanwhile").await?;
    wait_for("not ready", LATE, || async {
        match readiness(&h).await {
            Ok((503, body)) if body.contains("nats") => Ok(()),
            other => Err(format!("{other:?} after {:?}", vanished.elapsed())),
        }
    })
    .await;

    h.nats_link().heal();
    // Without the client's doing anything: the gateway repeats what it did not hear of, with the same id.
    let ack = match anns.answer(&key).await? {
        Ok(ack) => ack,
        // Nothing is known of what was on its way for too long; the client repeats it then.
        Err(refused) if refused.retryable => anns.post(chat, &key, "meanwhile").await?,
        Err(refused) => anyhow::bail!("refused for good: {refused:?}"),
    };
    let seen = bobs.message("meanwhile").await?;
    assert_eq!(seen.seq, ack.seq);
    wait_for("ready again", LATE, || async {
        match readiness(&h).await {
            Ok((200, _)) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    persisted(&h).await?;
    let texts = history(&ann.api, chat).await?.len();
    assert_eq!(texts, 2, "each message once");
    h.finish().await
}

/// What had no answer and was stored all the same is seen by its sender, who does not send it again: nothing waits for it.
#[tokio::test]
async fn a_send_that_was_stored_without_an_answer_holds_up_nothing_behind_it() -> TestResult {
    let nats = "ping_interval_ms = 500\nappend_attempt_ms = 500\nappend_timeout_ms = 1500";
    let h = Harness::builder().nats_link().config("nats", nats).expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;

    // What the gateway says arrives; what NATS answers does not.
    h.nats_link().set(Faults { to_client: Direction { swallow: true, ..Direction::default() }, ..Faults::default() });
    let keys = [ulid_key(0), ulid_key(1), ulid_key(2)];
    anns.send(chat, &keys[0], "first").await?;
    anns.send(chat, &keys[1], "second").await?;
    for key in &keys[..2] {
        let refused = anns.answer(key).await?.expect_err("nobody acknowledged it");
        assert!(refused.retryable, "{refused:?}");
    }
    h.nats_link().heal();
    let first = anns.message_or_seen("first").await?;
    // The second was refused behind the first, and comes before the third, which is told so.
    let early = anns.refused(chat, &keys[2], "third").await?;
    assert!(early.retryable, "{early:?}");
    let second = anns.post_at_last(chat, &keys[1], "second").await?;
    let third = anns.post_at_last(chat, &keys[2], "third").await?;
    assert!(first.seq < second.seq && second.seq < third.seq);
    h.finish().await
}

//! A gateway that did not run for a while, and does not know.

use std::time::{Duration, Instant};

use relay_harness::{Harness, wait_for};
use relay_protocol::{CloseCode, ErrorCode};

use super::stream::{acknowledged, post, sending};
use super::support::{LATE, Socket, TestResult, group, history, let_in, text_of, ulid_key};
use super::witness::log_end;

/// A gateway that did not run for longer than this has to doubt what it holds. The server's limit is 2 s.
const LONG: Duration = Duration::from_secs(3);

/// The signal has reached every thread: on a busy machine the last one may still read a frame for a moment.
async fn every_thread_stopped(h: &Harness) {
    let pid = h.gateway(0).pid().expect("it runs");
    wait_for("every thread to stop", LATE, || async move {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).map_err(|error| error.to_string())?;
        for thread in threads.flatten() {
            let status = std::fs::read_to_string(thread.path().join("status")).map_err(|error| error.to_string())?;
            let state = status.lines().find(|line| line.starts_with("State:")).unwrap_or_default().to_owned();
            if !state.contains("(stopped)") {
                return Err(state);
            }
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_a_stopped_gateway_still_holds_is_not_published_after_its_sender_went_on_elsewhere() -> TestResult {
    let h = Harness::builder().gateways(2).start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = group(&ann, &[&bob]).await?;
    let mut old = Socket::live(&h, 0, &bob.device, None).await?;
    let mut idle = Socket::live(&h, 0, &ann.device, None).await?;
    idle.post(chat, &ulid_key(-1), "before").await?;

    let stopped = Instant::now();
    h.gateway(0).pause();
    every_thread_stopped(&h).await;
    let (first, second) = (ulid_key(0), ulid_key(1));
    old.send(chat, &first, "first").await?;
    // No answer: to another gateway, where the first message is refused for good and the second one is not.
    let mut new = Socket::live(&h, 1, &bob.device, None).await?;
    ann.api.remove_member(chat, bob.id()).await?;
    assert_eq!(new.refused(chat, &first, "first").await?.code, ErrorCode::NotMember);
    let_in(&ann, chat, &bob).await?;
    new.post_at_last(chat, &second, "second").await?;
    wait_for("a long process pause", LATE, || async {
        let still = stopped.elapsed();
        if still > LONG { Ok(()) } else { Err(still) }
    })
    .await;
    h.gateway(0).resume();

    assert_eq!(old.close_code().await?, CloseCode::ProcessPaused.code());
    let texts: Vec<String> = history(&ann.api, chat).await?.iter().map(|message| text_of(message).to_owned()).collect();
    assert_eq!(texts, ["before", "second"], "what was refused stays out, and nothing comes late");

    // Whoever has nothing on its way keeps the socket and misses nothing; with the next message it is replaced.
    idle.message("second").await?;
    idle.passed(log_end(&h).await?).await?;
    let key = ulid_key(2);
    idle.send(chat, &key, "third").await?;
    assert_eq!(idle.close_code().await?, CloseCode::ProcessPaused.code());
    let mut anew = Socket::live(&h, 0, &ann.device, None).await?;
    anew.post(chat, &key, "third").await?;
    h.finish().await
}

#[tokio::test]
async fn what_was_posted_to_a_stopped_gateway_is_not_published_after_its_sender_went_on_elsewhere() -> TestResult {
    let h = Harness::builder().gateways(2).start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = group(&ann, &[&bob]).await?;
    acknowledged(&h, 0, &ann.device, &sending(chat, &ulid_key(-1), "before")).await?;
    let stopped = Instant::now();
    h.gateway(0).pause();
    every_thread_stopped(&h).await;
    let (first, second) = (sending(chat, &ulid_key(0), "first"), sending(chat, &ulid_key(1), "second"));
    let elsewhere = async {
        ann.api.remove_member(chat, bob.id()).await?;
        let refused = post(&h, 1, &bob.device, &first).await?.expect_err("not in it");
        assert_eq!(refused.code, ErrorCode::NotMember);
        let_in(&ann, chat, &bob).await?;
        while post(&h, 1, &bob.device, &second).await?.is_err() {}
        wait_for("a long process pause", LATE, || async {
            let still = stopped.elapsed();
            if still > LONG { Ok(()) } else { Err(still) }
        })
        .await;
        h.gateway(0).resume();
        anyhow::Ok(())
    };
    // The kernel takes the request; its client would have left by now.
    let (late, went_on) = tokio::join!(post(&h, 0, &bob.device, &first), elsewhere);
    went_on?;
    assert_eq!(late?.expect_err("it waited").code, ErrorCode::Unavailable);
    let texts: Vec<String> = history(&ann.api, chat).await?.iter().map(|message| text_of(message).to_owned()).collect();
    assert_eq!(texts, ["before", "second"], "what was refused stays out, and nothing comes late");
    h.finish().await
}

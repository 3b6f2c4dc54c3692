//! A socket that stops reading.

use relay_harness::{Harness, wait_for};
use relay_protocol::CloseCode;
use relay_types::ShardId;

use super::checks::{Seen, contiguous, holds, no_duplicates};
use super::support::{LATE, Socket, TestResult, group, ulid_key};
use super::witness::{conversation_log, log_end};

/// The kernel's buffers take some megabytes before ours fills: these messages are 24 MB.
const MESSAGES: usize = 1_500;
const LENGTH: usize = 16_000;
/// Messages sent that the good reader has not read yet: half of what its queue takes.
const AHEAD: usize = 8;

#[tokio::test]
async fn a_socket_that_stops_reading_is_closed_and_resumes_without_a_gap_while_others_go_on() -> TestResult {
    let settings = "outbound_queue_bytes = 262144\nmessages_per_s = 10000\nmessage_burst = 10000\nframes_per_s = 10000";
    let h = Harness::builder().config("gateway", settings).start().await?;
    let (ann, bob, cat) = (h.user("ann").await?, h.user("bob").await?, h.user("cat").await?);
    let chat = group(&ann, &[&bob, &cat]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut slow = Socket::live(&h, 0, &bob.device, None).await?;
    let mut cats = Socket::live(&h, 0, &cat.device, None).await?;
    let position = slow.at();
    let body = "x".repeat(LENGTH);
    // On a machine so busy that this test itself hardly runs, the good reader would be slow, too: it sets the pace.
    let ahead = tokio::sync::Semaphore::new(AHEAD);
    let sending = async {
        for _ in 0..MESSAGES {
            ahead.acquire().await?.forget();
            anns.post(chat, &ulid_key(0), &body).await?;
        }
        anyhow::Ok(())
    };
    let reading = async {
        // Counted as they come: looking at all of them after each copies gigabytes.
        let mut read = 0;
        while read < MESSAGES {
            if Seen::of(&cats.next().await?).is_some() {
                read += 1;
                ahead.add_permits(1);
            }
        }
        anyhow::Ok(())
    };
    // It reads again as soon as it was given up, and finds the reason behind what the kernel still had for it.
    let stopping = async {
        wait_for("the close to be counted", LATE, || async {
            let metrics = h.gateway(0).metrics().await.map_err(|error| format!("{error:#}"))?;
            let counted = metrics.contains(r#"relay_socket_closes_total{code="slow_reader"} 1"#);
            if counted { Ok(()) } else { Err("not counted".to_owned()) }
        })
        .await;
        slow.close_code().await
    };
    let (sent, read, close) = tokio::time::timeout(LATE, async { tokio::join!(sending, reading, stopping) }).await?;
    sent.and(read)?;
    holds(contiguous(cats.me, &cats.seen()));
    assert_eq!(close?, CloseCode::SlowReader.code());
    assert!(slow.seen().len() < MESSAGES, "it got all {MESSAGES} and was closed nevertheless");
    let mut seen = slow.seen();
    // What it read before the close is good; it goes on from its last position, and what it had comes again.
    let mut again = Socket::live(&h, 0, &bob.device, Some(&position)).await?;
    again.passed(log_end(&h).await?).await?;
    let log: Vec<_> = conversation_log(&h, chat).await?.into_iter().filter(|seq| *seq > position.seq(ShardId(0)).unwrap()).collect();
    assert_eq!(again.seen().iter().map(|seen| seen.seq).collect::<Vec<_>>(), log);
    seen.retain(|seen| seen.message.is_some());
    assert_eq!(seen, again.seen()[..seen.len()], "what came before the close was a prefix");
    holds(no_duplicates(&again.seen()));
    h.finish().await
}

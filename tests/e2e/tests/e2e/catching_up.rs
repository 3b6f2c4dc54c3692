//! Coming back to much: it costs what is received, nobody else pays, and a link that breaks need not begin again.

#![expect(clippy::print_stdout, reason = "measured figures are shown with the test's output")]

use std::time::{Duration, Instant};

use relay_client::{Connection, SocketOptions};
use relay_harness::{Harness, wait_for};
use relay_protocol::{CloseCode, Position, ServerFrame};
use relay_types::Seq;

use super::checks::{contiguous, holds, no_duplicates};
use super::support::{LATE, Socket, TestResult, direct, ulid_key};
use super::witness::persisted;

/// Of 96 KiB each, as JSON: more than the kernels' buffers take.
const MESSAGES: usize = 160;
const SETTINGS: &str = "ring_bytes = 65536\nroster_linger_ms = 0\nmessages_per_s = 10000\nmessage_burst = 10000\nframes_per_s = 10000\n\
                        write_stall_ms = 1500\noutbound_queue_bytes = 33554432";

fn resident_bytes(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kilobytes.unwrap_or_default() * 1024)
}

async fn closed_as(h: &Harness, code: &str) -> Result<u64, String> {
    let metrics = h.gateway(0).metrics().await.map_err(|error| format!("{error:#}"))?;
    let series = format!("relay_socket_closes_total{{code=\"{code}\"}}");
    Ok(metrics.lines().find_map(|line| line.strip_prefix(&series)?.trim().parse().ok()).unwrap_or(0))
}

#[tokio::test]
async fn whoever_comes_back_to_much_is_served_page_by_page() -> TestResult {
    let h = Harness::builder().config("gateway", SETTINGS).start().await?;
    let (ann, bob, cat) = (h.user("ann").await?, h.user("bob").await?, h.user("cat").await?);
    let chat = direct(&ann, &bob).await?;
    let position = Socket::live(&h, 0, &bob.device, None).await?.at();
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let text = format!("x{}", "\u{1}".repeat(16_383));
    for _ in 0..MESSAGES {
        anns.post(chat, &ulid_key(0), &text).await?;
    }
    persisted(&h).await?;
    drop(anns);

    a_slow_reader_goes_on_where_it_was(&h, &bob, &position).await?;
    those_who_do_not_read_cost_little(&h, &bob, &position).await?;
    a_question_that_hangs_is_not_the_database_being_away(&h, &bob, &cat, &position).await?;
    h.finish().await
}

/// A reader that takes longer than a write may wait, but takes something all the time; its link breaks in the middle.
async fn a_slow_reader_goes_on_where_it_was(h: &Harness, bob: &relay_harness::User, position: &Position) -> TestResult {
    let began = Instant::now();
    let mut slow = Socket::hello(h, 0, &bob.device, Some(position)).await?;
    let told = loop {
        tokio::time::sleep(Duration::from_millis(25)).await;
        if let ServerFrame::Progress { position } = slow.next().await?
            && slow.frames.len() > MESSAGES / 2
        {
            break position.parse::<Position>()?;
        }
    };
    let mut seen = slow.seen();
    drop(slow);
    println!("half of it took {:?}; the link breaks", began.elapsed());
    let mut again = Socket::hello(h, 0, &bob.device, Some(&told)).await?;
    while !matches!(again.next().await?, ServerFrame::CaughtUp { .. }) {
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    println!("all of it took {:?}", began.elapsed());
    assert!(!again.frames.iter().any(|frame| matches!(frame, ServerFrame::Reset { .. })));
    seen.extend(again.seen());
    holds(no_duplicates(&seen));
    holds(contiguous(bob.id(), &seen));
    assert_eq!(seen.iter().filter(|seen| seen.message.is_some()).count(), MESSAGES);
    Ok(())
}

/// Failed before: each such socket held a page of up to 48 MB, and was cut only after 30 s.
async fn those_who_do_not_read_cost_little(h: &Harness, bob: &relay_harness::User, position: &Position) -> TestResult {
    let pid = h.gateway(0).pid().expect("it runs");
    let (before, closed) = (resident_bytes(pid)?, closed_as(h, "slow_reader").await.map_err(anyhow::Error::msg)?);
    let mut unread = Vec::new();
    for _ in 0..6 {
        let token = bob.device.access_token().0.clone();
        unread.push(Connection::hello(&h.gateway_url(0), &token, Some(position), &SocketOptions::default()).await?.0);
    }
    let most = std::cell::Cell::new(before);
    wait_for("all six to be given up", LATE, || async {
        most.set(most.get().max(resident_bytes(pid).map_err(|error| error.to_string())?));
        let now = closed_as(h, "slow_reader").await?;
        if now >= closed + 6 { Ok(()) } else { Err(format!("{} closed", now - closed)) }
    })
    .await;
    let rise = most.get().saturating_sub(before) / 1024;
    println!("six that did not read cost the gateway {rise} KiB");
    assert!(rise < 24 * 1024, "{rise} KiB");
    Ok(())
}

/// Failed before: the first such question made the gateway work without Postgres for everybody.
async fn a_question_that_hangs_is_not_the_database_being_away(
    h: &Harness,
    bob: &relay_harness::User,
    cat: &relay_harness::User,
    position: &Position,
) -> TestResult {
    let mut database = h.database().await?;
    sqlx::raw_sql("BEGIN; LOCK TABLE conversation_events IN ACCESS EXCLUSIVE MODE").execute(&mut database).await?;
    let mut bobs = Socket::hello(h, 0, &bob.device, Some(position)).await?;
    let mut cats = Socket::hello(h, 0, &cat.device, None).await?;
    cats.caught_up().await?;
    assert_eq!(bobs.close_code().await?, CloseCode::Busy.code());
    let mut cats = Socket::hello(h, 0, &cat.device, None).await?;
    cats.caught_up().await?;
    let metrics = h.gateway(0).metrics().await?;
    assert!(metrics.contains("relay_resumes_without_postgres_total 0"), "{metrics}");
    sqlx::raw_sql("ROLLBACK").execute(&mut database).await?;
    let mut bobs = Socket::live(h, 0, &bob.device, Some(position)).await?;
    assert!(bobs.at().shards.values().all(|seq| *seq > Seq::ZERO));
    bobs.passed(Seq(1)).await
}

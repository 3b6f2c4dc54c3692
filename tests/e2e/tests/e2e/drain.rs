//! A gateway that goes away politely.

use relay_harness::Harness;
use relay_protocol::{CloseCode, ErrorCode, ServerFrame};

use super::balancer::Balancer;
use super::kills::{FAST, acked, client, in_the_middle, send, verify};
use super::support::{Socket, TestResult, direct};

#[tokio::test]
async fn a_drain_under_load_loses_nothing_and_clients_move() -> TestResult {
    let h = Harness::builder().gateways(2).config("gateway", FAST).start().await?;
    let balancer = Balancer::start(&h, 2).await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = client(&balancer, &ann.device).await?;
    let mut bobs = client(&balancer, &bob.device).await?;
    let watcher = bob.log_in("watcher").await?;
    let mut handles = Vec::new();
    for round in 0..2_usize {
        let mut watching = Socket::live(&h, round, &watcher, None).await?;
        let total = round * 600;
        handles.extend(send(&anns, chat, total, total + 600).await?);
        in_the_middle(&anns, (total + 100) as u64).await;
        let (exit, close) = tokio::join!(h.gateway(round).stop(), watching.close_code());
        assert!(exit.is_some_and(|exit| exit.success()), "exit status {exit:?}");
        assert_eq!(close?, CloseCode::Draining.code());
        let told = watching.frames.iter().rev().find_map(|frame| if let ServerFrame::Error(error) = frame { Some(error) } else { None });
        let told = told.expect("an announcement before the close");
        assert!(told.code == ErrorCode::Draining && told.retryable && told.retry_after_ms.is_some(), "{told:?}");
        h.gateway(round).restart().await?;
    }
    let acks = acked(handles).await?;
    assert_eq!(acks.len(), 1200);
    verify(&h, chat, &acks, &mut [&mut anns, &mut bobs]).await?;
    h.finish().await
}

//! kill -9 in the middle of traffic: what was acknowledged is there, once, in order, for everybody.

use std::sync::Arc;
use std::time::Duration;

use relay_client::{MemoryStore, RealtimeConfig, SendHandle, Transport};
use relay_harness::{Device, Harness, wait_for};
use relay_protocol::frame::MessageAck;
use relay_types::ConversationId;

use super::balancer::Balancer;
use super::checks::{contiguous, delivered_exactly_once, holds, no_duplicates};
use super::support::{Client, LATE, TestResult, direct, text};
use super::witness::{conversation_log, conversation_rows, log, log_end, persisted, watermark};

/// An SDK client over the balancer that comes back quickly.
pub async fn client(balancer: &Balancer, device: &Device) -> anyhow::Result<Client> {
    client_over(Transport::WebSocket, balancer, device).await
}

async fn client_over(transport: Transport, balancer: &Balancer, device: &Device) -> anyhow::Result<Client> {
    let config = RealtimeConfig {
        transport,
        reconnect_base: Duration::from_millis(20),
        reconnect_cap: Duration::from_millis(500),
        report_interval: Duration::from_millis(100),
        // While nobody takes events the socket is not read; these tests take them at the end.
        event_buffer: 20_000,
        ..RealtimeConfig::new(balancer.url())
    };
    let (client, events) = device.connect_with(config, Arc::new(MemoryStore::default())).await?;
    let client = Client::new((client, events));
    client.sdk.live().await.map_err(|closed| anyhow::anyhow!("closed: {closed:?}"))?;
    Ok(client)
}

/// Queues messages `from..upto`.
pub async fn send(client: &Client, chat: ConversationId, from: usize, upto: usize) -> anyhow::Result<Vec<SendHandle>> {
    let mut handles = Vec::new();
    for n in from..upto {
        handles.push(client.sdk.send(chat, text(&format!("message {n}"))).await?);
    }
    Ok(handles)
}

/// Waits for every ack.
pub async fn acked(handles: Vec<SendHandle>) -> anyhow::Result<Vec<MessageAck>> {
    let mut acks = Vec::new();
    for handle in handles {
        acks.push(tokio::time::timeout(LATE, handle).await??);
    }
    Ok(acks)
}

/// Waits until the client has this many acks, so that a fault comes in the middle of traffic.
pub async fn in_the_middle(client: &Client, acks: u64) {
    wait_for("traffic", LATE, || {
        let got = client.sdk.stats().acks.get();
        std::future::ready(if got >= acks { Ok(()) } else { Err(got) })
    })
    .await;
}

/// Everything acknowledged was delivered to both, once and in order; the log and the projection agree.
pub async fn verify(h: &Harness, chat: ConversationId, acks: &[MessageAck], clients: &mut [&mut Client]) -> TestResult {
    let log_of_chat = conversation_log(h, chat).await?;
    for client in clients {
        client.messages(chat, acks.len()).await?;
        client.drain();
        let me = client.sdk.user_id().unwrap();
        holds(contiguous(me, &client.seen));
        holds(no_duplicates(&client.seen));
        holds(delivered_exactly_once(acks, &client.seen));
        assert_eq!((client.gaps, client.resets), (0, 0));
    }
    persisted(h).await?;
    let rows = conversation_rows(h, chat).await?;
    assert_eq!(rows.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), log_of_chat, "the projection is the log");
    for pair in rows.windows(2) {
        assert_eq!(pair[1].1, Some(pair[0].0), "prev in the projection");
    }
    Ok(())
}

/// Settings without a limit on the sender's speed.
pub const FAST: &str = "messages_per_s = 10000\nmessage_burst = 10000\nframes_per_s = 10000\ndrain_spread_ms = 500";

#[tokio::test]
async fn killing_gateways_in_the_middle_of_traffic_loses_and_doubles_nothing() -> TestResult {
    let h = Harness::builder().gateways(2).config("gateway", FAST).start().await?;
    let balancer = Balancer::start(&h, 2).await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = client(&balancer, &ann.device).await?;
    let mut bobs = client(&balancer, &bob.device).await?;
    let mut handles = send(&anns, chat, 0, 400).await?;
    for round in 0..4_usize {
        let total = 400 + round * 400;
        in_the_middle(&anns, (total - 300) as u64).await;
        h.gateway(round % 2).kill();
        handles.extend(send(&anns, chat, total, total + 400).await?);
        in_the_middle(&anns, total as u64).await;
        h.gateway(round % 2).restart().await?;
    }
    let acks = acked(handles).await?;
    assert_eq!(acks.len(), 2000);
    verify(&h, chat, &acks, &mut [&mut anns, &mut bobs]).await?;
    assert!(anns.sdk.stats().connections.get() > 1 || bobs.sdk.stats().connections.get() > 1, "somebody was thrown out");
    h.finish().await
}

/// Each of their commands goes to another gateway than the one before it.
#[tokio::test]
async fn killing_gateways_under_people_on_streams_loses_and_doubles_nothing() -> TestResult {
    let h = Harness::builder().gateways(2).config("gateway", FAST).start().await?;
    let balancer = Balancer::start(&h, 2).await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = client_over(Transport::EventStream, &balancer, &ann.device).await?;
    let mut bobs = client_over(Transport::EventStream, &balancer, &bob.device).await?;
    let mut handles = send(&anns, chat, 0, 150).await?;
    for round in 0..4_usize {
        let total = 150 + round * 150;
        in_the_middle(&anns, (total - 100) as u64).await;
        h.gateway(round % 2).kill();
        handles.extend(send(&anns, chat, total, total + 150).await?);
        in_the_middle(&anns, total as u64).await;
        h.gateway(round % 2).restart().await?;
    }
    let acks = acked(handles).await?;
    assert_eq!(acks.len(), 750);
    verify(&h, chat, &acks, &mut [&mut anns, &mut bobs]).await?;
    assert!(anns.sdk.stats().connections.get() > 1 || bobs.sdk.stats().connections.get() > 1, "somebody was thrown out");
    h.finish().await
}

#[tokio::test]
async fn killing_the_worker_in_the_middle_of_traffic_leaves_the_projection_complete() -> TestResult {
    let h = Harness::builder().config("gateway", FAST).start().await?;
    let balancer = Balancer::start(&h, 1).await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = client(&balancer, &ann.device).await?;
    let mut bobs = client(&balancer, &bob.device).await?;
    let mut handles = Vec::new();
    for round in 0..3_usize {
        handles.extend(send(&anns, chat, round * 500, round * 500 + 500).await?);
        in_the_middle(&anns, (round * 500 + 200) as u64).await;
        h.worker().kill();
        in_the_middle(&anns, (round * 500 + 400) as u64).await;
        h.worker().restart().await?;
    }
    let acks = acked(handles).await?;
    verify(&h, chat, &acks, &mut [&mut anns, &mut bobs]).await?;
    assert_eq!(watermark(&h).await?, log_end(&h).await?, "the watermark is the head");
    h.finish().await
}

#[tokio::test]
async fn a_standby_worker_takes_over_from_a_killed_one() -> TestResult {
    let h = Harness::builder().workers(2).config("gateway", FAST).start().await?;
    let balancer = Balancer::start(&h, 1).await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = client(&balancer, &ann.device).await?;
    let mut bobs = client(&balancer, &bob.device).await?;
    let mut acks = acked(send(&anns, chat, 0, 300).await?).await?;
    // Either may be the pinned one: each in turn.
    for index in 0..2 {
        let handles = send(&anns, chat, 300 + index * 300, 600 + index * 300).await?;
        h.worker_at(index).kill();
        acks.extend(acked(handles).await?);
        persisted(&h).await?;
        h.worker_at(index).restart().await?;
    }
    verify(&h, chat, &acks, &mut [&mut anns, &mut bobs]).await?;
    h.finish().await
}

#[tokio::test]
async fn killing_nats_in_the_middle_of_traffic_keeps_everything_acknowledged_exactly_once() -> TestResult {
    let h = Harness::builder().sync_always().gateways(2).config("gateway", FAST).expect_errors().start().await?;
    let balancer = Balancer::start(&h, 2).await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = client(&balancer, &ann.device).await?;
    let mut bobs = client(&balancer, &bob.device).await?;
    let mut handles = Vec::new();
    for round in 0..3_usize {
        handles.extend(send(&anns, chat, round * 300, round * 300 + 300).await?);
        in_the_middle(&anns, (round * 300 + 100) as u64).await;
        h.nats().kill();
        h.nats().restart().await?;
    }
    let acks = acked(handles).await?;
    verify(&h, chat, &acks, &mut [&mut anns, &mut bobs]).await?;
    let messages = log(&h, 0).await?.into_iter().filter(|(_, event)| event.name() == "MESSAGE_SENT").count();
    assert_eq!(messages, acks.len(), "the log has every message once");
    h.finish().await
}

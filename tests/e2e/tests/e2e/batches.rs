//! What is said when many talk at once goes to the log in batches, and nobody notices.

use std::collections::BTreeMap;

use anyhow::Context as _;
use relay_harness::Harness;
use relay_protocol::{ErrorCode, ServerFrame};
use relay_types::{ClientId, ConversationId, Seq};

use super::balancer::Balancer;
use super::kills::{FAST, acked, client, in_the_middle, send, verify};
use super::support::{Socket, TestResult, direct, people, text, ulid_key};
use super::witness::{sequences_of, stream};

/// Two publishes on their way are a crowd.
const EAGER: &str = "batches = { singles = 1 }";

/// How many messages of the log came in a batch.
async fn batched(h: &Harness) -> anyhow::Result<usize> {
    let (stream, mut count) = (stream(h, 0).await?, 0);
    for seq in 1..=stream.cached_info().state.last_sequence {
        let message = stream.get_raw_message(seq).await?;
        count += usize::from(message.headers.get("Nats-Batch-Id").is_some());
    }
    Ok(count)
}

#[tokio::test]
async fn a_client_that_pours_into_a_conversation_keeps_its_order_in_batches() -> TestResult {
    let h = Harness::builder().config("gateway", FAST).config("nats", EAGER).start().await?;
    let balancer = Balancer::start(&h, 1).await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = client(&balancer, &ann.device).await?;
    let mut bobs = client(&balancer, &bob.device).await?;
    let acks = acked(send(&anns, chat, 0, 600).await?).await?;
    assert!(acks.is_sorted_by_key(|ack| ack.seq), "in the order sent");
    verify(&h, chat, &acks, &mut [&mut anns, &mut bobs]).await?;
    let batched = batched(&h).await?;
    assert!(batched > 200, "only {batched} of 600 went together");
    h.finish().await
}

/// Gateways and the log die while batches are on their way.
#[tokio::test]
async fn kills_between_batches_and_their_acks_lose_and_double_nothing() -> TestResult {
    let h = Harness::builder().sync_always().gateways(2).config("gateway", FAST).config("nats", EAGER).expect_errors().start().await?;
    let balancer = Balancer::start(&h, 2).await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = client(&balancer, &ann.device).await?;
    let mut bobs = client(&balancer, &bob.device).await?;
    let mut handles = Vec::new();
    for round in 0..4_usize {
        handles.extend(send(&anns, chat, round * 300, round * 300 + 300).await?);
        in_the_middle(&anns, (round * 300 + 100) as u64).await;
        if round % 2 == 0 {
            h.nats().kill();
            h.nats().restart().await?;
        } else {
            for gateway in 0..2 {
                h.gateway(gateway).kill();
                h.gateway(gateway).restart().await?;
            }
        }
    }
    let acks = acked(handles).await?;
    assert_eq!(acks.len(), 1200);
    verify(&h, chat, &acks, &mut [&mut anns, &mut bobs]).await?;
    assert!(batched(&h).await? > 100, "batches were on their way");
    h.finish().await
}

/// One of many repeats everything over another gateway at the same time: a duplicate has a whole batch refused.
#[tokio::test]
async fn somebody_who_says_everything_twice_costs_others_nothing_but_time() -> TestResult {
    let h = Harness::builder().gateways(2).config("gateway", FAST).config("nats", EAGER).start().await?;
    let crowd = people(&h, "crowd", 6).await?;
    let mut rooms: Vec<ConversationId> = Vec::new();
    for pair in crowd.chunks(2) {
        rooms.push(direct(&pair[0], &pair[1]).await?);
    }
    let twin = crowd[0].log_in("twin").await?;
    let (mut sockets, mut twins) = (Vec::new(), Socket::live(&h, 1, &twin, None).await?);
    for person in &crowd {
        sockets.push(Socket::live(&h, 0, &person.device, None).await?);
    }
    let mut places: BTreeMap<ClientId, Seq> = BTreeMap::new();
    for _ in 0..10 {
        let keys: Vec<Vec<ClientId>> = (0..crowd.len()).map(|_| (0..8).map(|_| ulid_key(0)).collect()).collect();
        for (n, twice) in keys[0].iter().enumerate() {
            for (person, socket) in sockets.iter_mut().enumerate() {
                socket.send(rooms[person / 2], &keys[person][n], "once").await?;
            }
            twins.send(rooms[0], twice, "once").await?;
        }
        for (person, socket) in sockets.iter_mut().enumerate() {
            for key in &keys[person] {
                let ack = socket.answer(key).await?.map_err(|error| anyhow::anyhow!("refused: {error:?}"))?;
                places.insert(key.clone(), ack.seq);
            }
        }
        for key in &keys[0] {
            let ack = twins.answer(key).await?.map_err(|error| anyhow::anyhow!("refused: {error:?}"))?;
            assert_eq!(places[key], ack.seq, "both are told the same");
        }
    }
    for key in places.keys().take(60) {
        assert_eq!(sequences_of(&h, key).await?.len(), 1, "{key} is stored once");
    }
    assert!(batched(&h).await? > 60, "the others' messages went together");
    h.finish().await
}

/// A stream of before `allow_atomic`: processes start, and each message goes by itself.
#[tokio::test]
async fn an_older_topology_takes_every_message_by_itself() -> TestResult {
    let h = Harness::builder().config("gateway", FAST).config("nats", EAGER).start().await?;
    let jetstream = async_nats::jetstream::new(h.nats_client().await?);
    let config = jetstream.get_stream("CHAT-0").await?.cached_info().config.clone();
    jetstream.update_stream(async_nats::jetstream::stream::Config { allow_atomic_publish: false, ..config }).await?;
    h.gateway(0).restart().await?;
    let balancer = Balancer::start(&h, 1).await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = client(&balancer, &ann.device).await?;
    let mut bobs = client(&balancer, &bob.device).await?;
    let acks = acked(send(&anns, chat, 0, 100).await?).await?;
    bob.api.post_message(chat, &ulid_key(0), &text("over REST")).await?;
    verify(&h, chat, &acks, &mut [&mut anns, &mut bobs]).await?;
    assert_eq!(batched(&h).await?, 0);
    h.finish().await
}

/// What is too much together goes one by one. It used to be weighed again and again, as fast as a core can, until it was too old
/// for a batch.
#[tokio::test]
async fn a_run_beyond_the_quota_is_refused_without_going_round() -> TestResult {
    let quota = format!("{FAST}\n[quota]\nbytes_per_s = 1\nburst_bytes = 262144");
    let h = Harness::builder().config("gateway", &quota).config("nats", EAGER).start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut socket = Socket::live(&h, 0, &ann.device, None).await?;
    let pid = h.gateway(0).pid().context("the gateway runs")?;
    let before = processor_time(pid)?;
    let long = "x".repeat(12 * 1024);
    for _ in 0..SENDS {
        socket.send(chat, &ulid_key(0), &long).await?;
    }
    let (mut acked, mut refused) = (0, 0);
    while acked + refused < SENDS {
        let code = socket
            .until("an answer", |frame| match frame {
                ServerFrame::MessageAck(_) => Some(None),
                ServerFrame::Error(error) => Some(error.code.known()),
                _ => None,
            })
            .await?;
        match code {
            None => acked += 1,
            Some(ErrorCode::QuotaExceeded) => refused += 1,
            Some(other) => panic!("{other:?}"),
        }
    }
    assert!((18..=21).contains(&acked), "{acked} of 12 KiB fit into 256 KiB");
    let took = processor_time(pid)? - before;
    assert!(took < 2.0, "{took} s of a processor for {SENDS} sends");
    h.finish().await
}

const SENDS: usize = 40;

/// Seconds that a process has had of a processor.
fn processor_time(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("no name in /proc")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>).sum::<Result<u32, _>>()?;
    Ok(f64::from(ticks) / 100.0)
}

//! A shard's stream is lost with everything in it; the log goes on from Postgres, and nothing that Postgres had is missing or
//! there twice.

use async_nats::jetstream;
use relay_client::MemoryStore;
use relay_harness::{Harness, wait_for};
use relay_protocol::ErrorCode;
use relay_types::{Seq, ShardId};

use super::support::{Client, LATE, Socket, TestResult, code_of, direct, history, text, ulid_key};
use super::witness::{conversation_rows, durable, log_end, persisted};

/// The tool's exit status is not 0; what it said.
async fn refused(h: &Harness, arguments: &[&str]) -> String {
    match h.relayctl(arguments).await {
        Ok(said) => panic!("{arguments:?} was not refused: {said}"),
        Err(error) => format!("{error:#}"),
    }
}

#[tokio::test]
async fn a_lost_log_goes_on_from_postgres_and_forgets_no_message_and_no_retry() -> TestResult {
    let h = Harness::builder().expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let other = bob.log_in("stolen").await?;
    let mut socket = Socket::live(&h, 0, &ann.device, None).await?;
    let retried = ulid_key(0);
    let first = socket.post(chat, &retried, "before").await?;
    let last = socket.post(chat, &ulid_key(0), "the last one before").await?;
    let position = socket.at();
    other.api.logout().await?;
    persisted(&h).await?;
    let end = log_end(&h).await?;
    assert!(refused(&h, &["log", "reseed", "--shard", "0", "--yes"]).await.contains("nothing to reseed"));

    let js = jetstream::new(h.nats_client().await?);
    js.delete_stream(relay_subjects::stream(ShardId(0))).await?;
    assert!(refused(&h, &["topology", "apply"]).await.contains("log reseed --shard 0"), "an empty log in its place would begin at 1");
    assert_eq!(code_of(ann.api.post_message(chat, &ulid_key(0), &text("into nothing")).await), ErrorCode::Unavailable);
    assert!(refused(&h, &["log", "reseed", "--shard", "0"]).await.contains("nothing was changed"));
    h.relayctl(&["log", "reseed", "--shard", "0", "--yes"]).await?;
    assert!(refused(&h, &["log", "reseed", "--shard", "0", "--yes"]).await.contains("nothing to reseed"));
    h.relayctl(&["topology", "check"]).await?;

    // What an init system does: a gateway whose log became another one has ended itself.
    wait_for("the gateway to notice", LATE, || std::future::ready(if h.gateway(0).is_running() { Err("it runs") } else { Ok(()) })).await;
    h.gateway(0).restart().await?;

    // The old position belongs to the lost log: the device is told to reload, and finds everything.
    let store = std::sync::Arc::new(MemoryStore::at(position));
    let config = relay_client::RealtimeConfig::new(h.gateway_url(0));
    let mut anns = Client::new(ann.device.connect_with(config, store).await?);
    while anns.resets == 0 {
        anns.next().await?;
    }
    let old: Vec<Seq> = history(&ann.api, chat).await?.iter().map(|message| message.seq).collect();
    assert_eq!(old, vec![first.seq, last.seq]);

    let mut socket = Socket::live(&h, 0, &bob.device, None).await?;
    let after = socket.post(chat, &ulid_key(0), "after").await?;
    assert!(after.seq > end && after.seq.0 > 1 << 32, "sequences are never used again: {} after {end}", after.seq);
    let seen = anns.messages(chat, 1).await?;
    assert_eq!((seen[0].seq, seen[0].prev), (after.seq, Some(last.seq)), "the chain goes over the loss");

    // A young key, within the duplicate window that the lost log had: still the original ack.
    let again = Socket::live(&h, 0, &ann.device, None).await?.post(chat, &retried, "before").await?;
    assert_eq!(again, first);
    persisted(&h).await?;
    let rows: Vec<Seq> = conversation_rows(&h, chat).await?.into_iter().map(|(seq, _)| seq).skip(1).collect();
    assert_eq!(rows, vec![first.seq, last.seq, after.seq]);

    // Whoever was logged out before the loss stays out, although the event was in the lost log.
    assert!(Socket::live(&h, 0, &other, None).await.is_err(), "a session that ended is let in");

    // Everybody's durable consumer is made again.
    wait_for("users' consumers", LATE, || async {
        match (durable(&h, 0, ann.id()).await, durable(&h, 0, bob.id()).await) {
            (Ok((_, filters)), Ok(_)) if filters.len() == 2 => Ok(()),
            found => Err(format!("{found:?}")),
        }
    })
    .await;
    h.finish().await
}

#[tokio::test]
async fn a_stream_that_somebody_made_in_place_of_the_lost_one_is_replaced_only_when_asked() -> TestResult {
    let h = Harness::builder().expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let first = ann.api.post_message(chat, &ulid_key(0), &text("before")).await?;
    persisted(&h).await?;
    let js = jetstream::new(h.nats_client().await?);
    let mut config = js.get_stream("CHAT-0").await?.cached_info().config.clone();
    js.delete_stream("CHAT-0").await?;
    config.metadata.insert("relay_epoch".to_owned(), "01ARZ3NDEKTSV4RRFFQ69G5FAV".to_owned());
    js.create_stream(config).await?;
    assert!(refused(&h, &["log", "reseed", "--shard", "0", "--yes"]).await.contains("--replace"));
    h.relayctl(&["log", "reseed", "--shard", "0", "--yes", "--replace"]).await?;
    let second = wait_for("the log to take messages", LATE, || async {
        ann.api.post_message(chat, &ulid_key(0), &text("after")).await.map_err(|error| error.to_string())
    })
    .await;
    assert!(second.seq > first.seq);
    h.finish().await
}

//! One atomic batch on the wire (NATS ADR-50): the log stores all of it or nothing, with one fsync, sequences contiguous.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::{NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE, NATS_MESSAGE_ID};
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use relay_domain::ports::NewEvent;
use relay_types::Seq;

use crate::connect::Bus;
use crate::publish::subject_of;
use crate::unstored::Unstored;

/// For the connection to take a batch's messages. A connection that is being made anew takes none; what was to be sent before
/// that must not be sent long after.
const HAND_OVER: Duration = Duration::from_millis(500);

/// One message of a batch.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    subject: String,
    headers: HeaderMap,
    payload: Bytes,
}

impl From<&NewEvent> for Part {
    fn from(event: &NewEvent) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, event.dedup_id.as_str());
        if let Some(trace) = &event.trace {
            headers.insert(relay_subjects::TRACEPARENT_HEADER, trace.as_str());
        }
        Self { subject: subject_of(event.address), headers, payload: event.payload.clone() }
    }
}

/// Publishes a batch and waits for the answer to its end; the sequence of its first message.
///
/// # Cancel safety
/// Not cancel safe.
pub(crate) async fn publish(bus: &Bus, mut parts: Vec<Part>) -> Result<Seq, Unstored> {
    let id = format!("{:032x}", rand::random::<u128>());
    for (n, part) in parts.iter_mut().enumerate() {
        part.headers.insert(NATS_BATCH_ID, id.as_str());
        part.headers.insert(NATS_BATCH_SEQUENCE, (n + 1).to_string());
    }
    let length = parts.len() as u64;
    let Some(mut last) = parts.pop() else { return Err(Unstored::Refused) };
    last.headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
    let handing_over = async {
        for Part { subject, headers, payload } in parts {
            bus.client.publish_with_headers(subject, headers, payload).await?;
        }
        Ok::<_, async_nats::PublishError>(())
    };
    // Without its end nothing of a batch is stored, whenever the rest arrives.
    match tokio::time::timeout(HAND_OVER, handing_over).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::debug!(%error, "a batch did not leave");
            return Err(Unstored::Refused);
        }
        Err(_late) => {
            tracing::debug!("a batch did not leave in time");
            return Err(Unstored::Refused);
        }
    }
    let commit = PublishMessage::build().payload(last.payload).headers(last.headers);
    let answer = async { bus.js.send_publish(last.subject, commit).await?.await };
    match answer.await {
        Ok(ack) if ack.batch_size == Some(length) && ack.sequence >= length => Ok(Seq(ack.sequence - length + 1)),
        Ok(ack) => {
            tracing::warn!(?ack, length, "the log's answer is none to a batch");
            Err(Unstored::Unknown)
        }
        Err(error) => {
            tracing::debug!(error = &error as &(dyn std::error::Error + 'static), "a batch was not acknowledged");
            Err(Unstored::of(&error))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use relay_dev_servers::{NatsOptions, NatsServer, Scratch, Servers, SyncInterval};
    use relay_domain::ports::LogAddress;
    use relay_types::{ConversationId, ShardId};

    use super::*;
    use crate::config::TopologyConfig;
    use crate::topology::Topology;

    /// A message that is to expire does so, whatever it was stored with.
    #[tokio::test]
    async fn a_time_to_live_works_inside_a_batch() {
        let servers = Servers::ready().await.unwrap();
        let scratch = Scratch::new("batch-ttl").unwrap();
        let options = NatsOptions { data: scratch.path().into(), sync: SyncInterval::TwoMinutes, ..NatsOptions::default() };
        let nats = NatsServer::start(&servers, options).await.unwrap();
        let text = format!("servers = [{:?}]\nuser = {:?}\npassword = {:?}", nats.url(), nats.user(), nats.password());
        let bus = Bus::connect(&toml::from_str(&text).unwrap(), "test").await.unwrap();
        let topology = TopologyConfig { max_bytes_per_shard: Some(64 << 20), ..TopologyConfig::default() };
        Topology::declared(&topology).unwrap().apply(&bus, "01ARZ3NDEKTSV4RRFFQ69G5FAV").await.unwrap();

        let address = LogAddress::Conversation { shard: ShardId(0), id: ConversationId::new(ulid::Ulid(1)) };
        let event = |n: usize| NewEvent { address, dedup_id: format!("id-{n}"), payload: "{}".into(), trace: None };
        let mut parts: Vec<Part> = (0..3).map(|n| Part::from(&event(n))).collect();
        parts[1].headers.insert("Nats-TTL", "1s");
        assert_eq!(publish(&bus, parts).await, Ok(Seq(1)));
        let stream = bus.js.get_stream("CHAT-0").await.unwrap();
        let began = Instant::now();
        while stream.get_raw_message(2).await.is_ok() {
            assert!(began.elapsed() < Duration::from_secs(30), "it does not expire");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for seq in [1, 3] {
            stream.get_raw_message(seq).await.expect("the others stay");
        }
    }
}

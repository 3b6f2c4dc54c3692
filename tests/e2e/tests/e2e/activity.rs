//! What people do, as an ordinary NATS consumer of the operator's reads it.

use std::time::Duration;

use anyhow::ensure;
use async_nats::jetstream::{self, consumer::pull};
use futures::StreamExt as _;
use relay_harness::{Harness, User};
use relay_protocol::ReceivedUpto;
use relay_protocol::activity::{ActivityEvent, Deed};
use relay_protocol::command::encode;
use relay_protocol::rest::ChangeSettingsRequest;
use relay_subjects::{ACTIVITY_STREAM, live_bucket_of_user};

use super::support::{SOON, Socket, TestResult, direct, group, ulid_key};
use super::witness::{log_end, persisted};

/// What the consumer has read, and its next event.
struct Reader {
    events: pull::Stream,
    seen: Vec<ActivityEvent>,
}

impl Reader {
    async fn begin(h: &Harness) -> anyhow::Result<Self> {
        let stream = jetstream::new(h.nats_client().await?).get_stream(ACTIVITY_STREAM).await?;
        let config = pull::Config { durable_name: Some("analytics".to_owned()), ..pull::Config::default() };
        Ok(Self { events: stream.create_consumer(config).await?.messages().await?, seen: Vec::new() })
    }

    async fn next(&mut self) -> anyhow::Result<ActivityEvent> {
        let next = tokio::time::timeout(SOON, self.events.next()).await;
        let Ok(Some(Ok(message))) = next else { anyhow::bail!("nothing more comes, after {:#?}", self.seen) };
        let text = std::str::from_utf8(&message.payload)?;
        ensure!(!text.contains("secret"), "it holds no content: {text}");
        let event: ActivityEvent = serde_json::from_str(text)?;
        let subject = message.subject.as_str();
        ensure!(subject.starts_with("activity.") && subject.ends_with(&format!(".{}", live_bucket_of_user(event.user_id))), "{subject}");
        message.ack().await.map_err(|error| anyhow::anyhow!("{error}"))?;
        self.seen.push(event.clone());
        Ok(event)
    }

    async fn until(&mut self, user: &User, wanted: impl Fn(Deed) -> bool) -> anyhow::Result<ActivityEvent> {
        loop {
            let event = self.next().await?;
            if event.user_id == user.id() && wanted(event.what) {
                return Ok(event);
            }
        }
    }

    fn of(&self, user: &User) -> Vec<Deed> {
        self.seen.iter().filter(|event| event.user_id == user.id()).map(|event| event.what).collect()
    }
}

#[tokio::test]
async fn an_ordinary_consumer_is_told_who_came_has_read_and_went_and_nothing_of_what_was_said() -> TestResult {
    let h = Harness::builder().gateways(2).start().await?;
    let (ann, bob, cid) = (h.user("ann").await?, h.user("bob").await?, h.user("cid").await?);
    let chat = group(&ann, &[&bob, &cid]).await?;
    let settings = ChangeSettingsRequest { read_receipts: Some(false), ..ChangeSettingsRequest::default() };
    cid.api.change_settings(settings).await?;
    let mut activity = Reader::begin(&h).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let came = activity.until(&ann, |what| what == Deed::UserConnected).await?;
    assert!(came.process.starts_with("gateway-") && came.v == 1 && came.at_ms > 1_700_000_000_000, "{came:?}");
    let mut bobs = Socket::live(&h, 1, &bob.device, None).await?;
    let elsewhere = activity.until(&bob, |what| what == Deed::UserConnected).await?;
    assert_ne!(elsewhere.process, came.process);

    let before = log_end(&h).await?;
    let said = anns.post(chat, &ulid_key(0), "secret").await?;
    bobs.message("secret").await?;
    let upto = [ReceivedUpto { conversation_id: chat, seq: said.seq }];
    bobs.connection.send_text(encode::received(&upto)).await.map_err(|close| anyhow::anyhow!("closed: {close:?}"))?;
    activity.until(&bob, |what| matches!(what, Deed::MessageDelivered { seq, .. } if seq >= said.seq)).await?;
    persisted(&h).await?;
    // Others may not know of this one.
    cid.api.mark_read(chat, said.seq).await?;
    bob.api.mark_read(chat, said.seq).await?;
    let read = activity.until(&bob, |what| what == Deed::MessageRead { conversation_id: chat, seq: said.seq }).await?;
    assert!(read.process.starts_with("api-"), "{read:?}");
    assert_eq!(activity.of(&cid), [], "who has receipts off is not said to have read anything");
    assert!(log_end(&h).await?.0 <= before.0 + 3, "the log has the message and one's own marks");

    // A second socket is no second coming, and one that goes is no going.
    let second = Socket::live(&h, 0, &ann.device, None).await?;
    drop(second);
    drop(anns);
    h.gateway(0).stop().await;
    activity.until(&ann, |what| what == Deed::UserDisconnected).await?;
    let anns = activity.of(&ann);
    let comings = anns.iter().filter(|what| matches!(what, Deed::UserConnected | Deed::UserDisconnected)).count();
    assert_eq!(comings, 2, "{anns:?}");

    let people = h.relayctl(&["activity", "people", "--minutes", "5"]).await?;
    assert_eq!(people.trim(), "2");
    let tail = h.relayctl(&["activity", "tail", "--once", "--since-s", "600", "--kind", "read"]).await?;
    let lines: Vec<ActivityEvent> = tail.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    assert_eq!(lines, [read]);
    h.gateway(0).restart().await?;
    h.finish().await
}

#[tokio::test]
async fn without_its_stream_everything_else_goes_on() -> TestResult {
    let h = Harness::start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let jetstream = jetstream::new(h.nats_client().await?);
    jetstream.delete_stream(ACTIVITY_STREAM).await?;
    for process in [h.gateway(0), h.api(), h.worker()] {
        process.stop().await;
        process.restart().await?;
    }
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    anns.post(chat, &ulid_key(0), "all the same").await?;
    bobs.message("all the same").await?;
    let plan = h.relayctl(&["topology", "plan"]).await?;
    assert!(plan.contains("ACTIVITY") && plan.contains("is missing"), "{plan}");
    h.relayctl(&["topology", "apply"]).await?;
    let mut activity = Reader::begin(&h).await?;
    let cid = h.user("cid").await?;
    let cids = Socket::live(&h, 0, &cid.device, None).await?;
    activity.until(&cid, |what| what == Deed::UserConnected).await?;
    drop(cids);
    // What is kept is bounded in time and in bytes, and the oldest goes first.
    let config = jetstream.get_stream(ACTIVITY_STREAM).await?.cached_info().config.clone();
    assert_eq!((config.max_age, config.discard), (Duration::from_hours(7 * 24), jetstream::stream::DiscardPolicy::Old));
    assert!(config.max_bytes > 0);
    h.finish().await
}

//! How fast one shard's log becomes rows: runs of 500 and 1,000 messages of 300 bytes in 100 conversations, one after the
//! other, against a Postgres that syncs every commit. One JSON line per run length.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program for people, not part of the product")]

use std::time::Instant;

use relay_dev_servers::{PostgresOptions, PostgresServer, Scratch, Servers};
use relay_domain::ports::Projection as _;
use relay_protocol::log::{LogEvent, MessageSent, StoredEvent};
use relay_protocol::message::MessageBody;
use relay_store::{PostgresConfig, Store};
use relay_types::{ConversationId, IdGen as _, MessageId, Seq, ShardId, SystemIds, UserId};

const MESSAGES: u64 = 50_000;
const SHARD: ShardId = ShardId(0);

#[tokio::main]
async fn main() {
    let servers = Servers::ready().await.unwrap();
    for run in [500, 1_000] {
        let scratch = Scratch::new("bench").unwrap();
        let options = PostgresOptions { fsync: true, ..PostgresOptions::for_tests(scratch.path().join("postgres")) };
        let server = PostgresServer::start(&servers, options).await.unwrap();
        relay_store::migrate(&server.url()).await.unwrap();
        let store = Store::connect(&PostgresConfig { acquire_timeout_ms: 30_000, ..PostgresConfig::new(server.url()) }).unwrap();
        let events = messages();
        let began = Instant::now();
        for chunk in events.chunks(run) {
            let after = Seq(chunk.first().unwrap().seq.0 - 1);
            store.project(SHARD, "bench", after, chunk.last().unwrap().seq, chunk).await.unwrap();
        }
        let seconds = began.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let rate = MESSAGES as f64 / seconds;
        println!(r#"{{"scenario":"store_project","run":{run},"messages":{MESSAGES},"rate_per_s":{rate:.0},"seconds":{seconds:.2}}}"#);
    }
}

fn messages() -> Vec<StoredEvent> {
    let ids = SystemIds::default();
    let conversations: Vec<_> = (0..100).map(|_| (ConversationId::new(ids.next_ulid()), UserId::new(ids.next_ulid()))).collect();
    let text: relay_types::MessageText = "x".repeat(300).parse().unwrap();
    let message = |(seq, (conversation_id, sender_id)): (u64, &(ConversationId, UserId))| {
        let at_ms = 1_795_348_800_000 + i64::try_from(seq).unwrap();
        let event = LogEvent::MessageSent(MessageSent {
            message_id: MessageId::new(ids.next_ulid()),
            conversation_id: *conversation_id,
            actor_id: *sender_id,
            client_id: ids.next_ulid().to_string().parse().unwrap(),
            at_ms,
            body: MessageBody::Text { text: text.clone() },
            reply_to: None,
            thread: None,
        });
        let owner = event.conversation().map(relay_protocol::EventOwner::Conversation);
        StoredEvent { shard: SHARD, seq: Seq(seq), owner, prev: None, stored_at_ms: at_ms, event, text: None }
    };
    (1..=MESSAGES).zip(conversations.iter().cycle()).map(message).collect()
}

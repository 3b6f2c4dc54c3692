//! What the reconcile worker does with users' durable consumers: make them as memberships say.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_trait::async_trait;
use futures::StreamExt;
use parking_lot::Mutex;
use relay_domain::ports::{CursorError, UserChange, UserConsumers};
use relay_protocol::log::LogEvent;
use relay_subjects::LogSubject;
use relay_types::{ConversationId, ShardId, UserId};

use crate::connect::Bus;
use crate::user_consumer::{MAX_FILTERS, is_not_found};

/// A user who connects to nothing for this long loses the consumer; their next connection is a `reset` anyway.
const INACTIVE_THRESHOLD: Duration = Duration::from_hours(30 * 24);
/// Consumers whose silence is remembered at once.
const MAX_SILENT: usize = 1_000_000;
/// Changes looked at together.
const MAX_BATCH: usize = 256;

/// The users' durable consumers and the queue of changes to them.
pub struct NatsUserConsumers {
    bus: Bus,
    queues: Mutex<HashMap<ShardId, Queue>>,
    /// Since when a consumer does not answer while its stream does.
    silent: Mutex<HashMap<(ShardId, UserId), Instant>>,
    stranded_after: Duration,
}

/// The open pull of one shard's changes, and the deliveries that were handed out: at most [`MAX_BATCH`].
struct Queue {
    messages: futures::stream::ReadyChunks<pull::Stream>,
    taken: Vec<async_nats::jetstream::Message>,
}

impl NatsUserConsumers {
    /// Consumers over `bus`. One that does not answer for `stranded_after`, while its stream does, lived on a server that is
    /// gone, and is made again elsewhere.
    pub fn new(bus: Bus, stranded_after: Duration) -> Self {
        Self { bus, queues: Mutex::new(HashMap::new()), silent: Mutex::new(HashMap::new()), stranded_after }
    }

    /// Whether the consumer has been silent for so long that its server counts as gone.
    fn is_stranded(&self, shard: ShardId, user: UserId) -> bool {
        let mut silent = self.silent.lock();
        if silent.len() >= MAX_SILENT {
            // Whoever is forgotten is counted anew.
            silent.clear();
        }
        silent.entry((shard, user)).or_insert_with(Instant::now).elapsed() >= self.stranded_after
    }

    async fn open(&self, shard: ShardId) -> Result<Queue, CursorError> {
        let stream = self.bus.js.get_stream_no_info(relay_subjects::stream(shard)).await.map_err(CursorError::new)?;
        let consumer: PullConsumer = stream.get_consumer(relay_subjects::RECONCILE_DURABLE).await.map_err(CursorError::new)?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(MAX_BATCH)
            .expires(Duration::from_secs(10))
            .heartbeat(Duration::from_secs(3))
            .messages()
            .await
            .map_err(CursorError::new)?;
        Ok(Queue { messages: messages.ready_chunks(MAX_BATCH), taken: Vec::new() })
    }
}

/// Whether an event on a user's subject may change what their consumers should be, and whether on every shard. Others (accounts
/// that nobody has used yet, invitations, ended sessions) are acknowledged without a look at Postgres: whoever makes many of them
/// costs nobody else a turn.
fn concerns_consumers(payload: &[u8]) -> Option<bool> {
    match serde_json::from_slice(payload).ok()? {
        LogEvent::UserSeen(_) => Some(true),
        event => event.moved().map(|_| false),
    }
}

#[async_trait]
impl UserConsumers for NatsUserConsumers {
    async fn ensure(&self, shard: ShardId, user: UserId, conversations: &[ConversationId]) -> Result<bool, CursorError> {
        let stream = self.bus.js.get_stream_no_info(relay_subjects::stream(shard)).await.map_err(CursorError::new)?;
        let name = relay_subjects::user_durable(user);
        if conversations.len() >= MAX_FILTERS {
            metrics::counter!("relay_consumer_filters_capped_total").increment(1);
        }
        let own = std::iter::once(LogSubject::User(shard, user).to_string());
        let wanted: BTreeSet<String> =
            own.chain(conversations.iter().take(MAX_FILTERS - 1).map(|id| LogSubject::Conversation(shard, *id).to_string())).collect();
        let mut stranded = false;
        let present = match stream.consumer_info(&name).await {
            Ok(info) => Some(info),
            Err(error) if is_not_found(&error) => None,
            Err(error) => {
                // An election, or the whole cluster: not the consumer's own trouble.
                stream.get_info().await.map_err(CursorError::new)?;
                if !self.is_stranded(shard, user) {
                    return Err(CursorError::new(error));
                }
                tracing::info!(shard = shard.0, user.id = %user, "the consumer's server is gone: making it again elsewhere");
                // Carried out by the cluster, but answered by the consumer's own server: no answer comes.
                let _ = stream.delete_consumer(&name).await;
                stranded = true;
                None
            }
        };
        self.silent.lock().remove(&(shard, user));
        let config = pull::Config {
            durable_name: Some(name),
            description: Some("what this user has not received on any device".to_owned()),
            ack_policy: AckPolicy::All,
            filter_subjects: wanted.iter().cloned().collect(),
            inactive_threshold: INACTIVE_THRESHOLD,
            num_replicas: 1,
            ..pull::Config::default()
        };
        match present {
            None => {
                // As a sequence: a consumer that began with `New` cannot be moved by reset. A new user begins now; where a lost
                // consumer stood nobody knows, and nothing may be skipped: the next checkpoint moves it on.
                let state = stream.get_info().await.map_err(CursorError::new)?.state;
                let start_sequence = if stranded { state.first_sequence.max(1) } else { state.last_sequence + 1 };
                let config = pull::Config { deliver_policy: DeliverPolicy::ByStartSequence { start_sequence }, ..config };
                stream.create_consumer(config).await.map_err(CursorError::new)?;
                let series = if stranded { "relay_user_consumers_stranded_total" } else { "relay_user_consumers_created_total" };
                metrics::counter!(series).increment(1);
                Ok(true)
            }
            Some(info) => {
                let has: BTreeSet<String> =
                    info.config.filter_subjects.into_iter().chain(Some(info.config.filter_subject)).filter(|s| !s.is_empty()).collect();
                if has == wanted {
                    return Ok(false);
                }
                // The server refuses changes to where a consumer began; its cursor stays where it is.
                let config = pull::Config { deliver_policy: info.config.deliver_policy, ..config };
                stream.update_consumer(config).await.map_err(CursorError::new)?;
                metrics::counter!("relay_user_consumers_updated_total").increment(1);
                Ok(true)
            }
        }
    }

    fn most_conversations(&self) -> u32 {
        // One filter is the user's own subject.
        u32::try_from(MAX_FILTERS).unwrap_or(u32::MAX)
    }

    async fn next_changed(&self, shard: ShardId) -> Result<Vec<UserChange>, CursorError> {
        let taken = self.queues.lock().remove(&shard);
        let mut queue = match taken {
            Some(queue) => queue,
            None => self.open(shard).await?,
        };
        let Some(chunk) = queue.messages.next().await else { return Err(CursorError::new("the pull ended")) };
        let mut changes: BTreeMap<UserId, UserChange> = BTreeMap::new();
        for message in chunk {
            let message = message.map_err(CursorError::new)?;
            if let Ok(LogSubject::User(_, user)) = message.subject.parse()
                && let Some(everywhere) = concerns_consumers(&message.payload)
            {
                changes.entry(user).or_insert(UserChange { user, everywhere }).everywhere |= everywhere;
            }
            queue.taken.push(message);
        }
        self.queues.lock().insert(shard, queue);
        Ok(changes.into_values().collect())
    }

    async fn epoch(&self, shard: ShardId) -> Result<String, CursorError> {
        crate::tail::head(&self.bus, shard).await.map(|head| head.epoch).map_err(CursorError::new)
    }

    async fn settled(&self, shard: ShardId) -> Result<(), CursorError> {
        let taken = self.queues.lock().get_mut(&shard).map(|queue| std::mem::take(&mut queue.taken)).unwrap_or_default();
        for message in taken {
            message.ack_with(AckKind::Ack).await.map_err(CursorError::new)?;
        }
        Ok(())
    }
}

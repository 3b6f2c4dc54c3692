//! What the reconcile worker does with users' durable consumers: make them as memberships say.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::{AckKind, stream};
use async_trait::async_trait;
use futures::StreamExt;
use parking_lot::Mutex;
use relay_domain::ports::{ConsumerFloor, CursorError, Ensured, Made, Places, UserChange, UserConsumers};
use relay_protocol::log::LogEvent;
use relay_subjects::LogSubject;
use relay_types::{ConversationId, Seq, ShardId, UserId};

use crate::config::TopologyConfig;
use crate::connect::Bus;
use crate::topology::EPOCH_KEY;
use crate::user_consumer::{MAX_FILTERS, is_gone, is_not_found};

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
    reserved: u64,
}

/// The open pull of one shard's changes, and the deliveries that were handed out: at most [`MAX_BATCH`].
struct Queue {
    messages: futures::stream::ReadyChunks<pull::Stream>,
    taken: Vec<async_nats::jetstream::Message>,
}

impl NatsUserConsumers {
    /// Consumers over `bus`. One that does not answer for `stranded_after`, while its stream does, lived on a server that is
    /// gone, and is made again elsewhere. The last places of each log are not users'.
    pub fn new(bus: Bus, stranded_after: Duration, topology: &TopologyConfig) -> Self {
        let reserved = u64::from(topology.reserved_consumers);
        Self { bus, queues: Mutex::new(HashMap::new()), silent: Mutex::new(HashMap::new()), stranded_after, reserved }
    }

    async fn stream(&self, shard: ShardId) -> Result<stream::Stream<()>, CursorError> {
        self.bus.js.get_stream_no_info(relay_subjects::stream(shard)).await.map_err(CursorError::new)
    }

    fn places_of(&self, info: &stream::Info) -> Places {
        let limit = u64::try_from(info.config.max_consumers).ok().filter(|limit| *limit > 0);
        Places { taken: info.state.consumer_count as u64, for_users: limit.map(|limit| limit.saturating_sub(self.reserved)) }
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

/// The subjects that the user's consumer names: their own, and as many conversations as one can.
fn filters(shard: ShardId, user: UserId, conversations: &[ConversationId]) -> BTreeSet<String> {
    if conversations.len() >= MAX_FILTERS {
        metrics::counter!("relay_consumer_filters_capped_total").increment(1);
    }
    let own = std::iter::once(LogSubject::User(shard, user).to_string());
    own.chain(conversations.iter().take(MAX_FILTERS - 1).map(|id| LogSubject::Conversation(shard, *id).to_string())).collect()
}

/// Without a time after which the server takes it away: nobody pulls from it, so it would go however often its user is here, and
/// where it stood with it.
fn config(name: String, filters: BTreeSet<String>) -> pull::Config {
    pull::Config {
        durable_name: Some(name),
        description: Some("what this user has not received on any device".to_owned()),
        ack_policy: AckPolicy::All,
        filter_subjects: filters.into_iter().collect(),
        num_replicas: 1,
        ..pull::Config::default()
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
    async fn ensure(&self, shard: ShardId, user: UserId, conversations: &[ConversationId]) -> Result<Ensured, CursorError> {
        let stream = self.stream(shard).await?;
        let name = relay_subjects::user_durable(user);
        let info = match stream.consumer_info(&name).await {
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
                metrics::counter!("relay_user_consumers_stranded_total").increment(1);
                return Ok(Ensured::Absent { stranded: true });
            }
        };
        self.silent.lock().remove(&(shard, user));
        let Some(info) = info else { return Ok(Ensured::Absent { stranded: false }) };
        let floor = Seq(info.ack_floor.stream_sequence);
        let wanted = filters(shard, user, conversations);
        let has: BTreeSet<String> =
            info.config.filter_subjects.into_iter().chain(Some(info.config.filter_subject)).filter(|s| !s.is_empty()).collect();
        // An earlier version made consumers that the server takes away when nobody pulls from them, whoever their user is.
        if has == wanted && info.config.inactive_threshold.is_zero() {
            return Ok(Ensured::Present { changed: false, floor });
        }
        // The server refuses changes to where a consumer began; its cursor stays where it is.
        let config = pull::Config { deliver_policy: info.config.deliver_policy, ..config(name, wanted) };
        stream.update_consumer(config).await.map_err(CursorError::new)?;
        metrics::counter!("relay_user_consumers_updated_total").increment(1);
        Ok(Ensured::Present { changed: true, floor })
    }

    async fn make(
        &self,
        shard: ShardId,
        user: UserId,
        conversations: &[ConversationId],
        floor: &ConsumerFloor,
    ) -> Result<Made, CursorError> {
        let stream = self.bus.js.get_stream(relay_subjects::stream(shard)).await.map_err(CursorError::new)?;
        let (config_of_log, state) = (&stream.cached_info().config, &stream.cached_info().state);
        if self.places_of(stream.cached_info()).are_taken() {
            metrics::counter!("relay_user_consumers_refused_total").increment(1);
            return Ok(Made::NoPlace);
        }
        // As a sequence: a consumer that began with `New` cannot be moved by reset. In another epoch of the log, everything came
        // after what was delivered. A floor beyond the end is one of a log that was cut off.
        let same_log = config_of_log.metadata.get(EPOCH_KEY) == Some(&floor.epoch);
        let after = if same_log { floor.seq.0.min(state.last_sequence) } else { 0 };
        let start_sequence = (after + 1).max(state.first_sequence).max(1);
        let name = relay_subjects::user_durable(user);
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
            ..config(name, filters(shard, user, conversations))
        };
        stream.create_consumer(config).await.map_err(CursorError::new)?;
        metrics::counter!("relay_user_consumers_created_total").increment(1);
        Ok(Made::Made)
    }

    async fn floor(&self, shard: ShardId, user: UserId) -> Result<Option<Seq>, CursorError> {
        match self.stream(shard).await?.consumer_info(relay_subjects::user_durable(user)).await {
            Ok(info) => Ok(Some(Seq(info.ack_floor.stream_sequence))),
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(CursorError::new(error)),
        }
    }

    async fn remove(&self, shard: ShardId, user: UserId) -> Result<(), CursorError> {
        let removed = self.stream(shard).await?.delete_consumer(&relay_subjects::user_durable(user)).await;
        match removed {
            Ok(_) => {
                metrics::counter!("relay_user_consumers_removed_total").increment(1);
                Ok(())
            }
            Err(error) if is_gone(&error) => Ok(()),
            Err(error) => Err(CursorError::new(error)),
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

    async fn end(&self, shard: ShardId) -> Result<ConsumerFloor, CursorError> {
        let head = crate::tail::head(&self.bus, shard).await.map_err(CursorError::new)?;
        Ok(ConsumerFloor { epoch: head.epoch, seq: head.last })
    }

    async fn places(&self, shard: ShardId) -> Result<Places, CursorError> {
        let stream = self.bus.js.get_stream(relay_subjects::stream(shard)).await.map_err(CursorError::new)?;
        Ok(self.places_of(stream.cached_info()))
    }

    async fn settled(&self, shard: ShardId) -> Result<(), CursorError> {
        let taken = self.queues.lock().get_mut(&shard).map(|queue| std::mem::take(&mut queue.taken)).unwrap_or_default();
        for message in taken {
            message.ack_with(AckKind::Ack).await.map_err(CursorError::new)?;
        }
        Ok(())
    }
}

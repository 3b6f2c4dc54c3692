//! Connections to NATS.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::{ConnectOptions, Event};
use tokio::sync::{OnceCell, watch};

use crate::config::NatsConfig;

/// NATS does not answer, or does not let us in.
#[derive(Debug, thiserror::Error)]
#[error("could not connect to NATS")]
pub struct ConnectError {
    /// Where it was looked for.
    pub servers: String,
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// One connection. Cheap to clone; a process opens one for publishing and one for each stream it follows, because one
/// task parses all that a connection receives.
#[derive(Clone)]
pub struct Bus {
    pub(crate) client: async_nats::Client,
    pub(crate) js: Context,
    pub(crate) config: NatsConfig,
    /// Counts connections made: a server that comes back has forgotten the consumers that live in its memory.
    pub(crate) connects: watch::Receiver<u64>,
    /// Made by the first who writes signing keys.
    keys_account: Arc<OnceCell<Context>>,
}

impl Bus {
    /// Account KEYS, which holds the bucket of signing keys, as `<user>-keys`. Only the API's and the operators' users have
    /// such a counterpart; everybody else reads the bucket through [`crate::keys`].
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn keys_account(&self) -> Result<&Context, ConnectError> {
        self.keys_account
            .get_or_try_init(|| async {
                let user = format!("{}-keys", self.config.user);
                let config = NatsConfig { user, ..self.config.clone() };
                let connect = options(&config, "signing-keys", Use::Log, Arc::default()).connect(&config.servers);
                let failed = |source: async_nats::ConnectError| ConnectError { servers: config.servers.join(","), source: source.into() };
                Ok(async_nats::jetstream::new(connect.await.map_err(failed)?))
            })
            .await
    }

    /// Connects, waiting a few seconds for a server that is just starting. Afterwards the connection heals by itself.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn connect(config: &NatsConfig, name: &str) -> Result<Self, ConnectError> {
        Self::connect_for(config, name, Use::Log).await
    }

    /// As [`Self::connect`], for batches that may be lost: little is held of them, and what this connection publishes does not come
    /// back to it.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn connect_ephemeral(config: &NatsConfig, name: &str) -> Result<Self, ConnectError> {
        Self::connect_for(config, name, Use::Ephemeral).await
    }

    async fn connect_for(config: &NatsConfig, name: &str, purpose: Use) -> Result<Self, ConnectError> {
        crate::metrics::register();
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| ConnectError { servers: config.servers.join(","), source };
        let started = std::time::Instant::now();
        let (counter, connects) = watch::channel(0);
        let counter = Arc::new(counter);
        loop {
            match options(config, name, purpose, Arc::clone(&counter)).connect(&config.servers).await {
                Ok(client) => {
                    let js = ContextBuilder::new()
                        .timeout(Duration::from_millis(config.append_attempt_ms))
                        .max_ack_inflight(20_000)
                        .build(client.clone());
                    return Ok(Self { client, js, config: config.clone(), connects, keys_account: Arc::default() });
                }
                Err(error) if started.elapsed() < START_GRACE => {
                    tracing::debug!(%error, "NATS is not there yet");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(error) => return Err(failed(error.into())),
            }
        }
    }

    /// Whether the connection is up at this moment.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// Sends what is still buffered.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn flush(&self) {
        if let Err(error) = self.client.flush().await {
            tracing::debug!(%error, "could not flush");
        }
    }
}

/// How long a starting process waits for NATS.
const START_GRACE: Duration = Duration::from_secs(3);

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Whatever is read again when it was missed.
    Log,
    /// What may be lost.
    Ephemeral,
}

/// Messages that wait for a subscriber before further ones are lost.
const LOG_CAPACITY: usize = 65_536;
/// Of ephemeral batches, which have 64 KiB at most, and nobody wants old ones.
const EPHEMERAL_CAPACITY: usize = 256;

fn options(config: &NatsConfig, name: &str, purpose: Use, connects: Arc<watch::Sender<u64>>) -> ConnectOptions {
    let connection = name.to_owned();
    let options = ConnectOptions::with_user_and_password(config.user.clone(), config.password.clone())
        .name(name)
        // Users may listen to nobody's replies but their own: see nats/server.conf.
        .custom_inbox_prefix(relay_subjects::inbox_prefix(&config.user))
        .ping_interval(Duration::from_millis(config.ping_interval_ms))
        .connection_timeout(Duration::from_secs(3))
        .request_timeout(Some(Duration::from_secs(5)))
        .subscription_capacity(if purpose == Use::Log { LOG_CAPACITY } else { EPHEMERAL_CAPACITY })
        .reconnect_delay_callback(|attempts| {
            // Half of the delay is random, so that a fleet does not return as one.
            let full = Duration::from_millis(50 << attempts.min(6));
            full / 2 + (full / 2).mul_f64(rand::random::<f64>())
        })
        .event_callback(move |event| {
            if matches!(event, Event::Connected) {
                connects.send_modify(|count| *count += 1);
            }
            let connection = connection.clone();
            async move { on_event(&connection, purpose, &event) }
        });
    if purpose == Use::Ephemeral { options.no_echo() } else { options }
}

fn on_event(connection: &str, purpose: Use, event: &Event) {
    match event {
        Event::Connected => tracing::info!(connection, "NATS connected"),
        Event::SlowConsumer(_) if purpose == Use::Ephemeral => {
            metrics::counter!("relay_ephemeral_batches_missed_total").increment(1);
        }
        Event::SlowConsumer(_) => {
            metrics::counter!("relay_nats_slow_consumer_total").increment(1);
            tracing::warn!(connection, "a NATS subscription was too slow and lost messages; its owner re-reads them");
        }
        Event::ServerError(error) => tracing::warn!(connection, %error, "NATS server error"),
        Event::ClientError(error) => tracing::warn!(connection, %error, "NATS client error"),
        Event::Disconnected | Event::LameDuckMode | Event::Draining | Event::Closed => {
            tracing::warn!(connection, %event, "NATS connection");
        }
    }
}

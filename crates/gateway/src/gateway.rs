//! The gateway as a whole: its parts, and serving until it is told to stop.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderName, Method, header};
use axum::routing::{get, post};
use governor::Quota;
use relay_domain::ports::{
    ActivityNews, DeliveryCursors, DeliveryMarks, EphemeralAudience, EphemeralLink, LogReader, MessageLog, PresenceBoard, PresenceRules,
    ResumeStore, SessionUse, TailSource, TokenVerifier,
};
use relay_posting::{EditLimits, LogRoom, Poster, PosterParts, delete_window};
use relay_runtime::census::Census;
use relay_runtime::descriptors;
use relay_runtime::permits::Permits;
use relay_runtime::{CancellationToken, Health, Origins, Restart, Supervisor, Task};
use relay_types::{Clock, IdGen, ShardId};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::activity::LivePeople;
use crate::checkpoints::Checkpoints;
use crate::commands::Paces;
use crate::config::GatewayConfig;
use crate::ephemeral::{Ephemeral, EphemeralParts};
use crate::fresh_heads::FreshHeads;
use crate::hub::{Hub, HubLimits};
use crate::keeper::Keeper;
use crate::presence::PresenceParts;
use crate::receipts::ReceiptParts;
use crate::resume::{Resumer, Snapshots, Verdict};
use crate::state::Shared;
use crate::tail::TailParts;
use crate::{commands, events, tail, upgrade};

/// What a gateway needs from the world.
pub struct Deps {
    /// Appends messages.
    pub log: Arc<dyn MessageLog>,
    /// Follows the log.
    pub tails: Arc<dyn TailSource>,
    /// Reads the projection.
    pub store: Arc<dyn ResumeStore>,
    /// Notes which sessions are connected, and says when they end.
    pub sessions: Arc<dyn SessionUse>,
    /// What the log has, read past the projection.
    pub log_reader: Arc<dyn LogReader>,
    /// Users' durable consumers.
    pub cursors: Arc<dyn DeliveryCursors>,
    /// Tells other gateways who is typing.
    pub ephemeral: Arc<dyn EphemeralLink>,
    /// Other processes tell what people have read.
    pub receipts: Arc<dyn EphemeralLink>,
    /// Keeps up to where people's devices have everything.
    pub delivery_marks: Arc<dyn DeliveryMarks>,
    /// Tells the rest of the installation who comes and goes, and what devices have.
    pub activity: Arc<dyn ActivityNews>,
    /// Other gateways tell who is there.
    pub presence: Arc<dyn EphemeralLink>,
    /// What gateways share of who is there.
    pub presence_board: Arc<dyn PresenceBoard>,
    /// What people let others know of it.
    pub presence_rules: Arc<dyn PresenceRules>,
    /// Says where typing, and what devices have, is told.
    pub audience: Arc<dyn EphemeralAudience>,
    /// Checks access tokens.
    pub tokens: Arc<dyn TokenVerifier>,
    /// Which pages may connect.
    pub origins: Origins,
    /// The wall clock, for what people see.
    pub clock: Arc<dyn Clock>,
    /// Mints message ids.
    pub ids: Arc<dyn IdGen>,
    /// How full the log is.
    pub room: Arc<LogRoom>,
    /// Every shard of the log.
    pub shards: Vec<ShardId>,
    /// How long an access token is valid, in seconds: a revoked session is remembered as long.
    pub access_ttl_s: u64,
}

/// A gateway.
pub struct Gateway {
    shared: Arc<Shared>,
    deps: Deps,
}

impl Gateway {
    /// Puts the parts together. Nothing runs yet.
    pub fn new(mut config: GatewayConfig, deps: Deps, health: Health) -> Self {
        crate::metrics::register();
        let descriptors = descriptors::fitting("gateway.max_sockets", config.max_sockets.saturating_add(HANDSHAKES));
        let handshakes = HANDSHAKES.min(descriptors.div_ceil(8));
        config.max_sockets = config.max_sockets.min(descriptors - handshakes).clamp(1, Semaphore::MAX_PERMITS);
        let per_second = NonZeroU32::new(config.messages_per_s).unwrap_or(NonZeroU32::MIN);
        let burst = NonZeroU32::new(config.message_burst).unwrap_or(NonZeroU32::MIN);
        let hub = Arc::new(Hub::new(HubLimits {
            ring_bytes: config.ring_bytes,
            replay_cache_bytes: config.replay_cache_bytes,
            roster_linger: Duration::from_millis(config.roster_linger_ms),
            revoked_kept: Duration::from_secs(deps.access_ttl_s + REVOKED_MARGIN_S),
            quota: Quota::per_second(per_second).allow_burst(burst),
        }));
        let poster = Arc::new(Poster::new(PosterParts {
            log: Arc::clone(&deps.log),
            tails: Arc::clone(&deps.tails),
            recent: Arc::clone(&hub) as _,
            store: Arc::clone(&deps.store),
            log_clock: Arc::clone(&hub.clock) as _,
            clock: Arc::clone(&deps.clock),
            ids: Arc::clone(&deps.ids),
            quota: config.quota,
            room: Arc::clone(&deps.room),
            edits: EditLimits { window: Duration::from_secs(u64::from(config.edit_window_s)), most: config.edits_per_message },
            delete_window: delete_window(config.delete_window_s),
        }));
        let fresh_heads = Arc::new(FreshHeads::new(Arc::clone(&deps.tails)));
        let resumer = Resumer {
            hub: Arc::clone(&hub),
            store: Arc::clone(&deps.store),
            snapshots: Snapshots::new(Arc::clone(&deps.store)),
            log_reader: Arc::clone(&deps.log_reader),
            cursors: Arc::clone(&deps.cursors),
            fresh_heads: Arc::clone(&fresh_heads),
            permits: Semaphore::new(config.max_concurrent_resumes),
            catching_up: Permits::new(config.max_resumes_per_user),
            asking: Permits::new(1),
            reading: Permits::new(1),
            max_events: config.max_resume_events,
            verdict: Arc::new(Verdict::new(Arc::clone(&deps.store))),
        };
        let shared = Shared {
            connection_slots: Arc::new(Semaphore::new(config.max_sockets)),
            handshakes,
            addresses: Census::default(),
            people: Census::default(),
            devices: Census::default(),
            streams: Arc::default(),
            commands: Census::default(),
            command_slots: Semaphore::new(handshakes),
            paces: Paces::new(config.frames_per_s),
            hub,
            resumer,
            poster,
            fresh_heads,
            ephemeral: Arc::new(Ephemeral::new(config.typing_per_s)),
            deliveries: Arc::default(),
            presence: Arc::default(),
            live_people: LivePeople::new(Arc::clone(&deps.activity)),
            tokens: Arc::clone(&deps.tokens),
            origins: deps.origins.clone(),
            clock: Arc::clone(&deps.clock),
            pauses: Arc::default(),
            checkpoints: Checkpoints::new(),
            closed: CancellationToken::new(),
            accepting: health.component("gateway"),
            health,
            config,
        };
        Self { shared: Arc::new(shared), deps }
    }

    /// Serves until the supervisor is told to stop, then drains: no new sockets, every socket told to move, cursors moved.
    ///
    /// # Cancel safety
    /// Not cancel safe: sockets would be cut off.
    pub async fn serve(self, listener: TcpListener, supervisor: &Supervisor) -> anyhow::Result<()> {
        let Self { shared, deps } = self;
        let epoch = self::epoch(&deps).await?;
        shared.hub.set_epoch(epoch.combined);
        // Sockets that drain still send, so the watch ends after them.
        shared.pauses.watch(supervisor, &shared.closed);
        for (shard, epoch) in epoch.by_shard {
            let parts = TailParts {
                tails: Arc::clone(&deps.tails),
                store: Arc::clone(&deps.store),
                hub: Arc::clone(&shared.hub),
                clock: Arc::clone(&deps.clock),
                shard,
                epoch,
                warmup: Duration::from_millis(shared.config.ring_warmup_ms),
                revocations: Duration::from_secs(deps.access_ttl_s + REVOKED_MARGIN_S),
            };
            let closed = shared.closed.clone();
            supervisor.spawn(format!("tail-{shard}"), Restart::StopProcess, move |task| {
                // Sockets that drain still receive, so the tail ends after them.
                tail::follow(Task { stop: closed.clone(), ..task }, parts.clone())
            });
        }
        let (state, cursors) = (Arc::clone(&shared), Arc::clone(&deps.cursors));
        let interval = Duration::from_millis(shared.config.checkpoint_interval_ms);
        supervisor.spawn("checkpoints", Restart::StopProcess, move |task| {
            let (state, cursors) = (Arc::clone(&state), Arc::clone(&cursors));
            async move { state.checkpoints.run(task, Arc::clone(&state.hub), cursors, interval).await }
        });
        let (hub, sessions) = (Arc::clone(&shared.hub), Arc::clone(&deps.sessions));
        supervisor.spawn("sessions", Restart::Backoff { cap: Duration::from_secs(5) }, move |task| {
            Keeper::new(Arc::clone(&hub), Arc::clone(&sessions)).run(task)
        });
        let verdict = Arc::clone(&shared.resumer.verdict);
        supervisor.spawn("projection-verdict", Restart::Backoff { cap: Duration::from_secs(5) }, move |task| {
            let verdict = Arc::clone(&verdict);
            async move { verdict.run(task).await }
        });
        let parts =
            EphemeralParts { hub: Arc::clone(&shared.hub), link: Arc::clone(&deps.ephemeral), audience: Arc::clone(&deps.audience) };
        shared.ephemeral.serve(supervisor, parts);
        crate::receipts::serve(
            supervisor,
            &ReceiptParts {
                hub: Arc::clone(&shared.hub),
                link: Arc::clone(&deps.receipts),
                audience: Arc::clone(&deps.audience),
                marks: Arc::clone(&deps.delivery_marks),
                deliveries: Arc::clone(&shared.deliveries),
                activity: Arc::clone(&deps.activity),
            },
        );
        let parts = PresenceParts {
            hub: Arc::clone(&shared.hub),
            link: Arc::clone(&deps.presence),
            board: Arc::clone(&deps.presence_board),
            rules: Arc::clone(&deps.presence_rules),
            clock: Arc::clone(&deps.clock),
        };
        shared.presence.serve(supervisor, parts);
        let router = Router::new()
            .route("/v1/ws", get(upgrade::upgrade))
            .route("/v1/events", post(events::open))
            .route("/v1/commands", post(commands::take))
            .fallback(upgrade::not_found)
            .method_not_allowed_fallback(upgrade::method_not_allowed)
            .layer(cors(shared.origins.clone()))
            .with_state(Arc::clone(&shared));
        let stop = supervisor.stop_token();
        tokio::select! {
            () = shared.hub.begun(&deps.shards) => {}
            // Told to stop, or a tail could not begin.
            () = stop.cancelled() => {}
        }
        relay_runtime::http::serve(listener, router, supervisor, shared.config.http_limits(shared.handshakes));
        shared.accepting.up();
        stop.cancelled().await;
        shared.health.start_draining();
        shared.hub.wake_all();
        let spread = Duration::from_millis(shared.config.drain_spread_ms);
        let all = u32::try_from(shared.config.max_sockets).unwrap_or(u32::MAX);
        let commands = u32::try_from(shared.handshakes).unwrap_or(u32::MAX);
        let gone = async { tokio::join!(shared.connection_slots.acquire_many(all), shared.command_slots.acquire_many(commands)) };
        if tokio::time::timeout(spread + DRAIN_LIMIT, gone).await.is_err() {
            tracing::warn!("some sockets did not close in time");
        }
        shared.closed.cancel();
        shared.checkpoints.finish(Arc::clone(&deps.cursors), DRAIN_LIMIT).await;
        Ok(())
    }
}

/// Pages of ours may ask from another origin than ours. No credentials of the browser's: tokens are in a header or a body.
fn cors(origins: Origins) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |_, parts| origins.judge(&parts.headers).is_ok()))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, events::LAST_EVENT_ID])
        .expose_headers([HeaderName::from_static("x-request-id"), header::RETRY_AFTER])
        .max_age(PREFLIGHT_AGE)
}

/// How long a browser may remember what it may ask.
const PREFLIGHT_AGE: Duration = Duration::from_mins(10);

/// Connections that are not sockets yet: each lasts as long as a handshake, or `hello_timeout_ms` when it never comes.
const HANDSHAKES: usize = 4_096;

/// After the spread: answers that are due, and the close handshakes.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// Tokens are accepted a little beyond their end; see `tokens.leeway_s`, at most five minutes.
const REVOKED_MARGIN_S: u64 = 300;

struct Epochs {
    combined: String,
    by_shard: Vec<(ShardId, String)>,
}

/// One epoch for all shards: theirs if they agree, else one that changes when any of them does.
async fn epoch(deps: &Deps) -> anyhow::Result<Epochs> {
    let mut by_shard = Vec::new();
    for shard in &deps.shards {
        by_shard.push((*shard, deps.tails.head(*shard).await?.epoch));
    }
    let mut distinct: Vec<&str> = by_shard.iter().map(|(_, epoch)| epoch.as_str()).collect();
    distinct.dedup();
    let combined = match distinct.as_slice() {
        [one] => (*one).to_owned(),
        several => {
            // FNV-1a: a short name for a list, not a secret.
            let hash = several
                .iter()
                .flat_map(|epoch| epoch.bytes())
                .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
            format!("M{hash:016x}")
        }
    };
    Ok(Epochs { combined, by_shard })
}

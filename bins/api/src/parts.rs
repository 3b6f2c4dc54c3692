//! The adapters that the API runs on.

use std::sync::Arc;
use std::time::Duration;

use relay_api::Deps;
use relay_auth::{Argon2Hasher, KeyRing, Mint, PasswordConfig};
use relay_bus::Bus;
use relay_bus::activity::ActivityTeller;
use relay_bus::ephemeral::NatsEphemeral;
use relay_bus::log::NatsMessageLog;
use relay_bus::log_reader::NatsLogReader;
use relay_bus::receipts::ReceiptTeller;
use relay_bus::tail::NatsTails;
use relay_domain::ports::NothingRecent;
use relay_hot_state::{ValkeyLimiter, ValkeyPresence};
use relay_posting::{EditLimits, LogRoom, Poster, PosterParts, delete_window};
use relay_runtime::{Origins, Restart, Supervisor};
use relay_types::{SystemClock, SystemIds};

use crate::config::Config;
use crate::servers;

/// Everything the handlers use, and what is closed at the end.
pub struct Parts {
    pub deps: Deps,
    pub limits: Arc<ValkeyLimiter>,
    pub activity: Arc<ActivityTeller>,
}

/// Reaches the servers and puts the parts together.
pub async fn assemble(config: &Config, supervisor: &Supervisor, bus: &Bus, keys: (Arc<Mint>, Arc<KeyRing>)) -> anyhow::Result<Parts> {
    let (mint, ring) = keys;
    let store = Arc::new(servers::connect_postgres(&config.postgres).await?);
    // A flush or a post holds its connection while it waits for the log, which must not starve reads.
    let outbox = Arc::new(relay_bootstrap::open_store(&config.postgres)?);
    let limits = Arc::new(ValkeyLimiter::connect(&config.valkey)?);
    servers::watch(supervisor, store.as_ref().clone(), Arc::clone(&limits));

    let hashing = PasswordConfig { concurrent: config.api.password_concurrency, queue_ms: config.api.password_queue_ms };
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds::default()));
    let log = Arc::new(NatsMessageLog::new(bus.clone(), &config.topology));
    let tails = Arc::new(NatsTails::new(bus.clone()));
    let room = Arc::<LogRoom>::default();
    let (looked_at, shards) = (Arc::clone(&room), config.topology.shard_ids().collect());
    relay_bootstrap::watch_log(supervisor, bus.clone(), shards, move |shard, bytes, max| looked_at.observe(shard, bytes, max));
    let poster = Arc::new(Poster::new(PosterParts {
        log: log.clone(),
        tails: tails.clone(),
        // This process does not follow the log; it asks how far it is and what time it has.
        recent: Arc::new(NothingRecent),
        log_clock: Arc::new(NothingRecent),
        store: store.clone(),
        clock: clock.clone(),
        ids: ids.clone(),
        quota: config.api.quota,
        room,
        edits: EditLimits { window: Duration::from_secs(u64::from(config.api.edit_window_s)), most: config.api.edits_per_message },
        delete_window: delete_window(config.api.delete_window_s),
    }));
    let receipt_news = Arc::new(ReceiptTeller::new(Arc::new(NatsEphemeral::receipts(bus.clone()))));
    tell_receipts(supervisor, Arc::clone(&receipt_news));
    let activity = relay_bootstrap::tell_activity(supervisor, bus, "api");
    let deps = Deps {
        tails,
        log_reader: Arc::new(NatsLogReader::new(bus.clone())),
        projection: store.clone(),
        accounts: store.clone(),
        sessions: store.clone(),
        conversations: store.clone(),
        receipts: store.clone(),
        receipt_news,
        activity: activity.clone(),
        settings: store.clone(),
        drafts: store.clone(),
        sync: store.clone(),
        presence: Arc::new(ValkeyPresence::connect(&config.valkey)?),
        presence_rules: store.clone(),
        threads: store.clone(),
        scheduled: store.clone(),
        search: store.clone(),
        history: store,
        postings: outbox.clone(),
        outbox,
        log,
        poster,
        passwords: Arc::new(Argon2Hasher::new(&hashing)?),
        tokens: mint,
        verifier: ring,
        origins: Arc::new(Origins::new(&config.web)),
        limits: limits.clone(),
        clock,
        ids,
        shards: config.topology.shards,
    };
    Ok(Parts { deps, limits, activity })
}

/// Tells gateways what people have read.
fn tell_receipts(supervisor: &Supervisor, teller: Arc<ReceiptTeller>) {
    supervisor.spawn("receipts", Restart::Backoff { cap: Duration::from_secs(5) }, move |task| {
        let teller = Arc::clone(&teller);
        async move {
            task.health.up();
            tokio::select! {
                () = task.stop.cancelled() => Ok(()),
                () = teller.run() => Ok(()),
            }
        }
    });
}

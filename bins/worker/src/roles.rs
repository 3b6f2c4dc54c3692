//! One role of the worker: its tasks, and the adapters they run on.

use std::sync::Arc;
use std::time::Duration;

use relay_bus::Bus;
use relay_bus::audit::NatsAudit;
use relay_bus::consumers::NatsUserConsumers;
use relay_bus::erase::NatsErase;
use relay_bus::log::NatsMessageLog;
use relay_bus::queue::NatsWork;
use relay_bus::tail::NatsTails;
use relay_runtime::{Restart, Supervisor};
use relay_store::Store;
use relay_types::{IdGen as _, SystemClock, SystemIds};
use relay_workers::audit::{Audit, Auditor};
use relay_workers::erase::Erase;
use relay_workers::index::Index;
use relay_workers::outbox::OutboxRelay;
use relay_workers::persist::Persist;
use relay_workers::read_marks::ReadMarks;
use relay_workers::reconcile::Reconcile;
use relay_workers::{Role, maintenance};

use crate::config::Config;

const AGAIN: Restart = Restart::Backoff { cap: Duration::from_secs(5) };

/// Starts every task of `role`.
pub async fn start(role: Role, config: &Config, supervisor: &Supervisor, bus: &Bus, store: &Store) -> anyhow::Result<()> {
    match role {
        Role::Persist => persist(config, supervisor, store).await,
        Role::Reconcile => {
            reconcile(config, supervisor, bus, store);
            Ok(())
        }
        Role::Outbox => {
            outbox(config, supervisor, bus, store);
            Ok(())
        }
        Role::Audit => {
            audit(config, supervisor, bus, store);
            Ok(())
        }
        Role::Erase => {
            erase(config, supervisor, bus, store);
            Ok(())
        }
        Role::Index => {
            index(config, supervisor, store);
            Ok(())
        }
    }
}

fn erase(config: &Config, supervisor: &Supervisor, bus: &Bus, store: &Store) {
    let job = Erase {
        erasures: Arc::new(store.clone()),
        log: Arc::new(NatsErase::new(bus.clone())),
        every: Duration::from_secs(1) / config.worker.erase_per_s,
    };
    supervisor.spawn("erase", AGAIN, move |task| {
        let job = job.clone();
        async move { job.run(task).await }
    });
}

fn index(config: &Config, supervisor: &Supervisor, store: &Store) {
    let job = Index { index: Arc::new(store.clone()) };
    for shard in config.topology.shard_ids() {
        let job = job.clone();
        supervisor.spawn(format!("index-{shard}"), AGAIN, move |task| {
            let job = job.clone();
            async move { job.run(task, shard).await }
        });
    }
}

fn audit(config: &Config, supervisor: &Supervisor, bus: &Bus, store: &Store) {
    let auditor = Auditor {
        tails: Arc::new(NatsTails::new(bus.clone())),
        log: Arc::new(NatsAudit::new(bus.clone())),
        projection: Arc::new(store.clone()),
        watermarks: Arc::new(store.clone()),
        people: Arc::new(store.clone()),
    };
    let job = Audit {
        auditor,
        shards: config.topology.shard_ids().collect(),
        every: Duration::from_secs(config.worker.audit_every_s),
        full_every: Duration::from_secs(config.worker.audit_full_every_s),
    };
    supervisor.spawn("audit", AGAIN, move |task| {
        let job = job.clone();
        async move { job.run(task).await }
    });
}

async fn persist(config: &Config, supervisor: &Supervisor, store: &Store) -> anyhow::Result<()> {
    for shard in config.topology.shard_ids() {
        // A connection each: one task parses all that a connection receives.
        let bus = relay_bootstrap::connect_nats(&config.nats, "worker-persist").await?;
        let job = Persist {
            source: Arc::new(NatsWork::new(bus)),
            projection: Arc::new(store.clone()),
            clock: Arc::new(SystemClock),
            batch: config.worker.persist_batch,
        };
        supervisor.spawn(format!("persist-{shard}"), Restart::StopProcess, move |task| {
            let job = job.clone();
            async move { job.run(task, shard).await }
        });
    }
    let store = store.clone();
    supervisor.spawn("maintenance", AGAIN, move |task| maintenance::run(task, Arc::new(store.clone())));
    Ok(())
}

fn reconcile(config: &Config, supervisor: &Supervisor, bus: &Bus, store: &Store) {
    let job = Reconcile {
        memberships: Arc::new(store.clone()),
        retirement: Arc::new(store.clone()),
        consumers: Arc::new(NatsUserConsumers::new(bus.clone(), Duration::from_secs(config.worker.stranded_after_s), &config.topology)),
        shards: config.topology.shard_ids().collect(),
        walker: SystemIds::default().next_ulid().to_string(),
        all_every: Duration::from_secs(config.worker.reconcile_all_every_s),
        retire_after: Duration::from_hours(24) * config.worker.retire_after_days,
        again: Arc::default(),
    };
    for shard in config.topology.shard_ids() {
        let job = job.clone();
        supervisor.spawn(format!("reconcile-{shard}"), AGAIN, move |task| {
            let job = job.clone();
            async move { job.follow(task, shard).await }
        });
    }
    let again = job.clone();
    supervisor.spawn("reconcile-again", AGAIN, move |task| {
        let job = again.clone();
        async move { job.again(task).await }
    });
    supervisor.spawn("reconcile-all", AGAIN, move |task| {
        let job = job.clone();
        async move { job.walk(task).await }
    });
}

fn outbox(config: &Config, supervisor: &Supervisor, bus: &Bus, store: &Store) {
    let job = OutboxRelay {
        outbox: Arc::new(store.clone()),
        log: Arc::new(NatsMessageLog::new(bus.clone(), &config.topology)),
        age: Duration::from_millis(config.worker.outbox_age_ms),
    };
    let read_marks = ReadMarks {
        news: Arc::new(store.clone()),
        drafts: Arc::new(store.clone()),
        threads: Arc::new(store.clone()),
        outbox: Arc::clone(&job.outbox),
        log: Arc::clone(&job.log),
    };
    supervisor.spawn("read-marks", AGAIN, move |task| {
        let read_marks = read_marks.clone();
        async move { read_marks.run(task).await }
    });
    for shard in config.topology.shard_ids() {
        let job = job.clone();
        supervisor.spawn(format!("outbox-{shard}"), AGAIN, move |task| {
            let job = job.clone();
            async move { job.run(task, shard).await }
        });
    }
}

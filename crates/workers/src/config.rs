//! `[worker]`

use std::net::SocketAddr;

use relay_types::limits::{Violation, at_least, require, within};
use serde::{Deserialize, Serialize};

/// A job that a worker process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Projects the log into Postgres, one worker per shard at a time.
    Persist,
    /// Keeps users' durable consumers as their memberships say.
    Reconcile,
    /// Publishes outbox rows that the API left behind.
    Outbox,
    /// Compares the log with Postgres.
    Audit,
    /// Takes the content of erased messages out of the log.
    Erase,
    /// Fills the index by which messages are found.
    Index,
}

/// Which jobs, and how eagerly.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkerConfig {
    /// Where operators look: `/healthz`, `/readyz`, `/metrics`.
    pub admin_listen: SocketAddr,
    /// What this worker does; maintenance of the database belongs to `persist`.
    pub roles: Vec<Role>,
    /// Events in one transaction at most.
    pub persist_batch: usize,
    /// How often a walk over all users' consumers begins, which compares them with the memberships, in seconds.
    pub reconcile_all_every_s: u64,
    /// A user who has not logged in, refreshed or been connected for this long loses their durable consumers, in days. They get
    /// them back when they return, with what was missed counted.
    pub retire_after_days: u32,
    /// A user's durable consumer that does not answer for this long, while its stream does, is made again on another server,
    /// in seconds.
    pub stranded_after_s: u64,
    /// How often what is new in the log is compared with Postgres, in seconds.
    pub audit_every_s: u64,
    /// How often everything that the log still has is compared, and every cursor and read mark looked at, in seconds.
    pub audit_full_every_s: u64,
    /// Outbox rows older than this are taken to be left behind, in milliseconds.
    pub outbox_age_ms: u64,
    /// Messages erased from the log in one second at most, by all workers together. Each holds the log up for about 16 ms.
    pub erase_per_s: u32,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            admin_listen: SocketAddr::from(([127, 0, 0, 1], 7092)),
            roles: vec![Role::Persist, Role::Reconcile, Role::Outbox, Role::Audit, Role::Erase, Role::Index],
            persist_batch: 1_000,
            reconcile_all_every_s: 3_600,
            retire_after_days: 30,
            stranded_after_s: 60,
            audit_every_s: 60,
            audit_full_every_s: 86_400,
            outbox_age_ms: 2_000,
            erase_per_s: 5,
        }
    }
}

impl WorkerConfig {
    /// Refuses values outside their limits: the key, and what it has to be.
    pub fn check(&self) -> Result<(), Violation> {
        require("worker.roles", !self.roles.is_empty(), || "at least one role".to_owned())?;
        within("worker.persist_batch", &self.persist_batch, &(1..=10_000))?;
        within("worker.erase_per_s", &self.erase_per_s, &(1..=50))?;
        // A day is how long an access token may live, and half of one how late a use is noted.
        within("worker.retire_after_days", &self.retire_after_days, &(2..=3_650))?;
        at_least("worker.audit_every_s", &self.audit_every_s, &1)?;
        at_least("worker.audit_full_every_s", &self.audit_full_every_s, &self.audit_every_s)?;
        at_least("worker.reconcile_all_every_s", &self.reconcile_all_every_s, &10)
    }
}

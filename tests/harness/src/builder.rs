//! What a test wants.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use futures::future::try_join_all;
use relay_dev_servers::relay::role_env;
use relay_dev_servers::{
    NatsOptions, NatsServer, RelayOptions, RelayProcess, Scratch, Servers, SyncInterval, ValkeyOptions, ValkeyServer, workspace,
};
use relay_fault_proxy::FaultProxy;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::{self, Places};
use crate::database::Database;
use crate::harness::{Harness, Parts};
use crate::logs::Expected;
use crate::tool;

/// What a test wants: by default one shard, one gateway, one api, one worker, a NATS and a Valkey of its own, and a
/// database on the shared Postgres.
#[derive(Debug, Clone)]
#[must_use = "nothing is started before `start`"]
pub struct HarnessBuilder {
    shards: u16,
    gateways: usize,
    workers: usize,
    duplicate_window: Duration,
    private_postgres: bool,
    fsync: bool,
    sync: SyncInterval,
    nats_link: bool,
    overrides: Vec<(String, String)>,
    expected: Expected,
}

impl Default for HarnessBuilder {
    fn default() -> Self {
        Self {
            shards: 1,
            gateways: 1,
            workers: 1,
            duplicate_window: Duration::from_mins(2),
            private_postgres: false,
            fsync: false,
            // Tests kill processes, not machines; what the kernel has is safe from that.
            sync: SyncInterval::TwoMinutes,
            nats_link: false,
            overrides: Vec::new(),
            expected: Expected::None,
        }
    }
}

impl HarnessBuilder {
    /// How many shards the log has.
    pub fn shards(mut self, shards: u16) -> Self {
        self.shards = shards;
        self
    }

    /// How many gateways run.
    pub fn gateways(mut self, gateways: usize) -> Self {
        self.gateways = gateways;
        self
    }

    /// How many workers run; the second and later ones are on standby.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// How long JetStream itself recognises a message id.
    pub fn duplicate_window(mut self, window: Duration) -> Self {
        self.duplicate_window = window;
        self
    }

    /// A Postgres server for this test alone, so that it can be stopped.
    pub fn private_postgres(mut self) -> Self {
        self.private_postgres = true;
        self
    }

    /// A Postgres of its own that syncs every commit, as in production; for measurements.
    pub fn durable_postgres(mut self) -> Self {
        self.private_postgres = true;
        self.fsync = true;
        self
    }

    /// fsync before every acknowledgement, as in production.
    pub fn sync_always(mut self) -> Self {
        self.sync = SyncInterval::Always;
        self
    }

    /// Gateways reach NATS through [`Harness::nats_link`], which can misbehave.
    pub fn nats_link(mut self) -> Self {
        self.nats_link = true;
        self
    }

    /// Settings that differ: `fragment` is TOML for the inside of `[section]`, such as `("gateway", "max_sockets = 2")`.
    pub fn config(mut self, section: &str, fragment: &str) -> Self {
        self.overrides.push((section.to_owned(), fragment.to_owned()));
        self
    }

    /// The test makes processes log errors.
    pub fn expect_errors(mut self) -> Self {
        self.expected = Expected::Any;
        self
    }

    /// The test makes processes log errors that contain this text; others still fail it.
    pub fn expect_error(mut self, text: &str) -> Self {
        let mut texts = match self.expected {
            Expected::Containing(texts) => texts,
            Expected::None | Expected::Any => Vec::new(),
        };
        texts.push(text.to_owned());
        self.expected = Expected::Containing(texts);
        self
    }

    /// Starts everything and waits until all of it is ready.
    ///
    /// # Cancel safety
    /// Cancel safe: what was started is ended.
    pub async fn start(self) -> anyhow::Result<Harness> {
        let permit = turn().await?;
        Ok(Harness::new(Arc::new(self.parts().await?), permit, None))
    }

    /// As [`Self::start`], whoever's turn it is.
    pub(crate) async fn parts(self) -> anyhow::Result<Parts> {
        let scratch = Scratch::new("test")?;
        let at = scratch.path().to_owned();
        let bin_dir = workspace::bin_dir()?;
        let servers = Servers::ready().await?;
        let database = async {
            if self.private_postgres {
                Database::private(&servers, &bin_dir, &at, self.fsync).await
            } else {
                Database::shared(&servers, &bin_dir).await
            }
        };
        let nats = NatsServer::start(&servers, NatsOptions { data: at.join("nats"), sync: self.sync, ..NatsOptions::default() });
        let valkey = ValkeyServer::start(&servers, ValkeyOptions { data: at.join("valkey"), ..ValkeyOptions::default() });
        let (database, nats, valkey) = Box::pin(futures::future::try_join3(database, nats, valkey)).await?;

        let config_path = at.join("relay.toml");
        let keys_dir = at.join("keys");
        std::fs::create_dir_all(&keys_dir)?;
        let (nats_url, valkey_url) = (nats.url(), valkey.url());
        let places = Places {
            nats_url: &nats_url,
            nats_password: nats.password(),
            postgres_url: &database.url,
            valkey_url: &valkey_url,
            keys_dir: &keys_dir,
        };
        let mut table = config::base(&places, self.shards, u64::try_from(self.duplicate_window.as_millis())?)?;
        for (section, fragment) in &self.overrides {
            config::override_section(&mut table, section, fragment)?;
        }
        config::write(&config_path, &table)?;
        tool::relayctl(&bin_dir, &config_path, &["token", "rotate"]).await?;
        tool::relayctl(&bin_dir, &config_path, &["topology", "apply"]).await?;

        let nats_link = if self.nats_link { Some(FaultProxy::start("nats", nats.address()).await?) } else { None };
        let process = |section: &'static str, name: String| {
            let link = nats_link.as_ref().filter(|_| section == "gateway");
            let mut env = role_env(section, nats.password(), &database.url);
            env.extend(link.map(|link| ("RELAY__NATS__SERVERS".to_owned(), format!("[\"nats://{}\"]", link.address()))));
            start_process(section, name, env, &bin_dir, &config_path, &at)
        };
        let workers = try_join_all((0..self.workers).map(|index| process("worker", format!("worker-{index}"))));
        let (workers, api) = futures::future::try_join(workers, process("api", "api".to_owned())).await?;
        // After the api: it publishes the keys that gateways verify tokens with.
        let gateways = try_join_all((0..self.gateways).map(|index| process("gateway", format!("gateway-{index}")))).await?;
        let expected = self.expected;
        let config = config_path;
        Ok(Parts { gateways, api, workers, nats_link, nats, valkey, database, bin_dir, config, expected, scratch })
    }
}

async fn start_process(
    section: &str,
    name: String,
    env: Vec<(String, String)>,
    bin_dir: &Path,
    config: &Path,
    run_dir: &Path,
) -> anyhow::Result<RelayProcess> {
    RelayProcess::start_new(RelayOptions {
        section: section.to_owned(),
        name,
        bin_dir: bin_dir.to_owned(),
        config: config.to_owned(),
        run_dir: run_dir.to_owned(),
        port: None,
        admin_port: None,
        env,
    })
    .await
}

/// A test with a whole RelayHub waits for its turn: more at once than cores makes each so slow that waits run out.
pub(crate) async fn turn() -> anyhow::Result<OwnedSemaphorePermit> {
    static TURNS: OnceLock<Arc<Semaphore>> = OnceLock::new();
    let turns = TURNS.get_or_init(|| {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Arc::new(Semaphore::new(cores.clamp(2, 8)))
    });
    Arc::clone(turns).acquire_owned().await.context("the turns are never closed")
}

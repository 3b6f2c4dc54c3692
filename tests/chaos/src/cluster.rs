//! A whole RelayHub on one machine, with a fault proxy on every link.
//!
//! Three nats-servers (R3, `sync_interval: always`), Postgres with a synchronous replica, Valkey, two gateways, two workers,
//! one api. Postgres and one nats-server lie on disks in memory that can be filled, where those may be mounted. Every process reaches every server through a proxy of its own, nats-servers reach one another
//! through proxies too, and clients come in through one per gateway: any link can be cut alone.

mod config;
mod links;
mod programs;
mod supervise;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use relay_client::ApiClient;
use relay_dev_servers::postgres::role_passwords;
use relay_dev_servers::relay::role_env;
use relay_dev_servers::{
    NatsCluster, NatsClusterOptions, PostgresPair, PostgresPairOptions, RelayOptions, RelayProcess, Scratch, Servers, SmallDisk,
    SyncInterval, ValkeyOptions, ValkeyServer, workspace,
};
use tokio::process::Command;

pub use links::Links;
pub use programs::Programs;
pub use supervise::Supervisor;

use crate::skew::{self, ClockSkew};

/// For a new NATS cluster to be able to place streams.
const FORMED_WITHIN: std::time::Duration = std::time::Duration::from_mins(1);
/// nats-servers.
pub const NODES: usize = 3;
/// Room on the small disks that can be filled: one nats-server's log, and both Postgres servers. In memory, so no more than
/// a run needs.
const NATS_DISK_BYTES: u64 = 512 << 20;
const NATS_DISK_BYTES_PER_S: u64 = 3 << 19;
const POSTGRES_DISK_BYTES: u64 = 3 << 30;
const POSTGRES_DISK_BYTES_PER_S: u64 = 2 << 20;

/// One of our processes, with what the faults need to reach it.
pub struct Member {
    pub process: Arc<RelayProcess>,
    pub clock: ClockSkew,
}

/// Everything that runs.
pub struct Cluster {
    pub gateways: Vec<Member>,
    pub workers: Vec<Member>,
    pub apis: Vec<Member>,
    /// A gateway that crashes at its failpoints; runs only during that fault.
    pub crasher: Option<Member>,
    pub nats: Arc<NatsCluster>,
    pub postgres: Arc<PostgresPair>,
    pub valkey: ValkeyServer,
    pub links: Links,
    pub supervisor: Arc<Supervisor>,
    pub programs: Programs,
    pub nats_disk: Option<SmallDisk>,
    pub postgres_disk: Option<SmallDisk>,
    bin_dir: PathBuf,
    config: PathBuf,
    scratch: Scratch,
}

/// What the cluster is made for.
#[derive(Clone)]
pub struct Options {
    pub gateways: usize,
    pub workers: usize,
    /// How long it has to last, in seconds.
    pub seconds: u64,
    /// Whether every commit of Postgres waits for its replica.
    pub synchronous: bool,
    /// Where the programs of the revision are that our processes begin as; this one by default. The tables and the topology are
    /// this revision's, as an operator upgrades them first.
    pub begins_as: Option<PathBuf>,
}

impl Cluster {
    /// Starts everything and waits until all of it is ready.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let scratch = Scratch::new("chaos")?;
        let at = scratch.path().to_owned();
        let bin_dir = workspace::bin_dir()?;
        let servers = Servers::ready().await?;

        let mut links = Links::default();
        let room = |least: u64, per_s: u64| least + per_s * options.seconds.min(3_600);
        let nats_disk = SmallDisk::mount(&at.join("disk-nats"), room(NATS_DISK_BYTES, NATS_DISK_BYTES_PER_S))?;
        let postgres_disk = SmallDisk::mount(&at.join("disk-postgres"), room(POSTGRES_DISK_BYTES, POSTGRES_DISK_BYTES_PER_S))?;
        let routes = links::Routes::prepare(NODES)?;
        let options_nats = NatsClusterOptions {
            data: at.join("nats"),
            nodes: NODES,
            sync: SyncInterval::Always,
            routes: Some(routes.resolver()),
            // The last node's log lies on the disk that can be filled.
            stores: (0..NODES).map(|node| nats_disk.as_ref().filter(|_| node + 1 == NODES).map(|disk| disk.path().join("store"))).collect(),
        };
        let (nats, routes) = tokio::try_join!(NatsCluster::start(&servers, options_nats), routes.serve())?;
        links.routes = routes;
        let data = postgres_disk.as_ref().map_or_else(|| at.join("postgres"), |disk| disk.path().join("postgres"));
        let postgres = PostgresPairOptions { data, synchronous: options.synchronous, fsync: true, ..PostgresPairOptions::default() };
        let postgres = PostgresPair::start(&servers, postgres).await?;
        let valkey = ValkeyServer::start(&servers, ValkeyOptions { data: at.join("valkey"), ..ValkeyOptions::default() }).await?;

        let config_path = at.join("relay.toml");
        let keys_dir = at.join("keys");
        std::fs::create_dir_all(&keys_dir)?;
        let places = config::Places {
            nats_urls: &nats.urls(),
            nats_password: nats.password(),
            postgres_url: &postgres.url_at(postgres.primary_address()),
            valkey_url: &valkey.url(),
            keys_dir: &keys_dir,
        };
        config::write(&config_path, &places)?;
        let roles = role_passwords(&postgres.url_at(postgres.primary_address()));
        for arguments in [["migrate"].as_slice(), &["token", "rotate"]] {
            relayctl_with(&bin_dir, &config_path, arguments, roles.clone()).await?;
        }
        // A cluster that was formed a moment ago has a leader before that one knows where there is room.
        let deadline = tokio::time::Instant::now() + FORMED_WITHIN;
        while let Err(error) = relayctl(&bin_dir, &config_path, &["topology", "apply"]).await {
            if tokio::time::Instant::now() > deadline {
                return Err(error);
            }
            tracing::info!(error = %format!("{error:#}"), "the topology is not applied yet");
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
        let shim = skew::build(&at)?;
        let mut cluster = Self {
            gateways: Vec::new(),
            workers: Vec::new(),
            apis: Vec::new(),
            crasher: None,
            nats: Arc::new(nats),
            postgres: Arc::new(postgres),
            valkey,
            links,
            supervisor: Arc::new(Supervisor::default()),
            programs: Programs::new(at.join("programs"), options.begins_as.unwrap_or_else(|| bin_dir.clone())),
            nats_disk,
            postgres_disk,
            bin_dir,
            config: config_path,
            scratch,
        };
        for (section, count) in [("worker", options.workers), ("api", 1), ("gateway", options.gateways)] {
            for index in 0..count {
                let member = cluster.member(section, &format!("{section}-{index}"), &shim, Vec::new()).await?;
                member.process.start().await.with_context(|| format!("{section}-{index} does not start"))?;
                cluster.supervisor.watch(Arc::clone(&member.process));
                match section {
                    "worker" => cluster.workers.push(member),
                    "api" => cluster.apis.push(member),
                    _ => cluster.gateways.push(member),
                }
            }
        }
        // Not started: a fault does.
        let failpoints = vec![("RELAY_FAILPOINTS".to_owned(), "after_append=crash:0.1".to_owned())];
        cluster.crasher = Some(cluster.member("gateway", "gateway-crasher", &shim, failpoints).await?);
        Ok(cluster)
    }

    /// One of our processes behind links of its own; not yet started.
    async fn member(&mut self, section: &str, name: &str, shim: &Path, mut env: Vec<(String, String)>) -> anyhow::Result<Member> {
        let clock = ClockSkew::new(self.scratch.path(), name)?;
        env.extend(clock.env(shim));
        let links = links::ProcessLinks::new(name, &self.nats, self.postgres.primary_address(), self.valkey.address()).await?;
        env.push(("RELAY__NATS__SERVERS".to_owned(), links.nats_servers()));
        env.extend(role_env(section, self.nats.password(), &self.postgres.url_at(links.postgres.address())));
        env.push(("RELAY__VALKEY__URL".to_owned(), format!("redis://:{}@{}", self.valkey.password(), links.valkey.address())));
        let process = RelayProcess::new(RelayOptions {
            section: section.to_owned(),
            name: name.to_owned(),
            bin_dir: self.programs.of(name)?,
            config: self.config.clone(),
            run_dir: self.scratch.path().to_owned(),
            port: None,
            admin_port: None,
            env,
        })?;
        if section == "gateway" {
            self.links.add_client_side(name, process.public()).await?;
        }
        self.links.processes.insert(name.to_owned(), links);
        Ok(Member { process: Arc::new(process), clock })
    }

    /// Every process of ours that is meant to run.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.gateways.iter().chain(&self.workers).chain(&self.apis)
    }

    /// Where REST calls go.
    pub fn api_url(&self) -> anyhow::Result<String> {
        Ok(format!("http://{}", self.apis.first().context("there is an api")?.process.public()))
    }

    /// REST calls without a session.
    pub fn api_client(&self) -> anyhow::Result<ApiClient> {
        Ok(ApiClient::new(&self.api_url()?)?)
    }

    /// A connection to NATS of our own, past all proxies: the independent witness.
    pub async fn nats_client(&self) -> anyhow::Result<async_nats::Client> {
        let options = async_nats::ConnectOptions::with_user_and_password(self.nats.user().to_owned(), self.nats.password().to_owned());
        options.connect(self.nats.urls()).await.context("could not reach NATS")
    }

    /// A connection to whoever is the primary, past all proxies.
    pub async fn database(&self) -> anyhow::Result<sqlx::PgConnection> {
        use sqlx::Connection as _;
        let url = self.postgres.url_at(self.postgres.primary_address());
        sqlx::PgConnection::connect(&url).await.context("could not reach the database")
    }

    /// Runs `relayctl` past all proxies; returns what it printed.
    pub async fn relayctl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        relayctl(&self.bin_dir, &self.config, arguments).await
    }

    /// After a failover: the operators' configuration names the new primary, as do the links.
    pub fn point_at_primary(&self) -> anyhow::Result<()> {
        let address = self.postgres.primary_address();
        for links in self.links.processes.values() {
            links.postgres.set_upstream(address);
        }
        config::repoint(&self.config, &self.postgres.url_at(address))
    }

    /// Copies every log to where it outlives the run.
    pub fn save_logs(&self, to: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(to)?;
        let postgres = self.postgres.primary().home().parent().map(Path::to_owned);
        for directory in [Some(self.scratch.path().to_owned()), Some(self.scratch.path().join("nats")), postgres].into_iter().flatten() {
            for entry in std::fs::read_dir(directory)?.flatten().filter(|entry| entry.path().extension().is_some_and(|end| end == "log")) {
                std::fs::copy(entry.path(), to.join(entry.file_name()))?;
            }
        }
        Ok(())
    }
}

async fn relayctl(bin_dir: &Path, config: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    relayctl_with(bin_dir, config, arguments, Vec::new()).await
}

async fn relayctl_with(bin_dir: &Path, config: &Path, arguments: &[&str], env: Vec<(String, String)>) -> anyhow::Result<String> {
    let mut command = Command::new(bin_dir.join("relayctl"));
    command.arg("--config").arg(config).args(arguments).envs(env).kill_on_drop(true);
    let limit = std::time::Duration::from_secs(120);
    let output = tokio::time::timeout(limit, command.output()).await.context("relayctl takes too long")??;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    anyhow::ensure!(
        output.status.success(),
        "relayctl {} failed ({}): {said}{}",
        arguments.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(said)
}

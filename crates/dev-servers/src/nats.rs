//! nats-server with `nats/server.conf`.

mod cluster;

use std::fs;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::Signal;

pub use cluster::{NatsCluster, NatsClusterOptions, RouteResolver};

use crate::install::Servers;
use crate::ports::PortLease;
use crate::probe::{Probe, http_get};
use crate::secret::{derived, random_password};
use crate::service::{Service, Spec};

/// When JetStream calls fsync.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SyncInterval {
    /// Before every acknowledgement.
    #[default]
    Always,
    /// Every two minutes: faster, and a power cut may take acknowledged messages.
    TwoMinutes,
}

/// How to run a nats-server.
#[derive(Debug)]
pub struct NatsOptions {
    /// Where the log, the data and the configuration's values live.
    pub data: PathBuf,
    /// Where the streams live; in `data` by default.
    pub store: Option<PathBuf>,
    /// Its log file; `<data>/nats.log` by default.
    pub log: Option<PathBuf>,
    /// Any free port by default.
    pub port: Option<PortLease>,
    /// Any free port by default.
    pub monitor_port: Option<PortLease>,
    /// Of user `relay`; random by default. The processes' passwords are derived from it.
    pub password: Option<String>,
    /// Of user `sys`; random by default.
    pub sys_password: Option<String>,
    /// When fsync is called.
    pub sync: SyncInterval,
    /// Unique in a cluster; `relay` by default.
    pub server_name: Option<String>,
    /// Further flags, such as `--cluster` and `--routes`.
    pub extra_args: Vec<String>,
    /// The monitor's page that answers 200 when the server is up.
    pub health: &'static str,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self {
            data: PathBuf::new(),
            store: None,
            log: None,
            port: None,
            monitor_port: None,
            password: None,
            sys_password: None,
            sync: SyncInterval::default(),
            server_name: None,
            extra_args: Vec::new(),
            health: "/healthz",
        }
    }
}

/// A running nats-server. Everything about the process is in [`Service`], which it dereferences to.
#[derive(Debug)]
pub struct NatsServer {
    service: Service,
    client: PortLease,
    monitor: PortLease,
    password: String,
    sys_password: String,
}

impl NatsServer {
    /// Starts it and waits until `/healthz` says ok.
    ///
    /// # Cancel safety
    /// Cancel safe: dropping the future ends the server.
    pub async fn start(servers: &Servers, options: NatsOptions) -> anyhow::Result<Self> {
        fs::create_dir_all(&options.data).with_context(|| format!("could not create {}", options.data.display()))?;
        let lease = |given: Option<PortLease>| given.map_or_else(PortLease::any, Ok);
        let (client, monitor) = (lease(options.port)?, lease(options.monitor_port)?);
        let password = options.password.unwrap_or_else(random_password);
        let sys_password = options.sys_password.unwrap_or_else(random_password);
        // Quoted: nats-server reads a bare 2m as two million.
        let sync = match options.sync {
            SyncInterval::Always => "always",
            SyncInterval::TwoMinutes => "\"2m\"",
        };
        let env = [
            ("RELAY_NATS_NAME", options.server_name.unwrap_or_else(|| "relay".to_owned())),
            ("RELAY_NATS_LISTEN", quoted(&client.address().to_string())),
            ("RELAY_NATS_MONITOR", quoted(&monitor.address().to_string())),
            ("RELAY_NATS_MONITOR_PATH", quoted(&monitor_path(&sys_password))),
            ("RELAY_NATS_STORE", quoted(&options.store.as_ref().unwrap_or(&options.data).to_string_lossy())),
            ("RELAY_NATS_SYNC", sync.to_owned()),
            ("RELAY_NATS_PASSWORD", password.clone()),
            ("RELAY_NATS_GATEWAY_PASSWORD", derived(&password, "gateway")),
            ("RELAY_NATS_API_PASSWORD", derived(&password, "api")),
            ("RELAY_NATS_WORKER_PASSWORD", derived(&password, "worker")),
            ("RELAY_NATS_SYS_PASSWORD", sys_password.clone()),
        ];
        let mut args = vec!["--config".to_owned(), servers.nats_config().to_string_lossy().into_owned()];
        args.extend(options.extra_args);
        let service = Service::new(Spec {
            name: "nats".to_owned(),
            program: servers.nats(),
            args,
            env: env.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            log: options.log.unwrap_or_else(|| options.data.join("nats.log")),
            directory: options.data,
            account: None,
            stop_signal: Signal::TERM,
            abort_signal: Signal::KILL,
            probe: Probe::Http { address: monitor.address(), path: format!("{}{}", monitor_path(&sys_password), options.health) },
            start_within: Duration::from_secs(30),
            stop_within: Duration::from_secs(20),
        });
        service.start().await?;
        Ok(Self { service, client, monitor, password, sys_password })
    }

    /// `nats://127.0.0.1:<port>`, without credentials.
    pub fn url(&self) -> String {
        format!("nats://{}", self.client.address())
    }

    /// The user of account RELAY.
    pub fn user(&self) -> &'static str {
        "relay"
    }

    /// Of [`Self::user`].
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Of user `sys` in the system account.
    pub fn sys_password(&self) -> &str {
        &self.sys_password
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.client.address()
    }

    /// Before `/healthz`, `/varz` and `/jsz`, such as `http://127.0.0.1:8222/<secret>`.
    pub fn monitor_url(&self) -> String {
        format!("http://{}{}", self.monitor.address(), monitor_path(&self.sys_password))
    }

    /// A page of the monitor, such as `/varz`: its body.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn monitor_page(&self, page: &str) -> anyhow::Result<String> {
        let (status, body) = http_get(self.monitor.address(), &format!("{}{page}", monitor_path(&self.sys_password))).await?;
        anyhow::ensure!(status == 200, "{page} is answered {status}");
        Ok(body)
    }

    /// Where the monitor listens.
    pub fn monitor(&self) -> SocketAddr {
        self.monitor.address()
    }
}

impl Deref for NatsServer {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}

/// The monitor's pages ask for no password, so where they are is the secret.
pub fn monitor_path(sys_password: &str) -> String {
    format!("/{}", derived(sys_password, "monitor"))
}

/// A value as nats-server's configuration reads it, whatever it contains.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

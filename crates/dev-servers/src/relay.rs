//! Our own processes: relay-gateway, relay-api, relay-worker.

use std::fs;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::Signal;

use crate::ports::PortLease;
use crate::postgres::role_url;
use crate::probe::Probe;
use crate::secret::derived;
use crate::service::{Service, Spec};

/// How to run one of our processes.
#[derive(Debug)]
pub struct RelayOptions {
    /// The section of the configuration that is this process's own: `gateway`, `api` or `worker`.
    pub section: String,
    /// Unique among the processes that share `run_dir`, such as `gateway-1`.
    pub name: String,
    /// Where the executables are.
    pub bin_dir: PathBuf,
    /// The configuration that all processes share.
    pub config: PathBuf,
    /// Where the address file and the log are written.
    pub run_dir: PathBuf,
    /// The public port; any free one by default. A worker has none.
    pub port: Option<PortLease>,
    /// The operators' port; any free one by default.
    pub admin_port: Option<PortLease>,
    /// Further overrides, as `RELAY__SECTION__KEY`.
    pub env: Vec<(String, String)>,
}

/// One of our processes, on ports that stay the same over restarts. Everything about the process is in [`Service`].
#[derive(Debug)]
pub struct RelayProcess {
    service: Service,
    public: Option<PortLease>,
    admin: PortLease,
}

/// Overrides that make a process connect as its own role, where the shared configuration has the operators' credentials.
pub fn role_env(section: &str, nats_password: &str, postgres_url: &str) -> Vec<(String, String)> {
    [
        ("RELAY__NATS__USER", section.to_owned()),
        ("RELAY__NATS__PASSWORD", derived(nats_password, section)),
        ("RELAY__POSTGRES__URL", role_url(postgres_url, section)),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

impl RelayProcess {
    /// Prepares the process without starting it.
    pub fn new(options: RelayOptions) -> anyhow::Result<Self> {
        fs::create_dir_all(&options.run_dir).with_context(|| format!("could not create {}", options.run_dir.display()))?;
        let lease = |given: Option<PortLease>| given.map_or_else(PortLease::any, Ok);
        let public = if options.section == "worker" { None } else { Some(lease(options.port)?) };
        let admin = lease(options.admin_port)?;
        let key = |name: &str| format!("RELAY__{}__{name}", options.section.to_uppercase());
        let mut env = options.env;
        env.push((key("ADMIN_LISTEN"), admin.address().to_string()));
        if let Some(public) = &public {
            env.push((key("LISTEN"), public.address().to_string()));
        }
        let addresses = options.run_dir.join(format!("{}.addr", options.name));
        let text = |path: &std::path::Path| path.to_string_lossy().into_owned();
        let service = Service::new(Spec {
            program: options.bin_dir.join(format!("relay-{}", options.section)),
            args: vec!["--config".to_owned(), text(&options.config), "--addr-file".to_owned(), text(&addresses)],
            env,
            log: options.run_dir.join(format!("{}.log", options.name)),
            name: options.name,
            directory: options.run_dir,
            account: None,
            stop_signal: Signal::TERM,
            abort_signal: Signal::KILL,
            probe: Probe::Http { address: admin.address(), path: "/readyz".to_owned() },
            start_within: Duration::from_mins(1),
            stop_within: Duration::from_secs(40),
        });
        Ok(Self { service, public, admin })
    }

    /// Starts the process and waits until `/readyz` says so.
    ///
    /// # Cancel safety
    /// Cancel safe: dropping the future ends the process.
    pub async fn start_new(options: RelayOptions) -> anyhow::Result<Self> {
        let process = Self::new(options)?;
        process.start().await?;
        Ok(process)
    }

    /// The public listener; a worker has none and gives its operators' one.
    pub fn public(&self) -> SocketAddr {
        self.public.as_ref().unwrap_or(&self.admin).address()
    }

    /// The operators' listener: `/healthz`, `/readyz`, `/metrics`.
    pub fn admin(&self) -> SocketAddr {
        self.admin.address()
    }

    /// The current Prometheus metrics.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        let get = crate::probe::http_get(self.admin(), "/metrics");
        let (_, body) = tokio::time::timeout(Duration::from_secs(5), get).await.context("no metrics within 5 s")??;
        Ok(body)
    }
}

impl Deref for RelayProcess {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}

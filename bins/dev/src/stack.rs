//! The processes of a RelayHub, in start order.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use relay_dev_servers::nats::monitor_path;
use relay_dev_servers::postgres::role_passwords;
use relay_dev_servers::web::client_directory;
use relay_dev_servers::{
    NatsOptions, NatsServer, PostgresOptions, PostgresServer, RelayOptions, RelayProcess, Servers, Service, SyncInterval, ValkeyOptions,
    ValkeyServer,
};

use crate::layout::Layout;
use crate::settings::{self, Leases, Settings};
use crate::state::Urls;

/// One process, whatever its kind.
pub type Part = Box<dyn Deref<Target = Service> + Send + Sync>;

/// How long one relayctl command may take.
const CTL_WITHIN: Duration = Duration::from_mins(2);

/// Everything that is started, one by one.
pub struct Stack {
    /// In start order. Stopped in reverse.
    pub parts: Vec<Part>,
    /// Where to connect.
    pub urls: Urls,
    bin_dir: PathBuf,
    layout: Layout,
    settings: Settings,
    leases: Option<Leases>,
}

impl Stack {
    /// Chooses ports and writes the configuration; starts nothing. With `web` the built web client is served.
    pub fn prepare(layout: &Layout, bin_dir: PathBuf, web: bool) -> anyhow::Result<Self> {
        let settings = Settings::load(layout)?;
        let leases = settings.lease()?;
        let web_root = if web { client_directory(&layout.root) } else { PathBuf::new() };
        settings::write_configs(layout, &settings, &leases, &web_root)?;
        let admin = [("gateway", &leases.gateway_admin), ("api", &leases.api_admin), ("worker", &leases.worker_admin)];
        let urls = Urls {
            web: web.then(|| format!("http://{}/", leases.api.address())),
            api: format!("http://{}", leases.api.address()),
            gateway: format!("ws://{}", leases.gateway.address()),
            nats: format!("nats://{}", leases.nats.address()),
            nats_monitor: format!("http://{}{}", leases.nats_monitor.address(), monitor_path(&settings.nats_sys_password)),
            admin: admin.map(|(name, lease)| (name.to_owned(), format!("http://{}", lease.address()))).into(),
        };
        Ok(Self { parts: Vec::new(), urls, bin_dir, layout: layout.clone(), settings, leases: Some(leases) })
    }

    /// Starts everything. After each step `progress` may look at what runs.
    ///
    /// # Cancel safety
    /// What was started stays in `parts`, to be stopped.
    pub async fn start(&mut self, progress: &mut impl FnMut(&Self) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let leases = self.leases.take().context("a stack starts once")?;
        let owner = self.settings.postgres_url(&leases);
        let servers = Servers::ready().await?;
        let (data, logs) = (self.layout.data(), self.layout.logs());
        let began = Instant::now();
        let nats = NatsServer::start(
            &servers,
            NatsOptions {
                data: data.join("nats"),
                log: Some(logs.join("nats.log")),
                port: Some(leases.nats),
                monitor_port: Some(leases.nats_monitor),
                password: Some(self.settings.nats_password.clone()),
                sys_password: Some(self.settings.nats_sys_password.clone()),
                sync: SyncInterval::Always,
                ..NatsOptions::default()
            },
        )
        .await?;
        self.add(Box::new(nats), began, progress)?;

        let began = Instant::now();
        let postgres = PostgresOptions {
            data: data.join("postgres"),
            log: Some(logs.join("postgres.log")),
            port: Some(leases.postgres),
            password: Some(self.settings.postgres_password.clone()),
            ..PostgresOptions::default()
        };
        let postgres = PostgresServer::start(&servers, postgres).await?;
        self.add(Box::new(postgres), began, progress)?;

        let began = Instant::now();
        let valkey = ValkeyOptions {
            data: data.join("valkey"),
            log: Some(logs.join("valkey.log")),
            port: Some(leases.valkey),
            password: Some(self.settings.valkey_password.clone()),
        };
        let valkey = ValkeyServer::start(&servers, valkey).await?;
        self.add(Box::new(valkey), began, progress)?;

        self.relayctl_with(&["migrate"], role_passwords(&owner)).await?;
        if is_empty(&self.layout.keys())? {
            self.relayctl(&["token", "rotate"]).await?;
        }
        self.relayctl(&["topology", "apply"]).await?;

        self.start_process("worker", None, leases.worker_admin, progress).await?;
        self.start_process("api", Some(leases.api), leases.api_admin, progress).await?;
        self.start_process("gateway", Some(leases.gateway), leases.gateway_admin, progress).await
    }

    async fn start_process(
        &mut self,
        section: &str,
        port: Option<relay_dev_servers::PortLease>,
        admin_port: relay_dev_servers::PortLease,
        progress: &mut impl FnMut(&Self) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let began = Instant::now();
        let process = RelayProcess::start_new(RelayOptions {
            section: section.to_owned(),
            name: section.to_owned(),
            bin_dir: self.bin_dir.clone(),
            config: self.layout.config_of(section),
            run_dir: self.layout.logs(),
            port,
            admin_port: Some(admin_port),
            // Into a file, where colours are only noise.
            env: vec![("NO_COLOR".to_owned(), "1".to_owned())],
        });
        self.add(Box::new(process.await?), began, progress)
    }

    fn add(&mut self, part: Part, began: Instant, progress: &mut impl FnMut(&Self) -> anyhow::Result<()>) -> anyhow::Result<()> {
        say!("  {} is healthy ({:.1} s)", part.name(), began.elapsed().as_secs_f64());
        self.parts.push(part);
        progress(self)
    }

    async fn relayctl(&self, args: &[&str]) -> anyhow::Result<()> {
        self.relayctl_with(args, Vec::new()).await
    }

    async fn relayctl_with(&self, args: &[&str], env: Vec<(String, String)>) -> anyhow::Result<()> {
        let mut command = tokio::process::Command::new(self.bin_dir.join("relayctl"));
        command.arg("--config").arg(self.layout.config()).args(args).envs(env).stdin(Stdio::null()).kill_on_drop(true);
        let began = Instant::now();
        let output = tokio::time::timeout(CTL_WITHIN, command.output()).await;
        let output = output.with_context(|| format!("relayctl {} did not end within {CTL_WITHIN:?}", args.join(" ")))??;
        if !output.status.success() {
            bail!("relayctl {} failed ({}): {}", args.join(" "), output.status, String::from_utf8_lossy(&output.stderr).trim());
        }
        say!("  relayctl {} ({:.1} s)", args.join(" "), began.elapsed().as_secs_f64());
        Ok(())
    }

    /// The directory of the programs that run.
    pub fn bin_dir(&self) -> &Path {
        &self.bin_dir
    }

    /// Stops everything in reverse order, each gracefully.
    pub async fn stop(&self) {
        for part in self.parts.iter().rev() {
            if part.is_running() {
                let exit = part.stop().await;
                say!(
                    "  {} stopped{}",
                    part.name(),
                    exit.filter(|exit| !exit.success()).map(|exit| format!(" ({exit})")).unwrap_or_default()
                );
            }
        }
    }
}

fn is_empty(directory: &Path) -> anyhow::Result<bool> {
    let mut entries = std::fs::read_dir(directory).with_context(|| format!("could not read {}", directory.display()))?;
    Ok(entries.next().is_none())
}

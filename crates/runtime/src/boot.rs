//! From the command line to a running process, and back out.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::{ConfigError, ConfigFile, LogConfig};
use crate::health::{Component, Health};
use crate::supervisor::{Restart, Supervisor};
use crate::{admin, exit, failpoint, http, listen, telemetry};

/// How often histograms are drained while nobody scrapes.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

#[derive(clap::Parser)]
#[command(version, about = "A RelayHub process")]
struct Arguments {
    /// The configuration file.
    #[arg(long)]
    config: PathBuf,
    /// Where to write the bound addresses, as JSON.
    #[arg(long)]
    addr_file: Option<PathBuf>,
}

/// What a binary starts from.
pub struct Boot<C> {
    /// The validated configuration.
    pub config: C,
    /// Owns every task.
    pub supervisor: Supervisor,
    /// Every part's state.
    pub health: Health,
    /// Cancelled by SIGTERM, SIGINT, or an essential task's end.
    pub stop: CancellationToken,
    addr_file: Option<PathBuf>,
    admin: Option<SocketAddr>,
    /// Not ready before the process listens, however well its other parts are.
    listening: Component,
}

impl<C> Boot<C> {
    /// Tells whoever started the process where it listens; before that it is not ready.
    pub fn publish_addresses(&self, public: Option<SocketAddr>) -> anyhow::Result<()> {
        self.listening.up();
        let (Some(path), Some(admin)) = (&self.addr_file, self.admin) else { return Ok(()) };
        listen::write_addresses(path, public, admin)
    }
}

/// What `run` needs to know of a configuration before the binary sees it.
pub trait ProcessConfig: Sized {
    /// Reads and checks the process's sections.
    fn read(file: &ConfigFile) -> Result<Self, ConfigError>;
    /// `[log]`
    fn log(&self) -> &LogConfig;
    /// Where the operators' listener binds.
    fn admin_listen(&self) -> SocketAddr;
}

/// Runs a process: arguments, configuration, logs, metrics, the operators' listener, signals, then `main`.
/// A first SIGTERM or SIGINT asks for a clean stop, a second one ends the process at once.
pub fn run<C, F, Fut>(name: &'static str, main: F) -> ExitCode
where
    C: ProcessConfig,
    F: FnOnce(Boot<C>) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let arguments = Arguments::parse();
    match start(name, arguments, main) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Logs may not have started: this line is for whoever started the process.
            #[expect(clippy::print_stderr, reason = "the last word of a failed process")]
            {
                eprintln!("relay-{name}: {error:#}");
            }
            ExitCode::from(exit::status_of(&error))
        }
    }
}

fn start<C, F, Fut>(name: &'static str, arguments: Arguments, main: F) -> anyhow::Result<()>
where
    C: ProcessConfig,
    F: FnOnce(Boot<C>) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let config = C::read(&ConfigFile::open(&arguments.config)?)?;
    telemetry::start_logs(config.log())?;
    failpoint::arm()?;
    let metrics = telemetry::start_metrics()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("could not start the runtime")?;
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let health = Health::default();
        let supervisor = Supervisor::new(stop.clone(), health.clone());
        let listening = health.component("listening");
        let listener = listen::bind(config.admin_listen())?;
        let admin_address = listener.local_addr()?;
        spawn_signals(&supervisor)?;
        spawn_admin(&supervisor, listener, admin::router(health.clone(), metrics.clone()));
        supervisor.spawn("metrics", Restart::StopProcess, move |task| {
            let metrics = metrics.clone();
            async move {
                task.health.up();
                let mut tick = tokio::time::interval(METRICS_UPKEEP);
                loop {
                    tokio::select! {
                        _ = tick.tick() => metrics.run_upkeep(),
                        () = task.stop.cancelled() => return Ok(()),
                    }
                }
            }
        });
        tracing::info!(process = name, version = env!("CARGO_PKG_VERSION"), admin = %admin_address, "starting");
        let watched = supervisor.clone();
        let boot = Boot { config, supervisor, health, stop, addr_file: arguments.addr_file, admin: Some(admin_address), listening };
        let ended = main(boot).await;
        tracing::info!(process = name, "stopped");
        ended?;
        watched.failure().map_or(Ok(()), |failure| Err(anyhow::anyhow!(failure)))
    })
}

fn spawn_signals(supervisor: &Supervisor) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = supervisor.stop_token();
    // Not a supervised task: it has to outlive the stop signal to hear the second one.
    #[expect(clippy::disallowed_methods, reason = "listens beyond the supervisor's own stop")]
    tokio::spawn(async move {
        for round in 0.. {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if round > 0 {
                tracing::warn!("second signal: stopping at once");
                std::process::exit(130);
            }
            tracing::info!("signal received: stopping");
            stop.cancel();
        }
    });
    Ok(())
}

fn spawn_admin(supervisor: &Supervisor, listener: tokio::net::TcpListener, router: axum::Router) {
    let component = supervisor.component("admin");
    component.up();
    // Serves until the very end, so that a draining process can still be seen.
    #[expect(clippy::disallowed_methods, reason = "serves beyond the supervisor's own stop")]
    tokio::spawn(async move {
        http::serve_to_the_end(listener, router, http::HttpLimits::ADMIN).await;
        component.down("it accepts nothing any more");
    });
}

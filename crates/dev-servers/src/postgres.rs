//! Postgres: one cluster directory, one server.

mod cluster;
mod pair;

use std::fs;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::Signal;

pub use pair::{PostgresPair, PostgresPairOptions};

use crate::account::{self, Account};
use crate::guard;
use crate::install::Servers;
use crate::ports::PortLease;
use crate::probe::Probe;
use crate::secret::derived;
use crate::service::{Service, Spec};

/// How to run a Postgres server.
#[derive(Debug)]
pub struct PostgresOptions {
    /// Where its files live. Where the account that Postgres runs as cannot reach it, a directory in `/var/tmp` stands for it.
    pub data: PathBuf,
    /// Its log file; `<data>/postgres.log` by default. It must lie where we may write.
    pub log: Option<PathBuf>,
    /// Any free port by default.
    pub port: Option<PortLease>,
    /// Of the superuser `relay`, for a new cluster. Without one, a prepared cluster is copied, which is several times
    /// faster, and has the password that all copies share.
    pub password: Option<String>,
    /// Without fsync a power cut ruins the data and tests run faster.
    pub fsync: bool,
    /// The data is of no use after this server: a stand-in directory is removed with it.
    pub disposable: bool,
    /// Created with the cluster and named in [`PostgresServer::url`].
    pub database: String,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        let (data, database) = (PathBuf::new(), "relay".to_owned());
        Self { data, log: None, port: None, password: None, fsync: true, disposable: false, database }
    }
}

impl PostgresOptions {
    /// For tests: a copied cluster without fsync in `data`.
    pub fn for_tests(data: impl Into<PathBuf>) -> Self {
        Self { data: data.into(), fsync: false, disposable: true, ..Self::default() }
    }
}

/// A running Postgres server. Everything about the process is in [`Service`], which it dereferences to.
#[derive(Debug)]
pub struct PostgresServer {
    service: Service,
    port: PortLease,
    password: String,
    database: String,
    home: PathBuf,
    programs: PathBuf,
    /// Removed when dropped.
    stand_in: Option<PathBuf>,
}

impl PostgresServer {
    /// Creates the cluster if `data` has none, starts the server and waits until it accepts connections.
    ///
    /// # Cancel safety
    /// Cancel safe: dropping the future ends the server; a half-made cluster is made again.
    pub async fn start(servers: &Servers, options: PostgresOptions) -> anyhow::Result<Self> {
        let account = Account::for_postgres();
        let home = account::reachable(account, &options.data)?;
        fs::create_dir_all(&home).with_context(|| format!("could not create {}", home.display()))?;
        let elsewhere = home != options.data;
        let stand_in = (options.disposable && elsewhere).then(|| home.clone());
        if let Some(path) = &stand_in {
            guard::remove_at_exit(path);
        }
        let log = options.log.unwrap_or_else(|| home.join("postgres.log"));
        let port = options.port.map_or_else(PortLease::any, Ok)?;
        let (servers, wanted, fsync, at) = (servers.clone(), options.password, options.fsync, home.clone());
        let (programs, password) = tokio::task::spawn_blocking(move || cluster::prepare(&servers, &at, elsewhere, account, wanted, fsync))
            .await
            .context("preparing the cluster was aborted")??;
        let service = Service::new(Spec {
            name: "postgres".to_owned(),
            program: programs.join("postgres"),
            args: arguments(&home.join(cluster::DATA), port.port(), options.fsync),
            // Its messages are read by people and by tests.
            env: vec![("LC_ALL".to_owned(), "C".to_owned()), ("TZ".to_owned(), "UTC".to_owned())],
            directory: PathBuf::from("/"),
            log,
            account,
            // "Fast": open transactions are rolled back, nobody is waited for.
            stop_signal: Signal::INT,
            // "Immediate": shared memory is released, which a SIGKILL would leave behind.
            abort_signal: Signal::QUIT,
            probe: Probe::Postgres { pg_isready: programs.join("pg_isready"), port: port.port() },
            start_within: Duration::from_mins(1),
            stop_within: Duration::from_secs(30),
        });
        let server = Self { service, port, password, database: options.database, home, programs, stand_in };
        server.restart().await?;
        cluster::create_database(&server.programs, server.port.port(), &server.password, &server.database, &server.home).await?;
        Ok(server)
    }

    /// The URL of the database that was created with the cluster.
    pub fn url(&self) -> String {
        self.url_of(&self.database)
    }

    /// The URL of another database on the same server.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://relay:{}@{}/{database}", self.password, self.port.address())
    }

    /// Ends it as `pg_ctl stop -m immediate` does: nothing is written back, the next start recovers.
    ///
    /// # Cancel safety
    /// Cancel safe: it has been asked.
    pub async fn immediate_stop(&self) -> anyhow::Result<()> {
        self.service.signal(Signal::QUIT);
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while self.service.is_running() {
            anyhow::ensure!(std::time::Instant::now() < deadline, "Postgres does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// The directory of its programs, such as psql.
    pub fn programs(&self) -> &Path {
        &self.programs
    }

    /// Where its files are.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }
}

impl Deref for PostgresServer {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if let Some(path) = self.stand_in.take() {
            // Unlinking under a server that is about to end is what tests want anyway.
            self.service.kill();
            if let Err(error) = fs::remove_dir_all(&path) {
                tracing::debug!(%error, path = %path.display(), "not removed");
            }
        }
    }
}

/// The URL of the same database for a kind of process (`gateway`, `api`, `worker`): its role, as `relayctl migrate` makes it
/// with [`role_passwords`]. Anything that is not a URL with a user and a password stays as it is.
pub fn role_url(owner: &str, process: &str) -> String {
    let parts = owner.split_once("://").and_then(|(scheme, rest)| {
        let (user, server) = rest.rsplit_once('@')?;
        let (_, password) = user.split_once(':')?;
        Some(format!("{scheme}://relay_{process}:{}@{server}", derived(password, process)))
    });
    parts.unwrap_or_else(|| owner.to_owned())
}

/// What `relayctl migrate` reads the roles' passwords from.
pub fn role_passwords(owner: &str) -> Vec<(String, String)> {
    let password = owner.rsplit_once('@').and_then(|(user, _)| user.rsplit_once(':')).map_or("", |(_, password)| password);
    let variable = |process: &str| (format!("RELAY_POSTGRES_{}_PASSWORD", process.to_uppercase()), derived(password, process));
    ["gateway", "api", "worker"].map(variable).into()
}

fn arguments(data: &Path, port: u16, fsync: bool) -> Vec<String> {
    let mut settings = vec![
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        // No socket files: nothing to clean up and no path that may get too long.
        "unix_socket_directories=".to_owned(),
        "max_connections=200".to_owned(),
        "shared_buffers=64MB".to_owned(),
        "log_line_prefix=%m [%p] ".to_owned(),
        "log_min_error_statement=panic".to_owned(),
        // A replica that stood still for a while finds what it missed.
        "wal_keep_size=512MB".to_owned(),
    ];
    if !fsync {
        // A commit still reaches the kernel before it is answered (synchronous_commit stays on): tests kill servers, and
        // what was answered has to survive that.
        settings.extend(["fsync=off", "full_page_writes=off"].map(str::to_owned));
    }
    let mut args = vec!["-D".to_owned(), data.to_string_lossy().into_owned()];
    args.extend(settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]));
    args
}

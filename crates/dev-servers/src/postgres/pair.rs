//! A primary and its streaming replica: failover, and a new replica after it.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use parking_lot::Mutex;

use super::{PostgresOptions, PostgresServer, cluster};
use crate::account::{self, Account};
use crate::install::Servers;

const STREAMS_WITHIN: Duration = Duration::from_secs(60);
const STATEMENT_WITHIN: Duration = Duration::from_secs(70);
const BACKUP_WITHIN: Duration = Duration::from_mins(5);
const POLL: Duration = Duration::from_millis(50);

/// How to run a pair.
#[derive(Debug)]
pub struct PostgresPairOptions {
    /// Where both live.
    pub data: PathBuf,
    /// A commit is answered when both have it; while there is no replica, commits wait.
    pub synchronous: bool,
    /// Without fsync a power cut ruins the data.
    pub fsync: bool,
    /// Created with the pair.
    pub database: String,
}

impl Default for PostgresPairOptions {
    fn default() -> Self {
        Self { data: PathBuf::new(), synchronous: true, fsync: true, database: "relay".to_owned() }
    }
}

/// A primary and at most one replica.
#[derive(Debug)]
pub struct PostgresPair {
    servers: Servers,
    options: PostgresPairOptions,
    home: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    primary: Arc<PostgresServer>,
    replica: Option<Arc<PostgresServer>>,
    made: u32,
}

impl PostgresPair {
    /// Starts a primary, then a replica of it.
    ///
    /// # Cancel safety
    /// Cancel safe: dropping the future ends the servers.
    pub async fn start(servers: &Servers, options: PostgresPairOptions) -> anyhow::Result<Self> {
        let home = account::reachable(Account::for_postgres(), &options.data)?;
        let primary = PostgresOptions {
            data: home.join("server-0"),
            log: Some(home.join("postgres-0.log")),
            fsync: options.fsync,
            database: options.database.clone(),
            ..PostgresOptions::default()
        };
        let primary = Arc::new(PostgresServer::start(servers, primary).await?);
        let pair = Self { servers: servers.clone(), options, home, state: Mutex::new(State { primary, replica: None, made: 1 }) };
        pair.rebuild_replica().await?;
        if pair.options.synchronous {
            // Copied to every later replica with the data, so whoever is promoted waits for its own replica.
            let primary = pair.primary();
            pair.run(&primary, "ALTER SYSTEM SET synchronous_standby_names = '*'").await?;
            pair.run(&primary, "SELECT pg_reload_conf()").await?;
            pair.wait_until_it_streams(&primary).await?;
        }
        Ok(pair)
    }

    /// Who takes writes.
    pub fn primary(&self) -> Arc<PostgresServer> {
        Arc::clone(&self.state.lock().primary)
    }

    /// Who follows, unless it was promoted and no other was made.
    pub fn replica(&self) -> Option<Arc<PostgresServer>> {
        self.state.lock().replica.clone()
    }

    /// Where the primary listens.
    pub fn primary_address(&self) -> SocketAddr {
        self.primary().address()
    }

    /// The database's URL, through whatever stands at `address`.
    pub fn url_at(&self, address: SocketAddr) -> String {
        format!("postgres://relay:{}@{address}/{}", self.primary().password, self.options.database)
    }

    /// Kills the primary and promotes the replica, whose address is returned. The old primary is gone for good: nobody can
    /// mistake it for the new one.
    ///
    /// # Cancel safety
    /// Not cancel safe: the primary is dead and the replica may not be promoted yet.
    pub async fn fail_over(&self) -> anyhow::Result<SocketAddr> {
        let (old, new) = {
            let state = self.state.lock();
            (Arc::clone(&state.primary), state.replica.clone().context("there is no replica to promote")?)
        };
        old.kill();
        self.run(&new, "SELECT pg_promote(true, 60)").await?;
        let address = new.address();
        {
            let mut state = self.state.lock();
            state.primary = new;
            state.replica = None;
        }
        if let Err(error) = fs::remove_dir_all(old.home()) {
            tracing::debug!(%error, "the old primary's files are left");
        }
        Ok(address)
    }

    /// Makes a new replica from a base backup of the primary and waits until it streams. Does nothing if there is one.
    ///
    /// # Cancel safety
    /// Cancel safe: a replica that is not complete is thrown away.
    pub async fn rebuild_replica(&self) -> anyhow::Result<()> {
        let (primary, number) = {
            let mut state = self.state.lock();
            if state.replica.is_some() {
                return Ok(());
            }
            state.made += 1;
            (Arc::clone(&state.primary), state.made - 1)
        };
        let home = self.home.join(format!("server-{number}"));
        let password = primary.password.clone();
        let data = cluster::empty(&home, Account::for_postgres())?;
        let mut backup = std::process::Command::new(primary.programs.join("pg_basebackup"));
        backup.args(["--host=127.0.0.1", "--username=relay", "--no-password", "--write-recovery-conf", "--checkpoint=fast"]);
        backup.arg(format!("--port={}", primary.port.port())).arg("--pgdata").arg(&data).arg("--wal-method=stream");
        if !self.options.fsync {
            backup.arg("--no-sync");
        }
        backup.env("PGPASSWORD", &password).env("LC_ALL", "C").current_dir("/");
        if let Some(account) = Account::for_postgres() {
            account.apply(&mut backup);
        }
        output(backup.into(), BACKUP_WITHIN, "pg_basebackup").await?;
        cluster::adopt(&home, &password, &self.options.database)?;
        let options = PostgresOptions {
            data: home,
            log: Some(self.home.join(format!("postgres-{number}.log"))),
            fsync: self.options.fsync,
            database: self.options.database.clone(),
            ..PostgresOptions::default()
        };
        let replica = PostgresServer::start(&self.servers, options).await?;
        self.state.lock().replica = Some(Arc::new(replica));
        self.wait_until_it_streams(&primary).await
    }

    async fn wait_until_it_streams(&self, primary: &PostgresServer) -> anyhow::Result<()> {
        let deadline = Instant::now() + STREAMS_WITHIN;
        loop {
            let said = self.run(primary, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'").await?;
            if said.trim() != "0" {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("the replica does not stream after {STREAMS_WITHIN:?}");
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Runs one statement as the superuser; returns what psql prints.
    async fn run(&self, server: &PostgresServer, statement: &str) -> anyhow::Result<String> {
        let mut psql = tokio::process::Command::new(server.programs.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--command", statement]);
        psql.arg(format!("postgres://relay@{}/postgres", server.address())).env("PGPASSWORD", &server.password).env("LC_ALL", "C");
        output(psql, STATEMENT_WITHIN, statement).await
    }
}

async fn output(mut command: tokio::process::Command, within: Duration, what: &str) -> anyhow::Result<String> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(within, command.output()).await.with_context(|| format!("{what}: no end after {within:?}"))??;
    if !output.status.success() {
        bail!("{what} failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

//! A database per test: copies of a migrated one on a server that a test binary's tests share, or a server of one's own.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context as _;
use relay_dev_servers::postgres::role_passwords;
use relay_dev_servers::{PostgresOptions, PostgresServer, Scratch, Servers};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::sync::OnceCell;

use crate::{config, tool};

/// Migrated once and then copied; nobody is ever connected to it.
const TEMPLATE: &str = "relay";

/// The server that the tests of this process share. Never dropped: the guard process ends it with us.
static SHARED: OnceCell<Shared> = OnceCell::const_new();

#[derive(Debug)]
struct Shared {
    server: PostgresServer,
    _scratch: Scratch,
    databases: AtomicU32,
}

/// A test's database.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) url: String,
    server: Option<PostgresServer>,
}

impl Database {
    /// A fresh copy of the migrated database on the shared server.
    pub(crate) async fn shared(servers: &Servers, bin_dir: &Path) -> anyhow::Result<Self> {
        let shared = SHARED.get_or_try_init(|| Shared::start(servers, bin_dir)).await?;
        let name = format!("test_{}", shared.databases.fetch_add(1, Ordering::Relaxed));
        let mut admin = PgConnection::connect(&shared.server.url_of("postgres")).await.context("could not reach the shared Postgres")?;
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}")))
            .execute(&mut admin)
            .await
            .context("could not copy the migrated database")?;
        admin.close().await?;
        Ok(Self { url: shared.server.url_of(&name), server: None })
    }

    /// A migrated database on a server of its own, which the test may stop.
    pub(crate) async fn private(servers: &Servers, bin_dir: &Path, directory: &Path, fsync: bool) -> anyhow::Result<Self> {
        let server = start_migrated(servers, bin_dir, directory, fsync).await?;
        Ok(Self { url: server.url(), server: Some(server) })
    }

    /// The private server.
    pub(crate) fn server(&self) -> Option<&PostgresServer> {
        self.server.as_ref()
    }
}

impl Shared {
    async fn start(servers: &Servers, bin_dir: &Path) -> anyhow::Result<Self> {
        let scratch = Scratch::new("postgres")?;
        let server = start_migrated(servers, bin_dir, scratch.path(), false).await?;
        Ok(Self { server, _scratch: scratch, databases: AtomicU32::new(0) })
    }
}

async fn start_migrated(servers: &Servers, bin_dir: &Path, directory: &Path, fsync: bool) -> anyhow::Result<PostgresServer> {
    let options = PostgresOptions { fsync, ..PostgresOptions::for_tests(directory.join("postgres")) };
    let server = PostgresServer::start(servers, options).await?;
    // relayctl reads the whole file; the other servers are not asked for anything.
    let nowhere = config::Places {
        nats_url: "nats://127.0.0.1:1",
        nats_password: "none",
        postgres_url: &server.url(),
        valkey_url: "redis://127.0.0.1:1",
        keys_dir: directory,
    };
    let path = directory.join("migrate.toml");
    config::write(&path, &config::base(&nowhere, 1, 120_000)?)?;
    tool::relayctl_with(bin_dir, &path, &["migrate"], role_passwords(&server.url())).await?;
    Ok(server)
}

//! A running RelayHub.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use relay_client::ApiClient;
use relay_dev_servers::postgres::role_url;
use relay_dev_servers::secret::derived;
use relay_dev_servers::{NatsServer, PostgresServer, RelayProcess, Scratch, Service, ValkeyServer};
use relay_fault_proxy::FaultProxy;
use tokio::sync::OwnedSemaphorePermit;

use crate::builder::{HarnessBuilder, turn};
use crate::database::Database;
use crate::logs::{self, Expected};
use crate::shared::Visit;
use crate::tool;
use crate::user::{Account, User};
use crate::wait::wait_for;

/// For what earlier tests left to be told: a read mark waits five seconds, and workers may be busy.
const TOLD_WITHIN: Duration = Duration::from_secs(60);

/// Fields in the order in which they go away.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) gateways: Vec<RelayProcess>,
    pub(crate) api: RelayProcess,
    pub(crate) workers: Vec<RelayProcess>,
    pub(crate) nats_link: Option<FaultProxy>,
    pub(crate) nats: NatsServer,
    pub(crate) valkey: ValkeyServer,
    pub(crate) database: Database,
    pub(crate) bin_dir: PathBuf,
    pub(crate) config: PathBuf,
    pub(crate) expected: Expected,
    pub(crate) scratch: Scratch,
}

/// A whole RelayHub for one test. Handles of processes dereference to [`Service`]: kill, stop, pause, resume, restart.
/// End a test with [`Self::finish`]; one that ends without prints the processes' logs.
#[derive(Debug)]
pub struct Harness {
    finished: AtomicBool,
    /// Before what it looks at.
    visit: Option<Visit>,
    parts: Arc<Parts>,
    _permit: OwnedSemaphorePermit,
}

impl Harness {
    /// Says what a test wants.
    pub fn builder() -> HarnessBuilder {
        HarnessBuilder::default()
    }

    /// The default RelayHub.
    pub async fn start() -> anyhow::Result<Self> {
        Self::builder().start().await
    }

    /// The RelayHub that all tests of this binary share, with two gateways. The test ends no process of it and looks only at
    /// what is its own: other tests run on it at the same time. [`Self::user`] makes people of this test alone.
    pub async fn shared() -> anyhow::Result<Self> {
        Self::visit(false).await
    }

    /// As [`Self::shared`] while no other test is on it: for tests that look at the whole log or at whole tables. What the tests before
    /// left to be told, such as read marks that moved, is in the log by then.
    pub async fn shared_alone() -> anyhow::Result<Self> {
        const UNTOLD: &str =
            "SELECT (SELECT count(*) FROM outbox WHERE published_seq IS NULL) + (SELECT count(*) FROM read_mark_news WHERE seq > told_seq)
                  + (SELECT count(*) FROM drafts WHERE version > told_version)
                  + (SELECT count(*) FROM thread_follows WHERE read_seq > told_seq)";
        let harness = Self::visit(true).await?;
        wait_for("everything to be told", TOLD_WITHIN, async || {
            let untold = async { anyhow::Ok(sqlx::query_scalar::<_, i64>(UNTOLD).fetch_one(&mut harness.database().await?).await?) };
            match untold.await {
                Ok(0) => Ok(()),
                Ok(untold) => Err(format!("{untold} wait")),
                Err(error) => Err(format!("{error:#}")),
            }
        })
        .await;
        Ok(harness)
    }

    async fn visit(alone: bool) -> anyhow::Result<Self> {
        // In this order: who waits for the others to leave must not hold what they need to come in.
        let visit = Visit::begin(alone).await?;
        let permit = turn().await?;
        Ok(Self::new(visit.parts(), permit, Some(visit)))
    }

    pub(crate) fn new(parts: Arc<Parts>, permit: OwnedSemaphorePermit, visit: Option<Visit>) -> Self {
        Self { finished: AtomicBool::new(false), visit, parts, _permit: permit }
    }

    /// The gateway with this index.
    ///
    /// # Panics
    /// When the test asked for fewer.
    #[expect(clippy::indexing_slicing, reason = "a test that asks for what it did not start is wrong")]
    pub fn gateway(&self, index: usize) -> &RelayProcess {
        &self.parts.gateways[index]
    }

    /// The worker.
    pub fn worker(&self) -> &RelayProcess {
        self.worker_at(0)
    }

    /// The worker with this index.
    ///
    /// # Panics
    /// When the test asked for fewer.
    #[expect(clippy::indexing_slicing, reason = "a test that asks for what it did not start is wrong")]
    pub fn worker_at(&self, index: usize) -> &RelayProcess {
        &self.parts.workers[index]
    }

    /// The api.
    pub fn api(&self) -> &RelayProcess {
        &self.parts.api
    }

    /// The nats-server.
    pub fn nats(&self) -> &NatsServer {
        &self.parts.nats
    }

    /// What lies between gateways and NATS.
    ///
    /// # Panics
    /// When the test did not ask for [`HarnessBuilder::nats_link`].
    #[expect(clippy::expect_used, reason = "a test that asks for what it did not start is wrong")]
    pub fn nats_link(&self) -> &FaultProxy {
        self.parts.nats_link.as_ref().expect("gateways reach NATS directly: ask for nats_link()")
    }

    /// The valkey-server.
    pub fn valkey(&self) -> &ValkeyServer {
        &self.parts.valkey
    }

    /// The Postgres server.
    ///
    /// # Panics
    /// When the test shares it with others; [`HarnessBuilder::private_postgres`] gives it one.
    #[expect(clippy::expect_used, reason = "a test must not stop what others use")]
    pub fn postgres(&self) -> &PostgresServer {
        self.parts.database.server().expect("this test shares its Postgres: ask for private_postgres()")
    }

    /// `http://127.0.0.1:<port>` of the api.
    pub fn api_url(&self) -> String {
        format!("http://{}", self.api().public())
    }

    /// `ws://127.0.0.1:<port>` of a gateway; the path is the client's business.
    pub fn gateway_url(&self, index: usize) -> String {
        format!("ws://{}", self.gateway(index).public())
    }

    /// The URL of this test's database.
    pub fn database_url(&self) -> &str {
        &self.parts.database.url
    }

    /// A connection to this test's database.
    pub async fn database(&self) -> anyhow::Result<sqlx::PgConnection> {
        use sqlx::Connection as _;
        sqlx::PgConnection::connect(self.database_url()).await.context("could not reach the database")
    }

    /// A NATS client of our own: the independent witness.
    pub async fn nats_client(&self) -> anyhow::Result<async_nats::Client> {
        let options = async_nats::ConnectOptions::with_user_and_password(self.nats().user().to_owned(), self.nats().password().to_owned());
        options.connect(self.nats().url()).await.context("could not reach NATS")
    }

    /// A NATS client with the credentials of a kind of process (`gateway`, `api`, `worker`), as somebody who stole them has.
    pub async fn nats_client_of(&self, process: &str) -> anyhow::Result<async_nats::Client> {
        let options = async_nats::ConnectOptions::with_user_and_password(process.to_owned(), derived(self.nats().password(), process));
        let options = options.custom_inbox_prefix(format!("_INBOX_{process}")).request_timeout(Some(Duration::from_secs(2)));
        options.connect(self.nats().url()).await.context("could not reach NATS")
    }

    /// A connection to this test's database with the credentials of a kind of process.
    pub async fn database_of(&self, process: &str) -> anyhow::Result<sqlx::PgConnection> {
        use sqlx::Connection as _;
        sqlx::PgConnection::connect(&role_url(self.database_url(), process)).await.context("could not reach the database")
    }

    /// The configuration of relayctl. Processes read it with credentials of their own.
    pub fn config_path(&self) -> &Path {
        &self.parts.config
    }

    /// A directory for this test, removed with it.
    pub fn directory(&self) -> &Path {
        self.parts.scratch.path()
    }

    /// A directory for files of this test alone.
    pub fn own_directory(&self) -> anyhow::Result<PathBuf> {
        self.visit.as_ref().map_or_else(|| Ok(self.directory().to_owned()), Visit::directory)
    }

    /// Where our programs are.
    pub fn bin_dir(&self) -> &Path {
        &self.parts.bin_dir
    }

    /// Runs `relayctl --config <ours> <args>`; returns what it printed.
    pub async fn relayctl(&self, args: &[&str]) -> anyhow::Result<String> {
        tool::relayctl(&self.parts.bin_dir, &self.parts.config, args).await
    }

    /// The REST API without a session.
    pub fn api_client(&self) -> anyhow::Result<ApiClient> {
        Ok(ApiClient::new(&self.api_url())?)
    }

    /// A handle that only this test uses: as wished, with a number behind it on the shared RelayHub.
    pub fn handle(&self, wish: &str) -> String {
        self.visit.as_ref().map_or_else(|| wish.to_owned(), |visit| visit.handle(wish))
    }

    /// Registers [`Self::handle`], who does not log in.
    pub async fn account(&self, handle: &str) -> anyhow::Result<Account> {
        Account::register(self.api_client()?, &self.handle(handle)).await
    }

    /// Registers [`Self::handle`] and logs in on one device.
    pub async fn user(&self, handle: &str) -> anyhow::Result<User> {
        User::register(self.api_client()?, &self.handle(handle)).await
    }

    /// Stops our processes in order and fails if one did not stop cleanly or has logged an unexpected error. Processes that
    /// the test itself has ended are only asked for their logs. Those that tests share go on, and only their logs of this
    /// time are judged.
    ///
    /// # Cancel safety
    /// Not cancel safe.
    pub async fn finish(self) -> anyhow::Result<()> {
        let parts = &self.parts;
        let mut complaints = self.visit.as_ref().map_or_else(Vec::new, Visit::complaints);
        for process in parts.own().filter(|_| self.visit.is_none()) {
            if process.is_running()
                && let Some(exit) = process.stop().await
                && !exit.success()
            {
                complaints.push(format!("{} did not stop cleanly: {exit}", process.name()));
            }
            complaints.extend(logs::errors(process.name(), process.log_path(), &parts.expected));
        }
        if complaints.is_empty() {
            self.finished.store(true, Ordering::Relaxed);
            return Ok(());
        }
        bail!("the test passed, but its processes did not:\n{}", complaints.join("\n"))
    }
}

impl Parts {
    /// Our processes, in the order in which they stop.
    pub(crate) fn own(&self) -> impl Iterator<Item = &RelayProcess> {
        self.gateways.iter().chain([&self.api]).chain(&self.workers)
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        if !self.finished.load(Ordering::Relaxed) {
            let servers: [&Service; 2] = [&self.parts.nats, &self.parts.valkey];
            let postgres = self.parts.database.server().map(|server| -> &Service { server });
            logs::print_tails(self.parts.own().map(|process| -> &Service { process }).chain(servers).chain(postgres));
        }
    }
}

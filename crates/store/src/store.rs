//! The pool.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use parking_lot::Mutex;
use relay_domain::ports::StoreError;
use relay_types::{EventId, IdGen, SystemIds};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgConnection, PgPool, PgTransaction};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::PostgresConfig;
use crate::error::unavailable;
use crate::shares::Shares;

/// Every statement here is a look-up by index, prepared once per connection. Left to itself, Postgres plans each of them
/// several times over, and while a table is nearly empty (a fresh database, a month's first minute) settles on reading
/// all of it, which lasts until statistics catch up.
const SETTINGS: [(&str, &str); 3] = [("plan_cache_mode", "force_generic_plan"), ("enable_seqscan", "off"), ("jit", "off")];

/// For a connection that is given back to answer.
const PING_LIMIT: Duration = Duration::from_secs(2);
/// On top of Postgres' own time limits, before a call is given up.
const GRACE: Duration = Duration::from_secs(1);

/// The configured address is not one.
#[derive(Debug, thiserror::Error)]
#[error("postgres.url has to look like postgres://user:password@host:port/database")]
pub struct ConnectError;

/// Whether the connection answers, within bounds. No transaction is open on it afterwards.
///
/// A caller that goes away while its BEGIN is under way (a client hung up, a limit ran out) leaves a transaction that sqlx
/// does not know of: it counts from BEGIN's answer on, and rolls back nothing before. Whatever the next callers were told is
/// stored would lie in that transaction, until one of them rolled it back. A BEGIN within a transaction changes nothing.
async fn ping(connection: &mut PgConnection) -> sqlx::Result<()> {
    let asked = sqlx::raw_sql("BEGIN; ROLLBACK").execute(connection);
    let answer = tokio::time::timeout(PING_LIMIT, asked).await;
    answer.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into())).map(drop)
}

/// Access to Postgres. Cheap to clone; clones share the pool.
#[derive(Clone)]
pub struct Store {
    pub(crate) pool: PgPool,
    pub(crate) ids: Arc<dyn IdGen>,
    /// Half of the connections: a flush holds one while it waits for the log, and a log without a leader must not keep
    /// everything else from Postgres.
    pub(crate) flushes: Arc<Shares>,
    /// The other half, of which a post holds one in the same way. A process that does both and reads, too, reads through a
    /// store of its own.
    pub(crate) postings: Arc<Shares>,
    /// Half of the connections: lists and pages of history, however many are asked for, leave the rest to short questions.
    pub(crate) reads: Arc<Semaphore>,
    /// Half of those: a search may take a second, a page takes milliseconds.
    pub(crate) searches: Arc<Semaphore>,
    /// Whether `messages` is known to have everything: see `backfill.rs`.
    pub(crate) messages_filled: Arc<AtomicBool>,
    /// What is known of the words of messages: see `search/vocabulary.rs`.
    pub(crate) vocabulary: Arc<Mutex<Option<Arc<crate::search::Vocabulary>>>>,
    /// The longest that one call may take: for a connection, and for its statements.
    pub(crate) call_limit: Duration,
}

tokio::task_local! {
    /// Whether the present call has asked for its commit.
    static COMMITTING: Cell<bool>;
}

/// Commits. When the answer is lost, whether it happened is unknown; when Postgres refuses, it did not.
pub(crate) async fn commit(transaction: PgTransaction<'_>) -> Result<(), StoreError> {
    let _ = COMMITTING.try_with(|committing| committing.set(true));
    transaction.commit().await.map_err(|error| {
        // Class 57: ended by an operator, or as the server went down, perhaps just behind it.
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        let may_stand = code.is_none_or(|code| code.starts_with("57"));
        StoreError { may_stand, ..unavailable(error) }
    })
}

/// Gives a call up after `limit`.
pub(crate) async fn within<T, E: From<StoreError>>(limit: Duration, call: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    match tokio::time::timeout(limit, call).await {
        Ok(result) => result,
        Err(_) => Err(late(limit).into()),
    }
}

fn late(limit: Duration) -> StoreError {
    StoreError::new(format!("the database did not answer within {} ms", limit.as_millis()))
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("connections", &self.pool.size()).finish_non_exhaustive()
    }
}

impl Store {
    /// Makes the pool. Connects only when first used, so a process starts while Postgres is away, and comes back by
    /// itself when Postgres does. Has to be called within a tokio runtime.
    ///
    /// # Errors
    /// When the URL is not one.
    pub fn connect(config: &PostgresConfig) -> Result<Self, ConnectError> {
        let options = config
            .url
            .parse::<PgConnectOptions>()
            .map_err(|_| ConnectError)?
            .application_name("relayhub")
            .options(SETTINGS)
            .options([("statement_timeout", format!("{}ms", config.statement_timeout_ms))]);
        let broke: Arc<Mutex<Option<Instant>>> = Arc::default();
        let suspects = Arc::clone(&broke);
        let pool = PgPoolOptions::new()
            .max_connections(config.max_connections)
            .acquire_timeout(Duration::from_millis(config.acquire_timeout_ms))
            // A ping before each use would double the round trips of every read; a connection that died since fails one
            // call as unavailable and leaves the pool.
            .test_before_acquire(false)
            // The pool asks every connection that is given back whether it is still usable, and would wait for as long as the
            // kernel does, which for a server that vanished is many minutes. This asks first, and gives up. It also ends what a
            // dropped call left open.
            .after_release(move |connection, _| {
                let broke = Arc::clone(&broke);
                Box::pin(async move {
                    let alive = ping(connection).await;
                    if alive.is_err() {
                        *broke.lock() = Some(Instant::now());
                    }
                    alive.map(|()| true)
                })
            })
            // Connections die together. Once one has, those that lay idle then are asked before they are used, or each would
            // fail one more call.
            .before_acquire(move |connection, meta| {
                let suspect = suspects.lock().is_some_and(|at: Instant| at.elapsed() <= meta.idle_for);
                Box::pin(async move { if suspect { ping(connection).await.map(|()| true) } else { Ok(true) } })
            })
            .idle_timeout(Duration::from_mins(5))
            .max_lifetime(Duration::from_mins(30))
            .connect_lazy_with(options);
        let half = usize::try_from(config.max_connections / 2).unwrap_or(1);
        let call_limit = Duration::from_millis(config.acquire_timeout_ms + config.statement_timeout_ms) + GRACE;
        Ok(Self {
            pool,
            ids: Arc::new(SystemIds::default()),
            flushes: Arc::new(Shares::new(half)),
            postings: Arc::new(Shares::new(half)),
            reads: Arc::new(Semaphore::new(half.max(1))),
            searches: Arc::new(Semaphore::new((half / 2).max(1))),
            messages_filled: Arc::default(),
            vocabulary: Arc::default(),
            call_limit,
        })
    }

    /// One call, given up when Postgres neither answers nor refuses: `statement_timeout` is Postgres' own promise and says
    /// nothing about a server that vanished. What the call did is unknown then, as after any lost answer. The connection
    /// leaves the pool.
    pub(crate) async fn limited<T, E: From<StoreError>>(&self, call: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let limited = async {
            match tokio::time::timeout(self.call_limit, call).await {
                Ok(result) => result,
                Err(_) => Err(StoreError { may_stand: COMMITTING.with(Cell::get), ..late(self.call_limit) }.into()),
            }
        };
        COMMITTING.scope(Cell::new(false), limited).await
    }

    /// Waits for one of the connections that long reads may have.
    pub(crate) async fn reading(&self) -> Result<SemaphorePermit<'_>, StoreError> {
        self.reads.acquire().await.map_err(|_| StoreError::new("the store is closed".to_owned()))
    }

    /// The same for a search, of which not as many go on at once.
    pub(crate) async fn searching(&self) -> Result<(SemaphorePermit<'_>, SemaphorePermit<'_>), StoreError> {
        let search = self.searches.acquire().await.map_err(|_| StoreError::new("the store is closed".to_owned()))?;
        Ok((search, self.reading().await?))
    }

    /// Whether Postgres answers.
    ///
    /// # Errors
    /// When it does not.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let ping = async { sqlx::query_scalar!(r#"SELECT 1 AS "one!""#).fetch_one(&self.pool).await.map(drop).map_err(unavailable) };
        self.limited(ping).await
    }

    /// Closes the connections, after those in use are given back.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// A fresh id for an event that is about to be decided.
    pub(crate) fn event_id(&self) -> EventId {
        EventId::new(self.ids.next_ulid())
    }
}

//! Brings a database to this build's schema.

use sqlx::migrate::{Migrate as _, Migrator};
use sqlx::{Connection as _, PgConnection};

use crate::Store;
use crate::roles::{self, RolePasswords};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");
const TABLE: &str = "_sqlx_migrations";

/// The database could not be migrated. A migration is one transaction: the failed one left nothing behind.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// Postgres does not answer.
    #[error("could not connect to Postgres")]
    Connect(#[source] sqlx::Error),
    /// A file does not apply, or the database's history is another one.
    #[error("could not migrate the database")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// The coming months' partitions could not be made.
    #[error("could not create partitions")]
    Partitions(#[source] sqlx::Error),
    /// The processes' roles could not be made, or not be granted what they need.
    #[error("could not set up the roles of gateway, api and worker")]
    Roles(#[source] sqlx::Error),
}

/// How a database stands to this build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaState {
    /// It has everything this build needs.
    Current,
    /// `relayctl migrate` has to run first.
    Behind {
        /// How many files are missing.
        missing: usize,
    },
    /// A file that was applied is not the one this build holds.
    Diverged {
        /// The file's number.
        version: i64,
    },
}

/// [`migrate_with`] that gives no role a password.
///
/// # Errors
/// See [`MigrateError`]. Safe to repeat.
pub async fn migrate(url: &str) -> Result<(), MigrateError> {
    migrate_with(url, &RolePasswords::default()).await
}

/// Applies what is missing, one process at a time (others wait), creates the partitions of last month to three months ahead
/// (of keys: of the last five weeks to three ahead; of users' own events: of the last 31 days to four ahead, because the log may be projected anew),
/// and gives each kind of process its role (see [`crate::Role`]). The URL's user owns the tables, and needs the right to make
/// roles while one is missing or gets a password.
///
/// # Errors
/// See [`MigrateError`]. Safe to repeat.
pub async fn migrate_with(url: &str, passwords: &RolePasswords) -> Result<(), MigrateError> {
    let mut connection = PgConnection::connect(url).await.map_err(MigrateError::Connect)?;
    MIGRATIONS.run_direct(None, &mut connection, false).await.map_err(MigrateError::Migrate)?;
    sqlx::query_scalar!("SELECT ensure_event_partitions(now() - interval '1 month', 5)")
        .fetch_one(&mut connection)
        .await
        .map_err(MigrateError::Partitions)?;
    sqlx::query_scalar!("SELECT ensure_user_event_partitions(now() - interval '31 days', 36)")
        .fetch_one(&mut connection)
        .await
        .map_err(MigrateError::Partitions)?;
    sqlx::query_scalar!("SELECT ensure_send_key_partitions(now() - interval '31 days', 9)")
        .fetch_one(&mut connection)
        .await
        .map_err(MigrateError::Partitions)?;
    roles::apply(&mut connection, passwords).await.map_err(MigrateError::Roles)?;
    connection.close().await.map_err(MigrateError::Connect)
}

impl Store {
    /// Compares the database with this build. A database that is ahead is current: migrations only expand.
    ///
    /// # Errors
    /// When Postgres does not answer.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn schema_state(&self) -> Result<SchemaState, MigrateError> {
        let mut connection = self.pool.acquire().await.map_err(MigrateError::Connect)?;
        let table = sqlx::query_scalar!("SELECT to_regclass($1) IS NOT NULL", TABLE).fetch_one(&mut *connection).await;
        if table.map_err(MigrateError::Connect)? != Some(true) {
            return Ok(SchemaState::Behind { missing: MIGRATIONS.iter().count() });
        }
        let applied = connection.list_applied_migrations(TABLE).await.map_err(MigrateError::Migrate)?;
        let mut missing = 0;
        for ours in MIGRATIONS.iter() {
            match applied.iter().find(|theirs| theirs.version == ours.version) {
                Some(theirs) if theirs.checksum == ours.checksum => {}
                Some(_) => return Ok(SchemaState::Diverged { version: ours.version }),
                None => missing += 1,
            }
        }
        Ok(if missing == 0 { SchemaState::Current } else { SchemaState::Behind { missing } })
    }
}

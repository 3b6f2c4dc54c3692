//! `[postgres]`

use std::fmt;

use relay_types::limits::{Violation, require, within};
use serde::{Deserialize, Serialize};

/// How to reach Postgres.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresConfig {
    /// `postgres://user:password@host:port/database`. Never printed.
    #[serde(skip_serializing)]
    pub url: String,
    /// Connections that this process may hold. The API holds two pools of this size.
    #[serde(default = "default_max_connections")]
    pub max_connections: u32,
    /// How long a caller waits for a connection, in milliseconds. Also how long a call takes to fail while Postgres is away.
    #[serde(default = "default_acquire_timeout_ms")]
    pub acquire_timeout_ms: u64,
    /// After how long Postgres gives up on a statement, in milliseconds.
    #[serde(default = "default_statement_timeout_ms")]
    pub statement_timeout_ms: u64,
}

const fn default_max_connections() -> u32 {
    16
}

const fn default_acquire_timeout_ms() -> u64 {
    2_000
}

const fn default_statement_timeout_ms() -> u64 {
    5_000
}

impl PostgresConfig {
    /// The defaults for a database.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: default_max_connections(),
            acquire_timeout_ms: default_acquire_timeout_ms(),
            statement_timeout_ms: default_statement_timeout_ms(),
        }
    }

    /// Refuses values outside their limits: the dotted key, and what it has to be.
    ///
    /// # Errors
    /// The first key that is wrong.
    pub fn check(&self) -> Result<(), Violation> {
        let is_address = self.url.parse::<sqlx::postgres::PgConnectOptions>().is_ok();
        require("postgres.url", is_address, || "like postgres://user:password@host:port/database".to_owned())?;
        within("postgres.max_connections", &self.max_connections, &(2..=500))?;
        within("postgres.acquire_timeout_ms", &self.acquire_timeout_ms, &(50..=60_000))?;
        within("postgres.statement_timeout_ms", &self.statement_timeout_ms, &(100..=600_000))
    }
}

impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConfig")
            .field("url", &"[redacted]")
            .field("max_connections", &self.max_connections)
            .field("acquire_timeout_ms", &self.acquire_timeout_ms)
            .field("statement_timeout_ms", &self.statement_timeout_ms)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_name_the_key_and_the_password_stays_hidden() {
        let mut config = PostgresConfig::new("postgres://relay:canary@127.0.0.1/relay");
        assert_eq!(config.check(), Ok(()));
        assert!(!format!("{config:?}").contains("canary"));
        config.max_connections = 0;
        assert_eq!(config.check().unwrap_err().0, "postgres.max_connections");
        config.url = "mysql//".to_owned();
        assert_eq!(config.check().unwrap_err().0, "postgres.url");
    }
}

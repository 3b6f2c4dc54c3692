//! The configuration that all processes share; each process' links come from its environment.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use toml::{Table, Value};

/// Where the servers are, past all proxies.
pub struct Places<'a> {
    pub nats_urls: &'a [String],
    pub nats_password: &'a str,
    pub postgres_url: &'a str,
    pub valkey_url: &'a str,
    pub keys_dir: &'a Path,
}

/// Production's durability; limits per user out of the way; what waits for minutes by default, within a run's reach.
const SETTINGS: &str = r#"
[log]
format = "json"
filter = "info"

[nats]
user = "relay"
# Batches are what a crash comes between.
batches = { singles = 2 }

[topology]
shards = 1
replicas = 3
max_bytes_per_shard = 8589934592

[tokens]
access_ttl_s = 86400

[gateway]
messages_per_s = 1000000
message_burst = 1000000
frames_per_s = 1000000
drain_spread_ms = 1000
checkpoint_interval_ms = 5000
quota = { bytes_per_s = 1000000000, burst_bytes = 1000000000, bytes_per_day = 1000000000 }

[api]
quota = { bytes_per_s = 1000000000, burst_bytes = 1000000000, bytes_per_day = 1000000000 }
limits = { requests_per_address = { limit = 0, per_s = 1 }, requests_per_user = { limit = 0, per_s = 1 }, registrations_per_address = { limit = 0, per_s = 1 }, logins_per_address = { limit = 0, per_s = 1 }, read_marks_per_user = { limit = 0, per_s = 1 } }

[worker]
reconcile_all_every_s = 10
stranded_after_s = 5
audit_every_s = 10
"#;

/// Writes the file, readable by us only.
pub fn write(path: &Path, places: &Places<'_>) -> anyhow::Result<()> {
    let mut config: Table = SETTINGS.parse().context("the settings are TOML")?;
    let text = |text: &str| Value::String(text.to_owned());
    let keys_dir = places.keys_dir.to_str().context("the temporary directory's name is not UTF-8")?;
    set(&mut config, "nats", "servers", Value::Array(places.nats_urls.iter().map(|url| text(url)).collect()))?;
    set(&mut config, "nats", "password", text(places.nats_password))?;
    set(&mut config, "postgres", "url", text(places.postgres_url))?;
    set(&mut config, "valkey", "url", text(places.valkey_url))?;
    set(&mut config, "tokens", "keys_dir", text(keys_dir))?;
    save(path, &config)
}

/// Names another primary.
pub fn repoint(path: &Path, postgres_url: &str) -> anyhow::Result<()> {
    let mut config: Table = std::fs::read_to_string(path)?.parse()?;
    set(&mut config, "postgres", "url", Value::String(postgres_url.to_owned()))?;
    save(path, &config)
}

fn set(config: &mut Table, section: &str, key: &str, value: Value) -> anyhow::Result<()> {
    let section = config.entry(section.to_owned()).or_insert_with(|| Value::Table(Table::new()));
    section.as_table_mut().context("a section is a table")?.insert(key.to_owned(), value);
    Ok(())
}

fn save(path: &Path, config: &Table) -> anyhow::Result<()> {
    // Replaced in one step: a starting process reads all of one version.
    let new = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(toml::to_string(config)?.as_bytes())?;
    std::fs::rename(&new, path).with_context(|| format!("could not write {}", path.display()))
}

//! The configuration file of one test's processes.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use toml::{Table, Value};

/// Small, because every test reserves it: the log of record of one shard.
const MAX_BYTES_PER_SHARD: i64 = 512 << 20;

/// Where the servers are.
#[derive(Debug)]
pub(crate) struct Places<'a> {
    pub(crate) nats_url: &'a str,
    pub(crate) nats_password: &'a str,
    pub(crate) postgres_url: &'a str,
    pub(crate) valkey_url: &'a str,
    pub(crate) keys_dir: &'a Path,
}

/// The sections every test needs; `shards` and the duplicate window are the test's choice.
pub(crate) fn base(places: &Places<'_>, shards: u16, duplicate_window_ms: u64) -> anyhow::Result<Table> {
    let text = |text: &str| Value::String(text.to_owned());
    let section =
        |entries: Vec<(&str, Value)>| Value::Table(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Table>());
    let keys_dir = places.keys_dir.to_str().context("the temporary directory's name is not UTF-8")?;
    let sections = [
        ("log", section(vec![("format", text("json")), ("filter", text("info"))])),
        (
            "nats",
            section(vec![
                ("servers", Value::Array(vec![text(places.nats_url)])),
                ("user", text("relay")),
                ("password", text(places.nats_password)),
            ]),
        ),
        (
            "topology",
            section(vec![
                ("shards", Value::Integer(shards.into())),
                ("replicas", Value::Integer(1)),
                ("duplicate_window_ms", Value::Integer(i64::try_from(duplicate_window_ms)?)),
                ("max_bytes_per_shard", Value::Integer(MAX_BYTES_PER_SHARD)),
            ]),
        ),
        ("postgres", section(vec![("url", text(places.postgres_url)), ("max_connections", Value::Integer(8))])),
        ("valkey", section(vec![("url", text(places.valkey_url))])),
        ("tokens", section(vec![("keys_dir", text(keys_dir))])),
        // One person of a test sends what a crowd sends elsewhere.
        ("gateway", section(vec![("quota", generous_quota())])),
        ("api", section(vec![("quota", generous_quota())])),
    ];
    Ok(sections.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn generous_quota() -> Value {
    let keys = ["bytes_per_s", "burst_bytes", "bytes_per_day"];
    Value::Table(keys.into_iter().map(|key| (key.to_owned(), Value::Integer(1_000_000_000))).collect())
}

/// Adds what a test wants different: `fragment` is the inside of `[section]`.
pub(crate) fn override_section(config: &mut Table, section: &str, fragment: &str) -> anyhow::Result<()> {
    let wanted: Table = fragment.parse().with_context(|| format!("the override of [{section}] is not TOML"))?;
    let entry = config.entry(section.to_owned()).or_insert_with(|| Value::Table(Table::new()));
    entry.as_table_mut().with_context(|| format!("{section} is not a section"))?.extend(wanted);
    Ok(())
}

/// Writes the file, readable by us only.
pub(crate) fn write(path: &Path, config: &Table) -> anyhow::Result<()> {
    let text = toml::to_string(config).context("the configuration cannot be written as TOML")?;
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes()).with_context(|| format!("could not write {}", path.display()))
}

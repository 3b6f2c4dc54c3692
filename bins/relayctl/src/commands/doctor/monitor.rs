//! What a nats-server tells only at its monitoring address: how it writes to disk, and how full that is.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail};
use relay_types::{Clock as _, SystemClock};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Finding, PATIENCE, clock};

/// A store this full is worth a warning, in percent.
const NEARLY_FULL: u64 = 80;

/// How the servers that were asked write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    /// Nobody was asked, or not every server, or one did not answer.
    Unknown,
    /// At least one acknowledges before the disk has it.
    AtIntervals,
    /// All write through.
    Always,
}

/// What one server says.
struct Server {
    name: String,
    sync_always: bool,
    stored: u64,
    may_store: u64,
    now_ms: Option<i64>,
}

/// Asks each server. Each copy of the log has one: what fewer than `copies` say is not known of all.
pub async fn check(monitors: &[String], copies: usize) -> (Writes, Vec<Finding>) {
    let (mut findings, mut servers) = (Vec::new(), Vec::new());
    for monitor in monitors {
        let asked = SystemClock.now_ms();
        match read(monitor).await {
            Ok(server) => {
                let whose = format!("nats-server {}", server.name);
                findings.extend(server.now_ms.and_then(|now| clock(&whose, now, asked, SystemClock.now_ms())));
                findings.extend(room(&server));
                servers.push(server);
            }
            Err(error) => findings.push(Finding::Broken(format!("{monitor}/jsz: {error:#}"))),
        }
    }
    (writes(&servers, monitors.len(), copies), findings)
}

/// What these servers, of so many that were asked, say of a log with so many copies.
fn writes(servers: &[Server], asked: usize, copies: usize) -> Writes {
    let different: BTreeSet<&str> = servers.iter().map(|server| server.name.as_str()).collect();
    if servers.iter().any(|server| !server.sync_always) {
        Writes::AtIntervals
    } else if different.len() < copies.max(1) || servers.len() < asked {
        Writes::Unknown
    } else {
        Writes::Always
    }
}

fn room(server: &Server) -> Option<Finding> {
    let percent = server.stored.saturating_mul(100) / server.may_store.max(1);
    (percent >= NEARLY_FULL).then(|| {
        Finding::Warning(format!(
            "the store of nats-server {} is {percent} % full: at 100 % sends are refused; give it more disk (max_file_store)",
            server.name
        ))
    })
}

async fn read(monitor: &str) -> anyhow::Result<Server> {
    relay_client::install_tls();
    let mut client = reqwest::Client::builder().timeout(PATIENCE);
    if monitor.starts_with("http://") {
        client = client.tls_certs_only(std::iter::empty());
    }
    let url = format!("{}/jsz?config=true", monitor.trim_end_matches('/'));
    let response = client.build()?.get(url).send().await.map_err(reqwest::Error::without_url).context("no answer")?;
    let jsz: Value = serde_json::from_slice(&response.bytes().await?).context("not a NATS monitoring endpoint")?;
    let Some(jetstream) = jsz.get("config") else { bail!("JetStream is not enabled on this server") };
    let number = |from: &Value, key: &str| from.get(key).and_then(Value::as_u64);
    let now = jsz.get("now").and_then(Value::as_str).and_then(|now| OffsetDateTime::parse(now, &Rfc3339).ok());
    Ok(Server {
        name: jsz.get("server_id").and_then(Value::as_str).unwrap_or(monitor).to_owned(),
        sync_always: jetstream.get("sync_always").and_then(Value::as_bool).unwrap_or(false),
        stored: number(&jsz, "storage").unwrap_or(0),
        may_store: number(jetstream, "max_storage").unwrap_or(u64::MAX),
        now_ms: now.and_then(|now| i64::try_from(now.unix_timestamp_nanos() / 1_000_000).ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_fills_up_is_said() {
        let server = |stored| Server { name: "a".to_owned(), sync_always: true, stored, may_store: 100, now_ms: None };
        assert!(room(&server(79)).is_none());
        assert!(room(&server(80)).is_some());
    }

    #[test]
    fn one_server_named_three_times_speaks_for_one_copy() {
        let server = |name: &str, sync_always| Server { name: name.to_owned(), sync_always, stored: 0, may_store: 1, now_ms: None };
        assert_eq!(writes(&["a", "a", "a"].map(|name| server(name, true)), 3, 3), Writes::Unknown);
        assert_eq!(writes(&["a", "b"].map(|name| server(name, true)), 3, 3), Writes::Unknown, "one did not answer");
        assert_eq!(writes(&["a", "b", "c"].map(|name| server(name, true)), 3, 3), Writes::Always);
        assert_eq!(writes(&[server("a", true), server("b", false)], 2, 3), Writes::AtIntervals);
        assert_eq!(writes(&[server("a", true)], 1, 1), Writes::Always);
    }

    #[tokio::test]
    async fn without_an_answer_nothing_is_known() {
        assert_eq!(check(&[], 1).await.0, Writes::Unknown);
        let (writes, findings) = check(&["http://127.0.0.1:1".to_owned()], 1).await;
        assert_eq!(writes, Writes::Unknown);
        assert!(matches!(findings.as_slice(), [Finding::Broken(_)]));
    }
}

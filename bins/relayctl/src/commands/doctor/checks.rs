//! The checks. Each answers in words, with what to do.

use std::time::Duration;

use anyhow::{Context as _, bail};
use relay_auth::SigningKeys;
use relay_bus::topology::Topology;
use relay_store::SchemaState;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Finding;
use crate::config::Config;

/// For one answer of one server.
const PATIENCE: Duration = Duration::from_secs(5);

pub fn signing_keys(config: &Config) -> Finding {
    match SigningKeys::load(&config.tokens.keys_dir) {
        Ok(keys) => Finding::Fine(format!("{} signing key(s) in {}", keys.kids().len(), config.tokens.keys_dir.display())),
        Err(error) => Finding::Broken(format!("tokens.keys_dir: {error}")),
    }
}

pub async fn postgres(config: &Config) -> Vec<Finding> {
    let store = match config.postgres().map_err(anyhow::Error::from).and_then(relay_wiring::open_store) {
        Ok(store) => store,
        Err(error) => return vec![Finding::Broken(format!("{error:#}"))],
    };
    if let Err(error) = store.ping().await {
        return vec![Finding::Broken(format!(
            "Postgres does not answer ({error}): start it, or check [postgres]; chat goes on without it, log-in does not"
        ))];
    }
    let schema = match store.schema_state().await {
        Ok(SchemaState::Current) => Finding::Fine("the database has this version's schema".to_owned()),
        Ok(SchemaState::Behind { missing }) => {
            Finding::Broken(format!("the database lacks {missing} migration(s): run `relayctl migrate`"))
        }
        Ok(SchemaState::Diverged { version }) => {
            Finding::Broken(format!("migration {version} in the database is not this version's: another build wrote it"))
        }
        Err(error) => Finding::Broken(format!("the schema could not be read: {:#}", anyhow::Error::from(error))),
    };
    vec![Finding::Fine("Postgres answers".to_owned()), schema]
}

pub async fn nats(config: &Config) -> Vec<Finding> {
    let nats = match config.nats() {
        Ok(nats) => nats,
        Err(error) => return vec![Finding::Broken(error.to_string())],
    };
    let bus = match relay_wiring::connect_nats(nats, "relayctl-doctor").await {
        Ok(bus) => bus,
        Err(error) => return vec![Finding::Broken(format!("{error}"))],
    };
    let mut findings = vec![Finding::Fine("NATS answers".to_owned())];
    let plan = match Topology::declared(&config.topology) {
        Ok(declared) => declared.plan(&bus).await,
        Err(error) => Err(error),
    };
    match plan {
        Ok(differences) if differences.is_empty() => findings.push(Finding::Fine("the topology is as declared".to_owned())),
        Ok(differences) => {
            findings.extend(differences.iter().map(|difference| Finding::Broken(format!("{difference}: run `relayctl topology apply`"))));
        }
        Err(error) => findings.push(Finding::Broken(error.to_string())),
    }
    findings
}

/// How the log is written to disk is told only by the monitoring endpoint.
pub async fn durability(monitor: Option<&str>, config: &Config) -> Finding {
    let Some(monitor) = monitor else {
        return Finding::Warning("durability was not checked: name a server's monitoring address with --nats-monitor".to_owned());
    };
    match read_monitor(monitor).await {
        Ok(server) => judge(&server, config.topology.replicas),
        Err(error) => Finding::Broken(format!("{monitor}/jsz: {error:#}")),
    }
}

/// What `/jsz` says about a server, as far as it matters here.
struct Server {
    sync_always: bool,
    clustered: bool,
}

async fn read_monitor(monitor: &str) -> anyhow::Result<Server> {
    relay_client::install_tls();
    let mut client = reqwest::Client::builder().timeout(PATIENCE);
    if monitor.starts_with("http://") {
        client = client.tls_certs_only(std::iter::empty());
    }
    let url = format!("{}/jsz?config=true", monitor.trim_end_matches('/'));
    let response = client.build()?.get(url).send().await.map_err(reqwest::Error::without_url).context("no answer")?;
    let jsz: serde_json::Value = serde_json::from_slice(&response.bytes().await?).context("not a NATS monitoring endpoint")?;
    let Some(jetstream) = jsz.get("config") else { bail!("JetStream is not enabled on this server") };
    Ok(Server {
        sync_always: jetstream.get("sync_always").and_then(serde_json::Value::as_bool).unwrap_or(false),
        clustered: jsz.get("meta_cluster").is_some(),
    })
}

fn judge(server: &Server, replicas: u8) -> Finding {
    match (server.sync_always, server.clustered, replicas) {
        (true, true, 1) => Finding::Warning(
            "topology.replicas is 1 in a cluster: what a lost node held is gone, and nobody takes over meanwhile; set 3".to_owned(),
        ),
        (true, _, replicas) => Finding::Fine(format!("every acknowledged message is on {replicas} disk(s)")),
        (false, true, 3 | 5) => Finding::Warning(
            "sync_interval is not `always`: a power cut of most nodes at once loses acknowledged messages of the last interval".to_owned(),
        ),
        (false, ..) => Finding::Warning(
            "sync_interval is not `always` and there is one copy: a power cut loses acknowledged messages of the last interval".to_owned(),
        ),
    }
}

/// A `PING`, spoken by hand: the tool needs no more of Valkey. An answer of any kind is one: it may want a password.
pub async fn valkey(config: &Config) -> Finding {
    let url = config.valkey_url();
    let Some(address) = address_of(url) else {
        return Finding::Warning("valkey.url names a Sentinel or Cluster, which is not checked".to_owned());
    };
    let ping = async {
        let mut stream = tokio::net::TcpStream::connect(&address).await?;
        stream.write_all(b"PING\r\n").await?;
        let mut first = [0u8; 1];
        stream.read_exact(&mut first).await?;
        Ok::<_, std::io::Error>(first)
    };
    match tokio::time::timeout(PATIENCE, ping).await {
        Ok(Ok([b'+' | b'-'])) => Finding::Fine("Valkey answers".to_owned()),
        Ok(Ok(_)) => Finding::Broken(format!("what answers at {address} is not Valkey")),
        Ok(Err(error)) => {
            Finding::Warning(format!("Valkey does not answer at {address} ({error}): limits are counted per process until it does"))
        }
        Err(_) => Finding::Warning(format!("Valkey does not answer at {address} in time: limits are counted per process until it does")),
    }
}

/// `host:port` of a plain address.
fn address_of(url: &str) -> Option<String> {
    let rest = url.strip_prefix("redis://").or_else(|| url.strip_prefix("valkey://"))?;
    let authority = rest.split(['/', '?']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if host.is_empty() || host.contains(',') {
        return None;
    }
    Some(if host.contains(':') { host.to_owned() } else { format!("{host}:6379") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_their_password() {
        assert_eq!(address_of("redis://127.0.0.1:7000/1").as_deref(), Some("127.0.0.1:7000"));
        assert_eq!(address_of("redis://user:s3cret@host").as_deref(), Some("host:6379"));
        assert_eq!(address_of("redis-cluster://a:1"), None);
    }

    #[test]
    fn weak_durability_is_said() {
        let finding = |sync_always, clustered, replicas| judge(&Server { sync_always, clustered }, replicas);
        assert!(matches!(finding(true, false, 1), Finding::Fine(_)));
        assert!(matches!(finding(true, true, 3), Finding::Fine(_)));
        for weak in [finding(false, false, 1), finding(false, true, 3), finding(true, true, 1)] {
            assert!(matches!(weak, Finding::Warning(_)));
        }
    }
}

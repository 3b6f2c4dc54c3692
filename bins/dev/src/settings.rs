//! Passwords and ports of this checkout, and the configuration file made of them.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use relay_dev_servers::PortLease;
use relay_dev_servers::postgres::role_url;
use relay_dev_servers::secret::{derived, random_password};
use serde::{Deserialize, Serialize};

use crate::layout::{Layout, write_private};

/// The log of record of one shard on a developer's disk: 4 GiB, reserved by nats-server but not allocated.
const MAX_BYTES_PER_SHARD: u64 = 4 << 30;

/// What stays the same from run to run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Settings {
    /// Of the NATS user `relay`; the processes' are derived from it.
    pub nats_password: String,
    /// Of the NATS user `sys`.
    pub nats_sys_password: String,
    /// Of the Postgres user `relay`, who owns the tables; the processes' are derived from it.
    pub postgres_password: String,
    /// Of Valkey.
    pub valkey_password: String,
    /// Preferred; another is taken while somebody else has one.
    pub ports: Ports,
}

/// Where everything listens, on 127.0.0.1.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Ports {
    pub gateway: u16,
    pub gateway_admin: u16,
    pub api: u16,
    pub api_admin: u16,
    pub worker_admin: u16,
    pub nats: u16,
    pub nats_monitor: u16,
    pub postgres: u16,
    pub valkey: u16,
}

impl Default for Ports {
    fn default() -> Self {
        // Not the servers' usual ports, which a developer's own ones have.
        Self {
            gateway: 7080,
            gateway_admin: 7081,
            api: 7090,
            api_admin: 7091,
            worker_admin: 7092,
            nats: 7422,
            nats_monitor: 7423,
            postgres: 7432,
            valkey: 7379,
        }
    }
}

/// The ports of this run.
#[derive(Debug)]
pub struct Leases {
    pub gateway: PortLease,
    pub gateway_admin: PortLease,
    pub api: PortLease,
    pub api_admin: PortLease,
    pub worker_admin: PortLease,
    pub nats: PortLease,
    pub nats_monitor: PortLease,
    pub postgres: PortLease,
    pub valkey: PortLease,
}

impl Settings {
    /// Those of earlier runs, or new ones.
    pub fn load(layout: &Layout) -> anyhow::Result<Self> {
        let path = layout.settings();
        if path.is_file() {
            let text = std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
            return serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()));
        }
        let settings = Self {
            nats_password: random_password(),
            nats_sys_password: random_password(),
            postgres_password: random_password(),
            valkey_password: random_password(),
            ports: Ports::default(),
        };
        settings.save(layout)?;
        Ok(settings)
    }

    /// Takes the preferred ports, or free ones instead.
    pub fn lease(&self) -> anyhow::Result<Leases> {
        let ports = &self.ports;
        Ok(Leases {
            gateway: PortLease::prefer(ports.gateway)?,
            gateway_admin: PortLease::prefer(ports.gateway_admin)?,
            api: PortLease::prefer(ports.api)?,
            api_admin: PortLease::prefer(ports.api_admin)?,
            worker_admin: PortLease::prefer(ports.worker_admin)?,
            nats: PortLease::prefer(ports.nats)?,
            nats_monitor: PortLease::prefer(ports.nats_monitor)?,
            postgres: PortLease::prefer(ports.postgres)?,
            valkey: PortLease::prefer(ports.valkey)?,
        })
    }

    /// The database as its owner reaches it.
    pub fn postgres_url(&self, leases: &Leases) -> String {
        format!("postgres://relay:{}@{}/relay", self.postgres_password, leases.postgres.address())
    }

    fn save(&self, layout: &Layout) -> anyhow::Result<()> {
        write_private(&layout.settings(), &serde_json::to_string_pretty(self)?)
    }
}

/// Writes this run's configuration: one file for relayctl, and one for each kind of process.
pub fn write_configs(layout: &Layout, settings: &Settings, leases: &Leases, web_root: &Path) -> anyhow::Result<()> {
    let owner = settings.postgres_url(leases);
    let operators = Credentials { nats_user: "relay", nats_password: settings.nats_password.clone(), postgres_url: owner.clone() };
    write_config(layout, &layout.config(), &operators, (settings, leases, web_root))?;
    for process in ["gateway", "api", "worker"] {
        let nats_password = derived(&settings.nats_password, process);
        let own = Credentials { nats_user: process, nats_password, postgres_url: role_url(&owner, process) };
        write_config(layout, &layout.config_of(process), &own, (settings, leases, web_root))?;
    }
    Ok(())
}

/// The pages of this run: whatever one of our listeners serves may ask the others. A page's port is part of its origin, and so
/// is the name it was reached by.
fn origins(ports: &[u16]) -> Vec<String> {
    ports.iter().flat_map(|port| ["127.0.0.1", "localhost"].map(|host| format!("http://{host}:{port}"))).collect()
}

/// As whom a process connects.
struct Credentials<'a> {
    nats_user: &'a str,
    nats_password: String,
    postgres_url: String,
}

/// What all processes of a run share: passwords, ports, and the directory of the web client.
type Shared<'a> = (&'a Settings, &'a Leases, &'a Path);

fn write_config(layout: &Layout, path: &Path, own: &Credentials<'_>, shared: Shared<'_>) -> anyhow::Result<()> {
    let keys_dir = layout.keys();
    let keys_dir = keys_dir.to_str().context("the checkout's path is not UTF-8")?;
    write_private(path, &config_text(keys_dir, own, shared)?)
}

fn config_text(keys_dir: &str, own: &Credentials<'_>, (settings, leases, web_root): Shared<'_>) -> anyhow::Result<String> {
    let web_root = web_root.to_str().context("the checkout's path is not UTF-8")?;
    let mut text = String::from("# Written by ./relay up, each time. Override a key with RELAY__SECTION__KEY in the environment.\n");
    // Values are passwords of ours (letters and digits), addresses, and paths, which JSON quotes as TOML does.
    write!(
        text,
        "
[log]
format = \"text\"
filter = \"info\"

[nats]
servers = [\"nats://{nats}\"]
user = \"{nats_user}\"
password = \"{nats_password}\"

[topology]
shards = 1
replicas = 1
max_bytes_per_shard = {MAX_BYTES_PER_SHARD}

[postgres]
url = \"{postgres_url}\"

[valkey]
url = \"redis://:{valkey_password}@{valkey}\"

[web]
public_origins = {origins}

[tokens]
keys_dir = {keys_dir}

[gateway]
listen = \"{gateway}\"
admin_listen = \"{gateway_admin}\"

[api]
listen = \"{api}\"
admin_listen = \"{api_admin}\"
web_root = {web_root}
gateway_urls = [\"ws://{gateway}/v1/ws\"]

[worker]
admin_listen = \"{worker_admin}\"
",
        nats = leases.nats.address(),
        nats_user = own.nats_user,
        nats_password = own.nats_password,
        postgres_url = own.postgres_url,
        valkey_password = settings.valkey_password,
        valkey = leases.valkey.address(),
        origins = serde_json::to_string(&origins(&[leases.api.port(), leases.gateway.port()]))?,
        keys_dir = serde_json::to_string(keys_dir)?,
        web_root = serde_json::to_string(web_root)?,
        gateway = leases.gateway.address(),
        gateway_admin = leases.gateway_admin.address(),
        api = leases.api.address(),
        api_admin = leases.api_admin.address(),
        worker_admin = leases.worker_admin.address(),
    )?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_this_run_may_ask_under_both_names_of_this_machine() {
        let settings = Settings {
            nats_password: "n".to_owned(),
            nats_sys_password: "s".to_owned(),
            postgres_password: "p".to_owned(),
            valkey_password: "v".to_owned(),
            ports: Ports::default(),
        };
        let leases = settings.lease().unwrap();
        let own = Credentials { nats_user: "api", nats_password: "n".to_owned(), postgres_url: settings.postgres_url(&leases) };
        let text = config_text("/keys", &own, (&settings, &leases, Path::new("/web"))).unwrap();
        let (_, rest) = text.split_once("[web]\npublic_origins = ").unwrap();
        let origins: Vec<String> = serde_json::from_str(rest.lines().next().unwrap()).unwrap();
        let (api, gateway) = (leases.api.port(), leases.gateway.port());
        assert_eq!(
            origins,
            [
                format!("http://127.0.0.1:{api}"),
                format!("http://localhost:{api}"),
                format!("http://127.0.0.1:{gateway}"),
                format!("http://localhost:{gateway}"),
            ]
        );
    }
}

//! Several nats-servers that form one cluster.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use futures::future::try_join_all;
use serde::Deserialize;

use super::{NatsOptions, NatsServer, SyncInterval};
use crate::install::Servers;
use crate::ports::PortLease;
use crate::secret::random_password;

const NAME: &str = "relay";
const LEADER_WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Lines of each node's log that are shown when they do not agree.
const LOG_LINES: usize = 60;

/// How the node `from` reaches the cluster port of node `to`, which listens at the address; `None` asks for the address
/// that `to` tells everybody.
pub type RouteResolver = dyn Fn(Option<usize>, usize, SocketAddr) -> SocketAddr + Send + Sync;

/// How to run a cluster.
pub struct NatsClusterOptions {
    /// Each node's directory is `n<i>` below it.
    pub data: PathBuf,
    /// How many servers, usually 3.
    pub nodes: usize,
    /// When fsync is called.
    pub sync: SyncInterval,
    /// Directly unless given; whoever puts proxies between the nodes gives their addresses.
    pub routes: Option<Box<RouteResolver>>,
    /// Where the node keeps its log instead of below `data`.
    pub stores: Vec<Option<PathBuf>>,
}

impl Default for NatsClusterOptions {
    fn default() -> Self {
        Self { data: PathBuf::new(), nodes: 3, sync: SyncInterval::default(), routes: None, stores: Vec::new() }
    }
}

/// A running cluster. Each node is a [`NatsServer`], to be killed and restarted by itself.
#[derive(Debug)]
pub struct NatsCluster {
    nodes: Vec<NatsServer>,
    /// Held while the cluster runs.
    _ports: Vec<PortLease>,
}

/// What `/jsz` says, as far as it is read here.
#[derive(Deserialize)]
struct Jsz {
    #[serde(default)]
    meta_cluster: Option<Led>,
    #[serde(default)]
    account_details: Vec<Account>,
}

#[derive(Deserialize)]
struct Led {
    #[serde(default)]
    leader: Option<String>,
    /// How many nodes decide together; only said of what concerns all of them.
    #[serde(default)]
    cluster_size: usize,
}

#[derive(Deserialize)]
struct Account {
    #[serde(default)]
    stream_detail: Vec<StreamDetail>,
}

#[derive(Deserialize)]
struct StreamDetail {
    name: String,
    #[serde(default)]
    cluster: Option<Led>,
}

impl NatsCluster {
    /// Starts every node and waits until they have a leader for what concerns all of them, and each decides with all others.
    ///
    /// # Cancel safety
    /// Cancel safe: dropping the future ends the servers.
    pub async fn start(servers: &Servers, options: NatsClusterOptions) -> anyhow::Result<Self> {
        let ports = (0..options.nodes).map(|_| PortLease::any()).collect::<anyhow::Result<Vec<_>>>()?;
        let (password, sys_password) = (random_password(), random_password());
        let reach = |from: Option<usize>, to: usize, real: SocketAddr| match &options.routes {
            Some(resolve) => resolve(from, to, real),
            None => real,
        };
        let starting = ports.iter().enumerate().map(|(index, port)| {
            let others = ports.iter().enumerate().filter(|(to, _)| *to != index);
            let routes: Vec<String> = others.map(|(to, port)| format!("nats://{}", reach(Some(index), to, port.address()))).collect();
            let args = [
                ("--cluster_name", NAME.to_owned()),
                ("--cluster", format!("nats://{}", port.address())),
                // What the others are told, so that nobody finds a way around a proxy.
                ("--cluster_advertise", reach(None, index, port.address()).to_string()),
                ("--routes", routes.join(",")),
            ];
            // Nor what clients are told: each process has its own way to each server, and no other.
            let no_advertise = "--no_advertise".to_owned();
            let data = options.data.join(format!("n{index}"));
            let node = NatsOptions {
                store: options.stores.get(index).cloned().flatten(),
                log: Some(options.data.join(format!("nats-{index}.log"))),
                data,
                password: Some(password.clone()),
                sys_password: Some(sys_password.clone()),
                sync: options.sync,
                server_name: Some(format!("n{index}")),
                extra_args: args.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).chain([no_advertise]).collect(),
                // Alone, a node has nobody to agree with; it is up when its JetStream is.
                health: "/healthz?js-server-only=true",
                ..NatsOptions::default()
            };
            NatsServer::start(servers, node)
        });
        let nodes = try_join_all(starting).await?;
        let cluster = Self { nodes, _ports: ports };
        cluster.wait_for_members().await?;
        Ok(cluster)
    }

    /// The node with this index.
    ///
    /// # Panics
    /// When there are fewer.
    #[expect(clippy::indexing_slicing, reason = "whoever asks for what was not started is wrong")]
    pub fn node(&self, index: usize) -> &NatsServer {
        &self.nodes[index]
    }

    /// All nodes.
    pub fn nodes(&self) -> &[NatsServer] {
        &self.nodes
    }

    /// `nats://127.0.0.1:<port>` of every node.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(NatsServer::url).collect()
    }

    /// The user of account RELAY.
    pub fn user(&self) -> &'static str {
        "relay"
    }

    /// Of [`Self::user`].
    pub fn password(&self) -> &str {
        self.nodes.first().map(NatsServer::password).unwrap_or_default()
    }

    /// Waits until the nodes have agreed on a leader, at most a minute.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn wait_for_meta_leader(&self) -> anyhow::Result<()> {
        self.wait_for("no leader", async || {
            for node in self.nodes.iter().filter(|node| node.is_running()) {
                if meta(node).await.is_some() {
                    return true;
                }
            }
            false
        })
        .await
    }

    /// A new cluster elects its leader as soon as two nodes have met, and takes in the others afterwards. If one of the two
    /// died in between, the other would wait for it for ever.
    async fn wait_for_members(&self) -> anyhow::Result<()> {
        self.wait_for("not all its nodes", async || {
            for node in &self.nodes {
                if meta(node).await.is_none_or(|meta| meta.cluster_size < self.nodes.len()) {
                    return false;
                }
            }
            true
        })
        .await
    }

    async fn wait_for(&self, lacking: &str, there: impl AsyncFn() -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + LEADER_WITHIN;
        while !there().await {
            if Instant::now() > deadline {
                bail!("the cluster has {lacking} after {LEADER_WITHIN:?}{}", self.seen().await);
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// What each node says of the others, and the end of its log.
    async fn seen(&self) -> String {
        let mut seen = String::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let meta = page(node, "/jsz").await.unwrap_or_else(|error| format!("{error:#}"));
            let routes = page(node, "/routez").await.unwrap_or_else(|error| format!("{error:#}"));
            // Writing to a string does not fail.
            let _ = write!(seen, "\nn{index} runs: {}\n/jsz: {meta}\n/routez: {routes}\n{}", node.is_running(), node.log_tail(LOG_LINES));
        }
        seen
    }

    /// Which node leads `stream`; `None` while nobody does.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn stream_leader(&self, stream: &str) -> anyhow::Result<Option<usize>> {
        for (index, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.is_running()) {
            let Ok(jsz) = jsz(node, "/jsz?accounts=true&streams=true").await else { continue };
            let details = jsz.account_details.into_iter().flat_map(|account| account.stream_detail);
            // Only the leader knows itself at once; the others believe in a dead one for a while.
            let leads = details
                .filter(|detail| detail.name == stream)
                .any(|detail| detail.cluster.and_then(|cluster| cluster.leader).is_some_and(|leader| leader == format!("n{index}")));
            if leads {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }
}

/// What it says of the cluster, once it knows a leader.
async fn meta(node: &NatsServer) -> Option<Led> {
    let meta = jsz(node, "/jsz").await.ok()?.meta_cluster?;
    meta.leader.as_ref().is_some_and(|leader| !leader.is_empty()).then_some(meta)
}

async fn jsz(node: &NatsServer, path: &str) -> anyhow::Result<Jsz> {
    serde_json::from_str(&page(node, path).await?).context("/jsz is not as expected")
}

async fn page(node: &NatsServer, path: &str) -> anyhow::Result<String> {
    tokio::time::timeout(ANSWER_WITHIN, node.monitor_page(path)).await.context("no answer in time")?
}

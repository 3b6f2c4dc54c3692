//! Every link of the cluster, each a proxy.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use parking_lot::Mutex;
use relay_dev_servers::{NatsCluster, PortLease, RouteResolver};
use relay_fault_proxy::{FaultProxy, Faults};

/// All proxies.
#[derive(Default)]
pub struct Links {
    /// By process name.
    pub processes: BTreeMap<String, ProcessLinks>,
    /// Between nats-servers.
    pub routes: Vec<Route>,
    /// Clients to gateways, by process name.
    pub clients: BTreeMap<String, FaultProxy>,
}

impl Links {
    /// A proxy that clients reach a gateway through.
    pub async fn add_client_side(&mut self, name: &str, gateway: SocketAddr) -> anyhow::Result<()> {
        let proxy = FaultProxy::start(format!("clients-{name}"), gateway).await?;
        self.clients.insert(name.to_owned(), proxy);
        Ok(())
    }

    /// Everything works again.
    pub fn heal(&self) {
        let of_processes = self.processes.values().flat_map(ProcessLinks::all);
        let routes = self.routes.iter().map(|route| &route.proxy);
        for proxy in of_processes.chain(routes).chain(self.clients.values()) {
            if proxy.faults() != Faults::default() {
                proxy.heal();
            }
        }
    }

    /// The routes of one nats-server, in either direction.
    pub fn routes_of(&self, node: usize) -> impl Iterator<Item = &Route> {
        self.routes.iter().filter(move |route| route.to == node || route.from == node)
    }
}

/// How one process reaches the servers.
pub struct ProcessLinks {
    pub nats: Vec<FaultProxy>,
    pub postgres: FaultProxy,
    pub valkey: FaultProxy,
}

impl ProcessLinks {
    pub async fn new(name: &str, nats: &NatsCluster, postgres: SocketAddr, valkey: SocketAddr) -> anyhow::Result<Self> {
        let mut proxies = Vec::new();
        for (index, node) in nats.nodes().iter().enumerate() {
            proxies.push(FaultProxy::start(format!("{name}-nats-{index}"), node.address()).await?);
        }
        Ok(Self {
            nats: proxies,
            postgres: FaultProxy::start(format!("{name}-postgres"), postgres).await?,
            valkey: FaultProxy::start(format!("{name}-valkey"), valkey).await?,
        })
    }

    /// As the environment's value of `nats.servers`.
    pub fn nats_servers(&self) -> String {
        let urls: Vec<String> = self.nats.iter().map(|proxy| format!("\"nats://{}\"", proxy.address())).collect();
        format!("[{}]", urls.join(","))
    }

    fn all(&self) -> impl Iterator<Item = &FaultProxy> {
        self.nats.iter().chain([&self.postgres, &self.valkey])
    }
}

/// One way between nats-servers: connections that `from` opens to `to`.
pub struct Route {
    pub from: usize,
    pub to: usize,
    pub proxy: FaultProxy,
}

/// Routes whose addresses are known before the servers they lead to.
pub struct Routes {
    planned: Vec<Planned>,
    upstreams: Arc<Mutex<BTreeMap<usize, SocketAddr>>>,
}

struct Planned {
    /// `None`: what `to` tells the others about itself. Nobody listens there, or a node that is cut off would be found by
    /// gossip: whoever has learned that address cannot be told apart.
    from: Option<usize>,
    to: usize,
    lease: PortLease,
}

impl Routes {
    /// One address per pair of nodes, and one per node that it advertises and nobody answers at.
    pub fn prepare(nodes: usize) -> anyhow::Result<Self> {
        let mut planned = Vec::new();
        for to in 0..nodes {
            for from in (0..nodes).filter(|from| *from != to).map(Some).chain([None]) {
                planned.push(Planned { from, to, lease: PortLease::any()? });
            }
        }
        Ok(Self { planned, upstreams: Arc::default() })
    }

    /// Tells a starting server how to reach the others, and remembers where those really are.
    pub fn resolver(&self) -> Box<RouteResolver> {
        let addresses: BTreeMap<(Option<usize>, usize), SocketAddr> =
            self.planned.iter().map(|route| ((route.from, route.to), route.lease.address())).collect();
        let upstreams = Arc::clone(&self.upstreams);
        Box::new(move |from, to, real| {
            upstreams.lock().insert(to, real);
            addresses.get(&(from, to)).copied().unwrap_or(real)
        })
    }

    /// Starts the proxies as soon as the servers' own addresses are known, which is while they start.
    pub async fn serve(self) -> anyhow::Result<Vec<Route>> {
        let limit = std::time::Duration::from_secs(30);
        let nodes = self.planned.iter().map(|route| route.to).max().map_or(0, |last| last + 1);
        let known = async {
            while self.upstreams.lock().len() < nodes {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(limit, known).await.context("the cluster did not ask for its routes")?;
        let upstreams = self.upstreams.lock().clone();
        let mut routes = Vec::new();
        for Planned { from, to, lease } in self.planned {
            let Some(from) = from else { continue };
            let upstream = *upstreams.get(&to).context("a node without an address")?;
            let proxy = FaultProxy::start_on(format!("route-{from}-{to}"), lease.address(), upstream).await?;
            routes.push(Route { from, to, proxy });
        }
        Ok(routes)
    }
}

//! What stands before several gateways in production: hands each connection to one that says it is ready.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use relay_dev_servers::probe::http_get;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Between two looks at a gateway's `/readyz`, and the longest one may take.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A gateway that cannot be reached is passed over after this long.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);

/// A gateway as the balancer sees it.
pub struct Target {
    /// Where clients are sent: the link before the gateway.
    pub link: SocketAddr,
    /// Where its health is asked for.
    pub admin: SocketAddr,
    ready: AtomicBool,
}

impl Target {
    pub const fn new(link: SocketAddr, admin: SocketAddr) -> Self {
        Self { link, admin, ready: AtomicBool::new(true) }
    }
}

/// Round robin over gateways that are ready. Ends when dropped.
pub struct Balancer {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Balancer {
    /// Listens before these gateways.
    pub async fn start(targets: Vec<Target>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let targets: Arc<[Target]> = targets.into();
        let mut tasks = JoinSet::new();
        for index in 0..targets.len() {
            let targets = Arc::clone(&targets);
            tasks.spawn(async move {
                while let Some(target) = targets.get(index) {
                    let answer = tokio::time::timeout(LOOK_EVERY, http_get(target.admin, "/readyz")).await;
                    target.ready.store(matches!(answer, Ok(Ok((200, _)))), Ordering::Relaxed);
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            });
        }
        tasks.spawn(accept(listener, targets));
        Ok(Self { address, _tasks: tasks })
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }
}

async fn accept(listener: TcpListener, targets: Arc<[Target]>) {
    let turn = AtomicUsize::new(0);
    let mut connections = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        let start = turn.fetch_add(1, Ordering::Relaxed);
        let targets = Arc::clone(&targets);
        connections.spawn(async move {
            let ready = (0..targets.len()).filter_map(|step| targets.get((start + step) % targets.len()));
            for target in ready.filter(|target| target.ready.load(Ordering::Relaxed)) {
                if let Ok(Ok(server)) = tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect(target.link)).await {
                    carry(client, server).await;
                    return;
                }
            }
        });
    }
}

async fn carry(mut client: TcpStream, mut server: TcpStream) {
    // Small frames both ways: waiting to fill a segment would show up as latency that is not the product's.
    let nodelay = client.set_nodelay(true).and_then(|()| server.set_nodelay(true));
    if nodelay.is_ok() {
        // Either side's end is the other's, as with any balancer; there is nobody to tell.
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    }
}

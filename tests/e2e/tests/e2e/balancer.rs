//! What stands before several gateways in production: takes a connection and hands it to one that answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use relay_harness::Harness;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// Round robin over gateways; one that refuses is passed over.
pub struct Balancer {
    address: SocketAddr,
    task: AbortHandle,
}

impl Balancer {
    /// Before the first `gateways` gateways of the harness.
    pub async fn start(harness: &Harness, gateways: usize) -> anyhow::Result<Self> {
        let targets: Arc<[SocketAddr]> = (0..gateways).map(|index| harness.gateway(index).public()).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let turn = Arc::new(AtomicUsize::new(0));
        #[expect(clippy::disallowed_methods, reason = "a test has no supervisor; the task ends with the balancer")]
        let task = tokio::spawn(async move {
            // Ends with the listener's task: its connections are in the set.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                let (targets, turn) = (Arc::clone(&targets), Arc::clone(&turn));
                connections.spawn(async move {
                    for _ in 0..targets.len() {
                        let target = targets[turn.fetch_add(1, Ordering::Relaxed) % targets.len()];
                        if let Ok(mut server) = TcpStream::connect(target).await {
                            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                            return;
                        }
                    }
                });
            }
        });
        Ok(Self { address, task: task.abort_handle() })
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

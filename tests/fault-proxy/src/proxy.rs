//! The listener and its connections.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use crate::faults::{Direction, Faults};
use crate::pump::pump;

/// For reaching the server.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// After a failed accept, which means that we are out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// A TCP proxy that misbehaves on command. Dropping it closes everything.
#[derive(Debug)]
pub struct FaultProxy {
    name: String,
    address: SocketAddr,
    shared: Arc<Shared>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    faults: watch::Sender<Faults>,
    upstream: Mutex<SocketAddr>,
    /// Changes when every living connection is to be reset.
    resets: watch::Sender<u64>,
    connections: AtomicUsize,
}

impl FaultProxy {
    /// Listens on any free port of 127.0.0.1 before `upstream`.
    pub async fn start(name: impl Into<String>, upstream: SocketAddr) -> anyhow::Result<Self> {
        Self::start_on(name, SocketAddr::from(([127, 0, 0, 1], 0)), upstream).await
    }

    /// Listens on `listen` before `upstream`, which need not be there yet.
    pub async fn start_on(name: impl Into<String>, listen: SocketAddr, upstream: SocketAddr) -> anyhow::Result<Self> {
        let name = name.into();
        let listener = TcpListener::bind(listen).await.with_context(|| format!("the proxy {name} cannot listen on {listen}"))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            faults: watch::Sender::new(Faults::default()),
            upstream: Mutex::new(upstream),
            resets: watch::Sender::new(0),
            connections: AtomicUsize::new(0),
        });
        #[expect(clippy::disallowed_methods, reason = "a test tool has no supervisor; the task ends with the proxy")]
        let task = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Ok(Self { name, address, shared, task })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// As given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where new connections lead; living ones are reset.
    pub fn set_upstream(&self, upstream: SocketAddr) {
        *self.shared.upstream.lock() = upstream;
        self.reset_all();
    }

    /// What is wrong from now on, for living and new connections.
    pub fn set(&self, faults: Faults) {
        self.shared.faults.send_replace(faults);
    }

    /// What is wrong.
    pub fn faults(&self) -> Faults {
        *self.shared.faults.borrow()
    }

    /// Nothing is wrong any more.
    pub fn heal(&self) {
        self.set(Faults::default());
    }

    /// Resets every living connection, as a crashed machine or a firewall does.
    pub fn reset_all(&self) {
        self.shared.resets.send_modify(|count| *count += 1);
    }

    /// Living connections.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        connections.spawn(carry(client, Arc::clone(&shared)));
    }
}

struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One connection from its beginning to its end.
async fn carry(client: TcpStream, shared: Arc<Shared>) {
    shared.connections.fetch_add(1, Ordering::Relaxed);
    let _counted = Counted(&shared.connections);
    let mut resets = shared.resets.subscribe();
    let refused = shared.faults.borrow().refuse;
    let upstream = *shared.upstream.lock();
    let server =
        if refused { None } else { tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect(upstream)).await.ok().and_then(Result::ok) };
    let Some(server) = server else {
        reset(&client);
        return;
    };
    // Small writes pass at once, as they came.
    if client.set_nodelay(true).and_then(|()| server.set_nodelay(true)).is_err() {
        return;
    }
    let (client_read, mut client_write) = client.into_split();
    let (server_read, mut server_write) = server.into_split();
    let greeting = OnceLock::new();
    let concerned = |faults: &Faults| faults.only.is_none_or(|words| greeting.get().is_some_and(|said: &String| said.contains(words)));
    let both = async {
        let to_server = |faults: &Faults| if concerned(faults) { faults.to_server } else { Direction::default() };
        let to_client = |faults: &Faults| if concerned(faults) { faults.to_client } else { Direction::default() };
        let hear = |bytes: &[u8]| {
            greeting.get_or_init(|| String::from_utf8_lossy(bytes).into_owned());
        };
        let to_server = pump(&client_read, &mut server_write, shared.faults.subscribe(), to_server, hear);
        let to_client = pump(&server_read, &mut client_write, shared.faults.subscribe(), to_client, |_| {});
        tokio::try_join!(to_server, to_client)
    };
    let whole = tokio::select! {
        ended = both => ended.is_ok(),
        _ = resets.changed() => false,
    };
    if !whole {
        for half in [client_write, server_write] {
            reset(half.as_ref());
            // Dropping it would say an orderly goodbye first.
            half.forget();
        }
    }
}

/// The peer sees a reset instead of an end.
fn reset(stream: &TcpStream) {
    // A socket that is gone already needs none.
    let _ = stream.set_zero_linger();
}

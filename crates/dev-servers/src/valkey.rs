//! valkey-server without persistence: nothing in it is unrecoverable.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::ops::Deref;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::Signal;

use crate::install::Servers;
use crate::ports::PortLease;
use crate::probe::Probe;
use crate::secret::random_password;
use crate::service::{Service, Spec};

/// How to run a valkey-server.
#[derive(Debug, Default)]
pub struct ValkeyOptions {
    /// Where its configuration and log live.
    pub data: PathBuf,
    /// Its log file; `<data>/valkey.log` by default.
    pub log: Option<PathBuf>,
    /// Any free port by default.
    pub port: Option<PortLease>,
    /// Random by default.
    pub password: Option<String>,
}

/// A running valkey-server. Everything about the process is in [`Service`], which it dereferences to.
#[derive(Debug)]
pub struct ValkeyServer {
    service: Service,
    port: PortLease,
    password: String,
}

impl ValkeyServer {
    /// Starts it and waits until it answers PING.
    ///
    /// # Cancel safety
    /// Cancel safe: dropping the future ends the server.
    pub async fn start(servers: &Servers, options: ValkeyOptions) -> anyhow::Result<Self> {
        fs::create_dir_all(&options.data).with_context(|| format!("could not create {}", options.data.display()))?;
        let port = options.port.map_or_else(PortLease::any, Ok)?;
        let password = options.password.unwrap_or_else(random_password);
        let config = options.data.join("valkey.conf");
        let text = format!(
            "bind 127.0.0.1\nport {}\nrequirepass {password}\nsave \"\"\nappendonly no\nmaxmemory 256mb\nmaxmemory-policy volatile-ttl\n",
            port.port()
        );
        // In a file that only we can read: arguments are visible to everybody.
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&config)?;
        file.write_all(text.as_bytes()).with_context(|| format!("could not write {}", config.display()))?;
        let service = Service::new(Spec {
            name: "valkey".to_owned(),
            program: servers.valkey().to_owned(),
            args: vec![config.to_string_lossy().into_owned()],
            env: Vec::new(),
            log: options.log.unwrap_or_else(|| options.data.join("valkey.log")),
            directory: options.data,
            account: None,
            stop_signal: Signal::TERM,
            abort_signal: Signal::KILL,
            probe: Probe::Valkey { address: port.address() },
            start_within: Duration::from_secs(15),
            stop_within: Duration::from_secs(10),
        });
        service.start().await?;
        Ok(Self { service, port, password })
    }

    /// `redis://:<password>@127.0.0.1:<port>`
    pub fn url(&self) -> String {
        format!("redis://:{}@{}", self.password, self.port.address())
    }

    /// Forgets everything.
    ///
    /// # Cancel safety
    /// Cancel safe: it may or may not have been done.
    pub async fn flush_all(&self) -> anyhow::Result<()> {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let ask = async {
            let mut stream = tokio::net::TcpStream::connect(self.address()).await?;
            stream.write_all(format!("AUTH {}\r\nFLUSHALL\r\nQUIT\r\n", self.password).as_bytes()).await?;
            let mut said = String::new();
            stream.take(1024).read_to_string(&mut said).await?;
            anyhow::ensure!(said.starts_with("+OK\r\n+OK"), "FLUSHALL answered {said:?}");
            Ok(())
        };
        tokio::time::timeout(Duration::from_secs(5), ask).await.context("Valkey does not answer")?
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// The password of [`Self::url`].
    pub fn password(&self) -> &str {
        &self.password
    }
}

impl Deref for ValkeyServer {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}

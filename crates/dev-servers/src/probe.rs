//! Is it healthy? One question per kind of server, each bounded in time.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer later than this counts as none.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// How to ask a server whether it is healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Probe {
    /// A GET that answers 200.
    Http {
        /// Where.
        address: SocketAddr,
        /// What, such as `/readyz`.
        path: String,
    },
    /// Valkey's PING.
    Valkey {
        /// Where.
        address: SocketAddr,
    },
    /// `pg_isready`, which knows the difference between listening and ready.
    Postgres {
        /// The program.
        pg_isready: PathBuf,
        /// The port on 127.0.0.1.
        port: u16,
    },
}

impl Probe {
    /// Asks once; the error says what was wrong.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn check(&self) -> Result<(), String> {
        let answer = tokio::time::timeout(ANSWER_WITHIN, self.ask()).await;
        answer.unwrap_or_else(|_| Err(format!("no answer within {ANSWER_WITHIN:?}")))
    }

    async fn ask(&self) -> Result<(), String> {
        match self {
            Self::Http { address, path } => match http_get(*address, path).await {
                Ok((200, _)) => Ok(()),
                Ok((status, body)) => Err(format!("{path} answered {status}: {}", body.trim())),
                Err(error) => Err(format!("{path}: {error}")),
            },
            Self::Valkey { address } => ping_valkey(*address).await,
            Self::Postgres { pg_isready, port } => {
                let mut command = tokio::process::Command::new(pg_isready);
                command.args(["--quiet", "--host=127.0.0.1", "--timeout=1", "--dbname=postgres", "--username=relay"]);
                command.arg(format!("--port={port}")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
                let status = command.status().await.map_err(|error| error.to_string())?;
                if status.success() { Ok(()) } else { Err(format!("pg_isready: {status}")) }
            }
        }
    }
}

/// A plain GET: status and body. For health and metrics pages on this machine; at most 1 MiB is read.
///
/// # Cancel safety
/// Cancel safe. Not bounded in time by itself.
pub async fn http_get(address: SocketAddr, path: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.take(MAX_ANSWER_BYTES).read_to_end(&mut bytes).await?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    status.map(|status| (status, body.to_owned())).ok_or_else(|| std::io::Error::other("not an HTTP answer"))
}

async fn ping_valkey(address: SocketAddr) -> Result<(), String> {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"PING\r\n").await?;
        let mut buffer = [0; 64];
        let length = stream.read(&mut buffer).await?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned())
    };
    match ask.await {
        // Asking for a password is an answer too.
        Ok(answer) if answer.starts_with("+PONG") || answer.starts_with("-NOAUTH") => Ok(()),
        Ok(answer) => Err(format!("PING answered {answer:?}")),
        Err(error) => Err(format!("PING: {error}")),
    }
}

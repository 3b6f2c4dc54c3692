//! Asking for a page: hop by hop, within bounds.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Empty};
use hyper::header::{ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HOST, LOCATION, USER_AGENT};
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

use crate::config::OutboundConfig;
use crate::error::OutboundError;
use crate::names::{Names, SystemNames};
use crate::target::{self, Target};

/// Says who asks, and no more: every request is alike.
const AGENT: &str = concat!("RelayHub/", env!("CARGO_PKG_VERSION"));
/// For reaching one address.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// Bytes of an answer's head.
const MOST_HEAD: usize = 32 * 1024;
/// Lines of an answer's head.
const MOST_HEADERS: usize = 100;

/// What an answer may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For everything: names, connections, redirects and the body.
    pub time: Duration,
    /// Bytes of the body that are read; the rest is left.
    pub body: usize,
    /// Redirects that are followed.
    pub redirects: u8,
}

/// An answer.
#[derive(Debug)]
pub struct Fetched {
    /// Where it came from, after redirects.
    pub url: Url,
    /// Its HTTP status.
    pub status: u16,
    /// What it says it is.
    pub content_type: Option<String>,
    /// Its body, or the beginning of it.
    pub body: Bytes,
    /// Whether there was more than was read.
    pub is_cut: bool,
}

/// What one hop gave.
enum Hop {
    Moved(String),
    Answered { status: u16, content_type: Option<String>, body: Bytes, is_cut: bool },
}

/// Asks servers outside. Cheap to clone.
#[derive(Clone)]
pub struct Outbound {
    config: Arc<OutboundConfig>,
    names: Arc<dyn Names>,
    tls: TlsConnector,
}

impl std::fmt::Debug for Outbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbound").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Outbound {
    /// Asks with this machine's names and certificates.
    ///
    /// # Errors
    /// When the certificates cannot be read.
    pub fn new(config: OutboundConfig) -> Result<Self, OutboundError> {
        Self::with_names(config, Arc::new(SystemNames))
    }

    /// Asks with these names.
    ///
    /// # Errors
    /// When the certificates cannot be read.
    pub fn with_names(config: OutboundConfig, names: Arc<dyn Names>) -> Result<Self, OutboundError> {
        let roots = |source| OutboundError::Roots { source };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(roots)?
            .with_platform_verifier()
            .map_err(roots)?
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config), names, tls: TlsConnector::from(Arc::new(tls)) })
    }

    /// Whether a link may be asked at all, as far as its text says: an address in the form in which it is asked.
    ///
    /// # Errors
    /// When it is not asked.
    pub fn normal(url: &str) -> Result<Url, OutboundError> {
        target::parse(url)
    }

    /// Asks for a page, following redirects.
    ///
    /// # Errors
    /// When it is not asked for, or no whole answer comes within the limits. An HTTP status is an answer.
    ///
    /// # Cancel safety
    /// Cancel safe: connections close.
    pub async fn get(&self, url: &str, accept: &str, limits: Limits) -> Result<Fetched, OutboundError> {
        let url = target::parse(url)?;
        tokio::time::timeout(limits.time, self.follow(url, accept, limits)).await.map_err(|_| OutboundError::Late)?
    }

    async fn follow(&self, mut url: Url, accept: &str, limits: Limits) -> Result<Fetched, OutboundError> {
        for _ in 0..=limits.redirects {
            let target = target::resolve(url, &self.config, self.names.as_ref()).await?;
            match self.hop(&target, accept, limits.body).await? {
                Hop::Answered { status, content_type, body, is_cut } => {
                    return Ok(Fetched { url: target.url, status, content_type, body, is_cut });
                }
                Hop::Moved(location) => {
                    let mut next = target.url.join(&location).map_err(|_| OutboundError::BadUrl { reason: "a redirect leads to none" })?;
                    target::check(&mut next)?;
                    if target.is_secure() && next.scheme() != "https" {
                        return Err(OutboundError::BadUrl { reason: "a redirect leads from https to http" });
                    }
                    url = next;
                }
            }
        }
        Err(OutboundError::Redirects { most: limits.redirects })
    }

    async fn hop(&self, target: &Target, accept: &str, most: usize) -> Result<Hop, OutboundError> {
        let stream = connect(target).await?;
        if !target.is_secure() {
            return exchange(stream, target, accept, most).await;
        }
        let tls = |source| OutboundError::Tls { source };
        let host = target.url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|error| tls(io::Error::other(error)))?;
        let stream = self.tls.connect(name, stream).await.map_err(tls)?;
        exchange(stream, target, accept, most).await
    }
}

/// To the first of the checked addresses that answers.
async fn connect(target: &Target) -> Result<TcpStream, OutboundError> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in &target.addresses {
        match tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::Error::from(io::ErrorKind::TimedOut),
        }
    }
    Err(OutboundError::Connect { source: last })
}

/// One request and its answer. The connection ends with it.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    target: &Target,
    accept: &str,
    most: usize,
) -> Result<Hop, OutboundError> {
    let http = |source| OutboundError::Http { source };
    let mut builder = hyper::client::conn::http1::Builder::new();
    builder.max_buf_size(MOST_HEAD).max_headers(MOST_HEADERS);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(http)?;
    let request = request(&target.url, accept)?;
    let mut connection = pin!(connection);
    let mut answer = pin!(async {
        let response = sender.send_request(request).await.map_err(http)?;
        read(response, most).await
    });
    // What was read before the connection ended is still there for the answer, which also says why it ended.
    let mut ended = false;
    loop {
        tokio::select! {
            biased;
            answered = &mut answer => return answered,
            _ = &mut connection, if !ended => ended = true,
        }
    }
}

fn request(url: &Url, accept: &str) -> Result<Request<Empty<Bytes>>, OutboundError> {
    let host = url.host_str().unwrap_or_default();
    let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    Request::get(path)
        .header(HOST, authority)
        .header(USER_AGENT, AGENT)
        .header(ACCEPT, accept)
        // Nothing is unpacked, so nothing is larger than it was on its way.
        .header(ACCEPT_ENCODING, "identity")
        .header(CONNECTION, "close")
        .body(Empty::new())
        .map_err(|_| OutboundError::BadUrl { reason: "it makes no request" })
}

async fn read(response: Response<Incoming>, most: usize) -> Result<Hop, OutboundError> {
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let status = response.status().as_u16();
    if matches!(status, 301 | 302 | 303 | 307 | 308)
        && let Some(location) = text(LOCATION)
    {
        return Ok(Hop::Moved(location.to_owned()));
    }
    let encodings = response.headers().get_all(CONTENT_ENCODING);
    if encodings.iter().any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(OutboundError::Encoded);
    }
    let content_type = text(CONTENT_TYPE).map(str::to_owned);
    let mut body = response.into_body();
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|source| OutboundError::Http { source })?.into_data() else { continue };
        let room = most - read.len();
        if data.len() > room {
            read.extend_from_slice(data.get(..room).unwrap_or_default());
            return Ok(Hop::Answered { status, content_type, body: read.freeze(), is_cut: true });
        }
        read.extend_from_slice(&data);
    }
    Ok(Hop::Answered { status, content_type, body: read.freeze(), is_cut: false })
}

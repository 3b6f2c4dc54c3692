//! Against servers of this machine that misbehave.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test they help")]

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use relay_outbound_http::{Fetched, Limits, Names, Outbound, OutboundConfig, OutboundError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const LIMITS: Limits = Limits { time: Duration::from_secs(5), body: 1_000, redirects: 3 };

/// Answers each connection by the request's head.
struct Server {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let (count, answer) = (Arc::clone(&asked), Arc::new(answer));
        #[expect(clippy::disallowed_methods, reason = "a server of a test, ended with it")]
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                serve(stream, answer.as_ref()).await;
            }
        });
        Self { address, asked, task }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// One that may ask this server.
    fn outbound(&self) -> Outbound {
        Outbound::new(allowing(&[self.address])).unwrap()
    }
}

async fn serve(mut stream: TcpStream, answer: &(dyn Fn(&str) -> Vec<u8> + Send + Sync)) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let bytes = answer(std::str::from_utf8(&head).unwrap());
    let slow = bytes.starts_with(b"SLOW");
    if slow {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n").await;
        while stream.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    } else {
        let _ = stream.write_all(&bytes).await;
    }
}

fn allowing(addresses: &[SocketAddr]) -> OutboundConfig {
    OutboundConfig { allow: addresses.iter().map(|address| address.to_string().try_into().unwrap()).collect() }
}

fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn moved(to: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

async fn get(outbound: &Outbound, url: &str) -> Result<Fetched, OutboundError> {
    outbound.get(url, "text/html", LIMITS).await
}

#[tokio::test]
async fn request_says_nothing_beyond_what_is_asked() {
    let server = Server::start(|head| ok(&head.to_ascii_lowercase())).await;
    let fetched = get(&server.outbound(), &server.url("/a?b=c#d")).await.unwrap();
    let head = String::from_utf8(fetched.body.to_vec()).unwrap();
    let mut lines: Vec<_> = head.lines().filter(|line| !line.is_empty()).collect();
    lines.sort_unstable();
    let host = format!("host: {}", server.address);
    let agent = format!("user-agent: relayhub/{}", env!("CARGO_PKG_VERSION"));
    let mut expected =
        vec!["get /a?b=c http/1.1", host.as_str(), agent.as_str(), "accept: text/html", "accept-encoding: identity", "connection: close"];
    expected.sort_unstable();
    assert_eq!(lines, expected);
    assert_eq!((fetched.status, fetched.content_type.as_deref(), fetched.is_cut), (200, Some("text/html"), false));
}

#[tokio::test]
async fn redirects_are_followed_three_times_and_checked_each_time() {
    let server = Server::start(|head| match head.split(' ').nth(1).unwrap() {
        "/1" => moved("/2"),
        "/2" => moved("3"),
        "/3" => moved("//example.invalid:7/"),
        "/a" => moved("/b"),
        "/b" => moved("/c"),
        "/c" => moved("/end"),
        "/file" => moved("file:///etc/passwd"),
        "/user" => moved("http://a:b@example.org/"),
        "/metadata" => moved("http://169.254.169.254/latest/meta-data/"),
        "/loop" => moved("/loop"),
        _ => ok("the end"),
    })
    .await;
    let outbound = server.outbound();
    let fetched = get(&outbound, &server.url("/a")).await.unwrap();
    assert_eq!((fetched.body.as_ref(), fetched.url.path()), (&b"the end"[..], "/end"));
    assert!(matches!(get(&outbound, &server.url("/loop")).await, Err(OutboundError::Redirects { most: 3 })));
    assert!(matches!(get(&outbound, &server.url("/metadata")).await, Err(OutboundError::NotPublic { .. })));
    for path in ["/1", "/file", "/user"] {
        assert!(matches!(get(&outbound, &server.url(path)).await, Err(OutboundError::BadUrl { .. })), "{path}");
    }
}

#[tokio::test]
async fn redirect_to_another_port_of_this_machine_reaches_nothing() {
    let secret = Server::start(|_| ok("secret")).await;
    let to = secret.url("/");
    let server = Server::start(move |_| moved(&to)).await;
    assert!(get(&server.outbound(), &server.url("/")).await.is_err());
    assert_eq!((server.asked(), secret.asked()), (1, 0));
}

/// Says a public address at first, and this machine's from then on.
struct Rebinding(AtomicUsize);

#[async_trait]
impl Names for Rebinding {
    async fn addresses(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        let first = self.0.fetch_add(1, Ordering::SeqCst) == 0;
        // An address that is given to nobody, so nothing answers there.
        Ok(vec![if first { "240.0.0.1" } else { "127.0.0.1" }.parse().unwrap()])
    }
}

#[tokio::test]
async fn name_is_asked_once_and_the_connection_goes_where_it_said() {
    let server = Server::start(|_| ok("secret")).await;
    let names = Arc::new(Rebinding(AtomicUsize::new(0)));
    // Allowed by its name: the first address counts, whatever the name says a moment later.
    let host = format!("rebind.example:{}", server.address.port());
    let config = OutboundConfig { allow: vec![host.clone().try_into().unwrap()] };
    let outbound = Outbound::with_names(config, names.clone()).unwrap();
    let limits = Limits { time: Duration::from_millis(500), ..LIMITS };
    let answer = outbound.get(&format!("http://{host}/"), "*/*", limits).await;
    assert!(matches!(answer, Err(OutboundError::Connect { .. } | OutboundError::Late)), "{answer:?}");
    assert_eq!((names.0.load(Ordering::SeqCst), server.asked()), (1, 0));
    // Without it, the second answer is refused.
    let outbound = Outbound::with_names(OutboundConfig::default(), names.clone()).unwrap();
    let answer = outbound.get("http://rebind.example/", "*/*", limits).await;
    assert!(matches!(answer, Err(OutboundError::NotPublic { .. })), "{answer:?}");
    assert_eq!(server.asked(), 0);
}

#[tokio::test]
async fn body_is_read_up_to_its_bound() {
    let server = Server::start(|head| match head.split(' ').nth(1).unwrap() {
        "/length" => ok(&"a".repeat(1_001)),
        "/exact" => ok(&"a".repeat(1_000)),
        "/endless" => {
            let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            (0..10_000).for_each(|_| {
                bytes
                    .extend_from_slice(b"400\r\n".iter().chain([b'a'; 1024].iter()).chain(b"\r\n").copied().collect::<Vec<_>>().as_slice());
            });
            bytes
        }
        "/close" => [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'a'; 100]].concat(),
        _ => b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ntoo short".to_vec(),
    })
    .await;
    let outbound = server.outbound();
    for (path, length, cut) in [("/length", 1_000, true), ("/exact", 1_000, false), ("/endless", 1_000, true), ("/close", 100, false)] {
        let fetched = get(&outbound, &server.url(path)).await.unwrap();
        assert_eq!((fetched.body.len(), fetched.is_cut), (length, cut), "{path}");
    }
    assert!(matches!(get(&outbound, &server.url("/short")).await, Err(OutboundError::Http { .. })));
}

#[tokio::test]
async fn answers_that_would_grow_or_never_end_are_refused() {
    let server = Server::start(|head| match head.split(' ').nth(1).unwrap() {
        "/gzip" => b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc".to_vec(),
        "/lines" => [&b"HTTP/1.1 200 OK\r\n"[..], "X-Line: 1\r\n".repeat(1_000).as_bytes(), b"\r\n"].concat(),
        "/line" => [&b"HTTP/1.1 200 OK\r\nX: "[..], "a".repeat(200_000).as_bytes(), b"\r\n\r\n"].concat(),
        "/noise" => b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(),
        _ => b"SLOW".to_vec(),
    })
    .await;
    let outbound = server.outbound();
    assert!(matches!(get(&outbound, &server.url("/gzip")).await, Err(OutboundError::Encoded)));
    for path in ["/lines", "/line", "/noise"] {
        assert!(matches!(get(&outbound, &server.url(path)).await, Err(OutboundError::Http { .. })), "{path}");
    }
    let begun = Instant::now();
    let limits = Limits { time: Duration::from_millis(400), ..LIMITS };
    assert!(matches!(outbound.get(&server.url("/slow"), "*/*", limits).await, Err(OutboundError::Late)));
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

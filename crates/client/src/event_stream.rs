//! A stream of Server-Sent Events, and commands in requests of their own: for networks that let no WebSocket through. Any gateway
//! takes a command, so a load balancer may send each request to another one.

use std::collections::{HashSet, VecDeque};
use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, Stream as _};
use relay_protocol::command::encode;
use relay_protocol::frame::{ErrorFrame, ServerFrame, Welcome};
use relay_protocol::rest::{Problem, Secret};
use relay_protocol::{CloseCode, ErrorCode, Position};
use relay_types::ClientId;
use reqwest::{Response, StatusCode};
use tokio::time::{Instant, Sleep};

use crate::error::ClientError;
use crate::token_provider::TokenProvider;
use crate::ws::{ABNORMAL, CloseInfo, HelloError, Incoming, SocketOptions, socket_url};

/// For a command's answer: longer than the server tries.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// Between two tries of a command that is refused for now.
const LEAST_WAIT: Duration = Duration::from_millis(100);
/// What is refused for longer is the person's affair, whose other messages are refused as well.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// A stream on which not even a comment comes for so long is dead.
const SILENCE: Duration = Duration::from_secs(45);
/// Bytes without the end of a message.
const MOST_UNREAD: usize = 4 * relay_protocol::MAX_CLIENT_FRAME_BYTES;
/// Bytes of a refusal or an answer.
const MOST_ANSWER: usize = 64 * 1024;
/// What may be lost: it is not worth another stream.
const MAY_BE_LOST: [&str; 5] = ["typing_start", "typing_stop", "received", "presence", "watch_presence"];

/// What comes of a chunk that was waited for, with where the next one comes from.
type Chunk = (Response, reqwest::Result<Option<bytes::Bytes>>);

/// What became of a command.
enum Answer {
    /// What a socket would have brought.
    Frame(String),
    /// It has none.
    Nothing,
    /// What came of it is not known: it is said again behind the next hello.
    Lost(String),
    /// The session is not wanted any more, or its token.
    Refused(CloseCode),
}

/// What all requests need.
#[derive(Clone)]
struct Requests {
    http: reqwest::Client,
    /// Without a trailing slash.
    base: Arc<str>,
    tokens: Arc<dyn TokenProvider>,
}

/// One stream to a gateway.
pub(crate) struct EventStreamLink {
    requests: Requests,
    reading: Option<BoxFuture<'static, Chunk>>,
    unread: Vec<u8>,
    /// Frames that nobody has taken yet.
    frames: VecDeque<String>,
    /// Commands that wait for others of their kind.
    queue: VecDeque<Said>,
    under_way: HashSet<String>,
    asked: FuturesUnordered<BoxFuture<'static, (Said, Answer)>>,
    silent_at: Pin<Box<Sleep>>,
    closed: Option<CloseInfo>,
}

/// A command.
struct Said {
    text: String,
    /// Of those with the same one, one is unanswered at a time.
    lane: String,
    may_be_lost: bool,
    client_id: Option<ClientId>,
}

impl Said {
    fn of(text: String) -> Self {
        #[derive(serde::Deserialize)]
        struct Named {
            #[serde(rename = "type")]
            kind: String,
            #[serde(default)]
            conversation_id: Option<String>,
            #[serde(default)]
            client_id: Option<ClientId>,
        }
        // Commands are encoded here.
        let named: Option<Named> = serde_json::from_str(&text).ok();
        let Some(Named { kind, conversation_id, client_id }) = named else {
            return Self { text, lane: String::new(), may_be_lost: false, client_id: None };
        };
        let may_be_lost = MAY_BE_LOST.contains(&kind.as_str());
        let lane = conversation_id.filter(|_| client_id.is_some()).unwrap_or(kind);
        Self { text, lane, may_be_lost, client_id }
    }
}

impl EventStreamLink {
    /// Opens a stream and waits for the welcome.
    ///
    /// # Cancel safety
    /// Cancel safe: dropping the future drops the stream.
    pub(crate) async fn hello(
        gateway: &str,
        tokens: &Arc<dyn TokenProvider>,
        token: &Secret,
        position: Option<&Position>,
        options: &SocketOptions,
    ) -> Result<(Self, Welcome), HelloError> {
        let base = http_base(gateway)?;
        let transport = |source: crate::error::BoxError| ClientError::Transport { server: gateway.to_owned(), source };
        let http = client(&base, options).map_err(|error| transport(error.into()))?;
        let requests = Requests { http, base: base.into(), tokens: Arc::clone(tokens) };
        let deadline = Instant::now() + options.connect_timeout;
        let opening = requests.post("/v1/events", encode::hello(&token.0, position)).send();
        let response = match tokio::time::timeout_at(deadline, opening).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(transport(error.into()).into()),
            Err(elapsed) => return Err(transport(elapsed.into()).into()),
        };
        if response.status() != StatusCode::OK {
            return Err(refusal(gateway, response).await);
        }
        let mut link = Self {
            requests,
            reading: Some(next_chunk(response)),
            unread: Vec::new(),
            frames: VecDeque::new(),
            queue: VecDeque::new(),
            under_way: HashSet::new(),
            asked: FuturesUnordered::new(),
            silent_at: Box::pin(tokio::time::sleep(SILENCE)),
            closed: None,
        };
        let mut error = None;
        loop {
            let incoming = match tokio::time::timeout_at(deadline, link.drive(true)).await {
                Ok(Incoming::Closed(close)) => return Err(HelloError::Refused { error, close }),
                Ok(incoming) => incoming,
                Err(_) => return Err(HelloError::Refused { error, close: CloseInfo::abnormal("no welcome in time") }),
            };
            match incoming.decode() {
                Some(ServerFrame::Welcome(welcome)) => return Ok((link, welcome)),
                Some(ServerFrame::Error(frame)) => error = Some(Box::new(frame)),
                _ => {}
            }
        }
    }

    /// As [`crate::Connection::queue_text`].
    pub(crate) fn queue_text(&mut self, text: String) {
        self.queue.push_back(Said::of(text));
    }

    /// As [`crate::Connection::queued`].
    pub(crate) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Leaves the stream. There is nobody to tell.
    pub(crate) fn leave(&mut self) {
        self.end(CloseInfo { code: CloseCode::Normal.code(), reason: String::new() });
    }

    /// As [`crate::Connection::drive`].
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn drive(&mut self, read: bool) -> Incoming {
        poll_fn(|cx| self.poll_drive(cx, read)).await
    }

    fn poll_drive(&mut self, cx: &mut Context<'_>, read: bool) -> Poll<Incoming> {
        loop {
            if read && let Some(frame) = self.frames.pop_front() {
                return Poll::Ready(Incoming::Text(frame.into()));
            }
            if let Some(info) = &self.closed {
                return Poll::Ready(Incoming::Closed(info.clone()));
            }
            self.ask();
            if let Poll::Ready(Some((said, answer))) = Pin::new(&mut self.asked).poll_next(cx) {
                self.under_way.remove(&said.lane);
                match answer {
                    Answer::Frame(frame) => self.frames.push_back(frame),
                    Answer::Nothing => {}
                    Answer::Lost(_) if said.may_be_lost => {}
                    Answer::Lost(why) => self.end(CloseInfo::abnormal(why)),
                    Answer::Refused(code) => self.end(CloseInfo { code: code.code(), reason: String::new() }),
                }
                continue;
            }
            if !read {
                return Poll::Pending;
            }
            let Some(reading) = self.reading.as_mut() else {
                self.end(CloseInfo::abnormal("the stream ended"));
                continue;
            };
            match reading.poll_unpin(cx) {
                Poll::Ready((response, Ok(Some(bytes)))) => {
                    self.reading = Some(next_chunk(response));
                    self.silent_at.as_mut().reset(Instant::now() + SILENCE);
                    self.take(&bytes);
                }
                Poll::Ready((_, Ok(None))) => self.reading = None,
                Poll::Ready((_, Err(error))) => self.end(CloseInfo::abnormal(error.to_string())),
                Poll::Pending => {
                    if self.silent_at.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    self.end(CloseInfo::abnormal("nothing came in time"));
                }
            }
        }
    }

    /// Says what waits for nothing else of its kind.
    fn ask(&mut self) {
        let mut waiting = VecDeque::new();
        while let Some(said) = self.queue.pop_front() {
            if self.under_way.insert(said.lane.clone()) {
                let requests = self.requests.clone();
                self.asked.push(Box::pin(async move {
                    let answer = requests.command(&said).await;
                    (said, answer)
                }));
            } else {
                waiting.push_back(said);
            }
        }
        self.queue = waiting;
    }

    /// Takes the stream apart. Each message is on lines of its own, with an empty one behind it.
    fn take(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
        while let Some(end) = self.unread.windows(2).position(|pair| pair == b"\n\n") {
            let block: Vec<u8> = self.unread.drain(..end + 2).collect();
            let (mut event, mut data) = (None, None);
            for line in String::from_utf8_lossy(&block).lines() {
                match line.split_once(": ") {
                    Some(("event", value)) => event = Some(value.to_owned()),
                    Some(("data", value)) => data = Some(value.to_owned()),
                    // Positions are in the frames as well, and comments say nothing.
                    Some(_) | None => {}
                }
            }
            match (event.as_deref(), data) {
                (None, Some(data)) => self.frames.push_back(data),
                (Some("close"), Some(data)) => {
                    // What came before it is taken first.
                    let info = farewell(&data);
                    self.closed.get_or_insert(info);
                    self.reading = None;
                }
                (_, _) => {}
            }
        }
        if self.unread.len() > MOST_UNREAD {
            self.end(CloseInfo::abnormal("a message that is too long"));
        }
    }

    fn end(&mut self, info: CloseInfo) {
        self.queue.clear();
        self.asked.clear();
        self.reading = None;
        self.closed.get_or_insert(info);
    }
}

impl Requests {
    fn post(&self, path: &str, body: String) -> reqwest::RequestBuilder {
        self.http.post(format!("{}{path}", self.base)).header("content-type", "application/json").body(body)
    }

    async fn command(&self, said: &Said) -> Answer {
        match tokio::time::timeout(ANSWER_LIMIT, self.ask(said)).await {
            Ok(answer) => answer,
            Err(_) => Answer::Lost("a command has no answer".to_owned()),
        }
    }

    /// Asks, once more with another token if this one is refused: streams outlive their tokens.
    async fn ask(&self, said: &Said) -> Answer {
        let mut refused: Option<Secret> = None;
        loop {
            let token = match self.tokens.access_token(refused.as_ref()).await {
                Ok(token) => token,
                Err(error) => return Answer::Lost(error.to_string()),
            };
            let asked = self.post("/v1/commands", said.text.clone()).bearer_auth(&token.0).send().await;
            let response = match asked {
                Ok(response) => response,
                Err(error) => return Answer::Lost(error.to_string()),
            };
            let status = response.status();
            if status == StatusCode::NO_CONTENT {
                return Answer::Nothing;
            }
            let Some(body) = body(response).await else { return Answer::Lost("an answer did not arrive".to_owned()) };
            if status.is_success() {
                return Answer::Frame(body);
            }
            let Ok(problem) = serde_json::from_str::<Problem>(&body) else { return Answer::Lost(format!("status {status}")) };
            match problem.code.known() {
                Some(ErrorCode::SessionRevoked) => return Answer::Refused(CloseCode::SessionRevoked),
                Some(ErrorCode::TokenExpired | ErrorCode::Unauthenticated) if refused.is_none() => refused = Some(token),
                Some(ErrorCode::TokenExpired | ErrorCode::Unauthenticated) => return Answer::Refused(CloseCode::TokenExpired),
                // The lane stays taken meanwhile: what came behind it would overtake it, since no gateway knows of both.
                Some(_) if problem.retryable && said.client_id.is_some() => match wait_of(&problem) {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => return Answer::Frame(ServerFrame::Error(frame_of(problem, said.client_id.clone())).encode()),
                },
                // A gateway of before has no such path.
                Some(ErrorCode::NotFound | ErrorCode::MethodNotAllowed) => return Answer::Lost(format!("status {status}")),
                _ => return Answer::Frame(ServerFrame::Error(frame_of(problem, said.client_id.clone())).encode()),
            }
        }
    }
}

/// How long to wait before the same is asked again; nothing when that would be too long.
fn wait_of(problem: &Problem) -> Option<Duration> {
    let wait = problem.retry_after_ms.map_or(LEAST_WAIT, Duration::from_millis).max(LEAST_WAIT);
    (wait < LONGEST_WAIT).then_some(wait)
}

fn next_chunk(mut response: Response) -> BoxFuture<'static, Chunk> {
    Box::pin(async move {
        let chunk = response.chunk().await;
        (response, chunk)
    })
}

/// The body as text; `None`: it is too long, or did not arrive.
async fn body(mut response: Response) -> Option<String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MOST_ANSWER {
            return None;
        }
    }
    String::from_utf8(bytes).ok()
}

fn frame_of(problem: Problem, client_id: Option<ClientId>) -> ErrorFrame {
    let Problem { code, detail, retryable, retry_after_ms, .. } = problem;
    ErrorFrame { code, message: detail, client_id, retryable, retry_after_ms }
}

async fn refusal(gateway: &str, response: Response) -> HelloError {
    let status = response.status().as_u16();
    let problem = body(response).await.and_then(|body| serde_json::from_str::<Problem>(&body).ok());
    let Some(problem) = problem else {
        return HelloError::Open(ClientError::Unexpected { server: gateway.to_owned(), status });
    };
    let Some(code) = problem.close_code else { return HelloError::Open(ClientError::Refused(Box::new(problem))) };
    let close = CloseInfo { code, reason: String::new() };
    HelloError::Refused { error: Some(Box::new(frame_of(problem, None))), close }
}

/// The last message of a stream.
fn farewell(data: &str) -> CloseInfo {
    #[derive(serde::Deserialize)]
    struct Farewell {
        close_code: u16,
        #[serde(default)]
        retry_after_ms: Option<u64>,
    }
    match serde_json::from_str::<Farewell>(data) {
        Ok(Farewell { close_code, retry_after_ms }) => {
            let reason = retry_after_ms.map(|ms| format!(r#"{{"retry_after_ms":{ms}}}"#)).unwrap_or_default();
            CloseInfo { code: close_code, reason }
        }
        Err(_) => CloseInfo { code: ABNORMAL, reason: data.to_owned() },
    }
}

/// Where a gateway answers requests.
fn http_base(gateway: &str) -> Result<String, ClientError> {
    let socket = socket_url(gateway)?;
    let base = socket.trim_end_matches(crate::ws::SOCKET_PATH);
    Ok(base.replacen("ws", "http", 1))
}

fn client(base: &str, options: &SocketOptions) -> reqwest::Result<reqwest::Client> {
    crate::install_tls();
    let builder = reqwest::Client::builder()
        .user_agent(concat!("relay-client/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(options.connect_timeout);
    crate::http::reaching(builder, base).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_answers_requests_where_it_has_its_sockets() {
        for good in ["ws://h:1", "http://h:1/", "ws://h:1/v1/ws"] {
            assert_eq!(http_base(good).unwrap(), "http://h:1", "{good}");
        }
        assert_eq!(http_base("wss://wsh/chat").unwrap(), "https://wsh/chat");
        assert!(http_base("ws://h?token=x").is_err());
    }

    #[test]
    fn the_end_says_when_to_come_back() {
        let told = farewell(r#"{"code":"draining","close_code":4000,"retry_after_ms":120}"#);
        assert_eq!((told.code, told.retry_after()), (4000, Some(Duration::from_millis(120))));
        assert_eq!(farewell(r#"{"close_code":4004}"#).retry_after(), None);
        assert_eq!(farewell("?").code, ABNORMAL);
    }

    #[test]
    fn what_is_sent_to_one_conversation_has_one_lane_and_the_rest_one_for_each_kind() {
        let said = |text: &str| Said::of(text.to_owned());
        let send = said(r#"{"type":"send_message","conversation_id":"c","client_id":"01ARZ3NDEKTSV4RRFFQ69G5FAV"}"#);
        assert_eq!((send.lane.as_str(), send.may_be_lost, send.client_id.is_some()), ("c", false, true));
        let typing = said(r#"{"type":"typing_start","conversation_id":"c"}"#);
        assert_eq!((typing.lane.as_str(), typing.may_be_lost), ("typing_start", true));
        assert!(!said(r#"{"type":"ping"}"#).may_be_lost);
    }
}

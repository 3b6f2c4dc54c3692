//! A stream of Server-Sent Events that remembers all it brought, read by hand: every line of it is looked at.

use anyhow::{Context as _, bail, ensure};
use relay_harness::{Device, Harness};
use relay_protocol::frame::MessageAck;
use relay_protocol::rest::Problem;
use relay_protocol::{Position, SendMessage, ServerFrame, command};
use relay_types::{ClientId, ConversationId, UserId};
use reqwest::{Method, RequestBuilder, Response};

use super::checks::Seen;
use super::raw_http::{client, refusal};
use super::support::{LATE, SOON, text, text_of};

/// The last message of a stream.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct Farewell {
    pub code: String,
    pub close_code: u16,
    pub retry_after_ms: Option<u64>,
}

/// One stream.
pub struct Stream {
    response: Response,
    unread: Vec<u8>,
    pub me: UserId,
    pub frames: Vec<ServerFrame>,
    /// The last `id`.
    pub position: Option<Position>,
    pub comments: usize,
    pub farewell: Option<Farewell>,
    /// All that came, as it came.
    pub raw: String,
}

/// A request to a gateway.
pub fn gateway(h: &Harness, index: usize, method: Method, path: &str) -> RequestBuilder {
    // A stream lasts.
    client().request(method, format!("{}{path}", h.gateway_url(index).replace("ws://", "http://"))).timeout(3 * LATE)
}

/// Asks for a stream.
pub async fn ask(h: &Harness, index: usize, hello: impl Into<String>) -> anyhow::Result<Response> {
    let request = gateway(h, index, Method::POST, "/v1/events").header("content-type", "application/json");
    Ok(request.body(hello.into()).send().await?)
}

/// Posts a command, and returns the frame that answers it, or nothing where none does.
pub async fn post(h: &Harness, index: usize, device: &Device, frame: &str) -> anyhow::Result<Result<Option<ServerFrame>, Problem>> {
    let request = gateway(h, index, Method::POST, "/v1/commands").header("content-type", "application/json");
    let response = request.bearer_auth(&device.access_token().0).body(frame.to_owned()).send().await?;
    match response.status().as_u16() {
        200 => Ok(Ok(Some(serde_json::from_str(&response.text().await?)?))),
        204 => Ok(Ok(None)),
        _ => Ok(Err(refusal(response, frame).await?)),
    }
}

/// The `send_message` frame.
pub fn sending(conversation: ConversationId, client_id: &ClientId, body: &str) -> String {
    let send = SendMessage { client_id: client_id.clone(), conversation_id: conversation, body: text(body), reply_to: None, thread: None };
    command::encode::send_message(&send)
}

/// Posts a command that has an ack.
pub async fn acknowledged(h: &Harness, index: usize, device: &Device, frame: &str) -> anyhow::Result<MessageAck> {
    match post(h, index, device, frame).await? {
        Ok(Some(ServerFrame::MessageAck(ack))) => Ok(ack),
        other => bail!("an ack was expected, not {other:?}"),
    }
}

impl Stream {
    /// Opens a stream; catching up has not been read yet.
    pub async fn hello(h: &Harness, index: usize, device: &Device, position: Option<&Position>) -> anyhow::Result<Self> {
        Self::of(ask(h, index, command::encode::hello(&device.access_token().0, position)).await?).await
    }

    /// Comes back as clients of Server-Sent Events do: the first request again, with the last `id` in a header.
    pub async fn again(h: &Harness, index: usize, device: &Device, last_id: &Position) -> anyhow::Result<Self> {
        let request = gateway(h, index, Method::POST, "/v1/events").header("content-type", "application/json");
        let hello = command::encode::hello(&device.access_token().0, None);
        Self::of(request.header("last-event-id", last_id.to_string()).body(hello).send().await?).await
    }

    /// Opens a stream and reads until `caught_up`.
    pub async fn live(h: &Harness, index: usize, device: &Device, position: Option<&Position>) -> anyhow::Result<Self> {
        let mut stream = Self::hello(h, index, device, position).await?;
        stream.until("caught_up", |frame| matches!(frame, ServerFrame::CaughtUp { .. }).then_some(())).await?;
        Ok(stream)
    }

    async fn of(response: Response) -> anyhow::Result<Self> {
        ensure!(response.status().is_success(), "{}: {}", response.status(), response.text().await?);
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        assert_eq!(header("content-type"), "text/event-stream");
        assert_eq!(header("cache-control"), "no-store, no-transform");
        assert_eq!(header("x-accel-buffering"), "no");
        let me = "0".repeat(26).parse()?;
        let unread = Vec::new();
        let mut stream = Self { response, unread, me, frames: Vec::new(), position: None, comments: 0, farewell: None, raw: String::new() };
        stream.me =
            stream.until("welcome", |frame| if let ServerFrame::Welcome(welcome) = frame { Some(welcome.user_id) } else { None }).await?;
        Ok(stream)
    }

    /// The newest position.
    pub fn at(&self) -> Position {
        self.position.clone().expect("a position was given out")
    }

    /// The next frame; `None` at the end.
    pub async fn next(&mut self) -> anyhow::Result<Option<ServerFrame>> {
        while let Some(block) = self.block().await? {
            if let Some(frame) = self.take(&block)? {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    /// Reads until so many comments came, and no frame.
    pub async fn heartbeats(&mut self, count: usize) -> anyhow::Result<()> {
        while self.comments < count {
            let block = self.block().await?.context("the stream ended")?;
            let frame = self.take(&block)?;
            ensure!(frame.is_none(), "{frame:?} came");
        }
        Ok(())
    }

    /// What the lines up to an empty one bring.
    fn take(&mut self, block: &str) -> anyhow::Result<Option<ServerFrame>> {
        ensure!(self.farewell.is_none(), "{block:?} came behind the end");
        let (mut id, mut event, mut data) = (None, None, None);
        for line in block.trim_end_matches('\n').lines() {
            match line.split_once(':') {
                Some(("", _)) => self.comments += 1,
                Some(("id", value)) => id = Some(value.trim_start().to_owned()),
                Some(("event", value)) => event = Some(value.trim_start().to_owned()),
                Some(("data", value)) if data.is_none() => data = Some(value.trim_start().to_owned()),
                _ => bail!("{line:?} is no line of a stream"),
            }
        }
        let Some(data) = data else { return Ok(None) };
        if let Some(event) = event {
            assert_eq!(event, "close");
            self.farewell = Some(serde_json::from_str(&data).with_context(|| data.clone())?);
            return Ok(None);
        }
        let frame: ServerFrame = serde_json::from_str(&data).with_context(|| data.clone())?;
        let brought = match &frame {
            ServerFrame::Progress { position } | ServerFrame::CaughtUp { position } | ServerFrame::Reset { position, .. } => Some(position),
            _ => None,
        };
        assert_eq!(id.as_ref(), brought, "what brings a position has it as its id, and nothing else has one: {data}");
        if let Some(id) = id {
            self.position = Some(id.parse()?);
        }
        self.frames.push(frame.clone());
        Ok(Some(frame))
    }

    /// The lines up to the next empty one.
    async fn block(&mut self) -> anyhow::Result<Option<String>> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.unread.drain(..end + 2).collect();
                let block = String::from_utf8(block)?;
                self.raw.push_str(&block);
                return Ok(Some(block));
            }
            match tokio::time::timeout(SOON, self.response.chunk()).await {
                Ok(chunk) => match chunk? {
                    Some(bytes) => self.unread.extend_from_slice(&bytes),
                    None if self.unread.is_empty() => return Ok(None),
                    None => bail!("the stream ends within {:?}", String::from_utf8_lossy(&self.unread)),
                },
                Err(_) => bail!("the stream brought nothing; before: {:?}", self.frames.iter().rev().take(5).collect::<Vec<_>>()),
            }
        }
    }

    /// Reads until a frame is as wished.
    pub async fn until<T>(&mut self, what: &str, mut wish: impl FnMut(&ServerFrame) -> Option<T>) -> anyhow::Result<T> {
        loop {
            let frame = self.next().await.with_context(|| format!("waiting for {what}"))?;
            let Some(frame) = frame else { bail!("the stream ended with {:?} before {what}", self.farewell) };
            if let Some(found) = wish(&frame) {
                return Ok(found);
            }
        }
    }

    /// Reads until a message with this text.
    pub async fn message(&mut self, wanted: &str) -> anyhow::Result<()> {
        self.until(wanted, |frame| frame.message().filter(|message| text_of(message) == wanted).map(drop)).await
    }

    /// Reads until the end, and says why it came.
    pub async fn end(&mut self) -> anyhow::Result<Farewell> {
        let reading = async {
            while self.next().await?.is_some() {}
            anyhow::Ok(())
        };
        tokio::time::timeout(LATE, reading).await??;
        self.farewell.clone().context("the stream ended without a word")
    }

    /// Conversation events in the order in which they came.
    pub fn seen(&self) -> Vec<Seen> {
        self.frames.iter().filter_map(Seen::of).collect()
    }
}

//! What most tests need: texts and keys, conversations, a socket that remembers, and an SDK client that remembers.

use std::time::Duration;

use anyhow::{Context as _, bail};
use relay_client::{ApiClient, ClientError, Connection, Event, EventStream, Incoming, RealtimeClient, SocketOptions};
use relay_harness::{Device, Harness, User};
use relay_protocol::frame::{ErrorFrame, MessageAck};
use relay_protocol::{ErrorCode, Message, MessageBody, Position, SendMessage, ServerFrame, command};
use relay_types::{ClientId, ConversationId, ConversationTitle, Seq, UserId};

use super::checks::Seen;

/// What every test returns.
pub type TestResult = anyhow::Result<()>;

/// For one answer of a system under the load of other tests.
pub const SOON: Duration = Duration::from_secs(20);
/// For what includes a restart, an election or a few hundred messages.
pub const LATE: Duration = Duration::from_secs(90);

/// A text body.
pub fn text(text: &str) -> MessageBody {
    MessageBody::Text { text: text.parse().expect("a valid text") }
}

/// The text of a message; nothing if it is of another kind.
pub fn text_of(message: &Message) -> &str {
    message.body.text().map_or("", |text| text.as_str())
}

/// A client's key as given.
pub fn key(key: &str) -> ClientId {
    key.parse().expect("a valid client_id")
}

/// A ULID key minted `ahead_ms` from now; negative for the past.
pub fn ulid_key(ahead_ms: i64) -> ClientId {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock after 1970").as_millis();
    let at = i64::try_from(now).expect("a clock before the year 292278994") + ahead_ms;
    key(&ulid::Ulid::from_parts(u64::try_from(at).expect("after 1970"), rand::random()).to_string())
}

/// A group's title.
pub fn title(title: &str) -> ConversationTitle {
    title.parse().expect("a valid title")
}

/// The conversation of two people, which the other has accepted.
pub async fn direct(one: &User, other: &User) -> anyhow::Result<ConversationId> {
    let conversation = one.api.create_direct(other.id()).await.context("create a direct conversation")?;
    other.api.accept(conversation.conversation_id).await.context("accept a direct conversation")?;
    Ok(conversation.conversation_id)
}

/// A group of `owner` and `members`, who accept being in it.
pub async fn group(owner: &User, members: &[&User]) -> anyhow::Result<ConversationId> {
    group_called("the group", owner, members).await
}

/// As [`group`], with a title.
pub async fn group_called(name: &str, owner: &User, members: &[&User]) -> anyhow::Result<ConversationId> {
    let ids: Vec<UserId> = members.iter().map(|user| user.id()).collect();
    let conversation = owner.api.create_group(&title(name), &ids).await.context("create a group")?.conversation_id;
    for member in members {
        member.api.accept(conversation).await.context("accept an invitation")?;
    }
    Ok(conversation)
}

/// Brings `who` into a group, who accepts if they are asked.
pub async fn let_in(owner: &User, group: ConversationId, who: &User) -> anyhow::Result<()> {
    let outcome = owner.api.add_member(group, who.id()).await.context("add a member")?;
    if outcome.invited.contains(&who.id()) {
        who.api.accept(group).await.context("accept an invitation")?;
    }
    Ok(())
}

/// Some registered people: `prefix0`, `prefix1`, …
pub async fn people(harness: &Harness, prefix: &str, count: usize) -> anyhow::Result<Vec<User>> {
    let mut users = Vec::new();
    for index in 0..count {
        users.push(harness.user(&format!("{prefix}{index}")).await?);
    }
    Ok(users)
}

/// Two people, the first at home on shard 0, the second on shard 1.
pub async fn one_of_each_shard(h: &Harness) -> anyhow::Result<[User; 2]> {
    let mut homes: [Option<User>; 2] = [None, None];
    for name in ["ann", "ben", "cat", "dan", "eva", "fay", "gil", "hal", "ida", "jim", "kim", "lea"] {
        let user = h.user(name).await?;
        let query = sqlx::query_scalar("SELECT home_shard FROM users WHERE user_id = $1").bind(user.id().to_uuid());
        let home: i32 = query.fetch_one(&mut h.database().await?).await?;
        homes[usize::try_from(home)?] = Some(user);
        if let [Some(zero), Some(one)] = &homes {
            return Ok([zero.clone(), one.clone()]);
        }
    }
    anyhow::bail!("twelve people have one home")
}

/// The code of a refused REST call.
pub fn code_of<T: std::fmt::Debug>(result: Result<T, ClientError>) -> ErrorCode {
    match result {
        Err(ClientError::Refused(problem)) => problem.code.known().expect("registered"),
        other => panic!("a refusal was expected, not {other:?}"),
    }
}

/// A page of history as the checks see it, with at most 200 messages.
pub async fn history(api: &ApiClient, conversation: ConversationId) -> Result<Vec<Message>, ClientError> {
    let query = relay_protocol::rest::HistoryQuery {
        conversation_id: conversation,
        before: None,
        after: None,
        unread: None,
        limit: Some(200),
        changes: None,
    };
    Ok(api.history(&query).await?.messages)
}

/// A socket that remembers all it brought.
pub struct Socket {
    pub connection: Connection,
    pub me: UserId,
    pub frames: Vec<ServerFrame>,
    /// The newest that the server gave out on this socket.
    pub position: Option<Position>,
}

impl Socket {
    /// Opens a socket and says hello; catching up has not been read yet.
    pub async fn hello(harness: &Harness, gateway: usize, device: &Device, position: Option<&Position>) -> anyhow::Result<Self> {
        let url = harness.gateway_url(gateway);
        let token = device.access_token().0.clone();
        let (connection, welcome) = Connection::hello(&url, &token, position, &SocketOptions::default()).await?;
        Ok(Self { connection, me: welcome.user_id, frames: Vec::new(), position: None })
    }

    /// Opens a socket and reads until `caught_up`.
    pub async fn live(harness: &Harness, gateway: usize, device: &Device, position: Option<&Position>) -> anyhow::Result<Self> {
        let mut socket = Self::hello(harness, gateway, device, position).await?;
        socket.caught_up().await?;
        Ok(socket)
    }

    /// Reads until `caught_up` and returns the position.
    pub async fn caught_up(&mut self) -> anyhow::Result<Position> {
        self.until("caught_up", |frame| matches!(frame, ServerFrame::CaughtUp { .. }).then_some(())).await?;
        Ok(self.at())
    }

    /// The newest position.
    pub fn at(&self) -> Position {
        self.position.clone().expect("a position was given out")
    }

    /// The next frame.
    pub async fn next(&mut self) -> anyhow::Result<ServerFrame> {
        let frame = match self.connection.frame_within(SOON).await {
            Ok(frame) => frame,
            Err(close) => {
                bail!("the socket brought no frame: {close:?}; before: {:?}", self.frames.iter().rev().take(5).collect::<Vec<_>>())
            }
        };
        if let ServerFrame::Progress { position }
        | ServerFrame::CaughtUp { position }
        | ServerFrame::Reset { position, .. }
        | ServerFrame::Pong { position: Some(position), .. } = &frame
        {
            self.position = Some(position.parse()?);
        }
        self.frames.push(frame.clone());
        Ok(frame)
    }

    /// Reads until a frame is as wished.
    pub async fn until<T>(&mut self, what: &str, mut wish: impl FnMut(&ServerFrame) -> Option<T>) -> anyhow::Result<T> {
        loop {
            let frame = self.next().await.with_context(|| format!("waiting for {what}"))?;
            if let Some(found) = wish(&frame) {
                return Ok(found);
            }
        }
    }

    /// Sends without waiting for the answer.
    pub async fn send(&mut self, conversation: ConversationId, client_id: &ClientId, body: &str) -> anyhow::Result<()> {
        let send =
            SendMessage { client_id: client_id.clone(), conversation_id: conversation, body: text(body), reply_to: None, thread: None };
        let written = self.connection.send_text(command::encode::send_message(&send)).await;
        written.map_err(|close| anyhow::anyhow!("the socket closed while sending: {close:?}"))
    }

    /// The answer to a send.
    pub async fn answer(&mut self, client_id: &ClientId) -> anyhow::Result<Result<MessageAck, ErrorFrame>> {
        let wish = |frame: &ServerFrame| match frame {
            ServerFrame::MessageAck(ack) if ack.client_id == *client_id => Some(Ok(ack.clone())),
            ServerFrame::Error(error) if error.client_id.as_ref() == Some(client_id) => Some(Err(error.clone())),
            _ => None,
        };
        self.until("the answer to a send", wish).await
    }

    /// Sends and waits for the ack.
    pub async fn post(&mut self, conversation: ConversationId, client_id: &ClientId, body: &str) -> anyhow::Result<MessageAck> {
        self.send(conversation, client_id, body).await?;
        self.answer(client_id).await?.map_err(|error| anyhow::anyhow!("refused: {error:?}"))
    }

    /// Sends, again if it is refused for now, until it is acknowledged.
    pub async fn post_at_last(&mut self, conversation: ConversationId, client_id: &ClientId, body: &str) -> anyhow::Result<MessageAck> {
        let send =
            SendMessage { client_id: client_id.clone(), conversation_id: conversation, body: text(body), reply_to: None, thread: None };
        let answer = self.say(&command::encode::send_message(&send), client_id, |error| error.retryable).await?;
        answer.map_err(|error| anyhow::anyhow!("refused: {error:?}"))
    }

    /// Sends the frame whose key this is, again while it is answered with what `is_passing`, and no longer than [`LATE`]. The last
    /// answer.
    pub async fn say(
        &mut self,
        frame: &str,
        client_id: &ClientId,
        is_passing: impl Fn(&ErrorFrame) -> bool,
    ) -> anyhow::Result<Result<MessageAck, ErrorFrame>> {
        let deadline = tokio::time::Instant::now() + LATE;
        loop {
            self.connection.send_text(frame).await.map_err(|close| anyhow::anyhow!("the socket closed while sending: {close:?}"))?;
            match self.answer(client_id).await? {
                Err(error) if is_passing(&error) && tokio::time::Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(error.retry_after_ms.unwrap_or(100))).await;
                }
                answer => return Ok(answer),
            }
        }
    }

    /// Sends and waits for the refusal.
    pub async fn refused(&mut self, conversation: ConversationId, client_id: &ClientId, body: &str) -> anyhow::Result<ErrorFrame> {
        self.send(conversation, client_id, body).await?;
        match self.answer(client_id).await? {
            Err(error) => Ok(error),
            Ok(ack) => bail!("a refusal was expected, not {ack:?}"),
        }
    }

    /// Sends a frame as it is and returns the next error frame.
    pub async fn error_to(&mut self, frame: &str) -> anyhow::Result<ErrorFrame> {
        self.connection.send_text(frame).await.map_err(|close| anyhow::anyhow!("closed: {close:?}"))?;
        self.until("an error", |frame| if let ServerFrame::Error(error) = frame { Some(error.clone()) } else { None }).await
    }

    /// Asks until everything up to `seq` of shard 0 has passed on this socket: what did not come by then does not come.
    pub async fn passed(&mut self, seq: Seq) -> anyhow::Result<()> {
        let deadline = tokio::time::Instant::now() + SOON;
        loop {
            self.connection.send_text(command::encode::ping(None)).await.map_err(|close| anyhow::anyhow!("closed: {close:?}"))?;
            self.until("pong", |frame| matches!(frame, ServerFrame::Pong { .. }).then_some(())).await?;
            let reached = self.at().shards.values().next().copied().unwrap_or_default();
            if reached >= seq {
                return Ok(());
            }
            if tokio::time::Instant::now() > deadline {
                bail!("the gateway's tail did not pass {seq}; it is at {reached}");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Reads until a message with this text.
    pub async fn message(&mut self, wanted: &str) -> anyhow::Result<Message> {
        let wish = |frame: &ServerFrame| frame.message().filter(|message| text_of(message) == wanted);
        self.until(wanted, wish).await
    }

    /// As [`Self::message`], also when it came before.
    pub async fn message_or_seen(&mut self, wanted: &str) -> anyhow::Result<Message> {
        let came = self.seen().into_iter().filter_map(|seen| seen.message).find(|message| text_of(message) == wanted);
        match came {
            Some(message) => Ok(message),
            None => self.message(wanted).await,
        }
    }

    /// Conversation events in the order in which they came.
    pub fn seen(&self) -> Vec<Seen> {
        self.frames.iter().filter_map(Seen::of).collect()
    }

    /// Everything that is left until the close.
    pub async fn close_code(&mut self) -> anyhow::Result<u16> {
        loop {
            match self.connection.receive_within(SOON).await {
                Some(Incoming::Closed(close)) => return Ok(close.code),
                Some(incoming) => self.frames.extend(incoming.decode()),
                None => bail!("the socket stays open"),
            }
        }
    }
}

/// An SDK client that remembers all it brought.
pub struct Client {
    pub sdk: RealtimeClient,
    pub events: EventStream,
    pub seen: Vec<Seen>,
    pub gaps: usize,
    pub resets: usize,
}

impl Client {
    /// Connects a device and waits until it is live.
    pub async fn live(harness: &Harness, gateway: usize, device: &Device) -> anyhow::Result<Self> {
        Ok(Self::new(device.connect(harness, gateway).await?))
    }

    /// Around a running client.
    pub fn new((client, events): (RealtimeClient, EventStream)) -> Self {
        Self { sdk: client, events, seen: Vec::new(), gaps: 0, resets: 0 }
    }

    /// Takes the next event.
    pub async fn next(&mut self) -> anyhow::Result<Event> {
        let event = tokio::time::timeout(LATE, self.events.next())
            .await
            .with_context(|| format!("no event within {LATE:?}; the client is {:?} and has seen {}", self.sdk.state(), self.seen.len()))?;
        let event = event.with_context(|| format!("the client stopped: {:?}", self.sdk.state()))?;
        match &event {
            Event::Gap { .. } => self.gaps += 1,
            Event::Reset(_) => self.resets += 1,
            other => self.seen.extend(Seen::of_event(other)),
        }
        Ok(event)
    }

    /// Takes events until `count` messages of the conversation were seen.
    pub async fn messages(&mut self, conversation: ConversationId, count: usize) -> anyhow::Result<Vec<Message>> {
        loop {
            let messages: Vec<Message> =
                self.seen.iter().filter_map(|seen| seen.message.clone()).filter(|m| m.conversation_id == conversation).collect();
            if messages.len() >= count {
                return Ok(messages);
            }
            self.next().await.with_context(|| format!("{} of {count} messages came", messages.len()))?;
        }
    }

    /// Takes what has arrived already.
    pub fn drain(&mut self) {
        while let Some(event) = self.events.try_next() {
            match &event {
                Event::Gap { .. } => self.gaps += 1,
                Event::Reset(_) => self.resets += 1,
                other => self.seen.extend(Seen::of_event(other)),
            }
        }
    }
}

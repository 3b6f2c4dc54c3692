//! A gateway that does what the test says, over a real socket, decoding with the server's own code.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use relay_protocol::command::{Command, Hello, decode};
use relay_protocol::frame::{MessageAck, ServerFrame, Welcome};
use relay_protocol::message::MessageBody;
use relay_protocol::{CloseCode, DeleteMessage, EditMessage, PinMessage, Position, React, ReceivedUpto, SendMessage};
use relay_types::{ClientId, ConversationId, MessageId, Seq, SessionId, ShardId, UserId};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use ulid::Ulid;

pub const SERVER_TIME_MS: i64 = 1_900_000_000_000;
pub const MAX_IN_FLIGHT: usize = 8;
/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long "nothing comes" is watched.
const QUIET: Duration = Duration::from_millis(50);

/// Awaits with a bound.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("waited too long for {what}"))
}

fn ulid(n: u128) -> Ulid {
    Ulid::from_bytes(n.to_be_bytes())
}

pub fn me() -> UserId {
    UserId::new(ulid(7))
}

/// Somebody else.
pub fn other() -> UserId {
    UserId::new(ulid(8))
}

pub fn conversation(n: u128) -> ConversationId {
    ConversationId::new(ulid(n))
}

pub fn text(text: &str) -> MessageBody {
    MessageBody::Text { text: text.parse().unwrap() }
}

pub fn position(seq: u64) -> Position {
    Position { epoch: "E1".to_owned(), shards: [(ShardId(0), Seq(seq))].into() }
}

pub fn message(of: u128, seq: u64, prev: Option<u64>) -> relay_protocol::Message {
    relay_protocol::Message {
        conversation_id: conversation(of),
        seq: Seq(seq),
        prev: prev.map(Seq),
        message_id: MessageId::new(ulid(u128::from(seq))),
        sender_id: UserId::new(ulid(8)),
        client_id: "other".parse().unwrap(),
        sent_at_ms: SERVER_TIME_MS,
        body: text("hi"),
        reply_to: None,
        thread: None,
        replies: None,
        edited_seq: None,
        edited_at_ms: None,
        reactions: Vec::new(),
        reacted_seq: None,
    }
}

pub struct Gateway {
    listener: TcpListener,
}

pub struct Peer {
    ws: WebSocketStream<TcpStream>,
}

impl Gateway {
    pub async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub fn url(&self) -> String {
        format!("ws://{}", self.listener.local_addr().unwrap())
    }

    pub async fn accept(&self) -> Peer {
        let (stream, _) = soon("a connection", self.listener.accept()).await.unwrap();
        Peer { ws: soon("an upgrade", tokio_tungstenite::accept_async(stream)).await.unwrap() }
    }

    /// Accepts, expects a hello from `expected`, and welcomes.
    pub async fn welcome(&self, expected: Option<&Position>) -> Peer {
        let mut peer = self.accept().await;
        assert_eq!(peer.expect_hello().await.as_ref(), expected);
        peer.send_welcome().await;
        peer
    }
}

impl Peer {
    pub async fn send(&mut self, frame: &ServerFrame) {
        self.ws.send(Message::text(frame.encode())).await.unwrap();
    }

    pub async fn say(&mut self, message: relay_protocol::Message) {
        self.send(&ServerFrame::Event(Box::new(message.into()))).await;
    }

    pub async fn send_welcome(&mut self) {
        let welcome = Welcome {
            user_id: me(),
            session_id: SessionId::new(ulid(9)),
            server_time_ms: SERVER_TIME_MS,
            idle_timeout_ms: 60_000,
            max_in_flight: u32::try_from(MAX_IN_FLIGHT).unwrap(),
        };
        self.send(&ServerFrame::Welcome(welcome)).await;
    }

    pub async fn caught_up(&mut self, seq: u64) {
        self.send(&ServerFrame::CaughtUp { position: position(seq).to_string() }).await;
    }

    pub async fn ack(&mut self, send: &SendMessage, seq: u64) {
        self.ack_key(&send.client_id, send.conversation_id, seq).await;
    }

    pub async fn ack_key(&mut self, client_id: &ClientId, conversation_id: ConversationId, seq: u64) {
        let ack = MessageAck {
            client_id: client_id.clone(),
            conversation_id,
            message_id: MessageId::new(ulid(u128::from(seq))),
            seq: Seq(seq),
            sent_at_ms: SERVER_TIME_MS,
        };
        self.send(&ServerFrame::MessageAck(ack)).await;
    }

    async fn command(&mut self) -> Command {
        loop {
            match soon("a frame", self.ws.next()).await.expect("the socket ended").unwrap() {
                Message::Text(text) => match decode(text.as_str()).unwrap() {
                    // Said now and then; a test that is about it asks for it.
                    Command::Received(_) => {}
                    command => return command,
                },
                Message::Close(frame) => panic!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// What the client says it has; everything before it is passed over.
    pub async fn expect_received(&mut self) -> Vec<ReceivedUpto> {
        loop {
            let frame = soon("what was received", self.ws.next()).await.expect("the socket ended").unwrap();
            if let Message::Text(text) = frame
                && let Command::Received(upto) = decode(text.as_str()).unwrap()
            {
                return upto;
            }
        }
    }

    pub async fn expect_hello(&mut self) -> Option<Position> {
        self.hello().await.position
    }

    pub async fn hello(&mut self) -> Hello {
        match self.command().await {
            Command::Hello(hello) => hello,
            other => panic!("hello was expected, not {other:?}"),
        }
    }

    /// The next send; pings in between are left without an answer.
    pub async fn expect_send(&mut self) -> SendMessage {
        loop {
            match self.command().await {
                Command::SendMessage(send) => return send,
                Command::Ping(_)
                | Command::Received(_)
                | Command::Presence(_)
                | Command::WatchPresence(_)
                | Command::TypingStart(_)
                | Command::TypingStop(_) => {}
                other @ (Command::Hello(_)
                | Command::EditMessage(_)
                | Command::DeleteMessage(_)
                | Command::React(_)
                | Command::PinMessage(_)) => {
                    panic!("a message was expected, not {other:?}")
                }
            }
        }
    }

    /// The next edit; pings in between are left without an answer.
    pub async fn expect_edit(&mut self) -> EditMessage {
        loop {
            match self.command().await {
                Command::EditMessage(edit) => return edit,
                Command::Ping(_)
                | Command::Received(_)
                | Command::Presence(_)
                | Command::WatchPresence(_)
                | Command::TypingStart(_)
                | Command::TypingStop(_) => {}
                other @ (Command::Hello(_)
                | Command::SendMessage(_)
                | Command::DeleteMessage(_)
                | Command::React(_)
                | Command::PinMessage(_)) => {
                    panic!("an edit was expected, not {other:?}")
                }
            }
        }
    }

    /// The next reaction; pings in between are left without an answer.
    pub async fn expect_react(&mut self) -> React {
        loop {
            match self.command().await {
                Command::React(react) => return react,
                Command::Ping(_)
                | Command::Received(_)
                | Command::Presence(_)
                | Command::WatchPresence(_)
                | Command::TypingStart(_)
                | Command::TypingStop(_) => {}
                other @ (Command::Hello(_)
                | Command::SendMessage(_)
                | Command::EditMessage(_)
                | Command::DeleteMessage(_)
                | Command::PinMessage(_)) => {
                    panic!("a reaction was expected, not {other:?}")
                }
            }
        }
    }

    /// The next pin; pings in between are left without an answer.
    pub async fn expect_pin(&mut self) -> PinMessage {
        loop {
            match self.command().await {
                Command::PinMessage(pin) => return pin,
                Command::Ping(_)
                | Command::Received(_)
                | Command::Presence(_)
                | Command::WatchPresence(_)
                | Command::TypingStart(_)
                | Command::TypingStop(_) => {}
                other @ (Command::Hello(_)
                | Command::SendMessage(_)
                | Command::EditMessage(_)
                | Command::DeleteMessage(_)
                | Command::React(_)) => {
                    panic!("a pin was expected, not {other:?}")
                }
            }
        }
    }

    /// The next deletion; pings in between are left without an answer.
    pub async fn expect_delete(&mut self) -> DeleteMessage {
        loop {
            match self.command().await {
                Command::DeleteMessage(delete) => return delete,
                Command::Ping(_)
                | Command::Received(_)
                | Command::Presence(_)
                | Command::WatchPresence(_)
                | Command::TypingStart(_)
                | Command::TypingStop(_) => {}
                other @ (Command::Hello(_)
                | Command::SendMessage(_)
                | Command::EditMessage(_)
                | Command::React(_)
                | Command::PinMessage(_)) => {
                    panic!("a deletion was expected, not {other:?}")
                }
            }
        }
    }

    pub async fn expect_sends(&mut self, count: usize) -> Vec<SendMessage> {
        let mut sends = Vec::new();
        while sends.len() < count {
            sends.push(self.expect_send().await);
        }
        sends
    }

    /// No send comes for a moment.
    pub async fn expect_quiet(&mut self) {
        let send = tokio::time::timeout(QUIET, self.expect_send()).await;
        assert!(send.is_err(), "{send:?} came");
    }

    /// No ping comes for a moment.
    pub async fn expect_no_ping(&mut self) {
        let command = tokio::time::timeout(QUIET, self.command()).await;
        assert!(command.is_err(), "{command:?} came");
    }

    /// Answers the next ping with a position and gives back what it reported.
    pub async fn pong_next(&mut self, seq: u64) -> Option<Position> {
        loop {
            if let Command::Ping(ping) = self.command().await {
                let position = Some(position(seq).to_string());
                self.send(&ServerFrame::Pong { server_time_ms: SERVER_TIME_MS, position }).await;
                return ping.position;
            }
        }
    }

    /// What a newer server says.
    pub async fn send_raw(&mut self, frame: &str) {
        self.ws.send(Message::text(frame)).await.unwrap();
    }

    pub async fn close(self, code: CloseCode) {
        self.close_with(code.code(), code.as_str()).await;
    }

    pub async fn close_with(mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        self.ws.close(Some(frame)).await.unwrap();
        // Until the client has answered, so that the close frame is not overtaken by the socket's end.
        while let Some(Ok(_)) = soon("the close", self.ws.next()).await {}
    }

    pub async fn expect_close(&mut self) -> u16 {
        loop {
            if let Message::Close(frame) = soon("the close", self.ws.next()).await.expect("the socket ended").unwrap() {
                let code = frame.expect("a close code").code.into();
                let _ = self.ws.flush().await;
                return code;
            }
        }
    }
}

//! The client's task: connects, lives through one socket, decides whether and when to connect again.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use relay_protocol::ErrorCode;
use relay_protocol::frame::{ErrorFrame, MessageAck, Welcome};
use relay_protocol::presence::SayPresence;
use relay_protocol::rest::Secret;
use relay_protocol::{CloseCode, Position};
use relay_types::{ClientId, ConversationId, UserId};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tokio::time::Instant;

use super::RealtimeConfig;
use super::event::{Closed, Event, EventSender, State, Stats};
use super::link::Link;
use super::presence::PresenceTeller;
use super::progress::Progress;
use super::received::ReceivedTeller;
use super::typing::{Change, Typing};
use crate::backoff::Backoff;
use crate::clock::ServerClock;
use crate::error::{ClientError, SendError};
use crate::outbox::Outbox;
use crate::store::{ClientStore, QueuedSend, Saved};
use crate::token_provider::TokenProvider;
use crate::tracker::Tracker;
use crate::ws::{CloseInfo, HelloError};

/// A socket that was live for this long did not fail because of us: the next attempt comes quickly.
const STABLE_AFTER: Duration = Duration::from_secs(5);
/// The server takes a token it refused before only if its keys have changed; one fresh token is tried, then it is final.
const MAX_TOKEN_REFUSALS: u32 = 2;

/// What a handle asks of the task.
pub(super) enum Command {
    Send(QueuedSend, Waiter),
    /// Whether the person types in the conversation.
    Typing(ConversationId, bool),
    /// How the person is there.
    Present(SayPresence),
    /// Whom the program shows.
    Watch(Vec<UserId>),
    Close(oneshot::Sender<()>),
}

/// Who waits for a message's ack. Messages of an earlier run have nobody.
#[derive(Default)]
pub(super) struct Waiter {
    reply: Option<oneshot::Sender<Result<MessageAck, SendError>>>,
    /// The message's place among those that may wait; free again when it is settled.
    _room: Option<OwnedSemaphorePermit>,
}

impl Waiter {
    pub(super) const fn new(reply: oneshot::Sender<Result<MessageAck, SendError>>, room: OwnedSemaphorePermit) -> Self {
        Self { reply: Some(reply), _room: Some(room) }
    }

    /// Tells them. Whether there was anybody to tell, even if they have stopped listening.
    fn answer(self, answer: Result<MessageAck, SendError>) -> bool {
        let Some(reply) = self.reply else { return false };
        let _ = reply.send(answer);
        true
    }
}

/// Everything the task works with.
pub(super) struct Parts {
    pub(super) config: RealtimeConfig,
    pub(super) tokens: Arc<dyn TokenProvider>,
    pub(super) store: Arc<dyn ClientStore>,
    pub(super) saved: Saved,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) events: EventSender,
    pub(super) state: watch::Sender<State>,
    pub(super) identity: watch::Sender<Option<UserId>>,
    pub(super) stats: Arc<Stats>,
    pub(super) clock: Arc<Mutex<ServerClock>>,
}

/// The task's state. It outlives sockets.
pub(super) struct Engine {
    pub(super) config: RealtimeConfig,
    tokens: Arc<dyn TokenProvider>,
    pub(super) store: Arc<dyn ClientStore>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) events: EventSender,
    state: watch::Sender<State>,
    identity: watch::Sender<Option<UserId>>,
    pub(super) stats: Arc<Stats>,
    pub(super) clock: Arc<Mutex<ServerClock>>,
    pub(super) outbox: Outbox<Waiter>,
    pub(super) tracker: Tracker,
    pub(super) progress: Progress,
    pub(super) typing: Typing,
    pub(super) presence: PresenceTeller,
    pub(super) received: ReceivedTeller,
    /// Events that the stream has no room for yet. While there are any, the socket is not read, so there are few.
    pub(super) undelivered: VecDeque<Event>,
    reconnect: Backoff,
    token_refusals: u32,
}

/// How the life of a socket ended.
pub(super) enum SessionEnd {
    /// The socket is gone. The error frame is the last one that concerned the socket.
    Lost { close: CloseInfo, error: Option<ErrorFrame> },
    /// We left it: a gap, or silence.
    Left,
    /// The program said goodbye; it is told when all is done.
    Closed(Option<oneshot::Sender<()>>),
}

/// What to do after a socket, or an attempt at one.
enum Next {
    Retry { after: Option<Duration>, refused: Option<Secret>, reason: String },
    Stop { closed: Closed, tell: Option<oneshot::Sender<()>> },
}

/// The program asked to close, or dropped its handles, while there was no socket.
struct Interrupted(Option<oneshot::Sender<()>>);

impl Engine {
    pub(super) fn new(parts: Parts) -> Self {
        let mut outbox = Outbox::default();
        for send in parts.saved.outbox {
            // A key that is there twice is the same message.
            let _ = outbox.push(send, Waiter::default());
        }
        Self {
            reconnect: Backoff::new(parts.config.reconnect_base, parts.config.reconnect_cap),
            config: parts.config,
            tokens: parts.tokens,
            store: parts.store,
            commands: parts.commands,
            events: parts.events,
            state: parts.state,
            identity: parts.identity,
            stats: parts.stats,
            clock: parts.clock,
            outbox,
            tracker: Tracker::default(),
            progress: Progress::from_saved(parts.saved.position),
            typing: Typing::default(),
            presence: PresenceTeller::default(),
            received: ReceivedTeller::default(),
            undelivered: VecDeque::new(),
            token_refusals: 0,
        }
    }

    pub(super) async fn run(mut self) {
        let mut refused: Option<Secret> = None;
        loop {
            self.set_state(State::Connecting);
            let next = match self.connect(refused.take()).await {
                Ok((connection, welcome, token)) => self.live_through(connection, &welcome, token).await,
                Err(next) => next,
            };
            let interrupted = match next {
                Next::Retry { after, refused: token, reason } => {
                    refused = token;
                    let delay = self.reconnect.next_delay(after);
                    self.set_state(State::Waiting { retry_in: delay, reason: reason.into() });
                    tracing::debug!(retry_in_ms = delay.as_millis(), failures = self.reconnect.failures(), "reconnecting");
                    match self.meanwhile(tokio::time::sleep(delay)).await {
                        Ok(()) => continue,
                        Err(Interrupted(tell)) => (Closed::Asked, tell),
                    }
                }
                Next::Stop { closed, tell } => (closed, tell),
            };
            let (closed, tell) = interrupted;
            // Handles learn that their messages stay behind.
            for waiter in self.outbox.drain() {
                waiter.answer(Err(SendError::Closed));
            }
            self.set_state(State::Closed(closed));
            if let Some(tell) = tell {
                let _ = tell.send(());
            }
            return;
        }
    }

    /// One attempt: a token, a socket, hello.
    async fn connect(&mut self, refused: Option<Secret>) -> Result<(Link, Welcome, Secret), Next> {
        let tokens = Arc::clone(&self.tokens);
        let config = self.config.clone();
        let position = self.progress.resume_from().cloned();
        let attempt = Box::pin(async move {
            let token = tokens.access_token(refused.as_ref()).await.map_err(|error| (Attempt::Token(error), None))?;
            match Link::hello(&config, &tokens, &token, position.as_ref()).await {
                Ok((link, welcome)) => Ok((link, welcome, token)),
                Err(error) => Err((Attempt::Hello(error), Some(token))),
            }
        });
        match self.meanwhile(attempt).await {
            Err(Interrupted(tell)) => Err(Next::Stop { closed: Closed::Asked, tell }),
            Ok(Ok(welcomed)) => Ok(welcomed),
            Ok(Err((Attempt::Token(error), _))) if error.retryable() => {
                tracing::debug!(%error, "no token");
                let after = match &error {
                    ClientError::Refused(problem) => problem.retry_after_ms.map(Duration::from_millis),
                    _ => None,
                };
                Err(Next::Retry { after, refused: None, reason: in_full(&error) })
            }
            Ok(Err((Attempt::Token(error), _))) => Err(Next::Stop { closed: Closed::LoggedOut(Arc::new(error)), tell: None }),
            Ok(Err((Attempt::Hello(HelloError::Open(error @ ClientError::BadUrl { .. })), _))) => {
                Err(Next::Stop { closed: Closed::BadAddress(Arc::new(error)), tell: None })
            }
            Ok(Err((Attempt::Hello(HelloError::Open(error)), _))) => {
                tracing::debug!(%error, "no socket");
                let after = match &error {
                    ClientError::Refused(problem) => problem.retry_after_ms.map(Duration::from_millis),
                    _ => None,
                };
                Err(Next::Retry { after, refused: None, reason: in_full(&error) })
            }
            Ok(Err((Attempt::Hello(HelloError::Refused { error, close }), token))) => {
                Err(self.after_close(close, error.map(|e| *e), token))
            }
        }
    }

    async fn live_through(&mut self, connection: Link, welcome: &Welcome, token: Secret) -> Next {
        self.stats.connections.add_one();
        self.clock.lock().hear(welcome.server_time_ms, std::time::Instant::now());
        self.identity.send_replace(Some(welcome.user_id));
        self.token_refusals = 0;
        let began = Instant::now();
        let end = Box::pin(self.session(connection, welcome)).await;
        self.presence.ended();
        let ended = self.typing.end_all();
        self.deliver_typing(ended);
        if began.elapsed() >= STABLE_AFTER {
            self.reconnect.reset();
        }
        match end {
            SessionEnd::Lost { close, error } => self.after_close(close, error, Some(token)),
            SessionEnd::Left => {
                Next::Retry { after: None, refused: None, reason: "the gateway was silent, or left something out".to_owned() }
            }
            SessionEnd::Closed(tell) => Next::Stop { closed: Closed::Asked, tell },
        }
    }

    /// Whether a close is final. The close code alone says so, except that an expired or unknown token is replaced first.
    fn after_close(&mut self, close: CloseInfo, error: Option<ErrorFrame>, token: Option<Secret>) -> Next {
        tracing::debug!(code = close.code, "socket closed");
        let code = error.as_ref().and_then(|error| error.code.known());
        let about_token = matches!(close.registered(), Some(CloseCode::TokenExpired | CloseCode::Unauthenticated))
            || matches!(code, Some(ErrorCode::TokenExpired | ErrorCode::Unauthenticated));
        if about_token {
            self.token_refusals += 1;
        }
        let final_by_number = !CloseCode::number_allows_reconnect(close.code);
        let give_up = if about_token { self.token_refusals >= MAX_TOKEN_REFUSALS && final_by_number } else { final_by_number };
        if give_up {
            return Next::Stop { closed: Closed::ByServer { close, error }, tell: None };
        }
        let reason = match &error {
            Some(error) => format!("{}: {}", error.code, error.message),
            None if close.reason.is_empty() => format!("the connection ended with {}", close.code),
            None => format!("the connection ended with {}: {}", close.code, close.reason),
        };
        let asked = error.and_then(|error| error.retry_after_ms).map(Duration::from_millis);
        Next::Retry { after: asked.or_else(|| close.retry_after()), refused: if about_token { token } else { None }, reason }
    }

    /// Waits for `work` while messages may be queued and undelivered events taken.
    async fn meanwhile<F: Future>(&mut self, work: F) -> Result<F::Output, Interrupted> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                output = &mut work => return Ok(output),
                () = self.events.room(), if !self.undelivered.is_empty() => self.deliver_waiting(),
                command = self.commands.recv() => match command {
                    Some(Command::Send(send, waiter)) => self.accept(send, waiter),
                    Some(Command::Typing(..)) => {}
                    Some(Command::Present(say)) => self.presence.say(say, Instant::now()),
                    Some(Command::Watch(people)) => self.presence.watch(people, Instant::now()),
                    Some(Command::Close(done)) => return Err(Interrupted(Some(done))),
                    None => return Err(Interrupted(None)),
                },
            }
        }
    }

    /// Puts a message into the outbox.
    pub(super) fn accept(&mut self, send: QueuedSend, waiter: Waiter) {
        if let Err(back) = self.outbox.push(send, waiter) {
            let (send, waiter) = *back;
            waiter.answer(Err(SendError::KeyInUse { client_id: send.client_id }));
        }
    }

    /// Hands an event to the program, or keeps it until there is room.
    pub(super) fn deliver(&mut self, event: Event) {
        self.undelivered.push_back(event);
        self.deliver_waiting();
    }

    /// Tells the program who began or stopped typing.
    pub(super) fn deliver_typing(&mut self, changes: impl IntoIterator<Item = Change>) {
        for (conversation_id, user_id, typing) in changes {
            self.deliver(Event::Typing { conversation_id, user_id, typing });
        }
    }

    /// Hands over as much as there is room for.
    pub(super) fn deliver_waiting(&mut self) {
        while let Some(event) = self.undelivered.pop_front() {
            match self.events.queue.try_send(event) {
                Ok(()) => self.progress.handed_over(),
                Err(mpsc::error::TrySendError::Full(event)) => {
                    self.undelivered.push_front(event);
                    return;
                }
                Err(mpsc::error::TrySendError::Closed(_)) => {
                    self.undelivered.clear();
                    self.progress.discarded();
                }
            }
        }
    }

    /// A message is in the log.
    pub(super) async fn acknowledged(&mut self, ack: MessageAck) {
        let Some((send, waiter)) = self.outbox.settle(&ack.client_id) else { return };
        self.stats.acks.add_one();
        if !waiter.answer(Ok(ack.clone())) {
            self.deliver(Event::Sent(ack));
        }
        self.forget(&send.client_id).await;
    }

    /// A message was refused for good.
    pub(super) async fn refused(&mut self, client_id: ClientId, error: ErrorFrame) {
        let Some((send, waiter)) = self.outbox.settle(&client_id) else { return };
        self.stats.refusals.add_one();
        if !waiter.answer(Err(SendError::Refused(Box::new(error.clone())))) {
            self.deliver(Event::SendRefused { client_id, conversation_id: send.conversation_id, error });
        }
        self.forget(&send.client_id).await;
    }

    /// A message that stays in the store is only sent again, and its first ack comes back.
    async fn forget(&self, client_id: &ClientId) {
        if let Err(error) = self.store.forget_send(client_id).await {
            self.stats.store_failures.add_one();
            tracing::warn!(error = &error as &dyn std::error::Error, "could not shorten the stored outbox");
        }
    }

    /// Stores the newest position that the program has dealt with.
    pub(super) async fn store_position(&mut self) -> Option<Position> {
        let position = self.progress.storable(self.events.handled())?;
        if let Err(error) = self.store.save_position(&position).await {
            // The next one will do as well; until then a restart repeats more than needed.
            self.stats.store_failures.add_one();
            tracing::warn!(error = &error as &dyn std::error::Error, "could not store the position");
        }
        Some(position)
    }

    pub(super) fn set_state(&self, state: State) {
        self.state.send_replace(state);
    }
}

/// An error and what caused it, on one line.
fn in_full(error: &ClientError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        // Some errors quote their cause already.
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

/// Which part of an attempt failed.
enum Attempt {
    Token(ClientError),
    Hello(HelloError),
}

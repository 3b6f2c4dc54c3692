//! A client that stays connected: reconnects, resumes, re-sends, and proves that nothing was missed.
//!
//! [`RealtimeClient`] sends and tells the state; [`EventStream`] brings what happened. One task per client does the work:
//! [`engine`] connects again and again, [`session`] is the life of one socket, [`progress`] decides which position may be
//! stored. The stream is bounded: while the program does not take events, the socket is not read.

mod engine;
mod event;
mod link;
mod presence;
mod progress;
mod received;
mod session;
mod typing;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use relay_protocol::frame::MessageAck;
use relay_protocol::message::MessageBody;
use relay_protocol::presence::{Activity, SayPresence};
use relay_types::{ClientId, ConversationId, Emoji, MessageId, UserId};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::AbortHandle;

pub use event::{Closed, Counter, Event, EventStream, State, Stats};

use crate::backoff;
use crate::clock::ServerClock;
use crate::error::{ClientError, SendError, StoreError};
use crate::store::{ClientStore, QueuedPin, QueuedReaction, QueuedSend};
use crate::token_provider::TokenProvider;
use crate::ws::SocketOptions;
use engine::{Command, Engine, Waiter};

/// Commands on their way to the client's task. Few: the outbox behind it is what holds messages.
const COMMAND_QUEUE: usize = 32;

/// What carries frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// A WebSocket.
    #[default]
    WebSocket,
    /// Server-Sent Events, and commands by POST: for networks that let no WebSocket through.
    EventStream,
}

/// How a client behaves. The defaults suit a person's device.
#[derive(Debug, Clone)]
pub struct RealtimeConfig {
    /// The gateway, such as `ws://127.0.0.1:7080`.
    pub gateway: String,
    /// What carries the frames. The client does not change it by itself.
    pub transport: Transport,
    /// Sizes of the socket's buffers, and how long connecting may take.
    pub socket: SocketOptions,
    /// Events that wait for the program before the socket is no longer read.
    pub event_buffer: usize,
    /// Messages that may wait for their ack.
    pub outbox_limit: usize,
    /// A ping is sent after this long without any other frame of ours, or sooner if the server asks.
    pub ping_interval: Duration,
    /// At most this long after events were received their position is asked for, stored and reported.
    pub report_interval: Duration,
    /// A socket on which nothing arrives for this long after a ping is given up.
    pub pong_timeout: Duration,
    /// The first reconnect comes within this; see [`crate::backoff`].
    pub reconnect_base: Duration,
    /// No reconnect waits longer, unless the server asks.
    pub reconnect_cap: Duration,
}

impl RealtimeConfig {
    /// Defaults for the given gateway.
    pub fn new(gateway: impl Into<String>) -> Self {
        Self {
            gateway: gateway.into(),
            transport: Transport::default(),
            socket: SocketOptions::default(),
            event_buffer: 256,
            outbox_limit: 10_000,
            ping_interval: Duration::from_secs(20),
            report_interval: Duration::from_secs(2),
            pong_timeout: Duration::from_secs(10),
            reconnect_base: backoff::BASE,
            reconnect_cap: backoff::CAP,
        }
    }

    /// Whether the gateway's address is one. The client finds out by itself; whoever asks a person wants to know before.
    pub fn check(&self) -> Result<(), ClientError> {
        crate::ws::socket_url(&self.gateway).map(drop)
    }
}

/// The handle of a running client. Clones share it; when the last one is dropped, the socket is dropped without goodbye.
#[derive(Clone)]
pub struct RealtimeClient {
    shared: Arc<Shared>,
}

struct Shared {
    commands: mpsc::Sender<Command>,
    state: watch::Receiver<State>,
    identity: watch::Receiver<Option<UserId>>,
    stats: Arc<Stats>,
    store: Arc<dyn ClientStore>,
    clock: Arc<Mutex<ServerClock>>,
    room: Arc<Semaphore>,
    outbox_limit: usize,
    task: AbortHandle,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl RealtimeClient {
    /// Starts a client, which connects at once and goes on trying. What the store holds from an earlier run goes out first.
    pub async fn start(
        config: RealtimeConfig,
        tokens: Arc<dyn TokenProvider>,
        store: Arc<dyn ClientStore>,
    ) -> Result<(Self, EventStream), StoreError> {
        let saved = store.load().await?;
        let (commands, command_queue) = mpsc::channel(COMMAND_QUEUE);
        let (state_sender, state) = watch::channel(State::Connecting);
        let (identity_sender, identity) = watch::channel(None);
        let (events, stream) = event::channel(config.event_buffer.max(1));
        let clock = Arc::new(Mutex::new(ServerClock::default()));
        let stats = Arc::new(Stats::default());
        let outbox_limit = config.outbox_limit;
        let engine = Engine::new(engine::Parts {
            config,
            tokens,
            store: Arc::clone(&store),
            saved,
            commands: command_queue,
            events,
            state: state_sender,
            identity: identity_sender,
            stats: Arc::clone(&stats),
            clock: Arc::clone(&clock),
        });
        #[expect(clippy::disallowed_methods, reason = "a client library has no supervisor; the task is aborted with its last handle")]
        let task = tokio::spawn(Box::pin(engine.run())).abort_handle();
        let room = Arc::new(Semaphore::new(outbox_limit));
        let shared = Shared { commands, state, identity, stats, store, clock, room, outbox_limit, task };
        Ok((Self { shared: Arc::new(shared) }, stream))
    }

    /// Sends a message: now if connected, else as soon as possible, over restarts too when the store is persistent. Calls
    /// that follow one another go out in that order. The handle resolves with the ack or the final refusal; dropping it
    /// changes nothing.
    ///
    /// # Cancel safety
    /// Not cancel safe: the message may be in the outbox when the future is dropped.
    pub async fn send(&self, conversation: ConversationId, body: MessageBody) -> Result<SendHandle, SendError> {
        self.send_with_key(conversation, self.mint()?, body).await
    }

    /// As [`Self::send`]: an answer to a message of the conversation.
    pub async fn reply(&self, conversation: ConversationId, to: MessageId, body: MessageBody) -> Result<SendHandle, SendError> {
        self.enqueue(QueuedSend { reply_to: Some(to), ..QueuedSend::message(self.mint()?, conversation, body) }).await
    }

    /// Says something in the thread under `root`, as [`Self::send`].
    pub async fn reply_in_thread(&self, conversation: ConversationId, root: MessageId, body: MessageBody) -> Result<SendHandle, SendError> {
        self.enqueue(QueuedSend { thread: Some(root), ..QueuedSend::message(self.mint()?, conversation, body) }).await
    }

    /// Says an earlier message of one's own anew. As [`Self::send`]: it is kept and repeated in the same way, in the same order. The
    /// ack's `message_id` is the edit's own.
    pub async fn edit(&self, conversation: ConversationId, message: MessageId, body: MessageBody) -> Result<SendHandle, SendError> {
        self.enqueue(QueuedSend { edits: Some(message), ..QueuedSend::message(self.mint()?, conversation, body) }).await
    }

    /// Deletes a message for everyone. As [`Self::edit`].
    pub async fn delete(&self, conversation: ConversationId, message: MessageId) -> Result<SendHandle, SendError> {
        self.enqueue(QueuedSend::deletion(self.mint()?, conversation, message)).await
    }

    /// Reacts to a message, or takes that back (`on` false). As [`Self::edit`].
    pub async fn react(
        &self,
        conversation: ConversationId,
        message_id: MessageId,
        emoji: Emoji,
        on: bool,
    ) -> Result<SendHandle, SendError> {
        self.enqueue(QueuedSend::reaction(self.mint()?, conversation, QueuedReaction { message_id, emoji, on })).await
    }

    /// Pins a message, or takes that back (`on` false). As [`Self::edit`].
    pub async fn pin(&self, conversation: ConversationId, message_id: MessageId, on: bool) -> Result<SendHandle, SendError> {
        self.enqueue(QueuedSend::pin(self.mint()?, conversation, QueuedPin { message_id, on })).await
    }

    /// A key for [`Self::enqueue`].
    pub fn mint(&self) -> Result<ClientId, SendError> {
        self.shared.clock.lock().mint_client_id(Instant::now()).ok_or(SendError::Closed)
    }

    /// As [`Self::send`], with a key of the program's own.
    pub async fn send_with_key(
        &self,
        conversation: ConversationId,
        client_id: ClientId,
        body: MessageBody,
    ) -> Result<SendHandle, SendError> {
        self.enqueue(QueuedSend::message(client_id, conversation, body)).await
    }

    /// Puts it behind all others.
    pub async fn enqueue(&self, send: QueuedSend) -> Result<SendHandle, SendError> {
        let shared = &self.shared;
        let full = SendError::OutboxFull { limit: shared.outbox_limit };
        let room = Arc::clone(&shared.room).try_acquire_owned().map_err(|_| full)?;
        let client_id = send.client_id.clone();
        shared.store.put_send(&send).await?;
        let (reply, answer) = oneshot::channel();
        let waiter = Waiter::new(reply, room);
        shared.commands.send(Command::Send(send, waiter)).await.map_err(|_| SendError::Closed)?;
        Ok(SendHandle { client_id, answer })
    }

    /// The person types in the conversation. Call it at every keystroke: the server is told every two seconds at most, and only
    /// while everything arrives as it happens. Others are shown it for five seconds, until it is said again, or a message comes.
    /// Nobody is told whether it arrived.
    pub fn typing_start(&self, conversation: ConversationId) {
        // What does not fit between other commands is not worth waiting for.
        let _ = self.shared.commands.try_send(Command::Typing(conversation, true));
    }

    /// The person has stopped typing, without sending.
    pub fn typing_stop(&self, conversation: ConversationId) {
        let _ = self.shared.commands.try_send(Command::Typing(conversation, false));
    }

    /// How the person is there: whether they use the device, and what they have before their eyes. Said again by itself, until this is
    /// called anew; without it, others see nothing of this device. Waits for a place among the commands.
    pub async fn present(&self, state: Activity, conversation: Option<ConversationId>) {
        let _ = self.shared.commands.send(Command::Present(SayPresence { state, conversation_id: conversation })).await;
    }

    /// Whom the program shows, at most 200, in place of those named before: [`Event::Presence`] tells of each of them at once, and
    /// when it changes. Waits for a place among the commands.
    pub async fn watch(&self, people: Vec<UserId>) {
        let _ = self.shared.commands.send(Command::Watch(people)).await;
    }

    /// What the client is doing.
    pub fn state(&self) -> State {
        self.shared.state.borrow().clone()
    }

    /// Follows the state. A slow watcher sees the newest, not each.
    pub fn watch_state(&self) -> watch::Receiver<State> {
        self.shared.state.clone()
    }

    /// Waits until everything missed has arrived and events are live; an error when the client has closed instead.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn live(&self) -> Result<(), Closed> {
        let mut states = self.watch_state();
        match states.wait_for(|state| matches!(state, State::Live | State::Closed(_))).await.as_deref() {
            Ok(State::Closed(closed)) => Err(closed.clone()),
            Ok(_) => Ok(()),
            Err(_) => Err(Closed::Asked),
        }
    }

    /// Who the server says this is; `None` before the first welcome.
    pub fn user_id(&self) -> Option<UserId> {
        *self.shared.identity.borrow()
    }

    /// What happened so far, as counters.
    pub fn stats(&self) -> &Stats {
        &self.shared.stats
    }

    /// Says goodbye: reports the newest position, waits for the answer (at most about two seconds), closes the socket.
    /// Unacknowledged messages stay in the store.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.shared.commands.send(Command::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
    }

    /// Drops the socket at once and stops, as a crash would.
    pub fn abort(&self) {
        self.shared.task.abort();
    }
}

/// A message on its way. Await it for the ack.
#[derive(Debug)]
#[must_use = "a handle that is dropped does not tell whether the message arrived"]
pub struct SendHandle {
    client_id: ClientId,
    answer: oneshot::Receiver<Result<MessageAck, SendError>>,
}

impl SendHandle {
    /// The message's key.
    pub const fn client_id(&self) -> &ClientId {
        &self.client_id
    }
}

impl Future for SendHandle {
    type Output = Result<MessageAck, SendError>;

    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.answer).poll(cx).map(|answer| answer.unwrap_or(Err(SendError::Closed)))
    }
}

#[cfg(test)]
mod tests;

//! What a client tells its program.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use relay_protocol::frame::{Chain, ErrorFrame, EventFrame, MessageAck, ResetReason, UnknownFrame};
use relay_protocol::{Message, PersonPresence, Receipts};
use relay_types::{ClientId, ConversationId, Seq, UserId};
use tokio::sync::mpsc;

use crate::error::ClientError;
use crate::ws::CloseInfo;

/// Something happened. Events of one conversation come in order and, within one run, once. After a restart those since the
/// last stored position come again.
#[expect(clippy::large_enum_variant, reason = "one at a time: a box for each message would cost more than it saves")]
#[derive(Debug, Clone)]
pub enum Event {
    /// Someone sent a message; one's own come too.
    Message(Message),
    /// Something else happened, as the log has it, with its place. In a conversation (`chain` is [`Chain::Conversation`]): somebody
    /// joined or left, it began or changed, a message was erased (drop what is held of it). To the user themselves, on whichever
    /// device ([`Chain::User`]): a conversation joined or left, an invitation, a session that began or ended, another name, a read
    /// mark that moved.
    Happened(Box<EventFrame>),
    /// An event of a newer server's, which this version does not know. It has its place among the others.
    Unknown(UnknownFrame),
    /// Somebody else began typing, or stopped. It ends after five seconds without news of it, with a message of theirs, and with the
    /// connection. Beginnings may be missed; whoever began also stops.
    Typing {
        /// Where.
        conversation_id: ConversationId,
        /// Who.
        user_id: UserId,
        /// Whether they type now.
        typing: bool,
    },
    /// Others have read further. What is not named has not changed; some news may be missed, and `ApiClient::receipts` has the whole:
    /// read it after [`Event::CaughtUp`] and when a conversation is shown, and add what comes with [`Receipts::merge`].
    Receipts(Receipts),
    /// How people are there whom the program watches. It may be lost, and is told anew every two minutes.
    Presence(Vec<PersonPresence>),
    /// Everything missed has arrived.
    CaughtUp {
        /// New events between the welcome and here.
        events: u64,
    },
    /// Not everything missed will arrive: reload what is shown over REST. Live events follow.
    Reset(ResetReason),
    /// An event was missing. The client reconnects from a good position; what it finds follows.
    Gap {
        /// Where.
        chain: Chain,
        /// The last event before it.
        last: Seq,
        /// The event that revealed it.
        seq: Seq,
    },
    /// A message of an earlier run was acknowledged.
    Sent(MessageAck),
    /// A message of an earlier run was refused for good.
    SendRefused {
        /// Its key.
        client_id: ClientId,
        /// Where to.
        conversation_id: ConversationId,
        /// Why.
        error: ErrorFrame,
    },
    /// The server said something that concerns the socket, not a message.
    Notice(ErrorFrame),
}

/// What a client is doing.
#[derive(Debug, Clone)]
pub enum State {
    /// Reaching the gateway and saying hello.
    Connecting,
    /// Receiving what was missed.
    CatchingUp,
    /// Everything arrives as it happens.
    Live,
    /// Not connected.
    Waiting {
        /// The next attempt comes after this.
        retry_in: Duration,
        /// Why not. A server may have chosen the words.
        reason: Arc<str>,
    },
    /// It will not connect again.
    Closed(Closed),
}

/// Why a client stopped for good.
#[derive(Debug, Clone)]
pub enum Closed {
    /// The program asked for it.
    Asked,
    /// The server ended it and coming back would not help.
    ByServer {
        /// The close frame.
        close: CloseInfo,
        /// The error frame before it.
        error: Option<ErrorFrame>,
    },
    /// The gateway's address is none: no attempt could succeed.
    BadAddress(Arc<ClientError>),
    /// There is no valid token any more: log in again.
    LoggedOut(Arc<ClientError>),
}

/// A number that only rises.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What happened so far.
#[derive(Debug, Default)]
pub struct Stats {
    /// New events.
    pub events: Counter,
    /// Events that had been seen and were dropped.
    pub duplicates: Counter,
    /// Times an event proved that another was missing.
    pub gaps: Counter,
    /// Times the server said `reset`.
    pub resets: Counter,
    /// Welcomes.
    pub connections: Counter,
    /// Acknowledged messages.
    pub acks: Counter,
    /// Messages refused for good.
    pub refusals: Counter,
    /// Messages refused for now.
    pub retries: Counter,
    /// Positions that could not be stored.
    pub store_failures: Counter,
}

/// The client's side of the stream.
#[derive(Debug)]
pub(super) struct EventSender {
    pub(super) queue: mpsc::Sender<Event>,
    handled: Arc<AtomicU64>,
}

impl EventSender {
    /// Waits until there is room for an event, or until nobody will take any more. This side is the only one that sends, so
    /// the room stays.
    pub(super) async fn room(&self) {
        drop(self.queue.reserve().await);
    }

    /// How many events the program has dealt with.
    pub(super) fn handled(&self) -> u64 {
        self.handled.load(Ordering::Acquire)
    }
}

/// The program's side of the stream. Asking for the next event says that those before it were dealt with; only then may
/// their position be stored. Dropping the stream discards later events and freezes the stored position.
#[derive(Debug)]
pub struct EventStream {
    queue: mpsc::Receiver<Event>,
    handled: Arc<AtomicU64>,
    taken: u64,
}

pub(super) fn channel(buffer: usize) -> (EventSender, EventStream) {
    let (sender, receiver) = mpsc::channel(buffer);
    let handled = Arc::new(AtomicU64::new(0));
    (EventSender { queue: sender, handled: Arc::clone(&handled) }, EventStream { queue: receiver, handled, taken: 0 })
}

impl EventStream {
    /// The next event; `None` when the client has stopped.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<Event> {
        self.mark_handled();
        let event = self.queue.recv().await?;
        self.taken += 1;
        Some(event)
    }

    /// The next event if one is there.
    pub fn try_next(&mut self) -> Option<Event> {
        self.mark_handled();
        let event = self.queue.try_recv().ok()?;
        self.taken += 1;
        Some(event)
    }

    /// Says that everything taken so far was dealt with, without asking for more; useful before closing.
    pub fn mark_handled(&self) {
        self.handled.store(self.taken, Ordering::Release);
    }
}

//! The order of one socket's sends.
//!
//! Each conversation has a lane with one publish in flight: the next goes out once the log has answered, so a retry
//! never overtakes. Lanes of different conversations, and different sockets, are pipelined on one NATS connection.
//! When a send is refused for a passing reason, what waits behind it fails with it, and so does what was on its way
//! behind it: the client sends it all again, in order.
//!
//! A publish is answered once this gateway's own tail has passed the message: whoever was removed before it is told so.
//!
//! A socket whose process stood still publishes nothing any more: see [`Footing`]. What waited while its sender was removed is not
//! published either, also if they are back.

mod doubt;
mod held;

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use relay_domain::ports::SendKey;
use relay_posting::{PostError, Poster};
use relay_protocol::frame::{ErrorFrame, MessageAck};
use relay_protocol::{ErrorCode, SendMessage, ServerFrame};
use relay_runtime::Standstill;
use relay_runtime::trace::TraceContext;
use relay_types::{ClientId, ConversationId, UserId};

use crate::hub::{Hub, Standing};
use doubt::Doubts;
use held::Held;

type InFlight = BoxFuture<'static, (ConversationId, ClientId, Instant, Result<MessageAck, PostError>)>;

/// What a socket's sends rest on: that its process has run all the time since the socket opened. After a standstill its client
/// may have gone to another gateway, been refused there, been let in again and gone on writing; whatever of this socket
/// still waits, here or in the kernel, would be published late, out of order, and by an old view of who may post.
#[derive(Debug, Clone)]
pub(crate) struct Footing {
    standstill: Arc<Standstill>,
    times: u64,
}

/// The process stood still since the socket opened.
#[derive(Debug)]
pub(crate) struct LostFooting;

impl Footing {
    /// From now on.
    pub(crate) fn of(standstill: &Arc<Standstill>) -> Self {
        Self { standstill: Arc::clone(standstill), times: standstill.times() }
    }

    /// Whether the process stood still since.
    pub(crate) fn lost(&self) -> bool {
        self.standstill.times() != self.times
    }
}

/// A send behind another one, and as what its sender may post.
struct Waiting {
    standing: Standing,
    send: SendMessage,
    arrived: Instant,
}

/// The sends of one socket that have not been answered.
pub(crate) struct Lanes {
    poster: Arc<Poster>,
    hub: Arc<Hub>,
    user: UserId,
    footing: Footing,
    waiting: HashMap<ConversationId, VecDeque<Waiting>>,
    in_flight: FuturesUnordered<InFlight>,
    unanswered: u32,
    /// Conversations whose order waits for refused sends to come again.
    held: HashMap<ConversationId, Held>,
    doubts: Doubts,
}

impl Lanes {
    pub(crate) fn new(poster: Arc<Poster>, hub: Arc<Hub>, user: UserId, footing: Footing) -> Self {
        let (waiting, in_flight, held) = (HashMap::new(), FuturesUnordered::new(), HashMap::new());
        Self { poster, hub, user, footing, waiting, in_flight, unanswered: 0, held, doubts: Doubts::default() }
    }

    /// Sends that await their answer.
    pub(crate) const fn unanswered(&self) -> u32 {
        self.unanswered
    }

    /// A send that was admitted is refused for a passing reason, and with it what is on its way behind it.
    pub(crate) fn hold_back(&mut self, conversation: ConversationId, refused: ClientId, code: ErrorCode) {
        self.hold_back_all(conversation, vec![refused], code);
    }

    fn hold_back_all(&mut self, conversation: ConversationId, refused: Vec<ClientId>, code: ErrorCode) {
        if let Some(held) = self.held_in(conversation, code) {
            held.refused_first(refused.into_iter(), Instant::now());
        }
    }

    /// A send is refused for a passing reason before anybody looked whether its turn has come.
    pub(crate) fn hold_back_in_turn(&mut self, send: &SendMessage, code: ErrorCode) {
        if let Some(held) = self.held_in(send.conversation_id, code) {
            held.refused_in_turn(&send.client_id, Instant::now());
        }
    }

    /// What is held in the conversation, and is told this code; `None` when the client has refused sends in too many others.
    fn held_in(&mut self, conversation: ConversationId, code: ErrorCode) -> Option<&mut Held> {
        if self.held.len() >= MAX_HELD_CONVERSATIONS && !self.held.contains_key(&conversation) {
            let now = Instant::now();
            self.held.retain(|_, held| !held.is_given_up(now));
            if self.held.len() >= MAX_HELD_CONVERSATIONS {
                return None;
            }
        }
        Some(self.held.entry(conversation).or_insert_with(|| Held::new(of_those_behind(code))))
    }

    /// A send is refused for good: see [`doubt`].
    pub(crate) fn refused_for_good(&mut self, conversation: ConversationId) {
        self.doubts.begin(conversation, Instant::now());
    }

    /// Whether the send may have been sent without knowing that one before it was refused for good.
    pub(crate) fn in_doubt(&self, send: &SendMessage) -> bool {
        self.doubts.holds(send.conversation_id, Instant::now())
    }

    /// The ping that has to go out behind what is queued, if any.
    pub(crate) fn ping(&mut self) -> Option<u64> {
        self.doubts.ping()
    }

    /// The client answered a ping.
    pub(crate) fn echoed(&mut self, ping: u64) {
        self.doubts.echoed(ping);
    }

    /// Whether the send's turn has come; otherwise it is refused because one before it was, with this code.
    pub(crate) fn admit(&mut self, send: &SendMessage) -> Result<(), ErrorCode> {
        let (conversation, sender) = (send.conversation_id, self.user);
        let Some(held) = self.held.get_mut(&conversation) else { return Ok(()) };
        let stored = |client_id: &ClientId| self.poster.is_stored(&SendKey { conversation, sender, client_id: client_id.clone() });
        let admitted = held.admit(&send.client_id, stored, Instant::now());
        if held.is_empty() {
            self.held.remove(&conversation);
        }
        admitted
    }

    /// Accepts a send that was found to be allowed.
    pub(crate) fn send(&mut self, standing: Standing, send: SendMessage) {
        self.unanswered += 1;
        let conversation = send.conversation_id;
        let waiting = Waiting { standing, send, arrived: Instant::now() };
        if let Some(lane) = self.waiting.get_mut(&conversation) {
            lane.push_back(waiting);
        } else {
            self.waiting.insert(conversation, VecDeque::new());
            self.publish(waiting);
        }
    }

    fn publish(&self, next: Waiting) {
        let Waiting { standing: Standing { shard, .. }, send, arrived } = next;
        let (poster, user) = (Arc::clone(&self.poster), self.user);
        let (conversation, client_id) = (send.conversation_id, send.client_id.clone());
        let trace = TraceContext::begin();
        self.in_flight.push(Box::pin(async move {
            let result = poster.post(user, shard, send, Some(&trace.to_string())).await;
            relay_runtime::failpoint::hit("after_append");
            if let Err(error) = &result {
                tracing::info!(conversation.id = %conversation, user.id = %user, trace.id = trace.trace_id(), error = error as &(dyn std::error::Error + 'static), "send not accepted");
            }
            (conversation, client_id, arrived, result)
        }));
    }

    /// Waits for the next answers; pending forever while nothing is in flight. An error ends the socket: nothing of it may be
    /// published any more.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn answered(&mut self) -> Result<Vec<ServerFrame>, LostFooting> {
        let Self { in_flight, footing, .. } = self;
        if in_flight.is_empty() {
            return std::future::pending().await;
        }
        // Looked at before every step that a publish makes: a step may be the one that hands it to the log.
        let next =
            poll_fn(|context| if footing.lost() { Poll::Ready(Err(LostFooting)) } else { in_flight.poll_next_unpin(context).map(Ok) });
        let Some((conversation, client_id, arrived, result)) = next.await? else {
            return std::future::pending().await;
        };
        self.unanswered = self.unanswered.saturating_sub(1);
        match result {
            Ok(ack) => {
                metrics::histogram!("relay_ack_seconds").record(arrived.elapsed().as_secs_f64());
                let mut frames = vec![ServerFrame::MessageAck(ack)];
                frames.extend(self.advance(conversation));
                Ok(frames)
            }
            Err(error) => {
                let code = error.code();
                let mut frames = vec![refusal_for(code, error.to_string(), client_id.clone(), error.retry_after())];
                // A key of the future may be far ahead: nobody waits for it.
                if code.retryable() && code != ErrorCode::ClientIdAhead {
                    frames.extend(self.refuse_waiting(conversation, Some(client_id), code, BEFORE_IT));
                } else {
                    // Those that wait were sent without knowing of it, and the client is here or it is not: they come again.
                    self.refused_for_good(conversation);
                    frames.extend(self.refuse_waiting(conversation, None, ErrorCode::Unavailable, BEFORE_IT));
                }
                Ok(frames)
            }
        }
    }

    /// The next in the lane goes out, if its sender is in the conversation as they were when it was read: it may have waited
    /// through a removal.
    fn advance(&mut self, conversation: ConversationId) -> Vec<ServerFrame> {
        let Some(lane) = self.waiting.get_mut(&conversation) else { return Vec::new() };
        let Some(next) = lane.pop_front() else {
            self.waiting.remove(&conversation);
            return Vec::new();
        };
        if self.hub.standing(self.user, conversation) == Some(next.standing) {
            self.publish(next);
            return Vec::new();
        }
        lane.push_front(next);
        self.refuse_waiting(conversation, None, ErrorCode::Unavailable, REMOVED_MEANWHILE)
    }

    /// Refuses for now, behind `first` if that was refused as well, what waits in the lane.
    fn refuse_waiting(&mut self, conversation: ConversationId, first: Option<ClientId>, code: ErrorCode, why: &str) -> Vec<ServerFrame> {
        let waiting = self.waiting.remove(&conversation).unwrap_or_default();
        let refused: Vec<ClientId> = first.into_iter().chain(waiting.iter().map(|waiting| waiting.send.client_id.clone())).collect();
        if !refused.is_empty() {
            self.hold_back_all(conversation, refused, code);
        }
        self.unanswered = self.unanswered.saturating_sub(u32::try_from(waiting.len()).unwrap_or(u32::MAX));
        let code = of_those_behind(code);
        waiting.into_iter().map(|waiting| refusal(code, why.to_owned(), waiting.send.client_id)).collect()
    }
}

/// Conversations of one socket in which refused sends are remembered. Beyond, order is not kept for a client that is refused
/// everywhere: the ids in its frames may be inventions.
const MAX_HELD_CONVERSATIONS: usize = 256;
const BEFORE_IT: &str = "a send before it failed";
const REMOVED_MEANWHILE: &str = "you were removed from the conversation while it waited";
/// How long a client waits before it repeats a send that failed for a passing reason.
const RETRY_AFTER_MS: u64 = 500;

/// The code for sends that wait behind one with this code: nothing of them was stored, nor is anything wrong with them.
const fn of_those_behind(code: ErrorCode) -> ErrorCode {
    match code {
        ErrorCode::OutcomeUnknown | ErrorCode::ClientIdAhead | ErrorCode::Internal => ErrorCode::Unavailable,
        other => other,
    }
}

/// The refusal of one send.
pub(crate) fn refusal(code: ErrorCode, message: String, client_id: ClientId) -> ServerFrame {
    refusal_for(code, message, client_id, None)
}

/// The refusal of one send that is known to be in vain for some time.
fn refusal_for(code: ErrorCode, message: String, client_id: ClientId, wait: Option<Duration>) -> ServerFrame {
    metrics::counter!("relay_errors_total", "code" => code.as_str()).increment(1);
    let wait_ms = wait.map_or(RETRY_AFTER_MS, |wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    let retry_after_ms = code.retryable().then_some(wait_ms);
    ServerFrame::Error(ErrorFrame { client_id: Some(client_id), retry_after_ms, ..ErrorFrame::new(code, message) })
}

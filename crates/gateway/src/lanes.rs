//! The order of one socket's sends.
//!
//! Each conversation has a lane with one publish in flight: the next goes out once the log has answered, so a retry
//! never overtakes. Lanes of different conversations, and different sockets, are pipelined on one NATS connection.
//! When a publish ends without an answer, what waits behind it fails with it, and the client sends it all again in order.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use relay_posting::{PostError, Poster};
use relay_protocol::frame::{ErrorFrame, MessageAck};
use relay_protocol::{ErrorCode, SendMessage, ServerFrame};
use relay_runtime::trace::TraceContext;
use relay_types::{ClientId, ConversationId, ShardId, UserId};

type InFlight = BoxFuture<'static, (ConversationId, ClientId, Instant, Result<MessageAck, PostError>)>;

/// The sends of one socket that have not been answered.
pub(crate) struct Lanes {
    poster: Arc<Poster>,
    user: UserId,
    waiting: HashMap<ConversationId, VecDeque<(ShardId, SendMessage)>>,
    in_flight: FuturesUnordered<InFlight>,
    unanswered: u32,
}

impl Lanes {
    pub(crate) fn new(poster: Arc<Poster>, user: UserId) -> Self {
        Self { poster, user, waiting: HashMap::new(), in_flight: FuturesUnordered::new(), unanswered: 0 }
    }

    /// Sends that await their answer.
    pub(crate) const fn unanswered(&self) -> u32 {
        self.unanswered
    }

    /// Accepts a send that was found to be allowed.
    pub(crate) fn send(&mut self, shard: ShardId, send: SendMessage) {
        self.unanswered += 1;
        let conversation = send.conversation_id;
        if let Some(lane) = self.waiting.get_mut(&conversation) {
            lane.push_back((shard, send));
        } else {
            self.waiting.insert(conversation, VecDeque::new());
            self.publish(shard, send);
        }
    }

    fn publish(&self, shard: ShardId, send: SendMessage) {
        let (poster, user) = (Arc::clone(&self.poster), self.user);
        let (conversation, client_id, started) = (send.conversation_id, send.client_id.clone(), Instant::now());
        let trace = TraceContext::begin();
        self.in_flight.push(Box::pin(async move {
            let result = poster.post(user, shard, send, Some(&trace.to_string())).await;
            if let Err(error) = &result {
                tracing::info!(conversation.id = %conversation, user.id = %user, trace.id = trace.trace_id(), error = %error, "send not accepted");
            }
            (conversation, client_id, started, result)
        }));
    }

    /// Waits for the next answers; pending forever while nothing is in flight.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn answered(&mut self) -> Vec<ServerFrame> {
        let Some((conversation, client_id, started, result)) = self.in_flight.next().await else {
            return std::future::pending().await;
        };
        self.unanswered = self.unanswered.saturating_sub(1);
        match result {
            Ok(ack) => {
                metrics::histogram!("relay_ack_seconds").record(started.elapsed().as_secs_f64());
                self.advance(conversation);
                vec![ServerFrame::MessageAck(ack)]
            }
            Err(error) => {
                let code = error.code();
                let mut frames = vec![refusal(code, error.to_string(), client_id)];
                if code.retryable() {
                    let behind = self.waiting.remove(&conversation).unwrap_or_default();
                    self.unanswered = self.unanswered.saturating_sub(u32::try_from(behind.len()).unwrap_or(u32::MAX));
                    frames.extend(behind.into_iter().map(|(_, send)| refusal(code, "a send before it failed".to_owned(), send.client_id)));
                } else {
                    self.advance(conversation);
                }
                frames
            }
        }
    }

    fn advance(&mut self, conversation: ConversationId) {
        let Some(lane) = self.waiting.get_mut(&conversation) else { return };
        if let Some((shard, send)) = lane.pop_front() {
            self.publish(shard, send);
        } else {
            self.waiting.remove(&conversation);
        }
    }
}

/// How long a client waits before it repeats a send that failed for a passing reason.
const RETRY_AFTER_MS: u64 = 500;

/// The refusal of one send.
pub(crate) fn refusal(code: ErrorCode, message: String, client_id: ClientId) -> ServerFrame {
    metrics::counter!("relay_errors_total", "code" => code.as_str()).increment(1);
    let retry_after_ms = code.retryable().then_some(RETRY_AFTER_MS);
    ServerFrame::Error(ErrorFrame { client_id: Some(client_id), retry_after_ms, ..ErrorFrame::new(code, message) })
}

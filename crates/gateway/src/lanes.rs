//! The order of one socket's sends.
//!
//! Each conversation has a lane, which is an ordered send queue with one publish in flight: the next goes out once the log has
//! answered, so a retry never overtakes. What has gathered in a lane meanwhile may go out as one batch, which the log stores whole
//! and in order or not at all. Lanes of different conversations, and different sockets, are pipelined on one NATS connection.
//! When a send is refused for a passing reason, what waits behind it fails with it, and so does what was on its way
//! behind it: the client sends it all again, in order.
//!
//! A publish is answered once this gateway's own tail has passed the message: whoever was removed before it is told so.
//!
//! A socket whose process was paused publishes nothing any more: see [`PauseGuard`]. What waited while its sender was removed is not
//! published either, also if they are back.

mod rejection_barrier;
mod retry_order;

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use relay_domain::ports::{Apart, MembershipInterval, SendKey};
use relay_posting::{Accepted, PostError, Poster, Publication};
use relay_protocol::frame::ErrorFrame;
use relay_protocol::{ErrorCode, SEND_RETRY_AFTER, ServerFrame};
use relay_runtime::PauseDetector;
use relay_runtime::trace::TraceContext;
use relay_types::{ClientId, ConversationId, ShardId, UserId};

use crate::hub::Hub;
use rejection_barrier::RejectionBarrier;
use retry_order::RetryOrder;

type InFlight = BoxFuture<'static, (ConversationId, Outcome)>;

/// What became of one publish, or of several in one batch.
enum Outcome {
    /// An answer to each, in order.
    Answered(Vec<(ClientId, Instant, Result<Accepted, PostError>)>),
    /// They are to be published one by one; each says whether it may be stored already.
    Apart(Vec<Waiting>),
}

/// What a socket's sends rest on: that its process has run all the time since the socket opened. After a process pause its client
/// may have gone to another gateway, been refused there, been let in again and gone on writing; whatever of this socket
/// still waits, here or in the kernel, would be published late, out of order, and by an old view of who may post.
#[derive(Debug, Clone)]
pub(crate) struct PauseGuard {
    pauses: Arc<PauseDetector>,
    times: u64,
}

/// The process was paused since the socket opened.
#[derive(Debug)]
pub(crate) struct ProcessPaused;

impl PauseGuard {
    /// From now on.
    pub(crate) fn new(pauses: &Arc<PauseDetector>) -> Self {
        Self { pauses: Arc::clone(pauses), times: pauses.times() }
    }

    /// Whether the process was paused since.
    pub(crate) fn tripped(&self) -> bool {
        self.pauses.times() != self.times
    }
}

/// A send behind another one, and the membership by which its sender may post.
struct Waiting {
    membership: MembershipInterval,
    publication: Publication,
    arrived: Instant,
    batch: Batch,
}

/// What a batch did with a send that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Batch {
    /// It was in none.
    Not,
    /// It came out of one that stored nothing: it is published by itself.
    CameApart,
    /// It came out of one that may have stored it: it is published by itself, and nobody says that nothing is stored.
    MayBeStored,
}

/// The sends of one socket that have not been answered.
pub(crate) struct Lanes {
    poster: Arc<Poster>,
    hub: Arc<Hub>,
    user: UserId,
    pause_guard: PauseGuard,
    waiting: HashMap<ConversationId, VecDeque<Waiting>>,
    in_flight: FuturesUnordered<InFlight>,
    unanswered: u32,
    /// Conversations whose order waits for refused sends to come again.
    retry_orders: HashMap<ConversationId, RetryOrder>,
    rejections: RejectionBarrier,
}

impl Lanes {
    pub(crate) fn new(poster: Arc<Poster>, hub: Arc<Hub>, user: UserId, pause_guard: PauseGuard) -> Self {
        let (waiting, in_flight, retry_orders) = (HashMap::new(), FuturesUnordered::new(), HashMap::new());
        Self { poster, hub, user, pause_guard, waiting, in_flight, unanswered: 0, retry_orders, rejections: RejectionBarrier::default() }
    }

    /// Sends that await their answer.
    pub(crate) const fn unanswered(&self) -> u32 {
        self.unanswered
    }

    /// A send that was admitted is refused for a passing reason, and with it what is on its way behind it.
    pub(crate) fn expect_retry(&mut self, conversation: ConversationId, refused: ClientId, code: ErrorCode) {
        self.expect_retries(conversation, vec![refused], code);
    }

    fn expect_retries(&mut self, conversation: ConversationId, refused: Vec<ClientId>, code: ErrorCode) {
        if let Some(order) = self.retry_order_in(conversation, code) {
            order.refused_first(refused.into_iter(), Instant::now());
        }
    }

    /// A send is refused for a passing reason before anybody looked whether its turn has come.
    pub(crate) fn expect_retry_in_turn(&mut self, send: &Publication, code: ErrorCode) {
        if let Some(order) = self.retry_order_in(send.conversation, code) {
            order.refused_in_turn(&send.client_id, Instant::now());
        }
    }

    /// The retry order of the conversation, whose sends are told this code; `None` when the client has refused sends in too many
    /// others.
    fn retry_order_in(&mut self, conversation: ConversationId, code: ErrorCode) -> Option<&mut RetryOrder> {
        if self.retry_orders.len() >= MAX_RETRY_CONVERSATIONS && !self.retry_orders.contains_key(&conversation) {
            let now = Instant::now();
            self.retry_orders.retain(|_, order| !order.is_given_up(now));
            if self.retry_orders.len() >= MAX_RETRY_CONVERSATIONS {
                return None;
            }
        }
        Some(self.retry_orders.entry(conversation).or_insert_with(|| RetryOrder::new(of_those_behind(code))))
    }

    /// A send is refused for good: see [`rejection_barrier`].
    pub(crate) fn refused_for_good(&mut self, conversation: ConversationId) {
        self.rejections.begin(conversation, Instant::now());
    }

    /// Whether the send may have been sent without knowing that one before it was refused for good.
    pub(crate) fn is_barred(&self, send: &Publication) -> bool {
        self.rejections.bars(send.conversation, Instant::now())
    }

    /// The receipt that has to be asked for behind what is queued, if any.
    pub(crate) fn receipt_due(&mut self) -> Option<u64> {
        self.rejections.receipt_due()
    }

    /// The client has heard what was written before this receipt was asked for.
    pub(crate) fn heard(&mut self, receipt: u64) {
        self.rejections.heard(receipt);
    }

    /// Whether the send's turn has come; otherwise it is refused because one before it was, with this code.
    pub(crate) fn admit(&mut self, send: &Publication) -> Result<(), ErrorCode> {
        let (conversation, sender) = (send.conversation, self.user);
        let Some(order) = self.retry_orders.get_mut(&conversation) else { return Ok(()) };
        let stored = |client_id: &ClientId| self.poster.is_stored(&SendKey { conversation, sender, client_id: client_id.clone() });
        let admitted = order.admit(&send.client_id, stored, Instant::now());
        if order.is_empty() {
            self.retry_orders.remove(&conversation);
        }
        admitted
    }

    /// Accepts a send that was found to be allowed.
    pub(crate) fn send(&mut self, membership: MembershipInterval, publication: Publication) {
        self.unanswered += 1;
        let conversation = publication.conversation;
        let waiting = Waiting { membership, publication, arrived: Instant::now(), batch: Batch::Not };
        if let Some(lane) = self.waiting.get_mut(&conversation) {
            lane.push_back(waiting);
        } else {
            self.waiting.insert(conversation, VecDeque::new());
            self.publish(waiting);
        }
    }

    fn publish(&self, next: Waiting) {
        let Waiting { membership: MembershipInterval { shard, .. }, publication, arrived, .. } = next;
        let (poster, user) = (Arc::clone(&self.poster), self.user);
        let (conversation, client_id) = (publication.conversation, publication.client_id.clone());
        let trace = TraceContext::begin();
        self.in_flight.push(Box::pin(async move {
            let result = poster.post(user, shard, publication, Some(&trace.to_string())).await;
            relay_runtime::failpoint::hit("after_append");
            if let Err(error) = &result {
                tracing::info!(conversation.id = %conversation, user.id = %user, trace.id = trace.trace_id(), error = error as &(dyn std::error::Error + 'static), "send not accepted");
            }
            (conversation, Outcome::Answered(vec![(client_id, arrived, result)]))
        }));
    }

    /// Publishes several of one lane in one batch.
    fn publish_together(&self, conversation: ConversationId, shard: ShardId, run: Vec<Waiting>) {
        let (poster, user) = (Arc::clone(&self.poster), self.user);
        let trace = TraceContext::begin();
        self.in_flight.push(Box::pin(async move {
            let publications = run.iter().map(|waiting| waiting.publication.clone()).collect();
            let results = match poster.post_together(user, shard, publications, Some(&trace.to_string())).await {
                Ok(results) => results,
                Err(why) => {
                    let batch = if why == Apart::Unknown { Batch::MayBeStored } else { Batch::CameApart };
                    return (conversation, Outcome::Apart(run.into_iter().map(|waiting| Waiting { batch, ..waiting }).collect()));
                }
            };
            relay_runtime::failpoint::hit("after_append");
            if let Some(error) = results.iter().find_map(|result| result.as_ref().err()) {
                tracing::info!(conversation.id = %conversation, user.id = %user, trace.id = trace.trace_id(), error = error as &(dyn std::error::Error + 'static), "sends not accepted");
            }
            let answered = run.into_iter().zip(results).map(|(waiting, result)| (waiting.publication.client_id, waiting.arrived, result));
            (conversation, Outcome::Answered(answered.collect()))
        }));
    }

    /// Waits for the next answers; pending forever while nothing is in flight. An error ends the socket: nothing of it may be
    /// published any more.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn answered(&mut self) -> Result<Vec<ServerFrame>, ProcessPaused> {
        let Self { in_flight, pause_guard, .. } = self;
        if in_flight.is_empty() {
            return std::future::pending().await;
        }
        // Looked at before every step that a publish makes: a step may be the one that hands it to the log.
        let next =
            poll_fn(
                |context| if pause_guard.tripped() { Poll::Ready(Err(ProcessPaused)) } else { in_flight.poll_next_unpin(context).map(Ok) },
            );
        let Some((conversation, outcome)) = next.await? else {
            return std::future::pending().await;
        };
        let answered = match outcome {
            Outcome::Answered(answered) => answered,
            Outcome::Apart(run) => {
                let lane = self.waiting.entry(conversation).or_default();
                run.into_iter().rev().for_each(|waiting| lane.push_front(waiting));
                return Ok(self.advance(conversation));
            }
        };
        self.unanswered = self.unanswered.saturating_sub(u32::try_from(answered.len()).unwrap_or(u32::MAX));
        let mut frames = Vec::with_capacity(answered.len());
        // The first code, and those who come again, in order.
        let (mut refused, mut again) = (None, Vec::new());
        for (client_id, arrived, result) in answered {
            match result {
                Ok(accepted) => {
                    metrics::histogram!("relay_ack_duration_seconds").record(arrived.elapsed().as_secs_f64());
                    frames.push(ServerFrame::MessageAck(accepted.into()));
                }
                Err(error) => {
                    let code = error.code();
                    frames.push(refusal_for(code, error.to_string(), client_id.clone(), error.retry_after()));
                    refused.get_or_insert(code);
                    // A key of the future may be far ahead: nobody waits for it.
                    if code.retryable() && code != ErrorCode::ClientIdAhead {
                        again.push(client_id);
                    } else {
                        self.refused_for_good(conversation);
                    }
                }
            }
        }
        frames.extend(match refused {
            None => self.advance(conversation),
            // Those that wait were sent without knowing of it, and the client is here or it is not: they come again.
            Some(code) => {
                let passing = code.retryable() && code != ErrorCode::ClientIdAhead;
                self.refuse_waiting(conversation, again, if passing { code } else { ErrorCode::Unavailable }, BEFORE_IT)
            }
        });
        Ok(frames)
    }

    /// The next in the lane goes out, if its sender is in the conversation as they were when it was read: it may have waited
    /// through a removal.
    fn advance(&mut self, conversation: ConversationId) -> Vec<ServerFrame> {
        let Some(lane) = self.waiting.get_mut(&conversation) else { return Vec::new() };
        let Some(next) = lane.pop_front() else {
            self.waiting.remove(&conversation);
            return Vec::new();
        };
        let MembershipInterval { shard, .. } = next.membership;
        if self.hub.membership(self.user, conversation) != Some(next.membership) {
            lane.push_front(next);
            return self.refuse_waiting(conversation, Vec::new(), ErrorCode::Unavailable, REMOVED_MEANWHILE);
        }
        let joins = |waiting: &&Waiting| waiting.membership == next.membership && waiting.batch == Batch::Not;
        let alike = if next.batch == Batch::Not { lane.iter().take_while(joins).count() } else { 0 };
        lane.push_front(next);
        // Counted anew, a run that came apart would be taken together again, and come apart again.
        let together = match alike {
            0 => 1,
            _ => self.poster.gathers(self.user, shard, lane.iter().take(alike + 1).map(|waiting| &waiting.publication)),
        };
        let mut run: Vec<Waiting> = lane.drain(..together.max(1)).collect();
        if together > 1 {
            self.publish_together(conversation, shard, run);
        } else if let Some(next) = run.pop() {
            self.publish(next);
        }
        Vec::new()
    }

    /// Refuses for now, behind the `first` that were refused as well, what waits in the lane.
    fn refuse_waiting(&mut self, conversation: ConversationId, first: Vec<ClientId>, code: ErrorCode, why: &str) -> Vec<ServerFrame> {
        let waiting = self.waiting.remove(&conversation).unwrap_or_default();
        let refused: Vec<ClientId> = first.into_iter().chain(waiting.iter().map(|waiting| waiting.publication.client_id.clone())).collect();
        if !refused.is_empty() {
            self.expect_retries(conversation, refused, code);
        }
        self.unanswered = self.unanswered.saturating_sub(u32::try_from(waiting.len()).unwrap_or(u32::MAX));
        let behind = of_those_behind(code);
        let refused = waiting.into_iter().map(|waiting| {
            let code = if waiting.batch == Batch::MayBeStored { ErrorCode::OutcomeUnknown } else { behind };
            refusal(code, why.to_owned(), waiting.publication.client_id)
        });
        refused.collect()
    }
}

/// Conversations of one socket in which refused sends are remembered. Beyond, order is not kept for a client that is refused
/// everywhere: the ids in its frames may be inventions.
const MAX_RETRY_CONVERSATIONS: usize = 256;
const BEFORE_IT: &str = "a send before it failed";
const REMOVED_MEANWHILE: &str = "you were removed from the conversation while it waited";

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
    let error = ErrorFrame::new(code, message).retry_after(wait.unwrap_or(SEND_RETRY_AFTER));
    ServerFrame::Error(ErrorFrame { client_id: Some(client_id), ..error })
}

//! One socket, from its first frame to its close. One task each; everything it waits for is in one `select!`.

mod closing;
mod flood;
mod handshake;
mod pace;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use bytes::Bytes;
use futures::SinkExt as _;
use relay_domain::ports::{MembershipInterval, SendKey};
use relay_protocol::frame::ErrorFrame;
use relay_protocol::{CloseCode, Command, ErrorCode, RETRY_AFTER, SendMessage, ServerFrame, command};
use relay_runtime::http::Meter;
use relay_types::ShardId;

use tokio::time::Instant;

use crate::hub::{Socket, UserLimiter};
use crate::lanes::{Lanes, PauseGuard, ProcessPaused, refusal};
use crate::outbound::Closing;
use crate::state::Shared;
use crate::{drain, writer};

use closing::ended;
use flood::{Flood, Pace};
use pace::WritePace;

/// A send to a conversation that the tail does not know the user to be in waits this long for the tail to reach the
/// log's end: the conversation may have been created a moment ago.
const MEMBERSHIP_WAIT: Duration = Duration::from_secs(2);
/// Time for a closing socket to take what is left and the close frame.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// What is read until the peer's close frame.
const CLOSE_BYTES: u64 = 256 * 1024;
/// A slow reader gets longer to come to the close frame, which lies behind what it has not read.
const SLOW_CLOSE_LIMIT: Duration = Duration::from_secs(15);

/// Serves one socket until it closes.
pub(crate) async fn serve(shared: Arc<Shared>, mut ws: WebSocket, meter: Meter) {
    metrics::gauge!("relay_sockets").increment(1.0);
    let pause_guard = PauseGuard::new(&shared.pauses);
    let flood = Flood::new(shared.config.frames_per_s, meter.clone());
    let closing = match handshake::complete(&shared, &mut ws, &flood).await {
        Ok(session) => {
            let (socket, limiter, _slots) = (session.socket, session.limiter, session.slots);
            let mut live = Live::new(&shared, &mut ws, Arc::clone(&socket), limiter, pause_guard, flood);
            let closing = live.run().await;
            let delivered = shared.hub.detach(&socket);
            shared.checkpoints.hand_in(socket.user, delivered);
            closing
        }
        Err(closing) => closing,
    };
    if let Some(closing) = closing {
        metrics::counter!("relay_socket_closes_total", "code" => closing.code.as_str()).increment(1);
        // What it still sends is not read for long.
        meter.arm(CLOSE_BYTES, 0);
        close(&mut ws, closing).await;
    } else {
        metrics::counter!("relay_socket_closes_total", "code" => "gone").increment(1);
        answer_close(&mut ws).await;
    }
    metrics::gauge!("relay_sockets").decrement(1.0);
}

/// Sends the close frame and waits for the other side, within limits.
async fn close(ws: &mut WebSocket, closing: Closing) {
    let limit = if closing.code == CloseCode::SlowReader { SLOW_CLOSE_LIMIT } else { CLOSE_LIMIT };
    let finish = async {
        if ws.send(closing::close_frame(closing)).await.is_ok() {
            // The peer's close, or its end; what it still sends is not read any more.
            while let Some(Ok(message)) = ws.recv().await {
                if matches!(message, Message::Close(_)) {
                    break;
                }
            }
        }
    };
    if tokio::time::timeout(limit, finish).await.is_err() {
        tracing::debug!(code = closing.code.as_str(), "the peer did not take the close frame");
    }
}

/// Writes the answer to the peer's close frame, with the peer's own number, so that it sees a clean end and not 1006.
/// The answer lies in the socket's buffer since the frame was read. A peer that is gone makes this fail at once.
async fn answer_close(ws: &mut WebSocket) {
    if tokio::time::timeout(CLOSE_LIMIT, ws.flush()).await.is_err() {
        tracing::debug!("the peer did not take the answer to its close frame");
    }
}

/// A socket after its hello was answered.
struct Live<'a> {
    shared: &'a Shared,
    ws: &'a mut WebSocket,
    socket: Arc<Socket>,
    limiter: Arc<UserLimiter>,
    pause_guard: PauseGuard,
    flood: Flood,
    /// Made at the first send: most sockets only listen.
    lanes: Option<Box<Lanes>>,
    idle_deadline: Instant,
}

/// The log does not answer, or this gateway's tail has not passed what it holds.
struct Behind;

/// `None` as a closing: the peer is gone, there is nobody to say goodbye to.
type Ended = Option<Closing>;

impl<'a> Live<'a> {
    fn new(
        shared: &'a Shared,
        ws: &'a mut WebSocket,
        socket: Arc<Socket>,
        limiter: Arc<UserLimiter>,
        pause_guard: PauseGuard,
        flood: Flood,
    ) -> Self {
        Self { shared, ws, socket, limiter, pause_guard, flood, lanes: None, idle_deadline: Instant::now() + shared.config.idle_timeout() }
    }

    async fn run(&mut self) -> Ended {
        let shared = self.shared;
        let drain = shared.draining.cancelled();
        tokio::pin!(drain);
        // One timer that is seldom set anew: most frames come long before it.
        let idle = tokio::time::sleep_until(self.idle_deadline);
        tokio::pin!(idle);
        let mut pace = WritePace::new(Instant::now());
        let (mut leave_at, mut write_at) = (None, None);
        loop {
            if let Some(closing) = self.socket.outbound.closing() {
                // What was queued before the reason goes out first; a slow reader's queue was given up.
                let _ = tokio::time::timeout(CLOSE_LIMIT, self.write_queued()).await;
                return Some(closing);
            }
            // Fair: a busy conversation must not keep the client's own frames from being read.
            tokio::select! {
                () = self.socket.outbound.wake.notified(), if write_at.is_none() => {
                    let now = Instant::now();
                    let at = pace.next(now);
                    if at > now {
                        write_at = Some(at);
                    } else if let Err(end) = self.write_queued().await {
                        return end;
                    }
                }
                () = until(write_at) => {
                    write_at = None;
                    if let Err(end) = self.write_queued().await {
                        return end;
                    }
                }
                answered = answered(&mut self.lanes) => match answered {
                    Ok(frames) => self.queue(frames),
                    Err(ProcessPaused) => return ended(CloseCode::ProcessPaused),
                },
                () = &mut drain, if leave_at.is_none() => {
                    let spread = Duration::from_millis(self.shared.config.drain_spread_ms);
                    leave_at = Some(Instant::now() + drain::random_delay(spread));
                }
                () = until(leave_at) => return self.move_away().await,
                message = self.ws.recv() => match message {
                    Some(Ok(message)) => {
                        self.idle_deadline = Instant::now() + self.shared.config.idle_timeout();
                        if let Some(end) = self.on_message(message).await {
                            return end;
                        }
                    }
                    Some(Err(error)) => return self.flood.ended(closing::read_error(&error)),
                    None => return None,
                },
                () = &mut idle => {
                    if Instant::now() >= self.idle_deadline {
                        return ended(CloseCode::IdleTimeout);
                    }
                    idle.as_mut().reset(self.idle_deadline);
                }
            }
        }
    }

    /// Writes what is queued. A write that the peer does not take ends when the socket is to close, or when not one byte was
    /// taken for too long.
    async fn write_queued(&mut self) -> Result<(), Ended> {
        let frames = self.socket.outbound.take();
        if frames.is_empty() {
            return Ok(());
        }
        let ping = self.lanes.as_mut().and_then(|lanes| lanes.ping());
        let write = writer::write_all(self.ws, frames, ping);
        tokio::pin!(write);
        let mut more_queued = false;
        loop {
            tokio::select! {
                biased;
                written = &mut write => {
                    if more_queued {
                        self.socket.outbound.wake.notify_one();
                    }
                    return written.map_err(|()| self.flood.ended(None));
                }
                () = self.socket.outbound.wake.notified() => {
                    more_queued = true;
                    let Some(closing) = self.socket.outbound.closing() else { continue };
                    if closing.code != CloseCode::SlowReader {
                        let _ = tokio::time::timeout(CLOSE_LIMIT, &mut write).await;
                    }
                    return Err(Some(closing));
                }
            }
        }
    }

    fn queue(&self, frames: Vec<ServerFrame>) {
        for frame in frames {
            self.socket.outbound.push(Bytes::from(frame.encode()));
        }
    }

    fn refuse(&self, error: ErrorFrame) {
        metrics::counter!("relay_errors_total", "code" => error.code.known().map_or("unknown", ErrorCode::as_str)).increment(1);
        self.queue(vec![ServerFrame::Error(error)]);
    }

    /// `Some` ends the socket.
    async fn on_message(&mut self, message: Message) -> Option<Ended> {
        let pace = self.flood.frame(&message);
        if pace == Pace::Flooding {
            return Some(ended(CloseCode::Flooding));
        }
        let text = match message {
            Message::Text(text) => text,
            Message::Pong(payload) => {
                if let (Some(lanes), Ok(ping)) = (&mut self.lanes, payload.as_ref().try_into()) {
                    lanes.echoed(u64::from_be_bytes(ping));
                }
                return None;
            }
            Message::Ping(_) => return None,
            Message::Close(_) => return Some(None),
            Message::Binary(_) => {
                self.refuse(ErrorFrame::new(ErrorCode::MalformedFrame, "frames are text"));
                return Some(ended(CloseCode::ProtocolViolation));
            }
        };
        if pace == Pace::Over {
            // Named, so that the client knows which send did not happen and repeats it; what comes behind it does not overtake it.
            let client_id = match command::decode(&text) {
                Ok(Command::SendMessage(send)) => {
                    self.lanes().expect_retry_in_turn(&send, ErrorCode::RateLimited);
                    Some(send.client_id)
                }
                Ok(Command::Hello(_) | Command::Ping(_)) => None,
                Err(error) => error.client_id,
            };
            let error = ErrorFrame::new(ErrorCode::RateLimited, "too many frames on this socket").retry_after(RETRY_AFTER);
            self.refuse(ErrorFrame { client_id, ..error });
            return None;
        }
        match command::decode(&text) {
            Ok(Command::SendMessage(_)) if self.pause_guard.tripped() => return Some(ended(CloseCode::ProcessPaused)),
            Ok(Command::SendMessage(send)) => self.on_send(send).await,
            Ok(Command::Ping(ping)) => {
                if let Some(position) = ping.position {
                    self.shared.hub.acked(self.socket.user, &position);
                }
                self.shared.hub.pong(&self.socket, self.shared.server_time_ms());
            }
            Ok(Command::Hello(_)) => {
                self.refuse(ErrorFrame::new(ErrorCode::HelloTwice, "hello was already answered on this socket"));
            }
            Err(error) => self.refuse(ErrorFrame { client_id: error.client_id, ..ErrorFrame::new(error.code, error.reason) }),
        }
        None
    }

    async fn on_send(&mut self, send: SendMessage) {
        if let Err(code) = self.lanes().admit(&send) {
            return self.queue(vec![refusal(
                code,
                "a send before it was refused; send it again after that one".to_owned(),
                send.client_id,
            )]);
        }
        let unanswered = self.lanes().unanswered();
        if unanswered >= self.shared.config.max_in_flight {
            let message = format!("{unanswered} sends await their ack");
            return self.refuse_send(send, ErrorCode::TooManyInFlight, message, None);
        }
        if let Err(not_until) = self.limiter.check() {
            let wait = not_until.wait_time_from(governor::clock::Clock::now(&governor::clock::DefaultClock::default()));
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(1_000).max(1);
            return self.refuse_send(send, ErrorCode::RateLimited, "too many messages".to_owned(), Some(wait_ms));
        }
        match self.authorise(&send).await {
            Ok(Some(_)) if self.lanes().is_barred(&send) => {
                let message = "a send before it was refused for good; send it again once you know".to_owned();
                self.refuse_send(send, ErrorCode::Unavailable, message, None);
            }
            Ok(Some(membership)) => self.lanes().send(membership, send.into()),
            Ok(None) => {
                // A retry of what was stored while they were in gets the answer it would have had.
                let (conversation, sender) = (send.conversation_id, self.socket.user);
                let key = SendKey { conversation, sender, client_id: send.client_id.clone() };
                if let Some(accepted) = self.shared.poster.original(key) {
                    return self.queue(vec![ServerFrame::MessageAck(accepted.into())]);
                }
                self.lanes().refused_for_good(send.conversation_id);
                let message = "there is no such conversation, or you are not in it".to_owned();
                self.queue(vec![refusal(ErrorCode::NotMember, message, send.client_id)]);
            }
            Err(Behind) => {
                let message = "whether you are in this conversation cannot be told here now".to_owned();
                self.refuse_send(send, ErrorCode::Unavailable, message, None);
            }
        }
    }

    /// Most sockets only listen, so the lanes are made at the first send.
    fn lanes(&mut self) -> &mut Lanes {
        let Shared { poster, hub, .. } = self.shared;
        let (user, pause_guard) = (self.socket.user, &self.pause_guard);
        self.lanes.get_or_insert_with(|| Box::new(Lanes::new(Arc::clone(poster), Arc::clone(hub), user, pause_guard.clone())))
    }

    /// Refuses a send for a passing reason.
    fn refuse_send(&mut self, send: SendMessage, code: ErrorCode, message: String, wait_ms: Option<u64>) {
        self.lanes().expect_retry(send.conversation_id, send.client_id.clone(), code);
        let mut frame = refusal(code, message, send.client_id);
        if let (ServerFrame::Error(error), Some(wait_ms)) = (&mut frame, wait_ms) {
            error.retry_after_ms = Some(wait_ms);
        }
        self.queue(vec![frame]);
    }

    /// As what the user may post to the conversation, if they may. "No" is said only by a gateway that is up to date.
    async fn authorise(&mut self, send: &SendMessage) -> Result<Option<MembershipInterval>, Behind> {
        let (user, conversation) = (self.socket.user, send.conversation_id);
        if let Some(membership) = self.shared.hub.membership(user, conversation) {
            // Published by an old view, it could neither be answered nor be sure to count.
            return if self.shared.hub.in_sight(membership.shard) { Ok(Some(membership)) } else { Err(Behind) };
        }
        // Whoever was told over REST that they are in has their event in the log; this gateway may be a moment behind it.
        let shards = self.shared.hub.heads().into_keys();
        let up_to_date = futures::future::join_all(shards.map(|shard| is_up_to_date(self.shared, shard))).await;
        if !up_to_date.into_iter().all(|is| is) {
            return Err(Behind);
        }
        Ok(self.shared.hub.membership(user, conversation))
    }

    /// The gateway is going away: after the answers that are due, the client is told to reconnect.
    async fn move_away(&mut self) -> Ended {
        let answer_limit = Instant::now() + drain::ANSWER_LIMIT;
        while self.lanes.as_ref().is_some_and(|lanes| lanes.unanswered() > 0) {
            match tokio::time::timeout_at(answer_limit, answered(&mut self.lanes)).await {
                Ok(Ok(frames)) => self.queue(frames),
                Ok(Err(ProcessPaused)) => return ended(CloseCode::ProcessPaused),
                Err(_late) => break,
            }
        }
        let retry_after_ms = u64::try_from(drain::random_delay(Duration::from_millis(250)).as_millis()).unwrap_or(0);
        self.queue(vec![drain::announcement(retry_after_ms)]);
        let _ = tokio::time::timeout(CLOSE_LIMIT, self.write_queued()).await;
        Some(Closing { code: CloseCode::Draining, retry_after_ms: Some(retry_after_ms) })
    }
}

/// Whether the tail comes to where the log ends now.
async fn is_up_to_date(shared: &Shared, shard: ShardId) -> bool {
    let Ok(Ok(last)) = tokio::time::timeout(MEMBERSHIP_WAIT, shared.fresh_heads.last(shard)).await else { return false };
    shared.hub.reached(shard, last, MEMBERSHIP_WAIT).await
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// The next answers to sends; pending while there are none.
async fn answered(lanes: &mut Option<Box<Lanes>>) -> Result<Vec<ServerFrame>, ProcessPaused> {
    match lanes {
        Some(lanes) => lanes.answered().await,
        None => std::future::pending().await,
    }
}

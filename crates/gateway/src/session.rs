//! One client's session, from its first frame to its close. One task each; everything it waits for is in one `select!`.
//!
//! It speaks through a [`Transport`] and knows none. What an idle session holds is counted in bytes: its one timer serves
//! everything that has its time, and what is seldom done (catching up, asking whether somebody may post, going away) has
//! its state on the heap only meanwhile.

mod flood;
mod handshake;
mod pace;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use relay_domain::ports::MembershipInterval;
use relay_posting::Publication;
use relay_protocol::frame::ErrorFrame;
use relay_protocol::{CloseCode, Command, ErrorCode, Ping, RETRY_AFTER, ReceivedUpto, SayPresence, ServerFrame, TypingState, command};
use relay_types::{ConversationId, UserId};

use tokio::time::Instant;

use crate::authority::{Behind, authorise, known_membership};
use crate::drain;
use crate::hub::{Socket, UserLimiter};
use crate::lanes::{Lanes, PauseGuard, ProcessPaused, refusal};
use crate::metrics::Dropped;
use crate::outbound::Closing;
use crate::presence::Seat;
use crate::state::Shared;
use crate::streams;
use crate::transport::{Ended, Incoming, Transport, Writing, ended, write};

use flood::{Flood, Pace};
use handshake::{Handshake, Slots};
use pace::WritePace;

/// Time for a closing socket to take what is left.
const LAST_WRITE_LIMIT: Duration = Duration::from_secs(5);

/// Serves one client until its transport closes.
pub(crate) async fn serve<T: Transport>(shared: &Shared, transport: &mut T) {
    metrics::gauge!("relay_sockets").increment(1.0);
    metrics::gauge!("relay_sockets_by_transport", "transport" => T::NAME).increment(1.0);
    // Used where it lies: what is moved out of a result keeps its room twice.
    let mut begun = Box::pin(Live::begin(shared, transport)).await;
    let ended = match &mut begun {
        Ok(live) => live.live_through().await,
        Err(ended) => *ended,
    };
    drop(begun);
    let code = ended.map_or("gone", |closing| closing.code.as_str());
    metrics::counter!("relay_socket_closes_total", "code" => code).increment(1);
    Box::pin(transport.close(ended)).await;
    metrics::gauge!("relay_sockets_by_transport", "transport" => T::NAME).decrement(1.0);
    metrics::gauge!("relay_sockets").decrement(1.0);
}

/// A session after its hello was answered.
struct Live<'a, T> {
    shared: &'a Shared,
    transport: &'a mut T,
    socket: Arc<Socket>,
    limiter: Arc<UserLimiter>,
    pause_guard: PauseGuard,
    flood: Flood,
    /// Made at the first send: most sockets only listen.
    lanes: Option<Box<Lanes>>,
    /// Of those who speak of presence.
    seat: Option<Box<Seat>>,
    idle_deadline: Instant,
    _slots: Slots,
    /// Given up behind the slots, which others wait for.
    _entry: Option<streams::Entry>,
}

impl<'a, T: Transport> Live<'a, T> {
    /// Brings the client to live.
    async fn begin(shared: &'a Shared, transport: &'a mut T) -> Result<Self, Ended> {
        let pause_guard = PauseGuard::new(&shared.pauses);
        let flood = Flood::new(shared.config.frames_per_s);
        let Handshake { socket, limiter, slots } = handshake::complete(shared, transport, &flood).await?;
        let idle_deadline = Instant::now() + shared.config.idle_timeout();
        let is_stream = !T::BRINGS_COMMANDS;
        // Before the client hears that it is live: it speaks at once, to any gateway.
        let seat = is_stream.then(|| Box::new(shared.presence.enter_stream(&socket)));
        let entry = is_stream.then(|| shared.streams.enter(&socket));
        Ok(Self { shared, transport, socket, limiter, pause_guard, flood, lanes: None, seat, idle_deadline, _slots: slots, _entry: entry })
    }

    /// Until the session ends; says how.
    async fn live_through(&mut self) -> Ended {
        let here = self.shared.live_people.enter(self.socket.user);
        let ended = self.run().await;
        drop(here);
        let delivered = self.shared.hub.detach(&self.socket);
        self.shared.checkpoints.hand_in(self.socket.user, delivered);
        ended
    }

    async fn run(&mut self) -> Ended {
        // One timer, which is seldom set anew: most frames come long before it.
        let timer = tokio::time::sleep_until(self.idle_deadline);
        tokio::pin!(timer);
        let mut pace = WritePace::new(Instant::now());
        let (mut leave_at, mut write_at) = (None, None);
        loop {
            if let Some(closing) = self.socket.outbound.closing() {
                // What was queued before the reason goes out first; a slow reader's queue was given up.
                let _ = Box::pin(tokio::time::timeout(LAST_WRITE_LIMIT, self.write_queued())).await;
                return Some(closing);
            }
            if leave_at.is_none() && self.shared.health.is_draining() {
                let spread = Duration::from_millis(self.shared.config.drain_spread_ms);
                leave_at = Some(Instant::now() + drain::random_delay(spread));
            }
            for due in [write_at, leave_at].into_iter().flatten() {
                if due < timer.deadline() {
                    timer.as_mut().reset(due);
                }
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
                answered = answered(&mut self.lanes) => match answered {
                    Ok(frames) => self.queue(frames),
                    Err(ProcessPaused) => return ended(CloseCode::ProcessPaused),
                },
                received = self.transport.receive() => match received {
                    Ok(incoming) => {
                        self.idle_deadline = Instant::now() + self.shared.config.idle_timeout();
                        match self.on_incoming(incoming) {
                            Next::Go => {}
                            Next::Ask(send) => Box::pin(self.ask_and_send(send)).await,
                            Next::End(end) => return end,
                        }
                    }
                    Err(end) => return end,
                },
                () = &mut timer => {
                    let now = Instant::now();
                    if write_at.is_some_and(|at| at <= now) {
                        write_at = None;
                        if let Err(end) = self.write_queued().await {
                            return end;
                        }
                    }
                    if leave_at.is_some_and(|at| at <= now) {
                        return Box::pin(self.move_away()).await;
                    }
                    if now >= self.idle_deadline {
                        return ended(CloseCode::IdleTimeout);
                    }
                    timer.as_mut().reset(self.idle_deadline);
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
        let receipt = self.lanes.as_mut().and_then(|lanes| lanes.receipt_due());
        let mut writing = Writing { frames, receipt };
        let mut more_queued = false;
        loop {
            tokio::select! {
                biased;
                written = write(&mut *self.transport, &mut writing) => {
                    if more_queued {
                        self.socket.outbound.wake.notify_one();
                    }
                    return written;
                }
                () = self.socket.outbound.wake.notified() => {
                    more_queued = true;
                    let Some(closing) = self.socket.outbound.closing() else { continue };
                    if closing.code != CloseCode::SlowReader {
                        let rest = write(&mut *self.transport, &mut writing);
                        let _ = Box::pin(tokio::time::timeout(LAST_WRITE_LIMIT, rest)).await;
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

    /// Takes what came. Nothing is waited for here.
    fn on_incoming(&mut self, incoming: Incoming<T::Text>) -> Next {
        if matches!(incoming, Incoming::Unplaced) {
            self.shared.hub.tell_position(&self.socket);
            return Next::Go;
        }
        let pace = self.flood.frame();
        if pace == Pace::Flooding {
            return Next::End(ended(CloseCode::Flooding));
        }
        let text = match incoming {
            Incoming::Command(text) => text,
            Incoming::Receipt(receipt) => {
                if let Some(lanes) = &mut self.lanes {
                    lanes.heard(receipt);
                }
                return Next::Go;
            }
            Incoming::SignOfLife | Incoming::Unplaced => return Next::Go,
            Incoming::Goodbye => return Next::End(None),
            Incoming::Unfit(why) => {
                self.refuse(ErrorFrame::new(ErrorCode::MalformedFrame, why));
                return Next::End(ended(CloseCode::ProtocolViolation));
            }
        };
        let decoded = command::decode(text.as_ref()).map(Wish::of);
        if pace == Pace::Over {
            // Named, so that the client knows which send did not happen and repeats it; what comes behind it does not overtake it.
            let client_id = match decoded {
                Ok(Wish::Publish(send)) => {
                    self.lanes().expect_retry_in_turn(&send, ErrorCode::RateLimited);
                    Some(send.client_id)
                }
                // Nobody waits for an answer.
                Ok(Wish::Typing(..) | Wish::Received(_) | Wish::Presence(_) | Wish::Watch(_)) => {
                    Dropped::RateLimited.count(1);
                    return Next::Go;
                }
                Ok(Wish::Hello | Wish::Ping(_)) => None,
                Err(error) => error.client_id,
            };
            let error = ErrorFrame::new(ErrorCode::RateLimited, "too many frames on this socket").retry_after(RETRY_AFTER);
            self.refuse(ErrorFrame { client_id, ..error });
            return Next::Go;
        }
        match decoded {
            Ok(Wish::Publish(_)) if self.pause_guard.tripped() => return Next::End(ended(CloseCode::ProcessPaused)),
            Ok(Wish::Publish(send)) => return self.on_send(send),
            Ok(Wish::Ping(ping)) => {
                if let Some(position) = ping.position {
                    self.shared.hub.acked(self.socket.user, &position);
                }
                self.shared.hub.pong(&self.socket, self.shared.server_time_ms());
            }
            Ok(Wish::Typing(conversation, state)) => self.typing(conversation, state),
            Ok(Wish::Received(upto)) => self.received(&upto),
            Ok(Wish::Presence(say)) => self.seat().say(&say),
            Ok(Wish::Watch(users)) => self.seat().watch(&users),
            Ok(Wish::Hello) => {
                self.refuse(ErrorFrame::new(ErrorCode::HelloTwice, "hello was already answered on this socket"));
            }
            Err(error) => self.refuse(ErrorFrame { client_id: error.client_id, ..ErrorFrame::new(error.code, error.reason) }),
        }
        Next::Go
    }

    fn seat(&mut self) -> &Seat {
        let (shared, socket) = (self.shared, &self.socket);
        self.seat.get_or_insert_with(|| Box::new(shared.presence.enter(socket)))
    }

    fn received(&self, upto: &[ReceivedUpto]) {
        let Shared { deliveries, hub, .. } = self.shared;
        deliveries.give(hub.received(self.socket.user, upto), self.socket.session, self.shared.server_time_ms());
    }

    fn typing(&self, conversation: ConversationId, state: TypingState) {
        let Shared { ephemeral, hub, .. } = self.shared;
        ephemeral.typing(hub, self.shared.server_time_ms(), self.socket.user, conversation, state);
    }

    /// Queues the send, refuses it, or says that more has to be known first.
    fn on_send(&mut self, send: Publication) -> Next {
        if let Err(code) = self.lanes().admit(&send) {
            self.queue(vec![refusal(code, "a send before it was refused; send it again after that one".to_owned(), send.client_id)]);
            return Next::Go;
        }
        let unanswered = self.lanes().unanswered();
        if unanswered >= self.shared.config.max_in_flight {
            let message = format!("{unanswered} sends await their ack");
            self.refuse_send(send, ErrorCode::TooManyInFlight, message, None);
            return Next::Go;
        }
        if let Err(not_until) = self.limiter.check() {
            let wait = not_until.wait_time_from(governor::clock::Clock::now(&governor::clock::DefaultClock::default()));
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(1_000).max(1);
            self.refuse_send(send, ErrorCode::RateLimited, "too many messages".to_owned(), Some(wait_ms));
            return Next::Go;
        }
        match known_membership(self.shared, self.socket.user, send.conversation) {
            Some(known) => self.send(send, known.map(Some)),
            None => return Next::Ask(send),
        }
        Next::Go
    }

    /// Sends what its sender is not known here to be allowed to, once this gateway knows as much as the log.
    async fn ask_and_send(&mut self, send: Publication) {
        let authorised = authorise(self.shared, self.socket.user, send.conversation).await;
        self.send(send, authorised);
    }

    fn send(&mut self, send: Publication, authorised: Result<Option<MembershipInterval>, Behind>) {
        match authorised {
            Ok(Some(_)) if self.lanes().is_barred(&send) => {
                let message = "a send before it was refused for good; send it again once you know".to_owned();
                self.refuse_send(send, ErrorCode::Unavailable, message, None);
            }
            Ok(Some(membership)) => self.lanes().send(membership, send),
            Ok(None) => {
                // A retry of what was stored while they were in gets the answer it would have had.
                if let Some(accepted) = self.shared.poster.original(send.key(self.socket.user)) {
                    return self.queue(vec![ServerFrame::MessageAck(accepted.into())]);
                }
                self.lanes().refused_for_good(send.conversation);
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
    fn refuse_send(&mut self, send: Publication, code: ErrorCode, message: String, wait_ms: Option<u64>) {
        self.lanes().expect_retry(send.conversation, send.client_id.clone(), code);
        let mut frame = refusal(code, message, send.client_id);
        if let (ServerFrame::Error(error), Some(wait_ms)) = (&mut frame, wait_ms) {
            error.retry_after_ms = Some(wait_ms);
        }
        self.queue(vec![frame]);
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
        let _ = tokio::time::timeout(LAST_WRITE_LIMIT, self.write_queued()).await;
        Some(Closing { code: CloseCode::Draining, retry_after_ms: Some(retry_after_ms) })
    }
}

/// What a client wants.
pub(crate) enum Wish {
    Hello,
    /// Something in a conversation's log.
    Publish(Publication),
    Ping(Ping),
    Typing(ConversationId, TypingState),
    Received(Vec<ReceivedUpto>),
    Presence(SayPresence),
    Watch(Vec<UserId>),
}

impl Wish {
    pub(crate) fn of(command: Command) -> Self {
        match command {
            Command::Hello(_) => Self::Hello,
            Command::SendMessage(send) => Self::Publish(send.into()),
            Command::EditMessage(edit) => Self::Publish(edit.into()),
            Command::DeleteMessage(delete) => Self::Publish(delete.into()),
            Command::React(react) => Self::Publish(react.into()),
            Command::PinMessage(pin) => Self::Publish(pin.into()),
            Command::Ping(ping) => Self::Ping(ping),
            Command::Received(upto) => Self::Received(upto),
            Command::Presence(say) => Self::Presence(say),
            Command::WatchPresence(users) => Self::Watch(users),
            Command::TypingStart(conversation) => Self::Typing(conversation, TypingState::Typing),
            Command::TypingStop(conversation) => Self::Typing(conversation, TypingState::Stopped),
        }
    }
}

/// What comes of a frame.
enum Next {
    /// Nothing to wait for.
    Go,
    /// Whether its sender may post is not known here yet.
    Ask(Publication),
    /// The session ends.
    End(Ended),
}

/// The next answers to sends; pending while there are none.
async fn answered(lanes: &mut Option<Box<Lanes>>) -> Result<Vec<ServerFrame>, ProcessPaused> {
    match lanes {
        Some(lanes) => lanes.answered().await,
        None => std::future::pending().await,
    }
}

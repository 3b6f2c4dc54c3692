//! The life of one socket, from welcome to its end.

use std::collections::HashSet;
use std::pin::pin;
use std::time::Duration;

use relay_protocol::Message;
use relay_protocol::command::encode;
use relay_protocol::frame::{ErrorFrame, MessageAck, Place, ServerFrame, Welcome};
use relay_protocol::log::Published;
use relay_protocol::{ErrorCode, LogEvent, Position};
use relay_types::{ClientId, ConversationId, Seq, UserId};
use tokio::time::Instant;

use super::engine::{Command, Engine, SessionEnd};
use super::event::{Event, State};
use super::link::Link;
use super::received::ReceivedTeller;
use crate::backoff::Backoff;
use crate::tracker::Verdict;
use crate::ws::Incoming;

/// Frames handed to the socket at a time. What waits behind them waits in the outbox.
const MAX_QUEUED_FRAMES: usize = 64;
/// How long after a refusal "for now" without a delay everything that waits is sent again.
const RETRY_BASE: Duration = Duration::from_millis(200);
const RETRY_CAP: Duration = Duration::from_secs(5);
/// How often the program's progress is looked at while a position waits for it.
const PROGRESS_POLL: Duration = Duration::from_millis(100);
/// A send without an answer for this long, on a socket that is otherwise alive, is sent again on another one. Longer than
/// the server tries.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// For the last ping's answer, and again for the close.
const GOODBYE: Duration = Duration::from_secs(1);

/// What only matters while this socket lives.
struct Session {
    connection: Link,
    me: UserId,
    max_in_flight: usize,
    /// Sends of this socket that the server has not answered. Seeing one's message in the log settles it for the program,
    /// but the server counts it until its ack is on the way.
    unanswered: HashSet<ClientId>,
    ping_every: Duration,
    /// New events since the welcome.
    events: u64,
    caught_up: bool,
    last_written: Instant,
    last_heard: Instant,
    /// When the ping without an answer was sent.
    ping_sent: Option<Instant>,
    /// When a position is asked for or reported.
    report_at: Option<Instant>,
    /// When the program's progress is looked at, while a position waits for it.
    look_at: Option<Instant>,
    /// When the last send was answered, or the first one went out.
    answered: Instant,
    /// When sending goes on after a refusal.
    paused_until: Option<Instant>,
    retry: Backoff,
    received: ReceivedTeller,
    /// The last error frame that concerned the socket.
    error: Option<ErrorFrame>,
}

impl Engine {
    pub(super) async fn session(&mut self, connection: Link, welcome: &Welcome) -> SessionEnd {
        let now = Instant::now();
        let mut session = Session {
            connection,
            me: welcome.user_id,
            max_in_flight: usize::try_from(welcome.max_in_flight).unwrap_or(usize::MAX).max(1),
            unanswered: HashSet::new(),
            // A third: two pings may be late before the server gives up.
            ping_every: self.config.ping_interval.min(Duration::from_millis(welcome.idle_timeout_ms / 3).max(Duration::from_millis(50))),
            events: 0,
            caught_up: false,
            last_written: now,
            last_heard: now,
            ping_sent: None,
            report_at: None,
            look_at: None,
            answered: now,
            paused_until: None,
            retry: Backoff::new(RETRY_BASE, RETRY_CAP),
            received: std::mem::take(&mut self.received),
            error: None,
        };
        let end = self.serve(&mut session).await;
        self.received = std::mem::take(&mut session.received).over(Instant::now());
        end
    }

    async fn serve(&mut self, session: &mut Session) -> SessionEnd {
        let now = Instant::now();
        self.outbox.retry_all();
        self.set_state(State::CatchingUp);
        let mut timer = pin!(tokio::time::sleep_until(now));
        loop {
            self.fill(session);
            let deadline = self.next_deadline(session);
            if timer.deadline() != deadline {
                timer.as_mut().reset(deadline);
            }
            tokio::select! {
                incoming = session.connection.drive(self.undelivered.is_empty()) => {
                    if let Some(end) = self.on_incoming(session, incoming).await {
                        return end;
                    }
                }
                () = self.events.room(), if !self.undelivered.is_empty() => self.deliver_waiting(),
                command = self.commands.recv() => match command {
                    Some(Command::Send(send, waiter)) => {
                        self.typing.said(send.conversation_id);
                        self.accept(send, waiter);
                    }
                    Some(Command::Typing(conversation, typing)) => self.tell_typing(session, conversation, typing),
                    Some(Command::Present(say)) => self.presence.say(say, Instant::now()),
                    Some(Command::Watch(people)) => self.presence.watch(people, Instant::now()),
                    Some(Command::Close(done)) => {
                        self.say_goodbye(session).await;
                        return SessionEnd::Closed(Some(done));
                    }
                    None => return SessionEnd::Closed(None),
                },
                () = timer.as_mut() => {
                    if let Some(end) = self.on_timer(session).await {
                        return end;
                    }
                }
            }
        }
    }

    /// Hands the socket as many waiting messages as may be in flight, in order.
    fn fill(&mut self, session: &mut Session) {
        if session.paused_until.is_some() {
            return;
        }
        while session.unanswered.len() < session.max_in_flight && session.connection.queued() < MAX_QUEUED_FRAMES {
            let Some(send) = self.outbox.take_next() else { return };
            if session.unanswered.is_empty() {
                session.answered = Instant::now();
            }
            session.unanswered.insert(send.client_id.clone());
            session.connection.queue_text(send.frame());
            session.last_written = Instant::now();
        }
    }

    /// When there is something to do that neither the socket nor the program causes.
    fn next_deadline(&self, session: &Session) -> Instant {
        let ping = match session.ping_sent {
            // Nothing can be heard while the program leaves us no room to read.
            Some(sent) if self.undelivered.is_empty() => sent.max(session.last_heard) + self.config.pong_timeout,
            Some(_) => Instant::now() + self.config.pong_timeout,
            None => {
                let due = session.last_written + session.ping_every;
                session.report_at.map_or(due, |at| at.min(due))
            }
        };
        let unanswered = (!session.unanswered.is_empty() && self.undelivered.is_empty()).then(|| session.answered + ANSWER_LIMIT);
        [session.look_at, session.paused_until, unanswered, self.typing.next_end(), session.received.due(), self.presence.due()]
            .into_iter()
            .flatten()
            .fold(ping, Instant::min)
    }

    async fn on_timer(&mut self, session: &mut Session) -> Option<SessionEnd> {
        let now = Instant::now();
        if session.paused_until.is_some_and(|until| until <= now) {
            session.paused_until = None;
        }
        if session.look_at.is_some_and(|at| at <= now) {
            self.keep_progress(session).await;
        }
        if session.received.due().is_some_and(|at| at <= now) {
            session.tell_received(now);
        }
        for frame in self.presence.take(now) {
            session.connection.queue_text(frame);
            session.last_written = now;
        }
        let ended = self.typing.expire(now);
        self.deliver_typing(ended);
        if !session.unanswered.is_empty() && self.undelivered.is_empty() && session.answered + ANSWER_LIMIT <= now {
            tracing::debug!("the gateway does not answer a send: leaving the socket");
            return Some(SessionEnd::Left);
        }
        match session.ping_sent {
            Some(sent) => {
                let silent = sent.max(session.last_heard) + self.config.pong_timeout <= now;
                if silent && self.undelivered.is_empty() {
                    tracing::debug!("the gateway does not answer: leaving the socket");
                    return Some(SessionEnd::Left);
                }
            }
            None => {
                if session.report_at.is_some_and(|at| at <= now) || session.last_written + session.ping_every <= now {
                    self.ping(session);
                }
            }
        }
        None
    }

    fn ping(&mut self, session: &mut Session) {
        let now = Instant::now();
        session.connection.queue_text(encode::ping(self.progress.report()));
        session.ping_sent = Some(now);
        session.last_written = now;
        session.report_at = None;
    }

    /// Stores what may be stored, and sees to it that it is reported.
    async fn keep_progress(&mut self, session: &mut Session) {
        self.store_position().await;
        session.look_at = self.progress.is_waiting().then(|| Instant::now() + PROGRESS_POLL);
        if session.report_at.is_none() && session.caught_up && self.progress.wants_ping() {
            session.report_at = Some(Instant::now() + self.config.report_interval);
        }
    }

    async fn on_incoming(&mut self, session: &mut Session, incoming: Incoming) -> Option<SessionEnd> {
        session.last_heard = Instant::now();
        let frame = match incoming {
            Incoming::Closed(close) => return Some(SessionEnd::Lost { close, error: session.error.take() }),
            // What is no frame at all is passed over.
            incoming @ Incoming::Text(_) => incoming.decode()?,
        };
        match self.tracker.judge(&frame, session.me) {
            Verdict::New => {}
            Verdict::Duplicate => {
                self.stats.duplicates.add_one();
                return None;
            }
            Verdict::Gap { last } => {
                self.stats.gaps.add_one();
                if let Some(Place { chain, seq, .. }) = frame.place() {
                    self.deliver(Event::Gap { chain, last, seq });
                }
                return Some(SessionEnd::Left);
            }
        }
        match frame {
            ServerFrame::MessageAck(ack) => {
                session.retry.reset();
                session.was_answered(&ack.client_id);
                self.acknowledged(ack).await;
            }
            ServerFrame::Event(frame) => {
                if let Some(published) = frame.event.published().filter(|published| published.actor_id == session.me) {
                    // Seeing it in the log is as good as its ack.
                    self.acknowledged(ack_of(published, frame.seq)).await;
                }
                if let LogEvent::MessageSent(sent) = frame.event {
                    let message = Message::of(sent, frame.seq, frame.prev);
                    let ended = self.typing.ended(message.conversation_id, message.sender_id);
                    self.deliver_typing(ended);
                    if message.sender_id != session.me {
                        session.received.message(message.conversation_id, message.seq, Instant::now());
                    }
                    self.on_event(session, Event::Message(message));
                } else {
                    if let Some(conversation) = frame.event.conversation() {
                        self.left(session, conversation, &frame.event.leaving());
                    }
                    self.on_event(session, Event::Happened(frame));
                }
            }
            ServerFrame::UserTyping(frame) => {
                let change = self.typing.heard(&frame, session.me, Instant::now());
                self.deliver_typing(change);
            }
            ServerFrame::Receipts(receipts) => self.deliver(Event::Receipts(receipts)),
            ServerFrame::UserPresence(presence) => self.deliver(Event::Presence(presence.people)),
            ServerFrame::Progress { position } => self.on_position(session, &position).await,
            ServerFrame::CaughtUp { position } => {
                self.deliver(Event::CaughtUp { events: session.events });
                session.caught_up = true;
                session.received.live(Instant::now());
                self.presence.live(Instant::now());
                self.set_state(State::Live);
                self.on_position(session, &position).await;
            }
            ServerFrame::Reset { reason, position } => {
                self.stats.resets.add_one();
                self.tracker.reset();
                self.deliver(Event::Reset(reason));
                self.on_position(session, &position).await;
            }
            ServerFrame::Pong { server_time_ms, position } => {
                session.ping_sent = None;
                self.clock.lock().hear(server_time_ms, std::time::Instant::now());
                if let Some(position) = position {
                    self.on_position(session, &position).await;
                }
            }
            ServerFrame::Error(error) => self.on_error(session, error).await,
            // An event counts as seen, whatever it says; anything else of a newer server's says nothing to this client.
            ServerFrame::Unknown(frame) if frame.place.is_some() => self.on_event(session, Event::Unknown(*frame)),
            ServerFrame::Welcome(_) | ServerFrame::Unknown(_) => {}
        }
        None
    }

    /// People who are out type there no more; without oneself nobody does.
    fn left(&mut self, session: &Session, conversation: ConversationId, users: &[UserId]) {
        let ended: Vec<_> = if users.contains(&session.me) {
            self.typing.leave(conversation)
        } else {
            users.iter().filter_map(|user| self.typing.ended(conversation, *user)).collect()
        };
        self.deliver_typing(ended);
    }

    /// Tells the server whether the person types, if it wants to hear it.
    fn tell_typing(&mut self, session: &mut Session, conversation: ConversationId, typing: bool) {
        if !session.caught_up || session.connection.queued() >= MAX_QUEUED_FRAMES {
            return;
        }
        let now = Instant::now();
        if typing && self.typing.start(conversation, now) {
            session.connection.queue_text(encode::typing_start(conversation));
        } else if !typing && self.typing.stop(conversation, now) {
            session.connection.queue_text(encode::typing_stop(conversation));
        }
    }

    fn on_event(&mut self, session: &mut Session, event: Event) {
        self.stats.events.add_one();
        session.events += 1;
        self.deliver(event);
        // While catching up, `progress` and `caught_up` bring the position.
        if session.caught_up && session.report_at.is_none() {
            session.report_at = Some(Instant::now() + self.config.report_interval);
        }
    }

    /// Everything up to `position` came on this socket before. An event that waits for room is counted as handed over
    /// first, because no other frame is read until it is.
    async fn on_position(&mut self, session: &mut Session, position: &str) {
        if let Ok(position) = position.parse::<Position>() {
            let undelivered = u64::try_from(self.undelivered.len()).unwrap_or(u64::MAX);
            self.progress.reached(position, undelivered);
        }
        self.keep_progress(session).await;
    }

    async fn on_error(&mut self, session: &mut Session, error: ErrorFrame) {
        let asked = error.retry_after_ms.map(Duration::from_millis);
        let Some(client_id) = error.client_id.clone() else {
            if error.code == ErrorCode::UnknownCommand && (self.presence.is_unknown() || session.received.is_unknown()) {
                return;
            }
            session.error = Some(error.clone());
            if error.code == ErrorCode::RateLimited && !session.unanswered.is_empty() {
                // Some frame of ours was not even looked at, and nobody says which: what has no answer goes out again.
                self.stats.retries.add_one();
                self.outbox.retry_all();
                session.unanswered.clear();
                session.pause(asked);
            }
            self.deliver(Event::Notice(error));
            return;
        };
        session.was_answered(&client_id);
        // What is wrong with the socket is not wrong with the message.
        let about_socket = matches!(
            error.code.known(),
            Some(ErrorCode::HelloRequired | ErrorCode::Unauthenticated | ErrorCode::TokenExpired | ErrorCode::SessionRevoked)
        );
        if !error.retryable && !about_socket {
            self.refused(client_id, error).await;
            return;
        }
        if self.outbox.retry(&client_id) {
            self.stats.retries.add_one();
            session.pause(asked);
        }
    }

    /// Reports the newest position, waits for the answers, closes. Bounded; what does not answer in time is left.
    async fn say_goodbye(&mut self, session: &mut Session) {
        let deadline = Instant::now() + GOODBYE;
        session.tell_received(Instant::now());
        // At most two: one asks for the position of the last events, one reports it.
        for _ in 0..2 {
            self.store_position().await;
            if !session.caught_up || !self.progress.wants_ping() {
                break;
            }
            self.ping(session);
            while session.ping_sent.is_some() && self.undelivered.is_empty() {
                let Ok(incoming) = tokio::time::timeout_at(deadline, session.connection.drive(true)).await else { break };
                if self.on_incoming(session, incoming).await.is_some() {
                    return;
                }
            }
        }
        let _ = session.connection.close(GOODBYE).await;
    }
}

impl Session {
    /// Tells what this device has of others' messages.
    fn tell_received(&mut self, now: Instant) {
        let upto = self.received.take(now);
        if !upto.is_empty() {
            self.connection.queue_text(encode::received(&upto));
            self.last_written = now;
        }
    }

    /// The server answered a send, one way or the other.
    fn was_answered(&mut self, client_id: &ClientId) {
        self.unanswered.remove(client_id);
        self.answered = self.last_heard;
    }

    /// Stops sending for a while. One pause for all messages: what waits behind a refused one does not overtake it, and a
    /// pause that is under way covers the rest of the same burst.
    fn pause(&mut self, asked: Option<Duration>) {
        let now = Instant::now();
        let until = match (self.paused_until, asked) {
            (Some(until), None) => until,
            (until, asked) => (now + self.retry.next_delay(asked)).max(until.unwrap_or(now)),
        };
        self.paused_until = Some(until);
    }
}

fn ack_of(published: Published<'_>, seq: Seq) -> MessageAck {
    MessageAck {
        client_id: published.client_id.clone(),
        conversation_id: published.conversation_id,
        message_id: published.id,
        seq,
        sent_at_ms: published.at_ms,
    }
}

//! The loop: what happens on the wire and what is typed, one after the other.

mod act;
mod invitations;
mod show;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use relay_client::{ApiClient, Closed, EventStream, RealtimeClient, SendError, State};
use relay_protocol::frame::MessageAck;
use relay_protocol::rest::Invitation;
use relay_types::{ClientId, ConversationId, MessageText, Seq};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::book::Book;
use super::command::{self, Input};
use super::profile::Opened;
use super::screen::Screen;
use super::shown::Shown;
use super::{ChatArguments, screen};
use crate::failure::AnswerIsNo;

/// Lines typed ahead.
const INPUT_QUEUE: usize = 64;
/// How often read marks are sent.
const READ_MARKS: Duration = Duration::from_secs(1);
/// How long leaving waits for messages that have no ack yet.
const LAST_ACKS: Duration = Duration::from_secs(3);

/// A message of this run.
struct Sent {
    number: u32,
    conversation: ConversationId,
    result: Result<MessageAck, SendError>,
}

/// The client's state.
pub struct App {
    api: ApiClient,
    client: RealtimeClient,
    screen: Screen,
    book: Book,
    shown: Shown,
    me: relay_protocol::rest::UserProfile,
    active: Option<ConversationId>,
    sending: FuturesUnordered<BoxFuture<'static, Sent>>,
    next_number: u32,
    /// Keys of messages sent here, whose echo is not printed.
    own: HashSet<ClientId>,
    /// Read marks to send, and the one being sent.
    read: HashMap<ConversationId, Seq>,
    marking: FuturesUnordered<BoxFuture<'static, ()>>,
    /// Whether everything up to now has arrived.
    caught_up: bool,
    /// Messages printed since the connection was lost.
    missed: u32,
    /// Whether the loss of the connection was printed.
    told_lost: bool,
    /// This device was never connected before: what waits is read over REST.
    is_new: bool,
    /// Invitations as they were shown last.
    invited: Vec<Invitation>,
}

impl App {
    pub async fn new(
        api: ApiClient,
        client: RealtimeClient,
        opened: Opened,
        screen: Screen,
        arguments: &ChatArguments,
    ) -> anyhow::Result<Self> {
        let shown = Shown::open(opened.store.dir())?;
        let book = Book::load(api.clone(), opened.me.clone()).await?;
        let mut app = Self {
            api,
            client,
            screen,
            book,
            shown,
            me: opened.me,
            active: None,
            sending: FuturesUnordered::new(),
            next_number: 1,
            own: opened.outbox.iter().map(|send| send.client_id.clone()).collect(),
            read: HashMap::new(),
            marking: FuturesUnordered::new(),
            caught_up: false,
            missed: 0,
            told_lost: false,
            is_new: !opened.has_position,
            invited: Vec::new(),
        };
        for send in &opened.outbox {
            let relay_protocol::MessageBody::Text { text } = &send.body;
            let label = app.book.label(send.conversation_id);
            app.screen.line(format_args!("sending again to {label}: {}", screen::clean(text.as_str())));
        }
        if let Some(handle) = &arguments.to {
            app.act(Input::Direct(handle.clone())).await;
        }
        if let Some(title) = &arguments.group {
            match app.book.group_titled(title) {
                Some(group) => app.switch_to(group),
                None => app.act(Input::Group(title.clone(), Vec::new())).await,
            }
        }
        app.update_prompt();
        Ok(app)
    }

    /// Until the person leaves, or the server ends the session.
    pub async fn run(mut self, mut events: EventStream) -> anyhow::Result<()> {
        let mut input = read_input();
        let mut states = self.client.watch_state();
        let mut marks = tokio::time::interval(READ_MARKS);
        marks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let outcome = loop {
            tokio::select! {
                // In this order, so that what arrived before a change of state is printed before it.
                biased;
                event = events.next() => match event {
                    Some(event) => self.show(event).await,
                    None => break self.ended(),
                },
                changed = states.changed() => {
                    let state = states.borrow_and_update().clone();
                    if changed.is_err() || matches!(state, State::Closed(_)) {
                        break self.ended();
                    }
                    self.on_state(&state);
                }
                Some(sent) = self.sending.next() => self.on_sent(sent),
                line = input.recv() => match line {
                    Some(line) => match command::parse(&line) {
                        Ok(Input::Quit) => break Ok(()),
                        Ok(input) => {
                            self.act(input).await;
                            self.screen.show_prompt();
                        }
                        Err(reason) => self.screen.line(reason),
                    },
                    None => break Ok(()),
                },
                _ = tokio::signal::ctrl_c() => break Ok(()),
                Some(()) = self.marking.next() => {}
                _ = marks.tick() => self.send_read_marks(),
            }
        };
        self.screen.clear_prompt();
        if outcome.is_ok() {
            self.leave(&mut events).await;
        }
        outcome
    }

    /// Waits a little for the last acks, reports the position, says goodbye.
    async fn leave(&mut self, events: &mut EventStream) {
        let deadline = Instant::now() + LAST_ACKS;
        while !self.sending.is_empty() {
            tokio::select! {
                Some(sent) = self.sending.next() => self.on_sent(sent),
                Some(event) = events.next() => self.show(event).await,
                () = tokio::time::sleep_until(deadline) => break,
            }
        }
        if !self.sending.is_empty() {
            self.screen.line(format_args!("{} not acknowledged yet: sent again next time", count(self.sending.len(), "message")));
        }
        self.send_read_marks();
        let marked = async { while self.marking.next().await.is_some() {} };
        let _ = tokio::time::timeout_at(deadline.max(Instant::now() + READ_MARKS), marked).await;
        events.mark_handled();
        self.client.close().await;
    }

    /// Why the client stopped by itself.
    fn ended(&self) -> anyhow::Result<()> {
        let reason = match self.client.state() {
            State::Closed(Closed::ByServer { close, error }) => {
                let why = error.map_or(close.reason, |error| error.message);
                format!("the server ended the session ({}: {}); start again to log in", close.code, screen::clean(&why))
            }
            State::Closed(Closed::LoggedOut(error)) => format!("the session is over ({error}); start again to log in"),
            _ => return Ok(()),
        };
        Err(AnswerIsNo(reason).into())
    }

    fn on_state(&mut self, state: &State) {
        match state {
            State::Waiting { .. } if !self.told_lost => {
                self.told_lost = true;
                self.caught_up = false;
                self.screen.line("reconnecting…");
            }
            State::Connecting | State::CatchingUp | State::Waiting { .. } => self.caught_up = false,
            State::Live | State::Closed(_) => {}
        }
    }

    async fn say(&mut self, text: MessageText) {
        let Some(conversation) = self.active else {
            self.screen.line("nobody to talk to yet: /dm <handle>, /group <title> <handles…>, or /switch <n> after /list");
            return;
        };
        let body = relay_protocol::MessageBody::Text { text };
        match self.client.send(conversation, body).await {
            Ok(handle) => {
                let number = self.next_number;
                self.next_number += 1;
                self.own.insert(handle.client_id().clone());
                let word =
                    if matches!(self.client.state(), State::Live | State::CatchingUp) { "sending…" } else { "queued (not connected)" };
                self.screen.line(format_args!("#{number} {word}"));
                self.sending.push(Box::pin(async move { Sent { number, conversation, result: handle.await } }));
            }
            Err(error) => self.screen.line(format_args!("not sent: {error}")),
        }
    }

    fn on_sent(&mut self, sent: Sent) {
        let Sent { number, conversation, result } = sent;
        let label = self.book.label(conversation);
        match result {
            Ok(ack) => self.screen.line(format_args!("#{number} sent ✓ to {label} at {}", self.screen.clock(ack.sent_at_ms))),
            Err(error) => self.screen.line(format_args!("#{number} not sent to {label}: {}", screen::clean(&error.to_string()))),
        }
    }

    fn send_read_marks(&mut self) {
        if !self.marking.is_empty() {
            return;
        }
        for (conversation, seq) in self.read.drain() {
            let api = self.api.clone();
            // A mark that is lost is overtaken by the next.
            self.marking.push(Box::pin(async move { drop(api.mark_read(conversation, seq).await) }));
        }
    }

    fn switch_to(&mut self, conversation: ConversationId) {
        self.active = Some(conversation);
        self.update_prompt();
    }

    fn update_prompt(&mut self) {
        let to = self.active.map(|conversation| format!(" → {}", self.book.label(conversation))).unwrap_or_default();
        self.screen.set_prompt(format!("{}{to}> ", self.me.handle));
    }
}

/// Reads standard input on a thread of its own: a blocking read cannot be cancelled, and ends with the process.
fn read_input() -> mpsc::Receiver<String> {
    let (lines, input) = mpsc::channel(INPUT_QUEUE);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines() {
            let Ok(line) = line else { return };
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    input
}

/// `1 message`, `2 messages`.
fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

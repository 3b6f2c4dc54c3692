//! The loop: what happens on the wire and what is typed, one after the other.

mod about;
mod act;
mod details;
mod invitations;
mod own;
mod presence;
mod receipts;
mod search;
mod show;
mod typing;

use std::collections::{HashMap, HashSet};
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use relay_client::{ApiClient, ClientError, Closed, EventStream, QueuedSend, RealtimeClient, SendError, State};
use relay_protocol::frame::MessageAck;
use relay_protocol::rest::Invitation;
use relay_protocol::search::SearchQuery;
use relay_types::{ClientId, ConversationId, ConversationTitle, MessageId, MessageText, Seq};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::aim::Aim;
use super::command::{self, Input};
use super::directory::Directory;
use super::editor::Typed;
use super::profile::Opened;
use super::screen::Screen;
use super::seen::Seen;
use super::shown::Shown;
use super::terminal::{Leave, Restored};
use super::text::{body_text, detail};
use super::{ChatArguments, editor, lines};
use crate::failure::{CheckFailed, NotReached};

/// How often read marks are sent.
const READ_MARKS: Duration = Duration::from_secs(1);
/// How long leaving waits for messages that have no ack yet: a person a little, a script longer.
const LAST_ACKS: Duration = Duration::from_secs(3);
const LAST_ACKS_OF_A_SCRIPT: Duration = Duration::from_secs(10);

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
    directory: Directory,
    shown: Shown,
    me: relay_protocol::rest::UserProfile,
    /// Where typed lines go.
    aim: Arc<Aim>,
    /// The conversations that were numbered last.
    listed: Vec<ConversationId>,
    /// Whether lines are typed at an editor.
    at_terminal: bool,
    /// What was asked for and not done.
    failures: usize,
    sending: FuturesUnordered<BoxFuture<'static, Sent>>,
    next_number: u32,
    /// Messages of the last run that have no answer yet.
    left_over: usize,
    /// Keys of messages sent here, whose echo is not printed.
    own: HashSet<ClientId>,
    /// What was sent here, and who has read it.
    seen: Seen,
    /// Read marks to send, and the one being sent.
    read: HashMap<ConversationId, Seq>,
    marking: FuturesUnordered<BoxFuture<'static, ()>>,
    /// Whether everything up to now has arrived.
    caught_up: bool,
    /// Messages printed since the connection was lost.
    missed: u32,
    /// Why the connection was lost, as it was printed.
    told_lost: Option<Arc<str>>,
    /// This device was never connected before: what waits is read over REST.
    is_new: bool,
    /// What is told of being there.
    presence: presence::Presence,
    /// What was being typed at the last look.
    typed: Option<(ConversationId, String)>,
    /// The messages that the history numbered last, the newest first.
    numbered: Option<(ConversationId, Vec<MessageId>)>,
    /// What goes on with the last search.
    searched: Option<SearchQuery>,
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
        let directory = Directory::load(api.clone(), opened.me.clone()).await?;
        let aim = Arc::new(Aim::new(format!("@{}", opened.me.handle)));
        let mut app = Self {
            api,
            client,
            screen,
            directory,
            shown,
            me: opened.me,
            aim,
            listed: Vec::new(),
            at_terminal: false,
            failures: 0,
            sending: FuturesUnordered::new(),
            next_number: 1,
            left_over: opened.outbox.len(),
            own: opened.outbox.iter().map(|send| send.client_id.clone()).collect(),
            seen: Seen::default(),
            read: HashMap::new(),
            marking: FuturesUnordered::new(),
            caught_up: false,
            missed: 0,
            told_lost: None,
            is_new: !opened.has_position,
            presence: presence::Presence::default(),
            typed: None,
            numbered: None,
            searched: None,
            invited: Vec::new(),
        };
        for send in &opened.outbox {
            if send.body.text().is_none() {
                continue;
            }
            let label = app.directory.label(send.conversation_id);
            app.screen.message(&format!("* sending again to {label}"), body_text(&send.body));
        }
        if let Some(handle) = &arguments.to {
            app.direct(handle).await.map_err(unusable)?;
        }
        if let Some(title) = &arguments.group {
            app.begin_in_group(title).await?;
        }
        Ok(app)
    }

    /// The one group of this title; none is made while there may be one, and of several none is taken.
    async fn begin_in_group(&mut self, title: &ConversationTitle) -> anyhow::Result<()> {
        let groups = self.directory.groups_titled(title);
        match groups.as_slice() {
            [one] => self.switch_to(*one),
            [] if self.directory.is_complete() => self.group(title, &[]).await.map_err(unusable)?,
            [] => return Err(CheckFailed("no group of this title among the newest of yours: name it by its id".to_owned()).into()),
            [..] => {
                let ids: Vec<String> = groups.iter().map(ToString::to_string).collect();
                self.show_list(groups);
                return Err(CheckFailed(format!("several groups have this title: name one by its id: {}", ids.join(", "))).into());
            }
        }
        Ok(())
    }

    /// Until the person leaves, or the server ends the session.
    pub async fn run(mut self, mut events: EventStream) -> anyhow::Result<()> {
        let _restored = Restored::begin();
        let mut leave = Leave::listen().context("could not listen for signals")?;
        let mut input = self.open_input()?;
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
                Some(sent) = self.sending.next() => self.on_sent(sent).await,
                typed = input.recv() => match typed.unwrap_or(Typed::End) {
                    Typed::End => break Ok(()),
                    typed => if self.on_typed(typed).await { break Ok(()) },
                },
                () = leave.asked() => break Ok(()),
                Some(()) = self.marking.next() => {}
                _ = marks.tick() => {
                    self.send_read_marks();
                    self.tell_typing();
                    self.tell_presence().await;
                }
            }
        };
        let outcome = match outcome {
            Ok(()) => self.leave(&mut events).await,
            Err(error) => Err(error),
        };
        // The editor is told nothing more; the terminal is put back behind the last words.
        self.screen.print_above(None);
        outcome
    }

    /// The editor at a terminal that can have one; lines otherwise.
    fn open_input(&mut self) -> anyhow::Result<mpsc::Receiver<Typed>> {
        if std::io::stdin().is_terminal()
            && std::io::stdout().is_terminal()
            && let Some((above, input)) = editor::start(Arc::clone(&self.aim))?
        {
            self.at_terminal = true;
            self.screen.print_above(Some(above));
            return Ok(input);
        }
        Ok(lines::start())
    }

    /// Deals with a line. Whether it asks to leave.
    async fn on_typed(&mut self, typed: Typed) -> bool {
        self.presence.typed();
        let understood = match typed {
            Typed::Line(line, target) => command::parse(&line).map(|input| (input, target)),
            Typed::Piped(line) => command::parse(&line).and_then(|input| {
                let target = self.aim.judge_now(&input)?;
                Ok((input, target))
            }),
            Typed::Refused(reason) => Err(format!("not sent: {reason}")),
            Typed::End => return true,
        };
        match understood {
            Ok((Input::Quit, _)) => return true,
            Ok((input, target)) => self.act(input, target).await,
            Err(reason) => self.not_done(reason),
        }
        false
    }

    /// Says why something was not done. A script learns of it by the exit status.
    fn not_done(&mut self, reason: impl std::fmt::Display) {
        self.failures += 1;
        self.screen.say(reason);
    }

    /// Waits a little for the last acks, reports the position, says goodbye; what was left undone.
    async fn leave(&mut self, events: &mut EventStream) -> anyhow::Result<()> {
        let deadline = Instant::now() + if self.at_terminal { LAST_ACKS } else { LAST_ACKS_OF_A_SCRIPT };
        let mut states = self.client.watch_state();
        while !self.sending.is_empty() || self.left_over > 0 {
            tokio::select! {
                Some(sent) = self.sending.next() => self.on_sent(sent).await,
                Some(event) = events.next() => self.show(event).await,
                // Why it takes so long.
                Ok(()) = states.changed() => {
                    let state = states.borrow_and_update().clone();
                    self.on_state(&state);
                }
                () = tokio::time::sleep_until(deadline) => break,
            }
        }
        let waiting = self.sending.len() + self.left_over;
        self.send_read_marks();
        let marked = async { while self.marking.next().await.is_some() {} };
        let _ = tokio::time::timeout_at(deadline.max(Instant::now() + READ_MARKS), marked).await;
        events.mark_handled();
        self.client.close().await;
        if waiting > 0 {
            let waiting = count(waiting, "message");
            return Err(NotReached(format!("{waiting} not acknowledged yet: sent again next time")).into());
        }
        if !self.at_terminal && self.failures > 0 {
            return Err(CheckFailed(format!("{} not done", count(self.failures, "line"))).into());
        }
        Ok(())
    }

    /// Why the client stopped by itself.
    fn ended(&self) -> anyhow::Result<()> {
        let reason = match self.client.state() {
            State::Closed(Closed::ByServer { close, error }) => {
                let why = error.map_or(close.reason, |error| error.message);
                format!("the server ended the session ({}: {}); start again to log in", close.code, detail(&why))
            }
            State::Closed(Closed::LoggedOut(error)) => {
                format!("the session is over ({}); start again to log in", detail(&error.to_string()))
            }
            State::Closed(Closed::BadAddress(error)) => match &*error {
                ClientError::BadUrl { url, reason } => return Err(ClientError::BadUrl { url: url.clone(), reason }.into()),
                other => format!("the gateway cannot be used: {}", detail(&other.to_string())),
            },
            _ => return Ok(()),
        };
        Err(CheckFailed(reason).into())
    }

    fn on_state(&mut self, state: &State) {
        match state {
            State::Waiting { reason, .. } if self.told_lost.as_ref() != Some(reason) => {
                self.told_lost = Some(Arc::clone(reason));
                self.caught_up = false;
                self.screen.say(format_args!("reconnecting… ({})", detail(reason)));
            }
            State::Connecting | State::CatchingUp | State::Waiting { .. } => self.caught_up = false,
            State::Live | State::Closed(_) => {}
        }
    }

    async fn say(&mut self, text: MessageText, conversation: ConversationId) {
        let body = relay_protocol::MessageBody::Text { text };
        self.enqueue(conversation, |key| QueuedSend::message(key, conversation, body)).await;
    }

    /// Puts a message, or what is said of one, into the outbox.
    async fn enqueue(&mut self, conversation: ConversationId, make: impl FnOnce(ClientId) -> QueuedSend) {
        let queued = match self.client.mint() {
            Ok(key) => self.client.enqueue(make(key)).await,
            Err(error) => Err(error),
        };
        match queued {
            Ok(handle) => {
                let number = self.next_number;
                self.next_number += 1;
                self.own.insert(handle.client_id().clone());
                let word =
                    if matches!(self.client.state(), State::Live | State::CatchingUp) { "sending…" } else { "queued (not connected)" };
                self.screen.say(format_args!("#{number} {word}"));
                self.sending.push(Box::pin(async move { Sent { number, conversation, result: handle.await } }));
            }
            Err(error) => {
                let back = if self.at_terminal { "; the up key brings the text back" } else { "" };
                self.not_done(format_args!("not sent: {}{back}", detail(&error.to_string())));
            }
        }
    }

    async fn on_sent(&mut self, sent: Sent) {
        let Sent { number, conversation, result } = sent;
        let label = self.directory.label(conversation);
        match result {
            Ok(ack) => {
                self.screen.say(format_args!("#{number} sent ✓ to {label} at {}", self.screen.clock(ack.sent_at_ms)));
                self.on_acked(conversation, number, ack.seq).await;
            }
            Err(error) => self.not_done(format_args!("#{number} not sent to {label}: {}", detail(&error.to_string()))),
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
        self.aim.choose(self.directory.target(conversation));
    }
}

/// A refusal of what the command line asks for, in words where it is the answer.
fn unusable(error: ClientError) -> anyhow::Error {
    match &error {
        ClientError::Refused(_) => CheckFailed(act::explain(&error)).into(),
        _ => error.into(),
    }
}

/// `1 message`, `2 messages`.
fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

//! Events become lines.

use relay_client::Event;
use relay_protocol::conversation::Role;
use relay_protocol::frame::ResetReason;
use relay_protocol::log::{MemberAdded, MemberRemoved, MembersAdded, MembersRemoved};
use relay_protocol::rest::HistoryQuery;
use relay_protocol::{Chain, EventFrame, LogEvent, Message};
use relay_types::{ConversationId, Seq, TimestampMs, UserId};

use super::super::text::{body_text, detail, quote, reactions_of};
use super::act::explain;
use super::{App, count};

/// Messages of a conversation printed when they come over REST instead of the socket.
const RELOADED: u16 = 50;

impl App {
    pub(super) async fn show(&mut self, event: Event) {
        match event {
            Event::Message(message) => {
                self.directory.ensure(message.conversation_id).await;
                self.show_message(&message).await;
            }
            Event::Happened(frame) if matches!(frame.chain, Chain::User(_)) => self.show_own(frame.event).await,
            Event::Happened(frame) => self.show_event(*frame).await,
            Event::Typing { conversation_id, user_id, typing } => self.show_typing(conversation_id, user_id, typing).await,
            Event::Receipts(receipts) => self.show_receipts(&receipts).await,
            Event::Presence(people) => self.show_presence(&people).await,
            Event::CaughtUp { .. } => self.on_caught_up().await,
            Event::Reset(reason) => {
                if reason == ResetReason::EpochChanged {
                    self.shown.forget();
                }
                self.screen.say("too much was missed to receive it one by one: reading it from the history");
                self.reload().await;
            }
            Event::Gap { chain, .. } => {
                let place = self.place(&chain);
                self.screen.say(format_args!("something was missing {place}: asking again"));
            }
            Event::Unknown(frame) => {
                let place = frame.place.map(|place| self.place(&place.chain)).unwrap_or_default();
                self.screen.say(format_args!("something happened {place} that this version cannot show"));
            }
            Event::Sent(ack) => {
                self.left_over = self.left_over.saturating_sub(1);
                let label = self.directory.label(ack.conversation_id);
                self.screen.say(format_args!("sent ✓ to {label} at {} (from last time)", self.screen.clock(ack.sent_at_ms)));
            }
            Event::SendRefused { conversation_id, error, .. } => {
                self.left_over = self.left_over.saturating_sub(1);
                self.failures += 1;
                let label = self.directory.label(conversation_id);
                self.screen.say(format_args!("not sent to {label} (from last time): {}: {}", error.code, detail(&error.message)));
            }
            Event::Notice(error) => self.screen.say(format_args!("server: {}", detail(&error.message))),
        }
    }

    fn place(&self, chain: &Chain) -> String {
        match chain {
            Chain::Conversation(id) => format!("in {}", self.directory.label(*id)),
            Chain::User(_) | Chain::Other(_) => "about you".to_owned(),
        }
    }

    /// Prints a message unless it was printed before. Whether it was new.
    pub(super) async fn show_message(&mut self, message: &Message) -> bool {
        let conversation = message.conversation_id;
        if !self.shown.mark(conversation, message.seq) {
            return false;
        }
        let mine = message.sender_id == self.me.user_id;
        if mine && self.own.remove(&message.client_id) {
            return false;
        }
        self.print_message(message).await;
        if mine {
            return false;
        }
        if !self.caught_up {
            self.missed += 1;
        }
        self.mark_read(conversation, message.seq);
        self.adopt(conversation);
        true
    }

    pub(super) async fn print_message(&mut self, message: &Message) {
        self.print_numbered(message, None).await;
    }

    pub(super) async fn print_numbered(&mut self, message: &Message, number: Option<usize>) {
        let conversation = message.conversation_id;
        // Asks for people that are not known yet.
        self.directory.name(message.sender_id, conversation).await;
        let who = self.directory.author(message.sender_id);
        let (label, group, mine) =
            (self.directory.label(conversation), self.directory.is_group(conversation), message.sender_id == self.me.user_id);
        let clock = self.screen.clock(message.sent_at_ms);
        let header = match (group, mine) {
            (true, _) => format!("{clock} {label} {who}"),
            (false, true) => format!("{clock} you → {label}"),
            (false, false) => format!("{clock} {who}"),
        };
        let number = number.map(|number| format!("#{number} ")).unwrap_or_default();
        let edited = if message.edited_seq.is_some() { " (changed)" } else { "" };
        let answers = match message.reply_to {
            Some(of) => format!(" (to {})", self.quoted(conversation, of).await),
            None => String::new(),
        };
        let under = match message.thread {
            Some(root) => self.under(conversation, root).await,
            None => String::new(),
        };
        let replies = message.replies.as_ref().map(|replies| format!(" [{} in its thread]", replies.count));
        let reactions = reactions_of(message);
        self.screen.message(
            &format!("{number}{header}{under}{answers}{edited}{}{reactions}", replies.unwrap_or_default()),
            body_text(&message.body),
        );
    }

    /// Whoever never had anybody to talk to talks here now.
    fn adopt(&self, conversation: ConversationId) {
        let target = self.directory.target(conversation);
        if self.aim.adopt(target.clone()) {
            self.screen.say(format_args!("you are now talking to {}", target.label));
        }
    }

    fn mark_read(&mut self, conversation: ConversationId, seq: Seq) {
        let mark = self.read.entry(conversation).or_default();
        *mark = (*mark).max(seq);
    }

    async fn show_event(&mut self, frame: EventFrame) {
        let seq = frame.seq;
        match frame.event {
            LogEvent::MemberAdded(added) => self.show_added(seq, added).await,
            LogEvent::MemberRemoved(removed) => self.show_removed(seq, removed).await,
            LogEvent::MembersAdded(added) => self.show_added_many(seq, added).await,
            LogEvent::MembersRemoved(removed) => self.show_removed_many(seq, removed).await,
            LogEvent::ConversationCreated(created) => {
                let Some((label, by, at)) = self.update(created.conversation_id, seq, created.actor_id, created.at_ms).await else {
                    return;
                };
                if self.directory.is_group(created.conversation_id) {
                    self.screen.say(format_args!("{at} {label}: begun by {by}"));
                } else if created.actor_id != self.me.user_id {
                    self.screen.say(format_args!("{at} {by} began a conversation with you"));
                }
                self.adopt(created.conversation_id);
            }
            LogEvent::ConversationRenamed(renamed) => {
                self.directory.ensure(renamed.conversation_id).await;
                self.directory.retitle(renamed.conversation_id, renamed.title.clone());
                self.aim.relabel(&self.directory.target(renamed.conversation_id));
                let Some((_, by, at)) = self.update(renamed.conversation_id, seq, renamed.actor_id, renamed.at_ms).await else { return };
                self.screen.say(format_args!("{at} #{}: renamed by {by}", quote(renamed.title.as_str())));
                self.adopt(renamed.conversation_id);
            }
            LogEvent::RoleChanged(changed) => {
                let conversation = changed.conversation_id;
                let Some((label, by, at)) = self.update(conversation, seq, changed.actor_id, changed.at_ms).await else { return };
                let who = self.directory.name(changed.user_id, conversation).await;
                let is = if changed.user_id == self.me.user_id { "are" } else { "is" };
                let role = match changed.role {
                    Role::Member => "a member",
                    Role::Admin => "an admin",
                    Role::Owner => "the owner",
                    Role::Unknown(ref name) => name.as_str(),
                };
                self.screen.say(format_args!("{at} {label}: {who} {is} now {role}, by {by}"));
                self.adopt(conversation);
            }
            LogEvent::MessageEdited(edited) => self.show_edited(seq, edited).await,
            LogEvent::MessagePinned(pinned) => self.show_pinned(seq, pinned).await,
            LogEvent::MessageReacted(reacted) => self.show_reacted(seq, reacted).await,
            LogEvent::MessageErased(erased) => self.show_deleted(seq, erased).await,
            // A message is told as one.
            _ => {}
        }
    }

    /// What a line about a conversation's change needs: the conversation, who did it, and when. `None` if it was printed before.
    pub(super) async fn update(
        &mut self,
        conversation: ConversationId,
        seq: Seq,
        by: UserId,
        at_ms: TimestampMs,
    ) -> Option<(String, String, String)> {
        self.directory.ensure(conversation).await;
        if !self.shown.mark(conversation, seq) {
            return None;
        }
        let by = self.directory.name(by, conversation).await;
        Some((self.directory.label(conversation), by, self.screen.clock(at_ms)))
    }

    async fn show_added(&mut self, seq: Seq, added: MemberAdded) {
        let conversation = added.conversation_id;
        self.directory.ensure(conversation).await;
        if !self.shown.mark(conversation, seq) {
            return;
        }
        let by = self.directory.name(added.actor_id, conversation).await;
        let who = self.directory.name(added.user_id, conversation).await;
        let label = self.directory.label(conversation);
        let is = if added.user_id == self.me.user_id { "are" } else { "is" };
        self.screen.say(format_args!("{} {label}: {who} {is} now here, added by {by}", self.screen.clock(added.at_ms)));
        if added.user_id == self.me.user_id {
            self.aim.regain(conversation);
            self.adopt(conversation);
        }
    }

    async fn show_removed(&mut self, seq: Seq, removed: MemberRemoved) {
        let conversation = removed.conversation_id;
        let new = self.shown.mark(conversation, seq);
        let who = self.directory.name(removed.user_id, conversation).await;
        let by = self.directory.name(removed.actor_id, conversation).await;
        let label = self.directory.label(conversation);
        if removed.user_id == self.me.user_id {
            // Before it is printed: the prompt below shows it.
            self.aim.lose(conversation);
        }
        if new {
            let what = if removed.user_id == removed.actor_id { "left".to_owned() } else { format!("removed by {by}") };
            self.screen.say(format_args!("{} {label}: {who} {what}", self.screen.clock(removed.at_ms)));
        }
        if removed.user_id == self.me.user_id {
            self.directory.forget(conversation);
            self.seen.forget(conversation);
        }
    }

    async fn show_added_many(&mut self, seq: Seq, added: MembersAdded) {
        let conversation = added.conversation_id;
        self.directory.ensure(conversation).await;
        let me = added.user_ids.contains(&self.me.user_id);
        if self.shown.mark(conversation, seq) {
            let by = self.directory.name(added.actor_id, conversation).await;
            let (label, people) = (self.directory.label(conversation), count(added.user_ids.len(), "new member"));
            let with_you = if me { ", you among them" } else { "" };
            self.screen.say(format_args!("{} {label}: {people}{with_you}, added by {by}", self.screen.clock(added.at_ms)));
        }
        if me {
            self.aim.regain(conversation);
            self.adopt(conversation);
        }
    }

    async fn show_removed_many(&mut self, seq: Seq, removed: MembersRemoved) {
        let conversation = removed.conversation_id;
        let me = removed.user_ids.contains(&self.me.user_id);
        if me {
            // Before it is printed: the prompt below shows it.
            self.aim.lose(conversation);
        }
        if self.shown.mark(conversation, seq) {
            let by = self.directory.name(removed.actor_id, conversation).await;
            let (label, people) = (self.directory.label(conversation), count(removed.user_ids.len(), "member"));
            let with_you = if me { ", you among them," } else { "" };
            self.screen.say(format_args!("{} {label}: {people}{with_you} removed by {by}", self.screen.clock(removed.at_ms)));
        }
        if me {
            self.directory.forget(conversation);
            self.seen.forget(conversation);
        }
    }

    async fn on_caught_up(&mut self) {
        if std::mem::take(&mut self.is_new) {
            self.reload().await;
        }
        let missed = usize::try_from(std::mem::take(&mut self.missed)).unwrap_or(usize::MAX);
        let lost = self.told_lost.take().is_some();
        self.caught_up = true;
        match (missed, lost) {
            (0, false) => self.screen.say(format_args!("connected as @{}", self.me.handle)),
            (0, true) => self.screen.say("caught up: nothing missed"),
            (missed, _) => self.screen.say(format_args!("caught up: {}", count(missed, "missed message"))),
        }
        self.renew_receipts().await;
    }

    /// Prints what is new in the history, because it will not come over the socket.
    async fn reload(&mut self) {
        if let Err(error) = self.directory.reload().await {
            self.screen.say(format_args!("could not read the list: {}", explain(&error)));
            return;
        }
        let conversations: Vec<_> = self.directory.list().iter().map(|known| (known.id, known.unread)).collect();
        for (conversation, unread) in conversations {
            let after = self.shown.upto(conversation);
            let seen_here = after > Seq::ZERO;
            if !seen_here && unread == 0 {
                continue;
            }
            let query = HistoryQuery {
                conversation_id: conversation,
                before: None,
                after: seen_here.then_some(after),
                unread: (!seen_here).then_some(true),
                limit: Some(RELOADED),
                changes: None,
            };
            match self.api.history(&query).await {
                Ok(page) => {
                    for message in &page.messages {
                        self.show_message(message).await;
                    }
                    if page.has_more {
                        let label = self.directory.label(conversation);
                        self.screen.say(format_args!("more was said in {label}: /history shows the newest"));
                    }
                }
                Err(error) => self.screen.say(format_args!("could not read {}: {}", self.directory.label(conversation), explain(&error))),
            }
        }
    }
}

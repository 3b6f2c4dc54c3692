//! A page of the projection, gone on with from the log. Holds what the page will show, however much passes by.

use std::collections::{BTreeSet, VecDeque};

use relay_domain::ports::{HistoryAnchor, MemberInterval};
use relay_protocol::Message;
use relay_protocol::frame::EventFrame;
use relay_protocol::log::{EventClass, LogEvent, MessageEdited, MessageErased, MessageReacted, MessageSent, StoredEvent};
use relay_protocol::rest::MessagePage;
use relay_types::{Seq, UserId};

use super::Asked;
use crate::member_intervals::{MemberIntervals, MembershipChange};

/// Bodies of a page, as JSON; as in the projection.
const PAGE_BYTES: usize = 1 << 20;

/// An entry of a page.
enum Shown {
    Message(Message),
    Change(EventFrame),
}

impl Shown {
    fn of(stored: StoredEvent) -> Option<Self> {
        let StoredEvent { seq, prev, .. } = stored;
        match stored.event {
            LogEvent::MessageSent(sent) => Some(Self::Message(Message::of(sent, seq, prev))),
            _ => EventFrame::of(stored).map(Self::Change),
        }
    }

    const fn seq(&self) -> Seq {
        match self {
            Self::Message(message) => message.seq,
            Self::Change(frame) => frame.seq,
        }
    }

    /// Its bytes, as JSON: a message's are its body's.
    fn size(&self) -> usize {
        match self {
            Self::Message(message) => message.body.encoded_len(),
            Self::Change(frame) => frame.encode().len(),
        }
    }
}

/// What the reader may see: what follows the event that began their present interval, by people who were in the conversation when
/// the log took it.
pub(super) struct Fold {
    reader: UserId,
    /// The page ends with the newest; otherwise it begins where it was asked for.
    newest: bool,
    limit: usize,
    changes: bool,
    intervals: MemberIntervals,
    membership_changes: Vec<MembershipChange>,
    /// The projection's part, until the reader's intervals are known.
    projected: Vec<Shown>,
    after: Seq,
    entries: VecDeque<(Shown, usize)>,
    bytes: usize,
    /// The projection has more, of the present interval as far as is known.
    has_more: bool,
    /// Something of an earlier interval came by: what is older is not of the present one.
    earlier: bool,
    /// The last entry for which there was no room.
    left_out: Option<Seq>,
}

impl Fold {
    pub(super) fn new(page: MessagePage, asked: &Asked) -> Self {
        let begin = if let HistoryAnchor::After(after) = asked.anchor { after } else { Seq::ZERO };
        let has_more = page.has_more;
        let projected = entries_of(page);
        Self {
            reader: asked.reader,
            newest: matches!(asked.anchor, HistoryAnchor::Newest),
            limit: usize::from(asked.limit),
            changes: asked.changes,
            intervals: MemberIntervals::of(&[], Vec::new()),
            membership_changes: Vec::new(),
            // The projection may have gone on between its watermark and the page.
            after: projected.last().map_or(begin, Shown::seq),
            projected,
            entries: VecDeque::new(),
            bytes: 0,
            has_more,
            earlier: false,
            left_out: None,
        }
    }

    /// Those of whom it matters when they were in the conversation, and is not known yet.
    pub(super) fn strangers(&self, events: &[StoredEvent]) -> Vec<UserId> {
        let people: BTreeSet<UserId> = events.iter().filter_map(sender).chain([self.reader]).collect();
        people.into_iter().filter(|user| !self.intervals.knows(*user)).collect()
    }

    /// Takes in what the projection knows of them.
    pub(super) fn meet(&mut self, people: &[UserId], known: Vec<MemberInterval>) {
        self.intervals.meet(people, known, &self.membership_changes);
    }

    /// How many comings and goings are remembered.
    pub(super) fn membership_changes(&self) -> usize {
        self.membership_changes.len()
    }

    /// Goes on with the conversation's next events.
    pub(super) fn take(&mut self, events: Vec<StoredEvent>) {
        for entry in std::mem::take(&mut self.projected) {
            self.show(entry);
        }
        for event in events {
            let membership_changes = MembershipChange::of(event.seq, &event.event);
            let own = membership_changes.iter().any(|step| step.user == self.reader);
            self.intervals.apply(&membership_changes);
            self.membership_changes.extend(membership_changes);
            if own {
                self.forget_earlier();
            }
            if let LogEvent::MessageErased(erased) = &event.event
                && event.event.published().is_none_or(|deleted| self.intervals.inside(deleted.actor_id, event.seq))
            {
                self.erase(erased, event.seq);
            }
            if let LogEvent::MessageEdited(edited) = &event.event
                && self.intervals.inside(edited.actor_id, event.seq)
            {
                self.edit(edited, event.seq);
            }
            if let LogEvent::MessageReacted(reacted) = &event.event
                && self.intervals.inside(reacted.actor_id, event.seq)
            {
                self.react(reacted, event.seq);
            }
            if let LogEvent::MessageSent(sent) = &event.event
                && self.intervals.inside(sent.actor_id, event.seq)
            {
                self.reply(sent, event.seq);
            }
            let shown = match event.event.class() {
                // What is said in a thread is shown there.
                EventClass::Message(sent) => sent.thread.is_none() && self.intervals.inside(sent.actor_id, event.seq),
                // What a person said behind their removal is void.
                EventClass::Change => self.changes && sender(&event).is_none_or(|sender| self.intervals.inside(sender, event.seq)),
                EventClass::Amendment | EventClass::Personal | EventClass::Unreadable | EventClass::Unknown(_) => false,
            };
            if shown
                && event.seq > self.after
                && let Some(entry) = Shown::of(event)
            {
                self.show(entry);
            }
        }
    }

    /// Whoever has left again, or has not come in yet as far as the log says, sees nothing, as once all of it is projected.
    fn forget_earlier(&mut self) {
        let began = self.intervals.present(self.reader);
        let is_earlier = |seq: Seq| began.is_none_or(|began| seq < began);
        self.left_out = self.left_out.filter(|seq| {
            self.earlier |= is_earlier(*seq);
            !is_earlier(*seq)
        });
        while let Some((entry, bytes)) = self.entries.front()
            && is_earlier(entry.seq())
        {
            self.bytes -= bytes;
            self.entries.pop_front();
            self.earlier = true;
        }
    }

    /// The projection does not know of it yet.
    fn erase(&mut self, erased: &MessageErased, seq: Seq) {
        self.change(erased.message_seq, Message::erase);
        if let Some(root) = erased.thread {
            self.change(root.seq, |message| {
                message.unreply(erased, seq);
            });
        }
    }

    /// The root of its thread may be on the page.
    fn reply(&mut self, sent: &MessageSent, seq: Seq) {
        if let Some(root) = sent.thread {
            self.change(root.seq, |message| {
                message.reply(sent, seq);
            });
        }
    }

    /// The projection may not know of it yet.
    fn edit(&mut self, edited: &MessageEdited, seq: Seq) {
        self.change(edited.message_seq, |message| {
            message.edit(edited, seq);
        });
    }

    /// As an edit.
    fn react(&mut self, reacted: &MessageReacted, seq: Seq) {
        let reader = self.reader;
        self.change(reacted.message_seq, |message| {
            message.react(reacted, seq, reader);
        });
    }

    fn change(&mut self, seq: Seq, change: impl Fn(&mut Message)) {
        for (entry, bytes) in &mut self.entries {
            if let Shown::Message(message) = entry
                && message.seq == seq
            {
                change(message);
                self.bytes -= *bytes;
                *bytes = entry.size();
                self.bytes += *bytes;
            }
        }
    }

    fn show(&mut self, entry: Shown) {
        let seq = entry.seq();
        if self.intervals.present(self.reader).is_none_or(|began| seq < began) {
            self.earlier = true;
            return;
        }
        let full = self.left_out.is_some() || self.entries.len() >= self.limit || self.bytes >= PAGE_BYTES;
        if !self.newest && full {
            self.left_out = Some(seq);
            return;
        }
        let bytes = entry.size();
        self.bytes += bytes;
        self.entries.push_back((entry, bytes));
        while let Some((oldest, bytes)) = self.entries.front()
            && self.newest
            && (self.entries.len() > self.limit || self.bytes - bytes >= PAGE_BYTES)
        {
            self.left_out = Some(oldest.seq());
            self.bytes -= bytes;
            self.entries.pop_front();
        }
    }

    /// What is held: entries, and their bytes.
    #[cfg(test)]
    pub(super) fn held(&self) -> (usize, usize) {
        (self.entries.len(), self.entries.iter().map(|(entry, _)| entry.size()).sum())
    }

    pub(super) fn page(self) -> MessagePage {
        let nothing = MessagePage { messages: Vec::new(), changes: Vec::new(), has_more: false };
        if self.intervals.present(self.reader).is_none() {
            return nothing;
        }
        let mut page = MessagePage { has_more: self.left_out.is_some() || (self.has_more && !self.earlier), ..nothing };
        for (entry, _) in self.entries {
            match entry {
                Shown::Message(message) => page.messages.push(message),
                Shown::Change(frame) => page.changes.push(frame),
            }
        }
        page
    }
}

fn sender(event: &StoredEvent) -> Option<UserId> {
    event.event.published().map(|published| published.actor_id)
}

/// Messages and changes in one order.
fn entries_of(page: MessagePage) -> Vec<Shown> {
    let messages = page.messages.into_iter().map(Shown::Message);
    let mut entries: Vec<Shown> = messages.chain(page.changes.into_iter().map(Shown::Change)).collect();
    entries.sort_by_key(Shown::seq);
    entries
}

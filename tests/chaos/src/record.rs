//! What was done and seen, as it happened; judged when the run is over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
pub use relay_checkers::history::{
    Answer, Logged, LoggedWhat, MembershipCall, NO_LINE, Reacted, ReadBack, Receipt, Said, Seen, Sent, What, own_room,
};

use crate::finals::Log;

/// Everything, from all tasks.
pub struct Record {
    /// The log's end before any device connected.
    began: u64,
    sends: Mutex<Vec<Sent>>,
    seen: Vec<Mutex<Vec<Seen>>>,
    reads: Mutex<Vec<ReadBack>>,
    membership: Mutex<Vec<MembershipCall>>,
    receipts: Mutex<Vec<Receipt>>,
    /// The log's end once every device was live.
    own_from: AtomicU64,
    logs: Mutex<Vec<Log>>,
    said: Mutex<Vec<(usize, Said)>>,
    heard: Mutex<Vec<(usize, Reacted)>>,
    open_calls: AtomicUsize,
    pub delivered: AtomicUsize,
    pub acked: AtomicUsize,
    /// Holes that the SDK noticed.
    pub gaps: AtomicUsize,
    /// Times that a device was told to reload.
    pub resets: AtomicUsize,
    /// Times that a device was told that somebody types; and of these, in a room that it had been told to be out of.
    pub typing: AtomicUsize,
    pub typing_astray: AtomicUsize,
}

impl Record {
    pub fn new(devices: usize, began: u64) -> Self {
        Self {
            began,
            sends: Mutex::default(),
            seen: (0..devices).map(|_| Mutex::default()).collect(),
            reads: Mutex::default(),
            membership: Mutex::default(),
            receipts: Mutex::default(),
            own_from: AtomicU64::new(u64::MAX),
            logs: Mutex::default(),
            said: Mutex::default(),
            heard: Mutex::default(),
            open_calls: AtomicUsize::new(0),
            delivered: AtomicUsize::new(0),
            acked: AtomicUsize::new(0),
            gaps: AtomicUsize::new(0),
            resets: AtomicUsize::new(0),
            typing: AtomicUsize::new(0),
            typing_astray: AtomicUsize::new(0),
        }
    }

    /// A send begins; returns its number.
    pub fn called(&self, sent: Sent) -> usize {
        let mut sends = self.sends.lock();
        sends.push(sent);
        sends.len() - 1
    }

    /// It was answered.
    pub fn answered(&self, send: usize, answer: Answer) {
        if matches!(answer, Answer::Acked { .. }) {
            self.acked.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(sent) = self.sends.lock().get_mut(send) {
            sent.answer = answer;
        }
    }

    /// When it was called.
    pub fn called_us(&self, send: usize) -> u64 {
        self.sends.lock().get(send).map_or(0, |sent| sent.called_us)
    }

    /// A device got an event.
    pub fn saw(&self, device: usize, seen: Seen) {
        if let Some(list) = self.seen.get(device) {
            list.lock().push(seen);
        }
        if matches!(seen.what, What::Message { .. }) {
            self.delivered.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn read_back(&self, read: ReadBack) {
        self.reads.lock().push(read);
    }

    pub fn changed_membership(&self, call: MembershipCall) {
        self.membership.lock().push(call);
    }

    /// A device learned of a read mark.
    pub fn saw_mark(&self, receipt: Receipt) {
        self.receipts.lock().push(receipt);
    }

    /// A device learned what became of a message.
    pub fn learned(&self, device: usize, said: Said) {
        self.said.lock().push((device, said));
    }

    /// A device was told of a reaction.
    pub fn heard(&self, device: usize, reacted: Reacted) {
        self.heard.lock().push((device, reacted));
    }

    /// From here on every device has to get its user's own events.
    pub fn all_live_at(&self, seq: u64) {
        self.own_from.store(seq, Ordering::Relaxed);
    }

    /// The log of an epoch that is about to end, or of the last one.
    pub fn keep_log(&self, log: Log) {
        self.logs.lock().push(log);
    }

    /// A REST call is on its way until the value is dropped.
    pub fn open_call(&self) -> OpenCall<'_> {
        self.open_calls.fetch_add(1, Ordering::Relaxed);
        OpenCall(&self.open_calls)
    }

    pub fn open_calls(&self) -> usize {
        self.open_calls.load(Ordering::Relaxed)
    }

    /// By room and user, the newest event of the kept logs that the user has to see: the room's last, or their own removal.
    pub fn newest_for_members(&self) -> BTreeMap<(u32, u32), u64> {
        let mut newest = BTreeMap::new();
        let mut members: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        let mut last: BTreeMap<u32, u64> = BTreeMap::new();
        for event in self.logs.lock().iter().flat_map(|log| &log.events) {
            let present = members.entry(event.room).or_default();
            match &event.what {
                LoggedWhat::Created { members } => present.extend(members),
                LoggedWhat::Added { user } | LoggedWhat::Own { user } => {
                    present.insert(*user);
                }
                LoggedWhat::Removed { user } => {
                    present.remove(user);
                    newest.insert((event.room, *user), event.seq);
                }
                LoggedWhat::AddedAll { users } => present.extend(users),
                LoggedWhat::RemovedAll { users } => {
                    for user in users {
                        present.remove(user);
                        newest.insert((event.room, *user), event.seq);
                    }
                }
                // Void behind its sender's removal: it is there for nobody.
                LoggedWhat::Message { sender, .. } if !present.contains(sender) => continue,
                LoggedWhat::Message { .. } | LoggedWhat::Changed => {}
            }
            // A device goes on from where the log was when it first connected.
            let own = matches!(event.what, LoggedWhat::Own { .. });
            if event.seq > if own { self.own_from.load(Ordering::Relaxed) } else { self.began } {
                // What is left of a message of an ended epoch stands in the log of the next one.
                let newest = last.entry(event.room).or_default();
                *newest = event.seq.max(*newest);
            }
        }
        for (room, present) in members {
            newest.extend(present.into_iter().filter_map(|user| Some(((room, user), *last.get(&room)?))));
        }
        newest
    }

    /// Everything, to be judged.
    pub fn take(&self) -> Taken {
        Taken {
            sends: std::mem::take(&mut *self.sends.lock()),
            seen: self.seen.iter().map(|list| std::mem::take(&mut *list.lock())).collect(),
            reads: std::mem::take(&mut *self.reads.lock()),
            membership: std::mem::take(&mut *self.membership.lock()),
            receipts: std::mem::take(&mut *self.receipts.lock()),
            own_from: self.own_from.load(Ordering::Relaxed),
            logs: std::mem::take(&mut *self.logs.lock()),
            said: std::mem::take(&mut *self.said.lock()),
            heard: std::mem::take(&mut *self.heard.lock()),
        }
    }
}

/// See [`Record::open_call`].
pub struct OpenCall<'a>(&'a AtomicUsize);

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A whole run.
pub struct Taken {
    pub sends: Vec<Sent>,
    /// By device.
    pub seen: Vec<Vec<Seen>>,
    pub reads: Vec<ReadBack>,
    pub membership: Vec<MembershipCall>,
    pub receipts: Vec<Receipt>,
    pub own_from: u64,
    /// By epoch.
    pub logs: Vec<Log>,
    /// What devices learned of messages.
    pub said: Vec<(usize, Said)>,
    /// And of reactions.
    pub heard: Vec<(usize, Reacted)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_what_is_void_behind_its_senders_removal() {
        let message = |sender| LoggedWhat::Message { sender, key: 1, intact: true };
        let at = |seq, what| Logged { seq, room: 7, what };
        let record = Record::new(0, 0);
        let created = LoggedWhat::Created { members: vec![1, 2, 3] };
        let ended = vec![at(1, created), at(2, message(2)), at(3, message(1)), at(4, LoggedWhat::Removed { user: 2 }), at(5, message(2))];
        // Deleted in the next epoch.
        let next = vec![at(3, message(1))];
        for events in [ended, next] {
            record.keep_log(Log { events, ..Log::default() });
        }
        assert_eq!(record.newest_for_members(), BTreeMap::from([((7, 1), 4), ((7, 2), 4), ((7, 3), 4)]));
    }
}

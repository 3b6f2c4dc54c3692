//! Messages on their way: what was sent, what waits, in which order. Pure; the store and the socket are elsewhere.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use relay_types::ClientId;

use crate::store::QueuedSend;

/// The order in which messages entered the outbox.
type Turn = u64;

/// Messages without an ack, in the order in which they were to be sent. `W` is whoever waits for one.
#[derive(Debug)]
pub struct Outbox<W> {
    entries: BTreeMap<Turn, Entry<W>>,
    turns: HashMap<ClientId, Turn>,
    waiting: BTreeSet<Turn>,
    next_turn: Turn,
}

#[derive(Debug)]
struct Entry<W> {
    send: QueuedSend,
    waiter: W,
}

impl<W> Default for Outbox<W> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), turns: HashMap::new(), waiting: BTreeSet::new(), next_turn: 0 }
    }
}

impl<W> Outbox<W> {
    /// Adds a message behind all others. Gives it back when its key is in use.
    pub fn push(&mut self, send: QueuedSend, waiter: W) -> Result<(), Box<(QueuedSend, W)>> {
        if self.turns.contains_key(&send.client_id) {
            return Err(Box::new((send, waiter)));
        }
        let turn = self.next_turn;
        self.next_turn += 1;
        self.turns.insert(send.client_id.clone(), turn);
        self.waiting.insert(turn);
        self.entries.insert(turn, Entry { send, waiter });
        Ok(())
    }

    /// The first message that waits, which from now on is in flight.
    pub fn take_next(&mut self) -> Option<&QueuedSend> {
        let turn = self.waiting.pop_first()?;
        self.entries.get(&turn).map(|entry| &entry.send)
    }

    /// The message was acknowledged, or refused for good: it leaves. `None` when it is not here (any more).
    pub fn settle(&mut self, client_id: &ClientId) -> Option<(QueuedSend, W)> {
        let turn = self.turns.remove(client_id)?;
        self.waiting.remove(&turn);
        self.entries.remove(&turn).map(|entry| (entry.send, entry.waiter))
    }

    /// The message was refused for now: it waits again, at its old place. Whether it is here.
    pub fn retry(&mut self, client_id: &ClientId) -> bool {
        let Some(turn) = self.turns.get(client_id) else { return false };
        self.waiting.insert(*turn);
        true
    }

    /// The socket is gone: everything waits again, in the old order.
    pub fn retry_all(&mut self) {
        self.waiting = self.entries.keys().copied().collect();
    }

    /// Messages that were sent and have no answer.
    pub fn in_flight(&self) -> usize {
        self.entries.len() - self.waiting.len()
    }

    /// Messages that were not sent on this socket.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// All messages.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is on its way.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Empties the outbox, for those who wait to be told.
    pub fn drain(&mut self) -> impl Iterator<Item = W> + use<W> {
        self.turns.clear();
        self.waiting.clear();
        std::mem::take(&mut self.entries).into_values().map(|entry| entry.waiter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use relay_protocol::message::MessageBody;

    fn send(n: usize) -> QueuedSend {
        QueuedSend::message(
            format!("k{n}").parse().unwrap(),
            "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            MessageBody::Text { text: "x".parse().unwrap() },
        )
    }

    #[test]
    fn equal_keys_are_given_back() {
        let mut outbox = Outbox::default();
        assert!(outbox.push(send(1), "first").is_ok());
        assert_eq!(outbox.push(send(1), "second").unwrap_err().1, "second");
        assert_eq!(outbox.settle(&send(1).client_id).unwrap().1, "first");
        assert!(outbox.settle(&send(1).client_id).is_none(), "an ack that comes twice settles once");
        assert!(outbox.push(send(1), "again").is_ok());
    }

    #[derive(Debug, Clone)]
    enum Step {
        Push,
        Send,
        Ack(usize),
        RefuseForNow(usize),
        Reconnect,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            3 => Just(Step::Push),
            4 => Just(Step::Send),
            2 => any::<usize>().prop_map(Step::Ack),
            1 => any::<usize>().prop_map(Step::RefuseForNow),
            1 => Just(Step::Reconnect),
        ];
        proptest::collection::vec(step, 0..200)
    }

    proptest! {
        /// Whatever happens, the next message to go is the oldest that is not in flight, and none is lost or doubled.
        #[test]
        fn order_survives_everything(steps in steps()) {
            let mut outbox = Outbox::default();
            let mut pushed = 0;
            // The model: per message, whether it is in flight; settled ones are gone.
            let mut model: BTreeMap<usize, bool> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Push => {
                        prop_assert!(outbox.push(send(pushed), pushed).is_ok());
                        model.insert(pushed, false);
                        pushed += 1;
                    }
                    Step::Send => {
                        let expected = model.iter().find(|(_, in_flight)| !**in_flight).map(|(n, _)| *n);
                        prop_assert_eq!(outbox.take_next().map(|s| s.client_id.clone()), expected.map(|n| send(n).client_id));
                        if let Some(n) = expected {
                            model.insert(n, true);
                        }
                    }
                    Step::Ack(pick) if pushed > 0 => {
                        let n = pick % pushed;
                        prop_assert_eq!(outbox.settle(&send(n).client_id).map(|(_, w)| w), model.remove(&n).map(|_| n));
                    }
                    Step::RefuseForNow(pick) if pushed > 0 => {
                        let n = pick % pushed;
                        prop_assert_eq!(outbox.retry(&send(n).client_id), model.contains_key(&n));
                        model.entry(n).and_modify(|in_flight| *in_flight = false);
                    }
                    Step::Ack(_) | Step::RefuseForNow(_) => {}
                    Step::Reconnect => {
                        outbox.retry_all();
                        for in_flight in model.values_mut() {
                            *in_flight = false;
                        }
                    }
                }
                prop_assert_eq!(outbox.in_flight(), model.values().filter(|in_flight| **in_flight).count());
                prop_assert_eq!(outbox.len(), model.len());
            }
        }
    }
}

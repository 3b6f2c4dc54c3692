//! C15: in the end each device, and the history, has each message as the log has it: with the newest edit's text, or deleted.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::history::{Amendment, History, Said};
use crate::index::Index;
use crate::resets::PassedOver;
use crate::verdict::{Check, Verdict};

/// A message: room and place.
type Message = (u32, u64);

/// What the log comes to.
struct Log<'a> {
    edits: HashMap<(Message, u64), &'a Amendment>,
    newest: BTreeMap<Message, &'a Amendment>,
    deleted: HashSet<Message>,
}

impl<'a> Log<'a> {
    fn of(amendments: &'a [Amendment]) -> Self {
        let mut this = Self { edits: HashMap::new(), newest: BTreeMap::new(), deleted: HashSet::new() };
        for amendment in amendments {
            let message = (amendment.room, amendment.message);
            if amendment.text.is_none() {
                this.deleted.insert(message);
            } else {
                this.edits.insert((message, amendment.seq), amendment);
                this.newest.insert(message, amendment);
            }
        }
        this
    }

    /// Whether that was ever so.
    fn has(&self, said: &Said) -> bool {
        let message = (said.room, said.message);
        match said.text {
            None => self.deleted.contains(&message),
            text => self.edits.get(&(message, said.by)).is_some_and(|edit| edit.text == text),
        }
    }
}

pub(crate) fn check(history: &History, index: &Index, verdict: &mut Verdict) {
    let log = Log::of(&history.amendments);
    // The greatest edit that each device learned of; what is gone is greater than all.
    let mut states: HashMap<(usize, Message), u64> = HashMap::new();
    for (device, said) in &history.said {
        if !log.has(said) {
            verdict.broken(Check::State, || format!("device {device} was told what nobody made of a message: {said:?}"));
        }
        let by = if said.text.is_none() { u64::MAX } else { said.by };
        let state = states.entry((*device, (said.room, said.message))).or_default();
        *state = (*state).max(by);
    }
    for (number, device) in history.devices.iter().enumerate().filter(|(_, device)| device.complete) {
        let passed_over = PassedOver::by(device);
        for amendment in &history.amendments {
            let (room, seq) = (amendment.room, amendment.seq);
            if !index.sees(room, device.user, seq) || !index.sees(room, device.user, amendment.message) || passed_over.covers(seq) {
                continue;
            }
            let wanted = if amendment.text.is_none() { u64::MAX } else { seq };
            let state = states.get(&(number, (room, amendment.message))).copied().unwrap_or_default();
            if state < wanted {
                verdict.broken(Check::State, || format!("device {number} ended behind {amendment:?}: at {state}"));
            }
        }
    }
    for (room, said) in &history.said_in_history {
        let found: HashMap<Message, &Said> = said.iter().map(|said| ((said.room, said.message), said)).collect();
        let of_room = |message: &&Message| message.0 == *room;
        for message in log.deleted.iter().filter(of_room) {
            if found.get(message).is_none_or(|said| said.text.is_some()) {
                verdict.broken(Check::State, || format!("deleted and still in the history: {message:?}"));
            }
        }
        for (message, newest) in log.newest.iter().filter(|(message, _)| of_room(message) && !log.deleted.contains(message)) {
            if found.get(message).is_none_or(|said| said.by != newest.seq || said.text != newest.text) {
                verdict.broken(Check::State, || format!("the history has {:?}, and the log {newest:?}", found.get(message)));
            }
        }
        for said in said.iter().filter(|said| !log.has(said)) {
            verdict.broken(Check::State, || format!("in the history, and nobody made that of the message: {said:?}"));
        }
    }
}

//! What devices of this gateway say of the people before them: one state of each person.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use relay_protocol::presence::{Activity, PRESENCE_BEAT_MS, PRESENCE_LASTS_MS, SayPresence};
use relay_types::{ConversationId, UserId};

/// How long what a device said holds.
const LASTS: Duration = Duration::from_millis(PRESENCE_LASTS_MS);
/// What others are told is told again after this.
const BEAT: Duration = Duration::from_millis(PRESENCE_BEAT_MS);

/// How somebody is here, whatever they let others know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct There {
    /// They use a device.
    pub(super) active: bool,
    /// What they have before their eyes on it.
    pub(super) conversation: Option<ConversationId>,
}

struct Device {
    seat: u64,
    there: There,
    at: Instant,
}

#[derive(Default)]
struct Person {
    devices: Vec<Device>,
    /// What was taken last, and when.
    taken: Option<(Option<There>, Instant)>,
}

impl Person {
    fn there(&self) -> Option<There> {
        let used = self.devices.iter().filter(|device| device.there.active).max_by_key(|device| device.at);
        used.map(|device| device.there).or_else(|| (!self.devices.is_empty()).then_some(There { active: false, conversation: None }))
    }
}

/// See the module. As large as the sockets that speak of presence.
#[derive(Default)]
pub(super) struct Here {
    people: HashMap<UserId, Person>,
}

impl Here {
    pub(super) fn say(&mut self, user: UserId, seat: u64, say: &SayPresence, now: Instant) {
        let there = There { active: say.state == Activity::Active, conversation: say.conversation_id };
        let person = self.people.entry(user).or_default();
        match person.devices.iter_mut().find(|device| device.seat == seat) {
            Some(device) => (device.there, device.at) = (there, now),
            None => person.devices.push(Device { seat, there, at: now }),
        }
    }

    pub(super) fn leave(&mut self, user: UserId, seat: u64) {
        if let Some(person) = self.people.get_mut(&user) {
            person.devices.retain(|device| device.seat != seat);
        }
    }

    /// What is to be told of them once more, such as when they changed who may know.
    pub(super) fn again(&mut self, user: UserId) {
        if let Some(person) = self.people.get_mut(&user) {
            person.taken = None;
        }
    }

    /// Of whom there is something to tell, and what; `None`: they are not here any more. It counts as told.
    pub(super) fn take(&mut self, now: Instant) -> Vec<(UserId, Option<There>)> {
        let mut due = Vec::new();
        self.people.retain(|user, person| {
            person.devices.retain(|device| device.at + LASTS > now);
            let there = person.there();
            let is_due = person.taken.is_none_or(|(taken, at)| taken != there || (there.is_some() && at + BEAT <= now));
            if is_due {
                person.taken = Some((there, now));
                due.push((*user, there));
            }
            there.is_some()
        });
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> UserId {
        format!("{:026}", 1).parse().unwrap()
    }

    fn room(n: usize) -> ConversationId {
        format!("{n:026}").parse().unwrap()
    }

    fn say(state: Activity, conversation_id: Option<ConversationId>) -> SayPresence {
        SayPresence { state, conversation_id }
    }

    #[test]
    fn many_devices_make_one_person_who_is_told_at_a_change_and_at_each_beat() {
        let (mut here, now) = (Here::default(), Instant::now());
        let second = Duration::from_secs(1);
        here.say(user(), 1, &say(Activity::Idle, Some(room(1))), now);
        assert_eq!(here.take(now), [(user(), Some(There { active: false, conversation: None }))], "idle looks at nothing");
        assert_eq!(here.take(now), []);
        here.say(user(), 2, &say(Activity::Active, Some(room(2))), now + second);
        here.say(user(), 1, &say(Activity::Active, Some(room(1))), now);
        assert_eq!(here.take(now + second), [(user(), Some(There { active: true, conversation: Some(room(2)) }))]);
        assert_eq!(here.take(now + 2 * second), []);
        assert_eq!(here.take(now + second + BEAT).len(), 1, "again");
        here.again(user());
        assert_eq!(here.take(now + second + BEAT).len(), 1, "and when asked for");
        here.leave(user(), 2);
        assert_eq!(here.take(now + second + BEAT), [(user(), Some(There { active: true, conversation: Some(room(1)) }))]);
        // Half-open: it has not said anything for a minute.
        assert_eq!(here.take(now + LASTS), [(user(), None)]);
        assert_eq!((here.take(now + LASTS), here.people.len()), (vec![], 0));
        here.leave(user(), 1);
    }
}

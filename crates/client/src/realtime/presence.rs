//! Telling the server whether the person is there, and whom the program shows: again and again, on each socket.

use std::time::Duration;

use relay_protocol::command::encode;
use relay_protocol::presence::{MOST_WATCHED, PRESENCE_BEAT_MS, SayPresence};
use relay_types::UserId;
use tokio::time::Instant;

/// What is said is said again after this.
const BEAT: Duration = Duration::from_millis(PRESENCE_BEAT_MS);
/// Between two words about one person.
const EVERY: Duration = Duration::from_secs(1);
/// Whom the program shows is said again after this: what was lost is told then.
const WATCH_AGAIN: Duration = Duration::from_secs(120);

/// What the program wants, and when it is said next. Nothing, until the program says something.
#[derive(Debug, Default)]
pub(super) struct PresenceTeller {
    says: Option<SayPresence>,
    watched: Vec<UserId>,
    live: bool,
    /// A server of before knows no such commands.
    off: bool,
    said: Option<Instant>,
    say_at: Option<Instant>,
    watch_at: Option<Instant>,
}

impl PresenceTeller {
    pub(super) fn say(&mut self, say: SayPresence, now: Instant) {
        if self.says != Some(say) {
            self.says = Some(say);
            self.say_at = Some(self.said.map_or(now, |said| now.max(said + EVERY)));
        }
    }

    pub(super) fn watch(&mut self, mut people: Vec<UserId>, now: Instant) {
        people.truncate(MOST_WATCHED);
        self.watched = people;
        self.watch_at = Some(now);
    }

    /// Everything missed has come on a new socket.
    pub(super) fn live(&mut self, now: Instant) {
        (self.live, self.off, self.said) = (true, false, None);
        self.say_at = self.says.map(|_| now);
        self.watch_at = (!self.watched.is_empty()).then_some(now);
    }

    /// The socket is gone.
    pub(super) const fn ended(&mut self) {
        self.live = false;
    }

    /// When there is something to say.
    pub(super) fn due(&self) -> Option<Instant> {
        [self.say_at, self.watch_at].into_iter().flatten().min().filter(|_| self.live && !self.off)
    }

    /// The frames that are to be sent now.
    pub(super) fn take(&mut self, now: Instant) -> Vec<String> {
        let mut frames = Vec::new();
        if self.due().is_none_or(|due| due > now) {
            return frames;
        }
        if let Some(say) = self.says.filter(|_| self.say_at.is_some_and(|at| at <= now)) {
            frames.push(encode::presence(&say));
            (self.said, self.say_at) = (Some(now), Some(now + BEAT));
        }
        if self.watch_at.is_some_and(|at| at <= now) {
            frames.push(encode::watch_presence(&self.watched));
            self.said = self.said.or(Some(now));
            self.watch_at = (!self.watched.is_empty()).then(|| now + WATCH_AGAIN);
        }
        frames
    }

    /// The server refuses a command that it does not know. Whether it was perhaps one of these.
    pub(super) const fn is_unknown(&mut self) -> bool {
        let it_was = self.said.is_some() && !self.off;
        self.off |= it_was;
        it_was
    }
}

#[cfg(test)]
mod tests {
    use relay_protocol::presence::Activity;

    use super::*;

    fn say(state: Activity) -> SayPresence {
        SayPresence { state, conversation_id: None }
    }

    #[test]
    fn it_beats_on_each_socket_changes_once_a_second_and_is_silent_towards_a_server_of_before() {
        let (mut teller, now) = (PresenceTeller::default(), Instant::now());
        teller.live(now);
        assert_eq!(teller.due(), None, "nobody said anything");
        teller.say(say(Activity::Active), now);
        let people: Vec<UserId> = (0..300).map(|n| format!("{n:026}").parse().unwrap()).collect();
        teller.watch(people, now);
        assert_eq!(teller.take(now).len(), 2);
        assert_eq!((teller.take(now).len(), teller.due()), (0, Some(now + BEAT)));
        teller.say(say(Activity::Active), now);
        teller.say(say(Activity::Idle), now);
        assert_eq!(teller.due(), Some(now + EVERY));
        assert!(teller.take(now + EVERY)[0].contains("idle"));
        teller.ended();
        assert_eq!((teller.due(), teller.take(now + BEAT * 2).len()), (None, 0));
        teller.live(now);
        assert_eq!(teller.take(now).len(), 2, "on a new socket");
        assert_eq!(teller.take(now + WATCH_AGAIN).len(), 2);
        assert!(teller.is_unknown() && !teller.is_unknown());
        assert_eq!(teller.due(), None);
        teller.live(now);
        teller.watch(Vec::new(), now);
        assert!(teller.take(now)[1].contains(r#""users":[]"#));
    }
}

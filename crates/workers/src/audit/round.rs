//! Rounds: walks over everything that take as many passes as they need, and go on where the last one stopped, also after a
//! restart.

use std::time::Duration;

use relay_domain::ports::{MemberKey, SavedWalk};
use relay_types::{Seq, UserId};
use tokio::time::Instant;

/// A cursor as text and back.
pub(super) trait Cursor: Sized {
    fn write(&self) -> String;
    fn read(text: &str) -> Option<Self>;
}

impl Cursor for Seq {
    fn write(&self) -> String {
        self.0.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

impl Cursor for UserId {
    fn write(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Cursor for MemberKey {
    fn write(&self) -> String {
        format!("{} {}", self.0, self.1)
    }

    fn read(text: &str) -> Option<Self> {
        let (conversation, user) = text.split_once(' ')?;
        Some((conversation.parse().ok()?, user.parse().ok()?))
    }
}

/// One walk over everything, again and again.
#[derive(Debug)]
pub(super) struct Round<P> {
    name: &'static str,
    /// Where it goes on, while it is under way.
    pub(super) cursor: Option<P>,
    due: Instant,
    ended: Option<Instant>,
}

impl<P: Cursor> Round<P> {
    /// One that was never made comes at a random moment within `every`: workers that start together do not all read everything
    /// at once, and one that is restarted daily still comes to it.
    pub(super) fn new(name: &'static str, saved: &[SavedWalk], every: Duration, now: Instant) -> Self {
        let saved = saved.iter().find(|saved| saved.name == name);
        let ended_ago = saved.and_then(|saved| saved.ended_s_ago).map(Duration::from_secs);
        let due = match ended_ago {
            Some(ago) => now + every.saturating_sub(ago),
            None => now + every.mul_f64(rand::random()),
        };
        let cursor = saved.and_then(|saved| saved.cursor.as_deref()).and_then(P::read);
        Self { name, due, ended: ended_ago.and_then(|ago| now.checked_sub(ago)), cursor }
    }

    /// Whether there is something to do.
    pub(super) fn is_on(&self, now: Instant) -> bool {
        self.cursor.is_some() || now >= self.due
    }

    /// Goes on there, or begins to wait for the next round.
    pub(super) fn reached(&mut self, cursor: Option<P>, every: Duration, now: Instant) {
        if cursor.is_none() {
            (self.due, self.ended) = (now + every, Some(now));
        }
        self.cursor = cursor;
    }

    /// Since it last came to an end, or since `start`.
    pub(super) fn age(&self, start: Instant, now: Instant) -> Duration {
        now.saturating_duration_since(self.ended.unwrap_or(start))
    }

    pub(super) fn save(&self, now: Instant) -> SavedWalk {
        SavedWalk {
            name: self.name.to_owned(),
            cursor: self.cursor.as_ref().map(P::write),
            ended_s_ago: self.ended.map(|ended| now.saturating_duration_since(ended).as_secs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(1_000);

    #[test]
    fn a_round_goes_on_where_it_stopped_and_waits_for_the_rest_of_its_time() {
        let now = Instant::now() + EVERY * 10;
        let mut round = Round::<Seq>::new("full", &[], EVERY, now);
        assert!(round.is_on(now + EVERY), "within its time, for the first time");
        round.reached(Some(Seq(7)), EVERY, now);
        assert!(round.is_on(now));
        let saved = [round.save(now)];
        assert_eq!(saved[0].cursor.as_deref(), Some("7"));
        let mut restarted = Round::<Seq>::new("full", &saved, EVERY, now);
        assert_eq!(restarted.cursor, Some(Seq(7)));
        restarted.reached(None, EVERY, now);
        assert!(!restarted.is_on(now));
        assert!(restarted.is_on(now + EVERY));
        let later = now + Duration::from_secs(400);
        let restarted = Round::<Seq>::new("full", &[restarted.save(later)], EVERY, later);
        assert!(!restarted.is_on(now + Duration::from_secs(999)) && restarted.is_on(now + EVERY));
        assert_eq!(restarted.age(now, later), Duration::from_secs(400));
    }

    #[test]
    fn cursors_are_read_as_they_were_written() {
        let member: MemberKey = ("01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(), "01ARZ3NDEKTSV4RRFFQ69G5FAW".parse().unwrap());
        assert_eq!(MemberKey::read(&member.write()), Some(member));
        assert_eq!(UserId::read(&member.1.write()), Some(member.1));
        assert_eq!(Seq::read("x"), None);
    }
}

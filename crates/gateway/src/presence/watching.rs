//! Whom devices here watch, what gateways say of those people, and who may know.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use relay_protocol::presence::{MOST_PRESENT, MOST_WATCHED, PRESENCE_LASTS_MS, PersonPresence, PresenceNotice, PresenceState};
use relay_types::{ConversationId, TimestampMs, UserId};

use crate::hub::Socket;

/// How long a verdict holds; a change of the person's settings ends it, and so does a conversation that one of the two comes into or
/// leaves.
const VERDICT_HOLDS: Duration = Duration::from_secs(120);
/// How long a no holds: a request that is answered by writing is told by nothing else.
const NO_HOLDS: Duration = Duration::from_secs(30);
/// How long what a gateway says holds.
const LASTS: Duration = Duration::from_millis(PRESENCE_LASTS_MS);
/// Gateways that say something of one person at most.
const MOST_GATEWAYS: usize = 64;
/// People asked about together, and devices for which verdicts are asked for together.
const MOST_ASKED: usize = 1_000;
const MOST_JUDGED: usize = 512;

/// Whether one may know.
#[derive(Debug, Clone, Copy)]
struct Verdict {
    allowed: bool,
    last_seen: Option<TimestampMs>,
    until: Instant,
}

/// One person on one screen.
#[derive(Debug, Clone, Copy, Default)]
struct Eye {
    told: Option<PersonPresence>,
    verdict: Option<Verdict>,
}

struct Watch {
    socket: Arc<Socket>,
    people: HashMap<UserId, Eye>,
}

/// What one gateway says of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Said {
    state: PresenceState,
    conversation: Option<ConversationId>,
    until: Instant,
}

/// Somebody who is watched here.
#[derive(Default)]
struct Target {
    seats: HashSet<u64>,
    said: HashMap<String, Said>,
    /// When they were there last, as far as gateways told this one.
    last: Option<TimestampMs>,
    /// What Valkey has of them is known.
    known: bool,
}

impl Target {
    /// The most that a gateway says.
    fn best(&self) -> Option<Said> {
        let rank = |said: &&Said| match said.state {
            PresenceState::DoNotDisturb => 3,
            PresenceState::Online => 2,
            PresenceState::Idle => 1,
            PresenceState::Offline | PresenceState::Unknown(_) => 0,
        };
        self.said.values().max_by_key(rank).copied()
    }
}

/// See the module. As large as what sockets here named, each at most [`MOST_WATCHED`] people.
#[derive(Default)]
pub(super) struct Watching {
    watches: HashMap<u64, Watch>,
    targets: HashMap<UserId, Target>,
    /// Of what there may be news, and for whom.
    pending: HashSet<(u64, UserId)>,
}

impl Watching {
    pub(super) fn watch(&mut self, seat: u64, socket: &Arc<Socket>, people: &[UserId]) {
        let mut before = self.watches.remove(&seat).map(|watch| watch.people).unwrap_or_default();
        let mut now = HashMap::new();
        for user in people.iter().take(MOST_WATCHED) {
            let verdict = before.remove(user).and_then(|eye| eye.verdict);
            now.insert(*user, Eye { told: None, verdict });
            self.targets.entry(*user).or_default().seats.insert(seat);
            self.pending.insert((seat, *user));
        }
        for user in before.into_keys().filter(|user| !now.contains_key(user)) {
            self.unwatch(seat, user);
        }
        if !now.is_empty() {
            self.watches.insert(seat, Watch { socket: Arc::clone(socket), people: now });
        }
    }

    pub(super) fn leave(&mut self, seat: u64) {
        let Some(watch) = self.watches.remove(&seat) else { return };
        for user in watch.people.into_keys() {
            self.unwatch(seat, user);
        }
    }

    fn unwatch(&mut self, seat: u64, user: UserId) {
        self.pending.remove(&(seat, user));
        if let Some(target) = self.targets.get_mut(&user) {
            target.seats.remove(&seat);
            if target.seats.is_empty() {
                self.targets.remove(&user);
            }
        }
    }

    /// What a gateway says of somebody. Of people whom nobody watches, nothing is kept.
    pub(super) fn heard(&mut self, gateway: &str, notice: &PresenceNotice, now: Instant, now_ms: TimestampMs) {
        let Some(target) = self.targets.get_mut(&notice.user_id) else { return };
        let before = target.best();
        if matches!(notice.state, PresenceState::Offline | PresenceState::Unknown(_)) {
            target.said.remove(gateway);
        } else {
            target.last = Some(now_ms);
            if target.said.len() < MOST_GATEWAYS || target.said.contains_key(gateway) {
                let said = Said { state: notice.state, conversation: notice.conversation_id, until: now + LASTS };
                target.said.insert(gateway.to_owned(), said);
            }
        }
        if differs(before, target.best()) {
            self.pending.extend(target.seats.iter().map(|seat| (*seat, notice.user_id)));
        }
    }

    /// What gateways say for too long ago says nothing.
    pub(super) fn expire(&mut self, now: Instant) {
        for (user, target) in &mut self.targets {
            if target.said.values().all(|said| said.until > now) {
                continue;
            }
            let before = target.best();
            target.said.retain(|_, said| said.until > now);
            if differs(before, target.best()) {
                self.pending.extend(target.seats.iter().map(|seat| (*seat, *user)));
            }
        }
    }

    /// People of whom it is not known what Valkey has.
    pub(super) fn unknown(&self) -> Vec<UserId> {
        self.targets.iter().filter(|(_, target)| !target.known).map(|(user, _)| *user).take(MOST_ASKED).collect()
    }

    /// What Valkey had of these. What gateways have said meanwhile is newer.
    pub(super) fn learn(&mut self, asked: &[UserId], found: Vec<(String, PresenceNotice, Duration)>, now: Instant) {
        for (gateway, notice, left) in found {
            let Some(target) = self.targets.get_mut(&notice.user_id) else { continue };
            if target.said.len() < MOST_GATEWAYS {
                let said = Said { state: notice.state, conversation: notice.conversation_id, until: now + left.min(LASTS) };
                target.said.entry(gateway).or_insert(said);
            }
        }
        for user in asked {
            if let Some(target) = self.targets.get_mut(user) {
                target.known = true;
                self.pending.extend(target.seats.iter().map(|seat| (*seat, *user)));
            }
        }
    }

    /// Who changed their settings may be seen by others than before.
    pub(super) fn forget(&mut self, user: UserId) {
        let Some(target) = self.targets.get(&user) else { return };
        for seat in &target.seats {
            if let Some(eye) = self.watches.get_mut(seat).and_then(|watch| watch.people.get_mut(&user))
                && let Some(verdict) = &mut eye.verdict
            {
                verdict.until = Instant::now();
            }
        }
    }

    /// These have other conversations than before: who may know of them, and of whom they may know.
    pub(super) fn forget_acquaintances(&mut self, changed: &HashSet<UserId>) {
        if changed.is_empty() {
            return;
        }
        let now = Instant::now();
        for watch in self.watches.values_mut() {
            let all = changed.contains(&watch.socket.user);
            let eyes = watch.people.iter_mut().filter(|(user, _)| all || changed.contains(user));
            for verdict in eyes.filter_map(|(_, eye)| eye.verdict.as_mut()) {
                verdict.until = now;
            }
        }
    }

    /// Who has to be asked about whom: first those who wait for a first answer, then those whose answer is the oldest.
    pub(super) fn unjudged(&self, now: Instant) -> Vec<(u64, UserId, Vec<UserId>)> {
        let mut unjudged = Vec::new();
        for (seat, watch) in &self.watches {
            let due = watch.people.iter().map(|(user, eye)| (eye.verdict.map(|verdict| verdict.until), *user));
            let due: Vec<_> = due.filter(|(until, _)| until.is_none_or(|until| until <= now)).collect();
            if let Some(first) = due.iter().map(|(until, _)| *until).min() {
                unjudged.push((first, (*seat, watch.socket.user, due.into_iter().map(|(_, user)| user).collect())));
            }
        }
        unjudged.sort_unstable_by_key(|(first, (seat, _, _))| (*first, *seat));
        unjudged.into_iter().map(|(_, question)| question).take(MOST_JUDGED).collect()
    }

    pub(super) fn judge(&mut self, seat: u64, asked: &[UserId], allowed: &HashMap<UserId, Option<TimestampMs>>, now: Instant) {
        let Some(watch) = self.watches.get_mut(&seat) else { return };
        for user in asked {
            let Some(eye) = watch.people.get_mut(user) else { continue };
            let (is_allowed, last_seen) = (allowed.contains_key(user), allowed.get(user).copied().flatten());
            let holds = if is_allowed { VERDICT_HOLDS } else { NO_HOLDS };
            eye.verdict = Some(Verdict { allowed: is_allowed, last_seen, until: now + holds });
            self.pending.insert((seat, *user));
        }
    }

    /// What is to be told, to whom; what there is no room for is told the next time. `shares`: whether the one who is told is in the
    /// conversation.
    pub(super) fn tell(&mut self, shares: impl Fn(UserId, ConversationId) -> bool) -> Vec<(Arc<Socket>, Vec<PersonPresence>)> {
        let mut news: HashMap<u64, Vec<PersonPresence>> = HashMap::new();
        let (watches, targets) = (&mut self.watches, &self.targets);
        self.pending.retain(|(seat, user)| {
            let Some((watch, target)) = watches.get_mut(seat).zip(targets.get(user)) else { return false };
            let viewer = watch.socket.user;
            let Some(eye) = watch.people.get_mut(user) else { return false };
            let Some(verdict) = eye.verdict.filter(|_| target.known) else { return true };
            let now = of(*user, target, verdict, |conversation| shares(viewer, conversation));
            if eye.told.is_some_and(|told| told == now) {
                return false;
            }
            let frame = news.entry(*seat).or_default();
            if frame.len() >= MOST_PRESENT {
                return true;
            }
            eye.told = Some(now);
            frame.push(now);
            false
        });
        news.into_iter().filter_map(|(seat, people)| Some((Arc::clone(&self.watches.get(&seat)?.socket), people))).collect()
    }

    /// How many are watched.
    pub(super) fn len(&self) -> usize {
        self.targets.len()
    }
}

fn differs(one: Option<Said>, other: Option<Said>) -> bool {
    one.map(|said| (said.state, said.conversation)) != other.map(|said| (said.state, said.conversation))
}

/// Whom one may know nothing of looks like somebody who never was there.
fn of(user_id: UserId, target: &Target, verdict: Verdict, shares: impl Fn(ConversationId) -> bool) -> PersonPresence {
    let nothing = PersonPresence { user_id, state: PresenceState::Offline, conversation_id: None, last_seen_ms: None };
    if !verdict.allowed {
        return nothing;
    }
    match target.best() {
        Some(said) => {
            PersonPresence { state: said.state, conversation_id: said.conversation.filter(|conversation| shares(*conversation)), ..nothing }
        }
        None => PersonPresence { last_seen_ms: verdict.last_seen.max(target.last), ..nothing },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::Outbound;

    fn user(n: usize) -> UserId {
        format!("{n:026}").parse().unwrap()
    }

    fn socket(n: usize) -> Arc<Socket> {
        Arc::new(Socket { user: user(n), session: format!("{n:026}").parse().unwrap(), outbound: Outbound::new(1 << 20) })
    }

    fn notice(n: usize, state: PresenceState) -> PresenceNotice {
        PresenceNotice { user_id: user(n), state, conversation_id: Some(format!("{n:026}").parse().unwrap()) }
    }

    fn told(watching: &mut Watching) -> Vec<(PresenceState, bool, Option<TimestampMs>)> {
        let frames = watching.tell(|_, _| true);
        let people = frames.into_iter().flat_map(|(_, people)| people);
        people.map(|one| (one.state, one.conversation_id.is_some(), one.last_seen_ms)).collect()
    }

    #[test]
    fn it_tells_what_is_watched_once_known_and_allowed_and_only_what_changed() {
        let (mut watching, now) = (Watching::default(), Instant::now());
        watching.heard("a", &notice(1, PresenceState::Online), now, 5);
        assert_eq!(watching.len(), 0, "nobody watches them");
        watching.watch(7, &socket(9), &[user(1)]);
        assert_eq!((told(&mut watching), watching.unknown()), (vec![], vec![user(1)]));
        watching.learn(&[user(1)], vec![("a".to_owned(), notice(1, PresenceState::Idle), LASTS)], now);
        assert_eq!(told(&mut watching), [], "who may know is not known");
        assert_eq!(watching.unjudged(now), [(7, user(9), vec![user(1)])]);
        watching.judge(7, &[user(1)], &HashMap::from([(user(1), Some(3))]), now);
        assert_eq!(watching.unjudged(now), []);
        assert_eq!(told(&mut watching), [(PresenceState::Idle, true, None)]);
        // The most of several gateways; the same again is no news.
        watching.heard("b", &notice(1, PresenceState::Online), now, 5);
        watching.heard("b", &notice(1, PresenceState::Online), now, 6);
        assert_eq!(told(&mut watching), [(PresenceState::Online, true, None)]);
        assert_eq!(told(&mut watching), []);
        watching.heard("b", &notice(1, PresenceState::Offline), now, 7);
        assert_eq!(told(&mut watching), [(PresenceState::Idle, true, None)]);
        watching.expire(now + LASTS);
        assert_eq!(told(&mut watching), [(PresenceState::Offline, false, Some(6))]);
        // Named again, it is told again; not allowed any more, it looks as if they never had been there.
        watching.watch(7, &socket(9), &[user(1)]);
        assert_eq!(told(&mut watching), [(PresenceState::Offline, false, Some(6))]);
        watching.forget(user(1));
        let later = Instant::now();
        assert_eq!(watching.unjudged(later).len(), 1);
        watching.judge(7, &[user(1)], &HashMap::new(), later);
        watching.heard("b", &notice(1, PresenceState::Online), later, 9);
        assert_eq!(told(&mut watching), [(PresenceState::Offline, false, None)]);
        watching.watch(7, &socket(9), &[]);
        assert_eq!((watching.len(), watching.watches.len(), watching.pending.len()), (0, 0, 0));
    }

    #[test]
    fn many_people_are_told_in_parts() {
        let (mut watching, now) = (Watching::default(), Instant::now());
        let people: Vec<UserId> = (0..MOST_WATCHED + 50).map(user).collect();
        watching.watch(1, &socket(9), &people);
        assert_eq!(watching.len(), MOST_WATCHED);
        let asked = watching.unknown();
        watching.learn(&asked, Vec::new(), now);
        watching.judge(1, &asked, &HashMap::new(), now);
        let parts: Vec<usize> = std::iter::from_fn(|| Some(told(&mut watching).len()).filter(|told| *told > 0)).collect();
        assert_eq!(parts, [MOST_PRESENT; MOST_WATCHED / MOST_PRESENT]);
        watching.leave(1);
        assert_eq!((watching.len(), watching.pending.len()), (0, 0));
    }
}

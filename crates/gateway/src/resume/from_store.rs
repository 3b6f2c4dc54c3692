//! Catching up from the projection. A snapshot says what was missed, one question for all who come at the same time
//! (`snapshots.rs`). A short gap in few conversations is read at once. Of a longer one it is found first, by the index alone, where
//! the missed events lie; then they are read in pages of so many encoded bytes, the next one when the client has taken the one
//! before. So a client costs what it receives. What others have just had read is not read again (`replay_cache.rs`): of those who
//! miss the same, one reads and the others wait for it.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use relay_domain::ports::{EventPage, EventRange, FoundEvent, JoinQuestion, JoinSnapshot};
use relay_protocol::EventText;
use relay_protocol::frame::ResetReason;
use relay_protocol::log::EventOwner;
use relay_types::{Seq, ShardId, UserId};

use super::{REVOKED, ResumeError, Run};
use crate::replay_cache::{Placed, ReplayCache};
use crate::transport::Transport;

/// Bytes of a page, as JSON. Reached, the page ends.
const PAGE_BYTES: u32 = 256 * 1024;
/// Events of a page at most.
const PAGE: usize = 500;
/// Events of the first page: how long they are is not known yet.
const FIRST_PAGE: usize = 64;
/// Conversations of which the first page is read without finding first: so many pages may be read for one.
const FEW: usize = 8;
/// Events of a user's own, and their bytes, that are read at once and held until their turn comes.
const MOST_OWN: u32 = 200;
const MOST_OWN_BYTES: u32 = 64 * 1024;
/// How long somebody waits for what another one reads of the same conversation.
const TURN_LIMIT: Duration = Duration::from_millis(500);

impl<T: Transport> Run<'_, T> {
    /// One round over the projection: a snapshot, and every event between the client's position and its watermarks.
    pub(super) async fn read_projection(&mut self) -> Result<JoinSnapshot, ResumeError> {
        let (resumer, user, session) = (self.resumer, self.socket.user, self.socket.session);
        // Also the intervals that are over for this device and still in the ring: the user's other devices are shown the ring by the
        // same roster, and may have been away longer.
        let mut cursors = resumer.hub.covered_after();
        for (shard, after) in &self.from {
            cursors.entry(*shard).and_modify(|cursor| *cursor = (*cursor).min(*after)).or_insert(*after);
        }
        let question = JoinQuestion { user, session, cursors };
        let Some(snapshot) = resumer.ask(user, || resumer.snapshots.answer(question.clone())).await? else {
            return self.read_without_projection().await;
        };
        if !snapshot.session_live {
            return Err(REVOKED);
        }
        for (shard, after) in self.from.clone() {
            let Some(upto) = snapshot.watermarks.get(&shard).copied().filter(|upto| *upto > after) else { continue };
            let missing = Missing::new(shard, upto, ranges(&snapshot, user, shard, after, upto));
            if !self.page_through(missing).await? {
                return self.read_without_projection().await;
            }
            if self.reset.is_some() {
                break;
            }
            self.from.insert(shard, upto);
        }
        Ok(snapshot)
    }

    /// Writes what is missing, or gives up replaying one by one when it is too much. `false`: the projection went away.
    async fn page_through(&mut self, mut missing: Missing) -> Result<bool, ResumeError> {
        if !self.read_own(&mut missing).await? {
            return Ok(false);
        }
        while !missing.is_done() {
            let next = match missing.cached(&self.resumer.hub.replay_cache) {
                Some(page) => Pages::Next(page),
                None => self.read_in_turn(&mut missing).await?,
            };
            let page = match next {
                Pages::Next(page) => page,
                Pages::TooMany => {
                    self.give_up(ResetReason::TooMuch);
                    return Ok(true);
                }
                Pages::Away => return Ok(false),
            };
            let count = u32::try_from(page.frames.len()).unwrap_or(u32::MAX);
            if self.sent.saturating_add(count) > self.resumer.max_events {
                self.give_up(ResetReason::TooMuch);
                return Ok(true);
            }
            missing.reach(page.reached);
            self.from.insert(missing.shard, page.reached);
            self.write_with_progress(page.frames).await?;
        }
        Ok(true)
    }

    /// Reads the next page, when nobody else reads in the same conversation. Without that in good time everybody reads for
    /// themselves.
    async fn read_in_turn(&mut self, missing: &mut Missing) -> Result<Pages, ResumeError> {
        let cache = &self.resumer.hub.replay_cache;
        let _turn = match cache.lacks(&missing.ranges) {
            Some(owner) => self.resumer.reading.acquire(owner, TURN_LIMIT).await,
            None => None,
        };
        // Perhaps another one has read it meanwhile.
        match missing.cached(cache) {
            Some(page) => Ok(Pages::Next(page)),
            None => self.read(missing).await,
        }
    }

    /// What stands on the user's own subject, if that is little, so that the rest may come from the cache. `false`: the projection
    /// went away.
    async fn read_own(&mut self, missing: &mut Missing) -> Result<bool, ResumeError> {
        let Some(own) = missing.take_own() else { return Ok(true) };
        let (resumer, user, shard) = (self.resumer, self.socket.user, missing.shard);
        let asked = resumer.ask(user, || resumer.store.events(shard, std::slice::from_ref(&own), MOST_OWN, MOST_OWN_BYTES)).await?;
        let Some(EventPage { events, complete }) = asked else { return Ok(false) };
        if complete {
            missing.own = Read::of(&events).frames.into_iter().map(|(_, placed)| placed).collect();
        } else {
            missing.ranges.push(own);
        }
        Ok(true)
    }

    /// Reads the next page from the projection.
    async fn read(&mut self, missing: &mut Missing) -> Result<Pages, ResumeError> {
        let (resumer, user, shard) = (self.resumer, self.socket.user, missing.shard);
        let at_once = missing.found.is_none() && missing.untried && missing.ranges.len() <= FEW;
        missing.untried = false;
        if !at_once && missing.found.is_none() {
            let most = resumer.max_events.saturating_sub(self.sent);
            let Some(found) = resumer.ask(user, || resumer.store.find_events(shard, &missing.ranges, most)).await? else {
                return Ok(Pages::Away);
            };
            let Some(found) = found else { return Ok(Pages::TooMany) };
            missing.found = Some(Found { ranges: missing.ranges.clone(), rest: found.into() });
        }
        let (narrow, size, last) = missing.next_page();
        if size == 0 {
            return Ok(Pages::Next(missing.page(Vec::new(), missing.watermark)));
        }
        let limit = u32::try_from(size).unwrap_or(u32::MAX);
        let asked = resumer.ask(user, || resumer.store.events(shard, &narrow, limit, PAGE_BYTES)).await?;
        let Some(EventPage { events, complete }) = asked else { return Ok(Pages::Away) };
        let read = Read::of(&events);
        // What is not there any more was removed since, by an operator who drops a month; what was not there before, a repair
        // put there, and it took the last one's place in the page.
        let reached = events.last().map_or(last, |event| event.seq);
        let reached = if missing.ends_at(reached).unwrap_or(complete) { missing.watermark } else { reached };
        missing.size = (PAGE_BYTES as usize / (read.bytes / read.frames.len().max(1)).max(1)).clamp(1, PAGE);
        read.keep_in(&resumer.hub.replay_cache, shard, missing.watermark, &missing.ranges, reached);
        Ok(Pages::Next(missing.page(read.frames, reached)))
    }
}

/// What comes of reading on.
enum Pages {
    Next(Page),
    /// More than is replayed one by one.
    TooMany,
    /// The projection went away.
    Away,
}

/// Frames in the log's order, and up to where they are all.
struct Page {
    frames: Vec<Bytes>,
    reached: Seq,
}

/// What of one shard a client misses.
struct Missing {
    shard: ShardId,
    watermark: Seq,
    /// What was not written yet.
    ranges: Vec<EventRange>,
    /// The user's own events that were not written yet. They concern nobody else.
    own: VecDeque<Placed>,
    /// Where the rest of `ranges` lies, once that was looked for.
    found: Option<Found>,
    /// Nothing was read yet.
    untried: bool,
    /// Events of the next page.
    size: usize,
}

/// Where the events of these ranges lie.
struct Found {
    ranges: Vec<EventRange>,
    rest: VecDeque<FoundEvent>,
}

impl Missing {
    fn new(shard: ShardId, watermark: Seq, ranges: Vec<EventRange>) -> Self {
        Self { shard, watermark, ranges, own: VecDeque::new(), found: None, untried: true, size: FIRST_PAGE }
    }

    fn is_done(&self) -> bool {
        self.ranges.is_empty() && self.own.is_empty()
    }

    fn take_own(&mut self) -> Option<EventRange> {
        let at = self.ranges.iter().position(|range| matches!(range.owner, EventOwner::User(_)))?;
        Some(self.ranges.remove(at))
    }

    /// What the cache has of it from its beginning on.
    fn cached(&self, cache: &ReplayCache) -> Option<Page> {
        if self.ranges.is_empty() {
            return Some(Page { frames: self.own.iter().map(|(_, frame)| frame.clone()).collect(), reached: self.watermark });
        }
        let (frames, reached) = cache.page(&self.ranges, &self.own, PAGE_BYTES as usize)?;
        Some(Page { frames, reached })
    }

    /// Everything up to here is written.
    fn reach(&mut self, reached: Seq) {
        EventRange::advance(&mut self.ranges, reached);
        self.own.drain(..self.own.partition_point(|(seq, _)| *seq <= reached));
        if let Some(found) = &mut self.found {
            found.rest.drain(..found.rest.partition_point(|event| event.seq <= reached));
        }
    }

    /// What the next page is to be read of, how many events that are at most, and the last of them if that is known.
    fn next_page(&mut self) -> (Vec<EventRange>, usize, Seq) {
        let Some(found) = &mut self.found else { return (self.ranges.clone(), self.size, self.watermark) };
        let some = self.size.min(found.rest.len());
        let page = found.rest.make_contiguous().get(..some).unwrap_or_default();
        (narrowed(&found.ranges, page), some, page.last().map_or(self.watermark, |event| event.seq))
    }

    /// Whether nothing lies behind `reached`, if that was looked for.
    fn ends_at(&self, reached: Seq) -> Option<bool> {
        self.found.as_ref().map(|found| found.rest.back().is_none_or(|last| last.seq <= reached))
    }

    /// What was read, and between it the user's own.
    fn page(&self, read: Vec<(EventOwner, Placed)>, reached: Seq) -> Page {
        let own = self.own.iter().filter(|(seq, _)| *seq <= reached).cloned();
        let mut placed: Vec<Placed> = read.into_iter().map(|(_, placed)| placed).chain(own).collect();
        placed.sort_by_key(|(seq, _)| *seq);
        Page { frames: placed.into_iter().map(|(_, frame)| frame).collect(), reached }
    }
}

/// A page as read.
struct Read {
    frames: Vec<(EventOwner, Placed)>,
    bytes: usize,
}

impl Read {
    fn of(events: &[EventText]) -> Self {
        let placed = |event: &EventText| (event.owner, (event.seq, Bytes::from(event.frame())));
        let frames: Vec<(EventOwner, Placed)> = events.iter().map(placed).collect();
        let bytes = frames.iter().map(|(_, (_, frame))| frame.len()).sum();
        Self { frames, bytes }
    }

    /// Tells the cache that these are all frames of `ranges` up to `upto`.
    fn keep_in(&self, cache: &ReplayCache, shard: ShardId, watermark: Seq, ranges: &[EventRange], upto: Seq) {
        let mut of: HashMap<EventOwner, Vec<Placed>> = HashMap::new();
        for (owner, placed) in &self.frames {
            of.entry(*owner).or_default().push(placed.clone());
        }
        // What stands on a user's own subject concerns nobody else. Somebody who came back has several ranges of one conversation;
        // only the last is what others miss as well.
        let shared = ranges.iter().filter(|range| matches!(range.owner, EventOwner::Conversation(_)));
        let latest: HashMap<EventOwner, EventRange> = shared.map(|range| (range.owner, *range)).collect();
        for (owner, range) in latest {
            let read = EventRange { upto: range.upto.min(upto), ..range };
            let mut frames = of.remove(&owner).unwrap_or_default();
            frames.retain(|(seq, _)| read.after < *seq && *seq <= read.upto);
            cache.keep(shard, watermark, read, frames);
        }
    }
}

/// What of `(after, upto]` the user may see: what their memberships let them, and their own. Conversations in which nothing happened
/// are left out, and so is the user's own subject.
fn ranges(snapshot: &JoinSnapshot, user: UserId, shard: ShardId, after: Seq, upto: Seq) -> Vec<EventRange> {
    let visible = snapshot.memberships.iter().filter(|m| m.last > after && m.interval.shard == shard).map(|m| EventRange {
        owner: EventOwner::Conversation(m.interval.conversation),
        after: after.max(Seq(m.interval.joined.0.saturating_sub(1))),
        // Where nothing follows, everybody's range ends at the same place, whenever they ask.
        upto: m.interval.left.unwrap_or(upto).min(upto).min(m.last),
    });
    let own = snapshot.own.get(&shard).filter(|head| head.last > after).map(|_| EventRange { owner: EventOwner::User(user), after, upto });
    visible.filter(|range| range.after < range.upto).chain(own).collect()
}

/// The ranges in which a page's events lie, each from its first to its last of the page.
fn narrowed(ranges: &[EventRange], page: &[FoundEvent]) -> Vec<EventRange> {
    let mut firsts_and_lasts = std::collections::BTreeMap::new();
    for event in page {
        firsts_and_lasts.entry(event.range).or_insert((event.seq, event.seq)).1 = event.seq;
    }
    let narrow = |(number, (first, last)): (u32, (Seq, Seq))| {
        let range = ranges.get(number as usize)?;
        Some(EventRange { owner: range.owner, after: Seq(first.0.saturating_sub(1)), upto: last })
    };
    firsts_and_lasts.into_iter().filter_map(narrow).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_asked_for_where_it_lies() {
        let owner = EventOwner::Conversation("01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap());
        let whole = EventRange { owner, after: Seq(1), upto: Seq(99) };
        let at = |(seq, range)| FoundEvent { seq: Seq(seq), range };
        let page = [(5, 1), (7, 0), (8, 1), (9, 1)].map(at);
        let narrow: Vec<_> = narrowed(&[whole, whole, whole], &page).iter().map(|range| (range.after.0, range.upto.0)).collect();
        assert_eq!(narrow, [(6, 7), (4, 9)]);
    }
}

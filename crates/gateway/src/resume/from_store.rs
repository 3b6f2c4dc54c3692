//! Catching up from the projection. Where the missed events lie is found first, by the index alone; then they are read in pages
//! of so many encoded bytes, the next one when the client has taken the one before. So a client costs what it receives. What
//! others have just had read is not read again (`replay_cache.rs`).

use std::collections::HashMap;

use bytes::Bytes;
use relay_domain::ports::{EventRange, FoundEvent, JoinSnapshot};
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
        let Some(snapshot) = resumer.ask(user, || resumer.store.join_snapshot(user, session, &cursors)).await? else {
            return self.read_without_projection().await;
        };
        if !snapshot.session_live {
            return Err(REVOKED);
        }
        for (shard, after) in self.from.clone() {
            let Some(upto) = snapshot.watermarks.get(&shard).copied().filter(|upto| *upto > after) else { continue };
            let ranges = ranges(&snapshot, user, shard, after, upto);
            if !self.page_through(shard, upto, ranges).await? {
                return self.read_without_projection().await;
            }
            if self.reset.is_some() {
                break;
            }
            self.from.insert(shard, upto);
        }
        Ok(snapshot)
    }

    /// Writes the events of `ranges`, or gives up replaying one by one when they are too many. As far as others have just had them
    /// read they come from the cache, then from the projection. `false`: the projection went away.
    async fn page_through(&mut self, shard: ShardId, watermark: Seq, mut ranges: Vec<EventRange>) -> Result<bool, ResumeError> {
        let (resumer, user) = (self.resumer, self.socket.user);
        while let Some((frames, reached)) = resumer.hub.replay_cache.page(&ranges, PAGE_BYTES as usize) {
            let count = u32::try_from(frames.len()).unwrap_or(u32::MAX);
            if self.sent.saturating_add(count) > resumer.max_events {
                self.give_up(ResetReason::TooMuch);
                return Ok(true);
            }
            EventRange::advance(&mut ranges, reached);
            self.from.insert(shard, reached);
            self.write_with_progress(frames).await?;
        }
        if ranges.is_empty() {
            return Ok(true);
        }
        let most = resumer.max_events.saturating_sub(self.sent);
        let Some(found) = resumer.ask(user, || resumer.store.find_events(shard, &ranges, most)).await? else { return Ok(false) };
        let Some(found) = found else {
            self.give_up(ResetReason::TooMuch);
            return Ok(true);
        };
        let (mut rest, mut size, mut from) = (found.as_slice(), FIRST_PAGE, Seq::ZERO);
        while !rest.is_empty() {
            let page = rest.get(..size).unwrap_or(rest);
            let narrow = narrowed(&ranges, page);
            let limit = u32::try_from(page.len()).unwrap_or(u32::MAX);
            let asked = resumer.ask(user, || resumer.store.events(shard, &narrow, limit, PAGE_BYTES)).await?;
            let Some(events) = asked else { return Ok(false) };
            // What is not there any more was removed since, by an operator who drops a month; what was not there before, a repair
            // put there, and it took the last one's place in the page.
            let reached = events.last().map_or_else(|| page.last().map_or(Seq::ZERO, |event| event.seq), |event| event.seq);
            let read = Read::of(&events);
            size = (PAGE_BYTES as usize / (read.bytes / read.frames.len().max(1)).max(1)).clamp(1, PAGE);
            rest = rest.get(rest.partition_point(|event| event.seq <= reached)..).unwrap_or_default();
            let complete = if rest.is_empty() { watermark } else { reached };
            read.keep_in(&resumer.hub.replay_cache, shard, watermark, &ranges, (from, complete));
            from = reached;
            self.from.insert(shard, reached);
            self.write_with_progress(read.frames.into_iter().map(|(_, (_, frame))| frame).collect()).await?;
        }
        Ok(true)
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

    /// Tells the cache that in each of `ranges` these are all frames of `(from, upto]`.
    fn keep_in(&self, cache: &ReplayCache, shard: ShardId, watermark: Seq, ranges: &[EventRange], (from, upto): (Seq, Seq)) {
        let mut of: HashMap<EventOwner, Vec<Placed>> = HashMap::new();
        for (owner, placed) in &self.frames {
            of.entry(*owner).or_default().push(placed.clone());
        }
        // What stands on a user's own subject concerns nobody else. Somebody who came back has several ranges of one conversation;
        // only the last is what others miss as well.
        let shared = ranges.iter().filter(|range| matches!(range.owner, EventOwner::Conversation(_)));
        let latest: HashMap<EventOwner, EventRange> = shared.map(|range| (range.owner, *range)).collect();
        for (owner, range) in latest {
            let read = EventRange { after: range.after.max(from), upto: range.upto.min(upto), ..range };
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

//! Frames that somebody's catching up has just read from the projection, for the others who come back at the same time.
//!
//! After a crash everybody in a conversation misses the same events. Without this each of them would have the database read
//! them again. A conversation's frames are held as one stretch of its chain without a hole, so that a stretch which reaches over
//! somebody's gap answers for it. Bounded in bytes and in time; what was erased is dropped at the erasure's own step.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque, vec_deque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use relay_domain::ports::EventRange;
use relay_protocol::log::EventOwner;
use relay_types::{ConversationId, Seq, ShardId};

/// How long a stretch is used, from its first reading on: what is repaired in the database shows after this time.
const KEPT: Duration = Duration::from_secs(30);
/// What a frame costs beyond its bytes.
const HANDLE_BYTES: usize = size_of::<(Seq, Bytes)>() + 64;
/// What a stretch costs beyond its frames.
const STRETCH_BYTES: usize = size_of::<(EventOwner, Stretch)>() * 2 + size_of::<(Instant, EventOwner)>() * 2;
/// The share of all bytes that one conversation may take.
const LARGEST_SHARE: usize = 8;

/// A frame and its place.
pub(crate) type Placed = (Seq, Bytes);

/// Every frame of one conversation in `(after, upto]`, ascending.
struct Stretch {
    shard: ShardId,
    after: Seq,
    upto: Seq,
    frames: VecDeque<Placed>,
    bytes: usize,
    since: Instant,
}

#[derive(Default)]
struct State {
    stretches: HashMap<EventOwner, Stretch>,
    /// In the order in which they end; with entries of stretches that are gone.
    order: VecDeque<(Instant, EventOwner)>,
    bytes: usize,
    /// Per shard, the last erasure that passed.
    erased: BTreeMap<ShardId, Seq>,
}

/// See the module.
pub(crate) struct ReplayCache {
    state: Mutex<State>,
    limit_bytes: usize,
}

impl ReplayCache {
    /// An empty cache of at most `limit_bytes`; 0: nothing is kept.
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self { state: Mutex::default(), limit_bytes }
    }

    /// The frames of `ranges` from their beginnings on, and of `own` between them, in the log's order, as far as every range is
    /// here: about `bytes` of them, and up to which sequence they are all. `None`: nothing of the beginning is here. The caller
    /// comes again for the rest, so that a slow reader holds one page and not the cache.
    pub(crate) fn page(&self, ranges: &[EventRange], own: &VecDeque<Placed>, bytes: usize) -> Option<(Vec<Bytes>, Seq)> {
        let now = Instant::now();
        let state = self.state.lock();
        let covering = |range: &EventRange| state.covering(range, now);
        // Up to where all of them are here. What is not here at all is so up to where it begins.
        let known_upto = |range: &EventRange| match covering(range) {
            Some(held) if held.upto >= range.upto => None,
            Some(held) => Some(held.upto),
            None => Some(range.after),
        };
        let end = ranges.iter().filter_map(known_upto).min().or_else(|| ranges.iter().map(|range| range.upto).max())?;
        if ranges.iter().all(|range| range.after >= end) {
            return None;
        }
        let mut next = BinaryHeap::new();
        let mut runs: Vec<_> = ranges.iter().filter_map(|range| covering(range).map(|held| held.within(range, end))).collect();
        runs.push(own.range(..own.partition_point(|(seq, _)| *seq <= end)));
        for (number, run) in runs.iter_mut().enumerate() {
            next.extend(run.next().map(|(seq, frame)| Reverse((*seq, number, frame))));
        }
        let (mut frames, mut size, mut reached) = (Vec::new(), 0, end);
        while let Some(Reverse((seq, number, frame))) = next.pop() {
            if size >= bytes {
                break;
            }
            size += frame.len();
            frames.push(frame.clone());
            reached = if next.is_empty() && runs.get(number).is_none_or(|run| run.len() == 0) { end } else { seq };
            next.extend(runs.get_mut(number).and_then(Iterator::next).map(|(seq, frame)| Reverse((*seq, number, frame))));
        }
        drop(next);
        drop(state);
        metrics::counter!("relay_replay_cache_frames_total").increment(frames.len() as u64);
        Some((frames, reached))
    }

    /// Whose frames the beginning of these ranges lacks here: the first one's.
    pub(crate) fn lacks(&self, ranges: &[EventRange]) -> Option<EventOwner> {
        let now = Instant::now();
        let state = self.state.lock();
        ranges.iter().find(|range| state.covering(range, now).is_none()).map(|range| range.owner)
    }

    /// Keeps `frames`, which are all of `range`, read from a projection that had come to `watermark`.
    pub(crate) fn keep(&self, shard: ShardId, watermark: Seq, range: EventRange, frames: Vec<Placed>) {
        if range.after >= range.upto || self.limit_bytes == 0 {
            return;
        }
        let mut state = self.state.lock();
        // It may have been read before the database knew of the erasure.
        if state.erased.get(&shard).is_some_and(|erased| *erased > watermark) {
            return;
        }
        let now = Instant::now();
        let held = state.take(range.owner).filter(|held| held.touches(shard, range) && now.duration_since(held.since) < KEPT);
        let room = (self.limit_bytes / LARGEST_SHARE).saturating_sub(held.as_ref().map_or(STRETCH_BYTES, |held| held.bytes));
        let fits = frames.iter().map(cost).sum::<usize>() <= room;
        let stretch = match held {
            Some(held) if fits => Some(held.joined_with(range, frames)),
            // What there is of it goes on to answer.
            Some(held) => Some(held),
            None => fits.then(|| Stretch::new(shard, range, frames, now)),
        };
        if let Some(stretch) = stretch {
            state.put(range.owner, stretch);
        }
        while state.bytes > self.limit_bytes {
            let Some((_, oldest)) = state.order.pop_front() else { break };
            state.take(oldest);
        }
    }

    /// An erasure of something in `conversation` passed at `seq`.
    pub(crate) fn erased(&self, shard: ShardId, conversation: ConversationId, seq: Seq) {
        let mut state = self.state.lock();
        state.take(EventOwner::Conversation(conversation));
        state.erased.insert(shard, seq);
    }

    /// The log is another one.
    pub(crate) fn clear(&self) {
        *self.state.lock() = State::default();
    }

    /// Forgets what is too old to be used, and says how many bytes are held.
    pub(crate) fn sweep(&self) -> usize {
        let mut state = self.state.lock();
        let now = Instant::now();
        while let Some((_, oldest)) = state.order.pop_front_if(|(since, _)| now.duration_since(*since) >= KEPT) {
            if state.stretches.get(&oldest).is_some_and(|stretch| now.duration_since(stretch.since) >= KEPT) {
                state.take(oldest);
            }
        }
        if state.stretches.is_empty() {
            // An idle gateway holds no tables of a past storm.
            state.stretches = HashMap::new();
            state.order = VecDeque::new();
        }
        state.bytes
    }
}

impl State {
    /// The stretch that has the beginning of the range.
    fn covering(&self, range: &EventRange, now: Instant) -> Option<&Stretch> {
        let covers = |held: &&Stretch| held.after <= range.after && range.after < held.upto && now.duration_since(held.since) < KEPT;
        self.stretches.get(&range.owner).filter(covers)
    }

    fn take(&mut self, owner: EventOwner) -> Option<Stretch> {
        let stretch = self.stretches.remove(&owner)?;
        self.bytes -= stretch.bytes;
        Some(stretch)
    }

    fn put(&mut self, owner: EventOwner, stretch: Stretch) {
        self.bytes += stretch.bytes;
        self.order.push_back((stretch.since, owner));
        self.stretches.insert(owner, stretch);
        // Stretches that grew stand in it several times.
        if self.order.len() > 2 * self.stretches.len() + 64 {
            let Self { order, stretches, .. } = self;
            let mut seen = std::collections::HashSet::new();
            order.retain(|(since, id)| stretches.get(id).is_some_and(|held| held.since == *since) && seen.insert(*id));
        }
    }
}

impl Stretch {
    fn new(shard: ShardId, range: EventRange, frames: Vec<Placed>, since: Instant) -> Self {
        let mut stretch = Self { shard, after: range.after, upto: range.upto, frames: frames.into(), bytes: 0, since };
        stretch.bytes = STRETCH_BYTES + stretch.frames.iter().map(cost).sum::<usize>();
        stretch
    }

    /// Its frames in the range, up to `end`.
    fn within(&self, range: &EventRange, end: Seq) -> vec_deque::Iter<'_, Placed> {
        let start = self.frames.partition_point(|(seq, _)| *seq <= range.after);
        let end = self.frames.partition_point(|(seq, _)| *seq <= range.upto.min(end));
        self.frames.range(start..end.max(start))
    }

    /// Whether it and the range are one stretch without a hole.
    fn touches(&self, shard: ShardId, range: EventRange) -> bool {
        self.shard == shard && range.after <= self.upto && self.after <= range.upto
    }

    fn joined_with(mut self, range: EventRange, frames: Vec<Placed>) -> Self {
        for frame in &frames {
            if frame.0 > self.upto {
                self.bytes += cost(frame);
                self.frames.push_back(frame.clone());
            }
        }
        for frame in frames.into_iter().rev() {
            if frame.0 <= self.after {
                self.bytes += cost(&frame);
                self.frames.push_front(frame);
            }
        }
        self.after = self.after.min(range.after);
        self.upto = self.upto.max(range.upto);
        self
    }
}

fn cost((_, frame): &Placed) -> usize {
    frame.len() + HANDLE_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARD: ShardId = ShardId(0);

    fn conversation(n: u64) -> ConversationId {
        format!("01ARZ3NDEKTSV4RRFFQ69G{n:04}").parse().unwrap()
    }

    fn range(n: u64, after: u64, upto: u64) -> EventRange {
        EventRange { owner: EventOwner::Conversation(conversation(n)), after: Seq(after), upto: Seq(upto) }
    }

    fn frames(seqs: &[u64]) -> Vec<Placed> {
        seqs.iter().map(|seq| (Seq(*seq), Bytes::from(format!("frame {seq}")))).collect()
    }

    /// Everything that the cache gives for these ranges, page by page, and where it ends.
    fn all(cache: &ReplayCache, ranges: &[EventRange], bytes: usize) -> (Vec<String>, u64) {
        let (mut ranges, mut all, mut end) = (ranges.to_vec(), Vec::new(), 0);
        while let Some((frames, reached)) = cache.page(&ranges, &VecDeque::new(), bytes) {
            all.extend(frames.iter().map(|frame| String::from_utf8_lossy(frame).replace("frame ", "")));
            end = reached.0;
            EventRange::advance(&mut ranges, reached);
        }
        (all, end)
    }

    #[test]
    fn a_stretch_answers_for_what_it_reaches_over() {
        let cache = ReplayCache::new(1 << 20);
        cache.keep(SHARD, Seq(20), range(1, 4, 20), frames(&[5, 9, 20]));
        assert_eq!(all(&cache, &[range(1, 5, 30)], 1 << 20), (vec!["9".to_owned(), "20".to_owned()], 20));
        assert_eq!(all(&cache, &[range(1, 5, 30), range(2, 0, 30)], 1 << 20).0.len(), 0, "another one's beginning is not here");
        assert_eq!(all(&cache, &[range(1, 5, 30), range(2, 10, 30)], 1 << 20), (vec!["9".to_owned()], 10), "up to where it begins");
        assert_eq!(cache.page(&[range(1, 3, 20)], &VecDeque::new(), 1 << 20), None, "what it does not reach back to it does not answer");
    }

    #[test]
    fn stretches_that_touch_become_one_and_others_replace() {
        let cache = ReplayCache::new(1 << 20);
        cache.keep(SHARD, Seq(20), range(1, 10, 20), frames(&[11, 20]));
        cache.keep(SHARD, Seq(30), range(1, 15, 30), frames(&[20, 25]));
        cache.keep(SHARD, Seq(30), range(1, 2, 12), frames(&[3, 7, 11]));
        assert_eq!(all(&cache, &[range(1, 2, 30)], 1), (["3", "7", "11", "20", "25"].map(str::to_owned).to_vec(), 30));
        cache.keep(SHARD, Seq(90), range(1, 80, 90), frames(&[85]));
        assert_eq!(cache.page(&[range(1, 2, 30)], &VecDeque::new(), 1), None, "a hole lies between");
        assert_eq!(all(&cache, &[range(1, 80, 90)], 1), (vec!["85".to_owned()], 90));
    }

    #[test]
    fn several_conversations_come_in_the_logs_order_and_in_pages() {
        let cache = ReplayCache::new(1 << 20);
        cache.keep(SHARD, Seq(20), range(1, 0, 20), frames(&[2, 8]));
        cache.keep(SHARD, Seq(20), range(2, 0, 20), frames(&[1, 5, 9]));
        let both = [range(1, 0, 20), range(2, 0, 20)];
        for bytes in [1, 8, 20, 1 << 20] {
            assert_eq!(all(&cache, &both, bytes), (["1", "2", "5", "8", "9"].map(str::to_owned).to_vec(), 20), "{bytes}");
        }
        let (page, reached) = cache.page(&both, &VecDeque::new(), 8).unwrap();
        assert_eq!((page.len(), reached), (2, Seq(2)), "a page, and no more");
    }

    #[test]
    fn own_events_stand_between_those_of_conversations_and_are_not_kept() {
        let cache = ReplayCache::new(1 << 20);
        cache.keep(SHARD, Seq(20), range(1, 0, 12), frames(&[2, 8]));
        let mut own: VecDeque<Placed> = frames(&[1, 5, 9, 15]).into();
        let page = |own: &VecDeque<Placed>, after, bytes| cache.page(&[range(1, after, 20)], own, bytes).unwrap();
        let (all, reached) = page(&own, 0, 1 << 20);
        assert_eq!(
            (all, reached),
            (frames(&[1, 2, 5, 8, 9]).into_iter().map(|(_, frame)| frame).collect(), Seq(12)),
            "up to where it knows"
        );
        let (some, reached) = page(&own, 0, 10);
        assert_eq!((some.len(), reached), (2, Seq(2)));
        own.drain(..1);
        assert_eq!(page(&own, 2, 1 << 20).0.len(), 3);
        assert_eq!(cache.lacks(&[range(1, 2, 20), range(2, 2, 20)]), Some(EventOwner::Conversation(conversation(2))));
        assert_eq!(cache.lacks(&[range(1, 2, 20)]), None);
    }

    #[test]
    fn an_erasure_drops_it_and_keeps_out_what_was_read_before() {
        let cache = ReplayCache::new(1 << 20);
        cache.keep(SHARD, Seq(20), range(1, 0, 20), frames(&[2, 8]));
        cache.erased(SHARD, conversation(1), Seq(21));
        assert_eq!(cache.page(&[range(1, 0, 20)], &VecDeque::new(), 10), None);
        cache.keep(SHARD, Seq(20), range(1, 0, 20), frames(&[2, 8]));
        assert_eq!(cache.page(&[range(1, 0, 20)], &VecDeque::new(), 10), None, "its projection did not know of the erasure");
        cache.keep(SHARD, Seq(21), range(1, 0, 21), frames(&[2, 8, 21]));
        assert_eq!(all(&cache, &[range(1, 0, 21)], 10).0.len(), 3);
    }

    #[test]
    fn what_grows_too_large_answers_as_far_as_it_is() {
        let cache = ReplayCache::new(64 * 1024);
        cache.keep(SHARD, Seq(20), range(1, 0, 20), frames(&[2, 8]));
        let many: Vec<u64> = (21..=1_000).collect();
        cache.keep(SHARD, Seq(1_000), range(1, 20, 1_000), frames(&many));
        assert_eq!(all(&cache, &[range(1, 0, 1_000)], 1 << 20), (vec!["2".to_owned(), "8".to_owned()], 20));
    }

    #[test]
    fn bounded_in_bytes() {
        let cache = ReplayCache::new(64 * 1024);
        for n in 0..1_000 {
            cache.keep(SHARD, Seq(20), range(n, 0, 20), frames(&[2, 8]));
        }
        assert!(cache.sweep() <= 64 * 1024);
        assert_eq!(cache.page(&[range(0, 0, 20)], &VecDeque::new(), 10), None, "the oldest went first");
        assert_eq!(all(&cache, &[range(999, 0, 20)], 10).0.len(), 2);
        let many: Vec<u64> = (1..=1_000).collect();
        cache.keep(SHARD, Seq(1_000), range(7, 0, 1_000), frames(&many));
        assert_eq!(cache.page(&[range(7, 0, 1_000)], &VecDeque::new(), 10_000), None, "one conversation does not take it all");
        assert_eq!(all(&cache, &[range(999, 0, 20)], 10).0.len(), 2);
        let grown = ReplayCache::new(1 << 20);
        for seq in 1..5_000 {
            grown.keep(SHARD, Seq(seq), range(1, seq - 1, seq), Vec::new());
        }
        assert!(grown.state.lock().order.len() < 100);
    }
}

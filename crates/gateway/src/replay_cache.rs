//! Frames that somebody's catching up has just read from the projection, for the others who come back at the same time.
//!
//! After a crash everybody in a conversation misses the same events. Without this each of them would have the database read
//! them again. A conversation's frames are held as one stretch of its chain without a hole, so that a stretch which reaches over
//! somebody's gap answers for it. Bounded in bytes and in time; what was erased is dropped at the erasure's own step.

use std::collections::{BTreeMap, HashMap, VecDeque};
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

    /// The frames of `ranges` that are here, in the log's order, and what of `ranges` is not. At most `most` frames: with more the
    /// ranges come back as they were.
    pub(crate) fn find(&self, ranges: &[EventRange], most: u32) -> (Vec<Placed>, Vec<EventRange>) {
        let (mut found, mut rest) = (Vec::new(), Vec::new());
        let now = Instant::now();
        let state = self.state.lock();
        for range in ranges {
            let stretch = state.stretches.get(&range.owner);
            let covering = |held: &&Stretch| held.after <= range.after && range.after < held.upto && now.duration_since(held.since) < KEPT;
            let Some(stretch) = stretch.filter(covering) else {
                rest.push(*range);
                continue;
            };
            let start = stretch.frames.partition_point(|(seq, _)| *seq <= range.after);
            let end = stretch.frames.partition_point(|(seq, _)| *seq <= range.upto);
            if found.len() + (end - start) > most as usize {
                return (Vec::new(), ranges.to_vec());
            }
            found.extend(stretch.frames.range(start..end).cloned());
            if stretch.upto < range.upto {
                rest.push(EventRange { after: stretch.upto, ..*range });
            }
        }
        drop(state);
        found.sort_unstable_by_key(|(seq, _)| *seq);
        metrics::counter!("relay_replay_cache_frames_total").increment(found.len() as u64);
        (found, rest)
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
        let stretch = match held {
            Some(held) => held.joined_with(range, frames),
            None => Stretch::new(shard, range, frames, now),
        };
        if stretch.bytes <= self.limit_bytes / LARGEST_SHARE {
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

    fn seqs(found: &[Placed]) -> Vec<u64> {
        found.iter().map(|(seq, _)| seq.0).collect()
    }

    #[test]
    fn a_stretch_answers_for_what_it_reaches_over() {
        let cache = ReplayCache::new(1 << 20);
        cache.keep(SHARD, Seq(20), range(1, 4, 20), frames(&[5, 9, 20]));
        let (found, rest) = cache.find(&[range(1, 5, 30), range(2, 0, 30)], 10);
        assert_eq!(seqs(&found), [9, 20]);
        assert_eq!(rest, [range(1, 20, 30), range(2, 0, 30)]);
        let (found, rest) = cache.find(&[range(1, 3, 20)], 10);
        assert_eq!((seqs(&found), rest), (vec![], vec![range(1, 3, 20)]), "what it does not reach back to it does not answer");
    }

    #[test]
    fn stretches_that_touch_become_one_and_others_replace() {
        let cache = ReplayCache::new(1 << 20);
        cache.keep(SHARD, Seq(20), range(1, 10, 20), frames(&[11, 20]));
        cache.keep(SHARD, Seq(30), range(1, 15, 30), frames(&[20, 25]));
        cache.keep(SHARD, Seq(30), range(1, 2, 12), frames(&[3, 7, 11]));
        let (found, rest) = cache.find(&[range(1, 2, 30)], 10);
        assert_eq!((seqs(&found), rest), (vec![3, 7, 11, 20, 25], vec![]));
        cache.keep(SHARD, Seq(90), range(1, 80, 90), frames(&[85]));
        assert_eq!(seqs(&cache.find(&[range(1, 2, 30)], 10).0), [0; 0], "a hole lies between");
        assert_eq!(seqs(&cache.find(&[range(1, 80, 90)], 10).0), [85]);
    }

    #[test]
    fn several_conversations_come_in_the_logs_order() {
        let cache = ReplayCache::new(1 << 20);
        cache.keep(SHARD, Seq(20), range(1, 0, 20), frames(&[2, 8]));
        cache.keep(SHARD, Seq(20), range(2, 0, 20), frames(&[1, 5, 9]));
        assert_eq!(seqs(&cache.find(&[range(1, 0, 20), range(2, 0, 20)], 10).0), [1, 2, 5, 8, 9]);
        let too_many = cache.find(&[range(1, 0, 20), range(2, 0, 20)], 4);
        assert_eq!((too_many.0.len(), too_many.1.len()), (0, 2));
    }

    #[test]
    fn an_erasure_drops_it_and_keeps_out_what_was_read_before() {
        let cache = ReplayCache::new(1 << 20);
        cache.keep(SHARD, Seq(20), range(1, 0, 20), frames(&[2, 8]));
        cache.erased(SHARD, conversation(1), Seq(21));
        assert_eq!(cache.find(&[range(1, 0, 20)], 10).1, [range(1, 0, 20)]);
        cache.keep(SHARD, Seq(20), range(1, 0, 20), frames(&[2, 8]));
        assert_eq!(cache.find(&[range(1, 0, 20)], 10).1, [range(1, 0, 20)], "its projection did not know of the erasure");
        cache.keep(SHARD, Seq(21), range(1, 0, 21), frames(&[2, 8, 21]));
        assert_eq!(seqs(&cache.find(&[range(1, 0, 21)], 10).0), [2, 8, 21]);
    }

    #[test]
    fn bounded_in_bytes() {
        let cache = ReplayCache::new(64 * 1024);
        for n in 0..1_000 {
            cache.keep(SHARD, Seq(20), range(n, 0, 20), frames(&[2, 8]));
        }
        assert!(cache.sweep() <= 64 * 1024);
        assert!(cache.find(&[range(0, 0, 20)], 10).0.is_empty(), "the oldest went first");
        assert_eq!(cache.find(&[range(999, 0, 20)], 10).0.len(), 2);
        let many: Vec<u64> = (1..=1_000).collect();
        cache.keep(SHARD, Seq(1_000), range(7, 0, 1_000), frames(&many));
        assert!(cache.find(&[range(7, 0, 1_000)], 10_000).0.is_empty(), "one conversation does not take it all");
        assert_eq!(cache.find(&[range(999, 0, 20)], 10).0.len(), 2);
        let grown = ReplayCache::new(1 << 20);
        for seq in 1..5_000 {
            grown.keep(SHARD, Seq(seq), range(1, seq - 1, seq), Vec::new());
        }
        assert!(grown.state.lock().order.len() < 100);
    }
}

//! Receipts: who has read up to where, and what others' devices have. They are states, not events: what a frame says may be lost,
//! and is read again over REST.
//!
//! Processes tell each other in batches over subjects of their own, as with [`crate::ephemeral`].

use relay_types::{ConversationId, Seq, ShardId, UserId};

use crate::ephemeral::{BatchError, MAX_BATCH_BYTES, MAX_BATCH_NOTICES};

/// Members of a conversation at most in which receipts name people. In larger ones, who has read a message is asked for.
pub const RECEIPTS_MOST_MEMBERS: u32 = 64;

/// Up to where somebody has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ReadBy {
    /// Who.
    pub user_id: UserId,
    /// What stands at or before this place says nothing: they came later, or had receipts off when they read it. It only rises.
    pub after_seq: Seq,
    /// They have read what stands behind `after_seq` and not behind this place. It only rises.
    pub read_seq: Seq,
}

impl ReadBy {
    /// Whether they have read what stands there, as far as they tell.
    pub fn covers(&self, seq: Seq) -> bool {
        self.after_seq < seq && seq <= self.read_seq
    }

    /// Takes in what was said at another time: both places only rise.
    pub fn rise(&mut self, other: &Self) {
        self.after_seq = self.after_seq.max(other.after_seq);
        self.read_seq = self.read_seq.max(other.read_seq);
    }
}

/// Up to where somebody's devices have what the one who is told has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct DeliveredTo {
    /// Whose devices.
    pub user_id: UserId,
    /// The newest message of the told one's own that they have. It only rises.
    pub seq: Seq,
}

/// What others have read, and have, in one conversation. Not an event: it has no `seq`, is not replayed, and may be lost. A client reads the
/// whole state (`GET /v1/conversations/{id}/receipts`) after it connected and when it shows a conversation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Receipts {
    /// Where.
    pub conversation_id: ConversationId,
    /// People who have read further; those who are not named have not changed. One's own may be among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<ReadBy>,
    /// People whose devices have more of what one has sent oneself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delivered: Vec<DeliveredTo>,
}

impl Receipts {
    /// Nothing, so far.
    pub const fn none(conversation_id: ConversationId) -> Self {
        Self { conversation_id, read: Vec::new(), delivered: Vec::new() }
    }

    /// Whether it says nothing.
    pub const fn is_empty(&self) -> bool {
        self.read.is_empty() && self.delivered.is_empty()
    }

    /// Takes in what was said at another time.
    pub fn merge(&mut self, other: &Self) {
        for by in &other.read {
            self.rise(by);
        }
        for to in &other.delivered {
            self.has(to);
        }
    }

    /// Takes in what one person's devices have.
    pub fn has(&mut self, to: &DeliveredTo) {
        match self.delivered.iter_mut().find(|known| known.user_id == to.user_id) {
            Some(known) => known.seq = known.seq.max(to.seq),
            None => self.delivered.push(*to),
        }
    }

    /// Takes in one person's mark.
    pub fn rise(&mut self, by: &ReadBy) {
        match self.read.iter_mut().find(|known| known.user_id == by.user_id) {
            Some(known) => known.rise(by),
            None => self.read.push(*by),
        }
    }
}

/// Somebody has read further: what a process tells the gateways.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ReadNotice {
    /// Where.
    pub conversation_id: ConversationId,
    /// Who, and up to where.
    pub by: ReadBy,
    /// Members who have receipts off: they are told nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_to: Vec<UserId>,
    /// The conversation's shard.
    pub shard: ShardId,
    /// Everything of the conversation up to here was known when the mark was taken, and the reader was in it. Whoever knows of a later
    /// change of membership drops the notice; whoever has not come so far waits.
    pub as_of: Seq,
}

impl ReadNotice {
    /// Takes the place of an earlier one of the same person in the same conversation.
    pub fn replaces(&mut self, earlier: &Self) {
        self.by.rise(&earlier.by);
        self.as_of = self.as_of.max(earlier.as_of);
    }
}

/// Somebody's devices have more of what others said: what a gateway tells the others. Each author is told of their own alone.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DeliveredNotice {
    /// Where.
    pub conversation_id: ConversationId,
    /// Whose devices.
    pub user_id: UserId,
    /// Authors, each with the newest message of theirs that the devices have now. At most [`RECEIPTS_MOST_MEMBERS`].
    pub of: Vec<DeliveredTo>,
    /// The conversation's shard.
    pub shard: ShardId,
    /// As in [`ReadNotice`].
    pub as_of: Seq,
}

impl DeliveredNotice {
    /// Takes the place of an earlier one of the same person in the same conversation.
    pub fn replaces(&mut self, earlier: &Self) {
        for of in &earlier.of {
            match self.of.iter_mut().find(|known| known.user_id == of.user_id) {
                Some(known) => known.seq = known.seq.max(of.seq),
                None => self.of.push(*of),
            }
        }
        self.as_of = self.as_of.max(earlier.as_of);
    }
}

/// What one process tells the gateways at once, on one bucket's subject.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ReceiptBatch {
    /// The shape's version.
    pub v: u16,
    /// At most [`MAX_BATCH_NOTICES`].
    #[serde(default)]
    pub read: Vec<ReadNotice>,
    /// At most [`MAX_BATCH_NOTICES`].
    #[serde(default)]
    pub delivered: Vec<DeliveredNotice>,
}

/// The present shape of batches. It only ever grows.
const BATCH_VERSION: u16 = 1;

impl ReceiptBatch {
    /// As few batches as hold these notices. One that no batch can hold is left out.
    pub fn pack(notices: Vec<ReadNotice>) -> Vec<Vec<u8>> {
        let cost = |notice: &ReadNotice| NOTICE_BYTES + notice.not_to.len() * NOT_TO_BYTES;
        packed(notices, cost, |read| Self { v: BATCH_VERSION, read, delivered: Vec::new() })
    }

    /// As [`Self::pack`].
    pub fn pack_delivered(notices: Vec<DeliveredNotice>) -> Vec<Vec<u8>> {
        let cost = |notice: &DeliveredNotice| NOTICE_BYTES + notice.of.len() * OF_BYTES;
        packed(notices, cost, |delivered| Self { v: BATCH_VERSION, read: Vec::new(), delivered })
    }

    /// Reads a batch. What is beyond the limits is not looked at.
    pub fn decode(bytes: &[u8]) -> Result<Self, BatchError> {
        if bytes.len() > MAX_BATCH_BYTES {
            return Err(BatchError::TooLarge);
        }
        let batch: Self = serde_json::from_slice(bytes).map_err(|_| BatchError::Malformed)?;
        let too_many = batch.read.len() > MAX_BATCH_NOTICES || batch.delivered.len() > MAX_BATCH_NOTICES;
        let most = RECEIPTS_MOST_MEMBERS as usize;
        let named = batch.read.iter().map(|notice| notice.not_to.len()).chain(batch.delivered.iter().map(|notice| notice.of.len()));
        if too_many || named.max().is_some_and(|named| named > most) { Err(BatchError::TooLarge) } else { Ok(batch) }
    }
}

fn packed<T>(notices: Vec<T>, cost: impl Fn(&T) -> usize, batch_of: impl Fn(Vec<T>) -> ReceiptBatch) -> Vec<Vec<u8>> {
    const ROOM: usize = MAX_BATCH_BYTES - ENVELOPE_BYTES;
    // Every type here serialises.
    let encode = |batch: Vec<T>| serde_json::to_vec(&batch_of(batch)).unwrap_or_default();
    let mut batches = Vec::new();
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for notice in notices {
        let cost = cost(&notice);
        if cost > ROOM {
            continue;
        }
        if batch.len() >= MAX_BATCH_NOTICES || bytes + cost > ROOM {
            batches.push(encode(std::mem::take(&mut batch)));
            bytes = 0;
        }
        bytes += cost;
        batch.push(notice);
    }
    if !batch.is_empty() {
        batches.push(encode(batch));
    }
    batches
}

/// A notice at its longest, without the people it names; one who is told nothing, and one who is told; what stands around notices.
const NOTICE_BYTES: usize = 320;
const NOT_TO_BYTES: usize = 29;
const OF_BYTES: usize = 80;
const ENVELOPE_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn user(n: u128) -> UserId {
        format!("{n:026}").parse().unwrap()
    }

    fn notice(n: u128, not_to: u128) -> ReadNotice {
        ReadNotice {
            conversation_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            by: ReadBy { user_id: user(n), after_seq: Seq(u64::MAX), read_seq: Seq(u64::MAX) },
            not_to: (0..not_to).map(user).collect(),
            shard: ShardId(u16::MAX),
            as_of: Seq(u64::MAX),
        }
    }

    #[test]
    fn many_notices_go_into_batches_that_are_read_back() {
        let notices: Vec<ReadNotice> = (0..1_000).map(|n| notice(n, n % 65)).collect();
        let batches = ReceiptBatch::pack(notices.clone());
        assert!(batches.iter().all(|batch| batch.len() <= MAX_BATCH_BYTES));
        let read: Vec<ReadNotice> = batches.iter().flat_map(|batch| ReceiptBatch::decode(batch).unwrap().read).collect();
        assert_eq!(read, notices);
        assert_eq!(ReceiptBatch::pack(vec![notice(1, 10_000)]), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn what_was_delivered_goes_into_batches_too_and_the_newest_of_each_author_stays() {
        let notice = |n: u128, authors: u128, seq: u64| DeliveredNotice {
            conversation_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            user_id: user(n),
            of: (0..authors).map(|author| DeliveredTo { user_id: user(author), seq: Seq(seq) }).collect(),
            shard: ShardId(u16::MAX),
            as_of: Seq(seq),
        };
        let notices: Vec<DeliveredNotice> = (0..1_000).map(|n| notice(n, n % 65, u64::MAX)).collect();
        let batches = ReceiptBatch::pack_delivered(notices.clone());
        assert!(batches.iter().all(|batch| batch.len() <= MAX_BATCH_BYTES));
        let read: Vec<DeliveredNotice> = batches.iter().flat_map(|batch| ReceiptBatch::decode(batch).unwrap().delivered).collect();
        assert_eq!(read, notices);
        let too_many = serde_json::to_vec(&ReceiptBatch { v: 1, read: Vec::new(), delivered: vec![notice(1, 65, 1)] }).unwrap();
        assert_eq!(ReceiptBatch::decode(&too_many), Err(BatchError::TooLarge));
        let mut newer = notice(1, 1, 5);
        newer.replaces(&DeliveredNotice { as_of: Seq(1), ..notice(1, 2, 7) });
        assert_eq!(newer.of.iter().map(|of| of.seq.0).collect::<Vec<_>>(), [7, 7]);
        assert_eq!(newer.as_of, Seq(5));
    }

    #[test]
    fn what_is_no_batch_is_refused_and_what_is_new_is_carried() {
        for text in ["", "[]", "{}", r#"{"v":1,"read":[{}]}"#, r#"{"v":1,"read":[7]}"#, "\u{0}"] {
            assert_eq!(ReceiptBatch::decode(text.as_bytes()), Err(BatchError::Malformed), "{text}");
        }
        assert_eq!(ReceiptBatch::decode(&vec![b' '; MAX_BATCH_BYTES + 1]), Err(BatchError::TooLarge));
        let of = |notices: Vec<ReadNotice>| serde_json::to_vec(&ReceiptBatch { v: 2, read: notices, delivered: Vec::new() }).unwrap();
        assert_eq!(ReceiptBatch::decode(&of(vec![notice(1, 65)])), Err(BatchError::TooLarge));
        assert_eq!(ReceiptBatch::decode(&of(vec![notice(1, 0); MAX_BATCH_NOTICES + 1])), Err(BatchError::TooLarge));
        assert_eq!(ReceiptBatch::decode(br#"{"v":2,"heard":[1]}"#).map(|batch| batch.read.len()), Ok(0));
    }

    #[test]
    fn marks_only_rise_whatever_comes_when() {
        let (ann, bob) = (user(1), user(2));
        let by = |user_id, after, read| ReadBy { user_id, after_seq: Seq(after), read_seq: Seq(read) };
        let mut receipts = Receipts::none("01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap());
        for mark in [by(ann, 0, 5), by(bob, 3, 4), by(ann, 0, 3), by(ann, 6, 9), by(bob, 0, 4)] {
            let mut news = Receipts::none(receipts.conversation_id);
            news.rise(&mark);
            receipts.merge(&news);
        }
        assert_eq!(receipts.read, [by(ann, 6, 9), by(bob, 3, 4)]);
        let covered: Vec<u64> = (0..12).filter(|seq| by(ann, 6, 9).covers(Seq(*seq))).collect();
        assert_eq!(covered, [7, 8, 9]);
    }
}

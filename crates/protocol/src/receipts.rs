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

/// What others have read in one conversation. Not an event: it has no `seq`, is not replayed, and may be lost. A client reads the
/// whole state (`GET /v1/conversations/{id}/receipts`) after it connected and when it shows a conversation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Receipts {
    /// Where.
    pub conversation_id: ConversationId,
    /// People who have read further; those who are not named have not changed. One's own may be among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<ReadBy>,
}

impl Receipts {
    /// Nothing, so far.
    pub const fn none(conversation_id: ConversationId) -> Self {
        Self { conversation_id, read: Vec::new() }
    }

    /// Takes in what was said at another time.
    pub fn merge(&mut self, other: &Self) {
        for by in &other.read {
            self.rise(by);
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

/// What one process tells the gateways at once, on one bucket's subject.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ReceiptBatch {
    /// The shape's version.
    pub v: u16,
    /// At most [`MAX_BATCH_NOTICES`].
    #[serde(default)]
    pub read: Vec<ReadNotice>,
}

/// The present shape of batches. It only ever grows.
const BATCH_VERSION: u16 = 1;

impl ReceiptBatch {
    /// As few batches as hold these notices. One that no batch can hold is left out.
    pub fn pack(notices: Vec<ReadNotice>) -> Vec<Vec<u8>> {
        let mut batches = Vec::new();
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for notice in notices {
            let cost = NOTICE_BYTES + notice.not_to.len() * NOT_TO_BYTES;
            if cost > MAX_BATCH_BYTES - ENVELOPE_BYTES {
                continue;
            }
            if batch.len() >= MAX_BATCH_NOTICES || bytes + cost > MAX_BATCH_BYTES - ENVELOPE_BYTES {
                batches.push(Self::encode(std::mem::take(&mut batch)));
                bytes = 0;
            }
            bytes += cost;
            batch.push(notice);
        }
        if !batch.is_empty() {
            batches.push(Self::encode(batch));
        }
        batches
    }

    fn encode(read: Vec<ReadNotice>) -> Vec<u8> {
        // Every type here serialises.
        serde_json::to_vec(&Self { v: BATCH_VERSION, read }).unwrap_or_default()
    }

    /// Reads a batch. What is beyond the limits is not looked at.
    pub fn decode(bytes: &[u8]) -> Result<Self, BatchError> {
        if bytes.len() > MAX_BATCH_BYTES {
            return Err(BatchError::TooLarge);
        }
        let batch: Self = serde_json::from_slice(bytes).map_err(|_| BatchError::Malformed)?;
        let too_many = batch.read.len() > MAX_BATCH_NOTICES;
        let named = |notice: &ReadNotice| notice.not_to.len() > RECEIPTS_MOST_MEMBERS as usize;
        if too_many || batch.read.iter().any(named) { Err(BatchError::TooLarge) } else { Ok(batch) }
    }
}

/// A notice at its longest, without those who are told nothing; one of those; what stands around notices.
const NOTICE_BYTES: usize = 320;
const NOT_TO_BYTES: usize = 29;
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
    fn what_is_no_batch_is_refused_and_what_is_new_is_carried() {
        for text in ["", "[]", "{}", r#"{"v":1,"read":[{}]}"#, r#"{"v":1,"read":[7]}"#, "\u{0}"] {
            assert_eq!(ReceiptBatch::decode(text.as_bytes()), Err(BatchError::Malformed), "{text}");
        }
        assert_eq!(ReceiptBatch::decode(&vec![b' '; MAX_BATCH_BYTES + 1]), Err(BatchError::TooLarge));
        let of = |notices: Vec<ReadNotice>| serde_json::to_vec(&ReceiptBatch { v: 2, read: notices }).unwrap();
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

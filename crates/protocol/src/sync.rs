//! What a client shows first, in one answer, and what changed since.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use relay_types::{ConversationId, MessageId, Seq, ShardId, TimestampMs};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::position::is_epoch;
use crate::presence::PersonPresence;
use crate::receipts::ReadBy;
use crate::rest::{ConversationListItem, Settings};

/// Conversations of one answer at most, and unless the client says how many.
pub const MOST_SYNCED: u16 = 200;
/// Bytes of the drafts' texts in one answer; those of which it would be more come without their text.
pub const SYNCED_DRAFT_BYTES: usize = 256 * 1024;
/// Characters of a token at most: some hundred shards. It stands in an address.
pub const MAX_SYNC_TOKEN: usize = 6 * 1024;

/// How far the answer goes that a token stands for, on one shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncPlace {
    /// Of which life of the stream `seq` is.
    pub epoch: String,
    /// Everything up to here is in it.
    pub seq: Seq,
    /// When that was stored, by the log's clock.
    pub at_ms: TimestampMs,
}

/// How far an answer goes: what a client hands back to be told what changed since.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncToken {
    /// Of each shard that the projection knows.
    pub shards: BTreeMap<ShardId, SyncPlace>,
}

/// The text is not a token that this service gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a sync token")]
pub struct SyncTokenError;

impl fmt::Display for SyncToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        let mut inner = "s1".to_owned();
        for (shard, SyncPlace { epoch, seq, at_ms }) in &self.shards {
            write!(inner, ".{shard}-{epoch}-{seq}-{at_ms}")?;
        }
        f.write_str(&URL_SAFE_NO_PAD.encode(inner))
    }
}

impl FromStr for SyncToken {
    type Err = SyncTokenError;

    fn from_str(token: &str) -> Result<Self, SyncTokenError> {
        if token.len() > MAX_SYNC_TOKEN {
            return Err(SyncTokenError);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| SyncTokenError)?;
        let inner = String::from_utf8(bytes).map_err(|_| SyncTokenError)?;
        let mut parts = inner.split('.');
        if parts.next() != Some("s1") {
            return Err(SyncTokenError);
        }
        let mut shards = BTreeMap::new();
        for part in parts {
            let mut fields = part.splitn(4, '-');
            let mut field = || fields.next().ok_or(SyncTokenError);
            let shard = ShardId(field()?.parse().map_err(|_| SyncTokenError)?);
            let epoch = field()?.to_owned();
            let seq = Seq(field()?.parse().map_err(|_| SyncTokenError)?);
            let at_ms: TimestampMs = field()?.parse().map_err(|_| SyncTokenError)?;
            // The database has signed numbers and no times beyond the year 9999.
            let fits = is_epoch(&epoch) && i64::try_from(seq.0).is_ok() && (0..=253_402_300_799_999).contains(&at_ms);
            if !fits || shards.insert(shard, SyncPlace { epoch, seq, at_ms }).is_some() {
                return Err(SyncTokenError);
            }
        }
        let parsed = Self { shards };
        if parsed.to_string() == token { Ok(parsed) } else { Err(SyncTokenError) }
    }
}

/// Query of `GET /v1/sync`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SyncQuery {
    /// The `token` of the last answer: only what changed since then comes. Without it everything comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(min_length = 1, max_length = 6144)]
    pub since: Option<String>,
    /// Conversations of the first page, 1 to 200; 200 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u16>,
}

/// `GET /v1/sync`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SyncAnswer {
    /// `true`: what is shown first, and it takes the place of what the client has. `false`: what changed since the token, and all that
    /// did.
    pub full: bool,
    /// Hand back as `since`. It holds for some 30 days, and says nothing to a client.
    pub token: String,
    /// The place in the log up to which the answer is complete, for a `hello`; absent where there is no such place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// The server's clock.
    pub now_ms: TimestampMs,
    /// With `full` the first page of the list, the most recently active first. Otherwise those of which something is new, in no order,
    /// archived ones and requests among them.
    pub conversations: Vec<ConversationListItem>,
    /// With `full`: the `cursor` of the list's next page; absent when this is all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// With `full`: what is pinned and not on the page.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pinned: Vec<ConversationListItem>,
    /// With `full`: the first page of what is archived.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub archived: Vec<ConversationListItem>,
    /// As `next_cursor`, of the archived ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_cursor: Option<String>,
    /// With `full`: the first page of what others began and the caller has not answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<ConversationListItem>,
    /// As `next_cursor`, of the requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_cursor: Option<String>,
    /// Without `full`: conversations that are in none of the caller's lists any more, because they left or hid them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<ConversationId>,
    /// Groups that the caller is asked to join.
    pub invitation_count: u32,
    /// With `full` all drafts, the last changed first. Otherwise those that changed; an emptied one has the text `""`.
    pub drafts: Vec<SyncedDraft>,
    /// What the caller has set for all their devices.
    pub settings: Settings,
    /// Of the direct conversations above: how far the other person has read, as `getReceipts` says it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<SyncedReceipt>,
    /// The other people of the direct conversations above, as `watch_presence` tells of them. Empty when that is not known now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub presence: Vec<PersonPresence>,
}

/// A draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SyncedDraft {
    /// The conversation's id.
    pub conversation_id: ConversationId,
    /// Rises with each change: the greatest is the last.
    pub version: u64,
    /// What is written; absent where the answer would become too long: then `getDraft` has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
}

/// How far the other person of a direct conversation has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SyncedReceipt {
    /// The conversation's id.
    pub conversation_id: ConversationId,
    /// Who, and from where to where.
    pub read: ReadBy,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_token_is_read_as_it_was_written_and_no_other_is() {
        for inner in ["s1", "s1.0-E-5-77", "s1.0-E-5-77.3-F-0-0"] {
            let token = URL_SAFE_NO_PAD.encode(inner);
            assert_eq!(token.parse::<SyncToken>().unwrap().to_string(), token);
        }
        for bad in [
            "",
            "s2.0-E-5-77",
            "s1.0-E-5",
            "s1.0--5-77",
            "s1.0-E-+5-77",
            "s1.0-E-5-77-",
            "s1.0-E-05-77",
            "s1.0-E-5--1",
            "s1.0-E-5-77.0-E-5-77",
            "s1.1-E-5-77.0-E-5-77",
            "s1.0-E-9223372036854775808-77",
            "s1.0-E-5-253402300800000",
        ] {
            assert_eq!(URL_SAFE_NO_PAD.encode(bad).parse::<SyncToken>(), Err(SyncTokenError), "{bad}");
        }
        assert_eq!("%".parse::<SyncToken>(), Err(SyncTokenError));
        assert_eq!("A".repeat(MAX_SYNC_TOKEN + 1).parse::<SyncToken>(), Err(SyncTokenError));
    }

    proptest! {
        #[test]
        fn tokens_round_trip(shards in proptest::collection::btree_map(0u16..100, ("[0-9A-Z]{1,26}", 0..i64::MAX as u64, 0..9_000_000_000_000i64), 0..9)) {
            let places = shards.into_iter().map(|(shard, (epoch, seq, at_ms))| (ShardId(shard), SyncPlace { epoch, seq: Seq(seq), at_ms }));
            let token = SyncToken { shards: places.collect() };
            prop_assert_eq!(token.to_string().parse::<SyncToken>().unwrap(), token);
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".*") {
            let _ = text.parse::<SyncToken>();
        }
    }
}

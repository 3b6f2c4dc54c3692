//! A client's place in the log, as an opaque token.
//!
//! Inside: the epoch and, for each shard, the sequence up to which the client has everything. Clients store the newest
//! token they were given and hand it back; only the server reads it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use relay_types::{Seq, ShardId};

/// More shards than any topology has; bounds what a token can make the server allocate.
const MAX_SHARDS: usize = 1024;
/// Longest token: epoch and [`MAX_SHARDS`] entries of at most 26 characters, in base 64.
const MAX_TOKEN_LEN: usize = 40 * 1024;

/// The text is not a position that this service gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a position token")]
pub struct PositionError;

/// Up to where a client has everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Which epoch of the log the sequences belong to; a rebuilt stream has another one.
    pub epoch: String,
    /// Per shard, the last sequence the client has.
    pub shards: BTreeMap<ShardId, Seq>,
}

impl Position {
    /// The sequence on `shard`, if the token names that shard.
    pub fn seq(&self, shard: ShardId) -> Option<Seq> {
        self.shards.get(&shard).copied()
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        let mut inner = format!("1.{}", self.epoch);
        for (shard, seq) in &self.shards {
            write!(inner, ".{shard}-{seq}")?;
        }
        f.write_str(&URL_SAFE_NO_PAD.encode(inner))
    }
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(token: &str) -> Result<Self, PositionError> {
        if token.len() > MAX_TOKEN_LEN {
            return Err(PositionError);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| PositionError)?;
        let inner = String::from_utf8(bytes).map_err(|_| PositionError)?;
        let mut parts = inner.split('.');
        if parts.next() != Some("1") {
            return Err(PositionError);
        }
        let epoch = parts.next().filter(|e| is_epoch(e)).ok_or(PositionError)?.to_owned();
        let mut shards = BTreeMap::new();
        for part in parts {
            let (shard, seq) = part.split_once('-').ok_or(PositionError)?;
            let shard = ShardId(shard.parse().map_err(|_| PositionError)?);
            let seq = Seq(seq.parse().map_err(|_| PositionError)?);
            if shards.insert(shard, seq).is_some() || shards.len() > MAX_SHARDS {
                return Err(PositionError);
            }
        }
        let position = Self { epoch, shards };
        // Each place has one token: numbers are written in one way only, and the shards are in order.
        if position.to_string() != token {
            return Err(PositionError);
        }
        Ok(position)
    }
}

/// Epochs are short words of letters and digits.
pub fn is_epoch(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_is_written_in_one_way() {
        assert!(URL_SAFE_NO_PAD.encode("1.E.0-5.1-7").parse::<Position>().is_ok());
        for other in ["1.E.0-+5", "1.E.+0-5", "1.E.00-5", "1.E.0-05", "1.E.1-7.0-5"] {
            assert_eq!(URL_SAFE_NO_PAD.encode(other).parse::<Position>(), Err(PositionError), "{other}");
        }
    }

    proptest! {
        #[test]
        fn token_round_trips(epoch in "[0-9A-Z]{1,26}", shards in proptest::collection::btree_map(0u16..100, any::<u64>(), 0..20)) {
            let position = Position { epoch, shards: shards.into_iter().map(|(k, v)| (ShardId(k), Seq(v))).collect() };
            prop_assert_eq!(position.to_string().parse::<Position>().unwrap(), position);
        }

        #[test]
        fn what_is_read_is_written_the_same(inner in "1\\.[0-9A-Z]{1,4}(\\.[+]?[0-9]{1,3}-[+]?[0-9]{1,3}){0,3}") {
            let token = URL_SAFE_NO_PAD.encode(inner);
            if let Ok(position) = token.parse::<Position>() {
                prop_assert_eq!(position.to_string(), token);
            }
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".*") {
            let _ = text.parse::<Position>();
        }
    }
}

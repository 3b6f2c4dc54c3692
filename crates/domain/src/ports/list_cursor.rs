//! A place in a user's list of conversations, as the token that clients hand back.

use std::fmt;
use std::str::FromStr;

use relay_types::ConversationId;

/// A place in a user's list: the row after which the next page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListCursor {
    /// The row's last activity, in microseconds since the Unix epoch (Postgres' own resolution, so that no row is
    /// skipped or repeated by rounding).
    pub active_at_us: i64,
    /// Breaks ties.
    pub conversation: ConversationId,
}

/// The text is not a cursor that this service gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cursor is not one that this service gave out")]
pub struct ListCursorError;

impl ListCursor {
    /// The end of the year 9999, in microseconds: no time of ours is later, and the database knows few later ones.
    pub const MAX_TIME_US: i64 = 253_402_300_799_999_999;
}

impl fmt::Display for ListCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.active_at_us, self.conversation)
    }
}

impl FromStr for ListCursor {
    type Err = ListCursorError;

    fn from_str(text: &str) -> Result<Self, ListCursorError> {
        let (active_at_us, conversation) = text.split_once('-').ok_or(ListCursorError)?;
        let digits = active_at_us.bytes().all(|byte| byte.is_ascii_digit());
        let active_at_us = active_at_us.parse().ok().filter(|us| digits && (0..=Self::MAX_TIME_US).contains(us)).ok_or(ListCursorError)?;
        Ok(Self { active_at_us, conversation: conversation.parse().map_err(|_| ListCursorError)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_round_trip_and_others_are_refused() {
        let cursor = ListCursor { active_at_us: 1_700_000_000_123_456, conversation: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap() };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for bad in [
            "",
            "-",
            "1",
            "x-01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "1-*",
            "99999999999999999999-01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "9223372036854775807-01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "-1-01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "+1-01ARZ3NDEKTSV4RRFFQ69G5FAV",
        ] {
            assert_eq!(bad.parse::<ListCursor>(), Err(ListCursorError), "{bad}");
        }
    }
}

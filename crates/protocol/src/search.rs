//! Finding messages by what they say.

use relay_types::{ConversationId, TimestampMs};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Message;

/// Query of `GET /v1/search`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Words, which all have to be there; `"phrases"`; `from:handle`, `from:me`, `in:title`, `in:handle`, `before:2026-11-28`,
    /// `after:2026-11-28`, `has:link`, `has:code`. The last word may be the beginning of one, unless white space follows. Everything
    /// else is text. At most 256 characters.
    #[param(min_length = 1, max_length = 256)]
    pub q: String,
    /// Only in this conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<ConversationId>,
    /// The `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(min_length = 1, max_length = 128)]
    pub cursor: Option<String>,
    /// 1 to 50; 20 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 50)]
    pub limit: Option<u16>,
}

/// `GET /v1/search`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchPage {
    /// The messages of this page, the newest first.
    pub hits: Vec<SearchHit>,
    /// Hand back as `cursor` for the next page; absent when everything was searched. A page that has none of its own may have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// When the time of the search ran out: everything newer than this was searched, and the next page goes on there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searched_back_to_ms: Option<TimestampMs>,
    /// When the caller is in more than 100,000 conversations and the search came so far: what is older than this was looked for in the
    /// 100,000 that were active last. `conversation_id` searches any one of the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial_before_ms: Option<TimestampMs>,
    /// How long the oldest message that cannot be found yet has waited, in milliseconds, if that is more than two seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_lag_ms: Option<u64>,
}

/// A message that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchHit {
    /// The message as it is now.
    pub message: Message,
    /// Where its text says what was asked for: in order, without overlaps, at most 100. Empty when nothing of the text was asked for.
    pub spans: Vec<TextSpan>,
}

/// A part of a text, in UTF-16 code units, as JavaScript counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TextSpan {
    /// Where it begins.
    pub start: u32,
    /// Where it ends: the first unit behind it.
    pub end: u32,
}

impl TextSpan {
    /// The spans of these byte ranges of a text, which are in order.
    pub fn of_bytes(text: &str, ranges: &[std::ops::Range<usize>]) -> Vec<Self> {
        let (mut bytes, mut units) = (0, 0);
        let mut upto = |end: usize| {
            let part = text.get(bytes..end).unwrap_or_default();
            units += part.encode_utf16().count();
            bytes = bytes.max(end);
            u32::try_from(units).unwrap_or(u32::MAX)
        };
        ranges.iter().map(|range| Self { start: upto(range.start), end: upto(range.end) }).collect()
    }

    /// The part of the text, in bytes; `None` when it has no such part.
    pub fn to_bytes(self, text: &str) -> Option<std::ops::Range<usize>> {
        let place = |units: u32| {
            let mut passed = 0;
            let ends = text.char_indices().map(|(at, c)| (at, c.len_utf16())).chain([(text.len(), 0)]);
            for (at, width) in ends {
                if passed == usize::try_from(units).ok()? {
                    return Some(at);
                }
                passed += width;
            }
            None
        };
        let range = place(self.start)?..place(self.end)?;
        (range.start <= range.end).then_some(range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_count_as_javascript_does() {
        let text = "é🚀x é";
        let ranges = [2..7, 8..10];
        let spans = TextSpan::of_bytes(text, &ranges);
        assert_eq!(spans, [TextSpan { start: 1, end: 4 }, TextSpan { start: 5, end: 6 }]);
        let back: Vec<_> = spans.iter().map(|span| span.to_bytes(text).unwrap()).collect();
        assert_eq!(back, ranges);
        for outside in [(0, 7), (2, 3), (4, 1)] {
            assert_eq!(TextSpan { start: outside.0, end: outside.1 }.to_bytes(text), None, "{outside:?}");
        }
    }
}

//! Bounded strings. A value that exists has passed its limits, so nothing downstream checks again.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

/// Longest message text, in bytes of UTF-8. 16 KiB is about four printed pages; longer text is a file.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024;
/// Longest text of a draft, in bytes: more than a message has, because it can be shortened later.
pub const MAX_DRAFT_BYTES: usize = 4 * MAX_MESSAGE_BYTES;
/// Longest client-chosen idempotency key, in characters.
pub const MAX_CLIENT_ID_CHARS: usize = 64;

/// Why a string was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing, or only white space.
    #[error("{what} is empty")]
    Empty {
        /// Which value.
        what: &'static str,
    },
    /// Over the limit.
    #[error("{what} is longer than {max} {unit}")]
    TooLong {
        /// Which value.
        what: &'static str,
        /// The limit.
        max: usize,
        /// What the limit counts.
        unit: &'static str,
    },
    /// Under the minimum.
    #[error("{what} is shorter than {min} characters")]
    TooShort {
        /// Which value.
        what: &'static str,
        /// The minimum.
        min: usize,
    },
    /// A character outside the allowed set.
    #[error("{what} may hold only {allowed}")]
    Characters {
        /// Which value.
        what: &'static str,
        /// The allowed set, in words.
        allowed: &'static str,
    },
}

/// Parses any [`FromStr`] type while deserialising, without an intermediate `String`.
pub(crate) struct ParseVisitor<T> {
    what: &'static str,
    marker: PhantomData<T>,
}

impl<T> ParseVisitor<T> {
    pub(crate) const fn new(what: &'static str) -> Self {
        Self { what, marker: PhantomData }
    }
}

impl<T> serde::de::Visitor<'_> for ParseVisitor<T>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a valid {}", self.what)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// What a document says of a string: characters, and what they look like. The checks say the rest.
struct Limits {
    min: usize,
    max: usize,
    pattern: Option<&'static str>,
}

macro_rules! define_text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $limits:expr, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = TextError;
            fn from_str(text: &str) -> Result<Self, TextError> {
                let check: fn(&'static str, &str) -> Result<(), TextError> = $check;
                check($what, text)?;
                Ok(Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(ParseVisitor::<Self>::new($what))
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                let limits: Limits = $limits;
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .description(Some($what))
                    .min_length(Some(limits.min))
                    .max_length(Some(limits.max))
                    .pattern(limits.pattern)
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}

macro_rules! plain_debug {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    )*};
}

/// One line of human text: 1 to `max` characters that are seen, by Unicode's properties.
fn one_line(what: &'static str, text: &str, max: usize) -> Result<(), TextError> {
    // Bytes first: a 10 MB string is refused without walking it.
    if text.len() > max * 4 || text.chars().count() > max {
        return Err(TextError::TooLong { what, max, unit: "characters" });
    }
    if !crate::visible::has_ink(text) {
        return Err(TextError::Empty { what });
    }
    if !crate::visible::is_one_plain_line(text) {
        return Err(TextError::Characters { what, allowed: "visible characters on one line" });
    }
    Ok(())
}

/// Handles that a person must not have: clients and servers speak under these names.
const RESERVED_HANDLES: &[&str] = &[
    "admin",
    "administrator",
    "all",
    "channel",
    "everyone",
    "here",
    "me",
    "moderator",
    "nobody",
    "relay",
    "relayhub",
    "root",
    "server",
    "support",
    "system",
    "you",
];

define_text!(
    /// A user's unique name: 3 to 32 of `a-z`, `0-9`, `_`, beginning with a letter.
    Handle,
    "handle",
    Limits { min: 3, max: 32, pattern: Some("^[a-z][a-z0-9_]{2,31}$") },
    |what, text| {
        if text.len() < 3 {
            return Err(TextError::TooShort { what, min: 3 });
        }
        if text.len() > 32 {
            return Err(TextError::TooLong { what, max: 32, unit: "characters" });
        }
        let starts_well = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
        let ok = starts_well && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        ok.then_some(()).ok_or(TextError::Characters { what, allowed: "a-z, 0-9 and _, beginning with a letter" })
    }
);
define_text!(
    /// The name shown for a user: 1 to 64 characters on one line.
    DisplayName,
    "display name",
    Limits { min: 1, max: 64, pattern: None },
    |what, text| one_line(what, text, 64)
);
define_text!(
    /// What a person calls one of their devices: 1 to 64 characters on one line.
    DeviceName,
    "device name",
    Limits { min: 1, max: 64, pattern: None },
    |what, text| one_line(what, text, 64)
);
define_text!(
    /// A group's title: 1 to 100 characters on one line.
    ConversationTitle,
    "title",
    Limits { min: 1, max: 100, pattern: None },
    |what, text| one_line(what, text, 100)
);
define_text!(
    /// A client's own key for one send: 1 to 64 of `A-Z`, `a-z`, `0-9`, `_`, `-`. Unique per conversation and sender.
    ClientId,
    "client_id",
    Limits { min: 1, max: MAX_CLIENT_ID_CHARS, pattern: Some("^[A-Za-z0-9_-]{1,64}$") },
    |what, text| {
        if text.is_empty() {
            return Err(TextError::Empty { what });
        }
        if text.len() > MAX_CLIENT_ID_CHARS {
            return Err(TextError::TooLong { what, max: MAX_CLIENT_ID_CHARS, unit: "characters" });
        }
        let ok = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        ok.then_some(()).ok_or(TextError::Characters { what, allowed: "A-Z, a-z, 0-9, _ and -" })
    }
);
define_text!(
    /// The text of a message: 1 byte to 16 KiB, not only white space, no NUL (Postgres stores none).
    MessageText,
    "text",
    Limits { min: 1, max: MAX_MESSAGE_BYTES, pattern: None },
    |what, text| {
        if text.len() > MAX_MESSAGE_BYTES {
            return Err(TextError::TooLong { what, max: MAX_MESSAGE_BYTES, unit: "bytes" });
        }
        if text.trim().is_empty() {
            return Err(TextError::Empty { what });
        }
        if text.contains('\0') {
            return Err(TextError::Characters { what, allowed: "characters other than NUL" });
        }
        Ok(())
    }
);

define_text!(
    /// A text that is being written: at most 64 KiB, no NUL. Empty: none is.
    DraftText,
    "text",
    Limits { min: 0, max: MAX_DRAFT_BYTES, pattern: None },
    |what, text| {
        if text.len() > MAX_DRAFT_BYTES {
            return Err(TextError::TooLong { what, max: MAX_DRAFT_BYTES, unit: "bytes" });
        }
        if text.contains('\0') {
            return Err(TextError::Characters { what, allowed: "characters other than NUL" });
        }
        Ok(())
    }
);

define_text!(
    /// An emoji with which somebody reacted: at most 64 bytes. Clients' words become one by [`Emoji::of`]; what a newer server took
    /// is kept as it is.
    Emoji,
    "emoji",
    Limits { min: 1, max: 64, pattern: None },
    |what, text| {
        if text.is_empty() {
            return Err(TextError::Empty { what });
        }
        if text.len() > Emoji::MAX_BYTES {
            return Err(TextError::TooLong { what, max: Emoji::MAX_BYTES, unit: "bytes" });
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(TextError::Characters { what, allowed: "one emoji" });
        }
        Ok(())
    }
);

impl Emoji {
    /// The longest, in bytes of UTF-8: a family with a skin tone each takes about 50.
    pub const MAX_BYTES: usize = 64;
}

plain_debug!(Handle, DisplayName, DeviceName, ConversationTitle, ClientId, Emoji);

impl Handle {
    /// Whether nobody may register it: a sender of this name would look like the service itself, or like the reader.
    pub fn is_reserved(&self) -> bool {
        RESERVED_HANDLES.contains(&self.as_str())
    }
}

impl ClientId {
    /// When the key is a ULID, the millisecond it was minted at. A key minted within the log's duplicate window
    /// cannot have been used before that window began, so no older record needs to be searched for it.
    pub fn minted_at_ms(&self) -> Option<u64> {
        self.as_str().parse::<crate::MessageId>().ok().map(crate::MessageId::minted_at_ms)
    }
}

/// Message text never reaches a log line, not even through `{:?}`.
impl fmt::Debug for MessageText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.0.len())
    }
}

/// Nor does what somebody has not even sent.
impl fmt::Debug for DraftText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold() {
        assert!("ann".parse::<Handle>().is_ok());
        for bad in ["", "a", "1ann", "Ann", "an n", "a.b.c", "ann\n", &"a".repeat(33)] {
            assert!(bad.parse::<Handle>().is_err(), "{bad:?}");
        }
        assert!("My phone".parse::<DeviceName>().is_ok());
        assert!("x\u{202E}y".parse::<DisplayName>().is_err());
        assert!("you".parse::<Handle>().unwrap().is_reserved() && !"young".parse::<Handle>().unwrap().is_reserved());
        assert!("a\r\nb".parse::<ConversationTitle>().is_err());
        for bad in ["", "*", ">", "a.b", "a b", "é", &"a".repeat(65)] {
            assert!(bad.parse::<ClientId>().is_err(), "{bad:?}");
        }
        assert!("x".repeat(MAX_MESSAGE_BYTES).parse::<MessageText>().is_ok());
        assert!("x".repeat(MAX_MESSAGE_BYTES + 1).parse::<MessageText>().is_err());
        assert!(" \n".parse::<MessageText>().is_err());
        assert!("two\nlines".parse::<MessageText>().is_ok());
    }

    #[test]
    fn message_text_does_not_leak_into_debug() {
        let text: MessageText = "canary".parse().unwrap();
        assert!(!format!("{text:?}").contains("canary"));
    }
}

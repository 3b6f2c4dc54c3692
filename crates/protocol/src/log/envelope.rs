//! What is read of an event before anything else: its type and version, and that every store can hold it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};

use crate::unknown::Storable;

/// Longest type of an event, in bytes.
const MAX_TYPE: usize = 64;

/// Whether the text is a type of events: `[A-Z][A-Z0-9_]{0,63}`. Control frames' types are in lower case, so no event passes for
/// one.
pub fn is_event_type(text: &str) -> bool {
    let rest = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_';
    text.len() <= MAX_TYPE && text.starts_with(|c: char| c.is_ascii_uppercase()) && text.as_bytes().iter().all(rest)
}

/// Whether a field says where an event stands, and so belongs to its frame.
pub(super) fn is_of_frames(field: &str) -> bool {
    matches!(field, "chain" | "seq" | "prev")
}

pub(super) struct Head<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) v: Option<u32>,
    /// Whether it has fields that belong to frames.
    pub(super) has_place: bool,
}

impl<'a> Head<'a> {
    /// Looks through the whole text once, and keeps nothing of it.
    pub(super) fn read(json: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }
}

impl<'de> serde::Deserialize<'de> for Head<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Head<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Head<'de>, A::Error> {
                let (mut name, mut v, mut has_place) = (None, None, false);
                while let Some(Text(field)) = map.next_key()? {
                    match field.as_ref() {
                        "type" if name.is_some() => return Err(A::Error::duplicate_field("type")),
                        "type" => name = Some(map.next_value::<Text<'de>>()?.0),
                        "v" if v.is_some() => return Err(A::Error::duplicate_field("v")),
                        "v" => v = Some(map.next_value()?),
                        field => {
                            has_place |= is_of_frames(field);
                            Storable::check_text(field)?;
                            map.next_value::<Storable>()?;
                        }
                    }
                }
                let name = name.filter(|name| is_event_type(name)).ok_or_else(|| A::Error::custom("the type is not one of events"))?;
                Ok(Head { name, v, has_place })
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

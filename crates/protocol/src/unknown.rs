//! What a newer version says and this one does not know: carried as it came.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde_json::value::RawValue;

/// Longest [`WireName`], in bytes.
const MAX_NAME: usize = 31;

/// A value of an enum that this version does not know, by its name on the wire: 1 to 31 of `a-z`, `0-9` and `_`.
/// Small enough to be copied like the values that are known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WireName {
    bytes: [u8; MAX_NAME],
    len: u8,
}

/// The text is not a name of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not 1 to 31 of a-z, 0-9 and _")]
pub struct WireNameError;

impl WireName {
    /// The name.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        // Only ASCII gets in.
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl FromStr for WireName {
    type Err = WireNameError;

    fn from_str(text: &str) -> Result<Self, WireNameError> {
        let fits = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let len = u8::try_from(text.len()).map_err(|_| WireNameError)?;
        let mut bytes = [0; MAX_NAME];
        let room = bytes.get_mut(..text.len()).filter(|_| fits && len > 0).ok_or(WireNameError)?;
        room.copy_from_slice(text.as_bytes());
        Ok(Self { bytes, len })
    }
}

impl fmt::Debug for WireName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// JSON as it came. Only JSON that every store of ours can hold: no NUL in a text, no number beyond a double, no half of a
/// surrogate pair. Its content is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct RawJson(Box<str>);

impl RawJson {
    /// Takes in one JSON value.
    ///
    /// # Errors
    /// When the text is not JSON, or could not be stored.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<Storable>(json)?;
        Ok(Self(json.into()))
    }

    /// Takes in one JSON value that was looked through already.
    pub(crate) fn checked(json: &str) -> Self {
        Self(json.into())
    }

    /// Takes in one JSON value that a store of ours has held: it is not looked at again.
    pub fn of_store(json: String) -> Self {
        Self(json.into_boxed_str())
    }

    /// The text.
    pub const fn get(&self) -> &str {
        &self.0
    }
}

/// Any JSON that every store of ours can hold. Looks at all of it and keeps nothing.
pub(crate) struct Storable;

impl Storable {
    /// Whether the text may stand in it, as a key or as a value.
    pub(crate) fn check_text<E: serde::de::Error>(text: &str) -> Result<(), E> {
        if text.contains('\0') { Err(E::custom("a text holds NUL")) } else { Ok(()) }
    }
}

impl<'de> serde::Deserialize<'de> for Storable {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> serde::de::Visitor<'de> for Any {
            type Value = Storable;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_unit<E>(self) -> Result<Storable, E> {
                Ok(Storable)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Storable, E> {
                Ok(Storable)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Storable, E> {
                Ok(Storable)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Storable, E> {
                Ok(Storable)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Storable, E> {
                Ok(Storable)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Storable, E> {
                Storable::check_text(text).map(|()| Storable)
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut values: A) -> Result<Storable, A::Error> {
                while values.next_element::<Storable>()?.is_some() {}
                Ok(Storable)
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut fields: A) -> Result<Storable, A::Error> {
                while fields.next_entry::<Storable, Storable>()?.is_some() {}
                Ok(Storable)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes of JSON]", self.0.len())
    }
}

impl serde::Serialize for RawJson {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<&RawValue>(&self.0).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for RawJson {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::parse(raw.get()).map_err(D::Error::custom)
    }
}

/// Of an object the fields that are kept by their name and their value's JSON, in their order, as they came; `None` when there is none.
///
/// # Errors
/// When the text is not an object.
pub fn fields(json: &str, keep: impl Fn(&str, &str) -> bool) -> Result<Option<String>, serde_json::Error> {
    #[derive(serde::Deserialize)]
    struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

    struct Kept<F>(F);
    impl<'de, F: Fn(&str, &str) -> bool> serde::de::Visitor<'de> for Kept<F> {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Option<String>, A::Error> {
            let mut text: Option<String> = None;
            while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                if !(self.0)(&name, value.get()) {
                    continue;
                }
                let name = serde_json::to_string(&name).map_err(A::Error::custom)?;
                let text = text.get_or_insert_default();
                text.push(if text.is_empty() { '{' } else { ',' });
                text.extend([&name, ":", value.get()]);
            }
            Ok(text.map(|text| text + "}"))
        }
    }
    serde::Deserializer::deserialize_map(&mut serde_json::Deserializer::from_str(json), Kept(keep))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_name_keeps_what_fits_and_refuses_the_rest() {
        assert_eq!("moderator".parse::<WireName>().unwrap().as_str(), "moderator");
        assert_eq!(format!("{:?}", "a_1".parse::<WireName>().unwrap()), "\"a_1\"");
        assert!("x".repeat(31).parse::<WireName>().is_ok());
        for text in ["", "Ä", "A", "a b", "a.b", &"x".repeat(32), &"x".repeat(300)] {
            assert_eq!(text.parse::<WireName>(), Err(WireNameError), "{text}");
        }
    }

    #[test]
    fn raw_json_keeps_the_text_and_refuses_what_no_store_holds() {
        let text = r#"{"b": 1.50, "a":[true,null,"ü\n"], "n":12345678901234567890123}"#;
        let raw: RawJson = serde_json::from_str(text).unwrap();
        assert_eq!(raw.get(), text);
        assert_eq!(serde_json::to_string(&raw).unwrap(), text);
        assert!(!format!("{raw:?}").contains("true"));
        for refused in [r#"{"a":"\u0000"}"#, r#"{"\u0000":1}"#, r#"["\ud800"]"#, "[1e999]", "{", ""] {
            assert!(RawJson::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn kept_fields_are_as_they_came() {
        let text = r#"{ "seq":9, "b":{"seq": 1}, "a\"":1.0, "\u0063hain":"x" }"#;
        let kept = |json| fields(json, |name, _| !["seq", "chain"].contains(&name)).unwrap();
        assert_eq!(kept(text).as_deref(), Some(r#"{"b":{"seq": 1},"a\"":1.0}"#));
        assert_eq!((kept("{}"), kept(r#"{"seq":1}"#)), (None, None));
    }
}

//! Emoji, as reactions name them.

use crate::text::{Emoji, TextError};

impl Emoji {
    /// The one emoji that the text is, as Unicode writes it in full. Text, several emoji, and what is none are refused.
    ///
    /// # Errors
    /// When it is not one emoji that this build knows.
    pub fn of(text: &str) -> Result<Self, TextError> {
        let what = "emoji";
        let refused = TextError::Characters { what, allowed: "one emoji" };
        if text.len() > Self::MAX_BYTES {
            return Err(refused);
        }
        emojis::get(text).ok_or(refused)?.as_str().parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_emoji_is_taken_as_unicode_writes_it_in_full() {
        for (text, full) in [
            ("👍", "👍"),
            ("👍🏽", "👍🏽"),
            // Without the selector that asks for a picture.
            ("❤", "❤️"),
            ("❤️", "❤️"),
            ("☺", "☺️"),
            ("🇩🇪", "🇩🇪"),
            ("👩‍👩‍👧‍👦", "👩‍👩‍👧‍👦"),
        ] {
            assert_eq!(Emoji::of(text).unwrap().as_str(), full, "{text}");
        }
        let long = "👍".repeat(1_000);
        for text in ["", " ", "a", "ok", "👍👍", "👍 ", " 👍", "1", "#", "\u{200d}", "\u{fe0f}", "🏽x", ":+1:", "\0", long.as_str()]
        {
            assert!(Emoji::of(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_a_newer_build_knows_is_kept() {
        let newer: Emoji = "\u{1faff}\u{1faff}".parse().unwrap();
        assert_eq!(newer.as_str(), "\u{1faff}\u{1faff}");
        assert!("x".repeat(Emoji::MAX_BYTES + 1).parse::<Emoji>().is_err());
        assert!("\u{7}".parse::<Emoji>().is_err() && "".parse::<Emoji>().is_err());
    }
}

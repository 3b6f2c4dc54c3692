//! What the tool prints, as opposed to logs. Everything goes through [`clean`]: a name in a table and a server's refusal
//! are others' words too.

use std::io::Write as _;

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Marks on one character. Living scripts need four; a tower of them paints over the neighbouring lines.
const MAX_MARKS: usize = 8;

/// One line to standard output. A reader that has gone away (`| head`) is no error.
pub fn line(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{}", clean(&text.to_string()));
}

/// One line to standard error.
pub fn error(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{}", clean(&text.to_string()));
}

/// Makes text safe to print, whoever wrote it: no escape sequence, no carriage return, nothing that turns the line around or
/// cannot be seen. Line breaks stay; where they must not pose as our own, the caller indents.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    for c in text.chars() {
        let category = CodePointMapData::<GeneralCategory>::new().get(c);
        marks = if matches!(category, GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark) { marks + 1 } else { 0 };
        match c {
            '\n' => out.push('\n'),
            '\t' => out.push(' '),
            _ if marks > MAX_MARKS => {}
            _ if is_deceptive(c, category) => out.push('\u{FFFD}'),
            _ => out.push(c),
        }
    }
    out
}

/// Controls, separators of lines, and what has no ink; but not what joins letters and picks the form of an emoji.
fn is_deceptive(c: char, category: GeneralCategory) -> bool {
    const JOINERS_AND_FORMS: [char; 4] = ['\u{200C}', '\u{200D}', '\u{FE0E}', '\u{FE0F}'];
    let unseen = matches!(
        category,
        GeneralCategory::Control | GeneralCategory::Format | GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator
    );
    (unseen || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)) && !JOINERS_AND_FORMS.contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_cannot_write_escapes_or_turn_lines_around() {
        let hostile = "a\x1b[2Jb\rc\x07d\u{9b}31me\u{202E}f\x08g\u{2028}h\u{2066}i\u{3164}j\u{E0041}k\u{FEFF}l\u{AD}m";
        let cleaned = clean(hostile);
        assert!(cleaned.chars().all(|c| c.is_ascii_graphic() || c == '\u{FFFD}'), "{cleaned:?}");
        assert_eq!(cleaned.chars().filter(char::is_ascii_lowercase).collect::<String>(), "abcdmefghijklm");
    }

    #[test]
    fn what_people_write_stays() {
        for text in ["é 🙂 ok", "👩‍👩‍👧 ❤️", "नमस्ते", "می‌خواهم", "two\nlines"] {
            assert_eq!(clean(text), text);
        }
        assert!(clean(&format!("e{}", "\u{301}".repeat(100))).chars().count() < 12, "no towers");
    }
}

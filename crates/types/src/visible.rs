//! What a person sees of a name, by Unicode's own properties: no list of ours has to follow the standard.

use icu_properties::props::{
    BidiControl, CanonicalCombiningClass, DefaultIgnorableCodePoint, Emoji, ExtendedPictographic, GeneralCategory, GeneralCategoryGroup,
    Ideographic, JoiningType, NoncharacterCodePoint, VariationSelector, WhiteSpace,
};
use icu_properties::{CodePointMapData, CodePointSetData};

const NON_JOINER: char = '\u{200C}';
const JOINER: char = '\u{200D}';
/// Braille without a dot: a symbol by its properties, and nothing on the screen.
const BRAILLE_BLANK: char = '\u{2800}';
/// Marks that may stand on one character. Living scripts need four; more make a tower over the neighbouring lines.
const MAX_MARKS: usize = 8;

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

fn is_mark(c: char) -> bool {
    GeneralCategoryGroup::Mark.contains(category(c))
}

fn is_ignorable(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// Whether anything of the text is seen by itself.
pub(crate) fn has_ink(text: &str) -> bool {
    text.chars().any(|c| {
        let blank = CodePointSetData::new::<WhiteSpace>().contains(c) || c == BRAILLE_BLANK;
        let other = GeneralCategoryGroup::Other.contains(category(c)) && category(c) != GeneralCategory::PrivateUse;
        !(blank || other || is_ignorable(c) || is_mark(c))
    })
}

/// Whether every character is seen, or shapes one that is, and the text stays on its line and in its direction.
pub(crate) fn is_one_plain_line(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    let mut marks = 0;
    let mut before = None;
    for (at, c) in characters.iter().copied().enumerate() {
        let after = characters.get(at + 1).copied();
        if is_mark(c) && !is_ignorable(c) {
            // A mark without a character under it settles on whatever a client shows in front of the name.
            marks += 1;
            if before.is_none_or(|before: char| !carries_marks(before)) || marks > MAX_MARKS {
                return false;
            }
        } else if is_forbidden(c) || (is_ignorable(c) && !shapes(before, c, after)) {
            return false;
        } else {
            marks = 0;
        }
        before = Some(c);
    }
    true
}

/// Controls, ends of lines and paragraphs, changes of direction, and what is no character at all.
fn is_forbidden(c: char) -> bool {
    use GeneralCategory::{Control, LineSeparator, ParagraphSeparator};
    matches!(category(c), Control | LineSeparator | ParagraphSeparator)
        || CodePointSetData::new::<BidiControl>().contains(c)
        || CodePointSetData::new::<NoncharacterCodePoint>().contains(c)
}

fn carries_marks(c: char) -> bool {
    !CodePointSetData::new::<WhiteSpace>().contains(c) && (!is_ignorable(c) || CodePointSetData::new::<VariationSelector>().contains(c))
}

/// Whether an invisible character does what it exists for: joining or parting letters (as RFC 5892 allows it in names),
/// joining pictures, choosing a variant of a picture or an ideograph.
fn shapes(before: Option<char>, c: char, after: Option<char>) -> bool {
    let Some(before) = before else { return false };
    let is_picture = |c: char| CodePointSetData::new::<ExtendedPictographic>().contains(c);
    let is_emoji = |c: char| CodePointSetData::new::<Emoji>().contains(c);
    let is_selector = CodePointSetData::new::<VariationSelector>();
    let after_virama = CodePointMapData::<CanonicalCombiningClass>::new().get(before) == CanonicalCombiningClass::Virama;
    let joining = |c: char| CodePointMapData::<JoiningType>::new().get(c);
    match c {
        JOINER => {
            after_virama || ((is_picture(before) || is_emoji(before) || is_selector.contains(before)) && after.is_some_and(is_picture))
        }
        NON_JOINER => {
            after_virama
                || (matches!(joining(before), JoiningType::DualJoining | JoiningType::LeftJoining | JoiningType::Transparent)
                    && after.is_some_and(|after| matches!(joining(after), JoiningType::DualJoining | JoiningType::RightJoining)))
        }
        _ => is_selector.contains(c) && (is_emoji(before) || CodePointSetData::new::<Ideographic>().contains(before)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(text: &str) -> bool {
        has_ink(text) && is_one_plain_line(text)
    }

    #[test]
    fn names_of_people_pass() {
        for name in [
            "Ann",
            "(owner)",
            "José",
            "Jose\u{301}",
            "Nguyễn",
            "李小龙",
            "葛\u{E0100}飾",
            "山田\u{3000}太郎",
            "محمد",
            "می\u{200C}خواهم",
            "क्\u{200D}ष",
            "שָׁלוֹם",
            "ไทยน้ำ",
            "❤\u{FE0F}",
            "👨\u{200D}👩\u{200D}👧",
            "👩🏽\u{200D}🚀",
            "🏴\u{200D}☠\u{FE0F}",
            "1\u{FE0F}\u{20E3}",
            "Ann 🎉",
            "Łukasz",
            "O’Brien",
        ] {
            assert!(good(name), "{name:?}");
        }
    }

    #[test]
    fn what_is_not_seen_is_refused() {
        for name in [
            "",
            " ",
            "\u{3000}",
            "\u{A0}",
            "\u{200B}",
            "\u{200D}",
            "\u{2060}",
            "\u{AD}",
            "\u{3164}",
            "\u{115F}",
            "\u{FFA0}",
            "\u{180E}",
            "\u{2800}",
            "\u{E0041}",
            "a\u{200B}b",
            "a\u{200D}b",
            "a\u{200C}b",
            "a\u{AD}b",
            "a\u{FEFF}",
            "a\u{FE0F}",
            "a\u{3164}",
            "a\u{E0041}",
            "a\u{34F}b",
            "\u{301}",
            "\u{301}a",
            "a \u{301}",
            "a\u{2028}b",
            "a\u{2029}b",
            "a\nb",
            "a\u{85}b",
            "a\u{0}",
            "a\u{1B}[2J",
            "a\u{7F}",
            "a\u{9B}2J",
            "a\u{200E}",
            "a\u{200F}b",
            "a\u{61C}b",
            "a\u{202E}b",
            "a\u{2066}b",
            "a\u{FFFE}",
            "\u{378}",
        ] {
            assert!(!good(name), "{name:?}");
        }
        assert!(!good(&format!("a{}", "\u{301}".repeat(9))), "a tower of marks");
        assert!(good(&format!("a{}", "\u{301}".repeat(8))));
    }
}

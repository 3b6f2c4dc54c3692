//! The words of a text, and where they stand in it.
//!
//! Letters lose case and accents. Scripts that put no spaces between words give pairs of neighbouring characters. Identifiers give
//! themselves and their parts, an e-mail address itself and its parts.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Characters of a word that count; what is longer is found by its beginning.
pub(super) const MAX_WORD: usize = 64;
/// More parts than this are no identifier but data.
const MAX_PARTS: usize = 8;

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// As it is compared.
    pub word: String,
    /// Its place among the words of the text.
    pub at: u32,
    /// The place of its last part.
    pub upto: u32,
    /// Where it begins in the text, in bytes.
    pub start: usize,
    /// Where it ends, in bytes.
    pub end: usize,
}

/// What the words are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// A text that is to be found by any of them.
    Index,
    /// A question: each place once, by its longest word.
    Query,
}

/// The words by which a text is found, in the order of their places; at one place, the longest first.
pub fn words(text: &str) -> Vec<Token> {
    let mut tokens = split(text, For::Index);
    tokens.sort_by_key(|token| (token.at, std::cmp::Reverse(token.upto)));
    tokens
}

/// One character as it is compared, and what of the text it stands for.
struct Unit {
    c: char,
    class: Class,
    /// Whether it was written as a capital letter.
    upper: bool,
    start: usize,
    end: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Digit,
    /// Of a script that puts no spaces between words.
    Unspaced,
    /// An emoji: a word by itself.
    Symbol,
    Other,
}

impl Class {
    fn of(c: char) -> Self {
        if c.is_ascii() {
            return match c {
                'a'..='z' | 'A'..='Z' => Self::Letter,
                '0'..='9' => Self::Digit,
                _ => Self::Other,
            };
        }
        let mark = is_combining_mark(c);
        if (c.is_alphabetic() || mark) && is_unspaced(c) {
            Self::Unspaced
        } else if c.is_alphabetic() || mark {
            Self::Letter
        } else if c.is_numeric() {
            Self::Digit
        } else if matches!(c, '\u{2600}'..='\u{27BF}' | '\u{1F000}'..='\u{1FAFF}') {
            Self::Symbol
        } else {
            Self::Other
        }
    }

    const fn is_word(self) -> bool {
        matches!(self, Self::Letter | Self::Digit)
    }
}

fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{0E00}'..='\u{0EFF}'       // Thai, Lao
        | '\u{1000}'..='\u{109F}'     // Myanmar
        | '\u{1100}'..='\u{11FF}'     // Hangul
        | '\u{1780}'..='\u{17FF}'     // Khmer
        | '\u{3005}'..='\u{3007}'
        | '\u{3040}'..='\u{31FF}'     // Kana, Bopomofo, Hangul
        | '\u{3400}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{9FFF}'
        | '\u{A960}'..='\u{A97F}'
        | '\u{AC00}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}')
}

/// Marks above and below letters that people leave out when they type a search. Vowel signs of scripts that need them stay.
fn is_accent(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036F}'
        | '\u{0591}'..='\u{05C7}'     // Hebrew points
        | '\u{064B}'..='\u{065F}'     // Arabic vowels
        | '\u{0670}'
        | '\u{1AB0}'..='\u{1AFF}'
        | '\u{1DC0}'..='\u{1DFF}'
        | '\u{20D0}'..='\u{20FF}'
        | '\u{FE00}'..='\u{FE0F}'     // variants of emoji
        | '\u{FE20}'..='\u{FE2F}')
}

/// Letters that are typed as others, and have no decomposition.
fn folded(c: char) -> &'static str {
    match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ı' => "i",
        'ł' => "l",
        'þ' => "th",
        'ς' => "σ",
        _ => "",
    }
}

fn units(text: &str) -> Vec<Unit> {
    let mut units = Vec::with_capacity(text.len());
    let mut chars = text.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        if c.is_ascii() && chars.peek().is_none_or(|(_, next)| next.is_ascii()) {
            units.push(Unit { c: c.to_ascii_lowercase(), class: Class::of(c), upper: c.is_ascii_uppercase(), start, end: start + 1 });
            continue;
        }
        let mut end = start + c.len_utf8();
        while let Some((at, mark)) = chars.next_if(|(_, next)| is_combining_mark(*next) || matches!(next, '\u{FF9E}' | '\u{FF9F}')) {
            end = at + mark.len_utf8();
        }
        let cluster = text.get(start..end).unwrap_or_default();
        let upper = c.is_uppercase();
        let bare: String = cluster.chars().flat_map(char::to_lowercase).nfkd().filter(|c| !is_accent(*c)).collect();
        for c in bare.nfc() {
            match folded(c) {
                "" => units.push(Unit { c, class: Class::of(c), upper, start, end }),
                letters => units.extend(letters.chars().map(|c| Unit { c, class: Class::Letter, upper, start, end })),
            }
        }
    }
    units
}

/// The words of a text.
pub(super) fn split(text: &str, purpose: For) -> Vec<Token> {
    let units = units(text);
    let mut splitting = Splitting { units: &units, purpose, tokens: Vec::new(), place: 0 };
    let mut at = 0;
    while let Some(unit) = units.get(at) {
        at = match unit.class {
            Class::Letter | Class::Digit => splitting.compound(at),
            Class::Unspaced => splitting.unspaced(at),
            Class::Symbol => {
                splitting.push(at, at + 1, 1);
                splitting.place += 1;
                at + 1
            }
            Class::Other => at + 1,
        };
    }
    splitting.tokens
}

struct Splitting<'a> {
    units: &'a [Unit],
    purpose: For,
    tokens: Vec<Token>,
    /// Of the next word.
    place: u32,
}

impl Splitting<'_> {
    /// The end of the run from `at` on in which every unit is as wished.
    fn run(&self, at: usize, wish: impl Fn(&Unit) -> bool) -> usize {
        at + self.units.get(at..).unwrap_or_default().iter().take_while(|unit| wish(unit)).count()
    }

    /// A word of these units, at the present place and so many.
    fn push(&mut self, from: usize, to: usize, places: u32) {
        let Some(units) = self.units.get(from..to).filter(|units| !units.is_empty()) else { return };
        let word = units.iter().take(MAX_WORD).map(|unit| unit.c).collect();
        let (start, end) = (units.first().map_or(0, |unit| unit.start), units.last().map_or(0, |unit| unit.end));
        self.tokens.push(Token { word, at: self.place, upto: self.place + places.max(1) - 1, start, end });
    }

    /// Words with signs between them, or an e-mail address. Returns where they end: nothing is looked through twice, or a long run would
    /// cost the square of its length.
    fn compound(&mut self, at: usize) -> usize {
        let end = self.run(at, |unit| unit.class.is_word() || matches!(unit.c, '.' | '_' | '-' | '+' | '@'));
        let address = self.units.get(at..end).unwrap_or_default();
        let trailing = address.iter().rev().take_while(|unit| !unit.class.is_word()).count();
        let end = end - trailing;
        let signs: Vec<usize> = (at..end).filter(|index| self.units.get(*index).is_some_and(|unit| unit.c == '@')).collect();
        let is_word = |index: Option<usize>| index.and_then(|index| self.units.get(index)).is_some_and(|unit| unit.class.is_word());
        let is_address = matches!(signs.as_slice(), [sign] if is_word(sign.checked_sub(1)) && is_word(sign.checked_add(1)));
        if is_address && self.purpose == For::Query {
            self.push(at, end, 1);
            self.place += 1;
            return end;
        }
        let (first, mut next) = (self.place, at);
        while next < end {
            next = if self.units.get(next).is_some_and(|unit| unit.class.is_word()) { self.word(next) } else { next + 1 };
        }
        if !is_address {
            return next;
        }
        let places = self.place - first;
        self.place = first;
        self.push(at, end, places);
        self.place = first + places;
        end
    }

    /// A run of letters and digits, with its parts. Returns where it ends.
    fn word(&mut self, at: usize) -> usize {
        let end = self.run(at, |unit| unit.class.is_word());
        let parts = if self.purpose == For::Index { self.parts(at, end) } else { Vec::new() };
        let places = u32::try_from(parts.len()).unwrap_or(1).max(1);
        let first = self.place;
        // The name of a language: c++, c#.
        let signs = self.run(end, |unit| matches!(unit.c, '+' | '#'));
        let named = end - at <= 3 && (1..=2).contains(&(signs - end)) && self.units.get(signs).is_none_or(|unit| !unit.class.is_word());
        if named {
            self.push(at, signs, places);
        }
        if !named || self.purpose == For::Index {
            self.push(at, end, places);
        }
        for (from, to) in &parts {
            // Single letters would be found everywhere.
            if to - from > 1 {
                self.push(*from, *to, 1);
            }
            self.place += 1;
        }
        self.place = first + places;
        if named { signs } else { end }
    }

    /// The parts of an identifier: `fooBar2` has three. None if it is one piece.
    fn parts(&self, at: usize, end: usize) -> Vec<(usize, usize)> {
        let mut parts = Vec::new();
        let mut begin = at;
        for index in at + 1..end {
            let (Some(before), Some(unit)) = (self.units.get(index - 1), self.units.get(index)) else { break };
            let lower_follows =
                self.units.get(index + 1).filter(|_| index + 1 < end).is_some_and(|next| next.class == Class::Letter && !next.upper);
            let hump = unit.upper && (!before.upper || lower_follows) && unit.start != before.start;
            if before.class != unit.class || hump {
                parts.push((begin, index));
                begin = index;
            }
        }
        parts.push((begin, end));
        if (2..=MAX_PARTS).contains(&parts.len()) { parts } else { Vec::new() }
    }

    /// A run of a script without spaces: each pair of neighbours. A text is found by its last character alone, too.
    fn unspaced(&mut self, at: usize) -> usize {
        let end = self.run(at, |unit| unit.class == Class::Unspaced);
        for index in at..(end - 1).max(at + 1) {
            self.push(index, (index + 2).min(end), 1);
            self.place += 1;
        }
        if end - at > 1 && self.purpose == For::Index {
            // At the place of the last pair: what follows the run follows both.
            self.place -= 1;
            self.push(end - 1, end, 1);
            self.place += 1;
        }
        end
    }
}

/// Whether a word is one character of a script without spaces: the beginning of pairs.
pub(super) fn is_single_unspaced(word: &str) -> bool {
    let mut chars = word.chars();
    matches!((chars.next(), chars.next()), (Some(c), None) if Class::of(c) == Class::Unspaced)
}

/// Whether a word is of a script without spaces.
pub(super) fn is_unspaced_word(word: &str) -> bool {
    word.chars().next().is_some_and(|c| Class::of(c) == Class::Unspaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(text: &str) -> Vec<String> {
        words(text).into_iter().map(|token| token.word).collect()
    }

    fn query(text: &str) -> Vec<String> {
        split(text, For::Query).into_iter().map(|token| token.word).collect()
    }

    #[test]
    fn words_lose_case_accents_and_ligatures() {
        assert_eq!(index("Crème BRÛLÉE, Straße!"), ["creme", "brulee", "strasse"]);
        assert_eq!(index("cafe\u{301} ﬁn Łódź ΣΟΦΟΣ İstanbul"), ["cafe", "fin", "lodz", "σοφοσ", "istanbul"]);
        assert_eq!(index("l’amour d'Anna"), ["l", "amour", "d", "anna"]);
        assert_eq!(index("مُحَمَّد שָׁלוֹם"), ["محمد", "שלום"]);
        assert_eq!(index("हिन्दी"), ["हिन्दी"], "vowel signs and the virama are part of the word");
        assert!(index("?! … -- \u{200B}").is_empty());
    }

    #[test]
    fn scripts_without_spaces_give_pairs() {
        assert_eq!(index("東京都"), ["東京", "京都", "都"]);
        assert_eq!(query("東京都"), ["東京", "京都"]);
        assert_eq!(query("京"), ["京"]);
        assert_eq!(index("ｶﾞﾗｽ"), ["ガラ", "ラス", "ス"], "half-width forms are the same characters");
        assert_eq!(index("iPhone手机"), ["iphone", "phone", "手机", "机"]);
        assert_eq!(index("한국어"), ["한국", "국어", "어"]);
    }

    #[test]
    fn identifiers_and_addresses_give_themselves_and_their_parts() {
        assert_eq!(index("fooBarBaz"), ["foobarbaz", "foo", "bar", "baz"]);
        assert_eq!(index("parseHTTPHeader"), ["parsehttpheader", "parse", "http", "header"]);
        assert_eq!(index("foo_bar abc123"), ["foo", "bar", "abc123", "abc", "123"]);
        assert_eq!(index("JIRA-123"), ["jira", "123"]);
        assert_eq!(index("Anna.Lee@Example.com."), ["anna.lee@example.com", "anna", "lee", "example", "com"]);
        assert_eq!(query("Anna.Lee@Example.com"), ["anna.lee@example.com"]);
        assert_eq!(index("@anna a@ @"), ["anna", "a"]);
        assert_eq!(index("C++ and c#"), ["c++", "c", "and", "c#", "c"]);
        assert_eq!(query("C++"), ["c++"]);
        assert_eq!(index("1+1"), ["1", "1"]);
    }

    #[test]
    fn places_follow_each_other_and_spans_are_of_the_text() {
        let text = "Zürich: fooBar 🚀 x";
        let tokens = words(text);
        let places: Vec<_> = tokens.iter().map(|token| (&text[token.start..token.end], token.at, token.upto)).collect();
        assert_eq!(places, [("Zürich", 0, 0), ("fooBar", 1, 2), ("foo", 1, 1), ("Bar", 2, 2), ("🚀", 3, 3), ("x", 4, 4)]);
    }

    #[test]
    fn a_long_run_costs_its_length() {
        // At the square of it, none of these would end.
        for sign in ['.', '-', '_', '+', '@', '#'] {
            assert!(index(&format!("a{sign}").repeat(200_000)).len() >= 200_000, "{sign}");
        }
    }

    #[test]
    fn words_are_bounded() {
        let long = "a".repeat(5_000);
        assert_eq!(index(&long), [&long[..MAX_WORD]]);
        let data = "aB1".repeat(100);
        assert_eq!(index(&data).len(), 1);
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_words_within_it(text in "\\PC{0,60}") {
            for token in words(&text) {
                proptest::prop_assert!(text.get(token.start..token.end).is_some_and(|part| !part.is_empty()));
                proptest::prop_assert!(!token.word.is_empty() && token.word.chars().count() <= MAX_WORD && token.at <= token.upto);
                proptest::prop_assert!(!token.word.contains(['=', '\'', '\\', '\0']));
            }
        }
    }
}

//! What a person typed. Whatever it is, it is text: the few operators are recognised, everything else is words.

use relay_types::{Handle, TimestampMs};

use super::words::{For, is_single_unspaced, is_unspaced_word, split};

/// Characters of a query.
pub const MAX_CHARS: usize = 256;
/// Words of a query.
pub const MAX_WORDS: usize = 32;
/// `from:`, `in:` and `has:` of a query, each.
const MAX_FILTERS: usize = 8;
/// Shorter words are looked up whole: their beginnings are those of half the language.
const MIN_PREFIX: usize = 3;
const DAY_MS: i64 = 86_400_000;

/// Why a query is none. The words are for the person who typed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Too much.
    #[error("q has to have at most {MAX_CHARS} characters and {MAX_WORDS} words")]
    TooLong,
    /// Nothing that could be found.
    #[error("q has to name a word, a sender or a kind to look for")]
    Nothing,
    /// Not a day.
    #[error("{0} takes a day, such as {0}2026-11-28")]
    Day(&'static str),
    /// Not a kind.
    #[error("has: takes link or code")]
    Kind,
    /// Too many of one kind.
    #[error("q has to name at most {MAX_FILTERS} of each of from:, in: and has:")]
    Filters,
}

/// What a message may have beside its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Has {
    /// An address of the web.
    Link,
    /// A block of code.
    Code,
}

impl Has {
    const ALL: [Self; 2] = [Self::Link, Self::Code];

    const fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Code => "code",
        }
    }

    /// Its word in the index.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Link => "=has:link",
            Self::Code => "=has:code",
        }
    }

    /// Everything that a text has.
    pub(super) fn of(text: &str) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|has| has.is_in(text))
    }

    pub(super) fn is_in(self, text: &str) -> bool {
        match self {
            Self::Link => ["http://", "https://"].iter().any(|scheme| {
                text.match_indices("://").any(|(at, _)| {
                    let begin = (at + 3).checked_sub(scheme.len());
                    let same = begin.and_then(|begin| text.get(begin..at + 3)).is_some_and(|found| found.eq_ignore_ascii_case(scheme));
                    same && text.get(at + 3..).and_then(|rest| rest.chars().next()).is_some_and(char::is_alphanumeric)
                })
            }),
            Self::Code => text.matches("```").count() >= 2,
        }
    }
}

/// Whose messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    /// The one who asks.
    Me,
    /// Who has this handle.
    Handle(Handle),
    /// Nobody has such a handle.
    Nobody,
}

/// A word of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// As in the index.
    pub word: String,
    /// Whether it is only the beginning of a word.
    pub prefix: bool,
}

/// Words that stand next to each other: a phrase, or what was typed without a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence(pub Vec<Term>);

/// What is asked for. All of it has to be true of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Words and phrases.
    pub sequences: Vec<Sequence>,
    /// By one of these people.
    pub from: Vec<Sender>,
    /// In conversations of one of these names or ids.
    pub within: Vec<String>,
    /// Sent before this moment.
    pub before_ms: Option<TimestampMs>,
    /// Sent at this moment or later.
    pub after_ms: Option<TimestampMs>,
    /// With all of these.
    pub has: Vec<Has>,
}

/// A piece of what was typed.
struct Piece<'a> {
    operator: Option<(&'static str, &'a str)>,
    text: &'a str,
    quoted: bool,
    /// Whether the text ended with it.
    open: bool,
}

const OPERATORS: [&str; 5] = ["from:", "in:", "before:", "after:", "has:"];

impl Query {
    /// Reads what was typed.
    ///
    /// # Errors
    /// Too much, nothing to look for, or an operator whose value is not of its kind.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        if text.chars().nth(MAX_CHARS).is_some() {
            return Err(QueryError::TooLong);
        }
        let mut query = Self::default();
        let mut rest = text;
        while let Some((piece, behind)) = next_piece(rest) {
            rest = behind;
            match piece.operator {
                Some(("from:", value)) => query.from.push(sender(value)),
                // No database takes a zero in a text.
                Some(("in:", value)) => query.within.push(value.replace('\0', "\u{fffd}")),
                // The earliest, and the latest, are the narrowest.
                Some(("before:", value)) => query.before_ms = query.before_ms.into_iter().chain([day(value, "before:")?]).min(),
                Some(("after:", value)) => query.after_ms = query.after_ms.into_iter().chain([day(value, "after:")?]).max(),
                Some((_, value)) => {
                    let has = Has::ALL.into_iter().find(|has| has.name().eq_ignore_ascii_case(value)).ok_or(QueryError::Kind)?;
                    query.has.push(has);
                }
                None => query.sequences.extend(sequence(&piece)),
            }
        }
        if query.sequences.iter().map(|sequence| sequence.0.len()).sum::<usize>() > MAX_WORDS {
            return Err(QueryError::TooLong);
        }
        if query.from.len().max(query.within.len()).max(query.has.len()) > MAX_FILTERS {
            return Err(QueryError::Filters);
        }
        if query.sequences.is_empty() && query.from.is_empty() && query.has.is_empty() {
            return Err(QueryError::Nothing);
        }
        Ok(query)
    }
}

impl Sequence {
    /// The words of a name, the last of which may be a beginning.
    pub(super) fn beginning(name: &str) -> Option<Self> {
        let mut terms: Vec<Term> = split(name, For::Query).into_iter().map(|token| Term { word: token.word, prefix: false }).collect();
        terms.last_mut()?.prefix = true;
        Some(Self(terms))
    }
}

fn sequence(piece: &Piece<'_>) -> Option<Sequence> {
    let tokens = split(piece.text, For::Query);
    let last = tokens.len().checked_sub(1)?;
    let terms = tokens.into_iter().enumerate().map(|(index, token)| {
        let unfinished = piece.open && !piece.quoted && index == last && token.end == piece.text.len();
        let long = !is_unspaced_word(&token.word) && token.word.chars().count() >= MIN_PREFIX;
        // One character begins the pairs of which texts have words; before another word it ends its run.
        let prefix = (unfinished && long) || (index == last && is_single_unspaced(&token.word));
        Term { word: token.word, prefix }
    });
    Some(Sequence(terms.collect()))
}

/// The next piece, and what is behind it.
fn next_piece(text: &str) -> Option<(Piece<'_>, &str)> {
    let text = text.trim_start();
    if text.is_empty() {
        return None;
    }
    let operator = OPERATORS.into_iter().find_map(|operator| {
        let name = text.get(..operator.len()).filter(|name| name.eq_ignore_ascii_case(operator))?;
        let value = text.get(name.len()..).filter(|value| value.starts_with(|c: char| !c.is_whitespace()))?;
        Some((operator, value))
    });
    let whole = operator.map_or(text, |(_, value)| value);
    let (inner, behind, quoted) = quoted(whole).map_or_else(
        || {
            let end = whole.find(char::is_whitespace).unwrap_or(whole.len());
            let (inner, behind) = whole.split_at_checked(end).unwrap_or((whole, ""));
            (inner, behind, false)
        },
        |(inner, behind)| (inner, behind, true),
    );
    let operator = operator.filter(|_| !inner.trim().is_empty()).map(|(name, _)| (name, inner.trim()));
    Some((Piece { operator, text: inner, quoted, open: behind.is_empty() }, behind))
}

/// What stands in quotes at the beginning. A quote that is not closed reaches to the end.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quotes = |c: char| matches!(c, '"' | '“' | '”' | '„' | '«' | '»');
    let inner = text.strip_prefix(quotes)?;
    match inner.find(quotes) {
        Some(end) => {
            let (inner, behind) = inner.split_at_checked(end)?;
            Some((inner, behind.strip_prefix(quotes).unwrap_or(behind)))
        }
        None => Some((inner, "")),
    }
}

fn sender(value: &str) -> Sender {
    let handle = value.strip_prefix('@').unwrap_or(value);
    if handle.eq_ignore_ascii_case("me") {
        return Sender::Me;
    }
    handle.to_lowercase().parse().map_or(Sender::Nobody, Sender::Handle)
}

/// The first moment of a day, UTC.
fn day(text: &str, operator: &'static str) -> Result<TimestampMs, QueryError> {
    let refused = || QueryError::Day(operator);
    let parts: Vec<i64> = text
        .split('-')
        .map(|part| part.parse().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit())).ok_or_else(refused))
        .collect::<Result<_, _>>()?;
    let [year @ 1970..=9999, month @ 1..=12, day] = parts.as_slice() else { return Err(refused()) };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=length).contains(day) {
        return Err(refused());
    }
    // Days since 1970-01-01, with years that begin in March: the leap day is the last of its year.
    let shifted = if *month <= 2 { year - 1 } else { *year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + of_year - 719_468;
    Ok(days * DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words_of(text: &str) -> Vec<String> {
        let shown = |term: &Term| format!("{}{}", term.word, if term.prefix { "*" } else { "" });
        let query = Query::parse(text).unwrap();
        query.sequences.iter().map(|sequence| sequence.0.iter().map(shown).collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn words_phrases_and_the_last_word_are_read() {
        assert_eq!(words_of("Harbour walk"), ["harbour", "walk*"]);
        assert_eq!(words_of("Harbour walk "), ["harbour", "walk"]);
        assert_eq!(words_of("\"harbour walk\" tomorrow"), ["harbour walk", "tomorrow*"]);
        assert_eq!(words_of("“harbour walk”"), ["harbour walk"]);
        assert_eq!(words_of("\"not closed"), ["not closed"]);
        assert_eq!(words_of("foo_bar to"), ["foo bar", "to"], "two letters begin too many words");
        assert_eq!(words_of("anna@exam"), ["anna@exam*"]);
        assert_eq!(words_of("東京都"), ["東京 京都"]);
        assert_eq!(words_of("京 x"), ["京*", "x"]);
        assert_eq!(words_of("wow!"), ["wow"]);
    }

    #[test]
    fn operators_are_read_and_everything_else_is_text() {
        let query = Query::parse("plan FROM:@Anna from:me in:\"Harbour walk\" has:link before:2026-11-28 after:2024-02-29").unwrap();
        assert_eq!(query.from, [Sender::Handle("anna".parse().unwrap()), Sender::Me]);
        assert_eq!(query.within, ["Harbour walk"]);
        assert_eq!(query.has, [Has::Link]);
        assert_eq!((query.before_ms, query.after_ms), (Some(1_795_824_000_000), Some(1_709_164_800_000)));
        assert_eq!(query.sequences.len(), 1);
        assert_eq!(words_of("from: anna"), ["from", "anna*"]);
        assert_eq!(words_of("https://example.com"), ["https example com*"]);
        for hostile in ["a' OR 1=1 --", "a & !b | (c <-> d):*", "\\'; DROP TABLE messages;", "a:*", "%_%x", "\u{202e}abc\u{0}"] {
            assert!(Query::parse(hostile).is_ok(), "{hostile}");
        }
    }

    #[test]
    fn what_is_no_query_is_refused_with_words() {
        assert_eq!(Query::parse(""), Err(QueryError::Nothing));
        assert_eq!(Query::parse("!!! \u{200b}"), Err(QueryError::Nothing));
        assert_eq!(Query::parse("in:team before:2026-01-01"), Err(QueryError::Nothing));
        assert_eq!(Query::parse(&"a".repeat(MAX_CHARS + 1)), Err(QueryError::TooLong));
        assert_eq!(Query::parse(&"a ".repeat(MAX_WORDS + 1)), Err(QueryError::TooLong));
        assert_eq!(Query::parse(&"from:anna ".repeat(MAX_FILTERS + 1)), Err(QueryError::Filters));
        assert_eq!(Query::parse("x has:picture"), Err(QueryError::Kind));
        for bad in ["yesterday", "2026-02-30", "2026-13-01", "2026-1", "2026-+1-01", "99999-01-01", "2025-02-29", "0-1-1"] {
            assert_eq!(Query::parse(&format!("x after:{bad}")), Err(QueryError::Day("after:")), "{bad}");
        }
    }

    #[test]
    fn links_and_code_are_recognised() {
        let of = |text: &str| Has::of(text).collect::<Vec<_>>();
        assert_eq!(of("see HTTPS://example.com"), [Has::Link]);
        assert_eq!(of("http:// and ftp://x"), []);
        assert_eq!(of("é://x http://ü.example"), [Has::Link]);
        assert_eq!(of("```\nlet x;\n```"), [Has::Code]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_query_or_refused(text in "\\PC{0,80}") {
            let _ = Query::parse(&text);
        }

        #[test]
        fn days_are_the_calendars(days in 0_i64..40_000) {
            // By counting up the years and months.
            let (mut left, mut year, mut month) = (days, 1970, 1);
            let length = |year: i64, month: i64| match month {
                2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            while left >= length(year, month) {
                left -= length(year, month);
                (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
            }
            proptest::prop_assert_eq!(day(&format!("{year}-{month:02}-{:02}", left + 1), "after:"), Ok(days * DAY_MS));
        }
    }
}

//! Whether a text is an answer to a query, and where in it.

use std::ops::Range;

use super::query::{Query, Sequence, Term};
use super::words::{Token, words};

/// Places of one text that are shown.
const MAX_PLACES: usize = 100;

impl Query {
    /// Where the text says what is asked for, in bytes, in order, without overlaps; `None` if it does not. People and times are not
    /// looked at.
    pub fn found_in(&self, text: &str) -> Option<Vec<Range<usize>>> {
        if !self.has.iter().all(|has| has.is_in(text)) {
            return None;
        }
        let tokens = words(text);
        let mut places = Vec::new();
        for sequence in &self.sequences {
            let found = sequence.places(&tokens);
            if found.is_empty() {
                return None;
            }
            places.extend(found);
        }
        places.sort_by_key(|place| (place.start, place.end));
        let mut merged: Vec<Range<usize>> = Vec::new();
        for place in places {
            let last = merged.last_mut().filter(|last| place.start <= last.end);
            if let Some(last) = last {
                last.end = last.end.max(place.end);
            } else if merged.len() < MAX_PLACES {
                merged.push(place);
            }
        }
        Some(merged)
    }
}

impl Term {
    fn is(&self, word: &str) -> bool {
        if self.prefix { word.starts_with(self.word.as_str()) } else { word == self.word }
    }
}

impl Sequence {
    pub(super) fn is_in(&self, text: &str) -> bool {
        !self.places(&words(text)).is_empty()
    }

    /// Wherever the words stand one behind the other.
    fn places(&self, tokens: &[Token]) -> Vec<Range<usize>> {
        let Some((first, rest)) = self.0.split_first() else { return Vec::new() };
        let begins = tokens.iter().filter(|token| first.is(&token.word));
        let places = begins.filter_map(|begin| {
            let last = rest.iter().try_fold(begin, |before, term| {
                let next = before.upto + 1;
                let from = tokens.partition_point(|token| token.at < next);
                tokens.get(from..)?.iter().take_while(|token| token.at == next).find(|token| term.is(&token.word))
            })?;
            Some(begin.start..last.end)
        });
        places.take(MAX_PLACES).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(query: &str, text: &'a str) -> Option<Vec<&'a str>> {
        Some(Query::parse(query).unwrap().found_in(text)?.into_iter().map(|place| &text[place]).collect())
    }

    #[test]
    fn all_words_have_to_be_there_and_are_shown() {
        assert_eq!(found("walk harb", "The Harbour: a WALK."), Some(vec!["Harbour", "WALK"]));
        assert_eq!(found("walk dog", "The Harbour: a WALK."), None);
        assert_eq!(found("creme", "Crème, crème"), Some(vec!["Crème", "crème"]));
    }

    #[test]
    fn phrases_stand_one_behind_the_other() {
        assert_eq!(found("\"harbour walk\"", "walk harbour, harbour: walk"), Some(vec!["harbour: walk"]));
        assert_eq!(found("\"harbour walk\"", "harbour or walk"), None);
        assert_eq!(found("foo_bar ", "fooBar foo-bar foo x bar"), Some(vec!["fooBar", "foo-bar"]));
        assert_eq!(found("\"see anna@example.com now\"", "See anna@example.com, now!"), Some(vec!["See anna@example.com, now"]));
    }

    #[test]
    fn two_characters_of_a_script_without_spaces_are_found() {
        assert_eq!(found("京都", "東京都"), Some(vec!["京都"]));
        assert_eq!(found("都", "東京都"), Some(vec!["都"]));
        assert_eq!(found("東都", "東京都"), None);
        assert_eq!(found("都x", "東京都x"), Some(vec!["都x"]));
        assert_eq!(found("東x", "東京x"), None);
        assert_eq!(found("東京 都庁", "東京都庁"), Some(vec!["東京都庁"]));
    }

    #[test]
    fn kinds_have_to_be_there() {
        assert_eq!(found("has:link", "https://example.com"), Some(vec![]));
        assert_eq!(found("example has:link", "example"), None);
    }

    #[test]
    fn what_is_shown_is_bounded() {
        let text = "spam ".repeat(3_000);
        let places = Query::parse("spam").unwrap().found_in(&text).unwrap();
        assert_eq!(places.len(), MAX_PLACES);
    }

    #[test]
    fn titles_are_named_by_words_and_beginnings() {
        use super::super::names;
        assert!(names("harbour wa", "The Harbour walk") && names("HARBOUR", "harbour-walk") && names("東", "東京"));
        assert!(!names("wal harbour", "The Harbour walk") && !names("arbour", "Harbour") && !names("…", "…"));
    }

    proptest::proptest! {
        #[test]
        fn a_text_is_found_by_any_of_its_words(text in "[\\w\\u{4E00}-\\u{4E20} .@_éß-]{1,60}", pick in 0_usize..60) {
            let pieces: Vec<&str> = text.split_whitespace().collect();
            if let Some(piece) = pieces.get(pick % pieces.len().max(1))
                && let Ok(query) = Query::parse(piece)
            {
                proptest::prop_assert!(query.found_in(&text).is_some(), "{piece:?} in {text:?}");
            }
        }
    }
}

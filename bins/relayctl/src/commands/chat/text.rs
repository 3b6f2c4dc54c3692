//! Others' words beside the client's own: quoted, bounded, wrapped.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::output::clean;

/// Columns that a name or a title may take among the client's own words.
const MAX_NAME: usize = 40;
/// Of an emoji, which a newer server may know and this one does not.
const MAX_EMOJI: usize = 16;
/// Of what a server says about a refusal.
const MAX_DETAIL: usize = 300;

/// A name that others chose, recognisable as such: in quotes, which it cannot hold itself.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", short(&name.replace('"', "'"), MAX_NAME))
}

/// What a server says, on one line and not for ever.
pub fn detail(text: &str) -> String {
    short(text, MAX_DETAIL)
}

/// One line of at most so many columns.
pub fn short(text: &str, columns: usize) -> String {
    let line = clean(text).replace('\n', " ");
    if line.width() <= columns {
        return line;
    }
    let mut out = String::new();
    for c in line.chars() {
        if out.width() + c.width().unwrap_or(0) + 1 > columns {
            break;
        }
        out.push(c);
    }
    out + "…"
}

/// Cuts text into rows that no terminal makes two of: `first` columns, then `rest`. Words stay whole where they fit.
pub fn rows(text: &str, first: usize, rest: usize) -> Vec<String> {
    let mut rows = Vec::new();
    for line in clean(text).split('\n') {
        let mut row = String::new();
        let mut used = 0;
        for c in line.chars() {
            let room = if rows.is_empty() { first } else { rest };
            if used + columns(c) > room && !row.is_empty() {
                let tail = match row.rfind(' ') {
                    Some(space) if c != ' ' && space > row.len() / 2 => row.split_off(space + 1),
                    _ => String::new(),
                };
                rows.push(std::mem::replace(&mut row, tail));
                used = row.chars().map(columns).sum();
            }
            row.push(c);
            used += columns(c);
        }
        rows.push(row);
    }
    rows
}

/// How wide a character may turn out: terminals disagree about some, and the wider answer is the safe one.
fn columns(c: char) -> usize {
    // Picks the emoji's form of what stands before it, which is wider.
    if c == '\u{FE0F}' { 1 } else { c.width_cjk().unwrap_or(0) }
}

/// What of a message is shown.
pub fn body_text(body: &relay_protocol::MessageBody) -> &str {
    match body {
        relay_protocol::MessageBody::Text { text } => text.as_str(),
        relay_protocol::MessageBody::Erased => "(this message was erased)",
        relay_protocol::MessageBody::Unknown(_) => "(a message that this version cannot show)",
    }
}

/// How people react to a message, behind what else is said of it.
pub fn reactions_of(message: &relay_protocol::Message) -> String {
    let kinds: Vec<String> =
        message.reactions.iter().map(|kind| format!("{} {}", short(kind.emoji.as_str(), MAX_EMOJI), kind.count)).collect();
    if kinds.is_empty() { String::new() } else { format!(" [{}]", kinds.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_shown_as_typed() {
        let examples: Vec<serde_json::Value> = serde_json::from_str(include_str!("../../../../../tests/markup.json")).unwrap();
        for example in examples {
            let typed = example["typed"].as_str().unwrap();
            let body = relay_protocol::MessageBody::Text { text: typed.parse().unwrap() };
            assert_eq!(rows(body_text(&body), 200, 200).join("\n"), typed);
        }
    }

    #[test]
    fn names_end_where_their_quotes_end() {
        assert_eq!(quote("(owner) \"The Boss\""), "\"(owner) 'The Boss'\"");
        let long = quote(&"x".repeat(500));
        assert!(long.width() <= MAX_NAME + 2 && long.ends_with("…\""), "{long}");
        assert_eq!(quote("a\nb\x1b[2J"), "\"a b\u{FFFD}[2J\"");
    }

    #[test]
    fn rows_are_never_wider_than_the_terminal() {
        for text in
            ["a".repeat(100), "漢".repeat(100), "word ".repeat(40), "❤️".repeat(50), "·".repeat(90), format!("x{}y", " ".repeat(79))]
        {
            let rows = rows(&text, 20, 30);
            for (number, row) in rows.iter().enumerate() {
                let room = if number == 0 { 20 } else { 30 };
                assert!(row.width() <= room && row.width_cjk() <= room, "{row:?}");
            }
            assert_eq!(rows.concat(), text, "nothing is lost");
        }
        assert_eq!(rows("one two three", 8, 8), ["one two ", "three"]);
        assert_eq!(rows("a\n\nb", 9, 9), ["a", "", "b"]);
        assert_eq!(rows("", 9, 9), [""]);
    }
}

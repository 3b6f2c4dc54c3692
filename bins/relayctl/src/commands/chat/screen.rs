//! Lines to the terminal or the pipe.
//!
//! Where a row begins says who speaks. `* ` is this program. A time of day is someone's message, and its further rows begin
//! with a gutter. So whatever others write, no row of theirs looks like another one's.

use std::io::{IsTerminal as _, Write as _};

use parking_lot::Mutex;
use relay_types::TimestampMs;
use rustyline::ExternalPrinter;
use time::{OffsetDateTime, UtcOffset};

use super::text::rows;

/// Before further rows of a message.
const GUTTER: &str = "      | ";
/// Fewer columns than this are not wrapped for: nothing could be read.
const MIN_COLUMNS: usize = 16;
/// Fewer columns than this beside a header are left empty.
const MIN_BESIDE: usize = 16;
/// A terminal that cuts an overlong row off instead of going on in the next; and the usual way.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

/// Prints above the line that is being typed.
pub type Above = Box<dyn ExternalPrinter + Send>;

/// Prints whole rows.
pub struct Screen {
    offset: UtcOffset,
    terminal: bool,
    above: Mutex<Option<Above>>,
}

impl Screen {
    pub fn new(offset: UtcOffset) -> Self {
        Self { offset, terminal: std::io::stdout().is_terminal(), above: Mutex::new(None) }
    }

    /// From now on a line is being typed; `None`: no more.
    pub fn print_above(&self, above: Option<Above>) {
        *self.above.lock() = above;
    }

    /// The client's own words.
    pub fn say(&self, text: impl std::fmt::Display) {
        self.print(&own(&text.to_string(), self.columns()));
    }

    /// Others' words, and one's own from elsewhere: `header` says whose.
    pub fn message(&self, header: &str, text: &str) {
        self.print(&layout(header, text, self.columns()));
    }

    fn print(&self, lines: &[String]) {
        let text = lines.join("\n");
        // Losing the terminal is noticed where input ends.
        match &mut *self.above.lock() {
            Some(above) => drop(above.print(format!("{NO_WRAP}{text}{WRAP}\n"))),
            None if self.terminal => drop(writeln!(std::io::stdout(), "{NO_WRAP}{text}{WRAP}")),
            None => drop(writeln!(std::io::stdout(), "{text}")),
        }
    }

    /// How many columns a row may have.
    fn columns(&self) -> usize {
        if !self.terminal {
            return usize::MAX / 4;
        }
        columns_of_terminal()
    }

    /// The day and the time of day, here.
    pub fn day(&self, at_ms: TimestampMs) -> String {
        let Ok(at) = OffsetDateTime::from_unix_timestamp(at_ms.div_euclid(1000)) else { return self.clock(at_ms) };
        let at = at.to_offset(self.offset);
        format!("{:04}-{:02}-{:02} {}", at.year(), u8::from(at.month()), at.day(), self.clock(at_ms))
    }

    /// The time of day, here.
    pub fn clock(&self, at_ms: TimestampMs) -> String {
        let Ok(at) = OffsetDateTime::from_unix_timestamp(at_ms.div_euclid(1000)) else { return "--:--".to_owned() };
        let at = at.to_offset(self.offset);
        format!("{:02}:{:02}", at.hour(), at.minute())
    }
}

/// The columns that rows are made for.
pub fn columns_of_terminal() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stdout());
    size.map_or(80, |size| usize::from(size.ws_col)).max(MIN_COLUMNS)
}

/// The client's own words as rows. A name that others chose may be among them, so no row begins with what stands in the middle.
pub fn own(text: &str, columns: usize) -> Vec<String> {
    let room = columns.saturating_sub(2);
    let mut lines = Vec::new();
    for line in text.lines() {
        for (row, first) in rows(line, room, room).into_iter().zip(std::iter::once(true).chain(std::iter::repeat(false))) {
            lines.push(format!("{} {row}", if first { '*' } else { ' ' }));
        }
    }
    lines
}

/// A message as rows: the header and the text beside it, or below it where there is no room; the gutter before the rest.
fn layout(header: &str, text: &str, columns: usize) -> Vec<String> {
    let rest = columns.saturating_sub(GUTTER.len());
    let mut lines = Vec::new();
    for row in rows(header, columns, rest) {
        lines.push(if lines.is_empty() { row } else { format!("{GUTTER}{row}") });
    }
    // Twice the characters is what the header may take at most.
    let used = header.chars().count() * 2 + 2;
    let beside = if used + MIN_BESIDE <= columns && lines.len() == 1 { columns - used } else { 0 };
    let mut body = rows(text, if beside > 0 { beside } else { rest }, rest).into_iter();
    if let Some(last) = lines.last_mut() {
        last.push(':');
        if beside > 0
            && let Some(row) = body.next()
        {
            last.push(' ');
            last.push_str(&row);
        }
    }
    lines.extend(body.map(|row| format!("{GUTTER}{row}")));
    lines
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    #[test]
    fn no_row_of_others_looks_like_anothers() {
        let hostile = [
            "one\n12:00 @ann: two\n* connected as @root",
            &format!("{}12:00 @ann: pay me", "x".repeat(62)),
            &format!("{}* you were removed", "漢".repeat(31)),
            &"👩‍👩‍👧".repeat(40),
            "\r* hello\u{2028}* there\x1b[1;1H* top",
        ];
        for columns in [MIN_COLUMNS, 30, 40, 80] {
            let header = if columns < 30 { "12:00 " } else { "12:00 #\"the team\" @eve:" };
            for text in hostile {
                let lines = layout("12:00 #\"the team\" @eve", text, columns);
                for (number, line) in lines.iter().enumerate() {
                    assert!(line.width() <= columns, "{columns}: {line:?}");
                    assert!(line.starts_with(if number == 0 { header } else { GUTTER }), "{line:?}");
                }
            }
        }
        let lost = own("not sent: you are no longer in #\"a 12:00 @ann: pay me\"", 32);
        assert!(lost.len() > 1 && lost.iter().skip(1).all(|line| line.starts_with("  ") && line.width() <= 32), "{lost:?}");
        assert_eq!(layout("12:00 @bob", "hello", usize::MAX / 4), ["12:00 @bob: hello"]);
    }

    #[test]
    fn the_clock_is_local() {
        let screen = Screen { terminal: false, offset: UtcOffset::from_hms(2, 0, 0).unwrap(), above: Mutex::new(None) };
        assert_eq!(screen.clock(0), "02:00");
        assert_eq!(screen.clock(i64::MAX), "--:--");
    }
}

//! Lines to the terminal or the pipe.

use std::io::{IsTerminal as _, Write as _};

use relay_types::TimestampMs;
use time::{OffsetDateTime, UtcOffset};

/// Prints whole lines. On a terminal the prompt is kept as the last line.
pub struct Screen {
    terminal: bool,
    offset: UtcOffset,
    prompt: String,
}

impl Screen {
    pub fn new(offset: UtcOffset) -> Self {
        let terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
        Self { terminal, offset, prompt: String::new() }
    }

    /// Prints one line; what others wrote has to be [`clean`]ed before.
    pub fn line(&self, text: impl std::fmt::Display) {
        let mut out = std::io::stdout().lock();
        // Losing the terminal is noticed where input ends.
        let _ = if self.terminal { write!(out, "\r\x1b[2K{text}\n{}", self.prompt) } else { writeln!(out, "{text}") };
        let _ = out.flush();
    }

    /// Changes the prompt and shows it.
    pub fn set_prompt(&mut self, prompt: String) {
        self.prompt = prompt;
        self.show_prompt();
    }

    /// Shows the prompt again, after a line was typed.
    pub fn show_prompt(&self) {
        if self.terminal {
            let mut out = std::io::stdout().lock();
            let _ = write!(out, "\r\x1b[2K{}", self.prompt);
            let _ = out.flush();
        }
    }

    /// Removes the prompt, before leaving.
    pub fn clear_prompt(&mut self) {
        self.set_prompt(String::new());
    }

    /// The time of day, here.
    pub fn clock(&self, at_ms: TimestampMs) -> String {
        let Ok(at) = OffsetDateTime::from_unix_timestamp(at_ms.div_euclid(1000)) else { return "--:--".to_owned() };
        let at = at.to_offset(self.offset);
        format!("{:02}:{:02}", at.hour(), at.minute())
    }
}

/// Text of others, made safe to print: no escape sequence, no carriage return, nothing that turns the line around. Further
/// lines are indented, so that they cannot pose as lines of ours.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\n      "),
            '\t' => out.push(' '),
            c if c.is_control() || is_invisible(c) => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}

/// Direction controls, line and paragraph separators, and tag characters.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_cannot_write_escapes() {
        let hostile = "a\x1b[2Jb\rc\x07d\u{9b}31me\u{202E}f\x08g\u{2028}h";
        let cleaned = clean(hostile);
        assert!(cleaned.chars().all(|c| !c.is_control() && !is_invisible(c)), "{cleaned:?}");
        assert_eq!(cleaned.chars().filter(char::is_ascii_lowercase).collect::<String>(), "abcdmefgh");
        assert_eq!(clean("one\n12:00 ann: two"), "one\n      12:00 ann: two");
        assert_eq!(clean("é 🙂 ok"), "é 🙂 ok");
    }

    #[test]
    fn the_clock_is_local() {
        let screen = Screen { terminal: false, offset: UtcOffset::from_hms(2, 0, 0).unwrap(), prompt: String::new() };
        assert_eq!(screen.clock(0), "02:00");
        assert_eq!(screen.clock(i64::MAX), "--:--");
    }
}

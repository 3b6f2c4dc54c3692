//! Lines of a pipe or a file, as bytes.

use std::io::{BufRead, IsTerminal as _};

use tokio::sync::mpsc;

use super::editor::{INPUT_QUEUE, Typed};

/// A longer line is no message, whatever it holds.
const MAX_LINE: usize = 1 << 20;
/// A terminal without an editor cuts longer lines itself, and does not say so.
const MAX_TERMINAL_LINE: usize = 4_095;

/// Reads standard input on a thread of its own: a blocking read cannot be cancelled, and ends with the process.
pub fn start() -> mpsc::Receiver<Typed> {
    let (lines, input) = mpsc::channel(INPUT_QUEUE);
    let limit = if std::io::stdin().is_terminal() { MAX_TERMINAL_LINE } else { MAX_LINE };
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        while let Some(typed) = next(&mut stdin, limit) {
            if lines.blocking_send(typed).is_err() {
                return;
            }
        }
        let _ = lines.blocking_send(Typed::End);
    });
    input
}

/// The next line, without its end; one that is no text is passed over as a whole.
fn next(input: &mut impl BufRead, limit: usize) -> Option<Typed> {
    let mut line = Vec::new();
    let mut length = 0;
    loop {
        let available = match input.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => return None,
        };
        if available.is_empty() && length == 0 {
            return None;
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(available.len());
        length += taken;
        if length < limit {
            line.extend_from_slice(available.get(..taken).unwrap_or_default());
        }
        let ended = end.is_some() || available.is_empty();
        input.consume(taken + usize::from(end.is_some()));
        length += usize::from(end.is_some());
        if !ended {
            continue;
        }
        if length > limit {
            return Some(Typed::Refused(format!("a line of {length} bytes is too long")));
        }
        return Some(match String::from_utf8(line) {
            Ok(text) => Typed::Piped(text.trim_end_matches('\r').to_owned()),
            Err(_) => Typed::Refused("a line that is not UTF-8".to_owned()),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(input: &[u8], limit: usize) -> Vec<String> {
        let mut input = std::io::BufReader::with_capacity(3, input);
        std::iter::from_fn(|| next(&mut input, limit))
            .map(|typed| match typed {
                Typed::Piped(text) => text,
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn lines_are_bytes_up_to_a_break_whatever_their_length() {
        assert_eq!(all(b"one\n\ntwo\r\nthree", 100), ["one", "", "two", "three"]);
        let long = "x".repeat(9_000);
        assert_eq!(all(format!("{long}\nshort\n").as_bytes(), 10_000), [long.as_str(), "short"]);
        assert!(all(b"", 10).is_empty());
    }

    #[test]
    fn what_is_no_text_is_refused_and_the_next_line_is_not() {
        let seen = all(b"a\xFFb\nok\n", 100);
        assert!(seen[0].contains("UTF-8") && seen[1] == "ok", "{seen:?}");
        let seen = all(&[vec![b'x'; 50], b"\nok".to_vec()].concat(), 20);
        assert!(seen[0].contains("too long") && seen[1] == "ok", "{seen:?}");
    }
}

//! The line editor of a terminal, on a thread of its own.
//!
//! It never waits for the loop, so the loop may always print. What cannot be sent off stays in the editor.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rustix::termios::{QueueSelector, tcflush, tcgetwinsize};
use rustyline::completion::Completer;
use rustyline::config::{BellStyle, Config};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{ColorMode, Context, Editor, ExternalPrinter as _, Helper};
use tokio::sync::mpsc;

use super::aim::{Aim, Target};
use super::screen::{Above, columns_of_terminal, own};
use crate::output::clean;

/// Lines typed ahead.
pub const INPUT_QUEUE: usize = 64;
/// Lines that the up key brings back. They are nowhere else.
const HISTORY: usize = 200;
/// After input that is not text, what follows it is thrown away for about this long: it belongs to the same paste.
const SILENCE: Duration = Duration::from_millis(20);
const SILENCES: u32 = 10;

/// What came from the keyboard or the pipe.
#[derive(Debug)]
pub enum Typed {
    /// A line, and where the prompt said it would go.
    Line(String, Option<Target>),
    /// A line of a pipe: it goes where the chat is when its turn comes.
    Piped(String),
    /// A line that is no text; why.
    Refused(String),
    /// Nothing more comes.
    End,
}

/// Starts the editor; `None` if this terminal cannot have one.
pub fn start(aim: Arc<Aim>) -> anyhow::Result<Option<(Above, mpsc::Receiver<Typed>)>> {
    let config = Config::builder()
        .max_history_size(HISTORY)
        .and_then(|config| config.history_ignore_dups(true))
        .context("the editor's history")?
        .auto_add_history(false)
        .bell_style(BellStyle::None)
        // The prompt is drawn by the helper, which needs colours to be on; it uses none.
        .color_mode(ColorMode::Forced)
        .build();
    let history = MemHistory::with_config(&config);
    let mut editor = Editor::with_history(config, history).context("could not use the terminal")?;
    let Ok(printer) = editor.create_external_printer() else { return Ok(None) };
    let mut notices = editor.create_external_printer().context("could not use the terminal")?;
    let (lines, input) = mpsc::channel(INPUT_QUEUE);
    let columns = columns();
    editor.set_helper(Some(Line { aim: Arc::clone(&aim), lines: lines.clone(), columns }));
    std::thread::spawn(move || {
        while let Some(typed) = read(&mut editor, &aim, &mut |text| drop(notices.print(own(text, columns_of_terminal()).join("\n") + "\n")))
        {
            if lines.blocking_send(typed).is_err() {
                return;
            }
        }
        let _ = lines.blocking_send(Typed::End);
    });
    Ok(Some((Box::new(printer), input)))
}

/// The next line; `None` at the end.
fn read(editor: &mut Editor<Line, MemHistory>, aim: &Aim, notice: &mut dyn FnMut(&str)) -> Option<Typed> {
    let mut kept = String::new();
    loop {
        let width = columns();
        if let Some(helper) = editor.helper_mut() {
            helper.columns = width;
        }
        match editor.readline_with_initial(" ".repeat(width).as_str(), (&kept, "")) {
            Ok(line) => {
                let target = aim.take();
                if !line.trim().is_empty() {
                    let _ = editor.add_history_entry(&line);
                }
                return Some(Typed::Line(line, target));
            }
            // Ctrl-C takes back what was typed; with nothing typed it leaves.
            Err(ReadlineError::Interrupted) => {
                let text = aim.text();
                aim.typing("");
                if text.trim().is_empty() {
                    return None;
                }
                let _ = editor.add_history_entry(&text);
                kept.clear();
            }
            Err(ReadlineError::Io(error)) if error.kind() == ErrorKind::InvalidData => {
                for _ in 0..SILENCES {
                    let _ = tcflush(std::io::stdin(), QueueSelector::IFlush);
                    std::thread::sleep(SILENCE);
                }
                kept = aim.text();
                notice("that was not UTF-8 and is left out; what was typed before it is kept");
            }
            Err(_) => return None,
        }
    }
}

/// The prompt's columns at the present size of the terminal.
fn columns() -> usize {
    Aim::columns(tcgetwinsize(std::io::stdout()).map_or(80, |size| usize::from(size.ws_col)))
}

/// What the editor asks while a line is typed.
struct Line {
    aim: Arc<Aim>,
    lines: mpsc::Sender<Typed>,
    columns: usize,
}

impl Helper for Line {}

impl Completer for Line {
    type Candidate = String;
}

impl Hinter for Line {
    type Hint = String;

    /// Asked after each change, before it is shown.
    fn hint(&self, line: &str, _pos: usize, _ctx: &Context<'_>) -> Option<String> {
        self.aim.typing(line);
        None
    }
}

impl Highlighter for Line {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, default: bool) -> Cow<'b, str> {
        if default { Cow::Owned(self.aim.draw(self.columns)) } else { Cow::Borrowed(prompt) }
    }

    /// What was pasted is shown as what it is, and commands nothing.
    fn highlight<'l>(&self, line: &'l str, _pos: usize) -> Cow<'l, str> {
        if line.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
            Cow::Owned(clean(line).replace('\u{FFFD}', ""))
        } else {
            Cow::Borrowed(line)
        }
    }
}

impl Validator for Line {
    fn validate(&self, ctx: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let refuse = |reason: String| Ok(ValidationResult::Invalid(Some(format!("\n{}", own(&reason, columns_of_terminal()).join("\n")))));
        if self.lines.capacity() == 0 {
            return refuse("not sent: the lines before it are not dealt with yet".to_owned());
        }
        match self.aim.judge(ctx.input()) {
            Ok(()) => Ok(ValidationResult::Valid(None)),
            Err(reason) => refuse(reason),
        }
    }
}

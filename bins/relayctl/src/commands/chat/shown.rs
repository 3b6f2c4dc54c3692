//! What was printed already, so that a restart after a crash prints only what is new.
//!
//! The client stores its position every couple of seconds; a process that is killed meanwhile receives the last messages
//! again. This file is written, without waiting for the disk, after each printed message.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use relay_types::{ConversationId, Seq};

/// The last printed message of each conversation.
pub struct Shown {
    last: HashMap<ConversationId, Seq>,
    /// None on a full disk: then a restart may print twice.
    file: Option<File>,
}

impl Shown {
    /// Reads and shortens the file in a profile's directory.
    pub fn open(profile: &Path) -> anyhow::Result<Self> {
        let path = profile.join("shown");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(|| format!("could not read {}", path.display())),
        };
        let mut last = HashMap::new();
        for line in text.lines() {
            // A line that was torn by a crash only means that one message is printed twice.
            let Some((conversation, seq)) = line.split_once(' ') else { continue };
            if let (Ok(conversation), Ok(seq)) = (conversation.parse::<ConversationId>(), seq.parse()) {
                last.insert(conversation, Seq(seq));
            }
        }
        let append = || OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let file = shorten(&path, &last).or_else(|_full| append()).ok();
        Ok(Self { last, file })
    }

    /// Up to where a conversation was printed.
    pub fn upto(&self, conversation: ConversationId) -> Seq {
        self.last.get(&conversation).copied().unwrap_or_default()
    }

    /// Whether the message is new here; if so, it counts as printed from now on.
    pub fn mark(&mut self, conversation: ConversationId, seq: Seq) -> bool {
        if seq <= self.upto(conversation) {
            return false;
        }
        self.last.insert(conversation, seq);
        // Failing to note it is no reason not to print it.
        if let Some(file) = &mut self.file {
            let _ = file.write_all(format!("{conversation} {seq}\n").as_bytes());
        }
        true
    }

    /// The log was rebuilt: its sequences begin anew.
    pub fn forget(&mut self) {
        self.last.clear();
    }
}

/// Writes one line for each conversation beside the file, which it replaces then.
fn shorten(path: &Path, last: &HashMap<ConversationId, Seq>) -> std::io::Result<File> {
    let fresh = path.with_extension("new");
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&fresh)?;
    for (conversation, seq) in last {
        writeln!(file, "{conversation} {seq}")?;
    }
    std::fs::rename(&fresh, path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_printed_twice_even_after_a_crash() {
        let dir = tempfile::tempdir().unwrap();
        let conversation: ConversationId = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        {
            let mut shown = Shown::open(dir.path()).unwrap();
            assert!(shown.mark(conversation, Seq(4)));
            assert!(!shown.mark(conversation, Seq(4)));
            assert!(shown.mark(conversation, Seq(9)));
        }
        let mut torn = OpenOptions::new().append(true).open(dir.path().join("shown")).unwrap();
        torn.write_all(b"01ARZ3NDEK").unwrap();
        let mut shown = Shown::open(dir.path()).unwrap();
        assert!(!shown.mark(conversation, Seq(9)));
        assert!(shown.mark(conversation, Seq(10)));
    }
}

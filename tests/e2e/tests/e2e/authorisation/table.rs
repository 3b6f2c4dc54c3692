//! The tables of `docs/authorisation.md`.

use anyhow::{Context as _, ensure};

/// Who calls, in the table's order.
pub const COLUMNS: [&str; 7] = ["owner", "admin", "member", "ex-member", "invited", "stranger", "anonymous"];

/// What one operation or command answers each of them.
pub struct Row {
    /// The operation's id, or the command's type.
    pub name: String,
    /// What it is done to, where that matters.
    pub variant: String,
    /// `yes`, `no effect`, or a code.
    pub cells: Vec<String>,
}

pub struct Tables {
    pub operations: Vec<Row>,
    pub commands: Vec<Row>,
}

pub fn tables() -> anyhow::Result<Tables> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/authorisation.md"))?;
    Ok(Tables { operations: rows(&text, "operation")?, commands: rows(&text, "command")? })
}

/// The rows of the table whose first column is called so.
fn rows(text: &str, first: &str) -> anyhow::Result<Vec<Row>> {
    let head = format!("| {first} | {} |", COLUMNS.join(" | "));
    let (_, table) = text.split_once(&head).with_context(|| format!("docs/authorisation.md has no table with the head {head}"))?;
    table.lines().skip(2).take_while(|line| line.starts_with('|')).map(row).collect()
}

fn row(line: &str) -> anyhow::Result<Row> {
    let mut cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    ensure!(cells.len() == COLUMNS.len() + 1, "{line}");
    let what = cells.remove(0);
    let (name, variant) = what.strip_prefix('`').and_then(|rest| rest.split_once('`')).with_context(|| format!("no name: {line}"))?;
    let cells = cells.into_iter().map(|cell| cell.trim_matches('`').to_owned()).collect();
    Ok(Row { name: name.to_owned(), variant: variant.trim().to_owned(), cells })
}

//! The tables in `docs/` that repeat the code: codes, configuration keys, metrics. They are made from the code, and a table that
//! is not what the code says fails. `RELAY_UPDATE_DOCS=1 cargo test -p relayctl --test documents` writes them anew.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "helpers of tests fail the test they help")]

mod series;
mod settings;
mod source;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use relay_protocol::{Actor, CloseCode, ErrorCode};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A Markdown table. A cell must not end its row.
fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
    for row in rows {
        assert_eq!(row.len(), head.len(), "{row:?}");
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// Compares the generated parts of a document with `tables`, or writes them.
fn check(document: &str, tables: &BTreeMap<String, String>) {
    #[expect(clippy::disallowed_methods, reason = "a switch for people who run this test, not configuration")]
    let update = std::env::var("RELAY_UPDATE_DOCS").is_ok();
    let path = root().join("docs").join(document);
    let before = std::fs::read_to_string(&path).unwrap();
    let (mut after, mut rest, mut left) = (String::new(), before.as_str(), tables.clone());
    while let Some((text, more)) = rest.split_once("<!-- generated: ") {
        let (name, more) = more.split_once(" -->\n").unwrap();
        let (_, more) = more.split_once("<!-- end -->").unwrap_or_else(|| panic!("docs/{document}: {name} has no end"));
        let made = left.remove(name).unwrap_or_else(|| panic!("docs/{document}: no table is called {name}"));
        let _ = write!(after, "{text}<!-- generated: {name} -->\n\n{made}\n<!-- end -->");
        rest = more;
    }
    after += rest;
    assert!(left.is_empty(), "docs/{document} has no place for {:?}", left.keys());
    if update {
        std::fs::write(&path, after).unwrap();
    } else {
        let line = after.lines().zip(before.lines()).find(|(made, found)| made != found);
        assert!(
            after == before,
            "docs/{document} is not what the code says: run RELAY_UPDATE_DOCS=1 cargo test -p relayctl --test documents\n{line:#?}"
        );
    }
}

/// The web client's and the terminal's tests hold both to the same examples.
#[test]
fn the_protocol_shows_what_clients_draw() {
    #[derive(serde::Deserialize)]
    struct Example {
        typed: String,
        drawn: String,
    }
    let examples: Vec<Example> = serde_json::from_str(include_str!("../../../../tests/markup.json")).unwrap();
    let cell = |text: &str| format!("```` {} ````", text.replace('\n', "↵"));
    let rows = examples.iter().map(|Example { typed, drawn }| vec![cell(typed), cell(drawn)]);
    check("protocol.md", &BTreeMap::from([("markup".to_owned(), table(&["typed", "drawn"], rows))]));
}

#[test]
fn tables_of_codes_say_what_the_registry_says() {
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let actor = |actor| match actor {
        Actor::Caller => "caller",
        Actor::Time => "time",
        Actor::Operator => "operator",
    };
    let errors = ErrorCode::ALL.iter().map(|code| {
        let row = code.row();
        vec![
            format!("`{}`", row.name),
            row.http_status.to_string(),
            yes(row.retryable),
            actor(row.actor).to_owned(),
            row.meaning.to_owned(),
        ]
    });
    let closes = CloseCode::ALL.iter().map(|code| {
        let reconnect = yes(CloseCode::number_allows_reconnect(code.code()));
        let (meaning, action) = (code.meaning().to_owned(), code.client_action().to_owned());
        vec![code.code().to_string(), format!("`{}`", code.as_str()), reconnect, meaning, action]
    });
    let tables = BTreeMap::from([
        ("errors".to_owned(), table(&["code", "HTTP", "retryable", "who acts", "meaning"], errors)),
        ("closes".to_owned(), table(&["number", "name", "reconnect", "sent when", "what a client does"], closes)),
    ]);
    check("errors.md", &tables);
}

#[test]
fn tables_of_settings_say_what_the_configuration_says() {
    let tables = settings::tables().into_iter().map(|(section, table)| (format!("config {section}"), table));
    check("configuration.md", &tables.collect());
}

#[test]
fn every_section_of_the_configuration_is_documented() {
    let documented = settings::tables();
    for section in relay_runtime::SECTIONS {
        assert!(documented.contains_key(*section), "[{section}] has no table");
    }
}

#[test]
fn tables_of_metrics_say_what_processes_export() {
    check("metrics.md", &series::tables());
}

//! Who may do what, and what those outside of a conversation are told of it: `docs/authorisation.md`, row by row, on running servers.

mod effects;
mod rest;
mod scene;
mod socket;
mod table;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use relay_harness::{Harness, wait_for};
use relay_protocol::search::SearchQuery;

use self::rest::Operations;
use self::scene::Scene;
use self::socket::Ear;
use self::table::{COLUMNS, Row};
use super::raw_http::get;
use super::support::{LATE, TestResult};
use super::witness::log_end;

/// What changes who somebody is, or ends their sessions, comes last, in this order.
const LAST: [&str; 4] = ["declineInvitation", "acceptInvitation", "changePassword", "logoutEverywhere"];

/// Who is outside.
const OUTSIDE: [&str; 4] = ["ex-member", "invited", "stranger", "anonymous"];

/// The rows and what is there: nothing may be missing on either side.
fn covers(rows: &[Row], there: &BTreeSet<String>, what: &str) {
    let named: BTreeSet<String> = rows.iter().map(|row| row.name.clone()).collect();
    let (missing, strange): (Vec<_>, Vec<_>) = (there.difference(&named).collect(), named.difference(there).collect());
    assert!(
        missing.is_empty() && strange.is_empty(),
        "docs/authorisation.md: {what} without a row: {missing:?}; rows for nothing: {strange:?}"
    );
}

#[tokio::test]
async fn every_operation_and_command_answers_each_kind_of_caller_as_the_table_says() -> TestResult {
    let h = Harness::shared().await?;
    let document = |name: &str| get(&format!("{}/{name}", h.api_url())).send();
    let operations = Operations::of(&document("openapi.json").await?.json().await?);
    let commands = socket::commands(&document("asyncapi.json").await?.json().await?);
    let tables = table::tables()?;
    covers(&tables.operations, &operations.names(), "operations");
    covers(&tables.commands, &commands, "commands");

    let mut scene = Scene::set(&h).await?;
    let word = &scene.secrets.word;
    wait_for("the words to be found", LATE, || async {
        let asked = SearchQuery { q: word.clone(), ..SearchQuery::default() };
        let page = scene.people[0].user().api.search(&asked).await.map_err(|error| error.to_string())?;
        if page.hits.is_empty() { Err("nothing is found".to_owned()) } else { Ok(()) }
    })
    .await;

    let mut differences = String::new();
    let mut judge = |row: &Row, column: usize, outcome: &str| {
        if row.cells[column] != outcome {
            let _ = writeln!(differences, "{} {} as {}: {outcome}, not {}", row.name, row.variant, COLUMNS[column], row.cells[column]);
        }
    };
    let mut ears = Vec::new();
    for person in &scene.people {
        ears.push(Ear::open(&h, person).await?);
    }
    let (last, first): (Vec<&Row>, Vec<&Row>) = tables.operations.iter().partition(|row| LAST.contains(&row.name.as_str()));
    for row in first {
        for column in 0..COLUMNS.len() {
            judge(row, column, &operations.call(&h, &mut scene, row, column).await?);
        }
    }
    for row in &tables.commands {
        if effects::HAVE_NO_ANSWER.contains(&row.name.as_str()) {
            continue;
        }
        for column in 0..COLUMNS.len() {
            judge(row, column, &socket::say(&h, &scene, &mut ears, row, column).await?);
        }
    }
    for (name, outcomes) in effects::observe(&h, &scene, &mut ears).await? {
        let row = tables.commands.iter().find(|row| row.name == name).expect("a row");
        for (column, outcome) in outcomes.iter().enumerate() {
            judge(row, column, outcome);
        }
    }
    // Whatever was said reaches those who are in it before it would reach the others.
    let end = log_end(&h).await?;
    for ear in ears.iter_mut().flatten() {
        ear.passed(end).await?;
    }
    for name in LAST {
        for row in last.iter().filter(|row| row.name == name) {
            for column in 0..COLUMNS.len() {
                judge(row, column, &operations.call(&h, &mut scene, row, column).await?);
            }
        }
    }
    for (column, ear) in ears.iter().enumerate() {
        let outside = OUTSIDE.contains(&COLUMNS[column]);
        if let Some(ear) = ear {
            let heard = ear.of_conversation(scene.group);
            let _ = outside && !heard.is_empty() && writeln!(differences, "{} was sent {heard:?}", COLUMNS[column]).is_ok();
            assert!(outside || ear.heard.contains(&scene.secrets.word), "a member hears what is said: the word is one that shows");
        }
        if outside {
            let sent = [scene.answers[column].as_str(), ear.as_ref().map_or("", |ear| ear.heard.as_str())].concat();
            assert!(!sent.is_empty());
            for secret in scene.secrets.from(COLUMNS[column], scene.group) {
                if let Some(at) = sent.find(&secret) {
                    let start = sent.floor_char_boundary(at.saturating_sub(600));
                    let _ = writeln!(differences, "{} was sent {secret}: {}", COLUMNS[column], &sent[start..at + secret.len()]);
                }
            }
        }
    }
    assert!(differences.is_empty(), "\n{differences}");
    h.finish().await
}

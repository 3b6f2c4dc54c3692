//! The documents lead where they say: every link between them is there, and the glossary's names are in the code.

use std::path::{Path, PathBuf};

use super::support::TestResult;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every document, below the directories that hold some.
fn documents() -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for directory in ["", "docs", "docs/adr", "docs/reports", "migrations", "fuzz"] {
        for entry in std::fs::read_dir(root().join(directory))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// Every `[label](target)` outside of indented code, and outside of examples between four backticks.
fn links(text: &str) -> Vec<(&str, &str)> {
    let prose = text.lines().filter(|line| !line.starts_with("    "));
    let mut found = Vec::new();
    for mut rest in prose.flat_map(|line| line.split("````").step_by(2)) {
        while let Some((before, after)) = rest.split_once("](") {
            let Some((target, more)) = after.split_once(')') else { break };
            found.push((before.rsplit_once('[').map_or("", |(_, label)| label), target));
            rest = more;
        }
    }
    found
}

/// A heading's anchor, as the usual renderers make it.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let kept = |character: &char| character.is_alphanumeric() || [' ', '-', '_'].contains(character);
    headings.map(|heading| heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")).collect()
}

#[test]
fn links_between_documents_lead_somewhere() -> TestResult {
    let mut broken = Vec::new();
    for document in documents()? {
        let text = std::fs::read_to_string(&document)?;
        for (_, target) in links(&text).into_iter().filter(|(_, target)| !target.contains("://")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { document.clone() } else { document.parent().expect("a directory").join(file) };
            let there =
                path.exists() && (anchor.is_empty() || anchors(&std::fs::read_to_string(&path)?).iter().any(|found| found == anchor));
            if !there {
                broken.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    Ok(())
}

#[test]
fn names_in_the_glossary_are_in_the_code() -> TestResult {
    let docs = root().join("docs");
    let text = std::fs::read_to_string(docs.join("GLOSSARY.md"))?;
    let (mut missing, mut names) = (Vec::new(), 0);
    for (label, target) in links(&text) {
        let Some(name) = label.strip_prefix('`').and_then(|label| label.strip_suffix('`')) else { continue };
        if name.contains('.') || !target.ends_with("rs") {
            continue;
        }
        names += 1;
        let source = std::fs::read_to_string(docs.join(target))?;
        if !source.split(|character: char| !character.is_alphanumeric() && character != '_').any(|word| word == name) {
            missing.push(format!("{name} in {target}"));
        }
    }
    assert!(names >= 40, "the glossary was not understood: {names} names");
    assert!(missing.is_empty(), "{missing:#?}");
    Ok(())
}

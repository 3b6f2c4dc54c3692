//! What only the source says: the doc comments of a struct's fields, and the labels of series.

use std::path::Path;

/// The fields of a struct, each with its doc comment as one line.
pub fn fields(file: &Path, name: &str) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let (_, body) = text.split_once(&format!("struct {name} {{")).unwrap_or_else(|| panic!("{}: no struct {name}", file.display()));
    let (body, _) = body.split_once("\n}").unwrap();
    let (mut fields, mut doc) = (Vec::new(), Vec::new());
    for line in body.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            doc.push(text.trim());
        } else if let Some((field, _)) = line.split_once(": ")
            && !line.starts_with('#')
        {
            fields.push((field.trim_start_matches("pub ").to_owned(), doc.join(" ")));
            doc.clear();
        }
    }
    fields
}

/// Every use of a series in a directory's sources: its name and the labels given there.
pub fn uses(directory: &Path) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(uses(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            for kind in ["counter!(", "gauge!(", "histogram!("] {
                found.extend(text.split(kind).skip(1).filter_map(series));
            }
        }
    }
    found
}

/// `"name", "label" => …, "label" => …)`
fn series(arguments: &str) -> Option<(String, Vec<String>)> {
    let (name, rest) = arguments.trim_start().strip_prefix('"')?.split_once('"')?;
    let (mut depth, mut end) = (0, rest.len());
    for (at, character) in rest.char_indices() {
        match character {
            '(' => depth += 1,
            ')' if depth == 0 => {
                end = at;
                break;
            }
            ')' => depth -= 1,
            _ => {}
        }
    }
    let mut parts: Vec<&str> = rest[..end].split("=>").collect();
    // Behind the last arrow is a value.
    parts.pop();
    let labels = parts.into_iter().filter_map(|before| before.trim_end().strip_suffix('"')?.rsplit('"').next());
    Some((name.to_owned(), labels.map(str::to_owned).collect()))
}

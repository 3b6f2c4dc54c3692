//! The architecture, as Cargo sees it: who may use whom, and which driver belongs to which adapter.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// What each crate may use of the workspace; dev-dependencies after the bar. A crate that is missing here fails the test:
/// a new one has to say in which ring it is.
const EDGES: &[(&str, &[&str], &[&str])] = &[
    // Ring 0, words.
    ("relay-types", &[], &[]),
    ("relay-protocol", &["relay-types"], &[]),
    ("relay-subjects", &["relay-types"], &[]),
    // Ring 1, rules and ports.
    ("relay-domain", &["relay-types", "relay-protocol"], &[]),
    ("relay-posting", &["relay-types", "relay-protocol", "relay-subjects", "relay-domain"], &[]),
    // Ring 2, adapters: never one another, never an app.
    ("relay-bus", &["relay-types", "relay-protocol", "relay-subjects", "relay-domain"], &["relay-dev-servers"]),
    ("relay-store", &["relay-types", "relay-protocol", "relay-domain"], &["relay-dev-servers", "relay-fault-proxy"]),
    ("relay-hot-state", &["relay-types", "relay-protocol", "relay-domain"], &["relay-dev-servers"]),
    ("relay-auth", &["relay-types", "relay-protocol", "relay-domain"], &[]),
    ("relay-outbound-http", &[], &[]),
    // Ring 3, apps: ports only, never an adapter.
    ("relay-gateway", APP, &[]),
    ("relay-api", APP, &[]),
    ("relay-workers", APP, &[]),
    // The side.
    ("relay-runtime", &[], &[]),
    ("relay-dev-servers", &[], &[]),
    ("relay-client", &["relay-types", "relay-protocol"], &[]),
    // The shell: the only place where adapters meet apps.
    ("relay-bootstrap", &["relay-types", "relay-runtime", "relay-bus", "relay-store"], &[]),
    (
        "relay-gateway-bin",
        &["relay-types", "relay-runtime", "relay-bootstrap", "relay-bus", "relay-store", "relay-auth", "relay-hot-state", "relay-gateway"],
        &[],
    ),
    ("relay-worker-bin", &["relay-types", "relay-runtime", "relay-bootstrap", "relay-bus", "relay-store", "relay-workers"], &[]),
    (
        "relay-api-bin",
        &[
            "relay-types",
            "relay-domain",
            "relay-runtime",
            "relay-bootstrap",
            "relay-bus",
            "relay-store",
            "relay-auth",
            "relay-hot-state",
            "relay-posting",
            "relay-api",
        ],
        &[],
    ),
    (
        "relayctl",
        &[
            "relay-types",
            "relay-protocol",
            "relay-domain",
            "relay-runtime",
            "relay-gateway",
            "relay-api",
            "relay-workers",
            "relay-hot-state",
            "relay-bootstrap",
            "relay-bus",
            "relay-store",
            "relay-auth",
            "relay-client",
        ],
        &["relay-harness", "relay-posting"],
    ),
    ("relay-dev", &["relay-dev-servers"], &[]),
    ("relay-fault-proxy", &[], &[]),
    ("relay-checkers", &[], &[]),
    ("relay-fuzz-entries", &["relay-types", "relay-protocol", "relay-subjects", "relay-domain"], &[]),
    ("relay-harness", &["relay-types", "relay-protocol", "relay-subjects", "relay-client", "relay-dev-servers", "relay-fault-proxy"], &[]),
    ("relay-e2e", &["relay-types", "relay-protocol", "relay-subjects", "relay-client", "relay-harness", "relay-fault-proxy"], &[]),
    (
        "relay-chaos",
        &["relay-types", "relay-protocol", "relay-subjects", "relay-client", "relay-dev-servers", "relay-fault-proxy", "relay-checkers"],
        &[],
    ),
    (
        "relay-web-tests",
        &["relay-types", "relay-protocol", "relay-subjects", "relay-harness", "relay-dev-servers", "relay-fault-proxy"],
        &[],
    ),
    (
        "relay-bench",
        &[
            "relay-types",
            "relay-protocol",
            "relay-subjects",
            "relay-domain",
            "relay-auth",
            "relay-client",
            "relay-harness",
            "relay-dev-servers",
            "relay-web-tests",
        ],
        &[],
    ),
];

const APP: &[&str] = &["relay-types", "relay-protocol", "relay-subjects", "relay-domain", "relay-posting", "relay-runtime"];

/// The workspace as built here: nothing is fetched for other platforms.
fn metadata() -> anyhow::Result<Metadata> {
    let version = std::process::Command::new("rustc").arg("-vV").output()?;
    let text = String::from_utf8(version.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host");
    let options = ["--offline", "--filter-platform", host].map(str::to_owned);
    let manifest = root().join("Cargo.toml");
    Ok(MetadataCommand::new().manifest_path(manifest).other_options(options).exec()?)
}

fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every (user, used, whether for tests only).
fn edges(metadata: &Metadata) -> Vec<(String, String, bool)> {
    let name = |id: &PackageId| metadata[id].name.to_string();
    let nodes = &metadata.resolve.as_ref().expect("a resolved graph").nodes;
    let mut edges = Vec::new();
    for node in nodes {
        for used in &node.deps {
            let tests_only = used.dep_kinds.iter().all(|kind| kind.kind == DependencyKind::Development);
            edges.push((name(&node.id), name(&used.pkg), tests_only));
        }
    }
    edges
}

#[test]
fn crates_use_only_what_their_ring_allows() -> anyhow::Result<()> {
    let metadata = metadata()?;
    let members: BTreeSet<String> = metadata.workspace_packages().into_iter().map(|package| package.name.to_string()).collect();
    let table: BTreeMap<&str, (&[&str], &[&str])> = EDGES.iter().map(|(name, uses, tests)| (*name, (*uses, *tests))).collect();
    let listed: BTreeSet<String> = table.keys().map(|name| (*name).to_owned()).collect();
    assert_eq!(members, listed, "every crate of the workspace has a row in the table, and every row is a crate");
    let mut forbidden = Vec::new();
    for (user, used, tests_only) in edges(&metadata) {
        let (Some((uses, tests)), true) = (table.get(user.as_str()), members.contains(&used)) else { continue };
        let allowed = uses.contains(&used.as_str()) || (tests_only && tests.contains(&used.as_str()));
        if !allowed {
            forbidden.push(format!("{user} uses {used}{}", if tests_only { " in its tests" } else { "" }));
        }
    }
    assert!(forbidden.is_empty(), "{forbidden:#?}");
    Ok(())
}

#[test]
fn each_driver_is_used_by_its_adapter_alone() -> anyhow::Result<()> {
    let deny: toml::Table = std::fs::read_to_string(root().join("deny.toml"))?.parse()?;
    let rows = deny["bans"]["deny"].as_array().expect("a list");
    let mut wrappers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        let listed = row.get("wrappers").and_then(toml::Value::as_array).into_iter().flatten();
        let listed = listed.filter_map(toml::Value::as_str).map(str::to_owned).collect();
        wrappers.insert(row["crate"].as_str().expect("a name").to_owned(), listed);
    }
    for driver in ["async-nats", "sqlx", "fred", "jsonwebtoken", "argon2", "reqwest", "tokio-tungstenite"] {
        assert!(wrappers.contains_key(driver), "deny.toml says who may use {driver}");
    }
    let mut forbidden = Vec::new();
    for (user, used, _) in edges(&metadata()?) {
        if wrappers.get(&used).is_some_and(|allowed| !allowed.contains(&user)) {
            forbidden.push(format!("{user} uses {used}"));
        }
    }
    assert!(forbidden.is_empty(), "{forbidden:#?}");
    Ok(())
}

/// Targets without tests say so in their manifest, which spares the build a test program each. None may gain tests that
/// then never run.
#[test]
fn targets_that_are_not_tested_have_no_tests() -> anyhow::Result<()> {
    let mut unseen = Vec::new();
    for package in metadata()?.workspace_packages() {
        for target in package.targets.iter().filter(|target| target.is_lib() || target.is_bin()) {
            let sources = rust_files(target.src_path.parent().expect("a directory").as_std_path())?;
            for (path, text) in sources {
                if !target.test && ["#[cfg(test)]", "#[test]", "#[tokio::test"].iter().any(|mark| text.contains(mark)) {
                    unseen.push(format!("{}: `{}` has `test = false`", path.display(), target.name));
                }
                let documented =
                    text.lines().any(|line| line.trim_start().trim_start_matches("//").starts_with(['/', '!']) && line.contains("```"));
                if target.is_lib() && !target.doctest && documented {
                    unseen.push(format!("{}: `{}` has `doctest = false`", path.display(), target.name));
                }
            }
        }
    }
    assert!(unseen.is_empty(), "{unseen:#?}");
    Ok(())
}

/// The series named behind these macros.
fn series<'a>(text: &'a str, macros: &[&str]) -> BTreeSet<&'a str> {
    let behind = |name: &str| text.match_indices(name).map(|(at, found)| at + found.len()).collect::<Vec<_>>();
    let starts = macros.iter().flat_map(|name| behind(name));
    let names = starts.filter_map(|at| text.get(at..)?.trim_start().strip_prefix('"')?.split('"').next());
    names.filter(|name| name.starts_with("relay_")).collect()
}

#[test]
fn metrics_every_series_has_help_in_its_crate() -> anyhow::Result<()> {
    let mut silent = Vec::new();
    let mut described = 0;
    for entry in std::fs::read_dir(root().join("crates"))? {
        let crate_dir = entry?.path();
        let files = rust_files(&crate_dir.join("src"))?;
        let own = files.iter().filter(|(path, _)| *path == crate_dir.join("src/metrics.rs"));
        let help: BTreeSet<&str> =
            own.flat_map(|(_, text)| series(text, &["describe_counter!(", "describe_gauge!(", "describe_histogram!("])).collect();
        described += help.len();
        for (path, text) in &files {
            let used = series(text, &["counter!(", "gauge!(", "histogram!("]);
            silent.extend(used.difference(&help).map(|name| format!("{}: {name}", path.display())));
        }
    }
    assert!(silent.is_empty(), "{silent:#?}");
    assert!(described > 50, "{described}");
    Ok(())
}

fn rust_files(directory: &std::path::Path) -> anyhow::Result<Vec<(std::path::PathBuf, String)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path)?;
            files.push((path, text));
        }
    }
    Ok(files)
}

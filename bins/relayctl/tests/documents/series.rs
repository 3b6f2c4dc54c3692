//! Metrics: what each crate registers, and the labels that its sources give.

use std::collections::{BTreeMap, BTreeSet};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use parking_lot::Mutex;

use super::{root, source, table};

/// More values than this are a registry of their own.
const MOST_VALUES: usize = 6;

/// Every table, by the crate's name.
pub fn tables() -> BTreeMap<String, String> {
    let crates: [(&str, fn()); 7] = [
        ("runtime", relay_runtime::metrics::register),
        ("bus", relay_bus::metrics::register),
        ("hot-state", relay_hot_state::metrics::register),
        ("posting", relay_posting::metrics::register),
        ("gateway", relay_gateway::metrics::register),
        ("api", relay_api::metrics::register),
        ("workers", relay_workers::metrics::register),
    ];
    let tables: BTreeMap<String, String> = crates.map(|(name, register)| (format!("metrics {name}"), of_crate(name, register))).into();
    for entry in std::fs::read_dir(root().join("crates")).unwrap() {
        let path = entry.unwrap().path();
        let listed = crates.iter().any(|(name, _)| path.ends_with(name));
        assert!(listed || source::uses(&path.join("src")).is_empty(), "{} counts something, and has no table", path.display());
    }
    tables
}

fn of_crate(name: &str, register: fn()) -> String {
    let seen = Seen::default();
    metrics::with_local_recorder(&seen, register);
    let mut series = seen.0.into_inner();
    for (used, labels) in source::uses(&root().join("crates").join(name).join("src")) {
        let found = series.get_mut(&used).unwrap_or_else(|| panic!("{used} is used in {name} and not described in its metrics.rs"));
        for label in labels {
            found.labels.entry(label).or_default();
        }
    }
    let rows = series.into_iter().map(|(name, series)| {
        let kind = series.kind.unwrap_or_else(|| panic!("{name} is counted and not described"));
        let labels: Vec<String> = series.labels.iter().map(|(label, values)| labelled(label, values)).collect();
        vec![format!("`{name}`"), kind.to_owned(), labels.join("; "), series.help]
    });
    table(&["metric", "type", "labels", "meaning"], rows)
}

fn labelled(label: &str, values: &BTreeSet<String>) -> String {
    if values.is_empty() || values.len() > MOST_VALUES {
        return format!("`{label}`");
    }
    format!("`{label}`: {}", values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", "))
}

#[derive(Default)]
struct Series {
    kind: Option<&'static str>,
    help: String,
    labels: BTreeMap<String, BTreeSet<String>>,
}

/// Remembers what is registered.
#[derive(Default)]
struct Seen(Mutex<BTreeMap<String, Series>>);

impl Seen {
    fn describe(&self, name: &KeyName, kind: &'static str, help: &SharedString) {
        let mut all = self.0.lock();
        let series = all.entry(name.as_str().to_owned()).or_default();
        (series.kind, series.help) = (Some(kind), help.to_string());
    }

    fn register(&self, key: &Key) {
        let mut all = self.0.lock();
        let series = all.entry(key.name().to_owned()).or_default();
        for label in key.labels() {
            series.labels.entry(label.key().to_owned()).or_default().insert(label.value().to_owned());
        }
    }
}

impl Recorder for Seen {
    fn describe_counter(&self, name: KeyName, _unit: Option<Unit>, help: SharedString) {
        self.describe(&name, "counter", &help);
    }

    fn describe_gauge(&self, name: KeyName, _unit: Option<Unit>, help: SharedString) {
        self.describe(&name, "gauge", &help);
    }

    fn describe_histogram(&self, name: KeyName, _unit: Option<Unit>, help: SharedString) {
        self.describe(&name, "histogram", &help);
    }

    fn register_counter(&self, key: &Key, _metadata: &Metadata<'_>) -> Counter {
        self.register(key);
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _metadata: &Metadata<'_>) -> Gauge {
        self.register(key);
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _metadata: &Metadata<'_>) -> Histogram {
        self.register(key);
        Histogram::noop()
    }
}

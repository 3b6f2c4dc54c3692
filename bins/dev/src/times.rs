//! Where the time of a test run goes: each part, each test binary, the slowest tests.
//!
//! libtest tells when a test ends, not when it began. It starts tests in the order of their names, the next one whenever one
//! ends; from that follows when each began.

use std::time::{Duration, Instant};

/// How many of the slowest tests are shown.
const SLOWEST: usize = 20;
/// Parts shorter than this are added up.
const SHORT: Duration = Duration::from_secs(1);

/// One run of a test binary.
#[derive(Debug)]
struct Block {
    began: Instant,
    lasted: Option<Duration>,
    /// In the order in which they ended.
    ended: Vec<(String, Instant)>,
}

/// What took how long.
#[derive(Debug, Default)]
pub struct Times {
    parts: Vec<(String, Duration)>,
    /// As cargo announces them; the blocks come in the same order.
    binaries: Vec<String>,
    blocks: Vec<Block>,
}

impl Times {
    /// A part that is not made of tests.
    pub fn part(&mut self, name: &str, lasted: Duration) {
        self.parts.push((name.to_owned(), lasted));
    }

    /// A line of cargo's: `Running tests/e2e.rs (target/debug/deps/e2e-0123)` or `Doc-tests relay_types`.
    pub fn cargo_says(&mut self, line: &str) {
        let line = line.trim();
        if let Some(doc) = line.strip_prefix("Doc-tests ") {
            self.binaries.push(format!("{doc} (documentation)"));
        } else if let Some((source, program)) = line.strip_prefix("Running ").and_then(|rest| rest.split_once(" (")) {
            let file = program.trim_end_matches(')').rsplit('/').next().unwrap_or_default();
            let name = file.rsplit_once('-').map_or(file, |(name, _)| name);
            let unit = if source.starts_with("unittests") { " (unit)" } else { "" };
            self.binaries.push(format!("{name}{unit}"));
        }
    }

    /// Whether a test has begun.
    pub fn has_begun(&self) -> bool {
        !self.blocks.is_empty()
    }

    /// A line of libtest's.
    pub fn test_says(&mut self, line: &str, at: Instant) {
        if line.strip_prefix("running ").is_some_and(|rest| rest.ends_with(" tests") || rest.ends_with(" test")) {
            self.blocks.push(Block { began: at, lasted: None, ended: Vec::new() });
        } else if let Some(block) = self.blocks.last_mut() {
            if let Some((name, _)) = line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... ")) {
                block.ended.push((name.to_owned(), at));
            } else if line.starts_with("test result: ") {
                block.lasted = Some(at.saturating_duration_since(block.began));
            }
        }
    }

    /// What to print at the end.
    pub fn summary(&self) -> String {
        self.summary_of(threads())
    }

    fn summary_of(&self, threads: usize) -> String {
        let mut parts = self.parts.clone();
        let mut tests = Vec::new();
        for (index, block) in self.blocks.iter().enumerate() {
            let name = self.binaries.get(index).map_or("tests", String::as_str);
            parts.push((name.to_owned(), block.lasted.unwrap_or_default()));
            tests.extend(block.tests(threads).into_iter().map(|(test, lasted)| (format!("{name} {test}"), lasted)));
        }
        let (long, short): (Vec<_>, Vec<_>) = parts.into_iter().partition(|(_, lasted)| *lasted >= SHORT);
        let mut text = String::from("minutes per part\n");
        for (name, lasted) in &long {
            text.push_str(&line(&format!("{:.1}", lasted.as_secs_f64() / 60.0), name));
        }
        let rest: Duration = short.iter().map(|(_, lasted)| *lasted).sum();
        text.push_str(&line(&format!("{:.1}", rest.as_secs_f64() / 60.0), &format!("{} shorter ones", short.len())));
        tests.sort_by_key(|(_, lasted)| std::cmp::Reverse(*lasted));
        text.push_str("the slowest tests, in seconds\n");
        for (name, lasted) in tests.iter().take(SLOWEST) {
            text.push_str(&line(&format!("{:.1}", lasted.as_secs_f64()), name));
        }
        text
    }
}

impl Block {
    fn tests(&self, threads: usize) -> Vec<(String, Duration)> {
        let mut names: Vec<_> = self.ended.iter().collect();
        names.sort_by(|one, other| one.0.cmp(&other.0));
        let began = |index: usize| match index.checked_sub(threads) {
            Some(freed) => self.ended.get(freed).map_or(self.began, |(_, at)| *at),
            None => self.began,
        };
        names.iter().enumerate().map(|(index, (name, at))| (name.clone(), at.saturating_duration_since(began(index)))).collect()
    }
}

fn line(figure: &str, name: &str) -> String {
    format!("{figure:>8}  {name}\n")
}

/// How many tests libtest runs at once.
#[expect(clippy::disallowed_methods, reason = "libtest's own setting, not configuration")]
fn threads() -> usize {
    let asked = std::env::var("RUST_TEST_THREADS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_the_slowest_tests_are_told() {
        let began = Instant::now();
        let at = |seconds: u64| began + Duration::from_secs(seconds);
        let mut times = Times::default();
        times.part("clippy", Duration::from_secs(90));
        times.part("rustfmt", Duration::from_millis(300));
        times.cargo_says("     Running tests/e2e.rs (target/debug/deps/e2e-0123456789abcdef)");
        for (line, seconds) in [
            ("running 3 tests", 0),
            ("test e2e::b ... ok", 2),
            ("test e2e::c ... ok", 5),
            ("what a test prints", 6),
            ("test e2e::a ... FAILED", 9),
            ("test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 9.00s", 9),
        ] {
            times.test_says(line, at(seconds));
        }
        // Two at once: `a` and `b` began first, `c` when `b` had ended.
        let text = times.summary_of(2);
        let lines: Vec<_> = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        let wanted = [
            "minutes per part",
            "1.5 clippy",
            "0.1 e2e",
            "0.0 1 shorter ones",
            "the slowest tests, in seconds",
            "9.0 e2e e2e::a",
            "3.0 e2e e2e::c",
            "2.0 e2e e2e::b",
        ];
        assert_eq!(lines, wanted);
    }

    #[test]
    fn names_are_taken_from_what_cargo_says() {
        let mut times = Times::default();
        times.cargo_says("     Running unittests src/lib.rs (target/debug/deps/relay_api-0123456789abcdef)");
        times.cargo_says("   Doc-tests relay_types");
        times.cargo_says("   Compiling relay-api v0.1.0");
        assert_eq!(times.binaries, ["relay_api (unit)", "relay_types (documentation)"]);
    }
}

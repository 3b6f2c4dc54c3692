//! Every entry over its seeds, over what is near them, and over random bytes.

#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests fail the test they help")]

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use relay_fuzz_entries::ENTRIES;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// The seeds of an entry.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let directory = fuzz().join("seeds").join(name);
    let files = std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

#[test]
fn seeds_and_their_neighbours_break_no_promise() {
    for (name, entry) in ENTRIES {
        let seeds = seeds(name);
        assert!(seeds.len() >= 3, "{name}: {} seeds", seeds.len());
        for seed in seeds {
            entry(&seed);
            // Cut off anywhere, and with each byte lost, doubled, or replaced by one that means something.
            for at in 0..seed.len() {
                entry(&seed[..at]);
                let (before, after) = (&seed[..at], &seed[at + 1..]);
                entry(&[before, after].concat());
                entry(&[before, &seed[at..=at], &seed[at..=at], after].concat());
                for byte in *b"\0\"\\{}[],:.*>-+ 09\xff\x80\n" {
                    entry(&[before, &[byte], after].concat());
                }
            }
        }
    }
}

#[test]
fn every_entry_is_a_fuzz_target_and_runs_at_night() {
    let manifest = std::fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    let workflow = std::fs::read_to_string(fuzz().join("../.github/workflows/ci.yml")).unwrap();
    for (name, _) in ENTRIES {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} has a [[bin]] in fuzz/Cargo.toml");
        let target = std::fs::read_to_string(fuzz().join("fuzz_targets").join(format!("{name}.rs"))).unwrap();
        assert!(target.contains(&format!("relay_fuzz_entries::{name}(bytes)")), "{target}");
        let matrix = workflow.lines().find(|line| line.contains("target: [")).unwrap_or_default();
        assert!(matrix.contains(name), "{name} is fuzzed at night: {matrix}");
    }
}

proptest! {
    #[test]
    fn random_bytes_break_no_promise(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for (_, entry) in ENTRIES {
            entry(&bytes);
        }
    }

    /// Bytes that look like what the parsers take come further into them.
    #[test]
    fn random_likely_text_breaks_no_promise(text in r#"[{}\[\]",:. \\_*>+0-9a-zA-Z=-]{0,200}"#) {
        for (_, entry) in ENTRIES {
            entry(text.as_bytes());
        }
    }

    /// Two seeds, cut and joined.
    #[test]
    fn spliced_seeds_break_no_promise(first in any::<usize>(), second in any::<usize>(), cuts in any::<(usize, usize)>()) {
        for (name, entry) in ENTRIES {
            let seeds = seeds(name);
            let (first, second) = (&seeds[first % seeds.len()], &seeds[second % seeds.len()]);
            let (head, tail) = (&first[..cuts.0 % (first.len() + 1)], &second[cuts.1 % (second.len() + 1)..]);
            entry(&[head, tail].concat());
        }
    }
}

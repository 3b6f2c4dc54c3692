//! Which new passwords are refused: those that a guesser tries first.

use zxcvbn::{Score, zxcvbn};

/// What is looked at: the estimate takes longer than the square of the length, and a password this long is judged by then.
const LOOKED_AT: usize = 72;

/// Whether the password is among the first million that a guesser would try who knows these names: common passwords, words,
/// dates, keyboard walks, the names themselves, and their usual disguises.
pub(crate) fn is_guessable(password: &str, names: &[String]) -> bool {
    let mut known: Vec<&str> = names.iter().flat_map(|name| std::iter::once(name.as_str()).chain(name.split_whitespace())).collect();
    known.extend(["relayhub", "relay"]);
    let end = password.char_indices().nth(LOOKED_AT).map_or(password.len(), |(at, _)| at);
    let looked_at = password.get(..end).unwrap_or(password);
    zxcvbn(looked_at, &known).score() < Score::Two
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_first_is_refused() {
        let names = ["annabel".to_owned(), "Annabel Lee".to_owned()];
        for bad in [
            "12345678",
            "password",
            "Password1",
            "P@ssw0rd",
            "qwertyuiop",
            "iloveyou1",
            "aaaaaaaaaa",
            "annabel1",
            "lebanna1",
            "annabellee",
            "relayhub1",
            "20011231",
        ] {
            assert!(is_guessable(bad, &names), "{bad}");
        }
        for good in ["correct horse", "tr0ub4dor&3x", "kühl-und-trocken", "vier Vögel im Schnee", "password of annabel"] {
            assert!(!is_guessable(good, &names), "{good}");
        }
        assert!(!is_guessable("annabel1quartz", &["bob".to_owned()]));
    }

    #[test]
    fn long_input_takes_no_longer_than_a_hash() {
        let started = std::time::Instant::now();
        is_guessable(&"passwordQWERTY19870101".repeat(12), &["ann".repeat(21)]);
        // A hash takes 20 ms; without optimisation everything takes ten times as long, and the machine may be busy.
        assert!(started.elapsed() < std::time::Duration::from_secs(3), "{:?}", started.elapsed());
    }
}

//! Places where a process can be told to die, so that what happens between two steps can be tested.
//!
//! Only in debug builds or with the feature `failpoints`; elsewhere nothing of this is compiled. `RELAY_FAILPOINTS` names
//! them: `after_append=crash:0.01` dies at one in a hundred passes.

/// Passes the place called `name`; the process may end here, at once and without any goodbye.
#[inline]
pub fn hit(name: &str) {
    #[cfg(any(debug_assertions, feature = "failpoints"))]
    active::hit(name);
    #[cfg(not(any(debug_assertions, feature = "failpoints")))]
    let _ = name;
}

#[cfg(any(debug_assertions, feature = "failpoints"))]
mod active {
    use std::collections::HashMap;
    use std::sync::OnceLock;

    /// The probability of dying, by place.
    static PLACES: OnceLock<HashMap<String, f64>> = OnceLock::new();

    pub(super) fn hit(name: &str) {
        #[expect(clippy::disallowed_methods, reason = "a test's switch, not configuration")]
        let places = PLACES.get_or_init(|| std::env::var("RELAY_FAILPOINTS").map(|text| parse(&text)).unwrap_or_default());
        if let Some(probability) = places.get(name)
            && rand::random_bool(*probability)
        {
            std::process::abort();
        }
    }

    /// Whatever cannot be read is not a failpoint.
    fn parse(text: &str) -> HashMap<String, f64> {
        let place = |item: &str| {
            let (name, action) = item.split_once('=')?;
            let probability: f64 = action.strip_prefix("crash:")?.parse().ok()?;
            (0.0..=1.0).contains(&probability).then(|| (name.trim().to_owned(), probability))
        };
        text.split(',').filter_map(place).collect()
    }

    #[cfg(test)]
    mod tests {
        use super::parse;

        #[test]
        fn only_what_is_understood_is_a_failpoint() {
            let places = parse("after_append=crash:0.5, x=crash:2,y=pause,z,after_commit=crash:1");
            assert_eq!(places.len(), 2);
            assert!(places.contains_key("after_append") && places.contains_key("after_commit"));
        }
    }
}

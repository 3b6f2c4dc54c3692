//! Limits of configured values: one way to check them, and one way to say them.

use std::fmt::Display;
use std::ops::RangeInclusive;

/// A key, and what its value has to be.
pub type Violation = (&'static str, String);

/// Whether the value lies within its limits.
pub fn within<T: PartialOrd + Display>(key: &'static str, value: &T, limits: &RangeInclusive<T>) -> Result<(), Violation> {
    require(key, limits.contains(value), || format!("{} to {}", limits.start(), limits.end()))
}

/// Whether the value is large enough.
pub fn at_least<T: PartialOrd + Display>(key: &'static str, value: &T, least: &T) -> Result<(), Violation> {
    require(key, value >= least, || format!("at least {least}"))
}

/// Whether the value is small enough.
pub fn at_most<T: PartialOrd + Display>(key: &'static str, value: &T, most: &T) -> Result<(), Violation> {
    require(key, value <= most, || format!("at most {most}"))
}

/// Whether the value is what it has to be.
pub fn require(key: &'static str, holds: bool, what: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err((key, format!("has to be {}", what()))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_name_the_key_and_what_its_value_has_to_be() {
        assert_eq!(within("a.b", &7, &(1..=7)), Ok(()));
        assert_eq!(within("a.b", &8, &(1..=7)), Err(("a.b", "has to be 1 to 7".to_owned())));
        assert_eq!(at_least("a.b", &0, &1), Err(("a.b", "has to be at least 1".to_owned())));
        assert_eq!(at_most("a.b", &2, &1), Err(("a.b", "has to be at most 1".to_owned())));
    }
}

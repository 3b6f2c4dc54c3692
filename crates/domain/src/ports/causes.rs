//! What lies behind an adapter's error.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// A driver's error, or words.
pub type DriverError = Box<dyn Error + Send + Sync>;

/// The causes behind an adapter's own words. They show as the sources of the port's error. Shared, because one answer may be
/// everybody's who waited for it.
#[derive(Debug, Clone)]
pub struct Causes(Arc<dyn Error + Send + Sync>);

impl Causes {
    /// The error's words, and its causes if it has any.
    pub fn of(error: DriverError) -> (String, Option<Self>) {
        let words = error.to_string();
        let causes = error.source().is_some().then(|| Self(Arc::from(error)));
        (words, causes)
    }

    /// The driver's error itself.
    pub fn driver(&self) -> &(dyn Error + Send + Sync + 'static) {
        self.0.as_ref()
    }
}

impl fmt::Display for Causes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.source().map_or(Ok(()), |cause| fmt::Display::fmt(cause, f))
    }
}

impl Error for Causes {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()?.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::StoreError;

    #[derive(Debug, thiserror::Error)]
    #[error("{1}")]
    struct Driver(#[source] Option<Box<Driver>>, &'static str);

    #[test]
    fn causes_are_the_sources_of_a_port_error_and_nothing_is_said_twice() {
        let driver = Driver(Some(Box::new(Driver(Some(Box::new(Driver(None, "reset by peer"))), "no connection"))), "no answer");
        let error = StoreError::new(driver);
        let mut chain = vec![error.to_string()];
        let mut next: Option<&dyn Error> = error.source();
        while let Some(cause) = next {
            chain.push(cause.to_string());
            next = cause.source();
        }
        assert_eq!(chain, ["the projection is unavailable: no answer", "no connection", "reset by peer"]);
        assert!(StoreError::new("words").causes.is_none());
    }
}

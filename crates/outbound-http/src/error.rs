//! Why nothing came back.

use std::net::IpAddr;

/// Why a request to a server outside gave nothing. No text of the answer is in it.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// Not an address that is asked.
    #[error("the URL is not asked: {reason}")]
    BadUrl {
        /// Why.
        reason: &'static str,
    },
    /// It leads to a machine that is not public.
    #[error("the address {address} is not public")]
    NotPublic {
        /// The first such address.
        address: IpAddr,
    },
    /// The name has no address.
    #[error("the name was not resolved")]
    Unresolved,
    /// No connection.
    #[error("no connection")]
    Connect {
        /// The last address's cause.
        #[source]
        source: std::io::Error,
    },
    /// The server's certificate, or its TLS.
    #[error("no TLS connection")]
    Tls {
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The answer is no HTTP, or more head than is read.
    #[error("the answer was not understood")]
    Http {
        /// The cause.
        #[source]
        source: hyper::Error,
    },
    /// More redirects than are followed.
    #[error("more than {most} redirects")]
    Redirects {
        /// The most.
        most: u8,
    },
    /// An answer that has to be unpacked, although that was not asked for.
    #[error("the answer is encoded")]
    Encoded,
    /// It did not end in time.
    #[error("no whole answer in time")]
    Late,
    /// This process cannot ask anybody.
    #[error("the machine's certificates were not read")]
    Roots {
        /// The cause.
        #[source]
        source: rustls::Error,
    },
}

impl OutboundError {
    /// Whether another attempt later may go differently.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::BadUrl { .. } | Self::NotPublic { .. } | Self::Redirects { .. } | Self::Encoded => false,
            Self::Unresolved | Self::Connect { .. } | Self::Tls { .. } | Self::Http { .. } | Self::Late | Self::Roots { .. } => true,
        }
    }
}

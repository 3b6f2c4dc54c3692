//! What kind of device a person uses.

use std::str::FromStr;

use crate::conversation::open_names;
use crate::unknown::{WireName, WireNameError};

/// What kind of device somebody logged in with, as its client says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    /// A web page.
    Browser,
    /// A program on a computer.
    Desktop,
    /// A phone.
    Phone,
    /// A tablet.
    Tablet,
    /// A text terminal.
    Terminal,
    /// A kind of a newer version's. Shown as none.
    Unknown(WireName),
}

impl DeviceKind {
    /// The wire name, also stored in Postgres.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Browser => "browser",
            Self::Desktop => "desktop",
            Self::Phone => "phone",
            Self::Tablet => "tablet",
            Self::Terminal => "terminal",
            Self::Unknown(name) => name.as_str(),
        }
    }
}

impl FromStr for DeviceKind {
    type Err = WireNameError;

    fn from_str(name: &str) -> Result<Self, WireNameError> {
        Ok(match name {
            "browser" => Self::Browser,
            "desktop" => Self::Desktop,
            "phone" => Self::Phone,
            "tablet" => Self::Tablet,
            "terminal" => Self::Terminal,
            other => Self::Unknown(other.parse()?),
        })
    }
}

open_names!(
    DeviceKind,
    "`browser`, `desktop`, `phone`, `tablet` or `terminal`. A newer version may say another.",
    ["browser", "desktop", "phone", "tablet", "terminal"]
);

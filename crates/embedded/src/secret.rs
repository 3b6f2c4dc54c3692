//! Passwords for servers that only this machine reaches.

use std::fmt::Write as _;

/// A random password: 128 bits as hexadecimal. It begins with a letter because nats-server's configuration would read
/// something like `1e5` as a number.
pub fn random_password() -> String {
    let bytes: [u8; 16] = rand::random();
    bytes.iter().fold(String::from("pw"), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

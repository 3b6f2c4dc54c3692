//! Passwords for servers that only this machine reaches.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// A random password: 128 bits as hexadecimal. It begins with a letter because nats-server's configuration would read
/// something like `1e5` as a number.
pub fn random_password() -> String {
    let bytes: [u8; 16] = rand::random();
    password(&bytes)
}

/// The password of `role` on a server whose own is `secret`. It tells nobody that one, nor another role's.
pub fn derived(secret: &str, role: &str) -> String {
    let digest = Sha256::new().chain_update(secret.len().to_be_bytes()).chain_update(secret).chain_update(role).finalize();
    password(digest.first_chunk::<16>().unwrap_or(&[0; 16]))
}

fn password(bytes: &[u8; 16]) -> String {
    bytes.iter().fold(String::from("pw"), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_passwords_differ_by_role_and_secret() {
        assert_eq!(derived("a", "gateway"), derived("a", "gateway"));
        assert_ne!(derived("a", "gateway"), derived("a", "api"));
        assert_ne!(derived("a", "gateway"), derived("b", "gateway"));
        assert_ne!(derived("ab", "c"), derived("a", "bc"));
    }
}

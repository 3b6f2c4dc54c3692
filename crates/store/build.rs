//! Recompiles when a migration is added: `migrate!` reads the directory, and cargo does not know.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}

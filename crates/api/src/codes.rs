//! Which refusals each operation has: what it takes decides most of them, a table the rest.
//!
//! The documents list them. In debug builds, and so in all tests against real servers, an answer with another one is logged
//! as an error, which fails the test.

use std::collections::HashMap;
use std::sync::OnceLock;

use relay_protocol::ErrorCode as E;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::{OpenApi, Ref, RefOr, ResponseBuilder};

/// What only this operation refuses, by its `operationId`.
const OWN: &[(&str, &[E])] = &[
    ("register", &[E::PasswordTooGuessable, E::HandleTaken, E::HandleReserved, E::Busy]),
    ("login", &[E::BadCredentials, E::Busy]),
    ("refresh", &[E::Unauthenticated, E::SessionRevoked, E::RefreshReused]),
    ("logout", &[E::UnknownSession]),
    ("logoutEverywhere", &[]),
    ("changePassword", &[E::BadCredentials, E::PasswordTooGuessable, E::Busy]),
    ("listSessions", &[]),
    ("revokeSession", &[E::UnknownSession]),
    ("findUser", &[E::UnknownUser]),
    ("me", &[E::UnknownUser]),
    ("changeProfile", &[E::UnknownUser]),
    ("getSettings", &[E::UnknownUser]),
    ("changeSettings", &[E::UnknownUser]),
    ("listConversations", &[E::Forbidden, E::Busy]),
    ("createConversation", &[E::BadId, E::NotMember, E::UnknownUser, E::GroupFull, E::TooManyConversations, E::TooManyInvitations]),
    ("getConversation", &[E::NotMember]),
    ("renameConversation", &[E::NotMember, E::Forbidden, E::DirectImmutable]),
    (
        "addMembers",
        &[
            E::BadId,
            E::NotMember,
            E::Forbidden,
            E::DirectImmutable,
            E::UnknownUser,
            E::GroupFull,
            E::TooManyConversations,
            E::TooManyInvitations,
        ],
    ),
    ("listMembers", &[E::BadId, E::NotMember]),
    ("hideConversation", &[E::NotMember]),
    ("unhideConversation", &[E::NotMember]),
    ("listInvitations", &[]),
    ("acceptInvitation", &[E::UnknownInvitation, E::GroupFull, E::TooManyConversations]),
    ("declineInvitation", &[E::UnknownInvitation]),
    ("getUser", &[E::UnknownUser]),
    ("lookUpUsers", &[E::BadId]),
    ("removeMember", &[E::NotMember, E::Forbidden, E::DirectImmutable, E::UnknownUser, E::OwnerMustHandOver]),
    ("setRole", &[E::NotMember, E::Forbidden, E::DirectImmutable, E::UnknownUser, E::OwnerMustHandOver]),
    ("markRead", &[E::NotMember]),
    ("markUnread", &[E::NotMember]),
    ("changeConversationSettings", &[E::NotMember, E::TooManyPinned, E::TooManyArchived]),
    ("putDraft", &[E::NotMember, E::TooManyDrafts]),
    ("getDraft", &[E::NotMember]),
    ("listDrafts", &[]),
    ("sync", &[E::Busy]),
    ("getReceipts", &[E::NotMember]),
    ("searchMessages", &[E::BadId, E::NotMember, E::Busy]),
    ("listReaders", &[E::BadId, E::NotMember, E::UnknownMessage, E::Busy]),
    (
        "postMessage",
        &[
            E::BadId,
            E::BadClientId,
            E::ClientIdAhead,
            E::EmptyMessage,
            E::MessageTooLong,
            E::UnsupportedBody,
            E::NotMember,
            E::UnknownMessage,
            E::MessageGone,
            E::NotAThreadRoot,
            E::QuotaExceeded,
            E::LogFull,
        ],
    ),
    (
        "editMessage",
        &[
            E::BadClientId,
            E::ClientIdAhead,
            E::EmptyMessage,
            E::MessageTooLong,
            E::UnsupportedBody,
            E::NotMember,
            E::UnknownMessage,
            E::MessageGone,
            E::NotSender,
            E::NotEditable,
            E::EditTooLate,
            E::TooManyEdits,
            E::QuotaExceeded,
            E::LogFull,
        ],
    ),
    (
        "deleteMessage",
        &[
            E::BadClientId,
            E::ClientIdAhead,
            E::NotMember,
            E::UnknownMessage,
            E::MessageGone,
            E::NotSender,
            E::Forbidden,
            E::DeleteTooLate,
            E::QuotaExceeded,
            E::LogFull,
        ],
    ),
    (
        "scheduleMessage",
        &[
            E::BadClientId,
            E::ClientIdAhead,
            E::EmptyMessage,
            E::MessageTooLong,
            E::UnsupportedBody,
            E::NotMember,
            E::UnknownUser,
            E::TooManyScheduled,
            E::AlreadySent,
        ],
    ),
    ("cancelScheduled", &[E::BadClientId, E::UnknownUser, E::UnknownScheduled, E::AlreadySent]),
    ("listScheduled", &[]),
    (
        "react",
        &[
            E::BadClientId,
            E::ClientIdAhead,
            E::BadEmoji,
            E::NotMember,
            E::UnknownMessage,
            E::MessageGone,
            E::TooManyReactions,
            E::AlreadyReacted,
            E::NotReacted,
            E::ConversationTooLarge,
            E::QuotaExceeded,
            E::LogFull,
        ],
    ),
    (
        "pinMessage",
        &[
            E::BadClientId,
            E::ClientIdAhead,
            E::NotMember,
            E::Forbidden,
            E::UnknownMessage,
            E::MessageGone,
            E::TooManyPins,
            E::AlreadyPinned,
            E::NotPinned,
            E::QuotaExceeded,
            E::LogFull,
        ],
    ),
    ("listPins", &[E::BadId, E::NotMember, E::Busy]),
    ("listReactions", &[E::BadId, E::BadEmoji, E::NotMember, E::UnknownMessage, E::Busy]),
    ("hideMessage", &[E::NotMember, E::UnknownMessage, E::TooManyHidden]),
    ("getMessage", &[E::NotMember, E::UnknownMessage]),
    ("getThread", &[E::NotMember, E::UnknownMessage, E::NotAThreadRoot, E::Busy]),
    ("followThread", &[E::NotMember, E::UnknownMessage, E::NotAThreadRoot]),
    ("markThreadRead", &[E::NotMember, E::UnknownMessage, E::NotAThreadRoot]),
    ("listThreads", &[E::Busy]),
    ("getMessageReceipts", &[E::NotMember, E::UnknownMessage]),
    ("listRevisions", &[E::NotMember, E::UnknownMessage, E::Busy]),
    ("listMessages", &[E::BadId, E::NotMember, E::Busy]),
];

/// What the middleware refuses, whatever the operation; `outcome_unknown` where something is changed.
const EVERYWHERE: &[E] =
    &[E::TokenInUrl, E::OriginRefused, E::RateLimited, E::TooManyConnections, E::Unavailable, E::OutcomeUnknown, E::Internal];
/// What a caller has to be to be let in.
const SIGNED_IN: &[E] = &[E::Unauthenticated, E::TokenExpired, E::SessionRevoked];
/// What can be wrong with any body.
const WITH_BODY: &[E] = &[E::MalformedFrame, E::FrameTooLarge, E::InvalidField];

/// The operation's codes in the registry's order; `None` when the table has no row for it.
fn codes_of(operation: &Operation) -> Option<Vec<E>> {
    let id = operation.operation_id.as_deref()?;
    let (_, own) = OWN.iter().find(|(name, _)| *name == id)?;
    let has = |place: &ParameterIn| parameters(operation).any(|parameter| parameter.parameter_in == *place);
    let groups: [(bool, &[E]); 6] = [
        (true, own),
        (true, EVERYWHERE),
        (operation.security.is_some(), SIGNED_IN),
        (operation.request_body.is_some(), WITH_BODY),
        (has(&ParameterIn::Path), &[E::BadId]),
        (has(&ParameterIn::Query), &[E::InvalidField]),
    ];
    let may = |code: &E| groups.iter().any(|(applies, codes)| *applies && codes.contains(code));
    Some(E::ALL.iter().copied().filter(may).collect())
}

fn parameters(operation: &Operation) -> impl Iterator<Item = &Parameter> {
    let all = operation.parameters.iter().flatten();
    all.filter_map(|parameter| if let RefOr::T(parameter) = parameter { Some(parameter) } else { None })
}

/// Writes each operation's refusals into the document, by status; what a later version adds falls under `default`.
pub(crate) fn document(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            let codes = codes_of(operation).unwrap_or_default();
            let mut statuses: Vec<u16> = codes.iter().map(|code| code.http_status()).collect();
            statuses.sort_unstable();
            statuses.dedup();
            for status in statuses {
                let of_status = codes.iter().filter(|code| code.http_status() == status);
                let words: Vec<String> = of_status.map(|code| format!("`{code}`: {}", code.row().meaning)).collect();
                let problem = utoipa::openapi::Content::new(Some(Ref::from_schema_name("Problem")));
                let response = ResponseBuilder::new().description(words.join("\n\n")).content("application/problem+json", problem);
                operation.responses.responses.insert(status.to_string(), RefOr::T(response.build()));
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let all = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
    all.into_iter().filter_map(Option::as_mut)
}

/// Whether the documents say that this route may refuse so. What is no operation of ours is not in the documents.
pub(crate) fn is_documented(method: &str, route: &str, code: E) -> bool {
    static ROUTES: OnceLock<HashMap<(String, String), Vec<E>>> = OnceLock::new();
    let routes = ROUTES.get_or_init(|| {
        let mut routes = HashMap::new();
        for (path, mut item) in crate::routes::api().into_openapi().paths.paths {
            let methods = [("GET", item.get.take()), ("PUT", item.put.take()), ("POST", item.post.take())];
            for (method, operation) in methods.into_iter().chain([("DELETE", item.delete.take()), ("PATCH", item.patch.take())]) {
                if let Some(codes) = operation.as_ref().and_then(codes_of) {
                    routes.insert((method.to_owned(), path.clone()), codes);
                }
            }
        }
        routes
    });
    routes.get(&(method.to_owned(), route.to_owned())).is_none_or(|codes| codes.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_its_row_and_every_row_its_operation() {
        let mut document = crate::routes::api().into_openapi();
        let mut ids = Vec::new();
        for (path, item) in &mut document.paths.paths {
            for operation in operations(item) {
                let id = operation.operation_id.clone().unwrap_or_default();
                assert!(codes_of(operation).is_some(), "{path}: {id:?} has no row in OWN");
                for parameter in parameters(operation) {
                    let in_path = path.contains(&format!("{{{}}}", parameter.name));
                    assert_eq!(parameter.parameter_in == ParameterIn::Path, in_path, "{path}: {}", parameter.name);
                }
                ids.push(id);
            }
        }
        let mut rows: Vec<_> = OWN.iter().map(|(id, _)| (*id).to_owned()).collect();
        ids.sort_unstable();
        rows.sort_unstable();
        assert_eq!(rows, ids);
    }

    #[test]
    fn an_operation_has_the_codes_of_what_it_takes() {
        assert!(is_documented("POST", "/v1/messages", E::MessageTooLong));
        assert!(is_documented("POST", "/v1/messages", E::TokenExpired));
        assert!(!is_documented("POST", "/v1/messages", E::HandleTaken));
        assert!(!is_documented("POST", "/v1/auth/login", E::TokenExpired));
        assert!(!is_documented("GET", "/v1/users/me", E::InvalidField));
        assert!(is_documented("GET", "/openapi.json", E::InvalidField), "not an operation");
    }
}

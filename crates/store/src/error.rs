//! From the driver's errors to the domain's, in one place.

use relay_domain::ports::StoreError;

/// Names of constraints that callers can run into, as spelled in `migrations/`.
pub(crate) mod constraint {
    pub(crate) const USERS_HANDLE: &str = "users_handle_key";
}

/// What violated which constraint, if that is what went wrong.
pub(crate) fn violated(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error().and_then(sqlx::error::DatabaseError::constraint)
}

/// Whether the statement's data was refused (SQLSTATE classes 22 and 23): trying again gives the same answer.
pub(crate) fn is_about_data(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
}

/// Whether the database is there, and has no room for one more connection.
pub(crate) fn is_full(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "53300")
}

/// Everything that no caller can fix. Postgres may quote values in messages about data; those are left out.
pub(crate) fn unavailable(error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::Database(database) if is_about_data(&error) => StoreError::new(format!(
            "the database refused the data (SQLSTATE {}, constraint {})",
            database.code().unwrap_or_default(),
            database.constraint().unwrap_or("none")
        )),
        // Its words are all there is to it.
        sqlx::Error::Database(_) => StoreError::new(error.to_string()),
        sqlx::Error::PoolTimedOut => StoreError::new("no connection became free or could be made in time"),
        _ => StoreError::new(error),
    }
}

/// A row that cannot be what we wrote.
pub(crate) fn unreadable(what: &str) -> StoreError {
    StoreError::new(format!("the database holds an unreadable {what}"))
}
